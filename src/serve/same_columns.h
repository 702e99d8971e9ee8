/* Whether one model may take another's place under a service that knows columns by their numbers.
 */
#ifndef MMOE_SERVE_SAME_COLUMNS_H
#define MMOE_SERVE_SAME_COLUMNS_H

#include "model/model.h"

/* Both have the same sparse and dense columns, on the same sides, and the same tasks, in one order;
 * else MMOE_E_ARGUMENT, which names the first that differs. */
mmoe_status mmoe_check_same_columns(const mmoe_model *current, const mmoe_model *next,
                                    mmoe_error *err);
/* Of a service that knows columns by their names: the tasks alone. */
mmoe_status mmoe_check_same_tasks(const mmoe_model *current, const mmoe_model *next,
                                  mmoe_error *err);

#endif
