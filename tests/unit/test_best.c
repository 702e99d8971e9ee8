/* A run whose table is large keeps its best weights on disk: it ends with the bits of one that has
 * them in memory, goes on from its checkpoint, takes memory for weights and moments once, and says
 * it where the disk is full. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_main.h"
#include "succeeds.h"
#include "train/trainer.h"

enum { ROWS = 200, BATCH = 40, TABLE = 600000, DIM = 8, VALUES = TABLE * DIM };

#define JSON(trainer)                                                                              \
    "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 600000, \"embed_dim\": 8}]},"  \
    "\"tasks\": [{\"name\": \"x\", \"label\": \"x\", \"tower_params\": {\"dims\": [3]}}],"         \
    "\"model\": {\"n_expert\": 2, \"expert_params\": {\"dims\": [4]}, \"embedding_init\": "        \
    "\"uniform\"}, \"trainer\": {\"batch_size\": 40, \"n_epoch\": 2, " trainer "}}"
static const char json[] = JSON("\"optimizer\": \"adamw\""),
                  deferred[] = JSON("\"embedding_update\": \"deferred\", \"optimizer\": \"adam\", "
                                    "\"optimizer_params\": {\"weight_decay\": 0}");

static mmoe_config *config;
static mmoe_schema *schema;
static mmoe_dataset *rows;
static mmoe_model *model;
static mmoe_trainer *trainer;
static char folder[] = "/tmp/mmoe-best-XXXXXX", path[64];

static void set_up(void) {
    static const char *const columns[] = {"a"};
    static int32_t ids[ROWS];
    static float labels[ROWS];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/run.ckpt", folder);
    for (int i = 0; i < ROWS; i++) {
        ids[i] = (int32_t)((uint32_t)i * 7919u % TABLE);
        labels[i] = (float)(i % 3 == 0);
    }
    SUCCEEDS(mmoe_config_parse(json, sizeof json - 1, NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 1, NULL, &schema, &err));
    const mmoe_batch batch = {.rows = ROWS, .ids = ids, .id_stride = 1};
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &rows, &err));
}

static void drop_run(void) {
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    trainer = NULL;
    model = NULL;
}

static void tear_down(void) {
    drop_run();
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* no file but the checkpoint was left */
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}

static void begin_run(const mmoe_trainer_options *options) {
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    SUCCEEDS(mmoe_trainer_create(model, options, NULL, &trainer, &err));
}

static float *copy_table(void) {
    float *copy = malloc(VALUES * sizeof *copy);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, mmoe_params_rows(&model->params, 0), VALUES * sizeof *copy);
    return copy;
}

static int stop(void *user, const mmoe_epoch_report *report) {
    (void)user;
    return report->epoch == 1;
}

/* "VmRSS", "VmHWM" (its peak): kB. */
static long kilobytes(const char *name) {
    char line[256];
    long found = 0;
    FILE *f = fopen("/proc/self/status", "r");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name))) found = strtol(line + strlen(name) + 1, NULL, 10);
    fclose(f);
    return found;
}

int pages_are_counted = 1;

#ifdef __has_feature /* clang's word for it */
#define HAS(sanitizer) __has_feature(sanitizer)
#else
#define HAS(sanitizer) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || HAS(address_sanitizer)
enum { MEASURES = 0 };
#else
enum { MEASURES = 1 };
#endif

/* Weights, two moments and a step a row; the rest of a process of this size, less than a copy of
 * the weights, is ten percent and some. (Under an emulator, which Meson names, its own memory would
 * be counted.) */
static void check_peak(long before) {
    const long table = TABLE * (3 * DIM + 1) / 256, took = kilobytes("VmHWM:") - before;
    if (MEASURES && !getenv("MESON_EXE_WRAPPER"))
        ck_assert_msg(took < table + table / 10 + 8000, "%ld kB of %ld", took, table);
}

START_TEST(on_disk_and_in_memory_are_one) {
    const long before = kilobytes("VmRSS:");
    begin_run(&(mmoe_trainer_options){.threads = 2, .checkpoint_path = path, .on_epoch = stop});
    ck_assert_int_eq(mmoe_trainer_fit(trainer, rows, rows, NULL), MMOE_E_CANCELLED);
    drop_run();
    begin_run(&(mmoe_trainer_options){.threads = 3, .checkpoint_path = path});
    ck_assert_uint_eq(trainer->best.in_file, VALUES * sizeof(float));
    ck_assert_uint_lt(trainer->best.in_memory, 10000);
    SUCCEEDS(mmoe_trainer_resume(trainer, path, &err));
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, rows, &err));
    check_peak(before);
    float *on_disk = copy_table();
    drop_run();
    begin_run(&(mmoe_trainer_options){.threads = 1});
    ck_assert_uint_eq(trainer->best.in_file, 0);
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, rows, &err));
    ck_assert_mem_eq(on_disk, mmoe_params_rows(&model->params, 0), VALUES * sizeof(float));
    free(on_disk);
}
END_TEST

