#include "folders.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "warnings.h"

enum { MOST = 8 };
static struct kept {
    const char *flag;
    char folder[PATH_MAX + 1]; /* as it was given, with its '/' and "." */
    char real[PATH_MAX];       /* without links, from the root on */
} kept[MOST];
static int n_kept;
static char current[PATH_MAX]; /* the current folder, when it was there; "": nobody knows */

void cli_folders_keep(const char *flag, const char *path) {
    struct kept *k = &kept[n_kept];
    char target[PATH_MAX];
    if (n_kept == MOST || !mmoe_atomic_file_target(path, target)) return;
    const char *slash = strrchr(target, '/');
    const int length = slash ? (int)(slash + 1 - target) : 0;
    *k = (struct kept){.flag = flag};
    snprintf(k->folder, sizeof k->folder, "%.*s.", length, target);
    if (!realpath(k->folder, k->real)) return;
    if (!*current && !getcwd(current, sizeof current)) *current = '\0';
    n_kept++;
}

static bool is_gone(const char *folder) {
    struct stat about;
    return stat(folder, &about) && (errno == ENOENT || errno == ENOTDIR);
}

/* A current folder that was removed is still there, for those who are in it. */
static bool has_lost_current(void) {
    struct stat about;
    return *current && stat(".", &about) == 0 && about.st_nlink == 0;
}

/* With the folders above it. */
static bool make_folder(const char *path) {
    char part[PATH_MAX + 1];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0777) && errno != EEXIST) return false;
        *slash = '/';
    }
    if (is_gone(path)) return mkdir(path, 0777) == 0;
    return true;
}

/* Errno on failure. */
static bool mend(const struct kept *k) {
    if (has_lost_current() && (!make_folder(current) || chdir(current))) return false;
    /* What a link names first, and then what bore the link's name, if that was removed, too. */
    return make_folder(k->real) && (!is_gone(k->folder) || make_folder(k->folder));
}

void cli_folders_mend(void) {
    char reason[MMOE_REASON_SIZE];
    for (const struct kept *k = kept; k < kept + n_kept; k++) {
        if (!is_gone(k->folder) && (*k->folder == '/' || !has_lost_current())) continue;
        if (mend(k))
            cli_warn("--%s: the folder %s was removed meanwhile: it is made again", k->flag,
                     k->real);
        else
            cli_warn("--%s: the folder %s was removed meanwhile, and cannot be made again: %s",
                     k->flag, k->real, mmoe_reason(errno, reason));
    }
}

void cli_folders_mend_often(void) {
    static double before;
    const double now = mmoe_clock();
    if (before > 0 && now - before < 1) return;
    before = now;
    cli_folders_mend();
}
