/* The configuration: syntax, checks between keys, copy, text, memory. */
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check_main.h"
#include "failing.h"
#include "config_support.h"
#include "data/column_kinds.h"

/* ---- Whole texts ---- */

START_TEST(the_example_parses) {
    mmoe_config *c = parse(example);
    ck_assert_int_eq(c->features.n_sparse, 1);
    ck_assert_str_eq(c->features.sparse[0].name, "*");
    ck_assert_int_eq(c->features.sparse[0].embed_dim, 4);
    ck_assert(c->features.sparse[0].encoder->kind == &mmoe_column_vocabulary);
    ck_assert_ptr_null(c->features.sparse[0].shared_with);
    ck_assert_int_eq(c->features.n_dense, 1);
    ck_assert_str_eq(c->features.dense[0].name, "D*");
    ck_assert_ptr_null(c->features.weight);
    ck_assert_int_eq(c->n_task, 2);
    ck_assert_str_eq(c->tasks[0].name, "cvr");
    ck_assert_str_eq(c->tasks[1].label, "click");
    ck_assert(c->tasks[1].loss_weight == 1.0f);
    ck_assert_int_eq(c->tasks[1].tower.n_dims, 1);
    ck_assert_int_eq(c->tasks[1].tower.dims[0], 8);
    ck_assert(c->tasks[1].tower.batch_norm && c->tasks[1].tower.activation == MMOE_ACT_RELU &&
              c->tasks[1].tower.dropout == 0.0f);
    ck_assert_int_eq(c->n_expert, 8);
    ck_assert_int_eq(c->expert.dims[0], 16);
    ck_assert(c->expert.batch_norm && c->gate.layers.batch_norm);
    ck_assert_int_eq(c->trainer.batch_size, 1024);
    ck_assert_int_eq(c->trainer.n_epoch, 50);
    ck_assert_int_eq(c->trainer.optimizer.kind, MMOE_ADAM);
    ck_assert(c->trainer.optimizer.lr == 1e-3f && c->trainer.optimizer.weight_decay == 1e-4f &&
              c->trainer.optimizer.eps == 1e-8f);
    ck_assert(c->trainer.optimizer.beta1 == 0.9f && c->trainer.optimizer.beta2 == 0.999f &&
              c->trainer.optimizer.momentum == 0.0f);
    ck_assert_int_eq(c->trainer.earlystop_patience, 30);
    ck_assert_int_eq(c->trainer.earlystop_task, 0);
    ck_assert_int_eq(c->trainer.earlystop_metric, MMOE_WATCHED_AUTO);
    ck_assert(c->trainer.shuffle);
    ck_assert_uint_eq(c->trainer.seed, 2022);
    mmoe_config_free(c);
}
END_TEST

START_TEST(text_parses_to_the_same) {
    const char *texts[] = {full, minimal, example};
    for (int i = 0; i < 3; i++) {
        mmoe_config *config = parse(texts[i]);
        char *text = NULL;
        ck_assert_int_eq(mmoe_config_text(config, &text, NULL), MMOE_OK);
        ck_assert_str_eq(text, config->json);
        mmoe_config *again = parse(text), *copy = NULL;
        assert_same(config, again);
        ck_assert_int_eq(mmoe_config_copy(config, NULL, &copy, NULL), MMOE_OK);
        mmoe_config_text_free(config, text);
        mmoe_config_free(config);
        assert_same(copy, again);
        mmoe_config_free(again);
        mmoe_config_free(copy);
    }
}
END_TEST

/* Whatever a host has set. */
START_TEST(no_rounding_mode_changes_a_number) {
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    mmoe_config *wanted = parse(full);
    fesetround(modes[_i]);
    mmoe_config *config = parse(full), *again = parse(config->json);
    ck_assert_int_eq(fegetround(), modes[_i]);
    fesetround(FE_TONEAREST);
    ck_assert_str_eq(config->json, wanted->json);
    ck_assert_str_eq(again->json, wanted->json);
    mmoe_config_free(wanted);
    mmoe_config_free(config);
    mmoe_config_free(again);
}
END_TEST

