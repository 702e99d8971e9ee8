/* Columns that a data set keeps; metrics of slices, and of groups, through the public functions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/comm_threads.h"
#include "check_main.h"
#include "failing.h"
#include "training_support.h"

enum { PART = 200 }; /* rows of `valid` */

static mmoe_model *model;

static void begin(void) {
    set_up("", "", ", \"earlystop_patience\": 0");
    mmoe_config_set(config, "data.group", "user", NULL);
    model = new_model();
}

static void end(void) {
    mmoe_model_free(model);
    tear_down();
}

/* "u3", "" of every tenth row. */
static const char *const *users(void) {
    static char texts[PART][8];
    static const char *values[PART];
    for (int i = 0; i < PART; i++) {
        texts[i][0] = 0;
        if (i % 10) snprintf(texts[i], sizeof texts[i], "u%d", i * i % 13);
        values[i] = texts[i];
    }
    return values;
}

/* 0 of half of the rows, 1 of a third, 2 of the rest, then six of a row each. */
static const char *const *devices(void) {
    static char texts[PART][8];
    static const char *values[PART];
    for (int i = 0; i < PART; i++) {
        const int of_six[] = {0, 1, 0, 2, 0, 1};
        snprintf(texts[i], sizeof texts[i], "%d", i < 6 ? 10 + i : of_six[i % 6]);
        values[i] = texts[i];
    }
    return values;
}

static void keep(mmoe_dataset *set, const char *column, const char *const *values) {
    SUCCEEDS(mmoe_dataset_keep(set, column, values, &err));
}

/* The rows whose device this is, with their users. */
static mmoe_dataset *rows_of_device(const char *device) {
    static int32_t some_ids[PART * SPARSE];
    static float some_dense[PART * DENSE], some_labels[PART * TASKS];
    const char *some_users[PART];
    mmoe_batch some = {0, some_ids, SPARSE, some_dense, DENSE};
    for (int i = 0; i < PART; i++) {
        if (strcmp(devices()[i], device) != 0) continue;
        const size_t n = some.rows++;
        memcpy(some_ids + n * SPARSE, ids + i * SPARSE, SPARSE * sizeof *ids);
        memcpy(some_dense + n * DENSE, dense + i * DENSE, DENSE * sizeof *dense);
        memcpy(some_labels + n * TASKS, labels + i * TASKS, TASKS * sizeof *labels);
        some_users[n] = users()[i];
    }
    mmoe_dataset *set = NULL;
    SUCCEEDS(mmoe_dataset_create(schema, &some, some_labels, NULL, NULL, &set, &err));
    keep(set, "user", some_users);
    return set;
}

static void assert_near(double a, double b) {
    ck_assert((isnan(a) && isnan(b)) || fabs(a - b) < 1e-12);
}

/* The figures of a slice are those of its rows alone; but the constant is all rows'. */
static void compare_slice(const mmoe_row_slice *slice, const mmoe_task_metrics *whole) {
    mmoe_dataset *set = rows_of_device(slice->value);
    mmoe_task_metrics alone[TASKS];
    ck_assert_int_eq(mmoe_dataset_rows(set), slice->rows);
    SUCCEEDS(mmoe_evaluate(model, set, 1, NULL, alone, &err));
    for (int t = 0; t < TASKS; t++) {
        const mmoe_task_metrics *m = &slice->metrics[t];
        ck_assert_int_eq(m->rows, alone[t].rows);
        for (int i = 0; mmoe_metric_at(MMOE_CLASSIFICATION, (size_t)i); i++)
            assert_near(m->values[i], alone[t].values[i]);
        ck_assert_int_eq(m->groups, alone[t].groups);
        ck_assert_int_eq(m->one_class_group_rows, alone[t].one_class_group_rows);
        ck_assert_int_eq(m->no_group_rows, alone[t].no_group_rows);
        ck_assert(m->constant == whole[t].constant && m->constant_is_of_rows);
        assert_near(m->relative, m->logloss / m->base);
    }
    mmoe_dataset_free(set);
}

