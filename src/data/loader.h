/* Rows of cells that become a data set, and where one is wanted, teach a schema: the header, then
 * rows into parts, then what all of them say together. The set takes the rows of parts as these
 * come, where it is known about how many there will be, else behind the last one; or a sink does.
 * Where the schema is yet to learn, or to grow, numbers that wait and labels go to a file without a
 * name, too: the schema settles by them, and the sink places what waited. */
#ifndef MMOE_DATA_LOADER_H
#define MMOE_DATA_LOADER_H

#include "data/constants.h"
#include "data/csv_join.h"
#include "data/csv_spill.h"
#include "data/csv_take.h"
#include "data/row_sink.h"

/* Begins with a `file` that has its allocator, path, label_mode, and what is wanted or the schema,
 * and with a sink, if one takes the rows. */
typedef struct mmoe_loader {
    mmoe_csv_file file;        /* the first */
    mmoe_csv_file *last;       /* NULL: there is no other */
    mmoe_origin origin;        /* of the file that is read; without a path: none is */
    const mmoe_row_sink *sink; /* NULL: the set has the rows */
    const mmoe_watcher *watcher;
    const int *stop; /* as mmoe_read_options has it */
    int threads;
    mmoe_pool *pool;        /* of so many; NULL: the calling thread alone */
    const mmoe_bytes *from; /* all rows that there are, while they are read; NULL: not all */
    size_t part_bytes;   /* of memory, that a part in sequence has before it goes on; 0: it has all
                            rows */
    int64_t first_row;   /* its number */
    const char *nothing; /* what is said where there are no rows to learn from */
    struct mmoe_schema *learned;
    struct mmoe_dataset *set; /* of all rows: what is said of them, and where no sink has them, they
                                 themselves */
    mmoe_csv_part *part;      /* that rows are read into */
    mmoe_csv_parts parts;
    mmoe_csv_spill spill;
    size_t n_delivered;       /* of the parts, to a sink */
    bool ids_wait;            /* ids that a sink has */
    mmoe_csv_offsets offsets; /* of a part's rows that it sees */
    mmoe_csv_room room;
    size_t n_taken; /* of the parts, by the set */
    mmoe_constants constants;
} mmoe_loader;

/* Rows to come are of a further file. MMOE_E_MEMORY. */
mmoe_status mmoe_loader_next(mmoe_loader *loader, const char *path, mmoe_error *err);
/* The file that is read. */
static inline mmoe_csv_file *mmoe_loader_file(mmoe_loader *l) {
    return l->last ? l->last : &l->file;
}
/* The schema that learns from the rows; NULL: none does. */
static inline struct mmoe_schema *mmoe_loader_teaches(const mmoe_loader *l) {
    return l->learned ? l->learned : l->file.growing;
}
/* `header` of an mmoe_csv_handler whose `user` is a loader: schema and set begin, and a part for
 * rows. `rows` of it, or `row`, then fills that part. */
mmoe_status mmoe_loader_header(void *loader, const mmoe_csv_field *fields, size_t n,
                               mmoe_error *err);
/* A part for rows of the file that is read, whose header has been. MMOE_E_MEMORY. */
mmoe_status mmoe_loader_part(mmoe_loader *loader, mmoe_error *err);
mmoe_status mmoe_loader_rows(void *loader, const mmoe_csv_rows *rows, mmoe_error *err);
mmoe_status mmoe_loader_row(void *loader, int64_t row, const mmoe_csv_field *fields,
                            mmoe_error *err);
/* The part that rows were read into is one of the parts. */
mmoe_status mmoe_loader_add(mmoe_loader *loader, const mmoe_csv_passed *passed, mmoe_error *err);
/* Parts were added whose ids are the file's. MMOE_E_MEMORY, _IO; and of the sink. */
mmoe_status mmoe_loader_hand_on(mmoe_loader *loader, mmoe_error *err);
/* The same of one part, for a flow of them: the last that was added gets its place. `share` of all
 * rows have come with it; 0: nobody knows. Before that, where it does not fit, the rows of all that
 * have places must have been taken; mmoe_csv_take_part of l->set takes those of one with a place,
 * beside others. MMOE_E_MEMORY. */
static inline bool mmoe_loader_places(const mmoe_loader *l, double share) {
    return !l->sink && share > 0;
}
bool mmoe_loader_fits(mmoe_loader *loader, const mmoe_csv_part *part);
mmoe_status mmoe_loader_place(mmoe_loader *loader, mmoe_csv_part *part, double share,
                              mmoe_error *err);
/* Where a sink has the rows: does the loader need the part no more then? Else the parts have it. */
static inline bool mmoe_loader_hands_on(const mmoe_loader *l) {
    return l->sink && !mmoe_csv_file_waits(&l->file);
}
/* The sink gets them, in their order, perhaps while others are added. `first`: the number of the
 * first of them, of mmoe_loader_number. */
mmoe_status mmoe_loader_deliver(mmoe_loader *loader, mmoe_csv_part *part, int64_t first,
                                mmoe_error *err);
/* The number, in its file, of the first row behind `rows` that were added, which is there now. */
int64_t mmoe_loader_number(const mmoe_loader *loader, int64_t rows);
/* Ends it: with what the rows say together, unless reading has failed with `status`. *schema: the
 * one that learned; NULL: none was wanted. Of rows that a sink has the set is without them: their
 * number, notes and warnings. */
mmoe_status mmoe_loader_finish(mmoe_loader *loader, mmoe_status status, struct mmoe_schema **schema,
                               struct mmoe_dataset **out, mmoe_error *err);

#endif
