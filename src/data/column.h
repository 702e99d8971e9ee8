/* What a column is: how the text of a cell, or a caller's value, becomes a row of a table or a
 * number. A kind is one record, in a file of its own; CSV files, requests, data sets from memory,
 * schema files, the configuration's keys and its help all pass through it.
 *
 *     configuration -> keys -> check -> start -> learn, merge -> measure -> settle -> forget
 *                                       grow --> learn, merge ------------> settle -> forget
 *     schema file ---> keys and fitted -> check ----------------------------------------+
 *                                                          parse (text), take (value) <-+
 *
 * A kind knows no file, no batch, no row and no other kind: a fault is a sentence that goes on
 * after the value ("is not a number"), and the caller says where. */
#ifndef MMOE_DATA_COLUMN_H
#define MMOE_DATA_COLUMN_H

#include "base/alloc.h"
#include "data/cell_run.h"
#include "data/far_value.h"
#include "data/key.h"
#include "data/number_text.h"
#include "data/vocab.h"

/* What a cell becomes; features.sparse takes the kinds of ids, features.dense those of numbers. */
typedef enum mmoe_column_shape { MMOE_SHAPE_ID, MMOE_SHAPE_NUMBER } mmoe_column_shape;

enum { MMOE_FAULT_SIZE = 160, MMOE_SHOWN_SIZE = 80 };

/* What a value of an id was. */
typedef enum mmoe_cell_state {
    MMOE_CELL_KNOWN,
    MMOE_CELL_MISSING,   /* there is none */
    MMOE_CELL_UNKNOWN,   /* one that has no row of its own */
    MMOE_CELL_TEXT,      /* of learn: the column's ids are texts, and this one is no integer */
    MMOE_CELL_NO_NUMBER, /* a text that is none, and counts as missing ("gaps") */
    MMOE_CELL_TOO_MANY   /* of learn, with a fault: the column has as many values as it may have */
} mmoe_cell_state;

typedef struct mmoe_cell {
    int32_t id;            /* ids: the row of the table */
    mmoe_cell_state state; /* ids: MMOE_CELL_KNOWN unless the kind says otherwise; numbers: beside a
                              fault, if the value may be taken as missing: _UNKNOWN (the transform
                              has nothing for it), _MISSING or _NO_NUMBER ("gaps" names it) */
    float *inputs;   /* numbers: of parse and take, room for `width` that the model gets; NULL: the
                        fault alone is wanted */
    double *learned; /* numbers: of learn, room for `span` that measure and finish get */
    char fault[MMOE_FAULT_SIZE]; /* room for a sentence with figures */
} mmoe_cell;

/* The text of one of several values; it needs no terminator. */
typedef struct mmoe_part {
    const char *text; /* "": there is none */
    size_t length;
} mmoe_part;
enum { MMOE_MOST_PARTS = 16 };

/* The structure of every kind begins with this. */
typedef struct mmoe_encoder {
    const struct mmoe_column_kind *kind;
    mmoe_allocator alloc;
    int64_t rows;   /* ids: of the table, 0 as long as it is not known */
    int64_t oov_id; /* ids: the row that a row number outside the table takes; -1: it is an error */
    void *learning; /* the kind's own, from start to forget; a copy has none */
} mmoe_encoder;

/* What ids of an encoder that was merged into another become. It begins as zeros, with an encoder
 * that has just started, alone or beside one, and goes on with one that does. */
typedef struct mmoe_merged {
    int32_t
        *ids; /* [room] the other's for each id; memory of the other's allocator, the caller's */
    int64_t room;
    int64_t filled; /* the first ones, which are the same, stand there */
    bool differs;   /* some id of the last cells may be another: `ids` has those of all */
    bool goes_on;  /* the encoder may learn from cells behind all that the other has taken over, and
                      be merged again */
    int64_t known; /* so many of its ids were merged */
    int64_t same;  /* and so many, the first ones, are the other's own */
} mmoe_merged;

