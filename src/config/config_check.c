/* Checks between the keys of a configuration. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "config/config_check.h"
#include "config/config_sharing.h"
#include "config/config_update.h"
#include "config/config_watched.h"
#include "data/order.h"
#include "data/texts.h"

/* Enters `name` with `path`; false when memory is out, *earlier the path that bears the name
 * already. */
static bool enter(json_t *names, const char *name, const char *path, const char **earlier) {
    *earlier = json_string_value(json_object_get(names, name));
    return *earlier || json_object_set_new(names, name, json_string(path)) == 0;
}

/* A feature that says which columns it reads, in the key `source`, is one: its name is no pattern.
 */
static mmoe_status enter_feature(json_t *names, const char *name, const char *source,
                                 const char *path, const mmoe_key_place *place) {
    const char *earlier, *star = strchr(name, '*');
    if (star && source)
        return mmoe_key_fail(place, path, "\"%s\" is a pattern, but the feature has a \"%s\"", name,
                             source);
    if (star && strchr(star + 1, '*'))
        return mmoe_key_fail(place, path, "\"%s\" has more than one *", name);
    if (!enter(names, name, path, &earlier)) return mmoe_fail_memory(place->err, strlen(name));
    return earlier ? mmoe_key_fail(place, path, "\"%s\" is already %s", name, earlier) : MMOE_OK;
}

/* What is wrong between the keys of a column's kind. */
static mmoe_status check_encoder(const mmoe_encoder *e, const char *item,
                                 const mmoe_key_place *place) {
    char path[MMOE_PATH_SIZE], room[MMOE_FAULT_SIZE];
    const char *key = "", *fault = e->kind->check ? e->kind->check(e, room, &key) : NULL;
    snprintf(path, sizeof path, "%s.%s", item, key);
    return fault ? mmoe_key_fail(place, path, "%s", fault) : MMOE_OK;
}

static const char column_key[] = "column", columns_key[] = "columns", cross_key[] = "cross";

/* The key that says which columns a feature reads, `several` where that may be more than one; NULL:
 * none does. */
static const char *source_of(const mmoe_sparse_spec *s, const char *several) {
    if (s->columns.items) return several;
    return s->column ? column_key : NULL;
}

/* Names and patterns of columns, each once. */
static mmoe_status check_columns(const mmoe_sparse_spec *s, const char *item, const char *several,
                                 const mmoe_key_place *place) {
    for (size_t i = 0; i < s->columns.count; i++) {
        const char *name = s->columns.items[i], *star = strchr(name, '*'), *fault = NULL;
        const mmoe_texts before = {s->columns.items, i};
        char path[MMOE_PATH_SIZE];
        snprintf(path, sizeof path, "%s.%s[%zu]", item, several, i);
        if (star && strchr(star + 1, '*')) fault = "has more than one *";
        if (star && several == cross_key) fault = "is a pattern, but a cross is of whole names";
        if (strcmp(name, s->name) == 0 && several == cross_key) fault = "is the cross itself";
        if (mmoe_texts_have(&before, name)) fault = "stands here twice";
        if (fault) return mmoe_key_fail(place, path, "\"%s\" %s", name, fault);
    }
    return MMOE_OK;
}

static mmoe_status check_sparse(const mmoe_sparse_spec *spec, const char *item, const char *several,
                                json_t *names, const mmoe_key_place *place) {
    char path[MMOE_PATH_SIZE];
    snprintf(path, sizeof path, "%s.name", item);
    mmoe_status status = enter_feature(names, spec->name, source_of(spec, several), path, place);
    if (!status) status = check_columns(spec, item, several, place);
    if (status) return status;
    snprintf(path, sizeof path, "%s.shared_with", item);
    if (spec->shared_with && spec->encoder->kind->is_decided)
        return mmoe_key_fail(place, path, "%s belongs to the column \"%s\" that owns the table",
                             mmoe_key_name(spec->encoder->kind->keys), spec->shared_with);
    if (spec->shared_with && strcmp(spec->shared_with, spec->name) == 0)
        return mmoe_key_fail(place, path, "\"%s\" is the column itself", spec->name);
    return check_encoder(spec->encoder, item, place);
}

