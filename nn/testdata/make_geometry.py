"""Makes geometry.json for nn/geometry_test.go: features of narrow ResNet-18s and vision
transformers with the facts that weights do not tell, in float64.

    python nn/testdata/make_geometry.py

The networks are transcriptions, in NumPy, of what PyTorch's modules are documented to
compute: Conv2d, BatchNorm2d in evaluation mode, MaxPool2d, LayerNorm, GELU by erf,
scaled dot-product attention, F.interpolate(mode="bicubic", align_corners=False). Values
come from counters (golden.py has them too): norms' weights and variances 1 + u/2, matrices and
convolutions u/sqrt(fan in), layer scales u, everything else u/4.
"""

import json
from pathlib import Path

import numpy as np
from scipy.special import erf

HERE = Path(__file__).parent


def uniform(name, *shape):
    """Numbers by counter in [-1, 1): golden.py's function of that name, which needs PyTorch."""
    mask, h = (1 << 64) - 1, 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & mask
    z = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(h)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1).astype(np.float32).reshape(shape)


def value(name, *shape):
    u = uniform(name, *shape).astype(np.float64)
    last = name.split(".")[-1]
    if last == "gamma":
        return u
    if last == "running_var" or last == "weight" and len(shape) == 1:
        return np.float32(1 + np.float32(u) / 2).astype(np.float64)
    if last == "weight":
        return (np.float32(u) * np.float32(1 / np.sqrt(np.prod(shape[1:])))).astype(np.float64)
    return u / 4


def conv(name, x, out, kernel, stride, pad, bias=False):
    w = value(name + ".weight", out, x.shape[1], kernel, kernel)
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    win = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (2, 3))[:, :, ::stride, ::stride]
    y = np.einsum("nchwij,ocij->nohw", win, w, optimize=True)
    return y + value(name + ".bias", out)[:, None, None] if bias else y


def bn(name, x, eps):
    c = x.shape[1]
    v = {k: value(f"{name}.{k}", c)[:, None, None] for k in ("weight", "bias", "running_mean", "running_var")}
    return (x - v["running_mean"]) / np.sqrt(v["running_var"] + eps) * v["weight"] + v["bias"]


def maxpool(x):
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))[:, :, ::2, ::2].max((4, 5))


def relu(x):
    return np.maximum(x, 0)


def resnet18(x, pad, stride, pool, eps=1e-5, kernel=3, width=4):
    x = relu(bn("bn1", conv("conv1", x, width, kernel, stride, pad), eps))
    if pool:
        x = maxpool(x)
    for s in range(4):
        out = width << s
        for b in range(2):
            name, step = f"layer{s + 1}.{b}", 2 if s and not b else 1
            y = relu(bn(name + ".bn1", conv(name + ".conv1", x, out, 3, step, 1), eps))
            y = bn(name + ".bn2", conv(name + ".conv2", y, out, 3, 1, 1), eps)
            if step == 2:
                x = bn(name + ".downsample.1", conv(name + ".downsample.0", x, out, 1, 2, 0), eps)
            x = relu(x + y)
    return x.mean((2, 3))


def linear(name, x, out):
    return x @ value(name + ".weight", out, x.shape[-1]).T + value(name + ".bias", out)


def ln(name, x, eps):
    d = x.shape[-1]
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps) * value(name + ".weight", d) + value(name + ".bias", d)


def bicubic(n_from, n_to):
    """[to, from]: the kernel of Keys with a = -0.75, clamped at the border."""
    a, m = -0.75, np.zeros((n_to, n_from))
    for i in range(n_to):
        at = (i + 0.5) * n_from / n_to - 0.5
        for k in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
            d = abs(at - k)
            w = ((a + 2) * d - (a + 3)) * d * d + 1 if d <= 1 else ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
            m[i, min(max(k, 0), n_from - 1)] += w
    return m


def vit(x, heads, patch=4, dim=12, eps=1e-6, fc_norm=False, scale=False, registers=0, grid=None, mean=False, depth=2):
    x = conv("patch_embed.proj", x, dim, patch, patch, 0, bias=True)
    n, _, h, w = x.shape
    x = x.reshape(n, dim, h * w).transpose(0, 2, 1)
    g = grid or h
    pos = value("pos_embed", 1, 1 + g * g, dim)[0]
    if grid:
        m = bicubic(g, h)
        pos = np.concatenate([pos[:1], np.einsum("yv,xu,vud->yxd", m, m, pos[1:].reshape(g, g, dim)).reshape(h * w, dim)])
    x = np.concatenate([np.broadcast_to(value("cls_token", 1, 1, dim), (n, 1, dim)), x], 1) + pos
    if registers:
        x = np.concatenate([x[:, :1], np.broadcast_to(value("reg_token", 1, registers, dim), (n, registers, dim)), x[:, 1:]], 1)
    for i in range(depth):
        b = f"blocks.{i}"
        q, k, v = linear(b + ".attn.qkv", ln(b + ".norm1", x, eps), 3 * dim).reshape(n, -1, 3, heads, dim // heads).transpose(2, 0, 3, 1, 4)
        a = q @ k.transpose(0, 1, 3, 2) / np.sqrt(dim // heads)
        a = np.exp(a - a.max(-1, keepdims=True))
        y = (a / a.sum(-1, keepdims=True) @ v).transpose(0, 2, 1, 3).reshape(n, -1, dim)
        y = linear(b + ".attn.proj", y, dim)
        x = x + (value(b + ".ls1.gamma", dim) * y if scale else y)
        y = linear(b + ".mlp.fc1", ln(b + ".norm2", x, eps), 4 * dim)
        y = linear(b + ".mlp.fc2", y * (1 + erf(y / np.sqrt(2))) / 2, dim)
        x = x + (value(b + ".ls2.gamma", dim) * y if scale else y)
    pool = lambda t: t[:, 1 + registers :].mean(1) if mean else t[:, 0]  # noqa: E731
    return ln("fc_norm", pool(x), eps) if fc_norm else pool(ln("norm", x, eps))


def main():
    x = uniform("images", 3, 16, 16, 3).astype(np.float64).transpose(0, 3, 1, 2)
    flat = x * 1e-3  # so that eps shows
    cases = {
        "resnet18": resnet18(x, 1, 1, False),
        "padding 2": resnet18(x, 2, 1, False),
        "padding 0": resnet18(x, 0, 1, False),
        "max pool": resnet18(x, 1, 1, True),
        "stride 2": resnet18(x, 1, 2, False),
        "imagenet without pool": resnet18(x, 3, 2, False, kernel=7),
        "eps 1e-3": resnet18(x, 1, 1, False, eps=1e-3),
        "vit": vit(x, 3),
        "vit, 6 heads": vit(x, 6),
        "vit, eps 1e-2": vit(flat, 3, eps=1e-2),
        "vit, fc_norm of the mean": vit(x, 3, fc_norm=True, mean=True),
        "vit, layer scale": vit(x, 3, scale=True),
        "vit, 3 registers": vit(x, 3, registers=3),
        "vit, 3 registers, mean": vit(x, 3, registers=3, mean=True),
        "vit, positions of 6 x 6": vit(x, 3, grid=6),
        "vit, all": vit(x, 4, eps=1e-12, fc_norm=True, scale=True, registers=2, grid=3, mean=True),
    }
    text = ",\n".join(f"{json.dumps(k)}: {json.dumps(v.round(9).tolist())}" for k, v in cases.items())
    (HERE / "geometry.json").write_text("{" + text + "}\n")


if __name__ == "__main__":
    main()
