#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rounding.h"
#include "base/short_number.h"

static bool is_decimal_digit(char c) { return (unsigned char)(c - '0') < 10; }
static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static void trim_blanks(const char **text, const char **end) {
    while (*text < *end && is_blank(**text)) ++*text;
    while (*end > *text && is_blank((*end)[-1])) --*end;
}

static const double power_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* 1 to 8 characters, digits with a point among them or not, and nothing else. Both operands are
 * exact, so the one operation rounds correctly (Clinger, PLDI 1990). */
static bool parse_short_decimal(const char *text, size_t length, double *out) {
    uint64_t digits;
    unsigned fraction;
    if (!mmoe_short_decimal(text, length, &digits, &fraction)) return false;
    *out = (double)digits / power_of_ten[fraction];
    return true;
}

/* ---- Text to integer ---- */

#define MOST_EXACT 0x1p53 /* doubles tell all integers up to here apart */

/* [+-]digits: 1, 0 or -1 as mmoe_parse_integral returns. */
static int parse_digits(const char *p, const char *end, int64_t *out) {
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return 0;
    uint64_t magnitude = 0;
    bool fits = true;
    for (; p < end; p++) {
        if (!is_decimal_digit(*p)) return 0;
        if (__builtin_mul_overflow(magnitude, (uint64_t)10, &magnitude) ||
            __builtin_add_overflow(magnitude, (uint64_t)(*p - '0'), &magnitude))
            fits = false;
    }
    if (!fits || magnitude > (uint64_t)INT64_MAX + negative) return -1;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return 1;
}

bool mmoe_parse_int64(const char *text, size_t length, int64_t *out) {
    const char *end = text + length;
    trim_blanks(&text, &end);
    return parse_digits(text, end, out) > 0;
}

/* "1e+05", as R and C write an integer that is a double; its sign tells it from a hash, "12e45". */
static int parse_power(const char *text, const char *end, int64_t *out) {
    const char *e = text;
    double value;
    while (e < end && *e != 'e' && *e != 'E') e++;
    if (end - e < 2 || e[1] != '+') return 0;
    if (!mmoe_parse_double(text, (size_t)(end - text), &value) || value != rint(value)) return 0;
    if (fabs(value) > MOST_EXACT) return -1;
    *out = (int64_t)value;
    return 1;
}

int mmoe_parse_integral(const char *text, size_t length, int64_t *out) {
    if (mmoe_short_integer(text, length, out)) return 1;
    const char *end = text + length;
    trim_blanks(&text, &end);
    const char *zero = end;
    while (zero > text && zero[-1] == '0') zero--;
    const bool has_zeros = zero > text && zero[-1] == '.' && zero < end;
    const int whole = parse_digits(text, has_zeros ? zero - 1 : end, out);
    return whole ? whole : parse_power(text, end, out);
}

bool mmoe_parse_printed(const char *text, size_t length, int64_t *out) {
    if (length && (uint8_t)*text > '9') return false;
    if (mmoe_short_printed(text, length, out)) return true;
    const char *end = text + length;
    trim_blanks(&text, &end);
    const char *digits = text + (text < end && *text == '-');
    if (digits == end || !is_decimal_digit(*digits)) return false;
    const bool zero = *digits == '0';
    if (zero && digits > text) return false;
    if (zero && digits + 1 < end && is_decimal_digit(digits[1])) return false;
    return mmoe_parse_integral(text, (size_t)(end - text), out) > 0;
}

/* ---- Text to double ---- */

__extension__ typedef unsigned __int128 wide;
enum { MOST_POWER = 27 /* of five, in 64 bits */, SURE_DIGITS = 19 /* in 64 bits */ };

static uint64_t power_of_five(int exponent) {
    uint64_t power = 1;
    for (; exponent > 0; exponent--) power *= 5;
    return power;
}

/* bits * 2^shift, to nearest; `rest`: and a little more. There are more bits than a double has, so
 * that the last one may stand for the rest. */
static double round_bits(uint64_t bits, bool rest, int shift) {
    return ldexp((double)(bits | rest), shift);
}

/* digits / 10^power. Of a power whose five is two factors the quotient by one, rounded down, is
 * divided by the other: rounded down that is the quotient by both, and nothing is left of it if
 * nothing is of each. */
