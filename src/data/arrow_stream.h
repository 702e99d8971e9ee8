/* A stream of Arrow's record batches as a source of rows. */
#ifndef MMOE_DATA_ARROW_STREAM_H
#define MMOE_DATA_ARROW_STREAM_H

#include "data/rows.h"
#include "mmoe/arrow.h"

typedef struct mmoe_arrow_stream {
    struct ArrowArrayStream *stream;
    mmoe_allocator alloc;
    char name[64]; /* the batch that is read, as errors name it */
} mmoe_arrow_stream;

/* MMOE_E_ARGUMENT: there is none, or it is released already. `call` names the public function. */
mmoe_status mmoe_arrow_stream_open(struct ArrowArrayStream *stream, const char *call,
                                   const mmoe_allocator *alloc, mmoe_arrow_stream *out,
                                   mmoe_error *err);
mmoe_row_source mmoe_arrow_stream_rows(mmoe_arrow_stream *s);

#endif
