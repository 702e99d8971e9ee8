/* A training step, and a prediction of as many rows as there is room for, allocate nothing: every
 * malloc of the process is counted, whoever calls it. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "mmoe/train.h"

/* glibc's own, under the names that stay when a program brings its own malloc. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static atomic_long heap_calls;

#define COUNTED(call) (atomic_fetch_add(&heap_calls, 1), call)

void *malloc(size_t size) { return COUNTED(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return COUNTED(__libc_calloc(count, size)); }
void *realloc(void *memory, size_t size) { return COUNTED(__libc_realloc(memory, size)); }
void *aligned_alloc(size_t alignment, size_t size) {
    return COUNTED(__libc_memalign(alignment, size));
}
void free(void *memory) { COUNTED(__libc_free(memory)); }
int posix_memalign(void **memory, size_t alignment, size_t size) {
    *memory = COUNTED(__libc_memalign(alignment, size));
    return *memory ? 0 : 12;
}

/* ---- A model of every op ---- */

enum { ROWS = 300, SPARSE = 3, DENSE = 2, TASKS = 2, BATCH = 96 };

static int32_t ids[ROWS * SPARSE];
static float dense[ROWS * DENSE], labels[ROWS * TASKS], weights[ROWS];
static const mmoe_batch batch = {ROWS, ids, SPARSE, dense, DENSE};

static mmoe_config *config;
static mmoe_schema *schema;
static mmoe_dataset *rows;
static mmoe_model *model;

static const char *const variants[] = {
    "\"n_expert\": 3, \"expert_params\": {\"dims\": [8, 5], \"dropout\": 0.1}}, \"trainer\": "
    "{\"optimizer\": \"adam\", \"segments\": 4, ",
    "\"n_expert\": 3, \"expert_params\": {\"dims\": [6], \"activation\": \"dice\"}}, \"trainer\": "
    "{\"optimizer\": \"adamw\", ",
    "\"n_expert\": 3, \"expert_params\": {\"dims\": [6, 4, 3], \"activation\": \"prelu\", "
    "\"batch_norm\": false}}, \"trainer\": {\"clip_norm\": 0.1, \"ema_decay\": 0.9, "
    "\"regularization_params\": {\"dense_l1\": 0.001}, \"optimizer\": \"sgd\", ",
    "\"name\": \"cross_stitch\", \"expert_params\": {\"dims\": [8, 5], \"dropout\": 0.1}}, "
    "\"trainer\": {\"optimizer\": \"adam\", ",
    "\"name\": \"ple\", \"expert_params\": {\"dims\": [8, 5], \"dropout\": 0.1}}, \"trainer\": "
    "{\"optimizer\": \"adam\", ",
    "\"n_expert\": 3}, \"trainer\": {\"adaptive_params\": {\"method\": \"aligned_mtl\"}, "
    "\"segments\": 8, ",
    "\"n_expert\": 3}, \"trainer\": {\"adaptive_params\": {\"method\": \"cagrad\", \"at\": "
    "\"parameters\"}, ",
    "\"n_expert\": 3}, \"trainer\": {\"adaptive_params\": {\"method\": \"famo\"}, ",
    "\"n_expert\": 3}, \"trainer\": {\"adaptive_params\": {\"method\": \"famo\"}, \"optimizer\": "
    "\"adamw\", \"embedding_update\": \"deferred\", \"segments\": 2, ",
    "\"n_expert\": 3}, \"trainer\": {\"optimizer_params\": {\"weight_decay\": 0}, "
    "\"embedding_update\": \"lazy\", ",
};

static void ok(mmoe_status status, const mmoe_error *err) {
    if (status != MMOE_OK) ck_abort_msg("status %d: %s", status, err->message);
}

