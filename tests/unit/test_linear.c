/* The linear part: its fit by what defines a minimum, and what a run makes of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "check_main.h"
#include "model/model.h"
#include "train/linear_fit.h"
#include "training_support.h"

/* ---- The fit ---- */

enum { N = 6, CONSTANT = 4, COPY = 5, FIT_ROWS = 900 };

static float x[FIT_ROWS * N], y[FIT_ROWS * 2], w[FIT_ROWS];
static const mmoe_label_scale plain_scale = {.unit = 1};

static double unit_of(int row, int which) {
    uint32_t r[4];
    mmoe_philox(11, (uint64_t)which, (uint64_t)row, r);
    return (double)r[0] / 2147483648.0 - 1;
}

/* Inputs on several scales, far from 0, one that is the same in all rows and one that copies
 * another; labels of a type, of a curve of the first two. Some are missing. */
static void draw_rows(mmoe_task_type type) {
    for (int i = 0; i < FIT_ROWS; i++) {
        for (int j = 0; j < CONSTANT; j++)
            x[i * N + j] = (float)(pow(10, j - 1) * (unit_of(i, j) + 3 * j));
        x[i * N + CONSTANT] = 7;
        x[i * N + COPY] = 2 * x[i * N + 1] + 1;
        const double z = 8 * (double)x[i * N] - 0.7 * (double)x[i * N + 1] + 1.5,
                     u = (unit_of(i, 9) + 1) / 2;
        double label = z + unit_of(i, 10);
        if (type == MMOE_CLASSIFICATION) label = u < 1 / (1 + exp(-z));
        if (type == MMOE_POISSON) label = floor(2 * u * exp(z / 4));
        y[2 * i] = unit_of(i, 11) > 0.8 ? NAN : (float)label;
        y[2 * i + 1] = unit_of(i, 12) > 0;
        w[i] = i % 7 ? (float)(unit_of(i, 13) + 1.5) : 0;
    }
}

static mmoe_linear_task task_of(mmoe_task_type type) {
    return (mmoe_linear_task){.kind = mmoe_loss_kind_of(type),
                              .scale = &plain_scale,
                              .shape = {0, 1, 0},
                              .given = -1,
                              .n = N};
}

static void fit(const mmoe_linear_task *task, int batch_rows, float out[N + 1], bool is_found) {
    mmoe_linear_fit *f;
    const mmoe_allocator a = mmoe_allocator_or_default(NULL);
    const mmoe_rows all = {.rows = FIT_ROWS,
                           .dense = x,
                           .dense_stride = N,
                           .labels = y,
                           .label_stride = 2,
                           .weights = w};
    int passes = 0;
    SUCCEEDS(mmoe_linear_fit_create(task, &a, &f, &err));
    do {
        for (int first = 0; first < FIT_ROWS; first += batch_rows) {
            const int rest = FIT_ROWS - first;
            const mmoe_rows part =
                mmoe_rows_part(&all, first, rest < batch_rows ? rest : batch_rows);
            mmoe_linear_fit_see(f, &part, 0, 1);
        }
        ck_assert_int_lt(++passes, 61);
    } while (!mmoe_linear_fit_end(f));
    ck_assert(mmoe_linear_fit_read(f, out) == is_found);
    mmoe_linear_fit_free(f);
}

static bool counts(const mmoe_linear_task *task, int row) {
    return !isnan(y[2 * row]) && w[row] > 0 && (task->given < 0 || y[2 * row + 1] == 1);
}

/* The mean over the rows' weights of the gradient by an input of a root mean square of 1; input N
 * is the constant. */
static double gradient(const mmoe_linear_task *task, const float *at, int input, double penalty) {
    double sum = 0, weights = 0, mean = 0, square = 0;
    for (int i = 0; i < FIT_ROWS; i++) {
        double z = (double)at[N], mu, variance;
        if (!counts(task, i)) continue;
        for (int j = 0; j < N; j++) z += (double)at[j] * (double)x[i * N + j];
        task->kind->cumulant(z, &mu, &variance);
        const double in = input < N ? (double)x[i * N + input] : 1, weight = (double)w[i];
        sum += weight * ((double)y[2 * i] - mu) * in;
        weights += weight;
        mean += weight * in;
        square += weight * in * in;
    }
    mean /= weights;
    square /= weights;
    if (input < N) sum -= penalty * (double)at[input] * fmax(0, square - mean * mean);
    return sum / weights / sqrt(square);
}

