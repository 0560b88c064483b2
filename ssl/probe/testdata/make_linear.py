"""Makes linear.npz for ssl/probe/linear_test.go: multinomial logistic regressions on
standardised features, fitted in float64 by PyTorch's L-BFGS until no derivative is
larger than 1e-9.

    python ssl/probe/testdata/make_linear.py

Point i of `part` has class i mod K and the features (the test computes them too)

    uniform(part)[i] * (1 + unit) + unit + spread * uniform("centre")[class]

The objective is the mean cross-entropy plus decay/2 times the squared weights.
Biases are stored less their mean: a number added to all changes nothing.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "../../../internal/testutil"))
from golden import save, uniform  # noqa: E402


def points(part, n, d, k, spread):
    unit = np.arange(d)
    x = uniform(part, n, d).astype(np.float64) * (1 + unit) + unit
    return x + spread * uniform("centre", k, d).astype(np.float64)[np.arange(n) % k]


def fit(x, y, k, decay):
    w = torch.zeros(k, x.shape[1], dtype=torch.float64, requires_grad=True)
    b = torch.zeros(k, dtype=torch.float64, requires_grad=True)
    opt = torch.optim.LBFGS([w, b], lr=1, max_iter=20000, max_eval=40000, tolerance_grad=1e-9, tolerance_change=0, history_size=20, line_search_fn="strong_wolfe")

    def closure():
        opt.zero_grad()
        loss = F.cross_entropy(x @ w.T + b, y) + decay / 2 * (w**2).sum()
        loss.backward()
        return loss

    opt.step(closure)
    loss = closure()
    assert max(w.grad.abs().max(), b.grad.abs().max()) < 1e-8
    return w.detach(), b.detach() - b.detach().mean(), loss.item()


def run():
    cases, arrays = [], {}
    for name, n, d, k, spread, decay in [("overlap", 90, 6, 3, 1.0, 1e-2), ("weak", 200, 12, 5, 2.0, 1e-4), ("two", 40, 3, 2, 0.5, 0.1)]:
        train, test = points("train", n, d, k, spread), points("test", n, d, k, spread)
        mean, std = train.mean(0), train.std(0)
        y = torch.arange(n) % k
        w, b, loss = fit(torch.from_numpy((train - mean) / std), y, k, decay)
        logits = torch.from_numpy((test - mean) / std) @ w.T + b
        top = logits.topk(2).values
        print(name, "loss", loss, "largest weight", w.abs().max().item(), "closest call", (top[:, 0] - top[:, 1]).min().item())
        arrays[f"{name}/weight"], arrays[f"{name}/bias"] = w.numpy(), b.numpy()
        accuracy = (logits.argmax(1) == y).double().mean().item()
        cases.append(dict(name=name, n=n, d=d, k=k, spread=spread, decay=decay, loss=loss, accuracy=accuracy))
    save(HERE / "linear.npz", arrays, cases=cases)


if __name__ == "__main__":
    torch.set_num_threads(1)
    run()
