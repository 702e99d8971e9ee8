/* A list of one element is what an id is: the same scores to the bit, looked up or multiplied, by
 * every pooling, in whatever batch and call, padded, cut or weighted. */
#include "check_main.h"
#include "models_support.h"
#include "predictor_support.h"
#include "succeeds.h"

enum { ROWS = 60, TASKS = 2, LISTS = 2, MOST_LENGTH = 5, PADDING = 0 };
enum { HISTORY, TAGS }; /* lists, of the user and of the item */

/* Forms of a list; all but the last are of one element. */
enum { PLAIN, PADDED, CUT, WEIGHED, SEVERAL, FORMS };

static const struct {
    const char *name, *keys;
} poolings[] = {{"mean", "\"max_len\": 3, \"weight_separator\": \":\""},
                {"sum", "\"max_len\": 3, \"weight_separator\": \":\""},
                {"max", "\"max_len\": 3"},
                {"concat", "\"max_len\": 1"}};
enum { POOLINGS = sizeof poolings / sizeof *poolings };

typedef struct list_column {
    int32_t ids[ROWS * MOST_LENGTH];
    float weights[ROWS * MOST_LENGTH];
    size_t offsets[ROWS + 1];
} list_column;

static const int32_t values[LISTS] = {30, 12};
static int32_t user[ROWS], item[ROWS], single[LISTS][ROWS]; /* row numbers */
static float numbers[ROWS * 2], age, prices[ROWS];
static list_column lists[LISTS];
static mmoe_model *model_of_ids, *model_of_lists;
static float expected[ROWS * TASKS], finals[ROWS];

/* ---- Models ---- */

/* `pooling` -1: of ids. */
static mmoe_model *make_model(int shape, int pooling) {
    char json[2048], keys[256] = "";
    if (pooling >= 0)
        snprintf(keys, sizeof keys, ", \"padding_idx\": 0, \"pooling\": \"%s\", %s",
                 poolings[pooling].name, poolings[pooling].keys);
    snprintf(
        json, sizeof json,
        "{\"features\": {\"sparse\": [{\"name\": \"user\", \"vocab_size\": 40, \"embed_dim\": "
        "16, \"side\": \"user\"}, {\"name\": \"item\", \"vocab_size\": 300000}%s"
        "{\"name\": \"history\", \"vocab_size\": 30, \"embed_dim\": 8, \"side\": \"user\"%s}, "
        "{\"name\": \"tags\", \"vocab_size\": 12, \"embed_dim\": 5%s}], \"dense\": [{\"name\": "
        "\"age\", \"side\": \"user\"}, {\"name\": \"price\"}]}, \"tasks\": [{\"name\": \"y\", "
        "\"label\": \"y\"}, {\"name\": \"z\", \"label\": \"z\"}], \"score\": \"y * z\", "
        "\"model\": {\"name\": \"%s\", %s}}",
        pooling < 0 ? ", " : "], \"sequence\": [", keys, keys, model_shapes[shape].name,
        model_shapes[shape].keys);
    static const char *const names[] = {"user", "item", "history", "tags", "age", "price"};
    mmoe_config *config = NULL;
    mmoe_schema *schema = NULL;
    mmoe_model *model = NULL;
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, names, 6, NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    draw_state = 7;
    scatter_weights(model);
    return model;
}

static mmoe_predictor *new_predictor(const mmoe_model *model, bool looks_up) {
    const mmoe_predictor_options options = {.product_bytes = looks_up ? 0 : 1};
    mmoe_predictor *p = NULL;
    int32_t columns = 0;
    SUCCEEDS(mmoe_predictor_create_with(model, &options, NULL, &p, &err));
    mmoe_predictor_products(p, &columns);
    ck_assert_int_eq(columns, looks_up ? 1 + LISTS : 0);
    return p;
}

/* ---- Rows ---- */

static void add_element(list_column *l, size_t row, int32_t id, float weight) {
    const size_t end = l->offsets[row + 1]++;
    l->ids[end] = id;
    l->weights[end] = weight;
}

