/* Models whose tables are large: read, or mapped and shared among processes, in pages of which kind
 * and when; quick to the first score; and what becomes of their file while they serve. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check_main.h"
#include "files.h"
#include "mmoe/train.h"
#include "page_faults.h"

int pages_are_counted = 1;

/* LARGE: 100 MB, and its time is measured; else the least that is mapped and a little more. */
#ifdef LARGE
enum { ROWS_A = 700000, ROWS_B = 900001 };
#else
enum { ROWS_A = 70000, ROWS_B = 90001 };
#endif
enum { SPARSE = 3, BATCH = 64 };

static char file[128], other[128];
static int32_t ids[BATCH * SPARSE];
static float dense[BATCH * 2], wanted[BATCH], scores[BATCH];
static const mmoe_batch batch = {BATCH, ids, SPARSE, dense, 2};
static mmoe_error err;

#define OK(call) ck_assert_msg(!(call), "%s", err.message)

static void get_scores(const mmoe_model *model, float *out) {
    mmoe_predictor *predictor;
    OK(mmoe_predictor_create(model, NULL, &predictor, &err));
    OK(mmoe_predictor_run(predictor, &batch, out, &err));
    mmoe_predictor_free(predictor);
}

static mmoe_model *load(const char *path) {
    mmoe_model *model = NULL;
    OK(mmoe_model_load(path, NULL, &model, &err));
    return model;
}

static mmoe_model *load_as(mmoe_model_load_options how) {
    mmoe_model *model = NULL;
    OK(mmoe_model_load_with(file, &how, NULL, &model, &err));
    return model;
}

static mmoe_model *map(const char *path) {
    mmoe_model *model = NULL;
    OK(mmoe_model_load_with(path, &(mmoe_model_load_options){.map_tables = 1}, NULL, &model, &err));
    return model;
}

/* Tables of widths that leave each but the first unaligned. */
static void make_file(void) {
    char json[1024];
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": %d, \"embed_dim\": "
             "16}, {\"name\": \"b\", \"vocab_size\": %d, \"embed_dim\": 15},"
             " {\"name\": \"c\", \"vocab_size\": 101, \"embed_dim\": 7}], \"dense\": [{\"name\": "
             "\"d*\"}]},"
             " \"tasks\": [{\"name\": \"x\", \"label\": \"x\", \"tower_params\": {\"dims\": [8]}}],"
             " \"model\": {\"n_expert\": 8, \"expert_params\": {\"dims\": [16]}}, \"trainer\": "
             "{\"batch_size\": 64}}",
             ROWS_A, ROWS_B);
    const char *const columns[] = {"a", "b", "c", "d0", "d1"};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *model;
    for (int i = 0; i < BATCH; i++) {
        ids[i * SPARSE] = ROWS_A - 1 - i * 1000;
        ids[i * SPARSE + 1] = ROWS_B - 1 - i * 1000;
        ids[i * SPARSE + 2] = 100 - i;
        dense[2 * i] = (float)i / 8;
    }
    OK(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    OK(mmoe_schema_create(config, columns, 5, NULL, &schema, &err));
    OK(mmoe_model_create(config, schema, NULL, &model, &err));
    OK(mmoe_model_save(model, file, &err));
    get_scores(model, wanted);
    mmoe_model_free(model);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}

