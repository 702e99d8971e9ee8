/* A block of rows into the files of a part, column by column. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/file_at.h"
#include "data/deal_lanes.h"
#include "data/short_words.h"
#include "file/packed_parts.h"

/* ---- A column of a block ---- */

static int64_t *list_start(const mmoe_packer *p, int32_t row, int32_t list) {
    return p->pending.offsets + (int64_t)row * p->set->stored->n_list + list;
}

/* Where each lane's elements of a list column begin among the block's, and their end. */
static void find_lanes(const mmoe_packer *p, int32_t list, int64_t begins[MMOE_LANES + 1]) {
    const int32_t rows = p->pending.rows;
    memset(begins, 0, (MMOE_LANES + 1) * sizeof *begins);
    for (int32_t row = 0; row < rows; row++) {
        const int64_t *at = list_start(p, row, list);
        begins[row % MMOE_LANES + 1] += at[1] - at[0];
    }
    for (int32_t lane = 0; lane < MMOE_LANES; lane++) begins[lane + 1] += begins[lane];
}

/* Writes where the lists of a column begin in the file; the block's first list begins at `first`.
 */
static void put_starts(const mmoe_packer *p, int32_t list, int64_t first, int64_t *starts) {
    const int32_t rows = p->pending.rows;
    int64_t next[MMOE_LANES + 1];
    find_lanes(p, list, next);
    starts[0] = first;
    for (int32_t row = 0; row < rows; row++) {
        const int64_t *at = list_start(p, row, list);
        next[row % MMOE_LANES] += at[1] - at[0];
        starts[mmoe_lane_place(row, rows) + 1] = first + next[row % MMOE_LANES];
    }
}

/* Writes the elements lane by lane, each row's behind those of the lane's row before. */
static int64_t put_elements(const mmoe_packer *p, int32_t list, const uint32_t *from,
                            mmoe_desk *to) {
    const int64_t end = *list_start(p, p->pending.rows, 0);
    int64_t next[MMOE_LANES];
    find_lanes(p, list, to->lanes);
    memcpy(next, to->lanes, sizeof next);
    for (int32_t row = 0; row < p->pending.rows; row++) {
        const int32_t lane = row % MMOE_LANES;
        const int64_t *at = list_start(p, row, list), first = next[lane], count = at[1] - at[0],
                      in_lane = to->lanes[lane + 1] - first, left = end - at[0];
        if (count)
            mmoe_copy_few((uint32_t *)(void *)to->bytes + first, from + at[0], count,
                          in_lane < left ? in_lane : left);
        next[lane] = first + count;
    }
    return to->lanes[MMOE_LANES];
}

/* `from`: of the first row, the others' `stride` words apart. */
static int64_t put_words(const mmoe_packer *p, const mmoe_stored_column *c, const void *from,
                         int32_t stride, mmoe_desk *to) {
    const int32_t rows = p->pending.rows, width = c->width;
    const uint32_t *row = from;
    uint32_t *out = (void *)to->bytes;
    if (rows == MMOE_BLOCK_ROWS && width == 1) {
        mmoe_words_to_lanes(row, (size_t)stride, out);
        return rows;
    }
    for (int32_t r = 0; r < rows; r++, row += stride)
        for (int32_t i = 0; i < width; i++) out[mmoe_lane_place(r, rows) * width + i] = row[i];
    return rows;
}

/* The values of the block in a column's file; returns how many. */
static int64_t put_column(const mmoe_packer *p, int32_t column, mmoe_desk *to) {
    const mmoe_stored *s = p->set->stored;
    const mmoe_stored_column *c = &s->columns[column];
    const mmoe_pending *from = &p->pending;
    switch (c->what) {
    case MMOE_STORED_IDS:
        return put_words(p, c, from->ids + c->at, s->n_id, to);
    case MMOE_STORED_INPUTS:
        return put_words(p, c, from->inputs + c->at, s->dense_width, to);
    case MMOE_STORED_LABEL:
        return put_words(p, c, from->labels + c->at, s->n_label, to);
    case MMOE_STORED_WEIGHT:
        return put_words(p, c, from->weights, 1, to);
    case MMOE_STORED_KEPT:
        return put_words(p, c, from->kept[c->at], 1, to);
    case MMOE_STORED_OFFSETS:
        put_starts(p, c->at, p->written[column + 1], (int64_t *)(void *)to->bytes);
        return from->rows + 1;
    case MMOE_STORED_ELEMENTS:
        return put_elements(p, c->at, (const void *)from->elements, to);
    case MMOE_STORED_ELEMENT_WEIGHTS:
        return put_elements(p, c->at, (const void *)from->element_weights, to);
    }
    return 0;
}

int mmoe_packer_open_file(const mmoe_packer *p, const char *name, int flags) {
    char *path = mmoe_packed_path(&p->alloc, mmoe_packer_part(p)->folder, name);
    const int fd = path ? open(path, O_WRONLY | O_CLOEXEC | flags, 0666) : -1;
    const int reason = path ? errno : ENOMEM;
    mmoe_release(&p->alloc, path);
    errno = reason;
    return fd;
}

