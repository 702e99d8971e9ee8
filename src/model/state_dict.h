/* What other programs make of a state_dict's names and types: wrappers around the model, and
 * numbers of another precision. */
#ifndef MMOE_MODEL_STATE_DICT_H
#define MMOE_MODEL_STATE_DICT_H

#include "file/container.h"

/* DataParallel, torch.compile and their like put a word of theirs before each name, or before those
 * of a part: "module.", "_orig_mod.", also both. */
typedef struct mmoe_state_names {
    char prefix[128];  /* of the first name that had one */
    int64_t wrapped;   /* names that were found behind one */
    const char *first; /* of these, as it stands in the file */
} mmoe_state_names;

/* The tensor of this name, else the one that has it but for such words; NULL: none. */
const mmoe_container_tensor *mmoe_state_find(const mmoe_container *file, mmoe_state_names *names,
                                             const char *name);

/* F64, F16 or BF16: numbers that a weight may be made of. */
bool mmoe_state_is_other_float(mmoe_dtype dtype);
/* A float's tensor to out [count], rounded to nearest. MMOE_E_FORMAT, with the index: a finite
 * value that is beyond single precision. */
mmoe_status mmoe_state_floats(const mmoe_container_tensor *from, int64_t count, const char *path,
                              float *out, mmoe_error *err);
/* Numbers of any type to counts [count]; false: one is no whole number that an int64_t holds. */
bool mmoe_state_counts(const mmoe_container_tensor *from, int64_t count, int64_t *out);

#endif
