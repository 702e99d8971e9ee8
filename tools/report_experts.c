#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inspect_report.h"
#include "report_sections.h"
#include "report_svg.h"

/* A level's gates and experts, which stand together. */
typedef struct level {
    int32_t number;
    const mmoe_gate_use *gates;
    int n_gate;
    int32_t first, n_expert;
    bool is_only;
} level;

static void name_expert_figure(char *title, size_t size, const level *l, const char *name) {
    if (l->is_only)
        snprintf(title, size, "%s", name);
    else
        snprintf(title, size, "%s, level %" PRId32, name, l->number);
}

static const double *weight_of(const mmoe_gate_use *g, const char *expert) {
    for (int32_t k = 0; k < g->n_expert; k++)
        if (strcmp(g->experts[k], expert) == 0) return &g->mean_weight[k];
    return NULL;
}

/* As dark as the weight is large beside the level's largest; text stays legible on it. */
static void write_weight(FILE *out, const double *weight, double largest) {
    if (!weight) {
        fputs("<td class=\"n dim\" title=\"this gate does not mix it\">\xc2\xb7</td>", out);
        return;
    }
    fprintf(out, "<td class=\"n\" style=\"background:rgb(var(--heat)/%.2f)\">",
            isfinite(*weight) && largest > 0 ? 0.6 * *weight / largest : 0.0);
    cli_html_fixed(out, 3, *weight);
    fputs("</td>", out);
}

static void write_expert(FILE *out, const mmoe_expert_use *u, const level *l, int number, int gates,
                         double largest) {
    fprintf(out, "<tr><td>%d</td><th scope=\"row\">", number);
    cli_html_name(out, cli_report_short_name(u->name));
    fprintf(out, "%s</th>", u->unused ? "<br><span class=\"dim\">no gate uses it</span>" : "");
    for (int g = 0; g < gates; g++) write_weight(out, weight_of(&l->gates[g], u->name), largest);
    fprintf(out, "<td class=\"n\">%" PRId32 "</td><td class=\"n\">", u->width);
    cli_html_fixed(out, 2, u->effective_rank);
    fprintf(out, "</td><td class=\"n\">%" PRId32 " of %" PRId32 "</td></tr>\n", u->n_dead,
            u->n_unit);
}

static void write_entropies(FILE *out, const level *l, int gates, bool normalised) {
    fprintf(out, "<tr><td></td><th scope=\"row\">%s</th>",
            normalised ? "entropy / ln(experts)" : "entropy (nats)");
    for (int g = 0; g < gates; g++) {
        fputs("<td class=\"n\">", out);
        cli_html_fixed(out, 3, normalised ? l->gates[g].normalised_entropy : l->gates[g].entropy);
        fputs("</td>", out);
    }
    fputs("<td></td><td></td><td></td></tr>\n", out);
}

static void write_expert_table(FILE *out, const mmoe_inspection *in, const level *l) {
    const int gates = l->n_gate < REPORT_GATES ? l->n_gate : REPORT_GATES;
    const int experts = (int)(l->n_expert < REPORT_EXPERTS ? l->n_expert : REPORT_EXPERTS);
    const char *columns[5 + REPORT_GATES] = {"#", "expert"};
    char title[64];
    int count = 2;
    double largest = 0;
    for (int g = 0; g < gates; g++) {
        columns[count++] = l->gates[g].task ? l->gates[g].task : "(all tasks)";
        for (int32_t k = 0; k < l->gates[g].n_expert; k++)
            largest = fmax(largest, l->gates[g].mean_weight[k]);
    }
    columns[count++] = "outputs";
    columns[count++] = "effective rank";
    columns[count++] = "dead units";
    name_expert_figure(title, sizeof title, l,
                       gates ? "What the gates weigh, and what the experts use"
                             : "What the experts use");
    cli_html_table(out, title,
                   gates ? "Mean weight that each task's gate gives each expert, the stronger the "
                           "colour the more; entropy 1: all alike in each row, 0: one "
                           "expert alone. Effective rank: how many directions an expert's outputs "
                           "take. Dead units are 0 in every row."
                         : "Effective rank: how many directions an expert's outputs take. Dead "
                           "units are 0 in every row.",
                   columns, count, 2);
    for (int e = 0; e < experts; e++)
        write_expert(out, &in->experts[l->first + e], l, e, gates, largest);
    for (int normalised = 1; gates && normalised >= 0; normalised--)
        write_entropies(out, l, gates, normalised);
    cli_html_table_end(out);
    if (l->n_gate > gates)
        cli_html_remark(out, "the first %d of %d gates are shown.", gates, l->n_gate);
}

