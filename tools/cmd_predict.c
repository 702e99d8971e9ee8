/* mmoe predict */
#include <stdlib.h>

#include "columns.h"
#include "files.h"

enum { CHUNK_ROWS = 8192 };

static void write_score_rows(FILE *stream, const float *scores, size_t rows, int32_t n_task) {
    for (size_t r = 0; r < rows; r++)
        for (int32_t t = 0; t < n_task; t++)
            fprintf(stream, "%.9g%c", (double)scores[r * (size_t)n_task + (size_t)t],
                    t + 1 < n_task ? ',' : '\n');
}

static int write_predictions(const cli_file *file, const mmoe_model *model,
                             const mmoe_dataset *data, mmoe_predictor *predictor, float *scores) {
    int32_t n_task = mmoe_model_task_count(model);
    for (int32_t t = 0; t < n_task; t++)
        fprintf(file->stream, "%s%c", mmoe_model_task_name(model, t), t + 1 < n_task ? ',' : '\n');
    int64_t rows = mmoe_dataset_rows(data);
    for (int64_t first = 0; first < rows; first += CHUNK_ROWS) {
        size_t n = (size_t)(rows - first < CHUNK_ROWS ? rows - first : CHUNK_ROWS);
        mmoe_batch batch;
        mmoe_error err;
        if (mmoe_dataset_batch(data, first, n, &batch, &err) ||
            mmoe_predictor_run(predictor, &batch, scores, &err))
            return cli_fail("%s", err.message);
        write_score_rows(file->stream, scores, n, n_task);
        if (cli_file_check(file)) return CLI_FAILED;
    }
    return CLI_OK;
}

static int predict_file(const mmoe_model *model, const mmoe_dataset *data, const char *output) {
    mmoe_predictor *predictor = NULL;
    mmoe_error err;
    if (mmoe_predictor_create(model, NULL, &predictor, &err)) return cli_fail("%s", err.message);
    float *scores = malloc(CHUNK_ROWS * (size_t)mmoe_model_task_count(model) * sizeof *scores);
    cli_file file = {0};
    int status = scores ? cli_file_open(&file, output) : cli_fail_memory();
    if (!status) status = write_predictions(&file, model, data, predictor, scores);
    if (!status) status = cli_file_keep(&file);
    cli_file_drop(&file);
    free(scores);
    mmoe_predictor_free(predictor);
    return status;
}

int cli_predict(int argc, char **argv) {
    const char *model_path = NULL, *data_path = NULL, *output = NULL;
    const cli_option options[] = {
        {"model", "FILE", CLI_INPUT, &model_path, true, 0, 0, "model file (.safetensors)"},
        {"data", "FILE", CLI_INPUT, &data_path, true, 0, 0,
         "rows to score (CSV); columns of labels and weights are not read"},
        {"output", "FILE", CLI_TEXT, &output, true, 0, 0,
         "the scores to write (CSV), whole or not at all; -: standard output"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "predict",
        "--model M.safetensors --data X.csv --output P.csv",
        "Writes a column a task under the tasks' names, and the rows in the order of the input: a "
        "probability for\n"
        "a classification, for others the expected label, with the nine digits that give a float "
        "back.",
        options,
        NULL,
        NULL,
        NULL};
    int status;
    if (!cli_parse(&command, argc, argv, &status)) return status;
    const cli_path paths[] = {
        {"--model", model_path, false}, {"--data", data_path, false}, {"--output", output, true}};
    status = cli_check_paths(paths, sizeof paths / sizeof *paths);
    if (status) return status;
    mmoe_model *model = NULL;
    mmoe_dataset *data = NULL;
    mmoe_error err;
    if (mmoe_model_load(model_path, NULL, &model, &err) ||
        mmoe_dataset_read_csv(mmoe_model_schema(model), data_path, MMOE_LABELS_IGNORED, NULL, &data,
                              &err))
        status = cli_fail("%s", err.message);
    if (!status) cli_remark_columns(data_path, data);
    if (!status) status = predict_file(model, data, output);
    mmoe_dataset_free(data);
    mmoe_model_free(model);
    return status;
}
