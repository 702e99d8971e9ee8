#include "file/packed_manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/json_text.h"
#include "file/packed_schema.h"
#include "file/schema_entry.h"
#include "mmoe/train.h"

static const char format[] = "mmoe packed data";

/* ---- To JSON ---- */

/* 64 bits as text: JSON's numbers have 53. */
static json_t *bits_to_json(uint64_t bits) {
    char text[MMOE_CHECKSUM_SIZE];
    mmoe_checksum_print(bits, text);
    return json_string(text);
}

static json_t *counts_to_json(const struct mmoe_dataset *set) {
    json_t *list = json_array();
    for (int32_t i = 0; i < set->n_sparse + set->n_dense; i++) {
        const mmoe_column_counts *c = &set->notes[i].counts;
        json_array_append_new(list,
                              json_pack("{s:I, s:I, s:I, s:I}", "values", (json_int_t)c->values,
                                        "missing", (json_int_t)c->missing, "unknown",
                                        (json_int_t)c->unknown, "cut", (json_int_t)c->cut));
    }
    return list;
}

static json_t *labels_to_json(const struct mmoe_schema *schema) {
    json_t *list = json_array();
    for (int32_t i = 0; i < schema->n_label; i++) {
        const mmoe_label_column *l = &schema->labels[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:o}", "name", l->name, "mean",
                                        l->has_mean ? mmoe_double_to_json(l->mean) : json_null()));
    }
    return list;
}

static json_t *numbers_to_json(const void *numbers, int32_t count, bool wide) {
    json_t *list = json_array();
    for (int32_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(wide ? (json_int_t)((const int64_t *)numbers)[i]
                                                      : ((const int32_t *)numbers)[i]));
    return list;
}

static json_t *kept_to_json(const struct mmoe_dataset *set) {
    json_t *list = json_array();
    for (size_t i = 0; i < set->n_kept; i++)
        json_array_append_new(list, json_string(set->kept[i].name));
    return list;
}

/* The sum of a file's checksums over a part's blocks. */
static uint64_t sum_of(const mmoe_stored *s, const mmoe_stored_part *part, int32_t column) {
    const int64_t blocks = mmoe_blocks_of(part->rows);
    uint64_t sum = 0;
    for (int64_t b = 0; b < blocks; b++) sum += part->checksums[b * s->n_column + column];
    return sum;
}

static json_t *part_to_json(const mmoe_stored *s, int32_t i, const json_t *origins) {
    const mmoe_stored_part *part = &s->parts[i];
    char folder[24];
    snprintf(folder, sizeof folder, "part-%d", (int)i);
    json_t *files = json_object();
    for (int32_t c = 0; c < s->n_column; c++)
        json_object_set_new(files, s->columns[c].file, bits_to_json(sum_of(s, part, c)));
    json_t *json = json_pack("{s:s, s:I, s:I, s:o, s:O}", "folder", folder, "rows",
                             (json_int_t)part->rows, "written", (json_int_t)part->written, "files",
                             files, "sources", json_array_get(origins, (size_t)i));
    if (part->kept_sum) json_object_set_new(json, "kept", bits_to_json(part->kept_sum));
    return json;
}

json_t *mmoe_manifest_to_json(const struct mmoe_schema *schema, const char *schema_file,
                              const struct mmoe_dataset *set, const json_t *origins) {
    const mmoe_stored *s = set->stored;
    json_t *parts = json_array();
    for (int32_t i = 0; i < s->n_part; i++)
        json_array_append_new(parts, part_to_json(s, i, origins));
    return json_pack("{s:s, s:i, s:s, s:I, s:i, s:i, s:s, s:o, s:o, s:I, s:b, s:o, s:o, s:o, s:o, "
                     "s:o, s:o}",
                     "format", format, "version", MMOE_PACKED_VERSION, "mmoe_version",
                     mmoe_version(), "rows", (json_int_t)set->rows, "block_rows", MMOE_BLOCK_ROWS,
                     "lanes", MMOE_LANES, "schema", schema_file, "fingerprint",
                     bits_to_json(set->schema_hash), "identity", bits_to_json(set->identity),
                     "first_row", (json_int_t)set->places.first_row, "missing_labels",
                     set->any_missing_label, "largest_ids",
                     numbers_to_json(set->most_id, set->n_sparse, false), "list_elements",
                     numbers_to_json(s->apart, s->n_list, true), "features", counts_to_json(set),
                     "labels", labels_to_json(schema), "kept", kept_to_json(set), "parts", parts);
}

