#include "data/texts.h"

#include <string.h>

bool mmoe_texts_start(mmoe_texts *texts, size_t count, const mmoe_allocator *alloc) {
    *texts = (mmoe_texts){mmoe_alloc_zero(alloc, count + 1, sizeof(char *)), 0};
    return texts->items;
}

bool mmoe_texts_add(mmoe_texts *texts, const char *text, size_t length,
                    const mmoe_allocator *alloc) {
    char *copy = mmoe_copy_text(alloc, text, length);
    if (copy) texts->items[texts->count++] = copy;
    return copy;
}

bool mmoe_texts_copy(const mmoe_texts *from, const mmoe_allocator *alloc, mmoe_texts *to) {
    *to = (mmoe_texts){NULL, 0};
    if (!from->items) return true;
    bool ok = mmoe_texts_start(to, from->count, alloc);
    for (size_t i = 0; ok && i < from->count; i++)
        ok = mmoe_texts_add(to, from->items[i], strlen(from->items[i]), alloc);
    if (!ok) mmoe_texts_finish(to, alloc);
    return ok;
}

bool mmoe_texts_have(const mmoe_texts *texts, const char *text) {
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->items[i], text) == 0) return true;
    return false;
}

void mmoe_texts_finish(mmoe_texts *texts, const mmoe_allocator *alloc) {
    for (size_t i = 0; i < texts->count; i++) mmoe_release(alloc, texts->items[i]);
    mmoe_release(alloc, texts->items);
    *texts = (mmoe_texts){NULL, 0};
}
