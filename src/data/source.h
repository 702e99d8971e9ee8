/* Where batches come from: an epoch of rows, handed out a batch at a time. Who trains or evaluates
 * knows no more of its rows than this. */
#ifndef MMOE_DATA_SOURCE_H
#define MMOE_DATA_SOURCE_H

#include "base/alloc.h"
#include "data/batch.h"
#include "data/order.h"

struct mmoe_dataset;

/* What tells one source's rows from another's: the schema that encoded them (its fingerprint), and
 * the rows themselves, in the order of their file. `rows` is never 0. */
typedef struct mmoe_identity {
    uint64_t schema, rows;
} mmoe_identity;

typedef struct mmoe_source mmoe_source;

/* Rows that are looked at without training are taken so many at a time: a source that does not
 * shuffle hands them out without an index. */
enum { MMOE_SLICE_ROWS = 1 << 16 };

/* What is asked of a source: the rows of a data set, which must outlive it, in their own order or
 * shuffled anew for each epoch, by `seed`. */
typedef struct mmoe_source_order {
    const struct mmoe_dataset *set;
    bool shuffles;
    uint64_t seed;
    int32_t most; /* rows that are asked for at a time */
    bool keeps;   /* hands out what the set keeps beside its rows, which are not shuffled then, and
                     of which a window has a multiple of `most` */
    mmoe_lanes lanes; /* with them `most` is lanes.batch. Where some segments' rows alone are asked
                         for, a source that reads them from files may have no others */
} mmoe_source_order;

typedef struct mmoe_source_kind {
    bool (*suits)(const struct mmoe_dataset *set);
    /* MMOE_E_MEMORY; MMOE_E_ARGUMENT: too many rows to shuffle. */
    mmoe_status (*open)(const mmoe_source_order *order, const mmoe_allocator *alloc,
                        mmoe_source **out, mmoe_error *err);
    /* Begins an epoch at its first row. The order of the rows depends on the epoch's number alone:
     * a run that is resumed meets the same. */
    mmoe_status (*begin)(mmoe_source *s, int32_t epoch, mmoe_error *err);
    /* Hands out the next `most` rows, fewer at the end of the epoch alone, and none behind it. They
     * stay until the next call. Allocates nothing. */
    mmoe_status (*next)(mmoe_source *s, int32_t most, mmoe_rows *out, mmoe_error *err);
    int64_t (*count)(const mmoe_source *s); /* rows of an epoch */
    int64_t (*place)(const mmoe_source *s); /* rows of this epoch that were handed out */
    /* To a place of this epoch, from 0 to the number of its rows. */
    mmoe_status (*seek)(mmoe_source *s, int64_t place, mmoe_error *err);
    mmoe_identity (*identity)(const mmoe_source *s); /* reads all rows */
    size_t (*bytes)(const mmoe_source *s);           /* bytes that it and the data set hold */
    void (*free)(mmoe_source *s);
} mmoe_source_kind;

/* The first member of every kind's own structure. */
struct mmoe_source {
    const mmoe_source_kind *kind;
};

/* A kind is a file, source_NAME.c, and a row here, which source.c and the build follow. The first
 * that suits a data set reads it; the last, rows in memory, suits all. */
#define MMOE_SOURCE_KINDS(ROW)                                                                     \
    ROW(stored)                                                                                    \
    ROW(memory)

#define MMOE_SOURCE_RECORD(name) extern const mmoe_source_kind mmoe_source_##name;
MMOE_SOURCE_KINDS(MMOE_SOURCE_RECORD)
#undef MMOE_SOURCE_RECORD

/* A new source of the data set's kind, with its errors. */
mmoe_status mmoe_source_open(const mmoe_source_order *order, const mmoe_allocator *alloc,
                             mmoe_source **out, mmoe_error *err);

static inline mmoe_status mmoe_source_begin(mmoe_source *s, int32_t epoch, mmoe_error *err) {
    return s->kind->begin(s, epoch, err);
}
static inline mmoe_status mmoe_source_next(mmoe_source *s, int32_t most, mmoe_rows *out,
                                           mmoe_error *err) {
    return s->kind->next(s, most, out, err);
}
static inline int64_t mmoe_source_count(const mmoe_source *s) { return s->kind->count(s); }
static inline int64_t mmoe_source_place(const mmoe_source *s) { return s->kind->place(s); }
static inline mmoe_status mmoe_source_seek(mmoe_source *s, int64_t place, mmoe_error *err) {
    return s->kind->seek(s, place, err);
}
static inline mmoe_identity mmoe_source_identity(const mmoe_source *s) {
    return s->kind->identity(s);
}
static inline size_t mmoe_source_bytes(const mmoe_source *s) { return s->kind->bytes(s); }
static inline void mmoe_source_free(mmoe_source *s) {
    if (s) s->kind->free(s);
}

#endif
