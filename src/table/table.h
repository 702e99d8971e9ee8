/* An embedding table while a model runs: rows of numbers behind a record of functions, one a kind.
 * Its definition in a schema is mmoe_table (data/schema.h). Whoever holds tables knows no kind, and
 * of their memory no more than its blocks. */
#ifndef MMOE_TABLE_TABLE_H
#define MMOE_TABLE_TABLE_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/dtype.h"
#include "table/bag_order.h"

/* A piece of memory that is copied, averaged, kept and written as a whole. */
typedef struct mmoe_block {
    const char *name; /* among its owner's */
    mmoe_dtype dtype;
    int64_t count; /* elements */
    void *data;
} mmoe_block;

static inline size_t mmoe_block_bytes(const mmoe_block *b) {
    return (size_t)b->count * mmoe_dtype_size(b->dtype);
}

enum { MMOE_MOST_BLOCKS = 4, MMOE_TABLE_PARTS = 16 }; /* of a table */

/* Rows that one of several processes has of a table: those whose numbers' last `shift` bits are
 * `owner`, -1: none; row r is then the r >> shift -th. Shift 0: all. */
typedef struct mmoe_deal {
    int32_t shift, owner;
} mmoe_deal;

static inline int64_t mmoe_deal_count(mmoe_deal d, int64_t rows) {
    return d.owner < 0 || d.owner >= rows ? 0 : ((rows - 1 - d.owner) >> d.shift) + 1;
}
/* Of the i-th, its number. */
static inline int64_t mmoe_deal_number(mmoe_deal d, int64_t i) { return (i << d.shift) + d.owner; }

typedef struct mmoe_table_kind mmoe_table_kind;

typedef struct mmoe_embedding {
    const mmoe_table_kind *kind;
    mmoe_allocator alloc;
    int64_t rows;
    int64_t room; /* rows that its memory has; less than `rows`: no more than these */
    int32_t dim;
    int64_t padding; /* a row that no gradient reaches, if it has one */
    bool has_padding;
    bool is_frozen;   /* no gradient is wanted of any row */
    bool is_deferred; /* a step updates the rows that its batch reads, and no others */
    mmoe_dtype dtype; /* of its rows */
    void *data;       /* the kind's; NULL: not open */
    bool is_lent;
    mmoe_deal deal;
    float *fetched; /* of one that is dealt: rows that readers find by their places here, [room] */
    int64_t fetched_room;
} mmoe_embedding;

/* Are there rows that others have? */
static inline bool mmoe_table_is_dealt(const mmoe_embedding *t) { return t->deal.shift > 0; }
/* Rows in memory. */
static inline int64_t mmoe_table_own_rows(const mmoe_embedding *t) {
    return mmoe_deal_count(t->deal, t->rows);
}

/* Column `column` of the ids, or of the lists, looks rows of a table up, which stand in x from
 * column `col` on. */
typedef struct mmoe_table_read {
    mmoe_embedding *table;
    int32_t column, col;
    const mmoe_bag *bag; /* of a list; NULL: of an id */
} mmoe_table_read;

enum { MMOE_NOT_ONE = -1 };

/* Row b: ids[b * n_id], the lists of row first + b of the batch, and x (or its gradient) at
 * x[b * ld]. Ids are rows of their tables; from column first_list on, of each list, the id that is
 * its only element and has no weight, or MMOE_NOT_ONE. Rows are gathered in chunks of `chunk`. */
typedef struct mmoe_looked_up {
    int32_t rows, n_id, first_list, ld, first, chunk;
    const int32_t *ids;
    const mmoe_rows *batch;
    float *x;
} mmoe_looked_up;

/* A table that learns and all reads of it. */
typedef struct mmoe_table_use {
    mmoe_embedding *table;
    int32_t index;        /* that its owner knows it by */
    int32_t first, count; /* of the reads, in the order of uses */
    void *own;            /* the kind's working memory, of one plan; NULL: none */
} mmoe_table_use;

/* Gradients that one worker adds up: of all rows of `count` tables, or of rows [row, row + rows) of
 * one, or of its part `row`. */
typedef struct mmoe_table_task {
    int32_t first, count; /* of the uses */
    int64_t row, rows;    /* of the first table */
} mmoe_table_task;
/* Told of a task, and of the floats of scratch memory that it needs. */
typedef void (*mmoe_table_task_visit)(void *context, const mmoe_table_task *task, size_t scratch);

/* Gradients of a table's rows [first, first + rows), or, where `at` is given, of the rows at[0] to
 * at[rows - 1], `first` then being a place behind those of all rows that came from the task before:
 * values [rows, dim]. */
