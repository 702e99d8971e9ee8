#include "data/vocabulary_encoder.h"

#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/tally.h"

typedef mmoe_vocabulary_encoder vocabulary_encoder;

/* A value of a vocabulary takes some 100 bytes with its text, and more in its table and in the
 * optimizer's moments. Fewer values than this need no bound. */
enum { BYTES_OF_VALUE = 256, FEW_VALUES = 1 << 20 };

static const mmoe_vocab *keys_of(const mmoe_encoder *e) {
    return ((const vocabulary_encoder *)e)->vocab;
}

/* ---- The beginning ---- */

static mmoe_status start_counting(mmoe_encoder *e, mmoe_error *err) {
    const vocabulary_encoder *v = mmoe_vocabulary_of(e);
    if (v->min_count <= 1 && !v->max_vocab) return MMOE_OK;
    e->learning = mmoe_alloc_zero(&e->alloc, 1, sizeof(mmoe_tally));
    return e->learning ? MMOE_OK : mmoe_fail_memory(err, sizeof(mmoe_tally));
}

mmoe_status mmoe_vocabulary_start(mmoe_encoder *e, mmoe_error *err) {
    vocabulary_encoder *v = mmoe_vocabulary_of(e);
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

mmoe_status mmoe_vocabulary_grow(mmoe_encoder *e, mmoe_error *err) {
    vocabulary_encoder *v = mmoe_vocabulary_of(e);
    const mmoe_status status = start_counting(e, err);
    if (status) return status;
    v->known = mmoe_vocab_rows(v->vocab);
    const int64_t most = v->known > FEW_VALUES ? usual_bound() : FEW_VALUES;
    mmoe_vocab_reopen(v->vocab);
    mmoe_vocab_bound(v->vocab, v->max_distinct ? v->max_distinct : most);
    return MMOE_OK;
}

/* Ids that its own keys stand behind. */
static int64_t before_own(const vocabulary_encoder *v) {
    return v->base ? mmoe_vocab_rows(v->base) - 1 : 0;
}

/* An empty vocabulary of keys of the same type. */
static mmoe_status create_alike(const mmoe_vocab *base, const mmoe_allocator *alloc,
                                mmoe_vocab **out, mmoe_error *err) {
    static const int64_t ends[] = {0};
    const mmoe_packed_texts none = {"", 0, ends, 0};
    if (mmoe_vocab_is_int(base)) return mmoe_vocab_create(alloc, out, err);
    const mmoe_status status = mmoe_vocab_from_texts(&none, alloc, out, err);
    if (!status) mmoe_vocab_reopen(*out);
    return status;
}

mmoe_status mmoe_vocabulary_beside(const mmoe_encoder *e, const mmoe_allocator *alloc,
                                   mmoe_encoder **out, mmoe_error *err) {
    const vocabulary_encoder *from = (const vocabulary_encoder *)e;
    mmoe_encoder *made = mmoe_encoder_create(e->kind, alloc);
    if (!made) return mmoe_fail_memory(err, e->kind->size);
    vocabulary_encoder *v = mmoe_vocabulary_of(made);
    made->rows = e->rows;
    v->min_count = from->min_count;
    v->max_vocab = from->max_vocab;
    v->max_distinct = from->max_distinct;
    v->base = from->vocab;
    v->known = from->known ? from->known : mmoe_vocab_rows(v->base);
    mmoe_status status = start_counting(made, err);
    if (!status) status = create_alike(v->base, alloc, &v->vocab, err);
    if (status) {
        mmoe_encoder_free(made);
        return status;
    }
    const int64_t most = v->max_distinct ? v->max_distinct - before_own(v) : FEW_VALUES;
    mmoe_vocab_bound(v->vocab, most > 0 ? most : 0);
    *out = made;
    return MMOE_OK;
}

/* ---- Values ---- */

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
    const size_t others = v->base ? mmoe_vocab_bytes(v->base) : 0;
    mmoe_format_count(before_own(v) + mmoe_vocab_rows(v->vocab) - 1, values);
    mmoe_format_count((int64_t)(others + mmoe_vocab_bytes(v->vocab)), bytes);
    snprintf(v->fault, sizeof v->fault,
             "%s more than %s different values, whose vocabulary takes %s bytes: "
             "\"hash_bucket_size\" needs none, or \"max_distinct\" allows more of them",
             has, values, bytes);
    return v->fault;
}

static mmoe_status add_value(vocabulary_encoder *v, const char *text, size_t length, int32_t *id) {
    const mmoe_status status = mmoe_vocab_add(v->vocab, text, length, id, NULL);
    return status == MMOE_E_DATA && widen(v) ? mmoe_vocab_add(v->vocab, text, length, id, NULL)
                                             : status;
}

/* Is it an integer to one who reads by integers, and none to one who learns? */
static bool is_loose(const char *text, size_t length) {
    int64_t value;
    return !mmoe_vocab_is_integer(text, length) && mmoe_parse_integral(text, length, &value) > 0;
}

/* In the other's, by what type its own keys are of: the other's would be texts, too. */
static int32_t find_in_base(const vocabulary_encoder *v, const char *text, size_t length) {
    int64_t value;
    if (mmoe_vocab_is_int(v->base) == mmoe_vocab_is_int(v->vocab))
        return mmoe_vocab_find(v->base, text, length);
    return mmoe_parse_printed(text, length, &value) ? mmoe_vocab_find_int(v->base, value) : 0;
}

