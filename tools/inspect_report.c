#include "inspect_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "warnings.h"

/* ---- JSON ---- */

static json_t *numbers_json(const double *values, int32_t count) {
    json_t *array = json_array();
    for (int32_t i = 0; i < count; i++) json_array_append_new(array, cli_json_number(values[i]));
    return array;
}

json_t *cli_gate_json(const mmoe_gate_use *g, bool whole) {
    json_t *gate = json_pack(
        "{s:s, s:s?, s:i, s:o, s:o, s:o, s:i, s:b}", "name", g->name, "task", g->task, "level",
        (int)g->level, "mean_weights", numbers_json(g->mean_weight, g->n_expert), "entropy",
        cli_json_number(g->entropy), "normalised_entropy", cli_json_number(g->normalised_entropy),
        "unused", (int)g->n_unused, "collapsed", g->collapsed);
    if (!gate || !whole) return gate;
    json_t *experts = json_array();
    for (int32_t e = 0; e < g->n_expert; e++)
        json_array_append_new(experts, json_string(g->experts[e]));
    json_object_set_new(gate, "experts", experts);
    json_object_set_new(gate, "largest", numbers_json(g->largest, g->n_expert));
    return gate;
}

json_t *cli_inspection_json(const mmoe_inspection *in) {
    json_t *gates = json_array(), *experts = json_array(), *similarity = json_array();
    for (int32_t i = 0; i < in->n_gate; i++)
        json_array_append_new(gates, cli_gate_json(&in->gates[i], true));
    for (int32_t e = 0; e < in->n_expert; e++) {
        const mmoe_expert_use *u = &in->experts[e];
        json_array_append_new(
            experts, json_pack("{s:s, s:i, s:i, s:i, s:i, s:b, s:o}", "name", u->name, "level",
                               (int)u->level, "width", (int)u->width, "units", (int)u->n_unit,
                               "dead_units", (int)u->n_dead, "unused", u->unused, "effective_rank",
                               cli_json_number(u->effective_rank)));
        json_array_append_new(
            similarity,
            numbers_json(in->similarity + (size_t)e * (size_t)in->n_expert, in->n_expert));
    }
    return json_pack("{s:I, s:i, s:o, s:o, s:o}", "rows", (json_int_t)in->rows, "sampled_rows",
                     (int)in->sampled, "gates", gates, "experts", experts, "similarity",
                     similarity);
}

/* ---- Warnings ---- */

char *cli_gate_warning(const mmoe_gate_use *g) {
    int32_t most = 0;
    for (int32_t e = 1; e < g->n_expert; e++)
        if (g->mean_weight[e] > g->mean_weight[most]) most = e;
    char *text = NULL;
    int length;
    if (2 * g->n_unused >= g->n_expert)
        length =
            asprintf(&text,
                     "experts have collapsed: %" PRId32 " of the %" PRId32
                     " that %s mixes are used by no gate; %s has %.3f of its weight",
                     g->n_unused, g->n_expert, g->name, g->experts[most], g->mean_weight[most]);
    else
        length = asprintf(&text, "the gate %s has collapsed: %s has %.3f of its weight", g->name,
                          g->experts[most], g->mean_weight[most]);
    return length < 0 ? NULL : text;
}

void cli_warn_of_gates(const mmoe_gate_use *gates, int32_t count, int32_t epoch) {
    for (int32_t i = 0; i < count; i++) {
        char *warning = gates[i].collapsed ? cli_gate_warning(&gates[i]) : NULL;
        if (warning && epoch) cli_warn("epoch %" PRId32 ": %s", epoch, warning);
        if (warning && !epoch) cli_warn("%s", warning);
        free(warning);
    }
}

/* ---- Tables of 100 columns ---- */

enum { NAME = 38, GATES = 4, MATRIX = 15, PAIRS = 10 };

static void print_number(int width, int digits, double value) {
    if (isfinite(value))
        printf("%*.*f", width, digits, value);
    else
        printf("%*s", width, "-");
}

/* The last characters tell names apart. */
static void print_name(int32_t number, const char *name) {
    const size_t length = strlen(name), most = NAME - 7;
    printf("%4" PRId32 "  %-*s ", number, (int)most, length > most ? name + length - most : name);
}

/* The expert's place in a gate; -1. */
static int32_t place_in(const mmoe_gate_use *g, const char *expert) {
    for (int32_t k = 0; k < g->n_expert; k++)
        if (strcmp(g->experts[k], expert) == 0) return k;
    return -1;
}

static void print_entropies(const mmoe_inspection *in, const int32_t *gates, int count) {
    static const char *const names[] = {"      entropy (nats)", "      entropy / ln n (1: even)"};
    for (int normalised = 0; normalised < 2; normalised++) {
        printf("%-*s", NAME, names[normalised]);
        for (int i = 0; i < count; i++) {
            const mmoe_gate_use *g = &in->gates[gates[i]];
            print_number(7, 3, normalised ? g->normalised_entropy : g->entropy);
            if (i + 1 < count) printf("%8s", "");
        }
        putchar('\n');
    }
}

