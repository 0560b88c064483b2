"""ResNet-9 of "Localizing Memorization in SSL Vision Encoders" (arXiv 2409.19069,
Tables 8 and 18) and SimCLR on top of it, in plain PyTorch: the peer of this
project's own, and what its golden files are made with."""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn


class ResNet9(nn.Module):
    """[N,3,H,W] to features [N, 256*width].

    Every convolution is 3x3, stride 1, padding 1, with bias, and is followed by
    batch norm and ReLU. Pools halve the image after the blocks 1, 2_0, 3 and 4_0.
    The residual sum comes after the ReLU: res2 = pool2_0 + relu2_2.
    """

    # block, input channels, output channels, pooled?
    BLOCKS = [
        ("1", 3, 32, True),
        ("2_0", 32, 64, True),
        ("2_1", 64, 64, False),
        ("2_2", 64, 64, False),
        ("3", 64, 128, True),
        ("4_0", 128, 256, True),
        ("4_1", 256, 256, False),
        ("4_2", 256, 256, False),
    ]

    def __init__(self, width=1.0, pool="max"):
        super().__init__()
        assert pool in ("max", "avg")
        self.pool = pool
        for name, cin, cout, _ in self.BLOCKS:
            cin, cout = (c if c == 3 else round(c * width) for c in (cin, cout))
            setattr(self, "conv" + name, nn.Conv2d(cin, cout, 3, padding=1))
            setattr(self, "bn" + name, nn.BatchNorm2d(cout))
        self.out_dim = cout

    def forward(self, x, taps=None):
        """With a dict as taps, the output of every layer is put there by name."""

        def tap(name, t):
            if taps is not None:
                taps[name] = t
            return t

        for name, _, _, pooled in self.BLOCKS:
            x = tap("conv" + name, getattr(self, "conv" + name)(x))
            x = tap("bn" + name, getattr(self, "bn" + name)(x))
            x = tap("relu" + name, F.relu(x))
            if pooled:
                x = tap("pool" + name, F.max_pool2d(x, 2))
            if name in ("2_0", "4_0"):
                shortcut = x
            if name in ("2_2", "4_2"):
                x = tap("res" + name[0], shortcut + x)
        pool = F.adaptive_max_pool2d if self.pool == "max" else F.adaptive_avg_pool2d
        x = pool(x, 1).flatten(1)
        return tap("head", x)


def projector(dims, bn):
    """fc1, (bn1,) relu1, fc2, ... through the widths in dims."""
    layers = OrderedDict()
    for i in range(1, len(dims)):
        layers[f"fc{i}"] = nn.Linear(dims[i - 1], dims[i])
        if i < len(dims) - 1:
            if bn:
                layers[f"bn{i}"] = nn.BatchNorm1d(dims[i])
            layers[f"relu{i}"] = nn.ReLU()
    return nn.Sequential(layers)


class SimCLR(nn.Module):
    """Chen et al. 2020: both views pass the networks as one batch."""

    def __init__(self, width=1.0, pool="max", hidden=(256, 64), bn=False, temperature=0.5, encoder=None):
        super().__init__()
        self.encoder = ResNet9(width, pool) if encoder is None else encoder
        self.projector = projector([self.encoder.out_dim, *hidden], bn)
        self.temperature = temperature

    def forward(self, views):
        """views [2N,3,H,W]: the first views of all images, then the second."""
        return nt_xent(self.projector(self.encoder(views)), self.temperature)


def nt_xent(z, temperature):
    """NT-Xent of stacked views z [2N,D], in the usual fast form."""
    z = F.normalize(z, dim=1)
    sim = z @ z.T / temperature
    sim = sim.masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), float("-inf"))
    target = torch.arange(len(z), device=z.device).roll(len(z) // 2)
    return F.cross_entropy(sim, target)


def parameter_count(module):
    return sum(p.numel() for p in module.parameters())


if __name__ == "__main__":
    assert parameter_count(ResNet9()) == 1_644_672, "Table 8 of the paper adds up to 1,644,672"
    print(ResNet9(), parameter_count(ResNet9()), "parameters")
