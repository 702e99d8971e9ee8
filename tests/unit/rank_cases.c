#include "rank_cases.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/comm_agree.h"
#include "base/comm_sum.h"
#include "base/error.h"

/* Leaves the case with the line that is not true. */
#define TRUE(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) return mmoe_fail(err, MMOE_E_DATA, "line %d: %s", __LINE__, #condition); \
    } while (0)
#define DONE(call)                                                                                 \
    do {                                                                                           \
        const mmoe_status done_ = call;                                                            \
        if (done_) return done_;                                                                   \
    } while (0)

/* Of rank a to rank b: none, a few, or more than an engine sends unasked. */
static uint64_t length(int a, int b) {
    static const uint64_t lengths[] = {7, 0, 1, 4096, 0, 100003, 64};
    return lengths[(3 * a + b) % 7];
}

static unsigned char byte_of(int a, int b, uint64_t i, int salt) {
    return (unsigned char)((uint64_t)(a * 31 + b * 7 + salt) + i * 5 + i / 251);
}

/* An exchange of length(), with a gap of a byte before each piece. */
typedef struct parcel {
    unsigned char *from, *to;
    uint64_t from_at[MMOE_MOST_RANKS], from_bytes[MMOE_MOST_RANKS];
    uint64_t to_at[MMOE_MOST_RANKS], to_bytes[MMOE_MOST_RANKS];
    int salt;
    mmoe_exchange exchange;
} parcel;

static bool pack(parcel *p, const mmoe_comm *c, int salt) {
    uint64_t sent = 0, got = 0;
    *p = (parcel){.salt = salt};
    for (int r = 0; r < c->size; r++) {
        p->from_at[r] = sent + 1;
        p->from_bytes[r] = length(c->rank, r);
        p->to_at[r] = got + 1;
        p->to_bytes[r] = length(r, c->rank);
        sent += p->from_bytes[r] + 1;
        got += p->to_bytes[r] + 1;
    }
    p->from = calloc(sent, 1);
    p->to = calloc(got, 1);
    if (!p->from || !p->to) return false;
    for (int r = 0; r < c->size; r++)
        for (uint64_t i = 0; i < p->from_bytes[r]; i++)
            p->from[p->from_at[r] + i] = byte_of(c->rank, r, i, salt);
    p->exchange = (mmoe_exchange){"parcels", p->from,  p->from_at, p->from_bytes,
                                  p->to,     p->to_at, p->to_bytes};
    return true;
}

static bool is_right(const parcel *p, const mmoe_comm *c) {
    for (int r = 0; r < c->size; r++) {
        if (p->to[p->to_at[r] - 1] != 0) return false;
        for (uint64_t i = 0; i < p->to_bytes[r]; i++)
            if (p->to[p->to_at[r] + i] != byte_of(r, c->rank, i, p->salt)) return false;
    }
    return true;
}

static void unpack(parcel *p) {
    free(p->from);
    free(p->to);
}

static mmoe_status exchange(void *context, mmoe_comm *c, mmoe_error *err) {
    (void)context;
    uint64_t sent = 0, n_sent = 0;
    for (int r = 0; r < c->size; r++)
        if (r != c->rank) {
            sent += length(c->rank, r);
            n_sent += length(c->rank, r) > 0;
        }
    for (int round = 0; round < 3; round++) {
        parcel p;
        TRUE(pack(&p, c, round));
        const uint64_t bytes = c->bytes_sent, n = c->n_sent;
        DONE(mmoe_comm_exchange(c, &p.exchange, err));
        TRUE(is_right(&p, c));
        TRUE(c->bytes_sent - bytes == sent && c->n_sent - n == n_sent);
        unpack(&p);
    }
    return MMOE_OK;
}

/* Two are under way while others come and go. */
static mmoe_status ahead(void *context, mmoe_comm *c, mmoe_error *err) {
    (void)context;
    for (int round = 0; round < 2; round++) {
        parcel first, second, next;
        TRUE(pack(&first, c, 10 + round) && pack(&second, c, 20 + round));
        TRUE(pack(&next, c, 30 + round));
        DONE(mmoe_comm_start(c, MMOE_WAY_NEXT, &next.exchange, err));
        DONE(mmoe_comm_start(c, MMOE_WAY_AHEAD, &first.exchange, err));
        DONE(mmoe_comm_exchange(c, &second.exchange, err));
        DONE(mmoe_comm_barrier(c, "a barrier between", err));
        DONE(mmoe_comm_finish(c, MMOE_WAY_AHEAD, err));
        DONE(mmoe_comm_finish(c, MMOE_WAY_NEXT, err));
        TRUE(is_right(&first, c) && is_right(&second, c) && is_right(&next, c));
        unpack(&first);
        unpack(&second);
        unpack(&next);
    }
    return MMOE_OK;
}

