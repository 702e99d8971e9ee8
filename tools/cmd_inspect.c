/* mmoe inspect */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/raw_bytes.h"
#include "base/text.h"
#include "base/words.h"
#include "columns.h"
#include "inspect_report.h"
#include "output.h"
#include "plain.h"
#include "progress.h"
#include "rows.h"
#include "warnings.h"

static json_t *tensors_json(const mmoe_model *model) {
    json_t *tensors = json_array();
    mmoe_tensor_info info;
    for (size_t i = 0; mmoe_model_tensor(model, i, &info) == 0; i++) {
        json_t *shape = json_array();
        for (int32_t d = 0; d < info.rank; d++)
            json_array_append_new(shape, json_integer(info.shape[d]));
        json_array_append_new(tensors, json_pack("{s:s, s:s, s:o, s:b}", "name", info.name, "dtype",
                                                 info.type, "shape", shape, "trainable",
                                                 info.trainable != 0));
    }
    return tensors;
}

static const char *const side_names[] = {MMOE_SIDES(MMOE_WORD)};

/* Adds the column that a feature reads where it is of another name. */
static json_t *with_column(json_t *json, const char *name, const char *column) {
    if (json && strcmp(name, column) != 0) json_object_set_new(json, "column", json_string(column));
    return json;
}

/* Adds the columns that a feature of several is made of. */
static json_t *with_columns(json_t *json, const mmoe_model *model, int32_t i) {
    const char *const *columns;
    const size_t count = mmoe_model_sparse_columns(model, i, &columns);
    json_t *array = count ? json_array() : NULL;
    for (size_t k = 0; k < count; k++) json_array_append_new(array, json_string(columns[k]));
    if (json && array) json_object_set_new(json, "columns", array);
    return json;
}

/* Adds how the column is a list. */
static void add_list(json_t *json, const mmoe_list_format *list) {
    const char separator[] = {list->separator, '\0'}, of_weight[] = {list->weight_separator, '\0'};
    json_t *format = json_pack("{s:s, s:s*, s:s*, s:s}", "pooling", list->pooling, "separator",
                               *separator ? separator : NULL, "weight_separator",
                               *of_weight ? of_weight : NULL, "truncate", list->truncate);
    if (list->brackets) json_object_set_new(format, "brackets", json_true());
    if (list->max_len) json_object_set_new(format, "max_len", json_integer(list->max_len));
    if (list->padding_idx >= 0)
        json_object_set_new(format, "padding_idx", json_integer(list->padding_idx));
    json_object_update_new(json, format);
}

static json_t *sparse_json(const mmoe_model *model, int32_t i) {
    const char *name = mmoe_model_sparse_name(model, i);
    const double *boundaries;
    const size_t count = mmoe_model_sparse_boundaries(model, i, &boundaries);
    json_t *json =
        json_pack("{s:s, s:I, s:i, s:s, s:s}", "name", name, "rows",
                  (json_int_t)mmoe_model_sparse_rows(model, i), "inputs",
                  (int)mmoe_model_sparse_width(model, i), "kind", mmoe_model_sparse_kind(model, i),
                  "side", side_names[mmoe_model_sparse_side(model, i)]);
    mmoe_list_format list;
    if (mmoe_model_sparse_list(model, i, &list)) add_list(json, &list);
    json_t *array = count ? json_array() : NULL;
    for (size_t k = 0; k < count; k++) json_array_append_new(array, json_real(boundaries[k]));
    if (json && array) json_object_set_new(json, "boundaries", array);
    return with_columns(with_column(json, name, mmoe_model_sparse_column(model, i)), model, i);
}

static json_t *columns_json(const mmoe_model *model) {
    json_t *sparse = json_array(), *sequence = json_array(), *dense = json_array();
    for (int32_t i = 0; i < mmoe_model_sparse_count(model); i++)
        json_array_append_new(mmoe_model_sparse_list(model, i, NULL) ? sequence : sparse,
                              sparse_json(model, i));
    for (int32_t i = 0; i < mmoe_model_dense_count(model); i++)
        json_array_append_new(
            dense, with_column(json_pack("{s:s, s:i, s:s}", "name", mmoe_model_dense_name(model, i),
                                         "inputs", (int)mmoe_model_dense_width(model, i), "side",
                                         side_names[mmoe_model_dense_side(model, i)]),
                               mmoe_model_dense_name(model, i), mmoe_model_dense_column(model, i)));
    return json_pack("{s:o, s:o, s:o}", "sparse", sparse, "sequence", sequence, "dense", dense);
}

static json_t *meta_json(const mmoe_model *model) {
    json_t *meta = json_object();
    const char *key, *value;
    for (size_t i = 0; (key = mmoe_model_meta_at(model, i, &value)) != NULL; i++)
        json_object_set_new(meta, key, json_string(value));
    return meta;
}

