/* Dense features of more than one input: indicators, bins, vectors; the same through all doors. */
#include "data/column_piecewise_linear.h"
#include "numbers_support.h"

#define X(rest) "{\"name\": \"x\"" rest "}"
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define BINS(n) ", \"encoding\": \"piecewise_linear\", \"bins\": " #n

START_TEST(an_indicator_is_one_input_more) {
    numbers n = fit(X(", \"missing\": -1, \"indicator\": true") ", {\"name\": \"z\"}",
                    "x,z,y\n3,7,0\n,8,0\n0,9,1\n");
    const float wanted[] = {3, 0, 7, -1, 1, 8, 0, 0, 9}, read[] = {-1, 1, 2, -1, 0, 3};
    has_inputs(n.set, 9, wanted);
    mmoe_dataset *set = read_rows(&n, "z,x\n2,NA\n3,-1\n");
    has_inputs(set, 6, read);
    mmoe_dataset_free(set);
    free_numbers(&n);
    fit_refused(X(", \"indicator\": true"), "x,y\n",
                "features.dense[0].indicator: a missing value is an error; say in \"missing\" what "
                "it becomes");
}
END_TEST

/* Quantiles of 0 to 8 at quarters: 0 2 4 6 8. */
START_TEST(bins_are_quantiles_and_linear_within) {
    numbers n = fit(X(BINS(4)), "x,y\n8,0\n1,0\n2,1\n7,0\n3,1\n4,0\n5,1\n6,0\n0,1\n");
    const mmoe_numbers *edges = &mmoe_piecewise_of(n.schema->dense[0].encoder)->edges;
    const double quarters[] = {0, 2, 4, 6, 8};
    ck_assert_uint_eq(edges->count, 5);
    ck_assert_mem_eq(edges->items, quarters, sizeof quarters);
    ck_assert_ptr_null(mmoe_dataset_warning(n.set, 0));
    const double values[] = {-3, 0, 0.5, 2, 5, 8, 12};
    const float wanted[] = {-1.5f, 0, 0, 0, 0,    0, 0, 0, 0.25f, 0, 0, 0, 1, 0,
                            0,     0, 1, 1, 0.5f, 0, 1, 1, 1,     1, 1, 1, 1, 3};
    takes(&n, MMOE_VALUE_DOUBLE, values, 7, 28, wanted);
    takes(&n, MMOE_VALUE_INPUT, wanted, 7, 28, wanted);
    const char *const texts[] = {"-3", "0", "0.5", " 2", "5.0", "8", "12"};
    takes(&n, MMOE_VALUE_TEXT, texts, 7, 28, wanted);
    mmoe_dataset *set = read_rows(&n, "x\n-3\n0\n0.5\n2\n5\n8\n12\n");
    has_inputs(set, 28, wanted);
    mmoe_dataset_free(set);
    set = read_rows(&n, "x\n8\n1\n2\n7\n3\n4\n5\n6\n0\n");
    has_inputs(set, 36, n.set->dense); /* as when they were learned */
    mmoe_dataset_free(set);
    free_numbers(&n);
}
END_TEST

START_TEST(quantiles_between_values_are_linear) {
    numbers n = fit(X(BINS(2)), "x,y\n1,0\n2,1\n4,0\n10,1\n");
    const mmoe_numbers *edges = &mmoe_piecewise_of(n.schema->dense[0].encoder)->edges;
    ck_assert(edges->count == 3 && edges->items[0] == 1 && edges->items[1] == 3 &&
              edges->items[2] == 10);
    free_numbers(&n);
}
END_TEST

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of many sizes and both signs, some of them equal: those of the sorted values. */
START_TEST(quantiles_are_those_of_sorted_values) {
    enum { VALUES = 2500, EDGES = 1025 };
    static double values[VALUES], wanted[EDGES];
    static char csv[VALUES * 40];
    int used = sprintf(csv, "x,y\n");
    size_t n = 0;
    for (uint32_t i = 0, x = 1; i < VALUES; i++) {
        x = x * 69069 + 1;
        const double size = ldexp(1.0 + (x >> 20) / 4096.0, (int)(x >> 9 & 511) - 256);
        const double sign = x >> 31 ? 1 : -1;
        values[i] = i % 7 ? size * sign : (int)(x >> 29) - 3;
        used += sprintf(csv + used, "%.17g,%d\n", values[i], (int)(i & 1));
    }
    numbers made = fit(X(BINS(1024)), csv);
    const mmoe_numbers *edges = &mmoe_piecewise_of(made.schema->dense[0].encoder)->edges;
    qsort(values, VALUES, sizeof *values, ascending);
    for (int k = 0; k < EDGES; k++) {
        const double at = k / 1024.0 * (VALUES - 1), rest = at - floor(at), low = values[(int)at],
                     edge = rest > 0 ? low + rest * (values[(int)at + 1] - low) : low;
        if (!n || edge > wanted[n - 1]) wanted[n++] = edge;
    }
    ck_assert_uint_eq(edges->count, n);
    for (size_t k = 0; k < n; k++) ck_assert_double_eq(edges->items[k], wanted[k]);
    free_numbers(&made);
}
END_TEST

