/* What came out of a sweep: a line a setting, the best first. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "output.h"
#include "sweep.h"
#include "task_types.h"
#include "warnings.h"

/* One figure over a setting's seeds. */
typedef struct spread {
    size_t count;
    double mean, deviation, best; /* deviation: of the sample, NaN below two */
} spread;

typedef struct line {
    size_t setting, done, failed;
    spread *figures;                 /* [n_figure] */
    double rows_per_second, seconds; /* means */
    int64_t parameters;
    double score; /* larger is better; NaN: undefined */
} line;

/* ---- Figures ---- */

static spread spread_of(const sweep_plan *p, const sweep_results *r, size_t setting,
                        size_t figure) {
    spread s = {0, 0, NAN, NAN};
    const cli_figure *of = &p->figures[figure].of;
    double squares = 0;
    for (size_t i = setting * p->n_seed; i < (setting + 1) * p->n_seed; i++) {
        const double x = r->runs[i].values[figure];
        if (r->runs[i].status != SWEEP_OK || !isfinite(x)) continue;
        const double step = x - s.mean; /* Welford's: no sum of squares to cancel */
        s.mean += step / (double)++s.count;
        squares += step * (x - s.mean);
        if (s.count == 1 || cli_figure_score(of, x) > cli_figure_score(of, s.best)) s.best = x;
    }
    if (s.count == 0) s.mean = NAN;
    if (s.count > 1) s.deviation = sqrt(squares / (double)(s.count - 1));
    return s;
}

static void fill_line(const sweep_plan *p, const sweep_results *r, line *l) {
    for (size_t i = l->setting * p->n_seed; i < (l->setting + 1) * p->n_seed; i++) {
        const sweep_result *run = &r->runs[i];
        if (run->status == SWEEP_FAILED) l->failed++;
        if (run->status != SWEEP_OK) continue;
        l->done++;
        l->rows_per_second += run->rows_per_second;
        l->seconds += run->seconds;
        l->parameters = run->parameters;
    }
    l->rows_per_second /= (double)l->done;
    l->seconds /= (double)l->done;
    for (size_t i = 0; i < p->n_figure; i++) l->figures[i] = spread_of(p, r, l->setting, i);
}

/* ---- The order ---- */

/* Is a figure defined in a run of any setting? */
static bool is_defined(const sweep_plan *p, const line *lines, size_t figure) {
    for (size_t i = 0; i < p->n_setting; i++)
        if (lines[i].figures[figure].count > 0) return true;
    return false;
}

static size_t count_done(const sweep_plan *p, const line *lines) {
    size_t done = 0;
    for (size_t i = 0; i < p->n_setting; i++) done += lines[i].done;
    return done;
}

/* The settings are ranked by the mean of those selected figures that are defined at all. A setting
 * that lacks one of these has no score. */
static void score_lines(const sweep_plan *p, line *lines) {
    const size_t done = count_done(p, lines);
    size_t defined = 0;
    if (!done) return;
    for (size_t i = 0; i < p->n_selected; i++) defined += is_defined(p, lines, p->selected[i]);
    for (size_t i = 0; i < p->n_setting; i++) lines[i].score = defined ? 0 : (double)NAN;
    for (size_t s = 0; s < p->n_selected; s++) {
        const sweep_figure *f = &p->figures[p->selected[s]];
        const char *then = defined ? "the order is that of the others"
                                   : "the settings stand in no order, and none is the best";
        if (!is_defined(p, lines, p->selected[s])) {
            cli_warn("%s is undefined in each of %zu runs: %s", f->name, done, then);
            continue;
        }
        for (size_t i = 0; i < p->n_setting; i++)
            lines[i].score +=
                cli_figure_score(&f->of, lines[i].figures[p->selected[s]].mean) / (double)defined;
    }
}

/* Best first; those without a figure last; equal ones in the order of the settings. */
static int compare_lines(const void *a, const void *b) {
    const line *x = a, *y = b;
    if (isnan(x->score) != isnan(y->score)) return isnan(x->score) ? 1 : -1;
    if (x->score != y->score && !isnan(x->score)) return x->score > y->score ? -1 : 1;
    return x->setting < y->setting ? -1 : x->setting > y->setting;
}

/* ---- The constant ---- */

/* The rows that the settings are judged by last. */
static bool is_of_last_rows(const sweep_plan *p, const sweep_figure *f) {
    return f->is_test == (p->test.count > 0);
}

/* The figure that is compared with the constant's figure `f`. */
static const sweep_figure *compared(const sweep_plan *p, const sweep_figure *f) {
    const sweep_figure *of = p->figures;
    while (of->is_test != f->is_test || of->task != f->task || strcmp(of->of.name, f->of.than) != 0)
        of++;
    return of;
}

