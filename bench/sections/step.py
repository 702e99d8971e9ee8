"""A step node by node, and what its GEMMs and all the rest take with either first layer."""
from pages import number, table

HEADING = "A step, node by node"
ABOUT = """The census shape, one thread. "in GEMMs" is the time of the matrix products that the step
makes, including small ones of distinct ids; their rate is shown beside it. "the rest" is all other
time, including waiting and the profile's own clock."""


def measure(run):
    run.say("a step, node by node")
    return run.bench("bench_step", "--n-expert", 8, "--rows", run.rows, "--first-layer",
                     "dense,distinct")


def targets(_figures):
    return []


def parts_table(rows):
    ways = {}
    for r in rows:
        if r["node"] == "step":
            ways.setdefault(r["first_layer"], {})[r["pass"]] = r
    return table(["first layer", "step us", "in GEMMs us", "the rest us", "GFLOP/s in GEMMs"], [[
        way, number(of[""]["us_per_step"], "{:.1f}"), number(of["products"]["us_per_step"],
                                                             "{:.1f}"),
        number(of["other"]["us_per_step"], "{:.1f}"), number(of["products"]["gflops"], "{:.1f}")
    ] for way, of in ways.items()])


def nodes_table(rows):
    return table(["node", "pass", "calls a step", "us a step", "share %", "GFLOP/s", "% of peak",
                  "GB/s"], [[
                      r["node"], r["pass"],
                      number(r["calls_per_step"], "{:.0f}"),
                      number(r["us_per_step"], "{:.1f}"),
                      number(r["percent_of_time"], "{:.1f}"),
                      number(r["gflops"], "{:.1f}"),
                      number(r["percent_of_peak"], "{:.1f}"),
                      number(r["gigabytes_per_second"], "{:.1f}")
                  ] for r in rows], left=2)


def body(record):
    rows = record["figures"]
    parts = [parts_table(rows)]
    for way in dict.fromkeys(r["first_layer"] for r in rows):
        parts += [f"First layer: {way}.",
                  nodes_table([r for r in rows if r["first_layer"] == way])]
    return "\n\n".join(parts)
