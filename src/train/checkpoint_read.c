#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/text.h"
#include "config/config_compare.h"
#include "model/model_file.h"
#include "train/checkpoint_parts.h"
#include "train/checkpoint_vocabs.h"
#include "train/shards.h"
#include "train/whole_rows.h"

/* A checkpoint that is read. */
typedef struct reading {
    mmoe_trainer *t;
    const char *path;
    mmoe_container *file;
    char version; /* '2' to '5' */
    mmoe_shard_files shards;
    mmoe_run_parts parts;
    int32_t n_epoch; /* of the run as it began */
} reading;

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
    const char *writer = mmoe_container_metadata(c, "mmoe_version");
    int64_t number;
    if (!mmoe_parse_int64(version, strlen(version), &number) || number < 1)
        return mmoe_fail_format(err, path, "its format_version is no positive number");
    if (number > *MMOE_CHECKPOINT_SHARDED - '0')
        return mmoe_fail_at(err, MMOE_E_VERSION, path, 0, NULL,
                            "written by a newer version, mmoe %.40s: the checkpoint has format "
                            "version %s; mmoe %s reads 2 to " MMOE_CHECKPOINT_SHARDED,
                            writer ? writer : "(unknown)", version, mmoe_version());
    if (number < 2)
        return mmoe_fail_at(err, MMOE_E_VERSION, path, 0, NULL,
                            "the checkpoint has format version %s; this library reads 2 "
                            "to " MMOE_CHECKPOINT_SHARDED,
                            version);
    return MMOE_OK;
}

/* The trainer's configuration against the checkpoint's, in which keys that its version did not know
 * have their defaults. */
static mmoe_status check_config(reading *r, mmoe_error *err) {
    static const char t_max[] = "trainer.scheduler_params.t_max ";
    const mmoe_trainer *t = r->t;
    const char *path = r->path, *written = mmoe_container_metadata(r->file, "config");
    mmoe_config *began = NULL;
    mmoe_error why;
    mmoe_status status = mmoe_config_parse(written, strlen(written), NULL, &t->alloc, &began, &why);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, strlen(written));
    if (status) return mmoe_fail_format(err, path, "the checkpoint's %s", why.message);
    char difference[MMOE_DIFFERENCE_SIZE];
    mmoe_config_set_member(began, t->model->config->member);
    status = mmoe_config_compare(t->model->config, began, difference, err);
    const char *hint = strncmp(difference, t_max, strlen(t_max)) == 0
                           ? "; unless it is set, it is trainer.n_epoch"
                           : "";
    if (!status && *difference)
        status = mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, NULL,
                              "the checkpoint was written with another configuration: %s%s",
                              difference, hint);
    r->n_epoch = began->trainer.n_epoch;
    mmoe_config_free(began);
    return status;
}

/* ---- Bytes ---- */

static mmoe_status run(const reading *r, const mmoe_stretch_work *work, mmoe_error *err) {
    const mmoe_status status = mmoe_stretches_run(work, r->t->pool, r->parts.alloc);
    return status ? mmoe_pieces_failed(r->path, status, err) : MMOE_OK;
}

/* A small part's elements, to `to`. */
static mmoe_status read_part(const reading *r, size_t i, void *to, mmoe_error *err) {
    const mmoe_stretch memory = {.data = to, .file = -1, .bytes = r->parts.in_file[i].bytes};
    return run(r, &(mmoe_stretch_work){.from = &r->parts.in_file[i], .to = &memory, .count = 1},
               err);
}

/* The first piece of a part in which something is wrong. */
typedef struct finding {
    const char *wanted; /* [bytes of the part] */
    atomic_bool found;
} finding;

static mmoe_status look_at_part(const reading *r, size_t i, finding *f,
                                void (*look)(void *, const mmoe_piece *), mmoe_error *err) {
    atomic_init(&f->found, false);
    return run(
        r,
        &(mmoe_stretch_work){.from = &r->parts.in_file[i], .count = 1, .look = look, .context = f},
        err);
}

/* ---- Checks: of everything, before the first byte of the trainer changes ---- */

static mmoe_part_source source_of(const reading *r, const mmoe_run_part *p) {
    if (r->version == '2') return p->of_2;
    return (mmoe_part_source){r->version == '3' && p->not_of_3 ? NULL : p->name, 0, p->count};
}

