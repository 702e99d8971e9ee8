#include "plan_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "output.h"
#include "plain.h"
#include "progress.h"

mmoe_rank_estimate plan_of_one(const mmoe_estimate *e) {
    return (mmoe_rank_estimate){1,
                                e->table_bytes,
                                e->layer_bytes,
                                e->moment_bytes,
                                e->copy_bytes,
                                e->step_bytes,
                                e->row_bytes,
                                e->stream_bytes};
}

int64_t plan_rank_memory(const mmoe_rank_estimate *m, bool streamed) {
    return m->table_bytes + m->layer_bytes + m->moment_bytes + m->copy_bytes + m->step_bytes +
           (streamed ? m->stream_bytes : m->row_bytes);
}

int64_t plan_memory(const mmoe_estimate *e, bool streamed) {
    const mmoe_rank_estimate one = plan_of_one(e);
    return plan_rank_memory(&one, streamed);
}

/* ---- Text ---- */

const char *plan_bytes_text(int64_t bytes, char text[PLAN_BYTES_SIZE]) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double size = (double)bytes;
    size_t unit = 0;
    while (size >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        size /= 1000;
        unit++;
    }
    snprintf(text, PLAN_BYTES_SIZE, "%.*f %s", unit && size < 100 ? 2 : 0, size, units[unit]);
    return text;
}

static void print_bytes(const char *what, int64_t bytes, const char *more) {
    char text[PLAN_BYTES_SIZE];
    printf("  %-22s %10s%s%s\n", what, plan_bytes_text(bytes, text), *more ? "  " : "", more);
}

static void print_tables(const mmoe_estimate *e) {
    char rows[MMOE_NUMBER_SIZE], weights[PLAN_BYTES_SIZE], moments[PLAN_BYTES_SIZE];
    if (!e->n_table) return;
    printf("%-24s %14s %6s %10s %10s  %s\n", "table", "rows", "width", "weights", "moments",
           "update, and why");
    for (size_t i = 0; i < e->n_table; i++) {
        const mmoe_table_estimate *t = &e->tables[i];
        mmoe_format_count(t->rows, rows);
        printf("%-24s %14s %6" PRId32 " %10s %10s  %s: %s\n", cli_plain(t->name), rows, t->width,
               plan_bytes_text(t->bytes, weights), plan_bytes_text(t->moment_bytes, moments),
               t->update, t->why);
    }
    puts("");
}

static void print_memory(const mmoe_estimate *e) {
    if (e->members > 1)
        printf("of %" PRId32 " members; tables and a step are those of one\n\n", e->members);
    puts("memory of training");
    print_bytes("weights of tables", e->table_bytes, "");
    print_bytes("weights of layers", e->layer_bytes, "");
    print_bytes("moments", e->moment_bytes, "and the last steps of rows");
    print_bytes("copies of weights", e->copy_bytes,
                "the best of small tables, averages, whole gradients");
    print_bytes("steps", e->step_bytes, "working memory, and all else");
    if (e->rows) {
        print_bytes("rows in memory", e->row_bytes, "");
        print_bytes("rows streamed", e->stream_bytes, "in their place, with trainer.memory");
        print_bytes("all, rows streamed", plan_memory(e, true), "");
    }
    print_bytes(e->rows ? "all, rows in memory" : "all but rows", plan_memory(e, false), "");
    print_bytes("available", e->available, "now, by the kernel and its control groups");
    puts("\nfiles");
    print_bytes("model", e->model_file, "");
    print_bytes("checkpoint", e->checkpoint_file, "");
    print_bytes("best weights", e->best_file, "of large tables, without a name, while it trains");
}

static void print_part(const char *node, const char *pass, double seconds, double share,
                       double flops) {
    printf("  %-20s %-20s %10.1f %6.1f", node, pass, 1e6 * seconds, 100 * share);
    if (flops > 0 && seconds > 0)
        printf(" %9.1f\n", flops / seconds / 1e9);
    else
        printf(" %9s\n", "-");
}

