#include "base/sentence.h"

#include <locale.h>
#include <stdio.h>

/* Sets the locale "C" for this thread while it writes, and then puts the former one back. */
int mmoe_say_args(char *out, size_t size, const char *format, va_list args) {
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0),
                   before = plain ? uselocale(plain) : (locale_t)0;
    const int length = vsnprintf(out, size, format, args);
    if (!plain) return length;
    uselocale(before);
    freelocale(plain);
    return length;
}

int mmoe_say(char *out, size_t size, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const int length = mmoe_say_args(out, size, format, args);
    va_end(args);
    return length;
}
