/* Kinds of columns: what a cell is, in all the ways to say it. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "column_forms_support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- The list ---- */

START_TEST(every_kind_is_whole) {
    const mmoe_column_kind *kind;
    for (int32_t i = 0; (kind = mmoe_column_kind_at(i)); i++) {
        ck_assert_ptr_eq(mmoe_column_kind_named(kind->word), kind);
        ck_assert(kind->parse && kind->take && kind->size >= sizeof(mmoe_encoder));
        ck_assert(!kind->is_decided || kind->n_key > 0);
        ck_assert(kind->shape == MMOE_SHAPE_ID || !kind->learn || kind->finish);
        ck_assert(!kind->passes || kind->measure);
        for (int32_t k = 0; k < kind->n_key; k++)
            ck_assert_int_eq(kind->keys[k].scope,
                             kind->shape == MMOE_SHAPE_ID ? MMOE_SCOPE_SPARSE : MMOE_SCOPE_DENSE);
    }
    ck_assert_ptr_null(mmoe_column_kind_named("no kind"));
    ck_assert_ptr_eq(mmoe_column_kind_default(MMOE_SHAPE_ID), &mmoe_column_vocabulary);
    ck_assert_ptr_eq(mmoe_column_kind_default(MMOE_SHAPE_NUMBER), &mmoe_column_number);
}
END_TEST

/* ---- Values ---- */

#define OUTSIDE "is outside of the table's rows 0 to 7"
#define NO_INTEGER "is not an integer, but the column's ids are row numbers"

START_TEST(rows) {
    const form forms[] = {{"7", 7, 7, NULL},
                          {"7.0", 7, 7, NULL},
                          {" 7", 7, 7, NULL},
                          {"7.00 ", 7, 7, NULL},
                          {"+7", 7, 7, NULL},
                          {"007", 7, 7, NULL},
                          {"0", 0, 0, NULL},
                          {"-0.0", -0.0, 0, NULL},
                          {"8", 8, -1, OUTSIDE},
                          {"-1", -1, -1, OUTSIDE},
                          {"1e300", NONE, -1, NO_INTEGER},
                          {"99999999999999999999", 1e20, -1, OUTSIDE},
                          {"-9223372036854775808", -0x1p63, -1, OUTSIDE},
                          {"0.5", 0.5, -1, NO_INTEGER},
                          {"inf", INFINITY, -1, NO_INTEGER},
                          {"-inf", -INFINITY, -1, NO_INTEGER},
                          {"seven", NONE, -1, NO_INTEGER},
                          {"", NONE, -1, OUTSIDE},
                          {"NA", NONE, -1, NO_INTEGER}}; /* a word, whoever reads the file */
    const mmoe_encoder *e = row_encoder(8, -1), *lenient = row_encoder(8, 3);
    for (size_t i = 0; i < COUNT(forms); i++) {
        check_form(e, &forms[i]);
        form f = forms[i];
        if (f.fault && strcmp(f.fault, OUTSIDE) == 0) f = (form){f.text, f.number, 3, NULL};
        check_form(lenient, &f);
    }
    mmoe_cell cell;
    const double missing = (double)NAN;
    const char *none = NULL;
    ck_assert_str_eq(e->kind->take(e, MMOE_VALUE_DOUBLE, &missing, &cell), OUTSIDE);
    ck_assert_str_eq(e->kind->take(e, MMOE_VALUE_TEXT, &none, &cell), OUTSIDE);
    ck_assert_ptr_null(e->kind->take(lenient, MMOE_VALUE_DOUBLE, &missing, &cell));
    ck_assert_int_eq(cell.id, 3);
}
END_TEST

START_TEST(bins) {
    double items[] = {-1.5, 0, 3, 1e12};
    const form forms[] = {{"-2", -2, 1, NULL},
                          {"-1.5", -1.5, 2, NULL},
                          {"-0.25", -0.25, 2, NULL},
                          {"0", 0, 3, NULL},
                          {" 2.75 ", 2.75, 3, NULL},
                          {"3", 3, 4, NULL},
                          {"3.0", 3, 4, NULL},
                          {"999999999999", 999999999999, 4, NULL},
                          {"1e12", 1e12, 5, NULL},
                          {"1e300", 1e300, 5, NULL},
                          {"inf", (double)INFINITY, -1, "is not finite"},
                          {"-inf", -(double)INFINITY, -1, "is not finite"},
                          {"", NONE, 0, NULL},
                          {"three", NONE, -1, "is not a number"}};
    mmoe_encoder *e = new_encoder(&mmoe_column_boundaries);
    *(mmoe_numbers *)((char *)e + e->kind->keys[0].offset) = (mmoe_numbers){items, COUNT(items)};
    char fault[MMOE_FAULT_SIZE];
    const char *key;
    ck_assert_ptr_null(e->kind->check(e, fault, &key));
    ck_assert_int_eq(e->kind->start(e, NULL), MMOE_OK);
    ck_assert_int_eq(e->rows, COUNT(items) + 2);
    for (size_t i = 0; i < COUNT(forms); i++) check_form(e, &forms[i]);
    mmoe_cell cell;
    const double missing = (double)NAN;
    ck_assert_ptr_null(e->kind->take(e, MMOE_VALUE_DOUBLE, &missing, &cell));
    ck_assert_int_eq(cell.id, 0);
    items[2] = 0;
    ck_assert_str_eq(e->kind->check(e, fault, &key), "0 stands behind 0: they must ascend");
    ck_assert_str_eq(key, "boundaries");
    *(mmoe_numbers *)((char *)e + e->kind->keys[0].offset) = (mmoe_numbers){NULL, 0};
}
END_TEST

