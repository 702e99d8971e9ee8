#include "train/checks.h"

#include "base/error.h"

/* Rows of a sample: a share of them, so that checks take little of an epoch's time, within bounds
 * and fewer where there are very many features. */
enum { SHARE = 48, LEAST_ROWS = 4096, MOST_ROWS = 16384, MOST_CELLS = 1 << 22 };

static mmoe_status take_features(mmoe_checks *c, mmoe_error *err) {
    const struct mmoe_schema *s = c->model->schema;
    const size_t rows = (size_t)c->of_train.rows.rows, n = (size_t)(s->n_sparse + s->n_dense);
    c->features = mmoe_alloc_zero(&c->alloc, n, sizeof *c->features);
    c->order = mmoe_alloc(&c->alloc, n, sizeof *c->order);
    c->told = mmoe_alloc(&c->alloc, n, sizeof *c->told);
    if (!c->features || !c->order || !c->told)
        return mmoe_fail_memory(err, n * sizeof *c->features);
    for (; c->n_feature < (int32_t)n; c->n_feature++) {
        mmoe_checked *f = &c->features[c->n_feature];
        f->numbers = mmoe_alloc(&c->alloc, rows, sizeof *f->numbers);
        if (!f->numbers) return mmoe_fail_memory(err, rows * sizeof *f->numbers);
        mmoe_checked_take(c, c->n_feature, f);
    }
    mmoe_checked_put_in_order(c);
    return MMOE_OK;
}

/* ---- All of them ---- */

static mmoe_status take_memory(mmoe_checks *c, mmoe_error *err) {
    const size_t rows = (size_t)c->of_train.rows.rows, others = (size_t)c->of_valid.rows.rows;
    c->words = mmoe_alloc(&c->alloc, rows > others ? rows : others, sizeof *c->words);
    c->numbers = mmoe_alloc(&c->alloc, rows, sizeof *c->numbers);
    c->counts = mmoe_alloc(&c->alloc, rows, sizeof *c->counts);
    if (!c->words || !c->numbers || !c->counts)
        return mmoe_fail_memory(err, rows * (sizeof *c->words + 2 * sizeof *c->numbers));
    const mmoe_status status = mmoe_sorter_create(2, rows, &c->alloc, &c->sorter, err);
    if (status) return status;
    return mmoe_numbering_open(&c->numbering, rows, &c->alloc, err);
}

static int32_t rows_to_take(const mmoe_checks *c) {
    const int64_t features = c->model->schema->n_sparse + c->model->schema->n_dense,
                  most = MOST_CELLS / (features ? features : 1);
    int64_t rows = c->train->rows / SHARE;
    if (rows < LEAST_ROWS) rows = LEAST_ROWS;
    if (rows > MOST_ROWS) rows = MOST_ROWS;
    return (int32_t)(rows < most ? rows : most);
}

static mmoe_status take_samples(mmoe_checks *c, mmoe_error *err) {
    const int32_t most = rows_to_take(c);
    mmoe_status status = mmoe_sample_take(c->train, most, &c->alloc, &c->of_train, err);
    if (!status && c->valid)
        status = mmoe_sample_take(c->valid, most, &c->alloc, &c->of_valid, err);
    return status;
}

static mmoe_status run_checks(mmoe_checks *c, mmoe_error *err) {
#define CHECK(name) mmoe_check_##name,
    static const mmoe_check checks[] = {MMOE_CHECKS(CHECK)};
#undef CHECK
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < sizeof checks / sizeof *checks; i++)
        status = checks[i](c, err);
    return status;
}

static void finish(mmoe_checks *c) {
    mmoe_sample_finish(&c->of_train);
    mmoe_sample_finish(&c->of_valid);
    for (int32_t i = 0; c->features && i < c->n_feature; i++)
        mmoe_release(&c->alloc, c->features[i].numbers);
    mmoe_release(&c->alloc, c->features);
    mmoe_release(&c->alloc, c->order);
    mmoe_release(&c->alloc, c->told);
    mmoe_release(&c->alloc, c->words);
    mmoe_release(&c->alloc, c->numbers);
    mmoe_release(&c->alloc, c->counts);
    mmoe_sorter_free(c->sorter);
    mmoe_numbering_close(&c->numbering);
    mmoe_warnings_finish(&c->list);
}

mmoe_status mmoe_checks_make(const mmoe_checks_request *of, mmoe_error *err) {
    const mmoe_allocator alloc = of->model->alloc;
    mmoe_checks c = {.alloc = alloc,
                     .model = of->model,
                     .train = of->train,
                     .valid = of->valid,
                     .of_train = {.alloc = alloc},
                     .of_valid = {.alloc = alloc},
                     .list = {.alloc = alloc}};
    mmoe_status status = take_samples(&c, err);
    if (!status) status = take_memory(&c, err);
    if (!status) status = take_features(&c, err);
    if (!status) status = run_checks(&c, err);
    for (size_t i = 0; !status && i < c.list.count; i++) of->on_warning(of->user, &c.list.items[i]);
    finish(&c);
    return status;
}
