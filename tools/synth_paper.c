#include <math.h>
#include <stdlib.h>

#include "random.h"
#include "synth_chunks.h"
#include "synth_text.h"

enum { STREAM_U1 = 1, STREAM_U2, STREAM_PHASE, STREAM_X, STREAM_NOISE };

/* The paper's N(0, 0.01), read as a variance. */
static const double noise_deviation = 0.1;

static double dot_of_features(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void normalize_weights(double *a, int64_t n) {
    double length = sqrt(dot_of_features(a, a, n));
    for (int64_t i = 0; i < n; i++) a[i] /= length;
}

/* w [2, dim]: w1 = c u1, w2 = c (p u1 + sqrt(1 - p^2) u2), u1 and u2 orthonormal. */
static void draw_task_weights(uint64_t seed, const synth_paper_shape *s, double *w) {
    double *u1 = w, *u2 = w + s->dim, p = s->correlation;
    for (int64_t i = 0; i < s->dim; i++) {
        u1[i] = random_normal(seed, STREAM_U1, (uint64_t)i);
        u2[i] = random_normal(seed, STREAM_U2, (uint64_t)i);
    }
    normalize_weights(u1, s->dim);
    double along = dot_of_features(u1, u2, s->dim);
    for (int64_t i = 0; i < s->dim; i++) u2[i] -= along * u1[i];
    normalize_weights(u2, s->dim);
    for (int64_t i = 0; i < s->dim; i++) {
        double a = u1[i], b = u2[i];
        w[i] = s->scale * a;
        w[s->dim + i] = s->scale * (p * a + sqrt(1 - p * p) * b);
    }
}

/* z + sum_i sin(a_i z + b_i). The paper leaves a_i and b_i open: a_i = i here, b_i uniform in [0, 2
 * pi) by the seed. */
static double respond(uint64_t seed, int64_t terms, double z) {
    double y = z;
    for (int64_t i = 1; i <= terms; i++)
        y += sin((double)i * z +
                 6.283185307179586 * random_uniform(seed, STREAM_PHASE, (uint64_t)i));
    return y;
}

/* Bytes of a number as it is written, at most, and its comma. */
enum { NUMBER_SIZE = 20 };

typedef struct paper {
    uint64_t seed;
    const synth_paper_shape *shape;
    const double *w; /* [2, dim] */
} paper;

static char *put_paper_row(const paper *of, int64_t r, double *x, char *to) {
    const int64_t d = of->shape->dim;
    for (int64_t j = 0; j < d; j++) x[j] = random_normal(of->seed, STREAM_X, (uint64_t)(r * d + j));
    for (int k = 0; k < 2; k++) {
        const double noise = noise_deviation *
                             random_normal(of->seed, STREAM_NOISE, (uint64_t)(2 * r + k)),
                     z = dot_of_features(of->w + k * d, x, d),
                     y = respond(of->seed, of->shape->terms, z) + noise;
        to += snprintf(to, NUMBER_SIZE, "%s%.9g", k ? "," : "", y);
    }
    for (int64_t j = 0; j < d; j++) to += snprintf(to, NUMBER_SIZE, ",%.7g", x[j]);
    return synth_put(to, '\n');
}

static void draw_paper(void *context, synth_chunk *chunk) {
    const paper *of = context;
    for (int i = 0; i < chunk->rows; i++)
        chunk->text = put_paper_row(of, chunk->first + i, chunk->notes, chunk->text);
}

int synth_paper(const synth_rows *rows, const synth_paper_shape *shape) {
    double *w = calloc((size_t)(2 * shape->dim), sizeof *w);
    if (!w) return cli_fail_memory();
    draw_task_weights(rows->seed, shape, w);
    fputs("y1,y2", rows->out->stream);
    for (int64_t j = 0; j < shape->dim; j++) fprintf(rows->out->stream, ",x%lld", (long long)j);
    fputc('\n', rows->out->stream);
    paper of = {rows->seed, shape, w};
    const synth_drawing drawing = {.rows = rows,
                                   .row_size = NUMBER_SIZE * (size_t)(shape->dim + 3),
                                   .note_size = (size_t)shape->dim * sizeof *w,
                                   .context = &of,
                                   .draw = draw_paper};
    const int status = synth_draw(&drawing);
    free(w);
    return status;
}