static mmoe_encoder *learned(const char *const *texts, size_t n) {
    mmoe_encoder *e = new_encoder(&mmoe_column_vocabulary);
    mmoe_cell cell;
    char room[MMOE_FAULT_SIZE];
    ck_assert_int_eq(e->kind->start(e, NULL), MMOE_OK);
    for (size_t i = 0; i < n; i++)
        ck_assert_ptr_null(e->kind->learn(e, texts[i], strlen(texts[i]), &cell));
    ck_assert_ptr_null(e->kind->settle(e, room));
    return e;
}

/* The forms of an integer, in vocabularies of integers and of other values too; what a column
 * learns it finds, whatever its rows were first written as. */
START_TEST(vocabularies) {
    const char *const ints[] = {"7", "-3", "9007199254740993"},
                      *const gaps[] = {"7.0", "", "-3.0", "9007199254740993", "7"},
                      *const mixed[] = {" 7", "-3", "9007199254740993.0", "red", "0.5", "007", "7"};
    const mmoe_encoder *encoders[] = {learned(ints, 3), learned(gaps, 5), learned(mixed, 7)};
    const form known[] = {{"7", 7, 1, NULL},
                          {"7.0", 7, 1, NULL},
                          {" 7", 7, 1, NULL},
                          {"7.00\t", 7, 1, NULL},
                          {"-3", -3, 2, NULL},
                          {"-3.0", -3, 2, NULL},
                          {"9007199254740993", NONE, 3, NULL},
                          {"8", 8, 0, NULL},
                          {"", NONE, 0, NULL},
                          {"NA", NONE, 0, NULL},
                          {"1e+300", 1e300, 0, NULL},
                          {"blue", NONE, 0, NULL}};
    for (size_t v = 0; v < COUNT(encoders); v++) {
        for (size_t i = 0; i < COUNT(known); i++) check_form(encoders[v], &known[i]);
        mmoe_cell cell;
        const double missing = (double)NAN;
        const int64_t large = 9007199254740993;
        ck_assert_ptr_null(
            encoders[v]->kind->take(encoders[v], MMOE_VALUE_DOUBLE, &missing, &cell));
        ck_assert_int_eq(cell.id, 0);
        ck_assert_ptr_null(encoders[v]->kind->take(encoders[v], MMOE_VALUE_INT64, &large, &cell));
        ck_assert_int_eq(cell.id, 3);
    }
    ck_assert_int_eq(encoders[0]->rows, 4);
    ck_assert_int_eq(encoders[1]->rows, 4);
    ck_assert(mmoe_vocab_is_int(mmoe_encoder_vocab(encoders[1])));
    const form strings[] = {{"red", NONE, 4, NULL}, {"0.5", 0.5, 5, NULL}, {"007", NONE, 6, NULL}};
    for (size_t i = 0; i < COUNT(strings); i++) check_form(encoders[2], &strings[i]);
    ck_assert_int_eq(encoders[2]->rows, 7);
}
END_TEST

static mmoe_encoder *hash_encoder(int64_t buckets) {
    mmoe_encoder *e = new_encoder(&mmoe_column_hash);
    set_key(e, "hash_bucket_size", buckets);
    ck_assert_int_eq(e->kind->start(e, NULL), MMOE_OK);
    return e;
}

/* A number's row is that of the text that it prints as. */
START_TEST(hashes) {
    static const form texts[] = {{"7", 7, 0, NULL},
                                 {"7.0", 7, 0, NULL},
                                 {"-12", -12, 0, NULL},
                                 {"0.5", 0.5, 0, NULL},
                                 {"1e+300", 1e300, 0, NULL}};
    const mmoe_encoder *e = hash_encoder(100000);
    for (size_t i = 0; i < COUNT(texts); i++) {
        form f = texts[i];
        mmoe_cell cell;
        ck_assert_ptr_null(e->kind->parse(e, f.text, strlen(f.text), &cell));
        f.id = cell.id;
        ck_assert_int_ge(f.id, 1);
        check_form(e, &f);
    }
}
END_TEST

