/* What a packed folder has beside its rows: a safetensors file whose metadata have its format,
 * maybe a text, and a checksum of that and of the tensors. */
#ifndef MMOE_FILE_PACKED_TENSORS_H
#define MMOE_FILE_PACKED_TENSORS_H

#include "file/container.h"

typedef struct mmoe_packed_form {
    const char *format, *what; /* its name in the file, and in errors */
    const char *text;          /* what its text is called; NULL: it has none */
} mmoe_packed_form;

typedef struct mmoe_packed_tensors {
    const mmoe_container_tensor *items;
    size_t count;
    const char *text; /* where the form has one */
} mmoe_packed_tensors;

/* MMOE_E_IO, _MEMORY. */
mmoe_status mmoe_packed_write_tensors(const char *path, const mmoe_packed_form *form,
                                      const mmoe_packed_tensors *tensors,
                                      const mmoe_allocator *alloc, mmoe_error *err);
/* MMOE_E_FORMAT: the file is of another form, or not as it was written. */
mmoe_status mmoe_packed_check_tensors(const mmoe_container *file, const mmoe_packed_form *form,
                                      mmoe_error *err);

#endif
