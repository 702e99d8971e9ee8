/* The results of a sweep: DIRECTORY/results.csv, a row a run as it ends. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/error.h"
#include "output.h"
#include "ranks.h"
#include "sweep.h"

/* Columns: the keys, these, the figures, and the last five. */
static const char *const before[] = {"seed", "status", "message"};
static const char *const after[] = {"epochs", "best_epoch", "seconds", "rows_per_second",
                                    "parameters"};
enum { N_BEFORE = sizeof before / sizeof *before, N_AFTER = sizeof after / sizeof *after };

static char *join_path(const char *directory, const char *name) {
    const size_t size = strlen(directory) + strlen(name) + 2;
    char *path = malloc(size);
    if (path) snprintf(path, size, "%s/%s", directory, name);
    return path;
}

/* ---- Rows ---- */

/* One write: a row is there whole, or cut off in its last line alone. */
static int write_line(const sweep_results *r, char *line, size_t length) {
    ssize_t written = line ? write(r->fd, line, length) : -1;
    const int reason = errno;
    free(line);
    if (!line) return cli_fail_memory();
    errno = written < 0 ? reason : ENOSPC;
    if (written != (ssize_t)length) return cli_fail_system("cannot write %s", r->path);
    return fdatasync(r->fd) && errno != EINVAL ? cli_fail_system("cannot write %s", r->path)
                                               : CLI_OK;
}

static void print_header(FILE *out, const sweep_plan *p) {
    for (size_t k = 0; k < p->n_key; k++) fprintf(out, "%s,", p->keys[k]);
    for (int i = 0; i < N_BEFORE; i++) fprintf(out, "%s,", before[i]);
    for (size_t i = 0; i < p->n_figure; i++) fprintf(out, "%s,", p->figures[i].name);
    for (int i = 0; i < N_AFTER; i++) fprintf(out, "%s%c", after[i], i + 1 < N_AFTER ? ',' : '\n');
}

static void print_run(FILE *out, const sweep_plan *p, const sweep_result *run,
                      const sweep_setting *setting, int64_t seed) {
    for (size_t k = 0; k < p->n_key; k++) {
        cli_write_field(out, setting->values[k]);
        fputc(',', out);
    }
    fprintf(out, "%lld,%s,", (long long)seed, run->status == SWEEP_OK ? "ok" : "failed");
    cli_write_field(out, run->message ? run->message : "");
    for (size_t i = 0; i < p->n_figure; i++) {
        fputc(',', out);
        if (run->status == SWEEP_OK && isfinite(run->values[i]))
            fprintf(out, "%.17g", run->values[i]);
    }
    fprintf(out, ",%lld,%lld,%.3f,%.0f,%lld\n", (long long)run->epochs, (long long)run->best_epoch,
            run->seconds, run->rows_per_second, (long long)run->parameters);
}

int sweep_results_add(const sweep_results *r, const sweep_plan *p, size_t run) {
    char *line = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&line, &length);
    if (!out) return cli_fail_memory();
    print_run(out, p, &r->runs[run], &p->settings[run / p->n_seed], p->seeds[run % p->n_seed]);
    if (fclose(out) != 0) {
        free(line);
        return cli_fail_memory();
    }
    return write_line(r, line, length);
}

static int write_columns(const sweep_results *r, const sweep_plan *p) {
    char *line = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&line, &length);
    if (!out) return cli_fail_memory();
    print_header(out, p);
    return fclose(out) == 0 ? write_line(r, line, length) : cli_fail_memory();
}

/* ---- Going on ---- */

typedef struct reading {
    const sweep_plan *plan;
    sweep_results *results;
} reading;

static bool parse_figure(const char *text, double *out) {
    char *end;
    *out = *text ? strtod(text, &end) : NAN;
    return !*text || (*end == '\0' && end != text);
}

/* The run that a row is of; n_run: none of this sweep. */
static size_t find_run(const sweep_plan *p, const mmoe_csv_field *fields) {
    const size_t n_run = p->n_setting * p->n_seed;
    size_t setting = 0, seed = 0;
    char text[32];
    for (; setting < p->n_setting; setting++) {
        size_t k = 0;
        while (k < p->n_key && strcmp(fields[k].text, p->settings[setting].values[k]) == 0) k++;
        if (k == p->n_key) break;
    }
    for (; seed < p->n_seed; seed++) {
        snprintf(text, sizeof text, "%lld", (long long)p->seeds[seed]);
        if (strcmp(fields[p->n_key].text, text) == 0) break;
    }
    return setting < p->n_setting && seed < p->n_seed ? setting * p->n_seed + seed : n_run;
}

/* The name of the table's i-th column. */
static const char *column_name(const sweep_plan *p, size_t i) {
    if (i < p->n_key) return p->keys[i];
    i -= p->n_key;
    if (i < N_BEFORE) return before[i];
    i -= N_BEFORE;
    return i < p->n_figure ? p->figures[i].name : after[i - p->n_figure];
}

