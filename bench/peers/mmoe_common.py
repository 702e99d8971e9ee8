"""What the PyTorch peers share: arguments, synthetic rows, the clock and the check that both
compute the same.

Rows are random: only their shape matters to the clock. Sparse columns have `--vocab` values each,
labels follow a planted signal. Or they are those of a folder that tools/census has filled.
"""
import argparse
import csv
import json
import os
import platform
import sys
import time


def integers(text):
    return [int(part) for part in text.split(",")]


def parse_arguments(description):
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--rows", type=int, default=199523)
    p.add_argument("--batch", type=int, default=1024)
    p.add_argument("--sparse", type=int, default=32, help="sparse columns")
    p.add_argument("--vocab", type=int, default=16, help="values of each sparse column")
    p.add_argument("--lists", type=int, default=0,
                   help="of the sparse columns, the last ones are lists")
    p.add_argument("--list-length", type=int, default=20, help="elements of a list")
    p.add_argument("--list-vocab", type=int, default=100000, help="values of a list's elements")
    p.add_argument("--embed-dim", type=int, default=4)
    p.add_argument("--dense", type=int, default=7, help="dense columns")
    p.add_argument("--n-expert", type=int, default=8)
    p.add_argument("--dims", type=integers, default=[16],
                   help="widths of an expert's layers: 256,128")
    p.add_argument("--towers", type=integers, default=[8], help="widths of a tower's layers")
    p.add_argument("--tasks", type=int, default=2)
    p.add_argument("--dropout", type=float, default=0.0)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seconds", type=float, default=5.0,
                   help="time for training, and again for inference")
    p.add_argument("--seed", type=int, default=2022)
    p.add_argument("--data", metavar="DIR",
                   help="train.csv and config.json of tools/census: the rows and columns of these")
    p.add_argument("--row-counts", type=integers, default=[1, 8, 32, 128, 1000],
                   help="rows of a call, for serving")
    p.add_argument("--check", action="store_true",
                   help="compare both peers in double precision instead")
    a = p.parse_args()
    a.vocabs = [a.vocab] * (a.sparse - a.lists)  # values of each column of single ids
    a.table = census_table(a) if a.data else None
    return a