START_TEST(equal_quantiles_are_merged_and_said) {
    numbers n = fit(X(BINS(4)), "x,y\n0,0\n0,1\n0,0\n0,1\n4,1\n");
    const float wanted[] = {0, 0, 0, 0, 1};
    has_inputs(n.set, 5, wanted);
    const mmoe_warning *w = mmoe_dataset_warning(n.set, 0);
    ck_assert_ptr_nonnull(w);
    ck_assert_str_eq(w->message, "column \"x\": equal quantiles leave 1 of 4 bins, for many rows "
                                 "have the same value");
    ck_assert_int_eq(w->count, 3);
    free_numbers(&n);
}
END_TEST

/* The mean of the values that are there goes through the bins; so does a value. */
START_TEST(bins_have_gaps) {
    numbers n = fit(X(BINS(2) ", \"missing\": \"mean\", \"indicator\": true"),
                    "x,y\n1,0\nNA,0\n3,1\n,1\n11,0\n"),
            m = fit(X(BINS(2) ", \"missing\": 2"), "x,y\n1,0\nNA,0\n3,1\n,1\n11,0\n");
    const float mean[] = {0, 0, 0, 1, 0.25f, 1, 1, 0, 0, 1, 0.25f, 1, 1, 1, 0},
                two[] = {0, 0, 0.5f, 0, 1, 0, 0.5f, 0, 1, 1};
    has_inputs(n.set, 15, mean);
    has_inputs(m.set, 10, two);
    const double values[] = {(double)NAN, 11};
    takes(&n, MMOE_VALUE_DOUBLE, values, 2, 6, mean + 9);
    free_numbers(&n);
    free_numbers(&m);
}
END_TEST

START_TEST(bad_bins) {
    fit_refused(X(BINS(4)), "x,y\n3,0\n3,1\n",
                "column \"x\": all values are 3: there is nothing to cut into bins");
    fit_refused(X(BINS(4) ", \"missing\": 1"), "x,y\nNA,0\n,1\n",
                "column \"x\": every value is missing");
    fit_refused(X(BINS(4)), "x,y\n3,0\n,1\n",
                "row 3: column \"x\": an empty value is not a number");
    fit_refused(X(BINS(4)), "x,y\n3,0\ninf,1\n", "row 3: column \"x\": \"inf\" is not finite");
    fit_refused(X(BINS(1)), "x,y\n-1e308,0\n1e308,1\n",
                "column \"x\": values from -1e+308 to 1e+308 cannot be cut into bins in double "
                "precision");
    fit_refused(X(BINS(0)), "x,y\n",
                "features.dense[0].bins: 0 is not allowed here; allowed is an integer: 1 to 1024");
    fit_refused(X(", \"encoding\": \"periodic\""), "x,y\n",
                "features.dense[0].encoding: \"periodic\" is not allowed here; allowed is a "
                "string: piecewise_linear");
    fit_refused(X(", \"bins\": 3"), "x,y\n", "features.dense[0].bins: 3 needs encoding beside it");
    fit_refused(X(BINS(3) ", \"transform\": \"minmax\""), "x,y\n",
                "features.dense[0].transform: \"encoding\" says already what becomes of a value; "
                "without it this key is allowed");
    fit_refused(X(BINS(3) ", \"dim\": 3"), "x,y\n",
                "features.dense[0]: \"encoding\" and \"dim\" both say what becomes of a value; "
                "give one");
    numbers n = fit(X(BINS(1)), "x,y\n0,0\n1e-300,1\n");
    const double large = 1, wrong[] = {1e-300, (double)NAN};
    take_refused(&n, MMOE_VALUE_DOUBLE, &large, 1,
                 "row 1: column \"x\": 1 is too large for single precision after the column's "
                 "encoding");
    take_refused(&n, MMOE_VALUE_DOUBLE, wrong, 2, "row 2: column \"x\": nan is not finite");
    free_numbers(&n);
}
END_TEST

