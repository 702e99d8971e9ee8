/* New models, and what their tensors begin with. */
#include <math.h>

#include "base/comm.h"
#include "base/error.h"
#include "model/build.h"
#include "model/members.h"
#include "model/pretrained.h"

static void set_init(mmoe_tensor *t, mmoe_init_kind kind, double a) {
    t->init = kind;
    t->init_a = (float)a;
}

/* Glorot and Bengio (AISTATS 2010), as PyTorch counts: a matrix [out, in] has fan_in `in`. */
static void set_xavier(mmoe_tensor *t, bool uniform) {
    const double fans = (double)t->shape[0] + (double)t->shape[1];
    set_init(t, uniform ? MMOE_INIT_UNIFORM : MMOE_INIT_NORMAL, sqrt((uniform ? 6 : 2) / fans));
}

/* He et al. (ICCV 2015); Saxe et al. (ICLR 2014). */
static void choose_weight(mmoe_tensor *t, mmoe_linear_init init) {
    const double fan_in = (double)t->shape[1];
    switch (init) {
    case MMOE_LINEAR_PYTORCH:
        break;
    case MMOE_LINEAR_XAVIER_UNIFORM:
        set_xavier(t, true);
        break;
    case MMOE_LINEAR_XAVIER_NORMAL:
        set_xavier(t, false);
        break;
    case MMOE_LINEAR_HE_UNIFORM:
        set_init(t, MMOE_INIT_UNIFORM, sqrt(6 / fan_in));
        break;
    case MMOE_LINEAR_HE_NORMAL:
        set_init(t, MMOE_INIT_NORMAL, sqrt(2 / fan_in));
        break;
    case MMOE_LINEAR_ORTHOGONAL:
        set_init(t, MMOE_INIT_ORTHOGONAL, 1);
        break;
    }
}

static void choose_table(mmoe_tensor *t, const mmoe_config *c) {
    switch (c->embedding_init) {
    case MMOE_TABLE_NORMAL:
        set_init(t, MMOE_INIT_NORMAL, (double)c->embedding_init_scale);
        break;
    case MMOE_TABLE_UNIFORM:
        set_init(t, MMOE_INIT_UNIFORM, (double)c->embedding_init_scale);
        break;
    case MMOE_TABLE_XAVIER_UNIFORM:
        set_xavier(t, true);
        break;
    case MMOE_TABLE_XAVIER_NORMAL:
        set_xavier(t, false);
        break;
    }
}

/* The builders' tensors are PyTorch's, but for what begins with 0. */
void mmoe_model_choose_inits(mmoe_model *m) {
    const mmoe_config *c = m->config;
    mmoe_tensors *tensors = &m->graph->tensors;
    for (size_t i = 0; i < tensors->count; i++) {
        mmoe_tensor *t = &tensors->items[i];
        const bool is_table = t->kind == MMOE_TENSOR_TABLE,
                   is_drawn = is_table && !m->schema->tables[t->table].pretrained;
        if (t->role == MMOE_ROLE_WEIGHT && t->init != MMOE_INIT_CONSTANT) choose_weight(t, c->init);
        if (t->role == MMOE_ROLE_BIAS && c->init != MMOE_LINEAR_PYTORCH)
            set_init(t, MMOE_INIT_CONSTANT, 0);
        if (is_drawn) choose_table(t, c);
        if (is_table && !is_drawn) set_init(t, MMOE_INIT_CONSTANT, 0);
    }
}

/* The bias behind a logit, where it is a sum that of its tower; NULL: it has none of its own. */
static mmoe_tensor *bias_of(mmoe_graph *g, mmoe_view logit) {
    for (int32_t i = g->n_node - 1; i >= 0; i--) {
        const mmoe_node *n = &g->nodes[i];
        if (n->op == MMOE_OP_SUM && n->out == logit.value) logit.value = n->u.sum.in[0].value;
        if (n->op != MMOE_OP_APPLY || n->out != logit.value) continue;
        for (size_t t = 0; t < g->tensors.count; t++) {
            mmoe_tensor *tensor = &g->tensors.items[t];
            if (tensor->kind == MMOE_TENSOR_VALUE && tensor->role == MMOE_ROLE_BIAS &&
                tensor->offset == n->u.apply.bias + logit.col)
                return tensor;
        }
    }
    return NULL;
}

static bool begins_with_labels(const mmoe_loss_kind *kind, mmoe_bias_init how) {
    return kind->bias && (how == MMOE_BIAS_BY_TYPE ? !kind->draws_bias : how == MMOE_BIAS_LABELS);
}

/* A head begins with what its kind of loss makes of the labels' mean. */
static void choose_heads(mmoe_graph *g, const mmoe_schema *schema, mmoe_bias_init how) {
    const mmoe_losses *losses = mmoe_graph_losses(g);
    for (int32_t i = 0; i < losses->n_task; i++) {
        const mmoe_label_column *label = &schema->labels[i];
        if (!begins_with_labels(losses->kinds[i], how) || !label->has_mean) continue;
        const float logit = (float)losses->kinds[i]->bias(label->mean);
        mmoe_tensor *bias = bias_of(g, losses->logits[i]);
        if (bias && isfinite(logit)) set_init(bias, MMOE_INIT_CONSTANT, (double)logit);
    }
}

