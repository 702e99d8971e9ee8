/* mmoe init: guesses a configuration from a file. */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/missing.h"
#include "base/utf8.h"
#include "files.h"
#include "init_labels.h"
#include "output.h"
#include "warnings.h"

/* Integers of up to this many values are ids; of more, ids only if a value comes ten times on
 * average. */
enum { FEW_VALUES = 1000, ROWS_A_VALUE = 10 };
/* A column whose values all differ is a key of the rows, in files long enough to tell. */
enum { KEY_ROWS = 20 };
enum { REMARK_SIZE = 300 };

/* Hashes of the values seen, open addressing; 0 stands for an empty slot. */
typedef struct value_set {
    uint64_t *slots; /* [capacity], a power of two */
    size_t capacity, count;
} value_set;

typedef struct column {
    char *name;
    int64_t present, texts,
        fractions; /* values that are there; of them no numbers; of them numbers with a fraction */
    int64_t odd_row; /* of the first value that is no number, and that value */
    char *odd;
    cli_label_values two;                       /* for a label */
    int64_t label_faults[MMOE_TASK_TYPE_COUNT]; /* values that are no label of a type */
    int64_t other_row;                          /* of the first that is no label of a class */
    value_set values;                           /* counted until the column is known to be dense */
} column;

typedef struct survey {
    const char *path;
    column *columns; /* [count] */
    size_t count;
    int64_t rows;
    const cli_list *labels;
    bool lenient; /* quotes are taken as text */
} survey;

typedef enum role { ROLE_LEFT_OUT, ROLE_SPARSE, ROLE_DENSE } role;

static uint64_t hash_value(const char *text) {
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h ? h : 1;
}

static bool insert_value(value_set *set, uint64_t hash);

static bool grow_values(value_set *set) {
    value_set bigger = {.capacity = set->capacity ? 2 * set->capacity : 64};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots) return false;
    for (size_t i = 0; i < set->capacity; i++)
        if (set->slots[i]) insert_value(&bigger, set->slots[i]);
    free(set->slots);
    *set = bigger;
    return true;
}

static bool insert_value(value_set *set, uint64_t hash) {
    if (2 * (set->count + 1) > set->capacity && !grow_values(set)) return false;
    size_t i = (size_t)(hash ^ (hash >> 32)) & (set->capacity - 1);
    for (; set->slots[i]; i = (i + 1) & (set->capacity - 1))
        if (set->slots[i] == hash) return true;
    set->slots[i] = hash;
    set->count++;
    return true;
}

/* False: memory is out. */
static bool survey_value(column *c, int64_t row, const char *text) {
    if (mmoe_is_usual_missing(text, strlen(text))) return true;
    c->present++;
    if (!c->two.more && !cli_label_values_add(&c->two, text)) return false;
    char *end;
    double value = strtod(text, &end);
    bool is_number = end != text && !*end && isfinite(value) && !strpbrk(text, "xX");
    if (!is_number && c->texts++ == 0) {
        c->odd_row = row;
        c->odd = strdup(text);
        if (!c->odd) return false;
    }
    c->fractions += is_number && value != floor(value);
    for (int type = 0; type < MMOE_TASK_TYPE_COUNT; type++) {
        const bool is_fault = !is_number || mmoe_label_fault(type, value);
        if (is_fault && type == MMOE_CLASSIFICATION && !c->label_faults[type]) c->other_row = row;
        c->label_faults[type] += is_fault;
    }
    bool is_dense = c->fractions && !c->texts && c->values.count > 1;
    return is_dense || insert_value(&c->values, hash_value(text));
}

static const column *find_surveyed(const survey *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->columns[i].name, name) == 0) return &s->columns[i];
    return NULL;
}

