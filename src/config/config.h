/* A parsed configuration. Arrays and texts belong to it. */
#ifndef MMOE_CONFIG_CONFIG_H
#define MMOE_CONFIG_CONFIG_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/words.h"
#include "data/schema.h"
#include "loss/loss.h"
#include "math/activation.h"
#include "math/first_layer.h"
#include "mmoe/train.h"
#include "config/score.h"

enum { MMOE_MAX_LAYERS = 16 };

/* An optimizer is a row here and a file, train/rule_NAME.c, which the table in rule.c and the build
 * follow. The first are of all weights, the others of rows of embeddings alone. */
#define MMOE_WEIGHT_OPTIMIZERS(X)                                                                  \
    X(MMOE_ADAM, adam)                                                                             \
    X(MMOE_ADAMW, adamw)                                                                           \
    X(MMOE_SGD, sgd)                                                                               \
    X(MMOE_ADAGRAD, adagrad)
#define MMOE_OPTIMIZERS(X)                                                                         \
    MMOE_WEIGHT_OPTIMIZERS(X)                                                                      \
    X(MMOE_ROWWISE_ADAGRAD, rowwise_adagrad)
typedef enum mmoe_optimizer_kind {
    MMOE_OPTIMIZERS(MMOE_ENUMERATOR) MMOE_SAME_OPTIMIZER /* of embeddings: the other weights' */
} mmoe_optimizer_kind;
#define MMOE_SCHEDULERS(X)                                                                         \
    X(MMOE_SCHEDULER_NONE, none)                                                                   \
    X(MMOE_SCHEDULER_STEP, step)                                                                   \
    X(MMOE_SCHEDULER_EXPONENTIAL, exponential)                                                     \
    X(MMOE_SCHEDULER_COSINE, cosine)                                                               \
    X(MMOE_SCHEDULER_PLATEAU, plateau)
typedef enum mmoe_scheduler_kind { MMOE_SCHEDULERS(MMOE_ENUMERATOR) } mmoe_scheduler_kind;

#define MMOE_MODELS(X)                                                                             \
    X(MMOE_MODEL_SINGLE_TASK, single_task)                                                         \
    X(MMOE_MODEL_SHARED_BOTTOM, shared_bottom)                                                     \
    X(MMOE_MODEL_OMOE, omoe)                                                                       \
    X(MMOE_MODEL_MMOE, mmoe)                                                                       \
    X(MMOE_MODEL_CGC, cgc)                                                                         \
    X(MMOE_MODEL_PLE, ple)                                                                         \
    X(MMOE_MODEL_ESMM, esmm)                                                                       \
    X(MMOE_MODEL_AITM, aitm)                                                                       \
    X(MMOE_MODEL_CROSS_STITCH, cross_stitch)
typedef enum mmoe_model_kind { MMOE_MODELS(MMOE_ENUMERATOR) } mmoe_model_kind;

#define MMOE_LINEAR_INITS(X)                                                                       \
    X(MMOE_LINEAR_PYTORCH, pytorch)                                                                \
    X(MMOE_LINEAR_XAVIER_UNIFORM, xavier_uniform)                                                  \
    X(MMOE_LINEAR_XAVIER_NORMAL, xavier_normal)                                                    \
    X(MMOE_LINEAR_HE_UNIFORM, he_uniform)                                                          \
    X(MMOE_LINEAR_HE_NORMAL, he_normal)                                                            \
    X(MMOE_LINEAR_ORTHOGONAL, orthogonal)
typedef enum mmoe_linear_init { MMOE_LINEAR_INITS(MMOE_ENUMERATOR) } mmoe_linear_init;
#define MMOE_TABLE_INITS(X)                                                                        \
    X(MMOE_TABLE_NORMAL, normal)                                                                   \
    X(MMOE_TABLE_UNIFORM, uniform)                                                                 \
    X(MMOE_TABLE_XAVIER_UNIFORM, xavier_uniform)                                                   \
    X(MMOE_TABLE_XAVIER_NORMAL, xavier_normal)
typedef enum mmoe_table_init { MMOE_TABLE_INITS(MMOE_ENUMERATOR) } mmoe_table_init;
/* Not given, MMOE_BIAS_BY_TYPE: of each task what its type says. */
#define MMOE_BIAS_INITS(X)                                                                         \
    X(MMOE_BIAS_LABELS, labels)                                                                    \
    X(MMOE_BIAS_TORCH, torch)
typedef enum mmoe_bias_init {
    MMOE_BIAS_BY_TYPE = -1,
    MMOE_BIAS_INITS(MMOE_ENUMERATOR)
} mmoe_bias_init;