typedef struct mmoe_column_kind {
    const char *word; /* in schema files */
    mmoe_column_shape shape;
    bool is_total; /* each value of the types that it takes has a row: nothing to check */
    bool is_total_of_numbers; /* each value that is no text has one */
    size_t size;              /* of its structure */
    /* Its keys in the configuration and, by the last word of their paths, in schema files. */
    const mmoe_key *keys;
    int32_t n_key;
    /* The first key decides for this kind; without, it is what a column is that no key decides. */
    bool is_decided;
    const mmoe_key *fitted; /* what it learns: in schema files alone */
    int32_t n_fitted;

    /* How texts write its numbers. (NULL: as base/text.h does, or it has none.) */
    const mmoe_number_text *(*text)(const mmoe_encoder *e);
    /* What is wrong between its keys, and at which; NULL: nothing. (May be NULL.) */
    const char *(*check)(const mmoe_encoder *e, char fault[MMOE_FAULT_SIZE], const char **key);
    /* What a schema that no file is read for lacks. (May be NULL.) */
    const char *(*without_file)(const mmoe_encoder *e);

    /* Makes it ready to learn, or to parse where nothing is learned; MMOE_E_MEMORY. (May be NULL.)
     */
    mmoe_status (*start)(mmoe_encoder *e, mmoe_error *err);
    /* A cell of the training file. NULL: as parse. */
    const char *(*learn)(mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out);
    /* Ids: what has settled learns again: values that it knows keep their rows, and new ones get
     * rows behind them. MMOE_E_MEMORY. (NULL: it has settled for good.) */
    mmoe_status (*grow)(mmoe_encoder *e, mmoe_error *err);
    /* Ids, of what has settled: a value that it does not know has the row behind all others from
     * now on, unless it has `most` rows, or as many as its own keys allow: then it stays unknown.
     * Whoever adds settles its vocabulary then (mmoe_vocab_settle). Its only fault is
     * mmoe_column_no_memory. (NULL where grow is.) */
    const char *(*add)(mmoe_encoder *e, const char *text, size_t length, int64_t most,
                       mmoe_cell *out);
    /* Ids: of what has settled the values stay whose place in rows [e->rows] is not 0; they are
     * rows 1, 2, ... then, as `rows` says. MMOE_E_MEMORY: it is as it was. (NULL where grow is.) */
    mmoe_status (*keep)(mmoe_encoder *e, const int32_t *rows, mmoe_error *err);
    /* Ids: an encoder that learns from some cells what e does not know, whose ids it has for its
     * own, and which stays as it is meanwhile. It may be merged into what e grows to.
     * MMOE_E_MEMORY. (NULL where grow is.) */
    mmoe_status (*beside)(const mmoe_encoder *e, const mmoe_allocator *alloc, mmoe_encoder **out,
                          mmoe_error *err);
    /* Before that: would e, which grows, have taken the cells that `from` has seen since it was
     * merged for the values that `from` took them for? (NULL where grow is.) */
    bool (*agrees)(const mmoe_encoder *e, const mmoe_encoder *from);
    /* Takes over what `from`, which started as e did, or beside it, has learned from cells behind
     * those of e: e is as if it had learned these itself, too. A fault is of the column. (NULL
     * where learn leaves the encoder as it is.) */
    const char *(*merge)(mmoe_encoder *e, mmoe_encoder *from, mmoe_merged *ids);
    /* Numbers: of how many a cell or value consists, and how many inputs it becomes, 0 before that
     * has settled. NULL: 1. */
    int32_t (*span)(const mmoe_encoder *e);
    int32_t (*width)(const mmoe_encoder *e);
    /* Numbers: what stands between those of a cell's text. NULL: it is one number. */
    char (*separator)(const mmoe_encoder *e);
    /* Numbers: are a cell's inputs the same whatever other cells are? Then parse gives them before
     * the kind has settled, too, with the faults of learn. (NULL: they are not.) */
    bool (*stands)(const mmoe_encoder *e);
    /* Numbers: sees all learned cells in order, `passes` times, in runs of `rows` cells that are
     * `stride` numbers apart. */
    int32_t passes;
    void (*measure)(mmoe_encoder *e, int32_t pass, const double *learned, size_t stride,
                    int64_t rows);
    /* Ends learning; a fault is of the column, not of a cell. (May be NULL.) */
    const char *(*settle)(mmoe_encoder *e, char fault[MMOE_FAULT_SIZE]);
    /* Ids, between settle and forget: the row of the table that each id of learn has become, by
     * that id; NULL: itself. (May be NULL.) */
    const int32_t *(*become)(const mmoe_encoder *e);
    /* In that time, too: what is suspicious about what it has settled on, a sentence that goes on
     * after the column, and its figure; NULL: nothing. (May be NULL.) */
    const char *(*remark)(const mmoe_encoder *e, char room[MMOE_FAULT_SIZE], int64_t *figure);
    /* Numbers: a value that is so far from all others, once the kind has settled, that these are as
     * good as one; NULL: there is none. (May be NULL.) */
    const mmoe_far_value *(*far)(const mmoe_encoder *e);
    /* Gives back `learning`, which is NULL then. (NULL where the kind has none.) */
    void (*forget)(mmoe_encoder *e);
    /* Numbers: a learned cell as the model's inputs. */
    void (*finish)(const mmoe_encoder *e, const double *learned, float *inputs);

    /* A cell's text; it needs no terminator. Thread-safe, as take is. */
    const char *(*parse)(const mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out);
    /* Reads the first cells, as far as each is quickly seen not to be missing and to be a value
     * that is known, and returns how many these are: what learn, or parse, would give, who noticed
     * nothing but texts. (NULL: there are none.) */
    size_t (*known)(const mmoe_encoder *e, const mmoe_cell_run *run);
    /* A raw value at any address: MMOE_VALUE_INT64, _TEXT, _FLOAT or _DOUBLE; numbers: `span` of
     * these one behind the other, but one text. */
    const char *(*take)(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                        mmoe_cell *out);
    /* Ids: why it knows no value of the type at all, "the vocabulary has texts ..."; NULL: it may
     * know some. (NULL: always.) */
    const char *(*refuses)(const mmoe_encoder *e, mmoe_value_type type);
    /* Ids: 1 to MMOE_MOST_PARTS values as one, a cross; of one it is parse. Thread-safe, and
     * nothing is learned. (NULL: the kind has no crosses.) */
    const char *(*join)(const mmoe_encoder *e, const mmoe_part *parts, size_t count,
                        mmoe_cell *out);
    /* Asks for the memory that taking `count` values, at most MMOE_MOST_ASKED, will read, so that
     * takes do not wait for it one after another; from one to the next are `step` bytes. (NULL: it
     * is little.) */
    void (*ask)(const mmoe_encoder *e, mmoe_value_type type, const char *at, size_t step,
                size_t count);
} mmoe_column_kind;

