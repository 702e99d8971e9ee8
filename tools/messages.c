/* What the program says on standard error. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "cli.h"
#include "progress.h"

static const char *command_name = "";
static char last_failure[512];

const char *cli_last_failure(void) { return last_failure; }

void cli_speak_as(const char *command) { command_name = command; }

__attribute__((format(printf, 1, 0))) static void print_sentence(const char *format, va_list args) {
    fprintf(stderr, "mmoe%s%s: ", *command_name ? " " : "", command_name);
    vfprintf(stderr, format, args);
}

__attribute__((format(printf, 1, 0))) static void message(const char *format, va_list args) {
    cli_progress_hold();
    print_sentence(format, args);
    fputc('\n', stderr);
    cli_progress_release();
}

/* A failure, with the reason behind it if there is one. */
__attribute__((format(printf, 2, 0))) static void fail(const char *reason, const char *format,
                                                       va_list args) {
    va_list again;
    va_copy(again, args);
    const int length = vsnprintf(last_failure, sizeof last_failure, format, again);
    va_end(again);
    if (*reason && length >= 0 && (size_t)length < sizeof last_failure)
        snprintf(last_failure + length, sizeof last_failure - (size_t)length, ": %s", reason);
    cli_progress_hold();
    print_sentence(format, args);
    fprintf(stderr, "%s%s\n", *reason ? ": " : "", reason);
    cli_progress_release();
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
    va_start(args, format);
    message(format, args);
    va_end(args);
}

int cli_fail_memory(void) { return cli_fail("out of memory"); }
