/* Ranks that begin with unlike weights: of files that they see as of different days. */
#include "base/comm_threads.h"
#include "check_main.h"
#include "files.h"
#include "segments_support.h"

enum { RANKS = 2, BATCH = 300 };

typedef struct work {
    const problem *p;
    const char *from, *checkpoint; /* a model's file to begin with; what is written */
    int first_from;                /* the first of the ranks that do */
    const char *resume[RANKS];
} work;

static mmoe_status train(void *context, mmoe_comm *c, mmoe_error *own) {
    const work *w = context;
    const mmoe_trainer_options options = {
        .threads = 1, .single_threaded_blas = 1, .checkpoint_path = w->checkpoint};
    const char *resume = w->resume[c->rank];
    mmoe_model *model;
    mmoe_trainer *trainer;
    SUCCEEDS(mmoe_model_create(w->p->config, w->p->schema, NULL, &model, &err));
    if (w->from && c->rank >= w->first_from)
        SUCCEEDS(mmoe_model_load_weights(model, w->from, &err));
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    mmoe_status status = mmoe_trainer_join(trainer, c, own);
    if (!status && resume) status = mmoe_trainer_resume(trainer, resume, own);
    if (!status) status = mmoe_trainer_fit(trainer, w->p->rows, NULL, own);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    return status;
}

static mmoe_status run(work *w, int ranks, mmoe_error *why) {
    const mmoe_comm_group_options options = {.size = ranks};
    mmoe_error errors[RANKS] = {{0}};
    mmoe_comm_group *g;
    SUCCEEDS(mmoe_comm_group_create(&options, NULL, &g, &err));
    const mmoe_status status = mmoe_comm_group_run(g, train, w, errors);
    mmoe_comm_group_free(g);
    *why = errors[0];
    return status;
}

static void check_refused(work *w) {
    mmoe_error why;
    ck_assert_int_eq(run(w, RANKS, &why), MMOE_E_CONFIG);
    ck_assert_msg(strstr(why.message, "ranks have unlike \"weights\": ") != NULL, "%s",
                  why.message);
}

static void save(const mmoe_model *model, const char *path) {
    SUCCEEDS(mmoe_model_save(model, path, &err));
}

/* One number of a tensor is another. */
static void change(const mmoe_model *model, const char *name) {
    mmoe_tensor_info info;
    size_t at = 0;
    while (mmoe_model_tensor(model, at, &info) == 0 && strcmp(info.name, name) != 0) at++;
    ck_assert_int_eq(mmoe_model_tensor(model, at, &info), 0);
    *(float *)(uintptr_t)info.data += 1;
}

/* Of a table, whose rows have owners or not, and of a layer. */
START_TEST(a_model_that_is_another_is_refused) {
    static const char *const tensors[] = {"embedding.embed_dict.a.weight", "towers.0.mlp.0.weight"};
    static const int numbers[] = {2, 11}; /* of ways */
    problem p = problem_of(&ways[numbers[_i / 2]], RANKS, BATCH);
    char from[512];
    work w = {.p = &p, .from = from, .first_from = 1};
    mmoe_error why;
    snprintf(from, sizeof from, "%s", in_folder("from.model"));
    SUCCEEDS(mmoe_config_set(p.config, "trainer.n_epoch", "1", &err));
    save(p.model, from);
    ck_assert_msg(run(&w, RANKS, &why) == MMOE_OK, "%s", why.message);
    change(p.model, tensors[_i % 2]);
    save(p.model, from);
    check_refused(&w);
    problem_finish(&p);
}
END_TEST

static void train_alone(work *w, const char *checkpoint) {
    mmoe_error why;
    w->checkpoint = checkpoint;
    ck_assert_msg(run(w, 1, &why) == MMOE_OK, "%s", why.message);
    w->checkpoint = NULL;
}

/* Of the same configuration, rows and number of steps, but of a run that began otherwise. */
START_TEST(a_checkpoint_that_is_another_is_refused) {
    problem p = problem_of(&ways[2], RANKS, BATCH);
    char from[512], one[512], other[512];
    work w = {.p = &p};
    snprintf(from, sizeof from, "%s", in_folder("from.model"));
    snprintf(one, sizeof one, "%s", in_folder("one.ckpt"));
    snprintf(other, sizeof other, "%s", in_folder("other.ckpt"));
    SUCCEEDS(mmoe_config_set(p.config, "trainer.n_epoch", "1", &err));
    train_alone(&w, one);
    change(p.model, "towers.0.mlp.0.weight");
    save(p.model, from);
    w.from = from;
    train_alone(&w, other);
    w = (work){.p = &p, .resume = {one, other}};
    check_refused(&w);
    problem_finish(&p);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, a_model_that_is_another_is_refused, 0, 4);
    tcase_add_test(c, a_checkpoint_that_is_another_is_refused);
}
