#include "cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELU REFERENCE_RELU
#define SIGMOID REFERENCE_SIGMOID
#define TANH REFERENCE_TANH
#define PRELU REFERENCE_PRELU
#define DICE REFERENCE_DICE

#define EVERYTHING .missing = true, .weighted = true, .shared = true, .uneven = true
#define GATING(temperature_, top_k_, load_balance_) .gating = {temperature_, top_k_, load_balance_}
#define EXPERTS(levels_, specific_, shared_)                                                       \
    .levels = levels_, .specific = specific_, .shared_experts = shared_

/* name, rows, tasks, experts, depth, activation, norm, gate_norm */
const reference_case reference_cases[] = {
    {"one of everything", 2, 1, 1, 1, RELU, false, false, .regression = 0},
    {"one of everything, batch norm", 33, 1, 1, 1, RELU, true, true, .regression = 0},
    {"tutorial", 33, 2, 8, 1, RELU, true, true, .regression = 0},
    {"KDD'18: regression without batch norm", 33, 2, 8, 1, RELU, false, false, .regression = 3,
     .no_sparse = true},
    {"sparse columns alone", 33, 2, 3, 1, RELU, true, true, .regression = 2, .no_dense = true},
    {"one row", 1, 3, 3, 2, RELU, false, false, .regression = 2},
    {"one row, running statistics", 1, 3, 3, 2, TANH, true, true, .regression = 2},
    {"one row, one expert, deep", 1, 1, 1, 3, SIGMOID, true, true, .regression = 1},
    {"one row, weighted", 1, 1, 8, 1, RELU, true, true, .regression = 0, .weighted = true},
    {"two rows", 2, 3, 8, 2, PRELU, false, false, .regression = 4, .shared = true},
    {"two rows, batch norm", 2, 3, 3, 1, SIGMOID, true, true, .regression = 1},
    {"two rows, batch norm, deep", 2, 1, 8, 3, TANH, true, true, .regression = 0},
    {"depth 2", 33, 3, 3, 2, RELU, true, true, .regression = 1},
    {"depth 3", 33, 3, 8, 3, RELU, true, true, .regression = 4},
    {"depth 3, no batch norm", 33, 1, 3, 3, RELU, false, false, .regression = 0},
    {"depth 3, one expert", 33, 3, 1, 3, SIGMOID, true, false, .regression = 0},
    {"gates alone normalised", 33, 3, 3, 1, TANH, false, true, .regression = 2},
    {"gates alone not normalised", 33, 3, 3, 1, TANH, true, false, .regression = 2},
    {"missing labels", 33, 3, 3, 1, RELU, true, true, .regression = 2, .missing = true},
    {"weighted rows", 33, 3, 3, 1, RELU, true, true, .regression = 2, .weighted = true},
    {"missing labels and weights", 33, 3, 8, 2, RELU, false, false, .regression = 1,
     .missing = true, .weighted = true},
    {"shared table", 33, 1, 3, 1, RELU, true, true, .regression = 0, .shared = true},
    {"uneven towers", 33, 3, 3, 2, RELU, true, true, .regression = 2, .uneven = true},
    {"uneven towers, no batch norm", 33, 3, 3, 1, TANH, false, false, .regression = 1,
     .uneven = true},
    {"sigmoid", 33, 1, 3, 2, SIGMOID, true, true, .regression = 0},
    {"tanh", 33, 1, 3, 2, TANH, true, true, .regression = 0},
    {"prelu", 33, 3, 3, 2, PRELU, true, true, .regression = 0},
    {"prelu, no batch norm", 33, 3, 8, 1, PRELU, false, false, .regression = 0},
    {"dice", 33, 3, 3, 2, DICE, true, true, .regression = 0},
    {"dice, no batch norm", 33, 3, 8, 1, DICE, false, false, .regression = 2},
    {"weighted lists", 33, 3, 3, 1, RELU, true, true, .regression = 2, .lists = WEIGHTED_LISTS},
    {"weighted lists, no batch norm", 33, 2, 3, 2, TANH, false, false, .regression = 1,
     .lists = WEIGHTED_LISTS},
    {"the largest, side by side", 33, 3, 3, 1, RELU, true, true, .regression = 2,
     .lists = OTHER_LISTS},
    {"the largest, side by side, no batch norm", 33, 2, 3, 2, TANH, false, false, .regression = 1,
     .lists = OTHER_LISTS},
    {"300 rows, weighted lists", 300, 3, 3, 1, RELU, true, true, .regression = 2, .weighted = true,
     .lists = WEIGHTED_LISTS},
    {"300 rows", 300, 3, 8, 1, RELU, true, true, .regression = 2, .missing = true, .weighted = true,
     .shared = true},
    {"300 rows, deep", 300, 1, 3, 3, RELU, true, true, .regression = 0},
    {"300 rows, prelu", 300, 3, 3, 2, PRELU, false, false, .regression = 1, .uneven = true},
    {"300 rows, dice", 300, 3, 3, 2, DICE, true, true, .regression = 0, .missing = true},
    {"1030 rows", 1030, 3, 3, 1, RELU, true, true, .regression = 4, .missing = true,
     .weighted = true, .shared = true},
    {"1030 rows, no batch norm", 1030, 1, 8, 1, RELU, false, false, .regression = 0},
    {"1030 rows, deep", 1030, 3, 3, 3, TANH, true, true, .regression = 2, .uneven = true},
    {"wide experts", 33, 2, 8, 1, RELU, true, true, .regression = 0, .wide = 16},
    {"wide experts, no batch norm", 33, 3, 3, 1, RELU, false, false, .regression = 2, .wide = 32,
     .missing = true},
    {"wide experts, gates alone normalised", 33, 1, 3, 1, RELU, false, true, .regression = 0,
     .wide = 16},
    {"wide experts, deep", 300, 3, 8, 2, RELU, true, true, .regression = 1, .wide = 48,
     .missing = true, .weighted = true},
    {"wide experts, one row", 1, 2, 3, 1, RELU, true, true, .regression = 0, .wide = 16},
    {"single task: tutorial", 33, 2, 0, 1, RELU, true, true, .kind = REFERENCE_SINGLE_TASK},
    {"single task, one task, deep", 33, 1, 0, 2, PRELU, false, false,
     .kind = REFERENCE_SINGLE_TASK},
    {"single task: everything", 300, 3, 0, 2, TANH, true, true, .kind = REFERENCE_SINGLE_TASK,
     .regression = 2, EVERYTHING},
    {"shared bottom: tutorial", 33, 2, 0, 1, RELU, true, true, .kind = REFERENCE_SHARED_BOTTOM},
    {"shared bottom, one row", 1, 2, 0, 2, TANH, true, true, .kind = REFERENCE_SHARED_BOTTOM,
     .regression = 2},
    {"shared bottom, no batch norm, deep", 33, 3, 0, 3, DICE, false, false,
     .kind = REFERENCE_SHARED_BOTTOM, .uneven = true},
    {"shared bottom: everything", 1030, 3, 0, 2, RELU, true, true, .kind = REFERENCE_SHARED_BOTTOM,
     .regression = 4, EVERYTHING},
    {"omoe: tutorial", 33, 2, 8, 1, RELU, true, true, .kind = REFERENCE_OMOE},
    {"omoe, gate alone normalised", 33, 3, 3, 2, SIGMOID, false, true, .kind = REFERENCE_OMOE,
     .regression = 1},
    {"omoe, wide experts", 33, 2, 5, 1, RELU, true, true, .kind = REFERENCE_OMOE, .wide = 16},
    {"omoe: everything", 300, 3, 3, 2, RELU, true, false, .kind = REFERENCE_OMOE, .regression = 2,
     EVERYTHING},
    {"cgc: tutorial", 33, 2, 0, 1, RELU, true, true, .kind = REFERENCE_CGC, EXPERTS(1, 2, 1)},
    {"cgc, one task", 33, 1, 0, 1, RELU, true, true, .kind = REFERENCE_CGC, EXPERTS(1, 2, 2),
     .wide = 16},
    {"cgc, deep", 33, 3, 0, 3, TANH, true, false, .kind = REFERENCE_CGC, EXPERTS(1, 1, 3)},
    {"ple, one level", 33, 2, 0, 1, RELU, true, true, .kind = REFERENCE_PLE, EXPERTS(1, 2, 1)},
    {"ple, two levels", 33, 2, 0, 1, RELU, true, true, .kind = REFERENCE_PLE, EXPERTS(2, 2, 1)},
    {"ple, one row", 1, 2, 0, 1, TANH, true, true, .kind = REFERENCE_PLE, EXPERTS(2, 1, 1)},
    {"ple, two levels, wide", 33, 2, 0, 1, RELU, true, true, .kind = REFERENCE_PLE,
     EXPERTS(2, 2, 1), .wide = 16},
    {"ple, three levels, no batch norm", 33, 3, 0, 1, PRELU, false, false, .kind = REFERENCE_PLE,
     EXPERTS(3, 1, 2), .regression = 2},
    {"ple, gates alone normalised", 33, 2, 0, 1, SIGMOID, false, true, .kind = REFERENCE_PLE,
     EXPERTS(2, 2, 2)},
    {"ple, gates alone not normalised", 33, 2, 0, 2, TANH, true, false, .kind = REFERENCE_PLE,
     EXPERTS(2, 1, 1)},
    {"ple, deep experts", 33, 2, 0, 2, TANH, true, true, .kind = REFERENCE_PLE, EXPERTS(2, 2, 1),
     .uneven = true},
    {"ple, one task", 33, 1, 0, 1, DICE, true, true, .kind = REFERENCE_PLE, EXPERTS(2, 2, 1)},
    {"ple: everything", 300, 3, 0, 2, TANH, true, true, .kind = REFERENCE_PLE, EXPERTS(2, 3, 2),
     .regression = 1, EVERYTHING},
    {"esmm: tutorial", 33, 2, 0, 1, RELU, true, true, .kind = REFERENCE_ESMM},
    {"esmm, one row", 1, 2, 0, 1, TANH, false, false, .kind = REFERENCE_ESMM},
    {"esmm, dense columns alone", 33, 2, 0, 2, PRELU, false, false, .kind = REFERENCE_ESMM,
     .no_sparse = true},
    {"esmm, missing labels", 33, 2, 0, 1, RELU, true, true, .kind = REFERENCE_ESMM,
     .missing = true},
    {"esmm: everything", 300, 2, 0, 2, RELU, true, true, .kind = REFERENCE_ESMM, EVERYTHING},
    {"esmm, 1030 rows", 1030, 2, 0, 1, TANH, true, true, .kind = REFERENCE_ESMM, .weighted = true},
    {"aitm: tutorial", 33, 2, 0, 1, RELU, true, true, .kind = REFERENCE_AITM},
    {"aitm, one task", 33, 1, 0, 1, RELU, true, true, .kind = REFERENCE_AITM},
    {"aitm, one row", 1, 3, 0, 1, TANH, true, true, .kind = REFERENCE_AITM},
    {"aitm, three tasks, deep", 33, 3, 0, 2, TANH, true, true, .kind = REFERENCE_AITM},
    {"aitm, no batch norm", 33, 3, 0, 2, PRELU, false, false, .kind = REFERENCE_AITM},
    {"aitm, wide", 33, 2, 0, 1, RELU, true, false, .kind = REFERENCE_AITM, .wide = 32},
    {"aitm, products in slabs", 1030, 2, 0, 1, TANH, true, true, .kind = REFERENCE_AITM,
     .wide = 64},
    {"aitm: everything", 300, 3, 0, 2, TANH, true, true, .kind = REFERENCE_AITM, EVERYTHING},
    {"cross-stitch: tutorial", 33, 2, 0, 1, RELU, true, true, .kind = REFERENCE_CROSS_STITCH},
    {"cross-stitch, wide", 33, 3, 0, 1, RELU, true, true, .kind = REFERENCE_CROSS_STITCH,
     .wide = 16},
    {"cross-stitch, one task", 33, 1, 0, 2, TANH, true, true, .kind = REFERENCE_CROSS_STITCH},
    {"cross-stitch, one row", 1, 2, 0, 2, TANH, false, false, .kind = REFERENCE_CROSS_STITCH,
     .regression = 1},
    {"cross-stitch, deep, no batch norm", 33, 3, 0, 3, PRELU, false, false,
     .kind = REFERENCE_CROSS_STITCH, .regression = 2},
    {"gates with a hidden layer", 33, 2, 3, 1, RELU, true, true, .gate_depth = 1},
    {"gates with a hidden layer, wide experts", 33, 2, 8, 1, RELU, true, true, .gate_depth = 1,
     .wide = 16},
    {"gates with a hidden layer, no batch norm, wide experts", 33, 2, 3, 1, RELU, false, false,
     .gate_depth = 1, .wide = 16},
    {"gates deeper than the experts", 33, 3, 3, 1, PRELU, false, false, .gate_depth = 2},
    {"gates deeper than the experts, wide experts", 300, 3, 3, 1, RELU, true, true, .gate_depth = 2,
     .wide = 16},
    {"gates as deep as the experts", 33, 3, 3, 2, TANH, true, false, .gate_depth = 1},
    {"gates less deep than the experts", 33, 3, 3, 3, DICE, false, true, .gate_depth = 1},
    {"low temperature", 33, 2, 8, 1, RELU, true, true, GATING(0.25, 0, 0)},
    {"high temperature, wide experts", 33, 2, 8, 1, RELU, true, true, GATING(30, 0, 0), .wide = 16},
    {"one expert of three", 33, 3, 3, 1, RELU, true, true, GATING(2, 1, 0)},
    {"two experts of eight, wide", 33, 2, 8, 1, RELU, true, true, GATING(0, 2, 0), .wide = 16},
    {"nineteen experts of forty", 33, 2, 40, 1, TANH, true, true, GATING(0, 19, 0)},
    {"all experts, named", 33, 2, 3, 1, TANH, true, true, GATING(0, 3, 0)},
    {"load balance", 33, 2, 8, 1, RELU, true, true, GATING(0, 0, 2)},
    {"load balance, one row", 1, 2, 3, 1, TANH, false, false, GATING(0, 0, 1)},
    {"load balance, one expert", 33, 2, 1, 1, TANH, true, true, GATING(0, 0, 1)},
    {"load balance in chunks", 1030, 3, 3, 1, RELU, true, true, GATING(0.5, 2, 3), .wide = 16,
     .gate_depth = 1, .regression = 2, EVERYTHING},
    {"omoe: every gating", 33, 3, 5, 2, TANH, true, true, .kind = REFERENCE_OMOE, GATING(0.5, 3, 1),
     .gate_depth = 2},
    {"cgc: every gating", 33, 2, 0, 1, RELU, true, false, .kind = REFERENCE_CGC, EXPERTS(1, 2, 1),
     GATING(3, 2, 0.5), .gate_depth = 1},
    {"ple: every gating", 33, 2, 0, 1, TANH, true, true, .kind = REFERENCE_PLE, EXPERTS(2, 2, 2),
     GATING(0.7, 2, 1), .gate_depth = 1},
    {"ple, three levels: every gating", 300, 3, 0, 2, TANH, true, true, .kind = REFERENCE_PLE,
     EXPERTS(3, 1, 2), GATING(2, 2, 5), .gate_depth = 2, EVERYTHING},
    {"label smoothing", 33, 2, 3, 1, RELU, true, true, .smoothing = 0.1},
    {"positive weight", 33, 2, 3, 1, RELU, true, true, .positive_weight = 7.5},
    {"focal loss", 33, 2, 3, 1, RELU, true, true, .gamma = 2},
    {"focal loss, gamma below 1", 300, 1, 3, 1, TANH, false, false, .gamma = 0.7, .missing = true,
     .weighted = true},
    {"shaped losses: everything", 300, 3, 3, 2, TANH, true, true, .regression = 2, EVERYTHING,
     .smoothing = 0.2, .positive_weight = 0.25, .gamma = 3},
    {"esmm, shaped losses", 33, 2, 0, 1, TANH, true, true, .kind = REFERENCE_ESMM, .smoothing = 0.1,
     .positive_weight = 3, .gamma = 2},
    {"aitm, shaped losses", 33, 3, 0, 1, TANH, true, true, .kind = REFERENCE_AITM,
     .smoothing = 0.05, .positive_weight = 2, .gamma = 1.5},
    {"linear part", 33, 2, 8, 1, RELU, true, true, .linear = true},
    {"linear part, one row", 1, 3, 3, 2, TANH, false, false, .linear = true, .regression = 2},
    {"linear part: everything", 33, 3, 3, 2, RELU, true, true, .linear = true, .regression = 2,
     .wide = 16, GATING(0.5, 2, 3), EVERYTHING},
    {"linear part, lists", 33, 3, 3, 1, RELU, true, true, .linear = true, .regression = 2,
     .lists = WEIGHTED_LISTS},
    {"single task, linear part", 33, 3, 0, 2, TANH, true, true, .linear = true,
     .kind = REFERENCE_SINGLE_TASK, .regression = 2},
    {"shared bottom, linear part", 33, 2, 0, 1, RELU, true, true, .linear = true,
     .kind = REFERENCE_SHARED_BOTTOM},
    {"omoe, linear part", 33, 2, 5, 1, RELU, true, true, .linear = true, .kind = REFERENCE_OMOE,
     .wide = 16},
    {"cgc, linear part", 33, 3, 0, 3, TANH, true, false, .linear = true, .kind = REFERENCE_CGC,
     EXPERTS(1, 1, 3)},
    {"ple, linear part", 33, 3, 0, 2, TANH, true, true, .linear = true, .kind = REFERENCE_PLE,
     EXPERTS(2, 3, 2), .regression = 1, EVERYTHING},
    {"esmm, linear part", 33, 2, 0, 1, RELU, true, true, .linear = true, .kind = REFERENCE_ESMM},
    {"aitm, linear part", 33, 3, 0, 2, TANH, true, true, .linear = true, .kind = REFERENCE_AITM},
    {"cross-stitch, linear part", 33, 3, 0, 3, PRELU, false, false, .linear = true,
     .kind = REFERENCE_CROSS_STITCH, .regression = 2},
    {"cross-stitch: everything", 300, 3, 0, 3, TANH, true, true, .kind = REFERENCE_CROSS_STITCH,
     .regression = 4, EVERYTHING},
};
const size_t reference_case_count = sizeof reference_cases / sizeof *reference_cases;

