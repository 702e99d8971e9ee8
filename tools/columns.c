#include "columns.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/raw_bytes.h"
#include "base/text.h"
#include "output.h"
#include "plain.h"
#include "warnings.h"

double cli_share(int64_t count, int64_t all) { return all ? 100 * (double)count / (double)all : 0; }

/* Features of one column have its gaps: it is told of once. */
static bool is_news(json_t *told, const char *name) {
    if (json_object_get(told, name)) return false;
    json_object_set_new_nocheck(told, name, json_true());
    return true;
}

void cli_remark_columns(const char *file, const mmoe_dataset *data) {
    const mmoe_column_counts *c;
    const mmoe_warning *warning;
    json_t *told = json_object();
    cli_warn_of_data(file, data);
    for (size_t i = 0; (warning = mmoe_dataset_warning(data, i)); i++)
        if (warning->subject) is_news(told, warning->subject);
    for (size_t i = 0; (c = mmoe_dataset_column(data, i)); i++) {
        const char *name = c->column ? c->column : c->name;
        if ((!c->missing && !c->unknown) || json_object_get(told, c->name) || !is_news(told, name))
            continue;
        cli_note("%s: %s \"%s\": %.2g %% of the values are unknown and %.2g %% missing",
                 mmoe_raw_bytes_name(file), c->column ? "column" : "feature", name,
                 cli_share(c->unknown, c->values), cli_share(c->missing, c->values));
    }
    json_decref(told);
}

/* ---- Lists ---- */

int cli_lists_of(const mmoe_model *model, const mmoe_dataset *data, int32_t column, int32_t before,
                 cli_lists *out) {
    mmoe_list_lengths lengths;
    mmoe_error err;
    *out = (cli_lists){.name = mmoe_model_sparse_name(model, column),
                       .counts = mmoe_dataset_column(data, (size_t)column),
                       .rows = mmoe_dataset_rows(data)};
    if (!mmoe_model_sparse_list(model, column, &out->format)) return 0;
    if (mmoe_dataset_list_lengths(data, (size_t)before, out->format.padding_idx, &lengths, &err)) {
        cli_fail("%s", err.message);
        return -1;
    }
    out->empty = lengths.empty;
    out->longest = lengths.longest;
    out->median = lengths.median;
    if (out->rows) out->mean = (double)lengths.elements / (double)out->rows;
    return 1;
}

int cli_print_lists(const mmoe_model *model, const mmoe_dataset *data) {
    cli_lists l;
    int found = 0, printed = 0;
    for (int32_t i = 0; found >= 0 && i < mmoe_model_sparse_count(model); i++) {
        found = cli_lists_of(model, data, i, printed, &l);
        if (found != 1) continue;
        if (printed++ == 0)
            printf("%-24s%12s%9s%8s%9s%9s%8s%10s%10s\n", "lists", "elements", "mean", "median",
                   "longest", "% empty", "% cut", "% missing", "% unknown");
        char elements[MMOE_NUMBER_SIZE];
        mmoe_format_count(l.counts->values, elements);
        printf("  %-22s%12s%9.2f%8" PRId64 "%9" PRId64 "%9.1f%8.1f%10.1f%10.1f\n",
               cli_plain(l.name), elements, l.mean, l.median, l.longest, cli_share(l.empty, l.rows),
               cli_share(l.counts->cut, l.rows), cli_share(l.counts->missing, l.counts->values),
               cli_share(l.counts->unknown, l.counts->values));
    }
    if (printed) putchar('\n');
    return found < 0 ? CLI_FAILED : CLI_OK;
}

/* ---- JSON ---- */

static json_t *lengths_json(const cli_lists *l) {
    return json_pack("{s:f, s:I, s:I, s:I, s:I}", "mean", l->mean, "median", (json_int_t)l->median,
                     "longest", (json_int_t)l->longest, "empty", (json_int_t)l->empty, "cut",
                     (json_int_t)l->counts->cut);
}

json_t *cli_columns_json(const mmoe_model *model, const mmoe_dataset *data) {
    const mmoe_column_counts *c;
    json_t *array = json_array();
    cli_lists lists;
    int32_t n_list = 0;
    for (int32_t i = 0; (c = mmoe_dataset_column(data, (size_t)i)); i++) {
        json_t *column =
            json_pack("{s:s, s:I, s:I, s:I}", "name", c->name, "missing", (json_int_t)c->missing,
                      "unknown", (json_int_t)c->unknown, "values", (json_int_t)c->values);
        const int found = cli_lists_of(model, data, i, n_list, &lists);
        n_list += found == 1;
        if (found == 1) json_object_set_new(column, "lengths", lengths_json(&lists));
        json_array_append_new(array, column);
        if (found >= 0) continue;
        json_decref(array);
        return NULL;
    }
    return array;
}