START_TEST(floats_keep_their_bits_and_shortest_text) {
    mmoe_config *config = parse(full);
    static const struct {
        const char *value, *text;
    } cases[] = {{"0.1", "\"lr\": 0.1,"},     {"1", "\"lr\": 1.0,"},
                 {"3e-05", "\"lr\": 3e-5,"},  {"0.100000001490116", "\"lr\": 0.1,"},
                 {"1e-45", "\"lr\": 1e-45,"}, {"16.777216", "\"lr\": 16.777216,"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set(config, "trainer.optimizer_params.lr", cases[i].value);
        ck_assert_msg(strstr(config->json, cases[i].text) != NULL, "no %s in %s", cases[i].text,
                      config->json);
        ck_assert(config->trainer.optimizer.lr == strtof(cases[i].value, NULL));
    }
    uint32_t bits = 12345;
    for (int i = 0; i < (IS_EMULATED || IS_SANITIZED ? 200 : 2000); i++) {
        bits = bits * 1664525u + 1013904223u;
        char value[40];
        const float lr = ldexpf((float)(bits >> 8) + 1, (int)(bits & 63) - 80);
        snprintf(value, sizeof value, "%.17g", (double)lr);
        set(config, "trainer.optimizer_params.lr", value);
        mmoe_config *again = parse(config->json);
        ck_assert(config->trainer.optimizer.lr == lr && again->trainer.optimizer.lr == lr);
        mmoe_config_free(again);
    }
    mmoe_config_free(config);
}
END_TEST

START_TEST(syntax_errors_have_line_and_column) {
    refuse("{\n  \"trainer\": {\"n_epoch\": 3,}\n}", "", "line 2, column 28: ");
    refuse("", "", "line 1, column 0: ");
    refuse("{\"a\": 1} x", "", "line 1, column 10: end of file expected");
    refuse("{\"a\": 1}, {}", "", "end of file expected");
    refuse("{\"a\": 1", "", "near end of file");
    refuse("{\n\"trainer\": {}, \"trainer\": {}}", "",
           "line 2, column 24: duplicate object key near '\"trainer\"'");
    refuse("3", "", "line 1, column 1: ");
    refuse("[]", "", "a configuration is an object");
    refuse("{\"trainer\": {\"seed\": 99999999999999999999}}", "",
           "line 1, column 41: too big integer");
    refuse("{\"trainer\": {\"seed\": 1e999}}", "", "real number overflow");
    refuse("{\"trainer\": {\"seed\": NaN}}", "", "invalid token");
    refuse("{\"features\": {\"weight\": \"\xff\"}}", "", "unable to decode byte 0xff");
    refuse("{\"features\": {\"weight\": \"a\\u0000b\"}}", "", "\\u0000 is not allowed");
    refuse("{\"features\": {\"weight\": \"\xed\xa0\x80\"}}", "", "unable to decode byte");
    mmoe_config *config = NULL;
    mmoe_error err;
    ck_assert_int_eq(mmoe_config_parse("{}\0{}", 5, NULL, NULL, &config, &err), MMOE_E_CONFIG);
    ck_assert_str_eq(err.file, "configuration");
    const char marked[] = "\xef\xbb\xbf{\"features\":{\"dense\":[{\"name\":\"x\"}]},\"tasks\":[{"
                          "\"name\":\"t\",\"label\":\"y\"}]} \n";
    mmoe_config_free(parse(marked));
}
END_TEST

START_TEST(deep_and_large_texts_are_refused) {
    const size_t depths[] = {32, 33, 100, 2046, 2047, 2048, 2049, 100000};
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        char *text = malloc(2 * depths[i] + 3);
        memset(text, '[', depths[i]);
        memset(text + depths[i], ']', depths[i]);
        text[2 * depths[i]] = '\0';
        mmoe_config *config = NULL;
        mmoe_error err;
        ck_assert_int_eq(mmoe_config_parse(text, 2 * depths[i], NULL, NULL, &config, &err),
                         MMOE_E_CONFIG);
        ck_assert_int_eq(strstr(err.message, "line 1, column 33: maximum parsing depth") != NULL,
                         depths[i] > 32);
        free(text);
    }
    const char quoted[] = "{\"a\": \"[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[\"}";
    mmoe_error why;
    mmoe_config *none = NULL;
    ck_assert_int_eq(mmoe_config_parse(quoted, sizeof quoted - 1, NULL, NULL, &none, &why),
                     MMOE_E_CONFIG);
    ck_assert_ptr_null(strstr(why.message, "depth"));
    const size_t size = ((size_t)1 << 24) + 1;
    char *blanks = malloc(size);
    memset(blanks, ' ', size);
    mmoe_config *config = NULL;
    mmoe_error err;
    ck_assert_int_eq(mmoe_config_parse(blanks, size, NULL, NULL, &config, &err), MMOE_E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "more than 16777216 bytes"));
    free(blanks);
}
END_TEST

