/* Every block of a run is in its checkpoint; no number, block or version that cannot be is read,
 * and what is refused leaves the trainer as it was. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_main.h"
#include "models_support.h"
#include "succeeds.h"
#include "base/checksum.h"
#include "file/container.h"
#include "train/trainer.h"

enum { ROWS = 100, SPARSE = 3, DENSE = 2, TASKS = 2, MOST = 256, EPOCHS = 4 };

static char path[] = "/tmp/mmoe-checkpoint-XXXXXX", changed[] = "/tmp/mmoe-checkpoint-XXXXXX";
static mmoe_config *config;
static mmoe_schema *schema;
static mmoe_dataset *rows;
static mmoe_model *model;
static mmoe_trainer *trainer;

static void begin_run(void) {
    const mmoe_trainer_options options = {.threads = 1};
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    for (int i = 0; i < 3; i++) SUCCEEDS(mmoe_trainer_step(trainer, rows, 16 * i, 16, NULL, &err));
    trainer->at = (mmoe_progress_state){.epoch = 2, .row = 48, .waited = 1, .seconds = 3};
    SUCCEEDS(mmoe_checkpoint_write(trainer, path, &err));
}

static void set_up(void) {
    static int32_t ids[ROWS * SPARSE];
    static float dense[ROWS * DENSE], labels[ROWS * TASKS];
    char json[1024];
    ck_assert(close(mkstemp(path)) == 0 && close(mkstemp(changed)) == 0);
    models_json(json, 3, 5, 16);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_config_set(config, "trainer.ema_decay", "0.9", &err));
    SUCCEEDS(mmoe_schema_create(config, models_columns, MODELS_COLUMNS, NULL, &schema, &err));
    for (int i = 0; i < ROWS * SPARSE; i++) ids[i] = i % 7;
    for (int i = 0; i < ROWS * DENSE; i++) dense[i] = (float)(i % 11) / 11;
    for (int i = 0; i < ROWS * TASKS; i++) labels[i] = (float)(i % 3 == 0);
    const mmoe_batch batch = {
        .rows = ROWS, .ids = ids, .id_stride = SPARSE, .dense = dense, .dense_stride = DENSE};
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &rows, &err));
    begin_run();
}

static void tear_down(void) {
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    unlink(path);
    unlink(changed);
}

/* ---- Changing a checkpoint ---- */

typedef struct edit {
    mmoe_container *file;
    mmoe_container_tensor tensors[MOST];
    size_t count;
    const char *version;
} edit;

static edit begin_edit(void) {
    edit e = {.version = "4"};
    SUCCEEDS(mmoe_container_open(path, false, NULL, &e.file, &err));
    e.count = mmoe_container_count(e.file);
    ck_assert_uint_le(e.count, MOST);
    for (size_t i = 0; i < e.count; i++) e.tensors[i] = *mmoe_container_at(e.file, i);
    return e;
}

static mmoe_container_tensor *tensor_of(edit *e, const char *name) {
    for (size_t i = 0; i < e->count; i++)
        if (!strcmp(e->tensors[i].name, name)) return &e->tensors[i];
    ck_abort_msg("no tensor %s", name);
    return NULL;
}

/* Writes what was changed, with a checksum that fits. */
static void end_edit(edit *e) {
    uint64_t sum = 0;
    char text[17];
    for (size_t i = 0; i < e->count; i++)
        sum += mmoe_checksum_part(e->tensors[i].name, e->tensors[i].data, e->tensors[i].bytes);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)sum);
    const char *const metadata[] = {"format",
                                    "mmoe-checkpoint",
                                    "format_version",
                                    e->version,
                                    "checksum",
                                    text,
                                    "config",
                                    mmoe_container_metadata(e->file, "config"),
                                    NULL};
    SUCCEEDS(mmoe_container_write(changed, e->tensors, e->count, metadata, NULL, &err));
    mmoe_container_close(e->file);
}

static void same_file(const char *a, const char *b) {
    char command[256];
    snprintf(command, sizeof command, "cmp -s %s %s", a, b);
    ck_assert_int_eq(system(command), 0);
}

