/* The program mmoe-mpi: mmoe's commands on the ranks that an MPI has started. Rank 0 prints; others
 * say what is theirs alone, by rank 0. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli.h"
#include "files.h"
#include "mmoe/mpi.h"
#include "ranks.h"

static const double usual_seconds = 600;

/* Where a rank speaks though its standard error is silent: when rank 0 does not answer. */
static FILE *last_words;

static void say(void *context, int rank, const char *message) {
    (void)context;
    fprintf(last_words ? last_words : stderr, "mmoe-mpi: rank %d: %s\n", rank, message);
    fflush(last_words ? last_words : stderr);
}

static void say_start(void *context, const char *message) {
    (void)context;
    cli_fail("%s", message);
}

/* False: the system has no descriptor left. */
static bool be_silent(void) {
    const int copy = dup(STDERR_FILENO);
    last_words = copy < 0 ? NULL : fdopen(copy, "w");
    return last_words && freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr);
}

static void print_head(void) {
    printf(
        "mmoe-mpi [--wait SECONDS] COMMAND ...: commands of mmoe on the ranks that mpirun or srun\n"
        "has started, 1 to 64, a power of two. A rank that others wait for longer than SECONDS\n"
        "ends the job; default: %g. 0: they wait without end.\n\n",
        usual_seconds);
}

static bool is_help(int argc, char **argv) {
    return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                        strcmp(argv[1], "help") == 0);
}

/* Takes --wait SECONDS, or --wait=SECONDS, away from the arguments. False: its number is none. */
static bool take_wait(int *argc, char ***argv, double *seconds) {
    static const char flag[] = "--wait";
    const size_t length = sizeof flag - 1;
    if (*argc < 2 || strncmp((*argv)[1], flag, length) != 0) return true;
    const char *behind = (*argv)[1] + length;
    if (*behind && *behind != '=') return true;
    const int used = *behind ? 1 : 2;
    if (*argc <= used) return false;
    const char *text = *behind ? behind + 1 : (*argv)[2];
    double value;
    if (!mmoe_parse_double(text, strlen(text), &value)) return false;
    if (!(value >= 0 && value <= 1e9)) return false;
    *seconds = value;
    (*argv)[used] = (*argv)[0];
    *argc -= used;
    *argv += used;
    return true;
}

static int run(int argc, char **argv, bool is_wait_right) {
    const mmoe_comm *ranks = cli_ranks();
    if (ranks->rank > 0 && !be_silent()) return cli_fail("the system gives no more open files");
    if (!is_wait_right) return cli_usage("--wait takes a number of seconds, 0 to 1e9");
    if (is_help(argc, argv)) print_head();
    if (ranks->size == 1 && argc > 1 && *argv[1] != '-')
        cli_note("one rank, as mmoe: mpirun or srun starts more");
    const int status = cli_main(argc, argv);
    return status || ranks->rank > 0 ? status : cli_close_stdout();
}

int main(int argc, char **argv) {
    cli_keep_standard_streams();
    mmoe_mpi_options options = {.seconds = usual_seconds, .say = say_start};
    const bool is_wait_right = take_wait(&argc, &argv, &options.seconds);
    struct mmoe_comm *ranks;
    if (mmoe_mpi_start(&options, &ranks, NULL)) return CLI_FAILED;
    cli_set_ranks(ranks);
    const int status = run(argc, argv, is_wait_right);
    fflush(NULL);
    return mmoe_mpi_end(
        ranks, &(mmoe_mpi_ending){.status = status, .message = cli_last_failure(), .say = say});
}
