#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>

#include "base/processors.h"
#include "common.h"

struct bench_table {
    const bench_column *columns;
    size_t count;
    bool json, csv;
    json_t *result; /* {"program", "machine", "settings", "rows"} */
};

/* ---- The machine ---- */

static void read_processor(char *name, size_t size) {
    snprintf(name, size, "unknown processor");
    FILE *f = fopen("/proc/cpuinfo", "re");
    if (!f) return;
    char line[512];
    while (fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(name, size, "%s", colon[1] == ' ' ? colon + 2 : colon + 1);
        break;
    }
    fclose(f);
}

/* 2: AVX-512, 1: AVX2, 0: neither. */
static int processor_level(void) {
#if defined(__x86_64__) || defined(__i386__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) return 2;
    if (__builtin_cpu_supports("avx2")) return 1;
#endif
    return 0;
}

static bool is_one_of(const char *name, const char *const *list) {
    while (*list && strcasecmp(name, *list) != 0) list++;
    return *list != NULL;
}

static int core_level(const char *core) {
    static const char *const avx512[] = {"SkylakeX", "Cooperlake", "SapphireRapids", NULL},
                             *const avx2[] = {"Haswell", "Zen", "Excavator", NULL};
    if (is_one_of(core, avx512)) return 2;
    return is_one_of(core, avx2) ? 1 : 0;
}

static void warn_of_old_core(void) {
    static const char *const sets[] = {"neither", "AVX2", "AVX-512"};
    const char *pinned = getenv("OPENBLAS_CORETYPE"), *core = mmoe_blas_core_type();
    int has = processor_level();
    if (core_level(core) >= has) return;
    if (pinned && *pinned)
        fprintf(stderr,
                "warning: OPENBLAS_CORETYPE=%s pins OpenBLAS to the core type %s, but this "
                "processor has %s: every figure is lower than it can be\n",
                pinned, core, sets[has]);
    else
        fprintf(stderr,
                "warning: OpenBLAS takes this processor for %s, but it has %s: every figure is "
                "lower than it can be\n",
                core, sets[has]);
}

static json_t *machine_json(void) {
    static const char *const names[] = {"MMOE_KERNELS", "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS",
                                        "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS"};
    char processor[256];
    read_processor(processor, sizeof processor);
    json_t *environment = json_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            json_object_set_new(environment, names[i], json_string(getenv(names[i])));
    if (!json_object_size(environment))
        json_object_set_new(environment, "OPENBLAS", json_string("nothing set"));
    return json_pack("{s:s, s:i, s:f, s:s, s:s, s:i, s:s, s:s, s:o}", "processor", processor,
                     "processors", mmoe_processors(), "peak_gflops", bench_peak_alone() / 1e9,
                     "openblas", mmoe_blas_version(), "core_type", mmoe_blas_core_type(),
                     "blas_threads", openblas_get_num_threads(), "kernels", mmoe_kernel_set(),
                     "mmoe", mmoe_version(), "environment", environment);
}

static json_t *list_json(const bench_list *l) {
    json_t *list = json_array();
    for (int32_t i = 0; i < l->count; i++) json_array_append_new(list, json_integer(l->items[i]));
    return list;
}

static json_t *words_json(const bench_words *w) {
    json_t *list = json_array();
    for (int32_t i = 0; i < w->count; i++) json_array_append_new(list, json_string(w->items[i]));
    return list;
}

static json_t *settings_json(const bench_options *o) {
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:b, "
        "s:s, s:I, s:f}",
        "dims", list_json(&o->dims), "bottom", list_json(&o->bottom), "towers",
        list_json(&o->towers), "set", words_json(&o->sets), "tasks", (json_int_t)o->tasks, "batch",
        (json_int_t)o->batch, "rows", (json_int_t)o->rows, "sparse", (json_int_t)o->sparse, "vocab",
        list_json(&o->vocab), "lists", (json_int_t)o->lists, "list_length",
        (json_int_t)o->list_length, "list_vocab", (json_int_t)o->list_vocab, "embed_dim",
        (json_int_t)o->embed_dim, "dense", (json_int_t)o->dense, "batch_norm", (int)o->batch_norm,
        "optimizer", o->optimizer, "threads", (json_int_t)o->threads, "seconds", o->seconds);
}

/* ---- The table ---- */

static void print_object(FILE *f, const char *name, const json_t *object) {
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (!text) bench_fail("out of memory");
    fprintf(f, "%s ", name);
    for (const char *c = text; *c; c++) {
        if (strchr("{}\"", *c)) continue;
        fputc(*c == ':' ? ' ' : *c, f);
        if (*c == ',') fputc(' ', f);
    }
    fputc('\n', f);
    free(text);
}

bench_table *bench_table_begin(const char *program, const bench_options *o,
                               const bench_column *columns, size_t count) {
    bench_table *t = bench_alloc(1, sizeof *t);
    *t = (bench_table){columns, count, o->json, o->csv, NULL};
    t->result = json_pack("{s:s, s:o, s:o, s:[]}", "program", program, "machine", machine_json(),
                          "settings", settings_json(o), "rows");
    if (!t->result) bench_fail("out of memory");
    warn_of_old_core();
    if (t->json) return t;
    FILE *f = t->csv ? stderr : stdout;
    print_object(f, "machine:", json_object_get(t->result, "machine"));
    print_object(f, "settings:", json_object_get(t->result, "settings"));
    bool is_first = true;
    for (size_t i = 0; i < count; i++) {
        const bench_column *c = &columns[i];
        if (t->csv)
            printf("%s%s", i ? "," : "", c->key);
        else if (c->head)
            printf("%s%*s", is_first ? "" : " ", c->width, c->head);
        if (c->head) is_first = false;
    }
    putchar('\n');
    fflush(stdout);
    return t;
}

static void print_cell(const bench_column *c, const bench_cell *cell, bool csv) {
    int width = csv ? 0 : c->width;
    bool quoted = csv && cell->text && strchr(cell->text, ',');
    if (cell->text)
        printf("%s%*s%s", quoted ? "\"" : "", width, cell->text, quoted ? "\"" : "");
    else if (isnan(cell->number))
        printf("%*s", width, csv ? "" : "-");
    else
        printf("%*.*f", width, csv && c->digits ? c->digits + 3 : c->digits, cell->number);
}

static json_t *cell_json(const bench_column *column, const bench_cell *cell) {
    if (cell->text) return json_string(cell->text);
    if (isnan(cell->number)) return json_null();
    if (column->digits) return json_real(cell->number);
    return json_integer((json_int_t)(cell->number + 0.5));
}

static void add_cells(json_t *rows, const bench_column *columns, const bench_cell *cells,
                      size_t count) {
    json_t *row = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new(row, columns[i].key, cell_json(&columns[i], &cells[i]));
    json_array_append_new(rows, row);
}

void bench_table_row(bench_table *t, const bench_cell *cells) {
    if (t->json) {
        add_cells(json_object_get(t->result, "rows"), t->columns, cells, t->count);
        return;
    }
    bool is_first = true;
    for (size_t i = 0; i < t->count; i++) {
        if (!t->csv && !t->columns[i].head) continue;
        if (!is_first) putchar(t->csv ? ',' : ' ');
        print_cell(&t->columns[i], &cells[i], t->csv);
        is_first = false;
    }
    putchar('\n');
    fflush(stdout);
}

int bench_table_end(bench_table *t) {
    if (t->json) {
        json_dumpf(t->result, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(8));
        putchar('\n');
    }
    json_decref(t->result);
    free(t);
    return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
