/* The batches of an epoch, as steps take them. Where several ranks tell each other what their rows
 * read (train/whole_batch.h), the next batch is sent while the caller computes with the one that it
 * got. */
#ifndef MMOE_TRAIN_FEED_H
#define MMOE_TRAIN_FEED_H

#include "data/source.h"
#include "train/whole_batch.h"

typedef struct mmoe_feed {
    mmoe_source *source;     /* at the place of the epoch where the feed begins */
    mmoe_whole_batch *whole; /* not initialised: ranks tell each other nothing */
    int32_t most;            /* rows of a batch */
    bool scores;             /* all ranks need all labels */
    mmoe_rows read;          /* the batch that was read last */
    bool is_read;            /* that is the next batch, read and sent before it is asked for */
    int64_t place;           /* of the source, behind the batch that is handed out */
} mmoe_feed;

/* The next batch, which stays until the next call; it has no rows after the last one. Errors are
 * those of the source and of the whole batch, also for the batch behind this one. */
mmoe_status mmoe_feed_next(mmoe_feed *f, const mmoe_rows **batch, mmoe_error *err);
/* Must be called before the source and the whole batch are used again. */
void mmoe_feed_end(mmoe_feed *f);

#endif