static void print_gates(const mmoe_inspection *in, const int32_t *gates, int count, int32_t level) {
    printf("%-*s", NAME, "      mean weight of each expert,");
    for (int i = 0; i < count; i++)
        printf(" %14.14s", in->gates[gates[i]].task ? in->gates[gates[i]].task : "(all tasks)");
    printf("\n%-*s", NAME, "   #  rows where it is the largest");
    for (int i = 0; i < count; i++) printf("%7s%8s", "weight", "rows");
    putchar('\n');
    for (int32_t e = 0; e < in->n_expert; e++) {
        if (in->experts[e].level != level) continue;
        print_name(e, in->experts[e].name);
        for (int i = 0; i < count; i++) {
            const mmoe_gate_use *g = &in->gates[gates[i]];
            const int32_t k = place_in(g, in->experts[e].name);
            print_number(7, 3, k < 0 ? (double)NAN : g->mean_weight[k]);
            print_number(8, 3, k < 0 ? (double)NAN : g->largest[k]);
        }
        putchar('\n');
    }
    print_entropies(in, gates, count);
    putchar('\n');
}

static void print_experts(const mmoe_inspection *in, int32_t level) {
    printf("%-*s%8s%8s%8s%16s\n", NAME, "   #", "outputs", "units", "dead", "effective rank");
    for (int32_t e = 0; e < in->n_expert; e++) {
        const mmoe_expert_use *u = &in->experts[e];
        if (u->level != level) continue;
        print_name(e, u->name);
        printf("%8" PRId32 "%8" PRId32 "%8" PRId32, u->width, u->n_unit, u->n_dead);
        print_number(16, 2, u->effective_rank);
        puts(u->unused ? "  no gate uses it" : "");
    }
    putchar('\n');
}

static double similarity_of(const mmoe_inspection *in, int32_t a, int32_t b) {
    return in->similarity[(size_t)a * (size_t)in->n_expert + (size_t)b];
}

static void print_matrix(const mmoe_inspection *in, int32_t first, int32_t end) {
    puts("similarity of the experts' outputs (CKA)");
    printf("%*s", 6, "");
    for (int32_t b = first; b < end; b++) printf("%6" PRId32, b);
    putchar('\n');
    for (int32_t a = first; a < end; a++) {
        printf("%4" PRId32 "  ", a);
        for (int32_t b = first; b <= a; b++) print_number(6, 2, similarity_of(in, a, b));
        putchar('\n');
    }
    putchar('\n');
}

/* Of many experts the pairs that are most alike. */
static void print_pairs(const mmoe_inspection *in, int32_t first, int32_t end) {
    printf("the most similar of the experts' outputs (CKA; --json has all)\n");
    double last = INFINITY;
    int printed = 0;
    while (printed < PAIRS) {
        double next = -1;
        for (int32_t a = first; a < end; a++)
            for (int32_t b = first; b < a; b++)
                if (similarity_of(in, a, b) < last && similarity_of(in, a, b) > next)
                    next = similarity_of(in, a, b);
        if (next < 0) break;
        for (int32_t a = first; a < end; a++)
            for (int32_t b = first; b < a && printed < PAIRS; b++)
                if (similarity_of(in, a, b) == next && ++printed)
                    printf("%6.2f  %4" PRId32 "  %4" PRId32 "\n", next, b, a);
        last = next;
    }
    putchar('\n');
}

static void print_level(const mmoe_inspection *in, int32_t level) {
    int32_t chosen[GATES];
    int count = 0;
    for (int32_t i = 0; i < in->n_gate; i++) {
        if (in->gates[i].level == level) chosen[count++] = i;
        if (count == GATES || (count && i == in->n_gate - 1)) {
            print_gates(in, chosen, count, level);
            count = 0;
        }
    }
    print_experts(in, level);
    int32_t first = 0, end; /* a level's experts stand together */
    while (in->experts[first].level != level) first++;
    for (end = first; end < in->n_expert && in->experts[end].level == level;) end++;
    if (end - first > MATRIX)
        print_pairs(in, first, end);
    else if (end - first > 1)
        print_matrix(in, first, end);
}

void cli_print_inspection(const mmoe_inspection *in) {
    printf("%" PRId64 " rows; effective rank and similarity on %" PRId32 " of them\n\n", in->rows,
           in->sampled);
    if (!in->n_expert) puts("the model has neither gates nor experts");
    for (int32_t e = 0, level = 0; e < in->n_expert; e++) {
        if (in->experts[e].level == level) continue;
        level = in->experts[e].level;
        if (in->experts[in->n_expert - 1].level > 1) printf("level %" PRId32 "\n\n", level);
        print_level(in, level);
    }
}
