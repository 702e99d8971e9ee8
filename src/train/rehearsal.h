/* Steps of a run that is yet to be, timed by their parts: of the same model, but for tables that
 * are cut, on the run's rows where none is, or on rows that are drawn. */
#ifndef MMOE_TRAIN_REHEARSAL_H
#define MMOE_TRAIN_REHEARSAL_H

#include "base/comm_mirror.h"
#include "data/source.h"
#include "train/sketch.h"

typedef struct mmoe_rehearsal {
    mmoe_allocator alloc;
    mmoe_model *model;
    mmoe_trainer *trainer;
    mmoe_comm_mirror others; /* of several ranks, of which this one is the first */
    mmoe_whole_batch whole;  /* of several that read lanes */
    mmoe_profile *profile;   /* of all timed steps; NULL: of one of several ranks */
    const mmoe_dataset *rows;
    mmoe_dataset *drawn; /* rows that are; NULL: they are the caller's */
    mmoe_source *source; /* of them, in a run's order */
    double *list_elements;
    int64_t steps, left_out; /* left_out: values of tables that a step updates whole, and that were
                                cut off */
    double seconds;          /* of all steps; of one of several ranks for its own part */
    double update_seconds;   /* of one value of such a table */
    double order_seconds;    /* of a row, of the order of an epoch */
    /* Of all rows of deferred tables, as many as the run's have: to be brought up to date; to get
     * memory for moments. */
    double settle_seconds, touch_seconds;
    int64_t settled_rows; /* of deferred tables, that the former is by */
} mmoe_rehearsal;

/* `run`: what it will be; where that is one of several ranks the others have what this one needs of
 * them whenever it does, and it is steps that are timed, no passes over all rows. `like`: its rows,
 * as far as they are known, whose lists tell how long lists are, or NULL; they stay until it is
 * finished. To be finished after a failure, too. The errors of mmoe_model_create. */
mmoe_status mmoe_rehearse(const mmoe_sketch *run, const mmoe_dataset *like, int threads,
                          const mmoe_allocator *alloc, mmoe_rehearsal *out, mmoe_error *err);
void mmoe_rehearsal_finish(mmoe_rehearsal *r);

#endif
