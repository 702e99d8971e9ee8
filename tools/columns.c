#include "columns.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/raw_bytes.h"
#include "base/text.h"
#include "warnings.h"

static bool has_warning(const mmoe_dataset *data, const char *column) {
    const mmoe_warning *warning;
    for (size_t i = 0; (warning = mmoe_dataset_warning(data, i)); i++)
        if (warning->subject && strcmp(warning->subject, column) == 0) return true;
    return false;
}

double cli_share(int64_t count, int64_t all) { return all ? 100 * (double)count / (double)all : 0; }

void cli_remark_columns(const char *file, const mmoe_dataset *data) {
    const mmoe_column_counts *c;
    cli_warn_of_data(file, data);
    for (size_t i = 0; (c = mmoe_dataset_column(data, i)); i++) {
        if ((!c->missing && !c->unknown) || has_warning(data, c->name)) continue;
        cli_note("%s: column \"%s\": %.2g %% of the values are unknown and %.2g %% missing",
                 mmoe_raw_bytes_name(file), c->name, cli_share(c->unknown, c->values),
                 cli_share(c->missing, c->values));
    }
}

/* ---- Lists ---- */

static int compare_lengths(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t length_of(const mmoe_lists *lists, int64_t index, int64_t padding) {
    int64_t length = 0;
    for (int64_t i = lists->offsets[index]; i < lists->offsets[index + 1]; i++)
        length += lists->ids[i] != padding;
    return length;
}

/* Sorts `lengths` [out->rows]. */
static void measure(int64_t *lengths, cli_lists *out) {
    int64_t sum = 0;
    qsort(lengths, (size_t)out->rows, sizeof *lengths, compare_lengths);
    for (int64_t r = 0; r < out->rows; r++) {
        sum += lengths[r];
        out->empty += lengths[r] == 0;
    }
    if (out->rows == 0) return;
    out->mean = (double)sum / (double)out->rows;
    out->median = lengths[(out->rows - 1) / 2];
    out->longest = lengths[out->rows - 1];
}

int cli_lists_of(const mmoe_model *model, const mmoe_dataset *data, int32_t column,
                 cli_lists *out) {
    mmoe_batch batch;
    const int64_t rows = mmoe_dataset_rows(data);
    *out = (cli_lists){.name = mmoe_model_sparse_name(model, column),
                       .counts = mmoe_dataset_column(data, (size_t)column),
                       .rows = rows};
    if (!mmoe_model_sparse_list(model, column, &out->format)) return 0;
    if (mmoe_dataset_batch(data, 0, (size_t)rows, &batch, NULL)) return 0; /* they are streamed */
    int64_t *lengths = malloc(((size_t)rows + 1) * sizeof *lengths);
    if (!lengths) {
        cli_fail_memory();
        return -1;
    }
    const int64_t first = column - (mmoe_model_sparse_count(model) - batch.lists.count);
    for (int64_t r = 0; r < rows; r++)
        lengths[r] =
            length_of(&batch.lists, r * batch.lists.count + first, out->format.padding_idx);
    measure(lengths, out);
    free(lengths);
    return 1;
}

int cli_print_lists(const mmoe_model *model, const mmoe_dataset *data) {
    cli_lists l;
    int found = 0, printed = 0;
    for (int32_t i = 0; found >= 0 && i < mmoe_model_sparse_count(model); i++) {
        found = cli_lists_of(model, data, i, &l);
        if (found != 1) continue;
        if (printed++ == 0)
            printf("%-24s%12s%9s%8s%9s%9s%8s%10s%10s\n", "lists", "elements", "mean", "median",
                   "longest", "% empty", "% cut", "% missing", "% unknown");
        char elements[MMOE_NUMBER_SIZE];
        mmoe_format_count(l.counts->values, elements);
        printf("  %-22s%12s%9.2f%8" PRId64 "%9" PRId64 "%9.1f%8.1f%10.1f%10.1f\n", l.name, elements,
               l.mean, l.median, l.longest, cli_share(l.empty, l.rows),
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
    for (int32_t i = 0; (c = mmoe_dataset_column(data, (size_t)i)); i++) {
        json_t *column =
            json_pack("{s:s, s:I, s:I, s:I}", "name", c->name, "missing", (json_int_t)c->missing,
                      "unknown", (json_int_t)c->unknown, "values", (json_int_t)c->values);
        const int found = cli_lists_of(model, data, i, &lists);
        if (found == 1) json_object_set_new(column, "lengths", lengths_json(&lists));
        json_array_append_new(array, column);
        if (found >= 0) continue;
        json_decref(array);
        return NULL;
    }
    return array;
}
