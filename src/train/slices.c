/* Metrics of a data set, and of the slices that a column's values make of it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/dataset.h"
#include "train/evaluate.h"

enum { USUAL_SLICES = 20 };

/* ---- Slices ---- */

typedef struct own_slices {
    mmoe_row_slices shown; /* first */
    mmoe_allocator alloc;
    mmoe_row_slice *items;
    mmoe_task_metrics *metrics; /* [items, tasks] */
} own_slices;

void mmoe_row_slices_free(mmoe_row_slices *shown) {
    own_slices *s = (own_slices *)shown;
    if (!s) return;
    mmoe_allocator a = s->alloc;
    for (size_t i = 0; i < s->shown.count; i++)
        mmoe_release(&a, (char *)(uintptr_t)s->items[i].value);
    mmoe_release(&a, s->items);
    mmoe_release(&a, s->metrics);
    mmoe_release(&a, s);
}

/* The rows of a value: [first, first + rows) of an order by values. */
typedef struct run {
    int32_t value;
    int64_t first, rows;
} run;

static int by_size(const void *a, const void *b) {
    const run *x = a, *y = b;
    if (x->rows != y->rows) return x->rows < y->rows ? 1 : -1;
    return (x->value > y->value) - (x->value < y->value);
}

/* What is sliced, and how. */
typedef struct slicer {
    mmoe_evaluator *e;
    const mmoe_kept *by;
    int64_t rows;
    int32_t tasks;
    size_t most;
    uint32_t *index, *grouped; /* [rows] by the values, and within one in order, by groups */
    run *runs;                 /* [n_run] the largest first */
    size_t n_run;
} slicer;

/* The rows by their values, cut into runs. */
static mmoe_status cut_rows(slicer *s, const mmoe_allocator *a, mmoe_error *err) {
    const uint32_t *grouped = mmoe_evaluator_grouped(s->e);
    const size_t rows = (size_t)s->rows, values = (size_t)mmoe_vocab_rows(s->by->vocab);
    s->index = mmoe_alloc(a, rows, sizeof *s->index);
    if (grouped) s->grouped = mmoe_alloc(a, rows, sizeof *s->grouped);
    s->runs = mmoe_alloc(a, values, sizeof *s->runs);
    if (!s->index || !s->runs || (grouped && !s->grouped))
        return mmoe_fail_memory(err, 2 * rows * sizeof *s->index + values * sizeof *s->runs);
    mmoe_status status = mmoe_kept_sort(s->by, NULL, s->rows, s->index, a, err);
    if (!status && grouped) status = mmoe_kept_sort(s->by, grouped, s->rows, s->grouped, a, err);
    for (int64_t i = 0; !status && i < s->rows; i++) {
        const int32_t value = s->by->values[s->index[i]];
        if (i == 0 || value != s->runs[s->n_run - 1].value)
            s->runs[s->n_run++] = (run){value, i, 0};
        s->runs[s->n_run - 1].rows++;
    }
    if (!status) qsort(s->runs, s->n_run, sizeof *s->runs, by_size);
    return status;
}

static mmoe_status judge_run(const slicer *s, const run *r, const mmoe_task_metrics *whole,
                             own_slices *out, mmoe_error *err) {
    const size_t i = out->shown.count;
    mmoe_task_metrics *metrics = out->metrics + i * (size_t)s->tasks;
    const mmoe_row_choice choice = {r->rows, s->index + r->first,
                                    s->grouped ? s->grouped + r->first : NULL};
    char *value = r->value ? mmoe_kept_text(s->by, r->value, &out->alloc) : NULL;
    if (r->value && !value) return mmoe_fail_memory(err, 0);
    mmoe_evaluator_judge(s->e, &choice, whole, metrics);
    out->items[i] = (mmoe_row_slice){value, r->rows, metrics};
    out->shown.count++;
    return MMOE_OK;
}

static mmoe_status judge_runs(const slicer *s, const mmoe_task_metrics *whole, own_slices *out,
                              mmoe_error *err) {
    const size_t count = s->n_run < s->most ? s->n_run : s->most;
    out->items = mmoe_alloc_zero(&out->alloc, count, sizeof *out->items);
    out->metrics = mmoe_alloc_zero(&out->alloc, count * (size_t)s->tasks, sizeof *out->metrics);
    if (!out->items || !out->metrics)
        return mmoe_fail_memory(err, count * (size_t)s->tasks * sizeof *out->metrics);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < count; i++)
        status = judge_run(s, &s->runs[i], whole, out, err);
    out->shown.column = s->by->name;
    out->shown.items = out->items;
    out->shown.left_out = (int64_t)(s->n_run - count);
    out->shown.rows_left_out = s->rows;
    for (size_t i = 0; i < out->shown.count; i++) out->shown.rows_left_out -= out->items[i].rows;
    return status;
}

static mmoe_status make_slices(slicer *s, const mmoe_task_metrics *whole, const mmoe_allocator *a,
                               mmoe_row_slices **out, mmoe_error *err) {
    own_slices *made = mmoe_alloc_zero(a, 1, sizeof *made);
    if (!made) return mmoe_fail_memory(err, sizeof *made);
    made->alloc = *a;
    mmoe_status status = cut_rows(s, a, err);
    if (!status) status = judge_runs(s, whole, made, err);
    mmoe_release(a, s->index);
    mmoe_release(a, s->grouped);
    mmoe_release(a, s->runs);
    if (status)
        mmoe_row_slices_free(&made->shown);
    else
        *out = &made->shown;
    return status;
}

/* ---- Evaluation ---- */

