/* Models that grow and shrink with their vocabularies: what stays is the same to the bit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "data/dataset.h"
#include "failing.h"
#include "files.h"
#include "model/model.h"
#include "succeeds.h"
#include "train/trainer.h"

enum { ROWS = 60, MORE = 4000, TASKS = 1 };

static const char json[] =
    "{\"features\": {\"sparse\": [{\"name\": \"user\"}, {\"name\": \"friend\", "
    "\"shared_with\": \"user\"}, {\"name\": \"hour\", \"vocab_size\": 24, \"embed_dim\": 2}], "
    "\"sequence\": [{\"name\": \"seen\", \"embed_dim\": 5, \"padding_idx\": 2, \"trainable\": "
    "false}], "
    "\"dense\": [{\"name\": \"d\", \"transform\": \"standardize\"}]}, "
    "\"tasks\": [{\"name\": \"y\", \"label\": \"y\", \"tower_params\": {\"dims\": [4]}}], "
    "\"model\": {\"n_expert\": 2}, \"trainer\": {\"seed\": 11}}";

static mmoe_config *config;
static mmoe_schema *schema, *grown;
static mmoe_dataset *old_rows, *new_rows;
static mmoe_model *from, *model;

/* Rows whose users are [first, first + users), and numbers until there is a text. */
static void put_rows(const char *name, int rows, int first, int users, const char *prefix) {
    char *text = malloc(40 + 64 * (size_t)rows);
    size_t used = (size_t)sprintf(text, "user,friend,hour,seen,d,y\n");
    for (int i = 0; i < rows; i++)
        used += (size_t)sprintf(text + used, "%s%d,%d,%d,%d|%d,%d.5,%d\n", i ? "" : prefix,
                                first + i % users, first + i * 7 % users, i % 24, first + i % 5,
                                first + i % 11, first + i % 13, i * i % 7 < 3);
    put_file(in_folder(name), text, used);
    free(text);
}

