/* How a benchmark program ends when something fails, and memory that does not fail otherwise. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common.h"

noreturn void bench_fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fflush(stdout);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void *bench_alloc(size_t count, size_t size) {
    void *p = calloc(count ? count : 1, size);
    if (!p) bench_fail("out of memory");
    return p;
}
