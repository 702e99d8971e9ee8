/* CSV files that are packed, or streamed, without standing in memory: what comes of it is what
 * comes of rows in memory, to the byte, and a failure leaves nothing. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check_main.h"
#include "data/dataset.h"
#include "data/short_words.h"
#include "data/source.h"
#include "failing.h"
#include "file/packed.h"
#include "files.h"
#include "succeeds.h"

enum { ROWS = MMOE_BLOCK_ROWS + 3000 }; /* in more than the first 256 KB, which are a part */

static const char json[] =
    "{\"features\": {%s\"sparse\": [{\"name\": \"user\", \"min_count\": 3}, "
    "{\"name\": \"item\"}, {\"name\": \"fifths\", \"column\": \"d\", \"quantiles\": 5}], "
    "\"sequence\": [{\"name\": \"tags\", \"weight_separator\": \":\"}], \"dense\": "
    "[{\"name\": \"d\", \"transform\": \"standardize\"}, {\"name\": \"e\", \"missing\": "
    "\"mean\", \"indicator\": true}]}, \"tasks\": [{\"name\": \"buy\", \"label\": \"y\", "
    "\"positive\": \"yes\"}, {\"name\": \"stay\", \"label\": \"r\", \"type\": \"regression\", "
    "\"label_transform\": \"standardize\"}]}";
static const char *const keep[] = {"user", NULL};
static mmoe_config *config;
static char csv[128], other[128];

/* ---- Files ---- */

/* Rows [first, first + rows). */
static void put_rows(const char *path, int first, int rows) {
    char *text = malloc(100 + 80 * (size_t)rows);
    size_t used = (size_t)sprintf(text, "user,item,tags,d,e,y,r,w\n");
    for (int i = first; i < first + rows; i++) {
        char tags[40] = "", e[16] = "";
        const int user = i < 12 ? i % 2 : i / 1500 * 300 + i * i % 997;
        if (i % 3) snprintf(tags, sizeof tags, "t%d:0.5|t%d", i % 40, i * i % 31);
        if (i % 7) snprintf(e, sizeof e, "%d.5", i % 97);
        used += (size_t)sprintf(text + used, "u%d,%d,%s,%d.25,%s,%s,%d,%d\n", user, i * 7919 % 3001,
                                tags, i % 211, e, i % 4 ? "no" : "yes", i % 13, 1 + i % 2);
    }
    put_file(path, text, used);
    free(text);
}

static void configure(const char *weight) {
    char text[2000];
    const int length = snprintf(text, sizeof text, json, weight);
    mmoe_config_free(config);
    SUCCEEDS(mmoe_config_parse(text, (size_t)length, NULL, NULL, &config, &err));
}

static void set_up(void) {
    make_folder();
    snprintf(csv, sizeof csv, "%s/t.csv", folder);
    snprintf(other, sizeof other, "%s/o.csv", folder);
    configure("\"weight\": \"w\", ");
    put_rows(csv, 0, ROWS);
    put_rows(other, ROWS, 4000);
}

static void tear_down(void) {
    mmoe_config_free(config);
    config = NULL;
    remove_tree(folder);
}

/* Folders have the same files, of the same bytes. */
static void same_folders(const char *a, const char *b) {
    char command[300];
    snprintf(command, sizeof command, "diff -r '%s/%s' '%s/%s'", folder, a, folder, b);
    ck_assert_int_eq(system(command), 0);
}

static const char *at(const char *name) {
    static char path[4][160];
    static int last;
    last = (last + 1) % 4;
    snprintf(path[last], sizeof path[last], "%s/%s", folder, name);
    return path[last];
}

/* ---- The two ways ---- */

/* Rows in memory: the oracle. */
static mmoe_schema *pack_whole(const char *name) {
    const mmoe_read_options options = {.keep = keep};
    mmoe_schema *schema;
    mmoe_dataset *set;
    SUCCEEDS(mmoe_dataset_fit_csv_with(config, csv, &options, NULL, &schema, &set, &err));
    SUCCEEDS(mmoe_dataset_pack(set, schema, at(name), 1, NULL, &err));
    mmoe_dataset_free(set);
    return schema;
}

