/* Columns that are kept beside rows, on their way into a part of a folder. */

#include "base/error.h"
#include "base/utf8.h"
#include "file/packed_kept.h"
#include "file/packed_parts.h"

/* A kept column of rows that are added, and of the part that they go to. */
typedef struct mmoe_keeping {
    const mmoe_kept *from;
    int32_t *rows;   /* of its values in the folder's vocabulary */
    int64_t before;  /* rows that this had when the part began */
    int32_t *values; /* [MMOE_BLOCK_ROWS] of the rows that are pending */
} mmoe_keeping;

mmoe_status mmoe_packer_open_keeping(mmoe_packer *p, mmoe_error *err) {
    const size_t n = p->set->n_kept;
    p->keeping = mmoe_alloc_zero(&p->alloc, n, sizeof *p->keeping);
    p->pending.kept = mmoe_alloc_zero(&p->alloc, n, sizeof *p->pending.kept);
    bool good = p->keeping && p->pending.kept;
    for (size_t i = 0; good && i < n; i++) {
        const size_t length = strlen(p->set->kept[i].name);
        if (!mmoe_utf8_is(p->set->kept[i].name, length))
            return mmoe_fail(err, MMOE_E_ARGUMENT,
                             "%s: the name of a column that is kept is not UTF-8", p->what.folder);
        p->keeping[i].before = mmoe_vocab_rows(p->set->kept[i].vocab);
        p->keeping[i].values = mmoe_alloc(&p->alloc, MMOE_BLOCK_ROWS, sizeof(int32_t));
        p->pending.kept[i] = p->keeping[i].values;
        good = p->keeping[i].values;
    }
    return good ? MMOE_OK : mmoe_fail_memory(err, n * MMOE_BLOCK_ROWS * sizeof(int32_t));
}

void mmoe_packer_close_keeping(mmoe_packer *p) {
    mmoe_packer_end_keeping(p);
    for (size_t i = 0; p->keeping && i < p->set->n_kept; i++)
        mmoe_release(&p->alloc, p->keeping[i].values);
    mmoe_release(&p->alloc, p->keeping);
    mmoe_release(&p->alloc, p->pending.kept);
    p->keeping = NULL;
    p->pending.kept = NULL;
}

mmoe_status mmoe_packer_begin_keeping(mmoe_packer *p, const struct mmoe_dataset *rows,
                                      mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    mmoe_packer_end_keeping(p);
    for (size_t i = 0; !status && i < p->set->n_kept; i++) {
        const mmoe_kept *to = &p->set->kept[i], *from = mmoe_dataset_kept(rows, to->name);
        if (!from)
            return mmoe_fail(err, MMOE_E_ARGUMENT,
                             "%s: the folder keeps the column \"%s\", and the rows that are added "
                             "do not",
                             p->what.folder, to->name);
        p->keeping[i].from = from;
        status = mmoe_kept_merge(to->vocab, from, &p->alloc, &p->keeping[i].rows, err);
    }
    return status;
}

void mmoe_packer_keep(mmoe_packer *p, int64_t first, int32_t rows) {
    for (size_t i = 0; i < p->set->n_kept; i++) {
        const mmoe_keeping *k = &p->keeping[i];
        for (int32_t r = 0; r < rows; r++)
            k->values[p->pending.rows + r] = k->rows[k->from->values[first + r]];
    }
}

void mmoe_packer_end_keeping(mmoe_packer *p) {
    for (size_t i = 0; p->keeping && i < p->set->n_kept; i++) {
        mmoe_release(&p->alloc, p->keeping[i].rows);
        p->keeping[i].rows = NULL;
    }
}

mmoe_status mmoe_packer_write_keeping(const mmoe_packer *p, mmoe_error *err) {
    const size_t n = p->set->n_kept;
    if (!n) return MMOE_OK;
    int64_t *first = mmoe_alloc(&p->alloc, n, sizeof *first);
    if (!first) return mmoe_fail_memory(err, n * sizeof *first);
    for (size_t i = 0; i < n; i++) first[i] = p->keeping[i].before;
    mmoe_stored_part *part = mmoe_packer_part(p);
    const mmoe_status status = mmoe_packed_write_kept(p->set, part->folder, first, err);
    part->kept_sum = mmoe_packed_kept_sum(p->set, first);
    mmoe_release(&p->alloc, first);
    return status;
}
