/* Files that commands write, whole or not at all, and checks of paths before hours of work. */
#ifndef MMOE_TOOLS_FILES_H
#define MMOE_TOOLS_FILES_H

#include <stdio.h>

#include "base/atomic_file.h"
#include "data_files.h"

/* A file on its way: nothing is at `path` until it is kept. */
typedef struct cli_file {
    const char *path;
    mmoe_atomic_file *atomic; /* NULL: standard output or a device, written in place */
    FILE *stream;
} cli_file;

/* The first SIGINT, SIGTERM, SIGHUP or SIGXCPU calls the handler; one that comes a second later or
 * more ends the program at once. A SIGHUP that is ignored, as under nohup, stays so. */
void cli_stop_on_signals(void (*stop)(int number));
/* Those of which that was said end the program from now on. */
void cli_end_on_signals(void);
/* Whoever reads standard output or error may go, as `head` does: what the command is there for is a
 * file. That standard output cannot be written is said in the end. */
void cli_outlive_readers(void);

/* "-" is standard output, and /dev/stdout, /dev/fd/3 are what is open there. Prints the error. The
 * caller keeps or drops the file. SIGINT, SIGTERM, SIGHUP and SIGXCPU leave nothing of it, unless
 * the command has handlers of its own. */
int cli_file_open(cli_file *file, const char *path);
/* What messages call it. */
const char *cli_file_name(const cli_file *file);
/* Has a write failed? To be asked right after writing: the system's reason is the last call's.
 * Prints the error. */
int cli_file_check(const cli_file *file);
/* Puts the file in its place; prints the error and drops the file on failure. */
int cli_file_keep(cli_file *file);
/* Leaves nothing; does nothing to a file that was never opened (all zero) or was kept. */
void cli_file_drop(cli_file *file);

/* Wrong usage: "-" where a file cannot be standard output. */
int cli_check_name(const char *flag, const char *path);
/* Can a file be written there? Makes and removes one in its folder, which is kept (folders.h). */
int cli_check_output(const char *flag, const char *path);

/* A warning where so many bytes have no room there: who would write them after hours of work.
 * `path` NULL: none. */
void cli_warn_of_room(const char *flag, const char *path, int64_t bytes);

/* Paths of one command line, NULL where a flag was not given. */
typedef struct cli_path {
    const char *flag, *path;
    bool is_output;
    const cli_rows *rows; /* those of the flag, in place of a path; or NULL */
} cli_path;
/* Wrong usage when an output is also another flag's file, or one of its packed rows. */
int cli_check_paths(const cli_path *paths, size_t count);

/* Writes a model by one of the library's calls, whose progress is said. Prints the error. */
typedef mmoe_status (*cli_model_writer)(const mmoe_model *model, const char *path, mmoe_error *err);
int cli_write_model(mmoe_model *model, const char *path, cli_model_writer write);

/* As fopen, of a file that is written in place; one that is an open file of this process already,
 * as /dev/stdout is, is written on. NULL with errno. */
FILE *cli_stream_open(const char *path, const char *mode);

/* Bytes of a file; 0 where there is none. */
int64_t cli_file_size(const char *path);

/* Where the caller closed standard input, output or error, no file that is opened later gets its
 * number, and with it what is meant for it: reading and writing there fail as before. */
void cli_keep_standard_streams(void);
/* Flushes standard output; prints the error. */
int cli_close_stdout(void);

#endif
