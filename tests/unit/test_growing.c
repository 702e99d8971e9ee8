/* Vocabularies that grow between the steps of a trainer: new rows are those of one who reads the
 * same rows from a file, and old ones keep all that they have. */
#include "growing_support.h"

/* The model of a file's rows behind those of the first one. */
static mmoe_model *grown_by_file(const mmoe_model *from) {
    mmoe_schema *grown;
    mmoe_dataset *set;
    mmoe_model *model = NULL;
    SUCCEEDS(mmoe_dataset_grow_csv(schema, in_folder("new.csv"), NULL, NULL, &grown, &set, &err));
    SUCCEEDS(mmoe_model_grow(from, NULL, grown, NULL, &model, &err));
    mmoe_dataset_free(set);
    mmoe_schema_free(grown);
    return model;
}

/* ---- By rows and by a file ---- */

static const int cuts[] = {NEW, 64, 7, 1};

START_TEST(as_a_file_grows) {
    begin_with("", "");
    mmoe_model *model = model_of(schema, NULL), *file = grown_by_file(model);
    mmoe_trainer *t = trainer_of(model, NULL);
    const int64_t before = model->params.n_whole;
    int64_t new_rows = 0;
    for (int first = OLD; first < OLD + NEW; first += cuts[_i]) {
        const int end = first + cuts[_i] < OLD + NEW ? first + cuts[_i] : OLD + NEW;
        const mmoe_grown found = grow(t, first, end, 0);
        ck_assert_int_eq(found.left_out, 0);
        new_rows += found.rows;
        ck_assert_int_eq(grow(t, first, end, 0).rows, 0);
    }
    ck_assert_int_gt(new_rows, 200);
    ck_assert_int_gt(model->params.n_whole, before);
    ck_assert_uint_eq(mmoe_schema_fingerprint(model->schema),
                      mmoe_schema_fingerprint(file->schema));
    same_blocks(model, file);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    mmoe_model_free(file);
    end_all();
}
END_TEST

/* Integers become the texts that they print as with the first that is none. */
START_TEST(integers_become_texts) {
    static const char *const users[] = {"3", "x9", "007", "12.0", " x9", "", "-4"};
    static const char rows_text[] =
        "user,friend,tag,hour,bucket,seen,liked,d,y,z\n"
        "3,3,t1,1,1,,,1,0,1\nx9,3,t1,1,1,,,1,0,1\n"
        "007,3,t1,1,1,,,1,0,1\n12.0,3,t1,1,1,,,1,0,1\n"
        " x9,3,t1,1,1,,,1,0,1\n,3,t1,1,1,,,1,0,1\n-4,3,t1,1,1,,,1,0,1\n";
    enum { N = sizeof users / sizeof *users };
    begin_with("", "");
    put_text(in_folder("new.csv"), rows_text);
    mmoe_model *model = model_of(schema, NULL), *file = grown_by_file(model);
    mmoe_trainer *t = trainer_of(model, NULL);
    mmoe_batch by_number = {.rows = N, .sparse_count = 7, .dense_count = 1};
    mmoe_column columns[7] = {{MMOE_VALUE_TEXT, users, 0}};
    const size_t none[N + 1] = {0};
    const int64_t three = 3, one = 1;
    const char *const t1 = "t1";
    const mmoe_list_column lists[2] = {{none, NULL, 0}, {none, NULL, 0}};
    for (int i = 1; i < 5; i++)
        columns[i] = (mmoe_column){MMOE_VALUE_INT64, &one, MMOE_STRIDE_SAME};
    columns[1].values = &three;
    columns[2] = (mmoe_column){MMOE_VALUE_TEXT, &t1, MMOE_STRIDE_SAME};
    columns[5] = columns[6] = (mmoe_column){MMOE_VALUE_INT64, &one, 0};
    by_number.sparse_columns = columns;
    by_number.list_columns = lists;
    mmoe_grown found;
    SUCCEEDS(mmoe_trainer_grow(t, &by_number, NULL, &found, &err));
    ck_assert_int_eq(found.rows, 4);
    ck_assert_uint_eq(mmoe_schema_fingerprint(model->schema),
                      mmoe_schema_fingerprint(file->schema));
    same_blocks(model, file);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    mmoe_model_free(file);
    end_all();
}
END_TEST

