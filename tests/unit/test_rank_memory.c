/* A rank that has too little memory for its rows of tables. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/comm_threads.h"
#include "check_main.h"
#include "files.h"
#include "segments_support.h"

static const way kind = {
    "ple", "\"expert_params\": {\"dims\": [12], \"dropout\": 0.1}",
    SGD ", \"embedding_update\": \"deferred\", \"embedding_optimizer\": \"adamw\", "
        "\"embedding_optimizer_params\": {\"weight_decay\": 0.05}",
    "dense"};

/* Blocks that are refused one after another; then, where that takes long, every so many. */
enum { EACH = 16, BEYOND = IS_EMULATED ? 7 : 1 + 2 * IS_SANITIZED };

/* A block is refused of those that are as large as the table's rows of a rank, or of a fit's. */
typedef struct poverty {
    const problem *p;
    int rank;
    bool of_fit;      /* any block that the fit takes, and no other */
    atomic_bool fits; /* the fit is under way */
    atomic_int left;  /* blocks before that one */
} poverty;

static bool refuses(poverty *w, size_t size) {
    enum { OWN = 40000 / 4 * 8 * sizeof(float) };
    const bool counts = w->of_fit ? atomic_load(&w->fits) : size >= OWN;
    return counts && atomic_fetch_sub(&w->left, 1) == 0;
}

static void *give_little(void *user, size_t size) {
    return refuses(user, size) ? NULL : malloc(size);
}

static void *resize_little(void *user, void *memory, size_t old_size, size_t new_size) {
    (void)old_size;
    return refuses(user, new_size) ? NULL : realloc(memory, new_size);
}

static void take_back(void *user, void *memory) {
    (void)user;
    free(memory);
}

static mmoe_status train_poorly(void *context, mmoe_comm *c, mmoe_error *err) {
    poverty *w = context;
    const mmoe_allocator little = {w, give_little, resize_little, take_back},
                         *alloc = c->rank == w->rank ? &little : NULL;
    mmoe_model *model = NULL;
    mmoe_trainer *trainer = NULL;
    mmoe_status status = mmoe_model_create_among(w->p->config, w->p->schema, c, alloc, &model, err);
    if (!status) status = mmoe_trainer_create(model, NULL, alloc, &trainer, err);
    if (!status) status = mmoe_trainer_join(trainer, c, err);
    if (c->rank == w->rank) atomic_store(&w->fits, !status);
    if (!status) status = mmoe_trainer_fit(trainer, w->p->rows, NULL, err);
    if (c->rank == w->rank) atomic_store(&w->fits, false);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    return status;
}

/* Others may be done where it fails last. */
static void check_errors(const mmoe_error *errors, int poor, bool of_fit) {
    char named[32];
    snprintf(named, sizeof named, "rank %d: ", poor);
    for (int r = 0; r < 4; r++) {
        if (of_fit && r != poor && !errors[r].code) continue;
        ck_assert_int_eq(errors[r].code, r == poor ? MMOE_E_MEMORY : MMOE_E_IO);
        ck_assert_msg(strstr(errors[r].message, "memory") &&
                          (strstr(errors[r].message, named) != NULL) == (r != poor),
                      "%s", errors[r].message);
    }
}

/* It says so, the others name it, and nobody waits. */
START_TEST(a_rank_without_memory_for_its_rows_ends_all) {
    const int poor = _i % 2 ? 3 : 0;
    const bool of_fit = _i >= 2;
    bool was_refused = true;
    int failures = 0;
    big_rows = 40000;
    problem p = problem_of(&kind, 8, 299);
    for (int number = 0; was_refused; number += number < EACH ? 1 : BEYOND) {
        mmoe_error errors[4] = {{0}};
        poverty w = {.p = &p, .rank = poor, .of_fit = of_fit};
        const mmoe_comm_group_options options = {.size = 4};
        mmoe_comm_group *g;
        atomic_init(&w.left, number);
        SUCCEEDS(mmoe_comm_group_create(&options, NULL, &g, &err));
        const bool has_failed = mmoe_comm_group_run(g, train_poorly, &w, errors) != MMOE_OK;
        mmoe_comm_group_free(g);
        was_refused = atomic_load(&w.left) < 0;
        failures += has_failed;
        ck_assert(was_refused || !has_failed);
        ck_assert(of_fit || was_refused == has_failed); /* a fit does without some */
        if (has_failed) check_errors(errors, poor, of_fit);
    }
    ck_assert_int_ge(failures, of_fit ? 10 : 2); /* its weights, and their moments */
    problem_finish(&p);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, a_rank_without_memory_for_its_rows_ends_all, 0, 4);
}