static void write_list(int list, size_t row, int form, int pooling) {
    list_column *l = &lists[list];
    const int32_t id = single[list][row], other = id % (values[list] - 1) + 1;
    const float weight = pooling == 0 && form == WEIGHED ? 0.3f : 1;
    l->offsets[row + 1] = l->offsets[row];
    if (form == CUT)
        for (int i = 0; i < 2; i++) add_element(l, row, other, 1);
    if (form == CUT || form == PADDED) add_element(l, row, PADDING, 1);
    if (form == CUT) add_element(l, row, PADDING, 1);
    if (form == WEIGHED && pooling < 2) add_element(l, row, other, 0);
    if (form == SEVERAL) add_element(l, row, other, 1);
    add_element(l, row, id, weight);
}

static int form_of(size_t row, bool weighed) {
    const int form = (int)(row % FORMS);
    return form == WEIGHED && !weighed ? PLAIN : form;
}

/* One user's rows; its list has form `form`. */
static void draw_all(int pooling, int form, bool weighed) {
    age = draw();
    for (size_t row = 0; row < ROWS; row++) {
        user[row] = 17;
        item[row] = (int32_t)(draw_bits() % 300000);
        single[HISTORY][row] = 21;
        single[TAGS][row] = (int32_t)(draw_bits() % (uint32_t)(values[TAGS] - 1)) + 1;
        numbers[2 * row] = age;
        numbers[2 * row + 1] = prices[row] = draw();
        write_list(HISTORY, row, form, pooling);
        write_list(TAGS, row, form_of(row, weighed), pooling);
    }
}

enum { OF_ALL, OF_USER, OF_ITEMS };

typedef struct batch_of {
    mmoe_column sparse[2 + LISTS];
    mmoe_list_column columns[LISTS];
    int32_t elements[ROWS * LISTS * MOST_LENGTH], ids[ROWS * 2];
    float weights[ROWS * LISTS * MOST_LENGTH];
    int64_t offsets[ROWS * LISTS + 1];
    mmoe_batch batch;
} batch_of;

/* Columns of row numbers, of lists or of ids in their place. */
static void make_raw(batch_of *b, int side, size_t first, size_t rows, bool are_lists,
                     bool weighed) {
    size_t sparse = 0, n_list = 0;
    *b = (batch_of){.batch = {.rows = rows, .sparse_columns = b->sparse}};
    for (int i = 0; i < 2; i++)
        if (side == OF_ALL || (side == OF_USER) == (i == 0))
            b->sparse[sparse++] = (mmoe_column){MMOE_VALUE_ROW, (i ? item : user) + first, 0};
    for (int i = 0; i < LISTS; i++) {
        if (side != OF_ALL && (side == OF_USER) != (i == HISTORY)) continue;
        const list_column *l = &lists[i];
        b->sparse[sparse++] =
            (mmoe_column){MMOE_VALUE_ROW, are_lists ? l->ids : single[i] + first, 0};
        b->columns[n_list++] =
            (mmoe_list_column){l->offsets + first, weighed ? l->weights : NULL, l->offsets[ROWS]};
    }
    b->batch.list_columns = are_lists ? b->columns : NULL;
    b->batch.sparse_count = sparse;
    b->batch.dense_count = side == OF_ALL ? 2 : 1;
    b->batch.dense_stride = b->batch.dense_count;
    b->batch.dense = side == OF_USER ? &age : prices + first;
    if (side == OF_ALL) b->batch.dense = numbers + 2 * first;
}

/* The same encoded. */
static void make_encoded(batch_of *b, int side, size_t first, size_t rows, bool weighed) {
    make_raw(b, side, first, rows, true, weighed);
    mmoe_batch *batch = &b->batch;
    const size_t n_list = batch->sparse_count / 2, n_id = n_list;
    size_t end = 0;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < n_id; i++)
            b->ids[row * n_id + i] = ((const int32_t *)b->sparse[i].values)[row];
        for (size_t i = 0; i < n_list; i++) {
            const list_column *l = &lists[side == OF_ITEMS ? TAGS : i];
            for (size_t e = l->offsets[first + row]; e < l->offsets[first + row + 1]; e++, end++) {
                b->elements[end] = l->ids[e];
                b->weights[end] = l->weights[e];
            }
            b->offsets[row * n_list + i + 1] = (int64_t)end;
        }
    }
    batch->sparse_columns = NULL;
    batch->list_columns = NULL;
    batch->ids = b->ids;
    batch->id_stride = n_id;
    batch->lists =
        (mmoe_lists){(int32_t)n_list, b->offsets, b->elements, weighed ? b->weights : NULL, end};
}

/* ---- Scores ---- */