static mmoe_csv_packing packing(const char *name, int threads) {
    return (mmoe_csv_packing){csv, at(name), config, NULL, {.threads = threads, .keep = keep}};
}

static void same_warnings(const mmoe_dataset *a, const mmoe_dataset *b) {
    ck_assert_uint_eq(a->warnings.count, b->warnings.count);
    for (size_t i = 0; i < a->warnings.count; i++)
        ck_assert_str_eq(a->warnings.items[i].message, b->warnings.items[i].message);
    const mmoe_column_counts *x, *y;
    for (size_t i = 0; (x = mmoe_dataset_column(a, i)); i++) {
        ck_assert_ptr_nonnull((y = mmoe_dataset_column(b, i)));
        ck_assert_int_eq(x->missing, y->missing);
        ck_assert_int_eq(x->unknown, y->unknown);
        ck_assert_int_eq(x->values, y->values);
    }
}

static void same_rows(const mmoe_dataset *a, const mmoe_dataset *b) {
    const size_t rows = (size_t)a->rows, elements = (size_t)a->offsets[rows];
    ck_assert_int_eq(a->rows, b->rows);
    ck_assert_mem_eq(a->ids, b->ids, rows * (size_t)a->n_id * sizeof *a->ids);
    ck_assert_mem_eq(a->dense, b->dense, rows * (size_t)a->dense_width * sizeof *a->dense);
    ck_assert_mem_eq(a->labels, b->labels, rows * (size_t)a->n_label * sizeof *a->labels);
    ck_assert_int_eq(!a->weights, !b->weights);
    if (a->weights) ck_assert_mem_eq(a->weights, b->weights, rows * sizeof *a->weights);
    ck_assert_mem_eq(a->offsets, b->offsets, (rows + 1) * sizeof *a->offsets);
    ck_assert_mem_eq(a->elements, b->elements, elements * sizeof *a->elements);
    ck_assert_mem_eq(a->element_weights, b->element_weights, elements * sizeof(float));
    ck_assert_mem_eq(a->most_id, b->most_id, (size_t)a->n_sparse * sizeof *a->most_id);
    ck_assert_uint_eq(a->schema_hash, b->schema_hash);
}

/* ---- Cases ---- */

START_TEST(a_folder_is_that_of_rows_in_memory) {
    configure(_i ? "" : "\"weight\": \"w\", ");
    mmoe_schema *schema = pack_whole("whole");
    mmoe_dataset *set, *read;
    const mmoe_read_options options = {.keep = keep};
    mmoe_csv_packing what = packing("parts", 1 + 2 * _i);
    SUCCEEDS(mmoe_pack_csv(&what, NULL, NULL, &err));
    same_folders("whole", "parts");
    what = packing("like", 1 + 2 * _i);
    what.config = NULL;
    what.schema = schema;
    what.path = other;
    SUCCEEDS(mmoe_pack_csv(&what, NULL, &set, &err));
    SUCCEEDS(mmoe_dataset_read_csv_with(schema, other, &options, NULL, &read, &err));
    SUCCEEDS(mmoe_dataset_pack(read, schema, at("like_whole"), 1, NULL, &err));
    same_folders("like", "like_whole");
    same_warnings(set, read);
    SUCCEEDS(mmoe_dataset_load(set, 1, NULL, &err));
    same_rows(set, read);
    mmoe_dataset_free(set);
    what.folder = at("parts");
    what.schema = NULL;
    SUCCEEDS(mmoe_pack_csv(&what, NULL, &set, &err));
    ck_assert_int_eq(mmoe_dataset_rows(set), ROWS + 4000);
    same_warnings(set, read);
    SUCCEEDS(mmoe_dataset_append(read, at("whole"), 1, NULL, &err));
    same_folders("parts", "whole");
    mmoe_dataset_free(set);
    SUCCEEDS(mmoe_dataset_read_packed(schema, at("parts"), MMOE_PACKED_LOADED, NULL, &set, &err));
    ck_assert_int_eq(set->rows, ROWS + 4000);
    mmoe_dataset_free(set);
    mmoe_dataset_free(read);
    mmoe_schema_free(schema);
}
END_TEST

