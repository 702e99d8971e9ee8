/* A click log with Ali-CCP's columns and a planted signal.
 *
 * A row has a user and an item of Zipf popularity; the users' and items' other ids are functions of
 * them, the rest is drawn by row. Every id value has a latent effect on a part that click and
 * purchase share, and on a part of each. Products of latent factors (age with category, gender with
 * brand, and so on) and a few dense terms are added. Then click ~ Bernoulli(sigmoid(shared +
 * click's own)), purchase given click ~ Bernoulli(sigmoid(shared / 2 + purchase's own)), with
 * intercepts that make 6 % of the rows clicks and 10 % of the clicks purchases. Lists, where they
 * are wanted, add to the same sums.
 *
 * What belongs to a user, an item or a value is drawn once, for all rows. */
#include "synth_world.h"

#include <math.h>
#include <stdlib.h>

#include "random.h"

enum { USER_NUMBERS = 4, PROBE_ROWS = 8192 };
static const double click_rate = 0.06, purchase_rate = 0.10;

/* Where a column's id comes from. */
typedef enum id_source {
    OF_USER,
    OF_ITEM,
    OF_ROW,
    OF_PAIR /* of the row, from 1; half of the rows have none: id 0, dense value 0 */
} id_source;

/* Ali-CCP's values are those that AITM's preprocessing counts (Xi et al., KDD 2021). It leaves out
 * 210 and the users' histories, 109_14 and so on: these have as many as their combinations with an
 * item's fields, 853, 508 and so on. */
typedef struct id_column {
    const char *name;
    int few, ali_ccp;  /* values */
    double popularity; /* exponent of Zipf's law */
    id_source source;
    double shared, click, purchase; /* standard deviations of the values' effects */
} id_column;

static const id_column columns[SYNTH_IDS] = {{"101", 500, 238635, 0.9, OF_USER, 0.10, 0.10, 0.10},
                                             {"121", 98, 98, 0.8, OF_USER, 0.30, 0.15, 0.20},
                                             {"122", 14, 14, 0.4, OF_USER, 0.30, 0.15, 0.25},
                                             {"124", 3, 3, 0.2, OF_USER, 0.20, 0.15, 0.20},
                                             {"125", 8, 8, 0.2, OF_USER, 0.30, 0.20, 0.30},
                                             {"126", 4, 4, 0.2, OF_USER, 0.15, 0.10, 0.15},
                                             {"127", 4, 4, 0.2, OF_USER, 0.15, 0.10, 0.15},
                                             {"128", 3, 3, 0.2, OF_USER, 0.10, 0.10, 0.10},
                                             {"129", 5, 5, 0.2, OF_USER, 0.15, 0.10, 0.15},
                                             {"205", 4000, 467298, 1.2, OF_ITEM, 0.15, 0.10, 0.10},
                                             {"206", 400, 6929, 1.0, OF_ITEM, 0.40, 0.25, 0.30},
                                             {"207", 2000, 263942, 1.2, OF_ITEM, 0.15, 0.10, 0.10},
                                             {"210", 2000, 37148, 1.2, OF_ROW, 0.20, 0.15, 0.15},
                                             {"216", 1500, 106399, 1.2, OF_ITEM, 0.20, 0.15, 0.15},
                                             {"508", 34, 5888, 1.0, OF_PAIR, 0.15, 0.10, 0.10},
                                             {"509", 23, 104830, 1.0, OF_PAIR, 0.15, 0.10, 0.10},
                                             {"702", 24, 51878, 1.0, OF_PAIR, 0.15, 0.10, 0.10},
                                             {"853", 27, 37148, 1.0, OF_PAIR, 0.15, 0.10, 0.15},
                                             {"301", 3, 4, 0.3, OF_ROW, 0.00, 0.50, 0.00},
                                             {"109_14", 20, 5888, 0.8, OF_USER, 0.15, 0.10, 0.10},
                                             {"110_14", 30, 104830, 0.8, OF_USER, 0.15, 0.05, 0.10},
                                             {"127_14", 25, 51878, 0.8, OF_USER, 0.15, 0.05, 0.10},
                                             {"150_14", 25, 37148, 0.8, OF_USER, 0.15, 0.05, 0.10}};