/* What stands between elements, or between an element and its weight. */
static const char *separator_fault(const mmoe_sparse_spec *s, const char *separator) {
    if (strlen(separator) != 1) return "is not one character of ASCII";
    const bool is_blank = separator == s->separator && *separator == ' ';
    if (strchr("0123456789+-.eE\"\r\n ", *separator) && !is_blank) return "may be part of a value";
    return separator != s->separator && *separator == *s->separator
               ? "stands between elements already"
               : NULL;
}

static mmoe_status check_separator(const mmoe_sparse_spec *s, const char *item, const char *key,
                                   const char *separator, const mmoe_key_place *place) {
    const char *fault = separator ? separator_fault(s, separator) : NULL;
    char path[MMOE_PATH_SIZE];
    snprintf(path, sizeof path, "%s.%s", item, key);
    return fault ? mmoe_key_fail(place, path, "\"%s\" %s", separator, fault) : MMOE_OK;
}

static mmoe_status check_sequence(const mmoe_sparse_spec *s, const char *item,
                                  const mmoe_key_place *place) {
    const bool is_side_by_side = s->pooling == MMOE_POOL_CONCAT;
    char path[MMOE_PATH_SIZE];
    mmoe_status status = check_separator(s, item, "separator", s->separator, place);
    if (!status) status = check_separator(s, item, "weight_separator", s->weight_separator, place);
    if (status) return status;
    snprintf(path, sizeof path, "%s.brackets", item);
    if (s->brackets && s->weight_separator)
        return mmoe_key_fail(place, path, "cannot be used with weight_separator");
    if (s->brackets && s->columns.items)
        return mmoe_key_fail(place, path, "cannot be used with columns");
    snprintf(path, sizeof path, "%s.pooling", item);
    if (is_side_by_side && s->max_len == 0)
        return mmoe_key_fail(place, path, "concat needs max_len: its width is max_len embeddings");
    if (s->weight_separator && (is_side_by_side || s->pooling == MMOE_POOL_MAX))
        return mmoe_key_fail(place, path, "only mean and sum take weights");
    return MMOE_OK;
}

/* What an id makes of a row is its table's alone; a list drops elements itself. */
static mmoe_status check_padding(const mmoe_sparse_spec *s, const char *item,
                                 const mmoe_key_place *place) {
    char path[MMOE_PATH_SIZE];
    snprintf(path, sizeof path, "%s.padding_idx", item);
    return s->shared_with && s->padding_idx >= 0
               ? mmoe_key_fail(place, path, "it belongs to the column \"%s\" that owns the table",
                               s->shared_with)
               : MMOE_OK;
}

/* The key of a kind that makes a row of several values. */
static const char *joining_key(void) {
    const mmoe_column_kind *kind = NULL;
    for (int32_t i = 0; (kind = mmoe_column_kind_at(i)) && !kind->join; i++) continue;
    return mmoe_key_name(kind->keys);
}

static mmoe_status check_cross(const mmoe_sparse_spec *s, const char *item,
                               const mmoe_key_place *place) {
    const mmoe_column_kind *kind = s->encoder->kind;
    char path[MMOE_PATH_SIZE];
    snprintf(path, sizeof path, "%s.%s", item, cross_key);
    if (!s->columns.items || s->shared_with || kind->join) return MMOE_OK;
    if (kind->is_decided)
        return mmoe_key_fail(place, path, "needs %s: %s is of one value", joining_key(),
                             mmoe_key_name(kind->keys));
    return mmoe_key_fail(place, path, "needs %s beside it", joining_key());
}

static mmoe_status check_ids(const mmoe_feature_specs *features, json_t *names,
                             const mmoe_key_place *place) {
    char item[MMOE_PATH_SIZE / 2];
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; status == MMOE_OK && i < features->n_sparse; i++) {
        snprintf(item, sizeof item, "features.sparse[%d]", i);
        status = check_sparse(features->sparse + i, item, cross_key, names, place);
        if (!status) status = check_cross(features->sparse + i, item, place);
        if (!status) status = check_padding(features->sparse + i, item, place);
        if (!status) status = mmoe_config_check_table(features->sparse + i, item, place);
    }
    for (int32_t i = 0; status == MMOE_OK && i < features->n_sequence; i++) {
        snprintf(item, sizeof item, "features.sequence[%d]", i);
        status = check_sparse(features->sequence + i, item, columns_key, names, place);
        if (!status) status = check_sequence(features->sequence + i, item, place);
        if (!status) status = mmoe_config_check_table(features->sequence + i, item, place);
    }
    return status;
}

