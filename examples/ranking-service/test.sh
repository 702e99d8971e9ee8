#!/bin/sh
# test.sh BUILD CXX: the service, built against an installed library, answers real requests, goes
# over to newer models under load, learns on and ends well.
# test.sh --built MMOE SERVICE: the same in short, of programs that are there, which a sanitizer
# slows down.
set -u
here=$(cd "$(dirname "$0")" && pwd)
short=""
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/embed/make_models.sh
. "$here/../../tests/embed/make_models.sh"

# Sets mmoe and service.
build_all() { # BUILD CXX
    build=$1 cxx=$2
    for header in httplib.h nlohmann/json.hpp; do
        echo "#include <$header>" | "$cxx" -std=c++17 -M -xc++ - >/dev/null 2>&1 ||
            { echo "no $header: skipped"; exit 77; }
    done
    command -v cmake >/dev/null || { echo "no cmake: skipped"; exit 77; }
    check "meson install" env DESTDIR="$work/root" meson install -C "$build" --no-rebuild
    mmoe=$(find "$work/root" -path '*bin/mmoe')
    prefix=${mmoe%/bin/mmoe}
    # The files as one: their headers take longer than they do.
    export CMAKE_GENERATOR=Ninja # which is there, as make may not be
    check "CMake sets up" cmake -S "$here" -B service -D CMAKE_PREFIX_PATH="$prefix" \
        -D CMAKE_CXX_COMPILER="$cxx" -D CMAKE_UNITY_BUILD=ON \
        -D CMAKE_CXX_FLAGS="-Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror"
    check "it builds" cmake --build service
    service=service/ranking-service
}

command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }
if [ "$1" = --built ]; then
    mmoe=$(realpath "$2") service=$(realpath "$3") short=--short
    cd "$work" || exit 2
else
    cd "$work" || exit 2
    build_all "$1" "$2"
fi
check "models" make_models "$mmoe"
sed 's/,item,/,thing,/' train.csv >other.csv
sed 's/"item"/"thing"/' config.json >other.json
check "a model of other columns" "$mmoe" train --config other.json --train other.csv \
    --output other.mm
awk -F, -v OFS=, '{ print $0, NR == 1 ? "tags" : NR % 9 "|" NR % 4 }' train.csv >lists.csv
sed 's/"dense":/"sequence": [{"name": "tags", "separator": "|", "embed_dim": 4}], &/' \
    config.json >lists.json
for seed in 1 2; do
    check "a model of lists" "$mmoe" train --config lists.json --set trainer.seed=$seed \
        --set trainer.embedding_update=deferred --train lists.csv --output lists$seed.mm
done
[ $failures -eq 0 ] || exit 1
for test in test_service test_learning; do
    python3 -B "$here/$test.py" "$service" $short || failures=$((failures + 1))
done
exit $((failures > 0))
