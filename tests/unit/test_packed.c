/* Packed data: rows in a folder are the rows that were packed, in any order and way of reading. */
#include "check_main.h"
#include "packed_support.h"

#include "base/checksum.h"
#include "data/sample.h"
#include "data/source.h"

enum { BATCH = 1000 };

/* ---- Sources ---- */

static uint64_t hash_row(uint64_t h, const mmoe_rows *b, int32_t i) {
    const size_t row = mmoe_row_of(b, i);
    const mmoe_list list = mmoe_list_of(&b->lists, row, 0);
    const size_t n = (size_t)list.count;
    h = mmoe_checksum_hash(h, b->ids + row * b->id_stride, 2 * sizeof(int32_t));
    h = mmoe_checksum_hash(h, b->dense + row * b->dense_stride, 2 * sizeof(float));
    h = mmoe_checksum_hash(h, b->labels + row * b->label_stride, 2 * sizeof(float));
    h = mmoe_checksum_hash(h, b->weights + row, sizeof(float));
    h = mmoe_checksum_hash(h, list.ids, n * sizeof *list.ids);
    return mmoe_checksum_hash(h, list.weights, n * sizeof *list.weights);
}

static mmoe_rows next_rows(mmoe_source *s) {
    mmoe_rows b;
    SUCCEEDS(mmoe_source_next(s, BATCH, &b, &err));
    return b;
}

/* From a place of an epoch on, `batches` at most; all rows that come as one number. */
static uint64_t hash_epoch(mmoe_source *s, int32_t epoch, int64_t place, int64_t batches) {
    uint64_t h = 1;
    int64_t seen = place;
    SUCCEEDS(mmoe_source_begin(s, epoch, &err));
    SUCCEEDS(mmoe_source_seek(s, place, &err));
    for (mmoe_rows b = next_rows(s); b.rows && batches; batches--) {
        seen += b.rows;
        ck_assert_int_eq(mmoe_source_place(s), seen);
        for (int32_t i = 0; i < b.rows; i++) h = hash_row(h, &b, i);
        b = next_rows(s);
    }
    return h;
}

static mmoe_source *source_of(const mmoe_dataset *set, bool shuffles) {
    static mmoe_allocator plain;
    mmoe_source *made;
    plain = mmoe_allocator_or_default(NULL);
    SUCCEEDS(mmoe_source_open(&(mmoe_source_order){set, shuffles, 5, BATCH}, &plain, &made, &err));
    return made;
}

/* ---- Cases ---- */

START_TEST(rows_come_in_the_same_order) {
    mmoe_dataset *streamed = open_packed(MMOE_PACKED_STREAMED);
    for (int shuffles = THREADS_ALONE; shuffles < 2; shuffles++) {
        mmoe_source *memory = source_of(rows, shuffles), *stored = source_of(streamed, shuffles);
        ck_assert_int_eq(mmoe_source_count(stored), ROWS);
        ck_assert_uint_eq(hash_epoch(stored, shuffles, 0, INT64_MAX),
                          hash_epoch(memory, shuffles, 0, INT64_MAX));
        const int64_t places[] = {1, 262143, 262144, 300001, ROWS - 1, ROWS};
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
            ck_assert_uint_eq(hash_epoch(stored, 3, places[i], 3),
                              hash_epoch(memory, 3, places[i], 3));
        mmoe_source_free(memory);
        mmoe_source_free(stored);
    }
    mmoe_dataset_free(streamed);
}
END_TEST

/* Each row once an epoch, and rows of each window from the whole file. */
START_TEST(an_epoch_has_each_row_once) {
    static unsigned char seen[ROWS];
    mmoe_source *s = source_of(rows, true);
    memset(seen, 0, sizeof seen);
    SUCCEEDS(mmoe_source_begin(s, 1, &err));
    for (mmoe_rows b = next_rows(s); b.rows; b = next_rows(s))
        for (int32_t i = 0; i < b.rows; i++)
            seen[(int64_t)b.dense[mmoe_row_of(&b, i) * b.dense_stride]]++;
    for (int64_t r = 0; r < ROWS; r++) ck_assert_int_eq(seen[r], 1);
    mmoe_source_free(s);
}
END_TEST

