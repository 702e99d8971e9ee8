/* Every key of the configuration: its default, its bounds, the error that names it. */
#include <jansson.h>
#include <stdio.h>

#include "check_main.h"
#include "config_paths_support.h"

/* "tasks[].label" with `index` for the "[]". */
static const char *at_index(const char *path, const char *index, char out[128]) {
    const char *bracket = strstr(path, "[]");
    if (!bracket) return path;
    snprintf(out, 128, "%.*s%s%s", (int)(bracket - path), path, index, bracket + 2);
    return out;
}

/* Makes the first column one of the kind that the key belongs to. */
static void choose_kind(mmoe_config *config, const mmoe_key *key) {
    const mmoe_column_kind *kind = mmoe_key_owner(key);
    const mmoe_key_list *list = mmoe_key_list_of(key->scope);
    char path[64], column[200];
    if (!kind || mmoe_key_home(key, kind->shape == MMOE_SHAPE_ID ? (void *)config->features.sparse
                                                                 : (void *)config->features.dense))
        return;
    snprintf(path, sizeof path, "%s.0", list->path);
    char value[40];
    snprintf(value, sizeof value, kind->keys->kind == MMOE_KEY_NUMBERS ? "[1]" : "2");
    if (kind->keys->kind == MMOE_KEY_WORD)
        snprintf(value, sizeof value, "\"%.*s\"", (int)strcspn(kind->keys->doc.allowed, " "),
                 kind->keys->doc.allowed);
    snprintf(column, sizeof column, "{\"name\": \"%s\", \"%s\": %s}",
             kind->shape == MMOE_SHAPE_ID ? "a" : "d", mmoe_key_name(kind->keys), value);
    set(config, path, column);
}

/* `text` parsed, with words and columns that take the key. */
static mmoe_config *parse_for(const mmoe_config_key *doc, const char *text) {
    const mmoe_key *key = key_at_path(doc->path);
    mmoe_config *config = parse(text);
    choose_kind(config, key);
    if (!mmoe_key_is_taken(key, config))
        choose(config, &mmoe_choosers[key->chooser], __builtin_ctz(key->takers));
    ck_assert_msg(mmoe_key_is_taken(key, config), "%s", doc->path);
    return config;
}

START_TEST(every_key_has_its_default) {
    size_t n = 0, n_default = 0;
    for (const mmoe_config_key *key; (key = mmoe_config_key_at(n)); n++) {
        ck_assert(*key->path && *key->type && *key->allowed &&
                  key->help[strlen(key->help) - 1] == '.');
        if (!key->default_value) continue;
        mmoe_config *config = parse_for(key, minimal);
        json_t *json = json_loads(config->json, JSON_REJECT_DUPLICATES, NULL),
               *wanted = json_loads(key->default_value, JSON_DECODE_ANY, NULL);
        ck_assert_ptr_nonnull(json);
        ck_assert_ptr_nonnull(wanted);
        ck_assert_msg(json_equal(wanted, lookup(json, key->path)), "%s: the default is not %s",
                      key->path, key->default_value);
        json_decref(wanted);
        json_decref(json);
        mmoe_config_free(config);
        n_default++;
    }
    ck_assert_uint_gt(n, 35);
    ck_assert_uint_gt(n_default, 25);
    ck_assert_ptr_null(mmoe_config_key_at(n));
    ck_assert_ptr_null(mmoe_config_key_at(SIZE_MAX));
}
END_TEST