enum {
    USER = 0,
    GENDER = 3,
    AGE = 4,
    CITY = 2,
    ITEM = 9,
    CATEGORY = 10,
    BRAND = 13,
    INTENTION = 12
};

static const char *const number_names[SYNTH_NUMBERS] = {"D109_14", "D110_14", "D127_14", "D150_14",
                                                        "D508",    "D509",    "D702",    "D853"};
enum { FIRST_PAIR = 14 }; /* D508 is the value of column 508 */

/* Streams beyond those of the columns: a column's id, effects and factors take 16 from its own
 * number on. */
enum {
    STREAM_ID = 0,
    STREAM_EFFECT = 1,
    STREAM_FACTOR = 4,
    STREAM_DENSE = 8,
    STREAMS_A_COLUMN = 16
};
enum { STREAM_USER = 1000, STREAM_ITEM, STREAM_CLICK, STREAM_PURCHASE };
/* Rows that only set the intercepts stand far behind any that is written. */
static const uint64_t probe_first = UINT64_C(1) << 60;

typedef struct effects {
    double shared, click, purchase;
} effects;

/* Two columns whose latent factors, of two dimensions, are multiplied. */
enum { PAIRS = 3, FACTORS = 2 };
static const struct {
    int a, b, part; /* 0: of shared, 1: of click, 2: of purchase */
    double weight;
} pairs[PAIRS] = {{AGE, CATEGORY, 0, 0.3}, {GENDER, BRAND, 1, 0.2}, {CITY, INTENTION, 2, 0.3}};

struct synth_world {
    uint64_t seed;
    random_choice choices[SYNTH_IDS];
    effects *effects[SYNTH_IDS];       /* [ids] */
    double *factors[PAIRS][2];         /* [values, FACTORS] of a and b */
    int *of_user, *of_item;            /* [users or items, SYNTH_IDS], of their columns */
    int (*user_numbers)[USER_NUMBERS]; /* [users] */
    synth_list_world *lists;           /* NULL: rows have none */
    double click_intercept, purchase_intercept;
};

const char *synth_id_name(int column) { return columns[column].name; }

const char *synth_number_name(int column) { return number_names[column]; }

static uint64_t stream(int column, int what) {
    return (uint64_t)(column * STREAMS_A_COLUMN + what);
}

/* ---- What is drawn once ---- */

static double *draw_factors(uint64_t seed, int column, int part, int values) {
    double *out = malloc((size_t)values * FACTORS * sizeof *out);
    for (int i = 0; out && i < values * FACTORS; i++)
        out[i] = random_normal(seed, stream(column, STREAM_FACTOR + part), (uint64_t)i);
    return out;
}

static effects *draw_effects(uint64_t seed, int column, int values) {
    const id_column *c = &columns[column];
    const uint64_t first = stream(column, STREAM_EFFECT),
                   count = (uint64_t)values + (c->source == OF_PAIR);
    effects *out = malloc(count * sizeof *out);
    for (uint64_t i = 0; out && i < count; i++)
        out[i] = (effects){c->shared * random_normal(seed, first, i),
                           c->click * random_normal(seed, first + 1, i),
                           c->purchase * random_normal(seed, first + 2, i)};
    return out;
}

/* The ids that each user or item has in the columns of its source. */
static int *draw_own_ids(const synth_world *w, id_source source, int self) {
    const int count = w->choices[self].values;
    int *out = malloc((size_t)count * SYNTH_IDS * sizeof *out);
    for (int i = 0; out && i < count; i++)
        for (int c = 0; c < SYNTH_IDS; c++) {
            if (columns[c].source != source) continue;
            const double u = random_uniform(w->seed, stream(c, STREAM_ID), (uint64_t)i);
            out[i * SYNTH_IDS + c] = c == self ? i : random_choice_draw(&w->choices[c], u);
        }
    return out;
}

static int number_of(double u) { return (int)round(10000 * u * u); }