/* As integers and as the texts that they print as, by an input and by number: the values are the
 * same, whatever the vocabulary knew before. */
START_TEST(integers_are_texts_too) {
    enum { N = 6 };
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"a\", \"embed_dim\": 2}]}, \"tasks\": "
        "[{\"name\": \"y\", \"label\": \"y\"}], \"model\": {\"n_expert\": 2}}";
    static const int64_t integers[N] = {7, -3, 7, 12, MMOE_MISSING_INT64, 5};
    static const char *const texts[N] = {"7", "-3", "7.0", " 12", "", "5"};
    static const float labels[N] = {1, 0, 1, 1, 0, 0};
    const mmoe_input_column named[] = {{.name = "a", .type = MMOE_VALUE_INT64}};
    const mmoe_column columns[] = {{MMOE_VALUE_INT64, integers, 0}, {MMOE_VALUE_TEXT, texts, 0}};
    uint64_t known[3];
    put_text(in_folder("old.csv"), "a,y\nx,1\nz,0\n");
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_dataset_fit_csv(config, in_folder("old.csv"), NULL, &schema, &old_rows, &err));
    SUCCEEDS(mmoe_input_create(named, 1, NULL, &input, &err));
    const mmoe_batch ways[] = {
        {.rows = N, .input = input, .columns = &columns[0], .column_count = 1},
        {.rows = N, .sparse_columns = &columns[0], .sparse_count = 1},
        {.rows = N, .sparse_columns = &columns[1], .sparse_count = 1}};
    for (int i = 0; i < 3; i++) {
        mmoe_model *model = model_of(schema, NULL);
        mmoe_trainer *t = trainer_of(model, NULL);
        mmoe_dataset *sets[2];
        mmoe_error why;
        ck_assert_int_eq(mmoe_input_check(input, model, &why), MMOE_E_ARGUMENT);
        for (int k = 0; k < 2; k++) {
            if (k) SUCCEEDS(mmoe_trainer_grow(t, &ways[i], NULL, NULL, &err));
            SUCCEEDS(
                mmoe_dataset_create(model->schema, &ways[i], labels, NULL, NULL, &sets[k], &err));
            ck_assert_int_eq(mmoe_dataset_column(sets[k], 0)->unknown, k ? 0 : N - 1);
        }
        known[i] = mmoe_schema_fingerprint(model->schema);
        SUCCEEDS(mmoe_input_check(input, model, &err));
        SUCCEEDS(mmoe_trainer_step(t, sets[1], 0, N, NULL, &err));
        for (int k = 0; k < 2; k++) mmoe_dataset_free(sets[k]);
        mmoe_trainer_free(t);
        mmoe_model_free(model);
    }
    ck_assert_uint_eq(known[0], known[1]);
    ck_assert_uint_eq(known[0], known[2]);
    end_all();
}
END_TEST

/* ---- What the others keep ---- */

typedef struct snapshot {
    int64_t rows[8];
    float *weights[8], *m[8], *v[8], *records[8];
} snapshot;

static float *copied(const float *from, int64_t floats) {
    float *to = from ? malloc((size_t)floats * sizeof *to) : NULL;
    if (to) memcpy(to, from, (size_t)floats * sizeof *to);
    return to;
}

static snapshot taken(const mmoe_trainer *t) {
    snapshot s;
    for (int32_t i = 0; i < t->model->params.n_table; i++) {
        const mmoe_optimizer_block *b = &t->optimizer.blocks[i];
        s.rows[i] = t->model->params.tables[i].rows;
        s.weights[i] = copied(mmoe_params_rows(&t->model->params, i), b->count);
        s.m[i] = copied(b->m, mmoe_optimizer_moments(b, b->count));
        s.v[i] = copied(b->v, b->count);
        s.records[i] = copied(b->records, s.rows[i] * b->record);
    }
    return s;
}