static int count_files(const char *path) {
    DIR *dir = opendir(path);
    int n = 0;
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

/* Of a column's values in a file without a name, in the first block. */
static int form_of(const mmoe_dataset *set, mmoe_stored_what what, int32_t at) {
    const mmoe_stored *s = set->stored;
    int32_t c = 0;
    while (s->columns[c].what != what || s->columns[c].at != at) c++;
    return s->parts[0].forms[c];
}

/* The first batch's lists of a rank that asks for one segment of four. */
static void check_share(const mmoe_dataset *set, const mmoe_dataset *stream) {
    enum { BATCH = 2048, EACH = BATCH / 4 };
    const mmoe_allocator a = mmoe_allocator_or_default(NULL);
    const mmoe_source_order whole = {set, true, 7, BATCH, .lanes = {BATCH, 4, 0, 4}},
                            share = {stream, true, 7, BATCH, .lanes = {BATCH, 4, 2, 1}};
    mmoe_source *all, *own;
    mmoe_rows x, y;
    SUCCEEDS(mmoe_source_open(&whole, &a, &all, &err));
    SUCCEEDS(mmoe_source_open(&share, &a, &own, &err));
    SUCCEEDS(mmoe_source_begin(all, 0, &err));
    SUCCEEDS(mmoe_source_begin(own, 0, &err));
    SUCCEEDS(mmoe_source_next(all, BATCH, &x, &err));
    SUCCEEDS(mmoe_source_next(own, BATCH, &y, &err));
    ck_assert(y.is_share);
    for (int32_t i = 2 * EACH; i < 3 * EACH; i++) {
        const mmoe_list one = mmoe_list_of(&x.lists, mmoe_row_of(&x, i), 0),
                        same = mmoe_list_of(&y.lists, mmoe_row_of(&y, i), 0);
        const size_t size = (size_t)one.count * sizeof *one.ids;
        ck_assert_int_eq(one.count, same.count);
        if (!size) continue;
        ck_assert_mem_eq(one.ids, same.ids, size);
        ck_assert_mem_eq(one.weights, same.weights, size);
    }
    mmoe_source_free(all);
    mmoe_source_free(own);
}

/* Rows of files without names are those in memory, and nothing is ever seen of the files. */
START_TEST(a_stream_has_the_rows_in_memory) {
    const mmoe_read_options streamed = {.stream_folder = folder, .keep = keep, .threads = 2};
    mmoe_schema *schema, *same;
    mmoe_dataset *set, *stream, *judged, *judged_stream;
    const int files = count_files(folder);
    SUCCEEDS(mmoe_dataset_fit_csv(config, csv, NULL, &schema, &set, &err));
    SUCCEEDS(mmoe_dataset_fit_csv_with(config, csv, &streamed, NULL, &same, &stream, &err));
    ck_assert_int_eq(count_files(folder), files);
    ck_assert_ptr_null(stream->ids);
    ck_assert_int_eq(form_of(stream, MMOE_STORED_IDS, 2), 1); /* of five */
    ck_assert_int_eq(form_of(stream, MMOE_STORED_IDS, 1), 2);
    ck_assert_int_eq(form_of(stream, MMOE_STORED_LABEL, 0), MMOE_DECIMALS + 1);
    ck_assert_int_eq(form_of(stream, MMOE_STORED_INPUTS, 0), MMOE_WHOLE_WORDS);
    ck_assert_int_eq(form_of(stream, MMOE_STORED_OFFSETS, 0), 1);
    ck_assert_int_eq(form_of(stream, MMOE_STORED_ELEMENT_WEIGHTS, 0), MMOE_DECIMALS * 2 + 1);
    same_warnings(set, stream);
    check_share(set, stream);
    SUCCEEDS(mmoe_dataset_load(stream, 2, NULL, &err));
    same_rows(set, stream);
    SUCCEEDS(mmoe_dataset_read_csv(schema, other, 0, NULL, &judged, &err));
    SUCCEEDS(mmoe_dataset_read_csv_with(same, other, &streamed, NULL, &judged_stream, &err));
    SUCCEEDS(mmoe_dataset_load(judged_stream, 1, NULL, &err));
    same_rows(judged, judged_stream);
    const mmoe_read_options nowhere = {.stream_folder = "/no/such/folder"},
                            scored = {.stream_folder = "", .labels = MMOE_ROWS_TO_SCORE};
    mmoe_schema *none = NULL;
    mmoe_dataset *no_rows;
    ck_assert_int_eq(mmoe_dataset_fit_csv_with(config, csv, &nowhere, NULL, &none, &no_rows, NULL),
                     MMOE_E_IO);
    ck_assert_int_eq(mmoe_dataset_read_csv_with(schema, csv, &nowhere, NULL, &no_rows, NULL),
                     MMOE_E_IO);
    ck_assert_int_eq(mmoe_dataset_read_csv_with(schema, csv, &scored, NULL, &no_rows, NULL),
                     MMOE_E_ARGUMENT);
    mmoe_dataset *const sets[] = {set, stream, judged, judged_stream};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) mmoe_dataset_free(sets[i]);
    mmoe_schema_free(schema);
    mmoe_schema_free(same);
}
END_TEST

