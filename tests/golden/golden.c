#include "golden.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const reference_optimizer golden_optimizer = {REFERENCE_ADAM, 1e-3, 1e-4, 0.9, 0.999, 1e-8, 0};
/* Of the sample of Ali-CCP. */
static const golden_part sample_parts[GOLDEN_PARTS] = {{"train", 100}, {"val", 50}, {"test", 50}};

static void *take(size_t count, size_t size) {
    void *p = calloc(count, size);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* ---- Files ---- */

static char *read_file(const char *folder, const char *name, size_t *size) {
    char path[1024];
    ck_assert_int_lt(snprintf(path, sizeof path, "%s/%s", folder, name), (int)sizeof path);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "cannot open %s", path);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    long length = ftell(f);
    ck_assert_int_ge(length, 0);
    rewind(f);
    char *text = take((size_t)length + 1, 1);
    ck_assert_uint_eq(fread(text, 1, (size_t)length, f), (size_t)length);
    fclose(f);
    if (size) *size = (size_t)length;
    return text;
}

/* Comma-separated numbers [rows, columns], exactly. */
static double *read_scores(const golden *g, const char *name, int rows, int columns) {
    char *text = read_file(g->folder, name, NULL), *at = text;
    double *values = take((size_t)rows * (size_t)columns, sizeof *values);
    for (int i = 0; i < rows * columns; i++) {
        char *end;
        values[i] = strtod(at, &end);
        ck_assert_msg(end != at && *end == (i % columns == columns - 1 ? '\n' : ','),
                      "%s: number %d", name, i);
        at = end + 1;
    }
    ck_assert_msg(*at == '\0', "%s: too long", name);
    free(text);
    return values;
}

static void read_tensors(const golden *g, const char *file, reference_model *to, bool gradients) {
    size_t size, seen = 0;
    char *bytes = read_file(g->folder, file, &size);
    uint64_t length;
    memcpy(&length, bytes, sizeof length);
    ck_assert_uint_lt(length, size - 8);
    json_t *header = json_loadb(bytes + 8, length, 0, NULL), *entry;
    ck_assert_ptr_nonnull(header);
    const char *name, *data = bytes + 8 + length;
    json_object_foreach(header, name, entry) {
        if (strcmp(name, "__metadata__") == 0) continue;
        reference_tensor *t = reference_find(to, name);
        ck_assert_msg(t != NULL, "%s: unknown tensor %s", file, name);
        int begin, end;
        const char *type;
        ck_assert_int_eq(
            json_unpack(entry, "{s:s,s:[i,i]}", "dtype", &type, "data_offsets", &begin, &end), 0);
        size_t width = strcmp(type, "I64") == 0 ? 8 : 4;
        ck_assert_uint_eq((size_t)(end - begin), t->count * width);
        for (size_t i = 0; i < t->count; i++) {
            int64_t integer;
            float real;
            memcpy(&integer, data + begin + i * width, width);
            memcpy(&real, &integer, sizeof real);
            double *values = gradients ? t->gradient : t->value;
            values[i] = width == 8 ? (double)integer : (double)real;
        }
        seen++;
    }
    size_t expected = 0;
    for (size_t k = 0; k < reference_tensor_count(to); k++)
        expected += !gradients || reference_tensor_at(to, k)->trainable;
    ck_assert_uint_eq(seen, expected);
    json_decref(header);
    free(bytes);
}

void golden_read_weights(const golden *g, const char *file, reference_model *to) {
    read_tensors(g, file, to, false);
}
void golden_read_gradients(const golden *g, reference_model *to) {
    read_tensors(g, "grads0.safetensors", to, true);
}

/* ---- Case ---- */

static reference_mlp_spec read_mlp_spec(const json_t *dims) {
    reference_mlp_spec mlp = {.activation = REFERENCE_RELU, .batch_norm = true};
    mlp.depth = (int)json_array_size(dims);
    ck_assert(mlp.depth > 0 && mlp.depth <= REFERENCE_MAX_DEPTH);
    for (int l = 0; l < mlp.depth; l++)
        mlp.dims[l] = (int)json_integer_value(json_array_get(dims, (size_t)l));
    return mlp;
}

static const json_t *dims_of(const json_t *config, const char *params) {
    return json_object_get(json_object_get(config, params), "dims");
}

static int read_count(const json_t *config, const char *key) {
    return (int)json_integer_value(json_object_get(config, key));
}

