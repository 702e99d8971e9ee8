#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data_files.h"

int cli_processors(void) { return mmoe_worker_count(0); }

void cli_list_free(cli_list *list) {
    free(list->items);
    list->items = NULL;
    list->count = 0;
}

static const char *several_of(cli_kind kind) {
    if (kind == CLI_ROWS) return " (may be repeated, and be a pattern)";
    return kind == CLI_LIST ? " (may be repeated)" : "";
}

static void print_command_help(const cli_command *command) {
    printf("Usage: mmoe %s %s\n\n%s\n\nOptions:\n", command->name, command->synopsis,
           command->description);
    for (const cli_option *o = command->options; o->name; o++) {
        char flag[64];
        snprintf(flag, sizeof flag, "--%s%s%s", o->name, o->operand ? " " : "",
                 o->operand ? o->operand : "");
        printf("  %-22s %s%s%s\n", flag, o->help, o->required ? " (required)" : "",
               several_of(o->kind));
    }
    printf("  %-22s %s\n", "--help", "this text");
    if (command->more_help) command->more_help();
}

static int parse_integer(const cli_option *o, const char *text) {
    int64_t value;
    if (!mmoe_parse_int64(text, strlen(text), &value) || (double)value < o->lowest ||
        (double)value > o->highest)
        return cli_usage("--%s: \"%s\" is not a whole number from %.0f to %.0f", o->name, text,
                         o->lowest, o->highest);
    *(int64_t *)o->target = value;
    return CLI_OK;
}

static int parse_real(const cli_option *o, const char *text) {
    double value;
    if (!mmoe_parse_double(text, strlen(text), &value) || !isfinite(value) || value < o->lowest ||
        value > o->highest)
        return cli_usage("--%s: \"%s\" is not a number from %g to %g", o->name, text, o->lowest,
                         o->highest);
    *(double *)o->target = value;
    return CLI_OK;
}

static int parse_list(const cli_option *o, const char *text) {
    cli_list *list = o->target;
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items) return cli_fail_memory();
    items[list->count++] = text;
    list->items = items;
    return CLI_OK;
}

int cli_check_input(const char *dashes, const char *name, const char *path) {
    if (strcmp(path, "-") != 0) return CLI_OK;
    return cli_usage("%s%s: - is no file that is read; standard input is /dev/stdin", dashes, name);
}

static int set_option(const cli_option *o, const char *text) {
    char where[64];
    if (!*text) return cli_usage("--%s: its value is empty", o->name);
    snprintf(where, sizeof where, "--%s", o->name);
    switch (o->kind) {
    case CLI_INTEGER:
        return parse_integer(o, text);
    case CLI_NUMBER:
        return parse_real(o, text);
    case CLI_LIST:
        return parse_list(o, text);
    case CLI_INPUT:
        if (cli_check_input("--", o->name, text)) return CLI_USAGE;
        break;
    case CLI_ROWS:
        return cli_rows_add(o->target, where, text);
    case CLI_FLAG:
    case CLI_TEXT:
        break;
    }
    *(const char **)o->target = text;
    return CLI_OK;
}

static const cli_option *find_option(const cli_command *command, const char *name, size_t length) {
    for (const cli_option *o = command->options; o->name; o++)
        if (strlen(o->name) == length && strncmp(o->name, name, length) == 0) return o;
    return NULL;
}

enum { MAX_OPTIONS = 32 };

/* One "--name", "--name=value" or "--name value"; *i moves past what was used. */
static int parse_option(const cli_command *command, int argc, char **argv, int *i,
                        bool seen[MAX_OPTIONS]) {
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const cli_option *o = find_option(command, name, length);
    if (!o && length == 4 && strncmp(name, "wait", length) == 0)
        return cli_usage("--wait is a flag of mmoe-mpi, before the command: mmoe-mpi --wait "
                         "SECONDS %s",
                         command->name);
    if (!o) return cli_usage("unknown flag --%.*s", (int)length, name);
    bool *was_seen = &seen[o - command->options];
    if (*was_seen && o->kind != CLI_LIST && o->kind != CLI_ROWS)
        return cli_usage("--%s is given twice", o->name);
    *was_seen = true;
    if (o->kind == CLI_FLAG) {
        if (equals) return cli_usage("--%s takes no value", o->name);
        *(bool *)o->target = true;
        return CLI_OK;
    }
    if (equals) return set_option(o, equals + 1);
    if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
        return cli_usage("--%s needs a value: --%s %s", o->name, o->name, o->operand);
    return set_option(o, argv[++*i]);
}

/* Standard input is read once. */
static int check_standard_input(const cli_command *command) {
    const cli_option *reader = NULL;
    for (const cli_option *o = command->options; o->name; o++) {
        const bool reads = o->kind == CLI_ROWS && cli_rows_have_input(o->target);
        if (reads && reader)
            return cli_usage("--%s and --%s cannot both be standard input", reader->name, o->name);
        if (reads) reader = o;
    }
    return CLI_OK;
}

static int parse_all(const cli_command *command, int argc, char **argv) {
    bool seen[MAX_OPTIONS] = {false};
    for (int i = 1; i < argc; i++) {
        int status = CLI_OK;
        if (strncmp(argv[i], "--", 2) == 0)
            status = parse_option(command, argc, argv, &i, seen);
        else if (argv[i][0] == '-' && argv[i][1])
            status = cli_usage("unknown flag %s", argv[i]);
        else if (!command->operand || *command->operand_target)
            status = cli_usage("unexpected argument \"%s\"", argv[i]);
        else
            *command->operand_target = argv[i];
        if (status) return status;
    }
    if (command->operand && !*command->operand_target)
        return cli_usage("%s is missing", command->operand);
    for (const cli_option *o = command->options; o->name; o++)
        if (o->required && !seen[o - command->options])
            return cli_usage("--%s %s is missing", o->name, o->operand);
    return check_standard_input(command);
}

bool cli_parse(const cli_command *command, int argc, char **argv, int *status) {
    cli_speak_as(command->name);
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_command_help(command);
            *status = CLI_OK;
            return false;
        }
    mmoe_error err;
    *status = parse_all(command, argc, argv);
    if (!*status && mmoe_kernel_set_check(&err)) *status = cli_usage("%s", err.message);
    return *status == CLI_OK;
}
