/* mmoe_model_export_onnx of sequences: inputs, and nodes for each rule of docs/lists.md. */
#include <math.h>

#include "check_main.h"
#include "onnx_graph_support.h"

static const char lists_config[] =
    "{\"features\": {\"sparse\": [{\"name\": \"user\", \"embed_dim\": 3, \"vocab_size\": 7}], "
    "\"sequence\": [{\"name\": \"recent\", \"column\": \"slot\", \"embed_dim\": 3, "
    "\"shared_with\": \"user\", \"padding_idx\": 2}, "
    "{\"name\": \"tags\", \"column\": \"friend\", \"vocab_size\": 5, \"embed_dim\": 2, "
    "\"pooling\": \"sum\", \"weight_separator\": \":\", \"max_len\": 4}, "
    "{\"name\": \"best\", \"column\": \"slot\", \"vocab_size\": 6, \"embed_dim\": 4, "
    "\"pooling\": \"max\", \"max_len\": 2, \"truncate\": \"first\"}, "
    "{\"name\": \"path\", \"column\": \"wage\", \"vocab_size\": 6, \"embed_dim\": 2, "
    "\"pooling\": \"concat\", \"max_len\": 3}], \"dense\": [{\"name\": \"age\"}]}, "
    "\"tasks\": [{\"name\": \"ctr\", \"label\": \"click\"}], "
    "\"model\": {\"n_expert\": 2, \"expert_params\": {\"dims\": [4]}}}";

static void set_up(void) {
    make_folder();
    model = export_model_of(lists_config, NULL);
    write_and_read();
}

static void assert_ragged(size_t input, const char *name, int32_t type, const char *length) {
    ck_assert_uint_lt(input, graph->n_input);
    const MmoeOnnx__ValueInfoProto *v = graph->input[input];
    const MmoeOnnx__TensorShapeProto *shape = v->type->tensor_type->shape;
    ck_assert_str_eq(v->name, name);
    ck_assert_int_eq(v->type->tensor_type->elem_type, type);
    ck_assert_uint_eq(shape->n_dim, 2);
    ck_assert_str_eq(shape->dim[0]->dim_param, "B");
    ck_assert_str_eq(shape->dim[1]->dim_param, length);
}

START_TEST(inputs) {
    ck_assert_uint_eq(graph->n_input, 11);
    ck_assert_str_eq(graph->input[0]->name, "ids");
    ck_assert_int_eq(graph->input[0]->type->tensor_type->shape->dim[1]->dim_value, 1);
    ck_assert_str_eq(graph->input[1]->name, "x");
    assert_ragged(2, "recent.ids", INT64, "recent.length");
    assert_ragged(3, "recent.mask", BOOL, "recent.length");
    assert_ragged(4, "tags.ids", INT64, "tags.length");
    assert_ragged(5, "tags.mask", BOOL, "tags.length");
    assert_ragged(6, "tags.weights", FLOAT, "tags.length");
    assert_ragged(7, "best.ids", INT64, "best.length");
    assert_ragged(9, "path.ids", INT64, "path.length");
    assert_ragged(10, "path.mask", BOOL, "path.length");
}
END_TEST

START_TEST(names_and_initialisers) {
    assert_names();
    assert_initialisers();
}
END_TEST

START_TEST(a_shared_table_stands_once) {
    static const char table[] = "embedding.embed_dict.user.weight";
    ck_assert_ptr_nonnull(find_tensor(table));
    ck_assert_ptr_null(find_tensor("embedding.embed_dict.recent.weight"));
    ck_assert(nth_reader("Gather", table, 1) && !nth_reader("Gather", table, 2));
}
END_TEST

/* What stands where the mask is false is not looked up. */
static const char *looked_up(const char *list) {
    char ids[32];
    snprintf(ids, sizeof ids, "%s.ids", list);
    const MmoeOnnx__NodeProto *where = reader("Where", ids);
    ck_assert_str_eq(where->input[1], ids);
    assert_whole(where->input[2], 0);
    ck_assert_str_eq(reader("Gather", where->output[0])->input[1], where->output[0]);
    return where->input[0];
}

START_TEST(padding_rows_are_no_part) {
    const MmoeOnnx__NodeProto *equal = reader("Equal", "recent.ids"),
                              *both = reader("And", "recent.mask");
    assert_whole(equal->input[1], 2);
    ck_assert_str_eq(both->input[1], after("Not", equal->output[0]));
    ck_assert_str_eq(looked_up("recent"), both->output[0]);
    ck_assert_int_eq(count_nodes("Not"), 1); /* no other list has one */
}
END_TEST

