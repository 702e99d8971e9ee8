#include "engine.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUCCEEDS(call)                                                                             \
    do {                                                                                           \
        mmoe_error err = {0};                                                                      \
        mmoe_status status = (call);                                                               \
        ck_assert_msg(status == MMOE_OK, "%s: %s", mmoe_status_string(status), err.message);       \
    } while (0)

/* ---- Configuration ---- */

static json_t *mlp_json(const reference_mlp_spec *mlp) {
    static const char *const words[] = {"relu", "sigmoid", "tanh", "prelu", "dice"};
    json_t *dims = json_array();
    for (int l = 0; l < mlp->depth; l++) json_array_append_new(dims, json_integer(mlp->dims[l]));
    return json_pack("{s:o,s:s,s:b}", "dims", dims, "activation", words[mlp->activation],
                     "batch_norm", (int)mlp->batch_norm);
}

/* Lists are the columns behind those of one id. */
static int table_of(const reference_spec *spec, int column) {
    return column < spec->n_sparse ? spec->table_of[column]
                                   : spec->lists[column - spec->n_sparse].table;
}

static void column_name(const reference_spec *spec, int column, char name[32], int *owner) {
    *owner = column;
    for (int c = column - 1; c >= 0; c--)
        if (table_of(spec, c) == table_of(spec, column)) *owner = c;
    const char *table = spec->tables[table_of(spec, column)].name;
    if (*owner == column)
        snprintf(name, 32, "%s", table);
    else
        snprintf(name, 32, "%s.%d", table, column);
}

static json_t *id_json(const reference_spec *spec, int column) {
    const int table = table_of(spec, column);
    char name[32];
    int owner;
    column_name(spec, column, name, &owner);
    json_t *entry = json_pack("{s:s,s:i}", "name", name, "embed_dim", spec->tables[table].dim);
    if (owner == column)
        json_object_set_new(entry, "vocab_size", json_integer(spec->tables[table].rows));
    else
        json_object_set_new(entry, "shared_with", json_string(spec->tables[table].name));
    return entry;
}

static json_t *list_json(const reference_spec *spec, int list) {
    static const char *const words[] = {"mean", "sum", "max", "concat"};
    const reference_list_spec *l = &spec->lists[list];
    json_t *entry = id_json(spec, spec->n_sparse + list);
    json_object_set_new(entry, "pooling", json_string(words[l->pooling]));
    if (l->pooling == REFERENCE_MEAN || l->pooling == REFERENCE_SUM)
        json_object_set_new(entry, "weight_separator", json_string(":"));
    if (l->max_len) json_object_set_new(entry, "max_len", json_integer(l->max_len));
    if (l->has_padding) json_object_set_new(entry, "padding_idx", json_integer(l->padding));
    return entry;
}

static json_t *features_json(const reference_spec *spec, bool weighted) {
    json_t *sparse = json_array(), *sequence = json_array(), *dense = json_array();
    for (int c = 0; c < spec->n_sparse; c++) json_array_append_new(sparse, id_json(spec, c));
    for (int l = 0; l < spec->n_list; l++) json_array_append_new(sequence, list_json(spec, l));
    for (int c = 0; c < spec->n_dense; c++) {
        char name[32];
        snprintf(name, sizeof name, "dense%d", c);
        json_array_append_new(dense, json_pack("{s:s}", "name", name));
    }
    json_t *features =
        json_pack("{s:o,s:o,s:o}", "sparse", sparse, "sequence", sequence, "dense", dense);
    if (weighted) json_object_set_new(features, "weight", json_string("weight"));
    return features;
}