/* By which the first input's gradient is 0; it is a line of the penalty. */
static double penalty_of(const mmoe_linear_task *task, const float *at) {
    const double none = gradient(task, at, 0, 0);
    return none / (none - gradient(task, at, 0, 1));
}

/* Of squares but for lambda, which is small for so many rows of a line, and some noise. */
START_TEST(the_fit_is_a_minimum) {
    const mmoe_task_type type = (mmoe_task_type)_i;
    const bool is_square = type == MMOE_REGRESSION;
    const double near = is_square ? 1e-2 : 2e-5;
    float row[N + 1], others[N + 1];
    draw_rows(type);
    for (int given = 0; given < 2; given++) {
        mmoe_linear_task task = task_of(type);
        task.given = given ? 1 : -1;
        fit(&task, FIT_ROWS, row, true);
        const double penalty = is_square ? 0 : penalty_of(&task, row);
        ck_assert_double_gt(penalty, -1);
        for (int j = 0; j <= N; j++)
            ck_assert_double_eq_tol(gradient(&task, row, j, penalty), 0, near);
        ck_assert_float_eq(row[CONSTANT], 0);
        ck_assert_float_ne(row[0], 0);
        fit(&task, 7, others, true);
        ck_assert(memcmp(row, others, sizeof row) == 0);
    }
}
END_TEST

/* To what floats have of it. */
START_TEST(a_line_is_found) {
    const mmoe_linear_task task = task_of(MMOE_REGRESSION);
    float row[N + 1];
    draw_rows(MMOE_REGRESSION);
    for (int i = 0; i < FIT_ROWS; i++)
        y[2 * i] = (float)(40000 * (double)x[i * N] - 3 * (double)x[i * N + 2] + 90000);
    fit(&task, FIT_ROWS, row, true);
    ck_assert_double_eq_tol((double)row[0], 40000, 0.1);
    ck_assert_double_eq_tol((double)row[2], -3, 1e-3);
    ck_assert_double_eq_tol((double)row[N], 90000, 0.1);
    for (int i = 0; i < FIT_ROWS; i++) y[2 * i] = NAN;
    fit(&task, FIT_ROWS, row, false);
    for (int j = 0; j <= N; j++) ck_assert_float_eq(row[j], 0);
    for (int i = 0; i < FIT_ROWS; i++) y[2 * i] = 3e38F * (float)(i % 2 ? 1 : -1);
    for (int i = 0; i < FIT_ROWS; i++) x[i * N] = 1e-30F * (float)i;
    fit(&task, FIT_ROWS, row, false);
}
END_TEST

/* Of 24 rows, as many as 5 columns would be a fifth of: they are no degrees of freedom. */
START_TEST(columns_of_one_value_choose_no_ridge) {
    enum { FEW = 24 };
    const mmoe_linear_task both = task_of(MMOE_REGRESSION);
    mmoe_linear_task one = both;
    float row[N + 1], alone[N + 1];
    one.n = 1;
    for (int first = 0; first + FEW <= FIT_ROWS; first += FEW) {
        for (int i = 0; i < FIT_ROWS; i++) {
            for (int j = 0; j < N; j++) x[i * N + j] = j ? (float)j : (float)unit_of(i, j);
            y[2 * i] = (float)(0.3 * (double)x[i * N] + unit_of(i, 10));
            w[i] = i >= first && i < first + FEW;
        }
        fit(&both, FIT_ROWS, row, true);
        fit(&one, FIT_ROWS, alone, true);
        ck_assert_float_eq_tol(row[0], alone[0], 1e-5F);
        ck_assert_float_eq_tol(row[N], alone[1], 1e-5F);
        for (int j = 1; j < N; j++) ck_assert_float_eq(row[j], 0);
    }
}
END_TEST

/* Labels that no input tells anything of: the ridge is as large as may be. */
START_TEST(of_chance_nothing_is_learned) {
    const mmoe_linear_task task = task_of(MMOE_CLASSIFICATION);
    float row[N + 1];
    draw_rows(MMOE_CLASSIFICATION);
    for (int i = 0; i < FIT_ROWS; i++) {
        for (int j = 0; j < N; j++) x[i * N + j] = (float)unit_of(i, j);
        y[2 * i] = (float)(unit_of(i, 11) < 0.5);
        w[i] = i < 40;
    }
    fit(&task, FIT_ROWS, row, true);
    double square = 0;
    for (int j = 0; j < N; j++) square += (double)row[j] * (double)row[j];
    ck_assert_double_lt(square, 0.05);
}
END_TEST

