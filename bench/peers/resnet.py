"""ResNet-18, -34 and -50 (He et al. 2016) in plain PyTorch, with what torchvision's
lack: a width factor, a CIFAR stem, taps. Names, shapes and results at full width
with the ImageNet stem are torchvision's; `python resnet.py` checks that."""

import torch
import torch.nn.functional as F
from torch import nn

LAYERS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}


def batch_norm(channels):
    return nn.BatchNorm2d(channels)


def group_norm(channels):
    """Up to 32 groups: the largest number that divides the channels and leaves two
    of them or more in a group."""
    limit = min(32, max(1, channels // 2))
    return nn.GroupNorm(max(g for g in range(1, limit + 1) if channels % g == 0), channels)


NORMS = {"batch": batch_norm, "group": group_norm}


def conv(cin, cout, kernel, stride=1):
    return nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False)


class Block(nn.Module):
    """A basic block of 3x3 convolutions, or a bottleneck of 1x1, 3x3 (which has the
    stride) and 1x1."""

    def __init__(self, cin, mid, cout, stride, bottleneck, norm):
        super().__init__()
        self.convs = 3 if bottleneck else 2
        if bottleneck:
            shapes = [(cin, mid, 1, 1), (mid, mid, 3, stride), (mid, cout, 1, 1)]
        else:
            shapes = [(cin, mid, 3, stride), (mid, cout, 3, 1)]
        for i, shape in enumerate(shapes, 1):
            setattr(self, f"conv{i}", conv(*shape))
            setattr(self, f"bn{i}", norm(shape[1]))
        self.downsample = None
        if stride != 1 or cin != cout:
            self.downsample = nn.Sequential(conv(cin, cout, 1, stride), norm(cout))

    def forward(self, x, tap):
        y = x
        for i in range(1, self.convs + 1):
            y = tap(f".conv{i}", getattr(self, f"conv{i}")(y))
            y = tap(f".bn{i}", getattr(self, f"bn{i}")(y))
            if i < self.convs:
                y = tap(f".relu{i}", F.relu(y))
        if self.downsample is not None:
            x = tap(".downsample.0", self.downsample[0](x))
            x = tap(".downsample.1", self.downsample[1](x))
        return tap("", F.relu(tap(".add", y + x)))


class ResNet(nn.Module):
    """[N,C,H,W] to features [N, out_dim]."""

    def __init__(self, name, width=1.0, stem="cifar", pool="avg", norm="batch", channels=3):
        super().__init__()
        self.stem, self.pool, norm = stem, pool, NORMS[norm]
        bottleneck = name == "resnet50"

        def scaled(n):
            return max(1, int(n * width + 0.5))

        c = scaled(64)
        self.conv1 = conv(channels, c, 3) if stem == "cifar" else conv(channels, c, 7, 2)
        self.bn1 = norm(c)
        for stage, n in enumerate(LAYERS[name]):
            mid = 64 << stage
            out = scaled(4 * mid if bottleneck else mid)
            blocks = nn.ModuleList()
            for i in range(n):
                stride = 2 if stage > 0 and i == 0 else 1
                blocks.append(Block(c, scaled(mid), out, stride, bottleneck, norm))
                c = out
            setattr(self, f"layer{stage + 1}", blocks)
        self.out_dim = c

    def forward(self, x, taps=None):
        """With a dict as taps, the output of every layer is put there by name."""

        def tap(name, t):
            if taps is not None:
                taps[name] = t
            return t

        x = tap("relu", F.relu(tap("bn1", self.bn1(tap("conv1", self.conv1(x))))))
        if self.stem == "imagenet":
            x = tap("maxpool", F.max_pool2d(x, 3, 2, 1))
        for stage in range(1, 5):
            for i, block in enumerate(getattr(self, f"layer{stage}")):
                x = block(x, lambda name, t, at=f"layer{stage}.{i}": tap(at + name, t))
        if self.pool == "max":
            return tap("globalmax", x.amax((2, 3)))
        return tap("avgpool", x.mean((2, 3)))


def check_against_torchvision():
    import torchvision

    torch.manual_seed(0)
    x = torch.randn(2, 3, 97, 64)
    for name in LAYERS:
        ours, theirs = ResNet(name, stem="imagenet"), getattr(torchvision.models, name)()
        theirs.fc = nn.Identity()
        assert list(ours.state_dict()) == list(theirs.state_dict()), f"{name}: names"
        ours.load_state_dict(theirs.state_dict())
        for train in (True, False):
            a, b = ours.train(train)(x), theirs.train(train)(x)
            assert (a - b).abs().max() <= 1e-6 * b.abs().max(), f"{name}: outputs"
        for (k, a), (_, b) in zip(ours.state_dict().items(), theirs.state_dict().items()):
            assert torch.allclose(a, b, rtol=1e-5, atol=1e-7), f"{name}: {k} after a step"


if __name__ == "__main__":
    check_against_torchvision()
    for n in LAYERS:
        print(n, sum(p.numel() for p in ResNet(n).parameters()), "parameters (CIFAR stem)")
