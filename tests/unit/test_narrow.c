/* Models whose tables are narrow: to the bit the scores of a model with the floats that these
 * stand for, in memory, read and mapped; what cannot be narrow is refused, and so is what needs
 * floats. */
#include <float.h>

#include "graph/run.h"
#include "math/blas.h"
#include "model/model.h"
#include "predictor_lists_support.h"

static const char *const types[] = {"bf16", "int8"};
enum { TYPES = 2, BF16 = 0, PADDING = 0 };

static mmoe_model *narrow, *twin;
static mmoe_predictor *twin_predictor;

/* ---- The floats that they stand for, by plain sums ---- */

/* The nearer of the two neighbours that have 8 bits, or the even one. */
static float to_bf16(float x) {
    uint32_t bits;
    float low, high;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t down = bits & 0xffff0000u, up = down + 0x10000u;
    memcpy(&low, &down, sizeof low);
    memcpy(&high, &up, sizeof high);
    const double below = fabs((double)x - (double)low), above = fabs((double)high - (double)x);
    if (below == above) return down >> 16 & 1 ? high : low;
    return below < above ? low : high;
}

static void row_to_int8(float *row, int64_t dim) {
    float largest = 0;
    for (int64_t c = 0; c < dim; c++) largest = fmaxf(largest, fabsf(row[c]));
    const float scale = largest / 127;
    for (int64_t c = 0; c < dim && scale > 0; c++) row[c] = scale * nearbyintf(row[c] / scale);
}

static void round_rows(int type, float *rows, int64_t count, int64_t dim) {
    for (int64_t r = 0; r < count; r++, rows += dim) {
        for (int64_t c = 0; c < dim && type == BF16; c++) rows[c] = to_bf16(rows[c]);
        if (type != BF16) row_to_int8(rows, dim);
    }
}

static void round_tables(mmoe_model *m, int type) {
    for (int32_t i = 0; i < m->params.n_table; i++) {
        const mmoe_embedding *t = &m->params.tables[i];
        round_rows(type, mmoe_params_rows(&m->params, i), t->rows, t->dim);
    }
}

static void save_and_load(const mmoe_model *from, bool map, mmoe_model **out) {
    const char *path = in_folder("m.safetensors");
    const mmoe_model_load_options options = {.map_tables = map};
    ok(mmoe_model_save(from, path, &err), &err);
    ok(mmoe_model_load_with(path, &options, NULL, out, &err), &err);
}

static void begin(int type) {
    save_and_load(model, false, &twin);
    round_tables(twin, type);
    ok(mmoe_model_with_tables(model, types[type], NULL, &narrow, &err), &err);
    ok(mmoe_predictor_create(twin, NULL, &twin_predictor, &err), &err);
}

static void end(void) {
    mmoe_predictor_free(twin_predictor);
    mmoe_model_free(twin);
    mmoe_model_free(narrow);
}

/* ---- Scores ---- */

static void same_scores(size_t count, const char *what) {
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(!memcmp(&scores[i], &expected[i], sizeof *scores),
                      "%s: score %zu is %.9g, not %.9g", what, i, (double)scores[i],
                      (double)expected[i]);
}

static void same_runs(mmoe_predictor *p) {
    static raw_rows rows;
    for (size_t n = 1; n <= ROWS; n += n == 1 ? ROWS - 2 : 1) {
        raw(&rows, OF_ALL, ROWS - n, n, false);
        ok(mmoe_predictor_run(twin_predictor, &rows.batch, expected, &err), &err);
        ok(mmoe_predictor_run(p, &rows.batch, scores, &err), &err);
        same_scores(n * TASKS, "run");
    }
    static encoded_rows all;
    side_of_rows(&all, OF_ALL, 0, ROWS);
    ok(mmoe_predictor_score(twin_predictor, NULL, &all.batch, expected, &err), &err);
    ok(mmoe_predictor_score(p, NULL, &all.batch, scores, &err), &err);
    same_scores(ROWS, "score");
}

static void same_ranks(mmoe_predictor *p) {
    enum { BEST = 7 };
    static raw_rows user, items;
    size_t best[BEST], twins[BEST];
    for (size_t first = 0; first < ROWS; first += GROUP) {
        raw(&user, OF_USER, first, 1, true);
        raw(&items, OF_ITEMS, first, GROUP, true);
        ok(mmoe_predictor_rank(twin_predictor, &user.batch, &items.batch, expected, &err), &err);
        ok(mmoe_predictor_rank(p, &user.batch, &items.batch, scores, &err), &err);
        same_scores(GROUP * TASKS, "rank");
        ok(mmoe_predictor_top(twin_predictor, &user.batch, &items.batch, BEST, twins, expected,
                              &err),
           &err);
        ok(mmoe_predictor_top(p, &user.batch, &items.batch, BEST, best, scores, &err), &err);
        same_scores(BEST, "top");
        ck_assert_mem_eq(best, twins, sizeof best);
    }
}

