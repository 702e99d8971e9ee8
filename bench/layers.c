/* Which products the models' layers are made of. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

enum { GROWTH = 16 };

static float *array(bench_products *p, size_t rows, size_t cols, float bound) {
    if (p->n_array % GROWTH == 0)
        p->arrays = realloc(p->arrays, (p->n_array + GROWTH) * sizeof *p->arrays);
    if (!p->arrays) bench_fail("out of memory");
    return p->arrays[p->n_array++] = bench_floats(rows * cols, bound);
}

/* The layer's results and weights; x and dx stand. Groups' columns are neighbours. */
static void add_products(bench_products *p, bench_layer l, const char *name, int32_t level) {
    const size_t rows = (size_t)l.rows, width = (size_t)l.groups * (size_t)l.out,
                 weights = (size_t)l.out * (size_t)l.in;
    snprintf(l.name, sizeof l.name, level ? "%s %d" : "%s", name, (int)level);
    l.ldz = (int32_t)width;
    l.z_step = (size_t)l.out;
    l.z = array(p, rows, width, 1);
    l.dz = array(p, rows, width, 1);
    l.w = array(p, (size_t)l.groups, weights, (float)(1 / sqrt((double)l.in)));
    l.dw = array(p, (size_t)l.groups, weights, 1);
    l.w_step = weights;
    if (p->count % GROWTH == 0)
        p->layers = realloc(p->layers, (p->count + GROWTH) * sizeof *p->layers);
    if (!p->layers) bench_fail("out of memory");
    p->layers[p->count++] = l;
}

/* All that reads x. */
static void add_first(bench_products *p, const bench_options *o, const char *name, int32_t out) {
    const int32_t d = bench_input_width(o), rows = (int32_t)o->batch;
    bench_layer l = {.groups = 1,
                     .rows = rows,
                     .in = d,
                     .out = out,
                     .ldx = d,
                     .lddx = d,
                     .grad = bench_embedding_width(o)};
    l.x = array(p, (size_t)rows, (size_t)d, 1);
    l.dx = array(p, (size_t)rows, (size_t)d, 1);
    add_products(p, l, name, 1);
}

/* `groups` layers, each reads `in` columns of its own. */
static void add_groups(bench_products *p, const char *name, int32_t level, int32_t groups,
                       int32_t in, int32_t out) {
    const int32_t rows = p->layers[0].rows, width = groups * in;
    bench_layer l = {.groups = groups,
                     .rows = rows,
                     .in = in,
                     .out = out,
                     .grad = in,
                     .ldx = width,
                     .lddx = width};
    l.x_step = l.dx_step = (size_t)in;
    l.x = array(p, (size_t)rows, (size_t)width, 1);
    l.dx = array(p, (size_t)rows, (size_t)width, 1);
    add_products(p, l, name, level);
}

/* A layer of as many groups over the columns of the last one's result. */
static void add_deeper(bench_products *p, const char *name, int32_t level, int32_t groups,
                       int32_t in, int32_t out) {
    const bench_layer *before = &p->layers[p->count - 1];
    bench_layer l = {.groups = groups, .rows = before->rows, .in = in, .out = out, .grad = in};
    l.x = before->z;
    l.dx = before->dz;
    l.ldx = l.lddx = before->ldz;
    l.x_step = l.dx_step = (size_t)in;
    add_products(p, l, name, level);
}

static void add_deeper_all(bench_products *p, const char *name, int32_t groups,
                           const bench_list *dims) {
    for (int32_t i = 1; i < dims->count; i++)
        add_deeper(p, name, i + 1, groups, dims->items[i - 1], dims->items[i]);
}

static void add_heads(bench_products *p, const bench_list *towers, int32_t tasks) {
    add_deeper_all(p, "towers", tasks, towers);
    add_deeper(p, "logits", 0, tasks, towers->items[towers->count - 1], 1);
}

/* Towers that read an `in` of their own, or the same one. */
static void add_towers(bench_products *p, const bench_list *towers, int32_t tasks, int32_t in,
                       bool same) {
    add_groups(p, "towers", 1, same ? 1 : tasks, in, (same ? tasks : 1) * towers->items[0]);
    add_heads(p, towers, tasks);
}

/* Level 2 and on: each task's experts and gate read what the task's gate mixed, the shared ones
 * what all share. */
static void add_levels(bench_products *p, const bench_shape *s, int32_t tasks) {
    const bench_list *dims = &s->dims;
    const int32_t mixed = s->n_specific + s->n_shared, all = tasks * s->n_specific + s->n_shared,
                  in = dims->items[dims->count - 1];
    for (int32_t level = 2; level <= s->n_level; level++) {
        char name[32];
        add_groups(p, "own experts+gates", level, tasks, in,
                   s->n_specific * dims->items[0] + mixed);
        add_groups(p, "shared experts", level, 1, in,
                   s->n_shared * dims->items[0] + (level < s->n_level ? all : 0));
        snprintf(name, sizeof name, "level %d, experts", (int)level);
        if (dims->count > 1) add_groups(p, name, 2, all, dims->items[0], dims->items[1]);
        for (int32_t i = 2; i < dims->count; i++)
            add_deeper(p, name, i + 1, all, dims->items[i - 1], dims->items[i]);
    }
}

/* From the second task on: an info gate, and queries, keys and values of two by the same weights.
 */
static void add_attention(bench_products *p, int32_t tasks, int32_t dim) {
    for (int32_t t = 1; t < tasks; t++) {
        add_groups(p, "info gate", t, 1, dim, dim);
        add_groups(p, "attention", t, 2, dim, 3 * dim);
        p->layers[p->count - 1].w_step = 0;
    }
}

/* Columns of the products with x, beside the experts' or bottoms': gates. */
static int32_t first_gates(const bench_shape *s, int32_t tasks) {
    const int32_t all = tasks * s->n_specific + s->n_shared, mixed = s->n_specific + s->n_shared;
    if (!s->n_level) return (strcmp(s->model, "mmoe") == 0 ? tasks : 1) * s->n_expert;
    return tasks * mixed + (s->n_level > 1 ? all : 0);
}

/* Experts or bottoms, of which there is one each task unless the shape says otherwise. */
static int32_t modules_of(const bench_shape *s, int32_t tasks, bool one) {
    if (s->n_level) return tasks * s->n_specific + s->n_shared;
    if (s->n_expert) return s->n_expert;
    return one ? 1 : tasks;
}

bench_products bench_products_make(const bench_options *o, const bench_shape *s) {
    const int32_t tasks = (int32_t)o->tasks;
    bench_products p = {0};
    if (strcmp(s->model, "esmm") == 0) {
        add_first(&p, o, "towers", tasks * s->towers.items[0]);
        add_heads(&p, &s->towers, tasks);
        return p;
    }
    const bool one = strcmp(s->model, "shared_bottom") == 0 || strcmp(s->model, "omoe") == 0,
               is_aitm = strcmp(s->model, "aitm") == 0;
    const bool has_gates = s->n_level || s->n_expert;
    const int32_t modules = modules_of(s, tasks, one), h = s->dims.items[s->dims.count - 1];
    const char *module = is_aitm || (one && !s->n_expert) ? "bottoms" : "experts";
    add_first(&p, o, has_gates ? "experts+gates" : module,
              modules * s->dims.items[0] + first_gates(s, tasks));
    add_deeper_all(&p, module, modules, &s->dims);
    if (s->n_level) add_levels(&p, s, tasks);
    if (is_aitm) add_attention(&p, tasks, h);
    add_towers(&p, &s->towers, tasks, h, one);
    return p;
}
