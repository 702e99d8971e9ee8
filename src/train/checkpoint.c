/* A checkpoint is a safetensors file of a run's memory, block by block: parameters, moments,
 * average, best parameters; and where the run stands, a number a tensor ("progress.epoch"). Rows of
 * deferred tables stand in it as they are, behind or not, with the step at which all were up to
 * date: what a resumed run makes of them is then what the run itself would have made, to the bit.
 *
 * Version 2 had the tables and the layers' values in one tensor ("now.values"), in the order of the
 * whole (graph/params.h), and the numbers in two. The list of parts says where each stood; so the
 * reader reads both. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/checksum.h"
#include "config/config_compare.h"
#include "file/container.h"
#include "model/model_file.h"
#include "train/checkpoint_place.h"

#define VERSION "3"
enum { INTEGERS_OF_2 = 10, REALS_OF_2 = 4 };

/* ---- Parts ---- */

/* Elements [first, first + count of the part) of a tensor of `count` elements. */
typedef struct part_source {
    const char *tensor; /* NULL: there is none */
    int64_t first, count;
} part_source;

/* One tensor of the file: the same list writes and reads. */
typedef struct run_part {
    char *name;
    mmoe_block memory; /* its name is not used */
    part_source of_2;
} run_part;

typedef struct part_list {
    const mmoe_allocator *alloc;
    run_part *parts;
    size_t count;
    mmoe_place_cell cells[MMOE_PLACE_FIELDS]; /* what the first parts are */
    bool failed;                              /* memory is out */
} part_list;

static const char settled_name[] = "optimizer.settled";

static void add_part(part_list *l, const char *group, const mmoe_block *memory, part_source of_2) {
    const size_t size = strlen(group) + strlen(memory->name) + 1;
    run_part *p = &l->parts[l->count];
    *p = (run_part){mmoe_alloc(l->alloc, size, 1), *memory, of_2};
    l->failed |= !p->name;
    if (!p->name) return;
    snprintf(p->name, size, "%s%s", group, memory->name);
    l->count++;
}

static void add_fields(part_list *l, const mmoe_place_field *fields) {
    for (int i = 0; i < MMOE_PLACE_FIELDS; i++) {
        const bool real = fields[i].type == MMOE_FIELD_REAL;
        const mmoe_block cell = {fields[i].name, real ? MMOE_F64 : MMOE_I64, 1, &l->cells[i]};
        part_source of_2 = {real ? "progress.reals" : "progress.integers", fields[i].of_2,
                            real ? REALS_OF_2 : INTEGERS_OF_2};
        if (fields[i].of_2 < 0) of_2.tensor = NULL;
        add_part(l, "progress.", &cell, of_2);
    }
}

static void add_doubles(part_list *l, const char *name, int64_t count, double *data) {
    if (data)
        add_part(l, "", &(mmoe_block){name, MMOE_F64, count, data}, (part_source){name, 0, count});
}

/* What of the parameters is not trained. */
static void add_state(part_list *l, const mmoe_params *p, const char *group, mmoe_dtype dtype,
                      const char *of_2) {
    for (int32_t i = p->n_trained; i < p->n_block; i++) {
        const mmoe_block *b = &p->blocks[i].memory;
        if (b->dtype == dtype) add_part(l, group, b, (part_source){of_2, 0, b->count});
    }
}

static void add_values(part_list *l, const mmoe_params *p, const char *group, const char *of_2) {
    for (int32_t i = 0; i < p->n_trained; i++)
        add_part(l, group, &p->blocks[i].memory,
                 (part_source){of_2, p->blocks[i].place, p->n_whole});
}

static void add_moments(part_list *l, const mmoe_trainer *t, bool second) {
    const mmoe_params *p = &t->model->params;
    for (int32_t i = 0; i < p->n_trained; i++) {
        const mmoe_optimizer_block *own = &t->optimizer.blocks[i];
        mmoe_block b = p->blocks[i].memory;
        b.data = second ? own->v : own->m;
        if (b.data) b.count = mmoe_optimizer_moments(own);
        if (b.data)
            add_part(l, second ? "optimizer.v." : "optimizer.m.", &b,
                     (part_source){second ? "optimizer.v" : "optimizer.m", p->blocks[i].place,
                                   p->n_whole});
    }
}

