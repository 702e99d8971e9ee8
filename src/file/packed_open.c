#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_at.h"
#include "base/json_text.h"
#include "base/regular_file.h"
#include "data/notes.h"
#include "file/packed_kept.h"
#include "file/packed_manifest.h"
#include "file/packed_schema.h"

/* ---- Bytes ---- */

/* `size` bytes from a place of a file. MMOE_E_IO, _FORMAT: there are fewer. */
static mmoe_status read_bytes(int fd, const char *path, int64_t at, void *to, size_t size,
                              mmoe_error *err) {
    size_t got;
    if (!mmoe_read_at(fd, to, size, at, &got)) return mmoe_fail_system(err, path, "cannot read");
    return got == size ? MMOE_OK : mmoe_fail_format(err, path, "the file is cut off");
}

typedef struct opened {
    char *path;
    int fd;
    int64_t size;
} opened;

static void close_file(opened *f, const mmoe_allocator *alloc) {
    if (f->fd >= 0) close(f->fd);
    mmoe_release(alloc, f->path);
}

/* To be closed in any case. On MMOE_E_IO errno has the reason. */
static mmoe_status open_file(const char *folder, const char *name, const mmoe_allocator *alloc,
                             opened *out, mmoe_error *err) {
    struct stat about;
    *out = (opened){.path = mmoe_packed_path(alloc, folder, name), .fd = -1};
    if (!out->path) return mmoe_fail_memory(err, strlen(folder));
    const mmoe_status status = mmoe_open_regular(out->path, &out->fd, &about, err);
    if (!status) out->size = about.st_size;
    return status;
}

/* ---- The manifest ---- */

static mmoe_status parse_manifest(const opened *f, const mmoe_allocator *alloc, json_t **out,
                                  mmoe_error *err) {
    enum { MOST = 1 << 30 };
    if (f->size > MOST) return mmoe_fail_format(err, f->path, "the file is no manifest");
    char *text = mmoe_alloc(alloc, (size_t)f->size + 1, 1);
    if (!text) return mmoe_fail_memory(err, (size_t)f->size + 1);
    json_error_t error;
    mmoe_status status = read_bytes(f->fd, f->path, 0, text, (size_t)f->size, err);
    if (!status) {
        status = mmoe_json_parse(text, (size_t)f->size, JSON_REJECT_DUPLICATES, alloc, out, &error);
        if (status == MMOE_E_MEMORY) status = mmoe_fail_memory(err, (size_t)f->size);
        if (status == MMOE_E_FORMAT)
            status =
                mmoe_fail_format(err, f->path, "the file is not valid JSON: %.200s", error.text);
        if (!status) status = mmoe_manifest_check(*out, f->path, text, (size_t)f->size, err);
    }
    mmoe_release(alloc, text);
    return status;
}

static mmoe_status read_manifest(const char *folder, const mmoe_allocator *alloc, json_t **out,
                                 mmoe_error *err) {
    opened f;
    mmoe_status status = open_file(folder, MMOE_PACKED_MANIFEST, alloc, &f, err);
    if (status == MMOE_E_IO && errno == ENOENT)
        status = mmoe_fail_format(err, folder,
                                  "the folder has no " MMOE_PACKED_MANIFEST
                                  ": it is no packed data, or was not packed to the end");
    if (!status) status = parse_manifest(&f, alloc, out, err);
    close_file(&f, alloc);
    return status;
}

/* ---- The files ---- */

/* A file's header and size are those of `count` values, or rows of values. */
static mmoe_status check_file(const opened *f, const char *wanted, size_t each, int64_t count,
                              mmoe_error *err) {
    char header[MMOE_STORED_HEADER];
    const mmoe_status status = read_bytes(f->fd, f->path, 0, header, sizeof header, err);
    if (status) return status;
    if (memcmp(header, wanted, sizeof header) != 0)
        return mmoe_fail_format(err, f->path,
                                "its header is not that of the %lld values which the manifest "
                                "names",
                                (long long)count);
    int64_t size;
    if (__builtin_mul_overflow(count, (int64_t)each, &size) ||
        __builtin_add_overflow(size, MMOE_STORED_HEADER, &size))
        size = INT64_MAX;
    return f->size == size ? MMOE_OK
                           : mmoe_fail_format(err, f->path, "the file has %lld bytes, not %lld",
                                              (long long)f->size, (long long)size);
}

/* Where a list's elements end in the blocks of a part, which are added to the blocks', and at last
 * in its files. */