static void read_model_spec(const json_t *config, reference_spec *s) {
    const char *model = json_string_value(json_object_get(config, "model"));
    if (strcmp(model, "SharedBottom") == 0) {
        s->kind = REFERENCE_SHARED_BOTTOM;
        s->bottom = read_mlp_spec(dims_of(config, "bottom_params"));
        return;
    }
    s->kind = strcmp(model, "PLE") == 0 ? REFERENCE_PLE : REFERENCE_MMOE;
    ck_assert(s->kind == REFERENCE_PLE || strcmp(model, "MMOE") == 0);
    s->expert = read_mlp_spec(dims_of(config, "expert_params"));
    s->n_expert = read_count(config, "n_expert");
    s->n_level = read_count(config, "n_level");
    s->n_specific = read_count(config, "n_expert_specific");
    s->n_shared = read_count(config, "n_expert_shared");
}

/* Index of `name` in a list of case.json, of names or of objects that have one; -1: not in it. */
static int index_in(const golden *g, const char *list, const char *name) {
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(g->description, list), i, entry) {
        const json_t *own = json_is_object(entry) ? json_object_get(entry, "name") : entry;
        if (strcmp(json_string_value(own), name) == 0) return (int)i;
    }
    return -1;
}

static int add_table(golden *g, const char *name) {
    const json_t *vocab = json_object_get(g->description, "vocab");
    const int table = g->spec.n_table++;
    ck_assert_int_lt(table, REFERENCE_MAX_TABLES);
    g->spec.tables[table].name = name;
    g->spec.tables[table].rows = read_count(vocab, name);
    g->spec.tables[table].dim = 4;
    return table;
}

static void read_list_spec(golden *g, const json_t *entry, reference_list_spec *out) {
    const char *name, *pooling, *with = NULL;
    json_t *padding;
    ck_assert_int_eq(json_unpack((json_t *)(uintptr_t)entry, "{s:s,s:s,s:o,s?:s}", "name", &name,
                                 "pooling", &pooling, "padding_idx", &padding, "shared_with",
                                 &with),
                     0);
    out->pooling = strcmp(pooling, "sum") == 0 ? REFERENCE_SUM : REFERENCE_MEAN;
    ck_assert(out->pooling == REFERENCE_SUM || strcmp(pooling, "mean") == 0);
    out->has_padding = json_is_integer(padding);
    out->padding = (int)json_integer_value(padding);
    out->table = with ? index_in(g, "sparse", with) : add_table(g, name);
    ck_assert_int_ge(out->table, 0);
}

static void read_features(golden *g) {
    reference_spec *s = &g->spec;
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(g->description, "sparse"), i, entry) {
        s->table_of[s->n_sparse++] = add_table(g, json_string_value(entry));
    }
    json_array_foreach(json_object_get(g->description, "sequence"), i, entry) {
        ck_assert_int_lt(s->n_list, REFERENCE_MAX_LISTS);
        read_list_spec(g, entry, &s->lists[s->n_list++]);
    }
}

/* A case that has rows of its own says how many. */
static void read_parts(golden *g) {
    json_t *rows = json_object_get(g->description, "rows"), *count;
    const char *name;
    g->has_rows = rows;
    g->n_part = rows ? 0 : GOLDEN_PARTS;
    for (int part = 0; part < g->n_part; part++) g->part[part] = sample_parts[part];
    json_object_foreach(rows, name, count) {
        ck_assert_int_lt(g->n_part, GOLDEN_PARTS);
        g->part[g->n_part++] = (golden_part){name, (int)json_integer_value(count)};
    }
}

void golden_init(golden *g, const char *folder) {
    *g = (golden){.folder = folder};
    char *text = read_file(folder, "case.json", NULL);
    g->description = json_loads(text, 0, NULL);
    free(text);
    ck_assert_ptr_nonnull(g->description);
    reference_spec *s = &g->spec;
    read_parts(g);
    read_features(g);
    s->n_dense = (int)json_array_size(json_object_get(g->description, "dense"));
    s->gate_batch_norm = true;
    const json_t *config = json_object_get(g->description, "config"),
                 *towers = json_object_get(config, "towers");
    read_model_spec(config, s);
    s->n_task = GOLDEN_TASKS;
    for (int t = 0; t < GOLDEN_TASKS; t++) {
        s->tasks[t].loss_weight = 1;
        s->tasks[t].tower = read_mlp_spec(json_array_get(towers, (size_t)t));
    }
}

static void rows_finish(golden_rows *r) {
    free(r->ids);
    free(r->dense);
    free(r->labels);
    free(r->list_offsets);
    free(r->list_ids);
}

void golden_finish(golden *g) {
    for (int i = 0; i < GOLDEN_PARTS; i++) rows_finish(&g->parts[i]);
    json_decref(g->description);
}

enum { LONGEST_LIST = 16 };

