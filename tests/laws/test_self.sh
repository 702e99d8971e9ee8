#!/bin/sh
# The laws' tests must be able to fail: each planted violation is found, and a clean house passes.
#   test_self.sh LAWS_FOLDER COMPILER
set -u
laws=$1
cc=$2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
status=0

expect() { # pass|fail NAME COMMAND...
    want=$1 name=$2
    shift 2
    if "$@" >"$work/out" 2>&1; then got=pass; else got=fail; fi
    if [ "$want" = "$got" ]; then
        echo "ok $name"
        return
    fi
    echo "not ok $name: expected to $want"
    sed 's/^/  /' "$work/out" >&2
    status=1
}

# ---- includes
clean() {
    rm -rf "$work/house"
    for folder in src/base src/math src/data src/graph src/model src/look src/train \
        src/serve src/export tools bench; do
        mkdir -p "$work/house/$folder"
        echo '#include <stdio.h>' >"$work/house/$folder/a.c"
    done
    echo '#include "mmoe/train.h"' >>"$work/house/tools/a.c"
    printf '#include "data/schema.h"\n#include "model/model.h"\n#include "mmoe/mmoe.h"\n' \
        >>"$work/house/src/serve/a.c"
    echo '#include "data/batch.h"' >>"$work/house/src/graph/a.c"
    printf '#include <cblas.h>\n#include "base/alloc.h"\n' >"$work/house/src/math/blas.c"
    printf '#include <csv.h>\n#include "base/csv.h"\n' >"$work/house/src/base/csv_exact.c"
}

clean
expect pass "a clean house" sh "$laws/includes.sh" "$work/house"
plant() { # FILE LINE
    clean
    printf '%s\n' "$2" >>"$work/house/$1"
    expect fail "$1 with $2" sh "$laws/includes.sh" "$work/house"
    grep -q "^$1:[0-9]" "$work/out" ||
        { echo "not ok $1 with $2: no place in the message"; status=1; }
}
plant src/base/a.c '#include "math/kernels.h"'
plant src/data/a.c '__builtin_prefetch(slot);'
plant src/math/a.c '#include "graph/graph.h"'
plant src/data/a.c '#include "graph/graph.h"'
plant src/data/a.c '#include "config/config.h"'
plant src/graph/a.c '#include "data/schema.h"'
plant src/look/a.c '#include "train/evaluate.h"'
plant src/graph/a.c '#include "model/model.h"'
plant src/model/a.c '#include "train/trainer.h"'
plant src/model/a.c '  #  include "serve/predictor.h"'
plant src/train/a.c '#include "export/onnx_file.h"'
plant src/serve/a.c '#include "train/trainer.h"'
plant src/serve/a.c '#include "data/dataset_csv.h"'
plant src/serve/a.c '#include "data/dataset.h"'
plant src/serve/a.c '#include "mmoe/train.h"'
plant src/serve/a.c '#include <train/trainer.h>'
plant src/export/a.c '#include "data/vocab.h"'
plant src/export/a.c '#include "train/trainer.h"'
plant src/export/a.c '#include "export/onnx.pb-c.h"'
plant src/model/a.c '#include "export/onnx_file.h"'
plant src/graph/a.c '#include "alloc.h"'
plant src/graph/a.c '#include "../base/alloc.h"'
plant src/model/a.c '#include <cblas.h>'
plant src/math/a.c '#include <lapacke.h>'
plant src/data/a.c '#include <csv.h>'
plant src/train/a.c '#include "train/other.c"'
plant tools/a.c '#include "data/schema.h"'
plant tools/a.c '#include "../src/base/alloc.h"'
plant bench/a.c '#include "graph/graph.h"'
mkdir "$work/house/src/util" && echo '#include <stdio.h>' >"$work/house/src/util/a.c"
expect fail "a room of its own" sh "$laws/includes.sh" "$work/house"
mkdir "$work/empty"
expect fail "an empty house" sh "$laws/includes.sh" "$work/empty"

# ---- circles
circle() { # pass|fail NAME FILE=INCLUDED...
    rm -rf "$work/house"
    mkdir -p "$work/house/src/base" "$work/house/src/data" "$work/house/tools"
    want=$1 name=$2
    shift 2
    for arrow in "$@"; do
        touch "$work/house/${arrow%=*}"
        printf '#include "%s"\n' "${arrow#*=}" >>"$work/house/${arrow%=*}"
    done
    expect "$want" "circles: $name" sh "$laws/circles.sh" includes "$work/house"
}
circle pass "a source and its header" src/data/a.h=base/b.h src/data/a.c=data/a.h \
    src/base/b.h=none.h
