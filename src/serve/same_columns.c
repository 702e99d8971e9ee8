#include "serve/same_columns.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/model.h"

/* A list of things that callers number. */
typedef struct numbered {
    const char *what; /* "sparse column" */
    bool is_column;
    int32_t (*count)(const mmoe_model *m);
    const char *(*name)(const mmoe_model *m, int32_t i);
    int (*kind)(const mmoe_model *m, int32_t i);
    const char *(*kind_name)(int kind);
} numbered;

static const char *side_name(int side) {
#define NAME(value, word)                                                                          \
    if (side == (int)(value)) return #word;
    MMOE_SIDES(NAME)
    return "none";
}

enum { ONE_VALUE, LIST, CROSS };

static int form_of(const mmoe_model *m, int32_t i) {
    const mmoe_sparse_column *c = &m->schema->sparse[i];
    if (c->list >= 0) return LIST;
    return mmoe_sparse_parts(c) ? CROSS : ONE_VALUE;
}

static const char *form_name(int form) {
    static const char *const names[] = {"one value", "a list", "a cross"};
    return names[form];
}

static const numbered columns[] = {
    {"sparse column", true, mmoe_model_sparse_count, mmoe_model_sparse_name, mmoe_model_sparse_side,
     side_name},
    {"sparse column", true, mmoe_model_sparse_count, mmoe_model_sparse_name, form_of, form_name},
    {"dense column", true, mmoe_model_dense_count, mmoe_model_dense_name, mmoe_model_dense_side,
     side_name},
};
static const numbered tasks = {"task",
                               false,
                               mmoe_model_task_count,
                               mmoe_model_task_name,
                               mmoe_model_task_type,
                               mmoe_task_type_name};

enum { TITLE_SIZE = 160 };

/* What a sentence calls one. A task is no column, of which the error's place is: it has its name
 * here. */
static void make_title(const numbered *l, const char *name, char title[TITLE_SIZE]) {
    if (l->is_column)
        snprintf(title, TITLE_SIZE, "this %s", l->what);
    else
        snprintf(title, TITLE_SIZE, "the %s \"%.120s\"", l->what, name);
}

static mmoe_status check_list(const numbered *l, const mmoe_model *current, const mmoe_model *next,
                              mmoe_error *err) {
    const char *const call = "mmoe_slot_publish";
    const int32_t old_count = l->count(current), new_count = l->count(next);
    char title[TITLE_SIZE];
    for (int32_t i = 0; i < old_count && i < new_count; i++) {
        const char *old_name = l->name(current, i), *new_name = l->name(next, i);
        const char *column = l->is_column ? new_name : NULL;
        if (strcmp(old_name, new_name) != 0)
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, column,
                                "%s: %s %d of the slot's models is \"%.120s\", of this one "
                                "\"%.120s\"; callers know them by number",
                                call, l->what, (int)i, old_name, new_name);
        const int old_kind = l->kind(current, i), new_kind = l->kind(next, i);
        make_title(l, new_name, title);
        if (old_kind != new_kind)
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, column,
                                "%s: %s is \"%s\" in the slot's models, and \"%s\" in this one",
                                call, title, l->kind_name(old_kind), l->kind_name(new_kind));
    }
    if (old_count == new_count) return MMOE_OK;
    const bool more = new_count > old_count;
    const char *name = more ? l->name(next, old_count) : l->name(current, new_count);
    make_title(l, name, title);
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, l->is_column ? name : NULL,
                        "%s: %s lack%s %s", call, more ? "the slot's models" : "the model",
                        more ? "" : "s", title);
}

/* A vector of another length would be read past its end. */
static mmoe_status check_vectors(const mmoe_model *current, const mmoe_model *next,
                                 mmoe_error *err) {
    for (int32_t i = 0; i < mmoe_model_dense_count(next); i++) {
        const int32_t old_dim = mmoe_model_dense_dim(current, i),
                      new_dim = mmoe_model_dense_dim(next, i);
        if (old_dim != new_dim)
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, mmoe_model_dense_name(next, i),
                                "mmoe_slot_publish: a value has %d numbers in the slot's models, "
                                "and %d in this one",
                                (int)old_dim, (int)new_dim);
    }
    return MMOE_OK;
}

/* A cross of more columns would be read past its end, one of others is of other values. */
static mmoe_status check_crosses(const mmoe_model *current, const mmoe_model *next,
                                 mmoe_error *err) {
    for (int32_t i = 0; i < next->schema->n_sparse; i++) {
        const mmoe_sparse_column *old = &current->schema->sparse[i],
                                 *new = &next->schema->sparse[i];
        const size_t parts = mmoe_sparse_parts(new);
        size_t same = 0;
        while (same < parts && same < old->columns.count &&
               strcmp(old->columns.items[same], new->columns.items[same]) == 0)
            same++;
        if (same < parts || mmoe_sparse_parts(old) != parts)
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, new->name,
                                "mmoe_slot_publish: the cross is of other columns in the slot's "
                                "models than in this one, from number %zu on",
                                same);
    }
    return MMOE_OK;
}

mmoe_status mmoe_check_same_tasks(const mmoe_model *current, const mmoe_model *next,
                                  mmoe_error *err) {
    return check_list(&tasks, current, next, err);
}

mmoe_status mmoe_check_same_columns(const mmoe_model *current, const mmoe_model *next,
                                    mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < sizeof columns / sizeof *columns; i++)
        status = check_list(&columns[i], current, next, err);
    if (!status) status = mmoe_check_same_tasks(current, next, err);
    if (!status) status = check_crosses(current, next, err);
    return status ? status : check_vectors(current, next, err);
}