static void draw_similarity(report_page *page, const mmoe_inspection *in, const level *l) {
    const int count = (int)(l->n_expert < REPORT_EXPERTS ? l->n_expert : REPORT_EXPERTS);
    double *values = count > 1 ? calloc((size_t)count * (size_t)count, sizeof *values) : NULL;
    if (count < 2) return;
    if (!values) {
        cli_html_notice(page, "out of memory");
        return;
    }
    for (int a = 0; a < count; a++)
        for (int b = 0; b < count; b++)
            values[a * count + b] = in->similarity[(size_t)(l->first + a) * (size_t)in->n_expert +
                                                   (size_t)(l->first + b)];
    char title[64];
    name_expert_figure(title, sizeof title, l, "How alike the experts are");
    const report_heat heat = {.title = title,
                              .sentence =
                                  "Similarity of two experts' outputs (linear CKA): 1 where they "
                                  "differ by rotation and scale alone, 0 where they are "
                                  "uncorrelated; the numbers are those of the table.",
                              .values = values,
                              .rows = count,
                              .columns = count,
                              .highest = 1,
                              .column_label = "expert by expert; similarity:",
                              .is_wide = true};
    cli_svg_heat(page->out, &heat);
    free(values);
}

static void write_level(report_page *page, const mmoe_inspection *in, const level *l) {
    fputs("<div class=\"parts\">\n", page->out);
    write_expert_table(page->out, in, l);
    draw_similarity(page, in, l);
    fputs("</div>\n", page->out);
    if (l->n_expert > REPORT_EXPERTS)
        cli_html_remark(page->out, "the first %d of %" PRId32 " experts are shown.", REPORT_EXPERTS,
                        l->n_expert);
}

static void write_expert_warnings(FILE *out, const mmoe_inspection *in) {
    for (int32_t g = 0, shown = 0; g < in->n_gate && shown < REPORT_GATES; g++) {
        char *warning = in->gates[g].collapsed ? cli_gate_warning(&in->gates[g]) : NULL;
        if (warning) {
            cli_html_remark(out, "%s", warning);
            shown++;
        }
        free(warning);
    }
}

void cli_report_experts(report_page *page, const mmoe_inspection *in) {
    FILE *out = page->out;
    if (!in->n_expert) {
        fputs("<p>The model has neither gates nor experts.</p>\n", out);
        return;
    }
    fputs("<p class=\"dim\">On ", out);
    cli_html_count(out, (double)in->rows);
    fputs(" rows; effective rank and similarity on ", out);
    cli_html_count(out, (double)in->sampled);
    fputs(" of them, evenly taken.</p>\n", out);
    write_expert_warnings(out, in);
    const int32_t last = in->experts[in->n_expert - 1].level;
    level l = {.is_only = last == in->experts[0].level};
    int shown = 0;
    for (int32_t e = 0; e < in->n_expert && shown < REPORT_LEVELS; e += l.n_expert, shown++) {
        l.number = in->experts[e].level;
        l.first = e;
        l.n_expert = l.n_gate = 0;
        while (e + l.n_expert < in->n_expert && in->experts[e + l.n_expert].level == l.number)
            l.n_expert++;
        for (int32_t g = in->n_gate; g-- > 0;) {
            if (in->gates[g].level != l.number) continue;
            l.gates = &in->gates[g];
            l.n_gate++;
        }
        write_level(page, in, &l);
    }
    if (last > REPORT_LEVELS)
        cli_html_remark(out, "the first %d of %" PRId32 " levels are shown.", REPORT_LEVELS, last);
}
