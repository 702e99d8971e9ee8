/* A click log with Ali-CCP's columns and a planted signal.
 *
 * A row has a user and an item of Zipf popularity; the users' and items' other ids are functions of
 * them, the rest is drawn by row. Every id value has a latent effect on a part that click and
 * purchase share, and on a part of each. Products of latent factors (age with category, gender with
 * brand, and so on) and a few dense terms are added. Then click ~ Bernoulli(sigmoid(shared +
 * click's own)), purchase given click ~ Bernoulli(sigmoid(shared / 2 + purchase's own)), with
 * intercepts that make 6 % of the rows clicks and 10 % of the clicks purchases. Lists, where they
 * are wanted, add to the same sums. */
#include <math.h>
#include <stdlib.h>

#include "random.h"
#include "synth.h"
#include "synth_lists.h"

enum { N_SPARSE = 23, N_DENSE = 8, N_USER_DENSE = 4, MAX_IDS = 4000, PROBE_ROWS = 8192 };
static const double click_rate = 0.06, purchase_rate = 0.10;

/* Where a column's id comes from. */
typedef enum id_source {
    OF_USER,
    OF_ITEM,
    OF_ROW,
    OF_PAIR /* of the row; half of the rows have none: id 0, dense value 0 */
} id_source;

typedef struct id_column {
    const char *name;
    int ids;
    double popularity; /* exponent of Zipf's law */
    id_source source;
    double shared, click, purchase; /* standard deviations of the values' effects */
} id_column;

static const id_column columns[N_SPARSE] = {{"101", 500, 0.9, OF_USER, 0.10, 0.10, 0.10},
                                            {"121", 98, 0.8, OF_USER, 0.30, 0.15, 0.20},
                                            {"122", 14, 0.4, OF_USER, 0.30, 0.15, 0.25},
                                            {"124", 3, 0.2, OF_USER, 0.20, 0.15, 0.20},
                                            {"125", 8, 0.2, OF_USER, 0.30, 0.20, 0.30},
                                            {"126", 4, 0.2, OF_USER, 0.15, 0.10, 0.15},
                                            {"127", 4, 0.2, OF_USER, 0.15, 0.10, 0.15},
                                            {"128", 3, 0.2, OF_USER, 0.10, 0.10, 0.10},
                                            {"129", 5, 0.2, OF_USER, 0.15, 0.10, 0.15},
                                            {"205", MAX_IDS, 1.2, OF_ITEM, 0.15, 0.10, 0.10},
                                            {"206", 400, 1.0, OF_ITEM, 0.40, 0.25, 0.30},
                                            {"207", 2000, 1.2, OF_ITEM, 0.15, 0.10, 0.10},
                                            {"210", 2000, 1.2, OF_ROW, 0.20, 0.15, 0.15},
                                            {"216", 1500, 1.2, OF_ITEM, 0.20, 0.15, 0.15},
                                            {"508", 34, 1.0, OF_PAIR, 0.15, 0.10, 0.10},
                                            {"509", 23, 1.0, OF_PAIR, 0.15, 0.10, 0.10},
                                            {"702", 24, 1.0, OF_PAIR, 0.15, 0.10, 0.10},
                                            {"853", 27, 1.0, OF_PAIR, 0.15, 0.10, 0.15},
                                            {"301", 3, 0.3, OF_ROW, 0.00, 0.50, 0.00},
                                            {"109_14", 20, 0.8, OF_USER, 0.15, 0.10, 0.10},
                                            {"110_14", 30, 0.8, OF_USER, 0.15, 0.05, 0.10},
                                            {"127_14", 25, 0.8, OF_USER, 0.15, 0.05, 0.10},
                                            {"150_14", 25, 0.8, OF_USER, 0.15, 0.05, 0.10}};
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

