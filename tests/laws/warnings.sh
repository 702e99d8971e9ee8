#!/bin/sh
# Each warning that a source can give stands in the walk, tests/cli/test_warnings.sh, or of several
# ranks in tests/ranks/test_program.sh: the words of its sentence in their order on one line there,
# and the words that a choice puts into it anywhere.
#   warnings.sh ROOT
# Calls whose sentence another function makes are counted in `made`, FILE CALLS FUNCTION (a
# pattern); that function's sentences are looked for then. "-": they pass on what a warning said
# already. (A column kind's `remark` is of a name that the pattern has.)
set -u
export LC_ALL=C
cd "$1" || exit 2
made='
src/data/loader.c 1 mmoe_csv_passed_text
src/data/learning.c 1 remark_on_[a-z]+
tools/init_survey.c 1 mmoe_csv_passed_text
tools/inspect_report.c 1 cli_gate_warning
tools/report_html.c 1 -
tools/sweep_ranks.c 1 -
tools/warnings.c 5 -
'
walk=tests/cli/test_warnings.sh
ranks=$(ls tests/ranks/test_program.sh 2>/dev/null) # gives those of several ranks
sources=$(find src tools -name '*.[ch]' 2>/dev/null | sort)
{ [ -n "$sources" ] && [ -s $walk ]; } || { echo "no sources or no $walk under $1" >&2; exit 2; }
# shellcheck disable=SC2086 # a list of names
awk -v made="$made" '
function fault(why) {
    printf "%s:%d: %s\n", file, line, why
    faults++
}

# The words of a sentence, in their order on one line of the walk.
function is_walked(text, words, n, i, l, at, rest) {
    gsub(/%%/, "\002", text)
    gsub(/%[-+ #0]*[0-9*]*(\.[0-9*]+)?(hh|h|ll|l|z|j|t)?[a-zA-Z]/, "\001", text)
    gsub(/\002/, "%", text)
    n = split(text, words, "\001")
    for (l = 1; l <= walked; l++) {
        rest = walks[l]
        for (i = 1; i <= n; i++) {
            if (words[i] !~ /[a-zA-Z]/) continue
            at = index(rest, words[i])
            if (!at) break
            rest = substr(rest, at + length(words[i]))
        }
        if (i > n) return 1
    }
    return 0
}

function take(text) {
    if (text !~ /[a-zA-Z]/) return
    plain = text
    gsub(/%[-+ #0]*[0-9*]*(\.[0-9*]+)?(hh|h|ll|l|z|j|t)?[a-zA-Z]/, "", plain)
    if (plain ~ /[a-zA-Z]/) has_words = 1
    if (!is_walked(text)) fault("no case in the walk: \"" text "\"")
}

# Strings of `code` up to the closing bracket of its first; those side by side are one.
function read_strings(code, depth, c, i, string, quoted) {
    string = ""
    has_words = depth = quoted = 0
    for (i = 1; i <= length(code); i++) {
        c = substr(code, i, 1)
        if (quoted) {
            if (c == "\\") string = string substr(code, ++i, 1)
            else if (c == "\"") quoted = 0
            else string = string c
        } else if (c == "\"") quoted = 1
        else if (match(substr(code, i), /^PRI[a-z0-9]+/)) {
            string = string "d"
            i += RLENGTH - 1
        } else if (c !~ /[ \n]/) {
            take(string)
            string = ""
            if (c == "(" || c == "{") depth++
            if ((c == ")" || c == "}") && --depth == 0) return substr(code, 1, i)
        }
    }
    return code
}

function count_lines(text) { return gsub(/\n/, "", text) }

function read_calls(code, call, name) {
    line = 1
    while (match(code, /(mmoe_warn|mmoe_fit_warn|cli_warn)\(/)) {
        before = RSTART > 1 ? substr(code, RSTART - 1, 1) : " "
        name = substr(code, RSTART, RLENGTH - 1)
        line += count_lines(substr(code, 1, RSTART))
        code = substr(code, RSTART + RLENGTH - 1)
        if (before ~ /[A-Za-z0-9_]/) continue
        head = substr(code, 1, index(code, ";"))
        if (head ~ /const char \*format/) continue
        read_strings(code)
        calls++
        if (!has_words && ++wordless[file] > allowed[file])
            fault("whose sentence does " name " say? (`made`)")
    }
}

function read_makers(code, m, rest) {
    for (m in makers) {
        line = 0
        rest = code
        while (match(rest, "\n[a-z][^;{}\n]*[ *]" m "\\([^;{]*\\{")) {
            line += count_lines(substr(rest, 1, RSTART))
            found[m] = 1
            rest = substr(rest, RSTART + RLENGTH - 1)
            read_strings(rest)
        }
    }
    while (match(code, /\.remark = [a-z_]+/)) {
        if (substr(code, RSTART + 10, 10) != "remark_on_") {
            line = 0
            fault("a remark whose name does not begin with remark_on_")
        }
        code = substr(code, RSTART + RLENGTH)
    }
}

function read_file() {
    while (match(text, /\/\*([^*]|\*+[^*\/])*\*+\//)) {
        comment = substr(text, RSTART, RLENGTH)
        gsub(/[^\n]/, "", comment)
        text = substr(text, 1, RSTART - 1) comment substr(text, RSTART + RLENGTH)
    }
    read_calls(text)
    read_makers("\n" text)
}

BEGIN {
    n = split(made, row, "\n")
    for (i = 1; i <= n; i++) {
        if (split(row[i], word, " ") < 3) continue
        allowed[word[1]] += word[2]
        if (word[3] != "-") makers[word[3]] = 1
    }
}
FNR == 1 && file != "" && file != FILENAME { if (!is_walk) read_file(); text = "" }
FNR == 1 { file = FILENAME; is_walk = file ~ /^tests\// }
is_walk {
    if ($0 ~ /^ *#/) next
    joined = joined $0
    if (sub(/\\$/, "", joined)) next
    walks[++walked] = joined
    joined = ""
    next
}
{ text = text $0 "\n" }
END {
    read_file()
    for (m in makers) if (!(m in found)) { print m ": no such function"; faults++ }
    for (f in allowed) if (wordless[f] + 0 < allowed[f]) { print f ": fewer calls"; faults++ }
    if (!calls) { print "no source warns"; faults++ }
    exit faults > 0
}
' $walk $ranks $sources
