#include "base/sorter.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_at.h"
#include "base/unnamed_file.h"

enum {
    DIGIT_BITS = 11,
    DIGITS = 3, /* of a word */
    BUCKETS = 1 << DIGIT_BITS,
    FEW = 2048, /* records that are merged: histograms would take longer */
    MOST = 4096 /* records of several runs that are handed out at a time */
};

/* A run in the file, of which some records stand in memory. */
typedef struct run {
    uint32_t *records;
    size_t at, n;         /* of these */
    int64_t next;         /* record of the file that is read next */
    int64_t records_left; /* from there on */
} run;

struct mmoe_sorter {
    mmoe_allocator alloc;
    int words;
    size_t room;            /* records of a run */
    uint32_t *rows, *spare; /* [room, words] */
    size_t n;               /* records in `rows` */
    size_t *histograms;     /* [DIGITS, BUCKETS] */
    char folder[PATH_MAX];  /* of the file, for errors */
    int file;               /* -1: there is none */
    size_t n_run;           /* in the file */
    size_t last;            /* records of the last one */
    run *runs;              /* [n_run] while they are merged */
    uint32_t *heap;         /* [n_run] those that have records left; the least first */
    size_t n_heap;
    bool is_given; /* the run that is alone */
};

/* ---- Life ---- */

mmoe_status mmoe_sorter_create(int words, size_t room, const mmoe_allocator *alloc,
                               mmoe_sorter **out, mmoe_error *err) {
    assert(words >= 2 && words <= MMOE_SORTER_WORDS && room > 0);
    const size_t size = (size_t)words * sizeof(uint32_t);
    mmoe_sorter *s = mmoe_alloc_zero(alloc, 1, sizeof *s);
    if (!s) return mmoe_fail_memory(err, sizeof *s);
    s->alloc = *alloc;
    s->words = words;
    s->room = room;
    s->file = -1;
    s->rows = mmoe_alloc(alloc, room, size);
    s->spare = mmoe_alloc(alloc, room, size);
    s->histograms = mmoe_alloc(alloc, DIGITS * BUCKETS, sizeof *s->histograms);
    if (!s->rows || !s->spare || !s->histograms) {
        mmoe_sorter_free(s);
        return mmoe_fail_memory(err, 2 * room * size);
    }
    *out = s;
    return MMOE_OK;
}

void mmoe_sorter_clear(mmoe_sorter *s) {
    mmoe_release(&s->alloc, s->runs);
    mmoe_release(&s->alloc, s->heap);
    if (s->file >= 0) close(s->file);
    s->runs = NULL;
    s->heap = NULL;
    s->file = -1;
    s->n = s->n_run = s->last = s->n_heap = 0;
    s->is_given = false;
}

void mmoe_sorter_free(mmoe_sorter *s) {
    if (!s) return;
    const mmoe_allocator a = s->alloc;
    mmoe_sorter_clear(s);
    mmoe_release(&a, s->rows);
    mmoe_release(&a, s->spare);
    mmoe_release(&a, s->histograms);
    mmoe_release(&a, s);
}

/* ---- A run in memory ---- */

static void swap_arrays(mmoe_sorter *s) {
    uint32_t *rows = s->rows;
    s->rows = s->spare;
    s->spare = rows;
}

static inline uint32_t digit_of(uint32_t word, int digit) {
    return word >> (digit * DIGIT_BITS) & (BUCKETS - 1);
}

static inline bool precedes(const uint32_t *a, const uint32_t *b, int keys) {
    int k = 0;
    while (k < keys - 1 && a[k] == b[k]) k++;
    return a[k] < b[k];
}

static inline void copy_record(uint32_t *to, const uint32_t *from, int words) {
    for (int k = 0; k < words; k++) to[k] = from[k];
}

static void count_digits(const mmoe_sorter *s, int word) {
    memset(s->histograms, 0, sizeof(size_t) * DIGITS * BUCKETS);
    const uint32_t *at = s->rows + word;
    for (size_t i = 0; i < s->n; i++, at += s->words)
        for (int d = 0; d < DIGITS; d++) s->histograms[d * BUCKETS + digit_of(*at, d)]++;
}

