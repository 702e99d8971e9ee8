/* mmoe predict */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/raw_bytes.h"
#include "columns.h"
#include "files.h"
#include "output.h"
#include "progress.h"
#include "rows.h"
#include "separators.h"
#include "warnings.h"

enum { CHUNK_ROWS = 8192 };

typedef struct score_writer {
    const mmoe_model *model;
    const mmoe_dataset *data;
    const cli_rows *from;
    const char *path;     /* of them, that is read again */
    const cli_list *keep; /* columns that are written beside the scores */
    size_t *kept;         /* [keep->count] where they stand in the file */
    mmoe_predictor *predictor;
    const cli_file *file;
    float *scores;          /* [CHUNK_ROWS, tasks] of the chunk that the next row is in */
    int64_t next;           /* row of the data */
    int64_t odd, first_odd; /* rows with a score that is not finite, and the first of them */
} score_writer;

/* ---- Scores ---- */

/* A NaN's sign says nothing. */
static void write_score(FILE *stream, float score) {
    if (isnan(score))
        fputs("nan", stream);
    else
        fprintf(stream, "%.9g", (double)score);
}

static void write_names(const score_writer *w) {
    const int32_t n_task = mmoe_model_task_count(w->model);
    for (int32_t t = 0; t < n_task; t++)
        fprintf(w->file->stream, "%s%c", mmoe_model_task_name(w->model, t),
                t + 1 < n_task ? ',' : '\n');
}

static mmoe_status predict_chunk(const score_writer *w, mmoe_error *err) {
    const int64_t left = mmoe_dataset_rows(w->data) - w->next;
    const mmoe_work work = {.what = "predicting",
                            .file = mmoe_raw_bytes_name(w->from->name),
                            .done = w->next,
                            .total = mmoe_dataset_rows(w->data),
                            .unit = "rows"};
    mmoe_batch batch;
    cli_progress(&work);
    const mmoe_status status = mmoe_dataset_batch(
        w->data, w->next, (size_t)(left < CHUNK_ROWS ? left : CHUNK_ROWS), &batch, err);
    return status ? status : mmoe_predictor_run(w->predictor, &batch, w->scores, err);
}

/* A row that lacks a value has no scores. */
static mmoe_status write_next(score_writer *w, mmoe_error *err) {
    const int32_t n_task = mmoe_model_task_count(w->model);
    const bool lacks = mmoe_dataset_lacks(w->data, w->next);
    const mmoe_status status = w->next % CHUNK_ROWS ? MMOE_OK : predict_chunk(w, err);
    const float *scores = w->scores + w->next % CHUNK_ROWS * n_task;
    bool finite = true;
    if (status) return status;
    for (int32_t t = 0; t < n_task; t++) {
        finite &= isfinite(scores[t]) != 0;
        write_score(w->file->stream, lacks ? NAN : scores[t]);
        fputc(t + 1 < n_task ? ',' : '\n', w->file->stream);
    }
    if (!finite && !lacks && w->odd++ == 0) w->first_odd = w->next;
    w->next++;
    return MMOE_OK;
}

/* ---- Columns of the input ---- */

static mmoe_status find_kept(score_writer *w, const mmoe_csv_field *fields, size_t n_fields,
                             size_t index, mmoe_error *err) {
    const char *name = w->keep->items[index];
    const size_t at = mmoe_csv_find(fields, n_fields, name);
    if (at == n_fields)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "--keep: %s has no column \"%.200s\"", w->path,
                         name);
    w->kept[index] = at;
    for (int32_t t = 0; t < mmoe_model_task_count(w->model); t++)
        if (strcmp(mmoe_model_task_name(w->model, t), name) == 0)
            return mmoe_fail(err, MMOE_E_ARGUMENT,
                             "--keep: \"%.200s\" is the name of a task, too, whose scores are "
                             "written under it",
                             name);
    for (size_t i = 0; i < index; i++)
        if (w->kept[i] == at)
            return mmoe_fail(err, MMOE_E_ARGUMENT, "--keep: \"%.200s\" is given twice", name);
    return MMOE_OK;
}

static mmoe_status on_header(void *user, const mmoe_csv_field *fields, size_t n_fields,
                             mmoe_error *err) {
    score_writer *w = user;
    for (size_t i = 0; i < w->keep->count; i++) {
        const mmoe_status status = find_kept(w, fields, n_fields, i, err);
        if (status) return status;
    }
    const bool is_first = w->path == w->from->paths[0];
    for (size_t i = 0; is_first && i < w->keep->count; i++) {
        cli_write_field(w->file->stream, w->keep->items[i]);
        fputc(',', w->file->stream);
    }
    if (is_first) write_names(w);
    return MMOE_OK;
}