static void begin(void) {
    make_folder();
    put_rows("old.csv", ROWS, 0, 10, "");
    put_rows("new.csv", MORE, 6, 1500, "u");
    SUCCEEDS(mmoe_config_parse(json, sizeof json - 1, NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_dataset_fit_csv(config, in_folder("old.csv"), NULL, &schema, &old_rows, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &from, &err));
    SUCCEEDS(
        mmoe_dataset_grow_csv(schema, in_folder("new.csv"), NULL, NULL, &grown, &new_rows, &err));
}

static void end(void) {
    mmoe_model_free(model);
    mmoe_model_free(from);
    mmoe_dataset_free(old_rows);
    mmoe_dataset_free(new_rows);
    mmoe_schema_free(schema);
    mmoe_schema_free(grown);
    mmoe_config_free(config);
    model = NULL;
    remove_folder();
}

static void score(const mmoe_model *m, const char *file, float *scores) {
    mmoe_dataset *set;
    mmoe_predictor *p;
    mmoe_batch batch;
    SUCCEEDS(mmoe_dataset_read_csv(mmoe_model_schema(m), in_folder(file), MMOE_LABELS_REQUIRED,
                                   NULL, &set, &err));
    SUCCEEDS(mmoe_predictor_create(m, NULL, &p, &err));
    SUCCEEDS(mmoe_dataset_batch(set, 0, ROWS, &batch, &err));
    SUCCEEDS(mmoe_predictor_run(p, &batch, scores, &err));
    mmoe_predictor_free(p);
    mmoe_dataset_free(set);
}

static const float *rows_of(const mmoe_model *m, int32_t table) {
    return mmoe_params_rows(&m->params, table);
}

START_TEST(old_rows_stay_and_new_ones_are_drawn) {
    float before[ROWS * TASKS], after[ROWS * TASKS];
    mmoe_model *fresh;
    mmoe_table_info was, is;
    SUCCEEDS(mmoe_model_grow(from, NULL, grown, NULL, &model, &err));
    score(from, "old.csv", before);
    score(model, "old.csv", after);
    ck_assert_mem_eq(before, after, sizeof before);
    SUCCEEDS(mmoe_model_create(config, grown, NULL, &fresh, &err));
    for (int32_t i = 0; i < 3; i++) {
        ck_assert_int_eq(mmoe_model_table(from, (size_t)i, &was), 0);
        ck_assert_int_eq(mmoe_model_table(model, (size_t)i, &is), 0);
        const size_t known = (size_t)(was.rows * was.width), all = (size_t)(is.rows * was.width);
        ck_assert_int_eq(is.width, was.width);
        ck_assert_mem_eq(rows_of(model, i), rows_of(from, i), known * sizeof(float));
        if (i == 0) continue; /* the fresh model's is wider, by its rows */
        ck_assert_mem_eq(rows_of(model, i) + known, rows_of(fresh, i) + known,
                         (all - known) * sizeof(float));
    }
    ck_assert_int_eq(mmoe_model_table(model, 0, &is), 0);
    ck_assert_int_eq(is.values, 10 + 1497); /* users 10 to 1505, and the text */
    ck_assert_int_eq(mmoe_model_table(model, 1, &is), 0);
    ck_assert_int_eq(is.values, -1);
    ck_assert_int_eq(mmoe_model_table(model, 3, &is), -1);
    mmoe_model_free(fresh);
}
END_TEST

/* From a file whose tables are mapped, and of rows that are streamed, which know what rows in
 * memory do. */
START_TEST(mapped_and_streamed_are_the_same) {
    const mmoe_model_load_options mapped = {.map_tables = 1};
    const mmoe_read_options streamed = {.stream_folder = folder};
    mmoe_model *loaded, *twin;
    mmoe_schema *other;
    mmoe_dataset *set;
    SUCCEEDS(mmoe_model_save(from, in_folder("m"), &err));
    SUCCEEDS(mmoe_model_load_with(in_folder("m"), &mapped, NULL, &loaded, &err));
    SUCCEEDS(mmoe_dataset_grow_csv(mmoe_model_schema(loaded), in_folder("new.csv"), &streamed, NULL,
                                   &other, &set, &err));
    ck_assert_int_eq(mmoe_dataset_rows(set), MORE);
    ck_assert_uint_eq(set->schema_hash, new_rows->schema_hash);
    SUCCEEDS(mmoe_model_grow(from, NULL, grown, NULL, &model, &err));
    SUCCEEDS(mmoe_model_grow(loaded, NULL, other, NULL, &twin, &err));
    for (int32_t i = 0; i < model->params.n_block; i++) {
        const mmoe_block *a = &model->params.blocks[i].memory, *b = &twin->params.blocks[i].memory;
        ck_assert_int_eq(a->count, b->count);
        ck_assert_mem_eq(a->data, b->data, (size_t)a->count * mmoe_dtype_size(a->dtype));
    }
    mmoe_model_free(twin);
    mmoe_model_free(loaded);
    mmoe_dataset_free(set);
    mmoe_schema_free(other);
}
END_TEST

/* Of what has not grown from it a model says where it differs. */
START_TEST(another_schema_is_refused) {
    static const struct {
        const char *rows, *wanted;
    } cases[] = {
        {"user,friend,hour,seen,d,y\n0,7,0,0|4,1.5,1\n8,9,0,1,2.5,0\n",
         "column \"user\": value 2 of its vocabulary is \"7\", of the model's \"1\": it has not"},
        {"user,friend,hour,seen,d,y\n0,0,0,0,1.5,1\n",
         "column \"user\": its vocabulary ends with value 1, the model's goes on with \"1\""},
    };
    mmoe_error why = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mmoe_schema *other;
        mmoe_dataset *set;
        put_text(in_folder("other.csv"), cases[i].rows);
        SUCCEEDS(mmoe_dataset_fit_csv(config, in_folder("other.csv"), NULL, &other, &set, &err));
        ck_assert_int_eq(mmoe_model_grow(from, NULL, other, NULL, &model, &why), MMOE_E_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(why.message, cases[i].wanted));
        mmoe_dataset_free(set);
        mmoe_schema_free(other);
    }
    put_rows("again.csv", ROWS + 1, 0, 10, ""); /* the same values, and another mean */
    mmoe_schema *other;
    mmoe_dataset *set;
    SUCCEEDS(mmoe_dataset_fit_csv(config, in_folder("again.csv"), NULL, &other, &set, &err));
    ck_assert_int_eq(mmoe_model_grow(from, NULL, other, NULL, &model, &why), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "column \"d\": its \"transform\" is another"));
    mmoe_dataset_free(set);
    mmoe_schema_free(other);
}
END_TEST

/* Rows up to the padding row keep their places; what is left has its scores. */
START_TEST(values_that_rows_lack_are_dropped) {
    float before[ROWS * TASKS], after[ROWS * TASKS];
    mmoe_dataset *set;
    mmoe_model *large;
    mmoe_table_info is;
    mmoe_error why = {0};
    SUCCEEDS(mmoe_model_grow(from, NULL, grown, NULL, &large, &err));
    SUCCEEDS(mmoe_dataset_read_csv(grown, in_folder("old.csv"), 0, NULL, &set, &err));
    ck_assert_int_eq(mmoe_model_shrink(large, set, 0, NULL, &model, &why), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_model_shrink(large, set, ROWS * 9, NULL, &model, &why), MMOE_E_DATA);
    ck_assert_int_eq(mmoe_model_shrink(large, old_rows, 1, NULL, &model, &why), MMOE_E_ARGUMENT);
    SUCCEEDS(mmoe_model_shrink(large, set, 5, NULL, &model, &err));
    score(from, "old.csv", before);
    score(model, "old.csv", after);
    ck_assert_mem_eq(before, after, sizeof before);
    ck_assert_int_eq(mmoe_model_table(model, 0, &is), 0);
    ck_assert_int_eq(is.values, 10);
    mmoe_model_free(model);
    SUCCEEDS(mmoe_model_shrink(large, new_rows, 1, NULL, &model, &err));
    ck_assert_int_eq(mmoe_model_table(model, 2, &is), 0);
    ck_assert_int_eq(is.values, 11 + 2);
    mmoe_model_free(large);
    mmoe_dataset_free(set);
}
END_TEST

