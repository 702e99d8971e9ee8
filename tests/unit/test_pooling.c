/* Lists of ids in a graph: loss, predictions and the tables' gradients against sums in double
 * precision; and what must be the same to the bit. */
#include "check_main.h"
#include "lists_support.h"

enum { ROWS = 300, MAX_LEN = 3, THREADS = 3, NONE = -1 };

/* The last three are larger than what one task adds up. */
static const struct {
    int64_t rows;
    int32_t dim;
} sizes[] = {{7, 3}, {7, 4}, {7, 8}, {7, 16}, {9, 32}, {13200, 5}, {4200, 16}, {2100, 32}};

static const wiring wirings[] = {
    {1, 1, 0, {{true, 1, 0}}}, /* no id at all */
    {3, 3, 3, {{false, 2, 0}, {true, 1, 1}, {false, 0, 2}}},
    {3, 2, 3, {{true, 0, 0}, {false, 1, 0}, {false, 0, 1}}}, /* an id shares the list's table */
    {3, 2, 3, {{true, 1, 1}, {false, 0, 0}, {true, 0, 1}}},  /* two lists share one */
};

enum {
    SMALL = 5,
    LARGE = sizeof sizes / sizeof *sizes - SMALL,
    WIRINGS = sizeof wirings / sizeof *wirings,
    UNWEIGHTED = 2 * WIRINGS * MMOE_POOLING_COUNT * 2,
    SETTINGS = 2 * UNWEIGHTED
};

/* Of a number: small and large tables, wirings, poolings, with a dropped row and without, and last
 * unweighted and weighted; the tables of each are of sizes that take turns. */
static setting setting_of(int number, bool *weighted) {
    const int others = number / 2, how = others / WIRINGS % MMOE_POOLING_COUNT,
              drops = others / WIRINGS / MMOE_POOLING_COUNT % 2,
              size = number % 2 ? SMALL + others % LARGE : others % SMALL;
    *weighted = number >= UNWEIGHTED;
    return (setting){.w = wirings[others % WIRINGS],
                     .bag = {.how = (mmoe_pooling)how, MAX_LEN, .dropped = drops ? 0 : NONE},
                     .rows = sizes[size].rows,
                     .dim = sizes[size].dim,
                     .padding = NO_PADDING};
}

/* ---- Lists of all sorts ---- */

/* Row 0, which may be dropped, is an element more often than others. */
static int32_t draw_element(int64_t i, int64_t table_rows) {
    return draw(i, 4) ? draw(i * 5 + 3, table_rows) : 0;
}

static void fill_list(rows *r, int32_t list, int64_t table_rows) {
    enum { EMPTY, DROPPED, ONE, MANY, TWICE, WEIGHTLESS, SORTS };
    const int32_t sort = draw(list, SORTS), many = 2 + draw(list + 7, MOST_ELEMENTS - 1);
    const int32_t lengths[SORTS] = {0, 1 + list % 3, 1, many, many, many};
    const int64_t first = rows_extend(r, list, lengths[sort]);
    for (int32_t i = 0; i < lengths[sort]; i++) {
        const int64_t at = first + i;
        r->elements[at] = sort == DROPPED ? 0 : draw_element(at, table_rows);
        if (sort == TWICE && i) r->elements[at] = r->elements[first + i / 2];
        r->weights[at] = sort == WEIGHTLESS ? 0 : (float)draw(at + 3, 9) / 4;
    }
}

static void rows_fill(rows *r, int64_t table_rows) {
    rows_init(r, ROWS, MOST_ELEMENTS);
    for (int32_t b = 0; b < ROWS; b++) {
        for (int32_t i = 0; i < LOOKUPS; i++)
            r->ids[b * LOOKUPS + i] = draw(b * LOOKUPS + i + 17, table_rows);
        for (int32_t l = 0; l < LISTS; l++) fill_list(r, b * LISTS + l, table_rows);
        r->labels[b] = (float)draw(b, 7);
    }
}

/* Rows of an order of their own, some of them twice. */
static void shuffle(uint32_t *index) {
    for (int32_t b = 0; b < ROWS; b++) index[b] = (uint32_t)draw(b + 5, ROWS);
}

/* ---- Against sums in double precision ---- */

