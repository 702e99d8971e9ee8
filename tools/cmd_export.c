/* mmoe export */
#include <string.h>

#include "files.h"

static const struct {
    const char *name;
    mmoe_status (*write)(const mmoe_model *model, const char *path, mmoe_error *err);
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
         "inspect\"");
}

int cli_export(int argc, char **argv) {
    const char *model_path = NULL, *format = NULL, *output = NULL;
    const cli_option options[] = {
        {"model", "FILE", CLI_INPUT, &model_path, true, 0, 0, "model file (.safetensors)"},
        {"format", "NAME", CLI_TEXT, &format, true, 0, 0, "safetensors or onnx"},
        {"output", "FILE", CLI_TEXT, &output, true, 0, 0, "the file to write, whole or not at all"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "export",
        "--model M.safetensors --format safetensors|onnx --output F",
        "Writes a model for others to read: PyTorch (torch-rechub), or any runtime of ONNX.",
        options,
        NULL,
        NULL,
        print_formats};
    int status;
    if (!cli_parse(&command, argc, argv, &status)) return status;
    int chosen = 0;
    while (chosen < N_FORMAT && strcmp(formats[chosen].name, format) != 0) chosen++;
    if (chosen == N_FORMAT) return cli_usage("--format: \"%s\" is not safetensors or onnx", format);
    const cli_path paths[] = {{"--model", model_path, false}, {"--output", output, true}};
    status = cli_check_paths(paths, sizeof paths / sizeof *paths);
    if (!status) status = cli_check_name("output", output);
    if (status) return status;
    mmoe_model *model = NULL;
    mmoe_error err;
    if (mmoe_model_load(model_path, NULL, &model, &err) ||
        formats[chosen].write(model, output, &err))
        status = cli_fail("%s", err.message);
    mmoe_model_free(model);
    return status;
}
