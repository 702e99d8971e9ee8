#include "data/label.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "loss/loss.h"
#include "mmoe/train.h"

const char mmoe_label_no_memory[] = "finds no memory";

static void trim(const char **text, size_t *length) {
    for (; *length && strchr(" \t", **text); (*text)++) --*length;
    while (*length && strchr(" \t", (*text)[*length - 1])) --*length;
}

/* The same text, or the same number: "1" is "1.0" and "+1". */
static bool is_same(const char *text, size_t length, const char *word) {
    size_t other = strlen(word);
    double x, y;
    trim(&text, &length);
    trim(&word, &other);
    if (length == other && memcmp(text, word, length) == 0) return true;
    return mmoe_parse_double(text, length, &x) && mmoe_parse_double(word, other, &y) && x == y;
}

bool mmoe_label_is_same(const char *text, const char *other) {
    return is_same(text, strlen(text), other);
}

/* Another value than the positive one: 0, if it is the one that stands there always. */
static const char *read_other(const mmoe_label_cell *cell, char room[MMOE_LABEL_FAULT_SIZE]) {
    const mmoe_label_column *c = cell->column;
    const char *text = cell->text, *negative = c->negative ? c->negative : *cell->negative;
    size_t length = cell->length;
    trim(&text, &length);
    if (!mmoe_utf8_is(text, length)) return "is not UTF-8, as a label must be";
    if (!negative) {
        *cell->negative = mmoe_copy_text(cell->alloc, text, length);
        return *cell->negative ? NULL : mmoe_label_no_memory;
    }
    if (is_same(text, length, negative)) return NULL;
    const int first = (int)mmoe_utf8_cut(c->positive, strlen(c->positive), 40),
              second = (int)mmoe_utf8_cut(negative, strlen(negative), 40);
    snprintf(room, MMOE_LABEL_FAULT_SIZE,
             "is neither \"%.*s\", the task's positive label, nor \"%.*s\", its other one", first,
             c->positive, second, negative);
    return room;
}

static const char *read_number(const mmoe_label_cell *cell, float *out) {
    const mmoe_label_column *c = cell->column;
    double value;
    if (!mmoe_number_text_read(&c->text, cell->text, cell->length, &value))
        return "is not a number";
    const char *fault = mmoe_label_fault((int)c->type, value);
    if (!fault) fault = mmoe_label_scale_fault(c->scale.transform, value);
    if (!fault) *out = (float)value;
    return fault;
}

const char *mmoe_label_read(const mmoe_label_cell *cell, char room[MMOE_LABEL_FAULT_SIZE],
                            float *out) {
    const mmoe_label_column *c = cell->column;
    *out = NAN;
    if (c->positive && is_same(cell->text, cell->length, c->positive)) {
        *out = 1;
        return NULL;
    }
    if (cell->is_missing || mmoe_number_text_names(&c->text, cell->text, cell->length)) return NULL;
    if (!c->positive) return read_number(cell, out);
    *out = 0;
    return read_other(cell, room);
}
