/* One value of the configuration: checked and stored, and loaded again. */
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json_text.h"
#include "base/sentence.h"
#include "base/text.h"
#include "base/utf8.h"
#include "config/config_keys.h"
#include "data/texts.h"

_Static_assert(offsetof(mmoe_optimizer_config, beta2) ==
                   offsetof(mmoe_optimizer_config, beta1) + sizeof(float),
               "the betas are a pair");
_Static_assert(sizeof(mmoe_task_type) == sizeof(int32_t) &&
                   sizeof(mmoe_activation) == sizeof(int32_t) &&
                   sizeof(mmoe_side) == sizeof(int32_t) &&
                   sizeof(mmoe_optimizer_kind) == sizeof(int32_t) &&
                   sizeof(mmoe_model_kind) == sizeof(int32_t) &&
                   sizeof(mmoe_balance_method) == sizeof(int32_t) &&
                   sizeof(mmoe_balance_place) == sizeof(int32_t),
               "words are stored as int32_t");

mmoe_status mmoe_key_fail(const mmoe_key_place *place, const char *path, const char *format, ...) {
    mmoe_error *err = place->err;
    if (!err) return MMOE_E_CONFIG;
    char sentence[sizeof err->message];
    va_list args;
    va_start(args, format);
    mmoe_say_args(sentence, sizeof sentence, format, args);
    va_end(args);
    mmoe_fail_at(err, MMOE_E_CONFIG, place->name, 0, NULL, "%s%s%s", path, *path ? ": " : "",
                 sentence);
    snprintf(err->column, sizeof err->column, "%s", path);
    return MMOE_E_CONFIG;
}

static mmoe_status refuse(const json_t *value, const char *type, const char *allowed,
                          const mmoe_key_place *place, const char *path) {
    char shown[80] = "an object";
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        const int n = (int)mmoe_utf8_cut(text, strlen(text), 60);
        snprintf(shown, sizeof shown, "\"%.*s%s\"", n, text, text[n] ? "..." : "");
    } else if (!json_is_object(value)) {
        const size_t n = json_dumpb(value, shown, sizeof shown - 1,
                                    JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
        if (n == 0) return mmoe_fail_memory(place->err, sizeof shown);
        if (n < sizeof shown)
            shown[n] = '\0';
        else
            snprintf(shown, sizeof shown, "this array");
    }
    const char *article = strchr("aeiou", type[0]) ? "an" : "a";
    return mmoe_key_fail(place, path, "%s is not allowed here; allowed is %s %s: %s", shown,
                         article, type, allowed);
}

static bool within(const mmoe_key *key, double value) {
    return (key->above ? value > key->low : value >= key->low) &&
           (key->below ? value < key->high : value <= key->high);
}

static bool as_integer(const mmoe_key *key, const json_t *value, int64_t *out) {
    if (!json_is_integer(value)) return false;
    *out = json_integer_value(value);
    return *out >= (int64_t)key->low && *out <= (int64_t)key->high;
}

static bool is_zero_word(const mmoe_key *key, const json_t *value) {
    const char *word = json_string_value(value);
    return key->zero && word && strcmp(word, key->zero) == 0;
}

/* Bounds hold for the float, too, and 1e-60 is no 0, which switches most keys off. */
static bool as_float(const mmoe_key *key, const json_t *value, float *out) {
    const double number = json_number_value(value);
    if (!json_is_number(value) || !within(key, number)) return false;
    *out = (float)number;
    return within(key, (double)*out) && (*out != 0 || number == 0);
}

static mmoe_status refuse_float(const json_t *value, const char *allowed,
                                const mmoe_key_place *place, const char *path) {
    const double number = json_number_value(value);
    char shown[MMOE_NUMBER_SIZE];
    if (number == 0 || (float)number != 0) return refuse(value, "number", allowed, place, path);
    mmoe_format_double(number, shown);
    return mmoe_key_fail(
        place, path,
        "%s would become 0, as the smallest 32-bit number is 1.4e-45; allowed is a number: %s",
        shown, allowed);
}

const char *mmoe_key_word(const mmoe_key *key, int32_t value, int *length) {
    size_t n;
    const char *word = mmoe_key_word_of(key->doc.allowed, value - key->first, &n);
    *length = (int)n;
    return word;
}

static json_t *load_word(const mmoe_key *key, int32_t value) {
    int length;
    const char *word = mmoe_key_word(key, value, &length);
    return json_stringn(word, (size_t)length);
}

