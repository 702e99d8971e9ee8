/* A locale whose numbers have a decimal comma. */
#ifndef MMOE_TESTS_COMMA_SUPPORT_H
#define MMOE_TESTS_COMMA_SUPPORT_H

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check_main.h"

static inline void numbers_have_commas(void) {
    char text[8];
    snprintf(text, sizeof text, "%.1f", 1.5);
    ck_assert_str_eq(text, "1,5");
}

/* Takes a locale with a decimal comma: the machine's own or, where it has none, one made for the
 * test; false where it cannot be made. */
static inline bool find_comma_locale(void) {
    const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8",
                                 "es_ES.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_ALL, names[i])) return true;
    char folder[] = "/tmp/mmoe-locale-XXXXXX", command[200];
    if (!mkdtemp(folder)) return false;
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1",
             folder, folder);
    const bool made = system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 &&
                      setlocale(LC_ALL, "de_DE.UTF-8");
    unsetenv("LOCPATH");
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command)) printf("cannot remove %s\n", folder);
    return made;
}

static inline bool take_comma_locale(const char *test) {
    if (!find_comma_locale()) {
        printf("SKIPPED %s: this machine has no locale with a decimal comma and cannot make one\n",
               test);
        return false;
    }
    numbers_have_commas();
    return true;
}

#endif