static void check_gradient(const problem *p, const double *wanted) {
    const int64_t end = p->params.blocks[p->params.n_table].place;
    double most = 0;
    for (int64_t i = 0; i < end; i++) most = fmax(most, fabs(wanted[i]));
    ck_assert(most > 0);
    for (int64_t i = 0; i < end; i++)
        if (!(fabs(p->gradient[i] - wanted[i]) <= 4e-6 * most))
            ck_abort_msg("value %d: %g, not %g", (int)i, p->gradient[i], wanted[i]);
}

static void check_step(problem *p, const mmoe_rows *batch) {
    const size_t size = (size_t)p->params.n_whole;
    double *wanted = calloc(size, sizeof *wanted);
    const double wanted_loss = plain_step(p, batch, wanted);
    step(p, batch, NULL);
    ck_assert_msg(fabs(p->loss - wanted_loss) <= 1e-6 * wanted_loss, "loss %g, not %g", p->loss,
                  wanted_loss);
    check_gradient(p, wanted);
    free(wanted);
}

static void check_predictions(problem *p, const mmoe_rows *batch) {
    float out[ROWS];
    predict(p, batch, NULL, out);
    for (int32_t b = 0; b < batch->rows; b++) {
        const double z = plain_output(p, batch, b);
        if (!(fabs(out[b] - z) <= 2e-6 * fmax(8, fabs(z))))
            ck_abort_msg("row %d: %g, not %g", (int)b, out[b], z);
    }
}

START_TEST(lists_are_pooled_and_learnt) {
    bool weighted;
    const setting s = setting_of(_i, &weighted);
    problem p;
    rows r;
    uint32_t index[ROWS];
    problem_init(&p, &s);
    rows_fill(&r, s.rows);
    mmoe_rows batch = rows_batch(&r, weighted);
    check_step(&p, &batch);
    shuffle(index);
    batch.index = index;
    check_step(&p, &batch);
    check_predictions(&p, &batch);
    problem_finish(&p);
    rows_finish(&r);
}
END_TEST

/* ---- A row of padding ---- */

static void check_drawn(problem *p, const setting *s) {
    mmoe_error err;
    ck_assert(!mmoe_params_draw(&p->params, &p->graph->tensors, 5, &err));
    for (int32_t t = 0; t < s->w.n_table; t++)
        for (int64_t i = 0; i < (s->rows + t) * s->dim; i++)
            if ((mmoe_params_rows(&p->params, t)[i] == 0) != (i / s->dim == s->padding))
                ck_abort_msg("table %d: value %d", (int)t, (int)i);
}

/* An element that is the row counts, unless its list drops it; its gradient is left out. */
START_TEST(padding_is_zero_and_not_learnt) {
    bool weighted;
    setting s = setting_of(_i, &weighted);
    s.padding = s.bag.dropped == 0 ? 0 : 2;
    if (_i % 2) s.padding = s.rows - 2; /* of a large table: in its last range */
    problem p;
    rows r;
    problem_init(&p, &s);
    rows_fill(&r, s.rows);
    for (int32_t i = 0; i < ROWS * LISTS; i++)
        if (i % 3 && r.offsets[i] < r.offsets[i + 1]) r.elements[r.offsets[i]] = (int32_t)s.padding;
    for (int32_t i = 0; i < ROWS * LOOKUPS; i += 5) r.ids[i] = (int32_t)s.padding;
    const mmoe_rows batch = rows_batch(&r, weighted);
    double *wanted = calloc((size_t)p.params.n_whole, sizeof *wanted);
    plain_step(&p, &batch, wanted);
    for (int32_t t = 0; t < s.w.n_table; t++)
        memset(wanted + p.params.blocks[t].place + s.padding * s.dim, 0,
               (size_t)s.dim * sizeof *wanted);
    step(&p, &batch, NULL);
    check_gradient(&p, wanted);
    for (int32_t t = 0; t < s.w.n_table; t++)
        for (int64_t c = 0; c < s.dim; c++)
            ck_assert(p.gradient[p.params.blocks[t].place + s.padding * s.dim + c] == 0);
    check_drawn(&p, &s);
    free(wanted);
    problem_finish(&p);
    rows_finish(&r);
}
END_TEST

