/* mmoe train */
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "files.h"
#include "growth.h"
#include "meta.h"
#include "output.h"
#include "profile_report.h"
#include "progress.h"
#include "ranks.h"
#include "rows.h"
#include "run_config.h"
#include "run_report.h"
#include "task_types.h"
#include "warnings.h"

typedef struct train_flags {
    const char *config, *output, *from, *checkpoint, *resume, *log, *profile;
    cli_rows train, valid, test;
    int64_t skip_bad;
    int64_t threads;
    cli_list set;
    cli_meta meta;
    bool json, grow, allow_unlike;
} train_flags;

/* Everything that a run owns; released in one place. */
typedef struct train_run {
    mmoe_config *config;
    mmoe_model *from;
    mmoe_schema *schema; /* NULL with `from`, whose schema is used, unless it grows */
    mmoe_dataset *train, *valid, *test;
    mmoe_model *model;
    mmoe_model *saved; /* of several ranks, the first's: the whole; NULL: `model` is */
    mmoe_trainer *trainer;
    run_report report;
    profile_report profile;
} train_run;

static volatile sig_atomic_t stopped;
static mmoe_trainer *volatile running;

static void stop_training(int number) {
    (void)number;
    stopped = 1;
    if (running) mmoe_trainer_stop(running);
}

static void print_keys(void) {
    puts("\nKeys of the configuration and of --set (\"[]\" is an entry: tasks.0.loss_weight):");
    const mmoe_config_key *key;
    for (size_t i = 0; (key = mmoe_config_key_at(i)) != NULL; i++)
        printf("  %s\n      %s, %s%s%s. %s\n", key->path, key->type, key->allowed,
               key->default_value ? "; default " : "", key->default_value ? key->default_value : "",
               key->help);
}

/* True: train. Otherwise leave with *status. */
static bool parse_flags(int argc, char **argv, train_flags *f, int *status) {
    const cli_option options[] = {
        {"config", "FILE", CLI_INPUT, &f->config, true, 0, 0, "configuration (JSON)"},
        {"train", "FILE", CLI_ROWS, &f->train, true, 0, 0,
         "training rows (CSV, or a packed folder; -: standard input)"},
        {"output", "FILE", CLI_TEXT, &f->output, true, 0, 0,
         "the model to write (.safetensors), whole or not at all"},
        {"valid", "FILE", CLI_ROWS, &f->valid, false, 0, 0,
         "validation rows, for early stopping and to keep the best epoch's weights"},
        {"test", "FILE", CLI_ROWS, &f->test, false, 0, 0,
         "test rows: their metrics are printed at the end"},
        CLI_SKIP_BAD(&f->skip_bad),
        {"set", "KEY=VALUE", CLI_LIST, &f->set, false, 0, 0, "change a key of the configuration"},
        CLI_META(&f->meta),
        {"from", "FILE", CLI_INPUT, &f->from, false, 0, 0,
         "start from this model's weights, vocabularies and transforms"},
        {"grow", NULL, CLI_FLAG, &f->grow, false, 0, 0,
         "with --from: add values that its vocabularies lack, with new random rows"},
        {"checkpoint", "FILE", CLI_TEXT, &f->checkpoint, false, 0, 0,
         "write the run's state here, after each epoch and when stopped"},
        {"resume", "FILE", CLI_INPUT, &f->resume, false, 0, 0,
         "continue from this checkpoint, and write to it unless there is --checkpoint"},
        CLI_THREADS(&f->threads),
        {"log", "FILE", CLI_TEXT, &f->log, false, 0, 0,
         "write JSON lines: the run, each epoch, the result, and with --profile the nodes"},
        {"profile", "FILE", CLI_TEXT, &f->profile, false, 0, 0,
         "write a trace of the steps for Perfetto, and print a table of the nodes"},
        {"json", NULL, CLI_FLAG, &f->json, false, 0, 0, "print the final metrics as JSON"},
        {"allow-unlike", NULL, CLI_FLAG, &f->allow_unlike, false, 0, 0,
         "with mmoe-mpi: allow ranks on processors that round differently; the model then differs "
         "in its last bits from that of one process"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "train",
        "--config C.json --train A.csv [--valid B.csv] [--test T.csv] --output M.safetensors "
        "[FLAGS]",
        "Trains a model and prints the metrics of the test rows (without --test: of the validation "
        "rows).\nThe same seed, data and machine give the same model, whatever the number of "
        "threads.\nSIGINT, SIGTERM, SIGHUP and SIGXCPU (a limit of processor time) stop the run; "
        "with --checkpoint it can be\ncontinued with the same bits.\nTo continue a run that began "
        "with --from, give --from again; the weights come from the checkpoint.\nA warning tells if "
        "experts collapse; mmoe inspect --help explains that.",
        options,
        NULL,
        NULL,
        print_keys};
    if (!cli_parse(&command, argc, argv, status)) return false;
    if (f->grow && !f->from) {
        *status = cli_usage("--grow goes with --from: it is that model's vocabularies that grow");
        return false;
    }
    *status = cli_check_meta(&f->meta);
    if (*status) return false;
    if (f->resume && !f->checkpoint) f->checkpoint = f->resume;
    const cli_path paths[] = {
        {"--config", f->config, false},        {"--train", .rows = &f->train},
        {"--valid", .rows = &f->valid},        {"--test", .rows = &f->test},
        {"--output", f->output, true},         {"--log", f->log, true},
        {"--checkpoint", f->checkpoint, true}, {"--profile", f->profile, true}};
    *status = cli_check_paths(paths, sizeof paths / sizeof *paths);
    return *status == CLI_OK;
}

static bool have_same_columns(const json_t *a, const json_t *b) {
    if (!json_equal(json_object_get(a, "features"), json_object_get(b, "features"))) return false;
    const json_t *x = json_object_get(a, "tasks"), *y = json_object_get(b, "tasks");
    if (json_array_size(x) != json_array_size(y)) return false;
    const char *const keys[] = {"name", "label", "type", "positive", "label_transform"};
    for (size_t t = 0; t < json_array_size(x); t++)
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            const json_t *mine = json_object_get(json_array_get(x, t), keys[k]),
                         *other = json_object_get(json_array_get(y, t), keys[k]);
            if ((mine || other) && !json_equal(mine, other)) return false;
        }
    return true;
}

