#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
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

static int64_t limit_here(void) { return mmoe_memory_limit("/proc/self/cgroup", "/sys/fs/cgroup"); }

int64_t mmoe_memory(void) {
    const int64_t pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    const int64_t machine = pages > 0 && size > 0 ? pages * size : 0;
    return mmoe_control_tighter(machine, limit_here());
}

/* Bytes of the lines "NAME: N kB" of a file of the kernel's, added up; 0: it cannot be read. */
static int64_t add_lines(const char *path, const char *const *names, size_t count) {
    char line[128];
    int64_t bytes = 0, kilobytes;
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    while (fgets(line, sizeof line, f))
        for (size_t i = 0; i < count; i++) {
            const size_t length = strlen(names[i]);
            if (strncmp(line, names[i], length) == 0 &&
                sscanf(line + length, ": %" SCNd64, &kilobytes) == 1)
                bytes += 1024 * kilobytes;
        }
    fclose(f);
    return bytes;
}

int64_t mmoe_memory_available(void) {
    static const char *const free_lines[] = {"MemAvailable", "SwapFree"}, *const own[] = {
                                                                              "RssAnon"};
    const int64_t kernel = add_lines("/proc/meminfo", free_lines, 2), limit = limit_here(),
                  left = limit ? limit - add_lines("/proc/self/status", own, 1) : 0;
    if (limit && left <= 0) return 1;
    const int64_t available = mmoe_control_tighter(kernel, left);
    return available ? available : mmoe_memory();
}