circle pass "two ways to one file" src/data/a.c=data/b.h src/data/a.c=base/c.h \
    src/data/b.h=base/c.h src/base/c.h=none.h
circle fail "of headers" src/data/a.h=data/b.h src/data/b.h=data/a.h
circle fail "through the sources" src/data/a.c=data/b.h src/data/a.h=none.h \
    src/data/b.c=data/a.h src/data/b.h=none.h
circle fail "of three, across rooms" src/data/a.h=data/b.h src/data/b.c=base/c.h \
    src/data/b.h=none.h src/base/c.h=data/a.h
grep -q 'src/data/a -> src/data/b -> src/base/c -> src/data/a' "$work/out" ||
    grep -q 'src/base/c -> src/data/a -> src/data/b -> src/base/c' "$work/out" ||
    grep -q 'src/data/b -> src/base/c -> src/data/a -> src/data/b' "$work/out" ||
    { echo "not ok circles: the message walks it"; status=1; }
circle fail "among neighbours" tools/a.c=b.h tools/a.h=none.h tools/b.h=a.h
expect fail "circles: an empty house" sh "$laws/circles.sh" includes "$work/empty"

calls() { # pass|fail NAME SOURCE...
    rm -rf "$work/objects" "$work/lib.a"
    mkdir "$work/objects"
    want=$1 name=$2
    shift 2
    for source in "$@"; do
        printf '%s\n' "${source#*:}" >"$work/unit.c"
        "$cc" -O0 -c "$work/unit.c" -o "$work/objects/${source%%:*}.c.o" || exit 2
    done
    ar rcT "$work/lib.a" "$work/objects/"*.o
    expect "$want" "calls, an archive: $name" sh "$laws/circles.sh" calls "$work/lib.a"
    expect "$want" "calls, a folder: $name" sh "$laws/circles.sh" calls "$work/objects"
}
calls pass "a chain" 'a:void g(void); void f(void) { g(); }' \
    'b:void h(void); void g(void) { h(); }' \
    'c:void h(void) { }'
calls fail "a circle of three" 'a:void g(void); void f(void) { g(); }' \
    'b:void h(void); void g(void) { h(); }' 'c:void f(void); void h(void) { f(); }'
calls fail "through a table" 'a:void g(void); void (*const f[])(void) = {g};' \
    'b:extern void (*const f[])(void); void g(void) { f[0](); }'
expect fail "calls: nothing there" sh "$laws/circles.sh" calls "$work/none.a"

# ---- format
formatted() { # pass|fail TEXT
    rm -rf "$work/house"
    mkdir -p "$work/house/src/base"
    cp "$laws/../../.clang-format" "$work/house/"
    printf '%s\n' "$2" >"$work/house/src/base/a.c"
    expect "$1" "format: $2" sh "$laws/format.sh" "$work/house"
}
sh "$laws/format.sh" "$work/empty" >/dev/null 2>&1
if [ $? -ne 77 ]; then
    formatted pass 'static int f(int a) { return a; }'
    formatted fail 'static int f(int a) {return a;}'
    formatted fail 'int *p,  q;'
    expect fail "format: an empty house" sh "$laws/format.sh" "$work/empty"
fi

# ---- columns
columns() { # pass|fail NAME FILE TEXT
    rm -rf "$work/house"
    mkdir -p "$work/house/src/base" "$work/house/tools" "$work/house/docs"
    echo 'int x;' >"$work/house/src/base/x.c"
    printf '%s\n' "$4" >"$work/house/$3"
    expect "$1" "columns: $2" sh "$laws/columns.sh" "$work/house"
}
ten='1234 6789 ' hundred=
for _ in 1 2 3 4 5 6 7 8 9 10; do hundred=$hundred$ten; done
columns pass "100 in a source" src/base/a.c "// ${hundred#1234}4"
columns fail "101 in a source" src/base/a.c "// $hundred"
columns fail "101 in a script without a suffix" tools/run "#$hundred"
columns fail "101 in a build" src/meson.build "#$hundred"
columns pass "100 characters of 200 bytes" src/base/a.c "$(echo "$hundred" | sed 's/./é/g')"
columns fail "a sentence of a page" docs/a.md "A $hundred"
columns pass "measured figures" bench/results/a.json "$hundred 1"
columns pass "a row of a table" docs/a.md "| a | $hundred"
columns pass "an address alone" docs/a.md "- $(echo "$hundred" | tr ' ' /)x"
columns pass "what a program printed" docs/a.md "$(printf '```\n%sx\n```' "$hundred")"
columns fail "a program in a page" docs/a.md "$(printf '```c\n%sx\n```' "$hundred")"
columns fail "after a fence's end" docs/a.md "$(printf '```\n```\n%sx' "$hundred")"
expect fail "columns: an empty house" sh "$laws/columns.sh" "$work/empty"

