#include "train/feed.h"

static mmoe_status read_next(mmoe_feed *f, mmoe_error *err) {
    const mmoe_status status = mmoe_source_next(f->source, f->most, &f->read, err);
    if (status || !f->read.rows || !f->read.is_share) return status;
    return mmoe_whole_batch_start(f->whole, &f->read, f->scores, err);
}

/* What ranks have told of a batch is in memory of its own, so the source can read the next one. */
mmoe_status mmoe_feed_next(mmoe_feed *f, const mmoe_rows **batch, mmoe_error *err) {
    mmoe_status status = f->is_read ? MMOE_OK : read_next(f, err);
    if (status) return status;
    f->place = mmoe_source_place(f->source);
    f->is_read = mmoe_whole_batch_is_started(f->whole);
    *batch = &f->read;
    if (!f->is_read) return MMOE_OK;
    status = mmoe_whole_batch_take(f->whole, batch, err);
    return status ? status : read_next(f, err);
}

void mmoe_feed_end(mmoe_feed *f) { mmoe_whole_batch_drop(f->whole); }
