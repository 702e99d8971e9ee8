/* Limits that control groups set (versions 1 and 2 of Linux's). */
#ifndef MMOE_BASE_CONTROL_GROUPS_H
#define MMOE_BASE_CONTROL_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

/* What is limited, and how a group's folder says it: a number above 0; 0: it is not. */
typedef struct mmoe_control {
    const char *controller; /* as version 1 calls it */
    const char *folders[4]; /* in which version 1 may have it, NULL behind the last */
    int64_t (*of_version_1)(const char *folder);
    int64_t (*of_version_2)(const char *folder);
} mmoe_control;

/* The tightest limit of the process's groups and their parents; 0: there is none. `groups` is the
 * process's list, /proc/self/cgroup, `mount` where the file systems of control groups are,
 * /sys/fs/cgroup. Within a container a group's path may lead nowhere: the root of the mount is then
 * what the container has. */
int64_t mmoe_control_limit(const mmoe_control *control, const char *groups, const char *mount);
/* The number that a file of a folder begins with; false: there is none. */
bool mmoe_control_read(const char *folder, const char *file, int64_t *out);

/* The smaller of two limits, 0 being none. */
static inline int64_t mmoe_control_tighter(int64_t a, int64_t b) {
    if (!a || !b) return a + b;
    return a < b ? a : b;
}

#endif