typedef struct mmoe_row_gradient {
    int32_t table, dim; /* its index */
    int64_t first, rows;
    const float *values;
    const int32_t *at;
} mmoe_row_gradient;
typedef void (*mmoe_row_sink)(void *context, const mmoe_row_gradient *gradient);

typedef struct mmoe_scattering {
    const mmoe_table_use *uses;
    const mmoe_table_read *reads;
    mmoe_looked_up dx;
    int32_t segment;  /* rows of the batch that are added up, before the sums are, in a tree; whole
                         chunks */
    int32_t segments; /* of a batch, at most */
    float *scratch;
    mmoe_row_sink sink;
    void *context;
    /* Where others have the rest of the batch: `before` rows of it stand in front of dx's, and what
     * a task of a part that was prepared adds up goes to `kept` [rows of the part, dim], to be
     * added to theirs; anything, where dx's rows do not read a row. Else NULL. */
    int32_t before;
    float *kept;
    int32_t rank;
    const float *const *others; /* when these have come: theirs, of the rows that each reads */
} mmoe_scattering;

/* Rows of a table that a batch is about to read, each once, and those that the same worker will
 * most likely be told of next. */
typedef struct mmoe_rows_read {
    int32_t table; /* its index */
    int32_t count, later;
    const int32_t *rows, *later_rows; /* [count], [later] */
} mmoe_rows_read;
typedef void (*mmoe_rows_visit)(void *context, const mmoe_rows_read *read);

/* A use and the reads of all uses. */
typedef struct mmoe_table_reading {
    const mmoe_table_use *use;
    const mmoe_table_read *reads;
    const mmoe_rows *batch;
    int32_t chunk;   /* rows that are dealt together, but for the last */
    int32_t segment; /* as of mmoe_scattering */
    /* Of several ranks: rank q has the batch's rows from q * share on, so many, whole segments; 0:
     * each asks for what all rows read. Of the parts that are a rank's own (their number modulo
     * ranks) all reads are known, of others those of its own rows. */
    int32_t ranks, rank, share;
} mmoe_table_reading;

static inline bool mmoe_part_is_of(int64_t part, int32_t rank, int32_t ranks) {
    return part % ranks == rank;
}

/* Where the rows of a part stand: one behind the other from `first` on, but for a hole that is left
 * out; -1: there is none. */
typedef struct mmoe_row_places {
    int64_t first, hole;
} mmoe_row_places;
static inline int32_t mmoe_row_place(mmoe_row_places p, int64_t index) {
    const int64_t at = p.first + index;
    return (int32_t)(at + (p.hole >= 0 && at >= p.hole));
}

typedef struct mmoe_id_numbers {
    const mmoe_table_read *reads;
    int32_t first, end;
    int32_t *ids;
    size_t stride;
} mmoe_id_numbers;

/* Reads, uses and tasks of one call are of tables of one kind. */
struct mmoe_table_kind {
    bool (*suits)(const mmoe_embedding *t);
    /* Takes memory for each of the table's blocks, zeroed, or the one that is lent to it: `lent`
     * [MMOE_MOST_BLOCKS] has NULL where none is; NULL: none is. What is lent is the lender's until
     * this succeeds. `t` has kind, alloc, rows, dim and dtype. MMOE_E_MEMORY. */
    mmoe_status (*open)(mmoe_embedding *t, void *const *lent, mmoe_error *err);
    /* Its memory, to out [MMOE_MOST_BLOCKS]; the first block is the rows that a model file has,
     * [rows, dim], and of integers the second their scales. Returns how many. */
    int32_t (*blocks)(const mmoe_embedding *t, mmoe_block *out);
    /* Into how many ranges of rows, the last with fewer, a table's gradient is cut; *shift: the
     * range of row r is r >> *shift. */
    int32_t (*ranges)(const mmoe_embedding *t, int32_t *shift);
    void (*gather)(const mmoe_table_read *reads, int32_t count, const mmoe_looked_up *m);
    /* Cuts the gradients of all uses, of batches in `segments` segments, into tasks. */
    void (*list)(const mmoe_table_use *uses, int32_t count, int32_t segments,
                 mmoe_table_task_visit visit, void *context);
    /* Adds a task's gradients up, in each segment of ids first and then of lists, each in the order
     * of the batch's rows, and hands them to the sink. */
    void (*scatter)(const mmoe_scattering *s, const mmoe_table_task *task);
    /* Makes room for `rows` rows in memory of its own, of which those that it has keep their
     * values; so much more than it has had that one row after another takes little time a row.
     * MMOE_E_MEMORY: it is as it was. NULL where the rows are no floats. */
    mmoe_status (*reserve)(mmoe_embedding *t, int64_t rows, mmoe_error *err);
    void (*close)(mmoe_embedding *t); /* one that is not open, too */

