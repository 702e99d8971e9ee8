/* What lists may not look like: an error that names row and column, and no score is written. */
#include "predictor_lists_support.h"

enum { FIRST = 2 * GROUP, FEW = 5 }; /* rows of the batches */
enum { BOUGHT, TAGS, SEEN, RECENT, WORDS, TOWNS, SHOPS };

static float untouched[ROWS * TASKS];

static void refused(mmoe_status got, mmoe_status want, int64_t row, const char *column,
                    const char *message) {
    ck_assert_msg(got == want, "status %d, not %d: %s", got, want, err.message);
    ck_assert_msg(strstr(err.message, message), "\"%s\" lacks \"%s\"", err.message, message);
    ck_assert_int_eq(err.row, row);
    ck_assert_str_eq(err.column, column);
    ck_assert_mem_eq(scores, untouched, sizeof scores);
    err = (mmoe_error){0};
}

static void refuse(const mmoe_batch *batch, mmoe_status want, int64_t row, const char *column,
                   const char *message) {
    size_t best[FEW];
    memset(untouched, 0x55, sizeof untouched);
    memset(scores, 0x55, sizeof scores);
    refused(mmoe_predictor_run(predictor, batch, scores, &err), want, row, column, message);
    refused(mmoe_predictor_score(predictor, NULL, batch, scores, &err), want, row, column, message);
    refused(mmoe_predictor_top(predictor, NULL, batch, 2, best, scores, &err), want, row, column,
            message);
    ck_assert_int_eq(mmoe_predictor_run(predictor, batch, scores, NULL), want);
}

static void scored(const mmoe_batch *batch) {
    ok(mmoe_predictor_run(predictor, batch, scores, &err), &err);
    ck_assert_mem_eq(scores, expected + FIRST * TASKS, batch->rows * TASKS * sizeof *scores);
}

/* ---- Raw lists ---- */

static raw_rows rows;

static mmoe_list_column *list(int which) {
    raw(&rows, OF_ALL, FIRST, FEW, false);
    return &rows.lists[which];
}

static size_t offsets[FEW + 1];
static float weights[MOST];
static int64_t ids[MOST];
static int32_t numbers_of_rows[MOST];

/* A list column of which all may be written to. The row's lists have 2 values each. */
static mmoe_list_column *own_list(int which) {
    mmoe_list_column *c = list(which);
    for (size_t i = 0; i <= FEW; i++) offsets[i] = 2 * i;
    for (size_t i = 0; i < 2 * FEW; i++) {
        weights[i] = 1;
        ids[i] = (int64_t)i;
        numbers_of_rows[i] = (int32_t)i;
    }
    rows.sparse[IDS + which] = (mmoe_column){.type = MMOE_VALUE_INT64, .values = ids};
    *c = (mmoe_list_column){.offsets = offsets, .count = 2 * FEW};
    ok(mmoe_predictor_run(predictor, &rows.batch, scores, &err), &err);
    return c;
}

START_TEST(offsets_that_lack) {
    list(SHOPS);
    scored(&rows.batch);
    list(SHOPS)->offsets = NULL;
    refuse(&rows.batch, MMOE_E_ARGUMENT, 0, "shops", "the column is a list and lacks offsets");
}
END_TEST

START_TEST(offsets_that_descend_or_pass) {
    mmoe_list_column *c = own_list(SHOPS);
    offsets[3] = 3;
    refuse(&rows.batch, MMOE_E_ARGUMENT, 3, "shops", "its offsets descend");
    offsets[3] = 6;
    c->count = 2 * FEW - 1;
    refuse(&rows.batch, MMOE_E_ARGUMENT, FEW, "shops", "its offsets pass the values");
    c->count = 2 * FEW;
    offsets[2] = SIZE_MAX;
    refuse(&rows.batch, MMOE_E_ARGUMENT, 2, "shops", "its offsets pass the values");
    offsets[0] = SIZE_MAX;
    refuse(&rows.batch, MMOE_E_ARGUMENT, 1, "shops", "its offsets");
    offsets[0] = 1;
    offsets[2] = 4;
    ok(mmoe_predictor_run(predictor, &rows.batch, scores, &err), &err);
}
END_TEST

static const float no_weights[] = {-1, -1e-30f, NAN, INFINITY, -INFINITY};
enum { BAD_WEIGHTS = sizeof no_weights / sizeof *no_weights };

START_TEST(weights_that_are_none) {
    for (int which = BOUGHT; which <= SHOPS; which++) {
        const bool may = which == BOUGHT, sums = may || which == SHOPS;
        mmoe_list_column *c =
            which == TAGS || which == WORDS || which == TOWNS ? NULL : own_list(which);
        if (!c) continue;
        c->weights = weights;
        weights[6] = no_weights[_i];
        refuse(&rows.batch, MMOE_E_ARGUMENT, 4, columns[IDS + which].name,
               "a weight is not a number of at least 0");
        weights[6] = 0.5F;
        if (!may)
            refuse(&rows.batch, MMOE_E_ARGUMENT, 4, columns[IDS + which].name,
                   sums ? "it has no weights but 1: the configuration gives it no weight_separator"
                        : "lists that are pooled by max or concat have no weights but 1");
        weights[6] = 1.1e18F;
        if (may)
            refuse(&rows.batch, MMOE_E_ARGUMENT, 4, columns[IDS + which].name,
                   "a weight is more than 1e18");
        weights[6] = 1;
        ok(mmoe_predictor_run(predictor, &rows.batch, scores, &err), &err);
    }
}
END_TEST

