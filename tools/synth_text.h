/* Numbers as text, written behind one another: what a row of millions is made of. Each returns
 * where the next one goes. */
#ifndef MMOE_TOOLS_SYNTH_TEXT_H
#define MMOE_TOOLS_SYNTH_TEXT_H

#include <stdint.h>

enum { SYNTH_MOST_DIGITS = 10 }; /* of an id */

static inline char *synth_put(char *to, char c) {
    *to = c;
    return to + 1;
}

static inline char *synth_put_id(char *to, uint32_t id) {
    char digits[SYNTH_MOST_DIGITS];
    int n = 0;
    do digits[n++] = (char)('0' + id % 10);
    while (id /= 10);
    while (n) *to++ = digits[--n];
    return to;
}

/* `value` hundredths, ten-thousandths and so on as a decimal number of so many places. */
static inline char *synth_put_decimal(char *to, uint32_t value, int places) {
    for (int i = places; i; i--, value /= 10) to[i + 1] = (char)('0' + value % 10);
    to[0] = (char)('0' + value);
    to[1] = '.';
    return to + places + 2;
}

#endif
