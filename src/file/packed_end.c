/* The end of packing: headers, checksums, schema, manifest. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/file_at.h"
#include "file/packed_manifest.h"
#include "file/packed_parts.h"

static mmoe_status end_file(const mmoe_packer *p, const char *name,
                            const char header[MMOE_STORED_HEADER], mmoe_error *err) {
    const int fd = mmoe_packer_open_file(p, name, O_CREAT);
    const bool good = fd >= 0 && mmoe_write_at(fd, header, MMOE_STORED_HEADER, 0) && fsync(fd) == 0;
    const mmoe_status status = good ? MMOE_OK : mmoe_packer_fail(p, name, err);
    if (fd >= 0) close(fd);
    return status;
}

static mmoe_status write_checksums(const mmoe_packer *p, mmoe_error *err) {
    const mmoe_stored *s = p->set->stored;
    const mmoe_stored_part *part = mmoe_packer_part(p);
    const int64_t blocks = mmoe_blocks_of(part->rows);
    const int fd = mmoe_packer_open_file(p, MMOE_PACKED_CHECKSUMS, O_CREAT | O_TRUNC);
    const bool good =
        fd >= 0 &&
        mmoe_write_at(fd, (const void *)part->checksums,
                      (size_t)(blocks * s->n_column) * sizeof *part->checksums, MMOE_STORED_HEADER);
    mmoe_status status = good ? MMOE_OK : mmoe_packer_fail(p, MMOE_PACKED_CHECKSUMS, err);
    if (fd >= 0) close(fd);
    char header[MMOE_STORED_HEADER];
    mmoe_packed_checksums_header(blocks, s->n_column, header);
    return status ? status : end_file(p, MMOE_PACKED_CHECKSUMS, header, err);
}

static mmoe_status end_lanes(const mmoe_packer *p, mmoe_error *err) {
    mmoe_stored_part *part = mmoe_packer_part(p);
    char header[MMOE_STORED_HEADER];
    mmoe_packed_checksums_header(part->rows / MMOE_BLOCK_ROWS,
                                 p->set->stored->n_column * MMOE_LANES, header);
    const mmoe_status status = end_file(p, MMOE_STORED_LANES, header, err);
    part->has_lanes = !status;
    return status;
}

static mmoe_status end_files(mmoe_packer *p, mmoe_error *err) {
    const mmoe_stored *s = p->set->stored;
    mmoe_status status = MMOE_OK;
    for (int32_t c = 0; !status && c < s->n_column; c++) {
        char header[MMOE_STORED_HEADER];
        mmoe_packed_header(&s->columns[c],
                           p->written[c] + (s->columns[c].what == MMOE_STORED_OFFSETS), header);
        status = end_file(p, s->columns[c].file, header, err);
    }
    if (!status) status = mmoe_packer_write_keeping(p, err);
    if (!status) status = end_lanes(p, err);
    return status ? status : write_checksums(p, err);
}

/* Of all rows, by their blocks' checksums. */
static uint64_t identity_of(const struct mmoe_dataset *set) {
    const mmoe_stored *s = set->stored;
    uint64_t h = (uint64_t)set->rows;
    for (int32_t i = 0; i < s->n_part; i++) {
        const int64_t blocks = mmoe_blocks_of(s->parts[i].rows);
        h = mmoe_checksum_hash(h, s->parts[i].checksums,
                               (size_t)(blocks * s->n_column) * sizeof *s->parts[i].checksums);
    }
    return h ? h : 1;
}

static mmoe_status write_manifest(mmoe_packer *p, mmoe_error *err) {
    json_t *json = mmoe_manifest_to_json(p->what.schema, p->schema_name, p->set, p->origins);
    char *text = mmoe_manifest_print(json, &p->alloc),
         *path = mmoe_packed_path(&p->alloc, p->what.folder, MMOE_PACKED_MANIFEST);
    json_decref(json);
    mmoe_atomic_file *file = NULL;
    mmoe_status status = text && path ? mmoe_atomic_file_open(path, &p->alloc, &file, err)
                                      : mmoe_fail_memory(err, strlen(p->what.folder));
    if (!status) {
        status = mmoe_atomic_file_write(file, text, strlen(text), err);
        p->is_named = !status;
        status = mmoe_atomic_file_close(file, status, err);
    }
    mmoe_release(&p->alloc, text);
    mmoe_release(&p->alloc, path);
    return status;
}

void mmoe_packer_remove_schema(const mmoe_packer *p, const char *name) {
    char *path = mmoe_packed_path(&p->alloc, p->what.folder, name);
    if (path) unlink(path);
    mmoe_release(&p->alloc, path);
}

static mmoe_status write_schema(mmoe_packer *p, mmoe_error *err) {
    char *path = mmoe_packed_path(&p->alloc, p->what.folder, p->schema_name);
    if (!path) return mmoe_fail_memory(err, strlen(p->what.folder));
    const mmoe_status status = mmoe_packed_write_schema(path, p->what.schema, &p->alloc, err);
    p->has_schema = !status;
    mmoe_release(&p->alloc, path);
    return status;
}

/* A schema that has grown takes another name, so that the manifest, until it is written anew, is
 * that of the old one. */
static mmoe_status write_grown(mmoe_packer *p, mmoe_error *err) {
    char old[MMOE_SCHEMA_NAME_SIZE];
    memcpy(old, p->schema_name, sizeof old);
    mmoe_packed_schema_name(p->set->stored->n_part - 1, p->schema_name);
    mmoe_status status = write_schema(p, err);
    if (!status) status = write_manifest(p, err);
    if (!status && strcmp(old, p->schema_name)) mmoe_packer_remove_schema(p, old);
    return status;
}

mmoe_status mmoe_packer_end(mmoe_packer *p, mmoe_error *err) {
    if (p->set->rows == 0)
        return mmoe_fail(err, MMOE_E_DATA, "%s: there are no rows to pack", p->what.folder);
    mmoe_status status = p->pending.rows ? mmoe_packer_write_block(p, err) : MMOE_OK;
    if (!status && !p->what.is_unnamed) status = end_files(p, err);
    if (status) return status;
    mmoe_packer_part(p)->written = mmoe_packer_part(p)->rows;
    p->set->stored->rows = p->set->rows;
    p->set->identity = identity_of(p->set);
    if (p->what.is_unnamed) return MMOE_OK;
    if (p->grows) return write_grown(p, err);
    if (!p->appends) status = write_schema(p, err);
    return status ? status : write_manifest(p, err);
}
