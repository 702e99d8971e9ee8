#include "graph/profile.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "graph/op.h"

static const char *pass_name(const mmoe_profile *p, size_t node, int pass) {
    return p->ops[node]->passes[pass];
}

const char *mmoe_profile_pass(const mmoe_profile *p, int32_t node, int pass) {
    return pass_name(p, (size_t)node, pass);
}

mmoe_status mmoe_profile_create(size_t max_slices, const mmoe_allocator *alloc, mmoe_profile **out,
                                mmoe_error *err) {
    if (!out) return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_profile_create: out must not be NULL");
    if (mmoe_allocator_check(alloc, "mmoe_profile_create", err)) return MMOE_E_ARGUMENT;
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_profile *p = mmoe_alloc_zero(&a, 1, sizeof *p);
    if (!p) return mmoe_fail_memory(err, sizeof *p);
    p->alloc = a;
    p->max_slices = max_slices;
    *out = p;
    return MMOE_OK;
}

static void detach(mmoe_profile *p) {
    for (int w = 0; p->logs && w < p->workers; w++) {
        mmoe_release(&p->alloc, p->logs[w].slices);
        mmoe_release(&p->alloc, p->logs[w].sums);
    }
    mmoe_release(&p->alloc, p->logs);
    mmoe_release(&p->alloc, p->names);
    mmoe_release(&p->alloc, p->ops);
    p->logs = NULL;
    p->names = NULL;
    p->ops = NULL;
    p->workers = 0;
    p->n_node = 0;
}

void mmoe_profile_free(mmoe_profile *p) {
    if (!p) return;
    detach(p);
    mmoe_allocator a = p->alloc;
    mmoe_release(&a, p);
}

void mmoe_profile_reset(mmoe_profile *p) {
    if (!p) return;
    for (int w = 0; w < p->workers; w++) {
        p->logs[w].count = 0;
        memset(p->logs[w].sums, 0, p->n_node * MMOE_PASS_COUNT * sizeof *p->logs[w].sums);
    }
    p->begin = mmoe_clock();
}

/* To be detached on failure, too. */
static bool make_room(mmoe_profile *p, size_t nodes, int workers) {
    p->logs = mmoe_alloc_zero(&p->alloc, (size_t)workers, sizeof *p->logs);
    p->names = mmoe_alloc_zero(&p->alloc, nodes, sizeof *p->names);
    p->ops = mmoe_alloc_zero(&p->alloc, nodes, sizeof *p->ops);
    if (!p->logs || !p->names || !p->ops) return false;
    p->workers = workers;
    p->n_node = nodes;
    for (mmoe_worker_log *l = p->logs; l < p->logs + workers; l++) {
        l->slices = mmoe_alloc(&p->alloc, p->max_slices, sizeof *l->slices);
        l->sums = mmoe_alloc_zero(&p->alloc, nodes * MMOE_PASS_COUNT, sizeof *l->sums);
        if (!l->slices || !l->sums) return false;
    }
    return true;
}

mmoe_status mmoe_profile_attach(mmoe_profile *p, const mmoe_plan *plan, mmoe_error *err) {
    const mmoe_graph *g = plan->graph;
    mmoe_profile next = {.alloc = p->alloc, .max_slices = p->max_slices};
    if (!make_room(&next, (size_t)g->n_node, plan->workers)) {
        detach(&next);
        return mmoe_fail_memory(err, (size_t)plan->workers * p->max_slices * sizeof(mmoe_slice));
    }
    for (size_t i = 0; i < next.n_node; i++) {
        memcpy(next.names[i], g->nodes[i].name, sizeof next.names[i]);
        next.ops[i] = plan->nodes[i].op;
    }
    detach(p);
    *p = next;
    mmoe_profile_reset(p);
    return MMOE_OK;
}

void mmoe_profile_add(mmoe_profile *p, int worker, const mmoe_slice *slice) {
    mmoe_worker_log *l = &p->logs[worker];
    mmoe_profile_entry *e = &l->sums[slice->node * MMOE_PASS_COUNT + slice->pass];
    mmoe_slice ended = *slice;
    ended.end = mmoe_clock();
    e->calls++;
    e->seconds += ended.end - ended.start;
    e->flops += ended.flops;
    e->bytes += ended.bytes;
    if (l->count < p->max_slices) l->slices[l->count++] = ended;
}

/* A step's order: weights packed, nodes forward, nodes backward, weights and updates. */
static size_t slot_of(const mmoe_profile *p, size_t index, int *pass) {
    static const int first[] = {MMOE_PASS_PACK, MMOE_PASS_LOOKUP, MMOE_PASS_BACKWARD,
                                MMOE_PASS_SUMS, MMOE_PASS_COUNT};
    const size_t n = p->n_node;
    int part = 0;
    while (index >= n * (size_t)first[part + 1]) part++;
    const size_t passes = (size_t)(first[part + 1] - first[part]),
                 at = index - n * (size_t)first[part];
    *pass = first[part] + (int)(at % passes);
    return first[part] == MMOE_PASS_BACKWARD ? n - 1 - at / passes : at / passes;
}

int mmoe_profile_entry_at(const mmoe_profile *p, size_t index, mmoe_profile_entry *out) {
    if (!p || !out) return -1;
    for (size_t i = 0; i < p->n_node * MMOE_PASS_COUNT; i++) {
        int pass;
        size_t node = slot_of(p, i, &pass);
        mmoe_profile_entry sum = {.node = p->names[node], .pass = pass_name(p, node, pass)};
        for (int w = 0; w < p->workers; w++) {
            const mmoe_profile_entry *e = &p->logs[w].sums[node * MMOE_PASS_COUNT + (size_t)pass];
            sum.calls += e->calls;
            sum.seconds += e->seconds;
            sum.flops += e->flops;
            sum.bytes += e->bytes;
        }
        if (!sum.calls || !sum.pass) continue;
        if (index-- == 0) {
            *out = sum;
            return 0;
        }
    }
    return -1;
}
