/* Schemas that are made, copied and freed. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "data/schema.h"
#include "data/texts.h"
#include "mmoe/train.h"

typedef struct mmoe_schema schema;

schema *mmoe_schema_new(const mmoe_allocator *a, size_t n_table, size_t n_sparse, size_t n_dense,
                        size_t n_label) {
    schema *s = mmoe_alloc_zero(a, 1, sizeof *s);
    if (!s) return NULL;
    s->alloc = *a;
    s->tables = mmoe_alloc_zero(a, n_table, sizeof *s->tables);
    s->sparse = mmoe_alloc_zero(a, n_sparse, sizeof *s->sparse);
    s->dense = mmoe_alloc_zero(a, n_dense, sizeof *s->dense);
    s->labels = mmoe_alloc_zero(a, n_label, sizeof *s->labels);
    if (s->tables && s->sparse && s->dense && s->labels) return s;
    mmoe_schema_free(s);
    return NULL;
}

bool mmoe_schema_text(const schema *s, const char *from, char **to) {
    *to = from ? mmoe_copy_text(&s->alloc, from, strlen(from)) : NULL;
    return !from || *to;
}

bool mmoe_schema_label(const schema *s, const mmoe_label_column *from, mmoe_label_column *to) {
    *to = *from;
    to->name = to->task = to->positive = to->negative = NULL;
    to->text = (mmoe_number_text){NULL, NULL, {NULL, 0}};
    return mmoe_schema_text(s, from->name, &to->name) &&
           mmoe_schema_text(s, from->task, &to->task) &&
           mmoe_schema_text(s, from->positive, &to->positive) &&
           mmoe_schema_text(s, from->negative, &to->negative) &&
           mmoe_schema_text(s, from->text.strip, &to->text.strip) &&
           mmoe_schema_text(s, from->text.decimal, &to->text.decimal) &&
           mmoe_texts_copy(&from->text.gaps, &s->alloc, &to->text.gaps);
}

bool mmoe_schema_weighs_lists(const schema *s) {
    for (int32_t i = 0; i < s->n_sparse; i++)
        if (s->sparse[i].list >= 0 && s->sparse[i].how.weight_separator) return true;
    return false;
}

bool mmoe_schema_numbers_stand(const schema *s) {
    bool all = true;
    for (const mmoe_dense_column *c = s->dense; all && c < s->dense + s->n_dense; c++)
        all = !mmoe_gap_is_open(&c->gap) && c->encoder->kind->stands &&
              c->encoder->kind->stands(c->encoder);
    return all;
}

mmoe_status mmoe_schema_lay(schema *s, mmoe_error *err) {
    enum { MOST = 1 << 24 };
    int64_t width = 0, span = 0;
    for (int32_t i = 0; i < s->n_dense; i++) {
        mmoe_dense_column *c = &s->dense[i];
        c->span = mmoe_encoder_span(c->encoder);
        c->width = mmoe_encoder_width(c->encoder) + c->indicator;
        c->first = (int32_t)width;
        c->first_number = (int32_t)span;
        width += c->width;
        span += c->span;
        if (width > MOST || span > MOST)
            return mmoe_fail_at(err, MMOE_E_CONFIG, NULL, 0, c->name,
                                "with this one the features have more than %d numbers", MOST);
    }
    s->dense_width = (int32_t)width;
    s->dense_span = (int32_t)span;
    return MMOE_OK;
}

const mmoe_dense_column *mmoe_dense_at(const schema *s, int32_t at) {
    const mmoe_dense_column *c = s->dense;
    while (at >= c->first + c->width) c++;
    return c;
}

/* `beside`: what grows learns beside the source's, and has none of its values. */
static mmoe_status copy_table(const schema *s, const mmoe_table *source, bool beside, mmoe_table *t,
                              mmoe_error *err) {
    const mmoe_column_kind *kind = source->encoder->kind;
    *t = *source;
    t->name = t->pretrained = NULL;
    t->encoder = NULL;
    if (!mmoe_schema_text(s, source->name, &t->name) ||
        !mmoe_schema_text(s, source->pretrained, &t->pretrained))
        return mmoe_fail_memory(err, sizeof *t);
    if (beside && kind->grow) return kind->beside(source->encoder, &s->alloc, &t->encoder, err);
    t->encoder = mmoe_encoder_copy(source->encoder, &s->alloc);
    return t->encoder ? MMOE_OK : mmoe_fail_memory(err, kind->size);
}

static mmoe_status copy_into(const schema *from, bool beside, schema *s, mmoe_error *err) {
    s->n_list = from->n_list;
    bool ok = mmoe_schema_text(s, from->weight, &s->weight) &&
              mmoe_reading_copy(&from->reading, &s->alloc, &s->reading);
    for (; ok && s->n_sparse < from->n_sparse; s->n_sparse++) {
        const mmoe_sparse_column *source = &from->sparse[s->n_sparse];
        mmoe_sparse_column *c = &s->sparse[s->n_sparse];
        *c = *source;
        c->name = c->column = NULL;
        ok = mmoe_texts_copy(&source->columns, &s->alloc, &c->columns) &&
             mmoe_schema_text(s, source->name, &c->name) &&
             mmoe_schema_text(s, source->column, &c->column);
    }
    for (; ok && s->n_dense < from->n_dense; s->n_dense++) {
        mmoe_dense_column *d = &s->dense[s->n_dense];
        const mmoe_dense_column *source = &from->dense[s->n_dense];
        *d = (mmoe_dense_column){.side = source->side,
                                 .indicator = source->indicator,
                                 .missing_share = source->missing_share};
        ok = mmoe_schema_text(s, source->name, &d->name) &&
             mmoe_schema_text(s, source->column, &d->column) &&
             (d->encoder = mmoe_encoder_copy(source->encoder, &s->alloc)) &&
             mmoe_gap_copy(&source->gap, d->encoder, &d->gap);
    }
    for (; ok && s->n_label < from->n_label; s->n_label++)
        ok = mmoe_schema_label(s, &from->labels[s->n_label], &s->labels[s->n_label]);
    mmoe_status status = ok ? MMOE_OK : mmoe_fail_memory(err, sizeof *s);
    for (; !status && s->n_table < from->n_table; s->n_table++)
        status = copy_table(s, &from->tables[s->n_table], beside, &s->tables[s->n_table], err);
    return status ? status : mmoe_schema_lay(s, err);
}

