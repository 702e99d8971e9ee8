/* The n-th allocation fails, for every n: each call reports it, gives nothing out, leaks nothing,
 * and leaves what it was given as it was. jansson's allocations count and fail, too. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_main.h"
#include "failing.h"
#include "files.h"
#include "model/model.h"
#include "models_support.h"
#include "train/trainer.h"

static failing memory;
static mmoe_allocator alloc;

/* ---- A tiny model, its files and its objects ---- */

static const char json[] =
    "{\"features\": {\"sparse\": [{\"name\": \"city\", \"embed_dim\": 3}, {\"name\": \"town\", "
    "\"embed_dim\": 3, \"shared_with\": \"city\"},"
    " {\"name\": \"age\", \"embed_dim\": 2, \"vocab_size\": 6, \"oov_id\": 0}, {\"name\": "
    "\"pair\", "
    "\"cross\": [\"age\", \"town\"], \"hash_bucket_size\": 5}], \"sequence\": [{\"name\": "
    "\"both\", "
    "\"columns\": [\"d*\", \"city\"], \"embed_dim\": 2}], \"dense\": "
    "[{\"name\": \"d*\", \"transform\": \"standardize\"}],"
    " \"weight\": \"w\"},"
    " \"tasks\": [{\"name\": \"buy\", \"label\": \"buy\", \"tower_params\": {\"dims\": [3], "
    "\"dropout\": 0.2}},"
    " {\"name\": \"pay\", \"label\": \"pay\", \"type\": \"regression\", \"tower_params\": "
    "{\"dims\": [2], \"activation\": \"dice\"}}],"
    " \"model\": {\"name\": \"mmoe\", \"n_expert\": 2, \"expert_params\": {\"dims\": [3], "
    "\"activation\": \"prelu\"}, \"init\": \"orthogonal\"},"
    " \"trainer\": {\"batch_size\": 4, \"n_epoch\": 2, \"clip_norm\": 0.5, \"ema_decay\": 0.9, "
    "\"scheduler\": \"plateau\", \"regularization_params\": {\"dense_l2\": 0.01}, \"optimizer\": "
    "\"adam\"}}";

static const char csv[] = "city,town,age,d1,d2,buy,pay,w\n"
                          "Bern,Basel,1,0.5,-1,1,2.5,1\n"
                          "Bonn,Bern,2,1.5,3,0,NA,2\n"
                          "\"Bad, Ems\",Bonn,9,2.5,4,1,1.5,1\n"
                          "Basel,,3,0.25,-2,0,0.5,0.5\n"
                          "Bern,Bonn,4,0.75,1,,3,1\n"
                          "Bonn,Basel,5,1,2,1,-1,1\n";

static char csv_path[128], json_path[128], model_path[128], new_path[128], checkpoint_path[128];
static mmoe_config *config;
static mmoe_schema *schema;
static mmoe_dataset *rows;
static mmoe_model *model;

static void ok(mmoe_status status, const mmoe_error *err) {
    if (status != MMOE_OK) ck_abort_msg("status %d: %s", status, err->message);
}

static void set_up(void) {
    mmoe_error err = {0};
    make_folder();
    char *const paths[] = {csv_path, json_path, model_path, new_path, checkpoint_path};
    const char *const names[] = {"rows.csv", "config.json", "model.safetensors", "new.safetensors",
                                 "checkpoint"};
    for (int i = 0; i < 5; i++) snprintf(paths[i], sizeof csv_path, "%s/%s", folder, names[i]);
    put_text(csv_path, csv);
    put_text(json_path, json);
    alloc = failing_allocator(&memory);
    failing_json(&memory);
    ok(mmoe_config_read(json_path, &alloc, &config, &err), &err);
    ok(mmoe_dataset_fit_csv(config, csv_path, &alloc, &schema, &rows, &err), &err);
    ok(mmoe_model_create(config, schema, &alloc, &model, &err), &err);
    ok(mmoe_model_save(model, model_path, &err), &err);
}

static void tear_down(void) {
    mmoe_model_free(model);
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    ck_assert_int_eq(memory.live, 0);
    const char *const paths[] = {csv_path, json_path, model_path, new_path, checkpoint_path};
    for (int i = 0; i < 5; i++) unlink(paths[i]);
    ck_assert_int_eq(empty_folder(), 0); /* else a temporary file is left */
    remove_folder();
}

/* ---- The calls ---- */

/* Runs `run`, which frees what it makes, until none of its allocations fails: first single ones,
 * then all from one on. There are at least `least`. libcsv asks for less when it is refused once,
 * and an array that cannot shrink serves as it is, so what reads CSV `recovers`. */