static mmoe_status fail_changed(const score_writer *w, mmoe_error *err) {
    return mmoe_fail(err, MMOE_E_IO,
                     "--keep reads %s a second time, and it has other rows than the first time",
                     w->from->name);
}

/* The next row must be this one of the file. */
static mmoe_status check_place(const score_writer *w, int64_t row, mmoe_error *err) {
    const char *file;
    const bool is_same =
        mmoe_dataset_place(w->data, w->next, &file) == row && (!file || strcmp(file, w->path) == 0);
    return is_same ? MMOE_OK : fail_changed(w, err);
}

static mmoe_status on_row(void *user, int64_t row, const mmoe_csv_field *fields, mmoe_error *err) {
    score_writer *w = user;
    const mmoe_status status = check_place(w, row, err);
    if (status) return status;
    for (size_t i = 0; i < w->keep->count; i++) {
        cli_write_field(w->file->stream, fields[w->kept[i]].text);
        fputc(',', w->file->stream);
    }
    return write_next(w, err);
}

/* A row of other fields than the header has no scores, and none of the columns. */
static mmoe_status on_fault(void *user, const mmoe_error *fault, mmoe_error *err) {
    score_writer *w = user;
    mmoe_status status = check_place(w, fault->row, err);
    if (status) return status;
    for (size_t i = 0; i < w->keep->count; i++) fputc(',', w->file->stream);
    return write_next(w, err);
}

/* How the file is to be read, as the model's configuration has it. */
static mmoe_csv_handler reading_of(const json_t *config) {
    const json_t *data = json_object_get(config, "data");
    const char *quotes = json_string_value(json_object_get(data, "quotes")),
               *header = json_string_value(json_object_get(data, "header"));
    return (mmoe_csv_handler){
        .header = on_header,
        .row = on_row,
        .fault = on_fault,
        .lenient = quotes && strcmp(quotes, "lenient") == 0,
        .headless = header && strcmp(header, "none") == 0,
        .separator = cli_separator_of(json_string_value(json_object_get(data, "separator")))};
}

/* ---- The file ---- */

static mmoe_status write_rows(score_writer *w, mmoe_csv_handler reading, mmoe_error *err) {
    const int64_t rows = mmoe_dataset_rows(w->data);
    mmoe_status status = MMOE_OK;
    reading.user = w;
    for (size_t i = 0; w->keep->count && !status && i < w->from->count; i++) {
        w->path = w->from->paths[i];
        status = mmoe_csv_read(w->path, &reading, NULL, err);
    }
    if (w->keep->count) return !status && w->next < rows ? fail_changed(w, err) : status;
    write_names(w);
    while (!status && w->next < rows) status = write_next(w, err);
    return status;
}

/* Which of several files the scores are of. */
static void tell_of_files(const score_writer *w) {
    const int64_t rows = mmoe_dataset_rows(w->data);
    for (int64_t first = 0, last; first < rows; first = last + 1) {
        const char *file, *other;
        mmoe_dataset_place(w->data, first, &file);
        last = first;
        for (int64_t high = rows - 1; last < high;) {
            const int64_t middle = high - (high - last) / 2;
            mmoe_dataset_place(w->data, middle, &other);
            if (other == file)
                last = middle;
            else
                high = middle - 1;
        }
        if (file)
            cli_note("scores %lld to %lld are of the rows of %s", (long long)first + 1,
                     (long long)last + 1, file);
    }
}

static void tell_of_rows(const score_writer *w) {
    const char *file;
    const long long row = mmoe_dataset_place(w->data, w->first_odd, &file);
    if (w->odd)
        cli_warn("%s: %lld of %lld rows have a score that is not finite, the first is row %lld%s%s",
                 mmoe_raw_bytes_name(w->from->name), (long long)w->odd,
                 (long long)mmoe_dataset_rows(w->data), row, file ? " of " : "", file ? file : "");
    if (w->from->count > 1) tell_of_files(w);
}

