#include "model/state_dict.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* ---- Names ---- */

static bool is_wrapper(const char *word, size_t length) {
    static const char *const words[] = {"module", "_orig_mod", "_forward_module",
                                        "_fsdp_wrapped_module", "_checkpoint_wrapped_module"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == length && !memcmp(words[i], word, length)) return true;
    return false;
}

/* Word by word; what is a wrapper's in the file's name and not in ours is passed over. (A table may
 * be called "module".) */
static bool is_wrapped(const char *file, const char *name) {
    for (;;) {
        const size_t f = strcspn(file, "."), n = strcspn(name, ".");
        if (f == n && !memcmp(file, name, n)) {
            if (!file[f] || !name[n]) return file[f] == name[n];
            file += f + 1;
            name += n + 1;
        } else {
            if (!file[f] || !is_wrapper(file, f)) return false;
            file += f + 1;
        }
    }
}

static const mmoe_container_tensor *find_behind(const mmoe_container *file, const char *prefix,
                                                const char *name) {
    char whole[1024];
    const int length = snprintf(whole, sizeof whole, "%s%s", prefix, name);
    return length < (int)sizeof whole ? mmoe_container_find(file, whole) : NULL;
}

static void learn_prefix(mmoe_state_names *names, const char *found, const char *name) {
    const size_t whole = strlen(found), length = strlen(name);
    if (whole <= length || strcmp(found + whole - length, name) != 0) return;
    if (whole - length >= sizeof names->prefix) return;
    memcpy(names->prefix, found, whole - length);
    names->prefix[whole - length] = '\0';
}

const mmoe_container_tensor *mmoe_state_find(const mmoe_container *file, mmoe_state_names *names,
                                             const char *name) {
    const mmoe_container_tensor *t = mmoe_container_find(file, name);
    if (t) return t;
    if (*names->prefix) t = find_behind(file, names->prefix, name);
    for (size_t i = 0; !t && i < mmoe_container_count(file); i++)
        if (is_wrapped(mmoe_container_at(file, i)->name, name)) t = mmoe_container_at(file, i);
    if (!t) return NULL;
    if (names->wrapped++ == 0) names->first = t->name;
    if (!*names->prefix) learn_prefix(names, t->name, name);
    return t;
}

/* ---- Numbers ---- */

bool mmoe_state_is_other_float(mmoe_dtype dtype) {
    return dtype == MMOE_F64 || dtype == MMOE_F16 || dtype == MMOE_BF16;
}

/* Sign, 5 bits of exponent, 10 of the rest; below 2^-14 without a leading one. */
static double of_half(uint16_t bits) {
    const int exponent = bits >> 10 & 31, rest = bits & 1023;
    double x = exponent ? ldexp(1024 + rest, exponent - 25) : ldexp(rest, -24);
    if (exponent == 31) x = rest ? (double)NAN : (double)INFINITY;
    return bits >> 15 ? -x : x;
}

/* The upper half of a float. */
static double of_brain_float(uint16_t bits) {
    const uint32_t whole = (uint32_t)bits << 16;
    float x;
    memcpy(&x, &whole, sizeof x);
    return (double)x;
}

static double number_at(const mmoe_container_tensor *t, int64_t index) {
    const char *at = (const char *)t->data + (size_t)index * mmoe_dtype_size(t->dtype);
    uint16_t half;
    float single;
    double x = 0;
    int32_t integer;
    switch (t->dtype) {
    case MMOE_F32:
        memcpy(&single, at, sizeof single);
        return (double)single;
    case MMOE_F64:
        memcpy(&x, at, sizeof x);
        return x;
    case MMOE_F16:
        memcpy(&half, at, sizeof half);
        return of_half(half);
    case MMOE_BF16:
        memcpy(&half, at, sizeof half);
        return of_brain_float(half);
    case MMOE_I32:
        memcpy(&integer, at, sizeof integer);
        return integer;
    case MMOE_U8:
        return *(const unsigned char *)at;
    case MMOE_I8:
        return *(const int8_t *)at;
    case MMOE_I64:
        break;
    }
    return (double)NAN; /* mmoe_state_counts reads these as they are */
}

mmoe_status mmoe_state_floats(const mmoe_container_tensor *from, int64_t count, const char *path,
                              float *out, mmoe_error *err) {
    const double beyond = 0x1.ffffffp127; /* what is nearer to 2^128 than to the largest float */
    for (int64_t i = 0; i < count; i++) {
        const double x = number_at(from, i);
        if (isfinite(x) && fabs(x) >= beyond)
            return mmoe_fail_format(
                err, path, "tensor \"%.120s\": value %lld, %.6g, is too large for single precision",
                from->name, (long long)i, x);
        out[i] = (float)x;
    }
    return MMOE_OK;
}

bool mmoe_state_counts(const mmoe_container_tensor *from, int64_t count, int64_t *out) {
    for (int64_t i = 0; i < count; i++) {
        if (from->dtype == MMOE_I64) {
            memcpy(&out[i], (const char *)from->data + (size_t)i * sizeof *out, sizeof *out);
            continue;
        }
        const double x = number_at(from, i);
        if (!(fabs(x) < 0x1p63) || x != floor(x)) return false;
        out[i] = (int64_t)x;
    }
    return true;
}