/* Linear, BatchNorm1d, activation, dropout, for each of dims. */
typedef struct mmoe_mlp_config {
    int32_t n_dims;
    int32_t dims[MMOE_MAX_LAYERS];
    mmoe_activation activation;
    float dropout; /* probability that a value is dropped, [0, 1) */
    bool batch_norm;
} mmoe_mlp_config;

/* g = softmax(a / temperature) over the top_k largest logits a; of AITM's info gates there is the
 * batch norm alone. */
typedef struct mmoe_gate_config {
    mmoe_mlp_config layers; /* hidden ones; batch_norm is of the last one, too: by default the
                               experts', of AITM the bottoms' */
    float temperature;      /* (0, 1000] */
    int64_t top_k;          /* 0: all */
    float expert_dropout;   /* probability that an expert is dropped, [0, 1) */
    float load_balance; /* factor of the squared coefficient of variation of the experts' importance
                         */
} mmoe_gate_config;

typedef struct mmoe_task_config {
    char *name;
    char *label; /* column */
    mmoe_task_type type;
    char *positive; /* NULL: labels are numbers */
    mmoe_number_text text;
    mmoe_label_transform label_transform;
    float loss_weight;                                   /* > 0 */
    float label_smoothing, positive_weight, focal_gamma; /* of the kinds that are shaped */
    mmoe_mlp_config tower;
} mmoe_task_config;

#define MMOE_BALANCE_METHODS(X)                                                                    \
    X(MMOE_BALANCE_NONE, none)                                                                     \
    X(MMOE_BALANCE_UWL, uwl)                                                                       \
    X(MMOE_BALANCE_DWA, dwa)                                                                       \
    X(MMOE_BALANCE_RLW, rlw)                                                                       \
    X(MMOE_BALANCE_GRADNORM, gradnorm)                                                             \
    X(MMOE_BALANCE_METABALANCE, metabalance)                                                       \
    X(MMOE_BALANCE_PCGRAD, pcgrad)                                                                 \
    X(MMOE_BALANCE_CAGRAD, cagrad)                                                                 \
    X(MMOE_BALANCE_MGDA, mgda)                                                                     \
    X(MMOE_BALANCE_ALIGNED_MTL, aligned_mtl)                                                       \
    X(MMOE_BALANCE_FAMO, famo)
typedef enum mmoe_balance_method { MMOE_BALANCE_METHODS(MMOE_ENUMERATOR) } mmoe_balance_method;

/* Where the tasks' gradients are taken and combined. */
#define MMOE_BALANCE_PLACES(X)                                                                     \
    X(MMOE_AT_REPRESENTATION, representation)                                                      \
    X(MMOE_AT_PARAMETERS, parameters)
typedef enum mmoe_balance_place { MMOE_BALANCE_PLACES(MMOE_ENUMERATOR) } mmoe_balance_place;

typedef struct mmoe_balance_config {
    mmoe_balance_method method;
    mmoe_balance_place at;
    bool clamp, normalize;
    float temperature, alpha, lr, beta, relax_factor, c, gamma;
} mmoe_balance_config;

/* What the group AUC weighs a group by: its impressions are its rows' weights. */
#define MMOE_GROUP_WEIGHTS(X)                                                                      \
    X(MMOE_GROUP_IMPRESSIONS, impressions)                                                         \
    X(MMOE_GROUP_ROWS, rows)                                                                       \
    X(MMOE_GROUP_POSITIVES, positives)                                                             \
    X(MMOE_GROUP_EQUAL, equal)
typedef enum mmoe_group_weight { MMOE_GROUP_WEIGHTS(MMOE_ENUMERATOR) } mmoe_group_weight;

/* What early stopping may watch that is no metric of a type. auto: the task's first metric, of a
 * mean over several types `relative`. */
enum { MMOE_WATCHED_AUTO = -2, MMOE_WATCHED_RELATIVE };

/* How a step updates embeddings: all rows; those that its batch reads, the others as of when they
 * are next read; or those alone. */
#define MMOE_EMBEDDING_UPDATES(X)                                                                  \
    X(MMOE_UPDATE_DENSE, dense)                                                                    \
    X(MMOE_UPDATE_DEFERRED, deferred)                                                              \
    X(MMOE_UPDATE_LAZY, lazy)                                                                      \
    X(MMOE_UPDATE_AUTO, auto)
typedef enum mmoe_embedding_update {
    MMOE_EMBEDDING_UPDATES(MMOE_ENUMERATOR)
} mmoe_embedding_update;

