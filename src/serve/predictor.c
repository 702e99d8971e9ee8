#include <math.h>
#include <string.h>

#include "base/error.h"
#include "serve/best.h"
#include "serve/expression.h"
#include "serve/predictor.h"
#include "serve/products.h"

#define ARGUMENTS "%s: an argument is NULL"

/* ---- Life ---- */

/* But for the program. */
static void free_predictor(mmoe_predictor *p) {
    const mmoe_allocator a = p->alloc;
    mmoe_release(&a, p->bound.columns);
    mmoe_counting_finish(&p->counting, &a);
    mmoe_scratch_finish(&p->own);
    mmoe_release(&a, p);
}

static mmoe_status make(mmoe_program *program, const mmoe_shared *shared,
                        const mmoe_allocator *alloc, mmoe_predictor **out, mmoe_error *err) {
    mmoe_predictor *p = mmoe_alloc_zero(alloc, 1, sizeof *p);
    if (!p) return mmoe_fail_memory(err, sizeof *p);
    p->alloc = p->own.alloc = *alloc;
    p->program = program;
    p->scratch = shared ? shared->scratch : &p->own;
    mmoe_scratch_take(p);
    mmoe_status status = mmoe_scratch_admit(p, program->promised, err);
    if (!status && (!mmoe_counting_init(&p->counting, &program->counted,
                                        shared ? shared->counter : NULL, alloc) ||
                    !mmoe_bound_room(program, alloc, &p->bound)))
        status = mmoe_fail_memory(err, sizeof *p);
    if (status)
        free_predictor(p);
    else
        *out = p;
    return status;
}

mmoe_status mmoe_predictor_of(mmoe_program *program, const mmoe_shared *shared,
                              const mmoe_allocator *alloc, mmoe_predictor **out, mmoe_error *err) {
    mmoe_allocator own;
    if (!mmoe_tally_begin(alloc, &own)) return mmoe_fail_memory(err, sizeof(mmoe_predictor));
    const mmoe_status status = make(program, shared, &own, out, err);
    mmoe_tally_end(&own);
    return status;
}

static mmoe_status check_create(const char *call, const mmoe_model *model, const void *out,
                                const mmoe_allocator *alloc, mmoe_error *err) {
    if (!model || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: model and out must not be NULL", call);
    return mmoe_allocator_check(alloc, call, err);
}

static bool has_final_score(const mmoe_model *model) {
    return model->score || mmoe_model_task_count(model) == 1;
}

static mmoe_status fail_without_score(const mmoe_model *model, const char *call, mmoe_error *err) {
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "%s: the model has %d tasks and no \"score\" that makes one of them", call,
                     (int)mmoe_model_task_count(model));
}

mmoe_status mmoe_predictor_program(const char *call, const mmoe_model *model,
                                   const mmoe_predictor_options *options,
                                   const mmoe_allocator *alloc, mmoe_program **out,
                                   mmoe_error *err) {
    mmoe_program_request wanted = {
        .model = model, .params = &model->params, .product_bytes = MMOE_PRODUCT_BYTES};
    if (options && MMOE_CHECK_RESERVED(options, call, err)) return MMOE_E_ARGUMENT;
    if (options && options->final_scores && !has_final_score(model))
        return fail_without_score(model, call, err);
    if (options && options->product_bytes) wanted.product_bytes = options->product_bytes;
    if (options) {
        wanted.input = options->input;
        wanted.rows = options->rows;
    }
    return mmoe_program_create(&wanted, alloc, out, err);
}

static mmoe_status create_first(const char *call, const mmoe_model *model,
                                const mmoe_predictor_options *options, const mmoe_allocator *alloc,
                                mmoe_predictor **out, mmoe_error *err) {
    mmoe_program *program;
    mmoe_status status = check_create(call, model, out, alloc, err);
    if (status) return status;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    status = mmoe_predictor_program(call, model, options, &a, &program, err);
    if (status) return status;
    status = mmoe_predictor_of(program, NULL, &a, out, err);
    if (status) mmoe_program_leave(program);
    return status;
}

mmoe_status mmoe_predictor_create(const mmoe_model *model, const mmoe_allocator *alloc,
                                  mmoe_predictor **out, mmoe_error *err) {
    return create_first("mmoe_predictor_create", model, NULL, alloc, out, err);
}

