/* The model of the library, again, in double precision: written from the formulas alone, one plain
 * loop after another, sharing nothing with src/. What the engine computes is compared with this;
 * this is checked by finite differences.
 *
 * Out of memory ends the program: it is a test's tool. Letters: B rows, D input width, E experts, H
 * expert width, T tasks. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REFERENCE_MAX_DEPTH = 4,
    REFERENCE_MAX_TASKS = 4,
    REFERENCE_MAX_TABLES = 24,
    REFERENCE_MAX_LISTS = 4
};

typedef enum reference_activation {
    REFERENCE_RELU,
    REFERENCE_SIGMOID,
    REFERENCE_TANH,
    REFERENCE_PRELU,
    REFERENCE_DICE
} reference_activation;

/* For each of dims: Linear, BatchNorm1d where asked, activation. */
typedef struct reference_mlp_spec {
    int depth;
    int dims[REFERENCE_MAX_DEPTH];
    reference_activation activation;
    bool batch_norm;
} reference_mlp_spec;

/* Of every gate; 0 stands for a temperature of 1, and for all experts. */
typedef struct reference_gating {
    double temperature;
    int top_k;
    double load_balance; /* factor of the mean over the gates of the squared coefficient of
                            variation of the experts' importance */
} reference_gating;

typedef enum reference_kind {
    REFERENCE_MMOE,
    REFERENCE_OMOE,
    REFERENCE_SINGLE_TASK,
    REFERENCE_SHARED_BOTTOM,
    REFERENCE_CGC,
    REFERENCE_PLE,
    REFERENCE_ESMM,
    REFERENCE_AITM,
    REFERENCE_CROSS_STITCH,
    REFERENCE_KINDS
} reference_kind;

typedef enum reference_pooling {
    REFERENCE_MEAN,
    REFERENCE_SUM,
    REFERENCE_MAX,
    REFERENCE_CONCAT
} reference_pooling;

/* A row has any number of elements, of weight w each, and of embedding e in the table. Mean: sum of
 * w e / sum of w, 0 where there are no weights; sum: of w e; max: the largest of each dimension,
 * whose gradient goes to the first that is it; concat: side by side, 0 behind the last. Elements
 * that are the padding are no part of it. */
typedef struct reference_list_spec {
    int table;
    reference_pooling pooling;
    int max_len; /* of concat: no list is longer */
    bool has_padding;
    int padding;
} reference_list_spec;

typedef struct reference_spec {
    reference_kind kind;
    int n_table;
    struct {
        const char *name; /* at most 15 characters */
        int rows, dim;
    } tables[REFERENCE_MAX_TABLES];
    int n_sparse;
    int table_of[REFERENCE_MAX_TABLES]; /* column -> table; columns may share one */
    int n_list;
    reference_list_spec lists[REFERENCE_MAX_LISTS]; /* in x behind those columns */
    int n_dense;
    int n_expert;
    int n_level, n_specific, n_shared; /* cgc, ple */
    reference_mlp_spec expert, bottom;
    bool gate_batch_norm;
    reference_mlp_spec gate; /* its hidden layers; batch norm as above */
    reference_gating gating;
    bool linear; /* beside the towers: w_t . x + c_t to each logit */
    int n_task;
    struct {
        bool regression;
        double loss_weight;
        double label_smoothing, positive_weight, focal_gamma; /* a weight of 0 stands for 1 */
        reference_mlp_spec tower;
    } tasks[REFERENCE_MAX_TASKS];
} reference_spec;

/* A tensor of torch-rechub's state_dict, in its order. */
typedef struct reference_tensor {
    char name[64];
    int rank;
    int shape[2];
    size_t count;
    bool trainable;        /* otherwise running statistics, or the count of batches */
    bool of_norm;          /* scale or shift of a batch norm */
    bool in_front_of_norm; /* a Linear's bias that a batch norm takes away again */
    double *value;         /* [count] */
    double *gradient;      /* [count] of the total loss; written by reference_gradient */
    double *squares; /* [count] sum of the squares of the rows' terms that add up to the gradient */
    double *moment1, *moment2; /* [count] the optimizer's; moment1 is SGD's velocity */
} reference_tensor;

typedef struct reference_batch {
    int rows;
    const int32_t *ids;          /* [B, n_sparse] */
    const double *dense;         /* [B, n_dense] */
    const double *labels;        /* [B, T], NaN: missing; not read by reference_predict */
    const double *weights;       /* [B] or NULL: all 1 */
    const int64_t *list_offsets; /* [B * n_list + 1] where each row's lists begin, and the end */
    const int32_t *list_ids;
    const double *list_weights; /* of elements, or NULL: all 1 */
} reference_batch;

