/* A profile as a trace for Perfetto or chrome://tracing (the JSON of Chrome's Trace Event Format).
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "graph/profile.h"

/* What is printed goes to the file, until something fails. */
typedef struct sink {
    mmoe_atomic_file *file;
    mmoe_status status;
    mmoe_error *err;
} sink;

__attribute__((format(printf, 2, 3))) static void print(sink *s, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!s->status) s->status = mmoe_atomic_file_write(s->file, text, (size_t)length, s->err);
}

/* A decimal number without the locale's point: `thousandths` as units. */
typedef struct decimal {
    long long whole;
    int rest;
} decimal;

static decimal decimal_of(double thousandths) {
    const long long n = (long long)(thousandths + 0.5);
    return (decimal){n / 1000, (int)(n % 1000)};
}

static void print_slice(sink *f, const mmoe_profile *p, int worker, const mmoe_slice *s) {
    const decimal start = decimal_of((s->start - p->begin) * 1e9),
                  duration = decimal_of((s->end - s->start) * 1e9); /* microseconds */
    print(f,
          ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"name\":\"%s: "
          "%s\",\"ts\":%lld.%03d,\"dur\":%lld.%03d,\"args\":{\"chunk\":%d,\"bytes\":%lld",
          worker, p->names[s->node], mmoe_profile_pass(p, s->node, s->pass), start.whole,
          start.rest, duration.whole, duration.rest, (int)s->chunk, (long long)s->bytes);
    if (s->flops > 0) {
        const decimal flops = decimal_of(s->flops / 1e3),
                      rate = decimal_of(s->flops / (s->end - s->start) / 1e6);
        print(f, ",\"MFLOP\":%lld.%03d,\"GFLOP/s\":%lld.%03d", flops.whole, flops.rest, rate.whole,
              rate.rest);
    }
    print(f, "}}");
}

static void print_trace(sink *f, const mmoe_profile *p) {
    print(f, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"name\":"
             "\"process_name\",\"args\":{\"name\":\"mmoe train\"}}");
    for (int w = 0; w < p->workers; w++)
        print(f,
              ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_name\",\"args\":{\"name\":"
              "\"worker %d\"}}",
              w, w);
    for (int w = 0; w < p->workers; w++)
        for (size_t i = 0; i < p->logs[w].count; i++) print_slice(f, p, w, &p->logs[w].slices[i]);
    print(f, "\n]}\n");
}

mmoe_status mmoe_profile_write(const mmoe_profile *p, const char *path, mmoe_error *err) {
    if (!p || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_profile_write: profile and path must not be NULL");
    sink f = {.err = err};
    mmoe_status status = mmoe_atomic_file_open(path, &p->alloc, &f.file, err);
    if (status) return status;
    print_trace(&f, p);
    return mmoe_atomic_file_close(f.file, f.status, err);
}
