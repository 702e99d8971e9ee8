/* What the ranks of a fit tell each other beside what a run does. */
#include "base/checksum.h"
#include "data/stored.h"
#include "train/agree.h"
#include "train/fit_run.h"

static void warn_of_unlike(void *context, const char *sentence) {
    mmoe_fit_warn(context, (mmoe_warning){0},
                  "%s: the weights are not those of one process to the bit", sentence);
}

/* Do all ranks have its values, and the same, unless they were read from unlike files? Not rows of
 * tables that are dealt, nor, behind steps, those that owners alone bring up to date; nor, where
 * processors may be unlike, what LAPACK has rounded. */
static bool is_of_all(const mmoe_trainer *t, const mmoe_tensor *x) {
    if (x->kind != MMOE_TENSOR_VALUE && x->kind != MMOE_TENSOR_TABLE) return false;
    if (x->init == MMOE_INIT_ORTHOGONAL && t->options.allow_unlike) return false;
    if (x->kind == MMOE_TENSOR_VALUE) return true;
    if (mmoe_table_is_dealt(&t->model->params.tables[x->table])) return false;
    return !x->is_deferred || t->optimizer.steps == 0;
}

/* What the run begins with: of the seed, of "pretrained" files, --from, a checkpoint. */
static uint64_t hash_weights(mmoe_trainer *t) {
    const mmoe_tensors *tensors = &t->model->graph->tensors;
    uint64_t hash = 0;
    mmoe_trainer_take_weights(t); /* of a step before, which may be on their way */
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *x = &tensors->items[i];
        if (is_of_all(t, x))
            hash = mmoe_checksum_hash(hash, mmoe_params_at(&t->model->params, x),
                                      (size_t)x->count * sizeof(float));
    }
    return hash;
}

mmoe_status mmoe_fit_agree(mmoe_trainer *t, mmoe_error *err) {
    if (!t->ranks) return MMOE_OK;
    const mmoe_agree_number numbers[] = {{"training rows", t->at.data_hash},
                                         {"validation rows", t->at.valid_hash},
                                         {"schema", t->at.schema_hash},
                                         {"configuration", mmoe_agree_hash(t->model->config->json)},
                                         {"epochs done", (uint64_t)t->at.epoch},
                                         {"rows of the epoch done", (uint64_t)t->at.row},
                                         {"steps done", t->optimizer.steps},
                                         {"weights", hash_weights(t)},
                                         {"checkpoint", t->checkpoint_path != NULL}};
    const mmoe_agreement a = {t->ranks->comm, numbers, sizeof numbers / sizeof *numbers,
                              t->options.allow_unlike ? warn_of_unlike : NULL, t};
    return mmoe_agree(&a, &t->alloc, err);
}

void mmoe_fit_warn_of_lanes(mmoe_trainer *t, const mmoe_dataset *train) {
    const mmoe_trainer_config *c = &t->model->config->trainer;
    const mmoe_stored *stored = train->stored;
    if (!c->lanes) return;
    if (c->segments == 1)
        mmoe_fit_warn(t, (mmoe_warning){.key = "trainer.lanes"},
                      "trainer.lanes: trainer.segments is 1, so no second rank can have lanes of "
                      "its own to read");
    for (int32_t i = 0; stored && t->ranks && i < stored->n_part; i++)
        if (!stored->parts[i].has_lanes) {
            mmoe_fit_warn(t, (mmoe_warning){.key = "trainer.lanes"},
                          "trainer.lanes: %s has no " MMOE_STORED_LANES
                          ", as an older version packed it: each rank reads all of its rows; mmoe "
                          "pack --like packs them anew",
                          stored->parts[i].folder);
            break;
        }
}

void mmoe_fit_sum_gates(mmoe_fit_run *r) {
    mmoe_ranks *ranks = r->t->ranks;
    if (ranks && r->parts.n_gate && !r->valid)
        ranks->peers.sum(&ranks->peers, r->gates.sums, r->gates.stride);
}

/* A rank's pointers are its own. */
static mmoe_status take_first(mmoe_ranks *ranks, mmoe_task_metrics *m, mmoe_error *err) {
    const mmoe_task_metrics own = *m;
    int64_t from[MMOE_MOST_RANKS + 1] = {0};
    for (int r = 1; r <= ranks->comm->size; r++) from[r] = 1;
    mmoe_ranks_give(ranks, "metrics", m, sizeof *m, from);
    m->name = own.name;
    m->why = own.why;
    m->group = own.group;
    return mmoe_ranks_status(ranks, err);
}

mmoe_status mmoe_fit_evaluate(mmoe_fit_run *r, mmoe_task_metrics *metrics, mmoe_error *err) {
    const mmoe_trainer *t = r->t;
    mmoe_status status = mmoe_evaluator_run(r->evaluator, r->valid, metrics, err);
    for (int32_t i = 0; !status && t->ranks && i < t->model->schema->n_label; i++)
        status = take_first(t->ranks, &metrics[i], err);
    return status;
}

mmoe_status mmoe_fit_fetch(void *trainer, const mmoe_rows *batch, const mmoe_rows **out,
                           mmoe_error *err) {
    const mmoe_trainer *t = trainer;
    const mmoe_status status = mmoe_plan_admit(t->run->plan, batch, err);
    if (status) return status;
    *out = mmoe_run_fetch(t->run, batch);
    return mmoe_ranks_status(t->ranks, err);
}
