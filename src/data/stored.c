#include "data/stored.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_at.h"
#include "base/regular_file.h"
#include "data/deal_lanes.h"
#include "data/short_words.h"

/* ---- The reader ---- */

/* Columns of a whole block that become rows together, and bytes that one has. */
enum { TOGETHER = 4, WORDS_SIZE = MMOE_BLOCK_ROWS * sizeof(uint32_t) };

/* Bytes of those, or of the largest piece of a file that a block has. */
static size_t most_bytes(const mmoe_stored *s) {
    size_t most = TOGETHER * WORDS_SIZE;
    for (int32_t i = 0; i < s->n_column; i++) {
        const size_t size = MMOE_BLOCK_ROWS * (size_t)s->columns[i].width * sizeof(float);
        if (size > most) most = size;
    }
    for (int64_t b = 0; s->n_list && b < mmoe_blocks_of(s->rows); b++)
        if ((size_t)s->elements[b] * sizeof(float) > most)
            most = (size_t)s->elements[b] * sizeof(float);
    return most;
}

mmoe_status mmoe_stored_reader_open(const mmoe_stored *s, mmoe_stored_reader *out,
                                    mmoe_error *err) {
    const size_t starts = (size_t)s->n_list * (MMOE_BLOCK_ROWS + 1);
    *out = (mmoe_stored_reader){
        .stored = s, .lanes = MMOE_LANES, .elements = s->elements, .size = most_bytes(s)};
    out->bytes = mmoe_alloc(&s->alloc, out->size, 1);
    out->starts = mmoe_alloc(&s->alloc, starts, sizeof *out->starts);
    out->places = mmoe_alloc(&s->alloc, MMOE_BLOCK_ROWS, sizeof *out->places);
    if (out->bytes && out->starts && out->places) return MMOE_OK;
    mmoe_stored_reader_close(out);
    return mmoe_fail_memory(err, out->size + starts * sizeof *out->starts);
}

void mmoe_stored_reader_close(mmoe_stored_reader *r) {
    if (!r->stored) return;
    mmoe_release(&r->stored->alloc, r->bytes);
    mmoe_release(&r->stored->alloc, r->starts);
    mmoe_release(&r->stored->alloc, r->places);
    *r = (mmoe_stored_reader){0};
}

/* ---- A piece of a file ---- */

/* The values of a column that are read, and the block and part that they are of. */
typedef struct piece {
    mmoe_stored_reader *reader;
    const mmoe_stored_part *part;
    int32_t column;
    int32_t rows;       /* that are wanted */
    int32_t block_rows; /* that the block has; of these `in_file` are read, from `from` on: */
    int32_t from, in_file;
    int64_t block, first, count; /* values [first, first + count) of the file */
    char *bytes;                 /* of the reader's, where they go */
    size_t room;                 /* bytes there */
} piece;

enum { PATH_SIZE = 4096 };

static void make_path(const piece *p, char path[PATH_SIZE]) {
    snprintf(path, PATH_SIZE, "%s/%s", p->part->folder, p->reader->stored->columns[p->column].file);
}

static mmoe_status fail_piece(const piece *p, const char *fault, mmoe_error *err) {
    const int64_t row = p->block * MMOE_BLOCK_ROWS;
    char path[PATH_SIZE];
    make_path(p, path);
    return mmoe_fail_format(err, path,
                            "rows %" PRId64 " to %" PRId64 " %s: pack the data anew, or put the "
                            "file back as it was",
                            row + 1, row + p->block_rows, fault);
}

static const char *const other_bytes = "are not as they were written";

/* `size` bytes of its file, from `at` on. */
static mmoe_status read_bytes(const piece *p, void *to, size_t size, int64_t at, mmoe_error *err) {
    char path[PATH_SIZE];
    size_t got = 0;
    make_path(p, path);
    const int *files = p->part->files;
    int fd = files ? files[p->column] : -1;
    mmoe_status status = files ? MMOE_OK : mmoe_open_regular(path, &fd, NULL, err);
    if (status) return status;
    if (!mmoe_read_at(fd, to, size, at, &got)) status = mmoe_fail_system(err, path, "cannot read");
    if (!files) close(fd);
    if (status || got == size) return status;
    return fail_piece(p, "are not in it: the file is cut off", err);
}

static int64_t *starts_of(const mmoe_stored_reader *r, int32_t list) {
    return r->starts + (size_t)list * (MMOE_BLOCK_ROWS + 1);
}

static int64_t block_of_part(const piece *p) { return p->block - p->part->first_block; }

