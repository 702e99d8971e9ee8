/* AITM (Xi et al., KDD 2021), as torch-rechub has it. A bottom a task reads x. From the second task
 * on, what task t's tower reads is an attention over two: its bottom's output, and what an info
 * gate (a layer with relu) makes of that which the tower of task t - 1 reads. Queries, keys and
 * values are linear, without a bias, and the same for both. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "model/build.h"

static mmoe_status add_attention(mmoe_graph *g, int32_t index, mmoe_view own, mmoe_view info,
                                 mmoe_view *out, mmoe_error *err) {
    static const char layers[] = "qkv";
    const int32_t dim = own.cols;
    const int64_t size = (int64_t)dim * dim,
                  weight = mmoe_tensors_reserve(&g->tensors, MMOE_TENSOR_VALUE, 3 * size);
    mmoe_status status = MMOE_OK;
    for (int i = 0; i < 3 && !status; i++) {
        mmoe_tensor w = {.kind = MMOE_TENSOR_VALUE,
                         .role = MMOE_ROLE_WEIGHT,
                         .rank = 2,
                         .shape = {dim, dim},
                         .offset = weight + i * size};
        w.init = MMOE_INIT_UNIFORM;
        w.init_a = (float)(1 / sqrt((double)dim));
        status =
            mmoe_tensors_add(&g->tensors, w, err, "aits.%d.%c_layer.weight", (int)index, layers[i]);
    }
    const mmoe_linear_block blocks[] = {{own, 0, 3 * dim, weight, false},
                                        {info, 3 * dim, 3 * dim, weight, true}};
    char name[32];
    snprintf(name, sizeof name, "attention %d", (int)index + 1);
    mmoe_view qkv;
    if (!status) status = mmoe_graph_linear(g, name, blocks, 2, &qkv, err);
    return status ? status : mmoe_graph_attend(g, name, qkv, out, err);
}

/* y[t] is the bottoms' outputs, and becomes what the towers read. */
static mmoe_status add_transfers(mmoe_graph *g, const mmoe_config *config, mmoe_view *y,
                                 mmoe_error *err) {
    const mmoe_mlp_config gate = {.n_dims = 1,
                                  .dims = {y[0].cols},
                                  .activation = MMOE_ACT_RELU,
                                  .batch_norm = config->gate.layers.batch_norm};
    mmoe_status status = MMOE_OK;
    for (int32_t t = 1; t < config->n_task && !status; t++) {
        mmoe_module info = mmoe_module_of("info_gates", t - 1, y[t - 1], &gate);
        status = mmoe_add_level(g, "info gate", &info, 1, 0, err);
        if (!status) status = add_attention(g, t - 1, y[t], info.in, &y[t], err);
    }
    return status;
}

mmoe_status mmoe_build_aitm(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema,
                            mmoe_error *err) {
    const int32_t n_task = config->n_task;
    mmoe_module *bottoms = mmoe_alloc(&g->alloc, (size_t)n_task + 1, sizeof *bottoms);
    mmoe_view *y = mmoe_alloc(&g->alloc, (size_t)n_task, sizeof *y), x;
    mmoe_status status =
        bottoms && y ? mmoe_add_input(g, schema, &x, err)
                     : mmoe_fail_memory(err, (size_t)n_task * (sizeof *bottoms + sizeof *y));
    for (int32_t t = 0; t < n_task && !status; t++)
        bottoms[t] = mmoe_expert_of("bottoms", t, x, &config->bottom);
    const int32_t n_module = status ? 0 : mmoe_place_linear(config, x, bottoms, n_task);
    if (!status) status = mmoe_add_levels(g, "bottoms", bottoms, n_module, 0, err);
    for (int32_t t = 0; t < n_task && !status; t++) y[t] = bottoms[t].in;
    if (!status) status = mmoe_share_modules(g, bottoms, n_task, err);
    if (!status) status = add_transfers(g, config, y, err);
    if (!status) status = mmoe_add_towers(g, config, y, bottoms + n_task, err);
    if (!status) mmoe_graph_order_tasks(g, MMOE_TASKS_IN_TURN);
    mmoe_release(&g->alloc, bottoms);
    mmoe_release(&g->alloc, y);
    return status;
}
