# shellcheck shell=sh disable=SC2034
# Sourced.
failures=0

check() { # DESCRIPTION COMMAND...
    description=$1
    shift
    if "$@" >log 2>&1; then
        echo "ok $description"
    else
        failures=$((failures + 1))
        echo "not ok $description"
        sed 's/^/#   /' log | tail -40
    fi
}

# Writes old.mm, new.mm, and the scores of the examples' events, old.csv and new.csv.
make_models() { # PROGRAM...
    cat >config.json <<'JSON'
{
  "features": {"sparse": [{"name": "user", "embed_dim": 4, "side": "user"},
      {"name": "item", "embed_dim": 4}],
               "dense": [{"name": "price", "transform": "log1p_standardize"}]},
  "tasks": [
    {"name": "ctr", "label": "click", "type": "classification", "tower_params": {"dims": [4]}},
    {"name": "value", "label": "paid", "type": "regression", "tower_params": {"dims": [4]}}
  ],
  "score": "ctr * 2 - value",
  "model": {"name": "mmoe", "n_expert": 3, "expert_params": {"dims": [8]}},
  "trainer": {"batch_size": 64, "n_epoch": 1}
}
JSON
    awk 'BEGIN { print "user,item,price,click,paid"
        for (i = 0; i < 600; i++) printf "%d,%d,%.2f,%d,%.1f\n", 100 + i % 7 * 15, i * 5 % 11,
            i % 40 / 4, i % 3 == 0, i % 5 / 2 }' >train.csv
    printf 'user,item,price\n101,7,3.5\n101,9,12\n101,4,0.75\n' >events.csv
    for which in old new; do
        [ $which = old ] && seed=1 || seed=2
        "$@" train --config config.json --set trainer.seed=$seed --train train.csv --output \
            $which.mm 2>train.log &&
            "$@" predict --model $which.mm --data events.csv --output scored.csv 2>>train.log ||
            { cat train.log >&2; return 1; }
        sed 1d scored.csv >$which.csv
    done
}

# What serve.c must print of both models.
expected_of_c() {
    for version in 1 2; do
        [ $version = 1 ] && file=old.csv || file=new.csv
        paste -d' ' events.list $file | sed "s/^/version $version: item /; s/ \([^ ]*\)$/: \1/"
        paste -d, events.list $file | awk -F, '{ printf "%s %.6g\n", $1, $2 * 2 - $3 }' |
            sort -k2,2gr | head -2 |
            sed "s/^\([0-9]*\) /version $version: best: item \1: /"
    done
}