static void set_up(int variant) {
    char json[1024];
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 50, \"side\": "
             "\"user\"}, {\"name\": \"b\", \"vocab_size\": 7, \"embed_dim\": 3},"
             " {\"name\": \"c\", \"shared_with\": \"a\"}], \"dense\": [{\"name\": \"d*\"}], "
             "\"weight\": \"w\"},"
             " \"tasks\": [{\"name\": \"x\", \"label\": \"x\", \"tower_params\": {\"dims\": [4]}},"
             " {\"name\": \"y\", \"label\": \"y\", \"type\": \"regression\", \"tower_params\": "
             "{\"dims\": [3, 2], \"activation\": \"sigmoid\"}}],"
             " \"score\": \"x * y^0.5 + 1\", \"model\": {%s \"batch_size\": %d}}",
             variants[variant], BATCH);
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < SPARSE; k++) ids[i * SPARSE + k] = (i * 31 + k) % (k == 1 ? 7 : 50);
        for (int k = 0; k < DENSE; k++) dense[i * DENSE + k] = (float)(i % (k + 5)) - 2;
        labels[i * TASKS] = i % 9 == 0 ? NAN : (float)(i % 3 == 0);
        labels[i * TASKS + 1] = (float)(i % 11) / 4;
        weights[i] = (float)(i % 4) / 2;
    }
    const char *const columns[] = {"a", "b", "c", "d0", "d1"};
    mmoe_error err = {0};
    ok(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err), &err);
    const char *const way = variant % 2 ? "distinct" : "dense";
    ok(mmoe_config_set(config, "model.first_layer", way, &err), &err);
    ok(mmoe_schema_create(config, columns, 5, NULL, &schema, &err), &err);
    ok(mmoe_dataset_create(schema, &batch, labels, weights, NULL, &rows, &err), &err);
    ok(mmoe_model_create(config, schema, NULL, &model, &err), &err);
}

static void tear_down(void) {
    mmoe_model_free(model);
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}

/* ---- Tests ---- */

START_TEST(calls_are_counted) {
    long before = atomic_load(&heap_calls);
    char *volatile copy = strdup("text");
    free(copy);
    long made = atomic_load(&heap_calls) - before;
    ck_assert_int_eq(made, 2);
    set_up(0);
    mmoe_trainer *trainer;
    mmoe_error err = {0};
    before = atomic_load(&heap_calls);
    ok(mmoe_trainer_create(model, NULL, NULL, &trainer, &err), &err);
    made = atomic_load(&heap_calls) - before;
    ck_assert_int_gt(made, 0);
    mmoe_trainer_free(trainer);
    tear_down();
}
END_TEST

/* Whole batches, short ones, one row. */
START_TEST(steps_allocate_nothing) {
    static const int sizes[] = {BATCH, 1, 33, BATCH, 95, 2};
    const mmoe_trainer_options options = {.threads = _i % 2 ? 3 : 1, .single_threaded_blas = 1};
    mmoe_trainer *trainer;
    mmoe_error err = {0};
    double losses[TASKS];
    set_up(_i / 2);
    ok(mmoe_trainer_create(model, &options, NULL, &trainer, &err), &err);
    ok(mmoe_trainer_step(trainer, rows, 0, BATCH, losses, &err), &err);
    const long before = atomic_load(&heap_calls);
    for (int k = 0; k < 60; k++) {
        const int n = sizes[k % 6];
        const mmoe_status status = mmoe_trainer_step(trainer, rows, k * 7 % (ROWS - n + 1),
                                                     (size_t)n, k % 2 ? losses : NULL, &err);
        if (status != MMOE_OK) ok(status, &err);
    }
    const long made = atomic_load(&heap_calls) - before;
    ck_assert_int_eq(made, 0);
    mmoe_trainer_free(trainer);
    tear_down();
}
END_TEST

enum { MOST_EPOCHS = 100 };
static long calls_at[MOST_EPOCHS];
static int epochs;

static int note_epoch(void *user, const mmoe_epoch_report *report) {
    (void)user;
    (void)report;
    if (epochs < MOST_EPOCHS) calls_at[epochs++] = atomic_load(&heap_calls);
    return 0;
}

/* Validation takes new weights for its predictors. */
START_TEST(epochs_allocate_nothing) {
    const mmoe_trainer_options options = {
        .threads = _i % 2 ? 3 : 1, .single_threaded_blas = 1, .on_epoch = note_epoch};
    mmoe_trainer *trainer;
    mmoe_error err = {0};
    set_up(_i / 2);
    ok(mmoe_trainer_create(model, &options, NULL, &trainer, &err), &err);
    epochs = 0;
    ok(mmoe_trainer_fit(trainer, rows, rows, &err), &err);
    ck_assert_int_gt(epochs, 2);
    ck_assert_int_eq(calls_at[epochs - 1], calls_at[0]);
    mmoe_trainer_free(trainer);
    tear_down();
}
END_TEST

