/* Which columns a model reads: embedding tables, vocabularies, dense transforms, labels. */
#ifndef MMOE_DATA_SCHEMA_H
#define MMOE_DATA_SCHEMA_H

#include <string.h>

#include "base/alloc.h"
#include "data/column.h"
#include "data/gap.h"
#include "data/lists.h"
#include "data/number_text.h"
#include "data/reading.h"
#include "loss/label_scale.h"

/* What a configuration says of the features, in the caller's words. `name` may be a pattern: "D*"
 * matches a prefix (one '*' anywhere), "*" alone takes every column that no other entry, label or
 * weight names (what a cross is of is not named by it). Exact names win over patterns, patterns
 * over "*"; among patterns the first. Where there is a `column`, or `columns`, the name is exact:
 * such a feature reads columns beside others that do, a pattern among them. */
typedef struct mmoe_sparse_spec {
    char *name;
    char *column;      /* NULL: the one of that name */
    int32_t embed_dim; /* 0: by the rows of the table, or as its owner has it */
    char *shared_with; /* name of the column whose table this one uses; NULL: its own */
    mmoe_side side;
    mmoe_encoder *encoder; /* a kind of ids with its keys */
    int64_t padding_idx;   /* a row of the table that stays 0, and whose elements are no part of
                              lists; -1: there is none */
    char *pretrained;      /* what the table begins with; NULL: it is drawn */
    int8_t trainable;      /* -1: the table does not learn; 0: nothing is said, and it does */
    /* Of a sequence; its other answers are those of a sparse column. */
    char *separator;        /* NULL: there are `columns` */
    char *weight_separator; /* NULL: elements have no weights */
    bool brackets;          /* cells are as "['a', 'b']" */
    int64_t max_len;        /* 0: no bound */
    mmoe_truncation truncate;
    mmoe_pooling pooling;
    mmoe_texts columns; /* of a sequence names and patterns, an element each; else of what it is a
                           cross; absent: it reads one */
} mmoe_sparse_spec;

typedef struct mmoe_dense_spec {
    char *name;
    char *column;
    mmoe_side side;
    mmoe_encoder *encoder; /* a kind of numbers with its keys */
    mmoe_choice missing;   /* of MMOE_MISSING */
    bool indicator;
} mmoe_dense_spec;

typedef struct mmoe_feature_specs {
    int32_t n_sparse, n_dense;
    mmoe_sparse_spec *sparse;
    mmoe_dense_spec *dense;
    char *weight; /* column of the rows' weights; NULL: all 1 */
    mmoe_reading reading;
    int32_t n_sequence;
    mmoe_sparse_spec *sequence; /* behind the sparse ones */
} mmoe_feature_specs;

/* One embedding table; several columns may share it. */
typedef struct mmoe_table {
    char *name; /* of the feature that owns it */
    int64_t rows;
    int32_t dim;
    int64_t padding;       /* a row that no gradient reaches; -1: there is none */
    mmoe_encoder *encoder; /* what makes rows of the values of all columns that use it */
    bool is_frozen;        /* it does not learn */
    char *pretrained;      /* of a model that is yet to be made: the file that it begins with; NULL:
                              none. `dim` 0: as that file has it */
} mmoe_table;

typedef struct mmoe_sparse_column {
    char *name;    /* of the feature: no other has it */
    char *column;  /* of files; NULL: the one of that name */
    int32_t table; /* index into tables */
    mmoe_side side;
    int64_t padding;   /* elements of lists that are no part of them; -1: all are */
    int32_t list;      /* its index among the lists; -1: it has one id a row */
    mmoe_list_how how; /* of a list */
    mmoe_texts
        columns; /* of files, of which each has an element of the list; absent: one has all */
    double missing_share; /* of the training rows' values; 0: also where that is not known */
} mmoe_sparse_column;

