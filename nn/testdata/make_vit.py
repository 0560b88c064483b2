"""Makes vit_*.npz: narrow vision transformers of timm, float64, for
nn/vit_parity_test.go, and vit_names.json: the names and shapes of timm's full
ones.

    python nn/testdata/make_vit.py

Parameters and images come from counters (golden.py), which the test computes too:
norms' weights 1 + u/2 and biases u/4, class token and positions u/4, all others
u/sqrt(fan in). Each file has, for one pass in training mode (which is the same as
in evaluation mode: there is neither batch norm nor dropout), a row of `summary`
for every tap and for the gradients of all parameters, and the loss: cross-entropy
of the features times uniform("head").
"""

import json
import sys
from pathlib import Path

import numpy as np
import timm
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "../../internal/testutil"), str(HERE / "../../bench/peers")]
from golden import save, summary, uniform  # noqa: E402
from make_resnet9 import images  # noqa: E402

SAMPLES, CLASSES = 5, 5


def fill(model, prefix=""):
    with torch.no_grad():
        fan_in = 1
        for name, p in model.named_parameters():
            u = uniform(prefix + name, *p.shape)
            if "norm" in name:
                u = 1 + u / 2 if name.endswith("weight") else u / 4
            elif name in ("cls_token", "pos_embed"):
                u = u / 4
            else:
                if name.endswith("weight"):
                    fan_in = p[0].numel()
                u = u * np.float32(1 / np.sqrt(fan_in))
            assert u.dtype == np.float32
            p.copy_(torch.from_numpy(u))
    return model


def sine(h, w, dim):
    """The fixed positions of MAE's encoder."""
    quarter = dim // 4
    omega = 1 / 10000 ** (np.arange(quarter) / quarter)
    y, x = np.mgrid[:h, :w]
    angles = [np.outer(a.ravel(), omega) for a in (x, y)]
    rows = np.concatenate([f(a) for a in angles for f in (np.sin, np.cos)], axis=1)
    return np.concatenate([np.zeros((1, dim)), rows])


def passes(o, dtype):
    dim = o["heads"] * round(64 * o["width"])
    model = fill(VisionTransformer(
        img_size=(o["h"], o["w"]), patch_size=o["patch"], in_chans=o["channels"], num_classes=0, embed_dim=dim,
        depth=o["depth"], num_heads=o["heads"], global_pool=""))  # fmt: skip
    if o["positions"] == "sine":
        with torch.no_grad():
            model.pos_embed.copy_(torch.from_numpy(sine(o["h"] // o["patch"], o["w"] // o["patch"], dim)))
        model.pos_embed.requires_grad_(False)
    model = model.to(dtype)
    x = torch.from_numpy(images("images/a", o["n"], o["h"], o["w"], o["channels"])).to(dtype).permute(0, 3, 1, 2)
    taps = {}

    def hook(name, module, before=False):
        if before:
            module.register_forward_pre_hook(lambda m, args: taps.__setitem__(name, args[0]))
        else:
            module.register_forward_hook(lambda m, args, out: taps.__setitem__(name, out))

    hook("patch_embed", model.patch_embed)
    hook("embed", model.blocks[0], before=True)
    for i, b in enumerate(model.blocks):
        p = f"blocks.{i}"
        hook(p + ".norm1", b.norm1)
        hook(p + ".attn.qkv", b.attn.qkv)
        hook(p + ".attn", b.attn.proj, before=True)
        hook(p + ".attn.proj", b.attn.proj)
        hook(p + ".add1", b.norm2, before=True)
        hook(p + ".norm2", b.norm2)
        hook(p + ".mlp.fc1", b.mlp.fc1)
        hook(p + ".mlp.act", b.mlp.act)
        hook(p + ".mlp.fc2", b.mlp.fc2)
        hook(p, b)
    hook("norm", model.norm)
    tokens = model.forward_features(x)
    taps["pool"] = tokens[:, 1:].mean(1) if o["pool"] == "avg" else tokens[:, 0]
    head = torch.from_numpy(uniform("head", CLASSES, dim)).to(dtype)
    loss = F.cross_entropy(taps["pool"] @ head.T, torch.arange(o["n"]) % CLASSES)
    loss.backward()
    grads = {k: (p.grad if p.ndim < 4 else p.grad.permute(2, 3, 1, 0)).numpy() for k, p in model.named_parameters() if p.requires_grad}
    return {"taps": {k: t.detach().numpy() for k, t in taps.items()}, "loss": {"loss": loss.detach().numpy().reshape(1)}, "grad": grads}


def run(file, encoder, heads, patch, h, w, n=4, channels=3, pool="token", positions="learned", depth=12, width=1 / 8):
    o = dict(encoder=encoder, heads=heads, patch=patch, h=h, w=w, n=n, channels=channels, pool=pool,
             positions=positions, depth=depth, width=width)  # fmt: skip
    want, single = passes(o, torch.float64), passes(o, torch.float32)
    arrays, off = {}, {}
    for part, values in want.items():
        arrays[part] = np.array([summary(f"{part}/{k}", a, SAMPLES) for k, a in values.items()], dtype=np.float32)
        worst = [np.abs(single[part][k] - a).max() / np.abs(a).max() for k, a in values.items()]
        off[part] = float(max(worst))
    save(HERE / file, arrays, **o, timm=timm.__version__, taps=list(want["taps"]), parameters=list(want["grad"]), float32=off)
    print(f"  float32 is off by {off}")


def names():
    """Every name and shape of timm's models, without their heads."""
    out = {}
    for size in ("tiny", "small", "base"):
        for patch in (8, 16):
            name = f"vit_{size}_patch{patch}"
            if not timm.is_model(f"{name}_224"):
                continue
            model = timm.create_model(f"{name}_224", num_classes=0)
            out[name] = {k: list(v.shape) for k, v in model.state_dict().items()}
    # All blocks of a model have the same shapes; the file keeps the first one.
    first = {n: {k: s for k, s in p.items() if not k.startswith("blocks.") or k.startswith("blocks.0.")} for n, p in out.items()}
    for n, p in out.items():
        for k, s in p.items():
            if k.startswith("blocks."):
                assert first[n]["blocks.0." + k.split(".", 2)[2]] == s
    (HERE / "vit_names.json").write_text(json.dumps({"timm": timm.__version__, "models": first}, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    names()
    run("vit_tiny_patch4.npz", "vit_tiny_patch4", 3, 4, 16, 16)
    run("vit_tiny_patch2.npz", "vit_tiny_patch2", 3, 2, 8, 12, pool="avg", positions="sine")
    run("vit_small_patch4_gray.npz", "vit_small_patch4", 6, 4, 12, 8, channels=1)
    run("vit_base_patch8.npz", "vit_base_patch8", 12, 8, 16, 24, n=3)
