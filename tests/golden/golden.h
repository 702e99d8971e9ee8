/* Numbers that torch-rechub computed (PyTorch 1.13, one thread) for a model, a folder each, on its
 * sample of Ali-CCP, or on rows of the folder's own: 20 steps of one batch, Adam with lr 1e-3 and
 * coupled decay 1e-4.
 * Two tests compare with them; see meson.build. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <jansson.h>

#include "reference.h"

enum { GOLDEN_STEPS = 20, GOLDEN_TASKS = 2, GOLDEN_PARTS = 3 };
extern const reference_optimizer golden_optimizer;

typedef struct golden_rows {
    reference_batch batch;
    int32_t *ids;
    double *dense, *labels;
    int64_t *list_offsets;
    int32_t *list_ids;
} golden_rows;

typedef struct golden_part {
    const char *name;
    int rows;
} golden_part;

typedef struct golden {
    const char *folder;
    json_t *description; /* case.json; the spec's names belong to it */
    reference_spec spec;
    bool has_rows; /* of its own */
    int n_part;
    golden_part part[GOLDEN_PARTS]; /* the first is trained on */
    golden_rows parts[GOLDEN_PARTS];
} golden;

/* What a run is compared with. Scores are [B, T] of a part's rows. */
typedef struct golden_numbers {
    double losses[GOLDEN_STEPS]
                 [1 + GOLDEN_TASKS]; /* total, then each task; before the step's update */
    double *first_training_scores;   /* of part 0; NULL: not known */
    double *first_scores[GOLDEN_PARTS], *last_scores[GOLDEN_PARTS];
    double
        kink_distance; /* computed numbers: how near a value comes to a relu's kink in any step */
    reference_model *first, *second, *last; /* weights at the start (and the first gradients), after
                                               1 (NULL: not known) and after 20 steps */
} golden_numbers;

/* The case of a folder, without rows. */
void golden_init(golden *g, const char *folder);
/* The case's own rows, data_PART.csv; else those of the sample in the folder `sample`:
 * ali_ccp_{train,val,test}_sample.csv. */
void golden_read_rows(golden *g, const char *sample);
/* As many rows of the same columns, ids within the tables, labels and dense values at random. */
void golden_draw_rows(golden *g, uint64_t seed);
void golden_finish(golden *g);

/* Weights of a file, or the first step's gradients; every trainable tensor must be there, and
 * nothing else. */
void golden_read_weights(const golden *g, const char *file, reference_model *to);
void golden_read_gradients(const golden *g, reference_model *to);

/* A bias in front of a batch norm has a true gradient of 0, and what stands there is rounding,
 * which Adam magnifies: one of PLE's strays by 3e-4 in 20 steps. The running mean follows late, so
 * predictions feel it, by 2.6e-5; with torch's own biases 6e-6 of that is left. */
void golden_take_biases(reference_model *to, reference_model *from);

/* torch-rechub's numbers; the reference's own on the case's rows, from the golden weights: the last
 * scores with the biases of `biases`, if not NULL. */
void golden_read_numbers(const golden *g, golden_numbers *n);
void golden_compute_numbers(golden *g, golden_numbers *n, reference_model *biases);
void golden_numbers_finish(golden_numbers *n);

#endif