static void draw_user_numbers(const synth_world *w) {
    for (int i = 0; i < w->choices[USER].values; i++)
        for (int d = 0; d < USER_NUMBERS; d++)
            w->user_numbers[i][d] =
                number_of(random_uniform(w->seed, stream(d, STREAM_DENSE), (uint64_t)i));
}

static bool make_tables(synth_world *w, bool with_lists, bool as_ali_ccp) {
    bool done = true;
    for (int c = 0; done && c < SYNTH_IDS; c++) {
        const int values = as_ali_ccp ? columns[c].ali_ccp : columns[c].few;
        done = random_choice_make(values, columns[c].popularity, &w->choices[c]);
        if (done) done = (w->effects[c] = draw_effects(w->seed, c, values)) != NULL;
    }
    for (int p = 0; done && p < PAIRS; p++)
        for (int side = 0; done && side < 2; side++) {
            const int c = side ? pairs[p].b : pairs[p].a;
            w->factors[p][side] = draw_factors(w->seed, c, pairs[p].part, w->choices[c].values);
            done = w->factors[p][side] != NULL;
        }
    if (!done) return false;
    w->of_user = draw_own_ids(w, OF_USER, USER);
    w->of_item = draw_own_ids(w, OF_ITEM, ITEM);
    w->user_numbers = malloc((size_t)w->choices[USER].values * sizeof *w->user_numbers);
    if (!w->of_user || !w->of_item || !w->user_numbers) return false;
    draw_user_numbers(w);
    if (!with_lists) return true;
    w->lists = synth_list_world_new(w->seed, w->choices[USER].values, &w->choices[ITEM]);
    return w->lists;
}

/* ---- A row ---- */

static void draw_ids(const synth_world *w, uint64_t row, int user, int item, int *id) {
    const int *of_user = w->of_user + (size_t)user * SYNTH_IDS,
              *of_item = w->of_item + (size_t)item * SYNTH_IDS;
    for (int c = 0; c < SYNTH_IDS; c++) {
        if (columns[c].source == OF_USER)
            id[c] = of_user[c];
        else if (columns[c].source == OF_ITEM)
            id[c] = of_item[c];
        else {
            const double u = random_uniform(w->seed, stream(c, STREAM_ID), row);
            if (columns[c].source == OF_ROW)
                id[c] = random_choice_draw(&w->choices[c], u);
            else
                id[c] = u < 0.5 ? 0 : 1 + random_choice_draw(&w->choices[c], 2 * u - 1);
        }
    }
}

static void draw_features(const synth_world *w, uint64_t row, synth_click_row *out) {
    const double of_user = random_uniform(w->seed, STREAM_USER, row),
                 of_item = random_uniform(w->seed, STREAM_ITEM, row);
    const int user = random_choice_draw(&w->choices[USER], of_user),
              item = random_choice_draw(&w->choices[ITEM], of_item);
    draw_ids(w, row, user, item, out->id);
    for (int d = 0; d < USER_NUMBERS; d++) out->number[d] = w->user_numbers[user][d];
    for (int d = USER_NUMBERS; d < SYNTH_NUMBERS; d++)
        out->number[d] = out->id[FIRST_PAIR + d - USER_NUMBERS] > 0
                             ? number_of(random_uniform(w->seed, stream(d, STREAM_DENSE), row))
                             : 0;
}

/* Scalar product of the latent factors of a pair. */
static double interaction(const synth_world *w, int pair, const int *id) {
    const double *a = w->factors[pair][0] + id[pairs[pair].a] * FACTORS,
                 *b = w->factors[pair][1] + id[pairs[pair].b] * FACTORS;
    double sum = 0;
    for (int k = 0; k < FACTORS; k++) sum += a[k] * b[k];
    return pairs[pair].weight * sum;
}