/* A step behind each record, where none is kept now. */
static bool has_steps(const reading *r, const mmoe_run_part *p, const mmoe_container_tensor *x) {
    return r->version == '3' && p->stepless && x &&
           x->shape[0] == p->count / p->stepless * (p->stepless + 1);
}

/* Finds where each part stands; one that a file of an older version does not know has no bytes. */
static mmoe_status find_parts(reading *r, mmoe_error *err) {
    for (size_t i = 0; i < r->parts.count; i++) {
        mmoe_run_part *p = &r->parts.items[i];
        const mmoe_part_source s = source_of(r, p);
        mmoe_stretch *at = &r->parts.in_file[i], in_shards[MMOE_TABLE_PARTS];
        *at = (mmoe_stretch){.file = -1};
        if (!s.tensor) continue;
        p->is_in_shards = mmoe_shard_files_have(&r->shards, p);
        if (p->is_in_shards) {
            const mmoe_status status = mmoe_shard_files_find(&r->shards, p, in_shards, err);
            if (status) return status;
            continue;
        }
        const mmoe_container_tensor *x = mmoe_container_find(r->file, s.tensor);
        if (!x)
            return mmoe_fail_at(err, MMOE_E_FORMAT, r->path, 0, NULL,
                                "the checkpoint lacks \"%.120s\"", s.tensor);
        if (x->dtype != p->dtype || x->rank != 1 || (x->shape[0] != s.count && !has_steps(r, p, x)))
            return mmoe_fail_at(
                err, MMOE_E_FORMAT, r->path, 0, NULL,
                "\"%.120s\" of the checkpoint has not the size of this model and data", s.tensor);
        const size_t before = (size_t)(s.first + p->first) * mmoe_dtype_size(p->dtype);
        *at = mmoe_container_stretch(r->file, x);
        at->bytes = r->parts.stretches[i].bytes;
        at->place += (int64_t)before;
        if (at->data) at->data += before;
    }
    return MMOE_OK;
}

static uint64_t sum_tensors(const reading *r) {
    uint64_t sum = 0;
    for (size_t i = 0; i < mmoe_container_count(r->file); i++) {
        const mmoe_container_tensor *x = mmoe_container_at(r->file, i);
        sum += mmoe_checksum_part(x->name, x->data, x->bytes);
    }
    return sum;
}

/* Of a file that says what they were. */
static bool has_its_texts(const reading *r) {
    const char *written = mmoe_container_metadata(r->file, MMOE_CHECKPOINT_TEXTS);
    char text[MMOE_CHECKSUM_SIZE];
    mmoe_checkpoint_sum_texts(mmoe_container_metadata(r->file, "config"),
                              mmoe_container_metadata(r->file, MMOE_CHECKPOINT_META), text);
    return !written || strcmp(text, written) == 0;
}

static mmoe_status check_sum(const reading *r, mmoe_error *err) {
    uint64_t sum = 0;
    char text[MMOE_CHECKSUM_SIZE];
    mmoe_status status = MMOE_OK;
    if (r->version >= *MMOE_CHECKPOINT_VERSION)
        status = mmoe_pieces_sum(r->file, r->t->pool, r->parts.alloc, &sum, err);
    else
        sum = sum_tensors(r);
    if (!status) status = mmoe_container_check_unchanged(r->file, err);
    if (status) return status;
    mmoe_checksum_print(sum, text);
    const char *written = mmoe_container_metadata(r->file, "checksum");
    if (written && strcmp(text, written) == 0 && has_its_texts(r)) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_FORMAT, r->path, 0, NULL,
                        "the checkpoint's bytes are not those that were written (checksum)");
}

/* In the memory that a file of an older version was read to. */
static void drop_steps(const reading *r) {
    for (size_t i = 0; i < r->parts.count; i++) {
        const mmoe_run_part *p = &r->parts.items[i];
        if (!has_steps(r, p, mmoe_container_find(r->file, p->name))) continue;
        const size_t size = (size_t)p->stepless * sizeof(float);
        char *records = r->parts.in_file[i].data;
        for (size_t row = 1; row < (size_t)(p->count / p->stepless); row++)
            memmove(records + row * size, records + row * (size + sizeof(uint32_t)), size);
    }
}

