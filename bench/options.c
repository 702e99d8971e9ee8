#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

typedef enum kind { LIST, INTEGER, NUMBER, SWITCH, WORD, FLAG, PATH, MODELS, WORDS, SETTING } kind;

typedef struct flag {
    const char *name, *operand;
    kind kind;
    size_t offset;
    double low, high;
    const char *help;
    int taken; /* by programs that take this; 0: by all */
} flag;

#define AT(member) offsetof(bench_options, member)

static const flag flags[] = {
    {"n-expert", "LIST", LIST, AT(n_expert), 1, 4096,
     "numbers of experts; 1,2,4,...,256 goes on as it began"},
    {"dims", "LIST", LIST, AT(dims), 1, 65536, "widths of an expert's layers"},
    {"model", "LIST", MODELS, AT(models), 0, 0,
     "models by name, or all; 8 experts unless --n-expert says otherwise", BENCH_TAKES_MODEL},
    {"bottom", "LIST", LIST, AT(bottom), 1, 65536,
     "widths of a bottom's layers, for models that have one", BENCH_TAKES_MODEL},
    {"set", "KEY=VALUE", SETTING, AT(sets), 0, 0,
     "set a key of the model, as model.n_level=3, or of balancing, or trainer.segments or "
     "trainer.embedding_update; may be repeated",
     BENCH_TAKES_MODEL},
    {"method", "LIST", WORDS, AT(methods), 0, 0,
     "methods of balancing the tasks' losses, or none: each a row, with its extra cost a step",
     BENCH_TAKES_METHOD},
    {"first-layer", "LIST", WORDS, AT(first_layers), 0, 0,
     "ways of the first layer, as model.first_layer has them: each a row", BENCH_TAKES_FIRST_LAYER},
    {"towers", "LIST", LIST, AT(towers), 1, 65536, "widths of a tower's hidden layers"},
    {"tasks", "N", INTEGER, AT(tasks), 1, 256, "tasks, each with a gate and a tower"},
    {"batch", "N", INTEGER, AT(batch), 2, 1048576, "rows of a step"},
    {"rows", "N", INTEGER, AT(rows), 8, 1e9, "rows of the data set"},
    {"sparse", "N", INTEGER, AT(sparse), 1, 65536, "sparse columns"},
    {"vocab", "LIST", LIST, AT(vocab), 2, 2147483647,
     "values of the sparse columns, over and over"},
    {"embed-dim", "N", INTEGER, AT(embed_dim), 1, 65536, "width of an embedding"},
    {"lists", "N", INTEGER, AT(lists), 0, 65536, "of the sparse columns, the last ones are lists",
     BENCH_TAKES_LISTS},
    {"list-length", "N", INTEGER, AT(list_length), 0, 65536,
     "elements of a list, pooled by their mean; 0: one id in its place", BENCH_TAKES_LISTS},
    {"list-vocab", "N", INTEGER, AT(list_vocab), 2, 2147483647, "values of a list's elements",
     BENCH_TAKES_LISTS},
    {"dense", "N", INTEGER, AT(dense), 0, 65536, "dense columns"},
    {"batch-norm", "on|off", SWITCH, AT(batch_norm), 0, 0,
     "batch normalisation in experts, gates and towers"},
    {"optimizer", "NAME", WORD, AT(optimizer), 0, 0, "adam, adamw, sgd or adagrad"},
    {"threads", "N", INTEGER, AT(threads), 1, BENCH_MAX_THREADS,
     "workers; BLAS has one thread in each"},
    {"seconds", "S", NUMBER, AT(seconds), 0.001, 3600, "time for each thing that is measured"},
    {"json", NULL, FLAG, AT(json), 0, 0, "print JSON"},
    {"csv", NULL, FLAG, AT(csv), 0, 0, "print CSV"},
    {"plot", "FILE", PATH, AT(plot), 0, 0, "draw the table to an SVG file, with gnuplot",
     BENCH_TAKES_PLOT},
};
enum { N_FLAG = sizeof flags / sizeof *flags };

static void *target(bench_options *o, const flag *f) { return (char *)o + f->offset; }

static void print_default_list(const bench_list *l) {
    for (int32_t i = 0; i < l->count; i++) printf("%s%d", i ? "," : "", (int)l->items[i]);
}

static bool is_taken(const flag *f, int takes) { return !f->taken || (f->taken & takes); }

static void print_words(const bench_words *w) {
    for (int32_t i = 0; i < w->count; i++) printf("%s%s", i ? "," : "", w->items[i]);
}

