/* train CONFIG.json TRAIN.csv VALID.csv MODEL: trains, writes the model, scores the first three
 * rows of VALID.csv. */
#include <mmoe/train.h>
#include <stdio.h>

int main(int argc, char **argv) {
    mmoe_config *config = NULL;
    mmoe_schema *schema = NULL;
    mmoe_dataset *train = NULL, *valid = NULL;
    mmoe_model *model = NULL;
    mmoe_trainer *trainer = NULL;
    mmoe_predictor *predictor = NULL;
    mmoe_trainer_options options = {.single_threaded_blas = 1};
    mmoe_batch batch;
    mmoe_error err;
    float scores[3 * 256]; /* rows by tasks, of which a model has at most 256 */
    if (argc != 5) return 2;
    mmoe_status s = mmoe_config_read(argv[1], NULL, &config, &err);
    if (!s) s = mmoe_dataset_fit_csv(config, argv[2], NULL, &schema, &train, &err);
    if (!s) s = mmoe_dataset_read_csv(schema, argv[3], MMOE_LABELS_REQUIRED, NULL, &valid, &err);
    if (!s) s = mmoe_model_create(config, schema, NULL, &model, &err);
    if (!s) s = mmoe_trainer_create(model, &options, NULL, &trainer, &err);
    if (!s) s = mmoe_trainer_fit(trainer, train, valid, &err);
    if (!s) s = mmoe_model_save(model, argv[4], &err);
    if (!s) s = mmoe_predictor_create(model, NULL, &predictor, &err);
    if (!s) s = mmoe_dataset_batch(valid, 0, 3, &batch, &err);
    if (!s) s = mmoe_predictor_run(predictor, &batch, scores, &err);
    if (s) fprintf(stderr, "%s\n", err.message);
    const int tasks = mmoe_model_task_count(model);
    for (int i = 0; !s && i < 3 * tasks; i++)
        printf("%.9g%c", scores[i], (i + 1) % tasks ? ',' : '\n');
    mmoe_predictor_free(predictor);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_dataset_free(valid);
    mmoe_dataset_free(train);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return s != MMOE_OK;
}
