"""Makes methods.npz for ssl/methods_parity_test.go: two training steps of every
method on a narrow ResNet-9, and of DINO's multi-crop on a vision transformer too,
with SGD, by PyTorch in float64.

    python ssl/testdata/make_methods.py

Parameters and images come from the counters of nn/testdata/make_resnet9.py and
make_vit.py; those of a teacher from streams that begin with "teacher/", so that it
differs from the student from the start. The losses are written here as the papers have
them, with the details of the authors' programs that the doc comments in ssl name. Of
every method the file has the losses of both steps, the gradients of both steps, and all
parameters and buffers after the second: of each array a summary, in the order of
"names".
"""

import copy
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer
from torch import nn

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / p) for p in ("../../internal/testutil", "../../bench/peers", "../../nn/testdata")]
from golden import save, summary, uniform  # noqa: E402
from make_resnet9 import fill, images  # noqa: E402
from make_vit import fill as fill_vit  # noqa: E402
from resnet9 import ResNet9  # noqa: E402

N, SIZE, WIDTH, LR, SAMPLES = 8, 16, 1 / 8, 0.02, 6
HIDDEN, OUT, PREDICTOR, T = 20, 12, 10, 0.3
QUEUE, SPLITS, EMA = 20, 2, 0.9
LAMBDA, SCALE = 0.02, 0.1
PROTOTYPES, TEACHER_T, CENTRE = 14, 0.05, 0.9
STEPS = 2
# The groups that Go's keyGroups makes of seed 5 at steps 0 and 1, passes 0 and 1.
GROUPS = [
    [[[3, 0, 4, 5], [2, 1, 7, 6]], [[1, 0, 6, 5], [3, 2, 4, 7]]],
    [[[2, 1, 6, 5], [0, 3, 7, 4]], [[0, 1, 7, 5], [2, 3, 4, 6]]],
]


def head(sizes, bn=True, out_bn=False, gelu=False):
    layers = nn.Sequential()
    for i in range(1, len(sizes)):
        layers.add_module(f"fc{i}", nn.Linear(sizes[i - 1], sizes[i]))
        last = i == len(sizes) - 1
        if last and out_bn:
            layers.add_module(f"bn{i}", nn.BatchNorm1d(sizes[i], affine=False))
        if not last:
            if bn:
                layers.add_module(f"bn{i}", nn.BatchNorm1d(sizes[i]))
            layers.add_module(f"act{i}", nn.GELU() if gelu else nn.ReLU())
    return layers


class ViT(VisionTransformer):
    """vit_tiny_patch4, narrow and of two blocks, for images of 24x24 and, by
    interpolated positions, of any size of whole patches."""

    def __init__(self):
        self.out_dim = 3 * round(64 * WIDTH)
        super().__init__(img_size=24, patch_size=4, num_classes=0, embed_dim=self.out_dim, depth=2, num_heads=3)

    def forward(self, x):
        x = self.patch_embed.proj(x)
        grid = self.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (6, 6))
        grid = F.interpolate(grid, size=x.shape[2:], mode="bicubic", align_corners=False)
        x = x.flatten(2).transpose(1, 2) + grid.flatten(2).transpose(1, 2)
        first = (self.cls_token + self.pos_embed[:, :1]).expand(len(x), -1, -1)
        return self.norm(self.blocks(torch.cat([first, x], 1)))[:, 0]


class Net(nn.Module):
    """Encoder and projector, with the predictor or the prototypes of some."""

    def __init__(self, prefix="", predictor=False, prototypes=False, vit=False, **how):
        super().__init__()
        self.encoder = fill_vit(ViT(), prefix) if vit else fill(ResNet9(WIDTH, "max"), prefix)
        self.projector = fill(head([self.encoder.out_dim, HIDDEN, OUT], **how), prefix + "projector.")
        if predictor:
            self.predictor = fill(head([OUT, PREDICTOR, OUT]), prefix + "predictor.")
        if prototypes:
            last = nn.Linear(OUT, PROTOTYPES, bias=False)
            self.prototypes = fill(nn.Sequential(), "")
            self.prototypes.weight = nn.Parameter(torch.from_numpy(uniform(prefix + "prototypes.weight", *last.weight.shape) * np.float32(1 / np.sqrt(OUT))))
        self.double()

    def forward(self, x):
        return self.projector(self.encoder(x))