/* Rows of a table mean nothing without the vocabulary that they were trained with, so --from brings
 * its whole schema. Its tables become the new model's, and need not stand in memory beside it. */
static int read_from(const train_flags *f, train_run *run) {
    mmoe_error err;
    const mmoe_model_load_options options = {.map_tables = 1, .late_pages = 1};
    if (mmoe_model_load_with(f->from, &options, NULL, &run->from, &err))
        return cli_fail("--from: %s", err.message);
    json_t *wanted = cli_config_json(run->config),
           *given = cli_config_json(mmoe_model_config(run->from));
    int status = CLI_OK;
    if (!wanted || !given)
        status = cli_fail_memory();
    else if (!have_same_columns(wanted, given))
        status =
            cli_fail("--from: the features or tasks of %s are not those of %s", f->from, f->config);
    json_decref(wanted);
    json_decref(given);
    return status;
}

/* Rows by a schema that stands. */
static int read_rows_of(const mmoe_schema *schema, const cli_rows *from, const cli_reading *how,
                        mmoe_dataset **out) {
    mmoe_error err;
    if (cli_read_rows(schema, from, how, out, &err)) return cli_fail("%s", err.message);
    cli_remark_columns(from->name, *out);
    return CLI_OK;
}

static const mmoe_schema *schema_of(const train_run *run) {
    return run->schema ? run->schema : mmoe_model_schema(run->from);
}

/* Rows that are judged. */
static int read_judged(const train_run *run, const cli_rows *from, const cli_reading *how,
                       mmoe_dataset **out) {
    char *groups = cli_groups_of(run->config);
    cli_keeping keeping = {.count = 0};
    mmoe_error err;
    cli_keep(&keeping, groups, "data.group");
    const mmoe_status status = cli_read_judged(schema_of(run), from, how, &keeping, out, &err);
    free(groups);
    if (status) return cli_fail("%s", err.message);
    cli_remark_columns(from->name, *out);
    return CLI_OK;
}

static int read_growing(const train_flags *f, train_run *run, const cli_reading *how) {
    mmoe_error err;
    if (cli_grow_rows(mmoe_model_schema(run->from), &f->train, how, &run->schema, &run->train,
                      &err))
        return cli_fail("%s", err.message);
    cli_remark_columns(f->train.name, run->train);
    return CLI_OK;
}

