#!/bin/sh
# test_ali_ccp.sh MMOE_PROGRAM ALI-CCP: the raw files of Ali-CCP, small ones that are written here,
# as CSV: every value, every weight, in bounded memory, whole or not at all.
here=$(cd "$(dirname "$0")" && pwd)
tool=$(realpath "$2")
# shellcheck source=tests/cli/lib.sh
. "$here/lib.sh"
command -v python3 >/dev/null || exit 77
program=$mmoe
mmoe=$tool # what `expect` runs

# A feature list of items FIELD/ID/WEIGHT.
list() {
    echo "$*" | awk '{
        for (i = 1; i <= NF; i++) {
            split($i, part, "/")
            printf "%s%s\002%s\003%s", (i > 1 ? "\001" : ""), part[1], part[2], part[3]
        }
    }'
}
common() { # ID ITEM...
    id=$1
    shift
    printf '%s,%s,%s\n' "$id" $# "$(list "$@")"
}
sample() { # ID,CLICK,PURCHASE,COMMON ITEM...
    row=$1
    shift
    printf '%s,%s,%s\n' "$row" $# "$(list "$@")"
}
write_raw() {
    rm -rf raw csv
    mkdir -p raw/sample_test
    {
        common bacff91692951881 101/7/1.0 109_14/31/2.3979 110_14/41/0.69315 121/3/1.0 \
            109_14/32/1.38629 110_14/42/1.09861 110_14/41/4 127_14/51/3.04452 150_14/61/.5 \
            127/9/1.0
        common 84dceed2 101/8/1.0
    } >raw/common_features_train.csv
    {
        sample 1,0,0,84dceed2 205/70/1.0 206/31/1.0 210/80/1.0 210/81/1.0 301/1/1.0
        sample 2,1,1,bacff91692951881 216/51/1.0 207/41/1.0 508/31/2.30259 853/61/1.6 853/62/1e-2
        sample 3,0,1,bacff91692951881 205/71/1.0 509/41/1 702/51/0
        echo 4,1,0,84dceed2,0,
    } >raw/sample_skeleton_train.csv
    common t1 101/9/1.0 >raw/sample_test/common_features_test.csv
    sample 1,1,0,t1 205/72/1.0 >raw/sample_test/sample_skeleton_test.csv
}
header=click,purchase,205,206,207,210,216,301,508,509,702,853
header=$header,101,121,122,124,125,126,127,128,129,109_14,110_14,127_14,150_14
lists=31:2.3979\|32:1.38629,41:0.69315\|42:1.09861\|41:4,51:3.04452,61:.5
cat >train.csv <<CSV
$header
0,0,70,31,,80|81,,1,,,,,8,,,,,,,,,,,,
1,1,,,41,,51,,31:2.30259,,,61:1.6|62:1e-2,7,3,,,,,9,,,$lists
0,1,71,,,,,,,41:1,51:0,,7,3,,,,,9,,,$lists
1,0,,,,,,,,,,,8,,,,,,,,,,,,
CSV
printf '%s\n1,0,72,,,,,,,,,,9,,,,,,,,,,,,\n' "$header" >test.csv

write_raw
expect 0 "csv/train.csv: 4 rows, 2 clicks, 2 purchases" csv --raw raw
check "both files are named" [ "$(cat out)" = "$(printf 'csv/train.csv\ncsv/test.csv')" ]
check "purchases without a click are counted" grep -qxF \
    "ali-ccp: warning: csv/train.csv: 1 rows have a purchase and no click; they are kept" err
check "and there is no other warning" [ "$(grep -c warning err)" -eq 1 ]
check "every value and weight is kept" cmp csv/train.csv train.csv
check "so it is of the other pair, in a folder of its own" cmp csv/test.csv test.csv
check "nothing else is left" [ "$(ls -A csv)" = "$(printf 'test.csv\ntrain.csv')" ]
expect 0 "" csv --raw raw --only train --rows 2
check "the first rows alone" [ "$(cat csv/train.csv)" = "$(head -n 3 train.csv)" ]
check "of one file alone" [ "$(cat out)" = csv/train.csv ]
expect 0 "" raw/sample_test/.. --only train
check "where the raw files are" cmp raw/train.csv train.csv
printf '{"features": {"sparse": [{"name": "20*", "embed_dim": 4}]},
    "tasks": [{"name": "ctr", "label": "click"}]}' >config.json
