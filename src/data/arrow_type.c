#include "data/arrow_type.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define KIND(word) MMOE_ARROW_##word

static const struct {
    const char *format;
    mmoe_arrow_form form;
} forms[] = {
    {"c", {KIND(INTEGER), 1}},  {"C", {KIND(UNSIGNED), 1}}, {"s", {KIND(INTEGER), 2}},
    {"S", {KIND(UNSIGNED), 2}}, {"i", {KIND(INTEGER), 4}},  {"I", {KIND(UNSIGNED), 4}},
    {"l", {KIND(INTEGER), 8}},  {"L", {KIND(UNSIGNED), 8}}, {"f", {KIND(FLOAT), 4}},
    {"g", {KIND(FLOAT), 8}},    {"b", {KIND(BOOLEAN), 0}},  {"u", {KIND(TEXT), 4}},
    {"U", {KIND(TEXT), 8}},     {"vu", {KIND(VIEW), 0}},    {"+l", {KIND(LIST), 4}},
    {"+L", {KIND(LIST), 8}},
};

/* "+w:N" */
static bool read_fixed_list(const char *format, mmoe_arrow_form *out) {
    *out = (mmoe_arrow_form){KIND(FIXED_LIST), 0};
    return strncmp(format, "+w:", 3) == 0 &&
           mmoe_parse_int64(format + 3, strlen(format + 3), &out->size) && out->size >= 0 &&
           out->size <= INT32_MAX;
}

static bool read_form(const char *format, mmoe_arrow_form *out) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(format, forms[i].format) == 0) {
            *out = forms[i].form;
            return true;
        }
    return read_fixed_list(format, out);
}

static bool is_list(mmoe_arrow_form form) {
    return form.kind == KIND(LIST) || form.kind == KIND(FIXED_LIST);
}

static bool is_integer(mmoe_arrow_form form) {
    return form.kind == KIND(INTEGER) || form.kind == KIND(UNSIGNED);
}

/* A value that is no list, perhaps in a dictionary. */
static bool read_value(const struct ArrowSchema *s, mmoe_arrow_type *out) {
    if (!s->format || !read_form(s->format, &out->value) || is_list(out->value)) return false;
    const struct ArrowSchema *dictionary = s->dictionary;
    out->is_coded = dictionary;
    if (!dictionary) return true;
    return is_integer(out->value) && dictionary->format && !dictionary->dictionary &&
           read_form(dictionary->format, &out->word) && !is_list(out->word);
}

/* Adds a schema's format to a sentence, behind `word`. */
static void say_format(char fault[MMOE_ARROW_FAULT_SIZE], const char *word,
                       const struct ArrowSchema *s) {
    const size_t used = strlen(fault);
    snprintf(fault + used, MMOE_ARROW_FAULT_SIZE - used, "%s \"%.24s\"", word,
             s->format ? s->format : "");
}

/* Of a list its elements; NULL: there are none. */
static const struct ArrowSchema *elements_of(const struct ArrowSchema *list) {
    return list->n_children == 1 && list->children ? list->children[0] : NULL;
}

const char *mmoe_arrow_type_read(const struct ArrowSchema *column, mmoe_arrow_type *out,
                                 char fault[MMOE_ARROW_FAULT_SIZE]) {
    *out = (mmoe_arrow_type){0};
    out->is_list = column->format && !column->dictionary && read_form(column->format, &out->list) &&
                   is_list(out->list);
    const struct ArrowSchema *value = out->is_list ? elements_of(column) : column;
    if (value && read_value(value, out)) return NULL;
    *fault = '\0';
    say_format(fault, "its Arrow format", column);
    if (out->is_list && value) say_format(fault, " of", value);
    if (value && value->dictionary) say_format(fault, " into", value->dictionary);
    const size_t used = strlen(fault);
    snprintf(fault + used, MMOE_ARROW_FAULT_SIZE - used,
             " cannot be read: integers, floats, booleans, texts, dictionaries and lists of these "
             "can");
    return fault;
}
