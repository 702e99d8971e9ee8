/* What training is said to take is what it takes. */
#include <sys/stat.h>

#include "base/comm_threads.h"
#include "check_main.h"
#include "files.h"
#include "train/rehearsal.h"
#include "train/sketch.h"
#include "training_support.h"

/* ---- An allocator that counts bytes ---- */

enum { HEAD = 64 };
static int64_t taken;

static void *take(void *user, size_t size) {
    (void)user;
    char *block = malloc(size + HEAD);
    ck_assert_ptr_nonnull(block);
    memcpy(block, &size, sizeof size);
    taken += (int64_t)size;
    return block + HEAD;
}

static void give_back(void *user, void *memory) {
    (void)user;
    size_t size;
    memcpy(&size, (char *)memory - HEAD, sizeof size);
    taken -= (int64_t)size;
    free((char *)memory - HEAD);
}

static void *resize(void *user, void *memory, size_t old_size, size_t new_size) {
    void *grown = take(user, new_size);
    memcpy(grown, memory, old_size < new_size ? old_size : new_size);
    give_back(user, memory);
    return grown;
}

static const mmoe_allocator counting = {NULL, take, resize, give_back};

/* ---- */

static int64_t size_of(const char *path) {
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    return (int64_t)about.st_size;
}

static const char *const settings[] = {
    "",
    ", \"embedding_update\": \"deferred\"",
    ", \"embedding_update\": \"lazy\", \"optimizer_params\": {\"weight_decay\": 0}",
    ", \"optimizer\": \"sgd\", \"embedding_optimizer\": \"rowwise_adagrad\"",
    ", \"clip_norm\": 1, \"ema_decay\": 0.9",
    ", \"adaptive_params\": {\"method\": \"pcgrad\", \"at\": \"parameters\"}"};
enum { SETTINGS = sizeof settings / sizeof *settings };

START_TEST(a_sketch_counts_what_is_taken) {
    mmoe_sketch s;
    mmoe_model *real;
    mmoe_trainer *trainer;
    const mmoe_trainer_options options = {.threads = 2, .best_folder = "."};
    set_up("", "", settings[_i]);
    SUCCEEDS(mmoe_config_set(config, "features.sparse.0.vocab_size", "100000", &err));
    mmoe_schema_free(schema);
    static const char *const columns[] = {"a", "b", "d0", "d1"};
    SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    SUCCEEDS(mmoe_sketch_make(config, schema, (mmoe_among){0, 1}, 2, &s, &err));
    SUCCEEDS(mmoe_model_create(config, schema, &counting, &real, &err));
    SUCCEEDS(mmoe_trainer_create(real, &options, &counting, &trainer, &err));
    ck_assert_int_gt(taken, 4 * 100000);
    ck_assert_int_eq(s.reserve.bytes, taken);
    int64_t parts = 0;
    for (int32_t i = 0; i < real->params.n_block; i++)
        parts += mmoe_sketch_weights(&s, i) + mmoe_sketch_moments(&s, i);
    ck_assert_int_gt(parts, mmoe_sketch_weights(&s, 0) + 4 * 100000); /* a moment a row at least */
    ck_assert_int_le(parts, taken);
    mmoe_trainer_free(trainer);
    mmoe_model_free(real);
    ck_assert_int_eq(taken, 0);
    mmoe_sketch_finish(&s);
    ck_assert_int_eq(s.reserve.bytes, 0);
    tear_down();
}
END_TEST

