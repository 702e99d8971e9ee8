/* test_swarm [THREADS SECONDS]: many threads score at once with a model that is swapped ten times a
 * second. Every score must be that of the version which the reader says it has; nothing may be left
 * over, and nothing be printed. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "failing.h"
#include "served_model.h"

enum { MODELS = 4, CALLS = 6 };
/* Rows that are given in one call, from one to more than a slab. */
static const size_t call_rows[CALLS] = {1, 3, 8, 32, 128, 1000};

static char files[MODELS][96];
static float wanted[MODELS][CALLS][SERVED_ROWS * SERVED_TASKS];
static mmoe_slot *slot;
static atomic_int stop;
static atomic_long calls, wrong, failed;
static _Atomic uint64_t newest;

static failing library;
static mmoe_allocator counted;

static void need(int ok, const char *what) {
    if (ok) return;
    printf("%s failed\n", what);
    exit(1);
}

/* Call `i` begins at a row of its own. */
static mmoe_batch rows_of(int i) {
    mmoe_batch batch = *served_rows();
    batch.rows = call_rows[i];
    batch.ids += (size_t)i * batch.id_stride;
    batch.dense += (size_t)i * batch.dense_stride;
    return batch;
}

static void make_models(const char *folder) {
    for (int m = 0; m < MODELS; m++) {
        mmoe_model *model = served_model((unsigned)m + 1, NULL);
        mmoe_predictor *predictor;
        snprintf(files[m], sizeof files[m], "%s/%d", folder, m);
        need(!mmoe_model_save(model, files[m], NULL), "mmoe_model_save");
        need(!mmoe_predictor_create(model, NULL, &predictor, NULL), "mmoe_predictor_create");
        for (int i = 0; i < CALLS; i++) {
            const mmoe_batch batch = rows_of(i);
            need(!mmoe_predictor_run(predictor, &batch, wanted[m][i], NULL), "mmoe_predictor_run");
        }
        mmoe_predictor_free(predictor);
        mmoe_model_free(model);
    }
    need(memcmp(wanted[0], wanted[1], sizeof wanted[0]) != 0, "making models that differ");
}

static mmoe_model *load(uint64_t version) {
    mmoe_model *model = NULL;
    need(!mmoe_model_load(files[version % MODELS], &counted, &model, NULL), "mmoe_model_load");
    return model;
}

static void *score(void *argument) {
    setpriority(PRIO_PROCESS, 0,
                19); /* this thread: else the publisher would wait its turn behind a thousand */
    mmoe_reader *reader = NULL;
    float *scores = malloc(SERVED_ROWS * SERVED_TASKS * sizeof *scores);
    long done = 0, bad = 0, refused = !scores || mmoe_reader_create(slot, &reader, NULL);
    for (unsigned i = (unsigned)(uintptr_t)argument;
         !refused && !(done && atomic_load_explicit(&stop, memory_order_relaxed)); i++) {
        const int call = (int)(i % CALLS);
        const mmoe_batch batch = rows_of(call);
        const uint64_t least = atomic_load(&newest);
        mmoe_served now;
        refused = mmoe_reader_enter(reader, &now, NULL) ||
                  mmoe_predictor_run(now.predictor, &batch, scores, NULL);
        if (refused) break;
        bad += now.version < least || memcmp(scores, wanted[now.version % MODELS][call],
                                             batch.rows * SERVED_TASKS * sizeof *scores) != 0;
        mmoe_reader_leave(reader);
        done++;
    }
    mmoe_reader_leave(reader);
    mmoe_reader_free(reader);
    free(scores);
    atomic_fetch_add(&calls, done);
    atomic_fetch_add(&wrong, bad);
    atomic_fetch_add(&failed, refused);
    return NULL;
}

/* Until `tenths` of a second after `start`. */
static void wait_until(struct timespec start, int tenths) {
    const long nanoseconds = start.tv_nsec + tenths % 10 * 100000000L;
    const struct timespec when = {start.tv_sec + tenths / 10 + nanoseconds / 1000000000,
                                  nanoseconds % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

/* Returns the bytes that came on standard error. */
static long swarm(int threads, int seconds) {
    FILE *errors = tmpfile();
    const int saved = dup(STDERR_FILENO);
    pthread_t *ids = malloc((size_t)threads * sizeof *ids);
    need(errors && saved >= 0 && ids && dup2(fileno(errors), STDERR_FILENO) >= 0, "setting up");
    need(!mmoe_slot_create(load(1), &counted, &slot, NULL), "mmoe_slot_create");
    for (int i = 0; i < threads; i++)
        need(!pthread_create(&ids[i], NULL, score, (void *)(uintptr_t)i), "pthread_create");
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < 10 * seconds; i++) {
        uint64_t version = (uint64_t)i + 2;
        mmoe_model *next = load(version);
        wait_until(start, i + 1);
        need(!mmoe_slot_publish(slot, next, &version, NULL), "mmoe_slot_publish");
        atomic_store(&newest, version);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    mmoe_slot_free(slot);
    free(ids);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    const long printed = (long)lseek(fileno(errors), 0, SEEK_END);
    fclose(errors);
    close(saved);
    return printed;
}

int main(int argc, char **argv) {
    const int threads = argc == 3 ? atoi(argv[1]) : 64, seconds = argc == 3 ? atoi(argv[2]) : 3;
    char folder[] = "/tmp/mmoe-swarm-XXXXXX";
    need(threads > 0 && seconds > 0 && mkdtemp(folder), "mkdtemp");
    counted = failing_allocator(&library);
    make_models(folder);
    const long printed = swarm(threads, seconds);
    for (int m = 0; m < MODELS; m++) unlink(files[m]);
    rmdir(folder);
    printf("%d threads, %d s, %llu versions: %ld calls, %ld wrong, %ld threads failed, %ld blocks "
           "left, %ld bytes on standard error\n",
           threads, seconds, (unsigned long long)atomic_load(&newest), atomic_load(&calls),
           atomic_load(&wrong), atomic_load(&failed), library.live, printed);
    return atomic_load(&calls) < threads || atomic_load(&wrong) || atomic_load(&failed) ||
           library.live || printed;
}
