/* What a caller gives, by name, and where a model's columns stand in it. */
#ifndef MMOE_SERVE_INPUT_H
#define MMOE_SERVE_INPUT_H

#include "serve/step.h"

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

#endif