/* What the first of several ranks takes, which is what is said, and what a fit takes with lanes. */
static mmoe_status take_part(void *context, mmoe_comm *c, mmoe_error *error) {
    const mmoe_allocator *alloc = c->rank ? NULL : &counting;
    const mmoe_allocator of_fit = mmoe_allocator_or_default(alloc);
    const mmoe_trainer_options options = {.threads = 1, .best_folder = "."};
    mmoe_model *model = NULL;
    mmoe_trainer *trainer = NULL;
    mmoe_whole_batch whole = {.ranks = NULL};
    mmoe_status status = mmoe_model_create_among(config, schema, c, alloc, &model, error);
    if (!status) status = mmoe_trainer_create(model, &options, alloc, &trainer, error);
    if (!status) status = mmoe_trainer_join(trainer, c, error);
    if (!status)
        status = mmoe_whole_batch_init(&whole, trainer->ranks, trainer->run->plan, schema, &of_fit,
                                       error);
    if (!c->rank) *(int64_t *)context = taken;
    mmoe_whole_batch_finish(&whole);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    return status;
}

static void check_rank(const mmoe_estimate *all, const mmoe_rank_estimate *own) {
    const mmoe_comm_group_options options = {.size = own->ranks};
    int64_t bytes = 0;
    mmoe_error errors[4] = {{0}};
    mmoe_comm_group *g;
    SUCCEEDS(mmoe_comm_group_create(&options, NULL, &g, &err));
    const mmoe_status status = mmoe_comm_group_run(g, take_part, &bytes, errors);
    ck_assert_msg(!status, "%s", errors[0].message);
    mmoe_comm_group_free(g);
    ck_assert_int_eq(bytes, own->table_bytes + own->layer_bytes + own->moment_bytes +
                                own->copy_bytes + own->step_bytes);
    ck_assert_int_lt(own->table_bytes, all->table_bytes / own->ranks + 1000);
    ck_assert_int_lt(own->moment_bytes, all->moment_bytes / own->ranks + 4000);
    ck_assert_int_eq(own->layer_bytes, all->layer_bytes);
    ck_assert_int_eq(own->row_bytes, all->row_bytes);
    ck_assert_int_lt(own->stream_bytes, all->stream_bytes / own->ranks + 200000);
}

START_TEST(a_rank_takes_what_is_said_of_it) {
    static const char *const columns[] = {"a", "b", "d0", "d1"};
    mmoe_estimate *e;
    mmoe_error why;
    mmoe_estimate_options options = {.threads = 1, .rows = 1 << 20, .ranks = 64};
    set_up("", "",
           ", \"embedding_update\": \"deferred\", \"optimizer\": \"adamw\", \"segments\": 4");
    SUCCEEDS(mmoe_config_set(config, "trainer.batch_size", "64", &err));
    SUCCEEDS(mmoe_config_set(config, "trainer.shuffle", "true", &err));
    SUCCEEDS(mmoe_config_set(config, "trainer.lanes", "true", &err));
    SUCCEEDS(mmoe_config_set(config, "features.sparse.0.vocab_size", "100000", &err));
    mmoe_schema_free(schema);
    SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    SUCCEEDS(mmoe_estimate_create(config, schema, &options, NULL, &e, &err));
    ck_assert_uint_eq(e->n_of_ranks, 2); /* 4 segments */
    for (size_t i = 0; i < e->n_of_ranks; i++) {
        ck_assert_int_eq(e->of_ranks[i].ranks, 2 << i);
        check_rank(e, &e->of_ranks[i]);
        ck_assert(e->of_ranks[i].step_seconds > 0);
    }
    ck_assert_int_eq(e->told_bytes, 64 * 4 * SPARSE); /* ids, and no labels */
    mmoe_estimate_free(e);
    options.ranks = 3;
    ck_assert_int_eq(mmoe_estimate_create(config, schema, &options, NULL, &e, &why),
                     MMOE_E_ARGUMENT);
    tear_down();
}
END_TEST

