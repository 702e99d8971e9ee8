/* A profile as a trace for Perfetto or chrome://tracing (the JSON of Chrome's Trace Event Format). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/profile.h"

/* A decimal number without the locale's point: `thousandths` as units. */
static void print_thousandths(FILE *f, double thousandths) {
    long long n = (long long)(thousandths + 0.5);
    fprintf(f, "%lld.%03lld", n / 1000, n % 1000);
}

static void print_slice(FILE *f, const mmoe_profile *p, int worker, const mmoe_slice *s) {
    fprintf(f, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"name\":\"%s: %s\",\"ts\":", worker, p->names[s->node], mmoe_profile_pass(p, s->node, s->pass));
    print_thousandths(f, (s->start - p->begin) * 1e9); /* microseconds */
    fprintf(f, ",\"dur\":");
    print_thousandths(f, (s->end - s->start) * 1e9);
    fprintf(f, ",\"args\":{\"chunk\":%d,\"bytes\":%lld", (int)s->chunk, (long long)s->bytes);
    if (s->flops > 0) {
        fprintf(f, ",\"MFLOP\":");
        print_thousandths(f, s->flops / 1e3);
        fprintf(f, ",\"GFLOP/s\":");
        print_thousandths(f, s->flops / (s->end - s->start) / 1e6);
    }
    fprintf(f, "}}");
}

static void print_trace(FILE *f, const mmoe_profile *p) {
    fprintf(f, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"mmoe train\"}}");
    for (int w = 0; w < p->workers; w++)
        fprintf(f, ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_name\",\"args\":{\"name\":\"worker %d\"}}", w, w);
    for (int w = 0; w < p->workers; w++)
        for (size_t i = 0; i < p->logs[w].count; i++) print_slice(f, p, w, &p->logs[w].slices[i]);
    fprintf(f, "\n]}\n");
}

mmoe_status mmoe_profile_write(const mmoe_profile *p, const char *path, mmoe_error *err) {
    if (!p || !path) return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_profile_write: profile and path must not be NULL");
    FILE *f = fopen(path, "we");
    if (!f) return mmoe_fail_at(err, MMOE_E_IO, path, 0, NULL, "cannot write: %s", strerror(errno));
    print_trace(f, p);
    int failed = ferror(f);
    if (fclose(f) || failed) return mmoe_fail_at(err, MMOE_E_IO, path, 0, NULL, "cannot write: %s", strerror(errno));
    return MMOE_OK;
}
