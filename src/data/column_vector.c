/* Vectors: a cell of "dim" numbers, which are inputs as they stand. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "data/column_kinds.h"
#include "data/key_macros.h"

typedef struct vector_encoder {
    mmoe_encoder head;
    int64_t dim;
    char *separator;
} vector_encoder;

static const mmoe_key vector_keys[] = {
    OPTIONAL("features.dense[].dim", IN_NUMBER(vector_encoder, dim), 0, 1, 65536,
             "A column of vectors with so many numbers, as \"0.5|-1|2\". Each number is an input, "
             "without a transform."),
    {.doc = {"features.dense[].separator", "string", "\"|\"", "one character",
             "With dim: the character between a vector's numbers."},
     .kind = MMOE_KEY_TEXT,
     IN_NUMBER(vector_encoder, separator)},
};

static const vector_encoder *vector_of(const mmoe_encoder *e) { return (const vector_encoder *)e; }

static int32_t vector_dim(const mmoe_encoder *e) { return (int32_t)vector_of(e)->dim; }

static char vector_separator(const mmoe_encoder *e) { return *vector_of(e)->separator; }

static const char *check_vector(const mmoe_encoder *e, char fault[MMOE_FAULT_SIZE],
                                const char **key) {
    const char *separator = vector_of(e)->separator;
    *key = "dim";
    if (vector_of(e)->dim < 1) return "a vector of no numbers";
    *key = "separator";
    if (strlen(separator) == 1 && !strchr("0123456789+-.eExXnaifNAIF", *separator)) return NULL;
    snprintf(fault, MMOE_FAULT_SIZE,
             "\"%.20s\" is not one character of one byte that is in no number", separator);
    return fault;
}

/* Number k of a vector, whose value is `value`. */
static const char *fault_at(mmoe_cell *out, int32_t k, const char *fault) {
    snprintf(out->fault, sizeof out->fault, "has a number %d that %s", (int)k + 1, fault);
    return out->fault;
}

static const char *put_number(double value, int32_t k, mmoe_cell *out) {
    if (!isfinite(value)) return fault_at(out, k, "is not finite");
    if (!isfinite((float)value)) return fault_at(out, k, "is too large for single precision");
    if (out->inputs) out->inputs[k] = (float)value;
    if (out->learned) out->learned[k] = value;
    return NULL;
}

static const char *read_vector(const mmoe_encoder *e, const char *text, size_t length,
                               mmoe_cell *out) {
    const int32_t dim = vector_dim(e);
    const char separator = vector_separator(e), *end = text + length;
    int32_t count = 1;
    for (const char *c = text; c < end; c++) count += *c == separator;
    if (!length) {
        snprintf(out->fault, sizeof out->fault, "is no vector of %d numbers: a value is missing",
                 (int)dim);
        return out->fault;
    }
    if (count != dim) {
        snprintf(out->fault, sizeof out->fault, "is a vector of %d numbers, not of %d", (int)count,
                 (int)dim);
        return out->fault;
    }
    for (int32_t k = 0; k < dim; k++) {
        const char *next = memchr(text, separator, (size_t)(end - text));
        double value;
        if (!next) next = end;
        if (!mmoe_parse_double(text, (size_t)(next - text), &value))
            return fault_at(out, k, "is none");
        const char *fault = put_number(value, k, out);
        if (fault) return fault;
        text = next + 1;
    }
    return NULL;
}

static const char *learn_vector(mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out) {
    out->inputs = NULL;
    return read_vector(e, text, length, out);
}

static const char *parse_vector(const mmoe_encoder *e, const char *text, size_t length,
                                mmoe_cell *out) {
    out->learned = NULL;
    return read_vector(e, text, length, out);
}

static const char *take_vector(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                               mmoe_cell *out) {
    const char *value = at, *fault = NULL;
    if (type == MMOE_VALUE_TEXT) {
        size_t length;
        const char *text = mmoe_value_text(at, &length);
        return parse_vector(e, text, length, out);
    }
    out->learned = NULL;
    for (int32_t k = 0; !fault && k < vector_dim(e); k++, value += mmoe_value_size(type)) {
        double number;
        mmoe_value_number(type, value, &number);
        fault = put_number(number, k, out);
    }
    return fault;
}

static void finish_vector(const mmoe_encoder *e, const double *learned, float *inputs) {
    for (int32_t k = 0; k < vector_dim(e); k++) inputs[k] = (float)learned[k];
}

const mmoe_column_kind mmoe_column_vector = {
    .word = "vector",
    .shape = MMOE_SHAPE_NUMBER,
    .size = sizeof(vector_encoder),
    .keys = vector_keys,
    .n_key = sizeof vector_keys / sizeof *vector_keys,
    .is_decided = true,
    .check = check_vector,
    .learn = learn_vector,
    .span = vector_dim,
    .width = vector_dim,
    .separator = vector_separator,
    .finish = finish_vector,
    .parse = parse_vector,
    .take = take_vector,
};
