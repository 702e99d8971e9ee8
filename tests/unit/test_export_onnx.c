/* mmoe_model_export_onnx: the written file, read back by protobuf-c. Its scores are compared in
 * tests/export. */
#include <math.h>

#include "check_main.h"
#include "data/column_number.h"
#include "onnx_graph_support.h"

static void set_up(void) {
    make_folder();
    model = export_model(NULL);
    write_and_read();
}

static const float *param(const char *name) {
    const mmoe_tensor *t = mmoe_tensors_find(&model->graph->tensors, name);
    ck_assert_msg(t, "%s", name);
    return mmoe_params_at(&model->params, t);
}

static float value_at(const MmoeOnnx__TensorProto *t, size_t index) {
    float value;
    ck_assert_int_eq(t->data_type, FLOAT);
    ck_assert_uint_lt(index * sizeof value, t->raw_data.len);
    memcpy(&value, t->raw_data.data + index * sizeof value, sizeof value);
    return value;
}

static void assert_matrix(const MmoeOnnx__ValueInfoProto *v, const char *name, int32_t type,
                          int64_t cols) {
    ck_assert_str_eq(v->name, name);
    const MmoeOnnx__TypeProto__Tensor *t = v->type->tensor_type;
    ck_assert_int_eq(t->elem_type, type);
    ck_assert_uint_eq(t->shape->n_dim, 2);
    ck_assert_str_eq(t->shape->dim[0]->dim_param, "B");
    ck_assert_int_eq(t->shape->dim[1]->value_case,
                     MMOE_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE);
    ck_assert_int_eq(t->shape->dim[1]->dim_value, cols);
}

START_TEST(header) {
    ck_assert_int_eq(read_back->ir_version, 7);
    ck_assert_uint_eq(read_back->n_opset_import, 1);
    ck_assert_str_eq(read_back->opset_import[0]->domain, "");
    ck_assert_int_eq(read_back->opset_import[0]->version, 14);
    ck_assert_str_eq(read_back->producer_name, "mmoe");
    ck_assert_str_eq(read_back->producer_version, mmoe_version());
    ck_assert_uint_eq(graph->n_input, 2);
    assert_matrix(graph->input[0], "ids", INT64, 3);
    assert_matrix(graph->input[1], "x", FLOAT, 2);
    ck_assert_uint_eq(graph->n_output, 1);
    assert_matrix(graph->output[0], "scores", FLOAT, 2);
}
END_TEST

START_TEST(every_name_is_made_once_and_before_its_use) { assert_names(); }
END_TEST

START_TEST(initialisers_have_their_sizes_and_uses) { assert_initialisers(); }
END_TEST

START_TEST(a_shared_table_stands_once) {
    const MmoeOnnx__TensorProto *user = find_tensor("embedding.embed_dict.user.weight");
    ck_assert_ptr_nonnull(user);
    ck_assert(user->n_dims == 2 && user->dims[0] == 7 && user->dims[1] == 3);
    ck_assert_mem_eq(user->raw_data.data, param("embedding.embed_dict.user.weight"),
                     user->raw_data.len);
    ck_assert_ptr_nonnull(find_tensor("embedding.embed_dict.slot.weight"));
    ck_assert_int_eq(count_nodes("Gather"), 6); /* a column's ids, and its table's rows */
    const int64_t columns[] = {0, 1, 2};
    for (int i = 0; i < 3; i++) {
        const MmoeOnnx__NodeProto *ids = nth_node("Gather", 2 * i),
                                  *rows = nth_node("Gather", 2 * i + 1);
        ck_assert_str_eq(ids->input[0], "ids");
        ck_assert_mem_eq(find_tensor(ids->input[1])->raw_data.data, &columns[i], sizeof columns[i]);
        ck_assert_str_eq(ids->attribute[0]->name, "axis");
        ck_assert_int_eq(ids->attribute[0]->i, 1);
        ck_assert_str_eq(rows->input[0], i == 1 ? "embedding.embed_dict.slot.weight"
                                                : "embedding.embed_dict.user.weight");
        ck_assert_str_eq(rows->input[1], ids->output[0]);
    }
}
END_TEST

/* Rows [first, first + cols) of a Gemm are one module's, its batch norm folded in. */
static void assert_folded(const MmoeOnnx__NodeProto *gemm, int first, int cols, int width,
                          const char *module, int layer) {
    char name[64];
    const MmoeOnnx__TensorProto *w = find_tensor(gemm->input[1]), *b = find_tensor(gemm->input[2]);
    ck_assert_int_eq(w->dims[1], width);
    const float *p[6];
    static const char *const names[] = {"weight", "bias",         "weight",
                                        "bias",   "running_mean", "running_var"};
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "%s.mlp.%d.%s", module, layer + (i > 1), names[i]);
        p[i] = param(name);
    }
    for (int r = 0; r < cols; r++) {
        double scale = p[2][r] / sqrt(p[5][r] + 1e-5);
        for (int c = 0; c < width; c++)
            ck_assert_float_eq_tol(value_at(w, (size_t)((first + r) * width + c)),
                                   (float)(p[0][r * width + c] * scale), 1e-6f);
        ck_assert_float_eq_tol(value_at(b, (size_t)(first + r)),
                               (float)(p[3][r] + (p[1][r] - p[4][r]) * scale), 1e-6f);
    }
}

