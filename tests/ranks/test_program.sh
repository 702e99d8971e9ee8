#!/bin/sh
# mmoe-mpi: what one rank prints, once, and what it refuses.
#   test_program.sh MMOE MMOE_MPI MPIRUN
# MMOE_RANKS is how many there are, 2 unless said.
program=$(realpath "$2") mpirun=$3 here=$(realpath "$(dirname "$0")")
# shellcheck source=tests/cli/lib.sh
. "$here/../cli/lib.sh"
. "$here/mpi.sh"
ranks=${MMOE_RANKS:-2}

# By so many ranks, in $status, out and err.
run_ranks() { # RANKS ARGUMENT...
    n=$1
    shift
    run_job "$mpirun" "$n" "$program" "$@"
}

# The job must end with a status, and print a line once, in the file `out` or `err`, and no other of
# its own in either.
expect_line() { # STATUS RANKS FILE LINE ARGUMENT...
    wanted=$1 n=$2 file=$3 line=$4
    shift 4
    run_ranks "$n" "$@"
    ended "$wanted" && [ "$(grep -cxF -e "$line" "$file")" -eq 1 ] &&
        [ "$(cat out err | grep -c '^mmoe')" -eq 1 ]
    report $? "$n ranks exit $wanted \"$line\": mmoe-mpi $* (was $status)"
}

expect_line 0 "$ranks" out "$("$mmoe" --version)" --version
expect_line 1 "$ranks" err "mmoe pack: runs in one process, not by $ranks ranks" pack --train a.csv
expect_line 1 3 err 'mmoe: 3 ranks: their number must be a power of two, 1 to 64' --version
expect_line 2 "$ranks" err 'mmoe: unknown command "trian"' trian
for wait in "long train" "" "-5 train"; do
    # shellcheck disable=SC2086 # two words
    expect_line 2 "$ranks" err 'mmoe: --wait takes a number of seconds, 0 to 1e9' --wait $wait
    expect_line 2 "$ranks" err 'mmoe: --wait takes a number of seconds, 0 to 1e9' --wait="$wait"
done

# One rank is mmoe, and says that it is one.
run synth clicks --rows 50 --seed 7 --output wanted.csv
"$program" --wait=60 synth clicks --rows 50 --seed 7 --output got.csv >out 2>err &&
    cmp -s wanted.csv got.csv && grep -qx 'mmoe: one rank, as mmoe: mpirun or srun starts more' err
report $? "without a launcher it is mmoe"

# A model that ranks train is that of one process, byte by byte, and so is a run that goes on.
run synth clicks --rows 3000 --seed 7 --output rows.csv
cat >config.json <<'END'
{"features": {"sparse": [{"name": "1*"}, {"name": "2*"}], "dense": [{"name": "D*"}]},
 "tasks": [{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "purchase"}],
 "model": {"n_expert": 3, "expert_params": {"dims": [16], "dropout": 0.1}}}
END
set_keys="--set trainer.n_epoch=2 --set trainer.segments=8 --set trainer.batch_size=700"
train="train --config config.json --train rows.csv --valid rows.csv $set_keys --threads 1"
are_same() { # of the model files, the checkpoints, and the results
    [ "$status" -eq 0 ] && cmp -s one.safetensors many.safetensors && cmp -s one.ckpt many.ckpt &&
        cmp -s "$1" out
}
# shellcheck disable=SC2086 # a list of flags
{
    run $train --output one.safetensors --checkpoint one.ckpt
    mv out wanted
    run_ranks "$ranks" $train --output many.safetensors --checkpoint many.ckpt --log many.log
    are_same wanted && [ "$(grep -c '"epoch":' many.log)" -eq 2 ]
    report $? "$ranks ranks train the model of one process (was $status)"
    mv one.ckpt first.ckpt
    more="--set trainer.n_epoch=3"
    run $train $more --output one.safetensors --resume many.ckpt --checkpoint one.ckpt
    mv out wanted
    run_ranks "$ranks" $train $more --output many.safetensors --resume first.ckpt \
        --checkpoint many.ckpt
    are_same wanted
    report $? "$ranks ranks go on with a run of one process, and the other way round (was $status)"
    # Rows of tables that have an owner.
    tables="$train --set trainer.embedding_update=deferred --set trainer.optimizer=adamw"
    run $tables --output one.safetensors --checkpoint one.ckpt
    mv out wanted
    run_ranks "$ranks" $tables --output many.safetensors --checkpoint many.ckpt
    are_same wanted
    report $? "$ranks ranks train tables of which each owns rows (was $status)"
}
# Rows of a packed folder, of which each reads its lanes alone: two blocks, and nothing behind them.
run synth clicks --rows 32768 --seed 8 --config config.json --output rows.d
lanes="train --config config.json --train rows.d --set trainer.lanes=true --threads 1"
lanes="$lanes --set trainer.n_epoch=1 --set trainer.segments=8 --set trainer.batch_size=2048"
# shellcheck disable=SC2086 # a list of flags
{
    run $lanes --output one.safetensors --checkpoint one.ckpt
    mv out wanted
    run_ranks "$ranks" $lanes --output many.safetensors --checkpoint many.ckpt
    are_same wanted
    report $? "$ranks ranks train rows of which each reads its lanes (was $status)"
    rm rows.d/part-*/lanes.npy
    run_ranks "$ranks" $lanes --output many.safetensors
    [ "$status" -eq 0 ] && cmp -s one.safetensors many.safetensors &&
        [ "$(grep -c '^mmoe.*: trainer.lanes: .* has no lanes.npy' err)" -eq 1 ] &&
        grep -q ", as an older version packed it: each rank reads all of its rows; mmoe pack \
--like packs them anew" err
    report $? "or all rows of a folder without their checksums, which a warning says (was $status)"
}
least="each takes at least one segment of a batch"
expect_line 1 "$ranks" err \
    "mmoe train: trainer.segments is 1, and there are $ranks ranks: $least" \
    train --config config.json --train rows.csv --output x.safetensors
