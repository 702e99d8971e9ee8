# shellcheck shell=sh
# Sourced by the program's tests: sh test_NAME.sh MMOE_PROGRAM. Each check prints a line "ok ..." or
# "not ok ...".
set -u
mmoe=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
cd "$work" || exit 1
failures=0

report() { # STATUS DESCRIPTION
    if [ "$1" -eq 0 ]; then
        echo "ok $2"
    else
        failures=$((failures + 1))
        echo "not ok $2"
        sed 's/^/#   /' out err 2>/dev/null | cut -c 1-400
    fi
}

# Runs the program, by $wrapper if there is one: its exit status in $status, its output in the files
# out and err.
wrapper=""
run() {
    $wrapper "$mmoe" "$@" >out 2>err
    status=$?
}

# Whether a sanitizer slows the program down.
is_sanitized() { grep -qF __asan_init "$mmoe"; }

# A shell command that must be true.
check() { # DESCRIPTION COMMAND...
    description=$1
    shift
    "$@" >/dev/null 2>&1
    report $? "$description"
}

# The program must end with a status and, on standard error, have a text (a fixed string); "" is
# any.
expect() { # STATUS TEXT ARGUMENT...
    wanted=$1 text=$2
    shift 2
    run "$@"
    [ "$status" -eq "$wanted" ] && { [ -z "$text" ] || grep -qF -e "$text" err; }
    report $? "exit $wanted \"$text\": mmoe $(echo "$*" | cut -c 1-160) (was $status)"
}

# A small file of rows, and what a model of them is: rows.csv, config.json.
few_clicks() {
    cat >config.json <<'JSON'
{"features": {"sparse": [{"name": "user"}], "dense": [{"name": "price"}]},
 "tasks": [{"name": "ctr", "label": "click"}], "model": {"n_expert": 2},
 "trainer": {"n_epoch": 2, "batch_size": 16}}
JSON
    awk 'BEGIN { print "user,price,click"
        for (i = 0; i < 60; i++) print i * 7 % 10 "," i % 8 / 8 "," i % 3 % 2 }' >rows.csv
}

# A failure that leaves nothing behind: neither the file nor a temporary one beside it.
expect_nothing_left() { # FILE
    [ ! -e "$1" ] && ! ls "$1".* >/dev/null 2>&1 && ! ls "$(dirname "$1")"/.mmoe-* >/dev/null 2>&1
    report $? "nothing is left of $1"
}

# The signal of a terminal that goes, or TERM where whoever runs this ignores that one (nohup), and
# so does the program: the last bit is its own.
# shellcheck disable=SC2034 # used by tests
hangup=HUP
case $(sed -n 's/^SigIgn:.*\(.\)$/\1/p' /proc/self/status) in [13579bdf]) hangup=TERM ;; esac

# Sends SIGNALS, words, to a command as soon as a check is true, and waits for its end: $status. A
# command that ended before that, since this shell had to wait for its turn, has another try, and so
# has one that had come so far that the command too_late is true. START and CHECK are functions;
# START is run before each try.
too_late=false
cut_off() { # SIGNALS START CHECK COMMAND...
    signals=$1 start=$2 ready=$3
    shift 3
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        $start
        "$@" >out 2>err &
        pid=$!
        while kill -0 $pid 2>/dev/null && ! $ready; do sleep 0.01; done
        # A millisecond apart: what follows at once the system may give as one.
        for one in $signals; do kill -"$one" $pid 2>/dev/null && sleep 0; done
        wait $pid 2>/dev/null
        status=$?
        [ "$status" -eq 0 ] || $too_late || break
    done
}

finish() {
    [ "$failures" -eq 0 ]
    exit
}

# A small click log and its configuration.
make_data() { # ROWS
    rows=$1
    "$mmoe" synth clicks --rows "$rows" --seed 7 --output train.csv 2>/dev/null &&
        "$mmoe" synth clicks --rows 1000 --seed 7 --first-row "$rows" --output valid.csv \
        2>/dev/null &&
        "$mmoe" synth clicks --rows 1000 --seed 7 --first-row $((rows + 1000)) --output test.csv \
        2>/dev/null &&
        cat >config.json <<'JSON'
{
  "features": {"sparse": [{"name": "*", "embed_dim": 4}],
      "dense": [{"name": "D*", "transform": "standardize"}]},
  "tasks": [
    {"name": "cvr", "label": "purchase", "type": "classification", "tower_params": {"dims": [4]}},
    {"name": "ctr", "label": "click", "type": "classification", "tower_params": {"dims": [4]}}
  ],
  "model": {"name": "mmoe", "n_expert": 3, "expert_params": {"dims": [8], "dropout": 0.1}},
  "trainer": {"batch_size": 64, "n_epoch": 3, "seed": 3}
}
JSON
}