/* ---- To the bit ---- */

static void check_same(const problem *a, const problem *b) {
    ck_assert_int_eq(a->params.n_whole, b->params.n_whole);
    ck_assert(memcmp(&a->loss, &b->loss, sizeof a->loss) == 0);
    ck_assert_mem_eq(a->gradient, b->gradient, (size_t)a->params.n_whole * sizeof *a->gradient);
}

START_TEST(threads_do_not_count) {
    bool weighted;
    const setting s = setting_of(_i, &weighted);
    problem one, three;
    rows r;
    mmoe_pool *workers;
    mmoe_error err;
    float expected[ROWS], got[ROWS];
    ck_assert(!mmoe_pool_create(THREADS, NULL, &workers, &err));
    problem_init(&one, &s);
    problem_init(&three, &s);
    rows_fill(&r, s.rows);
    const mmoe_rows batch = rows_batch(&r, weighted);
    step(&one, &batch, NULL);
    step(&three, &batch, workers);
    check_same(&one, &three);
    predict(&one, &batch, NULL, expected);
    predict(&three, &batch, workers, got);
    ck_assert_mem_eq(got, expected, sizeof got);
    mmoe_pool_free(workers);
    problem_finish(&one);
    problem_finish(&three);
    rows_finish(&r);
}
END_TEST

/* Look-ups of lists become those of the ids that are their only elements; in a mean, whatever these
 * weigh. */
START_TEST(a_list_of_one_is_its_id) {
    static const float odd_weights[] = {1.0f / 7, 3, 0.1f, 1e18f, 1e-37f, 1};
    bool weighted;
    setting lists = setting_of(_i, &weighted), ids;
    if (weighted && lists.bag.how != MMOE_POOL_MEAN) return;
    lists.w = (wiring){3, 3, 3, {{true, 1, 0}, {false, 2, 1}, {true, 0, 2}}};
    lists.bag.max_len = 1;
    ids = lists;
    for (int32_t i = 0; i < LOOKUPS; i++) ids.w.places[i].is_list = false;
    problem p, q;
    rows r;
    rows_fill(&r, lists.rows);
    for (int32_t i = 0; i < ROWS * LISTS; i++) {
        const int64_t at = rows_extend(&r, i, 1);
        r.elements[at] = r.ids[i / LISTS * LOOKUPS + i % LISTS];
        r.elements[at] += r.elements[at] == lists.bag.dropped;
        r.ids[i / LISTS * LOOKUPS + i % LISTS] = r.elements[at];
        r.weights[at] = odd_weights[draw(at, sizeof odd_weights / sizeof *odd_weights)];
    }
    problem_init(&p, &lists);
    problem_init(&q, &ids);
    const mmoe_rows batch = rows_batch(&r, weighted);
    step(&p, &batch, NULL);
    step(&q, &batch, NULL);
    check_same(&p, &q);
    problem_finish(&p);
    problem_finish(&q);
    rows_finish(&r);
}
END_TEST

/* Weights that are all the largest one are as good as none to a mean, and finite in a sum. */
START_TEST(the_largest_weights_are_finite) {
    const setting s = {.w = wirings[0],
                       .bag = {_i ? MMOE_POOL_SUM : MMOE_POOL_MEAN, 0, NONE},
                       .rows = 7,
                       .dim = 16,
                       .padding = NO_PADDING};
    problem p;
    rows r;
    float heavy[ROWS], light[ROWS];
    problem_init(&p, &s);
    rows_fill(&r, s.rows);
    for (int64_t i = 0; i < r.offsets[ROWS * LISTS]; i++) r.weights[i] = MMOE_MOST_WEIGHT;
    const mmoe_rows weighed = rows_batch(&r, true), plain = rows_batch(&r, false);
    predict(&p, &weighed, NULL, heavy);
    predict(&p, &plain, NULL, light);
    for (int32_t b = 0; b < ROWS; b++) {
        if (!isfinite(heavy[b])) ck_abort_msg("row %d is %g", (int)b, heavy[b]);
        if (!_i && !(fabsf(heavy[b] - light[b]) <= 1e-5f))
            ck_abort_msg("row %d: %g, not %g", (int)b, heavy[b], light[b]);
    }
    problem_finish(&p);
    rows_finish(&r);
}
END_TEST