static void fail_all(mmoe_status (*run)(mmoe_error *err), int recovers, long least) {
    for (int rest = 0; rest < 2; rest++) {
        const long before = memory.live;
        long calls = 0;
        memory.and_after = memory.may_shrink = rest;
        memory.stride = 1;
        for (; failing_next(&memory); calls = memory.calls) {
            mmoe_error err = {0};
            const mmoe_status status = run(&err);
            ck_assert_msg(memory.live == before, "allocation %ld: %ld blocks leaked",
                          memory.fail_at, memory.live - before);
            ck_assert_int_lt(memory.fail_at, 20000);
            if (rest) memory.stride = 1 + (memory.fail_at + 1) / 32;
            if (recovers && !rest && status == MMOE_OK) continue;
            failing_check(&memory, status, &err);
            ck_assert(status == MMOE_OK || strstr(err.message, "out of memory"));
        }
        ck_assert_int_ge(calls, least);
    }
}

static void *const untouched = folder; /* a pointer that no call gives out */

/* A function that makes an object by a call, which gives nothing out where it fails. */
#define MAKES(function, type, release, call)                                                       \
    static mmoe_status function(mmoe_error *err) {                                                 \
        type *out = untouched;                                                                     \
        const mmoe_status status = (call);                                                         \
        if (status == MMOE_OK)                                                                     \
            release(out);                                                                          \
        else                                                                                       \
            ck_assert_ptr_eq(out, untouched);                                                      \
        return status;                                                                             \
    }

static const mmoe_trainer_options options = {.threads = 2, .checkpoint_path = checkpoint_path};

MAKES(parse_config, mmoe_config, mmoe_config_free,
      mmoe_config_parse(json, sizeof json - 1, NULL, &alloc, &out, err))
MAKES(read_config, mmoe_config, mmoe_config_free, mmoe_config_read(json_path, &alloc, &out, err))
MAKES(create_model, mmoe_model, mmoe_model_free,
      mmoe_model_create(config, schema, &alloc, &out, err))
MAKES(load_model, mmoe_model, mmoe_model_free, mmoe_model_load(model_path, &alloc, &out, err))
MAKES(create_trainer, mmoe_trainer, mmoe_trainer_free,
      mmoe_trainer_create(model, &options, &alloc, &out, err))
MAKES(inspect, mmoe_inspection, mmoe_inspection_free,
      mmoe_inspect(model, rows, 2, &alloc, &out, err))

/* What jansson's token buffer, which doubles, is refused depends on the length of the text. */
static int text_length;

static mmoe_status parse_padded(mmoe_error *err) {
    char text[256];
    const char *plain = "{\"features\": {\"dense\": [{\"name\": \"d\"}]}, \"tasks\": [{\"name\": "
                        "\"y\", \"label\": \"y\"}]}";
    ck_assert_int_eq(snprintf(text, sizeof text, "%-*s", text_length, plain), text_length);
    mmoe_config *out = NULL;
    const mmoe_status status =
        mmoe_config_parse(text, (size_t)text_length, NULL, &alloc, &out, err);
    mmoe_config_free(out);
    return status;
}

static mmoe_status text_of_config(mmoe_error *err) {
    char *out = untouched;
    const mmoe_status status = mmoe_config_text(config, &out, err);
    if (status == MMOE_OK)
        mmoe_config_text_free(config, out);
    else
        ck_assert_ptr_eq(out, untouched);
    return status;
}

static char *text_without_failure(const mmoe_config *of) {
    char *text;
    mmoe_error err = {0};
    memory.paused = 1;
    ok(mmoe_config_text(of, &text, &err), &err);
    memory.paused = 0;
    return text;
}

static mmoe_status set_config(mmoe_error *err) {
    mmoe_config *copy = NULL;
    mmoe_status status = mmoe_config_parse(json, sizeof json - 1, NULL, &alloc, &copy, err);
    if (status != MMOE_OK) return status;
    char *before = text_without_failure(copy);
    status = mmoe_config_set(copy, "model.expert_params.dims", "[5, 4]", err);
    char *after = text_without_failure(copy);
    ck_assert_int_eq(strcmp(before, after) == 0, status != MMOE_OK);
    mmoe_config_text_free(copy, before);
    mmoe_config_text_free(copy, after);
    mmoe_config_free(copy);
    return status;
}

static mmoe_status fit_csv(mmoe_error *err) {
    mmoe_schema *s = untouched;
    mmoe_dataset *d = untouched;
    const mmoe_status status = mmoe_dataset_fit_csv(config, csv_path, &alloc, &s, &d, err);
    if (status == MMOE_OK) {
        ck_assert_int_eq(mmoe_dataset_rows(d), 6);
        mmoe_dataset_free(d);
        mmoe_schema_free(s);
    } else {
        ck_assert_ptr_eq(s, untouched);
        ck_assert_ptr_eq(d, untouched);
    }
    return status;
}

