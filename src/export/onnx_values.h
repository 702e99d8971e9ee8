/* A model's values as ONNX values: which columns are where, and how to get at them. */
#ifndef MMOE_EXPORT_ONNX_VALUES_H
#define MMOE_EXPORT_ONNX_VALUES_H

#include "export/onnx_file.h"
#include "model/model.h"

enum {
    MMOE_ONNX_FLOAT = MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
    MMOE_ONNX_DOUBLE = MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
    MMOE_ONNX_INT64 = MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
    MMOE_ONNX_BOOL = MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__BOOL
};

/* Columns [col, col + cols) of a value of ours are an ONNX value. */
typedef struct mmoe_onnx_piece {
    int32_t col, cols;
    const char *name;
} mmoe_onnx_piece;

typedef struct mmoe_onnx_pieces {
    mmoe_onnx_piece *items; /* in the order of the columns */
    int32_t count;
} mmoe_onnx_pieces;

typedef struct mmoe_exporter {
    mmoe_onnx *onnx;
    const mmoe_model *model;
    const mmoe_graph *graph;
    mmoe_onnx_pieces *values; /* [n_value] */
    const char *scores;       /* once its loss is met: [B, tasks] */
} mmoe_exporter;

/* Members behind the first read the inputs that it has added. */
static inline bool mmoe_onnx_adds_inputs(const mmoe_exporter *e) {
    return e->model->config->member == 0;
}

/* Side by side. */
const char *mmoe_onnx_concat(mmoe_exporter *e, const char *const *names, int32_t count);
/* To [B, middle, last]; to [B, cols]. */
const char *mmoe_onnx_reshape(mmoe_exporter *e, const char *name, int64_t middle, int64_t last);
const char *mmoe_onnx_flatten(mmoe_exporter *e, const char *name, int64_t cols);

const char *mmoe_onnx_cast(mmoe_exporter *e, const char *name, int64_t type);

/* Says what a value of ours is: pieces, in room of the graph; or one. */
void mmoe_onnx_set_value(mmoe_exporter *e, int32_t value, mmoe_onnx_piece *items, int32_t count);
void mmoe_onnx_set_whole(mmoe_exporter *e, int32_t value, const char *name);
/* The ONNX value that a view is. A value that is put together for it stays so. */
const char *mmoe_onnx_view(mmoe_exporter *e, mmoe_view v);

#endif
