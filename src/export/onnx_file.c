#include "export/onnx_file.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/watcher.h"

#define FLOAT MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define BOOL MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__BOOL
#define INT64 MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__INT64

/* ---- Memory ---- */

struct mmoe_onnx_block {
    struct mmoe_onnx_block *next;
    max_align_t data[];
};

void mmoe_onnx_init(mmoe_onnx *o, const mmoe_allocator *alloc) {
    static const MmoeOnnx__GraphProto empty = MMOE_ONNX__GRAPH_PROTO__INIT;
    static char name[] = "mmoe";
    *o = (mmoe_onnx){.alloc = mmoe_allocator_or_default(alloc), .label = "", .graph = empty};
    o->graph.name = name;
}

void mmoe_onnx_finish(mmoe_onnx *o) {
    while (o->blocks) {
        struct mmoe_onnx_block *next = o->blocks->next;
        mmoe_release(&o->alloc, o->blocks);
        o->blocks = next;
    }
}

void *mmoe_onnx_room(mmoe_onnx *o, size_t count, size_t size) {
    size_t bytes;
    struct mmoe_onnx_block *block = NULL;
    if (!o->failed && !__builtin_mul_overflow(count, size, &bytes) &&
        !__builtin_add_overflow(bytes, sizeof *block, &bytes))
        block = mmoe_alloc_zero(&o->alloc, 1, bytes);
    o->failed = !block;
    if (!block) return NULL;
    block->next = o->blocks;
    o->blocks = block;
    return block->data;
}

static char *copy_text(mmoe_onnx *o, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = mmoe_onnx_room(o, size, 1);
    return copy ? memcpy(copy, text, size) : NULL;
}

/* "LABEL/WHAT_NUMBER" */
static char *make_name(mmoe_onnx *o, const char *what, size_t number) {
    size_t size = strlen(o->label) + strlen(what) + 24;
    char *name = mmoe_onnx_room(o, size, 1);
    if (name) snprintf(name, size, "%s/%s_%zu", o->label, what, number);
    return name;
}

/* The array with room for one more entry; NULL when memory is out. The old array stays until the
 * graph is finished. */
static void *grow(mmoe_onnx *o, void *items, size_t count, size_t *capacity) {
    if (count < *capacity) return items;
    size_t wanted = *capacity ? 2 * *capacity : 64;
    void *grown = mmoe_onnx_room(o, wanted, sizeof(void *));
    if (!grown) return NULL;
    if (count) memcpy(grown, items, count * sizeof(void *));
    *capacity = wanted;
    return grown;
}

/* ---- Inputs, outputs, initialisers ---- */

/* One allocation a matrix: the messages that protobuf links by pointers. */
typedef struct matrix_info {
    MmoeOnnx__ValueInfoProto info, *list;
    MmoeOnnx__TypeProto type;
    MmoeOnnx__TypeProto__Tensor tensor;
    MmoeOnnx__TensorShapeProto shape;
    MmoeOnnx__TensorShapeProto__Dimension rows, cols, *dims[2];
} matrix_info;

static matrix_info *make_matrix(mmoe_onnx *o, const char *name, int32_t type) {
    static char rows[] = "B";
    matrix_info *m = mmoe_onnx_room(o, 1, sizeof *m);
    if (!m) return NULL;
    mmoe_onnx__value_info_proto__init(&m->info);
    mmoe_onnx__type_proto__init(&m->type);
    mmoe_onnx__type_proto__tensor__init(&m->tensor);
    mmoe_onnx__tensor_shape_proto__init(&m->shape);
    mmoe_onnx__tensor_shape_proto__dimension__init(&m->rows);
    mmoe_onnx__tensor_shape_proto__dimension__init(&m->cols);
    m->list = &m->info;
    m->info.name = copy_text(o, name);
    m->info.type = &m->type;
    m->type.value_case = MMOE_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    m->type.tensor_type = &m->tensor;
    m->tensor.has_elem_type = true;
    m->tensor.elem_type = type;
    m->tensor.shape = &m->shape;
    m->shape.n_dim = 2;
    m->shape.dim = m->dims;
    m->dims[0] = &m->rows;
    m->dims[1] = &m->cols;
    m->rows.value_case = MMOE_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    m->rows.dim_param = rows;
    return m;
}

static void set_cols(matrix_info *m, int64_t cols) {
    m->cols.value_case = MMOE_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    m->cols.dim_value = cols;
}

