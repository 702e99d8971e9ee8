/* test_renamed [THREADS]: threads score by name while the slot's model is replaced by others: with
 * their columns in another order, renamed, fewer, more, of another kind. What reads the input is
 * published, and every score is that of the version's own columns, found by name; what does not is
 * refused, with the column, when it is checked and when it is published. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mmoe/train.h"

#define CITY "{\"name\": \"city\"}"
#define USER "{\"name\": \"user\"}"
#define SLOT "{\"name\": \"slot\", \"vocab_size\": 5}"
#define AGE "{\"name\": \"age\"}"
#define PRICE "{\"name\": \"price\"}"

enum { ROWS = 3, TASKS = 2, ROUNDS = 2 };

static const char integers[] = "city,user,slot,age,price,cost,click,buy\n"
                               "Rome,7,0,30,0.5,4,1,0\nOslo,12,4,41.5,12.25,1,0,0\n"
                               "Bern,7,2,18,1e3,2,1,1\n",
                  texts[] = "city,user,slot,age,price,cost,click,buy\n"
                            "Rome,ann,0,30,0.5,4,1,0\nOslo,bob,4,41.5,12.25,1,0,0\n"
                            "Bern,ann,2,18,1e3,2,1,1\n";

/* What becomes the slot's model, or is refused for a column. */
static const struct {
    const char *csv, *sparse, *dense, *refused;
} models[] = {
    {integers, CITY "," USER "," SLOT, AGE "," PRICE, NULL},
    {integers, SLOT "," CITY "," USER, PRICE "," AGE, NULL},                 /* order */
    {integers, CITY "," USER "," SLOT, AGE ",{\"name\": \"cost\"}", "cost"}, /* renamed */
    {integers, USER "," CITY, AGE "," PRICE, NULL},   /* without what is optional */
    {integers, CITY "," SLOT, AGE "," PRICE, "user"}, /* fewer */
    {integers, "{\"name\": \"place\", \"column\": \"city\"}," SLOT "," USER,
     "{\"name\": \"money\", \"column\": \"price\"}," AGE, NULL}, /* features, but not columns */
    {integers, CITY "," USER "," SLOT, AGE "," PRICE ",{\"name\": \"cost\"}", "cost"}, /* more */
    {texts, CITY "," USER "," SLOT, AGE "," PRICE, "user"},                            /* kind */
    {integers, CITY "," USER "," SLOT, AGE ",{\"name\": \"price\", \"side\": \"user\"}", "price"},
};
enum { MODELS = sizeof models / sizeof *models };

/* In the caller's order. */
static const double prices[ROWS] = {2, 9.5, 400};
static const int64_t users[ROWS] = {12, 7, 99}, slots[ROWS] = {4, 1, 0};
static const float ages[ROWS] = {33, 18, 51};
static const char *const cities[ROWS] = {"Oslo", "Paris", "Bern"};
static const mmoe_input_column given[] = {{"price", MMOE_VALUE_DOUBLE, MMOE_SIDE_ITEM, 0, 0, 0},
                                          {"user", MMOE_VALUE_INT64, MMOE_SIDE_USER, 0, 0, 0},
                                          {"age", MMOE_VALUE_FLOAT, MMOE_SIDE_ITEM, 0, 0, 0},
                                          {"city", MMOE_VALUE_TEXT, MMOE_SIDE_ITEM, 0, 0, 0},
                                          {"slot", MMOE_VALUE_INT64, MMOE_SIDE_ITEM, 0, 0, 1}};
static const mmoe_column columns[] = {{MMOE_VALUE_DOUBLE, prices, 0},
                                      {MMOE_VALUE_INT64, users, 0},
                                      {MMOE_VALUE_FLOAT, ages, 0},
                                      {MMOE_VALUE_TEXT, cities, 0},
                                      {MMOE_VALUE_INT64, slots, 0}};
enum { GIVEN = sizeof given / sizeof *given };

static mmoe_input *input;
static mmoe_slot *slot;
static float wanted[MODELS][ROWS * TASKS];
static _Atomic int model_of[MODELS * ROUNDS + 2]; /* a version */
static atomic_int stop;
static atomic_long calls, wrong;

static void need(int ok, const char *what, const mmoe_error *err) {
    if (ok) return;
    printf("%s failed: %s\n", what, err ? err->message : "");
    exit(1);
}

static mmoe_model *make(int m) {
    char json[2048], path[] = "/tmp/mmoe-renamed-XXXXXX";
    mmoe_error err = {0};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *rows;
    mmoe_model *model;
    const int fd = mkstemp(path);
    need(fd >= 0 && write(fd, models[m].csv, strlen(models[m].csv)) > 0, "writing rows", NULL);
    close(fd);
    snprintf(json, sizeof json,
             "{\"trainer\": {\"seed\": %d}, \"features\": {\"sparse\": [%s], \"dense\": [%s]}, "
             "\"tasks\": [{\"name\": \"ctr\", \"label\": \"click\"}, {\"name\": \"cvr\", "
             "\"label\": \"buy\"}], \"model\": {\"n_expert\": 2, \"expert_params\": {\"dims\": "
             "[4]}}}",
             m + 1, models[m].sparse, models[m].dense);
    need(!mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err), "a model", &err);
    need(!mmoe_dataset_fit_csv(config, path, NULL, &schema, &rows, &err), "a model", &err);
    need(!mmoe_model_create(config, schema, NULL, &model, &err), "a model", &err);
    unlink(path);
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return model;
}