/* `reverse`: places count from the last element. */
static void assert_cut(const char *list, int64_t max_len, bool reverse) {
    char mask[32];
    snprintf(mask, sizeof mask, "%s.mask", list);
    const MmoeOnnx__NodeProto *place = reader("CumSum", after("Cast", mask));
    assert_whole(place->input[1], 1);
    ck_assert_uint_eq(place->n_attribute, reverse);
    if (reverse) ck_assert_str_eq(place->attribute[0]->name, "reverse");
    const MmoeOnnx__NodeProto *less = reader("LessOrEqual", place->output[0]);
    assert_whole(less->input[1], max_len);
    ck_assert_str_eq(looked_up(list), after("And", mask));
    ck_assert_str_eq(reader("And", mask)->input[1], less->output[0]);
}

START_TEST(max_len_cuts) {
    assert_cut("tags", 4, true);
    assert_cut("best", 2, false);
    assert_cut("path", 3, true);
    ck_assert_int_eq(count_nodes("LessOrEqual"), 3);
}
END_TEST

START_TEST(mean_divides_by_the_weights) {
    const char *weights = after("Cast", looked_up("recent"));
    const MmoeOnnx__NodeProto *total = reader("ReduceSum", weights),
                              *has_some = reader("Greater", total->output[0]),
                              *divisor = reader("Where", has_some->output[0]),
                              *mean = reader("Div", divisor->output[0]);
    assert_whole(total->input[1], 1);
    assert_float(has_some->input[1], 0);
    ck_assert_str_eq(divisor->input[1], total->output[0]);
    assert_float(divisor->input[2], 1);
    const char *sum = after("Reshape", after("MatMul", after("Unsqueeze", weights)));
    ck_assert_str_eq(mean->input[0], sum);
    ck_assert_int_eq(count_nodes("Div"), 1);
}
END_TEST

START_TEST(sum_weighs) {
    const MmoeOnnx__NodeProto *where = reader("Where", "tags.weights");
    ck_assert_str_eq(where->input[0], looked_up("tags"));
    ck_assert_str_eq(where->input[1], "tags.weights");
    assert_float(where->input[2], 0);
    reader("MatMul", after("Unsqueeze", where->output[0]));
}
END_TEST

START_TEST(max_of_none_is_zero) {
    const MmoeOnnx__NodeProto *max = nth_node("ReduceMax", 0),
                              *where = reader("Where", after("Unsqueeze", looked_up("best")));
    ck_assert_str_eq(max->input[0], where->output[0]);
    assert_float(where->input[2], -INFINITY);
    ck_assert_int_eq(max->attribute[0]->ints[0], 1);
    const MmoeOnnx__NodeProto *or_zero = reader("Where", after("Reshape", max->output[0]));
    assert_float(or_zero->input[2], 0);
    ck_assert_str_eq(or_zero->input[0],
                     after("Greater", after("ReduceSum", after("Cast", looked_up("best")))));
}
END_TEST

/* Places of parts, 0 of what is none, are compared with 1 to max_len. */
START_TEST(concat_moves_up) {
    static const int64_t wanted[] = {1, 2, 3}, shape[] = {0, 6};
    const char *parts = looked_up("path");
    const MmoeOnnx__NodeProto *place = reader("Where", after("CumSum", after("Cast", parts))),
                              *equal = reader("Equal", after("Unsqueeze", place->output[0]));
    ck_assert_str_eq(place->input[0], parts);
    assert_whole(place->input[2], 0);
    const MmoeOnnx__TensorProto *places = find_tensor(equal->input[1]);
    ck_assert(places->n_dims == 2 && places->dims[0] == 3 && places->dims[1] == 1);
    ck_assert_mem_eq(places->raw_data.data, wanted, sizeof wanted);
    const MmoeOnnx__NodeProto *flat =
        reader("Reshape", after("MatMul", after("Cast", equal->output[0])));
    ck_assert_mem_eq(find_tensor(flat->input[1])->raw_data.data, shape, sizeof shape);
}
END_TEST

START_TEST(lists_alone) {
    mmoe_model_free(model);
    model =
        export_model_of("{\"features\": {\"sequence\": [{\"name\": \"user\", \"vocab_size\": 7}]}, "
                        "\"tasks\": [{\"name\": \"ctr\", \"label\": \"click\"}]}",
                        NULL);
    write_and_read();
    assert_names();
    ck_assert_uint_eq(graph->n_input, 2);
    assert_ragged(0, "user.ids", INT64, "user.length");
    ck_assert_int_eq(count_nodes("CumSum") + count_nodes("And"), 0);
}
END_TEST

START_TEST(each_allocation_fails) { fail_each_allocation(lists_config); }
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, inputs);
    tcase_add_test(c, names_and_initialisers);
    tcase_add_test(c, a_shared_table_stands_once);
    tcase_add_test(c, padding_rows_are_no_part);
    tcase_add_test(c, max_len_cuts);
    tcase_add_test(c, mean_divides_by_the_weights);
    tcase_add_test(c, sum_weighs);
    tcase_add_test(c, max_of_none_is_zero);
    tcase_add_test(c, concat_moves_up);
    tcase_add_test(c, lists_alone);
    tcase_add_test(c, each_allocation_fails);
}
