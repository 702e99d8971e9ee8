#include "base/atomic_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

enum { NAME_ATTEMPTS = 1000 };

struct mmoe_atomic_file {
    mmoe_allocator alloc;
    const char *path;      /* as given, for errors */
    char target[PATH_MAX]; /* behind symbolic links, so that a link stays one */
    size_t folder;         /* length of target's folder with its '/'; 0: the current one */
    char temporary[PATH_MAX + 64];
    int fd;
};

static mmoe_status io_failed(const mmoe_atomic_file *f, mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_IO, f->path, 0, NULL, "cannot write: %s", strerror(errno));
}

/* `mode`: the permissions of a file that is there already, or -1. */
static mmoe_status find_target(mmoe_atomic_file *f, int *mode, mmoe_error *err) {
    struct stat info;
    *mode = -1;
    if (realpath(f->path, f->target)) {
        if (stat(f->target, &info)) return io_failed(f, err);
        if (!S_ISREG(info.st_mode))
            return mmoe_fail_at(err, MMOE_E_IO, f->path, 0, NULL, "cannot write: it is %s",
                                S_ISDIR(info.st_mode) ? "a directory" : "not a regular file");
        *mode = (int)(info.st_mode & 0777);
    } else {
        if (errno == ENOENT && strlen(f->path) >= sizeof f->target) errno = ENAMETOOLONG;
        if (errno != ENOENT || !*f->path) return io_failed(f, err);
        strcpy(f->target, f->path);
    }
    const char *slash = strrchr(f->target, '/');
    f->folder = slash ? (size_t)(slash - f->target) + 1 : 0;
    return MMOE_OK;
}

static mmoe_status open_temporary(mmoe_atomic_file *f, mmoe_error *err) {
    int mode;
    mmoe_status status = find_target(f, &mode, err);
    if (status) return status;
    for (int attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
        snprintf(f->temporary, sizeof f->temporary, "%.*s.mmoe-%ld-%d.tmp", (int)f->folder,
                 f->target, (long)getpid(), attempt);
        f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f->fd >= 0 || errno != EEXIST) break;
    }
    if (f->fd < 0) return io_failed(f, err);
    if (mode < 0 || !fchmod(f->fd, (mode_t)mode)) return MMOE_OK;
    status = io_failed(f, err);
    close(f->fd);
    unlink(f->temporary);
    return status;
}

mmoe_status mmoe_atomic_file_open(const char *path, const mmoe_allocator *alloc,
                                  mmoe_atomic_file **out, mmoe_error *err) {
    assert(path && out);
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_atomic_file *f = mmoe_alloc(&a, 1, sizeof *f);
    if (!f) return mmoe_fail_memory(err, sizeof *f);
    f->alloc = a;
    f->path = path;
    mmoe_status status = open_temporary(f, err);
    if (status)
        mmoe_release(&a, f);
    else
        *out = f;
    return status;
}

mmoe_status mmoe_atomic_file_write(mmoe_atomic_file *f, const void *data, size_t size,
                                   mmoe_error *err) {
    const char *at = data;
    while (size) {
        ssize_t written = write(f->fd, at, size < 1u << 30 ? size : 1u << 30);
        if (written < 0 && errno != EINTR) return io_failed(f, err);
        if (written < 0) continue;
        at += written;
        size -= (size_t)written;
    }
    return MMOE_OK;
}

/* The rename lasts through a loss of power once the folder is synced. Folders that may not be read,
 * and file systems that cannot sync one, are left to the system. */
static mmoe_status sync_folder(mmoe_atomic_file *f, mmoe_error *err) {
    f->target[f->folder] = '\0';
    int fd = open(f->folder ? f->target : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return MMOE_OK;
    mmoe_status status = MMOE_OK;
    if (fsync(fd) && (errno == EIO || errno == ENOSPC || errno == EDQUOT))
        status = io_failed(f, err);
    close(fd);
    return status;
}

static mmoe_status keep(mmoe_atomic_file *f, mmoe_error *err) {
    mmoe_status status = fsync(f->fd) ? io_failed(f, err) : MMOE_OK;
    if (close(f->fd) && !status) status = io_failed(f, err);
    if (!status && rename(f->temporary, f->target)) status = io_failed(f, err);
    if (!status) return sync_folder(f, err);
    unlink(f->temporary);
    return status;
}

mmoe_status mmoe_atomic_file_close(mmoe_atomic_file *f, mmoe_status status, mmoe_error *err) {
    if (status) {
        close(f->fd);
        unlink(f->temporary);
    } else {
        status = keep(f, err);
    }
    mmoe_allocator a = f->alloc;
    mmoe_release(&a, f);
    return status;
}