static matrix_info *add_input(mmoe_onnx *o, const char *name, int32_t type) {
    MmoeOnnx__ValueInfoProto **list = grow(o, o->graph.input, o->graph.n_input, &o->input_capacity);
    matrix_info *m = make_matrix(o, name, type);
    if (!m) return NULL;
    o->graph.input = list;
    list[o->graph.n_input++] = &m->info;
    return m;
}

void mmoe_onnx_input(mmoe_onnx *o, const char *name, int32_t type, int64_t cols) {
    matrix_info *m = add_input(o, name, type);
    if (m) set_cols(m, cols);
}

void mmoe_onnx_input_ragged(mmoe_onnx *o, const char *name, int32_t type, const char *length) {
    matrix_info *m = add_input(o, name, type);
    if (!m) return;
    m->cols.value_case = MMOE_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    m->cols.dim_param = copy_text(o, length);
}

void mmoe_onnx_output(mmoe_onnx *o, const char *name, int64_t cols) {
    matrix_info *m = make_matrix(o, name, FLOAT);
    if (!m) return;
    set_cols(m, cols);
    o->graph.output = &m->list;
    o->graph.n_output = 1;
}

static size_t size_of_type(int32_t type) {
    if (type == BOOL) return 1;
    return type == FLOAT ? sizeof(float) : sizeof(double); /* INT64, too */
}

const char *mmoe_onnx_tensor(mmoe_onnx *o, const char *name, int32_t type, int32_t rank,
                             const int64_t *shape, const void *data) {
    MmoeOnnx__TensorProto *t = mmoe_onnx_room(o, 1, sizeof *t);
    MmoeOnnx__TensorProto **list =
        grow(o, o->graph.initializer, o->graph.n_initializer, &o->initializer_capacity);
    int64_t *dims = mmoe_onnx_room(o, (size_t)rank, sizeof *dims);
    char *own = name ? copy_text(o, name) : make_name(o, "constant", o->graph.n_initializer);
    if (!own) return "";
    mmoe_onnx__tensor_proto__init(t);
    t->name = own;
    t->n_dims = (size_t)rank;
    t->dims = dims;
    t->has_data_type = t->has_raw_data = true;
    t->data_type = type;
    t->raw_data.len = size_of_type(type);
    for (int32_t d = 0; d < rank; d++) t->raw_data.len *= (size_t)(dims[d] = shape[d]);
    t->raw_data.data = (uint8_t *)(uintptr_t)data; /* packing reads it alone */
    o->graph.initializer = list;
    list[o->graph.n_initializer++] = t;
    return own;
}

const char *mmoe_onnx_vector(mmoe_onnx *o, const float *data, int64_t count) {
    return mmoe_onnx_tensor(o, NULL, FLOAT, 1, &count, data);
}

const char *mmoe_onnx_scalar(mmoe_onnx *o, float value) {
    float *copy = mmoe_onnx_room(o, 1, sizeof *copy);
    if (copy) *copy = value;
    return mmoe_onnx_tensor(o, NULL, FLOAT, 0, NULL, copy);
}

const char *mmoe_onnx_ints(mmoe_onnx *o, int64_t count, const int64_t *values) {
    int64_t *copy = mmoe_onnx_room(o, (size_t)count, sizeof *copy);
    if (copy) memcpy(copy, values, (size_t)count * sizeof *copy);
    return mmoe_onnx_tensor(o, NULL, INT64, 1, &count, copy);
}

/* ---- Nodes ---- */

const char *mmoe_onnx_add_list(mmoe_onnx *o, const char *op, const char *const *inputs,
                               size_t count) {
    MmoeOnnx__NodeProto *n = mmoe_onnx_room(o, 1, sizeof *n);
    MmoeOnnx__NodeProto **list = grow(o, o->graph.node, o->graph.n_node, &o->node_capacity);
    char **names = mmoe_onnx_room(o, count + 1, sizeof *names), *type = copy_text(o, op);
    char *output = make_name(o, op, o->graph.n_node);
    for (size_t i = 0; i < count; i++) {
        char *input = copy_text(o, inputs[i]);
        if (input) names[i] = input;
    }
    if (o->failed) return "";
    mmoe_onnx__node_proto__init(n);
    n->op_type = type;
    n->name = output;
    n->n_input = count;
    n->input = names;
    names[count] = output;
    n->n_output = 1;
    n->output = names + count;
    o->graph.node = list;
    list[o->graph.n_node++] = n;
    return output;
}

void mmoe_onnx_add_unread(mmoe_onnx *o) {
    char **outputs = mmoe_onnx_room(o, 2, sizeof *outputs),
         *name = make_name(o, "unread", o->graph.n_node);
    if (o->failed) return;
    MmoeOnnx__NodeProto *n = o->graph.node[o->graph.n_node - 1];
    outputs[0] = n->output[0];
    outputs[1] = name;
    n->output = outputs;
    n->n_output = 2;
}

