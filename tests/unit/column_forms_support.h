/* A value in all the forms that it may come in, and what a column's kind makes of each. */
#ifndef TESTS_COLUMN_FORMS_SUPPORT_H
#define TESTS_COLUMN_FORMS_SUPPORT_H

#include <math.h>
#include <string.h>

#include "columns_support.h"

#define NONE (double)NAN

/* A value in the forms that it has: a text, and where they say the same a double (and so an
 * integer, a float). */
typedef struct form {
    const char *text;
    double number; /* NAN: the text alone */
    int32_t id;    /* wanted; -1: `fault` */
    const char *fault;
} form;

static inline void has(const form *f, const char *how, const mmoe_cell *cell, const char *fault) {
    if (f->fault)
        ck_assert_msg(fault && strcmp(fault, f->fault) == 0, "\"%s\" as %s: %s, not %s", f->text,
                      how, fault ? fault : "no fault", f->fault);
    else
        ck_assert_msg(!fault && cell->id == f->id, "\"%s\" as %s: %d (%s), not %d", f->text, how,
                      cell->id, fault ? fault : "no fault", f->id);
}

/* Whatever the door, the same row or the same sentence. */
static inline void check_form(const mmoe_encoder *e, const form *f) {
    mmoe_cell cell;
    has(f, "a cell", &cell, e->kind->parse(e, f->text, strlen(f->text), &cell));
    has(f, "a text", &cell, e->kind->take(e, MMOE_VALUE_TEXT, &f->text, &cell));
    if (isnan(f->number)) return;
    const float narrow = (float)f->number;
    has(f, "a double", &cell, e->kind->take(e, MMOE_VALUE_DOUBLE, &f->number, &cell));
    if ((double)narrow == f->number)
        has(f, "a float", &cell, e->kind->take(e, MMOE_VALUE_FLOAT, &narrow, &cell));
    if (f->number != trunc(f->number) || fabs(f->number) >= 0x1p63) return;
    const int64_t integer = (int64_t)f->number;
    has(f, "an integer", &cell, e->kind->take(e, MMOE_VALUE_INT64, &integer, &cell));
}

#endif
