/* mmoe sweep: the runs that its file asks for, the table of their results, the threads that do
 * them, what comes out of it. */
#ifndef MMOE_TOOLS_SWEEP_H
#define MMOE_TOOLS_SWEEP_H

#include <jansson.h>

#include "base/comm.h"
#include "files.h"
#include "task_types.h"

/* A column of the table: one figure of one task. */
typedef struct sweep_figure {
    bool is_test; /* of the test rows, not of the validation rows */
    int32_t task;
    size_t place; /* among the figures of the task's type */
    cli_figure of;
    char *name; /* "valid.ctr.auc" */
} sweep_figure;

typedef struct sweep_setting {
    char **values; /* [n_key], JSON */
    size_t data; /* which of the data sets: settings with the same features and labels share one */
} sweep_setting;

typedef struct sweep_plan {
    const char *path;
    json_t *root;                /* the file; owns the keys' texts */
    json_t *config;              /* the configuration as it was written */
    char *config_text;           /* the same as text */
    cli_rows train, valid, test; /* of the last none, perhaps */
    json_t *tasks;               /* of the configuration, defaults filled in */
    size_t n_key;
    const char **keys;
    size_t n_setting;
    sweep_setting *settings;
    size_t n_data;
    json_t *data; /* [n_data], features and labels of the settings' data sets */
    size_t n_seed;
    int64_t *seeds;
    size_t n_figure;
    sweep_figure *figures;
    bool has_groups;   /* a setting has data.group */
    size_t n_selected; /* the settings are ranked by the mean of these figures */
    size_t selected[256];
} sweep_plan;

typedef enum sweep_status { SWEEP_OPEN, SWEEP_OK, SWEEP_FAILED } sweep_status;

/* Run i is of setting i / n_seed and seed i % n_seed. */
typedef struct sweep_result {
    sweep_status status;
    char *message;  /* of a failure */
    double *values; /* [n_figure]; NaN: undefined */
    int64_t epochs, best_epoch, parameters;
    double seconds, rows_per_second;
} sweep_result;

typedef struct sweep_results {
    size_t n_run;
    sweep_result *runs;
    char *directory, *path; /* of results.csv */
    int fd;
} sweep_results;

/* ---- sweep_plan.c, sweep_search.c: all of these print their error and return a status of the
 * program ---- */

/* Reads the file, parses the configuration of every setting. */
int sweep_plan_read(const char *path, sweep_plan *plan);
void sweep_plan_free(sweep_plan *plan);
/* Fills keys and settings' values from "grid" or "random". */
int sweep_search_read(sweep_plan *plan);
/* The configuration of a run. */
mmoe_status sweep_config(const sweep_plan *plan, size_t setting, int64_t seed, mmoe_config **out,
                         mmoe_error *err);
/* "lr=0.01 dims=[16]": the keys' last parts, as many as tell them apart; cut to `size`. */
void sweep_setting_text(const sweep_plan *plan, size_t setting, char *text, size_t size);
const char *sweep_key_label(const sweep_plan *plan, size_t key);

/* ---- sweep_identity.c ---- */

/* All that must be the same for results to stand in one table, of data files and of "pretrained"
 * ones their bytes; settings and seeds may be more or others. The caller's. */
int sweep_identity(const sweep_plan *plan, json_t **out);
/* Whether the directory has results of that alone, or none yet; from now on it says that it has. */
int sweep_check_identity(json_t *identity, const sweep_results *results);

/* ---- sweep_results.c ---- */

/* Makes the directory or goes on with what stands in it: runs that are done already are marked.
 * Nobody else may write there until it is closed. Of several ranks the first alone reads and writes
 * there, others have the directory for large tables' best weights. */
int sweep_results_open(sweep_results *results, const sweep_plan *plan, json_t *identity,
                       const char *directory);
/* Writes the run's row, whole or not at all. */
int sweep_results_add(const sweep_results *results, const sweep_plan *plan, size_t run);
void sweep_results_close(sweep_results *results);

/* ---- sweep_ranks.c: what the ranks of a sweep tell each other; all call these alike ---- */

/* Fails where they are not about to do the same sweep. */
int sweep_agree(const sweep_plan *plan, const json_t *identity, int64_t skip_bad,
                bool allow_unlike);
/* Runs that are done for the first rank are so for all. */
int sweep_share_done(sweep_results *results);

/* What a rank says of itself. */
typedef struct sweep_word {
    int64_t idle, busy; /* workers without a run; runs that it has and that have not ended */
    int64_t stops;      /* a signal asks it to */
    double share;       /* the sum of what is done of its runs, 0 to 1 each */
} sweep_word;

typedef struct sweep_news {
    sweep_word words[MMOE_MOST_RANKS]; /* this rank's is there */
    size_t n_ended;
    size_t *ended; /* [runs] before the call this rank's, behind it all ranks', in their order */
    int *rank_of;  /* [runs] that did it */
} sweep_news;

/* All ranks' words, and results of the runs that have ended since the last call. */
int sweep_tell(const sweep_plan *plan, sweep_results *results, sweep_news *news);

/* ---- sweep_run.c ---- */

/* Does the runs that are open, `threads` side by side, on rows of which train, valid and test
 * may have `skip_bad` each that are at fault. On a signal it stops and leaves them open. Of several
 * ranks each does some, and all have the results. */
int sweep_run_all(const sweep_plan *plan, sweep_results *results, int threads, int64_t skip_bad);

/* ---- sweep_summary.c ---- */

/* Prints the settings' table and writes summary.csv. */
int sweep_summarize(const sweep_plan *plan, const sweep_results *results, bool json);

#endif
