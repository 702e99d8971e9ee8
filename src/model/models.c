/* The table of models: each row of MMOE_MODELS has a builder of its word. */
#include <stdio.h>

#include "base/error.h"
#include "config/config_update.h"
#include "model/build.h"

#define ROW(name, word) [name] = mmoe_build_##word,
static mmoe_builder *const builders[] = {MMOE_MODELS(ROW)};
#undef ROW

static mmoe_status choose_update(mmoe_tensor *t, const char *name, const mmoe_trainer_config *c,
                                 mmoe_error *err) {
    const int64_t rows = t->shape[0];
    t->is_deferred = !t->is_frozen && mmoe_config_is_deferred(c, rows, (int32_t)t->shape[1]);
    if (!t->is_deferred) return MMOE_OK;
    const mmoe_update_fault fault = mmoe_config_update_fault(c, c->embedding_update);
    if (!fault.key) return MMOE_OK;
    return mmoe_fail_at(
        err, MMOE_E_CONFIG, NULL, 0, name,
        "trainer.embedding_update \"auto\" would defer updates of this table of %lld "
        "rows, but not with %s: %s. Take %s",
        (long long)rows, fault.key, fault.why,
        fault.is_decay
            ? "\"adamw\", whose decay is not, or no decay; or \"dense\"; or \"deferred\", which "
              "runs missed steps one by one"
            : "\"dense\", or leave the key out");
}

mmoe_status mmoe_check_updates(const mmoe_graph *g, const mmoe_trainer_config *c,
                               const mmoe_schema *schema, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; i < g->tensors.count && !status; i++) {
        mmoe_tensor t = g->tensors.items[i];
        if (t.kind != MMOE_TENSOR_TABLE) continue;
        t.shape[0] = schema->tables[t.table].rows;
        status = choose_update(&t, schema->tables[t.table].name, c, err);
    }
    return status;
}

/* The first member's tensors have the names of a model that has no other. */
static mmoe_status name_member(mmoe_graph *g, int32_t member, mmoe_error *err) {
    char prefix[32];
    snprintf(prefix, sizeof prefix, "member.%d.", (int)member + 1);
    return member ? mmoe_tensors_prefix(&g->tensors, prefix, err) : MMOE_OK;
}

mmoe_status mmoe_build_graph(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema,
                             mmoe_error *err) {
    mmoe_status status = builders[config->model](g, config, schema, err);
    for (size_t i = 0; i < g->tensors.count && !status; i++) {
        mmoe_tensor *t = &g->tensors.items[i];
        if (t->kind == MMOE_TENSOR_TABLE)
            status = choose_update(t, schema->tables[t->table].name, &config->trainer, err);
    }
    for (int32_t i = 0; i < schema->n_label && !status; i++)
        mmoe_graph_losses(g)->scale[i] = schema->labels[i].scale;
    return status ? status : name_member(g, config->member, err);
}
