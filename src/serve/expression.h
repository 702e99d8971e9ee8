/* A final score that a caller makes of the tasks', beside the model's own. */
#ifndef MMOE_SERVE_EXPRESSION_H
#define MMOE_SERVE_EXPRESSION_H

#include <stdbool.h>

#include "config/score.h"

struct mmoe_expression {
    mmoe_allocator alloc;
    mmoe_score *score;
    int32_t n_task;
    char **tasks; /* [n_task] that its steps number */
};

/* Has the model these tasks, in this order? */
bool mmoe_expression_is_of(const mmoe_expression *expression, const mmoe_model *model);

#endif