piped="rows of standard input are one process's: several ranks read files"
expect_line 2 "$ranks" err "mmoe train: $piped" \
    train --config config.json --train - --output x.safetensors

# One whose processor computes otherwise, or that has other rows before it.
cat >unlike.sh <<'END'
[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 0 ] || export MMOE_KERNELS=generic
exec "$@"
END
cat >other.sh <<'END'
[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 0 ] || cd other || exit 1
exec "$@"
END
run_unlike() { # SCRIPT ARGUMENT...
    script=$1
    shift
    run_job "$mpirun" 2 sh "$work/$script" "$program" "$@"
}
# shellcheck disable=SC2086 # a list of flags
{
    run $train --output one.safetensors
    run_unlike unlike.sh $train --output unlike.safetensors
    ended && [ "$(grep -c '^mmoe.*: ranks have unlike "kernels": ' err)" -eq 1 ] &&
        [ ! -e unlike.safetensors ]
    report $? "ranks of unlike kernels are refused (was $status)"
    run_unlike unlike.sh $train --allow-unlike --output unlike.safetensors
    [ "$status" -eq 0 ] && ! cmp -s one.safetensors unlike.safetensors &&
        [ "$(grep -c ': the weights are not those of one process to the bit' err)" -eq 1 ] &&
        grep -q 'warning: ranks have unlike "kernels": "[a-z0-9]*" on rank 0, "generic" on' err
    report $? "unless they may be, which a warning says (was $status)"
}
# shellcheck disable=SC2086 # a list of flags
for command in "evaluate --model one.safetensors --data rows.csv" \
    "sweep --config unlike.json --output unlike.sweep --threads 1"; do
    echo '{"config": "config.json", "train": "rows.csv", "valid": "rows.csv", "grid":
        {"trainer.n_epoch": [1], "trainer.batch_size": [500, 700]}}' >unlike.json
    run_unlike unlike.sh $command
    ended && [ "$(grep -c '^mmoe.*: ranks have unlike "kernels": ' err)" -eq 1 ]
    report $? "ranks of unlike kernels are refused: ${command%% *} (was $status)"
    what=": scores are not those of one process to the bit"
    case $command in
    sweep*) what=": the figures of a run are those of its rank to the bit" ;;
    esac
    run_unlike unlike.sh $command --allow-unlike
    [ "$status" -eq 0 ] && [ -s out ] && ! grep -v warning err | grep -q '^mmoe' &&
        [ "$(grep -c "warning: ranks have unlike \"kernels\": .*$what" err)" -eq 1 ]
    report $? "unless they may be: ${command%% *} (was $status)"
done
mkdir other
cp config.json one.safetensors other
head -n 2999 rows.csv >other/rows.csv
for command in "$train --allow-unlike --output x.safetensors" \
    "evaluate --model one.safetensors --data rows.csv --allow-unlike"; do
    # shellcheck disable=SC2086
    run_unlike other.sh $command
    ended && [ "$(grep -c '^mmoe' err)" -le 2 ] &&
        grep -qE '^mmoe.*: ranks have unlike "(training )?rows": ' err
    report $? "ranks that see other rows are refused: $(echo "$command" | cut -c 1-60)"
