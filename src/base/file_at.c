#include "base/file_at.h"

#include <errno.h>
#include <unistd.h>

bool mmoe_read_at(int file, void *to, size_t size, int64_t at, size_t *got) {
    for (*got = 0; *got < size;) {
        const ssize_t n = pread(file, (char *)to + *got, size - *got, (off_t)at + (off_t)*got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0;
        *got += (size_t)n;
    }
    return true;
}

bool mmoe_write_at(int file, const void *from, size_t size, int64_t at) {
    for (size_t done = 0; done < size;) {
        const ssize_t n =
            pwrite(file, (const char *)from + done, size - done, (off_t)at + (off_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        done += (size_t)n;
    }
    return true;
}