/* ---- Numbers ---- */

/* SplitMix64 */
static uint64_t draw_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double draw(uint64_t *state, double low, double high) {
    float value = (float)(low + (high - low) * (double)(draw_bits(state) >> 11) * 0x1p-53);
    return (double)value;
}

/* ---- Shape ---- */

static reference_mlp_spec mlp_of(const int dims[], int depth, reference_activation activation,
                                 bool norm) {
    reference_mlp_spec mlp = {.depth = depth, .activation = activation, .batch_norm = norm};
    memcpy(mlp.dims, dims, (size_t)depth * sizeof *dims);
    return mlp;
}

static reference_mlp_spec tower_of(const reference_case *c, int task) {
    static const int even[] = {5, 4, 3}, first[] = {9}, second[] = {4, 7}, third[] = {6, 3, 5};
    if (!c->uneven) return mlp_of(even, c->depth, c->activation, c->norm);
    switch (task) {
    case 0:
        return mlp_of(first, 1, RELU, c->norm);
    case 1:
        return mlp_of(second, 2, SIGMOID, false);
    default:
        return mlp_of(third, 3, PRELU, c->norm);
    }
}

/* The padding of a list that shares another's table; that table learns the row. */
static void add_lists(reference_spec *s, const reference_case *c) {
    static const reference_list_spec weighted[] = {{0, REFERENCE_MEAN, 0, true, 3},
                                                   {1, REFERENCE_SUM},
                                                   {2, REFERENCE_MEAN}},
                                     others[] = {{0, REFERENCE_MAX, 0, true, 3},
                                                 {1, REFERENCE_CONCAT, CASE_LONGEST_LIST},
                                                 {2, REFERENCE_CONCAT, CASE_LONGEST_LIST, true, 0}};
    if (c->lists == NO_LISTS) return;
    s->n_list = 3;
    memcpy(s->lists, c->lists == WEIGHTED_LISTS ? weighted : others, sizeof weighted);
}