static void refuse_changed(mmoe_status wanted, const char *text) {
    mmoe_error fault = {0};
    ck_assert_msg(mmoe_checkpoint_read(trainer, changed, &fault) == wanted, "%s: %s", text,
                  fault.message);
    ck_assert_msg(strstr(fault.message, text) != NULL, "\"%s\" is not in \"%s\"", text,
                  fault.message);
    SUCCEEDS(mmoe_checkpoint_write(trainer, changed, &err));
    same_file(path, changed);
}

static void refuse_version(const char *version, mmoe_status wanted, const char *text) {
    edit e = begin_edit();
    e.version = version;
    end_edit(&e);
    refuse_changed(wanted, text);
}

/* ---- Blocks ---- */

START_TEST(every_block_is_there) {
    static const char *const groups[] = {"now.", "best.", "average.", "optimizer.m.",
                                         "optimizer.v."};
    edit e = begin_edit();
    const mmoe_params *p = &model->params;
    for (int g = 0; g < 5; g++)
        for (int32_t i = 0; i < (g < 2 ? p->n_block : p->n_trained); i++) {
            char name[128];
            const mmoe_block *b = &p->blocks[i].memory;
            snprintf(name, sizeof name, "%s%s", groups[g], b->name);
            const mmoe_container_tensor *t = tensor_of(&e, name);
            ck_assert_int_eq(t->dtype, b->dtype);
            ck_assert_int_eq(t->shape[0], b->count);
            if (g == 0) ck_assert_mem_eq(t->data, b->data, t->bytes);
        }
    const mmoe_container_tensor *m = tensor_of(&e, "optimizer.m.layers.values");
    ck_assert_mem_eq(m->data, trainer->optimizer.blocks[p->n_table].m, m->bytes);
    tensor_of(&e, "now.embedding.embed_dict.a.weight");
    mmoe_container_close(e.file);
}
END_TEST

START_TEST(what_lacks_a_block_is_refused) {
    edit e = begin_edit();
    const size_t drop = (size_t)_i;
    if (drop >= e.count) {
        mmoe_container_close(e.file);
        return;
    }
    char text[256];
    snprintf(text, sizeof text, "the checkpoint lacks \"%s\"", e.tensors[drop].name);
    e.tensors[drop] = e.tensors[--e.count];
    end_edit(&e);
    refuse_changed(MMOE_E_FORMAT, text);
}
END_TEST

START_TEST(other_sizes_and_versions_are_refused) {
    edit e = begin_edit();
    mmoe_container_tensor *t = tensor_of(&e, "best.embedding.embed_dict.b.weight");
    t->shape[0]--;
    t->bytes -= sizeof(float);
    end_edit(&e);
    refuse_changed(MMOE_E_FORMAT,
                   "\"best.embedding.embed_dict.b.weight\" of the checkpoint has not");
    e = begin_edit();
    tensor_of(&e, "progress.seconds")->dtype = MMOE_I64;
    end_edit(&e);
    refuse_changed(MMOE_E_FORMAT, "\"progress.seconds\" of the checkpoint has not");
    refuse_version("5", MMOE_E_FORMAT, "what the checkpoint says of its shards cannot be read");
    refuse_version("6", MMOE_E_VERSION, "written by a newer version, mmoe ");
    refuse_version("10", MMOE_E_VERSION, "the checkpoint has format version 10; mmoe ");
    refuse_version("four", MMOE_E_FORMAT, "its format_version is no positive number");
    refuse_version("2", MMOE_E_FORMAT, "the checkpoint lacks \"progress.integers\"");
}
END_TEST

/* Version 3 kept a step behind each record, also where a rule's steps move no row that is not read.
 */
