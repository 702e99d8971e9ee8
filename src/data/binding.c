#include "data/binding.h"

#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "data/texts.h"

mmoe_status mmoe_fail_column_name(const mmoe_binding *b, size_t c, mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_FORMAT, b->file, b->file ? 1 : 0, NULL,
                        "the name of column %zu is not UTF-8", c + 1);
}

bool mmoe_pattern_matches(const char *pattern, const char *name) {
    const char *star = strchr(pattern, '*');
    size_t before = (size_t)(star - pattern), after = strlen(star + 1), length = strlen(name);
    return length >= before + after && memcmp(pattern, name, before) == 0 &&
           strcmp(star + 1, name + length - after) == 0;
}

/* ---- Who takes which column ---- */

static mmoe_status take_labels(mmoe_binding *b, const mmoe_label_column *labels, int32_t n_label,
                               mmoe_error *err) {
    for (int32_t i = 0; i < n_label; i++) {
        int64_t at = mmoe_columns_find(b->index, labels[i].name);
        if (at >= 0) b->taker[at] = MMOE_TAKEN_AS_LABEL;
    }
    int64_t at = b->specs->weight ? mmoe_columns_find(b->index, b->specs->weight) : -1;
    if (at < 0) return MMOE_OK;
    if (b->taker[at] == MMOE_TAKEN_AS_LABEL)
        return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, b->specs->weight,
                            "the column is named as a label and as the weight");
    b->taker[at] = MMOE_TAKEN_AS_WEIGHT;
    return MMOE_OK;
}

/* Why no feature may read the column; NULL: it may. */
static const char *refusal(const mmoe_binding *b, int64_t at) {
    if (b->taker[at] == MMOE_TAKEN_AS_LABEL) return "a label column cannot be a feature";
    if (b->taker[at] == MMOE_TAKEN_AS_WEIGHT) return "the weight column cannot be a feature";
    return NULL;
}

/* A column that a spec names beside its name. */
static mmoe_status find_named(const mmoe_binding *b, int32_t i, const char *column, int64_t *at,
                              mmoe_error *err) {
    *at = *column ? mmoe_columns_find(b->index, column) : -1;
    if (*at < 0)
        return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, column,
                            "the configuration's feature \"%.100s\" reads a column that is not "
                            "there",
                            mmoe_spec_name(b->specs, i));
    const char *fault = refusal(b, *at);
    return fault ? mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, column, "%s", fault) : MMOE_OK;
}

/* A spec that names its column does not take it: others may read it, too. */
static mmoe_status take_named(mmoe_binding *b, int32_t i, mmoe_error *err) {
    const mmoe_status status = find_named(b, i, mmoe_spec_column(b->specs, i), &b->exact[i], err);
    if (status) return status;
    b->named[b->exact[i]] = true;
    b->matches[i] = 1;
    return MMOE_OK;
}

static bool is_pattern(const mmoe_binding *b, const char *name) {
    return strchr(name, '*') && mmoe_columns_find(b->index, name) < 0;
}

/* Likewise, by names and patterns. What a cross is of is a feature by itself for "*". */
static mmoe_status take_several(mmoe_binding *b, int32_t i, mmoe_error *err) {
    const mmoe_texts *columns = mmoe_spec_columns(b->specs, i);
    const bool is_list = mmoe_spec_is_sequence(b->specs, i);
    mmoe_status status = MMOE_OK;
    b->exact[i] = -1;
    b->matches[i] = 1;
    for (size_t k = 0; !status && k < columns->count; k++) {
        const char *name = columns->items[k];
        const bool many = is_pattern(b, name);
        int64_t at;
        for (size_t c = 0; many && c < b->n_columns; c++)
            b->named[c] |= mmoe_pattern_matches(name, b->columns[c]);
        if (!many) status = find_named(b, i, name, &at, err);
        if (!many && !status) b->named[at] |= is_list;
    }
    return status;
}

static mmoe_status take_exact(mmoe_binding *b, int32_t i, mmoe_error *err) {
    const char *name = mmoe_spec_name(b->specs, i), *star = strchr(name, '*'), *fault = NULL;
    int64_t at = *name ? mmoe_columns_find(b->index, name) : -1;
    b->exact[i] = at;
    if (at < 0 && !star)
        fault = "the configuration names a column that is not there";
    else if (at < 0 && strchr(star + 1, '*'))
        fault = "a pattern may have one '*' only";
    else if (at >= 0)
        fault = b->taker[at] >= 0 ? "the configuration names the column twice" : refusal(b, at);
    if (fault) return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, name, "%s", fault);
    if (at < 0) return MMOE_OK;
    b->taker[at] = i;
    b->matches[i] = 1;
    return MMOE_OK;
}

