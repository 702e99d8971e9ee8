/* mmoe synth */
#include <math.h>
#include <string.h>

#include "output.h"
#include "synth_pack.h"

typedef struct synth_flags {
    const char *kind, *output, *truth, *config, *like;
    int64_t rows, first_row, seed;
    int64_t threads;
    synth_paper_shape paper;
    synth_clicks_shape clicks;
    bool json;
} synth_flags;

static json_t *clicks_json(const synth_flags *f, const synth_clicks_result *r) {
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:{s:o, s:o}}", "rows", (json_int_t)f->rows,
                     "first_row", (json_int_t)f->first_row, "seed", (json_int_t)f->seed,
                     "click_rate", cli_json_number(r->click_rate), "purchase_rate",
                     cli_json_number(r->purchase_rate), "auc", "purchase",
                     cli_json_number(r->purchase_auc), "click", cli_json_number(r->click_auc));
}

static const char *auc_text(double auc, char text[16]) {
    snprintf(text, 16, "%.5f", auc);
    return isnan(auc) ? "undefined (one class only)" : text;
}

static int report_clicks(const synth_flags *f, const synth_clicks_result *r) {
    char purchase[16], click[16];
    if (f->json) return cli_print_json(stdout, clicks_json(f, r), true);
    cli_note("%lld rows, clicks %.2f %%, purchases %.3f %%; AUC of the generator's own "
             "probabilities: purchase %s, click %s",
             (long long)f->rows, 100 * r->click_rate, 100 * r->purchase_rate,
             auc_text(r->purchase_auc, purchase), auc_text(r->click_auc, click));
    return CLI_OK;
}

/* What is drawn, and what comes of it. */
typedef struct synthesis {
    const synth_flags *flags;
    cli_file truth;
    synth_clicks_result result; /* of clicks */
} synthesis;

static bool is_paper(const synth_flags *f) { return strcmp(f->kind, "paper") == 0; }

static int draw(void *context, const synth_rows *rows) {
    synthesis *s = context;
    const synth_flags *f = s->flags;
    if (is_paper(f)) return synth_paper(rows, &f->paper);
    return synth_clicks(rows, &f->clicks, f->truth ? &s->truth : NULL, &s->result);
}

static int write_rows(synthesis *s, synth_rows *rows) {
    cli_file file = {0};
    int status = cli_file_open(&file, s->flags->output);
    rows->out = &file;
    if (!status) status = draw(s, rows);
    if (!status) status = cli_file_keep(&file);
    cli_file_drop(&file);
    return status;
}

static int synthesize(const synth_flags *f) {
    synthesis s = {.flags = f};
    synth_rows rows = {.first = f->first_row,
                       .count = f->rows,
                       .seed = (uint64_t)f->seed,
                       .threads = (int)f->threads};
    const pack_flags packing = {
        .config = f->config, .like = f->like, .output = f->output, .threads = f->threads};
    int status = f->truth ? cli_file_open(&s.truth, f->truth) : CLI_OK;
    if (!status && (f->config || f->like))
        status = synth_pack(&packing, &rows, draw, &s);
    else if (!status)
        status = write_rows(&s, &rows);
    if (!status && f->truth) status = cli_file_keep(&s.truth);
    if (!status && !is_paper(f)) status = report_clicks(f, &s.result);
    cli_file_drop(&s.truth);
    return status;
}

static int check_packing(const synth_flags *f) {
    if (!f->config && !f->like) return CLI_OK;
    if (f->config && f->like)
        return cli_usage(
            "--config, to learn a schema, and --like, to take one, exclude each other");
    /* What ends early must not look whole. */
    if (f->truth) return cli_usage("--truth goes with rows as CSV, not with packed ones");
    return cli_check_name("output", f->output);
}

/* Flags that the other kind alone has are wrong usage, not passed over. */
static int check_flags(const synth_flags *f, const synth_paper_shape *defaults) {
    if (!is_paper(f) && strcmp(f->kind, "clicks") != 0)
        return cli_usage("\"%s\" is neither clicks nor paper", f->kind);
    const synth_paper_shape *p = &f->paper;
    if (!is_paper(f) && (p->correlation != defaults->correlation || p->dim != defaults->dim ||
                         p->terms != defaults->terms || p->scale != defaults->scale))
        return cli_usage("--correlation, --dim, --terms and --scale belong to paper");
    if (is_paper(f) && (f->clicks.lists || f->clicks.ali_ccp_sizes || f->truth || f->json))
        return cli_usage("--lists, --ali-ccp-sizes, --truth and --json belong to clicks");
    if (f->json && (strcmp(f->output, "-") == 0 || (f->truth && strcmp(f->truth, "-") == 0)))
        return cli_usage("--json and the rows cannot both go to standard output");
    const cli_path paths[] = {{"--output", f->output, true},
                              {"--truth", f->truth, true},
                              {"--config", f->config, false},
                              {"--like", f->like, false}};
    const int status = cli_check_paths(paths, sizeof paths / sizeof *paths);
    return status ? status : check_packing(f);
}

