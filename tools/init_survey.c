#include "init_survey.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/missing.h"
#include "base/text.h"
#include "base/utf8.h"
#include "warnings.h"

/* ---- Values ---- */

static void count_label(cli_column *c, int64_t row, bool is_number, double value) {
    for (int type = 0; type < MMOE_TASK_TYPE_COUNT; type++) {
        const bool is_fault = !is_number || mmoe_label_fault(type, value);
        if (is_fault && type == MMOE_CLASSIFICATION && !c->label_faults[type]) c->other_row = row;
        c->label_faults[type] += is_fault;
    }
}

/* False, as below: memory is out. */
static bool count_text(cli_column *c, int64_t row, const char *text) {
    if (c->texts++) return true;
    c->odd_row = row;
    c->odd = strdup(text);
    return c->odd;
}

static bool count_value(cli_column *c, int64_t row, const char *text, size_t length) {
    if (mmoe_is_usual_missing(text, length)) return true;
    double value = 0;
    const bool is_number = mmoe_parse_double(text, length, &value) && isfinite(value);
    c->present++;
    if (!c->two.more && !cli_label_values_add(&c->two, text)) return false;
    if (!is_number && !count_text(c, row, text)) return false;
    c->fractions += is_number && value != floor(value);
    count_label(c, row, is_number, value);
    if (c->fractions && !c->texts && c->values.count > 1) return true;
    return cli_values_add(&c->values, cli_hash_value(text, length)) &&
           cli_lists_add(&c->lists, text, length);
}

/* ---- Rows ---- */

static mmoe_status name_columns(cli_survey *s, const mmoe_csv_field *fields, size_t count,
                                mmoe_error *err) {
    s->columns = calloc(count, sizeof *s->columns);
    if (!s->columns) return mmoe_fail_memory(err, count * sizeof *s->columns);
    for (; s->count < count; s->count++) {
        const mmoe_csv_field *f = fields + s->count;
        if (!mmoe_utf8_is(f->text, f->length))
            return mmoe_fail_at(err, MMOE_E_FORMAT, s->path, 1, NULL,
                                "the name of column %zu is not UTF-8", s->count + 1);
        if (cli_survey_find(s, f->text))
            return mmoe_fail_at(err, MMOE_E_FORMAT, s->path, 1, NULL,
                                "two columns bear the name \"%s\"", f->text);
        s->columns[s->count].name = strdup(f->text);
        if (!s->columns[s->count].name) return mmoe_fail_memory(err, f->length + 1);
    }
    return MMOE_OK;
}

static mmoe_status on_header(void *user, const mmoe_csv_field *fields, size_t count,
                             mmoe_error *err) {
    cli_survey *s = user;
    const mmoe_status status = name_columns(s, fields, count, err);
    for (size_t i = 0; !status && i < s->labels->count; i++)
        if (!cli_survey_find(s, s->labels->items[i]))
            return mmoe_fail_at(err, MMOE_E_CONFIG, s->path, 0, NULL,
                                "there is no column \"%s\" (--label)", s->labels->items[i]);
    return status;
}

static mmoe_status on_row(void *user, int64_t row, const mmoe_csv_field *fields, mmoe_error *err) {
    cli_survey *s = user;
    s->rows++;
    for (size_t i = 0; i < s->count; i++)
        if (!count_value(&s->columns[i], row, fields[i].text, fields[i].length))
            return mmoe_fail_memory(err, s->columns[i].values.capacity * 2 * sizeof(uint64_t));
    return MMOE_OK;
}

/* Quotes that are malformed are text, which the configuration says then. */
int cli_survey_read(cli_survey *s) {
    mmoe_csv_passed passed = {0};
    mmoe_csv_handler handler = {s, on_header, on_row, .passed = &passed};
    mmoe_error err;
    mmoe_status status = mmoe_csv_read(s->path, &handler, NULL, &err);
    if (status && passed.quotes_row) {
        cli_warn("%s; they are taken as text", err.message);
        cli_survey_free(s);
        *s = (cli_survey){.path = s->path, .labels = s->labels, .lenient = true};
        handler.lenient = true;
        status = mmoe_csv_read(s->path, &handler, NULL, &err);
    }
    char text[MMOE_PASSED_SIZE];
    int64_t count, row;
    for (int i = 0; !status && mmoe_csv_passed_text(&passed, i, text, &count, &row); i++)
        cli_warn("%s: %s", s->path, text);
    return status ? cli_fail("%s", err.message) : CLI_OK;
}

void cli_survey_free(cli_survey *s) {
    for (size_t i = 0; i < s->count; i++) {
        free(s->columns[i].name);
        free(s->columns[i].odd);
        cli_values_free(&s->columns[i].values);
        cli_lists_free(&s->columns[i].lists);
        cli_label_values_free(&s->columns[i].two);
    }
    free(s->columns);
}

const cli_column *cli_survey_find(const cli_survey *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->columns[i].name, name) == 0) return &s->columns[i];
    return NULL;
}

bool cli_survey_is_label(const cli_survey *s, const cli_column *c) {
    for (size_t i = 0; i < s->labels->count; i++)
        if (strcmp(s->labels->items[i], c->name) == 0) return true;
    return false;
}
