#include "data/csv_spill.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_at.h"
#include "base/unnamed_file.h"

mmoe_status mmoe_csv_spill_open(const char *folder, mmoe_csv_spill *out, mmoe_error *err) {
    *out = (mmoe_csv_spill){folder, mmoe_unnamed_file_open(folder), 0};
    return out->file < 0 ? mmoe_fail_system(err, folder, "cannot make a temporary file there")
                         : MMOE_OK;
}

void mmoe_csv_spill_close(mmoe_csv_spill *s) {
    if (s->folder && s->file >= 0) close(s->file);
    *s = (mmoe_csv_spill){0};
}

/* Where a part has the address of an array, and how many bytes are used of that. */
typedef struct array {
    void *at;
    size_t bytes;
} array;
enum { TO_LEARN = 3, ARRAYS = 8 };

static void find_arrays(mmoe_csv_part *p, array out[ARRAYS]) {
    const struct mmoe_schema *s = p->file->schema;
    const size_t rows = (size_t)p->rows, n_id = (size_t)(s->n_sparse - s->n_list),
                 n_note = (size_t)s->n_sparse + (size_t)s->n_dense,
                 weight = mmoe_csv_file_is_weighted(p->file) ? sizeof *p->weights : 0,
                 element_weight = p->lists.is_weighed ? sizeof *p->lists.weights : 0;
    const array all[ARRAYS] = {{&p->values, rows * mmoe_csv_part_values_size(p)},
                               {&p->labels, rows * (size_t)s->n_label * sizeof *p->labels},
                               {&p->weights, rows * weight},
                               {&p->ids, rows * n_id * sizeof *p->ids},
                               {&p->lists.ends, p->lists.lists * sizeof *p->lists.ends},
                               {&p->lists.ids, p->lists.elements * sizeof *p->lists.ids},
                               {&p->lists.weights, p->lists.elements * element_weight},
                               {&p->notes, n_note * sizeof *p->notes}};
    memcpy(out, all, sizeof all);
}

static char *memory_of(const array *a) {
    char *memory;
    memcpy(&memory, a->at, sizeof memory);
    return memory;
}

static void set_memory(const array *a, const char *memory) {
    memcpy(a->at, &memory, sizeof memory);
}

void mmoe_csv_spill_drop(mmoe_csv_part *p) {
    array arrays[ARRAYS];
    find_arrays(p, arrays);
    for (int i = 0; i < ARRAYS; i++) {
        mmoe_release(&p->file->alloc, memory_of(&arrays[i]));
        set_memory(&arrays[i], NULL);
    }
}

mmoe_status mmoe_csv_spill_put(mmoe_csv_spill *s, mmoe_csv_part *p, mmoe_error *err) {
    array arrays[ARRAYS];
    find_arrays(p, arrays);
    p->spilled_at = s->size;
    for (int i = 0; i < ARRAYS; i++) {
        if (arrays[i].bytes &&
            !mmoe_write_at(s->file, memory_of(&arrays[i]), arrays[i].bytes, s->size))
            return mmoe_fail_system(err, s->folder, "cannot write to a temporary file there");
        s->size += (int64_t)arrays[i].bytes;
    }
    mmoe_csv_spill_drop(p);
    return MMOE_OK;
}

mmoe_status mmoe_csv_spill_get(const mmoe_csv_spill *s, mmoe_csv_part *p, mmoe_spilled what,
                               mmoe_error *err) {
    array arrays[ARRAYS];
    int64_t at = p->spilled_at;
    mmoe_csv_spill_drop(p);
    find_arrays(p, arrays);
    for (int i = 0; i < (what == MMOE_SPILLED_ALL ? ARRAYS : TO_LEARN); i++) {
        const size_t bytes = arrays[i].bytes;
        size_t got = 0;
        char *memory = mmoe_alloc(&p->file->alloc, bytes, 1);
        if (!memory) return mmoe_fail_memory(err, bytes);
        set_memory(&arrays[i], memory);
        errno = EIO; /* of a file that is shorter than it was */
        if (!mmoe_read_at(s->file, memory, bytes, at, &got) || got < bytes)
            return mmoe_fail_system(err, s->folder, "cannot read a temporary file there");
        at += (int64_t)bytes;
    }
    return MMOE_OK;
}