/* Threads that score at the same time, each with a predictor; the main thread reads the count while
 * they wait. */
enum { MAX_THREADS = 3 };
static pthread_barrier_t barrier;
static mmoe_status statuses[MAX_THREADS];

/* Raw and encoded rows, one user's candidates, final scores, the best of them. */
static mmoe_status score_all(mmoe_predictor *p, size_t n, float *scores, size_t *best,
                             mmoe_error *err) {
    static const char *const texts[ROWS] = {"7", "no number"};
    const mmoe_column sparse[SPARSE] = {{MMOE_VALUE_ROW, ids, SPARSE * sizeof *ids},
                                        {MMOE_VALUE_ROW, ids + 1, SPARSE * sizeof *ids},
                                        {MMOE_VALUE_TEXT, texts, 0}};
    const mmoe_column item = {MMOE_VALUE_ROW, ids + 1, SPARSE * sizeof *ids},
                      second = {MMOE_VALUE_ROW, ids + 2, SPARSE * sizeof *ids};
    const mmoe_column items_sparse[] = {item, second},
                      numbers[] = {{MMOE_VALUE_FLOAT, dense, DENSE * sizeof *dense},
                                   {MMOE_VALUE_FLOAT, dense + 1, DENSE * sizeof *dense}};
    const mmoe_batch user = {.rows = 1, .ids = ids, .id_stride = 1},
                     items = {.rows = n, .sparse_columns = items_sparse, .dense_columns = numbers};
    mmoe_batch part = batch;
    part.rows = n;
    mmoe_status status = mmoe_predictor_run(p, &part, scores, err);
    if (status == MMOE_OK) status = mmoe_predictor_rank(p, &user, &items, scores, err);
    if (status == MMOE_OK) status = mmoe_predictor_score(p, NULL, &part, scores, err);
    if (status == MMOE_OK) status = mmoe_predictor_top(p, &user, &items, 10, best, scores, err);
    part.rows = 2;
    part.sparse_columns = sparse;
    if (status == MMOE_OK && mmoe_predictor_run(p, &part, scores, err) != MMOE_E_DATA)
        status = MMOE_E_ARGUMENT;
    return status;
}

static void *score(void *context) {
    static float scores[MAX_THREADS][ROWS * TASKS];
    static size_t best[MAX_THREADS][10];
    static const size_t sizes[] = {ROWS, 1, 64, ROWS - 1};
    const long me = (long)(intptr_t)context;
    mmoe_predictor *first = NULL, *predictor = NULL;
    mmoe_error err;
    const mmoe_predictor_options options = {.rows = ROWS};
    mmoe_status status = mmoe_predictor_create_with(model, &options, NULL, &first, &err);
    if (status == MMOE_OK) status = mmoe_predictor_clone(first, NULL, &predictor, &err);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    for (int k = 0; k < 20 && status == MMOE_OK; k++)
        status = score_all(k % 2 ? first : predictor, sizes[k % 4], scores[me], best[me], &err);
    statuses[me] = status;
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    mmoe_predictor_free(first);
    mmoe_predictor_free(predictor);
    return NULL;
}

START_TEST(predictions_allocate_nothing) {
    const int threads = _i % 2 ? MAX_THREADS : 1;
    pthread_t ids_of[MAX_THREADS];
    set_up(_i / 2);
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, (unsigned)threads + 1), 0);
    for (int t = 0; t < threads; t++)
        ck_assert_int_eq(pthread_create(&ids_of[t], NULL, score, (void *)(intptr_t)t), 0);
    pthread_barrier_wait(&barrier);
    const long before = atomic_load(&heap_calls);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    const long after = atomic_load(&heap_calls);
    pthread_barrier_wait(&barrier);
    for (int t = 0; t < threads; t++) {
        ck_assert_int_eq(pthread_join(ids_of[t], NULL), 0);
        ck_assert_int_eq(statuses[t], MMOE_OK);
    }
    ck_assert_int_eq(after, before);
    pthread_barrier_destroy(&barrier);
    tear_down();
}
END_TEST

/* ---- Lists ---- */

