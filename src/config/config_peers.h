/* Words of other systems for keys of ours. */
#ifndef MMOE_CONFIG_CONFIG_PEERS_H
#define MMOE_CONFIG_CONFIG_PEERS_H

#include <stddef.h>

typedef struct mmoe_peer_word {
    const char *theirs;
    const char *ours; /* the path of a key */
} mmoe_peer_word;

const mmoe_peer_word *mmoe_peer_word_at(size_t index); /* NULL past the last */
/* The path of ours for a word of theirs that stands in the object `pattern`, "features.sparse[]":
 * one of that list, else one of its part of a configuration; NULL: there is none. */
const char *mmoe_peer_word_ours(const char *pattern, const char *theirs);

#endif