START_TEST(marks_are_no_part_of_a_number) {
    numbers n = fit(X(", \"strip\": \"$,%\""), "x,y\n\"$1,000.5\",0\n-2%,1\n");
    const float wanted[] = {1000.5f, -2};
    has_inputs(n.set, 2, wanted);
    const char *const texts[] = {"1000.50$", "%-2"}, *const other = "1.2.3$";
    const double values[] = {1000.5, -2};
    takes(&n, MMOE_VALUE_TEXT, texts, 2, 2, wanted);
    takes(&n, MMOE_VALUE_DOUBLE, values, 2, 2, wanted);
    take_refused(&n, MMOE_VALUE_TEXT, &other, 1, "row 1: column \"x\": \"1.2.3$\" is not a number");
    free_numbers(&n);
    fit_refused(X(", \"strip\": \"$1\""), "x,y\n",
                "features.dense[0].strip: has a character that is in a number");
}
END_TEST

static void are_no_numbers(const numbers *n, const char *const *bad, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char message[100];
        snprintf(message, sizeof message, "row 1: column \"x\": \"%s\" is not a number", bad[i]);
        take_refused(n, MMOE_VALUE_TEXT, &bad[i], 1, message);
    }
}

/* Letters that numbers have, too, are a unit's beside its others. */
START_TEST(units_may_have_letters_of_numbers) {
    numbers n = fit(X(", \"strip\": \"minutes \""), "x,y\n10 minutes,0\n1e2,1\n1e3 minutes,1\n");
    const float wanted[] = {10, 100, 1000};
    has_inputs(n.set, 3, wanted);
    const char *const bad[] = {"10 inf", "10 minute", "minutes"};
    are_no_numbers(&n, bad, sizeof bad / sizeof *bad);
    free_numbers(&n);
    fit_refused(X(", \"strip\": \"ea\""), "x,y\n",
                "features.dense[0].strip: has a character that is in a number");
}
END_TEST

/* "mi." is a unit of an abbreviation's point. */
START_TEST(units_may_end_with_a_point) {
    numbers n = fit(X(", \"strip\": \"mi ,\""), "x,y\n\"45,000.5 mi.\",0\n1.5,1\n3. mi,1\n");
    const float wanted[] = {45000.5f, 1.5f, 3};
    has_inputs(n.set, 3, wanted);
    const char *const bad[] = {"1. mi. .", ".mi", "1.5.mi"};
    are_no_numbers(&n, bad, sizeof bad / sizeof *bad);
    free_numbers(&n);
}
END_TEST

/* Of a unit's letters all are there, or none; parentheses are around the whole number. */
START_TEST(units_and_parentheses_are_whole) {
    numbers n = fit(X(", \"strip\": \"kg $()\""), "x,y\n12 kg,0\n$(1.5),1\n");
    const float wanted[] = {12, -1.5f}, others[] = {-3, -2, 7};
    const char *const good[] = {"(3 kg)", "($2)", "7"}, *const bad[] = {"12 g",  "12k",  "(12",
                                                                        "12)",   "1(2)", ")12(",
                                                                        "(1)(2)"};
    has_inputs(n.set, 2, wanted);
    takes(&n, MMOE_VALUE_TEXT, good, 3, 3, others);
    are_no_numbers(&n, bad, sizeof bad / sizeof *bad);
    free_numbers(&n);
}
END_TEST

#define DIM ", \"dim\": 3"