    /* What a kind does that must know a batch's rows before they are gathered, in this order; 0 and
     * NULL: it need not. */
    int32_t parts; /* of a table, MMOE_TABLE_PARTS at most, that are prepared each on its own */
    /* Makes room, in use->own, for the reads of a batch; what there was for earlier ones stays, so
     * it takes memory only for a batch of more of them. MMOE_E_MEMORY. */
    mmoe_status (*admit)(mmoe_table_use *use, const mmoe_table_reading *reading, mmoe_error *err);
    size_t (*memory)(const mmoe_table_use *use); /* bytes of that room */
    void (*deal)(const mmoe_table_reading *reading,
                 int32_t chunk); /* each chunk's reads to parts */
    void (*prepare)(const mmoe_table_reading *reading, int32_t part); /* when all is dealt */
    /* Of each part, when all are prepared: its rows, whose values are read afterwards. */
    void (*tell)(const mmoe_table_use *use, int32_t part, mmoe_rows_visit visit, void *context);
    /* Of a part of this rank's own, of several, when it is prepared: of each of its *rows a bit for
     * each rank whose rows of the batch read it; all, where each asks for all. */
    const uint64_t *(*readers)(const mmoe_table_use *use, int32_t part, int32_t *rows);
    /* Adds to what s->kept has what s->others have, in a tree over ranks, and hands it to the sink,
     * as scatter would have of the whole batch. */
    void (*conclude)(const mmoe_scattering *s, const mmoe_table_task *task);
    int64_t (*most)(const mmoe_table_use *use);  /* rows of all parts that there is room for */
    int64_t (*reads)(const mmoe_table_use *use); /* of the batch that it was made for; or less */
    /* The index of a row among those of its part, its number modulo parts; of a row that is not
     * among them any of these, or 0. */
    int32_t (*find)(const mmoe_table_use *use, int32_t row);
    /* Of a part: for each read of an id by rows [first, end) of the batch the place of its row, to
     * ids[b * stride + column]. */
    void (*number)(const mmoe_table_use *use, int32_t part, mmoe_row_places places,
                   const mmoe_id_numbers *to);
    void (*leave)(mmoe_table_use *use); /* gives use->own back */

    /* Of rows that are no floats, and learn nothing: ranges, list and scatter are NULL. */
    mmoe_dtype dtype; /* of the rows */
    /* A row of what is nearest to `values` [dim]; the index of the first of these that is not
     * finite, or would not be, -1: there is none. NULL: the rows are floats. */
    int32_t (*put)(mmoe_embedding *t, int64_t row, const float *values);
};

/* A kind is a file, table_NAME.c, and a row here, which the table in table.c and the build follow.
 * The first that suits a table is its kind; the last, rows of floats that every step updates, suits
 * all others. */
#define MMOE_TABLE_KINDS(ROW)                                                                      \
    ROW(bf16)                                                                                      \
    ROW(int8)                                                                                      \
    ROW(deferred)                                                                                  \
    ROW(dense)

#define MMOE_TABLE_RECORD(name) extern const mmoe_table_kind mmoe_table_##name;
MMOE_TABLE_KINDS(MMOE_TABLE_RECORD)
#undef MMOE_TABLE_RECORD

/* The kind of a new table, of which all is set but kind and data. */
const mmoe_table_kind *mmoe_table_kind_for(const mmoe_embedding *t);
/* The kind of a name among those whose rows are no floats; NULL: there is none. */
const mmoe_table_kind *mmoe_table_kind_named(const char *name);
/* Whether some kind has rows of this type. */
bool mmoe_table_has_rows_of(mmoe_dtype dtype);
static inline mmoe_vectors mmoe_table_vectors(const mmoe_embedding *t) {
    mmoe_block blocks[MMOE_MOST_BLOCKS];
    t->kind->blocks(t, blocks);
    if (mmoe_table_is_dealt(t)) return (mmoe_vectors){MMOE_F32, t->dim, t->fetched, NULL};
    return (mmoe_vectors){t->dtype, t->dim, blocks[0].data,
                          t->dtype == MMOE_I8 ? blocks[1].data : NULL};
}
/* For how many rows there will be room, where `have` are not enough for `rows`. */
static inline int64_t mmoe_wider_rows(int64_t have, int64_t rows) {
    return rows > have + have / 2 ? rows : have + have / 2;
}
static inline bool mmoe_table_learns(const mmoe_embedding *t) { return t->kind->scatter != NULL; }

#endif
