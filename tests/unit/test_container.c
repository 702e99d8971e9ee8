/* safetensors: reading and writing */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_main.h"
#include "failing.h"
#include "file/container.h"

/* ---- A folder of its own ---- */

static char folder[64];

static void make_folder(void) {
    strcpy(folder, "/tmp/mmoe-container-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static const char *in_folder(const char *name) {
    static char path[4][512]; /* the last four live */
    static unsigned turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

/* Removes what is there and returns how many files there were. */
static int empty_folder(void) {
    int files = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
            files++;
            ck_assert_int_eq(unlinkat(dirfd(dir), entry->d_name, 0), 0);
        }
    closedir(dir);
    return files;
}

static void remove_folder(void) {
    empty_folder();
    rmdir(folder);
}

static void put_file(const char *path, const void *data, size_t size) {
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, size, f), size);
    fclose(f);
}

static size_t get_file(const char *path, char *data, size_t capacity) {
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    size_t size = fread(data, 1, capacity, f);
    fclose(f);
    return size;
}

/* ---- Files in memory ---- */

/* A file of `header` and `data` bytes 0, 1, 2, ...; aligned as malloc is. */
static char *compose(const char *header, size_t data, size_t *size) {
    size_t length = strlen(header);
    *size = 8 + length + data;
    char *file = malloc(*size);
    for (int i = 0; i < 8; i++) file[i] = (char)((uint64_t)length >> 8 * i);
    memcpy(file + 8, header, length);
    for (size_t i = 0; i < data; i++) file[8 + length + i] = (char)i;
    return file;
}

static mmoe_status parse_header(const char *header, size_t data, mmoe_container **out,
                                mmoe_error *err) {
    size_t size;
    char *file = compose(header, data, &size);
    mmoe_status status = mmoe_container_parse(file, size, "m.safetensors", NULL, out, err);
    free(file);
    return status;
}

static const float floats[] = {1.5f, -2, 3, 4, 5, 6};
static const int64_t integers[] = {-1, INT64_MAX};
static const unsigned char bytes[] = "odd";
static const mmoe_container_tensor sample[] = {
    {"keys", MMOE_I64, 1, {2}, integers, 16},
    {"experts.0.mlp.0.weight", MMOE_F32, 2, {2, 3}, floats, 24},
    {"alpha", MMOE_F32, 0, {0}, floats, 4},
    {"none", MMOE_F32, 2, {0, 7}, floats, 0},
    {"b\"y\\t\xc3\xa9s\n", MMOE_U8, 1, {3}, bytes, 3},
};
enum { N_SAMPLE = sizeof sample / sizeof *sample };
static const char *const metadata[] = {"format", "mmoe", "text",
                                       "{\"a\": \"\\\t\xf0\x9f\x8e\xb2\"}", NULL};

static void check_sample(const mmoe_container *c) {
    ck_assert_uint_eq(mmoe_container_count(c), N_SAMPLE);
    for (size_t i = 0; i < N_SAMPLE; i++) {
        const mmoe_container_tensor *t = mmoe_container_at(c, i),
                                    *s = mmoe_container_find(c, t->name);
        ck_assert_ptr_eq(s, t);
        for (s = sample; strcmp(s->name, t->name); s++) ck_assert(s < sample + N_SAMPLE - 1);
        ck_assert_int_eq(t->dtype, s->dtype);
        ck_assert_int_eq(t->rank, s->rank);
        for (int32_t d = 0; d < t->rank; d++) ck_assert_int_eq(t->shape[d], s->shape[d]);
        ck_assert_uint_eq(t->bytes, s->bytes);
        ck_assert_mem_eq(t->data, s->data, s->bytes);
    }
    ck_assert_str_eq(mmoe_container_at(c, 0)->name, "keys");
    ck_assert_str_eq(mmoe_container_at(c, 1)->name, "experts.0.mlp.0.weight");
    ck_assert_ptr_null(mmoe_container_find(c, "missing"));
    ck_assert_str_eq(mmoe_container_metadata(c, "format"), "mmoe");
    ck_assert_str_eq(mmoe_container_metadata(c, "text"), metadata[3]);
    ck_assert_ptr_null(mmoe_container_metadata(c, "keys"));
}