/* ---- The checksum of its text ---- */

/* It is the first member of the text, so that its digits always have the same place. While the sum
 * is computed they are all 0. */
#define SUM_LINE "{\n \"checksum\": \""
enum { SUM_AT = sizeof SUM_LINE - 1, SUM_DIGITS = MMOE_CHECKSUM_SIZE - 1 };

static void put_sum(char *text, size_t length) {
    char digits[MMOE_CHECKSUM_SIZE];
    memset(text + SUM_AT, '0', SUM_DIGITS);
    mmoe_checksum_print(mmoe_checksum_hash(0, text, length), digits);
    memcpy(text + SUM_AT, digits, SUM_DIGITS);
}

char *mmoe_manifest_print(json_t *json, const mmoe_allocator *alloc) {
    json_t *all = json_pack("{s:o}", "checksum", bits_to_json(0));
    const bool good = all && json && json_object_update_missing(all, json) == 0;
    char *text = good ? mmoe_json_print(all, JSON_INDENT(1), alloc) : NULL;
    json_decref(all);
    if (text) put_sum(text, strlen(text));
    return text;
}

static bool has_its_sum(char *text, size_t length) {
    char given[SUM_DIGITS];
    if (length < SUM_AT + SUM_DIGITS || memcmp(text, SUM_LINE, SUM_AT) != 0) return false;
    memcpy(given, text + SUM_AT, SUM_DIGITS);
    put_sum(text, length);
    return memcmp(given, text + SUM_AT, SUM_DIGITS) == 0;
}

/* ---- From JSON ---- */

typedef struct reader {
    const char *path;
    mmoe_error *err;
} reader;

static mmoe_status fail(const reader *r, const char *key, const char *fault) {
    return mmoe_fail_format(r->err, r->path, "%s %s", key, fault);
}

static mmoe_status read_integer(const reader *r, const json_t *json, const char *key, int64_t low,
                                int64_t high, int64_t *out) {
    const json_t *value = json_object_get(json, key);
    if (!json_is_integer(value)) return fail(r, key, "is no integer");
    *out = json_integer_value(value);
    return *out >= low && *out <= high ? MMOE_OK : fail(r, key, "is out of range");
}

static bool bits_from_json(const json_t *json, uint64_t *out) {
    const char *text = json_string_value(json);
    char *end = NULL;
    if (!text || strlen(text) != 16) return false;
    *out = strtoull(text, &end, 16);
    return !*end;
}

static mmoe_status check_version(const reader *r, const json_t *json) {
    const char *writer = json_string_value(json_object_get(json, "mmoe_version"));
    int64_t version = 0;
    const mmoe_status status = read_integer(r, json, "version", 1, INT32_MAX, &version);
    if (status || version == MMOE_PACKED_VERSION) return status;
    if (version > MMOE_PACKED_VERSION)
        return mmoe_fail_at(r->err, MMOE_E_VERSION, r->path, 0, NULL,
                            "written by a newer version, mmoe %.40s, as packed data of version "
                            "%lld; mmoe %s reads version %d",
                            writer ? writer : "(unknown)", (long long)version, mmoe_version(),
                            MMOE_PACKED_VERSION);
    return mmoe_fail_at(r->err, MMOE_E_VERSION, r->path, 0, NULL,
                        "packed data of version %lld; version %d is read: pack the data anew",
                        (long long)version, MMOE_PACKED_VERSION);
}

static mmoe_status read_head(const reader *r, const json_t *json) {
    const char *name = json_string_value(json_object_get(json, "format"));
    int64_t number;
    if (!name || strcmp(name, format))
        return fail(r, "format", "is not that of packed data of this library");
    mmoe_status status = check_version(r, json);
    if (status) return status;
    status = read_integer(r, json, "block_rows", MMOE_BLOCK_ROWS, MMOE_BLOCK_ROWS, &number);
    return status ? status : read_integer(r, json, "lanes", MMOE_LANES, MMOE_LANES, &number);
}