static mmoe_status read_csv(mmoe_error *err) {
    mmoe_dataset *out = untouched;
    const mmoe_status status =
        mmoe_dataset_read_csv(schema, csv_path, MMOE_LABELS_REQUIRED, &alloc, &out, err);
    if (status == MMOE_OK) {
        ck_assert_int_eq(mmoe_dataset_rows(out), 6);
        mmoe_dataset_free(out);
    } else {
        ck_assert_ptr_eq(out, untouched);
    }
    return status;
}

static mmoe_status rows_from_memory(mmoe_error *err) {
    const char *const columns[] = {"a", "b", "d"};
    const char *text = "{\"features\": {\"sparse\": [{\"name\": \"*\", \"vocab_size\": 3}], "
                       "\"dense\": [{\"name\": \"d\"}]}, \"tasks\": [{\"name\": \"y\", "
                       "\"label\": \"y\"}]}";
    const mmoe_batch batch = {2, (int32_t[]){0, 1, 2, 0}, 2, (float[]){0.5F, 1}, 1};
    mmoe_config *c = NULL;
    mmoe_schema *s = NULL;
    mmoe_dataset *d = NULL;
    mmoe_status status = mmoe_config_parse(text, strlen(text), NULL, &alloc, &c, err);
    if (status == MMOE_OK) status = mmoe_schema_create(c, columns, 3, &alloc, &s, err);
    if (status == MMOE_OK)
        status = mmoe_dataset_create(s, &batch, (float[]){0, 1}, (float[]){1, 2}, &alloc, &d, err);
    mmoe_dataset_free(d);
    mmoe_schema_free(s);
    mmoe_config_free(c);
    return status;
}

