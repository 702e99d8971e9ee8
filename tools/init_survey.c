#include "init_survey.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/missing.h"
#include "base/text.h"
#include "base/utf8.h"
#include "init_names.h"
#include "progress.h"
#include "separators.h"
#include "warnings.h"

/* Of a column of words. */
enum { FEW_VALUES = 20, ROWS_A_WORD = 10 };
/* Integers that come so often, each on average, are categories to the model: it has rows enough to
 * learn every value by itself. */
enum { ROWS_A_CATEGORY = 200, MOST_CATEGORIES = 1000 };
/* That are told apart among numbers. */
enum { MOST_WORDS = 4096 };

/* ---- Values ---- */

void cli_column_count_label(cli_column *c, int64_t row, double number, int64_t count) {
    for (int type = 0; type < MMOE_TASK_TYPE_COUNT; type++) {
        if (!isnan(number) && !mmoe_label_fault(type, number)) continue;
        if (type == MMOE_CLASSIFICATION && (!c->label_faults[type] || row < c->other_row))
            c->other_row = row;
        c->label_faults[type] += count;
    }
}

/* An amount ("$9") is no code. */
static bool is_code(const char *text, double number) {
    double plain;
    return (number == 7 || number == 8 || cli_sentinel_find(number) >= 0) &&
           mmoe_parse_double(text, strlen(text), &plain);
}

/* What may stand for no label is looked at when all others are known. */
static bool count_label(cli_column *c, int64_t row, const char *text, double number,
                        bool *is_aside) {
    const bool may_be_none = isnan(number) ? cli_text_is_no_answer(text) : is_code(text, number);
    if (may_be_none && !cli_label_values_set_aside(&c->two, text, row, is_aside)) return false;
    if (*is_aside) return true;
    cli_column_count_label(c, row, number, 1);
    return (c->two.more && !c->texts) || cli_label_values_add(&c->two, text, 1);
}

/* False, as below: memory is out. */
static bool count_folded(cli_column *c, const char *text) {
    char folded[64];
    size_t length = 0;
    for (; text[length]; length++) {
        if (length == sizeof folded) return true;
        folded[length] = (char)tolower((unsigned char)text[length]);
    }
    return c->folded.count == MOST_WORDS ||
           cli_values_add(&c->folded, cli_hash_value(folded, length));
}

static bool count_text(cli_column *c, int64_t row, const char *text, bool is_aside) {
    const cli_date date = cli_text_date(text, strlen(text));
    const bool is_nothing = cli_text_is_nothing(text);
    c->times += cli_text_is_time(text, strlen(text));
    if (date.orders) {
        c->date_orders = c->dates++ ? c->date_orders & date.orders : date.orders;
        if (date.hour >= 0) c->hours |= UINT32_C(1) << date.hour;
        c->other_hours |= date.hour == CLI_OTHER_HOUR;
    }
    if (!(date.orders ? cli_days_add(&c->between, date.days, text)
                      : cli_days_add_strange(&c->between, row, text, is_nothing)))
        return false;
    c->texts++;
    if (!c->odd && !is_aside) {
        c->odd_row = row;
        if (!(c->odd = strdup(text))) return false;
    }
    c->odds += !is_aside && strcmp(c->odd, text) == 0;
    const bool is_code = cli_text_is_code(text);
    c->codes += is_code;
    c->quantities += cli_text_is_quantity(text);
    if (!count_folded(c, text)) return false;
    c->loose += !is_code && (is_nothing || cli_text_begins_as_number(text));
    return c->words.count == MOST_WORDS ||
           cli_values_add(&c->words, cli_hash_value(text, strlen(text)));
}

/* 20240131 is a date as well. */
static bool count_number(cli_column *c, int64_t row, const mmoe_csv_field *f, double value) {
    const bool is_first = c->present == c->texts + 1;
    if (is_first || value < c->lowest) c->lowest = value;
    if (is_first || value > c->highest) c->highest = value;
    c->fractions += value != floor(value);
    cli_sentinels_add(&c->far, value);
    const cli_date date = f->length == 8 ? cli_text_date(f->text, f->length) : (cli_date){0};
    c->days += date.orders != 0;
    return date.orders ? cli_days_add(&c->between, date.days, f->text)
                       : cli_days_add_strange(&c->between, row, f->text, false);
}

