/* mmoe_model_grow: a model that begins with the weights of another, which knows fewer values. */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "data/schema_growth.h"
#include "mmoe/train.h"
#include "model/members.h"

static bool are_alike(const mmoe_tensor *a, const mmoe_tensor *b) {
    const bool is_table = a->kind == MMOE_TENSOR_TABLE;
    return a->kind == b->kind && strcmp(a->name, b->name) == 0 && a->rank == b->rank &&
           (is_table || a->shape[0] == b->shape[0]) && a->shape[1] == b->shape[1];
}

/* Both have the same tensors, but for the rows of tables. */
static mmoe_status check_layers(const mmoe_model *from, const mmoe_tensors *to, mmoe_error *err) {
    const mmoe_tensors *have = &from->graph->tensors;
    const size_t both = have->count < to->count ? have->count : to->count;
    size_t i = 0;
    while (i < both && are_alike(&have->items[i], &to->items[i])) i++;
    if (i == to->count && i == have->count) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "the configuration makes other layers than the model has, from tensor "
                     "\"%.120s\" on",
                     i < to->count ? to->items[i].name : have->items[i].name);
}

/* What is drawn of a table that does not learn stays. */
static mmoe_status warn_of_frozen(mmoe_model *m, const mmoe_tensor *t, int64_t known,
                                  mmoe_error *err) {
    const char *name = m->schema->tables[t->table].name;
    const int64_t drawn = t->shape[0] - known;
    if (!t->is_frozen || !drawn) return MMOE_OK;
    return mmoe_warn(&m->warnings, (mmoe_warning){NULL, name, drawn, 0}, err,
                     "column \"%.100s\": its table does not learn (\"trainable\": false): the rows "
                     "of %" PRId64 " new values stay as they are drawn",
                     name, drawn);
}

static mmoe_status fill_table(mmoe_model *m, const mmoe_model *from, const mmoe_tensor *t,
                              mmoe_error *err) {
    const int64_t known = from->params.tables[t->table].rows;
    memcpy(mmoe_params_rows(&m->params, t->table), mmoe_params_rows(&from->params, t->table),
           (size_t)(known * t->shape[1]) * sizeof(float));
    const mmoe_status status =
        mmoe_params_draw_rows(&m->params, t, known, m->config->trainer.seed, err);
    return status ? status : warn_of_frozen(m, t, known, err);
}

static mmoe_status fill(mmoe_model *m, const mmoe_model *from, mmoe_error *err) {
    const mmoe_tensors *tensors = &m->graph->tensors;
    mmoe_status status = mmoe_model_settle(&from->params, "the model is not grown", err);
    if (status) return status;
    mmoe_model_choose_inits(m);
    mmoe_params_copy_layers(&m->params, &from->params);
    for (size_t i = 0; !status && i < tensors->count; i++)
        if (tensors->items[i].kind == MMOE_TENSOR_TABLE)
            status = fill_table(m, from, &tensors->items[i], err);
    return status;
}

static mmoe_status plan(const mmoe_model *from, const mmoe_config *config, const mmoe_schema *grown,
                        const mmoe_allocator *alloc, mmoe_model_parts *parts, mmoe_error *err) {
    mmoe_schema *schema = NULL;
    mmoe_status status = mmoe_schema_check_growth(from->schema, grown, err);
    if (!status) status = mmoe_schema_grow(from->schema, grown, alloc, &schema, err);
    if (!status) status = mmoe_model_parts_make(config, schema, alloc, parts, err);
    if (status) return status;
    status = check_layers(from, &parts->graph->tensors, err);
    if (status) mmoe_model_parts_free(parts);
    return status;
}

typedef struct growing {
    const mmoe_config *by;
    const mmoe_schema *grown;
    const mmoe_allocator *alloc;
} growing;

static mmoe_status grow_member(const mmoe_model *from, void *context, mmoe_model **out,
                               mmoe_error *err) {
    const growing *how = context;
    const mmoe_allocator *a = how->alloc;
    mmoe_model_parts parts;
    mmoe_model *m = NULL;
    mmoe_config *by;
    mmoe_status status = mmoe_config_copy_member(how->by, from->config->member, a, &by, err);
    if (status) return status;
    status = plan(from, by, how->grown, a, &parts, err);
    mmoe_config_free(by);
    if (!status) status = mmoe_model_assemble(&parts, a, &m, err);
    if (status) return status;
    status = fill(m, from, err);
    if (!status) status = mmoe_meta_merge(&m->meta, &from->meta, "", a, err);
    mmoe_meta_clear(&m->meta, MMOE_META_TRAINING, a);
    if (status)
        mmoe_model_free(m);
    else
        *out = m;
    return status;
}

mmoe_status mmoe_model_grow(const mmoe_model *from, const mmoe_config *config,
                            const mmoe_schema *grown, const mmoe_allocator *alloc, mmoe_model **out,
                            mmoe_error *err) {
    static const char call[] = "mmoe_model_grow";
    if (!from || !grown || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: from, grown and out must not be NULL", call);
    if (mmoe_allocator_check(alloc, call, err)) return MMOE_E_ARGUMENT;
    mmoe_allocator a;
    const mmoe_config *by = config ? config : from->config;
    mmoe_status status = mmoe_model_check_floats(from, call, err);
    if (!status) status = mmoe_model_check_tasks(by, from->schema, call, err);
    if (!status && by->members != from->config->members)
        status = mmoe_fail(err, MMOE_E_ARGUMENT,
                           "%s: the configuration has %d members (model.members), the model %d",
                           call, (int)by->members, (int)from->config->members);
    if (!status) status = mmoe_model_begin(alloc, &a, err);
    if (status) return status;
    growing how = {by, grown, &a};
    status = mmoe_members_make(from, grow_member, &how, out, err);
    mmoe_tally_end(&a);
    return status;
}

int mmoe_model_table(const mmoe_model *m, size_t index, mmoe_table_info *out) {
    if (!m || !out || index >= (size_t)m->schema->n_table) return -1;
    const mmoe_table *t = &m->schema->tables[index];
    *out = (mmoe_table_info){t->name, t->encoder->kind->word, t->rows, t->dim,
                             t->encoder->kind->grow ? t->rows - 1 : -1};
    return 0;
}