mmoe_status mmoe_model_draw(mmoe_model *m, mmoe_error *err) {
    mmoe_model_choose_inits(m);
    choose_heads(m->graph, m->schema, m->config->init_bias);
    const mmoe_status status =
        mmoe_params_draw(&m->params, &m->graph->tensors, m->config->trainer.seed, err);
    return status ? status : mmoe_pretrained_fill(m, err);
}

void mmoe_model_parts_free(mmoe_model_parts *parts) {
    mmoe_graph_free(parts->graph);
    mmoe_schema_free(parts->schema);
    mmoe_config_free(parts->config);
    *parts = (mmoe_model_parts){0};
}

mmoe_status mmoe_model_parts_make(const mmoe_config *config, mmoe_schema *schema,
                                  const mmoe_allocator *alloc, mmoe_model_parts *out,
                                  mmoe_error *err) {
    *out = (mmoe_model_parts){.schema = schema};
    mmoe_status status = mmoe_config_copy(config, alloc, &out->config, err);
    if (!status) status = mmoe_graph_create(alloc, &out->graph, err);
    if (!status) status = mmoe_build_graph(out->graph, out->config, out->schema, err);
    if (status) mmoe_model_parts_free(out);
    return status;
}

/* Of that member's configuration. *out stays as it is on failure. */
static mmoe_status make_member(const mmoe_config *config, const mmoe_schema *schema,
                               mmoe_among among, const mmoe_allocator *a, mmoe_model **out,
                               mmoe_error *err) {
    mmoe_model_parts parts;
    mmoe_schema *own;
    mmoe_status status = mmoe_schema_copy(schema, a, &own, err);
    if (!status && (status = mmoe_pretrained_settle(own, err))) mmoe_schema_free(own);
    if (!status) status = mmoe_model_parts_make(config, own, a, &parts, err);
    if (status) return status;
    mmoe_model_deal(parts.graph, parts.schema, among);
    return mmoe_model_assemble(&parts, a, out, err);
}

static mmoe_status make_members(const mmoe_config *config, const mmoe_schema *schema,
                                mmoe_among among, const mmoe_allocator *a, mmoe_model **out,
                                mmoe_error *err) {
    mmoe_model *first = NULL, **at = &first;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < config->members; i++) {
        mmoe_config *own;
        status = mmoe_config_copy_member(config, i, a, &own, err);
        if (status) break;
        status = make_member(own, schema, among, a, at, err);
        mmoe_config_free(own);
        if (!status) at = &(*at)->next;
    }
    if (status)
        mmoe_model_free(first);
    else
        *out = first;
    return status;
}

mmoe_status mmoe_model_blank_among(const mmoe_config *config, const mmoe_schema *schema,
                                   mmoe_among among, const mmoe_allocator *alloc, mmoe_model **out,
                                   mmoe_error *err) {
    mmoe_allocator a;
    mmoe_status status =
        among.ranks > 1 ? mmoe_members_check_one(config, "mmoe_model_create_among", err) : MMOE_OK;
    if (!status) status = mmoe_model_begin(alloc, &a, err);
    if (status) return status;
    status = make_members(config, schema, among, &a, out, err);
    mmoe_tally_end(&a);
    return status;
}

mmoe_status mmoe_model_blank(const mmoe_config *config, const mmoe_schema *schema,
                             const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err) {
    return mmoe_model_blank_among(config, schema, (mmoe_among){0, 1}, alloc, out, err);
}

mmoe_status mmoe_model_check_tasks(const mmoe_config *config, const mmoe_schema *schema,
                                   const char *call, mmoe_error *err) {
    if (config->n_task != schema->n_label)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: the configuration has %d tasks, the schema %d labels", call,
                         config->n_task, schema->n_label);
    for (int32_t i = 0; i < config->n_task; i++)
        if (config->tasks[i].label_transform != schema->labels[i].scale.transform)
            return mmoe_fail(err, MMOE_E_ARGUMENT,
                             "%s: the configuration's label_transform of task \"%s\" is not the "
                             "schema's",
                             call, config->tasks[i].name);
    return MMOE_OK;
}

mmoe_status mmoe_model_create(const mmoe_config *config, const mmoe_schema *schema,
                              const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err) {
    return mmoe_model_create_among(config, schema, NULL, alloc, out, err);
}

mmoe_status mmoe_model_create_among(const mmoe_config *config, const mmoe_schema *schema,
                                    const mmoe_comm *comm, const mmoe_allocator *alloc,
                                    mmoe_model **out, mmoe_error *err) {
    const char *const call = comm ? "mmoe_model_create_among" : "mmoe_model_create";
    if (!config || !schema || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: config, schema and out must not be NULL", call);
    if (mmoe_model_check_tasks(config, schema, call, err)) return MMOE_E_ARGUMENT;
    if (mmoe_allocator_check(alloc, call, err)) return MMOE_E_ARGUMENT;
    const mmoe_among own = {comm ? comm->rank : 0, comm ? comm->size : 1};
    mmoe_model *m;
    mmoe_status status = mmoe_model_blank_among(config, schema, own, alloc, &m, err);
    if (status) return status;
    for (mmoe_model *member = m; !status && member; member = member->next)
        status = mmoe_model_draw(member, err);
    if (status)
        mmoe_model_free(m);
    else
        *out = m;
    return status;
}
