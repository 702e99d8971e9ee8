#include "table/touched.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

enum { PARTS = MMOE_TOUCH_PARTS, PART_BITS = 4, DIGIT = 8, FEW = 24 };

static_assert(PARTS == 1 << PART_BITS, "a row's part is its last bits");

/* ---- Room ---- */

static int32_t group_count(const mmoe_table_reading *r) {
    int32_t groups = 1;
    for (int32_t i = r->use->first; i < r->use->first + r->use->count; i++)
        groups += r->reads[i].bag != NULL;
    return groups;
}

/* Elements of all lists of rows [first, first + rows) of the batch. */
static int64_t count_elements(const mmoe_table_reading *r, int32_t first, int32_t rows) {
    const mmoe_lists *l = &r->batch->lists;
    int64_t count = 0;
    for (int32_t i = r->use->first; i < r->use->first + r->use->count; i++)
        for (int32_t b = first; r->reads[i].bag && l->offsets && b < first + rows; b++)
            count += mmoe_list_of(l, mmoe_row_of(r->batch, b), r->reads[i].column).count;
    return count;
}

static int32_t rows_of_chunk(const mmoe_table_reading *r, int32_t chunk) {
    const int32_t left = r->batch->rows - chunk * r->chunk;
    return left < r->chunk ? left : r->chunk;
}

static void drop_reads(mmoe_touched *t) {
    void *all[] = {t->dealt, t->sorted, t->spare, t->rows, t->starts, t->readers};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mmoe_release(&t->alloc, all[i]);
    t->dealt = t->sorted = t->spare = NULL;
    t->rows = t->starts = NULL;
    t->readers = NULL;
    t->room = 0;
}

static void drop_chunks(mmoe_touched *t) {
    mmoe_release(&t->alloc, t->areas);
    mmoe_release(&t->alloc, t->ends);
    t->areas = NULL;
    t->ends = NULL;
    t->chunk_room = 0;
}

static mmoe_status take_chunks(mmoe_touched *t, int32_t chunks, mmoe_error *err) {
    const size_t ends = (size_t)chunks * (size_t)t->groups * PARTS;
    if (chunks <= t->chunk_room) return MMOE_OK;
    drop_chunks(t);
    t->areas = mmoe_alloc_zero(&t->alloc, (size_t)chunks + 1, sizeof *t->areas);
    t->ends = mmoe_alloc(&t->alloc, ends, sizeof *t->ends);
    if (!t->areas || !t->ends) return mmoe_fail_memory(err, ends * sizeof *t->ends);
    t->chunk_room = chunks;
    return MMOE_OK;
}

/* A quarter more than what is asked for, lest every batch is a little larger than the last. Where
 * there are no reads, each part still has its end. */
static mmoe_status take_reads(mmoe_touched *t, int64_t reads, bool has_ranks, mmoe_error *err) {
    if (reads < 1) reads = 1;
    if (reads <= t->room) return MMOE_OK;
    const size_t room = (size_t)(t->room ? reads + reads / 4 : reads);
    drop_reads(t);
    t->dealt = mmoe_alloc(&t->alloc, room, sizeof *t->dealt);
    t->sorted = mmoe_alloc(&t->alloc, room, sizeof *t->sorted);
    t->spare = mmoe_alloc(&t->alloc, room, sizeof *t->spare);
    t->rows = mmoe_alloc(&t->alloc, room, sizeof *t->rows);
    t->starts = mmoe_alloc(&t->alloc, room + PARTS, sizeof *t->starts);
    if (has_ranks) t->readers = mmoe_alloc(&t->alloc, room, sizeof *t->readers);
    if (!t->dealt || !t->sorted || !t->spare || !t->rows || !t->starts ||
        (has_ranks && !t->readers))
        return mmoe_fail_memory(err, room * (3 * sizeof *t->dealt + 2 * sizeof *t->rows));
    t->room = (int64_t)room;
    return MMOE_OK;
}

mmoe_status mmoe_touched_admit(mmoe_touched **out, const mmoe_table_reading *r, mmoe_error *err) {
    const mmoe_allocator *alloc = &r->use->table->alloc;
    mmoe_touched *t = *out;
    if (!t) t = mmoe_alloc_zero(alloc, 1, sizeof *t);
    if (!t) return mmoe_fail_memory(err, sizeof *t);
    *out = t;
    t->alloc = *alloc;
    t->groups = group_count(r);
    const int32_t chunks = (r->batch->rows + r->chunk - 1) / r->chunk,
                  ids = r->use->count - (t->groups - 1);
    if (take_chunks(t, chunks, err)) return MMOE_E_MEMORY;
    t->chunks = chunks;
    t->together = r->segment / r->chunk;
    for (int32_t c = 0; c < chunks; c++) {
        const int32_t rows = rows_of_chunk(r, c);
        t->areas[c + 1] = t->areas[c] + (int64_t)rows * ids + count_elements(r, c * r->chunk, rows);
    }
    return take_reads(t, t->areas[chunks], r->ranks > 1, err);
}

