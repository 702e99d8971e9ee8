/* The world of a synthetic click log: what a row is, by its number alone. */
#ifndef MMOE_TOOLS_SYNTH_WORLD_H
#define MMOE_TOOLS_SYNTH_WORLD_H

#include "synth_lists.h"

enum { SYNTH_IDS = 23, SYNTH_NUMBERS = 8 };

typedef struct synth_click_row {
    int id[SYNTH_IDS];
    int number[SYNTH_NUMBERS]; /* ten-thousandths, 0 to 10000 */
    synth_lists lists;         /* where the world has some */
    double click, purchase;    /* their probabilities */
    bool is_click, is_purchase;
} synth_click_row;

typedef struct synth_world synth_world;

/* Values a column and users: few, or `as_ali_ccp` has them. NULL: memory is out. */
synth_world *synth_world_new(uint64_t seed, bool with_lists, bool as_ali_ccp);
void synth_world_free(synth_world *world);
/* From any thread. */
void synth_world_draw(const synth_world *world, uint64_t row, synth_click_row *out);

const char *synth_id_name(int column);
const char *synth_number_name(int column);

#endif