static size_t sample_file(char *file, size_t capacity) {
    const char *path = in_folder("sample.safetensors");
    mmoe_error err = {0};
    ck_assert_msg(!mmoe_container_write(path, sample, N_SAMPLE, metadata, NULL, &err), "%s",
                  err.message);
    size_t size = get_file(path, file, capacity);
    ck_assert_uint_lt(size, capacity);
    return size;
}

START_TEST(written_file_reads_back) {
    char file[2048], again[2048];
    size_t size = sample_file(file, sizeof file);
    ck_assert_uint_eq(sample_file(again, sizeof again), size);
    ck_assert_mem_eq(again, file, size);
    ck_assert_int_eq((8 + (unsigned char)file[0] + 256 * (unsigned char)file[1] + 16) % 64,
                     0); /* where the floats begin */
    mmoe_container *c = NULL;
    const char *path = in_folder("sample.safetensors");
    ck_assert_int_eq(mmoe_container_open(path, NULL, &c, NULL), MMOE_OK);
    ck_assert_str_eq(mmoe_container_name(c), path);
    check_sample(c);
    /* Renaming another file over a mapped one leaves the mapping. */
    ck_assert_int_eq(mmoe_container_write(path, NULL, 0, NULL, NULL, NULL), MMOE_OK);
    check_sample(c);
    mmoe_container_close(c);
    ck_assert_int_eq(mmoe_container_open(path, NULL, &c, NULL), MMOE_OK);
    ck_assert_uint_eq(mmoe_container_count(c), 0);
    ck_assert_ptr_null(mmoe_container_metadata(c, "format"));
    mmoe_container_close(c);
    mmoe_container_close(NULL);
    ck_assert_int_eq(empty_folder(), 1);
}
END_TEST

START_TEST(data_that_is_not_aligned_is_copied) {
    mmoe_container *c;
    size_t size;
    char *file = compose("{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                         "\"i\":{\"dtype\":\"I64\",\"shape\":[1,1,1,1],\"data_offsets\":[9,17]},"
                         "\"f\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}",
                         17, &size);
    for (int shift = 0; shift < 8; shift++) {
        char *moved = malloc(size + 8);
        memcpy(moved + shift, file, size);
        ck_assert_int_eq(mmoe_container_parse(moved + shift, size, "m", NULL, &c, NULL), MMOE_OK);
        ck_assert_str_eq(mmoe_container_at(c, 2)->name, "i");
        const mmoe_container_tensor *f = mmoe_container_at(c, 1), *i = mmoe_container_at(c, 2);
        ck_assert_uint_eq((uintptr_t)f->data % 4, 0);
        ck_assert_uint_eq((uintptr_t)i->data % 8, 0);
        ck_assert_mem_eq(f->data, "\1\2\3\4\5\6\7\10", 8);
        ck_assert_int_eq(*(const int64_t *)i->data, 0x100f0e0d0c0b0a09);
        mmoe_container_close(c);
        free(moved);
    }
    free(file);
}
END_TEST

/* ---- Bad files ---- */

