#!/usr/bin/python3
"""MMoE in PyTorch in the usual way: a module an expert, a gate and a tower, an embedding a column,
a dictionary of columns. A list is an nn.EmbeddingBag with a dense gradient (sparse=False, its
default), for Adam takes no other; its elements stand in a rectangle, which needs no offsets."""
import sys

import mmoe_common

if __name__ == "__main__":
    mmoe_common.main("mmoe_usual", "UsualMMoE", __doc__)
    sys.exit()

import torch
from torch import nn


def mlp(width, dims, dropout, activation=nn.ReLU, output=False):
    layers = []
    for dim in dims:
        layers += [nn.Linear(width, dim), nn.BatchNorm1d(dim), activation(), nn.Dropout(dropout)]
        width = dim
    if output:
        layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


class UsualMMoE(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.embeddings = nn.ModuleDict(
            {f"s{c}": nn.Embedding(size, a.embed_dim) for c, size in enumerate(a.vocabs)})
        self.embeddings.update({
            f"s{c}": nn.EmbeddingBag(a.list_vocab, a.embed_dim, mode="mean", sparse=False)
            for c in range(a.sparse - a.lists, a.sparse)
        })
        for table in self.embeddings.values():
            nn.init.normal_(table.weight, 0, 1e-4)
        self.dense_names = [f"d{c}" for c in range(a.dense)]
        width = a.sparse * a.embed_dim + a.dense
        self.experts = nn.ModuleList(mlp(width, a.dims, a.dropout) for _ in range(a.n_expert))
        self.gates = nn.ModuleList(
            mlp(width, [a.n_expert], a.dropout, lambda: nn.Softmax(dim=1)) for _ in range(a.tasks))
        self.towers = nn.ModuleList(
            mlp(a.dims[-1], a.towers, a.dropout, output=True) for _ in range(a.tasks))

    def prepare(self, ids, elements, dense):
        columns = {f"s{c}": ids[:, c].contiguous() for c in range(ids.shape[1])}
        for i in range(elements.shape[1]):
            columns[f"s{ids.shape[1] + i}"] = elements[:, i].contiguous()
        columns.update({f"d{c}": dense[:, c].contiguous() for c in range(dense.shape[1])})
        return columns

    def rows(self, inputs, first, count):
        return {name: column[first : first + count] for name, column in inputs.items()}

    def forward(self, x):
        """probabilities [B, T]"""
        sparse = [table(x[name]) for name, table in self.embeddings.items()]
        dense = [x[name].unsqueeze(1) for name in self.dense_names]
        x = torch.cat(sparse + dense, dim=1)  # [B, D]
        u = torch.cat([expert(x).unsqueeze(1) for expert in self.experts], dim=1)  # [B, E, H]
        outputs = []
        for gate, tower in zip(self.gates, self.towers):
            mixed = (gate(x).unsqueeze(-1) * u).sum(dim=1)  # [B, H]
            outputs.append(torch.sigmoid(tower(mixed)))
        return torch.cat(outputs, dim=1)

    predict = forward

    def loss(self, output, labels):
        tasks = labels.shape[1]
        return sum(
            nn.functional.binary_cross_entropy(output[:, t], labels[:, t])
            for t in range(tasks)) / tasks
