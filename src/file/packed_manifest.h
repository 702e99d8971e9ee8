/* The manifest of a packed folder: all that is known of its rows without reading them, as JSON. */
#ifndef MMOE_FILE_PACKED_MANIFEST_H
#define MMOE_FILE_PACKED_MANIFEST_H

#include <jansson.h>

#include "file/packed.h"

/* Of a set that is stored, whose schema stands in the file of this name; `origins` [parts] arrays
 * of JSON, one object a file. NULL when memory is out. The caller drops the reference. */
json_t *mmoe_manifest_to_json(const struct mmoe_schema *schema, const char *schema_file,
                              const struct mmoe_dataset *set, const json_t *origins);

/* The file's text, its checksum first: hash(0, text) of base/checksum.h with 0 for each of its 16
 * digits. NULL: there is no manifest, or memory is out. The caller releases it. */
char *mmoe_manifest_print(json_t *json, const mmoe_allocator *alloc);
/* A text of [length] bytes, of which `json` is the tree, is of this library and version, and the
 * one that was written, if it has a checksum: those before had none. Digits of `text` may change.
 * MMOE_E_FORMAT, _VERSION. */
mmoe_status mmoe_manifest_check(const json_t *json, const char *path, char *text, size_t length,
                                mmoe_error *err);

/* A manifest that is read, and where it stands. */
typedef struct mmoe_manifest {
    const json_t *json;
    const char *path, *folder;
} mmoe_manifest;

/* The names of what the rows keep, NULL behind the last, which belong to the JSON; the caller
 * releases their array. MMOE_E_FORMAT, _MEMORY. */
mmoe_status mmoe_manifest_kept(const mmoe_manifest *m, const mmoe_allocator *alloc,
                               const char ***out, mmoe_error *err);
/* Fills a new set, of a manifest that is checked, whose `stored` has its columns, but for checksums
 * and elements, and what the schema of a file does not keep. MMOE_E_FORMAT, _VERSION, _MEMORY. */
mmoe_status mmoe_manifest_read(const mmoe_manifest *m, struct mmoe_schema *schema,
                               struct mmoe_dataset *set, mmoe_error *err);
/* A folder with all that is known of it, each the caller's. */
typedef struct mmoe_opened_pack {
    json_t *manifest;
    struct mmoe_schema *schema;
    struct mmoe_dataset *set;
} mmoe_opened_pack;
/* As mmoe_packed_open, but the vocabularies of kept columns go on learning. */
mmoe_status mmoe_packed_open_manifest(const char *folder, const mmoe_allocator *alloc,
                                      mmoe_opened_pack *out, mmoe_error *err);

/* Whether the sum of a file's checksums in a part is the one that the manifest has. */
bool mmoe_manifest_has_sum(const mmoe_manifest *m, const mmoe_stored *s, int32_t part,
                           int32_t column);
/* The name of the schema's file; NULL: it has none that may be. */
const char *mmoe_manifest_schema(const json_t *manifest);
/* The list of a part's sources; NULL: there is none. */
json_t *mmoe_manifest_origins(const mmoe_manifest *m, int32_t part);

#endif
