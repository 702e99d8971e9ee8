/* Rows of tables that ranks own, each some: moments of them alone, and files as of one process,
 * between steps, too. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/comm_threads.h"
#include "base/error.h"
#include "check_main.h"
#include "files.h"
#include "segments_support.h"
#include "train/dealt_rows.h"

enum { BATCH = 299, SEGMENTS = 8, BESIDE = 1000 }; /* bytes */
#if defined(__SANITIZE_THREAD__) || defined(EMULATED)
enum { WALKS = 2 }; /* as each takes long */
#else
enum { WALKS = 8 };
#endif

#define TABLES(update, optimizer, keys)                                                            \
    SGD ", \"embedding_update\": \"" update "\", \"embedding_optimizer\": \"" optimizer            \
        "\", \"embedding_optimizer_params\": {\"weight_decay\": " keys "}"
static const way kinds[] = {
    {"ple", "\"expert_params\": {\"dims\": [12], \"dropout\": 0.1}",
     TABLES("deferred", "adamw", "0.05"), "dense"},
    {"mmoe", "\"n_expert\": 3", TABLES("lazy", "adam", "0"), "auto"},
};

static void check_same_file(const char *one, const char *other, int ranks) {
    size_t m, n;
    char *a = get_file(one, &m), *b = get_file(other, &n);
    ck_assert_msg(m == n && memcmp(a, b, m) == 0, "%s differs with %d ranks", other, ranks);
    free(a);
    free(b);
}

/* Steps, after which everything is saved: the weights of each rank, too. */
typedef struct walk {
    const problem *p;
    int first, end;
    const char *resume, *checkpoint,
        *model;              /* model: the other ranks' has their number behind it */
    size_t records, weights; /* bytes of moments, and of the model, of the first rank */
    bool is_dealt;           /* the model is: one file has it */
    bool fits;               /* the trainer, instead of steps */
} walk;

static mmoe_status expect_refusal(mmoe_status status, const char *of, mmoe_error *err) {
    if (status == MMOE_E_ARGUMENT) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_NUMERIC, "%s is not refused", of);
}

/* Of a trainer that has not joined the ranks that its model is of. */
static mmoe_status check_alone(const walk *w, mmoe_trainer *t, mmoe_error *err) {
    const mmoe_batch none = {0};
    mmoe_error why;
    mmoe_status status = expect_refusal(mmoe_trainer_save(t, w->checkpoint, &why), "saving", err);
    if (!status)
        status = expect_refusal(mmoe_trainer_resume(t, w->resume ? w->resume : w->model, &why),
                                "resuming", err);
    if (!status)
        status = expect_refusal(mmoe_trainer_grow(t, &none, NULL, NULL, &why), "growing", err);
    return status;
}

/* The first rank's alone: a file of the model would want all. Stops the fit where it is made. */
static int save_in_callback(void *user, const mmoe_epoch_report *report) {
    mmoe_error why;
    (void)report;
    return mmoe_model_save(*(mmoe_model **)user, "/never", &why) != MMOE_E_ARGUMENT;
}

static mmoe_status take_steps(void *context, mmoe_comm *c, mmoe_error *err) {
    walk *w = context;
    char path[160];
    const bool is_part = w->is_dealt && c->size > 1;
    mmoe_model *model = NULL;
    const mmoe_trainer_options options = {.threads = c->size > 1 ? 1 : 2,
                                          .single_threaded_blas = 1,
                                          .checkpoint_path = w->fits ? w->checkpoint : NULL,
                                          .on_epoch = is_part ? save_in_callback : NULL,
                                          .user = &model};
    mmoe_trainer *trainer = NULL;
    mmoe_status status = mmoe_model_create_among(w->p->config, w->p->schema, w->is_dealt ? c : NULL,
                                                 NULL, &model, err);
    if (!status && !c->rank) w->weights = mmoe_model_bytes(model, NULL);
    if (!status) status = mmoe_trainer_create(model, &options, NULL, &trainer, err);
    if (!status && is_part) status = check_alone(w, trainer, err);
    if (!status) status = mmoe_trainer_join(trainer, c, err);
    if (!status && w->resume) status = mmoe_trainer_resume(trainer, w->resume, err);
    for (int i = w->first; i < w->end && !status; i++)
        status = mmoe_trainer_step(trainer, w->p->rows, i * 40, BATCH, NULL, err);
    if (!status && w->fits) status = mmoe_trainer_fit(trainer, w->p->rows, w->p->rows, err);
    if (!status && !w->fits) status = mmoe_trainer_save(trainer, w->checkpoint, err);
    snprintf(path, sizeof path, c->rank && !w->is_dealt ? "%s.%d" : "%s", w->model, c->rank);
    if (!status) status = mmoe_model_save(model, path, err);
    for (int32_t i = 0; !c->rank && !status && i < trainer->optimizer.n_block; i++)
        if (trainer->optimizer.blocks[i].records)
            w->records += mmoe_optimizer_block_memory(&trainer->optimizer.blocks[i]);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    return status;
}

