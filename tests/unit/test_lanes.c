/* Lanes: which rows a segment has, what a rank reads of a packed folder, and that ranks which read
 * their lanes alone come to the files of one process. */
#include <stdlib.h>
#include <unistd.h>

#include "base/comm_threads.h"
#include "base/error.h"
#include "check_main.h"
#include "data/source.h"
#include "file/packed.h"
#include "files.h"
#include "segments_support.h"

enum {
    BATCH = 2048,
    SEGMENTS = 8,
    TIMES = 38, /* the support's rows, one after the other: two blocks, and a part of one */
    ALL_ROWS = ROWS * TIMES,
    WHOLE = ALL_ROWS / MMOE_BLOCK_ROWS * MMOE_BLOCK_ROWS,
    TIMES_RANKS = IS_EMULATED || IS_SANITIZED ? 4 : 2 /* from one number of ranks to the next */
};
static const way shuffled = {"mmoe", "\"n_expert\": 3", SGD, "dense"};

static mmoe_dataset *pack(const problem *p, const char *path) {
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    const mmoe_packing what = {.folder = path, .schema = p->schema};
    mmoe_packer *packer;
    mmoe_dataset *set;
    SUCCEEDS(mmoe_packer_open(&what, &alloc, &packer, &err));
    for (int i = 0; i < TIMES; i++) SUCCEEDS(mmoe_packer_add(packer, p->rows, &err));
    SUCCEEDS(mmoe_packer_close(packer, MMOE_OK, NULL, &err));
    SUCCEEDS(mmoe_dataset_read_packed(p->schema, path, MMOE_PACKED_STREAMED, NULL, &set, &err));
    return set;
}

static mmoe_lanes lanes_of(int rank, int ranks) {
    const int own = SEGMENTS / ranks;
    return (mmoe_lanes){BATCH, SEGMENTS, rank * own, own};
}

/* ---- The order ---- */

static uint32_t rows[MMOE_WINDOW_ROWS], places[MMOE_WINDOW_ROWS], of_rank[MMOE_WINDOW_ROWS];

/* Row numbers of the epoch to `rows`; checks each segment's lanes. */
static int64_t take_epoch(const mmoe_order *o) {
    int64_t n = 0, wrong = 0;
    for (int64_t w = 0; w < o->windows; w++) {
        const int32_t count = mmoe_order_window_rows(o, w);
        ck_assert_int_eq(n % BATCH, 0);
        mmoe_order_window(o, w, places);
        for (int32_t i = 0; i < count; i++, n++) {
            const int32_t slot = (int32_t)(places[i] / MMOE_BLOCK_ROWS);
            rows[n] = (uint32_t)(mmoe_order_block(o, w, slot) * MMOE_BLOCK_ROWS +
                                 places[i] % MMOE_BLOCK_ROWS);
            wrong += mmoe_order_has_lanes(o, w) && rows[n] % MMOE_LANES / (MMOE_LANES / SEGMENTS) !=
                                                       (uint32_t)(i % BATCH / (BATCH / SEGMENTS));
        }
    }
    ck_assert_int_eq(wrong, 0);
    return n;
}

static void check_share(const mmoe_order *o, const mmoe_allocator *alloc, int rank, int ranks) {
    mmoe_order own = {.rows = o->rows, .lanes = lanes_of(rank, ranks), .shuffles = true, .seed = 5};
    int64_t wrong = 0;
    SUCCEEDS(mmoe_order_create(&own, alloc, &err));
    mmoe_order_begin(&own, o->epoch);
    for (int64_t w = 0; w < o->windows; w++) {
        mmoe_order_window(o, w, places);
        mmoe_order_window(&own, w, of_rank);
        for (int32_t i = 0; i < mmoe_order_window_rows(o, w); i++) {
            const bool is_own = i % BATCH / (BATCH / ranks) == rank || !mmoe_order_has_lanes(o, w);
            wrong += of_rank[i] != (is_own ? places[i] : MMOE_NO_ROW);
        }
    }
    ck_assert_int_eq(wrong, 0);
    mmoe_order_finish(&own, alloc);
}