/* Labels and weights come block by block. */
START_TEST(targets_are_read_alone) {
    mmoe_dataset *streamed = open_packed(MMOE_PACKED_STREAMED);
    mmoe_targets t;
    int64_t count = 0;
    SUCCEEDS(mmoe_targets_open(&t, streamed, &err));
    for (;;) {
        SUCCEEDS(mmoe_targets_next(&t, &err));
        if (!t.rows) break;
        ck_assert_int_eq(t.first, count);
        ck_assert_mem_eq(t.labels, rows->labels + 2 * count, (size_t)t.rows * 2 * sizeof(float));
        ck_assert_mem_eq(t.weights, rows->weights + count, (size_t)t.rows * sizeof(float));
        count += t.rows;
    }
    ck_assert_int_eq(count, ROWS);
    mmoe_targets_close(&t);
    ck_assert(isnan(mmoe_dataset_label(streamed, 0, 1)));
    mmoe_batch batch;
    ck_assert_int_eq(mmoe_dataset_batch(streamed, 0, 1, &batch, NULL), MMOE_E_ARGUMENT);
    mmoe_dataset_free(streamed);
}
END_TEST

/* A column's file, with what it has been given instead of a piece of it. */
typedef struct damage {
    const char *file;
    long at; /* -1: cut off by a byte */
} damage;

START_TEST(damage_is_found_and_named) {
    static const damage damages[] = {{"part-0/000-a.npy", 200},
                                     {"part-0/002-l.offsets.npy", 128 + 8 * 70000},
                                     {"part-0/003-l.values.npy", 5000},
                                     {"part-0/005-d.npy", -1},
                                     {"part-0/007-x.label.npy", 128 + 4 * 500000},
                                     {"part-0/checksums.npy", 128 + 8},
                                     {"part-0/009-w.npy", 3},
                                     {"schema.safetensors", 60},
                                     {"manifest.json", 12}};
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        char path[256];
        size_t size;
        mmoe_error err = {0};
        snprintf(path, sizeof path, "%s/%s", packed, damages[i].file);
        char *bytes = get_file(path, &size), kept = 0;
        const size_t at = damages[i].at < 0 ? size - 1 : (size_t)damages[i].at;
        kept = bytes[at];
        bytes[at] ^= 1;
        put_file(path, bytes, damages[i].at < 0 ? size - 1 : size);
        const mmoe_status status = refusal(MMOE_PACKED_LOADED, &err);
        ck_assert_msg(status == MMOE_E_FORMAT || status == MMOE_E_IO, "%s: %d", path, status);
        ck_assert_ptr_nonnull(strstr(err.message, packed));
        bytes[at] = kept;
        put_file(path, bytes, size);
        free(bytes);
    }
    ck_assert_int_eq(refusal(MMOE_PACKED_LOADED, NULL), MMOE_OK);
}
END_TEST

/* Another digit, word or sign of the manifest is never the rows of another folder. */
START_TEST(each_byte_of_the_manifest_counts) {
    static const char key[] = "\"checksum\"";
    size_t size;
    char path[256];
    snprintf(path, sizeof path, "%s/manifest.json", packed);
    char *bytes = get_file(path, &size), *word = strstr(bytes, key);
    ck_assert_ptr_nonnull(word);
    for (size_t i = 0; i < size; i += THREADS_ALONE ? 7 : 1) {
        mmoe_error why = {0};
        if (bytes + i >= word && bytes + i < word + sizeof key - 1) continue; /* it has none then */
        bytes[i] ^= 1;
        put_file(path, bytes, size);
        bytes[i] ^= 1;
        ck_assert_msg(refusal(MMOE_PACKED_STREAMED, &why) != MMOE_OK, "byte %zu", i);
        ck_assert_ptr_nonnull(strstr(why.message, path));
    }
    put_file(path, bytes, size);
    free(bytes);
    ck_assert_int_eq(refusal(MMOE_PACKED_STREAMED, NULL), MMOE_OK);
}
END_TEST