/* Bytes of a lane among those that were read, of which it is the one after so many. */
static const char *lane_bytes(const piece *p, int32_t after, size_t *size) {
    const mmoe_stored_column *c = &p->reader->stored->columns[p->column];
    const size_t each = mmoe_stored_size(c->what) * (size_t)c->width,
                 row = (size_t)after * MMOE_LANE_ROWS;
    if (c->what == MMOE_STORED_ELEMENTS || c->what == MMOE_STORED_ELEMENT_WEIGHTS) {
        const int64_t *starts = starts_of(p->reader, c->at), *at = starts + row;
        *size = (size_t)(at[MMOE_LANE_ROWS] - at[0]) * each;
        return p->bytes + (size_t)(at[0] - starts[0]) * each;
    }
    *size = (MMOE_LANE_ROWS + (c->what == MMOE_STORED_OFFSETS)) * each;
    return p->bytes + row * each;
}

/* Compares what was read of lanes with the checksums that their file has. */
static mmoe_status check_lanes(const piece *p, mmoe_error *err) {
    const mmoe_stored_reader *r = p->reader;
    uint64_t sums[MMOE_LANES];
    char path[PATH_SIZE];
    size_t got = 0, size = (size_t)r->lanes * sizeof *sums;
    const int64_t at = (block_of_part(p) * r->stored->n_column + p->column) * MMOE_LANES;
    snprintf(path, PATH_SIZE, "%s/" MMOE_STORED_LANES, p->part->folder);
    int fd;
    mmoe_status status = mmoe_open_regular(path, &fd, NULL, err);
    if (status) return status;
    if (!mmoe_read_at(fd, sums, size,
                      MMOE_STORED_HEADER + (at + r->first_lane) * (int64_t)sizeof *sums, &got))
        status = mmoe_fail_system(err, path, "cannot read");
    close(fd);
    if (status) return status;
    if (got != size) return mmoe_fail_format(err, path, "the file is cut off");
    bool same = true;
    for (int32_t lane = 0; same && lane < r->lanes; lane++) {
        const char *bytes = lane_bytes(p, lane, &size);
        same = sums[lane] == mmoe_stored_lane_sum(p->block, r->first_lane + lane, bytes, size);
    }
    return same ? MMOE_OK
                : fail_piece(p,
                             "are not as they were written, or " MMOE_STORED_LANES
                             " beside it, which has their checksums, is not",
                             err);
}

/* `size` bytes of values that its file has from `at` on, if in fewer bytes, to the reader's. */
static mmoe_status read_values(const piece *p, size_t size, int64_t at, mmoe_error *err) {
    const mmoe_stored *s = p->reader->stored;
    char *to = p->bytes;
    if (!p->part->forms || !size) return read_bytes(p, to, size, at, err);
    const uint8_t form = p->part->forms[block_of_part(p) * s->n_column + p->column];
    const bool are_offsets = s->columns[p->column].what == MMOE_STORED_OFFSETS;
    const size_t count = are_offsets ? (size_t)p->in_file : size / sizeof(uint32_t),
                 in_file =
                     are_offsets ? mmoe_offsets_size(form, count) : mmoe_words_size(form, count);
    const mmoe_status status = read_bytes(p, to, in_file, at, err);
    if (status) return status;
    if (are_offsets)
        mmoe_offsets_lengthen((int64_t *)(void *)to, count, form);
    else
        mmoe_words_lengthen(to, count, form);
    return MMOE_OK;
}

/* Reads it to the reader's bytes, and compares their checksum. */
static mmoe_status read_piece(const piece *p, mmoe_error *err) {
    const mmoe_stored *s = p->reader->stored;
    const mmoe_stored_column *c = &s->columns[p->column];
    const size_t each = mmoe_stored_size(c->what) * (size_t)c->width,
                 size = (size_t)p->count * each;
    if (size > p->room) return fail_piece(p, other_bytes, err);
    const mmoe_status status =
        read_values(p, size, MMOE_STORED_HEADER + p->first * (int64_t)each, err);
    if (status) return status;
    if (p->in_file < p->block_rows) return check_lanes(p, err);
    const uint64_t found = mmoe_checksum_hash((uint64_t)p->block, p->bytes, size);
    return found == p->part->checksums[block_of_part(p) * s->n_column + p->column]
               ? MMOE_OK
               : fail_piece(p, other_bytes, err);
}

/* ---- Its values ---- */

