#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A device or pipe takes what is written to it; to rename a file over it would replace it. */
static bool is_special(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

/* Creates "PATH.PID.tmp"; -1 and errno on failure. */
static int create_beside(const char *path, char **temporary) {
    size_t size = strlen(path) + 32;
    char *name = malloc(size);
    if (!name) return -1;
    snprintf(name, size, "%s.%ld.tmp", path, (long)getpid());
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        int reason = errno;
        free(name);
        errno = reason;
        return -1;
    }
    *temporary = name;
    return fd;
}

int cli_file_open(cli_file *file, const char *path) {
    *file = (cli_file){.path = path};
    if (strcmp(path, "-") == 0) {
        file->stream = stdout;
        return CLI_OK;
    }
    int fd =
        is_special(path) ? open(path, O_WRONLY | O_CLOEXEC) : create_beside(path, &file->temporary);
    if (fd >= 0) file->stream = fdopen(fd, "w");
    if (file->stream) return CLI_OK;
    int status = cli_fail("cannot write %s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    cli_file_drop(file);
    return status;
}

void cli_file_drop(cli_file *file) {
    if (file->stream && file->stream != stdout) fclose(file->stream);
    if (file->temporary) unlink(file->temporary);
    free(file->temporary);
    *file = (cli_file){0};
}

static int fail_write(const cli_file *file) {
    const char *name = file->stream == stdout ? "standard output" : file->path;
    return cli_fail("cannot write %s: %s", name,
                    errno ? strerror(errno) : "an earlier write failed");
}

int cli_file_check(const cli_file *file) {
    return ferror(file->stream) ? fail_write(file) : CLI_OK;
}

static bool finish(cli_file *file) {
    if (fflush(file->stream) != 0 || ferror(file->stream)) return false;
    if (file->stream == stdout) return true;
    if (file->temporary && fsync(fileno(file->stream)) != 0) return false;
    FILE *stream = file->stream;
    file->stream = NULL;
    if (fclose(stream) != 0) return false;
    return !file->temporary || rename(file->temporary, file->path) == 0;
}

int cli_file_keep(cli_file *file) {
    errno = 0;
    if (!finish(file)) {
        int status = fail_write(file);
        cli_file_drop(file);
        return status;
    }
    free(file->temporary);
    *file = (cli_file){0};
    return CLI_OK;
}

int cli_check_output(const char *flag, const char *path) {
    if (!path) return CLI_OK;
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return cli_fail("--%s: %s is %s", flag, path,
                        S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
    char *temporary = NULL;
    int fd = create_beside(path, &temporary);
    if (fd < 0) return cli_fail("--%s: cannot write %s: %s", flag, path, strerror(errno));
    close(fd);
    unlink(temporary);
    free(temporary);
    return CLI_OK;
}

static bool is_same_file(const char *a, const char *b) {
    if (strcmp(a, b) == 0) return true;
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

int cli_check_paths(const cli_path *paths, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++) {
            if (!paths[i].path || !paths[j].path || (!paths[i].is_output && !paths[j].is_output))
                continue;
            if (is_same_file(paths[i].path, paths[j].path))
                return cli_usage("%s and %s are the same file, %s", paths[j].flag, paths[i].flag,
                                 paths[i].path);
        }
    return CLI_OK;
}

int cli_close_stdout(void) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return CLI_OK;
    return cli_fail("cannot write standard output: %s",
                    errno ? strerror(errno) : "an earlier write failed");
}

json_t *cli_config_json(const mmoe_config *config) {
    char *text = NULL;
    if (mmoe_config_text(config, &text, NULL)) return NULL;
    json_t *value = json_loads(text, 0, NULL);
    mmoe_config_text_free(config, text);
    return value;
}

json_t *cli_json_number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

enum { JSON_WIDTH = 100, JSON_STEP = 2 };
static const size_t json_flags = JSON_REAL_PRECISION(12) | JSON_ENCODE_ANY;

/* On one line where it fits, else an entry a line. False when memory is out. */
static bool write_indented(FILE *stream, json_t *value, int indent) {
    char *text = json_dumps(value, json_flags);
    if (!text) return false;
    bool fits = strlen(text) + (size_t)indent <= JSON_WIDTH ||
                !(json_is_object(value) || json_is_array(value));
    if (fits) fputs(text, stream);
    free(text);
    if (fits) return true;
    bool is_object = json_is_object(value), done = true;
    const char *comma = "";
    fputc(is_object ? '{' : '[', stream);
    void *entry = is_object ? json_object_iter(value) : NULL;
    for (size_t i = 0; done && (is_object ? entry != NULL : i < json_array_size(value)); i++) {
        fprintf(stream, "%s\n%*s", comma, indent + JSON_STEP, "");
        comma = ",";
        if (is_object) {
            json_t *key = json_string(json_object_iter_key(entry));
            done = key && write_indented(stream, key, 0);
            json_decref(key);
            fputs(": ", stream);
        }
        done = done &&
               write_indented(stream,
                              is_object ? json_object_iter_value(entry) : json_array_get(value, i),
                              indent + JSON_STEP);
        if (is_object) entry = json_object_iter_next(value, entry);
    }
    fprintf(stream, "\n%*s%c", indent, "", is_object ? '}' : ']');
    return done;
}

int cli_print_json(FILE *stream, json_t *value, bool indent) {
    if (!value) return cli_fail_memory();
    bool done = indent ? write_indented(stream, value, 0)
                       : json_dumpf(value, stream, json_flags | JSON_COMPACT) == 0;
    json_decref(value);
    /* A failed write shows at the stream when it is closed. */
    if (!done && !ferror(stream)) return cli_fail_memory();
    fputc('\n', stream);
    return CLI_OK;
}

const char *cli_task_type_name(int type) {
    return type == MMOE_CLASSIFICATION ? "classification" : "regression";
}

typedef struct figure {
    const char *name;
    double value;
    bool applies;
} figure;

enum { N_FIGURE = 6 };

static void list_figures(const mmoe_task_metrics *m, figure out[N_FIGURE]) {
    bool c = m->type == MMOE_CLASSIFICATION;
    const figure figures[N_FIGURE] = {{"auc", m->auc, c},  {"logloss", m->logloss, c},
                                      {"mse", m->mse, !c}, {"rmse", m->rmse, !c},
                                      {"mae", m->mae, !c}, {"calibration", m->calibration, true}};
    memcpy(out, figures, sizeof figures);
}

json_t *cli_metrics_json(const mmoe_task_metrics *metrics) {
    figure figures[N_FIGURE];
    list_figures(metrics, figures);
    json_t *object = json_object();
    for (int i = 0; i < N_FIGURE; i++)
        if (figures[i].applies)
            json_object_set_new(object, figures[i].name, cli_json_number(figures[i].value));
    if (metrics->why) json_object_set_new(object, "why", json_string(metrics->why));
    return object;
}

json_t *cli_report_json(int64_t rows, const mmoe_task_metrics *metrics, int32_t n_task) {
    json_t *tasks = json_array();
    for (int32_t t = 0; t < n_task; t++) {
        json_t *task = json_pack("{s:s, s:s}", "name", metrics[t].name, "type",
                                 cli_task_type_name((int)metrics[t].type));
        json_t *figures = cli_metrics_json(&metrics[t]);
        if (task && figures) json_object_update(task, figures);
        json_decref(figures);
        if (task) json_object_set_new(task, "rows", json_integer(metrics[t].rows));
        json_array_append_new(tasks, task);
    }
    return json_pack("{s:I, s:o}", "rows", (json_int_t)rows, "tasks", tasks);
}

void cli_print_metrics(const mmoe_task_metrics *metrics, int32_t n_task) {
    bool wanted[N_FIGURE] = {false};
    figure figures[N_FIGURE];
    int width = 4;
    for (int32_t t = 0; t < n_task; t++) {
        list_figures(&metrics[t], figures);
        for (int i = 0; i < N_FIGURE; i++) wanted[i] |= figures[i].applies;
        if ((int)strlen(metrics[t].name) > width) width = (int)strlen(metrics[t].name);
    }
    printf("%-*s  %-14s  %10s", width, "task", "type", "rows");
    for (int i = 0; i < N_FIGURE; i++)
        if (wanted[i]) printf("  %11s", figures[i].name);
    putchar('\n');
    for (int32_t t = 0; t < n_task; t++) {
        list_figures(&metrics[t], figures);
        printf("%-*s  %-14s  %10" PRId64, width, metrics[t].name,
               cli_task_type_name((int)metrics[t].type), metrics[t].rows);
        for (int i = 0; i < N_FIGURE; i++) {
            if (!wanted[i]) continue;
            if (figures[i].applies && isfinite(figures[i].value))
                printf("  %11.6g", figures[i].value);
            else
                printf("  %11s", figures[i].applies ? "undefined" : "-");
        }
        printf("%s%s\n", metrics[t].why ? "  " : "", metrics[t].why ? metrics[t].why : "");
    }
}
