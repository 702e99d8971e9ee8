/* Packed data: rows in a folder are the rows that were packed, in any order and way of reading. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check_main.h"
#include "files.h"
#include "succeeds.h"

#include "base/checksum.h"
#include "data/sample.h"
#include "data/source.h"
#include "file/packed.h"

enum { ROWS = 2 * MMOE_WINDOW_ROWS + 3 * MMOE_BLOCK_ROWS + 77, BATCH = 1000 };

static const char *const columns[] = {"a", "b", "l", "d", "e"};
static mmoe_config *config;
static mmoe_schema *schema;
static mmoe_dataset *rows;
static char packed[128];

/* ---- Rows ---- */

static uint32_t draw(int64_t i) { return (uint32_t)((uint64_t)i * 2654435761u >> 9); }

static void make_schema(void) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 5000}, "
        "{\"name\": \"b\", \"vocab_size\": 7}], \"sequence\": [{\"name\": \"l\", "
        "\"vocab_size\": 90, \"weight_separator\": \":\"}],"
        " \"dense\": [{\"name\": \"d\"}, {\"name\": \"e\"}], \"weight\": \"w\"}, \"tasks\": "
        "[{\"name\": \"x\", \"label\": \"x\"}, {\"name\": \"y\", \"label\": \"y\"}],"
        " \"model\": {\"n_expert\": 2, \"expert_params\": {\"dims\": [4]}},"
        " \"trainer\": {\"batch_size\": 4096, \"n_epoch\": 1}}";
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 5, NULL, &schema, &err));
}

static mmoe_dataset *make_rows(int64_t first, int64_t count) {
    const size_t n = (size_t)count;
    int32_t *ids = malloc(2 * n * sizeof *ids), *elements = malloc(3 * n * sizeof *elements);
    int64_t *offsets = calloc(n + 1, sizeof *offsets);
    float *dense = malloc(2 * n * sizeof *dense), *labels = malloc(2 * n * sizeof *labels),
          *weights = malloc(n * sizeof *weights), *importance = malloc(3 * n * sizeof *importance);
    for (int64_t r = 0; r < count; r++) {
        const uint32_t x = draw(first + r);
        ids[2 * r] = (int32_t)(x % 5000);
        ids[2 * r + 1] = (int32_t)(x / 5000 % 7);
        dense[2 * r] = (float)(first + r);
        dense[2 * r + 1] = (float)(x % 100) / 7;
        labels[2 * r] = x % 11 == 0 ? NAN : (float)(x % 3 == 0);
        labels[2 * r + 1] = (float)(x % 5 == 0);
        weights[r] = (float)(x % 4);
        offsets[r + 1] = offsets[r] + x % 4;
        for (int64_t i = offsets[r]; i < offsets[r + 1]; i++) {
            elements[i] = (int32_t)(draw(5 * (first + r) + i - offsets[r]) % 90);
            importance[i] = (float)(x % 3);
        }
    }
    const mmoe_batch batch = {.rows = n,
                              .ids = ids,
                              .id_stride = 2,
                              .dense = dense,
                              .dense_stride = 2,
                              .lists = {1, offsets, elements, importance, (size_t)offsets[n]}};
    mmoe_dataset *made;
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, weights, NULL, &made, &err));
    void *const memory[] = {ids, elements, offsets, dense, labels, weights, importance};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) free(memory[i]);
    return made;
}

static void set_up_packed(void) {
    make_folder();
    make_schema();
    rows = make_rows(0, ROWS);
    snprintf(packed, sizeof packed, "%s/p", folder);
    SUCCEEDS(mmoe_dataset_pack(rows, schema, packed, 2, NULL, &err));
}

/* Folders of folders. */
static void remove_tree(const char *path) {
    DIR *dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        char inner[512];
        struct stat about;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        ck_assert_int_eq(lstat(inner, &about), 0);
        if (S_ISDIR(about.st_mode))
            remove_tree(inner);
        else
            ck_assert_int_eq(unlink(inner), 0);
    }
    closedir(dir);
    ck_assert_int_eq(rmdir(path), 0);
}

