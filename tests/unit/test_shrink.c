/* trainer.shrink: a task that validation rows say is too sure, or worse than its constant. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "data/schema.h"
#include "model/model.h"
#include "training_support.h"

static void make_rows(const char *const *columns, mmoe_dataset **out, int count) {
    mmoe_batch part = batch;
    part.rows = count;
    if (!schema) SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    SUCCEEDS(mmoe_dataset_create(schema, &part, labels, NULL, NULL, out, &err));
}

static int stop(void *user, const mmoe_epoch_report *r) { return r->epoch == *(int *)user; }

static int told; /* warnings of the first task, by their key */
static void tell(void *user, const mmoe_warning *warning) {
    (void)user;
    told += warning->key && strcmp(warning->key, "trainer.shrink") == 0 &&
            strcmp(warning->subject, "x") == 0;
}

static mmoe_model *shrunk_model(const char *shrink, int stop_at, char *path) {
    SUCCEEDS(mmoe_config_set(config, "trainer.shrink", shrink, &err));
    mmoe_model *model = new_model();
    mmoe_trainer *trainer;
    const mmoe_trainer_options options = {.threads = path ? 1 : 2,
                                          .single_threaded_blas = 1,
                                          .user = &stop_at,
                                          .on_epoch = stop,
                                          .on_warning = tell,
                                          .checkpoint_path = path};
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    if (path && stop_at < 0) SUCCEEDS(mmoe_trainer_resume(trainer, path, &err));
    ck_assert_int_eq(mmoe_trainer_fit(trainer, rows, valid, NULL),
                     stop_at < 0 ? MMOE_OK : MMOE_E_CANCELLED);
    mmoe_trainer_free(trainer);
    return model;
}

/* What is left of the first task's last layer; the second's is as it was. */
static double check_heads(const mmoe_model *plain, const mmoe_model *shrunk) {
    const mmoe_tensor_info a = tensor_named(plain, "towers.0.mlp.4.weight"),
                           b = tensor_named(shrunk, "towers.0.mlp.4.weight"),
                           c = tensor_named(plain, "towers.1.mlp.8.weight"),
                           d = tensor_named(shrunk, "towers.1.mlp.8.weight");
    const float *from = a.data, *to = b.data;
    const double left = round(16 * (double)to[0] / (double)from[0]) / 16;
    for (size_t i = 0; i < count_of(&a); i++)
        ck_assert_float_eq(to[i], (float)(left * (double)from[i]));
    ck_assert_mem_eq(c.data, d.data, count_of(&c) * sizeof(float));
    return left;
}

static double bias_of(const mmoe_model *model, bool is_linear) {
    const mmoe_tensor_info head = tensor_named(model, "towers.0.mlp.4.bias");
    double sum = (double)*(const float *)head.data;
    if (is_linear) sum += (double)*(const float *)tensor_named(model, "linear.bias").data;
    return sum;
}

/* In the validation rows 8 of 20 labels of the first task are the other way round: what is learned
 * of it is worse than its constant; or so few that it is better, and too sure. */
START_TEST(a_task_is_drawn_towards_its_constant) {
    static const char logloss[] = "training.x.logloss";
    char path[] = "/tmp/mmoe-shrink-XXXXXX";
    mmoe_task_metrics before[TASKS], after[TASKS];
    close(mkstemp(path));
    static const int flipped[] = {8, 8, 4};
    const bool is_linear = _i % 2, is_worse = _i < 2;
    set_up("", is_linear ? ", \"linear\": true" : "",
           ", \"n_epoch\": 4, \"ema_decay\": 0.5, \"optimizer_params\": {\"lr\": 0.05}");
    for (int i = 0; i < ROWS * TASKS; i++) labels[i] = (float)(ids[i / TASKS * SPARSE] % 3 == 0);
    const char *const columns[] = {"a", "b", "d0", "d1"};
    mmoe_dataset_free(rows);
    mmoe_dataset_free(valid);
    mmoe_schema_free(schema);
    schema = NULL;
    make_rows(columns, &rows, ROWS);
    for (int i = 0; i < 200; i++)
        if (i % 20 < flipped[_i]) labels[i * TASKS] = 1 - labels[i * TASKS];
    make_rows(columns, &valid, 200);
    told = 0;
    mmoe_model *plain = shrunk_model("false", -1, NULL);
    ck_assert_int_eq(told, 0);
    mmoe_model *shrunk = shrunk_model("true", -1, NULL);
    ck_assert_int_eq(told, 1);
    SUCCEEDS(mmoe_evaluate(plain, valid, 1, NULL, before, &err));
    SUCCEEDS(mmoe_evaluate(shrunk, valid, 1, NULL, after, &err));
    ck_assert_int_eq(before[0].logloss > before[0].base, is_worse);
    ck_assert_double_lt(after[0].logloss, fmin(before[0].logloss, after[0].base));
    ck_assert_double_eq_tol(after[0].auc, before[0].auc, 1e-3); /* ties */
    ck_assert_double_eq(after[1].logloss, before[1].logloss);
    const double left = check_heads(plain, shrunk), mean = after[0].constant,
                 constant = log(mean / (1 - mean));
    ck_assert(left > 0 && left < 1);
    ck_assert_double_eq_tol(bias_of(shrunk, is_linear),
                            constant + left * (bias_of(plain, is_linear) - constant), 1e-5);
    ck_assert_double_eq_tol(strtod(mmoe_model_meta(shrunk, logloss), NULL), after[0].logloss, 1e-6);
    mmoe_model_free(shrunk_model("true", 2, path));
    mmoe_model *resumed = shrunk_model("true", -1, path);
    assert_same_models(shrunk, resumed);
    ck_assert_str_eq(mmoe_model_meta(shrunk, logloss), mmoe_model_meta(resumed, logloss));
    mmoe_model_free(resumed);
    mmoe_model_free(shrunk);
    mmoe_model_free(plain);
    unlink(path);
    tear_down();
}
END_TEST

void add_cases(TCase *c) { tcase_add_loop_test(c, a_task_is_drawn_towards_its_constant, 0, 3); }
