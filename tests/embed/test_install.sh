#!/bin/sh
# test_install.sh BUILD CC CXX: what is installed is all that a service needs. The README's examples
# are built against it, through pkg-config alone, and score as the program does.
set -u
build=$1 cc=$2 cxx=$3 here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
# shellcheck source=tests/embed/make_models.sh
. "$here/make_models.sh"
root=$work/root
check "meson install" env DESTDIR="$root" meson install -C "$build" --no-rebuild
pc=$(find "$root" -name mmoe.pc)
[ -n "$pc" ] || { echo "not ok mmoe.pc is installed"; exit 1; }
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
prefix=$root$(pkg-config --variable=prefix mmoe)
package() { pkg-config --define-variable=prefix="$prefix" "$@" mmoe; }
lib=$(package --variable=libdir)
LD_LIBRARY_PATH=$lib
export LD_LIBRARY_PATH

for file in include/mmoe/mmoe.h include/mmoe/base.h include/mmoe/model.h include/mmoe/input.h \
    include/mmoe/predictor.h include/mmoe/slot.h include/mmoe/arrow.h include/mmoe/data.h \
    include/mmoe/create.h include/mmoe/estimate.h include/mmoe/evaluate.h include/mmoe/inspect.h \
    include/mmoe/train.h include/mmoe/mmoe.hpp \
    include/mmoe/core.hpp include/mmoe/rows.hpp include/mmoe/train.hpp \
    bin/mmoe share/man/man1/mmoe.1 share/mmoe/python/mmoe.py; do
    check "$file" test -s "$prefix/$file"
done
for file in libmmoe.a libmmoe.so; do check "$file" test -s "$lib/$file"; done
# (Where MPI is, its library, header and program are there, too.)
check "nothing else" test \
    "$(find "$root" \( -type f -o -type l \) ! -name '*mpi*' | wc -l)" -eq 27
check "the program runs" "$prefix/bin/mmoe" --version
check "and without a word where its library is" env -u LD_LIBRARY_PATH "$prefix/bin/mmoe" --version
check "the library's own calls are bound" sh -c "readelf -d '$lib/libmmoe.so' | grep -q SYMBOLIC"
check "models" make_models "$prefix/bin/mmoe"
if /usr/bin/python3 -c 'import numpy' 2>err; then
    check "Python finds its library" env -u LD_LIBRARY_PATH PYTHONPATH="$prefix/share/mmoe/python" \
        /usr/bin/python3 -B -c 'import mmoe; mmoe.load("new.mm")'
fi
printf '7\n9\n4\n' >events.list
expected_of_c >expected
sed 's/^/version 2: /' new.csv >expected_cpp

strict="-O1 -Wall -Wextra -Wpedantic -Werror"
mkdir static && cp "$lib/libmmoe.a" static
for how in shared static; do
    flags=$(package --cflags --libs)
    [ $how = shared ] || flags="-L$work/static $(package --static --cflags --libs)"
    # shellcheck disable=SC2086 # lists of flags
    check "C11, $how: builds" "$cc" -std=c11 $strict "$here/serve.c" -o serve_c $flags
    check "C11, $how: runs" sh -c './serve_c old.mm new.mm >out && cmp out expected'
    # shellcheck disable=SC2086
    check "the shortest, $how: builds" "$cc" -std=c11 $strict "$here/score.c" -o score_c $flags
    check "the shortest, $how: runs" sh -c './score_c new.mm >out && head -n 2 new.csv | cmp out -'
    # shellcheck disable=SC2086
    check "C++17, $how: builds" "$cxx" -std=c++17 $strict "$here/serve.cpp" -o serve_cpp $flags \
        -pthread
    check "C++17, $how: runs" sh -c './serve_cpp old.mm new.mm >out && cmp out expected_cpp'
    # shellcheck disable=SC2086
    check "learning on, $how: builds" "$cc" -std=c11 $strict "$here/learn.c" \
        -o learn_c $flags
    # shellcheck disable=SC2086
    check "learning on in C++17, $how: builds" "$cxx" -std=c++17 $strict "$here/learn.cpp" \
        -o learn_cpp $flags
    check "learning on in C++17, $how: what C learns" sh -c 'rm -f c.run cpp.run
        ./learn_c old.mm c.run 4 >expected_learned && ./learn_cpp old.mm cpp.run 3 >out &&
            ./learn_cpp old.mm cpp.run 1 >out && cmp out expected_learned && cmp c.run cpp.run'
    check "$how: a failure is said" sh -c \
        './serve_c none.mm new.mm 2>err; [ $? -eq 1 ] && grep -q none.mm err &&
            ! ./serve_cpp old.mm none.mm 2>err && grep -q none.mm err'
    check "$how: is linked so" sh -c "[ \$(ldd serve_c | grep -c libmmoe) -eq $([ $how = shared ] &&
        echo 1 || echo 0) ]"
done

# CMake finds it by the prefix alone, in each of its forms.
if command -v cmake >/dev/null; then
    export CMAKE_GENERATOR=Ninja # which is there, as make may not be
    check "CMake: sets up" cmake -S "$here" -B cmake -D CMAKE_PREFIX_PATH="$prefix" \
        -D CMAKE_C_COMPILER="$cc" -D CMAKE_C_FLAGS="$strict"
    check "CMake: builds" cmake --build cmake
    for how in mmoe shared static; do
        check "CMake, $how: runs" sh -c "./cmake/serve_$how old.mm new.mm >out && cmp out expected"
    done
    check "CMake, static: is linked so" sh -c "! ldd cmake/serve_static | grep libmmoe"
    for version in 0.0.9 0.2 1.0; do
        check "CMake: $version is another" sh -c "! cmake -S '$here' -B cmake -D WANTED=$version \
            >out 2>&1 && grep -q 'version: 0.1.0' out"
    done
else
    echo "# no cmake: find_package is not tried"
fi
root=$(dirname "$(dirname "$here")")
check "the README shows score.c" sh "$here/shown.sh" "$root/README.md" "$here/score.c"
for source in serve.c serve.cpp learn.cpp; do
    check "a page shows $source" sh "$here/shown.sh" "$root/docs/serving.md" "$here/$source"
done
[ $failures -eq 0 ]
