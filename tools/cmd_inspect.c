/* mmoe inspect */
#include <inttypes.h>
#include <string.h>

#include "output.h"

static json_t *tensors_json(const mmoe_model *model) {
    json_t *tensors = json_array();
    mmoe_tensor_info info;
    for (size_t i = 0; mmoe_model_tensor(model, i, &info) == 0; i++) {
        json_t *shape = json_array();
        for (int32_t d = 0; d < info.rank; d++) json_array_append_new(shape, json_integer(info.shape[d]));
        json_array_append_new(tensors, json_pack("{s:s, s:s, s:o, s:b}", "name", info.name, "dtype", info.is_integer ? "I64" : "F32", "shape", shape,
                                                 "trainable", info.trainable != 0));
    }
    return tensors;
}

static const char *side_name(int side) { return side == MMOE_SIDE_USER ? "user" : "item"; }

static json_t *columns_json(const mmoe_model *model) {
    json_t *sparse = json_array(), *dense = json_array();
    for (int32_t i = 0; i < mmoe_model_sparse_count(model); i++)
        json_array_append_new(sparse, json_pack("{s:s, s:I, s:s}", "name", mmoe_model_sparse_name(model, i), "rows",
                                                (json_int_t)mmoe_model_sparse_rows(model, i), "side", side_name(mmoe_model_sparse_side(model, i))));
    for (int32_t i = 0; i < mmoe_model_dense_count(model); i++)
        json_array_append_new(dense, json_pack("{s:s, s:s}", "name", mmoe_model_dense_name(model, i), "side", side_name(mmoe_model_dense_side(model, i))));
    return json_pack("{s:o, s:o}", "sparse", sparse, "dense", dense);
}

static json_t *inspect_json(const mmoe_model *model) {
    json_t *tasks = json_array();
    for (int32_t t = 0; t < mmoe_model_task_count(model); t++)
        json_array_append_new(tasks,
                              json_pack("{s:s, s:s}", "name", mmoe_model_task_name(model, t), "type", cli_task_type_name(mmoe_model_task_type(model, t))));
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "parameters", (json_int_t)mmoe_model_parameter_count(model), "features", columns_json(model), "tasks", tasks,
                     "tensors", tensors_json(model), "config", cli_config_json(mmoe_model_config(model)));
}

static const char *of_user(int side) { return side == MMOE_SIDE_USER ? "  (the user's)" : ""; }

static void print_model(const mmoe_model *model) {
    printf("parameters  %" PRId64 "\n\ntasks\n", mmoe_model_parameter_count(model));
    for (int32_t t = 0; t < mmoe_model_task_count(model); t++)
        printf("  %-32s %s\n", mmoe_model_task_name(model, t), cli_task_type_name(mmoe_model_task_type(model, t)));
    if (mmoe_model_score(model)) printf("\nfinal score\n  %s\n", mmoe_model_score(model));
    if (mmoe_model_sparse_count(model)) puts("\nsparse columns, rows of their tables");
    for (int32_t i = 0; i < mmoe_model_sparse_count(model); i++)
        printf("  %-32s %" PRId64 "%s\n", mmoe_model_sparse_name(model, i), mmoe_model_sparse_rows(model, i), of_user(mmoe_model_sparse_side(model, i)));
    if (mmoe_model_dense_count(model)) puts("\ndense columns");
    for (int32_t i = 0; i < mmoe_model_dense_count(model); i++) printf("  %s%s\n", mmoe_model_dense_name(model, i), of_user(mmoe_model_dense_side(model, i)));
    puts("\ntensors");
    mmoe_tensor_info info;
    for (size_t i = 0; mmoe_model_tensor(model, i, &info) == 0; i++) {
        char shape[64] = "scalar";
        if (info.rank == 1) snprintf(shape, sizeof shape, "%" PRId64, info.shape[0]);
        if (info.rank == 2) snprintf(shape, sizeof shape, "%" PRId64 " x %" PRId64, info.shape[0], info.shape[1]);
        printf("  %-48s %s  %s%s\n", info.name, info.is_integer ? "I64" : "F32", shape, info.trainable ? "" : "  (not trained)");
    }
}

int cli_inspect(int argc, char **argv) {
    const char *path = NULL;
    bool json = false;
    const cli_option options[] = {{"model", "FILE", CLI_TEXT, &path, true, 0, 0, "model file (.safetensors)"},
                                  {"json", NULL, CLI_FLAG, &json, false, 0, 0, "print JSON, the whole configuration with it"},
                                  {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {"inspect",
                                 "--model M.safetensors [--json]",
                                 "Prints a model's tasks, columns, vocabulary sizes, tensors and number of parameters.",
                                 options,
                                 NULL,
                                 NULL,
                                 NULL};
    int status;
    if (!cli_parse(&command, argc, argv, &status)) return status;
    mmoe_model *model = NULL;
    mmoe_error err;
    if (mmoe_model_load(path, NULL, &model, &err)) return cli_fail("%s", err.message);
    if (json)
        status = cli_print_json(stdout, inspect_json(model), true);
    else
        print_model(model);
    mmoe_model_free(model);
    return status;
}
