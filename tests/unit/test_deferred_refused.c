/* Tables whose rows are updated when they are read: which settings cannot be with that, each said
 * by its key; which checkpoints are of another update; and which tables "auto" defers. */
#include "deferred_support.h"

/* ---- Settings ---- */

#define NO_DECAY "\"optimizer_params\": {\"weight_decay\": 0}"
#define OWN_DECAY "\"embedding_optimizer_params\": {\"weight_decay\": 0.01}"

/* What moves every row in every step, or keeps all of their gradients: beside any optimizer. */
static const char *const whole[][2] = {
    {"\"ema_decay\": 0.9", "trainer.ema_decay"},
    {"\"regularization_params\": {\"embedding_l1\": 1e-6}",
     "trainer.regularization_params.embedding_l1"},
    {"\"regularization_params\": {\"embedding_l2\": 1e-6}",
     "trainer.regularization_params.embedding_l2"},
    {"\"adaptive_params\": {\"method\": \"pcgrad\", \"at\": \"parameters\"}",
     "trainer.adaptive_params.at"},
};
static const char *const rules[] = {
    "\"optimizer\": \"adam\", " NO_DECAY,
    "\"optimizer\": \"adamw\", " NO_DECAY,
    "\"optimizer\": \"sgd\", \"optimizer_params\": {\"weight_decay\": 0, \"momentum\": 0.9}",
    "\"optimizer\": \"adagrad\", " NO_DECAY,
    "\"embedding_optimizer\": \"rowwise_adagrad\"",
    "\"embedding_optimizer\": \"adam\", \"embedding_optimizer_params\": {\"weight_decay\": 0}",
};
static const char *const updates[] = {"deferred", "lazy", "auto"};
enum { WHOLE = sizeof whole / sizeof *whole, RULES = sizeof rules / sizeof *rules, UPDATES = 3 };
enum { AUTO = 2 };

/* Decays of the tables' optimizer, and the updates that take them. */
static const struct {
    const char *keys;
    bool is_own; /* of embedding_optimizer_params */
    bool takes[UPDATES];
} decays[] = {
    {"\"optimizer\": \"adam\"", false, {true, false, false}},
    {"\"optimizer\": \"adamw\"", false, {true, false, true}},
    {"\"optimizer\": \"sgd\", \"optimizer_params\": {\"weight_decay\": 0.01}",
     false,
     {true, false, true}},
    {"\"optimizer\": \"sgd\", \"optimizer_params\": {\"weight_decay\": 1e-9, \"momentum\": 0.5}",
     false,
     {true, false, false}},
    {"\"optimizer\": \"adagrad\", \"optimizer_params\": {\"weight_decay\": 0.01}",
     false,
     {true, false, false}},
    {NO_DECAY ", \"embedding_optimizer\": \"adam\", " OWN_DECAY, true, {true, false, false}},
    {NO_DECAY ", \"embedding_optimizer\": \"adamw\", " OWN_DECAY, true, {true, false, true}},
    {NO_DECAY ", \"embedding_optimizer\": \"sgd\", " OWN_DECAY, true, {true, false, true}},
    {NO_DECAY ", \"embedding_optimizer\": \"adagrad\", " OWN_DECAY, true, {true, false, false}},
    {NO_DECAY ", \"embedding_optimizer\": \"rowwise_adagrad\", " OWN_DECAY,
     true,
     {true, false, false}},
    /* the layers' is none of theirs */
    {"\"optimizer\": \"adam\", \"embedding_optimizer\": \"adagrad\"", false, {true, true, true}},
    {"\"optimizer\": \"adam\", \"embedding_optimizer\": \"adamw\", "
     "\"embedding_optimizer_params\": {\"weight_decay\": 0}",
     false,
     {true, true, true}},
};
enum { DECAYS = sizeof decays / sizeof *decays };

/* A model of these settings. */
static mmoe_status make(const char *keys, const char *more, const char *update, mmoe_error *why) {
    static const char *const columns[] = {"a", "b", "c", "p", "q", "r", "s", "d"};
    char trainer[512], json[4096];
    mmoe_config *config = NULL;
    mmoe_schema *schema = NULL;
    mmoe_model *model = NULL;
    snprintf(trainer, sizeof trainer, ", %s%s, \"embedding_update\": \"%s\"", keys, more, update);
    snprintf(json, sizeof json, shape, trainer);
    mmoe_status status = mmoe_config_parse(json, strlen(json), "c.json", NULL, &config, why);
    if (!status) {
        SUCCEEDS(mmoe_schema_create(config, columns, 8, NULL, &schema, &err));
        status = mmoe_model_create(config, schema, NULL, &model, why);
    }
    mmoe_model_free(model);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return status;
}

static bool says(const mmoe_error *why, const char *text) {
    return strstr(why->message, text) != NULL;
}

