/* serve MODEL NEWER: scores events, ranks a user's items, and goes over to a newer model. */
#include <mmoe/mmoe.h>
#include <stdio.h>

/* The model reads the ids "user" and "item" and the number "price", as its training file had them.
 */
typedef struct event {
    int64_t user, item;
    float price;
} event;

static const event events[] = {{101, 7, 3.5F}, {101, 9, 12}, {101, 4, 0.75F}};

/* What a request has, by the names of the training file's columns; the user's are given once. */
static const mmoe_input_column given[] = {
    {.name = "user", .type = MMOE_VALUE_INT64, .side = MMOE_SIDE_USER},
    {.name = "item", .type = MMOE_VALUE_INT64},
    {.name = "price", .type = MMOE_VALUE_FLOAT},
};

/* One request: what each event is worth, and the user's two best items. */
static mmoe_status serve(mmoe_reader *reader, const mmoe_input *input, mmoe_error *err) {
    const mmoe_column columns[] = {{MMOE_VALUE_INT64, &events->user, sizeof *events},
                                   {MMOE_VALUE_INT64, &events->item, sizeof *events},
                                   {MMOE_VALUE_FLOAT, &events->price, sizeof *events}};
    const mmoe_batch batch = {.rows = 3, .input = input, .columns = columns, .column_count = 3};
    const mmoe_batch user = {.rows = 1, .input = input, .columns = columns, .column_count = 1};
    const mmoe_batch items = {.rows = 3, .input = input, .columns = columns + 1, .column_count = 2};
    float scores[3][2], best_scores[2];
    size_t best[2];
    mmoe_served now; /* the model and this thread's predictor, until it leaves */
    mmoe_status s = mmoe_reader_enter(reader, &now, err);
    if (s) return s;
    s = mmoe_predictor_run(now.predictor, &batch, scores[0], err);
    if (!s) s = mmoe_predictor_top(now.predictor, &user, &items, 2, best, best_scores, err);
    for (int i = 0; !s && i < 3; i++)
        printf("version %d: item %d: %.9g,%.9g\n", (int)now.version, (int)events[i].item,
               scores[i][0], scores[i][1]);
    for (int i = 0; !s && i < 2; i++)
        printf("version %d: best: item %d: %.6g\n", (int)now.version, (int)events[best[i]].item,
               best_scores[i]);
    mmoe_reader_leave(reader);
    return s;
}

int main(int argc, char **argv) {
    mmoe_model *model, *newer;
    mmoe_input *input = NULL;   /* of every request */
    mmoe_slot *slot = NULL;     /* one a service */
    mmoe_reader *reader = NULL; /* one a thread */
    mmoe_error err;
    if (argc != 3) return 2;
    mmoe_predictor_options options = {0};
    mmoe_status s = mmoe_input_create(given, 3, NULL, &input, &err);
    options.input = input; /* a model that lacks one of the columns is refused, now and later */
    if (!s) s = mmoe_model_load(argv[1], NULL, &model, &err);
    if (!s && (s = mmoe_slot_create_with(model, &options, NULL, &slot, &err)))
        mmoe_model_free(model); /* else it is the slot's */
    if (!s) s = mmoe_reader_create(slot, &reader, &err);
    if (!s) s = serve(reader, input, &err);
    if (!s) s = mmoe_model_load(argv[2], NULL, &newer, &err);
    if (!s && (s = mmoe_slot_publish(slot, newer, NULL, &err))) mmoe_model_free(newer);
    if (!s) s = serve(reader, input, &err);
    if (s) fprintf(stderr, "%s\n", err.message);
    mmoe_reader_free(reader);
    mmoe_slot_free(slot);
    mmoe_input_free(input);
    return s != MMOE_OK;
}