/* The first rows of `now` are those of `was`; behind them are zeros, and a step. */
static void begins_with(const float *now, float *was, int64_t floats, int64_t all) {
    if (!was) return;
    ck_assert_mem_eq(now, was, (size_t)floats * sizeof *now);
    for (int64_t i = floats; i < all; i++) ck_assert(now[i] == 0);
    free(was);
}

static void keeps(const mmoe_trainer *t, snapshot *was) {
    for (int32_t i = 0; i < t->model->params.n_table; i++) {
        const mmoe_optimizer_block *b = &t->optimizer.blocks[i];
        const int64_t all = b->count / b->dim, m = mmoe_optimizer_moments(b, b->count) / all;
        begins_with(mmoe_params_rows(&t->model->params, i), was->weights[i], was->rows[i] * b->dim,
                    0);
        begins_with(b->m, was->m[i], was->rows[i] * m, all * m);
        begins_with(b->v, was->v[i], was->rows[i] * b->dim, b->count);
        for (int64_t r = was->rows[i]; b->has_step && r < all; r++) {
            ck_assert_uint_eq(*mmoe_record_step(b, r), t->optimizer.steps);
            *mmoe_record_step(b, r) = 0;
        }
        begins_with(b->records, was->records[i], was->rows[i] * b->record, all * b->record);
        for (int64_t r = was->rows[i]; b->has_step && r < all; r++)
            *mmoe_record_step(b, r) = (uint32_t)t->optimizer.steps;
    }
}

START_TEST(old_rows_keep_all) {
    begin_with("", kept[_i]);
    mmoe_model *model = model_of(schema, NULL), *file = grown_by_file(model);
    mmoe_trainer *t = trainer_of(model, NULL);
    for (int i = 0; i < 5; i++) step(t, 0, BATCH - i * 9);
    snapshot was = taken(t);
    grow(t, OLD, OLD + NEW, 0);
    keeps(t, &was);
    for (int32_t i = 0; i < model->params.n_table; i++) {
        const int64_t dim = model->params.tables[i].dim, at = was.rows[i] * dim;
        const size_t bytes = (size_t)(model->params.tables[i].rows * dim - at) * sizeof(float);
        const float *drawn = mmoe_params_rows(&file->params, i) + at;
        ck_assert_mem_eq(mmoe_params_rows(&model->params, i) + at, drawn, bytes);
        if (t->average.values)
            ck_assert_mem_eq(mmoe_params_rows(&t->average, i) + at, drawn, bytes);
    }
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    mmoe_model_free(file);
    end_all();
}
END_TEST

/* Where rows that are not read do not move, one who knew all values from the start has the same
 * weights. (The first layer's products have tables' sizes for a reason to be made or not.) */
static const char *const unmoved[] = {
    "",
    ", \"embedding_update\": \"deferred\"",
    ", \"embedding_update\": \"lazy\"",
    ", \"optimizer\": \"adagrad\", \"embedding_update\": \"deferred\"",
    ", \"optimizer\": \"adagrad\", \"clip_norm\": 0.5",
    ", \"adaptive_params\": {\"method\": \"pcgrad\", \"at\": \"parameters\"}"};
enum { UNMOVED = sizeof unmoved / sizeof *unmoved };

START_TEST(as_if_all_had_been_known) {
    char keys[256];
    snprintf(keys, sizeof keys, "%s, \"optimizer_params\": {\"weight_decay\": 0}", unmoved[_i]);
    begin_with(", \"first_layer\": \"dense\"", keys);
    mmoe_model *model = model_of(schema, NULL), *whole = grown_by_file(model);
    mmoe_trainer *t = trainer_of(model, NULL), *knows = trainer_of(whole, NULL);
    for (int first = 0; first < OLD + NEW; first += BATCH) {
        grow(t, first, first + BATCH, 0);
        step(t, first, first + BATCH);
        step(knows, first, first + BATCH);
    }
    same_blocks(model, whole);
    mmoe_trainer_free(t);
    mmoe_trainer_free(knows);
    mmoe_model_free(model);
    mmoe_model_free(whole);
    end_all();
}
END_TEST

