/* Numbers that are missing: what stands for them, the same whichever door they come through. */
#include "numbers_support.h"

#define X(rest) "{\"name\": \"x\"" rest "}"
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A value that no transform changes stands among others as the mean does. */
START_TEST(the_mean_stands_for_missing_values) {
    static const struct {
        const char *transform;
        double mean; /* of the values, before the transform; NAN: see there */
    } cases[] = {{"none", 3}, {"standardize", 3}, {"minmax", 3}, {"log1p_standardize", NAN}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char dense[200], plain[200];
        snprintf(plain, sizeof plain, X(", \"transform\": \"%s\""), cases[i].transform);
        snprintf(dense, sizeof dense, X(", \"transform\": \"%s\", \"missing\": \"mean\""),
                 cases[i].transform);
        numbers n = fit(dense, "x,y\n1,0\n,0\n2,1\nNA,0\n6,1\n  ,1\n"),
                without = fit(plain, "x,y\n1,0\n2,1\n6,1\n");
        const double mean =
            isnan(cases[i].mean) ? expm1((log1p(1) + log1p(2) + log1p(6)) / 3) : cases[i].mean;
        float input;
        mmoe_cell cell = {.inputs = &input};
        const mmoe_encoder *e = without.schema->dense[0].encoder;
        ck_assert_ptr_null(e->kind->take(e, MMOE_VALUE_DOUBLE, &mean, &cell));
        const float *in = without.set->dense, fill = *n.schema->dense[0].gap.fill;
        ck_assert_double_eq_tol((double)fill, (double)input, 1e-7);
        if (strstr(cases[i].transform, "standardize")) ck_assert(fill == 0);
        const float wanted[] = {in[0], fill, in[1], fill, in[2], fill};
        has_inputs(n.set, 6, wanted);
        ck_assert_int_eq(mmoe_dataset_column(n.set, 0)->missing, 3);
        ck_assert_str_eq(mmoe_dataset_column(n.set, 0)->name, "x");
        ck_assert_ptr_null(mmoe_dataset_column(n.set, 1));
        ck_assert_ptr_null(mmoe_dataset_column(without.set, 0));
        free_numbers(&n);
        free_numbers(&without);
    }
}
END_TEST

START_TEST(a_value_stands_as_if_the_file_had_it) {
    numbers n =
        fit(X(", \"transform\": \"minmax\", \"missing\": -7.5"), "x,y\n0,0\n,0\n10,1\nNA,0\n");
    const float wanted[] = {0, -0.75f, 1, -0.75f};
    has_inputs(n.set, 4, wanted);
    mmoe_dataset *set = read_rows(&n, "x\n-7.5\nNA\n");
    const float read[] = {-0.75f, -0.75f, 0.5f};
    has_inputs(set, 2, read);
    ck_assert_ptr_null(mmoe_dataset_warning(set, 0)); /* the training rows lack as many */
    mmoe_dataset_free(set);
    set = read_rows(&n, "x\nNA\nNA\n5\n");
    has_inputs(set, 3, read);
    const mmoe_warning *w = mmoe_dataset_warning(set, 0);
    ck_assert_ptr_nonnull(w);
    ck_assert_str_eq(w->message, "column \"x\": of 3 values 0.0 % are unknown and 66.7 % missing "
                                 "(of the training rows' 50.0 %), the first in row 2");
    ck_assert_str_eq(w->subject, "x");
    mmoe_dataset_free(set);
    free_numbers(&n);
}
END_TEST

/* Rows to come may have what the training rows had not. */
START_TEST(what_has_no_logarithm_counts_as_missing) {
#define LOG ", \"transform\": \"log1p_standardize\""
    numbers n = fit(X(LOG ", \"missing\": \"mean\", \"indicator\": true"), "x,y\n1,0\n,0\n3,1\n"),
            without = fit(X(LOG), "x,y\n1,0\n3,1\n");
    mmoe_dataset *set = read_rows(&n, "x\n3\n-1\n-999\nNA\n1\n");
    const float wanted[] = {1, 0, 0, 1, 0, 1, 0, 1, -1, 0};
    has_inputs(set, 10, wanted);
    ck_assert_int_eq(mmoe_dataset_column(set, 0)->unknown, 2);
    ck_assert_int_eq(mmoe_dataset_column(set, 0)->missing, 1);
    const mmoe_warning *w = mmoe_dataset_warning(set, 0);
    ck_assert_ptr_nonnull(w);
    ck_assert_str_eq(w->message,
                     "column \"x\": 2 of 5 values are not above -1, as log1p needs, the "
                     "first in row 3: they are taken as missing");
    ck_assert_int_eq(w->count, 2);
    ck_assert_int_eq(w->row, 3);
    const double doubles[] = {3, -1, -999, (double)NAN, 1};
    const int64_t integers[] = {3, -1, -999, MMOE_MISSING_INT64, 1};
    const char *const texts[] = {"3", "-1", "-999", "NA", "1"};
    takes(&n, MMOE_VALUE_DOUBLE, doubles, 5, 10, wanted);
    takes(&n, MMOE_VALUE_INT64, integers, 5, 10, wanted);
    takes(&n, MMOE_VALUE_TEXT, texts, 5, 10, wanted);
    const double infinite = -(double)INFINITY;
    take_refused(&n, MMOE_VALUE_DOUBLE, &infinite, 1, "row 1: column \"x\": -inf is not finite");
    take_refused(&without, MMOE_VALUE_TEXT, texts + 1, 1,
                 "row 1: column \"x\": \"-1\" is not above -1, as log1p needs");
    fit_refused(X(LOG ", \"missing\": \"mean\""), "x,y\n1,0\n-1,0\n3,1\n",
                "row 3: column \"x\": \"-1\" is not above -1, as log1p needs");
    mmoe_dataset_free(set);
    free_numbers(&n);
    free_numbers(&without);
}
END_TEST

