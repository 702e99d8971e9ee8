/* mmoe predict */
#include <math.h>
#include <stdlib.h>

#include "columns.h"
#include "files.h"
#include "warnings.h"

enum { CHUNK_ROWS = 8192 };

typedef struct score_writer {
    const mmoe_model *model;
    const char *data_path;
    const mmoe_dataset *data;
    float *scores;          /* [CHUNK_ROWS, tasks] */
    int64_t odd, first_odd; /* rows with a score that is not finite, and the first of them */
} score_writer;

/* A NaN's sign says nothing. */
static void write_score(FILE *stream, float score) {
    if (isnan(score))
        fputs("nan", stream);
    else
        fprintf(stream, "%.9g", (double)score);
}

/* Rows of the data from `first`. */
static void write_score_rows(score_writer *w, FILE *stream, int64_t first, size_t rows) {
    const int32_t n_task = mmoe_model_task_count(w->model);
    const float *score = w->scores;
    for (size_t r = 0; r < rows; r++) {
        bool finite = true;
        for (int32_t t = 0; t < n_task; t++, score++) {
            finite &= isfinite(*score) != 0;
            write_score(stream, *score);
            fputc(t + 1 < n_task ? ',' : '\n', stream);
        }
        if (!finite && w->odd++ == 0) w->first_odd = first + (int64_t)r + 2; /* behind the header */
    }
}

static int write_predictions(score_writer *w, const cli_file *file, mmoe_predictor *predictor) {
    const mmoe_model *model = w->model;
    const mmoe_dataset *data = w->data;
    int32_t n_task = mmoe_model_task_count(model);
    for (int32_t t = 0; t < n_task; t++)
        fprintf(file->stream, "%s%c", mmoe_model_task_name(model, t), t + 1 < n_task ? ',' : '\n');
    int64_t rows = mmoe_dataset_rows(data);
    for (int64_t first = 0; first < rows; first += CHUNK_ROWS) {
        size_t n = (size_t)(rows - first < CHUNK_ROWS ? rows - first : CHUNK_ROWS);
        mmoe_batch batch;
        mmoe_error err;
        if (mmoe_dataset_batch(data, first, n, &batch, &err) ||
            mmoe_predictor_run(predictor, &batch, w->scores, &err))
            return cli_fail("%s", err.message);
        write_score_rows(w, file->stream, first, n);
        if (cli_file_check(file)) return CLI_FAILED;
    }
    return CLI_OK;
}

static int predict_file(score_writer *w, const char *output) {
    mmoe_predictor *predictor = NULL;
    mmoe_error err;
    if (mmoe_predictor_create(w->model, NULL, &predictor, &err)) return cli_fail("%s", err.message);
    w->scores = malloc(CHUNK_ROWS * (size_t)mmoe_model_task_count(w->model) * sizeof *w->scores);
    cli_file file = {0};
    int status = w->scores ? cli_file_open(&file, output) : cli_fail_memory();
    if (!status) status = write_predictions(w, &file, predictor);
    if (!status) status = cli_file_keep(&file);
    if (!status && w->odd)
        cli_warn("%s: %lld of %lld rows have a score that is not finite, the first is row %lld",
                 w->data_path, (long long)w->odd, (long long)mmoe_dataset_rows(w->data),
                 (long long)w->first_odd);
    cli_file_drop(&file);
    free(w->scores);
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
    score_writer writer = {.model = model, .data_path = data_path, .data = data};
    if (!status) status = predict_file(&writer, output);
    mmoe_dataset_free(data);
    mmoe_model_free(model);
    return status;
}
