#include "check_main.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

int check_argc;
char **check_argv;

__attribute__((weak)) int pages_are_counted = 0;

/* What is freed stays with the process, and is taken again: pages that the kernel must clear anew
 * are a third of some programs' time. (Sanitizers have an allocator of their own.) */
static void keep_pages(void) {
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, 1 << 25); /* the most that there may be */
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 1 << 26);
#endif
}

int main(int argc, char **argv) {
    check_argc = argc;
    check_argv = argv;
    if (!pages_are_counted) keep_pages();
    const char *program = program_invocation_short_name;
    const char *name = strncmp(program, "test_", 5) == 0 ? program + 5 : program;
    Suite *s = suite_create(name);
    TCase *c = tcase_create(name);
    tcase_set_timeout(c, 0);
    add_cases(c);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    const int failed = srunner_ntests_failed(r);
    const int run = srunner_ntests_run(r);
    srunner_free(r);
    return failed != 0 || run == 0;
}
