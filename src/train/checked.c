#include "train/checked.h"

#include <assert.h>
#include <string.h>

#include "base/checksum.h"
#include "train/ranking.h"

/* ---- Ids ---- */

static void take_lists(const mmoe_checked *f, const mmoe_rows *rows, uint64_t *words) {
    for (int32_t b = 0; b < rows->rows; b++) {
        const mmoe_list l = mmoe_list_of(&rows->lists, mmoe_row_of(rows, b), f->sparse->list);
        const size_t n = (size_t)l.count;
        words[b] = mmoe_checksum_hash(0, l.ids, n * sizeof *l.ids);
        if (l.weights) words[b] = mmoe_checksum_hash(words[b], l.weights, n * sizeof *l.weights);
    }
}

/* Of a list one element, of an empty one none. */
static int32_t take_elements(const mmoe_checked *f, const mmoe_rows *rows, uint64_t *ids) {
    int32_t n = 0;
    for (int32_t b = 0; b < rows->rows; b++) {
        const mmoe_list l = mmoe_list_of(&rows->lists, mmoe_row_of(rows, b), f->sparse->list);
        if (l.count) ids[n++] = (uint32_t)l.ids[b % l.count];
    }
    return n;
}

static void take_each(const mmoe_checked *f, const mmoe_rows *rows, uint64_t *ids) {
    const int32_t *from = rows->ids + f->at;
    for (int32_t b = 0; b < rows->rows; b++)
        ids[b] = (uint32_t)from[mmoe_row_of(rows, b) * rows->id_stride];
}

int32_t mmoe_checked_ids(const mmoe_checked *f, const mmoe_rows *rows, uint64_t *ids) {
    int32_t n = rows->rows, known = 0;
    if (f->sparse->list < 0)
        take_each(f, rows, ids);
    else
        n = take_elements(f, rows, ids);
    if (!mmoe_encoder_vocab(f->encoder)) return n;
    for (int32_t i = 0; i < n; i++) {
        ids[known] = ids[i];
        known += ids[i] != 0;
    }
    return known;
}

/* ---- Values as words ---- */

static void take_inputs(const mmoe_checked *f, const mmoe_rows *rows, uint64_t *words) {
    const size_t size = (size_t)f->dense->width * sizeof(float);
    for (int32_t b = 0; b < rows->rows; b++) {
        const float *inputs = mmoe_checked_inputs(f, rows, b);
        words[b] = 0;
        if (size <= sizeof *words)
            memcpy(&words[b], inputs, size);
        else
            words[b] = mmoe_checksum_hash(0, inputs, size);
    }
}

/* A value as a word: another one's is another, but for one chance in 2^64 or so. */
static void take_words(const mmoe_checked *f, const mmoe_rows *rows, uint64_t *words) {
    if (f->dense)
        take_inputs(f, rows, words);
    else if (f->sparse->list < 0)
        take_each(f, rows, words);
    else
        take_lists(f, rows, words);
}

static void number_values(mmoe_checks *c, mmoe_checked *f) {
    const mmoe_rows *rows = &c->of_train.rows;
    int32_t *counts = c->counts;
    take_words(f, rows, c->words);
    f->n_number = mmoe_numbering_run(&c->numbering, c->words, rows->rows, f->numbers);
    memset(counts, 0, (size_t)f->n_number * sizeof *counts);
    for (int32_t b = 0; b < rows->rows; b++)
        if (++counts[f->numbers[b]] > f->most) f->most = counts[f->numbers[b]];
}

static void name_feature(const struct mmoe_schema *s, int32_t i, mmoe_checked *f) {
    if (i < s->n_sparse) {
        f->sparse = &s->sparse[i];
        f->at = i;
        f->encoder = s->tables[f->sparse->table].encoder;
        f->name = f->sparse->name;
        mmoe_sparse_show(f->sparse, f->shown);
        return;
    }
    f->at = i - s->n_sparse;
    f->dense = &s->dense[f->at];
    f->encoder = f->dense->encoder;
    f->name = f->dense->name;
    mmoe_feature_show(f->name, f->dense->column, f->shown);
}

void mmoe_checked_take(mmoe_checks *c, int32_t i, mmoe_checked *f) {
    name_feature(c->model->schema, i, f);
    number_values(c, f);
}

/* ---- All features ---- */

/* Two features have no name in common, so that one at most is the column itself. */
void mmoe_checked_put_in_order(mmoe_checks *c) {
    const struct mmoe_schema *s = c->model->schema;
    int32_t n = 0;
    for (int32_t i = 0; i < c->n_feature; i++)
        if (mmoe_schema_is_column(s, i) || !mmoe_schema_column(s, i)) c->order[n++] = i;
    const int32_t whole = n;
    for (int32_t i = 0; i < c->n_feature; i++)
        if (!mmoe_schema_is_column(s, i) && mmoe_schema_column(s, i)) c->order[n++] = i;
    for (int32_t k = 0; k < n; k++) {
        const int32_t i = c->order[k];
        int32_t at = k < whole ? k : 0;
        while (at < k && (!mmoe_schema_column(s, c->order[at]) ||
                          strcmp(mmoe_schema_column(s, c->order[at]), mmoe_schema_column(s, i))))
            at++;
        c->features[i].of = c->order[at];
    }
}

mmoe_status mmoe_checked_each(mmoe_checks *c, mmoe_look look, const void *user, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    memset(c->told, 0, (size_t)c->n_feature * sizeof *c->told);
    for (int32_t k = 0; !status && k < c->n_feature; k++) {
        mmoe_checked *f = &c->features[c->order[k]];
        const size_t before = c->list.count;
        if (c->told[f->of]) continue;
        status = look(c, f, user, err);
        c->told[f->of] = c->list.count > before;
    }
    return status;
}

/* ---- Order ---- */

void mmoe_checked_clear(mmoe_checks *c) { mmoe_sorter_clear(c->sorter); }

/* A sample is one run, of which no file is made. */
static void expect(mmoe_status status) {
    assert(!status);
    (void)status;
}

void mmoe_checked_add(mmoe_checks *c, float number, float label) {
    const float weight = mmoe_signed_weight(label, 1);
    uint32_t record[2] = {mmoe_ranked_bits(number)};
    memcpy(&record[1], &weight, sizeof weight);
    expect(mmoe_sorter_add(c->sorter, record, 1, NULL));
}

const uint32_t *mmoe_checked_sorted(mmoe_checks *c, size_t *count) {
    const uint32_t *records = NULL;
    expect(mmoe_sorter_begin(c->sorter, NULL));
    expect(mmoe_sorter_next(c->sorter, &records, count, NULL));
    return records;
}
