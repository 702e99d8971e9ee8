#include "base/regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"

/* Without O_NONBLOCK, to open a pipe would wait for its writer; reads of a regular file are as they
 * are without. */
mmoe_status mmoe_open_regular(const char *path, int *file, struct stat *about, mmoe_error *err) {
    struct stat own, *info = about ? about : &own;
    int reason = EINVAL;
    mmoe_status status;
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*file < 0 || fstat(*file, info)) {
        reason = errno; /* which the sentence's making may change */
        status = mmoe_fail_system(err, path, "cannot read");
    } else if (S_ISREG(info->st_mode)) {
        return MMOE_OK;
    } else {
        status = mmoe_fail_at(err, MMOE_E_IO, path, 0, NULL, "cannot read: it is %s",
                              S_ISDIR(info->st_mode) ? "a directory" : "not a regular file");
    }
    if (*file >= 0) close(*file);
    *file = -1;
    errno = reason;
    return status;
}