START_TEST(every_key_stands_in_the_text) {
    for (size_t i = 0; mmoe_config_key_at(i); i++) {
        const char *path = mmoe_config_key_at(i)->path;
        if (strcmp(path, "features.sparse[].shared_with") == 0 ||
            strcmp(path, "features.sequence[].columns") == 0 ||
            strcmp(path, "features.sparse[].cross") == 0)
            continue; /* stand against vocab_size, separator and column */
        mmoe_config *config = parse_for(mmoe_config_key_at(i), full);
        if (strcmp(path, "model.gate_params.top_k") == 0) set(config, path, "2"); /* absent: all */
        if (strcmp(path, "model.init_bias") == 0) set(config, path, "labels");    /* by the types */
        if (strcmp(path, "features.sparse[].max_vocab") == 0)
            set(config, "features.sparse.0.max_vocab", "9");
        if (strcmp(path, "features.sparse[].max_distinct") == 0)
            set(config, "features.sparse.0.max_distinct", "9");
        if (strcmp(path, "tasks[].positive") == 0) set(config, "tasks.0.positive", "yes");
        char mark[128];
        if (strncmp(path, "features.", 9) == 0 && strstr(path, "[].strip"))
            set(config, at_index(path, ".0", mark), "$");
        if (strncmp(path, "features.", 9) == 0 && strstr(path, "[].decimal"))
            set(config, at_index(path, ".0", mark), ",");
        if (strstr(path, "[].gaps")) {
            if (strstr(path, "dense")) set(config, "features.dense.0.missing", "mean");
            const bool is_label = strncmp(path, "tasks", 5) == 0;
            set(config, at_index(path, ".0", mark), is_label ? "[-1, \"?\"]" : "[-999, \"*\"]");
        }
        const bool is_strip = strcmp(path, "tasks[].strip") == 0;
        if (is_strip || strcmp(path, "tasks[].decimal") == 0) {
            set(config, "tasks.0",
                "{\"name\": \"cvr\", \"label\": \"y\", \"type\": \"regression\"}");
            set(config, is_strip ? "tasks.0.strip" : "tasks.0.decimal", is_strip ? "$" : ",");
        }
        json_t *json = json_loads(config->json, 0, NULL);
        ck_assert_msg(lookup(json, path) != NULL, "%s is not in the text", path);
        json_decref(json);
        mmoe_config_free(config);
    }
}
END_TEST

START_TEST(every_key_refuses_other_types) {
    static const struct {
        const char *value, *type;
    } values[] = {{"\"nonsense word\"", "string"},
                  {"7", "integer"},
                  {"0.5", "number"},
                  {"true", "boolean"},
                  {"null", ""},
                  {"{}", ""},
                  {"[\"x\"]", ""},
                  {"{\"dims\": [1]}", ""}};
    for (size_t i = 0; mmoe_config_key_at(i); i++) {
        const mmoe_config_key *key = mmoe_config_key_at(i);
        mmoe_config *config = parse_for(key, full);
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            const bool is_number =
                strstr(key->type, "number") &&
                (!strcmp(values[v].type, "integer") || !strcmp(values[v].type, "number"));
            const bool is_texts = strstr(key->allowed, "strings") && values[v].value[0] == '[';
            const bool is_free = !strcmp(key->type, "string") && !strchr(key->allowed, '|') &&
                                 strcmp(key->path, "tasks[].name");
            if (is_number || is_texts ||
                (strcmp(key->type, values[v].type) == 0 &&
                 (is_free || strcmp(key->type, "string"))))
                continue;
            char name[128], place[128], longer[160];
            at_index(key->path, ".0", name);
            const char *path = at_index(key->path, "[0]", place);
            const bool in_array = !strcmp(key->type, "array") && values[v].value[0] == '[';
            snprintf(longer, sizeof longer, "%s[0]", path);
            const bool is_pair = strstr(key->path, "betas") != NULL;
            refuse_set(config, at_index(key->path, ".0", name), values[v].value,
                       in_array && !is_pair ? longer : path,
                       in_array || !strcmp(key->path, "trainer.earlystop_task") ? ""
                                                                                : key->allowed);
        }
        mmoe_config_free(config);
    }
}
END_TEST