static mmoe_status store_array(const mmoe_key *key, const json_t *value, char *at,
                               const mmoe_key_place *place, const char *path) {
    const size_t n = json_array_size(value);
    if (!json_is_array(value) || n < (size_t)key->least || n > (size_t)key->most)
        return refuse(value, key->doc.type, key->doc.allowed, place, path);
    for (size_t i = 0; i < n; i++) {
        const json_t *entry = json_array_get(value, i);
        char entry_path[MMOE_PATH_SIZE + 32];
        snprintf(entry_path, sizeof entry_path, "%s[%zu]", path, i);
        if (key->kind == MMOE_KEY_PAIR) {
            float *pair = (float *)(void *)at;
            if (!as_float(key, entry, pair + i))
                return refuse_float(entry, key->entry, place, entry_path);
        } else {
            mmoe_mlp_config *mlp =
                (mmoe_mlp_config *)(void *)(at - offsetof(mmoe_mlp_config, n_dims));
            int64_t width;
            if (!as_integer(key, entry, &width))
                return refuse(entry, "integer", key->entry, place, entry_path);
            mlp->dims[i] = (int32_t)width;
            mlp->n_dims = (int32_t)n;
        }
    }
    if (n == 0) *(int32_t *)(void *)at = 0;
    return MMOE_OK;
}

/* The text of a configuration gives 9 significant digits back, and integers whole. */
static bool prints_whole(double value) {
    char text[MMOE_NUMBER_SIZE];
    int digits = 0;
    if (value == trunc(value) && fabs(value) < 0x1p53) return true;
    mmoe_format_double(fabs(value), text);
    for (const char *c = text + strspn(text, "0."); *c && *c != 'e'; c++) digits += *c != '.';
    return digits <= 9;
}

static mmoe_status store_numbers(const mmoe_key *key, const json_t *value,
                                 const mmoe_allocator *alloc, mmoe_numbers *to,
                                 const mmoe_key_place *place, const char *path) {
    const size_t n = json_array_size(value);
    if (!json_is_array(value) || n < (size_t)key->least || n > (size_t)key->most)
        return refuse(value, key->doc.type, key->doc.allowed, place, path);
    to->items = mmoe_alloc(alloc, n, sizeof *to->items);
    if (!to->items) return mmoe_fail_memory(place->err, n * sizeof *to->items);
    to->count = n;
    for (size_t i = 0; i < n; i++) {
        const json_t *entry = json_array_get(value, i);
        char entry_path[MMOE_PATH_SIZE + 32];
        snprintf(entry_path, sizeof entry_path, "%s[%zu]", path, i);
        to->items[i] = json_number_value(entry);
        if (!json_is_number(entry) || !within(key, to->items[i]))
            return refuse(entry, "number", key->entry, place, entry_path);
        if (!prints_whole(to->items[i]))
            return refuse(entry, "number", "of at most 9 digits, or whole", place, entry_path);
    }
    return MMOE_OK;
}

/* The text of an entry, of a number in `room`; NULL: the key takes none such. */
static const char *text_of_entry(const mmoe_key *key, const json_t *entry,
                                 char room[MMOE_NUMBER_SIZE]) {
    const char *text = json_string_value(entry);
    if (key->takes_numbers && json_is_number(entry)) {
        mmoe_format_double(json_number_value(entry), room);
        return room;
    }
    return text && strlen(text) == json_string_length(entry) && within(key, (double)strlen(text))
               ? text
               : NULL;
}

/* A default's memory is given back. */
static mmoe_status store_texts(const mmoe_key *key, const json_t *value,
                               const mmoe_allocator *alloc, mmoe_texts *to,
                               const mmoe_key_place *place, const char *path) {
    const size_t n = json_array_size(value);
    if (!json_is_array(value) || n < (size_t)key->least || n > (size_t)key->most)
        return refuse(value, key->doc.type, key->doc.allowed, place, path);
    for (size_t i = 0; i < n; i++) {
        const json_t *entry = json_array_get(value, i);
        char entry_path[MMOE_PATH_SIZE + 32], room[MMOE_NUMBER_SIZE];
        snprintf(entry_path, sizeof entry_path, "%s[%zu]", path, i);
        if (!text_of_entry(key, entry, room))
            return refuse(entry, "string", key->entry, place, entry_path);
    }
    mmoe_texts_finish(to, alloc);
    bool ok = mmoe_texts_start(to, n, alloc);
    for (size_t i = 0; ok && i < n; i++) {
        char room[MMOE_NUMBER_SIZE];
        const char *text = text_of_entry(key, json_array_get(value, i), room);
        ok = mmoe_texts_add(to, text, strlen(text), alloc);
    }
    return ok ? MMOE_OK : mmoe_fail_memory(place->err, (n + 1) * sizeof(char *));
}

