/* The ONNX file of a model, read back by protobuf-c, and what holds of every one. */
#ifndef MMOE_TESTS_ONNX_GRAPH_SUPPORT_H
#define MMOE_TESTS_ONNX_GRAPH_SUPPORT_H

#include <stdbool.h>

#include "export/onnx_file.h"
#include "export_support.h"
#include "failing.h"

#define FLOAT MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define DOUBLE MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE
#define INT64 MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__INT64
#define BOOL MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__BOOL

static mmoe_model *model;
static MmoeOnnx__ModelProto *read_back;
static const MmoeOnnx__GraphProto *graph;

static inline uint8_t *get_file(size_t *size) {
    FILE *f = fopen(file, "rb");
    ck_assert_ptr_nonnull(f);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*size);
    ck_assert_uint_eq(fread(bytes, 1, *size, f), *size);
    fclose(f);
    return bytes;
}

static inline void write_and_read(void) {
    mmoe_error err = {0};
    size_t size;
    ck_assert_msg(!mmoe_model_export_onnx(model, file, &err), "%s", err.message);
    uint8_t *bytes = get_file(&size);
    if (read_back) mmoe_onnx__model_proto__free_unpacked(read_back, NULL);
    read_back = mmoe_onnx__model_proto__unpack(NULL, size, bytes);
    free(bytes);
    ck_assert_ptr_nonnull(read_back);
    graph = read_back->graph;
}

static inline void tear_down(void) {
    mmoe_onnx__model_proto__free_unpacked(read_back, NULL);
    read_back = NULL;
    mmoe_model_free(model);
    remove_folder();
}

static inline const MmoeOnnx__TensorProto *find_tensor(const char *name) {
    const MmoeOnnx__TensorProto *found = NULL;
    for (size_t i = 0; i < graph->n_initializer; i++)
        if (!strcmp(graph->initializer[i]->name, name)) {
            ck_assert_msg(!found, "%s stands there twice", name);
            found = graph->initializer[i];
        }
    return found;
}

static inline const MmoeOnnx__NodeProto *nth_node(const char *op, int n) {
    for (size_t i = 0; i < graph->n_node; i++)
        if (!strcmp(graph->node[i]->op_type, op) && n-- == 0) return graph->node[i];
    return NULL;
}

static inline int count_nodes(const char *op) {
    int count = 0;
    while (nth_node(op, count)) count++;
    return count;
}

/* Node `n` of an op among those that read `input`. */
static inline const MmoeOnnx__NodeProto *nth_reader(const char *op, const char *input, int n) {
    for (size_t i = 0; i < graph->n_node; i++) {
        const MmoeOnnx__NodeProto *node = graph->node[i];
        bool reads = false;
        for (size_t k = 0; k < node->n_input; k++) reads |= !strcmp(node->input[k], input);
        if (reads && !strcmp(node->op_type, op) && n-- == 0) return node;
    }
    return NULL;
}

static inline const MmoeOnnx__NodeProto *reader(const char *op, const char *input) {
    const MmoeOnnx__NodeProto *node = nth_reader(op, input, 0);
    ck_assert_msg(node, "no %s reads %s", op, input);
    return node;
}

static inline const char *after(const char *op, const char *input) {
    return reader(op, input)->output[0];
}

/* Its only number. */
static inline void assert_whole(const char *constant, int64_t wanted) {
    int64_t got;
    const MmoeOnnx__TensorProto *t = find_tensor(constant);
    ck_assert_int_eq(t->data_type, INT64);
    ck_assert_uint_eq(t->raw_data.len, sizeof got);
    memcpy(&got, t->raw_data.data, sizeof got);
    ck_assert_int_eq(got, wanted);
}

static inline void assert_float(const char *constant, float wanted) {
    float got;
    const MmoeOnnx__TensorProto *t = find_tensor(constant);
    ck_assert_int_eq(t->data_type, FLOAT);
    ck_assert_uint_eq(t->raw_data.len, sizeof got);
    memcpy(&got, t->raw_data.data, sizeof got);
    ck_assert_float_eq(got, wanted);
}

static inline bool is_input(const char *name) {
    for (size_t i = 0; i < graph->n_input; i++)
        if (!strcmp(graph->input[i]->name, name)) return true;
    return false;
}

/* Is it made by a node before `end`? */
static inline bool is_made(const char *name, size_t end) {
    for (size_t i = 0; i < end; i++)
        for (size_t k = 0; k < graph->node[i]->n_output; k++)
            if (!strcmp(graph->node[i]->output[k], name)) return true;
    return false;
}

static inline void assert_names(void) {
    for (size_t i = 0; i < graph->n_node; i++) {
        const MmoeOnnx__NodeProto *n = graph->node[i];
        ck_assert_uint_eq(n->n_output, strcmp(n->op_type, "TopK")
                                           ? 1
                                           : 2); /* values and, read by no one, their places */
        for (size_t k = 0; k < n->n_output; k++)
            ck_assert_msg(!is_made(n->output[k], i) && !is_input(n->output[k]) &&
                              !find_tensor(n->output[k]),
                          "%s is made twice", n->output[k]);
        for (size_t k = 0; k < n->n_input; k++)
            ck_assert_msg(is_input(n->input[k]) || find_tensor(n->input[k]) ||
                              is_made(n->input[k], i),
                          "%s: nothing makes %s", n->name, n->input[k]);
    }
    ck_assert(is_made("scores", graph->n_node));
}

static inline void assert_initialisers(void) {
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const MmoeOnnx__TensorProto *t = graph->initializer[i];
        size_t bytes = t->data_type == FLOAT ? 4 : 8;
        if (t->data_type == BOOL) bytes = 1;
        for (size_t d = 0; d < t->n_dims; d++) bytes *= (size_t)t->dims[d];
        ck_assert_msg(t->raw_data.len == bytes, "%s: %zu bytes", t->name, t->raw_data.len);
        bool used = false;
        for (size_t n = 0; n < graph->n_node; n++)
            for (size_t k = 0; k < graph->node[n]->n_input; k++)
                used |= !strcmp(graph->node[n]->input[k], t->name);
        ck_assert_msg(used, "%s is not used", t->name);
    }
}

static inline void fail_each_allocation(const char *config) {
    failing f = {0};
    mmoe_allocator alloc = failing_allocator(&f);
    mmoe_model *watched = export_model_of(config, &alloc);
    const long live = f.live;
    unlink(file);
    while (failing_next(&f)) {
        mmoe_error err = {0};
        const mmoe_status status = mmoe_model_export_onnx(watched, file, &err);
        failing_check(&f, status, &err);
        ck_assert_int_eq(f.live, live);
        ck_assert_int_eq(access(file, F_OK), status ? -1 : 0);
    }
    mmoe_model_free(watched);
}

#endif