/* The integer for nothing is to every kind what an empty cell is, beside a known value. */
START_TEST(missing_integers) {
    static const char *const values[] = {"7", "8"};
    static double edges[] = {0, 5};
    mmoe_encoder *cut = new_encoder(&mmoe_column_boundaries);
    mmoe_numbers *boundaries = (mmoe_numbers *)(uintptr_t)mmoe_encoder_numbers(cut);
    *boundaries = (mmoe_numbers){edges, 2};
    ck_assert_int_eq(cut->kind->start(cut, NULL), MMOE_OK);
    const mmoe_encoder *const encoders[] = {learned(values, 2), hash_encoder(100), cut,
                                            row_encoder(8, -1), row_encoder(8, 3)};
    const int64_t none = MMOE_MISSING_INT64;
    char shown[MMOE_SHOWN_SIZE];
    for (size_t i = 0; i < COUNT(encoders); i++) {
        const mmoe_encoder *e = encoders[i];
        mmoe_cell cell = {.id = -2}, value = {.id = -2};
        ck_assert_pstr_eq(e->kind->take(e, MMOE_VALUE_INT64, &none, &value),
                          e->kind->parse(e, "", 0, &cell));
        ck_assert_int_eq(value.id, cell.id);
        ck_assert_int_eq(value.state, MMOE_CELL_MISSING);
    }
    *boundaries = (mmoe_numbers){NULL, 0};
    ck_assert_str_eq(mmoe_value_show(MMOE_VALUE_INT64, &none, shown), "a missing value");
}
END_TEST

