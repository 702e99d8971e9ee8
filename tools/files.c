#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "folders.h"
#include "progress.h"
#include "warnings.h"

/* ---- A signal leaves nothing ---- */

/* Temporary files of this process that have names, for the handler of signals. */
enum { MAX_NAMED = 4 };
static struct named_file {
    const mmoe_atomic_file *file;
    char name[PATH_MAX + 64];
    volatile sig_atomic_t is_there;
} named[MAX_NAMED];

static void unlink_and_die(int number) {
    for (int i = 0; i < MAX_NAMED; i++)
        if (named[i].is_there) unlink(named[i].name);
    cli_progress_erase();
    signal(number, SIG_DFL);
    raise(number);
}

/* Those that ask a program to end. The last is a limit of processor time. */
static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
enum { N_ENDING = sizeof ending / sizeof *ending };

/* Of signals whose handler is this one. */
static void replace_handler(void (*was)(int number), void (*is)(int number)) {
    for (int i = 0; i < N_ENDING; i++) {
        struct sigaction action;
        if (sigaction(ending[i], NULL, &action) || action.sa_handler != was) continue;
        action.sa_handler = is;
        sigaction(ending[i], &action, NULL);
    }
}

/* timeout(1) and its kin send each signal to a program and then to its group: what comes within a
 * second of the first is the same wish. A limit of processor time says the same each second. */
enum { SAME_WISH_MS = 1000 };
static void (*stop_command)(int number);
static int64_t first_signal_ms; /* 0: none yet */

static void stop_or_die(int number) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    int64_t first = 0;
    if (__atomic_compare_exchange_n(&first_signal_ms, &first, ms, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED))
        stop_command(number);
    else if (ms - first >= SAME_WISH_MS && number != SIGXCPU)
        unlink_and_die(number);
}

void cli_stop_on_signals(void (*stop)(int number)) {
    stop_command = stop;
    for (int i = 0; i < N_ENDING; i++) {
        struct sigaction action;
        if (ending[i] == SIGHUP && !sigaction(SIGHUP, NULL, &action) &&
            action.sa_handler == SIG_IGN)
            continue;
        action = (struct sigaction){.sa_handler = stop_or_die};
        sigaction(ending[i], &action, NULL);
    }
}

void cli_end_on_signals(void) { replace_handler(stop_or_die, unlink_and_die); }

void cli_outlive_readers(void) { signal(SIGPIPE, SIG_IGN); }

static void remember(const mmoe_atomic_file *file) {
    const char *name = mmoe_atomic_file_temporary(file);
    for (int i = 0; name && i < MAX_NAMED; i++) {
        if (named[i].is_there) continue;
        snprintf(named[i].name, sizeof named[i].name, "%s", name);
        named[i].file = file;
        named[i].is_there = 1;
        replace_handler(SIG_DFL, unlink_and_die);
        return;
    }
}

static void forget(const mmoe_atomic_file *file) {
    for (int i = 0; i < MAX_NAMED; i++)
        if (named[i].file == file) named[i].is_there = 0;
}

/* ---- Files ---- */