START_TEST(segments_have_rows_of_their_lanes) {
    static bool seen[MMOE_WINDOW_ROWS];
    static const int64_t sizes[] = {ALL_ROWS, 100, WHOLE, MMOE_WINDOW_ROWS - 1};
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    mmoe_order o = {.rows = sizes[_i], .lanes = lanes_of(0, 1), .shuffles = true, .seed = 5};
    uint32_t first_rows[2] = {0};
    SUCCEEDS(mmoe_order_create(&o, &alloc, &err));
    for (int epoch = 0; epoch < 2; epoch++) {
        memset(seen, 0, sizeof seen);
        mmoe_order_begin(&o, epoch);
        ck_assert_int_eq(take_epoch(&o), o.rows);
        int64_t known = 0;
        for (int64_t i = 0; i < o.rows; i++) {
            known += !seen[rows[i]];
            seen[rows[i]] = true;
        }
        ck_assert_int_eq(known, o.rows);
        first_rows[epoch] = rows[0];
        for (int ranks = 2; ranks <= SEGMENTS; ranks *= TIMES_RANKS)
            for (int rank = 0; rank < ranks; rank++) check_share(&o, &alloc, rank, ranks);
    }
    ck_assert_uint_ne(first_rows[0], first_rows[1]);
    mmoe_order_finish(&o, &alloc);
}
END_TEST

/* ---- The source ---- */

static mmoe_source *source_of(const mmoe_dataset *set, int rank, int ranks) {
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    const mmoe_source_order order = {set, true, 7, BATCH, .lanes = lanes_of(rank, ranks)};
    mmoe_source *s;
    SUCCEEDS(mmoe_source_open(&order, &alloc, &s, &err));
    SUCCEEDS(mmoe_source_begin(s, 3, &err));
    return s;
}

static bool is_same_list(const mmoe_list *a, const mmoe_list *b) {
    return a->count == b->count &&
           (!a->count || memcmp(a->ids, b->ids, (size_t)a->count * sizeof *a->ids) == 0);
}

static bool is_same_row(const mmoe_rows *a, const mmoe_rows *b, int32_t i) {
    const size_t x = mmoe_row_of(a, i), y = mmoe_row_of(b, i);
    bool same = memcmp(a->ids + x * a->id_stride, b->ids + y * b->id_stride,
                       SPARSE * sizeof(int32_t)) == 0 &&
                memcmp(a->dense + x * a->dense_stride, b->dense + y * b->dense_stride,
                       DENSE * sizeof(float)) == 0 &&
                memcmp(a->labels + x * a->label_stride, b->labels + y * b->label_stride,
                       TASKS * sizeof(float)) == 0 &&
                memcmp(&a->weights[x], &b->weights[y], sizeof(float)) == 0;
    for (int32_t k = 0; k < LISTS; k++) {
        const mmoe_list one = mmoe_list_of(&a->lists, x, k), other = mmoe_list_of(&b->lists, y, k);
        same &= is_same_list(&one, &other);
    }
    return same;
}

/* Batch by batch from a place on; of the rank its rows alone. */
static void check_rest(mmoe_source *own, mmoe_source *all, int64_t place, int rank, int ranks) {
    mmoe_rows a, b;
    SUCCEEDS(mmoe_source_begin(all, 3, &err));
    SUCCEEDS(mmoe_source_seek(all, place, &err));
    SUCCEEDS(mmoe_source_seek(own, place, &err));
    for (int64_t n = place;; n += a.rows) {
        SUCCEEDS(mmoe_source_next(all, BATCH, &a, &err));
        SUCCEEDS(mmoe_source_next(own, BATCH, &b, &err));
        ck_assert_int_eq(a.rows, b.rows);
        if (!a.rows) break;
        ck_assert_int_eq(b.is_share, ranks > 1 && n < WHOLE);
        int wrong = 0;
        for (int32_t i = 0; i < a.rows; i++)
            if (!b.is_share || i / (BATCH / ranks) == rank)
                wrong += !is_same_row(&a, &b, i);
            else
                wrong += b.index[i] != MMOE_NO_ROW;
        ck_assert_int_eq(wrong, 0);
    }
}

