/* More rows than 32 bits count, of which a few blocks are there and the others are holes. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "succeeds.h"

#include "base/checksum.h"
#include "data/dataset.h"
#include "data/source.h"
#include "train/checkpoint_place.h"

static mmoe_allocator plain;

static mmoe_rows next_rows(mmoe_source *s, int32_t most) {
    mmoe_rows got;
    SUCCEEDS(mmoe_source_next(s, most, &got, &err));
    return got;
}

/* An id and a label a row in files that are holes but for the blocks that are put. */
static mmoe_dataset *large_set(int64_t of) {
    static const mmoe_stored_column columns[] = {{MMOE_STORED_IDS, 0, 1, NULL},
                                                 {MMOE_STORED_LABEL, 0, 1, NULL}};
    const mmoe_allocator *a = &plain;
    plain = mmoe_allocator_or_default(NULL);
    mmoe_dataset *set = mmoe_alloc_zero(a, 1, sizeof *set);
    mmoe_stored *s = mmoe_alloc_zero(a, 1, sizeof *s);
    *set = (mmoe_dataset){.alloc = *a, .rows = of, .n_sparse = 1, .n_id = 1, .n_label = 1};
    set->stored = s;
    set->most_id = mmoe_alloc_zero(a, 1, sizeof(int32_t));
    set->most_id[0] = INT32_MAX;
    *s = (mmoe_stored){.alloc = *a, .rows = of, .n_id = 1, .n_label = 1, .n_column = 2};
    s->most_id = set->most_id;
    s->columns = mmoe_alloc(a, 2, sizeof *s->columns);
    memcpy(s->columns, columns, sizeof columns);
    for (int c = 0; c < 2; c++) s->columns[c].file = mmoe_copy_text(a, "x", 1);
    s->parts = mmoe_alloc_zero(a, 1, sizeof *s->parts);
    s->n_part = 1;
    s->parts->folder = mmoe_copy_text(a, "/tmp", 4);
    s->parts->rows = s->parts->written = of;
    s->parts->checksums = mmoe_alloc_zero(a, 2 * (size_t)mmoe_blocks_of(of), sizeof(uint64_t));
    SUCCEEDS(mmoe_stored_open_unnamed(s, s->parts, &err));
    for (int c = 0; c < 2; c++)
        ck_assert_int_eq(ftruncate(s->parts->files[c], MMOE_STORED_HEADER + 4 * of), 0);
    return set;
}

/* The id of row r is the lower bits of r + 1. */
static int32_t large_id(int64_t row) { return (int32_t)((row + 1) & 0xFFFFF); }

static void put_block(const mmoe_dataset *set, int64_t block) {
    static int32_t ids[MMOE_BLOCK_ROWS];
    static const float zeros[MMOE_BLOCK_ROWS];
    mmoe_stored_part *part = set->stored->parts;
    const int32_t n = mmoe_block_rows(set->rows, block);
    const int64_t first = block * MMOE_BLOCK_ROWS;
    for (int32_t r = 0; r < n; r++) ids[mmoe_lane_place(r, n)] = large_id(first + r);
    const size_t size = (size_t)n * 4;
    ck_assert_int_eq(pwrite(part->files[0], ids, size, MMOE_STORED_HEADER + 4 * first),
                     (ssize_t)size);
    part->checksums[2 * block] = mmoe_checksum_hash((uint64_t)block, ids, size);
    part->checksums[2 * block + 1] = mmoe_checksum_hash((uint64_t)block, zeros, size);
}

static const int64_t large = ((int64_t)1 << 32) + 70000;

START_TEST(more_rows_than_32_bits_count) {
    mmoe_dataset *set = large_set(large);
    const int64_t seam = (int64_t)1 << 32, place = seam - 5;
    for (int64_t b = (seam - MMOE_WINDOW_ROWS) / MMOE_BLOCK_ROWS; b < mmoe_blocks_of(large); b++)
        put_block(set, b);
    mmoe_source *s;
    SUCCEEDS(mmoe_source_open(&(mmoe_source_order){set, false, 7, 100}, &plain, &s, &err));
    ck_assert_int_eq(mmoe_source_count(s), large);
    SUCCEEDS(mmoe_source_seek(s, place, &err));
    int64_t row = place;
    for (mmoe_rows got = next_rows(s, 100); got.rows > 0; got = next_rows(s, 100)) {
        for (int32_t i = 0; i < got.rows; i++, row++)
            ck_assert_int_eq(got.ids[mmoe_row_of(&got, i)], large_id(row));
        ck_assert_int_eq(mmoe_source_place(s), row);
    }
    ck_assert_int_eq(row, large);
    mmoe_source_free(s);
    mmoe_dataset_free(set);
}
END_TEST

