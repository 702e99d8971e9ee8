/* What duckdb.c needs of DuckDB's C API, whose library npm brings without its header. */
#ifndef MMOE_TESTS_DUCKDB_H
#define MMOE_TESTS_DUCKDB_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t idx_t;
typedef enum { DuckDBSuccess = 0, DuckDBError = 1 } duckdb_state;

typedef struct {
    idx_t deprecated_column_count, deprecated_row_count, deprecated_rows_changed;
    void *deprecated_columns;
    char *deprecated_error_message;
    void *internal_data;
} duckdb_result;

typedef void *duckdb_database, *duckdb_connection, *duckdb_data_chunk, *duckdb_logical_type,
    *duckdb_arrow_options, *duckdb_error_data;

struct ArrowSchema;
struct ArrowArray;

duckdb_state duckdb_open(const char *path, duckdb_database *out);
duckdb_state duckdb_connect(duckdb_database database, duckdb_connection *out);
void duckdb_disconnect(duckdb_connection *connection);
void duckdb_close(duckdb_database *database);

duckdb_state duckdb_query(duckdb_connection connection, const char *sql, duckdb_result *out);
const char *duckdb_result_error(duckdb_result *result);
idx_t duckdb_column_count(duckdb_result *result);
const char *duckdb_column_name(duckdb_result *result, idx_t column);
duckdb_logical_type duckdb_column_logical_type(duckdb_result *result, idx_t column);
void duckdb_destroy_logical_type(duckdb_logical_type *type);
duckdb_data_chunk duckdb_fetch_chunk(duckdb_result result);
void duckdb_destroy_data_chunk(duckdb_data_chunk *chunk);
void duckdb_destroy_result(duckdb_result *result);

duckdb_arrow_options duckdb_result_get_arrow_options(duckdb_result *result);
void duckdb_destroy_arrow_options(duckdb_arrow_options *options);
duckdb_error_data duckdb_to_arrow_schema(duckdb_arrow_options options, duckdb_logical_type *types,
                                         const char **names, idx_t count, struct ArrowSchema *out);
duckdb_error_data duckdb_data_chunk_to_arrow(duckdb_arrow_options options, duckdb_data_chunk chunk,
                                             struct ArrowArray *out);
bool duckdb_error_data_has_error(duckdb_error_data error);
const char *duckdb_error_data_message(duckdb_error_data error);
void duckdb_destroy_error_data(duckdb_error_data *error);

#endif
