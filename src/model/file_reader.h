/* A model's file, or one of weights alone, while it is read. */
#ifndef MMOE_MODEL_FILE_READER_H
#define MMOE_MODEL_FILE_READER_H

#include "model/model_file.h"
#include "model/state_dict.h"

/* What a tensor of the file is to the model. */
typedef enum mmoe_file_use {
    MMOE_FILE_UNUSED,
    MMOE_FILE_USED,
    MMOE_FILE_ROWS,        /* the rows of a table */
    MMOE_FILE_TABLE_SCALES /* the scales of a table's rows */
} mmoe_file_use;

typedef struct mmoe_file_reader {
    const mmoe_allocator *alloc;
    mmoe_container *file;
    const char *path;
    unsigned char *used;            /* [tensors of the file] an mmoe_file_use */
    mmoe_container_tensor *tensors; /* [of the file] as it has them, or converted to memory of the
                                       reader's own */
    int64_t *bad; /* [of the file] the first value that is not finite of those that were left in the
                     file, since it was found intact; -1: none */
    bool foreign; /* its names and types may be other programs' */
    bool takes_narrow; /* tables may be narrow */
    mmoe_state_names names;
    int64_t converted[MMOE_DTYPES]; /* tensors, by the type that they had */
} mmoe_file_reader;

/* `partly`: what may be mapped is left in the file (mmoe_container_open_partly). */
mmoe_status mmoe_file_reader_open(mmoe_file_reader *r, const char *path, bool partly,
                                  const mmoe_allocator *alloc, mmoe_error *err);
/* Of a file in memory, which outlives the reader. */
mmoe_status mmoe_file_reader_open_bytes(mmoe_file_reader *r, const void *bytes, size_t size,
                                        const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_file_reader_close(mmoe_file_reader *r);

/* What its metadata say: whether it is a model's file of ours. MMOE_E_FORMAT: a checkpoint, a
 * checksum that does not agree; _VERSION: of a later version. */
bool mmoe_file_is_model(const mmoe_file_reader *r);
mmoe_status mmoe_file_refuse_checkpoint(const mmoe_file_reader *r, mmoe_error *err);
mmoe_status mmoe_file_check_version(const mmoe_file_reader *r, mmoe_error *err);
mmoe_status mmoe_file_check_intact(const mmoe_file_reader *r, mmoe_error *err);

/* The tensor of a name of ours, which is used then; NULL: there is none. */
mmoe_container_tensor *mmoe_file_take_tensor(mmoe_file_reader *r, const char *name);
/* The scales of a table of integers, likewise. */
mmoe_container_tensor *mmoe_file_take_scales(mmoe_file_reader *r, const char *table);
/* Every tensor of a member is there and good; and no other is in the file than those that were
 * used. */
mmoe_status mmoe_file_check_tensors(mmoe_file_reader *r, const mmoe_tensors *tensors,
                                    mmoe_error *err);
mmoe_status mmoe_file_check_used(const mmoe_file_reader *r, mmoe_error *err);
/* Data of tensor `index` of the file that were left. MMOE_E_IO, _MEMORY. */
mmoe_status mmoe_file_fetch(mmoe_file_reader *r, size_t index, mmoe_error *err);
/* All tensors but those that are there already: what was taken from the container, and, if they
 * are `lent`, tables that stand in its mapping. */
void mmoe_file_copy_tensors(mmoe_file_reader *r, bool lent, mmoe_model *model);

#endif
