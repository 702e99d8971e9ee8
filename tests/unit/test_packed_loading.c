/* Packed data, loaded whole: the rows that were packed, whoever reads which block of them. */
#include <time.h>

#include "check_main.h"
#include "packed_support.h"

static void check_loaded(const mmoe_dataset *loaded) {
    ck_assert_int_eq(loaded->rows, ROWS);
    ck_assert_mem_eq(loaded->ids, rows->ids, ROWS * 2 * sizeof *rows->ids);
    ck_assert_mem_eq(loaded->dense, rows->dense, ROWS * 2 * sizeof *rows->dense);
    ck_assert_mem_eq(loaded->labels, rows->labels, ROWS * 2 * sizeof *rows->labels);
    ck_assert_mem_eq(loaded->weights, rows->weights, ROWS * sizeof *rows->weights);
    ck_assert_mem_eq(loaded->offsets, rows->offsets, (ROWS + 1) * sizeof *rows->offsets);
    const size_t elements = (size_t)rows->offsets[ROWS];
    ck_assert_mem_eq(loaded->elements, rows->elements, elements * sizeof *rows->elements);
    ck_assert_mem_eq(loaded->element_weights, rows->element_weights, elements * sizeof(float));
    ck_assert_int_eq(loaded->any_missing_label, 1);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(loaded->most_id[i], rows->most_id[i]);
}

/* By the calling thread and by several, more than there are processors. */
START_TEST(loaded_rows_are_those_that_were_packed) {
    static const int threads[] = {0, 1, 2, 3, 7};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        mmoe_dataset *set = open_packed(threads[i] ? MMOE_PACKED_STREAMED : MMOE_PACKED_LOADED);
        SUCCEEDS(mmoe_dataset_load(set, threads[i], NULL, &err));
        check_loaded(set);
        mmoe_dataset_free(set);
    }
    double mine[1], theirs[1];
    mmoe_dataset *streamed = open_packed(MMOE_PACKED_STREAMED);
    mmoe_dataset_list_elements(streamed, mine);
    mmoe_dataset_list_elements(rows, theirs);
    ck_assert_double_eq(mine[0], theirs[0]);
    ck_assert_int_eq(mmoe_dataset_load(streamed, 257, NULL, NULL), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_load(streamed, -1, NULL, NULL), MMOE_E_ARGUMENT);
    mmoe_dataset_free(streamed);
}
END_TEST

/* What is kept beside rows that are streamed, by the caller, stays. */
START_TEST(loading_leaves_what_is_kept) {
    enum { ALL = MMOE_BLOCK_ROWS + 7 };
    mmoe_dataset *made = make_rows(0, ALL), *set;
    char other[160];
    static const char *values[ALL];
    for (int i = 0; i < ALL; i++) values[i] = i % 2 ? "odd" : "even";
    snprintf(other, sizeof other, "%s/beside", folder);
    SUCCEEDS(mmoe_dataset_pack(made, schema, other, 1, NULL, &err));
    SUCCEEDS(mmoe_dataset_read_packed(schema, other, MMOE_PACKED_STREAMED, NULL, &set, &err));
    SUCCEEDS(mmoe_dataset_keep(set, "parity", values, &err));
    SUCCEEDS(mmoe_dataset_load(set, 2, NULL, &err));
    for (int i = 0; i < ALL; i++) ck_assert_int_eq(set->kept->values[i], 1 + i % 2);
    mmoe_dataset_free(set);
    mmoe_dataset_free(made);
}
END_TEST

static void dawdle(void *user, const mmoe_work *work) {
    (void)user;
    (void)work;
    nanosleep(&(struct timespec){0, 2000000}, NULL);
}

/* Of two damaged blocks the first is named, though another thread comes to the second before the
 * calling one, which has a slow watcher, comes to the first. */
START_TEST(loading_ends_at_the_first_damage) {
    static const int places[] = {MMOE_BLOCK_ROWS * 11, MMOE_BLOCK_ROWS * 12};
    char path[256];
    size_t size;
    snprintf(path, sizeof path, "%s/part-0/005-d.npy", packed);
    char *bytes = get_file(path, &size);
    for (int i = 0; i < 2; i++) bytes[128 + 4 * places[i]]++;
    put_file(path, bytes, size);
    const mmoe_watcher slow = {dawdle, NULL};
    for (int threads = 1; threads < 8; threads += 2) {
        mmoe_error why = {0};
        mmoe_dataset *set = open_packed(MMOE_PACKED_STREAMED);
        ck_assert_int_eq(mmoe_dataset_load(set, threads, &slow, &why), MMOE_E_FORMAT);
        ck_assert_ptr_nonnull(strstr(why.message, "005-d.npy: rows 180225 to 196608 are not"));
        mmoe_dataset_free(set);
    }
    for (int i = 0; i < 2; i++) bytes[128 + 4 * places[i]]--;
    put_file(path, bytes, size);
    free(bytes);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_unchecked_fixture(c, set_up_packed, tear_down_packed);
    tcase_add_test(c, loaded_rows_are_those_that_were_packed);
    tcase_add_test(c, loading_ends_at_the_first_damage);
    if (THREADS_ALONE) return;
    tcase_add_test(c, loading_leaves_what_is_kept);
}
