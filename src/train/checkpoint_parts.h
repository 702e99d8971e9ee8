/* A checkpoint is a safetensors file of a run's memory, block by block: parameters, moments,
 * average, best parameters; and where the run stands, a number a tensor ("progress.epoch"). Rows of
 * deferred tables stand in it as they are, behind or not, with the step at which all were up to
 * date: what a resumed run makes of them is then what the run itself would have made, to the bit.
 * Blocks are written from where they lie and read to there, MMOE_PIECE bytes at a time and by all
 * workers; so the checksum is the sum over the tensors' pieces of hash(hash(number of the piece,
 * name), piece).
 *
 * In version 3 it was that of whole tensors (checksum.h). Version 2 had the tables and the layers'
 * values in one tensor ("now.values"), in the order of the whole (graph/params.h), and the numbers
 * in two. The list of parts says where each stood; so the reader reads both. */
#ifndef MMOE_TRAIN_CHECKPOINT_PARTS_H
#define MMOE_TRAIN_CHECKPOINT_PARTS_H

#include <stdatomic.h>

#include "base/checksum.h"
#include "base/stretch.h"
#include "file/schema_tensors.h"
#include "train/checkpoint_place.h"
#include "train/dealt_rows.h"

#define MMOE_CHECKPOINT_VERSION "4"
#define MMOE_CHECKPOINT_SHARDED "5" /* the same, of which ranks have written rows (shards.h) */
/* Metadata: what is known of the best weights (model/meta.h). */
#define MMOE_CHECKPOINT_META "meta"
/* Metadata: the checksum of the texts "config" and "meta"; older files have none. */
#define MMOE_CHECKPOINT_TEXTS "texts_checksum"
#define MMOE_CHECKPOINT_SETTLED "optimizer.settled"
#define MMOE_CHECKPOINT_LISTS "lists.elements"

/* Elements [first, first + count of the part) of a tensor of `count` elements. */
typedef struct mmoe_part_source {
    const char *tensor; /* NULL: there is none */
    int64_t first, count;
} mmoe_part_source;

/* One tensor of the file: the same list writes and reads. */
typedef struct mmoe_run_part {
    char *name;
    mmoe_dtype dtype;
    int64_t count;
    int32_t frozen; /* the table that does not learn, whose rows in the model it is; -1: none */
    mmoe_part_source of_2;
    bool not_of_3;         /* versions 2 and 3 had it not */
    mmoe_dealt_rows dealt; /* of a deferred table's rows: those that are here */
    bool is_in_shards;     /* of a checkpoint that is read: its owners' files have it (shards.h) */
    int64_t first;         /* of moments, which ranks have parts of: this one's first element */
    int32_t stepless; /* of records that have no step: their width; version 3 had them with one */
} mmoe_run_part;

/* The first parts are the run's place, field by field. */
typedef struct mmoe_run_parts {
    const mmoe_allocator *alloc;
    mmoe_run_part *items;
    mmoe_stretch *stretches; /* [count] the parts' memory, or where they are kept */
    mmoe_stretch *in_file;   /* [count] room for where they stand in the checkpoint */
    size_t count;
    size_t moments, n_moment; /* the first of the parts that are moments or records, and their
                                 number */
    mmoe_place_cell cells[MMOE_PLACE_FIELDS]; /* what the first parts are */
    bool failed;                              /* memory is out */
} mmoe_run_parts;

/* Are it rows of which each of several ranks has its own? */
static inline bool mmoe_run_part_is_dealt(const mmoe_run_part *p) {
    return p->dealt.deal.shift > 0;
}
/* Has each of several ranks some of it alone? */
static inline bool mmoe_run_part_is_of_ranks(const mmoe_run_parts *l, size_t i) {
    return mmoe_run_part_is_dealt(&l->items[i]) ||
           (i >= l->moments && i < l->moments + l->n_moment);
}

/* `keys`: the vocabularies of a trainer that has grown, to be written (checkpoint_vocabs.h reads
 * them); NULL: none. To be finished on failure, too. Before they are written or read, the best
 * weights' file is to be there (mmoe_best_open). MMOE_E_MEMORY. */
mmoe_status mmoe_run_parts_list(mmoe_trainer *t, const mmoe_place_field *fields,
                                const mmoe_schema_tensors *keys, mmoe_run_parts *out,
                                mmoe_error *err);
void mmoe_run_parts_finish(mmoe_run_parts *parts);
/* Takes rows that are dealt out of the list, to one of their own, whose stretches are what this
 * rank has of them; to be finished on failure, too. MMOE_E_MEMORY. */
mmoe_status mmoe_run_parts_part(mmoe_run_parts *l, mmoe_run_parts *dealt, mmoe_error *err);

/* The checksum of pieces, which workers add to. */
typedef struct mmoe_piece_sums {
    const mmoe_container_tensor *tensors; /* whose pieces are seen, for their names */
    size_t before; /* bytes of the tensor before what is seen of it, whole pieces */
    _Atomic uint64_t sum;
} mmoe_piece_sums;
void mmoe_piece_sums_add(void *sums, const mmoe_piece *piece);
/* The checksum of the texts "config" and "meta", each of which may be NULL. */
void mmoe_checkpoint_sum_texts(const char *config, const char *meta, char out[MMOE_CHECKSUM_SIZE]);
/* That of a file. MMOE_E_IO, _MEMORY. */
mmoe_status mmoe_pieces_sum(const mmoe_container *file, mmoe_pool *pool,
                            const mmoe_allocator *alloc, uint64_t *sum, mmoe_error *err);
/* What reading of a file came to (mmoe_stretches_run), by errno. */
mmoe_status mmoe_pieces_failed(const char *path, mmoe_status why, mmoe_error *err);

/* ---- checkpoint_ranks.c: of several ranks, each of which has moments of its portion ---- */

/* As many bytes of what ranks have parts of, of the part at `index` from byte `at` on, as make a
 * window come to `window` [MMOE_DEALT_WINDOW] of the first rank. All ranks call it alike. Errors as
 * of mmoe_dealt_rows_gather. */
mmoe_status mmoe_moments_gather(const mmoe_trainer *t, const mmoe_run_parts *parts, size_t index,
                                size_t at, char *window, mmoe_error *err);
/* What the others do while the first rank writes. */
mmoe_status mmoe_moments_send(mmoe_trainer *t, const mmoe_run_parts *parts, mmoe_error *err);

#endif