typedef struct reference_model reference_model;

/* Weights are 0, batch-norm scales and running variances 1, slopes of prelu 0.25; the caller fills
 * the rest. */
reference_model *reference_create(const reference_spec *spec);
void reference_free(reference_model *model);

size_t reference_tensor_count(const reference_model *model);
reference_tensor *reference_tensor_at(reference_model *model, size_t index);
reference_tensor *reference_find(reference_model *model, const char *name); /* NULL: none */

/* Scores [B, T], a probability or a value, with running statistics. */
void reference_predict(reference_model *model, const reference_batch *batch, double *scores);
/* One forward pass in training mode: scores [B, T] and losses [T], either of which may be NULL;
 * running statistics move. Returns the total loss. */
double reference_loss(reference_model *model, const reference_batch *batch, double *scores,
                      double *losses);
/* The same, and the gradient of the total loss by every trainable tensor. */
double reference_gradient(reference_model *model, const reference_batch *batch, double *scores,
                          double *losses);

/* The same in parts: a forward pass in training mode, backward passes after it, then `forget`. */
void reference_forward(reference_model *model, const reference_batch *batch, double *scores,
                       double *losses);
void reference_clear_gradients(reference_model *model);
/* Adds the gradient of sum_t factors[t] L_t, L_t the task's weighted loss. What passes through the
 * shared representation is multiplied by `through` on its way down; before that it is added to
 * `at_shared` [reference_shared_size], which may be NULL. */
void reference_backward(reference_model *model, const reference_batch *batch, const double *factors,
                        double through, double *at_shared);
void reference_forget(reference_model *model);

/* Values of the shared representation for a batch of `rows`: what the tasks have in common in front
 * of what is their own. single_task, esmm   the embeddings' columns of x shared_bottom, aitm
 * outputs of the bottoms omoe                the mixture mmoe, cgc, ple      outputs of all experts
 * (of the last level) cross_stitch        outputs of the networks' last layers, not yet stitched */
size_t reference_shared_size(const reference_model *model, int rows);
/* Those of the last forward pass; valid until `forget`. */
const double *reference_shared_values(const reference_model *model);
/* Forward passes to come take these values in place of what they compute; NULL: no longer. */
void reference_hold_shared(reference_model *model, const double *values);
/* Whether the shared representation depends on the tensor, and it is trained. */
bool reference_is_shared(const reference_model *model, const reference_tensor *tensor);

/* What the sum of the tasks' losses is divided by. */
int reference_divisor(const reference_model *model);
const reference_spec *reference_spec_of(const reference_model *model);
/* Weight of the batch's labels of a task; 0: it has none there. */
double reference_label_weight(const reference_model *model, const reference_batch *batch, int task);

/* How large the gradient's largest entry would be if the rows' terms were independent, and at least
 * how large it is: the scale of its rounding errors. Terms that cancel (a batch norm takes a shift
 * away again) leave less. */
double reference_gradient_scale(const reference_tensor *tensor);

/* Of the last forward pass: the smallest |x| that a relu or prelu saw (infinity without one), and a
 * hash of the signs of all of them, which tells whether a change of weights crossed a kink. */
double reference_kink_distance(const reference_model *model);
uint64_t reference_kink_signs(const reference_model *model);

typedef enum reference_optimizer_kind {
    REFERENCE_ADAM,
    REFERENCE_ADAMW,
    REFERENCE_SGD,
    REFERENCE_ADAGRAD,
    REFERENCE_ROWWISE_ADAGRAD /* of embeddings alone */
} reference_optimizer_kind;
typedef struct reference_optimizer {
    reference_optimizer_kind kind;
    double lr, weight_decay, beta1, beta2, eps, momentum;
    double embedding_l1, embedding_l2, dense_l1,
        dense_l2;                 /* torch-rechub's RegularizationLoss: l1 sum |w| + l2 sum w^2 */
    double clip_norm;             /* 0: none */
    double lr_decay, accumulator; /* Adagrad's, what its sum begins with */
    const struct reference_optimizer
        *embeddings; /* theirs, but for penalties and clipping; NULL: the same */
} reference_optimizer;

/* One value by its gradient; not of kinds of rows. */
void reference_update_value(const reference_optimizer *optimizer, int step, double gradient,
                            double *value, double *moment1, double *moment2);
/* Applies the gradients as PyTorch's optimizers do, clipped as its clip_grad_norm_ does; `step`
 * counts from 1. */
void reference_update(reference_model *model, const reference_optimizer *optimizer, int step);

#endif
