#include <assert.h>

#include "base/error.h"
#include "model/model_file.h"
#include "train/shards.h"

/* A checkpoint that is written. */
typedef struct writing {
    const mmoe_trainer *t;
    mmoe_run_parts *parts;
    const mmoe_container_tensor *tensors;
    const char *path;
    mmoe_piece_sums sums; /* of what was written */
} writing;

/* To the file, from byte `before` of the part at `first` on. */
static mmoe_status copy(writing *w, const mmoe_stretch *from, const mmoe_stretch *to, size_t first,
                        size_t count, mmoe_error *err) {
    bool cannot_read = false; /* the one file that parts are of is the best weights' */
    const mmoe_stretch_work work = {.from = from,
                                    .to = to,
                                    .count = count,
                                    .look = mmoe_piece_sums_add,
                                    .context = &w->sums,
                                    .cannot_read = &cannot_read};
    if (count == 0) return MMOE_OK;
    w->sums.tensors = w->tensors + first;
    const mmoe_status status = mmoe_stretches_run(&work, w->t->pool, w->parts->alloc);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, MMOE_PIECE);
    if (cannot_read) return mmoe_best_failed(&w->t->best, false, err);
    return status ? mmoe_fail_system(err, w->path, "cannot write") : MMOE_OK;
}

/* From where the parts lie, or are kept. */
static mmoe_status copy_parts(writing *w, size_t first, size_t end, mmoe_error *err) {
    const mmoe_run_parts *l = w->parts;
    return copy(w, l->stretches + first, l->in_file + first, first, end - first, err);
}

/* What ranks have parts of. */
static mmoe_status copy_moments(writing *w, size_t i, char *window, mmoe_error *err) {
    const mmoe_stretch *file = &w->parts->in_file[i];
    mmoe_status status = MMOE_OK;
    for (size_t at = 0; at < file->bytes && !status; at += MMOE_DEALT_WINDOW) {
        const size_t left = file->bytes - at,
                     n = left < MMOE_DEALT_WINDOW ? left : MMOE_DEALT_WINDOW;
        const mmoe_stretch from = {.data = window, .file = -1, .bytes = n},
                           to = {
                               .file = file->file, .place = file->place + (int64_t)at, .bytes = n};
        status = mmoe_moments_gather(w->t, w->parts, i, at, window, err);
        w->sums.before = at;
        if (!status) status = copy(w, &from, &to, i, 1, err);
        w->sums.before = 0;
    }
    return status;
}

static mmoe_status copy_of_ranks(writing *w, mmoe_error *err) {
    const mmoe_run_parts *l = w->parts;
    char *window = mmoe_alloc(l->alloc, 1, MMOE_DEALT_WINDOW);
    if (!window) return mmoe_fail_memory(err, MMOE_DEALT_WINDOW);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0, first; i < l->count && !status; i++) {
        for (first = i; i < l->count && !mmoe_run_part_is_of_ranks(l, i);) i++;
        status = copy_parts(w, first, i, err);
        if (i < l->count && !status) status = copy_moments(w, i, window, err);
    }
    mmoe_release(l->alloc, window);
    return status;
}

/* `sum` stands in what the file's header says. */
static mmoe_status write_file(const mmoe_trainer *t, mmoe_run_parts *l,
                              const mmoe_container_contents *what, const char *path, char *sum,
                              mmoe_error *err) {
    mmoe_container_writer *file;
    writing w = {t, l, what->tensors, path, {0}};
    mmoe_status status = mmoe_container_begin(path, what, l->alloc, &file, err);
    if (status) return status;
    mmoe_container_places(file, l->in_file);
    atomic_init(&w.sums.sum, 0);
    status = t->ranks ? copy_of_ranks(&w, err) : copy_parts(&w, 0, l->count, err);
    mmoe_checksum_print(atomic_load(&w.sums.sum), sum);
    return mmoe_container_end(file, status, err);
}

static size_t bytes_of(const mmoe_run_part *p) {
    return (size_t)p->count * mmoe_dtype_size(p->dtype);
}

/* Keys and values in turns, NULL behind the last. */
typedef struct metadata {
    const char *texts[2 * 8 + 1];
    size_t count;
} metadata;

static void add(metadata *m, const char *key, const char *value) {
    assert(m->count + 2 < sizeof m->texts / sizeof *m->texts);
    m->texts[m->count++] = key;
    m->texts[m->count++] = value;
}

