#include "init_lists.h"

#include <string.h>
#include <strings.h>

#include "base/brackets.h"
#include "base/missing.h"
#include "base/text.h"

/* A column without a separator in this many cells has no lists. */
enum { FIRST_CELLS = 1000 };

static const char separators[CLI_LIST_SEPARATORS] = {'|', ';', ',', ' ', ','};
enum { BRACKETS = CLI_LIST_SEPARATORS - 1 };

/* ---- Elements ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Bytes of the element before ":0.5"; all of it where no weight stands there. */
static size_t cut_weight(const char *text, size_t length) {
    size_t at = length;
    double weight;
    while (at > 0 && text[at - 1] != ':') at--;
    if (at < 2 || !mmoe_parse_double(text + at, length - at, &weight) || !(weight >= 0))
        return length;
    return at - 1;
}

/* An integer or a code, "b12". */
static bool is_id(const char *text, size_t length) {
    size_t digits = 0;
    for (size_t i = 0; i < length; i++) digits += is_digit(text[i]);
    return digits > 0 && !memchr(text, '.', length) && !memchr(text, ' ', length);
}

/* What a sentence has and a tag has not: small words, marks at an end, many words. */
static bool is_prose(const char *text, size_t length) {
    static const char *const small[] = {"a",  "an",  "and", "the", "of", "is",
                                        "in", "for", "to",  "der", "et", "de"};
    size_t words = 1;
    for (size_t i = 0; i < length; i++) words += text[i] == ' ';
    if (words > 4 || strchr(".!?,:", text[length - 1])) return true;
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        if (strlen(small[i]) == length && strncasecmp(text, small[i], length) == 0) return true;
    return false;
}

static bool add_element(cli_list_counts *c, const char *text, size_t length) {
    text = mmoe_trim_blanks(text, &length);
    c->elements++;
    if (length == 0) {
        c->empty++;
        return true;
    }
    const size_t name = cut_weight(text, length);
    c->weighted += name < length;
    c->ids += is_id(text, name);
    c->prose += is_prose(text, name);
    return cli_values_add(&c->values, cli_hash_value(text, name));
}

static bool add_cell(cli_list_counts *c, char separator, const char *text, size_t length) {
    const char *end = text + length;
    int64_t elements = 0;
    for (const char *next; text; text = next, elements++) {
        const char *stop = memchr(text, separator, (size_t)(end - text));
        next = stop ? stop + 1 : NULL;
        if (!add_element(c, text, (size_t)((stop ? stop : end) - text))) return false;
    }
    if (elements == 1) return true;
    c->cells++;
    if (elements > c->longest) c->longest = elements;
    if (elements < c->shortest || !c->shortest) c->shortest = elements;
    return true;
}

/* ---- Cells ---- */

/* What would be no element: another list, or a key and its value. */
static bool is_nested(const char *text, size_t length) {
    return memchr(text, '[', length) || memchr(text, '{', length) || memchr(text, ':', length);
}

static bool add_brackets(cli_lists *lists, const char *text, size_t length) {
    cli_list_counts *c = &lists->of[BRACKETS];
    const bool has_any = length > 1 && ((*text == '[' && text[length - 1] == ']') ||
                                        (*text == '{' && text[length - 1] == '}'));
    if (!has_any) return true;
    lists->brackets++;
    text = mmoe_brackets_open(text, &length);
    int64_t elements = 0;
    const char *end = text + length;
    for (const char *next; length && text; text = next, elements++) {
        const char *stop = mmoe_brackets_next(text, end, separators[BRACKETS]);
        size_t size = (size_t)(stop - text);
        const char *element = mmoe_brackets_unquote(text, &size);
        next = stop < end ? stop + 1 : NULL;
        if (!add_element(c, element, size)) return false;
        if (size) c->prose += is_nested(element, size) && !is_prose(element, size);
    }
    c->cells += elements > 1;
    if (elements > c->longest) c->longest = elements;
    return true;
}

static bool has_none(const cli_lists *lists) {
    for (int i = 0; i < CLI_LIST_SEPARATORS; i++)
        if (lists->of[i].cells) return false;
    return true;
}

bool cli_lists_add(cli_lists *lists, const char *text, size_t length) {
    if (lists->is_closed) return true;
    text = mmoe_trim_blanks(text, &length);
    for (int i = 0; i < BRACKETS; i++)
        if (!add_cell(&lists->of[i], separators[i], text, length)) return false;
    if (!add_brackets(lists, text, length)) return false;
    lists->is_closed = ++lists->cells == FIRST_CELLS && has_none(lists);
    if (lists->is_closed) cli_lists_free(lists);
    return true;
}

void cli_lists_free(cli_lists *lists) {
    for (int i = 0; i < CLI_LIST_SEPARATORS; i++) cli_values_free(&lists->of[i].values);
}

/* ---- The guess ---- */

static bool are_ids(const cli_list_counts *c) { return 10 * c->ids >= 9 * c->elements; }

/* Elements come again, or are ids, of which a history may have many. */
static bool has_elements(const cli_list_counts *c) {
    return are_ids(c) || 2 * c->elements >= 3 * (int64_t)c->values.count;
}

/* Commas and blanks stand in sentences, names ("Smith, John") and dates, too: lists have cells of
 * any length, made of fewer elements than there are cells. */
static bool is_no_prose(const cli_list_counts *c, int64_t distinct, char separator) {
    if (c->shortest == c->longest || 50 * c->prose > c->elements || c->empty) return false;
    return are_ids(c) || distinct > (separator == ' ' ? 2 : 1) * (int64_t)c->values.count;
}

static bool is_list(const cli_lists *lists, int i, int64_t distinct) {
    const cli_list_counts *c = &lists->of[i];
    const bool is_mark = i == BRACKETS || separators[i] == '|' || separators[i] == ';';
    if ((i == BRACKETS) != (lists->brackets == lists->cells)) return false;
    if (c->cells < 2 || 20 * c->cells < lists->cells || !has_elements(c)) return false;
    return is_mark ? 4 * c->prose < c->elements : is_no_prose(c, distinct, separators[i]);
}

bool cli_lists_guess(const cli_lists *lists, int64_t distinct, cli_list_guess *out) {
    if (lists->is_closed) return false;
    for (int i = 0; i < CLI_LIST_SEPARATORS; i++) {
        const cli_list_counts *c = &lists->of[i];
        if (!is_list(lists, i, distinct)) continue;
        const int64_t filled = c->elements - c->empty;
        *out = (cli_list_guess){separators[i], i != BRACKETS && c->weighted == filled,
                                i == BRACKETS, c};
        return true;
    }
    return false;
}
