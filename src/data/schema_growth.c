#include "data/schema_growth.h"

#include <inttypes.h>

#include "base/error.h"
#include "data/schema_adopt.h"
#include "mmoe/train.h"

typedef struct mmoe_schema schema;

/* ---- Whether it has grown ---- */

static mmoe_status fail_at(const char *name, const char *key, mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, name,
                        "its \"%s\" is another than the model's, of which the schema is not grown",
                        key);
}

/* Of texts and integers alike: an integer is the text that it prints as. */
static bool is_same_key(const mmoe_vocab *a, const mmoe_vocab *b, int64_t row) {
    char rooms[2][MMOE_NUMBER_SIZE];
    size_t lengths[2];
    if (mmoe_vocab_is_int(a) && mmoe_vocab_is_int(b))
        return mmoe_vocab_int_key(a, row) == mmoe_vocab_int_key(b, row);
    const char *x = mmoe_vocab_key_text(a, row, rooms[0], &lengths[0]),
               *y = mmoe_vocab_key_text(b, row, rooms[1], &lengths[1]);
    return lengths[0] == lengths[1] && memcmp(x, y, lengths[0]) == 0;
}

static const char *show_key(const mmoe_vocab *v, int64_t row, char out[MMOE_SHOWN_SIZE]) {
    char room[MMOE_NUMBER_SIZE];
    size_t length;
    const char *text = mmoe_vocab_key_text(v, row, room, &length);
    return mmoe_text_show(text, length, out);
}

mmoe_status mmoe_vocab_check_growth(const char *name, const mmoe_vocab *v, const mmoe_vocab *grown,
                                    mmoe_error *err) {
    const int64_t rows = mmoe_vocab_rows(v), has = mmoe_vocab_rows(grown);
    char mine[MMOE_SHOWN_SIZE], theirs[MMOE_SHOWN_SIZE];
    int64_t row = 1;
    while (row < rows && row < has && is_same_key(v, grown, row)) row++;
    if (row == rows) return MMOE_OK;
    if (row == has)
        return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, name,
                            "its vocabulary ends with value %" PRId64 ", the model's goes on with "
                            "%s: it has not grown from the model's",
                            has - 1, show_key(v, row, mine));
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, name,
                        "value %" PRId64 " of its vocabulary is %s, of the model's %s: it has not "
                        "grown from the model's",
                        row, show_key(grown, row, theirs), show_key(v, row, mine));
}

static mmoe_status check_ids(const schema *s, const schema *grown, int32_t i, mmoe_error *err) {
    const char *name = s->sparse[i].name;
    const mmoe_encoder *a = s->tables[s->sparse[i].table].encoder,
                       *b = grown->tables[grown->sparse[i].table].encoder;
    if (strcmp(name, grown->sparse[i].name) != 0) return fail_at(name, "name", err);
    const char *key = mmoe_sparse_difference(s, grown, i);
    if (key) return fail_at(name, key, err);
    if (a->kind->grow)
        return mmoe_vocab_check_growth(name, mmoe_encoder_vocab(a), mmoe_encoder_vocab(b), err);
    return mmoe_encoder_hash(0, a) == mmoe_encoder_hash(0, b) ? MMOE_OK
                                                              : fail_at(name, a->kind->word, err);
}

static bool have_same_gap(const mmoe_dense_column *a, const mmoe_dense_column *b) {
    const float *x = a->gap.fill, *y = b->gap.fill;
    const size_t width = (size_t)mmoe_encoder_width(a->encoder);
    return !x || !y ? x == y : memcmp(x, y, width * sizeof *x) == 0;
}

static mmoe_status check_number(const mmoe_dense_column *a, const mmoe_dense_column *b,
                                mmoe_error *err) {
    if (strcmp(a->name, b->name) != 0) return fail_at(a->name, "name", err);
    if (strcmp(mmoe_feature_column(a->name, a->column), mmoe_feature_column(b->name, b->column)))
        return fail_at(a->name, "column", err);
    if (mmoe_encoder_hash(0, a->encoder) != mmoe_encoder_hash(0, b->encoder))
        return fail_at(a->name, "transform", err);
    return a->indicator == b->indicator && have_same_gap(a, b) ? MMOE_OK
                                                               : fail_at(a->name, "missing", err);
}

static mmoe_status check_label(const mmoe_label_column *a, const mmoe_label_column *b,
                               mmoe_error *err) {
    const char *key = mmoe_label_difference(a, b);
    return key ? fail_at(a->name, key, err) : MMOE_OK;
}

mmoe_status mmoe_schema_check_growth(const schema *s, const schema *grown, mmoe_error *err) {
    if (s->n_sparse != grown->n_sparse || s->n_dense != grown->n_dense ||
        s->n_label != grown->n_label || s->n_table != grown->n_table ||
        !s->weight != !grown->weight || (s->weight && strcmp(s->weight, grown->weight) != 0))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "the schema has other features, labels or weights than the model's, of "
                         "which it is not grown");
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < s->n_sparse; i++) status = check_ids(s, grown, i, err);
    for (int32_t i = 0; !status && i < s->n_dense; i++)
        status = check_number(&s->dense[i], &grown->dense[i], err);
    for (int32_t i = 0; !status && i < s->n_label; i++)
        status = check_label(&s->labels[i], &grown->labels[i], err);
    return status;
}

/* ---- What becomes of it ---- */

mmoe_status mmoe_schema_grow(const schema *s, const schema *grown, const mmoe_allocator *alloc,
                             schema **out, mmoe_error *err) {
    schema *made;
    const mmoe_status status = mmoe_schema_copy(grown, alloc, &made, err);
    if (status) return status;
    if (!mmoe_schema_take_model_side(s, made)) {
        mmoe_schema_free(made);
        return mmoe_fail_memory(err, sizeof *made);
    }
    for (int32_t i = 0; i < made->n_table; i++) {
        mmoe_release(&made->alloc, made->tables[i].pretrained);
        made->tables[i].pretrained = NULL;
    }
    for (int32_t i = 0; i < made->n_label; i++) made->labels[i].scale = s->labels[i].scale;
    *out = made;
    return MMOE_OK;
}