/* Rank r gives r % 3 letters. */
static mmoe_status gather(void *context, mmoe_comm *c, mmoe_error *err) {
    (void)context;
    char all[3 * MMOE_MOST_RANKS] = "", wanted[3 * MMOE_MOST_RANKS] = "";
    uint64_t bytes[MMOE_MOST_RANKS], total = 0, own_at = 0;
    for (int r = 0; r < c->size; r++) {
        bytes[r] = (uint64_t)(r % 3);
        if (r == c->rank) own_at = total;
        for (uint64_t i = 0; i < bytes[r]; i++) wanted[total + i] = (char)('A' + r);
        total += bytes[r];
    }
    const char own[3] = {(char)('A' + c->rank), (char)('A' + c->rank), 0};
    DONE(mmoe_comm_gather(c, &(mmoe_gathering){"letters", own, all, bytes}, err));
    TRUE(memcmp(all, wanted, sizeof all) == 0);
    /* From where they go, too. */
    memset(all, 0, sizeof all);
    memcpy(all + own_at, own, bytes[c->rank]);
    DONE(mmoe_comm_gather(c, &(mmoe_gathering){"letters", all + own_at, all, bytes}, err));
    TRUE(memcmp(all, wanted, sizeof all) == 0);
    return MMOE_OK;
}

/* Rank 0 gives more than goes by halves, others a byte. */
static mmoe_status gather_much(void *context, mmoe_comm *c, mmoe_error *err) {
    (void)context;
    enum { MUCH = MMOE_COMM_SMALL + 1 };
    uint64_t bytes[MMOE_MOST_RANKS];
    for (int r = 0; r < c->size; r++) bytes[r] = r == 0 ? MUCH : 1;
    unsigned char *own = malloc(MUCH), *all = calloc(MUCH + MMOE_MOST_RANKS, 1);
    TRUE(own && all);
    for (uint64_t i = 0; i < MUCH; i++) own[i] = byte_of(c->rank, 0, i, 5);
    DONE(mmoe_comm_gather(c, &(mmoe_gathering){"much", own, all, bytes}, err));
    for (uint64_t i = 0; i < MUCH; i++) TRUE(all[i] == byte_of(0, 0, i, 5));
    for (int r = 1; r < c->size; r++) TRUE(all[MUCH + r - 1] == byte_of(r, 0, 0, 5));
    free(own);
    free(all);
    return MMOE_OK;
}

/* Of magnitudes so unlike that another order of additions has other bits. */
static double value_of(int rank, uint64_t i) {
    const uint64_t h = ((uint64_t)rank * 1000003 + i) * UINT64_C(0x9e3779b97f4a7c15);
    const double small = ldexp((double)(h >> 11), -53) - 0.5;
    return (h & 0x300) == 0 ? 1e4 * small : small;
}

#define SUM_CASE(type, sum)                                                                        \
    static type type##_tree(int first, int size, uint64_t i) {                                     \
        if (size == 1) return (type)value_of(first, i);                                            \
        return type##_tree(first, size / 2, i) + type##_tree(first + size / 2, size / 2, i);       \
    }                                                                                              \
    static mmoe_status type##_sums(void *context, mmoe_comm *c, mmoe_error *err) {                 \
        (void)context;                                                                             \
        static const uint64_t lengths[] = {0, 1, 5, 2000, 16385, 100003};                          \
        type *values = malloc(100003 * sizeof *values);                                            \
        mmoe_comm_sum *s;                                                                          \
        TRUE(values);                                                                              \
        DONE(mmoe_comm_sum_create(c, 100003 * sizeof *values, NULL, &s, err));                     \
        int other_order = 0;                                                                       \
        for (int k = 0; k < 6; k++) {                                                              \
            for (uint64_t i = 0; i < lengths[k]; i++) values[i] = (type)value_of(c->rank, i);      \
            DONE(sum(s, values, lengths[k], "sums", err));                                         \
            for (uint64_t i = 0; i < lengths[k]; i++) {                                            \
                const type tree = type##_tree(0, c->size, i);                                      \
                TRUE(memcmp(&values[i], &tree, sizeof tree) == 0);                                 \
                type serial = 0;                                                                   \
                for (int r = 0; r < c->size; r++) serial += (type)value_of(r, i);                  \
                other_order += serial != tree;                                                     \
            }                                                                                      \
        }                                                                                          \
        TRUE(c->size<4 || other_order> 100);                                                       \
        mmoe_comm_sum_free(s);                                                                     \
        free(values);                                                                              \
        return MMOE_OK;                                                                            \
    }