/* A digit of the records, with what it is known of their number of words. */
static inline void deal(const mmoe_sorter *s, int words, int word, int digit) {
    size_t *next = s->histograms + digit * BUCKETS, start = 0;
    for (int b = 0; b < BUCKETS; b++) {
        const size_t size = next[b];
        next[b] = start;
        start += size;
    }
    const uint32_t *from = s->rows;
    for (size_t i = 0; i < s->n; i++, from += words)
        copy_record(s->spare + next[digit_of(from[word], digit)]++ * (size_t)words, from, words);
}

static void deal_out(mmoe_sorter *s, int word, int digit) {
    if (s->histograms[digit * BUCKETS + digit_of(s->rows[word], digit)] == s->n) return;
    if (s->words == 2)
        deal(s, 2, word, digit);
    else if (s->words == 3)
        deal(s, 3, word, digit);
    else
        deal(s, 4, word, digit);
    swap_arrays(s);
}

/* Stable, the least significant digit first. */
static void sort_by_digits(mmoe_sorter *s) {
    for (int word = s->words - 2; word >= 0; word--) {
        count_digits(s, word);
        for (int d = 0; d < DIGITS; d++) deal_out(s, word, d);
    }
}

/* Records [first, middle) and [middle, end) as one run of the spare array, stable. */
static void merge(const mmoe_sorter *s, size_t first, size_t middle, size_t end) {
    const size_t w = (size_t)s->words;
    size_t a = first, b = middle;
    for (size_t i = first; i < end; i++) {
        const bool takes_b =
            b < end && (a == middle || precedes(s->rows + b * w, s->rows + a * w, s->words - 1));
        copy_record(s->spare + i * w, s->rows + (takes_b ? b++ : a++) * w, s->words);
    }
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static void sort_by_merging(mmoe_sorter *s) {
    for (size_t width = 1; width < s->n; width *= 2) {
        for (size_t first = 0; first < s->n; first += 2 * width)
            merge(s, first, least(first + width, s->n), least(first + 2 * width, s->n));
        swap_arrays(s);
    }
}

static void sort(mmoe_sorter *s) {
    if (s->n < FEW)
        sort_by_merging(s);
    else
        sort_by_digits(s);
}

/* ---- Runs in the file ---- */

static size_t record_size(const mmoe_sorter *s) { return (size_t)s->words * sizeof(uint32_t); }

static mmoe_status fail_file(const mmoe_sorter *s, mmoe_error *err) {
    return mmoe_fail_system(err, s->folder,
                            "cannot write a temporary file here; TMPDIR may name another folder");
}

static mmoe_status open_file(mmoe_sorter *s, mmoe_error *err) {
    const char *given = getenv("TMPDIR");
    snprintf(s->folder, sizeof s->folder, "%s", given && *given ? given : "/tmp");
    s->file = mmoe_unnamed_file_open(s->folder);
    return s->file >= 0 ? MMOE_OK : fail_file(s, err);
}

/* The run in memory goes behind those of the file. */
static mmoe_status write_run(mmoe_sorter *s, mmoe_error *err) {
    const mmoe_status status = s->file < 0 ? open_file(s, err) : MMOE_OK;
    if (status) return status;
    sort(s);
    if (!mmoe_write_at(s->file, s->rows, s->n * record_size(s),
                       (int64_t)(s->n_run * s->room * record_size(s))))
        return fail_file(s, err);
    s->n_run++;
    s->last = s->n;
    s->n = 0;
    return MMOE_OK;
}

mmoe_status mmoe_sorter_add(mmoe_sorter *s, const uint32_t *records, size_t n, mmoe_error *err) {
    const size_t w = (size_t)s->words;
    while (n > 0) {
        const mmoe_status status = s->n == s->room ? write_run(s, err) : MMOE_OK;
        if (status) return status;
        const size_t some = least(n, s->room - s->n);
        memcpy(s->rows + s->n * w, records, some * record_size(s));
        s->n += some;
        records += some * w;
        n -= some;
    }
    return MMOE_OK;
}

/* ---- Merging ---- */

/* The next records of a run to memory, as many as it has room for; it may have none left. */
static mmoe_status fill(const mmoe_sorter *s, run *r, mmoe_error *err) {
    const size_t n = least(s->room / s->n_run, (size_t)r->records_left), size = n * record_size(s);
    size_t got = 0;
    r->at = 0;
    r->n = n;
    if (!n) return MMOE_OK;
    if (!mmoe_read_at(s->file, r->records, size, r->next * (int64_t)record_size(s), &got))
        return mmoe_fail_system(err, s->folder, "cannot read a temporary file here");
    if (got < size)
        return mmoe_fail(err, MMOE_E_IO, "%s: a temporary file here was cut off", s->folder);
    r->next += (int64_t)n;
    r->records_left -= (int64_t)n;
    return MMOE_OK;
}

/* Does the run's next record come before that of another, which may be as large? */
static inline bool comes_first(const mmoe_sorter *s, uint32_t x, uint32_t y) {
    const run *a = &s->runs[x], *b = &s->runs[y];
    const uint32_t *p = a->records + a->at * (size_t)s->words,
                   *q = b->records + b->at * (size_t)s->words;
    if (precedes(p, q, s->words - 1)) return true;
    return !precedes(q, p, s->words - 1) && x < y;
}

static void sift(const mmoe_sorter *s, size_t at) {
    const uint32_t moved = s->heap[at];
    for (size_t child; (child = 2 * at + 1) < s->n_heap; at = child) {
        if (child + 1 < s->n_heap && comes_first(s, s->heap[child + 1], s->heap[child])) child++;
        if (!comes_first(s, s->heap[child], moved)) break;
        s->heap[at] = s->heap[child];
    }
    s->heap[at] = moved;
}

/* The runs share the memory of the one that is written. */
static mmoe_status open_runs(mmoe_sorter *s, mmoe_error *err) {
    const size_t each = s->room / s->n_run;
    if (!each)
        return mmoe_fail(err, MMOE_E_MEMORY,
                         "%zu sorted runs are more than %zu, which memory has "
                         "room to merge",
                         s->n_run, s->room);
    s->runs = mmoe_alloc_zero(&s->alloc, s->n_run, sizeof *s->runs);
    s->heap = mmoe_alloc(&s->alloc, s->n_run, sizeof *s->heap);
    if (!s->runs || !s->heap) return mmoe_fail_memory(err, s->n_run * sizeof *s->runs);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < s->n_run; i++) {
        s->runs[i].records = s->rows + i * each * (size_t)s->words;
        s->runs[i].next = (int64_t)(i * s->room);
        s->runs[i].records_left = (int64_t)(i + 1 < s->n_run ? s->room : s->last);
        s->heap[s->n_heap++] = (uint32_t)i;
        status = fill(s, &s->runs[i], err);
    }
    for (size_t i = s->n_heap / 2; !status && i > 0; i--) sift(s, i - 1);
    return status;
}

