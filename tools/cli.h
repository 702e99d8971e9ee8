/* What the commands of the program share: exit statuses, messages, the options' table. */
#ifndef MMOE_TOOLS_CLI_H
#define MMOE_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/pool.h"
#include "mmoe/train.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* The program, but for its start and end: runs the command that the arguments name. */
int cli_main(int argc, char **argv);

int cli_init(int argc, char **argv);
int cli_train(int argc, char **argv);
int cli_evaluate(int argc, char **argv);
int cli_pack(int argc, char **argv);
int cli_plan(int argc, char **argv);
int cli_predict(int argc, char **argv);
int cli_inspect(int argc, char **argv);
int cli_report(int argc, char **argv);
int cli_import(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_sweep(int argc, char **argv);
int cli_synth(int argc, char **argv);

/* Messages are this command's from now on. */
void cli_speak_as(const char *command);
/* "mmoe COMMAND: sentence" on standard error. Returns CLI_FAILED. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and ": " and the system's reason, which errno has. */
int cli_fail_system(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same as cli_fail, with the way to the command's help. Returns CLI_USAGE. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A remark that is no error. */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_fail_memory(void);
/* The sentence of the last of them that was a failure, cut at 511 bytes; "": there was none. */
const char *cli_last_failure(void);
/* Wrong usage when a file that is read is given as "-". */
int cli_check_input(const char *dashes, const char *name, const char *path);

typedef enum cli_kind {
    CLI_FLAG,
    CLI_TEXT,
    CLI_INPUT, /* a file that is read; "-" is none */
    CLI_ROWS,  /* files of rows that are read once; "-" is standard input, of one option at most */
    CLI_INTEGER,
    CLI_NUMBER,
    CLI_LIST
} cli_kind;

typedef struct cli_list {
    const char **items; /* [count]; the texts are argv's */
    size_t count;
} cli_list;

typedef struct cli_option {
    const char *name;    /* without "--"; NULL ends the table */
    const char *operand; /* "FILE" */
    cli_kind kind;
    void *target; /* bool, const char *, int64_t, double, cli_list or cli_rows */
    bool required;
    double lowest, highest; /* of a number */
    const char *help;
} cli_option;

/* Of commands that read rows: a row of their options, into an int64_t. */
#define CLI_SKIP_BAD(target)                                                                       \
    {                                                                                              \
        "skip-bad", "N", CLI_INTEGER, target, false, 1, 1e9,                                       \
            "leave out up to N rows with errors, and warn how many; default: none"                 \
    }

/* Of commands that use several threads: a row of their options, into an int64_t. */
enum { CLI_MAX_THREADS = MMOE_MOST_WORKERS };
#define CLI_THREADS(target)                                                                        \
    {                                                                                              \
        "threads", "N", CLI_INTEGER, target, false, 1, CLI_MAX_THREADS,                            \
            "workers; default: the processors"                                                     \
    }

typedef struct cli_command {
    const char *name;
    const char *synopsis; /* what follows "mmoe NAME" */
    const char *description;
    const cli_option *options;
    const char *operand; /* name of the one operand, or NULL */
    const char **operand_target;
    void (*more_help)(void); /* printed after the options; may be NULL */
} cli_command;

/* Fills the options' targets. CLI_OK: run the command. Otherwise leave with *status: help was
 * printed, or the usage was wrong. */
bool cli_parse(const cli_command *command, int argc, char **argv, int *status);
void cli_list_free(cli_list *list);

/* Processors that this process may use, 1 to CLI_MAX_THREADS. */
int cli_processors(void);

#endif
