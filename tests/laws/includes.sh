#!/bin/sh
# The include law: which folder may include which. Prints every arrow that the law does not have,
# and who asks for memory other than by base/ask.h, which says why that is nothing.
#   includes.sh ROOT
set -u
root=$1
cd "$root" || exit 2
files=$(find src tools bench -name '*.[ch]' 2>/dev/null | sort)
[ -n "$files" ] || { echo "no sources under $root" >&2; exit 2; }

# shellcheck disable=SC2086
awk '
BEGIN {
    private = " base math loss data table graph config file model train look serve export "
    law["base"] = " base "
    law["math"] = " math base "
    law["loss"] = " loss math base "
    law["data"] = " data loss math base "
    law["table"] = " table math base "
    law["graph"] = " graph table loss math base "
    law["config"] = " config data loss math base "
    law["file"] = " file data base "
    law["model"] = " model config file graph table data loss math base "
    law["look"] = " look model config graph data math base "
    law["train"] = " train look serve model config file graph table data loss math base "
    law["serve"] = " serve model config graph table loss math base "
    law["export"] = " export model config file graph table loss math base "
    reads["graph"] = " data/batch.h "
    reads["table"] = " data/batch.h "
    known_to["cblas.h"] = known_to["f77blas.h"] = "src/math/blas.[ch]"
    known_to["openblas_config.h"] = "src/math/blas.[ch]"
    known_to["lapacke.h"] = "src/math/lapack.c"
    known_to["export/onnx.pb-c.h"] = "src/export/onnx_file.h"
    known_to["xxhash.h"] = "src/base/text_hash.c"
    known_to["csv.h"] = "src/base/csv_exact.c"
    known_to["mpi.h"] = "src/base/comm_mpi.h"
    known_to["zlib.h"] = "src/base/packing_gzip.c"
    known_to["bzlib.h"] = "src/base/packing_bzip2.c"
    known_to["zstd.h"] = "src/base/packing_zstd.c"
    reads["serve"] = " data/schema.h data/encode.h data/input.h data/list_values.h "
    reads["export"] = " data/schema.h data/column_date.h data/column_number.h "
    reads["export"] = reads["export"] "data/column_piecewise_linear.h "
}

function fault(why) {
    printf "%s:%d: \"%s\": %s\n", FILENAME, FNR, header, why
    faults++
}

function in_src(room, target, slash) {
    slash = index(header, "/")
    target = slash ? substr(header, 1, slash - 1) : ""
    if (target == "mmoe" && header != "mmoe/mmoe.h" && room == "serve")
        fault("serve knows mmoe/mmoe.h alone")
    if (target == "mmoe") return
    if (quoted && target == "") fault("write the folder too")
    if (!index(private, " " target " ")) {
        if (quoted && target != "") fault("no such room")
        return
    }
    if (room in reads && target == "data") {
        if (!index(reads[room], " " header " ")) fault(room " reads of data" reads[room] "alone")
    } else if (!index(law[room], " " target " "))
        fault(room " may not include " target)
}

# tools and bench: public headers, base, and their neighbours; a benchmark of one op may look
# inside.
function outside(file, part, room) {
    split(file, part, "/")
    if (header ~ /^mmoe\/(mmoe|train)\.h$/ || header ~ /^base\//) return
    if (part[1] == "bench" && part[2] ~ /^op_/) return
    room = substr(header, 1, index(header, "/") - 1)
    if (index(private, " " room " ") || (quoted && header ~ /^\.\.\/.*|src\//))
        fault(part[1] " includes public headers alone")
}

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
    line = $0
    sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
    quoted = substr(line, 1, 1) == "\""
    header = substr(line, 2)
    sub(/[">].*/, "", header)
    split(FILENAME, path, "/")
    if (path[1] == "src" && header in known_to && FILENAME !~ ("^" known_to[header] "$"))
        fault("only " known_to[header] " knows that library")
    if (header ~ /\.c$/) fault("a source is not included")
    if (path[1] != "src")
        outside(FILENAME)
    else if (path[2] in law && path[3] != "")
        in_src(path[2])
    else
        fault("src/" path[2] " is no room of the house")
}

/__builtin_prefetch/ && FILENAME != "src/base/ask.h" {
    header = "__builtin_prefetch"
    fault("mmoe_ask")
}

END { exit faults > 0 }
' $files
