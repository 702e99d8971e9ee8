#!/usr/bin/python3
"""Steps of bench_tables' model in PyTorch, batch 1024, one thread: Adam on a dense gradient of the
table, or SparseAdam on a sparse one (and Adam for the layers).

    table_torch.py adam|sparse_adam ROWS WIDTH SECONDS
"""
import json
import math
import platform
import statistics
import sys
import time

import torch
from torch import nn

BATCH, BATCHES, WARM_UP, LEAST = 1024, 64, 2, 5


class Model(nn.Module):
    def __init__(self, rows, width, sparse):
        super().__init__()
        self.table = nn.Embedding(rows, width, sparse=sparse)
        self.layers = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(),
                                    nn.Linear(8, 1))

    def forward(self, ids):
        return self.layers(self.table(ids)).squeeze(1)


def optimizers(model, sparse):
    if not sparse:
        return [torch.optim.Adam(model.parameters(), lr=1e-3)]
    return [torch.optim.SparseAdam(list(model.table.parameters()), lr=1e-3),
            torch.optim.Adam(model.layers.parameters(), lr=1e-3)]


def draw(rows, by_power):
    u = torch.rand(BATCH * BATCHES, dtype=torch.float64)
    if not by_power:
        return (u * rows).long().split(BATCH)
    ranks = torch.exp(u * math.log(rows + 1)).long() - 1
    return (ranks * 2654435761 % rows).split(BATCH)


def time_steps(model, updates, ids, seconds):
    """The median of steps, in us."""
    labels = torch.randint(0, 2, (BATCH, )).float()
    taken, began = [], None
    while began is None or len(taken) < LEAST or time.perf_counter() - began < seconds:
        if began is None and len(taken) == WARM_UP:
            taken, began = [], time.perf_counter()
        start = time.perf_counter()
        for update in updates:
            update.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(ids[len(taken) % BATCHES]),
                                                              labels)
        loss.backward()
        for update in updates:
            update.step()
        taken.append(time.perf_counter() - start)
    return 1e6 * statistics.median(taken)


def main():
    if len(sys.argv) != 5 or sys.argv[1] not in ("adam", "sparse_adam"):
        sys.exit(__doc__)
    sparse, rows, width = sys.argv[1] == "sparse_adam", int(sys.argv[2]), int(sys.argv[3])
    seconds = float(sys.argv[4])
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    model = Model(rows, width, sparse)
    updates = optimizers(model, sparse)
    print(json.dumps({
        "torch": torch.__version__, "python": platform.python_version(),
        "evenly_us": time_steps(model, updates, draw(rows, False), seconds),
        "power_us": time_steps(model, updates, draw(rows, True), seconds)
    }))


if __name__ == "__main__":
    main()