/* Might the column's numbers have commas before their fractions? */
static void count_comma(cli_column *c, const mmoe_csv_field *f, bool is_number) {
    const char *comma = memchr(f->text, ',', f->length);
    cli_amount amount = {0};
    if (!comma && is_number && !c->amounts) {
        c->by_comma += !memchr(f->text, '.', f->length);
        return;
    }
    if (!cli_text_amount(f->text, f->length, true, &amount)) return;
    c->by_comma++;
    c->commas += !is_number && (comma || !*amount.unit); /* two units are no comma */
    c->has_zeros |= !is_number && comma && comma[1] == '0' && comma + 2 < f->text + f->length;
}

static bool read_number(cli_column *c, const mmoe_csv_field *f, double *value) {
    bool is_number = mmoe_parse_double(f->text, f->length, value) && isfinite(*value);
    if (is_number && !(c->has_comma && memchr(f->text, '.', f->length))) return true;
    is_number = cli_text_amount(f->text, f->length, c->has_comma, &c->amount);
    *value = c->amount.value;
    c->amounts += is_number;
    return is_number;
}

static bool count_value(cli_column *c, int64_t row, const mmoe_csv_field *f, cli_cell *out) {
    *out = (cli_cell){(double)NAN, 0};
    if (mmoe_is_usual_missing(f->text, f->length)) return true;
    double value = 0;
    const bool is_number = read_number(c, f, &value);
    if (!c->has_comma) count_comma(c, f, is_number);
    *out = (cli_cell){is_number ? value : (double)NAN, cli_hash_value(f->text, f->length)};
    c->present++;
    bool is_aside = false;
    if (!is_number) value = (double)NAN;
    if (!(c->is_label ? count_label(c, row, f->text, value, &is_aside)
                      : c->two.more || cli_label_values_add(&c->two, f->text, 1)))
        return false;
    if (!(is_number ? count_number(c, row, f, value) : count_text(c, row, f->text, is_aside)))
        return false;
    if (c->fractions && !c->texts && c->values.count > 1) return true;
    return cli_values_add(&c->values, out->hash) && cli_lists_add(&c->lists, f->text, f->length);
}

/* ---- Rows ---- */

static cli_column *find_column(const cli_survey *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->columns[i].name, name) == 0) return &s->columns[i];
    return NULL;
}

static mmoe_status name_columns(cli_survey *s, const mmoe_csv_field *fields, size_t count,
                                mmoe_error *err) {
    s->columns = calloc(count, sizeof *s->columns);
    if (!s->columns) return mmoe_fail_memory(err, count * sizeof *s->columns);
    for (; s->count < count; s->count++) {
        const mmoe_csv_field *f = fields + s->count;
        if (!mmoe_utf8_is(f->text, f->length))
            return mmoe_fail_at(err, MMOE_E_FORMAT, s->path, 1, NULL,
                                "the name of column %zu is not UTF-8; of a file in Latin-1 or "
                                "Windows-1252, iconv -f WINDOWS-1252 -t UTF-8 makes one",
                                s->count + 1);
        if (*f->text && find_column(s, f->text))
            return mmoe_fail_at(err, MMOE_E_FORMAT, s->path, 1, NULL,
                                "two columns bear the name \"%s\"", f->text);
        s->columns[s->count].name = strdup(f->text);
        if (!s->columns[s->count].name) return mmoe_fail_memory(err, f->length + 1);
        s->columns[s->count].has_comma = s->count < s->n_commas && s->commas[s->count];
    }
    return MMOE_OK;
}

static bool is_among(const mmoe_csv_field *fields, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].text, name) == 0) return true;
    return false;
}

/* Are all labels c1, c2, ..., and none a name in the first row? */
static bool are_labels_numbered(const cli_survey *s, const mmoe_csv_field *fields, size_t count) {
    for (size_t i = 0; i < s->labels->count; i++) {
        const char *label = s->labels->items[i];
        int64_t number;
        if (*label != 'c' || !mmoe_parse_int64(label + 1, strlen(label + 1), &number)) return false;
        if (number < 1 || number > (int64_t)count || is_among(fields, count, label)) return false;
    }
    return true;
}