/* A whole line of the manifest for another; NULL: none. */
static mmoe_status refusal_of(const char *key, const char *line, mmoe_error *why) {
    size_t size;
    char path[256];
    snprintf(path, sizeof path, "%s/manifest.json", packed);
    char *bytes = get_file(path, &size), *begin = strstr(bytes, key);
    ck_assert_ptr_nonnull(begin);
    char *end = strchr(begin, '\n') + 1, *other = malloc(size + 100);
    const size_t before = (size_t)(begin - bytes), with = line ? strlen(line) : 0;
    memcpy(other, bytes, before);
    if (line) memcpy(other + before, line, with);
    memcpy(other + before + with, end, size - (size_t)(end - bytes));
    put_file(path, other, before + with + size - (size_t)(end - bytes));
    const mmoe_status status = refusal(MMOE_PACKED_STREAMED, why);
    put_file(path, bytes, size);
    free(other);
    free(bytes);
    return status;
}

START_TEST(a_manifest_says_what_became_of_it) {
    mmoe_error why = {0};
    ck_assert_int_eq(refusal_of("\"first_row\"", "\"first_row\": 99,\n", &why), MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(why.message, "restore it or pack the data anew"));
    ck_assert_ptr_nonnull(strstr(why.message, "delete its line \"checksum\""));
    ck_assert_int_eq(refusal_of("\"checksum\"", NULL, &why), MMOE_OK); /* an older one */
    ck_assert_int_eq(refusal_of("\"version\"", "\"version\": 2,\n", &why), MMOE_E_VERSION);
    ck_assert_ptr_nonnull(strstr(why.message, "manifest.json: written by a newer version, mmoe "));
    ck_assert_ptr_nonnull(strstr(why.message, "as packed data of version 2; mmoe "));
}
END_TEST

/* Nobody waits for a writer. */
START_TEST(pipes_in_the_place_of_files_are_refused) {
    static const char *const files[] = {"part-0/000-a.npy", "part-0/checksums.npy",
                                        "part-0/lanes.npy", "manifest.json", "schema.safetensors"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[256], wanted[320];
        mmoe_error why = {0};
        snprintf(path, sizeof path, "%s/%s", packed, files[i]);
        snprintf(wanted, sizeof wanted, "%s: cannot read: it is not a regular file", path);
        ck_assert_int_eq(rename(path, in_folder("aside")), 0);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        ck_assert_int_eq(refusal(MMOE_PACKED_STREAMED, &why), MMOE_E_IO);
        ck_assert_str_eq(why.message, wanted);
        ck_assert_int_eq(rename(in_folder("aside"), path), 0);
    }
    ck_assert_int_eq(refusal(MMOE_PACKED_LOADED, NULL), MMOE_OK);
}
END_TEST

/* ---- Files that change while rows are read ---- */

static const struct {
    const char *how, *fault; /* NULL: the rows are as they were */
} changes[] = {{"another byte", "are not as they were written"},
               {"another column's", "are not as they were written"},
               {"shorter", "are not in it: the file is cut off"},
               {"gone", "cannot read: No such file"},
               {"longer", NULL},
               {"touched", NULL},
               {"a pipe", "cannot read: it is not a regular file"}};
enum { CHANGES = sizeof changes / sizeof *changes, GONE = 3, PIPE = 6 };

/* Whoever opens the file has the old one or the new one. */
static void replace_file(const char *path, const char *bytes, size_t size) {
    put_file(in_folder("next"), bytes, size);
    ck_assert_int_eq(rename(in_folder("next"), path), 0);
}

/* Changes a column's file, of whose bytes there are so many. */
static void change_file(const char *path, const char *bytes, size_t size, int change) {
    char other[256];
    char *made = malloc(size + 1);
    ck_assert_ptr_nonnull(made);
    memcpy(made, bytes, size);
    made[size] = 1;
    made[128 + 4 * (ROWS - 1000)] ^= change == 0;
    snprintf(other, sizeof other, "%s/part-0/006-e.npy", packed);
    if (change == 1) {
        free(made);
        made = get_file(other, &size);
    }
    if (change == PIPE) {
        ck_assert_int_eq(mkfifo(in_folder("next"), 0600), 0);
        ck_assert_int_eq(rename(in_folder("next"), path), 0);
    } else if (change == GONE) {
        ck_assert_int_eq(unlink(path), 0);
    } else {
        replace_file(path, made, change == 2 ? size - 4000 : size + (change == 4));
    }
    free(made);
}

