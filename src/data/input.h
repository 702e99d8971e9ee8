/* What a caller gives, by name, and which columns of it the features of a schema read. */
#ifndef MMOE_DATA_INPUT_H
#define MMOE_DATA_INPUT_H

#include "base/alloc.h"
#include "data/schema.h"

struct mmoe_input {
    mmoe_allocator alloc;
    size_t count;
    bool ranks;                 /* some columns are the user's */
    mmoe_input_column *columns; /* [count] */
};

/* The column of that name, or NULL. */
const mmoe_input_column *mmoe_input_find(const mmoe_input *input, const char *name);

/* A column of files that a feature reads. */
typedef struct mmoe_wanted_column {
    const char *name;
    const mmoe_encoder *encoder; /* of its values; NULL: they are a part of a cross */
    mmoe_side side;
    int32_t dim;
    bool is_list;
} mmoe_wanted_column;

/* Features are numbered: the sparse ones, then the dense. A cross reads several columns. */
size_t mmoe_wanted_count(const mmoe_schema *schema, int32_t feature);
mmoe_wanted_column mmoe_wanted(const mmoe_schema *schema, int32_t feature, size_t part);

/* Whether it has the columns that a model of this schema reads, and no others. MMOE_E_ARGUMENT. */
mmoe_status mmoe_input_fits(const mmoe_input *input, const mmoe_schema *schema, mmoe_error *err);
/* Of one that fits: for those who learn nothing, whether values of its columns can be known.
 * MMOE_E_ARGUMENT. */
mmoe_status mmoe_input_can_know(const mmoe_input *input, const mmoe_schema *schema,
                                mmoe_error *err);
/* Whether a batch gives a column as the input says, in the name of a `call`. MMOE_E_ARGUMENT. */
mmoe_status mmoe_input_check_column(const mmoe_input_column *type, const mmoe_column *given,
                                    const mmoe_batch *batch, const char *call, mmoe_error *err);

/* A batch by the schema's numbers that was given by the names of an input. */
typedef struct mmoe_numbered_batch {
    mmoe_batch batch;
    mmoe_column *columns; /* of the batch, and its lists; to be released */
} mmoe_numbered_batch;

/* input_rows.c: of all columns of the input; `call` begins messages. MMOE_E_ARGUMENT, _MEMORY. */
mmoe_status mmoe_input_number(const mmoe_schema *schema, const mmoe_batch *given, const char *call,
                              const mmoe_allocator *alloc, mmoe_numbered_batch *out,
                              mmoe_error *err);

#endif
