#include "base/warnings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/sentence.h"
#include "base/utf8.h"

static mmoe_status grow_warnings(mmoe_warnings *list, mmoe_error *err) {
    if (list->count < list->capacity) return MMOE_OK;
    const size_t capacity = list->capacity ? 2 * list->capacity : 8;
    mmoe_warning *items =
        mmoe_resize(&list->alloc, list->items, list->capacity, capacity, sizeof *items);
    if (!items) return mmoe_fail_memory(err, capacity * sizeof *items);
    list->items = items;
    list->capacity = capacity;
    return MMOE_OK;
}

/* One line, whole however long the names in it are; NULL when memory is out. */
__attribute__((format(printf, 3, 0))) static char *
sentence(const mmoe_allocator *alloc, size_t length, const char *format, va_list args) {
    char *text = mmoe_alloc(alloc, length + 1, 1);
    if (!text) return NULL;
    mmoe_say_args(text, length + 1, format, args);
    mmoe_utf8_plain(text, ' ');
    return text;
}

/* NULL where there is no text, or no memory. */
static char *copy_of(const mmoe_warnings *list, const char *text) {
    return text ? mmoe_copy_text(&list->alloc, text, strlen(text)) : NULL;
}

static void release_texts(const mmoe_warnings *list, const mmoe_warning *w) {
    mmoe_release(&list->alloc, (void *)(uintptr_t)w->message);
    mmoe_release(&list->alloc, (void *)(uintptr_t)w->subject);
    mmoe_release(&list->alloc, (void *)(uintptr_t)w->file);
    mmoe_release(&list->alloc, (void *)(uintptr_t)w->key);
}

mmoe_status mmoe_warn(mmoe_warnings *list, mmoe_warning about, mmoe_error *err, const char *format,
                      ...) {
    va_list args;
    va_start(args, format);
    const int length = mmoe_say_args(NULL, 0, format, args);
    va_end(args);
    if (length < 0 || grow_warnings(list, err)) return MMOE_E_MEMORY;
    va_start(args, format);
    char *message = sentence(&list->alloc, (size_t)length, format, args);
    va_end(args);
    mmoe_warning own = {message,   copy_of(list, about.subject), about.count,
                        about.row, copy_of(list, about.file),    copy_of(list, about.key)};
    if (!message || (about.subject && !own.subject) || (about.file && !own.file) ||
        (about.key && !own.key)) {
        release_texts(list, &own);
        return mmoe_fail_memory(err, (size_t)length + 1);
    }
    list->items[list->count++] = own;
    return MMOE_OK;
}

void mmoe_warnings_finish(mmoe_warnings *list) {
    for (size_t i = 0; i < list->count; i++) release_texts(list, &list->items[i]);
    mmoe_release(&list->alloc, list->items);
    list->items = NULL;
    list->count = list->capacity = 0;
}