static void add_records(part_list *l, const mmoe_trainer *t) {
    const mmoe_optimizer *o = &t->optimizer;
    for (int32_t i = 0; i < o->n_block; i++) {
        const mmoe_optimizer_block *b = &o->blocks[i];
        if (!b->records) continue;
        const int64_t count = b->count / b->dim * b->record;
        const mmoe_block records = {t->model->params.blocks[i].memory.name, MMOE_I32, count,
                                    b->records};
        add_part(l, "optimizer.records.", &records, (part_source){"optimizer.records", 0, count});
    }
}

static void add_settled(part_list *l, const mmoe_trainer *t) {
    const mmoe_history *h = &t->optimizer.history;
    const mmoe_block base = {settled_name, MMOE_I64, 1, (void *)(uintptr_t)&h->base};
    if (h->rates) add_part(l, "", &base, (part_source){settled_name, 0, 1});
}

static void finish_list(part_list *l) {
    for (size_t i = 0; i < l->count; i++) mmoe_release(l->alloc, l->parts[i].name);
    mmoe_release(l->alloc, l->parts);
}

/* 8-byte types first, which keeps each aligned. The list is to be finished on failure, too. */
static mmoe_status list_parts(const mmoe_trainer *t, const mmoe_place_field *fields, part_list *l,
                              mmoe_error *err) {
    const mmoe_params *now = &t->model->params, *best = &t->best;
    const int64_t tasks = t->model->schema->n_label;
    const size_t most = MMOE_PLACE_FIELDS + 4 + 5 * (size_t)now->n_block;
    *l = (part_list){.alloc = &t->alloc};
    l->parts = mmoe_alloc(l->alloc, most, sizeof *l->parts);
    if (!l->parts) return mmoe_fail_memory(err, most * sizeof *l->parts);
    add_fields(l, fields);
    add_doubles(l, "epoch.loss_sum", tasks, t->loss_sum);
    add_doubles(l, "epoch.weight_sum", tasks, t->weight_sum);
    add_doubles(l, "balance.state", t->balancer.balance.n_state, t->balancer.balance.state);
    add_settled(l, t);
    add_state(l, now, "now.", MMOE_I64, "now.counters");
    add_state(l, best, "best.", MMOE_I64, "best.counters");
    add_state(l, now, "now.", MMOE_F32, "now.states");
    add_state(l, best, "best.", MMOE_F32, "best.states");
    add_values(l, now, "now.", "now.values");
    add_values(l, best, "best.", "best.values");
    add_moments(l, t, false);
    add_moments(l, t, true);
    add_records(l, t);
    if (t->average.values) add_values(l, &t->average, "average.", "average.values");
    return l->failed ? mmoe_fail_memory(err, most * sizeof *l->parts) : MMOE_OK;
}

static uint64_t checksum_of(const mmoe_container_tensor *tensors, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += mmoe_checksum_part(tensors[i].name, tensors[i].data, tensors[i].bytes);
    return sum;
}

static void print_hex(uint64_t x, char out[17]) {
    for (int i = 15; i >= 0; i--, x >>= 4) out[i] = "0123456789abcdef"[x & 15];
    out[16] = '\0';
}

static size_t bytes_of(const mmoe_block *b) { return (size_t)b->count * mmoe_dtype_size(b->dtype); }

/* ---- Writing ---- */

static mmoe_status write_parts(const mmoe_trainer *t, const part_list *l, const char *path,
                               mmoe_error *err) {
    mmoe_container_tensor *tensors = mmoe_alloc(l->alloc, l->count, sizeof *tensors);
    if (!tensors) return mmoe_fail_memory(err, l->count * sizeof *tensors);
    for (size_t i = 0; i < l->count; i++) {
        const mmoe_block *b = &l->parts[i].memory;
        tensors[i] = (mmoe_container_tensor){.name = l->parts[i].name,
                                             .dtype = b->dtype,
                                             .rank = 1,
                                             .shape = {b->count},
                                             .data = b->data,
                                             .bytes = bytes_of(b)};
    }
    char sum[17], *config;
    print_hex(checksum_of(tensors, l->count), sum);
    mmoe_status status = mmoe_config_text(t->model->config, &config, err);
    if (!status) {
        const char *const metadata[] = {"format",
                                        MMOE_CHECKPOINT_FORMAT,
                                        "format_version",
                                        VERSION,
                                        "mmoe_version",
                                        mmoe_version(),
                                        "checksum",
                                        sum,
                                        "config",
                                        config,
                                        NULL};
        status = mmoe_container_write(path, tensors, l->count, metadata, l->alloc, err);
        mmoe_config_text_free(t->model->config, config);
    }
    mmoe_release(l->alloc, tensors);
    return status;
}

