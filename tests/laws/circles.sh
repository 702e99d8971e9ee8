#!/bin/sh
# No circle of files: whoever follows the arrows from a file never comes back to it.
#   circles.sh includes ROOT     a file is a source with the header of its name, an arrow an
#                                #include
#   circles.sh calls ARCHIVE     a file is an object (of an archive, or in a folder), an arrow a
#                                symbol that it needs of another
set -u
export LC_ALL=C
# Lines "from to" on standard input. Files without an arrow out of them, or without one into them,
# are in no circle: what is left when none of these is left has one, and following its arrows walks
# into it.
find_circle() {
    awk '
    $1 != $2 && !(($1, $2) in told) {
        told[$1, $2] = 1
        from[++n] = $1
        to[n] = $2
    }
    END {
        for (left = n; left != before;) {
            before = left
            split("", out)
            split("", in_)
            for (i = 1; i <= n; i++) if (!gone[i]) { out[from[i]]++; in_[to[i]]++ }
            for (i = 1; i <= n; i++)
                if (!gone[i] && (!(to[i] in out) || !(from[i] in in_))) { gone[i] = 1; left-- }
        }
        if (!left) exit 0
        for (i = 1; i <= n; i++) if (!gone[i]) { next_of[from[i]] = to[i]; at = from[i] }
        while (!(at in seen)) { seen[at] = 1; at = next_of[at] }
        walk = at
        for (file = next_of[at]; file != at; file = next_of[file]) walk = walk " -> " file
        print "a circle of files: " walk " -> " at
        exit 1
    }'
}

includes() { # ROOT
    cd "$1" || exit 2
    files=$(find src tools bench -name '*.[ch]' 2>/dev/null)
    [ -n "$files" ] || { echo "no sources under $1" >&2; exit 2; }
    # shellcheck disable=SC2086 # a list of names
    awk '
    function stem(file) { sub(/\.[ch]$/, "", file); return file }
    BEGIN { for (i = 1; i < ARGC; i++) there[ARGV[i]] = 1 }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
        split($0, part, "\"")
        beside = FILENAME
        sub(/[^\/]*$/, "", beside)
        if ((beside part[2]) in there) print stem(FILENAME), stem(beside part[2])
        else if (("src/" part[2]) in there) print stem(FILENAME), stem("src/" part[2])
    }' $files | find_circle
}

calls() { # ARCHIVE
    objects=$1
    [ ! -d "$1" ] || objects=$(find "$1" -name '*.o')
    # nm says "archive:member:value type name" or "object:value type name".
    # shellcheck disable=SC2086 # a list of names
    nm -A $objects 2>/dev/null | sed -nE \
        's/^([^ ]*[:\/])?([^: \/]+)\.o:[0-9a-f ]+ ([A-Za-z]) ([^@ ]+).*$/\2 \3 \4/p' \
        >"$work/symbols"
    grep -q ' T ' "$work/symbols" || { echo "no functions in $1" >&2; exit 2; }
    awk 'NR == FNR { if ($2 ~ /[TDBRC]/) home[$3] = $1; next }
         $2 == "U" && $3 in home { print $1, home[$3] }' "$work/symbols" "$work/symbols" |
        find_circle
}

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
mode=$1
shift
case $mode in
includes) includes "$1" ;;
calls) calls "$1" ;;
*) exit 2 ;;
esac
