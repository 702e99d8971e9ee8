/* How gates share out their weights: sums over rows that were run, read in chunk order, so no
 * number of workers changes them. */
#ifndef MMOE_LOOK_GATE_METER_H
#define MMOE_LOOK_GATE_METER_H

#include "graph/state.h"
#include "mmoe/train.h"
#include "look/parts.h"

typedef struct mmoe_gate_meter {
    mmoe_allocator alloc;
    const mmoe_parts *parts;
    int64_t every;  /* each `every`-th row counts, from the first on */
    int64_t rows;   /* that were counted */
    int32_t stride; /* doubles of a set of sums: a gate's entropy, weights, rows with the largest
                       weight; gate after gate */
    double *sums;   /* [stride] */
    double *chunk_sums; /* [chunks, stride] */
    double *figures;    /* mean weights and shares that `use` points to */
    const char **names; /* [weights] */
    mmoe_gate_use *use; /* [gates] */
    uint8_t *used;      /* [experts] 1: a gate gives it a mean weight that counts */
} mmoe_gate_meter;

/* For batches of up to `chunks` chunks. `parts` must outlive it. To be finished also after a
 * failure. MMOE_E_MEMORY. */
mmoe_status mmoe_gate_meter_init(mmoe_gate_meter *m, const mmoe_parts *parts,
                                 const mmoe_model *model, int32_t chunks,
                                 const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_gate_meter_finish(mmoe_gate_meter *m);

/* Forgets all rows; of those to come each `every`-th counts. */
void mmoe_gate_meter_reset(mmoe_gate_meter *m, int64_t every);

/* Rows of a chunk, and the value that a gate's mix node reads. */
typedef struct mmoe_gate_rows {
    int32_t chunk, rows;
    int64_t first;      /* row of whatever `every` counts in */
    const float *value; /* [rows, ld] */
    int32_t ld;
} mmoe_gate_rows;
/* A chunk's sums of one gate; and what a batch of `chunks` chunks has, rows [first, first + rows),
 * is added. */
void mmoe_gate_meter_take(const mmoe_gate_meter *m, int32_t gate, const mmoe_gate_rows *rows);
void mmoe_gate_meter_sum(mmoe_gate_meter *m, int32_t chunks, int64_t first, int32_t rows);

/* An observer of plans; `context` is the meter. */
void mmoe_gate_meter_observe(void *context, const mmoe_plan *plan, int32_t node,
                             const mmoe_span *s);
/* Adds the sums of the batch that the plan has run. */
void mmoe_gate_meter_add(mmoe_gate_meter *m, const mmoe_run *run);
/* Writes the figures to m->use, and m->used; NaN where no row was counted. */
void mmoe_gate_meter_read(mmoe_gate_meter *m);

#endif