/* With auto, which goes by rows, it is of the table, and tells the ways out. */
static void check_refused(mmoe_status status, const mmoe_error *why, const char *key, int update) {
    char place[160], named[64];
    const bool is_decay = strstr(key, "weight_decay") != NULL;
    ck_assert_int_eq(status, MMOE_E_CONFIG);
    if (update == AUTO) {
        snprintf(place, sizeof place, "column \"a\": ");
        snprintf(named, sizeof named, "of 14000 rows, but not with %s: ", key);
        ck_assert_msg(says(why, "\"dense\"") && !says(why, "lazy"), "%s", why->message);
        ck_assert_msg(says(why, "or leave the key out") == !is_decay, "%s", why->message);
        ck_assert_msg(says(why, "adamw") == is_decay, "%s", why->message);
    } else {
        snprintf(place, sizeof place, "c.json: %s: ", key);
        snprintf(named, sizeof named, "trainer.embedding_update \"%s\"", updates[update]);
    }
    ck_assert_msg(strncmp(why->message, place, strlen(place)) == 0, "%s", why->message);
    ck_assert_msg(says(why, named), "%s", why->message);
}

START_TEST(what_is_of_every_row_is_refused) {
    const char *rule = rules[_i % RULES], *const *fault = whole[_i / RULES];
    char more[256];
    mmoe_error why = {0};
    snprintf(more, sizeof more, ", %s", fault[0]);
    SUCCEEDS(make(rule, more, "dense", &err));
    for (int u = 0; u < UPDATES; u++) {
        SUCCEEDS(make(rule, ", \"clip_norm\": 0.5", updates[u], &err));
        check_refused(make(rule, more, updates[u], &why), &why, fault[1], u);
    }
}
END_TEST

START_TEST(decays_are_taken_or_refused) {
    const char *key = decays[_i].is_own ? "trainer.embedding_optimizer_params.weight_decay"
                                        : "trainer.optimizer_params.weight_decay";
    mmoe_error why = {0};
    SUCCEEDS(make(decays[_i].keys, "", "dense", &err));
    for (int u = 0; u < UPDATES; u++)
        if (decays[_i].takes[u])
            SUCCEEDS(make(decays[_i].keys, "", updates[u], &err));
        else
            check_refused(make(decays[_i].keys, "", updates[u], &why), &why, key, u);
}
END_TEST

/* A key that is set later is checked as one that is read is, and changes nothing where it fails. */
START_TEST(what_is_set_is_refused) {
    world w = world_of(", \"embedding_update\": \"lazy\", " NO_DECAY);
    mmoe_error why = {0};
    ck_assert_int_eq(
        mmoe_config_set(w.config, "trainer.optimizer_params.weight_decay", "0.1", &why),
        MMOE_E_CONFIG);
    ck_assert_msg(strstr(why.message, "trainer.optimizer_params.weight_decay") != NULL, "%s",
                  why.message);
    ck_assert_int_eq(mmoe_config_set(w.config, "trainer.ema_decay", "0.9", &why), MMOE_E_CONFIG);
    mmoe_model *model = model_of(&w);
    mmoe_trainer *t = trainer_of(model, 1, NULL);
    take_steps(t, &w, 0, 1);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    world_finish(&w);
}
END_TEST

/* auto defers the large table and no small one. */
START_TEST(auto_is_by_size) {
    world w = world_of(", \"optimizer\": \"adamw\", \"embedding_update\": \"auto\"");
    mmoe_model *model = model_of(&w);
    ck_assert(model->params.tables[0].is_deferred);
    ck_assert(!model->params.tables[1].is_deferred);
    mmoe_model_free(model);
    world_finish(&w);
}
END_TEST

/* ---- Checkpoints ---- */

#define OF(update) "\"embedding_update\": \"" update "\", " NO_DECAY
#define ADAGRAD OF("deferred") ", \"embedding_optimizer\": \"adagrad\""
#define ROWWISE OF("deferred") ", \"embedding_optimizer\": \"rowwise_adagrad\""
#define PARAMS(text) ", \"embedding_optimizer_params\": {" text "}"

