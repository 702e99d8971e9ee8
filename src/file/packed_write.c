#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/file_at.h"
#include "base/json_text.h"
#include "base/raw_bytes.h"
#include "file/packed_kept.h"
#include "file/packed_manifest.h"
#include "file/packed_parts.h"
#include "file/packed_schema.h"

/* ---- Rows ---- */

mmoe_status mmoe_packer_make_elements(mmoe_packer *p, size_t count, mmoe_error *err) {
    mmoe_pending *to = &p->pending;
    if (count <= to->room) return MMOE_OK;
    const size_t room = count + count / 2;
    int32_t *ids = mmoe_resize(&p->alloc, to->elements, to->room, room, sizeof *ids);
    if (ids) to->elements = ids;
    float *weights = NULL;
    if (p->set->stored->has_element_weights) {
        weights = mmoe_resize(&p->alloc, to->element_weights, to->room, room, sizeof *weights);
        if (weights) to->element_weights = weights;
    }
    if (!ids || (p->set->stored->has_element_weights && !weights))
        return mmoe_fail_memory(err, 2 * room * sizeof *ids);
    to->room = room;
    return MMOE_OK;
}

/* Lists of rows [first, first + rows) of a set. */
static mmoe_status take_lists(mmoe_packer *p, const struct mmoe_dataset *from, int64_t first,
                              int32_t rows, mmoe_error *err) {
    const mmoe_stored *s = p->set->stored;
    mmoe_pending *to = &p->pending;
    const int64_t lists = s->n_list, begin = from->offsets[first * lists],
                  count = from->offsets[(first + rows) * lists] - begin,
                  had = to->offsets[to->rows * lists];
    const mmoe_status status = mmoe_packer_make_elements(p, (size_t)(had + count), err);
    if (status) return status;
    const int64_t *at = from->offsets + first * lists;
    int64_t *end = to->offsets + to->rows * lists + 1;
    for (int32_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < lists; i++, at++) {
            const int64_t length = at[1] - at[0];
            *end++ = at[1] - begin + had;
            if (length != 1 || s->has_element_weights) s->apart[i] += length;
        }
    if (count) memcpy(to->elements + had, from->elements + begin, (size_t)count * sizeof(int32_t));
    for (int64_t i = 0; s->has_element_weights && i < count; i++)
        to->element_weights[had + i] = from->element_weights ? from->element_weights[begin + i] : 1;
    return MMOE_OK;
}

static void take_words(void *to, const void *from, int64_t first, int32_t at, int32_t rows,
                       int32_t width) {
    if (width && rows)
        memcpy((uint32_t *)to + (size_t)at * (size_t)width,
               (const uint32_t *)from + (size_t)first * (size_t)width,
               (size_t)rows * (size_t)width * sizeof(uint32_t));
}

static mmoe_status take_rows(mmoe_packer *p, const struct mmoe_dataset *from, int64_t first,
                             int32_t rows, mmoe_error *err) {
    const mmoe_stored *s = p->set->stored;
    mmoe_pending *to = &p->pending;
    take_words(to->ids, from->ids, first, to->rows, rows, s->n_id);
    if (!p->numbers_wait)
        take_words(to->inputs, from->dense, first, to->rows, rows, s->dense_width);
    take_words(to->labels, from->labels, first, to->rows, rows, s->n_label);
    for (int32_t i = 0; to->weights && i < rows; i++)
        to->weights[to->rows + i] = from->weights ? from->weights[first + i] : 1;
    mmoe_packer_keep(p, first, rows);
    const mmoe_status status = s->n_list ? take_lists(p, from, first, rows, err) : MMOE_OK;
    if (!status) to->rows += rows;
    return status;
}

static void take_notes(mmoe_packer *p, const struct mmoe_dataset *from) {
    struct mmoe_dataset *set = p->set;
    set->rows += from->rows;
    set->any_missing_label |= from->any_missing_label;
    for (int32_t i = 0; i < set->n_sparse; i++)
        if (from->most_id[i] > set->most_id[i]) set->most_id[i] = from->most_id[i];
    for (int32_t i = 0; i < set->n_sparse + set->n_dense; i++) {
        mmoe_column_counts *to = &set->notes[i].counts;
        const mmoe_column_counts *more = &from->notes[i].counts;
        to->values += more->values;
        to->missing += more->missing;
        to->unknown += more->unknown;
        to->cut += more->cut;
    }
}

/* Among the sources of the part that grows. */
mmoe_status mmoe_packer_name(mmoe_packer *p, const mmoe_origin *from, mmoe_error *err) {
    json_t *list = json_array_get(p->origins, json_array_size(p->origins) - 1),
           *path = json_string(mmoe_raw_bytes_name(from->path));
    if (!path) path = json_string("a name that is not UTF-8");
    json_t *entry = json_pack("{s:o, s:I, s:I}", "path", path, "bytes", (json_int_t)from->bytes,
                              "modified", (json_int_t)from->modified);
    return json_array_append_new(list, entry) ? mmoe_fail_memory(err, sizeof *from) : MMOE_OK;
}

