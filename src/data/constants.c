#include "data/constants.h"

#include <string.h>

#include "base/error.h"

/* ---- The first row ---- */

static mmoe_status copy_words(const mmoe_allocator *a, const void *from, size_t count, void *to,
                              mmoe_error *err) {
    void *copy = mmoe_alloc_aligned(a, count, sizeof(uint32_t));
    if (!copy) return mmoe_fail_memory(err, count * sizeof(uint32_t));
    if (count) memcpy(copy, from, count * sizeof(uint32_t));
    memcpy(to, &copy, sizeof copy);
    return MMOE_OK;
}

static mmoe_status copy_lists(const struct mmoe_dataset *rows, struct mmoe_dataset *first,
                              mmoe_error *err) {
    const mmoe_allocator *a = &first->alloc;
    const size_t lists = (size_t)(rows->n_sparse - rows->n_id);
    if (!lists) return MMOE_OK;
    const size_t elements = (size_t)rows->offsets[lists];
    mmoe_status status = copy_words(a, rows->offsets, 2 * (lists + 1), &first->offsets, err);
    if (!status) status = copy_words(a, rows->elements, elements, &first->elements, err);
    if (!status && rows->element_weights)
        status = copy_words(a, rows->element_weights, elements, &first->element_weights, err);
    return status;
}

static mmoe_status begin(mmoe_constants *c, const struct mmoe_schema *schema, mmoe_error *err) {
    const size_t n_sparse = (size_t)schema->n_sparse, n = n_sparse + (size_t)schema->n_dense;
    if (c->first) return MMOE_OK;
    c->vary = mmoe_alloc_zero(&c->alloc, n, sizeof *c->vary);
    c->longer = mmoe_alloc_zero(&c->alloc, n_sparse, sizeof *c->longer);
    c->first = mmoe_dataset_new(schema, &c->alloc);
    if (!c->vary || !c->longer || !c->first) return mmoe_fail_memory(err, n * sizeof *c->vary);
    c->first->rows = 1;
    return MMOE_OK;
}

static mmoe_status begin_ids(mmoe_constants *c, const struct mmoe_schema *schema,
                             const struct mmoe_dataset *rows, mmoe_error *err) {
    mmoe_status status = begin(c, schema, err);
    if (status || c->first->ids) return status;
    status = copy_words(&c->alloc, rows->ids, (size_t)rows->n_id, &c->first->ids, err);
    return status ? status : copy_lists(rows, c->first, err);
}

static mmoe_status begin_inputs(mmoe_constants *c, const struct mmoe_schema *schema,
                                const struct mmoe_dataset *rows, mmoe_error *err) {
    const mmoe_status status = begin(c, schema, err);
    if (status || c->first->dense) return status;
    return copy_words(&c->alloc, rows->dense, (size_t)rows->dense_width, &c->first->dense, err);
}

/* ---- Rows ---- */

/* Whether `width` columns [rows], `stride` words apart, are `first` in all rows. */
static bool are_all(const void *first, const void *columns, int32_t width, int32_t stride,
                    int64_t rows) {
    const char *at = columns;
    int64_t r = 0;
    while (r < rows && memcmp(first, at + r * stride * 4, (size_t)width * 4) == 0) r++;
    return r == rows;
}

static bool are_same(const mmoe_list *a, const mmoe_list *b) {
    const size_t n = (size_t)a->count;
    if (a->count != b->count) return false;
    return n == 0 || (memcmp(a->ids, b->ids, n * sizeof *a->ids) == 0 &&
                      (!a->weights || memcmp(a->weights, b->weights, n * sizeof *a->weights) == 0));
}

static void see_lists(mmoe_constants *c, int32_t i, int32_t list, const struct mmoe_dataset *rows) {
    const mmoe_lists firsts = mmoe_dataset_lists(c->first, 0), all = mmoe_dataset_lists(rows, 0);
    const mmoe_list first = mmoe_list_of(&firsts, 0, list);
    for (size_t row = 0; row < (size_t)rows->rows && !(c->vary[i] && c->longer[i]); row++) {
        const mmoe_list one = mmoe_list_of(&all, row, list);
        c->vary[i] = c->vary[i] || !are_same(&first, &one);
        c->longer[i] = c->longer[i] || one.count > 1;
    }
}

mmoe_status mmoe_constants_see_ids(mmoe_constants *c, const struct mmoe_schema *schema,
                                   const struct mmoe_dataset *rows, mmoe_error *err) {
    if (rows->rows == 0) return MMOE_OK;
    const mmoe_status status = begin_ids(c, schema, rows, err);
    if (status) return status;
    const struct mmoe_dataset *first = c->first;
    c->rows += rows->rows;
    for (int32_t i = 0; i < rows->n_id; i++)
        if (!c->vary[i])
            c->vary[i] = !are_all(first->ids + i, rows->ids + i, 1, rows->n_id, rows->rows);
    for (int32_t i = rows->n_id; i < rows->n_sparse; i++)
        see_lists(c, i, schema->sparse[i].list, rows);
    return MMOE_OK;
}

