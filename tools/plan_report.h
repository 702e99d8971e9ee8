/* What training will take, as text and as JSON. */
#ifndef MMOE_TOOLS_PLAN_REPORT_H
#define MMOE_TOOLS_PLAN_REPORT_H

#include <jansson.h>

#include "cli.h"

/* Bytes of all memory, with rows that are streamed, or in memory. */
int64_t plan_memory(const mmoe_estimate *e, bool streamed);
/* The same of a rank; `e` as a rank of one. */
int64_t plan_rank_memory(const mmoe_rank_estimate *m, bool streamed);
mmoe_rank_estimate plan_of_one(const mmoe_estimate *e);
json_t *plan_memory_json(const mmoe_rank_estimate *m);
enum { PLAN_BYTES_SIZE = 24 };
const char *plan_bytes_text(int64_t bytes, char text[PLAN_BYTES_SIZE]);
void plan_print(const mmoe_estimate *e);
json_t *plan_json(const mmoe_estimate *e); /* NULL when memory is out */

#endif
