/* Any bytes as the manifest of a packed folder whose other files are true: it is refused, or its
 * rows can be read. Of a JSON object the keys that it lacks are the true manifest's, but for its
 * checksum, so that a forgery may be short and is looked at, and not only summed up. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/sample.h"
#include "data/source.h"
#include "file/packed.h"
#include "fuzz.h"

enum { ROWS = MMOE_BLOCK_ROWS + 90, ADDED = 40 };

static char folder[] = "/tmp/mmoe-fuzz-XXXXXX", manifest[64];
static json_t *whole;

static void demand(bool good) {
    if (!good) abort();
}

/* ---- The folder ---- */

static void remove_folder(void) {
    char command[80];
    snprintf(command, sizeof command, "rm -r %s", folder);
    demand(system(command) == 0);
    json_decref(whole);
}

static mmoe_dataset *make_rows(const mmoe_schema *schema, int rows) {
    static int32_t ids[ROWS], elements[2 * ROWS];
    static int64_t offsets[ROWS + 1];
    static const char *kept[ROWS];
    static float dense[ROWS], labels[ROWS], importance[2 * ROWS];
    for (int r = 0; r < rows; r++) {
        ids[r] = r % 7;
        dense[r] = (float)(r % 5);
        labels[r] = (float)(r % 2);
        offsets[r + 1] = offsets[r] + r % 3;
    }
    for (int64_t i = 0; i < offsets[rows]; i++) {
        elements[i] = (int32_t)(i % 9);
        importance[i] = (float)(i % 4);
    }
    const mmoe_batch batch = {.rows = (size_t)rows,
                              .ids = ids,
                              .id_stride = 1,
                              .dense = dense,
                              .dense_stride = 1,
                              .lists = {1, offsets, elements, importance, (size_t)offsets[rows]}};
    mmoe_dataset *made;
    demand(!mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &made, NULL));
    for (int r = 0; r < rows; r++) kept[r] = r % 3 ? "x" : NULL;
    demand(!mmoe_dataset_keep(made, "k", kept, NULL));
    return made;
}

/* Two parts, of which the first has rows that are the second's. */
static void make_folder(void) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 7}], \"sequence\": "
        "[{\"name\": \"l\", \"vocab_size\": 9, \"weight_separator\": \":\"}], \"dense\": "
        "[{\"name\": \"d\"}]}, \"tasks\": [{\"name\": \"y\", \"label\": \"y\"}]}";
    static const char *const columns[] = {"a", "l", "d"};
    mmoe_config *config;
    mmoe_schema *schema;
    demand(mkdtemp(folder) != NULL);
    demand(!mmoe_config_parse(json, strlen(json), NULL, NULL, &config, NULL));
    demand(!mmoe_schema_create(config, columns, 3, NULL, &schema, NULL));
    mmoe_dataset *first = make_rows(schema, ROWS), *more = make_rows(schema, ADDED);
    demand(!mmoe_dataset_pack(first, schema, folder, 1, NULL, NULL));
    demand(!mmoe_dataset_append(more, folder, 1, NULL, NULL));
    mmoe_dataset_free(first);
    mmoe_dataset_free(more);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    snprintf(manifest, sizeof manifest, "%s/" MMOE_PACKED_MANIFEST, folder);
    demand((whole = json_load_file(manifest, 0, NULL)) != NULL);
    demand(json_object_del(whole, "checksum") == 0);
    atexit(remove_folder);
}

static void write_manifest(const uint8_t *data, size_t size) {
    json_t *given = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(given)) {
        demand(!json_object_update_missing(given, whole));
        demand(!json_dump_file(given, manifest, 0));
    } else {
        FILE *f = fopen(manifest, "wb");
        demand(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
    }
    json_decref(given);
}

/* ---- Reading it ---- */

/* An id of a row that no table has would be read out of bounds. */
static void look_at(const mmoe_rows *rows) {
    for (int32_t b = 0; b < rows->rows; b++) {
        const size_t row = mmoe_row_of(rows, b);
        const mmoe_list list = mmoe_list_of(&rows->lists, row, 0);
        const int32_t id = rows->ids[row * rows->id_stride];
        demand(id >= 0 && id < 7 && list.count >= 0);
        for (int64_t i = 0; i < list.count; i++) demand(list.ids[i] >= 0 && list.ids[i] < 9);
    }
}

static void stream(const mmoe_dataset *set, const mmoe_allocator *alloc) {
    const mmoe_source_order order = {set, true, 1, 4096};
    mmoe_source *source;
    mmoe_sample sample;
    mmoe_rows rows;
    mmoe_error err;
    if (mmoe_sample_take(set, 100, alloc, &sample, &err) == MMOE_OK) {
        look_at(&sample.rows);
        mmoe_sample_finish(&sample);
    }
    if (mmoe_source_open(&order, alloc, &source, &err)) return;
    mmoe_status status = mmoe_source_begin(source, 0, &err);
    while (!status && !(status = mmoe_source_next(source, 4096, &rows, &err)) && rows.rows)
        look_at(&rows);
    mmoe_source_free(source);
}

/* False: it is refused. */
static bool read_folder(void) {
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    struct mmoe_schema *schema;
    struct mmoe_dataset *set;
    mmoe_error err;
    if (mmoe_packed_open(folder, &alloc, &schema, &set, &err)) return false;
    stream(set, &alloc);
    if (mmoe_dataset_load(set, 2, NULL, &err) == MMOE_OK) {
        const mmoe_rows rows = mmoe_dataset_rows_of(set, 0, (int32_t)set->rows, NULL);
        look_at(&rows);
    }
    mmoe_dataset_free(set);
    mmoe_schema_free(schema);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t nothing[] = {'{', '}'};
    if (!whole) {
        make_folder();
        write_manifest(nothing, sizeof nothing);
        demand(read_folder());
    }
    write_manifest(data, size);
    read_folder();
    return 0;
}