mmoe_status mmoe_predictor_create_with(const mmoe_model *model,
                                       const mmoe_predictor_options *options,
                                       const mmoe_allocator *alloc, mmoe_predictor **out,
                                       mmoe_error *err) {
    return create_first("mmoe_predictor_create_with", model, options, alloc, out, err);
}

mmoe_status mmoe_predictor_reserve(mmoe_predictor *p, size_t rows, mmoe_error *err) {
    if (p) return mmoe_scratch_admit(p, rows, err);
    return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_predictor_reserve: predictor is NULL");
}

size_t mmoe_predictor_bytes(const mmoe_predictor *p, size_t *shared) {
    if (shared) *shared = p ? mmoe_tally_bytes(&p->program->alloc) : 0;
    if (!p) return 0;
    const size_t lent = p->scratch == &p->own ? 0 : mmoe_tally_bytes(&p->scratch->alloc);
    return mmoe_tally_bytes(&p->alloc) + lent;
}

size_t mmoe_predictor_products(const mmoe_predictor *p, int32_t *columns) {
    const mmoe_serve_products *products = p ? &p->program->products : NULL;
    if (columns) *columns = p ? products->n_column : 0;
    if (!p) return 0;
    return (size_t)mmoe_program_members(p->program) * (size_t)products->n_row *
           mmoe_products_row(products);
}

mmoe_status mmoe_predictor_clone(const mmoe_predictor *predictor, const mmoe_allocator *alloc,
                                 mmoe_predictor **out, mmoe_error *err) {
    if (!predictor || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_predictor_clone: predictor and out must not be NULL");
    if (mmoe_allocator_check(alloc, "mmoe_predictor_clone", err)) return MMOE_E_ARGUMENT;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_status status = mmoe_program_check(predictor->program, "mmoe_predictor_clone", err);
    if (!status) status = mmoe_predictor_of(predictor->program, NULL, &a, out, err);
    if (!status) mmoe_program_share(predictor->program);
    return status;
}

void mmoe_predictor_free(mmoe_predictor *p) {
    if (!p) return;
    mmoe_program_leave(p->program);
    free_predictor(p);
}

mmoe_status mmoe_predictor_counts(const mmoe_predictor *p, mmoe_counts *out, mmoe_error *err) {
    if (!p || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_predictor_counts: %s is NULL",
                         p ? "out" : "predictor");
    const mmoe_counter *counter = p->counting.to;
    const mmoe_status status =
        mmoe_counts_begin(counter->of->n_column, counter->of->n_task, out, err);
    if (status) return status;
    mmoe_counts_name(counter->of, NULL, out);
    mmoe_counts_compare(p->program->model, NULL, out);
    mmoe_counts_add(counter, NULL, out);
    return MMOE_OK;
}

/* ---- Chunks ---- */

/* A request that was checked; its chunks are nearly equal, and but for the last of a multiple of 8
 * rows. */
typedef struct scoring {
    mmoe_predictor *predictor;
    mmoe_request items;
    bool ranked;
    size_t chunk;
} scoring;

static mmoe_request request_of(const mmoe_predictor *p, int side, const mmoe_batch *batch,
                               const char *call, const char *what) {
    return (mmoe_request){&p->program->sides[side],
                          batch,
                          call,
                          what,
                          p->ids,
                          p->dense,
                          p->room,
                          false,
                          side == MMOE_USER_COLUMNS ? NULL : batch->bad,
                          p->is_bad,
                          p->program->model->schema,
                          NULL};
}

/* The request, in the model's order. */
static mmoe_status check(mmoe_predictor *p, int side, mmoe_request *request, const mmoe_batch *user,
                         mmoe_error *err) {
    const mmoe_bound_request given = {side, request->batch, user, request->call, request->what};
    const mmoe_status status = mmoe_bound_read(p->program, &given, &p->bound, &request->batch, err);
    request->seen = p->counting.seen;
    return status ? status : mmoe_request_check(request, err);
}

static mmoe_status begin(scoring *q, mmoe_predictor *p, const mmoe_batch *user,
                         const mmoe_batch *items, const char *call, mmoe_error *err) {
    const size_t most = (size_t)p->program->chunk;
    const int side = user ? MMOE_ITEM_COLUMNS : MMOE_ALL_COLUMNS;
    const size_t rows = user && !items->rows ? 1 : items->rows; /* a user is read alone, too */
    if (user && user->rows != 1)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the user has %zu rows, not 1", call,
                         user->rows);
    mmoe_status status = mmoe_program_check(p->program, call, err);
    if (!status) status = mmoe_scratch_admit(p, rows, err);
    if (status) return status;
    *q = (scoring){p, request_of(p, side, items, call, user ? "items" : "batch"), user != NULL, 0};
    if (user) {
        mmoe_request one = request_of(p, MMOE_USER_COLUMNS, user, call, "user");
        status = check(p, MMOE_USER_COLUMNS, &one, user, err);
        if (!status && items->rows) mmoe_serve_user(p, &one);
    }
    if (!status) status = check(p, side, &q->items, user, err);
    if (status || !items->rows) mmoe_counting_drop(&p->counting);
    if (status) return status;
    if (user && items->rows) mmoe_counting_user(&p->counting);
    const size_t chunks = items->rows / most + (items->rows % most != 0);
    if (chunks) q->chunk = (items->rows / chunks + (items->rows % chunks != 0) + 7) / 8 * 8;
    if (q->chunk > most) q->chunk = most;
    return MMOE_OK;
}

