#include "base/memory.h"

#include <unistd.h>

#include "base/control_groups.h"

/* A word, "max", or a number near 2^63 is none. */
static int64_t limit_in(const char *folder, const char *file) {
    int64_t bytes;
    return mmoe_control_read(folder, file, &bytes) && bytes > 0 ? bytes : 0;
}

static int64_t limit_of_version_1(const char *folder) {
    return limit_in(folder, "memory.limit_in_bytes");
}

static int64_t limit_of_version_2(const char *folder) { return limit_in(folder, "memory.max"); }

int64_t mmoe_memory_limit(const char *groups, const char *mount) {
    static const mmoe_control memory = {
        "memory", {"memory"}, limit_of_version_1, limit_of_version_2};
    return mmoe_control_limit(&memory, groups, mount);
}

int64_t mmoe_memory(void) {
    const int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    const int64_t machine = pages > 0 && size > 0 ? pages * size : 0;
    return mmoe_control_tighter(machine, mmoe_memory_limit("/proc/self/cgroup", "/sys/fs/cgroup"));
}