/* One row's value after another to a row-major array. */
static void spread_words(const piece *p, void *to, int32_t stride) {
    const uint32_t *from = (const void *)p->bytes;
    const int32_t *places = p->reader->places, width = p->reader->stored->columns[p->column].width;
    uint32_t *out = to;
    for (int32_t row = 0; row < p->rows; row++, out += stride)
        for (int32_t i = 0; i < width; i++) out[i] = from[places[row] * width + i];
}

/* Each over all values, so that compilers look at many at a time; a negative id is a large one. */
static bool ids_are_known(const int32_t *ids, int64_t count, int32_t most) {
    uint32_t beyond = 0;
    for (int64_t i = 0; i < count; i++) beyond |= (uint32_t)ids[i] > (uint32_t)most;
    return !beyond;
}

static bool are_finite(const float *values, int64_t count) {
    const uint32_t exponent = 0x7f800000, *bits = (const void *)values;
    uint32_t beyond = 0;
    for (int64_t i = 0; i < count; i++) beyond |= (bits[i] & exponent) == exponent;
    return !beyond;
}

/* What is wrong with values that are as they were written; NULL: nothing. */
static const char *value_fault(const piece *p) {
    const mmoe_stored *s = p->reader->stored;
    const mmoe_stored_column *c = &s->columns[p->column];
    const void *bytes = p->bytes;
    if (c->what == MMOE_STORED_IDS && !ids_are_known(bytes, p->count, s->most_id[c->at]))
        return "have a row number beyond the largest that the manifest names";
    if (c->what == MMOE_STORED_ELEMENTS &&
        !ids_are_known(bytes, p->count, s->most_id[s->n_id + c->at]))
        return "have a row number beyond the largest that the manifest names";
    if (c->what == MMOE_STORED_KEPT && !ids_are_known(bytes, p->count, s->most_kept[c->at]))
        return "have a value that the vocabularies of kept columns have not";
    if ((c->what == MMOE_STORED_INPUTS || c->what == MMOE_STORED_WEIGHT ||
         c->what == MMOE_STORED_ELEMENT_WEIGHTS) &&
        !are_finite(bytes, p->count * c->width))
        return "have a value that is not finite";
    return NULL;
}

/* Where a column of one value a row goes; NULL: it is not wanted. */
static void *room_of(const mmoe_stored *s, const mmoe_stored_column *c, const mmoe_block_room *to,
                     int32_t *stride) {
    switch (c->what) {
    case MMOE_STORED_IDS:
        *stride = s->n_id;
        return to->ids ? to->ids + c->at : NULL;
    case MMOE_STORED_INPUTS:
        *stride = s->dense_width;
        return to->inputs ? to->inputs + c->at : NULL;
    case MMOE_STORED_LABEL:
        *stride = s->n_label;
        return to->labels ? to->labels + c->at : NULL;
    case MMOE_STORED_WEIGHT:
        *stride = 1;
        return to->weights;
    case MMOE_STORED_KEPT:
        *stride = 1;
        return to->kept && to->kept[c->at] ? to->kept[c->at] + to->first_kept : NULL;
    default:
        return NULL;
    }
}

/* Whole columns that are read, but not in their rows yet. */
typedef struct together {
    mmoe_lane_words words[TOGETHER];
    size_t count;
} together;

static void spread_together(together *t) {
    mmoe_words_to_rows(t->words, t->count);
    t->count = 0;
}

/* Values of this process's own files are what it wrote, if they have their checksum. */
static mmoe_status read_checked(const piece *p, mmoe_error *err) {
    const mmoe_status status = read_piece(p, err);
    const char *fault = status || p->part->files ? NULL : value_fault(p);
    return fault ? fail_piece(p, fault, err) : status;
}

static mmoe_status read_column(piece *p, const mmoe_block_room *to, together *t, mmoe_error *err) {
    const mmoe_stored_column *c = &p->reader->stored->columns[p->column];
    int32_t stride = 0;
    void *room = room_of(p->reader->stored, c, to, &stride);
    const bool is_whole = p->rows == MMOE_BLOCK_ROWS && c->width == 1;
    if (!room) return MMOE_OK;
    if (t->count == TOGETHER || !is_whole) spread_together(t);
    p->first = block_of_part(p) * MMOE_BLOCK_ROWS + p->from;
    p->count = p->in_file;
    p->bytes = p->reader->bytes + t->count * WORDS_SIZE;
    p->room = p->reader->size - t->count * WORDS_SIZE;
    const mmoe_status status = read_checked(p, err);
    if (status) return status;
    if (is_whole)
        t->words[t->count++] = (mmoe_lane_words){(const void *)p->bytes, room, (size_t)stride};
    else
        spread_words(p, room, stride);
    return MMOE_OK;
}

