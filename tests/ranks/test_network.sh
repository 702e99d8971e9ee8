#!/bin/sh
# The seconds that `mmoe plan --ranks` foretells of a step on two hosts, beside a step on two hosts:
# network namespaces of this machine, joined by a link of 1 and 10 Gbit/s and .1 and 1 ms.
# Hosts share the machine with each other and with the link, so plan is given the latency that MPI's
# own ping-pong has over that link, and each host has a plan of its own, which times the step while
# the other's does: a step waits for the slower one. The quickest epoch of several tries is compared
# with the quickest that plans of these have said: what it takes for each of its steps.
#   test_network.sh MMOE MMOE_MPI MPI MPIRUN LINK PING ["GBIT MS"]...
# With those networks alone, if some are named.
# For a machine with two idle processors, and root; MMOE_NETWORK=1 asks for it.
program=$(realpath "$2") mpi=$3 mpirun=$4 link=$(realpath "$5") ping=$(realpath "$6")
here=$(realpath "$(dirname "$0")")
[ "${MMOE_NETWORK:-0}" = 1 ] || exit 77
# shellcheck source=tests/cli/lib.sh
. "$here/../cli/lib.sh"
. "$here/mpi.sh"
unset OMPI_MCA_btl OMPI_MCA_plm_rsh_agent
skip() {
    echo "# skipped: $1"
    exit 77
}
[ "$(id -u)" -eq 0 ] || skip "network namespaces need root"
[ "$mpi" = openmpi ] || skip "$mpi's launcher is not told how to reach a namespace"
command -v ip >/dev/null || skip "there is no ip (iproute2)"
[ "$(nproc)" -ge 2 ] || skip "two hosts need two processors"
first=mmoe-$$-a second=mmoe-$$-b
carrier=""
leave() {
    [ -z "$carrier" ] || kill "$carrier" 2>/dev/null
    for host in $first $second; do ip netns del "$host" 2>/dev/null; done
    rm -rf "$work"
}
trap leave EXIT

number=1
for host in $first $second; do
    ip netns add "$host" 2>err || skip "$(cat err)"
    ip netns exec "$host" ip tuntap add dev cable mode tun vnet_hdr 2>err || skip "$(cat err)"
    ip netns exec "$host" ip addr add "10.99.0.$number/24" dev cable
    ip netns exec "$host" ip link set lo up
    ip netns exec "$host" ip link set cable up
    number=$((number + 1))
done
# How mpirun starts a program on the other host, in the place of ssh.
cat >agent.sh <<END
shift
exec ip netns exec $second unshare --uts sh -c "hostname $second; \$*"
END
cat >first.sh <<END
hostname $first
exec "$mpirun" --host 10.99.0.1:1,10.99.0.2:1 -np 2 --map-by ppr:1:node --bind-to none \\
    --mca plm_rsh_agent "sh $PWD/agent.sh" --mca btl self,tcp \\
    --mca btl_tcp_if_include 10.99.0.0/24 --mca oob_tcp_if_include 10.99.0.0/24 "\$@"
END

# rows ROWS COLUMNS VALUES DENSE
rows() {
    awk -v rows="$1" -v columns="$2" -v values="$3" -v dense="$4" 'BEGIN {
        srand(5)
        for (c = 0; c < columns; c++) printf "s%d,", c
        for (c = 0; c < dense; c++) printf "d%d,", c
        print "x,y"
        for (r = 0; r < rows; r++) {
            for (c = 0; c < columns; c++) printf "%d,", values * rand()
            for (c = 0; c < dense; c++) printf "%.3f,", rand()
            printf "%d,%d\n", 2 * rand(), 2 * rand()
        }
    }'
}
# config SPARSE TRAINER
config() {
    cat <<END
{"features": {"sparse": [$1], "dense": [{"name": "d*"}]},
 "tasks": [{"name": "x", "label": "x", "tower_params": {"dims": [8]}},
           {"name": "y", "label": "y", "tower_params": {"dims": [8]}}],
 "model": {"n_expert": 8, "expert_params": {"dims": [16]}},
 "trainer": {"segments": 8, "batch_size": 8192, $2}}
END
}
# The census shape, and nine columns that read one large table.
rows 65536 32 16 7 >census.csv
config '{"name": "s*", "vocab_size": 16, "embed_dim": 4}' '"n_epoch": 40' >census.json
rows 262144 9 1000000 1 >table.csv
columns='{"name": "s0", "vocab_size": 1000000, "embed_dim": 16}'
for c in 1 2 3 4 5 6 7 8; do columns="$columns, {\"name\": \"s$c\", \"shared_with\": \"s0\"}"; done
config "$columns" '"n_epoch": 4, "embedding_update": "deferred"' >table.json
# The same, of which each host reads its lanes.
config "$columns" '"n_epoch": 4, "embedding_update": "deferred", "lanes": true' >lanes.json
run pack --config lanes.json --data table.csv --output lanes.d

