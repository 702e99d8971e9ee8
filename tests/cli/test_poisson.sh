#!/bin/sh
# Counts: a task of type poisson begins at the mean, learns means, is judged by its deviance.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
# Users whose mean is 0.5, 2, 8: in every eight rows their counts sum up to 4, 16, 64.
awk 'BEGIN {
    print "user,visits"
    split("0 1 0 1 0 0 2 0 1 3 2 0 2 4 1 3 8 6 9 11 7 5 10 8", count, " ")
    for (i = 0; i < 480; i++) print int(i / 8) % 3 "," count[i % 24 + 1]
}' >train.csv
cat >config.json <<'JSON'
{
  "features": {"sparse": [{"name": "user", "embed_dim": 4}]},
  "tasks": [{"name": "visits", "label": "visits", "type": "poisson"}],
  "trainer": {"n_epoch": 100, "batch_size": 48, "optimizer_params": {"lr": 0.02}}
}
JSON
expect 0 "" train --config config.json --train train.csv --valid train.csv --output m --json
figure() { sed -n "s/.*\"$1\": *\\([0-9.]*\\).*/\\1/p" out | head -n 1; }
expect 0 "" evaluate --model m --data train.csv --json
check "the means are learned: calibration $(figure calibration)" \
    awk "BEGIN { exit !($(figure calibration) > .97 && $(figure calibration) < 1.03) }"
# The deviance of the users' own means is 0.813; that of one mean for all 3.83.
check "what no model would give: $(figure base_deviance)" [ "$(figure base_deviance |
    cut -c 1-5) $(figure constant)" = "3.827 3.5" ]
check "the deviance is that of the users' means: $(figure deviance)" \
    awk "BEGIN { exit !($(figure deviance) > 0.813 && $(figure deviance) < 0.863) }"
sed '1,200!d' train.csv >part.csv
expect 0 "" evaluate --model m --data part.csv --json
check "the constant is the training rows' mean" [ "$(figure constant)" = 3.5 ]
printf 'user\n0\n1\n2\n' >users.csv
expect 0 "" predict --model m --data users.csv --output scores.csv
check "scores are means" awk 'NR > 1 {
    m = NR == 2 ? .5 : NR == 3 ? 2 : 8
    if ($1 < .8 * m || $1 > 1.2 * m) exit 1
}' scores.csv
sed 's/,11$/,-1/' train.csv >wrong.csv
expect 1 '"-1" is less than 0' train --config config.json --train wrong.csv --output n
sed 's/,11$/,1e39/' train.csv >wrong.csv
expect 1 'column "visits": "1e39"' train --config config.json --train wrong.csv --output n
sed 's/,11$/,many/' train.csv >wrong.csv
expect 1 'column "visits": "many"' train --config config.json --train wrong.csv --output n
expect 2 "positive_weight" train --config config.json --train train.csv --output n \
    --set tasks.0.positive_weight=2
expect_nothing_left n
finish