static void print_bench_help(const char *program, const char *description, bench_options *o,
                             int takes) {
    printf("Usage: %s [FLAGS]\n\n%s\n\nFlags:\n", program, description);
    for (int i = 0; i < N_FLAG; i++) {
        const flag *f = &flags[i];
        char left[32];
        const bool bare =
            f->kind == FLAG || f->kind == PATH || f->kind == WORDS || f->kind == SETTING;
        if (!is_taken(f, takes)) continue;
        snprintf(left, sizeof left, "--%s %s", f->name, f->operand ? f->operand : "");
        printf("  %-20s %s", left, f->help);
        fputs(bare ? "" : " [", stdout);
        if (f->kind == MODELS) print_words(target(o, f));
        if (f->kind == LIST) print_default_list(target(o, f));
        if (f->kind == INTEGER) printf("%lld", (long long)*(int64_t *)target(o, f));
        if (f->kind == NUMBER) printf("%g", *(double *)target(o, f));
        if (f->kind == SWITCH) fputs(*(bool *)target(o, f) ? "on" : "off", stdout);
        if (f->kind == WORD) fputs(*(const char **)target(o, f), stdout);
        puts(bare ? "" : "]");
    }
    exit(0);
}

static noreturn void bad_value(const flag *f, const char *text) {
    fprintf(stderr, "--%s: \"%s\" is not ", f->name, text);
    if (f->kind == SWITCH) fputs("on or off", stderr);
    if (f->kind == WORD) fputs("adam, adamw, sgd or adagrad", stderr);
    if (f->kind == WORDS) fprintf(stderr, "a list of at most %d words", BENCH_LIST);
    if (f->kind == SETTING)
        fputs("a KEY=VALUE of model. or trainer.adaptive_params., or trainer.segments or "
              "trainer.embedding_update, of at most 64 such",
              stderr);
    if (f->kind == MODELS) {
        fputs("all, or a list of", stderr);
        for (size_t i = 0; bench_model_name(i); i++)
            fprintf(stderr, "%s %s", i ? "," : "", bench_model_name(i));
    }
    if (f->kind == LIST) fprintf(stderr, "a list of at most %d of ", BENCH_LIST);
    if (f->kind == LIST || f->kind == INTEGER)
        fprintf(stderr, "integers from %.0f to %.0f", f->low, f->high);
    if (f->kind == NUMBER) fprintf(stderr, "a number from %g to %g", f->low, f->high);
    fputc('\n', stderr);
    exit(2);
}

static double number_of(const flag *f, const char *text, const char *digits) {
    char *end;
    double value = strtod(digits, &end);
    if (end == digits || *end || !(value >= f->low && value <= f->high)) bad_value(f, text);
    if (f->kind != NUMBER && value != (double)(int64_t)value) bad_value(f, text);
    return value;
}

/* Goes on to `last` as the two before began: by a factor if there is a whole one, else by a
 * difference. */
static bool go_on(bench_list *l, int32_t last) {
    if (l->count < 2) return false;
    int64_t a = l->items[l->count - 2], b = l->items[l->count - 1];
    if (b <= a || last <= b) return false;
    bool by_factor = b % a == 0;
    while (l->count < BENCH_LIST) {
        int64_t next =
            by_factor ? l->items[l->count - 1] * (b / a) : l->items[l->count - 1] + (b - a);
        if (next >= last) return next == last;
        l->items[l->count++] = (int32_t)next;
    }
    return false;
}

static void read_list(const flag *f, const char *text, bench_list *out) {
    bool goes_on = false;
    char *copy = strdup(text), *rest = copy;
    if (!copy) bench_fail("out of memory");
    out->count = 0;
    for (const char *item; (item = strsep(&rest, ",")) != NULL;) {
        if (strcmp(item, "...") == 0 && !goes_on && rest) {
            goes_on = true;
            continue;
        }
        int32_t value = (int32_t)number_of(f, text, item);
        if (goes_on && !go_on(out, value)) bad_value(f, text);
        goes_on = false;
        if (out->count == BENCH_LIST) bad_value(f, text);
        out->items[out->count++] = value;
    }
    free(copy);
}

/* `text` is argv's: its words stay. */
static void read_words(const flag *f, char *text, bench_words *out) {
    char *whole = strdup(text);
    if (!whole) bench_fail("out of memory");
    out->count = 0;
    for (char *item; (item = strsep(&text, ",")) != NULL;) {
        if (out->count == BENCH_LIST || !*item) bad_value(f, whole);
        out->items[out->count++] = item;
    }
    free(whole);
}