/* One of four ranks is timed with its part of a table that is dealt, and all that it exchanges. */
START_TEST(a_step_of_a_rank_is_rehearsed) {
    static const char *const columns[] = {"a", "b", "d0", "d1"};
    static const char *const of_ranks[] = {
        ", \"embedding_update\": \"deferred\", \"clip_norm\": 1, \"segments\": 4",
        ", \"segments\": 4, \"adaptive_params\": {\"method\": \"pcgrad\", \"at\": \"parameters\"}"};
    mmoe_sketch s;
    mmoe_rehearsal r;
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    set_up("", "", of_ranks[_i]);
    SUCCEEDS(mmoe_config_set(config, "features.sparse.0.vocab_size", "100000", &err));
    mmoe_schema_free(schema);
    SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    SUCCEEDS(mmoe_sketch_make(config, schema, (mmoe_among){0, 4}, 1, &s, &err));
    SUCCEEDS(mmoe_rehearse(&s, NULL, 1, &alloc, &r, &err));
    ck_assert_int_eq(r.model->params.tables[0].deal.shift, _i ? 0 : 2);
    ck_assert_int_eq(r.trainer->ranks->comm->size, 4);
    ck_assert(r.steps > 0 && r.seconds > 0);
    ck_assert_uint_gt(r.others.comm.bytes_sent, (uint64_t)r.steps * 3 * 64);
    mmoe_rehearsal_finish(&r);
    mmoe_sketch_finish(&s);
    tear_down();
}
END_TEST

START_TEST(an_estimate_has_rows_and_files) {
    make_folder();
    set_up("", "", ", \"n_epoch\": 1, \"embedding_update\": \"auto\"");
    mmoe_estimate *e;
    const mmoe_estimate_options options = {1, 0, rows};
    SUCCEEDS(mmoe_estimate_create(config, schema, &options, NULL, &e, &err));
    ck_assert_int_eq(e->rows, ROWS);
    ck_assert_int_eq(e->row_bytes, ROWS * 4 * (SPARSE + DENSE + TASKS + 1)); /* 1: their order */
    ck_assert_int_gt(e->stream_bytes, e->row_bytes);
    ck_assert_int_eq(e->n_table, SPARSE);
    ck_assert_str_eq(e->tables[1].name, "b");
    ck_assert_int_eq(e->tables[1].bytes, 7 * 3 * 4);
    ck_assert_str_eq(e->tables[1].update, "dense");
    ck_assert_str_eq(e->tables[1].why, "a batch may read more than a quarter of its rows");
    double seconds = 0;
    for (size_t i = 0; i < e->n_part; i++) seconds += e->parts[i].seconds;
    ck_assert(seconds > 0 && seconds <= e->step_seconds);
    mmoe_model *m = new_model();
    mmoe_trainer *trainer;
    const mmoe_trainer_options keeping = {.threads = 1, .checkpoint_path = in_folder("c")};
    SUCCEEDS(mmoe_trainer_create(m, &keeping, NULL, &trainer, &err));
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, NULL, &err));
    SUCCEEDS(mmoe_model_save(m, in_folder("m"), &err));
    const int64_t beside_model = size_of(in_folder("m")) - e->model_file,
                  beside_run = size_of(in_folder("c")) - e->checkpoint_file;
    ck_assert(beside_model > 0 && beside_model < 16384);
    ck_assert(beside_run > 0 && beside_run < 16384);
    ck_assert_int_eq(e->parameters, mmoe_model_parameter_count(m));
    mmoe_trainer_free(trainer);
    mmoe_model_free(m);
    mmoe_estimate_free(e);
    tear_down();
    remove_folder();
}
END_TEST

/* Of the ids i * 31 % 49 of rows i, whose batches have 100; and of as many drawn from 50. */
START_TEST(rows_that_shares_of_a_batch_read_are_counted) {
    static const double counted[MMOE_RANK_SHARES] = {49, 49, 25, 12.5, 6.25, 3.125, 1.5625};
    mmoe_estimate *e;
    set_up("", "", ", \"shuffle\": false");
    mmoe_estimate_options options = {.threads = 1, .data = rows};
    SUCCEEDS(mmoe_estimate_create(config, schema, &options, NULL, &e, &err));
    for (int i = 0; i < MMOE_RANK_SHARES; i++) ck_assert_double_eq(e->tables[0].met[i], counted[i]);
    mmoe_estimate_free(e);
    options = (mmoe_estimate_options){.threads = 1, .rows = ROWS};
    SUCCEEDS(mmoe_estimate_create(config, schema, &options, NULL, &e, &err));
    for (int i = 0; i < MMOE_RANK_SHARES; i++)
        ck_assert_double_eq_tol(e->tables[0].met[i], 50 * (1 - exp(-2. / (1 << i))), 1e-9);
    mmoe_estimate_free(e);
    tear_down();
}
END_TEST