static const char *const dense_names[N_DENSE] = {"D109_14", "D110_14", "D127_14", "D150_14",
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

typedef struct world {
    uint64_t seed;
    double *popularity[N_SPARSE]; /* [ids] cumulative */
    synth_list_world *lists;      /* NULL: rows have none */
    double click_intercept, purchase_intercept;
} world;

typedef struct click_row {
    int id[N_SPARSE];
    double dense[N_DENSE];
    synth_lists lists;
    double click_score, purchase_score; /* before the intercepts */
} click_row;

static uint64_t stream(int column, int what) {
    return (uint64_t)(column * STREAMS_A_COLUMN + what);
}

static int draw_id(const world *w, int column, double u) {
    return random_pick(w->popularity[column], columns[column].ids, u);
}

/* What a column's value is drawn from: the user, the item, or the row. */
static uint64_t key_of(int column, int user, int item, uint64_t row) {
    if (columns[column].source == OF_USER) return (uint64_t)user;
    return columns[column].source == OF_ITEM ? (uint64_t)item : row;
}

static void draw_features(const world *w, uint64_t row, click_row *out) {
    int user = draw_id(w, USER, random_uniform(w->seed, STREAM_USER, row));
    int item = draw_id(w, ITEM, random_uniform(w->seed, STREAM_ITEM, row));
    for (int c = 0; c < N_SPARSE; c++) {
        double u = random_uniform(w->seed, stream(c, STREAM_ID), key_of(c, user, item, row));
        if (c == USER)
            out->id[c] = user;
        else if (c == ITEM)
            out->id[c] = item;
        else if (columns[c].source == OF_PAIR)
            out->id[c] = u < 0.5 ? 0 : 1 + draw_id(w, c, 2 * u - 1);
        else
            out->id[c] = draw_id(w, c, u);
    }
    for (int d = 0; d < N_DENSE; d++) {
        bool is_of_user = d < N_USER_DENSE;
        double u =
            random_uniform(w->seed, stream(d, STREAM_DENSE), is_of_user ? (uint64_t)user : row);
        bool is_there = is_of_user || out->id[FIRST_PAIR + d - N_USER_DENSE] > 0;
        out->dense[d] = is_there ? round(10000 * u * u) / 10000 : 0; /* as written: four decimals */
    }
}

static double effect(const world *w, int column, int part, int id) {
    return random_normal(w->seed, stream(column, STREAM_EFFECT + part), (uint64_t)id);
}

/* Scalar product of the latent factors, of two dimensions, that `part` has for an id of each
 * column. */
static double interaction(const world *w, int part, int a, int id_a, int b, int id_b) {
    double sum = 0;
    for (int k = 0; k < 2; k++)
        sum += random_normal(w->seed, stream(a, STREAM_FACTOR + part), (uint64_t)(2 * id_a + k)) *
               random_normal(w->seed, stream(b, STREAM_FACTOR + part), (uint64_t)(2 * id_b + k));
    return sum;
}

static void draw_row(const world *w, uint64_t row, click_row *out) {
    draw_features(w, row, out);
    double shared = 0, click = 0, purchase = 0;
    for (int c = 0; c < N_SPARSE; c++) {
        shared += columns[c].shared * effect(w, c, 0, out->id[c]);
        click += columns[c].click * effect(w, c, 1, out->id[c]);
        purchase += columns[c].purchase * effect(w, c, 2, out->id[c]);
    }
    const int *id = out->id;
    const double *d = out->dense;
    shared += 0.3 * interaction(w, 0, AGE, id[AGE], CATEGORY, id[CATEGORY]);
    click += 0.2 * interaction(w, 1, GENDER, id[GENDER], BRAND, id[BRAND]);
    purchase += 0.3 * interaction(w, 2, CITY, id[CITY], INTENTION, id[INTENTION]);
    shared += 1.2 * d[4] + 0.6 * d[0] - 0.5 * d[2] + 0.8 * sin(3 * d[1]);
    click += 1.0 * d[5] + 1.5 * d[4] * d[3];
    purchase += 1.2 * d[7] + 0.8 * d[6] - 1.0 * d[7] * d[0];
    if (w->lists) {
        synth_lists_draw(w->lists, row, id[USER], id[ITEM], &out->lists);
        shared += 0.6 * out->lists.affinity;
        click += 1.2 * out->lists.tag_click;
        purchase += 1.2 * out->lists.tag_purchase;
    }
    out->click_score = shared + click;
    out->purchase_score = 0.5 * shared + purchase;
}

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }

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

static int set_intercepts(world *w) {
    double *memory = malloc(3 * PROBE_ROWS * sizeof *memory);
    if (!memory) return cli_fail_memory();
    double *click = memory, *purchase = memory + PROBE_ROWS, *weight = memory + 2 * PROBE_ROWS;
    for (int i = 0; i < PROBE_ROWS; i++) {
        click_row row;
        draw_row(w, probe_first + (uint64_t)i, &row);
        click[i] = row.click_score;
        purchase[i] = row.purchase_score;
        weight[i] = 1;
    }
    w->click_intercept = find_intercept(click, weight, click_rate);
    for (int i = 0; i < PROBE_ROWS; i++) weight[i] = sigmoid(click[i] + w->click_intercept);
    w->purchase_intercept = find_intercept(purchase, weight, purchase_rate);
    free(memory);
    return CLI_OK;
}

