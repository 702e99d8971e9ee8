/* What predictors and slots count: rows, what is missing and unknown, scores. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "check_main.h"
#include "files.h"
#include "mmoe/train.h"
#include "succeeds.h"

enum { ROWS = 600, TASKS = 2, COLUMNS = 4 };
enum { U, A, L, D };

static mmoe_model *model;
static mmoe_predictor *predictor;
static int64_t users[ROWS], items[ROWS], elements[2 * ROWS];
static size_t offsets[ROWS + 1];
static float numbers[ROWS], scores[ROWS * TASKS];
static mmoe_column_served columns[COLUMNS];
static mmoe_task_served tasks[TASKS];
static mmoe_counts counts;

static mmoe_model *new_model(void) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"u\", \"vocab_size\": 9, \"oov_id\": 0, "
        "\"side\": \"user\"}, {\"name\": \"a\", \"vocab_size\": 50, \"oov_id\": 3}], \"sequence\": "
        "[{\"name\": \"l\", \"vocab_size\": 30, \"oov_id\": 1, \"separator\": \"|\"}], \"dense\": "
        "[{\"name\": \"d\", \"missing\": 1.5}]}, \"tasks\": [{\"name\": \"ctr\", \"label\": "
        "\"x\"}, {\"name\": \"price\", \"label\": \"y\", \"type\": \"regression\"}], \"model\": "
        "{\"name\": \"mmoe\", \"n_expert\": 2, \"expert_params\": {\"dims\": [8]}}}";
    static const char *const names[] = {"u", "a", "l", "d"};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *made;
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, names, COLUMNS, NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &made, &err));
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return made;
}

static void set_up(void) {
    model = new_model();
    SUCCEEDS(mmoe_predictor_create(model, NULL, &predictor, &err));
    for (int r = 0; r < ROWS; r++) {
        users[r] = r % 4 ? r % 9 : 77; /* one in 4 is unknown */
        items[r] = r % 10 ? r % 50 : MMOE_MISSING_INT64;
        if (r % 10 == 1 || r % 10 == 2) items[r] = 1000 + r;
        numbers[r] = r % 5 ? (float)r / ROWS : NAN;
        elements[2 * r] = r % 6 ? r % 30 : MMOE_MISSING_INT64;
        elements[2 * r + 1] = r % 3 ? r % 30 : -4;
        offsets[r + 1] = 2 * (size_t)r + 2;
    }
}

static void tear_down(void) {
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
}

static void count(void) {
    counts = (mmoe_counts){columns, tasks, COLUMNS, TASKS, 0, 0, 0, 0};
    SUCCEEDS(mmoe_predictor_counts(predictor, &counts, &err));
}

static mmoe_column sparse[3], dense[1];
static mmoe_list_column lists[1];
/* Of raw values; those of the items alone where there is a user. */
static mmoe_batch raw(size_t rows, bool ranked) {
    sparse[0] = (mmoe_column){MMOE_VALUE_INT64, users, 0};
    sparse[1] = (mmoe_column){MMOE_VALUE_INT64, items, 0};
    sparse[2] = (mmoe_column){MMOE_VALUE_INT64, elements, 0};
    dense[0] = (mmoe_column){MMOE_VALUE_FLOAT, numbers, 0};
    lists[0] = (mmoe_list_column){offsets, NULL, sizeof elements / sizeof *elements};
    return (mmoe_batch){.rows = rows,
                        .sparse_columns = sparse + ranked,
                        .dense_columns = dense,
                        .list_columns = lists,
                        .sparse_count = ranked ? 2 : 3,
                        .dense_count = 1};
}

static void column_is(int column, int64_t values, int64_t missing, int64_t unknown) {
    ck_assert_int_eq(columns[column].values, values);
    ck_assert_int_eq(columns[column].missing, missing);
    ck_assert_int_eq(columns[column].unknown, unknown);
}

/* A batch that fits into a chunk is read once, a larger one twice; a value counts once. */
START_TEST(values_count_once) {
    const int rows = _i ? ROWS : 60;
    const mmoe_batch batch = raw((size_t)rows, false);
    SUCCEEDS(mmoe_predictor_run(predictor, &batch, scores, &err));
    count();
    ck_assert_int_eq(counts.rows, rows);
    ck_assert_int_eq(counts.users, 0);
    column_is(U, rows, 0, rows / 4);
    column_is(A, rows, rows / 10, rows / 5);
    column_is(L, 2 * rows, rows / 6, rows / 3);
    column_is(D, rows, rows / 5, 0);
    ck_assert_str_eq(columns[U].name, "u");
    ck_assert_str_eq(columns[D].name, "d");
    ck_assert(isnan(columns[A].trained_unknown) && isnan(tasks[0].base_rate));
}
END_TEST

