/* What a kind of columns keeps: keys of every type, copied, hashed, read and written. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "config/config_keys.h"
#include "data/column.h"
#include "data/texts.h"
#include "failing.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A kind of every type of key. */
typedef struct many {
    mmoe_encoder head;
    mmoe_numbers numbers;
    char *text;
    mmoe_texts texts;
    int32_t small;
    double fitted;
    mmoe_vocab *vocab;
    bool flag;
} many;

static const mmoe_key many_keys[] = {
    {.doc = {"features.sparse[].numbers", "array", NULL, "1 to 3 numbers in [-10, 1e12]", "Some."},
     .scope = MMOE_SCOPE_SPARSE,
     .kind = MMOE_KEY_NUMBERS,
     .offset = offsetof(many, numbers),
     .low = -10,
     .high = 1e12,
     .entry = "in [-10, 1e12]",
     .least = 1,
     .most = 3},
    {.doc = {.path = "text"}, .kind = MMOE_KEY_TEXT, .offset = offsetof(many, text)},
    {.doc = {.path = "texts"}, .kind = MMOE_KEY_TEXTS, .offset = offsetof(many, texts)},
    {.doc = {.path = "small"}, .kind = MMOE_KEY_INT32, .offset = offsetof(many, small)},
    {.doc = {.path = "flag"}, .kind = MMOE_KEY_BOOL, .offset = offsetof(many, flag)},
};
static const mmoe_key many_fitted[] = {
    {.doc = {.path = "fitted"}, .kind = MMOE_KEY_DOUBLE, .offset = offsetof(many, fitted)},
    {.doc = {.path = "vocab"}, .kind = MMOE_KEY_VOCABULARY, .offset = offsetof(many, vocab)},
};
static const mmoe_column_kind many_kind = {.word = "many",
                                           .size = sizeof(many),
                                           .keys = many_keys,
                                           .n_key = COUNT(many_keys),
                                           .fitted = many_fitted,
                                           .n_fitted = COUNT(many_fitted)};

static many *whole_encoder(void) {
    const mmoe_allocator a = mmoe_allocator_or_default(NULL);
    const int64_t keys[] = {5, 6};
    many *m = (many *)mmoe_encoder_create(&many_kind, &a);
    ck_assert_ptr_nonnull(m);
    m->numbers = (mmoe_numbers){mmoe_alloc(&a, 2, sizeof(double)), 2};
    m->numbers.items[0] = 0.5;
    m->numbers.items[1] = -3;
    m->text = mmoe_copy_text(&a, "words", 5);
    ck_assert(mmoe_texts_start(&m->texts, 2, &a) && mmoe_texts_add(&m->texts, "one", 3, &a) &&
              mmoe_texts_add(&m->texts, "two", 3, &a));
    m->small = 4;
    m->fitted = 0.1;
    ck_assert_int_eq(mmoe_vocab_from_ints(keys, 2, &a, &m->vocab, NULL), MMOE_OK);
    return m;
}

START_TEST(encoders_are_copied_whole) {
    many *m = whole_encoder();
    failing count = {0};
    mmoe_allocator a = failing_allocator(&count);
    many *copy = (many *)mmoe_encoder_copy(&m->head, &a);
    ck_assert_ptr_nonnull(copy);
    const uint64_t hash = mmoe_encoder_hash(1, &m->head);
    mmoe_encoder_free(&m->head);
    ck_assert(mmoe_encoder_hash(1, &copy->head) == hash &&
              mmoe_encoder_hash(2, &copy->head) != hash);
    ck_assert(copy->numbers.count == 2 && copy->numbers.items[1] == -3);
    ck_assert_str_eq(copy->text, "words");
    ck_assert_uint_eq(copy->texts.count, 2);
    ck_assert_str_eq(copy->texts.items[1], "two");
    ck_assert_int_eq(mmoe_vocab_find_int(mmoe_encoder_vocab(&copy->head), 6), 2);
    /* each value is part of the number */
    copy->numbers.items[1] = -4;
    ck_assert(mmoe_encoder_hash(1, &copy->head) != hash);
    copy->numbers.items[1] = -3;
    copy->text[0] = 'W';
    ck_assert(mmoe_encoder_hash(1, &copy->head) != hash);
    copy->text[0] = 'w';
    copy->texts.items[1][0] = 'T';
    ck_assert(mmoe_encoder_hash(1, &copy->head) != hash);
    copy->texts.items[1][0] = 't';
    copy->flag = true;
    ck_assert(mmoe_encoder_hash(1, &copy->head) != hash);
    copy->flag = false;
    copy->fitted = 0.2;
    ck_assert(mmoe_encoder_hash(1, &copy->head) != hash);
    copy->fitted = 0.1;
    copy->head.rows = 9;
    ck_assert(mmoe_encoder_hash(1, &copy->head) != hash);
    mmoe_encoder_free(&copy->head);
    mmoe_encoder_free(NULL);
    ck_assert_int_eq(count.live, 0);
    m = whole_encoder();
    for (long k = 1; k <= count.calls; k++) {
        failing f = {.fail_at = k};
        a = failing_allocator(&f);
        ck_assert_ptr_null(mmoe_encoder_copy(&m->head, &a));
        ck_assert_int_eq(f.live, 0);
    }
    mmoe_encoder_free(&m->head);
}
END_TEST