static void tear_down_packed(void) {
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    remove_tree(folder);
}

static mmoe_dataset *open_packed(int how) {
    mmoe_dataset *set;
    SUCCEEDS(mmoe_dataset_read_packed(schema, packed, how, NULL, &set, &err));
    return set;
}

static mmoe_status refusal(int how, mmoe_error *err) {
    mmoe_dataset *set = NULL;
    const mmoe_status status = mmoe_dataset_read_packed(schema, packed, how, NULL, &set, err);
    mmoe_dataset_free(set);
    return status;
}

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

static void check_loaded(const mmoe_dataset *loaded) {
    ck_assert_int_eq(loaded->rows, ROWS);
    ck_assert_mem_eq(loaded->ids, rows->ids, ROWS * 2 * sizeof *rows->ids);
    ck_assert_mem_eq(loaded->dense, rows->dense, ROWS * 2 * sizeof *rows->dense);
    ck_assert_mem_eq(loaded->labels, rows->labels, ROWS * 2 * sizeof *rows->labels);
    ck_assert_mem_eq(loaded->weights, rows->weights, ROWS * sizeof *rows->weights);
    ck_assert_mem_eq(loaded->offsets, rows->offsets, (ROWS + 1) * sizeof *rows->offsets);
    const size_t elements = (size_t)rows->offsets[ROWS];
    ck_assert_mem_eq(loaded->elements, rows->elements, elements * sizeof *rows->elements);
    ck_assert_mem_eq(loaded->element_weights, rows->element_weights, elements * sizeof(float));
    ck_assert_int_eq(loaded->any_missing_label, 1);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(loaded->most_id[i], rows->most_id[i]);
}

/* By the calling thread and by several, more than there are processors. */
START_TEST(loaded_rows_are_those_that_were_packed) {
    static const int threads[] = {0, 1, 2, 3, 7};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        mmoe_dataset *set = open_packed(threads[i] ? MMOE_PACKED_STREAMED : MMOE_PACKED_LOADED);
        SUCCEEDS(mmoe_dataset_load(set, threads[i], NULL, &err));
        check_loaded(set);
        mmoe_dataset_free(set);
    }
    double mine[1], theirs[1];
    mmoe_dataset *streamed = open_packed(MMOE_PACKED_STREAMED);
    mmoe_dataset_list_elements(streamed, mine);
    mmoe_dataset_list_elements(rows, theirs);
    ck_assert_double_eq(mine[0], theirs[0]);
    ck_assert_int_eq(mmoe_dataset_load(streamed, 257, NULL, NULL), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_load(streamed, -1, NULL, NULL), MMOE_E_ARGUMENT);
    mmoe_dataset_free(streamed);
}
END_TEST

