/* The largest id of each column. */
#ifndef MMOE_DATA_MOST_IDS_H
#define MMOE_DATA_MOST_IDS_H

#include <stddef.h>
#include <stdint.h>

/* Rows as a data set has them. */
typedef struct mmoe_row_ids {
    int64_t rows;
    int32_t n_id, n_list;
    const int32_t *ids;  /* [rows, n_id] */
    const int64_t *ends; /* [rows, n_list] behind the last element of each list; NULL: no lists */
    const int32_t *elements;
    int64_t first; /* of the elements, that these rows have */
} mmoe_row_ids;

/* Raises most [n_id + n_list], those of rows before, to what these rows have. */
void mmoe_most_ids_raise(const mmoe_row_ids *at, int32_t *most);
/* Raises the one of a column to what `count` of its ids have. */
void mmoe_most_id_raise(const int32_t *ids, size_t count, int32_t *most);

#endif
