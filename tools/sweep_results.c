/* The results of a sweep: DIRECTORY/results.csv, a row a run as it ends, and DIRECTORY/sweep.json,
 * which says of what sweep. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/csv.h"
#include "base/error.h"
#include "output.h"
#include "ranks.h"
#include "rows.h"
#include "sweep.h"
#include "warnings.h"

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

/* ---- Which sweep ---- */

/* Of its bytes, in blocks; false and errno on failure. */
static bool hash_file(const char *path, uint64_t *hash) {
    enum { BLOCK = 1 << 20 };
    FILE *file = fopen(path, "rbe");
    char *block = malloc(BLOCK);
    size_t got = 0;
    *hash = 0;
    while (file && block && (got = fread(block, 1, BLOCK, file)) > 0)
        *hash = mmoe_checksum_hash(*hash, block, got);
    const bool is_read = file && block && !ferror(file);
    const int reason = errno;
    if (file) fclose(file);
    free(block);
    errno = reason;
    return is_read;
}

/* CLI_OK: *out is the file's, null where there is none. A packed folder is told by its manifest,
 * which has the checksums of all that is in it. */
static int file_identity(const char *path, json_t **out) {
    struct stat st;
    uint64_t hash;
    char text[MMOE_CHECKSUM_SIZE], of[PATH_MAX];
    *out = NULL;
    if (path) snprintf(of, sizeof of, "%s%s", path, cli_is_folder(path) ? "/manifest.json" : "");
    if (path && (stat(of, &st) || !hash_file(of, &hash)))
        return cli_fail_system("cannot read %s", path);
    if (path) mmoe_checksum_print(hash, text);
    *out = path ? json_pack("{s:o, s:I, s:s}", "path", cli_json_text(path), "bytes",
                            (json_int_t)st.st_size, "checksum", text)
                : json_null();
    return *out ? CLI_OK : cli_fail_memory();
}

/* Of one file its own, of several a list. */
static int files_identity(const cli_rows *files, json_t **out) {
    if (files->count <= 1) return file_identity(files->count ? files->paths[0] : NULL, out);
    json_t *list = json_array();
    int status = CLI_OK;
    for (size_t i = 0; !status && i < files->count; i++) {
        json_t *file;
        status = file_identity(files->paths[i], &file);
        if (!status && json_array_append_new(list, file)) status = cli_fail_memory();
    }
    *out = list;
    return status;
}

int sweep_identity(const sweep_plan *p, json_t **out) {
    const char *const names[] = {"train", "valid", "test"};
    const cli_rows *const files[] = {&p->train, &p->valid, &p->test};
    json_t *keys = json_array(), *own = json_object();
    for (size_t k = 0; k < p->n_key; k++) json_array_append_new(keys, json_string(p->keys[k]));
    int status = json_object_set(own, "config", p->config) ? cli_fail_memory() : CLI_OK;
    for (int i = 0; !status && i < 3; i++) {
        json_t *file;
        status = files_identity(files[i], &file);
        if (!status && json_object_set_new(own, names[i], file)) status = cli_fail_memory();
    }
    if (json_object_set_new(own, "keys", keys) && !status) status = cli_fail_memory();
    *out = own;
    return status;
}

/* What of a record is not as it was; NULL: nothing. `unknown`: of how many files it does not know
 * the bytes. */
static const char *differing_part(json_t *own, const json_t *found, int *unknown) {
    const char *part, *key;
    json_t *value, *entry;
    *unknown = 0;
    json_object_foreach(own, part, value) {
        const json_t *other = json_object_get(found, part);
        if (json_equal(value, (json_t *)(uintptr_t)other)) continue;
        if (!json_is_object(other) || json_object_get(other, "checksum") ||
            !json_object_get(value, "checksum"))
            return part;
        /* Version 0.1 kept path and length alone. */
        json_object_foreach(value, key,
                            entry) if (strcmp(key, "checksum") != 0 &&
                                       !json_equal(entry, json_object_get(other, key))) return part;
        ++*unknown;
    }
    return NULL;
}

/* What a record has beside that; NULL: nothing. */
static const char *additional_part(const json_t *own, json_t *found) {
    for (void *at = json_object_iter(found); at; at = json_object_iter_next(found, at))
        if (!json_object_get(own, json_object_iter_key(at))) return json_object_iter_key(at);
    return NULL;
}

static int compare_identity(json_t *own, json_t *found, const char *directory, int *unknown) {
    const char *part = differing_part(own, found, unknown),
               *more = part ? NULL : additional_part(own, found);
    if (more)
        return cli_fail("%s has the results of another sweep, or of a newer version than mmoe %s: "
                        "its \"%s\" is not this one's; choose another --output",
                        directory, mmoe_version(), more);
    if (!part) return CLI_OK;
    const json_t *value = json_object_get(own, part), *other = json_object_get(found, part);
    const char *path = json_string_value(json_object_get(value, "path"));
    if (path && json_equal(json_object_get(value, "path"), json_object_get(other, "path")))
        return cli_fail("%s has the results of another sweep: \"%s\" has changed, the file %s; "
                        "choose another --output",
                        directory, part, path);
    return cli_fail("%s has the results of another sweep: its \"%s\" is not this one's; choose "
                    "another --output",
                    directory, part);
}

static int write_identity(const char *path, json_t *own) {
    cli_file file;
    int status = cli_file_open(&file, path);
    if (!status) status = cli_print_json(file.stream, json_incref(own), true);
    if (!status) return cli_file_keep(&file);
    cli_file_drop(&file);
    return status;
}

/* Its record is read; one of an older version has its data's bytes from now on. */
static int check_record(const char *path, json_t *own, const char *directory) {
    json_t *found = json_load_file(path, 0, NULL);
    if (!found) return cli_fail("%s is no description of a sweep", path);
    int unknown;
    int status = compare_identity(own, found, directory, &unknown);
    json_decref(found);
    if (status || !unknown) return status;
    cli_warn("%s is of an older version and knows the length of %d data files alone: that their "
             "rows are those of the results cannot be checked",
             path, unknown);
    return write_identity(path, own);
}

static int check_identity(json_t *own, const sweep_results *r) {
    char *path = join_path(r->directory, "sweep.json");
    struct stat st;
    int status = path ? CLI_OK : cli_fail_memory();
    if (!status && stat(path, &st) == 0)
        status = check_record(path, own, r->directory);
    else if (!status && stat(r->path, &st) == 0 && st.st_size > 0)
        status = cli_fail("%s stands there, but not %s, which would say of what sweep it is; "
                          "choose another --output",
                          r->path, path);
    else if (!status)
        status = write_identity(path, own);
    free(path);
    return status;
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
    int status = check_identity(identity, r);
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
