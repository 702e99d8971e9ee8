"""PyTorch loads the exported state_dict, strictly, into modules that are built as torch-rechub's
are, and gives the scores of
`mmoe predict`.
    test_torch.py MMOE
Skipped (77) without torch."""
import csv, json, os, random, struct, subprocess, sys, tempfile

try:
    import torch
except ImportError:
    print("skipped: there is no torch (Debian: python3-torch)")
    sys.exit(77)
from torch import nn

torch.set_num_threads(1)


class Dice(nn.Module):
    def __init__(self):
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        distance = x - x.mean(dim=1, keepdim=True)
        p = torch.sigmoid(distance / (distance.pow(2) + 1e-3).sum(dim=1, keepdim=True).sqrt())
        return x * (self.alpha + (1 - self.alpha) * p)


ACTIVATIONS = {
    "relu": nn.ReLU, "prelu": nn.PReLU, "dice": Dice, "softmax": lambda: nn.Softmax(dim=1)
}


class MLP(nn.Module):
    def __init__(self, width, dims, activation="relu", batch_norm=True, output=False):
        super().__init__()
        layers = []
        for dim in dims:
            layers += [nn.Linear(width, dim)] + ([nn.BatchNorm1d(dim)] if batch_norm else []) + [
                ACTIVATIONS[activation](), nn.Dropout(0)
            ]
            width = dim
        self.mlp = nn.Sequential(*layers, *([nn.Linear(width, 1)] if output else []))

    def forward(self, x):
        return self.mlp(x)


class Embedding(nn.Module):
    def __init__(self, sizes, dim):
        super().__init__()
        self.embed_dict = nn.ModuleDict(
            {name: nn.Embedding(rows, dim) for name, rows in sizes.items()})


def table_of(feature):
    return feature.get("shared_with", feature["name"])


def pool(feature, table, ids):
    """torch-rechub's poolings of a SequenceFeature's padded ids [B, L]."""
    rows = table(ids)
    if feature["pooling"] == "concat":
        return rows.flatten(start_dim=1)
    mask = (ids != feature.get("padding_idx", -1)).float().unsqueeze(1)
    total = torch.bmm(mask, rows).squeeze(1)
    return total if feature["pooling"] == "sum" else total / (mask.sum(dim=-1) + 1e-16)


class MMOE(nn.Module):
    def __init__(self, config):
        super().__init__()
        features, model = config["features"], config["model"]
        expert, n_expert = model["expert_params"], model["n_expert"]
        self.lists = features.get("sequence", [])
        self.tables = [table_of(f) for f in features["sparse"]]
        self.types = [task["type"] for task in config["tasks"]]
        self.embedding = Embedding(
            {f["name"]: f["vocab_size"]
             for f in features["sparse"] + self.lists if "vocab_size" in f}, 4)
        width = 4 * len(self.tables) + len(features["dense"]) + sum(
            4 * f["max_len"] if f["pooling"] == "concat" else 4 for f in self.lists)
        self.experts = nn.ModuleList(MLP(width, **expert) for _ in range(n_expert))
        self.gates = nn.ModuleList(
            MLP(width, [n_expert], "softmax", expert.get("batch_norm", True)) for _ in self.types)
        self.towers = nn.ModuleList(
            MLP(expert["dims"][-1], **task["tower_params"], output=True)
            for task in config["tasks"])

    def forward(self, ids, lists, dense):
        tables = self.embedding.embed_dict
        x = torch.cat(
            [tables[table](ids[:, i]) for i, table in enumerate(self.tables)] +
            [pool(f, tables[table_of(f)], lists[f["name"]]) for f in self.lists] + [dense], dim=1)
        experts = torch.stack([expert(x) for expert in self.experts], dim=1)
        scores = []
        for gate, tower, kind in zip(self.gates, self.towers, self.types):
            y = tower((gate(x).unsqueeze(-1) * experts).sum(dim=1))
            scores.append(torch.sigmoid(y) if kind == "classification" else y)
        return torch.cat(scores, dim=1)


def load_file(path):
    """What safetensors.torch.load_file does; that package is not Debian's."""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    types = {"F32": torch.float32, "I64": torch.int64}
    return {
        name: torch.frombuffer(bytearray(data[slice(*t["data_offsets"])]),
                               dtype=types[t["dtype"]]).reshape(t["shape"])
        for name, t in header.items()
    }


SPARSE = [{"name": "user", "embed_dim": 4,
           "vocab_size": 20}, {"name": "slot", "embed_dim": 4, "vocab_size": 5},
          {"name": "friend", "embed_dim": 4, "shared_with": "user"}]
