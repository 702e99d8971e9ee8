#include "model/model.h"

#include "base/error.h"
#include "base/words.h"
#include "model/build.h"
#include "table/pooling.h"

static mmoe_status fill(mmoe_model *m, mmoe_lent_tables *lent, mmoe_error *err) {
    mmoe_status status =
        mmoe_params_init_lent(&m->params, &m->graph->tensors, lent, &m->alloc, err);
    if (!status) lent->map = (mmoe_mapping){0};
    char fault[MMOE_SCORE_FAULT]; /* there is none: the configuration was checked */
    if (!status && mmoe_config_score(m->config, &m->alloc, &m->score, fault))
        status = mmoe_fail_memory(err, sizeof *m->score);
    return status;
}

mmoe_status mmoe_model_assemble(const mmoe_model_parts *parts, const mmoe_allocator *alloc,
                                mmoe_model **out, mmoe_error *err) {
    mmoe_lent_tables lent = parts->tables;
    mmoe_model *m = mmoe_alloc_zero(alloc, 1, sizeof *m);
    if (!m) {
        mmoe_graph_free(parts->graph);
        mmoe_schema_free(parts->schema);
        mmoe_config_free(parts->config);
        mmoe_mapping_free(&lent.map);
        return mmoe_fail_memory(err, sizeof *m);
    }
    *m = (mmoe_model){.alloc = *alloc,
                      .warnings = {.alloc = *alloc},
                      .config = parts->config,
                      .schema = parts->schema,
                      .graph = parts->graph};
    mmoe_status status = fill(m, &lent, err);
    mmoe_mapping_free(&lent.map);
    if (status)
        mmoe_model_free(m);
    else
        *out = m;
    return status;
}

mmoe_status mmoe_model_begin(const mmoe_allocator *alloc, mmoe_allocator *out, mmoe_error *err) {
    const mmoe_allocator inner = mmoe_allocator_or_default(alloc);
    return mmoe_tally_begin(&inner, out) ? MMOE_OK : mmoe_fail_memory(err, sizeof(mmoe_model));
}

size_t mmoe_model_bytes(const mmoe_model *m, size_t *mapped) {
    if (mapped) *mapped = m ? m->params.map.length : 0;
    return m ? mmoe_tally_bytes(&m->alloc) : 0;
}

mmoe_status mmoe_model_check_learns(const mmoe_model *model, const char *call, mmoe_error *err) {
    const mmoe_embedding *t = mmoe_params_narrow(&model->params);
    if (!t) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "%s: the model has tables of %s, which are for scoring alone; use the model "
                     "that it was exported from",
                     call, mmoe_dtype_name(t->dtype));
}

mmoe_status mmoe_model_check_whole(const mmoe_model *model, const char *call, mmoe_error *err) {
    const mmoe_embedding *t = mmoe_params_dealt(&model->params);
    if (!t) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "%s: each rank has rows of its own of the table \"%.120s\"; save the model, "
                     "and load it whole",
                     call, model->schema->tables[t - model->params.tables].name);
}

mmoe_status mmoe_model_check_floats(const mmoe_model *model, const char *call, mmoe_error *err) {
    const mmoe_status status = mmoe_model_check_learns(model, call, err);
    return status ? status : mmoe_model_check_whole(model, call, err);
}

mmoe_status mmoe_model_check_unserved(const mmoe_model *model, const char *call, mmoe_error *err) {
    if (!atomic_load(&model->is_served)) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "%s: the model is a slot's, and others read it; take a copy "
                     "(mmoe_model_clone)",
                     call);
}

static void free_member(mmoe_model *m) {
    mmoe_params_finish(&m->params);
    mmoe_graph_free(m->graph);
    mmoe_score_free(m->score, &m->alloc);
    mmoe_warnings_finish(&m->warnings);
    mmoe_meta_finish(&m->meta, &m->alloc);
    mmoe_schema_free(m->schema);
    mmoe_config_free(m->config);
    mmoe_allocator a = m->alloc;
    mmoe_release(&a, m);
}

