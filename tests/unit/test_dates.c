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
    const struct {
        mmoe_date_order order;
        const char *text;
        double days;
    } words[] = {{MMOE_DATE_MDY, "Jan 31, 2024", 19753},
                 {MMOE_DATE_MDY, "January 31 2024", 19753},
                 {MMOE_DATE_DMY, "31 jan 2024 13:45", 19753},
                 {MMOE_DATE_DMY, "31-JAN-24", 19753},
                 {MMOE_DATE_YMD, "2024-Jan-31", 19753},
                 {MMOE_DATE_DMY, "1 Sept. 2024", 19967},
                 {MMOE_DATE_MY, "Jan-2024", 19723},
                 {MMOE_DATE_MY, "01/2024", 19723},
                 {MMOE_DATE_MY, "Dec-18", 17866},
                 {MMOE_DATE_YM, "2024-01", 19723},
                 {MMOE_DATE_YM, "2024 Jan", 19723},
                 {MMOE_DATE_MDY, "Jun 1, 2024", 19875},
                 {MMOE_DATE_MDY, "Ja 1, 2024", NAN},
                 {MMOE_DATE_MDY, "Jam 1, 2024", NAN},
                 {MMOE_DATE_MDY, "Januaryy 1, 2024", NAN},
                 {MMOE_DATE_MY, "2024-01", NAN},
                 {MMOE_DATE_YM, "2024-01-31", NAN},
                 {MMOE_DATE_YM, "202401", NAN},
                 {MMOE_DATE_DMY, "31 1 2024", NAN},
                 {MMOE_DATE_MY, "Jan", NAN}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const double got = days(words[i].order, words[i].text);
        ck_assert_msg(got == words[i].days || (isnan(got) && isnan(words[i].days)), "%s: %g",
                      words[i].text, got);
    }
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

static double hours_of(mmoe_date_order order, const char *text) {
    double out = NAN;
    return mmoe_date_parse_hours(order, text, strlen(text), &out) ? 24 * out : (double)NAN;
}

START_TEST(times_of_day) {
    const struct {
        const char *text;
        double hours;
    } times[] = {{"1970-01-01", 0},
                 {"1970-01-01 13:45", 13.75},
                 {"1970-01-02T6", NAN},
                 {"1970-01-01T06:30:36", 6.51},
                 {"19700101T183000", 18.5},
                 {"1970-01-01 12:00 AM", 0},
                 {"1970-01-01 1:15:00pm", 13.25},
                 {"1970-01-01 12:30 PM", 12.5},
                 {"1970-01-01T23:00Z", 23},
                 {"1970-01-01 9:00:00.250+02:00", 9},
                 {"1970-01-01 24:00", NAN},
                 {"1970-01-01 9:60", NAN},
                 {"1970-01-01 13:00 PM", NAN},
                 {"1970-01-01 noon", NAN}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        const double got = hours_of(MMOE_DATE_YMD, times[i].text);
        ck_assert_msg(isnan(times[i].hours) ? isnan(got) : fabs(got - times[i].hours) < 1e-9,
                      "%s: %g", times[i].text, got);
    }
    ck_assert(fabs(hours_of(MMOE_DATE_MDY, "1/2/70 0:30") - 24.5) < 1e-9);
}
END_TEST

/* An hour is one of 24 inputs more, from every door; the days have their part. */
START_TEST(hours_are_inputs) {
    numbers n = fit(X(YMD ", \"hours\": true"), "x,y\n2024-01-01 06:00,0\n2024-01-02 18:00,1\n");
    float wanted[2 * 34] = {-1, 1}, *second = wanted + 34;
    const double turn = 2 * acos(-1) / 365.2425, values[] = {19723.25, 19724.75};
    const float singles[] = {19723.25f, 19724.75f};
    const char *const written[] = {"2024-01-01T06:00:00", "2024-01-02 6:00 PM"};
    wanted[8] = (float)sin(19723.25 * turn);
    wanted[9] = (float)cos(19723.25 * turn);
    wanted[10 + 6] = 1;
    second[0] = second[2] = second[10 + 18] = 1;
    second[8] = (float)sin(19724.75 * turn);
    second[9] = (float)cos(19724.75 * turn);
    has_inputs(n.set, 68, wanted);
    takes(&n, MMOE_VALUE_DOUBLE, values, 2, 68, wanted);
    takes(&n, MMOE_VALUE_FLOAT, singles, 2, 68, wanted);
    takes(&n, MMOE_VALUE_TEXT, written, 2, 68, wanted);
    const char *const other = "2024-01-01 noon";
    take_refused(&n, MMOE_VALUE_TEXT, &other, 1,
                 "row 1: column \"x\": \"2024-01-01 noon\" is no date of year, month, day, with a "
                 "time of day behind a blank or T");
    /* Every minute, as a float has it, and as it is. */
    for (int minute = 0; minute < 1440; minute++) {
        float inputs[34], near[34];
        mmoe_cell cell = {.inputs = inputs}, single = {.inputs = near};
        const mmoe_encoder *e = n.schema->dense[0].encoder;
        const double day = 19723 + minute / 1440.0;
        const float rounded = (float)day;
        ck_assert_ptr_null(e->kind->take(e, MMOE_VALUE_DOUBLE, &day, &cell));
        ck_assert_ptr_null(e->kind->take(e, MMOE_VALUE_FLOAT, &rounded, &single));
        ck_assert(inputs[10 + (minute * 60 + 90) / 3600 % 24] == 1);
        if (minute % 60 < 57) ck_assert(near[10 + minute / 60] == 1);
    }
    free_numbers(&n);
}
END_TEST

