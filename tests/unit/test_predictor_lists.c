/* Lists in requests: the same scores to the bit, however their rows are handed over. */
#include "graph/run.h"
#include "math/blas.h"
#include "model/model.h"
#include "predictor_lists_support.h"

static void same(const mmoe_batch *batch, size_t first, const char *what) {
    memset(scores, 0xff, sizeof scores);
    ok(mmoe_predictor_run(predictor, batch, scores, &err), &err);
    for (size_t i = 0; i < batch->rows * TASKS; i++)
        if (memcmp(&scores[i], &expected[first * TASKS + i], sizeof *scores) != 0)
            ck_abort_msg("%s: row %zu of %zu from %zu on: %.9g, not %.9g", what, i / TASKS,
                         batch->rows, first, (double)scores[i],
                         (double)expected[first * TASKS + i]);
}

START_TEST(the_rows_are_all_that_they_should_be) {
    mmoe_batch all;
    ok(mmoe_dataset_batch(encoded, 0, ROWS, &all, &err), &err);
    ck_assert_int_eq(all.lists.count, LISTS);
    size_t empty = 0, full = 0, beyond = 0, unknown = 0;
    for (size_t list = 0; list < ROWS * LISTS; list++) {
        const int64_t begin = all.lists.offsets[list], end = all.lists.offsets[list + 1];
        const size_t given = columns[IDS + list % LISTS].offsets[list / LISTS + 1] -
                             columns[IDS + list % LISTS].offsets[list / LISTS];
        empty += begin == end;
        full += end - begin > 64;
        beyond += given > (size_t)(end - begin);
        for (int64_t e = begin; e < end && list % LISTS == LISTS - 1; e++)
            unknown += all.lists.ids[e] == 0;
    }
    ck_assert_uint_gt(empty, 100);
    ck_assert_uint_gt(full, 100);
    ck_assert_uint_gt(beyond, 100);
    ck_assert_uint_gt(unknown, 100);
    for (size_t i = TASKS; i < ROWS * TASKS; i++) ck_assert(expected[i] != expected[i - TASKS]);
}
END_TEST

/* What a service is told of the columns, and what is counted of their values. */
START_TEST(the_model_tells_of_its_lists) {
    static const char *const poolings[] = {"mean", "sum", "max", "concat", "mean", "max", "mean"};
    static const int32_t widths[] = {4, 8, 4, 8, 4, 5, 24, 4, 4, 3},
                         bounds[] = {100, 0, 70, 3, 0, 0, 0};
    mmoe_list_format list = {.max_len = -1};
    for (int i = 0; i < COLUMNS; i++) {
        ck_assert_int_eq(mmoe_model_sparse_width(model, i), widths[i]);
        ck_assert_int_eq(mmoe_model_sparse_list(model, i, NULL), i >= IDS);
        ck_assert_int_eq(mmoe_model_sparse_list(model, i, &list), i >= IDS);
        const mmoe_column_counts *counts = mmoe_dataset_column(encoded, (size_t)i);
        int64_t read = 0, cut = 0;
        for (size_t row = 0; row < ROWS; row++) {
            const size_t first = columns[i].offsets[row], n = columns[i].offsets[row + 1] - first;
            /* An empty cell is an empty list. */
            const int64_t length = n == 1 && i >= IDS && !columns[i].texts[first] ? 0 : (int64_t)n,
                          most = i >= IDS && list.max_len ? list.max_len : length;
            read += length < most ? length : most;
            cut += length > most;
        }
        ck_assert_int_eq(counts->values, read);
        ck_assert_int_eq(counts->cut, cut);
        if (i < IDS) continue;
        ck_assert_str_eq(list.pooling, poolings[i - IDS]);
        ck_assert_str_eq(list.truncate, i == IDS + 2 ? "first" : "last");
        ck_assert_int_eq(list.max_len, bounds[i - IDS]);
        ck_assert_int_eq(list.padding_idx, i == IDS + 4 ? 0 : -1);
        ck_assert_int_eq(list.separator, columns[i].separator);
        ck_assert_int_eq(list.weight_separator, columns[i].is_weighed ? ':' : 0);
    }
    ck_assert_int_eq(mmoe_model_sparse_list(model, COLUMNS, &list), 0);
    ck_assert_int_eq(mmoe_model_sparse_list(NULL, 0, &list), 0);
    ck_assert_int_eq(mmoe_model_sparse_width(model, -1), -1);
    ck_assert_int_eq(mmoe_model_sparse_width(NULL, 0), -1);
}
END_TEST