mmoe_status mmoe_sorter_begin(mmoe_sorter *s, mmoe_error *err) {
    if (!s->n_run) {
        sort(s);
        return MMOE_OK;
    }
    const mmoe_status status = write_run(s, err);
    return status ? status : open_runs(s, err);
}

static mmoe_status merge_runs(mmoe_sorter *s, size_t *n, mmoe_error *err) {
    const size_t w = (size_t)s->words, most = least(s->room, MOST);
    mmoe_status status = MMOE_OK;
    for (*n = 0; !status && s->n_heap && *n < most;) {
        run *r = &s->runs[s->heap[0]];
        copy_record(s->spare + (*n)++ * w, r->records + r->at++ * w, s->words);
        if (r->at == r->n) status = fill(s, r, err);
        if (!status && !r->n) s->heap[0] = s->heap[--s->n_heap];
        if (s->n_heap) sift(s, 0);
    }
    return status;
}

mmoe_status mmoe_sorter_next(mmoe_sorter *s, const uint32_t **records, size_t *n, mmoe_error *err) {
    if (s->n_run) {
        *records = s->spare;
        return merge_runs(s, n, err);
    }
    *records = s->rows;
    *n = s->is_given ? 0 : s->n;
    s->is_given = true;
    return MMOE_OK;
}