static void look_for_bad_counts(void *context, const mmoe_piece *p) {
    finding *f = context;
    for (size_t at = 0; at < p->size; at += sizeof(int64_t)) {
        int64_t value;
        memcpy(&value, (const char *)p->bytes + at, sizeof value);
        if (value < 0 || value > MMOE_FILE_MOST_BATCHES) atomic_store(&f->found, true);
    }
}

/* Of batches, which batch norm goes on counting. */
static mmoe_status check_counts(const reading *r, mmoe_error *err) {
    for (size_t i = MMOE_PLACE_FIELDS; i < r->parts.count; i++) {
        const mmoe_run_part *p = &r->parts.items[i];
        finding f = {0};
        if (p->dtype != MMOE_I64 || strcmp(p->name, MMOE_CHECKPOINT_SETTLED) == 0) continue;
        const mmoe_status status = look_at_part(r, i, &f, look_for_bad_counts, err);
        if (status) return status;
        if (atomic_load(&f.found))
            return mmoe_fail_at(err, MMOE_E_FORMAT, r->path, 0, NULL,
                                "the checkpoint's counts of batches are impossible");
    }
    return MMOE_OK;
}

static void look_for_differences(void *context, const mmoe_piece *p) {
    finding *f = context;
    if (p->size && memcmp(p->bytes, f->wanted + p->first, p->size) != 0)
        atomic_store(&f->found, true);
}

/* A table that does not learn is at every step what it began with: the checkpoint's is the model's,
 * unless the model began with another file than the run did. It need not be read, then. */
static mmoe_status check_frozen(const reading *r, mmoe_error *err) {
    for (size_t i = 0; i < r->parts.count; i++) {
        const int32_t table = r->parts.items[i].frozen;
        finding f = {.wanted = r->parts.stretches[i].data};
        if (table < 0) continue;
        const mmoe_status status = look_at_part(r, i, &f, look_for_differences, err);
        if (status) return status;
        if (atomic_load(&f.found))
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, r->path, 0,
                                r->t->model->schema->tables[table].name,
                                "the table does not learn, but is another than the checkpoint's: "
                                "its pretrained file has changed");
        r->parts.in_file[i].bytes = 0;
    }
    return MMOE_OK;
}

static mmoe_status read_fields(const reading *r, const mmoe_place_field *fields, mmoe_error *err) {
    for (size_t i = 0; i < MMOE_PLACE_FIELDS; i++) {
        mmoe_place_cell value;
        if (!r->parts.in_file[i].bytes) continue;
        const mmoe_status status = read_part(r, i, &value, err);
        if (status) return status;
        if (!mmoe_place_set(&fields[i], value))
            return mmoe_fail_at(err, MMOE_E_FORMAT, r->path, 0, NULL,
                                "the checkpoint's progress is impossible (%s)", fields[i].name);
    }
    return MMOE_OK;
}

/* A run of fewer epochs than are done already is none to go on with. */
static mmoe_status check_epochs(const reading *r, const mmoe_progress_state *at, mmoe_error *err) {
    const int32_t n_epoch = r->t->model->config->trainer.n_epoch;
    if (at->epoch <= n_epoch) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, r->path, 0, NULL,
                        "trainer.n_epoch is %d, but the checkpoint's run has done %d epochs",
                        (int)n_epoch, (int)at->epoch);
}

/* The history of a trainer with deferred tables is not longer than its memory. */
static mmoe_status check_settled(const reading *r, uint64_t steps, mmoe_error *err) {
    for (size_t i = MMOE_PLACE_FIELDS; i < r->parts.count; i++) {
        uint64_t settled;
        if (strcmp(r->parts.items[i].name, MMOE_CHECKPOINT_SETTLED) != 0) continue;
        const mmoe_status status = read_part(r, i, &settled, err);
        if (status) return status;
        if (settled > steps || steps - settled > MMOE_HISTORY_STEPS)
            return mmoe_fail_at(err, MMOE_E_FORMAT, r->path, 0, NULL,
                                "the checkpoint's progress is impossible (%s)",
                                MMOE_CHECKPOINT_SETTLED);
    }
    return MMOE_OK;
}

/* ---- Reading ---- */

