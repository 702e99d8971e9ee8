/* ESMM (Ma et al., SIGIR 2018), as torch-rechub has it. Two towers read x: the first task is the
 * click, whose tower gives p(click), the second the conversion, whose tower gives p(conversion |
 * click). What is predicted of the second, and compared with its label in every row, is the product
 * of both. So without a click that label is 0, whether the log says so or has none. The loss is the
 * sum over the tasks, not their mean. */
#include "base/error.h"
#include "model/build.h"

mmoe_status mmoe_build_esmm(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema,
                            mmoe_error *err) {
    mmoe_view x, logits[2];
    mmoe_status status = mmoe_add_input(g, schema, &x, err);
    if (!status) status = mmoe_share_input(g, x, err);
    if (status) return status;
    mmoe_module towers[3] = {mmoe_module_of("tower_ctr", -1, x, &config->tasks[0].tower),
                             mmoe_module_of("tower_cvr", -1, x, &config->tasks[1].tower)};
    const int32_t n_module = mmoe_place_linear(config, x, towers, 2);
    status = mmoe_add_levels(g, "towers", towers, n_module, 0, err);
    if (!status) status = mmoe_add_logits(g, config, towers, towers + 2, logits, err);
    if (!status) status = mmoe_graph_joint(g, "product", logits[0], logits[1], &logits[1], err);
    if (!status) status = mmoe_add_loss(g, config, logits, true, err);
    if (!status) mmoe_graph_order_tasks(g, MMOE_TASKS_NESTED);
    return status;
}