static void same_model(const mmoe_model *m) {
    mmoe_predictor *p;
    ok(mmoe_predictor_create(m, NULL, &p, &err), &err);
    ck_assert_uint_gt(mmoe_predictor_products(p, NULL), 0);
    same_runs(p);
    same_ranks(p);
    mmoe_predictor_free(p);
}

START_TEST(scores_are_the_floats) {
    mmoe_model *loaded;
    begin(_i);
    same_model(narrow);
    save_and_load(narrow, false, &loaded);
    same_model(loaded);
    mmoe_model_free(loaded);
    end();
}
END_TEST

/* Without products every table is gathered. */
START_TEST(gathered_scores_are_the_floats) {
    const mmoe_predictor_options none = {.product_bytes = 1};
    mmoe_predictor *p;
    begin(_i);
    mmoe_predictor_free(twin_predictor);
    ok(mmoe_predictor_create_with(twin, &none, NULL, &twin_predictor, &err), &err);
    ok(mmoe_predictor_create_with(narrow, &none, NULL, &p, &err), &err);
    ck_assert_uint_eq(mmoe_predictor_products(p, NULL), 0);
    same_runs(p);
    same_ranks(p);
    mmoe_predictor_free(p);
    end();
}
END_TEST

/* Rows of zeros, some of them below 0; of the least numbers; and of both beside one. */
static void put_tiny_rows(void) {
    static const float some[][3] = {{0, -0.0f, 0},
                                    {0x1p-149f, -0x1p-149f, 0},
                                    {0x1p-127f, 0x1.8p-140f, -0x1p-133f},
                                    {1, 0x1p-149f, 0}};
    for (int32_t i = 0; i < model->params.n_table; i++) {
        const mmoe_embedding *t = &model->params.tables[i];
        float *x = mmoe_params_rows(&model->params, i);
        for (int64_t k = 0; k < t->rows * t->dim; k++) x[k] = some[k / t->dim % 4][k % t->dim % 3];
    }
}

START_TEST(tiny_rows_score_as_the_floats) {
    put_tiny_rows();
    begin(_i);
    same_model(narrow);
    for (size_t i = 0; i < ROWS * TASKS; i++) ck_assert(isfinite(scores[i]));
    end();
}
END_TEST

/* What an inspection looks at. */
static void run_plan(mmoe_model *m, float *out) {
    mmoe_batch all;
    mmoe_run *planned;
    const mmoe_plan_request wanted = {m->graph, &m->params, NULL, MMOE_PLAN_PREDICT, ROWS};
    ok(mmoe_dataset_batch(encoded, 0, ROWS, &all, &err), &err);
    ok(mmoe_run_create(&wanted, &planned, &err), &err);
    mmoe_blas_begin_single();
    mmoe_run_fold(planned);
    mmoe_run_predict(planned,
                     &(mmoe_rows){.rows = ROWS,
                                  .ids = all.ids,
                                  .dense = all.dense,
                                  .id_stride = all.id_stride,
                                  .dense_stride = all.dense_stride,
                                  .lists = all.lists},
                     out);
    mmoe_run_free(planned);
}

START_TEST(plans_read_them) {
    begin(_i);
    run_plan(twin, expected);
    run_plan(narrow, scores);
    same_scores(ROWS * TASKS, "plan");
    end();
}
END_TEST

/* ---- Mapped ---- */

enum { MANY = 600000, WIDE = 16 };

static mmoe_model *large_model(void) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 600000, \"embed_dim\": 16, "
        "\"trainable\": false}, {\"name\": \"b\", \"vocab_size\": 7, \"embed_dim\": 3}]}, "
        "\"tasks\": [{\"name\": \"y\", \"label\": \"y\"}], \"model\": {\"name\": \"mmoe\"}}";
    static const char *const names[] = {"a", "b"};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *m;
    ok(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err), &err);
    ok(mmoe_schema_create(config, names, 2, NULL, &schema, &err), &err);
    ok(mmoe_model_create(config, schema, NULL, &m, &err), &err);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return m;
}

static void score_large(const mmoe_model *m, float *out) {
    int32_t ids[2 * ROWS];
    mmoe_predictor *p;
    for (int32_t i = 0; i < ROWS; i++) {
        ids[2 * i] = (int32_t)((uint32_t)i * 2654435761u % MANY);
        ids[2 * i + 1] = i % 7;
    }
    ok(mmoe_predictor_create(m, NULL, &p, &err), &err);
    ok(mmoe_predictor_run(p, &(mmoe_batch){.rows = ROWS, .ids = ids, .id_stride = 2}, out, &err),
       &err);
    mmoe_predictor_free(p);
}

