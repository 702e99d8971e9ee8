#include "rows.h"

#include <string.h>

#include "base/error.h"
#include "output.h"
#include "progress.h"
#include "reading_memory.h"

/* Of a folder that was opened, unless its rows are streamed: they are read, or the set is freed. */
static mmoe_status load(const cli_reading *how, mmoe_dataset *rows, mmoe_error *err) {
    if (how->skip_bad) cli_note("--skip-bad: packed rows were judged when they were packed");
    if (how->streamed) return MMOE_OK;
    const mmoe_status status = mmoe_dataset_load(rows, how->threads, &cli_watcher, err);
    if (status) mmoe_dataset_free(rows);
    return status;
}

static mmoe_status read_folder(const mmoe_schema *schema, const char *folder,
                               const cli_reading *how, mmoe_dataset **out, mmoe_error *err) {
    mmoe_dataset *rows;
    mmoe_status status =
        mmoe_dataset_read_packed(schema, folder, MMOE_PACKED_STREAMED, NULL, &rows, err);
    if (!status) status = load(how, rows, err);
    if (!status) *out = rows;
    return status;
}

static mmoe_status fit_folder(const mmoe_config *config, const char *folder, const cli_reading *how,
                              mmoe_schema **schema, mmoe_dataset **out, mmoe_error *err) {
    mmoe_dataset *rows;
    mmoe_schema *learned;
    mmoe_status status =
        mmoe_dataset_fit_packed(config, folder, MMOE_PACKED_STREAMED, NULL, &learned, &rows, err);
    if (status) return status;
    status = load(how, rows, err);
    if (status) {
        mmoe_schema_free(learned);
        return status;
    }
    *schema = learned;
    *out = rows;
    return MMOE_OK;
}

/* A folder's rows are of one schema, which is not learned together with other rows. */
static mmoe_status check_alone(const cli_rows *from, mmoe_error *err) {
    const char *folder = from->count > 1 ? cli_rows_folder(from) : NULL;
    if (!folder) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, folder, 0, NULL,
                        "it is a folder of packed rows, which are read alone, not together with "
                        "other files");
}

mmoe_read_options cli_read_options(const cli_rows *from, const cli_reading *how) {
    return (mmoe_read_options){.labels = how->labels,
                               .threads = how->threads,
                               .keep = how->keep,
                               .stream_folder = how->streamed ? "" : NULL,
                               .more = (const char *const *)from->paths + 1,
                               .n_more = from->count - 1,
                               .watcher = how->streamed ? &cli_watcher : &cli_memory_watcher,
                               .skip_bad = how->skip_bad,
                               .stop = how->stop};
}

mmoe_status cli_read_rows(const mmoe_schema *schema, const cli_rows *from, const cli_reading *how,
                          mmoe_dataset **out, mmoe_error *err) {
    const char *path = from->paths[0];
    const mmoe_read_options reading = cli_read_options(from, how);
    if (check_alone(from, err)) return MMOE_E_ARGUMENT;
    const mmoe_status status =
        cli_is_folder(path) ? read_folder(schema, path, how, out, err)
                            : mmoe_dataset_read_csv_with(schema, path, &reading, NULL, out, err);
    cli_progress_clear();
    return status;
}

mmoe_status cli_fit_rows(const mmoe_config *config, const cli_rows *from, const cli_reading *how,
                         mmoe_schema **schema, mmoe_dataset **out, mmoe_error *err) {
    const char *path = from->paths[0];
    const mmoe_read_options reading = cli_read_options(from, how);
    if (check_alone(from, err)) return MMOE_E_ARGUMENT;
    const mmoe_status status =
        cli_is_folder(path)
            ? fit_folder(config, path, how, schema, out, err)
            : mmoe_dataset_fit_csv_with(config, path, &reading, NULL, schema, out, err);
    cli_progress_clear();
    return status;
}

mmoe_status cli_grow_rows(const mmoe_schema *from, const cli_rows *rows, const cli_reading *how,
                          mmoe_schema **schema, mmoe_dataset **out, mmoe_error *err) {
    const mmoe_read_options reading = cli_read_options(rows, how);
    if (cli_rows_folder(rows)) return cli_fit_rows(NULL, rows, how, schema, out, err);
    const mmoe_status status =
        mmoe_dataset_grow_csv(from, rows->paths[0], &reading, NULL, schema, out, err);
    cli_progress_clear();
    return status;
}

/* ---- Rows that are judged ---- */

void cli_keep(cli_keeping *k, const char *column, const char *why) {
    for (size_t i = 0; column && i < k->count; i++)
        if (strcmp(k->columns[i], column) == 0) return;
    if (!column) return;
    k->columns[k->count] = column;
    k->why[k->count++] = why;
}

/* Before the sentence of a column that the file, or the folder, has not. */
static void say_why(const cli_keeping *k, mmoe_error *err) {
    const mmoe_error said = *err;
    for (size_t i = 0; i < k->count; i++)
        if (!said.row && strcmp(said.column, k->columns[i]) == 0)
            mmoe_fail(err, said.code, "%s: %s", k->why[i], said.message);
}

mmoe_status cli_read_judged(const mmoe_schema *schema, const cli_rows *from, const cli_reading *how,
                            const cli_keeping *keeping, mmoe_dataset **out, mmoe_error *err) {
    cli_reading judged = *how;
    judged.streamed |= cli_is_folder(from->paths[0]);
    judged.keep = keeping->columns;
    mmoe_dataset *rows = NULL;
    mmoe_status status = cli_read_rows(schema, from, &judged, &rows, err);
    for (size_t i = 0; !status && i < keeping->count; i++)
        status = mmoe_dataset_keep_csv(rows, schema, from->paths[0], keeping->columns[i], err);
    if (!status) {
        *out = rows;
        return MMOE_OK;
    }
    say_why(keeping, err);
    mmoe_dataset_free(rows);
    return status;
}

/* ---- The configuration ---- */

/* Of a key of the trainer: a number above 0, or true. */
static bool is_set(const mmoe_config *config, const char *key) {
    json_t *json = cli_config_json(config);
    const json_t *value = json_object_get(json_object_get(json, "trainer"), key);
    const bool set = json_integer_value(value) > 0 || json_is_true(value);
    json_decref(json);
    return set;
}

bool cli_streams(const mmoe_config *config) { return is_set(config, "memory"); }

bool cli_has_lanes(const mmoe_config *config) { return is_set(config, "lanes"); }

char *cli_groups_of(const mmoe_config *config) {
    json_t *json = cli_config_json(config);
    const char *column = json_string_value(json_object_get(json_object_get(json, "data"), "group"));
    char *copy = column ? strdup(column) : NULL;
    json_decref(json);
    return copy;
}
