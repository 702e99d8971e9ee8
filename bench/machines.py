"""What bench/compare has measured: a JSON file a machine, {"processor": what processor.identify
says, "sections": {name: record}}, and the page that is made of all of them. A record has when, by
which commit and how often it was measured, by which programs and commands, the GEMM peak meanwhile,
and the section's figures."""
import json
import os

from pages import NOT_THERE, count_of, filled, replace_file, table
from sections import SECTIONS

INTRODUCTION = """`bench/compare` writes this page from the files of `{folder}`, one file for each
machine; do not edit it. A run measures the machine that it runs on, completely or a section of it,
and leaves the figures of other machines as they are.

Terms:

- **Census shape**: 32 sparse columns of width 4 with 16 values each, 7 dense columns, 8 experts of
  16, 2 tasks with towers of 8, batch norm, batch 1024, Adam, rows in random order.
- **GEMMs** or **dense GEMMs**: the matrix products of a step or call alone, as if the first layer
  were dense, over the whole batch, in turns with the step or call.
- **GEMM peak**: the rate of a core for 512 x 512 products, measured with each section. Ratios of
  two machines can be compared only if their peaks are similar.
- **not there**: the program was not available."""


def slug(processor):
    return "".join(c if c.isalnum() else "-" for c in processor["family"].lower())


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def load_all(folder):
    """Machines by name."""
    names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    return {name[: -len(".json")]: load(os.path.join(folder, name)) for name in names}


def path_of(folder, processor, suffix=".json"):
    return os.path.join(folder, slug(processor) + suffix)


def other_of_name(folder, processor):
    """The processor that has the file of this one; None: there is none, or it is this one."""
    path = path_of(folder, processor)
    other = load(path)["processor"] if os.path.exists(path) else processor
    return None if other == processor else other


def keep(folder, processor, section, record):
    """In the machine's file; its other sections stay."""
    path = path_of(folder, processor)
    machine = load(path) if os.path.exists(path) else {"processor": processor, "sections": {}}
    machine["sections"][section] = record
    replace_file(path, json.dumps(machine, indent=1) + "\n")


# ---- The page


def peak_of(record):
    peak = record["peak_gflops"]
    return f"GEMM peak {peak:.0f} GFLOP/s a core" if peak else "GEMM peak not measured"


def by_age(machine):
    return sorted(machine["sections"].values(), key=lambda record: record["at"])


def about(machine):
    """What its sections' programs said of themselves, the newest word of each."""
    said = {}
    for record in by_age(machine):
        for key, value in record["about"].items():
            if key not in said or not str(value).startswith(NOT_THERE):
                said[key] = value
    return said


def days(machine):
    return " to ".join(dict.fromkeys(by_age(machine)[i]["at"].split()[0] for i in (0, -1)))


def machines_table(machines):
    abouts = [about(m) for m in machines]
    rows = [["processor"] + [m["processor"]["name"] or "-" for m in machines],
            ["its numbers"] + [m["processor"]["numbers"] for m in machines],
            ["measured"] + [days(m) for m in machines]]
    for key in dict.fromkeys(key for said in abouts for key in said):
        rows.append([key] + [str(said.get(key, "-")) for said in abouts])
    return table([""] + [m["processor"]["family"] for m in machines], rows)


def targets_table(machines):
    """A row a target, a column a machine."""
    wanted, shown = {}, {}
    for name, module in SECTIONS.items():
        for i, machine in enumerate(machines):
            record = machine["sections"].get(name)
            for target in module.targets(record["figures"]) if record else []:
                wanted[target.what] = target.wanted
                shown[target.what, i] = target.shown()
    heads = [f"{m['processor']['family']}, {peak_of(by_age(m)[-1])}" for m in machines]
    return table(["", "wanted"] + heads, [[what, wanted[what]] + [
        shown.get((what, i), "not measured") for i in range(len(machines))
    ] for what in wanted])


def part(module, machine, record, picture):
    """What one machine has of a section."""
    return f"""### {machine['processor']['family']}: {peak_of(record)}

{record['at']} UTC, commit {record['commit']}, {count_of(record['rounds'], 'round')}, load average
{record['load']:.2f} at the start.

{module.body({**record, 'picture': picture})}"""


def section(name, module, by_name, beside):
    parts, without = [f"## {module.HEADING}", module.ABOUT], []
    for file, machine in by_name.items():
        record = machine["sections"].get(name)
        if record:
            parts.append(part(module, machine, record, f"{beside}/{file}.svg"))
        else:
            without.append(machine["processor"]["family"])
    if without:
        parts.append(f"Not measured on: {', '.join(without)}.")
    return parts


def commands(machine):
    lines = []
    for record in machine["sections"].values():
        lines += [line for line in record["commands"] if line not in lines]
    fence = "```"
    return f"### {machine['processor']['family']}\n\n{fence}\n" + "\n".join(lines) + f"\n{fence}"


def write_page(path, folder):
    by_name = load_all(folder)
    machines = list(by_name.values())
    beside = os.path.relpath(folder, os.path.dirname(os.path.abspath(path)))
    parts = ["# Results", INTRODUCTION.format(folder=beside), machines_table(machines),
             "## Targets", "A figure in bold misses its target.", targets_table(machines)]
    for name, module in SECTIONS.items():
        parts += section(name, module, by_name, beside)
    parts += ["## Commands", *map(commands, machines)]
    replace_file(path, filled("\n\n".join(parts) + "\n"))