/* As on a disk that is full behind so many bytes of a file. */
static mmoe_status try_within(rlim_t size, const mmoe_csv_packing *what, mmoe_error *err) {
    struct rlimit before, now;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    now = (struct rlimit){size, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &now), 0);
    const mmoe_status status = mmoe_pack_csv(what, NULL, NULL, err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    return status;
}

/* Of a column that is no number; its rows. */
static int64_t rows_of(const mmoe_schema *schema, int32_t column) {
    return schema->tables[schema->sparse[column].table].rows;
}

/* Known values keep their rows, new ones get those behind, and what was packed is as it was: rows
 * that are added are those which the grown schema reads. */
START_TEST(vocabularies_grow) {
    enum { FIRST = 3000, MORE = 4000 };
    mmoe_schema *before, *schema;
    mmoe_dataset *first, *set, *more;
    put_rows(csv, 0, FIRST);
    put_rows(other, FIRST, MORE);
    mmoe_csv_packing what = packing("grown", 2);
    SUCCEEDS(mmoe_pack_csv(&what, NULL, NULL, &err));
    SUCCEEDS(mmoe_dataset_fit_packed(NULL, at("grown"), MMOE_PACKED_LOADED, NULL, &before, &first,
                                     &err));
    char grown[160];
    snprintf(grown, sizeof grown, "%s", at("grown"));
    what.config = NULL;
    what.folder = grown;
    what.path = other;
    what.grow = 1;
    mmoe_error why = {0};
    ck_assert_int_eq(try_within(50000, &what, &why), MMOE_E_IO); /* nothing waits */
    ck_assert_ptr_nonnull(strstr(why.message, "/part-"));
    ck_assert_int_eq(access(at("grown/schema.safetensors"), F_OK), 0);
    SUCCEEDS(mmoe_pack_csv(&what, NULL, NULL, &err));
    ck_assert_int_eq(access(at("grown/schema.safetensors"), F_OK), -1);
    SUCCEEDS(
        mmoe_dataset_fit_packed(NULL, at("grown"), MMOE_PACKED_LOADED, NULL, &schema, &set, &err));
    ck_assert_int_eq(set->rows, FIRST + MORE);
    ck_assert_mem_eq(set->ids, first->ids, FIRST * (size_t)set->n_id * sizeof *set->ids);
    for (int32_t column = 0; column < 2; column++)
        ck_assert_int_gt(rows_of(schema, column), rows_of(before, column));
    ck_assert_int_eq(rows_of(schema, 1), 3001 + 1); /* all items; of users those that come thrice */
    ck_assert_int_lt(rows_of(schema, 0), rows_of(before, 0) + MORE / 3);
    SUCCEEDS(mmoe_dataset_read_csv(schema, other, 0, NULL, &more, &err));
    ck_assert_mem_eq(set->ids + FIRST * set->n_id, more->ids,
                     MORE * (size_t)set->n_id * sizeof *set->ids);
    ck_assert_mem_eq(set->dense + FIRST * set->dense_width, more->dense,
                     MORE * (size_t)set->dense_width * sizeof *set->dense);
    ck_assert_mem_eq(set->elements + set->offsets[FIRST], more->elements,
                     (size_t)more->offsets[MORE] * sizeof *set->elements);
    SUCCEEDS(mmoe_pack_csv(&what, NULL, NULL, &err)); /* nothing is new now */
    ck_assert_int_eq(access(at("grown/schema-1.safetensors"), F_OK), 0);
    what.config = config;
    ck_assert_int_eq(mmoe_pack_csv(&what, NULL, NULL, &why), MMOE_E_ARGUMENT);
    mmoe_dataset *const sets[] = {first, set, more};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) mmoe_dataset_free(sets[i]);
    mmoe_schema_free(before);
    mmoe_schema_free(schema);
}
END_TEST