static mmoe_status make_copy(const schema *source, bool beside, const mmoe_allocator *alloc,
                             schema **out, mmoe_error *err) {
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    schema *s = mmoe_schema_new(&a, (size_t)source->n_table, (size_t)source->n_sparse,
                                (size_t)source->n_dense, (size_t)source->n_label);
    if (!s) return mmoe_fail_memory(err, sizeof *s);
    mmoe_status status = copy_into(source, beside, s, err);
    if (status)
        mmoe_schema_free(s);
    else
        *out = s;
    return status;
}

mmoe_status mmoe_schema_copy(const schema *source, const mmoe_allocator *alloc, schema **out,
                             mmoe_error *err) {
    return make_copy(source, false, alloc, out, err);
}

mmoe_status mmoe_schema_beside(const schema *source, const mmoe_allocator *alloc, schema **out,
                               mmoe_error *err) {
    return make_copy(source, true, alloc, out, err);
}

void mmoe_schema_free(schema *s) {
    if (!s) return;
    mmoe_allocator a = s->alloc;
    for (int32_t i = 0; i < s->n_table; i++) {
        mmoe_release(&a, s->tables[i].name);
        mmoe_release(&a, s->tables[i].pretrained);
        mmoe_encoder_free(s->tables[i].encoder);
    }
    for (int32_t i = 0; i < s->n_sparse; i++) {
        mmoe_release(&a, s->sparse[i].name);
        mmoe_release(&a, s->sparse[i].column);
        mmoe_texts_finish(&s->sparse[i].columns, &a);
    }
    for (int32_t i = 0; i < s->n_dense; i++) {
        mmoe_release(&a, s->dense[i].name);
        mmoe_release(&a, s->dense[i].column);
        mmoe_encoder_free(s->dense[i].encoder);
        mmoe_gap_finish(&s->dense[i].gap, &a);
    }
    for (int32_t i = 0; i < s->n_label; i++) {
        mmoe_release(&a, s->labels[i].name);
        mmoe_release(&a, s->labels[i].task);
        mmoe_release(&a, s->labels[i].positive);
        mmoe_release(&a, s->labels[i].negative);
        mmoe_release(&a, s->labels[i].text.strip);
        mmoe_release(&a, s->labels[i].text.decimal);
        mmoe_texts_finish(&s->labels[i].text.gaps, &a);
    }
    mmoe_release(&a, s->tables);
    mmoe_release(&a, s->sparse);
    mmoe_release(&a, s->dense);
    mmoe_release(&a, s->labels);
    mmoe_release(&a, s->weight);
    mmoe_reading_finish(&s->reading, &a);
    mmoe_release(&a, s);
}

const char *mmoe_schema_column(const struct mmoe_schema *s, int32_t i) {
    if (i >= s->n_sparse)
        return mmoe_feature_column(s->dense[i - s->n_sparse].name,
                                   s->dense[i - s->n_sparse].column);
    const mmoe_sparse_column *c = &s->sparse[i];
    return c->columns.items ? NULL : mmoe_feature_column(c->name, c->column);
}

bool mmoe_schema_is_column(const struct mmoe_schema *s, int32_t i) {
    return i < s->n_sparse ? !s->sparse[i].columns.items && !s->sparse[i].column
                           : !s->dense[i - s->n_sparse].column;
}

/* Of features whose warnings cover each other, that with the least turn has one. */
static int32_t turn(const struct mmoe_schema *s, int32_t i) {
    return mmoe_schema_is_column(s, i) ? -1 : i;
}

bool mmoe_schema_is_covered(const struct mmoe_schema *s, int32_t i, mmoe_warning_covers covers,
                            const void *context) {
    const char *column = mmoe_schema_column(s, i);
    bool is_covered = false;
    for (int32_t k = 0; column && !is_covered && k < s->n_sparse + s->n_dense; k++) {
        /* Of tens of thousands few have a warning: names are compared last. */
        if (k == i || !covers(context, k, i)) continue;
        const char *other = mmoe_schema_column(s, k);
        is_covered = other && strcmp(other, column) == 0 &&
                     (turn(s, k) < turn(s, i) || !covers(context, i, k));
    }
    return is_covered;
}

const char *mmoe_feature_show(const char *name, const char *column, char out[MMOE_FEATURE_SIZE]) {
    const int most = 160, n = (int)mmoe_utf8_cut(name, strlen(name), most);
    if (column)
        snprintf(out, MMOE_FEATURE_SIZE, "feature \"%.*s\" of column \"%.*s\"", n, name,
                 (int)mmoe_utf8_cut(column, strlen(column), most), column);
    else
        snprintf(out, MMOE_FEATURE_SIZE, "column \"%.*s\"", n, name);
    return out;
}

const char *mmoe_sparse_show(const mmoe_sparse_column *c, char out[MMOE_FEATURE_SIZE]) {
    const int most = 160;
    if (!c->columns.items) return mmoe_feature_show(c->name, c->column, out);
    snprintf(out, MMOE_FEATURE_SIZE, "feature \"%.*s\"",
             (int)mmoe_utf8_cut(c->name, strlen(c->name), most), c->name);
    return out;
}