/* A word's enumerator, or a number as an array's. */
static mmoe_status store_choice(const mmoe_key *key, const json_t *value, mmoe_choice *to,
                                const mmoe_key_place *place, const char *path) {
    *to = (mmoe_choice){-1, json_number_value(value)};
    if (json_is_string(value))
        to->word = mmoe_key_word_index(key->doc.allowed, json_string_value(value));
    if (json_is_string(value) ? to->word < 0 || to->word >= key->most
                              : !json_is_number(value) || !within(key, to->number))
        return refuse(value, key->doc.type, key->doc.allowed, place, path);
    if (to->word < 0 && !prints_whole(to->number))
        return refuse(value, "number", "of at most 9 digits, or whole", place, path);
    return MMOE_OK;
}

static mmoe_status store_text(const mmoe_key *key, const json_t *value, const mmoe_allocator *alloc,
                              char *at, const mmoe_key_place *place, const char *path) {
    if (!json_is_string(value) || json_string_length(value) == 0)
        return refuse(value, key->doc.type, key->doc.allowed, place, path);
    if (key->kind == MMOE_KEY_TASK) return MMOE_OK;
    char *copy = mmoe_copy_text(alloc, json_string_value(value), json_string_length(value));
    if (!copy) return mmoe_fail_memory(place->err, json_string_length(value) + 1);
    mmoe_release(alloc, *(char **)(void *)at); /* a default */
    *(char **)(void *)at = copy;
    return MMOE_OK;
}

mmoe_status mmoe_key_store(const mmoe_key *key, const json_t *value, const mmoe_allocator *alloc,
                           void *scope, const mmoe_key_place *place, const char *path) {
    char *at = (char *)scope + key->offset;
    void *to = at;
    int64_t integer = 0;
    bool valid = false;
    switch (key->kind) {
    case MMOE_KEY_INT32:
        valid = is_zero_word(key, value) || as_integer(key, value, &integer);
        if (valid) *(int32_t *)to = (int32_t)integer;
        break;
    case MMOE_KEY_INT64:
        valid = as_integer(key, value, (int64_t *)to);
        break;
    case MMOE_KEY_UINT64:
        if ((valid = as_integer(key, value, &integer))) *(uint64_t *)to = (uint64_t)integer;
        break;
    case MMOE_KEY_FLOAT:
        if (!as_float(key, value, (float *)to))
            return refuse_float(value, key->doc.allowed, place, path);
        return MMOE_OK;
    case MMOE_KEY_BOOL:
        if ((valid = json_is_boolean(value))) *(bool *)to = json_is_true(value);
        break;
    case MMOE_KEY_TRISTATE:
        if ((valid = json_is_boolean(value))) *(int8_t *)to = json_is_true(value) ? 1 : -1;
        break;
    case MMOE_KEY_WORD: {
        const int32_t index = json_is_string(value)
                                  ? mmoe_key_word_index(key->doc.allowed, json_string_value(value))
                                  : -1;
        valid = index >= 0;
        if (valid) *(int32_t *)to = key->first + index;
        break;
    }
    case MMOE_KEY_TEXT:
    case MMOE_KEY_TASK:
        return store_text(key, value, alloc, at, place, path);
    case MMOE_KEY_LAYERS:
    case MMOE_KEY_PAIR:
        return store_array(key, value, at, place, path);
    case MMOE_KEY_NUMBERS:
        return store_numbers(key, value, alloc, to, place, path);
    case MMOE_KEY_TEXTS:
        return store_texts(key, value, alloc, to, place, path);
    case MMOE_KEY_CHOICE:
        return store_choice(key, value, to, place, path);
    case MMOE_KEY_DOUBLE:
    case MMOE_KEY_VOCABULARY:
        assert(!"no key of a configuration");
    }
    return valid ? MMOE_OK : refuse(value, key->doc.type, key->doc.allowed, place, path);
}

mmoe_status mmoe_key_store_default(const mmoe_key *key, const mmoe_allocator *alloc, void *scope) {
    if (!key->doc.default_value) {
        if (key->kind == MMOE_KEY_INT64)
            *(int64_t *)(void *)((char *)scope + key->offset) = key->absent;
        if (key->kind == MMOE_KEY_WORD)
            *(int32_t *)(void *)((char *)scope + key->offset) = (int32_t)key->absent;
        if (key->kind == MMOE_KEY_TRISTATE) *(int8_t *)((char *)scope + key->offset) = 0;
        return MMOE_OK;
    }
    json_t *value;
    json_error_t error;
    mmoe_status status = mmoe_json_parse(key->doc.default_value, strlen(key->doc.default_value),
                                         JSON_DECODE_ANY, alloc, &value, &error);
    if (status) return status;
    status =
        mmoe_key_store(key, value, alloc, scope, &(mmoe_key_place){"default", NULL}, key->doc.path);
    json_decref(value);
    return status;
}