static mmoe_status store(const char *text, many *m, mmoe_error *err) {
    const mmoe_allocator a = mmoe_allocator_or_default(NULL);
    const mmoe_key_place place = {"c.json", err};
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(json);
    const mmoe_status status = mmoe_key_store(many_keys, json, &a, m, &place, "numbers");
    json_decref(json);
    return status;
}

START_TEST(arrays_of_numbers_are_keys) {
    const mmoe_allocator a = mmoe_allocator_or_default(NULL);
    static const char *const good[] = {"[-10, 0.123456789, 1e12]", "[3]", "[999999999999]",
                                       "[123456.789, -0.001]"};
    for (size_t i = 0; i < COUNT(good); i++) {
        mmoe_error err = {0};
        many *m = (many *)mmoe_encoder_create(&many_kind, &a);
        ck_assert_msg(store(good[i], m, &err) == MMOE_OK, "%s: %s", good[i], err.message);
        json_t *json = NULL, *wanted = json_loads(good[i], 0, NULL);
        ck_assert_int_eq(mmoe_key_load(many_keys, m, NULL, &json), MMOE_OK);
        ck_assert_uint_eq(json_array_size(json), json_array_size(wanted));
        char *text = json_dumps(json, JSON_REAL_PRECISION(9)); /* as a configuration is printed */
        json_t *back = json_loads(text, 0, NULL);
        for (size_t k = 0; k < json_array_size(wanted); k++) {
            const double number = json_number_value(json_array_get(wanted, k));
            ck_assert(m->numbers.items[k] == number);
            ck_assert(json_number_value(json_array_get(back, k)) == number);
        }
        free(text);
        json_decref(json);
        json_decref(wanted);
        json_decref(back);
        mmoe_encoder_free(&m->head);
    }
    static const struct {
        const char *text, *path, *wanted;
    } bad[] = {{"[]", "numbers", "1 to 3 numbers"},
               {"[1, 2, 3, 4]", "numbers", "1 to 3 numbers"},
               {"7", "numbers", "7 is not allowed here; allowed is an array: 1 to 3 numbers"},
               {"[1, -11]", "numbers[1]", "-11 is not allowed here; allowed is a number: in [-10"},
               {"[1e13]", "numbers[0]", "in [-10, 1e12]"},
               {"[\"1\"]", "numbers[0]", "\"1\" is not allowed here"},
               {"[0.1234567891]", "numbers[0]", "of at most 9 digits, or whole"}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        mmoe_error err = {0};
        many *m = (many *)mmoe_encoder_create(&many_kind, &a);
        ck_assert_int_eq(store(bad[i].text, m, &err), MMOE_E_CONFIG);
        ck_assert_str_eq(err.column, bad[i].path);
        ck_assert_msg(strstr(err.message, bad[i].wanted), "%s", err.message);
        mmoe_encoder_free(&m->head);
    }
    many *m = (many *)mmoe_encoder_create(&many_kind, &a);
    json_t *none = NULL;
    ck_assert_int_eq(mmoe_key_load(many_keys, m, NULL, &none), MMOE_OK);
    ck_assert_ptr_null(none);
    mmoe_encoder_free(&m->head);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, encoders_are_copied_whole);
    tcase_add_test(c, arrays_of_numbers_are_keys);
}