mmoe_status mmoe_packer_add(mmoe_packer *p, const struct mmoe_dataset *rows, mmoe_error *err) {
    mmoe_status status = p->what.waits
                             ? MMOE_OK
                             : mmoe_dataset_check(rows, p->what.schema, p->set->schema_hash, err);
    p->numbers_wait = p->what.waits && !rows->dense;
    if (!status) status = mmoe_packer_begin_keeping(p, rows, err);
    for (size_t i = 0; !status && i < rows->places.n_origin; i++)
        status = mmoe_packer_name(p, &rows->places.origins[i], err);
    if (status) return status;
    take_notes(p, rows);
    if (!p->set->places.first_row) p->set->places.first_row = rows->places.first_row;
    for (int64_t first = 0; !status && first < rows->rows;) {
        const int64_t left = rows->rows - first, room = MMOE_BLOCK_ROWS - p->pending.rows;
        const int32_t some = (int32_t)(left < room ? left : room);
        status = take_rows(p, rows, first, some, err);
        if (!status && p->pending.rows == MMOE_BLOCK_ROWS) status = mmoe_packer_write_block(p, err);
        first += some;
    }
    mmoe_packer_end_keeping(p);
    return status;
}

const struct mmoe_schema *mmoe_packer_schema(const mmoe_packer *p) { return p->what.schema; }

/* ---- Life ---- */

/* The list of the part that begins. */
static mmoe_status begin_origins(mmoe_packer *p, mmoe_error *err) {
    if (!p->origins) p->origins = json_array();
    return json_array_append_new(p->origins, json_array())
               ? mmoe_fail_memory(err, sizeof *p->origins)
               : MMOE_OK;
}

static void *take(const mmoe_packer *p, size_t count, size_t size, bool *failed) {
    void *memory = mmoe_alloc_zero(&p->alloc, count, size);
    *failed |= !memory;
    return memory;
}

static mmoe_status take_memory(mmoe_packer *p, mmoe_error *err) {
    const mmoe_stored *s = p->set->stored;
    mmoe_pending *to = &p->pending;
    const size_t columns = (size_t)s->n_column, rows = MMOE_BLOCK_ROWS,
                 ids = rows * (size_t)s->n_id, inputs = rows * (size_t)s->dense_width,
                 labels = rows * (size_t)s->n_label;
    bool failed = false;
    p->before = p->set->rows;
    to->ids = take(p, ids, sizeof *to->ids, &failed);
    to->inputs = take(p, inputs, sizeof *to->inputs, &failed);
    to->labels = take(p, labels, sizeof *to->labels, &failed);
    if (s->has_weights) to->weights = take(p, rows, sizeof *to->weights, &failed);
    to->offsets = take(p, rows * (size_t)s->n_list + 1, sizeof *to->offsets, &failed);
    p->written = take(p, columns, sizeof *p->written, &failed);
    p->chosen = take(p, columns, sizeof *p->chosen, &failed);
    p->most_before = take(p, (size_t)p->set->n_sparse, sizeof *p->most_before, &failed);
    if (p->most_before)
        memcpy(p->most_before, p->set->most_id, (size_t)p->set->n_sparse * sizeof *p->most_before);
    p->faults = take(p, columns, sizeof *p->faults, &failed);
    p->statuses = take(p, columns, sizeof *p->statuses, &failed);
    p->desks = take(p, (size_t)p->workers, sizeof *p->desks, &failed);
    p->desk_size = (rows + 1) * sizeof(int64_t);
    for (size_t c = 0; c < columns; c++) {
        const size_t size = rows * (size_t)s->columns[c].width * sizeof(float);
        if (size > p->desk_size) p->desk_size = size;
    }
    for (int w = 0; !failed && w < p->workers; w++)
        p->desks[w].bytes = take(p, p->desk_size, 1, &failed);
    return failed ? mmoe_fail_memory(err, 4 * (ids + inputs + labels))
                  : mmoe_packer_open_keeping(p, err);
}

static void release(mmoe_packer *p) {
    const mmoe_allocator a = p->alloc;
    const mmoe_pending *from = &p->pending;
    void *const memory[] = {
        from->ids,      from->inputs,          from->labels, from->weights, from->offsets,
        from->elements, from->element_weights, p->written,   p->faults,     p->statuses,
        p->chosen,      p->most_before};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) mmoe_release(&a, memory[i]);
    for (int w = 0; p->desks && w < p->workers; w++) mmoe_release(&a, p->desks[w].bytes);
    mmoe_release(&a, p->desks);
    mmoe_dataset_free(p->set);
    mmoe_schema_free(p->own);
    json_decref(p->origins);
    if (p->lock >= 0) close(p->lock);
    mmoe_release(&a, p);
}