static void print_time(const mmoe_estimate *e) {
    const double all = e->step_seconds * e->threads;
    double rest = all;
    char size[MMOE_NUMBER_SIZE], rate[CLI_COUNT_SIZE], time[CLI_TIME_SIZE];
    mmoe_format_count(e->batch_size, size);
    printf("\na step of %s rows with %d thread%s: %.3f ms, %s rows/s\n", size, e->threads,
           e->threads == 1 ? "" : "s", 1e3 * e->step_seconds,
           cli_count_text(e->batch_size / e->step_seconds, rate));
    printf("  %-20s %-20s %10s %6s %9s\n", "node", "pass", "us", "share", "GFLOP/s");
    for (size_t i = 0; i < e->n_part; i++) {
        const mmoe_part_estimate *p = &e->parts[i];
        print_part(p->node, p->pass, p->seconds, p->seconds / all, p->flops);
        rest -= p->seconds;
    }
    print_part("the rest", "", rest > 0 ? rest : 0, rest > 0 ? rest / all : 0, 0);
    if (!e->rows) return;
    mmoe_format_count(e->rows, size);
    if (e->epoch_seconds < 10)
        printf("\nan epoch of %s rows: %.3g s", size, e->epoch_seconds);
    else
        printf("\nan epoch of %s rows: %s", size, cli_time_text(e->epoch_seconds, time));
    if (e->settle_seconds > 0)
        printf(", %.2g s of it to bring all rows of deferred tables up to date", e->settle_seconds);
    puts("");
    if (e->touch_seconds > 0)
        printf("the first one takes %.2g s more, in which moments of deferred and lazy tables get "
               "their memory\n",
               e->touch_seconds);
}

void plan_print(const mmoe_estimate *e) {
    print_tables(e);
    print_memory(e);
    print_time(e);
}

/* ---- JSON ---- */

static json_t *tables_json(const mmoe_estimate *e) {
    json_t *tables = json_array();
    for (size_t i = 0; i < e->n_table; i++) {
        const mmoe_table_estimate *t = &e->tables[i];
        json_array_append_new(tables, json_pack("{s:s, s:I, s:i, s:I, s:I, s:s, s:s}", "name",
                                                t->name, "rows", (json_int_t)t->rows, "width",
                                                (int)t->width, "weights", (json_int_t)t->bytes,
                                                "moments", (json_int_t)t->moment_bytes, "update",
                                                t->update, "why", t->why));
    }
    return tables;
}

json_t *plan_memory_json(const mmoe_rank_estimate *m) {
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "tables",
                     (json_int_t)m->table_bytes, "layers", (json_int_t)m->layer_bytes, "moments",
                     (json_int_t)m->moment_bytes, "copies", (json_int_t)m->copy_bytes, "steps",
                     (json_int_t)m->step_bytes, "rows", (json_int_t)m->row_bytes, "rows_streamed",
                     (json_int_t)m->stream_bytes, "all", (json_int_t)plan_rank_memory(m, false),
                     "all_streamed", (json_int_t)plan_rank_memory(m, true));
}

static json_t *memory_json(const mmoe_estimate *e) {
    const mmoe_rank_estimate one = plan_of_one(e);
    json_t *json = plan_memory_json(&one);
    if (json) json_object_set_new(json, "available", json_integer((json_int_t)e->available));
    return json;
}

static json_t *parts_json(const mmoe_estimate *e) {
    json_t *parts = json_array();
    for (size_t i = 0; i < e->n_part; i++)
        json_array_append_new(parts, json_pack("{s:s, s:s, s:f, s:f}", "node", e->parts[i].node,
                                               "pass", e->parts[i].pass, "seconds",
                                               e->parts[i].seconds, "flops", e->parts[i].flops));
    return parts;
}

json_t *plan_json(const mmoe_estimate *e) {
    json_t *files = json_pack("{s:I, s:I, s:I}", "model", (json_int_t)e->model_file, "checkpoint",
                              (json_int_t)e->checkpoint_file, "best", (json_int_t)e->best_file);
    json_t *step = json_pack("{s:i, s:i, s:f, s:o}", "rows", (int)e->batch_size, "threads",
                             e->threads, "seconds", e->step_seconds, "parts", parts_json(e));
    json_t *epoch = !e->rows ? json_null()
                             : json_pack("{s:I, s:f, s:f, s:f}", "rows", (json_int_t)e->rows,
                                         "seconds", e->epoch_seconds, "settle", e->settle_seconds,
                                         "touch", e->touch_seconds);
    return json_pack("{s:i, s:I, s:o, s:o, s:o, s:o, s:o}", "members", (int)e->members,
                     "parameters", (json_int_t)e->parameters, "tables", tables_json(e), "memory",
                     memory_json(e), "files", files, "step", step, "epoch", epoch);
}