START_TEST(scores_have_bins) {
    static const int types[TASKS] = {MMOE_CLASSIFICATION, MMOE_REGRESSION};
    int64_t wanted[TASKS][MMOE_SERVED_BINS] = {{0}};
    double sums[TASKS] = {0}, sizes_of_all[TASKS] = {0};
    const size_t sizes[] = {1, 30, ROWS, 7, 1, 119, 120, 119, 119, 119, 119};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const mmoe_batch batch = raw(sizes[k], false);
        SUCCEEDS(mmoe_predictor_run(predictor, &batch, scores, &err));
        for (size_t i = 0; i < sizes[k] * TASKS; i++) {
            int bin = 0;
            while (bin < MMOE_SERVED_BINS - 1 &&
                   (double)scores[i] >= mmoe_served_bin(types[i % TASKS], bin))
                bin++;
            wanted[i % TASKS][bin]++;
            sums[i % TASKS] += (double)scores[i];
            sizes_of_all[i % TASKS] += fabs((double)scores[i]);
        }
    }
    count();
    for (int t = 0; t < TASKS; t++) {
        ck_assert_mem_eq(tasks[t].bins, wanted[t], sizeof wanted[t]);
        ck_assert_double_eq_tol(tasks[t].sum, sums[t], 0x1p-23 * sizes_of_all[t]);
    }
    ck_assert_double_eq(mmoe_served_bin(MMOE_CLASSIFICATION, 4), .25);
    ck_assert_double_eq(mmoe_served_bin(MMOE_POISSON, 0), 0x1p-9);
    ck_assert(isinf(mmoe_served_bin(MMOE_REGRESSION, MMOE_SERVED_BINS - 1)));
    ck_assert(isnan(mmoe_served_bin(7, 0)) && isnan(mmoe_served_bin(0, MMOE_SERVED_BINS)));
}
END_TEST

START_TEST(a_user_counts_once) {
    const mmoe_column of_user[] = {{MMOE_VALUE_INT64, users, 0}};
    const mmoe_batch user = {.rows = 1, .sparse_columns = of_user, .sparse_count = 1},
                     batch = raw(30, true), none = raw(0, true);
    SUCCEEDS(mmoe_predictor_rank(predictor, &user, &batch, scores, &err));
    SUCCEEDS(mmoe_predictor_rank(predictor, &user, &none, scores, &err));
    const mmoe_batch all = raw(20, false);
    SUCCEEDS(mmoe_predictor_run(predictor, &all, scores, &err));
    count();
    ck_assert_int_eq(counts.rows, 50);
    ck_assert_int_eq(counts.users, 1);
    column_is(U, 1 + 20, 0, 1 + 5);
    column_is(A, 50, 3 + 2, 6 + 4);
}
END_TEST

START_TEST(refused_requests_do_not_count) {
    numbers[7] = INFINITY;
    const mmoe_batch bad = raw(20, false), good = raw(5, false);
    ck_assert_int_eq(mmoe_predictor_run(predictor, &bad, scores, NULL), MMOE_E_DATA);
    SUCCEEDS(mmoe_predictor_run(predictor, &good, scores, &err));
    count();
    ck_assert_int_eq(counts.rows, 5);
    column_is(U, 5, 0, 2);
    column_is(A, 5, 1, 2);
    mmoe_bad_rows told = {0};
    mmoe_batch some = raw(10, false);
    some.bad = &told;
    SUCCEEDS(mmoe_predictor_run(predictor, &some, scores, &err));
    count();
    ck_assert_int_eq(counts.rows, 5 + 9);
    ck_assert_int_eq(counts.bad_rows, 1);
}
END_TEST

START_TEST(ready_numbers_count_as_rows) {
    static const int32_t ids[6] = {0};
    static const int64_t ends[4] = {0};
    static const float inputs[3] = {0};
    const mmoe_batch batch = {.rows = 3,
                              .ids = ids,
                              .id_stride = 2,
                              .dense = inputs,
                              .dense_stride = 1,
                              .lists = {1, ends, ids, NULL, 0}};
    SUCCEEDS(mmoe_predictor_run(predictor, &batch, scores, &err));
    count();
    ck_assert_int_eq(counts.rows, 3);
    column_is(A, 3, 0, 0);
    column_is(L, 0, 0, 0);
    counts.n_column++;
    ck_assert_int_eq(mmoe_predictor_counts(predictor, &counts, NULL), MMOE_E_ARGUMENT);
    counts = (mmoe_counts){0};
    SUCCEEDS(mmoe_predictor_counts(predictor, &counts, &err));
    ck_assert_uint_eq(counts.n_column, COLUMNS);
    ck_assert_uint_eq(counts.n_task, TASKS);
    ck_assert_int_eq(mmoe_predictor_counts(NULL, &counts, NULL), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_slot_counts(NULL, &counts, NULL), MMOE_E_ARGUMENT);
}
END_TEST