static int32_t rows_at(const scoring *q, size_t first) {
    const size_t left = q->items.batch->rows - first;
    return (int32_t)(left < q->chunk ? left : q->chunk);
}

/* Rows at fault have none. */
static void score_rows(const scoring *q, size_t first, int32_t rows, float *scores) {
    mmoe_predictor *p = q->predictor;
    const mmoe_bad_rows *told = q->items.bad;
    const size_t n = (size_t)p->program->n_task, before = told ? told->count : 0;
    mmoe_serve_rows(q->predictor, &q->items, q->ranked, first, rows, scores);
    if (!told || told->count == before) {
        mmoe_counting_add(&p->counting, scores, rows, q->ranked);
        return;
    }
    mmoe_counting_add_around(&p->counting, q->items.is_bad, scores, rows, q->ranked);
    for (size_t r = 0; r < (size_t)rows; r++)
        for (size_t t = 0; q->items.is_bad[r] && t < n; t++) scores[r * n + t] = NAN;
}

static mmoe_status score_tasks(mmoe_predictor *p, const mmoe_batch *user, const mmoe_batch *items,
                               float *scores, const char *call, mmoe_error *err) {
    scoring q;
    const mmoe_status status = begin(&q, p, user, items, call, err);
    for (size_t first = 0; !status && first < items->rows; first += q.chunk)
        score_rows(&q, first, rows_at(&q, first), scores + first * (size_t)p->program->n_task);
    return status;
}

mmoe_status mmoe_predictor_run(mmoe_predictor *p, const mmoe_batch *batch, float *scores,
                               mmoe_error *err) {
    const char *const call = "mmoe_predictor_run";
    if (!p || !batch || (batch->rows && !scores))
        return mmoe_fail(err, MMOE_E_ARGUMENT, ARGUMENTS, call);
    return score_tasks(p, NULL, batch, scores, call, err);
}

mmoe_status mmoe_predictor_rank(mmoe_predictor *p, const mmoe_batch *user, const mmoe_batch *items,
                                float *scores, mmoe_error *err) {
    const char *const call = "mmoe_predictor_rank";
    if (!p || !user || !items || (items->rows && !scores))
        return mmoe_fail(err, MMOE_E_ARGUMENT, ARGUMENTS, call);
    return score_tasks(p, user, items, scores, call, err);
}

void mmoe_predictor_rows(mmoe_predictor *p, const mmoe_batch *batch, size_t first, int32_t rows,
                         float *scores) {
    const mmoe_request request = request_of(p, MMOE_ALL_COLUMNS, batch, "rows", "batch");
    mmoe_serve_rows(p, &request, false, first, rows, scores);
}

const float *mmoe_predictor_value(const mmoe_predictor *p, int32_t value, int32_t *ld) {
    const mmoe_serve_chunk c = {
        .program = p->program, .values = p->values, .room = (int32_t)p->room};
    *ld = mmoe_serve_ld(&c, value);
    return mmoe_serve_at(&c, value);
}

/* ---- Final scores ---- */

/* What is made of rows that are checked. */
typedef struct finals {
    mmoe_predictor *predictor;
    const char *call;
    scoring q;
    const mmoe_score *score; /* NULL: the only task's */
} finals;

