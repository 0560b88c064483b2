"""Makes private.npz for ssl/private_parity_test.go: what DP-SGD adds up in one step,
in PyTorch, float64, without noise, for a masked autoencoder (make_mae.py) and for a
ResNet-18 with group norm and a classifier.

    python ssl/testdata/make_private.py

Each image goes through the network by itself: its gradient is a backward pass of its
own. The file has their norms, all parameters together, and a row of `summary` for each
parameter of sum of g_i * min(1, clip/|g_i|), divided by the expected number of images.
The clip is the median of the norms, so that some are shortened and some are not.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / p) for p in ("../../internal/testutil", "../../bench/peers", "../../nn/testdata")]
from golden import bits, save, summary, uniform  # noqa: E402
import make_mae  # noqa: E402
import make_resnets  # noqa: E402
from make_resnet9 import images  # noqa: E402
from resnet import ResNet  # noqa: E402

SAMPLES = 5


def shortened(model, losses, expected):
    """Norms, clip and the mean of shortened gradients; losses[i]() is that of image i."""
    params = dict(model.named_parameters())
    each = [dict(zip(params, torch.autograd.grad(loss(), params.values()))) for loss in losses]
    norms = [float(torch.sqrt(sum((g**2).sum() for g in grads.values()))) for grads in each]
    clip = float(np.float32(np.median(norms)))
    mean = {k: sum(g[k] * min(1, clip / n) for g, n in zip(each, norms)) / expected for k in params}
    return norms, clip, {k: (v if v.ndim < 4 else v.permute(2, 3, 1, 0)).numpy() for k, v in mean.items()}


def mae(dtype):
    o = dict(encoder="vit_tiny_patch4", patch=4, h=16, w=16, n=5, channels=3, ratio=0.75, normpix=False, depth=2,
             positions="learned", dim=24, heads=3, decoderdim=12, decoderdepth=2)  # fmt: skip
    o["visible"] = [np.argsort(bits(f"mask/{i}", 16))[:4].tolist() for i in range(o["n"])]
    model = make_mae.MAE(o)
    make_mae.fill(model)
    model = model.to(dtype)
    x = torch.from_numpy(images("images/a", o["n"], o["h"], o["w"], 3)).to(dtype).permute(0, 3, 1, 2)
    losses = [lambda i=i: model(x[i : i + 1] * (0.2 + i / 4), torch.tensor(o["visible"][i : i + 1]))[0] for i in range(o["n"])]
    return o, shortened(model, losses, 4)


def resnet(dtype):
    o = dict(n=7, h=16, w=16, classes=5)
    model = make_resnets.fill(ResNet("resnet18", 1 / 8, "cifar", "avg", "group", 3))
    model.classifier = nn.Linear(model.out_dim, o["classes"])
    with torch.no_grad():
        for k, p in model.classifier.named_parameters():
            p.copy_(torch.from_numpy(uniform(f"classifier.{k}", *p.shape) * np.float32(1 / np.sqrt(model.out_dim))))
    model = model.to(dtype)
    x = torch.from_numpy(images("images/a", o["n"], o["h"], o["w"], 3)).to(dtype).permute(0, 3, 1, 2)
    losses = [lambda i=i: F.cross_entropy(model.classifier(model(x[i : i + 1])), torch.tensor([i % o["classes"]])) for i in range(o["n"])]
    return o, shortened(model, losses, 6)


if __name__ == "__main__":
    torch.set_num_threads(1)
    arrays, about = {}, {}
    for name, step in (("mae", mae), ("resnet", resnet)):
        o, (norms, clip, mean) = step(torch.float64)
        _, (norms32, _, mean32) = step(torch.float32)
        arrays[f"{name}/norms"] = np.array(norms)
        arrays[f"{name}/grad"] = np.array([summary(f"grad/{k}", g, SAMPLES) for k, g in mean.items()], dtype=np.float32)
        about[name] = dict(o, clip=clip, parameters=list(mean), expected={"mae": 4, "resnet": 6}[name])
        off = max(float(np.abs(mean32[k] - g).max() / np.abs(g).max()) for k, g in mean.items())
        print(name, "norms", norms, "clip", clip, "float32 is off by", off)
    save(HERE / "private.npz", arrays, **about)
