/* safetensors: reading */
#include <sys/stat.h>

#include "container_support.h"

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

START_TEST(written_file_reads_back) {
    char file[2048], again[2048];
    size_t size = sample_file(file, sizeof file);
    ck_assert_uint_eq(sample_file(again, sizeof again), size);
    ck_assert_mem_eq(again, file, size);
    ck_assert_int_eq((8 + (unsigned char)file[0] + 256 * (unsigned char)file[1] + 16) % 64,
                     0); /* where the floats begin */
    mmoe_container *c = NULL;
    const char *path = in_folder("sample.safetensors");
    ck_assert_int_eq(mmoe_container_open(path, false, NULL, &c, NULL), MMOE_OK);
    ck_assert_str_eq(mmoe_container_name(c), path);
    check_sample(c);
    /* It holds nothing of the file any more. */
    ck_assert_int_eq(mmoe_container_write(path, NULL, 0, NULL, NULL, NULL), MMOE_OK);
    check_sample(c);
    mmoe_container_close(c);
    ck_assert_int_eq(mmoe_container_open(path, false, NULL, &c, NULL), MMOE_OK);
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
    {"{\"t\":{\"dtype\":\"I16\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2,
     "tensor \"t\": type I16 is not supported; F32, F64, F16, BF16, I32, I64, U8 and I8 are"},
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
    ck_assert_int_eq(mmoe_container_open(in_folder("empty"), false, NULL, &c, &err), MMOE_E_FORMAT);
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
    ck_assert_int_eq(mmoe_container_open(in_folder("missing"), false, NULL, &c, &err), MMOE_E_IO);
    ck_assert_str_eq(err.file, in_folder("missing"));
    ck_assert_ptr_nonnull(strstr(err.message, "missing: cannot read: No such file or directory"));
    ck_assert_int_eq(mmoe_container_open(folder, false, NULL, &c, &err), MMOE_E_IO);
    ck_assert_ptr_nonnull(strstr(err.message, ": cannot read: it is a directory"));
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
    ck_assert_int_eq(mmoe_container_open(in_folder("pipe"), false, NULL, &c, &err), MMOE_E_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "pipe: cannot read: it is not a regular file"));
    ck_assert_ptr_null(c);
}
END_TEST

START_TEST(every_allocation_of_a_reader_may_fail) {
    char file[2048];
    size_t size = sample_file(file + 1, sizeof file - 1);
    const char *path = in_folder("sample.safetensors");
    const bool opened = _i & 1;
    failing memory = {.and_after = _i >> 1};
    const mmoe_allocator alloc = failing_allocator(&memory);
    long attempts = 0;
    failing_json(&memory);
    for (; failing_next(&memory); attempts++) {
        mmoe_container *c = NULL;
        mmoe_error err = {0};
        mmoe_status status = opened ? mmoe_container_open(path, false, &alloc, &c, &err)
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
    tcase_add_loop_test(c, every_allocation_of_a_reader_may_fail, 0, 4);
}
