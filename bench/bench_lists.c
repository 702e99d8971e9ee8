/* What lists cost: a training step with them, and one row scored with its values encoded or raw. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cblas.h>

#include "base/clock.h"
#include "common.h"

static const char description[] =
    "For each number of experts: a training step of a model whose last sparse columns (--lists) "
    "are lists, in turns with the same\n"
    "model that has one id in the place of each; and calls of a predictor with one row of lists, "
    "encoded, and as integers and\n"
    "texts that learned vocabularies make into rows. Calls have one thread. \"of plain\" is the "
    "rate with lists over that without.";

static const bench_column columns[] = {{"n_expert", "experts", 7, 0},
                                       {"first_layer", "first layer", -11, 0},
                                       {"call", "call", -5, 0},
                                       {"values", "values", -8, 0},
                                       {"p50_us", "p50 us", 9, 2},
                                       {"p99_us", "p99 us", 9, 2},
                                       {"rows_per_second", "rows/s", 10, 0},
                                       {"plain_us", "plain us", 9, 2},
                                       {"of_plain", "of plain", 8, 3}};
enum { N_COLUMN = sizeof columns / sizeof *columns };

typedef struct figures {
    const char *call, *values;
    double rows, p50, p99, plain; /* seconds of a call; NaN: not measured */
} figures;

static void print_figures(bench_table *table, const bench_setting *s, const figures *f) {
    const bench_cell cells[] = {
        {NULL, s->n_expert},      {bench_first_layer(s), 0}, {f->call, 0},
        {f->values, 0},           {NULL, 1e6 * f->p50},      {NULL, 1e6 * f->p99},
        {NULL, f->rows / f->p50}, {NULL, 1e6 * f->plain},    {NULL, f->plain / f->p50}};
    _Static_assert(sizeof cells / sizeof *cells == N_COLUMN, "a cell a column");
    bench_table_row(table, cells);
}

/* ---- A step ---- */

typedef struct trained {
    bench_data data;
    mmoe_model *model;
    mmoe_trainer *trainer;
    bench_stepper stepper;
} trained;

static trained make_trained(const bench_options *o, const bench_setting *s) {
    const mmoe_trainer_options options = {.threads = (int)o->threads};
    trained t = {.data = bench_data_make(o)};
    mmoe_error err;
    t.model = bench_model(o, &t.data, s);
    if (mmoe_trainer_create(t.model, &options, NULL, &t.trainer, &err))
        bench_fail("%s", err.message);
    bench_check_model(o, &t.data, s, t.model, t.trainer);
    t.stepper = (bench_stepper){.trainer = t.trainer, .data = t.data.train, .batch = o->batch};
    return t;
}

static void free_trained(trained *t) {
    mmoe_trainer_free(t->trainer);
    mmoe_model_free(t->model);
    bench_data_free(&t->data);
}

static void measure_step(bench_table *table, const bench_options *o, const bench_setting *s) {
    bench_options single_ids = *o;
    single_ids.list_length = 0;
    trained lists = make_trained(o, s), plain = make_trained(&single_ids, s);
    bench_racer racers[] = {{.turn = bench_steps, .context = &lists.stepper},
                            {.turn = bench_steps, .context = &plain.stepper}};
    bench_race(racers, 2, o->seconds);
    print_figures(table, s,
                  &(figures){"step", "encoded", (double)o->batch,
                             bench_quantile(&racers[0].samples, 0.5),
                             bench_quantile(&racers[0].samples, 0.99),
                             bench_quantile(&racers[1].samples, 0.5)});
    for (int i = 0; i < 2; i++) bench_samples_free(&racers[i].samples);
    free_trained(&lists);
    free_trained(&plain);
}

/* ---- Rows to score ---- */

enum { ROWS = 1024, TEXT_SIZE = 16 };

/* What a caller has: the column's values of all rows, those of one row behind those before. */
typedef struct column_values {
    int64_t *integers;
    const char **texts;
    char (*bytes)[TEXT_SIZE];
    size_t *offsets; /* [ROWS + 1] */
} column_values;