START_TEST(every_integer_keeps_its_bounds) {
    int n = 0;
    for (size_t i = 0; mmoe_config_key_at(i); i++) {
        const mmoe_config_key *key = mmoe_config_key_at(i);
        if (strcmp(key->type, "integer") != 0) continue;
        mmoe_config *config = parse_for(key, full);
        long long low, high;
        ck_assert_int_eq(sscanf(key->allowed, "%lld to %lld", &low, &high), 2);
        char name[128], place[128], value[40];
        const char *path = at_index(key->path, "[0]", place);
        at_index(key->path, ".0", name);
        const char *set_path = strstr(key->path, "[]") ? name : key->path;
        snprintf(value, sizeof value, "%lld", low - 1);
        refuse_set(config, set_path, value, path, value);
        snprintf(value, sizeof value, "%lld", high + 1);
        refuse_set(config, set_path, value, path, key->allowed);
        refuse_set(config, set_path, "-9223372036854775808", path, key->allowed);
        refuse_set(config, set_path, "9223372036854775807", path, key->allowed);
        refuse_set(config, set_path, "1.0", path, key->allowed);
        refuse_set(config, set_path, "1e3", path, key->allowed);
        if (strcmp(key->path, "model.gate_params.top_k") == 0)
            set(config, "model.n_expert", "4096");
        snprintf(value, sizeof value, "%lld", high);
        set(config, set_path, value);
        snprintf(value, sizeof value, "%lld", low);
        if (strcmp(key->path, "features.sparse[].vocab_size"))
            set(config, set_path, value); /* oov_id needs a large one */
        mmoe_config_free(config);
        n++;
    }
    ck_assert_int_ge(n, 6);
}
END_TEST

START_TEST(every_number_keeps_its_bounds) {
    int n = 0;
    for (size_t i = 0; mmoe_config_key_at(i); i++) {
        const mmoe_config_key *key = mmoe_config_key_at(i);
        if (strcmp(key->type, "number") != 0) continue;
        mmoe_config *config = parse_for(key, full);
        double low, high;
        char open, close, name[128], place[128], value[40];
        ck_assert_int_eq(sscanf(key->allowed, "in %c%lf, %lf%c", &open, &low, &high, &close), 4);
        const char *path = at_index(key->path, "[0]", place),
                   *set_path = at_index(key->path, ".0", name);
        snprintf(value, sizeof value, "%.17g", low - 1e-6);
        refuse_set(config, set_path, value, path, key->allowed);
        snprintf(value, sizeof value, "%.17g", high * (1 + 1e-6));
        refuse_set(config, set_path, value, path, key->allowed);
        refuse_set(config, set_path, "1e300", path, key->allowed);
        snprintf(value, sizeof value, "%.17g", low);
        if (open == '(')
            refuse_set(config, set_path, value, path, key->allowed);
        else
            set(config, set_path, value);
        snprintf(value, sizeof value, "%.17g", high);
        if (close == ')')
            refuse_set(config, set_path, value, path, key->allowed);
        else
            set(config, set_path, value);
        /* inside as a double, outside as a float */
        refuse_set(config, set_path, "1e-60", path, key->allowed);
        refuse_set(config, set_path, "1e-46", path, key->allowed);
        if (open == '[')
            refuse_set(config, set_path, "1e-310", path, "1e-310 would become 0, as the");
        if (close == ')') refuse_set(config, set_path, "0.999999999999", path, key->allowed);
        mmoe_config_free(config);
        n++;
    }
    ck_assert_int_ge(n, 7);
}
END_TEST

START_TEST(segments_are_a_power_of_two) {
    mmoe_config *config = parse(full);
    refuse_set(config, "trainer.segments", "12", "trainer.segments",
               "12 is no power of two; allowed are 1, 2, 4, 8, 16, 32, 64");
    set(config, "trainer.segments", "32");
    ck_assert_int_eq(config->trainer.segments, 32);
    mmoe_config_free(config);
}
END_TEST

START_TEST(gates_mix_as_many_experts_as_there_are) {
    mmoe_config *config = parse(full);
    const char *path = "model.gate_params.top_k";
    set(config, path, "8");
    ck_assert_int_eq(config->gate.top_k, 8);
    refuse_set(config, path, "9", path,
               "9 is more than the 8 experts that a gate mixes (n_expert)");
    refuse_set(config, "model.n_expert", "7", path, "8 is more than the 7 experts");
    refuse_set(config, path, "0", path, "1 to 4096");
    set(config, "model", "{\"name\": \"omoe\", \"n_expert\": 2, \"gate_params\": {\"top_k\": 2}}");
    refuse_set(config, path, "3", path,
               "3 is more than the 2 experts that a gate mixes (n_expert)");
    set(config, "model",
        "{\"name\": \"ple\", \"n_expert_specific\": 3, \"n_expert_shared\": 2, \"gate_params\": "
        "{\"top_k\": 5}}");
    refuse_set(
        config, path, "6", path,
        "6 is more than the 5 experts that a gate mixes (n_expert_specific + n_expert_shared)");
    set(config, "model", "{\"name\": \"cgc\"}");
    refuse_set(config, path, "4", path, "4 is more than the 3 experts");
    refuse_set(config, "model", "{\"name\": \"aitm\", \"gate_params\": {\"top_k\": 1}}", path,
               "the model \"aitm\" does not take this key");
    mmoe_config_free(config);
}
END_TEST