static json_t *tasks_json(const reference_spec *spec) {
    json_t *tasks = json_array();
    for (int t = 0; t < spec->n_task; t++) {
        char name[32], label[32];
        snprintf(name, sizeof name, "task%d", t);
        snprintf(label, sizeof label, "label%d", t);
        json_array_append_new(
            tasks,
            json_pack("{s:s,s:s,s:s,s:f,s:o}", "name", name, "label", label, "type",
                      spec->tasks[t].regression ? "regression" : "classification", "loss_weight",
                      spec->tasks[t].loss_weight, "tower_params", mlp_json(&spec->tasks[t].tower)));
        json_t *task = json_array_get(tasks, (size_t)t);
        if (spec->tasks[t].regression) continue;
        json_object_update_new(task, json_pack("{s:f,s:f}", "label_smoothing",
                                               spec->tasks[t].label_smoothing, "focal_gamma",
                                               spec->tasks[t].focal_gamma));
        if (spec->tasks[t].positive_weight > 0)
            json_object_set_new(task, "positive_weight", json_real(spec->tasks[t].positive_weight));
    }
    return tasks;
}

static const char *const optimizer_words[] = {"adam", "adamw", "sgd", "adagrad", "rowwise_adagrad"};

static json_t *optimizer_json(const reference_optimizer *o) {
    json_t *params = json_pack("{s:f,s:f}", "lr", o->lr, "weight_decay", o->weight_decay);
    if (o->kind == REFERENCE_SGD)
        json_object_set_new(params, "momentum", json_real(o->momentum));
    else
        json_object_set_new(params, "eps", json_real(o->eps));
    if (o->kind == REFERENCE_ADAM || o->kind == REFERENCE_ADAMW)
        json_object_set_new(params, "betas", json_pack("[f,f]", o->beta1, o->beta2));
    if (o->kind == REFERENCE_ADAGRAD || o->kind == REFERENCE_ROWWISE_ADAGRAD)
        json_object_update_new(params, json_pack("{s:f,s:f}", "lr_decay", o->lr_decay,
                                                 "initial_accumulator_value", o->accumulator));
    return params;
}

static json_t *trainer_json(const reference_optimizer *o, int batch_size) {
    json_t *penalties =
        json_pack("{s:f,s:f,s:f,s:f}", "embedding_l1", o->embedding_l1, "embedding_l2",
                  o->embedding_l2, "dense_l1", o->dense_l1, "dense_l2", o->dense_l2);
    json_t *trainer = json_pack("{s:i,s:s,s:o,s:o,s:f}", "batch_size", batch_size, "optimizer",
                                optimizer_words[o->kind], "optimizer_params", optimizer_json(o),
                                "regularization_params", penalties, "clip_norm", o->clip_norm);
    if (o->embeddings)
        json_object_update_new(trainer, json_pack("{s:s,s:o}", "embedding_optimizer",
                                                  optimizer_words[o->embeddings->kind],
                                                  "embedding_optimizer_params",
                                                  optimizer_json(o->embeddings)));
    return trainer;
}

static json_t *gates_json(const reference_spec *s, bool norm_alone) {
    json_t *gates = norm_alone ? json_object() : mlp_json(&s->gate);
    json_object_set_new(gates, "batch_norm", json_boolean(s->gate_batch_norm));
    if (s->gating.temperature > 0)
        json_object_set_new(gates, "temperature", json_real(s->gating.temperature));
    if (s->gating.top_k) json_object_set_new(gates, "top_k", json_integer(s->gating.top_k));
    if (s->gating.load_balance > 0)
        json_object_set_new(gates, "load_balance", json_real(s->gating.load_balance));
    return gates;
}

static json_t *model_json(const reference_spec *s) {
    static const char *const words[REFERENCE_KINDS] = {"mmoe",          "omoe", "single_task",
                                                       "shared_bottom", "cgc",  "ple",
                                                       "esmm",          "aitm", "cross_stitch"};
    json_t *model = json_pack("{s:s,s:b}", "name", words[s->kind], "linear", (int)s->linear);
    const bool mixed = s->kind == REFERENCE_MMOE || s->kind == REFERENCE_OMOE,
               ple = s->kind == REFERENCE_PLE, cgc = ple || s->kind == REFERENCE_CGC;
    if (mixed) json_object_set_new(model, "n_expert", json_integer(s->n_expert));
    if (ple) json_object_set_new(model, "n_level", json_integer(s->n_level));
    if (cgc)
        json_object_update_new(model, json_pack("{s:i,s:i}", "n_expert_specific", s->n_specific,
                                                "n_expert_shared", s->n_shared));
    const bool aitm = s->kind == REFERENCE_AITM;
    if (mixed || cgc || aitm) json_object_set_new(model, "gate_params", gates_json(s, aitm));
    if (s->kind == REFERENCE_ESMM) return model;
    if (aitm || s->kind == REFERENCE_SHARED_BOTTOM)
        json_object_set_new(model, "bottom_params", mlp_json(&s->bottom));
    else
        json_object_set_new(model, "expert_params", mlp_json(&s->expert));
    return model;
}

