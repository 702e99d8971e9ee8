#include "progress.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

/* ---- Texts ---- */

const char *cli_time_text(double seconds, char text[CLI_TIME_SIZE]) {
    if (seconds < 100)
        snprintf(text, CLI_TIME_SIZE, "%.0f s", ceil(seconds));
    else if (seconds < 6000)
        snprintf(text, CLI_TIME_SIZE, "%.0f min", ceil(seconds / 60));
    else
        snprintf(text, CLI_TIME_SIZE, "%.1f h", seconds / 3600);
    return text;
}

const char *cli_count_text(double count, char text[CLI_COUNT_SIZE]) {
    static const char units[] = "kMG";
    int unit = -1;
    if (count >= 1e4)
        for (unit = 0, count /= 1e3; count >= 999.5 && units[unit + 1]; unit++) count /= 1e3;
    if (unit < 0)
        snprintf(text, CLI_COUNT_SIZE, "%.0f", count);
    else
        snprintf(text, CLI_COUNT_SIZE, "%.3g%c", count, units[unit]);
    return text;
}

/* A text that grows as far as there is room. */
typedef struct sentence {
    char text[PROGRESS_LINE];
    size_t length;
} sentence;

__attribute__((format(printf, 2, 3))) static void say(sentence *s, const char *format, ...) {
    const size_t room = sizeof s->text - s->length;
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(s->text + s->length, room, format, args);
    va_end(args);
    if (length > 0) s->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* What is known of work that has gone on for so long. */
static void say_work(sentence *s, const mmoe_work *w, double seconds) {
    char text[CLI_TIME_SIZE];
    const double rate = (double)w->done / seconds;
    const bool is_known = w->total > 0 && w->done <= w->total;
    say(s, "%s%s%s", w->what, w->file ? " " : "", w->file ? w->file : "");
    if (is_known) say(s, " %3.0f %%", floor(100 * (double)w->done / (double)w->total));
    if (w->rows > 0) say(s, "  %s rows", cli_count_text((double)w->rows, text));
    if (strcmp(w->unit, "bytes") == 0)
        say(s, "  %.0f MB/s", rate / 1e6);
    else
        say(s, "  %s rows/s", cli_count_text(rate, text));
    if (is_known && w->done > 0)
        say(s, "  %s left", cli_time_text((double)(w->total - w->done) / rate, text));
}

/* ---- The line ---- */

#define ERASE "\r\033[K"

/* Bytes of `text` that take at most `columns`; one a character. */
static size_t fitting(const char *text, size_t length, int columns) {
    size_t at = 0;
    for (; at < length; at++)
        if (!mmoe_utf8_continues(text[at]) && columns-- <= 0) break;
    return at;
}

static bool is_new(const progress_line *line, const char *what, const char *file, int64_t done) {
    return !line->what || strcmp(line->what, what) != 0 || line->file != file || done < line->done;
}

/* Is it time for the line of this work? */
static bool is_due(progress_line *line, const mmoe_work *w, double now) {
    enum { PATIENCE = 1, TIMES_A_SECOND = 5 };
    if (is_new(line, w->what, w->file, w->done)) line->began = now;
    line->what = w->what;
    line->file = w->file;
    line->done = w->done;
    return now - line->began >= PATIENCE && (now - line->shown) * TIMES_A_SECOND >= 1;
}

void cli_write_plain(FILE *out, const char *text, size_t length) {
    for (size_t i = 0, size; i < length; i += size) {
        uint32_t point = 0;
        size = mmoe_utf8_next(text + i, length - i, &point);
        if (size && !mmoe_utf8_is_control(point))
            fwrite(text + i, 1, size, out);
        else
            fputc('?', out);
        if (!size) size = 1;
    }
}

static void write_line(progress_line *line, const char *text, double now, int width) {
    fputs(line->is_open ? ERASE : "", line->out);
    line->is_open = true;
    /* A full row would make the cursor go on below. */
    cli_write_plain(line->out, text, fitting(text, strlen(text), width - 1));
    fflush(line->out);
    line->shown = now;
}

void progress_tell(progress_line *line, const mmoe_work *work, double now, int width) {
    sentence s = {.length = 0};
    if (!line->out || !is_due(line, work, now)) return;
    say_work(&s, work, now - line->began);
    write_line(line, s.text, now, width);
}

void progress_show(progress_line *line, const char *what, const char *text, double now, int width) {
    const mmoe_work work = {.what = what};
    if (line->out && is_due(line, &work, now)) write_line(line, text, now, width);
}

void progress_clear(progress_line *line) {
    if (!line->is_open) return;
    fputs(ERASE, line->out);
    fflush(line->out);
    line->is_open = false;
}

/* ---- The program's ---- */

static progress_line own;
static bool is_found, is_stopped; /* whether there is a terminal */
static pthread_mutex_t own_mutex = PTHREAD_MUTEX_INITIALIZER;

/* Also of one that was resized. */
static int terminal_width(void) {
    enum { USUAL = 80 };
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : USUAL;
}

static void find_terminal(void) {
    const char *kind = getenv("TERM");
    const bool can_erase = kind && strcmp(kind, "dumb") != 0;
    if (!is_found && !is_stopped && can_erase && isatty(STDERR_FILENO)) own.out = stderr;
    is_found = true;
}

static void tell(void *user, const mmoe_work *work) {
    (void)user;
    pthread_mutex_lock(&own_mutex);
    find_terminal();
    progress_tell(&own, work, mmoe_clock(), own.out ? terminal_width() : 0);
    pthread_mutex_unlock(&own_mutex);
}

const mmoe_watcher cli_watcher = {.on_work = tell};

void cli_progress(const mmoe_work *work) { tell(NULL, work); }

void cli_progress_line(const char *what, const char *text) {
    pthread_mutex_lock(&own_mutex);
    find_terminal();
    progress_show(&own, what, text, mmoe_clock(), own.out ? terminal_width() : 0);
    pthread_mutex_unlock(&own_mutex);
}

void cli_progress_hold(void) {
    pthread_mutex_lock(&own_mutex);
    progress_clear(&own);
}

void cli_progress_release(void) { pthread_mutex_unlock(&own_mutex); }

void cli_progress_clear(void) {
    cli_progress_hold();
    cli_progress_release();
}

void cli_progress_erase(void) {
    if (own.is_open && write(STDERR_FILENO, ERASE, sizeof ERASE - 1) < 0) return;
}

void cli_progress_stop(void) {
    pthread_mutex_lock(&own_mutex);
    progress_clear(&own);
    own.out = NULL;
    is_stopped = true;
    pthread_mutex_unlock(&own_mutex);
}
