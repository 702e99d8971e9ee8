#include "base/raw_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/utf8.h"
#include "base/watcher.h"

static bool is_input(const char *path) { return strcmp(path, "-") == 0; }

const char *mmoe_raw_bytes_name(const char *path) {
    return is_input(path) ? "standard input" : path;
}

const char *mmoe_files_name(const char *first, size_t more, char room[MMOE_FILES_SIZE]) {
    const char *name = mmoe_raw_bytes_name(first);
    if (!more) return name;
    snprintf(room, MMOE_FILES_SIZE, "%.*s and %zu more", mmoe_utf8_fit(name, 200), name, more);
    return room;
}

/* Waits until a pipe has something to read, or has no writer. A signal may be delivered to another
 * thread than this one and then does not interrupt it; so *stop is looked at again and again.
 * Regular files, which have a time, and those that nobody can stop need no wait. */
static mmoe_status await_writer(const mmoe_raw_bytes *from, mmoe_error *err) {
    enum { EACH = 50 }; /* milliseconds */
    const bool waits = from->stop && !from->state.seconds;
    struct pollfd file = {.fd = from->file, .events = POLLIN};
    mmoe_status status = MMOE_OK;
    while (waits && !status && poll(&file, 1, EACH) <= 0) status = mmoe_check_stop(from->stop, err);
    return status;
}

/* A pipe gives less at a time. */
static mmoe_status read_file(const mmoe_raw_bytes *from, char *to, size_t size, size_t *n,
                             mmoe_error *err) {
    ssize_t more = 1;
    for (*n = 0; *n < size && more > 0;) {
        const mmoe_status status = await_writer(from, err);
        if (status) return status;
        more = read(from->file, to + *n, size - *n);
        if (more > 0) *n += (size_t)more;
        if (more < 0 && errno == EINTR) more = 1;
    }
    return more < 0 ? mmoe_fail_system(err, from->name, "cannot read") : MMOE_OK;
}

static mmoe_file_state state_of(int file) {
    struct stat about;
    if (fstat(file, &about) || !S_ISREG(about.st_mode)) return (mmoe_file_state){0};
    return (mmoe_file_state){about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
}

/* Opening a pipe that has a name waits for its writer, unless a signal stops it. */
static mmoe_status open_file(const char *path, mmoe_raw_bytes *bytes, mmoe_error *err) {
    mmoe_status status;
    do {
        bytes->file = is_input(path) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                     : open(path, O_RDONLY | O_CLOEXEC);
        if (bytes->file >= 0) return MMOE_OK;
        if (errno != EINTR) return mmoe_fail_system(err, bytes->name, "cannot open");
        status = mmoe_check_stop(bytes->stop, err);
    } while (!status);
    return status;
}

mmoe_status mmoe_raw_bytes_open(const char *path, const int *stop, mmoe_raw_bytes *out,
                                mmoe_error *err) {
    *out = (mmoe_raw_bytes){.name = mmoe_raw_bytes_name(path), .stop = stop};
    mmoe_status status = open_file(path, out, err);
    if (status) return status;
    out->state = state_of(out->file);
    status = read_file(out, out->first, sizeof out->first, &out->n_first, err);
    if (status) mmoe_raw_bytes_close(out);
    return status;
}

mmoe_status mmoe_raw_bytes_read(mmoe_raw_bytes *from, char *to, size_t size, size_t *n,
                                mmoe_error *err) {
    const size_t left = from->n_first - from->n_given, early = left < size ? left : size;
    memcpy(to, from->first + from->n_given, early);
    from->n_given += early;
    const mmoe_status status = read_file(from, to + early, size - early, n, err);
    *n += early;
    from->n_read += (int64_t)*n;
    return status;
}

mmoe_status mmoe_raw_bytes_check(const mmoe_raw_bytes *from, mmoe_error *err) {
    const mmoe_file_state was = from->state, is = state_of(from->file);
    if (was.bytes != is.bytes)
        return mmoe_fail_at(err, MMOE_E_IO, from->name, 0, NULL,
                            "the file had %lld bytes when it was opened, and has %lld now: it was "
                            "%s while it was read",
                            (long long)was.bytes, (long long)is.bytes,
                            is.bytes < was.bytes ? "cut" : "written to");
    if (was.seconds == is.seconds && was.nanoseconds == is.nanoseconds) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_IO, from->name, 0, NULL,
                        "the file was written to while it was read");
}

void mmoe_raw_bytes_close(mmoe_raw_bytes *bytes) { close(bytes->file); }
