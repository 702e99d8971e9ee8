/* safetensors: an 8-byte little-endian length, a JSON header, raw tensors. Nothing here knows a
 * model. */
#ifndef MMOE_FILE_CONTAINER_H
#define MMOE_FILE_CONTAINER_H

#include "base/alloc.h"
#include "base/dtype.h"
#include "base/mapping.h"
#include "base/stretch.h"
#include "mmoe/data.h"

typedef struct mmoe_container_tensor {
    const char *name;
    mmoe_dtype dtype;
    int32_t rank; /* 0 to 4 */
    int64_t shape[4];
    const void *data; /* aligned for its type; NULL: they were left in the file */
    size_t bytes;
    size_t place; /* of its data among the file's */
    void *own; /* the data, where they have memory of their own (mmoe_alloc_aligned), else NULL */
} mmoe_container_tensor;

typedef struct mmoe_container mmoe_container;

/* Reads the file and checks all of its header: sizes, types, shapes against byte counts, offsets in
 * bounds, without holes and without overlap, names unique, depth and size of the JSON limited. A
 * tensor of a type that dtype.h has not (I16, BOOL ...) is MMOE_E_FORMAT. MMOE_E_IO, too where the
 * file is cut off or written to meanwhile; _MEMORY. `mapped`: a file of 8 MB and more is mapped
 * instead, which must not be written to then; data that it does not align are copied. */
mmoe_status mmoe_container_open(const char *path, bool mapped, const mmoe_allocator *alloc,
                                mmoe_container **out, mmoe_error *err);
/* The same, but of a file of 8 MB and more the large matrices are left where they are, to be mapped
 * or fetched. Each is read from the file, never from a mapping: a file that is cut off is an error
 * then, and not the end of the process. */
mmoe_status mmoe_container_open_partly(const char *path, const mmoe_allocator *alloc,
                                       mmoe_container **out, mmoe_error *err);
/* The same of the header alone: tensors have no data, and are read from where they stand. */
mmoe_status mmoe_container_open_header(const char *path, const mmoe_allocator *alloc,
                                       mmoe_container **out, mmoe_error *err);
/* The same over bytes in memory, which must outlive the container; `name` stands in errors. */
mmoe_status mmoe_container_parse(const void *bytes, size_t size, const char *name,
                                 const mmoe_allocator *alloc, mmoe_container **out,
                                 mmoe_error *err);
void mmoe_container_close(mmoe_container *container);

size_t mmoe_container_count(const mmoe_container *container);
const mmoe_container_tensor *mmoe_container_at(const mmoe_container *container,
                                               size_t index); /* in the file's order */
const mmoe_container_tensor *mmoe_container_find(const mmoe_container *container,
                                                 const char *name); /* NULL: none */
/* The tensor whose name is `name` followed by `suffix`; NULL: none. */
const mmoe_container_tensor *mmoe_container_find_joined(const mmoe_container *container,
                                                        const char *name, const char *suffix);
const char *mmoe_container_metadata(const mmoe_container *container,
                                    const char *key); /* NULL: none */
/* A tensor's data, wherever they are; the stretch is the container's. */
mmoe_stretch mmoe_container_stretch(const mmoe_container *container,
                                    const mmoe_container_tensor *tensor);
/* Reads `size` bytes of a tensor's data from `offset` on, wherever they are. MMOE_E_IO. */
mmoe_status mmoe_container_read(const mmoe_container *container,
                                const mmoe_container_tensor *tensor, size_t offset, size_t size,
                                void *to, mmoe_error *err);
/* What was left of a tensor of the container, which then has its data in memory of its own.
 * MMOE_E_IO, _MEMORY. */
mmoe_status mmoe_container_fetch(mmoe_container *container, size_t index, mmoe_error *err);
/* MMOE_E_IO: the file was written to since it was opened. */
mmoe_status mmoe_container_check_unchanged(const mmoe_container *container, mmoe_error *err);
/* Memory of wanted.size bytes, the file's from `first`'s data on (mapping.h; `offset` is not read);
 * false when the system gives none, or the file was not opened partly. */
bool mmoe_container_map(const mmoe_container *container, const mmoe_container_tensor *first,
                        mmoe_mapping_wanted wanted, mmoe_mapping *out);
/* A tensor's own memory becomes the caller's, to release with mmoe_release_aligned and the
 * container's allocator; NULL: it has none. Its data stay where they are. `tensor` may be a copy of
 * the container's. */
void *mmoe_container_take(mmoe_container *container, const mmoe_container_tensor *tensor);
const char *mmoe_container_name(const mmoe_container *container); /* the path, for errors */

/* Writes tensors (in this order) and metadata (pairs key, value, ended by NULL) whole or not at
 * all: a temporary file in the same folder, fsync, rename, fsync of the folder; removed on failure.
 * The first BF16 or I8 tensor, or else the first F32 one, begins at a multiple of 64 bytes (the
 * header is padded with blanks), and each tensor at a multiple of 8, both where its predecessors'
 * sizes allow it: put 8-byte types first.
 * The same input gives the same bytes. MMOE_E_IO (with the system's reason), _MEMORY. */
mmoe_status mmoe_container_write(const char *path, const mmoe_container_tensor *tensors,
                                 size_t count, const char *const *metadata,
                                 const mmoe_allocator *alloc, mmoe_error *err);

typedef struct mmoe_container_contents {
    const mmoe_container_tensor *tensors; /* [count] */
    size_t count;
    const char *const *metadata;
} mmoe_container_contents;

/* The same, and `watcher`, unless it is NULL, is told of each piece. */
mmoe_status mmoe_container_write_watched(const char *path, const mmoe_container_contents *what,
                                         const mmoe_watcher *watcher, const mmoe_allocator *alloc,
                                         mmoe_error *err);

/* The same, of data that somebody else writes: to where each tensor, without data, stands in the
 * file, in any order and from any thread. What is handed to `begin` must last until `end`; metadata
 * may change meanwhile, but not their lengths. */
typedef struct mmoe_container_writer mmoe_container_writer;
mmoe_status mmoe_container_begin(const char *path, const mmoe_container_contents *what,
                                 const mmoe_allocator *alloc, mmoe_container_writer **out,
                                 mmoe_error *err);
void mmoe_container_places(const mmoe_container_writer *writer, mmoe_stretch *out); /* [count] */
/* Ends the file, as mmoe_atomic_file_close. */
mmoe_status mmoe_container_end(mmoe_container_writer *writer, mmoe_status status, mmoe_error *err);

#endif