done
cp rows.csv other
sed 's/"n_expert": 3/"n_expert": 2/' config.json >other/config.json
# shellcheck disable=SC2086 # a list of flags
run_unlike other.sh $train --allow-unlike --output x.safetensors
ended && grep -q '^mmoe.*: ranks have unlike "configuration": ' err
report $? "and those that see another configuration (was $status)"
cp config.json other
head -n 2999 rows.csv >other/rows.csv

# Ranks evaluate to the figures of one process.
for how in "" "--auc binned --by 129 --json"; do
    # shellcheck disable=SC2086
    {
        run evaluate --model one.safetensors --data rows.csv $how
        mv out wanted
        run_ranks "$ranks" evaluate --model one.safetensors --data rows.csv $how
        [ "$status" -eq 0 ] && cmp -s wanted out
        report $? "$ranks ranks evaluate as one process does: $how"
    }
done
expect_line 2 "$ranks" err "mmoe evaluate: $piped" evaluate --model one.safetensors --data -

# A sweep's runs by ranks: what one process finds, a run that fails, and going on.
cat >sweep.json <<'END'
{"config": "config.json", "train": "rows.csv", "valid": "rows.csv", "seeds": 2,
 "grid": {"model.expert_params.batch_norm": [false], "tasks.0.tower_params.batch_norm": [false],
          "trainer.optimizer": ["sgd"], "trainer.optimizer_params.weight_decay": [50],
          "trainer.batch_size": [50], "trainer.optimizer_params.lr": [0.01, 0.001, 1000]}}
END
cp sweep.json other
# Rows without what a clock measured, in an order of their own.
figures() { awk -F, -v OFS=, '{ $(NF - 1) = $(NF - 2) = ""; print }' "$1/results.csv" | sort; }
table() { awk '{ NF = NF - 2; print }' "$1"; } # without rows/s
run sweep --config sweep.json --output alone --threads 1
mv out wanted
run_ranks "$ranks" sweep --config sweep.json --output shared --threads 1
[ "$status" -eq 1 ] && [ "$(figures alone)" = "$(figures shared)" ] &&
    [ "$(table wanted)" = "$(table out)" ] && [ "$(wc -l <shared/results.csv)" -eq 7 ]
report $? "$ranks ranks do a sweep as one process does (was $status)"
[ "$(grep -cE '^run .*lr=1000[^ ]* .*seed [12]  failed on rank [0-9]+: ' err)" -eq 2 ] &&
    grep -qx 'mmoe sweep: 2 of 6 runs failed; shared/results.csv has their messages' err
report $? "a run that fails is named, with its rank"
head -n 3 shared/results.csv >some
mv some shared/results.csv
run_ranks "$ranks" sweep --config sweep.json --output shared --threads 1
[ "$status" -eq 1 ] && [ "$(figures alone)" = "$(figures shared)" ] &&
    grep -qx 'mmoe sweep: 2 of 6 runs are done already' err
report $? "a sweep of $ranks ranks goes on (was $status)"
run_unlike other.sh sweep --config sweep.json --output unlike --threads 1 --allow-unlike
ended && [ "$(grep -c '^mmoe' err)" -eq 1 ] &&
    grep -q '^mmoe sweep: .*ranks have unlike "train": ' err && [ ! -e unlike ]
report $? "ranks that see other rows are refused: sweep (was $status)"
rm other/rows.csv
run_unlike other.sh sweep --config sweep.json --output unlike --threads 1
ended && [ "$(grep -c '^mmoe' err)" -eq 1 ] && grep -q '^mmoe.*: rank 1: .*rows.csv' err
report $? "a rank without the rows says so: sweep (was $status)"

