/* Limits of control groups, in folders that look like the system's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/processors.h"
#include "check_main.h"

static char work[] = "/tmp/mmoe-processors-XXXXXX";

static void put(const char *path, const char *text) {
    char full[256];
    snprintf(full, sizeof full, "%s/%s", work, path);
    for (char *slash = strchr(full + strlen(work) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *f = fopen(full, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

typedef struct quota_case {
    const char *groups, *path, *text, *path2, *text2;
    int64_t limit; /* of processors or, where the path is of memory, of bytes */
} quota_case;

static int64_t limit_of(const quota_case *c) {
    char groups[256], mount[256];
    snprintf(groups, sizeof groups, "%s/groups", work);
    snprintf(mount, sizeof mount, "%s/mount", work);
    return strstr(c->path, "memory") ? mmoe_memory_limit(groups, mount)
                                     : mmoe_quota_processors(groups, mount);
}

static const quota_case cases[] = {
    {"0::/\n", "mount/cpu.max", "max 100000\n", NULL, NULL, 0},
    {"0::/\n", "mount/cpu.max", "200000 100000\n", NULL, NULL, 2},
    {"0::/\n", "mount/cpu.max", "150000 100000\n", NULL, NULL, 2},
    {"0::/\n", "mount/cpu.max", "5000 100000\n", NULL, NULL, 1},
    {"0::/\n", "mount/cpu.max", "none of this\n", NULL, NULL, 0},
    {"0::/a/b\n", "mount/a/b/cpu.max", "400000 100000\n", NULL, NULL, 4},
    {"0::/a/b\n", "mount/a/b/cpu.max", "400000 100000\n", "mount/a/cpu.max", "300000 100000\n", 3},
    {"0::/a/b\n", "mount/a/b/cpu.max", "max 100000\n", "mount/a/cpu.max", "300000 100000\n", 3},
    {"0::/not/here\n", "mount/cpu.max", "700000 100000\n", NULL, NULL, 7},
    {"4:cpu,cpuacct:/d\n", "mount/cpu,cpuacct/d/cpu.cfs_quota_us", "250000\n",
     "mount/cpu,cpuacct/d/cpu.cfs_period_us", "100000\n", 3},
    {"1:cpuset:/x\n4:cpu:/\n", "mount/cpu/cpu.cfs_quota_us", "-1\n", "mount/cpu/cpu.cfs_period_us",
     "100000\n", 0},
    {"4:cpuset:/d\n", "mount/cpu/d/cpu.cfs_quota_us", "250000\n", "mount/cpu/d/cpu.cfs_period_us",
     "100000\n", 0},
    {"no line of theirs", "mount/cpu.max", "200000 100000\n", NULL, NULL, 0},
    {"0::/\n", "mount/memory.max", "max\n", NULL, NULL, 0},
    {"0::/\n", "mount/memory.max", "8589934592\n", NULL, NULL, 8589934592},
    {"0::/a\n", "mount/a/memory.max", "9000000000\n", "mount/memory.max", "7000000000\n",
     7000000000},
    {"4:cpu:/\n7:memory:/d\n", "mount/memory/d/memory.limit_in_bytes", "5000000000\n", NULL, NULL,
     5000000000},
};

START_TEST(test_quota) {
    const quota_case *c = &cases[_i];
    char command[64];
    ck_assert_ptr_nonnull(mkdtemp(work));
    put("groups", c->groups);
    put(c->path, c->text);
    if (c->path2) put(c->path2, c->text2);
    const int64_t got = limit_of(c);
    snprintf(command, sizeof command, "rm -rf %s", work);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(got, c->limit);
}
END_TEST

/* What other processes of a group have is not left, what it has of files is. */
static const struct {
    const char *groups, *files[4][2];
    int64_t left;
} leaves[] = {
    {"0::/a\n", {{"mount/a/memory.max", "max\n"}, {"mount/a/memory.current", "7000\n"}}, 0},
    {"0::/a\n",
     {{"mount/a/memory.max", "9000000000\n"},
      {"mount/a/memory.current", "5000000000\n"},
      {"mount/a/memory.stat", "anon 4000000000\ninactive_file 1000000000\nactive_file 5\n"}},
     5000000000},
    {"0::/a\n",
     {{"mount/a/memory.max", "9000000000\n"},
      {"mount/a/memory.current", "1000000000\n"},
      {"mount/memory.max", "10000000000\n"},
      {"mount/memory.current", "9500000000\n"}},
     500000000},
    {"0::/\n", {{"mount/memory.max", "5000\n"}, {"mount/memory.current", "5000\n"}}, 1},
    {"7:memory:/d\n",
     {{"mount/memory/d/memory.limit_in_bytes", "5000000000\n"},
      {"mount/memory/d/memory.usage_in_bytes", "4000000000\n"},
      {"mount/memory/d/memory.stat", "inactive_file 7\ntotal_inactive_file 500000000\n"}},
     1500000000},
};

START_TEST(test_memory_left) {
    char command[64], groups[256], mount[256];
    ck_assert_ptr_nonnull(mkdtemp(work));
    snprintf(groups, sizeof groups, "%s/groups", work);
    snprintf(mount, sizeof mount, "%s/mount", work);
    put("groups", leaves[_i].groups);
    for (int i = 0; i < 4 && leaves[_i].files[i][0]; i++)
        put(leaves[_i].files[i][0], leaves[_i].files[i][1]);
    const int64_t got = mmoe_memory_left(groups, mount);
    snprintf(command, sizeof command, "rm -rf %s", work);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(got, leaves[_i].left);
}
END_TEST

START_TEST(test_no_files) {
    ck_assert_int_eq(mmoe_quota_processors("/none/groups", "/none"), 0);
    ck_assert_int_ge(mmoe_processors(), 1);
    ck_assert_int_eq(mmoe_memory_limit("/none/groups", "/none"), 0);
    ck_assert_int_eq(mmoe_memory_left("/none/groups", "/none"), 0);
    ck_assert_int_gt(mmoe_memory(), 1 << 20);
    ck_assert_int_le(mmoe_worker_count(0), 256);
    ck_assert_int_eq(mmoe_worker_count(7), 7);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, test_quota, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(c, test_memory_left, 0, sizeof leaves / sizeof *leaves);
    tcase_add_test(c, test_no_files);
}
