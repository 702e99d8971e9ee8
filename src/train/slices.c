/* Metrics of a data set, and of the slices that a column's values make of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "data/dataset.h"
#include "train/agree.h"
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

/* A value, and its rows. */
typedef struct size_of_value {
    int32_t value;
    int64_t rows;
} size_of_value;

static int by_size(const void *a, const void *b) {
    const size_of_value *x = a, *y = b;
    if (x->rows != y->rows) return x->rows < y->rows ? 1 : -1;
    return (x->value > y->value) - (x->value < y->value);
}

/* What is sliced, and how. */
typedef struct slicer {
    mmoe_slicing slicing; /* `by` NULL: nothing is */
    int32_t *slice_of;    /* the slicing's */
    size_of_value *sizes; /* [n_value] the largest first */
    size_t n_value, most;
} slicer;

static void slicer_finish(slicer *s, const mmoe_allocator *a) {
    mmoe_release(a, s->slice_of);
    mmoe_release(a, s->sizes);
}

/* Those values of the column that rows have, by their sizes. */
static void sort_values(slicer *s, const int64_t *counts, size_t values) {
    for (size_t v = 0; v < values; v++)
        if (counts[v]) s->sizes[s->n_value++] = (size_of_value){(int32_t)v, counts[v]};
    qsort(s->sizes, s->n_value, sizeof *s->sizes, by_size);
}

/* Which values are slices: the largest. */
static mmoe_status choose_slices(slicer *s, const mmoe_dataset *set, const mmoe_allocator *a,
                                 mmoe_error *err) {
    const size_t values = (size_t)mmoe_vocab_rows(s->slicing.by->vocab);
    int64_t *counts = mmoe_alloc_zero(a, values, sizeof *counts);
    s->slice_of = mmoe_alloc(a, values, sizeof *s->slice_of);
    s->sizes = mmoe_alloc(a, values, sizeof *s->sizes);
    mmoe_status status = counts && s->slice_of && s->sizes
                             ? mmoe_dataset_count_kept(set, s->slicing.by, counts, err)
                             : mmoe_fail_memory(err, values * (sizeof *counts + sizeof *s->sizes));
    if (!status) {
        sort_values(s, counts, values);
        for (size_t v = 0; v < values; v++) s->slice_of[v] = -1;
        for (size_t i = 0; i < s->n_value && i < s->most; i++)
            s->slice_of[s->sizes[i].value] = s->slicing.count++;
        s->slicing.slice_of = s->slice_of;
    }
    mmoe_release(a, counts);
    return status;
}

static mmoe_status name_slice(const slicer *s, size_t i, size_t tasks, own_slices *out,
                              mmoe_error *err) {
    const size_of_value *size = &s->sizes[i];
    char *value = size->value ? mmoe_kept_text(s->slicing.by, size->value, &out->alloc) : NULL;
    if (size->value && !value) return mmoe_fail_memory(err, 0);
    out->items[i] = (mmoe_row_slice){value, size->rows, out->metrics + i * tasks};
    out->shown.count++;
    out->shown.rows_left_out -= size->rows;
    return MMOE_OK;
}

static mmoe_status fill_slices(const slicer *s, mmoe_evaluator *e, int64_t rows, size_t tasks,
                               own_slices *out, mmoe_error *err) {
    const size_t count = (size_t)s->slicing.count;
    out->items = mmoe_alloc_zero(&out->alloc, count, sizeof *out->items);
    out->metrics = mmoe_alloc_zero(&out->alloc, count * tasks, sizeof *out->metrics);
    if (!out->items || !out->metrics)
        return mmoe_fail_memory(err, count * tasks * sizeof *out->metrics);
    out->shown.column = s->slicing.by->name;
    out->shown.items = out->items;
    out->shown.left_out = (int64_t)(s->n_value - count);
    out->shown.rows_left_out = rows;
    mmoe_status status = mmoe_evaluator_slices(e, out->metrics, err);
    for (size_t i = 0; !status && i < count; i++) status = name_slice(s, i, tasks, out, err);
    return status;
}

