/* Rows from packed files: what stands in them, however they are packed, and what is no such file.
 */
#include <bzlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "check_main.h"
#include "failing.h"
#include "files.h"
#include "watched_support.h"

enum { MOST = 1 << 16 };

typedef struct text {
    char bytes[MOST];
    size_t length;
} text;

/* ---- Archives ---- */

/* Puts an archive of the bytes behind those of `to`. */
typedef void packer(const char *bytes, size_t length, text *to);

static void pack_gzip(const char *bytes, size_t length, text *to) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes,
                  .avail_in = (unsigned)length,
                  .next_out = (Bytef *)to->bytes + to->length,
                  .avail_out = (unsigned)(MOST - to->length)};
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    to->length += z.total_out;
    deflateEnd(&z);
}

static void pack_bzip2(const char *bytes, size_t length, text *to) {
    unsigned n = (unsigned)(MOST - to->length);
    ck_assert_int_eq(BZ2_bzBuffToBuffCompress(to->bytes + to->length, &n, (char *)(uintptr_t)bytes,
                                              (unsigned)length, 1, 0, 0),
                     BZ_OK);
    to->length += n;
}

static void pack_zstd(const char *bytes, size_t length, text *to) {
    ZSTD_CCtx *z = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
    const size_t n = ZSTD_compress2(z, to->bytes + to->length, MOST - to->length, bytes, length);
    ck_assert(!ZSTD_isError(n));
    to->length += n;
    ZSTD_freeCCtx(z);
}

static packer *const packers[] = {pack_gzip, pack_bzip2, pack_zstd};
static const char *const words[] = {"gzip", "bzip2", "zstd"};
enum { KINDS = sizeof words / sizeof *words };

/* ---- Reading ---- */

static const char *path;
static mmoe_error err;

static void begin(void) {
    make_folder();
    path = in_folder("rows");
}

/* Reads the file, `size` bytes at a time. */
static mmoe_status read_all(size_t size, const mmoe_allocator *alloc, text *out) {
    mmoe_bytes from;
    size_t n = size;
    err = (mmoe_error){0};
    out->length = 0;
    mmoe_status status = mmoe_bytes_open(path, NULL, alloc, &from, &err);
    if (status) return status;
    while (!status && n == size) {
        ck_assert_uint_le(out->length + size, MOST);
        status = mmoe_bytes_read(&from, out->bytes + out->length, size, &n, &err);
        if (!status) out->length += n;
    }
    if (!status) status = mmoe_bytes_read(&from, out->bytes + out->length, size, &n, &err);
    if (!status) ck_assert_uint_eq(n, 0);
    mmoe_bytes_close(&from);
    return status;
}

static void gives(const text *file, const char *wanted) {
    static text got;
    put_file(path, file->bytes, file->length);
    for (size_t size = 1; size <= 4096; size *= 64) {
        ck_assert_msg(read_all(size, NULL, &got) == MMOE_OK, "%s", err.message);
        ck_assert_uint_eq(got.length, strlen(wanted));
        ck_assert_mem_eq(got.bytes, wanted, got.length);
    }
}

static void refused(const text *file, const char *why) {
    static text got;
    put_file(path, file->bytes, file->length);
    ck_assert_int_eq(read_all(4096, NULL, &got), MMOE_E_FORMAT);
    ck_assert_str_eq(err.file, path);
    ck_assert_msg(strncmp(err.message, path, strlen(path)) == 0 && strstr(err.message, why),
                  "%s: no %s", err.message, why);
}

#define ROWS "user,item,click\n1,22,0\n1,23,1\n2,22,0\n"

/* Of the bytes that the file has, not of those that stand in it. */
START_TEST(a_watcher_is_told_of_the_file) {
    static text file, got;
    static char random[20000];
    file.length = 0;
    for (uint32_t i = 0, x = 1; i < sizeof random; i++)
        random[i] = (char)((x = x * 69069 + 1) >> 24);
    packers[_i](random, sizeof random, &file);
    put_file(path, file.bytes, file.length);
    mmoe_bytes from;
    size_t n = 1;
    ck_assert_int_eq(mmoe_bytes_open(path, NULL, NULL, &from, &err), MMOE_OK);
    mmoe_bytes_watch(&from, &watcher);
    while (n) ck_assert_int_eq(mmoe_bytes_read(&from, got.bytes, 1000, &n, &err), MMOE_OK);
    mmoe_bytes_close(&from);
    check_watched(0, "reading", "bytes", (int64_t)file.length, 20);
}
END_TEST

