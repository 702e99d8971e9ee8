/* learn MODEL RUN ROUNDS: serves a model that learns on from what users did. RUN is what it has
 * learned: a process that finds it goes on from there. */
#include <math.h>
#include <mmoe/train.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EVENTS = 4 };
typedef struct event {
    int64_t user, item;
    float price;
} event;

/* What was shown, whether it was clicked, and what was paid, if that is known. */
static const event events[EVENTS] = {{101, 7, 3.5F}, {101, 9, 12}, {130, 4, 0.75F}, {115, 0, 8}};
static const float labels[EVENTS][2] = {{1, 2.5F}, {0, NAN}, {1, 0}, {0, NAN}};

/* Rows to score and rows to learn from have the same columns. */
static const mmoe_input_column given[] = {
    {.name = "user", .type = MMOE_VALUE_INT64, .side = MMOE_SIDE_USER},
    {.name = "item", .type = MMOE_VALUE_INT64},
    {.name = "price", .type = MMOE_VALUE_FLOAT},
};
static const mmoe_column columns[] = {{MMOE_VALUE_INT64, &events->user, sizeof *events},
                                      {MMOE_VALUE_INT64, &events->item, sizeof *events},
                                      {MMOE_VALUE_FLOAT, &events->price, sizeof *events}};

/* In the one thread that learns: a step, and readers have its result. */
static mmoe_status learn(mmoe_trainer *trainer, const mmoe_schema *schema, const mmoe_batch *batch,
                         mmoe_slot *slot, mmoe_error *err) {
    mmoe_dataset *rows = NULL;
    mmoe_status s = mmoe_dataset_create(schema, batch, labels[0], NULL, NULL, &rows, err);
    if (!s) s = mmoe_trainer_step(trainer, rows, 0, EVENTS, NULL, err);
    if (!s) s = mmoe_trainer_publish(trainer, slot, NULL, err);
    mmoe_dataset_free(rows);
    return s;
}

/* In any other, meanwhile. */
static mmoe_status score(mmoe_reader *reader, const mmoe_batch *batch, mmoe_error *err) {
    float scores[EVENTS][2];
    mmoe_served now;
    mmoe_status s = mmoe_reader_enter(reader, &now, err);
    if (!s) s = mmoe_predictor_run(now.predictor, batch, scores[0], err);
    for (int i = 0; !s && i < EVENTS; i++) printf("%.9g,%.9g\n", scores[i][0], scores[i][1]);
    mmoe_reader_leave(reader);
    return s;
}

int main(int argc, char **argv) {
    mmoe_model *model = NULL, *first = NULL;
    mmoe_input *input = NULL;
    mmoe_trainer *trainer = NULL;
    mmoe_slot *slot = NULL;
    mmoe_reader *reader = NULL;
    mmoe_error err;
    if (argc != 4) return 2;
    const mmoe_trainer_options how = {.threads = 1};
    mmoe_predictor_options options = {0};
    mmoe_status s = mmoe_input_create(given, 3, NULL, &input, &err);
    const mmoe_batch batch = {
        .rows = EVENTS, .input = input, .columns = columns, .column_count = 3};
    options.input = input;
    if (!s) s = mmoe_model_load(argv[1], NULL, &model, &err);
    if (!s) s = mmoe_trainer_create(model, &how, NULL, &trainer, &err);
    if (!s && access(argv[2], F_OK) == 0) s = mmoe_trainer_resume(trainer, argv[2], &err);
    if (!s) s = mmoe_model_clone(model, NULL, &first, &err); /* the slot never has the trainer's */
    if (!s && (s = mmoe_slot_create_with(first, &options, NULL, &slot, &err)))
        mmoe_model_free(first);
    if (!s) s = mmoe_reader_create(slot, &reader, &err);
    for (int i = atoi(argv[3]); !s && i > 0; i--)
        s = learn(trainer, mmoe_model_schema(model), &batch, slot, &err);
    if (!s) s = mmoe_trainer_save(trainer, argv[2], &err); /* from time to time, and at the end */
    if (!s) s = score(reader, &batch, &err);
    if (s) fprintf(stderr, "%s\n", err.message);
    mmoe_reader_free(reader);
    mmoe_slot_free(slot);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_input_free(input);
    return s != MMOE_OK;
}