static mmoe_status count_elements(mmoe_stored *s, const mmoe_stored_part *part, const opened *f,
                                  int64_t *end, mmoe_error *err) {
    static const char ends[] = "lists end before they begin, or beyond the file";
    mmoe_status status = MMOE_OK;
    *end = 0;
    for (int64_t first = 0; !status && first < part->rows; first += MMOE_BLOCK_ROWS) {
        const int64_t left = part->rows - first,
                      rows = left < MMOE_BLOCK_ROWS ? left : MMOE_BLOCK_ROWS, begin = *end;
        status =
            read_bytes(f->fd, f->path, MMOE_STORED_HEADER + (first + rows) * (int64_t)sizeof *end,
                       end, sizeof *end, err);
        int64_t *all = &s->elements[part->first_block + first / MMOE_BLOCK_ROWS];
        if (!status && (*end < begin || __builtin_add_overflow(*all, *end - begin, all)))
            status = mmoe_fail_format(err, f->path, ends);
    }
    if (status || part->written == part->rows) return status;
    const int64_t before = *end;
    status = read_bytes(f->fd, f->path, MMOE_STORED_HEADER + part->written * (int64_t)sizeof *end,
                        end, sizeof *end, err);
    return status || *end >= before ? status : mmoe_fail_format(err, f->path, ends);
}

static mmoe_status check_column(mmoe_stored *s, const mmoe_stored_part *part, int32_t column,
                                int64_t *elements, mmoe_error *err) {
    const mmoe_stored_column *c = &s->columns[column];
    const bool is_list = c->what == MMOE_STORED_ELEMENTS || c->what == MMOE_STORED_ELEMENT_WEIGHTS;
    int64_t count = part->written + (c->what == MMOE_STORED_OFFSETS);
    if (is_list) count = *elements;
    opened f;
    char header[MMOE_STORED_HEADER];
    mmoe_packed_header(c, count, header);
    mmoe_status status = open_file(part->folder, c->file, &s->alloc, &f, err);
    if (!status)
        status = check_file(&f, header, mmoe_stored_size(c->what) * (size_t)c->width, count, err);
    if (!status && c->what == MMOE_STORED_OFFSETS)
        status = count_elements(s, part, &f, elements, err);
    close_file(&f, &s->alloc);
    return status;
}

static mmoe_status read_checksums(const mmoe_stored *s, mmoe_stored_part *part, mmoe_error *err) {
    const int64_t blocks = mmoe_blocks_of(part->rows), written = mmoe_blocks_of(part->written);
    const size_t each = (size_t)s->n_column * sizeof *part->checksums;
    opened f;
    char header[MMOE_STORED_HEADER];
    mmoe_packed_checksums_header(written, s->n_column, header);
    mmoe_status status = open_file(part->folder, MMOE_PACKED_CHECKSUMS, &s->alloc, &f, err);
    if (!status) status = check_file(&f, header, each, written, err);
    if (!status) {
        part->checksums = mmoe_alloc(&s->alloc, (size_t)blocks, each);
        status = part->checksums ? read_bytes(f.fd, f.path, MMOE_STORED_HEADER, part->checksums,
                                              (size_t)blocks * each, err)
                                 : mmoe_fail_memory(err, (size_t)blocks * each);
    }
    close_file(&f, &s->alloc);
    return status;
}

/* Folders that older versions packed have none. */
static mmoe_status check_lanes(const mmoe_stored *s, mmoe_stored_part *part, mmoe_error *err) {
    const int64_t blocks = part->written / MMOE_BLOCK_ROWS;
    const int32_t each = s->n_column * MMOE_LANES;
    opened f;
    char header[MMOE_STORED_HEADER];
    mmoe_packed_checksums_header(blocks, each, header);
    mmoe_status status = open_file(part->folder, MMOE_STORED_LANES, &s->alloc, &f, err);
    if (status == MMOE_E_IO && errno == ENOENT) {
        close_file(&f, &s->alloc);
        return MMOE_OK;
    }
    if (!status) status = check_file(&f, header, (size_t)each * sizeof(uint64_t), blocks, err);
    close_file(&f, &s->alloc);
    part->has_lanes = !status;
    return status;
}

static mmoe_status open_part(const mmoe_manifest *m, mmoe_stored *s, int32_t i, mmoe_error *err) {
    mmoe_stored_part *part = &s->parts[i];
    int64_t elements = 0;
    mmoe_status status = MMOE_OK;
    for (int32_t c = 0; !status && c < s->n_column; c++) {
        status = check_column(s, part, c, &elements, err);
        if (!status && !mmoe_manifest_has_sum(m, s, i, c))
            status =
                mmoe_fail_format(err, m->path, "the checksum of %s/%s is not that of its blocks",
                                 part->folder, s->columns[c].file);
    }
    return status ? status : check_lanes(s, part, err);
}

