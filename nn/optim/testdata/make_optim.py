"""Makes optim.npz: ten steps of PyTorch's optimisers, and learning rates of its
schedulers, for nn/optim/parity_test.go.

    python nn/optim/testdata/make_optim.py

All in float64. Weights start at uniform(name)/8. The gradient of step k is
uniform("grad/k/name") times 1, 1e-3, 100 or 1e-9 by position, so that Adam's eps
counts for some, and 0 for one of the weights. "bias" is exempt from weight decay
unless a configuration says decayAll.
"""

import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "../../../internal/testutil"))
from golden import save, uniform  # noqa: E402

SHAPES = {"weight": (5, 7), "bias": (6,), "single": (1,)}
SCALE = np.array([1, 1e-3, 100, 1e-9], dtype=np.float32)
STEPS = 10

CONFIGS = [
    {"name": "sgd", "kind": "sgd"},
    {"name": "sgd_momentum", "kind": "sgd", "momentum": 0.9},
    {"name": "sgd_decay", "kind": "sgd", "weightDecay": 0.1},
    {"name": "sgd_momentum_decay_all", "kind": "sgd", "momentum": 0.8, "weightDecay": 0.1, "decayAll": True},
    {"name": "sgd_nesterov", "kind": "sgd", "momentum": 0.9, "nesterov": True, "weightDecay": 0.05},
    {"name": "adam", "kind": "adam"},
    {"name": "adam_betas", "kind": "adam", "beta1": 0.8, "beta2": 0.95, "eps": 1e-3},
    {"name": "adam_decay", "kind": "adam", "weightDecay": 0.1},
    {"name": "adamw", "kind": "adam", "decoupled": True, "weightDecay": 0.5},
    {"name": "adamw_all", "kind": "adam", "decoupled": True, "weightDecay": 0.5, "decayAll": True},
]


def gradient(k, name, shape):
    g = uniform(f"grad/{k}/{name}", *shape)
    flat = g.reshape(-1)
    flat *= SCALE[np.arange(flat.size) % 4]
    if name == "weight":
        flat[4] = 0
    return torch.from_numpy(g).double()


def optimiser(c, groups):
    if c["kind"] == "sgd":
        return torch.optim.SGD(groups, momentum=c.get("momentum", 0), nesterov=c.get("nesterov", False))
    cls = torch.optim.AdamW if c.get("decoupled") else torch.optim.Adam
    return cls(groups, betas=(c.get("beta1", 0.9), c.get("beta2", 0.999)), eps=c.get("eps", 1e-8))


def learning_rates(base, warmup, total):
    """Linear warm-up, then half a cosine, from PyTorch's own schedulers."""
    opt = torch.optim.SGD([torch.zeros(1)], lr=base)
    s = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=total - warmup)
    if warmup:
        opt = torch.optim.SGD([torch.zeros(1)], lr=base)
        up = torch.optim.lr_scheduler.LinearLR(opt, start_factor=1 / warmup, total_iters=warmup - 1)
        down = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=total - warmup)
        s = torch.optim.lr_scheduler.SequentialLR(opt, [up, down], milestones=[warmup])
    rates = []
    for _ in range(total + 1):
        rates.append(opt.param_groups[0]["lr"])
        opt.step()
        s.step()
    return np.array(rates)


def main():
    arrays = {}
    schedules = [(0.05, 3, 12), (0.001, 0, 7), (4.8, 30, 120), (1.0, 2, 4)]
    for base, warmup, total in schedules:
        arrays[f"rates/{base:g}_{warmup}_{total}"] = learning_rates(base, warmup, total)
    rates = arrays["rates/0.05_3_12"]
    for c in CONFIGS:
        p = {n: torch.from_numpy(uniform(n, *s) / 8).double().requires_grad_() for n, s in SHAPES.items()}
        decay = c.get("weightDecay", 0)
        groups = [
            {"params": [v], "lr": 0.0, "weight_decay": decay if n != "bias" or c.get("decayAll") else 0} for n, v in p.items()
        ]
        opt = optimiser(c, groups)
        for k in range(STEPS):
            for g in opt.param_groups:
                g["lr"] = rates[k]
            for n, v in p.items():
                v.grad = gradient(k, n, v.shape)
            opt.step()
            for n, v in p.items():
                arrays.setdefault(f"{c['name']}/{n}", []).append(v.detach().numpy().copy())
    schedules = [{"base": b, "warmup": w, "total": t} for b, w, t in schedules]
    save(HERE / "optim.npz", arrays, configs=CONFIGS, schedules=schedules, steps=STEPS)


if __name__ == "__main__":
    main()
