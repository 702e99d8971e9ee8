#!/bin/sh
# What a reader must hold in mind at once is bounded, in every source and header of ROOT: a function
# has at most six parameters (and ...), no ?: stands within another, a line has one statement, a
# file has fewer than 500 lines.
#   shape.sh ROOT
set -u
export LC_ALL=C
cd "$1" || exit 2
files=$(find bench examples include python src tests tools \
    -name '*.[ch]' -o -name '*.cpp' -o -name '*.hpp' 2>/dev/null)
[ -n "$files" ] || { echo "no sources under $1" >&2; exit 2; }
# Functions of the public headers keep the parameters that they have.
public=$(cat include/mmoe/*.h 2>/dev/null |
    sed -nE 's/^MMOE_API [^(]*[ *](mmoe_[a-z0-9_]+)\(.*/\1/p')
# shellcheck disable=SC2086 # a list of names
awk -v public_names="$(echo $public)" '
BEGIN {
    n = split(public_names, name, " ")
    for (i = 1; i <= n; i++) public[name[i]] = 1
}

function fault(why) {
    printf "%s:%d: %s\n", FILENAME, FNR, why
    faults++
}

# The line without comments and without what stands in quotes; sets in_comment.
function code_of(line, out, c, i, quote) {
    out = ""
    if (!in_comment && line !~ /["\047\/]/) return line
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (in_comment) {
            if (substr(line, i, 2) == "*/") { in_comment = 0; i++ }
        } else if (quote != "") {
            if (c == "\\") i++
            else if (c == quote) { quote = ""; out = out c }
        } else if (substr(line, i, 2) == "//") return out
        else if (substr(line, i, 2) == "/*") { in_comment = 1; i++ }
        else {
            if (c == "\"" || (c == "\047" && out !~ /[0-9]$/)) quote = c
            out = out c
        }
    }
    return out
}

function forget(level) {
    asked[level] = asked_within[level] = 0
}

# depth counts brackets of all kinds, round only round ones; at depth 0 a ( opens parameters.
function read_code(line, c, rest) {
    statements = 0
    while (match(line, /[][(){}?,;]/)) {
        c = substr(line, RSTART, 1)
        before = substr(line, 1, RSTART - 1)
        line = substr(line, RSTART + 1)
        if (c == "?") {
            nested = asked_within[depth]
            for (level = 0; level <= depth; level++) nested += asked[level]
            if (nested) fault("?: within ?:")
            asked[depth] = 1
        } else if (c == "," || c == ";") {
            forget(depth)
            if (c == "," && depth == 1 && round == 1) parameters++
            if (c == ";" && round == 0 && ++statements == 2) fault("two statements")
            if (c == ";" && depth == 0) parameters = 0
        } else if (c == "(" || c == "[" || c == "{") {
            if (c == "{" && round == 0) forget(depth)
            if (c == "(") round++
            forget(++depth)
            if (c == "(" && depth == 1) {
                parameters = 0
                called = before
                sub(/ *$/, "", called)
                sub(/.*[^A-Za-z0-9_]/, "", called)
            }
        } else if (depth > 0) {
            inner = asked[depth] || asked_within[depth]
            depth--
            if (c == ")") {
                round--
                if (inner) asked_within[depth] = 1
                if (before ~ /\.\.\. *$/) parameters--
                if (depth == 0 && parameters > 5 && !in_directive && !(called in public))
                    fault("a function of " parameters + 1 " parameters")
            }
            if (c == "}" && round == 0) forget(depth)
        }
    }
}

function start_over() {
    depth = round = parameters = 0
    forget(0)
}

FNR == 1 { start_over(); in_comment = in_directive = 0 }
FNR == 500 { fault("500 lines") }
{
    code = code_of($0)
    if (!in_directive && code ~ /^[ \t]*#/) {
        in_directive = 1
        saved_depth = depth
        saved_round = round
        saved_parameters = parameters
        start_over()
    }
    read_code(code)
    if (in_directive && code !~ /\\$/) {
        start_over()
        in_directive = 0
        depth = saved_depth
        round = saved_round
        parameters = saved_parameters
    }
}

END { exit faults > 0 }
' $files