/* All but lists. */
static mmoe_status read_columns(piece *p, const mmoe_block_room *to, mmoe_error *err) {
    together t = {.count = 0};
    mmoe_status status = MMOE_OK;
    for (p->column = 0; !status && p->column < p->reader->stored->n_column; p->column++)
        status = read_column(p, to, &t, err);
    spread_together(&t);
    p->bytes = p->reader->bytes;
    p->room = p->reader->size;
    return status;
}

/* ---- Lists ---- */

static mmoe_status read_starts(piece *p, int64_t *starts, mmoe_error *err) {
    p->first = block_of_part(p) * MMOE_BLOCK_ROWS + p->from;
    p->count = p->in_file + 1;
    const mmoe_status status = read_piece(p, err);
    if (status) return status;
    memcpy(starts, p->bytes, (size_t)p->count * sizeof *starts);
    bool ascend = starts[0] >= 0;
    for (int32_t i = 0; i < p->in_file; i++) ascend &= starts[i] <= starts[i + 1];
    return ascend ? MMOE_OK : fail_piece(p, "have lists that end before they begin", err);
}

/* Row by row, list by list, as a data set has them. */
static void lay_offsets(const piece *p, const mmoe_block_room *to) {
    const int32_t lists = p->reader->stored->n_list;
    const int64_t *last = to->offsets + (int64_t)p->rows * lists;
    int64_t *at = to->offsets, end = *at;
    for (int32_t row = 0; row < p->rows; row++)
        for (int32_t list = 0; list < lists; list++) {
            const int64_t *start = starts_of(p->reader, list) + p->reader->places[row];
            end += start[1] - start[0];
            if (++at < last || !to->last_stands) *at = end;
        }
}

/* A lane's lists stand one behind the other. */
static void spread_elements(const piece *p, const mmoe_block_room *to, uint32_t *out) {
    const mmoe_stored *s = p->reader->stored;
    const int32_t list = s->columns[p->column].at,
                  lanes = p->rows < p->block_rows ? p->reader->lanes : MMOE_LANES;
    const int64_t *starts = starts_of(p->reader, list);
    const uint32_t *from = (const void *)p->bytes;
    int64_t next[MMOE_LANES];
    for (int32_t lane = 0; lane < lanes && lane < p->rows; lane++)
        next[lane] = starts[p->reader->places[lane]] - starts[0];
    for (int32_t row = 0, lane = 0; row < p->rows; row++, lane = lane + 1 < lanes ? lane + 1 : 0) {
        const int64_t *at = to->offsets + (int64_t)row * s->n_list + list, count = at[1] - at[0];
        if (count) memcpy(out + at[0], from + next[lane], (size_t)count * sizeof *out);
        next[lane] += count;
    }
}

static mmoe_status read_elements(piece *p, const mmoe_block_room *to, mmoe_error *err) {
    const mmoe_stored_column *c = &p->reader->stored->columns[p->column];
    const int64_t *starts = starts_of(p->reader, c->at);
    p->first = starts[0];
    p->count = starts[p->in_file] - starts[0];
    const mmoe_status status = read_checked(p, err);
    if (status) return status;
    spread_elements(p, to,
                    c->what == MMOE_STORED_ELEMENTS ? (void *)to->elements
                                                    : (void *)to->element_weights);
    return MMOE_OK;
}

/* Of the lists of one, those that are wanted. */
static int64_t wanted_elements(const piece *p, const int64_t *starts) {
    const mmoe_stored_reader *r = p->reader;
    const int32_t first = p->rows < p->block_rows ? r->first_lane * MMOE_LANE_ROWS - p->from : 0;
    return starts[first + p->rows] - starts[first];
}

/* Those of all lists, as many elements as the block is known to have: another reader may have the
 * next block's elements behind them. */
static mmoe_status read_all_starts(piece *p, mmoe_error *err) {
    const mmoe_stored *s = p->reader->stored;
    int64_t left = p->reader->elements[p->block];
    int32_t last = 0;
    for (p->column = 0; p->column < s->n_column; p->column++) {
        if (s->columns[p->column].what != MMOE_STORED_OFFSETS) continue;
        int64_t *starts = starts_of(p->reader, s->columns[p->column].at);
        const mmoe_status status = read_starts(p, starts, err);
        if (status) return status;
        left -= wanted_elements(p, starts);
        if (left < 0) return fail_piece(p, other_bytes, err);
        last = p->column;
    }
    p->column = last;
    return left ? fail_piece(p, other_bytes, err) : MMOE_OK;
}

