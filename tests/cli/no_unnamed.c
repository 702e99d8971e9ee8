/* Preloaded: a system without O_TMPFILE, where temporary files have names. */
#undef _FILE_OFFSET_BITS /* which makes one function of the two */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...) {                                                   \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        const int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, int) : 0;                    \
        va_end(args);                                                                              \
        if ((flags & O_TMPFILE) != O_TMPFILE) return openat(AT_FDCWD, path, flags, mode);          \
        errno = EOPNOTSUPP;                                                                        \
        return -1;                                                                                 \
    }

OPEN(open)
OPEN(open64)
