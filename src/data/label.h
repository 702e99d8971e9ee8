/* A cell of a label column. */
#ifndef MMOE_DATA_LABEL_H
#define MMOE_DATA_LABEL_H

#include "data/schema.h"

enum { MMOE_LABEL_FAULT_SIZE = 200 };

/* A cell that is to be read; where a column has a `positive`, `negative` is the text that this file
 * has told to be the other, made on the first meeting; the column's own wins. */
typedef struct mmoe_label_cell {
    const mmoe_label_column *column;
    const mmoe_allocator *alloc;
    char **negative;
    const char *text; /* [length] */
    size_t length;
    bool is_missing; /* a word for nothing, if it is not the positive label; "gaps" has others */
} mmoe_label_cell;

extern const char mmoe_label_no_memory[];

/* Do both stand for the same: one text, but for blanks around it, or one number ("1", "1.0")? */
bool mmoe_label_is_same(const char *text, const char *other);

/* *out: the label, NaN where it is missing. A fault that follows the value ("is neither 0 nor 1"),
 * perhaps in `room`, or mmoe_label_no_memory; NULL: none. */
const char *mmoe_label_read(const mmoe_label_cell *cell, char room[MMOE_LABEL_FAULT_SIZE],
                            float *out);

#endif