static void check_source(const mmoe_dataset *set, mmoe_source *all, int rank, int ranks) {
    static const int64_t from[] = {0, 3 * BATCH, WHOLE, ALL_ROWS};
    mmoe_source *own = source_of(set, rank, ranks);
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        check_rest(own, all, from[i], rank, ranks);
    mmoe_source_free(own);
}

static void change_byte(const char *file, long at) {
    char path[200];
    snprintf(path, sizeof path, "%s/part-0/%s", in_folder("p"), file);
    FILE *f = fopen(path, "r+");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, at, SEEK_SET), 0);
    const int c = fgetc(f);
    ck_assert_int_eq(fseek(f, at, SEEK_SET), 0);
    fputc(c ^ 1, f);
    ck_assert_int_eq(fclose(f), 0);
}

static mmoe_status first_status(const mmoe_dataset *set, int rank, int ranks, mmoe_error *err) {
    mmoe_source *s = source_of(set, rank, ranks);
    mmoe_rows got;
    const mmoe_status status = mmoe_source_next(s, BATCH, &got, err);
    mmoe_source_free(s);
    return status;
}

START_TEST(a_rank_reads_its_lanes_alone) {
    problem p = problem_of(&shuffled, SEGMENTS, BATCH);
    char packed[128], path[160];
    snprintf(packed, sizeof packed, "%s", in_folder("p"));
    mmoe_dataset *set = pack(&p, packed), *in_memory, *old;
    SUCCEEDS(
        mmoe_dataset_read_packed(p.schema, packed, MMOE_PACKED_LOADED, NULL, &in_memory, &err));
    mmoe_source *all = source_of(in_memory, 0, 1), *few = source_of(set, 3, 4),
                *streamed = source_of(set, 0, 1);
    for (int ranks = 1; ranks <= SEGMENTS; ranks *= TIMES_RANKS)
        for (int rank = 0; rank < ranks; rank++) check_source(set, all, rank, ranks);
    ck_assert_uint_lt(mmoe_source_bytes(few), mmoe_source_bytes(streamed) / 3);
    ck_assert_uint_lt(mmoe_source_bytes(streamed), 4 * mmoe_source_bytes(all)); /* two windows */
    mmoe_source_free(few);
    mmoe_source_free(streamed);

    /* A folder of an older version is read whole. */
    snprintf(path, sizeof path, "%s/part-0/lanes.npy", packed);
    char *sums = get_file(path, &(size_t){0});
    size_t size;
    free(sums);
    sums = get_file(path, &size);
    ck_assert_int_eq(unlink(path), 0);
    SUCCEEDS(mmoe_dataset_read_packed(p.schema, packed, MMOE_PACKED_STREAMED, NULL, &old, &err));
    check_source(old, all, 1, 2);

    /* What is damaged is met by whose lanes it is in, and without lanes by all. */
    mmoe_error why;
    FILE *f = fopen(path, "w");
    ck_assert_uint_eq(fwrite(sums, 1, size, f), size);
    fclose(f);
    static const struct {
        const char *file;
        long at;
    } damages[] = {{"000-a.npy", 128 + 4 * (MMOE_BLOCK_ROWS - 1)},
                   {"010-d0.npy", 128 + 4 * (MMOE_BLOCK_ROWS - 1)},
                   {"lanes.npy", 128 + 8 * (MMOE_LANES - 1)}};
    for (size_t k = 0; k < sizeof damages / sizeof *damages; k++) {
        const bool is_of_lanes = strcmp(damages[k].file, "lanes.npy") == 0;
        change_byte(damages[k].file, damages[k].at);
        ck_assert_int_eq(first_status(set, 0, 2, &why), MMOE_OK);
        ck_assert_int_eq(first_status(set, 1, 2, &why), MMOE_E_FORMAT);
        ck_assert_msg(strstr(why.message, "rows 1 to 16384 are not as they were") != NULL, "%s",
                      why.message);
        ck_assert_msg(strstr(why.message, "or lanes.npy beside it") != NULL, "%s", why.message);
        ck_assert_int_eq(first_status(old, 0, 2, &why), is_of_lanes ? MMOE_OK : MMOE_E_FORMAT);
        change_byte(damages[k].file, damages[k].at);
    }
    free(sums);
    mmoe_source_free(all);
    mmoe_dataset_free(old);
    mmoe_dataset_free(in_memory);
    mmoe_dataset_free(set);
    problem_finish(&p);
}
END_TEST