static mmoe_status begin_finals(finals *f, const mmoe_batch *user, const mmoe_batch *items,
                                const mmoe_expression *expression, mmoe_error *err) {
    const mmoe_model *model = f->predictor->program->model;
    f->score = expression ? expression->score : model->score;
    if (expression && !mmoe_expression_is_of(expression, model))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: the expression is of other tasks than the model's", f->call);
    if (!expression && !has_final_score(model)) return fail_without_score(model, f->call, err);
    return begin(&f->q, f->predictor, user, items, f->call, err);
}

/* Rows' scores of the tasks to p->scores, and final ones to `out`. An expression that is deeper
 * than the model's takes fewer rows at a time. */
static void final_scores(const finals *f, size_t first, int32_t rows, float *out) {
    mmoe_predictor *p = f->predictor;
    const int32_t n = p->program->n_task;
    score_rows(&f->q, first, rows, p->scores);
    if (!f->score) memcpy(out, p->scores, (size_t)rows * sizeof *out);
    for (int32_t at = 0, most; f->score && at < rows; at += most) {
        most = p->stack_floats / f->score->depth;
        if (most > rows - at) most = rows - at;
        mmoe_score_run(f->score, most, p->scores + (size_t)at * (size_t)n, n, p->stack, out + at);
    }
}

static void score_all(const finals *f, const mmoe_scoring *w) {
    const mmoe_predictor *p = f->predictor;
    const size_t n = (size_t)p->program->n_task;
    for (size_t first = 0; first < f->q.items.batch->rows; first += f->q.chunk) {
        const int32_t rows = rows_at(&f->q, first);
        final_scores(f, first, rows, w->scores + first);
        if (w->task_scores)
            memcpy(w->task_scores + first * n, p->scores, (size_t)rows * n * sizeof *p->scores);
    }
}

static void score_best(const finals *f, const mmoe_scoring *w) {
    const mmoe_predictor *p = f->predictor;
    const size_t n = (size_t)p->program->n_task;
    mmoe_best best = {0, w->k, w->rows, w->scores, w->task_scores, (int32_t)n};
    for (size_t first = 0; w->k && first < f->q.items.batch->rows; first += f->q.chunk) {
        const size_t rows = (size_t)rows_at(&f->q, first);
        final_scores(f, first, (int32_t)rows, p->finals);
        for (size_t i = 0; i < rows; i++)
            mmoe_best_push(&best, first + i, p->finals[i], p->scores + i * n);
    }
    mmoe_best_sort(&best);
}

static mmoe_status score_with(mmoe_predictor *p, const mmoe_batch *user, const mmoe_batch *items,
                              const mmoe_scoring *w, const char *call, mmoe_error *err) {
    finals f = {.predictor = p, .call = call};
    const mmoe_status status = begin_finals(&f, user, items, w->expression, err);
    if (status) return status;
    if (w->rows)
        score_best(&f, w);
    else
        score_all(&f, w);
    return MMOE_OK;
}

mmoe_status mmoe_predictor_score_with(mmoe_predictor *p, const mmoe_batch *user,
                                      const mmoe_batch *items, const mmoe_scoring *wanted,
                                      mmoe_error *err) {
    const char *const call = "mmoe_predictor_score_with";
    if (!p || !items || !wanted ||
        (items->rows && !wanted->scores && !(wanted->rows && !wanted->k)))
        return mmoe_fail(err, MMOE_E_ARGUMENT, ARGUMENTS, call);
    return score_with(p, user, items, wanted, call, err);
}

mmoe_status mmoe_predictor_score(mmoe_predictor *p, const mmoe_batch *user, const mmoe_batch *items,
                                 float *scores, mmoe_error *err) {
    const char *const call = "mmoe_predictor_score";
    if (!p || !items || (items->rows && !scores))
        return mmoe_fail(err, MMOE_E_ARGUMENT, ARGUMENTS, call);
    return score_with(p, user, items, &(mmoe_scoring){.scores = scores}, call, err);
}

mmoe_status mmoe_predictor_top(mmoe_predictor *p, const mmoe_batch *user, const mmoe_batch *items,
                               size_t k, size_t *rows, float *scores, mmoe_error *err) {
    const char *const call = "mmoe_predictor_top";
    size_t none;
    if (!p || !items || (items->rows && k && (!rows || !scores)))
        return mmoe_fail(err, MMOE_E_ARGUMENT, ARGUMENTS, call);
    const mmoe_scoring wanted = {.scores = scores, .rows = rows ? rows : &none, .k = k};
    return score_with(p, user, items, &wanted, call, err);
}