/* By one process, where `ranks` is 1. */
static mmoe_error errors[MMOE_MOST_RANKS];
static mmoe_status try_with(walk *w, int ranks) {
    const mmoe_comm_group_options options = {.size = ranks};
    mmoe_comm_group *g;
    w->records = 0;
    SUCCEEDS(mmoe_comm_group_create(&options, NULL, &g, &err));
    const mmoe_status status = mmoe_comm_group_run(g, take_steps, w, errors);
    mmoe_comm_group_free(g);
    return status;
}

static void walk_with(walk *w, int ranks) {
    const mmoe_status status = try_with(w, ranks);
    ck_assert_msg(!status, "%d ranks: %s", ranks, errors[0].message);
}

static void keep_path(char out[128], const char *name) {
    snprintf(out, 128, "%s", in_folder(name));
}

/* Where one process and several ranks save, run and model. */
typedef struct places {
    char one[128], model[128], many[128], others[128];
} places;

static places keep_places(void) {
    places at;
    keep_path(at.one, "one.ckpt");
    keep_path(at.model, "one.model");
    keep_path(at.many, "many.ckpt");
    keep_path(at.others, "many.model");
    return at;
}

/* Shards in the folder. */
static int count_shards(void) {
    int count = 0;
    DIR *dir = opendir(folder);
    ck_assert_ptr_nonnull(dir);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
        count += strstr(e->d_name, ".rows-") != NULL;
    closedir(dir);
    return count;
}

/* A checkpoint of ranks, some of which may have written their rows themselves, is that of one
 * process, as which one process saves what it reads of it. */
static void check_same_run(const walk *by, const char *one, const char *many, int ranks) {
    char again[128], model[128];
    keep_path(again, "again.ckpt");
    keep_path(model, "again.model");
    const int most = ranks < 16 ? ranks : 16, owners = by->is_dealt && ranks > 1 ? most : 0;
    ck_assert_int_eq(count_shards(), owners);
    if (!owners) {
        check_same_file(one, many, ranks);
        return;
    }
    walk w = {.p = by->p, .resume = many, .checkpoint = again, .model = model, .is_dealt = true};
    walk_with(&w, 1);
    check_same_file(one, again, ranks);
}

/* From what each of the two has saved. */
static void go_on(walk *w, const places *at, int ranks) {
    w->resume = w->checkpoint = at->one;
    w->model = at->model;
    walk_with(w, 1);
    w->resume = w->checkpoint = at->many;
    w->model = at->others;
    walk_with(w, ranks);
    check_same_run(w, at->one, at->many, ranks);
    check_same_file(at->model, at->others, ranks);
}

/* Of one process: 3 steps, and 2 more from what the first ranks saved behind the first. Rows stand
 * in that as their owners have them, behind or not. */
START_TEST(owners_keep_what_one_process_keeps) {
    static const int numbers[][2] = {{2, 4}, {4, 1}, {1, 2}, {32, 8}};
    enum { CASES = sizeof numbers / sizeof *numbers };
    const int case_ = _i % CASES, first = numbers[case_][0], then = numbers[case_][1];
    problem p = problem_of(&kinds[_i >= CASES], first > SEGMENTS ? first : SEGMENTS, BATCH);
    const places at = keep_places();
    char last[160];
    walk w = {.p = &p, .end = 3, .checkpoint = at.one, .model = at.model};
    walk_with(&w, 1);
    const size_t all = w.records;
    w.checkpoint = at.many;
    w.model = at.others;
    walk_with(&w, first);
    ck_assert_uint_le(w.records, all / (size_t)(first < 16 ? first : 16) + BESIDE);
    snprintf(last, sizeof last, first > 1 ? "%s.%d" : "%s", at.others, first - 1);
    check_same_file(at.one, at.many, first);
    check_same_file(at.model, at.others, first);
    check_same_file(at.model, last, first);
    w.first = 3;
    w.end = 5;
    go_on(&w, &at, then);
    problem_finish(&p);
}
END_TEST

