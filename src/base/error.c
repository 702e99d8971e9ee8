#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STRINGIFY_(x) #x
#define STRINGIFY(x) STRINGIFY_(x)

const char *mmoe_version(void) {
    return STRINGIFY(MMOE_VERSION_MAJOR) "." STRINGIFY(MMOE_VERSION_MINOR) "." STRINGIFY(
        MMOE_VERSION_PATCH);
}

const char *mmoe_status_string(mmoe_status status) {
    switch (status) {
    case MMOE_OK:
        return "success";
    case MMOE_E_ARGUMENT:
        return "invalid argument";
    case MMOE_E_MEMORY:
        return "out of memory";
    case MMOE_E_IO:
        return "input or output failed";
    case MMOE_E_FORMAT:
        return "malformed file";
    case MMOE_E_VERSION:
        return "file of a newer version";
    case MMOE_E_CONFIG:
        return "invalid configuration";
    case MMOE_E_DATA:
        return "invalid data";
    case MMOE_E_NUMERIC:
        return "value is not finite";
    case MMOE_E_CANCELLED:
        return "cancelled";
    default:
        return "unknown status";
    }
}

static void copy_cut(char *to, size_t size, const char *from) {
    size_t n = from ? strlen(from) : 0;
    if (n >= size) n = size - 1;
    if (n) memcpy(to, from, n);
    to[n] = '\0';
}

__attribute__((format(printf, 6, 0))) static void fill(mmoe_error *err, mmoe_status code,
                                                       const char *file, int64_t row,
                                                       const char *column, const char *format,
                                                       va_list args) {
    if (!err) return;
    err->code = code;
    err->row = row;
    copy_cut(err->file, sizeof err->file, file);
    copy_cut(err->column, sizeof err->column, column);
    char place[sizeof err->message];
    size_t used = 0;
    place[0] = '\0';
    if (file && *file)
        used += (size_t)snprintf(place + used, sizeof place - used, "%s: ", err->file);
    if (row > 0)
        used += (size_t)snprintf(place + used, sizeof place - used, "row %lld: ", (long long)row);
    if (column && *column)
        used += (size_t)snprintf(place + used, sizeof place - used, "column \"%s\": ", err->column);
    memcpy(err->message, place, used + 1); /* at most 256 + 128 + 40 bytes: fits */
    vsnprintf(err->message + used, sizeof err->message - used, format, args);
    for (char *c = err->message; *c; c++)
        if ((unsigned char)*c < ' ') *c = ' ';
}

mmoe_status mmoe_fail(mmoe_error *err, mmoe_status code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, code, NULL, 0, NULL, format, args);
    va_end(args);
    return code;
}

mmoe_status mmoe_fail_at(mmoe_error *err, mmoe_status code, const char *file, int64_t row,
                         const char *column, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, code, file, row, column, format, args);
    va_end(args);
    return code;
}

mmoe_status mmoe_fail_memory(mmoe_error *err, size_t bytes) {
    return mmoe_fail(err, MMOE_E_MEMORY, "out of memory: %zu bytes more were needed", bytes);
}