static void set_up(void) {
    make_folder();
    snprintf(file, sizeof file, "%s/m", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    make_file();
}

static void tear_down(void) {
    unlink(file);
    unlink(other);
    ck_assert_int_eq(empty_folder(), 0);
    remove_folder();
}

/* What /proc/self/smaps says of the mappings of a file, or ("") of all, in kB. */
typedef struct usage {
    long size, rss, pss;
    long copied;  /* pages of the process alone, whatever file system the file is on */
    long advised; /* huge pages were asked for */
} usage;

static usage usage_of(const char *path) {
    usage sum = {0};
    char line[512];
    int inside = 0;
    long size = 0;
    FILE *f = fopen("/proc/self/smaps", "r");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f)) {
        long kilobytes;
        char field[64];
        unsigned long first, last;
        if (sscanf(line, "%lx-%lx ", &first, &last) == 2) inside = strstr(line, path) != NULL;
        if (inside && !strncmp(line, "VmFlags:", 8) && strstr(line, " hg")) sum.advised += size;
        if (!inside || sscanf(line, "%63[^:]: %ld kB", field, &kilobytes) != 2) continue;
        if (!strcmp(field, "Size")) sum.size += size = kilobytes;
        if (!strcmp(field, "Rss")) sum.rss += kilobytes;
        if (!strcmp(field, "Pss")) sum.pss += kilobytes;
        if (!strcmp(field, "Anonymous")) sum.copied += kilobytes;
    }
    fclose(f);
    return sum;
}

static const long tables = ((long)ROWS_A * 16 + (long)ROWS_B * 15) * 4 / 1024; /* kB */

START_TEST(tables_are_mapped_if_asked) {
    mmoe_model *model = map(file);
    get_scores(model, scores);
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
    usage u = usage_of(file);
    ck_assert_int_ge(u.size, tables - 8);
    ck_assert_int_eq(u.copied, 0);
    size_t mapped;
    ck_assert_uint_lt(mmoe_model_bytes(model, &mapped), 1 << 20);
    ck_assert_int_ge((long)mapped / 1024, u.size);
    mmoe_model_free(model);
    ck_assert_int_eq(usage_of(file).size, 0);
}
END_TEST