mmoe_status mmoe_packer_fail(const mmoe_packer *p, const char *name, mmoe_error *err) {
    char path[1024];
    const int reason = errno;
    if (reason == ENOMEM) return mmoe_fail_memory(err, strlen(name));
    snprintf(path, sizeof path, "%s/%s", mmoe_packer_part(p)->folder, name);
    errno = reason;
    return mmoe_fail_system(err, path, "cannot write");
}

/* The checksums of a whole block's lanes, to their file. */
static bool write_lanes(const mmoe_packer *p, int32_t column, int64_t block,
                        const mmoe_desk *from) {
    const mmoe_stored *s = p->set->stored;
    const mmoe_stored_column *c = &s->columns[column];
    const size_t each = mmoe_stored_size(c->what) * (size_t)c->width;
    const bool is_list = c->what == MMOE_STORED_ELEMENTS || c->what == MMOE_STORED_ELEMENT_WEIGHTS;
    uint64_t sums[MMOE_LANES];
    for (int32_t lane = 0; lane < MMOE_LANES; lane++) {
        const int32_t row = lane * MMOE_LANE_ROWS, end = row + MMOE_LANE_ROWS;
        const int64_t first = is_list ? from->lanes[lane] : row,
                      behind =
                          is_list ? from->lanes[lane + 1] : end + (c->what == MMOE_STORED_OFFSETS);
        sums[lane] = mmoe_stored_lane_sum(block, lane, from->bytes + (size_t)first * each,
                                          (size_t)(behind - first) * each);
    }
    const int64_t at =
        ((block - mmoe_packer_part(p)->first_block) * s->n_column + column) * MMOE_LANES;
    const int fd = mmoe_packer_open_file(p, MMOE_STORED_LANES, 0);
    const bool good = fd >= 0 && mmoe_write_at(fd, (const void *)sums, sizeof sums,
                                               MMOE_STORED_HEADER + at * (int64_t)sizeof *sums);
    const int reason = errno;
    if (fd >= 0) close(fd);
    errno = reason;
    return good;
}

/* Files without names are this process's alone: the fewer bytes they have, the later the system has
 * to wait for its disk. Each block keeps its place, with a hole behind it. Returns how many. */
static size_t shorten(const mmoe_packer *p, int32_t column, int64_t block, void *bytes,
                      size_t size) {
    const mmoe_stored *s = p->set->stored;
    const mmoe_stored_part *part = mmoe_packer_part(p);
    const size_t words = size / sizeof(uint32_t), rows = (size_t)p->pending.rows;
    uint8_t *form = &part->forms[(block - part->first_block) * s->n_column + column];
    if (!size) return size;
    if (s->columns[column].what == MMOE_STORED_OFFSETS) {
        *form = mmoe_offsets_shorten(bytes, rows);
        return mmoe_offsets_size(*form, rows);
    }
    *form = mmoe_words_form(bytes, words);
    mmoe_words_shorten(bytes, words, *form);
    return mmoe_words_size(*form, words);
}

/* A task of a block: one column. */
static void write_column(void *context, int worker, int index) {
    mmoe_packer *p = context;
    const int32_t column = p->chosen[index];
    const mmoe_stored *s = p->set->stored;
    const mmoe_stored_column *c = &s->columns[column];
    mmoe_stored_part *part = mmoe_packer_part(p);
    mmoe_desk *to = &p->desks[worker];
    const int64_t block = part->first_block + part->rows / MMOE_BLOCK_ROWS,
                  count = put_column(p, column, to);
    const size_t each = mmoe_stored_size(c->what) * (size_t)c->width, size = (size_t)count * each;
    part->checksums[(block - part->first_block) * s->n_column + column] =
        mmoe_checksum_hash((uint64_t)block, to->bytes, size);
    const size_t in_file = part->files ? shorten(p, column, block, to->bytes, size) : size;
    const int fd = part->files ? part->files[column] : mmoe_packer_open_file(p, c->file, 0);
    const bool good =
        fd >= 0 && mmoe_write_at(fd, to->bytes, in_file,
                                 MMOE_STORED_HEADER + p->written[column] * (int64_t)each);
    p->statuses[column] = good ? MMOE_OK : mmoe_packer_fail(p, c->file, &p->faults[column]);
    if (fd >= 0 && !part->files) close(fd);
    if (good && !part->files && p->pending.rows == MMOE_BLOCK_ROWS &&
        !write_lanes(p, column, block, to))
        p->statuses[column] = mmoe_packer_fail(p, MMOE_STORED_LANES, &p->faults[column]);
}

/* ---- A block ---- */

