/* mmoe: trains, evaluates and applies Multi-gate Mixture-of-Experts models. Each command stands in
 * its own file. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "ranks.h"

/* Threads belong to the commands, which cut rows among workers; of OpenBLAS alone no public header
 * of ours speaks. */
void openblas_set_num_threads(int threads);

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
    bool by_ranks; /* several ranks may run it */
} command;

static const command commands[] = {
    {"init", cli_init, "write a configuration inferred from a CSV file"},
    {"train", cli_train, "train a model from CSV files", true},
    {"pack", cli_pack, "encode rows once, into a folder that the other commands take"},
    {"plan", cli_plan, "what training will take: memory, files, time"},
    {"sweep", cli_sweep, "train under many settings and seeds, and compare", true},
    {"evaluate", cli_evaluate, "a model's metrics on a CSV file", true},
    {"predict", cli_predict, "score the rows of a CSV file"},
    {"inspect", cli_inspect, "a model's columns, tensors and parameters"},
    {"report", cli_report, "a page of a run: curves, metrics, gates, experts"},
    {"import", cli_import, "make a model of a configuration and torch-rechub's weights"},
    {"export", cli_export, "write a model for PyTorch or ONNX"},
    {"synth", cli_synth, "write a synthetic data set"},
};
enum { N_COMMAND = sizeof commands / sizeof *commands };

static void print_program_help(FILE *out) {
    fputs("Usage: mmoe COMMAND [FLAGS]\n\n"
          "Trains and serves Multi-gate Mixture-of-Experts ranking models on CPUs.\n\nCommands:\n",
          out);
    for (int i = 0; i < N_COMMAND; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n  mmoe COMMAND --help   flags of a command\n  mmoe --version\n\n"
          "Results go to standard output (--json for programs), messages and progress to standard "
          "error.\n"
          "Exit status: 0 done, 1 failure, 2 wrong usage.\n",
          out);
}

static int run(const command *c, int argc, char **argv) {
    const int ranks = cli_ranks()->size;
    cli_speak_as(c->name);
    if (ranks > 1 && !c->by_ranks) return cli_fail("runs in one process, not by %d ranks", ranks);
    return c->run(argc, argv);
}

static int dispatch(int argc, char **argv) {
    if (argc < 2) {
        print_program_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_program_help(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("mmoe %s\n", mmoe_version());
        return CLI_OK;
    }
    for (int i = 0; i < N_COMMAND; i++)
        if (strcmp(argv[1], commands[i].name) == 0) return run(&commands[i], argc - 1, argv + 1);
    if (*argv[1] == '-')
        return cli_usage("%s: the command comes first: mmoe COMMAND [FLAGS]", argv[1]);
    return cli_usage("unknown command \"%s\"", argv[1]);
}

int cli_main(int argc, char **argv) {
    signal(
        SIGXFSZ,
        SIG_IGN); /* a file that reaches the size limit is an error that we report, not a death */
    openblas_set_num_threads(1);
    return dispatch(argc, argv);
}