static mmoe_status begin_survey(void *user, const mmoe_csv_field *fields, size_t count,
                                mmoe_error *err) {
    survey *s = user;
    s->columns = calloc(count, sizeof *s->columns);
    if (!s->columns) return mmoe_fail_memory(err, count * sizeof *s->columns);
    for (; s->count < count; s->count++) {
        const char *name = fields[s->count].text;
        if (!mmoe_utf8_is(name, fields[s->count].length))
            return mmoe_fail_at(err, MMOE_E_FORMAT, s->path, 1, NULL,
                                "the name of column %zu is not UTF-8", s->count + 1);
        for (size_t j = 0; j < s->count; j++)
            if (strcmp(s->columns[j].name, name) == 0)
                return mmoe_fail_at(err, MMOE_E_FORMAT, s->path, 1, NULL,
                                    "two columns bear the name \"%s\"", name);
        s->columns[s->count].name = strdup(name);
        if (!s->columns[s->count].name) return mmoe_fail_memory(err, strlen(name) + 1);
    }
    for (size_t i = 0; i < s->labels->count; i++)
        if (!find_surveyed(s, s->labels->items[i]))
            return mmoe_fail_at(err, MMOE_E_CONFIG, s->path, 0, NULL,
                                "there is no column \"%s\" (--label)", s->labels->items[i]);
    return MMOE_OK;
}

static mmoe_status survey_row(void *user, int64_t row, const mmoe_csv_field *fields,
                              mmoe_error *err) {
    survey *s = user;
    s->rows++;
    for (size_t i = 0; i < s->count; i++)
        if (!survey_value(&s->columns[i], row, fields[i].text))
            return mmoe_fail_memory(err, s->columns[i].values.capacity * 2 * sizeof(uint64_t));
    return MMOE_OK;
}

static void free_survey(survey *s) {
    for (size_t i = 0; i < s->count; i++) {
        free(s->columns[i].name);
        free(s->columns[i].values.slots);
        free(s->columns[i].odd);
        cli_label_values_free(&s->columns[i].two);
    }
    free(s->columns);
}

/* Quotes that are malformed are text, which the configuration says then. */
static int survey_file(survey *s) {
    mmoe_csv_passed passed = {0};
    mmoe_csv_handler handler = {s, begin_survey, survey_row, .passed = &passed};
    mmoe_error err;
    mmoe_status status = mmoe_csv_read(s->path, &handler, NULL, &err);
    if (status && passed.quotes_row) {
        cli_warn("%s; they are taken as text", err.message);
        free_survey(s);
        *s = (survey){.path = s->path, .labels = s->labels, .lenient = true};
        handler.lenient = true;
        status = mmoe_csv_read(s->path, &handler, NULL, &err);
    }
    char text[MMOE_PASSED_SIZE];
    int64_t count, row;
    for (int i = 0; !status && mmoe_csv_passed_text(&passed, i, text, &count, &row); i++)
        cli_warn("%s: %s", s->path, text);
    return status ? cli_fail("%s", err.message) : CLI_OK;
}

/* A few words among numbers: a slip, or a mark for missing. */
static bool has_slips(const column *c) { return c->texts && c->texts * 10 <= c->present; }

static role guess_role(const column *c) {
    const int64_t distinct = (int64_t)c->values.count;
    if (c->texts && !has_slips(c)) return ROLE_SPARSE;
    if (c->fractions) return ROLE_DENSE;
    return distinct <= FEW_VALUES || distinct * ROWS_A_VALUE <= c->present ? ROLE_SPARSE
                                                                           : ROLE_DENSE;
}

/* Why a column is no feature; NULL: it is one. */
static const char *why_left_out(const column *c, role guess, char room[REMARK_SIZE]) {
    const int64_t distinct = (int64_t)c->values.count;
    if (!*c->name) return "left out: it has no name";
    if (distinct < 2) return c->present ? "left out: one value only" : "left out: no value at all";
    if (guess == ROLE_DENSE && c->texts) {
        snprintf(room, REMARK_SIZE,
                 "left out: %" PRId64 " of %" PRId64 " values are no numbers (the first, in row "
                 "%" PRId64 ", is \"%.*s\"), which a dense feature cannot have",
                 c->texts, c->present, c->odd_row, (int)mmoe_utf8_cut(c->odd, strlen(c->odd), 40),
                 c->odd);
        return room;
    }
    if (!(c->fractions && !c->texts) && distinct == c->present && c->present >= KEY_ROWS)
        return "left out: every value is another one, as of a row's key";
    return NULL;
}

/* What a feature column is; `remark`: what the reader should know of the guess, perhaps in `room`,
 * or NULL. */