typedef struct mmoe_dense_column {
    char *name;
    char *column;
    mmoe_side side;
    mmoe_encoder *encoder;
    mmoe_gap gap;
    bool indicator; /* its last input is 1 where the value was missing, else 0 */
    /* mmoe_schema_lay: where it stands among a row's inputs, and among the numbers of a row of raw
     * values. */
    int32_t first, width, first_number, span;
    double missing_share; /* as of a sparse one */
} mmoe_dense_column;

typedef struct mmoe_label_column {
    char *name; /* of the column */
    char *task; /* of the task */
    mmoe_task_type type;
    char *positive; /* the text that is a label of 1, another one being 0; NULL: labels are numbers
                     */
    char *negative; /* that other one; NULL: no file has told it */
    mmoe_label_scale scale; /* between labels and the loss */
    bool has_mean;         /* a file has told it: that of the rows which the schema was fitted to */
    double mean;           /* of the scaled labels, by the rows' weights; no file keeps it */
    bool has_constant;     /* training has told it */
    double constant;       /* what no model would predict: the mean label of the training rows */
    mmoe_number_text text; /* of labels that are numbers */
} mmoe_label_column;

struct mmoe_schema {
    mmoe_allocator alloc;
    int32_t n_table, n_sparse, n_dense, n_label;
    int32_t n_list;                  /* of the sparse columns; they stand behind those of one id */
    int32_t dense_width, dense_span; /* inputs and numbers of all dense features */
    mmoe_table *tables;
    mmoe_sparse_column
        *sparse; /* in the order of the specs; those of one pattern in the order of the header */
    mmoe_dense_column *dense;
    mmoe_label_column *labels;
    char *weight; /* or NULL */
    mmoe_reading reading;
};

/* What a schema is made of: the features, and the labels' columns. */
typedef struct mmoe_schema_wanted {
    const mmoe_feature_specs *specs;
    const mmoe_label_column *labels; /* [n_label] */
    int32_t n_label;
    const char *file; /* the training file */
} mmoe_schema_wanted;

/* A feature as sentences name it: `column "x"`, or `feature "x_bins" of column "x"`; of several
 * columns, `feature "hist"`. */
enum { MMOE_FEATURE_SIZE = 400 };
const char *mmoe_feature_show(const char *name, const char *column, char out[MMOE_FEATURE_SIZE]);
const char *mmoe_sparse_show(const mmoe_sparse_column *c, char out[MMOE_FEATURE_SIZE]);
/* How many values it is a cross of; 0: it is none. */
static inline size_t mmoe_sparse_parts(const mmoe_sparse_column *c) {
    return c->list < 0 ? c->columns.count : 0;
}
/* The column of files that a feature reads. */
static inline const char *mmoe_feature_column(const char *name, const char *column) {
    return column ? column : name;
}
/* Of feature `i`, sparse ones first: the one column that it reads; NULL: it reads several. */
const char *mmoe_schema_column(const struct mmoe_schema *s, int32_t i);
/* Whether it is that column as it stands, and not one of the features that are made of it. */
bool mmoe_schema_is_column(const struct mmoe_schema *s, int32_t i);
/* Several features may read one column, of which a warning is printed once. Whether the warning of
 * feature `a` covers all that would be said of feature `b`, which reads the same column. */
typedef bool (*mmoe_warning_covers)(const void *context, int32_t a, int32_t b);
/* Whether the warning of another feature covers that of feature `i`. Where two cover each other, it
 * is printed for the feature that is the column as it stands, or else for the first. */
bool mmoe_schema_is_covered(const struct mmoe_schema *s, int32_t i, mmoe_warning_covers covers,
                            const void *context);

/* Resolves `wanted` against the columns' names: tables, columns, labels; encoders that have started
 * but learned nothing. Patterns pass over columns without a name (an index that pandas wrote);
 * label and weight columns need not be among `columns`. The file stands in errors. MMOE_E_CONFIG: a
 * name or pattern that matches nothing, a column named twice, two features of one name,
 * shared_with an unknown feature or one of another embed_dim or of other keys of its kind, no
 * feature at all; _FORMAT, in row 1: duplicate column names, a feature's name that is not UTF-8. */
