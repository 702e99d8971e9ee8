/* CSV files as a configuration or a schema wants them: their rows in memory, in files without names
 * or in a packed folder. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "config/config.h"
#include "data/row_sink.h"
#include "data/rows.h"
#include "file/packed.h"
#include "mmoe/train.h"

/* A file, and what its rows are encoded by: a schema that a configuration wants, or one that
 * stands. */
typedef struct csv_rows {
    const char *path;
    const mmoe_config *config; /* NULL: the schema stands */
    const mmoe_schema *schema;
    mmoe_csv_how how; /* with `growing` the schema stands, and learns of the rows */
} csv_rows;

/* *learned: as mmoe_dataset_fit has it; NULL where the schema stands. */
static mmoe_status read_rows(const csv_rows *r, const mmoe_allocator *a, mmoe_schema **learned,
                             mmoe_dataset **out, mmoe_error *err) {
    *learned = NULL;
    if (!r->config) return mmoe_dataset_read(r->schema, r->path, &r->how, a, out, err);
    mmoe_label_column *labels = mmoe_config_labels(r->config, a);
    if (!labels) return mmoe_fail_memory(err, (size_t)r->config->n_task * sizeof *labels);
    const mmoe_schema_wanted wanted = {&r->config->features, labels, r->config->n_task, r->path};
    const mmoe_status status = mmoe_dataset_fit(&wanted, &r->how, a, learned, out, err);
    mmoe_release(a, labels);
    return status;
}

/* ---- Rows that do not stand in memory ---- */

typedef struct packing_sink {
    mmoe_packing what;
    mmoe_allocator alloc;
    mmoe_packer *packer; /* NULL: no rows have come, whose schema is yet to be learned */
    bool grows;
    mmoe_schema *grown; /* a copy of the folder's schema, which learns of the rows */
} packing_sink;

static mmoe_status begin_packing(void *user, const struct mmoe_schema *schema, mmoe_error *err) {
    packing_sink *s = user;
    if (s->packer) return MMOE_OK;
    s->what.schema = schema;
    return mmoe_packer_open(&s->what, &s->alloc, &s->packer, err);
}

static mmoe_status take_rows(void *user, const struct mmoe_dataset *rows, mmoe_error *err) {
    return mmoe_packer_add(((packing_sink *)user)->packer, rows, err);
}

static mmoe_status settle_rows(void *user, const mmoe_row_settling *how, mmoe_error *err) {
    return mmoe_packer_settle(((packing_sink *)user)->packer, how, err);
}

/* A folder that is there, or the one that a new folder will stand in. */
static char *folder_at(const char *path, const mmoe_allocator *a) {
    struct stat about;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return mmoe_copy_text(a, path, strlen(path));
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    while (length && path[length - 1] != '/') length--;
    return length ? mmoe_copy_text(a, path, length) : mmoe_copy_text(a, ".", 1);
}

/* What is said of a file's rows is said of the set that has them, and where they stand there unless
 * others are before them. */
static void tell(mmoe_dataset *read, mmoe_dataset *rows) {
    const mmoe_dataset had = *rows;
    rows->notes = read->notes;
    rows->warnings = read->warnings;
    read->notes = had.notes;
    read->warnings = had.warnings;
    if (rows->rows != read->rows) return;
    rows->knows_constants = read->knows_constants;
    rows->places = read->places;
    read->places = had.places;
}

/* Ends the packer. *out: all its rows, stored; NULL: nobody asks. Takes `read`. */
static mmoe_status end_packing(packing_sink *s, mmoe_dataset *read, mmoe_status status,
                               mmoe_dataset **out, mmoe_error *err) {
    mmoe_dataset *rows = NULL;
    for (size_t i = 0; !status && i < read->places.n_origin; i++)
        status = mmoe_packer_name(s->packer, &read->places.origins[i], err);
    if (s->packer) status = mmoe_packer_close(s->packer, status, out ? &rows : NULL, err);
    if (rows) tell(read, rows);
    if (rows) *out = rows;
    mmoe_dataset_free(read);
    return status;
}

/* Opens the packer, unless the schema is yet to be learned, or to grow: then it is seen that it can
 * be. */
