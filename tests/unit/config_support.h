/* Texts of configurations, and assertions on what becomes of them. */
#ifndef MMOE_TESTS_CONFIG_SUPPORT_H
#define MMOE_TESTS_CONFIG_SUPPORT_H

#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_keys.h"

/* Gives every key of the table a place at index 0, and lets every key be set to its bounds. */
static const char full[] =
    "{\"features\": {\"sparse\": [{\"name\": \"a\", \"column\": \"a0\", \"vocab_size\": "
    "2147483647, \"oov_id\": 0, \"padding_idx\": 0, \"pretrained\": \"a.npy\", \"trainable\": "
    "false}, {\"name\": \"b*\"}, {\"name\": \"ab\", "
    "\"cross\": [\"a0\", \"b0\"], \"hash_bucket_size\": 9}],"
    " \"sequence\": [{\"name\": \"q\", \"weight_separator\": \":\", \"max_len\": 9}, "
    "{\"name\": \"r\", \"columns\": [\"r1\", \"h*\"]}],"
    " \"dense\": [{\"name\": \"D\", \"column\": \"D1\"}], \"weight\": \"w\"},"
    " \"data\": {\"group\": \"u\"},"
    " \"tasks\": [{\"name\": \"cvr\", \"label\": \"purchase\"}, {\"name\": \"ctr\", \"label\": "
    "\"click\", \"tower_params\": {\"dims\": "
    "[]}}], \"score\": \"ctr * cvr^0.5\","
    " \"trainer\": {\"optimizer\": \"sgd\", \"optimizer_params\": {\"lr\": 0.1}}}";
static const char minimal[] =
    "{\"features\":{\"sparse\":[{\"name\":\"*\"}],\"sequence\":[{\"name\":\"q\"}],"
    "\"dense\":[{\"name\":\"D*\"}]},\"tasks\":[{"
    "\"name\":\"t\",\"label\":\"y\"},{\"name\":\"u\",\"label\":\"z\"}]}";
/* The example of docs/configuration.md. */
static const char example[] =
    "{\n"
    "  \"features\": {\"sparse\": [{\"name\": \"*\", \"embed_dim\": 4}], \"dense\": [{\"name\": "
    "\"D*\"}]},\n"
    "  \"tasks\": [\n"
    "    {\"name\": \"cvr\", \"label\": \"purchase\", \"type\": \"classification\", "
    "\"tower_params\": {\"dims\": [8]}},\n"
    "    {\"name\": \"ctr\", \"label\": \"click\",    \"type\": \"classification\", "
    "\"tower_params\": {\"dims\": [8]}}\n"
    "  ],\n"
    "  \"model\": {\"name\": \"mmoe\", \"n_expert\": 8, \"expert_params\": {\"dims\": [16], "
    "\"activation\": \"relu\", \"dropout\": 0.0, \"batch_norm\": "
    "true}},\n"
    "  \"trainer\": {\"batch_size\": 1024, \"n_epoch\": 50, \"optimizer\": \"adam\", "
    "\"optimizer_params\": {\"lr\": 1e-3, \"weight_decay\": 1e-4},\n"
    "              \"earlystop_patience\": 30, \"earlystop_task\": \"cvr\", \"seed\": 2022}\n"
    "}\n";

static inline mmoe_config *parse(const char *json) {
    mmoe_config *config = NULL;
    mmoe_error err = {0};
    ck_assert_msg(mmoe_config_parse(json, strlen(json), "c.json", NULL, &config, &err) == MMOE_OK,
                  "%s", err.message);
    return config;
}

/* The text must be refused, with `wanted` in the message; `key` is err.column. */
static inline void refuse(const char *json, const char *key, const char *wanted) {
    mmoe_config *config = NULL;
    mmoe_error err = {0};
    ck_assert_msg(mmoe_config_parse(json, strlen(json), "c.json", NULL, &config, &err) ==
                      MMOE_E_CONFIG,
                  "accepted or of another status: %s", json);
    ck_assert_ptr_null(config);
    ck_assert_int_eq(err.code, MMOE_E_CONFIG);
    ck_assert_str_eq(err.column, key);
    ck_assert_str_eq(err.file, "c.json");
    ck_assert_msg(strncmp(err.message, "c.json: ", 8) == 0 && strstr(err.message, wanted),
                  "\"%s\" lacks \"%s\"", err.message, wanted);
}

