#include "data/reading.h"

#include <string.h>

#include "data/texts.h"

bool mmoe_reading_has_word(const mmoe_reading *r, const char *text, size_t length) {
    if (!r->missing.items) return mmoe_is_usual_missing(text, length);
    text = mmoe_trim_blanks(text, &length);
    if (length == 0) return true;
    for (size_t i = 0; i < r->missing.count; i++)
        if (mmoe_is_word(r->missing.items[i], text, length)) return true;
    return false;
}

void mmoe_reading_prepare(mmoe_reading *r) {
    memset(r->plain, 0, sizeof r->plain);
    for (int c = 1; c < 256; c++) {
        bool is_plain = c != ' ' && c != '\t';
        for (size_t i = 0; i < r->missing.count; i++)
            is_plain = is_plain && (uint8_t)*r->missing.items[i] != c;
        if (is_plain && r->missing.items) r->plain[c / 64] |= (uint64_t)1 << c % 64;
    }
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
    const bool ok = mmoe_texts_copy(&from->missing, alloc, &to->missing);
    mmoe_reading_prepare(to);
    return ok;
}

void mmoe_reading_finish(mmoe_reading *r, const mmoe_allocator *alloc) {
    mmoe_texts_finish(&r->missing, alloc);
}
