/* Texts of another language's objects, copied: each character, and no byte beyond an object. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "check_main.h"
#include "mmoe/mmoe.h"

enum { HEAD = 24, OBJECTS = 4 * 40 + 5 }; /* type, length, state: bytes of an object */
static const char text_type, other_type;
static const void *const no_value = &other_type; /* an object, too: it begins with its type */
static const void *const no_values[] = {&no_value};
static const size_t widths[] = {1, 1, 2, 4};
static const uint32_t letters[] = {0x7f, 0xff, 0xffff, 0x10ffff}, steps[] = {1, 3, 1021, 34567};

/* Of exactly its size, with the character behind it that ends it, 0. */
static char *new_object(const void *type, int64_t length, uint32_t form) {
    const size_t width = form < 4 ? widths[form] : 1;
    char *object = calloc(1, HEAD + ((size_t)length + 1) * width);
    ck_assert_ptr_nonnull(object);
    const uint32_t state = 1 + (form << 1);
    memcpy(object, &type, sizeof type);
    memcpy(object + 8, &length, sizeof length);
    memcpy(object + 16, &state, sizeof state);
    return object;
}

static void put_letter(char *object, uint32_t form, size_t at, uint32_t letter) {
    const uint16_t two = (uint16_t)letter;
    const unsigned char one = (unsigned char)letter;
    const void *const from[] = {&one, &one, &two, &letter};
    memcpy(object + HEAD + at * widths[form], from[form], widths[form]);
}

/* Letter `i` of a form's texts: all over its range, but for surrogates. */
static uint32_t letter_of(uint32_t form, size_t i) {
    const uint32_t letter = 1 + (uint32_t)i * steps[form] % letters[form];
    return letter >= 0xd800 && letter < 0xe000 ? 0x20ac : letter;
}

static mmoe_text_layout text_layout(void) {
    return (mmoe_text_layout){.type_at = 0,
                              .length_at = 8,
                              .state_at = 16,
                              .type = &text_type,
                              .state_mask = 14,
                              .states = {0, 2, 4, 6},
                              .text_at = {HEAD, HEAD, HEAD, HEAD},
                              .missing = no_values,
                              .n_missing = 1};
}

/* The text is that of the letters, by another walk. */
static void check_copy(const char *copy, uint32_t form, size_t length) {
    size_t left = strlen(copy);
    for (size_t i = 0; i < length; i++) {
        uint32_t point = 0;
        const size_t bytes = mmoe_utf8_next(copy, left, &point);
        ck_assert_uint_gt(bytes, 0);
        ck_assert_uint_eq(point, letter_of(form, i + length));
        copy += bytes;
        left -= bytes;
    }
    ck_assert_uint_eq(left, 0);
}

START_TEST(objects_are_copied) {
    const char *objects[OBJECTS], *texts[OBJECTS];
    size_t others[OBJECTS], n = 0;
    for (uint32_t form = 0; form < 4; form++)
        for (size_t length = 0; length < 40; length++, n++) {
            char *o = new_object(&text_type, (int64_t)length, form);
            for (size_t i = 0; i < length; i++) put_letter(o, form, i, letter_of(form, i + length));
            objects[n] = o;
        }
    objects[n++] = NULL;
    objects[n++] = (const char *)&no_value;
    objects[n++] = new_object(&other_type, 3, 0);
    objects[n++] = new_object(&text_type, 0, 5); /* of no form that is known */
    char *surrogate = new_object(&text_type, 1, 2);
    put_letter(surrogate, 2, 0, 0xd800);
    objects[n++] = surrogate;
    ck_assert_uint_eq(n, OBJECTS);
    const mmoe_text_layout layout = text_layout();
    mmoe_text_copies out = {.texts = texts, .others = others};
    ck_assert_int_eq(mmoe_text_copy_objects(&layout, objects, 8, n, &out, NULL), MMOE_OK);
    out.size = out.needed;
    out.bytes = malloc(out.size);
    for (int back = 0; back < 2; back++) {
        const ptrdiff_t stride = back ? -8 : 8;
        ck_assert_int_eq(
            mmoe_text_copy_objects(&layout, objects + (back ? n - 1 : 0), stride, n, &out, NULL),
            MMOE_OK);
        ck_assert_uint_eq(out.needed, out.size);
        ck_assert_uint_eq(out.n_other, 3);
        for (size_t r = 0; r < n; r++) {
            const char *text = texts[back ? n - 1 - r : r];
            if (r < 4 * 40)
                check_copy(text, (uint32_t)r / 40, r % 40);
            else
                ck_assert_str_eq(text, "");
        }
        for (size_t i = 0; i < 3; i++) ck_assert_uint_eq(others[i], back ? i : n - 3 + i);
    }
    for (size_t r = 0; r < n; r++)
        if (objects[r] != (const char *)&no_value) free((void *)(uintptr_t)objects[r]);
    free(out.bytes);
}
END_TEST

/* A NUL would cut a text short. */
START_TEST(objects_with_a_nul_are_others) {
    const mmoe_text_layout layout = text_layout();
    const char *text;
    char bytes[256];
    size_t other = 7;
    const uint32_t form = (uint32_t)_i;
    for (size_t length = 1; length < 26; length++)
        for (size_t nul = 0; nul < length; nul++) {
            char *o = new_object(&text_type, (int64_t)length, form);
            for (size_t i = 0; i < length; i++) put_letter(o, form, i, i == nul ? 0 : 1);
            mmoe_text_copies out = {
                .texts = &text, .others = &other, .bytes = bytes, .size = sizeof bytes};
            ck_assert_int_eq(mmoe_text_copy_objects(&layout, &o, 8, 1, &out, NULL), MMOE_OK);
            ck_assert_uint_eq(out.n_other, 1);
            ck_assert_uint_eq(other, 0);
            ck_assert_str_eq(text, "");
            free(o);
        }
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_text_copy_objects(NULL, NULL, 8, 0, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "mmoe_text_copy_objects: an argument is NULL"));
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, objects_are_copied);
    tcase_add_loop_test(c, objects_with_a_nul_are_others, 0, 4);
}