START_TEST(archives_one_behind_the_other_are_whole) {
    packer *const pack = packers[_i];
    text file = {.length = 0};
    pack(ROWS, strlen(ROWS), &file);
    gives(&file, ROWS);
    pack("3,3,0", 5, &file);
    pack("", 0, &file);
    pack(",1\n", 3, &file);
    gives(&file, ROWS "3,3,0,1\n");
    text empty = {.length = 0};
    pack("", 0, &empty);
    gives(&empty, "");
}
END_TEST

START_TEST(frames_to_skip_are_skipped) {
    static const char frame[] = "\x53\x2a\x4d\x18\x03\0\0\0abc";
    text file = {.length = sizeof frame - 1};
    memcpy(file.bytes, frame, file.length);
    pack_zstd(ROWS, strlen(ROWS), &file);
    gives(&file, ROWS);
}
END_TEST

/* How much of a file has been given is told of what was asked for, though more stands ready: rows
 * are counted by it. */
static void check_share(const char *bytes, size_t size, char *room) {
    enum { PIECE = 300000, HELD = 50000 };
    mmoe_bytes from;
    ck_assert_int_eq(mmoe_bytes_open(path, NULL, NULL, &from, &err), MMOE_OK);
    for (size_t done = 0, n = PIECE; n == PIECE; done += n) {
        const double share = done ? mmoe_bytes_share(&from) : 0;
        from.held = HELD;
        const double less = done ? mmoe_bytes_share(&from) : 0;
        from.held = 0;
        ck_assert_double_eq_tol(share, (double)done / (double)size, 0.02);
        if (done) ck_assert_double_eq_tol(share - less, (double)HELD / (double)size, 1e-3);
        ck_assert_int_eq(mmoe_bytes_read(&from, room, PIECE, &n, &err), MMOE_OK);
        ck_assert_mem_eq(room, bytes + done, n);
    }
    ck_assert_double_eq(mmoe_bytes_share(&from), 1);
    mmoe_bytes_close(&from);
}

/* More than both buffers, and more of the file than is read at a time. */
START_TEST(large_files_are_read_in_pieces) {
    enum { SIZE = 9 << 20 };
    char *bytes = malloc(SIZE), *packed = malloc(SIZE + 4096), *got = malloc(SIZE + 1);
    uint32_t state = 1;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)((state = state * 1664525 + 1013904223) >> 29);
    const size_t length = ZSTD_compress(packed, SIZE + 4096, bytes, SIZE, 1);
    ck_assert_uint_gt(length, 1 << 20);
    put_file(path, packed, length);
    mmoe_bytes from;
    size_t n;
    ck_assert_int_eq(mmoe_bytes_open(path, NULL, NULL, &from, &err), MMOE_OK);
    ck_assert_int_eq(mmoe_bytes_read(&from, got, SIZE + 1, &n, &err), MMOE_OK);
    ck_assert_uint_eq(n, SIZE);
    ck_assert_mem_eq(got, bytes, SIZE);
    mmoe_bytes_close(&from);
    check_share(bytes, SIZE, got);
    /* One that is left early. */
    ck_assert_int_eq(mmoe_bytes_open(path, NULL, NULL, &from, &err), MMOE_OK);
    ck_assert_int_eq(mmoe_bytes_read(&from, got, 1, &n, &err), MMOE_OK);
    mmoe_bytes_close(&from);
    free(bytes);
    free(packed);
    free(got);
}
END_TEST

/* ---- What is refused ---- */

