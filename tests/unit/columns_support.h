/* Encoders for the specs of columns; the program keeps them. */
#ifndef TESTS_COLUMNS_SUPPORT_H
#define TESTS_COLUMNS_SUPPORT_H

#include <check.h>
#include <string.h>

#include "data/column_number.h"

static inline mmoe_encoder *new_encoder(const mmoe_column_kind *kind) {
    enum { MOST = 4096 };
    static mmoe_encoder *kept[MOST];
    static int count;
    const mmoe_allocator a = mmoe_allocator_or_default(NULL);
    ck_assert_int_lt(count, MOST);
    kept[count] = mmoe_encoder_create(kind, &a);
    ck_assert_ptr_nonnull(kept[count]);
    return kept[count++];
}

/* Gives an integer key of its kind a value. */
static inline void set_key(mmoe_encoder *e, const char *name, int64_t value) {
    int32_t i = 0;
    while (i < e->kind->n_key && strcmp(mmoe_key_name(e->kind->keys + i), name) != 0) i++;
    ck_assert_int_lt(i, e->kind->n_key);
    memcpy((char *)e + e->kind->keys[i].offset, &value, sizeof value);
}

/* Ids that are row numbers. */
static inline mmoe_encoder *row_encoder(int64_t rows, int64_t oov_id) {
    mmoe_encoder *e = new_encoder(&mmoe_column_row);
    e->rows = rows;
    e->oov_id = oov_id;
    return e;
}

static inline mmoe_encoder *number_encoder(mmoe_transform transform) {
    mmoe_encoder *e = new_encoder(&mmoe_column_number);
    mmoe_number_of(e)->transform = transform;
    return e;
}

#endif
