#include "model/file_reader.h"

#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/text.h"

enum { PIECE = 1 << 18 }; /* bytes, which a cache holds */

static mmoe_status begin(mmoe_file_reader *r, const mmoe_allocator *alloc, mmoe_error *err) {
    const size_t count = mmoe_container_count(r->file);
    r->used = mmoe_alloc_zero(alloc, count, sizeof *r->used);
    r->bad = mmoe_alloc_zero(alloc, count, sizeof *r->bad);
    r->tensors = mmoe_alloc(alloc, count, sizeof *r->tensors);
    if (r->used && r->bad && r->tensors) {
        for (size_t i = 0; i < count; i++) {
            r->tensors[i] = *mmoe_container_at(r->file, i);
            r->tensors[i].own = NULL;
        }
        return MMOE_OK;
    }
    mmoe_release(alloc, r->used);
    mmoe_release(alloc, r->bad);
    mmoe_release(alloc, r->tensors);
    mmoe_container_close(r->file);
    return mmoe_fail_memory(err, count * (sizeof *r->tensors + sizeof *r->used + sizeof *r->bad));
}

mmoe_status mmoe_file_reader_open(mmoe_file_reader *r, const char *path, bool partly,
                                  const mmoe_allocator *alloc, mmoe_error *err) {
    *r = (mmoe_file_reader){.alloc = alloc, .path = path};
    const mmoe_status status = partly ? mmoe_container_open_partly(path, alloc, &r->file, err)
                                      : mmoe_container_open(path, false, alloc, &r->file, err);
    return status ? status : begin(r, alloc, err);
}

mmoe_status mmoe_file_reader_open_bytes(mmoe_file_reader *r, const void *bytes, size_t size,
                                        const mmoe_allocator *alloc, mmoe_error *err) {
    *r = (mmoe_file_reader){.alloc = alloc, .path = ""};
    const mmoe_status status = mmoe_container_parse(bytes, size, r->path, alloc, &r->file, err);
    return status ? status : begin(r, alloc, err);
}

void mmoe_file_reader_close(mmoe_file_reader *r) {
    for (size_t i = 0; i < mmoe_container_count(r->file); i++)
        mmoe_release_aligned(r->alloc, r->tensors[i].own);
    mmoe_release(r->alloc, r->tensors);
    mmoe_release(r->alloc, r->used);
    mmoe_release(r->alloc, r->bad);
    mmoe_container_close(r->file);
}

mmoe_status mmoe_file_fetch(mmoe_file_reader *r, size_t index, mmoe_error *err) {
    const mmoe_status status = mmoe_container_fetch(r->file, index, err);
    if (!status) r->tensors[index].data = mmoe_container_at(r->file, index)->data;
    return status;
}

/* ---- Metadata ---- */

static bool is_of_format(const mmoe_file_reader *r, const char *wanted) {
    const char *format = mmoe_container_metadata(r->file, "format");
    return format && !strcmp(format, wanted);
}

bool mmoe_file_is_model(const mmoe_file_reader *r) { return is_of_format(r, MMOE_FILE_FORMAT); }

mmoe_status mmoe_file_refuse_checkpoint(const mmoe_file_reader *r, mmoe_error *err) {
    if (!is_of_format(r, MMOE_CHECKPOINT_FORMAT)) return MMOE_OK;
    return mmoe_fail_format(err, r->path,
                            "this is a checkpoint of a run, and no model; `mmoe train --resume` "
                            "goes on with it and writes the model");
}

mmoe_status mmoe_file_check_version(const mmoe_file_reader *r, mmoe_error *err) {
    const char *text = mmoe_container_metadata(r->file, "format_version"),
               *writer = mmoe_container_metadata(r->file, "mmoe_version");
    int64_t version;
    if (!text || !mmoe_parse_int64(text, strlen(text), &version) || version < 1)
        return mmoe_fail_format(
            err, r->path, "its metadata have no format_version, or one that is no positive number");
    if (version > MMOE_FILE_FORMAT_VERSION)
        return mmoe_fail_at(
            err, MMOE_E_VERSION, r->path, 0, NULL,
            "written by a newer version, mmoe %.40s, in format version %lld; mmoe %s reads up to "
            "version %d",
            writer ? writer : "(unknown)", (long long)version, mmoe_version(),
            MMOE_FILE_FORMAT_VERSION);
    return MMOE_OK;
}

/* Of a piece of what was left in the file. */
static int64_t bad_value_of(mmoe_dtype dtype, const void *values, size_t bytes) {
    const int64_t count = (int64_t)(bytes / mmoe_dtype_size(dtype));
    if (dtype == MMOE_F32) return mmoe_file_bad_value(values, count, false);
    return dtype == MMOE_BF16 ? mmoe_file_bad_half(values, count) : -1;
}