/* As UCI's files have them: "A11 6 A34 1169". */
static size_t count_blanks(const mmoe_csv_field *field) {
    size_t blanks = 0;
    for (const char *c = field->text; *c; c++) blanks += *c == ' ' && c[1] && c[1] != ' ';
    return blanks;
}

/* A first row of numbers is a header in few files. */
static mmoe_status refuse_header(const cli_survey *s, const mmoe_csv_field *fields, size_t count,
                                 mmoe_error *err) {
    size_t numbers = 0;
    double number;
    for (size_t i = 0; i < count; i++)
        numbers += mmoe_parse_double(fields[i].text, fields[i].length, &number);
    char said[sizeof err->message];
    snprintf(said, sizeof said, "%s", err->message);
    if (count == 1 && count_blanks(fields) > 1)
        return mmoe_fail(err, MMOE_E_CONFIG,
                         "%s; row 1 has %zu blanks and no comma: blanks separate no columns, write "
                         "commas or tabs in their place",
                         said, count_blanks(fields));
    if (s->layout.headless || numbers == 0) return MMOE_E_CONFIG;
    return mmoe_fail(err, MMOE_E_CONFIG,
                     "%s; row 1 has %zu numbers in %zu fields: if it is no header, columns are c1 "
                     "to c%zu, as in --label c%zu",
                     said, numbers, count, count, count);
}

static mmoe_status on_header(void *user, const mmoe_csv_field *fields, size_t count,
                             mmoe_error *err) {
    cli_survey *s = user;
    s->is_numbered = !s->layout.headless && are_labels_numbered(s, fields, count);
    if (s->is_numbered) return mmoe_fail(err, MMOE_E_CONFIG, "%s has no header", s->path);
    mmoe_status status = name_columns(s, fields, count, err);
    for (size_t i = 0; !status && i < s->labels->count; i++) {
        cli_column *label = find_column(s, s->labels->items[i]);
        if (label)
            label->is_label = true;
        else
            status = mmoe_fail_at(err, MMOE_E_CONFIG, s->path, 0, NULL,
                                  "there is no column \"%s\" (--label)", s->labels->items[i]);
    }
    if (status && status != MMOE_E_MEMORY) return refuse_header(s, fields, count, err);
    if (!status && !cli_sample_begin(&s->sample, count))
        return mmoe_fail_memory(err, count * sizeof *s->sample.cells);
    return status;
}

static mmoe_status on_row(void *user, int64_t row, const mmoe_csv_field *fields, mmoe_error *err) {
    cli_survey *s = user;
    cli_cell *kept = cli_sample_next(&s->sample), cell;
    s->rows++;
    for (size_t i = 0; i < s->count; i++)
        if (!count_value(&s->columns[i], row, fields + i, kept ? kept + i : &cell))
            return mmoe_fail_memory(err, s->columns[i].values.capacity * 2 * sizeof(uint64_t));
    return MMOE_OK;
}

/* A row of other fields than the header. */
static mmoe_status on_fault(void *user, const mmoe_error *fault, mmoe_error *err) {
    cli_survey *s = user;
    if (s->bad == s->skip_bad) {
        *err = *fault;
        return fault->code;
    }
    if (s->bad++ == 0) s->first_bad = *fault;
    return MMOE_OK;
}

/* ---- The file ---- */

static mmoe_status read_file(cli_survey *s, mmoe_csv_passed *passed, mmoe_error *err) {
    const mmoe_csv_handler handler = {s,
                                      on_header,
                                      on_row,
                                      .passed = passed,
                                      .lenient = s->layout.lenient,
                                      .headless = s->layout.headless,
                                      .separator = s->layout.separator,
                                      .watcher = &cli_watcher,
                                      .fault = on_fault};
    *passed = (mmoe_csv_passed){0};
    const mmoe_status status = mmoe_csv_read(s->path, &handler, NULL, err);
    cli_progress_clear();
    return status;
}

static void begin_again(cli_survey *s, cli_layout layout, bool *commas, size_t n_commas) {
    cli_survey_free(s);
    *s = (cli_survey){.path = s->path,
                      .labels = s->labels,
                      .skip_bad = s->skip_bad,
                      .layout = layout,
                      .commas = commas,
                      .n_commas = n_commas};
}