static reference_spec spec_of(const reference_case *c) {
    static const int dims[3][3] = {{6}, {7, 5}, {6, 5, 4}};
    static const double loss_weights[] = {1, 0.5, 3};
    reference_spec s = {.n_sparse = c->no_sparse ? 0 : CASE_SPARSE,
                        .n_dense = c->no_dense ? 0 : CASE_DENSE};
    if (!c->no_sparse) s.n_table = c->shared ? 2 : 3;
    s.tables[0].name = "item";
    s.tables[0].rows = 11;
    s.tables[0].dim = 4;
    s.tables[1].name = "user";
    s.tables[1].rows = 5;
    s.tables[1].dim = 3;
    s.tables[2].name = "last";
    s.tables[2].rows = 11;
    s.tables[2].dim = 4;
    for (int i = 0; i < s.n_sparse; i++) s.table_of[i] = i == 2 && c->shared ? 0 : i;
    add_lists(&s, c);
    s.kind = c->kind;
    s.n_expert = c->experts;
    s.n_level = c->levels;
    s.n_specific = c->specific;
    s.n_shared = c->shared_experts;
    s.expert = mlp_of(dims[c->depth - 1], c->depth, c->activation, c->norm);
    if (c->wide) s.expert.dims[c->depth - 1] = c->wide;
    s.bottom = s.expert;
    s.gate_batch_norm = c->gate_norm;
    s.gate =
        mlp_of((const int[]){c->wide ? c->wide : 6, 5}, c->gate_depth, c->activation, c->gate_norm);
    s.gating = c->gating;
    s.linear = c->linear;
    s.n_task = c->tasks;
    for (int t = 0; t < c->tasks; t++) {
        s.tasks[t].regression = c->regression >> t & 1;
        s.tasks[t].loss_weight = loss_weights[t];
        s.tasks[t].label_smoothing = c->smoothing;
        s.tasks[t].positive_weight = c->positive_weight;
        s.tasks[t].focal_gamma = t ? c->gamma : c->gamma / 2;
        s.tasks[t].tower = tower_of(c, t);
    }
    return s;
}

