/* New models, and what their tensors are drawn from. */
#include <math.h>

#include "base/error.h"
#include "model/model.h"

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

/* The builders' tensors are PyTorch's. */
static void choose_inits(mmoe_tensors *tensors, const mmoe_config *c) {
    for (size_t i = 0; i < tensors->count; i++) {
        mmoe_tensor *t = &tensors->items[i];
        if (t->role == MMOE_ROLE_WEIGHT) choose_weight(t, c->init);
        if (t->role == MMOE_ROLE_BIAS && c->init != MMOE_LINEAR_PYTORCH)
            set_init(t, MMOE_INIT_CONSTANT, 0);
        if (t->kind == MMOE_TENSOR_TABLE) choose_table(t, c);
    }
}

mmoe_status mmoe_model_create(const mmoe_config *config, const mmoe_schema *schema,
                              const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err) {
    if (!config || !schema || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_model_create: config, schema and out must not be NULL");
    if (config->n_task != schema->n_label)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_model_create: the configuration has %d tasks, the schema %d labels",
                         config->n_task, schema->n_label);
    mmoe_model *m;
    mmoe_status status = mmoe_model_build(config, schema, alloc, &m, err);
    if (status) return status;
    choose_inits(&m->graph->tensors, config);
    status = mmoe_params_draw(&m->params, &m->graph->tensors, config->trainer.seed, err);
    if (status)
        mmoe_model_free(m);
    else
        *out = m;
    return status;
}