static json_t *inspect_json(const mmoe_model *model) {
    json_t *tasks = json_array();
    for (int32_t t = 0; t < mmoe_model_task_count(model); t++)
        json_array_append_new(
            tasks, json_pack("{s:s, s:s}", "name", mmoe_model_task_name(model, t), "type",
                             mmoe_task_type_name(mmoe_model_task_type(model, t))));
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "parameters",
                     (json_int_t)mmoe_model_parameter_count(model), "meta", meta_json(model),
                     "features", columns_json(model), "tasks", tasks, "tensors",
                     tensors_json(model), "config", cli_config_json(mmoe_model_config(model)));
}

/* What makes rows of a column's values, and where bins begin, as many as a line may show. */
static void print_kind(const mmoe_model *model, int32_t i) {
    enum { SHOWN = 8 };
    const double *boundaries;
    const size_t count = mmoe_model_sparse_boundaries(model, i, &boundaries);
    char number[MMOE_NUMBER_SIZE];
    printf("  %s", mmoe_model_sparse_kind(model, i));
    for (size_t k = 0; k < count && k < SHOWN; k++) {
        mmoe_format_double(boundaries[k], number);
        printf("%s%s", k ? ", " : " ", number);
    }
    if (count > SHOWN) printf(", and %zu more", count - SHOWN);
}

/* Ends a feature's line. */
static void print_place(const char *name, const char *column, int side) {
    if (strcmp(name, column) != 0) printf("  of column %s", cli_plain(column));
    puts(side == MMOE_SIDE_USER ? "  (the user's)" : "");
}

/* The columns of a feature of several: all, or the first and the last. */
static void print_columns(const mmoe_model *model, int32_t i) {
    enum { SHOWN = 4 };
    const char *const *columns;
    const size_t count = mmoe_model_sparse_columns(model, i, &columns);
    if (count) printf("  of columns");
    for (size_t k = 0; k < count && count <= SHOWN; k++)
        printf("%s %s", k ? "," : "", cli_plain(columns[k]));
    if (count > SHOWN)
        printf(" %s to %s, %zu", cli_plain(columns[0]), cli_plain(columns[count - 1]), count);
}

/* How the column is a list, if it is one. */
static void print_list(const mmoe_model *model, int32_t i) {
    mmoe_list_format list;
    if (!mmoe_model_sparse_list(model, i, &list)) return;
    printf("  %s", list.pooling);
    if (list.max_len) printf(" of the %s %" PRId32, list.truncate, list.max_len);
    if (list.separator) printf(", \"%c\"", list.separator);
    if (list.weight_separator) printf(" and \"%c\"", list.weight_separator);
    if (list.brackets) printf(" in brackets");
    if (list.padding_idx >= 0) printf(", padding %" PRId64, list.padding_idx);
    printf("  %" PRId32 " inputs", mmoe_model_sparse_width(model, i));
}

static void print_sparse(const mmoe_model *model, int32_t i) {
    const char *name = mmoe_model_sparse_name(model, i);
    printf("  %-32s %" PRId64, cli_plain(name), mmoe_model_sparse_rows(model, i));
    print_kind(model, i);
    print_list(model, i);
    print_columns(model, i);
    print_place(name, mmoe_model_sparse_column(model, i), mmoe_model_sparse_side(model, i));
}

/* The sparse columns that are lists, or the others. */
static void print_sparse_columns(const mmoe_model *model, bool lists, const char *title) {
    int printed = 0;
    for (int32_t i = 0; i < mmoe_model_sparse_count(model); i++) {
        if (mmoe_model_sparse_list(model, i, NULL) != lists) continue;
        if (printed++ == 0) puts(title);
        print_sparse(model, i);
    }
}

static void print_meta(const mmoe_model *model) {
    const char *key, *value;
    for (size_t i = 0; (key = mmoe_model_meta_at(model, i, &value)) != NULL; i++) {
        printf("%s  %-32s %s\n", i ? "" : "\nmetadata\n", cli_plain(key), cli_plain(value));
    }
}

static void print_model(const mmoe_model *model) {
    printf("parameters  %" PRId64 "\n\ntasks\n", mmoe_model_parameter_count(model));
    for (int32_t t = 0; t < mmoe_model_task_count(model); t++)
        printf("  %-32s %s\n", mmoe_model_task_name(model, t),
               mmoe_task_type_name(mmoe_model_task_type(model, t)));
    if (mmoe_model_score(model)) printf("\nfinal score\n  %s\n", mmoe_model_score(model));
    print_meta(model);
    print_sparse_columns(model, false,
                         "\nsparse columns, rows of their tables, what makes rows of values");
    print_sparse_columns(
        model, true,
        "\nlists, rows of their tables, what makes rows of elements, pooling, separators");
    if (mmoe_model_dense_count(model)) puts("\ndense columns");
    for (int32_t i = 0; i < mmoe_model_dense_count(model); i++) {
        const char *name = mmoe_model_dense_name(model, i);
        printf("  %s", cli_plain(name));
        if (mmoe_model_dense_width(model, i) > 1)
            printf("  %" PRId32 " inputs", mmoe_model_dense_width(model, i));
        print_place(name, mmoe_model_dense_column(model, i), mmoe_model_dense_side(model, i));
    }
    puts("\ntensors");
    mmoe_tensor_info info;
    for (size_t i = 0; mmoe_model_tensor(model, i, &info) == 0; i++) {
        char shape[64] = "scalar";
        if (info.rank == 1) snprintf(shape, sizeof shape, "%" PRId64, info.shape[0]);
        if (info.rank == 2)
            snprintf(shape, sizeof shape, "%" PRId64 " x %" PRId64, info.shape[0], info.shape[1]);
        printf("  %-48s %s  %s%s\n", cli_plain(info.name), info.type, shape,
               info.trainable ? "" : "  (not trained)");
    }
}