/* The training rows, and the schema that they give unless --from has one. */
static int read_training(const train_flags *f, train_run *run, const cli_reading *how) {
    mmoe_error err;
    if (f->grow) return read_growing(f, run, how);
    if (run->from) return read_rows_of(schema_of(run), &f->train, how, &run->train);
    if (cli_fit_rows(run->config, &f->train, how, &run->schema, &run->train, &err))
        return cli_fail("%s", err.message);
    cli_warn_of_data(f->train.name, run->train);
    return CLI_OK;
}

/* The model before its first step. */
static int make_model(const train_flags *f, train_run *run) {
    const struct mmoe_comm *ranks = f->from ? NULL : cli_ranks(); /* weights of a file are whole */
    mmoe_error err;
    if (mmoe_estimate_check_among(run->config, schema_of(run), ranks, (int)f->threads, &err))
        return cli_fail("%s", err.message);
    if (f->grow) {
        if (mmoe_model_grow(run->from, run->config, run->schema, NULL, &run->model, &err))
            return cli_fail("--grow: %s", err.message);
        cli_say_growth(run->from, run->model);
        mmoe_model_free(run->from); /* all of it has been copied, its vocabularies, too */
        run->from = NULL;
    } else {
        if (mmoe_model_create_among(run->config, schema_of(run), ranks, NULL, &run->model, &err))
            return cli_fail("%s", err.message);
        if (f->from && mmoe_model_load_weights(run->model, f->from, &err))
            return cli_fail("--from: %s", err.message);
    }
    cli_warn_of_weights(f->from ? f->from : f->config, run->model);
    const int64_t bytes = mmoe_model_parameter_count(run->model) * (int64_t)sizeof(float);
    if (cli_ranks()->rank == 0) {
        cli_warn_of_room("output", f->output, bytes);
        cli_warn_of_room("checkpoint", f->checkpoint, bytes);
    }
    return CLI_OK;
}

static int read_run_data(const train_flags *f, train_run *run) {
    const cli_reading how = {
        .threads = (int)f->threads, .streamed = cli_streams(run->config), .skip_bad = f->skip_bad};
    cli_reading of_lanes = how; /* a rank's rows of a folder are a part of it, and stay there */
    of_lanes.streamed |=
        cli_ranks()->size > 1 && cli_has_lanes(run->config) && cli_is_folder(f->train.paths[0]);
    int status = read_training(f, run, &of_lanes);
    if (!status && f->valid.count) status = read_judged(run, &f->valid, &how, &run->valid);
    if (!status && f->test.count) status = read_judged(run, &f->test, &how, &run->test);
    if (!status) status = make_model(f, run);
    return status;
}

/* Of the model that is to be written: what a run keeps on disk goes where there is room for it. */
static const char *output_folder(const train_flags *f, char out[PATH_MAX]) {
    const char *slash = strrchr(f->output, '/');
    if (!slash) return ".";
    snprintf(out, PATH_MAX, "%.*s", (int)(slash + 1 - f->output), f->output);
    return out;
}

static int make_trainer(const train_flags *f, train_run *run) {
    mmoe_error err;
    char folder[PATH_MAX];
    if (f->profile && cli_profile_open(&run->profile, (int)f->threads)) return CLI_FAILED;
    const mmoe_trainer_options options = {.threads = (int)f->threads,
                                          .single_threaded_blas = 1,
                                          .checkpoint_path = f->checkpoint,
                                          .user = &run->report,
                                          .on_epoch = cli_report_epoch,
                                          .on_progress = cli_report_progress,
                                          .profile = run->profile.profile,
                                          .on_warning = cli_report_warning,
                                          .allow_unlike = f->allow_unlike,
                                          .best_folder =
                                              f->checkpoint ? NULL : output_folder(f, folder)};
    if (mmoe_trainer_create(run->model, &options, NULL, &run->trainer, &err))
        return cli_fail("%s", err.message);
    if (mmoe_trainer_join(run->trainer, cli_ranks(), &err)) return cli_fail("%s", err.message);
    if (f->resume && mmoe_trainer_resume(run->trainer, f->resume, &err))
        return cli_fail("--resume: %s", err.message);
    run->report.model = run->model;
    run->report.stopped = &stopped;
    const run_files files = {f->train.name,
                             f->valid.name,
                             f->test.name,
                             f->output,
                             mmoe_dataset_rows(run->train),
                             run->valid ? mmoe_dataset_rows(run->valid) : -1,
                             run->test ? mmoe_dataset_rows(run->test) : -1,
                             (int)f->threads};
    return cli_report_open(&run->report, cli_ranks()->rank ? NULL : f->log, f->resume != NULL,
                           &files);
}

