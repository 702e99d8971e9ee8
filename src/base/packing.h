/* Ways in which a file's bytes are packed. A packed file is archives, one behind the other; what
 * stands in them, together, is the text. */
#ifndef MMOE_BASE_PACKING_H
#define MMOE_BASE_PACKING_H

#include <stdbool.h>

#include "base/alloc.h"

/* One call of `step`: its input and room, both moved on by what was taken and given. */
typedef struct mmoe_packing_step {
    const char *from;
    uint32_t n_from;
    char *to;
    uint32_t n_to;   /* bytes that have room */
    bool has_ended;  /* the archive; what follows is another's */
    const char *why; /* it is damaged, in the library's words */
    bool is_sound;   /* it is not, but cannot be unpacked: `why` */
} mmoe_packing_step;

typedef struct mmoe_packing {
    const char *word; /* "gzip" */
    /* Does an archive begin so? Of the file's first MMOE_PACKING_FIRST bytes, or of all. */
    bool (*is)(const char *bytes, size_t n);
    /* NULL: memory is out. `alloc` outlives what is made. */
    void *(*create)(const mmoe_allocator *alloc);
    bool (*begin)(void *state); /* an archive, before its first step; false: memory is out */
    /* Takes all input, or fills all room, unless the archive ends. MMOE_E_FORMAT: it is damaged,
     * or `is_sound`; _MEMORY. */
    mmoe_status (*step)(void *state, mmoe_packing_step *step);
    void (*free)(void *state);
} mmoe_packing;

enum { MMOE_PACKING_FIRST = 10 };

/* A kind is a file, packing_NAME.c, and a row here, which packing.c and the build follow. */
#define MMOE_PACKINGS(ROW)                                                                         \
    ROW(gzip)                                                                                      \
    ROW(bzip2)                                                                                     \
    ROW(zstd)
#define MMOE_PACKING_DECLARATION(name) extern const mmoe_packing mmoe_packing_##name;
MMOE_PACKINGS(MMOE_PACKING_DECLARATION)

/* The kind of a file that begins so; NULL: none, or this build has no libraries to unpack by. */
const mmoe_packing *mmoe_packing_of(const char *bytes, size_t n);

#endif