static mmoe_status enter_beside(vocabulary_encoder *v, const char *text, size_t length,
                                int32_t *id) {
    int32_t own;
    *id = find_in_base(v, text, length);
    const bool loose = mmoe_vocab_is_int(v->vocab) && is_loose(text, length);
    own = *id ? 0 : mmoe_vocab_find(v->vocab, text, length);
    v->found_loosely |= loose && (*id || own);
    if (*id) return MMOE_OK;
    v->missed_loosely |= loose && !own;
    const mmoe_status status = own ? MMOE_OK : add_value(v, text, length, &own);
    if (own) *id = (int32_t)(before_own(v) + own);
    return status;
}

/* What grows finds, in any spelling, what those that read by it find. */
static mmoe_status enter_value(vocabulary_encoder *v, const char *text, size_t length,
                               int32_t *id) {
    if (v->base) return enter_beside(v, text, length, id);
    *id = v->known ? mmoe_vocab_find(v->vocab, text, length) : 0;
    return *id ? MMOE_OK : add_value(v, text, length, id);
}

/* Beside another, cells of all values that stay are counted as one, and no missing ones. */
static bool count_value(mmoe_encoder *e, int32_t id) {
    const vocabulary_encoder *v = mmoe_vocabulary_of(e);
    if (v->base && !id) return true;
    if (v->base) id = id < v->known ? 0 : (int32_t)(id - v->known + 1);
    return mmoe_tally_add(e->learning, id, &e->alloc);
}

const char *mmoe_vocabulary_learn(mmoe_encoder *e, const char *text, size_t length,
                                  mmoe_cell *out) {
    vocabulary_encoder *v = mmoe_vocabulary_of(e);
    const mmoe_status status = enter_value(v, text, length, &out->id);
    if (out->id == 0)
        out->state = MMOE_CELL_MISSING;
    else if (!mmoe_vocab_is_int(keys_of(e)) && !mmoe_vocab_is_integer(text, length))
        out->state = MMOE_CELL_TEXT;
    if (status == MMOE_E_DATA) out->state = MMOE_CELL_TOO_MANY;
    if (status) return fault_of(v, status, "is one");
    return !e->learning || count_value(e, out->id) ? NULL : mmoe_column_no_memory;
}

/* ---- Merging ---- */

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

/* Room for the ids of n rows, those that are the same being there. */
static bool make_ids(const mmoe_allocator *a, mmoe_merged *m, int64_t n) {
    if (n > m->room) {
        const int64_t room = n + n / 2;
        int32_t *ids = mmoe_resize(a, m->ids, (size_t)m->room, (size_t)room, sizeof *ids);
        if (!ids) return false;
        m->ids = ids;
        m->room = room;
    }
    for (; m->filled < m->same; m->filled++) m->ids[m->filled] = (int32_t)m->filled;
    return true;
}

/* What loosely written integers are depends on whether keys are texts by then. */
bool mmoe_vocabulary_agrees(const mmoe_encoder *e, const mmoe_encoder *from) {
    const vocabulary_encoder *v = (const vocabulary_encoder *)from;
    return !v->missed_loosely && (!v->found_loosely || mmoe_vocab_is_int(keys_of(e)));
}

/* What was counted is the other's then: of cells of values that stay, that the last of them has
 * all. */
static bool merge_counts(mmoe_encoder *e, mmoe_encoder *from, const mmoe_merged *m) {
    const vocabulary_encoder *f = mmoe_vocabulary_of(from);
    if (!e->learning) return true;
    if (!mmoe_tally_merge(e->learning, from->learning, m->ids + (f->base ? f->known - 1 : 0),
                          &e->alloc))
        return false;
    mmoe_tally_finish(from->learning, &from->alloc);
    return true;
}

const char *mmoe_vocabulary_merge(mmoe_encoder *e, mmoe_encoder *from, mmoe_merged *m) {
    vocabulary_encoder *v = mmoe_vocabulary_of(e), *f = mmoe_vocabulary_of(from);
    const int64_t before = before_own(f), n = before + mmoe_vocab_rows(f->vocab);
    if (!m->known) m->known = m->same = before + 1; /* row 0, or the other's */
    m->goes_on = f->base || !e->learning;
    m->differs = e->learning || n > m->same;
    f->found_loosely = f->missed_loosely = false;
    if (!m->differs) return NULL;
    if (!make_ids(&e->alloc, m, n)) return mmoe_column_no_memory;
    const int64_t first = m->known - before;
    mmoe_status status = mmoe_vocab_merge(v->vocab, f->vocab, first, m->ids + before, NULL);
    if (status == MMOE_E_DATA && widen(v))
        status = mmoe_vocab_merge(v->vocab, f->vocab, first, m->ids + before, NULL);
    if (status) return fault_of(v, status, "it has");
    m->known = n;
    if (m->goes_on && !f->base && follow(v, f, m)) return mmoe_column_no_memory;
    return merge_counts(e, from, m) ? NULL : mmoe_column_no_memory;
}