/* The twin is the float model itself, rounded, which therefore comes last. */
START_TEST(mapped_tables_score_alike) {
    mmoe_model *large = large_model(), *small, *mapped;
    ok(mmoe_model_with_tables(large, types[_i], NULL, &small, &err), &err);
    save_and_load(small, true, &mapped);
    const char *map = mapped->params.map.data;
    ck_assert_ptr_nonnull(map);
    for (int32_t i = 0; i < 2; i++) {
        const mmoe_vectors v = mmoe_table_vectors(&mapped->params.tables[i]);
        const char *rows = v.rows, *scales = (const char *)v.scales, *behind = map + (20 << 20);
        ck_assert(rows >= map && rows < behind);
        ck_assert(_i == BF16 ? !scales : scales >= map && scales < behind);
    }
    score_large(mapped, scores);
    round_tables(large, _i);
    score_large(large, expected);
    same_scores(ROWS, "mapped");
    mmoe_model_free(large);
    mmoe_model_free(small);
    mmoe_model_free(mapped);
}
END_TEST

/* ---- Rows ---- */

static mmoe_embedding open_table(int type, int64_t rows, int32_t dim) {
    mmoe_embedding t = {.alloc = mmoe_allocator_or_default(NULL),
                        .rows = rows,
                        .dim = dim,
                        .dtype = mmoe_table_kind_named(types[type])->dtype};
    t.kind = mmoe_table_kind_for(&t);
    ck_assert_ptr_eq(t.kind, mmoe_table_kind_named(types[type]));
    ck_assert(!mmoe_table_learns(&t));
    ck_assert_int_eq(t.kind->open(&t, NULL, &err), MMOE_OK);
    return t;
}

/* Ties to even in bfloat16 and among integers, the ends of the range, numbers below the normal
 * ones, a row of zeros. */
START_TEST(rows_are_the_nearest) {
    enum { DIM = 4 };
    float rows[][DIM] = {{0, 0, 0, 0},
                         {1, -0.5f, 0x1.01p0f, 0x1.03p0f},
                         {0x1.0180p0f, -0x1.0180p0f, 0x1.0180001p0f, 0x1.017ffep0f},
                         {127, 0.5f, 1.5f, -2.5f},
                         {0x1p127f, -0x1p127f, 1, 0x1p-126f},
                         {0x1p-149f, -0x1p-149f, 0x1p-148f, 0x1.8p-147f},
                         {0x1p-130f, 0x1.3p-131f, -0x1.7p-133f, 0}};
    const int64_t count = sizeof rows / sizeof *rows;
    mmoe_embedding t = open_table(_i, count, DIM);
    for (int64_t r = 0; r < count; r++) ck_assert_int_eq(t.kind->put(&t, r, rows[r]), -1);
    const mmoe_vectors v = mmoe_table_vectors(&t);
    float got[DIM];
    for (int64_t r = 0; r < count; r++) {
        mmoe_vectors_read(&v, r, 1, got);
        if (v.scales && v.scales[r] < FLT_MIN) {
            for (int c = 0; c < DIM; c++) ck_assert(fabsf(got[c]) <= FLT_MIN * 2);
            continue; /* so coarse is a scale there */
        }
        round_rows(_i, rows[r], 1, DIM);
        ck_assert_mem_eq(got, rows[r], sizeof got);
    }
    t.kind->close(&t);
    t.kind->close(&t);
}
END_TEST

/* The largest float is an integer's, but rounds to infinity in bfloat16. */
START_TEST(what_is_not_finite_is_told) {
    const float bad[] = {INFINITY, -INFINITY, NAN, -NAN, FLT_MAX};
    mmoe_embedding t = open_table(_i, 2, 3);
    const mmoe_vectors v = mmoe_table_vectors(&t);
    for (int i = 0; i < 5; i++) {
        const float row[3] = {1, bad[i], bad[i]};
        const bool fits = _i != BF16 && i == 4;
        float got[3];
        ck_assert_int_eq(t.kind->put(&t, 1, row), fits ? -1 : 1);
        if (!fits) continue;
        mmoe_vectors_read(&v, 1, 1, got);
        ck_assert(isfinite(got[1]) && got[1] > 0.98f * FLT_MAX);
    }
    t.kind->close(&t);
    t.rows = INT64_MAX / 2;
    ck_assert_int_eq(t.kind->open(&t, NULL, &err), MMOE_E_MEMORY);
}
END_TEST

/* ---- What is refused ---- */

static void refused(mmoe_status status, mmoe_status wanted, const char *message) {
    ck_assert_int_eq(status, wanted);
    ck_assert_msg(strstr(err.message, message) != NULL, "%s", err.message);
}

