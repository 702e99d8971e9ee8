/* Rows that go into a packed folder as they are drawn. */
#ifndef MMOE_TOOLS_SYNTH_PACK_H
#define MMOE_TOOLS_SYNTH_PACK_H

#include "packing.h"
#include "synth.h"

/* Writes rows to rows->out; prints the error. */
typedef int synth_draw_fn(void *context, const synth_rows *rows);

/* Packs the rows that `draw` writes, in a thread of its own: the folder is that of `mmoe pack` with
 * these flags and the same rows through a pipe. Prints the error. */
int synth_pack(const pack_flags *flags, const synth_rows *rows, synth_draw_fn *draw, void *context);

#endif