static role judge_column(const column *c, int64_t rows, char room[REMARK_SIZE],
                         const char **remark) {
    const role guess = guess_role(c);
    *remark = why_left_out(c, guess, room);
    if (*remark) return ROLE_LEFT_OUT;
    if (guess == ROLE_DENSE && c->present < rows) {
        snprintf(room, REMARK_SIZE,
                 "lacks %" PRId64 " of %" PRId64 " values: the mean stands for them "
                 "(\"missing\")%s",
                 rows - c->present, rows,
                 c->fractions ? "" : "; so many integers: make it sparse if they are ids");
        *remark = room;
    } else if (guess == ROLE_DENSE && !c->fractions) {
        *remark = "taken as dense: so many integers; make it sparse if they are ids";
    }
    return guess;
}

static bool has_utf8_labels(const cli_label_values *two) {
    for (int i = 0; i < 2; i++)
        if (two->seen[i].text && !mmoe_utf8_is(two->seen[i].text, strlen(two->seen[i].text)))
            return false;
    return true;
}

static int check_labels(const survey *s, const cli_list *labels) {
    if (s->rows == 0) return cli_fail("%s: there are no rows after the header", s->path);
    for (size_t i = 0; i < labels->count; i++) {
        const column *c = find_surveyed(s, labels->items[i]);
        if (!c->present)
            return cli_fail("%s: column \"%s\" (--label) has no value", s->path, c->name);
        if (c->texts && !cli_label_positive(&c->two))
            return cli_fail("%s: column \"%s\" (--label) has values that are no numbers, and not "
                            "two in all: the first is \"%.*s\", in row %" PRId64,
                            s->path, c->name, (int)mmoe_utf8_cut(c->odd, strlen(c->odd), 40),
                            c->odd, c->odd_row);
        if (c->texts && !has_utf8_labels(&c->two))
            return cli_fail("%s: column \"%s\" (--label) has a value that is not UTF-8", s->path,
                            c->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(labels->items[i], labels->items[j]) == 0)
                return cli_usage("--label %s is given twice", c->name);
    }
    return CLI_OK;
}

static bool is_label(const cli_list *labels, const char *name) {
    for (size_t i = 0; i < labels->count; i++)
        if (strcmp(labels->items[i], name) == 0) return true;
    return false;
}

static json_t *dense_json(const column *c, int64_t rows) {
    json_t *json = json_pack("{s:s, s:s}", "name", c->name, "transform", "standardize");
    if (c->present < rows) json_object_set_new(json, "missing", json_string("mean"));
    return json;
}

static json_t *features_json(const survey *s, const cli_list *labels) {
    json_t *sparse = json_array(), *dense = json_array();
    for (size_t i = 0; i < s->count; i++) {
        const column *c = &s->columns[i];
        if (is_label(labels, c->name)) continue;
        char room[REMARK_SIZE];
        const char *remark;
        const role r = judge_column(c, s->rows, room, &remark);
        if (remark) cli_note("column \"%s\" %s", c->name, remark);
        if (r == ROLE_SPARSE)
            json_array_append_new(sparse, json_pack("{s:s, s:i}", "name", c->name, "embed_dim", 4));
        if (r == ROLE_DENSE) json_array_append_new(dense, dense_json(c, s->rows));
    }
    return json_pack("{s:o, s:o}", "sparse", sparse, "dense", dense);
}

/* The first type whose labels the column may have; of those that fit none the best. */
static const char *guess_type(const column *c) {
    int best = 0;
    for (int type = 1; type < MMOE_TASK_TYPE_COUNT; type++)
        if (c->label_faults[type] < c->label_faults[best]) best = type;
    return mmoe_task_type_name(best);
}

/* A few other values among zeros and ones may be slips. */
static void warn_of_type(const char *path, const column *c, const char *type) {
    const int64_t others = c->label_faults[MMOE_CLASSIFICATION];
    if (!others || others * 10 > c->present) return;
    cli_warn("%s: column \"%s\": %" PRId64 " of %" PRId64
             " labels are neither 0 nor 1, the first in row %" PRId64 ", so it makes a %s",
             path, c->name, others, c->present, c->other_row, type);
}

