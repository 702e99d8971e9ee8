#include "data/rows.h"

#include <string.h>

#include "base/error.h"
#include "data/loader.h"

/* The header: what the columns are, and of which cells are wanted. */
static mmoe_status on_columns(void *user, mmoe_row_column *columns, size_t n, mmoe_error *err) {
    mmoe_loader *l = user;
    mmoe_csv_file *f = &l->file;
    mmoe_csv_field *names = mmoe_alloc(&f->alloc, n, sizeof *names);
    f->are_lists = mmoe_alloc(&f->alloc, n, sizeof *f->are_lists);
    mmoe_status status = names && f->are_lists ? MMOE_OK : mmoe_fail_memory(err, n * sizeof *names);
    for (size_t i = 0; !status && i < n; i++) {
        names[i] = (mmoe_csv_field){columns[i].name, strlen(columns[i].name)};
        f->are_lists[i] = columns[i].is_list;
    }
    if (!status) status = mmoe_loader_header(l, names, n, err);
    if (!status) status = mmoe_row_columns_take(columns, f, err);
    mmoe_release(&f->alloc, names);
    return status;
}

/* Reads all rows of the source. */
static mmoe_status read_source(const mmoe_row_source *source, mmoe_loader *l, mmoe_error *err) {
    const mmoe_csv_passed nothing = {0};
    const mmoe_row_handler handler = {l, on_columns, mmoe_loader_row};
    l->first_row = 1;
    l->nothing = source->nothing;
    const mmoe_status status = source->read(source->user, &handler, err);
    return status ? status : mmoe_loader_add(l, &nothing, err);
}

mmoe_status mmoe_rows_fit(const mmoe_row_source *source, const mmoe_schema_wanted *wanted,
                          const mmoe_allocator *alloc, struct mmoe_schema **schema,
                          struct mmoe_dataset **out, mmoe_error *err) {
    mmoe_loader l = {.file = {.alloc = mmoe_allocator_or_default(alloc),
                              .path = source->name,
                              .wanted = wanted}};
    return mmoe_loader_finish(&l, read_source(source, &l, err), schema, out, err);
}

mmoe_status mmoe_rows_read(const mmoe_row_source *source, const struct mmoe_schema *schema,
                           int labels, const mmoe_allocator *alloc, struct mmoe_dataset **out,
                           mmoe_error *err) {
    mmoe_loader l = {.file = {.alloc = mmoe_allocator_or_default(alloc),
                              .path = source->name,
                              .schema = schema,
                              .label_mode = labels}};
    return mmoe_loader_finish(&l, read_source(source, &l, err), NULL, out, err);
}

mmoe_status mmoe_label_mode_check(int labels, mmoe_error *err) {
    if (labels >= MMOE_LABELS_REQUIRED && labels <= MMOE_ROWS_TO_SCORE) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "labels is %d, none of MMOE_LABELS_REQUIRED, _OPTIONAL, _IGNORED and "
                     "MMOE_ROWS_TO_SCORE",
                     labels);
}
