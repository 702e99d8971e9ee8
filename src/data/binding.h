/* The features of a configuration against the columns of a file: who reads which. */
#ifndef MMOE_DATA_BINDING_H
#define MMOE_DATA_BINDING_H

#include "data/columns.h"
#include "data/schema.h"

/* What takes a column: a spec (those of ids first, then those of numbers), or one of these. */
enum { MMOE_TAKEN_BY_NOTHING = -1, MMOE_TAKEN_AS_LABEL = -2, MMOE_TAKEN_AS_WEIGHT = -3 };

typedef struct mmoe_binding {
    const mmoe_feature_specs *specs;
    const char *const *columns;
    size_t n_columns;
    const char *file;
    mmoe_columns *index;
    int32_t *taker;   /* [n_columns] */
    bool *named;      /* [n_columns] a spec's `column`, or one of a sequence's `columns` */
    int64_t *exact;   /* [specs] the column that the spec names itself, or -1 */
    int32_t *matches; /* [specs] features that it becomes */
    int32_t *spec_of; /* [n_sparse] spec of a sparse column */
    int32_t *sharing; /* [n_sparse] sparse column whose table it uses, or -1 */
    int32_t n_sparse;
} mmoe_binding;

/* Specs by number: those of ids (sparse, then sequences), then those of numbers. */
static inline int32_t mmoe_id_specs(const mmoe_feature_specs *s) {
    return s->n_sparse + s->n_sequence;
}
static inline int32_t mmoe_all_specs(const mmoe_feature_specs *s) {
    return mmoe_id_specs(s) + s->n_dense;
}
static inline bool mmoe_spec_is_sequence(const mmoe_feature_specs *s, int32_t i) {
    return i >= s->n_sparse;
}
static inline const mmoe_sparse_spec *mmoe_id_spec(const mmoe_feature_specs *s, int32_t i) {
    return mmoe_spec_is_sequence(s, i) ? &s->sequence[i - s->n_sparse] : &s->sparse[i];
}
static inline const char *mmoe_spec_name(const mmoe_feature_specs *s, int32_t i) {
    return i < mmoe_id_specs(s) ? mmoe_id_spec(s, i)->name : s->dense[i - mmoe_id_specs(s)].name;
}
/* The column that it names beside its name; NULL: none. */
static inline const char *mmoe_spec_column(const mmoe_feature_specs *s, int32_t i) {
    return i < mmoe_id_specs(s) ? mmoe_id_spec(s, i)->column
                                : s->dense[i - mmoe_id_specs(s)].column;
}
/* The columns that it is made of, names and patterns; NULL: it reads one. */
static inline const mmoe_texts *mmoe_spec_columns(const mmoe_feature_specs *s, int32_t i) {
    const bool several = i < mmoe_id_specs(s) && mmoe_id_spec(s, i)->columns.items;
    return several ? &mmoe_id_spec(s, i)->columns : NULL;
}

/* Whether a name fits a pattern, which has one '*'. */
bool mmoe_pattern_matches(const char *pattern, const char *name);
/* Fills taker, named, exact and matches. MMOE_E_CONFIG. */
mmoe_status mmoe_take_columns(mmoe_binding *b, const mmoe_label_column *labels, int32_t n_label,
                              mmoe_error *err);
/* Then: the columns that a spec of several is made of, in its order, those of a pattern in the
 * header's. *out is the caller's, on failure too. MMOE_E_CONFIG: a pattern that matches nothing;
 * _FORMAT, _MEMORY. */
mmoe_status mmoe_taken_columns(const mmoe_binding *b, int32_t spec, const mmoe_allocator *alloc,
                               mmoe_texts *out, mmoe_error *err);
/* MMOE_E_FORMAT: the name of column `c` is not UTF-8. */
mmoe_status mmoe_fail_column_name(const mmoe_binding *b, size_t c, mmoe_error *err);

#endif