static int files_in_folder(void) {
    DIR *d = opendir(folder);
    ck_assert_ptr_nonnull(d);
    int n = 0;
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

/* Neither the file nor a temporary one is left. */
static mmoe_status save_model(mmoe_error *err) {
    const int before = files_in_folder();
    const mmoe_status status = mmoe_model_save(model, new_path, err);
    if (status == MMOE_OK) ck_assert_int_eq(unlink(new_path), 0);
    ck_assert_int_eq(files_in_folder(), before);
    return status;
}

/* A sum that any changed value changes, for all practical purposes. */
static double digest(const mmoe_model *of) {
    double sum = 0;
    mmoe_tensor_info t;
    for (size_t i = 0; mmoe_model_tensor(of, i, &t) == 0; i++) {
        int64_t n = 1;
        for (int r = 0; r < t.rank; r++) n *= t.shape[r];
        for (int64_t k = 0; k < n; k++) {
            const double value = t.is_integer ? (double)((const int64_t *)t.data)[k]
                                              : (double)((const float *)t.data)[k];
            sum += value * sin((double)(1000 * i) + (double)k + 1);
        }
    }
    return sum;
}

static mmoe_status load_weights(mmoe_error *err) {
    const double before = digest(model);
    const mmoe_status status = mmoe_model_load_weights(model, model_path, err);
    ck_assert_double_eq(digest(model), before);
    return status;
}

/* What training told stays with the model. */
static void drop_texts(void) { mmoe_meta_finish(&model->meta, &model->alloc); }

static mmoe_status train(mmoe_error *err) {
    mmoe_trainer *trainer = NULL;
    mmoe_status status = mmoe_trainer_create(model, &options, &alloc, &trainer, err);
    if (status == MMOE_OK) status = mmoe_trainer_fit(trainer, rows, rows, err);
    ck_assert(isfinite(digest(model)));
    mmoe_trainer_free(trainer);
    drop_texts();
    return status;
}

static mmoe_status resume(mmoe_error *err) {
    mmoe_trainer *trainer = NULL;
    mmoe_status status = mmoe_trainer_create(model, NULL, &alloc, &trainer, err);
    if (status == MMOE_OK) status = mmoe_trainer_resume(trainer, checkpoint_path, err);
    mmoe_trainer_free(trainer);
    drop_texts();
    return status;
}

static mmoe_status evaluate(mmoe_error *err) {
    mmoe_task_metrics metrics[2];
    const mmoe_status status = mmoe_evaluate(model, rows, 2, &alloc, metrics, err);
    if (status == MMOE_OK) {
        ck_assert_int_eq(metrics[0].rows, 5);
        ck_assert_int_eq(metrics[1].rows, 5);
    }
    return status;
}

static mmoe_status predict(mmoe_error *err) {
    mmoe_predictor *predictor = untouched;
    mmoe_batch batch;
    float scores[12];
    mmoe_status status = mmoe_predictor_create(model, &alloc, &predictor, err);
    if (status != MMOE_OK) {
        ck_assert_ptr_eq(predictor, untouched);
        return status;
    }
    ok(mmoe_dataset_batch(rows, 0, 6, &batch, err), err);
    status = mmoe_predictor_run(predictor, &batch, scores, err);
    mmoe_predictor_free(predictor);
    return status;
}

START_TEST(configurations) {
    fail_all(parse_config, 0, 11);
    for (text_length = 121; text_length <= 128; text_length++) fail_all(parse_padded, 0, 11);
    fail_all(read_config, 0, 11);
    fail_all(set_config, 0, 11);
    fail_all(text_of_config, 0, 1);
}
END_TEST

START_TEST(data_sets) {
    fail_all(fit_csv, 1, 11);
    fail_all(read_csv, 1, 4);
    fail_all(rows_from_memory, 0, 11);
}
END_TEST

START_TEST(models) {
    fail_all(create_model, 0, 11);
    fail_all(save_model, 0, 4);
    fail_all(load_model, 0, 11);
    fail_all(load_weights, 0, 4);
}
END_TEST

START_TEST(training) {
    fail_all(create_trainer, 0, 4);
    fail_all(train, 0, 11);
    fail_all(resume, 0, 11);
}
END_TEST

/* The run that there was goes on, with its profile. */
START_TEST(a_run_that_is_not_made) {
    static const double lists[] = {2.5};
    mmoe_profile *profile;
    mmoe_trainer *trainer;
    mmoe_error err = {0};
    ok(mmoe_profile_create(4, &alloc, &profile, &err), &err);
    const mmoe_trainer_options profiled = {.threads = 2, .profile = profile};
    ok(mmoe_trainer_create(model, &profiled, &alloc, &trainer, &err), &err);
    ok(mmoe_trainer_step(trainer, rows, 0, 4, NULL, &err), &err);
    memory.and_after = 0;
    memory.stride = 1;
    while (failing_next(&memory)) {
        mmoe_error why = {0};
        const mmoe_status status = mmoe_trainer_expect_lists(trainer, lists, &why);
        failing_check(&memory, status, &why);
        memory.paused = 1;
        ok(mmoe_trainer_step(trainer, rows, 0, 4, NULL, &err), &err);
        memory.paused = 0;
    }
    mmoe_trainer_free(trainer);
    mmoe_profile_free(profile);
}
END_TEST

/* A family's own: what it is configured by is read before anything fails, as `configurations` has
 * seen that fail. */
static mmoe_config *family_config;
static mmoe_schema *family_schema;

static mmoe_status make_of_family(mmoe_error *err) {
    mmoe_model *m = NULL;
    mmoe_trainer *trainer = NULL;
    mmoe_predictor *predictor = NULL;
    mmoe_status status = mmoe_model_create(family_config, family_schema, &alloc, &m, err);
    if (status == MMOE_OK) status = mmoe_trainer_create(m, NULL, &alloc, &trainer, err);
    if (status == MMOE_OK) status = mmoe_predictor_create(m, &alloc, &predictor, err);
    mmoe_predictor_free(predictor);
    mmoe_trainer_free(trainer);
    mmoe_model_free(m);
    return status;
}

static void fail_family(int which_model, int which_method) {
    char text[1024];
    mmoe_error err = {0};
    models_json(text, which_model, which_method, 64);
    ok(mmoe_config_parse(text, strlen(text), NULL, NULL, &family_config, &err), &err);
    ok(mmoe_schema_create(family_config, models_columns, MODELS_COLUMNS, NULL, &family_schema,
                          &err),
       &err);
    fail_all(make_of_family, 0, 11);
    mmoe_schema_free(family_schema);
    mmoe_config_free(family_config);
}

START_TEST(family) { fail_family(_i, 0); }
END_TEST

/* By losses, by gradients at the representation, by gradients in the parameters: more ways to take
 * memory there are not. */
static const char *const kinds_of_methods[] = {"\"uwl\"", "\"pcgrad\"",
                                               "\"metabalance\", \"at\": \"parameters\""};

START_TEST(methods) {
    int method = 0;
    while (!strstr(model_methods[method], kinds_of_methods[_i])) method++;
    fail_family(3, method);
}
END_TEST

START_TEST(predictions) {
    fail_all(predict, 0, 2);
    fail_all(evaluate, 0, 2);
    fail_all(inspect, 0, 20);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, configurations);
    tcase_add_test(c, data_sets);
    tcase_add_test(c, models);
    tcase_add_test(c, training);
    tcase_add_test(c, a_run_that_is_not_made);
    tcase_add_test(c, predictions);
    tcase_add_loop_test(c, family, 0, MODELS);
    tcase_add_loop_test(c, methods, 0, 3);
}
