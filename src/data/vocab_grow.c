/* Vocabularies that have settled and learn on. */
#include <assert.h>

#include "base/text.h"
#include "data/vocab_parts.h"

void mmoe_vocab_reopen(mmoe_vocab *vocab) { vocab->finished = false; }

mmoe_vocab_place mmoe_vocab_at(const mmoe_vocab *vocab) {
    return (mmoe_vocab_place){vocab->rows, vocab->is_int};
}

void mmoe_vocab_settle(mmoe_vocab *vocab) {
    if (!vocab->finished) mmoe_vocab_finish_keys(vocab);
}

/* The integers that they are the texts of. */
static void turn_to_ints(mmoe_vocab *v) {
    for (int64_t row = 1; row < v->rows; row++) {
        size_t length;
        int64_t value = 0;
        const char *text = mmoe_vocab_text_of(v, row, &length);
        const bool is_integer = mmoe_parse_printed(text, length, &value);
        assert(is_integer);
        (void)is_integer;
        v->keys[row - 1] = value; /* row + 1 begins where keys[row] says */
    }
    v->n_bytes = 0;
    v->is_int = true;
}

static uint32_t hash_of(const mmoe_vocab *v, int64_t row) {
    size_t length;
    if (v->is_int) return mmoe_vocab_int_hash(v->keys[row - 1]);
    const char *text = mmoe_vocab_text_of(v, row, &length);
    return mmoe_vocab_text_hash(text, length);
}

void mmoe_vocab_retreat(mmoe_vocab *v, mmoe_vocab_place to) {
    assert(to.rows <= v->rows);
    for (int64_t row = to.rows; v->is_int && row < v->rows; row++)
        if (mmoe_small_ints_know(&v->small, v->keys[row - 1])) v->small.rows[v->keys[row - 1]] = 0;
    if (!v->is_int && to.rows < v->rows) v->n_bytes = (size_t)v->keys[to.rows - 1];
    v->rows = to.rows;
    if (to.is_int && !v->is_int) turn_to_ints(v);
    memset(v->slots, 0, v->n_slots * sizeof *v->slots);
    for (int64_t row = 1; row < v->rows; row++)
        mmoe_vocab_put_slot(v->slots, v->n_slots,
                            (mmoe_vocab_slot){(uint32_t)row, hash_of(v, row)});
    v->summed = 0;
    mmoe_vocab_finish_keys(v);
}
