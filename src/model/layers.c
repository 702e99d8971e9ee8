#include "model/layers.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"

enum { MOST_COLUMNS = 1 << 24 };

/* Where a level's tensors stand: the modules' columns are neighbours in each block. */
typedef struct level_blocks {
    int64_t bias, gamma, beta, mean, var, counter, slope;
    int32_t slopes;
} level_blocks;

/* Position of a layer in torch's Sequential: Linear, BatchNorm1d, activation, dropout; three
 * without batch norm. */
static int32_t layer_index(const mmoe_module *m, int32_t level) {
    return level * (m->batch_norm ? 4 : 3);
}

static int32_t width_of(const mmoe_module *m, int32_t level) {
    return level < m->n_dims ? m->dims[level] : m->n_expert;
}

static mmoe_activation activation_of(const mmoe_module *m, int32_t level) {
    return level < m->n_dims ? m->activation : m->weighing;
}

static float dropout_of(const mmoe_module *m, int32_t level) {
    return level < m->n_dims ? m->dropout : 0;
}

static bool has_slope(const mmoe_module *m, int32_t level) {
    return activation_of(m, level) == MMOE_ACT_PRELU || activation_of(m, level) == MMOE_ACT_DICE;
}

/* Where a module's tensors stand in a level. */
typedef struct module_place {
    int32_t module, col, cols; /* its number, and its columns */
    int64_t weight, bias, slope;
    bool is_zero; /* what it begins with */
} module_place;

static mmoe_status add_tensor(mmoe_tensors *t, const mmoe_module *m, int32_t index,
                              const char *name, mmoe_tensor x, mmoe_error *err) {
    if (m->is_linear) return mmoe_tensors_add(t, x, err, "%s.%s", m->name, name);
    return mmoe_tensors_add(t, x, err, "%s.mlp.%d.%s", m->name, (int)index, name);
}

/* PyTorch's Linear: weight and bias uniform in +-1/sqrt(fan_in); or 0. */
static mmoe_status add_linear_tensors(mmoe_tensors *t, const mmoe_module *m, int32_t index,
                                      const module_place *at, mmoe_error *err) {
    const float bound = at->is_zero ? 0 : (float)(1 / sqrt((double)m->in.cols));
    const mmoe_init_kind init = at->is_zero ? MMOE_INIT_CONSTANT : MMOE_INIT_UNIFORM;
    const mmoe_tensor weight = {.kind = MMOE_TENSOR_VALUE,
                                .role = MMOE_ROLE_WEIGHT,
                                .rank = 2,
                                .shape = {at->cols, m->in.cols},
                                .offset = at->weight,
                                .init = init,
                                .init_a = bound};
    const mmoe_tensor bias = {.kind = MMOE_TENSOR_VALUE,
                              .role = MMOE_ROLE_BIAS,
                              .rank = 1,
                              .shape = {at->cols},
                              .offset = at->bias,
                              .init = init,
                              .init_a = bound};
    const mmoe_status status = add_tensor(t, m, index, "weight", weight, err);
    return status ? status : add_tensor(t, m, index, "bias", bias, err);
}

static mmoe_status add_norm_tensors(mmoe_tensors *t, const mmoe_module *m, int32_t index,
                                    const module_place *at, const level_blocks *k,
                                    mmoe_error *err) {
    const struct {
        const char *name;
        mmoe_tensor_kind kind;
        int64_t offset;
        float start;
    } vectors[] = {{"weight", MMOE_TENSOR_VALUE, k->gamma, 1},
                   {"bias", MMOE_TENSOR_VALUE, k->beta, 0},
                   {"running_mean", MMOE_TENSOR_STATE, k->mean, 0},
                   {"running_var", MMOE_TENSOR_STATE, k->var, 1}};
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors && !status; i++) {
        const mmoe_tensor x = {.kind = vectors[i].kind,
                               .role = MMOE_ROLE_NORM,
                               .rank = 1,
                               .shape = {at->cols},
                               .offset = vectors[i].offset + at->col,
                               .init = MMOE_INIT_CONSTANT,
                               .init_a = vectors[i].start};
        status = add_tensor(t, m, index, vectors[i].name, x, err);
    }
    const mmoe_tensor counter = {.kind = MMOE_TENSOR_COUNTER,
                                 .role = MMOE_ROLE_NORM,
                                 .shape = {1},
                                 .offset = k->counter + at->module,
                                 .init = MMOE_INIT_CONSTANT};
    return status ? status : add_tensor(t, m, index, "num_batches_tracked", counter, err);
}

