/* Vocabularies as tensors of a file: vocab.TABLE.keys I64 [rows - 1], or vocab.TABLE.offsets I64
 * [rows] and vocab.TABLE.bytes U8. Key i of texts, of row i + 1, is bytes[offsets[i] ..
 * offsets[i + 1]). */
#ifndef MMOE_FILE_SCHEMA_TENSORS_H
#define MMOE_FILE_SCHEMA_TENSORS_H

#include "file/container.h"
#include "file/schema_entry.h"

#define MMOE_VOCAB_PREFIX "vocab." /* of the tensors' names */

/* Tensors on their way to a file; begins as {.alloc = ...}. */
typedef struct mmoe_schema_tensors {
    const mmoe_allocator *alloc;
    mmoe_container_tensor *items; /* [count], room for `room` */
    size_t count;
    void **owned; /* their names and data */
    size_t n_owned;
} mmoe_schema_tensors;

/* Room for the tensors of a schema, and `more` of the caller's. MMOE_E_MEMORY, as the next. */
mmoe_status mmoe_schema_tensors_open(mmoe_schema_tensors *t, const struct mmoe_schema *schema,
                                     size_t more, mmoe_error *err);
/* Adds keys and offsets, and the bytes of texts: in a file 8-byte types stand before all others,
 * bytes behind. */
mmoe_status mmoe_schema_tensors_add_keys(mmoe_schema_tensors *t, const struct mmoe_schema *schema,
                                         mmoe_error *err);
mmoe_status mmoe_schema_tensors_add_bytes(mmoe_schema_tensors *t, const struct mmoe_schema *schema,
                                          mmoe_error *err);
/* Memory that is released with them, of the caller's one piece a table; gives it back. */
void *mmoe_schema_tensors_own(mmoe_schema_tensors *t, void *memory);
void mmoe_schema_tensors_finish(mmoe_schema_tensors *t);

/* Where they come back from. */
typedef struct mmoe_tensor_finder {
    const mmoe_container_tensor *(*find)(void *user, const char *name); /* NULL: there is none */
    void *user;
    const char *path; /* in errors */
    const mmoe_allocator *alloc;
} mmoe_tensor_finder;

/* The tables' vocabularies; the finder must outlive it. */
mmoe_vocab_source mmoe_vocabs_of_tensors(mmoe_tensor_finder *from);

#endif