START_TEST(vectors) {
    numbers n = fit("{\"name\": \"z\"}, " X(DIM), "x,z,y\n1|-2.5|3,7,0\n 0 |1e-3|+4 ,8,1\n");
    const float wanted[] = {7, 1, -2.5f, 3, 8, 0, 1e-3f, 4};
    has_inputs(n.set, 8, wanted);
    mmoe_dataset *set = read_rows(&n, "x,z\n1|-2.5|3,7\n0|0.001|4,8\n");
    has_inputs(set, 8, wanted);
    mmoe_dataset_free(set);
    struct {
        double z;
        float x[3];
    } rows[] = {{7, {1, -2.5f, 3}}, {8, {0, 1e-3f, 4}}};
    const int64_t whole[][3] = {{1, 2, 3}, {4, 5, 6}};
    const double z[] = {1, 2};
    const float integers[] = {1, 1, 2, 3, 2, 4, 5, 6};
    const mmoe_column members[] = {{MMOE_VALUE_DOUBLE, &rows[0].z, sizeof *rows},
                                   {MMOE_VALUE_FLOAT, rows[0].x, sizeof *rows}},
                      arrays[] = {{MMOE_VALUE_DOUBLE, z, 0}, {MMOE_VALUE_INT64, whole, 0}};
    mmoe_error err = {0};
    ck_assert_msg(take_rows(&n, members, 2, &set, &err) == MMOE_OK, "%s", err.message);
    has_inputs(set, 8, wanted);
    mmoe_dataset_free(set);
    ck_assert_msg(take_rows(&n, arrays, 2, &set, &err) == MMOE_OK, "%s", err.message);
    has_inputs(set, 8, integers);
    mmoe_dataset_free(set);
    const mmoe_column narrow[] = {{MMOE_VALUE_DOUBLE, z, 0}, {MMOE_VALUE_INT64, whole, 8}};
    ck_assert_int_eq(take_rows(&n, narrow, 2, &set, &err), MMOE_E_ARGUMENT);
    ck_assert_str_eq(err.message,
                     "column \"x\": mmoe_dataset_create: the column's stride, 8 bytes, "
                     "is less than a value's 24");
    free_numbers(&n);
    numbers other = fit(X(DIM ", \"separator\": \" \""), "x,y\n1 2 3,0\n4 5 6,1\n");
    const float spaced[] = {1, 2, 3, 4, 5, 6};
    has_inputs(other.set, 6, spaced);
    free_numbers(&other);
}
END_TEST

START_TEST(vectors_have_gaps) {
    numbers n = fit(X(DIM ", \"missing\": \"mean\", \"indicator\": true"),
                    "x,y\n1|2|3,0\nNA,0\n3|6|-3,1\n");
    const float wanted[] = {1, 2, 3, 0, 2, 4, 0, 1, 3, 6, -3, 0};
    has_inputs(n.set, 12, wanted);
    const float missing[] = {NAN, NAN, NAN, 1, 2, 3}, some[] = {NAN, 1, 2},
                taken[] = {2, 4, 0, 1, 1, 2, 3, 0};
    const int64_t none = MMOE_MISSING_INT64, whole[] = {none, none, none, 1, 2, 3},
                  part[] = {1, none, 2};
    takes(&n, MMOE_VALUE_FLOAT, missing, 2, 8, taken);
    takes(&n, MMOE_VALUE_INT64, whole, 2, 8, taken);
    take_refused(&n, MMOE_VALUE_INT64, part, 1,
                 "row 1: column \"x\": the vector has a number 2 that is not finite");
    take_refused(&n, MMOE_VALUE_FLOAT, some, 1,
                 "row 1: column \"x\": the vector has a number 1 that is not finite");
    const char *const texts[] = {NULL, "1|2|3"};
    takes(&n, MMOE_VALUE_TEXT, texts, 2, 8, taken);
    free_numbers(&n);
}
END_TEST