static void free_world(world *w) {
    synth_list_world_free(w->lists);
    for (int c = 0; c < N_SPARSE; c++) free(w->popularity[c]);
}

static int make_world(uint64_t seed, bool with_lists, world *w) {
    *w = (world){.seed = seed};
    for (int c = 0; c < N_SPARSE; c++) {
        double *cumulative = w->popularity[c] = malloc((size_t)columns[c].ids * sizeof *cumulative);
        if (!cumulative) return cli_fail_memory();
        random_zipf(columns[c].popularity, columns[c].ids, cumulative);
    }
    if (with_lists) {
        w->lists = synth_list_world_new(seed, w->popularity[ITEM], columns[ITEM].ids);
        if (!w->lists) return cli_fail_memory();
    }
    return set_intercepts(w);
}

typedef struct scored {
    double score;
    bool label;
} scored;

static int compare_scores(const void *a, const void *b) {
    const scored *x = a, *y = b;
    return (x->score > y->score) - (x->score < y->score);
}

/* Mann-Whitney, ties counting half. Sorts. */
static double auc(scored *rows, int64_t count) {
    qsort(rows, (size_t)count, sizeof *rows, compare_scores);
    double won = 0, positives = 0, negatives = 0;
    for (int64_t i = 0; i < count;) {
        double p = 0, n = 0;
        double score = rows[i].score;
        for (; i < count && rows[i].score == score; i++) *(rows[i].label ? &p : &n) += 1;
        won += p * (negatives + n / 2);
        positives += p;
        negatives += n;
    }
    return positives > 0 && negatives > 0 ? won / (positives * negatives) : (double)NAN;
}

static void write_click_row(FILE *out, const world *w, const click_row *row, bool is_click,
                            bool is_purchase) {
    fprintf(out, "%d,%d", is_click, is_purchase);
    for (int c = 0; c < N_SPARSE; c++) fprintf(out, ",%d", row->id[c]);
    for (int d = 0; d < N_DENSE; d++) fprintf(out, ",%.4f", row->dense[d]);
    if (w->lists) synth_lists_write(out, &row->lists);
    fputc('\n', out);
}

static void write_click_header(FILE *out, const world *w) {
    fputs("click,purchase", out);
    for (int c = 0; c < N_SPARSE; c++) fprintf(out, ",%s", columns[c].name);
    for (int d = 0; d < N_DENSE; d++) fprintf(out, ",%s", dense_names[d]);
    if (w->lists) synth_lists_write_header(out);
    fputc('\n', out);
}

static int write_click_rows(const world *w, const synth_rows *rows, const cli_file *truth,
                            scored *clicks, scored *purchases, synth_clicks_result *result) {
    int64_t n_click = 0, n_purchase = 0;
    write_click_header(rows->out->stream, w);
    if (truth) fputs("purchase,click\n", truth->stream);
    int status = CLI_OK;
    for (int64_t i = 0; !status && i < rows->count; i++) {
        uint64_t r = (uint64_t)(rows->first + i);
        click_row row;
        draw_row(w, r, &row);
        double p_click = sigmoid(row.click_score + w->click_intercept),
               p_buy = sigmoid(row.purchase_score + w->purchase_intercept);
        bool is_click = random_uniform(w->seed, STREAM_CLICK, r) < p_click;
        bool is_purchase = is_click && random_uniform(w->seed, STREAM_PURCHASE, r) < p_buy;
        write_click_row(rows->out->stream, w, &row, is_click, is_purchase);
        status = cli_file_check(rows->out);
        if (truth) fprintf(truth->stream, "%.9g,%.9g\n", p_click * p_buy, p_click);
        if (truth && !status) status = cli_file_check(truth);
        clicks[i] = (scored){p_click, is_click};
        purchases[i] = (scored){p_click * p_buy, is_purchase};
        n_click += is_click;
        n_purchase += is_purchase;
    }
    result->click_rate = (double)n_click / (double)rows->count;
    result->purchase_rate = (double)n_purchase / (double)rows->count;
    return status;
}

int synth_clicks(const synth_rows *rows, bool with_lists, const cli_file *truth,
                 synth_clicks_result *result) {
    world w;
    int status = make_world(rows->seed, with_lists, &w);
    scored *scores = status ? NULL : calloc((size_t)rows->count, 2 * sizeof *scores);
    if (!status && !scores) status = cli_fail_memory();
    if (!status) status = write_click_rows(&w, rows, truth, scores, scores + rows->count, result);
    if (!status) {
        result->click_auc = auc(scores, rows->count);
        result->purchase_auc = auc(scores + rows->count, rows->count);
    }
    free(scores);
    free_world(&w);
    return status;
}