START_TEST(files_that_are_cut_off) {
    text file = {.length = 0};
    packers[_i](ROWS, strlen(ROWS), &file);
    const size_t one = file.length;
    packers[_i]("3,3,0\n", 6, &file);
    const size_t whole = file.length;
    for (file.length = 10; file.length < whole; file.length++) {
        if (file.length == one) continue;
        refused(&file, file.length < one || file.length >= one + 10
                           ? "the file is cut off"
                           : "" /* or it looks like something else */);
    }
}
END_TEST

/* Each byte wrong: an error, or what no checksum covers. */
START_TEST(files_that_are_damaged) {
    static text got;
    text file = {.length = 0};
    packers[_i](ROWS, strlen(ROWS), &file);
    int damaged = 0;
    for (size_t i = 10; i < file.length; i++) {
        file.bytes[i] ^= 0x5a;
        put_file(path, file.bytes, file.length);
        const mmoe_status status = read_all(4096, NULL, &got);
        if (status == MMOE_OK) {
            ck_assert_uint_eq(got.length, strlen(ROWS));
            ck_assert_mem_eq(got.bytes, ROWS, got.length);
        } else {
            ck_assert_int_eq(status, MMOE_E_FORMAT);
            damaged += strstr(err.message, "has packed is damaged: ") != NULL;
        }
        file.bytes[i] ^= 0x5a;
    }
    ck_assert_int_gt(damaged, (int)file.length / 2);
}
END_TEST

START_TEST(checksums_are_compared) {
    static const int behind[] = {8, 4, 4}; /* the checksum's place before the end */
    static const char *const why[] = {"incorrect data check", "checksum is wrong", "checksum"};
    text file = {.length = 0};
    packers[_i](ROWS, strlen(ROWS), &file);
    file.bytes[file.length - (size_t)behind[_i]] ^= 0x10;
    refused(&file, why[_i]);
}
END_TEST

/* A frame whose window is of 2 GB, and nothing else. */
START_TEST(windows_that_are_too_large) {
    static const text file = {"\x28\xb5\x2f\xfd\0\xa8\1\0\0", 9};
    refused(&file, "what zstd has packed is not read: its window is of more than 128 MB");
}
END_TEST

START_TEST(something_behind_the_end) {
    text file = {.length = 0};
    packers[_i](ROWS, strlen(ROWS), &file);
    file.bytes[file.length++] = '\0';
    refused(&file, "something else follows what ");
    refused(&file, words[_i]);
    memcpy(file.bytes + file.length, ROWS, strlen(ROWS));
    file.length += strlen(ROWS);
    refused(&file, "something else follows what ");
}
END_TEST

START_TEST(files_that_are_packed_twice) {
    for (int other = 0; other < KINDS; other++) {
        char why[64];
        text inner = {.length = 0}, file = {.length = 0};
        packers[other](ROWS, strlen(ROWS), &inner);
        packers[_i](inner.bytes, inner.length, &file);
        snprintf(why, sizeof why, "packed twice, by %s and by %s before", words[_i], words[other]);
        refused(&file, why);
    }
}
END_TEST

/* ---- Runs that take rows while the archive is read ---- */

enum { MANY = 50000 };

/* Rows of some 400 KB, more than what is read before the first go on. */
static void put_many(text *file, packer *pack) {
    static char csv[MANY * 10];
    size_t used = (size_t)sprintf(csv, "user,item,click\n");
    uint32_t x = 1;
    for (int i = 0; i < MANY; i++) {
        x = x * 69069 + 1;
        used += (size_t)sprintf(csv + used, "%u,%u,%u\n", 10 + (x >> 30), x >> 28 & 3, x >> 25 & 1);
    }
    file->length = 0;
    pack(csv, used, file);
}