static mmoe_status open_packer(csv_rows *r, packing_sink *s, mmoe_error *err) {
    if (r->config || r->how.growing)
        return s->what.is_unnamed ? MMOE_OK : mmoe_packed_check_new(s->what.folder, err);
    const mmoe_status status = mmoe_packer_open(&s->what, &s->alloc, &s->packer, err);
    if (status) return status;
    r->schema = mmoe_packer_schema(s->packer);
    return s->grows ? mmoe_schema_copy(r->schema, &s->alloc, &s->grown, err) : MMOE_OK;
}

/* Reads rows into the sink. */
static mmoe_status pack_rows(csv_rows *r, packing_sink *s, mmoe_schema **learned,
                             mmoe_dataset **out, mmoe_error *err) {
    const mmoe_allocator *a = &s->alloc;
    char *waiting = folder_at(s->what.folder, a);
    mmoe_dataset *read = NULL;
    const mmoe_row_sink sink = {s, waiting, begin_packing, take_rows, settle_rows};
    r->how.sink = &sink;
    s->what.waits = r->config || r->how.growing || s->grows;
    mmoe_status status = MMOE_OK;
    if (!waiting) status = mmoe_fail_memory(err, strlen(s->what.folder));
    if (!status && r->how.threads > 1)
        status = mmoe_pool_create(r->how.threads, a, &s->what.pool, err);
    if (!status) status = open_packer(r, s, err);
    if (s->grown) {
        r->how.known = r->schema;
        r->schema = r->how.growing = s->grown;
    }
    if (!status) status = read_rows(r, a, learned, &read, err);
    status = end_packing(s, read, status, out, err);
    mmoe_schema_free(s->grown);
    mmoe_pool_free(s->what.pool);
    mmoe_release(a, waiting);
    return status;
}

/* ---- Packed ---- */

static mmoe_status check_packing(const mmoe_csv_packing *what, mmoe_csv_how *how, mmoe_error *err) {
    static const char call[] = "mmoe_pack_csv";
    if (!what || !what->path || !what->folder)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: path or folder is NULL", call);
    if ((what->config != NULL) + (what->schema != NULL) + (what->grow != 0) > 1)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: a configuration, whose schema is learned, a schema that stands and "
                         "one that grows are three ways",
                         call);
    const mmoe_status status = mmoe_csv_how_of(&what->reading, call, how, err);
    if (status) return status;
    if (how->labels != MMOE_LABELS_REQUIRED || what->reading.stream_folder)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: packed rows have labels, and one folder", call);
    return MMOE_OK;
}

mmoe_status mmoe_pack_csv(const mmoe_csv_packing *what, const mmoe_allocator *alloc,
                          mmoe_dataset **out, mmoe_error *err) {
    csv_rows rows = {NULL};
    const mmoe_status status = check_packing(what, &rows.how, err);
    if (status) return status;
    if (mmoe_allocator_check(alloc, "mmoe_pack_csv", err)) return MMOE_E_ARGUMENT;
    packing_sink sink = {
        .what = {.folder = what->folder, .schema = what->schema, .keep = rows.how.keep},
        .alloc = mmoe_allocator_or_default(alloc),
        .grows = what->grow != 0};
    mmoe_schema *learned = NULL;
    rows.path = what->path;
    rows.config = what->config;
    const mmoe_status packed = pack_rows(&rows, &sink, &learned, out, err);
    mmoe_schema_free(learned);
    return packed;
}

/* ---- In memory, or streamed ---- */