typedef struct mmoe_optimizer_config {
    mmoe_optimizer_kind kind;
    float lr, weight_decay;
    float beta1, beta2, eps, momentum;
    float lr_decay, initial_accumulator; /* Adagrad's */
} mmoe_optimizer_config;

typedef struct mmoe_trainer_config {
    int32_t batch_size, n_epoch;
    int32_t segments; /* of a batch, a power of two (graph/segments.h) */
    mmoe_optimizer_config optimizer;
    mmoe_optimizer_config embedding_optimizer; /* mmoe_config_embedding_optimizer has it resolved */
    float embedding_l1, embedding_l2, dense_l1, dense_l2;
    float clip_norm; /* 0: none */
    float ema_decay; /* 0: no average */
    mmoe_scheduler_kind scheduler;
    int32_t warmup_steps;        /* 0: none */
    int32_t step_size, patience; /* epochs */
    int64_t t_max;               /* epochs; by default n_epoch */
    float gamma, min_lr, factor;
    int32_t memory;             /* megabytes that training may take; 0: no bound */
    int32_t earlystop_patience; /* epochs without a better score; 0: never stop early */
    int32_t earlystop_task;     /* index, or -1: the mean of the tasks */
    int32_t earlystop_metric;   /* of mmoe_loss_watched(-1, i), or MMOE_WATCHED_* */
    bool shrink;                /* a task that is too sure is drawn towards its constant */
    bool shuffle;
    bool lanes; /* a segment has rows of its own lanes (data/order.h) */
    uint64_t seed;
    mmoe_balance_config balance; /* trainer.adaptive_params */
    mmoe_embedding_update embedding_update;
} mmoe_trainer_config;

enum { MMOE_MOST_MEMBERS = 64 };

struct mmoe_config {
    mmoe_allocator alloc;
    mmoe_feature_specs features; /* as written: patterns unresolved */
    char *group;                 /* column whose values are the groups of metrics; NULL: none */
    mmoe_group_weight group_weight;
    int32_t n_task;
    mmoe_task_config *tasks; /* [n_task] */
    mmoe_model_kind model;
    int32_t n_expert;
    int32_t n_level, n_expert_specific, n_expert_shared;
    mmoe_mlp_config expert, bottom;
    bool linear; /* a linear part beside the experts */
    char *score; /* expression of the final score; NULL: none */
    mmoe_gate_config gate;
    mmoe_linear_init init;
    mmoe_bias_init init_bias;
    mmoe_table_init embedding_init;
    float embedding_init_scale;
    mmoe_first_layer first_layer;
    int32_t members; /* whole models, whose predictions are averaged */
    int32_t member;  /* of which of them this one is; it has no key, and is not written */
    mmoe_trainer_config trainer;
    char *json; /* the normalised text that mmoe_config_text gives and the model file keeps */
    /* As it was written: what mmoe_config_set edits, so that defaults that follow another key stay
     * open. */
    char *source;
};

/* A deep copy; MMOE_E_MEMORY. */
mmoe_status mmoe_config_copy(const mmoe_config *config, const mmoe_allocator *alloc,
                             mmoe_config **out, mmoe_error *err);
/* Makes a first member's another one's: the same but for its seed, which is `member` more. */
void mmoe_config_set_member(mmoe_config *config, int32_t member);
/* A copy of a first member's for another. */
mmoe_status mmoe_config_copy_member(const mmoe_config *config, int32_t member,
                                    const mmoe_allocator *alloc, mmoe_config **out,
                                    mmoe_error *err);

/* Have the tasks several types? */
bool mmoe_config_is_mixed(const mmoe_config *config);
/* What early stopping watches. */
const mmoe_metric_kind *mmoe_config_watched_metric(const mmoe_config *config);

/* "FILE.npy" or "FILE.safetensors:TENSOR", of a feature's "pretrained". */
typedef struct mmoe_pretrained_place {
    size_t length;      /* of the file's path, which the text begins with */
    const char *tensor; /* NULL: it is a .npy file */
} mmoe_pretrained_place;
/* False: the text is neither. */
bool mmoe_config_pretrained(const char *text, mmoe_pretrained_place *out);

/* The compiled final score, *out NULL when the configuration has none; as mmoe_score_compile. */
mmoe_status mmoe_config_score(const mmoe_config *config, const mmoe_allocator *alloc,
                              mmoe_score **out, char fault[MMOE_SCORE_FAULT]);

/* The tasks' columns [n_task], as a schema wants them; the texts stay the configuration's. NULL
 * when memory is out. */
mmoe_label_column *mmoe_config_labels(const mmoe_config *config, const mmoe_allocator *alloc);

#endif