START_TEST(processes_share_the_tables) {
    int ready[2], done[2];
    char byte = 0;
    ck_assert(!pipe(ready) && !pipe(done));
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    mmoe_model *model = map(file);
    if (!child) {
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        close(done[1]);
        _exit(read(done[0], &byte, 1) != 0);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    usage u = usage_of(file);
    close(done[1]);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_ge(u.rss, tables - 8);
    ck_assert_msg(u.pss <= u.rss * 6 / 10, "of %ld kB, %ld kB count as this process's", u.rss,
                  u.pss);
    close(ready[0]);
    close(ready[1]);
    close(done[0]);
    mmoe_model_free(model);
}
END_TEST

START_TEST(training_leaves_the_file_as_it_was) {
    size_t before_size, after_size;
    char *before = get_file(file, &before_size);
    mmoe_model *model = _i ? map(file) : load(file);
    mmoe_dataset *rows;
    mmoe_trainer *trainer;
    float labels[BATCH];
    for (int i = 0; i < BATCH; i++) labels[i] = (float)(i % 2);
    OK(mmoe_dataset_create(mmoe_model_schema(model), &batch, labels, NULL, NULL, &rows, &err));
    OK(mmoe_trainer_create(model, &(mmoe_trainer_options){.threads = 1, .single_threaded_blas = 1},
                           NULL, &trainer, &err));
    OK(mmoe_trainer_step(trainer, rows, 0, BATCH, NULL, &err));
    get_scores(model, scores);
    ck_assert_mem_ne(scores, wanted, sizeof wanted);
    OK(mmoe_model_save(model, other, &err));
    mmoe_trainer_free(trainer);
    mmoe_dataset_free(rows);
    mmoe_model_free(model);
    char *after = get_file(file, &after_size);
    ck_assert_uint_eq(after_size, before_size);
    ck_assert_int_eq(memcmp(after, before, before_size), 0);
    free(before);
    free(after);
    model = load(other); /* the trained weights came through */
    float again[BATCH];
    get_scores(model, again);
    ck_assert_mem_eq(again, scores, sizeof again);
    mmoe_model_free(model);
}
END_TEST

/* Files of other writers do not put their tables where a page can be used as it is. */
START_TEST(what_is_not_aligned_is_copied) {
    size_t size;
    char *bytes = get_file(file, &size);
    uint64_t header;
    memcpy(&header, bytes, sizeof header);
    FILE *f = fopen(other, "wb");
    ck_assert_ptr_nonnull(f);
    const uint64_t longer = header + 8;
    ck_assert_uint_eq(fwrite(&longer, 8, 1, f), 1);
    ck_assert_uint_eq(fwrite(bytes + 8, 1, header, f), header);
    ck_assert_uint_eq(fwrite("        ", 1, 8, f), 8);
    ck_assert_uint_eq(fwrite(bytes + 8 + header, 1, size - 8 - header, f), size - 8 - header);
    ck_assert_int_eq(fclose(f), 0);
    free(bytes);
    mmoe_model *model = map(other);
    ck_assert_int_eq(usage_of(other).size, 0);
    get_scores(model, scores);
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
    mmoe_model_free(model);
}
END_TEST

START_TEST(a_file_that_is_replaced_stays) {
    mmoe_model *model = _i ? map(file) : load(file);
    OK(mmoe_model_save(model, other, &err));
    ck_assert_int_eq(rename(other, file), 0);
    ck_assert_int_eq(unlink(file), 0);
    get_scores(model, scores);
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
    OK(mmoe_model_save(model, file, &err)); /* for the next case */
    mmoe_model_free(model);
}
END_TEST

/* What people do to a file in its place: cp of a shorter one, of another of the same length, a
 * truncated copy, a rewritten byte. */
static void cut_off(void) { ck_assert_int_eq(truncate(file, 0), 0); }
static void cut_in_the_tables(void) { ck_assert_int_eq(truncate(file, 4 << 20), 0); }
static void overwrite(void) {
    FILE *f = fopen(file, "r+b");
    static const char junk[1 << 16] = {1};
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    const long size = ftell(f);
    rewind(f);
    for (long at = 0; at < size; at += (long)sizeof junk)
        ck_assert_uint_eq(fwrite(junk, 1, sizeof junk, f), sizeof junk);
    ck_assert_int_eq(fclose(f), 0);
}
static void grow(void) { ck_assert_int_eq(truncate(file, 256 << 20), 0); }
static void (*const changes[])(void) = {cut_off, cut_in_the_tables, overwrite, grow};

START_TEST(scores_stay_whatever_becomes_of_the_file) {
    mmoe_model *model = load(file);
    mmoe_slot *slot;
    mmoe_reader *reader;
    mmoe_served now;
    OK(mmoe_slot_create(model, NULL, &slot, &err));
    OK(mmoe_reader_create(slot, &reader, &err));
    for (int round = 0; round < 2; round++) {
        OK(mmoe_reader_enter(reader, &now, &err));
        OK(mmoe_predictor_run(now.predictor, &batch, scores, &err));
        ck_assert_mem_eq(scores, wanted, sizeof wanted);
        mmoe_reader_leave(reader);
        if (round == 0) changes[_i]();
    }
    mmoe_model *none = NULL; /* the same file again: an error, and the service goes on */
    ck_assert_int_ne(mmoe_model_load(file, NULL, &none, &err), MMOE_OK);
    ck_assert_ptr_null(none);
    get_scores(model, scores);
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
    OK(mmoe_model_save(model, other, &err));
    mmoe_reader_free(reader);
    mmoe_slot_free(slot);
    OK(rename(other, file)); /* what was saved is whole: the file for the next case */
    model = load(file);
    get_scores(model, scores);
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
    mmoe_model_free(model);
}
END_TEST

/* Large blocks go back to the system, with what was asked for them, whatever malloc there is. */
typedef struct block {
    _Alignas(64) size_t size;
} block;
static void *take(void *user, size_t size) {
    (void)user;
    block *b =
        mmap(NULL, sizeof *b + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b == MAP_FAILED) return NULL;
    b->size = size;
    return b + 1;
}
static void give_back(void *user, void *memory) {
    (void)user;
    block *b = memory;
    if (b) munmap(b - 1, sizeof *b + b[-1].size);
}
static void *resize(void *user, void *memory, size_t old_size, size_t new_size) {
    void *grown = take(user, new_size);
    if (grown) memcpy(grown, memory, old_size < new_size ? old_size : new_size);
    if (grown) give_back(user, memory);
    return grown;
}

START_TEST(huge_pages_are_asked_for) {
    const mmoe_allocator alloc = {NULL, take, resize, give_back};
    const size_t huge = (size_t)2 << 20;
    void *try = mmap(NULL, huge, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const int there = madvise(try, huge, MADV_HUGEPAGE) == 0;
    munmap(try, huge);
    const long before = usage_of("").advised;
    for (int i = 0; i < 6; i++) {
        const mmoe_model_load_options how = {.map_tables = i / 3, .huge_pages = i % 3 - 1};
        mmoe_model *model;
        OK(mmoe_model_load_with(file, &how, &alloc, &model, &err));
        const long read = usage_of("").advised - before, mapped = usage_of(file).advised;
        ck_assert(!there || (read >= tables / 2) == (how.huge_pages >= how.map_tables));
        ck_assert(!there || (mapped >= tables - 8) == (how.map_tables && how.huge_pages > 0));
        get_scores(model, scores);
        ck_assert_mem_eq(scores, wanted, sizeof wanted);
        mmoe_model_free(model);
        ck_assert_int_eq(usage_of(file).size, 0);
    }
}
END_TEST

/* Of the first call of a new model's predictor, whose code has run before. */
static long faults_of(mmoe_model_load_options how) {
    const mmoe_predictor_options options = {.rows = BATCH};
    mmoe_model *model = load_as(how);
    mmoe_predictor *predictor;
    OK(mmoe_predictor_create_with(model, &options, NULL, &predictor, &err));
    const long before = page_faults();
    OK(mmoe_predictor_run(predictor, &batch, scores, &err));
    const long now = page_faults() - before;
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    return now;
}

/* A fault of the system's own is not there in each of some attempts. */
START_TEST(the_first_call_waits_for_no_page) {
    const mmoe_model_load_options how = {.map_tables = _i, .huge_pages = _i > 1};
    long least = faults_of(how);
    for (int i = 0; least && i < 10; i++) {
        const long now = faults_of(how);
        if (now < least) least = now;
    }
    if (!IS_SANITIZED) ck_assert_int_eq(least, 0);
    ck_assert_int_gt(faults_of((mmoe_model_load_options){.map_tables = 1, .late_pages = 1}), 0);
}
END_TEST

START_TEST(nothing_is_mapped_unless_asked) {
    mmoe_model *read_one = load(file), *with_null = NULL, *with_zeros = NULL;
    mmoe_model_load_options options = {0};
    OK(mmoe_model_load_with(file, NULL, NULL, &with_null, &err));
    OK(mmoe_model_load_with(file, &options, NULL, &with_zeros, &err));
    ck_assert_int_eq(usage_of(file).size, 0);
    get_scores(with_zeros, scores);
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
    mmoe_model_free(read_one);
    mmoe_model_free(with_null);
    mmoe_model_free(with_zeros);
    mmoe_model *none = NULL;
    options.reserved[3] = &options;
    ck_assert_int_eq(mmoe_model_load_with(file, &options, NULL, &none, &err), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "mmoe_model_load_with: the options' reserved"));
    options = (mmoe_model_load_options){.huge_pages = 2};
    ck_assert_int_eq(mmoe_model_load_with(file, &options, NULL, &none, &err), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "huge_pages must be -1, 0 or 1, not 2"));
    ck_assert_int_eq(mmoe_model_load_with(NULL, NULL, NULL, &none, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_model_load_with(file, NULL, NULL, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_ptr_null(none);
}
END_TEST

/* The bytes go before the first score; cut or changed ones are refused. */
START_TEST(a_file_in_memory_is_loaded) {
    FILE *f = fopen(file, "rb");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    const size_t size = (size_t)ftell(f);
    char *bytes = malloc(size);
    rewind(f);
    ck_assert_uint_eq(fread(bytes, 1, size, f), size);
    fclose(f);
    mmoe_model *model = NULL, *none = NULL;
    OK(mmoe_model_load_bytes(bytes, size, NULL, &model, &err));
    ck_assert_int_eq(mmoe_model_load_bytes(bytes, size - 1, NULL, &none, &err), MMOE_E_FORMAT);
    ck_assert_int_eq(mmoe_model_load_bytes(bytes, 0, NULL, &none, &err), MMOE_E_FORMAT);
    bytes[size - 100] ^= 1;
    ck_assert_int_eq(mmoe_model_load_bytes(bytes, size, NULL, &none, &err), MMOE_E_FORMAT);
    memset(bytes, 0xa5, size);
    ck_assert_int_eq(mmoe_model_load_bytes(bytes, size, NULL, &none, &err), MMOE_E_FORMAT);
    free(bytes);
    ck_assert_int_eq(mmoe_model_load_bytes(NULL, size, NULL, &none, &err), MMOE_E_ARGUMENT);
    ck_assert_ptr_null(none);
    get_scores(model, scores);
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
    mmoe_model_free(model);
}
END_TEST

#ifdef LARGE
/* Of this process alone: the machine may have other work. */
static double processor_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* To take all bytes of the file from the system's cache, and to look at each. */
static double seconds_of_bytes(void) {
    static uint64_t piece[1 << 17];
    uint64_t sum = 0;
    FILE *f = fopen(file, "rb");
    ck_assert_ptr_nonnull(f);
    setvbuf(f, NULL, _IONBF, 0);
    const double start = processor_seconds();
    for (size_t n; (n = fread(piece, sizeof *piece, sizeof piece / sizeof *piece, f)) > 0;)
        for (size_t i = 0; i < n; i++) sum += piece[i];
    const double seconds = processor_seconds() - start;
    ck_assert_uint_ne(sum, 0);
    ck_assert_int_eq(fclose(f), 0);
    return seconds;
}

static double seconds_of_score(bool is_mapped) {
    const double start = processor_seconds();
    mmoe_model *model = is_mapped ? map(file) : load(file);
    get_scores(model, scores);
    const double seconds = processor_seconds() - start;
    mmoe_model_free(model);
    return seconds;
}

/* Which is within some times that of the bytes, on any machine and beside any work. */
START_TEST(the_first_score_comes_soon) {
    const double times = _i ? 2.5 : 4;
    double bytes = 1, score = 1;
    for (int i = 0; i < 20 && (i == 0 || score >= times * bytes); i++) {
        bytes = fmin(bytes, seconds_of_bytes());
        score = fmin(score, seconds_of_score(_i));
    }
    printf("%s: %.1f ms, %.1f times its bytes\n", _i ? "mapped" : "read", 1e3 * score,
           score / bytes);
    ck_assert_msg(score < times * bytes, "%g times", score / bytes);
}
END_TEST
#endif

void add_cases(TCase *c) {
    tcase_add_unchecked_fixture(c, set_up, tear_down);
    tcase_add_test(c, tables_are_mapped_if_asked);
    tcase_add_test(c, nothing_is_mapped_unless_asked);
    tcase_add_test(c, huge_pages_are_asked_for);
    tcase_add_loop_test(c, the_first_call_waits_for_no_page, 0, 3);
    tcase_add_test(c, a_file_in_memory_is_loaded);
    tcase_add_test(c, processes_share_the_tables);
    tcase_add_loop_test(c, training_leaves_the_file_as_it_was, 0, 2);
    tcase_add_test(c, what_is_not_aligned_is_copied);
#ifdef LARGE
    tcase_add_loop_test(c, the_first_score_comes_soon, 0, 2);
#endif
    tcase_add_loop_test(c, scores_stay_whatever_becomes_of_the_file, 0, 4);
    tcase_add_loop_test(c, a_file_that_is_replaced_stays, 0, 2);
}
