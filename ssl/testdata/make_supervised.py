"""Makes supervised.npz for ssl/supervised_test.go: one step of supervised training
of ResNet-9 at an eighth of its width in PyTorch, float64, with Adam.

    python ssl/testdata/make_supervised.py

Parameters and images come from the counters of nn/testdata/make_resnet9.py. The
file has the loss, the gradients of all parameters but the biases in front of batch
norms (0 but for rounding), and how far each has gone, as summaries.
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / p) for p in ("../../internal/testutil", "../../bench/peers", "../../nn/testdata")]
from golden import save, summary  # noqa: E402
from make_resnet9 import fill, images  # noqa: E402
from resnet9 import ResNet9  # noqa: E402

N, CLASSES, LR = 8, 5, 1e-3


def step(dtype):
    model = nn.Module()
    model.encoder = fill(ResNet9(1 / 8))
    model.classifier = fill(nn.Linear(model.encoder.out_dim, CLASSES), "classifier")
    model = model.to(dtype)
    x = torch.from_numpy(images("set9-0/1", N, 32, 32)).to(dtype).permute(0, 3, 1, 2)
    opt = torch.optim.Adam(model.parameters(), lr=LR)
    start = {k: p.detach().clone() for k, p in model.named_parameters()}
    loss = F.cross_entropy(model.classifier(model.encoder(x)), torch.arange(N) % CLASSES)
    loss.backward()
    opt.step()
    out = {"loss": loss.detach().reshape(1).numpy()}
    for k, p in model.named_parameters():
        if k.startswith("encoder.conv") and k.endswith("bias"):
            continue
        for what, v in (("grad", p.grad), ("moved", p.detach() - start[k])):
            v = v if v.ndim < 4 else v.permute(2, 3, 1, 0)
            out[f"{what}/{k.removeprefix('encoder.')}"] = v.double().numpy()
    return out


if __name__ == "__main__":
    torch.set_num_threads(1)
    want, single = step(torch.float64), step(torch.float32)
    for what in ("loss", "grad", "moved"):
        print(what, max(abs(single[k] - v).max() / abs(v).max() for k, v in want.items() if k.startswith(what)))
    arrays = {k: v if k == "loss" else summary(k, v, 5) for k, v in want.items()}
    save(HERE / "supervised.npz", arrays, n=N, classes=CLASSES, lr=LR)
