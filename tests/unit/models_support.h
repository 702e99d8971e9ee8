/* A small model of each kind, of two classification tasks. */
#ifndef MMOE_TESTS_MODELS_SUPPORT_H
#define MMOE_TESTS_MODELS_SUPPORT_H

#include <stdio.h>

#include "mmoe/train.h"

static const struct {
    const char *name, *keys; /* of "model" */
} model_shapes[] = {
    {"single_task", "\"expert_params\": {\"dims\": [12, 6], \"dropout\": 0.1}"},
    {"shared_bottom", "\"bottom_params\": {\"dims\": [24, 12], \"activation\": \"prelu\"}"},
    {"omoe", "\"n_expert\": 3, \"expert_params\": {\"dims\": [16]}"},
    {"mmoe", "\"n_expert\": 3, \"expert_params\": {\"dims\": [16]}"},
    {"cgc",
     "\"n_expert_specific\": 2, \"n_expert_shared\": 1, \"expert_params\": {\"dims\": [16]}"},
    {"ple", "\"n_level\": 2, \"n_expert_specific\": 1, \"n_expert_shared\": 2, \"expert_params\": "
            "{\"dims\": [12, 6], \"dropout\": 0.1}"},
    {"ple", "\"n_level\": 3, \"expert_params\": {\"dims\": [16], \"activation\": \"dice\", "
            "\"batch_norm\": false}"},
    {"mmoe", "\"n_expert\": 3, \"expert_params\": {\"dims\": [16]}, \"gate_params\": {\"dims\": "
             "[16, 5], \"activation\": \"prelu\"}"},
    {"omoe", "\"n_expert\": 5, \"expert_params\": {\"dims\": [12, 16]}, \"gate_params\": "
             "{\"temperature\": 0.5, \"top_k\": 2}"},
    {"mmoe", "\"n_expert\": 20, \"expert_params\": {\"dims\": [16]}, \"gate_params\": {\"dims\": "
             "[8], \"top_k\": 9, \"expert_dropout\": 0.3,"
             " \"load_balance\": 0.5}"},
    {"ple", "\"expert_params\": {\"dims\": [9]}, \"gate_params\": {\"batch_norm\": false, "
            "\"temperature\": 2, \"expert_dropout\": 0.4,"
            " \"load_balance\": 0.1}"},
    {"cgc", "\"expert_params\": {\"dims\": [8, 6]}, \"gate_params\": {\"dims\": [7], "
            "\"activation\": \"dice\", \"top_k\": 1, \"load_balance\": 2}"},
    {"esmm", NULL},
    {"aitm", "\"bottom_params\": {\"dims\": [12], \"dropout\": 0.1}"},
    {"aitm", "\"bottom_params\": {\"dims\": [80]}, \"gate_params\": {\"batch_norm\": false}"},
    {"cross_stitch", "\"expert_params\": {\"dims\": [16, 6]}"},
    {"mmoe", "\"linear\": true, \"n_expert\": 3, \"expert_params\": {\"dims\": [16]}"},
    {"esmm", "\"linear\": true"},
};
enum { MODELS = sizeof model_shapes / sizeof *model_shapes, MODELS_COLUMNS = 5 };

static const char *const models_columns[MODELS_COLUMNS] = {"a", "b", "c", "d0", "d1"};

/* Ways to balance the tasks' losses: members of "trainer.adaptive_params". */
static const char *const model_methods[] = {
    "\"method\": \"none\"",
    "\"method\": \"uwl\"",
    "\"method\": \"dwa\"",
    "\"method\": \"rlw\"",
    "\"method\": \"famo\"",
    "\"method\": \"gradnorm\"",
    "\"method\": \"metabalance\"",
    "\"method\": \"pcgrad\"",
    "\"method\": \"cagrad\"",
    "\"method\": \"mgda\"",
    "\"method\": \"aligned_mtl\"",
    "\"method\": \"gradnorm\", \"at\": \"parameters\"",
    "\"method\": \"metabalance\", \"at\": \"parameters\"",
    "\"method\": \"pcgrad\", \"at\": \"parameters\"",
    "\"method\": \"cagrad\", \"at\": \"parameters\"",
    "\"method\": \"mgda\", \"at\": \"parameters\"",
    "\"method\": \"aligned_mtl\", \"at\": \"parameters\"",
};
enum { METHODS = sizeof model_methods / sizeof *model_methods };

static inline void models_json(char json[1024], int which, int method, int batch_size) {
    snprintf(json, 1024,
             "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 50, \"side\": "
             "\"user\"}, {\"name\": \"b\", \"vocab_size\": 7, \"embed_dim\": 3},"
             " {\"name\": \"c\", \"shared_with\": \"a\"}], \"dense\": [{\"name\": \"d0\", "
             "\"side\": \"user\"}, {\"name\": \"d1\"}]},"
             " \"tasks\": [{\"name\": \"x\", \"label\": \"x\", \"tower_params\": {\"dims\": [4]}},"
             " {\"name\": \"y\", \"label\": \"y\", \"tower_params\": {\"dims\": [5, 3], "
             "\"batch_norm\": false}}],"
             " \"model\": {\"name\": \"%s\"%s%s}, \"trainer\": {\"batch_size\": %d, \"n_epoch\": "
             "4, \"optimizer_params\": {\"lr\": 0.05}, \"adaptive_params\": "
             "{%s}}}",
             model_shapes[which].name, model_shapes[which].keys ? ", " : "",
             model_shapes[which].keys ? model_shapes[which].keys : "", batch_size,
             model_methods[method]);
}

#endif
