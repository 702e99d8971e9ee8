/* Vocabularies that grow between the steps of a trainer: new rows are those of one who reads the
 * same rows from a file, and old ones keep all that they have. */
#include "failing.h"
#include "growing_support.h"

static posted rows; /* what was posted last */

static mmoe_grown grow(mmoe_trainer *t, int first, int end, int64_t max_rows) {
    const mmoe_growth limits = {.max_rows = max_rows};
    mmoe_grown grown = {-1, -1};
    SUCCEEDS(mmoe_trainer_grow(t, post(&rows, first, end), &limits, &grown, &err));
    return grown;
}

/* A step from rows [first, end), whose values are encoded as they are known now. */
static void step(mmoe_trainer *t, int first, int end) {
    mmoe_dataset *set;
    post(&rows, first, end);
    SUCCEEDS(
        mmoe_dataset_create(t->model->schema, &rows.batch, rows.labels, NULL, NULL, &set, &err));
    SUCCEEDS(mmoe_trainer_step(t, set, 0, (size_t)(end - first), NULL, &err));
    mmoe_dataset_free(set);
}

static void learn(mmoe_trainer *t, int first, int end) {
    for (; first < end; first += BATCH) {
        grow(t, first, first + BATCH, 0);
        step(t, first, first + BATCH);
    }
}

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

/* ---- What the others keep ---- */

static const char *const kept[] = {
    "",
    ", \"embedding_update\": \"deferred\"",
    ", \"embedding_update\": \"deferred\", \"optimizer\": \"adamw\", \"warmup_steps\": 7",
    ", \"embedding_update\": \"lazy\", \"optimizer_params\": {\"weight_decay\": 0}",
    ", \"optimizer\": \"adagrad\", \"embedding_update\": \"deferred\"",
    (", \"embedding_optimizer\": \"rowwise_adagrad\", \"embedding_optimizer_params\": {\"lr\": "
     "0.05}"),
    ", \"ema_decay\": 0.9, \"clip_norm\": 0.3, \"optimizer\": \"adamw\"",
    ", \"adaptive_params\": {\"method\": \"metabalance\", \"at\": \"parameters\"}",
    ", \"adaptive_params\": {\"method\": \"gradnorm\"}, \"optimizer\": \"adagrad\""};
enum { KEPT = sizeof kept / sizeof *kept };

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

/* ---- Saved, and published ---- */

static void same_files(const char *a, const char *b) {
    size_t sizes[2];
    char *texts[2] = {get_file(in_folder(a), &sizes[0]), get_file(in_folder(b), &sizes[1])};
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq(texts[0], texts[1], sizes[0]);
    free(texts[0]);
    free(texts[1]);
}

static void save(mmoe_trainer *t, const char *name) {
    SUCCEEDS(mmoe_trainer_save(t, in_folder(name), &err));
}

START_TEST(a_run_goes_on_with_what_it_knew) {
    begin_with("", kept[_i]);
    mmoe_model *model = model_of(schema, NULL), *fresh = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL), *again = trainer_of(fresh, NULL);
    learn(t, 0, 3 * BATCH);
    save(t, "half");
    learn(t, 3 * BATCH, OLD + NEW);
    save(t, "whole");
    SUCCEEDS(mmoe_trainer_resume(again, in_folder("half"), &err));
    save(again, "half again");
    same_files("half", "half again");
    learn(again, 3 * BATCH, OLD + NEW);
    save(again, "whole again");
    same_files("whole", "whole again");
    SUCCEEDS(mmoe_trainer_resume(again, in_folder("half"), &err)); /* and back */
    learn(again, 3 * BATCH, OLD + NEW);
    save(again, "whole again");
    same_files("whole", "whole again");
    mmoe_trainer_free(t);
    mmoe_trainer_free(again);
    mmoe_model_free(model);
    mmoe_model_free(fresh);
    end_all();
}
END_TEST

/* Into a model that was saved meanwhile, too; not into one that began with other values. */
START_TEST(a_run_is_of_its_vocabulary) {
    mmoe_model *model, *saved, *other;
    mmoe_schema *others;
    mmoe_dataset *set;
    mmoe_error why = {0};
    begin_with("", "");
    model = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL);
    learn(t, OLD, OLD + BATCH);
    SUCCEEDS(mmoe_model_save(model, in_folder("model"), &err));
    learn(t, OLD + BATCH, OLD + NEW);
    save(t, "run");
    SUCCEEDS(mmoe_model_load(in_folder("model"), NULL, &saved, &err));
    mmoe_trainer *again = trainer_of(saved, NULL);
    SUCCEEDS(mmoe_trainer_resume(again, in_folder("run"), &err));
    same_blocks(model, saved);
    put_rows("other.csv", 1, OLD);
    SUCCEEDS(mmoe_dataset_fit_csv(config, in_folder("other.csv"), NULL, &others, &set, &err));
    other = model_of(others, NULL);
    mmoe_trainer *wrong = trainer_of(other, NULL);
    ck_assert_int_eq(mmoe_trainer_resume(wrong, in_folder("run"), &why), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "the checkpoint is of another vocabulary: column "
                                              "\"user\": value 1 of its vocabulary is"));
    mmoe_trainer_free(t);
    mmoe_trainer_free(again);
    mmoe_trainer_free(wrong);
    mmoe_model_free(model);
    mmoe_model_free(saved);
    mmoe_model_free(other);
    mmoe_dataset_free(set);
    mmoe_schema_free(others);
    end_all();
}
END_TEST

