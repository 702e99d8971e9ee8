#include "data/csv_spill.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_at.h"
#include "base/text.h"
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

/* ---- Arrays ---- */

/* Where a part has the address of an array, and how many bytes are used of that. */
typedef struct array {
    void *at;
    size_t bytes;
} array;
enum { WEIGHTS = 2, TO_LEARN = 3, ARRAYS = 8 };

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

/* ---- Bytes ---- */

static mmoe_status put_bytes(mmoe_csv_spill *s, const void *bytes, size_t size, mmoe_error *err) {
    if (size && !mmoe_write_at(s->file, bytes, size, s->size))
        return mmoe_fail_system(err, s->folder, "cannot write to a temporary file there");
    s->size += (int64_t)size;
    return MMOE_OK;
}

/* New memory with the next bytes, from *at on; it is *out's, too, where they cannot be read. */
static mmoe_status get_bytes(const mmoe_csv_spill *s, const mmoe_allocator *a, size_t size,
                             int64_t *at, char **out, mmoe_error *err) {
    size_t got = 0;
    *out = mmoe_alloc(a, size, 1);
    if (!*out) return mmoe_fail_memory(err, size);
    errno = EIO; /* of a file that is shorter than it was */
    if (!mmoe_read_at(s->file, *out, size, *at, &got) || got < size)
        return mmoe_fail_system(err, s->folder, "cannot read a temporary file there");
    *at += (int64_t)size;
    return MMOE_OK;
}

/* ---- Columns that are kept ---- */

/* A key's text behind its length; `to` NULL: how many bytes that takes is wanted. */
static size_t lay_key(const mmoe_vocab *vocab, int64_t row, char *to) {
    char room[MMOE_NUMBER_SIZE];
    size_t length;
    const char *text = mmoe_vocab_key_text(vocab, row, room, &length);
    if (to) memcpy(to, &length, sizeof length);
    if (to) memcpy(to + sizeof length, text, length);
    return sizeof length + length;
}

static mmoe_status put_keys(mmoe_csv_spill *s, const mmoe_vocab *vocab, const mmoe_allocator *a,
                            mmoe_error *err) {
    size_t size = 0, used = 0;
    for (int64_t row = 1; row < mmoe_vocab_rows(vocab); row++) size += lay_key(vocab, row, NULL);
    char *bytes = mmoe_alloc(a, size, 1);
    if (!bytes) return mmoe_fail_memory(err, size);
    for (int64_t row = 1; row < mmoe_vocab_rows(vocab); row++)
        used += lay_key(vocab, row, bytes + used);
    mmoe_status status = put_bytes(s, &size, sizeof size, err);
    if (!status) status = put_bytes(s, bytes, size, err);
    mmoe_release(a, bytes);
    return status;
}

static mmoe_status enter_keys(const char *bytes, size_t size, mmoe_vocab *to, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t used = 0, length; !status && used < size; used += length) {
        int32_t row;
        memcpy(&length, bytes + used, sizeof length);
        used += sizeof length;
        status = mmoe_vocab_add(to, bytes + used, length, &row, err);
    }
    return status;
}

static mmoe_status get_keys(const mmoe_csv_spill *s, const mmoe_allocator *a, int64_t *at,
                            mmoe_vocab *to, mmoe_error *err) {
    char *bytes = NULL;
    size_t size = 0;
    mmoe_status status = get_bytes(s, a, sizeof size, at, &bytes, err);
    if (!status) memcpy(&size, bytes, sizeof size);
    mmoe_release(a, bytes);
    bytes = NULL;
    if (!status) status = get_bytes(s, a, size, at, &bytes, err);
    if (!status) status = enter_keys(bytes, size, to, err);
    mmoe_release(a, bytes);
    return status;
}

static mmoe_status put_kept(mmoe_csv_spill *s, mmoe_csv_part *p, mmoe_error *err) {
    const mmoe_allocator *a = &p->file->alloc;
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < p->file->n_keep; i++) {
        mmoe_kept *k = &p->kept[i];
        status = put_bytes(s, k->values, (size_t)p->rows * sizeof *k->values, err);
        if (!status) status = put_keys(s, k->vocab, a, err);
        mmoe_kept_finish(k, a);
        *k = (mmoe_kept){NULL};
    }
    return status;
}

static mmoe_status get_kept(const mmoe_csv_spill *s, mmoe_csv_part *p, int64_t at,
                            mmoe_error *err) {
    const mmoe_allocator *a = &p->file->alloc;
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < p->file->n_keep; i++) {
        mmoe_kept *k = &p->kept[i];
        char *values = NULL;
        status = mmoe_kept_begin(k, p->file->keep[i], a, err);
        if (!status)
            status = get_bytes(s, a, (size_t)p->rows * sizeof *k->values, &at, &values, err);
        k->values = (void *)values;
        if (!status) status = get_keys(s, a, &at, k->vocab, err);
    }
    return status;
}

/* ---- Parts ---- */

mmoe_status mmoe_csv_spill_put(mmoe_csv_spill *s, mmoe_csv_part *p, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    array arrays[ARRAYS];
    find_arrays(p, arrays);
    p->spilled_at = s->size;
    for (int i = 0; !status && i < ARRAYS; i++)
        status = put_bytes(s, memory_of(&arrays[i]), arrays[i].bytes, err);
    mmoe_csv_spill_drop(p);
    return status ? status : put_kept(s, p, err);
}

mmoe_status mmoe_csv_spill_get(const mmoe_csv_spill *s, mmoe_csv_part *p, mmoe_spilled what,
                               mmoe_error *err) {
    const bool all = what == MMOE_SPILLED_ALL;
    mmoe_status status = MMOE_OK;
    array arrays[ARRAYS];
    int64_t at = p->spilled_at;
    mmoe_csv_spill_drop(p);
    find_arrays(p, arrays);
    for (int i = 0; !status && i < (all ? ARRAYS : TO_LEARN); i++) {
        char *memory;
        if (i == WEIGHTS && !arrays[i].bytes) continue; /* NULL: all 1 */
        status = get_bytes(s, &p->file->alloc, arrays[i].bytes, &at, &memory, err);
        set_memory(&arrays[i], memory);
    }
    return status || !all ? status : get_kept(s, p, at, err);
}