static void warn_of_runs(const sweep_plan *p, const sweep_results *r) {
    for (size_t i = 0; i < p->n_figure; i++) {
        const sweep_figure *base = &p->figures[i];
        if (!base->of.than || !is_of_last_rows(p, base)) continue;
        const sweep_figure *figure = compared(p, base);
        size_t done = 0, worse = 0;
        for (const sweep_result *run = r->runs; run < r->runs + r->n_run; run++) {
            done += run->status == SWEEP_OK;
            worse += run->status == SWEEP_OK &&
                     run->values[figure - p->figures] > (1 + CLI_ROUNDING) * run->values[i];
        }
        if (worse)
            cli_warn("%s is worse than %s, that of always predicting the mean label, in %zu of %zu "
                     "runs: their models are worse than none",
                     figure->name, base->name, worse, done);
    }
}

/* ---- CSV ---- */

static void write_number(FILE *out, double value) {
    fputc(',', out);
    if (isfinite(value)) fprintf(out, "%.9g", value);
}

static void write_csv(FILE *out, const sweep_plan *p, const line *lines) {
    for (size_t k = 0; k < p->n_key; k++) fprintf(out, "%s,", p->keys[k]);
    fputs("runs,failed", out);
    for (size_t i = 0; i < p->n_figure; i++)
        fprintf(out, ",%s.mean,%s.deviation,%s.best", p->figures[i].name, p->figures[i].name,
                p->figures[i].name);
    fputs(",seconds,rows_per_second,parameters\n", out);
    for (const line *l = lines; l < lines + p->n_setting; l++) {
        for (size_t k = 0; k < p->n_key; k++) {
            cli_write_field(out, p->settings[l->setting].values[k]);
            fputc(',', out);
        }
        fprintf(out, "%zu,%zu", l->done, l->failed);
        for (size_t i = 0; i < p->n_figure; i++) {
            write_number(out, l->figures[i].mean);
            write_number(out, l->figures[i].deviation);
            write_number(out, l->figures[i].best);
        }
        write_number(out, l->seconds);
        write_number(out, l->rows_per_second);
        fprintf(out, ",%lld\n", (long long)l->parameters);
    }
}

static int write_summary_file(const sweep_plan *p, const sweep_results *r, const line *lines) {
    const size_t size = strlen(r->directory) + sizeof "/summary.csv";
    char *path = malloc(size);
    if (!path) return cli_fail_memory();
    snprintf(path, size, "%s/summary.csv", r->directory);
    cli_file file;
    int status = cli_file_open(&file, path);
    if (!status) {
        write_csv(file.stream, p, lines);
        status = cli_file_keep(&file);
    }
    free(path);
    return status;
}

/* ---- JSON ---- */

static json_t *line_json(const sweep_plan *p, const line *l) {
    json_t *values = json_object(), *figures = json_object();
    for (size_t k = 0; k < p->n_key; k++)
        json_object_set_new(values, p->keys[k],
                            json_loads(p->settings[l->setting].values[k], JSON_DECODE_ANY, NULL));
    for (size_t i = 0; i < p->n_figure; i++) {
        const spread *s = &l->figures[i];
        json_object_set_new(figures, p->figures[i].name,
                            json_pack("{s:o, s:o, s:o}", "mean", cli_json_number(s->mean),
                                      "deviation", cli_json_number(s->deviation), "best",
                                      cli_json_number(s->best)));
    }
    return json_pack("{s:o, s:I, s:I, s:o, s:o, s:o, s:I}", "values", values, "runs",
                     (json_int_t)l->done, "failed", (json_int_t)l->failed, "figures", figures,
                     "seconds", cli_json_number(l->seconds), "rows_per_second",
                     cli_json_number(l->rows_per_second), "parameters", (json_int_t)l->parameters);
}

static int print_json(const sweep_plan *p, const line *lines) {
    json_t *settings = json_array(), *selected = json_array();
    for (size_t i = 0; i < p->n_setting; i++)
        json_array_append_new(settings, line_json(p, &lines[i]));
    for (size_t i = 0; i < p->n_selected; i++)
        json_array_append_new(selected, json_string(p->figures[p->selected[i]].name));
    json_t *result = json_pack("{s:o, s:o}", "selected_by", selected, "settings", settings);
    return cli_print_json(stdout, cli_with_warnings(result), true);
}

/* ---- Table ---- */

enum { CELL = 44 };

/* Of a task's figures the usual one, what the settings are ranked by, and that of last rows which
 * compares them with the constant. */
