#include "file/label_json.h"

#include <stdio.h>

#include "base/json_text.h"
#include "base/words.h"
#include "mmoe/train.h"

#define TASK_TYPE_WORD(name, word, labels, metrics) #word,
static const char *const task_types[] = {MMOE_TASK_TYPES(TASK_TYPE_WORD)};
static const char *const label_transforms[] = {MMOE_LABEL_TRANSFORMS(MMOE_WORD)};

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof *(array)))

const char *const mmoe_label_keys[] = {
    "positive", "negative", "label_transform", "constant", "strip", "decimal", "gaps", NULL};

/* What not all labels have is written where they have it, as sides are. All take `json`. */
static json_t *with_texts(json_t *json, const mmoe_label_column *l) {
    const struct {
        const char *key, *text;
    } texts[] = {{"positive", l->positive},
                 {"negative", l->negative},
                 {"strip", l->text.strip},
                 {"decimal", l->text.decimal}};
    bool ok = json != NULL;
    for (size_t i = 0; ok && i < sizeof texts / sizeof *texts; i++)
        ok = !texts[i].text || !json_object_set_new(json, texts[i].key, json_string(texts[i].text));
    if (ok) return json;
    json_decref(json);
    return NULL;
}

static json_t *with_gaps(json_t *json, const mmoe_texts *gaps) {
    if (!json || !gaps->count ||
        !json_object_set_new(json, "gaps", mmoe_json_texts(gaps->items, gaps->count)))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *with_scale(json_t *json, const mmoe_label_scale *scale) {
    if (!json || scale->transform == MMOE_LABEL_NONE ||
        !json_object_set_new(
            json, "label_transform",
            json_pack("{s:s, s:o, s:o}", "transform", label_transforms[scale->transform], "shift",
                      mmoe_double_to_json(scale->shift), "unit", mmoe_double_to_json(scale->unit))))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *with_constant(json_t *json, const mmoe_label_column *l) {
    if (!json || !l->has_constant ||
        !json_object_set_new(json, "constant", mmoe_double_to_json(l->constant)))
        return json;
    json_decref(json);
    return NULL;
}

json_t *mmoe_label_to_json(const mmoe_label_column *l) {
    json_t *json = json_pack("{s:s, s:s, s:s}", "name", l->name, "task", l->task, "type",
                             mmoe_task_type_name((int)l->type));
    json = with_gaps(with_texts(json, l), &l->text.gaps);
    return with_constant(with_scale(json, &l->scale), l);
}

static mmoe_status read_scale(const mmoe_entry *e, mmoe_label_scale *out) {
    mmoe_entry of = {.r = e->r, .json = json_object_get(e->json, "label_transform")};
    int32_t transform = 0;
    snprintf(of.at, sizeof of.at, "%.20s.label_transform", e->at);
    *out = (mmoe_label_scale){.unit = 1};
    if (!of.json) return MMOE_OK;
    if (!json_is_object(of.json) || json_object_size(of.json) != 3)
        return mmoe_entry_fail(&of, "", "an object of three keys is needed");
    mmoe_status status =
        mmoe_entry_word(&of, "transform", label_transforms, COUNT(label_transforms), &transform);
    if (status == MMOE_OK) status = mmoe_entry_double(&of, "shift", &out->shift);
    if (status == MMOE_OK) status = mmoe_entry_double(&of, "unit", &out->unit);
    if (status) return status;
    out->transform = (mmoe_label_transform)transform;
    return out->unit > 0 ? MMOE_OK : mmoe_entry_fail(&of, "unit", "a number above 0 is needed");
}

static mmoe_status read_optional(const mmoe_entry *e, const char *key, char **out) {
    return json_object_get(e->json, key) ? mmoe_entry_text(e, key, out) : MMOE_OK;
}

mmoe_status mmoe_label_from_json(const mmoe_entry *e, mmoe_label_column *label) {
    int32_t type = 0;
    mmoe_status status = mmoe_entry_text(e, "name", &label->name);
    if (status == MMOE_OK) status = mmoe_entry_text(e, "task", &label->task);
    if (status == MMOE_OK)
        status = mmoe_entry_word(e, "type", task_types, COUNT(task_types), &type);
    if (status == MMOE_OK) status = read_optional(e, "positive", &label->positive);
    if (status == MMOE_OK) status = read_optional(e, "negative", &label->negative);
    if (status == MMOE_OK) status = read_optional(e, "strip", &label->text.strip);
    if (status == MMOE_OK) status = read_optional(e, "decimal", &label->text.decimal);
    if (status == MMOE_OK && json_object_get(e->json, "gaps"))
        status = mmoe_entry_texts(e, "gaps", MMOE_MOST_GAPS, &label->text.gaps);
    if (status == MMOE_OK) status = read_scale(e, &label->scale);
    label->has_constant = json_object_get(e->json, "constant") != NULL;
    if (status == MMOE_OK && label->has_constant)
        status = mmoe_entry_double(e, "constant", &label->constant);
    if (status == MMOE_OK) label->type = (mmoe_task_type)type;
    return status;
}
