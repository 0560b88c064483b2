"""Makes ntxent.npz and simclr*.npz for ssl/parity_test.go: the loss of SimCLR,
and whole training steps of ResNet-9 with Adam, by PyTorch in float64.

    python ssl/testdata/make_simclr.py

Parameters and images come from the counters of nn/testdata/make_resnet9.py.
Step k trains on the batch k mod 3, whose views are "{images}{k mod 3}/1" and "/2".
The script also runs every training in float32, in three ways, and prints how far
these end up from float64: what the test may ask for.
"""

import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / p) for p in ("../../internal/testutil", "../../bench/peers", "../../nn/testdata")]
from golden import save, summary, uniform  # noqa: E402
from make_resnet9 import fill, images  # noqa: E402
from resnet9 import SimCLR, nt_xent  # noqa: E402


def literal_nt_xent(z1, z2, temperature):
    """Equation 1 and Algorithm 1 of Chen et al. 2020, as they stand there, but for
    counting from 0 and for the order of the views: first all z1, then all z2."""
    z = [*z1, *z2]
    n = len(z1)
    s = [[(a @ b) / (a.norm() * b.norm()) for b in z] for a in z]

    def loss(i, j):
        denominator = sum(torch.exp(s[i][k] / temperature) for k in range(2 * n) if k != i)
        return -torch.log(torch.exp(s[i][j] / temperature) / denominator)

    return sum(loss(k, k + n) + loss(k + n, k) for k in range(n)) / (2 * n)


def ntxent():
    cases, arrays = [], {}
    for n, d, temperature, scale in [
        (1, 4, 0.5, 1),  # no negatives: the loss is 0
        (2, 3, 0.5, 1),
        (5, 8, 0.1, 3),
        (16, 32, 0.5, 1),
        (16, 32, 1.0, 0.01),
        (9, 17, 0.07, 100),
        (3, 2, 0.02, 1),
    ]:
        name = f"{n}x{d}_{temperature}_{scale}"
        z = [(uniform(f"{name}/z{i}", n, d) * np.float32(scale)) for i in (1, 2)]
        t = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in z]
        loss = literal_nt_xent(*t, temperature)
        torch.testing.assert_close(loss, nt_xent(torch.cat(t), temperature))
        loss.backward()
        for i in (0, 1):
            arrays[f"{name}.z{i + 1}"] = z[i]
            arrays[f"{name}.z{i + 1}.grad"] = t[i].grad.numpy().astype(np.float32)
        cases.append({"name": name, "n": n, "temperature": temperature, "loss": loss.item()})
    save(HERE / "ntxent.npz", arrays, cases=cases)


def train(dtype, c, channels_last=False, threads=2):
    """Returns the losses, the gradients of the first step, how far every
    parameter has gone after the numbers of steps in c["at"], and the buffers at
    the end; all float64 and in this project's layouts."""
    torch.set_num_threads(threads)
    model = SimCLR(c["width"], "max", c["projector"], c["bn"], c["temperature"])
    fill(model.encoder)
    fill(model.projector, "projector.")
    model = model.to(dtype)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)

    def ours(tensors):
        return {
            k.removeprefix("encoder."): (v if v.ndim < 4 else v.permute(2, 3, 1, 0)).detach().double().numpy().copy()
            for k, v in tensors
            if not k.endswith("num_batches_tracked")
        }

    start = ours(model.named_parameters())
    opt = torch.optim.Adam(model.parameters(), lr=c["lr"])
    losses, moved = [], {}
    for k in range(max([1, *c["at"]])):
        x = np.concatenate([images(f"{c['images']}{k % 3}/{v}", c["n"], 32, 32) for v in (1, 2)])
        x = torch.from_numpy(x).to(dtype).permute(0, 3, 1, 2)
        opt.zero_grad()
        loss = model(x if channels_last else x.contiguous())
        loss.backward()
        if k == 0:
            gradients = ours((n, p.grad) for n, p in model.named_parameters())
        opt.step()
        losses.append(loss.item())
        if k + 1 in c["at"]:
            moved[k + 1] = {n: v - start[n] for n, v in ours(model.named_parameters()).items()}
    return losses, gradients, moved, ours(model.named_buffers())


def distance(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def training(file, **c):
    losses, gradients, moved, buffers = train(torch.float64, c)
    # A bias before a batch norm has no effect on the loss and a gradient of 0.
    idle = [n for n, g in gradients.items() if np.linalg.norm(g) < 1e-9]
    print(file, "losses", [round(v, 4) for v in losses], "\n  without a gradient:", *idle)
    for how in ({}, {"channels_last": True}, {"threads": 1}):
        l32, g32, m32, _ = train(torch.float32, c, **how)
        line = f"  float32 {how}: loss {max(abs(a / b - 1) for a, b in zip(l32, losses)):.0e}, gradients "
        line += f"{max(distance(g32[n], g) for n, g in gradients.items() if n not in idle):.0e}"
        for k, m in moved.items():
            line += f", way gone in {k} steps {max(distance(m32[k][n], v) for n, v in m.items() if n not in idle):.0e}"
        print(line)

    arrays = {}
    for n, g in gradients.items():
        if n not in idle:
            arrays[f"grad/{n}"] = summary(f"grad/{n}", g)
    for k, m in moved.items():
        for n, v in m.items():
            if n not in idle:
                arrays[f"moved{k}/{n}"] = v.astype(np.float32) if c["full"] else summary(f"moved{k}/{n}", v)
    for n, b in buffers.items():
        arrays[f"after/{n}"] = b.astype(np.float32) if c["full"] else summary(f"after/{n}", b)
    save(HERE / file, arrays, losses=losses, idle=idle, **c)


if __name__ == "__main__":
    ntxent()
    # Of the first 20 sets of images this is the one whose activations stay furthest
    # (2e-6) from a ReLU's 0 and from ties under a max pool.
    training("simclr_eighth.npz", images="set9-", width=1 / 8, projector=[32, 16], bn=False, n=8, temperature=0.5, lr=1e-3, at=[1, 10], full=True)
    # No steps here: a feature whose ReLU lets every image pass can be shifted
    # without effect, because the projector's batch norm takes the shift away. Some
    # gradients are thus 0 but for rounding, from which Adam makes whole steps.
    training("simclr_eighth_bn.npz", images="set0-", width=1 / 8, projector=[24, 16], bn=True, n=7, temperature=0.2, lr=0, at=[], full=False)
    training("simclr.npz", images="images", width=1, projector=[256, 64], bn=False, n=4, temperature=0.5, lr=1e-4, at=[3, 10], full=False)