/* ---- Bounds ---- */

START_TEST(tables_grow_to_their_bounds) {
    begin_with("", "");
    mmoe_model *model = model_of(schema, NULL), *other = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL), *slow = trainer_of(other, NULL);
    const mmoe_grown all = grow(t, OLD, OLD + NEW, 40);
    mmoe_grown parts = {0, 0};
    for (int32_t i = 0; i < 3; i++) ck_assert_int_le(mmoe_model_sparse_rows(model, i), 40);
    ck_assert_int_eq(mmoe_model_sparse_rows(model, 0), 40);
    ck_assert_int_gt(all.left_out, 0);
    for (int i = OLD; i < OLD + NEW; i++) {
        const mmoe_grown one = grow(slow, i, i + 1, 40);
        parts.rows += one.rows;
        parts.left_out += one.left_out;
    }
    ck_assert_int_eq(parts.rows, all.rows);
    ck_assert_int_eq(parts.left_out, all.left_out);
    same_blocks(model, other);
    ck_assert_int_eq(grow(t, OLD, OLD + NEW, 5).rows, 0); /* they have more */
    mmoe_trainer_free(t);
    mmoe_trainer_free(slow);
    mmoe_model_free(model);
    mmoe_model_free(other);
    end_all();
}
END_TEST

/* "max_vocab" and "max_distinct" are bounds; a table that does not learn takes nothing. */
START_TEST(features_have_bounds) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"a\", \"embed_dim\": 2, \"max_vocab\": 5}, "
        "{\"name\": \"b\", \"embed_dim\": 2, \"max_distinct\": 6}, {\"name\": \"c\", "
        "\"embed_dim\": 2, \"trainable\": false}, {\"name\": \"e\", \"embed_dim\": 2}]}, "
        "\"tasks\": [{\"name\": \"y\", \"label\": \"y\"}], \"model\": {\"n_expert\": 2}}";
    int64_t values[8];
    mmoe_column columns[4];
    mmoe_grown found;
    put_text(in_folder("old.csv"), "a,b,c,e,y\n0,0,0,0,1\n1,1,1,1,0\n");
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_dataset_fit_csv(config, in_folder("old.csv"), NULL, &schema, &old_rows, &err));
    mmoe_model *model = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL);
    for (int i = 0; i < 8; i++) values[i] = i;
    for (int i = 0; i < 4; i++) columns[i] = (mmoe_column){MMOE_VALUE_INT64, values, 0};
    const mmoe_batch batch = {.rows = 8, .sparse_columns = columns, .sparse_count = 4};
    SUCCEEDS(mmoe_trainer_grow(t, &batch, NULL, &found, &err));
    ck_assert_int_eq(found.rows, 3 + 4 + 6);
    ck_assert_int_eq(found.left_out, 3 + 2 + 6);
    ck_assert_int_eq(mmoe_model_sparse_rows(model, 0), 6);
    ck_assert_int_eq(mmoe_model_sparse_rows(model, 1), 7);
    ck_assert_int_eq(mmoe_model_sparse_rows(model, 2), 3);
    ck_assert_int_eq(mmoe_model_sparse_rows(model, 3), 9);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    input = NULL;
    end_all();
}
END_TEST

static void refused(mmoe_trainer *t, const mmoe_batch *b, const mmoe_growth *limits,
                    const char *wanted) {
    mmoe_error why = {0};
    mmoe_grown found = {-7, -7};
    ck_assert_int_eq(mmoe_trainer_grow(t, b, limits, &found, &why), MMOE_E_ARGUMENT);
    if (!strstr(why.message, wanted)) ck_abort_msg("\"%s\", not \"%s\"", why.message, wanted);
    ck_assert_int_eq(found.rows, -7);
}

