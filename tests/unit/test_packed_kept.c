/* Packed data: columns beside the rows. */
#include "check_main.h"
#include "packed_support.h"

#include "data/source.h"

/* "" , "v0" .. "v96", and behind row 40000 others, too. */
static mmoe_dataset *make_kept(int64_t first, int64_t count, const char *name) {
    mmoe_dataset *made = make_rows(first, count);
    char(*texts)[16] = malloc((size_t)count * sizeof *texts);
    const char **values = malloc((size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        const uint32_t x = draw(first + i) % (first + i < 40000 ? 97 : 300);
        texts[i][0] = '\0';
        if (x) snprintf(texts[i], sizeof *texts, "v%u", (unsigned)x);
        values[i] = texts[i];
    }
    SUCCEEDS(mmoe_dataset_keep(made, name, values, &err));
    free(texts);
    free(values);
    return made;
}

static void same_kept(const mmoe_dataset *a, const mmoe_dataset *b) {
    ck_assert_uint_eq(a->n_kept, 1);
    ck_assert_str_eq(mmoe_dataset_kept_column(a, 0), "user");
    ck_assert_ptr_null(mmoe_dataset_kept_column(a, 1));
    ck_assert_mem_eq(a->kept->values, b->kept->values, (size_t)b->rows * sizeof *b->kept->values);
    ck_assert_uint_eq(mmoe_vocab_hash(a->kept->vocab), mmoe_vocab_hash(b->kept->vocab));
}

/* Batch by batch, as they are streamed. */
static void same_stream(const mmoe_dataset *set, const mmoe_dataset *whole) {
    const mmoe_allocator plain = mmoe_allocator_or_default(NULL);
    const mmoe_source_order order = {.set = set, .most = MMOE_SLICE_ROWS, .keeps = true};
    mmoe_source *s;
    mmoe_rows b;
    int64_t row = 0;
    SUCCEEDS(mmoe_source_open(&order, &plain, &s, &err));
    SUCCEEDS(mmoe_source_begin(s, 0, &err));
    for (b.rows = 1; b.rows; row += b.rows) {
        SUCCEEDS(mmoe_source_next(s, MMOE_SLICE_ROWS, &b, &err));
        ck_assert_mem_eq(b.kept[0], whole->kept->values + row, (size_t)b.rows * sizeof(int32_t));
    }
    ck_assert_int_eq(row, whole->rows);
    mmoe_source_free(s);
}

START_TEST(columns_are_kept) {
    enum { FIRST = 20000, ALL = MMOE_WINDOW_ROWS + 30000 };
    char other[160];
    mmoe_dataset *whole = make_kept(0, ALL, "user"), *first = make_kept(0, FIRST, "user"),
                 *rest = make_kept(FIRST, ALL - FIRST, "user"), *named = make_kept(0, 9, "u"), *set;
    snprintf(other, sizeof other, "%s/kept", folder);
    SUCCEEDS(mmoe_dataset_pack(first, schema, other, 2, NULL, &err));
    mmoe_error why = {0};
    ck_assert_int_eq(mmoe_dataset_append(named, other, 1, NULL, &why), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "keeps the column \"user\""));
    SUCCEEDS(mmoe_dataset_append(rest, other, 1, NULL, &err));
    SUCCEEDS(mmoe_dataset_read_packed(schema, other, MMOE_PACKED_LOADED, NULL, &set, &err));
    same_kept(set, whole);
    same_stream(set, whole);
    mmoe_dataset_free(set);
    SUCCEEDS(mmoe_dataset_read_packed(schema, other, MMOE_PACKED_STREAMED, NULL, &set, &err));
    same_stream(set, whole);
    mmoe_dataset_free(set);
    mmoe_dataset *const made[] = {whole, first, rest, named};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) mmoe_dataset_free(made[i]);
    size_t size;
    char *bytes = get_file(in_folder("kept/part-1/kept.safetensors"), &size);
    bytes[size - 3] ^= 1;
    put_file(in_folder("kept/part-1/kept.safetensors"), bytes, size);
    free(bytes);
    ck_assert_int_eq(
        mmoe_dataset_read_packed(schema, other, MMOE_PACKED_STREAMED, NULL, &set, &why),
        MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(why.message, "part-1/kept.safetensors"));
}
END_TEST

/* A file that is whole, and of other rows, would name their values. */
START_TEST(kept_values_are_those_of_the_rows) {
    enum { SOME = 1000 };
    char paths[2][160];
    for (int i = 0; i < 2; i++) {
        mmoe_dataset *set = make_kept(i * SOME, SOME, "user");
        snprintf(paths[i], sizeof paths[i], "%s/names-%d", folder, i);
        SUCCEEDS(mmoe_dataset_pack(set, schema, paths[i], 1, NULL, &err));
        mmoe_dataset_free(set);
    }
    size_t size;
    char *bytes = get_file(in_folder("names-1/part-0/kept.safetensors"), &size);
    put_file(in_folder("names-0/part-0/kept.safetensors"), bytes, size);
    free(bytes);
    for (int how = MMOE_PACKED_LOADED; how <= MMOE_PACKED_STREAMED; how++) {
        mmoe_dataset *set = NULL;
        mmoe_error why = {0};
        ck_assert_int_eq(mmoe_dataset_read_packed(schema, paths[0], how, NULL, &set, &why),
                         MMOE_E_FORMAT);
        ck_assert_ptr_nonnull(strstr(why.message, "names-0/part-0/kept.safetensors: its values"));
    }
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_unchecked_fixture(c, set_up_schema, tear_down_packed);
    tcase_add_test(c, columns_are_kept);
    tcase_add_test(c, kept_values_are_those_of_the_rows);
}