static mmoe_status check_columns(void *user, const mmoe_csv_field *fields, size_t count,
                                 mmoe_error *err) {
    const reading *at = user;
    const sweep_plan *p = at->plan;
    bool same = count == p->n_key + N_BEFORE + p->n_figure + N_AFTER;
    for (size_t i = 0; same && i < count; i++) same = !strcmp(fields[i].text, column_name(p, i));
    if (same) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_FORMAT,
                     "%s has not the columns of this sweep; choose another --output",
                     at->results->path);
}

/* The figures and the last columns of a row; false: one is no number. */
static bool read_numbers(const sweep_plan *p, const mmoe_csv_field *fields, double *figures,
                         double last[N_AFTER]) {
    const mmoe_csv_field *field = fields + p->n_key + N_BEFORE;
    bool valid = true;
    for (size_t i = 0; i < p->n_figure; i++, field++)
        valid &= parse_figure(field->text, &figures[i]);
    for (int i = 0; i < N_AFTER; i++, field++)
        valid &= parse_figure(field->text, &last[i]) && isfinite(last[i]);
    return valid;
}

static mmoe_status read_row(void *user, int64_t row, const mmoe_csv_field *fields,
                            mmoe_error *err) {
    const reading *at = user;
    const sweep_plan *p = at->plan;
    const size_t run = find_run(p, fields);
    if (run == at->results->n_run) return MMOE_OK;
    sweep_result *r = &at->results->runs[run];
    const char *status = fields[p->n_key + 1].text, *message = fields[p->n_key + 2].text;
    const bool is_ok = strcmp(status, "ok") == 0;
    double last[N_AFTER];
    if (!read_numbers(p, fields, r->values, last) || (!is_ok && strcmp(status, "failed") != 0))
        return mmoe_fail(err, MMOE_E_FORMAT, "%s: row %lld is no run's result", at->results->path,
                         (long long)row);
    free(r->message);
    r->message = strdup(message);
    if (!r->message) return mmoe_fail_memory(err, strlen(message) + 1);
    r->status = is_ok ? SWEEP_OK : SWEEP_FAILED;
    r->epochs = (int64_t)last[0];
    r->best_epoch = (int64_t)last[1];
    r->seconds = last[2];
    r->rows_per_second = last[3];
    r->parameters = (int64_t)last[4];
    return MMOE_OK;
}

static int read_results(const sweep_plan *p, sweep_results *r) {
    reading at = {p, r};
    const mmoe_csv_handler handler = {&at, check_columns, read_row};
    mmoe_error err;
    return mmoe_csv_read(r->path, &handler, NULL, &err) ? cli_fail("%s", err.message) : CLI_OK;
}

/* Cuts off a last line that a killed run left unfinished. *size: of what stays. */
static int trim_rows(const sweep_results *r, off_t *size) {
    char byte;
    *size = lseek(r->fd, 0, SEEK_END);
    const off_t whole = *size;
    while (*size > 0) {
        if (pread(r->fd, &byte, 1, *size - 1) != 1)
            return cli_fail_system("cannot read %s", r->path);
        if (byte == '\n') break;
        --*size;
    }
    return *size < whole && ftruncate(r->fd, *size) ? cli_fail_system("cannot write %s", r->path)
                                                    : CLI_OK;
}

static int open_rows(const sweep_plan *p, sweep_results *r) {
    off_t size;
    r->fd = open(r->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    struct stat about;
    if (r->fd < 0) return cli_fail_system("cannot write %s", r->path);
    if (fstat(r->fd, &about) == 0 && !S_ISREG(about.st_mode))
        return cli_fail("%s is not a regular file", r->path);
    if (flock(r->fd, LOCK_EX | LOCK_NB))
        return cli_fail("%s is being written by another sweep", r->path);
    int status = trim_rows(r, &size);
    if (status) return status;
    return size == 0 ? write_columns(r, p) : read_results(p, r);
}

int sweep_results_open(sweep_results *r, const sweep_plan *p, json_t *identity,
                       const char *directory) {
    *r = (sweep_results){.n_run = p->n_setting * p->n_seed, .fd = -1};
    if (mkdir(directory, 0777) && errno != EEXIST)
        return cli_fail_system("cannot make the folder %s", directory);
    r->directory = strdup(directory);
    r->path = join_path(directory, "results.csv");
    r->runs = calloc(r->n_run, sizeof *r->runs);
    for (size_t i = 0; r->runs && i < r->n_run; i++) {
        r->runs[i].values = calloc(p->n_figure, sizeof *r->runs[i].values);
        if (!r->runs[i].values) return cli_fail_memory();
    }
    if (!r->directory || !r->path || !r->runs) return cli_fail_memory();
    if (cli_ranks()->rank > 0) return CLI_OK;
    int status = sweep_check_identity(identity, r);
    return status ? status : open_rows(p, r);
}

void sweep_results_close(sweep_results *r) {
    for (size_t i = 0; r->runs && i < r->n_run; i++) {
        free(r->runs[i].message);
        free(r->runs[i].values);
    }
    if (r->fd > 0) close(r->fd);
    free(r->runs);
    free(r->directory);
    free(r->path);
    *r = (sweep_results){.fd = -1};
}