/* ---- Training ---- */

#define DEFERRED                                                                                   \
    "\"embedding_update\": \"deferred\", \"embedding_optimizer\": \"adamw\", "                     \
    "\"embedding_optimizer_params\": {\"weight_decay\": 0.05}"
/* Labels are told; rows of tables with owners, and clipping; and nothing. */
static const way runs[] = {
    {"mmoe", "\"n_expert\": 3, \"expert_params\": {\"dims\": [8], \"dropout\": 0.2}", SGD, "dense"},
    {"mmoe", "\"n_expert\": 3, \"expert_params\": {\"dims\": [8]}",
     SGD ", \"clip_norm\": 0.05, " DEFERRED, "distinct"},
    {"ple", "\"expert_params\": {\"dims\": [8]}", METHOD("\"famo\"") ", " DEFERRED, "dense"},
};
#ifdef __SANITIZE_THREAD__
enum { MOST_RANKS = 2 };
#else
enum { MOST_RANKS = SEGMENTS };
#endif
enum { RUNS = IS_SANITIZED ? 2 : sizeof runs / sizeof *runs };

typedef struct work {
    const problem *p;
    const mmoe_dataset *set;
    const char *checkpoint, *model, *resume;
    bool stops;       /* after an epoch, or of one epoch after the first step */
    char *warnings;   /* [WARNINGS] of the first rank; NULL: nobody asks */
    bool is_recorded; /* what the first rank exchanges */
} work;
enum { WARNINGS = 4096 };

/* ---- What the first rank exchanges ---- */

/* In their order: s and f, where what a batch tells is sent and has come; l, where its lists go by
 * themselves; and x, any other exchange that a rank waits for. */
static char exchanges[8192];
static size_t n_exchange;
static const mmoe_comm_kind *engine;

static void record(char what) {
    if (n_exchange < sizeof exchanges - 1) exchanges[n_exchange++] = what;
}

static mmoe_status start_recorded(mmoe_comm *c, mmoe_comm_way by, const mmoe_exchange *e,
                                  mmoe_error *err) {
    if (by == MMOE_WAY_NEXT)
        record('s');
    else if (by == MMOE_WAY_NOW)
        record(strcmp(e->what, "lists of a batch") == 0 ? 'l' : 'x');
    return engine->start(c, by, e, err);
}

static mmoe_status finish_recorded(mmoe_comm *c, mmoe_comm_way by, mmoe_error *err) {
    if (by == MMOE_WAY_NEXT) record('f');
    return engine->finish(c, by, err);
}

static void record_exchanges(mmoe_comm *c) {
    static mmoe_comm_kind recorder;
    engine = c->kind;
    recorder = *engine;
    recorder.start = start_recorded;
    recorder.finish = finish_recorded;
    c->kind = &recorder;
    n_exchange = 0;
    memset(exchanges, 0, sizeof exchanges);
}

static void keep_warning(void *user, const mmoe_warning *warning) {
    const work *w = user;
    const size_t used = strlen(w->warnings);
    snprintf(w->warnings + used, WARNINGS - used, "%s\n", warning->message);
}

static int stop(void *user, const mmoe_epoch_report *r) {
    const work *w = user;
    return w->stops && r->epoch == 1;
}