check "mmoe trains on it" "$program" train --config config.json --train train.csv --output m

# What is no error, and is said.
write_raw
sed 's/$/\r/' raw/common_features_train.csv >lines
printf '%s' "$(cat lines)" >raw/common_features_train.csv
{
    sample 1,0,0,84dceed2 205/70/2.5 205/71/1 210/80/1.0 210/81/3
    sample 2,0,0,84dceed2 205/72/1.00
} >raw/sample_skeleton_train.csv
expect 0 "common_features_train.csv: line 2, the last, has no line end" csv --raw raw --only train
check "lost weights are counted" grep -qF "field 205: 1 weights other than 1 are left out" err
check "for each field" grep -qF "field 210: 1 weights other than 1 are left out" err
check "several values of a single-valued field are kept" grep -q '^0,0,70|71,,,80|81,' \
    csv/train.csv
check "and counted" grep -qF "field 205 has several values 1 times" err

# bad FILE TEXT MESSAGE: the file's second line is TEXT.
bad() {
    write_raw
    mkdir csv
    echo old >csv/train.csv
    file=raw/$1_train.csv
    { sed -n 1p "$file"; printf '%s\n' "$2"; sed -n '3,$p' "$file"; } >changed
    mv changed "$file"
    expect 1 "$file: line 2: $3" csv --raw raw
    check "one line says so" [ "$(wc -l <err)" -eq 1 ]
    check "and nothing is written" [ "$(ls -A csv)$(cat csv/train.csv)" = train.csvold ]
}
skeleton=sample_skeleton users=common_features
row() { sample 2,0,0,84dceed2 "$@"; }
bad $skeleton "$(row 205/70/1 206/31/1.0 | sed 's/,2,205/,3,205/')" \
    'the line has 2 features and says "3"'
bad $skeleton "2,0,0,84dceed2,,$(list 205/70/1)" 'the line has 1 features and says ""'
bad $skeleton "2,0,0,84dceed2,1," 'the line has 0 features and says "1"'
bad $skeleton "$(sample 2,0,0,nobody 205/70/1)" \
    'raw/common_features_train.csv has no "nobody"'
bad $skeleton "$(sample 2,x,0,84dceed2 205/70/1)" 'click is "x", neither 0 nor 1'
bad $skeleton "$(sample 2,0,,84dceed2 205/70/1)" 'purchase is "", neither 0 nor 1'
bad $skeleton "$(sample 2,0,84dceed2 205/70/1)" '5 fields, not 6'
bad $skeleton "" '1 fields, not 6'
bad $skeleton "$(row 205/70/1 101/7/1)" "field 101 is none of this file's: 205, 206"
bad $skeleton "$(row 205/70/1 999/7/1)" "field 999 is none of this file's: 205, 206"
for item in 205/70/ 205/70/x 205/70/-1 205/70/1.2.3 205/70/nan 205/70/1e999 205//1 /70/1 x/70/1 \
    '205/7|0/1' 205/7:0/1 '205/7"0/1' 205/7 205; do
    bad $skeleton "$(row 206/31/1 "$item" 207/8/1)" 'feature 2 is "'
done
bad $skeleton "$(row 206/31/1 | tr -d '\003')" \
    'feature 1 is "206\x02311", not a field, \x02, an id, \x03 and a weight of 0 or more'
bad $skeleton "$(row 205/1/1 205/2/1 | tr '\001' ' ')" 'feature 1 is "205\x021\x031 205\x022\x031"'
bad $skeleton "$(row 205/1/1 206/2/1)$(printf '\001')" 'feature 3 is "", not'
bad $users "$(common 84dceed2 101/8/1 110_14/5/1 110_14/6 110_14/7/1 101/8/1)" \
    'feature 3 is "110_14\x026\x03", not a field'
bad $users "$(common 84dceed2 101/8/1 205/70/1)" "field 205 is none of this file's: 101, 109_14"
bad $users "$(common bacff91692951881 101/8/1)" \
    'the id of this line stands in an earlier one, too'
