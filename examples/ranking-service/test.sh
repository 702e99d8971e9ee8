#!/bin/sh
# test.sh BUILD CXX: the service, built against an installed library, answers real requests, goes
# over to newer models under load and ends well.
set -u
build=$1 cxx=$2 here=$(cd "$(dirname "$0")" && pwd)
for header in httplib.h nlohmann/json.hpp; do
    echo "#include <$header>" | "$cxx" -std=c++17 -M -xc++ - >/dev/null 2>&1 ||
        { echo "no $header: skipped"; exit 77; }
done
for program in cmake python3; do
    command -v $program >/dev/null || { echo "no $program: skipped"; exit 77; }
done
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
# shellcheck source=tests/embed/make_models.sh
. "$here/../../tests/embed/make_models.sh"
check "meson install" env DESTDIR="$work/root" meson install -C "$build" --no-rebuild
mmoe=$(find "$work/root" -path '*bin/mmoe')
prefix=${mmoe%/bin/mmoe}
check "CMake sets up" cmake -S "$here" -B service -D CMAKE_PREFIX_PATH="$prefix" \
    -D CMAKE_CXX_COMPILER="$cxx" -D CMAKE_BUILD_TYPE=Debug \
    -D CMAKE_CXX_FLAGS="-Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror"
check "it builds" cmake --build service
check "models" make_models "$mmoe"
sed 's/,item,/,thing,/' train.csv >other.csv
sed 's/"item"/"thing"/' config.json >other.json
check "a model of other columns" "$mmoe" train --config other.json --train other.csv \
    --output other.mm
[ $failures -eq 0 ] || exit 1
python3 "$here/test_service.py" service/ranking-service
