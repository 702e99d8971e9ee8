/* What the program says on standard error. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "cli.h"
#include "progress.h"

static const char *command_name = "";
static char last_failure[512];

const char *cli_last_failure(void) { return last_failure; }

void cli_speak_as(const char *command) { command_name = command; }

enum { SENTENCE_SIZE = 8192 }; /* a path of any length, and what is wrong with it */

/* A sentence is one line, and changes no terminal, whatever stands in a file's name. */
__attribute__((format(printf, 2, 0))) static void make_sentence(char text[SENTENCE_SIZE],
                                                                const char *format, va_list args) {
    if (vsnprintf(text, SENTENCE_SIZE, format, args) < 0) *text = '\0';
    mmoe_utf8_plain(text, ' ');
}

static void print_sentence(const char *text) {
    cli_progress_hold();
    fprintf(stderr, "mmoe%s%s: %s\n", *command_name ? " " : "", command_name, text);
    cli_progress_release();
}

/* A failure, with the reason behind it if there is one. */
__attribute__((format(printf, 2, 0))) static void fail(const char *reason, const char *format,
                                                       va_list args) {
    char text[SENTENCE_SIZE];
    make_sentence(text, format, args);
    const size_t length = strlen(text);
    if (*reason) snprintf(text + length, SENTENCE_SIZE - length, ": %s", reason);
    const size_t kept = mmoe_utf8_cut(text, strlen(text), sizeof last_failure - 1);
    memcpy(last_failure, text, kept);
    last_failure[kept] = '\0';
    print_sentence(text);
}

int cli_fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fail("", format, args);
    va_end(args);
    return CLI_FAILED;
}

int cli_fail_system(const char *format, ...) {
    const int number = errno;
    char text[MMOE_REASON_SIZE];
    va_list args;
    va_start(args, format);
    fail(number ? mmoe_reason(number, text) : "an earlier write failed", format, args);
    va_end(args);
    return CLI_FAILED;
}

int cli_usage(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fail("", format, args);
    va_end(args);
    fprintf(stderr, "Try 'mmoe%s%s --help'.\n", *command_name ? " " : "", command_name);
    return CLI_USAGE;
}

void cli_note(const char *format, ...) {
    va_list args;
    char text[SENTENCE_SIZE];
    va_start(args, format);
    make_sentence(text, format, args);
    va_end(args);
    print_sentence(text);
}

int cli_fail_memory(void) { return cli_fail("out of memory"); }