START_TEST(agrees_with_the_plan) {
    mmoe_batch all;
    mmoe_run *planned;
    ok(mmoe_dataset_batch(encoded, 0, ROWS, &all, &err), &err);
    ok(mmoe_run_create(
           &(mmoe_plan_request){model->graph, &model->params, NULL, MMOE_PLAN_PREDICT, ROWS},
           &planned, &err),
       &err);
    mmoe_blas_begin_single();
    mmoe_run_fold(planned);
    const mmoe_rows batch = {.rows = ROWS,
                             .ids = all.ids,
                             .dense = all.dense,
                             .id_stride = all.id_stride,
                             .dense_stride = all.dense_stride,
                             .lists = all.lists};
    mmoe_run_predict(planned, &batch, scores);
    for (size_t i = 0; i < ROWS * TASKS; i++)
        ck_assert_msg(fabsf(scores[i] - expected[i]) <= 1e-6f, "%zu: %.9g, not %.9g", i,
                      (double)expected[i], (double)scores[i]);
    mmoe_run_free(planned);
}
END_TEST

static const size_t sizes[] = {1, 2, 3, 8, 47, 48, 49, 240, 241, ROWS};
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(any_number_of_encoded_rows) {
    for (size_t first = 0; first + sizes[_i] <= ROWS; first += sizes[_i]) {
        mmoe_batch part;
        ok(mmoe_dataset_batch(encoded, (int64_t)first, sizes[_i], &part, &err), &err);
        same(&part, first, "encoded");
    }
}
END_TEST

START_TEST(any_number_of_raw_rows) {
    static raw_rows rows;
    for (int texts = 0; texts < 2; texts++)
        for (size_t first = 0; first + sizes[_i] <= ROWS; first += sizes[_i]) {
            raw(&rows, OF_ALL, first, sizes[_i], texts);
            same(&rows.batch, first, texts ? "texts" : "integers");
        }
}
END_TEST

/* Values at odd addresses, a few bytes of something else between them. */
static const void *scattered(const void *from, size_t count, size_t size, size_t stride) {
    char *to = malloc(count * stride + 1);
    ck_assert_ptr_nonnull(to);
    for (size_t i = 0; i < count; i++)
        memcpy(to + 1 + i * stride, (const char *)from + i * size, size);
    return to + 1;
}

static void free_scattered(const mmoe_column *c) { free((char *)(uintptr_t)c->values - 1); }

START_TEST(raw_values_with_strides) {
    static raw_rows rows;
    raw(&rows, OF_ALL, 0, ROWS, false);
    for (int i = 0; i < COLUMNS; i++) {
        mmoe_column *c = &rows.sparse[i];
        c->stride = 8 + (size_t)i;
        c->values = scattered(c->values, columns[i].offsets[ROWS], 8, c->stride);
    }
    same(&rows.batch, 0, "strides");
    for (int i = 0; i < COLUMNS; i++) free_scattered(&rows.sparse[i]);
}
END_TEST

