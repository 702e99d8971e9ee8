/* What `mmoe init` counts in a file, of all rows. */
#ifndef MMOE_TOOLS_INIT_SURVEY_H
#define MMOE_TOOLS_INIT_SURVEY_H

#include <jansson.h>

#include "cli.h"
#include "init_days.h"
#include "init_labels.h"
#include "init_lists.h"
#include "init_sample.h"
#include "init_sentinels.h"
#include "init_texts.h"
#include "init_values.h"

typedef struct cli_column {
    char *name;
    int64_t present;          /* values that are there */
    int64_t texts, fractions; /* of them no numbers; numbers with a fraction */
    int64_t days;             /* numbers that may be dates, 20240131 */
    int64_t amounts, dates;   /* numbers with marks ("$1,101.50"); texts that are dates */
    int64_t times;            /* texts that are times of day */
    uint32_t hours;           /* a bit each that dates have */
    bool other_hours;         /* behind a date stands what is no time */
    cli_days between;         /* dates, and what stands among them */
    cli_amount amount;        /* the last of them, and the marks of all */
    bool has_comma;           /* numbers are read with a comma before their fraction ... */
    int64_t by_comma, commas; /* else: how many values could be, and only so */
    bool has_zeros;           /* of these one has ",0" and more: no two elements of a list */
    int date_orders;          /* that all of these may have */
    bool is_label;
    int64_t odd_row, odds; /* of the first value that is no number; how often that came */
    char *odd;             /* that value */
    cli_values words;      /* such values, the first thousands that differ */
    int64_t codes, loose;  /* of them letters beside a digit, "V57"; others that begin as numbers
                              do, "1200 - 1450", and words for nothing */
    int64_t quantities;    /* of all texts those that are nearly numbers, "1h 20m" */
    cli_values folded;     /* texts in small letters, the first thousands that differ */
    cli_sentinels far;
    cli_label_values two;                       /* for a label */
    int64_t label_faults[MMOE_TASK_TYPE_COUNT]; /* values that are no label of a type */
    int64_t other_row;                          /* of the first that is no label of a class */
    double lowest, highest;                     /* of the numbers */
    cli_values values; /* counted until the column is known to have fractions */
    cli_lists lists;   /* the same */
} cli_column;

/* How the file is read, found by trying. */
typedef struct cli_layout {
    char separator; /* 0: a comma, or what the file itself says */
    bool headless;  /* columns are c1, c2, ... */
    bool lenient;   /* quotes are taken as text */
} cli_layout;

/* The configuration's word for its separator; NULL: it needs none. */
const char *cli_layout_separator(const cli_layout *layout);

typedef struct cli_curve cli_curve; /* init_curves.h */

typedef struct cli_survey {
    const char *path;
    const cli_list *labels;
    cli_column *columns; /* [count] */
    size_t count;
    int64_t rows;
    int64_t skip_bad,
        bad; /* rows that may have other fields than the header, and have; not of `rows` */
    mmoe_error first_bad;
    cli_sample sample; /* its columns are `columns` */
    cli_layout layout;
    bool is_numbered; /* the labels are c1, c2, ..., and no column's name */
    bool *commas;     /* [n_commas] of the first columns which are `has_comma`; NULL: none is */
    size_t n_commas;
    cli_curve *curves; /* [count] NULL: not looked for yet */
} cli_survey;

/* Reads `path`; prints the error, of a label that is no column as well. Free it in any case. */
int cli_survey_read(cli_survey *s);
void cli_survey_free(cli_survey *s);

/* Of a new feature: `name` (taken over), with marks behind it where a column bears it; NULL: memory
 * is out. */
json_t *cli_survey_free_name(const cli_survey *s, json_t *name);
/* Counts rows of a label, of which the first is `row`; NaN: it is a word. */
void cli_column_count_label(cli_column *c, int64_t row, double number, int64_t count);
/* NULL: there is none. */
const cli_column *cli_survey_find(const cli_survey *s, const char *name);
static inline int64_t cli_column_distinct(const cli_column *c) { return (int64_t)c->values.count; }
/* "4WD" and "2WD", of few values, are no numbers of a unit where words stand beside them, "AWD". */
bool cli_column_are_words(const cli_column *c);
/* Are nearly all values numbers, or texts that are nearly so? */
bool cli_column_are_quantities(const cli_column *c);
/* How many texts differ from others by capital letters only. */
int64_t cli_column_capitals(const cli_column *c);
bool cli_column_are_integers(const cli_column *c);
/* Are there texts among numbers that stand for nothing: at most a third of the values, and of these
 * words that might be classes a tenth, or one; none that are classes by their looks, "V57", several
 * rows having each, or beside integers? (One word that stands for nothing in most files is
 * cli_column_mark's.) */
bool cli_column_has_texts(const cli_column *c);
/* Integers of so many rows a value that each may be learned by itself? */
bool cli_column_are_categories(const cli_column *c);
/* Texts, or integers by their name? */
bool cli_column_are_ids(const cli_column *c);
/* The one word that stands among numbers for a missing one, "?" or any that few rows have; NULL:
 * there is none. */
const char *cli_column_mark(const cli_column *c);
/* Of amounts: "12 of 400 have marks, of "$," ("strip")", in `text`; and the keys that say so. */
enum { CLI_SAID_MARKS = 200 };
const char *cli_say_marks(const cli_column *c, char text[CLI_SAID_MARKS]);
void cli_write_marks(const cli_column *c, json_t *json);
/* Numbers and ids: values that are there and stand for no missing one. */
int64_t cli_column_present(const cli_column *c);
/* Those that differ. */
int64_t cli_column_values(const cli_column *c);
static inline size_t cli_column_place(const cli_survey *s, const cli_column *c) {
    return (size_t)(c - s->columns);
}

#endif
