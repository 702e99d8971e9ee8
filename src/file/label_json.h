/* A label column as JSON. */
#ifndef MMOE_FILE_LABEL_JSON_H
#define MMOE_FILE_LABEL_JSON_H

#include "file/schema_entry.h"

/* The keys that not all labels have, NULL behind the last. */
extern const char *const mmoe_label_keys[];

/* NULL when memory is out. */
json_t *mmoe_label_to_json(const mmoe_label_column *label);
mmoe_status mmoe_label_from_json(const mmoe_entry *e, mmoe_label_column *label);

#endif