START_TEST(bad_vectors) {
    fit_refused(X(DIM), "x,y\n1|2|3,0\n1|2,0\n",
                "row 3: column \"x\": \"1|2\" is a vector of 2 numbers, not of 3");
    fit_refused(X(DIM), "x,y\n1|2|3|4,0\n",
                "row 2: column \"x\": \"1|2|3|4\" is a vector of 4 numbers, not of 3");
    fit_refused(X(DIM), "x,y\n1||3,0\n",
                "row 2: column \"x\": \"1||3\" has a number 2 that is none");
    fit_refused(X(DIM), "x,y\n1|2|x,0\n",
                "row 2: column \"x\": \"1|2|x\" has a number 3 that is none");
    fit_refused(X(DIM), "x,y\n1|inf|3,0\n",
                "row 2: column \"x\": \"1|inf|3\" has a number 2 that is not finite");
    fit_refused(X(DIM), "x,y\n1|1e39|3,0\n",
                "row 2: column \"x\": \"1|1e39|3\" has a number 2 that is too large for single "
                "precision");
    fit_refused(X(DIM), "x,y\n,0\n",
                "row 2: column \"x\": an empty value is no vector of 3 numbers: a value is "
                "missing");
    fit_refused(X(DIM ", \"separator\": \"..\""), "x,y\n",
                "features.dense[0].separator: \"..\" is not one character of one byte that is in "
                "no number");
    fit_refused(X(", \"separator\": \"|\""), "x,y\n",
                "features.dense[0].separator: \"|\" needs dim beside it");
    fit_refused(X(", \"dim\": 0"), "x,y\n",
                "features.dense[0].dim: 0 is not allowed here; allowed is an integer: 1 to 65536");
}
END_TEST

/* As a file may have it, whose numbers are checked once they are read. */
START_TEST(a_vector_has_numbers) {
    const mmoe_allocator a = mmoe_allocator_or_default(NULL);
    mmoe_encoder *e = mmoe_encoder_create(&mmoe_column_vector, &a);
    char room[MMOE_FAULT_SIZE];
    const char *key;
    ck_assert_ptr_nonnull(e);
    ck_assert_str_eq(e->kind->check(e, room, &key), "a vector of no numbers");
    ck_assert_str_eq(key, "dim");
    mmoe_encoder_free(e);
}
END_TEST

/* Scores of the same rows, in the side's order and in whatever array they stand. */
START_TEST(requests_say_the_same) {
    numbers n = fit(X(DIM ", \"side\": \"user\"") ", {\"name\": \"b\", \"missing\": 3, "
                                                  "\"indicator\": true" BINS(
                                                      3) "}, "
                                                         "{\"name\": \"z\", \"side\": \"user\"}",
                    "x,b,z,y\n1|2|3,1,7,0\n0|1|4,2,8,1\n4|1|4,9,2,1\n1|5|9,4,3,0\n");
    enum { ROWS = 3, WIDTH = 3 + 4 + 1 };
    mmoe_model *model;
    mmoe_predictor *predictor;
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_model_create(n.config, n.schema, NULL, &model, &err), MMOE_OK);
    ck_assert_int_eq(mmoe_predictor_create(model, NULL, &predictor, &err), MMOE_OK);
    ck_assert_int_eq(mmoe_model_dense_width(model, 0), 3);
    ck_assert_int_eq(mmoe_model_dense_width(model, 1), 4);
    ck_assert_int_eq(mmoe_model_dense_dim(model, 0), 3);
    ck_assert_int_eq(mmoe_model_dense_dim(model, 1), 1);
    ck_assert_int_eq(mmoe_model_dense_dim(model, 3), -1);
    mmoe_dataset *set = read_rows(&n, "x,b,z\n1|2|3,NA,7\n1|2|3,8.5,7\n1|2|3,0,7\n");
    mmoe_batch encoded;
    float scores[ROWS], same[ROWS];
    ck_assert_int_eq(mmoe_dataset_batch(set, 0, ROWS, &encoded, &err), MMOE_OK);
    ck_assert_uint_eq(encoded.dense_stride, WIDTH);
    ck_assert_uint_eq(encoded.dense_count, 3);
    ck_assert_int_eq(mmoe_predictor_run(predictor, &encoded, scores, &err), MMOE_OK);
    const float x[ROWS][3] = {{1, 2, 3}, {1, 2, 3}, {1, 2, 3}};
    const double b[ROWS] = {(double)NAN, 8.5, 0}, z[ROWS] = {7, 7, 7};
    const mmoe_column columns[] = {
        {MMOE_VALUE_FLOAT, x, 0}, {MMOE_VALUE_DOUBLE, b, 0}, {MMOE_VALUE_DOUBLE, z, 0}};
    const mmoe_column inputs[] = {{MMOE_VALUE_INPUT, encoded.dense, WIDTH * sizeof(float)},
                                  {MMOE_VALUE_INPUT, encoded.dense + 3, WIDTH * sizeof(float)},
                                  {MMOE_VALUE_INPUT, encoded.dense + 7, WIDTH * sizeof(float)}};
    const mmoe_batch raw = {.rows = ROWS, .dense_columns = columns, .dense_count = 3},
                     ready = {.rows = ROWS, .dense_columns = inputs, .dense_count = 3};
    ck_assert_msg(mmoe_predictor_run(predictor, &raw, same, &err) == MMOE_OK, "%s", err.message);
    ck_assert_mem_eq(scores, same, sizeof scores);
    ck_assert_int_eq(mmoe_predictor_run(predictor, &ready, same, &err), MMOE_OK);
    ck_assert_mem_eq(scores, same, sizeof scores);
    const mmoe_column user[] = {columns[0], columns[2]};
    const mmoe_batch one = {.rows = 1, .dense_columns = user, .dense_count = 2},
                     items = {.rows = ROWS, .dense_columns = columns + 1, .dense_count = 1};
    ck_assert_int_eq(mmoe_predictor_rank(predictor, &one, &items, same, &err), MMOE_OK);
    for (int i = 0; i < ROWS; i++) ck_assert(fabsf(same[i] - scores[i]) < 1e-6f);
    float bad[WIDTH];
    memcpy(bad, encoded.dense, sizeof bad);
    bad[6] = NAN;
    const mmoe_batch wrong = {.rows = 1, .dense = bad, .dense_stride = WIDTH},
                     narrow = {.rows = 1, .dense = bad, .dense_stride = WIDTH - 1};
    ck_assert_int_eq(mmoe_predictor_run(predictor, &wrong, same, &err), MMOE_E_ARGUMENT);
    ck_assert_str_eq(err.column, "b");
    ck_assert_int_eq(mmoe_predictor_run(predictor, &narrow, same, &err), MMOE_E_ARGUMENT);
    ck_assert_str_eq(err.message, "mmoe_predictor_run: dense_stride of the batch is smaller than "
                                  "its 8 inputs");
    mmoe_dataset_free(set);
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    free_numbers(&n);
}
END_TEST

