#include "base/error.h"
#include "model/model_file.h"
#include "train/checkpoint_parts.h"

/* From where the parts lie, or are kept, to the file, and the checksum of what was written. */
static mmoe_status copy_parts(const mmoe_trainer *t, mmoe_run_parts *l, mmoe_piece_sums *sums,
                              const char *path, mmoe_error *err) {
    bool cannot_read = false; /* the one file that parts are of is the best weights' */
    const mmoe_stretch_work work = {.from = l->stretches,
                                    .to = l->in_file,
                                    .count = l->count,
                                    .look = mmoe_piece_sums_add,
                                    .context = sums,
                                    .cannot_read = &cannot_read};
    const mmoe_status status = mmoe_stretches_run(&work, t->pool, l->alloc);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, MMOE_PIECE);
    if (cannot_read) return mmoe_best_failed(&t->best, false, err);
    return status ? mmoe_fail_system(err, path, "cannot write") : MMOE_OK;
}

/* `sum` stands in what the file's header says. */
static mmoe_status write_file(const mmoe_trainer *t, mmoe_run_parts *l,
                              const mmoe_container_contents *what, const char *path, char *sum,
                              mmoe_error *err) {
    mmoe_container_writer *file;
    mmoe_piece_sums sums = {.tensors = what->tensors};
    mmoe_status status = mmoe_container_begin(path, what, l->alloc, &file, err);
    if (status) return status;
    mmoe_container_places(file, l->in_file);
    atomic_init(&sums.sum, 0);
    status = copy_parts(t, l, &sums, path, err);
    mmoe_checkpoint_print_sum(atomic_load(&sums.sum), sum);
    return mmoe_container_end(file, status, err);
}

static mmoe_status write_parts(const mmoe_trainer *t, mmoe_run_parts *l, const char *path,
                               mmoe_error *err) {
    mmoe_container_tensor *tensors = mmoe_alloc_zero(l->alloc, l->count, sizeof *tensors);
    if (!tensors) return mmoe_fail_memory(err, l->count * sizeof *tensors);
    for (size_t i = 0; i < l->count; i++)
        tensors[i] = (mmoe_container_tensor){.name = l->items[i].name,
                                             .dtype = l->items[i].dtype,
                                             .rank = 1,
                                             .shape = {l->items[i].count},
                                             .bytes = l->stretches[i].bytes};
    char sum[17], *config = NULL, *meta = NULL;
    mmoe_checkpoint_print_sum(0, sum);
    mmoe_status status = mmoe_config_text(t->model->config, &config, err);
    if (!status) status = mmoe_meta_text(&t->model->meta, l->alloc, &meta, err);
    if (!status) {
        const char *const metadata[] = {"format",
                                        MMOE_CHECKPOINT_FORMAT,
                                        "format_version",
                                        MMOE_CHECKPOINT_VERSION,
                                        "mmoe_version",
                                        mmoe_version(),
                                        "checksum",
                                        sum,
                                        "config",
                                        config,
                                        meta ? MMOE_CHECKPOINT_META : NULL,
                                        meta,
                                        NULL};
        const mmoe_container_contents what = {tensors, l->count, metadata};
        status = write_file(t, l, &what, path, sum, err);
    }
    mmoe_config_text_free(t->model->config, config);
    mmoe_release(l->alloc, meta);
    mmoe_release(l->alloc, tensors);
    return status;
}

/* The parts of the run as it stands; to be finished on failure, too. */
static mmoe_status list_run(mmoe_trainer *t, mmoe_run_parts *l, mmoe_error *err) {
    mmoe_run_place place = {.steps = t->optimizer.steps,
                            .at = t->at,
                            .schedule = t->schedule,
                            .has_fitted = t->has_fitted && !t->is_fitting,
                            .knows_lists = t->knows_lists};
    mmoe_place_field fields[MMOE_PLACE_FIELDS];
    mmoe_place_fields(t->model->config->trainer.n_epoch, &place, fields);
    const mmoe_status status = mmoe_run_parts_list(t, fields, l, err);
    for (int i = 0; i < MMOE_PLACE_FIELDS; i++) l->cells[i] = mmoe_place_value(&fields[i]);
    return status;
}

mmoe_status mmoe_checkpoint_write(mmoe_trainer *t, const char *path, mmoe_error *err) {
    mmoe_run_parts l;
    mmoe_status status = mmoe_best_open(&t->best, err);
    if (status) return status;
    status = list_run(t, &l, err);
    if (!status) status = write_parts(t, &l, path, err);
    mmoe_run_parts_finish(&l);
    return status;
}

mmoe_status mmoe_checkpoint_size(mmoe_trainer *t, int64_t *bytes, mmoe_error *err) {
    mmoe_run_parts l;
    const mmoe_status status = list_run(t, &l, err);
    *bytes = 0;
    for (size_t i = 0; i < l.count; i++) *bytes += (int64_t)l.stretches[i].bytes;
    mmoe_run_parts_finish(&l);
    return status;
}
