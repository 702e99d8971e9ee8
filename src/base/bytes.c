#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"

mmoe_status mmoe_bytes_open(const char *path, mmoe_bytes *out, mmoe_error *err) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return mmoe_fail_system(err, path, "cannot open");
    *out = (mmoe_bytes){file, path};
    return MMOE_OK;
}

/* A pipe gives less at a time. */
mmoe_status mmoe_bytes_read(mmoe_bytes *from, char *to, size_t size, size_t *n, mmoe_error *err) {
    ssize_t more = 1;
    for (*n = 0; *n < size && more > 0;) {
        more = read(from->file, to + *n, size - *n);
        if (more > 0) *n += (size_t)more;
        if (more < 0 && errno == EINTR) more = 1;
    }
    return more < 0 ? mmoe_fail_system(err, from->name, "cannot read") : MMOE_OK;
}

void mmoe_bytes_close(mmoe_bytes *bytes) { close(bytes->file); }