bad $users "84dceed2,1" '2 fields, not 3'
digits() { head -c "$1" /dev/zero | tr '\0' 7; }
bad $users "84dceed2,1,$(digits 3000000)" 'is longer than 2097152 bytes'
# shellcheck disable=SC2034 # used by run
wrapper="prlimit --cpu=60" # seconds of a processor: not the square of the length
bad $users "84dceed2,1,$(digits 2000000)" 'feature 1 is "7777'
bad $users "84dceed2,1,$(list 101/8/)$(digits 2000000)x" 'feature 1 is "101\x028\x037777'
bad $users "84dceed2,1,$(printf '101\002')$(digits 2000000)" 'feature 1 is "101\x027777'
wrapper=""

write_raw
: >raw/sample_skeleton_train.csv
expect 1 "raw/sample_skeleton_train.csv is empty" csv --raw raw
rm raw/sample_skeleton_train.csv
expect 1 "neither raw/sample_skeleton_train.csv nor raw/sample_train/sample_skeleton_train.csv is" \
    csv --raw raw
expect 2 "usage: ali-ccp" --raw raw
expect 2 "usage: ali-ccp" csv --raw raw --rows 0
expect 2 "usage: ali-ccp" csv --raw raw --only valid
expect 0 "" --help
check "--help says what the columns are" grep -qF "id:weight|id:weight" out

# 70 MB of users in 60 MB of memory, cut off in the middle, and once more.
write_raw
awk 'BEGIN {
    for (i = 1; i <= 5000; i++)
        items = items sprintf("%s110_14\002%d\0031.5", (i > 1 ? "\001" : ""), 1000000 + i)
    for (u = 0; u < 750; u++) printf "u%d,5000,%s\n", u, items
}' >raw/common_features_train.csv
awk 'BEGIN {
    for (i = 0; i < 1000; i++) printf "%d,0,0,u%d,1,205\002%d\0031.0\n", i, i * 7 % 750, i
}' >raw/sample_skeleton_train.csv
check "the users are more than 70 MB" [ "$(wc -c <raw/common_features_train.csv)" -gt 70000000 ]
printf '#!/bin/sh\nulimit -v 60000\nexec "$@"\n' >bounded
# shellcheck disable=SC2034 # used by run
wrapper="sh ./bounded"
expect 0 "1000 rows" csv --raw raw --only train
check "each row has its user's values" [ "$(awk -F , 'NR > 1 && $3 == NR - 2 && $13 == "" &&
    split($23, v, "|") == 5000 && v[5000] == "1005000:1.5"' csv/train.csv | wc -l)" -eq 1000 ]
wrapper=""

an_old_file() {
    rm -rf csv
    mkdir csv
    echo old >csv/train.csv
}
users_are_read() { [ -s csv/ali-ccp.train.tmp/users ]; }
rows_are_written() { [ -s csv/ali-ccp.train.tmp/rows ]; }
is_replaced() { [ "$(head -c 3 csv/train.csv)" != old ]; }
# shellcheck disable=SC2034 # used by cut_off
too_late=is_replaced
stopped() { # WHEN
    check "stopped as $1" [ "$status" -eq 1 ]
    check "what was there stays, alone" [ "$(ls -A csv)$(cat csv/train.csv)" = train.csvold ]
}
cut_off TERM an_old_file users_are_read "$tool" csv --raw raw --only train
stopped "users are read"
cut_off TERM an_old_file rows_are_written "$tool" csv --raw raw --only train
stopped "rows are written"
cut_off KILL an_old_file rows_are_written "$tool" csv --raw raw --only train
check "killed" [ "$status" -eq 137 ]
check "what was there stays" [ "$(cat csv/train.csv)" = old ]
if command -v flock >/dev/null; then
    status=0
    flock -s csv/ali-ccp.train.tmp "$tool" csv --raw raw --only train 2>err || status=$?
    check "not two runs at a time" grep -qF "another run works in csv/ali-ccp.train.tmp" err
    check "for one file" [ "$status" -eq 1 ]
fi
expect 0 "1000 rows" csv --raw raw --only train
check "what the killed run left is gone" [ "$(ls -A csv)" = train.csv ]

an_old_file
printf '#!/bin/sh\nulimit -f 8192\nexec "$@"\n' >bounded
# shellcheck disable=SC2034 # used by run
wrapper="sh ./bounded"
expect 1 "File too large" csv --raw raw --only train
check "what was there stays, alone" [ "$(ls -A csv)$(cat csv/train.csv)" = train.csvold ]
finish
