/* CSV files of many kinds of columns, what is read of them, and whether two such are the same. */
#ifndef MMOE_TESTS_CSV_READ_SUPPORT_H
#define MMOE_TESTS_CSV_READ_SUPPORT_H

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "config/config.h"
#include "data/dataset.h"
#include "file/schema_json.h"
#include "files.h"

static const char features[] =
    "{%s\"features\": {\"weight\": \"w\", \"sparse\": ["
    "{\"name\": \"user\", \"min_count\": 2}, {\"name\": \"item\"}, {\"name\": \"like\", "
    "\"shared_with\": \"item\"}, {\"name\": \"top\", \"max_vocab\": 3}, {\"name\": \"row\", "
    "\"vocab_size\": 9, \"oov_id\": 0}, {\"name\": \"user_top\", \"cross\": [\"user\", \"top\"], "
    "\"hash_bucket_size\": 50}, {\"name\": \"bins\", \"column\": \"d\", \"boundaries\": [0, 3]}, "
    "{\"name\": \"fifths\", \"column\": \"e\", \"quantiles\": 5}], \"sequence\": ["
    "{\"name\": \"seen\", \"shared_with\": \"item\", \"weight_separator\": \":\", \"max_len\": "
    "3}, {\"name\": \"hist\", \"columns\": [\"h1\", \"h2\"]}], \"dense\": [{\"name\": \"d\", "
    "\"missing\": \"mean\", \"transform\": \"standardize\"}, {\"name\": \"e\"}, {\"name\": "
    "\"curve\", \"column\": \"e\", \"encoding\": \"piecewise_linear\", \"bins\": 4}, {\"name\": "
    "\"v\", \"dim\": 2, \"missing\": 0.5}, {\"name\": \"day\", \"date\": \"ymd\"}]}, \"tasks\": ["
    "{\"name\": \"buy\", \"label\": \"y\", \"positive\": \"yes\"}, {\"name\": \"stay\", \"label\": "
    "\"r\", \"type\": \"regression\", \"label_transform\": \"standardize\"}]}";
static const char header[] = "user,item,like,top,row,d,e,seen,h1,h2,v,day,y,r,w";
enum { ROWS = 60 };

typedef struct outcome {
    mmoe_status status;
    mmoe_error err;
    mmoe_schema *schema;
    mmoe_dataset *set;
} outcome;

static mmoe_config *config;
static const char *path;

static inline void configure(const char *more) {
    char json[4000];
    mmoe_error err = {0};
    mmoe_config_free(config);
    config = NULL;
    const int n = snprintf(json, sizeof json, features, more);
    ck_assert_msg(!mmoe_config_parse(json, (size_t)n, NULL, NULL, &config, &err), "%s",
                  err.message);
}

static inline void begin(void) {
    make_folder();
    configure("");
    path = in_folder("data.csv");
}

static inline void end(void) {
    mmoe_config_free(config);
    config = NULL;
    remove_folder();
}

/* ---- Files ---- */

/* Values come late, again, quoted, in several ways of writing, and not at all; ids of `item` are
 * integers up to the 40th row. */
static inline int put_row(char *to, int i) {
    static const char *const tops[] = {"\"a, \"\"b\"", "c", "\"d\ne\"", "", "f", "c"},
                             *const ends[] = {"\n", "\r\n", "\n\n", "\r\n \r\n", "\r", "\r\r"};
    char item[16], d[16] = "", seen[48] = "";
    snprintf(item, sizeof item, i < 40 ? "%d" : "x%d", i * 7 % 23);
    if (i % 5) snprintf(d, sizeof d, "%d.25", i % 11 - 5);
    if (i % 4) snprintf(seen, sizeof seen, "%d:0.5|%d|%s:2", i % 9, 100 - i, item);
    if (i % 8 == 3) snprintf(seen, sizeof seen, "1|2.0|3|4");
    return sprintf(to, "%d,%s,%d,%s,%d,%s,%de-4%d,%s,%d,%s,%s,20%02d-01-0%d,%s,%s,%s%s",
                   1000 - i * i % 31, item, i % 29, tops[i % 6], i % 12, d, i * i % 50,
                   i % 3 ? 0 : 1, seen, i % 6, i % 7 ? "" : "13", i % 9 ? "1e-41|2" : "", i,
                   1 + i % 9, i % 3 ? "\" no\"" : "yes", i % 10 ? "1e-40" : "NA",
                   i % 2 ? "1e-39" : "2", ends[i % 6]);
}

/* ---- Outcomes ---- */

static outcome fit(mmoe_csv_how how, const mmoe_allocator *a) {
    outcome o = {.status = MMOE_OK};
    mmoe_label_column labels[2];
    for (int i = 0; i < 2; i++) {
        const mmoe_task_config *task = config->tasks + i;
        labels[i] = (mmoe_label_column){.name = task->label,
                                        .task = task->name,
                                        .type = task->type,
                                        .positive = task->positive,
                                        .scale = {.transform = task->label_transform, .unit = 1}};
    }
    const mmoe_schema_wanted wanted = {&config->features, labels, 2, path};
    o.status = mmoe_dataset_fit(&wanted, &how, a, &o.schema, &o.set, &o.err);
    return o;
}

