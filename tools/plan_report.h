/* What training will take, as text and as JSON. */
#ifndef MMOE_TOOLS_PLAN_REPORT_H
#define MMOE_TOOLS_PLAN_REPORT_H

#include <jansson.h>

#include "cli.h"

/* Bytes of all memory, with rows that are streamed, or in memory. */
int64_t plan_memory(const mmoe_estimate *e, bool streamed);
void plan_print(const mmoe_estimate *e);
json_t *plan_json(const mmoe_estimate *e); /* NULL when memory is out */

#endif
