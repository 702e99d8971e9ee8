/* What a model and its predictors hold, to the byte, and by the kernel's pages; room for rows,
 * which comes with the first calls or was made before them; and first calls that wait for no page.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "failing.h"
#include "files.h"
#include "page_faults.h"
#include "served_model.h"

int pages_are_counted = 1;

static failing memory; /* of models */
static failing other;  /* of predictors and slots */
static mmoe_allocator model_alloc, alloc;
static mmoe_model *model;
static mmoe_error err;
static float wanted[SERVED_ROWS * SERVED_TASKS], scores[SERVED_ROWS * SERVED_TASKS];

#define OK(call) ck_assert_msg(!(call), "%s", err.message)

static void run(mmoe_predictor *p, size_t rows) {
    mmoe_batch batch = *served_rows();
    batch.rows = rows;
    memset(scores, 0, sizeof scores);
    OK(mmoe_predictor_run(p, &batch, scores, &err));
    ck_assert_mem_eq(scores, wanted, rows * SERVED_TASKS * sizeof *scores);
}

static mmoe_predictor *new_predictor(size_t rows) {
    const mmoe_predictor_options options = {.rows = rows};
    mmoe_predictor *p = NULL;
    OK(mmoe_predictor_create_with(model, &options, &alloc, &p, &err));
    return p;
}

static void set_up(void) {
    memory = other = (failing){0};
    model_alloc = failing_allocator(&memory);
    alloc = failing_allocator(&other);
    model = served_model(1, &model_alloc);
    mmoe_predictor *p = new_predictor(0);
    OK(mmoe_predictor_run(p, served_rows(), wanted, &err));
    mmoe_predictor_free(p);
    ck_assert_uint_eq(other.bytes, 0);
}

static void tear_down(void) {
    mmoe_model_free(model);
    ck_assert_uint_eq(memory.bytes, 0);
    ck_assert_uint_eq(other.bytes, 0);
}

/* ---- Models ---- */

static void assert_bytes(mmoe_model *made, size_t before) {
    size_t mapped = 1;
    ck_assert_uint_eq(mmoe_model_bytes(made, &mapped), memory.bytes - before);
    ck_assert_uint_eq(mmoe_model_bytes(made, NULL), memory.bytes - before);
    ck_assert_uint_eq(mapped, 0);
    mmoe_model_free(made);
    ck_assert_uint_eq(memory.bytes, before);
}

START_TEST(a_model_knows_its_bytes) {
    const size_t weights = (size_t)mmoe_model_parameter_count(model) * sizeof(float);
    ck_assert_uint_eq(mmoe_model_bytes(model, NULL), memory.bytes);
    ck_assert_uint_ge(mmoe_model_bytes(model, NULL), weights);
    ck_assert_uint_lt(mmoe_model_bytes(model, NULL), weights + (100 << 10));
    const size_t before = memory.bytes;
    size_t mapped = 1, size;
    mmoe_model *made;
    make_folder();
    const char *path = in_folder("m");
    OK(mmoe_model_save(model, path, &err));
    ck_assert_uint_eq(memory.bytes, before);
    OK(mmoe_model_load(path, &model_alloc, &made, &err));
    assert_bytes(made, before);
    char *bytes = get_file(path, &size);
    OK(mmoe_model_load_bytes(bytes, size, &model_alloc, &made, &err));
    assert_bytes(made, before);
    free(bytes);
    OK(mmoe_model_clone(model, &model_alloc, &made, &err));
    assert_bytes(made, before);
    OK(mmoe_model_with_tables(model, "int8", &model_alloc, &made, &err));
    ck_assert_uint_lt(mmoe_model_bytes(made, NULL), before - weights / 4);
    assert_bytes(made, before);
    ck_assert_uint_eq(mmoe_model_bytes(NULL, &mapped), 0);
    ck_assert_uint_eq(mapped, 0);
    remove_folder();
}
END_TEST

/* ---- Predictors ---- */

START_TEST(a_predictor_knows_its_bytes) {
    size_t shared, again;
    mmoe_predictor *p = new_predictor(0), *clone = NULL;
    const size_t little = mmoe_predictor_bytes(p, &shared);
    ck_assert_uint_eq(little + shared, other.bytes);
    ck_assert_uint_lt(little, 8 << 10);
    run(p, 1);
    const size_t of_one = mmoe_predictor_bytes(p, &shared);
    ck_assert_uint_eq(of_one + shared, other.bytes);
    run(p, SERVED_ROWS);
    const size_t of_all = mmoe_predictor_bytes(p, &shared);
    ck_assert_uint_eq(of_all + shared, other.bytes);
    ck_assert_uint_lt(10 * of_one, of_all);
    OK(mmoe_predictor_clone(p, &alloc, &clone, &err));
    ck_assert_uint_eq(mmoe_predictor_bytes(clone, &again), little);
    ck_assert_uint_eq(again, shared);
    ck_assert_uint_eq(of_all + little + shared, other.bytes);
    mmoe_predictor_free(p);
    ck_assert_uint_eq(little + shared, other.bytes);
    run(clone, 3);
    mmoe_predictor_free(clone);
    ck_assert_uint_eq(mmoe_predictor_bytes(NULL, &again), 0);
    ck_assert_uint_eq(again, 0);
}
END_TEST

