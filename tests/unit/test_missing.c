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

#define GAPS ", \"gaps\": [-999, \"varies\", \"*\"]"
static const char with_gaps[] = "x,y\n1,0\n -999.0,0\n3,1\nvaries,1\n1200 - 1450,0\n,1\ninf,1\n";

static void has_warning(const mmoe_dataset *set, size_t i, const char *message) {
    const mmoe_warning *w = mmoe_dataset_warning(set, i);
    ck_assert_ptr_nonnull(w);
    ck_assert_str_eq(w->message, message);
    ck_assert_str_eq(w->subject, "x");
}

/* Numbers and words that a feature names, and with "*" whatever is no number. */
START_TEST(gaps_are_missing_values) {
    numbers n = fit(X(", \"missing\": \"mean\", \"indicator\": true" GAPS), with_gaps);
    const float wanted[] = {1, 0, 2, 1, 3, 0, 2, 1, 2, 1, 2, 1, 2, 1};
    has_inputs(n.set, 14, wanted);
    ck_assert_int_eq(mmoe_dataset_column(n.set, 0)->missing, 5);
    has_warning(n.set, 0,
                "column \"x\": 2 of 7 values (28.6 %) are no numbers, the first, "
                "\"1200 - 1450\", in row 6: they count as missing (\"gaps\")");
    ck_assert_int_eq(mmoe_dataset_warning(n.set, 0)->count, 2);
    ck_assert_ptr_null(mmoe_dataset_warning(n.set, 1));
    mmoe_dataset *set = read_rows(&n, "x\n1\n-999\n3\nvaries\n-999\n-999\n>2\n");
    has_inputs(set, 14, wanted);
    has_warning(set, 0,
                "column \"x\": 1 of 7 values (14.3 %) is no number, the first, \">2\", in "
                "row 8: it counts as missing (\"gaps\")");
    mmoe_dataset_free(set);
    const double doubles[] = {1, -999, 3, (double)NAN, -999, -999, -999},
                 infinite = (double)INFINITY;
    const float floats[] = {1, -999, 3, NAN, -999, -999, -999};
    const int64_t integers[] = {1, -999, 3, MMOE_MISSING_INT64, -999, -999, -999};
    const char *const texts[] = {"1", "-999", "3", "N/A", "-9.99e2", "~ 3", "varies "};
    takes(&n, MMOE_VALUE_DOUBLE, doubles, 7, 14, wanted);
    takes(&n, MMOE_VALUE_FLOAT, floats, 7, 14, wanted);
    takes(&n, MMOE_VALUE_INT64, integers, 7, 14, wanted);
    takes(&n, MMOE_VALUE_TEXT, texts, 7, 14, wanted);
    take_refused(&n, MMOE_VALUE_DOUBLE, &infinite, 1, "row 1: column \"x\": inf is not finite");
    mmoe_model *model;
    mmoe_predictor *predictor;
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_model_create(n.config, n.schema, NULL, &model, &err), MMOE_OK);
    ck_assert_int_eq(mmoe_predictor_create(model, NULL, &predictor, &err), MMOE_OK);
    const mmoe_column raw = {MMOE_VALUE_TEXT, texts, 0};
    mmoe_batch b = {.rows = 7, .dense_columns = &raw};
    float scores[7], same[7];
    ck_assert_int_eq(mmoe_predictor_run(predictor, &b, scores, &err), MMOE_OK);
    mmoe_column_served served;
    mmoe_counts counts = {.columns = &served, .n_column = 1};
    ck_assert_int_eq(mmoe_predictor_counts(predictor, &counts, &err), MMOE_OK);
    ck_assert(served.values == 7 && served.missing == 5 && served.unknown == 0);
    b = (mmoe_batch){.rows = 7, .dense = wanted, .dense_stride = 2};
    ck_assert_int_eq(mmoe_predictor_run(predictor, &b, same, &err), MMOE_OK);
    ck_assert_mem_eq(scores, same, sizeof scores);
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    free_numbers(&n);
}
END_TEST

/* A text has a gap's double, a float its single precision. */
START_TEST(a_gap_has_the_precision_of_the_value) {
    numbers n = fit(X(", \"missing\": 7, \"gaps\": [16777217, 0.1, \"$3\"]"), "x,y\n1,0\n2,1\n");
    const double doubles[] = {16777217, 16777216, 0.1, (double)0.1f};
    const float as_doubles[] = {7, 16777216, 7, 0.1f}, floats[] = {16777216, 0.1f, 3};
    const float as_floats[] = {7, 7, 3};
    takes(&n, MMOE_VALUE_DOUBLE, doubles, 4, 4, as_doubles);
    takes(&n, MMOE_VALUE_FLOAT, floats, 3, 3, as_floats);
    const char *const texts[] = {"$3", "3", "16777217.0", "16777216"}, *const word = "three";
    const float as_texts[] = {7, 3, 7, 16777216};
    takes(&n, MMOE_VALUE_TEXT, texts, 4, 4, as_texts);
    take_refused(&n, MMOE_VALUE_TEXT, &word, 1, "row 1: column \"x\": \"three\" is not a number");
    free_numbers(&n);
    n = fit(X(", \"missing\": 7, \"gaps\": [-9], \"strip\": \"$\", \"decimal\": \",\""),
            "x,y\n\"$1,5\",0\n$-9,1\n\"-9,0\",1\n");
    const float marked[] = {1.5f, 7, 7};
    has_inputs(n.set, 3, marked);
    ck_assert_ptr_null(mmoe_dataset_warning(n.set, 0)); /* what is named needs no word */
    free_numbers(&n);
}
END_TEST

