/* mmoe pack */
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "files.h"
#include "output.h"
#include "packing.h"
#include "progress.h"
#include "rows.h"
#include "warnings.h"

/* What is packed; a schema that is a model's is not ours. */
typedef struct packing {
    mmoe_model *model;
    mmoe_schema *schema;
    mmoe_dataset *rows;
    const char **keep; /* columns that are kept, NULL behind the last; the texts are not ours */
    size_t n_keep;
    mmoe_config *config; /* of --config */
    mmoe_dataset *like;  /* of a folder, without its rows */
    char *group;         /* the configuration's, if it has one */
} packing;

/* ---- Columns beside the rows ---- */

static bool is_kept(const packing *p, const char *name) {
    size_t i = 0;
    while (i < p->n_keep && strcmp(p->keep[i], name) != 0) i++;
    return i < p->n_keep;
}

static void keep(packing *p, const char *name) {
    if (name && !is_kept(p, name)) p->keep[p->n_keep++] = name;
}

/* A copy of data.group; NULL: there is none. */
static char *group_of(const mmoe_config *config) {
    json_t *json = config ? cli_config_json(config) : NULL;
    const char *group = json_string_value(json_object_get(json_object_get(json, "data"), "group"));
    char *copy = group ? strdup(group) : NULL;
    json_decref(json);
    return copy;
}

/* Those of the folder that is gone on with or taken for example, the groups of the configuration,
 * and what is asked for. */
static int choose_columns(const pack_flags *f, packing *p) {
    size_t likes = 0;
    while (p->like && mmoe_dataset_kept_column(p->like, likes)) likes++;
    p->keep = calloc(likes + f->keep.count + 2, sizeof *p->keep);
    if (!p->keep) return cli_fail_memory();
    for (size_t i = 0; i < likes; i++) keep(p, mmoe_dataset_kept_column(p->like, i));
    p->group = group_of(p->model ? mmoe_model_config(p->model) : p->config);
    keep(p, p->group);
    for (size_t i = 0; i < f->keep.count; i++) {
        if (f->append && !is_kept(p, f->keep.items[i]))
            return cli_fail("--keep: the rows of %s were packed without the column \"%s\"",
                            f->output, f->keep.items[i]);
        keep(p, f->keep.items[i]);
    }
    return CLI_OK;
}

/* ---- Packing ---- */

/* What the schema is learned by, or taken from. */
static mmoe_status read_example(const pack_flags *f, packing *p, mmoe_error *err) {
    if (!f->like) return mmoe_config_read(f->config, NULL, &p->config, err);
    if (!cli_is_folder(f->like)) return mmoe_model_load(f->like, NULL, &p->model, err);
    return mmoe_dataset_fit_packed(NULL, f->like, MMOE_PACKED_STREAMED, NULL, &p->schema, &p->like,
                                   err);
}

static const mmoe_schema *schema_of(const packing *p) {
    return p->model ? mmoe_model_schema(p->model) : p->schema;
}

/* What is packed to half is gone when the program ends, not left for the next one. */
static int stopped;

static void stop_packing(int number) {
    (void)number;
    __atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
}

static int pack_rows(const pack_flags *f, packing *p, int64_t *packed) {
    const cli_reading how = {
        .threads = (int)f->threads, .keep = p->keep, .skip_bad = f->skip_bad, .stop = &stopped};
    mmoe_csv_packing what = {.path = f->data.paths[0],
                             .folder = f->output,
                             .config = p->config,
                             .schema = f->append ? NULL : schema_of(p),
                             .reading = cli_read_options(&f->data, &how),
                             .grow = f->grow};
    const int64_t before = f->append ? mmoe_dataset_rows(p->like) : 0;
    mmoe_error err;
    what.reading.watcher = f->watcher;
    cli_stop_on_signals(stop_packing);
    const mmoe_status status = mmoe_pack_csv(&what, NULL, &p->rows, &err);
    cli_progress_clear();
    if (status == MMOE_E_CANCELLED)
        return cli_fail("stopped; %s %s", f->output,
                        f->append ? "has the rows that it had" : "is not written");
    if (status) return cli_fail("%s", err.message);
    if (f->like)
        cli_remark_columns(f->data.name, p->rows);
    else
        cli_warn_of_data(f->data.name, p->rows);
    *packed = mmoe_dataset_rows(p->rows) - before;
    return CLI_OK;
}

