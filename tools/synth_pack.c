#include "synth_pack.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"

/* What the thread that draws has. */
typedef struct drawing {
    synth_rows rows;
    cli_file out; /* the pipe, under the folder's name */
    synth_draw_fn *draw;
    void *context;
    int status;
} drawing;

static void *draw_rows(void *user) {
    drawing *d = user;
    d->status = d->draw(d->context, &d->rows);
    fclose(d->out.stream);
    return NULL;
}

/* Of the library's work: that it reads is what drawing says already. */
static void tell_the_rest(void *user, const mmoe_work *work) {
    (void)user;
    if (strcmp(work->what, "reading") != 0) cli_progress(work);
}

/* What messages call them: nobody gave the program anything by its standard input. */
static int name_rows(cli_rows *rows, const char *name) {
    free(rows->name);
    rows->name = strdup(name);
    return rows->name ? CLI_OK : cli_fail_memory();
}

static int pack_input(const pack_flags *flags) {
    static const mmoe_watcher watcher = {.on_work = tell_the_rest};
    pack_flags f = *flags;
    int64_t packed;
    f.watcher = &watcher;
    int status = cli_rows_add(&f.data, "the rows", "-");
    if (!status) status = name_rows(&f.data, f.output);
    if (!status) status = cli_pack_rows(&f, &packed);
    cli_rows_free(&f.data);
    return status;
}

/* A pipe that standard input reads from now on; its other end. NULL: the error is printed. */
static FILE *open_pipe(void) {
    int ends[2];
    FILE *stream = NULL;
    if (pipe2(ends, O_CLOEXEC) == 0) {
        if (dup2(ends[0], STDIN_FILENO) >= 0) stream = fdopen(ends[1], "w");
        close(ends[0]);
        if (!stream) close(ends[1]);
    }
    if (!stream) cli_fail_system("cannot make a pipe");
    return stream;
}

/* Whoever draws may wait for rows to be taken. */
static void take_rest(void) {
    char bytes[1 << 16];
    while (read(STDIN_FILENO, bytes, sizeof bytes) > 0) continue;
}

int synth_pack(const pack_flags *flags, const synth_rows *rows, synth_draw_fn *draw,
               void *context) {
    atomic_bool stopped = false;
    drawing d = {.rows = *rows, .out = {.path = flags->output}, .draw = draw, .context = context};
    pthread_t thread;
    d.rows.out = &d.out;
    d.rows.stopped = &stopped;
    d.out.stream = open_pipe();
    if (!d.out.stream) return CLI_FAILED;
    if (pthread_create(&thread, NULL, draw_rows, &d)) {
        fclose(d.out.stream);
        return cli_fail("the system gives no thread");
    }
    const int status = pack_input(flags);
    stopped = true;
    take_rest();
    pthread_join(thread, NULL);
    return status ? status : d.status;
}
