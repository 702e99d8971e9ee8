/* How alike modules' outputs are, and how many directions they use. Outputs X of a module are taken
 * for some rows, [units, rows] in memory, each unit centred: its mean over the rows is 0. */
#ifndef MMOE_LOOK_SIMILARITY_H
#define MMOE_LOOK_SIMILARITY_H

#include <stdint.h>

#include "base/pool.h"

/* Outputs of `units` units over `rows` rows. */
typedef struct mmoe_outputs {
    int32_t units, group; /* modules of one group are compared */
    double *x;            /* [units, rows] */
    double rank; /* exp(-sum_i p_i ln p_i), p_i = s_i / sum_j s_j of the singular values s of X (Roy
                    and Vetterli 2007); 0 where X is 0 */
    double norm; /* |X X^T| */
} mmoe_outputs;

typedef struct mmoe_comparison {
    mmoe_outputs *modules; /* [count] */
    int32_t count, rows;
    mmoe_pool *pool; /* NULL: the calling thread alone */
    double *cka;     /* [count, count], written */
} mmoe_comparison;

/* Centres the modules' outputs, fills rank and norm, and writes linear CKA (Kornblith et al.,
 * ICML 2019, equation in section 3) of all pairs to cka [count, count]: |X_a X_b^T|^2 / (|X_a
 * X_a^T| |X_b X_b^T|), Frobenius norms. NaN: of modules of different groups, and where outputs are
 * the same in every row or not finite; rank is NaN where outputs are not finite.
 * MMOE_E_MEMORY. */
mmoe_status mmoe_compare_outputs(const mmoe_comparison *wanted, const mmoe_allocator *alloc,
                                 mmoe_error *err);

#endif
