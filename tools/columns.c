#include "columns.h"

#include <string.h>

#include "warnings.h"

static bool has_warning(const mmoe_dataset *data, const char *column) {
    const mmoe_warning *warning;
    for (size_t i = 0; (warning = mmoe_dataset_warning(data, i)); i++)
        if (warning->subject && strcmp(warning->subject, column) == 0) return true;
    return false;
}

void cli_remark_columns(const char *file, const mmoe_dataset *data) {
    const mmoe_column_counts *column;
    const double all = (double)mmoe_dataset_rows(data) / 100;
    cli_warn_of_data(file, data);
    for (size_t i = 0; (column = mmoe_dataset_column(data, i)); i++) {
        if ((!column->missing && !column->unknown) || has_warning(data, column->name)) continue;
        cli_note("%s: column \"%s\": %.2g %% of the values are unknown and %.2g %% missing", file,
                 column->name, (double)column->unknown / all, (double)column->missing / all);
    }
}

json_t *cli_columns_json(const mmoe_dataset *data) {
    const mmoe_column_counts *column;
    json_t *array = json_array();
    for (size_t i = 0; (column = mmoe_dataset_column(data, i)); i++)
        json_array_append_new(array, json_pack("{s:s, s:I, s:I}", "name", column->name, "missing",
                                               (json_int_t)column->missing, "unknown",
                                               (json_int_t)column->unknown));
    return array;
}
