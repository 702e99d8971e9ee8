/* Kinds that hash, cut or count values: what they find, and what they learn. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text_hash.h"
#include "column_forms_support.h"
#include "check_main.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static mmoe_encoder *ready(const mmoe_column_kind *kind, const char *key, int64_t value) {
    mmoe_encoder *e = new_encoder(kind);
    set_key(e, key, value);
    ck_assert_int_eq(e->kind->start(e, NULL), MMOE_OK);
    return e;
}

/* ---- Hashes ---- */

/* The first two are xxHash's own. */
static const struct {
    const char *text;
    uint64_t seed, hash;
    int64_t buckets;
    int32_t row;
} vectors[] = {
    {"", 0, 0xef46db3751d8e999, 0, 0},
    {"a", 0, 0xd24ec4f1a98c6e5b, 1000, 956},
    {"7", 0, 0x184a52b6a00d7ab7, 1000, 456},
    {"-3", 0, 0x8078cce983299add, 1000, 718},
    {"007", 0, 0xb19e5c56f2bcf864, 1000, 797},
    {"red", 0, 0xd1d784bb12e4656a, 1000, 507},
    {"Z\303\274rich", 0, 0x85f1debcbb1a8279, 1000, 234},
    {"user_12345678901234567890123456789012345", 0, 0x7c037a9b8bc4ae | 0xbULL << 56, 1000, 415},
    {"7", 2022, 0x9a60592764ea9d06, 1000, 951},
    {"red", 2022, 0x86e5d518f341736b, 8, 4},
};

START_TEST(hashes_are_the_published_function) {
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const char *text = vectors[i].text;
        ck_assert_msg(mmoe_text_hash(text, strlen(text), vectors[i].seed) == vectors[i].hash, "%s",
                      text);
        if (!vectors[i].buckets) continue;
        mmoe_encoder *e = new_encoder(&mmoe_column_hash);
        set_key(e, "hash_bucket_size", vectors[i].buckets);
        set_key(e, "hash_seed", (int64_t)vectors[i].seed);
        ck_assert_int_eq(e->kind->start(e, NULL), MMOE_OK);
        ck_assert_int_eq(e->rows, vectors[i].buckets + 1);
        check_form(e, &(form){text, NONE, vectors[i].row, NULL});
    }
}
END_TEST

/* The page's table says what the library does. */
START_TEST(the_page_has_such_hashes) {
    FILE *page = fopen(PAGE, "r");
    char line[400], text[80];
    unsigned long long seed, hash;
    int row, n = 0;
    ck_assert_ptr_nonnull(page);
    while (fgets(line, sizeof line, page)) {
        if (sscanf(line, " | `%79[^`]`%*[^|]| %llu | %llx | %d |", text, &seed, &hash, &row) != 4)
            continue;
        n++;
        ck_assert_msg(mmoe_text_hash(text, strlen(text), seed) == hash, "%s", line);
        mmoe_encoder *e = new_encoder(&mmoe_column_hash);
        set_key(e, "hash_bucket_size", 1000);
        set_key(e, "hash_seed", (int64_t)seed);
        check_form(e, &(form){text, NONE, row, NULL});
    }
    fclose(page);
    ck_assert_int_eq(n, 7);
}
END_TEST