START_TEST(first_layers_are_one_product_with_batch_norm_folded) {
    const MmoeOnnx__NodeProto *gemm = nth_node("Gemm", 0);
    ck_assert_str_eq(gemm->attribute[0]->name, "transB");
    ck_assert_int_eq(gemm->attribute[0]->i, 1);
    ck_assert_int_eq(find_tensor(gemm->input[1])->dims[0], 2 * 4 + 2 * 2);
    assert_folded(gemm, 0, 4, 10, "experts.0", 0);
    assert_folded(gemm, 4, 4, 10, "experts.1", 0);
    assert_folded(gemm, 8, 2, 10, "gates.0", 0);
    assert_folded(gemm, 10, 2, 10, "gates.1", 0);
    assert_folded(nth_node("Gemm", 2), 0, 3, 4, "experts.1", 4);
    ck_assert_int_eq(count_nodes("Gemm"),
                     1 + 2 + 2 + 2); /* experts' second layers, towers, logits */
    ck_assert_int_eq(count_nodes("BatchNormalization"), 0);
}
END_TEST

START_TEST(without_batch_norm_weights_are_as_they_are) {
    const MmoeOnnx__TensorProto *w = find_tensor(nth_node("Gemm", 4)->input[1]),
                                *b = find_tensor(nth_node("Gemm", 4)->input[2]);
    ck_assert_mem_eq(b->raw_data.data, param("towers.1.mlp.0.bias"), b->raw_data.len);
    for (size_t i = 0; i < 6; i++)
        ck_assert_float_eq(value_at(w, i), param("towers.1.mlp.0.weight")[i]);
    const MmoeOnnx__TensorProto *logit = find_tensor(nth_node("Gemm", 6)->input[1]);
    ck_assert_mem_eq(logit->raw_data.data, param("towers.1.mlp.3.weight"), logit->raw_data.len);
}
END_TEST

START_TEST(activations_mixing_and_scores) {
    const MmoeOnnx__TensorProto *slope = find_tensor(nth_node("PRelu", 0)->input[1]);
    ck_assert_int_eq(slope->dims[0], 8);
    for (size_t c = 0; c < 8; c++)
        ck_assert_float_eq(value_at(slope, c),
                           *param(c < 4 ? "experts.0.mlp.2.weight" : "experts.1.mlp.2.weight"));
    ck_assert_int_eq(count_nodes("PRelu"), 2);
    ck_assert_int_eq(count_nodes("Softmax"), 1);
    ck_assert_int_eq(count_nodes("MatMul"), 1);
    ck_assert_int_eq(count_nodes("Relu"), 1);
    ck_assert_int_eq(count_nodes("Sigmoid"),
                     2); /* dice, and the classification: the regression has none */
    ck_assert_int_eq(count_nodes("Log"), 0);
    ck_assert_int_eq(count_nodes("Cast"), 0); /* there are no transforms */
}
END_TEST

/* With keys in the place of the number of experts. */
static void export_with(const char *keys) {
    char json[2048];
    const char *experts = strstr(export_config, "\"n_expert\": 2");
    snprintf(json, sizeof json, "%.*s%s%s", (int)(experts - export_config), export_config, keys,
             experts + strlen("\"n_expert\": 2"));
    mmoe_model_free(model);
    model = export_model_of(json, NULL);
    write_and_read();
    assert_names();
}

static void export_gates(const char *gates) {
    char keys[256];
    snprintf(keys, sizeof keys, "\"n_expert\": 3, \"gate_params\": {%s}", gates);
    export_with(keys);
}