void mmoe_model_free(mmoe_model *m) {
    for (mmoe_model *next; m; m = next) {
        next = m->next;
        free_member(m);
    }
}

const mmoe_config *mmoe_model_config(const mmoe_model *m) { return m ? m->config : NULL; }
const mmoe_schema *mmoe_model_schema(const mmoe_model *m) { return m ? m->schema : NULL; }

static int in_range(int32_t i, int32_t count) { return i >= 0 && i < count; }

int32_t mmoe_model_task_count(const mmoe_model *m) { return m ? m->schema->n_label : -1; }
const char *mmoe_model_task_name(const mmoe_model *m, int32_t i) {
    return m && in_range(i, m->schema->n_label) ? m->schema->labels[i].task : NULL;
}
int mmoe_model_task_type(const mmoe_model *m, int32_t i) {
    return m && in_range(i, m->schema->n_label) ? (int)m->schema->labels[i].type : -1;
}
int32_t mmoe_model_sparse_count(const mmoe_model *m) { return m ? m->schema->n_sparse : -1; }
const char *mmoe_model_sparse_name(const mmoe_model *m, int32_t i) {
    return m && in_range(i, m->schema->n_sparse) ? m->schema->sparse[i].name : NULL;
}
const char *mmoe_model_sparse_column(const mmoe_model *m, int32_t i) {
    if (!m || !in_range(i, m->schema->n_sparse)) return NULL;
    return mmoe_feature_column(m->schema->sparse[i].name, m->schema->sparse[i].column);
}
size_t mmoe_model_sparse_columns(const mmoe_model *m, int32_t i, const char *const **out) {
    const mmoe_sparse_column *c =
        m && in_range(i, m->schema->n_sparse) ? &m->schema->sparse[i] : NULL;
    const bool several = c && c->columns.items;
    if (out) *out = several ? (const char *const *)c->columns.items : NULL;
    return several ? c->columns.count : 0;
}
int64_t mmoe_model_sparse_rows(const mmoe_model *m, int32_t i) {
    return m && in_range(i, m->schema->n_sparse)
               ? m->schema->tables[m->schema->sparse[i].table].rows
               : -1;
}
static const mmoe_encoder *sparse_encoder(const mmoe_model *m, int32_t i) {
    return m && in_range(i, m->schema->n_sparse)
               ? m->schema->tables[m->schema->sparse[i].table].encoder
               : NULL;
}
const char *mmoe_model_sparse_kind(const mmoe_model *m, int32_t i) {
    const mmoe_encoder *e = sparse_encoder(m, i);
    return e ? e->kind->word : NULL;
}
size_t mmoe_model_sparse_boundaries(const mmoe_model *m, int32_t i, const double **out) {
    const mmoe_encoder *e = sparse_encoder(m, i);
    const mmoe_numbers *numbers = e ? mmoe_encoder_numbers(e) : NULL;
    if (out) *out = numbers ? numbers->items : NULL;
    return numbers ? numbers->count : 0;
}
int32_t mmoe_model_sparse_width(const mmoe_model *m, int32_t i) {
    if (!m || !in_range(i, m->schema->n_sparse)) return -1;
    const mmoe_sparse_column *c = &m->schema->sparse[i];
    const int32_t dim = m->schema->tables[c->table].dim;
    return c->list < 0 ? dim : mmoe_bag_width(c->how.pooling, dim, c->how.max_len);
}
int mmoe_model_sparse_list(const mmoe_model *m, int32_t i, mmoe_list_format *out) {
    static const char *const poolings[] = {MMOE_POOLINGS(MMOE_WORD)};
    static const char *const truncations[] = {MMOE_TRUNCATIONS(MMOE_WORD)};
    if (!m || !in_range(i, m->schema->n_sparse) || m->schema->sparse[i].list < 0) return 0;
    const mmoe_sparse_column *c = &m->schema->sparse[i];
    if (out)
        *out = (mmoe_list_format){.pooling = poolings[c->how.pooling],
                                  .truncate = truncations[c->how.truncate],
                                  .max_len = c->how.max_len,
                                  .padding_idx = c->padding,
                                  .separator = c->columns.count ? '\0' : c->how.separator,
                                  .weight_separator = c->how.weight_separator,
                                  .brackets = c->how.brackets};
    return 1;
}
int32_t mmoe_model_dense_count(const mmoe_model *m) { return m ? m->schema->n_dense : -1; }
const char *mmoe_model_dense_name(const mmoe_model *m, int32_t i) {
    return m && in_range(i, m->schema->n_dense) ? m->schema->dense[i].name : NULL;
}
const char *mmoe_model_dense_column(const mmoe_model *m, int32_t i) {
    if (!m || !in_range(i, m->schema->n_dense)) return NULL;
    return mmoe_feature_column(m->schema->dense[i].name, m->schema->dense[i].column);
}
int32_t mmoe_model_dense_width(const mmoe_model *m, int32_t i) {
    return m && in_range(i, m->schema->n_dense) ? m->schema->dense[i].width : -1;
}
int32_t mmoe_model_dense_dim(const mmoe_model *m, int32_t i) {
    return m && in_range(i, m->schema->n_dense) ? m->schema->dense[i].span : -1;
}
int mmoe_model_sparse_side(const mmoe_model *m, int32_t i) {
    return m && in_range(i, m->schema->n_sparse) ? (int)m->schema->sparse[i].side : -1;
}
int mmoe_model_dense_side(const mmoe_model *m, int32_t i) {
    return m && in_range(i, m->schema->n_dense) ? (int)m->schema->dense[i].side : -1;
}
const char *mmoe_model_score(const mmoe_model *m) { return m && m->score ? m->score->text : NULL; }