/* Of an epoch: its steps, its order, and, of rows that are behind, one more pass over all of them;
 * those that a step leaves alone for good have no such pass, but moments as the others do. */
START_TEST(an_epoch_is_more_than_its_steps) {
    static const char *const columns[] = {"a", "b", "d0", "d1"};
    static const char *const updates[] = {"dense", "deferred", "lazy"};
    char keys[128];
    mmoe_estimate *e;
    snprintf(keys, sizeof keys,
             ", \"optimizer_params\": {\"weight_decay\": 0}, \"embedding_update\": \"%s\"",
             updates[_i]);
    set_up("", "", keys);
    mmoe_schema_free(schema);
    SUCCEEDS(mmoe_config_set(config, "features.sparse.0.vocab_size", "200000", &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    const mmoe_estimate_options options = {.threads = 2, .rows = 1000000};
    SUCCEEDS(mmoe_estimate_create(config, schema, &options, NULL, &e, &err));
    const double steps = 1000000. / BATCH * e->step_seconds;
    ck_assert_double_gt(e->epoch_seconds, steps + e->settle_seconds);
    ck_assert_int_eq(e->settle_seconds > 0, _i == 1);
    ck_assert_int_eq(e->touch_seconds > 0, _i > 0);
    mmoe_estimate_free(e);
    SUCCEEDS(mmoe_estimate_create(config, schema, NULL, NULL, &e, &err));
    ck_assert_double_eq(e->epoch_seconds, 0);
    mmoe_estimate_free(e);
    tear_down();
}
END_TEST

/* The pass over all rows at an epoch's end: where each row's steps are run one by one it is timed
 * on some, however many there are; else on all. */
START_TEST(a_pass_over_rows_that_are_far_behind_is_bounded) {
    static const char *const columns[] = {"a", "b", "d0", "d1"};
    static const char *const optimizers[] = {"adam", "adamw"};
    enum { MANY = 200000, BEHIND = 2000 };
    char keys[128];
    mmoe_sketch s;
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    mmoe_rehearsal r = {.alloc = alloc};
    if (IS_SANITIZED && !_i) return; /* a part of what the other case goes over */
    snprintf(keys, sizeof keys, ", \"optimizer\": \"%s\", \"embedding_update\": \"deferred\"",
             optimizers[_i]);
    set_up("", "", keys);
    mmoe_schema_free(schema);
    SUCCEEDS(mmoe_config_set(config, "features.sparse.0.vocab_size", "200000", &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    SUCCEEDS(mmoe_sketch_make(config, schema, (mmoe_among){0, 1}, 2, &s, &err));
    SUCCEEDS(mmoe_rehearse(&s, NULL, 2, &alloc, &r, &err));
    const mmoe_params *p = &r.model->params;
    const int64_t all = p->tables[0].rows + p->tables[1].rows;
    ck_assert_int_eq(p->tables[0].rows, MANY);
    if (_i) {
        ck_assert_int_eq(r.settled_rows, all);
    } else {
        ck_assert_int_gt(r.settled_rows, 1000);
        ck_assert_int_le((r.settled_rows - p->tables[1].rows) * p->tables[0].dim * BEHIND,
                         INT64_C(1) << 30); /* of both workers */
        ck_assert_int_lt(r.settled_rows, all / 2);
    }
    ck_assert_uint_eq(r.trainer->optimizer.history.count, 0); /* what is left is not run later */
    mmoe_rehearsal_finish(&r);
    mmoe_sketch_finish(&s);
    tear_down();
}
END_TEST

/* Lists of other columns would be written past the end of what was taken for this schema's. */
START_TEST(rows_of_another_schema_are_refused) {
    static const char *const columns[] = {"a", "b", "d0", "d1"};
    mmoe_error why;
    mmoe_estimate *e = NULL;
    set_up("", "", "");
    const mmoe_estimate_options options = {1, 0, rows};
    mmoe_schema_free(schema);
    SUCCEEDS(mmoe_config_set(config, "features.sparse.0.vocab_size", "60", &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    ck_assert_int_eq(mmoe_estimate_create(config, schema, &options, NULL, &e, &why),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "the data set is of another schema"));
    ck_assert_ptr_null(e);
    tear_down();
}
END_TEST

/* A table that is cut for the steps has its padding cut with it, and steps at a rate by which a run
 * would diverge are timed nevertheless. */
START_TEST(what_would_not_learn_has_steps) {
    static const char *const columns[] = {"a", "b", "d0", "d1"};
    mmoe_estimate *e;
    set_up("", "", ", \"optimizer\": \"sgd\", \"optimizer_params\": {\"lr\": 1000}");
    mmoe_schema_free(schema);
    SUCCEEDS(mmoe_config_set(config, "features.sparse.0.embed_dim", "64", &err));
    SUCCEEDS(mmoe_config_set(config, "features.sparse.0.vocab_size", "50000000", &err));
    SUCCEEDS(mmoe_config_set(config, "features.sparse.0.padding_idx", "49999999", &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    SUCCEEDS(mmoe_estimate_create(config, schema, NULL, NULL, &e, &err));
    ck_assert(e->step_seconds > 0);
    ck_assert_int_eq(e->tables[0].rows, 50000000);
    mmoe_estimate_free(e);
    tear_down();
}
END_TEST

START_TEST(what_does_not_fit_is_refused) {
    static const char *const columns[] = {"a", "b", "d0", "d1"};
    mmoe_error why;
    set_up("", "", "");
    SUCCEEDS(mmoe_estimate_check(config, schema, 1, &err));
    mmoe_schema_free(schema);
    SUCCEEDS(mmoe_config_set(config, "features.sparse.0.embed_dim", "64", &err));
    SUCCEEDS(mmoe_config_set(config, "features.sparse.0.vocab_size", "2000000000", &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    ck_assert_int_eq(mmoe_estimate_check(config, schema, 1, &why), MMOE_E_MEMORY);
    ck_assert_ptr_nonnull(strstr(why.message, "column \"a\": model and training take 15"));
    ck_assert_ptr_nonnull(
        strstr(why.message, "of 2,000,000,000 rows of width 64 takes 1536.00 GB"));
    ck_assert_ptr_nonnull(strstr(why.message, " rows of this width would fit"));
    ck_assert_int_eq(mmoe_estimate_check(NULL, schema, 1, &why), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_estimate_create(config, NULL, NULL, NULL, NULL, &why), MMOE_E_ARGUMENT);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, a_sketch_counts_what_is_taken, 0, SETTINGS);
    tcase_add_test(c, a_rank_takes_what_is_said_of_it);
    tcase_add_loop_test(c, a_step_of_a_rank_is_rehearsed, 0, 2);
    tcase_add_test(c, an_estimate_has_rows_and_files);
    tcase_add_test(c, rows_that_shares_of_a_batch_read_are_counted);
    tcase_add_loop_test(c, an_epoch_is_more_than_its_steps, 0, 3);
    tcase_add_loop_test(c, a_pass_over_rows_that_are_far_behind_is_bounded, 0, 2);
    tcase_add_test(c, rows_of_another_schema_are_refused);
    tcase_add_test(c, what_would_not_learn_has_steps);
    tcase_add_test(c, what_does_not_fit_is_refused);
}