/* The steps since all rows were up to date, which are of the current epoch. */
static void rebuild_history(mmoe_trainer *t) {
    mmoe_optimizer *o = &t->optimizer;
    const uint64_t steps = o->steps;
    if (!o->history.rates) return;
    mmoe_history_restart(&o->history, o->history.base);
    mmoe_optimizer_expect(o, mmoe_trainer_most_rate(t));
    for (o->steps = o->history.base; o->steps < steps;) {
        mmoe_optimizer_begin(o, mmoe_trainer_rate(t));
        mmoe_optimizer_end(o);
    }
}

/* The run is made anew for what its lists were. */
static mmoe_status expect_lists(const reading *r, bool known, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    if (!known) return t->knows_lists ? mmoe_trainer_expect_lists(t, NULL, err) : MMOE_OK;
    size_t i = MMOE_PLACE_FIELDS;
    while (i < r->parts.count && strcmp(r->parts.items[i].name, MMOE_CHECKPOINT_LISTS) != 0) i++;
    if (i == r->parts.count) return MMOE_OK;
    double *elements = mmoe_alloc(&t->alloc, 1, r->parts.in_file[i].bytes);
    if (!elements) return mmoe_fail_memory(err, r->parts.in_file[i].bytes);
    mmoe_status status = read_part(r, i, elements, err);
    if (!status) status = mmoe_trainer_expect_lists(t, elements, err);
    mmoe_release(&t->alloc, elements);
    return status;
}

/* Of several ranks, or from what several have written, the rows that this one owns, and their
 * records: not those that stand in the file as they do here. */
static mmoe_status read_rows_of(reading *r, size_t i, const mmoe_dealing *by, mmoe_error *err) {
    const mmoe_run_part *p = &r->parts.items[i];
    mmoe_stretch in_shards[MMOE_TABLE_PARTS];
    mmoe_dealt_parts stored = {&r->parts.in_file[i], 0};
    mmoe_status status = MMOE_OK;
    int32_t failed;
    if (p->is_in_shards) {
        status = mmoe_shard_files_find(&r->shards, p, in_shards, err);
        stored = mmoe_shard_files_rows(&r->shards, in_shards);
    }
    if (status) return status;
    status = mmoe_dealt_rows_read(by, &p->dealt, &stored, &failed);
    r->parts.in_file[i].bytes = 0;
    if (!status) return MMOE_OK;
    if (status == MMOE_E_IO && failed < 0) return mmoe_best_failed(&r->t->best, true, err);
    const bool is_of_shard = p->is_in_shards && failed >= 0;
    return mmoe_pieces_failed(is_of_shard ? mmoe_container_name(r->shards.files[failed]) : r->path,
                              status, err);
}

static bool is_read_by_rows(const mmoe_run_part *p) {
    return p->is_in_shards || mmoe_run_part_is_dealt(p);
}

static mmoe_status read_rows(reading *r, mmoe_error *err) {
    const mmoe_trainer *t = r->t;
    const size_t bytes = (size_t)mmoe_whole_rows_room(&t->model->params) * sizeof(float);
    mmoe_dealing by = {.room = (char *)t->rows_room, .pool = t->pool, .alloc = &t->alloc};
    char *room = NULL;
    mmoe_status status = MMOE_OK;
    for (size_t i = MMOE_PLACE_FIELDS; i < r->parts.count && !status; i++) {
        if (!is_read_by_rows(&r->parts.items[i])) continue;
        if (!by.room) by.room = room = mmoe_alloc_aligned(by.alloc, 1, bytes);
        status = by.room ? read_rows_of(r, i, &by, err) : mmoe_fail_memory(err, bytes);
    }
    mmoe_release_aligned(by.alloc, room);
    return status ? status : mmoe_shard_files_unchanged(&r->shards, err);
}

/* What is not of the place, and not the model's already: read once more behind the checksum. */
static mmoe_status read_blocks(const reading *r, mmoe_error *err) {
    bool cannot_read = false; /* the one file that parts go to is the best weights' */
    const mmoe_stretch_work work = {.from = r->parts.in_file + MMOE_PLACE_FIELDS,
                                    .to = r->parts.stretches + MMOE_PLACE_FIELDS,
                                    .count = r->parts.count - MMOE_PLACE_FIELDS,
                                    .cannot_read = &cannot_read};
    r->t->best.is_used = true;
    const mmoe_status status = mmoe_stretches_run(&work, r->t->pool, r->parts.alloc);
    if (status == MMOE_E_IO && !cannot_read) return mmoe_best_failed(&r->t->best, true, err);
    return status ? mmoe_pieces_failed(r->path, status, err)
                  : mmoe_container_check_unchanged(r->file, err);
}