static int fit_run(const train_flags *f, train_run *run) {
    running = run->trainer;
    cli_stop_on_signals(stop_training);
    mmoe_error err;
    mmoe_status status = mmoe_trainer_fit(run->trainer, run->train, run->valid, &err);
    running = NULL;
    cli_progress_clear();
    if (status == MMOE_E_CANCELLED) { /* by a signal, to this rank or to another */
        if (f->checkpoint)
            return cli_fail("stopped; continue with the same flags and --resume %s", f->checkpoint);
        return cli_fail("stopped; nothing is kept of the run (--checkpoint FILE keeps it)");
    }
    return status ? cli_fail("%s", err.message) : CLI_OK;
}

/* What a step of this rank, the first, sent to others. */
static json_t *ranks_json(const train_run *run) {
    mmoe_sent sent;
    mmoe_trainer_sent(run->trainer, &sent);
    const double steps = sent.steps ? (double)sent.steps : 1;
    return json_pack("{s:i, s:I, s:f, s:f, s:f}", "ranks", (int)sent.ranks, "steps",
                     (json_int_t)sent.steps, "step_bytes", sent.bytes / steps, "step_messages",
                     sent.messages / steps, "step_waiting", sent.seconds / steps);
}

static void say_sent(const train_run *run) {
    mmoe_sent sent;
    mmoe_trainer_sent(run->trainer, &sent);
    if (sent.steps)
        cli_note("%d ranks: a step of the first sent %.3f MB in %.0f messages, and waited for "
                 "others for %.3f ms",
                 (int)sent.ranks, sent.bytes / 1e6 / (double)sent.steps,
                 sent.messages / (double)sent.steps, 1e3 * sent.seconds / (double)sent.steps);
}

static json_t *result_json(const train_flags *f, const train_run *run, const mmoe_dataset *data,
                           const mmoe_task_metrics *metrics) {
    json_t *result =
        data ? cli_report_json(mmoe_dataset_rows(data), metrics, mmoe_model_task_count(run->model))
             : json_object();
    const run_report *r = &run->report;
    if (data) {
        json_object_set_new(result, "data", json_string(run->test ? "test" : "valid"));
        json_object_set_new(result, "columns", cli_columns_json(run->model, data));
    }
    json_object_set_new(result, "model", cli_json_text(f->output));
    json_object_set_new(result, "parameters", json_integer(mmoe_model_parameter_count(run->model)));
    json_object_set_new(result, "epochs", json_integer(r->epochs));
    json_object_set_new(result, "best_epoch",
                        r->has_best ? json_integer(r->best_epoch) : json_null());
    json_object_set_new(result, "seconds", json_real(r->seconds));
    json_object_set_new(result, "rows_per_second",
                        r->train_seconds > 0 ? json_real((double)r->train_rows / r->train_seconds)
                                             : json_null());
    if (cli_ranks()->size > 1) json_object_set_new(result, "ranks", ranks_json(run));
    return cli_with_warnings(result);
}

static const mmoe_model *whole_of(const train_run *run) {
    return run->saved ? run->saved : run->model;
}

/* Has a warning of trainer.shrink said already that the model predicts the task's mean label? */
static bool is_said(const train_run *run, const mmoe_task_metrics *m) {
    const double none = m->type == MMOE_CLASSIFICATION ? 1 : 0;
    return cli_report_shrank(&run->report, m->name) && fabs(m->relative - none) < CLI_ROUNDING;
}

/* Metrics of the test rows, or else of the validation rows, with the weights that were saved. */
static int judge_run(const train_flags *f, const train_run *run, mmoe_task_metrics *metrics) {
    const mmoe_dataset *data = run->test ? run->test : run->valid;
    mmoe_error err;
    if (!data) return CLI_OK;
    if (run->test) cli_warn_of_labels(f->test.name, run->model, run->test);
    const mmoe_evaluate_options options = {.threads = (int)f->threads, .watcher = &cli_watcher};
    const mmoe_status status =
        mmoe_evaluate_by(whole_of(run), data, &options, NULL, metrics, NULL, &err);
    cli_progress_clear();
    if (status) return cli_fail("%s", err.message);
    for (int32_t t = 0; t < mmoe_model_task_count(run->model); t++)
        if (!is_said(run, &metrics[t]))
            cli_warn_of_metrics(NULL, run->test ? "test rows" : "validation rows", &metrics[t], 1);
    return CLI_OK;
}