static mmoe_status read_lists(piece *p, const mmoe_block_room *to, mmoe_error *err) {
    const mmoe_stored *s = p->reader->stored;
    mmoe_status status = read_all_starts(p, err);
    if (status) return status;
    lay_offsets(p, to);
    for (p->column = 0; !status && p->column < s->n_column; p->column++)
        if (s->columns[p->column].what == MMOE_STORED_ELEMENTS ||
            s->columns[p->column].what == MMOE_STORED_ELEMENT_WEIGHTS)
            status = read_elements(p, to, err);
    return status;
}

/* ---- A block ---- */

static const mmoe_stored_part *part_of(const mmoe_stored *s, int64_t block) {
    const mmoe_stored_part *part = s->parts + s->n_part - 1;
    while (part->first_block > block) part--;
    return part;
}

/* Of lanes row by row, too: of each its first row, then of each its second. */
static void place_rows(const piece *p) {
    mmoe_stored_reader *r = p->reader;
    if (r->placed == p->block_rows && r->placed_from == p->from) return;
    for (int32_t row = 0; row < p->block_rows; row++) {
        const int32_t lane = row % MMOE_LANES - r->first_lane;
        if (p->rows == p->block_rows)
            r->places[row] = mmoe_lane_place(row, p->block_rows);
        else if (lane >= 0 && lane < r->lanes)
            r->places[mmoe_stored_row(r, row, p->block_rows)] =
                mmoe_lane_place(row, p->block_rows) - p->from;
    }
    r->placed = p->block_rows;
    r->placed_from = p->from;
}

static piece piece_of(mmoe_stored_reader *r, int64_t block) {
    piece p = {.reader = r,
               .part = part_of(r->stored, block),
               .block = block,
               .bytes = r->bytes,
               .room = r->size};
    p.block_rows = p.in_file = mmoe_block_rows(r->stored->rows, block);
    p.rows = mmoe_stored_rows(r, p.block_rows);
    if (p.rows < p.block_rows && p.part->has_lanes) {
        p.from = r->first_lane * MMOE_LANE_ROWS;
        p.in_file = p.rows;
    }
    return p;
}

mmoe_status mmoe_stored_read(mmoe_stored_reader *reader, int64_t block, const mmoe_block_room *to,
                             mmoe_error *err) {
    piece p = piece_of(reader, block);
    place_rows(&p);
    mmoe_status status = read_columns(&p, to, err);
    if (!status && to->offsets) status = read_lists(&p, to, err);
    return status;
}

/* ---- Elements of lanes ---- */

/* Elements of the lists of the lanes that are wanted. Files without names have no offsets as they
 * are, and all of a block's are read. */
static mmoe_status add_elements(piece *p, int64_t *elements, mmoe_error *err) {
    int64_t *starts = starts_of(p->reader, p->reader->stored->columns[p->column].at), ends[2];
    const int64_t first = (int64_t)p->reader->first_lane * MMOE_LANE_ROWS,
                  row = block_of_part(p) * MMOE_BLOCK_ROWS + first;
    mmoe_status status = p->part->forms ? read_starts(p, starts, err) : MMOE_OK;
    for (int i = 0; !status && i < 2; i++) {
        ends[i] = starts[first + i * p->rows];
        if (!p->part->forms)
            status =
                read_bytes(p, &ends[i], sizeof *ends,
                           MMOE_STORED_HEADER + (row + i * p->rows) * (int64_t)sizeof *ends, err);
    }
    if (status) return status;
    if (ends[0] < 0 || ends[1] < ends[0] ||
        ends[1] - ends[0] > p->reader->stored->elements[p->block] - *elements)
        return fail_piece(p, other_bytes, err);
    *elements += ends[1] - ends[0];
    return MMOE_OK;
}

mmoe_status mmoe_stored_count(mmoe_stored_reader *reader, int64_t *elements, mmoe_error *err) {
    const mmoe_stored *s = reader->stored;
    mmoe_status status = MMOE_OK;
    for (int64_t block = 0; !status && block < mmoe_blocks_of(s->rows); block++) {
        piece p = piece_of(reader, block);
        elements[block] = p.rows < p.block_rows ? 0 : s->elements[block];
        if (p.rows == p.block_rows) continue;
        for (p.column = 0; !status && p.column < s->n_column; p.column++)
            if (s->columns[p.column].what == MMOE_STORED_OFFSETS)
                status = add_elements(&p, &elements[block], err);
    }
    return status;
}
