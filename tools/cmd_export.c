/* mmoe export */
#include <string.h>

#include "export_tables.h"
#include "files.h"

static const struct {
    const char *name;
    cli_model_writer write;
} formats[] = {{"safetensors", mmoe_model_export_weights}, {"onnx", mmoe_model_export_onnx}};
enum { N_FORMAT = sizeof formats / sizeof *formats };

static void print_formats(void) {
    puts("\nFormats:\n"
         "  safetensors  torch-rechub's state_dict alone, for "
         "model.load_state_dict(safetensors.torch.load_file(FILE))\n"
         "  onnx         operator set 14; inputs ids (int64 [B, sparse]: row numbers of the "
         "tables) and x (float [B, dense]:\n"
         "               values as they stand in the data, for the model's transforms are part of "
         "the graph; NaN where one\n"
         "               is missing; a vector's numbers side by side); of a sequence NAME.ids "
         "(int64 [B, longest]), NAME.mask\n"
         "               (bool: true of elements) and, if there are weights, NAME.weights "
         "(float); output\n"
         "               scores (float [B, tasks]); columns and tasks in the order of \"mmoe "
         "inspect\"\n"
         "\nTables, of a model file that mmoe alone reads, to score with, and that cannot be "
         "trained:\n"
         "  bf16         2 bytes a value: the upper half of each float, rounded to nearest\n"
         "  int8         1 byte a value and 4 a row: integers of -127 to 127, and a scale for each "
         "row (TABLE_scale) that they\n"
         "               are to be multiplied with");
}

typedef struct export_flags {
    const char *format;
    cli_table_export tables; /* has the model and the output of a format, too */
    int64_t threads;         /* 0: not given */
} export_flags;

static int check_flags(const export_flags *f) {
    const cli_table_export *e = &f->tables;
    if (!f->format && !e->type) return cli_usage("--format NAME is missing, or --tables TYPE");
    if (f->format && e->type)
        return cli_usage("--format and --tables exclude each other: tables are of a model file");
    if (!e->type && e->data.count)
        return cli_usage("--data: rows are compared with --tables alone");
    if (!e->type && e->json) return cli_usage("--json: results are those of --tables alone");
    if (!e->data.count && e->skip_bad) return cli_usage("--skip-bad goes with --data");
    if (!e->data.count && f->threads)
        return cli_usage("--threads: they evaluate the rows of --data");
    if (e->type && strcmp(e->type, "bf16") != 0 && strcmp(e->type, "int8") != 0)
        return cli_usage("--tables: \"%s\" is not bf16 or int8", e->type);
    const cli_path paths[] = {
        {"--model", e->model, false}, {"--data", .rows = &e->data}, {"--output", e->output, true}};
    const int status = cli_check_paths(paths, sizeof paths / sizeof *paths);
    return status ? status : cli_check_name("output", e->output);
}

static int export_format(const export_flags *f) {
    int chosen = 0, status = CLI_OK;
    while (chosen < N_FORMAT && strcmp(formats[chosen].name, f->format) != 0) chosen++;
    if (chosen == N_FORMAT)
        return cli_usage("--format: \"%s\" is not safetensors or onnx", f->format);
    mmoe_model *model = NULL;
    mmoe_error err;
    if (mmoe_model_load(f->tables.model, NULL, &model, &err)) status = cli_fail("%s", err.message);
    if (!status) status = cli_write_model(model, f->tables.output, formats[chosen].write);
    mmoe_model_free(model);
    return status;
}

int cli_export(int argc, char **argv) {
    export_flags f = {0};
    cli_table_export *e = &f.tables;
    const cli_option options[] = {
        {"model", "FILE", CLI_INPUT, &e->model, true, 0, 0, "model file (.safetensors)"},
        {"format", "NAME", CLI_TEXT, &f.format, false, 0, 0, "safetensors or onnx"},
        {"tables", "TYPE", CLI_TEXT, &e->type, false, 0, 0,
         "instead: a model file whose embedding tables are smaller, bf16 or int8"},
        {"output", "FILE", CLI_TEXT, &e->output, true, 0, 0,
         "the file to write, whole or not at all"},
        {"data", "FILE", CLI_ROWS, &e->data, false, 0, 0,
         "with --tables, rows with labels (CSV, or a packed folder) on which both models are "
         "evaluated"},
        {"threads", "N", CLI_INTEGER, &f.threads, false, 1, CLI_MAX_THREADS,
         "workers that evaluate; default: the processors"},
        CLI_SKIP_BAD(&e->skip_bad),
        {"json", NULL, CLI_FLAG, &e->json, false, 0, 0, "with --tables, print JSON"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "export",
        "--model M.safetensors --format safetensors|onnx | --tables bf16|int8 --output F [FLAGS]",
        "Writes a model for other programs: PyTorch (torch-rechub), or any ONNX runtime. Or, with "
        "--tables, a\nmodel file for serving whose embedding tables take half or a quarter of the "
        "memory.",
        options,
        NULL,
        NULL,
        print_formats};
    int status;
    if (!cli_parse(&command, argc, argv, &status)) return status;
    e->threads = f.threads ? (int)f.threads : cli_processors();
    status = check_flags(&f);
    if (!status) status = e->type ? cli_export_tables(e) : export_format(&f);
    cli_rows_free(&e->data);
    return status;
}