/* In memory by 1 and 3 threads, streamed by as many, and into a folder. */
enum { WAYS = 5 };
static char packed[96];
static mmoe_status run(const mmoe_config *config, int way) {
    const mmoe_read_options options = {.threads = way % 2 ? 3 : 1,
                                       .stream_folder = way == 2 || way == 3 ? folder : NULL};
    const mmoe_csv_packing packing = {path, packed, config, NULL, {.threads = 2}};
    mmoe_schema *schema = NULL;
    mmoe_dataset *set = NULL;
    const mmoe_status status =
        way == WAYS - 1
            ? mmoe_pack_csv(&packing, NULL, &set, &err)
            : mmoe_dataset_fit_csv_with(config, path, &options, NULL, &schema, &set, &err);
    if (!status) ck_assert_int_eq(mmoe_dataset_rows(set), MANY);
    mmoe_dataset_free(set);
    mmoe_schema_free(schema);
    return status;
}

/* Nothing but the file is there, whoever took rows of it. A byte that is wrong may be read as rows,
 * which are at fault. */
static void ends_runs(const mmoe_config *config, const text *file, const char *why) {
    put_file(path, file->bytes, file->length);
    for (int way = 0; way < WAYS; way++) {
        const mmoe_status status = run(config, way);
        ck_assert_msg(status == MMOE_E_FORMAT || (!*why && status == MMOE_E_DATA), "%d: %s", status,
                      err.message);
        ck_assert_str_eq(err.file, path);
        ck_assert_msg(strstr(err.message, why), "%s", err.message);
    }
    ck_assert_int_eq(empty_folder(), 1);
}

START_TEST(runs_end_with_an_archive_that_is_no_whole_one) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"user\"}, {\"name\": "
        "\"item\"}]}, \"tasks\": [{\"name\": \"ctr\", \"label\": \"click\"}]}";
    static text file, outer;
    mmoe_config *config;
    ck_assert_int_eq(mmoe_config_parse(json, sizeof json - 1, NULL, NULL, &config, &err), MMOE_OK);
    snprintf(packed, sizeof packed, "%s/rows.d", folder);
    put_many(&file, packers[_i]);
    put_file(path, file.bytes, file.length);
    for (int way = 0; way < WAYS; way++) ck_assert_msg(!run(config, way), "%s", err.message);
    remove_tree(packed);
    const size_t whole = file.length, at = whole / 4 * 3;
    file.length = at;
    ends_runs(config, &file, "the file is cut off");
    file.length = whole;
    file.bytes[at] ^= 0x5a;
    ends_runs(config, &file, "");
    file.bytes[at] ^= 0x5a;
    file.bytes[file.length++] = 'x';
    ends_runs(config, &file, "something else follows");
    outer.length = 0;
    packers[(_i + 1) % KINDS](file.bytes, whole, &outer);
    ends_runs(config, &outer, "packed twice");
    mmoe_config_free(config);
}
END_TEST

START_TEST(every_allocation_may_fail) {
    static text got;
    text file = {.length = 0};
    packers[_i](ROWS, strlen(ROWS), &file);
    packers[_i](ROWS, strlen(ROWS), &file);
    put_file(path, file.bytes, file.length);
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    long attempts = 0;
    for (; failing_next(&memory); attempts++) {
        const mmoe_status status = read_all(4096, &a, &got);
        ck_assert_int_eq(memory.live, 0);
        failing_check(&memory, status, &err);
    }
    ck_assert_int_gt(attempts, 4);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, begin, remove_folder);
    tcase_add_loop_test(c, a_watcher_is_told_of_the_file, 0, KINDS);
    tcase_add_loop_test(c, archives_one_behind_the_other_are_whole, 0, KINDS);
    tcase_add_test(c, frames_to_skip_are_skipped);
    tcase_add_test(c, large_files_are_read_in_pieces);
    tcase_add_loop_test(c, files_that_are_cut_off, 0, KINDS);
    tcase_add_loop_test(c, files_that_are_damaged, 0, KINDS);
    tcase_add_loop_test(c, checksums_are_compared, 0, KINDS);
    tcase_add_test(c, windows_that_are_too_large);
    tcase_add_loop_test(c, something_behind_the_end, 0, KINDS);
    tcase_add_loop_test(c, files_that_are_packed_twice, 0, KINDS);
    tcase_add_loop_test(c, runs_end_with_an_archive_that_is_no_whole_one, 0, KINDS);
    tcase_add_loop_test(c, every_allocation_may_fail, 0, KINDS);
}
