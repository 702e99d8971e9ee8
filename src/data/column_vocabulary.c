/* Ids that are any values: the training file's get a row each (vocab.h), others row 0. With
 * "min_count" or "max_vocab" those that are seen too seldom are others, too: then values are
 * counted while they are learned, and what learn gave becomes rows when all have been seen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sentence.h"
#include "base/text.h"
#include "data/column_kinds.h"
#include "data/key_macros.h"
#include "data/tally.h"
#include "data/vocab_hash.h"
#include "data/vocabulary_encoder.h"

typedef mmoe_vocabulary_encoder vocabulary_encoder;

/* What is added to the counts of values that stay. */
#define KNOWN_COUNT (INT64_MAX / 2)

static const mmoe_key vocabulary_keys[] = {
    OPTIONAL("features.sparse[].min_count", LATER(IN_ID(vocabulary_encoder, min_count)), 1, 1,
             2147483647,
             "For a learned vocabulary: how often a value must occur in the training file to have "
             "a row of its own; rarer values use row 0, as unknown ones do. By default 1."),
    OPTIONAL("features.sparse[].max_vocab", LATER(IN_ID(vocabulary_encoder, max_vocab)), 0, 1,
             2147483646,
             "For a learned vocabulary: how many values may have a row of their own: the most "
             "frequent ones, and among equally frequent ones those that come first."),
    OPTIONAL("features.sparse[].max_distinct", LATER(IN_ID(vocabulary_encoder, max_distinct)), 0, 1,
             2147483646,
             "For a learned vocabulary: how many different values the training file may have; more "
             "are an error, before memory runs out. By default as many as fit in half of the "
             "memory at 256 bytes each, and at least a million."),
};

static const mmoe_key vocabulary_fitted[] = {
    FITTED("vocabulary", MMOE_KEY_VOCABULARY, vocabulary_encoder, vocab),
};

static const mmoe_vocab *keys_of(const mmoe_encoder *e) {
    return ((const vocabulary_encoder *)e)->vocab;
}

static const char *vocabulary_without_file(const mmoe_encoder *e) {
    (void)e;
    return "a schema without a file needs vocab_size";
}

/* ---- The end of learning ---- */

typedef struct seen {
    int64_t count;
    int32_t id;
} seen;