void mmoe_key_clear(const mmoe_key *key, const mmoe_allocator *alloc, void *scope) {
    char **text = (char **)(void *)((char *)scope + key->offset);
    assert(key->kind == MMOE_KEY_TEXT);
    mmoe_release(alloc, *text);
    *text = NULL;
}

/* The double that the float's shortest text reads as; printed with 9 digits, it gives that text
 * again. */
static json_t *load_float(float value) {
    char text[MMOE_NUMBER_SIZE];
    double shortest;
    return mmoe_parse_double(text, mmoe_format_float(value, text), &shortest) ? json_real(shortest)
                                                                              : NULL;
}

static json_t *load_array(const mmoe_key *key, const char *at) {
    const bool is_pair = key->kind == MMOE_KEY_PAIR;
    const mmoe_mlp_config *mlp =
        is_pair ? NULL
                : (const mmoe_mlp_config *)(const void *)(at - offsetof(mmoe_mlp_config, n_dims));
    const float *pair = (const float *)(const void *)at;
    const int32_t n = is_pair ? 2 : mlp->n_dims;
    json_t *array = json_array();
    for (int32_t i = 0; array && i < n; i++) {
        if (json_array_append_new(array,
                                  is_pair ? load_float(pair[i]) : json_integer(mlp->dims[i]))) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

/* It is printed as it was written. */
static json_t *load_double(double x) {
    const bool whole = x == trunc(x) && fabs(x) < 0x1p53;
    return whole ? json_integer((json_int_t)x) : json_real(x);
}

static json_t *load_numbers(const mmoe_numbers *numbers) {
    json_t *array = json_array();
    for (size_t i = 0; array && i < numbers->count; i++) {
        if (json_array_append_new(array, load_double(numbers->items[i]))) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

/* Whether an optional key was not given. */
static bool is_absent(const mmoe_key *key, const void *from) {
    const bool is_optional = !key->doc.default_value;
    switch (key->kind) {
    case MMOE_KEY_INT64:
        return is_optional && *(const int64_t *)from == key->absent;
    case MMOE_KEY_WORD:
        return is_optional && *(const int32_t *)from == (int32_t)key->absent;
    case MMOE_KEY_TRISTATE:
        return *(const int8_t *)from == 0;
    case MMOE_KEY_TEXT:
        return !*(char *const *)from;
    case MMOE_KEY_NUMBERS:
        return !((const mmoe_numbers *)from)->items;
    case MMOE_KEY_TEXTS:
        return !((const mmoe_texts *)from)->items;
    default:
        return false;
    }
}

static json_t *load_choice(const mmoe_key *key, const mmoe_choice *choice) {
    return choice->word < 0 ? load_double(choice->number) : load_word(key, choice->word);
}

static json_t *load_value(const mmoe_key *key, const void *from, const mmoe_config *config) {
    switch (key->kind) {
    case MMOE_KEY_INT32: {
        const int32_t number = *(const int32_t *)from;
        return key->zero && !number ? json_string(key->zero) : json_integer(number);
    }
    case MMOE_KEY_INT64:
        return json_integer(*(const int64_t *)from);
    case MMOE_KEY_UINT64:
        return json_integer((json_int_t) * (const uint64_t *)from);
    case MMOE_KEY_FLOAT:
        return load_float(*(const float *)from);
    case MMOE_KEY_BOOL:
        return json_boolean(*(const bool *)from);
    case MMOE_KEY_TRISTATE:
        return json_boolean(*(const int8_t *)from > 0);
    case MMOE_KEY_WORD:
        return load_word(key, *(const int32_t *)from);
    case MMOE_KEY_TEXT:
        return json_string(*(char *const *)from);
    case MMOE_KEY_TASK: {
        const int32_t task = *(const int32_t *)from;
        return json_string(task < 0 ? "mean" : config->tasks[task].name);
    }
    case MMOE_KEY_LAYERS:
    case MMOE_KEY_PAIR:
        return load_array(key, from);
    case MMOE_KEY_NUMBERS:
        return load_numbers(from);
    case MMOE_KEY_TEXTS:
        return mmoe_json_texts(((const mmoe_texts *)from)->items,
                               ((const mmoe_texts *)from)->count);
    case MMOE_KEY_CHOICE:
        return load_choice(key, from);
    case MMOE_KEY_DOUBLE:
    case MMOE_KEY_VOCABULARY:
        assert(!"no key of a configuration");
    }
    return NULL;
}

mmoe_status mmoe_key_load(const mmoe_key *key, const void *scope, const mmoe_config *config,
                          json_t **out) {
    const void *from = (const char *)scope + key->offset;
    *out = NULL;
    if (is_absent(key, from)) return MMOE_OK;
    *out = load_value(key, from, config);
    return *out ? MMOE_OK : MMOE_E_MEMORY;
}
