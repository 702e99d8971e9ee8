/* Sentences for people: a number's point is a point, whatever the process's locale. */
#ifndef MMOE_BASE_SENTENCE_H
#define MMOE_BASE_SENTENCE_H

#include <stdarg.h>
#include <stddef.h>

/* As vsnprintf and snprintf. */
int mmoe_say_args(char *out, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
int mmoe_say(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