static mmoe_status fit(void *context, mmoe_comm *c, mmoe_error *err) {
    work *w = context;
    char path[160];
    mmoe_model *model;
    mmoe_trainer *trainer = NULL;
    const mmoe_trainer_options options = {.threads = c->size == 2 ? 2 : 1,
                                          .single_threaded_blas = 1,
                                          .checkpoint_path = w->checkpoint,
                                          .on_epoch = stop,
                                          .on_warning =
                                              w->warnings && c->rank == 0 ? keep_warning : NULL,
                                          .user = w};
    if (w->is_recorded && c->rank == 0) record_exchanges(c);
    mmoe_status status = mmoe_model_create(w->p->config, w->p->schema, NULL, &model, err);
    if (!status) status = mmoe_trainer_create(model, &options, NULL, &trainer, err);
    if (!status) status = mmoe_trainer_join(trainer, c, err);
    if (!status && w->resume) status = mmoe_trainer_resume(trainer, w->resume, err);
    if (!status && w->stops && w->p->config->trainer.n_epoch == 1) mmoe_trainer_stop(trainer);
    if (!status) status = mmoe_trainer_fit(trainer, w->set, NULL, err);
    if (w->stops && !status) status = mmoe_fail(err, MMOE_E_ARGUMENT, "the fit did not stop");
    if (w->stops && status == MMOE_E_CANCELLED) status = MMOE_OK;
    snprintf(path, sizeof path, c->rank ? "%s.%d" : "%s", w->model, c->rank);
    if (!status) status = mmoe_model_save(model, path, err);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    return status;
}

static void fit_with(work *w, int ranks) {
    static mmoe_error errors[MMOE_MOST_RANKS];
    const mmoe_comm_group_options options = {.size = ranks};
    mmoe_comm_group *g;
    SUCCEEDS(mmoe_comm_group_create(&options, NULL, &g, &err));
    const mmoe_status status = mmoe_comm_group_run(g, fit, w, errors);
    ck_assert_msg(!status, "%d ranks: %s", ranks, errors[0].message);
    mmoe_comm_group_free(g);
}

static void check_same(const char *one, const char *other, int ranks) {
    size_t m, n;
    char *a = get_file(one, &m), *b = get_file(other, &n);
    ck_assert_msg(m == n && memcmp(a, b, m) == 0, "%s differs with %d ranks", other, ranks);
    free(a);
    free(b);
}

START_TEST(ranks_train_what_one_process_does) {
    problem p = problem_of(&runs[_i], SEGMENTS, BATCH);
    char one[128], model[128], many[128], other[128], packed[128];
    snprintf(packed, sizeof packed, "%s", in_folder("q"));
    snprintf(one, sizeof one, "%s", in_folder("one.ckpt"));
    snprintf(model, sizeof model, "%s", in_folder("one.model"));
    snprintf(many, sizeof many, "%s", in_folder("many.ckpt"));
    snprintf(other, sizeof other, "%s", in_folder("many.model"));
    SUCCEEDS(mmoe_config_set(p.config, "trainer.lanes", "true", &err));
    if (_i == 1) SUCCEEDS(mmoe_config_set(p.config, "trainer.n_epoch", "1", &err));
    mmoe_dataset *set = pack(&p, packed), *in_memory;
    SUCCEEDS(
        mmoe_dataset_read_packed(p.schema, packed, MMOE_PACKED_LOADED, NULL, &in_memory, &err));
    work w = {&p, in_memory, one, model, NULL, false, NULL, false};
    fit_with(&w, 1);
    w = (work){&p, set, many, other, NULL, false, NULL, false};
    for (int ranks = 1; ranks <= MOST_RANKS; ranks *= TIMES_RANKS) {
        fit_with(&w, ranks);
        check_same(one, many, ranks);
        check_same(model, other, ranks);
    }
    /* Stopped, and gone on with by another number. */
    w.stops = true;
    fit_with(&w, 2);
    w.stops = false;
    w.resume = many;
    fit_with(&w, MOST_RANKS);
    check_same(model, other, MOST_RANKS);
    if (_i != 1) check_same(one, many, MOST_RANKS); /* figures of its one epoch are of all rows */
    mmoe_dataset_free(in_memory);
    mmoe_dataset_free(set);
    problem_finish(&p);
}
END_TEST

/* What a batch tells is on its way while the one before is computed; behind the first batch lists
 * go by themselves where some rank has more than any had before. */