static mmoe_status check_dense(const mmoe_dense_spec *spec, int32_t i, json_t *names,
                               const mmoe_key_place *place) {
    char item[MMOE_PATH_SIZE / 2], path[MMOE_PATH_SIZE];
    snprintf(item, sizeof item, "features.dense[%d]", i);
    snprintf(path, sizeof path, "%s.name", item);
    const mmoe_status status =
        enter_feature(names, spec->name, spec->column ? column_key : NULL, path, place);
    if (status) return status;
    const bool has_key = spec->indicator || mmoe_encoder_has_gaps(spec->encoder);
    snprintf(path, sizeof path, "%s.%s", item, spec->indicator ? "indicator" : "gaps");
    if (has_key && spec->missing.word == MMOE_MISSING_ERROR)
        return mmoe_key_fail(place, path,
                             "a missing value is an error; say in \"missing\" what it becomes");
    return check_encoder(spec->encoder, item, place);
}

static bool reads(const mmoe_sparse_spec *s, const char *column) {
    return (s->column && strcmp(s->column, column) == 0) || mmoe_texts_have(&s->columns, column);
}

/* The key of a feature that reads a column not of its name; NULL: there is none. */
static const char *reader_of(const mmoe_feature_specs *f, const char *column,
                             char path[MMOE_PATH_SIZE]) {
    const struct {
        const char *list, *several;
        const mmoe_sparse_spec *items;
        int32_t count;
    } ids[] = {{"sparse", cross_key, f->sparse, f->n_sparse},
               {"sequence", columns_key, f->sequence, f->n_sequence}};
    *path = '\0';
    for (size_t k = 0; k < sizeof ids / sizeof *ids; k++)
        for (int32_t i = 0; !*path && i < ids[k].count; i++)
            if (reads(&ids[k].items[i], column))
                snprintf(path, MMOE_PATH_SIZE, "features.%s[%d].%s", ids[k].list, i,
                         source_of(&ids[k].items[i], ids[k].several));
    for (int32_t i = 0; !*path && i < f->n_dense; i++)
        if (f->dense[i].column && strcmp(f->dense[i].column, column) == 0)
            snprintf(path, MMOE_PATH_SIZE, "features.dense[%d].%s", i, column_key);
    return *path ? path : NULL;
}

/* The key that says that a feature bears this name or reads this column; NULL: there is none. */
static const char *feature_key(const mmoe_feature_specs *features, const json_t *names,
                               const char *column, char path[MMOE_PATH_SIZE]) {
    const char *earlier = json_string_value(json_object_get(names, column));
    return earlier ? earlier : reader_of(features, column, path);
}

static mmoe_status check_features(const mmoe_feature_specs *features, json_t *names,
                                  const mmoe_key_place *place) {
    if (features->n_sparse + features->n_sequence + features->n_dense == 0)
        return mmoe_key_fail(place, "features",
                             "at least one entry of sparse, sequence or dense is needed");
    mmoe_status status = check_ids(features, names, place);
    for (int32_t i = 0; status == MMOE_OK && i < features->n_dense; i++)
        status = check_dense(features->dense + i, i, names, place);
    char path[MMOE_PATH_SIZE];
    const char *earlier =
        features->weight ? feature_key(features, names, features->weight, path) : NULL;
    if (status == MMOE_OK && earlier)
        status = mmoe_key_fail(place, "features.weight", "\"%s\" is already %s", features->weight,
                               earlier);
    return status;
}

/* Names stand in file headers, in dotted paths and beside the word "mean". */
static bool is_task_name(const char *name) {
    enum { MOST = 64 };
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-";
    return strchr(letters, name[0]) && strspn(name, others) == strlen(name) &&
           strlen(name) <= MOST && strcmp(name, "mean") != 0;
}

typedef bool kind_trait(const mmoe_loss_kind *kind);

static bool is_shaped(const mmoe_loss_kind *kind) { return kind->is_shaped; }
static bool is_probability(const mmoe_loss_kind *kind) { return kind->is_probability; }
static bool is_scaled(const mmoe_loss_kind *kind) { return kind->is_scaled; }
static bool is_number(const mmoe_loss_kind *kind) { return !kind->is_probability; }

