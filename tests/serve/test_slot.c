/* the slot: versions, ownership, readers beside publishers */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failing.h"
#include "check_main.h"
#include "served_model.h"

/* What the library still holds of each of these. */
static failing slot_memory, model_memory[4];
static mmoe_slot *slot;
static mmoe_error err;

static mmoe_model *new_model(int i) {
    const mmoe_allocator a = failing_allocator(&model_memory[i]);
    mmoe_model *model = served_model((unsigned)i + 1, &a);
    ck_assert_int_gt(model_memory[i].live, 0);
    return model;
}

static void set_up(void) {
    memset(model_memory, 0, sizeof model_memory);
    slot_memory = (failing){0};
    const mmoe_allocator a = failing_allocator(&slot_memory);
    ck_assert_int_eq(mmoe_slot_create(new_model(0), &a, &slot, &err), MMOE_OK);
}

static void tear_down(void) {
    mmoe_slot_free(slot);
    ck_assert_int_eq(slot_memory.live, 0);
    for (int i = 0; i < 4; i++) ck_assert_int_eq(model_memory[i].live, 0);
}

static mmoe_reader *new_reader(void) {
    mmoe_reader *reader = NULL;
    ck_assert_int_eq(mmoe_reader_create(slot, &reader, &err), MMOE_OK);
    return reader;
}

static mmoe_served enter(mmoe_reader *reader) {
    mmoe_served now = {0};
    ck_assert_msg(!mmoe_reader_enter(reader, &now, &err), "%s", err.message);
    return now;
}

static uint64_t publish(mmoe_model *model) {
    uint64_t version = 0;
    ck_assert_int_eq(mmoe_slot_publish(slot, model, &version, &err), MMOE_OK);
    return version;
}

START_TEST(scores_are_those_of_the_version) {
    static float scores[SERVED_ROWS * SERVED_TASKS], wanted[SERVED_ROWS * SERVED_TASKS];
    mmoe_reader *reader = new_reader();
    for (int i = 0; i < 4; i++) {
        if (i) ck_assert_uint_eq(publish(new_model(i)), (uint64_t)i + 1);
        mmoe_model *same = served_model((unsigned)i + 1, NULL);
        mmoe_predictor *predictor;
        ck_assert_int_eq(mmoe_predictor_create(same, NULL, &predictor, &err), MMOE_OK);
        ck_assert_int_eq(mmoe_predictor_run(predictor, served_rows(), wanted, &err), MMOE_OK);
        mmoe_predictor_free(predictor);
        mmoe_model_free(same);
        const mmoe_served now = enter(reader);
        ck_assert_uint_eq(now.version, (uint64_t)i + 1);
        ck_assert_int_eq(mmoe_model_task_count(now.model), SERVED_TASKS);
        ck_assert_int_eq(mmoe_predictor_run(now.predictor, served_rows(), scores, &err), MMOE_OK);
        ck_assert_mem_eq(scores, wanted, sizeof scores);
        mmoe_reader_leave(reader);
    }
    mmoe_reader_free(reader);
}
END_TEST

START_TEST(the_last_reader_frees_the_old_model) {
    mmoe_reader *a = new_reader(), *b = new_reader();
    ck_assert_uint_eq(enter(a).version, 1);
    ck_assert_uint_eq(enter(b).version, 1);
    ck_assert_uint_eq(publish(new_model(1)), 2);
    ck_assert_int_gt(model_memory[0].live, 0);
    mmoe_reader_leave(a);
    ck_assert_uint_eq(enter(a).version, 2);
    ck_assert_uint_eq(publish(new_model(2)), 3);
    ck_assert_int_gt(model_memory[0].live, 0);
    mmoe_reader_leave(b);
    ck_assert_int_eq(model_memory[0].live, 0);
    ck_assert_int_gt(model_memory[1].live, 0);
    mmoe_reader_leave(a);
    ck_assert_int_eq(model_memory[1].live, 0);
    ck_assert_int_gt(model_memory[2].live, 0);
    mmoe_reader_leave(a); /* is outside already */
    mmoe_reader_free(a);
    mmoe_reader_free(b);
}
END_TEST

