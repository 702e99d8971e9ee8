/* Shared bottom (Caruana 1997): output_t = tower_t(bottom(x)). */
#include "base/error.h"
#include "model/build.h"

mmoe_status mmoe_build_shared_bottom(mmoe_graph *g, const mmoe_config *config,
                                     const mmoe_schema *schema, mmoe_error *err) {
    mmoe_view x, *y = mmoe_alloc(&g->alloc, (size_t)config->n_task, sizeof *y);
    if (!y) return mmoe_fail_memory(err, (size_t)config->n_task * sizeof *y);
    mmoe_module modules[2], *bottom = modules;
    mmoe_status status = mmoe_add_input(g, schema, &x, err);
    if (!status) {
        *bottom = mmoe_expert_of("bottom_mlp", -1, x, &config->bottom);
        const int32_t n_module = mmoe_place_linear(config, x, modules, 1);
        status = mmoe_add_levels(g, "bottom", modules, n_module, 0, err);
        if (!status) status = mmoe_share_modules(g, bottom, 1, err);
    }
    for (int32_t t = 0; t < config->n_task && !status; t++) y[t] = bottom->in;
    if (!status) status = mmoe_add_towers(g, config, y, modules + 1, err);
    mmoe_release(&g->alloc, y);
    return status;
}
