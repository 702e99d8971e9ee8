/* What gates and experts do: JSON, tables, warnings. */
#ifndef MMOE_TOOLS_INSPECT_REPORT_H
#define MMOE_TOOLS_INSPECT_REPORT_H

#include <jansson.h>

#include "cli.h"

/* {"name", "task", "level", "mean_weights", "entropy", "normalised_entropy", "collapsed"}; `whole`:
 * the experts' names and shares too. */
json_t *cli_gate_json(const mmoe_gate_use *gate, bool whole);
/* Why a gate counts as collapsed, a sentence to be freed; NULL when memory is out. */
char *cli_gate_warning(const mmoe_gate_use *gate);
/* Warns of each gate that has collapsed; `epoch` 0: it is of none. */
void cli_warn_of_gates(const mmoe_gate_use *gates, int32_t count, int32_t epoch);

json_t *cli_inspection_json(const mmoe_inspection *inspection);
void cli_print_inspection(const mmoe_inspection *inspection);

#endif