/* The system's, in place of which the library calls this one: folders may fail. */
static bool folders_fail;
int fsync(int fd) {
    struct stat about;
    if (folders_fail && fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

/* A manifest that stands names rows that stand, whether or not it is said to last. */
START_TEST(what_a_manifest_names_stays) {
    enum { FIRST = 50, MORE = 20 };
    mmoe_schema *schema;
    mmoe_dataset *set;
    mmoe_error why = {0};
    put_rows(csv, 0, FIRST);
    put_rows(other, FIRST, MORE);
    mmoe_csv_packing what = packing("named", 1);
    what.reading.keep = NULL;
    SUCCEEDS(mmoe_pack_csv(&what, NULL, NULL, &err));
    what.config = NULL;
    what.path = other;
    folders_fail = true;
    ck_assert_int_eq(mmoe_pack_csv(&what, NULL, NULL, &why), MMOE_E_IO);
    folders_fail = false;
    ck_assert_msg(strstr(why.message, "manifest.json: cannot write") != NULL, "%s", why.message);
    SUCCEEDS(
        mmoe_dataset_fit_packed(NULL, at("named"), MMOE_PACKED_LOADED, NULL, &schema, &set, &err));
    ck_assert_int_eq(set->rows, FIRST + MORE);
    mmoe_dataset_free(set);
    mmoe_schema_free(schema);
}
END_TEST

START_TEST(a_full_disk_leaves_nothing) {
    static const struct {
        rlim_t size;
        const char *words;
    } disks[] = {{100000, "cannot write to a temporary file there: File too large"},
                 {3000000, NULL},
                 {80000, "cannot write: File too large"}};
    const int files = count_files(folder);
    mmoe_schema *schema = NULL;
    for (size_t i = 0; i < sizeof disks / sizeof *disks; i++) {
        mmoe_error why = {0};
        mmoe_csv_packing what = packing("full", 1);
        if (i == 2) {
            what.config = NULL;
            what.schema = schema;
        }
        const mmoe_status status = try_within(disks[i].size, &what, &why);
        ck_assert_msg(status == (disks[i].words ? MMOE_E_IO : MMOE_OK), "%s", why.message);
        if (disks[i].words) ck_assert_ptr_nonnull(strstr(why.message, disks[i].words));
        if (!disks[i].words) {
            mmoe_dataset *set;
            SUCCEEDS(mmoe_dataset_fit_packed(NULL, at("full"), MMOE_PACKED_STREAMED, NULL, &schema,
                                             &set, &err));
            mmoe_dataset_free(set);
            remove_tree(at("full"));
        }
        ck_assert_int_eq(count_files(folder), files);
    }
    mmoe_schema_free(schema);
}
END_TEST

/* What is wrong with rows, or with the call, leaves nothing either. */
START_TEST(faults_leave_nothing) {
    const int files = count_files(folder);
    mmoe_error why = {0};
    mmoe_csv_packing what = packing("none", 2);
    put_text(other, "user,item,tags,d,e,y,r,w\nu1,2,,1,2,yes,1,1\nu1,2,,1,2,no,1");
    what.path = other;
    ck_assert_int_eq(mmoe_pack_csv(&what, NULL, NULL, &why), MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(why.message, "o.csv: row 3"));
    what.config = NULL;
    ck_assert_int_eq(mmoe_pack_csv(&what, NULL, NULL, &why), MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(why.message, "none"));
    what.folder = NULL;
    ck_assert_int_eq(mmoe_pack_csv(&what, NULL, NULL, &why), MMOE_E_ARGUMENT);
    what = packing("none", 2);
    what.reading.labels = MMOE_LABELS_OPTIONAL;
    ck_assert_int_eq(mmoe_pack_csv(&what, NULL, NULL, &why), MMOE_E_ARGUMENT);
    ck_assert_int_eq(count_files(folder), files);
    /* A folder that has something is refused before the file is read. */
    put_text(at("mine"), "");
    what = packing(".", 1);
    what.path = "no such file";
    ck_assert_int_eq(mmoe_pack_csv(&what, NULL, NULL, &why), MMOE_E_IO);
    ck_assert_ptr_nonnull(strstr(why.message, "the folder is not empty"));
}
END_TEST

/* Told before the first row is read. */
static void cut_file(void *user, const mmoe_work *work) {
    (void)work;
    ck_assert_int_eq(truncate(user, 100000), 0);
}

START_TEST(files_that_are_cut_leave_nothing) {
    const int files = count_files(folder);
    const mmoe_watcher watcher = {cut_file, csv};
    mmoe_schema *schema;
    mmoe_dataset *set;
    for (int threads = 1; threads < 4; threads++) {
        mmoe_csv_packing what = packing("cut", threads);
        what.reading.watcher = &watcher;
        mmoe_error why = {0};
        ck_assert_int_eq(mmoe_pack_csv(&what, NULL, NULL, &why), MMOE_E_IO);
        ck_assert_ptr_nonnull(strstr(why.message, "t.csv: the file had "));
        put_rows(csv, 0, ROWS);
        what.reading.stream_folder = folder;
        ck_assert_int_eq(
            mmoe_dataset_fit_csv_with(config, csv, &what.reading, NULL, &schema, &set, &why),
            MMOE_E_IO);
        ck_assert_ptr_nonnull(strstr(why.message, "has 100000 now: it was cut"));
        ck_assert_int_eq(count_files(folder), files);
        put_rows(csv, 0, ROWS);
    }
}
END_TEST

/* Nothing is left of a new folder, nor is anything taken of one that gets more rows. */
START_TEST(every_allocation_may_fail) {
    const bool appends = _i;
    const char *watched = appends ? "small/part-0" : ".";
    /* Among them the call for a part, when nothing of it is there yet. */
    failing memory = {.stride = appends ? 49 : 23};
    const mmoe_allocator a = failing_allocator(&memory);
    mmoe_status status = MMOE_OK;
    put_rows(other, 0, 12);
    while (failing_next(&memory)) {
        mmoe_csv_packing what = packing("small", 1);
        mmoe_error why = {0};
        mmoe_dataset *set = NULL;
        what.path = other;
        if (appends && !status) SUCCEEDS(mmoe_pack_csv(&what, NULL, NULL, &err));
        if (appends) what.config = NULL;
        const int files = count_files(at(watched));
        what.folder = at("small");
        failing_json(&memory);
        status = mmoe_pack_csv(&what, &a, &set, &why);
        failing_json(NULL);
        mmoe_dataset_free(set);
        if (!status) remove_tree(at("small"));
        ck_assert_int_eq(memory.live, 0);
        if (status) ck_assert_int_eq(count_files(at(watched)), files);
        ck_assert_int_ne(access(at("small/part-1"), F_OK), 0);
        if (status || !memory.refused) failing_check(&memory, status, &why);
    }
    ck_assert_int_gt(memory.calls, 300);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, a_folder_is_that_of_rows_in_memory, 0, 2);
    tcase_add_test(c, a_stream_has_the_rows_in_memory);
    tcase_add_test(c, vocabularies_grow);
    tcase_add_test(c, what_a_manifest_names_stays);
    tcase_add_test(c, a_full_disk_leaves_nothing);
    tcase_add_test(c, faults_leave_nothing);
    tcase_add_test(c, files_that_are_cut_leave_nothing);
    tcase_add_loop_test(c, every_allocation_may_fail, 0, 2);
}