static inline void set(mmoe_config *config, const char *key, const char *value) {
    mmoe_error err = {0};
    ck_assert_msg(mmoe_config_set(config, key, value, &err) == MMOE_OK, "%s = %s: %s", key, value,
                  err.message);
}

/* The value must be refused by an error that names `path`, and leave the configuration as it was.
 */
static inline void refuse_set(mmoe_config *config, const char *key, const char *value,
                              const char *path, const char *wanted) {
    mmoe_error err = {0};
    char *before, *after;
    ck_assert_int_eq(mmoe_config_text(config, &before, NULL), MMOE_OK);
    ck_assert_msg(mmoe_config_set(config, key, value, &err) == MMOE_E_CONFIG,
                  "%s = %s was not refused as a configuration", key, value);
    ck_assert_int_eq(mmoe_config_text(config, &after, NULL), MMOE_OK);
    ck_assert_str_eq(before, after);
    ck_assert_msg(strcmp(err.column, path) == 0, "%s = %s: the error is at \"%s\": %s", key, value,
                  err.column, err.message);
    ck_assert_msg(strstr(err.message, path) && strstr(err.message, wanted),
                  "%s = %s: \"%s\" lacks \"%s\"", key, value, err.message, wanted);
    mmoe_config_text_free(config, before);
    mmoe_config_text_free(config, after);
}
/* The same bytes of every plain part, the same texts. */
static inline void assert_same(const mmoe_config *a, const mmoe_config *b) {
    ck_assert_str_eq(a->json, b->json);
    ck_assert_int_eq(a->features.n_sparse, b->features.n_sparse);
    ck_assert_int_eq(a->features.n_dense, b->features.n_dense);
    ck_assert_int_eq(a->n_task, b->n_task);
    ck_assert_int_eq(a->model, b->model);
    ck_assert_int_eq(a->n_expert, b->n_expert);
    ck_assert(a->n_level == b->n_level && a->n_expert_specific == b->n_expert_specific &&
              a->n_expert_shared == b->n_expert_shared);
    ck_assert_mem_eq(&a->bottom, &b->bottom, offsetof(mmoe_mlp_config, batch_norm) + 1);
    for (int32_t i = 0; i < a->features.n_sparse; i++) {
        const mmoe_sparse_spec *x = a->features.sparse + i, *y = b->features.sparse + i;
        ck_assert_str_eq(x->name, y->name);
        ck_assert_pstr_eq(x->shared_with, y->shared_with);
        ck_assert_pstr_eq(x->pretrained, y->pretrained);
        ck_assert_int_eq(x->trainable, y->trainable);
        ck_assert(x->embed_dim == y->embed_dim && x->encoder->kind == y->encoder->kind &&
                  x->encoder->rows == y->encoder->rows && x->encoder->oov_id == y->encoder->oov_id);
    }
    for (int32_t i = 0; i < a->n_task; i++) {
        ck_assert_str_eq(a->tasks[i].label, b->tasks[i].label);
        ck_assert_mem_eq(&a->tasks[i].loss_weight, &b->tasks[i].loss_weight,
                         offsetof(mmoe_task_config, tower) -
                             offsetof(mmoe_task_config, loss_weight));
        ck_assert_mem_eq(&a->tasks[i].tower, &b->tasks[i].tower,
                         offsetof(mmoe_mlp_config, batch_norm) + 1);
    }
    ck_assert_mem_eq(&a->expert, &b->expert, offsetof(mmoe_mlp_config, batch_norm) + 1);
    ck_assert_int_eq(a->gate.layers.batch_norm, b->gate.layers.batch_norm);
    ck_assert(a->init == b->init && a->embedding_init == b->embedding_init &&
              a->embedding_init_scale == b->embedding_init_scale);
    ck_assert_mem_eq(&a->trainer, &b->trainer, offsetof(mmoe_trainer_config, shuffle) + 1);
    ck_assert_uint_eq(a->trainer.seed, b->trainer.seed);
}

#endif