/* The first step, as if the mean's logarithm were its line, leads past all floats. */
START_TEST(rare_large_counts_are_found) {
    enum { RARE = 225 }; /* one of so many */
    mmoe_linear_task task = task_of(MMOE_POISSON);
    const double large = _i ? 1e6 : 8000;
    float row[N + 1];
    draw_rows(MMOE_POISSON);
    task.n = 1;
    for (int i = 0; i < FIT_ROWS; i++) {
        x[i * N] = i % RARE == 7;
        y[2 * i] = i % RARE == 7 ? (float)large : (float)(i % 3);
        w[i] = 1;
    }
    fit(&task, FIT_ROWS, row, true);
    ck_assert_double_eq_tol((double)row[0] + (double)row[1], log(large), 0.01);
    ck_assert_double_eq_tol((double)row[1], 0, 0.05);
}
END_TEST

/* Positive rows that count twice are as if each stood there twice. */
START_TEST(labels_are_as_the_loss_has_them) {
    mmoe_linear_task task = task_of(MMOE_CLASSIFICATION);
    float row[N + 1], weighed[N + 1];
    draw_rows(MMOE_CLASSIFICATION);
    task.shape.positive_weight = 2;
    fit(&task, FIT_ROWS, row, true);
    task.shape.positive_weight = 1;
    for (int i = 0; i < FIT_ROWS; i++)
        if (y[2 * i] == 1) w[i] *= 2;
    fit(&task, FIT_ROWS, weighed, true);
    for (int j = 0; j <= N; j++)
        ck_assert_double_eq_tol((double)row[j], (double)weighed[j],
                                1e-3 * (1 + fabs((double)row[j])));
}
END_TEST

/* ---- A run ---- */

/* Those that set_up made, with labels as they are now. */
static void make_rows_again(void) {
    const char *const columns[] = {"a", "b", "d0", "d1"};
    mmoe_dataset_free(rows);
    mmoe_dataset_free(valid);
    mmoe_schema_free(schema);
    SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &rows, &err));
    mmoe_batch part = batch;
    part.rows = 200;
    SUCCEEDS(mmoe_dataset_create(schema, &part, labels, NULL, NULL, &valid, &err));
}

/* A line of the dense columns for the first task, what no line says for the second. */
static void set_up_run(const char *trainer_keys) {
    set_up("", ", \"linear\": true", trainer_keys);
    SUCCEEDS(mmoe_config_set(config, "tasks.0.type", "regression", &err));
    SUCCEEDS(mmoe_config_set(config, "trainer.earlystop_metric", "relative", &err));
    SUCCEEDS(mmoe_config_set(config, "trainer.earlystop_task", "mean", &err));
    for (int i = 0; i < ROWS; i++) {
        labels[i * TASKS] = 3 * dense[i * DENSE] - 0.5F * dense[i * DENSE + 1] + 2;
        labels[i * TASKS + 1] = ids[i * SPARSE] % 3 == 0;
    }
    make_rows_again();
}

typedef struct run_notes {
    int first, last, best, stop_at; /* epochs; stop_at -1: never */
    mmoe_task_metrics at_first[TASKS], at_best[TASKS];
} run_notes;

static int note(void *user, const mmoe_epoch_report *r) {
    run_notes *n = user;
    if (n->first < 0) n->first = r->epoch;
    n->last = r->epoch;
    const size_t bytes = (size_t)r->n_task * sizeof *r->valid;
    if (n->first == r->epoch && r->valid) memcpy(n->at_first, r->valid, bytes);
    if (r->is_best) n->best = r->epoch;
    if (r->is_best && r->valid) memcpy(n->at_best, r->valid, bytes);
    if (r->epoch == 0) {
        ck_assert(isnan(r->loss) && r->rows == 0 && r->lr == 0);
        ck_assert_int_eq(r->is_best, 1);
    }
    return r->epoch == n->stop_at;
}

static mmoe_trainer *trainer_of(mmoe_model *model, run_notes *n, int threads, const char *path) {
    mmoe_trainer *trainer = NULL;
    *n = (run_notes){-1, -1, -1, n->stop_at, {{0}}, {{0}}};
    const mmoe_trainer_options options = {.threads = threads,
                                          .single_threaded_blas = 1,
                                          .user = n,
                                          .on_epoch = note,
                                          .checkpoint_path = path};
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    return trainer;
}

