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

/* An emulator takes a hundred times as long: of cases that differ in settings alone, some. */
#ifdef EMULATED
enum { IS_EMULATED = 1 };
#else
enum { IS_EMULATED = 0 };
#endif

/* Sanitizers take five to fifty times as long, and look at how things are done, not at what comes
 * out in each setting, which is the same without them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = 1 };
#elif defined(__has_feature) /* clang's word for it */
enum { IS_SANITIZED = __has_feature(address_sanitizer) };
#else
enum { IS_SANITIZED = 0 };
#endif

/* Check notes in a file, for crashes, where each assertion is that holds: in loops that takes
 * longer than what they check. Here the first of each line is noted. */
static inline void mark_first(const char *file, int line) {
    enum { LINES = 512 };
    static char is_marked[LINES];
    char *at = &is_marked[line % LINES];
    if (__atomic_load_n(at, __ATOMIC_RELAXED)) return;
    __atomic_store_n(at, 1, __ATOMIC_RELAXED);
    _mark_point(file, line);
}
#define _mark_point mark_first

/* Those of main. */
extern int check_argc;
extern char **check_argv;

/* 1, if a program says so: memory comes from the kernel as in a program, pages that are not touched
 * and no others. 0: what is freed is taken again. */
extern int pages_are_counted;

/* No case has a limit of time: what hangs is Meson's to end. */
void add_cases(TCase *c);

#endif