/* Whether the file may be one of another layout, which the configuration says then. */
static bool adapt(cli_survey *s, const mmoe_csv_passed *passed, const mmoe_error *err) {
    cli_layout layout = s->layout;
    if (passed->separator) {
        layout.separator = passed->separator;
        cli_note("%s: %ss separate columns (\"separator\")", s->path,
                 cli_layout_separator(&layout));
    } else if (s->is_numbered) {
        layout.headless = true;
        cli_note("%s: no header: columns are c1, c2, ... (\"header\")", s->path);
    } else if (passed->quotes_row && !layout.lenient) {
        layout.lenient = true;
        cli_warn("%s; they are taken as text", err->message);
    } else {
        return false;
    }
    begin_again(s, layout, NULL, 0);
    return true;
}

static bool reads_by_comma(const cli_column *c) { return 10 * c->by_comma >= 9 * c->present; }

/* Nearly all of the column's values are numbers, and some only so. Between commas, cells like "3,5"
 * may as well be lists. */
static bool has_commas(const cli_survey *s, const cli_column *c) {
    const char separator = s->layout.separator;
    return c->commas && reads_by_comma(c) && (c->has_zeros || (separator && separator != ','));
}

/* *again: the file is to be read once more, as columns have numbers with commas. */
static int find_commas(cli_survey *s, bool *again) {
    const size_t count = s->count;
    bool *commas = calloc(count, sizeof *commas);
    *again = false;
    if (!commas) return cli_fail_memory();
    for (size_t i = 0; i < count; i++) {
        commas[i] = has_commas(s, &s->columns[i]);
        *again |= commas[i];
    }
    /* "1,234" is as its neighbours are. */
    for (size_t i = 0; *again && i < count; i++)
        commas[i] |= strchr(s->columns[i].amount.marks, ',') && reads_by_comma(&s->columns[i]);
    if (*again)
        begin_again(s, s->layout, commas, count);
    else
        free(commas);
    return CLI_OK;
}

static void warn_of_rows(const cli_survey *s, const mmoe_csv_passed *passed) {
    char text[MMOE_PASSED_SIZE];
    int64_t count, row;
    for (int i = 0; mmoe_csv_passed_text(passed, i, text, &count, &row); i++)
        cli_warn("%s: %s", s->path, text);
    if (s->bad)
        cli_warn("%s: %" PRId64 " of %" PRId64 " rows are at fault and left out, the first for: %s",
                 s->path, s->bad, s->bad + s->rows, s->first_bad.message);
}

int cli_survey_read(cli_survey *s) {
    mmoe_csv_passed passed;
    mmoe_error err;
    mmoe_status status = read_file(s, &passed, &err);
    while (status && adapt(s, &passed, &err)) status = read_file(s, &passed, &err);
    bool again = false;
    if (!status && find_commas(s, &again)) return CLI_FAILED;
    if (again) status = read_file(s, &passed, &err);
    if (status && s->bad)
        return cli_fail("%s; %" PRId64 " %s at fault, too, and left out", err.message, s->bad,
                        s->bad == 1 ? "row before it was" : "rows before it were");
    if (status) return cli_fail("%s", err.message);
    warn_of_rows(s, &passed);
    return CLI_OK;
}

const char *cli_layout_separator(const cli_layout *layout) {
    return cli_separator_word(layout->separator);
}

void cli_survey_free(cli_survey *s) {
    for (size_t i = 0; i < s->count; i++) {
        free(s->columns[i].name);
        free(s->columns[i].odd);
        cli_values_free(&s->columns[i].values);
        cli_values_free(&s->columns[i].words);
        cli_values_free(&s->columns[i].folded);
        cli_lists_free(&s->columns[i].lists);
        cli_label_values_free(&s->columns[i].two);
        cli_days_free(&s->columns[i].between);
    }
    free(s->columns);
    free(s->commas);
    free(s->curves);
    cli_sample_free(&s->sample);
}

const cli_column *cli_survey_find(const cli_survey *s, const char *name) {
    return find_column(s, name);
}

/* Can it be one of data.missing? A code ("c203") has others of its kind in rows to come. */
static bool is_word(const char *text) {
    const size_t length = strlen(text);
    return length <= 64 && mmoe_utf8_is(text, length) && !text[strcspn(text, "0123456789")];
}

