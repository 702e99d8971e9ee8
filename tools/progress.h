/* The line of a terminal that says how far the work has come. */
#ifndef MMOE_TOOLS_PROGRESS_H
#define MMOE_TOOLS_PROGRESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "mmoe/train.h"

/* ---- The program's line: on standard error, where that is a terminal; from any thread ---- */

/* Says what the library tells: for the options of its calls. */
extern const mmoe_watcher cli_watcher;
/* The same of what the program does itself. */
void cli_progress(const mmoe_work *work);
/* A line that the caller has made of work that is called so. */
void cli_progress_line(const char *what, const char *text);
/* Takes the line away: before anything else is written, and when the work is done. It comes back
 * with the next word of work. */
void cli_progress_clear(void);
/* The same, and no other thread writes a line or a message until the release: around what takes
 * several calls to write. */
void cli_progress_hold(void);
void cli_progress_release(void);
/* Takes it away in a handler of signals. */
void cli_progress_erase(void);
/* Nothing is said any more: the terminal gets the results. */
void cli_progress_stop(void);

/* A text of a file may have anything in it; what moves the cursor must not reach a terminal, and
 * is a "?". */
void cli_write_plain(FILE *out, const char *text, size_t length);
/* "34 s", "12 min", "3.5 h". */
enum { CLI_TIME_SIZE = 24 };
const char *cli_time_text(double seconds, char text[CLI_TIME_SIZE]);
/* 87, 339k, 3.01M */
enum { CLI_COUNT_SIZE = 24 };
const char *cli_count_text(double count, char text[CLI_COUNT_SIZE]);

/* ---- How it is written ---- */

enum { PROGRESS_LINE = 512 };

typedef struct progress_line {
    FILE *out; /* NULL: nothing is said */
    /* Of the work that was told last, and when that began. */
    const char *what, *file;
    int64_t done;
    double began, shown;           /* seconds; when the line was written last */
    volatile sig_atomic_t is_open; /* it stands there */
} progress_line;

/* Writes the line of `work`, `now` seconds from any time on, if a second has passed since that work
 * began and a fifth of one since the line was written last; at most `width` columns. */
void progress_tell(progress_line *line, const mmoe_work *work, double now, int width);
/* The same with a text of the caller's. */
void progress_show(progress_line *line, const char *what, const char *text, double now, int width);
void progress_clear(progress_line *line);

#endif