/* Weights, too, of a table that is large: by steps, or by a fit that validates. */
START_TEST(owners_have_their_rows_alone) {
    static const int numbers[][2] = {{2, 4}, {4, 1}, {1, 2}, {32, 8}};
    enum { CASES = sizeof numbers / sizeof *numbers };
    const int case_ = _i % CASES, first = numbers[case_][0], then = numbers[case_][1];
    const bool fits = _i >= CASES;
    const places at = keep_places();
    big_rows = 40000;
    big_list = case_ % 2 ? "" : ", \"padding_idx\": 5";
    problem p = problem_of(&kinds[(_i + fits) % 2], first > SEGMENTS ? first : SEGMENTS, BATCH);
    if (fits) SUCCEEDS(mmoe_config_set(p.config, "trainer.n_epoch", "1", &err));
    walk w = {.p = &p,
              .end = fits ? 0 : 3,
              .checkpoint = at.one,
              .model = at.model,
              .is_dealt = true,
              .fits = fits};
    walk_with(&w, 1);
    const size_t all = w.weights, table = (size_t)big_rows * 8 * sizeof(float);
    w.checkpoint = at.many;
    w.model = at.others;
    walk_with(&w, first);
    ck_assert_uint_le(w.weights, all - table + table / (size_t)(first < 16 ? first : 16) + BESIDE);
    check_same_run(&w, at.one, at.many, first);
    check_same_file(at.model, at.others, first);
    if (fits) SUCCEEDS(mmoe_config_set(p.config, "trainer.n_epoch", "2", &err));
    w.first = w.end;
    w.end += fits ? 0 : 2;
    go_on(&w, &at, then);
    problem_finish(&p);
}
END_TEST

/* ---- Shards ---- */

static void resume_fails(walk *w, const char *path, const char *why) {
    for (int ranks = 1; ranks <= 4; ranks *= 2) {
        ck_assert_int_ne(try_with(w, ranks), MMOE_OK);
        ck_assert_msg(strstr(errors[0].message, path) && strstr(errors[0].message, why),
                      "%d ranks: %s\nand not: %s .. %s", ranks, errors[0].message, path, why);
    }
}

static void shard_path(char out[160], const char *checkpoint, int save, int index) {
    snprintf(out, 160, "%s.rows-%d-%d", checkpoint, save, index);
}

static void put_back(const char *path, const char *bytes, size_t size, walk *w) {
    put_file(path, bytes, size);
    walk_with(w, 2);
}

/* Those of its save before stay until it has its name, and go then; and the trainer is as it was
 * where one is not what was written. */
START_TEST(shards_are_those_of_their_checkpoint) {
    char one[160], two[160], others[160], mine[160], path[128], other[128];
    size_t size, two_size, other_size;
    struct stat about;
    big_rows = 40000;
    problem p = problem_of(&kinds[1], SEGMENTS, BATCH);
    const places at = keep_places();
    keep_path(path, "run.ckpt");
    keep_path(other, "other.ckpt");
    walk w = {.p = &p, .end = 2, .checkpoint = other, .model = at.model, .is_dealt = true};
    walk_with(&w, 4);
    w.checkpoint = path;
    w.end = 1;
    walk_with(&w, 4);
    w.resume = path;
    ck_assert_int_eq(chmod(path, 0640), 0);
    walk_with(&w, 4);
    ck_assert_int_eq(count_shards(), 8);
    shard_path(one, path, 1, 1);
    ck_assert_int_ne(access(one, F_OK), 0);
    shard_path(one, path, 2, 1);
    ck_assert(stat(one, &about) == 0 && (about.st_mode & 0777) == 0640); /* as the checkpoint's */
    shard_path(two, path, 2, 2);
    shard_path(others, other, 1, 1);
    w = (walk){.p = &p, .checkpoint = at.many, .resume = path, .model = at.model, .is_dealt = true};
    char *bytes = get_file(one, &size), *of_two = get_file(two, &two_size),
         *of_other = get_file(others, &other_size);
    ck_assert_int_eq(unlink(one), 0);
    resume_fails(&w, one, "No such file");
    put_file(one, bytes, size - 1);
    resume_fails(&w, one, "bytes, and ");
    put_file(one, bytes, 100);
    resume_fails(&w, one, "the shard has 100 bytes, and ");
    put_file(one, of_two, two_size);
    resume_fails(&w, one, "this is shard 2 of 4 of save 2, where 1 of 4 of save 2 of");
    put_file(one, of_other, other_size);
    resume_fails(&w, one, "this is shard 1 of 4 of save 1, where 1 of 4 of save 2 of");
    put_back(one, bytes, size, &w);
    bytes[size - 1] ^= 1;
    put_file(one, bytes, size);
    resume_fails(&w, one, "(checksum)");
    bytes[size - 1] ^= 1;
    put_file(one, bytes, size);
    /* One process needs none: they go, but for what is no shard, or another save's. */
    shard_path(mine, path, 2, 7);
    put_file(mine, "mine", 4);
    shard_path(others, path, 3, 1);
    put_file(others, of_other, other_size);
    w.checkpoint = path;
    walk_with(&w, 1);
    ck_assert_int_eq(count_shards(), 4 + 2 + 2); /* of `other`, of at.many, and these */
    ck_assert(access(mine, F_OK) == 0 && access(others, F_OK) == 0);
    ck_assert_int_ne(access(one, F_OK), 0);
    free(bytes);
    free(of_two);
    free(of_other);
    problem_finish(&p);
}
END_TEST

