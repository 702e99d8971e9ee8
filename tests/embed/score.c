/* score MODEL: what two events are worth to each of the model's two tasks. */
#include <mmoe/mmoe.h>
#include <stdio.h>

int main(int argc, char **argv) {
    /* The training file's columns: the ids "user" and "item", the number "price". */
    const int64_t users[] = {101, 101}, items[] = {7, 9};
    const float prices[] = {3.5F, 12};
    const mmoe_column ids[] = {{MMOE_VALUE_INT64, users, 0}, {MMOE_VALUE_INT64, items, 0}};
    const mmoe_column price = {MMOE_VALUE_FLOAT, prices, 0};
    const mmoe_batch batch = {.rows = 2,
                              .sparse_columns = ids,
                              .sparse_count = 2,
                              .dense_columns = &price,
                              .dense_count = 1};
    mmoe_model *model = NULL;         /* shared by all threads */
    mmoe_predictor *predictor = NULL; /* one a thread */
    mmoe_error err;
    float scores[2][2]; /* rows by tasks */
    if (argc != 2) return 2;
    mmoe_status s = mmoe_model_load(argv[1], NULL, &model, &err);
    if (!s) s = mmoe_predictor_create(model, NULL, &predictor, &err);
    if (!s) s = mmoe_predictor_run(predictor, &batch, scores[0], &err);
    for (int i = 0; !s && i < 2; i++) printf("%.9g,%.9g\n", scores[i][0], scores[i][1]);
    if (s) fprintf(stderr, "%s\n", err.message);
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    return s != MMOE_OK;
}