/* What is collected is freed by no reader. */
START_TEST(old_models_wait_to_be_collected) {
    mmoe_reader *reader = new_reader();
    ck_assert_uint_eq(mmoe_slot_collect(slot), 0);
    enter(reader);
    publish(new_model(1));
    ck_assert_uint_eq(mmoe_slot_collect(slot), 1);
    mmoe_reader_leave(reader);
    ck_assert_int_gt(model_memory[0].live, 0);
    ck_assert_uint_eq(mmoe_slot_collect(slot), 0);
    ck_assert_int_eq(model_memory[0].live, 0);
    ck_assert_uint_eq(mmoe_slot_collect(NULL), 0);
    mmoe_reader_free(reader);
}
END_TEST

/* Collects whenever an old model's memory comes back, while that is being freed. */
static bool is_collecting;
static size_t most_left;
static void collect_meanwhile(void *user, void *memory) {
    const mmoe_allocator inner = failing_allocator(user);
    const size_t left = is_collecting ? mmoe_slot_collect(slot) : 0;
    if (left > most_left) most_left = left;
    inner.release(inner.user, memory);
}

START_TEST(what_another_is_about_to_free_is_not_freed) {
    mmoe_allocator a = failing_allocator(&model_memory[1]);
    a.release = collect_meanwhile;
    ck_assert_uint_eq(publish(served_model(2, &a)), 2);
    is_collecting = true;
    publish(new_model(2));
    is_collecting = false;
    ck_assert_uint_eq(most_left, 1);
    ck_assert_uint_eq(mmoe_slot_collect(slot), 0);
    ck_assert_int_eq(model_memory[1].live, 0);
}
END_TEST

START_TEST(an_idle_reader_holds_nothing) {
    mmoe_reader *idle = new_reader();
    enter(idle);
    mmoe_reader_leave(idle);
    publish(new_model(1));
    ck_assert_int_eq(model_memory[0].live, 0);
    publish(new_model(2));
    ck_assert_int_eq(model_memory[1].live, 0);
    ck_assert_uint_eq(enter(idle).version, 3);
    mmoe_reader_leave(idle);
    mmoe_reader_free(idle);
}
END_TEST

START_TEST(a_predictor_stays_while_its_version_does) {
    mmoe_reader *reader = new_reader();
    mmoe_predictor *first = enter(reader).predictor;
    mmoe_reader_leave(reader);
    const long calls = slot_memory.calls;
    for (int i = 0; i < 100; i++) {
        ck_assert_ptr_eq(enter(reader).predictor, first);
        mmoe_reader_leave(reader);
    }
    for (int i = 0; i < 100; i++) { /* threads that come and go */
        mmoe_reader_free(reader);
        reader = new_reader();
        ck_assert_ptr_eq(enter(reader).predictor, first);
        mmoe_reader_leave(reader);
    }
    ck_assert_int_eq(slot_memory.calls, calls);
    mmoe_reader *other = new_reader();
    ck_assert_ptr_ne(enter(other).predictor, first);
    mmoe_reader_leave(other);
    const long live = slot_memory.live;
    for (int i = 1; i < 4; i++) {
        publish(new_model(i));
        for (int k = 0; k < 2; k++) {
            enter(k ? other : reader);
            mmoe_reader_leave(k ? other : reader);
        }
        ck_assert_int_eq(slot_memory.live, live);
    }
    mmoe_reader_free(reader);
    mmoe_reader_free(other);
}
END_TEST

static void refused(mmoe_status status, const char *word) {
    ck_assert_int_eq(status, MMOE_E_ARGUMENT);
    ck_assert_msg(strstr(err.message, word), "\"%s\" has no \"%s\"", err.message, word);
}

START_TEST(arguments_are_checked) {
    mmoe_model *model = new_model(1);
    mmoe_slot *other = NULL;
    mmoe_served now = {0};
    refused(mmoe_slot_create(NULL, NULL, &other, &err), "model is NULL");
    refused(mmoe_slot_create(model, NULL, NULL, &err), "out is NULL");
    refused(mmoe_slot_publish(NULL, model, NULL, &err), "slot is NULL");
    refused(mmoe_slot_publish(slot, NULL, NULL, &err), "model is NULL");
    refused(mmoe_reader_create(NULL, &(mmoe_reader *){NULL}, &err), "slot is NULL");
    refused(mmoe_reader_create(slot, NULL, &err), "out is NULL");
    refused(mmoe_reader_enter(NULL, &now, &err), "reader is NULL");
    mmoe_reader *reader = new_reader();
    refused(mmoe_reader_enter(reader, NULL, &err), "out is NULL");
    now = enter(reader);
    const mmoe_served before = now;
    refused(mmoe_reader_enter(reader, &now, &err), "has not left");
    ck_assert_mem_eq(&now, &before, sizeof now);
    mmoe_reader_leave(reader);
    ck_assert_int_eq(mmoe_slot_publish(slot, model, NULL, NULL), MMOE_OK);
    refused(mmoe_slot_publish(slot, model, NULL, &err), "already");
    ck_assert_uint_eq(enter(reader).version, 2);
    mmoe_reader_leave(reader);
    mmoe_reader_free(reader);
    mmoe_reader_free(NULL);
    mmoe_reader_leave(NULL);
    mmoe_slot_free(NULL);
}
END_TEST

