#include "base/processors.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* The smaller of two limits, 0 being none. */
static int tighter(int a, int b) {
    if (!a || !b) return a + b;
    return a < b ? a : b;
}

static int processors_of(long long quota, long long period) {
    if (quota <= 0 || period <= 0) return 0;
    const long long count = (quota + period - 1) / period;
    return count < INT_MAX ? (int)count : INT_MAX;
}

static int read_number(const char *folder, const char *file, long long *out) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    const int read = fscanf(f, "%lld", out);
    fclose(f);
    return read == 1;
}

/* Version 2: "cpu.max" is "max 100000" or "150000 100000". */
static int quota_of_version_2(const char *folder) {
    char path[PATH_MAX + 64];
    long long quota = 0, period = 0;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    const int read = fscanf(f, "%lld %lld", &quota, &period);
    fclose(f);
    return read == 2 ? processors_of(quota, period) : 0;
}

/* Version 1: two files; a quota of -1 is none. */
static int quota_of_version_1(const char *folder) {
    long long quota, period;
    if (!read_number(folder, "cpu.cfs_quota_us", &quota)) return 0;
    if (!read_number(folder, "cpu.cfs_period_us", &period)) return 0;
    return processors_of(quota, period);
}

/* The tightest of a group's and its parents', up to the mount. */
static int quota_of_group(const char *mount, const char *group, int (*quota_of)(const char *)) {
    char path[PATH_MAX];
    const size_t root = strlen(mount);
    int least = 0;
    if (snprintf(path, sizeof path, "%s%s", mount, group) >= (int)sizeof path) return 0;
    for (;;) {
        least = tighter(least, quota_of(path));
        char *slash = strrchr(path + root, '/');
        if (!slash) return least;
        *slash = '\0';
    }
}

/* Whether the word stands in a list with commas. */
static int lists(const char *list, const char *word) {
    const size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || !at[length])) return 1;
    return 0;
}

/* A line is "0::/group" (version 2) or "4:cpu,cpuacct:/group" (version 1). */
int mmoe_quota_processors(const char *groups, const char *mount) {
    char line[PATH_MAX], folder[PATH_MAX];
    int least = 0;
    FILE *f = fopen(groups, "re");
    if (!f) return 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':'),
             *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        *controllers++ = '\0';
        *group++ = '\0';
        if (!*controllers) {
            least = tighter(least, quota_of_group(mount, group, quota_of_version_2));
        } else if (lists(controllers, "cpu")) {
            static const char *const folders[] = {"cpu", "cpu,cpuacct", "cpuacct,cpu"};
            for (int i = 0; i < 3; i++) {
                if (snprintf(folder, sizeof folder, "%s/%s", mount, folders[i]) >=
                    (int)sizeof folder)
                    continue;
                least = tighter(least, quota_of_group(folder, group, quota_of_version_1));
            }
        }
    }
    fclose(f);
    return least;
}

int mmoe_processors(void) {
    cpu_set_t set;
    const int allowed = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    const int quota = mmoe_quota_processors("/proc/self/cgroup", "/sys/fs/cgroup");
    return tighter(allowed < 1 ? 1 : allowed, quota);
}
