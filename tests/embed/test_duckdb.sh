#!/bin/sh
# test_duckdb.sh MMOE_PROGRAM MODULES CC LIBRARY_FOLDER PAGE: DuckDB makes a Parquet file of a CSV
# file, with types and lists, and hands it over as Arrow; the model is the CSV file's, to the byte.
# 77 (skipped) where npm has not installed DuckDB in MODULES.
duckdb=$2/@duckdb/node-bindings-linux-x64
[ -e "$duckdb/libduckdb.so" ] || { echo "skipped: no $duckdb/libduckdb.so"; exit 77; }
cc=$3 library=$(realpath "$4") page=$(realpath "$5") here=$(realpath "$(dirname "$0")")
# shellcheck source=tests/cli/lib.sh
. "$here/../cli/lib.sh"
"$mmoe" synth clicks --lists --rows 3000 --seed 7 --output train.csv 2>/dev/null
cat >config.json <<'JSON'
{
  "features": {"sparse": [{"name": "*", "embed_dim": 4}],
      "sequence": [{"name": "history", "max_len": 8, "embed_dim": 4},
                   {"name": "tags", "weight_separator": ":", "embed_dim": 4}],
      "dense": [{"name": "D*", "transform": "standardize"}]},
  "tasks": [{"name": "cvr", "label": "purchase"}, {"name": "ctr", "label": "click"}],
  "model": {"name": "mmoe", "n_expert": 3, "expert_params": {"dims": [8], "dropout": 0.1}},
  "trainer": {"batch_size": 64, "n_epoch": 2, "seed": 3}
}
JSON
typed="SELECT * REPLACE (click::BOOLEAN AS click, purchase::DOUBLE AS purchase,
    \"101\"::USMALLINT AS \"101\", \"121\"::VARCHAR AS \"121\", \"124\"::VARCHAR::ENUM ('0', '1',
    '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13') AS \"124\",
    \"D508\"::FLOAT AS \"D508\", string_split(history, '|')::INTEGER[] AS history,
    string_split(tags, '|') AS tags) FROM read_csv('train.csv')"

for source in duckdb.c arrow.py; do
    check "the page shows $source" sh "$here/shown.sh" "$page" "$here/$source"
done
check "it builds" "$cc" -std=c11 -O1 -Wall -Wextra -Wpedantic -Werror "$here/duckdb.c" -o duckdb \
    -I "$here" -I "$here/../../include" -L "$library" -lmmoe -L "$duckdb" -lduckdb \
    "-Wl,-rpath,$library" "-Wl,-rpath,$duckdb"
expect 0 "" train --config config.json --train train.csv --output csv.safetensors
check "a model from Parquet" ./duckdb config.json parquet.safetensors \
    "COPY ($typed) TO 'train.parquet' (FORMAT parquet)" "SELECT * FROM 'train.parquet'"
check "is the model from CSV" cmp parquet.safetensors csv.safetensors
check "a model from views and large lists" ./duckdb config.json views.safetensors \
    "SET produce_arrow_string_view = true" "SET arrow_large_buffer_size = true" "$typed"
check "is that model, too" cmp views.safetensors csv.safetensors
./duckdb config.json none.safetensors "SELECT *, now() AS moment FROM 'train.parquet'" 2>err
check "a column of times is refused" [ $? -eq 1 ]
check "by its name and format" grep -q 'column "moment": its Arrow format "tsu:' err
check "no model is left" [ ! -e none.safetensors ]
finish