static const struct {
    const char *header;
    size_t data;
    const char *message; /* a part of it */
} bad_headers[] = {
    {"[]", 0, "not a safetensors file"},
    {" {}", 0, "not a safetensors file"},
    {"{]", 0, "the header is not valid JSON at byte 10: string or '}' expected near ']'"},
    {"{\"a\":@}", 0, "the header is not valid JSON at byte 14: invalid token near '@'"},
    {"{\"a\":\"b\n\"}", 0, "the header is not valid JSON"},
    {"{} {}", 0, "the header is not valid JSON"},
    {"{\"a\":1,\"a\":2}", 0, "duplicate object key"},
    {"{\"\\u0000\":1}", 0, "the header is not valid JSON"},
    {"{\"\xff\":1}", 0, "the header is not valid JSON"},
    {"{}", 1, "1 bytes at the end of the file belong to no tensor"},
    {"{\"__metadata__\":[]}", 0, "__metadata__ is no object"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "__metadata__: the value of \"k\" is no string"},
    {"{\"t\":1}", 0, "tensor \"t\": its entry is no object"},
    {"{\"t\":{}}", 0, "tensor \"t\": its entry has other keys than dtype, shape and data_offsets"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}", 1,
     "tensor \"t\": its entry has other keys"},
    {"{\"t\":{\"dtypo\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
     "tensor \"t\": dtype is missing or is no string"},
    {"{\"t\":{\"dtype\":8,\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
     "tensor \"t\": dtype is missing or is no string"},
    {"{\"t\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2,
     "tensor \"t\": type BF16 is not supported; F32, F64, I32, I64 and U8 are"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":1,\"data_offsets\":[0,1]}}", 1,
     "tensor \"t\": shape is not an array of at most 4 sizes"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,1]}}", 1,
     "tensor \"t\": shape is not an array of at most 4 sizes"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[-1,-1],\"data_offsets\":[0,1]}}", 1,
     "tensor \"t\": shape has a size that is no whole number"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1.0],\"data_offsets\":[0,1]}}", 1,
     "tensor \"t\": shape has a size that is no whole number"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
     "tensor \"t\": shape is too large"},
    {"{\"t\":{\"dtype\":\"I64\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0,
     "tensor \"t\": shape is too large"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[18446744073709551616],\"data_offsets\":[0,0]}}", 0,
     "the header is not valid JSON"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":{}}}", 1,
     "tensor \"t\": data_offsets are not two whole numbers"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1,
     "tensor \"t\": data_offsets are not two whole numbers"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", 1,
     "tensor \"t\": data_offsets are not two whole numbers"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1.0]}}", 1,
     "tensor \"t\": data_offsets are not two whole numbers"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[-1,0]}}", 1,
     "tensor \"t\": data_offsets [-1, 0] lie outside the file's 1 bytes of data"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", 1,
     "tensor \"t\": data_offsets [1, 0] lie outside the file's 1 bytes of data"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 1,
     "tensor \"t\": data_offsets [0, 2] lie outside the file's 1 bytes of data"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[9223372036854775806,"
     "9223372036854775807]}}",
     1, "lie outside the file's 1 bytes of data"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
     "tensor \"t\": data_offsets hold 4 bytes, its shape needs 8"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"u\":{\"dtype\":\"U8\","
     "\"shape\":[2],\"data_offsets\":[1,3]}}",
     3, "tensor \"u\": its data overlap those of another"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"u\":{\"dtype\":\"U8\","
     "\"shape\":[2],\"data_offsets\":[0,2]}}",
     2, "tensor \"u\": its data overlap those of another"},
    {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"u\":{\"dtype\":\"U8\","
     "\"shape\":[1],\"data_offsets\":[3,4]}}",
     4, "tensor \"u\": 2 bytes before its data belong to no tensor"},
};

START_TEST(bad_headers_are_named) {
    mmoe_container *c = NULL;
    mmoe_error err = {0};
    ck_assert_int_eq(parse_header(bad_headers[_i].header, bad_headers[_i].data, &c, &err),
                     MMOE_E_FORMAT);
    ck_assert_ptr_null(c);
    ck_assert_int_eq(err.code, MMOE_E_FORMAT);
    ck_assert_str_eq(err.file, "m.safetensors");
    ck_assert_msg(!strncmp(err.message, "m.safetensors: ", 15) &&
                      strstr(err.message, bad_headers[_i].message),
                  "%s", err.message);
    ck_assert_int_eq(parse_header(bad_headers[_i].header, bad_headers[_i].data, &c, NULL),
                     MMOE_E_FORMAT);
}
END_TEST