/* The word of the first type that has the trait. */
static const char *first_type(kind_trait *has) {
    int type = 0;
    while (!has(mmoe_loss_kind_of((mmoe_task_type)type))) type++;
    return mmoe_task_type_name(type);
}

/* A label that is no number would be lost without a word. */
static const char *gaps_fault(const mmoe_task_config *task) {
    const char *positive = task->positive;
    if (mmoe_number_text_takes_all(&task->text))
        return "\"*\" is of features: name what stands for no label";
    return positive && mmoe_number_text_names(&task->text, positive, strlen(positive))
               ? "one is the task's \"positive\" label"
               : NULL;
}

/* Keys that mean nothing to some types of task. */
static mmoe_status check_typed_keys(const mmoe_task_config *task, int32_t i,
                                    const mmoe_key_place *place) {
    const struct {
        const char *name;
        bool is_given;
        kind_trait *takes;
    } keys[] = {{"label_smoothing", task->label_smoothing != 0, is_shaped},
                {"positive_weight", task->positive_weight != 1, is_shaped},
                {"focal_gamma", task->focal_gamma != 0, is_shaped},
                {"positive", task->positive != NULL, is_probability},
                {"strip", task->text.strip != NULL, is_number},
                {"decimal", task->text.decimal != NULL, is_number},
                {"label_transform", task->label_transform != MMOE_LABEL_NONE, is_scaled}};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        if (!keys[k].is_given || keys[k].takes(mmoe_loss_kind_of(task->type))) continue;
        char path[MMOE_PATH_SIZE];
        snprintf(path, sizeof path, "tasks[%d].%s", i, keys[k].name);
        return mmoe_key_fail(place, path, "\"%s\" is of the type %s; only a %s takes this key",
                             task->name, mmoe_task_type_name((int)task->type),
                             first_type(keys[k].takes));
    }
    const char *key = "gaps", *fault = gaps_fault(task);
    if (!fault) fault = mmoe_number_text_fault(&task->text, &key);
    if (!fault) return MMOE_OK;
    char path[MMOE_PATH_SIZE];
    snprintf(path, sizeof path, "tasks[%d].%s", i, key);
    return mmoe_key_fail(place, path, "%s", fault);
}

static mmoe_status check_tasks(const mmoe_config *config, json_t *columns, json_t *names,
                               const mmoe_key_place *place) {
    if (config->n_task == 0) return mmoe_key_fail(place, "tasks", "at least one task is needed");
    for (int32_t i = 0; i < config->n_task; i++) {
        const mmoe_task_config *task = config->tasks + i;
        char path[MMOE_PATH_SIZE], key[MMOE_PATH_SIZE];
        const char *earlier;
        snprintf(path, sizeof path, "tasks[%d].name", i);
        if (!is_task_name(task->name))
            return mmoe_key_fail(
                place, path, "\"%.64s\" is not allowed here; allowed is a string: " MMOE_TASK_NAME,
                task->name);
        if (!enter(names, task->name, path, &earlier))
            return mmoe_fail_memory(place->err, strlen(task->name));
        if (earlier) return mmoe_key_fail(place, path, "\"%s\" is already %s", task->name, earlier);
        snprintf(path, sizeof path, "tasks[%d].label", i);
        earlier = feature_key(&config->features, columns, task->label, key);
        if (!earlier && config->features.weight &&
            strcmp(task->label, config->features.weight) == 0)
            earlier = "features.weight";
        if (earlier)
            return mmoe_key_fail(place, path, "\"%s\" is already %s", task->label, earlier);
        mmoe_status status = check_typed_keys(task, i, place);
        if (status) return status;
    }
    return MMOE_OK;
}

static mmoe_status check_score(const mmoe_config *config, const mmoe_key_place *place) {
    mmoe_score *score;
    char fault[MMOE_SCORE_FAULT];
    const mmoe_status status = mmoe_config_score(config, &config->alloc, &score, fault);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(place->err, sizeof *score);
    if (status) return mmoe_key_fail(place, "score", "%s", fault);
    mmoe_score_free(score, &config->alloc);
    return MMOE_OK;
}

