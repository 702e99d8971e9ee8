#include "profile_report.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    TRACE_SLICES = 1 << 16 /* of each worker: some thousand steps, a trace of some ten megabytes */
};

int cli_profile_open(profile_report *report, int threads) {
    mmoe_error err;
    report->threads = threads;
    if (mmoe_gemm_peak(threads, NULL, &report->peak, &err))
        return cli_fail("--profile: %s", err.message);
    if (mmoe_profile_create(TRACE_SLICES, NULL, &report->profile, &err))
        return cli_fail("--profile: %s", err.message);
    return CLI_OK;
}

/* A node's seconds are summed over the workers, so its rate is one worker's. */
static void print_entry(const mmoe_profile_entry *e, double total, double worker_peak) {
    fprintf(stderr, "%-20s %-20s %9" PRId64 " %9.3f %6.1f", e->node, e->pass, e->calls, e->seconds,
            total > 0 ? 100 * e->seconds / total : 0);
    double rate = e->seconds > 0 ? e->flops / e->seconds : 0;
    if (e->flops > 0)
        fprintf(stderr, " %9.1f %7.1f\n", rate / 1e9, 100 * rate / worker_peak);
    else
        fprintf(stderr, " %9s %7s\n", "-", "-");
}

static void print_node_table(const profile_report *report, double train_seconds) {
    const double worker_peak = report->peak / report->threads;
    mmoe_profile_entry e, all = {.node = "all nodes", .pass = ""};
    for (size_t i = 0; mmoe_profile_entry_at(report->profile, i, &e) == 0; i++) {
        all.calls += e.calls;
        all.seconds += e.seconds;
        all.flops += e.flops;
    }
    fprintf(stderr, "GEMM peak %.1f GFLOP/s, %.1f a worker; %s, core type %s; kernels %s\n",
            report->peak / 1e9, worker_peak / 1e9, mmoe_blas_version(), mmoe_blas_core_type(),
            mmoe_kernel_set());
    fprintf(stderr, "%-20s %-20s %9s %9s %6s %9s %7s\n", "node", "pass", "calls", "seconds",
            "share", "GFLOP/s", "% peak");
    for (size_t i = 0; mmoe_profile_entry_at(report->profile, i, &e) == 0; i++)
        print_entry(&e, all.seconds, worker_peak);
    print_entry(&all, all.seconds, worker_peak);
    if (train_seconds > 0)
        fprintf(stderr,
                "%.1f %% of %.3f s of training on %d worker%s; the rest: batches, waiting, the "
                "profile itself\n",
                100 * all.seconds / (train_seconds * report->threads), train_seconds,
                report->threads, report->threads == 1 ? "" : "s");
}

int cli_profile_close(const profile_report *report, const char *path, double train_seconds) {
    if (!report->profile) return CLI_OK;
    mmoe_error err;
    print_node_table(report, train_seconds);
    return mmoe_profile_write(report->profile, path, &err) ? cli_fail("--profile: %s", err.message)
                                                           : CLI_OK;
}

json_t *cli_profile_json(const profile_report *report, double train_seconds) {
    if (!report->profile) return NULL;
    json_t *nodes = json_array();
    mmoe_profile_entry e;
    for (size_t i = 0; mmoe_profile_entry_at(report->profile, i, &e) == 0; i++)
        json_array_append_new(nodes,
                              json_pack("{s:s, s:s, s:I, s:f, s:f, s:f}", "node", e.node, "pass",
                                        e.pass, "calls", (json_int_t)e.calls, "seconds", e.seconds,
                                        "flops", e.flops, "bytes", e.bytes));
    return json_pack("{s:f, s:i, s:f, s:s, s:s, s:s, s:o}", "seconds", train_seconds, "threads",
                     report->threads, "gemm_peak", report->peak, "blas", mmoe_blas_version(),
                     "core_type", mmoe_blas_core_type(), "kernels", mmoe_kernel_set(), "nodes",
                     nodes);
}