START_TEST(deep_json_is_refused) {
    enum { DEPTH = 1000000 };
    char *header = malloc(DEPTH + 10);
    strcpy(header, "{\"a\":");
    memset(header + 5, '[', DEPTH);
    header[5 + DEPTH] = '\0';
    mmoe_container *c;
    mmoe_error err;
    ck_assert_int_eq(parse_header(header, 0, &c, &err), MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "maximum parsing depth"));
    free(header);
}
END_TEST

START_TEST(lying_header_lengths_are_refused) {
    const uint64_t lengths[] = {
        0, 1, 3, 54, 100000000, 100000001, INT64_MAX, UINT64_MAX - 7, UINT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t size;
        char *file =
            compose("{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, &size);
        ck_assert_uint_eq(size, 8 + 53 + 1);
        mmoe_container *c;
        ck_assert_int_eq(mmoe_container_parse(file, size, "m", NULL, &c, NULL), MMOE_OK);
        mmoe_container_close(c);
        memcpy(file, &lengths[i], 8);
        ck_assert_int_eq(mmoe_container_parse(file, size, "m", NULL, &c, NULL), MMOE_E_FORMAT);
        free(file);
    }
}
END_TEST

/* Each length in its own block, so that the sanitizers see a read past its end. */
START_TEST(a_file_cut_anywhere_is_refused) {
    char file[2048];
    size_t size = sample_file(file, sizeof file);
    for (size_t length = 0; length < size; length++) {
        char *cut = malloc(length ? length : 1);
        memcpy(cut, file, length);
        mmoe_container *c = NULL;
        mmoe_error err;
        ck_assert_int_eq(mmoe_container_parse(cut, length, "m", NULL, &c, &err), MMOE_E_FORMAT);
        ck_assert_ptr_null(c);
        free(cut);
    }
    put_file(in_folder("empty"), "", 0);
    mmoe_container *c = NULL;
    mmoe_error err;
    ck_assert_int_eq(mmoe_container_open(in_folder("empty"), NULL, &c, &err), MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "empty: the file is empty"));
}
END_TEST

/* Whatever a header says, every tensor that comes out lies in the file or in a copy, whole. */
START_TEST(no_byte_of_a_header_can_do_harm) {
    char file[2048];
    size_t size = sample_file(file, sizeof file),
           header = 8 + (unsigned char)file[0] + 256 * (size_t)(unsigned char)file[1];
    char *flipped = malloc(size);
    int refused = 0;
    for (size_t at = 0; at < header; at++)
        for (int bit = 0; bit < 8; bit++) {
            memcpy(flipped, file, size);
            flipped[at] = (char)(flipped[at] ^ 1 << bit);
            mmoe_container *c = NULL;
            mmoe_status status = mmoe_container_parse(flipped, size, "m", NULL, &c, NULL);
            ck_assert(status == MMOE_OK || status == MMOE_E_FORMAT);
            refused += status != MMOE_OK;
            unsigned sum = 0;
            for (size_t i = 0; c && i < mmoe_container_count(c); i++)
                for (size_t k = 0; k < mmoe_container_at(c, i)->bytes; k++)
                    sum += ((const unsigned char *)mmoe_container_at(c, i)->data)[k];
            if (c) ck_assert_uint_gt(sum, 0);
            mmoe_container_close(c);
        }
    ck_assert_int_gt(refused, 1000);
    free(flipped);
}
END_TEST

START_TEST(what_cannot_be_opened_is_named) {
    mmoe_container *c = NULL;
    mmoe_error err;
    ck_assert_int_eq(mmoe_container_open(in_folder("missing"), NULL, &c, &err), MMOE_E_IO);
    ck_assert_str_eq(err.file, in_folder("missing"));
    ck_assert_ptr_nonnull(strstr(err.message, "missing: cannot read: No such file or directory"));
    ck_assert_int_eq(mmoe_container_open(folder, NULL, &c, &err), MMOE_E_IO);
    ck_assert_ptr_nonnull(strstr(err.message, ": cannot read: it is a directory"));
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
    ck_assert_int_eq(mmoe_container_open(in_folder("pipe"), NULL, &c, &err), MMOE_E_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "pipe: cannot read: it is not a regular file"));
    ck_assert_ptr_null(c);
}
END_TEST