/* What a resume that fails leaves is what there was, whose steps go on. */
START_TEST(a_resume_that_fails_changes_nothing) {
    begin_with("", ", \"ema_decay\": 0.9, \"clip_norm\": 0.3");
    mmoe_model *model = model_of(schema, NULL), *same = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL), *twin = trainer_of(same, NULL);
    mmoe_error why = {0};
    size_t size;
    learn(t, 0, 2 * BATCH);
    save(t, "small");
    learn(t, 2 * BATCH, OLD + NEW);
    save(t, "large");
    char *bytes = get_file(in_folder("large"), &size);
    bytes[size - 300] ^= 1; /* of the last tensors */
    put_file(in_folder("broken"), bytes, size);
    free(bytes);
    learn(twin, 0, 2 * BATCH);
    SUCCEEDS(mmoe_trainer_resume(t, in_folder("small"), &err));
    ck_assert_int_eq(mmoe_trainer_resume(t, in_folder("broken"), &why), MMOE_E_FORMAT);
    save(t, "small again");
    same_files("small", "small again");
    learn(t, 2 * BATCH, 4 * BATCH);
    learn(twin, 2 * BATCH, 4 * BATCH);
    same_blocks(model, same);
    mmoe_trainer_free(t);
    mmoe_trainer_free(twin);
    mmoe_model_free(model);
    mmoe_model_free(same);
    end_all();
}
END_TEST

static int64_t rows_served(mmoe_slot *slot, const mmoe_model *as) {
    mmoe_reader *reader = NULL;
    mmoe_served now;
    SUCCEEDS(mmoe_reader_create(slot, &reader, &err));
    SUCCEEDS(mmoe_reader_enter(reader, &now, &err));
    const int64_t count = mmoe_model_sparse_rows(now.model, 0);
    if (as) same_blocks(now.model, as);
    mmoe_reader_leave(reader);
    mmoe_reader_free(reader);
    return count;
}

START_TEST(what_was_published_stays) {
    begin_with("", kept[_i]);
    mmoe_model *model = model_of(schema, NULL), *first, *then;
    mmoe_trainer *t = trainer_of(model, NULL);
    mmoe_slot *slot = NULL;
    const int64_t few = mmoe_model_sparse_rows(model, 0);
    SUCCEEDS(mmoe_model_clone(model, NULL, &first, &err));
    SUCCEEDS(mmoe_slot_create(first, NULL, &slot, &err));
    learn(t, 0, 3 * BATCH);
    ck_assert_int_eq(rows_served(slot, NULL), few);
    SUCCEEDS(mmoe_trainer_publish(t, slot, NULL, &err));
    const int64_t more = mmoe_model_sparse_rows(model, 0);
    ck_assert_int_gt(more, few);
    SUCCEEDS(mmoe_model_clone(model, NULL, &then, &err));
    if (!t->average.values) ck_assert_int_eq(rows_served(slot, then), more);
    learn(t, 3 * BATCH, OLD + NEW);
    ck_assert_int_eq(rows_served(slot, t->average.values ? NULL : then), more);
    SUCCEEDS(mmoe_trainer_publish(t, slot, NULL, &err));
    ck_assert_int_eq(rows_served(slot, NULL), mmoe_model_sparse_rows(model, 0));
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    mmoe_model_free(then);
    mmoe_slot_free(slot);
    end_all();
}
END_TEST

/* A fit of the schema as it is now begins a run of its own; a model that is saved is as large. */
START_TEST(fits_follow) {
    mmoe_dataset *set;
    mmoe_model *model, *loaded;
    mmoe_error why = {0};
    begin_with("", ", \"n_epoch\": 2");
    model = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL);
    SUCCEEDS(mmoe_trainer_fit(t, old_rows, old_rows, &err));
    learn(t, OLD, OLD + NEW);
    ck_assert_int_eq(mmoe_trainer_fit(t, old_rows, NULL, &why), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "of another schema"));
    SUCCEEDS(mmoe_dataset_read_csv(model->schema, in_folder("new.csv"), MMOE_LABELS_REQUIRED, NULL,
                                   &set, &err));
    SUCCEEDS(mmoe_trainer_fit(t, set, set, &err));
    SUCCEEDS(mmoe_model_save(model, in_folder("model"), &err));
    SUCCEEDS(mmoe_model_load(in_folder("model"), NULL, &loaded, &err));
    ck_assert_uint_eq(mmoe_schema_fingerprint(model->schema),
                      mmoe_schema_fingerprint(loaded->schema));
    same_blocks(model, loaded);
    mmoe_dataset_free(set);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    mmoe_model_free(loaded);
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

