/* Synthetic data sets. */
#ifndef MMOE_TOOLS_SYNTH_H
#define MMOE_TOOLS_SYNTH_H

#include <stdatomic.h>
#include <stdint.h>

#include "files.h"

typedef struct synth_rows {
    int64_t first, count; /* rows [first, first + count) of the seed's world */
    uint64_t seed;
    const cli_file *out;
    int threads;                /* that draw; the rows are the same, whatever their number */
    const atomic_bool *stopped; /* true: nobody wants more of them; NULL: it is never */
} synth_rows;

typedef struct synth_clicks_result {
    double click_rate, purchase_rate;
    double click_auc, purchase_auc; /* of the generator's own probabilities over these rows; NaN:
                                       one class only */
} synth_clicks_result;

typedef struct synth_clicks_shape {
    bool lists;         /* a history and tags, too: labels are others then */
    bool ali_ccp_sizes; /* as many values a column as Ali-CCP has; else some thousands at most */
} synth_clicks_shape;

/* A click log with the columns of Ali-CCP. `truth`: the probabilities of each row's labels; NULL:
 * not written. Prints the error. */
int synth_clicks(const synth_rows *rows, const synth_clicks_shape *shape, const cli_file *truth,
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
