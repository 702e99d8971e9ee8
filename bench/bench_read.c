/* How fast CSV becomes columns: a file is read as training reads it, vocabularies included. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common.h"

static const char usage[] =
    "Usage: bench_read CONFIG.json THREADS FILE...\n"
    "Reads each file as training does, vocabularies included, with so many threads, and prints a "
    "JSON line for it:\nthe file, its rows, the threads and the seconds.\n";

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void read_file(const mmoe_config *config, const char *path, int threads) {
    const mmoe_read_options options = {.threads = threads};
    mmoe_schema *schema;
    mmoe_dataset *set;
    mmoe_error err;
    const double start = now();
    if (mmoe_dataset_fit_csv_with(config, path, &options, NULL, &schema, &set, &err))
        bench_fail("%s: %s", path, err.message);
    const double seconds = now() - start;
    printf("{\"file\": \"%s\", \"rows\": %lld, \"threads\": %d, \"seconds\": %.6f}\n", path,
           (long long)mmoe_dataset_rows(set), threads, seconds);
    mmoe_dataset_free(set);
    mmoe_schema_free(schema);
}

int main(int argc, char **argv) {
    const int threads = argc > 3 ? atoi(argv[2]) : 0;
    mmoe_config *config;
    mmoe_error err;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) return fputs(usage, stdout) < 0;
    if (threads < 1 || threads > BENCH_MAX_THREADS) {
        fputs(usage, stderr);
        return 2;
    }
    if (mmoe_config_read(argv[1], NULL, &config, &err)) bench_fail("%s", err.message);
    for (int i = 3; i < argc; i++) read_file(config, argv[i], threads);
    mmoe_config_free(config);
    return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
