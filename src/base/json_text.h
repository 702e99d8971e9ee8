/* JSON trees from text and back, with the failures of memory told from those of the text. */
#ifndef MMOE_BASE_JSON_TEXT_H
#define MMOE_BASE_JSON_TEXT_H

#include <jansson.h>

#include "base/alloc.h"

/* Parses the whole of `text`; `flags` are those of json_loadb. MMOE_E_MEMORY, or MMOE_E_FORMAT with
 * *error filled. The caller drops the reference. */
mmoe_status mmoe_json_parse(const char *text, size_t length, size_t flags,
                            const mmoe_allocator *alloc, json_t **out, json_error_t *error);

/* The tree as terminated text, for the caller to release; NULL when memory is out. `flags` are
 * those of json_dumps. */
char *mmoe_json_print(const json_t *json, size_t flags, const mmoe_allocator *alloc);

/* An array of texts, for the caller to drop; NULL when memory is out. */
json_t *mmoe_json_texts(char *const *items, size_t count);

#endif
