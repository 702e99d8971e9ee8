/* Models and methods by name: their configurations, and what these make of the layers. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

static const struct model {
    const char *name;
    bool n_expert, experts, bottom; /* has n_expert, expert_params, bottom_params */
} models[] = {{"single_task", false, true, false}, {"shared_bottom", false, false, true},
              {"omoe", true, true, false},         {"mmoe", true, true, false},
              {"cgc", false, true, false},         {"ple", false, true, false},
              {"esmm", false, false, false},       {"aitm", false, false, true},
              {"cross_stitch", false, true, false}};
enum { N_MODEL = sizeof models / sizeof *models };

static const struct model *find_setting(const char *name) {
    for (size_t i = 0; i < N_MODEL; i++)
        if (strcmp(models[i].name, name) == 0) return &models[i];
    return NULL;
}

const char *bench_model_name(size_t index) { return index < N_MODEL ? models[index].name : NULL; }

/* ---- Configurations ---- */

static json_t *layers_json(const bench_list *dims, bool batch_norm) {
    json_t *list = json_array();
    for (int32_t i = 0; i < dims->count; i++)
        json_array_append_new(list, json_integer(dims->items[i]));
    return json_pack("{s:o, s:b}", "dims", list, "batch_norm", (int)batch_norm);
}

static json_t *named(const char *letter, int64_t index) {
    char name[32];
    snprintf(name, sizeof name, "%s%lld", letter, (long long)index);
    return json_string(name);
}

static json_t *model_json(const bench_options *o, const bench_setting *s) {
    const struct model *m = find_setting(s->model);
    json_t *model = json_pack("{s:s}", "name", s->model);
    if (m->n_expert) json_object_set_new(model, "n_expert", json_integer(s->n_expert));
    if (s->first_layer) json_object_set_new(model, "first_layer", json_string(s->first_layer));
    if (m->experts)
        json_object_set_new(model, "expert_params", layers_json(&o->dims, o->batch_norm));
    if (m->bottom)
        json_object_set_new(model, "bottom_params", layers_json(&o->bottom, o->batch_norm));
    return model;
}

/* Sparse columns [first, end), single ids or lists. */
static json_t *sparse_json(const bench_options *o, int64_t first, int64_t end) {
    json_t *list = json_array();
    for (int64_t c = first; c < end; c++) {
        json_t *column = json_pack("{s:o, s:I, s:s}", "name", named("s", c), "embed_dim",
                                   (json_int_t)o->embed_dim, "side", c % 2 ? "user" : "item");
        if (!o->learned)
            json_object_set_new(column, "vocab_size", json_integer(bench_vocab_of(o, c)));
        json_array_append_new(list, column);
    }
    return list;
}

static char *config_text(const bench_options *o, const bench_setting *s) {
    const int64_t single = bench_single_count(o);
    json_t *sparse = sparse_json(o, 0, single), *sequence = sparse_json(o, single, o->sparse),
           *dense = json_array(), *tasks = json_array();
    if (o->dense) json_array_append_new(dense, json_pack("{s:s}", "name", "d*"));
    for (int64_t t = 0; t < o->tasks; t++)
        json_array_append_new(tasks, json_pack("{s:o, s:o, s:o}", "name", named("task", t), "label",
                                               named("label", t), "tower_params",
                                               layers_json(&o->towers, o->batch_norm)));
    json_t *config =
        json_pack("{s:{s:o, s:o, s:o}, s:o, s:o, s:{s:I, s:s, s:i, s:i}}", "features", "sparse",
                  sparse, "sequence", sequence, "dense", dense, "tasks", tasks, "model",
                  model_json(o, s), "trainer", "batch_size", (json_int_t)o->batch, "optimizer",
                  o->optimizer, "n_epoch", 3, "earlystop_patience", 0);
    char *text = config ? json_dumps(config, 0) : NULL;
    if (!text) bench_fail("out of memory");
    json_decref(config);
    return text;
}

static void set(mmoe_config *config, const char *key, const char *value) {
    mmoe_error err;
    if (mmoe_config_set(config, key, value, &err)) bench_fail("%s", err.message);
}

