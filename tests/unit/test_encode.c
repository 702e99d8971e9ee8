/* Many values at once are what each is alone. */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "columns_support.h"
#include "data/encode.h"

/* More than are asked for at once; their vocabulary is larger than a cache's nearest part. */
enum { VALUES = 2 * MMOE_MOST_ASKED + 9, LEARNED = 9200, TEXT = 24 };

static void value_text(char out[TEXT], int64_t i, bool texts) {
    snprintf(out, TEXT, "%s%lld", texts ? "item " : "", (long long)(i * 7919 % 100003));
}

static mmoe_encoder *learned_encoder(bool texts) {
    char text[TEXT], fault[MMOE_FAULT_SIZE];
    mmoe_error err;
    mmoe_cell cell;
    mmoe_encoder *e = new_encoder(&mmoe_column_vocabulary);
    ck_assert(!e->kind->start(e, &err));
    for (int64_t i = 0; i < LEARNED; i++) {
        value_text(text, i, texts);
        ck_assert_ptr_null(e->kind->learn(e, text, strlen(text), &cell));
        ck_assert_int_eq(cell.id, i + 1);
    }
    ck_assert_ptr_null(e->kind->settle(e, fault));
    return e;
}

/* Every seventh is unknown, some stand in blanks, and one is missing. */
static void check_values(const mmoe_encoder *e, mmoe_value_type type, bool texts) {
    char bytes[VALUES][TEXT + 2];
    const char *pointers[VALUES];
    int64_t integers[VALUES];
    int32_t ids[2 * VALUES];
    for (int64_t i = 0; i < VALUES; i++) {
        const int64_t value = i * 67 + (i % 7 ? 0 : LEARNED);
        bytes[i][0] = ' ';
        value_text(bytes[i] + 1, value, texts);
        pointers[i] = i % 5 ? bytes[i] + 1 : bytes[i];
        integers[i] = value * 7919 % 100003;
    }
    pointers[3] = NULL;
    const mmoe_reading reading = {.quotes = MMOE_QUOTES_STRICT};
    const mmoe_column column = {
        type, type == MMOE_VALUE_TEXT ? (const void *)pointers : (const void *)integers, 0};
    const mmoe_values all = {
        .encoder = e, .name = "x", .column = &column, .rows = VALUES, .reading = &reading};
    ck_assert(!mmoe_encode_ids(&all, ids, 2, NULL));
    for (int64_t i = 0; i < VALUES; i++) {
        const bool missing = type == MMOE_VALUE_TEXT && i == 3;
        ck_assert_int_eq(ids[2 * i], i % 7 && !missing ? i * 67 + 1 : 0);
    }
}

START_TEST(many_values_are_found) {
    const bool texts = _i;
    const mmoe_encoder *e = learned_encoder(texts);
    check_values(e, MMOE_VALUE_TEXT, texts);
    if (!texts) check_values(e, MMOE_VALUE_INT64, texts);
}
END_TEST

void add_cases(TCase *c) { tcase_add_loop_test(c, many_values_are_found, 0, 2); }