START_TEST(what_is_wrong_is_refused) {
    begin_with("", "");
    mmoe_model *model = model_of(schema, NULL), *same = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL);
    mmoe_batch *b = post(&rows, OLD, OLD + NEW), encoded;
    refused(NULL, b, NULL, "mmoe_trainer_grow: trainer is NULL");
    refused(t, NULL, NULL, "mmoe_trainer_grow: batch is NULL");
    refused(t, b, &(mmoe_growth){.max_rows = -1}, "max_rows is -1");
    refused(t, b, &(mmoe_growth){.reserved = {[2] = t}}, "reserved members must be NULL");
    SUCCEEDS(mmoe_dataset_batch(old_rows, 0, 5, &encoded, &err));
    refused(t, &encoded, NULL, "the batch has row numbers");
    b->column_count--;
    refused(t, b, NULL, "mmoe_trainer_grow: the batch must have the input's 8 columns");
    b = post(&rows, OLD, OLD + NEW);
    rows.seen_ends[NEW - 3] = 1 << 20; /* of the last rows: others have been learned by then */
    refused(t, b, NULL, "row 317: column \"seen\": its offsets pass the values");
    b = post(&rows, OLD, OLD + NEW);
    rows.columns[2].type = MMOE_VALUE_TEXT;
    refused(t, b, NULL, "column \"user\": mmoe_trainer_grow: the column is of the type 2");
    mmoe_trainer *second = trainer_of(model, NULL);
    refused(t, post(&rows, OLD, OLD + 9), NULL, "the model has other trainers");
    mmoe_trainer_free(second);
    ck_assert_uint_eq(mmoe_schema_fingerprint(model->schema),
                      mmoe_schema_fingerprint(same->schema));
    same_blocks(model, same);
    ck_assert_int_eq(mmoe_trainer_grow(t, post(&rows, OLD, OLD + 9), NULL, NULL, NULL), MMOE_OK);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    mmoe_model_free(same);
    end_all();
}
END_TEST

/* Where "auto" has no update for the larger table, no copy of the model could be made. */
START_TEST(auto_grows_no_further_than_it_may) {
    begin_with("", ", \"embedding_update\": \"auto\"");
    mmoe_model *model = model_of(schema, NULL), *copy;
    mmoe_trainer *t = trainer_of(model, NULL);
    mmoe_status status = MMOE_OK;
    mmoe_error why = {0};
    int64_t users = 0, known = 0;
    while (!status) {
        mmoe_batch *b = post(&rows, OLD, OLD + NEW);
        for (int i = 0; i < NEW; i++) rows.rows[i].user = 1000 + users++;
        known = mmoe_model_sparse_rows(model, 0);
        ck_assert_int_lt(known, 70000);
        status = mmoe_trainer_grow(t, b, NULL, NULL, &why);
    }
    ck_assert_int_eq(status, MMOE_E_CONFIG);
    ck_assert_ptr_nonnull(strstr(why.message, "\"auto\" would defer updates of this table"));
    ck_assert_int_eq(mmoe_model_sparse_rows(model, 0), known);
    SUCCEEDS(mmoe_model_clone(model, NULL, &copy, &err));
    mmoe_model_free(copy);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    end_all();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, as_a_file_grows, 0, sizeof cuts / sizeof *cuts);
    tcase_add_test(c, integers_become_texts);
    tcase_add_test(c, integers_are_texts_too);
    tcase_add_loop_test(c, old_rows_keep_all, 0, KEPT);
    tcase_add_loop_test(c, as_if_all_had_been_known, 0, UNMOVED);
    tcase_add_test(c, tables_grow_to_their_bounds);
    tcase_add_test(c, features_have_bounds);
    tcase_add_test(c, what_is_wrong_is_refused);
    tcase_add_test(c, auto_grows_no_further_than_it_may);
}