/* The value at a path of plain keys; NULL: none. */
static const json_t *value_at(const json_t *object, const char *path) {
    for (const char *dot; object && (dot = strchr(path, '.')); path = dot + 1) {
        char name[MMOE_PATH_SIZE];
        snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
        object = json_object_get(object, name);
    }
    return json_object_get(object, path);
}

static mmoe_status refuse_key(const mmoe_config *config, const mmoe_key *refused,
                              const mmoe_key_place *place) {
    const mmoe_chooser *chooser = &mmoe_choosers[refused->chooser];
    const mmoe_key *key;
    const char *word = "";
    char allowed[480] = "";
    size_t used = 0;
    int length = 0;
    for (size_t i = 0; (key = mmoe_key_at(i)); i++) {
        if (strcmp(key->doc.path, chooser->path) == 0) {
            int32_t chosen;
            memcpy(&chosen, (const char *)config + chooser->offset, sizeof chosen);
            word = mmoe_key_word(key, chosen, &length);
        }
        if (strncmp(key->doc.path, chooser->section, strlen(chooser->section)) != 0 ||
            !mmoe_key_is_taken(key, config))
            continue;
        used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%s", used ? ", " : "",
                                 key->doc.path + strlen(chooser->section));
        assert(used < sizeof allowed);
    }
    if (!used)
        return mmoe_key_fail(place, refused->doc.path, "the %s \"%.*s\" does not take this key",
                             chooser->noun, length, word);
    return mmoe_key_fail(place, refused->doc.path,
                         "the %s \"%.*s\" does not take this key; it takes %s", chooser->noun,
                         length, word, allowed);
}

/* Keys that have no meaning beside the words that were chosen are not passed over. */
static mmoe_status check_takers(const json_t *root, const mmoe_config *config,
                                const mmoe_key_place *place) {
    const mmoe_key *key;
    for (size_t i = 0; (key = mmoe_key_at(i)); i++)
        if (!mmoe_key_is_taken(key, config) && value_at(root, key->doc.path))
            return refuse_key(config, key, place);
    return MMOE_OK;
}

static mmoe_status check_model(const mmoe_config *config, const mmoe_key_place *place) {
    const bool is_esmm = config->model == MMOE_MODEL_ESMM;
    if (is_esmm && config->n_task != 2)
        return mmoe_key_fail(
            place, "tasks",
            "the model \"esmm\" has two tasks, the click and then the conversion; here are %d",
            config->n_task);
    for (int32_t i = 0; i < config->n_task && (is_esmm || config->model == MMOE_MODEL_AITM); i++) {
        if (mmoe_loss_kind_of(config->tasks[i].type)->is_probability) continue;
        char path[MMOE_PATH_SIZE];
        snprintf(path, sizeof path, "tasks[%d].type", i);
        return mmoe_key_fail(place, path, "the model \"%s\" takes %ss alone",
                             is_esmm ? "esmm" : "aitm", first_type(is_probability));
    }
    return MMOE_OK;
}

static mmoe_status check_gates(const mmoe_config *config, const mmoe_key_place *place) {
    const bool by_task = config->model == MMOE_MODEL_CGC || config->model == MMOE_MODEL_PLE;
    const int mixed =
        by_task ? config->n_expert_specific + config->n_expert_shared : config->n_expert;
    if (config->gate.top_k <= mixed ||
        !(by_task || config->model == MMOE_MODEL_OMOE || config->model == MMOE_MODEL_MMOE))
        return MMOE_OK;
    return mmoe_key_fail(place, "model.gate_params.top_k",
                         "%lld is more than the %d experts that a gate mixes (%s)",
                         (long long)config->gate.top_k, mixed,
                         by_task ? "n_expert_specific + n_expert_shared" : "n_expert");
}

static mmoe_status check_optimizer(const mmoe_config *config, const mmoe_key_place *place) {
    const mmoe_optimizer_config *o = &config->trainer.optimizer;
    if (o->momentum == 0 || o->kind == MMOE_SGD) return MMOE_OK;
    return mmoe_key_fail(place, "trainer.optimizer_params.momentum",
                         "momentum needs the optimizer \"sgd\"");
}