#define WITH_FEATURES(rest) "{\"features\":{\"dense\":[{\"name\":\"x\"},{\"name\":\"y\"}]," rest
#define WITH_TASKS(rest) "{\"features\":{\"dense\":[{\"name\":\"x\"}]},\"tasks\":" rest
#define TASKS "\"tasks\":[{\"name\":\"t\",\"label\":\"l\"}]}"

START_TEST(unknown_keys_are_named) {
    refuse("{\"trainer\": {\"batchsize\": 3}}", "trainer.batchsize",
           "c.json: trainer.batchsize: unknown key; did you mean \"batch_size\"? Allowed are "
           "batch_size, n_epoch, ");
    refuse("{\"trainr\": {}}", "trainr",
           "did you mean \"trainer\"? Allowed are features, data, tasks, score, model, trainer");
    refuse("{\"trainer.seed\": 1}", "trainer.seed", "unknown key");
    refuse("{\"\": 1}", "", "unknown key");
    refuse("{\"tasks\": [{\"name\": \"a\", \"label\": \"b\"}, {\"name\": \"b\", \"tower_parms\": "
           "{}}]}",
           "tasks[1].tower_parms",
           "did you mean \"tower_params\"? Allowed are name, label, type, positive, "
           "strip, decimal, gaps, label_transform, loss_weight, "
           "label_smoothing, positive_weight, focal_gamma, tower_params");
    refuse("{\"model\": {\"expert_params\": {\"dim\": [3]}}}", "model.expert_params.dim",
           "did you mean \"dims\"");
    refuse("{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size[]\": 3}]}}",
           "features.sparse[0].vocab_size[]", "did you mean \"vocab_size\"");
    refuse("{\"trainer\": 3}", "trainer", "an object is needed");
    refuse("{\"tasks\": {}}", "tasks", "an array of at most 256 objects");
    refuse("{\"tasks\": [3]}", "tasks[0]", "an object is needed");
    refuse("{\"features\": {\"dense\": \"x\"}}", "features.dense", "an array");
    char long_key[5000];
    memset(long_key, 'k', sizeof long_key);
    memcpy(long_key, "{\"", 2);
    memcpy(long_key + sizeof long_key - 5, "\":1}", 5);
    mmoe_config *config = NULL;
    mmoe_error err;
    ck_assert_int_eq(mmoe_config_parse(long_key, sizeof long_key - 1, NULL, NULL, &config, &err),
                     MMOE_E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "unknown key"));
}
END_TEST

