/* First layers that are looked up: the scores of those that are multiplied, of every model and kind
 * of column; the same bits in every call; and no more memory than the caller allows. */
#include "check_main.h"
#include "models_support.h"
#include "predictor_support.h"
#include "succeeds.h"

/* u, v, w, t and s have few values, o has many; x is a cross; h is a list. */
enum { IDS = 7, USER_IDS = 2, NUMBERS = 2, ROWS = 300, TASKS = 2, MOST_LENGTH = 3, LOOKED_UP = 6 };
static const char *const file_columns[] = {"u", "v", "w", "t", "s", "o", "h", "d0", "d1"};
static const int32_t values[IDS] = {30, 9, 40, 5, 30, 300000, 64};

static mmoe_model *model;
static int32_t ids[ROWS * IDS], user_ids[USER_IDS], item_ids[ROWS * (IDS - USER_IDS)];
static int32_t elements[ROWS * MOST_LENGTH];
static int64_t offsets[ROWS + 1], user_offsets[2];
static float numbers[ROWS * NUMBERS], prices[ROWS];
static float scores[ROWS * TASKS], expected[ROWS * TASKS];

/* Rows of one user. */
static const mmoe_batch all = {.rows = ROWS,
                               .ids = ids,
                               .id_stride = IDS,
                               .dense = numbers,
                               .dense_stride = NUMBERS,
                               .lists = {1, offsets, elements, NULL, ROWS *MOST_LENGTH}},
                        user = {.rows = 1,
                                .ids = user_ids,
                                .id_stride = USER_IDS,
                                .dense = numbers,
                                .dense_stride = 1,
                                .lists = {1, user_offsets, elements, NULL, MOST_LENGTH}},
                        items = {.rows = ROWS,
                                 .ids = item_ids,
                                 .id_stride = IDS - USER_IDS,
                                 .dense = prices,
                                 .dense_stride = 1};

static mmoe_model *make_model(int which) {
    char json[4096];
    snprintf(
        json, sizeof json,
        "{\"features\": {\"sparse\": [{\"name\": \"u\", \"vocab_size\": 30, \"embed_dim\": 16, "
        "\"side\": \"user\"}, {\"name\": \"v\", \"vocab_size\": 9, \"side\": \"user\"}, "
        "{\"name\": \"w\", \"vocab_size\": 40, \"embed_dim\": 3}, "
        "{\"name\": \"t\", \"vocab_size\": 5, \"embed_dim\": 1}, "
        "{\"name\": \"s\", \"shared_with\": \"u\", \"embed_dim\": 16}, "
        "{\"name\": \"o\", \"vocab_size\": 300000}, "
        "{\"name\": \"x\", \"cross\": [\"u\", \"w\"], \"hash_bucket_size\": 64, "
        "\"embed_dim\": 8}], \"sequence\": [{\"name\": \"h\", \"shared_with\": \"u\", "
        "\"embed_dim\": 16, \"side\": \"user\"}], "
        "\"dense\": [{\"name\": \"d0\", \"side\": \"user\"}, {\"name\": \"d1\"}]}, "
        "\"tasks\": [{\"name\": \"y\", \"label\": \"y\", \"tower_params\": {\"dims\": [4]}}, "
        "{\"name\": \"z\", \"label\": \"z\"}], \"score\": \"y * z\", "
        "\"model\": {\"name\": \"%s\"%s%s}}",
        model_shapes[which].name, model_shapes[which].keys ? ", " : "",
        model_shapes[which].keys ? model_shapes[which].keys : "");
    mmoe_config *config = NULL;
    mmoe_schema *schema = NULL;
    mmoe_model *made = NULL;
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, file_columns, sizeof file_columns / sizeof *file_columns,
                                NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &made, &err));
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return made;
}

