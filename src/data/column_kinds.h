/* Every kind of column: X(NAME) is the record mmoe_column_NAME in column_NAME.c, which the build
 * finds here. */
#ifndef MMOE_DATA_COLUMN_KINDS_H
#define MMOE_DATA_COLUMN_KINDS_H

#include "data/column.h"

#define MMOE_COLUMN_KINDS(X)                                                                       \
    X(row)                                                                                         \
    X(vocabulary)                                                                                  \
    X(hash)                                                                                        \
    X(boundaries)                                                                                  \
    X(quantiles)                                                                                   \
    X(number)                                                                                      \
    X(piecewise_linear)                                                                            \
    X(vector)                                                                                      \
    X(date)

#define MMOE_COLUMN_KIND(name) extern const mmoe_column_kind mmoe_column_##name;
MMOE_COLUMN_KINDS(MMOE_COLUMN_KIND)
#undef MMOE_COLUMN_KIND

const mmoe_column_kind *mmoe_column_kind_at(int32_t index);          /* NULL past the last */
const mmoe_column_kind *mmoe_column_kind_named(const char *word);    /* NULL: there is none */
const mmoe_column_kind *mmoe_column_kind_default(mmoe_column_shape); /* that no key decides for */

#endif