static mmoe_column column_of(const char *name) {
    for (int i = 0; i < GIVEN; i++)
        if (!strcmp(given[i].name, name)) return columns[i];
    need(0, name, NULL);
    return columns[0];
}

/* The reference: the model's own columns, by number, each found by its name. */
static void score_by_number(const mmoe_model *model, float *scores) {
    mmoe_column sparse[GIVEN], dense[GIVEN];
    mmoe_error err = {0};
    mmoe_predictor *predictor;
    mmoe_batch batch = {.rows = ROWS,
                        .sparse_columns = sparse,
                        .dense_columns = dense,
                        .sparse_count = (size_t)mmoe_model_sparse_count(model),
                        .dense_count = (size_t)mmoe_model_dense_count(model)};
    for (int32_t i = 0; i < (int32_t)batch.sparse_count; i++)
        sparse[i] = column_of(mmoe_model_sparse_column(model, i));
    for (int32_t i = 0; i < (int32_t)batch.dense_count; i++)
        dense[i] = column_of(mmoe_model_dense_column(model, i));
    need(!mmoe_predictor_create(model, NULL, &predictor, &err), "a predictor", &err);
    need(!mmoe_predictor_run(predictor, &batch, scores, &err), "scoring by number", &err);
    mmoe_predictor_free(predictor);
}

static void *score(void *unused) {
    setpriority(PRIO_PROCESS, 0, 19); /* this thread: the publisher is not to wait its turn */
    mmoe_reader *reader = NULL;
    long bad = mmoe_reader_create(slot, &reader, NULL) != MMOE_OK;
    for (size_t rows = 1; !bad && !atomic_load(&stop); rows = rows % ROWS + 1) {
        const mmoe_batch batch = {
            .rows = rows, .input = input, .columns = columns, .column_count = GIVEN};
        float scores[ROWS * TASKS];
        mmoe_served now;
        bad += mmoe_reader_enter(reader, &now, NULL) != MMOE_OK ||
               mmoe_predictor_run(now.predictor, &batch, scores, NULL) != MMOE_OK ||
               memcmp(scores, wanted[model_of[now.version]], rows * TASKS * sizeof *scores) != 0;
        mmoe_reader_leave(reader);
        atomic_fetch_add(&calls, 1);
    }
    mmoe_reader_free(reader);
    atomic_fetch_add(&wrong, bad);
    return unused;
}

/* What does not fit is told by its column; the slot's model stays. */
static void must_refuse(mmoe_model *model, int m) {
    mmoe_error checked = {0}, published = {0};
    need(mmoe_input_check(input, model, &checked) == MMOE_E_ARGUMENT, models[m].refused, NULL);
    need(mmoe_slot_publish(slot, model, NULL, &published) == MMOE_E_ARGUMENT, "refusing", NULL);
    need(!strcmp(checked.column, models[m].refused), models[m].refused, &checked);
    need(!strcmp(published.column, models[m].refused), models[m].refused, &published);
    mmoe_model_free(model);
}

/* Each while requests run. */
static uint64_t publish_all(int threads) {
    uint64_t version = 1;
    for (int i = 1; i < MODELS * ROUNDS; i++) {
        const int m = i % MODELS;
        mmoe_model *model = make(m);
        mmoe_error err = {0};
        const long seen = atomic_load(&calls);
        while (atomic_load(&calls) < seen + threads && !atomic_load(&wrong)) sched_yield();
        if (models[m].refused) {
            must_refuse(model, m);
            continue;
        }
        model_of[version + 1] = m;
        need(!mmoe_slot_publish(slot, model, &version, &err), "publishing", &err);
    }
    return version;
}

int main(int argc, char **argv) {
    const int threads = argc == 2 ? atoi(argv[1]) : 64;
    mmoe_error err = {0};
    pthread_t *ids = malloc((size_t)threads * sizeof *ids);
    need(ids && !mmoe_input_create(given, GIVEN, NULL, &input, &err), "an input", &err);
    const mmoe_predictor_options options = {.input = input};
    for (int m = 0; m < MODELS; m++) {
        if (models[m].refused) continue;
        mmoe_model *model = make(m);
        score_by_number(model, wanted[m]);
        mmoe_model_free(model);
    }
    need(memcmp(wanted[0], wanted[1], sizeof wanted[0]) != 0, "making models that differ", NULL);
    need(!mmoe_slot_create_with(make(0), &options, NULL, &slot, &err), "a slot", &err);
    for (int i = 0; i < threads; i++)
        need(!pthread_create(&ids[i], NULL, score, NULL), "a thread", NULL);
    const uint64_t versions = publish_all(threads);
    atomic_store(&stop, 1);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    mmoe_slot_free(slot);
    mmoe_input_free(input);
    free(ids);
    printf("%d threads, %llu versions: %ld calls, %ld wrong\n", threads,
           (unsigned long long)versions, atomic_load(&calls), atomic_load(&wrong));
    return atomic_load(&wrong) != 0 || versions < 2 * ROUNDS;
}
