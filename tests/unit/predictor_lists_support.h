/* A model of lists of every pooling, and rows that stand in a file, in a data set and in arrays. */
#ifndef MMOE_TESTS_PREDICTOR_LISTS_SUPPORT_H
#define MMOE_TESTS_PREDICTOR_LISTS_SUPPORT_H

#include "check_main.h"
#include "files.h"
#include "predictor_support.h"

enum { ROWS = 520, GROUP = 40, IDS = 3, LISTS = 7, COLUMNS = IDS + LISTS, NUMBERS = 2, TASKS = 2 };
enum { LONGEST = 129, MOST = ROWS * LONGEST };

/* Rows of a group have the user's columns alike. */
static const char config_text[] =
    "{\"features\": {\"sparse\": [{\"name\": \"user\", \"side\": \"user\"}, "
    "{\"name\": \"item\", \"vocab_size\": 400, \"embed_dim\": 8}, {\"name\": \"city\"}], "
    "\"sequence\": ["
    "{\"name\": \"bought\", \"shared_with\": \"item\", \"embed_dim\": 8, \"side\": \"user\", "
    "\"weight_separator\": "
    "\":\", \"max_len\": 100}, "
    "{\"name\": \"tags\", \"pooling\": \"sum\", \"weight_separator\": \":\", \"separator\": \";\"},"
    "{\"name\": \"seen\", \"vocab_size\": 90, \"pooling\": \"max\", \"max_len\": 70, "
    "\"truncate\": \"first\", \"embed_dim\": 5}, "
    "{\"name\": \"recent\", \"shared_with\": \"item\", \"embed_dim\": 8, \"side\": \"user\", "
    "\"pooling\": "
    "\"concat\", \"max_len\": 3}, "
    "{\"name\": \"words\", \"hash_bucket_size\": 50, \"padding_idx\": 0}, "
    "{\"name\": \"towns\", \"shared_with\": \"city\", \"side\": \"user\", \"pooling\": \"max\"}, "
    "{\"name\": \"shops\", \"embed_dim\": 3}], "
    "\"dense\": [{\"name\": \"age\", \"side\": \"user\"}, {\"name\": \"price\"}]}, "
    "\"tasks\": [{\"name\": \"ctr\", \"label\": \"click\"}, {\"name\": \"cvr\", \"label\": "
    "\"buy\"}], \"score\": \"ctr * cvr^0.5\", \"model\": {\"n_expert\": 3, \"expert_params\": "
    "{\"dims\": [8]}}}";

typedef struct values {
    const char *name;
    int different; /* values */
    bool is_user, is_text, is_weighed, has_gaps;
    char separator; /* '\0': one value a row */
    size_t offsets[ROWS + 1];
    int64_t ids[MOST];
    const char *texts[MOST]; /* of the same */
    float weights[MOST];
} values;

static values columns[COLUMNS] = {
    {"user", 30, true, false, false, false, '\0', {0}, {0}, {0}, {0}},
    {"item", 400, false, false, false, false, '\0', {0}, {0}, {0}, {0}},
    {"city", 20, false, true, false, false, '\0', {0}, {0}, {0}, {0}},
    {"bought", 400, true, false, true, false, '|', {0}, {0}, {0}, {0}},
    {"tags", 200, false, true, true, false, ';', {0}, {0}, {0}, {0}},
    {"seen", 90, false, false, false, false, '|', {0}, {0}, {0}, {0}},
    {"recent", 400, true, false, false, false, '|', {0}, {0}, {0}, {0}},
    {"words", 300, false, true, false, true, '|', {0}, {0}, {0}, {0}},
    {"towns", 25, true, true, false, false, '|', {0}, {0}, {0}, {0}},
    {"shops", 2000, false, false, false, false, '|', {0}, {0}, {0}, {0}}};
static float numbers[NUMBERS][ROWS]; /* age, price */

static mmoe_model *model;
static mmoe_predictor *predictor;
static mmoe_dataset *encoded;
static float expected[ROWS * TASKS], scores[ROWS * TASKS];
static mmoe_error err;