/* ---- Weights and rows ---- */

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Two rows are normalised to +1 and -1 whatever they were, but for eps: the true gradient in front
 * of a batch norm is then what is left of terms that cancel, and no float could find it. Weights
 * small enough that a variance is about eps, which is where such a gradient is not all
 * cancellation, keep the comparison sharp. */
static double weight_bound(const reference_case *c, const reference_tensor *t,
                           bool in_front_of_norm) {
    double bound = 1.5 / sqrt((double)t->shape[1]);
    return c->rows == 2 && in_front_of_norm ? 0.012 * bound : bound;
}

static void draw_tensor(const reference_case *c, reference_tensor *t, const reference_tensor *next,
                        uint64_t *state) {
    double low = -0.5, high = 0.5;
    bool small = c->rows == 2 && ((next && next->in_front_of_norm) || t->in_front_of_norm);
    if (ends_with(t->name, "num_batches_tracked")) return;
    if (strncmp(t->name, "embedding.", 10) == 0) {
        low = -1;
        high = 1;
    } else if (t->rank == 2) {
        high = weight_bound(c, t, small);
        low = -high;
    } else if (small) {
        low = -0.002;
        high = 0.002;
    } else if (ends_with(t->name, "running_var") ||
               (ends_with(t->name, ".weight") && next && t->count > 1)) {
        low = 0.5;
        high = 1.5;
    } else if (t->count == 1 && (ends_with(t->name, ".weight") || ends_with(t->name, ".alpha"))) {
        low = 0.1;
        high = 0.4;
    }
    for (size_t i = 0; i < t->count; i++) t->value[i] = draw(state, low, high);
}

