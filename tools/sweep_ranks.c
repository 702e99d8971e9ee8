/* The ranks of a sweep: each does whole runs by itself, and tells all what came of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/comm_agree.h"
#include "output.h"
#include "ranks.h"
#include "sweep.h"
#include "warnings.h"

/* ---- Before the first run ---- */

enum { MOST_FACTS = 16, HASH_SIZE = 17 };

/* The same of the same JSON; false: no memory. */
static bool hash_json(const json_t *json, char out[HASH_SIZE]) {
    char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    if (text) snprintf(out, HASH_SIZE, "%" PRIx64, mmoe_checksum_hash(0, text, strlen(text)));
    free(text);
    return text != NULL;
}

static bool allow(void *context, const char *name, const char *sentence) {
    (void)context;
    if (!mmoe_comm_fact_rounds(name)) return false;
    cli_warn("%s: the figures of a run are those of its rank to the bit", sentence);
    return true;
}

int sweep_agree(const sweep_plan *p, const json_t *identity, int64_t skip_bad, bool allow_unlike) {
    char hashes[MOST_FACTS][HASH_SIZE], skipped[24], version[24];
    snprintf(skipped, sizeof skipped, "%lld", (long long)skip_bad);
    snprintf(version, sizeof version, "%d.%d", MMOE_VERSION_MAJOR, MMOE_VERSION_MINOR);
    mmoe_comm_fact facts[MOST_FACTS] = {{"library", version},
                                        {MMOE_FACT_PATCH, mmoe_version()},
                                        {MMOE_FACT_KERNELS, mmoe_kernel_set()},
                                        {MMOE_FACT_BLAS, mmoe_blas_core_type()},
                                        {"skip-bad", skipped},
                                        {"leave to be unlike", allow_unlike ? "given" : "none"}};
    int n = 6;
    const char *key;
    json_t *value;
    if (cli_ranks()->size == 1) return CLI_OK;
    json_object_foreach((json_t *)(uintptr_t)identity, key, value) {
        if (!hash_json(value, hashes[n])) return cli_fail_memory();
        facts[n] = (mmoe_comm_fact){key, hashes[n]};
        n++;
    }
    if (!hash_json(p->root, hashes[n])) return cli_fail_memory();
    facts[n] = (mmoe_comm_fact){"sweep", hashes[n]};
    mmoe_error err;
    const mmoe_comm_facts own = {.facts = facts, .n = n + 1, .allow = allow_unlike ? allow : NULL};
    return mmoe_comm_agree(cli_ranks(), &own, NULL, &err) ? cli_fail("%s", err.message) : CLI_OK;
}

int sweep_share_done(sweep_results *r) {
    const mmoe_comm *c = cli_ranks();
    const uint64_t bytes[MMOE_MOST_RANKS] = {r->n_run};
    char *done = calloc(r->n_run, 1);
    if (!done) return cli_fail_memory();
    for (size_t i = 0; i < r->n_run; i++) done[i] = (char)r->runs[i].status;
    const mmoe_gathering g = {"which runs are done", done, done, bytes};
    mmoe_error err;
    const mmoe_status status = mmoe_comm_gather(cli_ranks(), &g, &err);
    for (size_t i = 0; !status && c->rank > 0 && i < r->n_run; i++)
        r->runs[i].status = (sweep_status)done[i];
    free(done);
    return status ? cli_fail("%s", err.message) : CLI_OK;
}

/* ---- Results, as text ---- */

/* All bits of it. */
static json_t *number_text(double value) {
    char text[40];
    snprintf(text, sizeof text, "%a", value);
    return json_string(text);
}

static double number_of(const json_t *text) {
    return json_is_string(text) ? strtod(json_string_value(text), NULL) : 0;
}

static json_t *result_text(const sweep_plan *p, const sweep_result *r, size_t run) {
    json_t *values = json_array();
    for (size_t i = 0; i < p->n_figure; i++)
        json_array_append_new(values, number_text(r->values[i]));
    return json_pack("{s:I, s:i, s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "run", (json_int_t)run,
                     "status", (int)r->status, "message",
                     r->message ? cli_json_text(r->message) : json_null(), "epochs",
                     (json_int_t)r->epochs, "best", (json_int_t)r->best_epoch, "parameters",
                     (json_int_t)r->parameters, "seconds", number_text(r->seconds), "rate",
                     number_text(r->rows_per_second), "values", values);
}