/* The forms of an integer are one value; what is no integer is its text. */
START_TEST(hashed_values) {
    const form forms[] = {{"7", 7, 456, NULL},        {"7.0", 7, 456, NULL},
                          {" 7", 7, 456, NULL},       {"7.00\t", 7, 456, NULL},
                          {"-3", -3, 718, NULL},      {"007", NONE, 797, NULL},
                          {" red ", NONE, 507, NULL}, {"0.5", 0.5, 132, NULL},
                          {"", NONE, 0, NULL},        {"  ", NONE, 0, NULL}};
    mmoe_encoder *e = ready(&mmoe_column_hash, "hash_bucket_size", 1000);
    for (size_t i = 0; i < COUNT(forms); i++) check_form(e, &forms[i]);
    mmoe_cell cell = {.state = MMOE_CELL_KNOWN};
    const double missing = (double)NAN, large = 1e20;
    const int64_t wide = 9007199254740993;
    const char *none = NULL;
    ck_assert_ptr_null(e->kind->take(e, MMOE_VALUE_INT64, &wide, &cell));
    ck_assert_int_eq(cell.id, 803);
    ck_assert_int_eq(cell.state, MMOE_CELL_KNOWN);
    check_form(e, &(form){"9007199254740993.0", NONE, 803, NULL});
    ck_assert_ptr_null(e->kind->take(e, MMOE_VALUE_DOUBLE, &large, &cell));
    const int32_t of_large = cell.id;
    check_form(e, &(form){"1e+20", NONE, of_large, NULL});
    ck_assert_ptr_null(e->kind->take(e, MMOE_VALUE_DOUBLE, &missing, &cell));
    ck_assert(cell.id == 0 && cell.state == MMOE_CELL_MISSING);
    cell = (mmoe_cell){.id = 5, .state = MMOE_CELL_KNOWN};
    ck_assert_ptr_null(e->kind->take(e, MMOE_VALUE_TEXT, &none, &cell));
    ck_assert(cell.id == 0 && cell.state == MMOE_CELL_MISSING);
}
END_TEST

/* One bucket, and as many as there may be. */
START_TEST(buckets_have_bounds) {
    mmoe_encoder *one = ready(&mmoe_column_hash, "hash_bucket_size", 1),
                 *most = ready(&mmoe_column_hash, "hash_bucket_size", 2147483646);
    ck_assert_int_eq(one->rows, 2);
    ck_assert_int_eq(most->rows, INT32_MAX);
    mmoe_cell cell;
    char text[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "value %d", i);
        ck_assert_ptr_null(one->kind->parse(one, text, strlen(text), &cell));
        ck_assert_int_eq(cell.id, 1);
        ck_assert_ptr_null(most->kind->parse(most, text, strlen(text), &cell));
        ck_assert(cell.id >= 1 && cell.id < most->rows);
    }
}
END_TEST

/* ---- Quantiles ---- */

/* Learns texts; the ids that learn gave. */
static void learn(mmoe_encoder *e, const char *const *texts, size_t n, int32_t *ids) {
    for (size_t i = 0; i < n; i++) {
        mmoe_cell cell = {.state = MMOE_CELL_KNOWN};
        const char *fault = e->kind->learn(e, texts[i], strlen(texts[i]), &cell);
        ck_assert_msg(!fault, "%s: %s", texts[i], fault);
        ids[i] = cell.id;
    }
}

/* What learn gave has become what parse finds. */
static void becomes_what_is_found(const mmoe_encoder *e, const char *const *texts, size_t n,
                                  const int32_t *ids) {
    const int32_t *become = e->kind->become(e);
    ck_assert_ptr_nonnull(become);
    for (size_t i = 0; i < n; i++) {
        mmoe_cell cell;
        ck_assert_ptr_null(e->kind->parse(e, texts[i], strlen(texts[i]), &cell));
        ck_assert_msg(become[ids[i]] == cell.id, "%s: %d, not %d", texts[i], become[ids[i]],
                      cell.id);
    }
}

static const mmoe_numbers *boundaries_of(const mmoe_encoder *e) {
    ck_assert_str_eq(mmoe_key_name(e->kind->fitted), "boundaries");
    return (const mmoe_numbers *)(const void *)((const char *)e + e->kind->fitted->offset);
}