/* A device or pipe takes what is written to it; to rename a file over it would replace it. */
static bool is_special(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

const char *cli_file_name(const cli_file *file) {
    return file->stream == stdout ? "standard output" : file->path;
}

static int fail_to_write(const cli_file *file) {
    return cli_fail_system("cannot write %s", cli_file_name(file));
}

/* A descriptor to write to, the stream's own; -1 and errno on failure. Where it is one of this
 * process that is named, what is written goes behind what stands there. */
static int open_descriptor(cli_file *file) {
    const int own = mmoe_atomic_file_own(file->path);
    if (own >= 0) return fcntl(own, F_DUPFD_CLOEXEC, 0);
    if (is_special(file->path)) return open(file->path, O_WRONLY | O_CLOEXEC);
    if (mmoe_atomic_file_open(file->path, NULL, &file->atomic, NULL)) return -1;
    remember(file->atomic);
    return fcntl(mmoe_atomic_file_descriptor(file->atomic), F_DUPFD_CLOEXEC, 0);
}

int cli_file_open(cli_file *file, const char *path) {
    *file = (cli_file){.path = path};
    if (strcmp(path, "-") == 0) {
        file->stream = stdout;
        if (isatty(STDOUT_FILENO)) cli_progress_stop();
        return CLI_OK;
    }
    int fd = open_descriptor(file);
    if (fd >= 0) file->stream = fdopen(fd, "w");
    if (file->stream) return CLI_OK;
    int status = fail_to_write(file);
    if (fd >= 0) close(fd);
    cli_file_drop(file);
    return status;
}

/* Errno on failure. */
static bool end_atomic(cli_file *file, mmoe_status status) {
    mmoe_atomic_file *atomic = file->atomic;
    file->atomic = NULL;
    if (!atomic) return true;
    status = mmoe_atomic_file_close(atomic, status, NULL);
    forget(atomic);
    return status == MMOE_OK;
}

void cli_file_drop(cli_file *file) {
    if (file->stream && file->stream != stdout) fclose(file->stream);
    end_atomic(file, MMOE_E_CANCELLED);
    *file = (cli_file){0};
}

int cli_file_check(const cli_file *file) {
    return ferror(file->stream) ? fail_to_write(file) : CLI_OK;
}

static bool finish_file(cli_file *file) {
    if (fflush(file->stream) != 0 || ferror(file->stream)) return false;
    if (file->stream == stdout) return true;
    FILE *stream = file->stream;
    file->stream = NULL;
    return fclose(stream) == 0 && end_atomic(file, MMOE_OK);
}

int cli_file_keep(cli_file *file) {
    errno = 0;
    int status = finish_file(file) ? CLI_OK : fail_to_write(file);
    if (status)
        cli_file_drop(file);
    else
        *file = (cli_file){0};
    return status;
}

/* ---- Paths ---- */

int cli_check_name(const char *flag, const char *path) {
    if (!path || strcmp(path, "-") != 0) return CLI_OK;
    return cli_usage("--%s: this file is not written to standard output; ./- is a file's name",
                     flag);
}

int cli_check_output(const char *flag, const char *path) {
    if (!path) return CLI_OK;
    const int status = cli_check_name(flag, path);
    if (status) return status;
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return cli_fail("--%s: %s is %s", flag, path,
                        S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
    if (mmoe_atomic_file_own(path) >= 0)
        return cli_fail("--%s: %s is an open file, which is not replaced", flag, path);
    mmoe_atomic_file *file;
    if (mmoe_atomic_file_open(path, NULL, &file, NULL))
        return cli_fail_system("--%s: cannot write %s", flag, path);
    mmoe_atomic_file_close(file, MMOE_E_CANCELLED, NULL);
    cli_folders_keep(flag, path);
    return CLI_OK;
}

/* Is it a file of packed rows, or would it be one: of their folder or of a part in it? */
static bool is_packed_file(const char *output, const char *folder) {
    const char *slash = strrchr(output, '/'), *name = slash ? slash + 1 : output;
    char path[PATH_MAX + 4], in[PATH_MAX], of[PATH_MAX];
    snprintf(path, sizeof path, "%.*s.", (int)(name - output), output);
    if (!cli_is_folder(folder) || !realpath(folder, of) || !realpath(path, in)) return false;
    const size_t length = strlen(of);
    if (strncmp(in, of, length) != 0) return false;
    if (!in[length]) return strcmp(name, "manifest.json") == 0 || strncmp(name, "schema", 6) == 0;
    return strncmp(in + length, "/part-", 6) == 0;
}

/* Standard input, -, is another than standard output, which may be a file that has a name. */
static bool is_same_file(const char *output, const char *other, bool is_output) {
    if (strcmp(output, other) == 0) return strcmp(output, "-") != 0 || is_output;
    struct stat x, y;
    const int found = strcmp(output, "-") ? stat(output, &x) : fstat(STDOUT_FILENO, &x);
    return found == 0 && stat(other, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

/* An output is no file of another flag's, nor of the packed rows in a folder that is one. */
static int check_pair(const cli_path *output, const cli_path *other, const char *flags[2]) {
    const size_t count = other->rows ? other->rows->count : other->path != NULL;
    for (size_t i = 0; i < count; i++) {
        const char *path = other->rows ? other->rows->paths[i] : other->path;
        if (is_same_file(output->path, path, other->is_output))
            return cli_usage("%s and %s are the same file, %s", flags[0], flags[1], path);
        if (!other->is_output && strcmp(output->path, "-") != 0 &&
            is_packed_file(output->path, path))
            return cli_usage("%s: %s is a file of %s, the packed rows of %s", output->flag,
                             output->path, path, other->flag);
    }
    return CLI_OK;
}

int cli_check_paths(const cli_path *paths, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++) {
            const bool is_later = paths[i].is_output && paths[i].path;
            const cli_path *output = is_later ? &paths[i] : &paths[j],
                           *other = is_later ? &paths[j] : &paths[i];
            const char *flags[] = {paths[j].flag, paths[i].flag};
            if (!output->is_output || !output->path) continue;
            if (check_pair(output, other, flags)) return CLI_USAGE;
        }
    return CLI_OK;
}

void cli_warn_of_room(const char *flag, const char *path, int64_t bytes) {
    char target[PATH_MAX], folder[PATH_MAX + 1];
    struct statvfs about;
    if (!path || !mmoe_atomic_file_target(path, target)) return;
    const char *slash = strrchr(target, '/');
    snprintf(folder, sizeof folder, "%.*s.", slash ? (int)(slash + 1 - target) : 0, target);
    if (statvfs(folder, &about) || !about.f_blocks) return; /* some say nothing */
    const double room = (double)about.f_bavail * (double)about.f_frsize;
    if (room < (double)bytes)
        cli_warn("--%s: %s takes %.1f MB, and its file system has room for %.1f MB now", flag, path,
                 (double)bytes / 1e6, room / 1e6);
}

int cli_write_model(mmoe_model *model, const char *path, cli_model_writer write) {
    mmoe_error err;
    cli_folders_mend();
    mmoe_model_watch(model, &cli_watcher);
    const mmoe_status status = write(model, path, &err);
    mmoe_model_watch(model, NULL);
    cli_progress_clear();
    return status ? cli_fail("%s", err.message) : CLI_OK;
}

FILE *cli_stream_open(const char *path, const char *mode) {
    const int own = mmoe_atomic_file_own(path), fd = own < 0 ? -1 : fcntl(own, F_DUPFD_CLOEXEC, 0);
    if (own < 0) return fopen(path, mode);
    return fd < 0 ? NULL : fdopen(fd, "w");
}

int64_t cli_file_size(const char *path) {
    struct stat about;
    return stat(path, &about) ? 0 : (int64_t)about.st_size;
}

void cli_keep_standard_streams(void) {
    /* Open takes the lowest number that is free: each of the three that is missing, in turn. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
}

int cli_close_stdout(void) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return CLI_OK;
    /* Why an earlier write failed another one tells: what was written is no whole any more. */
    if (!errno && write(STDOUT_FILENO, "\n", 1) == 1) errno = 0;
    return cli_fail_system("cannot write standard output");
}