static const char lists_json[] =
    "{\"features\": {\"sequence\": [{\"name\": \"a\", \"hash_bucket_size\": 50, \"side\": "
    "\"user\"}, "
    "{\"name\": \"b\", \"vocab_size\": 50, \"pooling\": \"max\"}, {\"name\": \"c\", "
    "\"shared_with\": "
    "\"b\", \"pooling\": \"concat\", \"max_len\": 5}]},"
    " \"tasks\": [{\"name\": \"x\", \"label\": \"x\"}, {\"name\": \"y\", \"label\": \"y\"}], "
    "\"score\": \"x * y\"}";
enum { LISTS = 3, LENGTH = 100, ELEMENTS = ROWS * LENGTH };
static size_t ends[ROWS + 1];
static int64_t raw_ids[ELEMENTS], encoded_ends[ROWS * LISTS + 1];
static int32_t encoded_ids[ELEMENTS * LISTS];

static void set_up_lists(void) {
    const char *const columns[] = {"a", "b", "c"};
    mmoe_error err = {0};
    rows = NULL;
    for (size_t i = 0; i <= ROWS; i++) ends[i] = i * LENGTH;
    for (int i = 0; i <= ROWS * LISTS; i++) encoded_ends[i] = (int64_t)i * LENGTH;
    for (int i = 0; i < ELEMENTS * LISTS; i++) encoded_ids[i] = i * 31 % 50;
    for (int i = 0; i < ELEMENTS; i++) raw_ids[i] = i * 31 % 50;
    ok(mmoe_config_parse(lists_json, strlen(lists_json), NULL, NULL, &config, &err), &err);
    ok(mmoe_schema_create(config, columns, LISTS, NULL, &schema, &err), &err);
    ok(mmoe_model_create(config, schema, NULL, &model, &err), &err);
}

/* Raw and encoded lists, one user's candidates, the best of them, and an element outside its table.
 */
static mmoe_status score_lists(mmoe_predictor *p, size_t n, float *scores, mmoe_error *err) {
    const mmoe_column values = {MMOE_VALUE_INT64, raw_ids, 0}, columns[] = {values, values, values};
    const mmoe_list_column list = {ends, NULL, ELEMENTS}, lists[LISTS] = {list, list, list};
    const mmoe_batch raw = {.rows = n, .sparse_columns = columns, .list_columns = lists},
                     encoded = {.rows = n,
                                .lists = {LISTS, encoded_ends, encoded_ids, NULL,
                                          ELEMENTS * LISTS}},
                     user = {.rows = 1, .sparse_columns = columns, .list_columns = lists};
    size_t best[10];
    mmoe_status status = mmoe_predictor_run(p, &raw, scores, err);
    if (status == MMOE_OK) status = mmoe_predictor_run(p, &encoded, scores, err);
    if (status == MMOE_OK) status = mmoe_predictor_rank(p, &user, &raw, scores, err);
    if (status == MMOE_OK) status = mmoe_predictor_top(p, &user, &raw, 10, best, scores, err);
    raw_ids[0] = 50;
    if (status == MMOE_OK && mmoe_predictor_run(p, &raw, scores, err) != MMOE_E_DATA)
        status = MMOE_E_ARGUMENT;
    raw_ids[0] = 0;
    return status;
}

START_TEST(lists_allocate_nothing) {
    static float scores[ROWS * TASKS];
    static const size_t sizes[] = {ROWS, 1, 64};
    mmoe_predictor *predictor;
    mmoe_error err = {0};
    set_up_lists();
    ok(mmoe_predictor_create(model, NULL, &predictor, &err), &err);
    ok(mmoe_predictor_reserve(predictor, ROWS, &err), &err);
    const long before = atomic_load(&heap_calls);
    mmoe_status status = MMOE_OK;
    for (int k = 0; k < 6 && status == MMOE_OK; k++)
        status = score_lists(predictor, sizes[k % 3], scores, &err);
    const long after = atomic_load(&heap_calls);
    ok(status, &err);
    ck_assert_int_eq(after, before);
    mmoe_predictor_free(predictor);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    const int cases = 2 * (int)(sizeof variants / sizeof *variants);
    tcase_add_test(c, calls_are_counted);
    tcase_add_loop_test(c, steps_allocate_nothing, 0, cases);
    tcase_add_loop_test(c, epochs_allocate_nothing, 0, cases);
    tcase_add_loop_test(c, predictions_allocate_nothing, 0, cases);
    tcase_add_test(c, lists_allocate_nothing);
}