START_TEST(keys_are_checked_against_each_other) {
    refuse("{}", "features", "at least one entry");
    refuse("{\"features\": {\"sparse\": [], \"dense\": []}," TASKS, "features",
           "at least one entry");
    refuse("{\"features\": {\"sparse\": [{\"embed_dim\": 3}]}}", "features.sparse[0]",
           "\"name\" is missing");
    refuse(WITH_TASKS("[]}"), "tasks", "at least one task");
    refuse("{\"features\":{\"dense\":[{\"name\":\"x\"}]}}", "tasks", "at least one task");
    refuse(WITH_TASKS("[{\"name\":\"t\"}]}"), "tasks[0]", "\"label\" is missing");
    refuse(WITH_TASKS("[{\"label\":\"t\"}]}"), "tasks[0]", "\"name\" is missing");
    refuse(WITH_TASKS("[{\"name\":\"t\",\"label\":\"l\"},{\"name\":\"t\",\"label\":\"m\"}]}"),
           "tasks[1].name", "\"t\" is already tasks[0].name");
    refuse(WITH_TASKS("[{\"name\":\"t\",\"label\":\"x\"}]}"), "tasks[0].label",
           "\"x\" is already features.dense[0].name");
    refuse(WITH_FEATURES("\"weight\":\"l\"},") TASKS, "tasks[0].label",
           "\"l\" is already features.weight");
    refuse(WITH_FEATURES("\"weight\":\"y\"},") TASKS, "features.weight",
           "\"y\" is already features.dense[1].name");
    refuse(WITH_FEATURES("\"sparse\":[{\"name\":\"y\"}]},") TASKS, "features.dense[1].name",
           "\"y\" is already features.sparse[0].name");
    refuse(WITH_FEATURES("\"sparse\":[{\"name\":\"a*b*\"}]},") TASKS, "features.sparse[0].name",
           "more than one *");
    refuse(WITH_FEATURES("\"sparse\":[{\"name\":\"\"}]},") TASKS, "features.sparse[0].name",
           "\"\" is not allowed");
    refuse(WITH_FEATURES("\"sparse\":[{\"name\":\"a\",\"oov_id\":0}]},") TASKS,
           "features.sparse[0].oov_id", "needs vocab_size");
    refuse(WITH_FEATURES("\"sparse\":[{\"name\":\"a\",\"oov_id\":5,\"vocab_size\":5}]},") TASKS,
           "features.sparse[0].oov_id", "5 is no row of the table: 0 to 4");
    refuse(WITH_FEATURES("\"sparse\":[{\"name\":\"b\"},{\"name\":\"a\",\"shared_with\":\"b\","
                         "\"vocab_size\":5}]},") TASKS,
           "features.sparse[1].shared_with", "vocab_size belongs to the column \"b\"");
    refuse(WITH_FEATURES("\"sparse\":[{\"name\":\"a\",\"shared_with\":\"a\"}]},") TASKS,
           "features.sparse[0].shared_with", "the column itself");
    refuse(WITH_FEATURES("\"weight\":\"w\"},\"trainer\":{\"earlystop_task\":\"u\"},") TASKS,
           "trainer.earlystop_task", "no task is named \"u\"; allowed are t, mean");
    refuse(WITH_FEATURES("\"weight\":\"w\"},\"trainer\":{\"optimizer_params\":{\"momentum\":0.5}},")
               TASKS,
           "trainer.optimizer_params.momentum", "sgd");
    const char *names[] = {
        "0",        "a b",
        "a.b",      "a,b",
        "mean",     "-a",
        "a\\n",     "a\\\"",
        "\xc3\xa9", "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcde"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[300];
        snprintf(text, sizeof text, WITH_TASKS("[{\"name\":\"%s\",\"label\":\"l\"}]}"), names[i]);
        refuse(text, "tasks[0].name", "a letter or _, then letters, digits, _ and -");
    }
    mmoe_config_free(parse(WITH_TASKS("[{\"name\":\"never-married_2\",\"label\":\"l\"}]}")));
}
END_TEST

#define TWO(type0, type1, trainer)                                                                 \
    WITH_TASKS("[{\"name\":\"a\",\"label\":\"a\",\"type\":\"" type0                                \
               "\"},{\"name\":\"b\",\"label\":\"b\",\"type\":\"" type1                             \
               "\"}],\"trainer\":{" trainer "}}")

START_TEST(early_stopping_watches_what_there_is) {
    refuse(TWO("classification", "regression",
               "\"earlystop_task\":\"mean\",\"earlystop_metric\":\"auc\""),
           "trainer.earlystop_metric", "tasks of several types have no mean AUC");
    refuse(
        TWO("classification", "regression", "\"earlystop_metric\":\"mse\""),
        "trainer.earlystop_metric",
        "\"a\" is of the type classification; allowed are auto, relative, auc, logloss, gauc, ece "
        "and ne");
    refuse(TWO("regression", "classification", "\"earlystop_metric\":\"auc\""),
           "trainer.earlystop_metric",
           "\"a\" is of the type regression; allowed are auto, relative, mse, rmse, mae and r2");
    refuse(TWO("regression", "regression",
               "\"earlystop_task\":\"mean\",\"earlystop_metric\":\"logloss\""),
           "trainer.earlystop_metric", "regression");
    refuse(TWO("classification", "regression", "\"earlystop_metric\":\"gauc\""),
           "trainer.earlystop_metric", "gauc is of groups of rows: data.group names their column");
    refuse(TWO("regression", "poisson", "\"seed\":1},\"data\":{\"group\":\"user\""), "data.group",
           "no task is one");
    refuse(TWO("classification", "regression", "\"seed\":1},\"data\":{\"group_weight\":\"equal\""),
           "data.group_weight", "data.group names their column");
    mmoe_config *config = parse(TWO("regression", "regression",
                                    "\"earlystop_task\":\"mean\",\"earlystop_metric\":\"mae\""));
    ck_assert_int_eq(config->trainer.earlystop_task, -1);
    ck_assert_ptr_eq(mmoe_config_watched_metric(config), &mmoe_metric_mae);
    set(config, "trainer.earlystop_task", "b");
    ck_assert_int_eq(config->trainer.earlystop_task, 1);
    mmoe_config_free(config);
    config = parse(TWO("regression", "classification", "\"earlystop_task\":\"mean\""));
    ck_assert_int_eq(config->trainer.earlystop_task, -1);
    ck_assert_ptr_eq(mmoe_config_watched_metric(config), &mmoe_metric_relative);
    mmoe_config_free(config);
    config = parse(TWO("regression", "classification", ""));
    ck_assert_int_eq(config->trainer.earlystop_task, 0);
    ck_assert_ptr_eq(mmoe_config_watched_metric(config), &mmoe_metric_mse);
    mmoe_config_free(config);
}
END_TEST

