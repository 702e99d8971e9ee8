#include "data/arrow_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "data/arrow_array.h"

typedef struct arrow_column {
    mmoe_arrow_type type;
    mmoe_arrow_truth truth;
    mmoe_arrow_batch batch;
    mmoe_arrow_text value;
    char *list; /* [list_room] a row's */
    size_t list_room;
    char fault[MMOE_ARROW_FAULT_SIZE];
} arrow_column;

typedef struct reader {
    mmoe_arrow_stream *s;
    const mmoe_row_handler *handler;
    mmoe_error *err;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    const uint8_t *valid; /* bits of its rows; NULL: none is NULL */
    size_t n;
    mmoe_row_column *names; /* [n] */
    arrow_column *columns;
    mmoe_csv_field *fields; /* of a row; of columns that nothing reads empty */
    int64_t row;            /* of the stream, from 1 */
} reader;

/* ---- The stream ---- */

/* The words of the stream for what has failed. */
static mmoe_status fail_stream(const reader *r, int number) {
    struct ArrowArrayStream *stream = r->s->stream;
    char text[MMOE_REASON_SIZE];
    const char *words = stream->get_last_error ? stream->get_last_error(stream) : NULL;
    return mmoe_fail_at(r->err, MMOE_E_IO, r->s->name, 0, NULL, "the stream failed: %s",
                        words && *words ? words : mmoe_reason(number, text));
}

static mmoe_status fail_column(const reader *r, size_t i, int64_t row, const char *fault) {
    return mmoe_fail_at(r->err, MMOE_E_FORMAT, r->s->name, row, r->names[i].name, "%s", fault);
}

/* ---- Its columns ---- */

static mmoe_status check_schema(const reader *r) {
    const struct ArrowSchema *s = &r->schema;
    if (!s->format || strcmp(s->format, "+s") != 0)
        return mmoe_fail_format(r->err, r->s->name,
                                "the stream is of \"%.32s\", not of structs (\"+s\")",
                                s->format ? s->format : "");
    if (s->n_children < 0 || (s->n_children > 0 && !s->children))
        return mmoe_fail_format(r->err, r->s->name, "the stream's schema has no columns");
    return MMOE_OK;
}

static mmoe_status make_columns(reader *r) {
    const mmoe_allocator *a = &r->s->alloc;
    r->n = (size_t)r->schema.n_children;
    r->names = mmoe_alloc_zero(a, r->n, sizeof *r->names);
    r->columns = mmoe_alloc_zero(a, r->n, sizeof *r->columns);
    r->fields = mmoe_alloc(a, r->n, sizeof *r->fields);
    if (!r->names || !r->columns || !r->fields)
        return mmoe_fail_memory(r->err, r->n * sizeof *r->columns);
    for (size_t i = 0; i < r->n; i++) {
        const struct ArrowSchema *s = r->schema.children[i];
        arrow_column *c = &r->columns[i];
        const char *name = s && s->name ? s->name : "";
        if (!s) return mmoe_fail_format(r->err, r->s->name, "the schema lacks column %zu", i + 1);
        if (!mmoe_utf8_is(name, strlen(name)))
            return mmoe_fail_format(r->err, r->s->name, "the name of column %zu is not UTF-8",
                                    i + 1);
        r->names[i] =
            (mmoe_row_column){.name = name, .fault = mmoe_arrow_type_read(s, &c->type, c->fault)};
        r->names[i].is_list = c->type.is_list;
        r->fields[i] = (mmoe_csv_field){"", 0};
    }
    return MMOE_OK;
}

static bool is_boolean(const mmoe_arrow_type *t) {
    const mmoe_arrow_form *form = t->is_coded ? &t->word : &t->value;
    return form->kind == MMOE_ARROW_BOOLEAN;
}