static mmoe_status read_parts(reading *r, mmoe_error *err) {
    mmoe_trainer *t = r->t;
    mmoe_run_place place = {.schedule.lr = (double)t->model->config->trainer.optimizer.lr};
    mmoe_place_field fields[MMOE_PLACE_FIELDS];
    mmoe_place_fields(r->n_epoch, &place, fields);
    mmoe_status status = mmoe_best_open(&t->best, err);
    if (status) return status;
    status = mmoe_run_parts_list(t, fields, NULL, &r->parts, err);
    if (!status) status = find_parts(r, err);
    if (!status) drop_steps(r);
    if (!status) status = check_counts(r, err);
    if (!status) status = check_frozen(r, err);
    if (!status) status = read_fields(r, fields, err);
    if (!status) status = check_epochs(r, &place.at, err);
    if (!status) status = check_settled(r, place.steps, err);
    if (!status) status = mmoe_shard_files_check(&r->shards, t->pool, err);
    if (!status) status = expect_lists(r, place.knows_lists, err);
    if (!status) status = read_rows(r, err);
    if (!status) status = read_blocks(r, err);
    if (!status) {
        t->optimizer.steps = place.steps;
        t->at = place.at;
        t->schedule = place.schedule;
        t->has_fitted = place.has_fitted;
        t->has_old_rows = false;
        rebuild_history(t);
    }
    mmoe_run_parts_finish(&r->parts);
    return status;
}

/* Of an older version, all of it to memory: its checksum is of whole tensors. */
static mmoe_status open_file(reading *r, mmoe_error *err) {
    const mmoe_allocator *alloc = &r->t->alloc;
    mmoe_status status = mmoe_container_open_header(r->path, alloc, &r->file, err);
    if (!status) status = check_format(r->file, r->path, err);
    if (status) return status;
    r->version = *mmoe_container_metadata(r->file, "format_version");
    if (r->version >= *MMOE_CHECKPOINT_VERSION) return MMOE_OK;
    mmoe_container_close(r->file);
    r->file = NULL;
    return mmoe_container_open(r->path, false, alloc, &r->file, err);
}

/* The model's texts as they are to be: what training told is the checkpoint's. */
static mmoe_status read_meta(const reading *r, mmoe_meta *out, mmoe_error *err) {
    const mmoe_model *m = r->t->model;
    const char *text = mmoe_container_metadata(r->file, MMOE_CHECKPOINT_META);
    mmoe_meta told = {0};
    mmoe_status status = text ? mmoe_meta_read(text, r->path, &m->alloc, &told, err) : MMOE_OK;
    if (!status) status = mmoe_meta_merge(out, &m->meta, "", &m->alloc, err);
    mmoe_meta_clear(out, MMOE_META_TRAINING, &m->alloc);
    if (!status) status = mmoe_meta_merge(out, &told, MMOE_META_TRAINING, &m->alloc, err);
    mmoe_meta_finish(&told, &m->alloc);
    return status;
}

mmoe_status mmoe_checkpoint_read(mmoe_trainer *t, const char *path, mmoe_error *err) {
    reading r = {.t = t, .path = path, .parts.alloc = &t->alloc};
    mmoe_model *m = t->model;
    mmoe_meta meta = {0};
    mmoe_regrowth grown;
    mmoe_status status = open_file(&r, err);
    if (!status) status = check_config(&r, err);
    if (!status) status = mmoe_shard_files_open(&r.shards, r.file, path, &t->alloc, err);
    if (!status) status = read_meta(&r, &meta, err);
    if (!status) status = check_sum(&r, err);
    if (!status) status = mmoe_regrowth_begin(t, r.file, path, &grown, err);
    if (!status) {
        status = read_parts(&r, err);
        mmoe_regrowth_end(&grown, status != MMOE_OK);
    }
    if (!status) {
        const mmoe_meta old = m->meta;
        m->meta = meta;
        meta = old;
    }
    mmoe_meta_finish(&meta, &m->alloc);
    mmoe_shard_files_close(&r.shards);
    mmoe_container_close(r.file);
    return status;
}