/* Rows to score one by one. */
typedef struct request_rows {
    const bench_options *o;
    column_values *columns; /* [sparse] */
    int32_t *ids;           /* [ROWS, single ids] */
    int64_t *offsets;       /* [ROWS * lists + 1] */
    int32_t *elements;
    float *dense; /* [ROWS, dense] */
} request_rows;

static int64_t length_of(const bench_options *o, int64_t column) {
    return column < bench_single_count(o) ? 1 : o->list_length;
}

static void write_text(char *out, int64_t value) {
    snprintf(out, TEXT_SIZE, "item%lld", (long long)value);
}

static int32_t draw_value(const bench_options *o, int64_t column, size_t index) {
    return (int32_t)(bench_uniform((uint64_t)column, index) * bench_vocab_of(o, column));
}

static column_values make_column(const bench_options *o, int64_t column) {
    const size_t length = (size_t)length_of(o, column), count = ROWS * length;
    column_values v = {bench_alloc(count, sizeof *v.integers), bench_alloc(count, sizeof *v.texts),
                       bench_alloc(count, sizeof *v.bytes),
                       bench_alloc(ROWS + 1, sizeof *v.offsets)};
    for (size_t i = 0; i < count; i++) {
        v.integers[i] = draw_value(o, column, i);
        write_text(v.bytes[i], v.integers[i]);
        v.texts[i] = v.bytes[i];
    }
    for (size_t r = 0; r <= ROWS; r++) v.offsets[r] = r * length;
    return v;
}

/* A vocabulary's rows are in the order of its values, behind row 0. */
static request_rows make_rows(const bench_options *o) {
    const size_t single = (size_t)bench_single_count(o), lists = (size_t)o->sparse - single,
                 length = (size_t)o->list_length;
    request_rows r = {o,
                      bench_alloc((size_t)o->sparse, sizeof *r.columns),
                      bench_alloc(ROWS * single, sizeof *r.ids),
                      bench_alloc(ROWS * lists + 1, sizeof *r.offsets),
                      bench_alloc(ROWS * lists * length, sizeof *r.elements),
                      bench_floats(ROWS * (size_t)o->dense, 1)};
    for (size_t c = 0; c < (size_t)o->sparse; c++) r.columns[c] = make_column(o, (int64_t)c);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t c = 0; c < single; c++)
            r.ids[row * single + c] = (int32_t)r.columns[c].integers[row] + 1;
    for (size_t i = 0; i <= ROWS * lists; i++) r.offsets[i] = (int64_t)(i * length);
    for (size_t i = 0; i < ROWS * lists * length; i++) {
        const size_t list = i / length;
        const size_t row = list / lists, at = row * length + i % length;
        r.elements[i] = (int32_t)r.columns[single + list % lists].integers[at] + 1;
    }
    return r;
}

static void free_rows(request_rows *r) {
    for (int64_t c = 0; c < r->o->sparse; c++) {
        free(r->columns[c].integers);
        free(r->columns[c].texts);
        free(r->columns[c].bytes);
        free(r->columns[c].offsets);
    }
    free(r->columns);
    free(r->ids);
    free(r->offsets);
    free(r->elements);
    free(r->dense);
}

/* ---- Vocabularies ---- */

static void write_value(FILE *f, bool texts, int64_t value, char behind) {
    char text[TEXT_SIZE];
    write_text(text, value);
    if (texts)
        fprintf(f, "%s%c", text, behind);
    else
        fprintf(f, "%lld%c", (long long)value, behind);
}

