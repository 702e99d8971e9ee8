/* mmoe init: guesses a configuration from a file. */
#include <inttypes.h>
#include <string.h>

#include "base/missing.h"
#include "base/utf8.h"
#include "files.h"
#include "init_curves.h"
#include "init_features.h"
#include "init_gaps.h"
#include "init_label_gaps.h"
#include "init_training.h"
#include "output.h"
#include "warnings.h"

static bool has_utf8_labels(const cli_label_values *two) {
    for (int i = 0; i < 2; i++)
        if (two->seen[i].text && !mmoe_utf8_is(two->seen[i].text, strlen(two->seen[i].text)))
            return false;
    return true;
}

/* Of a label that is no number. */
static int check_words(const cli_survey *s, const cli_column *c) {
    const int cut = (int)mmoe_utf8_cut(c->odd, strlen(c->odd), 40);
    if (c->two.cased)
        return cli_fail(
            "%s: column \"%s\" (--label): %" PRId64 " of %" PRId64
            " labels differ from another by capitals only, the first is \"%s\": a label "
            "is numbers or two words, each written in one way",
            s->path, c->name, c->two.cased, c->present, c->two.other_case);
    if (!c->two.seen[1].text)
        return cli_fail("%s: column \"%s\" (--label) has one value only, \"%.*s\", in %" PRId64
                        " rows: there is nothing to learn",
                        s->path, c->name, cut, c->odd, c->present);
    if (c->two.more)
        return cli_fail("%s: column \"%s\" (--label) has values that are no numbers, and not two "
                        "in all: the first is \"%.*s\", in row %" PRId64
                        "; a label is numbers or two words",
                        s->path, c->name, cut, c->odd, c->odd_row);
    if (!has_utf8_labels(&c->two))
        return cli_fail("%s: column \"%s\" (--label) has a value that is not UTF-8", s->path,
                        c->name);
    return CLI_OK;
}

static int check_label(const cli_survey *s, const cli_column *c) {
    const int64_t missing = s->rows - c->present;
    char gaps[CLI_SAID_LABEL_GAPS];
    if (!c->present) return cli_fail("%s: column \"%s\" (--label) has no value", s->path, c->name);
    if (c->texts && check_words(s, c)) return CLI_FAILED;
    if (!c->two.seen[1].text)
        cli_warn("%s: column \"%s\" (--label) has one value only, %s, in %" PRId64 " rows", s->path,
                 c->name, c->two.seen[0].text, c->present);
    if (missing)
        cli_note("column \"%s\": %" PRId64 " of %" PRId64
                 " labels are missing: their rows do not count for its task%s",
                 c->name, missing, s->rows, cli_say_label_gaps(c, gaps));
    return CLI_OK;
}

static int check_labels(const cli_survey *s, const cli_list *labels) {
    int status = CLI_OK;
    if (s->rows == 0) return cli_fail("%s: there are no rows after the header", s->path);
    for (size_t i = 0; i < labels->count && !status; i++) {
        for (size_t j = 0; j < i; j++)
            if (strcmp(labels->items[i], labels->items[j]) == 0)
                return cli_usage("--label %s is given twice", labels->items[i]);
        status = check_label(s, cli_survey_find(s, labels->items[i]));
    }
    return status;
}

static bool has_any(json_t *features) {
    const char *kind;
    json_t *list;
    json_object_foreach(features, kind, list) {
        if (json_array_size(list) > 0) return true;
    }
    return false;
}

/* NULL: memory is out, or *has_features is false. */
static json_t *config_json(const cli_survey *s, bool *has_features) {
    json_t *tasks = cli_guess_tasks(s), *features = cli_guess_features(s);
    *has_features = !features || has_any(features);
    if (!*has_features) {
        json_decref(tasks);
        json_decref(features);
        return NULL;
    }
    json_t *trainer = cli_guess_trainer(s, tasks);
    return json_pack("{s:o, s:o, s:o, s:o}", "features", features, "tasks", tasks, "model",
                     cli_guess_model(s, features), "trainer", trainer);
}