static mmoe_status make_elements_room(mmoe_packer *p, mmoe_error *err) {
    mmoe_stored *s = p->set->stored;
    const size_t blocks = (size_t)(mmoe_packer_part(p)->first_block +
                                   mmoe_packer_part(p)->rows / MMOE_BLOCK_ROWS) +
                          1,
                 more = 2 * blocks + 16;
    if (blocks <= p->elements_room) return MMOE_OK;
    int64_t *grown = mmoe_resize(&p->alloc, s->elements, p->elements_room, more, sizeof *grown);
    if (!grown) return mmoe_fail_memory(err, more * sizeof *grown);
    s->elements = grown;
    p->elements_room = more;
    return MMOE_OK;
}

mmoe_status mmoe_packer_make_desks(mmoe_packer *p, size_t size, mmoe_error *err) {
    for (int w = 0; size > p->desk_size && w < p->workers; w++) {
        char *grown = mmoe_resize(&p->alloc, p->desks[w].bytes, p->desk_size, size, 1);
        if (!grown) return mmoe_fail_memory(err, size);
        p->desks[w].bytes = grown;
    }
    if (size > p->desk_size) p->desk_size = size;
    return MMOE_OK;
}

static bool make_forms(const mmoe_packer *p, size_t blocks) {
    mmoe_stored_part *part = mmoe_packer_part(p);
    uint8_t *grown = mmoe_resize(&p->alloc, part->forms, p->blocks_room, blocks,
                                 (size_t)p->set->stored->n_column);
    if (grown) part->forms = grown;
    return grown;
}

static mmoe_status make_room(mmoe_packer *p, mmoe_error *err) {
    const mmoe_stored *s = p->set->stored;
    mmoe_stored_part *part = mmoe_packer_part(p);
    const size_t blocks = (size_t)(part->rows / MMOE_BLOCK_ROWS) + 1, more = 2 * blocks + 16;
    if (blocks > p->blocks_room) {
        uint64_t *grown = mmoe_resize(&p->alloc, part->checksums, p->blocks_room, more,
                                      (size_t)s->n_column * sizeof *grown);
        if (!grown) return mmoe_fail_memory(err, more * (size_t)s->n_column * sizeof *grown);
        part->checksums = grown;
        if (part->files && !make_forms(p, more)) return mmoe_fail_memory(err, more);
        p->blocks_room = more;
    }
    return mmoe_packer_make_desks(p, p->pending.room * sizeof(float), err);
}

/* Of the lists of a column. */
static int64_t count_elements(const mmoe_packer *p, int32_t list) {
    int64_t count = 0;
    for (int32_t row = 0; row < p->pending.rows; row++) {
        const int64_t *at = list_start(p, row, list);
        count += at[1] - at[0];
    }
    return count;
}

/* Values of each file after the block. */
void mmoe_packer_count_written(mmoe_packer *p) {
    const mmoe_stored *s = p->set->stored;
    for (int32_t c = 0; c < s->n_column; c++) {
        const mmoe_stored_column *column = &s->columns[c];
        if (column->what == MMOE_STORED_ELEMENTS)
            p->written[c] += count_elements(p, column->at);
        else if (column->what == MMOE_STORED_ELEMENT_WEIGHTS)
            p->written[c] = p->written[c - 1];
        else
            p->written[c] += p->pending.rows;
    }
}

mmoe_status mmoe_packer_write_chosen(mmoe_packer *p, mmoe_error *err) {
    if (p->what.pool)
        mmoe_pool_run(p->what.pool, p->n_chosen, write_column, p);
    else
        for (int32_t i = 0; i < p->n_chosen; i++) write_column(p, 0, i);
    for (int32_t i = 0; i < p->n_chosen; i++) {
        const int32_t column = p->chosen[i];
        if (!p->statuses[column]) continue;
        if (err) *err = p->faults[column];
        return p->statuses[column];
    }
    return MMOE_OK;
}

/* Inputs that wait are not there yet. */
static void choose(mmoe_packer *p) {
    const mmoe_stored *s = p->set->stored;
    p->n_chosen = 0;
    for (int32_t c = 0; c < s->n_column; c++)
        if (!p->numbers_wait || s->columns[c].what != MMOE_STORED_INPUTS)
            p->chosen[p->n_chosen++] = c;
}

mmoe_status mmoe_packer_write_block(mmoe_packer *p, mmoe_error *err) {
    const mmoe_stored *s = p->set->stored;
    mmoe_status status = make_room(p, err);
    if (!status) status = make_elements_room(p, err);
    if (status) return status;
    choose(p);
    status = mmoe_packer_write_chosen(p, err);
    if (status) return status;
    mmoe_packer_count_written(p);
    s->elements[mmoe_packer_part(p)->first_block + mmoe_packer_part(p)->rows / MMOE_BLOCK_ROWS] =
        p->pending.offsets[(int64_t)p->pending.rows * s->n_list];
    mmoe_packer_part(p)->rows += p->pending.rows;
    p->pending.rows = 0;
    return MMOE_OK;
}