/* ---- Rows ---- */

static inline size_t draw_length(void) {
    static const size_t lengths[] = {0, 1, 2, 3, 63, 64, 65, 128, LONGEST, 0, 1, 5, 7, 9, 12, 4};
    return lengths[draw_bits() % (sizeof lengths / sizeof *lengths)];
}

static inline const char *text_of(const values *c, int64_t id) {
    static char texts[2][2000][8]; /* "17", "v17" */
    char *text = texts[c->is_text][id];
    snprintf(text, sizeof texts[0][0], c->is_text ? "v%d" : "%d", (int)id);
    return c->has_gaps && id % 7 == 0 ? NULL : text;
}

static inline void draw_list(values *c, size_t row) {
    const size_t begin = c->offsets[row], length = c->separator ? draw_length() : 1,
                 before = row ? c->offsets[row - 1] : 0;
    const bool is_same = c->is_user && row % GROUP;
    c->offsets[row + 1] = begin + (is_same ? begin - before : length);
    for (size_t i = begin; i < c->offsets[row + 1]; i++) {
        const size_t old = before + i - begin;
        c->ids[i] = is_same ? c->ids[old] : (int64_t)(draw_bits() % (uint32_t)c->different);
        c->texts[i] = text_of(c, c->ids[i]);
        c->weights[i] = is_same ? c->weights[old] : (float)(draw_bits() % 17) / 8;
        if (!c->is_weighed) c->weights[i] = 1;
    }
}

static inline void draw_columns(void) {
    draw_state = 11;
    for (size_t row = 0; row < ROWS; row++) {
        for (int c = 0; c < COLUMNS; c++) draw_list(&columns[c], row);
        numbers[0][row] = row % GROUP ? numbers[0][row - 1] : draw();
        numbers[1][row] = draw();
    }
}

static inline void put_cell(FILE *file, const values *c, size_t row) {
    for (size_t i = c->offsets[row]; i < c->offsets[row + 1]; i++) {
        if (i > c->offsets[row]) fputc(c->separator, file);
        fputs(c->texts[i] ? c->texts[i] : "", file);
        if (c->is_weighed && c->weights[i] != 1) fprintf(file, ":%g", (double)c->weights[i]);
    }
    fputc(',', file);
}