/* 1 and 0, but where a label's are words: then these. */
static mmoe_status find_truth(reader *r, size_t i) {
    static const mmoe_arrow_truth words[] = {
        {{"0", "1"}}, {{"False", "True"}}, {{"false", "true"}}, {{"FALSE", "TRUE"}}};
    const char *positive = r->names[i].positive;
    double number;
    r->columns[i].truth = words[0];
    if (!is_boolean(&r->columns[i].type) || !positive ||
        mmoe_parse_double(positive, strlen(positive), &number))
        return MMOE_OK;
    for (size_t k = 1; k < sizeof words / sizeof *words; k++)
        if (strcmp(positive, words[k].words[0]) == 0 || strcmp(positive, words[k].words[1]) == 0) {
            r->columns[i].truth = words[k];
            return MMOE_OK;
        }
    return fail_column(r, i, 0,
                       "its values are booleans, and the label's \"positive\" is neither true nor "
                       "false");
}

static mmoe_status read_header(reader *r) {
    struct ArrowArrayStream *stream = r->s->stream;
    if (!stream->get_schema || !stream->get_next)
        return mmoe_fail_at(r->err, MMOE_E_ARGUMENT, r->s->name, 0, NULL,
                            "the stream's function %s is NULL",
                            stream->get_schema ? "get_next" : "get_schema");
    const int failed = stream->get_schema(stream, &r->schema);
    mmoe_status status = failed ? fail_stream(r, failed) : check_schema(r);
    if (!status) status = make_columns(r);
    if (!status) status = r->handler->header(r->handler->user, r->names, r->n, r->err);
    for (size_t i = 0; !status && i < r->n; i++) status = find_truth(r, i);
    return status;
}

/* ---- Its rows ---- */

static mmoe_status grow_list(reader *r, arrow_column *c, size_t wanted) {
    const size_t room = c->list_room + c->list_room / 2 + 256;
    const size_t more = room < wanted ? wanted : room;
    char *list = mmoe_resize(&r->s->alloc, c->list, c->list_room, more, 1);
    if (!list) return mmoe_fail_memory(r->err, more);
    c->list = list;
    c->list_room = more;
    return MMOE_OK;
}

/* Each element with what the reader wants behind it; behind the last one of a vector nothing. */
static mmoe_status read_list(reader *r, size_t i, int64_t at) {
    arrow_column *c = &r->columns[i];
    const char separator = r->names[i].separator;
    int64_t begin, end;
    size_t used = 0;
    bool is_present = !separator; /* a vector is missing where all its numbers are */
    mmoe_status status = MMOE_OK;
    const char *fault = mmoe_arrow_list(&c->batch, at, &begin, &end);
    for (int64_t k = begin; !fault && !status && k < end; k++) {
        fault = mmoe_arrow_value(&c->batch, k, &c->value);
        const size_t length = c->value.length;
        if (fault) break;
        if (separator && memchr(c->value.text, separator, length))
            fault = "an element of the list has the vector's separator";
        if (used + length + 1 > c->list_room) status = grow_list(r, c, used + length + 1);
        if (status) return status;
        memcpy(c->list + used, c->value.text, length);
        c->list[used + length] = separator;
        used += length + 1;
        is_present |= length > 0;
    }
    if (fault) return fail_column(r, i, r->row, fault);
    r->fields[i] = (mmoe_csv_field){"", 0};
    if (used && is_present) r->fields[i] = (mmoe_csv_field){c->list, used - (separator != 0)};
    return MMOE_OK;
}

static mmoe_status read_value(reader *r, size_t i, int64_t at) {
    arrow_column *c = &r->columns[i];
    const char *fault = mmoe_arrow_value(&c->batch, at, &c->value);
    if (fault) return fail_column(r, i, r->row, fault);
    char *point = r->names[i].has_comma && c->value.text == c->value.room
                      ? memchr(c->value.room, '.', c->value.length)
                      : NULL;
    if (point) *point = ',';
    r->fields[i] = (mmoe_csv_field){c->value.text, c->value.length};
    return MMOE_OK;
}

