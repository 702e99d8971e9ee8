/* The batches of an epoch, as steps take them. Where several ranks tell each other what their rows
 * read (train/whole_batch.h), the batch behind the one that is handed out is on its way while the
 * caller computes. */
#ifndef MMOE_TRAIN_FEED_H
#define MMOE_TRAIN_FEED_H

#include "data/source.h"
#include "train/whole_batch.h"

typedef struct mmoe_feed {
    mmoe_source *source;     /* which begins at a place of an epoch */
    mmoe_whole_batch *whole; /* not begun: nothing is told */
    int32_t most;            /* rows of a batch */
    bool scores;             /* all ranks need all labels */
    mmoe_rows read;
    bool is_read;  /* the next batch, before it is asked for */
    int64_t place; /* behind the batch that is handed out */
} mmoe_feed;

/* The next batch, of no rows behind the last, which stays until the next call. Errors are those of
 * the source and of the whole batch, of the batch behind it, too. */
mmoe_status mmoe_feed_next(mmoe_feed *f, const mmoe_rows **batch, mmoe_error *err);
/* Before the source and the whole batch are used by others again. */
void mmoe_feed_end(mmoe_feed *f);

#endif
