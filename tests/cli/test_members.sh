#!/bin/sh
# Models of several members (model.members): what they are, files, runs that are cut off, and all
# that reads or makes models.
# shellcheck disable=SC2086 # lists of flags
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
make_data 3000
sed -i 's/"n_expert": 3/"linear": true, "n_expert": 3/
    s/"seed": 3/"seed": 3, "earlystop_patience": 1, "n_epoch": 6/; s/"n_epoch": 3, //' config.json
rows="--config config.json --train train.csv --valid valid.csv"
three="$rows --set model.members=3"
scores() { "$mmoe" predict --model "$1" --data test.csv --output "$2" 2>err; }
# Scores of $1 are the means of those of the files behind it, but for a rounding.
are_means() {
    whole=$1
    shift
    paste -d, "$whole" "$@" | awk -F, -v members=$# 'NR > 1 {
        for (task = 1; task <= 2; task++) {
            mean = 0
            for (m = 1; m <= members; m++) mean += $(2 * m + task) / members
            if ($task - mean > 3e-7 || mean - $task > 3e-7) wrong++
        }
        if ($1 != $3) differ++
    } END { exit !(NR > 900 && !wrong && differ > NR / 2) }'
}

# Whole models of the seeds that follow, each with its own best epoch.
for seed in 3 4 5; do
    expect 0 "" train $rows --set trainer.seed=$seed --output $seed.m
    scores $seed.m $seed.csv
done
expect 0 "member 3/3  epoch " train $three --output m --test test.csv --log log.jsonl --json
mv out json
check "the log names members" grep -q '"member":2' log.jsonl
scores m m.csv
check "scores are the means of those of three models" are_means m.csv 3.csv 4.csv 5.csv
! are_means m.csv 3.csv 4.csv
report $? "and not those of two"
expect 0 "" train $three --output m2 --threads 3
check "the same with three threads" cmp m m2
expect 0 "" evaluate --model m --data test.csv --json
auc_of() { grep -o '"auc": *[0-9.]*' "$1"; }
check "train and evaluate say the same" [ "$(auc_of out)" = "$(auc_of json)" ]
figure() { # MODEL: the validation AUC that it keeps
    "$mmoe" inspect --model "$1" --json | sed -n 's/.*"training.cvr.auc": *"\([^"]*\)".*/\1/p'
}
"$mmoe" evaluate --model m --data valid.csv --json >valid.json 2>err
check "the file has the figures of all members" grep -qF "$(figure m | cut -c 1-6)" valid.json
check "which are no single one's" [ "$(figure m)" != "$(figure 3.m)" ]

# Of every model.
for name in single_task shared_bottom omoe cgc ple esmm aitm cross_stitch; do
    one='"name": "'$name'", "linear": true'
    sed "s/\"model\": {.*/\"model\": {$one},/; s/ctr/second/; s/cvr/first/" config.json >$name.json
    short="train --config $name.json --train train.csv --set trainer.n_epoch=1"
    for seed in 3 4; do
        expect 0 "" $short --set trainer.seed=$seed --output $seed.one
        scores $seed.one $seed.one.csv
    done
    expect 0 "" $short --set model.members=2 --output two.m
    scores two.m two.csv
    check "$name: means of two" are_means two.csv 3.one.csv 4.one.csv
done

# What reads a model, and what makes another of it.
expect 0 "of the first of 3 members" inspect --model m --data test.csv
expect 0 "" report --model m --data test.csv --log log.jsonl --output page.html
check "the page says so" grep -q "whose predictions are averaged" page.html
check "and whose figures it has" grep -q "validation, the first member" page.html
expect 0 "" export --model m --tables int8 --output int8
scores int8 int8.csv
for seed in 3 4 5; do
    expect 0 "" export --model $seed.m --tables int8 --output $seed.8
    scores $seed.8 $seed.8.csv
done
check "narrow tables of each" are_means int8.csv 3.8.csv 4.8.csv 5.8.csv
expect 0 "" export --model m --format onnx --output m.onnx
expect 0 "" train $three --from m --output again --set trainer.n_epoch=1
expect 0 "" train $three --from m --grow --output grown --set trainer.n_epoch=1
check "a model that has no new values begins as the old one" cmp again grown
expect 1 'tensor "member.2.' train $three --from 3.m --output x
for members in 1 2; do
    expect 1 "the configuration has $members members (model.members), the model 3" train $rows \
        --set model.members=$members --from m --grow --output x
