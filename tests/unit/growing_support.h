/* A model whose vocabularies are of a first file, and rows with values that it does not know: as a
 * file, and as a caller's columns. */
#ifndef MMOE_TESTS_GROWING_SUPPORT_H
#define MMOE_TESTS_GROWING_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "files.h"
#include "model/model.h"
#include "succeeds.h"
#include "train/trainer.h"

enum { OLD = 64, NEW = 320, LONG = 4, BATCH = 64, COLUMNS = 8 };

static const char json_form[] =
    "{\"features\": {\"sparse\": [{\"name\": \"user\", \"embed_dim\": 4}, {\"name\": \"friend\", "
    "\"shared_with\": \"user\"}, {\"name\": \"tag\", \"embed_dim\": 3}, {\"name\": \"hour\", "
    "\"vocab_size\": 24, \"embed_dim\": 2}, {\"name\": \"bucket\", \"hash_bucket_size\": 16, "
    "\"embed_dim\": 2}], \"sequence\": [{\"name\": \"seen\", \"embed_dim\": 5, \"max_len\": 3, "
    "\"separator\": \"|\", \"padding_idx\": 2}, {\"name\": \"liked\", \"shared_with\": \"tag\", "
    "\"separator\": \"|\"}], \"dense\": [{\"name\": \"d\"}]}, "
    "\"tasks\": [{\"name\": \"y\", \"label\": \"y\", \"tower_params\": {\"dims\": [4]}}, "
    "{\"name\": \"z\", \"label\": \"z\", \"tower_params\": {\"dims\": [4]}}], "
    "\"model\": {\"n_expert\": 2%s}, \"trainer\": {\"seed\": 11, \"batch_size\": 64%s}}";

static mmoe_config *config;
static mmoe_schema *schema; /* of the first file */
static mmoe_dataset *old_rows;
static mmoe_input *input;

/* Row i's values. From row OLD on there are new ones. */
typedef struct row_values {
    int64_t user, friend, hour, bucket, seen[LONG];
    char tag[16], liked[LONG][16];
    int n_seen, n_liked;
    double d;
    float labels[2];
} row_values;

static inline row_values row_at(int i) {
    const int many = i < OLD ? 10 : 150;
    row_values r = {.user = i * 37 % many,
                    .friend = i * 53 % many,
                    .hour = i % 24,
                    .bucket = i * 7 % 90,
                    .n_seen = i % (LONG + 1),
                    .n_liked = (i + 1) % 3,
                    .d = (i % 13) / 4.,
                    .labels = {(float)(i * i % 7 < 3), (float)(i % 5 == 0)}};
    snprintf(r.tag, sizeof r.tag, "t%d", i * 11 % (many / 2));
    for (int k = 0; k < LONG; k++) {
        r.seen[k] = (i * 3 + k * k) % many;
        snprintf(r.liked[k], sizeof r.liked[k], "t%d", (i + k * 5) % many);
    }
    return r;
}

static inline void put_rows(const char *name, int first, int end) {
    char *text = malloc(64 + 256 * (size_t)(end - first));
    size_t used = (size_t)sprintf(text, "user,friend,tag,hour,bucket,seen,liked,d,y,z\n");
    for (int i = first; i < end; i++) {
        const row_values r = row_at(i);
        used += (size_t)sprintf(text + used, "%d,%d,%s,%d,%d,", (int)r.user, (int)r.friend, r.tag,
                                (int)r.hour, (int)r.bucket);
        for (int k = 0; k < r.n_seen; k++)
            used += (size_t)sprintf(text + used, "%s%d", k ? "|" : "", (int)r.seen[k]);
        used += (size_t)sprintf(text + used, ",");
        for (int k = 0; k < r.n_liked; k++)
            used += (size_t)sprintf(text + used, "%s%s", k ? "|" : "", r.liked[k]);
        used +=
            (size_t)sprintf(text + used, ",%.2f,%d,%d\n", r.d, (int)r.labels[0], (int)r.labels[1]);
    }
    put_file(in_folder(name), text, used);
    free(text);
}

/* Rows [first, end) of a caller. */
typedef struct posted {
    row_values rows[OLD + NEW];
    const char *tags[OLD + NEW], *liked[(OLD + NEW) * LONG];
    int64_t seen[(OLD + NEW) * LONG];
    size_t seen_ends[OLD + NEW + 1], liked_ends[OLD + NEW + 1];
    float labels[(OLD + NEW) * 2];
    mmoe_column columns[COLUMNS];
    mmoe_list_column lists[2];
    mmoe_batch batch;
} posted;

static inline mmoe_batch *post(posted *p, int first, int end) {
    size_t n = 0, seen = 0, liked = 0;
    for (int i = first; i < end; i++, n++) {
        row_values *r = &p->rows[n];
        *r = row_at(i);
        p->tags[n] = r->tag;
        p->seen_ends[n] = seen;
        p->liked_ends[n] = liked;
        for (int k = 0; k < r->n_seen; k++) p->seen[seen++] = r->seen[k];
        for (int k = 0; k < r->n_liked; k++) p->liked[liked++] = r->liked[k];
        memcpy(p->labels + 2 * n, r->labels, sizeof r->labels);
    }
    p->seen_ends[n] = seen;
    p->liked_ends[n] = liked;
    const size_t stride = sizeof(row_values);
    const mmoe_column columns[] = {
        {MMOE_VALUE_DOUBLE, &p->rows->d, stride},     {MMOE_VALUE_TEXT, p->tags, 0},
        {MMOE_VALUE_INT64, &p->rows->user, stride},   {MMOE_VALUE_INT64, p->seen, 0},
        {MMOE_VALUE_INT64, &p->rows->friend, stride}, {MMOE_VALUE_TEXT, p->liked, 0},
        {MMOE_VALUE_INT64, &p->rows->hour, stride},   {MMOE_VALUE_INT64, &p->rows->bucket, stride}};
    memcpy(p->columns, columns, sizeof columns);
    p->lists[0] = (mmoe_list_column){p->seen_ends, NULL, seen};
    p->lists[1] = (mmoe_list_column){p->liked_ends, NULL, liked};
    p->batch = (mmoe_batch){.rows = n,
                            .list_columns = p->lists,
                            .input = input,
                            .columns = p->columns,
                            .column_count = COLUMNS};
    return &p->batch;
}