static void read_models(const flag *f, char *text, bench_words *out) {
    if (strcmp(text, "all") == 0) {
        for (out->count = 0; bench_model_name((size_t)out->count); out->count++)
            out->items[out->count] = bench_model_name((size_t)out->count);
        return;
    }
    read_words(f, text, out);
    for (int32_t i = 0; i < out->count; i++) {
        size_t known = 0;
        while (bench_model_name(known) && strcmp(bench_model_name(known), out->items[i]) != 0)
            known++;
        if (!bench_model_name(known)) bad_value(f, out->items[i]);
    }
}

static void read_setting(const flag *f, const char *text, bench_words *out) {
    const bool is_key = strncmp(text, "model.", 6) == 0 ||
                        strncmp(text, "trainer.adaptive_params.", 24) == 0 ||
                        strncmp(text, "trainer.segments=", 17) == 0 ||
                        strncmp(text, "trainer.embedding_update=", 25) == 0;
    if (!is_key || !strchr(text, '=') || out->count == BENCH_LIST) bad_value(f, text);
    out->items[out->count++] = text;
}

static void read_flag(bench_options *o, const flag *f, char *text) {
    void *to = target(o, f);
    switch (f->kind) {
    case LIST:
        read_list(f, text, to);
        break;
    case INTEGER:
        *(int64_t *)to = (int64_t)number_of(f, text, text);
        break;
    case NUMBER:
        *(double *)to = number_of(f, text, text);
        break;
    case SWITCH:
        if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0) bad_value(f, text);
        *(bool *)to = strcmp(text, "on") == 0;
        break;
    case WORD:
        if (strcmp(text, "adam") != 0 && strcmp(text, "adamw") != 0 && strcmp(text, "sgd") != 0)
            bad_value(f, text);
        *(const char **)to = text;
        break;
    case FLAG:
        *(bool *)to = true;
        break;
    case PATH:
        *(const char **)to = text;
        break;
    case MODELS:
        read_models(f, text, to);
        break;
    case WORDS:
        read_words(f, text, to);
        break;
    case SETTING:
        read_setting(f, text, to);
        break;
    }
}

/* What is wrong with the options together; NULL: nothing. */
static const char *fault_of(const bench_options *o) {
    if (o->json && o->csv) return "--json and --csv exclude each other";
    if (o->rows / 4 * 4 < o->batch) return "--rows must be at least --batch";
    if (o->lists > o->sparse) return "--lists must be at most --sparse";
    const bool many = o->models.count > 1 || o->methods.count > 1 || o->first_layers.count > 1;
    if (o->plot && (many || !strstr(o->models.items[0], "moe")))
        return "--plot draws omoe or mmoe alone";
    return NULL;
}

bench_options bench_parse(int argc, char **argv, const char *description, double seconds,
                          int takes) {
    bench_options o = {.n_expert = {{1, 2, 4, 8, 16, 32, 64, 128, 256}, 9},
                       .dims = {{16}, 1},
                       .bottom = {{128}, 1},
                       .towers = {{8}, 1},
                       .vocab = {{16}, 1}};
    o.models = (bench_words){{"mmoe"}, 1};
    o.batch = 1024;
    o.rows = 65536;
    o.sparse = 32;
    o.embed_dim = 4;
    o.lists = takes & BENCH_OF_LISTS ? 1 : 0;
    o.list_length = 20;
    o.list_vocab = 100000;
    o.dense = 7;
    o.tasks = 2;
    o.threads = 1;
    o.seconds = seconds;
    o.batch_norm = true;
    o.optimizer = "adam";
    struct option known[N_FLAG + 2] = {{"help", no_argument, NULL, N_FLAG}};
    bool has_models = false, has_counts = false;
    for (int i = 0, n = 1; i < N_FLAG; i++)
        if (is_taken(&flags[i], takes))
            known[n++] = (struct option){
                flags[i].name, flags[i].operand ? required_argument : no_argument, NULL, i};
    for (int i; (i = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (i == '?') exit(2);
        if (i == N_FLAG) print_bench_help(argv[0], description, &o, takes);
        has_models |= flags[i].kind == MODELS;
        has_counts |= flags[i].offset == AT(n_expert);
        read_flag(&o, &flags[i], optarg);
    }
    if (has_models && !has_counts) o.n_expert = (bench_list){{8}, 1};
    mmoe_error err;
    const char *wrong = optind < argc ? "no operands are taken" : fault_of(&o);
    if (!wrong && mmoe_kernel_set_check(&err)) wrong = err.message;
    if (wrong) {
        fprintf(stderr, "%s: %s\n", argv[0], wrong);
        exit(2);
    }
    return o;
}

int32_t bench_embedding_width(const bench_options *o) {
    return (int32_t)(o->sparse * o->embed_dim);
}

int32_t bench_input_width(const bench_options *o) {
    return (int32_t)(o->sparse * o->embed_dim + o->dense);
}
