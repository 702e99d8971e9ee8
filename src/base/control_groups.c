#include "base/control_groups.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

bool mmoe_control_read(const char *folder, const char *file, int64_t *out) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *f = fopen(path, "re");
    if (!f) return false;
    const int read = fscanf(f, "%" SCNd64, out);
    fclose(f);
    return read == 1;
}

/* The tightest of a group's and its parents', up to the mount. */
static int64_t limit_of_group(const char *mount, const char *group,
                              int64_t (*limit_of)(const char *)) {
    char path[PATH_MAX];
    const size_t root = strlen(mount);
    int64_t least = 0;
    if (snprintf(path, sizeof path, "%s%s", mount, group) >= (int)sizeof path) return 0;
    for (;;) {
        least = mmoe_control_tighter(least, limit_of(path));
        char *slash = strrchr(path + root, '/');
        if (!slash) return least;
        *slash = '\0';
    }
}

/* Whether the word stands in a list with commas. */
static bool lists(const char *list, const char *word) {
    const size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || !at[length])) return true;
    return false;
}

static int64_t limit_of_version_1(const mmoe_control *c, const char *mount, const char *group) {
    char folder[PATH_MAX];
    int64_t least = 0;
    for (int i = 0; c->folders[i]; i++) {
        if (snprintf(folder, sizeof folder, "%s/%s", mount, c->folders[i]) >= (int)sizeof folder)
            continue;
        least = mmoe_control_tighter(least, limit_of_group(folder, group, c->of_version_1));
    }
    return least;
}

/* A line is "0::/group" (version 2) or "4:cpu,cpuacct:/group" (version 1). */
int64_t mmoe_control_limit(const mmoe_control *c, const char *groups, const char *mount) {
    char line[PATH_MAX];
    int64_t least = 0;
    FILE *f = fopen(groups, "re");
    if (!f) return 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':'),
             *group = controllers ? strchr(controllers + 1, ':') : NULL;
        int64_t limit = 0;
        if (!group) continue;
        *controllers++ = '\0';
        *group++ = '\0';
        if (!*controllers)
            limit = limit_of_group(mount, group, c->of_version_2);
        else if (lists(controllers, c->controller))
            limit = limit_of_version_1(c, mount, group);
        least = mmoe_control_tighter(least, limit);
    }
    fclose(f);
    return least;
}