int cli_pack_rows(const pack_flags *f, int64_t *packed) {
    packing p = {0};
    mmoe_error err;
    int status = read_example(f, &p, &err) ? cli_fail("%s", err.message) : choose_columns(f, &p);
    if (!status) status = pack_rows(f, &p, packed);
    mmoe_dataset_free(p.rows);
    mmoe_dataset_free(p.like);
    mmoe_config_free(p.config);
    free(p.keep);
    free(p.group);
    mmoe_schema_free(p.schema);
    mmoe_model_free(p.model);
    return status;
}

static int pack(const pack_flags *f) {
    int64_t packed;
    const int status = cli_pack_rows(f, &packed);
    if (!status) printf("%lld rows packed\n", (long long)packed);
    return status;
}

/* The configuration or what the schema is taken from, and rows that are not packed yet. */
static int check(const pack_flags *f) {
    if (!f->config + !f->like + !f->append != 2)
        return cli_usage("one of --config, to learn a schema, --like, to take one, and --append");
    const char *folder = cli_rows_folder(&f->data);
    if (f->grow && !f->append) return cli_usage("--grow goes with --append");
    if (folder) return cli_usage("--data %s is a folder, not a file", folder);
    return cli_check_name("output", f->output);
}

int cli_pack(int argc, char **argv) {
    pack_flags f = {.threads = cli_processors(), .watcher = &cli_watcher};
    const cli_option options[] = {
        {"config", "FILE", CLI_INPUT, &f.config, false, 0, 0,
         "learn the features' vocabularies and transforms from the rows, by this configuration "
         "(JSON)"},
        {"like", "PATH", CLI_INPUT, &f.like, false, 0, 0,
         "use those of a packed folder or of a model, as validation and test rows need"},
        {"data", "FILE", CLI_ROWS, &f.data, true, 0, 0,
         "rows with labels (CSV; -: standard input)"},
        {"output", "FOLDER", CLI_TEXT, &f.output, true, 0, 0,
         "the folder; without --append it must be new or empty"},
        CLI_SKIP_BAD(&f.skip_bad),
        {"keep", "COLUMN", CLI_LIST, &f.keep, false, 0, 0,
         "keep a column beside the rows, for --group and --by of evaluate; that of data.group is "
         "always kept"},
        {"append", NULL, CLI_FLAG, &f.append, false, 0, 0,
         "add the rows behind those of the folder, with its vocabularies and transforms"},
        {"grow", NULL, CLI_FLAG, &f.grow, false, 0, 0,
         "with --append: add new values to the folder's vocabularies"},
        CLI_THREADS(&f.threads),
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "pack",
        "(--config C.json | --like PATH | --append) --data X.csv --output FOLDER [FLAGS]",
        "Encodes rows and writes them to a folder: a file for each column, which NumPy can open, "
        "and what was learned\nfrom the columns. train, evaluate, predict, inspect, report and "
        "sweep accept such a folder instead of a CSV\nfile, with the same results, bit for "
        "bit.\nWith trainer.memory, train does not load the rows but reads a window of 262,144 "
        "rows at a time.\nSIGINT, SIGTERM, SIGHUP and SIGXCPU stop the command, which then removes "
        "what it has written.",
        options,
        NULL,
        NULL,
        NULL};
    int status;
    cli_outlive_readers();
    const bool is_parsed = cli_parse(&command, argc, argv, &status);
    if (is_parsed) status = check(&f);
    if (f.append) f.like = f.output; /* its schema */
    if (is_parsed && !status) status = pack(&f);
    cli_list_free(&f.keep);
    cli_rows_free(&f.data);
    return status || !is_parsed ? status : cli_close_stdout();
}
