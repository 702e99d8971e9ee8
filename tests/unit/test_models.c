/* Every model of the family: trained with any number of threads it is the same, saved and loaded it
 * is the same, and what is served is what is evaluated. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "files.h"
#include "models_support.h"
#include "succeeds.h"

enum { ROWS = 700, SPARSE = 3, DENSE = 2, TASKS = 2, BATCH = 400 };

static int32_t ids[ROWS * SPARSE];
static float dense[ROWS * DENSE], labels[ROWS * TASKS], scores[ROWS * TASKS];
static const mmoe_batch batch = {ROWS, ids, SPARSE, dense, DENSE};

static mmoe_config *config;
static mmoe_schema *schema;
static mmoe_dataset *rows;
static mmoe_model *model;
static char path[64];

static mmoe_model *new_model(void) {
    mmoe_model *made = NULL;
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &made, &err));
    return made;
}

static void set_up(int which) {
    char json[1024];
    models_json(json, which, 0, BATCH);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, models_columns, MODELS_COLUMNS, NULL, &schema, &err));
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < SPARSE; k++)
            ids[i * SPARSE + k] = (i * 31 + i / 7 * k) % (k == 1 ? 7 : 50);
        for (int k = 0; k < DENSE; k++) dense[i * DENSE + k] = (float)(i % (k + 5)) - 2;
        labels[i * TASKS] = i % 9 == 0 ? NAN : (float)(i % 3 == 0);
        labels[i * TASKS + 1] = (float)(i % 6 == 0);
    }
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &rows, &err));
    model = new_model();
    strcpy(path, "/tmp/mmoe-models-XXXXXX");
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
}

static void tear_down(void) {
    unlink(path);
    mmoe_model_free(model);
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}

/* Three whole batches and a short one. */
static void train(mmoe_model *of, int threads) {
    mmoe_trainer *trainer;
    const mmoe_trainer_options options = {.threads = threads, .single_threaded_blas = 1};
    SUCCEEDS(mmoe_trainer_create(of, &options, NULL, &trainer, &err));
    for (size_t first = 0; first < ROWS; first += 100)
        SUCCEEDS(mmoe_trainer_step(trainer, rows, first,
                                   first + BATCH <= ROWS ? BATCH : ROWS - first, NULL, &err));
    mmoe_trainer_free(trainer);
}

static size_t save(const mmoe_model *of, char **bytes) {
    SUCCEEDS(mmoe_model_save(of, path, &err));
    size_t size;
    *bytes = get_file(path, &size);
    return size;
}

START_TEST(threads_change_no_bit) {
    set_up(_i);
    char *start, *one, *other;
    size_t size = save(model, &start);
    train(model, 1);
    ck_assert_uint_eq(save(model, &one), size);
    ck_assert(memcmp(start, one, size) != 0);
    for (int threads = 2; threads <= 4; threads += 2) {
        mmoe_model *again = new_model();
        train(again, threads);
        ck_assert_uint_eq(save(again, &other), size);
        ck_assert_msg(memcmp(one, other, size) == 0, "%s: %d threads", model_shapes[_i].name,
                      threads);
        free(other);
        mmoe_model_free(again);
    }
    mmoe_model *loaded;
    SUCCEEDS(mmoe_model_load(path, NULL, &loaded, &err));
    ck_assert_uint_eq(save(loaded, &other), size);
    ck_assert_mem_eq(one, other, size);
    mmoe_model_free(loaded);
    free(other);
    free(one);
    free(start);
    tear_down();
}
END_TEST

/* A column's values of one side, in the schema's order. */
static mmoe_batch side_of(const mmoe_batch *all, mmoe_side side, int32_t *side_ids,
                          float *side_dense) {
    mmoe_batch b = {all->rows, side_ids, 0, side_dense, 0};
    for (size_t r = 0; r < all->rows; r++) {
        size_t n = 0, m = 0;
        for (int c = 0; c < SPARSE; c++)
            if (mmoe_model_sparse_side(model, c) == (int)side)
                side_ids[r * SPARSE + n++] = all->ids[r * all->id_stride + (size_t)c];
        for (int c = 0; c < DENSE; c++)
            if (mmoe_model_dense_side(model, c) == (int)side)
                side_dense[r * DENSE + m++] = all->dense[r * all->dense_stride + (size_t)c];
    }
    b.id_stride = SPARSE;
    b.dense_stride = DENSE;
    return b;
}

/* One user's candidates: rows whose user columns are those of row 0. */
static void check_rank(mmoe_predictor *predictor) {
    static int32_t all_ids[ROWS * SPARSE], user_ids[ROWS * SPARSE], item_ids[ROWS * SPARSE];
    static float all_dense[ROWS * DENSE], user_dense[ROWS * DENSE], item_dense[ROWS * DENSE],
        want[ROWS * TASKS];
    for (int i = 0; i < ROWS; i++) {
        for (int c = 0; c < SPARSE; c++)
            all_ids[i * SPARSE + c] =
                ids[(mmoe_model_sparse_side(model, c) == MMOE_SIDE_USER ? 0 : i) * SPARSE + c];
        for (int c = 0; c < DENSE; c++)
            all_dense[i * DENSE + c] =
                dense[(mmoe_model_dense_side(model, c) == MMOE_SIDE_USER ? 0 : i) * DENSE + c];
    }
    const mmoe_batch all = {ROWS, all_ids, SPARSE, all_dense, DENSE};
    mmoe_batch user = side_of(&all, MMOE_SIDE_USER, user_ids, user_dense),
               items = side_of(&all, MMOE_SIDE_ITEM, item_ids, item_dense);
    user.rows = 1;
    SUCCEEDS(mmoe_predictor_run(predictor, &all, want, &err));
    SUCCEEDS(mmoe_predictor_rank(predictor, &user, &items, scores, &err));
    ck_assert_mem_eq(scores, want, sizeof scores);
}

START_TEST(what_is_served_is_what_is_evaluated) {
    set_up(_i);
    train(model, 2);
    mmoe_predictor *predictor;
    mmoe_task_metrics metrics[TASKS], of_three[TASKS];
    SUCCEEDS(mmoe_evaluate(model, rows, 1, NULL, metrics, &err));
    SUCCEEDS(mmoe_evaluate(model, rows, 3, NULL, of_three, &err));
    SUCCEEDS(mmoe_predictor_create(model, NULL, &predictor, &err));
    SUCCEEDS(mmoe_predictor_run(predictor, &batch, scores, &err));
    for (int t = 0; t < TASKS; t++) {
        double sum = 0, least = 1, most = 0;
        int n = 0;
        for (int i = 0; i < ROWS; i++) {
            const double y = (double)labels[i * TASKS + t], p = (double)scores[i * TASKS + t];
            if (isnan(y)) continue;
            sum -= y > 0 ? log(p) : log1p(-p);
            least = fmin(least, p);
            most = fmax(most, p);
            n++;
        }
        ck_assert_int_eq(metrics[t].rows, n);
        ck_assert_mem_eq(metrics[t].values, of_three[t].values, sizeof metrics[t].values);
        ck_assert_msg(fabs(sum / n - metrics[t].logloss) < 1e-6,
                      "%s: task %d: %.9g, evaluated %.9g", model_shapes[_i].name, t, sum / n,
                      metrics[t].logloss);
        ck_assert_double_gt(most - least, 1e-3);
    }
    check_rank(predictor);
    mmoe_predictor_free(predictor);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, threads_change_no_bit, 0, MODELS);
    tcase_add_loop_test(c, what_is_served_is_what_is_evaluated, 0, MODELS);
}