static double *numbers(size_t count) {
    double *p = calloc(count ? count : 1, sizeof *p);
    if (!p) exit(1);
    return p;
}

static void draw_rows(reference_problem *p, const reference_case *c, uint64_t *state) {
    const reference_spec *s = &p->spec;
    int T = c->tasks;
    for (int i = 0; i < c->rows * s->n_sparse; i++) {
        int rows = s->tables[s->table_of[i % s->n_sparse]].rows;
        p->ids[i] =
            (int32_t)(draw_bits(state) %
                      (uint64_t)(rows - 1)); /* the last row is never read: its gradient is 0 */
    }
    for (int i = 0; i < c->rows * s->n_dense; i++) p->dense[i] = draw(state, -2, 2);
    for (int i = 0; i < c->rows * T; i++) {
        int t = i % T;
        p->labels[i] =
            s->tasks[t].regression ? draw(state, -2, 2) : (double)(draw_bits(state) >> 63);
        if (c->missing && (draw(state, 0, 1) < 0.3 || (T > 1 && t == T - 1)))
            p->labels[i] = (double)NAN;
    }
    for (int b = 0; b < c->rows; b++)
        p->weights[b] = c->rows > 1 && b % 5 == 3 ? 0 : draw(state, 0.2, 3);
}

static void draw_lists(reference_problem *p, const reference_case *c, uint64_t *state) {
    const reference_spec *s = &p->spec;
    int64_t end = 0;
    for (int i = 0; i < c->rows * s->n_list; i++) {
        const uint64_t rows = (uint64_t)s->tables[s->lists[i % s->n_list].table].rows;
        for (int left = (int)(draw_bits(state) % (CASE_LONGEST_LIST + 1)); left > 0; left--) {
            p->list_weights[end] = draw_bits(state) % 5 == 0 ? 0 : draw(state, 0.2, 3);
            p->list_ids[end++] = (int32_t)(draw_bits(state) % (rows - 1));
        }
        p->list_offsets[i + 1] = end;
    }
}