/* Of a model whose table is mapped neither weights nor moments of a row take memory before a step
 * reads it, pages apart. */
START_TEST(a_mapped_model_takes_what_is_touched) {
    enum { TOUCHED = BATCH, STEPS = 4 };
    static float labels[TOUCHED];
    int32_t ids[TOUCHED];
    const mmoe_batch batch = {.rows = TOUCHED, .ids = ids, .id_stride = 1};
    const mmoe_model_load_options mapped = {.map_tables = 1, .late_pages = 1};
    mmoe_config *other;
    mmoe_dataset *few;
    size_t of_file;
#ifdef M_PERTURB
    mallopt(M_PERTURB, 0); /* Meson's MALLOC_PERTURB_ touches all that is allocated */
#endif
    for (int i = 0; i < TOUCHED; i++) ids[i] = TABLE / 2 + i;
    SUCCEEDS(mmoe_config_parse(deferred, sizeof deferred - 1, NULL, NULL, &other, &err));
    SUCCEEDS(mmoe_model_create(other, schema, NULL, &model, &err));
    SUCCEEDS(mmoe_model_save(model, path, &err));
    mmoe_model_free(model);
    SUCCEEDS(mmoe_model_load_with(path, &mapped, NULL, &model, &err));
    mmoe_model_bytes(model, &of_file);
    ck_assert_uint_ge(of_file, VALUES * sizeof(float));
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &few, &err));
    const long before = kilobytes("VmRSS:");
    SUCCEEDS(
        mmoe_trainer_create(model, &(mmoe_trainer_options){.threads = 1}, NULL, &trainer, &err));
    for (int i = 0; i < STEPS; i++)
        SUCCEEDS(mmoe_trainer_step(trainer, few, 0, TOUCHED, NULL, &err));
    const long took = kilobytes("VmRSS:") - before, all = TABLE * (3 * DIM + 1) / 256;
    if (MEASURES) ck_assert_msg(took < all / 4, "%ld kB of %ld", took, all);
    mmoe_dataset_free(few);
    mmoe_config_free(other);
}
END_TEST

/* ---- Full disks ---- */

static void limit_files(rlim_t bytes) {
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){bytes, RLIM_INFINITY}), 0);
}

static int limit(void *user, const mmoe_epoch_report *report) {
    (void)user;
    (void)report;
    limit_files(1 << 20);
    return 0;
}

static void fails_to_keep(const char *why) {
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_trainer_fit(trainer, rows, NULL, &err), MMOE_E_IO);
    limit_files(RLIM_INFINITY);
    ck_assert_msg(strstr(err.message, "cannot keep the best weights (19 MB) in a temporary file "
                                      "there") &&
                      strstr(err.message, why),
                  "%s", err.message);
}

START_TEST(a_full_disk_is_told_before_the_first_step) {
    signal(SIGXFSZ, SIG_IGN);
    begin_run(&(mmoe_trainer_options){.threads = 2, .best_folder = folder});
    limit_files(1 << 20);
    fails_to_keep("File too large");
    ck_assert_uint_eq(trainer->optimizer.steps, 0);
    drop_run();
    begin_run(&(mmoe_trainer_options){.threads = 2, .best_folder = "/none"});
    fails_to_keep("No such file");
}
END_TEST

/* A disk that fails behind an epoch costs the run, not its weights: nothing of the file is read. */
START_TEST(what_cannot_be_kept_stays_in_the_model) {
    signal(SIGXFSZ, SIG_IGN);
    begin_run(&(mmoe_trainer_options){.threads = 2, .best_folder = folder, .on_epoch = limit});
    float *first = copy_table();
    fails_to_keep("File too large");
    ck_assert_uint_eq(trainer->optimizer.steps, 2 * ROWS / BATCH);
    ck_assert_int_ne(memcmp(first, mmoe_params_rows(&model->params, 0), VALUES * sizeof(float)), 0);
    ck_assert_int_eq(trainer->at.has_best, 0);
    free(first);
}
END_TEST

/* A file system that is interrupted, and then cannot reserve. */
static const int *answers; /* 0 behind the last */
static off_t most_at_once; /* that it reserves before the next signal; 0: any number */
static int calls;