static golden_rows *rows_init(golden *g, int part) {
    golden_rows *r = &g->parts[part];
    size_t rows = (size_t)g->part[part].rows, lists = rows * (size_t)g->spec.n_list;
    r->ids = take(rows * (size_t)g->spec.n_sparse, sizeof *r->ids);
    r->dense = take(rows * (size_t)g->spec.n_dense, sizeof *r->dense);
    r->labels = take(rows * GOLDEN_TASKS, sizeof *r->labels);
    r->list_offsets = take(lists + 1, sizeof *r->list_offsets);
    r->list_ids = take(lists * LONGEST_LIST, sizeof *r->list_ids);
    r->batch = (reference_batch){.rows = g->part[part].rows,
                                 .ids = r->ids,
                                 .dense = r->dense,
                                 .labels = r->labels,
                                 .list_offsets = r->list_offsets,
                                 .list_ids = r->list_ids};
    return r;
}

static double read_number(const char *column, const char *text, char end) {
    char *rest;
    double value = strtod(text, &rest);
    ck_assert_msg(rest != text && *rest == end, "column %s: %s", column, text);
    return value;
}

/* The lists stand in a row in their order. */
static void read_list(golden_rows *r, int list, char *cell) {
    int64_t end = r->list_offsets[list], begin = end;
    for (char *element; cell && *cell && (element = strsep(&cell, "|"));) {
        ck_assert_int_lt(end - begin, LONGEST_LIST);
        r->list_ids[end++] = (int32_t)read_number("of lists", element, '\0');
    }
    r->list_offsets[list + 1] = end;
}

static void read_cell(const golden *g, golden_rows *r, int row, const char *column, char *cell) {
    int sparse = index_in(g, "sparse", column), dense = index_in(g, "dense", column),
        label = index_in(g, "labels", column), list = index_in(g, "sequence", column);
    ck_assert_msg((sparse >= 0) + (dense >= 0) + (label >= 0) + (list >= 0) == 1, "column %s",
                  column);
    if (list >= 0) {
        read_list(r, row * g->spec.n_list + list, cell);
        return;
    }
    double value = read_number(column, cell, '\0');
    if (sparse >= 0) r->ids[row * g->spec.n_sparse + sparse] = (int32_t)value;
    if (dense >= 0) r->dense[row * g->spec.n_dense + dense] = (double)(float)value;
    if (label >= 0) r->labels[row * GOLDEN_TASKS + label] = value;
}

void golden_read_rows(golden *g, const char *sample) {
    for (int part = 0; part < g->n_part; part++) {
        char name[64], *columns[64], *rest;
        snprintf(name, sizeof name, g->has_rows ? "data_%s.csv" : "ali_ccp_%s_sample.csv",
                 g->part[part].name);
        char *text = read_file(g->has_rows ? g->folder : sample, name, NULL), *lines = text,
             *header = strsep(&lines, "\n");
        int n = 0;
        for (rest = header; n < 64 && rest; n++) columns[n] = strsep(&rest, ",\r");
        golden_rows *r = rows_init(g, part);
        for (int row = 0; row < g->part[part].rows; row++) {
            char *line = strsep(&lines, "\n");
            ck_assert_msg(line != NULL, "%s: row %d", name, row);
            for (int i = 0; i < n; i++)
                if (*columns[i]) read_cell(g, r, row, columns[i], strsep(&line, ",\r"));
        }
        free(text);
    }
}