/* PyTorch's prelu begins at 0.25, torch-rechub's Dice at N(0, 1). */
static mmoe_status add_slope(mmoe_tensors *t, const mmoe_module *m, int32_t index, int64_t offset,
                             mmoe_error *err) {
    const bool prelu = m->activation == MMOE_ACT_PRELU;
    const mmoe_tensor slope = {.kind = MMOE_TENSOR_VALUE,
                               .role = MMOE_ROLE_OTHER,
                               .rank = 1,
                               .shape = {1},
                               .offset = offset,
                               .init = prelu ? MMOE_INIT_CONSTANT : MMOE_INIT_NORMAL,
                               .init_a = prelu ? 0.25f : 1};
    return add_tensor(t, m, index, prelu ? "weight" : "alpha", slope, err);
}

static mmoe_status add_module_tensors(mmoe_tensors *t, const mmoe_module *m, int32_t level,
                                      const module_place *at, const level_blocks *k,
                                      mmoe_error *err) {
    const int32_t index = layer_index(m, level);
    mmoe_status status = add_linear_tensors(t, m, index, at, err);
    if (!status && m->batch_norm) status = add_norm_tensors(t, m, index + 1, at, k, err);
    if (status || !has_slope(m, level)) return status;
    return add_slope(t, m, index + (m->batch_norm ? 2 : 1), at->slope, err);
}

static bool same_view(mmoe_view a, mmoe_view b) {
    return a.value == b.value && a.col == b.col && a.cols == b.cols;
}

/* Experts and gates stay apart: the experts' segment may be taken into what mixes them. */
static bool same_activation(const mmoe_module *a, const mmoe_module *b, int32_t level) {
    return activation_of(a, level) == activation_of(b, level) &&
           width_of(a, level) == width_of(b, level) &&
           dropout_of(a, level) == dropout_of(b, level) && a->batch_norm == b->batch_norm &&
           (a->n_expert > 0) == (b->n_expert > 0);
}

/* What a level is made of while it is put together. */
typedef struct level_parts {
    mmoe_module **modules; /* [count] those that have it, with batch norm first: a layer normalises
                              its leading columns */
    mmoe_linear_block *blocks; /* [count] */
    mmoe_segment *segments;    /* [count] */
    int32_t count, n_block, n_segment, width, slopes, n_norm, norm_width;
} level_parts;

static void choose_modules(level_parts *p, mmoe_module *modules, int32_t count, int32_t level) {
    for (int norm = 1; norm >= 0; norm--)
        for (int32_t i = 0; i < count; i++)
            if (mmoe_module_depth(&modules[i]) > level && modules[i].batch_norm == norm)
                p->modules[p->count++] = &modules[i];
}

static void add_part(level_parts *p, const mmoe_module *m, const mmoe_module *before,
                     int32_t level) {
    const int32_t cols = width_of(m, level);
    const mmoe_activation act = activation_of(m, level);
    if (before && same_view(before->in, m->in))
        p->blocks[p->n_block - 1].cols += cols;
    else
        p->blocks[p->n_block++] = (mmoe_linear_block){m->in, p->width, cols, 0};
    if (before && same_activation(before, m, level))
        p->segments[p->n_segment - 1].cols += cols;
    else
        p->segments[p->n_segment++] = (mmoe_segment){
            p->width, cols, cols, act, has_slope(m, level) ? p->slopes : -1, dropout_of(m, level)};
    p->width += cols;
    p->slopes += has_slope(m, level);
    if (m->batch_norm) {
        p->norm_width += cols;
        p->n_norm++;
    }
}

/* Columns must stay below 2^24: indices are 32 bits wide and products of them are taken in 64. */
static mmoe_status gather_parts(level_parts *p, int32_t level, mmoe_error *err) {
    for (int32_t i = 0; i < p->count; i++) {
        if (width_of(p->modules[i], level) > MOST_COLUMNS - p->width)
            return mmoe_fail(
                err, MMOE_E_CONFIG,
                "layer %d of all experts, gates or towers together would be wider than %d columns",
                (int)level + 1, MOST_COLUMNS);
        add_part(p, p->modules[i], i ? p->modules[i - 1] : NULL, level);
    }
    return MMOE_OK;
}