static const char *stream_folder(const mmoe_read_options *options) {
    const char *folder = options ? options->stream_folder : NULL;
    if (!folder || *folder) return folder;
    folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

static mmoe_status get_rows(csv_rows *r, const mmoe_read_options *options,
                            const mmoe_allocator *alloc, mmoe_schema **learned, mmoe_dataset **out,
                            mmoe_error *err) {
    packing_sink sink = {.what = {.folder = stream_folder(options),
                                  .schema = r->how.growing ? NULL : r->schema,
                                  .keep = r->how.keep,
                                  .is_unnamed = true},
                         .alloc = mmoe_allocator_or_default(alloc)};
    if (!sink.what.folder) return read_rows(r, &sink.alloc, learned, out, err);
    const mmoe_status status = pack_rows(r, &sink, learned, out, err);
    if (!status) return MMOE_OK;
    mmoe_schema_free(*learned);
    return status;
}

mmoe_status mmoe_dataset_fit_csv(const mmoe_config *config, const char *path,
                                 const mmoe_allocator *alloc, mmoe_schema **schema,
                                 mmoe_dataset **out, mmoe_error *err) {
    if (!config || !path || !schema || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_dataset_fit_csv: an argument is NULL");
    if (mmoe_allocator_check(alloc, "mmoe_dataset_fit_csv", err)) return MMOE_E_ARGUMENT;
    return mmoe_dataset_fit_csv_with(config, path, NULL, alloc, schema, out, err);
}

/* Of rows that something is learned from, which have labels. */
static mmoe_status check_learning(const mmoe_read_options *options, const mmoe_allocator *alloc,
                                  const char *call, mmoe_csv_how *how, mmoe_error *err) {
    if (mmoe_allocator_check(alloc, call, err)) return MMOE_E_ARGUMENT;
    if (mmoe_csv_how_of(options, call, how, err)) return MMOE_E_ARGUMENT;
    if (how->labels == MMOE_LABELS_REQUIRED) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: labels is %d, not MMOE_LABELS_REQUIRED", call,
                     how->labels);
}

mmoe_status mmoe_dataset_fit_csv_with(const mmoe_config *config, const char *path,
                                      const mmoe_read_options *options, const mmoe_allocator *alloc,
                                      mmoe_schema **schema, mmoe_dataset **out, mmoe_error *err) {
    static const char call[] = "mmoe_dataset_fit_csv_with";
    csv_rows rows = {path, config, NULL, {0}};
    mmoe_schema *learned = NULL;
    if (!config || !path || !schema || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: an argument is NULL", call);
    if (check_learning(options, alloc, call, &rows.how, err)) return MMOE_E_ARGUMENT;
    const mmoe_status status = get_rows(&rows, options, alloc, &learned, out, err);
    if (!status) *schema = learned;
    return status;
}

mmoe_status mmoe_dataset_read_csv(const mmoe_schema *schema, const char *path, int labels,
                                  const mmoe_allocator *alloc, mmoe_dataset **out,
                                  mmoe_error *err) {
    const mmoe_read_options options = {.labels = labels};
    if (mmoe_allocator_check(alloc, "mmoe_dataset_read_csv", err)) return MMOE_E_ARGUMENT;
    return mmoe_dataset_read_csv_with(schema, path, &options, alloc, out, err);
}

mmoe_status mmoe_dataset_read_csv_with(const mmoe_schema *schema, const char *path,
                                       const mmoe_read_options *options,
                                       const mmoe_allocator *alloc, mmoe_dataset **out,
                                       mmoe_error *err) {
    static const char call[] = "mmoe_dataset_read_csv_with";
    csv_rows rows = {path, NULL, schema, {0}};
    mmoe_schema *learned = NULL;
    if (!schema || !path || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "schema, path or out is NULL");
    if (mmoe_csv_how_of(options, call, &rows.how, err)) return MMOE_E_ARGUMENT;
    if (mmoe_label_mode_check(rows.how.labels, err)) return MMOE_E_ARGUMENT;
    if (mmoe_allocator_check(alloc, call, err)) return MMOE_E_ARGUMENT;
    if (options && options->stream_folder && rows.how.labels == MMOE_ROWS_TO_SCORE)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: rows to score are not streamed", call);
    return get_rows(&rows, options, alloc, &learned, out, err);
}

static bool may_grow(const mmoe_schema *schema) {
    int32_t i = 0;
    while (i < schema->n_table && !schema->tables[i].encoder->kind->grow) i++;
    return i < schema->n_table;
}

mmoe_status mmoe_dataset_grow_csv(const mmoe_schema *schema, const char *path,
                                  const mmoe_read_options *options, const mmoe_allocator *alloc,
                                  mmoe_schema **grown, mmoe_dataset **out, mmoe_error *err) {
    static const char call[] = "mmoe_dataset_grow_csv";
    csv_rows rows = {path, NULL, NULL, {0}};
    mmoe_schema *learned = NULL, *growing = NULL;
    if (!schema || !path || !grown || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: an argument is NULL", call);
    if (check_learning(options, alloc, call, &rows.how, err)) return MMOE_E_ARGUMENT;
    if (!may_grow(schema))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "no feature has learned a vocabulary, so there is nothing that grows");
    mmoe_status status = mmoe_schema_copy(schema, alloc, &growing, err);
    if (status) return status;
    rows.schema = rows.how.growing = growing;
    rows.how.known = schema;
    status = get_rows(&rows, options, alloc, &learned, out, err);
    if (status)
        mmoe_schema_free(growing);
    else
        *grown = growing;
    return status;
}
