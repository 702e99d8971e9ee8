"""test_torch_model.py PAGE: a model of torch-rechub's, in and out, and the same scores; skipped
without torch."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "export"))
import test_torch as rechub  # its modules; ends with 77 where there is no torch
from support import quietly, raised, run_all

import mmoe
import numpy as np
import torch

CONFIG = {"features": rechub.FEATURES, "tasks": [rechub.CTR, rechub.VALUE],
          "model": {"name": "mmoe", "n_expert": 3, "expert_params": {"dims": [16]}}}
PAGE, ROWS = sys.argv[1], 50
DRAW = np.random.default_rng(1)
DATA = {"user": DRAW.integers(0, 20, ROWS), "slot": DRAW.integers(0, 5, ROWS),
        "friend": DRAW.integers(0, 20, ROWS), "age": DRAW.normal(size=ROWS).astype(np.float32)}


def torch_model():
    torch.manual_seed(3)
    model = rechub.MMOE(CONFIG)
    for name, buffer in model.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return model.eval()


def check(model, wanted, most=1e-5):
    ids = torch.tensor(np.stack([DATA["user"], DATA["slot"], DATA["friend"]], 1))
    with torch.no_grad():
        scores = wanted(ids, {}, torch.tensor(DATA["age"][:, None])).numpy()
    found = np.stack(list(model.predict(DATA).values()), 1)
    assert scores.std(axis=0).min() > 1e-3 and np.abs(scores - found).max() < most


def test_in_and_out():
    there = torch_model()
    model = mmoe.from_torch(there, CONFIG)
    check(model, there)
    back = rechub.MMOE(CONFIG).eval()
    back.load_state_dict(model.to_torch())
    check(model, back)
    for name, tensor in there.state_dict().items():
        assert torch.equal(tensor, back.state_dict()[name]), name


def test_the_pages_sample():
    with open(PAGE) as page:
        sample = next(part for part in page.read().split("```python\n")[1:] if "to_torch" in part)
    given = {"mmoe": mmoe, "torch_model": torch_model(), "config": CONFIG}
    exec(sample.split("```")[0], given)
    check(given["model"], torch_model())
    check(given["model"], given["torch_model"])


def test_trained_here():
    rows = {**DATA, "click": DRAW.integers(0, 2, ROWS), "price": DRAW.normal(size=ROWS)}
    model = quietly(mmoe.train, CONFIG, rows)
    back = rechub.MMOE(CONFIG).eval()
    back.load_state_dict(model.to_torch())
    check(model, back)


def test_wrapped_and_of_other_precision():
    there = torch_model()
    wrapped = {"module." + name: t for name, t in there.state_dict().items()}
    check(quietly(mmoe.from_torch, wrapped, CONFIG), there)
    check(quietly(mmoe.from_torch, torch_model().double(), CONFIG), there)
    check(quietly(mmoe.from_torch, torch_model().bfloat16(), CONFIG), there, 0.1)
    few = {name: t for name, t in wrapped.items() if "experts.0.mlp.0.weight" not in name}
    raised(mmoe.Error, "experts.0.mlp.0.weight", by=lambda: mmoe.from_torch(few, CONFIG))


run_all(sys.modules[__name__])