/* ---- Memory ---- */

/* One row after another: a table moves seldom, and steps take no memory. */
START_TEST(growing_takes_little_time) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    begin_with("", ", \"embedding_update\": \"deferred\"");
    mmoe_model *model = model_of(schema, &a);
    mmoe_trainer *t = trainer_of(model, &a);
    enum { MANY = 3000 };
    static int64_t users[MANY];
    const int64_t one = 1;
    const char *const text = "t1";
    int moves = 0;
    const float *last = NULL;
    step(t, 0, BATCH);
    for (int i = 0; i < MANY; i++) users[i] = 1000 + i;
    for (int i = 0; i < MANY; i++) {
        mmoe_batch *b = post(&rows, 0, 1);
        rows.columns[2] = (mmoe_column){MMOE_VALUE_INT64, &users[i], 0};
        rows.columns[4] = (mmoe_column){MMOE_VALUE_INT64, &one, 0};
        rows.columns[1] = (mmoe_column){MMOE_VALUE_TEXT, &text, 0};
        SUCCEEDS(mmoe_trainer_grow(t, b, NULL, NULL, &err));
        moves += mmoe_params_rows(&model->params, 0) != last;
        last = mmoe_params_rows(&model->params, 0);
    }
    ck_assert_int_eq(mmoe_model_sparse_rows(model, 0), 11 + MANY);
    ck_assert_int_lt(moves, 20);
    mmoe_dataset *set;
    post(&rows, 0, BATCH);
    SUCCEEDS(mmoe_dataset_create(model->schema, &rows.batch, rows.labels, NULL, NULL, &set, &err));
    const long calls = memory.calls;
    SUCCEEDS(mmoe_trainer_step(t, set, 0, BATCH, NULL, &err));
    ck_assert_int_eq(memory.calls, calls);
    mmoe_dataset_free(set);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    ck_assert_int_eq(memory.live, 0);
    end_all();
}
END_TEST

/* Without memory nothing has changed: what follows is what would have, in steps and files. */
static void try_to_grow(failing *memory, const mmoe_allocator *a) {
    mmoe_error why = {0};
    memory->paused = 1;
    mmoe_model *model = model_of(schema, a);
    mmoe_trainer *t = trainer_of(model, a);
    step(t, 0, BATCH);
    mmoe_batch *b = post(&rows, OLD, OLD + 2 * BATCH);
    memory->paused = 0;
    const mmoe_status status = mmoe_trainer_grow(t, b, NULL, NULL, &why);
    memory->paused = 1;
    failing_check(memory, status, &why);
    if (status) grow(t, OLD, OLD + 2 * BATCH, 0);
    learn(t, OLD + BATCH, OLD + NEW);
    save(t, "failed");
    same_files("behind", "failed");
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    memory->paused = 0;
    ck_assert_int_eq(memory->live, 0);
}

START_TEST(every_allocation_may_fail) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    static const int settings[] = {1, 6, 7}; /* deferred; an average and a norm; balancing */
    begin_with("", kept[settings[_i]]);
    mmoe_model *model = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL);
    step(t, 0, BATCH);
    grow(t, OLD, OLD + 2 * BATCH, 0);
    learn(t, OLD + BATCH, OLD + NEW);
    save(t, "behind");
    while (failing_next(&memory)) try_to_grow(&memory, &a);
    ck_assert_int_gt(memory.calls, 30);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    end_all();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, as_a_file_grows, 0, sizeof cuts / sizeof *cuts);
    tcase_add_test(c, integers_become_texts);
    tcase_add_loop_test(c, old_rows_keep_all, 0, KEPT);
    tcase_add_loop_test(c, as_if_all_had_been_known, 0, UNMOVED);
    tcase_add_loop_test(c, a_run_goes_on_with_what_it_knew, 0, KEPT);
    tcase_add_test(c, a_run_is_of_its_vocabulary);
    tcase_add_test(c, a_resume_that_fails_changes_nothing);
    tcase_add_loop_test(c, what_was_published_stays, 0, KEPT);
    tcase_add_test(c, fits_follow);
    tcase_add_test(c, tables_grow_to_their_bounds);
    tcase_add_test(c, features_have_bounds);
    tcase_add_test(c, what_is_wrong_is_refused);
    tcase_add_test(c, auto_grows_no_further_than_it_may);
    tcase_add_test(c, growing_takes_little_time);
    tcase_add_loop_test(c, every_allocation_may_fail, 0, 3);
}