static void draw_problem(reference_problem *p, const reference_case *c, uint64_t seed) {
    uint64_t state = seed;
    size_t n = reference_tensor_count(p->model);
    for (size_t i = 0; i < n; i++)
        draw_tensor(c, reference_tensor_at(p->model, i), reference_tensor_at(p->model, i + 1),
                    &state);
    draw_rows(p, c, &state);
    draw_lists(p, c, &state);
}

void reference_problem_init(reference_problem *p, const reference_case *c, double kink_distance) {
    p->spec = spec_of(c);
    p->model = reference_create(&p->spec);
    p->ids = calloc((size_t)c->rows * (size_t)p->spec.n_sparse + 1, sizeof *p->ids);
    if (!p->ids) exit(1);
    p->dense = numbers((size_t)c->rows * (size_t)p->spec.n_dense);
    p->labels = numbers((size_t)c->rows * (size_t)c->tasks);
    p->weights = numbers((size_t)c->rows);
    const size_t lists = (size_t)(c->rows * p->spec.n_list);
    p->list_offsets = calloc(lists + 1, sizeof *p->list_offsets);
    p->list_ids = calloc(lists * CASE_LONGEST_LIST + 1, sizeof *p->list_ids);
    if (!p->list_offsets || !p->list_ids) exit(1);
    p->list_weights = numbers(lists * CASE_LONGEST_LIST);
    p->batch = (reference_batch){c->rows,
                                 p->ids,
                                 p->dense,
                                 p->labels,
                                 c->weighted ? p->weights : NULL,
                                 p->list_offsets,
                                 p->list_ids,
                                 c->lists == WEIGHTED_LISTS ? p->list_weights : NULL};
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        draw_problem(p, c, seed);
        reference_loss(p->model, &p->batch, NULL, NULL);
        if (reference_kink_distance(p->model) > kink_distance) {
            draw_problem(p, c, seed); /* the pass above moved the running statistics */
            for (size_t i = 0; i < reference_tensor_count(p->model); i++)
                if (ends_with(reference_tensor_at(p->model, i)->name, "num_batches_tracked"))
                    reference_tensor_at(p->model, i)->value[0] = 0;
            return;
        }
    }
    fprintf(stderr, "case \"%s\": every draw has a value at a kink\n", c->name);
    exit(1);
}

void reference_problem_finish(reference_problem *p) {
    reference_free(p->model);
    free(p->ids);
    free(p->dense);
    free(p->labels);
    free(p->weights);
    free(p->list_offsets);
    free(p->list_ids);
    free(p->list_weights);
}