/* The elements of `from`, and dropped ones before, between and behind them. */
static void pad_lists(rows *to, const rows *from, int32_t dropped) {
    rows_init(to, ROWS, 2 * MOST_ELEMENTS + 2);
    memcpy(to->ids, from->ids, sizeof *to->ids * ROWS * LOOKUPS);
    memcpy(to->labels, from->labels, sizeof *to->labels * ROWS);
    for (int32_t list = 0; list < ROWS * LISTS; list++) {
        int64_t at = rows_extend(to, list, 0), i = from->offsets[list];
        for (int32_t k = 0; i < from->offsets[list + 1] || k < 2; k++) {
            const bool pads = i == from->offsets[list + 1] || draw(at, 2);
            to->elements[at] = pads ? dropped : from->elements[i];
            to->weights[at] = pads ? 2.5f : from->weights[i];
            at++;
            i += !pads;
            if (at - to->offsets[list] == 2 * MOST_ELEMENTS + 2) break;
        }
        if (i != from->offsets[list + 1]) ck_abort_msg("no room for list %d", (int)list);
        to->offsets[list + 1] = at;
    }
}

START_TEST(ragged_lists_are_padded_ones) {
    bool weighted;
    setting s = setting_of(_i, &weighted);
    s.bag.dropped = 5;
    problem p, q;
    rows ragged, padded;
    rows_fill(&ragged, s.rows);
    for (int64_t i = 0; i < ragged.offsets[ROWS * LISTS]; i++)
        ragged.elements[i] += ragged.elements[i] == s.bag.dropped;
    pad_lists(&padded, &ragged, (int32_t)s.bag.dropped);
    problem_init(&p, &s);
    problem_init(&q, &s);
    const mmoe_rows a = rows_batch(&ragged, weighted), b = rows_batch(&padded, weighted);
    step(&p, &a, NULL);
    step(&q, &b, NULL);
    check_same(&p, &q);
    problem_finish(&p);
    problem_finish(&q);
    rows_finish(&ragged);
    rows_finish(&padded);
}
END_TEST

/* ---- Equal values ---- */

/* Rows 3 and 4 are the same, and larger than row 1; the first of them gets all. */
START_TEST(the_first_of_the_largest_learns) {
    enum { DROPPED = 2 };
    static const int32_t lists[][5] = {{1, 3, 4, 3, 1}, {4, 1, 3, 3, 4}, {2, 3, 3, 4, 2}};
    static const int32_t first[] = {3, 4, 3};
    setting s = {.w = wirings[0], .bag = {MMOE_POOL_MAX, 0, DROPPED}, .rows = 6, .dim = 4};
    s.padding = NO_PADDING;
    problem p;
    rows r;
    problem_init(&p, &s);
    rows_init(&r, 1, 5);
    float *table = mmoe_params_rows(&p.params, 0);
    static const float values[6] = {9, -2, 7, -1, -1, -1};
    for (int32_t i = 0; i < 6 * 4; i++) table[i] = values[i / 4];
    rows_extend(&r, 0, 0);
    memcpy(r.elements + rows_extend(&r, 1, 5), lists[_i], sizeof lists[_i]);
    r.labels[0] = 1;
    const mmoe_rows batch = rows_batch(&r, false);
    step(&p, &batch, NULL);
    for (int32_t i = 0; i < 6 * 4; i++) ck_assert_int_eq(p.gradient[i] != 0, i / 4 == first[_i]);
    problem_finish(&p);
    rows_finish(&r);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, lists_are_pooled_and_learnt, 0, SETTINGS);
    tcase_add_loop_test(c, padding_is_zero_and_not_learnt, 0, UNWEIGHTED);
    tcase_add_loop_test(c, threads_do_not_count, UNWEIGHTED, SETTINGS);
    tcase_add_loop_test(c, a_list_of_one_is_its_id, 0, SETTINGS);
    tcase_add_loop_test(c, the_largest_weights_are_finite, 0, 2);
    tcase_add_loop_test(c, ragged_lists_are_padded_ones, 0, SETTINGS);
    tcase_add_loop_test(c, the_first_of_the_largest_learns, 0, 3);
}
