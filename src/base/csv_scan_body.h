/* The scanner, written once over marks of 64 bytes; included by one file for each instruction set,
 * which names it MMOE_SCANNER_NAME. aarch64 has NEON always; MMOE_NEON tells the set that is
 * written for it from the plain one. */
#include <stdbool.h>

#include "base/csv_scan.h"
#include "base/short_number.h"

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(MMOE_NEON)
#include <arm_neon.h>
#endif

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

enum { STEP = 64 };

/* Bit i is byte i's. */
typedef struct marks {
    uint64_t ends, lines, quotes, blanks; /* lines: CR and LF, which are ends, too */
} marks;

#if defined(__AVX512BW__)

static inline marks marks_of(const char *at, char separator) {
    const __m512i v = _mm512_loadu_si512(at);
    const uint64_t lines = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n')) |
                           _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\r'));
    return (marks){_mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(separator)) | lines, lines,
                   _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')),
                   _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(' ')) |
                       _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\t'))};
}

static inline uint64_t bits_of(const char *at, char character) {
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(at), _mm512_set1_epi8(character));
}

#elif defined(__AVX2__)

static inline __m256i is(__m256i v, char byte) {
    return _mm256_cmpeq_epi8(v, _mm256_set1_epi8(byte));
}

static inline uint64_t bits(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

static inline __m256i is_either(__m256i v, char a, char b) {
    return _mm256_or_si256(is(v, a), is(v, b));
}

static inline marks marks_of(const char *at, char separator) {
    const __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)at),
                  high = _mm256_loadu_si256((const __m256i *)(const void *)(at + 32));
    const __m256i low_lines = is_either(low, '\n', '\r'), high_lines = is_either(high, '\n', '\r');
    return (marks){bits(_mm256_or_si256(is(low, separator), low_lines),
                        _mm256_or_si256(is(high, separator), high_lines)),
                   bits(low_lines, high_lines), bits(is(low, '"'), is(high, '"')),
                   bits(is_either(low, ' ', '\t'), is_either(high, ' ', '\t'))};
}

static inline uint64_t bits_of(const char *at, char character) {
    return bits(is(_mm256_loadu_si256((const __m256i *)(const void *)at), character),
                is(_mm256_loadu_si256((const __m256i *)(const void *)(at + 32)), character));
}

#elif defined(MMOE_NEON)

static inline uint8x16_t is(uint8x16_t v, char byte) {
    return vceqq_u8(v, vdupq_n_u8((uint8_t)byte));
}

static inline uint8x16_t is_either(uint8x16_t v, char a, char b) {
    return vorrq_u8(is(v, a), is(v, b));
}

/* Each byte of a mask keeps the bit of its place in 8; sums of neighbours gather them. */
static inline uint64_t bits(const uint8x16_t m[4]) {
    static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t place = vld1q_u8(places);
    const uint8x16_t low = vpaddq_u8(vandq_u8(m[0], place), vandq_u8(m[1], place)),
                     high = vpaddq_u8(vandq_u8(m[2], place), vandq_u8(m[3], place));
    const uint8x16_t pairs = vpaddq_u8(low, high);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(pairs, pairs)), 0);
}

static inline marks marks_of(const char *at, char separator) {
    uint8x16_t ends[4], lines[4], quotes[4], blanks[4];
    for (int i = 0; i < 4; i++) {
        const uint8x16_t v = vld1q_u8((const uint8_t *)at + 16 * i);
        lines[i] = is_either(v, '\n', '\r');
        ends[i] = vorrq_u8(is(v, separator), lines[i]);
        quotes[i] = is(v, '"');
        blanks[i] = is_either(v, ' ', '\t');
    }
    return (marks){bits(ends), bits(lines), bits(quotes), bits(blanks)};
}

static inline uint64_t bits_of(const char *at, char character) {
    uint8x16_t found[4];
    for (int i = 0; i < 4; i++) found[i] = is(vld1q_u8((const uint8_t *)at + 16 * i), character);
    return bits(found);
}

