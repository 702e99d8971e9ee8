/* Sources: the order of their rows, places, and what tells their rows apart. */
#include "check_main.h"
#include "training_support.h"

#include "base/rng.h"
#include "data/source.h"

static mmoe_allocator plain;

static mmoe_source *source_of(const mmoe_dataset *set, bool shuffles, uint64_t seed) {
    mmoe_source *made;
    plain = mmoe_allocator_or_default(NULL);
    SUCCEEDS(mmoe_source_open(&(mmoe_source_order){set, shuffles, seed}, &plain, &made, &err));
    return made;
}

static mmoe_rows next_rows(mmoe_source *s, int32_t most) {
    mmoe_rows got;
    SUCCEEDS(mmoe_source_next(s, most, &got, &err));
    return got;
}

static const float *first_value(void) {
    mmoe_batch all;
    SUCCEEDS(mmoe_dataset_batch(rows, 0, ROWS, &all, &err));
    return all.dense;
}

/* Row numbers of what is left of the epoch; `base` is the data set's first value. */
static int64_t read_rest(mmoe_source *s, int32_t most, const float *base, uint32_t *out) {
    int64_t n = 0;
    for (mmoe_rows got = next_rows(s, most); got.rows > 0; got = next_rows(s, most))
        for (int32_t b = 0; b < got.rows; b++)
            out[n++] = (uint32_t)((got.dense - base) / DENSE) + (uint32_t)mmoe_row_of(&got, b);
    return n;
}