mmoe_status mmoe_manifest_check(const json_t *json, const char *path, char *text, size_t length,
                                mmoe_error *err) {
    const reader r = {path, err};
    const mmoe_status status = read_head(&r, json);
    if (status || !json_object_get(json, "checksum") || has_its_sum(text, length)) return status;
    return mmoe_fail_format(err, path,
                            "the file does not match its checksum: restore it or pack the data "
                            "anew; if it was changed by hand, delete its line \"checksum\"");
}

static mmoe_status read_counts(const reader *r, const json_t *json, struct mmoe_dataset *set) {
    const json_t *list = json_object_get(json, "features");
    const size_t count = (size_t)(set->n_sparse + set->n_dense);
    if (json_array_size(list) != count) return fail(r, "features", "are not those of the schema");
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < count; i++) {
        const json_t *entry = json_array_get(list, i);
        mmoe_column_counts *c = &set->notes[i].counts;
        status = read_integer(r, entry, "values", 0, INT64_MAX, &c->values);
        if (!status) status = read_integer(r, entry, "missing", 0, INT64_MAX, &c->missing);
        if (!status) status = read_integer(r, entry, "unknown", 0, INT64_MAX, &c->unknown);
        if (!status) status = read_integer(r, entry, "cut", 0, INT64_MAX, &c->cut);
    }
    return status;
}

static mmoe_status read_largest_ids(const reader *r, const json_t *json, struct mmoe_dataset *set) {
    const json_t *list = json_object_get(json, "largest_ids");
    bool good = json_array_size(list) == (size_t)set->n_sparse;
    for (int32_t i = 0; good && i < set->n_sparse; i++) {
        const json_t *id = json_array_get(list, (size_t)i);
        const json_int_t value = json_integer_value(id);
        good = json_is_integer(id) && value >= 0 && value <= INT32_MAX;
        set->most_id[i] = (int32_t)value;
    }
    return good ? MMOE_OK : fail(r, "largest_ids", "are not one a column");
}

static mmoe_status read_apart(const reader *r, const json_t *json, mmoe_stored *s) {
    const json_t *list = json_object_get(json, "list_elements");
    bool good = json_array_size(list) == (size_t)s->n_list;
    for (int32_t i = 0; good && i < s->n_list; i++) {
        s->apart[i] = json_integer_value(json_array_get(list, (size_t)i));
        good = s->apart[i] >= 0;
    }
    return good ? MMOE_OK : fail(r, "list_elements", "are not one a list");
}

/* A part's folder is of this one, whatever the manifest says. */
static mmoe_status read_part(const reader *r, const json_t *entry, const char *folder,
                             mmoe_stored *s) {
    mmoe_stored_part *part = &s->parts[s->n_part];
    char name[24];
    snprintf(name, sizeof name, "part-%d", (int)s->n_part);
    const char *given = json_string_value(json_object_get(entry, "folder"));
    if (!given || strcmp(given, name)) return fail(r, "parts", "are not part-0, part-1, ...");
    const int64_t most = INT64_MAX / 4096 - s->rows;
    mmoe_status status = read_integer(r, entry, "written", 1, most, &part->written);
    if (!status) status = read_integer(r, entry, "rows", 0, part->written, &part->rows);
    const json_t *kept = json_object_get(entry, "kept"); /* version 0.1 had none at first */
    if (!status && kept && !bits_from_json(kept, &part->kept_sum))
        status = fail(r, "kept", "is no number of 16 hexadecimal digits");
    if (status) return status;
    if (s->rows % MMOE_BLOCK_ROWS) return fail(r, "parts", "but the last have no whole blocks");
    part->folder = mmoe_packed_path(&s->alloc, folder, name);
    if (!part->folder) return mmoe_fail_memory(r->err, strlen(folder));
    part->first_block = s->rows / MMOE_BLOCK_ROWS;
    s->rows += part->rows;
    s->n_part++;
    return MMOE_OK;
}