static bool has_word(const json_t *words, const char *word) {
    size_t i;
    json_t *other;
    json_array_foreach(words, i, other) {
        if (strcmp(json_string_value(other), word) == 0) return true;
    }
    return false;
}

/* The usual words for a missing value, and the marks that columns of numbers have; NULL: the usual
 * words are all. */
static json_t *missing_json(const cli_survey *s) {
    json_t *words = json_array();
    bool has_more = false;
#define ADD_WORD(word) json_array_append_new(words, json_string(word));
    MMOE_MISSING_WORDS(ADD_WORD)
    for (size_t i = 0; i < s->count; i++) {
        const char *mark = cli_column_mark(&s->columns[i]);
        if (!mark || s->columns[i].is_label || has_word(words, mark)) continue;
        json_array_append_new(words, json_string(mark));
        has_more = true;
    }
    if (has_more) return words;
    json_decref(words);
    return NULL;
}

/* "data": how the file is to be read. */
static json_t *data_json(const cli_survey *s) {
    const cli_layout *layout = &s->layout;
    return json_pack("{s:s*, s:s*, s:s*, s:o*}", "separator", cli_layout_separator(layout),
                     "header", layout->headless ? "none" : NULL, "quotes",
                     layout->lenient ? "lenient" : NULL, "missing", missing_json(s));
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

static int write_config(const cli_survey *s, const char *output) {
    bool has_features;
    json_t *config = config_json(s, &has_features);
    if (!has_features) return cli_fail("%s: no column is left that could be a feature", s->path);
    json_t *data = data_json(s);
    if (config && json_object_size(data)) json_object_set(config, "data", data);
    json_decref(data);
    int status = config ? CLI_OK : cli_fail_memory();
    if (!status) status = check_config(s->path, config);
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
    int64_t skip_bad = 0;
    const cli_option options[] = {{"label", "COLUMN", CLI_LIST, &labels, true, 0, 0,
                                   "a task's label; c1, c2, ... of a file without a header"},
                                  {"output", "FILE", CLI_TEXT, &output, false, 0, 0,
                                   "the configuration (JSON); default: standard output"},
                                  {"skip-bad", "N", CLI_INTEGER, &skip_bad, false, 1, 1e9,
                                   "leave out up to N rows of other fields than the header, which "
                                   "a warning counts; default: none"},
                                  {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "init",
        "DATA.csv --label COLUMN [--label COLUMN ...] [FLAGS]",
        "Writes a configuration inferred from all the rows of a file. A "
        "label of 0 and 1, or of two other values, makes a\n"
        "classification, other numbers a regression, standardized for the loss. Numbers become "
        "dense features, standardized, the mean\n"
        "standing for missing ones, for a few texts among them and for numbers that mean none, as "
        "-999, with quantile bins\n"
        "beside; texts, ids by their name (user, item, zip, code, id) and\n"
        "integers of at least 200 rows a value become sparse features, cells of a|b|c sequences. "
        "Columns of one value and (nearly) a\n"
        "value a row are left out. The trainer's keys fit the rows. What was chosen is said on "
        "standard error, with the figures\n"
        "it was chosen by. It is a first guess, to be edited.",
        options,
        "DATA.csv",
        &path,
        NULL};
    int status;
    if (cli_parse(&command, argc, argv, &status)) {
        const cli_path paths[] = {{"DATA.csv", path, false}, {"--output", output, true}};
        cli_survey s = {.path = path, .labels = &labels, .skip_bad = skip_bad};
        status = cli_check_input("", "DATA.csv", path);
        if (!status) status = cli_check_paths(paths, 2);
        if (!status) status = cli_survey_read(&s);
        if (!status && !cli_label_gaps_find(&s)) status = cli_fail_memory();
        if (!status) cli_gaps_find(&s);
        if (!status) status = check_labels(&s, &labels);
        if (!status && !cli_find_curves(&s)) status = cli_fail_memory();
        if (!status) status = write_config(&s, output);
        cli_survey_free(&s);
    }
    cli_list_free(&labels);
    return status;
}