size_t mmoe_touched_memory(const mmoe_touched *t) {
    const size_t of_ranks = t->readers ? sizeof *t->readers : 0;
    return (size_t)t->room * (3 * sizeof *t->dealt + 2 * sizeof *t->rows + of_ranks);
}

void mmoe_touched_free(mmoe_touched *t) {
    if (!t) return;
    const mmoe_allocator a = t->alloc;
    drop_reads(t);
    drop_chunks(t);
    mmoe_release(&a, t);
}

/* ---- Dealing ---- */

/* Reads are counted at next[part], or written there. */
typedef struct dealing {
    const mmoe_table_reading *reading;
    int32_t first, end; /* rows of the batch */
    uint32_t parts;     /* whose reads are wanted of them, a bit each */
    int32_t *next;      /* [PARTS] */
    mmoe_touch *to;     /* NULL: they are counted */
} dealing;

static inline void deal(const dealing *d, mmoe_touch t) {
    const int32_t part = t.row & (PARTS - 1);
    int32_t *next = &d->next[part];
    if (!(d->parts >> part & 1)) return;
    if (d->to) d->to[*next] = t;
    ++*next;
}

static void deal_ids(const dealing *d) {
    const mmoe_rows *batch = d->reading->batch;
    const mmoe_table_use *use = d->reading->use;
    for (int32_t b = d->first; b < d->end; b++) {
        const int32_t *ids = batch->ids + mmoe_row_of(batch, b) * batch->id_stride;
        for (int32_t i = use->first; i < use->first + use->count; i++) {
            const mmoe_table_read *read = &d->reading->reads[i];
            if (!read->bag) deal(d, (mmoe_touch){.row = ids[read->column], .b = b, .read = i});
        }
    }
}

static void deal_list(const dealing *d, int32_t read) {
    const mmoe_rows *batch = d->reading->batch;
    const mmoe_table_read *r = &d->reading->reads[read];
    for (int32_t b = d->first; b < d->end; b++) {
        const mmoe_list list = mmoe_list_of(&batch->lists, mmoe_row_of(batch, b), r->column);
        mmoe_bag_walk walk = mmoe_bag_walk_of(r->bag, &list);
        mmoe_bag_share of;
        for (int32_t row; (row = mmoe_bag_step(&walk, &of)) >= 0;)
            deal(d, (mmoe_touch){row, b, read, of});
    }
}

static void deal_group(const dealing *d, int32_t group) {
    const mmoe_table_use *use = d->reading->use;
    if (group == 0) {
        if (group_count(d->reading) <= use->count) deal_ids(d);
        return;
    }
    for (int32_t i = use->first, seen = 0; i < use->first + use->count; i++)
        if (d->reading->reads[i].bag && ++seen == group) deal_list(d, i);
}

/* Of which parts the reads of a chunk are wanted. */
static uint32_t parts_of(const mmoe_table_reading *r, int32_t chunk) {
    uint32_t parts = 0;
    if (!r->share || chunk * r->chunk / r->share == r->rank) return (UINT32_C(1) << PARTS) - 1;
    for (int32_t part = 0; part < PARTS; part++)
        parts |= (uint32_t)mmoe_part_is_of(part, r->rank, r->ranks) << part;
    return parts;
}

/* A count becomes the place of its part's next read, and, when all are written, its end. */
void mmoe_touched_deal(mmoe_touched *t, const mmoe_table_reading *reading, int32_t chunk) {
    const int32_t cells = t->groups * PARTS;
    int32_t *ends = t->ends + (size_t)chunk * (size_t)cells;
    dealing d = {
        .reading = reading, .first = chunk * reading->chunk, .parts = parts_of(reading, chunk)};
    d.end = d.first + rows_of_chunk(reading, chunk);
    memset(ends, 0, (size_t)cells * sizeof *ends);
    for (int32_t g = 0; g < t->groups; g++) {
        d.next = ends + g * PARTS;
        deal_group(&d, g);
    }
    for (int32_t i = 0, place = 0; i < cells; i++) {
        const int32_t count = ends[i];
        ends[i] = place;
        place += count;
    }
    d.to = t->dealt + t->areas[chunk];
    for (int32_t g = 0; g < t->groups; g++) {
        d.next = ends + g * PARTS;
        deal_group(&d, g);
    }
}

/* ---- Sorting ---- */

/* Reads of a chunk, a group and a part. */
static const mmoe_touch *dealt_of(const mmoe_touched *t, int32_t chunk, int32_t cell,
                                  int32_t *count) {
    const int32_t *ends = t->ends + (size_t)chunk * (size_t)t->groups * PARTS;
    const int32_t start = cell ? ends[cell - 1] : 0;
    *count = ends[cell] - start;
    return t->dealt + t->areas[chunk] + start;
}