def unit(x):
    return x / x.norm(dim=1, keepdim=True)


def ema(teacher, student, keep):
    s = dict(student.named_parameters())
    with torch.no_grad():
        for n, p in teacher.named_parameters():
            p.mul_(keep).add_(s[n], alpha=1 - keep)


class Base:
    images = "methods"
    sizes = [SIZE, SIZE]  # of the views
    vit = False
    teacher = None
    extra = {}

    def after(self, step):
        pass

    def rising(self, step):
        """Grill et al., Section 3.2."""
        return 1 - (1 - EMA) * (math.cos(math.pi * step / STEPS) + 1) / 2


class BYOL(Base):
    def __init__(self):
        self.net = Net(predictor=True)
        self.teacher = Net("teacher/")

    def loss(self, x1, x2, step):
        def regression(p, z):  # Equation 2
            return (unit(p) - unit(z)).square().sum(1).mean()

        with torch.no_grad():
            t1, t2 = self.teacher(x1), self.teacher(x2)
        q1, q2 = (self.net.predictor(self.net(x)) for x in (x1, x2))
        return regression(q1, t2) + regression(q2, t1)

    def after(self, step):
        ema(self.teacher, self.net, self.rising(step))


class SimSiam(Base):
    def __init__(self):
        self.net = Net(predictor=True, out_bn=True)

    def loss(self, x1, x2, step):
        def d(p, z):
            return -(unit(p) * unit(z.detach())).sum(1).mean()

        z1, z2 = self.net(x1), self.net(x2)
        p1, p2 = self.net.predictor(z1), self.net.predictor(z2)
        return d(p1, z2) / 2 + d(p2, z1) / 2


class Barlow(Base):
    def __init__(self):
        self.net = Net()

    def loss(self, x1, x2, step):
        def norm(z):
            return (z - z.mean(0)) / (z.var(0, unbiased=False) + 1e-5).sqrt()

        c = norm(self.net(x1)).T @ norm(self.net(x2)) / N
        on = (1 - c.diagonal()).square().sum()
        off = c.square().sum() - c.diagonal().square().sum()
        return SCALE * (on + LAMBDA * off)


class VICReg(Base):
    images = "set1-"  # with "methods" an activation lies within rounding of a ReLU's 0

    def __init__(self):
        self.net = Net()

    def loss(self, x1, x2, step):
        z1, z2 = self.net(x1), self.net(x2)

        def std(z):
            return F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()

        def covariance(z):
            z = z - z.mean(0)
            c = z.T @ z / (N - 1)
            return (c.square().sum() - c.diagonal().square().sum()) / OUT

        return 25 * F.mse_loss(z1, z2) + 25 * (std(z1) + std(z2)) / 2 + covariance(z1) + covariance(z2)


class MoCo3(Base):
    def __init__(self):
        self.net = Net(predictor=True, out_bn=True)
        self.teacher = Net("teacher/", out_bn=True)

    def loss(self, x1, x2, step):
        def ctr(q, k):
            return 2 * T * F.cross_entropy(unit(q) @ unit(k).T / T, torch.arange(N))

        with torch.no_grad():
            k1, k2 = self.teacher(x1), self.teacher(x2)
        q1, q2 = (self.net.predictor(self.net(x)) for x in (x1, x2))
        return ctr(q1, k2) + ctr(q2, k1)

    def after(self, step):
        ema(self.teacher, self.net, EMA)


def set_buffers(net, values):
    """New tensors, since autograd still needs the old ones."""
    for name, v in values.items():
        module, _, key = name.rpartition(".")
        net.get_submodule(module)._buffers[key] = v.clone()