/* All rows of an epoch that has begun, as one number; those before a fault are counted. */
static mmoe_status hash_rest(mmoe_source *s, uint64_t *h, int64_t *count, mmoe_error *why) {
    mmoe_rows b;
    mmoe_status status = MMOE_OK;
    for (*h = 1, *count = 0; !status; *count += b.rows) {
        status = mmoe_source_next(s, BATCH, &b, why);
        if (status || !b.rows) break;
        for (int32_t i = 0; i < b.rows; i++) *h = hash_row(*h, &b, i);
    }
    return status;
}

static void check_fault(int change, mmoe_status status, const mmoe_error *why) {
    const bool io = change == GONE || change == PIPE;
    ck_assert_msg(status == (io ? MMOE_E_IO : MMOE_E_FORMAT), "%s", changes[change].how);
    ck_assert_ptr_nonnull(strstr(why->message, "p/part-0/005-d.npy"));
    ck_assert_msg(strstr(why->message, changes[change].fault) != NULL, "%s: %s",
                  changes[change].how, why->message);
}

/* What is wrong with a block is said where it is reached; rows before it have come. */
START_TEST(files_may_change_while_they_are_streamed) {
    char path[256];
    size_t size;
    mmoe_rows b;
    snprintf(path, sizeof path, "%s/part-0/005-d.npy", packed);
    char *bytes = get_file(path, &size);
    mmoe_dataset *streamed = open_packed(MMOE_PACKED_STREAMED);
    uint64_t plain = 0, found = 0;
    int64_t count;
    for (int change = -1; change < CHANGES; change++) {
        mmoe_error why = {0};
        mmoe_source *s = source_of(streamed, false);
        SUCCEEDS(mmoe_source_begin(s, 0, &err));
        SUCCEEDS(mmoe_source_next(s, BATCH, &b, &err)); /* the second window is being read */
        if (change >= 0) change_file(path, bytes, size, change);
        const mmoe_status status = hash_rest(s, change < 0 ? &plain : &found, &count, &why);
        mmoe_source_free(s);
        if (change >= 0) replace_file(path, bytes, size);
        if (change < 0 || !changes[change].fault) {
            ck_assert_int_eq(status, MMOE_OK);
            ck_assert_int_eq(count, ROWS - BATCH);
            ck_assert(change < 0 || found == plain);
            continue;
        }
        check_fault(change, status, &why);
        ck_assert(count == MMOE_WINDOW_ROWS / BATCH * BATCH - BATCH ||
                  count == 2 * MMOE_WINDOW_ROWS / BATCH * BATCH - BATCH);
    }
    mmoe_dataset_free(streamed);
    free(bytes);
}
END_TEST

/* The folder was opened, and is loaded then. */
START_TEST(files_may_change_before_they_are_loaded) {
    char path[256];
    size_t size;
    snprintf(path, sizeof path, "%s/part-0/005-d.npy", packed);
    char *bytes = get_file(path, &size);
    for (int change = 0; change < CHANGES; change++) {
        mmoe_error why = {0};
        mmoe_dataset *set = open_packed(MMOE_PACKED_STREAMED);
        change_file(path, bytes, size, change);
        const mmoe_status status = mmoe_dataset_load(set, 2, NULL, &why);
        replace_file(path, bytes, size);
        if (changes[change].fault) {
            check_fault(change, status, &why);
        } else {
            ck_assert_int_eq(status, MMOE_OK);
            ck_assert_mem_eq(set->dense, rows->dense, ROWS * 2 * sizeof *rows->dense);
        }
        mmoe_dataset_free(set);
    }
    free(bytes);
}
END_TEST