/* From call to call of more rows there are a few steps; below and above, where rows are scored
 * piece by piece, there is none. */
START_TEST(room_grows_with_the_rows) {
    mmoe_predictor *p = new_predictor(0);
    long grown = 0;
    for (size_t rows = 0; rows <= SERVED_ROWS; rows += rows < 32 ? 1 : 31) {
        const long before = other.calls;
        run(p, rows);
        grown += other.calls - before;
        const long now = other.calls;
        run(p, rows);
        run(p, rows / 2);
        ck_assert_int_eq(other.calls, now);
    }
    ck_assert_int_ge(grown, 2);
    ck_assert_int_le(grown, 6);
    mmoe_predictor_free(p);
}
END_TEST

START_TEST(what_was_reserved_is_there) {
    static const size_t sizes[] = {1, 8, 9, 100, 500, SIZE_MAX};
    const size_t n = sizes[_i], most = n < SERVED_ROWS ? n : SERVED_ROWS;
    mmoe_predictor *made = new_predictor(n), *clone = NULL, *late = new_predictor(0);
    OK(mmoe_predictor_clone(made, &alloc, &clone, &err));
    OK(mmoe_predictor_reserve(late, n, &err));
    ck_assert_uint_eq(mmoe_predictor_bytes(made, NULL), mmoe_predictor_bytes(late, NULL));
    ck_assert_uint_eq(mmoe_predictor_bytes(made, NULL), mmoe_predictor_bytes(clone, NULL));
    const long calls = other.calls;
    mmoe_predictor *const all[] = {made, clone, late};
    for (int i = 0; i < 3; i++) {
        run(all[i], most);
        run(all[i], 1);
        OK(mmoe_predictor_reserve(all[i], most, &err));
        OK(mmoe_predictor_reserve(all[i], 0, &err));
    }
    ck_assert_int_eq(other.calls, calls);
    for (int i = 0; i < 3; i++) mmoe_predictor_free(all[i]);
    ck_assert_int_eq(mmoe_predictor_reserve(NULL, 1, &err), MMOE_E_ARGUMENT);
}
END_TEST

/* A call that finds no room is refused, and the next one, which does, is right. */
START_TEST(room_that_is_not_given) {
    mmoe_predictor *p = new_predictor(0);
    mmoe_batch batch = *served_rows();
    for (size_t rows = 1; rows <= 1000; rows *= 10) {
        batch.rows = rows;
        other.fail_at = other.calls + 1;
        scores[0] = 7;
        ck_assert_int_eq(mmoe_predictor_run(p, &batch, scores, &err), MMOE_E_MEMORY);
        ck_assert(scores[0] == 7);
        other.fail_at = other.calls + 1;
        ck_assert_int_eq(mmoe_predictor_reserve(p, rows, &err), MMOE_E_MEMORY);
        other.fail_at = 0;
        if (rows > 1) run(p, rows / 10);
        run(p, rows);
    }
    mmoe_predictor_free(p);
}
END_TEST

/* ---- Readers ---- */

/* A reader's room stays: a newer model's predictor finds it. */
START_TEST(readers_keep_their_room) {
    mmoe_slot *slot = NULL;
    mmoe_reader *reader = NULL;
    mmoe_served now;
    const mmoe_predictor_options options = {.rows = _i ? SERVED_ROWS : 0};
    OK(mmoe_slot_create_with(served_model(1, NULL), &options, &alloc, &slot, &err));
    OK(mmoe_reader_create(slot, &reader, &err));
    OK(mmoe_reader_enter(reader, &now, &err));
    long calls = other.calls;
    run(now.predictor, SERVED_ROWS);
    if (_i) ck_assert_int_eq(other.calls, calls);
    const size_t bytes = mmoe_predictor_bytes(now.predictor, NULL), all = other.bytes;
    mmoe_reader_leave(reader);
    for (int k = 0; k < 3; k++) {
        OK(mmoe_slot_publish(slot, served_model(1, NULL), NULL, &err));
        OK(mmoe_reader_enter(reader, &now, &err));
        ck_assert_uint_eq(mmoe_predictor_bytes(now.predictor, NULL), bytes);
        calls = other.calls;
        run(now.predictor, SERVED_ROWS);
        ck_assert_int_eq(other.calls, calls);
        mmoe_reader_leave(reader);
        ck_assert_uint_eq(other.bytes, all);
    }
    mmoe_reader_free(reader);
    mmoe_slot_free(slot);
}
END_TEST