/* Fisher and Yates as source_memory.c says it, a draw at a time. */
static void shuffle_by_hand(uint64_t seed, int32_t epoch, uint32_t *order) {
    for (uint32_t i = 0; i < ROWS; i++) order[i] = i;
    for (uint64_t i = ROWS - 1; i > 0; i--) {
        uint32_t words[4];
        mmoe_philox(seed, mmoe_stream(MMOE_STREAM_SHUFFLE, (uint64_t)epoch), i / 2, words);
        const uint64_t bits = (uint64_t)words[i % 2 * 2 + 1] << 32 | words[i % 2 * 2];
        __extension__ const unsigned __int128 product = (unsigned __int128)bits * (i + 1);
        const uint64_t j = (uint64_t)(product >> 64);
        const uint32_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

START_TEST(an_epoch_has_its_order) {
    uint32_t want[ROWS], got[ROWS];
    set_up("", "", "");
    const float *base = first_value();
    for (int k = 0; k < 4; k++) {
        mmoe_source *s = source_of(rows, true, k < 2 ? 7 : 1234567890123456789u);
        const int32_t epoch = k % 2 ? 5 : 0;
        SUCCEEDS(mmoe_source_begin(s, epoch, &err));
        shuffle_by_hand(k < 2 ? 7 : 1234567890123456789u, epoch, want);
        ck_assert_int_eq(read_rest(s, 64, base, got), ROWS);
        ck_assert_mem_eq(got, want, sizeof got);
        mmoe_source_free(s);
    }
    tear_down();
}
END_TEST

START_TEST(without_shuffling_it_is_the_files) {
    uint32_t got[ROWS];
    set_up("", "", "");
    const float *base = first_value();
    mmoe_source *s = source_of(rows, false, 7);
    ck_assert_int_eq(mmoe_source_count(s), ROWS);
    for (int32_t epoch = 0; epoch < 2; epoch++) {
        SUCCEEDS(mmoe_source_begin(s, epoch, &err));
        ck_assert_int_eq(read_rest(s, ROWS / 3, base, got), ROWS);
        for (uint32_t i = 0; i < ROWS; i++) ck_assert_uint_eq(got[i], i);
    }
    mmoe_source_free(s);
    tear_down();
}
END_TEST

/* From any place the same rows follow, whoever goes there. */
START_TEST(a_place_is_found_again) {
    uint32_t whole[ROWS], rest[ROWS];
    set_up("", "", "");
    const float *base = first_value();
    for (int shuffles = 0; shuffles < 2; shuffles++) {
        mmoe_source *s = source_of(rows, shuffles, 3), *other = source_of(rows, shuffles, 3);
        SUCCEEDS(mmoe_source_begin(s, 2, &err));
        read_rest(s, 100, base, whole);
        ck_assert_int_eq(mmoe_source_place(s), ROWS);
        SUCCEEDS(mmoe_source_begin(s, 2, &err));
        for (int64_t place = 0; place <= ROWS; place += 100) {
            ck_assert_int_eq(mmoe_source_place(s), place);
            SUCCEEDS(mmoe_source_begin(other, 2, &err));
            SUCCEEDS(mmoe_source_seek(other, place, &err));
            ck_assert_int_eq(mmoe_source_place(other), place);
            ck_assert_int_eq(read_rest(other, 90, base, rest), ROWS - place);
            ck_assert_mem_eq(rest, whole + place, (size_t)(ROWS - place) * sizeof *rest);
            next_rows(s, 100);
        }
        ck_assert_int_eq(mmoe_source_seek(s, ROWS + 1, NULL), MMOE_E_ARGUMENT);
        ck_assert_int_eq(mmoe_source_seek(s, -1, NULL), MMOE_E_ARGUMENT);
        mmoe_source_free(s);
        mmoe_source_free(other);
    }
    tear_down();
}
END_TEST

static mmoe_identity identity_of(const mmoe_schema *of, const float *weights) {
    mmoe_dataset *set;
    SUCCEEDS(mmoe_dataset_create(of, &batch, labels, weights, NULL, &set, &err));
    mmoe_source *s = source_of(set, false, 0);
    const mmoe_identity got = mmoe_source_identity(s);
    mmoe_source_free(s);
    mmoe_dataset_free(set);
    ck_assert_uint_ne(got.rows, 0);
    return got;
}

static bool same(mmoe_identity a, mmoe_identity b) {
    return a.schema == b.schema && a.rows == b.rows;
}

START_TEST(any_value_changes_the_identity) {
    static float weights[ROWS];
    set_up("", "", "");
    const mmoe_identity plain_rows = identity_of(schema, NULL);
    ck_assert(same(identity_of(schema, NULL), plain_rows));
    ck_assert(!same(identity_of(schema, weights), plain_rows));
    static const int at[] = {0, 1, ROWS / 2, ROWS - 1};
    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        const int i = at[k];
        ids[i * SPARSE + 1] ^= 1;
        ck_assert_uint_ne(identity_of(schema, NULL).rows, plain_rows.rows);
        ids[i * SPARSE + 1] ^= 1;
        dense[i * DENSE] += 1;
        ck_assert_uint_ne(identity_of(schema, NULL).rows, plain_rows.rows);
        dense[i * DENSE] -= 1;
        const float label = labels[i * TASKS + 1];
        labels[i * TASKS + 1] = 1 - label;
        ck_assert_uint_ne(identity_of(schema, NULL).rows, plain_rows.rows);
        labels[i * TASKS + 1] = NAN;
        ck_assert_uint_ne(identity_of(schema, NULL).rows, plain_rows.rows);
        labels[i * TASKS + 1] = label;
    }
    ck_assert(same(identity_of(schema, NULL), plain_rows));
    tear_down();
}
END_TEST

START_TEST(another_schema_changes_the_identity) {
    static const char *const swapped[] = {"a", "b", "d1", "d0"};
    mmoe_schema *other;
    set_up("", "", "");
    SUCCEEDS(mmoe_schema_create(config, swapped, 4, NULL, &other, &err));
    const mmoe_identity ours = identity_of(schema, NULL), theirs = identity_of(other, NULL);
    ck_assert_uint_eq(ours.rows, theirs.rows);
    ck_assert_uint_ne(ours.schema, theirs.schema);
    mmoe_schema_free(other);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, an_epoch_has_its_order);
    tcase_add_test(c, without_shuffling_it_is_the_files);
    tcase_add_test(c, a_place_is_found_again);
    tcase_add_test(c, any_value_changes_the_identity);
    tcase_add_test(c, another_schema_changes_the_identity);
}