#define GAPS(more) ", \"missing\": \"mean\", \"indicator\": true, \"gaps\": [" more "]"

/* Dates among them are whole days, in any spelling; words are words. */
START_TEST(dates_have_gaps) {
    numbers n = fit(X(YMD GAPS("\"1900-01-01\", 0, \"unknown\"")),
                    "x,y\n2024-01-01,0\n1900-1-1,1\n0,0\n unknown,1\n2024-01-03,1\n"
                    "19000101 10:00,0\n"),
            same = fit(X(YMD ", \"missing\": \"mean\", \"indicator\": true"),
                       "x,y\n2024-01-01,0\n,1\n,0\n,1\n2024-01-03,1\n,0\n");
    has_inputs(n.set, 66, same.set->dense);
    ck_assert_ptr_null(mmoe_dataset_warning(n.set, 0)); /* what is named needs no word */
    const double values[] = {19723, -25567, (double)NAN};
    const int64_t integers[] = {19723, -25567, MMOE_MISSING_INT64};
    const char *const written[] = {"2024-01-01", "1900-01-01T23:59", "0"};
    takes(&n, MMOE_VALUE_DOUBLE, values, 3, 33, same.set->dense);
    takes(&n, MMOE_VALUE_INT64, integers, 3, 33, same.set->dense);
    takes(&n, MMOE_VALUE_TEXT, written, 3, 33, same.set->dense);
    const char *const other = "later";
    take_refused(&n, MMOE_VALUE_TEXT, &other, 1,
                 "row 1: column \"x\": \"later\" is no date of year, month, day");
    const double first = 0; /* a number is a day, and no text of it */
    float inputs[11];
    mmoe_cell cell = {.inputs = inputs};
    const mmoe_encoder *e = n.schema->dense[0].encoder;
    ck_assert_ptr_null(e->kind->take(e, MMOE_VALUE_DOUBLE, &first, &cell));
    free_numbers(&n);
    n = fit(X(YMD GAPS("\"*\"")),
            "x,y\n2024-01-01,0\nlater,1\n2024-02-30,1\n,1\n2024-01-03,1\n-,0\n");
    has_inputs(n.set, 66, same.set->dense);
    ck_assert_str_eq(
        mmoe_dataset_warning(n.set, 0)->message,
        "column \"x\": 3 of 6 values (50 %) are no dates, the first, \"later\", in row 3: "
        "they count as missing (\"gaps\")");
    free_numbers(&n);
    free_numbers(&same);
}
END_TEST

START_TEST(bad_dates) {
    fit_refused(X(YMD ", \"missing\": -25567, \"gaps\": [\"1900-01-01\"]"), "x,y\n2024-01-01,0\n",
                "column \"x\": missing: -25567 stands for a missing value (\"gaps\")");
    fit_refused(X(YMD ", \"gaps\": [0]"), "x,y\n",
                "features.dense[0].gaps: a missing value is an error; say in \"missing\" what it "
                "becomes");
    fit_refused(X(YMD), "x,y\n2024-01-01,0\n2024-02-30,1\n",
                "row 3: column \"x\": \"2024-02-30\" is no date of year, month, day");
    fit_refused(X(YMD), "x,y\n,0\n",
                "row 2: column \"x\": an empty value is no date of year, month, day");
    fit_refused(X(", \"date\": \"iso\""), "x,y\n",
                "features.dense[0].date: \"iso\" is not allowed here; allowed is a string: ymd | "
                "dmy | mdy | ym | my");
    fit_refused(X(", \"hours\": true"), "x,y\n",
                "features.dense[0].hours: true needs date beside it");
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
    tcase_add_test(c, times_of_day);
    tcase_add_test(c, hours_are_inputs);
    tcase_add_test(c, dates_have_gaps);
    tcase_add_test(c, bad_dates);
}