START_TEST(numbers) {
    static const struct {
        mmoe_transform transform;
        double shift, scale;
        const char *text;
        double value; /* NAN: the text alone */
        float input;
        const char *fault;
    } cases[] = {
        {MMOE_TRANSFORM_NONE, 0, 1, "0.1", 0.1, 0.1f, NULL},
        {MMOE_TRANSFORM_NONE, 0, 1, " 1e0 ", 1, 1, NULL},
        {MMOE_TRANSFORM_NONE, 0, 1, "7.0", 7, 7, NULL},
        {MMOE_TRANSFORM_MINMAX, 3, 0.25, "5", 5, 0.5f, NULL},
        {MMOE_TRANSFORM_STANDARDIZE, 1, 0, "1e300", 1e300, 0, NULL},
        {MMOE_TRANSFORM_LOG1P_STANDARDIZE, 0, 2, "0", 0, 0, NULL},
        {MMOE_TRANSFORM_LOG1P_STANDARDIZE, 0, 1, "-1", -1, 0, "is not above -1, as log1p needs"},
        {MMOE_TRANSFORM_NONE, 0, 1, "1e39", 1e39, 0,
         "is too large for single precision after the column's transform"},
        {MMOE_TRANSFORM_NONE, 0, 1, "inf", (double)INFINITY, 0, "is not finite"},
        {MMOE_TRANSFORM_NONE, 0, 1, "nan", NONE, 0, "is not finite"},
        {MMOE_TRANSFORM_NONE, 0, 1, "", NONE, 0, "is not a number"},
        {MMOE_TRANSFORM_NONE, 0, 1, "NA", NONE, 0, "is not a number"},
        {MMOE_TRANSFORM_NONE, 0, 1, "7 apples", NONE, 0, "is not a number"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        mmoe_encoder *e = number_encoder(cases[i].transform);
        mmoe_number_of(e)->shift = cases[i].shift;
        mmoe_number_of(e)->scale = cases[i].scale;
        float inputs[3];
        mmoe_cell cell[3] = {{.inputs = inputs}, {.inputs = inputs + 1}, {.inputs = inputs + 2}};
        const char *faults[3];
        int n = 2;
        faults[0] = e->kind->parse(e, cases[i].text, strlen(cases[i].text), &cell[0]);
        faults[1] = e->kind->take(e, MMOE_VALUE_TEXT, &cases[i].text, &cell[1]);
        if (!isnan(cases[i].value))
            faults[n++] = e->kind->take(e, MMOE_VALUE_DOUBLE, &cases[i].value, &cell[2]);
        while (n--) {
            ck_assert_pstr_eq(faults[n], cases[i].fault);
            if (!cases[i].fault) ck_assert(inputs[n] == cases[i].input);
        }
    }
    mmoe_cell cell = {.inputs = NULL};
    const int64_t seven = 7;
    const mmoe_encoder *e = number_encoder(MMOE_TRANSFORM_NONE);
    mmoe_number_of(new_encoder(&mmoe_column_number));
    ck_assert_ptr_null(e->kind->take(e, MMOE_VALUE_INT64, &seven, &cell));
}
END_TEST

/* ---- Fitting ---- */

/* Learns the values as a file's cells: in runs, through text. */
static mmoe_number_encoder *fit(mmoe_transform transform, const double *values, int64_t n,
                                const char **fault) {
    static char room[MMOE_FAULT_SIZE];
    mmoe_encoder *e = number_encoder(transform);
    ck_assert_int_eq(e->kind->start(e, NULL), MMOE_OK);
    for (int32_t pass = 0; pass < e->kind->passes; pass++)
        for (int64_t first = 0; first < n; first += 3)
            e->kind->measure(e, pass, values + first, 1, n - first < 3 ? n - first : 3);
    *fault = e->kind->settle(e, room);
    return mmoe_number_of(e);
}

static void fit_one(mmoe_transform transform, const double *values, int64_t n, double shift,
                    double scale) {
    const char *fault;
    const mmoe_number_encoder *c = fit(transform, values, n, &fault);
    ck_assert_ptr_null(fault);
    ck_assert_double_le(fabs(c->shift - shift), 1e-15 * fabs(shift));
    ck_assert_double_le(fabs(c->scale - scale), 1e-15 * fabs(scale));
}

START_TEST(transforms_are_fitted) {
    const double values[] = {2, 4, 4, 4, 5, 5, 7, 9}; /* mean 5, population standard deviation 2 */
    fit_one(MMOE_TRANSFORM_STANDARDIZE, values, 8, 5, 0.5);
    fit_one(MMOE_TRANSFORM_LOG1P_STANDARDIZE, values, 8, 5, 0.5); /* values come with f applied */
    fit_one(MMOE_TRANSFORM_MINMAX, values, 8, 2, 1.0 / 7);
    fit_one(MMOE_TRANSFORM_NONE, values, 8, 0, 1);
    const double constant[] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
    fit_one(MMOE_TRANSFORM_STANDARDIZE, constant, 10, 0.1, 0);
    fit_one(MMOE_TRANSFORM_MINMAX, constant, 10, 0.1, 0);
    fit_one(MMOE_TRANSFORM_STANDARDIZE, values, 1, 2, 0);
    /* far from zero, where the mean of squares less the square of the mean has no digit left */
    const double far[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}; /* mean 1e9 + 10, variance 22.5 */
    fit_one(MMOE_TRANSFORM_STANDARDIZE, far, 4, 1e9 + 10, 1 / sqrt(22.5));
}
END_TEST

/* 1e15 + 0.125 k, exact in double, whose plain sum rounds at every step. */
START_TEST(long_columns_are_fitted_soundly) {
    enum { N = 100001 };
    double *values = malloc(N * sizeof *values);
    for (int i = 0; i < N; i++) values[i] = 1e15 + 0.125 * (i * 37 % N % 8);
    double sum = 0, square = 0; /* of the small parts: exact */
    for (int i = 0; i < N; i++) {
        sum += values[i] - 1e15;
        square += (values[i] - 1e15) * (values[i] - 1e15);
    }
    double variance = square / N - sum / N * (sum / N);
    const char *fault;
    const mmoe_number_encoder *c = fit(MMOE_TRANSFORM_STANDARDIZE, values, N, &fault);
    ck_assert_ptr_null(fault);
    ck_assert_double_le(fabs(c->shift - (1e15 + sum / N)), 0.125);
    ck_assert_double_eq_tol(c->scale, 1 / sqrt(variance), 1e-9);
    free(values);
}
END_TEST

START_TEST(values_that_double_cannot_scale) {
    const double wide[] = {-1.5e308, 1.5e308}, close[] = {0, 5e-324};
    const mmoe_transform transforms[] = {MMOE_TRANSFORM_MINMAX, MMOE_TRANSFORM_STANDARDIZE};
    for (int i = 0; i < 2; i++) {
        const char *fault;
        fit(transforms[i], wide, 2, &fault);
        ck_assert_pstr_eq(fault,
                          "values from -1.5e+308 to 1.5e+308 cannot be scaled in double precision");
        fit(transforms[i], close, 2, &fault);
        ck_assert_ptr_nonnull(fault);
    }
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, every_kind_is_whole);
    tcase_add_test(c, rows);
    tcase_add_test(c, bins);
    tcase_add_test(c, vocabularies);
    tcase_add_test(c, hashes);
    tcase_add_test(c, missing_integers);
    tcase_add_test(c, numbers);
    tcase_add_test(c, transforms_are_fitted);
    tcase_add_test(c, long_columns_are_fitted_soundly);
    tcase_add_test(c, values_that_double_cannot_scale);
}