/* Every kind that is made of numbers has the key; all of a column's are told of once. */
START_TEST(bins_and_pieces_have_gaps) {
    numbers n = fit(
        X(", \"missing\": 5" GAPS) ", {\"name\": \"p\", \"column\": \"x\", \"encoding\": "
                                   "\"piecewise_linear\", \"bins\": 2, \"missing\": 4" GAPS
                                   "}], \"sparse\": "
                                   "[{\"name\": \"b\", \"column\": \"x\", \"boundaries\": [2]" GAPS
                                   "}, {\"name\": "
                                   "\"q\", \"column\": \"x\", \"quantiles\": 2" GAPS "}",
        "x,y\n0,0\n-999,0\n4,1\nvaries,1\n1 - 2,0\n2,1\n,1\n");
    const float wanted[] = {0, 0, 0, 5, 1, 1, 4, 1, 1, 5, 1, 1, 5, 1, 1, 2, 1, 0, 5, 1, 1};
    const int32_t ids[] = {1, 1, 0, 0, 2, 2, 0, 0, 0, 0, 2, 2, 0, 0};
    has_inputs(n.set, 21, wanted);
    mmoe_batch batch;
    ck_assert_int_eq(mmoe_dataset_batch(n.set, 0, 7, &batch, NULL), MMOE_OK);
    for (size_t r = 0; r < 7; r++)
        ck_assert_mem_eq(batch.ids + r * batch.id_stride, ids + 2 * r, 2 * sizeof *ids);
    has_warning(n.set, 0,
                "column \"x\": 1 of 7 values (14.3 %) is no number, the first, \"1 - 2\", "
                "in row 6: it counts as missing (\"gaps\")");
    ck_assert_ptr_null(mmoe_dataset_warning(n.set, 1));
    free_numbers(&n);
}
END_TEST

START_TEST(gaps_are_a_part_of_the_schema) {
    static const char *const forms[] = {"", ", \"gaps\": [-999]", ", \"gaps\": [-9]",
                                        ", \"gaps\": [-999, \"*\"]"};
    uint64_t prints[COUNT(forms)];
    for (size_t i = 0; i < COUNT(forms); i++) {
        char dense[100];
        snprintf(dense, sizeof dense, X(", \"missing\": 4%s"), forms[i]);
        numbers n = fit(dense, "x,y\n1,0\n,0\n3,1\n");
        prints[i] = mmoe_schema_fingerprint(n.schema);
        for (size_t k = 0; k < i; k++) ck_assert_uint_ne(prints[k], prints[i]);
        free_numbers(&n);
    }
}
END_TEST

START_TEST(gaps_that_cannot_be_are_refused) {
    static const char csv[] = "x,y\n1,0\n3,0\n";
#define AT "features.dense[0].gaps"
    fit_refused(X(", \"gaps\": [\"*\"]"), csv,
                AT ": a missing value is an error; say in \"missing\" what it becomes");
    fit_refused(X(", \"missing\": 1, \"gaps\": [\" a\"]"), csv,
                AT ": one has blanks around it, which no cell keeps");
    fit_refused(X(", \"missing\": 1, \"gaps\": [\"\"]"), csv,
                AT
                "[0]: \"\" is not allowed here; allowed is a string: a number, a word of 1 to 64 "
                "bytes, or *");
    fit_refused(X(", \"missing\": 1, \"gaps\": [true]"), csv,
                AT
                "[0]: true is not allowed here; allowed is a string: a number, a word of 1 to 64 "
                "bytes, or *");
    fit_refused(X(", \"missing\": -9, \"gaps\": [-9]"), csv,
                "column \"x\": missing: -9 stands for a missing value (\"gaps\")");
    fit_refused(X(", \"missing\": 1, \"dim\": 2, \"gaps\": [-9]"), csv,
                AT
                ": \"dim\" says already what becomes of a value; without it this key is allowed");
    fit_refused(
        X(", \"missing\": 1, \"na_values\": [-9]"), csv,
        "features.dense[0].na_values: unknown key; here it is features.dense[].gaps. Allowed "
        "are name, column, transform, strip, decimal, gaps, encoding, bins, dim, separator, "
        "date, hours, missing, indicator, side");
    fit_refused(X(", \"missing\": \"mean\"" GAPS), "x,y\n-999,0\nvaries,0\n",
                "column \"x\": every value is missing");
}
END_TEST

START_TEST(every_allocation_may_fail) {
    fit_without_memory(X(", \"missing\": \"mean\""), "x,y\n1,0\n,0\n3,1\n", 25);
    fit_without_memory(X(", \"missing\": \"mean\"" GAPS), with_gaps, 25);
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
    tcase_add_test(c, gaps_are_missing_values);
    tcase_add_test(c, a_gap_has_the_precision_of_the_value);
    tcase_add_test(c, bins_and_pieces_have_gaps);
    tcase_add_test(c, gaps_are_a_part_of_the_schema);
    tcase_add_test(c, gaps_that_cannot_be_are_refused);
    tcase_add_test(c, every_allocation_may_fail);
}
