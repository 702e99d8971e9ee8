/* Two trainers at once, each of which asks for a BLAS of one thread. */
#include <cblas.h>
#include <pthread.h>
#include <stdatomic.h>

#include "check_main.h"
#include "training_support.h"

static atomic_int seen, many; /* callbacks; those that found a BLAS of several threads */

static int look_at_blas(void *user, const mmoe_epoch_report *report) {
    (void)user;
    (void)report;
    atomic_fetch_add(&seen, 1);
    if (openblas_get_num_threads() != 1) atomic_fetch_add(&many, 1);
    return 0;
}

/* Trains a model of its own, for a few fits. */
static void *train(void *fits) {
    for (int i = 0; i < *(const int *)fits; i++) {
        mmoe_model *model = new_model();
        mmoe_trainer *trainer = NULL;
        const mmoe_trainer_options options = {
            .threads = 1, .single_threaded_blas = 1, .on_epoch = look_at_blas};
        if (mmoe_trainer_create(model, &options, NULL, &trainer, NULL) ||
            mmoe_trainer_fit(trainer, rows, NULL, NULL) ||
            mmoe_trainer_step(trainer, rows, 0, BATCH, NULL, NULL))
            atomic_fetch_add(&many, 1000);
        mmoe_trainer_free(trainer);
        mmoe_model_free(model);
    }
    return NULL;
}

/* Whichever ends first must not give the other's workers a BLAS of many threads, and whichever ends
 * last must put back what was there before the first. */
START_TEST(the_last_one_puts_blas_back) {
    const int before = openblas_get_num_threads();
    static const int fits[] = {1, 9, 4};
    pthread_t threads[3];
    set_up("", "", ", \"n_epoch\": 5");
    openblas_set_num_threads(4);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, train, (void *)(uintptr_t)&fits[i]), 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    ck_assert_int_eq(atomic_load(&seen), (1 + 9 + 4) * 5);
    ck_assert_int_eq(atomic_load(&many), 0);
    ck_assert_int_eq(openblas_get_num_threads(), 4);
    openblas_set_num_threads(before);
    tear_down();
}
END_TEST

void add_cases(TCase *c) { tcase_add_test(c, the_last_one_puts_blas_back); }
