#include "base/unnamed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Where the system has none, a name stands for a moment. */
int mmoe_unnamed_file_open(const char *folder) {
    char name[PATH_MAX];
    int file = -1;
#ifdef O_TMPFILE
    file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0) return file;
#endif
    const int length = snprintf(name, sizeof name, "%s/.mmoe-XXXXXX", folder);
    if (length < 0 || (size_t)length >= sizeof name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    file = mkostemp(name, O_CLOEXEC);
    if (file >= 0) unlink(name);
    return file;
}