static mmoe_status read_parts(const reader *r, const json_t *json, const char *folder,
                              mmoe_stored *s) {
    const json_t *list = json_object_get(json, "parts");
    const size_t count = json_array_size(list);
    if (!count || count > 1 << 20) return fail(r, "parts", "are no list of one or more");
    s->parts = mmoe_alloc_zero(&s->alloc, count, sizeof *s->parts);
    if (!s->parts) return mmoe_fail_memory(r->err, count * sizeof *s->parts);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < count; i++)
        status = read_part(r, json_array_get(list, i), folder, s);
    return status;
}

static mmoe_status read_means(const reader *r, const json_t *json, struct mmoe_schema *schema) {
    const json_t *list = json_object_get(json, "labels");
    if (json_array_size(list) != (size_t)schema->n_label)
        return fail(r, "labels", "are not those of the schema");
    for (int32_t i = 0; i < schema->n_label; i++) {
        mmoe_label_column *l = &schema->labels[i];
        const json_t *mean = json_object_get(json_array_get(list, (size_t)i), "mean");
        l->has_mean = mmoe_double_from_json(mean, &l->mean);
        if (!l->has_mean && !json_is_null(mean))
            return fail(r, "labels", "have a mean that is none");
    }
    return MMOE_OK;
}

mmoe_status mmoe_manifest_read(const mmoe_manifest *m, struct mmoe_schema *schema,
                               struct mmoe_dataset *set, mmoe_error *err) {
    const reader r = {m->path, err};
    mmoe_status status = read_parts(&r, m->json, m->folder, set->stored);
    if (!status) status = read_integer(&r, m->json, "rows", 1, INT64_MAX, &set->rows);
    if (!status && set->rows != set->stored->rows)
        status = fail(&r, "rows", "are not those of its parts");
    if (!status)
        status = read_integer(&r, m->json, "first_row", 1, INT64_MAX, &set->places.first_row);
    if (!status) status = read_counts(&r, m->json, set);
    if (!status) status = read_largest_ids(&r, m->json, set);
    if (!status) status = read_apart(&r, m->json, set->stored);
    if (!status) status = read_means(&r, m->json, schema);
    if (!status && !bits_from_json(json_object_get(m->json, "identity"), &set->identity))
        status = fail(&r, "identity", "is no number of 16 hexadecimal digits");
    if (!status && !bits_from_json(json_object_get(m->json, "fingerprint"), &set->schema_hash))
        status = fail(&r, "fingerprint", "is no number of 16 hexadecimal digits");
    set->any_missing_label = json_is_true(json_object_get(m->json, "missing_labels"));
    return status;
}

mmoe_status mmoe_manifest_kept(const mmoe_manifest *m, const mmoe_allocator *alloc,
                               const char ***out, mmoe_error *err) {
    const json_t *list = json_object_get(m->json, "kept");
    const size_t count = json_array_size(list);
    const reader r = {m->path, err};
    const char **names = mmoe_alloc_zero(alloc, count + 1, sizeof *names);
    if (!names) return mmoe_fail_memory(err, (count + 1) * sizeof *names);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < count; i++) {
        names[i] = json_string_value(json_array_get(list, i));
        if (!names[i]) status = fail(&r, "kept", "are no names of columns");
    }
    if (status)
        mmoe_release(alloc, (void *)names);
    else
        *out = names;
    return status;
}

static const json_t *part_of(const mmoe_manifest *m, int32_t part) {
    return json_array_get(json_object_get(m->json, "parts"), (size_t)part);
}

bool mmoe_manifest_has_sum(const mmoe_manifest *m, const mmoe_stored *s, int32_t part,
                           int32_t column) {
    const json_t *files = json_object_get(part_of(m, part), "files");
    uint64_t given;
    return bits_from_json(json_object_get(files, s->columns[column].file), &given) &&
           given == sum_of(s, &s->parts[part], column);
}

const char *mmoe_manifest_schema(const json_t *manifest) {
    const char *name = json_string_value(json_object_get(manifest, "schema"));
    return name && mmoe_packed_is_schema_name(name) ? name : NULL;
}

json_t *mmoe_manifest_origins(const mmoe_manifest *m, int32_t part) {
    return json_object_get(part_of(m, part), "sources");
}
