/* Rows that are drawn, as text, by several threads, and go out in their order. */
#ifndef MMOE_TOOLS_SYNTH_CHUNKS_H
#define MMOE_TOOLS_SYNTH_CHUNKS_H

#include "synth.h"

typedef struct synth_chunk {
    int64_t first; /* number of its first row in the world */
    int rows;
    char *text;  /* where the next byte of the rows goes */
    char *truth; /* and of the second file */
    void *notes; /* [rows * note_size] for `take` */
} synth_chunk;

typedef struct synth_drawing {
    const synth_rows *rows;
    const cli_file *truth;                  /* a second file; NULL: there is none */
    size_t row_size, truth_size, note_size; /* bytes of a row, at most */
    void *context;
    void (*draw)(void *context, synth_chunk *chunk); /* in any thread */
    /* In one thread at a time, in the order of the rows; NULL: nothing is to be done. */
    void (*take)(void *context, const synth_chunk *chunk);
} synth_drawing;

/* Writes all rows; prints the error. Memory does not grow with their number. */
int synth_draw(const synth_drawing *drawing);

#endif