static double divide(uint64_t digits, int power) {
    const int first = power < MOST_POWER ? power : MOST_POWER;
    const uint64_t a = power_of_five(first), b = power_of_five(power - first);
    const int more = __builtin_clzll(digits), more_a = __builtin_clzll(a),
              more_b = __builtin_clzll(b);
    const wide scaled = (wide)(digits << more) << 63;
    const uint64_t by_a = a << more_a, high = (uint64_t)(scaled / by_a);
    const wide left = scaled - (wide)high * by_a;
    if (b == 1) return round_bits(high, left != 0, more_a - more - 63 - power);
    const wide low = left << 63, quotient = ((wide)high << 63) + low / by_a;
    const uint64_t by_b = b << more_b;
    return round_bits((uint64_t)(quotient / by_b), low % by_a != 0 || quotient % by_b != 0,
                      more_a + more_b - more - 126 - power);
}

static double multiply(uint64_t digits, int power) {
    const wide product = (wide)digits * power_of_five(power);
    const uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product;
    if (!high) return ldexp((double)low, power);
    const int more = __builtin_clzll(high);
    return round_bits((uint64_t)((product << more) >> 64), (low << more) != 0, 64 - more + power);
}

/* Each way rounds once: what it computes with is exact. */
static double scale(uint64_t digits, int exponent) {
    if (digits == 0) return 0;
    if (digits <= (uint64_t)1 << 53) { /* as of a short one */
        if (exponent >= 0 && exponent <= 22) return (double)digits * power_of_ten[exponent];
        if (exponent < 0 && exponent >= -22) return (double)digits / power_of_ten[-exponent];
    }
    return exponent < 0 ? divide(digits, -exponent) : multiply(digits, exponent);
}

/* Digits up to another character, added behind those of `value`. */
static const char *add_digits(const char *p, const char *end, uint64_t *value) {
    for (; end - p >= 8; p += 8) {
        const uint64_t d = mmoe_eight_at(p) ^ MMOE_ZEROS;
        if (mmoe_no_digits(d)) break;
        *value = *value * 100000000 + mmoe_of_digits(d);
    }
    for (; p < end && is_decimal_digit(*p); p++) *value = *value * 10 + (uint64_t)(*p - '0');
    return p;
}

/* e, a sign or none, one to three digits. */
static bool parse_exponent(const char *p, const char *end, int *exponent) {
    uint64_t value = 0;
    if (p == end || (*p | 0x20) != 'e') return false;
    const bool is_negative = ++p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end || end - p > 3 || add_digits(p, end, &value) != end) return false;
    *exponent += is_negative ? -(int)value : (int)value;
    return true;
}

/* As pandas and Python write nearly all doubles: up to 19 digits behind zeros, a point among them
 * or not, an exponent or none, none of them large. */
static bool parse_usual(const char *text, const char *end, double *out) {
    enum { MOST = 100 }; /* characters */
    uint64_t value = 0;
    int exponent = 0;
    if (end - text > MOST) return false;
    const char *p = add_digits(text, end, &value), *first = text;
    ptrdiff_t digits = p - text;
    if (p < end && *p == '.') {
        const char *point = p++;
        p = add_digits(p, end, &value);
        exponent = -(int)(p - point - 1);
        digits -= exponent;
    }
    if (digits == 0 || (p < end && !parse_exponent(p, end, &exponent))) return false;
    for (; digits > SURE_DIGITS && (*first == '0' || *first == '.'); first++)
        digits -= *first == '0';
    if (digits > SURE_DIGITS || exponent > MOST_POWER || exponent < -2 * MOST_POWER) return false;
    *out = scale(value, exponent);
    return true;
}

/* ---- Of any length ---- */

/* A decimal number digits * 10^exponent. More than 767 significant digits cannot change a double's
 * rounding but by being there, so the rest is kept as one digit that is not zero. */
enum { MAX_DIGITS = 768 };
typedef struct parsed_decimal {
    int n_digits; /* all that are kept */
    long exponent;
    char digits[MAX_DIGITS + 32]; /* with room for an exponent */
} parsed_decimal;

static void add_digit(parsed_decimal *d, char c, bool fraction) {
    if (d->n_digits == 0 && c == '0') {
        d->exponent -= fraction;
        return;
    }
    if (d->n_digits < MAX_DIGITS) {
        d->digits[d->n_digits++] = c;
    } else {
        if (c != '0')
            d->digits[MAX_DIGITS - 1] =
                d->digits[MAX_DIGITS - 1] == '0' ? '1' : d->digits[MAX_DIGITS - 1];
        d->exponent += !fraction;
        return;
    }
    d->exponent -= fraction;
}