#else

static inline marks marks_of(const char *at, char separator) {
    marks m = {0, 0, 0, 0};
    for (int i = 0; i < STEP; i++) {
        const char c = at[i];
        m.lines |= (uint64_t)((c == '\n') | (c == '\r')) << i;
        m.ends |= (uint64_t)(c == separator) << i;
        m.quotes |= (uint64_t)(c == '"') << i;
        m.blanks |= (uint64_t)((c == ' ') | (c == '\t')) << i;
    }
    m.ends |= m.lines;
    return m;
}

static inline uint64_t bits_of(const char *at, char character) {
    uint64_t found = 0;
    for (int i = 0; i < STEP; i++) found |= (uint64_t)(at[i] == character) << i;
    return found;
}

#endif

/* The places of the bits, behind `at`; to `copy`, too, unless it is NULL. What stands behind the
 * last is overwritten, or in the slack. Returns how many. */
#if defined(__AVX512F__)

static inline size_t put_places(uint64_t bits_left, uint32_t at, uint32_t *out, uint32_t *copy) {
    const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t n = 0;
    for (uint32_t i = 0; i < STEP && bits_left >> i; i += 16) {
        const __mmask16 some = (__mmask16)(bits_left >> i);
        const __m512i all = _mm512_add_epi32(first, _mm512_set1_epi32((int)(at + i))),
                      places = _mm512_maskz_compress_epi32(some, all);
        _mm512_storeu_si512(out + n, places);
        if (copy) _mm512_storeu_si512(copy + n, places);
        n += (size_t)__builtin_popcount(some);
    }
    return n;
}

#else

/* In eights, for how many there are is hard to foresee. */
static inline size_t put_places(uint64_t bits_left, uint32_t at, uint32_t *out, uint32_t *copy) {
    const size_t n = (size_t)__builtin_popcountll(bits_left);
    for (size_t k = 0; k < n; k += 8)
        for (size_t i = k; i < k + 8; i++) {
            out[i] = at + (uint32_t)__builtin_ctzll(bits_left | (uint64_t)1 << 63);
            if (copy) copy[i] = out[i];
            bits_left &= bits_left - 1;
        }
    return n;
}

#endif

/* Which of the ends, of which `before` stand before them, are lines: hardly more than one. */
static inline uint32_t *put_lines(marks m, uint32_t before, uint32_t *out) {
    do {
        const uint64_t below = (m.lines & -m.lines) - 1;
        *out = before + (uint32_t)__builtin_popcountll(m.ends & below);
        out += m.lines != 0;
        m.lines &= m.lines - 1;
    } while (m.lines);
    return out;
}

static inline bool is_end_byte(char c, char separator) {
    return c == separator || c == '\n' || c == '\r';
}

/* Bits of bytes behind which an odd number of quotes stands, `before` being all or none of the 64
 * before them: those within quotes, the opening one among them. */
static inline uint64_t within_quotes(uint64_t quotes, uint64_t before) {
    for (int i = 1; i < STEP; i *= 2) quotes ^= quotes << i;
    return quotes ^ before;
}

/* What quotes say of the 64 bytes at `bytes + at`. */
typedef struct quoting {
    uint64_t within, doubled, malformed;
} quoting;

static inline quoting quoting_of(marks m, const char *bytes, uint32_t at, char separator,
                                 uint64_t before) {
    const uint64_t within = within_quotes(m.quotes, before), opening = m.quotes & within,
                   closing = m.quotes & ~within;
    const char last = at ? bytes[at - 1] : '\n', next = bytes[at + STEP];
    const uint64_t behind_quote = m.quotes << 1 | (last == '"'),
                   behind_end = m.ends << 1 | is_end_byte(last, separator),
                   before_any = (m.quotes | m.ends) >> 1 |
                                (uint64_t)(next == '"' || is_end_byte(next, separator)) << 63;
    return (quoting){within, opening & behind_quote,
                     (opening & ~(behind_quote | behind_end)) | (closing & ~before_any)};
}

