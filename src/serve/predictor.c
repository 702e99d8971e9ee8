#include <math.h>
#include <string.h>

#include "base/error.h"
#include "serve/predictor.h"
#include "serve/products.h"
#include "serve/run.h"

#define ARGUMENTS "%s: an argument is NULL"

/* ---- Life ---- */

mmoe_status mmoe_predictor_of(mmoe_program *program, const mmoe_allocator *alloc,
                              mmoe_predictor **out, mmoe_error *err) {
    const size_t chunk = (size_t)program->chunk, tasks = (size_t)program->n_task;
    const mmoe_score *score = program->model->score;
    const size_t counts[] = {program->chunk_floats,
                             (size_t)program->first_cols,
                             chunk * (size_t)program->model->schema->dense_width,
                             chunk,
                             chunk * tasks,
                             chunk,
                             score ? chunk * (size_t)score->depth : 0,
                             chunk * (size_t)program->model->schema->n_sparse,
                             chunk * (size_t)program->products.n_column};
    enum { PARTS = sizeof counts / sizeof *counts, LINE = 16 };
    size_t at[PARTS], total = 0;
    for (int i = 0; i < PARTS; i++) {
        at[i] = total;
        total += (counts[i] + LINE - 1) / LINE * LINE;
    }
    mmoe_bound_batch bound = {.columns = NULL};
    mmoe_predictor *p = mmoe_alloc_zero(alloc, 1, sizeof *p);
    float *memory = p ? mmoe_alloc_aligned(alloc, total, sizeof *memory) : NULL;
    if (!memory || !mmoe_bound_room(program, alloc, &bound)) {
        mmoe_release_aligned(alloc, memory);
        mmoe_release(alloc, p);
        return mmoe_fail_memory(err, total * sizeof *memory);
    }
    _Static_assert(sizeof(int32_t) == sizeof(float), "ids stand in the floats' memory");
    *p = (mmoe_predictor){*alloc,
                          program,
                          memory + at[0],
                          memory + at[1],
                          memory + at[2],
                          memory + at[3],
                          memory + at[4],
                          memory + at[5],
                          memory + at[6],
                          (int32_t *)(void *)(memory + at[7]),
                          (int32_t *)(void *)(memory + at[8]),
                          bound};
    *out = p;
    return MMOE_OK;
}

static mmoe_status check_create(const char *call, const mmoe_model *model,
                                const mmoe_predictor_options *options, const mmoe_allocator *alloc,
                                mmoe_predictor **out, mmoe_error *err) {
    if (!model || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: model and out must not be NULL", call);
    for (size_t i = 0; options && i < sizeof options->reserved / sizeof *options->reserved; i++)
        if (options->reserved[i])
            return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the options' reserved members must be NULL",
                             call);
    return mmoe_allocator_check(alloc, call, err);
}

static mmoe_status create_first(const mmoe_program_request *wanted, const mmoe_allocator *alloc,
                                mmoe_predictor **out, mmoe_error *err) {
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_program *program;
    mmoe_status status = mmoe_program_create(wanted, &a, &program, err);
    if (status) return status;
    status = mmoe_predictor_of(program, &a, out, err);
    if (status) mmoe_program_leave(program);
    return status;
}

mmoe_status mmoe_predictor_create(const mmoe_model *model, const mmoe_allocator *alloc,
                                  mmoe_predictor **out, mmoe_error *err) {
    const mmoe_status status = check_create("mmoe_predictor_create", model, NULL, alloc, out, err);
    if (status) return status;
    const mmoe_program_request wanted = {model, &model->params, MMOE_PRODUCT_BYTES, NULL};
    return create_first(&wanted, alloc, out, err);
}