static mmoe_status make_slices(const slicer *s, mmoe_evaluator *e, const mmoe_evaluation *of,
                               const mmoe_allocator *a, mmoe_row_slices **out, mmoe_error *err) {
    own_slices *made = mmoe_alloc_zero(a, 1, sizeof *made);
    if (!made) return mmoe_fail_memory(err, sizeof *made);
    made->alloc = *a;
    const mmoe_status status =
        fill_slices(s, e, of->set->rows, (size_t)of->model->schema->n_label, made, err);
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

static mmoe_status choose_method(const char *word, mmoe_evaluation *of, mmoe_error *err) {
    of->is_binned = word && strcmp(word, "binned") == 0;
    if (!word || of->is_binned || strcmp(word, "exact") == 0) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT, "auc is \"%s\"; allowed are exact | binned", word);
}

static mmoe_status choose_groups(const mmoe_evaluate_options *options, mmoe_evaluation *of,
                                 mmoe_error *err) {
    mmoe_evaluation_group(of);
    if (options->group && !can_have_groups(of->model))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "\"%s\" can make no groups: only classifications have a metric of groups, "
                         "and no task is one",
                         options->group);
    const mmoe_status status = find_kept(of->set, options->group, &of->group, err);
    if (status || !options->group_weight) return status;
    return choose_weight(options->group_weight, of, err);
}

typedef struct evaluation {
    mmoe_evaluation of;
    slicer slicer;
    mmoe_evaluator *evaluator;
    mmoe_allocator alloc;
} evaluation;

static mmoe_status choose(evaluation *n, const mmoe_evaluate_options *options, mmoe_error *err) {
    const struct mmoe_schema *schema = n->of.model->schema;
    slicer *s = &n->slicer;
    mmoe_status status =
        mmoe_dataset_check(n->of.set, schema, mmoe_schema_fingerprint(schema), err);
    if (!status) status = choose_method(options->auc, &n->of, err);
    if (!status) status = choose_groups(options, &n->of, err);
    if (!status) status = find_kept(n->of.set, options->by, &s->slicing.by, err);
    if (status || !options->by) return status;
    s->most = (size_t)(options->most_slices ? options->most_slices : USUAL_SLICES);
    n->of.slicing = &s->slicing;
    return choose_slices(s, n->of.set, &n->alloc, err);
}

static uint64_t hash_weights(const mmoe_params *p) {
    uint64_t hash = 0;
    for (int32_t b = 0; b < p->n_block; b++) {
        const mmoe_block *memory = &p->blocks[b].memory;
        hash = mmoe_checksum_hash(hash, memory->data, mmoe_block_bytes(memory));
    }
    return hash;
}

static void warn_of_unlike(void *context, const char *sentence) {
    const mmoe_evaluate_options *o = context;
    mmoe_warning warning = {0};
    char text[1024];
    snprintf(text, sizeof text, "%s: scores are not those of one process to the bit", sentence);
    warning.message = text;
    if (o->on_warning) o->on_warning(o->user, &warning);
}

/* Ranks are about to evaluate the same. */
static mmoe_status agree(const evaluation *n, const mmoe_source *source,
                         const mmoe_evaluate_options *o, mmoe_error *err) {
    if (!n->of.comm) return MMOE_OK;
    const mmoe_identity rows = mmoe_source_identity(source);
    const mmoe_agree_number numbers[] = {
        {"model's weights", hash_weights(n->of.params)},
        {"configuration", mmoe_agree_hash(n->of.model->config->json)},
        {"rows", rows.rows},
        {"schema", rows.schema},
        {"group", mmoe_agree_hash(o->group)},
        {"group_weight", mmoe_agree_hash(o->group_weight)},
        {"by", mmoe_agree_hash(o->by)},
        {"slices", (uint64_t)o->most_slices},
        {"auc", n->of.is_binned}};
    const mmoe_agreement a = {n->of.comm, numbers, sizeof numbers / sizeof *numbers,
                              o->allow_unlike ? warn_of_unlike : NULL, (void *)(uintptr_t)o};
    return mmoe_agree(&a, &n->alloc, err);
}

