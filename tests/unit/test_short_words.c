/* What files have in the place of rows' words, short or in lanes: nothing of these is lost. */
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "data/deal_lanes.h"
#include "data/short_words.h"
#include "data/stored.h"

/* Words that are short and then long again, with something else behind them meanwhile; returns
 * their form. */
static int there_and_back(void *words, size_t n) {
    uint32_t was[1000];
    memcpy(was, words, n * sizeof *was);
    const uint8_t form = mmoe_words_form(words, n);
    const size_t size = mmoe_words_size(form, n);
    mmoe_words_shorten(words, n, form);
    memset((char *)words + size, 0xa5, n * sizeof *was - size);
    mmoe_words_lengthen(words, n, form);
    ck_assert_mem_eq(words, was, n * sizeof *was);
    return form;
}

/* Short words are long again, whatever their width and however many there are. */
START_TEST(words_stay) {
    static const size_t counts[] = {1, 2, 255, 256, 257, 1000};
    static const struct {
        uint32_t step;
        int form;
    } of[] = {{0, MMOE_SAME_WORDS}, {1, 1}, {257, 2}, {65537, 4}, {1u << 24, 4}};
    uint32_t words[1000];
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
            const size_t n = counts[k];
            for (size_t w = 0; w < n; w++) words[w] = 7 + (uint32_t)(w % 200) * of[i].step;
            const int form = there_and_back(words, n);
            ck_assert_int_eq(form, n > 1 ? of[i].form : MMOE_SAME_WORDS);
            ck_assert_uint_eq(mmoe_words_size((uint8_t)form, n), form ? (size_t)form * n : 4);
        }
    for (uint32_t w = 254; w < 258; w++) {
        const uint32_t pair[] = {0, w};
        ck_assert_int_eq(mmoe_words_form(pair, 2), w < 256 ? 1 : 2);
    }
    for (uint32_t w = 65534; w < 65538; w++) {
        const uint32_t pair[] = {w, 0};
        ck_assert_int_eq(mmoe_words_form(pair, 2), w < 65536 ? 2 : 4);
    }
}
END_TEST

/* Numbers of few decimals are counts; what is not one of them to the bit keeps all as they are. */
START_TEST(decimals_stay) {
    static const struct {
        double power;
        int most, form; /* counts up to this one */
    } of[] = {
        {1, 2, 16 + 1},        {1, 65535, 16 + 2},        {1, 65536, 4},   {10, 255, 32 + 1},
        {100, 256, 48 + 2},    {1e4, 9999, 80 + 2},       {1e4, 65536, 4}, {1e6, 255, 112 + 1},
        {1e6, 65535, 112 + 2}, {1e7, 9, MMOE_WHOLE_WORDS}};
    static const float others[] = {NAN, -0.0F, -1, INFINITY, 1e-30F, 1.0F / 3, 65536, 0.50000006F};
    float numbers[1000];
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        for (int w = 0; w < 1000; w++)
            numbers[w] = (float)((of[i].most - (w < of[i].most ? w : 0)) / of[i].power);
        ck_assert_int_eq(there_and_back(numbers, 1000), of[i].form);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        for (int at = 0; at < 1000; at += 333) {
            for (int w = 0; w < 1000; w++) numbers[w] = (float)(w / 100.);
            numbers[at] = others[i];
            ck_assert_int_eq(there_and_back(numbers, 1000), MMOE_WHOLE_WORDS);
        }
    /* Each decimal more is met later. */
    static const float later[] = {3, 2.5F, 0.375F, 0.375F};
    for (int w = 0; w < 1000; w++) numbers[w] = later[w / 300];
    ck_assert_int_eq(there_and_back(numbers, 1000), MMOE_DECIMALS * 4 + 2);
    numbers[0] = 66; /* too large a count of thousandths */
    ck_assert_int_eq(there_and_back(numbers, 1000), MMOE_WHOLE_WORDS);
}
END_TEST

/* Offsets as lengths, from any first one on. */
START_TEST(offsets_stay) {
    static const int64_t firsts[] = {0, 5, INT64_C(1) << 40};
    static const int64_t steps[] = {0, 1, 300, 70000};
    static const size_t sizes[] = {8 + 4, 8 + 1000, 8 + 2000, 8 + 4000};
    int64_t offsets[1001], was[1001];
    for (size_t i = 0; i < 12; i++) {
        offsets[0] = firsts[i / 4];
        for (int w = 0; w < 1000; w++) offsets[w + 1] = offsets[w] + w % 3 * steps[i % 4];
        memcpy(was, offsets, sizeof was);
        const uint8_t form = mmoe_offsets_shorten(offsets, 1000);
        const size_t size = mmoe_offsets_size(form, 1000);
        ck_assert_uint_eq(size, sizes[i % 4]);
        memset((char *)offsets + size, 0xa5, sizeof offsets - size);
        mmoe_offsets_lengthen(offsets, 1000, form);
        ck_assert_mem_eq(offsets, was, sizeof was);
    }
}
END_TEST

/* A column of rows that have more goes where mmoe_lane_place says, and back; others' words stay. */
START_TEST(words_go_to_lanes_and_back) {
    enum { ROWS = MMOE_BLOCK_ROWS, WIDTH = 3 };
    static uint32_t rows[ROWS * WIDTH], back[ROWS * WIDTH], lanes[2][ROWS];
    for (uint32_t i = 0; i < ROWS * WIDTH; i++) rows[i] = i + 7;
    for (int c = 0; c < 2; c++) mmoe_words_to_lanes(rows + 2 * c, WIDTH, lanes[c]);
    for (int32_t r = 0; r < ROWS; r++)
        for (int c = 0; c < 2; c++)
            ck_assert_uint_eq(lanes[c][mmoe_lane_place(r, ROWS)], rows[r * WIDTH + 2 * c]);
    const mmoe_lane_words words[] = {{lanes[0], back, WIDTH}, {lanes[1], back + 2, WIDTH}};
    mmoe_words_to_rows(words, 2);
    for (int32_t r = 0; r < ROWS; r++) rows[r * WIDTH + 1] = 0;
    ck_assert_mem_eq(back, rows, sizeof rows);
}
END_TEST

/* Words behind those that are copied are written within the room alone. */
START_TEST(few_words_are_copied) {
    for (int64_t n = 0; n < 40; n++)
        for (int64_t room = n; room < n + 20; room++) {
            uint32_t from[64], to[64] = {0};
            for (uint32_t i = 0; i < 64; i++) from[i] = i + 1;
            mmoe_copy_few(to, from, n, room);
            ck_assert_mem_eq(to, from, (size_t)n * sizeof *to);
            for (int64_t i = room; i < 64; i++) ck_assert_uint_eq(to[i], 0);
        }
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, words_stay);
    tcase_add_test(c, decimals_stay);
    tcase_add_test(c, offsets_stay);
    tcase_add_test(c, words_go_to_lanes_and_back);
    tcase_add_test(c, few_words_are_copied);
}