mmoe_status mmoe_checkpoint_write(const mmoe_trainer *t, const char *path, mmoe_error *err) {
    mmoe_run_place place = {t->optimizer.steps, t->at, t->schedule};
    mmoe_place_field fields[MMOE_PLACE_FIELDS];
    part_list l;
    mmoe_place_fields(t->model->config->trainer.n_epoch, &place, fields);
    mmoe_status status = list_parts(t, fields, &l, err);
    for (int i = 0; i < MMOE_PLACE_FIELDS; i++) l.cells[i] = mmoe_place_value(&fields[i]);
    if (!status) status = write_parts(t, &l, path, err);
    finish_list(&l);
    return status;
}

mmoe_status mmoe_checkpoint_size(const mmoe_trainer *t, int64_t *bytes, mmoe_error *err) {
    mmoe_run_place place = {t->optimizer.steps, t->at, t->schedule};
    mmoe_place_field fields[MMOE_PLACE_FIELDS];
    part_list l;
    mmoe_place_fields(t->model->config->trainer.n_epoch, &place, fields);
    const mmoe_status status = list_parts(t, fields, &l, err);
    *bytes = 0;
    for (size_t i = 0; i < l.count; i++) *bytes += (int64_t)bytes_of(&l.parts[i].memory);
    finish_list(&l);
    return status;
}

/* ---- Reading ---- */

static mmoe_status check_format(const mmoe_container *c, const char *path, mmoe_error *err) {
    const char *format = mmoe_container_metadata(c, "format"),
               *version = mmoe_container_metadata(c, "format_version");
    if (format && strcmp(format, MMOE_FILE_FORMAT) == 0)
        return mmoe_fail_format(err, path,
                                "this is a model, and no checkpoint of a run; `mmoe train --from` "
                                "starts from a model's weights");
    if (!format || strcmp(format, MMOE_CHECKPOINT_FORMAT) != 0 || !version ||
        !mmoe_container_metadata(c, "config"))
        return mmoe_fail_format(err, path, "this is no checkpoint of mmoe");
    if (strcmp(version, VERSION) != 0 && strcmp(version, "2") != 0)
        return mmoe_fail_at(
            err, MMOE_E_VERSION, path, 0, NULL,
            "the checkpoint has format version %s; this library reads 2 and " VERSION, version);
    return MMOE_OK;
}

/* The trainer's configuration against the checkpoint's, in which keys that its version did not know
 * have their defaults. *n_epoch: the checkpoint's. */
static mmoe_status check_config(const mmoe_trainer *t, const mmoe_container *c, const char *path,
                                int32_t *n_epoch, mmoe_error *err) {
    static const char t_max[] = "trainer.scheduler_params.t_max ";
    const char *written = mmoe_container_metadata(c, "config");
    mmoe_config *began = NULL;
    mmoe_error why;
    mmoe_status status = mmoe_config_parse(written, strlen(written), NULL, &t->alloc, &began, &why);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, strlen(written));
    if (status) return mmoe_fail_format(err, path, "the checkpoint's %s", why.message);
    char difference[MMOE_DIFFERENCE_SIZE];
    status = mmoe_config_compare(t->model->config, began, difference, err);
    const char *hint = strncmp(difference, t_max, strlen(t_max)) == 0
                           ? "; unless it is set, it is trainer.n_epoch"
                           : "";
    if (!status && *difference)
        status = mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, NULL,
                              "the checkpoint was written with another configuration: %s%s",
                              difference, hint);
    *n_epoch = began->trainer.n_epoch;
    mmoe_config_free(began);
    return status;
}

