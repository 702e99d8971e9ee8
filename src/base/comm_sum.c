#include "base/comm_sum.h"

#include <assert.h>
#include <stdbool.h>

#include "base/error.h"

enum { LINE = 64, STRETCH = 16 << 10 };

/* What others send: a slice of each rank's, so many bytes at most. */
typedef struct slices {
    char *room;
    uint64_t stride;
} slices;

/* An exchange of slices. */
typedef struct window {
    uint64_t from_at[MMOE_MOST_RANKS], from_bytes[MMOE_MOST_RANKS];
    uint64_t got_at[MMOE_MOST_RANKS], got_bytes[MMOE_MOST_RANKS];
    uint64_t own; /* bytes of this rank's */
    mmoe_exchange exchange;
} window;

struct mmoe_comm_sum {
    mmoe_allocator alloc;
    mmoe_comm *comm;
    uint64_t most;
    char *got; /* what others sent: whole arrays, or slices */
};

/* to += from, `bytes` of them. a + b is b + a to the bit (NaNs apart), so only which pairs are
 * added matters. */
typedef void (*add_fn)(void *to, const void *from, uint64_t bytes);

static void add_floats(void *to, const void *from, uint64_t bytes) {
    float *restrict a = to;
    const float *restrict b = from;
    for (uint64_t i = 0; i < bytes / sizeof *a; i++) a[i] += b[i];
}

static void add_doubles(void *to, const void *from, uint64_t bytes) {
    double *restrict a = to;
    const double *restrict b = from;
    for (uint64_t i = 0; i < bytes / sizeof *a; i++) a[i] += b[i];
}

typedef struct adding {
    char *values;
    uint64_t n, element; /* bytes of an element */
    add_fn add;
    const char *what;
} adding;

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Rows of slices begin at cache lines. */
static uint64_t stride_of(uint64_t n, uint64_t element, int size) {
    const uint64_t longest = (n + (uint64_t)size - 1) / (uint64_t)size * element;
    return (longest + LINE - 1) / LINE * LINE;
}

mmoe_status mmoe_comm_sum_create(mmoe_comm *c, uint64_t most, const mmoe_allocator *alloc,
                                 mmoe_comm_sum **out, mmoe_error *err) {
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_comm_sum *s = mmoe_alloc_zero(&a, 1, sizeof *s);
    if (!s) return mmoe_fail_memory(err, sizeof *s);
    *s = (mmoe_comm_sum){.alloc = a, .comm = c, .most = most};
    const uint64_t rows = stride_of(most, 1, c->size) + LINE;
    if (c->size > 1) s->got = mmoe_alloc_aligned(&a, (size_t)c->size, rows);
    if (c->size > 1 && !s->got) {
        mmoe_release(&a, s);
        return mmoe_fail_memory(err, rows * (size_t)c->size);
    }
    *out = s;
    return MMOE_OK;
}

void mmoe_comm_sum_free(mmoe_comm_sum *s) {
    if (!s) return;
    const mmoe_allocator a = s->alloc;
    mmoe_release_aligned(&a, s->got);
    mmoe_release(&a, s);
}

/* In each round the ranks of two neighbouring subtrees exchange their sums, one with one, so each
 * has that of both. */
static mmoe_status sum_whole(mmoe_comm_sum *s, const adding *a, mmoe_error *err) {
    mmoe_comm *c = s->comm;
    const uint64_t at[MMOE_MOST_RANKS] = {0};
    for (int level = 1; level < c->size; level *= 2) {
        uint64_t bytes[MMOE_MOST_RANKS] = {0};
        bytes[c->rank ^ level] = a->n * a->element;
        const mmoe_status status = mmoe_comm_exchange(
            c, &(mmoe_exchange){a->what, a->values, at, bytes, s->got, at, bytes}, err);
        if (status) return status;
        a->add(a->values, s->got, a->n * a->element);
    }
    return MMOE_OK;
}

/* What others sent, `bytes` each, is added to `own` as the tree has it: a stretch of all ranks at a
 * time, so that it stays in the cache from leaves to root. A subtree with this rank is added up in
 * `own`. */
static void add_rows(const mmoe_comm *c, const adding *a, char *own, const slices *got,
                     uint64_t bytes) {
    for (uint64_t first = 0; first < bytes; first += STRETCH) {
        const uint64_t n = least(STRETCH, bytes - first);
        char *rows[MMOE_MOST_RANKS];
        for (int r = 0; r < c->size; r++)
            rows[r] = r == c->rank ? own + first : got->room + (uint64_t)r * got->stride + first;
        for (int level = 1; level < c->size; level *= 2)
            for (int r = 0; r < c->size; r += 2 * level) {
                const bool is_right = c->rank / level == (r + level) / level;
                a->add(rows[r + is_right * level], rows[r + !is_right * level], n);
                rows[r] = rows[r + is_right * level];
            }
    }
}