START_TEST(a_batch_is_told_while_another_is_computed) {
    enum { BATCHES = WHOLE / BATCH };
    problem p = problem_of(&runs[1], SEGMENTS, BATCH);
    char packed[128], model[128];
    int started = 0, alone = 0;
    snprintf(packed, sizeof packed, "%s", in_folder("told"));
    snprintf(model, sizeof model, "%s", in_folder("told.model"));
    SUCCEEDS(mmoe_config_set(p.config, "trainer.lanes", "true", &err));
    SUCCEEDS(mmoe_config_set(p.config, "trainer.n_epoch", "1", &err));
    mmoe_dataset *set = pack(&p, packed);
    work w = {.p = &p, .set = set, .model = model, .is_recorded = true};
    fit_with(&w, 2);
    const char *at = strchr(exchanges, 's');
    ck_assert_ptr_nonnull(at);
    for (; *at == 's'; started++) {
        const size_t steps = strspn(++at, "x");
        ck_assert_msg((started > 0) == (steps > 0) && at[steps] == 'f', "batch %d: %.60s", started,
                      at);
        at += steps + 1;
        alone += *at == 'l';
        at += *at == 'l';
    }
    ck_assert_int_eq(started, BATCHES);
    ck_assert_ptr_null(strpbrk(at, "sfl"));
    ck_assert_msg(alone > 0 && alone < BATCHES / 2, "%d times", alone);
    mmoe_dataset_free(set);
    problem_finish(&p);
}
END_TEST

static bool fit_warns(work *w, int ranks, const char *of) {
    char warnings[WARNINGS] = "";
    w->warnings = warnings;
    fit_with(w, ranks);
    return strstr(warnings, of) != NULL;
}

/* It is said where lanes are asked for in vain. */
START_TEST(ranks_that_read_all_rows_are_warned) {
    static const char none[] = "part-0 has no lanes.npy, as an older version packed it",
                      one[] = "trainer.lanes: trainer.segments is 1";
    problem p = problem_of(&shuffled, SEGMENTS, BATCH);
    char packed[128], path[160], model[128];
    snprintf(packed, sizeof packed, "%s", in_folder("o"));
    snprintf(path, sizeof path, "%s/part-0/lanes.npy", packed);
    snprintf(model, sizeof model, "%s", in_folder("old.model"));
    SUCCEEDS(mmoe_config_set(p.config, "trainer.lanes", "true", &err));
    SUCCEEDS(mmoe_config_set(p.config, "trainer.n_epoch", "1", &err));
    mmoe_dataset *set = pack(&p, packed), *old;
    work w = {&p, set, NULL, model, NULL, false, NULL, false};
    ck_assert(!fit_warns(&w, 2, "trainer.lanes"));
    ck_assert_int_eq(unlink(path), 0);
    SUCCEEDS(mmoe_dataset_read_packed(p.schema, packed, MMOE_PACKED_STREAMED, NULL, &old, &err));
    w.set = old;
    ck_assert(!fit_warns(&w, 1, "trainer.lanes") && fit_warns(&w, 2, none));
    SUCCEEDS(mmoe_config_set(p.config, "trainer.segments", "1", &err));
    ck_assert(fit_warns(&w, 1, one));
    mmoe_dataset_free(old);
    mmoe_dataset_free(set);
    problem_finish(&p);
}
END_TEST

/* ---- What cannot be ---- */

START_TEST(batches_are_whole) {
    static const struct {
        const char *key, *value, *says;
    } bad[] = {{"trainer.batch_size", "3000", "3000: with lanes it is a power of two"},
               {"trainer.batch_size", "64", "128 (16 a segment) to 16384"},
               {"trainer.batch_size", "32768", "to 16384"},
               {"trainer.shuffle", "false", "shuffle is false"}};
    problem p = problem_of(&shuffled, SEGMENTS, BATCH);
    mmoe_error why;
    SUCCEEDS(mmoe_config_set(p.config, "trainer.lanes", "true", &err));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(mmoe_config_set(p.config, bad[i].key, bad[i].value, &why), MMOE_E_CONFIG);
        ck_assert_msg(strstr(why.message, bad[i].says) != NULL, "%s", why.message);
    }
    problem_finish(&p);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, segments_have_rows_of_their_lanes, 0, 4);
    tcase_add_test(c, a_rank_reads_its_lanes_alone);
    tcase_add_test(c, a_batch_is_told_while_another_is_computed);
    tcase_add_test(c, ranks_that_read_all_rows_are_warned);
    tcase_add_loop_test(c, ranks_train_what_one_process_does, 0, RUNS);
    tcase_add_test(c, batches_are_whole);
}
