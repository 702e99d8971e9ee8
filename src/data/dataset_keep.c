/* Columns that a data set keeps beside its rows, from their file or from memory. */
#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/raw_bytes.h"
#include "data/dataset.h"

/* A column on its way into a data set. */
typedef struct keeper {
    struct mmoe_dataset *set;
    const mmoe_reading *reading;
    const char *path; /* of the file that is read */
    size_t at;        /* of the column in it */
    mmoe_kept kept;
    int64_t rows; /* so far */
} keeper;

static mmoe_status begin(keeper *k, const char *column, mmoe_error *err) {
    const mmoe_allocator *a = &k->set->alloc;
    const size_t rows = (size_t)k->set->rows;
    const mmoe_status status = mmoe_kept_begin(&k->kept, column, a, err);
    if (status) return status;
    k->kept.values = mmoe_alloc(a, rows, sizeof *k->kept.values);
    return k->kept.values ? MMOE_OK : mmoe_fail_memory(err, rows * sizeof *k->kept.values);
}

static mmoe_status add_value(keeper *k, const char *text, size_t length, mmoe_error *err) {
    return mmoe_vocab_add(k->kept.vocab, text, length, &k->kept.values[k->rows++], err);
}

/* The column stands beside the rows, or nothing is left of it. */
static mmoe_status end(keeper *k, mmoe_status status, mmoe_error *err) {
    if (!status) status = mmoe_vocab_finish(k->kept.vocab, err);
    if (!status) status = mmoe_dataset_add_kept(k->set, &k->kept, err);
    if (status) mmoe_kept_finish(&k->kept, &k->set->alloc);
    return status;
}

static mmoe_status on_header(void *user, const mmoe_csv_field *fields, size_t n_fields,
                             mmoe_error *err) {
    keeper *k = user;
    k->at = mmoe_csv_find(fields, n_fields, k->kept.name);
    if (k->at < n_fields) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_FORMAT, k->path, 0, k->kept.name,
                        "the file has no such column");
}

static mmoe_status fail_changed(const keeper *k, mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_IO, k->path, 0, NULL,
                        "column \"%s\" is read when the rows have been, and the file has other "
                        "rows now",
                        k->kept.name);
}

static mmoe_status on_row(void *user, int64_t row, const mmoe_csv_field *fields, mmoe_error *err) {
    keeper *k = user;
    const mmoe_csv_field *f = &fields[k->at];
    const mmoe_place at = mmoe_places_find(&k->set->places, k->rows + 1);
    if (mmoe_places_left_out(&k->set->places, k->rows, k->path, row)) return MMOE_OK;
    if (k->rows == k->set->rows || at.row != row ||
        (at.file && strcmp(at.file, mmoe_raw_bytes_name(k->path)) != 0))
        return fail_changed(k, err);
    const bool is_missing = mmoe_reading_is_missing(k->reading, f->text, f->length);
    return add_value(k, f->text, is_missing ? 0 : f->length, err);
}

/* A row of other fields was left out when the rows were read. */
static mmoe_status on_fault(void *user, const mmoe_error *fault, mmoe_error *err) {
    const keeper *k = user;
    if (mmoe_places_left_out(&k->set->places, k->rows, k->path, fault->row)) return MMOE_OK;
    if (err) *err = *fault;
    return fault->code;
}

static mmoe_status read_file(keeper *k, const char *path, mmoe_error *err) {
    const mmoe_csv_handler handler = {.user = k,
                                      .header = on_header,
                                      .row = on_row,
                                      .fault = on_fault,
                                      .lenient = k->reading->quotes == MMOE_QUOTES_LENIENT,
                                      .separator = mmoe_reading_separator(k->reading),
                                      .headless = k->reading->header == MMOE_HEADER_NONE};
    k->path = path;
    return mmoe_csv_read(path, &handler, &k->set->alloc, err);
}

/* The file, or the first of several and those behind it. */
static mmoe_status read_files(keeper *k, const char *path, mmoe_error *err) {
    const mmoe_places *places = &k->set->places;
    mmoe_status status = read_file(k, path, err);
    for (size_t i = 1; !status && i < places->n_origin; i++)
        status = read_file(k, places->origins[i].path, err);
    return !status && k->rows < k->set->rows ? fail_changed(k, err) : status;
}