static mmoe_status run_evaluation(evaluation *n, const mmoe_evaluate_options *options,
                                  mmoe_task_metrics *metrics, mmoe_row_slices **out,
                                  mmoe_error *err) {
    mmoe_source *source = NULL;
    const mmoe_source_order as_it_is = {.set = n->of.set, .most = MMOE_SLICE_ROWS, .keeps = true};
    mmoe_status status = mmoe_source_open(&as_it_is, &n->alloc, &source, err);
    if (!status) status = mmoe_evaluator_create(&n->of, &n->alloc, &n->evaluator, err);
    if (!status) status = agree(n, source, options, err);
    if (!status) status = mmoe_evaluator_run(n->evaluator, source, metrics, err);
    if (!status && n->of.slicing)
        status = make_slices(&n->slicer, n->evaluator, &n->of, &n->alloc, out, err);
    mmoe_evaluator_free(n->evaluator);
    mmoe_source_free(source);
    return status;
}

static mmoe_status evaluate_by(evaluation *n, const mmoe_evaluate_options *options,
                               mmoe_task_metrics *metrics, mmoe_row_slices **slices,
                               mmoe_error *err) {
    mmoe_row_slices *made = NULL;
    mmoe_status status = choose(n, options, err);
    const int workers = mmoe_worker_count(options->threads);
    if (!status) status = mmoe_pool_create(workers, &n->alloc, &n->of.pool, err);
    if (!status) status = run_evaluation(n, options, metrics, &made, err);
    mmoe_pool_free(n->of.pool);
    slicer_finish(&n->slicer, &n->alloc);
    if (!status && slices) *slices = made;
    return status;
}

/* What one of several ranks fails of, the others are told. */
mmoe_status mmoe_evaluate_by(const mmoe_model *model, const mmoe_dataset *data,
                             const mmoe_evaluate_options *options, const mmoe_allocator *alloc,
                             mmoe_task_metrics *metrics, mmoe_row_slices **slices,
                             mmoe_error *err) {
    if (!model || !data || !options || !metrics || (options->by && !slices))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_evaluate_by: model, dataset, options and metrics must not be NULL, "
                         "nor slices where there are some");
    if (options->most_slices < 0)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_evaluate_by: most_slices is %d",
                         (int)options->most_slices);
    if (mmoe_check_threads(options->threads, "mmoe_evaluate_by", err)) return MMOE_E_ARGUMENT;
    if (mmoe_allocator_check(alloc, "mmoe_evaluate_by", err)) return MMOE_E_ARGUMENT;
    evaluation n = {.of = {.model = model,
                           .params = &model->params,
                           .set = data,
                           .watcher = options->watcher,
                           .comm = options->ranks},
                    .alloc = mmoe_allocator_or_default(alloc)};
    mmoe_error why;
    const mmoe_status status = evaluate_by(&n, options, metrics, slices, &why);
    if (status && options->ranks) mmoe_comm_abort(options->ranks, why.message);
    if (status && err) *err = why;
    return status;
}

mmoe_status mmoe_evaluate(const mmoe_model *model, const mmoe_dataset *data, int threads,
                          const mmoe_allocator *alloc, mmoe_task_metrics *metrics,
                          mmoe_error *err) {
    if (!model || !data || !metrics)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_evaluate: model, dataset and metrics must not be NULL");
    if (mmoe_check_threads(threads, "mmoe_evaluate", err)) return MMOE_E_ARGUMENT;
    if (mmoe_allocator_check(alloc, "mmoe_evaluate", err)) return MMOE_E_ARGUMENT;
    const mmoe_evaluate_options options = {.threads = threads};
    return mmoe_evaluate_by(model, data, &options, alloc, metrics, NULL, err);
}
