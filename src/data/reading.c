#include "data/reading.h"

bool mmoe_reading_is_missing(const mmoe_reading *r, const char *text, size_t length) {
    if (!r->missing.items) return mmoe_is_usual_missing(text, length);
    text = mmoe_trim_blanks(text, &length);
    if (length == 0) return true;
    for (size_t i = 0; i < r->missing.count; i++)
        if (mmoe_is_word(r->missing.items[i], text, length)) return true;
    return false;
}

char mmoe_reading_separator(const mmoe_reading *r) {
    static const char characters[] = {
        [MMOE_SEPARATOR_COMMA] = ',',
        [MMOE_SEPARATOR_SEMICOLON] = ';',
        [MMOE_SEPARATOR_TAB] = '\t',
        [MMOE_SEPARATOR_BAR] = '|',
    };
    return characters[r->separator];
}

bool mmoe_reading_copy(const mmoe_reading *from, const mmoe_allocator *alloc, mmoe_reading *to) {
    *to = *from;
    to->missing = (mmoe_texts){NULL, 0};
    if (!from->missing.items) return true;
    to->missing.items = mmoe_alloc_zero(alloc, from->missing.count + 1, sizeof(char *));
    if (!to->missing.items) return false;
    for (; to->missing.count < from->missing.count; to->missing.count++) {
        const char *word = from->missing.items[to->missing.count];
        char *copy = mmoe_copy_text(alloc, word, strlen(word));
        to->missing.items[to->missing.count] = copy;
        if (copy) continue;
        mmoe_reading_finish(to, alloc);
        return false;
    }
    return true;
}

void mmoe_reading_finish(mmoe_reading *r, const mmoe_allocator *alloc) {
    for (size_t i = 0; i < r->missing.count; i++) mmoe_release(alloc, r->missing.items[i]);
    mmoe_release(alloc, r->missing.items);
    r->missing = (mmoe_texts){NULL, 0};
}