/* What the row's features and lists, if it has any, say of it: logits without intercepts. */
static effects draw_scores(const synth_world *w, uint64_t row, synth_click_row *out) {
    draw_features(w, row, out);
    effects sum = {0};
    for (int c = 0; c < SYNTH_IDS; c++) {
        const effects *of = &w->effects[c][out->id[c]];
        sum.shared += of->shared;
        sum.click += of->click;
        sum.purchase += of->purchase;
    }
    double d[SYNTH_NUMBERS];
    for (int i = 0; i < SYNTH_NUMBERS; i++) d[i] = (double)out->number[i] / 10000;
    sum.shared += interaction(w, 0, out->id);
    sum.click += interaction(w, 1, out->id);
    sum.purchase += interaction(w, 2, out->id);
    sum.shared += 1.2 * d[4] + 0.6 * d[0] - 0.5 * d[2] + 0.8 * sin(3 * d[1]);
    sum.click += 1.0 * d[5] + 1.5 * d[4] * d[3];
    sum.purchase += 1.2 * d[7] + 0.8 * d[6] - 1.0 * d[7] * d[0];
    if (w->lists) {
        synth_lists_draw(w->lists, row, out->id[USER], out->id[ITEM], &out->lists);
        sum.shared += 0.6 * out->lists.affinity;
        sum.click += 1.2 * out->lists.tag_click;
        sum.purchase += 1.2 * out->lists.tag_purchase;
    }
    return (effects){.click = sum.shared + sum.click, .purchase = 0.5 * sum.shared + sum.purchase};
}

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }

void synth_world_draw(const synth_world *w, uint64_t row, synth_click_row *out) {
    const effects score = draw_scores(w, row, out);
    const double of_click = sigmoid(score.purchase + w->purchase_intercept);
    out->click = sigmoid(score.click + w->click_intercept);
    out->purchase = out->click * of_click;
    out->is_click = random_uniform(w->seed, STREAM_CLICK, row) < out->click;
    out->is_purchase = out->is_click && random_uniform(w->seed, STREAM_PURCHASE, row) < of_click;
}

/* ---- Intercepts ---- */

/* The intercept that makes the mean of sigmoid(score + intercept), weighted, the wanted rate. */
static double find_intercept(const double *scores, const double *weights, double rate) {
    double low = -30, high = 30;
    for (int step = 0; step < 60; step++) {
        double middle = (low + high) / 2, sum = 0, total = 0;
        for (int i = 0; i < PROBE_ROWS; i++) {
            sum += weights[i] * sigmoid(scores[i] + middle);
            total += weights[i];
        }
        if (sum < rate * total)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

static bool set_intercepts(synth_world *w) {
    double *memory = malloc(3 * PROBE_ROWS * sizeof *memory);
    if (!memory) return false;
    double *click = memory, *purchase = memory + PROBE_ROWS, *weight = memory + 2 * PROBE_ROWS;
    for (int i = 0; i < PROBE_ROWS; i++) {
        synth_click_row row;
        const effects score = draw_scores(w, probe_first + (uint64_t)i, &row);
        click[i] = score.click;
        purchase[i] = score.purchase;
        weight[i] = 1;
    }
    w->click_intercept = find_intercept(click, weight, click_rate);
    for (int i = 0; i < PROBE_ROWS; i++) weight[i] = sigmoid(click[i] + w->click_intercept);
    w->purchase_intercept = find_intercept(purchase, weight, purchase_rate);
    free(memory);
    return true;
}

/* ---- Life ---- */

synth_world *synth_world_new(uint64_t seed, bool with_lists, bool as_ali_ccp) {
    synth_world *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->seed = seed;
    if (make_tables(w, with_lists, as_ali_ccp) && set_intercepts(w)) return w;
    synth_world_free(w);
    return NULL;
}

void synth_world_free(synth_world *w) {
    if (!w) return;
    synth_list_world_free(w->lists);
    for (int c = 0; c < SYNTH_IDS; c++) {
        random_choice_free(&w->choices[c]);
        free(w->effects[c]);
    }
    for (int p = 0; p < PAIRS; p++)
        for (int side = 0; side < 2; side++) free(w->factors[p][side]);
    free(w->of_user);
    free(w->of_item);
    free(w->user_numbers);
    free(w);
}