/* Row `at` of the columns' arrays. */
static mmoe_status read_row(reader *r, int64_t at) {
    mmoe_status status = MMOE_OK;
    if (r->valid && !mmoe_arrow_bit(r->valid, at))
        return mmoe_fail_at(r->err, MMOE_E_FORMAT, r->s->name, r->row, NULL, "the row is NULL");
    for (size_t i = 0; !status && i < r->n; i++)
        if (r->names[i].is_read)
            status = r->columns[i].type.is_list ? read_list(r, i, at) : read_value(r, i, at);
    return status ? status : r->handler->row(r->handler->user, r->row, r->fields, r->err);
}

/* ---- Its batches ---- */

static mmoe_status check_batch(const reader *r) {
    const struct ArrowArray *a = &r->batch;
    const char *fault = NULL;
    if (a->n_children != r->schema.n_children || (r->n && !a->children))
        fault = "the batch has other columns than the schema";
    else if (a->length < 0 || a->offset < 0 || a->length > INT64_MAX - a->offset)
        fault = "the batch has no possible length";
    else if (a->null_count > 0 && !r->valid)
        fault = "the batch has NULLs and no bits of validity";
    return fault ? mmoe_fail_format(r->err, r->s->name, "%s", fault) : MMOE_OK;
}

static mmoe_status read_batch(reader *r) {
    const struct ArrowArray *a = &r->batch;
    r->valid = a->buffers && a->n_buffers > 0 ? a->buffers[0] : NULL;
    mmoe_status status = check_batch(r);
    for (size_t i = 0; !status && i < r->n; i++) {
        arrow_column *c = &r->columns[i];
        if (!r->names[i].is_read) continue;
        const char *fault =
            mmoe_arrow_batch_open(&c->type, a->children[i], a->offset + a->length, &c->batch);
        c->value.truth = &c->truth;
        if (fault) status = fail_column(r, i, 0, fault);
    }
    for (int64_t k = 0; !status && k < a->length; k++, r->row++)
        status = read_row(r, a->offset + k);
    return status;
}

static const char stream_name[] = "Arrow stream";

static mmoe_status read_batches(reader *r) {
    struct ArrowArrayStream *stream = r->s->stream;
    mmoe_status status = MMOE_OK;
    for (int64_t number = 1; !status; number++) {
        snprintf(r->s->name, sizeof r->s->name, "%s, batch %" PRId64, stream_name, number);
        r->batch = (struct ArrowArray){0};
        const int failed = stream->get_next(stream, &r->batch);
        if (failed) return fail_stream(r, failed);
        if (!r->batch.release) break;
        status = read_batch(r);
        r->batch.release(&r->batch);
    }
    if (!status) strcpy(r->s->name, stream_name);
    return status;
}

static mmoe_status read_stream(void *user, const mmoe_row_handler *handler, mmoe_error *err) {
    reader r = {.s = user, .handler = handler, .err = err, .row = 1};
    const mmoe_allocator *a = &r.s->alloc;
    mmoe_status status = read_header(&r);
    if (!status) status = read_batches(&r);
    if (r.schema.release) r.schema.release(&r.schema);
    for (size_t i = 0; r.columns && i < r.n; i++) mmoe_release(a, r.columns[i].list);
    mmoe_release(a, r.columns);
    mmoe_release(a, r.names);
    mmoe_release(a, r.fields);
    return status;
}

mmoe_status mmoe_arrow_stream_open(struct ArrowArrayStream *stream, const char *call,
                                   const mmoe_allocator *alloc, mmoe_arrow_stream *out,
                                   mmoe_error *err) {
    if (!stream || !stream->release)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the stream is %s", call,
                         stream ? "released already" : "NULL");
    *out = (mmoe_arrow_stream){.stream = stream, .alloc = mmoe_allocator_or_default(alloc)};
    strcpy(out->name, stream_name);
    return MMOE_OK;
}

mmoe_row_source mmoe_arrow_stream_rows(mmoe_arrow_stream *s) {
    return (mmoe_row_source){s->name, "the stream has no rows", s, read_stream};
}
