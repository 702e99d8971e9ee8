#include "file/packed_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json_text.h"
#include "file/packed_kept.h"
#include "file/packed_tensors.h"
#include "file/schema_json.h"
#include "file/schema_tensors.h"

static const mmoe_packed_form form = {"mmoe packed schema", "the schema of packed data", "schema"};

/* ---- A set without rows ---- */

static mmoe_status fill_set(struct mmoe_dataset *set, const struct mmoe_schema *schema,
                            const char *const *keep, mmoe_error *err) {
    const mmoe_status status = mmoe_packed_begin_kept(set, keep, err);
    if (status) return status;
    const mmoe_allocator *a = &set->alloc;
    mmoe_stored *s = set->stored = mmoe_alloc_zero(a, 1, sizeof *s);
    if (!s) return mmoe_fail_memory(err, sizeof *s);
    s->alloc = *a;
    s->n_id = set->n_id;
    s->n_list = schema->n_list;
    s->dense_width = set->dense_width;
    s->n_label = set->n_label;
    s->n_kept = (int32_t)set->n_kept;
    s->has_weights = schema->weight;
    s->has_element_weights = mmoe_schema_weighs_lists(schema);
    set->most_id = mmoe_alloc_zero(a, (size_t)set->n_sparse, sizeof *set->most_id);
    s->apart = mmoe_alloc_zero(a, (size_t)s->n_list, sizeof *s->apart);
    s->most_kept = mmoe_alloc_zero(a, set->n_kept, sizeof *s->most_kept);
    if (!set->most_id || !s->apart || !s->most_kept)
        return mmoe_fail_memory(err, (size_t)set->n_sparse * 8);
    s->most_id = set->most_id;
    return mmoe_packed_columns(schema, set, &s->columns, &s->n_column, err);
}

mmoe_status mmoe_packed_new_set(const struct mmoe_schema *schema, const char *const *keep,
                                const mmoe_allocator *alloc, struct mmoe_dataset **out,
                                mmoe_error *err) {
    struct mmoe_dataset *set = mmoe_dataset_new(schema, alloc);
    if (!set) return mmoe_fail_memory(err, sizeof *set);
    const mmoe_status status = fill_set(set, schema, keep, err);
    if (status)
        mmoe_dataset_free(set);
    else
        *out = set;
    return status;
}

/* ---- The file ---- */

void mmoe_packed_schema_name(int32_t part, char out[MMOE_SCHEMA_NAME_SIZE]) {
    if (part)
        snprintf(out, MMOE_SCHEMA_NAME_SIZE, "schema-%d.safetensors", (int)part);
    else
        snprintf(out, MMOE_SCHEMA_NAME_SIZE, MMOE_PACKED_SCHEMA);
}

bool mmoe_packed_is_schema_name(const char *name) {
    char made[MMOE_SCHEMA_NAME_SIZE];
    const long part = strncmp(name, "schema-", 7) ? 0 : strtol(name + 7, NULL, 10);
    if (part < 0 || part > INT32_MAX) return false;
    mmoe_packed_schema_name((int32_t)part, made);
    return strcmp(name, made) == 0;
}

mmoe_status mmoe_packed_write_schema(const char *path, const struct mmoe_schema *schema,
                                     const mmoe_allocator *alloc, mmoe_error *err) {
    json_t *json = mmoe_schema_to_json(schema);
    char *text = json ? mmoe_json_print(json, JSON_COMPACT, alloc) : NULL;
    json_decref(json);
    mmoe_schema_tensors t = {.alloc = alloc};
    mmoe_status status =
        text ? mmoe_schema_tensors_open(&t, schema, 0, err) : mmoe_fail_memory(err, strlen(path));
    if (!status) status = mmoe_schema_tensors_add_keys(&t, schema, err);
    if (!status) status = mmoe_schema_tensors_add_bytes(&t, schema, err);
    const mmoe_packed_tensors tensors = {t.items, t.count, text};
    if (!status) status = mmoe_packed_write_tensors(path, &form, &tensors, alloc, err);
    mmoe_schema_tensors_finish(&t);
    mmoe_release(alloc, text);
    return status;
}

static const mmoe_container_tensor *find_tensor(void *user, const char *name) {
    return mmoe_container_find(user, name);
}

static mmoe_status parse_schema(mmoe_container *file, const char *path, const mmoe_allocator *alloc,
                                struct mmoe_schema **out, mmoe_error *err) {
    mmoe_status status = mmoe_packed_check_tensors(file, &form, err);
    if (status) return status;
    const char *text = mmoe_container_metadata(file, "schema");
    json_t *json;
    json_error_t error;
    status = mmoe_json_parse(text, strlen(text), JSON_REJECT_DUPLICATES, alloc, &json, &error);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, strlen(text));
    if (status)
        return mmoe_fail_format(err, path, "its schema is not valid JSON: %.200s", error.text);
    mmoe_tensor_finder from = {find_tensor, file, path, alloc};
    status = mmoe_schema_from_json(json, path, mmoe_vocabs_of_tensors(&from), alloc, out, err);
    json_decref(json);
    return status;
}

mmoe_status mmoe_packed_read_schema(const char *path, const mmoe_allocator *alloc,
                                    struct mmoe_schema **out, mmoe_error *err) {
    mmoe_container *file;
    mmoe_status status = mmoe_container_open(path, false, alloc, &file, err);
    if (status) return status;
    status = parse_schema(file, path, alloc, out, err);
    mmoe_container_close(file);
    return status;
}
