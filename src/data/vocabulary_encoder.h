/* The encoder of column_vocabulary.c, and how it learns: alone; growing, behind values that it
 * knows; beside another one that has these; or from others, that were merged into it. */
#ifndef MMOE_DATA_VOCABULARY_ENCODER_H
#define MMOE_DATA_VOCABULARY_ENCODER_H

#include "data/column.h"

typedef struct mmoe_vocabulary_encoder {
    mmoe_encoder head; /* learning: an mmoe_tally, where values may be left out */
    int64_t min_count, max_vocab, max_distinct;
    mmoe_vocab *vocab;
    int64_t
        known; /* growing: rows that it had when it began; they stay, however seldom they come */
    /* One that learns beside another has those that the other lacks, with ids behind its rows. */
    const mmoe_vocab *base; /* the other's; NULL: there is none */
    bool found_loosely;     /* as integers, some that are none to one who learns: "007" */
    bool missed_loosely;    /* some of these, which made texts of its keys */
    char fault[240];
} mmoe_vocabulary_encoder;

static inline mmoe_vocabulary_encoder *mmoe_vocabulary_of(mmoe_encoder *e) {
    return (mmoe_vocabulary_encoder *)e;
}

/* Functions of the record (column.h). */
mmoe_status mmoe_vocabulary_start(mmoe_encoder *e, mmoe_error *err);
mmoe_status mmoe_vocabulary_grow(mmoe_encoder *e, mmoe_error *err);
mmoe_status mmoe_vocabulary_beside(const mmoe_encoder *e, const mmoe_allocator *alloc,
                                   mmoe_encoder **out, mmoe_error *err);
const char *mmoe_vocabulary_learn(mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out);
bool mmoe_vocabulary_agrees(const mmoe_encoder *e, const mmoe_encoder *from);
const char *mmoe_vocabulary_merge(mmoe_encoder *e, mmoe_encoder *from, mmoe_merged *m);

#endif