static void check_figures(const mmoe_model *model, const run_notes *n) {
    mmoe_task_metrics metrics[TASKS];
    SUCCEEDS(mmoe_evaluate(model, valid, 1, NULL, metrics, &err));
    ck_assert_double_eq(metrics[0].rmse, n->at_best[0].rmse);
    ck_assert_double_eq(metrics[1].logloss, n->at_best[1].logloss);
}

/* The line is kept while the other task is learned; without validation rows nothing is measured. */
START_TEST(a_task_keeps_its_line) {
    run_notes n = {.stop_at = -1};
    set_up_run(", \"n_epoch\": 8, \"optimizer_params\": {\"lr\": 0.01}");
    if (_i) SUCCEEDS(mmoe_config_set(config, "trainer.ema_decay", "0.9", &err));
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = trainer_of(model, &n, 2, NULL);
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
    ck_assert_int_eq(n.first, 0);
    ck_assert_int_gt(n.best, 0);
    ck_assert_double_lt(n.at_first[0].rmse, 1e-6);
    ck_assert_double_eq(n.at_best[0].rmse, n.at_first[0].rmse);
    ck_assert_double_lt(n.at_best[1].logloss, n.at_first[1].logloss);
    check_figures(model, &n);
    n.first = -1; /* a second run goes on with the weights */
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
    ck_assert_int_eq(n.first, 1);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    model = new_model();
    trainer = trainer_of(model, &n, 2, NULL);
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, NULL, &err));
    ck_assert_int_eq(n.first, 1);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

/* Steps that lead away from everything leave the linear model. */
START_TEST(the_best_epoch_may_be_0) {
    run_notes n = {.stop_at = -1};
    set_up_run(", \"n_epoch\": 3, \"optimizer_params\": {\"lr\": 100}");
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = trainer_of(model, &n, 1, NULL);
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
    ck_assert_int_eq(n.best, 0);
    ck_assert_str_eq(mmoe_model_meta(model, "training.epoch"), "0");
    check_figures(model, &n);
    const mmoe_tensor_info heads = tensor_named(model, "towers.0.mlp.4.weight");
    for (size_t i = 0; i < count_of(&heads); i++)
        ck_assert_float_eq(((const float *)heads.data)[i], 0);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

/* Of nested tasks none keeps its linear model: an epoch that is the best is kept whole. */
START_TEST(nested_tasks_are_those_of_the_best_epoch) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 50},"
        " {\"name\": \"b\", \"vocab_size\": 7}], \"dense\": [{\"name\": \"d*\"}]},"
        " \"tasks\": [{\"name\": \"x\", \"label\": \"x\"},"
        " {\"name\": \"y\", \"label\": \"y\"}],"
        " \"model\": {\"name\": \"esmm\", \"linear\": true}, \"trainer\": {\"n_epoch\": 8,"
        " \"batch_size\": 100, \"optimizer_params\": {\"lr\": 0.01}}}";
    run_notes n = {.stop_at = -1};
    set_up("", "", "");
    mmoe_config_free(config);
    SUCCEEDS(mmoe_config_parse(json, sizeof json - 1, NULL, NULL, &config, &err));
    for (int i = 0; i < ROWS; i++) {
        labels[i * TASKS] = ids[i * SPARSE] % 3 != 0;
        labels[i * TASKS + 1] = ids[i * SPARSE] % 3 == 1;
    }
    make_rows_again();
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = trainer_of(model, &n, 2, NULL);
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
    ck_assert_int_eq(n.first, 0);
    ck_assert_int_gt(n.best, 0);
    mmoe_task_metrics metrics[TASKS];
    SUCCEEDS(mmoe_evaluate(model, valid, 1, NULL, metrics, &err));
    for (int i = 0; i < TASKS; i++) ck_assert_double_eq(metrics[i].logloss, n.at_best[i].logloss);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

/* What training told of is in the file too. */
static void assert_same_texts(const mmoe_model *a, const mmoe_model *b) {
    const char *key, *value, *other;
    size_t i = 0;
    for (; (key = mmoe_model_meta_at(a, i, &value)); i++) {
        ck_assert_pstr_eq(mmoe_model_meta_at(b, i, &other), key);
        ck_assert_str_eq(other, value);
    }
    ck_assert_uint_gt(i, 0);
    ck_assert_ptr_null(mmoe_model_meta_at(b, i, NULL));
}