/* Without the rows that stand in shards, if there are any. */
static mmoe_status write_parts(const mmoe_trainer *t, mmoe_run_parts *l, const mmoe_shards *shards,
                               const char *path, mmoe_error *err) {
    mmoe_container_tensor *tensors = mmoe_alloc_zero(l->alloc, l->count, sizeof *tensors);
    if (!tensors) return mmoe_fail_memory(err, l->count * sizeof *tensors);
    for (size_t i = 0; i < l->count; i++)
        tensors[i] = (mmoe_container_tensor){.name = l->items[i].name,
                                             .dtype = l->items[i].dtype,
                                             .rank = 1,
                                             .shape = {l->items[i].count},
                                             .bytes = bytes_of(&l->items[i])};
    char sum[MMOE_CHECKSUM_SIZE], of_texts[MMOE_CHECKSUM_SIZE], in_shards[MMOE_SHARDS_TEXT];
    char *config = NULL, *meta = NULL;
    const bool has_shards = shards->count > 0;
    mmoe_checksum_print(0, sum);
    mmoe_status status = mmoe_config_text(t->model->config, &config, err);
    if (!status) status = mmoe_meta_text(&t->model->meta, l->alloc, &meta, err);
    if (!status) {
        metadata m = {.count = 0};
        mmoe_checkpoint_sum_texts(config, meta, of_texts);
        add(&m, "format", MMOE_CHECKPOINT_FORMAT);
        add(&m, "format_version", has_shards ? MMOE_CHECKPOINT_SHARDED : MMOE_CHECKPOINT_VERSION);
        add(&m, "mmoe_version", mmoe_version());
        add(&m, "checksum", sum);
        add(&m, MMOE_CHECKPOINT_TEXTS, of_texts);
        add(&m, "config", config);
        if (meta) add(&m, MMOE_CHECKPOINT_META, meta);
        if (has_shards) add(&m, MMOE_CHECKPOINT_SHARDS, mmoe_shards_text(shards, in_shards));
        const mmoe_container_contents what = {tensors, l->count, m.texts};
        status = write_file(t, l, &what, path, sum, err);
    }
    mmoe_config_text_free(t->model->config, config);
    mmoe_release(l->alloc, meta);
    mmoe_release(l->alloc, tensors);
    return status;
}

/* The parts of the run as it stands, and the keys among them; both to be finished on failure, too.
 */
static mmoe_status list_run(mmoe_trainer *t, mmoe_schema_tensors *keys, mmoe_run_parts *l,
                            mmoe_error *err) {
    const struct mmoe_schema *schema = t->model->schema;
    mmoe_run_place place = {.steps = t->optimizer.steps,
                            .at = t->at,
                            .schedule = t->schedule,
                            .has_fitted = t->has_fitted && !t->is_fitting,
                            .knows_lists = t->knows_lists};
    mmoe_place_field fields[MMOE_PLACE_FIELDS];
    *keys = (mmoe_schema_tensors){.alloc = &t->alloc};
    *l = (mmoe_run_parts){.alloc = &t->alloc};
    mmoe_status status = MMOE_OK;
    if (t->has_grown) {
        status = mmoe_schema_tensors_open(keys, schema, 0, err);
        if (!status) status = mmoe_schema_tensors_add_keys(keys, schema, err);
        if (!status) status = mmoe_schema_tensors_add_bytes(keys, schema, err);
    }
    if (status) return status;
    mmoe_place_fields(t->model->config->trainer.n_epoch, &place, fields);
    status = mmoe_run_parts_list(t, fields, keys, l, err);
    for (int i = 0; i < MMOE_PLACE_FIELDS; i++) l->cells[i] = mmoe_place_value(&fields[i]);
    return status;
}

/* Rows that are large enough to be dealt are written by their owners, before all else. */
static mmoe_status write_files(mmoe_trainer *t, mmoe_run_parts *l, const char *path,
                               mmoe_error *err) {
    mmoe_run_parts rows = {.alloc = &t->alloc};
    mmoe_shards shards = {0};
    mmoe_status status = MMOE_OK;
    if (mmoe_params_dealt(&t->model->params)) {
        status = mmoe_run_parts_part(l, &rows, err);
        if (!status) status = mmoe_shards_write(t, path, &rows, &shards, err);
    }
    if (!status)
        status = mmoe_ranks_is_first(t->ranks) ? write_parts(t, l, &shards, path, err)
                                               : mmoe_moments_send(t, l, err);
    if (mmoe_ranks_is_first(t->ranks) && !status) mmoe_shards_keep(path, shards.save, &t->alloc);
    mmoe_run_parts_finish(&rows);
    return status;
}

static mmoe_status write_run(mmoe_trainer *t, const char *path, mmoe_error *err) {
    mmoe_run_parts l;
    mmoe_schema_tensors keys;
    if (!mmoe_trainer_bring_rows(t)) return mmoe_ranks_status(t->ranks, err);
    const bool reads_best = mmoe_ranks_is_first(t->ranks) || mmoe_params_dealt(&t->model->params);
    mmoe_status status = reads_best ? mmoe_best_open(&t->best, err) : MMOE_OK;
    if (status) return status;
    status = list_run(t, &keys, &l, err);
    if (!status) status = write_files(t, &l, path, err);
    mmoe_run_parts_finish(&l);
    mmoe_schema_tensors_finish(&keys);
    return status;
}

/* Shards of saves before it go, or, where this one failed, its own. */
mmoe_status mmoe_checkpoint_write(mmoe_trainer *t, const char *path, mmoe_error *err) {
    const mmoe_status status = write_run(t, path, err);
    if (mmoe_ranks_is_first(t->ranks) && status) mmoe_shards_tidy(path, &t->alloc);
    return status ? status : mmoe_ranks_meet(t->ranks, "the checkpoint", err);
}

mmoe_status mmoe_checkpoint_size(mmoe_trainer *t, int64_t *bytes, mmoe_error *err) {
    mmoe_run_parts l;
    mmoe_schema_tensors keys;
    const mmoe_status status = list_run(t, &keys, &l, err);
    *bytes = 0;
    for (size_t i = 0; i < l.count; i++) *bytes += (int64_t)bytes_of(&l.items[i]);
    mmoe_run_parts_finish(&l);
    mmoe_schema_tensors_finish(&keys);
    return status;
}
