/* files written whole or not at all */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "check_main.h"

/* A system that has no files without names, where this is set. */
static int no_unnamed;

int open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    const int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, int) : 0;
    va_end(args);
    if (no_unnamed && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return openat(AT_FDCWD, path, flags, mode);
}

static char folder[64];

static void enter_folder(void) {
    strcpy(folder, "/tmp/mmoe-atomic-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void leave_folder(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(command), 0);
}

/* Entries of the folder. */
static int count_files(void) {
    FILE *list = popen("ls -A | wc -l", "r");
    int count = -1;
    ck_assert_int_eq(fscanf(list, "%d", &count), 1);
    pclose(list);
    return count;
}

static mmoe_atomic_file *begin(const char *path, const char *text) {
    mmoe_atomic_file *file;
    mmoe_error err;
    ck_assert_msg(!mmoe_atomic_file_open(path, NULL, &file, &err), "%s", err.message);
    ck_assert_int_eq(mmoe_atomic_file_write(file, text, strlen(text), &err), MMOE_OK);
    return file;
}

static void put(const char *path, const char *text) {
    mmoe_error err;
    ck_assert_msg(!mmoe_atomic_file_close(begin(path, text), MMOE_OK, &err), "%s", err.message);
}

static void ck_assert_holds(const char *path, const char *text) {
    char found[64] = "";
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s is not there", path);
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    ck_assert_str_eq(found, text);
}

static int mode_of(const char *path) {
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    return (int)(info.st_mode & 07777);
}

static int is_link(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

START_TEST(makes_and_replaces) {
    no_unnamed = _i;
    umask(027);
    put("a", "one");
    ck_assert_holds("a", "one");
    ck_assert_int_eq(mode_of("a"), 0640);
    ck_assert_int_eq(chmod("a", 0600), 0);
    put("a", "two");
    ck_assert_holds("a", "two");
    ck_assert_int_eq(mode_of("a"), 0600);
    ck_assert_int_eq(chmod("a", 0444), 0);
    put("./a", "three");
    ck_assert_int_eq(mode_of("a"), 0444);
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(dropped_leaves_what_was) {
    no_unnamed = _i;
    put("a", "old");
    ck_assert_int_eq(mmoe_atomic_file_close(begin("a", "new"), MMOE_E_CANCELLED, NULL),
                     MMOE_E_CANCELLED);
    ck_assert_int_eq(mmoe_atomic_file_close(begin("b", "new"), MMOE_E_DATA, NULL), MMOE_E_DATA);
    ck_assert_holds("a", "old");
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(links_stay_links) {
    no_unnamed = _i;
    ck_assert_int_eq(mkdir("deep", 0777), 0);
    ck_assert_int_eq(symlink("second", "deep/first"), 0);
    ck_assert_int_eq(symlink("deep/first", "link"), 0);
    put("link", "made"); /* dangling: what it points to is made */
    ck_assert(is_link("link") && is_link("deep/first") && !is_link("deep/second"));
    ck_assert_holds("deep/second", "made");
    ck_assert_int_eq(chmod("deep/second", 0600), 0);
    put("link", "again");
    ck_assert(is_link("link") && is_link("deep/first"));
    ck_assert_holds("deep/second", "again");
    ck_assert_int_eq(mode_of("deep/second"), 0600);
    ck_assert_int_eq(symlink("none/file", "lost"), 0);
    mmoe_error err;
    mmoe_atomic_file *file;
    ck_assert_int_eq(mmoe_atomic_file_open("lost", NULL, &file, &err), MMOE_E_IO);
    ck_assert_str_eq(err.message, "lost: cannot write: No such file or directory");
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(count_files(), 3);
}
END_TEST

START_TEST(the_longest_name) {
    no_unnamed = _i;
    char name[256], longer[257];
    memset(name, 'n', 255);
    memset(longer, 'n', 256);
    name[255] = longer[256] = '\0';
    put(name, "x");
    put(name, "y");
    ck_assert_holds(name, "y");
    mmoe_atomic_file *file;
    ck_assert_int_eq(mmoe_atomic_file_open(longer, NULL, &file, NULL), MMOE_E_IO);
    ck_assert_int_eq(errno, ENAMETOOLONG);
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

/* A process that is killed while it writes; the name of what it left, if it had one. */
static void die_while_writing(const char *path, char name[512]) {
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        const char *temporary = mmoe_atomic_file_temporary(begin(path, "half"));
        if (temporary && write(ends[1], temporary, strlen(temporary)) < 0) _exit(1);
        raise(SIGKILL);
    }
    close(ends[1]);
    const ssize_t length = read(ends[0], name, 511);
    name[length > 0 ? length : 0] = '\0';
    close(ends[0]);
    waitpid(child, NULL, 0);
}

START_TEST(killed_without_names_leaves_nothing) {
    no_unnamed = 0;
    char name[512];
    put("a", "old");
    die_while_writing("a", name);
    ck_assert_str_eq(name, "");
    ck_assert_holds("a", "old");
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(what_a_killed_writer_left_is_removed) {
    no_unnamed = 1;
    char name[512];
    die_while_writing("a", name);
    ck_assert_str_ne(name, "");
    ck_assert_int_eq(access(name, F_OK), 0);
    ck_assert_int_eq(access("a", F_OK), -1);
    put("a", "whole"); /* the next writer of the same file, by whatever process number */
    ck_assert_holds("a", "whole");
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(two_writers_of_one_file) {
    no_unnamed = _i;
    mmoe_atomic_file *first = begin("a", "first"), *second = begin("a", "second");
    ck_assert_int_eq(mmoe_atomic_file_close(first, MMOE_OK, NULL), MMOE_OK);
    ck_assert_holds("a", "first");
    ck_assert_int_eq(mmoe_atomic_file_close(second, MMOE_OK, NULL), MMOE_OK);
    ck_assert_holds("a", "second");
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

/* Another's file under our names is neither removed nor in the way. */
START_TEST(a_locked_name_is_passed_over) {
    no_unnamed = 1;
    char name[512];
    die_while_writing("a", name);
    const int fd = open(name, O_RDONLY);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    put("a", "whole");
    ck_assert_int_eq(access(name, F_OK), 0);
    close(fd);
    ck_assert_int_eq(unlink(name), 0);
    ck_assert_int_eq(mkdir(name, 0777), 0);
    put("a", "again");
    ck_assert_holds("a", "again");
    ck_assert_int_eq(count_files(), 2);
}
END_TEST

START_TEST(what_is_no_file_is_refused) {
    no_unnamed = _i;
    mmoe_error err;
    mmoe_atomic_file *file;
    ck_assert_int_eq(mmoe_atomic_file_open(".", NULL, &file, &err), MMOE_E_IO);
    ck_assert_str_eq(err.message, ".: cannot write: it is a directory");
    ck_assert_int_eq(mmoe_atomic_file_open("/dev/null", NULL, &file, &err), MMOE_E_IO);
    ck_assert_str_eq(err.message, "/dev/null: cannot write: it is not a regular file");
    ck_assert_int_eq(mmoe_atomic_file_open("", NULL, &file, &err), MMOE_E_IO);
    ck_assert_int_eq(symlink("b", "a"), 0);
    ck_assert_int_eq(symlink("a", "b"), 0);
    ck_assert_int_eq(mmoe_atomic_file_open("a", NULL, &file, &err), MMOE_E_IO);
    ck_assert_str_eq(err.message, "a: cannot write: Too many levels of symbolic links");
}
END_TEST

/* What is written there goes behind what stands there, or to a file that has no name. */
START_TEST(open_files_are_not_replaced) {
    no_unnamed = _i;
    char path[64];
    mmoe_error err;
    mmoe_atomic_file *file;
    put("a", "old");
    const int fd = open("a", O_WRONLY | O_APPEND);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ck_assert_int_eq(mmoe_atomic_file_own(path), fd);
    ck_assert_int_eq(symlink(path, "link"), 0);
    ck_assert_int_eq(mmoe_atomic_file_own("link"), fd);
    ck_assert_int_eq(mmoe_atomic_file_own("a"), -1);
    ck_assert_int_eq(mmoe_atomic_file_own("none"), -1);
    ck_assert_int_eq(mmoe_atomic_file_own("/proc/1/fd/0"), -1);
    ck_assert_int_eq(mmoe_atomic_file_open("link", NULL, &file, &err), MMOE_E_IO);
    ck_assert_str_eq(err.message,
                     "link: cannot write: it is an open file of a process, which is not replaced");
    ck_assert_holds("a", "old");
    ck_assert_int_eq(count_files(), 2);
    close(fd);
}
END_TEST

/* The reason why a file cannot be opened; 0: it can be. */
static int fault_of(const char *path) {
    mmoe_atomic_file *file;
    if (mmoe_atomic_file_open(path, NULL, &file, NULL)) return errno;
    mmoe_atomic_file_close(file, MMOE_E_CANCELLED, NULL);
    return 0;
}

static int ends_with(void (*work)(void)) {
    int status = -1;
    const pid_t child = fork();
    if (child == 0) {
        work();
        _exit(errno);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void as_another_user(void) {
    if (!setgid(65534) && !setuid(65534)) errno = fault_of("all/a");
}

static void where_it_is_mounted(void) {
    const bool is_mounted = !unshare(CLONE_NEWNS) &&
                            !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
                            !mount("all/a", "all/b", NULL, MS_BIND, NULL);
    errno = is_mounted ? fault_of("all/b") : EBUSY;
}

/* That is known before anything is written: as root alone the cases can be made. */
START_TEST(what_cannot_be_replaced_is_refused) {
    no_unnamed = _i;
    if (geteuid()) return;
    char follows = '0';
    const int setting = open("/proc/sys/fs/protected_symlinks", O_RDONLY);
    ck_assert(setting < 0 || read(setting, &follows, 1) == 1);
    close(setting);
    ck_assert_int_eq(chmod(folder, 0711), 0);
    ck_assert_int_eq(mkdir("all", 0777), 0);
    ck_assert_int_eq(chmod("all", 01777), 0);
    put("all/a", "old");
    put("all/b", "old");
    ck_assert_int_eq(ends_with(as_another_user), EPERM);
    ck_assert_int_eq(ends_with(where_it_is_mounted), EBUSY);
    ck_assert_int_eq(chmod("all", 0777), 0);
    ck_assert_int_eq(ends_with(as_another_user), 0);
    ck_assert_int_eq(chmod("all", 01777), 0);
    ck_assert_int_eq(symlink("a", "all/link"), 0);
    ck_assert_int_eq(fault_of("all/link"), 0);
    ck_assert_int_eq(lchown("all/link", 65534, 65534), 0);
    ck_assert_int_eq(fault_of("all/link"), follows == '1' ? EACCES : 0);
    ck_assert_holds("all/a", "old");
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, enter_folder, leave_folder);
    tcase_add_loop_test(c, makes_and_replaces, 0, 2);
    tcase_add_loop_test(c, dropped_leaves_what_was, 0, 2);
    tcase_add_loop_test(c, links_stay_links, 0, 2);
    tcase_add_loop_test(c, the_longest_name, 0, 2);
    tcase_add_loop_test(c, two_writers_of_one_file, 0, 2);
    tcase_add_loop_test(c, what_is_no_file_is_refused, 0, 2);
    tcase_add_loop_test(c, open_files_are_not_replaced, 0, 2);
    tcase_add_loop_test(c, what_cannot_be_replaced_is_refused, 0, 2);
    tcase_add_test(c, killed_without_names_leaves_nothing);
    tcase_add_test(c, what_a_killed_writer_left_is_removed);
    tcase_add_test(c, a_locked_name_is_passed_over);
}