/* A batch larger than a predictor's chunk is looked through before its first row is scored. */
START_TEST(long_requests_are_checked_first) {
    numbers n = fit(X(DIM ", \"missing\": 0") ", {\"name\": \"b\"" BINS(2) "}",
                    "x,b,y\n1|2|3,1,0\n0|1|4,2,1\n4|1|4,9,1\n");
    enum { ROWS = 1000 };
    mmoe_model *model;
    mmoe_predictor *predictor;
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_model_create(n.config, n.schema, NULL, &model, &err), MMOE_OK);
    ck_assert_int_eq(mmoe_predictor_create(model, NULL, &predictor, &err), MMOE_OK);
    float x[ROWS][3], scores[ROWS], one;
    double b[ROWS];
    for (int r = 0; r < ROWS; r++) {
        for (int k = 0; k < 3; k++) x[r][k] = (float)(r % 7 - k);
        b[r] = r % 11;
    }
    mmoe_column columns[] = {{MMOE_VALUE_FLOAT, x, 0}, {MMOE_VALUE_DOUBLE, b, 0}};
    mmoe_batch batch = {.rows = ROWS, .dense_columns = columns};
    ck_assert_int_eq(mmoe_predictor_run(predictor, &batch, scores, &err), MMOE_OK);
    for (int r = 0; r < ROWS; r += 111) {
        const mmoe_column row[] = {{MMOE_VALUE_FLOAT, x[r], 0}, {MMOE_VALUE_DOUBLE, &b[r], 0}};
        const mmoe_batch alone = {.rows = 1, .dense_columns = row};
        ck_assert_int_eq(mmoe_predictor_run(predictor, &alone, &one, &err), MMOE_OK);
        ck_assert(one == scores[r]);
    }
    x[ROWS - 1][1] = INFINITY;
    one = scores[0];
    scores[0] = 7;
    ck_assert_int_eq(mmoe_predictor_run(predictor, &batch, scores, &err), MMOE_E_DATA);
    ck_assert_str_eq(err.message,
                     "row 1000: column \"x\": the vector has a number 2 that is not finite");
    ck_assert(scores[0] == 7);
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    free_numbers(&n);
}
END_TEST

