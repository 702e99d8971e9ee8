/* A user has a taste and an item a place, both points of a plane. An element of a history is, of
 * three items drawn by popularity, the one that suits the user's taste best. An item's affinity to
 * a history is the mean of the scalar products of its place with theirs; places lie around (1, 1)
 * and not around 0, so a history tells something of any item. Tags are the row's own; the mean of
 * their effects by their weights counts. An empty list has no effect. */
#include "synth_lists.h"

#include <math.h>
#include <stdlib.h>

#include "random.h"
#include "synth_text.h"

enum { PLANE = 2, CANDIDATES = 3, TAGS = 60 };
static const double no_history = 0.1, mean_history = 8, no_tags = 0.2;

enum {
    STREAM_TASTE = 2000,
    STREAM_PLACE,
    STREAM_LENGTH,
    STREAM_TAGS,
    STREAM_TAG_CLICK,
    STREAM_TAG_PURCHASE,
    STREAM_TAG = 2100,
    STREAM_WEIGHT = 2200,
    STREAM_HISTORY = 2300 /* an element's candidates, one behind another */
};

struct synth_list_world {
    uint64_t seed;
    const random_choice *items;
    random_choice tags;
    double tag_click[TAGS], tag_purchase[TAGS];
    uint64_t candidates[SYNTH_MAX_HISTORY * CANDIDATES]; /* their streams */
    double *taste;                                       /* [users, PLANE] */
    double *place;                                       /* [items, PLANE] */
};

synth_list_world *synth_list_world_new(uint64_t seed, int users, const random_choice *items) {
    synth_list_world *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->seed = seed;
    w->items = items;
    w->taste = malloc((size_t)users * PLANE * sizeof *w->taste);
    w->place = malloc((size_t)items->values * PLANE * sizeof *w->place);
    if (!random_choice_make(TAGS, 1, &w->tags) || !w->taste || !w->place) {
        synth_list_world_free(w);
        return NULL;
    }
    for (int i = 0; i < users * PLANE; i++)
        w->taste[i] = random_normal(seed, STREAM_TASTE, (uint64_t)i);
    for (int i = 0; i < items->values * PLANE; i++)
        w->place[i] = 1 + random_normal(seed, STREAM_PLACE, (uint64_t)i);
    for (int i = 0; i < TAGS; i++) {
        w->tag_click[i] = random_normal(seed, STREAM_TAG_CLICK, (uint64_t)i);
        w->tag_purchase[i] = random_normal(seed, STREAM_TAG_PURCHASE, (uint64_t)i);
    }
    for (int i = 0; i < SYNTH_MAX_HISTORY * CANDIDATES; i++)
        w->candidates[i] = random_stream(seed, (uint64_t)(STREAM_HISTORY + i));
    return w;
}

void synth_list_world_free(synth_list_world *w) {
    if (!w) return;
    random_choice_free(&w->tags);
    free(w->taste);
    free(w->place);
    free(w);
}

static double dot(const double *a, const double *b) {
    double sum = 0;
    for (int d = 0; d < PLANE; d++) sum += a[d] * b[d];
    return sum;
}

/* The candidate that suits the taste best. */
static int draw_item(const synth_list_world *w, uint64_t row, int at, const double *taste) {
    int best = 0;
    double most = -INFINITY;
    for (int c = 0; c < CANDIDATES; c++) {
        const double u = random_uniform_of(w->candidates[at * CANDIDATES + c], row);
        const int item = random_choice_draw(w->items, u);
        const double fit = dot(taste, w->place + item * PLANE);
        if (fit > most) {
            most = fit;
            best = item;
        }
    }
    return best;
}

/* Lengths are geometric, and cut. */
static int draw_length(const synth_list_world *w, uint64_t row) {
    const double u = random_uniform(w->seed, STREAM_LENGTH, row);
    if (u < no_history) return 0;
    const double length = 1 - mean_history * log((u - no_history) / (1 - no_history));
    return length < SYNTH_MAX_HISTORY ? (int)length : SYNTH_MAX_HISTORY;
}

static void draw_history(const synth_list_world *w, uint64_t row, int user, int item,
                         synth_lists *out) {
    double sum = 0;
    out->n_history = draw_length(w, row);
    for (int i = 0; i < out->n_history; i++) {
        out->history[i] = draw_item(w, row, i, w->taste + user * PLANE);
        sum += dot(w->place + item * PLANE, w->place + out->history[i] * PLANE);
    }
    out->affinity = out->n_history ? sum / out->n_history : 0;
}

static void draw_tags(const synth_list_world *w, uint64_t row, synth_lists *out) {
    const double u = random_uniform(w->seed, STREAM_TAGS, row);
    const int length = 1 + (int)((u - no_tags) / (1 - no_tags) * SYNTH_MAX_TAGS);
    out->n_tag = u < no_tags ? 0 : length;
    if (out->n_tag > SYNTH_MAX_TAGS) out->n_tag = SYNTH_MAX_TAGS;
    double click = 0, purchase = 0, total = 0;
    for (int i = 0; i < out->n_tag; i++) {
        const double which = random_uniform(w->seed, (uint64_t)(STREAM_TAG + i), row),
                     drawn = random_uniform(w->seed, (uint64_t)(STREAM_WEIGHT + i), row);
        out->tag[i] = random_choice_draw(&w->tags, which);
        out->weight[i] = (int)ceil(100 * drawn);
        const double weight = (double)out->weight[i] / 100; /* as written */
        total += weight;
        click += weight * w->tag_click[out->tag[i]];
        purchase += weight * w->tag_purchase[out->tag[i]];
    }
    out->tag_click = out->n_tag ? click / total : 0;
    out->tag_purchase = out->n_tag ? purchase / total : 0;
}

void synth_lists_draw(const synth_list_world *world, uint64_t row, int user, int item,
                      synth_lists *out) {
    draw_history(world, row, user, item, out);
    draw_tags(world, row, out);
}

char *synth_lists_write(char *to, const synth_lists *lists) {
    for (int i = 0; i < lists->n_history; i++) {
        if (i) to = synth_put(to, '|');
        to = synth_put_id(to, (uint32_t)lists->history[i]);
    }
    to = synth_put(to, ',');
    for (int i = 0; i < lists->n_tag; i++) {
        if (i) to = synth_put(to, '|');
        to = synth_put_id(synth_put(to, 't'), (uint32_t)lists->tag[i]);
        to = synth_put_decimal(synth_put(to, ':'), (uint32_t)lists->weight[i], 2);
    }
    return to;
}
