#!/usr/bin/python3
"""MMoE in PyTorch with few large operations: one table, one linear for all experts and gates,
batched products, one batch norm a depth. Lists have one table too, an nn.EmbeddingBag with a dense
gradient (sparse=False), for Adam takes no other."""
import sys

import mmoe_common

if __name__ == "__main__":
    mmoe_common.main("mmoe_fused", "FusedMMoE", __doc__)
    sys.exit()

import torch
from torch import nn
from torch.nn import functional


class BatchedLayer(nn.Module):
    """G linear layers with batch norm, ReLU and dropout side by side: [G, B, I] -> [G, B, O]."""

    def __init__(self, groups, width, dim, dropout):
        super().__init__()
        bound = width**-0.5
        self.weight = nn.Parameter(torch.empty(groups, width, dim).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(groups, 1, dim).uniform_(-bound, bound))
        self.norm = nn.BatchNorm1d(groups * dim)
        self.dropout = dropout

    def forward(self, x):
        groups, rows, dim = x.shape[0], x.shape[1], self.weight.shape[2]
        z = torch.baddbmm(self.bias, x, self.weight).transpose(0, 1).reshape(rows, groups * dim)
        z = functional.dropout(torch.relu_(self.norm(z)), self.dropout, self.training)
        return z.view(rows, groups, dim).transpose(0, 1)

    @torch.no_grad()
    def copy_from(self, linears, norms):
        self.weight.copy_(torch.stack([linear.weight.t() for linear in linears]))
        self.bias.copy_(torch.stack([linear.bias for linear in linears]).unsqueeze(1))
        copy_norms(self.norm, norms)


@torch.no_grad()
def copy_norms(wide, norms):
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(wide, name).copy_(torch.cat([getattr(norm, name) for norm in norms]))


class FusedMMoE(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.a = a
        self.table = nn.Parameter(torch.randn(sum(a.vocabs), a.embed_dim) * 1e-4)
        self.first_rows = torch.tensor([0, *a.vocabs]).cumsum(0)[:-1]  # of each column
        self.bags = nn.EmbeddingBag(a.lists * a.list_vocab, a.embed_dim, mode="mean",
                                    sparse=False) if a.lists else None
        width = a.sparse * a.embed_dim + a.dense
        self.expert_width = a.n_expert * a.dims[0]
        first = self.expert_width + a.tasks * a.n_expert
        self.first = nn.Linear(width, first)  # every expert's first layer, then every gate
        self.first_norm = nn.BatchNorm1d(first)
        self.experts = nn.ModuleList(
            BatchedLayer(a.n_expert, i, o, a.dropout) for i, o in zip(a.dims, a.dims[1:]))
        self.towers = nn.ModuleList(
            BatchedLayer(a.tasks, i, o, a.dropout)
            for i, o in zip([a.dims[-1]] + a.towers, a.towers))
        bound = a.towers[-1] ** -0.5
        self.out_weight = nn.Parameter(
            torch.empty(a.tasks, a.towers[-1], 1).uniform_(-bound, bound))
        self.out_bias = nn.Parameter(torch.empty(a.tasks, 1, 1).uniform_(-bound, bound))

    def prepare(self, ids, elements, dense):
        elements = elements + torch.arange(elements.shape[1])[:, None] * self.a.list_vocab
        return ids + self.first_rows, elements, dense

    def rows(self, inputs, first, count):
        return tuple(part[first : first + count] for part in inputs)

    def forward(self, x):
        """logits [B, T]"""
        a = self.a
        ids, elements, dense = x
        rows = ids.shape[0]
        parts = [functional.embedding(ids, self.table).view(rows, -1)]
        if self.bags:
            parts.append(self.bags(elements.flatten(0, 1)).view(rows, -1))
        x = torch.cat([*parts, dense], dim=1)  # [B, D]
        experts, gates = self.first_norm(self.first(x)).split(
            [self.expert_width, a.tasks * a.n_expert], dim=1)
        u = functional.dropout(torch.relu(experts), a.dropout,
                               self.training).view(rows, a.n_expert, -1)
        if self.experts:
            u = u.transpose(0, 1)
            for layer in self.experts:
                u = layer(u)  # [E, B, H]
            u = u.transpose(0, 1)
        g = torch.softmax(gates.reshape(rows, a.tasks, a.n_expert), dim=2)
        g = functional.dropout(g, a.dropout, self.training)
        y = torch.bmm(g, u).transpose(0, 1)  # [T, B, H]
        for layer in self.towers:
            y = layer(y)
        return torch.baddbmm(self.out_bias, y, self.out_weight).squeeze(2).t()

    def predict(self, x):
        return torch.sigmoid(self.forward(x))

    def loss(self, output, labels):
        return functional.binary_cross_entropy_with_logits(output, labels)

    @torch.no_grad()
    def copy_from(self, usual):
        tables = [table.weight for table in usual.embeddings.values()]
        single = self.a.sparse - self.a.lists
        if single:
            self.table.copy_(torch.cat(tables[:single]))
        if self.bags:
            self.bags.weight.copy_(torch.cat(tables[single:]))
        parts = list(usual.experts) + list(usual.gates)
        self.first.weight.copy_(torch.cat([part[0].weight for part in parts]))
        self.first.bias.copy_(torch.cat([part[0].bias for part in parts]))
        copy_norms(self.first_norm, [part[1] for part in parts])
        for modules, layers, depth in ((usual.experts, self.experts, 1), (usual.towers, self.towers,
                                                                          0)):
            for i, layer in enumerate(layers, depth):
                layer.copy_from([module[4 * i] for module in modules],
                                [module[4 * i + 1] for module in modules])
        self.out_weight.copy_(torch.stack([tower[-1].weight.t() for tower in usual.towers]))
        self.out_bias.copy_(torch.stack([tower[-1].bias for tower in usual.towers]).unsqueeze(1))