/* A file in which each value of each vocabulary stands, in its order. */
static void write_file(const bench_options *o, bool texts, FILE *f) {
    int64_t rows = 2;
    for (int64_t c = 0; c < o->sparse; c++) {
        const int64_t needed = (bench_vocab_of(o, c) - 1) / length_of(o, c) + 1;
        if (needed > rows) rows = needed;
        fprintf(f, "s%d,", (int)c);
    }
    for (int64_t c = 0; c < o->dense; c++) fprintf(f, "d%d,", (int)c);
    for (int64_t t = 0; t < o->tasks; t++) fprintf(f, t ? ",label%d" : "label%d", (int)t);
    for (int64_t r = 0; r < rows; r++) {
        fputc('\n', f);
        for (int64_t c = 0; c < o->sparse; c++)
            for (int64_t k = 0, n = length_of(o, c); k < n; k++)
                write_value(f, texts, (r * n + k) % bench_vocab_of(o, c), k + 1 < n ? '|' : ',');
        for (int64_t c = 0; c < o->dense; c++) fprintf(f, "%d,", (int)(r % 5));
        for (int64_t t = 0; t < o->tasks; t++) fprintf(f, t ? ",%d" : "%d", (int)((r + t) % 2));
    }
    fputc('\n', f);
}

/* A schema with learned vocabularies, of integers or of texts. */
static bench_data learn(const bench_options *o, const bench_setting *s, bool texts) {
    char path[] = "/tmp/bench_lists.XXXXXX";
    const int fd = mkstemp(path);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    bench_data d = {.config = bench_config(o, s)};
    mmoe_error err;
    if (!f) bench_fail("%s cannot be written", path);
    write_file(o, texts, f);
    if (fclose(f)) bench_fail("%s cannot be written", path);
    const mmoe_status status =
        mmoe_dataset_fit_csv(d.config, path, NULL, &d.schema, &d.train, &err);
    unlink(path);
    if (status) bench_fail("%s", err.message);
    return d;
}

/* ---- Scoring ---- */

/* One thread that scores row after row. */
typedef struct scorer {
    const request_rows *rows;
    mmoe_predictor *predictor;
    mmoe_value_type type; /* MMOE_VALUE_ROW: encoded */
    size_t next;
    float *scores; /* [tasks] */
    mmoe_column *sparse, *dense;
    mmoe_list_column *lists;
} scorer;

static mmoe_batch encoded_row(const request_rows *r, size_t row) {
    const size_t single = (size_t)bench_single_count(r->o), lists = (size_t)r->o->sparse - single;
    return (mmoe_batch){.rows = 1,
                        .ids = r->ids + row * single,
                        .id_stride = single,
                        .dense = r->dense + row * (size_t)r->o->dense,
                        .dense_stride = (size_t)r->o->dense,
                        .lists = {.count = (int32_t)lists,
                                  .offsets = r->offsets + row * lists,
                                  .ids = r->elements,
                                  .elements = (size_t)r->offsets[ROWS * lists]}};
}

static mmoe_batch raw_row(const scorer *s, size_t row) {
    const request_rows *r = s->rows;
    const size_t single = (size_t)bench_single_count(r->o);
    for (size_t c = 0; c < (size_t)r->o->sparse; c++) {
        const column_values *v = &r->columns[c];
        const size_t first =
            c < single ? row : 0; /* a list's offsets are from its column's start */
        s->sparse[c] =
            (mmoe_column){s->type,
                          s->type == MMOE_VALUE_TEXT ? (const void *)(v->texts + first)
                                                     : (const void *)(v->integers + first),
                          0};
        if (c >= single)
            s->lists[c - single] = (mmoe_list_column){v->offsets + row, NULL, v->offsets[ROWS]};
    }
    for (size_t c = 0; c < (size_t)r->o->dense; c++)
        s->dense[c] = (mmoe_column){MMOE_VALUE_FLOAT, r->dense + row * (size_t)r->o->dense + c, 0};
    return (mmoe_batch){.rows = 1,
                        .sparse_columns = s->sparse,
                        .dense_columns = s->dense,
                        .list_columns = s->lists};
}

static void score(void *context, int calls, double *seconds) {
    scorer *s = context;
    mmoe_error err;
    for (int i = 0; i < calls; i++) {
        const mmoe_batch batch =
            s->type == MMOE_VALUE_ROW ? encoded_row(s->rows, s->next) : raw_row(s, s->next);
        s->next = (s->next + 1) % ROWS;
        const double begin = mmoe_clock();
        const mmoe_status status = mmoe_predictor_run(s->predictor, &batch, s->scores, &err);
        seconds[i] = mmoe_clock() - begin;
        if (status) bench_fail("%s", err.message);
    }
}