static int64_t count_part(const mmoe_touched *t, int32_t part) {
    int64_t sum = 0;
    int32_t count;
    for (int32_t c = 0; c < t->chunks; c++)
        for (int32_t g = 0; g < t->groups; g++) {
            dealt_of(t, c, g * PARTS + part, &count);
            sum += count;
        }
    return sum;
}

static mmoe_touch *collect_chunk(const mmoe_touched *t, int32_t chunk, int32_t cell,
                                 mmoe_touch *to) {
    int32_t count;
    const mmoe_touch *from = dealt_of(t, chunk, cell, &count);
    memcpy(to, from, (size_t)count * sizeof *to);
    return to + count;
}

/* Segment by segment. */
static void collect_part(const mmoe_touched *t, int32_t part, mmoe_touch *to) {
    for (int32_t first = 0, end; first < t->chunks; first = end) {
        end = first + t->together < t->chunks ? first + t->together : t->chunks;
        for (int32_t g = 0; g < t->groups; g++)
            for (int32_t c = first; c < end; c++) to = collect_chunk(t, c, g * PARTS + part, to);
    }
}

static void insert_few(mmoe_touch *reads, int32_t count) {
    for (int32_t i = 1; i < count; i++) {
        const mmoe_touch own = reads[i];
        int32_t k = i;
        for (; k > 0 && reads[k - 1].row > own.row; k--) reads[k] = reads[k - 1];
        reads[k] = own;
    }
}

/* Some bits of a row's number. */
typedef struct digit {
    int32_t bits, shift;
} digit;

/* From `from` to `to`, by a digit of the row's number; reads of one row keep their order. */
static void pass_digit(const mmoe_touch *from, mmoe_touch *to, int32_t count, digit of) {
    int32_t places[1 << DIGIT];
    const int32_t end = 1 << of.bits;
    memset(places, 0, (size_t)end * sizeof *places);
    for (int32_t i = 0; i < count; i++) places[from[i].row >> of.shift & (end - 1)]++;
    for (int32_t d = 0, place = 0; d < end; d++) {
        const int32_t own = places[d];
        places[d] = place;
        place += own;
    }
    for (int32_t i = 0; i < count; i++) to[places[from[i].row >> of.shift & (end - 1)]++] = from[i];
}

/* Where each row's reads begin. */
static void find_rows(mmoe_touched *t, int32_t part) {
    mmoe_touched_part *p = &t->parts[part];
    const mmoe_touch *reads = t->sorted + p->first;
    int32_t *rows = t->rows + p->first, *starts = t->starts + p->first + part;
    p->rows = 0;
    for (int32_t i = 0; i < p->count; i++) {
        if (i && reads[i].row == reads[i - 1].row) continue;
        starts[p->rows] = i;
        rows[p->rows++] = reads[i].row;
    }
    starts[p->rows] = p->count;
}

/* Whose rows they are that read each row. */
static void find_readers(mmoe_touched *t, const mmoe_table_reading *r, int32_t part) {
    const mmoe_touched_part *p = &t->parts[part];
    const mmoe_touch *reads = t->sorted + p->first;
    const int32_t *starts = t->starts + p->first + part;
    const uint64_t all = UINT64_MAX >> (64 - r->ranks);
    for (int32_t i = 0; i < p->rows; i++) {
        uint64_t readers = r->share ? 0 : all;
        for (int32_t k = starts[i]; r->share && k < starts[i + 1]; k++)
            readers |= UINT64_C(1) << (reads[k].b / r->share);
        t->readers[p->first + i] = readers;
    }
}

/* The bits of a row's number that its part does not tell. */
static int32_t bits_of(int64_t table_rows) {
    int32_t bits = 0;
    while ((table_rows - 1) >> (PART_BITS + bits)) bits++;
    return bits;
}

/* An odd number of passes begins in the spare reads, an even one in the place of the result. */
void mmoe_touched_sort(mmoe_touched *t, const mmoe_table_reading *reading, int32_t part) {
    mmoe_touched_part *p = &t->parts[part];
    p->first = 0;
    for (int32_t q = 0; q < part; q++) p->first += count_part(t, q);
    p->count = (int32_t)count_part(t, part);
    mmoe_touch *from = t->sorted + p->first, *to = t->spare + p->first;
    const int32_t bits = p->count > FEW ? bits_of(reading->use->table->rows) : 0,
                  passes = (bits + DIGIT - 1) / DIGIT,
                  each = passes ? (bits + passes - 1) / passes : 0;
    if (passes % 2) {
        mmoe_touch *other = from;
        from = to;
        to = other;
    }
    collect_part(t, part, from);
    if (!passes) insert_few(from, p->count);
    for (int32_t i = 0; i < passes; i++) {
        mmoe_touch *other = from;
        pass_digit(from, to, p->count, (digit){each, PART_BITS + i * each});
        from = to;
        to = other;
    }
    find_rows(t, part);
    if (t->readers && mmoe_part_is_of(part, reading->rank, reading->ranks))
        find_readers(t, reading, part);
}
