#include "data/arrow_array.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Checks ---- */

/* Buffers, the bits of validity among them; a view's are so many at least. */
static int64_t buffers_of(mmoe_arrow_form form) {
    switch (form.kind) {
    case MMOE_ARROW_FIXED_LIST:
        return 1;
    case MMOE_ARROW_TEXT:
    case MMOE_ARROW_VIEW:
        return 3;
    default:
        return 2;
    }
}

static const char *check_buffers(mmoe_arrow_form form, const struct ArrowArray *a) {
    const int64_t wanted = buffers_of(form);
    const bool is_view = form.kind == MMOE_ARROW_VIEW;
    if (is_view ? a->n_buffers < wanted : a->n_buffers != wanted)
        return "its array has another number of buffers than its format";
    if (!a->buffers) return "its array has no buffers";
    if (!a->buffers[0] && a->null_count > 0) return "its array has NULLs and no bits of validity";
    if (wanted > 1 && a->length > 0 && !a->buffers[1]) return "its array has no values";
    if (is_view && a->n_buffers > wanted && !a->buffers[a->n_buffers - 1])
        return "its array has no sizes of its buffers";
    return NULL;
}

/* More than any memory has, and places within it can be counted in bytes. */
static const int64_t MOST = (int64_t)1 << 56;

/* A buffer of nothing may be NULL. */
static const char *open_array(mmoe_arrow_form form, const struct ArrowArray *a, int64_t least,
                              mmoe_arrow_array *out) {
    if (!a || !a->release) return "its array is not there";
    if (a->length < 0 || a->offset < 0 || a->offset > MOST || a->length > MOST)
        return "its array has no possible length";
    if (a->length < least) return "its array is shorter than what refers to it";
    const char *fault = check_buffers(form, a);
    if (fault) return fault;
    *out = (mmoe_arrow_array){.form = form,
                              .offset = a->offset,
                              .length = a->length,
                              .valid = a->buffers[0],
                              .entries = a->n_buffers > 1 ? a->buffers[1] : NULL};
    if (form.kind == MMOE_ARROW_TEXT) out->bytes = a->buffers[2];
    if (form.kind == MMOE_ARROW_VIEW) {
        out->n_buffer = a->n_buffers - 3;
        out->buffers = (const void *const *)a->buffers + 2;
        out->sizes = a->buffers[a->n_buffers - 1];
    }
    return NULL;
}

const char *mmoe_arrow_batch_open(const mmoe_arrow_type *type, const struct ArrowArray *array,
                                  int64_t rows, mmoe_arrow_batch *out) {
    const struct ArrowArray *value = array;
    const char *fault = NULL;
    *out = (mmoe_arrow_batch){.type = type};
    if (type->is_list) {
        fault = open_array(type->list, array, rows, &out->list);
        if (fault) return fault;
        if (array->n_children != 1 || !array->children)
            return "its array of lists has no array of elements";
        value = array->children[0];
        rows = 0;
    }
    fault = open_array(type->value, value, rows, &out->value);
    if (fault) return fault;
    if (type->is_list && type->list.kind == MMOE_ARROW_FIXED_LIST && type->list.size &&
        out->list.offset + out->list.length > out->value.length / type->list.size)
        return "its array of elements is shorter than its lists";
    if (!type->is_coded) return NULL;
    return open_array(type->word, value->dictionary, 0, &out->word);
}

/* ---- Values ---- */

static bool is_null(const mmoe_arrow_array *a, int64_t i) {
    return a->valid && !mmoe_arrow_bit(a->valid, a->offset + i);
}

/* Signed; of an unsigned one of 8 bytes its bits. */
static int64_t integer_at(const mmoe_arrow_array *a, int64_t size, int64_t i) {
    const char *at = a->entries + (a->offset + i) * size;
    const bool is_unsigned = a->form.kind == MMOE_ARROW_UNSIGNED;
    int8_t one;
    int16_t two;
    int32_t four;
    int64_t eight;
    switch (size) {
    case 1:
        memcpy(&one, at, sizeof one);
        return is_unsigned ? (uint8_t)one : one;
    case 2:
        memcpy(&two, at, sizeof two);
        return is_unsigned ? (uint16_t)two : two;
    case 4:
        memcpy(&four, at, sizeof four);
        return is_unsigned ? (int64_t)(uint32_t)four : four;
    default:
        memcpy(&eight, at, sizeof eight);
        return eight;
    }
}

static const char falling[] = "its array's offsets fall, or begin below 0";

static const char *put_text(mmoe_arrow_text *out, const char *text, int64_t length) {
    if (length == 0) return NULL;
    if (!text) return "its array of texts has no bytes";
    out->text = text;
    out->length = (size_t)length;
    return memchr(text, '\0', out->length) ? "a text has a zero byte" : NULL;
}

