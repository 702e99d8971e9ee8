#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json_text.h"
#include "model/build.h"
#include "model/file_reader.h"
#include "file/schema_json.h"
#include "file/schema_tensors.h"

/* ---- Tables ---- */

/* Tensors of tables that a mapping has, which are neighbours in the file. */
typedef struct table_lender {
    mmoe_file_reader *r;
    const mmoe_model_load_options *how;
    const mmoe_container_tensor *first; /* NULL: there is no mapping */
    size_t size;
    const char *map;
} table_lender;

static bool is_mapped(const table_lender *l, const mmoe_container_tensor *f) {
    return l->map && f->place >= l->first->place && f->place - l->first->place < l->size;
}

/* With its scales, where it has some. */
static bool stands_mapped(const table_lender *l, const mmoe_container_tensor *rows,
                          const mmoe_container_tensor *scales) {
    return is_mapped(l, rows) && (!scales || is_mapped(l, scales));
}

/* Rows that stand in the mapping, or that have memory of their own. */
static mmoe_lent_table lend_table(void *context, const mmoe_tensor *tensor) {
    const table_lender *l = context;
    const mmoe_container_tensor *rows = mmoe_container_find(l->r->file, tensor->name),
                                *scales = mmoe_file_take_scales(l->r, tensor->name);
    mmoe_lent_table lent = {.dtype = rows->dtype};
    const mmoe_container_tensor *const blocks[] = {rows, scales};
    lent.is_mapped = stands_mapped(l, rows, scales);
    for (int i = 0; i < 2 && blocks[i]; i++)
        lent.blocks[i] = lent.is_mapped
                             ? (void *)(uintptr_t)(l->map + (blocks[i]->place - l->first->place))
                             : mmoe_container_take(l->r->file, blocks[i]);
    return lent;
}

static bool is_aligned(const table_lender *l, const mmoe_container_tensor *f, size_t to) {
    return (size_t)mmoe_container_stretch(l->r->file, f).place % to == 0;
}

/* Of a file whose tables were left in it, the first tensors of tables that follow each other, as
 * all do in one that this library wrote. Small ones are read instead, into larger pages, and floats
 * that do not begin with a cache line. */
static mmoe_mapping map_tables(table_lender *l) {
    const size_t least = (size_t)8 << 20;
    mmoe_mapping map = {0};
    for (size_t i = 0; i < mmoe_container_count(l->r->file); i++) {
        const mmoe_container_tensor *f = mmoe_container_at(l->r->file, i);
        const bool are_rows = l->r->used[i] == MMOE_FILE_ROWS,
                   is_one = is_aligned(l, f, mmoe_dtype_size(f->dtype)) &&
                            (are_rows || l->r->used[i] == MMOE_FILE_TABLE_SCALES);
        if (l->first && !is_one) break;
        if (!is_one) continue;
        if (!l->first && are_rows && f->dtype == MMOE_F32 && !is_aligned(l, f, 64)) return map;
        if (!l->first) l->first = f;
        l->size += f->bytes;
    }
    const mmoe_mapping_wanted wanted = {0, l->size, l->how->huge_pages > 0,
                                        l->how->late_pages != 0};
    if (l->size >= least && mmoe_container_map(l->r->file, l->first, wanted, &map))
        l->map = map.data;
    return map;
}

/* What was left in the file and is not mapped. */
static mmoe_status fetch_others(const table_lender *l, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < mmoe_container_count(l->r->file); i++) {
        const mmoe_container_tensor *f = mmoe_container_at(l->r->file, i);
        if (f->data || (l->r->used[i] == MMOE_FILE_ROWS &&
                        stands_mapped(l, f, mmoe_file_take_scales(l->r, f->name))))
            continue;
        status = mmoe_file_fetch(l->r, i, err);
    }
    return status;
}

/* ---- Schema and configuration ---- */

static const mmoe_container_tensor *find_tensor(void *user, const char *name) {
    return mmoe_file_take_tensor(user, name);
}

static mmoe_status read_schema(mmoe_file_reader *r, mmoe_schema **out, mmoe_error *err) {
    const char *text = mmoe_container_metadata(r->file, "schema");
    json_t *json;
    json_error_t error;
    mmoe_status status =
        mmoe_json_parse(text, strlen(text), JSON_REJECT_DUPLICATES, r->alloc, &json, &error);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, strlen(text));
    if (status)
        return mmoe_fail_format(err, r->path, "its schema is not valid JSON: %.200s", error.text);
    mmoe_tensor_finder from = {find_tensor, r, r->path, r->alloc};
    status =
        mmoe_schema_from_json(json, r->path, mmoe_vocabs_of_tensors(&from), r->alloc, out, err);
    json_decref(json);
    return status;
}