static void assert_same(const float *got, const float *want, size_t count, const char *what) {
    for (size_t i = 0; i < count; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            ck_abort_msg("%s: score %zu: %.9g, not %.9g", what, i, (double)got[i], (double)want[i]);
}

/* Of ids; and of rows of several elements, each alone. */
static void expect(mmoe_predictor *of_ids, mmoe_predictor *of_lists, bool weighed) {
    static batch_of b;
    make_raw(&b, OF_ALL, 0, ROWS, false, weighed);
    SUCCEEDS(mmoe_predictor_run(of_ids, &b.batch, expected, &err));
    SUCCEEDS(mmoe_predictor_score(of_ids, NULL, &b.batch, finals, &err));
    for (size_t i = TASKS; i < ROWS * TASKS; i++) ck_assert(expected[i] != expected[i - TASKS]);
    for (size_t row = SEVERAL; row < ROWS; row += FORMS) {
        make_encoded(&b, OF_ALL, row, 1, weighed);
        SUCCEEDS(mmoe_predictor_run(of_lists, &b.batch, expected + row * TASKS, &err));
        SUCCEEDS(mmoe_predictor_score(of_lists, NULL, &b.batch, finals + row, &err));
    }
}

static void check_runs(mmoe_predictor *p, bool weighed) {
    static batch_of b;
    float got[ROWS * TASKS];
    for (size_t rows = 1; rows <= ROWS; rows = rows < 8 ? rows + 3 : rows * 2 - rows % 2)
        for (size_t first = 0; first + rows <= ROWS; first += rows) {
            make_raw(&b, OF_ALL, first, rows, true, weighed);
            SUCCEEDS(mmoe_predictor_run(p, &b.batch, got, &err));
            assert_same(got, expected + first * TASKS, rows * TASKS, "row numbers");
            make_encoded(&b, OF_ALL, first, rows, weighed);
            SUCCEEDS(mmoe_predictor_run(p, &b.batch, got, &err));
            assert_same(got, expected + first * TASKS, rows * TASKS, "encoded");
        }
}

static void check_ranks(mmoe_predictor *p, bool weighed) {
    static batch_of one, all;
    float got[ROWS * TASKS];
    size_t order[ROWS];
    for (int is_raw = 0; is_raw < 2; is_raw++) {
        if (is_raw)
            make_raw(&one, OF_USER, 0, 1, true, weighed);
        else
            make_encoded(&one, OF_USER, 0, 1, weighed);
        make_encoded(&all, OF_ITEMS, 0, ROWS, weighed);
        SUCCEEDS(mmoe_predictor_rank(p, &one.batch, &all.batch, got, &err));
        assert_same(got, expected, ROWS * TASKS, "rank");
        SUCCEEDS(mmoe_predictor_score(p, &one.batch, &all.batch, got, &err));
        assert_same(got, finals, ROWS, "score");
        SUCCEEDS(mmoe_predictor_top(p, &one.batch, &all.batch, ROWS, order, got, &err));
        for (size_t i = 0; i < ROWS; i++) assert_same(&got[i], &finals[order[i]], 1, "top");
    }
}

static void check_way(int pooling, bool looks_up) {
    mmoe_predictor *of_ids = new_predictor(model_of_ids, looks_up),
                   *of_lists = new_predictor(model_of_lists, looks_up);
    for (int weighed = 0; weighed < 2; weighed++)
        for (int form = PLAIN; form < SEVERAL; form++) {
            if (form == WEIGHED && !weighed) continue;
            draw_all(pooling, form, weighed);
            expect(of_ids, of_lists, weighed);
            check_runs(of_lists, weighed);
            check_ranks(of_lists, weighed);
        }
    mmoe_predictor_free(of_ids);
    mmoe_predictor_free(of_lists);
}

static void check_shape(int shape, int pooling) {
    model_of_ids = make_model(shape, -1);
    model_of_lists = make_model(shape, pooling);
    for (int looks_up = 0; looks_up < 2; looks_up++) check_way(pooling, looks_up);
    mmoe_model_free(model_of_ids);
    mmoe_model_free(model_of_lists);
}

START_TEST(a_list_of_one_is_an_id) {
    check_shape(3, _i); /* mmoe */
    check_shape(5, _i); /* ple */
}
END_TEST

void add_cases(TCase *c) { tcase_add_loop_test(c, a_list_of_one_is_an_id, 0, POOLINGS); }
