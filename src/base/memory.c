#include "base/memory.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/control_groups.h"

/* Numbers of the lines "NAME NUMBER" of a file of the kernel's, added up; 0: there are none. */
static int64_t add_lines(const char *path, const char *const *names, size_t count) {
    char line[128];
    int64_t sum = 0, number;
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    while (fgets(line, sizeof line, f))
        for (size_t i = 0; i < count; i++) {
            const size_t length = strlen(names[i]);
            if (strncmp(line, names[i], length) == 0 &&
                sscanf(line + length, " %" SCNd64, &number) == 1)
                sum += number;
        }
    fclose(f);
    return sum;
}

/* ---- Control groups ---- */

/* How a version calls them. */
typedef struct group_files {
    const char *limit, *usage, *cache; /* cache: a line of memory.stat */
} group_files;
static const group_files version_1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                      "total_inactive_file "},
                         version_2 = {"memory.max", "memory.current", "inactive_file "};

/* A word, "max", or a number near 2^63 is none. */
static int64_t limit_in(const char *folder, const group_files *files) {
    int64_t bytes;
    return mmoe_control_read(folder, files->limit, &bytes) && bytes > 0 ? bytes : 0;
}

int64_t mmoe_memory_taken(void) {
    static const char *const own[] = {"RssAnon:"};
    return 1024 * add_lines("/proc/self/status", own, 1);
}

/* What a group's processes have, but for what the kernel would drop of files that they have read;
 * where that cannot be known, what this one has. */
static int64_t usage_in(const char *folder, const group_files *files) {
    char path[PATH_MAX + 64];
    int64_t bytes;
    if (!mmoe_control_read(folder, files->usage, &bytes)) return mmoe_memory_taken();
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    return bytes - add_lines(path, &files->cache, 1);
}

/* 0: there is no limit; 1: nothing is left. */
static int64_t left_in(const char *folder, const group_files *files) {
    const int64_t limit = limit_in(folder, files);
    if (!limit) return 0;
    const int64_t usage = usage_in(folder, files), left = limit - (usage > 0 ? usage : 0);
    return left > 0 ? left : 1;
}

static int64_t limit_of_version_1(const char *folder) { return limit_in(folder, &version_1); }
static int64_t limit_of_version_2(const char *folder) { return limit_in(folder, &version_2); }
static int64_t left_of_version_1(const char *folder) { return left_in(folder, &version_1); }
static int64_t left_of_version_2(const char *folder) { return left_in(folder, &version_2); }

int64_t mmoe_memory_limit(const char *groups, const char *mount) {
    static const mmoe_control memory = {
        "memory", {"memory"}, limit_of_version_1, limit_of_version_2};
    return mmoe_control_limit(&memory, groups, mount);
}

int64_t mmoe_memory_left(const char *groups, const char *mount) {
    static const mmoe_control memory = {"memory", {"memory"}, left_of_version_1, left_of_version_2};
    return mmoe_control_limit(&memory, groups, mount);
}

/* ---- Limits of a process ---- */

/* Bytes of addresses that a limit of the process's leaves it, of which it has `used`, a line of its
 * status, and `wanted` are for others; 0: there is no limit. */
static int64_t left_of_process(int resource, const char *const *used, int64_t wanted) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur > INT64_MAX)
        return 0;
    const int64_t left = (int64_t)limit.rlim_cur -
                         (used ? 1024 * add_lines("/proc/self/status", used, 1) : 0) - wanted;
    return left > 0 ? left : 1;
}

/* ---- This process ---- */

static const char groups_here[] = "/proc/self/cgroup", mount_here[] = "/sys/fs/cgroup";

int64_t mmoe_memory(void) {
    const int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    const int64_t machine = pages > 0 && size > 0 ? pages * size : 0,
                  process = left_of_process(RLIMIT_AS, NULL, 0);
    return mmoe_control_tighter(mmoe_control_tighter(machine, process),
                                mmoe_memory_limit(groups_here, mount_here));
}

int64_t mmoe_memory_available(int64_t addresses) {
    static const char *const free_lines[] = {"MemAvailable:", "SwapFree:"},
                             *const size[] = {"VmSize:"}, *const data[] = {"VmData:"};
    const int64_t process = mmoe_control_tighter(left_of_process(RLIMIT_AS, size, addresses),
                                                 left_of_process(RLIMIT_DATA, data, addresses)),
                  kernel = 1024 * add_lines("/proc/meminfo", free_lines, 2),
                  left = mmoe_memory_left(groups_here, mount_here),
                  available = mmoe_control_tighter(mmoe_control_tighter(kernel, left), process);
    return available ? available : mmoe_memory();
}