START_TEST(quantiles_are_even) {
    static const struct {
        const char *texts[12];
        int64_t bins;
        double boundaries[8];
        const char *remark;
    } cases[] = {
        {{"8", "1", "2", "3", "4", "5", "6", "7"}, 4, {3, 5, 7}, NULL},
        {{"8", "1", "2", "3", "4", "5", "6", "7"}, 2, {5}, NULL},
        {{"1", "2", "3"}, 2, {2}, NULL}, /* two cuts are as near: the lower one */
        {{"1", "2", "3"}, 10, {2, 3}, "10 quantiles have 2 different boundaries, not 9: 3 bins"},
        {{"0", "0", "0", "0", "0", "0", "0", "5", "9"},
         3,
         {5},
         "3 quantiles have 1 different boundaries, not 2: 2 bins"},
        {{"0", "5", "5", "5", "5", "5", "5", "5", "5"},
         3,
         {5},
         "3 quantiles have 1 different boundaries, not 2: 2 bins"},
        {{"1", "2", "2", "2", "2", "2", "3", "4", "5", "6"}, 4, {2, 3, 4}, NULL},
        {{"-1.5", "", "1e300", "0", "-0.0", "", "0.25"}, 3, {0, 0.25}, NULL},
        {{"7.0", "7", " 7 ", "8"}, 2, {8}, NULL},
    };
    for (size_t c = 0; c < COUNT(cases); c++) {
        mmoe_encoder *e = ready(&mmoe_column_quantiles, "quantiles", cases[c].bins);
        int32_t ids[12];
        size_t n = 0, wanted = 0;
        while (n < 12 && cases[c].texts[n]) n++;
        while (wanted < 8 && (cases[c].boundaries[wanted] != 0 || (c == 7 && wanted == 0)))
            wanted++;
        char room[MMOE_FAULT_SIZE];
        int64_t figure;
        learn(e, cases[c].texts, n, ids);
        const char *fault = e->kind->settle(e, room);
        ck_assert_msg(!fault, "case %zu: %s", c, fault);
        const mmoe_numbers *b = boundaries_of(e);
        ck_assert_msg(b->count == wanted, "case %zu: %zu, not %zu", c, b->count, wanted);
        for (size_t i = 0; i < wanted; i++)
            ck_assert_msg(b->items[i] == cases[c].boundaries[i], "case %zu: %g, not %g", c,
                          b->items[i], cases[c].boundaries[i]);
        ck_assert_int_eq(e->rows, (int64_t)wanted + 2);
        becomes_what_is_found(e, cases[c].texts, n, ids);
        ck_assert_pstr_eq(e->kind->remark(e, room, &figure), cases[c].remark);
        mmoe_encoder_forget(e);
        ck_assert_ptr_null(e->learning);
    }
}
END_TEST

/* Whatever the values: every bin has rows, and as many as its neighbours where no value has many.
 */
START_TEST(no_bin_is_empty) {
    enum { N = 5000 };
    static char texts[N][24];
    static const char *at[N];
    static int32_t ids[N];
    for (int bins = 2; bins <= 300; bins += 149)
        for (int spread = 10; spread <= 1000000; spread *= 10) {
            mmoe_encoder *e = ready(&mmoe_column_quantiles, "quantiles", bins);
            char room[MMOE_FAULT_SIZE];
            uint64_t x = 88172645463325252u + (uint64_t)spread;
            int64_t in_bin[302] = {0};
            for (int i = 0; i < N; i++) {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                const double u = (double)(x >> 11) * 0x1p-53;
                snprintf(texts[i], sizeof texts[i], "%d", (int)(u * u * u * spread));
                at[i] = texts[i];
            }
            learn(e, at, N, ids);
            ck_assert_ptr_null(e->kind->settle(e, room));
            becomes_what_is_found(e, at, N, ids);
            for (int i = 0; i < N; i++) in_bin[e->kind->become(e)[ids[i]]]++;
            const int64_t used = e->rows - 1;
            ck_assert_int_le(used, bins);
            for (int64_t b = 1; b <= used; b++) ck_assert_int_gt(in_bin[b], 0);
            ck_assert_int_eq(in_bin[0], 0);
            if (spread == 1000000 && bins == 2) ck_assert_int_le(llabs(in_bin[1] - N / 2), N / 50);
        }
}
END_TEST

START_TEST(quantiles_that_there_are_not) {
    static const struct {
        const char *texts[3], *fault;
    } cases[] = {{{"3.50", "3.5", ""}, "all its values are 3.5, so there are no quantiles"},
                 {{"0", "-0.0", "0"}, "all its values are 0, so there are no quantiles"},
                 {{"", "", ""}, "it has no value, so there are no quantiles"}};
    for (size_t c = 0; c < COUNT(cases); c++) {
        mmoe_encoder *e = ready(&mmoe_column_quantiles, "quantiles", 4);
        char room[MMOE_FAULT_SIZE];
        int32_t ids[3];
        learn(e, cases[c].texts, 3, ids);
        ck_assert_pstr_eq(e->kind->settle(e, room), cases[c].fault);
    }
    mmoe_encoder *e = ready(&mmoe_column_quantiles, "quantiles", 4);
    mmoe_cell cell;
    ck_assert_str_eq(e->kind->learn(e, "inf", 3, &cell), "is not finite");
    ck_assert_str_eq(e->kind->learn(e, "nan", 3, &cell), "is not a number");
    ck_assert_str_eq(e->kind->learn(e, "old", 3, &cell), "is not a number");
}
END_TEST

