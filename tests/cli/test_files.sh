#!/bin/sh
# shellcheck disable=SC2016
# Outputs: whole or not at all, in the place and with the mode that they had.
no_unnamed=${2:+$(realpath "$2")} # to be preloaded: a system where temporary files have names
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
make_data 400
expect 0 "" train --config config.json --train train.csv --output m.safetensors
predict="predict --model m.safetensors --data test.csv --output"

same_folder() { # DESCRIPTION
    ls -A >after
    check "$1" cmp -s before after
}

mkdir deep
umask 022
# shellcheck disable=SC2086
{
    expect 0 "" $predict scores.csv
    ln -s deep/scores.csv link.csv
    expect 0 "" $predict link.csv
    check "a dangling link's file is made" [ -L link.csv -a -f deep/scores.csv ]
    chmod 600 deep/scores.csv
    : >deep/scores.csv
    expect 0 "" $predict link.csv
    check "a link stays one" [ -L link.csv ]
    check "what it points to is written" cmp -s deep/scores.csv scores.csv
    check "and keeps its mode" [ "$(stat -c %a deep/scores.csv)" = 600 ]
    ln -s deep/model.safetensors link.safetensors
    expect 0 "" train --config config.json --train train.csv --output link.safetensors
    check "a dangling link's model is made" [ -L link.safetensors -a -f deep/model.safetensors ]
}

# Standard output is no place for a model, a log, weights: "-" is no file's name there.
for flag in output log checkpoint profile; do
    [ $flag = output ] && more= || more="--output m.out"
    # shellcheck disable=SC2086 # words
    expect 2 "--$flag: this file is not written to standard output" train --config config.json \
        --train train.csv --$flag - $more
    check "no file of that name" [ ! -e ./- ]
done
expect 2 "--output: this file is not written to" export --model m.safetensors --format onnx \
    --output -
expect 2 "--output: this file is not written to" import --config config.json --weights \
    m.safetensors --columns train.csv --output -

# What is open already is written on, as it was opened: behind what stands there.
# shellcheck disable=SC2086
{
    { echo before && "$mmoe" $predict /dev/stdout && "$mmoe" $predict /dev/fd/1; } >both.csv \
        2>err
    { echo before && cat scores.csv scores.csv; } >wanted.csv
    check "scores go behind what standard output has" cmp both.csv wanted.csv
    "$mmoe" $predict /dev/fd/3 3>>both.csv 2>err
    cat scores.csv >>wanted.csv
    check "and behind what another descriptor has" cmp both.csv wanted.csv
    expect 1 "--output: /dev/stdout is an open file, which is not replaced" train --config \
        config.json --train train.csv --output /dev/stdout
    echo before >run.log
    "$mmoe" train --config config.json --train train.csv --output m.out --log /dev/stdout \
        >>run.log 2>err
    check "a log, too" [ "$(sed 's/.*"version".*/run/; s/.*"epoch".*/epoch/; 6s/.*/result/' \
        run.log | tr '\n' ' ')" = "before run epoch epoch epoch result " ]
    cp test.csv rows.csv
    "$mmoe" predict --model m.safetensors --data rows.csv --output - >>rows.csv 2>err
    check "what is read is not written to" [ $? -eq 2 -a "$(cmp rows.csv test.csv)" = "" ]
    rm both.csv wanted.csv run.log m.out rows.csv
}

# What a killed run of the same process number left.
printf '#!/bin/sh\n: >s.csv.$$.tmp; : >.mmoe-$$-0.tmp; exec "$@"\n' >namesake
wrapper="sh ./namesake"
# shellcheck disable=SC2086
expect 0 "" $predict s.csv
wrapper=""
check "a namesake's leftovers do not block" cmp -s s.csv scores.csv
rm -f s.csv.*.tmp .mmoe-*.tmp

# Is there a file of this process, without a name or with a temporary one, that has bytes?
writes() { # PROCESS
    for fd in "/proc/$1/fd"/*; do
        case $(readlink "$fd") in
        "$PWD/"*" (deleted)" | "$PWD/.mmoe-"*) [ -s "$fd" ] && return ;;
        esac
    done
    return 1
}

# Stopped while it writes, which takes minutes.
stopped() { # SIGNAL DESCRIPTION
    : >after
    ls -A >before
    LD_PRELOAD=$preload "$mmoe" synth clicks --rows 30000000 --output big.csv 2>err &
    pid=$!
    while kill -0 "$pid" 2>/dev/null && ! writes "$pid"; do :; done
    kill -s "$1" "$pid" 2>/dev/null
    wait "$pid"
    status=$?
    check "$2: ended by the signal (was $status)" [ "$status" -gt 128 ]
}
ends=TERM
[ "$hangup" = TERM ] || ends="TERM $hangup"
preload=""
for signal in $ends KILL; do
    stopped $signal "$signal, without names"
    same_folder "$signal, without names: nothing is left"
done
if [ -n "$no_unnamed" ]; then
    preload=$no_unnamed
    for signal in $ends; do
        stopped $signal "$signal, with names"
        same_folder "$signal, with names: nothing is left"
    done
    stopped KILL "KILL, with names"
    check "KILL, with names: something is left" [ "$(ls -A)" != "$(cat before)" ]
    preload=""
    expect 0 "" predict --model m.safetensors --data test.csv --output big.csv
    check "the next run's scores are whole" cmp -s big.csv scores.csv
    rm -f big.csv
    same_folder "and it removes what the killed one left"
fi
finish
