#!/bin/sh
# test_learn.sh MMOE_PROGRAM EXAMPLE SOURCE PAGE: the example learns on, also when it is started
# again, and stands on the page.
program=$(realpath "$1") example=$(realpath "$2") source=$(realpath "$3") page=$(realpath "$4")
here=$(realpath "$(dirname "$0")")
# shellcheck source=tests/embed/make_models.sh
. "$here/make_models.sh"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
make_models "$program" || exit 1

check "the page shows the example" sh "$here/shown.sh" "$page" "$source"
learn() { "$example" old.mm "$1" "$2" >"$3"; }
check "it serves without learning" learn none.run 0 first
check "four rounds" learn whole.run 4 whole
check "two rounds" learn cut.run 2 half
check "two more, in a process of their own" learn cut.run 2 end
check "end with the same scores" cmp end whole
check "which are not those of two" sh -c '! cmp -s half whole && ! cmp -s half first'
check "and with the same file" cmp cut.run whole.run
head -c 5000 whole.run >broken.run
check "a broken run is refused" sh -c '! "$1" old.mm broken.run 1 2>err && grep -q broken.run err' \
    - "$example"
exit $((failures > 0))
