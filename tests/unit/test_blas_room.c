/* memory that BLAS takes for itself, where there is little of it */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check_main.h"
#include "math/blas_room.h"
#include "math/lapack.h"

void *blas_memory_alloc(int place); /* OpenBLAS's own */

static rlim_t addresses(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld", &pages) != 1) _exit(99);
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Buffers that OpenBLAS has, and nobody uses: its threads have some from the start, as of 0.3.29,
 * and leave them to a process that forks. */
static void use_up_buffers(void) {
    rlim_t before = 0;
    do {
        before = addresses();
        if (!blas_memory_alloc(0)) _exit(98);
    } while (addresses() == before);
}

/* In a process of its own, whose addresses end 200 MB behind those that it has. */
static int with_little(int (*work)(void)) {
    int status = -1;
    const pid_t child = fork();
    if (child == 0) {
        use_up_buffers();
        const rlim_t most = addresses() + ((rlim_t)200 << 20);
        const struct rlimit limit = {most, most};
        _exit(setrlimit(RLIMIT_AS, &limit) ? 99 : work());
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int two_are_too_many(void) {
    mmoe_error err;
    if (mmoe_blas_claim(2, &err) != MMOE_E_MEMORY) return 1;
    if (!strstr(err.message, "OpenBLAS takes 128 MB of addresses a thread, of 2 here")) return 2;
    if (mmoe_blas_claim(1, &err)) return 3;
    if (mmoe_blas_claim(1, &err) != MMOE_E_MEMORY) return 4; /* beside the first */
    mmoe_blas_release(1);
    if (mmoe_blas_claim(1, &err)) return 5; /* with the same buffer */
    enum { N = 40 };
    static double a[N * N], values[N], scratch[34 * N];
    for (int i = 0; i < N; i++) a[i * N + i] = 1 + i;
    return mmoe_lapack_eigen(N, a, values, scratch) && values[0] == 1 ? 0 : 6;
}

START_TEST(what_is_not_there_is_an_error) { ck_assert_int_eq(with_little(two_are_too_many), 0); }
END_TEST

void add_cases(TCase *c) { tcase_add_test(c, what_is_not_there_is_an_error); }
