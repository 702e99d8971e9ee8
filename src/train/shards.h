/* Shards of a checkpoint: of ranks that have rows of large tables alone each owner writes its own,
 * of all deferred tables, weights, best weights and records, to a file of its own, all at once. The
 * checkpoint has the rest and is written last, with the number of the save and each shard's size
 * and checksum; it names them by its own name: beside run.ckpt stand run.ckpt.rows-7-0 to
 * run.ckpt.rows-7-3, of its 7th save by 4 owners. The save before is whole until the checkpoint has
 * its name, and then its shards are removed. */
#ifndef MMOE_TRAIN_SHARDS_H
#define MMOE_TRAIN_SHARDS_H

#include <limits.h>

#include "file/container.h"
#include "train/checkpoint_parts.h"

#define MMOE_CHECKPOINT_SHARDS "shards" /* metadata: mmoe_shards_text */
#define MMOE_SHARD_FORMAT "mmoe-checkpoint-rows"

/* What a checkpoint says of them. */
typedef struct mmoe_shards {
    uint64_t save;
    int32_t count; /* a power of two; 0: there are none */
    struct {
        uint64_t bytes, sum; /* of the file; over its pieces, as a checkpoint's */
    } items[MMOE_TABLE_PARTS];
} mmoe_shards;

enum { MMOE_SHARD_PATH = PATH_MAX + 64, MMOE_SHARD_TEXT = 64, MMOE_SHARDS_TEXT = 1024 };
const char *mmoe_shards_text(const mmoe_shards *shards, char text[MMOE_SHARDS_TEXT]);
bool mmoe_shards_read_text(const char *text, mmoe_shards *out); /* false: it is none */
/* "1 of 4 of save 7", as a shard says of itself. */
const char *mmoe_shard_text(const mmoe_shards *shards, int32_t index, char text[MMOE_SHARD_TEXT]);
/* `target`: the checkpoint's (mmoe_atomic_file_target). */
const char *mmoe_shard_path(const char *target, uint64_t save, int32_t index,
                            char path[MMOE_SHARD_PATH]);

/* ---- Writing: all ranks call it ---- */

/* Writes a shard of the rows that this rank owns, and tells all of all. The first rank, whose `out`
 * is what the checkpoint is to say, has made sure then that it sees them. Where one fails all have
 * removed what they wrote. MMOE_E_IO, _MEMORY; as of mmoe_ranks_status. */
mmoe_status mmoe_shards_write(const mmoe_trainer *t, const char *path, mmoe_run_parts *rows,
                              mmoe_shards *out, mmoe_error *err);
/* Removes the shards beside a checkpoint, but for those of a save, 0: of none; or of the one that
 * it names. Files that are no shards, whatever their names, stay. */
void mmoe_shards_keep(const char *path, uint64_t save, const mmoe_allocator *alloc);
void mmoe_shards_tidy(const char *path, const mmoe_allocator *alloc);

/* ---- Reading ---- */

typedef struct mmoe_shard_files {
    const mmoe_allocator *alloc;
    const char *path; /* of the checkpoint */
    mmoe_shards shards;
    mmoe_container *files[MMOE_TABLE_PARTS]; /* [shards.count] */
    uint32_t needed;                         /* a bit for each that this rank reads of */
} mmoe_shard_files;

/* Those that a checkpoint names, if it names any. MMOE_E_IO, _FORMAT: one is missing, cut, or
 * another's; _MEMORY. To be closed on failure, too. */
mmoe_status mmoe_shard_files_open(mmoe_shard_files *f, const mmoe_container *checkpoint,
                                  const char *path, const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_shard_files_close(mmoe_shard_files *f);
/* Where they have a part's rows: stretches [1 << shift], and whose bytes this rank needs. False:
 * they do not have it. MMOE_E_FORMAT: not so many. */
bool mmoe_shard_files_have(const mmoe_shard_files *f, const mmoe_run_part *part);
mmoe_status mmoe_shard_files_find(mmoe_shard_files *f, const mmoe_run_part *part,
                                  mmoe_stretch out[MMOE_TABLE_PARTS], mmoe_error *err);
/* Of those that are needed. MMOE_E_FORMAT: bytes are not those that were written; _IO, _MEMORY. */
mmoe_status mmoe_shard_files_check(const mmoe_shard_files *f, mmoe_pool *pool, mmoe_error *err);
static inline mmoe_dealt_parts mmoe_shard_files_rows(const mmoe_shard_files *f,
                                                     const mmoe_stretch *parts) {
    int32_t shift = 0;
    while (1 << shift < f->shards.count) shift++;
    return (mmoe_dealt_parts){parts, shift};
}
mmoe_status mmoe_shard_files_unchanged(const mmoe_shard_files *f, mmoe_error *err);

#endif
