#!/bin/sh
# test_paper.sh MMOE_PROGRAM PAPER-TABLES: the paper's tables, very small, on rows with the shape of
# the census; cut off and gone on with.
here=$(cd "$(dirname "$0")" && pwd)
tables=$(realpath "$2")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"
command -v python3 >/dev/null || exit 77

# 42 fields: numbers where the census has them, the rest of three values each; the labels depend on
# the age.
raw() { # ROWS SEED
    awk -v rows="$1" -v seed="$2" 'BEGIN {
        srand(seed)
        split("1 6 17 18 19 31 40", at, " ")
        for (i in at) number[at[i]] = 1
        for (r = 0; r < rows; r++) {
            age = int(90 * rand())
            line = age
            for (f = 2; f <= 41; f++) {
                if (f == 5) value = age + 60 * rand() > 80 ? "Masters degree(MA MS)" : "Children"
                else if (f == 8) value = age + 20 * rand() < 40 ? "Never married" : "Widowed"
                else value = f in number ? int(50 * rand()) : "v" int(3 * rand())
                line = line ", " value
            }
            print line ", " (age + 60 * rand() > 90 ? "50000+." : "- 50000.")
        }
    }'
}
mkdir raw
raw 600 1 >raw/census-income.data
raw 400 2 >raw/census-income.test

make_tables() { # DIR
    "$tables" "$1" --raw raw --mmoe "$mmoe" --quick --output "$1.md" >out 2>err
    status=$?
}
# The measured figures, not the clock's.
figures() { sed -e '/^Written by/d' -e '/minutes in all/d' -e 's/| [0-9,]* | \([0-9,]* |\)$/| \1/' \
    "$1"; }

make_tables whole
check "the tables are made" [ "$status" -eq 0 ]
for model in single_task shared_bottom cross_stitch omoe mmoe ple aitm; do
    check "$model has a row in both tables" [ "$(grep -c "^| $model | \.[0-9]* | \.[0-9]* |" \
        whole.md)" -eq 2 ]
done
check "the paper's own figures stand beside" grep -q "^| \*the paper's mmoe\* | .9410 |" whole.md
check "Figure 4 has three correlations" [ "$(grep -cE '^\| (0\.5|0\.9|1) \| [0-9.]+ ± [0-9.]+ \|' \
    whole.md)" -eq 3 ]
check "experts on two tasks and on three" [ "$(grep -cE \
    '^\| [12] \| (\.[0-9]+ ± [^|]+ \| ){2,3}[0-9,]+ \| [0-9,]+ \|$' whole.md)" -eq 4 ]
for row in "numbers as log1p" "census-best"; do
    check "MMoE, $row: a row" grep -qE "^\| MMoE, $row \|( \.[0-9]+ \|){6} [0-9,]+ \|$" whole.md
done
if /usr/bin/python3 -c 'import xgboost' 2>/dev/null; then
    check "XGBoost has a row" grep -qE \
        '^\| XGBoost [0-9.]+ \(one-hot\) \| \.[0-9]+ \|  \|  \| \.[0-9]+ \|' whole.md
fi
check "methods" [ "$(grep -cE '^\| (none|uwl) \| \.' whole.md)" -eq 2 ]
check "what was wanted is answered" [ "$(grep -cE '\| (yes|\*\*no\*\*) \|$' whole.md)" -eq 7 ]
check "synthetic rows are not kept" [ -z "$(find whole/figure4 -name 'train.csv')" ]
figures whole.md >figures.md
make_tables whole
check "a second call runs nothing" [ "$status" -eq 0 -a ! -s err ]
figures whole.md >again.md
check "and writes the same" cmp figures.md again.md

# Where XGBoost cannot be imported its row says so; it is found by Python alone.
mkdir without
echo 'import sys; sys.modules["xgboost"] = None' >without/sitecustomize.py
rm -f whole/group1/xgboost.result.json
export PYTHONPATH="$work/without"
make_tables whole
unset PYTHONPATH
check "without XGBoost there are tables, too" [ "$status" -eq 0 ]
check "its row says that it is missing" grep -q \
    '^| XGBoost (one-hot): not measured, as it is not installed | *|' whole.md

no_tables_are_there() { rm -rf cut cut.md; }
a_sweep_has_begun() { [ -e cut/group1/tune-mmoe.sweep/results.csv ]; }
# shellcheck disable=SC2034 # used by cut_off
too_late="test -e cut.md"
cut_off TERM no_tables_are_there a_sweep_has_begun \
    "$tables" cut --raw raw --mmoe "$mmoe" --quick --output cut.md
check "cut off" [ "$status" -ne 0 -a ! -e cut.md ]
make_tables cut
check "it goes on" [ "$status" -eq 0 ]
figures cut.md >again.md
check "to the same figures" cmp figures.md again.md

"$tables" bad --raw none --mmoe "$mmoe" --quick --output bad.md >out 2>err
check "no data: an error that names them" [ $? -eq 1 ]
check "and where to look" grep -q "census" err
expect_nothing_left bad.md
finish