/* Of a run whose rows are updated when they are read: to be freed. */
static mmoe_trainer *stepped(mmoe_model **out) {
    mmoe_trainer *t;
    const mmoe_trainer_options options = {.threads = 1, .single_threaded_blas = 1};
    SUCCEEDS(mmoe_model_create(config, schema, NULL, out, &err));
    SUCCEEDS(mmoe_trainer_create(*out, &options, NULL, &t, &err));
    for (size_t i = 0; i < 9; i++)
        SUCCEEDS(mmoe_trainer_step(t, old_rows, (int64_t)(6 * i), 3, NULL, &err));
    return t;
}

static void same_tables(mmoe_model *a, mmoe_model *b) {
    for (int32_t i = 0; i < a->params.n_table; i++) {
        const mmoe_embedding *t = &a->params.tables[i];
        ck_assert_mem_eq(rows_of(a, i), rows_of(b, i), (size_t)(t->rows * t->dim) * sizeof(float));
    }
    mmoe_model_free(a);
    mmoe_model_free(b);
}

/* Copies of a model in training, of which one was brought up to date before. */
START_TEST(copies_have_no_row_that_is_behind) {
    mmoe_model *stale, *fresh, *a, *b;
    SUCCEEDS(mmoe_config_set(config, "trainer.embedding_update", "deferred", &err));
    mmoe_trainer *t = stepped(&stale), *u = stepped(&fresh);
    mmoe_params_settle(&fresh->params);
    ck_assert(memcmp(rows_of(stale, 0), rows_of(fresh, 0), (size_t)ROWS) != 0);
    if (_i) {
        SUCCEEDS(mmoe_model_shrink(stale, old_rows, 7, NULL, &a, &err));
        SUCCEEDS(mmoe_model_shrink(fresh, old_rows, 7, NULL, &b, &err));
    } else {
        SUCCEEDS(mmoe_model_grow(stale, NULL, grown, NULL, &a, &err));
        SUCCEEDS(mmoe_model_grow(fresh, NULL, grown, NULL, &b, &err));
    }
    same_tables(a, b);
    mmoe_trainer_free(t);
    mmoe_trainer_free(u);
    same_tables(stale, fresh);
}
END_TEST

/* What is drawn stays as it is, which is said. */
START_TEST(frozen_tables_are_told_of) {
    SUCCEEDS(mmoe_model_grow(from, NULL, grown, NULL, &model, &err));
    const mmoe_warning *w = mmoe_model_warning(model, 0);
    ck_assert_ptr_nonnull(w);
    ck_assert_int_eq(w->count, 6);
    ck_assert_str_eq(w->subject, "seen");
}
END_TEST

static mmoe_status try_all(const mmoe_allocator *a, mmoe_error *why) {
    mmoe_schema *more = NULL;
    mmoe_dataset *rows = NULL;
    mmoe_model *large = NULL, *small = NULL;
    mmoe_status status =
        mmoe_dataset_grow_csv(schema, in_folder("few.csv"), NULL, a, &more, &rows, why);
    if (!status) status = mmoe_model_grow(from, NULL, more, a, &large, why);
    if (!status) status = mmoe_model_shrink(large, rows, 1, a, &small, why);
    mmoe_model_free(small);
    mmoe_model_free(large);
    mmoe_dataset_free(rows);
    mmoe_schema_free(more);
    return status;
}

START_TEST(every_allocation_may_fail) {
    failing memory = {.stride = 7};
    const mmoe_allocator a = failing_allocator(&memory);
    put_rows("few.csv", 12, 6, 20, "u");
    while (failing_next(&memory)) {
        mmoe_error why = {0};
        failing_json(&memory);
        const mmoe_status status = try_all(&a, &why);
        failing_json(NULL);
        ck_assert_int_eq(memory.live, 0);
        if (status || !memory.refused) failing_check(&memory, status, &why);
    }
    ck_assert_int_gt(memory.calls, 300);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, old_rows_stay_and_new_ones_are_drawn);
    tcase_add_test(c, mapped_and_streamed_are_the_same);
    tcase_add_test(c, another_schema_is_refused);
    tcase_add_test(c, values_that_rows_lack_are_dropped);
    tcase_add_loop_test(c, copies_have_no_row_that_is_behind, 0, 2);
    tcase_add_test(c, frozen_tables_are_told_of);
    tcase_add_test(c, every_allocation_may_fail);
}
