/* Ids that are any values: the training file's get a row each (vocab.h), others row 0. */
#include <string.h>

#include "base/text.h"
#include "data/column_kinds.h"
#include "data/key_macros.h"

typedef struct vocabulary_encoder {
    mmoe_encoder head;
    mmoe_vocab *vocab;
} vocabulary_encoder;

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

static mmoe_status start_vocabulary(mmoe_encoder *e, mmoe_error *err) {
    e->rows = 1;
    return mmoe_vocab_create(&e->alloc, &vocabulary_of(e)->vocab, err);
}

static void judge_found(mmoe_cell *cell, bool missing) {
    if (missing)
        cell->state = MMOE_CELL_MISSING;
    else if (cell->id == 0)
        cell->state = MMOE_CELL_UNKNOWN;
}

static const char *learn_value(mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out) {
    const mmoe_status status =
        mmoe_vocab_add(vocabulary_of(e)->vocab, text, length, &out->id, NULL);
    if (out->id == 0)
        out->state = MMOE_CELL_MISSING;
    else if (!mmoe_vocab_is_int(keys_of(e)) && !mmoe_vocab_is_integer(text, length))
        out->state = MMOE_CELL_TEXT;
    if (status == MMOE_OK) return NULL;
    return status == MMOE_E_MEMORY ? mmoe_column_no_memory
                                   : "is one value more than a vocabulary holds, 2147483646";
}

static const char *settle_vocabulary(mmoe_encoder *e, char fault[MMOE_FAULT_SIZE]) {
    (void)fault;
    mmoe_vocab_finish(vocabulary_of(e)->vocab, NULL);
    e->rows = mmoe_vocab_rows(keys_of(e));
    return NULL;
}

static const char *parse_value(const mmoe_encoder *e, const char *text, size_t length,
                               mmoe_cell *out) {
    out->id = mmoe_vocab_find(keys_of(e), text, length);
    judge_found(out, length == 0);
    return NULL;
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

const mmoe_column_kind mmoe_column_vocabulary = {
    .word = "vocabulary",
    .shape = MMOE_SHAPE_ID,
    .is_total = true,
    .size = sizeof(vocabulary_encoder),
    .fitted = vocabulary_fitted,
    .n_fitted = sizeof vocabulary_fitted / sizeof *vocabulary_fitted,
    .without_file = vocabulary_without_file,
    .start = start_vocabulary,
    .learn = learn_value,
    .settle = settle_vocabulary,
    .parse = parse_value,
    .take = take_value,
};