/* Adds the checksum of a tensor that was left, and looks at its values by the way. */
static mmoe_status sum_left(const mmoe_file_reader *r, size_t index, void *piece, uint64_t *sum,
                            mmoe_error *err) {
    const mmoe_container_tensor *t = mmoe_container_at(r->file, index);
    mmoe_checksum part = mmoe_checksum_begin(t->name);
    int64_t bad = -1;
    for (size_t at = 0, size; at < t->bytes; at += size) {
        size = t->bytes - at < PIECE ? t->bytes - at : PIECE;
        const mmoe_status status = mmoe_container_read(r->file, t, at, size, piece, err);
        if (status) return status;
        mmoe_checksum_add(&part, piece, size);
        const int64_t found = bad < 0 ? bad_value_of(t->dtype, piece, size) : -1;
        if (found >= 0) bad = (int64_t)(at / mmoe_dtype_size(t->dtype)) + found;
    }
    *sum += mmoe_checksum_end(&part);
    r->bad[index] = bad;
    return MMOE_OK;
}

static mmoe_status sum_tensors(const mmoe_file_reader *r, uint64_t *sum, mmoe_error *err) {
    void *piece = mmoe_alloc(r->alloc, PIECE, 1);
    if (!piece) return mmoe_fail_memory(err, PIECE);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < mmoe_container_count(r->file); i++) {
        const mmoe_container_tensor *t = mmoe_container_at(r->file, i);
        if (t->data)
            *sum += mmoe_checksum_part(t->name, t->data, t->bytes);
        else
            status = sum_left(r, i, piece, sum, err);
    }
    mmoe_release(r->alloc, piece);
    return status;
}

mmoe_status mmoe_file_check_intact(const mmoe_file_reader *r, mmoe_error *err) {
    const char *values[MMOE_FILE_COVERED], *stored = mmoe_container_metadata(r->file, "checksum");
    if (!stored) return mmoe_fail_format(err, r->path, "its metadata have no checksum");
    for (int i = 0; i < MMOE_FILE_COVERED; i++) {
        values[i] = mmoe_container_metadata(r->file, mmoe_file_covered[i]);
        if (!values[i] && i < MMOE_FILE_NEEDED)
            return mmoe_fail_format(err, r->path, "its metadata have no %s", mmoe_file_covered[i]);
    }
    char text[MMOE_CHECKSUM_SIZE];
    uint64_t sum = mmoe_file_checksum(NULL, 0, values);
    mmoe_status status = sum_tensors(r, &sum, err);
    if (status) return status;
    mmoe_checksum_print(sum, text);
    if (!strcmp(text, stored)) return MMOE_OK;
    status = mmoe_container_check_unchanged(r->file, err);
    if (status) return status;
    return mmoe_fail_format(
        err, r->path,
        "the checksum does not agree: the file is damaged, or was changed without mmoe");
}

/* ---- Tensors ---- */

mmoe_container_tensor *mmoe_file_take_tensor(mmoe_file_reader *r, const char *name) {
    const mmoe_container_tensor *t =
        r->foreign ? mmoe_state_find(r->file, &r->names, name) : mmoe_container_find(r->file, name);
    if (!t) return NULL;
    const size_t index = (size_t)(t - mmoe_container_at(r->file, 0));
    if (!r->used[index]) r->used[index] = MMOE_FILE_USED;
    return &r->tensors[index];
}

mmoe_container_tensor *mmoe_file_take_scales(mmoe_file_reader *r, const char *table) {
    const mmoe_container_tensor *t = mmoe_container_find_joined(r->file, table, MMOE_FILE_SCALE);
    if (!t) return NULL;
    const size_t index = (size_t)(t - mmoe_container_at(r->file, 0));
    if (!r->used[index]) r->used[index] = MMOE_FILE_USED;
    return &r->tensors[index];
}

/* "[2, 3]" */
static const char *shape_text(int32_t rank, const int64_t *shape, char out[128]) {
    size_t used = 0;
    out[used++] = '[';
    for (int32_t d = 0; d < rank; d++)
        used += (size_t)snprintf(out + used, 128 - used, d ? ", %" PRId64 : "%" PRId64, shape[d]);
    snprintf(out + used, 128 - used, "]");
    return out;
}

/* A single value may be [] or [1]: torch has both. */
static bool same_shape(const mmoe_tensor *t, const mmoe_container_tensor *f) {
    if (t->count == 1 && t->rank <= 1) return f->rank == 0 || (f->rank == 1 && f->shape[0] == 1);
    bool same = t->rank == f->rank;
    for (int32_t d = 0; same && d < t->rank; d++) same = t->shape[d] == f->shape[d];
    return same;
}