static inline outcome read_by(const mmoe_schema *schema, mmoe_csv_how how) {
    outcome o = {.status = MMOE_OK};
    o.status = mmoe_dataset_read(schema, path, &how, NULL, &o.set, &o.err);
    return o;
}

/* By a copy of a schema, which grows. */
static inline outcome grow_by(const mmoe_schema *known, mmoe_csv_how how, const mmoe_allocator *a) {
    outcome o = {.status = MMOE_OK};
    o.status = mmoe_schema_copy(known, a, &o.schema, &o.err);
    how.growing = o.schema;
    how.known = known;
    if (!o.status) o.status = mmoe_dataset_read(o.schema, path, &how, a, &o.set, &o.err);
    return o;
}

static inline void drop(outcome *o) {
    mmoe_schema_free(o->schema);
    mmoe_dataset_free(o->set);
    *o = (outcome){.status = MMOE_OK};
}

static void same_bytes(const void *a, const void *b, size_t n) {
    ck_assert_int_eq(!a, !b);
    if (a) ck_assert_mem_eq(a, b, n);
}

static void same_rows(const mmoe_dataset *a, const mmoe_dataset *b) {
    ck_assert_int_eq(a->rows, b->rows);
    ck_assert_int_eq(a->places.first_row, b->places.first_row);
    ck_assert_int_eq(a->any_missing_label, b->any_missing_label);
    ck_assert_int_eq(a->n_lacking, b->n_lacking);
    const size_t rows = (size_t)a->rows, lists = rows * (size_t)(a->n_sparse - a->n_id),
                 elements = a->offsets ? (size_t)a->offsets[lists] : 0;
    same_bytes(a->ids, b->ids, rows * (size_t)a->n_id * sizeof *a->ids);
    same_bytes(a->offsets, b->offsets, (lists + 1) * sizeof *a->offsets);
    same_bytes(a->elements, b->elements, elements * sizeof *a->elements);
    same_bytes(a->element_weights, b->element_weights, elements * sizeof(float));
    same_bytes(a->dense, b->dense, rows * (size_t)a->dense_width * sizeof *a->dense);
    same_bytes(a->labels, b->labels, rows * (size_t)a->n_label * sizeof *a->labels);
    same_bytes(a->weights, b->weights, rows * sizeof *a->weights);
    same_bytes(a->lacking, b->lacking, (size_t)a->n_lacking * sizeof *a->lacking);
    same_bytes(a->most_id, b->most_id, (size_t)a->n_sparse * sizeof *a->most_id);
}

static void same_notes(const mmoe_dataset *a, const mmoe_dataset *b) {
    for (int32_t i = 0; i < a->n_sparse + a->n_dense; i++) {
        mmoe_note x = a->notes[i], y = b->notes[i];
        ck_assert_pstr_eq(x.counts.column, y.counts.column);
        x.counts.name = y.counts.name = x.counts.column = y.counts.column = NULL;
        ck_assert_mem_eq(&x, &y, sizeof x);
    }
}

static void same_warnings(const mmoe_dataset *a, const mmoe_dataset *b) {
    ck_assert_int_eq(a->warnings.count, b->warnings.count);
    for (size_t i = 0; i < a->warnings.count; i++) {
        ck_assert_str_eq(a->warnings.items[i].message, b->warnings.items[i].message);
        ck_assert_int_eq(a->warnings.items[i].row, b->warnings.items[i].row);
        ck_assert_int_eq(a->warnings.items[i].count, b->warnings.items[i].count);
    }
}

static void same_schema(const mmoe_schema *a, const mmoe_schema *b) {
    ck_assert_uint_eq(mmoe_schema_fingerprint(a), mmoe_schema_fingerprint(b));
    json_t *x = mmoe_schema_to_json(a), *y = mmoe_schema_to_json(b);
    ck_assert(json_equal(x, y));
    json_decref(x);
    json_decref(y);
    for (int32_t i = 0; i < a->n_label; i++)
        ck_assert_mem_eq(&a->labels[i].mean, &b->labels[i].mean, sizeof a->labels[i].mean);
}

/* But for what is said of them. */
static void same_data(const outcome *a, const outcome *b) {
    same_rows(a->set, b->set);
    same_notes(a->set, b->set);
    ck_assert_int_eq(!a->schema, !b->schema);
    if (a->schema) same_schema(a->schema, b->schema);
}

static inline void same(const outcome *a, const outcome *b) {
    ck_assert_msg(a->status == b->status, "%d, %d: %s%s", a->status, b->status, a->err.message,
                  b->err.message);
    ck_assert_str_eq(a->err.message, b->err.message);
    ck_assert_str_eq(a->err.column, b->err.column);
    ck_assert_int_eq(a->err.row, b->err.row);
    if (a->status) return;
    same_data(a, b);
    same_warnings(a->set, b->set);
}

#endif