mmoe_status mmoe_constants_see_inputs(mmoe_constants *c, const struct mmoe_schema *schema,
                                      const struct mmoe_dataset *rows, mmoe_error *err) {
    if (rows->rows == 0) return MMOE_OK;
    const mmoe_status status = begin_inputs(c, schema, rows, err);
    if (status) return status;
    const struct mmoe_dataset *first = c->first;
    bool *vary = c->vary + rows->n_sparse;
    for (int32_t i = 0; i < rows->n_dense; i++) {
        const int32_t at = schema->dense[i].first;
        if (!vary[i])
            vary[i] = !are_all(first->dense + at, rows->dense + at, schema->dense[i].width,
                               rows->dense_width, rows->rows);
    }
    return MMOE_OK;
}

mmoe_status mmoe_constants_see(mmoe_constants *c, const struct mmoe_schema *schema,
                               const struct mmoe_dataset *rows, mmoe_error *err) {
    const mmoe_status status = mmoe_constants_see_ids(c, schema, rows, err);
    return status ? status : mmoe_constants_see_inputs(c, schema, rows, err);
}

/* ---- What they say ---- */

static mmoe_warning about_all(const char *name, const struct mmoe_dataset *of, int64_t rows) {
    const mmoe_place first = mmoe_places_find(&of->places, 1);
    return (mmoe_warning){NULL, name, rows, first.row, first.file};
}

/* `shown`: the feature in words. */
static mmoe_status warn_of_constant(const mmoe_constants *c, const char *name, const char *shown,
                                    struct mmoe_dataset *to, mmoe_error *err) {
    return mmoe_warn(&to->warnings, about_all(name, to, c->rows), err,
                     "%s: all %lld values are the same: it tells nothing", shown,
                     (long long)c->rows);
}

/* Of lists that are all the same, as where all are empty, and of lists that are all single
 * elements, as where they are separated by something else. */
static mmoe_status warn_of_lists(const mmoe_constants *c, const mmoe_sparse_column *column,
                                 int32_t i, struct mmoe_dataset *to, mmoe_error *err) {
    char shown[MMOE_FEATURE_SIZE];
    const mmoe_warning about = about_all(column->name, to, c->rows);
    mmoe_sparse_show(column, shown);
    if (!c->vary[i])
        return mmoe_warn(&to->warnings, about, err,
                         "%s: all %lld lists are the same: it tells nothing", shown,
                         (long long)c->rows);
    if (!c->longer[i] && column->how.max_len != 1 && column->columns.count == 0)
        return mmoe_warn(&to->warnings, about, err,
                         "%s: none of %lld lists has more than one element; in a text \"%c\" "
                         "stands between them (\"separator\")",
                         shown, (long long)c->rows, column->how.separator);
    return MMOE_OK;
}

static bool covers(const void *constants, int32_t a, int32_t b) {
    const mmoe_constants *c = constants;
    return !c->vary[a] && !c->vary[b];
}

mmoe_status mmoe_constants_warn(const mmoe_constants *c, const struct mmoe_schema *schema,
                                struct mmoe_dataset *to, mmoe_error *err) {
    char shown[MMOE_FEATURE_SIZE];
    mmoe_status status = MMOE_OK;
    to->knows_constants = true;
    if (c->rows < 2) return MMOE_OK;
    for (int32_t i = 0; i < schema->n_sparse && !status; i++) {
        const mmoe_sparse_column *column = &schema->sparse[i];
        if (!c->vary[i] && mmoe_schema_is_covered(schema, i, covers, c)) continue;
        if (column->list >= 0)
            status = warn_of_lists(c, column, i, to, err);
        else if (!c->vary[i])
            status = warn_of_constant(c, column->name, mmoe_sparse_show(column, shown), to, err);
    }
    for (int32_t i = 0; i < schema->n_dense && !status; i++) {
        const mmoe_dense_column *column = &schema->dense[i];
        const int32_t at = schema->n_sparse + i;
        if (!c->vary[at] && !mmoe_schema_is_covered(schema, at, covers, c))
            status = warn_of_constant(
                c, column->name, mmoe_feature_show(column->name, column->column, shown), to, err);
    }
    return status;
}

void mmoe_constants_finish(mmoe_constants *c) {
    mmoe_dataset_free(c->first);
    mmoe_release(&c->alloc, c->vary);
    mmoe_release(&c->alloc, c->longer);
    *c = (mmoe_constants){.alloc = c->alloc};
}