# ---- pages
page() { # pass|fail NAME README [FILE]
    rm -rf "$work/house"
    mkdir -p "$work/house/docs" "$work/house/src/base"
    echo 'See `src/base/`, [the rest](../README.md), [there](https://example.org).' \
        >"$work/house/docs/a.md"
    printf '%s\n' "$3" >"$work/house/README.md"
    [ $# -lt 4 ] || echo >"$work/house/$4"
    expect "$1" "pages: $2" sh "$laws/pages.sh" "$work/house"
}
page pass "150 lines" "$(yes | head -n 150)"
page fail "151 lines" "$(yes | head -n 151)"
page pass "a link to a page" '[more](docs/a.md#part)'
page fail "a link to nothing" '[more](docs/b.md)'
page fail "a path to nothing" 'See `src/base/x.c`.'
page pass "a path" 'See `src/base/x.c`.' src/base/x.c
page pass "a pattern" 'Add `src/base/NAME.c`.'

# ---- warnings
warnings() { # pass|fail NAME SOURCE WALK [WALK-OF-RANKS]
    rm -rf "$work/house"
    mkdir -p "$work/house/src/base" "$work/house/tools" "$work/house/tests/cli" \
        "$work/house/tests/ranks"
    [ $# -lt 5 ] || echo "$5" >"$work/house/tests/ranks/test_program.sh"
    printf '%s\n' 'int mmoe_csv_passed_text(char *out) { sprintf(out, "%d lines", 1); }' \
        >"$work/house/src/base/csv.c"
    mkdir "$work/house/src/data"
    said='void f(void) { cli_warn("%s", text); }'
    printf '%s\n' 'char *cli_gate_warning(void) { return copy("a gate has collapsed"); }' "$said" \
        >"$work/house/tools/inspect_report.c"
    printf '%s\n' "$said" >"$work/house/tools/init_survey.c"
    printf '%s\n' "$said" >"$work/house/tools/report_html.c"
    printf '%s\n' "$said" >"$work/house/tools/sweep_ranks.c"
    printf '%s\n' "$said" "$said" "$said" "$said" "$said" >"$work/house/tools/warnings.c"
    printf '%s\n' "$said" >"$work/house/src/data/loader.c"
    printf '%s\n' "$said" >"$work/house/src/data/learning.c"
    printf '%s\n' 'static const char *remark_on_x(char *room) { print(room, "%d bins", 2); }' \
        'static const char *remark_on_y(char *room) { print(room, "%d words", 2); }' \
        'const kind x = {.remark = remark_on_x};' >"$work/house/src/data/x.c"
    printf '%s\n' 'void cli_warn(const char *format, ...);' 'void f(void) {' "$3" '}' \
        >"$work/house/tools/a.c"
    printf '%s\n' '2 lines' 'a gate has collapsed' '2 bins' '3 words' "$4" \
        >"$work/house/tests/cli/test_warnings.sh"
    expect "$1" "warnings: $2" sh "$laws/warnings.sh" "$work/house"
}
call='mmoe_warn(list, (mmoe_warning){NULL, name}, err, "column \"%s\": %" PRId64
    " of %.1f %% are %s", name, n, x, odd ? "odd" : "even");'
warnings pass "a sentence that stands in the walk" "$call" 'f.csv: column "x": 3 of 4.0 % are even
column "y": 3 of 4.0 % are odd'
warnings pass "on a line that is wrapped" 'cli_warn("%d rows are bad", n);' '3 rows \
are bad'
warnings fail "a sentence that the walk lacks" "$call" 'nothing'
warnings fail "words of a choice that it lacks" "$call" 'column "x": 3 of 4.0 % are odd'
warnings fail "words in another order" 'cli_warn("%d rows of %d", n, m);' '4 of 3 rows'
warnings fail "words of two lines" 'cli_warn("%d rows of %d", n, m);' '3 rows
of 4'
warnings fail "a comment alone" 'mmoe_fit_warn(t, w, "%d rows", n);' '# 3 rows'
call='mmoe_fit_warn(t, w, "%d ranks differ", n);'
warnings pass "a sentence of several ranks" "$call" '3 rows' 'grep "[0-9] ranks differ"'
warnings fail "a sentence that theirs lacks" "$call" '3 rows' 'grep "[0-9] rows differ"'
warnings pass "a call in a comment" '/* cli_warn("%d rows", n); */ cli_warn("%d bad", n);' '3 bad'
warnings fail "a sentence made elsewhere" 'cli_warn("%d bad", n); cli_warn("%s: %s", a, b);' '3 bad'
warnings pass "a clean house" 'cli_warn("%d bad", n);' '3 bad'
sed -i '/collapsed/d' "$work/house/tests/cli/test_warnings.sh"
expect fail "warnings: a sentence of a function" sh "$laws/warnings.sh" "$work/house"
for planted in 's/"%d words"/"%d others"/' \
    's/remark_on_y/remark_y/; s/= remark_on_x/= remark_y/'; do
    warnings pass "a clean house" 'cli_warn("%d bad", n);' '3 bad'
    sed -i "$planted" "$work/house/src/data/x.c"
    expect fail "warnings: remarks with $planted" sh "$laws/warnings.sh" "$work/house"
done
warnings pass "a clean house" 'cli_warn("%d bad", n);' '3 bad'
echo 'void g(void) { mmoe_warn(list, w, err, "%s: %s", a, b); }' \
    >>"$work/house/src/data/loader.c"
expect fail "warnings: one call more than are known" sh "$laws/warnings.sh" "$work/house"
warnings pass "a clean house" 'cli_warn("%d bad", n);' '3 bad'
sed -i 1d "$work/house/src/data/loader.c"
expect fail "warnings: one call fewer" sh "$laws/warnings.sh" "$work/house"
expect fail "warnings: an empty house" sh "$laws/warnings.sh" "$work/empty"

# ---- shape
shape() { # pass|fail TEXT
    rm -rf "$work/house"
    mkdir -p "$work/house/src/base"
    printf '%s\n' "$2" >"$work/house/src/base/a.c"
    expect "$1" "shape: $2" sh "$laws/shape.sh" "$work/house"
}
shape pass 'int f(int a, int b, int c, int d, int e, int f);'
shape fail 'int f(int a, int b, int c, int d, int e, int f, int g);'
shape fail 'static int f(int a, int b, int c,
                 int d, int e, int f, int g) {
    return a;
}'
shape pass 'int f(int a, int b, int c, int d, int e, const char *format, ...);'
shape pass 'int f(void) {
    return g(1, 2, 3, 4, 5, 6, 7);
}'
shape pass 'int f(int a, int (*b)(int, int, int), int c, int d, int e, int f);'
shape fail 'int x = a ? b : c ? d : e;'
shape fail 'int x = a ? f(b ? c : d) : e;'
shape fail 'int x = (a ? b : c) ? d : e;'
shape fail 'int x = a ? b :
    c ? d : e;'
