/* Gradients of all trained values beside each other: what a sink that keeps them writes to. */
#ifndef MMOE_GRAPH_GRADIENT_ROOM_H
#define MMOE_GRAPH_GRADIENT_ROOM_H

#include "graph/state.h"

/* In the order of the whole (graph/params.h). */
typedef struct mmoe_gradient_room {
    const mmoe_params *params;
    float *values; /* [n_whole] */
} mmoe_gradient_room;

/* An mmoe_gradient_sink that copies; `context` is an mmoe_gradient_room. */
void mmoe_gradient_keep(void *context, const mmoe_gradient *gradient);

enum { MMOE_ROOM_PIECE = 1 << 14 }; /* floats that a worker takes at a time */
static inline int mmoe_room_pieces(const mmoe_params *p) {
    return (int)((p->n_whole + MMOE_ROOM_PIECE - 1) / MMOE_ROOM_PIECE);
}
static inline int64_t mmoe_room_piece(const mmoe_params *p, int64_t first) {
    const int64_t left = p->n_whole - first;
    return left < MMOE_ROOM_PIECE ? left : MMOE_ROOM_PIECE;
}

/* Hands on the gradients at places [place, place + count) of the whole, block by block; a row of a
 * table whole, where its first value is among them. */
void mmoe_gradient_hand_on(const mmoe_gradient_room *room, int64_t place, int64_t count,
                           mmoe_gradient_sink sink, void *context);

#endif
