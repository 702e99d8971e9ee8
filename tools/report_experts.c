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

static void write_title(FILE *out, const level *l, const char *title, const char *sentence) {
    fputs(title, out);
    if (!l->is_only) fprintf(out, ", level %" PRId32, l->number);
    fprintf(out, "<span>%s</span>", sentence);
}

static const double *weight_of(const mmoe_gate_use *g, const char *expert) {
    for (int32_t k = 0; k < g->n_expert; k++)
        if (strcmp(g->experts[k], expert) == 0) return &g->mean_weight[k];
    return NULL;
}

/* A cell as dark as the weight is large: an even share of few experts is light, all of the weight dark. */
static void write_weight(FILE *out, double weight) {
    fprintf(out, "<td class=\"h\" style=\"background:rgb(var(--heat)/%.2f)\">", isfinite(weight) ? 0.6 * fmin(fmax(weight, 0), 1) : 0.0);
    cli_html_fixed(out, 3, weight);
    fputs("</td>", out);
}

static void write_entropies(FILE *out, const level *l, int gates) {
    fputs("<tr><th scope=\"row\">entropy / ln(experts)</th>", out);
    for (int g = 0; g < gates; g++) {
        fputs("<td class=\"h\">", out);
        cli_html_fixed(out, 3, l->gates[g].normalised_entropy);
        fputs("</td>", out);
    }
    fputs("</tr>\n<tr><th scope=\"row\">entropy (nats)</th>", out);
    for (int g = 0; g < gates; g++) {
        fputs("<td class=\"h\">", out);
        cli_html_fixed(out, 3, l->gates[g].entropy);
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

static void write_gates(FILE *out, const mmoe_inspection *in, const level *l) {
    const int gates = l->n_gate < REPORT_GATES ? l->n_gate : REPORT_GATES;
    fputs("<div class=\"box\" role=\"region\" tabindex=\"0\" aria-label=\"table\"><table>\n<caption>", out);
    write_title(out, l, "What the gates weigh", "Mean weight that each task's gate gives each expert; entropy 1: all alike in each row, 0: one expert alone.");
    fputs("</caption>\n<thead><tr><th scope=\"col\">expert</th>", out);
    for (int g = 0; g < gates; g++) {
        fputs("<th scope=\"col\" class=\"h\">", out);
        cli_html_name(out, l->gates[g].task ? l->gates[g].task : "(all tasks)");
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (int32_t e = l->first; e < l->first + l->n_expert && e < l->first + REPORT_EXPERTS; e++) {
        fputs("<tr><th scope=\"row\">", out);
        cli_html_name(out, cli_report_short_name(in->experts[e].name));
        fputs("</th>", out);
        for (int g = 0; g < gates; g++) {
            const double *weight = weight_of(&l->gates[g], in->experts[e].name);
            if (weight)
                write_weight(out, *weight);
            else
                fputs("<td class=\"h dim\" title=\"this gate does not mix it\">\xc2\xb7</td>", out);
        }
        fputs("</tr>\n", out);
    }
    write_entropies(out, l, gates);
    fputs("</tbody></table></div>\n", out);
    if (l->n_gate > gates) cli_html_remark(out, "the first %d of %d gates are shown.", gates, l->n_gate);
}

static void write_experts(FILE *out, const mmoe_inspection *in, const level *l) {
    static const char *const columns[] = {"#", "expert", "outputs", "effective rank", "units", "dead units", ""};
    fputs("<div class=\"box\" role=\"region\" tabindex=\"0\" aria-label=\"table\"><table>\n<caption>", out);
    write_title(out, l, "What the experts use", "Effective rank: how many directions their outputs take. Dead units are 0 in every row.");
    fputs("</caption>\n<thead><tr>", out);
    for (int i = 0; i < 7; i++) fprintf(out, "<th scope=\"col\"%s>%s</th>", i == 1 || i == 6 ? "" : " class=\"n\"", columns[i]);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (int32_t e = l->first; e < l->first + l->n_expert && e < l->first + REPORT_EXPERTS; e++) {
        const mmoe_expert_use *u = &in->experts[e];
        fprintf(out, "<tr><td class=\"n\">%" PRId32 "</td><th scope=\"row\">", e - l->first);
        cli_html_name(out, cli_report_short_name(u->name));
        fprintf(out, "</th><td class=\"n\">%" PRId32 "</td><td class=\"n\">", u->width);
        cli_html_fixed(out, 2, u->effective_rank);
        fprintf(out, "</td><td class=\"n\">%" PRId32 "</td><td class=\"n\">%" PRId32 "</td><td>%s</td></tr>\n", u->n_unit, u->n_dead,
                u->unused ? "no gate uses it" : "");
    }
    fputs("</tbody></table></div>\n", out);
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
        for (int b = 0; b < count; b++) values[a * count + b] = in->similarity[(size_t)(l->first + a) * (size_t)in->n_expert + (size_t)(l->first + b)];
    char title[64] = "How alike the experts are";
    if (!l->is_only) snprintf(title, sizeof title, "How alike the experts are, level %" PRId32, l->number);
    const report_heat heat = {.title = title,
                              .sentence = "Similarity of two experts' outputs (linear CKA): 1 where they differ by rotation and scale alone, 0 where they are "
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
    if (l->n_gate) write_gates(page->out, in, l);
    write_experts(page->out, in, l);
    draw_similarity(page, in, l);
    fputs("</div>\n", page->out);
    if (l->n_expert > REPORT_EXPERTS) cli_html_remark(page->out, "the first %d of %" PRId32 " experts are shown.", REPORT_EXPERTS, l->n_expert);
}

static void write_warnings(FILE *out, const mmoe_inspection *in) {
    for (int32_t g = 0, shown = 0; g < in->n_gate && shown < REPORT_GATES; g++) {
        char *warning = in->gates[g].collapsed ? cli_gate_warning(&in->gates[g]) : NULL;
        if (warning) cli_html_remark(out, "%s", warning), shown++;
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
    write_warnings(out, in);
    const int32_t last = in->experts[in->n_expert - 1].level;
    level l = {.is_only = last == in->experts[0].level};
    int shown = 0;
    for (int32_t e = 0; e < in->n_expert && shown < REPORT_LEVELS; e += l.n_expert, shown++) {
        l.number = in->experts[e].level, l.first = e, l.n_expert = 0, l.n_gate = 0;
        while (e + l.n_expert < in->n_expert && in->experts[e + l.n_expert].level == l.number) l.n_expert++;
        for (int32_t g = in->n_gate; g-- > 0;)
            if (in->gates[g].level == l.number) l.gates = &in->gates[g], l.n_gate++;
        write_level(page, in, &l);
    }
    if (last > REPORT_LEVELS) cli_html_remark(out, "the first %d of %" PRId32 " levels are shown.", REPORT_LEVELS, last);
}