shape fail '#define X(a) ((a) ? 1 : (a) ? 2 : 3)'
shape pass 'int x = f(a ? b : c, d ? e : g);'
shape pass 'int x[] = {a ? b : c, d ? e : g};'
shape pass 'int x = (a ? b : c) + (d ? e : g);'
shape pass 'const char *x = a ? "?:" : "?"; // a ? b : c ? d : e'
shape pass "int x = a ? '?' : b; /* c ? d : e */"
shape pass 'int f(void) {
    if (a ? b : c) return 1;
    return d ? e : g;
}'
shape fail 'void f(void) { a(); b(); }'
shape pass 'void f(void) { a(); }'
shape pass 'for (i = 0; i < 3; i++) f();'
mkdir -p "$work/house/include/mmoe"
echo 'MMOE_API int mmoe_f(int);' >"$work/house/include/mmoe/mmoe.h"
for name in mmoe_f mmoe_g; do
    echo "int $name(int a, int b, int c, int d, int e, int f, int g) { return a; }" \
        >"$work/house/src/base/a.c"
    [ $name = mmoe_f ] && want=pass || want=fail
    expect $want "shape: $name where mmoe_f is public" sh "$laws/shape.sh" "$work/house"
done
mkdir -p "$work/house/tests/unit"
for lines in 499 500; do
    echo >"$work/house/src/base/a.c"
    yes 'int x;' | head -n $lines >"$work/house/tests/unit/a.h"
    [ $lines = 499 ] && want=pass || want=fail
    expect $want "shape: $lines lines of a test" sh "$laws/shape.sh" "$work/house"
done
expect fail "shape: an empty house" sh "$laws/shape.sh" "$work/empty"

# ---- headers
mkdir -p "$work/include/mmoe"
header() { # pass|fail TEXT
    printf '%s\n' "$2" >"$work/include/mmoe/h.h"
    expect "$1" "header: $(printf '%s' "$2" | tr '\n' ' ')" sh "$laws/headers.sh" "$work/include"
}
header pass 'int mmoe_f(int);'
header fail 'size_t mmoe_f(void);'
header fail 'int mmoe_x = 1;'
header fail 'enum mmoe_e { MMOE_A, };
static int mmoe_g(void) { return 1; }'