# What a step sends is what plan says: the census shape, and beside it tables whose rows are updated
# when they are read, some of them far more often than others; and lists of such rows, whose ranks
# read lanes, and tell each other of them.
awk 'BEGIN {
    srand(5)
    for (c = 0; c < 32; c++) printf "s%d,", c
    for (c = 0; c < 7; c++) printf "d%d,", c
    print "id,words,x,y"
    for (r = 0; r < 20000; r++) {
        for (c = 0; c < 32; c++) printf "%d,", 16 * rand()
        for (c = 0; c < 7; c++) printf "%.3f,", rand()
        printf "%d", 100000 * rand() ^ 4
        between = ","
        for (c = 6 * rand(); c > 0; c--) {
            printf "%s%d", between, 100000 * rand() ^ 4
            between = "|"
        }
        printf ",%d,%d\n", 2 * rand(), 2 * rand()
    }
}' >shape.csv
# send_as_planned WHAT SPARSE FEATURES TRAINER: keys beside the shape's, each with a comma in front.
send_as_planned() {
    cat >shape.json <<END
{"features": {"sparse": [{"name": "s*", "vocab_size": 16, "embed_dim": 4}$2],
              "dense": [{"name": "d*"}]$3},
 "tasks": [{"name": "x", "label": "x", "tower_params": {"dims": [8]}},
           {"name": "y", "label": "y", "tower_params": {"dims": [8]}}],
 "model": {"n_expert": 8, "expert_params": {"dims": [16]}},
 "trainer": {"n_epoch": 1, "segments": 8, "batch_size": 2048$4}}
END
    run_ranks "$ranks" train --config shape.json --train shape.csv --output shape.safetensors --json
    mv out sent
    run plan --config shape.json --train shape.csv --ranks "$ranks" --bandwidth 10 --latency .1 \
        --json
    check "$ranks ranks send what plan says, to 10 %: $1" python3 - <<'CHECK'
import json
sent, plan = json.load(open("sent"))["ranks"], json.load(open("out"))
said = plan["ranks"]["hosts"][-1]["bytes"]
print(sent, said, [t["update"] for t in plan["tables"] if t["update"] != "dense"])
assert sent["ranks"] == plan["ranks"]["hosts"][-1]["hosts"] and sent["steps"] >= 2
assert abs(sent["step_bytes"] - said) <= .1 * said
CHECK
}
table='"vocab_size": 100000, "embed_dim": 16}'
rarely=', "embedding_update": "deferred"'
send_as_planned "lists of rows, by lanes" "" \
    ", \"sequence\": [{\"name\": \"words\", $table]" "$rarely, \"lanes\": true, \"memory\": 100"
head -n 4097 shape.csv >part.csv
mv part.csv shape.csv
send_as_planned "the census shape" "" "" ""
send_as_planned "a table of many rows" ", {\"name\": \"id\", $table" "" "$rarely"

# Each rank has a part of that table alone; the first judges what was saved.
parts="train --config shape.json --train shape.csv --valid shape.csv --threads 1"
parts="$parts --set trainer.embedding_update=deferred --set trainer.optimizer=adamw"
# shellcheck disable=SC2086 # a list of flags
{
    run $parts --output one.safetensors --checkpoint one.ckpt
    mv out wanted
    run_ranks "$ranks" $parts --output many.safetensors --checkpoint many.ckpt
    [ "$status" -eq 0 ] && cmp -s one.safetensors many.safetensors && cmp -s wanted out
    report $? "$ranks ranks train a large table of which each has rows (was $status)"
    [ "$(echo many.ckpt.rows-1-* | wc -w)" -eq "$ranks" ]
    report $? "each of them writes its own to the checkpoint"
    more="--set trainer.n_epoch=2"
    run $parts $more --output one.safetensors --resume many.ckpt --checkpoint two.ckpt
    mv out wanted
    run_ranks "$ranks" $parts $more --output many.safetensors --resume one.ckpt \
        --checkpoint many.ckpt
    [ "$status" -eq 0 ] && cmp -s one.safetensors many.safetensors && cmp -s wanted out &&
        [ "$(echo many.ckpt.rows-* | wc -w)" -eq "$ranks" ] && [ -e many.ckpt.rows-2-0 ]
    report $? "one process goes on with that, and $ranks ranks with one process's (was $status)"
    rm many.ckpt.rows-2-1
    for n in 1 "$ranks"; do
        run_ranks "$n" $parts $more --output x.safetensors --resume many.ckpt
        ended && [ "$(grep -c '^mmoe.*many.ckpt.rows-2-1: .*: No such file' err)" -eq 1 ]
        report $? "rows that are missing are named, by $n ranks (was $status)"
    done
}

# A rank that is given too little memory for its part of a table says so, and all end.
cat >poor.sh <<'END'
[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 0 ] || ulimit -v 950000
exec "$@"
END
sed 's/"vocab_size": 100000/"vocab_size": 6000000/' shape.json >large.json
run_unlike poor.sh train --config large.json --train shape.csv --output large.safetensors \
    --threads 1 --set trainer.embedding_update=deferred --set trainer.optimizer=adamw
ended && [ "$(grep -c '^mmoe' err)" -eq 1 ] && [ ! -e large.safetensors ] &&
    grep -qE '^mmoe.*: rank 1: .*"?id"?.*(model and training take|memory)' err
report $? "a rank without memory for its rows of a table is named (was $status)"

