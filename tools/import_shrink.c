#include "import_shrink.h"

#include <stdio.h>

#include "base/text.h"
#include "columns.h"
#include "files.h"
#include "growth.h"
#include "progress.h"
#include "rows.h"

static int print_sizes(const cli_shrinking *s, const mmoe_model *before, const mmoe_model *after) {
    char sizes[2][MMOE_NUMBER_SIZE];
    cli_print_shrinkage(before, after);
    mmoe_format_count(cli_file_size(s->output), sizes[0]);
    mmoe_format_count(cli_file_size(s->model), sizes[1]);
    printf("%s bytes, the file that was shrunk has %s\n", sizes[0], sizes[1]);
    return cli_close_stdout();
}

/* What the rows' labels say plays no part. */
static int shrink(const cli_shrinking *s, const mmoe_model *model, mmoe_model **out) {
    const cli_reading how = {.labels = MMOE_LABELS_IGNORED,
                             .threads = (int)s->threads,
                             .streamed = cli_streams(mmoe_model_config(model)),
                             .skip_bad = s->skip_bad};
    mmoe_dataset *rows;
    mmoe_error err;
    if (cli_read_rows(mmoe_model_schema(model), &s->data, &how, &rows, &err))
        return cli_fail("%s", err.message);
    cli_remark_columns(s->data.name, rows);
    const mmoe_status status = mmoe_model_shrink(model, rows, s->least, NULL, out, &err);
    mmoe_dataset_free(rows);
    return status ? cli_fail("--shrink: %s", err.message) : CLI_OK;
}

int cli_shrink(const cli_shrinking *s) {
    const mmoe_model_load_options options = {.map_tables = 1};
    mmoe_model *model = NULL, *small = NULL;
    mmoe_error err;
    int status = CLI_OK;
    if (mmoe_model_load_with(s->model, &options, NULL, &model, &err))
        status = cli_fail("%s", err.message);
    if (!status) status = shrink(s, model, &small);
    if (!status) status = cli_put_meta(s->meta, small);
    if (!status) status = cli_write_model(small, s->output, mmoe_model_save);
    if (!status) status = print_sizes(s, model, small);
    mmoe_model_free(small);
    mmoe_model_free(model);
    return status;
}
