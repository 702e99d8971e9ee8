/* Comparison of tensors by one measure: |got - want| <= tolerance * max|want| over the tensor. */
#ifndef COMPARE_H
#define COMPARE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct comparison {
    bool agrees;
    double error; /* max|got - want| / max|want|; infinity where anything is not finite, or where
                     want is 0 throughout and got is not */
    size_t worst; /* its index */
    char message[256]; /* "name[17]: got 0.25, want 0.5: error 0.5 of the largest entry, allowed
                          1e-05" */
} comparison;

/* `floor`: the least scale, where a tensor's true value is 0 or next to it; 0: the tensor's largest
 * entry alone. */
comparison compare_tensors(const char *name, const double *got, const double *want, size_t count,
                           double tolerance, double floor);

#endif
