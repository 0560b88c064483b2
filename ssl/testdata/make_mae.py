"""Makes mae_*.npz for ssl/mae_parity_test.go: a small masked autoencoder in
PyTorch, float64, put together from timm's parts as facebookresearch/mae is, and
one training step of it.

    python ssl/testdata/make_mae.py

Parameters and images come from counters (golden.py), which the test computes too:
norms' weights 1 + u/2 and biases u/4, tokens and learned positions u/4, all others
u/sqrt(fan in). A file has the loss, the predictions of the hidden patches and the
mean of the encoded tokens of the visible ones, a row of `summary` for the gradient of every
parameter, and which patches were visible.
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import timm
import torch
from timm.layers import PatchEmbed
from timm.models.vision_transformer import Block
from torch import nn

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / p) for p in ("../../internal/testutil", "../../bench/peers", "../../nn/testdata")]
from golden import bits, save, summary, uniform  # noqa: E402
from make_resnet9 import images  # noqa: E402
from make_vit import sine  # noqa: E402

SAMPLES = 5


class MAE(nn.Module):
    """Names and order of computing of facebookresearch/mae; the mask is given."""

    def __init__(self, o):
        super().__init__()
        dim, deco = o["dim"], o["decoderdim"]
        self.o, self.rows, self.cols = o, o["h"] // o["patch"], o["w"] // o["patch"]
        patches = self.rows * self.cols
        norm = partial(nn.LayerNorm, eps=1e-6)
        block = partial(Block, num_heads=o["heads"], mlp_ratio=4.0, qkv_bias=True, norm_layer=norm)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + patches, dim))
        self.patch_embed = PatchEmbed((o["h"], o["w"]), o["patch"], o["channels"], dim)
        self.blocks = nn.ModuleList(block(dim) for _ in range(o["depth"]))
        self.norm = norm(dim)
        self.decoder_embed = nn.Linear(dim, deco)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, deco))
        self.register_buffer("decoder_pos_embed", torch.from_numpy(sine(self.rows, self.cols, deco)[None]))
        self.decoder_blocks = nn.ModuleList(block(deco) for _ in range(o["decoderdepth"]))
        self.decoder_norm = norm(deco)
        self.decoder_pred = nn.Linear(deco, o["patch"] ** 2 * o["channels"])

    def patchify(self, x):
        p = self.o["patch"]
        x = x.reshape(x.shape[0], -1, self.rows, p, self.cols, p)
        return torch.einsum("nchpwq->nhwpqc", x).reshape(x.shape[0], self.rows * self.cols, -1)

    def forward(self, x, visible):
        """visible [N,V] are the patches that the encoder sees, in any order."""
        n, patches = x.shape[0], self.rows * self.cols
        tokens = self.patch_embed(x) + self.pos_embed[:, 1:]
        tokens = torch.gather(tokens, 1, visible[:, :, None].expand(-1, -1, tokens.shape[2]))
        first = (self.cls_token + self.pos_embed[:, :1]).expand(n, -1, -1)
        tokens = torch.cat([first, tokens], dim=1)
        for b in self.blocks:
            tokens = b(tokens)
        tokens = self.norm(tokens)
        features = tokens[:, 1:].mean(1)

        y = self.decoder_embed(tokens)
        full = self.mask_token.expand(n, patches, -1).clone()
        full = full.scatter(1, visible[:, :, None].expand(-1, -1, y.shape[2]), y[:, 1:])
        y = torch.cat([y[:, :1], full], dim=1) + self.decoder_pos_embed
        for b in self.decoder_blocks:
            y = b(y)
        pred = self.decoder_pred(self.decoder_norm(y))[:, 1:]

        target = self.patchify(x)
        if self.o["normpix"]:
            target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6) ** 0.5
        mask = torch.ones(n, patches, dtype=x.dtype).scatter(1, visible, 0)
        loss = (((pred - target) ** 2).mean(-1) * mask).sum() / mask.sum()
        return loss, pred[mask.bool()].reshape(n, patches - visible.shape[1], -1), features


def fill(model):
    with torch.no_grad():
        fan_in = 1
        for name, p in model.named_parameters():
            u = uniform(name, *p.shape)
            if "norm" in name:
                u = 1 + u / 2 if name.endswith("weight") else u / 4
            elif name in ("cls_token", "pos_embed", "mask_token"):
                u = u / 4
            else:
                if name.endswith("weight"):
                    fan_in = p[0].numel()
                u = u * np.float32(1 / np.sqrt(fan_in))
            p.copy_(torch.from_numpy(u))


def step(o, dtype):
    model = MAE(o)
    fill(model)
    if o["positions"] == "sine":
        with torch.no_grad():
            model.pos_embed.copy_(torch.from_numpy(sine(model.rows, model.cols, o["dim"])))
        model.pos_embed.requires_grad_(False)
    model = model.to(dtype)
    x = torch.from_numpy(images("images/a", o["n"], o["h"], o["w"], o["channels"])).to(dtype).permute(0, 3, 1, 2)
    loss, pred, features = model(x, torch.tensor(o["visible"]))
    loss.backward()
    out = {"loss": loss.detach().reshape(1), "pred": pred.detach(), "features": features.detach()}
    grads = {k: p.grad if p.ndim < 4 else p.grad.permute(2, 3, 1, 0) for k, p in model.named_parameters() if p.requires_grad}
    return {k: v.numpy() for k, v in out.items()}, {k: v.numpy() for k, v in grads.items()}


def run(file, encoder, patch, h, w, ratio, normpix, positions, n=3, channels=3, depth=2, dim=24, heads=3,
        decoderdim=12, decoderdepth=2):  # fmt: skip
    patches = (h // patch) * (w // patch)
    keep = int(patches * (1 - ratio))
    visible = [np.argsort(bits(f"mask/{i}", patches))[:keep].tolist() for i in range(n)]
    o = dict(encoder=encoder, patch=patch, h=h, w=w, n=n, channels=channels, ratio=ratio, normpix=normpix, depth=depth,
             positions=positions, dim=dim, heads=heads, decoderdim=decoderdim, decoderdepth=decoderdepth, visible=visible)  # fmt: skip
    want, grads = step(o, torch.float64)
    single, grads32 = step(o, torch.float32)
    off = {k: float(np.abs(single[k] - v).max() / np.abs(v).max()) for k, v in want.items()}
    off["grad"] = float(max(np.abs(grads32[k] - g).max() / np.abs(g).max() for k, g in grads.items()))
    arrays = {k: v if k == "loss" else v.astype(np.float32) for k, v in want.items()}
    arrays["grad"] = np.array([summary(f"grad/{k}", g, SAMPLES) for k, g in grads.items()], dtype=np.float32)
    save(HERE / file, arrays, **o, timm=timm.__version__, parameters=list(grads), float32=off)
    print(f"  loss {want['loss']}, float32 is off by {off}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("mae_norm.npz", "vit_tiny_patch4", 4, 16, 16, 0.75, True, "learned")
    run("mae_raw.npz", "vit_tiny_patch2", 2, 8, 12, 0.6, False, "sine", channels=1)