static mmoe_status check_values(const mmoe_file_reader *r, const mmoe_tensor *t,
                                const mmoe_container_tensor *f, mmoe_error *err) {
    if (t->kind == MMOE_TENSOR_COUNTER) {
        const int64_t *counts = f->data;
        for (int64_t i = 0; i < t->count; i++)
            if (counts[i] < 0 || counts[i] > MMOE_FILE_MOST_BATCHES)
                return mmoe_fail_format(err, r->path,
                                        "tensor \"%.120s\": the count %" PRId64 " is %s", t->name,
                                        counts[i], counts[i] < 0 ? "negative" : "above 2^62");
        return MMOE_OK;
    }
    bool variance = mmoe_file_is_variance(t);
    const int64_t bad =
        f->data ? mmoe_file_bad_value(f->data, t->count, variance) : r->bad[f - r->tensors];
    if (bad < 0) return MMOE_OK;
    return mmoe_fail_format(err, r->path, "tensor \"%.120s\": value %" PRId64 " is not finite%s",
                            t->name, bad, variance ? " or is negative" : "");
}

/* A tensor of another program's type becomes one of ours, in memory of the reader's. */
static mmoe_status convert_tensor(mmoe_file_reader *r, const mmoe_tensor *t,
                                  mmoe_container_tensor *f, mmoe_error *err) {
    const bool counter = t->kind == MMOE_TENSOR_COUNTER;
    const mmoe_dtype wanted = counter ? MMOE_I64 : MMOE_F32;
    const size_t size = mmoe_dtype_size(wanted);
    void *memory = mmoe_alloc_aligned(r->alloc, (size_t)t->count, size);
    if (!memory) return mmoe_fail_memory(err, (size_t)t->count * size);
    mmoe_status status = MMOE_OK;
    if (!counter)
        status = mmoe_state_floats(f, t->count, r->path, memory, err);
    else if (!mmoe_state_counts(f, t->count, memory))
        status = mmoe_fail_format(
            err, r->path,
            "tensor \"%.120s\": its type is not I64 but %s, and its value is no whole number",
            t->name, mmoe_dtype_name(f->dtype));
    r->converted[f->dtype] += !counter;
    f->own = memory;
    f->data = memory;
    f->dtype = wanted;
    f->bytes = (size_t)t->count * size;
    return status;
}

static bool can_convert(const mmoe_file_reader *r, const mmoe_tensor *t, mmoe_dtype from) {
    if (!r->foreign) return false;
    if (mmoe_state_is_other_float(from)) return true;
    return t->kind == MMOE_TENSOR_COUNTER && (from == MMOE_F32 || from == MMOE_I32);
}

/* A name that stands behind another word may be the one that is meant. */
static mmoe_status fail_missing(const mmoe_file_reader *r, const char *name, mmoe_error *err) {
    const size_t length = strlen(name);
    for (size_t i = 0; i < mmoe_container_count(r->file); i++) {
        const char *other = mmoe_container_at(r->file, i)->name;
        const size_t more = strlen(other) - length;
        if (strlen(other) > length && other[more - 1] == '.' && strcmp(other + more, name) == 0)
            return mmoe_fail_format(
                err, r->path, "tensor \"%.120s\" is missing; the file has \"%.120s\"", name, other);
    }
    return mmoe_fail_format(err, r->path, "tensor \"%.120s\" is missing", name);
}

static mmoe_status check_shape(const mmoe_file_reader *r, const mmoe_tensor *t,
                               const mmoe_container_tensor *f, mmoe_error *err) {
    char have[128], want[128];
    if (same_shape(t, f)) return MMOE_OK;
    return mmoe_fail_format(err, r->path, "tensor \"%.120s\": its shape is %s, the model's is %s",
                            t->name, shape_text(f->rank, f->shape, have),
                            shape_text(t->rank, t->shape, want));
}

/* Such that no integer makes more of it than a float holds. */
static bool is_scale(float x) { return x >= 0 && x * -INT8_MIN <= FLT_MAX; }