START_TEST(a_slot_takes_vectors_of_one_length) {
    numbers n[] = {fit(X(DIM), "x,y\n1|2|3,0\n0|1|4,1\n"),
                   fit(X(", \"dim\": 2"), "x,y\n1|2,0\n0|1,1\n")};
    mmoe_model *models[2];
    mmoe_slot *slot;
    mmoe_error err = {0};
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(mmoe_model_create(n[i].config, n[i].schema, NULL, &models[i], &err),
                         MMOE_OK);
    ck_assert_int_eq(mmoe_slot_create(models[0], NULL, &slot, &err), MMOE_OK);
    ck_assert_int_eq(mmoe_slot_publish(slot, models[1], NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_str_eq(err.message, "column \"x\": mmoe_slot_publish: a value has 3 numbers in the "
                                  "slot's models, and 2 in this one");
    mmoe_slot_free(slot);
    mmoe_model_free(models[1]);
    free_numbers(&n[0]);
    free_numbers(&n[1]);
}
END_TEST

/* Model files give all of it back, to the bit. */
START_TEST(files_keep_encodings) {
    numbers n = fit(X(DIM ", \"missing\": \"mean\"") ", {\"name\": \"b\", \"missing\": 3, "
                                                     "\"indicator\": true" BINS(3) "}",
                    "x,b,y\n1|2|3,1.1,0\n0|1|4,2.3,1\nNA,,1\n1|5|9,4.7,0\n");
    mmoe_model *model, *back;
    mmoe_error err = {0};
    const char *const file = in_folder("model.safetensors");
    ck_assert_int_eq(mmoe_model_create(n.config, n.schema, NULL, &model, &err), MMOE_OK);
    ck_assert_msg(mmoe_model_save(model, file, &err) == MMOE_OK, "%s", err.message);
    ck_assert_msg(mmoe_model_load(file, NULL, &back, &err) == MMOE_OK, "%s", err.message);
    ck_assert_uint_eq(mmoe_schema_fingerprint(mmoe_model_schema(back)),
                      mmoe_schema_fingerprint(n.schema));
    mmoe_dataset *read;
    ck_assert_int_eq(mmoe_dataset_read_csv(mmoe_model_schema(back), in_folder("data.csv"),
                                           MMOE_LABELS_REQUIRED, NULL, &read, &err),
                     MMOE_OK);
    has_inputs(read, 4 * (3 + 4), n.set->dense);
    mmoe_dataset_free(read);
    mmoe_model_free(back);
    mmoe_model_free(model);
    free_numbers(&n);
}
END_TEST

START_TEST(every_allocation_may_fail) {
    fit_without_memory(
        X(DIM ", \"missing\": \"mean\"") ", {\"name\": \"b\", \"missing\": 3" BINS(3) "}",
        "x,b,y\n1|2|3,1.1,0\n0|1|4,2.3,1\nNA,,1\n", 40);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_test(c, an_indicator_is_one_input_more);
    tcase_add_test(c, bins_are_quantiles_and_linear_within);
    tcase_add_test(c, quantiles_between_values_are_linear);
    tcase_add_test(c, quantiles_are_those_of_sorted_values);
    tcase_add_test(c, equal_quantiles_are_merged_and_said);
    tcase_add_test(c, bins_have_gaps);
    tcase_add_test(c, bad_bins);
    tcase_add_test(c, marks_are_no_part_of_a_number);
    tcase_add_test(c, units_and_parentheses_are_whole);
    tcase_add_test(c, units_may_have_letters_of_numbers);
    tcase_add_test(c, units_may_end_with_a_point);
    tcase_add_test(c, vectors);
    tcase_add_test(c, vectors_have_gaps);
    tcase_add_test(c, bad_vectors);
    tcase_add_test(c, a_vector_has_numbers);
    tcase_add_test(c, requests_say_the_same);
    tcase_add_test(c, long_requests_are_checked_first);
    tcase_add_test(c, a_slot_takes_vectors_of_one_length);
    tcase_add_test(c, files_keep_encodings);
    tcase_add_test(c, every_allocation_may_fail);
}