static MmoeOnnx__AttributeProto *add_attribute(mmoe_onnx *o, const char *name,
                                               MmoeOnnx__AttributeProto__AttributeType type) {
    enum { MOST = 2 };
    char *own = copy_text(o, name);
    MmoeOnnx__AttributeProto *a = mmoe_onnx_room(o, 1, sizeof *a);
    if (!a) return NULL;
    MmoeOnnx__NodeProto *n = o->graph.node[o->graph.n_node - 1];
    if (!n->attribute) n->attribute = mmoe_onnx_room(o, MOST, sizeof(void *));
    if (o->failed) return NULL;
    assert(n->n_attribute < MOST);
    mmoe_onnx__attribute_proto__init(a);
    a->name = own;
    a->has_type = true;
    a->type = type;
    n->attribute[n->n_attribute++] = a;
    return a;
}

void mmoe_onnx_set_int(mmoe_onnx *o, const char *name, int64_t value) {
    MmoeOnnx__AttributeProto *a =
        add_attribute(o, name, MMOE_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (!a) return;
    a->has_i = true;
    a->i = value;
}

void mmoe_onnx_set_axes(mmoe_onnx *o, int64_t axis) {
    int64_t *axes = mmoe_onnx_room(o, 1, sizeof *axes);
    MmoeOnnx__AttributeProto *a =
        add_attribute(o, "axes", MMOE_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    if (!a) return;
    *axes = axis;
    a->n_ints = 1;
    a->ints = axes;
}

void mmoe_onnx_name_output(mmoe_onnx *o, const char *name) {
    char *own = copy_text(o, name);
    if (own) *o->graph.node[o->graph.n_node - 1]->output = own;
}

/* ---- The file ---- */

/* Where protobuf-c's packer puts its bytes, a few at a time but for the tensors'. */
typedef struct sink {
    ProtobufCBuffer base;
    mmoe_atomic_file *file;
    const mmoe_watcher *watcher;
    size_t written, total;
    mmoe_status status;
    mmoe_error *err;
    size_t used;
    uint8_t buffer[1 << 14];
} sink;

static void write_bytes(sink *s, const uint8_t *data, size_t size) {
    if (!s->status) s->status = mmoe_atomic_file_write(s->file, data, size, s->err);
    s->written += size;
    mmoe_tell_written(s->watcher, s->written, s->total);
}

static void flush(sink *s) {
    write_bytes(s, s->buffer, s->used);
    s->used = 0;
}

static void append(ProtobufCBuffer *base, size_t size, const uint8_t *data) {
    sink *s = (sink *)base;
    if (size > sizeof s->buffer - s->used) flush(s);
    if (size > sizeof s->buffer) {
        write_bytes(s, data, size);
        return;
    }
    if (size) memcpy(s->buffer + s->used, data, size);
    s->used += size;
}

mmoe_status mmoe_onnx_write(const mmoe_onnx *o, const char *path, const mmoe_watcher *watcher,
                            mmoe_error *err) {
    if (o->failed) return mmoe_fail_memory(err, 0);
    char producer[] = "mmoe", version[32], no_domain[] = "";
    snprintf(version, sizeof version, "%s", mmoe_version());
    MmoeOnnx__GraphProto graph = o->graph;
    MmoeOnnx__OperatorSetIdProto opset = MMOE_ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets = &opset;
    MmoeOnnx__ModelProto model = MMOE_ONNX__MODEL_PROTO__INIT;
    opset.domain = no_domain;
    opset.has_version = model.has_ir_version = true;
    opset.version = MMOE_ONNX_OPSET;
    model.ir_version = MMOE_ONNX_IR_VERSION;
    model.n_opset_import = 1;
    model.opset_import = &opsets;
    model.producer_name = producer;
    model.producer_version = version;
    model.graph = &graph;
    size_t size = mmoe_onnx__model_proto__get_packed_size(&model);
    if (size > INT32_MAX)
        return mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, NULL,
                            "the model would take %zu bytes: an ONNX file is a protobuf message, "
                            "which holds at most %d",
                            size, INT32_MAX);
    sink s = {.base = {append}, .watcher = watcher, .total = size, .err = err};
    mmoe_status status = mmoe_atomic_file_open(path, &o->alloc, &s.file, err);
    if (status) return status;
    mmoe_tell_written(watcher, 0, size);
    mmoe_onnx__model_proto__pack_to_buffer(&model, &s.base);
    flush(&s);
    return mmoe_atomic_file_close(s.file, s.status, err);
}
