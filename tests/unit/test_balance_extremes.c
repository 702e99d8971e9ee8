/* Tasks whose gradient is 0, tiny, huge, parallel or opposite to another's: every way of balancing
 * gives finite factors, step after step, and training goes on. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "models_support.h"
#include "succeeds.h"
#include "train/balance.h"
#include "train/trainer.h"

enum { TASKS = 3, DIM = 4, STEPS = 400, ROWS = 512 };

typedef struct extreme_case {
    const char *name;
    double length[TASKS];
    int alike; /* 1: gradients on one line; -1: the second against the first; 0: of their own */
} extreme_case;

static const extreme_case extremes[] = {
    {"one is 0", {1, 0, 2}, 0},
    {"the first is 0", {0, 1, 2}, 0},
    {"all but one are 0", {0, 0, 1}, 0},
    {"all are 0", {0, 0, 0}, 0},
    {"one is tiny", {1, 1e-30, 1}, 0},
    {"the first is tiny", {1e-30, 1, 1}, 0},
    {"one is below single precision", {1, 1e-44, 1}, 0},
    {"one is huge", {1, 1e30, 1}, 0},
    {"the first is huge", {1e30, 1, 1}, 0},
    {"all are tiny", {1e-30, 2e-30, 3e-30}, 0},
    {"all are huge", {1e30, 2e30, 3e30}, 0},
    {"on one line", {1, 2, 3}, 1},
    {"opposite, of one length", {1, 1, 0}, -1},
    {"opposite, nearly of one length", {1, 1 + 1e-9, 1e-12}, -1},
    {"opposite, tiny and huge", {1e30, 1e-30, 1}, -1},
};
enum { EXTREMES = sizeof extremes / sizeof *extremes };

/* Gradient of a task at a step, [DIM]. */
static void gradient_of(const extreme_case *e, int task, int step, double *g) {
    for (int d = 0; d < DIM; d++) {
        const double own = sin(1 + 3.7 * task + 1.3 * d + 0.01 * step * (task + 1)),
                     common = cos(0.5 + d);
        const double sign = e->alike < 0 && task == 1 ? -1 : 1;
        g[d] = e->length[task] * (e->alike ? sign * common : own);
    }
}

static void fill_products(mmoe_balance *b, const extreme_case *e, int step) {
    double g[TASKS][DIM];
    for (int t = 0; t < TASKS; t++) gradient_of(e, t, step, g[t]);
    for (int k = 0; k < b->n_block; k++)
        for (int i = 0; i < TASKS; i++)
            for (int j = 0; j < TASKS; j++) {
                double sum = 0;
                for (int d = 0; d < DIM; d++) sum += g[i][d] * g[j][d];
                b->gram[(k * TASKS + i) * TASKS + j] = sum;
            }
}

static mmoe_config *config_of(const char *method) {
    char json[1024];
    mmoe_config *config;
    snprintf(json, sizeof json,
             "{\"features\": {\"dense\": [{\"name\": \"x\"}]}, \"tasks\": ["
             "{\"name\": \"a\", \"label\": \"a\"}, {\"name\": \"b\", \"label\": \"b\"},"
             "{\"name\": \"c\", \"label\": \"c\"}], \"trainer\": {\"adaptive_params\": {%s}}}",
             method);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    return config;
}

