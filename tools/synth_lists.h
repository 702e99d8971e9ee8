/* The lists of a synthetic click log, and what they say of its labels. */
#ifndef MMOE_TOOLS_SYNTH_LISTS_H
#define MMOE_TOOLS_SYNTH_LISTS_H

#include <stdint.h>

#include "random_choice.h"

enum { SYNTH_MAX_HISTORY = 50, SYNTH_MAX_TAGS = 5 };

/* Of a row; either list may be empty. */
typedef struct synth_lists {
    int n_history, n_tag;
    int history[SYNTH_MAX_HISTORY]; /* items that the user met, the last one last */
    int tag[SYNTH_MAX_TAGS];
    int weight[SYNTH_MAX_TAGS]; /* hundredths, 1 to 100 */
    double affinity;            /* of the row's item to the history */
    double tag_click, tag_purchase;
} synth_lists;

/* What rows draw their lists from. */
typedef struct synth_list_world synth_list_world;

/* `items` belongs to the caller and must outlive the world. NULL: memory is out. */
synth_list_world *synth_list_world_new(uint64_t seed, int users, const random_choice *items);
void synth_list_world_free(synth_list_world *world);

void synth_lists_draw(const synth_list_world *world, uint64_t row, int user, int item,
                      synth_lists *out);

/* A row's two cells, "history,tags", of at most so many bytes; returns their end. */
enum { SYNTH_LISTS_SIZE = 12 * SYNTH_MAX_HISTORY + 20 * SYNTH_MAX_TAGS };
char *synth_lists_write(char *to, const synth_lists *lists);

#endif