mmoe_status mmoe_predictor_create_with(const mmoe_model *model,
                                       const mmoe_predictor_options *options,
                                       const mmoe_allocator *alloc, mmoe_predictor **out,
                                       mmoe_error *err) {
    const mmoe_status status =
        check_create("mmoe_predictor_create_with", model, options, alloc, out, err);
    if (status) return status;
    mmoe_program_request wanted = {model, &model->params, MMOE_PRODUCT_BYTES, NULL};
    if (options && options->product_bytes) wanted.product_bytes = options->product_bytes;
    if (options) wanted.input = options->input;
    return create_first(&wanted, alloc, out, err);
}

size_t mmoe_predictor_products(const mmoe_predictor *p, int32_t *columns) {
    const mmoe_serve_products *products = &p->program->products;
    if (columns) *columns = products->n_column;
    return (size_t)products->n_row * mmoe_products_row(products);
}

mmoe_status mmoe_predictor_clone(const mmoe_predictor *predictor, const mmoe_allocator *alloc,
                                 mmoe_predictor **out, mmoe_error *err) {
    if (!predictor || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_predictor_clone: predictor and out must not be NULL");
    if (mmoe_allocator_check(alloc, "mmoe_predictor_clone", err)) return MMOE_E_ARGUMENT;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    const mmoe_status status = mmoe_predictor_of(predictor->program, &a, out, err);
    if (!status) mmoe_program_share(predictor->program);
    return status;
}

void mmoe_predictor_free(mmoe_predictor *p) {
    if (!p) return;
    const mmoe_allocator a = p->alloc;
    mmoe_program_leave(p->program);
    mmoe_release(&a, p->bound.columns);
    mmoe_release_aligned(&a, p->values);
    mmoe_release(&a, p);
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
    return (mmoe_request){&p->program->sides[side],  batch, call, what, p->ids, p->dense,
                          (size_t)p->program->chunk, false};
}

/* The request, in the model's order. */
static mmoe_status check(mmoe_predictor *p, int side, mmoe_request *request, const mmoe_batch *user,
                         mmoe_error *err) {
    const mmoe_bound_request given = {side, request->batch, user, request->call, request->what};
    const mmoe_status status = mmoe_bound_read(p->program, &given, &p->bound, &request->batch, err);
    return status ? status : mmoe_request_check(request, err);
}

static mmoe_status begin(scoring *q, mmoe_predictor *p, const mmoe_batch *user,
                         const mmoe_batch *items, const char *call, mmoe_error *err) {
    const size_t most = (size_t)p->program->chunk;
    const int side = user ? MMOE_ITEM_COLUMNS : MMOE_ALL_COLUMNS;
    *q = (scoring){p, request_of(p, side, items, call, user ? "items" : "batch"), user != NULL, 0};
    if (user && user->rows != 1)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the user has %zu rows, not 1", call,
                         user->rows);
    mmoe_status status = MMOE_OK;
    if (user) {
        mmoe_request one = request_of(p, MMOE_USER_COLUMNS, user, call, "user");
        status = check(p, MMOE_USER_COLUMNS, &one, user, err);
        if (!status && items->rows) mmoe_serve_user(p, &one);
    }
    if (!status) status = check(p, side, &q->items, user, err);
    if (status) return status;
    const size_t chunks = items->rows / most + (items->rows % most != 0);
    if (chunks) q->chunk = (items->rows / chunks + (items->rows % chunks != 0) + 7) / 8 * 8;
    if (q->chunk > most) q->chunk = most;
    return MMOE_OK;
}

static int32_t rows_at(const scoring *q, size_t first) {
    const size_t left = q->items.batch->rows - first;
    return (int32_t)(left < q->chunk ? left : q->chunk);
}

static mmoe_status score_tasks(mmoe_predictor *p, const mmoe_batch *user, const mmoe_batch *items,
                               float *scores, const char *call, mmoe_error *err) {
    scoring q;
    const mmoe_status status = begin(&q, p, user, items, call, err);
    for (size_t first = 0; !status && first < items->rows; first += q.chunk)
        mmoe_serve_rows(p, &q.items, q.ranked, first, rows_at(&q, first),
                        scores + first * (size_t)p->program->n_task);
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

/* ---- Final scores ---- */

static mmoe_status check_final(const mmoe_program *program, const char *call, mmoe_error *err) {
    if (program->model->score || program->n_task == 1) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "%s: the model has %d tasks and no \"score\" that makes one of them", call,
                     (int)program->n_task);
}

