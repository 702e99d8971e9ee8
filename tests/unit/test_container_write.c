/* safetensors: writing */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container_support.h"

static void check_write_fails(const char *path, const char *why) {
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_container_write(path, sample, N_SAMPLE, metadata, NULL, &err), MMOE_E_IO);
    ck_assert_int_eq(err.code, MMOE_E_IO);
    ck_assert_msg(strstr(err.message, path) == err.message && strstr(err.message, why), "%s",
                  err.message);
}

START_TEST(what_cannot_be_written_is_named) {
    char longer[5000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    mmoe_error err;
    check_write_fails(in_folder("none/m.safetensors"), ": cannot write: No such file or directory");
    check_write_fails(folder, ": cannot write: it is a directory");
    check_write_fails("/dev/full", ": cannot write: it is not a regular file");
    check_write_fails("", "cannot write: No such file or directory");
    ck_assert_int_eq(mmoe_container_write(longer, sample, N_SAMPLE, metadata, NULL, &err),
                     MMOE_E_IO);
    ck_assert_int_eq(empty_folder(), 0);
    put_file(in_folder("file"), "x", 1);
    check_write_fails(in_folder("file/m.safetensors"), ": cannot write: Not a directory");
    ck_assert_int_eq(symlink("loop", in_folder("loop")), 0);
    check_write_fails(in_folder("loop"), ": cannot write: Too many levels of symbolic links");
    ck_assert_int_eq(empty_folder(), 2);
}
END_TEST

START_TEST(read_only_folder) {
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0); /* the superuser may write everywhere */
    char path[128];
    strcpy(path, "/tmp/mmoe-readonly-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    ck_assert_int_eq(chmod(path, 0555), 0);
    strcat(path, "/m.safetensors");
    check_write_fails(path, ": cannot write: Permission denied");
    *strrchr(path, '/') = '\0';
    ck_assert_int_eq(rmdir(path), 0);
    if (getuid() == 0) ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

/* A limit on a file's size stands in for a disk that is full: write fails after some bytes. */
START_TEST(full_disk_leaves_the_old_file) {
    char file[2048];
    size_t after_size, size = sample_file(file, sizeof file);
    const char *path = in_folder("sample.safetensors"), *fresh = in_folder("fresh");
    struct rlimit old, small;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (size_t limit = 0; limit < size; limit += 61) {
        small = (struct rlimit){limit, old.rlim_max};
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
        mmoe_error err = {0};
        mmoe_status status = mmoe_container_write(path, sample, N_SAMPLE, NULL, NULL, &err);
        mmoe_status fresh_status =
            mmoe_container_write(fresh, sample, N_SAMPLE, metadata, NULL, NULL);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
        ck_assert_int_eq(fresh_status, MMOE_E_IO);
        if (status) {
            ck_assert_int_eq(status, MMOE_E_IO);
            ck_assert_msg(strstr(err.message, "sample.safetensors: cannot write: File too large") !=
                              NULL,
                          "%s", err.message);
            char *after = get_file(path, &after_size);
            ck_assert_uint_eq(after_size, size);
            ck_assert_mem_eq(after, file, size);
            free(after);
        } else { /* without the metadata it is the shorter one */
            ck_assert_uint_gt(limit, size / 2);
        }
        ck_assert_int_eq(access(fresh, F_OK), -1);
    }
    ck_assert_int_eq(empty_folder(), 1);
}
END_TEST

START_TEST(permissions_and_links_stay) {
    const char *path = in_folder("sample.safetensors");
    char file[2048];
    struct stat info;
    mode_t mask = umask(027);
    sample_file(file, sizeof file);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq(info.st_mode & 07777, 0640);
    umask(mask);
    ck_assert_int_eq(chmod(path, 0606), 0);
    sample_file(file, sizeof file);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq(info.st_mode & 07777, 0606);
    ck_assert_int_eq(symlink("sample.safetensors", in_folder("link")), 0);
    ck_assert_int_eq(mmoe_container_write(in_folder("link"), sample, 1, NULL, NULL, NULL), MMOE_OK);
    ck_assert_int_eq(lstat(in_folder("link"), &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
    mmoe_container *c;
    ck_assert_int_eq(mmoe_container_open(path, false, NULL, &c, NULL), MMOE_OK);
    ck_assert_uint_eq(mmoe_container_count(c), 1);
    mmoe_container_close(c);
    ck_assert_int_eq(empty_folder(), 2);
}
END_TEST

START_TEST(writes_into_the_current_folder_and_beside_leftovers) {
    int here = open(".", O_RDONLY | O_DIRECTORY);
    char leftover[64];
    size_t size;
    ck_assert_int_eq(chdir(folder), 0);
    snprintf(leftover, sizeof leftover, ".mmoe-%ld-0.tmp", (long)getpid());
    put_file(leftover, "other", 5);
    ck_assert_int_eq(mmoe_container_write("m.safetensors", sample, N_SAMPLE, metadata, NULL, NULL),
                     MMOE_OK);
    free(get_file(leftover, &size));
    ck_assert_uint_eq(size, 5);
    ck_assert_int_eq(empty_folder(), 2);
    ck_assert_int_eq(fchdir(here), 0);
    close(here);
}
END_TEST

START_TEST(text_that_is_not_utf8_is_refused) {
    const char *const bad[] = {"\xe9",
                               "\x80",
                               "\xc3",
                               "\xc0\x80",
                               "\xe0\x80\x80",
                               "\xed\xa0\x80",
                               "\xf4\x90\x80\x80",
                               "\xf8\x88\x80\x80\x80",
                               "a\xf0\x9f\x8e"};
    const char *const good[] = {
        "\x7f",         "\xc2\x80",         "\xe0\xa0\x80",    "\xed\x9f\xbf",
        "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    mmoe_error err;
    mmoe_container *c;
    mmoe_container_tensor t = sample[0];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const pairs[] = {"key", bad[i], NULL};
        t.name = bad[i];
        ck_assert_int_eq(mmoe_container_write(in_folder("m"), &t, 1, NULL, NULL, &err),
                         MMOE_E_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(err.message, "the name of tensor 0 is not UTF-8"));
        ck_assert_int_eq(mmoe_container_write(in_folder("m"), NULL, 0, pairs, NULL, &err),
                         MMOE_E_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(err.message, "the metadata \"key\" are not UTF-8"));
    }
    ck_assert_int_eq(empty_folder(), 0);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        t.name = good[i];
        ck_assert_int_eq(mmoe_container_write(in_folder("m"), &t, 1, NULL, NULL, NULL), MMOE_OK);
        ck_assert_int_eq(mmoe_container_open(in_folder("m"), false, NULL, &c, NULL), MMOE_OK);
        ck_assert_ptr_nonnull(mmoe_container_find(c, good[i]));
        mmoe_container_close(c);
    }
}
END_TEST

START_TEST(every_allocation_of_a_writer_may_fail) {
    failing memory = {0};
    const mmoe_allocator alloc = failing_allocator(&memory);
    long attempts = 0;
    for (; failing_next(&memory); attempts++) {
        mmoe_error err = {0};
        mmoe_status status =
            mmoe_container_write(in_folder("m"), sample, N_SAMPLE, metadata, &alloc, &err);
        failing_check(&memory, status, &err);
        ck_assert_int_eq(memory.live, 0);
        ck_assert_int_eq(empty_folder(), status == MMOE_OK);
    }
    ck_assert_int_gt(attempts, 2);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_test(c, what_cannot_be_written_is_named);
    tcase_add_test(c, read_only_folder);
    tcase_add_test(c, full_disk_leaves_the_old_file);
    tcase_add_test(c, permissions_and_links_stay);
    tcase_add_test(c, writes_into_the_current_folder_and_beside_leftovers);
    tcase_add_test(c, text_that_is_not_utf8_is_refused);
    tcase_add_test(c, every_allocation_of_a_writer_may_fail);
}
