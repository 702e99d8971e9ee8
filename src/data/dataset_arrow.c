/* Data sets from streams of Arrow. */
#include "base/error.h"
#include "data/arrow_stream.h"

static mmoe_status read_rows(const mmoe_schema *schema, mmoe_arrow_stream *stream, int labels,
                             mmoe_dataset **out, mmoe_error *err) {
    const mmoe_row_source rows = mmoe_arrow_stream_rows(stream);
    return mmoe_rows_read(&rows, schema, labels, &stream->alloc, out, err);
}

mmoe_status mmoe_dataset_from_arrow(const mmoe_schema *schema, struct ArrowArrayStream *stream,
                                    int labels, const mmoe_allocator *alloc, mmoe_dataset **out,
                                    mmoe_error *err) {
    static const char call[] = "mmoe_dataset_from_arrow";
    mmoe_arrow_stream s;
    mmoe_status status = mmoe_arrow_stream_open(stream, call, alloc, &s, err);
    if (status) return status;
    if (!schema || !out)
        status = mmoe_fail(err, MMOE_E_ARGUMENT, "%s: schema or out is NULL", call);
    if (!status) status = mmoe_label_mode_check(labels, err);
    if (!status) status = mmoe_allocator_check(alloc, call, err);
    if (!status) status = read_rows(schema, &s, labels, out, err);
    stream->release(stream);
    return status;
}