static inline void begin_with(const char *model_keys, const char *trainer_keys) {
    static const mmoe_input_column columns[] = {
        {.name = "d", .type = MMOE_VALUE_DOUBLE},
        {.name = "tag", .type = MMOE_VALUE_TEXT},
        {.name = "user", .type = MMOE_VALUE_INT64},
        {.name = "seen", .type = MMOE_VALUE_INT64, .is_list = 1},
        {.name = "friend", .type = MMOE_VALUE_INT64},
        {.name = "liked", .type = MMOE_VALUE_TEXT, .is_list = 1},
        {.name = "hour", .type = MMOE_VALUE_INT64},
        {.name = "bucket", .type = MMOE_VALUE_INT64}};
    char json[sizeof json_form + 512];
    snprintf(json, sizeof json, json_form, model_keys, trainer_keys);
    put_rows("old.csv", 0, OLD);
    put_rows("new.csv", OLD, OLD + NEW);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_dataset_fit_csv(config, in_folder("old.csv"), NULL, &schema, &old_rows, &err));
    SUCCEEDS(mmoe_input_create(columns, COLUMNS, NULL, &input, &err));
}

static inline void end_all(void) {
    mmoe_input_free(input);
    mmoe_dataset_free(old_rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}

static inline mmoe_model *model_of(const mmoe_schema *of, const mmoe_allocator *a) {
    mmoe_model *made = NULL;
    SUCCEEDS(mmoe_model_create(config, of, a, &made, &err));
    return made;
}

static inline mmoe_trainer *trainer_of(mmoe_model *model, const mmoe_allocator *a) {
    const mmoe_trainer_options options = {.threads = 2, .single_threaded_blas = 1};
    mmoe_trainer *made = NULL;
    SUCCEEDS(mmoe_trainer_create(model, &options, a, &made, &err));
    return made;
}

static inline void same_blocks(const mmoe_model *a, const mmoe_model *b) {
    mmoe_params_settle(&a->params);
    mmoe_params_settle(&b->params);
    for (int32_t i = 0; i < a->params.n_block; i++) {
        const mmoe_block *x = &a->params.blocks[i].memory, *y = &b->params.blocks[i].memory;
        ck_assert_int_eq(x->count, y->count);
        ck_assert_mem_eq(x->data, y->data, (size_t)x->count * mmoe_dtype_size(x->dtype));
    }
}

/* ---- A trainer ---- */

static posted rows; /* what was posted last */

static inline mmoe_grown grow(mmoe_trainer *t, int first, int end, int64_t max_rows) {
    const mmoe_growth limits = {.max_rows = max_rows};
    mmoe_grown grown = {-1, -1};
    SUCCEEDS(mmoe_trainer_grow(t, post(&rows, first, end), &limits, &grown, &err));
    return grown;
}

/* A step from rows [first, end), whose values are encoded as they are known now. */
static inline void step(mmoe_trainer *t, int first, int end) {
    mmoe_dataset *set;
    post(&rows, first, end);
    SUCCEEDS(
        mmoe_dataset_create(t->model->schema, &rows.batch, rows.labels, NULL, NULL, &set, &err));
    SUCCEEDS(mmoe_trainer_step(t, set, 0, (size_t)(end - first), NULL, &err));
    mmoe_dataset_free(set);
}

static inline void learn(mmoe_trainer *t, int first, int end) {
    for (; first < end; first += BATCH) {
        grow(t, first, first + BATCH, 0);
        step(t, first, first + BATCH);
    }
}

static inline void same_files(const char *a, const char *b) {
    size_t sizes[2];
    char *texts[2] = {get_file(in_folder(a), &sizes[0]), get_file(in_folder(b), &sizes[1])};
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq(texts[0], texts[1], sizes[0]);
    free(texts[0]);
    free(texts[1]);
}

static inline void save(mmoe_trainer *t, const char *name) {
    SUCCEEDS(mmoe_trainer_save(t, in_folder(name), &err));
}

/* Settings in which a trainer keeps something else of each row. */
static const char *const kept[] = {
    "",
    ", \"embedding_update\": \"deferred\"",
    ", \"embedding_update\": \"deferred\", \"optimizer\": \"adamw\", \"warmup_steps\": 7",
    ", \"embedding_update\": \"lazy\", \"optimizer_params\": {\"weight_decay\": 0}",
    ", \"optimizer\": \"adagrad\", \"embedding_update\": \"deferred\"",
    (", \"embedding_optimizer\": \"rowwise_adagrad\", \"embedding_optimizer_params\": {\"lr\": "
     "0.05}"),
    ", \"ema_decay\": 0.9, \"clip_norm\": 0.3, \"optimizer\": \"adamw\"",
    ", \"adaptive_params\": {\"method\": \"metabalance\", \"at\": \"parameters\"}",
    ", \"adaptive_params\": {\"method\": \"gradnorm\"}, \"optimizer\": \"adagrad\""};
enum { KEPT = sizeof kept / sizeof *kept };

#endif