static int print_run_result(const train_flags *f, train_run *run) {
    const mmoe_dataset *data = run->test ? run->test : run->valid;
    int32_t n_task = mmoe_model_task_count(run->model);
    mmoe_task_metrics *metrics = calloc((size_t)n_task, sizeof *metrics);
    if (!metrics) return cli_fail_memory();
    int status = judge_run(f, run, metrics);
    json_t *result = status ? NULL : result_json(f, run, data, metrics);
    if (!status && !result) status = cli_fail_memory();
    if (!status && f->json) status = cli_print_json(stdout, json_incref(result), true);
    if (!status && !f->json && data) cli_print_metrics(metrics, n_task);
    json_t *profile = result ? cli_profile_json(&run->profile, run->report.train_seconds) : NULL;
    cli_report_result(&run->report, result, profile);
    json_decref(profile);
    json_decref(result);
    free(metrics);
    return status;
}

static int check_ranks(const train_flags *f) {
    const cli_rows *rows[] = {&f->train, &f->valid, &f->test};
    int status = CLI_OK;
    for (size_t i = 0; !status && i < sizeof rows / sizeof *rows; i++)
        status = cli_check_ranks_rows(rows[i]);
    return status;
}

/* Of tables that ranks have parts of the first has what was saved, now. */
static int load_saved(const train_flags *f, train_run *run) {
    const mmoe_model_load_options options = {.map_tables = 1, .late_pages = 1};
    mmoe_error err;
    if (!mmoe_model_is_dealt(run->model)) return CLI_OK;
    return mmoe_model_load_with(f->output, &options, NULL, &run->saved, &err)
               ? cli_fail("%s", err.message)
               : CLI_OK;
}

/* Their rows go to the first rank, which writes. */
static int send_rows(const train_flags *f, train_run *run) {
    mmoe_error err;
    if (!mmoe_model_is_dealt(run->model)) return CLI_OK;
    return mmoe_model_save(run->model, f->output, &err) ? cli_fail("%s", err.message) : CLI_OK;
}

/* What a signal ends from now on is told nowhere else. */
static int end_if_stopped(const train_flags *f) {
    cli_end_on_signals();
    return stopped
               ? cli_fail("stopped; %s is written, and all that was left is to judge it", f->output)
               : CLI_OK;
}

/* What the first rank alone does with a model that all have. */
static int finish_run(const train_flags *f, train_run *run) {
    int status = cli_put_meta(&f->meta, run->model);
    if (!status) status = cli_write_model(run->model, f->output, mmoe_model_save);
    if (!status) status = end_if_stopped(f);
    if (!status) status = load_saved(f, run);
    if (!status) status = cli_profile_close(&run->profile, f->profile, run->report.train_seconds);
    if (!status && cli_ranks()->size > 1) say_sent(run);
    return status ? status : print_run_result(f, run);
}

static int train(const train_flags *f, train_run *run) {
    int status = check_ranks(f);
    if (!status) status = cli_check_output("output", f->output);
    if (!status) status = cli_check_output("checkpoint", f->checkpoint);
    if (!status) status = cli_check_output("profile", f->profile);
    if (!status) status = cli_check_name("log", f->log);
    if (!status) status = cli_read_config(f->config, &f->set, &run->config);
    if (!status && f->from) status = read_from(f, run);
    if (!status) status = read_run_data(f, run);
    if (!status) status = make_trainer(f, run);
    if (!status) status = fit_run(f, run);
    if (!status) status = cli_ranks()->rank == 0 ? finish_run(f, run) : send_rows(f, run);
    int closed = cli_report_close(&run->report);
    return status ? status : closed;
}

int cli_train(int argc, char **argv) {
    train_flags flags = {.threads = cli_processors()};
    train_run run = {0};
    int status;
    cli_outlive_readers();
    if (parse_flags(argc, argv, &flags, &status)) status = train(&flags, &run);
    cli_list_free(&flags.set);
    cli_list_free(&flags.meta.texts);
    cli_rows_free(&flags.train);
    cli_rows_free(&flags.valid);
    cli_rows_free(&flags.test);
    json_decref(run.report.shrunk);
    mmoe_trainer_free(run.trainer);
    mmoe_profile_free(run.profile.profile);
    mmoe_model_free(run.model);
    mmoe_model_free(run.saved);
    mmoe_dataset_free(run.train);
    mmoe_dataset_free(run.valid);
    mmoe_dataset_free(run.test);
    mmoe_schema_free(run.schema);
    mmoe_model_free(run.from);
    mmoe_config_free(run.config);
    return status;
}