/* Blanks at which a field begins or ends, in 64 bytes or with the last byte before them, of which
 * `before` has the marks. */
static inline uint64_t blank_edges(marks m, marks before) {
    const uint64_t blanks = m.blanks & ~m.ends;
    return (blanks & (m.ends << 1 | before.ends >> 63)) |
           (m.ends & (blanks << 1 | (before.blanks & ~before.ends) >> 63));
}

static inline marks marks_inside(marks m, uint32_t length) {
    const uint64_t inside = ((uint64_t)1 << length) - 1;
    return (marks){m.ends & inside, m.lines & inside, m.quotes & inside, m.blanks & inside};
}

static void find(const char *bytes, uint32_t length, char separator, mmoe_csv_places *out) {
    uint32_t *ends = out->ends, *doubled = out->doubled, *lines = out->lines;
    uint64_t within = 0 /* of the last byte, in all bits */, odd = 0;
    marks before = {(uint64_t)1 << 63, 0, 0, 0};
    for (uint32_t at = 0; at < length; at += STEP) {
        marks m = marks_of(bytes + at, separator);
        if (length - at < STEP) m = marks_inside(m, length - at);
        odd |= m.quotes | blank_edges(m, before);
        before = m;
        if (m.quotes | within) {
            const quoting q = quoting_of(m, bytes, at, separator, within);
            const uint64_t good = (q.malformed & -q.malformed) - 1; /* all bits where none is */
            doubled += put_places(q.doubled & good, at, doubled, NULL);
            m.ends &= ~q.within & good;
            within = -(q.within >> 63);
            if (q.malformed) length = at;
        }
        if (!odd) lines = put_lines(m, (uint32_t)(ends - out->ends), lines);
        ends += put_places(m.ends, at, ends, NULL);
    }
    out->n_ends = (size_t)(ends - out->ends);
    out->n_doubled = (size_t)(doubled - out->doubled);
    out->n_lines = (size_t)(lines - out->lines);
    out->are_plain = !odd;
}

static size_t split(const char *bytes, uint32_t begin, uint32_t end, char separator,
                    uint32_t *const out[2]) {
    uint32_t *before = out[0], *ends = out[1];
    size_t n = 0;
    *before++ = begin - 1;
    for (uint32_t at = begin; at < end; at += STEP) {
        uint64_t found = bits_of(bytes + at, separator);
        if (end - at < STEP) found &= ((uint64_t)1 << (end - at)) - 1;
        n += put_places(found, at, ends + n, before + n);
    }
    ends[n] = end;
    return n + 1;
}

/* ---- Numbers ---- */

/* Compilers see vectors in loops over these. */
typedef struct short_texts {
    uint64_t texts[MMOE_CELLS_AT_ONCE], lengths[MMOE_CELLS_AT_ONCE];
    uint64_t bad[MMOE_CELLS_AT_ONCE]; /* 0: it is a number */
} short_texts;

static void load_texts(const mmoe_csv_cells *c, short_texts *s) {
    for (size_t k = 0; k < c->count; k++) {
        const mmoe_csv_field cell = mmoe_csv_cells_at(c, k);
        s->texts[k] = mmoe_eight_at(cell.text);
        s->lengths[k] = cell.length;
    }
}

static uint64_t good_ones(const short_texts *s, size_t count) {
    const uint64_t all = ~(uint64_t)0 >> (MMOE_CELLS_AT_ONCE - count);
    uint64_t some = 0, bad = 0;
    for (size_t k = 0; k < count; k++) some |= s->bad[k];
    for (size_t k = 0; some && k < count; k++) bad |= (uint64_t)(s->bad[k] != 0) << k;
    return all & ~bad;
}

static inline bool begins_by(uint64_t text, char c) { return (text & 0xFF) == (uint8_t)c; }

