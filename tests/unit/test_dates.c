/* Dates as features: the calendar, texts in every order, days from memory. */
#include "data/column_date.h"
#include "numbers_support.h"

#define X(rest) "{\"name\": \"x\"" rest "}"
#define YMD ", \"date\": \"ymd\""

static double days(mmoe_date_order order, const char *text) {
    double out = NAN;
    return mmoe_date_parse(order, text, strlen(text), &out) ? out : (double)NAN;
}

START_TEST(the_calendar) {
    const struct {
        const char *text;
        double days;
    } dates[] = {{"1970-01-01", 0},      {"1969-12-31", -1},      {"1970-03-01", 59},
                 {"1972-02-29", 789},    {"1972-03-01", 790},     {"2000-02-29", 11016},
                 {"2024-01-31", 19753},  {"0001-01-01", -719162}, {"9999-12-31", 2932896},
                 {"1900-03-01", -25508}, {"24/1/31", 19753}};
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        ck_assert_msg(days(MMOE_DATE_YMD, dates[i].text) == dates[i].days, "%s: %g", dates[i].text,
                      days(MMOE_DATE_YMD, dates[i].text));
    for (int year = 1; year < 9999; year += 37) { /* a year follows another */
        char first[16], last[16];
        snprintf(last, sizeof last, "%04d-12-31", year);
        snprintf(first, sizeof first, "%04d-01-01", year + 1);
        ck_assert(days(MMOE_DATE_YMD, last) + 1 == days(MMOE_DATE_YMD, first));
    }
}
END_TEST

START_TEST(texts) {
    const char *const same[] = {"2024-01-31",        " 2024/1/31 ", "2024.01.31 10:20:30",
                                "2024-01-31T10:20Z", "20240131",    "20240131T000000"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        ck_assert_msg(days(MMOE_DATE_YMD, same[i]) == 19753, "%s", same[i]);
    ck_assert(days(MMOE_DATE_DMY, "31.1.2024") == 19753);
    ck_assert(days(MMOE_DATE_DMY, "31-01-24 1:00") == 19753);
    ck_assert(days(MMOE_DATE_MDY, "1/31/2024") == 19753);
    ck_assert(days(MMOE_DATE_MDY, "1/31/69") == days(MMOE_DATE_YMD, "2069-01-31"));
    ck_assert(days(MMOE_DATE_MDY, "1/31/70") == 30);
    const char *const none[] = {"",           "2024",        "2024-01",    "2024-13-01",
                                "2023-02-29", "1900-02-29",  "2024-01-32", "2024-0-1",
                                "0000-01-01", "2024-01-31x", "x2024-1-1",  "202-1-1",
                                "2024-1-",    "2024--1-1",   "2024131",    "2024-01-311"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_msg(isnan(days(MMOE_DATE_YMD, none[i])), "%s", none[i]);
    ck_assert(isnan(days(MMOE_DATE_DMY, "1/31/2024")));
    ck_assert(isnan(days(MMOE_DATE_DMY, "31012024")));
}
END_TEST

/* A Monday and the Wednesday after it: their mean less and plus their deviation. */
START_TEST(a_date_is_ten_inputs) {
    numbers n = fit(X(YMD ", \"missing\": \"mean\", \"indicator\": true"),
                    "x,y\n2024-01-01,0\n2024-01-03 23:59,1\n");
    const double turn = 2 * acos(-1) / 365.2425;
    const float
        monday[] = {-1, 1, 0, 0, 0, 0, 0, 0, (float)sin(19723 * turn), (float)cos(19723 * turn), 0},
        sunday[] = {-2, 0, 0, 0, 0, 0, 0, 1, (float)sin(19722 * turn), (float)cos(19722 * turn), 0},
        tuesday[] = {0, 0, 1, 0, 0, 0, 0, 0, (float)sin(19724 * turn), (float)cos(19724 * turn), 1};
    const double values[] = {19723, (double)NAN};
    const int64_t integers[] = {19722, MMOE_MISSING_INT64};
    const char *const written[] = {"2023-12-31", "NA"};
    float wanted[22];
    memcpy(wanted, monday, sizeof monday);
    memcpy(wanted + 11, tuesday, sizeof tuesday); /* the mean */
    takes(&n, MMOE_VALUE_DOUBLE, values, 2, 22, wanted);
    memcpy(wanted, sunday, sizeof sunday);
    takes(&n, MMOE_VALUE_INT64, integers, 2, 22, wanted);
    takes(&n, MMOE_VALUE_TEXT, written, 2, 22, wanted);
    mmoe_dataset *set = read_rows(&n, "x\n2023-12-31\n\n");
    has_inputs(set, 22, wanted);
    mmoe_dataset_free(set);
    const char *const other = "31.1.2024";
    const double late = 1e9;
    take_refused(&n, MMOE_VALUE_TEXT, &other, 1,
                 "row 1: column \"x\": \"31.1.2024\" is no date of year, month, day");
    take_refused(&n, MMOE_VALUE_DOUBLE, &late, 1,
                 "row 1: column \"x\": 1000000000 is no number of days since 1970-01-01");
    free_numbers(&n);
}
END_TEST

START_TEST(bad_dates) {
    fit_refused(X(YMD), "x,y\n2024-01-01,0\n2024-02-30,1\n",
                "row 3: column \"x\": \"2024-02-30\" is no date of year, month, day");
    fit_refused(X(YMD), "x,y\n,0\n",
                "row 2: column \"x\": an empty value is no date of year, month, day");
    fit_refused(X(", \"date\": \"iso\""), "x,y\n",
                "features.dense[0].date: \"iso\" is not allowed here; allowed is a string: ymd | "
                "dmy | mdy");
    fit_refused(X(YMD ", \"transform\": \"minmax\""), "x,y\n",
                "features.dense[0].transform: \"date\" says already what becomes of a value; "
                "without it this key is allowed");
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_test(c, the_calendar);
    tcase_add_test(c, texts);
    tcase_add_test(c, a_date_is_ten_inputs);
    tcase_add_test(c, bad_dates);
}