/* Rows of the first product, behind the experts' and the gates', that are added to the logits. */
START_TEST(a_linear_part_is_added) {
    enum { WIDTH = 10, BEFORE = 2 * 4 + 2 * 2 };
    const int adds = count_nodes("Add");
    export_with("\"n_expert\": 2, \"linear\": true");
    const MmoeOnnx__NodeProto *gemm = nth_node("Gemm", 0), *sum = nth_node("Add", adds);
    const MmoeOnnx__TensorProto *w = find_tensor(gemm->input[1]), *b = find_tensor(gemm->input[2]);
    ck_assert_int_eq(w->dims[0], BEFORE + 2);
    for (size_t i = 0; i < 2 * WIDTH; i++)
        ck_assert_float_eq(value_at(w, BEFORE * WIDTH + i), param("linear.weight")[i]);
    for (size_t i = 0; i < 2; i++)
        ck_assert_float_eq(value_at(b, BEFORE + i), param("linear.bias")[i]);
    ck_assert_int_eq(count_nodes("Add"), adds + 1);
    int found = 0;
    for (int i = 0; i < count_nodes("Slice"); i++) {
        const MmoeOnnx__NodeProto *slice = nth_node("Slice", i);
        if (strcmp(slice->output[0], sum->input[1]) != 0) continue;
        const int64_t first = BEFORE;
        ck_assert_str_eq(slice->input[0], gemm->output[0]);
        ck_assert_mem_eq(find_tensor(slice->input[1])->raw_data.data, &first, sizeof first);
        found++;
    }
    ck_assert_int_eq(found, 1);
}
END_TEST

/* Logits below the k-th largest become -inf, all are divided by the temperature, and a softmax goes
 * over each gate. */
START_TEST(gates_choose_and_weigh) {
    export_gates(
        "\"top_k\": 2, \"temperature\": 0.5, \"expert_dropout\": 0.5, \"load_balance\": 1");
    const MmoeOnnx__NodeProto *top = nth_node("TopK", 0), *slice = NULL,
                              *less = nth_node("Less", 0), *where = nth_node("Where", 0),
                              *softmax = nth_node("Softmax", 0);
    const MmoeOnnx__NodeProto *divided = NULL;
    for (int i = 0; i < count_nodes("Slice"); i++)
        if (!strcmp(nth_node("Slice", i)->input[0], top->output[0])) slice = nth_node("Slice", i);
    for (int i = 0; i < count_nodes("Div"); i++)
        if (!strcmp(nth_node("Div", i)->output[0], softmax->input[0])) divided = nth_node("Div", i);
    ck_assert(slice && divided);
    const int64_t one = 1, two = 2;
    ck_assert_mem_eq(find_tensor(top->input[1])->raw_data.data, &two, sizeof two);
    ck_assert_mem_eq(find_tensor(slice->input[1])->raw_data.data, &one, sizeof one);
    ck_assert_mem_eq(find_tensor(slice->input[2])->raw_data.data, &two, sizeof two);
    ck_assert_mem_eq(find_tensor(slice->input[3])->raw_data.data, &two, sizeof two);
    ck_assert_str_eq(less->input[0], top->input[0]);
    ck_assert_str_eq(less->input[1], slice->output[0]);
    ck_assert_str_eq(where->input[0], less->output[0]);
    ck_assert(value_at(find_tensor(where->input[1]), 0) == -INFINITY);
    ck_assert_str_eq(where->input[2], top->input[0]);
    ck_assert_str_eq(divided->input[0], where->output[0]);
    ck_assert_float_eq(value_at(find_tensor(divided->input[1]), 0), 0.5f);
    ck_assert_int_eq(softmax->attribute[0]->i, 2);
    ck_assert_int_eq(count_nodes("Softmax"), 1); /* both tasks' */
    export_gates(
        "\"expert_dropout\": 0.5, \"load_balance\": 1"); /* those of training alone leave nothing */
    ck_assert_int_eq(count_nodes("TopK") + count_nodes("Where"), 0);
    ck_assert_int_eq(count_nodes("Softmax"), 1);
    export_gates("\"top_k\": 3");
    ck_assert_int_eq(count_nodes("TopK"), 0);
}
END_TEST

START_TEST(transforms_are_in_the_graph) {
    mmoe_number_encoder *dense[2];
    for (int i = 0; i < 2; i++) dense[i] = mmoe_number_of(model->schema->dense[i].encoder);
    dense[0]->transform = MMOE_TRANSFORM_MINMAX;
    dense[1]->transform = MMOE_TRANSFORM_LOG1P_STANDARDIZE;
    const double shift[] = {1e9, 3}, scale[] = {0.1, 0.2};
    const uint8_t mask[] = {0, 1};
    for (int i = 0; i < 2; i++) {
        dense[i]->shift = shift[i];
        dense[i]->scale = scale[i];
    }
    write_and_read();
    ck_assert_str_eq(nth_node("Cast", 0)->input[0], "x");
    ck_assert_int_eq(nth_node("Cast", 0)->attribute[0]->i, DOUBLE);
    ck_assert_int_eq(nth_node("Cast", 1)->attribute[0]->i, FLOAT);
    const MmoeOnnx__NodeProto *where = nth_node("Where", 0), *sub = nth_node("Sub", 0),
                              *mul = nth_node("Mul", 0);
    ck_assert_mem_eq(find_tensor(where->input[0])->raw_data.data, mask, sizeof mask);
    ck_assert_str_eq(where->input[1], nth_node("Log", 0)->output[0]);
    ck_assert_str_eq(where->input[2], nth_node("Cast", 0)->output[0]);
    ck_assert_mem_eq(find_tensor(sub->input[1])->raw_data.data, shift, sizeof shift);
    ck_assert_mem_eq(find_tensor(mul->input[1])->raw_data.data, scale, sizeof scale);
    dense[1]->transform = MMOE_TRANSFORM_STANDARDIZE;
    write_and_read();
    ck_assert_int_eq(count_nodes("Log") + count_nodes("Where"), 0);
    ck_assert_int_eq(count_nodes("Cast"), 2);
}
END_TEST