data_of() { if [ -d "$1.d" ]; then echo "$1.d"; else echo "$1.csv"; fi; }
by_hosts() { ip netns exec $first unshare --uts sh first.sh "$@"; }
# try SHAPE GBIT MS LATENCY: times both once more, to the file tries.
try() {
    rm -f log
    data=$(data_of "$1")
    by_hosts "$program" train --config "$1.json" --train "$data" --output model --threads 1 \
        --log log >out 2>err || return 1
    plans=""
    for host in first second; do
        "$mmoe" plan --config "$1.json" --train "$data" --threads 1 --ranks 2 --bandwidth "$2" \
            --latency "$4" --json >$host 2>>err &
        plans="$plans $!"
    done
    # shellcheck disable=SC2086 # a list of numbers
    wait $plans || return 1
    python3 - <<'CHECK'
import json
plans = [json.load(open(host)) for host in ("first", "second")]
slower = max(plans, key=lambda plan: plan["ranks"]["hosts"][-1]["epoch"])
with open("tries", "a") as tries:
    json.dump([[epoch["train_seconds"] for epoch in map(json.loads, open("log"))
                if "epoch" in epoch], slower], tries)
    print(file=tries)
CHECK
}
# judge SHAPE GBIT MS LATENCY: whether the quickest epoch of all tries takes as long as the quickest
# that plans have said; both in the file figures, in ms a step.
judge() {
    python3 - "$@" <<'CHECK' >figures
import json
import sys
tries = [json.loads(line) for line in open("tries")]
epochs = sorted(epoch for epochs, _ in tries for epoch in epochs)
plan = min((plan for _, plan in tries), key=lambda plan: plan["ranks"]["hosts"][-1]["epoch"])
ranks, steps = plan["ranks"], plan["epoch"]["rows"] / plan["step"]["rows"]
host = ranks["hosts"][-1]
best, median, said = (1e3 * x / steps for x in (epochs[0], epochs[len(epochs) // 2], host["epoch"]))
print("# best %.2f, median %.2f ms; plan: %.2f ms (%+.0f %%), of which computing %.2f, "
      "sending %.2f, copying %.2f, waiting %.2f, the epoch's %.2f" %
      (best, median, said, 100 * (said / best - 1),
       *(1e3 * host[k] for k in ("computing", "sending", "copying", "waiting")),
       said - 1e3 * host["seconds"]),
      "(%s at %s Gbit/s, %s ms; MPI's ping-pong %s ms; a message %.1f us, a byte %.2f ns)" %
      (*sys.argv[1:], 1e6 * ranks["message"], 1e9 * ranks["byte"]))
sys.exit(abs(best - said) > .2 * best)
CHECK
}
[ $# -gt 6 ] || set -- "$@" "10 .1" "1 .1" "10 1" "1 1"
shift 6
for network; do
    # shellcheck disable=SC2086 # two numbers
    set -- $network
    "$link" $first $second cable "$1" "$2" >carries &
    carrier=$!
    while [ ! -s carries ] && kill -0 $carrier; do sleep 0.1; done
    latency=$(by_hosts "$ping" 2>err)
    report $? "the link answers, $1 Gbit/s and $2 ms apart"
    for shape in census table lanes; do
        rm -f tries
        is_near=1
        for n in 1 2 3 4 5 6; do
            try $shape "$1" "$2" "$latency" || break
            [ "$n" -ge 3 ] || continue # not until chance has had its say
            judge $shape "$1" "$2" "$latency"
            is_near=$?
            [ $is_near -ne 0 ] || break
        done
        cat figures
        report $is_near "to 20 % a step takes as long as plan says: $shape, $1 Gbit/s, $2 ms"
    done
    kill $carrier
    wait $carrier 2>/dev/null
done
finish
