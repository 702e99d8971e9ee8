/* Packed data: encoded rows as a folder of NumPy's files, a file a column.
 *
 *     FOLDER/manifest.json        written last: without it the folder is half written
 *     FOLDER/schema.safetensors   the schema that encoded the rows, with its vocabularies; where it
 *                                 has grown with part N, schema-N.safetensors
 *     FOLDER/part-0/000-NAME.npy  ids <i4 [rows]; of a list .offsets <i8 [rows + 1], .values <i4
 *                                 and .weights <f4 [elements]
 *     FOLDER/part-0/...           inputs of a dense feature <f4 [rows] or [rows, width], labels and
 *                                 weights <f4 [rows]
 *     FOLDER/part-0/...           columns that are kept beside them <i4 [rows], 0: missing, else a
 *                                 value of kept.safetensors (packed_kept.h), counted from 1
 *     FOLDER/part-0/checksums.npy <u8 [blocks, files]
 *     FOLDER/part-1/...           rows that were added later
 *
 * Rows stand in blocks of 16,384, dealt into lanes (data/stored.h). A part but the last has whole
 * blocks: what stands behind them has gone to the next part. */
#ifndef MMOE_FILE_PACKED_H
#define MMOE_FILE_PACKED_H

#include "base/pool.h"
#include "data/dataset.h"

#define MMOE_PACKED_MANIFEST "manifest.json"
#define MMOE_PACKED_SCHEMA "schema.safetensors"
#define MMOE_PACKED_CHECKSUMS "checksums.npy"
enum { MMOE_PACKED_VERSION = 1 };

/* The columns of rows that a schema encodes, and of what the set keeps beside them, with their
 * files' names. MMOE_E_MEMORY. */
mmoe_status mmoe_packed_columns(const struct mmoe_schema *schema, const struct mmoe_dataset *set,
                                mmoe_stored_column **out, int32_t *count, mmoe_error *err);
/* The header of a file of `rows` values, or rows of `width`. */
void mmoe_packed_header(const mmoe_stored_column *c, int64_t rows, char out[MMOE_STORED_HEADER]);
void mmoe_packed_checksums_header(int64_t blocks, int32_t files, char out[MMOE_STORED_HEADER]);
/* A path in a folder; NULL when memory is out. */
char *mmoe_packed_path(const mmoe_allocator *alloc, const char *folder, const char *name);

/* ---- Writing ---- */

typedef struct mmoe_packer mmoe_packer;

typedef struct mmoe_packing {
    const char *folder;
    const struct mmoe_schema *schema; /* of all rows; outlives the packer. NULL: that of the folder,
                                         behind whose rows the new ones go */
    mmoe_pool *pool;                  /* writes columns side by side; NULL: the caller alone */
    const char *const *keep;          /* columns that rows keep and the folder shall, NULL behind
                                         the last; NULL: none. Of a folder that is there it says
                                         itself */
    bool is_unnamed; /* rows go to files without names on the folder's file system, and are there as
                        long as the set that closing gives */
    bool waits;      /* the schema, or that of the folder, is yet to settle, or to grow: rows are as
                        mmoe_row_sink has them, and mmoe_packer_settle comes behind them */
} mmoe_packing;

/* MMOE_E_IO: there is something in the folder, and it is no new one. */
mmoe_status mmoe_packed_check_new(const char *folder, mmoe_error *err);
/* Makes the folder and its first part, or the next part of one that is there. MMOE_E_IO: it cannot,
 * or a new folder has packed rows already; _MEMORY; and as mmoe_packed_open. */
mmoe_status mmoe_packer_open(const mmoe_packing *what, const mmoe_allocator *alloc,
                             mmoe_packer **out, mmoe_error *err);
/* The schema that encodes the rows; belongs to the packer, or to whom gave it one. */
const struct mmoe_schema *mmoe_packer_schema(const mmoe_packer *p);
/* The schema of all rows, which outlives the packer: that which was to settle, or of a folder that
 * was there a copy which has grown. What waited is written. MMOE_E_IO, _MEMORY; and of how->place.
 */
struct mmoe_row_settling;
mmoe_status mmoe_packer_settle(mmoe_packer *p, const struct mmoe_row_settling *how,
                               mmoe_error *err);
/* Adds rows of the schema, which are in memory, behind those before. MMOE_E_ARGUMENT: they do not
 * keep a column that the folder does. */
mmoe_status mmoe_packer_add(mmoe_packer *p, const struct mmoe_dataset *rows, mmoe_error *err);
/* A file that rows were read from, which no set that was added names. MMOE_E_MEMORY. */
mmoe_status mmoe_packer_name(mmoe_packer *p, const mmoe_origin *origin, mmoe_error *err);
/* Ends the folder, and frees the packer: with `status` MMOE_OK the manifest is written, and *out,
 * the caller's, is all its rows, stored (NULL: nobody asks); else all that was written is removed.
 * Returns `status`, or what went wrong here. */
mmoe_status mmoe_packer_close(mmoe_packer *p, mmoe_status status, struct mmoe_dataset **out,
                              mmoe_error *err);

/* ---- Reading ---- */

/* The schema and the rows, of which nothing is read but what is needed to find them. The caller
 * frees both. MMOE_E_IO, _MEMORY; _FORMAT: the folder has no manifest, or what it has is not what
 * the manifest says; _VERSION. */
mmoe_status mmoe_packed_open(const char *folder, const mmoe_allocator *alloc,
                             struct mmoe_schema **schema, struct mmoe_dataset **out,
                             mmoe_error *err);

#endif