int32_t mmoe_model_member_count(const mmoe_model *m) { return m ? m->config->members : -1; }

int64_t mmoe_model_parameter_count(const mmoe_model *m) {
    if (!m) return -1;
    int64_t count = 0;
    for (; m; m = m->next)
        for (size_t i = 0; i < m->graph->tensors.count; i++)
            if (mmoe_tensor_is_trained(&m->graph->tensors.items[i]))
                count += m->graph->tensors.items[i].count;
    return count;
}

int mmoe_model_tensor(const mmoe_model *m, size_t index, mmoe_tensor_info *out) {
    for (; m && index >= m->graph->tensors.count; m = m->next) index -= m->graph->tensors.count;
    if (!m || !out) return -1;
    const mmoe_tensor *t = &m->graph->tensors.items[index];
    const mmoe_dtype dtype = mmoe_params_dtype(&m->params, t);
    *out = (mmoe_tensor_info){t->name,
                              t->rank,
                              {t->shape[0], t->shape[1]},
                              t->kind == MMOE_TENSOR_COUNTER,
                              mmoe_tensor_is_trained(t),
                              NULL,
                              mmoe_dtype_name(dtype)};
    mmoe_params_settle(&m->params);
    if ((dtype == MMOE_F32 || dtype == MMOE_I64) && !t->deal.shift)
        out->data = mmoe_params_at(&m->params, t);
    return 0;
}

int mmoe_model_is_dealt(const mmoe_model *m) { return m && mmoe_params_dealt(&m->params); }

mmoe_status mmoe_model_set_meta(mmoe_model *m, const char *key, const char *value,
                                mmoe_error *err) {
    if (!m) return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_model_set_meta: model is NULL");
    return mmoe_meta_set(&m->meta, key, value, &m->alloc, err);
}
const char *mmoe_model_meta(const mmoe_model *m, const char *key) {
    return m && key ? mmoe_meta_find(&m->meta, key) : NULL;
}
const char *mmoe_model_meta_at(const mmoe_model *m, size_t index, const char **value) {
    if (!m || index >= m->meta.count) return NULL;
    if (value) *value = m->meta.entries[index].value;
    return m->meta.entries[index].key;
}

const mmoe_warning *mmoe_model_warning(const mmoe_model *m, size_t index) {
    return m && index < m->warnings.count ? &m->warnings.items[index] : NULL;
}
