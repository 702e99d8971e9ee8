/* The table of shapes on which the reference is checked by finite differences and the engine
 * against the reference. */
#ifndef CASES_H
#define CASES_H

#include "reference.h"

typedef struct reference_case {
    const char *name;
    int rows, tasks, experts,
        depth; /* depth of the experts, and of the towers where they are even */
    reference_activation activation;
    bool norm, gate_norm;
    unsigned regression; /* bit t: task t is a regression */
    bool missing;        /* labels missing at random; the last of several tasks has none at all */
    bool weighted;       /* rows weighted, some with 0 */
    bool shared;         /* two columns read one table */
    enum { NO_LISTS, WEIGHTED_LISTS, OTHER_LISTS } lists; /* mean and sum; max and concat */
    int wide;    /* columns of the experts' last layer, where they are a whole number of vectors; 0:
                    few */
    bool uneven; /* towers of differing depths, widths and activations, one without batch norm */
    bool no_sparse, no_dense;
    reference_kind kind;
    int levels, specific, shared_experts; /* of ple and cgc */
    int gate_depth; /* hidden layers of the gates, the first as wide as the experts' first of depth
                       1 */
    reference_gating gating;
    bool linear; /* a linear part */
    double smoothing, positive_weight,
        gamma; /* of the classifications' losses; the first task's gamma is half as large */
} reference_case;

extern const reference_case reference_cases[];
extern const size_t reference_case_count;

enum { CASE_SPARSE = 3, CASE_DENSE = 4, CASE_LONGEST_LIST = 5, CASE_NAME_LENGTH = 16 };

/* A case's model, weights and rows; each number is one that a float holds. */
typedef struct reference_problem {
    reference_spec spec;
    reference_model *model;
    reference_batch batch;
    int32_t *ids;
    double *dense, *labels, *weights;
    int64_t *list_offsets;
    int32_t *list_ids;
    double *list_weights;
} reference_problem;

/* Drawn anew until no relu or prelu stands within `kink_distance` of its kink, where a rounding
 * would choose the slope. */
void reference_problem_init(reference_problem *p, const reference_case *c, double kink_distance);
void reference_problem_finish(reference_problem *p);

#endif