# ---- symbols
archive() { # TEXT
    rm -f "$work/lib.a" "$work/lib.so"
    printf '%s\n' "$1" >"$work/unit.c"
    "$cc" -O0 -fPIC -c "$work/unit.c" -o "$work/unit.o" && ar rc "$work/lib.a" "$work/unit.o" &&
        "$cc" -shared "$work/unit.o" -o "$work/lib.so" || exit 2
}
needs() { # pass|fail STATEMENT [asserts]
    archive "#include <assert.h>
#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void openblas_set_num_threads(int);
int mmoe_f(const char *s); int mmoe_f(const char *s) { $2; return (int)strlen(s); }"
    expect "$1" "needs: $2" sh "$laws/symbols.sh" needs "$work/lib.a" "${3-no-asserts}"
}
needs pass ''
needs pass 'char b[9]; snprintf(b, 9, s)'
needs fail 'printf("%s", s)'
needs fail 'fprintf(stderr, "%s", s)'
needs fail 'fwrite(s, 1, 1, stdout)'
needs pass 'FILE *f = fopen(s, s); fprintf(f, "%d", 1)'
needs fail 'puts(s)'
needs fail 'perror(s)'
needs fail 'exit(1)'
needs fail 'abort()'
needs fail 'assert(s)'
needs pass 'assert(s)' asserts
needs fail 'abort()' asserts
needs fail 'setlocale(0, s)'
needs fail 'uselocale(0)'
needs fail 'fesetround(0)'
needs fail 'signal(1, 0)'
needs fail 'openblas_set_num_threads(1)'

serving() { # pass|fail OBJECT STATEMENT
    printf '%s\n' "#include <pthread.h>
#include <stdlib.h>
void mmoe_gemm_run(const void *); void *mmoe_alloc(const void *, size_t, size_t);
void mmoe_f(pthread_mutex_t *m); void mmoe_f(pthread_mutex_t *m) { (void)m; $3; abort(); }" \
        >"$work/unit.c"
    rm -f "$work/lib.a"
    "$cc" -O0 -c "$work/unit.c" -o "$work/$2" && ar rc "$work/lib.a" "$work/$2" || exit 2
    expect "$1" "serving: $2 with $3" sh "$laws/symbols.sh" serving "$work/lib.a"
}
serving pass serve_run.c.o ''
serving fail serve_run.c.o 'pthread_mutex_lock(m)'
serving fail serve_request.c.o 'mmoe_gemm_run(m)'
serving fail serve_run.c.o 'mmoe_alloc(m, 1, 1)'
serving pass serve_predictor.c.o 'mmoe_alloc(m, 1, 1)'
serving fail serve_slot.c.o ''

archive 'int mmoe_f(void); int mmoe_f(void) { return 1; }
static int h(void) { return 2; }
int (*mmoe_p)(void) = h;'
printf 'mmoe_f\nmmoe_p\n' >"$work/list"
expect pass "names" sh "$laws/symbols.sh" names "$work/lib.a"
expect pass "exports" sh "$laws/symbols.sh" exports "$work/lib.so" "$work/list"
printf 'mmoe_p\nmmoe_f\n' >"$work/list"
expect fail "a list that is not sorted" sh "$laws/symbols.sh" exports "$work/lib.so" "$work/list"
printf 'mmoe_f\n' >"$work/list"
expect fail "an export that the list lacks" sh "$laws/symbols.sh" exports "$work/lib.so" \
    "$work/list"
printf 'mmoe_f\nmmoe_p\nmmoe_q\n' >"$work/list"
expect fail "a listed symbol that is not exported" sh "$laws/symbols.sh" exports "$work/lib.so" \
    "$work/list"
archive 'int helper(void); int helper(void) { return 1; }'
expect fail "a global name without mmoe_" sh "$laws/symbols.sh" names "$work/lib.a"
printf 'helper\n' >"$work/list"
expect fail "an export without mmoe_" sh "$laws/symbols.sh" exports "$work/lib.so" "$work/list"
printf 'MMOE_API const char *mmoe_f(int x);\nMMOE_API int mmoe_g(void);\n' >"$work/include/mmoe/h.h"
printf 'mmoe_f\nmmoe_g\n' >"$work/list"
expect pass "declared" sh "$laws/symbols.sh" declared "$work/include" "$work/list"
printf 'mmoe_f\n' >"$work/list"
expect fail "a declared symbol that the list lacks" sh "$laws/symbols.sh" declared "$work/include" \
    "$work/list"

exit $status
