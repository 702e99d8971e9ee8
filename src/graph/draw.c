/* Tensors drawn from a seed. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "graph/params.h"
#include "math/blas_room.h"
#include "math/lapack.h"

#define TWO_PI 6.283185307179586476925

/* 64-bit FNV-1a. */
static uint64_t hash_name(const char *name) {
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}

/* Values of a tensor that are drawn, as if all were, to x [end - first]. */
typedef struct span {
    int64_t first, end;
} span;

/* Four values of 24 bits from each of Philox's blocks, in the middles of their 2^24 cells:
 * symmetric, and never the bounds. */
static void draw_uniform(float *x, span part, float bound, uint64_t seed, uint64_t stream) {
    uint32_t r[4];
    for (int64_t i = part.first; i < part.end; i++) {
        if (i % 4 == 0 || i == part.first) mmoe_philox(seed, stream, (uint64_t)i / 4, r);
        x[i - part.first] =
            (float)(((double)(r[i % 4] >> 8) * 0x1p-23 + (0x1p-24 - 1)) * (double)bound);
    }
}

static double unit(const uint32_t r[2]) {
    return (double)(((uint64_t)r[1] << 32 | r[0]) >> 11) * 0x1p-53;
}

/* Both values of Box and Muller's pair from each of Philox's blocks. */
static void draw_normal(float *x, span part, float deviation, uint64_t seed, uint64_t stream) {
    for (int64_t i = part.first / 2 * 2; i < part.end; i += 2) {
        uint32_t r[4];
        mmoe_philox(seed, stream, (uint64_t)i / 2, r);
        double radius = (double)deviation * sqrt(-2.0 * log(unit(r) + 0x1p-54)),
               angle = TWO_PI * unit(r + 2);
        if (i >= part.first) x[i - part.first] = (float)(radius * cos(angle));
        if (i + 1 < part.end) x[i + 1 - part.first] = (float)(radius * sin(angle));
    }
}

/* x [rows, cols], whose values are normal; the orthonormal vectors stand one behind another in `a`.
 */
static mmoe_status make_orthogonal(const mmoe_allocator *alloc, float *x, int64_t rows,
                                   int64_t cols, mmoe_error *err) {
    const bool by_row = rows <= cols;
    const int64_t count = by_row ? rows : cols, length = by_row ? cols : rows;
    const size_t size = (size_t)(count * length),
                 room = (size_t)mmoe_lapack_orthonormal_scratch((int32_t)length, (int32_t)count);
    double *a = mmoe_alloc(alloc, size + room, sizeof *a);
    if (!a) return mmoe_fail_memory(err, (size + room) * sizeof *a);
    for (size_t i = 0; i < size; i++) a[i] = (double)x[i];
    const mmoe_status status = mmoe_blas_claim(1, err);
    if (status) {
        mmoe_release(alloc, a);
        return status;
    }
    const bool done = mmoe_lapack_orthonormal((int32_t)length, (int32_t)count, a, a + size);
    mmoe_blas_release(1);
    for (int64_t i = 0; i < rows && done; i++)
        for (int64_t j = 0; j < cols; j++)
            x[i * cols + j] = (float)(by_row ? a[i * length + j] : a[j * length + i]);
    mmoe_release(alloc, a);
    return done ? MMOE_OK
                : mmoe_fail(err, MMOE_E_NUMERIC, "LAPACK found no orthogonal matrix [%lld, %lld]",
                            (long long)rows, (long long)cols);
}

/* A matrix that is drawn as a whole is all of its tensor. */
static mmoe_status draw_part(const mmoe_params *p, const mmoe_tensor *tensor, span part,
                             uint64_t seed, float *x, mmoe_error *err) {
    const uint64_t stream = mmoe_stream(MMOE_STREAM_INIT, hash_name(tensor->name + tensor->prefix));
    switch (tensor->init) {
    case MMOE_INIT_CONSTANT:
        for (int64_t i = part.first; i < part.end; i++) x[i - part.first] = tensor->init_a;
        break;
    case MMOE_INIT_NORMAL:
        draw_normal(x, part, tensor->init_a, seed, stream);
        break;
    case MMOE_INIT_UNIFORM:
        draw_uniform(x, part, tensor->init_a, seed, stream);
        break;
    case MMOE_INIT_STITCH:
        for (int64_t i = 0, n = tensor->shape[0]; i < n * n; i++)
            x[i] = i / n == i % n ? tensor->init_a : (1 - tensor->init_a) / (float)(n - 1);
        break;
    case MMOE_INIT_ORTHOGONAL:
        draw_normal(x, part, 1, seed, stream);
        return make_orthogonal(&p->alloc, x, tensor->shape[0], tensor->shape[1], err);
    }
    return MMOE_OK;
}

/* Of a table that is dealt the rows that are here. */
static void draw_own(const mmoe_params *p, const mmoe_tensor *table, uint64_t seed) {
    const int64_t rows = mmoe_deal_count(table->deal, table->shape[0]), dim = table->shape[1];
    float *x = mmoe_params_at(p, table);
    for (int64_t i = 0; i < rows; i++, x += dim) {
        const int64_t row = mmoe_deal_number(table->deal, i);
        if (table->has_padding && row == table->padding)
            memset(x, 0, (size_t)dim * sizeof *x);
        else
            draw_part(p, table, (span){row * dim, (row + 1) * dim}, seed, x, NULL);
    }
}

static mmoe_status draw_tensor(const mmoe_params *p, const mmoe_tensor *tensor, uint64_t seed,
                               mmoe_error *err) {
    if (tensor->kind != MMOE_TENSOR_COUNTER)
        return draw_part(p, tensor, (span){0, tensor->count}, seed, mmoe_params_at(p, tensor), err);
    int64_t *counter = mmoe_params_at(p, tensor);
    for (int64_t i = 0; i < tensor->count; i++) counter[i] = (int64_t)tensor->init_a;
    return MMOE_OK;
}

static void clear_padding(const mmoe_params *p, const mmoe_tensor *table) {
    memset((float *)mmoe_params_at(p, table) + table->padding * table->shape[1], 0,
           (size_t)table->shape[1] * sizeof(float));
}

mmoe_status mmoe_params_draw(mmoe_params *p, const mmoe_tensors *t, uint64_t seed,
                             mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; i < t->count && !status; i++) {
        const mmoe_tensor *x = &t->items[i];
        if (x->deal.shift) {
            draw_own(p, x, seed);
            continue;
        }
        status = draw_tensor(p, x, seed, err);
        if (x->has_padding) clear_padding(p, x);
    }
    return status;
}

mmoe_status mmoe_params_draw_rows(const mmoe_params *p, const mmoe_tensor *table, int64_t first,
                                  uint64_t seed, mmoe_error *err) {
    const span part = {first * table->shape[1], table->count};
    float *x = mmoe_params_at(p, table);
    const mmoe_status status = draw_part(p, table, part, seed, x + part.first, err);
    if (table->has_padding && table->padding >= first) clear_padding(p, table);
    return status;
}
