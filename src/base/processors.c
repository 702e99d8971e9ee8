#include "base/processors.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>

#include "base/control_groups.h"

static int64_t processors_of(int64_t quota, int64_t period) {
    if (quota <= 0 || period <= 0) return 0;
    const int64_t count = quota / period + (quota % period != 0);
    return count < INT_MAX ? count : INT_MAX;
}

/* "cpu.max" is "max 100000" or "150000 100000". */
static int64_t quota_of_version_2(const char *folder) {
    char path[PATH_MAX + 64];
    long long quota = 0, period = 0;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    const int read = fscanf(f, "%lld %lld", &quota, &period);
    fclose(f);
    return read == 2 ? processors_of(quota, period) : 0;
}

/* Two files; a quota of -1 is none. */
static int64_t quota_of_version_1(const char *folder) {
    int64_t quota, period;
    if (!mmoe_control_read(folder, "cpu.cfs_quota_us", &quota)) return 0;
    if (!mmoe_control_read(folder, "cpu.cfs_period_us", &period)) return 0;
    return processors_of(quota, period);
}

int mmoe_quota_processors(const char *groups, const char *mount) {
    static const mmoe_control processors = {
        "cpu", {"cpu", "cpu,cpuacct", "cpuacct,cpu"}, quota_of_version_1, quota_of_version_2};
    return (int)mmoe_control_limit(&processors, groups, mount);
}

int mmoe_processors(void) {
    cpu_set_t set;
    const int allowed = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    const int quota = mmoe_quota_processors("/proc/self/cgroup", "/sys/fs/cgroup");
    return (int)mmoe_control_tighter(allowed < 1 ? 1 : allowed, quota);
}
