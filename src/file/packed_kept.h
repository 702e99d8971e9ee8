/* Columns that are kept beside packed rows. What their cells say is a vocabulary of each column's
 * own, of which a part of the folder has what its rows brought: kept.safetensors, with N.offsets
 * I64 [values + 1] and N.bytes U8 of column N. Value i is bytes[offsets[i] .. offsets[i + 1]). */
#ifndef MMOE_FILE_PACKED_KEPT_H
#define MMOE_FILE_PACKED_KEPT_H

#include "data/dataset.h"

#define MMOE_PACKED_KEPT "kept.safetensors"

/* Gives a set that keeps nothing columns of these names (NULL behind the last; NULL: none), whose
 * vocabularies learn. MMOE_E_MEMORY. */
mmoe_status mmoe_packed_begin_kept(struct mmoe_dataset *set, const char *const *names,
                                   mmoe_error *err);

/* Writes the rows of each column's vocabulary from first[column] on. MMOE_E_IO, _MEMORY. */
mmoe_status mmoe_packed_write_kept(const struct mmoe_dataset *set, const char *folder,
                                   const int64_t *first, mmoe_error *err);
/* A checksum of those, in their order; not 0. */
uint64_t mmoe_packed_kept_sum(const struct mmoe_dataset *set, const int64_t *first);
/* Enters those of a part in the vocabularies. MMOE_E_IO, _MEMORY; _FORMAT: the file is damaged, has
 * a value that stands there already, or is not that of the part's checksum. */
mmoe_status mmoe_packed_read_kept(struct mmoe_dataset *set, const mmoe_stored_part *part,
                                  mmoe_error *err);

/* Nothing more is entered, and the set's rows can be read. MMOE_E_MEMORY. */
mmoe_status mmoe_packed_finish_kept(const struct mmoe_dataset *set, mmoe_error *err);

#endif