int cli_synth(int argc, char **argv) {
    const synth_paper_shape defaults = {.correlation = 0.5, .dim = 100, .terms = 5, .scale = 0.3};
    synth_flags f = {.seed = 1, .threads = cli_processors(), .paper = defaults};
    const cli_option options[] = {
        {"rows", "N", CLI_INTEGER, &f.rows, true, 1, 1e10, "rows to write"},
        {"output", "FILE", CLI_TEXT, &f.output, true, 0, 0,
         "the rows (CSV; -: standard output), or the folder of packed ones"},
        {"config", "FILE", CLI_INPUT, &f.config, false, 0, 0,
         "pack the rows, as mmoe pack --config does, instead of writing CSV"},
        {"like", "PATH", CLI_INPUT, &f.like, false, 0, 0,
         "pack the rows, as mmoe pack --like does, by the schema of a packed folder or of a model"},
        {"seed", "S", CLI_INTEGER, &f.seed, false, 0, 0x1p53,
         "seed of the random numbers; default 1"},
        {"first-row", "K", CLI_INTEGER, &f.first_row, false, 0, 1e12,
         "write rows K, K+1, ...; default 0"},
        {"threads", "N", CLI_INTEGER, &f.threads, false, 1, CLI_MAX_THREADS,
         "threads that draw, which change no byte; default: the processors"},
        {"lists", NULL, CLI_FLAG, &f.clicks.lists, false, 0, 0,
         "clicks: add a history and tags, on which the labels depend, too"},
        {"ali-ccp-sizes", NULL, CLI_FLAG, &f.clicks.ali_ccp_sizes, false, 0, 0,
         "clicks: as many values a column as Ali-CCP has, 467,298 items; default: 4,000"},
        {"truth", "FILE", CLI_TEXT, &f.truth, false, 0, 0,
         "clicks: the rows' true probabilities (CSV)"},
        {"json", NULL, CLI_FLAG, &f.json, false, 0, 0,
         "clicks: rates and the AUC of the true probabilities as JSON"},
        {"correlation", "P", CLI_NUMBER, &f.paper.correlation, false, -1, 1,
         "paper: cosine of the tasks' weights; default 0.5"},
        {"dim", "D", CLI_INTEGER, &f.paper.dim, false, 2, 100000, "paper: inputs; default 100"},
        {"terms", "M", CLI_INTEGER, &f.paper.terms, false, 0, 1000,
         "paper: sines in the sum; default 5"},
        {"scale", "C", CLI_NUMBER, &f.paper.scale, false, 0, 1e6,
         "paper: length of the weights; default 0.3"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {"synth",
                                 "clicks|paper --rows N --output X.csv [FLAGS]",
                                 "clicks: a click log with Ali-CCP's columns and a planted signal; "
                                 "a purchase comes only after a click.\n"
                                 "        With --lists: history (items, as of column 205, the last "
                                 "one last) and tags (t3:0.25|t1:1.00).\n"
                                 "paper:  section 3.2 of the MMoE paper (KDD 2018): x ~ N(0, I), "
                                 "w1 = c u1, w2 = c (p u1 + sqrt(1 - p^2) u2) with\n"
                                 "        orthonormal u1, u2, y_k = w_k x + sum_{i=1..m} sin(a_i "
                                 "w_k x + b_i) + N(0, 0.01), where 0.01 is the variance\n"
                                 "        (a standard deviation of 0.1), a_i = i, and b_i are "
                                 "uniform in [0, 2 pi). Columns y1, y2, x0, x1, ...\n"
                                 "Row i depends on the seed and i alone, so --first-row cuts "
                                 "training, validation and test rows out of one world.",
                                 options,
                                 "KIND (clicks or paper)",
                                 &f.kind,
                                 NULL};
    int status;
    if (!cli_parse(&command, argc, argv, &status)) return status;
    status = check_flags(&f, &defaults);
    return status ? status : synthesize(&f);
}