/* ---- Vocabularies of frequent values ---- */

static mmoe_encoder *frequent(int64_t min_count, int64_t max_vocab) {
    mmoe_encoder *e = new_encoder(&mmoe_column_vocabulary);
    if (min_count) set_key(e, "min_count", min_count);
    if (max_vocab) set_key(e, "max_vocab", max_vocab);
    ck_assert_int_eq(e->kind->start(e, NULL), MMOE_OK);
    return e;
}

START_TEST(rare_values_are_left_out) {
    static const char *const words[] = {"b", "a", "c", "a", "", "d", "b", "e", "a", "e", "b"};
    static const char *const ints[] = {"20",  "10", "30", "10.0", "",  "40",
                                       " 20", "50", "10", "50",   "20"};
    static const char *const keys[2][5] = {{"20", "10", "30", "40", "50"},
                                           {"b", "a", "c", "d", "e"}};
    static const struct {
        int64_t min_count, max_vocab;
        const char *kept; /* of "bacde" in the order of their rows */
        const char *remark;
    } cases[] = {
        {0, 0, "bacde", NULL},
        {1, 0, "bacde", NULL},
        {2, 0, "bae", "3 of 5 values have own rows; the others, 20 % of the cells, take row 0"},
        {3, 0, "ba", "2 of 5 values have own rows; the others, 40 % of the cells, take row 0"},
        {0, 1, "b", "1 of 5 values have own rows; the others, 70 % of the cells, take row 0"},
        {0, 4, "bace", "4 of 5 values have own rows; the others, 10 % of the cells, take row 0"},
        {0, 5, "bacde", NULL},
        {2, 9, "bae", "3 of 5 values have own rows; the others, 20 % of the cells, take row 0"},
        {3, 1, "b", "1 of 5 values have own rows; the others, 70 % of the cells, take row 0"}};
    for (size_t c = 0; c < 2 * COUNT(cases); c++) {
        const char *const *texts = c % 2 ? words : ints, *kept = cases[c / 2].kept;
        mmoe_encoder *e = frequent(cases[c / 2].min_count, cases[c / 2].max_vocab);
        int32_t ids[COUNT(words)];
        char room[MMOE_FAULT_SIZE];
        int64_t figure;
        learn(e, texts, COUNT(words), ids);
        ck_assert_ptr_null(e->kind->settle(e, room));
        ck_assert_int_eq(e->rows, (int64_t)strlen(kept) + 1);
        ck_assert_int_eq(mmoe_vocab_is_int(mmoe_encoder_vocab(e)), c % 2 == 0);
        for (int k = 0; k < 5; k++) {
            mmoe_cell cell = {.state = MMOE_CELL_KNOWN};
            const char *at = strchr(kept, "bacde"[k]), *key = keys[c % 2][k];
            ck_assert_ptr_null(e->kind->parse(e, key, strlen(key), &cell));
            ck_assert_msg(cell.id == (at ? at - kept + 1 : 0), "%zu: %s: %d", c, key, cell.id);
            ck_assert_int_eq(cell.state, at ? MMOE_CELL_KNOWN : MMOE_CELL_UNKNOWN);
        }
        if (cases[c / 2].min_count > 1 || cases[c / 2].max_vocab)
            becomes_what_is_found(e, texts, COUNT(words), ids);
        else
            ck_assert_ptr_null(e->kind->become(e));
        ck_assert_pstr_eq(e->kind->remark(e, room, &figure), cases[c / 2].remark);
        ck_assert(!cases[c / 2].remark || figure == 5 - (int64_t)strlen(kept));
        mmoe_encoder_forget(e);
    }
    mmoe_encoder *e = frequent(4, 0);
    int32_t ids[COUNT(words)];
    char room[MMOE_FAULT_SIZE];
    learn(e, words, COUNT(words), ids);
    ck_assert_str_eq(e->kind->settle(e, room),
                     "none of its 5 values stands there min_count times, 4");
    e = frequent(4, 0);
    learn(e, (const char *const[]){"", ""}, 2, ids);
    ck_assert_ptr_null(e->kind->settle(e, room));
    ck_assert_int_eq(e->rows, 1);
}
END_TEST

