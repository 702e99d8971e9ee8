/* A test program of Check: check_main.c has its main, the program's own file adds its cases. */
#ifndef MMOE_TESTS_CHECK_MAIN_H
#define MMOE_TESTS_CHECK_MAIN_H

#include <check.h>

/* The thread sanitizer takes tens of times as long, and has nothing to see of what one thread does:
 * cases of one thread alone are none of its. */
#ifdef __SANITIZE_THREAD__
enum { THREADS_ALONE = 1 };
#else
enum { THREADS_ALONE = 0 };
#endif

/* Those of main. */
extern int check_argc;
extern char **check_argv;

/* No case has a limit of time: what hangs is Meson's to end. */
void add_cases(TCase *c);

#endif
