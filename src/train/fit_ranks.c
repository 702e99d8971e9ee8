/* What the ranks of a fit tell each other beside what a run does. */
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/comm_agree.h"
#include "math/blas.h"
#include "train/fit_run.h"

static uint64_t hash_text(const char *text) { return mmoe_checksum_hash(0, text, strlen(text)); }

mmoe_status mmoe_fit_agree(const mmoe_trainer *t, mmoe_error *err) {
    if (!t->ranks) return MMOE_OK;
    const struct {
        const char *name;
        uint64_t value;
    } facts[] = {{"training rows", t->at.data_hash},
                 {"validation rows", t->at.valid_hash},
                 {"schema", t->at.schema_hash},
                 {"configuration", hash_text(t->model->config->json)},
                 {"epochs done", (uint64_t)t->at.epoch},
                 {"rows of the epoch done", (uint64_t)t->at.row},
                 {"steps done", t->optimizer.steps}};
    enum { NUMBERS = sizeof facts / sizeof *facts, FACTS = NUMBERS + 4 };
    char texts[NUMBERS][24];
    mmoe_comm_fact list[FACTS] = {{"library", mmoe_version()},
                                  {"kernels", mmoe_kernels_best()->name},
                                  {"BLAS core", mmoe_blas_core()},
                                  {"checkpoint", t->checkpoint_path ? "written" : "none"}};
    for (int i = 0; i < NUMBERS; i++) {
        snprintf(texts[i], sizeof texts[i], "%llx", (unsigned long long)facts[i].value);
        list[FACTS - NUMBERS + i] = (mmoe_comm_fact){facts[i].name, texts[i]};
    }
    return mmoe_comm_agree(t->ranks->comm, &(mmoe_comm_facts){list, FACTS}, &t->alloc, err);
}

void mmoe_fit_sum_gates(mmoe_fit_run *r) {
    mmoe_ranks *ranks = r->t->ranks;
    if (ranks && r->parts.n_gate && !r->valid)
        ranks->peers.sum(&ranks->peers, r->gates.sums, r->gates.stride);
}
