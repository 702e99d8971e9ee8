/* Ids that are any values: the training file's get a row each (vocab.h), others row 0. With
 * "min_count" or "max_vocab" those that are seen too seldom are others, too: then values are
 * counted while they are learned, and what learn gave becomes rows when all have been seen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/column_kinds.h"
#include "data/key_macros.h"
#include "data/tally.h"
#include "data/vocab_hash.h"

typedef struct vocabulary_encoder {
    mmoe_encoder head; /* learning: an mmoe_tally, where values may be left out */
    int64_t min_count, max_vocab, max_distinct;
    mmoe_vocab *vocab;
    int64_t known; /* rows that it had when it began to grow; they stay, however seldom they come */
    char fault[240];
} vocabulary_encoder;

/* What is added to the counts of values that stay. */
#define KNOWN_COUNT (INT64_MAX / 2)

/* A value of a vocabulary takes some 100 bytes with its text, and more in its table and in the
 * optimizer's moments. Fewer values than this need no bound. */
enum { BYTES_OF_VALUE = 256, FEW_VALUES = 1 << 20 };

static const mmoe_key vocabulary_keys[] = {
    OPTIONAL("features.sparse[].min_count", LATER(IN_ID(vocabulary_encoder, min_count)), 1, 1,
             2147483647,
             "Of a learned vocabulary: how often a value must stand in the training file to have a "
             "row of its own; values that are rarer take row 0, as unknown ones do. By default 1."),
    OPTIONAL("features.sparse[].max_vocab", LATER(IN_ID(vocabulary_encoder, max_vocab)), 0, 1,
             2147483646,
             "Of a learned vocabulary: how many values may have a row of their own, the most "
             "frequent ones, and of equally frequent ones those that stand first."),
    OPTIONAL("features.sparse[].max_distinct", LATER(IN_ID(vocabulary_encoder, max_distinct)), 0, 1,
             2147483646,
             "Of a learned vocabulary: how many different values the training file may have; one "
             "more is an error, before memory is out. By default as many as half of the memory "
             "has room for at 256 bytes each, and at least a million."),
};

static const mmoe_key vocabulary_fitted[] = {
    FITTED("vocabulary", MMOE_KEY_VOCABULARY, vocabulary_encoder, vocab),
};

static vocabulary_encoder *vocabulary_of(mmoe_encoder *e) { return (vocabulary_encoder *)e; }

static const mmoe_vocab *keys_of(const mmoe_encoder *e) {
    return ((const vocabulary_encoder *)e)->vocab;
}

static const char *vocabulary_without_file(const mmoe_encoder *e) {
    (void)e;
    return "a schema without a file needs vocab_size";
}

/* ---- Learning ---- */

static mmoe_status start_counting(mmoe_encoder *e, mmoe_error *err) {
    const vocabulary_encoder *v = vocabulary_of(e);
    if (v->min_count <= 1 && !v->max_vocab) return MMOE_OK;
    e->learning = mmoe_alloc_zero(&e->alloc, 1, sizeof(mmoe_tally));
    return e->learning ? MMOE_OK : mmoe_fail_memory(err, sizeof(mmoe_tally));
}

static mmoe_status start_vocabulary(mmoe_encoder *e, mmoe_error *err) {
    vocabulary_encoder *v = vocabulary_of(e);
    e->rows = 1;
    mmoe_status status = start_counting(e, err);
    if (!status) status = mmoe_vocab_create(&e->alloc, &v->vocab, err);
    if (!status) mmoe_vocab_bound(v->vocab, v->max_distinct ? v->max_distinct : FEW_VALUES);
    return status;
}

/* The bound where no key says it. */
static int64_t usual_bound(void) {
    const int64_t most = mmoe_memory() / 2 / BYTES_OF_VALUE;
    if (most < FEW_VALUES) return FEW_VALUES;
    return most < INT32_MAX ? most : INT32_MAX - 1;
}

static mmoe_status grow_vocabulary(mmoe_encoder *e, mmoe_error *err) {
    vocabulary_encoder *v = vocabulary_of(e);
    const mmoe_status status = start_counting(e, err);
    if (status) return status;
    v->known = mmoe_vocab_rows(v->vocab);
    const int64_t most = v->known > FEW_VALUES ? usual_bound() : FEW_VALUES;
    mmoe_vocab_reopen(v->vocab);
    mmoe_vocab_bound(v->vocab, v->max_distinct ? v->max_distinct : most);
    return MMOE_OK;
}

/* Behind values that came to the bound: true: there is room for more. */
static bool widen(vocabulary_encoder *v) {
    const bool is_first = !v->max_distinct && mmoe_vocab_rows(v->vocab) - 1 == FEW_VALUES;
    const int64_t most = is_first ? usual_bound() : 0;
    if (most <= FEW_VALUES) return false;
    mmoe_vocab_bound(v->vocab, most);
    return true;
}

/* Of entering values, which one value or a column has. */
static const char *fault_of(vocabulary_encoder *v, mmoe_status status, const char *has) {
    char values[MMOE_NUMBER_SIZE], bytes[MMOE_NUMBER_SIZE];
    if (status == MMOE_OK) return NULL;
    if (status == MMOE_E_MEMORY) return mmoe_column_no_memory;
    mmoe_format_count(mmoe_vocab_rows(v->vocab) - 1, values);
    mmoe_format_count((int64_t)mmoe_vocab_bytes(v->vocab), bytes);
    snprintf(v->fault, sizeof v->fault,
             "%s more than %s different values, whose vocabulary takes %s bytes: "
             "\"hash_bucket_size\" needs none, or \"max_distinct\" allows more of them",
             has, values, bytes);
    return v->fault;
}

