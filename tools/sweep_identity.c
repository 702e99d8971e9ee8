/* Of what sweep results are: DIRECTORY/sweep.json. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "output.h"
#include "rows.h"
#include "sweep.h"
#include "warnings.h"

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

/* ---- Files that tables begin with ---- */

static const char pretrained[] = "pretrained";

/* "FILE.npy", or "FILE.safetensors:TENSOR", which is cut. */
static void cut_tensor(char *text) {
    static const char kind[] = ".safetensors:";
    char *end = strstr(text, kind);
    if (end) end[strlen(kind) - 1] = '\0';
}

static int add_vectors(const char *text, json_t *files) {
    char *path = text ? strdup(text) : NULL;
    json_t *file = NULL;
    if (!text) return CLI_OK;
    if (!path) return cli_fail_memory();
    cut_tensor(path);
    int status = json_object_get(files, path) ? CLI_OK : file_identity(path, &file);
    if (file && json_object_set_new(files, path, file)) status = cli_fail_memory();
    free(path);
    return status;
}

static int add_vectors_of(const json_t *features, json_t *files) {
    const json_t *feature;
    int status = CLI_OK;
    size_t i;
    json_array_foreach(features, i, feature) {
        if (!status)
            status = add_vectors(json_string_value(json_object_get(feature, pretrained)), files);
    }
    return status;
}

/* Of all settings, by their paths. */
static int add_pretrained(const sweep_plan *p, json_t *identity) {
    json_t *files = json_object();
    const json_t *data;
    int status = files ? CLI_OK : cli_fail_memory();
    size_t i;
    json_array_foreach(p->data, i, data) {
        const json_t *features = json_object_get(data, "features");
        if (!status) status = add_vectors_of(json_object_get(features, "sparse"), files);
        if (!status) status = add_vectors_of(json_object_get(features, "sequence"), files);
    }
    if (!status && json_object_size(files) && json_object_set(identity, pretrained, files))
        status = cli_fail_memory();
    json_decref(files);
    return status;
}

/* Settings of before may have had others, which the record keeps; *changed: one is another than it
 * was. Returns whether any is new to the record. */
static bool join_pretrained(json_t *own, json_t *found, const char **changed) {
    json_t *files = json_object_get(own, pretrained), *were = json_object_get(found, pretrained),
           *file;
    const char *path;
    if (!files && were) json_object_set(own, pretrained, were);
    if (!files || !were) return files != NULL;
    const size_t had = json_object_size(were);
    json_object_foreach(were, path, file) {
        const json_t *is = json_object_get(files, path);
        if (is && !json_equal(is, file)) *changed = path;
        if (!is) json_object_set(files, path, file);
    }
    return json_object_size(files) > had;
}

/* ---- The record ---- */

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
    if (!status) status = add_pretrained(p, own);
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
        if (strcmp(part, pretrained) == 0) continue;
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

static int fail_changed(const char *directory, const char *part, const char *path) {
    return cli_fail("%s has the results of another sweep: \"%s\" has changed, the file %s; choose "
                    "another --output",
                    directory, part, path);
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
        return fail_changed(directory, part, path);
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

/* Of an older version. */
static void warn_of_record(const char *path, int unknown, bool knows_vectors) {
    if (unknown)
        cli_warn("%s is of an older version and knows the length of %d data files alone: that "
                 "their rows are those of the results cannot be checked",
                 path, unknown);
    if (!knows_vectors)
        cli_warn("%s is of an older version and does not know the \"pretrained\" files: that they "
                 "are those of the results cannot be checked",
                 path);
}

/* Its record is read; one of an older version has its data's bytes from now on. */
static int check_record(const char *path, json_t *own, const char *directory) {
    json_t *found = json_load_file(path, 0, NULL);
    if (!found) return cli_fail("%s is no description of a sweep", path);
    int unknown = 0;
    const char *changed = NULL;
    const bool is_new = join_pretrained(own, found, &changed),
               knows_vectors = !is_new || json_object_get(found, pretrained);
    int status = changed ? fail_changed(directory, pretrained, changed)
                         : compare_identity(own, found, directory, &unknown);
    json_decref(found);
    if (status || (!unknown && !is_new)) return status;
    warn_of_record(path, unknown, knows_vectors);
    return write_identity(path, own);
}

int sweep_check_identity(json_t *own, const sweep_results *r) {
    char path[PATH_MAX];
    struct stat st;
    int status = CLI_OK;
    snprintf(path, sizeof path, "%s/sweep.json", r->directory);
    if (stat(path, &st) == 0)
        status = check_record(path, own, r->directory);
    else if (stat(r->path, &st) == 0 && st.st_size > 0)
        status = cli_fail("%s stands there, but not %s, which would say of what sweep it is; "
                          "choose another --output",
                          r->path, path);
    else
        status = write_identity(path, own);
    return status;
}
