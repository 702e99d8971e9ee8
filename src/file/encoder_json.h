/* The values of an encoder among the keys of its column's entry in a schema's JSON: those that its
 * kind has in the configuration, and what it has learned. */
#ifndef MMOE_FILE_ENCODER_JSON_H
#define MMOE_FILE_ENCODER_JSON_H

#include "file/schema_entry.h"

/* Adds them to `json`, which it takes; NULL when memory is out. */
json_t *mmoe_encoder_to_json(json_t *json, const mmoe_encoder *e);
/* Makes the encoder that an entry describes, of a table of `rows` rows if it is one of ids, and
 * counts its keys to the entry's. *out is set as soon as there is one, to be freed by the caller.
 */
mmoe_status mmoe_encoder_from_json(mmoe_entry *e, mmoe_column_shape shape, int64_t rows,
                                   mmoe_encoder **out);

#endif
