/* duckdb CONFIG.json MODEL SQL...: runs the statements in DuckDB, trains from the rows of the last
 * one, and writes the model. */
#include <duckdb.h>
#include <errno.h>
#include <mmoe/arrow.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct rows {
    duckdb_result result;
    duckdb_arrow_options options;
    duckdb_error_data error;
} rows;

static int end_with(rows *r, duckdb_error_data error) {
    duckdb_destroy_error_data(&r->error);
    r->error = error;
    return error && duckdb_error_data_has_error(error) ? EIO : 0;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    rows *r = stream->private_data;
    const idx_t n = duckdb_column_count(&r->result);
    duckdb_logical_type *types = calloc(n, sizeof *types);
    const char **names = calloc(n, sizeof *names);
    for (idx_t i = 0; i < n; i++) {
        types[i] = duckdb_column_logical_type(&r->result, i);
        names[i] = duckdb_column_name(&r->result, i);
    }
    const int failed = end_with(r, duckdb_to_arrow_schema(r->options, types, names, n, out));
    for (idx_t i = 0; i < n; i++) duckdb_destroy_logical_type(&types[i]);
    free(types);
    free(names);
    return failed;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    rows *r = stream->private_data;
    duckdb_data_chunk chunk = duckdb_fetch_chunk(r->result);
    out->release = NULL;
    if (!chunk) return 0;
    const int failed = end_with(r, duckdb_data_chunk_to_arrow(r->options, chunk, out));
    duckdb_destroy_data_chunk(&chunk);
    return failed;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
    const rows *r = stream->private_data;
    return r->error ? duckdb_error_data_message(r->error) : NULL;
}

static void release(struct ArrowArrayStream *stream) {
    rows *r = stream->private_data;
    duckdb_destroy_error_data(&r->error);
    duckdb_destroy_arrow_options(&r->options);
    duckdb_destroy_result(&r->result);
    stream->release = NULL;
}

static mmoe_status train(const char *config_path, struct ArrowArrayStream *stream,
                         const char *model_path, mmoe_error *err) {
    mmoe_config *config = NULL;
    mmoe_schema *schema = NULL;
    mmoe_dataset *train = NULL;
    mmoe_model *model = NULL;
    mmoe_trainer *trainer = NULL;
    mmoe_trainer_options options = {.single_threaded_blas = 1};
    mmoe_status s = mmoe_config_read(config_path, NULL, &config, err);
    if (!s) s = mmoe_dataset_fit_arrow(config, stream, NULL, &schema, &train, err);
    if (!s) s = mmoe_model_create(config, schema, NULL, &model, err);
    if (!s) s = mmoe_trainer_create(model, &options, NULL, &trainer, err);
    if (!s) s = mmoe_trainer_fit(trainer, train, NULL, err);
    if (!s) s = mmoe_model_save(model, model_path, err);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_dataset_free(train);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return s;
}

int main(int argc, char **argv) {
    duckdb_database database;
    duckdb_connection connection;
    rows r = {0};
    struct ArrowArrayStream stream = {get_schema, get_next, get_last_error, release, &r};
    mmoe_error err;
    if (argc < 4 || duckdb_open(NULL, &database) || duckdb_connect(database, &connection)) return 2;
    for (int i = 3; i < argc; i++) {
        duckdb_destroy_result(&r.result);
        if (duckdb_query(connection, argv[i], &r.result)) {
            fprintf(stderr, "%s\n", duckdb_result_error(&r.result));
            return 1;
        }
    }
    r.options = duckdb_result_get_arrow_options(&r.result);
    const mmoe_status s = train(argv[1], &stream, argv[2], &err);
    if (s) fprintf(stderr, "%s\n", err.message);
    if (stream.release) stream.release(&stream);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    return s != MMOE_OK;
}
