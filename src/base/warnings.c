#include "base/warnings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { LONGEST = 1024 };

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

mmoe_status mmoe_warn(mmoe_warnings *list, mmoe_warning about, mmoe_error *err, const char *format,
                      ...) {
    char text[LONGEST];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (grow_warnings(list, err)) return MMOE_E_MEMORY;
    char *message = mmoe_copy_text(&list->alloc, text, strlen(text));
    char *subject = NULL;
    if (about.subject) subject = mmoe_copy_text(&list->alloc, about.subject, strlen(about.subject));
    if (!message || (about.subject && !subject)) {
        mmoe_release(&list->alloc, message);
        mmoe_release(&list->alloc, subject);
        return mmoe_fail_memory(err, sizeof text);
    }
    about.message = message;
    about.subject = subject;
    list->items[list->count++] = about;
    return MMOE_OK;
}

void mmoe_warnings_finish(mmoe_warnings *list) {
    for (size_t i = 0; i < list->count; i++) {
        mmoe_release(&list->alloc, (void *)(uintptr_t)list->items[i].message);
        mmoe_release(&list->alloc, (void *)(uintptr_t)list->items[i].subject);
    }
    mmoe_release(&list->alloc, list->items);
    list->items = NULL;
    list->count = list->capacity = 0;
}