mmoe_status mmoe_schema_bind(const mmoe_schema_wanted *wanted, const char *const *columns,
                             size_t n_columns, const mmoe_allocator *alloc,
                             struct mmoe_schema **out, mmoe_error *err);
/* For those who make schemas: an empty one with room for tables, columns and labels; NULL when
 * memory is out. */
struct mmoe_schema *mmoe_schema_new(const mmoe_allocator *alloc, size_t n_table, size_t n_sparse,
                                    size_t n_dense, size_t n_label);
/* The dense feature that has input `at` of a row. */
const mmoe_dense_column *mmoe_dense_at(const struct mmoe_schema *s, int32_t at);
/* The missing share of feature i, sparse features first. */
static inline double mmoe_schema_missing_share(const struct mmoe_schema *s, int32_t i) {
    return i < s->n_sparse ? s->sparse[i].missing_share : s->dense[i - s->n_sparse].missing_share;
}
static inline void mmoe_schema_set_missing_share(struct mmoe_schema *s, int32_t i, double share) {
    if (i < s->n_sparse)
        s->sparse[i].missing_share = share;
    else
        s->dense[i - s->n_sparse].missing_share = share;
}
/* Whether a list's elements have weights: all elements are kept with one then. */
bool mmoe_schema_weighs_lists(const struct mmoe_schema *s);
/* Whether the inputs of a row's numbers are known while the schema is yet to settle. */
bool mmoe_schema_numbers_stand(const struct mmoe_schema *s);
/* Lays the dense features side by side, as wide as their encoders are by now. MMOE_E_CONFIG: too
 * wide. */
mmoe_status mmoe_schema_lay(struct mmoe_schema *s, mmoe_error *err);
/* The inputs of a value, of which inputs[0..width) stand or, where it is missing, are filled. */
static inline void mmoe_dense_fill(const mmoe_dense_column *c, float *inputs, bool missing) {
    const size_t width = (size_t)(c->width - c->indicator);
    if (missing) memcpy(inputs, c->gap.fill, width * sizeof *inputs);
    if (c->indicator) inputs[width] = missing;
}
/* Whether a cell with this fault is taken as missing: its transform has nothing for the value, and
 * the column may have missing values. */
static inline bool mmoe_dense_pardons(const mmoe_dense_column *c, const mmoe_cell *cell,
                                      const char *fault) {
    if (!fault || cell->state == MMOE_CELL_KNOWN) return false;
    return cell->state == MMOE_CELL_UNKNOWN ? c->gap.fill != NULL : mmoe_gap_is_open(&c->gap);
}
/* A copy of a text of it, NULL of NULL, and of a label; false when memory is out. */
bool mmoe_schema_text(const struct mmoe_schema *s, const char *from, char **to);
bool mmoe_schema_label(const struct mmoe_schema *s, const mmoe_label_column *from,
                       mmoe_label_column *to);
mmoe_status mmoe_schema_copy(const struct mmoe_schema *schema, const mmoe_allocator *alloc,
                             struct mmoe_schema **out, mmoe_error *err);
/* A copy in which what grows learns beside that of the schema (column.h), which stays until the
 * copy is freed. */
mmoe_status mmoe_schema_beside(const struct mmoe_schema *schema, const mmoe_allocator *alloc,
                               struct mmoe_schema **out, mmoe_error *err);
/* Takes the rows from a table's encoder, which has settled, and a width that is by them:
 * floor(6 rows^0.25), as torch-rechub has it; that of a file stays open. */
void mmoe_table_settle(mmoe_table *table);
/* One number for all that turns a file's values into a data set's: names, kinds, fitted values,
 * vocabularies, in their order; never 0. What a model makes of its rows (widths, sides, shared
 * tables) is no part of it, nor are the tasks' names. Cheap: vocabularies know their own. */
uint64_t mmoe_schema_fingerprint(const struct mmoe_schema *schema);

#endif
