/* Values of a sparse column to rows of its table. Row 0 is for missing and unknown values; known
 * values take rows 1, 2, ... in order of first appearance. Keys are all integers (64 bits) or all
 * strings. Which words stand for
 * nothing is said elsewhere (data/reading.h): here the empty text alone does.
 *
 * An integer has one form: "7", "7.0" (what pandas writes in a column with gaps), "7.00" and " 7 "
 * are 7, be the keys integers or, because of other values in the column, strings. "007", "+7" and
 * "-0" are no integers to one who learns: postal codes and telephone numbers stay what they are,
 * and the first of them makes strings of all keys. */
#ifndef MMOE_DATA_VOCAB_H
#define MMOE_DATA_VOCAB_H

#include <stdbool.h>

#include "base/alloc.h"
#include "data/cell_run.h"
#include "base/text.h"

typedef struct mmoe_vocab mmoe_vocab;

mmoe_status mmoe_vocab_create(const mmoe_allocator *alloc, mmoe_vocab **out, mmoe_error *err);
void mmoe_vocab_free(mmoe_vocab *vocab);
mmoe_status mmoe_vocab_copy(const mmoe_vocab *vocab, const mmoe_allocator *alloc, mmoe_vocab **out,
                            mmoe_error *err);

/* From now on one known value more than `most` is MMOE_E_DATA; a new vocabulary holds 2^31 - 2. */
void mmoe_vocab_bound(mmoe_vocab *vocab, int64_t most);
/* Bytes that it takes. */
size_t mmoe_vocab_bytes(const mmoe_vocab *vocab);

/* While learning: the row of a value, entered if it is new. An empty text is missing: row 0.
 * Blanks around a text are not part of it. */
mmoe_status mmoe_vocab_add(mmoe_vocab *vocab, const char *text, size_t length, int32_t *row,
                           mmoe_error *err);
/* The same of an integer, in a vocabulary that learns nothing else. */
mmoe_status mmoe_vocab_add_int(mmoe_vocab *vocab, int64_t value, int32_t *row, mmoe_error *err);
/* The keys of another vocabulary that learns, from those of row `first` on, in their order: row r
 * there is rows[r] here. */
mmoe_status mmoe_vocab_merge(mmoe_vocab *vocab, const mmoe_vocab *from, int64_t first,
                             int32_t *rows, mmoe_error *err);
/* Ends learning: keys are integers if each value was one of 64 bits. */
mmoe_status mmoe_vocab_finish(mmoe_vocab *vocab, mmoe_error *err);

/* A finished vocabulary learns again, behind its keys. */
void mmoe_vocab_reopen(mmoe_vocab *vocab);
/* The same as finishing, of one that may be reopened soon: room for more stays. Of integers it
 * takes time by the new keys alone, of texts a pass over all. */
void mmoe_vocab_settle(mmoe_vocab *vocab);
/* What it knows at some time; and to know no more than it did then, settled. */
typedef struct mmoe_vocab_place {
    int64_t rows;
    bool is_int;
} mmoe_vocab_place;
mmoe_vocab_place mmoe_vocab_at(const mmoe_vocab *vocab);
void mmoe_vocab_retreat(mmoe_vocab *vocab, mmoe_vocab_place to);

/* 0 when unknown or missing. Thread-safe. An integer vocabulary finds 7 by "+7" and "007", too. */
int32_t mmoe_vocab_find(const mmoe_vocab *vocab, const char *text, size_t length);
int32_t mmoe_vocab_find_int(const mmoe_vocab *vocab, int64_t value);

/* Finds the first cells, as far as each is known and an integer as it prints, of few digits, or
 * where keys are texts, one that is quickly seen to be no integer; returns how many these are. */
size_t mmoe_vocab_known(const mmoe_vocab *vocab, const mmoe_cell_run *run);

/* Do finds wait for memory? Then ask for that of many values, by their hashes (vocab_hash.h),
 * before they are found. */
bool mmoe_vocab_is_large(const mmoe_vocab *vocab);
void mmoe_vocab_ask(const mmoe_vocab *vocab, const uint32_t *hashes, size_t count);

/* Would a text be one of integer keys to one who learns? */
bool mmoe_vocab_is_integer(const char *text, size_t length);

bool mmoe_vocab_is_int(const mmoe_vocab *vocab);
int64_t mmoe_vocab_rows(const mmoe_vocab *vocab); /* known values + 1 */
/* Key of row 1 .. rows-1. */
int64_t mmoe_vocab_int_key(const mmoe_vocab *vocab, int64_t row);
const char *mmoe_vocab_text_key(const mmoe_vocab *vocab, int64_t row, size_t *length);
/* The same of either, as text; that of an integer in `room`. */
const char *mmoe_vocab_key_text(const mmoe_vocab *vocab, int64_t row, char room[MMOE_NUMBER_SIZE],
                                size_t *length);
/* One number for the keys in their order, of a finished vocabulary. */
uint64_t mmoe_vocab_hash(const mmoe_vocab *vocab);

/* A finished vocabulary of the rows of another whose place in `rows` is not 0, in their order,
 * which has them as rows 1, 2, ... */
mmoe_status mmoe_vocab_keep(const mmoe_vocab *vocab, const int32_t *rows,
                            const mmoe_allocator *alloc, mmoe_vocab **out, mmoe_error *err);

/* A finished vocabulary from its keys in the order of their rows (a model file): MMOE_E_FORMAT on a
 * key that stands twice. */
mmoe_status mmoe_vocab_from_ints(const int64_t *keys, size_t count, const mmoe_allocator *alloc,
                                 mmoe_vocab **out, mmoe_error *err);
/* Key i is bytes[offsets[i] .. offsets[i+1]); offsets has count + 1 entries, which are checked
 * against n_bytes. */
typedef struct mmoe_packed_texts {
    const char *bytes;
    size_t n_bytes;
    const int64_t *offsets;
    size_t count;
} mmoe_packed_texts;
mmoe_status mmoe_vocab_from_texts(const mmoe_packed_texts *keys, const mmoe_allocator *alloc,
                                  mmoe_vocab **out, mmoe_error *err);

#endif