static inline const char *put_rows(const char *name, size_t rows) {
    const char *path = in_folder(name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (int c = 0; c < COLUMNS; c++) fprintf(file, "%s,", columns[c].name);
    fputs("age,price,click,buy\n", file);
    for (size_t row = 0; row < rows; row++) {
        for (int c = 0; c < COLUMNS; c++) put_cell(file, &columns[c], row);
        fprintf(file, "%.9g,%.9g,%d,%d\n", (double)numbers[0][row], (double)numbers[1][row],
                row % 3 == 0, row % 5 == 0);
    }
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

/* The vocabularies are those of the first rows: others have values that are unknown. */
static inline void set_up(void) {
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *training;
    mmoe_batch all;
    make_folder();
    draw_columns();
    ok(mmoe_config_parse(config_text, strlen(config_text), NULL, NULL, &config, &err), &err);
    ok(mmoe_dataset_fit_csv(config, put_rows("t.csv", 100), NULL, &schema, &training, &err), &err);
    ok(mmoe_model_create(config, schema, NULL, &model, &err), &err);
    scatter_weights(model);
    ok(mmoe_dataset_read_csv(schema, put_rows("r.csv", ROWS), MMOE_LABELS_IGNORED, NULL, &encoded,
                             &err),
       &err);
    ok(mmoe_predictor_create(model, NULL, &predictor, &err), &err);
    ok(mmoe_dataset_batch(encoded, 0, ROWS, &all, &err), &err);
    ok(mmoe_predictor_run(predictor, &all, expected, &err), &err);
    mmoe_dataset_free(training);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    memset(scores, 0xff, sizeof scores);
}

static inline void tear_down(void) {
    mmoe_predictor_free(predictor);
    mmoe_dataset_free(encoded);
    mmoe_model_free(model);
    remove_folder();
}

/* ---- Batches ---- */

enum { OF_ALL, OF_USER, OF_ITEMS };

static inline bool is_of(int side, bool is_user) {
    return side == OF_ALL || (side == OF_USER) == is_user;
}

typedef struct raw_rows {
    mmoe_column sparse[COLUMNS], dense[NUMBERS];
    mmoe_list_column lists[LISTS];
    mmoe_batch batch;
} raw_rows;

/* Rows from `first` on, where they stand; `texts`: integers, too, as texts. */
static inline void raw(raw_rows *to, int side, size_t first, size_t rows, bool texts) {
    int lists = 0;
    *to = (raw_rows){.batch = {.rows = rows}};
    for (int i = 0; i < COLUMNS; i++) {
        const values *c = &columns[i];
        const bool as_text = texts || c->is_text;
        if (!is_of(side, c->is_user)) continue;
        mmoe_column *column = &to->sparse[to->batch.sparse_count++];
        *column = (mmoe_column){.type = as_text ? MMOE_VALUE_TEXT : MMOE_VALUE_INT64};
        column->values = as_text ? (const void *)c->texts : c->ids;
        if (c->separator) {
            to->lists[lists++] = (mmoe_list_column){
                c->offsets + first, c->is_weighed ? c->weights : NULL, c->offsets[ROWS]};
        } else {
            column->values = as_text ? (const void *)(c->texts + first) : c->ids + first;
        }
    }
    for (int i = 0; i < NUMBERS; i++)
        if (is_of(side, i == 0))
            to->dense[to->batch.dense_count++] =
                (mmoe_column){.type = MMOE_VALUE_FLOAT, .values = numbers[i] + first};
    to->batch.sparse_columns = to->sparse;
    to->batch.list_columns = to->lists;
    to->batch.dense_columns = to->dense;
}

/* Encoded rows of a side, in arrays of their own. */
typedef struct encoded_rows {
    int32_t ids[ROWS * IDS], elements[ROWS * LISTS * LONGEST];
    float dense[ROWS * NUMBERS], weights[ROWS * LISTS * LONGEST];
    int64_t offsets[ROWS * LISTS + 1];
    mmoe_batch batch;
} encoded_rows;

static inline void copy_list(encoded_rows *to, size_t at, const mmoe_lists *from, size_t list) {
    int64_t end = to->offsets[at];
    for (int64_t e = from->offsets[list]; e < from->offsets[list + 1]; e++, end++) {
        to->elements[end] = from->ids[e];
        to->weights[end] = from->weights[e];
    }
    to->offsets[at + 1] = end;
}

static inline void side_of_rows(encoded_rows *to, int side, size_t first, size_t rows) {
    mmoe_batch all;
    size_t ids = 0, lists = 0, dense = 0, sparse = 0;
    ok(mmoe_dataset_batch(encoded, (int64_t)first, rows, &all, &err), &err);
    to->offsets[0] = 0;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < COLUMNS; i++) {
            if (!is_of(side, columns[i].is_user)) continue;
            sparse += row == 0;
            if (i < IDS)
                to->ids[ids++] = all.ids[row * all.id_stride + i];
            else
                copy_list(to, lists++, &all.lists, row * LISTS + i - IDS);
        }
        for (size_t i = 0; i < NUMBERS; i++)
            if (is_of(side, i == 0)) to->dense[dense++] = all.dense[row * all.dense_stride + i];
    }
    to->batch = (mmoe_batch){.rows = rows,
                             .ids = to->ids,
                             .id_stride = ids / rows,
                             .dense = to->dense,
                             .dense_stride = dense / rows,
                             .sparse_count = sparse,
                             .dense_count = dense / rows,
                             .lists = {(int32_t)(lists / rows), to->offsets, to->elements,
                                       to->weights, (size_t)to->offsets[lists]}};
}

#endif
