/* Values that a vocabulary knows. */
#include "base/ask.h"
#include "base/missing.h"
#include "base/short_number.h"
#include "base/text.h"
#include "data/vocab_parts.h"

int32_t mmoe_vocab_find(const mmoe_vocab *vocab, const char *text, size_t length) {
    if (length == 0) return 0;
    int64_t value;
    if (vocab->is_int)
        return mmoe_short_integer(text, length, &value) ||
                       mmoe_parse_integral(text, length, &value) > 0
                   ? mmoe_vocab_look_up_int(vocab, value)
                   : 0;
    /* The text itself first: a file of version 0.1 may have "7.0" or " red" for a key. */
    int32_t row = mmoe_vocab_look_up_text(vocab, text, length, mmoe_vocab_text_hash(text, length));
    const size_t whole = length;
    text = mmoe_trim_blanks(text, &length);
    if (!row && length > 0 && length < whole)
        row = mmoe_vocab_look_up_text(vocab, text, length, mmoe_vocab_text_hash(text, length));
    if (row || !mmoe_parse_printed(text, length, &value)) return row;
    char number[MMOE_NUMBER_SIZE];
    const size_t n = mmoe_format_integer(value, number);
    return mmoe_vocab_look_up_text(vocab, number, n, mmoe_vocab_text_hash(number, n));
}

int32_t mmoe_vocab_find_int(const mmoe_vocab *vocab, int64_t value) {
    if (vocab->is_int) return mmoe_vocab_look_up_int(vocab, value);
    char text[MMOE_NUMBER_SIZE];
    return mmoe_vocab_find(vocab, text, mmoe_format_integer(value, text));
}

/* For what a large one has of them, but for the small ones. */
static void ask_for_ints(const mmoe_vocab *v, const uint32_t *values, size_t count) {
    uint32_t hashes[MMOE_CELLS_AT_ONCE];
    size_t n = 0;
    if (!mmoe_vocab_is_large(v)) return;
    for (size_t i = 0; i < count; i++)
        if (!mmoe_small_ints_know(&v->small, values[i]))
            hashes[n++] = mmoe_vocab_int_hash(values[i]);
    if (n) mmoe_vocab_ask(v, hashes, n);
}

static bool are_small(const mmoe_vocab *v, const uint32_t *values, size_t count) {
    int32_t most = 0; /* of 8 digits; vectors compare such */
    for (size_t i = 0; i < count; i++) most = (int32_t)values[i] > most ? (int32_t)values[i] : most;
    return mmoe_small_ints_know(&v->small, most);
}

/* Of small ones a read each; true: all are known. */
static bool find_small(const mmoe_vocab *v, const uint32_t *values, size_t count, int32_t *ids,
                       size_t step) {
    const int32_t *rows = v->small.rows;
    bool all = true;
    for (size_t k = 0; k < count; k++) {
        const int32_t row = rows[values[k]];
        ids[k * step] = row;
        all &= row != 0;
    }
    return all;
}

/* One that has more digits, or none. */
static int32_t find_other_int(const mmoe_vocab *v, const mmoe_csv_field *cell) {
    int64_t value;
    const bool is_integer = cell->length && (uint8_t)(*cell->text - '0') < 10 &&
                            mmoe_parse_printed(cell->text, cell->length, &value);
    return is_integer ? mmoe_vocab_look_up_int(v, value) : 0;
}

/* Those of cells that are looked at together: true: all are known. */
static bool known_ints_of(const mmoe_vocab *v, const mmoe_cell_run *run, size_t *done) {
    const mmoe_csv_cells cells = mmoe_cell_run_next(run, *done);
    uint32_t values[MMOE_CELLS_AT_ONCE];
    const uint64_t good = run->scanner->integers(&cells, values);
    int32_t *id = run->ids + *done * run->step;
    if (good == ~(uint64_t)0 >> (MMOE_CELLS_AT_ONCE - cells.count) &&
        are_small(v, values, cells.count) && find_small(v, values, cells.count, id, run->step)) {
        *done += cells.count;
        return true;
    }
    ask_for_ints(v, values, cells.count);
    for (size_t k = 0; k < cells.count; k++, id += run->step, ++*done) {
        if (good >> k & 1) {
            *id = mmoe_vocab_look_up_int(v, values[k]);
        } else {
            const mmoe_csv_field cell = mmoe_csv_cells_at(&cells, k);
            *id = find_other_int(v, &cell);
        }
        if (!*id) return false;
    }
    return true;
}

static size_t known_ints(const mmoe_vocab *v, const mmoe_cell_run *run) {
    size_t done = 0;
    while (done < run->cells.count && known_ints_of(v, run, &done)) continue;
    return done;
}

/* What begins behind the digits is no integer. */
static bool is_plain_text(const mmoe_cell_run *run, const mmoe_csv_field *cell) {
    const uint8_t first = (uint8_t)*cell->text;
    return cell->length && first > '9' && (run->plain[first / 64] >> first % 64 & 1);
}

static size_t known_texts(const mmoe_vocab *v, const mmoe_cell_run *run) {
    int32_t *id = run->ids;
    size_t k = 0;
    for (; run->texts && k < run->cells.count; k++, id += run->step) {
        const mmoe_csv_field cell = mmoe_csv_cells_at(&run->cells, k);
        if (!is_plain_text(run, &cell)) break;
        const uint32_t hash = mmoe_vocab_text_hash(cell.text, cell.length);
        *id = mmoe_vocab_look_up_text(v, cell.text, cell.length, hash);
        if (!*id) break;
    }
    if (k) *run->texts += (int64_t)k;
    return k;
}

size_t mmoe_vocab_known(const mmoe_vocab *v, const mmoe_cell_run *run) {
    return v->is_int ? known_ints(v, run) : known_texts(v, run);
}

/* ---- Asking ---- */

/* Those of smaller ones are in the cache. */
bool mmoe_vocab_is_large(const mmoe_vocab *vocab) {
    return vocab->n_slots * sizeof *vocab->slots > (1 << 16);
}

static uint32_t row_of_hash(const mmoe_vocab *v, uint32_t hash) {
    size_t i = hash & (v->n_slots - 1);
    while (v->slots[i].row && v->slots[i].hash != hash) i = (i + 1) & (v->n_slots - 1);
    return v->slots[i].row;
}

/* A find reads a slot, then the key's place, then the key. Here each is asked for when that before
 * it has come, for all values in turn, so that many are on their way at once. */
void mmoe_vocab_ask(const mmoe_vocab *v, const uint32_t *hashes, size_t count) {
    const size_t mask = v->n_slots - 1;
    for (size_t i = 0; i < count; i++) mmoe_ask(&v->slots[hashes[i] & mask]);
    for (size_t i = 0; i < count; i++) {
        const uint32_t row = row_of_hash(v, hashes[i]);
        if (row) mmoe_ask(&v->keys[row - 1]);
    }
    for (size_t i = 0; !v->is_int && i < count; i++) {
        const uint32_t row = row_of_hash(v, hashes[i]);
        if (row) mmoe_ask(v->bytes + v->keys[row - 1]);
    }
}
