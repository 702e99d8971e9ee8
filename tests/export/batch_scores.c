/* batch_scores MODEL LISTS: scores a batch of raw values by mmoe_predictor_run, and prints the
 * scores. The last LISTS sparse columns of the model are sequences. The batch is words on standard
 * input, "-" being a missing value:
 *   ROWS
 *   of each sparse column  ROWS texts; of a sequence COUNT, COUNT texts, COUNT weights and ROWS + 1
 *                          offsets
 *   of each dense column   ROWS numbers */
#include <mmoe/mmoe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 32 };

static mmoe_column sparse[MOST], dense[MOST];
static mmoe_list_column lists[MOST];

static size_t read_count(void) {
    size_t count;
    if (scanf("%zu", &count) != 1) exit(3);
    return count;
}

static const char **read_texts(size_t count) {
    char word[64];
    const char **texts = calloc(count + 1, sizeof *texts);
    for (size_t i = 0; texts && i < count; i++) {
        if (scanf("%63s", word) != 1) exit(3);
        texts[i] = strcmp(word, "-") ? strdup(word) : NULL;
    }
    return texts;
}

static float *read_numbers(size_t count) {
    float *numbers = calloc(count + 1, sizeof *numbers);
    for (size_t i = 0; numbers && i < count; i++)
        if (scanf("%f", &numbers[i]) != 1) exit(3);
    return numbers;
}

static const size_t *read_offsets(size_t count) {
    size_t *offsets = calloc(count, sizeof *offsets);
    for (size_t i = 0; offsets && i < count; i++) offsets[i] = read_count();
    return offsets;
}

static mmoe_batch read_batch(const mmoe_model *model, int n_list) {
    mmoe_batch batch = {.rows = read_count(),
                        .sparse_columns = sparse,
                        .dense_columns = dense,
                        .sparse_count = (size_t)mmoe_model_sparse_count(model),
                        .dense_count = (size_t)mmoe_model_dense_count(model),
                        .list_columns = lists};
    const size_t n_one = batch.sparse_count - (size_t)n_list;
    if (batch.sparse_count > MOST || batch.dense_count > MOST) exit(3);
    for (size_t i = 0; i < batch.sparse_count; i++) {
        const size_t count = i < n_one ? batch.rows : read_count();
        sparse[i] = (mmoe_column){MMOE_VALUE_TEXT, read_texts(count), 0};
        if (i < n_one) continue;
        mmoe_list_column *list = &lists[i - n_one];
        list->count = count;
        list->weights = read_numbers(count);
        list->offsets = read_offsets(batch.rows + 1);
    }
    for (size_t i = 0; i < batch.dense_count; i++)
        dense[i] = (mmoe_column){MMOE_VALUE_FLOAT, read_numbers(batch.rows), 0};
    return batch;
}

int main(int argc, char **argv) {
    mmoe_model *model = NULL;
    mmoe_predictor *predictor = NULL;
    mmoe_error err;
    if (argc != 3) return 2;
    mmoe_status s = mmoe_model_load(argv[1], NULL, &model, &err);
    if (!s) s = mmoe_predictor_create(model, NULL, &predictor, &err);
    if (s) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const mmoe_batch batch = read_batch(model, atoi(argv[2]));
    const size_t count = batch.rows * (size_t)mmoe_model_task_count(model);
    float *scores = calloc(count, sizeof *scores);
    if (scores) s = mmoe_predictor_run(predictor, &batch, scores, &err);
    if (s) fprintf(stderr, "%s\n", err.message);
    for (size_t i = 0; scores && !s && i < count; i++) printf("%.9g\n", scores[i]);
    free(scores);
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    return s != MMOE_OK;
}