static void draw_all(void) {
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t c = 0; c < IDS; c++)
            ids[r * IDS + c] =
                c < USER_IDS && r ? ids[c] : (int32_t)(draw_bits() % (uint32_t)values[c]);
        memcpy(item_ids + r * (IDS - USER_IDS), ids + r * IDS + USER_IDS,
               (IDS - USER_IDS) * sizeof *ids);
        numbers[r * NUMBERS] = r ? numbers[0] : draw();
        numbers[r * NUMBERS + 1] = prices[r] = draw();
        offsets[r + 1] = (int64_t)(r + 1) * MOST_LENGTH;
        for (size_t e = 0; e < MOST_LENGTH; e++)
            elements[r * MOST_LENGTH + e] = r ? elements[e] : (int32_t)(draw_bits() % 30);
    }
    memcpy(user_ids, ids, sizeof user_ids);
    user_offsets[1] = MOST_LENGTH;
}

static void set_up(int which) {
    draw_state = 7;
    model = make_model(which);
    scatter_weights(model);
    draw_all();
}

static void tear_down(void) { mmoe_model_free(model); }

static mmoe_predictor *new_predictor(size_t bytes) {
    mmoe_predictor *p = NULL;
    const mmoe_predictor_options options = {.product_bytes = bytes};
    SUCCEEDS(mmoe_predictor_create_with(model, &options, NULL, &p, &err));
    return p;
}

/* ---- Scores ---- */

