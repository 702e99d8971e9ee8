/* A bound schema to and from JSON, without its vocabularies' keys (the model file keeps those as
 * tensors). */
#ifndef MMOE_FILE_SCHEMA_JSON_H
#define MMOE_FILE_SCHEMA_JSON_H

#include "file/schema_entry.h"
#include "mmoe/train.h"

/* Tables (name, rows, dim; oov_id and vocabulary "none" | "int" | "string", or "kind" and what the
 * kind keeps), columns (of numbers with what theirs keeps: transform, shift, scale; doubles as
 * texts that read back exactly), labels, weight. NULL when memory is out. The caller drops the
 * reference.
 */
json_t *mmoe_schema_to_json(const mmoe_schema *schema);

/* `vocab(user, table_index, name, is_string, rows, out, err)` makes a table's vocabulary.
 * Everything in the JSON is checked (types, ranges, indices, finite numbers): MMOE_E_FORMAT. */
mmoe_status mmoe_schema_from_json(const json_t *json, const char *file, mmoe_vocab_source vocab,
                                  void *user, const mmoe_allocator *alloc, mmoe_schema **out,
                                  mmoe_error *err);

#endif
