/* How the texts of a schema's columns are read, in its file. */
#ifndef MMOE_FILE_READING_JSON_H
#define MMOE_FILE_READING_JSON_H

#include "data/reading.h"
#include "file/schema_entry.h"

/* Adds "missing", "quotes", "separator" and "header" to a schema, none where it is what version 0.1
 * always did: a file without them is one that it reads. 0, or -1 when memory is out. */
int mmoe_reading_to_json(json_t *schema, const mmoe_reading *reading);
/* Reads them, and adds how many keys there were to *count. MMOE_E_FORMAT, MMOE_E_MEMORY. */
mmoe_status mmoe_reading_from_json(const mmoe_entry *schema, mmoe_reading *out, size_t *count);

#endif