enum { MMOE_MOST_ASKED = 64 };

/* The fault that learn, merge and settle return when memory is out; compared by address. */
extern const char mmoe_column_no_memory[];
/* The fault of a value that stands for a missing one; by address, too. */
extern const char mmoe_column_gap[];

/* All values absent; NULL when memory is out. */
mmoe_encoder *mmoe_encoder_create(const mmoe_column_kind *kind, const mmoe_allocator *alloc);
/* A deep copy; NULL when memory is out. */
mmoe_encoder *mmoe_encoder_copy(const mmoe_encoder *e, const mmoe_allocator *alloc);
void mmoe_encoder_free(mmoe_encoder *e);
/* Gives back what only learning needs. */
void mmoe_encoder_forget(mmoe_encoder *e);
/* Whether a key of its kind has a value; one that has a default always has. */
bool mmoe_encoder_is_given(const mmoe_encoder *e, const mmoe_key *key);
/* One number for the kind and all its values, going on from `seed`. */
uint64_t mmoe_encoder_hash(uint64_t seed, const mmoe_encoder *e);
/* A key that is given in `mine` and is another in `theirs`: its name, else NULL. */
const char *mmoe_encoder_difference(const mmoe_encoder *mine, const mmoe_encoder *theirs);
/* Its vocabulary; NULL: it has none. */
mmoe_vocab *mmoe_encoder_vocab(const mmoe_encoder *e);
/* Gives it another, which becomes its own; returns the one that it had. Its rows follow. */
mmoe_vocab *mmoe_encoder_exchange_vocab(mmoe_encoder *e, mmoe_vocab *vocab);
/* Its array of numbers, given or fitted; NULL: it has none. */
const mmoe_numbers *mmoe_encoder_numbers(const mmoe_encoder *e);