static level_blocks reserve_blocks(mmoe_tensors *t, level_parts *p) {
    level_blocks k = {0};
    for (int32_t i = 0; i < p->n_block; i++)
        p->blocks[i].weight = mmoe_tensors_reserve(
            t, MMOE_TENSOR_VALUE, (int64_t)p->blocks[i].cols * p->blocks[i].in.cols);
    k.bias = mmoe_tensors_reserve(t, MMOE_TENSOR_VALUE, p->width);
    k.gamma = mmoe_tensors_reserve(t, MMOE_TENSOR_VALUE, p->norm_width);
    k.beta = mmoe_tensors_reserve(t, MMOE_TENSOR_VALUE, p->norm_width);
    k.mean = mmoe_tensors_reserve(t, MMOE_TENSOR_STATE, p->norm_width);
    k.var = mmoe_tensors_reserve(t, MMOE_TENSOR_STATE, p->norm_width);
    k.counter = mmoe_tensors_reserve(t, MMOE_TENSOR_COUNTER, p->n_norm);
    k.slope = mmoe_tensors_reserve(t, MMOE_TENSOR_VALUE, p->slopes);
    for (int32_t i = 0; i < p->n_segment; i++)
        if (p->segments[i].slope >= 0) p->segments[i].slope += k.slope;
    return k;
}

static mmoe_status add_tensors(mmoe_tensors *t, const level_parts *p, const level_blocks *k,
                               int32_t level, mmoe_error *err) {
    module_place at = {.slope = k->slope};
    const mmoe_linear_block *block = p->blocks;
    for (at.module = 0; at.module < p->count; at.module++) {
        const mmoe_module *m = p->modules[at.module];
        if (at.col == block->col + block->cols) block++;
        at.cols = width_of(m, level);
        at.is_zero = m->is_linear;
        at.weight = block->weight + (int64_t)(at.col - block->col) * m->in.cols;
        at.bias = k->bias + at.col;
        mmoe_status status = add_module_tensors(t, m, level, &at, k, err);
        if (status) return status;
        at.col += at.cols;
        at.slope += has_slope(m, level);
    }
    return MMOE_OK;
}

static mmoe_status build_level(mmoe_graph *g, const char *name, level_parts *p, int32_t level,
                               mmoe_error *err) {
    mmoe_status status = gather_parts(p, level, err);
    if (status || !p->width) return status;
    level_blocks k = reserve_blocks(&g->tensors, p);
    status = add_tensors(&g->tensors, p, &k, level, err);
    mmoe_norm norm = {0, p->norm_width, k.gamma, k.beta, k.mean, k.var, k.counter, p->n_norm};
    mmoe_view z, u;
    char node[32];
    snprintf(node, sizeof node, "%s %d", name, (int)level + 1);
    if (!status) status = mmoe_graph_linear(g, node, p->blocks, p->n_block, &z, err);
    if (!status)
        status = mmoe_graph_layer(
            g, node, &(mmoe_layer_args){z, k.bias, norm, p->segments, p->n_segment}, &u, err);
    if (status) return status;
    for (int32_t i = 0, col = 0; i < p->count && !status; i++) {
        mmoe_module *m = p->modules[i];
        m->in = (mmoe_view){u.value, col, width_of(m, level)};
        col += m->in.cols;
        if (m->is_expert) status = mmoe_graph_mark_expert(g, m->name, m->in, err);
    }
    return status;
}

mmoe_status mmoe_add_level(mmoe_graph *g, const char *name, mmoe_module *modules, int32_t count,
                           int32_t level, mmoe_error *err) {
    const size_t n = (size_t)count;
    level_parts p = {0};
    p.modules = mmoe_alloc(&g->alloc, n, sizeof *p.modules);
    p.blocks = mmoe_alloc(&g->alloc, n, sizeof *p.blocks);
    p.segments = mmoe_alloc(&g->alloc, n, sizeof *p.segments);
    mmoe_status status = p.modules && p.blocks && p.segments
                             ? MMOE_OK
                             : mmoe_fail_memory(err, n * (sizeof *p.modules + sizeof *p.blocks +
                                                          sizeof *p.segments));
    if (!status) {
        choose_modules(&p, modules, count, level);
        status = build_level(g, name, &p, level, err);
    }
    mmoe_release(&g->alloc, p.modules);
    mmoe_release(&g->alloc, p.blocks);
    mmoe_release(&g->alloc, p.segments);
    return status;
}