/* Of cells of 1 to 4 bytes, in lanes half as wide: true: all are integers. */
typedef struct shorter_texts {
    uint32_t texts[MMOE_CELLS_AT_ONCE], lengths[MMOE_CELLS_AT_ONCE];
} shorter_texts;

static bool are_shorter(const mmoe_csv_cells *c, shorter_texts *s) {
    uint32_t others = 0;
    for (size_t k = 0; k < c->count; k++) {
        const mmoe_csv_field cell = mmoe_csv_cells_at(c, k);
        s->texts[k] = mmoe_four_bytes(cell.text);
        s->lengths[k] = (uint32_t)cell.length;
        others |= (uint32_t)cell.length - 1;
    }
    return others < 4;
}

static bool are_shorter_integers(const mmoe_csv_cells *c, uint32_t out[MMOE_CELLS_AT_ONCE]) {
    shorter_texts s;
    uint32_t bad = 0;
    if (!are_shorter(c, &s)) return false;
    for (size_t k = 0; k < c->count; k++) {
        const uint32_t length = s.lengths[k], text = s.texts[k],
                       d = (text ^ (uint32_t)MMOE_ZEROS) << (-8 * length & 31),
                       pairs = d * (256 * 10 + 1) >> 8,
                       has_zero = ((text & 0xFF) == '0') & (length > 1);
        out[k] = (pairs & 0x00FF00FF) * (65536 * 100 + 1) >> 16;
        bad |= (((d + 0x76767676) | d) & 0x80808080) | has_zero;
    }
    return !bad;
}

static uint64_t integers(const mmoe_csv_cells *c, uint32_t out[MMOE_CELLS_AT_ONCE]) {
    if (are_shorter_integers(c, out)) return ~(uint64_t)0 >> (MMOE_CELLS_AT_ONCE - c->count);
    short_texts s;
    load_texts(c, &s);
    for (size_t k = 0; k < c->count; k++) {
        const uint64_t length = s.lengths[k], text = s.texts[k],
                       d = (text ^ MMOE_ZEROS) << (-8 * length & 63);
        const bool is_other = length - 1 >= MMOE_SHORT_NUMBER,
                   has_zero = begins_by(text, '0') & (length > 1);
        out[k] = (uint32_t)mmoe_of_digits(d);
        s.bad[k] = mmoe_no_digits(d) | is_other | has_zero;
    }
    return good_ones(&s, c->count);
}

/* The byte of a point says which power of ten the digits are divided by: it is that digit 1. All
 * without a branch, which the vectors have not. */
static uint64_t decimals(const mmoe_csv_cells *c, double out[MMOE_CELLS_AT_ONCE]) {
    short_texts s;
    load_texts(c, &s);
    for (size_t k = 0; k < c->count; k++) {
        const uint64_t ones = 0x0101010101010101, length = s.lengths[k], text = s.texts[k],
                       all = (text ^ MMOE_ZEROS) << (-8 * length & 63),
                       x = all ^ ones * ('.' ^ '0'), found = (x - ones) & ~x & 128 * ones,
                       first = found & -found, none = (first - 1) >> 63, point = first >> 7,
                       without = (all & ~(point * 256 - 1)) | (all & (point - 1)) << 8,
                       d = (without & (none - 1)) | (all & -none), one = point | none << 56;
        const bool is_other = length - 1 >= MMOE_SHORT_NUMBER;
        out[k] = (double)(int64_t)mmoe_of_digits(d) / (double)(int64_t)mmoe_of_digits(one);
        s.bad[k] = mmoe_no_digits(d) | is_other | begins_by(text, '.');
    }
    return good_ones(&s, c->count);
}

extern const mmoe_csv_scanner PASTE(mmoe_csv_scanner_, MMOE_SCANNER_NAME);
const mmoe_csv_scanner PASTE(mmoe_csv_scanner_, MMOE_SCANNER_NAME) = {
    .name = TEXT(MMOE_SCANNER_NAME),
    .find = find,
    .split = split,
    .integers = integers,
    .decimals = decimals,
};