/* Stopped behind epoch _i, and on another number of threads; the last behind epoch 0, which is the
 * best of all. */
START_TEST(a_resumed_run_has_the_same_bits) {
    run_notes n = {.stop_at = -1};
    char path[] = "/tmp/mmoe-linear-XXXXXX";
    close(mkstemp(path));
    set_up_run(", \"n_epoch\": 5, \"ema_decay\": 0.5, \"optimizer_params\": {\"lr\": 0.01}");
    if (_i == 4) SUCCEEDS(mmoe_config_set(config, "trainer.optimizer_params.lr", "100", &err));
    mmoe_model *whole = new_model(), *model = new_model();
    mmoe_trainer *trainer = trainer_of(whole, &n, 3, NULL);
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
    mmoe_trainer_free(trainer);
    n.stop_at = _i % 4;
    trainer = trainer_of(model, &n, 1, path);
    ck_assert_int_eq(mmoe_trainer_fit(trainer, rows, valid, NULL), MMOE_E_CANCELLED);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    n.stop_at = -1;
    model = new_model();
    trainer = trainer_of(model, &n, 2, path);
    SUCCEEDS(mmoe_trainer_resume(trainer, path, &err));
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
    ck_assert_int_gt(n.first, 0);
    ck_assert(_i < 4 || n.best < 0);
    assert_same_models(whole, model);
    assert_same_texts(whole, model);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_model_free(whole);
    unlink(path);
    tear_down();
}
END_TEST

static int warnings;
static void count_warning(void *user, const mmoe_warning *warning) {
    (void)user;
    warnings += warning->key && strcmp(warning->key, "model.linear") == 0;
}

/* Without dense columns, or with too many, there is nothing to begin with. */
START_TEST(some_models_have_no_start) {
    enum { WIDE = MMOE_LINEAR_MOST + 1, COUNT = 30 };
    static const char *const jsons[] = {"\"sparse\": [{\"name\": \"a\", \"vocab_size\": 3}]",
                                        "\"dense\": [{\"name\": \"v\", \"dim\": 513}]"};
    static float values[COUNT * WIDE], classes[COUNT];
    static int32_t numbers[COUNT];
    const char *const columns[] = {_i ? "v" : "a"};
    const mmoe_batch data = {COUNT, _i ? NULL : numbers, _i ? 0 : 1, _i ? values : NULL,
                             _i ? WIDE : 0};
    char json[512];
    run_notes n = {.stop_at = -1};
    snprintf(json, sizeof json,
             "{\"features\": {%s}, \"tasks\": [{\"name\": \"x\", \"label\": \"x\"}], "
             "\"model\": {\"linear\": true}, \"trainer\": {\"n_epoch\": 1}}",
             jsons[_i]);
    for (int i = 0; i < COUNT; i++) {
        numbers[i] = i % 3;
        classes[i] = (float)(i % 2);
        for (int k = 0; k < WIDE; k++) values[i * WIDE + k] = (float)unit_of(i, k);
    }
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 1, NULL, &schema, &err));
    SUCCEEDS(mmoe_dataset_create(schema, &data, classes, NULL, NULL, &rows, &err));
    mmoe_model *model = new_model();
    mmoe_trainer *trainer;
    const mmoe_trainer_options options = {
        .threads = 1, .user = &n, .on_epoch = note, .on_warning = count_warning};
    n.first = -1;
    warnings = 0;
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, rows, &err));
    ck_assert_int_eq(n.first, 1);
    ck_assert_int_eq(warnings, _i);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, the_fit_is_a_minimum, 0, MMOE_TASK_TYPE_COUNT);
    tcase_add_test(c, a_line_is_found);
    tcase_add_loop_test(c, rare_large_counts_are_found, 0, 2);
    tcase_add_test(c, columns_of_one_value_choose_no_ridge);
    tcase_add_test(c, of_chance_nothing_is_learned);
    tcase_add_test(c, labels_are_as_the_loss_has_them);
    tcase_add_loop_test(c, a_task_keeps_its_line, 0, 2);
    tcase_add_test(c, the_best_epoch_may_be_0);
    tcase_add_test(c, nested_tasks_are_those_of_the_best_epoch);
    tcase_add_loop_test(c, a_resumed_run_has_the_same_bits, 0, 5);
    tcase_add_loop_test(c, some_models_have_no_start, 0, 2);
}