/* Of packed rows, and of files that are not those of the rows, or are read once. */
static mmoe_status check_files(const mmoe_dataset *set, const char *path, const char *column,
                               mmoe_error *err) {
    const mmoe_places *places = &set->places;
    bool is_input = strcmp(path, "-") == 0;
    for (size_t i = 1; i < places->n_origin; i++)
        is_input |= strcmp(places->origins[i].path, "-") == 0;
    if (is_input)
        return mmoe_fail_at(
            err, MMOE_E_ARGUMENT, mmoe_raw_bytes_name("-"), 0, column,
            "it is kept by reading the rows again, and standard input is read once");
    if (set->stored || set->identity)
        return mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, column,
                            "the rows were packed without it (mmoe pack --keep)");
    if (places->n_origin > 1 && strcmp(places->origins->path, path) != 0)
        return mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, column,
                            "the rows are of %zu files, of which %s is the first", places->n_origin,
                            places->origins->path);
    return MMOE_OK;
}

mmoe_status mmoe_dataset_keep_csv(mmoe_dataset *set, const mmoe_schema *schema, const char *path,
                                  const char *column, mmoe_error *err) {
    if (!set || !schema || !path || !column)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_dataset_keep_csv: an argument is NULL");
    if (mmoe_dataset_kept(set, column)) return MMOE_OK;
    mmoe_status status = check_files(set, path, column, err);
    if (status) return status;
    keeper k = {.set = set, .reading = &schema->reading, .path = path};
    status = begin(&k, column, err);
    if (!status) status = read_files(&k, path, err);
    return end(&k, status, err);
}

mmoe_status mmoe_dataset_keep(mmoe_dataset *set, const char *column, const char *const *values,
                              mmoe_error *err) {
    if (!set || !column || (!values && set->rows > 0))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_dataset_keep: an argument is NULL");
    if (mmoe_dataset_kept(set, column)) return MMOE_OK;
    keeper k = {.set = set};
    mmoe_status status = begin(&k, column, err);
    while (!status && k.rows < set->rows) {
        const char *text = values[k.rows] ? values[k.rows] : "";
        status = add_value(&k, text, strlen(text), err);
    }
    return end(&k, status, err);
}

/* ---- Counts ---- */

static void count_values(const int32_t *values, int64_t rows, int64_t *counts) {
    for (int64_t r = 0; r < rows; r++) counts[values[r]]++;
}

/* Block by block, of which this column alone is read. */
static mmoe_status count_stored(const struct mmoe_dataset *set, size_t column, int64_t *counts,
                                mmoe_error *err) {
    const mmoe_stored *s = set->stored;
    const mmoe_allocator *a = &set->alloc;
    mmoe_stored_reader reader = {0};
    int32_t **room = mmoe_alloc_zero(a, (size_t)s->n_kept, sizeof *room),
            *values = mmoe_alloc(a, MMOE_BLOCK_ROWS, sizeof *values);
    mmoe_status status =
        room && values ? MMOE_OK : mmoe_fail_memory(err, MMOE_BLOCK_ROWS * sizeof *values);
    if (!status) status = mmoe_stored_reader_open(s, &reader, err);
    if (!status) room[column] = values;
    for (int64_t b = 0; !status && b < mmoe_blocks_of(s->rows); b++) {
        const mmoe_block_room to = {.kept = room};
        status = mmoe_stored_read(&reader, b, &to, err);
        if (!status) count_values(values, mmoe_block_rows(s->rows, b), counts);
    }
    mmoe_stored_reader_close(&reader);
    mmoe_release(a, values);
    mmoe_release(a, room);
    return status;
}

mmoe_status mmoe_dataset_count_kept(const struct mmoe_dataset *set, const mmoe_kept *kept,
                                    int64_t *counts, mmoe_error *err) {
    if (!kept->values) return count_stored(set, (size_t)(kept - set->kept), counts, err);
    count_values(kept->values, set->rows, counts);
    return MMOE_OK;
}
