#!/bin/sh
# What the library needs from others and gives to them.
#   symbols.sh needs ARCHIVE asserts|no-asserts   nothing that prints, exits, or changes the
#                                                 process's locale, signals, environment or
#                                                 floating-point mode; BLAS threads in math/blas
#                                                 alone, a thread's locale in base/sentence alone,
#                                                 its rounding mode in base/rounding alone
#   symbols.sh serving ARCHIVE                    scoring takes no lock and calls no BLAS; a run
#                                                 allocates nothing
#   symbols.sh names ARCHIVE                      every global symbol starts with mmoe_
#   symbols.sh exports SHARED LIST                exactly the symbols of the sorted list
#   symbols.sh declared INCLUDE_FOLDER LIST...    the public headers declare exactly those lists
set -u
export LC_ALL=C
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# Functions that write to a file are free: without stdout and stderr they do not print.
printing='printf|vprintf|dprintf|vdprintf|puts|putchar|putchar_unlocked|perror|psignal|syslog'
printing="$printing|vsyslog|warn|warnx|err|errx|stdout|stderr|stdin"
ending='exit|_exit|_Exit|quick_exit|abort|__assert_fail|__assert|__assert_rtn'
ending="$ending|__assert_perror_fail|raise|kill|pthread_exit|pthread_kill|atexit|on_exit|longjmp"
ending="$ending|siglongjmp"
process='setlocale|signal|sigaction|sigprocmask|setenv|putenv|unsetenv|clearenv'
process="$process|system|popen|fork|execv|execvp|chdir|umask|srand|srandom|srand48|rand|random"
process="$process|strtok"
process="$process|fesetenv|feenableexcept|fedisableexcept|feclearexcept|feraiseexcept"
process="$process|omp_set_num_threads"
blas='openblas_set_num_threads|goto_set_num_threads'

# The symbols that an archive's objects look for and do not find in each other: "object symbol".
# Checked variants of functions (__printf_chk) count as what they check.
undefined() {
    nm -A --undefined-only "$1" | sed -nE 's/^.*[:\/]([^:\/]+):[ ]+[Uvw] ([^@ ]+).*$/\1 \2/p' |
        sed -E 's/ __(.*)_chk$/ \1/'
}

fail_if_any() { # MESSAGE, lines on standard input; fails if there are any
    if grep . >"$work/found"; then
        echo "$1:" >&2
        sed 's/^/  /' "$work/found" >&2
        return 1
    fi
    return 0
}

same() { # NAME GOT WANT
    sort -c "$3" || exit 1
    diff -u "$3" "$2" || { echo "$1 differs from $3" >&2; exit 1; }
}

case $1 in
needs)
    undefined "$2" >"$work/undefined"
    [ -s "$work/undefined" ] || { echo "$2: no symbols" >&2; exit 2; }
    forbidden="$printing|$ending|$process"
    [ "$3" = asserts ] && forbidden=$(echo "$forbidden" | sed 's/|__assert_fail|/|/')
    grep -E " ($forbidden)$" "$work/undefined" | fail_if_any "$2 must not need" || exit 1
    grep -E " ($blas)$" "$work/undefined" | grep -v '^math_blas\.c\.' |
        fail_if_any "BLAS threads are set in math/blas.c alone" || exit 1
    grep -E ' uselocale$' "$work/undefined" | grep -v '^base_sentence\.c\.' |
        fail_if_any "a thread's locale is set in base/sentence.c alone" || exit 1
    grep -E ' fesetround$' "$work/undefined" | grep -v '^base_rounding\.c\.' |
        fail_if_any "a thread's rounding mode is set in base/rounding.c alone" || exit 1
    ;;
serving)
    ours='predictor|products|program|request|request_lists|run|scratch|step_linear|steps'
    undefined "$2" | grep -E "^serve_($ours)\.c\." >"$work/serving"
    [ -s "$work/serving" ] || { echo "$2: no predictor" >&2; exit 2; }
    ours='mmoe_(gemm_|op|plan_|pool_|run_)'
    grep -E " (pthread_|mtx_|cnd_|sem_|cblas_|$ours)" "$work/serving" |
        fail_if_any "the predictor must not need" || exit 1
    grep -E '^serve_(request|run|step_linear|steps)\.c\.' "$work/serving" |
        grep -E ' (malloc|calloc|realloc|aligned_alloc|mmoe_alloc.*|mmoe_resize|mmoe_copy_text)$' |
        fail_if_any "a run must not need" || exit 1
    ;;
names)
    nm -g --defined-only "$2" | awk 'NF == 3 {print $3}' | sort -u >"$work/defined"
    [ -s "$work/defined" ] || { echo "$2: no symbols" >&2; exit 2; }
    # The address sanitizer adds a symbol for every global variable.
    grep -Ev '^(mmoe_|__odr_asan)' "$work/defined" | fail_if_any "$2: names without mmoe_" || exit 1
    ;;
exports)
    nm -D --defined-only "$2" | awk 'NF == 3 && $2 != "A" {print $3}' | sed 's/@.*//' |
        grep -v '^__odr_asan' | sort -u >"$work/exports"
    same "$2" "$work/exports" "$3"
    grep -v '^mmoe_' "$3" | fail_if_any "names without mmoe_" || exit 1
    ;;
declared)
    # A declaration begins with MMOE_API and its name stands before the first parenthesis.
    cat "$2"/mmoe/*.h | sed -nE 's/^MMOE_API [^(]*[ *](mmoe_[a-z0-9_]+)\(.*/\1/p' |
        sort -u >"$work/declared"
    headers=$2
    shift 2
    sort "$@" >"$work/listed"
    same "$headers" "$work/declared" "$work/listed"
    ;;
*) exit 2 ;;
esac