mmoe_status mmoe_add_heads(mmoe_graph *g, const mmoe_module *modules, int32_t count,
                           mmoe_view *logits, mmoe_error *err) {
    mmoe_linear_block *blocks = mmoe_alloc(&g->alloc, (size_t)count, sizeof *blocks);
    if (!blocks) return mmoe_fail_memory(err, (size_t)count * sizeof *blocks);
    int64_t bias = mmoe_tensors_reserve(&g->tensors, MMOE_TENSOR_VALUE, count);
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < count && !status; i++) {
        const mmoe_module *m = &modules[i];
        blocks[i] = (mmoe_linear_block){
            m->in, i, 1, mmoe_tensors_reserve(&g->tensors, MMOE_TENSOR_VALUE, m->in.cols)};
        const module_place at = {.cols = 1, .weight = blocks[i].weight, .bias = bias + i};
        status = add_linear_tensors(&g->tensors, m, layer_index(m, m->n_dims), &at, err);
    }
    mmoe_view z, out;
    mmoe_segment identity = {0, count, 1, MMOE_ACT_NONE, -1, 0};
    if (!status) status = mmoe_graph_linear(g, "logits", blocks, count, &z, err);
    if (!status) {
        const mmoe_layer_args layer = {
            .in = z, .bias = bias, .segments = &identity, .n_segment = 1};
        status = mmoe_graph_layer(g, "logits", &layer, &out, err);
    }
    mmoe_release(&g->alloc, blocks);
    for (int32_t i = 0; i < count && !status; i++) logits[i] = (mmoe_view){out.value, i, 1};
    return status;
}

static mmoe_status check_padding(const char *name, int64_t padding, int64_t rows, mmoe_error *err) {
    return padding < rows ? MMOE_OK
                          : mmoe_fail_at(err, MMOE_E_CONFIG, NULL, 0, name,
                                         "padding_idx %lld is outside the table's rows 0 to %lld",
                                         (long long)padding, (long long)rows - 1);
}

static mmoe_status add_tables(mmoe_graph *g, const mmoe_schema *schema, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < schema->n_table && !status; i++) {
        const mmoe_table *t = &schema->tables[i];
        const mmoe_tensor rows = {.kind = MMOE_TENSOR_TABLE,
                                  .rank = 2,
                                  .shape = {t->rows, t->dim},
                                  .padding = t->padding,
                                  .has_padding = t->padding >= 0,
                                  .is_frozen = t->is_frozen};
        status = check_padding(t->name, t->padding, t->rows, err);
        if (status) return status;
        status =
            mmoe_tensors_add(&g->tensors, rows, err, "embedding.embed_dict.%s.weight", t->name);
    }
    return status;
}

static mmoe_lookup lookup_of(const mmoe_schema *schema, int32_t i) {
    const mmoe_sparse_column *c = &schema->sparse[i];
    const mmoe_table *t = &schema->tables[c->table];
    mmoe_lookup l = {.column = i, .dim = t->dim, .table = c->table, .rows = t->rows};
    if (c->list < 0) return l;
    l.column = c->list;
    l.is_list = true;
    l.bag = (mmoe_bag){.how = c->how.pooling, .max_len = c->how.max_len, .dropped = c->padding};
    return l;
}

static mmoe_status add_lookups(mmoe_graph *g, const mmoe_schema *schema, mmoe_lookup *lookups,
                               mmoe_view *x, mmoe_error *err) {
    int32_t col = 0;
    for (int32_t i = 0; i < schema->n_sparse; i++) {
        lookups[i] = lookup_of(schema, i);
        lookups[i].col = col;
        const mmoe_status status =
            check_padding(schema->sparse[i].name, schema->sparse[i].padding, lookups[i].rows, err);
        if (status) return status;
        if (mmoe_lookup_width(&lookups[i]) > MOST_COLUMNS - col)
            return mmoe_fail(err, MMOE_E_CONFIG,
                             "the embeddings together would be wider than %d columns",
                             MOST_COLUMNS);
        col += mmoe_lookup_width(&lookups[i]);
    }
    const mmoe_input_args input = {lookups, schema->n_sparse, schema->n_sparse - schema->n_list,
                                   schema->dense_width};
    return mmoe_graph_input(g, "input", &input, x, err);
}

mmoe_status mmoe_add_input(mmoe_graph *g, const mmoe_schema *schema, mmoe_view *x,
                           mmoe_error *err) {
    const size_t columns = (size_t)schema->n_sparse;
    mmoe_lookup *lookups = mmoe_alloc(&g->alloc, columns, sizeof *lookups);
    mmoe_status status =
        lookups ? add_tables(g, schema, err) : mmoe_fail_memory(err, columns * sizeof *lookups);
    if (!status) status = add_lookups(g, schema, lookups, x, err);
    mmoe_release(&g->alloc, lookups);
    return status;
}
