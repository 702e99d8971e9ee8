#include "data/csv_spill.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_at.h"
#include "base/unnamed_file.h"
#include "data/short_words.h"

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
    uint8_t
        *form; /* in the file, of words that are shortened (short_words.h); NULL: they are not */
} array;
enum { WEIGHTS = 2, ARRAYS = 3 };

static void find_arrays(mmoe_csv_part *p, array out[ARRAYS]) {
    const size_t rows = (size_t)p->rows,
                 number = p->learns_numbers ? mmoe_csv_part_values_size(p) : 0,
                 label = (size_t)p->file->schema->n_label * sizeof *p->labels,
                 weight = mmoe_csv_file_is_weighted(p->file) ? sizeof *p->weights : 0;
    const array all[ARRAYS] = {{&p->values, rows * number, NULL},
                               {&p->labels, rows * label, &p->spilled_labels},
                               {&p->weights, rows * weight, &p->spilled_weights}};
    memcpy(out, all, sizeof all);
}

static size_t words_of(const array *a) { return a->bytes / sizeof(uint32_t); }

static size_t size_in_file(const array *a) {
    return a->form && a->bytes ? mmoe_words_size(*a->form, words_of(a)) : a->bytes;
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

/* New memory with the next array, from *at on; it is *out's, too, where that cannot be read. */
static mmoe_status get_array(const mmoe_csv_spill *s, const mmoe_allocator *a, const array *of,
                             int64_t *at, char **out, mmoe_error *err) {
    const size_t size = size_in_file(of);
    size_t got = 0;
    *out = mmoe_alloc(a, of->bytes, 1);
    if (!*out) return mmoe_fail_memory(err, of->bytes);
    errno = EIO; /* of a file that is shorter than it was */
    if (!mmoe_read_at(s->file, *out, size, *at, &got) || got < size)
        return mmoe_fail_system(err, s->folder, "cannot read a temporary file there");
    *at += (int64_t)size;
    if (of->form && size) mmoe_words_lengthen(*out, words_of(of), *of->form);
    return MMOE_OK;
}

/* ---- Parts ---- */

mmoe_status mmoe_csv_spill_put(mmoe_csv_spill *s, mmoe_csv_part *p, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    array arrays[ARRAYS];
    find_arrays(p, arrays);
    p->spilled_at = s->size;
    p->is_spilled = true;
    for (int i = 0; !status && i < ARRAYS; i++) {
        char *memory = memory_of(&arrays[i]);
        if (arrays[i].form && arrays[i].bytes) {
            *arrays[i].form = mmoe_words_form(memory, words_of(&arrays[i]));
            mmoe_words_shorten(memory, words_of(&arrays[i]), *arrays[i].form);
        }
        status = put_bytes(s, memory, size_in_file(&arrays[i]), err);
    }
    return status;
}

mmoe_status mmoe_csv_spill_get(const mmoe_csv_spill *s, mmoe_csv_part *p, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    array arrays[ARRAYS];
    int64_t at = p->spilled_at;
    mmoe_csv_spill_drop(p);
    find_arrays(p, arrays);
    for (int i = 0; !status && i < ARRAYS; i++) {
        char *memory;
        if (i == WEIGHTS && !arrays[i].bytes) continue; /* NULL: all 1 */
        status = get_array(s, &p->file->alloc, &arrays[i], &at, &memory, err);
        set_memory(&arrays[i], memory);
    }
    return status;
}
