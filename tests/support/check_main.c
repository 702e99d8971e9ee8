#include "check_main.h"

#include <errno.h>
#include <string.h>

int check_argc;
char **check_argv;

int main(int argc, char **argv) {
    check_argc = argc;
    check_argv = argv;
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
