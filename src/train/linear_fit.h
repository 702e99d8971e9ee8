/* The linear model that a task begins with: of dense inputs alone, fitted to rows that come batch
 * after batch, in double and in their order, so that neither batches nor threads change its bits.
 *
 * A task's loss is the negative log-likelihood of an exponential family whose natural parameter is
 * the logit z = w . x + c: sum over rows of A(z) - y z, and lambda / 2 sum_j (w_j s_j)^2, s_j being
 * an input's deviation. Newton's steps minimise it (McCullagh and Nelder, Generalized Linear
 * Models, 1989), one a pass over the rows; of squared errors the first is the last. In the first,
 * which is one of squares for every loss, as all rows have the constant's variance, lambda is that
 * of the least generalised cross-validation (Golub, Heath and Wahba, 1979), or of losses but
 * squares the largest within a standard error of that, sqrt(2 / rows) of it. Of a focal
 * loss, which is no such likelihood, it is the minimum of the cross-entropy: `shape.gamma`
 * plays no part. */
#ifndef MMOE_TRAIN_LINEAR_FIT_H
#define MMOE_TRAIN_LINEAR_FIT_H

#include "base/alloc.h"
#include "data/batch.h"
#include "loss/loss.h"

enum { MMOE_LINEAR_MOST = 512 }; /* inputs */

typedef struct mmoe_linear_fit mmoe_linear_fit;

typedef struct mmoe_linear_task {
    const mmoe_loss_kind *kind;
    const mmoe_label_scale *scale;
    mmoe_loss_shape shape;
    int32_t label; /* its column of a row's labels */
    int32_t given; /* the column of a label without which, 1, a row does not count; -1: none */
    int32_t n;     /* inputs, at most MMOE_LINEAR_MOST */
    double start;  /* the constant that a model without inputs has, about */
} mmoe_linear_task;

/* MMOE_E_MEMORY. */
mmoe_status mmoe_linear_fit_create(const mmoe_linear_task *task, const mmoe_allocator *alloc,
                                   mmoe_linear_fit **out, mmoe_error *err);
void mmoe_linear_fit_free(mmoe_linear_fit *f);
/* Bytes that it takes. */
size_t mmoe_linear_fit_memory(int32_t n);

/* Rows of a pass: the first of them, and every so many behind it. */
void mmoe_linear_fit_see(mmoe_linear_fit *f, const mmoe_rows *rows, int64_t first, int64_t every);
/* Behind a pass: false: there is to be another one. */
bool mmoe_linear_fit_end(mmoe_linear_fit *f);
/* weights [n] and the constant behind it, [n + 1]. False: there is no such model, for a number is
 * not finite or no row counts; they are 0, and the constant is `start`. */
bool mmoe_linear_fit_read(const mmoe_linear_fit *f, float *out);

#endif