/* Of each rank's part the bytes from `at` on, as many as there is room for. */
static void lay_window(const mmoe_comm *c, const adding *a, const int64_t *from, uint64_t at,
                       const slices *got, window *w) {
    for (int r = 0; r < c->size; r++) {
        const uint64_t bytes = (uint64_t)(from[r + 1] - from[r]) * a->element;
        w->from_at[r] = (uint64_t)from[r] * a->element + at;
        w->from_bytes[r] = bytes > at ? least(bytes - at, got->stride) : 0;
    }
    w->own = w->from_bytes[c->rank];
    for (int r = 0; r < c->size; r++) {
        w->got_at[r] = (uint64_t)r * got->stride;
        w->got_bytes[r] = r == c->rank ? 0 : w->own;
    }
    w->from_bytes[c->rank] = 0;
    w->exchange = (mmoe_exchange){a->what,   a->values, w->from_at,  w->from_bytes,
                                  got->room, w->got_at, w->got_bytes};
}

static uint64_t longest_of(const mmoe_comm *c, const adding *a, const int64_t *from) {
    uint64_t longest = 0;
    for (int r = 0; r < c->size; r++) {
        const uint64_t bytes = (uint64_t)(from[r + 1] - from[r]) * a->element;
        if (bytes > longest) longest = bytes;
    }
    return longest;
}

/* Rank r gets part r of all ranks, window by window, and adds them up. */
static mmoe_status sum_parts(mmoe_comm_sum *s, const adding *a, const int64_t *from,
                             mmoe_error *err) {
    mmoe_comm *c = s->comm;
    const slices got = {s->got, stride_of(s->most, 1, c->size)};
    const uint64_t longest = longest_of(c, a, from);
    mmoe_status status = MMOE_OK;
    for (uint64_t at = 0; at < longest && !status; at += got.stride) {
        window w = {.own = 0};
        lay_window(c, a, from, at, &got, &w);
        status = mmoe_comm_exchange(c, &w.exchange, err);
        if (!status) add_rows(c, a, a->values + w.from_at[c->rank], &got, w.own);
    }
    return status;
}

/* Each adds up a slice and gives its sums to all. */
static mmoe_status sum_slices(mmoe_comm_sum *s, const adding *a, mmoe_error *err) {
    const uint64_t size = (uint64_t)s->comm->size, each = a->n / size, more = a->n % size;
    int64_t from[MMOE_MOST_RANKS + 1] = {0};
    uint64_t bytes[MMOE_MOST_RANKS];
    for (uint64_t r = 0; r < size; r++) {
        from[r + 1] = from[r] + (int64_t)(each + (r < more));
        bytes[r] = (each + (r < more)) * a->element;
    }
    const mmoe_status status = sum_parts(s, a, from, err);
    const char *own = a->values + (uint64_t)from[s->comm->rank] * a->element;
    if (status) return status;
    return mmoe_comm_gather(s->comm, &(mmoe_gathering){a->what, own, a->values, bytes}, err);
}

static mmoe_status sum(mmoe_comm_sum *s, const adding *a, mmoe_error *err) {
    assert(a->n * a->element <= s->most);
    if (s->comm->size == 1 || a->n == 0) return MMOE_OK;
    /* Of two ranks, either sends as many bytes this way as by slices, and half the messages. */
    if (s->comm->size == 2 || a->n * a->element <= MMOE_COMM_SMALL) return sum_whole(s, a, err);
    return sum_slices(s, a, err);
}

mmoe_status mmoe_comm_sum_floats(mmoe_comm_sum *s, float *values, uint64_t n, const char *what,
                                 mmoe_error *err) {
    return sum(s, &(adding){(char *)values, n, sizeof *values, add_floats, what}, err);
}

mmoe_status mmoe_comm_sum_doubles(mmoe_comm_sum *s, double *values, uint64_t n, const char *what,
                                  mmoe_error *err) {
    return sum(s, &(adding){(char *)values, n, sizeof *values, add_doubles, what}, err);
}

mmoe_status mmoe_comm_sum_parts(mmoe_comm_sum *s, float *values, const int64_t *from,
                                const char *what, mmoe_error *err) {
    const adding a = {(char *)values, 0, sizeof *values, add_floats, what};
    return s->comm->size == 1 ? MMOE_OK : sum_parts(s, &a, from, err);
}