/* A trainer would change what is read: its model is for no slot, and a slot's for no trainer. */
START_TEST(what_is_trained_is_not_served) {
    const mmoe_trainer_options one = {.threads = 1};
    mmoe_model *model = new_model(1);
    mmoe_trainer *trainer = NULL, *none = NULL;
    mmoe_slot *other = NULL;
    ck_assert_int_eq(mmoe_trainer_create(model, &one, NULL, &trainer, &err), MMOE_OK);
    refused(mmoe_slot_publish(slot, model, NULL, &err),
            "mmoe_slot_publish: the model has a trainer");
    refused(mmoe_slot_create(model, NULL, &other, &err),
            "mmoe_slot_create: the model has a trainer");
    ck_assert_int_eq(mmoe_trainer_publish(trainer, slot, NULL, &err), MMOE_OK);
    mmoe_trainer_free(trainer);
    ck_assert_int_eq(mmoe_slot_publish(slot, model, NULL, &err), MMOE_OK);
    refused(mmoe_trainer_create(model, &one, NULL, &none, &err), "the model is a slot's");
    refused(mmoe_model_load_weights(model, "none", &err), "the model is a slot's");
    refused(mmoe_slot_create(model, NULL, &other, &err), "already");
    ck_assert(!none && !other);
    mmoe_reader *reader = new_reader();
    ck_assert_uint_eq(enter(reader).version, 3);
    mmoe_reader_leave(reader);
    mmoe_reader_free(reader);
}
END_TEST

/* What was refused is the caller's, as it was. */
START_TEST(what_was_refused_may_be_published_elsewhere) {
    mmoe_model *model = new_model(1);
    mmoe_slot *other = NULL;
    slot_memory.fail_at = slot_memory.calls + 2;
    ck_assert_int_eq(mmoe_slot_publish(slot, model, NULL, &err), MMOE_E_MEMORY);
    slot_memory.fail_at = 0;
    ck_assert_int_eq(mmoe_slot_create(model, NULL, &other, &err), MMOE_OK);
    mmoe_slot_free(other);
}
END_TEST

/* Everything that allocates, once, on a slot of its own. The first failure's status. */
static mmoe_status use_memory(failing *memory, mmoe_model *models[2]) {
    const mmoe_allocator a = failing_allocator(memory);
    mmoe_slot *s = NULL;
    mmoe_reader *reader = NULL;
    mmoe_served now;
    mmoe_status status = mmoe_slot_create(models[0], &a, &s, &err);
    if (!status) models[0] = NULL;
    if (!status) status = mmoe_reader_create(s, &reader, &err);
    if (!status) status = mmoe_reader_enter(reader, &now, &err);
    mmoe_reader_leave(reader);
    if (!status) status = mmoe_slot_publish(s, models[1], NULL, &err);
    if (!status) models[1] = NULL;
    if (!status) status = mmoe_reader_enter(reader, &now, &err);
    mmoe_reader_leave(reader);
    mmoe_reader_free(reader);
    mmoe_slot_free(s);
    for (int i = 0; i < 2; i++) mmoe_model_free(models[i]);
    return status;
}

START_TEST(every_allocation_may_fail) {
    failing memory = {0};
    long attempts = 0;
    for (; failing_next(&memory); attempts++) {
        mmoe_model *models[] = {new_model(1), new_model(2)};
        err = (mmoe_error){0};
        failing_check(&memory, use_memory(&memory, models), &err);
        ck_assert_int_eq(memory.live, 0);
        ck_assert_int_eq(model_memory[1].live, 0);
        ck_assert_int_eq(model_memory[2].live, 0);
    }
    ck_assert_int_gt(attempts, 6);
}
END_TEST

/* ---- Threads ---- */

