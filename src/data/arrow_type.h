/* What the values of an Arrow column are: its format strings, read. */
#ifndef MMOE_DATA_ARROW_TYPE_H
#define MMOE_DATA_ARROW_TYPE_H

#include <stdbool.h>

#include "mmoe/arrow.h"

typedef enum mmoe_arrow_kind {
    MMOE_ARROW_INTEGER,
    MMOE_ARROW_UNSIGNED,
    MMOE_ARROW_FLOAT,
    MMOE_ARROW_BOOLEAN,
    MMOE_ARROW_TEXT,
    MMOE_ARROW_VIEW,
    MMOE_ARROW_LIST,
    MMOE_ARROW_FIXED_LIST
} mmoe_arrow_kind;

/* An array's. */
typedef struct mmoe_arrow_form {
    mmoe_arrow_kind kind;
    int64_t size; /* bytes of a number, or of the offset of a text or list; elements of a fixed list
                   */
} mmoe_arrow_form;

/* A column's, which has up to three arrays. */
typedef struct mmoe_arrow_type {
    bool is_list, is_coded;
    mmoe_arrow_form list;
    mmoe_arrow_form value; /* of a list its elements */
    mmoe_arrow_form word;  /* is_coded: of the dictionary, `value` being the places in it */
} mmoe_arrow_type;

enum { MMOE_ARROW_FAULT_SIZE = 256 };

/* NULL, or why its values cannot be read, a sentence in `fault`. */
const char *mmoe_arrow_type_read(const struct ArrowSchema *column, mmoe_arrow_type *out,
                                 char fault[MMOE_ARROW_FAULT_SIZE]);

#endif