/* The learning rate of embeddings that is not given: Adagrad's steps only become smaller. */
static void choose_rate(mmoe_optimizer_config *o) {
    const bool is_adagrad = o->kind == MMOE_ADAGRAD || o->kind == MMOE_ROWWISE_ADAGRAD;
    if (o->lr == 0) o->lr = is_adagrad ? 0.01f : 0.001f;
}

/* With auto it depends on the tables, which are known later. */
static mmoe_status check_update(const mmoe_trainer_config *c, const mmoe_key_place *place) {
    const bool is_sure =
        c->embedding_update == MMOE_UPDATE_DEFERRED || c->embedding_update == MMOE_UPDATE_LAZY;
    if (!is_sure) return MMOE_OK;
    const mmoe_update_fault fault = mmoe_config_update_fault(c, c->embedding_update);
    if (!fault.key) return MMOE_OK;
    return mmoe_key_fail(place, fault.key, "trainer.embedding_update \"%s\" cannot be with it: %s",
                         c->embedding_update == MMOE_UPDATE_LAZY ? "lazy" : "deferred", fault.why);
}

static mmoe_status check_segments(const mmoe_trainer_config *c, const mmoe_key_place *place) {
    if (!(c->segments & (c->segments - 1))) return MMOE_OK;
    return mmoe_key_fail(place, "trainer.segments",
                         "%d is no power of two; allowed are 1, 2, 4, 8, 16, 32, 64",
                         (int)c->segments);
}

/* Whole segments of a batch, and whole batches of a block. */
static mmoe_status check_lanes(const mmoe_trainer_config *c, const mmoe_key_place *place) {
    enum { LEAST = 16 }; /* rows of a segment */
    const int32_t rows = c->batch_size;
    if (!c->lanes) return MMOE_OK;
    if (!c->shuffle)
        return mmoe_key_fail(place, "trainer.lanes", "shuffle is false: rows keep their order");
    if (!(rows & (rows - 1)) && rows >= LEAST * c->segments && rows <= MMOE_BLOCK_ROWS)
        return MMOE_OK;
    return mmoe_key_fail(place, "trainer.batch_size",
                         "%d: with lanes it is a power of two, %d (%d a segment) to %d", (int)rows,
                         (int)(LEAST * c->segments), (int)LEAST, (int)MMOE_BLOCK_ROWS);
}

static mmoe_status check_balance(const mmoe_config *config, const mmoe_key_place *place) {
    if (config->trainer.balance.method == MMOE_BALANCE_NONE || config->n_task > 1) return MMOE_OK;
    return mmoe_key_fail(place, "trainer.adaptive_params.method",
                         "one task has nothing to be balanced with; allowed is none");
}

mmoe_status mmoe_config_check(const json_t *root, mmoe_config *config,
                              const mmoe_key_place *place) {
    if (!json_object_get(json_object_get(json_object_get(root, "model"), "gate_params"),
                         "batch_norm"))
        config->gate.layers.batch_norm = config->model == MMOE_MODEL_AITM
                                             ? config->bottom.batch_norm
                                             : config->expert.batch_norm;
    mmoe_config_inherit_widths(root, &config->features);
    if (!config->trainer.t_max) config->trainer.t_max = config->trainer.n_epoch;
    choose_rate(&config->trainer.embedding_optimizer);
    json_t *columns = json_object(), *names = json_object();
    mmoe_status status = columns && names ? MMOE_OK : mmoe_fail_memory(place->err, 0);
    if (status == MMOE_OK) status = check_features(&config->features, columns, place);
    if (status == MMOE_OK) status = check_tasks(config, columns, names, place);
    if (status == MMOE_OK) status = check_takers(root, config, place);
    if (status == MMOE_OK) status = check_model(config, place);
    if (status == MMOE_OK) status = check_gates(config, place);
    if (status == MMOE_OK) status = check_score(config, place);
    if (status == MMOE_OK) status = mmoe_config_check_watched(root, config, place);
    if (status == MMOE_OK) status = check_optimizer(config, place);
    if (status == MMOE_OK) status = check_segments(&config->trainer, place);
    if (status == MMOE_OK) status = check_lanes(&config->trainer, place);
    if (status == MMOE_OK) status = check_balance(config, place);
    if (status == MMOE_OK) status = check_update(&config->trainer, place);
    json_decref(columns);
    json_decref(names);
    return status;
}
