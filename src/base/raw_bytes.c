#include "base/raw_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

static bool is_input(const char *path) { return strcmp(path, "-") == 0; }

const char *mmoe_raw_bytes_name(const char *path) {
    return is_input(path) ? "standard input" : path;
}

/* A pipe gives less at a time. */
static mmoe_status read_file(const mmoe_raw_bytes *from, char *to, size_t size, size_t *n,
                             mmoe_error *err) {
    ssize_t more = 1;
    for (*n = 0; *n < size && more > 0;) {
        more = read(from->file, to + *n, size - *n);
        if (more > 0) *n += (size_t)more;
        if (more < 0 && errno == EINTR) more = 1;
    }
    return more < 0 ? mmoe_fail_system(err, from->name, "cannot read") : MMOE_OK;
}

mmoe_status mmoe_raw_bytes_open(const char *path, mmoe_raw_bytes *out, mmoe_error *err) {
    *out = (mmoe_raw_bytes){.name = mmoe_raw_bytes_name(path)};
    out->file =
        is_input(path) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    if (out->file < 0) return mmoe_fail_system(err, out->name, "cannot open");
    const mmoe_status status = read_file(out, out->first, sizeof out->first, &out->n_first, err);
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
    return status;
}

void mmoe_raw_bytes_close(mmoe_raw_bytes *bytes) { close(bytes->file); }
