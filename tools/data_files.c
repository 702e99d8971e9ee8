#include "data_files.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/raw_bytes.h"

bool cli_is_folder(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

const char *cli_rows_folder(const cli_rows *rows) {
    for (size_t i = 0; i < rows->count; i++)
        if (cli_is_folder(rows->paths[i])) return rows->paths[i];
    return NULL;
}

bool cli_rows_have_input(const cli_rows *rows) {
    size_t i = 0;
    while (i < rows->count && strcmp(rows->paths[i], "-") != 0) i++;
    return i < rows->count;
}

const char *cli_rows_stream(const cli_rows *rows) {
    for (size_t i = 0; i < rows->count; i++) {
        struct stat about;
        const bool is_input = strcmp(rows->paths[i], "-") == 0;
        if (is_input ||
            (!stat(rows->paths[i], &about) && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)))
            return rows->paths[i];
    }
    return NULL;
}

void cli_rows_free(cli_rows *rows) {
    for (size_t i = 0; i < rows->count; i++) free(rows->paths[i]);
    free(rows->paths);
    free(rows->name);
    *rows = (cli_rows){0};
}

static int name_rows(cli_rows *rows) {
    char room[MMOE_FILES_SIZE];
    free(rows->name);
    rows->name = strdup(mmoe_files_name(rows->paths[0], rows->count - 1, room));
    return rows->name ? CLI_OK : cli_fail_memory();
}

/* By another name, or by a link, as "latest.csv" may be among those of a pattern. */
static bool is_same(const char *path, const char *other) {
    struct stat x, y;
    return strcmp(path, "-") != 0 && strcmp(other, "-") != 0 && !stat(path, &x) &&
           !stat(other, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int add(cli_rows *rows, const char *where, const char *path) {
    for (size_t i = 0; i < rows->count; i++) {
        if (strcmp(rows->paths[i], path) == 0)
            return cli_usage("%s: %s is given twice", where, mmoe_raw_bytes_name(path));
        if (is_same(rows->paths[i], path))
            return cli_usage("%s: %s and %s are the same file", where, rows->paths[i], path);
    }
    char **paths = realloc(rows->paths, (rows->count + 1) * sizeof *paths);
    if (!paths) return cli_fail_memory();
    rows->paths = paths;
    paths[rows->count] = strdup(path);
    if (!paths[rows->count]) return cli_fail_memory();
    rows->count++;
    return name_rows(rows);
}

static bool is_file(const char *path) {
    struct stat about;
    return stat(path, &about) == 0;
}

int cli_rows_add(cli_rows *rows, const char *where, const char *text) {
    if (!strpbrk(text, "*?[") || is_file(text)) return add(rows, where, text);
    glob_t found = {0};
    const int result = glob(text, GLOB_ERR, NULL, &found);
    int status = CLI_OK;
    if (result == GLOB_NOMATCH) status = cli_fail("%s: no file is like %s", where, text);
    if (result == GLOB_NOSPACE) status = cli_fail_memory();
    if (result == GLOB_ABORTED)
        status = cli_fail_system("%s: cannot look for files like %s", where, text);
    for (size_t i = 0; !result && !status && i < found.gl_pathc; i++)
        status = add(rows, where, found.gl_pathv[i]);
    globfree(&found);
    return status;
}