START_TEST(slices_are_data_sets_of_their_own) {
    mmoe_task_metrics metrics[TASKS], plain[TASKS];
    mmoe_row_slices *slices = NULL;
    begin();
    keep(valid, "user", users());
    keep(valid, "device", devices());
    SUCCEEDS(mmoe_evaluate(model, valid, 1, NULL, plain, &err));
    for (int threads = 1; threads <= 2; threads++) {
        const mmoe_evaluate_options options = {threads, NULL, NULL, "device", 5};
        SUCCEEDS(mmoe_evaluate_by(model, valid, &options, NULL, metrics, &slices, &err));
        ck_assert_mem_eq(metrics, plain, sizeof metrics);
        ck_assert_str_eq(slices->column, "device");
        ck_assert_uint_eq(slices->count, 5);
        const char *const values[] = {"0", "1", "2", "10",
                                      "11"}; /* of the six singles, the first */
        int64_t rows_of_items = 0;
        for (size_t i = 0; i < slices->count; i++) {
            ck_assert_str_eq(slices->items[i].value, values[i]);
            compare_slice(&slices->items[i], metrics);
            rows_of_items += slices->items[i].rows;
        }
        ck_assert_int_eq(slices->left_out, 4);
        ck_assert_int_eq(slices->rows_left_out, PART - rows_of_items);
        mmoe_row_slices_free(slices);
    }
    const mmoe_evaluate_options one = {.by = "device", .most_slices = 1};
    SUCCEEDS(mmoe_evaluate_by(model, valid, &one, NULL, metrics, &slices, &err));
    ck_assert_uint_eq(slices->count, 1);
    compare_slice(&slices->items[0], metrics);
    mmoe_row_slices_free(slices);
    mmoe_row_slices_free(NULL);
    end();
}
END_TEST

START_TEST(missing_values_are_a_slice_and_no_group) {
    mmoe_task_metrics metrics[TASKS];
    mmoe_row_slices *slices = NULL;
    begin();
    keep(valid, "user", users());
    const mmoe_evaluate_options options = {.by = "user"};
    SUCCEEDS(mmoe_evaluate_by(model, valid, &options, NULL, metrics, &slices, &err));
    size_t missing = 0;
    while (slices->items[missing].value) missing++;
    ck_assert_int_eq(slices->items[missing].rows, PART / 10);
    ck_assert_int_eq(slices->items[missing].metrics[1].groups, 0);
    ck_assert_int_eq(slices->items[missing].metrics[1].no_group_rows, PART / 10);
    ck_assert_int_eq(metrics[1].no_group_rows, PART / 10);
    ck_assert_int_eq(metrics[1].groups, (int64_t)slices->count - 1);
    mmoe_row_slices_free(slices);
    end();
}
END_TEST

START_TEST(what_is_not_kept_is_said) {
    mmoe_task_metrics metrics[TASKS];
    mmoe_error why;
    begin();
    SUCCEEDS(mmoe_evaluate(model, valid, 1, NULL, metrics, &err));
    ck_assert(isnan(metrics[0].gauc) && !metrics[0].group);
    ck_assert_str_eq(metrics[0].why, "the groups' column (data.group) was not kept");
    mmoe_row_slices *slices = NULL;
    mmoe_evaluate_options options = {.by = "device"};
    ck_assert_int_eq(mmoe_evaluate_by(model, valid, &options, NULL, metrics, &slices, &why),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "\"device\""));
    options = (mmoe_evaluate_options){.group_weight = "equal"};
    ck_assert_int_eq(mmoe_evaluate_by(model, valid, &options, NULL, metrics, NULL, &why),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "there are no groups"));
    keep(valid, "user", users());
    SUCCEEDS(mmoe_evaluate_by(model, valid, &options, NULL, metrics, NULL, &err));
    options.group_weight = "clicks";
    ck_assert_int_eq(mmoe_evaluate_by(model, valid, &options, NULL, metrics, NULL, &why),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "impressions | rows | positives | equal"));
    options = (mmoe_evaluate_options){.most_slices = -1};
    ck_assert_int_eq(mmoe_evaluate_by(model, valid, &options, NULL, metrics, NULL, &why),
                     MMOE_E_ARGUMENT);
    end();
}
END_TEST

/* ---- Keeping a file's column ---- */

static char path[64];

static void write_file(const char *text) {
    if (*path) unlink(path);
    strcpy(path, "/tmp/mmoe-slices-XXXXXX");
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
}

static const char three[] = "a,b,d0,d1,x,y,user\n1,2,0,0,1,0,7\n1,2,0,0,0,1,NA\n1,2,0,0,1,1,7.0\n";

START_TEST(a_column_of_a_file_is_kept) {
    mmoe_dataset *set = NULL;
    mmoe_task_metrics metrics[TASKS];
    mmoe_row_slices *slices = NULL;
    mmoe_error why;
    begin();
    write_file(three);
    SUCCEEDS(mmoe_dataset_read_csv(schema, path, MMOE_LABELS_REQUIRED, NULL, &set, &err));
    ck_assert_int_eq(mmoe_dataset_keep_csv(set, schema, path, "device", &why), MMOE_E_FORMAT);
    ck_assert_str_eq(why.column, "device");
    SUCCEEDS(mmoe_dataset_keep_groups(set, config, schema, path, &err));
    SUCCEEDS(mmoe_dataset_keep_csv(set, schema, path, "user", &err)); /* it is already */
    const mmoe_evaluate_options options = {.by = "user"};
    SUCCEEDS(mmoe_evaluate_by(model, set, &options, NULL, metrics, &slices, &err));
    ck_assert_uint_eq(slices->count, 2);
    ck_assert_str_eq(slices->items[0].value, "7"); /* and 7.0 */
    ck_assert_int_eq(slices->items[0].rows, 2);
    ck_assert_ptr_null(slices->items[1].value);
    mmoe_row_slices_free(slices);
    mmoe_dataset_free(set);
    end();
    unlink(path);
}
END_TEST