# Shards that are there, and are not what was written.
# shellcheck disable=SC2086 # a list of flags
{
    refuse_shards() { # LINE: by one rank's words, of one process and of several
        for n in 1 "$ranks"; do
            run_ranks "$n" $parts $more --output x.safetensors --resume many.ckpt \
                --set trainer.seed=2022
            ended && [ "$(grep -c '^mmoe' err)" -eq "$((1 + (n == 1)))" ] &&
                [ "$(grep -c "^mmoe.*$1" err)" -eq 1 ]
            report $? "$n ranks refuse it: $1 (was $status)"
        done
    }
    # Of another run, but of the same save: the first, where no other is.
    for seed in 5 2022; do
        rm -f many.ckpt*
        run_ranks "$ranks" $parts --output many.safetensors --checkpoint many.ckpt \
            --set trainer.seed=$seed
        set -- many.ckpt.rows-*-1
        cp "$1" rows.$seed
    done
    cp rows.5 "$1"
    refuse_shards 'bytes are not those that were written with many.ckpt (checksum)'
    cp rows.2022 kept.rows
    cp "${1%1}0" "$1"
    refuse_shards 'this is shard 0 of .*, where 1 of '
    head -c 5000 kept.rows >"$1"
    refuse_shards 'the shard has 5000 bytes, and [0-9]* were written'
    cp kept.rows "$1"
    printf 'x' | dd of="$1" bs=1 seek=$(($(wc -c <"$1") - 99)) conv=notrunc 2>/dev/null
    refuse_shards 'bytes are not those that were written with many.ckpt (checksum)'
    rm "$1"
    mkdir "$1"
    refuse_shards 'many.ckpt.rows-[0-9]*-1: '
    rmdir "$1"
}

# A library of another version: its file, patched. (Other texts may be the end of this one.)
version=$("$mmoe" --version | sed 's/^mmoe //')
mkdir lib
for file in "$(dirname "$program")"/../src/libmmoe*.so.?; do
    sed "s/$version/9${version#?}/g" "$file" >"lib/$(basename "$file")"
done
cat >version.sh <<'END'
[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 0 ] || export LD_LIBRARY_PATH="$PWD/lib"
exec "$@"
END
unlike="\"$version\" on rank 0, \"9${version#?}\" on rank 1"
# shellcheck disable=SC2086 # a list of flags
for command in "$train --output x.safetensors" \
    "evaluate --model one.safetensors --data shape.csv" \
    "sweep --config sweep.json --output other.sweep --threads 1"; do
    run_unlike version.sh $command
    ended && [ "$(grep '^mmoe' err | grep -vc warning)" -eq 1 ] &&
        [ "$(grep -c "^mmoe.*: ranks have unlike \"[a-z' ]*\": $unlike" err)" -eq 1 ]
    report $? "ranks of unlike libraries are refused: ${command%% *} (was $status)"
done

# Rows that are not there, and lanes without any.
expect_one() { # STATUS TEXT ARGUMENT...: by one rank's words
    wanted=$1 text=$2
    shift 2
    run_ranks "$ranks" "$@"
    ended "$wanted" && [ "$(grep -c "^mmoe" err)" -eq 1 ] &&
        [ "$(grep -c "^mmoe.*$text" err)" -eq 1 ]
    report $? "$ranks ranks exit $wanted \"$text\": $* (was $status)"
}
expect_one 1 'nowhere.d' train --config config.json --train nowhere.d --output x.safetensors
mkdir empty.d
expect_one 1 'empty.d' train --config config.json --train empty.d --output x.safetensors
run synth clicks --rows 20 --seed 8 --config config.json --output few.d
few="train --config config.json --train few.d --set trainer.lanes=true --threads 1"
few="$few --set trainer.n_epoch=2 --set trainer.segments=8 --set trainer.batch_size=128"
# shellcheck disable=SC2086 # a list of flags
{
    run $few --output one.safetensors --checkpoint one.ckpt
    mv out wanted
    run_ranks "$ranks" $few --output many.safetensors --checkpoint many.ckpt
    are_same wanted
    report $? "$ranks ranks train 20 rows, of which most lanes have none (was $status)"
}

# A disk that is full, at each of the files of the first.
# shellcheck disable=SC2086 # a list of flags
for file in output log checkpoint; do
    set -- --output x.safetensors
    [ $file = output ] && set -- --output /dev/full || set -- "$@" --$file /dev/full
    run_ranks "$ranks" $few "$@"
    ended && [ "$(grep '^mmoe.*/dev/full' err | grep -vc warning:)" -eq 1 ]
    report $? "the disk is full: --$file (was $status)"
done
finish
