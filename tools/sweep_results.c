/* The results of a sweep: DIRECTORY/results.csv, a row a run as it ends, and DIRECTORY/sweep.json,
 * which says of what sweep. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "csvfile.h"
#include "sweep.h"

/* Columns: the keys, these, the figures, and the last five. */
static const char *const before[] = {"seed", "status", "message"};
static const char *const after[] = {"epochs", "best_epoch", "seconds", "rows_per_second",
                                    "parameters"};
enum { N_BEFORE = sizeof before / sizeof *before, N_AFTER = sizeof after / sizeof *after };

void sweep_write_field(FILE *stream, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, stream);
        return;
    }
    fputc('"', stream);
    for (; *text; text++) fprintf(stream, *text == '"' ? "\"%c" : "%c", *text);
    fputc('"', stream);
}

static char *join(const char *directory, const char *name) {
    const size_t size = strlen(directory) + strlen(name) + 2;
    char *path = malloc(size);
    if (path) snprintf(path, size, "%s/%s", directory, name);
    return path;
}

/* ---- Which sweep ---- */

static json_t *file_identity(const char *path) {
    struct stat st;
    if (!path) return json_null();
    return json_pack("{s:s, s:I}", "path", path, "bytes",
                     stat(path, &st) == 0 ? (json_int_t)st.st_size : -1);
}

/* All that must be the same for results to stand in one table; settings and seeds may be more or
 * others. */
static json_t *identity_of(const sweep_plan *p) {
    json_t *keys = json_array();
    for (size_t k = 0; k < p->n_key; k++) json_array_append_new(keys, json_string(p->keys[k]));
    return json_pack("{s:O, s:o, s:o, s:o, s:o}", "config", p->config, "train",
                     file_identity(p->train), "valid", file_identity(p->valid), "test",
                     file_identity(p->test), "keys", keys);
}

static int compare_identity(json_t *own, const json_t *found, const char *directory) {
    const char *key;
    json_t *value;
    json_object_foreach(
        own, key,
        value) if (!json_equal(value,
                               json_object_get(
                                   found, key))) return cli_fail("%s has the results of another "
                                                                 "sweep: its \"%s\" is not this "
                                                                 "one's; choose another --output",
                                                                 directory, key);
    return CLI_OK;
}

static int write_identity(const char *path, json_t *own) {
    cli_file file;
    int status = cli_file_open(&file, path);
    if (!status) status = cli_print_json(file.stream, json_incref(own), true);
    if (!status) return cli_file_keep(&file);
    cli_file_drop(&file);
    return status;
}

static int check_identity(const sweep_plan *p, const sweep_results *r) {
    char *path = join(r->directory, "sweep.json");
    json_t *own = identity_of(p);
    struct stat st;
    int status;
    if (!path || !own) {
        status = cli_fail_memory();
    } else if (stat(path, &st) == 0) {
        json_t *found = json_load_file(path, 0, NULL);
        status = found ? compare_identity(own, found, r->directory)
                       : cli_fail("%s is no description of a sweep", path);
        json_decref(found);
    } else if (stat(r->path, &st) == 0 && st.st_size > 0) {
        status = cli_fail("%s stands there, but not %s, which would say of what sweep it is; "
                          "choose another --output",
                          r->path, path);
    } else {
        status = write_identity(path, own);
    }
    free(path);
    json_decref(own);
    return status;
}

/* ---- Rows ---- */

/* One write: a row is there whole, or cut off in its last line alone. */
static int write_line(const sweep_results *r, char *line, size_t length) {
    ssize_t written = line ? write(r->fd, line, length) : -1;
    const int reason = errno;
    free(line);
    if (!line) return cli_fail_memory();
    if (written != (ssize_t)length)
        return cli_fail("cannot write %s: %s", r->path,
                        written < 0 ? strerror(reason) : "the disk is full");
    return fdatasync(r->fd) && errno != EINVAL
               ? cli_fail("cannot write %s: %s", r->path, strerror(errno))
               : CLI_OK;
}

static void print_header(FILE *out, const sweep_plan *p) {
    for (size_t k = 0; k < p->n_key; k++) fprintf(out, "%s,", p->keys[k]);
    for (int i = 0; i < N_BEFORE; i++) fprintf(out, "%s,", before[i]);
    for (size_t i = 0; i < p->n_figure; i++) fprintf(out, "%s,", p->figures[i].name);
    for (int i = 0; i < N_AFTER; i++) fprintf(out, "%s%c", after[i], i + 1 < N_AFTER ? ',' : '\n');
}

static void print_row(FILE *out, const sweep_plan *p, const sweep_result *run,
                      const sweep_setting *setting, int64_t seed) {
    for (size_t k = 0; k < p->n_key; k++) {
        sweep_write_field(out, setting->values[k]);
        fputc(',', out);
    }
    fprintf(out, "%lld,%s,", (long long)seed, run->status == SWEEP_OK ? "ok" : "failed");
    sweep_write_field(out, run->message ? run->message : "");
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
    print_row(out, p, &r->runs[run], &p->settings[run / p->n_seed], p->seeds[run % p->n_seed]);
    if (fclose(out) != 0) {
        free(line);
        return cli_fail_memory();
    }
    return write_line(r, line, length);
}