/* `data` and `inspection` may be NULL, both. */
static int print(const mmoe_model *model, const mmoe_dataset *data,
                 const mmoe_inspection *inspection, bool json) {
    if (json) {
        json_t *object = inspect_json(model);
        if (object && data) {
            json_object_set_new(object, "columns", cli_columns_json(model, data));
            json_object_set_new(object, "inspection", cli_inspection_json(inspection));
        }
        return cli_print_json(stdout, cli_with_warnings(object), true);
    }
    if (!data) {
        print_model(model);
        return CLI_OK;
    }
    const int status = cli_print_lists(model, data);
    if (!status) cli_print_inspection(inspection);
    return status;
}

static mmoe_status inspect_rows(const mmoe_model *model, const cli_rows *rows,
                                const cli_reading *how, mmoe_dataset **data,
                                mmoe_inspection **inspection, mmoe_error *err) {
    mmoe_status status = cli_read_rows(mmoe_model_schema(model), rows, how, data, err);
    if (!status && mmoe_dataset_rows(*data) == 0)
        status = mmoe_fail_at(err, MMOE_E_FORMAT, mmoe_raw_bytes_name(rows->name), 0, NULL,
                              "the file has a header but no rows");
    const mmoe_inspect_options looking = {how->threads, &cli_watcher};
    if (!status) status = mmoe_inspect_with(model, *data, &looking, NULL, inspection, err);
    cli_progress_clear();
    if (status) return status;
    cli_remark_columns(rows->name, *data);
    if (mmoe_model_member_count(model) > 1)
        cli_note("gates and experts are those of the first of %" PRId32 " members (model.members)",
                 mmoe_model_member_count(model));
    cli_warn_of_gates((*inspection)->gates, (*inspection)->n_gate, 0);
    return MMOE_OK;
}

static int inspect(const char *path, const cli_rows *rows, const cli_reading *how, bool json) {
    mmoe_model *model = NULL;
    mmoe_dataset *data = NULL;
    mmoe_inspection *inspection = NULL;
    mmoe_error err;
    mmoe_status s = mmoe_model_load(path, NULL, &model, &err);
    if (!s && rows->count) s = inspect_rows(model, rows, how, &data, &inspection, &err);
    const int status = s ? cli_fail("%s", err.message) : print(model, data, inspection, json);
    mmoe_inspection_free(inspection);
    mmoe_dataset_free(data);
    mmoe_model_free(model);
    return status;
}

int cli_inspect(int argc, char **argv) {
    const char *path = NULL;
    cli_rows rows = {0};
    bool json = false;
    int64_t threads = cli_processors(), skip_bad = 0;
    const cli_option options[] = {
        {"model", "FILE", CLI_INPUT, &path, true, 0, 0, "model file (.safetensors)"},
        {"data", "FILE", CLI_ROWS, &rows, false, 0, 0,
         "rows (CSV, or a packed folder; labels and weights are not read): what gates and experts "
         "do on them"},
        CLI_SKIP_BAD(&skip_bad),
        CLI_THREADS(&threads),
        {"json", NULL, CLI_FLAG, &json, false, 0, 0, "print JSON, the whole configuration with it"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "inspect",
        "--model M.safetensors [--data X.csv] [--json]",
        "Prints a model's tasks, metadata, columns, vocabulary sizes, tensors and number of "
        "parameters.\nWith --data it prints instead (with --json: in addition) what the model does "
        "on these rows: how long their\nlists are; for each gate, the mean weight of its experts, "
        "the share of rows in which each expert has the\nlargest weight, and the mean entropy; and "
        "for each expert (or bottom), the units that are 0 in every row, the\neffective rank of "
        "its outputs, and their similarity to those of others (linear CKA; 1: the same except "
        "for\nrotation and scale).\nAn expert counts as unused if no gate gives it a hundredth of "
        "an even share. Experts have collapsed if one has\nmore than 0.95 of a gate's mean weight, "
        "or if at least half of the experts that a gate mixes are unused by all\ngates.",
        options,
        NULL,
        NULL,
        NULL};
    int status;
    if (cli_parse(&command, argc, argv, &status)) {
        const cli_reading reading = {
            .labels = MMOE_LABELS_IGNORED, .threads = (int)threads, .skip_bad = skip_bad};
        status = inspect(path, &rows, &reading, json);
    }
    cli_rows_free(&rows);
    return status;
}
