/* CSV that is parsed block by block, against the same file in one sequence. */
#include <stdlib.h>
#include <unistd.h>

#include "base/csv_blocks.h"
#include "csv_support.h"
#include "files.h"

static const char *const texts[] = {
    "a,b\n1,2\n3,4\n5,6\n",
    "a,b\r\n1,2\r\n\r\n\r\n3,4\r\n \r\n5,6",
    "\xEF\xBB\xBFsep=;\na;b\n\n1;2\n3;\"4\n;\n5\"\n6;7\n",
    "a\n1\n\n2\n\n",
    "a\r1\r\r2\r",
    "a\r1\r \n2\r\t\n\r3\r",
    "a,b\r1,\"2\r3\"\r\n\r\r4,5\r",
    "\n\n\na,b\n\n1,2,\n\n3,4,\n5,6,\n\n",
    "a,b\n1,\"2\"\"\n\n\"\"3\"\n\"\"\"4\n\"\"\",5\n\"\",\"\"\n",
    "a,b\n1,2\n3\"x,4\n\"5\n\n6\",7\n8\"\n",
    "a,b\n1,\"2\n3,4\n\"x\n\"5,6\n7,8\n",
    "a,b\n1,2\n3,4,5\n\"6\n",
    "a,b\n1,2\n3,\"4\n5,6\n",
    "a,b\n1,2,\n3,4,,\n",
    "a;b\n\"1\n2\";3\n",
    "a\"b;c\n1,2\n",
    "a,b\n  \"1\n\" ,2\n\t\n3, 4 \n",
};

typedef struct result {
    mmoe_status status;
    mmoe_error err;
    mmoe_csv_passed passed;
    seen s;
} result;

static void read_whole(const char *path, result *r) {
    const mmoe_csv_handler handler = {&r->s, on_header, on_row, .passed = &r->passed};
    r->status = mmoe_csv_read(path, &handler, NULL, &r->err);
}

/* How many blocks there were. */
static int read_blocks(const char *path, size_t size, result *r) {
    int count = 0;
    mmoe_csv_form form = {0};
    mmoe_csv_block block = {NULL};
    mmoe_bytes from;
    const mmoe_csv_handler handler = {&r->s, on_header, on_row, .passed = &r->passed,
                                      .form = &form};
    ck_assert_int_eq(mmoe_bytes_open(path, NULL, NULL, &from, &r->err), MMOE_OK);
    mmoe_csv_blocks blocks = {mmoe_allocator_or_default(NULL), &from};
    for (bool more = true; more && !r->status;
         more = !block.is_open && !mmoe_csv_blocks_end(&blocks)) {
        ck_assert_int_eq(mmoe_csv_blocks_next(&blocks, size, &block, &r->err), MMOE_OK);
        r->status = block.is_open
                        ? mmoe_csv_read_on(&from, (mmoe_csv_field){block.bytes, block.length},
                                           &handler, NULL, &r->err)
                        : mmoe_csv_parse(block.bytes, block.length, path, &handler, NULL, &r->err);
        count++;
    }
    if (!r->status) r->status = mmoe_csv_check_header(&form, path, &r->err);
    free(block.bytes);
    mmoe_csv_blocks_finish(&blocks);
    mmoe_bytes_close(&from);
    return count;
}

/* Returns how many blocks there were of the size. */
static int check_same(const char *path, const result *whole, size_t size) {
    static result parts;
    parts = (result){0};
    const int count = read_blocks(path, size, &parts);
    ck_assert_int_eq(parts.status, whole->status);
    ck_assert_str_eq(parts.err.message, whole->err.message);
    ck_assert_int_eq(parts.err.row, whole->err.row);
    ck_assert_str_eq(parts.s.text, whole->s.text);
    ck_assert_int_eq(parts.s.rows, whole->s.rows);
    ck_assert_mem_eq(&parts.passed, &whole->passed, sizeof parts.passed);
    return count;
}

START_TEST(blocks_of_any_size_give_the_same) {
    static result whole;
    const char *path = in_folder("a.csv");
    put_text(path, texts[_i]);
    whole = (result){0};
    read_whole(path, &whole);
    const int count = check_same(path, &whole, 1);
    ck_assert_int_ge(count, whole.s.rows < 2 ? 1 : 3);
    for (size_t size = 2; size < 50; size++) check_same(path, &whole, size);
    ck_assert_int_eq(check_same(path, &whole, 100), 1);
}
END_TEST

/* Quotes that hold a megabyte, as one that is not closed does, end the blocks. */
START_TEST(a_long_row_is_read_in_sequence) {
    static result whole;
    const size_t length = 3 << 20;
    const char *path = in_folder("long.csv");
    char *csv = malloc(length);
    memset(csv, '\n', length);
    memcpy(csv, "a,b\n1,2\n3,\"4", 12);
    if (_i < 2) memcpy(csv + length - 12, "5\"\n6,7\n\"8\",9", 12);
    if (_i == 1) csv[length - 11] = 'x';
    put_file(path, csv, length);
    whole = (result){0};
    read_whole(path, &whole);
    ck_assert_int_eq(whole.status == MMOE_OK, _i == 0);
    ck_assert_int_eq(check_same(path, &whole, 1), 3);
    ck_assert_int_eq(check_same(path, &whole, 5), 2);
    ck_assert_int_eq(check_same(path, &whole, 1 << 16), 1);
    free(csv);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, blocks_of_any_size_give_the_same, 0, sizeof texts / sizeof *texts);
    tcase_add_loop_test(c, a_long_row_is_read_in_sequence, 0, 3);
}