static mmoe_config *config_of(const reference_spec *spec, const reference_optimizer *optimizer,
                              int batch_size, bool weighted) {
    json_t *root = json_pack("{s:o,s:o,s:o,s:o}", "features", features_json(spec, weighted),
                             "tasks", tasks_json(spec), "model", model_json(spec), "trainer",
                             trainer_json(optimizer, batch_size));
    ck_assert_ptr_nonnull(root);
    char *text = json_dumps(root, 0);
    ck_assert_ptr_nonnull(text);
    mmoe_config *config;
    SUCCEEDS(mmoe_config_parse(text, strlen(text), "test", NULL, &config, &err));
    free(text);
    json_decref(root);
    return config;
}

/* ---- Life ---- */

void engine_init(engine *e, const reference_spec *spec, const reference_optimizer *optimizer,
                 int batch_size, bool weighted) {
    engine_init_with(e, spec, optimizer, batch_size, weighted, &(engine_key){NULL, NULL});
}

void engine_init_with(engine *e, const reference_spec *spec, const reference_optimizer *optimizer,
                      int batch_size, bool weighted, const engine_key *keys) {
    char names[64][32];
    const char *columns[64];
    size_t n = 0;
    const int ids = spec->n_sparse + spec->n_list;
    *e = (engine){.spec = *spec, .weighted = weighted};
    ck_assert_int_le(ids + spec->n_dense + spec->n_task + 1, 64);
    for (int c = 0, owner; c < ids; c++) column_name(spec, c, names[n++], &owner);
    for (int c = 0; c < spec->n_dense; c++) snprintf(names[n++], 32, "dense%d", c);
    for (int t = 0; t < spec->n_task; t++) snprintf(names[n++], 32, "label%d", t);
    if (weighted) snprintf(names[n++], 32, "weight");
    for (size_t i = 0; i < n; i++) columns[i] = names[i];

    e->config = config_of(spec, optimizer, batch_size, weighted);
    for (; keys->path; keys++) SUCCEEDS(mmoe_config_set(e->config, keys->path, keys->value, &err));
    SUCCEEDS(mmoe_schema_create(e->config, columns, n, NULL, &e->schema, &err));
    SUCCEEDS(mmoe_model_create(e->config, e->schema, NULL, &e->model, &err));
}

static float *floats(const double *values, size_t count) {
    float *f = malloc((count + 1) * sizeof *f);
    ck_assert_ptr_nonnull(f);
    for (size_t i = 0; i < count; i++) f[i] = (float)values[i];
    return f;
}

/* A batch of the reference as the library takes it. */
typedef struct rows_taken {
    mmoe_batch batch;
    float *dense, *list_weights;
} rows_taken;

static rows_taken rows_take(const engine *e, const reference_batch *from) {
    const reference_spec *s = &e->spec;
    const size_t B = (size_t)from->rows, lists = B * (size_t)s->n_list;
    rows_taken r = {.dense = floats(from->dense, B * (size_t)s->n_dense)};
    if (from->list_weights)
        r.list_weights = floats(from->list_weights, (size_t)from->list_offsets[lists]);
    r.batch = (mmoe_batch){B, from->ids, (size_t)s->n_sparse, r.dense, (size_t)s->n_dense};
    if (s->n_list)
        r.batch.lists = (mmoe_lists){s->n_list, from->list_offsets, from->list_ids, r.list_weights,
                                     (size_t)from->list_offsets[lists]};
    return r;
}

static void rows_finish(rows_taken *r) {
    free(r->dense);
    free(r->list_weights);
}

