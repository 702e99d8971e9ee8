#include "slices_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "output.h"
#include "plain.h"

enum { VALUE = 40, VALUE_SIZE = VALUE + sizeof "..." };

/* A value on one line, cut where it is long. */
static void show_value(const char *value, char out[VALUE_SIZE]) {
    const size_t length = value ? strlen(value) : 0;
    const bool is_long = length > VALUE;
    snprintf(out, VALUE_SIZE, "%.*s%s",
             (int)(is_long ? mmoe_utf8_cut(value, length, VALUE) : length), value ? value : "",
             is_long ? "..." : "");
    if (!value) snprintf(out, VALUE_SIZE, "(missing)");
    mmoe_utf8_plain(out, '?');
}

static void print_task(const mmoe_row_slices *s, int32_t task, mmoe_task_metrics *lines,
                       char (*names)[VALUE_SIZE]) {
    for (size_t i = 0; i < s->count; i++) {
        lines[i] = s->items[i].metrics[task];
        lines[i].name = names[i];
    }
    printf("\n%s by \"%s\"\n", s->items[0].metrics[task].name, cli_plain(s->column));
    cli_print_lines(&(cli_lines){"value", lines, (int32_t)s->count, false});
}

int cli_print_slices(const mmoe_row_slices *s, int32_t n_task) {
    mmoe_task_metrics *lines = calloc(s->count, sizeof *lines);
    char(*names)[VALUE_SIZE] = calloc(s->count, sizeof *names);
    const bool has_memory = lines && names;
    for (size_t i = 0; has_memory && i < s->count; i++) show_value(s->items[i].value, names[i]);
    for (int32_t t = 0; has_memory && t < n_task; t++) print_task(s, t, lines, names);
    free(lines);
    free(names);
    if (!has_memory) return cli_fail_memory();
    if (s->left_out)
        printf("\n%" PRId64 " more values of \"%s\" have %" PRId64 " rows\n", s->left_out,
               cli_plain(s->column), s->rows_left_out);
    return CLI_OK;
}

json_t *cli_slices_json(const mmoe_row_slices *s, int32_t n_task) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->count; i++) {
        const mmoe_row_slice *slice = &s->items[i];
        json_t *entry = json_object(),
               *metrics = cli_report_json(slice->rows, slice->metrics, n_task);
        json_object_set_new(entry, "value",
                            slice->value ? cli_json_text(slice->value) : json_null());
        json_object_update(entry, metrics);
        json_decref(metrics);
        json_array_append_new(list, entry);
    }
    return json_pack("{s:o, s:o, s:I, s:I}", "column", cli_json_text(s->column), "slices", list,
                     "left_out", (json_int_t)s->left_out, "rows_left_out",
                     (json_int_t)s->rows_left_out);
}
