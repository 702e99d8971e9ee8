#!/bin/sh
# test_man.sh MMOE_PROGRAM MANPAGE PAGE: the manual page says what the program's --help says.
here=$(cd "$(dirname "$0")" && pwd)
manpage=$(realpath "$2") page=$(realpath "$3")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"

"$manpage" "$mmoe" >out 2>err
check "man/mmoe.1 is up to date; if not: tools/manpage PROGRAM >man/mmoe.1" cmp out "$page"

# Each flag by itself, whatever the page's form.
for command in $("$mmoe" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    sed -n "/^\.SS $command\$/,/^\.S[SH] /p" "$page" | sed 's/\\-/-/g' >section
    for flag in $("$mmoe" "$command" --help | grep -o -e '--[a-z-]*' |
        sort -u); do check "$command $flag" grep -q -e "$flag" section; done
done
check "commands were found" test -s section

# Nobody finds in docs/ what stands in the program's help alone: each key by its own word.
"$mmoe" train --help | sed -n '/^Keys of/,$s/^  \([a-z][^ ]*\)$/\1/p' >keys
check "keys were found" grep -qxF trainer.seed keys
while read -r key; do
    word=${key##*.}
    check "docs/ have $key" grep -qwF -e "${word%"[]"}" "${page%/man/*}"/docs/*.md
done <keys

if command -v groff >/dev/null; then
    groff -man -ww -z "$page" >out 2>&1
    check "groff has nothing to say" test ! -s out
fi
finish
