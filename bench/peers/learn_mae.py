"""A vision transformer and the masked autoencoder of He et al. 2022 in PyTorch, for
torch_learn.py. Names are timm's and those of the authors' program, which are those
of this project's files too."""

import math

import torch
import torch.nn.functional as F
from torch import nn

SIZES = {"tiny": (192, 12, 3), "small": (384, 12, 6), "base": (768, 12, 12)}


def linear(a, b):
    """Normal weights of deviation 0.02, cut at two of them; biases of 0."""
    layer = nn.Linear(a, b)
    nn.init.trunc_normal_(layer.weight, std=0.02, a=-0.04, b=0.04)
    nn.init.zeros_(layer.bias)
    return layer


def tokens(n, dim, std=0.02):
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(1, n, dim), std=std, a=-2 * std, b=2 * std))


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, linear(dim, 3 * dim), linear(dim, dim)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, d))


class MLP(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc1, self.fc2 = linear(dim, 4 * dim), linear(4 * dim, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(dim, 1e-6), Attention(dim, heads)
        self.norm2, self.mlp = nn.LayerNorm(dim, 1e-6), MLP(dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """[N,3,H,W] to features [N,dim]: the class token or the mean of the patches'."""

    def __init__(self, name, width, pool, size):
        super().__init__()
        _, kind, patch = name.split("_")
        self.patch, self.pool = int(patch.removeprefix("patch")), pool
        dim, depth, heads = SIZES[kind]
        self.out_dim = dim = heads * max(1, round(dim // heads * width))
        self.side = size // self.patch
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, dim, self.patch, self.patch)})
        self.cls_token = tokens(1, dim, 1e-6)
        self.pos_embed = tokens(1 + self.side**2, dim)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim, 1e-6)

    def encode(self, x, visible=None):
        """visible [N,V]: the patches that are seen; None: all."""
        t = self.patch_embed["proj"](x).flatten(2).transpose(1, 2) + self.pos_embed[:, 1:]
        if visible is not None:
            t = t[torch.arange(len(t))[:, None], visible]
        first = (self.cls_token + self.pos_embed[:, :1]).expand(len(t), -1, -1)
        return self.norm(self.blocks(torch.cat([first, t], 1)))

    def forward(self, x):
        t = self.encode(x)
        return t[:, 1:].mean(1) if self.pool == "avg" else t[:, 0]


def sines(side, dim):
    """Of a square of patches: sines and cosines of the column, then of the row."""
    quarter = dim // 4
    rate = 10000 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    at = torch.arange(side, dtype=torch.float64)[:, None] * rate
    wave = torch.cat([at.sin(), at.cos()], 1)
    grid = torch.cat([wave.repeat(side, 1), wave.repeat_interleave(side, 0)], 1)
    return torch.cat([torch.zeros(1, dim), grid.float()])[None]


class MAE(nn.Module):
    views = 1

    def __init__(self, encoder, m, steps):
        super().__init__()
        assert not m["norm_pix"], "plain pixels only"
        self.encoder, dim = encoder, m["decoder_dim"]
        patches = encoder.side**2
        self.hidden = patches - math.floor(patches * (1 - m["mask_ratio"]) + 1e-9)
        self.decoder_embed = linear(encoder.out_dim, dim)
        self.mask_token = tokens(1, dim)
        self.register_buffer("decoder_pos_embed", sines(encoder.side, dim))
        self.decoder_blocks = nn.Sequential(*(Block(dim, m["decoder_heads"]) for _ in range(m["decoder_depth"])))
        self.decoder_norm = nn.LayerNorm(dim, 1e-6)
        self.decoder_pred = linear(dim, 3 * encoder.patch**2)

    @property
    def trained(self):
        return self

    def masks(self, n, generator=None):
        """[N,hidden] and [N,visible]: any set of hidden patches is equally likely."""
        order = torch.rand(n, self.encoder.side**2, generator=generator).argsort(1)
        return order[:, : self.hidden], order[:, self.hidden :]

    def reconstruction(self, x, hidden, visible):
        """The mean square error over the pixels of the hidden patches."""
        n, s, p = len(x), self.encoder.side, self.encoder.patch
        row = torch.arange(n)[:, None]
        y = self.decoder_embed(self.encoder.encode(x, visible))
        full = self.mask_token.expand(n, s * s, -1).clone()
        full[row, visible] = y[:, 1:]
        full = torch.cat([y[:, :1], full], 1) + self.decoder_pos_embed
        full = self.decoder_blocks(full)[row, 1 + hidden]
        predicted = self.decoder_pred(self.decoder_norm(full))
        pixels = x.reshape(n, 3, s, p, s, p).permute(0, 2, 4, 3, 5, 1).reshape(n, s * s, -1)
        return F.mse_loss(predicted, pixels[row, hidden])

    def loss(self, views, step):
        return self.reconstruction(views[0], *self.masks(len(views[0])))

    def after(self, step):
        pass
