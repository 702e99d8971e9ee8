#include "data/number_text.h"

#include <string.h>

#include "base/missing.h"
#include "base/text.h"

static const char of_numbers[] = "0123456789+-eExXnaifNAIF";

const char *mmoe_number_text_fault(const mmoe_number_text *t, const char **key) {
    *key = "decimal";
    if (t->decimal && strcmp(t->decimal, ",") != 0) return "is not \",\", the one decimal mark";
    *key = "strip";
    if (!t->strip) return NULL;
    if (!*t->strip) return "has no character";
    const bool is_number =
        strpbrk(t->strip, of_numbers) || strchr(t->strip, t->decimal ? ',' : '.');
    return is_number ? "has a character that is in a number" : NULL;
}

/* "(12.50)" is below 0, where both parentheses are stripped. */
static bool is_below(const mmoe_number_text *t, const char *text, size_t length) {
    if (!t->strip || !strchr(t->strip, '(') || !strchr(t->strip, ')')) return false;
    text = mmoe_trim_blanks(text, &length);
    return length > 2 && *text == '(' && text[length - 1] == ')' && !memchr(text, '-', length);
}

bool mmoe_number_text_read(const mmoe_number_text *t, const char *text, size_t length,
                           double *out) {
    char plain[400];
    size_t used = 0;
    if (!t->strip && !t->decimal) return mmoe_parse_double(text, length, out);
    for (size_t i = 0; i < length; i++) {
        if (text[i] && t->strip && strchr(t->strip, text[i])) continue;
        if (used == sizeof plain || (t->decimal && text[i] == '.')) return false;
        plain[used++] = t->decimal && text[i] == ',' ? '.' : text[i];
    }
    if (!mmoe_parse_double(plain, used, out)) return false;
    if (is_below(t, text, length)) *out = -*out;
    return true;
}