/* Rows of tables, each list column in arrays of its own. */
START_TEST(row_numbers_with_strides) {
    static int32_t ids[COLUMNS][MOST];
    static float weights[COLUMNS][MOST];
    static size_t offsets[COLUMNS][ROWS + 1];
    static raw_rows rows;
    mmoe_batch all;
    ok(mmoe_dataset_batch(encoded, 0, ROWS, &all, &err), &err);
    raw(&rows, OF_ALL, 0, ROWS, false);
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t end = 0;
        for (size_t row = 0; row < ROWS; row++) {
            const int64_t *at = all.lists.offsets + row * LISTS + i - IDS;
            if (i < IDS) ids[i][end++] = all.ids[row * all.id_stride + i];
            for (int64_t e = i < IDS ? 0 : at[0]; i >= IDS && e < at[1]; e++) {
                ids[i][end] = all.lists.ids[e];
                weights[i][end++] = all.lists.weights[e];
            }
            offsets[i][row + 1] = end;
        }
        mmoe_column *c = &rows.sparse[i];
        c->type = MMOE_VALUE_ROW;
        c->stride = 4 + i;
        c->values = scattered(ids[i], end, 4, c->stride);
        if (i >= IDS) {
            mmoe_list_column *list = &rows.lists[i - IDS];
            *list = (mmoe_list_column){offsets[i], list->weights ? weights[i] : NULL, end};
        }
    }
    same(&rows.batch, 0, "row numbers");
    for (int i = 0; i < COLUMNS; i++) free_scattered(&rows.sparse[i]);
}
END_TEST

/* A caller's encoded lists are cut as those of files are. */
START_TEST(encoded_lists_are_cut) {
    static encoded_rows rows;
    enum { SEEN = 2, MAX_LEN = 70 };
    side_of_rows(&rows, OF_ALL, 0, 1);
    for (size_t row = 0; row < ROWS; row++) {
        side_of_rows(&rows, OF_ALL, row, 1);
        if (rows.offsets[SEEN + 1] - rows.offsets[SEEN] != MAX_LEN) continue;
        const size_t end = (size_t)rows.offsets[SEEN + 1],
                     behind = (size_t)rows.offsets[LISTS] - end;
        memmove(rows.elements + end + 3, rows.elements + end, behind * sizeof *rows.elements);
        memmove(rows.weights + end + 3, rows.weights + end, behind * sizeof *rows.weights);
        for (size_t i = end; i < end + 3; i++) {
            rows.elements[i] = (int32_t)(i * 31 % 90);
            rows.weights[i] = 1;
        }
        for (size_t i = SEEN + 1; i <= LISTS; i++) rows.offsets[i] += 3;
        rows.batch.lists.elements += 3;
        same(&rows.batch, row, "cut");
    }
}
END_TEST

/* Weights that are all 1 are none, and lists that take none may have them among encoded ones. */
START_TEST(weights_of_one) {
    static raw_rows rows;
    static float ones[MOST];
    mmoe_batch without;
    for (size_t i = 0; i < MOST; i++) ones[i] = 1;
    raw(&rows, OF_ALL, 0, ROWS, false);
    rows.lists[4].weights = ones;
    rows.lists[6].weights = ones;
    same(&rows.batch, 0, "ones");
    rows.lists[0].weights = rows.lists[1].weights = ones;
    ok(mmoe_predictor_run(predictor, &rows.batch, expected, &err), &err);
    rows.lists[0].weights = rows.lists[1].weights = NULL;
    same(&rows.batch, 0, "no weights");
    ok(mmoe_dataset_batch(encoded, 0, ROWS, &without, &err), &err);
    without.lists.weights = NULL;
    same(&without, 0, "no encoded weights");
}
END_TEST

static mmoe_status create(const mmoe_batch *batch, mmoe_dataset **set) {
    static const float labels[ROWS * TASKS];
    *set = NULL;
    return mmoe_dataset_create(mmoe_model_schema(model), batch, labels, NULL, NULL, set, &err);
}

/* An element that is missing is the same as an integer, a text and between a cell's separators, and
 * is counted as missing. */