/* Everything after the sign; false when it is no number. */
static bool scan(const char *p, const char *end, parsed_decimal *d) {
    d->n_digits = 0;
    d->exponent = 0;
    const char *start = p;
    for (; p < end && is_decimal_digit(*p); p++) add_digit(d, *p, false);
    bool any = p > start;
    if (p < end && *p == '.') {
        start = ++p;
        for (; p < end && is_decimal_digit(*p); p++) add_digit(d, *p, true);
        any |= p > start;
    }
    if (!any) return false;
    if (p == end) return true;
    if (*p != 'e' && *p != 'E') return false;
    p++;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return false;
    long exponent = 0;
    for (; p < end; p++) {
        if (!is_decimal_digit(*p)) return false;
        if (exponent < 100000000) exponent = exponent * 10 + (*p - '0');
    }
    d->exponent += negative ? -exponent : exponent;
    return true;
}

static double to_double(parsed_decimal *d) {
    if (d->n_digits == 0) return 0;
    /* Without a point there is nothing in the text that a locale could read in its own way. */
    snprintf(d->digits + d->n_digits, sizeof d->digits - (size_t)d->n_digits, "e%ld", d->exponent);
    return strtod(d->digits, NULL);
}

static bool is_special_word(const char *p, const char *end, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(end - p) != n) return false;
    for (size_t i = 0; i < n; i++)
        if ((p[i] | 0x20) != word[i]) return false;
    return true;
}

/* Any number without its sign: a decimal, infinity, nan. */
static bool parse_number(const char *text, const char *end, double *out) {
    parsed_decimal d;
    if (scan(text, end, &d))
        *out = to_double(&d);
    else if (is_special_word(text, end, "inf") || is_special_word(text, end, "infinity"))
        *out = (double)INFINITY;
    else if (is_special_word(text, end, "nan"))
        *out = (double)NAN;
    else
        return false;
    return true;
}

/* With blanks around it and a sign. */
static bool parse_signed(const char *text, size_t length, double *out) {
    const char *end = text + length;
    trim_blanks(&text, &end);
    bool negative = text < end && *text == '-';
    if (text < end && (*text == '-' || *text == '+')) text++;
    double value;
    if (!parse_usual(text, end, &value) && !parse_number(text, end, &value)) return false;
    *out = negative ? -value : value;
    return true;
}

bool mmoe_parse_double(const char *text, size_t length, double *out) {
    return parse_short_decimal(text, length, out) || parse_signed(text, length, out);
}

/* ---- To text ---- */

/* The significant digits of a positive value and the power of ten of the first. */
typedef struct shortest {
    char digits[MMOE_NUMBER_SIZE];
    int n, exponent;
} shortest;

static bool reads_back(const shortest *s, double value, bool single) {
    char text[48];
    snprintf(text, sizeof text, "%.*se%d", s->n, s->digits, s->exponent - (s->n - 1));
    return single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
}

static void round_to(double value, int n, shortest *s) {
    char text[48];
    snprintf(text, sizeof text, "%.*e", n - 1, value);
    s->n = 0;
    const char *p = text;
    for (; *p != 'e'; p++)
        if (is_decimal_digit(*p)) s->digits[s->n++] = *p; /* whatever the locale's point is */
    s->exponent = atoi(p + 1);
}

/* The next number up of as many digits. */
static void step_up(shortest *s) {
    int i = s->n - 1;
    while (i >= 0 && s->digits[i] == '9') s->digits[i--] = '0';
    if (i >= 0) {
        s->digits[i]++;
    } else {
        s->digits[0] = '1';
        s->exponent++;
    }
}

/* The nearest number of n digits is the one to try first; below a power of two the gaps are half as
 * wide as above, so the next one up may read back where the nearest does not. */
static bool try_digits(double value, bool single, int n, shortest *s) {
    round_to(value, n, s);
    if (reads_back(s, value, single)) return true;
    step_up(s);
    return reads_back(s, value, single);
}

/* Does the decimal that is `near` to half of its last bit read back? Of a float not by a hair: a
 * float is read of its text, not of the double of that. */
