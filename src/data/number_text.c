#include "data/number_text.h"

#include <string.h>

#include "base/missing.h"
#include "base/text.h"
#include "base/unit_letters.h"
#include "data/texts.h"

static const char of_numbers[] = "0123456789+-", letters_of_numbers[] = MMOE_LETTERS_OF_NUMBERS;

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static const char all_texts[] = "*";

/* Cells are compared without the blanks around them. */
static bool has_blanks_around(const mmoe_texts *texts) {
    bool any = false;
    for (size_t i = 0; i < texts->count; i++) {
        size_t length = strlen(texts->items[i]);
        any |= mmoe_trim_blanks(texts->items[i], &length) != texts->items[i] ||
               texts->items[i][length];
    }
    return any;
}

const char *mmoe_number_text_fault(const mmoe_number_text *t, const char **key) {
    *key = "gaps";
    if (has_blanks_around(&t->gaps)) return "one has blanks around it, which no cell keeps";
    *key = "decimal";
    if (t->decimal && strcmp(t->decimal, ",") != 0) return "is not \",\", the one decimal mark";
    *key = "strip";
    if (!t->strip) return NULL;
    if (!*t->strip) return "has no character";
    bool is_number = strpbrk(t->strip, of_numbers) || strchr(t->strip, t->decimal ? ',' : '.'),
         has_unit = false;
    for (const char *c = t->strip; *c; c++)
        has_unit |= is_letter(*c) && !strchr(MMOE_LETTERS_NOT_OF_UNITS, *c);
    if (!has_unit) is_number |= strpbrk(t->strip, letters_of_numbers) != NULL;
    return is_number ? "has a character that is in a number" : NULL;
}

static bool strips(const mmoe_number_text *t, char c) {
    return c && t->strip && strchr(t->strip, c);
}

/* Is text[i] passed over? A letter that numbers have is where another one is beside it: of "1e5
 * minutes" the first e is the number's; and so is the point that ends a unit, "mi.". */
static bool passes(const mmoe_number_text *t, const char *text, size_t length, size_t i) {
    if (text[i] == '.' && i > 0 && is_letter(text[i - 1]) && strips(t, text[i - 1])) return true;
    if (!strips(t, text[i])) return false;
    if (!strchr(letters_of_numbers, text[i])) return true;
    return (i > 0 && is_letter(text[i - 1]) && strips(t, text[i - 1])) ||
           (i + 1 < length && is_letter(text[i + 1]) && strips(t, text[i + 1]));
}

static bool passes_any(const mmoe_number_text *t, const char *text, size_t length, char c) {
    for (size_t i = 0; i < length; i++)
        if (text[i] == c && passes(t, text, length, i)) return true;
    return false;
}

/* "12 kg", or 12 of the same unit: of "12 g", another one, only some of the letters are there. */
static bool has_whole_unit(const mmoe_number_text *t, const char *text, size_t length) {
    size_t letters = 0, found = 0;
    for (const char *c = t->strip; c && *c; c++) {
        letters += is_letter(*c);
        found += is_letter(*c) && passes_any(t, text, length, *c);
    }
    return found == 0 || found == letters;
}

/* "(12.50)" is below 0, where both parentheses are stripped; *below then says so. False: one stands
 * alone, or within the number. */
static bool read_parentheses(const mmoe_number_text *t, const char *text, size_t length,
                             bool *below) {
    const char *open = memchr(text, '(', length), *close = memchr(text, ')', length),
               *end = text + length;
    *below = false;
    if (!strips(t, '(') || !strips(t, ')') || (!open && !close)) return true;
    if (!open || !close || close < open) return false;
    for (const char *c = text; c < end; c++)
        if ((c < open || c > close) && !strips(t, *c) && *c != ' ') return false;
    *below = !memchr(text, '-', length);
    return !memchr(open + 1, '(', (size_t)(end - open - 1)) &&
           !memchr(close + 1, ')', (size_t)(end - close - 1));
}

bool mmoe_number_text_read(const mmoe_number_text *t, const char *text, size_t length,
                           double *out) {
    char plain[400];
    size_t used = 0;
    bool below;
    if (!t->strip && !t->decimal) return mmoe_parse_double(text, length, out);
    *plain = '\0'; /* nothing else may be written */
    if (!read_parentheses(t, text, length, &below) || !has_whole_unit(t, text, length))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (passes(t, text, length, i)) continue;
        if (used == sizeof plain || (t->decimal && text[i] == '.')) return false;
        plain[used++] = t->decimal && text[i] == ',' ? '.' : text[i];
    }
    if (!mmoe_parse_double(plain, used, out)) return false;
    if (below) *out = -*out;
    return true;
}

/* ---- What stands for a missing number ---- */

bool mmoe_number_text_gap(const mmoe_number_text *t, size_t *index, double *out) {
    while (*index < t->gaps.count) {
        const char *gap = t->gaps.items[(*index)++];
        if (mmoe_parse_double(gap, strlen(gap), out)) return true;
    }
    return false;
}

bool mmoe_number_text_has(const mmoe_number_text *t, double value, bool is_float) {
    double gap;
    for (size_t i = 0; mmoe_number_text_gap(t, &i, &gap);)
        if (value == (is_float ? (double)(float)gap : gap)) return true;
    return false;
}

bool mmoe_number_text_has_word(const mmoe_number_text *t, const char *text, size_t length) {
    text = mmoe_trim_blanks(text, &length);
    for (size_t i = 0; length && i < t->gaps.count; i++)
        if (mmoe_is_word(t->gaps.items[i], text, length)) return true;
    return false;
}

bool mmoe_number_text_names(const mmoe_number_text *t, const char *text, size_t length) {
    double value;
    if (!t->gaps.count) return false;
    return mmoe_number_text_has_word(t, text, length) ||
           (mmoe_number_text_read(t, text, length, &value) &&
            mmoe_number_text_has(t, value, false));
}

bool mmoe_number_text_takes_all(const mmoe_number_text *t) {
    return mmoe_texts_have(&t->gaps, all_texts);
}