static json_t *task_json(const char *path, const json_t *tasks, const column *c) {
    char name[CLI_TASK_NAME_SIZE];
    const char *positive = cli_label_positive(&c->two),
               *type = positive ? mmoe_task_type_name(MMOE_CLASSIFICATION) : guess_type(c);
    cli_task_name(tasks, c->name, name);
    if (positive)
        cli_note("column \"%s\": of its two values, \"%s\" and \"%s\", \"%s\" is taken as the "
                 "positive label: see \"positive\" in the configuration",
                 c->name, c->two.seen[0].text, c->two.seen[1].text, positive);
    else
        warn_of_type(path, c, type);
    return json_pack("{s:s, s:s, s:s, s:s*, s:{s:[i]}}", "name", name, "label", c->name, "type",
                     type, "positive", positive, "tower_params", "dims", 8);
}

static json_t *tasks_json(const survey *s, const cli_list *labels) {
    json_t *tasks = json_array();
    for (size_t i = 0; i < labels->count; i++)
        json_array_append_new(tasks, task_json(s->path, tasks, find_surveyed(s, labels->items[i])));
    return tasks;
}

static json_t *config_json(const survey *s, const cli_list *labels) {
    return json_pack("{s:o, s:o, s:{s:s, s:i, s:{s:[i]}}, s:{s:i, s:i, s:s, s:{s:f, s:f}, s:i}}",
                     "features", features_json(s, labels), "tasks", tasks_json(s, labels), "model",
                     "name", "mmoe", "n_expert", 8, "expert_params", "dims", 16, "trainer",
                     "batch_size", 1024, "n_epoch", 50, "optimizer", "adam", "optimizer_params",
                     "lr", 1e-3, "weight_decay", 1e-4, "earlystop_patience", 30);
}

/* The library is asked whether it would take what is written. */
static int check_config(const char *path, const json_t *config) {
    char *text = json_dumps(config, JSON_COMPACT);
    if (!text) return cli_fail_memory();
    mmoe_config *parsed = NULL;
    mmoe_error err;
    int status = mmoe_config_parse(text, strlen(text), path, NULL, &parsed, &err)
                     ? cli_fail("%s", err.message)
                     : CLI_OK;
    mmoe_config_free(parsed);
    free(text);
    return status;
}

static int write_config(const survey *s, const cli_list *labels, const char *output) {
    json_t *config = config_json(s, labels);
    if (config && s->lenient)
        json_object_set_new(config, "data", json_pack("{s:s}", "quotes", "lenient"));
    int status = config ? check_config(s->path, config) : cli_fail_memory();
    cli_file file = {0};
    if (!status) status = cli_file_open(&file, output);
    if (!status) status = cli_print_json(file.stream, json_incref(config), true);
    if (!status) status = cli_file_keep(&file);
    cli_file_drop(&file);
    json_decref(config);
    return status;
}

int cli_init(int argc, char **argv) {
    const char *path = NULL, *output = "-";
    cli_list labels = {0};
    const cli_option options[] = {
        {"label", "COLUMN", CLI_LIST, &labels, true, 0, 0, "a task's label"},
        {"output", "FILE", CLI_TEXT, &output, false, 0, 0,
         "the configuration (JSON); default: standard output"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "init",
        "DATA.csv --label COLUMN [--label COLUMN ...] [--output C.json]",
        "Writes a configuration inferred from all the rows of a file. A "
        "label of 0 and 1, or of two other values, makes a\n"
        "classification, other numbers a regression. Numbers with fractions become dense features, "
        "standardized; texts, and integers of few values, become\n"
        "sparse features with a vocabulary of their own. Columns of one "
        "value and columns whose values all differ are left out\n"
        "and named on standard error. It is a first guess, to be edited.",
        options,
        "DATA.csv",
        &path,
        NULL};
    int status;
    if (cli_parse(&command, argc, argv, &status)) {
        const cli_path paths[] = {{"DATA.csv", path, false}, {"--output", output, true}};
        survey s = {.path = path, .labels = &labels};
        status = cli_check_input("", "DATA.csv", path);
        if (!status) status = cli_check_paths(paths, 2);
        if (!status) status = survey_file(&s);
        if (!status) status = check_labels(&s, &labels);
        if (!status) status = write_config(&s, &labels, output);
        free_survey(&s);
    }
    cli_list_free(&labels);
    return status;
}