static void balance_steps(const char *method, const extreme_case *e) {
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    mmoe_config *config = config_of(method);
    mmoe_balance b;
    SUCCEEDS(mmoe_balance_init(&b, config, TASKS, 2, &alloc, &err));
    const mmoe_optimizer_config descent = {.kind = MMOE_SGD, .lr = 0.02f};
    mmoe_rule rule = mmoe_rule_of(&descent, false);
    mmoe_rule_begin(&rule, 2, descent.lr);
    for (int step = 0; step < STEPS; step++) {
        const double weight[TASKS] = {1, 1, step % 7 > 0};
        double losses[TASKS], after[TASKS];
        for (int t = 0; t < TASKS; t++) {
            losses[t] = e->length[t] * (1 + 0.5 * cos(step + t));
            after[t] = losses[t] * 0.9;
        }
        fill_products(&b, e, step);
        SUCCEEDS(mmoe_balance_factors(&b, (uint64_t)step, losses, weight, &err));
        for (int i = 0; i < b.n_block * TASKS; i++)
            ck_assert_msg(fabs(b.factor[i]) <= 1e12, "%s, step %d: factor %d is %g", e->name, step,
                          i, b.factor[i]);
        mmoe_balance_update(&b, &rule, losses, after);
        for (int64_t i = 0; i < b.n_state; i++)
            ck_assert_msg(isfinite(b.state[i]), "%s, step %d: state %d is %g", e->name, step,
                          (int)i, b.state[i]);
        if (step % 50 == 49) mmoe_balance_end_epoch(&b, losses);
    }
    mmoe_balance_finish(&b);
    mmoe_config_free(config);
}

START_TEST(test_factors_are_finite) {
    for (int e = 0; e < EXTREMES; e++) balance_steps(model_methods[_i], &extremes[e]);
}
END_TEST

/* A silent task leaves the others' combination as it is without it. */
START_TEST(test_silent_task_changes_nothing) {
    static const char *const methods[] = {"\"method\": \"pcgrad\"", "\"method\": \"cagrad\"",
                                          "\"method\": \"mgda\"", "\"method\": \"aligned_mtl\""};
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    mmoe_config *config = config_of(methods[_i]);
    mmoe_balance b;
    double without[TASKS], losses[TASKS] = {1, 1, 1};
    SUCCEEDS(mmoe_balance_init(&b, config, TASKS, 1, &alloc, &err));
    for (int silent = 0; silent < 2; silent++) {
        const extreme_case e = {"", {1, 2, silent ? 1e-20 : 1}, 0};
        const double weight[TASKS] = {1, 1, silent};
        fill_products(&b, &e, 3);
        SUCCEEDS(mmoe_balance_factors(&b, 3, losses, weight, &err));
        if (!silent) memcpy(without, b.factor, sizeof without);
    }
    for (int t = 0; t < TASKS; t++) ck_assert_double_eq(b.factor[t], without[t]);
    mmoe_balance_finish(&b);
    mmoe_config_free(config);
}
END_TEST

/* A tower of width 1 without batch norm: its relu dies in some batches, or for good. */
START_TEST(test_dead_towers_do_not_end_training) {
    static int32_t ids[ROWS];
    static float labels[ROWS * 2];
    char json[1024];
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *rows;
    mmoe_model *model;
    mmoe_trainer *trainer;
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [{\"name\": \"u\", \"vocab_size\": 20}]}, \"tasks\": ["
             "{\"name\": \"a\", \"label\": \"a\", \"tower_params\": {\"dims\": [1], "
             "\"batch_norm\": false}}, {\"name\": \"b\", \"label\": \"b\", \"tower_params\": "
             "{\"dims\": [1], \"batch_norm\": false}}], \"trainer\": {\"batch_size\": 16, "
             "\"n_epoch\": 40, \"seed\": %d, \"optimizer_params\": {\"lr\": 0.02}, "
             "\"adaptive_params\": {%s}}}",
             _i / METHODS + 1, model_methods[_i % METHODS]);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, (const char *const[]){"u"}, 1, NULL, &schema, &err));
    for (int i = 0; i < ROWS; i++) {
        ids[i] = i * 7 % 20;
        labels[2 * i] = (float)(i % 3 == 0);
        labels[2 * i + 1] = (float)(i % 20 < 6);
    }
    const mmoe_batch batch = {.rows = ROWS, .ids = ids, .id_stride = 1};
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &rows, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    SUCCEEDS(
        mmoe_trainer_create(model, &(mmoe_trainer_options){.threads = 1}, NULL, &trainer, &err));
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, NULL, &err));
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, test_factors_are_finite, 0, METHODS);
    tcase_add_loop_test(c, test_silent_task_changes_nothing, 0, 4);
    tcase_add_loop_test(c, test_dead_towers_do_not_end_training, 0,
                        (IS_EMULATED ? 1 : 3) * METHODS);
}