static part_source source_of(const mmoe_container *c, const run_part *p) {
    const bool is_2 = strcmp(mmoe_container_metadata(c, "format_version"), "2") == 0;
    return is_2 ? p->of_2 : (part_source){p->name, 0, p->memory.count};
}

/* Where a part's bytes stand in the file, which is checked to have them; NULL: in a file of version
 * 2, of a part that it does not know. */
static const char *bytes_in_file(const mmoe_container *c, const run_part *p) {
    const part_source s = source_of(c, p);
    return s.tensor ? (const char *)mmoe_container_find(c, s.tensor)->data +
                          (size_t)s.first * mmoe_dtype_size(p->memory.dtype)
                    : NULL;
}

/* Everything is checked before the first byte of the trainer changes. */
static mmoe_status check_parts(const mmoe_container *c, const part_list *l, const char *path,
                               mmoe_error *err) {
    for (size_t i = 0; i < l->count; i++) {
        const part_source s = source_of(c, &l->parts[i]);
        if (!s.tensor) continue;
        const mmoe_container_tensor *x = mmoe_container_find(c, s.tensor);
        if (!x)
            return mmoe_fail_at(err, MMOE_E_FORMAT, path, 0, NULL,
                                "the checkpoint lacks \"%.120s\"", s.tensor);
        if (x->dtype != l->parts[i].memory.dtype || x->rank != 1 || x->shape[0] != s.count)
            return mmoe_fail_at(
                err, MMOE_E_FORMAT, path, 0, NULL,
                "\"%.120s\" of the checkpoint has not the size of this model and data", s.tensor);
    }
    char sum[17];
    const size_t count = mmoe_container_count(c);
    print_hex(checksum_of(count ? mmoe_container_at(c, 0) : NULL, count), sum);
    const char *written = mmoe_container_metadata(c, "checksum");
    if (!written || strcmp(sum, written) != 0)
        return mmoe_fail_at(err, MMOE_E_FORMAT, path, 0, NULL,
                            "the checkpoint's bytes are not those that were written (checksum)");
    return MMOE_OK;
}

/* Of batches, which batch norm goes on counting. */
static mmoe_status check_counts(const mmoe_container *c, const part_list *l, const char *path,
                                mmoe_error *err) {
    for (size_t i = MMOE_PLACE_FIELDS; i < l->count; i++) {
        const mmoe_block *b = &l->parts[i].memory;
        const bool counts = b->dtype == MMOE_I64 && strcmp(l->parts[i].name, settled_name) != 0;
        const char *bytes = counts ? bytes_in_file(c, &l->parts[i]) : NULL;
        for (int64_t k = 0; bytes && k < b->count; k++) {
            int64_t value;
            memcpy(&value, bytes + (size_t)k * sizeof value, sizeof value);
            if (value < 0 || value > MMOE_FILE_MOST_BATCHES)
                return mmoe_fail_at(err, MMOE_E_FORMAT, path, 0, NULL,
                                    "the checkpoint's counts of batches are impossible");
        }
    }
    return MMOE_OK;
}

static mmoe_status read_fields(const mmoe_container *c, const part_list *l,
                               const mmoe_place_field *fields, const char *path, mmoe_error *err) {
    for (int i = 0; i < MMOE_PLACE_FIELDS; i++) {
        const char *bytes = bytes_in_file(c, &l->parts[i]);
        mmoe_place_cell value;
        if (!bytes) continue;
        memcpy(&value, bytes, sizeof value);
        if (!mmoe_place_set(&fields[i], value))
            return mmoe_fail_at(err, MMOE_E_FORMAT, path, 0, NULL,
                                "the checkpoint's progress is impossible (%s)", fields[i].name);
    }
    return MMOE_OK;
}

/* A run of fewer epochs than are done already is none to go on with. */
static mmoe_status check_epochs(const mmoe_trainer *t, const mmoe_progress_state *at,
                                const char *path, mmoe_error *err) {
    const int32_t n_epoch = t->model->config->trainer.n_epoch;
    if (at->epoch <= n_epoch) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, NULL,
                        "trainer.n_epoch is %d, but the checkpoint's run has done %d epochs",
                        (int)n_epoch, (int)at->epoch);
}