/* What is wrong with a part of the file is wrong with the file. */
static mmoe_status of_file(const mmoe_file_reader *r, mmoe_status status, const mmoe_error *inner,
                           const char *part, mmoe_error *err) {
    if (status && status != MMOE_E_MEMORY)
        return mmoe_fail_format(err, r->path, "its %s: %.400s", part, inner->message);
    if (status && err) *err = *inner;
    return status;
}

static mmoe_status read_config(const mmoe_file_reader *r, mmoe_config **out, mmoe_error *err) {
    const char *text = mmoe_container_metadata(r->file, "config");
    mmoe_error inner = {0};
    mmoe_status status = mmoe_config_parse(text, strlen(text), NULL, r->alloc, out, &inner);
    return of_file(r, status, &inner, "configuration", err);
}

/* A configuration and a schema of one model name the same tasks. */
static mmoe_status check_tasks(const mmoe_file_reader *r, const mmoe_config *config,
                               const mmoe_schema *schema, mmoe_error *err) {
    bool same = config->n_task == schema->n_label;
    for (int32_t i = 0; same && i < config->n_task; i++)
        same = config->tasks[i].type == schema->labels[i].type &&
               config->tasks[i].label_transform == schema->labels[i].scale.transform &&
               !strcmp(config->tasks[i].name, schema->labels[i].task);
    return same ? MMOE_OK
                : mmoe_fail_format(err, r->path,
                                   "its configuration and its schema name different tasks");
}

/* Compares the file with the graph before there are weights: a forged configuration could ask for
 * any amount of them. */
static mmoe_status read_graph(mmoe_file_reader *r, mmoe_model_parts *parts, mmoe_error *err) {
    mmoe_status status = mmoe_graph_create(r->alloc, &parts->graph, err);
    if (status) return status;
    mmoe_error inner = {0};
    status = mmoe_build_graph(parts->graph, parts->config, parts->schema, &inner);
    status = of_file(r, status, &inner, "model", err);
    return status ? status : mmoe_file_check_tensors(r, &parts->graph->tensors, err);
}

static void drop_parts(mmoe_model_parts *parts) {
    mmoe_mapping_free(&parts->tables.map);
    mmoe_graph_free(parts->graph);
    mmoe_config_free(parts->config);
    mmoe_schema_free(parts->schema);
}

/* A member of parts without tables, which it takes over, on failure too: those come from `l`. */
static mmoe_status assemble(table_lender *l, mmoe_model_parts *parts, mmoe_model **out,
                            mmoe_error *err) {
    parts->tables.lend = lend_table;
    parts->tables.context = l;
    const mmoe_status status = mmoe_model_assemble(parts, l->r->alloc, out, err);
    if (!status) mmoe_file_copy_tensors(l->r, true, *out);
    return status;
}

/* What the first member is made of. */
static mmoe_status read_parts(mmoe_file_reader *r, mmoe_model_parts *out, mmoe_error *err) {
    mmoe_status status = read_config(r, &out->config, err);
    if (!status) status = read_schema(r, &out->schema, err);
    if (!status) status = check_tasks(r, out->config, out->schema, err);
    return status ? status : read_graph(r, out, err);
}

/* Another one is made of the same, but for its tensors' names. */
static mmoe_status read_others(mmoe_file_reader *r, mmoe_model_parts *all, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t i = 1; !status && i < all->config->members; i++) {
        status = mmoe_config_copy_member(all->config, i, r->alloc, &all[i].config, err);
        if (!status) status = mmoe_schema_copy(all->schema, r->alloc, &all[i].schema, err);
        if (!status) status = read_graph(r, &all[i], err);
    }
    return status;
}

/* Takes the parts over, but on failure. */
static mmoe_status assemble_all(table_lender *l, mmoe_model_parts *all, int32_t members,
                                mmoe_model **out, mmoe_error *err) {
    mmoe_model *first = NULL, **at = &first;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < members; i++) {
        status = assemble(l, &all[i], at, err);
        all[i] = (mmoe_model_parts){0};
        if (!status) at = &(*at)->next;
    }
    /* What is mapped must be what was read before. */
    if (!status && l->map) status = mmoe_container_check_unchanged(l->r->file, err);
    if (status)
        mmoe_model_free(first);
    else
        *out = first;
    return status;
}

/* All that the file has is known before there are weights. */
static mmoe_status read_model(mmoe_file_reader *r, const mmoe_model_load_options *how,
                              mmoe_model **out, mmoe_error *err) {
    table_lender lender = {.r = r, .how = how};
    mmoe_model_parts all[MMOE_MOST_MEMBERS] = {{0}};
    mmoe_status status = read_parts(r, &all[0], err);
    const int32_t members = status ? 1 : all[0].config->members;
    if (!status) status = read_others(r, all, err);
    if (!status) status = mmoe_file_check_used(r, err);
    if (!status) {
        all[0].tables.map = map_tables(&lender);
        status = fetch_others(&lender, err);
    }
    if (!status) status = assemble_all(&lender, all, members, out, err);
    for (int32_t i = 0; status && i < members; i++) drop_parts(&all[i]);
    return status;
}