FEATURES = {"sparse": SPARSE, "dense": [{"name": "age"}]}
SEQUENCE = [{"name": "met", "embed_dim": 4, "shared_with": "user", "pooling": "mean",
             "padding_idx": 0},
            {"name": "slots", "embed_dim": 4, "vocab_size": 5, "pooling": "sum"},
            {"name": "path", "embed_dim": 4, "vocab_size": 9, "pooling": "concat", "max_len": 4,
             "padding_idx": 0}]
LISTS = {**FEATURES, "sequence": SEQUENCE}
CTR = {"name": "ctr", "label": "click", "type": "classification", "tower_params": {"dims": [8]}}
VALUE = {
    "name": "value", "label": "price", "type": "regression",
    "tower_params": {"dims": [6, 3], "activation": "dice", "batch_norm": False}
}
CASES = {
    "batch norm": (FEATURES, [CTR, VALUE], {"dims": [16]}),
    "no batch norm": (FEATURES, [CTR, VALUE], {"dims": [16], "batch_norm": False}),
    "deep experts, prelu": (FEATURES, [CTR], {"dims": [12, 8], "activation": "prelu"}),
    "dice": (FEATURES, [VALUE, CTR], {"dims": [8], "activation": "dice"}),
    "lists": (LISTS, [CTR, VALUE], {"dims": [16]}),
}


def write_data(path):
    generator = random.Random(3)
    with open(path, "w") as f:
        f.write("user,slot,friend,age,click,price,met,slots,path\n")
        for _ in range(300):
            user, slot, age = generator.randrange(20), generator.randrange(
                5), generator.randrange(64) / 16
            lists = [draw_list(generator, 20, 6), draw_list(generator, 5, 3, 3),
                     draw_list(generator, 9, 4)]
            f.write(
                f"{user},{slot},{generator.randrange(20)},{age},"
                f"{int(generator.random() < user / 20)},{slot + age - 3},{','.join(lists)}\n"
            )


def draw_list(generator, rows, most, least=0):
    """A cell of as many ids as least to most, none of which is 0, padding."""
    return "|".join(
        str(generator.randrange(1, rows)) for _ in range(generator.randint(least, most)))


def read_lists(rows, feature):
    """[rows, longest] padded with 0."""
    lists = [[int(i) for i in row[feature["name"]].split("|") if i] for row in rows]
    longest = feature.get("max_len", max(map(len, lists)))
    return torch.tensor([ids + [0] * (longest - len(ids)) for ids in lists])


def check(program, folder, features, tasks, expert):
    def run(*arguments):
        subprocess.run([program, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)

    config = {
        "features": features, "tasks": tasks,
        "model": {"name": "mmoe", "n_expert": 3, "expert_params": expert},
        "trainer": {"n_epoch": 3, "batch_size": 64, "optimizer_params": {"lr": 0.02}, "seed": 3}
    }
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f)
    run("train", "--config", "config.json", "--train", "data.csv", "--output", "m.safetensors")
    run("predict", "--model", "m.safetensors", "--data", "data.csv", "--output", "p.csv")
    run("export", "--model", "m.safetensors", "--format", "safetensors", "--output",
        "weights.safetensors")

    model = MMOE(config).eval()
    model.load_state_dict(load_file(os.path.join(folder, "weights.safetensors")))

    with open(os.path.join(folder, "data.csv")) as f:
        rows = list(csv.DictReader(f))
    with open(os.path.join(folder, "p.csv")) as f:
        wanted = torch.tensor([[float(row[task["name"]])
                                for task in tasks]
                               for row in csv.DictReader(f)])
    ids = torch.tensor([[int(row[feature["name"]]) for feature in SPARSE] for row in rows])
    lists = {f["name"]: read_lists(rows, f) for f in features.get("sequence", [])}
    with torch.no_grad():
        scores = model(ids, lists, torch.tensor([[float(row["age"])] for row in rows]))
    assert (wanted.max(dim=0).values - wanted.min(dim=0).values >
            0.05).all(), "the scores hardly differ"
    error = ((scores - wanted).abs() / wanted.abs().clamp(min=1)).max().item()
    assert error <= 1e-5, f"scores differ by {error}"
    return error


def main():
    program, failures = os.path.abspath(sys.argv[1]), 0
    with tempfile.TemporaryDirectory() as folder:
        write_data(os.path.join(folder, "data.csv"))
        for name, case in CASES.items():
            try:
                print(f"ok {name}: {check(program, folder, *case):.1e}")
            except (AssertionError, RuntimeError, subprocess.CalledProcessError) as error:
                failures += 1
                print(f"not ok {name}: {error} {getattr(error, 'stderr', '') or ''}")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