static int predict_file(score_writer *w, const char *output) {
    cli_file file = {0};
    mmoe_error err;
    json_t *config = cli_config_json(mmoe_model_config(w->model));
    const mmoe_csv_handler reading = reading_of(config);
    const size_t n_task = (size_t)mmoe_model_task_count(w->model);
    json_decref(config);
    if (!config) return cli_fail_memory();
    if (mmoe_predictor_create(w->model, NULL, &w->predictor, &err))
        return cli_fail("%s", err.message);
    w->file = &file;
    w->scores = malloc(CHUNK_ROWS * n_task * sizeof *w->scores);
    w->kept = calloc(w->keep->count + 1, sizeof *w->kept);
    int status = w->scores && w->kept ? cli_file_open(&file, output) : cli_fail_memory();
    if (!status && write_rows(w, reading, &err)) status = cli_fail("%s", err.message);
    cli_progress_clear();
    if (!status) status = cli_file_keep(&file);
    if (!status) tell_of_rows(w);
    cli_file_drop(&file);
    free(w->scores);
    free(w->kept);
    mmoe_predictor_free(w->predictor);
    return status;
}

typedef struct predict_flags {
    const char *model, *output;
    cli_rows data;
    cli_list keep;
    int64_t skip_bad;
} predict_flags;

static int predict(const predict_flags *f) {
    const cli_rows *from = &f->data;
    mmoe_model *model = NULL;
    mmoe_dataset *data = NULL;
    mmoe_error err;
    int status = CLI_OK;
    const cli_reading how = {.labels = MMOE_ROWS_TO_SCORE, .skip_bad = f->skip_bad};
    const char *folder = cli_rows_folder(from);
    if (f->keep.count && folder)
        return cli_usage("--keep reads columns of a CSV file; %s is a folder", folder);
    const mmoe_model_load_options mapped = {.map_tables = 1, .late_pages = 1};
    if (mmoe_model_load_with(f->model, &mapped, NULL, &model, &err) ||
        cli_read_rows(mmoe_model_schema(model), from, &how, &data, &err))
        status = cli_fail("%s", err.message);
    if (!status) cli_remark_columns(from->name, data);
    score_writer writer = {.model = model, .data = data, .from = from, .keep = &f->keep};
    if (!status) status = predict_file(&writer, f->output);
    mmoe_dataset_free(data);
    mmoe_model_free(model);
    return status;
}

int cli_predict(int argc, char **argv) {
    predict_flags f = {0};
    const cli_option options[] = {
        {"model", "FILE", CLI_INPUT, &f.model, true, 0, 0, "model file (.safetensors)"},
        {"data", "FILE", CLI_ROWS, &f.data, true, 0, 0,
         "rows to score (CSV, or a packed folder; -: standard input); labels and weights are not "
         "needed"},
        {"output", "FILE", CLI_TEXT, &f.output, true, 0, 0,
         "the scores to write (CSV), whole or not at all; -: standard output"},
        {"keep", "COLUMN", CLI_LIST, &f.keep, false, 0, 0,
         "write this column of the rows before the scores, for example a key"},
        {"skip-bad", "N", CLI_INTEGER, &f.skip_bad, false, 1, 1e9,
         "up to N rows with errors get nan for scores instead of ending the command, and a warning "
         "counts them; default: none"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "predict",
        "--model M.safetensors --data X.csv --output P.csv [FLAGS]",
        "Writes a column for each task, with the rows in the order of the input: a probability for "
        "a classification,\nthe expected label for other tasks, with nine digits, which determine "
        "a float.\nIf a cell is empty and its feature must have a value, the scores of the row are "
        "nan; a warning counts such\nrows and names the first, and the exit status is 0. A cell "
        "that should be a number and is not, and a row with\nanother number of fields than the "
        "header, are errors (exit status 1). With --skip-bad such rows get nan, too,\nand their "
        "columns of --keep are empty.",
        options,
        NULL,
        NULL,
        NULL};
    int status;
    if (cli_parse(&command, argc, argv, &status)) {
        const cli_path paths[] = {
            {"--model", f.model, false}, {"--data", .rows = &f.data}, {"--output", f.output, true}};
        status = cli_check_paths(paths, sizeof paths / sizeof *paths);
        const char *stream = f.keep.count ? cli_rows_stream(&f.data) : NULL;
        if (!status && stream)
            status = cli_usage("--keep reads --data a second time, and %s is read once",
                               mmoe_raw_bytes_name(stream));
        if (!status) status = predict(&f);
    }
    cli_list_free(&f.keep);
    cli_rows_free(&f.data);
    return status;
}