/* What a kill between a checkpoint's name and its end leaves goes with the next save; where no more
 * comes, too. */
START_TEST(a_run_that_is_over_removes_shards_of_others) {
    char path[128], before[160];
    size_t size;
    big_rows = 40000;
    problem p = problem_of(&kinds[1], SEGMENTS, BATCH);
    const places at = keep_places();
    keep_path(path, "run.ckpt");
    shard_path(before, path, 1, 1);
    walk w = {.p = &p, .checkpoint = path, .model = at.model, .is_dealt = true, .fits = true};
    SUCCEEDS(mmoe_config_set(p.config, "trainer.n_epoch", "1", &err));
    walk_with(&w, 2);
    char *bytes = get_file(before, &size);
    SUCCEEDS(mmoe_config_set(p.config, "trainer.n_epoch", "2", &err));
    w.resume = path;
    walk_with(&w, 2);
    ck_assert_int_eq(count_shards(), 2);
    for (int ranks = 1; ranks <= 2; ranks++) {
        put_file(before, bytes, size);
        walk_with(&w, ranks);
        ck_assert_int_eq(count_shards(), 2);
        ck_assert_int_ne(access(before, F_OK), 0);
    }
    free(bytes);
    problem_finish(&p);
}
END_TEST

/* A file that is cut behind its check is the one that is named. */
START_TEST(a_part_that_cannot_be_read_is_known) {
    enum { EACH = 40 };
    char read[2 * EACH], room[4 * EACH];
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    FILE *cut = tmpfile();
    ck_assert(cut && fwrite(read, 1, EACH - 1, cut) == EACH - 1 && fflush(cut) == 0);
    mmoe_stretch parts[] = {{.data = read, .file = -1, .bytes = EACH},
                            {.file = fileno(cut), .bytes = EACH}};
    mmoe_dealt_rows rows = {
        .own = {.data = read, .file = -1, .bytes = 2 * EACH}, .size = 4, .rows = 2 * EACH / 4};
    const mmoe_dealing by = {.room = room, .alloc = &alloc};
    int32_t failed;
    const mmoe_dealt_parts stored = {parts, 1};
    ck_assert_int_eq(mmoe_dealt_rows_read(&by, &rows, &stored, &failed), MMOE_E_IO);
    ck_assert_int_eq(failed, 1);
    /* To a place that cannot be written. */
    rows.own = (mmoe_stretch){.file = -1, .bytes = EACH};
    ck_assert_int_eq(mmoe_dealt_rows_read(&by, &rows, &(mmoe_dealt_parts){parts, 0}, &failed),
                     MMOE_E_IO);
    ck_assert_int_eq(failed, -1);
    fclose(cut);
}
END_TEST

/* One rank saves elsewhere than the others. */
typedef struct parting {
    walk walk;
    const char *elsewhere, *why; /* what all say then */
    int teller;                  /* the rank whose words they are */
} parting;

static mmoe_status save_apart(void *context, mmoe_comm *c, mmoe_error *err) {
    const parting *p = context;
    const char *path = c->rank == 1 ? p->elsewhere : p->walk.checkpoint;
    mmoe_model *model = NULL;
    mmoe_trainer *trainer = NULL;
    mmoe_error why = {0};
    char wanted[16] = "";
    const mmoe_trainer_options options = {.threads = 1};
    mmoe_status status =
        mmoe_model_create_among(p->walk.p->config, p->walk.p->schema, c, NULL, &model, err);
    if (!status) status = mmoe_trainer_create(model, &options, NULL, &trainer, err);
    if (!status) status = mmoe_trainer_join(trainer, c, err);
    if (!status && mmoe_trainer_save(trainer, path, &why) != MMOE_E_IO)
        status = mmoe_fail(err, MMOE_E_NUMERIC, "saved");
    if (c->rank != p->teller) snprintf(wanted, sizeof wanted, "rank %d: ", p->teller);
    if (!status &&
        (strncmp(why.message, wanted, strlen(wanted)) != 0 || !strstr(why.message, p->why)))
        status = mmoe_fail(err, MMOE_E_NUMERIC, "rank %d says %s", c->rank, why.message);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    return status;
}

