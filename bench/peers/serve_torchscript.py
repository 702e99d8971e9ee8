#!/usr/bin/python3
"""Serving with TorchScript: both peers traced, frozen and optimised for inference, timed over
numbers of rows a call."""
import json
import os
import sys
import warnings

import mmoe_common

MODELS = {"fused": ("mmoe_fused", "FusedMMoE"), "usual": ("mmoe_usual", "UsualMMoE")}


def serving(torch, model, example):
    """A module is traced anew for each number of rows: the interpreter specialises on the shapes it
    sees."""

    class Serving(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model.predict(x)

    frozen = torch.jit.freeze(torch.jit.trace(Serving().eval(), (example,)))
    return torch.jit.optimize_for_inference(frozen)


def measure(torch, a, model):
    *columns, _ = mmoe_common.make_rows(torch, a)
    inputs = model.prepare(*columns)
    results = []
    for count in a.row_counts:
        batches = [model.rows(inputs, i, count) for i in range(0, a.rows - count + 1, count)]
        script = serving(torch, model, batches[0])
        for _ in range(3):  # profiled, then compiled
            script(batches[0])
        torch.testing.assert_close(script(batches[-1]), model.predict(batches[-1]), rtol=0,
                                   atol=1e-5)
        times = mmoe_common.time_calls(script, batches, a.seconds)
        results.append({
            "rows": count, "p50_us": 1e3 * mmoe_common.quantile(times, 0.5),
            "p99_us": 1e3 * mmoe_common.quantile(times, 0.99),
            "rows_per_second": 1e3 * count * len(times) / sum(times), "calls": len(times)
        })
    return results


def main():
    a = mmoe_common.parse_arguments(__doc__)
    if a.rows < max(a.row_counts):
        sys.exit(f"--rows: at least {max(a.row_counts)}")
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(a.threads)
    import torch

    torch.set_num_threads(a.threads)
    warnings.simplefilter("ignore")
    models = {}
    for name, (module, model_class) in MODELS.items():
        torch.manual_seed(a.seed)
        model = getattr(__import__(module), model_class)(a).eval()
        with torch.no_grad():
            models[name] = measure(torch, a, model)
    print(
        json.dumps({
            "program": "serve_torchscript", "n_expert": a.n_expert, "threads": a.threads,
            **mmoe_common.about(torch), "models": models
        }))


if __name__ == "__main__":
    main()
