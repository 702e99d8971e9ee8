/* Synthetic data sets. */
#ifndef MMOE_TOOLS_SYNTH_H
#define MMOE_TOOLS_SYNTH_H

#include <stdint.h>

#include "files.h"

typedef struct synth_rows {
    int64_t first, count; /* rows [first, first + count) of the seed's world */
    uint64_t seed;
    const cli_file *out;
} synth_rows;

typedef struct synth_clicks_result {
    double click_rate, purchase_rate;
    double click_auc, purchase_auc; /* of the generator's own probabilities over these rows; NaN:
                                       one class only */
} synth_clicks_result;

/* A click log with the columns of Ali-CCP, and a history and tags where `with_lists`: its labels
 * are others then. `truth`: the probabilities of each row's labels; NULL: not written. Prints the
 * error. */
int synth_clicks(const synth_rows *rows, bool with_lists, const cli_file *truth,
                 synth_clicks_result *result);

typedef struct synth_paper_shape {
    double correlation; /* p: cosine of the tasks' weights */
    int64_t dim;        /* d, at least 2 */
    int64_t terms;      /* m */
    double scale;       /* c */
} synth_paper_shape;

/* The two regression tasks of section 3.2 of "Modeling Task Relationships in Multi-task Learning
 * with Multi-gate Mixture-of-Experts" (KDD 2018). */
int synth_paper(const synth_rows *rows, const synth_paper_shape *shape);

#endif