START_TEST(missing_elements) {
    static raw_rows rows;
    values *const shops = &columns[COLUMNS - 1];
    mmoe_dataset *set;
    mmoe_batch read;
    size_t row = 0;
    while (shops->offsets[row + 1] - shops->offsets[row] < 3) row++;
    const size_t at = shops->offsets[row] + 1;
    shops->ids[at] = MMOE_MISSING_INT64;
    shops->texts[at] = NULL;
    ok(mmoe_dataset_read_csv(mmoe_model_schema(model), put_rows("gap.csv", row + 1),
                             MMOE_LABELS_IGNORED, NULL, &set, &err),
       &err);
    ck_assert_int_eq(mmoe_dataset_column(set, COLUMNS - 1)->missing, 1);
    ok(mmoe_dataset_batch(set, 0, row + 1, &read, &err), &err);
    ok(mmoe_predictor_run(predictor, &read, expected, &err), &err);
    mmoe_dataset_free(set);
    for (int texts = 0; texts < 2; texts++) {
        raw(&rows, OF_ALL, 0, row + 1, texts);
        same(&rows.batch, 0, texts ? "texts" : "integers");
        ok(create(&rows.batch, &set), &err);
        ck_assert_int_eq(mmoe_dataset_column(set, COLUMNS - 1)->missing, 1);
        mmoe_dataset_free(set);
    }
}
END_TEST

/* ---- Ranking ---- */

static void ranked(const mmoe_batch *user, const mmoe_batch *items, size_t first) {
    memset(scores, 0xff, sizeof scores);
    ok(mmoe_predictor_rank(predictor, user, items, scores, &err), &err);
    ck_assert_mem_eq(scores, expected + first * TASKS, items->rows * TASKS * sizeof *scores);
}

START_TEST(a_users_lists_are_given_once) {
    static raw_rows raw_user, raw_items;
    static encoded_rows user, items;
    for (size_t group = 0; group < ROWS / GROUP; group++) {
        const size_t first = group * GROUP;
        raw(&raw_user, OF_USER, first, 1, group % 2);
        raw(&raw_items, OF_ITEMS, first, GROUP, group % 3 == 0);
        side_of_rows(&user, OF_USER, first, 1);
        side_of_rows(&items, OF_ITEMS, first, GROUP);
        ranked(&raw_user.batch, &raw_items.batch, first);
        ranked(&raw_user.batch, &items.batch, first);
        ranked(&user.batch, &raw_items.batch, first);
        ranked(&user.batch, &items.batch, first);
    }
}
END_TEST

START_TEST(the_best_of_all) {
    static raw_rows all, user, items;
    float finals[ROWS], of_user[ROWS], best[10];
    size_t rows[10];
    raw(&all, OF_ALL, 0, ROWS, false);
    ok(mmoe_predictor_score(predictor, NULL, &all.batch, finals, &err), &err);
    for (size_t first = 0; first < ROWS; first += GROUP) {
        raw(&user, OF_USER, first, 1, false);
        raw(&items, OF_ITEMS, first, GROUP, false);
        ok(mmoe_predictor_score(predictor, &user.batch, &items.batch, of_user, &err), &err);
        ck_assert_mem_eq(of_user, finals + first, GROUP * sizeof *finals);
        ok(mmoe_predictor_top(predictor, &user.batch, &items.batch, 10, rows, best, &err), &err);
        for (size_t i = 0; i < 10; i++) {
            size_t above = 0;
            for (size_t r = 0; r < GROUP; r++) above += of_user[r] > best[i];
            ck_assert_uint_eq(above, i);
            ck_assert(of_user[rows[i]] == best[i]);
        }
    }
}
END_TEST

/* More candidates than are read at once. */
START_TEST(many_candidates) {
    static raw_rows user, items, one;
    static float all[ROWS * TASKS];
    raw(&user, OF_USER, GROUP, 1, false);
    raw(&items, OF_ITEMS, 0, ROWS, false);
    ok(mmoe_predictor_rank(predictor, &user.batch, &items.batch, all, &err), &err);
    ck_assert_mem_eq(all + GROUP * TASKS, expected + GROUP * TASKS, GROUP * TASKS * sizeof *all);
    memcpy(expected, all, sizeof all);
    for (size_t r = 0; r < ROWS; r++) {
        raw(&one, OF_ITEMS, r, 1, true);
        ranked(&user.batch, &one.batch, r);
    }
}
END_TEST

