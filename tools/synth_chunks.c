#include "synth_chunks.h"

#include <errno.h>
#include <stdlib.h>

#include "base/pool.h"
#include "progress.h"

/* Rows of a chunk, unless these take more bytes, and chunks that a worker has in each round. */
enum { MOST_ROWS = 1024, CHUNK_BYTES = 1 << 20, CHUNKS_EACH = 4 };

typedef struct piece {
    synth_chunk chunk;
    char *text, *truth; /* where they begin */
} piece;

/* The chunks of a round. */
typedef struct chunk_round {
    piece *pieces; /* [crew.most] */
    int count;
} chunk_round;

/* While the chunks of a round are drawn, those of the one before are written. */
typedef struct crew {
    const synth_drawing *of;
    mmoe_pool *pool;
    chunk_round rounds[2];
    int most;
    int64_t next; /* row */
    chunk_round *drawn, *written;
    int error; /* of the system, when a write failed; -1: of an earlier write */
} crew;

static bool write_text(crew *c, const cli_file *file, const char *from, const char *end) {
    errno = 0;
    fwrite(from, 1, (size_t)(end - from), file->stream);
    if (!ferror(file->stream)) return true;
    c->error = errno ? errno : -1;
    return false;
}

static void write_round(crew *c) {
    for (int i = 0; i < c->written->count && !c->error; i++) {
        const piece *p = &c->written->pieces[i];
        if (!write_text(c, c->of->rows->out, p->text, p->chunk.text)) return;
        if (c->of->truth && !write_text(c, c->of->truth, p->truth, p->chunk.truth)) return;
        if (c->of->take) c->of->take(c->of->context, &p->chunk);
    }
}

/* Task 0 writes; whoever has it, the others draw. */
static void do_task(void *context, int worker, int task) {
    crew *c = context;
    (void)worker;
    if (task == 0)
        write_round(c);
    else
        c->of->draw(c->of->context, &c->drawn->pieces[task - 1].chunk);
}

static int rows_of_chunk(const synth_drawing *d) {
    const size_t size = d->row_size + d->truth_size + d->note_size, rows = CHUNK_BYTES / size;
    if (rows < 1) return 1;
    return rows < MOST_ROWS ? (int)rows : MOST_ROWS;
}

/* Which rows the next round has. */
static void plan_round(crew *c, chunk_round *r) {
    const synth_rows *rows = c->of->rows;
    const int64_t end = rows->first + rows->count;
    const int most = rows_of_chunk(c->of);
    for (r->count = 0; r->count < c->most && c->next < end; r->count++) {
        piece *p = &r->pieces[r->count];
        p->chunk.first = c->next;
        p->chunk.rows = end - c->next < most ? (int)(end - c->next) : most;
        p->chunk.text = p->text;
        p->chunk.truth = p->truth;
        c->next += p->chunk.rows;
    }
}

static void tell(const crew *c) {
    const synth_rows *rows = c->of->rows;
    const mmoe_work work = {.what = "writing",
                            .file = cli_file_name(rows->out),
                            .done = c->next - rows->first,
                            .total = rows->count,
                            .unit = "rows"};
    cli_progress(&work);
}

static int write_rounds(crew *c) {
    const atomic_bool *stopped = c->of->rows->stopped;
    int turn = 0;
    do {
        c->drawn = &c->rounds[turn];
        c->written = &c->rounds[!turn];
        tell(c);
        plan_round(c, c->drawn);
        mmoe_pool_run(c->pool, c->drawn->count + 1, do_task, c);
        turn = !turn;
    } while (c->drawn->count && !c->error && !(stopped && *stopped));
    cli_progress_clear();
    errno = c->error > 0 ? c->error : 0;
    const int status = cli_file_check(c->of->rows->out);
    return !status && c->of->truth ? cli_file_check(c->of->truth) : status;
}

static bool take_memory(crew *c) {
    const size_t rows = (size_t)rows_of_chunk(c->of);
    for (int r = 0; r < 2; r++) {
        piece *pieces = c->rounds[r].pieces = calloc((size_t)c->most, sizeof *pieces);
        for (int i = 0; pieces && i < c->most; i++) {
            pieces[i].text = malloc(rows * c->of->row_size);
            pieces[i].truth = malloc(rows * c->of->truth_size + 1);
            pieces[i].chunk.notes = malloc(rows * c->of->note_size + 1);
            if (!pieces[i].text || !pieces[i].truth || !pieces[i].chunk.notes) return false;
        }
        if (!pieces) return false;
    }
    return true;
}

static void release(const crew *c) {
    for (int r = 0; r < 2; r++) {
        piece *pieces = c->rounds[r].pieces;
        for (int i = 0; pieces && i < c->most; i++) {
            free(pieces[i].text);
            free(pieces[i].truth);
            free(pieces[i].chunk.notes);
        }
        free(pieces);
    }
}

int synth_draw(const synth_drawing *drawing) {
    crew c = {.of = drawing, .next = drawing->rows->first};
    mmoe_error err;
    if (mmoe_pool_create(drawing->rows->threads, NULL, &c.pool, &err))
        return cli_fail("%s", err.message);
    c.most = CHUNKS_EACH * drawing->rows->threads;
    const int status = take_memory(&c) ? write_rounds(&c) : cli_fail_memory();
    release(&c);
    mmoe_pool_free(c.pool);
    return status;
}
