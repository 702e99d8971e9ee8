#!/bin/sh
# The seconds that `mmoe plan --ranks` foretells of a step on two hosts, beside a step on two hosts:
# network namespaces of this machine, joined by a link of 1 and 10 Gbit/s and .1 and 1 ms.
#   test_network.sh MMOE MMOE_MPI MPI MPIRUN LINK
# For a machine with two idle processors, and root; MMOE_NETWORK=1 asks for it.
program=$(realpath "$2") mpi=$3 mpirun=$4 link=$(realpath "$5") here=$(realpath "$(dirname "$0")")
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

# The census shape.
awk 'BEGIN {
    srand(5)
    for (c = 0; c < 32; c++) printf "s%d,", c
    for (c = 0; c < 7; c++) printf "d%d,", c
    print "x,y"
    for (r = 0; r < 65536; r++) {
        for (c = 0; c < 32; c++) printf "%d,", 16 * rand()
        for (c = 0; c < 7; c++) printf "%.3f,", rand()
        printf "%d,%d\n", 2 * rand(), 2 * rand()
    }
}' >rows.csv
cat >config.json <<'END'
{"features": {"sparse": [{"name": "s*", "vocab_size": 16, "embed_dim": 4}],
              "dense": [{"name": "d*"}]},
 "tasks": [{"name": "x", "label": "x", "tower_params": {"dims": [8]}},
           {"name": "y", "label": "y", "tower_params": {"dims": [8]}}],
 "model": {"n_expert": 8, "expert_params": {"dims": [16]}},
 "trainer": {"n_epoch": 40, "segments": 8, "batch_size": 8192}}
END
for network in "10 .1" "1 .1" "10 1" "1 1"; do
    # shellcheck disable=SC2086 # two numbers
    set -- $network
    "$link" $first $second cable "$1" "$2" >carries &
    carrier=$!
    while [ ! -s carries ] && kill -0 $carrier; do sleep 0.1; done
    rm -f log
    ip netns exec $first unshare --uts sh first.sh "$program" train --config config.json \
        --train rows.csv --output model --threads 1 --log log >out 2>err
    report $? "two hosts train, $1 Gbit/s and $2 ms apart"
    kill $carrier
    wait $carrier 2>/dev/null
    run plan --config config.json --train rows.csv --threads 1 --ranks 2 --bandwidth "$1" \
        --latency "$2" --json
    mv out plan
    check "to 20 % a step takes as long as plan says, $1 Gbit/s and $2 ms apart" \
        python3 - <<'CHECK'
import json
steps = sorted(8192e3 / epoch["rows_per_second"] for epoch in map(json.loads, open("log"))
               if "epoch" in epoch)
said = json.load(open("plan"))["ranks"]["hosts"][-1]
with open("figures", "w") as out:
    print("# best %.2f, median %.2f ms; plan: %.2f ms, of which computing %.2f, sending %.2f, "
          "waiting %.2f" % (steps[0], steps[len(steps) // 2], 1e3 * said["seconds"],
                            1e3 * said["computing"], 1e3 * said["sending"], 1e3 * said["waiting"]),
          file=out)
assert abs(steps[0] - 1e3 * said["seconds"]) <= .2 * steps[0]
CHECK
    cat figures
done
finish
