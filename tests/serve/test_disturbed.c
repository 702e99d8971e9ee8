/* A model's file that is cut off, or written to, while its tables are being mapped: before any of
 * the calls that ask the system for something of it. That is an error. (test_container_read.c has
 * files that are read.) */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check_main.h"
#include "files.h"
#include "mmoe/train.h"

enum { ROWS_A = 40000, ROWS_B = 60001, SPARSE = 2, BATCH = 16 };

static char path[128], copy[128], run_copy[128];
static int32_t ids[BATCH * SPARSE];
static float wanted[BATCH], scores[BATCH];
static const mmoe_batch batch = {BATCH, ids, SPARSE, NULL, 0};
static mmoe_error err;

#define OK(call) ck_assert_msg(!(call), "%s", err.message)

/* ---- The calls, which change the file ---- */

static long calls, change_at;
static void (*change)(void);

static void count_call(void) {
    if (++calls == change_at) change();
}

/* In libc's place. */
ssize_t pread64(int fd, void *to, size_t size, off_t place);
ssize_t pread64(int fd, void *to, size_t size, off_t place) {
    count_call();
    return syscall(SYS_pread64, fd, to, size, place);
}
int madvise(void *memory, size_t size, int advice) __THROW;
int madvise(void *memory, size_t size, int advice) {
    count_call();
    return (int)syscall(SYS_madvise, memory, size, advice);
}

static void cut_off(void) { ck_assert_int_eq(truncate(path, 0), 0); }
static void cut_in_the_tables(void) { ck_assert_int_eq(truncate(path, 4 << 20), 0); }
static void lengthen(void) { ck_assert_int_eq(truncate(path, 64 << 20), 0); }
static void overwrite(void) {
    const int fd = open(path, O_WRONLY);
    ck_assert_int_ge(fd, 0);
    for (off_t at = 1 << 20; at < 8 << 20; at += 1 << 16)
        ck_assert_int_eq(pwrite(fd, "x", 1, at), 1);
    close(fd);
}
static void (*const ways[])(void) = {cut_off, cut_in_the_tables, lengthen, overwrite};
enum { WAYS = sizeof ways / sizeof *ways };

/* ---- The file ---- */

static void get_scores(const mmoe_model *model, float *out) {
    mmoe_predictor *predictor;
    OK(mmoe_predictor_create(model, NULL, &predictor, &err));
    OK(mmoe_predictor_run(predictor, &batch, out, &err));
    mmoe_predictor_free(predictor);
}

static void set_up(void) {
    char json[512];
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": %d, \"embed_dim\": "
             "32}, {\"name\": \"b\", \"vocab_size\": %d, \"embed_dim\": 16}]}, \"tasks\": "
             "[{\"name\": \"x\", \"label\": \"x\"}]}",
             ROWS_A, ROWS_B);
    const char *const columns[] = {"a", "b"};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *model;
    make_folder();
    snprintf(path, sizeof path, "%s/m", folder);
    snprintf(copy, sizeof copy, "%s/copy", folder);
    snprintf(run_copy, sizeof run_copy, "%s/run", folder);
    for (int i = 0; i < BATCH; i++) {
        ids[i * SPARSE] = ROWS_A - 1 - i * 1000;
        ids[i * SPARSE + 1] = ROWS_B - 1 - i * 1000;
    }
    OK(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    OK(mmoe_schema_create(config, columns, 2, NULL, &schema, &err));
    OK(mmoe_model_create(config, schema, NULL, &model, &err));
    OK(mmoe_model_save(model, copy, &err));
    get_scores(model, wanted);
    mmoe_model_free(model);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}

static void tear_down(void) {
    unlink(path);
    unlink(copy);
    unlink(run_copy);
    ck_assert_int_eq(empty_folder(), 0);
    remove_folder();
}

/* The whole file at `path`, of an age at which a change is seen in its time. */
static void put_file_back(const char *good) {
    static const struct timespec old[2] = {{1000, 0}, {1000, 0}};
    static char buffer[1 << 20];
    const int from = open(good, O_RDONLY),
              to = open(path, O_WRONLY | O_CREAT | O_TRUNC, S_IRUSR | S_IWUSR);
    ck_assert(from >= 0 && to >= 0);
    for (ssize_t got; (got = read(from, buffer, sizeof buffer)) > 0;)
        ck_assert_int_eq(write(to, buffer, (size_t)got), got);
    close(from);
    close(to);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), 0);
}

static mmoe_status load(bool late, long at, mmoe_model **out) {
    const mmoe_model_load_options how = {.map_tables = 1, .late_pages = late, .huge_pages = late};
    put_file_back(copy);
    calls = 0;
    change_at = at;
    return mmoe_model_load_with(path, &how, NULL, out, &err);
}

/* Before the first and last calls, and some of those which read the tables piece by piece. */
START_TEST(no_load_may_be_disturbed) {
    const bool late = _i >= WAYS;
    mmoe_model *model = NULL, *none = NULL;
    change = ways[_i % WAYS];
    size_t mapped;
    OK(load(late, 0, &model));
    mmoe_model_bytes(model, &mapped);
    ck_assert_uint_ge(mapped, 8 << 20);
    get_scores(model, scores);
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
    mmoe_model_free(model);
    const long all = calls;
    ck_assert_int_ge(all, 20);
    for (long at = 1, step; at <= all; at += step) {
        const mmoe_status status = load(late, at, &none);
        ck_assert_msg(status == MMOE_E_IO, "call %ld of %ld: status %d: %s", at, all, status,
                      err.message);
        ck_assert_ptr_nonnull(strstr(err.message, "/m: cannot read: the file was "));
        ck_assert_ptr_null(none);
        step = at < 6 || at >= all - 14 ? 1 : 9;
    }
}
END_TEST

/* ---- A checkpoint ---- */

static mmoe_status resume(mmoe_trainer *trainer, long at) {
    put_file_back(run_copy);
    calls = 0;
    change_at = at;
    return mmoe_trainer_resume(trainer, path, &err);
}

/* But before its header is read, when a file that was cut off is a short one. */
START_TEST(no_resume_may_be_disturbed) {
    mmoe_model *model;
    mmoe_trainer *trainer;
    OK(mmoe_model_load(copy, NULL, &model, &err));
    OK(mmoe_trainer_create(model, NULL, NULL, &trainer, &err));
    OK(mmoe_trainer_save(trainer, run_copy, &err));
    change = ways[_i];
    OK(resume(trainer, 0));
    const long all = calls;
    ck_assert_int_ge(all, 20);
    for (long at = 3; at <= all; at += at < 4 || at >= all - 1 ? 1 : all / 4) {
        const mmoe_status status = resume(trainer, at);
        ck_assert_msg(status == MMOE_E_IO, "call %ld of %ld: status %d: %s", at, all, status,
                      err.message);
        ck_assert_ptr_nonnull(strstr(err.message, "/m: cannot read: the file was "));
    }
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_unchecked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, no_load_may_be_disturbed, 0, 2 * WAYS);
    tcase_add_loop_test(c, no_resume_may_be_disturbed, 0, WAYS);
}