/* The window of an epoch that has the last block, and where it begins. */
static int64_t window_of_last(const mmoe_order *o, int64_t *first) {
    const int64_t last = o->blocks - 1;
    for (int64_t w = *first = 0; w < o->windows; *first += mmoe_order_window_rows(o, w++))
        for (int32_t slot = 0; slot < MMOE_WINDOW_BLOCKS; slot++)
            if (mmoe_order_block(o, w, slot) == last) return w;
    ck_abort_msg("no window has block %lld", (long long)last);
    return -1;
}

START_TEST(their_order_has_each_block_once) {
    mmoe_dataset *set = large_set(large);
    mmoe_order o = {.rows = large, .shuffles = true, .seed = 7};
    int64_t first, blocks = 0, ids = 0, wanted = 0;
    SUCCEEDS(mmoe_order_create(&o, &plain, &err));
    mmoe_order_begin(&o, 3);
    unsigned char *seen = calloc((size_t)o.blocks, 1);
    for (int64_t b = 0; b < o.windows * MMOE_WINDOW_BLOCKS; b++) {
        const int64_t block =
            mmoe_order_block(&o, b / MMOE_WINDOW_BLOCKS, (int32_t)(b % MMOE_WINDOW_BLOCKS));
        if (block >= 0) blocks += !seen[block]++;
    }
    ck_assert_int_eq(blocks, mmoe_blocks_of(large));
    const int64_t window = window_of_last(&o, &first);
    for (int32_t slot = 0; slot < MMOE_WINDOW_BLOCKS; slot++) {
        const int64_t block = mmoe_order_block(&o, window, slot);
        if (block >= 0) put_block(set, block);
        for (int32_t r = 0; block >= 0 && r < mmoe_block_rows(large, block); r++)
            wanted += large_id(block * MMOE_BLOCK_ROWS + r);
    }
    mmoe_source *s;
    SUCCEEDS(mmoe_source_open(&(mmoe_source_order){set, true, 7, 100}, &plain, &s, &err));
    SUCCEEDS(mmoe_source_begin(s, 3, &err));
    SUCCEEDS(mmoe_source_seek(s, first, &err));
    for (int32_t left = mmoe_order_window_rows(&o, window), n = 0; left; left -= n) {
        const mmoe_rows got = next_rows(s, n = left < 100 ? left : 100);
        for (int32_t i = 0; i < n; i++) ids += got.ids[mmoe_row_of(&got, i)];
    }
    ck_assert_int_eq(ids, wanted);
    mmoe_source_free(s);
    free(seen);
    mmoe_order_finish(&o, &plain);
    mmoe_dataset_free(set);
}
END_TEST

/* A checkpoint has a place among so many, and rows in memory that an epoch shuffles are fewer. */
START_TEST(their_places_are_kept) {
    mmoe_run_place p = {0};
    mmoe_place_field fields[MMOE_PLACE_FIELDS];
    mmoe_place_fields(1, &p, fields);
    for (int i = 0; i < MMOE_PLACE_FIELDS; i++) {
        if (strcmp(fields[i].name, "row")) continue;
        ck_assert(mmoe_place_set(&fields[i], (mmoe_place_cell){.integer = large - 3}));
        ck_assert_int_eq(mmoe_place_value(&fields[i]).integer, large - 3);
    }
    ck_assert_int_eq(p.at.row, large - 3);
    mmoe_source *s;
    mmoe_error err;
    const mmoe_dataset set = {.rows = large};
    ck_assert_int_eq(mmoe_source_open(&(mmoe_source_order){&set, true, 7, 100}, &plain, &s, &err),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "rows are too many to shuffle"));
}
END_TEST

void add_cases(TCase *c) {
    plain = mmoe_allocator_or_default(NULL);
    tcase_add_test(c, more_rows_than_32_bits_count);
    tcase_add_test(c, their_order_has_each_block_once);
    tcase_add_test(c, their_places_are_kept);
}