START_TEST(records_of_version_3_have_steps) {
    static float wide[2][1024];
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    SUCCEEDS(mmoe_config_set(config, "trainer.ema_decay", "0", &err));
    SUCCEEDS(mmoe_config_set(config, "trainer.optimizer", "sgd", &err));
    SUCCEEDS(mmoe_config_set(config, "trainer.optimizer_params.weight_decay", "0", &err));
    SUCCEEDS(mmoe_config_set(config, "trainer.embedding_update", "deferred", &err));
    begin_run();
    edit e = begin_edit();
    e.version = "3";
    ck_assert_int_eq(model->params.n_table, 2);
    for (int k = 0; k < 2; k++) {
        char name[128];
        snprintf(name, sizeof name, "optimizer.records.%s", model->params.blocks[k].memory.name);
        mmoe_container_tensor *t = tensor_of(&e, name);
        const size_t width = (size_t)model->params.tables[k].dim, count = (size_t)t->shape[0];
        ck_assert_uint_eq(count % width, 0);
        ck_assert_uint_le(count / width * (width + 1), 1024);
        for (size_t i = 0; i < count; i++)
            wide[k][i / width * (width + 1) + i % width] = ((const float *)t->data)[i];
        for (size_t row = 0; row < count / width; row++) wide[k][row * (width + 1) + width] = 0.5F;
        t->data = wide[k];
        t->shape[0] = (int64_t)(count / width * (width + 1));
        t->bytes = (size_t)t->shape[0] * sizeof(float);
    }
    end_edit(&e);
    SUCCEEDS(mmoe_trainer_step(trainer, rows, 64, 16, NULL, &err));
    SUCCEEDS(mmoe_checkpoint_read(trainer, changed, &err));
    SUCCEEDS(mmoe_checkpoint_write(trainer, changed, &err));
    same_file(path, changed);
}
END_TEST

/* ---- Numbers ---- */

static const struct {
    const char *name;
    bool is_real;
    double low, high; /* the last that are read */
} bounds[] = {
    {"steps", false, 0, 1e15},
    {"epoch", false, 1, EPOCHS},
    {"row", false, 0, 1e15},
    {"waited", false, 0, 2},
    {"has_best", false, 0, 1},
    {"finished", false, 0, 1},
    {"schedule.has_best", false, 0, 1},
    {"schedule.waited", false, 0, 2},
    {"seconds", true, 0, 1e300},
    {"schedule.rate", true, 0, 1e300},
};
enum { BOUNDS = sizeof bounds / sizeof *bounds };

static void change_number(int which, double value) {
    char name[64];
    edit e = begin_edit();
    union {
        int64_t integer;
        double real;
    } cell;
    if (bounds[which].is_real)
        cell.real = value;
    else
        cell.integer = (int64_t)value;
    snprintf(name, sizeof name, "progress.%s", bounds[which].name);
    tensor_of(&e, name)->data = &cell;
    end_edit(&e);
}

START_TEST(numbers_have_bounds) {
    const bool endless = bounds[_i].high > EPOCHS;
    const double beyond[] = {bounds[_i].low - 1, bounds[_i].high + 1};
    char text[64];
    snprintf(text, sizeof text, "progress is impossible (%s)", bounds[_i].name);
    for (int k = 0; k < (endless ? 1 : 2); k++) {
        if (beyond[k] == 0) continue; /* an epoch before those that were waited for */
        change_number(_i, beyond[k]);
        refuse_changed(MMOE_E_FORMAT, text);
    }
    if (bounds[_i].is_real) {
        change_number(_i, (double)NAN);
        refuse_changed(MMOE_E_FORMAT, text);
    }
    const double good[] = {bounds[_i].low, bounds[_i].high};
    for (int k = 0; k < 2; k++) {
        change_number(_i, good[k]);
        SUCCEEDS(mmoe_checkpoint_read(trainer, changed, &err));
    }
}
END_TEST

/* An epoch of 2^32 + 1 is none of 1. */
START_TEST(numbers_are_not_cut) {
    change_number(1, 0x1p32 + 1);
    refuse_changed(MMOE_E_FORMAT, "progress is impossible (epoch)");
    change_number(1, 0);
    refuse_changed(MMOE_E_FORMAT, "progress is impossible (waited)");
}
END_TEST