mmoe_config *bench_config(const bench_options *o, const bench_setting *s) {
    mmoe_config *config;
    mmoe_error err;
    char *text = config_text(o, s);
    if (mmoe_config_parse(text, strlen(text), "the flags", NULL, &config, &err))
        bench_fail("%s", err.message);
    free(text);
    if (s->method) set(config, "trainer.adaptive_params.method", s->method);
    for (int32_t i = 0; i < o->sets.count; i++) {
        if (o->methods.count && !s->method &&
            strncmp(o->sets.items[i], "trainer.adaptive_params.", 24) == 0)
            continue; /* keys of a method, where there is none */
        char *key = strdup(o->sets.items[i]);
        if (!key) bench_fail("out of memory");
        char *value = strchr(key, '=');
        *value++ = 0;
        set(config, key, value);
        free(key);
    }
    return config;
}

/* How many settings a list of words makes; an empty one makes one, without a word. */
static int32_t choices(const bench_words *w) { return w->count ? w->count : 1; }

static const char *choice(const bench_words *w, int32_t index) {
    return index < w->count ? w->items[index] : NULL;
}

/* Every way of the first layer with every method, behind the `n` settings that are there. */
static size_t add_settings(const bench_options *o, bench_setting s, bench_setting *list, size_t n) {
    for (int32_t f = 0; f < choices(&o->first_layers); f++)
        for (int32_t k = 0; k < choices(&o->methods); k++) {
            const char *method = choice(&o->methods, k);
            s.method = method && strcmp(method, "none") != 0 ? method : NULL;
            s.first_layer = choice(&o->first_layers, f);
            list[n++] = s;
            mmoe_config_free(bench_config(o, &s));
        }
    return n;
}

bench_setting *bench_settings(const bench_options *o, size_t *count) {
    const int32_t each = choices(&o->first_layers) * choices(&o->methods);
    bench_setting *list =
        bench_alloc((size_t)(o->models.count * o->n_expert.count * each), sizeof *list);
    size_t n = 0;
    for (int32_t m = 0; m < o->models.count; m++) {
        const char *model = o->models.items[m];
        const bool counts = find_setting(model)->n_expert;
        for (int32_t e = 0; e < (counts ? o->n_expert.count : 1); e++)
            n = add_settings(o, (bench_setting){model, counts ? o->n_expert.items[e] : 0}, list, n);
    }
    *count = n;
    return list;
}

/* ---- Layers ---- */

static int32_t integer(const json_t *object, const char *name) {
    return (int32_t)json_integer_value(json_object_get(object, name));
}

static bench_list layers(const json_t *object, const char *name) {
    const json_t *array = json_object_get(json_object_get(object, name), "dims");
    bench_list l = {.count = (int32_t)json_array_size(array)};
    for (int32_t i = 0; i < l.count; i++)
        l.items[i] = (int32_t)json_integer_value(json_array_get(array, (size_t)i));
    return l;
}

bench_shape bench_shape_of(const bench_options *o, const bench_setting *s) {
    mmoe_config *config = bench_config(o, s);
    mmoe_error err;
    char *text;
    if (mmoe_config_text(config, &text, &err)) bench_fail("%s", err.message);
    json_t *root = json_loads(text, 0, NULL);
    if (!root) bench_fail("the configuration is no JSON");
    const json_t *model = json_object_get(root, "model");
    const bool levels = json_object_get(model, "n_expert_shared") != NULL;
    bench_shape shape = {.model = s->model,
                         .n_expert = integer(model, "n_expert"),
                         .n_level = integer(model, "n_level")};
    shape.n_specific = integer(model, "n_expert_specific");
    shape.n_shared = integer(model, "n_expert_shared");
    if (levels && !shape.n_level) shape.n_level = 1; /* cgc */
    shape.dims = layers(model, find_setting(s->model)->bottom ? "bottom_params" : "expert_params");
    shape.towers = o->towers;
    json_decref(root);
    mmoe_config_text_free(config, text);
    mmoe_config_free(config);
    return shape;
}
