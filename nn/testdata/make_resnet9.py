"""Makes resnet9_*.npz: ResNet-9 in PyTorch, float64, for nn/parity_test.go.

    python nn/testdata/make_resnet9.py

The parameters and images come from counters (golden.py, `fill` and `images`
below), which the test computes too. Each file has, for one pass of a batch
through the network in training mode, every tap as a summary, the features, the
gradients of all parameters for the upstream gradient uniform("dy") of the
features, and the running statistics; then the taps of a second pass over the
same images in evaluation mode.
"""

import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "../../internal/testutil"), str(HERE / "../../bench/peers")]
from golden import save, summary, uniform  # noqa: E402
from resnet9 import ResNet9, parameter_count  # noqa: E402


def fill(module, prefix=""):
    """Sets every parameter to uniform(its name) in PyTorch's order of elements:
    norms' weights 1 + u/2 and biases u/4, all others u/sqrt(fan in)."""
    with torch.no_grad():
        for name, layer in module.named_modules():
            for key, p in layer.named_parameters(recurse=False):
                u = uniform(f"{prefix}{name}.{key}", *p.shape)
                if "bn" in name:
                    u = 1 + u / 2 if key == "weight" else u / 4
                else:
                    u = u * np.float32(1 / np.sqrt(layer.weight[0].numel()))
                assert u.dtype == np.float32
                p.copy_(torch.from_numpy(u))
    return module


def images(name, n, h, w, c=3):
    """A view of n images, NHWC: squares of 8x8 pixels in random colours, the same
    in all views of a batch, and noise of the view's own. name is "batch/view"."""
    coarse = uniform(name.split("/")[0], n, -(-h // 8), -(-w // 8), c)
    coarse = coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :h, :w]
    return coarse + uniform(name, n, h, w, c) / 4


def run(file, width, pool, n, h, w, full):
    """full: whole arrays for features, gradients and statistics, not summaries."""
    arrays = {}

    def put(name, a):
        a = a.detach().numpy()
        arrays[name] = a.astype(np.float32) if full else summary(name, a)

    model = fill(ResNet9(width, pool)).double()
    x = torch.from_numpy(images("images/a", n, h, w)).double().permute(0, 3, 1, 2)
    for mode in ("train", "eval"):
        model.train(mode == "train")
        taps = {}
        y = model(x, taps)
        for name, t in taps.items():
            t = t if t.ndim == 2 else t.permute(0, 2, 3, 1)
            arrays[f"{mode}/{name}"] = summary(f"{mode}/{name}", t.detach())
        put(f"{mode}/features", y)
        if mode == "train":
            (y * torch.from_numpy(uniform("dy", *y.shape))).sum().backward()
            for name, p in model.named_parameters():
                if name.startswith("conv") and name.endswith("bias"):
                    continue  # 0 but for rounding: the norm behind takes the mean away
                g = p.grad if p.ndim < 4 else p.grad.permute(2, 3, 1, 0)  # HWIO
                put(f"grad/{name}", g)
            for name, b in model.named_buffers():
                if not name.endswith("num_batches_tracked"):
                    put(f"after/{name}", b)
    save(HERE / file, arrays, width=width, pool=pool, n=n, h=h, w=w, full=full,
         parameters=parameter_count(model), taps=list(taps))


if __name__ == "__main__":
    torch.set_num_threads(2)
    run("resnet9_eighth.npz", 1 / 8, "max", 6, 32, 32, full=True)
    run("resnet9_eighth_odd.npz", 1 / 8, "avg", 3, 41, 27, full=False)
    run("resnet9.npz", 1, "max", 3, 32, 32, full=False)
    assert parameter_count(ResNet9()) == 1_644_672, "Table 8 of the paper adds up to this"