static void final_scores(const scoring *q, size_t first, int32_t rows, float *out) {
    mmoe_predictor *p = q->predictor;
    const mmoe_score *score = p->program->model->score;
    mmoe_serve_rows(p, &q->items, q->ranked, first, rows, score ? p->scores : out);
    if (score) mmoe_score_run(score, rows, p->scores, p->program->n_task, p->stack, out);
}

mmoe_status mmoe_predictor_score(mmoe_predictor *p, const mmoe_batch *user, const mmoe_batch *items,
                                 float *scores, mmoe_error *err) {
    const char *const call = "mmoe_predictor_score";
    if (!p || !items || (items->rows && !scores))
        return mmoe_fail(err, MMOE_E_ARGUMENT, ARGUMENTS, call);
    scoring q;
    mmoe_status status = check_final(p->program, call, err);
    if (!status) status = begin(&q, p, user, items, call, err);
    for (size_t first = 0; !status && first < items->rows; first += q.chunk)
        final_scores(&q, first, rows_at(&q, first), scores + first);
    return status;
}

/* The best so far: a heap with the worst of them on top. */
typedef struct heap {
    size_t count, capacity;
    size_t *rows;
    float *scores;
} heap;

static bool before(float a, size_t row_a, float b, size_t row_b) {
    const bool a_is_number = !isnan(a), b_is_number = !isnan(b);
    if (a_is_number != b_is_number) return a_is_number;
    if (a_is_number && a != b) return a > b;
    return row_a < row_b;
}

static bool comes_before(const heap *h, size_t i, size_t j) {
    return before(h->scores[i], h->rows[i], h->scores[j], h->rows[j]);
}

static void swap(heap *h, size_t i, size_t j) {
    const size_t row = h->rows[i];
    const float score = h->scores[i];
    h->rows[i] = h->rows[j];
    h->scores[i] = h->scores[j];
    h->rows[j] = row;
    h->scores[j] = score;
}

static void sink(heap *h, size_t i) {
    for (size_t worst = i;; i = worst) {
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < h->count; child++)
            if (comes_before(h, worst, child)) worst = child;
        if (worst == i) return;
        swap(h, i, worst);
    }
}

static void push(heap *h, size_t row, float score) {
    if (h->count < h->capacity) {
        size_t i = h->count++;
        h->rows[i] = row;
        h->scores[i] = score;
        for (; i && comes_before(h, (i - 1) / 2, i); i = (i - 1) / 2) swap(h, i, (i - 1) / 2);
    } else if (before(score, row, h->scores[0], h->rows[0])) {
        h->rows[0] = row;
        h->scores[0] = score;
        sink(h, 0);
    }
}

mmoe_status mmoe_predictor_top(mmoe_predictor *p, const mmoe_batch *user, const mmoe_batch *items,
                               size_t k, size_t *rows, float *scores, mmoe_error *err) {
    const char *const call = "mmoe_predictor_top";
    if (!p || !items || (items->rows && k && (!rows || !scores)))
        return mmoe_fail(err, MMOE_E_ARGUMENT, ARGUMENTS, call);
    scoring q;
    mmoe_status status = check_final(p->program, call, err);
    if (!status) status = begin(&q, p, user, items, call, err);
    if (status || k == 0) return status;
    heap h = {0, k, rows, scores};
    for (size_t first = 0; first < items->rows; first += q.chunk) {
        const int32_t n = rows_at(&q, first);
        final_scores(&q, first, n, p->finals);
        for (int32_t i = 0; i < n; i++) push(&h, first + (size_t)i, p->finals[i]);
    }
    while (h.count > 1) { /* the worst goes to the end */
        swap(&h, 0, --h.count);
        sink(&h, 0);
    }
    return MMOE_OK;
}