SUM_CASE(float, mmoe_comm_sum_floats)
SUM_CASE(double, mmoe_comm_sum_doubles)

/* Unequal parts, longer than there is room for at a time, the third of them empty. */
static mmoe_status sums_of_parts(void *context, mmoe_comm *c, mmoe_error *err) {
    (void)context;
    enum { EACH = 500, MOST = (8 + 1) * EACH };
    int64_t from[MMOE_MOST_RANKS + 1];
    float *values = malloc(MOST * sizeof *values);
    mmoe_comm_sum *s;
    TRUE(values);
    for (int r = 0; r <= c->size; r++) from[r] = (r == 3 ? 2 : r) * EACH + 17 * (r == 1);
    for (int i = 0; i < MOST; i++) values[i] = (float)value_of(c->rank, (uint64_t)i);
    DONE(mmoe_comm_sum_create(c, 640 * (uint64_t)c->size, NULL, &s, err));
    DONE(mmoe_comm_sum_parts(s, values, from, "parts", err));
    for (int i = 0; i < MOST; i++) {
        const bool is_summed = i >= from[c->rank] && i < from[c->rank + 1];
        const float wanted =
            is_summed ? float_tree(0, c->size, (uint64_t)i) : (float)value_of(c->rank, (uint64_t)i);
        TRUE(memcmp(&values[i], &wanted, sizeof wanted) == 0);
    }
    mmoe_comm_sum_free(s);
    free(values);
    return MMOE_OK;
}

typedef struct told {
    int n;
    char names[2][20], sentences[2][400];
} told;

static bool note(void *context, const char *name, const char *sentence) {
    told *t = context;
    if (t->n < 2) {
        snprintf(t->names[t->n], sizeof t->names[0], "%s", name);
        snprintf(t->sentences[t->n], sizeof t->sentences[0], "%s", sentence);
    }
    t->n++;
    return t->n < 3;
}

static mmoe_status agree(void *context, mmoe_comm *c, mmoe_error *err) {
    (void)context;
    mmoe_comm_fact facts[] = {{"library", "1.0"}, {"kernels", "avx512"}, {"data", ""}};
    mmoe_comm_facts own = {.facts = facts, .n = 3};
    DONE(mmoe_comm_agree(c, &own, NULL, err));
    if (c->size == 1) return MMOE_OK;
    /* The last rank has other kernels, and a fact that the others lack. */
    const int last = c->size - 1;
    if (c->rank == last)
        facts[1].text = "avx2";
    else
        own.n = 2;
    mmoe_error unlike;
    TRUE(mmoe_comm_agree(c, &own, NULL, &unlike) == MMOE_E_CONFIG);
    char wanted[400], others[MMOE_RANKS_SIZE];
    mmoe_comm_ranks_text(~(uint64_t)0 >> (64 - last), others);
    snprintf(wanted, sizeof wanted,
             "ranks have unlike \"kernels\": \"avx512\" on %s, \"avx2\" on rank %d", others, last);
    TRUE(strcmp(unlike.message, wanted) == 0);

    told t = {0};
    own.allow = note;
    own.context = &t;
    DONE(mmoe_comm_agree(c, &own, NULL, err));
    TRUE(t.n == 2 && strcmp(t.names[0], "kernels") == 0 && strcmp(t.names[1], "data") == 0);
    TRUE(strcmp(t.sentences[0], wanted) == 0);
    snprintf(wanted, sizeof wanted, "ranks have unlike \"data\": none on %s, \"\" on rank %d",
             others, last);
    TRUE(strcmp(t.sentences[1], wanted) == 0);

    /* The second is not allowed. */
    t.n = 1;
    TRUE(mmoe_comm_agree(c, &own, NULL, &unlike) == MMOE_E_CONFIG);
    TRUE(t.n == 3 && strcmp(unlike.message, wanted) == 0);
    return MMOE_OK;
}

const rank_case rank_cases[] = {
    {"exchange", exchange},       {"ahead", ahead},           {"gather", gather},
    {"gather much", gather_much}, {"float sums", float_sums}, {"double sums", double_sums},
    {"parts", sums_of_parts},     {"agree", agree},           {NULL, NULL},
};
