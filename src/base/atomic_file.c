#include "base/atomic_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

enum { NAME_ATTEMPTS = 100, MAX_LINKS = 40, SUFFIX_SIZE = 64 };

struct mmoe_atomic_file {
    mmoe_allocator alloc;
    const char *path;      /* as given, for errors */
    char target[PATH_MAX]; /* behind symbolic links, so that a link stays one */
    char folder[PATH_MAX]; /* of target, with its '/'; "./": the current one */
    char temporary[PATH_MAX + SUFFIX_SIZE];
    bool named; /* the file stands in the folder, as `temporary` */
    int fd;
};

static mmoe_status write_failed(const mmoe_atomic_file *f, mmoe_error *err) {
    return mmoe_fail_system(err, f->path, "cannot write");
}

/* ---- Where the file goes ---- */

/* `target` with its last component, a link, replaced by what the link says; errno on failure. */
static bool follow(char target[PATH_MAX]) {
    char link[PATH_MAX];
    const ssize_t length = readlink(target, link, sizeof link);
    if (length < 0) return false;
    const char *slash = strrchr(target, '/');
    const size_t folder = slash && *link != '/' ? (size_t)(slash - target) + 1 : 0;
    if (folder + (size_t)length >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(target + folder, link, (size_t)length);
    target[folder + (size_t)length] = '\0';
    return true;
}

/* Is it a descriptor of a process, as /dev/stdout and /dev/fd/3 come to be? What such a link says
 * is no name to replace: the file may have been opened to be appended to, or have no name any more.
 * *own: which of this process, or -1. */
static bool is_descriptor(const char target[PATH_MAX], int *own) {
    const char *slash = strrchr(target, '/'), *digits = slash ? slash + 1 : target;
    char folder[PATH_MAX + 1], real[PATH_MAX], *end;
    *own = -1;
    if (!*digits || digits[strspn(digits, "0123456789")]) return false;
    snprintf(folder, sizeof folder, "%.*s.", (int)(digits - target), target);
    if (!realpath(folder, real) || strncmp(real, "/proc/", 6) != 0) return false;
    if (strcmp(real + strlen(real) - 3, "/fd") != 0) return false;
    if (strtol(real + 6, &end, 10) == getpid()) *own = (int)strtol(digits, &end, 10);
    return true;
}

/* False with errno; errno is 0 where nothing is there yet. A descriptor is the last link. */
static bool follow_all(const char *path, char target[PATH_MAX], struct stat *info) {
    int own;
    errno = *path ? ENAMETOOLONG : ENOENT;
    if (!*path || strlen(path) >= PATH_MAX) return false;
    strcpy(target, path);
    for (int links = 0; lstat(target, info) == 0; links++) {
        if (!S_ISLNK(info->st_mode) || is_descriptor(target, &own)) return true;
        errno = ELOOP;
        if (links == MAX_LINKS || !follow(target)) return false;
    }
    if (errno == ENOENT) errno = 0;
    return false;
}

bool mmoe_atomic_file_target(const char *path, char target[PATH_MAX]) {
    struct stat info;
    return follow_all(path, target, &info) || errno == 0;
}

int mmoe_atomic_file_own(const char *path) {
    char target[PATH_MAX];
    struct stat info;
    int own = -1;
    if (follow_all(path, target, &info) && S_ISLNK(info.st_mode)) is_descriptor(target, &own);
    return own;
}

/* Can the file that is there be replaced by another? In a folder that all may write to (of a sticky
 * bit) only its owner may do that, and nobody may where it cannot change or is a mount point, as in
 * containers: that has to be known before hours of work, not after. Errno: why not. */
static bool can_replace(const char *target, const char *folder, const struct stat *info) {
    struct stat of;
    const uid_t user = geteuid();
    errno = EPERM;
    if (user && user != info->st_uid && stat(folder, &of) == 0 && of.st_mode & S_ISVTX &&
        user != of.st_uid)
        return false;
#ifdef STATX_ATTR_MOUNT_ROOT
    struct statx more;
    const unsigned never = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
    if (statx(AT_FDCWD, target, AT_SYMLINK_NOFOLLOW, 0, &more)) return true;
    errno = more.stx_attributes & STATX_ATTR_MOUNT_ROOT ? EBUSY : EPERM;
    return !(more.stx_attributes & (never | STATX_ATTR_MOUNT_ROOT));
#else
    (void)target;
    return true;
#endif
}

static void find_folder(mmoe_atomic_file *f) {
    const char *slash = strrchr(f->target, '/');
    if (slash)
        snprintf(f->folder, sizeof f->folder, "%.*s", (int)(slash + 1 - f->target), f->target);
    else
        strcpy(f->folder, "./");
}

static mmoe_status refuse_kind(const mmoe_atomic_file *f, mode_t mode, mmoe_error *err) {
    const char *what = S_ISDIR(mode) ? "a directory" : "not a regular file";
    errno = S_ISDIR(mode) ? EISDIR : EINVAL;
    if (S_ISLNK(mode)) what = "an open file of a process, which is not replaced";
    return mmoe_fail_at(err, MMOE_E_IO, f->path, 0, NULL, "cannot write: it is %s", what);
}

/* Follows links to a file, which need not be there. `mode`: its permissions, or -1. The system may
 * refuse to follow one of another user, which it says where it is to follow them itself. */
static mmoe_status find_target(mmoe_atomic_file *f, int *mode, mmoe_error *err) {
    struct stat info, there;
    *mode = -1;
    const bool is_there = follow_all(f->path, f->target, &info);
    if (!is_there && errno) return write_failed(f, err);
    if (stat(f->path, &there) && errno != ENOENT) return write_failed(f, err);
    find_folder(f);
    if (!is_there) return MMOE_OK;
    if (!S_ISREG(info.st_mode)) return refuse_kind(f, info.st_mode, err);
    if (!can_replace(f->target, f->folder, &info)) return write_failed(f, err);
    *mode = (int)(info.st_mode & 0777);
    return MMOE_OK;
}

/* ---- Temporary names ---- */

/* A file's writers hold a lock on it, which ends with them: what nobody has locked is left over
 * from a killed one, whatever its number was and in whichever container it ran. */
static bool is_leftover(int fd, const char *name) {
    struct stat info, there;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
           flock(fd, LOCK_EX | LOCK_NB) == 0 && lstat(name, &there) == 0 &&
           there.st_dev == info.st_dev && there.st_ino == info.st_ino;
}

static bool remove_leftover(const char *name) {
    const int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return false;
    const bool removed = is_leftover(fd, name) && unlink(name) == 0;
    close(fd);
    return removed;
}

/* Makes f->temporary, and locks it. EEXIST, too, when somebody took it for left over meanwhile. */
static bool create_named(mmoe_atomic_file *f, int fd) {
    (void)fd;
    f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (f->fd < 0) return false;
    const bool taken = flock(f->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    struct stat info;
    if (!taken && fstat(f->fd, &info) == 0 && info.st_nlink > 0) return true;
    close(f->fd);
    f->fd = -1;
    errno = EEXIST;
    return false;
}

static bool link_to(int fd, const char *name) {
    char source[64];
    snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, source, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

static bool link_temporary(mmoe_atomic_file *f, int fd) { return link_to(fd, f->temporary); }

/* Names follow from the target's, so that the next writer of it meets what a killed one left; a
 * hash, since a target's name may be as long as names can be. */
static uint64_t hash_of_name(const char *target) {
    const char *slash = strrchr(target, '/');
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (const char *c = slash ? slash + 1 : target; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    return hash;
}

/* `make` with the first name that is free or can be made free; errno on failure. */
static bool take_name(mmoe_atomic_file *f, bool (*make)(mmoe_atomic_file *, int), int fd) {
    const uint64_t hash = hash_of_name(f->target);
    for (int attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
        snprintf(f->temporary, sizeof f->temporary, "%s.mmoe-%016llx-%d.tmp", f->folder,
                 (unsigned long long)hash, attempt);
        if (make(f, fd)) return true;
        if (errno != EEXIST) return false;
        if (remove_leftover(f->temporary) && make(f, fd)) return true;
    }
    errno = EEXIST;
    return false;
}

/* ---- Making, writing, ending ---- */

static int open_unnamed(const mmoe_atomic_file *f) {
#ifdef O_TMPFILE
    return open(f->folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
#else
    (void)f;
    return -1;
#endif
}

/* No signal ends this thread while a temporary name stands that only it knows. */
static sigset_t hold_signals(void) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    return before;
}

static void let_signals(sigset_t before) {
    const int reason = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = reason;
}

/* Can a file without a name be given one? That may fail where there is no /proc, or under a
 * security policy; it has to be known before hours of work, not after. */
static bool can_link(mmoe_atomic_file *f) {
    const int fd = open_unnamed(f);
    if (fd < 0) return false;
    flock(fd, LOCK_EX | LOCK_NB);
    const sigset_t before = hold_signals();
    const bool linked = take_name(f, link_temporary, fd);
    if (linked) unlink(f->temporary);
    let_signals(before);
    close(fd);
    return linked;
}

/* Leaves errno, which has the reason of a failure. */
static void discard(mmoe_atomic_file *f) {
    const int reason = errno;
    if (f->named) unlink(f->temporary);
    close(f->fd);
    errno = reason;
}

static void release(mmoe_atomic_file *f) {
    const int reason = errno;
    mmoe_allocator a = f->alloc;
    mmoe_release(&a, f);
    errno = reason;
}

static mmoe_status open_temporary(mmoe_atomic_file *f, mmoe_error *err) {
    int mode;
    mmoe_status status = find_target(f, &mode, err);
    if (status) return status;
    f->fd = can_link(f) ? open_unnamed(f) : -1;
    f->named = f->fd < 0;
    if (f->named && !take_name(f, create_named, -1)) return write_failed(f, err);
    flock(f->fd, LOCK_EX | LOCK_NB);
    if (mode < 0 || !fchmod(f->fd, (mode_t)mode)) return MMOE_OK;
    status = write_failed(f, err);
    discard(f);
    return status;
}

mmoe_status mmoe_atomic_file_open(const char *path, const mmoe_allocator *alloc,
                                  mmoe_atomic_file **out, mmoe_error *err) {
    assert(path && out);
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_atomic_file *f = mmoe_alloc(&a, 1, sizeof *f);
    if (!f) errno = ENOMEM;
    if (!f) return mmoe_fail_memory(err, sizeof *f);
    f->alloc = a;
    f->path = path;
    mmoe_status status = open_temporary(f, err);
    if (status)
        release(f);
    else
        *out = f;
    return status;
}

mmoe_status mmoe_atomic_file_write(mmoe_atomic_file *f, const void *data, size_t size,
                                   mmoe_error *err) {
    const char *at = data;
    while (size) {
        ssize_t written = write(f->fd, at, size < 1u << 30 ? size : 1u << 30);
        if (written < 0 && errno != EINTR) return write_failed(f, err);
        if (written < 0) continue;
        at += written;
        size -= (size_t)written;
    }
    return MMOE_OK;
}

/* The name lasts through a loss of power once the folder is synced. Folders that may not be read,
 * and file systems that cannot sync one, are left to the system. */
static mmoe_status sync_folder(const mmoe_atomic_file *f, mmoe_error *err) {
    int fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return MMOE_OK;
    mmoe_status status = MMOE_OK;
    if (fsync(fd) && (errno == EIO || errno == ENOSPC || errno == EDQUOT))
        status = write_failed(f, err);
    close(fd);
    return status;
}

/* A link cannot replace a file: where there is one, the file takes a temporary name first. */
static bool replace_target(mmoe_atomic_file *f) {
    if (!f->named) f->named = take_name(f, link_temporary, f->fd);
    if (!f->named || rename(f->temporary, f->target)) return false;
    f->named = false;
    return true;
}

static bool take_target(mmoe_atomic_file *f) {
    if (!f->named && link_to(f->fd, f->target)) return true;
    if (!f->named && errno != EEXIST) return false;
    const sigset_t before = hold_signals();
    const bool taken = replace_target(f);
    let_signals(before);
    return taken;
}

mmoe_status mmoe_atomic_file_close(mmoe_atomic_file *f, mmoe_status status, mmoe_error *err) {
    if (!status && (fsync(f->fd) || !take_target(f))) status = write_failed(f, err);
    const bool kept = !status;
    discard(f);
    if (kept) status = sync_folder(f, err);
    release(f);
    return status;
}

int mmoe_atomic_file_descriptor(const mmoe_atomic_file *f) { return f->fd; }

const char *mmoe_atomic_file_temporary(const mmoe_atomic_file *f) {
    return f->named ? f->temporary : NULL;
}
