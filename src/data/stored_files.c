/* Files that rows lie in without names, and the end of what is known of stored rows. */
#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "base/unnamed_file.h"
#include "data/stored.h"

void mmoe_stored_free(mmoe_stored *s) {
    if (!s) return;
    const mmoe_allocator a = s->alloc;
    for (int32_t i = 0; s->columns && i < s->n_column; i++) mmoe_release(&a, s->columns[i].file);
    for (int32_t i = 0; s->parts && i < s->n_part; i++) {
        for (int32_t c = 0; s->parts[i].files && c < s->n_column; c++)
            if (s->parts[i].files[c] >= 0) close(s->parts[i].files[c]);
        mmoe_release(&a, s->parts[i].files);
        mmoe_release(&a, s->parts[i].folder);
        mmoe_release(&a, s->parts[i].checksums);
        mmoe_release(&a, s->parts[i].forms);
    }
    mmoe_release(&a, s->columns);
    mmoe_release(&a, s->parts);
    mmoe_release(&a, s->elements);
    mmoe_release(&a, s->apart);
    mmoe_release(&a, s->most_kept);
    mmoe_release(&a, s);
}

static mmoe_status fail_unnamed(const char *folder, size_t opened, size_t files, mmoe_error *err) {
    static const char what[] = "cannot make a temporary file there";
    char text[MMOE_REASON_SIZE];
    if (errno != EMFILE) return mmoe_fail_system(err, folder, what);
    return mmoe_fail_at(err, MMOE_E_IO, folder, 0, NULL,
                        "%s: %s: %zu were made, and streaming needs %zu, one a column: ulimit -n "
                        "must be larger, or the rows are packed into a folder first (mmoe pack)",
                        what, mmoe_reason(EMFILE, text), opened, files);
}

mmoe_status mmoe_stored_open_unnamed(const mmoe_stored *s, mmoe_stored_part *part,
                                     mmoe_error *err) {
    const size_t n = (size_t)s->n_column;
    part->files = mmoe_alloc(&s->alloc, n, sizeof *part->files);
    if (!part->files) return mmoe_fail_memory(err, n * sizeof *part->files);
    for (size_t c = 0; c < n; c++) part->files[c] = -1;
    for (size_t c = 0; c < n; c++) {
        part->files[c] = mmoe_unnamed_file_open(part->folder);
        if (part->files[c] < 0) return fail_unnamed(part->folder, c, n, err);
    }
    return MMOE_OK;
}
