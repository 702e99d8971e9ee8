#include "graph/copied_rows.h"

#include <string.h>

#include "base/ask.h"

void mmoe_copy_lists_of_one(const mmoe_lists *l, size_t row, int32_t *ids, int32_t count) {
    const int64_t *at = l->offsets + row * (size_t)l->count;
    for (int32_t i = 0; i < count; i++)
        ids[i] = at[i + 1] - at[i] == 1 && !l->weights ? l->ids[at[i]] : MMOE_NOT_ONE;
}

enum {
    FAR = 32, /* rows ahead: of ids, numbers, labels and lists' offsets */
    NEAR = 16 /* of lists' elements, which are found by the offsets */
};

/* What a chunk reads of a row. */
typedef struct row_parts {
    const mmoe_rows *batch;
    size_t n_id, n_dense, n_task;
    bool has_lists;
} row_parts;

static void ask_for(const row_parts *p, int32_t b) {
    const mmoe_rows *batch = p->batch;
    const mmoe_lists *l = &batch->lists;
    const size_t row = mmoe_row_of(batch, b);
    if (p->n_id)
        mmoe_ask_far_for(batch->ids + row * batch->id_stride, p->n_id * sizeof *batch->ids);
    if (p->n_dense)
        mmoe_ask_far_for(batch->dense + row * batch->dense_stride,
                         p->n_dense * sizeof *batch->dense);
    if (batch->labels)
        mmoe_ask_far_for(batch->labels + row * batch->label_stride,
                         p->n_task * sizeof *batch->labels);
    if (p->has_lists)
        mmoe_ask_far_for(l->offsets + row * (size_t)l->count,
                         ((size_t)l->count + 1) * sizeof *l->offsets);
}

/* A row's lists, which are neighbours; their offsets have come by now. */
static void ask_for_lists(const row_parts *p, int32_t b) {
    const mmoe_lists *l = &p->batch->lists;
    const int64_t *at = l->offsets + mmoe_row_of(p->batch, b) * (size_t)l->count;
    const size_t count = (size_t)(at[l->count] - at[0]);
    mmoe_ask_far_for(l->ids + at[0], count * sizeof *l->ids);
    if (l->weights) mmoe_ask_far_for(l->weights + at[0], count * sizeof *l->weights);
}

void mmoe_copy_chunk(const mmoe_run *r, const mmoe_node *n, const mmoe_span *s, float *x,
                     int32_t *ids) {
    const mmoe_plan *p = r->plan;
    const mmoe_rows *batch = r->batch;
    const int32_t ld = p->values[n->out].ld, n_id = p->graph->n_id, n_list = p->graph->n_list,
                  dense_col = p->input.dense_col, n_dense = n->u.input.n_dense;
    const int32_t end = s->first + s->rows;
    const row_parts parts = {batch, (size_t)n_id, (size_t)n_dense, (size_t)p->graph->n_task,
                             n_list > 0};
    int32_t asked = s->first, lists_asked = n_list ? asked : end;
    for (int32_t b = s->first; b < end; b++, x += ld, ids += n_id + n_list) {
        const size_t row = mmoe_row_of(batch, b);
        for (; asked < end && asked <= b + FAR; asked++) ask_for(&parts, asked);
        for (; lists_asked < end && lists_asked <= b + NEAR; lists_asked++)
            ask_for_lists(&parts, lists_asked);
        if (n_id) memcpy(ids, batch->ids + row * batch->id_stride, (size_t)n_id * sizeof *ids);
        if (n_list) mmoe_copy_lists_of_one(&batch->lists, row, ids + n_id, n_list);
        if (n_dense)
            memcpy(x + dense_col, batch->dense + row * batch->dense_stride,
                   (size_t)n_dense * sizeof *x);
        for (int32_t i = dense_col + n_dense; i < ld; i++)
            x[i] = 0; /* products may read the padding */
    }
}