/* ---- Data sets from memory ---- */

/* Its rows are scored as the file's are. (One missing element is a list of one here; in a file the
 * cell is empty, and so is the list. The column with gaps drops such elements.) */
static void scores_as_the_file(const mmoe_batch *batch, const char *what) {
    mmoe_dataset *set;
    mmoe_batch made;
    ok(create(batch, &set), &err);
    ok(mmoe_dataset_batch(set, 0, ROWS, &made, &err), &err);
    ck_assert_int_eq(made.lists.count, LISTS);
    same(&made, 0, what);
    mmoe_dataset_free(set);
}

START_TEST(a_data_set_from_memory) {
    static raw_rows rows;
    static encoded_rows all;
    for (int texts = 0; texts < 2; texts++) {
        raw(&rows, OF_ALL, 0, ROWS, texts);
        scores_as_the_file(&rows.batch, texts ? "texts" : "integers");
    }
    side_of_rows(&all, OF_ALL, 0, ROWS);
    scores_as_the_file(&all.batch, "encoded");
}
END_TEST

static void not_created(const mmoe_batch *batch, int64_t row, const char *message) {
    mmoe_dataset *set;
    ck_assert_int_eq(create(batch, &set), MMOE_E_ARGUMENT);
    ck_assert_msg(strstr(err.message, message), "\"%s\" lacks \"%s\"", err.message, message);
    ck_assert_int_eq(err.row, row);
    ck_assert_ptr_null(set);
    err = (mmoe_error){0};
}

START_TEST(no_data_set_of_bad_lists) {
    static raw_rows rows;
    static encoded_rows all;
    raw(&rows, OF_ALL, 0, ROWS, false);
    rows.batch.list_columns = NULL;
    not_created(&rows.batch, 0, "the column is a list and lacks offsets");
    raw(&rows, OF_ALL, 0, ROWS, false);
    rows.lists[0].count = 0;
    size_t row = 1;
    while (rows.lists[0].offsets[row] == 0) row++;
    not_created(&rows.batch, (int64_t)row, "its offsets pass the values");
    side_of_rows(&all, OF_ALL, 0, ROWS);
    all.offsets[LISTS] = -1;
    not_created(&all.batch, 1, "its offsets descend");
    side_of_rows(&all, OF_ALL, 0, ROWS);
    all.offsets[ROWS * LISTS]++;
    not_created(&all.batch, ROWS, "its offsets pass the elements");
    all.batch.lists.offsets = NULL;
    not_created(&all.batch, 0, "the batch lacks the offsets of its lists");
    all.batch.lists.count = LISTS - 1;
    not_created(&all.batch, 0, "the batch has 6 encoded lists, not 7");
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, the_rows_are_all_that_they_should_be);
    tcase_add_test(c, the_model_tells_of_its_lists);
    tcase_add_test(c, agrees_with_the_plan);
    tcase_add_loop_test(c, any_number_of_encoded_rows, 0, SIZES);
    tcase_add_loop_test(c, any_number_of_raw_rows, 0, SIZES);
    tcase_add_test(c, raw_values_with_strides);
    tcase_add_test(c, row_numbers_with_strides);
    tcase_add_test(c, a_data_set_from_memory);
    tcase_add_test(c, no_data_set_of_bad_lists);
    tcase_add_test(c, encoded_lists_are_cut);
    tcase_add_test(c, weights_of_one);
    tcase_add_test(c, missing_elements);
    tcase_add_test(c, a_users_lists_are_given_once);
    tcase_add_test(c, the_best_of_all);
    tcase_add_test(c, many_candidates);
}