static void take_matches(mmoe_binding *b, bool everything) {
    for (int32_t i = 0; i < mmoe_all_specs(b->specs); i++) {
        const char *pattern = mmoe_spec_name(b->specs, i);
        if (b->exact[i] >= 0 || mmoe_spec_columns(b->specs, i) ||
            (strcmp(pattern, "*") == 0) != everything)
            continue;
        for (size_t c = 0; c < b->n_columns; c++) {
            if (b->taker[c] != MMOE_TAKEN_BY_NOTHING || !*b->columns[c] ||
                !mmoe_pattern_matches(pattern, b->columns[c]))
                continue;
            if (everything && b->named[c]) continue;
            b->taker[c] = i;
            b->matches[i]++;
        }
    }
}

static mmoe_status take_spec(mmoe_binding *b, int32_t i, mmoe_error *err) {
    if (mmoe_spec_columns(b->specs, i)) return take_several(b, i, err);
    return mmoe_spec_column(b->specs, i) ? take_named(b, i, err) : take_exact(b, i, err);
}

mmoe_status mmoe_take_columns(mmoe_binding *b, const mmoe_label_column *labels, int32_t n_label,
                              mmoe_error *err) {
    for (size_t c = 0; c < b->n_columns; c++) b->taker[c] = MMOE_TAKEN_BY_NOTHING;
    mmoe_status status = take_labels(b, labels, n_label, err);
    for (int32_t i = 0; !status && i < mmoe_all_specs(b->specs); i++) status = take_spec(b, i, err);
    if (status) return status;
    take_matches(b, false);
    take_matches(b, true);
    for (int32_t i = 0; i < mmoe_all_specs(b->specs); i++)
        if (!b->matches[i])
            return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, mmoe_spec_name(b->specs, i),
                                "the pattern matches no column that is left");
    return MMOE_OK;
}

/* ---- Specs of several columns ---- */

/* May a pattern of such a spec stand for the column? Not where it is a feature by its own name. */
static bool is_free(const mmoe_binding *b, size_t c) {
    const int32_t taker = b->taker[c];
    return *b->columns[c] &&
           (taker == MMOE_TAKEN_BY_NOTHING || (taker >= 0 && b->exact[taker] < 0));
}

static mmoe_status add_matches(const mmoe_binding *b, const mmoe_texts *columns, size_t pattern,
                               const mmoe_allocator *alloc, mmoe_texts *out, mmoe_error *err) {
    const size_t before = out->count;
    for (size_t c = 0; c < b->n_columns; c++) {
        const char *name = b->columns[c];
        if (!is_free(b, c) || !mmoe_pattern_matches(columns->items[pattern], name) ||
            mmoe_texts_have(columns, name) || mmoe_texts_have(out, name))
            continue;
        if (!mmoe_utf8_is(name, strlen(name))) return mmoe_fail_column_name(b, c, err);
        if (!mmoe_texts_add(out, name, strlen(name), alloc))
            return mmoe_fail_memory(err, strlen(name));
    }
    return out->count > before
               ? MMOE_OK
               : mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, columns->items[pattern],
                              "the pattern matches no column that is left");
}

mmoe_status mmoe_taken_columns(const mmoe_binding *b, int32_t spec, const mmoe_allocator *alloc,
                               mmoe_texts *out, mmoe_error *err) {
    const mmoe_texts *columns = mmoe_spec_columns(b->specs, spec);
    const size_t most = columns->count + b->n_columns;
    mmoe_status status =
        mmoe_texts_start(out, most, alloc) ? MMOE_OK : mmoe_fail_memory(err, most * sizeof(char *));
    for (size_t k = 0; !status && k < columns->count; k++) {
        const char *name = columns->items[k];
        if (is_pattern(b, name))
            status = add_matches(b, columns, k, alloc, out, err);
        else if (!mmoe_texts_add(out, name, strlen(name), alloc))
            status = mmoe_fail_memory(err, strlen(name));
    }
    return status;
}
