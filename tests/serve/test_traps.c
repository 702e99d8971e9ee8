/* A process that traps overflow, division by zero and invalid operations loads and scores. */
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "files.h"
#include "succeeds.h"
#include "mmoe/train.h"

static const int trapped = FE_OVERFLOW | FE_INVALID | FE_DIVBYZERO;

/* ---- Memory that holds what it likes ---- */

/* Of each word, as a float: huge, a signalling NaN, an infinity, a small number. */
static const uint32_t fills[] = {0x7f7f7f7f, 0x7fa0a0a0, 0x7f800000, 0x00000001};
enum { FILLS = sizeof fills / sizeof *fills };
static uint32_t fill;

static void *filled_alloc(void *user, size_t size) {
    (void)user;
    const size_t words = (size + 3) / 4;
    uint32_t *memory = malloc(words * 4);
    for (size_t i = 0; memory && i < words; i++) memory[i] = fill;
    return memory;
}

static void *filled_resize(void *user, void *memory, size_t old_size, size_t new_size) {
    void *grown = filled_alloc(user, new_size);
    if (!grown) return NULL;
    memcpy(grown, memory, old_size < new_size ? old_size : new_size);
    free(memory);
    return grown;
}

static void filled_release(void *user, void *memory) {
    (void)user;
    free(memory);
}

static const mmoe_allocator filled = {NULL, filled_alloc, filled_resize, filled_release};

/* ---- Models ---- */

static const char *const models[] = {
    "\"mmoe\", \"n_expert\": 3, \"expert_params\": {\"dims\": [9, 5], \"activation\": \"dice\"}",
    "\"mmoe\", \"n_expert\": 3, \"expert_params\": {\"dims\": [9, 5], \"activation\": \"prelu\"}, "
    "\"gate_params\": {\"top_k\": 2, \"temperature\": 0.01}",
    "\"mmoe\", \"n_expert\": 21, \"expert_params\": {\"dims\": [3]}",
    "\"mmoe\", \"n_expert\": 21, \"expert_params\": {\"dims\": [3]}, \"gate_params\": {\"top_k\": "
    "5}",
    "\"ple\", \"n_level\": 2, \"n_expert_specific\": 2, \"n_expert_shared\": 1, \"expert_params\": "
    "{\"dims\": [7], \"activation\": \"sigmoid\"}",
    "\"shared_bottom\", \"bottom_params\": {\"dims\": [7], \"activation\": \"tanh\"}",
    "\"single_task\"",
    "\"cross_stitch\"",
    "\"aitm\"",
    "\"esmm\"",
};

static mmoe_model *model_of(const char *model_keys) {
    static const char *const columns[] = {"a", "b", "d0", "d1"};
    char json[2048];
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *model;
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 50, \"oov_id\": 0, "
             "\"side\": \"user\"}, {\"name\": \"b\", \"vocab_size\": 7, \"embed_dim\": 3, "
             "\"oov_id\": 0}], \"dense\": [{\"name\": \"d0\"}, {\"name\": \"d1\"}]}, \"score\": "
             "\"x * y^0.5\", \"tasks\": [{\"name\": \"x\", \"label\": \"x\", \"tower_params\": "
             "{\"dims\": [4]}}, {\"name\": \"y\", \"label\": \"y\", \"tower_params\": {\"dims\": "
             "[3, 2]}}], \"model\": {\"name\": %s}}",
             model_keys);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return model;
}

/* Weights that a sound model may have at its worst: large ones, no variance, dead units, logits far
 * below 0. */
static void change_weights(mmoe_model *model, int how) {
    mmoe_tensor_info t;
    for (size_t i = 0; mmoe_model_tensor(model, i, &t) == 0; i++) {
        if (t.is_integer) continue;
        float *x = (float *)(uintptr_t)t.data;
        const int64_t count = (t.rank > 0 ? t.shape[0] : 1) * (t.rank > 1 ? t.shape[1] : 1);
        const int is_variance = strstr(t.name, "running_var") != NULL;
        for (int64_t k = 0; k < count; k++) {
            if (how == 1) x[k] = is_variance ? 0 : x[k] * 100;
            if (how == 2) x[k] = is_variance ? 1e30F : 0;
            if (how == 3) x[k] = is_variance ? 1e-30F : x[k] * 1e-38F;
            if (how == 4 && t.rank == 2) x[k] *= 1000;
            if (how == 5 && t.rank == 1 && !is_variance) x[k] = -1000;
        }
    }
}

enum { ROWS = 67, WAYS = 6 };

static void score_everything(const mmoe_model *model) {
    static int64_t users[ROWS], items[ROWS];
    static double d0[ROWS];
    static const char *d1[ROWS];
    static float scores[ROWS * 2];
    size_t best[5];
    static char texts[ROWS][16];
    for (int i = 0; i < ROWS; i++) {
        users[i] = i % 60;
        items[i] = i % 9 - 1;
        d0[i] = (i - 30) * (i % 2 ? 1e-3 : 10);
        snprintf(texts[i], sizeof texts[i], "%d.5e%d", i, i % 5 - 2);
        d1[i] = texts[i];
    }
    const mmoe_column ids[] = {{MMOE_VALUE_INT64, users, 0}, {MMOE_VALUE_INT64, items, 0}},
                      numbers[] = {{MMOE_VALUE_DOUBLE, d0, 0}, {MMOE_VALUE_TEXT, d1, 0}};
    const mmoe_batch all = {.rows = ROWS,
                            .sparse_columns = ids,
                            .sparse_count = 2,
                            .dense_columns = numbers,
                            .dense_count = 2},
                     user = {.rows = 1, .sparse_columns = ids, .sparse_count = 1};
    mmoe_batch candidates = all;
    candidates.sparse_columns = ids + 1;
    candidates.sparse_count = 1;
    mmoe_predictor *first, *p;
    SUCCEEDS(mmoe_predictor_create(model, &filled, &first, &err));
    SUCCEEDS(mmoe_predictor_clone(first, &filled, &p, &err));
    SUCCEEDS(mmoe_predictor_run(p, &all, scores, &err));
    for (int i = 0; i < ROWS * 2; i++) ck_assert(isfinite(scores[i]));
    SUCCEEDS(mmoe_predictor_rank(p, &user, &candidates, scores, &err));
    SUCCEEDS(mmoe_predictor_score(p, NULL, &all, scores, &err));
    SUCCEEDS(mmoe_predictor_top(p, &user, &candidates, 5, best, scores, &err));
    mmoe_predictor_free(first);
    mmoe_predictor_free(p);
}

START_TEST(nothing_is_trapped) {
    for (int how = 0; how < WAYS; how++) {
        mmoe_model *made = model_of(models[_i]);
        change_weights(made, how);
        SUCCEEDS(mmoe_model_save(made, in_folder("m"), &err));
        mmoe_model_free(made);
        for (int f = 0; f < FILLS; f++) {
            mmoe_model *model;
            fill = fills[f];
            feclearexcept(FE_ALL_EXCEPT);
            feenableexcept(trapped);
            SUCCEEDS(mmoe_model_load(in_folder("m"), &filled, &model, &err));
            score_everything(model);
            mmoe_model_free(model);
            fedisableexcept(trapped);
            /* There are processors that trap nothing. */
            ck_assert_msg(fetestexcept(trapped) == 0, "weights %d: %#x", how,
                          fetestexcept(trapped));
        }
    }
    ck_assert_int_eq(empty_folder(), 1);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, nothing_is_trapped, 0, (int)(sizeof models / sizeof *models));
}
