/* A file that is changed while it is read: an error, never a signal, never a mixture. */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check_main.h"
#include "file/container.h"
#include "files.h"

enum { LARGE = 1 << 20, SMALL = 100 };

static char path[512];

/* ---- A read that is not left alone ---- */

static int reads, change_at; /* calls so far; the one that `change` comes before, from 1; 0: none */
static void (*change)(void);

static ssize_t counted_read(int fd, void *to, size_t size, off_t place) {
    if (++reads == change_at) change();
    return syscall(SYS_pread64, fd, to, size, place);
}

/* In libc's place. */
ssize_t pread(int fd, void *to, size_t size, off_t place);
ssize_t pread64(int fd, void *to, size_t size, off_t place);
ssize_t pread64(int fd, void *to, size_t size, off_t place) {
    return counted_read(fd, to, size, place);
}

static void cut_off(void) { ck_assert_int_eq(truncate(path, 0), 0); }
static void cut_short(void) { ck_assert_int_eq(truncate(path, LARGE / 2), 0); }
static void lengthen(void) { ck_assert_int_eq(truncate(path, 8 * LARGE), 0); }

static void overwrite(void) {
    const int fd = open(path, O_WRONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, "x", 1, LARGE), 1);
    close(fd);
}

/* ---- A file of large and small tensors ---- */

static float large[2][LARGE / 4], small[2][SMALL / 4];
static const mmoe_container_tensor tensors[] = {{"a", MMOE_F32, 1, {LARGE / 4}, large[0], LARGE},
                                                {"b", MMOE_F32, 1, {SMALL / 4}, small[0], SMALL},
                                                {"c", MMOE_F32, 1, {LARGE / 4}, large[1], LARGE},
                                                {"d", MMOE_F32, 1, {SMALL / 4}, small[1], SMALL}};
enum { TENSORS = sizeof tensors / sizeof *tensors };

static void set_up(void) {
    make_folder();
    strcpy(path, in_folder("m"));
    for (int i = 0; i < LARGE / 4; i++) large[0][i] = large[1][LARGE / 4 - 1 - i] = (float)i;
    for (int i = 0; i < SMALL / 4; i++) small[0][i] = small[1][SMALL / 4 - 1 - i] = (float)-i;
    ck_assert_int_eq(mmoe_container_write(path, tensors, TENSORS, NULL, NULL, NULL), MMOE_OK);
    const struct timespec old[2] = {{1000, 0}, {1000, 0}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), 0);
    reads = change_at = 0;
}

static void check_tensors(const mmoe_container *c) {
    ck_assert_uint_eq(mmoe_container_count(c), TENSORS);
    for (size_t i = 0; i < TENSORS; i++) {
        const mmoe_container_tensor *t = mmoe_container_find(c, tensors[i].name);
        ck_assert_uint_eq((uintptr_t)t->data % 64, 0);
        ck_assert_mem_eq(t->data, tensors[i].data, tensors[i].bytes);
    }
}

START_TEST(no_read_may_be_disturbed) {
    static void (*const ways[])(void) = {cut_off, cut_short, lengthen, overwrite};
    int disturbed = 0;
    for (change_at = 1;; change_at++) {
        remove_folder();
        const int at = change_at;
        set_up();
        change_at = at;
        change = ways[_i];
        mmoe_container *c = NULL;
        mmoe_error err = {0};
        const mmoe_status status = mmoe_container_open(path, false, NULL, &c, &err);
        if (reads < change_at) {
            ck_assert_int_eq(status, MMOE_OK);
            check_tensors(c);
            mmoe_container_close(c);
            break;
        }
        disturbed++;
        ck_assert_msg(status == MMOE_E_IO, "read %d: status %d: %s", change_at, status,
                      err.message);
        ck_assert_ptr_nonnull(strstr(err.message, "/m: cannot read: the file was "));
        ck_assert_ptr_null(c);
    }
    ck_assert_int_ge(disturbed, 2 + TENSORS);
}
END_TEST

START_TEST(what_was_read_is_the_files_no_more) {
    mmoe_container *c = NULL;
    ck_assert_int_eq(mmoe_container_open(path, false, NULL, &c, NULL), MMOE_OK);
    cut_off();
    check_tensors(c);
    mmoe_mapping mapping;
    ck_assert(!mmoe_container_map(c, mmoe_container_at(c, 0), (mmoe_mapping_wanted){.size = LARGE},
                                  &mapping));
    mmoe_container_close(c);
}
END_TEST

/* A small file is read, whatever is asked for. */
START_TEST(a_small_file_is_never_mapped) {
    mmoe_container *c = NULL;
    ck_assert_int_eq(mmoe_container_open(path, true, NULL, &c, NULL), MMOE_OK);
    cut_off();
    check_tensors(c);
    mmoe_container_close(c);
}
END_TEST

START_TEST(memory_of_its_own_can_be_taken) {
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    mmoe_container *c = NULL;
    ck_assert_int_eq(mmoe_container_open(path, false, NULL, &c, NULL), MMOE_OK);
    const mmoe_container_tensor *a = mmoe_container_find(c, "a"), *b = mmoe_container_find(c, "b");
    ck_assert_ptr_null(mmoe_container_take(c, b));
    void *mine = mmoe_container_take(c, a);
    ck_assert_ptr_eq(mine, a->data);
    ck_assert_ptr_null(mmoe_container_take(c, a));
    check_tensors(c);
    mmoe_container_close(c);
    ck_assert_mem_eq(mine, large[0], LARGE);
    mmoe_release_aligned(&alloc, mine);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, remove_folder);
    tcase_add_loop_test(c, no_read_may_be_disturbed, 0, 4);
    tcase_add_test(c, what_was_read_is_the_files_no_more);
    tcase_add_test(c, a_small_file_is_never_mapped);
    tcase_add_test(c, memory_of_its_own_can_be_taken);
}