/* The more frequent, then the earlier one first. */
static int compare_seen(const void *a, const void *b) {
    const seen *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Marks, in `rows`, the values that are frequent enough; false: memory is out. */
static bool mark_frequent(const vocabulary_encoder *v, mmoe_tally *t) {
    size_t n = 0;
    seen *enough = mmoe_alloc(&v->head.alloc, (size_t)t->n, sizeof *enough);
    if (!enough) return false;
    for (int32_t id = 1; id < t->n; id++) {
        const int64_t count = t->counts[id] + (id < v->known ? KNOWN_COUNT : 0);
        if (count >= v->min_count) enough[n++] = (seen){count, id};
    }
    const int64_t most = v->known - 1 > v->max_vocab ? v->known - 1 : v->max_vocab;
    if (v->max_vocab && n > (size_t)most) {
        qsort(enough, n, sizeof *enough, compare_seen);
        n = (size_t)most;
    }
    for (size_t i = 0; i < n; i++) t->rows[enough[i].id] = 1;
    mmoe_release(&v->head.alloc, enough);
    return true;
}

static mmoe_status keep_values(vocabulary_encoder *v, const int32_t *rows, mmoe_error *err) {
    mmoe_vocab *kept;
    const mmoe_status status = mmoe_vocab_keep(v->vocab, rows, &v->head.alloc, &kept, err);
    if (status) return status;
    mmoe_vocab_free(v->vocab);
    v->vocab = kept;
    return MMOE_OK;
}

static mmoe_status keep_rows(mmoe_encoder *e, const int32_t *rows, mmoe_error *err) {
    const mmoe_status status = keep_values(mmoe_vocabulary_of(e), rows, err);
    e->rows = mmoe_vocab_rows(keys_of(e));
    return status;
}

static const char *leave_out(vocabulary_encoder *v, char fault[MMOE_FAULT_SIZE]) {
    mmoe_tally *t = v->head.learning;
    const int64_t learned = mmoe_vocab_rows(v->vocab);
    int32_t row = 0;
    if (!mmoe_tally_settle(t, learned, &v->head.alloc) || !mark_frequent(v, t))
        return mmoe_column_no_memory;
    for (int64_t id = 1; id < learned; id++)
        if (t->rows[id]) t->rows[id] = ++row;
    if (!row && learned > 1) {
        snprintf(fault, MMOE_FAULT_SIZE,
                 "none of its %lld values stands there min_count times, %lld",
                 (long long)learned - 1, (long long)v->min_count);
        return fault;
    }
    if (row == learned - 1) return NULL;
    return keep_values(v, t->rows, NULL) ? mmoe_column_no_memory : NULL;
}

static const char *settle_vocabulary(mmoe_encoder *e, char fault[MMOE_FAULT_SIZE]) {
    vocabulary_encoder *v = mmoe_vocabulary_of(e);
    const mmoe_vocab *learned = v->vocab;
    const char *wrong = e->learning ? leave_out(v, fault) : NULL;
    if (v->vocab == learned) mmoe_vocab_finish(v->vocab, NULL);
    v->known = 0;
    e->rows = mmoe_vocab_rows(v->vocab);
    return wrong;
}

static const int32_t *become_rows(const mmoe_encoder *e) {
    const mmoe_tally *t = e->learning;
    return t ? t->rows : NULL;
}

static const char *remark_on_kept(const mmoe_encoder *e, char room[MMOE_FAULT_SIZE],
                                  int64_t *figure) {
    const mmoe_tally *t = e->learning;
    int64_t all = 0, out = 0;
    char kept[MMOE_NUMBER_SIZE], learned[MMOE_NUMBER_SIZE];
    if (!t || e->rows == t->n) return NULL;
    for (int64_t id = 1; id < t->n; id++) {
        all += t->counts[id];
        out += t->rows[id] ? 0 : t->counts[id];
    }
    mmoe_format_count(e->rows - 1, kept);
    mmoe_format_count(t->n - 1, learned);
    *figure = t->n - e->rows;
    mmoe_say(room, MMOE_FAULT_SIZE,
             "%s of %s values have own rows; the others, %.2g %% of the cells, take row 0", kept,
             learned, 100 * (double)out / (double)all);
    return room;
}

/* What a quote that is missing makes of many rows. */
static const char *remark_on_longest(const mmoe_vocab *vocab, char room[MMOE_FAULT_SIZE],
                                     int64_t *figure) {
    enum { USUAL = 1 << 16 };
    size_t longest = 0, length;
    char shown[MMOE_NUMBER_SIZE];
    if (mmoe_vocab_is_int(vocab)) return NULL;
    for (int64_t row = 1; row < mmoe_vocab_rows(vocab); row++) {
        mmoe_vocab_text_key(vocab, row, &length);
        if (length > longest) longest = length;
    }
    if (longest <= USUAL) return NULL;
    *figure = (int64_t)longest;
    mmoe_format_count(*figure, shown);
    mmoe_say(room, MMOE_FAULT_SIZE,
             "its longest value has %s bytes: is a quote missing, or the end of a line?", shown);
    return room;
}

static const char *remark_on_values(const mmoe_encoder *e, char room[MMOE_FAULT_SIZE],
                                    int64_t *figure) {
    const char *kept = remark_on_kept(e, room, figure);
    return kept ? kept : remark_on_longest(keys_of(e), room, figure);
}

static void forget_tally(mmoe_encoder *e) {
    mmoe_tally_finish(e->learning, &e->alloc);
    mmoe_release(&e->alloc, e->learning);
    e->learning = NULL;
}

/* ---- Finding ---- */

static void judge_found(mmoe_cell *cell, bool missing) {
    if (missing)
        cell->state = MMOE_CELL_MISSING;
    else if (cell->id == 0)
        cell->state = MMOE_CELL_UNKNOWN;
}

static const char *parse_value(const mmoe_encoder *e, const char *text, size_t length,
                               mmoe_cell *out) {
    out->id = mmoe_vocab_find(keys_of(e), text, length);
    judge_found(out, length == 0);
    return NULL;
}

/* Rows that the table may have, of `most`: its keys' bounds are others. */
static int64_t most_rows(const vocabulary_encoder *v, int64_t most) {
    if (v->max_vocab && v->max_vocab < most) most = v->max_vocab + 1;
    if (v->max_distinct && v->max_distinct < most) most = v->max_distinct + 1;
    return most;
}

static const char *add_value(mmoe_encoder *e, const char *text, size_t length, int64_t most,
                             mmoe_cell *out) {
    vocabulary_encoder *v = mmoe_vocabulary_of(e);
    out->id = mmoe_vocab_find(v->vocab, text, length);
    judge_found(out, length == 0);
    if (out->state != MMOE_CELL_UNKNOWN || e->rows >= most_rows(v, most)) return NULL;
    mmoe_vocab_reopen(v->vocab);
    mmoe_vocab_bound(v->vocab, INT32_MAX - 1);
    if (mmoe_vocab_add(v->vocab, text, length, &out->id, NULL)) return mmoe_column_no_memory;
    out->state = out->id ? MMOE_CELL_KNOWN : MMOE_CELL_MISSING; /* of blanks alone */
    e->rows = mmoe_vocab_rows(v->vocab);
    return NULL;
}

/* Not where each value is counted. */
static size_t known_values(const mmoe_encoder *e, const mmoe_cell_run *run) {
    const mmoe_vocab *base = ((const vocabulary_encoder *)e)->base,
                     *keys = base ? base : keys_of(e);
    return e->learning ? 0 : mmoe_vocab_known(keys, run);
}

/* A number that is no integer is the text that it prints as. */
static const char *take_value(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                              mmoe_cell *out) {
    int64_t integer;
    char number[MMOE_SHOWN_SIZE];
    if (type == MMOE_VALUE_TEXT) {
        size_t length;
        const char *text = mmoe_value_text(at, &length);
        return parse_value(e, text, length, out);
    }
    const int kind = mmoe_value_integral(type, at, &integer);
    out->id = 0;
    if (kind > 0)
        out->id = mmoe_vocab_find_int(keys_of(e), integer);
    else if (kind != -2) {
        const char *text = mmoe_value_show(type, at, number);
        out->id = mmoe_vocab_find(keys_of(e), text, strlen(text));
    }
    judge_found(out, kind == -2);
    return NULL;
}

static const char *refuse_type(const mmoe_encoder *e, mmoe_value_type type) {
    const mmoe_vocab *v = keys_of(e);
    double number;
    int64_t integer;
    if (type == MMOE_VALUE_TEXT || mmoe_vocab_is_int(v)) return NULL;
    for (int64_t row = 1; row < mmoe_vocab_rows(v); row++) {
        size_t length;
        const char *text = mmoe_vocab_text_key(v, row, &length);
        if (type == MMOE_VALUE_INT64 ? mmoe_parse_printed(text, length, &integer)
                                     : mmoe_parse_double(text, length, &number))
            return NULL;
    }
    return type == MMOE_VALUE_INT64 ? "the vocabulary has texts, none of which is an integer"
                                    : "the vocabulary has texts, none of which is a number";
}

/* Values of other types than the keys' are found, too, but seldom come. */
static void ask_for_values(const mmoe_encoder *e, mmoe_value_type type, const char *at, size_t step,
                           size_t count) {
    const mmoe_vocab *v = keys_of(e);
    uint32_t hashes[MMOE_MOST_ASKED];
    if (!mmoe_vocab_is_large(v) ||
        type != (mmoe_vocab_is_int(v) ? MMOE_VALUE_INT64 : MMOE_VALUE_TEXT))
        return;
    for (size_t i = 0; i < count; i++, at += step) {
        size_t length;
        int64_t integer;
        if (type == MMOE_VALUE_TEXT) {
            const char *text = mmoe_value_text(at, &length);
            hashes[i] = mmoe_vocab_text_hash(text, length);
        } else {
            memcpy(&integer, at, sizeof integer);
            hashes[i] = mmoe_vocab_int_hash(integer);
        }
    }
    mmoe_vocab_ask(v, hashes, count);
}

const mmoe_column_kind mmoe_column_vocabulary = {
    .word = "vocabulary",
    .shape = MMOE_SHAPE_ID,
    .is_total = true,
    .size = sizeof(vocabulary_encoder),
    .keys = vocabulary_keys,
    .n_key = sizeof vocabulary_keys / sizeof *vocabulary_keys,
    .fitted = vocabulary_fitted,
    .n_fitted = sizeof vocabulary_fitted / sizeof *vocabulary_fitted,
    .without_file = vocabulary_without_file,
    .start = mmoe_vocabulary_start,
    .learn = mmoe_vocabulary_learn,
    .grow = mmoe_vocabulary_grow,
    .add = add_value,
    .keep = keep_rows,
    .beside = mmoe_vocabulary_beside,
    .agrees = mmoe_vocabulary_agrees,
    .merge = mmoe_vocabulary_merge,
    .settle = settle_vocabulary,
    .become = become_rows,
    .remark = remark_on_values,
    .forget = forget_tally,
    .parse = parse_value,
    .known = known_values,
    .take = take_value,
    .ask = ask_for_values,
    .refuses = refuse_type,
};