/* Who shares a table has its owner's width, and may say so. */
START_TEST(a_sharer_has_its_owner_s_width) {
    mmoe_config *config = parse(WITH_FEATURES(
        "\"sparse\":[{\"name\":\"a\",\"shared_with\":\"b\"},{\"name\":\"b\",\"shared_with\":"
        "\"q1\"},{\"name\":\"c*\",\"embed_dim\":7},{\"name\":\"d\",\"shared_with\":\"c3\"},"
        "{\"name\":\"e\",\"shared_with\":\"x\"},{\"name\":\"*\",\"embed_dim\":\"auto\"},"
        "{\"name\":\"f\",\"shared_with\":\"x\",\"embed_dim\":3},"
        "{\"name\":\"g\",\"shared_with\":\"h\"},{\"name\":\"h\",\"shared_with\":\"g\"}],"
        "\"sequence\":[{\"name\":\"q1\",\"embed_dim\":9},{\"name\":\"q2\",\"shared_with\":\"a\"}]}"
        ",") TASKS);
    static const int32_t widths[] = {9, 9, 7, 7, 0, 0, 3, 4, 4};
    for (int i = 0; i < 9; i++) ck_assert_int_eq(config->features.sparse[i].embed_dim, widths[i]);
    ck_assert_int_eq(config->features.sequence[1].embed_dim, 9);
    set(config, "features.sequence.0.embed_dim", "5");
    ck_assert_int_eq(config->features.sparse[0].embed_dim, 5);
    mmoe_config_free(config);
}
END_TEST

/* ---- Calls ---- */

START_TEST(arguments_are_checked) {
    mmoe_config *config = NULL;
    char *text = NULL;
    mmoe_error err;
    ck_assert_int_eq(mmoe_config_parse(NULL, 0, NULL, NULL, &config, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_config_parse("{}", 2, NULL, NULL, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_config_parse("{}", 2, NULL, NULL, &config, NULL), MMOE_E_CONFIG);
    ck_assert_int_eq(mmoe_config_read(NULL, NULL, &config, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_config_text(NULL, &text, &err), MMOE_E_ARGUMENT);
    mmoe_config_free(NULL);
    mmoe_config_text_free(NULL, NULL);
}
END_TEST

START_TEST(files_are_read) {
    char path[] = "/tmp/mmoe-config-XXXXXX";
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, example, sizeof example - 1), (ssize_t)sizeof example - 1);
    mmoe_config *config = NULL;
    mmoe_error err = {0};
    ck_assert_msg(mmoe_config_read(path, NULL, &config, &err) == MMOE_OK, "%s", err.message);
    ck_assert_int_eq(config->trainer.n_epoch, 50);
    mmoe_config_free(config);
    config = NULL;
    /* longer than the first piece that is read */
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(write(fd, "                                \n", 33), 33);
    ck_assert_int_eq(mmoe_config_read(path, NULL, &config, &err), MMOE_OK);
    mmoe_config_free(config);
    config = NULL;
    ck_assert_int_eq(write(fd, "}", 1), 1);
    ck_assert_int_eq(mmoe_config_read(path, NULL, &config, &err), MMOE_E_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "line 311, column 1: end of file expected"));
    ck_assert_str_eq(err.file, path);
    close(fd);
    unlink(path);
    ck_assert_int_eq(mmoe_config_read(path, NULL, &config, &err), MMOE_E_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "No such file"));
    ck_assert_int_eq(mmoe_config_read("/tmp", NULL, &config, &err), MMOE_E_IO);
    ck_assert_ptr_null(config);
}
END_TEST

/* ---- Memory ---- */

static failing memory;
static mmoe_allocator counted;

