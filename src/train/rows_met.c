#include "train/rows_met.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "data/source.h"

double mmoe_rows_met_evenly(double reads, double rows) { return -rows * expm1(-reads / rows); }

/* A read is one number: the table's row in the high bits, and below it the share that reads it, if
 * there are as many shares as possible. Reads that are equal without the last n bits have the same
 * row and the same share among 2^n times fewer shares. */
enum { SHARES = MMOE_RANK_SHARES, SHARE_BITS = SHARES - 1, ENOUGH_READS = 1 << 20, BATCHES = 8 };

static int by_value(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int64_t reads_of(const mmoe_rows *batch, const mmoe_schema *s) {
    int64_t reads = (int64_t)batch->rows * (s->n_sparse - s->n_list);
    for (int32_t b = 0; b < batch->rows; b++)
        for (int32_t l = 0; l < s->n_list; l++)
            reads += mmoe_list_of(&batch->lists, mmoe_row_of(batch, b), l).count;
    return reads;
}

/* Collects the batch's reads of a table; returns how many there are. */
static int64_t collect(const mmoe_rows *batch, const mmoe_schema *s, int32_t table,
                       uint64_t *reads) {
    const int32_t n_id = s->n_sparse - s->n_list;
    int64_t count = 0;
    for (int32_t i = 0; i < s->n_sparse; i++) {
        if (s->sparse[i].table != table) continue;
        for (int32_t b = 0; b < batch->rows; b++) {
            const size_t row = mmoe_row_of(batch, b);
            const mmoe_list ids =
                i < n_id ? (mmoe_list){1, batch->ids + row * batch->id_stride + i, NULL}
                         : mmoe_list_of(&batch->lists, row, i - n_id);
            const uint64_t share = ((uint64_t)b << SHARE_BITS) / (uint64_t)batch->rows;
            for (int64_t k = 0; k < ids.count; k++)
                reads[count++] = (uint64_t)ids.ids[k] << SHARE_BITS | share;
        }
    }
    return count;
}

/* Adds the distinct rows that a share reads, for each number of shares. */
static void count_distinct(uint64_t *reads, int64_t n, double *met) {
    qsort(reads, (size_t)n, sizeof *reads, by_value);
    for (int32_t i = 0; i < SHARES; i++) {
        const int32_t finer = SHARE_BITS - i;
        int64_t rows = n > 0;
        for (int64_t k = 1; k < n; k++) rows += reads[k] >> finer != reads[k - 1] >> finer;
        met[i] += (double)rows / (double)(1 << i);
    }
}

static mmoe_status count_batch(const mmoe_rows *batch, const mmoe_schema *s, int64_t n,
                               const mmoe_allocator *alloc, double (*met)[SHARES],
                               mmoe_error *err) {
    uint64_t *reads = mmoe_alloc(alloc, (size_t)n, sizeof *reads);
    if (!reads) return mmoe_fail_memory(err, (size_t)n * sizeof *reads);
    for (int32_t t = 0; t < s->n_table; t++)
        count_distinct(reads, collect(batch, s, t, reads), met[t]);
    mmoe_release(alloc, reads);
    return MMOE_OK;
}

mmoe_status mmoe_rows_met(const mmoe_trainer_config *c, const mmoe_schema *schema,
                          const mmoe_dataset *set, const mmoe_allocator *alloc,
                          double (*met)[SHARES], mmoe_error *err) {
    const mmoe_source_order order = {set, c->shuffle, c->seed, c->batch_size};
    const int64_t batches = mmoe_dataset_rows(set) / c->batch_size;
    mmoe_source *source;
    if (!batches || !schema->n_sparse) return MMOE_OK;
    mmoe_status status = mmoe_source_open(&order, alloc, &source, err);
    if (status) return status;
    status = mmoe_source_begin(source, 0, err);
    for (int32_t t = 0; t < schema->n_table; t++) memset(met[t], 0, sizeof met[t]);
    int64_t counted = 0, reads = 0;
    while (!status && counted < batches && counted < BATCHES && reads < ENOUGH_READS) {
        mmoe_rows batch;
        status = mmoe_source_next(source, c->batch_size, &batch, err);
        if (status) break;
        const int64_t n = reads_of(&batch, schema);
        status = count_batch(&batch, schema, n, alloc, met, err);
        reads += n;
        counted++;
    }
    for (int32_t t = 0; t < schema->n_table; t++)
        for (int32_t i = 0; i < SHARES; i++) met[t][i] /= (double)(counted ? counted : 1);
    mmoe_source_free(source);
    return status;
}
