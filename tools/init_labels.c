#include "init_labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/utf8.h"

/* ---- Two values ---- */

static double number_of(const char *text) {
    double number;
    return mmoe_parse_double(text, strlen(text), &number) ? number : (double)NAN;
}

static bool is_value(const cli_label_value *value, const char *text, double number) {
    return value->number == number || strcmp(value->text, text) == 0;
}

bool cli_label_values_add(cli_label_values *values, const char *text, int64_t count) {
    const double number = number_of(text);
    for (int i = 0; i < 2; i++) {
        cli_label_value *value = &values->seen[i];
        if (value->text && strcmp(value->text, text) != 0 && strcasecmp(value->text, text) == 0) {
            if (!values->cased && !(values->other_case = strdup(text))) return false;
            values->cased += count;
            values->more = true;
            return true;
        }
        if (!value->text) {
            *value = (cli_label_value){strdup(text), number, count};
            return value->text;
        }
        if (!is_value(value, text, number)) continue;
        value->count += count;
        return true;
    }
    values->more = true;
    return true;
}

bool cli_label_values_set_aside(cli_label_values *values, const char *text, int64_t row,
                                bool *is_aside) {
    const double number = number_of(text);
    for (int i = 0; i < values->n_aside; i++) {
        if (!is_value(&values->aside[i].value, text, number)) continue;
        values->aside[i].value.count++;
        *is_aside = true;
        return true;
    }
    *is_aside = values->n_aside < CLI_LABEL_ASIDES;
    if (!*is_aside) return true;
    cli_label_aside *aside = &values->aside[values->n_aside++];
    *aside = (cli_label_aside){{strdup(text), number, 1}, row, false};
    return aside->value.text;
}

void cli_label_values_free(cli_label_values *values) {
    for (int i = 0; i < 2; i++) free(values->seen[i].text);
    for (int i = 0; i < values->n_aside; i++) free(values->aside[i].value.text);
    free(values->other_case);
}

/* Capitals of other letters than ASCII's are words of their own. */
static const char *const yes[] = {"yes", "y", "true", "t", "+", "on", "positive", "pos", "click",
                                  "clicked", "converted", "buy", "bought", "oui", "ja", "j", "si",
                                  "sí", "SÍ", "sim", "tak", "ano", "evet",
                                  /* in other letters */
                                  "да", "Да", "ДА", "是", "はい"};
static const char *const no[] = {"no", "n", "false", "f", "-", "off", "negative", "neg", "non",
                                 "nein", "nee", "nej", "nei", "nie", "ne", "nao", "não", "NÃO",
                                 "hayır",
                                 /* in other letters */
                                 "нет", "Нет", "НЕТ", "否", "いいえ"};

static bool is_among(const char *const *words, size_t count, const char *text) {
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(text, words[i]) == 0) return true;
    return false;
}

/* 1 of a word that says yes, -1 of one that says no. */
static int answer(const char *text) {
    return is_among(yes, sizeof yes / sizeof *yes, text) -
           is_among(no, sizeof no / sizeof *no, text);
}

/* Whether the first of the two is the positive one. */
static bool is_first(const cli_label_value *a, const cli_label_value *b) {
    if (!isnan(a->number) && !isnan(b->number)) return a->number > b->number;
    if (answer(a->text) != answer(b->text)) return answer(a->text) > answer(b->text);
    if (a->count != b->count) return a->count < b->count;
    return strcmp(a->text, b->text) > 0;
}

bool cli_label_bits(const cli_label_values *values) {
    const cli_label_value *a = &values->seen[0], *b = &values->seen[1];
    if (!b->text) return false;
    return (a->number == 0 && b->number == 1) || (a->number == 1 && b->number == 0);
}

const char *cli_label_positive(const cli_label_values *values) {
    const cli_label_value *a = &values->seen[0], *b = &values->seen[1];
    if (!b->text || values->more) return NULL;
    if (cli_label_bits(values)) return NULL;
    return is_first(a, b) ? a->text : b->text;
}

/* ---- Names ---- */

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The label with an underscore for each character that a task's name cannot have, less those at its
 * end; "" where none is left that says anything. */
static void as_word(const char *label, char name[CLI_TASK_NAME_SIZE]) {
    size_t length = 0, told = 0;
    if (is_digit(*label) || *label == '-') name[length++] = '_';
    for (const char *c = label; *c && length < CLI_TASK_NAME_SIZE - 1; c++) {
        if (mmoe_utf8_continues(*c)) continue;
        const bool kept = is_letter(*c) || is_digit(*c) || *c == '-';
        name[length++] = *c;
        if (!kept) name[length - 1] = '_';
        if (kept || *c == '_') told = length;
    }
    name[told] = '\0';
    if (!name[strspn(name, "_-")]) name[0] = '\0';
}

static bool is_taken(const json_t *tasks, const char *name) {
    size_t i;
    json_t *task;
    json_array_foreach(tasks, i, task) {
        const char *other = json_string_value(json_object_get(task, "name"));
        if (other && strcmp(other, name) == 0) return true;
    }
    return false;
}

void cli_task_name(const json_t *tasks, const char *label, char name[CLI_TASK_NAME_SIZE]) {
    char word[CLI_TASK_NAME_SIZE];
    as_word(label, word);
    if (!*word) snprintf(word, sizeof word, "task_%zu", json_array_size(tasks) + 1);
    if (strcmp(word, "mean") == 0) strcpy(word, "task_mean");
    snprintf(name, CLI_TASK_NAME_SIZE, "%s", word);
    for (unsigned number = 2; is_taken(tasks, name); number++)
        snprintf(name, CLI_TASK_NAME_SIZE, "%.*s_%u", CLI_TASK_NAME_SIZE - 12, word, number);
}
