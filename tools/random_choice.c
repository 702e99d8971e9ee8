#include "random_choice.h"

#include <math.h>
#include <stdlib.h>

/* A power of two: a number's place is exact. So many that most have one value or two. */
enum { PLACES = 4096 };

/* The first of the values [low, high] whose cumulative share is `u` or more; else the last. */
static int find(const double *cumulative, int low, int high, double u) {
    while (low < high) {
        const int middle = (low + high) / 2;
        if (cumulative[middle] < u)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool random_choice_make(int values, double exponent, random_choice *out) {
    double sum = 0;
    *out = (random_choice){.values = values};
    double *cumulative = out->cumulative = malloc((size_t)values * sizeof *cumulative);
    out->first = malloc((PLACES + 2) * sizeof *out->first);
    if (!cumulative || !out->first) return false;
    for (int i = 0; i < values; i++) cumulative[i] = sum += pow(i + 1, -exponent);
    for (int i = 0; i < values; i++) cumulative[i] /= sum;
    for (int i = 0; i < PLACES + 2; i++)
        out->first[i] = find(cumulative, 0, values - 1, (double)i / PLACES);
    return true;
}

void random_choice_free(random_choice *choice) {
    free(choice->cumulative);
    free(choice->first);
}

int random_choice_draw(const random_choice *c, double u) {
    const int place = (int)(u * PLACES);
    return find(c->cumulative, c->first[place], c->first[place + 1], u);
}
