/* What packing is put together from: packed_write.c takes rows and makes the folder, packed_block.c
 * writes a block that is full. */
#ifndef MMOE_FILE_PACKED_PARTS_H
#define MMOE_FILE_PACKED_PARTS_H

#include <jansson.h>

#include "file/packed_schema.h"

/* Rows of the block that is being filled, in their order. */
typedef struct mmoe_pending {
    int32_t rows;
    int32_t *ids;
    float *inputs, *labels, *weights;
    int64_t *offsets; /* [rows * lists + 1] */
    int32_t *elements;
    float *element_weights;
    size_t room;    /* of elements */
    int32_t **kept; /* [n_kept] [MMOE_BLOCK_ROWS] */
} mmoe_pending;

/* What a worker turns a column's values into. */
typedef struct mmoe_desk {
    char *bytes;
    int64_t lanes[MMOE_LANES + 1]; /* where each lane's elements of a list begin, and the end */
} mmoe_desk;

struct mmoe_packer {
    mmoe_allocator alloc;
    mmoe_packing what;
    struct mmoe_schema *own;  /* that of a folder that was there; NULL: what.schema is not ours */
    struct mmoe_dataset *set; /* of all that is written */
    json_t *origins;
    mmoe_pending pending;
    struct mmoe_keeping *keeping; /* [n_kept] packed_keeping.c's */
    mmoe_desk *desks;             /* [workers] */
    int workers;
    size_t desk_size;
    int64_t *written; /* [columns] values in the file of the part that grows */
    int32_t *chosen;  /* [n_chosen] columns of a block that are written */
    int32_t n_chosen;
    size_t blocks_room;                      /* of the part's checksums */
    size_t elements_room;                    /* of all blocks' numbers of elements */
    mmoe_error *faults;                      /* [columns] of the block that is written */
    mmoe_status *statuses;                   /* [columns] */
    char schema_name[MMOE_SCHEMA_NAME_SIZE]; /* of its file */
    bool made_folder, has_part, has_schema;  /* by this packer */
    int lock;                                /* of the folder; -1: none */
    bool appends, grows;
    bool is_named; /* the manifest may be the one that names what this packer has written */
    /* Of what.waits. */
    bool numbers_wait;
    int64_t before;       /* rows that were there */
    int32_t *most_before; /* [n_sparse] the largest ids of rows that were there */
};

/* The part that grows. */
static inline mmoe_stored_part *mmoe_packer_part(const mmoe_packer *p) {
    return &p->set->stored->parts[p->set->stored->n_part - 1];
}

/* Writes the rows that are pending, a whole block or the last; none are pending then. MMOE_E_IO,
 * _MEMORY. */
mmoe_status mmoe_packer_write_block(mmoe_packer *p, mmoe_error *err);
/* Those of such a block that are chosen, behind what is written; MMOE_E_IO. */
mmoe_status mmoe_packer_write_chosen(mmoe_packer *p, mmoe_error *err);
/* Counts what is written with the rows that are pending. */
void mmoe_packer_count_written(mmoe_packer *p);
/* Room for so many bytes of a column, and for so many pending elements. MMOE_E_MEMORY. */
mmoe_status mmoe_packer_make_desks(mmoe_packer *p, size_t size, mmoe_error *err);
mmoe_status mmoe_packer_make_elements(mmoe_packer *p, size_t count, mmoe_error *err);

/* packed_keeping.c, of columns that are kept beside the rows: memory of a packer whose part begins
 * (MMOE_E_ARGUMENT: a name is not UTF-8; _MEMORY); rows that are to be added, until the end
 * (MMOE_E_ARGUMENT: they lack a column; _MEMORY); values of some of them, to pend; and at the end
 * of the part the file of what its rows brought (MMOE_E_IO, _MEMORY). */
mmoe_status mmoe_packer_open_keeping(mmoe_packer *p, mmoe_error *err);
void mmoe_packer_close_keeping(mmoe_packer *p);
mmoe_status mmoe_packer_begin_keeping(mmoe_packer *p, const struct mmoe_dataset *rows,
                                      mmoe_error *err);
void mmoe_packer_keep(mmoe_packer *p, int64_t first, int32_t rows);
void mmoe_packer_end_keeping(mmoe_packer *p);
mmoe_status mmoe_packer_write_keeping(const mmoe_packer *p, mmoe_error *err);

/* Ends the part and the folder. MMOE_E_IO, _MEMORY, _DATA: there are no rows. */
mmoe_status mmoe_packer_end(mmoe_packer *p, mmoe_error *err);
void mmoe_packer_remove_schema(const mmoe_packer *p, const char *name);

/* Opens a file of the part for writing; -1 with errno. */
int mmoe_packer_open_file(const mmoe_packer *p, const char *name, int flags);
/* MMOE_E_IO, with the file of the part. */
mmoe_status mmoe_packer_fail(const mmoe_packer *p, const char *name, mmoe_error *err);

#endif
