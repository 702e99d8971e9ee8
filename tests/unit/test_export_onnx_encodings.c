/* mmoe_model_export_onnx of dense features that are more than a number: gaps, bins, vectors. */
#include <float.h>

#include "check_main.h"
#include "onnx_graph_support.h"

static const char encodings_config[] =
    "{\"features\": {\"dense\": [{\"name\": \"age\", \"missing\": \"mean\", \"indicator\": true, "
    "\"gaps\": [-9, \"old\"]}, "
    "{\"name\": \"wage\", \"encoding\": \"piecewise_linear\", \"bins\": 3, \"missing\": 4}, "
    "{\"name\": \"place\", \"dim\": 2, \"missing\": \"mean\"}, "
    "{\"name\": \"day\", \"date\": \"ymd\", \"missing\": \"mean\", \"gaps\": [\"1900-01-01\", "
    "\"?\"]}]}, "
    "\"tasks\": [{\"name\": \"ctr\", \"label\": \"click\"}], "
    "\"model\": {\"n_expert\": 2, \"expert_params\": {\"dims\": [4]}}}";

static const char rows[] = "age,wage,place,day,click\n"
                           "10,0,1|2,2024-01-01,1\n"
                           "NA,2,3|4,1900-01-01,0\n"
                           "20,4,NA,?,1\n"
                           "30,6,5|9,2024-01-03,0\n";

static mmoe_model *fit(void) {
    mmoe_error err = {0};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *dataset;
    mmoe_model *fitted;
    FILE *f = fopen(file, "wb");
    ck_assert_ptr_nonnull(f);
    fputs(rows, f);
    fclose(f);
    ck_assert_msg(
        !mmoe_config_parse(encodings_config, strlen(encodings_config), NULL, NULL, &config, &err),
        "%s", err.message);
    ck_assert_msg(!mmoe_dataset_fit_csv(config, file, NULL, &schema, &dataset, &err), "%s",
                  err.message);
    ck_assert_msg(!mmoe_model_create(config, schema, NULL, &fitted, &err), "%s", err.message);
    mmoe_dataset_free(dataset);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return fitted;
}

static void set_up(void) {
    make_folder();
    model = fit();
    write_and_read();
}

/* What is gathered of the input "x": columns [first, first + count). */
static const char *columns(int64_t first, int64_t count) {
    for (int n = 0;; n++) {
        const MmoeOnnx__NodeProto *gather = nth_reader("Gather", "x", n);
        ck_assert_msg(gather, "no columns from %d on", (int)first);
        const MmoeOnnx__TensorProto *index = find_tensor(gather->input[1]);
        if (index->dims[0] != count) continue;
        int64_t got;
        memcpy(&got, index->raw_data.data, sizeof got);
        if (got == first) return gather->output[0];
    }
}

static void assert_doubles(const char *constant, double a, double b, double c) {
    const double wanted[] = {a, b, c};
    const MmoeOnnx__TensorProto *t = find_tensor(constant);
    ck_assert_int_eq(t->data_type, DOUBLE);
    ck_assert_uint_eq(t->raw_data.len, sizeof wanted);
    ck_assert_mem_eq(t->raw_data.data, wanted, sizeof wanted);
}

START_TEST(input) {
    ck_assert_uint_eq(graph->n_input, 1);
    ck_assert_int_eq(graph->input[0]->type->tensor_type->shape->dim[1]->dim_value, 5);
    assert_names();
    assert_initialisers();
}
END_TEST

START_TEST(a_gap_is_filled_and_told) {
    const char *age = columns(0, 1);
    const MmoeOnnx__NodeProto *either = reader("Or", after("IsNaN", age)),
                              *equal = reader("Equal", after("Cast", age));
    double gap;
    memcpy(&gap, find_tensor(equal->input[1])->raw_data.data, sizeof gap);
    ck_assert(gap == -9);
    ck_assert_str_eq(either->input[1], equal->output[0]);
    const char *missing = either->output[0];
    const MmoeOnnx__NodeProto *filled = reader("Where", missing);
    assert_float(filled->input[1], 20);
    ck_assert_str_eq(filled->input[2], age);
    const MmoeOnnx__NodeProto *both = reader("Concat", filled->output[0]);
    ck_assert_str_eq(both->input[1], after("Cast", missing));
    ck_assert_int_eq(both->attribute[0]->i, 1);
}
END_TEST

/* Edges 0, 2, 4, 6: a value's part of each bin. */
START_TEST(bins_are_cut_but_at_the_ends) {
    const char *wage = columns(1, 1);
    const MmoeOnnx__NodeProto *less = reader("Sub", after("Cast", wage)),
                              *part = reader("Div", less->output[0]),
                              *least = reader("Max", part->output[0]),
                              *most = reader("Min", least->output[0]);
    assert_doubles(less->input[1], 0, 2, 4);
    assert_doubles(part->input[1], 2, 2, 2);
    assert_doubles(least->input[1], -DBL_MAX, 0, 0);
    assert_doubles(most->input[1], 1, 1, DBL_MAX);
    const MmoeOnnx__NodeProto *filled = reader("Where", after("IsNaN", wage));
    ck_assert_str_eq(filled->input[2], after("Cast", most->output[0]));
    float fill[3];
    const MmoeOnnx__TensorProto *t = find_tensor(filled->input[1]);
    ck_assert_uint_eq(t->raw_data.len, sizeof fill);
    memcpy(fill, t->raw_data.data, sizeof fill);
    ck_assert(fill[0] == 1 && fill[1] == 1 && fill[2] == 0); /* of 4 */
}
END_TEST

/* It is missing where its first number is. */
START_TEST(a_vector_is_whole) {
    const MmoeOnnx__NodeProto *filled = reader("Where", after("IsNaN", columns(2, 1)));
    ck_assert_str_eq(filled->input[2], columns(2, 2));
    const float wanted[] = {3, 5}; /* the means */
    const MmoeOnnx__TensorProto *t = find_tensor(filled->input[1]);
    ck_assert_uint_eq(t->raw_data.len, sizeof wanted);
    ck_assert_mem_eq(t->raw_data.data, wanted, sizeof wanted);
    ck_assert_int_eq(count_nodes("IsNaN"), 4);
}
END_TEST

/* 1900-01-01, whatever its time. */
START_TEST(a_gap_among_dates_is_a_day) {
    const MmoeOnnx__NodeProto *either = reader("Or", after("IsNaN", columns(4, 1))), *equal = NULL;
    for (int n = 0; (equal = nth_node("Equal", n)); n++)
        if (strcmp(equal->output[0], either->input[1]) == 0) break;
    double gap;
    memcpy(&gap, find_tensor(equal->input[1])->raw_data.data, sizeof gap);
    ck_assert(gap == -25567);
    bool is_floored = false;
    for (int n = 0; nth_node("Floor", n); n++)
        is_floored |= strcmp(nth_node("Floor", n)->output[0], equal->input[0]) == 0;
    ck_assert(is_floored);
    ck_assert_ptr_nonnull(reader("Where", either->output[0]));
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, input);
    tcase_add_test(c, a_gap_is_filled_and_told);
    tcase_add_test(c, bins_are_cut_but_at_the_ends);
    tcase_add_test(c, a_vector_is_whole);
    tcase_add_test(c, a_gap_among_dates_is_a_day);
}