static void remove_file(const mmoe_packer *p, const char *name) {
    char *path = mmoe_packed_path(&p->alloc, mmoe_packer_part(p)->folder, name);
    if (path) unlink(path);
    mmoe_release(&p->alloc, path);
}

static void remove_files(const mmoe_packer *p) {
    const mmoe_stored *s = p->set->stored;
    for (int32_t c = 0; c < s->n_column; c++) remove_file(p, s->columns[c].file);
    remove_file(p, MMOE_PACKED_CHECKSUMS);
    remove_file(p, MMOE_STORED_LANES);
    remove_file(p, MMOE_PACKED_KEPT);
    rmdir(mmoe_packer_part(p)->folder);
}

/* Takes away what this packer has written: the part that grows, and of a new folder all. */
static void remove_part(const mmoe_packer *p) {
    if (p->what.is_unnamed) return;
    if (p->has_part) remove_files(p);
    if (p->has_schema) mmoe_packer_remove_schema(p, p->schema_name);
    if (p->made_folder) rmdir(p->what.folder);
}

/* The folder of a part that begins, with its files, which a killed run may have left there. */
static mmoe_status make_part(mmoe_packer *p, mmoe_error *err) {
    const mmoe_stored *s = p->set->stored;
    const char *folder = mmoe_packer_part(p)->folder;
    if (mkdir(folder, 0777) && errno != EEXIST)
        return mmoe_fail_system(err, folder, "cannot make the folder");
    for (int32_t c = 0; c <= s->n_column; c++) {
        const char *name = c < s->n_column ? s->columns[c].file : MMOE_STORED_LANES;
        const int fd = mmoe_packer_open_file(p, name, O_CREAT | O_TRUNC);
        if (fd < 0) return mmoe_packer_fail(p, name, err);
        close(fd);
    }
    remove_file(p, MMOE_PACKED_KEPT);
    return MMOE_OK;
}

/* Begins a part behind those that there are. */
static mmoe_status begin_part(mmoe_packer *p, mmoe_error *err) {
    mmoe_stored *s = p->set->stored;
    mmoe_stored_part *grown =
        mmoe_resize(&p->alloc, s->parts, (size_t)s->n_part, (size_t)s->n_part + 1, sizeof *grown);
    if (!grown) return mmoe_fail_memory(err, sizeof *grown);
    s->parts = grown;
    const char *folder = p->what.folder;
    char name[24];
    snprintf(name, sizeof name, "part-%d", (int)s->n_part);
    mmoe_stored_part *part = &grown[s->n_part++];
    *part = (mmoe_stored_part){.first_block = s->rows / MMOE_BLOCK_ROWS};
    part->folder = p->what.is_unnamed ? mmoe_copy_text(&p->alloc, folder, strlen(folder))
                                      : mmoe_packed_path(&p->alloc, folder, name);
    if (!part->folder) return mmoe_fail_memory(err, strlen(folder));
    p->has_part = true;
    return p->what.is_unnamed ? mmoe_stored_open_unnamed(s, part, err) : make_part(p, err);
}

/* What packing leaves of itself when it is killed. */
static bool is_left_over(const char *name) {
    return !strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "part-0") ||
           !strcmp(name, MMOE_PACKED_SCHEMA) || !strncmp(name, ".mmoe-", 6);
}

mmoe_status mmoe_packed_check_new(const char *folder, mmoe_error *err) {
    DIR *dir = opendir(folder);
    if (!dir && errno == ENOENT) return MMOE_OK;
    if (!dir) return mmoe_fail_system(err, folder, "cannot read the folder");
    mmoe_status status = MMOE_OK;
    const struct dirent *entry;
    while (!status && (entry = readdir(dir))) {
        if (is_left_over(entry->d_name)) continue;
        const char *what = strcmp(entry->d_name, MMOE_PACKED_MANIFEST)
                               ? "the folder is not empty"
                               : "there are packed rows in this folder already";
        status = mmoe_fail(err, MMOE_E_IO, "%s: %s (it has %.200s)", folder, what, entry->d_name);
    }
    closedir(dir);
    return status;
}

/* Two packers at once would write the same part, and the later manifest would forget the rows of
 * the other. The lock ends with the descriptor, so a killed one leaves none; where the file system
 * has no locks, nobody is kept out. */
