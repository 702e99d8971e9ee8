/* Records in order: those of one run, and of many that are merged. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/rng.h"
#include "base/sorter.h"
#include "check_main.h"
#include "failing.h"
#include "succeeds.h"

enum { MOST = 7000 };

static mmoe_allocator plain;
static uint32_t records[MOST * MMOE_SORTER_WORDS];

/* Keys of few values, or of all bits; the last word is the record's number. */
static void draw(int words, size_t n, uint32_t values) {
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < words - 1; k++) {
            const uint64_t at = i * MMOE_SORTER_WORDS + (uint64_t)k;
            records[i * (size_t)words + (size_t)k] =
                values ? (uint32_t)mmoe_random_below(1, 2, at, values)
                       : (uint32_t)mmoe_random_bits(1, 3, at);
        }
        records[i * (size_t)words + (size_t)words - 1] = (uint32_t)i;
    }
}

static int keys; /* of by_keys */

static int by_keys(const void *a, const void *b) {
    const uint32_t *x = a, *y = b;
    for (int k = 0; k <= keys; k++) /* equal ones by their number */
        if (x[k] != y[k]) return x[k] < y[k] ? -1 : 1;
    return 0;
}

static void check_order(mmoe_sorter *s, int words, size_t n) {
    static uint32_t wanted[MOST * MMOE_SORTER_WORDS];
    const size_t size = (size_t)words * sizeof *wanted;
    const uint32_t *got;
    size_t more, seen = 0;
    memcpy(wanted, records, n * size);
    keys = words - 1;
    qsort(wanted, n, size, by_keys);
    SUCCEEDS(mmoe_sorter_begin(s, &err));
    for (;;) {
        SUCCEEDS(mmoe_sorter_next(s, &got, &more, &err));
        if (!more) break;
        ck_assert_uint_le(seen + more, n);
        ck_assert_mem_eq(got, wanted + seen * (size_t)words, more * size);
        seen += more;
    }
    ck_assert_uint_eq(seen, n);
}

START_TEST(records_come_in_order) {
    static const size_t counts[] = {0, 1, 24, 25, 500, MOST}, runs[] = {MOST, 500, 97};
    static const uint32_t values[] = {0, 1, 5, 3000};
    for (int words = 2; words <= MMOE_SORTER_WORDS; words++)
        for (size_t r = 0; r < sizeof runs / sizeof *runs; r++) {
            mmoe_sorter *s;
            SUCCEEDS(mmoe_sorter_create(words, runs[r], &plain, &s, &err));
            for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
                const size_t n = counts[i], some = n / 3;
                draw(words, n, values[i % 4]);
                mmoe_sorter_clear(s);
                SUCCEEDS(mmoe_sorter_add(s, records, some, &err));
                SUCCEEDS(mmoe_sorter_add(s, records + some * (size_t)words, n - some, &err));
                check_order(s, words, n);
            }
            mmoe_sorter_free(s);
        }
}
END_TEST

START_TEST(too_many_runs_are_refused) {
    mmoe_error why;
    mmoe_sorter *s;
    draw(2, 17, 0);
    SUCCEEDS(mmoe_sorter_create(2, 4, &plain, &s, &err));
    SUCCEEDS(mmoe_sorter_add(s, records, 16, &err));
    check_order(s, 2, 16);
    mmoe_sorter_clear(s);
    SUCCEEDS(mmoe_sorter_add(s, records, 17, &err));
    ck_assert_int_eq(mmoe_sorter_begin(s, &why), MMOE_E_MEMORY);
    ck_assert_ptr_nonnull(strstr(why.message, "5 sorted runs"));
    mmoe_sorter_free(s);
}
END_TEST

/* A disk that is full, and a folder that is not there. */
START_TEST(a_file_that_cannot_be_written_is_an_error) {
    const struct rlimit small = {.rlim_cur = 4096, .rlim_max = 4096};
    mmoe_error why;
    mmoe_sorter *s;
    draw(4, MOST, 0);
    SUCCEEDS(mmoe_sorter_create(4, 100, &plain, &s, &err));
    setenv("TMPDIR", "/nowhere", 1);
    ck_assert_int_eq(mmoe_sorter_add(s, records, 101, &why), MMOE_E_IO);
    ck_assert_ptr_nonnull(strstr(why.message, "/nowhere: cannot write a temporary file here"));
    unsetenv("TMPDIR");
    mmoe_sorter_clear(s);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(mmoe_sorter_add(s, records, MOST, &why), MMOE_E_IO);
    ck_assert_ptr_nonnull(strstr(why.message, "/tmp: cannot write a temporary file here"));
    mmoe_sorter_free(s);
}
END_TEST

static mmoe_status sort_some(const mmoe_allocator *a, mmoe_error *why) {
    mmoe_sorter *s = NULL;
    mmoe_status status = mmoe_sorter_create(3, 50, a, &s, why);
    if (!status) status = mmoe_sorter_add(s, records, 120, why);
    if (!status) status = mmoe_sorter_begin(s, why);
    mmoe_sorter_free(s);
    return status;
}

START_TEST(memory_may_be_out) {
    failing f = {0};
    const mmoe_allocator alloc = failing_allocator(&f);
    while (failing_next(&f)) {
        mmoe_error why = {0};
        failing_check(&f, sort_some(&alloc, &why), &why);
    }
}
END_TEST

void add_cases(TCase *c) {
    plain = mmoe_allocator_or_default(NULL);
    tcase_add_test(c, records_come_in_order);
    tcase_add_test(c, too_many_runs_are_refused);
    tcase_add_test(c, a_file_that_cannot_be_written_is_an_error);
    tcase_add_test(c, memory_may_be_out);
}