/* ---- First calls ---- */

/* Other predictors have made the code and the stack come; what a page fault more may be, of the
 * system's own, is not there in each of some attempts. */
START_TEST(the_first_call_waits_for_no_page) {
    long least = 1;
    for (int i = 0; least && i < 20; i++) {
        const mmoe_predictor_options options = {.rows = SERVED_ROWS};
        mmoe_predictor *p = NULL;
        OK(mmoe_predictor_create_with(model, &options, NULL, &p, &err));
        run(p, 1);
        mmoe_predictor *clone = NULL;
        OK(mmoe_predictor_clone(p, NULL, &clone, &err));
        const long before = page_faults();
        OK(mmoe_predictor_run(clone, served_rows(), scores, &err));
        const long now = page_faults() - before;
        if (i == 0 || now < least) least = now;
        ck_assert_mem_eq(scores, wanted, sizeof wanted);
        mmoe_predictor_free(clone);
        mmoe_predictor_free(p);
    }
    if (!IS_SANITIZED) ck_assert_int_eq(least, 0);
}
END_TEST

/* ---- Pages ---- */

#ifdef RESIDENT
enum { MANY = 1000 };

/* But for pages of files, which the system takes and brings as it likes; by a walk through the
 * pages: what else the kernel says of them is late by some for each processor. */
static size_t resident(void) {
    unsigned long kilobytes, sum = 0;
    char line[256];
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "Anonymous: %lu kB", &kilobytes) == 1 ||
            sscanf(line, "Swap: %lu kB", &kilobytes) == 1)
            sum += kilobytes;
    fclose(f);
    return (size_t)sum << 10;
}

/* Where each thread has a reader, for calls of one row that it was promised or not, and where it
 * has a clone: the pages are of the bytes that they tell, but for what malloc and a reader add. */
START_TEST(a_thousand_predictors_take_what_they_tell) {
    static mmoe_reader *readers[MANY];
    static mmoe_predictor *clones[MANY];
    const mmoe_predictor_options options = {.rows = _i == 1};
    mmoe_slot *slot = NULL;
    mmoe_predictor *first = NULL;
    size_t told = 0;
    OK(mmoe_slot_create_with(served_model(1, NULL), &options, NULL, &slot, &err));
    OK(mmoe_predictor_create(model, NULL, &first, &err));
    run(first, 1);
    const size_t before = resident();
    for (int i = 0; i < MANY; i++) {
        mmoe_served now = {.predictor = NULL};
        if (_i < 2) {
            OK(mmoe_reader_create(slot, &readers[i], &err));
            OK(mmoe_reader_enter(readers[i], &now, &err));
        } else {
            OK(mmoe_predictor_clone(first, NULL, &clones[i], &err));
            now.predictor = clones[i];
        }
        run(now.predictor, 1);
        told += mmoe_predictor_bytes(now.predictor, NULL);
        if (_i < 2) mmoe_reader_leave(readers[i]);
    }
    const size_t grown = resident() - before;
    printf("%d predictors tell %zu KB, and take %zu KB\n", MANY, told >> 10, grown >> 10);
    ck_assert_uint_lt(told, MANY * (16u << 10));
    ck_assert_uint_ge(grown, told - (256u << 10));
    ck_assert_uint_le(grown, told + MANY * 768u);
    for (int i = 0; i < MANY; i++) {
        mmoe_reader_free(readers[i]);
        mmoe_predictor_free(clones[i]);
    }
    mmoe_predictor_free(first);
    mmoe_slot_free(slot);
}
END_TEST
#endif

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_model_knows_its_bytes);
    tcase_add_test(c, a_predictor_knows_its_bytes);
    tcase_add_test(c, room_grows_with_the_rows);
    tcase_add_loop_test(c, what_was_reserved_is_there, 0, 6);
    tcase_add_test(c, room_that_is_not_given);
    tcase_add_loop_test(c, readers_keep_their_room, 0, 2);
    tcase_add_test(c, the_first_call_waits_for_no_page);
#ifdef RESIDENT
    tcase_add_loop_test(c, a_thousand_predictors_take_what_they_tell, 0, 3);
#endif
}
