#!/bin/sh
# test_subproject.sh MMOE_PROGRAM SOURCE_ROOT CC: a service whose build has mmoe as a subproject and
# takes the serving library alone: it links nothing but jansson and the system, and gives the
# functions of mmoe.h alone.
set -u
mmoe=$(realpath "$1") root=$2 here=$2/tests/embed CC=$3
export CC
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
# shellcheck source=tests/embed/make_models.sh
. "$here/make_models.sh"
mkdir -p host/subprojects
for part in include src python tools tests meson.build meson_options.txt; do
    mkdir -p host/subprojects/mmoe && ln -s "$root/$part" host/subprojects/mmoe/
done
cp "$here/serve.c" host/
cat >host/meson.build <<'EOM'
project('host', 'c', default_options: ['c_std=c11', 'optimization=0', 'debug=false'])
mmoe = dependency('mmoe', fallback: 'mmoe', default_options: ['training=false', 'werror=true'])
executable('serve', 'serve.c', dependencies: mmoe)
EOM
check "sets up" meson setup host/build host
check "builds" meson compile -C host/build
check "models" make_models "$mmoe"
printf '7\n9\n4\n' >events.list
expected_of_c >expected
check "scores as the program does" sh -c './host/build/serve old.mm new.mm >out && cmp out expected'

so=$(find host/build -name libmmoe.so)
readelf -d "$so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >needed
check "needs jansson: $(paste -sd' ' needed)" sh -c \
    "grep -q '^libjansson' needed && ! grep -Ev '^lib(jansson|c|m)\.so' needed"
nm -D --defined-only "$so" | awk 'NF == 3 && $2 != "A" {sub(/@.*/, "", $3); print $3}' |
    LC_ALL=C sort >exported
sed -n 's/^#include "\(.*\)"$/\1/p' "$root/include/mmoe/mmoe.h" |
    (cd "$root/include/mmoe" && xargs sed -nE 's/^MMOE_API [^(]*[ *](mmoe_[a-z0-9_]+)\(.*/\1/p') |
    LC_ALL=C sort >declared
check "exports what mmoe.h declares" diff declared exported
archive=$(find host/build -name libmmoe.a)
check "an archive, too" test -s "$archive"
check "links with the archive, jansson and libm alone" \
    "$CC" -I"$root/include" "$here/serve.c" "$archive" -ljansson -lm -o static
check "and scores so" sh -c './static old.mm new.mm >out && cmp out expected'
check "builds against the library" \
    "$CC" -I"$root/include" "$here/small_stack.c" -pthread "$so" -o small_stack
head -n 1 old.csv >first
LD_LIBRARY_PATH=$(dirname "$so")
export LD_LIBRARY_PATH
check "a thread of 16 KB scores" sh -c "./small_stack old.mm >out && cmp out first"
check "without trainer, data sets, CSV and LAPACK" sh -c \
    "! nm '$archive' |
        grep -E ' [TU] (csv_|LAPACKE_|mmoe_(trainer_[cfs]|dataset|csv|evaluate|checkpoint))'"

# A plug-in that holds a static copy hides it.
check "sets up a hidden copy" meson setup hidden host/subprojects/mmoe -Dtraining=false \
    -Dtests=disabled -Ddefault_library=static -Doptimization=0 -Dc_args=-DMMOE_API=
check "builds it" meson compile -C hidden
check "installs it" env DESTDIR="$work/root" meson install -C hidden --no-rebuild
if command -v cmake >/dev/null; then
    export CMAKE_GENERATOR=Ninja # which is there, as make may not be
    check "CMake: sets up" cmake -S "$here" -B cmake -D CMAKE_PREFIX_PATH="$work/root/usr/local" \
        -D CMAKE_C_COMPILER="$CC"
    check "CMake: builds" cmake --build cmake
    check "CMake: is linked with the archive, jansson and libm alone" sh -c \
        "./cmake/serve_mmoe old.mm new.mm >out && cmp out expected &&
            ! readelf -d cmake/serve_mmoe | grep NEEDED | grep -vE 'jansson|libc|libm\\.'"
fi
PKG_CONFIG_PATH=$(dirname "$(find "$work/root" -name mmoe.pc)")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046 # a list of flags
check "pkg-config: builds" "$CC" "$here/serve.c" -o by_pkg_config $(
    pkg-config --define-variable=prefix="$work/root/usr/local" --static --cflags --libs mmoe)
check "pkg-config: scores so" sh -c './by_pkg_config old.mm new.mm >out && cmp out expected'
cat >plug.c <<'EOM'
#include <mmoe/mmoe.h>
const char *plug(void);
const char *plug(void) { return mmoe_version(); }
EOM
check "a plug-in holds it" \
    "$CC" -shared -fPIC -I"$root/include" plug.c hidden/src/libmmoe.a -ljansson -lm -o plug.so
check "and shows none of it" sh -c \
    "nm -D --defined-only plug.so | grep -q plug && ! nm -D --defined-only plug.so | grep mmoe_"
[ $failures -eq 0 ]
