/* Rows of a CSV file that stand one behind another, encoded: all of them, or those of a block. */
#ifndef MMOE_DATA_CSV_PART_H
#define MMOE_DATA_CSV_PART_H

#include "data/cells.h"
#include "data/csv_bad.h"
#include "data/csv_file.h"
#include "data/kept.h"
#include "data/list_cell.h"
#include "data/notes.h"
#include "data/read_ids.h"

typedef struct mmoe_csv_part {
    const mmoe_csv_file *file;
    mmoe_cells cells; /* its schema is the file's, or of its own, which learns from these rows */
    mmoe_id_order order;
    int64_t rows, capacity;
    int64_t before;      /* added to a number of a row that is told here, it is the file's */
    int32_t *ids;        /* [capacity, n_id], and so on as in a data set */
    bool learns_numbers; /* while they wait for what all rows say of them */
    void *values; /* [capacity, dense_width] floats; of numbers that wait [capacity, dense_span]
                     doubles, of learn */
    float *labels, *weights;
    mmoe_kept *kept; /* [n_keep] whose vocabularies learn from these rows */
    mmoe_list_store lists;
    struct mmoe_list_window *windows; /* [n_list] while it is read into */
    mmoe_note *notes;                 /* [n_sparse + n_dense] without names */
    char **negatives;                 /* [n_label] mmoe_label_cell.negative */
    char **told;                      /* [n_label] what they were before the rows that are read */
    mmoe_csv_bad bad;
    bool any_missing_label;
    bool is_blank;     /* the last fault was a cell that is missing */
    bool is_of_column; /* it was one that no row is left out for: mmoe_cells' */
    size_t n_lacking, lacking_room;
    int64_t *lacking;               /* [n_lacking] rows of the part, which have no scores */
    int64_t n_blank, first_blank;   /* of them lack a value, the others are at fault; the first */
    mmoe_error first_lack;          /* what that lacks */
    int64_t n_header, first_header; /* rows that are the names of the columns; the first */
    mmoe_csv_passed passed;
    int64_t spilled_at; /* in a file (csv_spill.h) */
    bool is_spilled;
    uint8_t spilled_labels, spilled_weights; /* their forms there (short_words.h) */
    /* Where its rows stand in a set, and the lists and elements of these; is_taken: all that they
     * have is there, but for numbers that wait. */
    bool is_taken;
    size_t first_row, first_list, first_element;
    int32_t *most_ids; /* [n_sparse] of its rows then (most_ids.h); of lists before, unless they are
                          yet to be found, for ids have changed */
    bool finds_list_ids;
} mmoe_csv_part;

/* An empty one; NULL when memory is out. `schema`: cells.schema. */
mmoe_csv_part *mmoe_csv_part_new(const mmoe_csv_file *file, const struct mmoe_schema *schema);
void mmoe_csv_part_free(mmoe_csv_part *part);
/* `rows` of an mmoe_csv_handler whose `user` is a part. A fault is that of the first row that has
 * one, and of its first column. Where rows at fault are left out, they are noted, but have taught:
 * the rows are to be read again by another part, which knows them; so they are where is_of_column
 * says that what they taught may be the fault. MMOE_E_DATA, _MEMORY. */
mmoe_status mmoe_csv_part_rows(void *part, const mmoe_csv_rows *rows, mmoe_error *err);

/* No more rows are read into it. */
void mmoe_csv_part_end(mmoe_csv_part *part);

/* `skip` and `fault` of such a handler. */
bool mmoe_csv_part_skip(void *part, int64_t row);
mmoe_status mmoe_csv_part_fault(void *part, const mmoe_error *fault, mmoe_error *err);

/* Tells it what the rows before have told of labels' texts. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_part_know(mmoe_csv_part *part, char *const *negatives, mmoe_error *err);
/* Takes memory for rows, while it has none, of a part that needs its own no more: whose rows were
 * taken. Numbers that wait stay, unless they were spilled, and values that are kept. */
void mmoe_csv_part_inherit(mmoe_csv_part *part, mmoe_csv_part *from);
/* Gives that memory back. */
void mmoe_csv_part_give_back(mmoe_csv_part *part);
/* Values that are kept; and all else that its rows have, too. */
void mmoe_csv_part_forget_kept(mmoe_csv_part *part);
void mmoe_csv_part_forget(mmoe_csv_part *part);

/* Bytes of a row's numbers. */
static inline size_t mmoe_csv_part_values_size(const mmoe_csv_part *p) {
    return p->learns_numbers ? (size_t)p->cells.schema->dense_span * sizeof(double)
                             : (size_t)p->cells.schema->dense_width * sizeof(float);
}

/* Of memory that its rows use. */
static inline size_t mmoe_csv_part_bytes(const mmoe_csv_part *p) {
    const struct mmoe_schema *s = p->cells.schema;
    const size_t words = (size_t)s->n_sparse + (size_t)s->n_list + (size_t)s->n_label + 1,
                 row = words * sizeof(int32_t) + mmoe_csv_part_values_size(p);
    return (size_t)p->rows * row + p->lists.elements * (sizeof(int32_t) + sizeof(float));
}

#endif
