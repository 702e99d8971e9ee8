/* .npy files: what is read to the bit, and what is refused with its figures. */
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "file/npy.h"
#include "npy_support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const float singles[] = {1, -2.5f, 3e38f, 0x1p-149f, 0, -0.0f};
static const double doubles[] = {1, -2.5, 3e38, 1e39, 0.1, -1e-50};

static void reads(const char *path, mmoe_dtype dtype, const float *wanted) {
    mmoe_npy npy;
    mmoe_error err = {0};
    float got[6];
    ck_assert_msg(mmoe_npy_open(path, &npy, &err) == MMOE_OK, "%s", err.message);
    ck_assert(npy.dtype == dtype && npy.rows == 3 && npy.cols == 2);
    ck_assert_int_eq(mmoe_npy_read(&npy, got, &err), MMOE_OK);
    ck_assert_mem_eq(got, wanted, sizeof got);
    ck_assert_int_eq(mmoe_npy_read(&npy, got, &err), MMOE_E_IO);
    mmoe_npy_close(&npy);
}

START_TEST(matrices_are_read) {
    const float rounded[] = {1, -2.5f, 3e38f, INFINITY, 0.1f, -0.0f};
    const char *path = in_folder("m.npy");
    put_npy(path, "<f4", 3, 2, singles);
    reads(path, MMOE_F32, singles);
    put_npy(path, "<f8", 3, 2, doubles);
    reads(path, MMOE_F64, rounded);
    static const char *const headers[] = {
        "{'descr':'<f4','fortran_order':False,'shape':(3,2)}",
        "{ \"shape\" : ( 3 , 2, ) ,\n \"fortran_order\" : False , \"descr\" : \"<f4\" , }  \n",
    };
    for (size_t i = 0; i < COUNT(headers); i++)
        for (int major = 1; major <= 3; major++) {
            put_npy_of(path, major, headers[i], singles, sizeof singles);
            reads(path, MMOE_F32, singles);
        }
}
END_TEST

static void refused(const char *path, mmoe_status status, const char *message) {
    mmoe_npy npy;
    mmoe_error err = {0};
    const size_t length = strlen(path);
    const mmoe_status got = mmoe_npy_open(path, &npy, &err);
    ck_assert_msg(got == status, "%d: %s", got, err.message);
    ck_assert_msg(strncmp(err.message, path, length) == 0 &&
                      strcmp(err.message + length, message) == 0,
                  "\"%s\", not \"%s\"", err.message + length, message);
    ck_assert_str_eq(err.file, path);
}

#define ENTRIES(descr, order, shape)                                                               \
    "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }"
#define BROKEN ": its header is no dictionary of descr, fortran_order and shape"

START_TEST(other_matrices_are_refused) {
    static const struct {
        const char *header, *message;
        size_t size;
    } cases[] = {
        {ENTRIES("'<f2'", "False", "(3, 2)"),
         ": its type is <f2, not <f4 or <f8: float32 or float64, little-endian", 12},
        {ENTRIES("'>f4'", "False", "(3, 2)"),
         ": its type is >f4, not <f4 or <f8: float32 or float64, little-endian", 24},
        {ENTRIES("[('x', '<f4')]", "False", "(3, 2)"),
         ": its type is of several fields, not <f4 or <f8: float32 or float64, little-endian", 24},
        {ENTRIES("'<f4'", "True", "(3, 2)"), ": its values stand in Fortran's order, not in C's",
         24},
        {ENTRIES("'<f4'", "False", "(6,)"), ": its shape has 1 sizes, not 2", 24},
        {ENTRIES("'<f4'", "False", "()"), ": its shape has 0 sizes, not 2", 4},
        {ENTRIES("'<f4'", "False", "(1, 3, 2)"), ": its shape has 3 sizes, not 2", 24},
        {ENTRIES("'<f4'", "False", "(3, 2)"),
         ": its shape (3, 2) needs 24 bytes of values; the file has 23", 23},
        {ENTRIES("'<f8'", "False", "(3, 2)"),
         ": its shape (3, 2) needs 48 bytes of values; the file has 24", 24},
        {ENTRIES("'<f4'", "False", "(2, 2)"),
         ": its shape (2, 2) needs 16 bytes of values; the file has 24", 24},
        {ENTRIES("'<f4'", "False", "(9223372036854775807, 2)"),
         ": its shape (9223372036854775807, 2) is too large", 24},
        {ENTRIES("'<f4'", "False", "(9223372036854775808, 2)"), BROKEN, 24},
        {ENTRIES("'<f4'", "False", "(-3, 2)"), BROKEN, 24},
        {ENTRIES("'<f4'", "False", "3, 2"), BROKEN, 24},
        {ENTRIES("'<f4'", "0", "(3, 2)"), BROKEN, 24},
        {"{'descr': '<f4", BROKEN, 24},
        {"{'descr': '<f4', 'fortran_order': False, }", BROKEN, 24},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}", BROKEN, 24},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), 'more': 1}", BROKEN, 24},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (3, 2)}", BROKEN, 24},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)", BROKEN, 24},
        {"", BROKEN, 24},
    };
    const char *path = in_folder("m.npy");
    for (size_t i = 0; i < COUNT(cases); i++) {
        put_npy_of(path, 1, cases[i].header, singles, cases[i].size);
        refused(path, MMOE_E_FORMAT, cases[i].message);
    }
}
END_TEST

START_TEST(what_is_no_npy_is_refused) {
    const char *path = in_folder("m.npy");
    char *bytes;
    size_t size;
    put_npy(path, "<f4", 3, 2, singles);
    bytes = get_file(path, &size);
    bytes[6] = 4;
    put_file(path, bytes, size);
    refused(path, MMOE_E_VERSION, ": the format's version is 4.0; 1 to 3 are read");
    bytes[6] = 1;
    bytes[9] = 17; /* thousands of bytes of header */
    put_file(path, bytes, size);
    char message[100];
    snprintf(message, sizeof message,
             ": its header has %d bytes; a matrix of floats needs no more than 4096",
             (unsigned char)bytes[8] + 17 * 256);
    refused(path, MMOE_E_FORMAT, message);
    bytes[9] = 0;
    for (size_t cut = 0; cut < size - 24; cut++) {
        put_file(path, bytes, cut);
        if (cut < 8)
            refused(path, MMOE_E_FORMAT, ": this is no .npy file");
        else
            refused(path, MMOE_E_IO, ": the file is cut off");
    }
    bytes[0]++;
    put_file(path, bytes, size);
    refused(path, MMOE_E_FORMAT, ": this is no .npy file");
    refused(folder, MMOE_E_IO, ": cannot read: it is a directory");
    ck_assert_int_eq(mkfifo(in_folder("pipe.npy"), 0600), 0);
    refused(in_folder("pipe.npy"), MMOE_E_IO, ": cannot read: it is not a regular file");
    refused(in_folder("none.npy"), MMOE_E_IO, ": cannot read: No such file or directory");
    free(bytes);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_test(c, matrices_are_read);
    tcase_add_test(c, other_matrices_are_refused);
    tcase_add_test(c, what_is_no_npy_is_refused);
}