/* A table that does not learn is at every step what it began with: the checkpoint's is the model's,
 * unless the model began with another file than the run did. */
static mmoe_status check_frozen(const mmoe_trainer *t, const mmoe_container *c, const part_list *l,
                                const char *path, mmoe_error *err) {
    const mmoe_params *p = &t->model->params;
    for (int32_t i = 0; i < p->n_trained; i++) {
        const mmoe_block *b = &p->blocks[i].memory;
        size_t k = 0;
        if (!p->blocks[i].is_frozen) continue;
        while (l->parts[k].memory.data != b->data) k++;
        if (memcmp(bytes_in_file(c, &l->parts[k]), b->data, bytes_of(b)) != 0)
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, t->model->schema->tables[i].name,
                                "the table does not learn, but is another than the checkpoint's: "
                                "its pretrained file has changed");
    }
    return MMOE_OK;
}

/* The history of a trainer with deferred tables is not longer than its memory. */
static mmoe_status check_settled(const mmoe_container *c, const part_list *l, uint64_t steps,
                                 const char *path, mmoe_error *err) {
    for (size_t i = MMOE_PLACE_FIELDS; i < l->count; i++) {
        uint64_t settled;
        if (strcmp(l->parts[i].name, settled_name) != 0) continue;
        memcpy(&settled, bytes_in_file(c, &l->parts[i]), sizeof settled);
        if (settled > steps || steps - settled > MMOE_HISTORY_STEPS)
            return mmoe_fail_at(err, MMOE_E_FORMAT, path, 0, NULL,
                                "the checkpoint's progress is impossible (%s)", settled_name);
    }
    return MMOE_OK;
}

/* The steps since all rows were up to date, which are of the current epoch. */
static void rebuild_history(mmoe_trainer *t) {
    mmoe_optimizer *o = &t->optimizer;
    const uint64_t steps = o->steps;
    if (!o->history.rates) return;
    mmoe_history_restart(&o->history, o->history.base);
    for (o->steps = o->history.base; o->steps < steps;) {
        mmoe_optimizer_begin(o, mmoe_trainer_rate(t));
        mmoe_optimizer_end(o);
    }
}

/* `n_epoch`: of the run as it began. */
static mmoe_status read_parts(mmoe_trainer *t, const mmoe_container *c, int32_t n_epoch,
                              const char *path, mmoe_error *err) {
    mmoe_run_place place = {0};
    mmoe_place_field fields[MMOE_PLACE_FIELDS];
    part_list l;
    mmoe_place_fields(n_epoch, &place, fields);
    mmoe_status status = list_parts(t, fields, &l, err);
    if (!status) status = check_parts(c, &l, path, err);
    if (!status) status = check_counts(c, &l, path, err);
    if (!status) status = check_frozen(t, c, &l, path, err);
    if (!status) status = read_fields(c, &l, fields, path, err);
    if (!status) status = check_epochs(t, &place.at, path, err);
    if (!status) status = check_settled(c, &l, place.steps, path, err);
    if (!status) {
        for (size_t i = MMOE_PLACE_FIELDS; i < l.count; i++)
            if (l.parts[i].memory.count)
                memcpy(l.parts[i].memory.data, bytes_in_file(c, &l.parts[i]),
                       bytes_of(&l.parts[i].memory));
        t->optimizer.steps = place.steps;
        t->at = place.at;
        t->schedule = place.schedule;
        rebuild_history(t);
    }
    finish_list(&l);
    return status;
}

mmoe_status mmoe_checkpoint_read(mmoe_trainer *t, const char *path, mmoe_error *err) {
    mmoe_container *c;
    int32_t n_epoch;
    mmoe_status status = mmoe_container_open(path, false, &t->alloc, &c, err);
    if (status) return status;
    status = check_format(c, path, err);
    if (!status) status = check_config(t, c, path, &n_epoch, err);
    if (!status) status = read_parts(t, c, n_epoch, path, err);
    mmoe_container_close(c);
    return status;
}
