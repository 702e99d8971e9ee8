#include "rows.h"

#include <sys/stat.h>

#include "output.h"

bool cli_is_folder(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static int packed_how(const cli_reading *how) {
    return how->streamed ? MMOE_PACKED_STREAMED : MMOE_PACKED_LOADED;
}

mmoe_status cli_read_rows(const mmoe_schema *schema, const char *path, const cli_reading *how,
                          mmoe_dataset **out, mmoe_error *err) {
    if (cli_is_folder(path))
        return mmoe_dataset_read_packed(schema, path, packed_how(how), NULL, out, err);
    const mmoe_read_options reading = {
        .labels = how->labels, .threads = how->threads, .keep = how->keep};
    return mmoe_dataset_read_csv_with(schema, path, &reading, NULL, out, err);
}

mmoe_status cli_fit_rows(const mmoe_config *config, const char *path, const cli_reading *how,
                         mmoe_schema **schema, mmoe_dataset **out, mmoe_error *err) {
    if (cli_is_folder(path))
        return mmoe_dataset_fit_packed(config, path, packed_how(how), NULL, schema, out, err);
    const mmoe_read_options reading = {.threads = how->threads, .keep = how->keep};
    return mmoe_dataset_fit_csv_with(config, path, &reading, NULL, schema, out, err);
}

bool cli_streams(const mmoe_config *config) {
    json_t *json = cli_config_json(config);
    const bool bounded =
        json_integer_value(json_object_get(json_object_get(json, "trainer"), "memory")) > 0;
    json_decref(json);
    return bounded;
}
