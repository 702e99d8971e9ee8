/* score MODEL: what two events are worth to each of the model's two tasks. */
#include <mmoe/mmoe.h>
#include <stdio.h>

/* What is known of an event, by the names of the training file's columns. */
static const mmoe_input_column given[] = {
    {.name = "price", .type = MMOE_VALUE_FLOAT},
    {.name = "user", .type = MMOE_VALUE_INT64, .side = MMOE_SIDE_USER},
    {.name = "item", .type = MMOE_VALUE_INT64},
};

int main(int argc, char **argv) {
    const int64_t users[] = {101, 101}, items[] = {7, 9};
    const float prices[] = {3.5F, 12};
    const mmoe_column columns[] = {
        {MMOE_VALUE_FLOAT, prices, 0}, {MMOE_VALUE_INT64, users, 0}, {MMOE_VALUE_INT64, items, 0}};
    mmoe_input *input = NULL;         /* of every request */
    mmoe_model *model = NULL;         /* shared by all threads */
    mmoe_predictor *predictor = NULL; /* one a thread */
    mmoe_error err;
    float scores[2][2]; /* rows by tasks */
    if (argc != 2) return 2;
    mmoe_status s = mmoe_input_create(given, 3, NULL, &input, &err);
    const mmoe_predictor_options options = {.input = input};
    const mmoe_batch batch = {.rows = 2, .input = input, .columns = columns, .column_count = 3};
    if (!s) s = mmoe_model_load(argv[1], NULL, &model, &err);
    if (!s) s = mmoe_predictor_create_with(model, &options, NULL, &predictor, &err);
    if (!s) s = mmoe_predictor_run(predictor, &batch, scores[0], &err);
    for (int i = 0; !s && i < 2; i++) printf("%.9g,%.9g\n", scores[i][0], scores[i][1]);
    if (s) fprintf(stderr, "%s\n", err.message);
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    mmoe_input_free(input);
    return s != MMOE_OK;
}
