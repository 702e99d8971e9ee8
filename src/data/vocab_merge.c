/* The keys of one vocabulary that learns, entered in another. */
#include "base/text.h"
#include "data/vocab.h"
#include "data/vocab_hash.h"

enum { ASKED = 64 }; /* rows whose memory is asked for at once */

const char *mmoe_vocab_key_text(const mmoe_vocab *v, int64_t row, char room[MMOE_NUMBER_SIZE],
                                size_t *length) {
    if (!mmoe_vocab_is_int(v)) return mmoe_vocab_text_key(v, row, length);
    *length = mmoe_format_integer(mmoe_vocab_int_key(v, row), room);
    return room;
}

/* For the keys [first, end) of `from`, as far as they are of the vocabulary's type. */
static void ask(const mmoe_vocab *v, const mmoe_vocab *from, int64_t first, int64_t end) {
    uint32_t hashes[ASKED];
    const bool is_int = mmoe_vocab_is_int(v);
    if (!mmoe_vocab_is_large(v) || is_int != mmoe_vocab_is_int(from)) return;
    for (int64_t row = first; row < end; row++) {
        size_t length = 0;
        const char *text = is_int ? NULL : mmoe_vocab_text_key(from, row, &length);
        hashes[row - first] = is_int ? mmoe_vocab_int_hash(mmoe_vocab_int_key(from, row))
                                     : mmoe_vocab_text_hash(text, length);
    }
    mmoe_vocab_ask(v, hashes, (size_t)(end - first));
}

mmoe_status mmoe_vocab_merge(mmoe_vocab *vocab, const mmoe_vocab *from, int64_t first,
                             int32_t *rows, mmoe_error *err) {
    const int64_t n = mmoe_vocab_rows(from);
    char room[MMOE_NUMBER_SIZE];
    size_t length;
    mmoe_status status = MMOE_OK;
    for (int64_t row = first; !status && row < n; row++) {
        if ((row - first) % ASKED == 0) ask(vocab, from, row, row + ASKED < n ? row + ASKED : n);
        if (mmoe_vocab_is_int(vocab) && mmoe_vocab_is_int(from)) {
            status = mmoe_vocab_add_int(vocab, mmoe_vocab_int_key(from, row), &rows[row], err);
            continue;
        }
        const char *text = mmoe_vocab_key_text(from, row, room, &length);
        status = mmoe_vocab_add(vocab, text, length, &rows[row], err);
    }
    return status;
}