/* Encoded or raw, a row has the same scores. */
static void check_scores(scorer *encoded, scorer *raw) {
    const size_t bytes = (size_t)encoded->rows->o->tasks * sizeof(float);
    double seconds;
    encoded->next = raw->next = 0;
    for (int i = 0; i < 20; i++) {
        score(encoded, 1, &seconds);
        score(raw, 1, &seconds);
        if (memcmp(encoded->scores, raw->scores, bytes) != 0)
            bench_fail("raw values have other scores than encoded ones");
    }
}

enum { SORTS = 3 }; /* of values */

static scorer make_scorer(const request_rows *r, mmoe_value_type type, mmoe_predictor *predictor) {
    const size_t sparse = (size_t)r->o->sparse, lists = sparse - (size_t)bench_single_count(r->o);
    scorer s = {.rows = r,
                .predictor = predictor,
                .type = type,
                .scores = bench_alloc((size_t)r->o->tasks, sizeof *s.scores),
                .sparse = bench_alloc(sparse, sizeof *s.sparse),
                .dense = bench_alloc((size_t)r->o->dense, sizeof *s.dense),
                .lists = bench_alloc(lists, sizeof *s.lists)};
    return s;
}

static void free_scorer(scorer *s) {
    mmoe_predictor_free(s->predictor);
    free(s->scores);
    free(s->sparse);
    free(s->dense);
    free(s->lists);
}

/* The first model has vocabularies of integers, the second of texts. */
static void measure_scorers(bench_table *table, const request_rows *r, const bench_setting *s,
                            mmoe_model *const models[2]) {
    static const mmoe_value_type types[SORTS] = {MMOE_VALUE_ROW, MMOE_VALUE_INT64, MMOE_VALUE_TEXT};
    static const char *const values[SORTS] = {"encoded", "integers", "texts"};
    scorer scorers[SORTS];
    bench_racer racers[SORTS];
    for (int i = 0; i < SORTS; i++) {
        scorers[i] =
            make_scorer(r, types[i], bench_predictor(models[types[i] == MMOE_VALUE_TEXT], s));
        racers[i] = (bench_racer){.turn = score, .context = &scorers[i]};
        check_scores(&scorers[0], &scorers[i]);
    }
    bench_race(racers, SORTS, r->o->seconds);
    for (int i = 0; i < SORTS; i++) {
        print_figures(table, s,
                      &(figures){"row", values[i], 1, bench_quantile(&racers[i].samples, 0.5),
                                 bench_quantile(&racers[i].samples, 0.99), NAN});
        bench_samples_free(&racers[i].samples);
        free_scorer(&scorers[i]);
    }
}

static void measure_rows(bench_table *table, const bench_options *o, const bench_setting *s) {
    bench_options learned = *o;
    learned.learned = true;
    request_rows rows = make_rows(&learned);
    bench_data data[2];
    mmoe_model *models[2];
    for (int texts = 0; texts < 2; texts++) {
        data[texts] = learn(&learned, s, texts);
        models[texts] = bench_model(&learned, &data[texts], s);
    }
    measure_scorers(table, &rows, s, models);
    for (int texts = 0; texts < 2; texts++) {
        mmoe_model_free(models[texts]);
        bench_data_free(&data[texts]);
    }
    free_rows(&rows);
}

int main(int argc, char **argv) {
    const bench_options o = bench_parse(
        argc, argv, description, 0.5, BENCH_TAKES_LISTS | BENCH_OF_LISTS | BENCH_TAKES_FIRST_LAYER);
    size_t count;
    bench_setting *settings = bench_settings(&o, &count);
    openblas_set_num_threads(1);
    bench_table *table = bench_table_begin("bench_lists", &o, columns, N_COLUMN);
    for (size_t i = 0; i < count; i++) {
        measure_step(table, &o, &settings[i]);
        measure_rows(table, &o, &settings[i]);
    }
    free(settings);
    return bench_table_end(table);
}