done
expect 0 "" import --shrink 1 --weights m --data train.csv --output less
scores less less.csv
check "values that rows have stay" cmp less.csv m.csv

# Weights alone, by torch's names; narrow tables of few columns.
mkdir few
cd few || exit 1
few_clicks
expect 0 "" train --config config.json --set model.members=5 --train rows.csv --output five.m
expect 0 "" export --model five.m --tables int8 --output five.8
expect 0 "" predict --model five.8 --data rows.csv --output five.csv
for members in 1:one 2:two; do
    sed "s/\"user\"/&, \"vocab_size\": 10/; s/\"n_expert\"/\"members\": ${members%:*}, &/" \
        config.json >"${members#*:}.json"
done
expect 0 "" train --config two.json --train rows.csv --output two.m
expect 0 "" export --model two.m --format safetensors --output two.w
expect 0 "" import --config two.json --weights two.w --output back.m
for model in two back; do
    expect 0 "" predict --model $model.m --data rows.csv --output $model.csv
done
check "weights come back" cmp back.csv two.csv
expect 0 "" train --config one.json --train rows.csv --output one.m
expect 0 "" export --model one.m --format safetensors --output one.w
expect 1 'tensor "member.2.' import --config two.json --weights one.w --output x
expect 1 'tensor "member.2.' import --config one.json --weights two.w --output x
cd ..

expect 0 "" plan --config config.json --train train.csv --set model.members=3
check "plan says of how many" grep -q "^of 3 members; tables and a step are those of one" out
cat >sweep.json <<'JSON'
{"config": "config.json", "train": "train.csv", "valid": "valid.csv", "seeds": [3],
 "grid": {"trainer.n_epoch": [2], "model.members": [1, 2]}}
JSON
expect 0 "" sweep --config sweep.json
check "a sweep over members" awk -F, 'NR > 1 { size[$2] = $NF }
    END { exit !(size[1] > 0 && size[2] == 2 * size[1]) }' sweep.sweep/summary.csv

# Cut off in the second member, and before it; what an earlier run has left is not taken.
is_at() { grep -q "\"member\":$member" cut.jsonl && [ -e cut.ckpt ]; }
begin() { rm -f cut.m cut.jsonl cut.ckpt; : >cut.jsonl; }
is_late() { grep -q '"result"' cut.jsonl; }
# shellcheck disable=SC2034 # used by cut_off
too_late=is_late
long="$three --set trainer.n_epoch=25 --set trainer.earlystop_patience=0"
expect 0 "" train $long --output long.m
for member in 1 2 3; do
    for signal in TERM KILL; do
        cut_off $signal begin is_at "$mmoe" train $long --output cut.m --checkpoint cut.ckpt \
            --log cut.jsonl
        check "SIG$signal in member $member" [ "$status" -ne 0 ]
        expect 0 "" train $long --output cut.m --resume cut.ckpt
        check "the same model as in one go" cmp cut.m long.m
    done
done
check "checkpoints of members" [ -s cut.ckpt.member2 ] && [ -s cut.ckpt.member3 ]
expect 0 "the run that is continued is over" train $long --output cut.m --resume cut.ckpt
check "and is still the same" cmp cut.m long.m
# Under another name, from where the first one is finished.
rm cut.ckpt.member3
expect 0 "" train $long --output cut.m --resume cut.ckpt --checkpoint moved.ckpt
check "the same model" cmp cut.m long.m
expect 0 "the run that is continued is over" train $long --output cut.m --resume moved.ckpt
check "and by the new files alone" cmp cut.m long.m
# What is refused takes no file away.
expect 1 "trainer.memory is 40 MB" train $long --output x --checkpoint moved.ckpt \
    --set trainer.memory=40
check "members' files stay" [ -s moved.ckpt.member2 ] && [ -s moved.ckpt.member3 ]
cp cut.ckpt.member2 other.ckpt
expect 1 "--resume: " train $rows --output x --resume cut.ckpt
expect 1 "--resume: " train $long --output x --resume other.ckpt

# Wrong
expect 2 "model.members" train $rows --set model.members=0 --output x
expect 2 "model.members" train $rows --set model.members=65 --output x
head -c 9000 m >short
expect 1 "short" predict --model short --data test.csv --output x
expect_nothing_left x
finish