/* What is kept beside rows that are streamed, by the caller, stays. */
START_TEST(loading_leaves_what_is_kept) {
    enum { ALL = MMOE_BLOCK_ROWS + 7 };
    mmoe_dataset *made = make_rows(0, ALL), *set;
    char other[160];
    static const char *values[ALL];
    for (int i = 0; i < ALL; i++) values[i] = i % 2 ? "odd" : "even";
    snprintf(other, sizeof other, "%s/beside", folder);
    SUCCEEDS(mmoe_dataset_pack(made, schema, other, 1, NULL, &err));
    SUCCEEDS(mmoe_dataset_read_packed(schema, other, MMOE_PACKED_STREAMED, NULL, &set, &err));
    SUCCEEDS(mmoe_dataset_keep(set, "parity", values, &err));
    SUCCEEDS(mmoe_dataset_load(set, 2, NULL, &err));
    for (int i = 0; i < ALL; i++) ck_assert_int_eq(set->kept->values[i], 1 + i % 2);
    mmoe_dataset_free(set);
    mmoe_dataset_free(made);
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

/* What is wrong with a block of a stream is said where the block is reached. */
START_TEST(a_stream_ends_at_damage) {
    char path[256];
    size_t size;
    mmoe_rows b;
    mmoe_error why = {0};
    snprintf(path, sizeof path, "%s/part-0/005-d.npy", packed);
    char *bytes = get_file(path, &size);
    bytes[128 + 4 * 300000]++;
    put_file(path, bytes, size);
    mmoe_dataset *streamed = open_packed(MMOE_PACKED_STREAMED);
    mmoe_source *s = source_of(streamed, false);
    SUCCEEDS(mmoe_source_begin(s, 0, &err));
    mmoe_status status = MMOE_OK;
    int64_t count = 0;
    do {
        status = mmoe_source_next(s, BATCH, &b, &why);
        count += status ? 0 : b.rows;
    } while (!status && b.rows);
    ck_assert_int_eq(status, MMOE_E_FORMAT);
    ck_assert_int_eq(count, MMOE_WINDOW_ROWS / BATCH * BATCH);
    ck_assert_ptr_nonnull(strstr(why.message, "rows 294913 to 311296"));
    mmoe_source_free(s);
    mmoe_dataset_free(streamed);
    bytes[128 + 4 * 300000]--;
    put_file(path, bytes, size);
    free(bytes);
}
END_TEST

static void dawdle(void *user, const mmoe_work *work) {
    (void)user;
    (void)work;
    nanosleep(&(struct timespec){0, 2000000}, NULL);
}

/* Of two damaged blocks the first is named, though another thread comes to the second before the
 * calling one, which has a slow watcher, comes to the first. */
START_TEST(loading_ends_at_the_first_damage) {
    static const int places[] = {MMOE_BLOCK_ROWS * 11, MMOE_BLOCK_ROWS * 12};
    char path[256];
    size_t size;
    snprintf(path, sizeof path, "%s/part-0/005-d.npy", packed);
    char *bytes = get_file(path, &size);
    for (int i = 0; i < 2; i++) bytes[128 + 4 * places[i]]++;
    put_file(path, bytes, size);
    const mmoe_watcher slow = {dawdle, NULL};
    for (int threads = 1; threads < 8; threads += 2) {
        mmoe_error why = {0};
        mmoe_dataset *set = open_packed(MMOE_PACKED_STREAMED);
        ck_assert_int_eq(mmoe_dataset_load(set, threads, &slow, &why), MMOE_E_FORMAT);
        ck_assert_ptr_nonnull(strstr(why.message, "005-d.npy: rows 180225 to 196608 are not"));
        mmoe_dataset_free(set);
    }
    for (int i = 0; i < 2; i++) bytes[128 + 4 * places[i]]--;
    put_file(path, bytes, size);
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

/* ---- Columns beside the rows ---- */

/* "" , "v0" .. "v96", and behind row 40000 others, too. */
static mmoe_dataset *make_kept(int64_t first, int64_t count, const char *name) {
    mmoe_dataset *made = make_rows(first, count);
    char(*texts)[16] = malloc((size_t)count * sizeof *texts);
    const char **values = malloc((size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        const uint32_t x = draw(first + i) % (first + i < 40000 ? 97 : 300);
        texts[i][0] = '\0';
        if (x) snprintf(texts[i], sizeof *texts, "v%u", (unsigned)x);
        values[i] = texts[i];
    }
    SUCCEEDS(mmoe_dataset_keep(made, name, values, &err));
    free(texts);
    free(values);
    return made;
}

static void same_kept(const mmoe_dataset *a, const mmoe_dataset *b) {
    ck_assert_uint_eq(a->n_kept, 1);
    ck_assert_str_eq(mmoe_dataset_kept_column(a, 0), "user");
    ck_assert_ptr_null(mmoe_dataset_kept_column(a, 1));
    ck_assert_mem_eq(a->kept->values, b->kept->values, (size_t)b->rows * sizeof *b->kept->values);
    ck_assert_uint_eq(mmoe_vocab_hash(a->kept->vocab), mmoe_vocab_hash(b->kept->vocab));
}

/* Batch by batch, as they are streamed. */
static void same_stream(const mmoe_dataset *set, const mmoe_dataset *whole) {
    const mmoe_allocator plain = mmoe_allocator_or_default(NULL);
    const mmoe_source_order order = {.set = set, .most = MMOE_SLICE_ROWS, .keeps = true};
    mmoe_source *s;
    mmoe_rows b;
    int64_t row = 0;
    SUCCEEDS(mmoe_source_open(&order, &plain, &s, &err));
    SUCCEEDS(mmoe_source_begin(s, 0, &err));
    for (b.rows = 1; b.rows; row += b.rows) {
        SUCCEEDS(mmoe_source_next(s, MMOE_SLICE_ROWS, &b, &err));
        ck_assert_mem_eq(b.kept[0], whole->kept->values + row, (size_t)b.rows * sizeof(int32_t));
    }
    ck_assert_int_eq(row, whole->rows);
    mmoe_source_free(s);
}

START_TEST(columns_are_kept) {
    enum { FIRST = 20000, ALL = MMOE_WINDOW_ROWS + 30000 };
    char other[160];
    mmoe_dataset *whole = make_kept(0, ALL, "user"), *first = make_kept(0, FIRST, "user"),
                 *rest = make_kept(FIRST, ALL - FIRST, "user"), *named = make_kept(0, 9, "u"), *set;
    snprintf(other, sizeof other, "%s/kept", folder);
    SUCCEEDS(mmoe_dataset_pack(first, schema, other, 2, NULL, &err));
    mmoe_error why = {0};
    ck_assert_int_eq(mmoe_dataset_append(named, other, 1, NULL, &why), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "keeps the column \"user\""));
    SUCCEEDS(mmoe_dataset_append(rest, other, 1, NULL, &err));
    SUCCEEDS(mmoe_dataset_read_packed(schema, other, MMOE_PACKED_LOADED, NULL, &set, &err));
    same_kept(set, whole);
    same_stream(set, whole);
    mmoe_dataset_free(set);
    SUCCEEDS(mmoe_dataset_read_packed(schema, other, MMOE_PACKED_STREAMED, NULL, &set, &err));
    same_stream(set, whole);
    mmoe_dataset_free(set);
    mmoe_dataset *const made[] = {whole, first, rest, named};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) mmoe_dataset_free(made[i]);
    size_t size;
    char *bytes = get_file(in_folder("kept/part-1/kept.safetensors"), &size);
    bytes[size - 3] ^= 1;
    put_file(in_folder("kept/part-1/kept.safetensors"), bytes, size);
    free(bytes);
    ck_assert_int_eq(
        mmoe_dataset_read_packed(schema, other, MMOE_PACKED_STREAMED, NULL, &set, &why),
        MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(why.message, "part-1/kept.safetensors"));
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

/* A failure while rows are added leaves the folder as it was. */
START_TEST(what_cannot_be_added_leaves_the_rows) {
    const mmoe_allocator plain = mmoe_allocator_or_default(NULL);
    mmoe_packer *p;
    SUCCEEDS(mmoe_packer_open(&(mmoe_packing){.folder = packed}, &plain, &p, &err));
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
    tcase_add_test(c, a_stream_ends_at_damage);
    tcase_add_test(c, loaded_rows_are_those_that_were_packed);
    tcase_add_test(c, loading_ends_at_the_first_damage);
    if (THREADS_ALONE) return;
    tcase_add_test(c, an_epoch_has_each_row_once);
    tcase_add_test(c, loading_leaves_what_is_kept);
    tcase_add_test(c, a_sample_is_spread_over_the_rows);
    tcase_add_test(c, damage_is_found_and_named);
    tcase_add_test(c, a_folder_without_a_manifest_is_none);
    tcase_add_test(c, rows_may_come_in_pieces);
    tcase_add_test(c, columns_are_kept);
    tcase_add_test(c, rows_may_be_added);
    tcase_add_test(c, what_cannot_be_added_leaves_the_rows);
}