/* False: no memory. */
static bool take_result(const sweep_plan *p, const json_t *from, sweep_result *r) {
    const char *message = json_string_value(json_object_get(from, "message"));
    r->status = (sweep_status)json_integer_value(json_object_get(from, "status"));
    r->epochs = json_integer_value(json_object_get(from, "epochs"));
    r->best_epoch = json_integer_value(json_object_get(from, "best"));
    r->parameters = json_integer_value(json_object_get(from, "parameters"));
    r->seconds = number_of(json_object_get(from, "seconds"));
    r->rows_per_second = number_of(json_object_get(from, "rate"));
    for (size_t i = 0; i < p->n_figure; i++)
        r->values[i] = number_of(json_array_get(json_object_get(from, "values"), i));
    free(r->message);
    r->message = message ? strdup(message) : NULL;
    return r->message || !message;
}

/* What this rank has to tell beside its word; NULL: no memory. The first says its warnings itself.
 */
static char *own_text(const sweep_plan *p, const sweep_results *r, const sweep_news *news) {
    static size_t n_told;
    json_t *runs = json_array(), *warnings = cli_warnings_since(n_told);
    n_told += json_array_size(warnings);
    for (size_t i = 0; i < news->n_ended; i++)
        json_array_append_new(runs, result_text(p, &r->runs[news->ended[i]], news->ended[i]));
    json_t *all = json_pack("{s:o, s:o}", "runs", runs, "warnings", warnings);
    char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    return text;
}

static int take_text(const sweep_plan *p, sweep_results *r, sweep_news *news, int rank,
                     const json_t *all) {
    const bool is_own = rank == cli_ranks()->rank;
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(all, "warnings"), i, item) if (!is_own)
        cli_warn("%s", json_string_value(item));
    json_array_foreach(json_object_get(all, "runs"), i, item) {
        const size_t run = (size_t)json_integer_value(json_object_get(item, "run"));
        if (!is_own && !take_result(p, item, &r->runs[run])) return cli_fail_memory();
        news->rank_of[news->n_ended] = rank;
        news->ended[news->n_ended++] = run;
    }
    return CLI_OK;
}

/* ---- Exchange ---- */

static mmoe_status gather(const char *what, const void *own, void *all, const uint64_t *bytes,
                          mmoe_error *err) {
    return mmoe_comm_gather(cli_ranks(), &(mmoe_gathering){what, own, all, bytes}, err);
}

static const char *const what = "what runs came to";

/* Texts of all ranks, one behind the other, each with its end; the caller's. */
static mmoe_status gather_texts(const char *own, char **all, uint64_t *bytes, mmoe_error *err) {
    const int size = cli_ranks()->size;
    uint64_t each[MMOE_MOST_RANKS], total = 0;
    const uint64_t length = strlen(own) + 1;
    for (int r = 0; r < size; r++) each[r] = sizeof length;
    mmoe_status status = gather(what, &length, bytes, each, err);
    for (int r = 0; !status && r < size; r++) total += bytes[r];
    *all = malloc(total + 1);
    if (status || !*all) return status ? status : MMOE_E_MEMORY;
    return gather(what, own, *all, bytes, err);
}

static int take_texts(const sweep_plan *p, sweep_results *r, sweep_news *news, const char *all,
                      const uint64_t *bytes) {
    int status = CLI_OK;
    news->n_ended = 0;
    for (int rank = 0; !status && rank < cli_ranks()->size; rank++, all += bytes[rank - 1]) {
        json_t *text = json_loads(all, 0, NULL);
        status = text ? take_text(p, r, news, rank, text) : cli_fail_memory();
        json_decref(text);
    }
    return status;
}

int sweep_tell(const sweep_plan *p, sweep_results *r, sweep_news *news) {
    const mmoe_comm *c = cli_ranks();
    uint64_t bytes[MMOE_MOST_RANKS];
    mmoe_error err = {.message = "out of memory"};
    char *own = own_text(p, r, news), *all = NULL;
    if (!own) return cli_fail_memory();
    for (int rank = 0; rank < c->size; rank++) bytes[rank] = sizeof *news->words;
    mmoe_status status = gather(what, &news->words[c->rank], news->words, bytes, &err);
    if (!status) status = gather_texts(own, &all, bytes, &err);
    const int failed = status ? cli_fail("%s", err.message) : take_texts(p, r, news, all, bytes);
    free(own);
    free(all);
    return failed;
}