START_TEST(elements_outside_their_table) {
    static const int64_t bad[] = {-1, 400, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        own_list(BOUGHT);
        ids[5] = bad[i];
        refuse(&rows.batch, MMOE_E_DATA, 3, "bought", "outside of the table's rows 0 to 399");
        own_list(BOUGHT);
        rows.sparse[IDS + BOUGHT] =
            (mmoe_column){.type = MMOE_VALUE_ROW, .values = numbers_of_rows};
        numbers_of_rows[7] = bad[i] == 400 ? 400 : -1;
        refuse(&rows.batch, MMOE_E_ARGUMENT, 4, "bought", "is outside 0 to 399");
    }
    own_list(SEEN);
    ids[9] = 90;
    refuse(&rows.batch, MMOE_E_DATA, FEW, "seen", "outside of the table's rows 0 to 89");
}
END_TEST

START_TEST(values_that_lack) {
    mmoe_column *shops = &rows.sparse[IDS + SHOPS];
    own_list(SHOPS);
    shops->values = NULL;
    refuse(&rows.batch, MMOE_E_ARGUMENT, 0, "shops", "the column's values are NULL");
    own_list(SHOPS);
    shops->stride = 4;
    refuse(&rows.batch, MMOE_E_ARGUMENT, 0, "shops", "less than a value's 8");
    own_list(SHOPS);
    shops->type = MMOE_VALUE_INPUT;
    refuse(&rows.batch, MMOE_E_ARGUMENT, 0, "shops", "no type of a sparse column's values");
    mmoe_list_column *c = own_list(SHOPS);
    *shops = (mmoe_column){.type = MMOE_VALUE_INT64};
    c->count = 0;
    memset(offsets, 0, sizeof offsets);
    ok(mmoe_predictor_run(predictor, &rows.batch, scores, &err), &err);
    c->offsets = NULL;
    rows.batch.rows = 0;
    ok(mmoe_predictor_run(predictor, &rows.batch, scores, &err), &err);
}
END_TEST

/* ---- Encoded lists ---- */

static encoded_rows few;

static mmoe_lists *lists(void) {
    side_of_rows(&few, OF_ALL, FIRST, FEW);
    scored(&few.batch);
    return &few.batch.lists;
}

/* The first row from `from` on whose list `which` has elements; *at is where they begin. */
static int64_t row_with(int which, size_t from, int64_t *at) {
    while (few.offsets[from * LISTS + (size_t)which] ==
           few.offsets[from * LISTS + (size_t)which + 1])
        from++;
    ck_assert_uint_lt(from, FEW);
    *at = few.offsets[from * LISTS + (size_t)which];
    return (int64_t)from + 1;
}

START_TEST(encoded_lists_that_lack) {
    *lists() = (mmoe_lists){0};
    refuse(&few.batch, MMOE_E_ARGUMENT, 0, "", "the batch has 0 encoded lists, not 7");
    lists()->count = LISTS - 1;
    refuse(&few.batch, MMOE_E_ARGUMENT, 0, "", "the batch has 6 encoded lists, not 7");
    lists()->count = -1;
    refuse(&few.batch, MMOE_E_ARGUMENT, 0, "", "the batch has -1 encoded lists, not 7");
    lists()->offsets = NULL;
    refuse(&few.batch, MMOE_E_ARGUMENT, 0, "", "the batch lacks the offsets of its lists");
    lists()->ids = NULL;
    int list = 0;
    while (few.offsets[list + 1] == 0) list++;
    refuse(&few.batch, MMOE_E_ARGUMENT, list / LISTS + 1, columns[IDS + list % LISTS].name,
           "its elements are NULL");
    memset(few.offsets, 0, sizeof few.offsets);
    few.batch.lists.weights = NULL;
    ok(mmoe_predictor_run(predictor, &few.batch, scores, &err), &err);
}
END_TEST

START_TEST(encoded_lists_that_are_wrong) {
    int64_t at, row;
    lists();
    few.offsets[LISTS + SEEN + 1] = few.offsets[LISTS + SEEN] - 1;
    refuse(&few.batch, MMOE_E_ARGUMENT, 2, "seen", "its offsets descend");
    lists();
    few.offsets[0] = -1;
    refuse(&few.batch, MMOE_E_ARGUMENT, 1, "bought", "its offsets descend");
    for (int which = BOUGHT; which <= SHOPS; which++) {
        char outside[40];
        const char *const name = columns[IDS + which].name;
        const int64_t n = mmoe_model_sparse_rows(model, IDS + which);
        snprintf(outside, sizeof outside, "is outside 0 to %d", (int)n - 1);
        lists();
        row = row_with(which, 1, &at);
        few.elements[at] = (int32_t)n;
        refuse(&few.batch, MMOE_E_ARGUMENT, row, name, outside);
        few.elements[at] = -1;
        refuse(&few.batch, MMOE_E_ARGUMENT, row, name, outside);
    }
}
END_TEST