/* A run's settings, those that its checkpoint is given to, and the key that differs first. */
static const char *const others[][3] = {
    {OF("dense"), OF("deferred"),
     "embedding_update is \"deferred\", the checkpoint's is \"dense\""},
    {OF("dense"), OF("lazy"), "embedding_update is \"lazy\", the checkpoint's is \"dense\""},
    {OF("deferred"), OF("lazy"), "embedding_update is \"lazy\", the checkpoint's is \"deferred\""},
    {OF("deferred"), OF("dense"),
     "embedding_update is \"dense\", the checkpoint's is \"deferred\""},
    {OF("lazy"), OF("dense"), "embedding_update is \"dense\", the checkpoint's is \"lazy\""},
    {OF("lazy"), OF("deferred"), "embedding_update is \"deferred\", the checkpoint's is \"lazy\""},
    {OF("auto"), OF("deferred"), "embedding_update is \"deferred\", the checkpoint's is \"auto\""},
    {OF("deferred"), ADAGRAD, "embedding_optimizer is \"adagrad\", the checkpoint's is \"same\""},
    {ADAGRAD, OF("deferred"), "embedding_optimizer is \"same\", the checkpoint's is \"adagrad\""},
    {ADAGRAD, ROWWISE,
     "embedding_optimizer is \"rowwise_adagrad\", the checkpoint's is \"adagrad\""},
    {ADAGRAD, ADAGRAD PARAMS("\"lr\": 0.02"), "lr is 0.02, the checkpoint's is 0.01"},
    {ADAGRAD, ADAGRAD PARAMS("\"lr_decay\": 0.5"), "lr_decay is 0.5, the checkpoint's is 0.0"},
    {ADAGRAD PARAMS("\"weight_decay\": 0.5"), ADAGRAD,
     "weight_decay is 0.0, the checkpoint's is 0.5"},
    {ROWWISE PARAMS("\"eps\": 0.5"), ROWWISE PARAMS("\"eps\": 0.25"),
     "eps is 0.25, the checkpoint's is 0.5"},
    {ROWWISE, ROWWISE PARAMS("\"initial_accumulator_value\": 0.5"),
     "initial_accumulator_value is 0.5, the checkpoint's is 0.0"},
    {OF("deferred"),
     "\"embedding_update\": \"deferred\", \"optimizer_params\": {\"weight_decay\": 0, \"betas\": "
     "[0.8, 0.999]}",
     "optimizer_params.betas is [0.8,0.999], the checkpoint's is [0.9,0.999]"},
};
enum { OTHERS = sizeof others / sizeof *others };

static world world_with(const char *keys) {
    char text[512];
    snprintf(text, sizeof text, ", %s", keys);
    return world_of(text);
}

/* The trainer goes on as one that was never asked. */
START_TEST(checkpoints_of_other_settings_are_refused) {
    const char *const *o = others[_i];
    mmoe_error why = {0};
    make_path();
    world written = world_with(o[0]), w = world_with(o[1]);
    mmoe_model *old = model_of(&written), *own = model_of(&w), *same = model_of(&w);
    mmoe_trainer *run = trainer_of(old, 1, NULL), *t = trainer_of(own, 1, NULL),
                 *twin = trainer_of(same, 1, NULL);
    take_steps(run, &written, 0, 5);
    SUCCEEDS(mmoe_checkpoint_write(run, path, &err));
    take_steps(t, &w, 0, 12);
    take_steps(twin, &w, 0, 12);
    ck_assert_int_eq(mmoe_trainer_resume(t, path, &why), MMOE_E_ARGUMENT);
    ck_assert_msg(strstr(why.message, o[2]) && strncmp(why.message, path, strlen(path)) == 0, "%s",
                  why.message);
    take_steps(t, &w, 12, 12);
    take_steps(twin, &w, 12, 12);
    ck_assert_double_eq(difference(own, same), 0);
    mmoe_trainer *const trainers[] = {run, t, twin};
    mmoe_model *const models[] = {old, own, same};
    for (int i = 0; i < 3; i++) {
        mmoe_trainer_free(trainers[i]);
        mmoe_model_free(models[i]);
    }
    world_finish(&w);
    world_finish(&written);
    remove_path();
}
END_TEST

/* One whose history would be longer than there is. */
START_TEST(impossible_histories_are_refused) {
    static const uint64_t settled[] = {4, UINT64_MAX - 70000};
    char keys[512];
    mmoe_error why;
    make_path();
    world w = world_of(keys_of(0, "deferred", keys));
    mmoe_model *model = model_of(&w);
    mmoe_trainer *t = trainer_of(model, 1, NULL);
    take_steps(t, &w, 0, 3);
    for (int i = 0; i < 2; i++) {
        t->optimizer.history.base += settled[i];
        SUCCEEDS(mmoe_checkpoint_write(t, path, &err));
        t->optimizer.history.base -= settled[i];
        ck_assert_int_eq(mmoe_trainer_resume(t, path, &why), MMOE_E_FORMAT);
        ck_assert_ptr_nonnull(strstr(why.message, "optimizer.settled"));
    }
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    world_finish(&w);
    remove_path();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, what_is_of_every_row_is_refused, 0, WHOLE * RULES);
    tcase_add_loop_test(c, decays_are_taken_or_refused, 0, DECAYS);
    tcase_add_test(c, what_is_set_is_refused);
    tcase_add_test(c, auto_is_by_size);
    tcase_add_loop_test(c, checkpoints_of_other_settings_are_refused, 0, OTHERS);
    tcase_add_test(c, impossible_histories_are_refused);
}