/* A column is told of once, by the feature that says most of it, whichever stands first. */
START_TEST(what_is_unknown_to_one_feature_is_said) {
#define H "{\"name\": \"h\", \"column\": \"x\", \"hash_bucket_size\": 5}"
#define V "{\"name\": \"v\", \"column\": \"x\"}"
    static const char *const orders[] = {H ", " V, V ", " H, H ", {\"name\": \"x\"}, " V};
    for (size_t i = 0; i < COUNT(orders); i++) {
        char features[300];
        snprintf(features, sizeof features, "%s], \"sparse\": [%s",
                 i == 2 ? "" : X(", \"missing\": 0"), orders[i]);
        numbers n = fit(features, "x,y\n1,0\n2,1\n1,1\n2,0\n");
        mmoe_dataset *set = read_rows(&n, "x\n7\n8\n\n1\n");
        const mmoe_warning *w = mmoe_dataset_warning(set, 0);
        ck_assert_ptr_nonnull(w);
        ck_assert_str_eq(
            w->message, i == 2 ? "column \"x\": of 4 values 50.0 % are unknown and 25.0 % missing, "
                                 "the first in row 2"
                               : "feature \"v\" of column \"x\": of 4 values 50.0 % are unknown "
                                 "and 25.0 % missing, the first in row 2");
        ck_assert_ptr_null(mmoe_dataset_warning(set, 1));
        mmoe_dataset_free(set);
        free_numbers(&n);
    }
}
END_TEST

START_TEST(all_doors_say_the_same) {
    numbers n = fit(X(", \"transform\": \"standardize\", \"missing\": 4"), "x,y\n1,0\n,0\n3,1\n");
    const double doubles[] = {(double)NAN, 2, 5};
    const float floats[] = {NAN, 2, 5}, wanted[] = {2, 0, 3};
    const char *const texts[][3] = {{NULL, "2", "5"}, {"", " 2", "5.0"}, {" NA ", "2e0", "5"}};
    const int64_t integers[] = {MMOE_MISSING_INT64, 2, 5};
    takes(&n, MMOE_VALUE_DOUBLE, doubles, 3, 3, wanted);
    takes(&n, MMOE_VALUE_FLOAT, floats, 3, 3, wanted);
    takes(&n, MMOE_VALUE_INT64, integers, 3, 3, wanted);
    takes(&n, MMOE_VALUE_INPUT, wanted, 3, 3, wanted);
    for (size_t i = 0; i < COUNT(texts); i++) takes(&n, MMOE_VALUE_TEXT, texts[i], 3, 3, wanted);
    take_refused(&n, MMOE_VALUE_INPUT, floats, 3, "row 1: column \"x\": the value is not finite");
    const double infinite = (double)INFINITY;
    take_refused(&n, MMOE_VALUE_DOUBLE, &infinite, 1, "row 1: column \"x\": inf is not finite");
    mmoe_model *model;
    mmoe_predictor *predictor;
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_model_create(n.config, n.schema, NULL, &model, &err), MMOE_OK);
    ck_assert_int_eq(mmoe_predictor_create(model, NULL, &predictor, &err), MMOE_OK);
    float scores[3], same[3];
    const mmoe_column raw[] = {{MMOE_VALUE_DOUBLE, doubles, 0},
                               {MMOE_VALUE_FLOAT, floats, 0},
                               {MMOE_VALUE_INT64, integers, 0},
                               {MMOE_VALUE_TEXT, texts[2], 0}};
    mmoe_batch b = {.rows = 3, .dense = wanted, .dense_stride = 1};
    ck_assert_int_eq(mmoe_predictor_run(predictor, &b, scores, &err), MMOE_OK);
    for (size_t i = 0; i < COUNT(raw); i++) {
        b = (mmoe_batch){.rows = 3, .dense_columns = &raw[i]};
        ck_assert_int_eq(mmoe_predictor_run(predictor, &b, same, &err), MMOE_OK);
        ck_assert_mem_eq(scores, same, sizeof scores);
    }
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    free_numbers(&n);
}
END_TEST

