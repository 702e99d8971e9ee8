/* Texts by key that a model keeps: the caller's, and what training told. */
#ifndef MMOE_MODEL_META_H
#define MMOE_MODEL_META_H

#include "base/alloc.h"

/* What training tells has keys of its own, which the caller's must not begin with. */
#define MMOE_META_TRAINING "training."
#define MMOE_META_ROWS MMOE_META_TRAINING "rows"
#define MMOE_META_COLUMN MMOE_META_TRAINING "column." /* and the feature's name */

typedef struct mmoe_meta_entry {
    char *key, *value;
} mmoe_meta_entry;

typedef struct mmoe_meta {
    size_t count, room;
    mmoe_meta_entry *entries; /* [room] by key */
} mmoe_meta;

void mmoe_meta_finish(mmoe_meta *meta, const mmoe_allocator *alloc);
/* The value; NULL: there is none. */
const char *mmoe_meta_find(const mmoe_meta *meta, const char *key);
/* Which share of a feature's values was `what` ("missing" or "unknown") in the training rows; NaN:
 * that is not known. */
double mmoe_meta_share(const mmoe_meta *meta, const char *feature, const char *what);
/* `value` NULL: the key is taken out. MMOE_E_MEMORY; the texts are then as they were. */
mmoe_status mmoe_meta_put(mmoe_meta *meta, const char *key, const char *value,
                          const mmoe_allocator *alloc, mmoe_error *err);
/* The same of the caller's: MMOE_E_ARGUMENT, too, as mmoe_model_set_meta. */
mmoe_status mmoe_meta_set(mmoe_meta *meta, const char *key, const char *value,
                          const mmoe_allocator *alloc, mmoe_error *err);
/* Takes out what begins with the prefix. */
void mmoe_meta_clear(mmoe_meta *meta, const char *prefix, const mmoe_allocator *alloc);
/* Puts what of `from` begins with the prefix. MMOE_E_MEMORY. */
mmoe_status mmoe_meta_merge(mmoe_meta *meta, const mmoe_meta *from, const char *prefix,
                            const mmoe_allocator *alloc, mmoe_error *err);

/* As JSON, an object of strings, for the caller to release; *out NULL: there are no texts.
 * MMOE_E_MEMORY. */
mmoe_status mmoe_meta_text(const mmoe_meta *meta, const mmoe_allocator *alloc, char **out,
                           mmoe_error *err);
/* Reads such JSON, which stands in `file`. MMOE_E_FORMAT: it is none, or has what
 * mmoe_model_set_meta refuses; _MEMORY. */
mmoe_status mmoe_meta_read(const char *text, const char *file, const mmoe_allocator *alloc,
                           mmoe_meta *out, mmoe_error *err);

#endif