START_TEST(a_file_that_changed_is_an_error) {
    mmoe_dataset *set = NULL;
    mmoe_error why;
    char longer[256];
    begin();
    write_file(three);
    SUCCEEDS(mmoe_dataset_read_csv(schema, path, MMOE_LABELS_REQUIRED, NULL, &set, &err));
    snprintf(longer, sizeof longer, "%s1,2,0,0,1,1,8\n", three);
    write_file(longer);
    ck_assert_int_eq(mmoe_dataset_keep_csv(set, schema, path, "user", &why), MMOE_E_IO);
    write_file("a,b,d0,d1,x,y,user\n1,2,0,0,1,0,7\n");
    ck_assert_int_eq(mmoe_dataset_keep_csv(set, schema, path, "user", &why), MMOE_E_IO);
    ck_assert_ptr_nonnull(strstr(why.message, "other rows"));
    write_file(three);
    SUCCEEDS(mmoe_dataset_keep_csv(set, schema, path, "user", &err));
    mmoe_dataset_free(set);
    end();
    unlink(path);
}
END_TEST

/* Keeps, evaluates and slices; nothing is left, wherever memory ends. */
static mmoe_status keep_and_slice(const mmoe_allocator *alloc, mmoe_error *why) {
    mmoe_task_metrics metrics[TASKS];
    mmoe_row_slices *slices = NULL;
    mmoe_dataset *set = NULL;
    const mmoe_evaluate_options options = {.threads = 1, .by = "user"};
    mmoe_batch part = batch;
    part.rows = PART;
    mmoe_status status = mmoe_dataset_create(schema, &part, labels, NULL, alloc, &set, why);
    if (!status) status = mmoe_dataset_keep(set, "user", users(), why);
    if (!status) status = mmoe_evaluate_by(model, set, &options, alloc, metrics, &slices, why);
    ck_assert((status == MMOE_OK) == (slices != NULL));
    mmoe_row_slices_free(slices);
    mmoe_dataset_free(set);
    return status;
}

START_TEST(memory_may_end_anywhere) {
    failing f = {.may_shrink = 1};
    const mmoe_allocator alloc = failing_allocator(&f);
    begin();
    while (failing_next(&f)) {
        mmoe_error why = {0};
        failing_check(&f, keep_and_slice(&alloc, &why), &why);
    }
    ck_assert_int_eq(f.live, 0);
    end();
}
END_TEST

/* ---- Ranks ---- */

enum { MOST_RANKS = 8, MANY = 9000 };

/* Of all ranks: one is given other rows, or options, or none is. */
typedef struct ranks_work {
    const mmoe_dataset *set, *other;
    int odd; /* -1: none */
    const char *auc, *odd_auc;
    mmoe_task_metrics metrics[MOST_RANKS][TASKS];
    mmoe_row_slices *slices[MOST_RANKS];
    uint64_t sent[MOST_RANKS];
} ranks_work;

static mmoe_status evaluate_rank(void *context, mmoe_comm *c, mmoe_error *why) {
    ranks_work *w = context;
    const bool is_odd = c->rank == w->odd;
    const mmoe_evaluate_options options = {.threads = 1,
                                           .by = "device",
                                           .auc = is_odd && w->odd_auc ? w->odd_auc : w->auc,
                                           .ranks = c};
    const mmoe_status status =
        mmoe_evaluate_by(model, is_odd && w->other ? w->other : w->set, &options, NULL,
                         w->metrics[c->rank], &w->slices[c->rank], why);
    w->sent[c->rank] = c->bytes_sent;
    return status;
}

static mmoe_status evaluate_by_ranks(ranks_work *w, int ranks, mmoe_error errors[MOST_RANKS]) {
    const mmoe_comm_group_options options = {.size = ranks};
    mmoe_comm_group *g;
    SUCCEEDS(mmoe_comm_group_create(&options, NULL, &g, &err));
    const mmoe_status status = mmoe_comm_group_run(g, evaluate_rank, w, errors);
    mmoe_comm_group_free(g);
    return status;
}

