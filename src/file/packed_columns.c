/* What a packed folder's files are, by the schema of its rows. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "file/packed.h"

enum { NAME_SIZE = 96, NAME_LENGTH = 64 };

/* Letters, digits, '_', '-' and '.' of a feature's name, others as '_': a name that every system
 * takes. The number makes it the only one. */
static void make_name(char out[NAME_SIZE], int32_t number, const char *feature,
                      const char *suffix) {
    char plain[NAME_LENGTH + 1];
    size_t n = 0;
    for (; feature[n] && n < NAME_LENGTH; n++) {
        const char c = feature[n];
        const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || (c == '.' && n);
        plain[n] = '_';
        if (kept) plain[n] = c;
    }
    plain[n] = '\0';
    snprintf(out, NAME_SIZE, "%03d-%s%s.npy", (int)number, plain, suffix);
}

typedef struct column_list {
    const mmoe_allocator *alloc;
    mmoe_stored_column *columns;
    int32_t count;
    bool failed;
} column_list;

static void add(column_list *l, mmoe_stored_column c, const char *feature, const char *suffix) {
    char name[NAME_SIZE];
    make_name(name, l->count, feature, suffix);
    c.file = mmoe_copy_text(l->alloc, name, strlen(name));
    l->failed |= !c.file;
    l->columns[l->count++] = c;
}

static void add_ids(column_list *l, const struct mmoe_schema *s) {
    const bool weighed = mmoe_schema_weighs_lists(s);
    for (int32_t i = 0; i < s->n_sparse; i++) {
        const mmoe_sparse_column *c = &s->sparse[i];
        if (c->list < 0) {
            add(l, (mmoe_stored_column){MMOE_STORED_IDS, i, 1, NULL}, c->name, "");
            continue;
        }
        add(l, (mmoe_stored_column){MMOE_STORED_OFFSETS, c->list, 1, NULL}, c->name, ".offsets");
        add(l, (mmoe_stored_column){MMOE_STORED_ELEMENTS, c->list, 1, NULL}, c->name, ".values");
        if (weighed)
            add(l, (mmoe_stored_column){MMOE_STORED_ELEMENT_WEIGHTS, c->list, 1, NULL}, c->name,
                ".weights");
    }
}

mmoe_status mmoe_packed_columns(const struct mmoe_schema *s, const struct mmoe_dataset *set,
                                mmoe_stored_column **out, int32_t *count, mmoe_error *err) {
    const mmoe_allocator *alloc = &set->alloc;
    const size_t most =
        3 * (size_t)s->n_sparse + (size_t)s->n_dense + (size_t)s->n_label + 1 + set->n_kept;
    column_list l = {.alloc = alloc, .columns = mmoe_alloc_zero(alloc, most, sizeof *l.columns)};
    if (!l.columns) return mmoe_fail_memory(err, most * sizeof *l.columns);
    add_ids(&l, s);
    for (int32_t i = 0; i < s->n_dense; i++)
        add(&l,
            (mmoe_stored_column){MMOE_STORED_INPUTS, s->dense[i].first, s->dense[i].width, NULL},
            s->dense[i].name, "");
    for (int32_t i = 0; i < s->n_label; i++)
        add(&l, (mmoe_stored_column){MMOE_STORED_LABEL, i, 1, NULL}, s->labels[i].task, ".label");
    if (s->weight) add(&l, (mmoe_stored_column){MMOE_STORED_WEIGHT, 0, 1, NULL}, s->weight, "");
    for (size_t i = 0; i < set->n_kept; i++)
        add(&l, (mmoe_stored_column){MMOE_STORED_KEPT, (int32_t)i, 1, NULL}, set->kept[i].name, "");
    *out = l.columns;
    *count = l.count;
    return l.failed ? mmoe_fail_memory(err, NAME_SIZE) : MMOE_OK;
}

/* ---- NumPy's header, version 1.0, filled up with blanks ---- */

static void make_header(const char *type, const char *shape, char out[MMOE_STORED_HEADER]) {
    enum { START = 10 };
    static const unsigned char start[START] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, MMOE_STORED_HEADER - START, 0};
    memset(out, ' ', MMOE_STORED_HEADER);
    memcpy(out, start, START);
    const int n = snprintf(out + START, MMOE_STORED_HEADER - START,
                           "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, shape);
    out[START + n] = ' ';
    out[MMOE_STORED_HEADER - 1] = '\n';
}

void mmoe_packed_header(const mmoe_stored_column *c, int64_t rows, char out[MMOE_STORED_HEADER]) {
    static const char *const types[] = {
        [MMOE_STORED_IDS] = "<i4",      [MMOE_STORED_OFFSETS] = "<i8",
        [MMOE_STORED_ELEMENTS] = "<i4", [MMOE_STORED_ELEMENT_WEIGHTS] = "<f4",
        [MMOE_STORED_INPUTS] = "<f4",   [MMOE_STORED_LABEL] = "<f4",
        [MMOE_STORED_WEIGHT] = "<f4",   [MMOE_STORED_KEPT] = "<i4"};
    char shape[48];
    if (c->width == 1)
        snprintf(shape, sizeof shape, "%lld,", (long long)rows);
    else
        snprintf(shape, sizeof shape, "%lld, %d", (long long)rows, (int)c->width);
    make_header(types[c->what], shape, out);
}

void mmoe_packed_checksums_header(int64_t blocks, int32_t files, char out[MMOE_STORED_HEADER]) {
    char shape[48];
    snprintf(shape, sizeof shape, "%lld, %d", (long long)blocks, (int)files);
    make_header("<u8", shape, out);
}

char *mmoe_packed_path(const mmoe_allocator *alloc, const char *folder, const char *name) {
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *path = mmoe_alloc(alloc, size, 1);
    if (path) snprintf(path, size, "%s/%s", folder, name);
    return path;
}
