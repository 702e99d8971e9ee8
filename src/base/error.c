#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/sentence.h"
#include "base/utf8.h"

static void copy_cut(char *to, size_t size, const char *from) {
    const size_t n = from ? mmoe_utf8_cut(from, strlen(from), size - 1) : 0;
    if (n) memcpy(to, from, n);
    to[n] = '\0';
}

/* Makes one line of UTF-8 of a text. If it was cut within a character, the rest of that is removed.
 */
static void mend(char *text, bool was_cut) {
    const size_t end = strlen(text);
    size_t at = end; /* behind the first byte of the last character */
    while (was_cut && at > 0 && end - at < 3 && mmoe_utf8_continues(text[at - 1])) at--;
    if (was_cut && at > 0 && !mmoe_utf8_next(text + at - 1, end - at + 1, NULL))
        text[at - 1] = '\0';
    mmoe_utf8_plain(text, ' ');
}

typedef struct error_place {
    const char *file;
    int64_t row;
    const char *column;
} error_place;

__attribute__((format(printf, 4, 0))) static void
fill(mmoe_error *err, mmoe_status code, error_place at, const char *format, va_list args) {
    if (!err) return;
    err->code = code;
    err->row = at.row;
    copy_cut(err->file, sizeof err->file, at.file);
    copy_cut(err->column, sizeof err->column, at.column);
    char place[sizeof err->message];
    size_t used = 0;
    place[0] = '\0';
    if (*err->file) used += (size_t)snprintf(place + used, sizeof place - used, "%s: ", err->file);
    if (at.row > 0)
        used +=
            (size_t)snprintf(place + used, sizeof place - used, "row %lld: ", (long long)at.row);
    if (*err->column)
        used += (size_t)snprintf(place + used, sizeof place - used, "column \"%s\": ", err->column);
    memcpy(err->message, place, used + 1); /* at most 256 + 128 + 40 bytes: fits */
    const int length = mmoe_say_args(err->message + used, sizeof err->message - used, format, args);
    mend(err->message, length < 0 || (size_t)length >= sizeof err->message - used);
}

mmoe_status mmoe_fail(mmoe_error *err, mmoe_status code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, code, (error_place){0}, format, args);
    va_end(args);
    return code;
}

mmoe_status mmoe_fail_at(mmoe_error *err, mmoe_status code, const char *file, int64_t row,
                         const char *column, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, code, (error_place){file, row, column}, format, args);
    va_end(args);
    return code;
}

mmoe_status mmoe_fail_format(mmoe_error *err, const char *file, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, MMOE_E_FORMAT, (error_place){.file = file}, format, args);
    va_end(args);
    return MMOE_E_FORMAT;
}

mmoe_status mmoe_fail_memory(mmoe_error *err, size_t bytes) {
    if (bytes == 0) return mmoe_fail(err, MMOE_E_MEMORY, "out of memory");
    return mmoe_fail(err, MMOE_E_MEMORY, "out of memory: %zu bytes more were needed", bytes);
}

mmoe_status mmoe_check_reserved(void *const *members, size_t count, const char *call,
                                mmoe_error *err) {
    for (size_t i = 0; i < count; i++)
        if (members[i])
            return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the options' reserved members must be NULL",
                             call);
    return MMOE_OK;
}

const char *mmoe_reason(int number, char text[MMOE_REASON_SIZE]) {
    return strerror_r(number, text, MMOE_REASON_SIZE);
}

mmoe_status mmoe_fail_system(mmoe_error *err, const char *file, const char *what) {
    char text[MMOE_REASON_SIZE];
    return mmoe_fail_at(err, MMOE_E_IO, file, 0, NULL, "%s: %s", what, mmoe_reason(errno, text));
}