/* So many rows: those of the training rows, again and again. */
static mmoe_dataset *repeated_rows(size_t n) {
    int32_t *many_ids = malloc(n * SPARSE * sizeof *many_ids);
    float *many_dense = malloc(n * DENSE * sizeof *many_dense),
          *many_labels = malloc(n * TASKS * sizeof *many_labels);
    const char **devices_of = malloc(n * sizeof *devices_of);
    for (size_t i = 0; i < n; i++) {
        const size_t k = i * 5 % ROWS;
        memcpy(many_ids + i * SPARSE, ids + k * SPARSE, SPARSE * sizeof *ids);
        memcpy(many_dense + i * DENSE, dense + k * DENSE, DENSE * sizeof *dense);
        memcpy(many_labels + i * TASKS, labels + k * TASKS, TASKS * sizeof *labels);
        many_dense[i * DENSE] += (float)i / MANY;
        devices_of[i] = devices()[i % PART];
    }
    const mmoe_batch all = {n, many_ids, SPARSE, many_dense, DENSE};
    mmoe_dataset *set = NULL;
    SUCCEEDS(mmoe_dataset_create(schema, &all, many_labels, NULL, NULL, &set, &err));
    keep(set, "device", devices_of);
    keep(set, "user", devices_of);
    free(many_ids);
    free(many_dense);
    free(many_labels);
    free(devices_of);
    return set;
}

static void compare_ranks(const ranks_work *w, int ranks, const mmoe_task_metrics *wanted,
                          const mmoe_row_slices *slices) {
    for (int r = 0; r < ranks; r++) {
        ck_assert_mem_eq(w->metrics[r], wanted, sizeof w->metrics[r]);
        ck_assert_uint_eq(w->slices[r]->count, slices->count);
        for (size_t i = 0; i < slices->count; i++)
            ck_assert_mem_eq(w->slices[r]->items[i].metrics, slices->items[i].metrics,
                             TASKS * sizeof *wanted);
        mmoe_row_slices_free(w->slices[r]);
    }
}

/* Of many rows and of few: some ranks have none of these. */
START_TEST(ranks_have_the_metrics_of_one_process) {
    begin();
    for (int k = 0; k < 4; k++) {
        const size_t n = k / 2 ? 3 : MANY;
        ranks_work w = {.odd = -1, .auc = k % 2 ? "binned" : NULL};
        mmoe_dataset *set = repeated_rows(n);
        mmoe_task_metrics wanted[TASKS];
        mmoe_row_slices *slices = NULL;
        const mmoe_evaluate_options options = {.threads = 2, .by = "device", .auc = w.auc};
        w.set = set;
        SUCCEEDS(mmoe_evaluate_by(model, set, &options, NULL, wanted, &slices, &err));
        for (int ranks = 1; ranks <= MOST_RANKS; ranks *= 2) {
            mmoe_error errors[MOST_RANKS] = {{0}};
            ck_assert_msg(evaluate_by_ranks(&w, ranks, errors) == MMOE_OK, "%s", errors[0].message);
            compare_ranks(&w, ranks, wanted, slices);
            if (ranks == 2) ck_assert_uint_ge(w.sent[1], n / 3 * TASKS * sizeof(float));
        }
        mmoe_row_slices_free(slices);
        mmoe_dataset_free(set);
    }
    end();
}
END_TEST

START_TEST(ranks_evaluate_the_same) {
    mmoe_error errors[MOST_RANKS] = {{0}};
    begin();
    mmoe_dataset *set = repeated_rows(50), *other = repeated_rows(51);
    ranks_work w = {.set = set, .other = other, .odd = 1};
    ck_assert_int_eq(evaluate_by_ranks(&w, 2, errors), MMOE_E_CONFIG);
    ck_assert_msg(strstr(errors[0].message, "ranks have unlike \"rows\"") != NULL, "%s",
                  errors[0].message);
    w.other = NULL;
    w.odd_auc = "binned";
    ck_assert_int_eq(evaluate_by_ranks(&w, 2, errors), MMOE_E_CONFIG);
    ck_assert_msg(strstr(errors[1].message, "ranks have unlike \"auc\"") != NULL, "%s",
                  errors[1].message);
    mmoe_dataset_free(set);
    mmoe_dataset_free(other);
    end();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, slices_are_data_sets_of_their_own);
    tcase_add_test(c, missing_values_are_a_slice_and_no_group);
    tcase_add_test(c, what_is_not_kept_is_said);
    tcase_add_test(c, a_column_of_a_file_is_kept);
    tcase_add_test(c, a_file_that_changed_is_an_error);
    tcase_add_test(c, memory_may_end_anywhere);
    tcase_add_test(c, ranks_have_the_metrics_of_one_process);
    tcase_add_test(c, ranks_evaluate_the_same);
}
