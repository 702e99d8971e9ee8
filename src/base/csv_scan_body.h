/* The scanner, written once over marks of 64 bytes; included by one file for each instruction set,
 * which names it MMOE_SCANNER_NAME. aarch64 has NEON always; MMOE_NEON tells the set that is
 * written for it from the plain one. */
#include <stdbool.h>

#include "base/csv_scan.h"

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
    uint64_t ends, quotes;
} marks;

#if defined(__AVX512BW__)

static inline marks marks_of(const char *at, char separator) {
    const __m512i v = _mm512_loadu_si512(at);
    return (marks){_mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(separator)) |
                       _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n')) |
                       _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\r')),
                   _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"'))};
}

#elif defined(__AVX2__)

static inline __m256i is(__m256i v, char byte) {
    return _mm256_cmpeq_epi8(v, _mm256_set1_epi8(byte));
}

static inline uint64_t bits(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

static inline __m256i is_end(__m256i v, char separator) {
    return _mm256_or_si256(is(v, separator), _mm256_or_si256(is(v, '\n'), is(v, '\r')));
}

static inline marks marks_of(const char *at, char separator) {
    const __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)at),
                  high = _mm256_loadu_si256((const __m256i *)(const void *)(at + 32));
    return (marks){bits(is_end(low, separator), is_end(high, separator)),
                   bits(is(low, '"'), is(high, '"'))};
}

#elif defined(MMOE_NEON)

static inline uint8x16_t is(uint8x16_t v, char byte) {
    return vceqq_u8(v, vdupq_n_u8((uint8_t)byte));
}

static inline uint8x16_t is_end(uint8x16_t v, char separator) {
    return vorrq_u8(is(v, separator), vorrq_u8(is(v, '\n'), is(v, '\r')));
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
    uint8x16_t ends[4], quotes[4];
    for (int i = 0; i < 4; i++) {
        const uint8x16_t v = vld1q_u8((const uint8_t *)at + 16 * i);
        ends[i] = is_end(v, separator);
        quotes[i] = is(v, '"');
    }
    return (marks){bits(ends), bits(quotes)};
}

#else

static inline marks marks_of(const char *at, char separator) {
    marks m = {0, 0};
    for (int i = 0; i < STEP; i++) {
        const char c = at[i];
        m.ends |= (uint64_t)((c == separator) | (c == '\n') | (c == '\r')) << i;
        m.quotes |= (uint64_t)(c == '"') << i;
    }
    return m;
}

#endif

/* The places of the bits, behind `at`: in eights, for how many there are is hard to foresee. What
 * stands behind the last is overwritten, or in the slack. */
static inline uint32_t *put_places(uint64_t bits_left, uint32_t at, uint32_t *out) {
    uint32_t *end = out + __builtin_popcountll(bits_left);
    while (bits_left) {
        for (int i = 0; i < 8; i++) {
            *out++ = at + (uint32_t)__builtin_ctzll(bits_left | (uint64_t)1 << 63);
            bits_left &= bits_left - 1;
        }
    }
    return end;
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

static void find(const char *bytes, uint32_t length, char separator, mmoe_csv_places *out) {
    uint32_t *ends = out->ends, *doubled = out->doubled;
    uint64_t within = 0; /* of the last byte, in all bits */
    for (uint32_t at = 0; at < length; at += STEP) {
        marks m = marks_of(bytes + at, separator);
        if (length - at < STEP) {
            const uint64_t inside = ((uint64_t)1 << (length - at)) - 1;
            m.ends &= inside;
            m.quotes &= inside;
        }
        if (m.quotes | within) {
            const quoting q = quoting_of(m, bytes, at, separator, within);
            const uint64_t good = (q.malformed & -q.malformed) - 1; /* all bits where none is */
            doubled = put_places(q.doubled & good, at, doubled);
            m.ends &= ~q.within & good;
            within = -(q.within >> 63);
            if (q.malformed) length = at;
        }
        ends = put_places(m.ends, at, ends);
    }
    out->n_ends = (size_t)(ends - out->ends);
    out->n_doubled = (size_t)(doubled - out->doubled);
}

extern const mmoe_csv_scanner PASTE(mmoe_csv_scanner_, MMOE_SCANNER_NAME);
const mmoe_csv_scanner PASTE(mmoe_csv_scanner_, MMOE_SCANNER_NAME) = {
    .name = TEXT(MMOE_SCANNER_NAME),
    .find = find,
};