START_TEST(without_a_rule_it_is_an_error) {
    fit_refused(X(""), "x,y\n1,0\n,0\n", "row 3: column \"x\": an empty value is not a number");
    fit_refused(X(", \"missing\": \"error\""), "x,y\n1,0\nNA,0\n",
                "row 3: column \"x\": \"NA\" is not a number");
    numbers n = fit(X(""), "x,y\n1,0\n2,1\n");
    const double missing = (double)NAN;
    const char *none = NULL;
    const int64_t no_integer = MMOE_MISSING_INT64;
    take_refused(&n, MMOE_VALUE_INT64, &no_integer, 1,
                 "row 1: column \"x\": a missing value is not finite");
    take_refused(&n, MMOE_VALUE_DOUBLE, &missing, 1, "row 1: column \"x\": nan is not finite");
    take_refused(&n, MMOE_VALUE_TEXT, &none, 1,
                 "row 1: column \"x\": an empty value is not a number");
    free_numbers(&n);
}
END_TEST

START_TEST(what_cannot_stand_is_refused) {
    fit_refused(X(", \"missing\": \"mean\""), "x,y\n,0\nNA,0\n",
                "column \"x\": every value is missing");
    fit_refused(X(", \"missing\": 3"), "x,y\n,0\nNA,0\n", "column \"x\": every value is missing");
    fit_refused(X(", \"missing\": -5, \"transform\": \"log1p_standardize\""), "x,y\n1,0\n3,0\n",
                "column \"x\": missing: -5 is not above -1, as log1p needs");
    fit_refused(X(", \"missing\": 1e200, \"column\": \"z\""), "z,y\n1,0\n3,0\n",
                "column \"z\": missing: 1e+200 is too large for single precision after the "
                "column's transform (feature \"x\")");
    fit_refused(X(", \"missing\": \"mean\""), "x,y\n1,0\ntwo,0\n",
                "row 3: column \"x\": \"two\" is not a number");
    fit_refused(X(", \"missing\": \"median\""), "x,y\n",
                "features.dense[0].missing: \"median\" is not allowed here; allowed is a string or "
                "number: error | mean | a number in [-1e300, 1e300]");
    fit_refused(X(", \"missing\": 0.1234567891"), "x,y\n",
                "features.dense[0].missing: 0.1234567891 is not allowed here; allowed is a number: "
                "of at most 9 digits, or whole");
}
END_TEST

START_TEST(without_a_file_a_value_may_stand) {
    static const char *const columns[] = {"x"};
    const char *const texts[] = {
        "{\"features\": {\"dense\": [{\"name\": \"x\", \"missing\": 2}]}, \"tasks\": [{\"name\": "
        "\"t\", \"label\": \"y\"}]}",
        "{\"features\": {\"dense\": [{\"name\": \"x\", \"missing\": \"mean\"}]}, \"tasks\": "
        "[{\"name\": \"t\", \"label\": \"y\"}]}"};
    for (int i = 0; i < 2; i++) {
        numbers n = {NULL, NULL, NULL};
        mmoe_error err = {0};
        ck_assert_int_eq(mmoe_config_parse(texts[i], strlen(texts[i]), NULL, NULL, &n.config, &err),
                         MMOE_OK);
        const mmoe_status status = mmoe_schema_create(n.config, columns, 1, NULL, &n.schema, &err);
        ck_assert_int_eq(status, i ? MMOE_E_CONFIG : MMOE_OK);
        if (i)
            ck_assert_str_eq(err.message, "column \"x\": a schema without a file needs a "
                                          "\"missing\" that is a number");
        const double values[] = {(double)NAN, 5};
        const float wanted[] = {2, 5};
        if (!i) takes(&n, MMOE_VALUE_DOUBLE, values, 2, 2, wanted);
        free_numbers(&n);
    }
}
END_TEST

START_TEST(a_fingerprint_has_what_stands) {
    numbers n = fit(X(", \"missing\": 4"), "x,y\n1,0\n,0\n3,1\n"),
            m = fit(X(", \"missing\": 5"), "x,y\n1,0\n,0\n3,1\n");
    ck_assert_uint_ne(mmoe_schema_fingerprint(n.schema), mmoe_schema_fingerprint(m.schema));
    mmoe_schema *copy;
    ck_assert_int_eq(mmoe_schema_copy(n.schema, NULL, &copy, NULL), MMOE_OK);
    ck_assert_uint_eq(mmoe_schema_fingerprint(n.schema), mmoe_schema_fingerprint(copy));
    mmoe_schema_free(copy);
    free_numbers(&n);
    free_numbers(&m);
}
END_TEST

START_TEST(every_allocation_may_fail) {
    fit_without_memory(X(", \"missing\": \"mean\""), "x,y\n1,0\n,0\n3,1\n", 25);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_test(c, the_mean_stands_for_missing_values);
    tcase_add_test(c, a_value_stands_as_if_the_file_had_it);
    tcase_add_test(c, what_has_no_logarithm_counts_as_missing);
    tcase_add_test(c, what_is_unknown_to_one_feature_is_said);
    tcase_add_test(c, all_doors_say_the_same);
    tcase_add_test(c, without_a_rule_it_is_an_error);
    tcase_add_test(c, what_cannot_stand_is_refused);
    tcase_add_test(c, without_a_file_a_value_may_stand);
    tcase_add_test(c, a_fingerprint_has_what_stands);
    tcase_add_test(c, every_allocation_may_fail);
}
