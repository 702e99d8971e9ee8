/* Lists and padding rows in a schema's JSON; where there are none nothing is written, and a file of
 * older versions has none. */
#ifndef MMOE_FILE_LIST_JSON_H
#define MMOE_FILE_LIST_JSON_H

#include "file/schema_entry.h"

/* Each takes `json` and returns it, NULL when memory is out or it was NULL. */
json_t *mmoe_padding_to_json(json_t *json, int64_t padding);
json_t *mmoe_list_to_json(json_t *json, const mmoe_sparse_column *column);

/* MMOE_E_FORMAT. */
mmoe_status mmoe_padding_from_json(const mmoe_entry *e, int64_t *out);
/* Lists count in the order of the columns. */
mmoe_status mmoe_list_from_json(const mmoe_entry *e, mmoe_sparse_column *column);

#endif