/* What grows finds, in any spelling, what those that read by it find. */
static mmoe_status enter_value(vocabulary_encoder *v, const char *text, size_t length,
                               int32_t *id) {
    *id = v->known ? mmoe_vocab_find(v->vocab, text, length) : 0;
    if (*id) return MMOE_OK;
    const mmoe_status status = mmoe_vocab_add(v->vocab, text, length, id, NULL);
    return status == MMOE_E_DATA && widen(v) ? mmoe_vocab_add(v->vocab, text, length, id, NULL)
                                             : status;
}

static const char *learn_value(mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out) {
    vocabulary_encoder *v = vocabulary_of(e);
    const mmoe_status status = enter_value(v, text, length, &out->id);
    if (out->id == 0)
        out->state = MMOE_CELL_MISSING;
    else if (!mmoe_vocab_is_int(keys_of(e)) && !mmoe_vocab_is_integer(text, length))
        out->state = MMOE_CELL_TEXT;
    if (status == MMOE_E_DATA) out->state = MMOE_CELL_TOO_MANY;
    if (status) return fault_of(v, status, "is one");
    return !e->learning || mmoe_tally_add(e->learning, out->id, &e->alloc) ? NULL
                                                                           : mmoe_column_no_memory;
}

/* Bytes of a vocabulary that is copied for every block. */
enum { CHEAP = 1 << 19 };

/* What goes on to learn knows the keys of both then, by the ids of the vocabulary that has all. Of
 * a large one this is worth its time when it has doubled. */
static mmoe_status follow(const vocabulary_encoder *v, vocabulary_encoder *from, mmoe_merged *m) {
    const int64_t rows = mmoe_vocab_rows(v->vocab);
    mmoe_vocab *keys;
    if (mmoe_vocab_bytes(v->vocab) > CHEAP && rows < 2 * m->same) return MMOE_OK;
    const mmoe_status status = mmoe_vocab_copy(v->vocab, &from->head.alloc, &keys, NULL);
    if (status) return status;
    mmoe_vocab_free(from->vocab);
    from->vocab = keys;
    m->known = m->same = rows;
    return MMOE_OK;
}

/* Room for the ids of n rows, those that are the same being there where no other has been merged.
 */
static bool make_ids(const mmoe_allocator *a, mmoe_merged *m, int64_t n) {
    if (n > m->room) {
        const int64_t room = n + n / 2;
        int32_t *ids = mmoe_resize(a, m->ids, (size_t)m->room, (size_t)room, sizeof *ids);
        if (!ids) return false;
        m->ids = ids;
        m->room = room;
    }
    for (int32_t id = 0; m->known == m->same && id < m->same; id++) m->ids[id] = id;
    return true;
}

static const char *merge_values(mmoe_encoder *e, mmoe_encoder *from, mmoe_merged *m) {
    vocabulary_encoder *v = vocabulary_of(e);
    const int64_t n = mmoe_vocab_rows(keys_of(from));
    if (!m->known) m->known = m->same = 1; /* row 0 */
    m->goes_on = !e->learning;
    m->differs = e->learning || n > m->same;
    if (!m->differs) return NULL;
    if (!make_ids(&e->alloc, m, n)) return mmoe_column_no_memory;
    mmoe_status status = mmoe_vocab_merge(v->vocab, keys_of(from), m->known, m->ids, NULL);
    if (status == MMOE_E_DATA && widen(v))
        status = mmoe_vocab_merge(v->vocab, keys_of(from), m->known, m->ids, NULL);
    if (status) return fault_of(v, status, "it has");
    m->known = n;
    if (m->goes_on && follow(v, vocabulary_of(from), m)) return mmoe_column_no_memory;
    return !e->learning || mmoe_tally_merge(e->learning, from->learning, m->ids, &e->alloc)
               ? NULL
               : mmoe_column_no_memory;
}

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
    const mmoe_status status = keep_values(vocabulary_of(e), rows, err);
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
    vocabulary_encoder *v = vocabulary_of(e);
    const mmoe_vocab *learned = v->vocab;
    const char *wrong = e->learning ? leave_out(v, fault) : NULL;
    if (v->vocab == learned) mmoe_vocab_finish(v->vocab, NULL);
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
    snprintf(room, MMOE_FAULT_SIZE,
             "%s of %s values have own rows; the others, %.2g %% of the cells, take row 0", kept,
             learned, 100 * (double)out / (double)all);
    return room;
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

/* Not where each value is counted. */
static size_t known_values(const mmoe_encoder *e, const mmoe_cell_run *run) {
    return e->learning ? 0 : mmoe_vocab_known(keys_of(e), run);
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
    if (type == MMOE_VALUE_TEXT || mmoe_vocab_is_int(v)) return NULL;
    for (int64_t row = 1; row < mmoe_vocab_rows(v); row++) {
        size_t length;
        const char *text = mmoe_vocab_text_key(v, row, &length);
        if (mmoe_parse_double(text, length, &number)) return NULL;
    }
    return "the vocabulary has texts, none of which is a number";
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
    .start = start_vocabulary,
    .learn = learn_value,
    .grow = grow_vocabulary,
    .keep = keep_rows,
    .merge = merge_values,
    .settle = settle_vocabulary,
    .become = become_rows,
    .remark = remark_on_kept,
    .forget = forget_tally,
    .parse = parse_value,
    .known = known_values,
    .take = take_value,
    .ask = ask_for_values,
    .refuses = refuse_type,
};