int posix_fallocate(int file, off_t offset, off_t size) {
    if (answers && *answers) return *answers++;
    ck_assert_int_lt(++calls, 1000);
    if (most_at_once && size > most_at_once) return EINTR;
    return ftruncate(file, offset + size) ? errno : 0;
}

START_TEST(room_is_asked_for_until_there_is_an_answer) {
    static const int told[] = {EINTR, EINTR, 0}, cannot[] = {EINTR, EOPNOTSUPP, 0};
    signal(SIGXFSZ, SIG_IGN);
    for (int i = 0; i < 2; i++) {
        answers = i ? cannot : told;
        begin_run(&(mmoe_trainer_options){.threads = 2, .best_folder = folder});
        SUCCEEDS(mmoe_best_open(&trainer->best, &err));
        ck_assert_int_eq(*answers, 0);
        struct stat info;
        ck_assert_int_eq(fstat(trainer->best.file, &info), 0);
        ck_assert_int_eq(info.st_size, VALUES * sizeof(float));
        drop_run();
    }
    answers = cannot;
    begin_run(&(mmoe_trainer_options){.threads = 2, .best_folder = folder});
    limit_files(1 << 20);
    fails_to_keep("File too large");
    ck_assert_uint_eq(trainer->optimizer.steps, 0);
}
END_TEST

/* Signals that come more often than all of it could be reserved. */
START_TEST(room_is_asked_for_between_signals) {
    most_at_once = 100000;
    begin_run(&(mmoe_trainer_options){.threads = 2, .best_folder = folder});
    SUCCEEDS(mmoe_best_open(&trainer->best, &err));
    struct stat info;
    ck_assert_int_eq(fstat(trainer->best.file, &info), 0);
    ck_assert_int_eq(info.st_size, VALUES * sizeof(float));
}
END_TEST

/* A checkpoint that is written or read is not what fails. */
START_TEST(the_file_that_fails_is_told) {
    mmoe_error fault = {0};
    begin_run(&(mmoe_trainer_options){.threads = 2, .best_folder = folder});
    SUCCEEDS(mmoe_trainer_save(trainer, path, &err));
    ck_assert_int_eq(ftruncate(trainer->best.file, 5), 0);
    ck_assert_int_eq(mmoe_trainer_save(trainer, path, &fault), MMOE_E_IO);
    ck_assert_msg(strstr(fault.message, "cannot find the best weights (19 MB)") != NULL, "%s",
                  fault.message);
    const int unwritable = open("/dev/null", O_RDONLY);
    ck_assert_int_eq(dup2(unwritable, trainer->best.file), trainer->best.file);
    close(unwritable);
    ck_assert_int_eq(mmoe_trainer_resume(trainer, path, &fault), MMOE_E_IO);
    ck_assert_msg(strstr(fault.message, "cannot keep the best weights (19 MB)") != NULL, "%s",
                  fault.message);
}
END_TEST

/* ---- Stretches ---- */

START_TEST(a_file_that_is_too_short_is_told) {
    enum { SIZE = MMOE_PIECE + 3 };
    char *bytes = calloc(SIZE, 1), *read = malloc(SIZE);
    FILE *f = tmpfile();
    const mmoe_allocator a = mmoe_allocator_or_default(NULL);
    mmoe_stretch memory = {.data = bytes, .file = -1, .bytes = SIZE},
                 file = {.file = fileno(f), .place = 5, .bytes = SIZE};
    const mmoe_stretch_work out = {.from = &memory, .to = &file, .count = 1},
                            in = {.from = &file, .to = &memory, .count = 1};
    for (int i = 0; i < SIZE; i++) bytes[i] = (char)(i * 31 >> 3);
    ck_assert_int_eq(mmoe_stretches_run(&out, NULL, &a), MMOE_OK);
    memory.data = read;
    ck_assert_int_eq(mmoe_stretches_run(&in, NULL, &a), MMOE_OK);
    ck_assert_mem_eq(bytes, read, SIZE);
    ck_assert_int_eq(ftruncate(fileno(f), SIZE), 0);
    ck_assert_int_eq(mmoe_stretches_run(&in, NULL, &a), MMOE_E_IO);
    fclose(f);
    free(bytes);
    free(read);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, on_disk_and_in_memory_are_one);
    tcase_add_test(c, a_mapped_model_takes_what_is_touched);
    tcase_add_test(c, a_full_disk_is_told_before_the_first_step);
    tcase_add_test(c, what_cannot_be_kept_stays_in_the_model);
    tcase_add_test(c, room_is_asked_for_until_there_is_an_answer);
    tcase_add_test(c, room_is_asked_for_between_signals);
    tcase_add_test(c, the_file_that_fails_is_told);
    tcase_add_test(c, a_file_that_is_too_short_is_told);
}