/* ---- Writing that fails ---- */

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
    char file[2048], after[2048];
    size_t size = sample_file(file, sizeof file);
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
            ck_assert_uint_eq(get_file(path, after, sizeof after), size);
            ck_assert_mem_eq(after, file, size);
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
    ck_assert_int_eq(mmoe_container_open(path, NULL, &c, NULL), MMOE_OK);
    ck_assert_uint_eq(mmoe_container_count(c), 1);
    mmoe_container_close(c);
    ck_assert_int_eq(empty_folder(), 2);
}
END_TEST

START_TEST(writes_into_the_current_folder_and_beside_leftovers) {
    int here = open(".", O_RDONLY | O_DIRECTORY);
    char leftover[64], data[8];
    ck_assert_int_eq(chdir(folder), 0);
    snprintf(leftover, sizeof leftover, ".mmoe-%ld-0.tmp", (long)getpid());
    put_file(leftover, "other", 5);
    ck_assert_int_eq(mmoe_container_write("m.safetensors", sample, N_SAMPLE, metadata, NULL, NULL),
                     MMOE_OK);
    ck_assert_uint_eq(get_file(leftover, data, sizeof data), 5);
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
        ck_assert_int_eq(mmoe_container_open(in_folder("m"), NULL, &c, NULL), MMOE_OK);
        ck_assert_ptr_nonnull(mmoe_container_find(c, good[i]));
        mmoe_container_close(c);
    }
}
END_TEST

/* ---- Memory that runs out ---- */

START_TEST(every_allocation_of_a_reader_may_fail) {
    char file[2048];
    size_t size = sample_file(file + 1, sizeof file - 1);
    const char *path = in_folder("sample.safetensors");
    const bool mapped = _i & 1;
    failing memory = {.and_after = _i >> 1};
    const mmoe_allocator alloc = failing_allocator(&memory);
    long attempts = 0;
    failing_json(&memory);
    for (; failing_next(&memory); attempts++) {
        mmoe_container *c = NULL;
        mmoe_error err = {0};
        mmoe_status status = mapped ? mmoe_container_open(path, &alloc, &c, &err)
                                    : mmoe_container_parse(file + 1, size, "m", &alloc, &c, &err);
        failing_check(&memory, status, &err);
        ck_assert((c != NULL) == (status == MMOE_OK));
        if (c) check_sample(c);
        mmoe_container_close(c);
        ck_assert_int_eq(memory.live, 0);
    }
    failing_json(NULL);
    ck_assert_int_gt(attempts, 50);
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
    tcase_add_test(c, written_file_reads_back);
    tcase_add_test(c, data_that_is_not_aligned_is_copied);
    tcase_add_loop_test(c, bad_headers_are_named, 0, sizeof bad_headers / sizeof *bad_headers);
    tcase_add_test(c, deep_json_is_refused);
    tcase_add_test(c, lying_header_lengths_are_refused);
    tcase_add_test(c, a_file_cut_anywhere_is_refused);
    tcase_add_test(c, no_byte_of_a_header_can_do_harm);
    tcase_add_test(c, what_cannot_be_opened_is_named);
    tcase_add_test(c, what_cannot_be_written_is_named);
    tcase_add_test(c, read_only_folder);
    tcase_add_test(c, full_disk_leaves_the_old_file);
    tcase_add_test(c, permissions_and_links_stay);
    tcase_add_test(c, writes_into_the_current_folder_and_beside_leftovers);
    tcase_add_test(c, text_that_is_not_utf8_is_refused);
    tcase_add_loop_test(c, every_allocation_of_a_reader_may_fail, 0, 4);
    tcase_add_test(c, every_allocation_of_a_writer_may_fail);
}