static const char *read_text(const mmoe_arrow_array *a, int64_t i, mmoe_arrow_text *out) {
    const int64_t begin = integer_at(a, a->form.size, i), end = integer_at(a, a->form.size, i + 1);
    if (begin < 0 || end < begin) return falling;
    return put_text(out, a->bytes ? a->bytes + begin : NULL, end - begin);
}

/* Length, then up to 12 bytes of text, or 4 of it, the number of a buffer, and the place there. */
static const char *read_view(const mmoe_arrow_array *a, int64_t i, mmoe_arrow_text *out) {
    enum { VIEW = 16, WITHIN = 12 };
    const char *at = a->entries + (a->offset + i) * VIEW;
    int32_t length, buffer, place;
    int64_t size;
    memcpy(&length, at, sizeof length);
    memcpy(&buffer, at + 8, sizeof buffer);
    memcpy(&place, at + 12, sizeof place);
    if (length < 0) return "its array has a text of less than no bytes";
    if (length <= WITHIN) return put_text(out, at + 4, length);
    if (buffer < 0 || buffer >= a->n_buffer || place < 0)
        return "its array has a text in none of its buffers";
    memcpy(&size, a->sizes + (size_t)buffer * sizeof size, sizeof size);
    if ((int64_t)place + length > size) return "its array has a text that leaves its buffer";
    const char *bytes = a->buffers[buffer];
    return put_text(out, bytes ? bytes + place : NULL, length);
}

static void write_integer(const mmoe_arrow_array *a, int64_t i, mmoe_arrow_text *out) {
    const int64_t value = integer_at(a, a->form.size, i);
    const bool is_large = value < 0 && a->form.kind == MMOE_ARROW_UNSIGNED;
    out->text = out->room;
    out->length = is_large
                      ? (size_t)snprintf(out->room, sizeof out->room, "%" PRIu64, (uint64_t)value)
                      : mmoe_format_integer(value, out->room);
}

static void write_float(const mmoe_arrow_array *a, int64_t i, mmoe_arrow_text *out) {
    const char *at = a->entries + (a->offset + i) * a->form.size;
    float narrow = 0;
    double wide = 0;
    const bool is_narrow = a->form.size == sizeof narrow;
    if (is_narrow)
        memcpy(&narrow, at, sizeof narrow);
    else
        memcpy(&wide, at, sizeof wide);
    if (isnan(narrow) || isnan(wide)) return;
    out->text = out->room;
    out->length =
        is_narrow ? mmoe_format_float(narrow, out->room) : mmoe_format_double(wide, out->room);
}

static const char *write_value(const mmoe_arrow_array *a, int64_t i, mmoe_arrow_text *out) {
    switch (a->form.kind) {
    case MMOE_ARROW_TEXT:
        return read_text(a, i, out);
    case MMOE_ARROW_VIEW:
        return read_view(a, i, out);
    case MMOE_ARROW_FLOAT:
        write_float(a, i, out);
        return NULL;
    case MMOE_ARROW_BOOLEAN:
        out->text = out->truth->words[mmoe_arrow_bit(a->entries, a->offset + i)];
        out->length = strlen(out->text);
        return NULL;
    default:
        write_integer(a, i, out);
        return NULL;
    }
}

const char *mmoe_arrow_value(const mmoe_arrow_batch *batch, int64_t index, mmoe_arrow_text *out) {
    const mmoe_arrow_array *a = &batch->value;
    out->text = "";
    out->length = 0;
    if (is_null(a, index)) return NULL;
    if (!batch->type->is_coded) return write_value(a, index, out);
    index = integer_at(a, a->form.size, index);
    a = &batch->word;
    if (index < 0 || index >= a->length) return "its array has a place outside of its dictionary";
    return is_null(a, index) ? NULL : write_value(a, index, out);
}

const char *mmoe_arrow_list(const mmoe_arrow_batch *batch, int64_t row, int64_t *begin,
                            int64_t *end) {
    const mmoe_arrow_array *a = &batch->list;
    const int64_t size = a->form.size;
    *begin = *end = 0;
    if (is_null(a, row)) return NULL;
    if (a->form.kind == MMOE_ARROW_FIXED_LIST) {
        *begin = (a->offset + row) * size;
        *end = *begin + size;
        return NULL;
    }
    *begin = integer_at(a, size, row);
    *end = integer_at(a, size, row + 1);
    if (*begin < 0 || *end < *begin) return falling;
    return *end > batch->value.length ? "its array of elements is shorter than its lists" : NULL;
}
