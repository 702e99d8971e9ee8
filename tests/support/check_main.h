/* A test program of Check: check_main.c has its main, the program's own file adds its cases. */
#ifndef MMOE_TESTS_CHECK_MAIN_H
#define MMOE_TESTS_CHECK_MAIN_H

#include <check.h>

/* Those of main. */
extern int check_argc;
extern char **check_argv;

/* No case has a limit of time: what hangs is Meson's to end. */
void add_cases(TCase *c);

#endif