static void assert_same(const float *got, const float *want, size_t count, const char *what) {
    for (size_t i = 0; i < count; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            ck_abort_msg("%s: score %zu: %.9g, not %.9g", what, i, (double)got[i], (double)want[i]);
}

/* Every way to score gives the bits of `run`, which are left in `scores`. */
static void check_calls(mmoe_predictor *p) {
    static float other[ROWS * TASKS], finals[ROWS];
    static size_t order[ROWS];
    SUCCEEDS(mmoe_predictor_run(p, &all, scores, &err));
    for (size_t first = 0, rows = 1; first + rows <= ROWS; first += rows, rows += 16) {
        mmoe_batch part = all;
        part.rows = rows;
        part.ids += first * IDS;
        part.dense += first * NUMBERS;
        part.lists.offsets += first;
        SUCCEEDS(mmoe_predictor_run(p, &part, other, &err));
        assert_same(other, scores + first * TASKS, rows * TASKS, "a part");
    }
    SUCCEEDS(mmoe_predictor_rank(p, &user, &items, other, &err));
    assert_same(other, scores, ROWS * TASKS, "rank");
    SUCCEEDS(mmoe_predictor_score(p, NULL, &all, finals, &err));
    SUCCEEDS(mmoe_predictor_top(p, &user, &items, ROWS, order, other, &err));
    for (size_t i = 0; i < ROWS; i++) assert_same(other + i, finals + order[i], 1, "top");
}

START_TEST(scores_are_those_of_multiplication) {
    set_up(_i);
    mmoe_predictor *dense = new_predictor(1), *looked_up = new_predictor(0);
    int32_t columns = -1;
    ck_assert_uint_eq(mmoe_predictor_products(NULL, &columns), 0);
    ck_assert_int_eq(columns, 0);
    ck_assert_uint_eq(mmoe_predictor_products(dense, &columns), 0);
    ck_assert_int_eq(columns, 0);
    check_calls(dense);
    memcpy(expected, scores, sizeof expected);
    ck_assert_uint_gt(mmoe_predictor_products(looked_up, &columns), 0);
    ck_assert_int_eq(columns, LOOKED_UP);
    check_calls(looked_up);
    double spread = 0;
    for (size_t i = 0; i < ROWS * TASKS; i++) {
        ck_assert_double_le(fabs((double)scores[i] - (double)expected[i]), 1e-6);
        spread = fmax(spread, fabs((double)scores[i] - (double)scores[i % TASKS]));
    }
    ck_assert_double_gt(spread, 1e-3);
    mmoe_predictor_free(dense);
    mmoe_predictor_free(looked_up);
    tear_down();
}
END_TEST

/* Nothing is left to multiply. */
START_TEST(all_columns_are_looked_up) {
    const char *const names[] = {"a", "b"};
    const char *text = "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 50, "
                       "\"side\": \"user\"}, {\"name\": \"b\", \"vocab_size\": 50}]}, \"tasks\": "
                       "[{\"name\": \"y\", \"label\": \"y\"}]}";
    const mmoe_batch rows = {.rows = 25, .ids = (int32_t[50]){3, 8, 3, 7}, .id_stride = 2},
                     one = {.rows = 1, .ids = (int32_t[]){3}, .id_stride = 1},
                     both = {.rows = 2, .ids = (int32_t[]){8, 7}, .id_stride = 1};
    mmoe_config *config = NULL;
    mmoe_schema *schema = NULL;
    int32_t columns;
    draw_state = 7;
    SUCCEEDS(mmoe_config_parse(text, strlen(text), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, names, 2, NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    scatter_weights(model);
    mmoe_predictor *dense = new_predictor(1), *looked_up = new_predictor(0);
    mmoe_predictor_products(looked_up, &columns);
    ck_assert_int_eq(columns, 2);
    SUCCEEDS(mmoe_predictor_run(dense, &rows, expected, &err));
    SUCCEEDS(mmoe_predictor_run(looked_up, &rows, scores, &err));
    for (size_t i = 0; i < rows.rows; i++)
        ck_assert_double_le(fabs((double)scores[i] - (double)expected[i]), 1e-6);
    ck_assert(scores[0] != scores[1]);
    SUCCEEDS(mmoe_predictor_rank(looked_up, &one, &both, expected, &err));
    assert_same(expected, scores, both.rows, "rank");
    mmoe_predictor_free(dense);
    mmoe_predictor_free(looked_up);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    tear_down();
}
END_TEST

/* So many columns are added in several goes; of few rows, in one. They are neighbours, behind a
 * column that is not looked up. */
START_TEST(many_columns_are_looked_up) {
    enum { COLUMNS = 38, VALUES = 5, MANY = 40 };
    const char *text = "{\"features\": {\"sparse\": [{\"name\": \"o\", \"vocab_size\": 300000}, "
                       "{\"name\": \"c*\", \"vocab_size\": 5}]}, "
                       "\"tasks\": [{\"name\": \"y\", \"label\": \"y\"}]}";
    char names[COLUMNS][8];
    const char *columns[COLUMNS];
    int32_t ids_of[MANY * COLUMNS], found;
    mmoe_config *config = NULL;
    mmoe_schema *schema = NULL;
    draw_state = 7;
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(names[i], sizeof names[i], i ? "c%d" : "o", i);
        columns[i] = names[i];
    }
    for (int i = 0; i < MANY * COLUMNS; i++) ids_of[i] = (i / 3 + i % 7) % VALUES;
    SUCCEEDS(mmoe_config_parse(text, strlen(text), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, COLUMNS, NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    scatter_weights(model);
    mmoe_predictor *dense = new_predictor(1), *looked_up = new_predictor(0);
    mmoe_predictor_products(looked_up, &found);
    ck_assert_int_eq(found, COLUMNS - 1);
    const mmoe_batch rows = {.rows = MANY, .ids = ids_of, .id_stride = COLUMNS};
    SUCCEEDS(mmoe_predictor_run(dense, &rows, expected, &err));
    SUCCEEDS(mmoe_predictor_run(looked_up, &rows, scores, &err));
    for (size_t i = 0; i < MANY; i++) {
        const mmoe_batch one = {.rows = 1, .ids = ids_of + i * COLUMNS, .id_stride = COLUMNS};
        float score;
        SUCCEEDS(mmoe_predictor_run(looked_up, &one, &score, &err));
        assert_same(&score, &scores[i], 1, "alone");
        ck_assert_double_le(fabs((double)score - (double)expected[i]), 1e-6);
    }
    mmoe_predictor_free(dense);
    mmoe_predictor_free(looked_up);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    tear_down();
}
END_TEST

/* ---- Memory ---- */

/* Columns of few values for their width come first, as many as fit. */
START_TEST(memory_is_bounded) {
    static const int in_order[LOOKED_UP] = {0, 4, 7, 1, 2, 6}; /* u, s and h, v, w, x */
    enum { LINE = 64 };
    set_up(3);
    mmoe_predictor *p = new_predictor(0);
    int32_t columns, rows = 0, taken = 0;
    const size_t whole = mmoe_predictor_products(p, &columns);
    mmoe_predictor *clone = NULL;
    SUCCEEDS(mmoe_predictor_clone(p, NULL, &clone, &err));
    ck_assert_uint_eq(mmoe_predictor_products(clone, NULL), whole);
    mmoe_predictor_free(clone);
    mmoe_predictor_free(p);
    for (int i = 0; i < LOOKED_UP; i++) rows += (int32_t)mmoe_model_sparse_rows(model, in_order[i]);
    ck_assert_uint_eq(whole % ((size_t)rows * LINE), 0);
    const size_t of_row = whole / (size_t)rows;
    for (int i = 0; i < LOOKED_UP; i++) {
        taken += (int32_t)mmoe_model_sparse_rows(model, in_order[i]);
        for (int less = 0; less < 2; less++) {
            const size_t most = (size_t)taken * of_row - (size_t)less;
            p = new_predictor(most);
            const size_t bytes = mmoe_predictor_products(p, &columns);
            ck_assert_uint_le(bytes, most);
            ck_assert(less || (bytes == most && columns == i + 1));
            check_calls(p);
            mmoe_predictor_free(p);
        }
    }
    tear_down();
}
END_TEST

START_TEST(a_slot_keeps_the_options) {
    set_up(3);
    mmoe_slot *slot = NULL;
    mmoe_reader *reader = NULL;
    mmoe_served now;
    for (size_t bytes = 0; bytes < 2; bytes++) {
        const mmoe_predictor_options options = {.product_bytes = bytes};
        SUCCEEDS(mmoe_slot_create_with(make_model(3), &options, NULL, &slot, &err));
        SUCCEEDS(mmoe_reader_create(slot, &reader, &err));
        for (int version = 1; version <= 2; version++) {
            SUCCEEDS(mmoe_reader_enter(reader, &now, &err));
            ck_assert_int_eq((int)now.version, version);
            ck_assert_int_eq(mmoe_predictor_products(now.predictor, NULL) == 0, bytes == 1);
            mmoe_reader_leave(reader);
            if (version == 1) SUCCEEDS(mmoe_slot_publish(slot, make_model(5), NULL, &err));
        }
        mmoe_reader_free(reader);
        mmoe_slot_free(slot);
    }
    tear_down();
}
END_TEST

START_TEST(reserved_options_are_refused) {
    set_up(3);
    mmoe_predictor *p = NULL;
    mmoe_slot *slot = NULL;
    mmoe_error err = {0};
    const mmoe_predictor_options options = {.reserved = {[3] = &err}};
    ck_assert_int_eq(mmoe_predictor_create_with(model, &options, NULL, &p, &err), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "reserved"));
    ck_assert_int_eq(mmoe_slot_create_with(model, &options, NULL, &slot, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_predictor_create_with(NULL, NULL, NULL, &p, &err), MMOE_E_ARGUMENT);
    ck_assert(!p && !slot);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, scores_are_those_of_multiplication, 0, MODELS);
    tcase_add_test(c, all_columns_are_looked_up);
    tcase_add_test(c, many_columns_are_looked_up);
    tcase_add_test(c, memory_is_bounded);
    tcase_add_test(c, a_slot_keeps_the_options);
    tcase_add_test(c, reserved_options_are_refused);
}