bool cli_column_are_words(const cli_column *c) {
    return c->texts && *c->amount.unit && !c->fractions && cli_column_distinct(c) <= FEW_VALUES &&
           c->present >= ROWS_A_WORD * cli_column_distinct(c) && strlen(c->odd) > 1 &&
           isalpha((unsigned char)*c->odd);
}

bool cli_column_are_quantities(const cli_column *c) {
    const bool are_times = 10 * c->times >= 9 * c->present;
    return c->texts && !are_times && 10 * (c->present - c->texts + c->quantities) >= 9 * c->present;
}

int64_t cli_column_capitals(const cli_column *c) {
    const bool are_all = c->words.count < MOST_WORDS && c->folded.count < c->words.count;
    return are_all ? (int64_t)(c->words.count - c->folded.count) : 0;
}

const char *cli_column_mark(const cli_column *c) {
    if (!c->texts || c->texts != c->odds || 2 * c->texts > c->present) return NULL;
    if (cli_column_are_words(c)) return NULL;
    if (cli_text_is_nothing(c->odd)) return c->odd;
    return 10 * c->texts <= c->present && is_word(c->odd) ? c->odd : NULL;
}

bool cli_column_has_texts(const cli_column *c) {
    const int64_t words = (int64_t)c->words.count, classes = c->texts - c->loose - c->codes;
    if (c->is_label || !c->texts || 3 * c->texts > c->present) return false;
    if (cli_column_mark(c) || cli_column_are_words(c)) return false;
    const bool are_amounts = c->fractions || c->amounts;
    if (2 * c->codes > c->texts && (c->texts >= 2 * words || !are_amounts)) return false;
    return words == 1 || 10 * classes <= c->present;
}

/* Do texts among numbers stand for missing ones? */
static bool are_gaps(const cli_column *c) { return cli_column_mark(c) || cli_column_has_texts(c); }

int64_t cli_column_present(const cli_column *c) {
    return c->present - c->far.hidden - (are_gaps(c) ? c->texts : 0);
}

int64_t cli_column_values(const cli_column *c) {
    int64_t count = cli_column_distinct(c) - (are_gaps(c) ? (int64_t)c->words.count : 0);
    for (uint64_t left = c->far.taken; left; left &= left - 1) count--;
    return c->fractions && c->far.taken && count < 2 ? 2 : count; /* some were not counted */
}

bool cli_column_are_categories(const cli_column *c) {
    const int64_t values = cli_column_values(c);
    return !c->fractions && cli_column_present(c) >= ROWS_A_CATEGORY * values &&
           values <= MOST_CATEGORIES;
}

static bool are_texts(const cli_column *c) { return c->texts && !are_gaps(c); }

bool cli_column_are_integers(const cli_column *c) {
    return !c->fractions && !c->amounts && !are_texts(c);
}

bool cli_column_are_ids(const cli_column *c) {
    return are_texts(c) || (cli_column_are_integers(c) && cli_name_is_id(c->name));
}

const char *cli_say_marks(const cli_column *c, char text[CLI_SAID_MARKS]) {
    const char *marks = c->amount.marks;
    int used =
        snprintf(text, CLI_SAID_MARKS, "%" PRId64 " of %" PRId64 " have ", c->amounts, c->present);
    if (*marks)
        used += snprintf(text + used, CLI_SAID_MARKS - (size_t)used,
                         "marks, of \"%s\" (\"strip\")%s", marks, c->has_comma ? ", or " : "");
    if (c->has_comma)
        snprintf(text + used, CLI_SAID_MARKS - (size_t)used,
                 "a comma before their fraction (\"decimal\")");
    return text;
}

void cli_write_marks(const cli_column *c, json_t *json) {
    if (*c->amount.marks) json_object_set_new(json, "strip", json_string(c->amount.marks));
    if (c->has_comma) json_object_set_new(json, "decimal", json_string(","));
}

json_t *cli_survey_free_name(const cli_survey *s, json_t *name) {
    while (name && cli_survey_find(s, json_string_value(name))) {
        json_t *longer = json_sprintf("%s_", json_string_value(name));
        json_decref(name);
        name = longer;
    }
    return name;
}
