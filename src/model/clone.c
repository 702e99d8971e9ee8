/* mmoe_model_clone, and models that begin as copies of others. */
#include <string.h>

#include "base/error.h"
#include "mmoe/train.h"
#include "model/members.h"

mmoe_status mmoe_model_like(const mmoe_model *model, mmoe_lent_tables tables,
                            const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err) {
    mmoe_model_parts parts;
    mmoe_schema *schema;
    mmoe_status status = mmoe_schema_copy(model->schema, alloc, &schema, err);
    if (!status) status = mmoe_model_parts_make(model->config, schema, alloc, &parts, err);
    if (status) return status;
    parts.tables = tables;
    return mmoe_model_assemble(&parts, alloc, out, err);
}

mmoe_status mmoe_model_settle(const mmoe_params *p, const char *what, mmoe_error *err) {
    if (mmoe_params_settle(p)) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_IO, "%s: ranks have parts of its tables, and one has failed",
                     what);
}

static mmoe_lent_table same_type(void *context, const mmoe_tensor *table) {
    const mmoe_params *p = context;
    return (mmoe_lent_table){.dtype = p->tables[table->table].dtype};
}

static void copy_table(mmoe_embedding *to, const mmoe_embedding *from) {
    mmoe_block have[MMOE_MOST_BLOCKS], put[MMOE_MOST_BLOCKS];
    const int32_t count = from->kind->blocks(from, have);
    to->kind->blocks(to, put);
    for (int32_t i = 0; i < count; i++)
        memcpy(put[i].data, have[i].data, mmoe_block_bytes(&have[i]));
}

static mmoe_status clone(const mmoe_model *model, const mmoe_params *weights,
                         const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err) {
    const mmoe_lent_tables types = {.lend = same_type, .context = (void *)(uintptr_t)weights};
    mmoe_model *m;
    mmoe_status status = mmoe_model_like(model, types, alloc, &m, err);
    if (status) return status;
    status = mmoe_meta_merge(&m->meta, &model->meta, "", alloc, err);
    if (!status) status = mmoe_model_settle(weights, "the model is not copied", err);
    if (status) {
        mmoe_model_free(m);
        return status;
    }
    for (int32_t i = 0; i < weights->n_table; i++)
        copy_table(&m->params.tables[i], &weights->tables[i]);
    mmoe_params_copy_layers(&m->params, weights);
    *out = m;
    return MMOE_OK;
}

typedef struct cloning {
    const mmoe_weights_source *from;
    const mmoe_allocator *alloc;
} cloning;

static mmoe_status clone_member(const mmoe_model *of, void *context, mmoe_model **out,
                                mmoe_error *err) {
    const cloning *c = context;
    return clone(of, c->from->weights(c->from->context, of), c->alloc, out, err);
}

mmoe_status mmoe_model_clone_with(const mmoe_model *model, const mmoe_weights_source *from,
                                  const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err) {
    mmoe_allocator a;
    mmoe_status status = mmoe_model_check_whole(model, "the model is not copied", err);
    if (!status) status = mmoe_model_begin(alloc, &a, err);
    if (status) return status;
    cloning c = {from, &a};
    status = mmoe_members_make(model, clone_member, &c, out, err);
    mmoe_tally_end(&a);
    return status;
}

static const mmoe_params *own_weights(void *context, const mmoe_model *member) {
    (void)context;
    return &member->params;
}

mmoe_status mmoe_model_clone(const mmoe_model *model, const mmoe_allocator *alloc, mmoe_model **out,
                             mmoe_error *err) {
    static const char call[] = "mmoe_model_clone";
    if (!model || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: %s is NULL", call, model ? "out" : "model");
    if (mmoe_allocator_check(alloc, call, err)) return MMOE_E_ARGUMENT;
    return mmoe_model_clone_with(model, &(mmoe_weights_source){own_weights, NULL}, alloc, out, err);
}