enum { READERS = 6, PUBLISHERS = 2, PUBLICATIONS = IS_EMULATED ? 60 : 300 };

static atomic_int publishing;
static failing served_memory; /* of the models in the slot */
static mmoe_allocator counted;

/* A model that another thread freed would be no readable memory any more; a version never goes
 * back. */
static void *read_often(void *unused) {
    (void)unused;
    mmoe_reader *reader = NULL;
    uint64_t last = 0, entered = 0, bad = 0;
    while (atomic_load(&publishing)) {
        if (!reader && mmoe_reader_create(slot, &reader, NULL)) return (void *)1;
        mmoe_served now;
        if (mmoe_reader_enter(reader, &now, NULL)) return (void *)1;
        bad += now.version < last || mmoe_model_task_count(now.model) != SERVED_TASKS ||
               strcmp(mmoe_model_task_name(now.model, 1), "y") != 0;
        last = now.version;
        mmoe_reader_leave(reader);
        if (++entered % 64) continue;
        mmoe_reader_free(reader);
        reader = NULL;
    }
    mmoe_reader_free(reader);
    return (void *)(uintptr_t)bad;
}

static void *publish_often(void *unused) {
    (void)unused;
    uint64_t last = 0, bad = 0;
    for (unsigned i = 0; i < PUBLICATIONS; i++) {
        uint64_t version;
        if (mmoe_slot_publish(slot, served_model(i, &counted), &version, NULL)) return (void *)1;
        bad += version <= last;
        last = version;
    }
    atomic_fetch_sub(&publishing, 1);
    return (void *)(uintptr_t)bad;
}

/* Alone: each model that it replaced goes without help from a later publication, or this waits for
 * ever. */
static void *publish_and_wait(void *blocks_a_model) {
    for (unsigned i = 0; i < PUBLICATIONS; i++) {
        if (mmoe_slot_publish(slot, served_model(i, &counted), NULL, NULL)) return (void *)1;
        while (served_memory.live != *(const long *)blocks_a_model) usleep(100);
    }
    atomic_fetch_sub(&publishing, 1);
    return NULL;
}

static void run_threads(int publishers, void *(*publisher)(void *)) {
    pthread_t threads[READERS + PUBLISHERS];
    mmoe_slot *own, *given = slot;
    served_memory = (failing){0};
    counted = failing_allocator(&served_memory);
    mmoe_model *first = served_model(0, &counted);
    long blocks = served_memory.live;
    ck_assert_int_eq(mmoe_slot_create(first, NULL, &own, &err), MMOE_OK);
    slot = own;
    atomic_store(&publishing, publishers);
    for (int i = 0; i < READERS + publishers; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, i < READERS ? read_often : publisher,
                                        i < READERS ? NULL : &blocks),
                         0);
    for (int i = 0; i < READERS + publishers; i++) {
        void *bad;
        ck_assert_int_eq(pthread_join(threads[i], &bad), 0);
        ck_assert_ptr_null(bad);
    }
    ck_assert_int_eq(served_memory.live, blocks);
    mmoe_reader *reader = new_reader();
    ck_assert_uint_eq(enter(reader).version, 1 + (uint64_t)publishers * PUBLICATIONS);
    mmoe_reader_leave(reader);
    mmoe_reader_free(reader);
    mmoe_slot_free(own);
    slot = given;
    ck_assert_int_eq(served_memory.live, 0);
}

START_TEST(readers_beside_publishers) { run_threads(PUBLISHERS, publish_often); }
END_TEST

START_TEST(what_was_replaced_goes_with_its_last_reader) { run_threads(1, publish_and_wait); }
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, scores_are_those_of_the_version);
    tcase_add_test(c, the_last_reader_frees_the_old_model);
    tcase_add_test(c, old_models_wait_to_be_collected);
    tcase_add_test(c, what_another_is_about_to_free_is_not_freed);
    tcase_add_test(c, an_idle_reader_holds_nothing);
    tcase_add_test(c, a_predictor_stays_while_its_version_does);
    tcase_add_test(c, arguments_are_checked);
    tcase_add_test(c, what_is_trained_is_not_served);
    tcase_add_test(c, what_was_refused_may_be_published_elsewhere);
    tcase_add_test(c, every_allocation_may_fail);
    tcase_add_test(c, readers_beside_publishers);
    tcase_add_test(c, what_was_replaced_goes_with_its_last_reader);
}