/* The word's place in MMOE_GROUP_WEIGHTS; -1: it is none. */
static int group_weight_of(const char *word) {
    static const char *const words[] = {MMOE_GROUP_WEIGHTS(MMOE_WORD)};
    for (int i = 0; i < (int)(sizeof words / sizeof *words); i++)
        if (strcmp(words[i], word) == 0) return i;
    return -1;
}

static mmoe_status find_kept(const mmoe_dataset *data, const char *column, const mmoe_kept **out,
                             mmoe_error *err) {
    if (!column) return MMOE_OK;
    *out = mmoe_dataset_kept(data, column);
    return *out ? MMOE_OK
                : mmoe_fail(err, MMOE_E_ARGUMENT,
                            "mmoe_evaluate_by: the data set does not keep the column \"%s\" "
                            "(mmoe_dataset_keep_csv)",
                            column);
}

static mmoe_status choose_weight(const char *word, mmoe_evaluation *of, mmoe_error *err) {
    const int weight = group_weight_of(word);
    if (weight < 0)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "group_weight is \"%s\"; allowed are %s", word,
                         MMOE_WORDS(MMOE_GROUP_WEIGHTS));
    if (!of->group)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "group_weight is \"%s\", but there are no groups",
                         word);
    of->group_weight = (mmoe_group_weight)weight;
    return MMOE_OK;
}

static bool can_have_groups(const mmoe_model *model) {
    for (int32_t t = 0; t < model->schema->n_label; t++)
        if (mmoe_loss_has_groups((int)model->schema->labels[t].type)) return true;
    return false;
}

static mmoe_status choose_groups(const mmoe_dataset *data, const mmoe_evaluate_options *options,
                                 mmoe_evaluation *of, mmoe_error *err) {
    mmoe_evaluation_group(of, data);
    if (options->group && !can_have_groups(of->model))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "\"%s\" can make no groups: only classifications have a metric of groups, "
                         "and no task is one",
                         options->group);
    const mmoe_status status = find_kept(data, options->group, &of->group, err);
    if (status || !options->group_weight) return status;
    return choose_weight(options->group_weight, of, err);
}

typedef struct evaluation {
    mmoe_evaluation of;
    const mmoe_dataset *data;
    slicer slicer; /* `by` NULL: nothing is sliced */
    mmoe_allocator alloc;
} evaluation;

static mmoe_status choose(evaluation *n, const mmoe_evaluate_options *options, mmoe_error *err) {
    const mmoe_model *model = n->of.model;
    n->slicer.rows = n->data->rows;
    n->slicer.tasks = model->schema->n_label;
    n->slicer.most = (size_t)(options->most_slices ? options->most_slices : USUAL_SLICES);
    mmoe_status status =
        mmoe_dataset_check(n->data, model->schema, mmoe_schema_fingerprint(model->schema), err);
    if (!status) status = choose_groups(n->data, options, &n->of, err);
    return status ? status : find_kept(n->data, options->by, &n->slicer.by, err);
}

static mmoe_status run_evaluation(evaluation *n, mmoe_task_metrics *metrics, mmoe_row_slices **out,
                                  mmoe_error *err) {
    mmoe_source *source = NULL;
    mmoe_evaluator **e = &n->slicer.e;
    const mmoe_source_order as_it_is = {.set = n->data, .most = MMOE_SLICE_ROWS};
    mmoe_status status = mmoe_source_open(&as_it_is, &n->alloc, &source, err);
    if (!status)
        status = mmoe_evaluator_create(&n->of, mmoe_source_count(source), &n->alloc, e, err);
    if (!status) status = mmoe_evaluator_run(*e, source, metrics, err);
    if (!status && n->slicer.by) status = make_slices(&n->slicer, metrics, &n->alloc, out, err);
    mmoe_evaluator_free(*e);
    mmoe_source_free(source);
    return status;
}

mmoe_status mmoe_evaluate_by(const mmoe_model *model, const mmoe_dataset *data,
                             const mmoe_evaluate_options *options, const mmoe_allocator *alloc,
                             mmoe_task_metrics *metrics, mmoe_row_slices **slices,
                             mmoe_error *err) {
    if (!model || !data || !options || !metrics || (options->by && !slices))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_evaluate_by: model, dataset, options and metrics must not be NULL, "
                         "nor slices where there are some");
    if (options->threads < 0 || options->threads > 256 || options->most_slices < 0)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_evaluate_by: threads must be 0 to 256, most_slices not below 0");
    if (mmoe_allocator_check(alloc, "mmoe_evaluate_by", err)) return MMOE_E_ARGUMENT;
    evaluation n = {.of = {.model = model, .params = &model->params, .watcher = options->watcher},
                    .data = data,
                    .alloc = mmoe_allocator_or_default(alloc)};
    mmoe_row_slices *made = NULL;
    mmoe_status status = choose(&n, options, err);
    const int workers = mmoe_worker_count(options->threads);
    if (!status) status = mmoe_pool_create(workers, &n.alloc, &n.of.pool, err);
    if (!status) status = run_evaluation(&n, metrics, &made, err);
    mmoe_pool_free(n.of.pool);
    if (!status && slices) *slices = made;
    return status;
}

mmoe_status mmoe_evaluate(const mmoe_model *model, const mmoe_dataset *data, int threads,
                          const mmoe_allocator *alloc, mmoe_task_metrics *metrics,
                          mmoe_error *err) {
    if (!model || !data || !metrics || threads < 0 || threads > 256)
        return mmoe_fail(
            err, MMOE_E_ARGUMENT,
            "mmoe_evaluate: model, dataset and metrics must not be NULL, threads must be 0 to 256");
    if (mmoe_allocator_check(alloc, "mmoe_evaluate", err)) return MMOE_E_ARGUMENT;
    const mmoe_evaluate_options options = {.threads = threads};
    return mmoe_evaluate_by(model, data, &options, alloc, metrics, NULL, err);
}