def census_table(a):
    """{name: texts} of the rows of --data; its columns and rows become the arguments'. A category's
    rows are in the order in which its values come first."""
    with open(os.path.join(a.data, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    with open(os.path.join(a.data, "train.csv"), newline="", encoding="utf-8") as f:
        rows = csv.reader(f)
        head = next(rows)
        columns = dict(zip(head, zip(*rows)))
    a.labels = [t["label"] for t in config["tasks"]]
    a.numbers = [d["name"] for d in config["features"]["dense"]]
    a.categories = [name for name in head if name not in a.labels + a.numbers]
    a.rows = len(columns[head[0]])
    a.sparse, a.dense, a.tasks, a.lists = len(a.categories), len(a.numbers), len(a.labels), 0
    a.vocabs = [len(set(columns[name])) for name in a.categories]
    return columns


def census_rows(torch, a):
    """As make_rows, of the table."""
    def encoded(cells):
        rows = {value: i for i, value in enumerate(dict.fromkeys(cells))}
        return torch.tensor([rows[cell] for cell in cells])

    def floats(names):
        return torch.tensor([[float(cell) for cell in a.table[name]] for name in names]).t()

    ids = torch.stack([encoded(a.table[name]) for name in a.categories], dim=1)
    dense = torch.log1p(floats(a.numbers))
    dense = (dense - dense.mean(0)) / dense.std(0)
    elements = torch.zeros(a.rows, 0, a.list_length, dtype=torch.int64)
    return ids, elements, dense.contiguous(), floats(a.labels).contiguous()


def make_rows(torch, a):
    """ids [rows, sparse - lists], elements [rows, lists, list_length], dense [rows, dense],
    labels [rows, tasks]"""
    if a.table:
        return census_rows(torch, a)
    g = torch.Generator().manual_seed(a.seed)
    single = a.sparse - a.lists
    ids = torch.randint(0, a.vocab, (a.rows, single), generator=g)
    elements = torch.randint(0, a.list_vocab, (a.rows, a.lists, a.list_length), generator=g)
    dense = torch.randn(a.rows, a.dense, generator=g)
    signal = torch.randn(a.vocab, a.tasks, generator=g)[ids[:, 0]] if single else torch.randn(
        a.rows, a.tasks, generator=g)
    labels = (torch.rand(a.rows, a.tasks, generator=g) < torch.sigmoid(signal)).to(dense.dtype)
    return ids, elements, dense, labels


def make_optimizer(torch, model):
    return torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def time_calls(call, batches, seconds):
    """Milliseconds of each call; an eighth of the time warms up."""
    clock = time.perf_counter
    begin = clock()
    i = 0
    while clock() - begin < seconds / 8 or i < 3:
        call(batches[i % len(batches)])
        i += 1
    times = []
    begin = clock()
    while clock() - begin < seconds or len(times) < 3:
        start = clock()
        call(batches[i % len(batches)])
        times.append((clock() - start) * 1e3)
        i += 1
    return times


def about(torch):
    capability = [
        line.split(":")[1].strip()
        for line in torch.__config__.show().splitlines()
        if "CPU capability" in line
    ]
    return {
        "torch": torch.__version__, "capability": capability[0] if capability else None,
        "python": platform.python_version()
    }


def benchmark(torch, a, name, model_class):
    torch.manual_seed(a.seed)
    model = model_class(a)
    *columns, labels = make_rows(torch, a)
    inputs = model.prepare(*columns)
    batches = [(model.rows(inputs, i, a.batch), labels[i:i + a.batch])
               for i in range(0, a.rows - a.batch + 1, a.batch)]
    optimizer = make_optimizer(torch, model)
    losses = []

    def step(batch):
        loss = model.loss(model(batch[0]), batch[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    def predict(batch):
        model.predict(batch[0])

    model.train()
    train = time_calls(step, batches, a.seconds)
    model.eval()
    with torch.no_grad():
        inference = time_calls(predict, batches, a.seconds)
    tail = losses[-min(len(losses), 100) :]
    print(
        json.dumps({
            "program": name, "batch": a.batch, "n_expert": a.n_expert, "tasks": a.tasks,
            "threads": a.threads,
            "train_rows_per_second": round(a.batch * 1e3 / quantile(train, 0.5)),
            "inference_rows_per_second": round(a.batch * 1e3 / quantile(inference, 0.5)
                                               ), "step_ms_p10": round(quantile(train, 0.1), 4),
            "step_ms_p50": round(quantile(train, 0.5),
                                 4), "step_ms_p90": round(quantile(train, 0.9),
                                                          4), "steps": len(losses),
            "parameters": sum(p.numel()
                              for p in model.parameters()), "final_loss": sum(tail) / len(tail),
            "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE"), **about(torch)
        }))


def check(torch, a):
    """The same weights give the same predictions, losses and updates in both peers."""
    from mmoe_fused import FusedMMoE
    from mmoe_usual import UsualMMoE

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(a.seed)
    usual, fused = UsualMMoE(a), FusedMMoE(a)
    fused.copy_from(usual)
    a.rows = 5 * a.batch
    *columns, labels = make_rows(torch, a)
    models = [(m, m.prepare(*columns), make_optimizer(torch, m)) for m in (usual, fused)]

    def compare(what, values, tolerance):
        difference = (values[0] - values[1]).abs().max().item()
        assert difference <= tolerance, f"{what}: the peers differ by {difference}"

    compare("parameters",
            [torch.tensor(float(sum(p.numel() for p in m.parameters()))) for m in (usual, fused)],
            0)
    for i in range(0, a.rows, a.batch):
        losses = []
        for model, inputs, optimizer in models:
            model.train()
            loss = model.loss(model(model.rows(inputs, i, a.batch)), labels[i : i + a.batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        compare(f"loss of step {i // a.batch + 1}", losses, 1e-9)
    # A bias before a batch norm has a gradient of pure rounding, which Adam turns into updates:
    # running means follow them.
    for model, _, _ in models:
        model.eval()
    fused.copy_from(usual)
    with torch.no_grad():
        compare("predictions", [m.predict(m.rows(inputs, 0, a.batch)) for m, inputs, _ in models],
                1e-12)
    print(
        json.dumps(
            {"check": "ok", "losses": [loss.item() for loss in losses],
             "torch": torch.__version__}))


def main(name, model_name, description):
    a = parse_arguments(description)
    # The libraries read these when they are loaded.
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(a.threads)
    import torch

    torch.set_num_threads(a.threads)
    if a.check and a.dropout > 0:
        sys.exit("--check needs --dropout 0")
    if a.check:
        check(torch, a)
    else:
        benchmark(torch, a, name, getattr(__import__(name), model_name))