static inline int32_t mmoe_encoder_span(const mmoe_encoder *e) {
    return e->kind->span ? e->kind->span(e) : 1;
}
static inline int32_t mmoe_encoder_width(const mmoe_encoder *e) {
    return e->kind->width ? e->kind->width(e) : 1;
}

/* The row for a row number: itself, oov_id, or -1: an error. */
static inline int32_t mmoe_encoder_row(const mmoe_encoder *e, int64_t id) {
    return (int32_t)(id >= 0 && id < e->rows ? id : e->oov_id);
}

/* Does a comma stand before the fractions of its texts? */
static inline bool mmoe_encoder_has_comma(const mmoe_encoder *e) {
    return e->kind->text && e->kind->text(e)->decimal;
}

/* Do values of it stand for missing ones? */
static inline bool mmoe_encoder_has_gaps(const mmoe_encoder *e) {
    return e->kind->text && e->kind->text(e)->gaps.count;
}

/* ---- Values ---- */

/* What a value that stands for an id is: 1, *out being the integer ("7.0" and 7.0 are 7); 0: no
 * integer, as infinity is none; -1: one that 64 bits do not hold; -2: missing (NaN;
 * MMOE_MISSING_INT64; NULL, of blanks alone or empty). */
int mmoe_value_integral(mmoe_value_type type, const void *at, int64_t *out);
/* The number of a raw value, NaN for MMOE_MISSING_INT64; false: it is a text that is none. */
bool mmoe_value_number(mmoe_value_type type, const void *at, double *out);
/* The number of a cell's text; a fault beside a state that is not _KNOWN: `how->gaps` has it. */
const char *mmoe_cell_number(const mmoe_number_text *how, const char *text, size_t length,
                             double *value, mmoe_cell *out);
/* Takes a raw value of a kind of numbers: a text by its parse, a number by `encode`, unless it
 * stands for a missing one. */
typedef const char *(*mmoe_number_encode)(const mmoe_encoder *e, double value, mmoe_cell *out);
const char *mmoe_value_encode(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                              mmoe_cell *out, mmoe_number_encode encode);
/* The text at `at`, "" for NULL. */
const char *mmoe_value_text(const void *at, size_t *length);

/* The text that means in a file what a raw value means, "" where that is missing: its own, or one
 * that `room` has. */
mmoe_part mmoe_value_part(mmoe_value_type type, const void *at, char room[MMOE_SHOWN_SIZE]);

size_t mmoe_value_size(mmoe_value_type type);
/* Is it one that passes an encoder? */
static inline bool mmoe_value_is_raw(mmoe_value_type type) {
    return type == MMOE_VALUE_INT64 || type == MMOE_VALUE_TEXT || type == MMOE_VALUE_FLOAT ||
           type == MMOE_VALUE_DOUBLE;
}
/* The value as a sentence names it: "\"red\"", "an empty value", "7"; long texts are cut, no
 * character in two. */
const char *mmoe_value_show(mmoe_value_type type, const void *at, char out[MMOE_SHOWN_SIZE]);
const char *mmoe_text_show(const char *text, size_t length, char out[MMOE_SHOWN_SIZE]);

#endif