def in_parts(net, x, groups):
    """Batch norm over each group by itself; the running statistics are the mean of
    what each group alone would make of them."""
    before = {n: b.clone() for n, b in net.named_buffers()}
    out, sums = [None] * N, {n: 0 for n in before}
    for g in groups:
        set_buffers(net, before)
        for i, z in zip(g, net(x[g])):
            out[i] = z
        for n, b in net.named_buffers():
            sums[n] = sums[n] + b.clone() / len(groups)
    set_buffers(net, sums)
    return torch.stack(out)


class MoCo2(Base):
    symmetric = True

    def __init__(self):
        self.net = Net(bn=False)
        self.teacher = Net("teacher/", bn=False)
        self.queue = unit(torch.from_numpy(uniform("queue", QUEUE, OUT)).double())
        self.at = 0

    def contrast(self, xq, xk, step, number):
        with torch.no_grad():
            # The loss needs the parts, not the order: any shuffle into the parts
            # that the test asks for.
            k = unit(in_parts(self.teacher, xk, GROUPS[step][number]))
        q = unit(in_parts(self.net, xq, [list(range(N // 2)), list(range(N // 2, N))]))
        positive = (q * k).sum(1, keepdim=True)
        logits = torch.cat([positive, q @ self.queue.T], 1) / T
        return F.cross_entropy(logits, torch.zeros(N, dtype=torch.long)), k

    def loss(self, x1, x2, step):
        l1, k1 = self.contrast(x1, x2, step, 0)
        if not self.symmetric:
            self.keys = k1
            return l1
        l2, k2 = self.contrast(x2, x1, step, 1)
        self.keys = torch.cat([k1, k2])
        return (l1 + l2) / 2

    def after(self, step):
        ema(self.teacher, self.net, EMA)
        self.queue = self.queue.clone()
        for k in self.keys:
            self.queue[self.at] = k
            self.at = (self.at + 1) % QUEUE
        self.extra = {"queue": self.queue}


class MoCo2Asymmetric(MoCo2):
    symmetric = False


class DINO(Base):
    def __init__(self):
        self.net = Net(gelu=True, prototypes=True, vit=self.vit)
        self.teacher = Net("teacher/", gelu=True, prototypes=True, vit=self.vit)
        self.centre = torch.zeros(PROTOTYPES, dtype=torch.float64)

    def loss(self, x1, x2, step):
        def g(net):
            return unit(net(torch.cat([x1, x2]))) @ unit(net.prototypes.weight).T

        def h(t, s):
            t = ((t - self.centre) / TEACHER_T).softmax(1)
            return -(t * (s / T).log_softmax(1)).sum(1).mean()

        with torch.no_grad():
            t = g(self.teacher)
        s1, s2 = g(self.net).chunk(2)
        t1, t2 = t.chunk(2)
        self.mean = t.mean(0)
        return h(t1, s2) / 2 + h(t2, s1) / 2

    def after(self, step):
        ema(self.teacher, self.net, self.rising(step))
        self.centre = CENTRE * self.centre + (1 - CENTRE) * self.mean
        self.extra = {"centre": self.centre}


class DINOMultiCrop(DINO):
    """Equation 3, divided by its number of terms. As in the authors' program the
    crops of a size are one batch of the encoder, and all features one of the head."""

    sizes = [32, 32, 24, 24, 24]

    def loss(self, x1, x2, *local, step):
        def g(net, features):
            return unit(net.projector(features)) @ unit(net.prototypes.weight).T

        def h(t, s):
            return -(t * (s / T).log_softmax(1)).sum(1).mean()

        with torch.no_grad():
            t = g(self.teacher, self.teacher.encoder(torch.cat([x1, x2])))
            teacher = [((v - self.centre) / TEACHER_T).softmax(1) for v in t.chunk(2)]
        features = [self.net.encoder(torch.cat([x1, x2])), self.net.encoder(torch.cat(local))]
        student = g(self.net, torch.cat(features)).chunk(2 + len(local))
        self.mean = t.mean(0)
        terms = [h(teacher[i], s) for i in range(2) for j, s in enumerate(student) if i != j]
        return sum(terms) / len(terms)


class DINOMultiCropViT(DINOMultiCrop):
    """On a vision transformer: 6x6 patches, 4x4 of the crops."""

    sizes = [24, 24, 16, 16, 16]
    vit = True


def ours(tensors):
    """Names and layouts of this project."""
    return {
        k.removeprefix("encoder."): (v if v.ndim < 4 else v.permute(2, 3, 1, 0)).detach().double().numpy().copy()
        for k, v in tensors
        if not k.endswith("num_batches_tracked")
    }


def train(method, dtype):
    m = method()
    if dtype != torch.float64:
        for net in filter(None, (m.net, m.teacher)):
            net.to(dtype)
        for n in ("queue", "centre"):
            if hasattr(m, n):
                setattr(m, n, getattr(m, n).to(dtype))
    opt = torch.optim.SGD(m.net.parameters(), lr=LR, momentum=0.9)
    losses, gradients = [], []
    for step in range(STEPS):
        views = (
            torch.from_numpy(images(f"{m.images}{step}/{v + 1}", N, size, size)).to(dtype).permute(0, 3, 1, 2).contiguous()
            for v, size in enumerate(m.sizes)
        )
        opt.zero_grad()
        loss = m.loss(*views, step=step)
        loss.backward()
        losses.append(loss.item())
        gradients.append(ours((n, p.grad.clone()) for n, p in m.net.named_parameters()))
        opt.step()
        m.after(step)
    end = ours([*m.net.named_parameters(), *m.net.named_buffers()])
    if m.teacher:
        end |= {f"teacher.{n}": v for n, v in ours([*m.teacher.named_parameters(), *m.teacher.named_buffers()]).items()}
    end |= ours(m.extra.items())
    return losses, gradients, end


def distance(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def main():
    arrays, about = {}, {}
    for name, method in {
        "byol": BYOL, "simsiam": SimSiam, "mocov2": MoCo2, "mocov2_asymmetric": MoCo2Asymmetric,
        "mocov3": MoCo3, "barlow": Barlow, "vicreg": VICReg, "dino": DINO,
        "dino_multicrop": DINOMultiCrop, "dino_multicrop_vit": DINOMultiCropViT,
    }.items():  # fmt: skip
        losses, gradients, end = train(method, torch.float64)
        # A bias before a batch norm has no effect on the loss and a gradient of 0.
        idle = [n for n, g in gradients[0].items() if np.linalg.norm(g) < 1e-9]
        l32, g32, e32 = train(method, torch.float32)
        print(f"{name}: losses {losses}, idle {len(idle)} of {len(gradients[0])}\n  float32: losses "
              f"{max(abs(a / b - 1) for a, b in zip(l32, losses)):.0e}, gradients of step 1 and 2 "
              + " and ".join(f"{max(distance(a[n], b[n]) for n in b if n not in idle):.0e}" for a, b in zip(g32, gradients))
              + f", after {max(distance(e32[n], v) for n, v in end.items() if n not in idle and n.replace('teacher.', '') not in idle and np.linalg.norm(v) > 0):.0e}")
        names = [n for n in gradients[0] if n not in idle]
        for k, g in enumerate(gradients):
            arrays[f"{name}/grad{k + 1}"] = np.stack([summary(f"grad{k + 1}/{n}", g[n], SAMPLES) for n in names])
        after = [n for n in end if n not in idle]
        arrays[f"{name}/after"] = np.stack([summary(f"after/{n}", end[n], SAMPLES) for n in after])
        about[name] = {"losses": losses, "names": names, "after": after, "idle": idle, "images": method.images, "sizes": method.sizes, "vit": method.vit}
    save(HERE / "methods.npz", arrays, methods=about, n=N, size=SIZE, width=WIDTH, lr=LR, samples=SAMPLES, groups=GROUPS)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