START_TEST(encoded_lists_that_pass_their_elements) {
    int64_t *const end = &few.offsets[FEW * LISTS];
    static const char message[] = "its offsets pass the elements";
    *end = 1 + (int64_t)lists()->elements;
    refuse(&few.batch, MMOE_E_ARGUMENT, FEW, "shops", message);
    *end = INT64_MAX;
    refuse(&few.batch, MMOE_E_ARGUMENT, FEW, "shops", message);
    lists()->elements++;
    scored(&few.batch);
    lists()->elements--;
    int last = FEW * LISTS - 1;
    while (few.offsets[last] == *end) last--;
    refuse(&few.batch, MMOE_E_ARGUMENT, last / LISTS + 1, columns[IDS + last % LISTS].name,
           message);
    lists()->elements = 0;
    int first = 0;
    while (few.offsets[first + 1] == 0) first++;
    refuse(&few.batch, MMOE_E_ARGUMENT, first / LISTS + 1, columns[IDS + first % LISTS].name,
           message);
}
END_TEST

START_TEST(encoded_weights_that_are_none) {
    for (int which = BOUGHT; which <= SHOPS; which++) {
        const bool may = which == BOUGHT || which == TAGS;
        int64_t at, row;
        lists();
        row = row_with(which, 1, &at);
        few.weights[at] = no_weights[_i];
        refuse(&few.batch, MMOE_E_ARGUMENT, row, columns[IDS + which].name,
               "a weight is not a number of at least 0");
        few.weights[at] = 0.5f;
        if (may)
            ok(mmoe_predictor_run(predictor, &few.batch, scores, &err), &err);
        else
            refuse(&few.batch, MMOE_E_ARGUMENT, row, columns[IDS + which].name, "no weights but 1");
    }
}
END_TEST

/* ---- Users and items ---- */

START_TEST(a_user_and_items) {
    static raw_rows user, items;
    static encoded_rows encoded_user, encoded_items;
    static const char *const item_lists[] = {"tags", "seen", "words", "shops"};
    memset(untouched, 0x55, sizeof untouched);
    memset(scores, 0x55, sizeof scores);
    raw(&user, OF_USER, FIRST, 1, false);
    raw(&items, OF_ITEMS, FIRST, FEW, false);
    side_of_rows(&encoded_user, OF_USER, FIRST, 1);
    side_of_rows(&encoded_items, OF_ITEMS, FIRST, FEW);
    encoded_user.batch.lists.count = 4;
    refused(mmoe_predictor_rank(predictor, &encoded_user.batch, &items.batch, scores, &err),
            MMOE_E_ARGUMENT, 0, "", "the user has 4 encoded lists, not 3");
    encoded_items.batch.lists.count = 3;
    refused(mmoe_predictor_rank(predictor, &user.batch, &encoded_items.batch, scores, &err),
            MMOE_E_ARGUMENT, 0, "", "the items have 3 encoded lists, not 4");
    encoded_items.batch.lists.count = 4;
    encoded_items.batch.lists.elements = 0;
    int first = 0;
    while (encoded_items.offsets[first + 1] == 0) first++;
    ck_assert_int_lt(first, 4);
    refused(mmoe_predictor_rank(predictor, &user.batch, &encoded_items.batch, scores, &err),
            MMOE_E_ARGUMENT, 1, item_lists[first], "its offsets pass the elements");
    user.lists[0].offsets = NULL;
    refused(mmoe_predictor_rank(predictor, &user.batch, &items.batch, scores, &err),
            MMOE_E_ARGUMENT, 0, "bought", "lacks offsets");
    raw(&user, OF_USER, FIRST, 1, false);
    items.lists[3].count = 0;
    const values *shops = &columns[IDS + SHOPS];
    int64_t row = 1;
    while (shops->offsets[FIRST + row] == 0) row++;
    refused(mmoe_predictor_rank(predictor, &user.batch, &items.batch, scores, &err),
            MMOE_E_ARGUMENT, row, "shops", "its offsets pass the values");
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, offsets_that_lack);
    tcase_add_test(c, offsets_that_descend_or_pass);
    tcase_add_loop_test(c, weights_that_are_none, 0, BAD_WEIGHTS);
    tcase_add_test(c, elements_outside_their_table);
    tcase_add_test(c, values_that_lack);
    tcase_add_test(c, encoded_lists_that_lack);
    tcase_add_test(c, encoded_lists_that_are_wrong);
    tcase_add_test(c, encoded_lists_that_pass_their_elements);
    tcase_add_loop_test(c, encoded_weights_that_are_none, 0, BAD_WEIGHTS);
    tcase_add_test(c, a_user_and_items);
}