static mmoe_status use_parse(mmoe_config *config, mmoe_error *err) {
    (void)config;
    mmoe_config *parsed = NULL;
    const mmoe_status status =
        mmoe_config_parse(full, sizeof full - 1, NULL, &counted, &parsed, err);
    ck_assert((status == MMOE_OK) == (parsed != NULL));
    if (parsed) ck_assert_str_eq(parsed->tasks[0].label, "purchase");
    mmoe_config_free(parsed);
    return status;
}
static char path[] = "/tmp/mmoe-config-XXXXXX";

static mmoe_status use_read(mmoe_config *config, mmoe_error *err) {
    (void)config;
    mmoe_config *read = NULL;
    const mmoe_status status = mmoe_config_read(path, &counted, &read, err);
    ck_assert((status == MMOE_OK) == (read != NULL));
    mmoe_config_free(read);
    return status;
}
static mmoe_status use_copy(mmoe_config *config, mmoe_error *err) {
    mmoe_config *copy = NULL;
    const mmoe_status status = mmoe_config_copy(config, &counted, &copy, err);
    if (copy) assert_same(config, copy);
    mmoe_config_free(copy);
    return status;
}
static mmoe_status use_text(mmoe_config *config, mmoe_error *err) {
    char *text = NULL;
    const mmoe_status status = mmoe_config_text(config, &text, err);
    ck_assert((status == MMOE_OK) == (text != NULL));
    mmoe_config_text_free(config, text);
    return status;
}
static mmoe_status use_set(mmoe_config *config, mmoe_error *err) {
    const int32_t before = config->tasks[0].tower.dims[0];
    const mmoe_status status =
        mmoe_config_set(config, "tasks.cvr.tower_params.dims", before == 8 ? "[9]" : "[8]", err);
    ck_assert_int_eq(config->tasks[0].tower.dims[0], status ? before : 17 - before);
    return status;
}
static mmoe_status use_set_string(mmoe_config *config, mmoe_error *err) {
    const mmoe_status status =
        mmoe_config_set(config, "features.weight", "a_column_whose_name_is_rather_long", err);
    if (status == MMOE_OK)
        ck_assert_str_eq(config->features.weight, "a_column_whose_name_is_rather_long");
    return status;
}

START_TEST(every_allocation_may_fail) {
    static mmoe_status (*const uses[])(mmoe_config *, mmoe_error *) = {
        use_parse, use_read, use_copy, use_text, use_set, use_set_string};
    const int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, full, sizeof full - 1), (ssize_t)sizeof full - 1);
    close(fd);
    memory.and_after = _i;
    counted = failing_allocator(&memory);
    failing_json(&memory);
    mmoe_config *config = NULL;
    ck_assert_int_eq(mmoe_config_parse(full, sizeof full - 1, NULL, &counted, &config, NULL),
                     MMOE_OK);
    for (size_t u = 0; u < sizeof uses / sizeof *uses; u++) {
        const long before = memory.live;
        long attempts = 0;
        for (; failing_next(&memory); attempts++) {
            mmoe_error err = {0};
            const mmoe_status status = uses[u](config, &err);
            /* a text that is no JSON stays so when an allocation fails while it is looked at */
            if (uses[u] == use_set_string && status == MMOE_OK) continue;
            failing_check(&memory, status, &err);
            if (u < 4 || status)
                ck_assert_msg(memory.live == before, "use %zu, allocation %ld leaks", u,
                              memory.fail_at);
        }
        ck_assert_int_ge(attempts, uses[u] == use_text ? 2 : 100);
    }
    mmoe_config_free(config);
    ck_assert_int_eq(memory.live, 0);
    failing_json(NULL);
    unlink(path);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, the_example_parses);
    tcase_add_test(c, text_parses_to_the_same);
    tcase_add_loop_test(c, no_rounding_mode_changes_a_number, 0, 3);
    tcase_add_test(c, floats_keep_their_bits_and_shortest_text);
    tcase_add_test(c, syntax_errors_have_line_and_column);
    tcase_add_test(c, deep_and_large_texts_are_refused);
    tcase_add_test(c, unknown_keys_are_named);
    tcase_add_test(c, keys_are_checked_against_each_other);
    tcase_add_test(c, early_stopping_watches_what_there_is);
    tcase_add_test(c, a_sharer_has_its_owner_s_width);
    tcase_add_test(c, arguments_are_checked);
    tcase_add_test(c, files_are_read);
    tcase_add_loop_test(c, every_allocation_may_fail, 0, 2);
}