/* And what was there stays, and nothing else, wherever it was written: a rank that cannot write its
 * shard, or writes it to a disk of its own. */
START_TEST(a_shard_that_is_not_there_leaves_the_save_before) {
    static const struct {
        const char *elsewhere, *why;
        int teller;
    } cases[] = {
        {"none/run.ckpt", "none/run.ckpt.rows-2-1: cannot write: No such file", 1},
        {"its.ckpt", "run.ckpt.rows-2-1: rank 1 wrote its rows for the checkpoint, and rank 0", 0},
    };
    char path[128], elsewhere[128];
    size_t before, after;
    big_rows = 40000;
    problem p = problem_of(&kinds[0], SEGMENTS, BATCH);
    const places at = keep_places();
    keep_path(path, "run.ckpt");
    keep_path(elsewhere, cases[_i].elsewhere);
    parting of = {{.p = &p, .end = 1, .checkpoint = path, .model = at.model, .is_dealt = true},
                  elsewhere,
                  cases[_i].why,
                  cases[_i].teller};
    walk_with(&of.walk, 2);
    char *was = get_file(path, &before);
    const mmoe_comm_group_options options = {.size = 2};
    mmoe_comm_group *g;
    SUCCEEDS(mmoe_comm_group_create(&options, NULL, &g, &err));
    const mmoe_status status = mmoe_comm_group_run(g, save_apart, &of, errors);
    ck_assert_msg(!status, "%s", errors[0].message);
    mmoe_comm_group_free(g);
    ck_assert_int_eq(count_shards(), 2);
    char *is = get_file(path, &after);
    ck_assert(before == after && memcmp(was, is, before) == 0);
    of.walk.resume = path;
    of.walk.checkpoint = at.many;
    walk_with(&of.walk, 1);
    free(was);
    free(is);
    problem_finish(&p);
}
END_TEST

/* Which would wait for the others. */
static mmoe_status read_alone(void *context, mmoe_comm *c, mmoe_error *err) {
    const problem *p = context;
    mmoe_trainer *trainer;
    mmoe_model *model;
    mmoe_error why;
    mmoe_status status = mmoe_model_create(p->config, p->schema, NULL, &model, err);
    if (!status) status = mmoe_trainer_create(model, NULL, NULL, &trainer, err);
    if (!status) status = mmoe_trainer_join(trainer, c, err);
    if (!status) status = mmoe_trainer_step(trainer, p->rows, 0, BATCH, NULL, err);
    if (!status && c->rank == 0) {
        mmoe_ranks_begin_alone(trainer->ranks);
        ck_assert_int_eq(mmoe_model_save(model, in_folder("alone.model"), &why), MMOE_E_IO);
        ck_assert_msg(strstr(why.message, "ranks have parts of its tables"), "%s", why.message);
        mmoe_ranks_end_alone(trainer->ranks);
        ck_assert_int_eq(mmoe_ranks_status(trainer->ranks, &why), MMOE_E_ARGUMENT);
        ck_assert_msg(strstr(why.message, "within a step's callback"), "%s", why.message);
    }
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    return status;
}

START_TEST(one_rank_alone_reads_no_rows) {
    problem p = problem_of(&kinds[0], SEGMENTS, BATCH);
    const mmoe_comm_group_options options = {.size = 2};
    mmoe_comm_group *g;
    SUCCEEDS(mmoe_comm_group_create(&options, NULL, &g, &err));
    ck_assert_int_eq(mmoe_comm_group_run(g, read_alone, &p, errors), MMOE_OK);
    mmoe_comm_group_free(g);
    problem_finish(&p);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, owners_keep_what_one_process_keeps, 0, WALKS);
    tcase_add_loop_test(c, owners_have_their_rows_alone, 0, WALKS);
    tcase_add_test(c, shards_are_those_of_their_checkpoint);
    tcase_add_test(c, a_run_that_is_over_removes_shards_of_others);
    tcase_add_test(c, a_part_that_cannot_be_read_is_known);
    tcase_add_loop_test(c, a_shard_that_is_not_there_leaves_the_save_before, 0, 2);
    tcase_add_test(c, one_rank_alone_reads_no_rows);
}