static int write_header(const sweep_results *r, const sweep_plan *p) {
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

static bool parse_number(const char *text, double *out) {
    char *end;
    *out = *text ? strtod(text, &end) : NAN;
    return !*text || (*end == '\0' && end != text);
}

/* The run that a row is of; n_run: none of this sweep. */
static size_t find_run(const sweep_plan *p, const char *const *fields) {
    const size_t n_run = p->n_setting * p->n_seed;
    size_t setting = 0, seed = 0;
    char text[32];
    for (; setting < p->n_setting; setting++) {
        size_t k = 0;
        while (k < p->n_key && strcmp(fields[k], p->settings[setting].values[k]) == 0) k++;
        if (k == p->n_key) break;
    }
    for (; seed < p->n_seed; seed++) {
        snprintf(text, sizeof text, "%lld", (long long)p->seeds[seed]);
        if (strcmp(fields[p->n_key], text) == 0) break;
    }
    return setting < p->n_setting && seed < p->n_seed ? setting * p->n_seed + seed : n_run;
}

static int check_header(const reading *at, const char *const *fields, size_t count) {
    const sweep_plan *p = at->plan;
    bool same = count == p->n_key + N_BEFORE + p->n_figure + N_AFTER;
    for (size_t i = 0; same && i < count; i++) {
        const size_t b = i - p->n_key, f = b - N_BEFORE, a = f - p->n_figure;
        const char *name = i < p->n_key      ? p->keys[i]
                           : b < N_BEFORE    ? before[b]
                           : f < p->n_figure ? p->figures[f].name
                                             : after[a];
        same = strcmp(fields[i], name) == 0;
    }
    return same ? CLI_OK
                : cli_fail("%s has not the columns of this sweep; choose another --output",
                           at->results->path);
}

static int read_row(void *user, long long row, const char *const *fields, size_t count) {
    reading *at = user;
    const sweep_plan *p = at->plan;
    if (row == 1) return check_header(at, fields, count);
    const size_t run = find_run(p, fields);
    if (run == at->results->n_run) return CLI_OK;
    sweep_result *r = &at->results->runs[run];
    const char *const *rest = fields + p->n_key, *status = rest[1],
                      *const *figures = rest + N_BEFORE, *const *last = figures + p->n_figure;
    double numbers[N_AFTER];
    bool valid = strcmp(status, "ok") == 0 || strcmp(status, "failed") == 0;
    for (size_t i = 0; i < p->n_figure; i++) valid &= parse_number(figures[i], &r->values[i]);
    for (int i = 0; i < N_AFTER; i++)
        valid &= parse_number(last[i], &numbers[i]) && isfinite(numbers[i]);
    if (!valid) return cli_fail("%s: row %lld is no run's result", at->results->path, row);
    free(r->message);
    r->message = strdup(rest[2]);
    if (!r->message) return cli_fail_memory();
    r->status = strcmp(status, "ok") == 0 ? SWEEP_OK : SWEEP_FAILED;
    r->epochs = (int64_t)numbers[0];
    r->best_epoch = (int64_t)numbers[1];
    r->seconds = numbers[2];
    r->rows_per_second = numbers[3];
    r->parameters = (int64_t)numbers[4];
    return CLI_OK;
}

/* Cuts off a last line that a killed run left unfinished. *size: of what stays. */
static int trim(const sweep_results *r, off_t *size) {
    char byte;
    *size = lseek(r->fd, 0, SEEK_END);
    const off_t whole = *size;
    while (*size > 0) {
        if (pread(r->fd, &byte, 1, *size - 1) != 1)
            return cli_fail("cannot read %s: %s", r->path, strerror(errno));
        if (byte == '\n') break;
        --*size;
    }
    return *size < whole && ftruncate(r->fd, *size)
               ? cli_fail("cannot write %s: %s", r->path, strerror(errno))
               : CLI_OK;
}

static int open_rows(const sweep_plan *p, sweep_results *r) {
    off_t size;
    reading at = {p, r};
    r->fd = open(r->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (r->fd < 0) return cli_fail("cannot write %s: %s", r->path, strerror(errno));
    if (flock(r->fd, LOCK_EX | LOCK_NB))
        return cli_fail("%s is being written by another sweep", r->path);
    int status = trim(r, &size);
    if (status) return status;
    return size == 0 ? write_header(r, p) : csvfile_read(r->path, read_row, &at);
}

int sweep_results_open(sweep_results *r, const sweep_plan *p, const char *directory) {
    *r = (sweep_results){.n_run = p->n_setting * p->n_seed, .fd = -1};
    if (mkdir(directory, 0777) && errno != EEXIST)
        return cli_fail("cannot make the folder %s: %s", directory, strerror(errno));
    r->directory = strdup(directory);
    r->path = join(directory, "results.csv");
    r->runs = calloc(r->n_run, sizeof *r->runs);
    for (size_t i = 0; r->runs && i < r->n_run; i++) {
        r->runs[i].values = calloc(p->n_figure, sizeof *r->runs[i].values);
        if (!r->runs[i].values) return cli_fail_memory();
    }
    if (!r->directory || !r->path || !r->runs) return cli_fail_memory();
    int status = check_identity(p, r);
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
