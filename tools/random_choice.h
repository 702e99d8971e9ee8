/* Values that are drawn by Zipf's law. */
#ifndef MMOE_TOOLS_RANDOM_CHOICE_H
#define MMOE_TOOLS_RANDOM_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct random_choice {
    int values;
    double *cumulative; /* [values] */
    int32_t *first;     /* [PLACES + 2] the value that a uniform number of i / PLACES draws */
} random_choice;

/* Value i is drawn with a weight of (i + 1)^-exponent. False: memory is out. The caller frees it,
 * in either case. */
bool random_choice_make(int values, double exponent, random_choice *out);
void random_choice_free(random_choice *choice);

/* The value that a uniform number, 0 to 1, draws. */
int random_choice_draw(const random_choice *choice, double u);

#endif