/* A step would count on, past the last number. */
START_TEST(counts_of_batches_have_bounds) {
    static const char *const blocks[] = {"now.layers.counters", "best.layers.counters"};
    const int64_t bad[] = {-1, ((int64_t)1 << 62) + 1, INT64_MAX};
    for (int i = 0; i < 6; i++) {
        edit e = begin_edit();
        mmoe_container_tensor *t = tensor_of(&e, blocks[i % 2]);
        int64_t counts[64] = {0};
        ck_assert(t->bytes > 0 && t->bytes <= sizeof counts);
        counts[t->shape[0] - 1] = bad[i / 2];
        t->data = counts;
        end_edit(&e);
        refuse_changed(MMOE_E_FORMAT, "counts of batches are impossible");
    }
}
END_TEST

/* ---- A file that is written to while it is read ---- */

static struct {
    int until; /* allocations */
    off_t place;
} meddling;

static void put_last(char byte) {
    const int file = open(path, O_RDWR);
    ck_assert_int_eq(pwrite(file, &byte, 1, meddling.place), 1);
    close(file);
}

static void *meddle(void *user, size_t size) {
    const struct timespec times[2] = {{1000, 0}, {1000, 0}}; /* clocks of files are coarse */
    (void)user;
    if (meddling.until > 0 && --meddling.until == 0) {
        put_last('?');
        ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    }
    return malloc(size);
}
static void *resize(void *user, void *memory, size_t old_size, size_t new_size) {
    (void)user;
    (void)old_size;
    return realloc(memory, new_size);
}
static void release(void *user, void *memory) {
    (void)user;
    free(memory);
}

/* Whenever that is, what is read is what had been written, or it is told. */
START_TEST(what_changes_meanwhile_is_told) {
    const mmoe_allocator alloc = {NULL, meddle, resize, release};
    const mmoe_trainer_options options = {.threads = 1};
    edit e = begin_edit();
    const mmoe_container_tensor *last = &e.tensors[e.count - 1]; /* which is read last */
    const char byte = ((const char *)last->data)[last->bytes - 1];
    mmoe_container_close(e.file);
    struct stat info;
    int told = 0;
    ck_assert_int_eq(stat(path, &info), 0);
    meddling.place = info.st_size - 1;
    SUCCEEDS(mmoe_checkpoint_write(trainer, changed, &err));
    mmoe_trainer_free(trainer);
    SUCCEEDS(mmoe_trainer_create(model, &options, &alloc, &trainer, &err));
    for (int n = 1, was_changed = 1; was_changed; n++) {
        mmoe_error why = {0};
        meddling.until = n;
        const mmoe_status status = mmoe_checkpoint_read(trainer, path, &why);
        was_changed = meddling.until == 0;
        meddling.until = 0;
        told += status == MMOE_E_IO && strstr(why.message, "was written to meanwhile");
        if (was_changed) put_last(byte);
        if (status) continue;
        SUCCEEDS(mmoe_checkpoint_write(trainer, path, &err));
        same_file(path, changed);
    }
    ck_assert_int_ge(told, 3);
}
END_TEST

/* A key that may differ, and so tells nothing of itself. */
START_TEST(changed_texts_are_refused) {
    static const char key[] = "n_epoch\\\": ";
    static char bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    char *at = memmem(bytes, size, key, strlen(key));
    ck_assert(size < sizeof bytes && at != NULL);
    at[strlen(key)] ^= 1;
    file = fopen(changed, "wb");
    ck_assert(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    refuse_changed(MMOE_E_FORMAT, "are not those that were written");
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, every_block_is_there);
    tcase_add_loop_test(c, what_lacks_a_block_is_refused, 0, 48);
    tcase_add_test(c, other_sizes_and_versions_are_refused);
    tcase_add_test(c, records_of_version_3_have_steps);
    tcase_add_loop_test(c, numbers_have_bounds, 0, BOUNDS);
    tcase_add_test(c, numbers_are_not_cut);
    tcase_add_test(c, counts_of_batches_have_bounds);
    tcase_add_test(c, changed_texts_are_refused);
    tcase_add_test(c, what_changes_meanwhile_is_told);
}