static mmoe_status check_scales(mmoe_file_reader *r, const mmoe_tensor *t, mmoe_error *err) {
    const mmoe_container_tensor *f = mmoe_file_take_scales(r, t->name);
    char have[128];
    if (!f)
        return mmoe_fail_format(err, r->path,
                                "tensor \"%.120s\": its type is I8, but \"%.120s" MMOE_FILE_SCALE
                                "\" is missing",
                                t->name, t->name);
    r->used[f - r->tensors] = MMOE_FILE_TABLE_SCALES;
    if (f->dtype != MMOE_F32 || f->rank != 2 || f->shape[0] != t->shape[0] || f->shape[1] != 1)
        return mmoe_fail_format(err, r->path,
                                "tensor \"%.120s\": %s %s does not fit its table, whose %" PRId64
                                " rows have a scale of F32 each",
                                f->name, mmoe_dtype_name(f->dtype),
                                shape_text(f->rank, f->shape, have), t->shape[0]);
    const float *scales = f->data;
    for (int64_t i = 0; i < t->shape[0]; i++)
        if (!is_scale(scales[i]))
            return mmoe_fail_format(err, r->path,
                                    "tensor \"%.120s\": the scale of row %" PRId64
                                    " is negative, not finite or too large",
                                    f->name, i);
    return MMOE_OK;
}

/* A table whose rows are no floats. */
static mmoe_status check_narrow(mmoe_file_reader *r, const mmoe_tensor *t,
                                const mmoe_container_tensor *f, mmoe_error *err) {
    if (!r->takes_narrow)
        return mmoe_fail_format(err, r->path,
                                "tensor \"%.120s\": the file has tables of %s, which are for "
                                "scoring alone; take the model that it was exported from",
                                t->name, mmoe_dtype_name(f->dtype));
    const mmoe_status status = check_shape(r, t, f, err);
    if (status || f->dtype == MMOE_I8) return status ? status : check_scales(r, t, err);
    const int64_t bad = f->data ? mmoe_file_bad_half(f->data, t->count) : r->bad[f - r->tensors];
    if (bad < 0) return MMOE_OK;
    return mmoe_fail_format(err, r->path, "tensor \"%.120s\": value %" PRId64 " is not finite",
                            t->name, bad);
}

static mmoe_status check_tensor(mmoe_file_reader *r, const mmoe_tensor *t, mmoe_error *err) {
    mmoe_container_tensor *f = mmoe_file_take_tensor(r, t->name);
    if (!f) return fail_missing(r, t->name, err);
    if (t->kind == MMOE_TENSOR_TABLE) r->used[f - r->tensors] = MMOE_FILE_ROWS;
    const mmoe_dtype wanted = t->kind == MMOE_TENSOR_COUNTER ? MMOE_I64 : MMOE_F32;
    const bool convert = f->dtype != wanted && can_convert(r, t, f->dtype);
    if (f->dtype != wanted && !convert && t->kind == MMOE_TENSOR_TABLE &&
        mmoe_table_has_rows_of(f->dtype))
        return check_narrow(r, t, f, err);
    if (f->dtype != wanted && !convert)
        return mmoe_fail_format(err, r->path, "tensor \"%.120s\": its type is not %s but %s",
                                t->name, mmoe_dtype_name(wanted), mmoe_dtype_name(f->dtype));
    mmoe_status status = check_shape(r, t, f, err);
    if (!status && convert) status = convert_tensor(r, t, f, err);
    return status ? status : check_values(r, t, f, err);
}

mmoe_status mmoe_file_check_tensors(mmoe_file_reader *r, const mmoe_tensors *tensors,
                                    mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; i < tensors->count && !status; i++)
        status = check_tensor(r, &tensors->items[i], err);
    return status;
}

mmoe_status mmoe_file_check_used(const mmoe_file_reader *r, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; i < mmoe_container_count(r->file) && !status; i++)
        if (!r->used[i])
            status = mmoe_fail_format(
                err, r->path, "tensor \"%.120s\" is too many: the model has none of this name",
                mmoe_container_at(r->file, i)->name);
    return status;
}

static void copy_tensor(const mmoe_container_tensor *f, void *to) {
    if (f->bytes && to != f->data) memcpy(to, f->data, f->bytes);
}

void mmoe_file_copy_tensors(mmoe_file_reader *r, bool lent, mmoe_model *model) {
    const mmoe_tensors *tensors = &model->graph->tensors;
    const mmoe_params *p = &model->params;
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *t = &tensors->items[i];
        const mmoe_embedding *table = t->kind == MMOE_TENSOR_TABLE ? &p->tables[t->table] : NULL;
        if (lent && table && table->is_lent) continue;
        copy_tensor(mmoe_file_take_tensor(r, t->name), mmoe_params_at(p, t));
        const mmoe_container_tensor *scales =
            table && table->dtype == MMOE_I8 ? mmoe_file_take_scales(r, t->name) : NULL;
        if (scales) copy_tensor(scales, (void *)(uintptr_t)mmoe_table_vectors(table).scales);
    }
}
