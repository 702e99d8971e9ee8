/* The weights that a run found best: blocks of 16 MB and more in a file without a name, where the
 * trainer has a folder for it, all others in memory. What does not learn is the model's own, and
 * copied nowhere. */
#ifndef MMOE_TRAIN_BEST_H
#define MMOE_TRAIN_BEST_H

#include "base/stretch.h"
#include "graph/params.h"

enum { MMOE_BEST_LEAST = 1 << 24 }; /* bytes of a block that goes to the file */

typedef struct mmoe_best {
    mmoe_allocator alloc;
    const mmoe_params *model;
    char *folder;              /* of the file; NULL: there is none */
    int file;                  /* -1: not made yet */
    size_t in_file, in_memory; /* bytes */
    mmoe_stretch *blocks;      /* of the model's, in their order; zero at first */
    size_t *room;              /* [blocks] bytes that those in memory have */
    bool is_used;              /* something else than zero may stand there */
    mmoe_stretch *others;      /* as many: what is copied to them, or from them */
} mmoe_best;

/* `folder`: NULL, or where large blocks go. The model's parameters must outlive it. MMOE_E_MEMORY.
 */
mmoe_status mmoe_best_init(mmoe_best *b, const mmoe_params *model, const char *folder,
                           const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_best_finish(mmoe_best *b);
/* Bytes of memory of block i. */
size_t mmoe_best_memory(const mmoe_best *b, int32_t block);
/* Makes the file, if there is to be one and is none yet, and takes all of its room: a disk that is
 * too full is known before the first step. MMOE_E_IO. */
mmoe_status mmoe_best_open(mmoe_best *b, mmoe_error *err);
/* Room for what the model's tables will have: block i of so many bytes. MMOE_E_MEMORY. */
mmoe_status mmoe_best_reserve(mmoe_best *b, int32_t block, size_t bytes, mmoe_error *err);
/* The model's blocks have other sizes, for which there is room: none are kept, and what stands
 * there is zero again. */
void mmoe_best_restart(mmoe_best *b);
/* Takes the values of `from`, the model's or an average of them. On MMOE_E_IO there are none. */
mmoe_status mmoe_best_keep(mmoe_best *b, const mmoe_params *from, mmoe_pool *pool, mmoe_error *err);
/* Writes what was kept last to `model`; on MMOE_E_IO some of it. */
mmoe_status mmoe_best_restore(mmoe_best *b, mmoe_params *model, mmoe_pool *pool, mmoe_error *err);
/* MMOE_E_IO, by errno: its file cannot be written, or read from. */
mmoe_status mmoe_best_failed(const mmoe_best *b, bool to_keep, mmoe_error *err);

#endif