static mmoe_status lock_folder(mmoe_packer *p, mmoe_error *err) {
    p->lock = open(p->what.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->lock < 0 || flock(p->lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_IO, p->what.folder, 0, NULL,
                        "rows are being packed into this folder by another process or thread");
}

/* A new folder, or one that is empty but for what a killed run left. */
static mmoe_status make_folder(mmoe_packer *p, mmoe_error *err) {
    p->made_folder = mkdir(p->what.folder, 0777) == 0;
    if (!p->made_folder && errno != EEXIST)
        return mmoe_fail_system(err, p->what.folder, "cannot make the folder");
    const mmoe_status status = lock_folder(p, err);
    if (status) p->made_folder = false;
    return status || p->made_folder ? status : mmoe_packed_check_new(p->what.folder, err);
}

static mmoe_status begin_folder(mmoe_packer *p, mmoe_error *err) {
    mmoe_status status = mmoe_packed_new_set(p->what.schema, p->what.keep, &p->alloc, &p->set, err);
    if (!status) status = take_memory(p, err);
    if (!status && !p->what.is_unnamed) status = make_folder(p, err);
    if (!status && !p->what.waits) p->set->schema_hash = mmoe_schema_fingerprint(p->what.schema);
    mmoe_packed_schema_name(0, p->schema_name);
    return status;
}

/* The rows behind the last whole block are the first of the part that begins. */
static mmoe_status take_tail(mmoe_packer *p, mmoe_error *err) {
    mmoe_stored *s = p->set->stored;
    mmoe_pending *to = &p->pending;
    const int32_t rows = (int32_t)(s->rows % MMOE_BLOCK_ROWS);
    const int64_t block = s->rows / MMOE_BLOCK_ROWS;
    mmoe_stored_reader reader = {0};
    if (!rows) return MMOE_OK;
    mmoe_status status = mmoe_stored_reader_open(s, &reader, err);
    if (!status) status = mmoe_packer_make_elements(p, (size_t)s->elements[block], err);
    if (!status) {
        const mmoe_block_room room = {to->ids,
                                      to->inputs,
                                      to->labels,
                                      to->weights,
                                      s->n_list ? to->offsets : NULL,
                                      to->elements,
                                      to->element_weights,
                                      to->kept};
        status = mmoe_stored_read(&reader, block, &room, err);
    }
    mmoe_stored_reader_close(&reader);
    to->rows = rows;
    s->rows -= rows;
    mmoe_packer_part(p)->rows -= rows;
    return status;
}

static mmoe_status reopen_folder(mmoe_packer *p, mmoe_error *err) {
    mmoe_opened_pack opened;
    mmoe_status status = lock_folder(p, err);
    if (!status) status = mmoe_packed_open_manifest(p->what.folder, &p->alloc, &opened, err);
    if (status) return status;
    p->what.schema = p->own = opened.schema;
    p->set = opened.set;
    p->elements_room = (size_t)mmoe_blocks_of(p->set->stored->rows);
    p->appends = true;
    snprintf(p->schema_name, sizeof p->schema_name, "%s", mmoe_manifest_schema(opened.manifest));
    p->origins = json_array();
    for (int32_t i = 0; i < p->set->stored->n_part; i++) {
        json_t *origins = mmoe_manifest_origins(&(mmoe_manifest){.json = opened.manifest}, i);
        json_array_append_new(p->origins, origins ? json_incref(origins) : json_array());
    }
    json_decref(opened.manifest);
    status = take_memory(p, err);
    return status ? status : take_tail(p, err);
}

mmoe_status mmoe_packer_open(const mmoe_packing *what, const mmoe_allocator *alloc,
                             mmoe_packer **out, mmoe_error *err) {
    mmoe_packer *p = mmoe_alloc_zero(alloc, 1, sizeof *p);
    if (!p) return mmoe_fail_memory(err, sizeof *p);
    p->alloc = *alloc;
    p->what = *what;
    p->lock = -1;
    p->workers = what->pool ? mmoe_pool_workers(what->pool) : 1;
    mmoe_status status = what->schema ? begin_folder(p, err) : reopen_folder(p, err);
    const bool begun = !status;
    if (!status) status = begin_part(p, err);
    if (!status) status = begin_origins(p, err);
    if (status) {
        if (begun) remove_part(p);
        mmoe_packer_close_keeping(p);
        release(p);
        return status;
    }
    *out = p;
    return MMOE_OK;
}

mmoe_status mmoe_packer_close(mmoe_packer *p, mmoe_status status, struct mmoe_dataset **out,
                              mmoe_error *err) {
    if (!status) status = mmoe_packer_end(p, err);
    if (status && !p->is_named) remove_part(p);
    if (!status && out) status = mmoe_packed_finish_kept(p->set, err);
    mmoe_packer_close_keeping(p);
    if (!status && out) {
        *out = p->set;
        p->set = NULL;
    }
    release(p);
    return status;
}