static bool is_read_back(double near, double value, bool single) {
    const double hair = near * 0x1p-51;
    return near == value ||
           (single && (float)(near - hair) == (float)value && (float)(near + hair) == (float)value);
}

/* Most values are of few digits, which survive: the only such decimal is whole / 10^k. */
static bool find_short(double value, bool single, shortest *s) {
    const double most = single ? 1e6 : 1e15;
    double whole = 0;
    int k = 0;
    if (!(value >= 1e-4 && value < most)) return false;
    for (;; k++) {
        whole = (double)(int64_t)(value * power_of_ten[k] + 0.5);
        if (whole >= most) return false;
        if (is_read_back(whole / power_of_ten[k], value, single)) break;
    }
    s->n = (int)mmoe_format_integer((int64_t)whole, s->digits);
    s->exponent = s->n - 1 - k;
    while (s->n > 1 && s->digits[s->n - 1] == '0') s->n--;
    return true;
}

static void find_shortest(double value, bool single, shortest *s) {
    if (find_short(value, single, s)) return;
    /* Decimals of up to 6 (15) digits survive the way through a normal float (double). */
    int sure = single ? 6 : 15, most = single ? 9 : 17;
    if (value < (single ? 1.1754943508222875e-38 : 2.2250738585072014e-308)) sure = 1;
    int n = sure;
    while (n < most && !try_digits(value, single, n, s)) n++;
    if (n == most) round_to(value, most, s);
    while (s->n > 1 && s->digits[s->n - 1] == '0') s->n--;
}

static size_t lay_out_digits(const shortest *s, char *out) {
    char *p = out;
    int e = s->exponent;
    if (e < -4 || e >= 16) {
        *p++ = s->digits[0];
        if (s->n > 1) *p++ = '.';
        memcpy(p, s->digits + 1, (size_t)(s->n - 1));
        p += s->n - 1;
        return (size_t)(p - out) + (size_t)sprintf(p, "e%c%02d", e < 0 ? '-' : '+', abs(e));
    }
    if (e < 0) {
        *p++ = '0';
        *p++ = '.';
        for (int i = -1; i > e; i--) *p++ = '0';
    }
    for (int i = 0; i < s->n || i <= e; i++) {
        if (i == e + 1 && e >= 0) *p++ = '.';
        *p++ = i < s->n ? s->digits[i] : '0';
    }
    *p = '\0';
    return (size_t)(p - out);
}

static size_t format(double value, bool single, char *out) {
    if (isnan(value)) {
        memcpy(out, "nan", 4);
        return 3;
    }
    size_t sign = signbit(value) ? 1 : 0;
    if (sign) *out = '-';
    out += sign;
    value = fabs(value);
    if (isinf(value)) {
        memcpy(out, "inf", 4);
        return sign + 3;
    }
    shortest s = {.digits = "0", .n = 1};
    const int callers = mmoe_rounding_nearest();
    if (value > 0) find_shortest(value, single, &s);
    mmoe_rounding_restore(callers);
    return sign + lay_out_digits(&s, out);
}

size_t mmoe_format_double(double value, char out[MMOE_NUMBER_SIZE]) {
    return format(value, false, out);
}
size_t mmoe_format_float(float value, char out[MMOE_NUMBER_SIZE]) {
    return format((double)value, true, out);
}

size_t mmoe_format_integer(int64_t value, char out[MMOE_NUMBER_SIZE]) {
    char reversed[MMOE_NUMBER_SIZE];
    size_t n = 0, used = 0;
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do reversed[n++] = (char)('0' + magnitude % 10);
    while (magnitude /= 10);
    if (value < 0) out[used++] = '-';
    while (n) out[used++] = reversed[--n];
    out[used] = '\0';
    return used;
}

size_t mmoe_format_count(int64_t count, char out[MMOE_NUMBER_SIZE]) {
    char digits[MMOE_NUMBER_SIZE];
    const int n = snprintf(digits, sizeof digits, "%lld", (long long)count);
    char *to = out;
    for (int i = 0; i < n; i++) {
        if (i > (*digits == '-') && (n - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return (size_t)(to - out);
}

const char *mmoe_number_fault(double value) {
    if (!isfinite(value)) return "is not finite";
    return isfinite((float)value) ? NULL : "is too large for single precision";
}
