"""Makes lars.npz: ten steps of LARS, written out in PyTorch in float64, for
nn/optim/lars_test.go.

    python nn/optim/testdata/make_lars.py

Weights, gradients and learning rates are those of make_optim.py; "zero" is a
weight that starts at 0, where no trust ratio is defined. "bias" takes neither
adaptation nor decay.
"""

from make_optim import HERE, SHAPES, STEPS, gradient, learning_rates, save, torch, uniform

CONFIGS = [
    {"name": "lars", "momentum": 0.9, "trust": 0.02},
    {"name": "lars_decay", "momentum": 0.9, "trust": 0.02, "weightDecay": 0.1},
    {"name": "lars_clip", "momentum": 0.9, "trust": 0.02, "weightDecay": 0.1, "clip": True},
    {"name": "lars_plain", "momentum": 0, "trust": 0.5, "weightDecay": 0.01},
]


def step(w, g, v, lr, c, excluded):
    """You, Gitman and Ginsburg 2017, Algorithm 1, with the learning rate outside of
    the momentum, as PyTorch has it."""
    decay = 0 if excluded else c.get("weightDecay", 0)
    ratio = 1.0
    if not excluded and w.norm() != 0 and g.norm() != 0:
        ratio = c["trust"] * w.norm() / (g.norm() + decay * w.norm() + 1e-8)
        if c.get("clip"):
            ratio = min(ratio / lr, torch.tensor(1.0, dtype=w.dtype))
    v = c["momentum"] * v + ratio * (g + decay * w)
    return w - lr * v, v


def main():
    arrays = {}
    rates = learning_rates(0.05, 3, 12)
    for c in CONFIGS:
        for name, shape in {**SHAPES, "zero": (3,)}.items():
            w = torch.from_numpy(uniform(name, *shape) / 8).double()
            if name == "zero":
                w = w * 0
            v, way = torch.zeros_like(w), []
            for k in range(STEPS):
                w, v = step(w, gradient(k, name, shape), v, rates[k], c, name == "bias")
                way.append(w.numpy())
            arrays[f"{c['name']}/{name}"] = way
    save(HERE / "lars.npz", arrays | {"rates": rates}, configs=CONFIGS, steps=STEPS)


if __name__ == "__main__":
    main()