/* SplitMix64, as a number in [0, 1) */
static double draw(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static void draw_lists(const golden *g, golden_rows *r, int rows, uint64_t *state) {
    int64_t end = 0;
    for (int i = 0; i < rows * g->spec.n_list; i++) {
        const int table = g->spec.lists[i % g->spec.n_list].table;
        for (int more = (int)(draw(state) * 6); more > 0; more--)
            r->list_ids[end++] = (int32_t)(draw(state) * g->spec.tables[table].rows);
        r->list_offsets[i + 1] = end;
    }
}

void golden_draw_rows(golden *g, uint64_t seed) {
    uint64_t state = seed;
    for (int part = 0; part < g->n_part; part++) {
        const int rows = g->part[part].rows;
        golden_rows *r = rows_init(g, part);
        for (int i = 0; i < rows * g->spec.n_sparse; i++)
            r->ids[i] = (int32_t)(draw(&state) *
                                  g->spec.tables[g->spec.table_of[i % g->spec.n_sparse]].rows);
        for (int i = 0; i < rows * g->spec.n_dense; i++) r->dense[i] = (double)(float)draw(&state);
        for (int i = 0; i < rows * GOLDEN_TASKS; i++) r->labels[i] = draw(&state) < 0.3;
        draw_lists(g, r, rows, &state);
    }
}

/* ---- Numbers ---- */

static bool has(const golden *g, const char *file) {
    char path[1024];
    ck_assert_int_lt(snprintf(path, sizeof path, "%s/%s", g->folder, file), (int)sizeof path);
    return access(path, R_OK) == 0;
}

static reference_model *read_model(const golden *g, const char *file) {
    reference_model *m = reference_create(&g->spec);
    golden_read_weights(g, file, m);
    return m;
}

void golden_read_numbers(const golden *g, golden_numbers *n) {
    *n = (golden_numbers){.first = read_model(g, "init.safetensors"),
                          .last = read_model(g, "step20.safetensors")};
    if (has(g, "step1.safetensors")) n->second = read_model(g, "step1.safetensors");
    golden_read_gradients(g, n->first);
    if (has(g, "pred_init_train_mode.csv"))
        n->first_training_scores =
            read_scores(g, "pred_init_train_mode.csv", g->part[0].rows, GOLDEN_TASKS);
    for (int part = 0; part < g->n_part; part++) {
        const golden_part *p = &g->part[part];
        char name[64];
        snprintf(name, sizeof name, "pred_init_eval_%s.csv", p->name);
        n->first_scores[part] = read_scores(g, name, p->rows, GOLDEN_TASKS);
        snprintf(name, sizeof name, "pred_step20_eval_%s.csv", p->name);
        n->last_scores[part] = read_scores(g, name, p->rows, GOLDEN_TASKS);
    }
    json_t *history = json_object_get(g->description, "loss_history_total_then_tasks");
    ck_assert_uint_eq(json_array_size(history), GOLDEN_STEPS);
    for (size_t s = 0; s < GOLDEN_STEPS; s++)
        for (size_t t = 0; t < 1 + GOLDEN_TASKS; t++) {
            json_t *loss = json_array_get(json_array_get(history, s), t);
            ck_assert(json_is_real(loss));
            n->losses[s][t] = json_real_value(loss);
        }
}

static void predict_parts(golden *g, reference_model *m, double *scores[]) {
    for (int part = 0; part < g->n_part; part++) {
        scores[part] = take((size_t)g->part[part].rows * GOLDEN_TASKS, sizeof(double));
        reference_predict(m, &g->parts[part].batch, scores[part]);
    }
}

static void copy_values(reference_model *to, reference_model *from) {
    for (size_t k = 0; k < reference_tensor_count(from); k++) {
        reference_tensor *a = reference_tensor_at(to, k), *b = reference_tensor_at(from, k);
        memcpy(a->value, b->value, b->count * sizeof(double));
        memcpy(a->gradient, b->gradient, b->count * sizeof(double));
    }
}

void golden_take_biases(reference_model *to, reference_model *from) {
    for (size_t k = 0; k < reference_tensor_count(from); k++) {
        reference_tensor *a = reference_tensor_at(to, k), *b = reference_tensor_at(from, k);
        if (b->in_front_of_norm) memcpy(a->value, b->value, b->count * sizeof(double));
    }
}

void golden_compute_numbers(golden *g, golden_numbers *n, reference_model *biases) {
    *n = (golden_numbers){.first = read_model(g, "init.safetensors"),
                          .second = reference_create(&g->spec),
                          .last = read_model(g, "init.safetensors")};
    n->first_training_scores = take((size_t)g->part[0].rows * GOLDEN_TASKS, sizeof(double));
    n->kink_distance = HUGE_VAL;
    predict_parts(g, n->first, n->first_scores);
    for (int s = 0; s < GOLDEN_STEPS; s++) {
        n->losses[s][0] =
            reference_gradient(n->last, &g->parts[0].batch,
                               s == 0 ? n->first_training_scores : NULL, &n->losses[s][1]);
        n->kink_distance = fmin(n->kink_distance, reference_kink_distance(n->last));
        if (s == 0) {
            copy_values(n->first, n->last);
            golden_read_weights(g, "init.safetensors", n->first);
        }
        reference_update(n->last, &golden_optimizer, s + 1);
        if (s == 0) copy_values(n->second, n->last);
    }
    if (biases) golden_take_biases(n->last, biases);
    predict_parts(g, n->last, n->last_scores);
}

void golden_numbers_finish(golden_numbers *n) {
    free(n->first_training_scores);
    for (int part = 0; part < GOLDEN_PARTS; part++) {
        free(n->first_scores[part]);
        free(n->last_scores[part]);
    }
    reference_free(n->first);
    reference_free(n->second);
    reference_free(n->last);
}