static mmoe_status read_meta(const mmoe_file_reader *r, mmoe_meta *out, mmoe_error *err) {
    const char *text = mmoe_container_metadata(r->file, mmoe_file_covered[MMOE_FILE_META]);
    return text ? mmoe_meta_read(text, r->path, r->alloc, out, err) : MMOE_OK;
}

/* ---- Public ---- */

static const mmoe_model_load_options defaults = {0};

static mmoe_status check_load(const char *call, const mmoe_model_load_options *options,
                              const mmoe_allocator *alloc, mmoe_error *err) {
    if (MMOE_CHECK_RESERVED(options, call, err)) return MMOE_E_ARGUMENT;
    if (options->huge_pages < -1 || options->huge_pages > 1)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: huge_pages must be -1, 0 or 1, not %d", call,
                         options->huge_pages);
    return mmoe_allocator_check(alloc, call, err);
}

/* The shares of missing values in the training rows, as the file's metadata have them. */
static void take_missing_shares(mmoe_model *m) {
    struct mmoe_schema *s = m->schema;
    for (int32_t i = 0; i < s->n_sparse + s->n_dense; i++) {
        const char *name = i < s->n_sparse ? s->sparse[i].name : s->dense[i - s->n_sparse].name;
        const double share = mmoe_meta_share(&m->meta, name, "missing");
        mmoe_schema_set_missing_share(s, i, isnan(share) ? 0 : share);
    }
}

/* Closes the reader. */
static mmoe_status load_file(mmoe_file_reader *r, const mmoe_model_load_options *how,
                             mmoe_model **out, mmoe_error *err) {
    r->takes_narrow = true;
    mmoe_status status = mmoe_file_refuse_checkpoint(r, err);
    if (!status && !mmoe_file_is_model(r))
        status = mmoe_fail_format(
            err, r->path,
            "no model of mmoe, but a safetensors file; `mmoe import` makes a model "
            "of torch-rechub's weights");
    if (!status) status = mmoe_file_check_version(r, err);
    if (!status) status = mmoe_file_check_intact(r, err);
    mmoe_meta meta = {0};
    if (!status) status = read_meta(r, &meta, err);
    if (!status) status = read_model(r, how, out, err);
    if (status)
        mmoe_meta_finish(&meta, r->alloc);
    else
        (*out)->meta = meta;
    if (!status) take_missing_shares(*out);
    mmoe_file_reader_close(r);
    return status;
}

static mmoe_status load_model(const char *call, const char *path,
                              const mmoe_model_load_options *how, const mmoe_allocator *alloc,
                              mmoe_model **out, mmoe_error *err) {
    mmoe_allocator a;
    mmoe_file_reader r;
    if (!path || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: %s is NULL", call, path ? "out" : "path");
    mmoe_status status = check_load(call, how, alloc, err);
    if (!status) status = mmoe_model_begin(alloc, &a, err);
    if (status) return status;
    if (how->huge_pages < 0) mmoe_tally_refuse_huge_pages(&a);
    status = mmoe_file_reader_open(&r, path, how->map_tables, &a, err);
    if (!status) status = load_file(&r, how, out, err);
    mmoe_tally_end(&a);
    return status;
}

mmoe_status mmoe_model_load(const char *path, const mmoe_allocator *alloc, mmoe_model **out,
                            mmoe_error *err) {
    return load_model("mmoe_model_load", path, &defaults, alloc, out, err);
}

mmoe_status mmoe_model_load_with(const char *path, const mmoe_model_load_options *options,
                                 const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err) {
    return load_model("mmoe_model_load_with", path, options ? options : &defaults, alloc, out, err);
}

mmoe_status mmoe_model_load_bytes(const void *bytes, size_t size, const mmoe_allocator *alloc,
                                  mmoe_model **out, mmoe_error *err) {
    const char *const call = "mmoe_model_load_bytes";
    mmoe_allocator a;
    mmoe_file_reader r;
    if (!bytes || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: %s is NULL", call, bytes ? "out" : "bytes");
    mmoe_status status = check_load(call, &defaults, alloc, err);
    if (!status) status = mmoe_model_begin(alloc, &a, err);
    if (status) return status;
    status = mmoe_file_reader_open_bytes(&r, bytes, size, &a, err);
    if (!status) status = load_file(&r, &defaults, out, err);
    mmoe_tally_end(&a);
    return status;
}
