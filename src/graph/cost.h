/* What a run's parts cost, where a profile is attached; and gradients handed on, whose time is
 * taken apart. */
#ifndef MMOE_GRAPH_COST_H
#define MMOE_GRAPH_COST_H

#include "base/clock.h"
#include "graph/profile.h"
#include "graph/state.h"

static inline double mmoe_run_clock(const mmoe_run *r) { return r->profile ? mmoe_clock() : 0; }

/* What began at `start` is done: a pass over a chunk; what follows it at a barrier; a task's, or
 * its slice's: weights packed, or a gradient that is not yet handed on. */
void mmoe_run_step_done(mmoe_run *r, int32_t node, int pass, const mmoe_span *s, double start);
void mmoe_run_barrier_done(mmoe_run *r, mmoe_step step, double start);
void mmoe_run_task_done(const mmoe_run *r, int worker, int pass, const mmoe_weight_task *task,
                        double start);
/* Hands the gradient of weights of `node` to the sink. */
void mmoe_run_sink(mmoe_run *r, int worker, int32_t node, const mmoe_gradient *g);

#endif
