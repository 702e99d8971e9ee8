"""Adagrad, of tables that every step updates and of those that are updated when they are read,
comes to the weights of torch.optim.Adagrad; skipped where there is no torch."""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

MMOE = os.path.realpath(sys.argv[1])
try:
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, relu
except ImportError:
    print("skipped: there is no torch")
    sys.exit(77)

ROWS, BATCH, IDS, EPOCHS = 640, 64, 90, 3
SETTINGS = [
    {"lr": 0.05, "weight_decay": 0, "eps": 1e-3},  # nearly a sign, were it less
    {"lr": 0.02, "weight_decay": 1e-3, "lr_decay": 0.01, "initial_accumulator_value": 0.1,
     "eps": 1e-6},
]
CONFIG = {
    "features": {"sparse": [{"name": "id", "vocab_size": IDS, "embed_dim": 4}]},
    "tasks": [{"name": "y", "label": "y", "tower_params": {"dims": [8], "batch_norm": False}}],
    "model": {"name": "shared_bottom", "embedding_init_scale": 0.1,
              "bottom_params": {"dims": [16], "batch_norm": False}},
    "trainer": {"batch_size": BATCH, "shuffle": False, "optimizer": "adagrad"},
}
failures = 0


def mmoe(*arguments):
    subprocess.run([MMOE, *arguments], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def train(name, params, *more, epochs=EPOCHS):
    config = {**CONFIG, "trainer": {**CONFIG["trainer"], "n_epoch": epochs,
                                    "optimizer_params": params}}
    with open("config.json", "w", encoding="ascii") as file:
        json.dump(config, file)
    mmoe("train", "--config", "config.json", "--train", "rows.csv", "--output", name, *more)


def weights(name):
    mmoe("export", "--model", name, "--format", "safetensors", "--output", "weights")
    with open("weights", "rb") as file:
        head = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    return {key: torch.frombuffer(data[slice(*of["data_offsets"])], dtype=torch.float32)
            .reshape(of["shape"]).clone() for key, of in head.items() if key != "__metadata__"}


def steps_of_torch(begin, params, rows):
    w = {name: value.clone().requires_grad_() for name, value in begin.items()}
    optimizer = torch.optim.Adagrad(w.values(), **params)
    for _ in range(EPOCHS):
        for batch in rows.split(BATCH):
            x = w["embedding.embed_dict.id.weight"][batch[:, 0]]
            for name in "bottom_mlp.mlp.0", "towers.0.mlp.0":
                x = relu(x @ w[name + ".weight"].T + w[name + ".bias"])
            logit = x @ w["towers.0.mlp.3.weight"].T + w["towers.0.mlp.3.bias"]
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(logit[:, 0], batch[:, 1].float()).backward()
            optimizer.step()
    return {name: value.detach() for name, value in w.items()}


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    draw = random.Random(1)
    ROW_LIST = [[draw.randrange(IDS), draw.randrange(2)] for _ in range(ROWS)]
    with open("rows.csv", "w", encoding="ascii") as log:
        log.write("id,y\n" + "".join(f"{i},{y}\n" for i, y in ROW_LIST))
    train("begin", {"lr": 1e-3}, epochs=1)
    start = weights("begin")
    for params in SETTINGS:
        wanted = steps_of_torch(start, params, torch.tensor(ROW_LIST))
        for update in "dense", "deferred":
            train("end", params, "--from", "begin", "--set", f"trainer.embedding_update={update}")
            found = weights("end")
            apart = max((found[name] - wanted[name]).abs().max().item() for name in wanted)
            moved = max((found[name] - start[name]).abs().max().item() for name in wanted)
            good = apart <= 1e-5 and moved > 0.01
            failures += not good
            print(f"{'ok' if good else 'not ok'} {update}, {params}: {apart:.1e} of {moved:.2f}")
sys.exit(failures > 0)