/* Wherever it stands, and whatever it is: by its place. */
static void check_bad_value(int type, int32_t table, bool is_last, float bad, const char *shown) {
    const mmoe_embedding *t = &model->params.tables[table];
    const int64_t row = is_last ? t->rows - 1 : 0;
    const int32_t at = is_last ? t->dim - 1 : 0;
    float *value = mmoe_params_rows(&model->params, table) + row * t->dim + at;
    const float was = *value;
    char place[128];
    mmoe_model *none = NULL;
    snprintf(place, sizeof place,
             ".weight\": value %d of row %d, both counted from 0, is %s: ", (int)at, (int)row,
             shown);
    *value = bad;
    refused(mmoe_model_with_tables(model, types[type], NULL, &none, &err), MMOE_E_NUMERIC, place);
    ck_assert_ptr_null(none);
    *value = was;
}

START_TEST(what_is_not_finite_is_named) {
    static const struct {
        float value;
        const char *shown;
    } bad[] = {{INFINITY, "inf"}, {-INFINITY, "-inf"}, {NAN, "nan"}, {FLT_MAX, "3.4028235e+38"}};
    const int32_t last = model->params.n_table - 1;
    mmoe_model *made;
    for (int i = 0; i < (_i == BF16 ? 4 : 3); i++)
        for (int k = 0; k < 4; k++)
            check_bad_value(_i, k / 2 ? last : 0, k % 2, bad[i].value, bad[i].shown);
    ok(mmoe_model_with_tables(model, types[_i], NULL, &made, &err), &err);
    mmoe_model_free(made);
}
END_TEST

START_TEST(only_floats_are_trained_and_exported) {
    static const char say[] = "scoring alone; use the model that it was exported from";
    mmoe_trainer *trainer = NULL;
    mmoe_model *again = NULL;
    const char *path = in_folder("m.safetensors"), *other = in_folder("w");
    begin(_i);
    refused(mmoe_trainer_create(narrow, NULL, NULL, &trainer, &err), MMOE_E_ARGUMENT, say);
    refused(mmoe_model_export_weights(narrow, other, &err), MMOE_E_ARGUMENT, say);
    refused(mmoe_model_export_onnx(narrow, other, &err), MMOE_E_ARGUMENT, say);
    refused(mmoe_model_load_weights(narrow, path, &err), MMOE_E_ARGUMENT, say);
    refused(mmoe_model_with_tables(narrow, types[_i], NULL, &again, &err), MMOE_E_ARGUMENT, say);
    ok(mmoe_model_save(narrow, path, &err), &err);
    refused(mmoe_model_load_weights(model, path, &err), MMOE_E_FORMAT,
            _i == BF16 ? "the file has tables of BF16, which are for scoring alone"
                       : "the file has tables of I8, which are for scoring alone");
    refused(mmoe_model_with_tables(model, "int4", NULL, &again, &err), MMOE_E_ARGUMENT,
            "\"int4\" is no type of tables: bf16 and int8 are");
    refused(mmoe_model_with_tables(model, NULL, NULL, &again, &err), MMOE_E_ARGUMENT, "type");
    ck_assert(!trainer && !again);
    end();
}
END_TEST

START_TEST(a_program_is_told_of_them) {
    const char *const narrow_type = _i == BF16 ? "BF16" : "I8";
    mmoe_tensor_info info, was;
    size_t tables = 0;
    begin(_i);
    for (size_t i = 0; mmoe_model_tensor(narrow, i, &info) == 0; i++) {
        const bool is_table = strstr(info.name, "embed_dict") != NULL;
        ck_assert_int_eq(mmoe_model_tensor(model, i, &was), 0);
        ck_assert_str_eq(info.name, was.name);
        ck_assert((info.data == NULL) == is_table);
        ck_assert_str_eq(was.type, was.is_integer ? "I64" : "F32");
        ck_assert_str_eq(info.type, is_table ? narrow_type : was.type);
        tables += is_table;
    }
    ck_assert_uint_eq(tables, 7);
    end();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, scores_are_the_floats, 0, TYPES);
    tcase_add_loop_test(c, gathered_scores_are_the_floats, 0, TYPES);
    tcase_add_loop_test(c, tiny_rows_score_as_the_floats, 0, TYPES);
    tcase_add_loop_test(c, plans_read_them, 0, TYPES);
    tcase_add_loop_test(c, mapped_tables_score_alike, 0, TYPES);
    tcase_add_loop_test(c, rows_are_the_nearest, 0, TYPES);
    tcase_add_loop_test(c, what_is_not_finite_is_told, 0, TYPES);
    tcase_add_loop_test(c, what_is_not_finite_is_named, 0, TYPES);
    tcase_add_loop_test(c, only_floats_are_trained_and_exported, 0, TYPES);
    tcase_add_loop_test(c, a_program_is_told_of_them, 0, TYPES);
}