/* Scores come back to the labels as they stand in the data. */
START_TEST(label_transforms_are_in_the_graph) {
    mmoe_label_scale *scale = &mmoe_graph_losses(model->graph)->scale[1];
    *scale = (mmoe_label_scale){MMOE_LABEL_STANDARDIZE, 700, 25};
    write_and_read();
    assert_names();
    const MmoeOnnx__NodeProto *mul = nth_node("Mul", count_nodes("Mul") - 1),
                              *add = nth_node("Add", count_nodes("Add") - 1);
    ck_assert_str_eq(mul->input[0], nth_node("Cast", 0)->output[0]);
    ck_assert_mem_eq(find_tensor(mul->input[1])->raw_data.data, &scale->unit, sizeof(double));
    ck_assert_str_eq(add->input[0], mul->output[0]);
    ck_assert_mem_eq(find_tensor(add->input[1])->raw_data.data, &scale->shift, sizeof(double));
    ck_assert_str_eq(nth_node("Cast", 1)->input[0], add->output[0]);
    ck_assert_int_eq(count_nodes("Exp"), 0);
    *scale = (mmoe_label_scale){MMOE_LABEL_LOG1P, 0, 1};
    write_and_read();
    ck_assert_int_eq(count_nodes("Exp"), 1);
    ck_assert_int_eq(count_nodes("Cast"), 2);
}
END_TEST

START_TEST(the_same_model_gives_the_same_bytes) {
    size_t size, again;
    uint8_t *bytes = get_file(&size);
    write_and_read();
    uint8_t *bytes_again = get_file(&again);
    ck_assert_uint_eq(size, again);
    ck_assert_mem_eq(bytes, bytes_again, size);
    free(bytes);
    free(bytes_again);
}
END_TEST

START_TEST(bad_calls) {
    unlink(file);
    refuse_calls(mmoe_model_export_onnx, "mmoe_model_export_onnx");
}
END_TEST

START_TEST(larger_than_a_message) {
    static const int64_t shape[] = {1 << 20, 600};
    mmoe_onnx o;
    mmoe_error err = {0};
    unlink(file);
    mmoe_onnx_init(&o, NULL);
    mmoe_onnx_tensor(&o, "table", FLOAT, 2, shape, shape); /* its size alone is looked at */
    ck_assert_int_eq(mmoe_onnx_write(&o, file, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_msg(strstr(err.message, "2147483647") && strstr(err.message, file), "%s",
                  err.message);
    ck_assert_int_ne(access(file, F_OK), 0);
    mmoe_onnx_finish(&o);
}
END_TEST

static const char gated_config[] =
    "{\"features\": {\"sparse\": [{\"name\": \"user\", \"vocab_size\": 7}], \"dense\": [{\"name\": "
    "\"age\"}]},"
    " \"tasks\": [{\"name\": \"ctr\", \"label\": \"click\"}], \"model\": {\"name\": \"cgc\", "
    "\"gate_params\": {\"top_k\": 2, \"temperature\": 2}}}";

START_TEST(each_allocation_fails) { fail_each_allocation(_i ? gated_config : export_config); }
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, header);
    tcase_add_test(c, every_name_is_made_once_and_before_its_use);
    tcase_add_test(c, initialisers_have_their_sizes_and_uses);
    tcase_add_test(c, a_shared_table_stands_once);
    tcase_add_test(c, first_layers_are_one_product_with_batch_norm_folded);
    tcase_add_test(c, without_batch_norm_weights_are_as_they_are);
    tcase_add_test(c, activations_mixing_and_scores);
    tcase_add_test(c, a_linear_part_is_added);
    tcase_add_test(c, gates_choose_and_weigh);
    tcase_add_test(c, transforms_are_in_the_graph);
    tcase_add_test(c, label_transforms_are_in_the_graph);
    tcase_add_test(c, the_same_model_gives_the_same_bytes);
    tcase_add_test(c, bad_calls);
    tcase_add_test(c, larger_than_a_message);
    tcase_add_loop_test(c, each_allocation_fails, 0, 2);
}