/* ---- More values than there may be ---- */

static mmoe_encoder *bounded(int64_t most) {
    mmoe_encoder *e = new_encoder(&mmoe_column_vocabulary);
    if (most) set_key(e, "max_distinct", most);
    ck_assert_int_eq(e->kind->start(e, NULL), MMOE_OK);
    return e;
}

START_TEST(values_have_a_bound) {
    static const char *const first[] = {"7", "9", "7", ""}, *const more[] = {"9", "8", "5"};
    int32_t ids[4];
    mmoe_merged merged = {NULL};
    mmoe_encoder *e = bounded(3), *from = bounded(3);
    mmoe_cell cell = {.state = MMOE_CELL_KNOWN};
    learn(e, first, 4, ids);
    learn(from, more, 3, ids);
    const char *fault = e->kind->merge(e, from, &merged);
    ck_assert_ptr_nonnull(fault);
    ck_assert_msg(
        strncmp(fault, "it has more than 3 different values, whose vocabulary takes ", 60) == 0 &&
            strstr(fault, "hash_bucket_size"),
        "%s", fault);
    free(merged.ids);
    fault = e->kind->learn(e, "x", 1, &cell);
    ck_assert_msg(fault && strncmp(fault, "is one more than 3 different", 28) == 0, "%s", fault);
    ck_assert_ptr_null(e->kind->learn(e, "8", 1, &cell)); /* is known */
    ck_assert_int_eq(cell.id, 3);
}
END_TEST

/* Without a key the bound is met behind a million values, and is the memory's. */
START_TEST(the_usual_bound_is_above_a_million) {
    mmoe_encoder *e = bounded(0);
    char text[16];
    for (int i = 0; i <= (1 << 20) + 5; i++) {
        mmoe_cell cell = {.state = MMOE_CELL_KNOWN};
        const int length = snprintf(text, sizeof text, "%d", i);
        const char *fault = e->kind->learn(e, text, (size_t)length, &cell);
        ck_assert_msg(!fault, "%s", fault);
        ck_assert_int_eq(cell.id, i + 1);
    }
}
END_TEST

/* Known values come in any spelling, as those find them who read by the vocabulary; a new text
 * makes texts of all. */
START_TEST(known_values_grow_no_second_row) {
    static const char *const first[] = {"7", "9"}, *const more[] = {"007", "+9", "8",   "08", "7.0",
                                                                    "x",   "9",  "007", ""};
    static const int32_t wanted[] = {1, 2, 3, 3, 1, 4, 2, 5, 0};
    for (int64_t least = 1; least <= 2; least++) {
        mmoe_encoder *e = frequent(1, 0);
        int32_t ids[COUNT(more)];
        char room[MMOE_FAULT_SIZE];
        learn(e, first, 2, ids);
        ck_assert_ptr_null(e->kind->settle(e, room));
        mmoe_encoder_forget(e);
        set_key(e, "min_count", least);
        ck_assert_int_eq(e->kind->grow(e, NULL), MMOE_OK);
        learn(e, more, COUNT(more), ids);
        for (size_t i = 0; i < COUNT(more); i++) ck_assert_int_eq(ids[i], wanted[i]);
        ck_assert_ptr_null(e->kind->settle(e, room));
        ck_assert_int_eq(e->rows, least == 1 ? 6 : 4); /* 8 stands there twice */
        mmoe_encoder_forget(e);
    }
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, hashes_are_the_published_function);
    tcase_add_test(c, the_page_has_such_hashes);
    tcase_add_test(c, hashed_values);
    tcase_add_test(c, buckets_have_bounds);
    tcase_add_test(c, quantiles_are_even);
    tcase_add_test(c, no_bin_is_empty);
    tcase_add_test(c, quantiles_that_there_are_not);
    tcase_add_test(c, rare_values_are_left_out);
    tcase_add_test(c, values_have_a_bound);
    tcase_add_test(c, known_values_grow_no_second_row);
    tcase_add_test(c, the_usual_bound_is_above_a_million);
}