/* ---- A slot ---- */

enum { THREADS = 3, CALLS = 60, BATCH = 20 };

static mmoe_slot *slot;
static atomic_int left;

static void *serve(void *batch) {
    float out[BATCH * TASKS];
    mmoe_reader *reader;
    mmoe_served now;
    SUCCEEDS(mmoe_reader_create(slot, &reader, &err));
    for (int i = 0; i < CALLS; i++) {
        SUCCEEDS(mmoe_reader_enter(reader, &now, &err));
        SUCCEEDS(mmoe_predictor_run(now.predictor, batch, out, &err));
        mmoe_reader_leave(reader);
    }
    mmoe_reader_free(reader);
    atomic_fetch_sub(&left, 1);
    return NULL;
}

START_TEST(a_slot_sums_over_readers_and_versions) {
    pthread_t threads[THREADS];
    mmoe_batch batch = raw(BATCH, false);
    uint64_t version = 1;
    int64_t before = 0;
    SUCCEEDS(mmoe_slot_create(new_model(), NULL, &slot, &err));
    atomic_store(&left, THREADS);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, serve, &batch), 0);
    do {
        counts = (mmoe_counts){columns, tasks, COLUMNS, TASKS, 0, 0, 0, 0};
        SUCCEEDS(mmoe_slot_counts(slot, &counts, &err));
        ck_assert_int_ge(counts.rows, before);
        ck_assert_uint_eq(counts.version, version);
        before = counts.rows;
        if (version < 8) SUCCEEDS(mmoe_slot_publish(slot, new_model(), &version, &err));
    } while (atomic_load(&left));
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    SUCCEEDS(mmoe_slot_counts(slot, &counts, &err));
    const int64_t rows = THREADS * CALLS * BATCH;
    ck_assert_int_eq(counts.rows, rows);
    column_is(U, rows, 0, rows / 4);
    column_is(A, rows, rows / 10, rows / 5);
    mmoe_slot_free(slot);
}
END_TEST

/* ---- Beside training ---- */

START_TEST(training_rows_are_told) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"u\"}, {\"name\": \"a\", \"min_count\": 2}], "
        "\"dense\": [{\"name\": \"d\", \"missing\": \"mean\"}]}, \"tasks\": [{\"name\": \"ctr\", "
        "\"label\": \"x\"}], \"trainer\": {\"n_epoch\": 1, \"batch_size\": 4}}";
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *set;
    mmoe_trainer *trainer;
    mmoe_model *trained;
    mmoe_predictor *other;
    make_folder();
    put_text(in_folder("t.csv"), "u,a,d,x\n1,p,1,1\n2,p,,0\n,q,2,0\n3,p,3,0\n");
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_dataset_fit_csv(config, in_folder("t.csv"), NULL, &schema, &set, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &trained, &err));
    SUCCEEDS(mmoe_trainer_create(trained, NULL, NULL, &trainer, &err));
    SUCCEEDS(mmoe_trainer_fit(trainer, set, NULL, &err));
    SUCCEEDS(mmoe_predictor_create(trained, NULL, &other, &err));
    counts = (mmoe_counts){columns, tasks, 3, 1, 0, 0, 0, 0};
    SUCCEEDS(mmoe_predictor_counts(other, &counts, &err));
    ck_assert_double_eq(columns[0].trained_missing, .25);
    ck_assert_double_eq(columns[0].trained_unknown, 0);
    ck_assert_double_eq(columns[1].trained_unknown, .25);
    ck_assert_double_eq(columns[2].trained_missing, .25);
    ck_assert_double_eq(tasks[0].base_rate, .25);
    mmoe_predictor_free(other);
    mmoe_trainer_free(trainer);
    mmoe_model_free(trained);
    mmoe_dataset_free(set);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    empty_folder();
    remove_folder();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, values_count_once, 0, 2);
    tcase_add_test(c, scores_have_bins);
    tcase_add_test(c, a_user_counts_once);
    tcase_add_test(c, refused_requests_do_not_count);
    tcase_add_test(c, ready_numbers_count_as_rows);
    tcase_add_test(c, a_slot_sums_over_readers_and_versions);
    tcase_add_test(c, training_rows_are_told);
}