static bool is_shown(const sweep_plan *p, size_t figure) {
    const sweep_figure *f = &p->figures[figure];
    for (size_t i = 0; i < p->n_selected; i++)
        if (p->selected[i] == figure) return true;
    return f->place == 0 || (f->of.is_ratio && is_of_last_rows(p, f));
}

static void put_figure(char *cell, const char *text) {
    snprintf(cell, CELL, "%s", text);
    if (strlen(text) >= CELL) memcpy(cell + CELL - 4, "...", 4);
    mmoe_utf8_plain(cell, '?');
}

static void put_spread(char *cell, const line *l, const spread *s) {
    if (s->count == 0)
        put_figure(cell, l->done ? "undefined" : "-");
    else if (s->count == 1)
        snprintf(cell, CELL, "%.5f", s->mean);
    else
        snprintf(cell, CELL, "%.5f +- %.5f (%.5f)", s->mean, s->deviation, s->best);
}

/* Row 0 has the columns' names; returns the number of columns. */
static size_t fill_row(const sweep_plan *p, const line *l, char (*cells)[CELL]) {
    size_t n = 0;
    for (size_t k = 0; k < p->n_key; k++)
        put_figure(cells[n++], l ? p->settings[l->setting].values[k] : sweep_key_label(p, k));
    if (!l) {
        put_figure(cells[n++], "runs");
        put_figure(cells[n++], "failed");
    } else {
        snprintf(cells[n++], CELL, "%zu", l->done);
        snprintf(cells[n++], CELL, "%zu", l->failed);
    }
    for (size_t i = 0; i < p->n_figure; i++) {
        if (!is_shown(p, i)) continue;
        if (l)
            put_spread(cells[n++], l, &l->figures[i]);
        else
            put_figure(cells[n++], p->figures[i].name);
    }
    put_figure(cells[n], l ? "-" : "rows/s");
    put_figure(cells[n + 1], l ? "-" : "parameters");
    if (l && l->done) {
        snprintf(cells[n], CELL, "%.0f", l->rows_per_second);
        snprintf(cells[n + 1], CELL, "%lld", (long long)l->parameters);
    }
    return n + 2;
}

static int print_summary_table(const sweep_plan *p, const line *lines) {
    const size_t columns = p->n_key + p->n_figure + 4;
    char(*cells)[CELL] = calloc(columns * (p->n_setting + 1), sizeof *cells);
    int *widths = calloc(columns, sizeof *widths);
    size_t n = 0;
    for (size_t i = 0; cells && widths && i <= p->n_setting; i++) {
        n = fill_row(p, i ? &lines[i - 1] : NULL, cells + i * columns);
        for (size_t c = 0; c < n; c++)
            if ((int)strlen(cells[i * columns + c]) > widths[c])
                widths[c] = (int)strlen(cells[i * columns + c]);
    }
    for (size_t i = 0; n && i <= p->n_setting; i++)
        for (size_t c = 0; c < n; c++)
            printf("%-*s%s", c + 1 < n ? widths[c] : 0, cells[i * columns + c],
                   c + 1 < n ? "  " : "\n");
    int status = cells && widths ? CLI_OK : cli_fail_memory();
    free(cells);
    free(widths);
    return status;
}

/* They are the same in all runs on the same labels. */
static void print_constants(const sweep_plan *p, const line *best) {
    const char *before = "without a model: ";
    for (size_t i = 0; best->done && i < p->n_figure; i++) {
        const sweep_figure *f = &p->figures[i];
        if (!f->of.than || !is_of_last_rows(p, f) || !best->figures[i].count) continue;
        printf("%s%s %.5g", before, compared(p, f)->name, best->figures[i].mean);
        before = ", ";
    }
    if (*before == ',') putchar('\n');
}

int sweep_summarize(const sweep_plan *p, const sweep_results *r, bool json) {
    line *lines = calloc(p->n_setting, sizeof *lines);
    int status = lines ? CLI_OK : cli_fail_memory();
    for (size_t i = 0; !status && i < p->n_setting; i++) {
        lines[i].setting = i;
        lines[i].figures = calloc(p->n_figure, sizeof *lines[i].figures);
        if (lines[i].figures)
            fill_line(p, r, &lines[i]);
        else
            status = cli_fail_memory();
    }
    if (!status) score_lines(p, lines);
    if (!status) warn_of_runs(p, r);
    if (!status) qsort(lines, p->n_setting, sizeof *lines, compare_lines);
    if (!status) status = write_summary_file(p, r, lines);
    if (!status) status = json ? print_json(p, lines) : print_summary_table(p, lines);
    if (!status && !json) print_constants(p, lines);
    for (size_t i = 0; lines && i < p->n_setting; i++) free(lines[i].figures);
    free(lines);
    return status;
}
