/* mmoe pack */
#include <string.h>

#include "columns.h"
#include "files.h"
#include "rows.h"
#include "warnings.h"

typedef struct pack_flags {
    const char *config, *like, *data, *output;
    int64_t threads;
    bool append;
} pack_flags;

/* What is packed; a schema that is a model's is not ours. */
typedef struct packing {
    mmoe_model *model;
    mmoe_schema *schema;
    mmoe_dataset *rows;
} packing;

static mmoe_status read_like(const pack_flags *f, packing *p, mmoe_error *err) {
    const cli_reading folder = {.streamed = true};
    mmoe_dataset *packed = NULL;
    if (!cli_is_folder(f->like)) return mmoe_model_load(f->like, NULL, &p->model, err);
    const mmoe_status status = cli_fit_rows(NULL, f->like, &folder, &p->schema, &packed, err);
    mmoe_dataset_free(packed);
    return status;
}

static mmoe_status fit(const pack_flags *f, packing *p, const cli_reading *how, mmoe_error *err) {
    mmoe_config *config;
    mmoe_status status = mmoe_config_read(f->config, NULL, &config, err);
    if (status) return status;
    status = cli_fit_rows(config, f->data, how, &p->schema, &p->rows, err);
    mmoe_config_free(config);
    return status;
}

static int pack(const pack_flags *f, packing *p) {
    const cli_reading how = {.threads = (int)f->threads};
    mmoe_error err;
    mmoe_status status = f->like ? read_like(f, p, &err) : fit(f, p, &how, &err);
    const mmoe_schema *schema = p->model ? mmoe_model_schema(p->model) : p->schema;
    if (!status && f->like) status = cli_read_rows(schema, f->data, &how, &p->rows, &err);
    if (status) return cli_fail("%s", err.message);
    if (f->like)
        cli_remark_columns(f->data, p->rows);
    else
        cli_warn_of_data(f->data, p->rows);
    const int threads = (int)f->threads;
    status = f->append ? mmoe_dataset_append(p->rows, f->output, threads, NULL, &err)
                       : mmoe_dataset_pack(p->rows, schema, f->output, threads, NULL, &err);
    if (status) return cli_fail("%s", err.message);
    printf("%lld rows packed\n", (long long)mmoe_dataset_rows(p->rows));
    return CLI_OK;
}

/* The configuration or what the schema is taken from, and rows that are not packed yet. */
static int check(const pack_flags *f) {
    if (!f->config + !f->like + !f->append != 2)
        return cli_usage("one of --config, to learn a schema, --like, to take one, and --append");
    if (cli_is_folder(f->data)) return cli_usage("--data %s is a folder, not a file", f->data);
    return cli_check_name("output", f->output);
}

int cli_pack(int argc, char **argv) {
    pack_flags f = {.threads = cli_processors()};
    const cli_option options[] = {
        {"config", "FILE", CLI_INPUT, &f.config, false, 0, 0,
         "learns the features' vocabularies and transforms from the rows"},
        {"like", "PATH", CLI_INPUT, &f.like, false, 0, 0,
         "takes those of a packed folder, or of a model, as validation and test rows must"},
        {"data", "FILE", CLI_ROWS, &f.data, true, 0, 0,
         "rows with labels (CSV; -: standard input)"},
        {"output", "FOLDER", CLI_TEXT, &f.output, true, 0, 0,
         "a folder, new or empty without --append"},
        {"append", NULL, CLI_FLAG, &f.append, false, 0, 0,
         "adds the rows behind those of the folder, by what these have learned"},
        {"threads", "N", CLI_INTEGER, &f.threads, false, 1, CLI_MAX_THREADS,
         "workers; default: the processors"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "pack",
        "(--config C.json | --like PATH | --append) --data X.csv --output FOLDER [--threads N]",
        "Encodes rows and writes them to a folder, a file a column that NumPy opens, with what "
        "their columns have learned.\n"
        "train, evaluate, predict, inspect, report and sweep take such a folder in place of a CSV "
        "file, with the same results to the bit.\n"
        "With trainer.memory train leaves the rows there and reads a window of 262,144 after "
        "another.",
        options,
        NULL,
        NULL,
        NULL};
    int status;
    if (!cli_parse(&command, argc, argv, &status)) return status;
    packing p = {0};
    status = check(&f);
    if (f.append) f.like = f.output; /* its schema */
    if (!status) status = pack(&f, &p);
    mmoe_dataset_free(p.rows);
    mmoe_schema_free(p.schema);
    mmoe_model_free(p.model);
    return status ? status : cli_close_stdout();
}
