/* An ONNX graph that grows node by node, and its file. Nothing here knows a model.
 *
 * A lack of memory sticks: later calls do nothing and return "", and mmoe_onnx_write reports it.
 * Names that functions return belong to the graph. */
#ifndef MMOE_EXPORT_ONNX_FILE_H
#define MMOE_EXPORT_ONNX_FILE_H

#include <stdbool.h>

#include "base/alloc.h"
#include "mmoe/data.h"
#include "export/onnx.pb-c.h"

enum {
    MMOE_ONNX_OPSET = 14,
    MMOE_ONNX_IR_VERSION = 7 /* the one of that operator set's release */
};

typedef struct mmoe_onnx {
    mmoe_allocator alloc;
    struct mmoe_onnx_block *blocks; /* what the messages point to */
    bool failed;
    const char *label; /* stands in the names of what is added */
    size_t node_capacity, initializer_capacity, input_capacity;
    MmoeOnnx__GraphProto graph;
} mmoe_onnx;

void mmoe_onnx_init(mmoe_onnx *o, const mmoe_allocator *alloc);
void mmoe_onnx_finish(mmoe_onnx *o);

/* Zeroed memory that lives as long as the graph; NULL when there is none. */
void *mmoe_onnx_room(mmoe_onnx *o, size_t count, size_t size);

/* Inputs and outputs: [B, cols] of a MMOE_ONNX__TENSOR_PROTO__DATA_TYPE; or [B, length], where
 * `length` names a number that each run has anew. */
void mmoe_onnx_input(mmoe_onnx *o, const char *name, int32_t type, int64_t cols);
void mmoe_onnx_input_ragged(mmoe_onnx *o, const char *name, int32_t type, const char *length);
void mmoe_onnx_output(mmoe_onnx *o, const char *name, int64_t cols);

/* Initialisers. `data` is not copied, and must outlive the graph; `name` NULL: one is made. rank 0
 * to 2. */
const char *mmoe_onnx_tensor(mmoe_onnx *o, const char *name, int32_t type, int32_t rank,
                             const int64_t *shape, const void *data);
const char *mmoe_onnx_vector(mmoe_onnx *o, const float *data, int64_t count);
const char *mmoe_onnx_scalar(mmoe_onnx *o, float value);
/* Copied: shapes, axes, bounds. */
const char *mmoe_onnx_ints(mmoe_onnx *o, int64_t count, const int64_t *values);

/* Adds a node with one output, whose name it returns. */
const char *mmoe_onnx_add_list(mmoe_onnx *o, const char *op, const char *const *inputs,
                               size_t count);
#define mmoe_onnx_add(o, op, ...)                                                                  \
    mmoe_onnx_add_list(o, op, (const char *const[]){__VA_ARGS__},                                  \
                       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
/* Gives the last node one more output, which nothing reads. */
void mmoe_onnx_add_unread(mmoe_onnx *o);
/* Gives the last node an attribute, or a name of its own to its output. */
void mmoe_onnx_set_int(mmoe_onnx *o, const char *name, int64_t value);
void mmoe_onnx_set_axes(mmoe_onnx *o, int64_t axis);
void mmoe_onnx_name_output(mmoe_onnx *o, const char *name);

/* Writes the file whole or not at all. MMOE_E_MEMORY, _IO, _ARGUMENT: larger than a protobuf
 * message may be. */
mmoe_status mmoe_onnx_write(const mmoe_onnx *o, const char *path, const mmoe_watcher *watcher,
                            mmoe_error *err);

#endif