/* A part's checksums are as many as its blocks: behind them it is known that there are so many. */
static mmoe_status open_parts(const mmoe_manifest *m, mmoe_stored *s, mmoe_error *err) {
    const size_t blocks = (size_t)mmoe_blocks_of(s->rows);
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < s->n_part; i++)
        status = read_checksums(s, &s->parts[i], err);
    if (status) return status;
    s->elements = mmoe_alloc_zero(&s->alloc, blocks, sizeof *s->elements);
    if (!s->elements) return mmoe_fail_memory(err, blocks * sizeof *s->elements);
    for (int32_t i = 0; !status && i < s->n_part; i++) status = open_part(m, s, i, err);
    return status;
}

static mmoe_status read_kept(struct mmoe_dataset *set, mmoe_error *err) {
    const mmoe_stored *s = set->stored;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && set->n_kept && i < s->n_part; i++)
        status = mmoe_packed_read_kept(set, &s->parts[i], err);
    return status;
}

static mmoe_status read_schema(const char *folder, const json_t *manifest,
                               const mmoe_allocator *alloc, struct mmoe_schema **out,
                               mmoe_error *err) {
    const char *name = mmoe_manifest_schema(manifest);
    if (!name) return mmoe_fail_format(err, folder, "the manifest names no schema");
    char *path = mmoe_packed_path(alloc, folder, name);
    if (!path) return mmoe_fail_memory(err, strlen(folder));
    const mmoe_status status = mmoe_packed_read_schema(path, alloc, out, err);
    mmoe_release(alloc, path);
    return status;
}

/* ---- The folder ---- */

static mmoe_status new_set(const mmoe_manifest *m, const struct mmoe_schema *schema,
                           const mmoe_allocator *alloc, struct mmoe_dataset **out,
                           mmoe_error *err) {
    const char **keep;
    mmoe_status status = mmoe_manifest_kept(m, alloc, &keep, err);
    if (status) return status;
    status = mmoe_packed_new_set(schema, keep, alloc, out, err);
    mmoe_release(alloc, (void *)keep);
    return status;
}

static mmoe_status open_set(const mmoe_manifest *m, struct mmoe_schema *schema,
                            const mmoe_allocator *alloc, struct mmoe_dataset **out,
                            mmoe_error *err) {
    struct mmoe_dataset *set;
    mmoe_status status = new_set(m, schema, alloc, &set, err);
    if (status) return status;
    status = mmoe_manifest_read(m, schema, set, err);
    if (!status && set->schema_hash != mmoe_schema_fingerprint(schema))
        status = mmoe_fail_format(err, m->path, "the schema beside it is of other rows");
    if (!status) mmoe_notes_learn_missing(set->notes, schema);
    if (!status) status = open_parts(m, set->stored, err);
    if (!status) status = read_kept(set, err);
    if (status)
        mmoe_dataset_free(set);
    else
        *out = set;
    return status;
}

mmoe_status mmoe_packed_open_manifest(const char *folder, const mmoe_allocator *alloc,
                                      mmoe_opened_pack *out, mmoe_error *err) {
    char *path = mmoe_packed_path(alloc, folder, MMOE_PACKED_MANIFEST);
    *out = (mmoe_opened_pack){0};
    mmoe_status status = path ? read_manifest(folder, alloc, &out->manifest, err)
                              : mmoe_fail_memory(err, strlen(folder));
    if (!status) status = read_schema(folder, out->manifest, alloc, &out->schema, err);
    if (!status)
        status = open_set(&(mmoe_manifest){out->manifest, path, folder}, out->schema, alloc,
                          &out->set, err);
    mmoe_release(alloc, path);
    if (!status) return MMOE_OK;
    mmoe_schema_free(out->schema);
    json_decref(out->manifest);
    return status;
}

mmoe_status mmoe_packed_open(const char *folder, const mmoe_allocator *alloc,
                             struct mmoe_schema **schema, struct mmoe_dataset **out,
                             mmoe_error *err) {
    mmoe_opened_pack found;
    mmoe_status status = mmoe_packed_open_manifest(folder, alloc, &found, err);
    if (status) return status;
    json_decref(found.manifest);
    status = mmoe_packed_finish_kept(found.set, err);
    if (status) {
        mmoe_schema_free(found.schema);
        mmoe_dataset_free(found.set);
        return status;
    }
    *schema = found.schema;
    *out = found.set;
    return MMOE_OK;
}
