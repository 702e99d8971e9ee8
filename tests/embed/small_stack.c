/* small_stack MODEL: a thread of 16 KB scores. With a BLAS in the process, whose thread-local
 * storage is larger, it could not even be made. */
#include <mmoe/mmoe.h>
#include <pthread.h>
#include <stdio.h>

static mmoe_predictor *predictor;
static float scores[2];
static mmoe_status status;

static void *score(void *unused) {
    static const int64_t user = 101, item = 7;
    static const float price = 3.5F;
    const mmoe_column ids[] = {{MMOE_VALUE_INT64, &user, 8}, {MMOE_VALUE_INT64, &item, 8}};
    const mmoe_column prices = {MMOE_VALUE_FLOAT, &price, 4};
    const mmoe_batch batch = {.rows = 1, .sparse_columns = ids, .dense_columns = &prices};
    (void)unused;
    status = mmoe_predictor_run(predictor, &batch, scores, NULL);
    return NULL;
}

int main(int argc, char **argv) {
    mmoe_model *model;
    pthread_attr_t attributes;
    pthread_t thread;
    if (argc != 2 || mmoe_model_load(argv[1], NULL, &model, NULL)) return 2;
    if (mmoe_predictor_create(model, NULL, &predictor, NULL)) return 2;
    if (pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, 16384)) return 2;
    if (pthread_create(&thread, &attributes, score, NULL)) return 3;
    if (pthread_join(thread, NULL) || status) return 4;
    printf("%.9g,%.9g\n", (double)scores[0], (double)scores[1]);
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    return 0;
}