START_TEST(a_folder_without_a_manifest_is_none) {
    char path[256];
    mmoe_error why = {0};
    snprintf(path, sizeof path, "%s/manifest.json", packed);
    ck_assert_int_eq(mmoe_dataset_pack(rows, schema, packed, 1, NULL, &why), MMOE_E_IO);
    ck_assert_ptr_nonnull(strstr(why.message, "already"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(refusal(MMOE_PACKED_STREAMED, &why), MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(why.message, "not packed to the end"));
    SUCCEEDS(mmoe_dataset_pack(rows, schema, packed, 1, NULL, &err));
    ck_assert_int_eq(refusal(MMOE_PACKED_LOADED, NULL), MMOE_OK);
}
END_TEST

/* Rows in two goes are as in one. */
START_TEST(rows_may_come_in_pieces) {
    char other[160];
    mmoe_allocator plain = mmoe_allocator_or_default(NULL);
    snprintf(other, sizeof other, "%s/q", folder);
    mmoe_packer *p;
    SUCCEEDS(
        mmoe_packer_open(&(mmoe_packing){.folder = other, .schema = schema}, &plain, &p, &err));
    ck_assert_int_eq(mmoe_dataset_pack(rows, schema, other, 1, NULL, NULL), MMOE_E_IO);
    for (int64_t first = 0, count; first < ROWS; first += count) {
        count = first < 100000 ? 33333 : ROWS - first;
        mmoe_dataset *piece = make_rows(first, count);
        SUCCEEDS(mmoe_packer_add(p, piece, &err));
        mmoe_dataset_free(piece);
    }
    SUCCEEDS(mmoe_packer_close(p, MMOE_OK, NULL, &err));
    size_t size;
    char *mine = get_file(in_folder("q/part-0/checksums.npy"), &size),
         *theirs = get_file(in_folder("p/part-0/checksums.npy"), &size);
    ck_assert_mem_eq(mine, theirs, size);
    free(mine);
    free(theirs);
}
END_TEST

/* Rows that are added go behind those before: a folder of three parts has the rows of one. */
START_TEST(rows_may_be_added) {
    const int64_t counts[] = {100, 3 * MMOE_BLOCK_ROWS - 40, 50000};
    const mmoe_allocator plain = mmoe_allocator_or_default(NULL);
    char other[160];
    int64_t total = 0;
    snprintf(other, sizeof other, "%s/r", folder);
    for (int i = 0; i < 3; i++) {
        mmoe_packer *p;
        mmoe_dataset *piece = make_rows(total, counts[i]);
        SUCCEEDS(mmoe_packer_open(&(mmoe_packing){.folder = other, .schema = i ? NULL : schema},
                                  &plain, &p, &err));
        SUCCEEDS(mmoe_packer_add(p, piece, &err));
        SUCCEEDS(mmoe_packer_close(p, MMOE_OK, NULL, &err));
        mmoe_dataset_free(piece);
        total += counts[i];
    }
    mmoe_dataset *whole = make_rows(0, total), *parts;
    SUCCEEDS(mmoe_dataset_read_packed(schema, other, MMOE_PACKED_STREAMED, NULL, &parts, &err));
    ck_assert_int_eq(parts->rows, total);
    ck_assert_int_eq(parts->stored->n_part, 3);
    for (int shuffles = 0; shuffles < 2; shuffles++) {
        mmoe_source *memory = source_of(whole, shuffles), *stored = source_of(parts, shuffles);
        ck_assert_uint_eq(hash_epoch(stored, 1, 0, INT64_MAX), hash_epoch(memory, 1, 0, INT64_MAX));
        mmoe_source_free(memory);
        mmoe_source_free(stored);
    }
    mmoe_dataset_free(whole);
    mmoe_dataset_free(parts);
    /* The rows of a part that others took over end no list before the part's own. */
    size_t size;
    mmoe_error why = {0};
    char *bytes = get_file(in_folder("r/part-1/002-l.offsets.npy"), &size);
    memcpy(bytes + 128 + 3 * MMOE_BLOCK_ROWS * sizeof(int64_t), &(int64_t){INT64_MAX}, 8);
    put_file(in_folder("r/part-1/002-l.offsets.npy"), bytes, size);
    free(bytes);
    ck_assert_int_eq(
        mmoe_dataset_read_packed(schema, other, MMOE_PACKED_STREAMED, NULL, &parts, &why),
        MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(why.message, "part-1/002-l.offsets.npy: lists end before"));
}
END_TEST

/* A row of a sample, whose number its first input says, is that of the data set. */
static void assert_is_row(const mmoe_rows *sample, int32_t b, int64_t at) {
    const mmoe_rows of = mmoe_dataset_rows_of(rows, at, 1, NULL);
    const size_t row = mmoe_row_of(sample, b);
    const mmoe_list list = mmoe_list_of(&sample->lists, row, 0),
                    own = mmoe_list_of(&of.lists, 0, 0);
    const size_t n = (size_t)list.count;
    ck_assert_mem_eq(sample->ids + row * sample->id_stride, of.ids, 2 * sizeof(int32_t));
    ck_assert_mem_eq(sample->labels + row * sample->label_stride, of.labels, 2 * sizeof(float));
    ck_assert_int_eq(list.count, own.count);
    ck_assert_mem_eq(list.ids, own.ids, n * sizeof *list.ids);
    ck_assert_mem_eq(list.weights, own.weights, n * sizeof *list.weights);
}

START_TEST(a_sample_is_spread_over_the_rows) {
    enum { MOST = 3000 };
    const mmoe_allocator plain = mmoe_allocator_or_default(NULL);
    mmoe_dataset *streamed = open_packed(MMOE_PACKED_STREAMED);
    const mmoe_dataset *const sets[] = {rows, streamed};
    for (int i = 0; i < 2; i++) {
        mmoe_sample s;
        SUCCEEDS(mmoe_sample_take(sets[i], MOST, &plain, &s, &err));
        ck_assert_int_eq(s.rows.rows, MOST);
        int64_t last = -1, tenths = 0;
        for (int32_t b = 0; b < MOST; b++) {
            const int64_t at = (int64_t)s.rows.dense[mmoe_row_of(&s.rows, b) * s.rows.dense_stride];
            ck_assert_int_gt(at, last);
            assert_is_row(&s.rows, b, at);
            tenths |= INT64_C(1) << at * 10 / ROWS;
            last = at;
        }
        ck_assert_int_eq(tenths, i ? 0xa5 /* four blocks */ : 0x3ff);
        mmoe_sample_finish(&s);
    }
    mmoe_dataset_free(streamed);
}
END_TEST

/* A failure while rows are added leaves the folder as it was; meanwhile nobody else adds some. */
START_TEST(what_cannot_be_added_leaves_the_rows) {
    const mmoe_allocator plain = mmoe_allocator_or_default(NULL);
    mmoe_packer *p, *other = NULL;
    mmoe_error why = {0};
    SUCCEEDS(mmoe_packer_open(&(mmoe_packing){.folder = packed}, &plain, &p, &err));
    ck_assert_int_eq(mmoe_packer_open(&(mmoe_packing){.folder = packed}, &plain, &other, &why),
                     MMOE_E_IO);
    ck_assert_ptr_null(other);
    ck_assert_str_eq(why.file, packed);
    ck_assert_ptr_nonnull(strstr(why.message, "are being packed into this folder by another"));
    ck_assert_int_eq(access(in_folder("p/part-1"), F_OK), 0);
    ck_assert_int_eq(mmoe_packer_close(p, MMOE_E_DATA, NULL, NULL), MMOE_E_DATA);
    ck_assert_int_eq(access(in_folder("p/part-1"), F_OK), -1);
    ck_assert_int_eq(refusal(MMOE_PACKED_LOADED, NULL), MMOE_OK);
}
END_TEST

void add_cases(TCase *c) {
    /* Once for all: a case leaves the folder as it was. */
    tcase_add_unchecked_fixture(c, set_up_packed, tear_down_packed);
    tcase_add_test(c, rows_come_in_the_same_order);
    tcase_add_test(c, targets_are_read_alone);
    tcase_add_test(c, files_may_change_while_they_are_streamed);
    tcase_add_test(c, files_may_change_before_they_are_loaded);
    if (THREADS_ALONE) return;
    tcase_add_test(c, an_epoch_has_each_row_once);
    tcase_add_test(c, a_sample_is_spread_over_the_rows);
    tcase_add_test(c, damage_is_found_and_named);
    tcase_add_test(c, each_byte_of_the_manifest_counts);
    tcase_add_test(c, a_manifest_says_what_became_of_it);
    tcase_add_test(c, pipes_in_the_place_of_files_are_refused);
    tcase_add_test(c, a_folder_without_a_manifest_is_none);
    tcase_add_test(c, rows_may_come_in_pieces);
    tcase_add_test(c, rows_may_be_added);
    tcase_add_test(c, what_cannot_be_added_leaves_the_rows);
}