START_TEST(arrays_keep_their_bounds) {
    mmoe_config *config = parse(full);
    const char seventeen[] = "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]";
    refuse_set(config, "model.expert_params.dims", "[]", "model.expert_params.dims",
               "1 to 16 layers of 1 to 65536");
    refuse_set(config, "model.expert_params.dims", seventeen, "model.expert_params.dims",
               "1 to 16 layers");
    refuse_set(config, "model.expert_params.dims", "[16, 0]", "model.expert_params.dims[1]",
               "0 is not allowed here; allowed is an integer: 1 to 65536");
    refuse_set(config, "model.expert_params.dims", "[65537]", "model.expert_params.dims[0]",
               "65537");
    refuse_set(config, "model.expert_params.dims", "[16.0]", "model.expert_params.dims[0]", "16.0");
    refuse_set(config, "tasks.1.tower_params.dims", "[0]", "tasks[1].tower_params.dims[0]",
               "1 to 65536");
    refuse_set(config, "tasks.1.tower_params.dims", seventeen, "tasks[1].tower_params.dims",
               "0 to 16 layers");
    refuse_set(config, "tasks.1.tower_params.dims", "8", "tasks[1].tower_params.dims",
               "8 is not allowed here; allowed is an array");
    refuse_set(config, "trainer.optimizer_params.betas", "[0.9]", "trainer.optimizer_params.betas",
               "two numbers in [0, 1)");
    refuse_set(config, "trainer.optimizer_params.betas", "[0.9, 1]",
               "trainer.optimizer_params.betas[1]", "in [0, 1)");
    refuse_set(config, "trainer.optimizer_params.betas", "[-0.1, 0.5]",
               "trainer.optimizer_params.betas[0]", "-0.1");
    refuse_set(config, "model.gate_params.dims", seventeen, "model.gate_params.dims",
               "0 to 16 layers of 1 to 65536");
    refuse_set(config, "model.gate_params.dims", "[3, 0]", "model.gate_params.dims[1]",
               "1 to 65536");
    refuse_set(config, "trainer.optimizer_params.betas", "[0.9, 1e-50]",
               "trainer.optimizer_params.betas[1]", "1e-50 would become 0");
    set(config, "model.gate_params.dims", "[5]");
    ck_assert(config->gate.layers.n_dims == 1 && config->gate.layers.dims[0] == 5 &&
              config->gate.layers.activation == MMOE_ACT_RELU);
    set(config, "tasks.0.tower_params.dims", "[]");
    ck_assert_int_eq(config->tasks[0].tower.n_dims, 0);
    set(config, "model.expert_params.dims", "[65536,1]");
    ck_assert_int_eq(config->expert.n_dims, 2);
    ck_assert_int_eq(config->expert.dims[0], 65536);
    set(config, "model.expert_params.dims.1", "7");
    ck_assert_int_eq(config->expert.dims[1], 7);
    set(config, "trainer.optimizer_params.betas", "[0, 0.5]");
    ck_assert(config->trainer.optimizer.beta1 == 0.0f && config->trainer.optimizer.beta2 == 0.5f);
    mmoe_config_free(config);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, every_key_has_its_default);
    tcase_add_test(c, every_key_stands_in_the_text);
    tcase_add_test(c, every_key_refuses_other_types);
    tcase_add_test(c, every_integer_keeps_its_bounds);
    tcase_add_test(c, every_number_keeps_its_bounds);
    tcase_add_test(c, arrays_keep_their_bounds);
    tcase_add_test(c, segments_are_a_power_of_two);
    tcase_add_test(c, gates_mix_as_many_experts_as_there_are);
}