void engine_prepare(engine *e, const reference_batch *batch, int threads) {
    size_t B = (size_t)batch->rows;
    float *labels = floats(batch->labels, B * (size_t)e->spec.n_task);
    float *weights = e->weighted ? floats(batch->weights, B) : NULL;
    rows_taken rows = rows_take(e, batch);
    SUCCEEDS(mmoe_dataset_create(e->schema, &rows.batch, labels, weights, NULL, &e->rows, &err));
    mmoe_trainer_options options = {
        .threads = threads, .single_threaded_blas = 1, .user = e, .on_epoch = e->on_epoch};
    SUCCEEDS(mmoe_trainer_create(e->model, &options, NULL, &e->trainer, &err));
    rows_finish(&rows);
    free(labels);
    free(weights);
}

void engine_finish(engine *e) {
    mmoe_trainer_free(e->trainer);
    mmoe_dataset_free(e->rows);
    mmoe_model_free(e->model);
    mmoe_schema_free(e->schema);
    mmoe_config_free(e->config);
}

/* ---- Weights ---- */

static reference_tensor *same_tensor(const mmoe_tensor_info *info, reference_model *m) {
    reference_tensor *t = reference_find(m, info->name);
    ck_assert_msg(t != NULL, "the reference has no tensor %s", info->name);
    ck_assert_msg(t->rank == info->rank, "%s: rank %d, want %d", info->name, info->rank, t->rank);
    for (int i = 0; i < t->rank; i++)
        ck_assert_msg(t->shape[i] == info->shape[i], "%s: axis %d is %d", info->name, i,
                      (int)info->shape[i]);
    ck_assert_msg(t->trainable == (info->trainable != 0), "%s: trainable", info->name);
    return t;
}

static void check_count(size_t count, const reference_model *m) {
    ck_assert_msg(count == reference_tensor_count(m), "%zu tensors, want %zu", count,
                  reference_tensor_count(m));
}

void engine_set_weights(engine *e, reference_model *from) {
    mmoe_tensor_info info;
    size_t k = 0;
    for (; mmoe_model_tensor(e->model, k, &info) == 0; k++) {
        const reference_tensor *t = same_tensor(&info, from);
        /* The tensor is the model's own memory, and no one else reads it now. */
        void *data = (void *)(uintptr_t)info.data;
        for (size_t i = 0; i < t->count; i++) {
            if (info.is_integer)
                ((int64_t *)data)[i] = (int64_t)t->value[i];
            else
                ((float *)data)[i] = (float)t->value[i];
        }
    }
    check_count(k, from);
}

void engine_get_weights(const engine *e, reference_model *to) {
    mmoe_tensor_info info;
    size_t k = 0;
    for (; mmoe_model_tensor(e->model, k, &info) == 0; k++) {
        reference_tensor *t = same_tensor(&info, to);
        for (size_t i = 0; i < t->count; i++)
            t->value[i] = info.is_integer ? (double)((const int64_t *)info.data)[i]
                                          : (double)((const float *)info.data)[i];
    }
    check_count(k, to);
}

/* ---- Runs ---- */

void engine_predict(const engine *e, const reference_batch *batch, double *scores) {
    size_t n = (size_t)batch->rows * (size_t)e->spec.n_task;
    float *out = calloc(n, sizeof *out);
    ck_assert_ptr_nonnull(out);
    rows_taken rows = rows_take(e, batch);
    mmoe_predictor *predictor;
    SUCCEEDS(mmoe_predictor_create(e->model, NULL, &predictor, &err));
    SUCCEEDS(mmoe_predictor_run(predictor, &rows.batch, out, &err));
    for (size_t i = 0; i < n; i++) scores[i] = (double)out[i];
    mmoe_predictor_free(predictor);
    rows_finish(&rows);
    free(out);
}

void engine_step(engine *e, double *losses) {
    SUCCEEDS(mmoe_trainer_step(e->trainer, e->rows, 0, (size_t)mmoe_dataset_rows(e->rows), losses,
                               &err));
}

void engine_fit(engine *e) { SUCCEEDS(mmoe_trainer_fit(e->trainer, e->rows, NULL, &err)); }
