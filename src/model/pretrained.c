#include "model/pretrained.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "file/npy.h"
#include "model/model_file.h"
#include "model/state_dict.h"

/* The file of one table, which is open: one of two kinds. */
typedef struct vectors {
    const mmoe_table *table;
    const mmoe_allocator *alloc;
    char *path;
    mmoe_npy npy;
    mmoe_container *file;                /* NULL: a .npy file */
    const mmoe_container_tensor *tensor; /* of it */
    int64_t rows, dim;
} vectors;

static void close_vectors(vectors *v) {
    mmoe_npy_close(&v->npy);
    if (v->file) mmoe_container_close(v->file);
    mmoe_release(v->alloc, v->path);
}

static mmoe_status open_npy(vectors *v, mmoe_error *err) {
    const mmoe_status status = mmoe_npy_open(v->path, &v->npy, err);
    v->rows = v->npy.rows;
    v->dim = v->npy.cols;
    return status;
}

static mmoe_status open_tensor(vectors *v, const char *name, bool mapped, mmoe_error *err) {
    const mmoe_status status = mmoe_container_open(v->path, mapped, v->alloc, &v->file, err);
    if (status) return status;
    const mmoe_container_tensor *t = v->tensor = mmoe_container_find(v->file, name);
    if (!t) return mmoe_fail_format(err, v->path, "the file has no tensor \"%.120s\"", name);
    if (t->dtype != MMOE_F32 && !mmoe_state_is_other_float(t->dtype))
        return mmoe_fail_format(err, v->path, "tensor \"%.120s\": its type is %s, and no float's",
                                name, mmoe_dtype_name(t->dtype));
    if (t->rank != 2)
        return mmoe_fail_format(err, v->path, "tensor \"%.120s\": its shape has %d sizes, not 2",
                                name, (int)t->rank);
    v->rows = t->shape[0];
    v->dim = t->shape[1];
    return MMOE_OK;
}

static mmoe_status check_shape(const vectors *v, mmoe_error *err) {
    const mmoe_table *t = v->table;
    if (v->rows != t->rows)
        return mmoe_fail_at(err, MMOE_E_FORMAT, v->path, 0, t->name,
                            "its shape is [%lld, %lld], but the table has %lld rows",
                            (long long)v->rows, (long long)v->dim, (long long)t->rows);
    if (t->dim ? v->dim == t->dim : v->dim >= 1 && v->dim <= 65536) return MMOE_OK;
    char width[MMOE_NUMBER_SIZE] = "1 to 65536";
    if (t->dim) mmoe_format_integer(t->dim, width);
    return mmoe_fail_at(err, MMOE_E_FORMAT, v->path, 0, t->name,
                        "its shape is [%lld, %lld], but embed_dim is %s", (long long)v->rows,
                        (long long)v->dim, width);
}

/* `mapped`: the header alone is wanted. */
static mmoe_status open_vectors(const mmoe_table *table, const mmoe_allocator *alloc, bool mapped,
                                vectors *v, mmoe_error *err) {
    mmoe_pretrained_place place;
    *v = (vectors){.table = table, .alloc = alloc};
    const bool known = mmoe_config_pretrained(table->pretrained, &place);
    assert(known); /* the configuration was checked */
    (void)known;
    v->path = mmoe_copy_text(alloc, table->pretrained, place.length);
    if (!v->path) return mmoe_fail_memory(err, place.length + 1);
    mmoe_status status =
        place.tensor ? open_tensor(v, place.tensor, mapped, err) : open_npy(v, err);
    if (!status) status = check_shape(v, err);
    if (status) close_vectors(v);
    return status;
}

mmoe_status mmoe_pretrained_settle(struct mmoe_schema *schema, mmoe_error *err) {
    for (int32_t i = 0; i < schema->n_table; i++) {
        mmoe_table *t = &schema->tables[i];
        vectors v;
        if (!t->pretrained) continue;
        const mmoe_status status = open_vectors(t, &schema->alloc, true, &v, err);
        if (status) return status;
        t->dim = (int32_t)v.dim;
        close_vectors(&v);
    }
    return MMOE_OK;
}

/* To the table's rows, all of them finite. */
static mmoe_status read_vectors(const vectors *v, float *to, mmoe_error *err) {
    const int64_t count = v->rows * v->dim;
    mmoe_status status = MMOE_OK;
    if (!v->tensor)
        status = mmoe_npy_read(&v->npy, to, err);
    else if (v->tensor->dtype == MMOE_F32)
        memcpy(to, v->tensor->data, v->tensor->bytes);
    else
        status = mmoe_state_floats(v->tensor, count, v->path, to, err);
    const int64_t bad = status ? -1 : mmoe_file_bad_value(to, count, false);
    if (bad < 0) return status;
    char value[MMOE_NUMBER_SIZE];
    mmoe_format_float(to[bad], value);
    return mmoe_fail_at(err, MMOE_E_FORMAT, v->path, 0, v->table->name,
                        "value %lld of row %lld, counted from 0, is %s in single precision",
                        (long long)(bad % v->dim), (long long)(bad / v->dim), value);
}

/* Where none is named such a row is 0. */
static mmoe_status warn_of_padding(const vectors *v, const float *rows, mmoe_warnings *list,
                                   mmoe_error *err) {
    const mmoe_table *t = v->table;
    int64_t other = 0; /* than 0 */
    for (int32_t i = 0; t->padding >= 0 && i < t->dim; i++)
        other += rows[t->padding * t->dim + i] != 0;
    if (other == 0) return MMOE_OK;
    return mmoe_warn(list, (mmoe_warning){NULL, t->name, other, 0}, err,
                     "column \"%.100s\": %lld of %d values of its padding row, %lld of \"%.120s\", "
                     "are not 0: they are kept, and no part of lists",
                     t->name, (long long)other, (int)t->dim, (long long)t->padding, v->path);
}

mmoe_status mmoe_pretrained_fill(mmoe_model *m, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < m->schema->n_table && !status; i++) {
        vectors v;
        if (!m->schema->tables[i].pretrained) continue;
        status = open_vectors(&m->schema->tables[i], &m->alloc, false, &v, err);
        if (status) return status;
        float *rows = mmoe_params_rows(&m->params, i);
        status = read_vectors(&v, rows, err);
        if (!status) status = warn_of_padding(&v, rows, &m->warnings, err);
        close_vectors(&v);
    }
    return status;
}
