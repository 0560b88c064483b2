"""Makes resnet18_*.npz, resnet34_*.npz and resnet50_*.npz: narrow ResNets in
PyTorch, float64, for nn/resnet_parity_test.go.

    python nn/testdata/make_resnets.py

The networks are those of bench/peers/resnet.py, which are torchvision's at full
width; that is checked first. Parameters and images come from counters (golden.py,
make_resnet9.py), which the test computes too. For one pass in training mode and
then one in evaluation mode each file has, a row of `summary` each, every tap and
the gradients of all parameters, and the loss: cross-entropy of the features times
uniform("head"). After the first pass it has the running statistics too.

Images are drawn until no input of a ReLU is so near 0 that rounding could change
its sign. How far off PyTorch's own float32 is stands in the file, for comparison.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "../../internal/testutil"), str(HERE / "../../bench/peers")]
from golden import save, summary, uniform  # noqa: E402
from make_resnet9 import images  # noqa: E402
from resnet import ResNet, check_against_torchvision  # noqa: E402

SAMPLES, CLASSES = 5, 5
MARGIN = 3e-6  # of a ReLU's inputs, as a share of their root mean square


def fill(model):
    """Parameters from counters: norms' weights 1 + u/2 and biases u/4, all others
    u/sqrt(fan in). The norms inside blocks that end them, or nearly, have an eighth
    of that weight: with branches as large as the shortcuts an untrained network
    with batch norm multiplies any rounding error from block to block, in PyTorch's
    float32 up to 2e-4."""
    with torch.no_grad():
        for name, layer in model.named_modules():
            for key, p in layer.named_parameters(recurse=False):
                u = uniform(f"{name}.{key}", *p.shape)
                if isinstance(layer, nn.Conv2d):
                    u = u * np.float32(1 / np.sqrt(layer.weight[0].numel()))
                else:
                    u = 1 + u / 2 if key == "weight" else u / 4
                    if key == "weight" and name.endswith((".bn2", ".bn3")):
                        u = u / 8
                assert u.dtype == np.float32
                p.copy_(torch.from_numpy(u))
    return model


def passes(o, name, dtype, gradients=True):
    """What the file holds, as whole arrays, and the least margin of a ReLU."""
    torch.set_grad_enabled(gradients)
    out, margin = {}, 1.0
    model = fill(ResNet(o["encoder"], o["width"], o["stem"], o["pool"], o["norm"], o["channels"])).to(dtype)
    x = torch.from_numpy(images(name, o["n"], o["h"], o["w"], o["channels"])).to(dtype).permute(0, 3, 1, 2)
    head = torch.from_numpy(uniform("head", CLASSES, model.out_dim)).to(dtype)
    target = torch.arange(o["n"]) % CLASSES
    for mode in ("train", "eval"):
        model.train(mode == "train")
        model.zero_grad()
        taps = {}
        loss = F.cross_entropy(model(x, taps) @ head.T, target)
        if gradients:
            loss.backward()
        for k, t in taps.items():
            kink = k.endswith(".add") or k == "bn1" or ".bn" in k and k[:-1] + str(int(k[-1]) + 1) in taps
            if kink:
                margin = min(margin, float(t.detach().abs().min() / t.detach().square().mean().sqrt()))
        if not gradients:
            continue
        out[mode] = {k: (t if t.ndim == 2 else t.permute(0, 2, 3, 1)).detach().numpy() for k, t in taps.items()}
        out[mode + "/loss"] = {"loss": loss.detach().numpy().reshape(1)}
        out[mode + "/grad"] = {k: (p.grad if p.ndim < 4 else p.grad.permute(2, 3, 1, 0)).numpy() for k, p in model.named_parameters()}
        if mode == "train":
            out["after"] = {k: b.clone().numpy() for k, b in model.named_buffers() if not k.endswith("num_batches_tracked")}
    return out, margin


def error(have, want):
    """testutil.SummaryError of two summaries."""
    rms = want[0] / np.sqrt(have[1])
    top = max(rms, np.abs(want[3:]).max())
    scale = np.array([want[0], rms, want[0]] + [top] * SAMPLES)
    d = np.abs(have[0] - want)
    return float(np.max(d / np.where(d == 0, 1, scale)))


def run(file, encoder, stem, n, h, w, channels=3, pool="avg", norm="batch", width=1 / 8):
    o = dict(encoder=encoder, width=width, stem=stem, pool=pool, norm=norm, n=n, h=h, w=w, channels=channels)
    for k in range(200):
        name = f"images{k}/a"
        if passes(o, name, torch.float64, gradients=False)[1] > MARGIN:
            break
    else:
        sys.exit(f"{file}: no images keep the ReLUs from 0")
    want, margin = passes(o, name, torch.float64)
    single, _ = passes(o, name, torch.float32)
    arrays, names, off = {}, {}, {"forward": 0.0, "gradient": 0.0}
    for part, values in want.items():
        rows = []
        if not values:
            continue  # group norm has no statistics
        for key, a in values.items():
            rows.append(summary(f"{part}/{key}", a, SAMPLES))
            kind = "gradient" if part.endswith("grad") else "forward"
            s = single[part][key]
            off[kind] = max(off[kind], error((summary(f"{part}/{key}", s, SAMPLES), s.size), rows[-1]))
        names[part] = list(values)
        arrays[part] = np.array(rows, dtype=np.float32)
    assert names["train"] == names["eval"] and names["train/grad"] == names["eval/grad"]
    save(HERE / file, arrays, **o, images=name, margin=margin, float32=off,
         taps=names["train"], parameters=names["train/grad"], buffers=names.get("after", []))  # fmt: skip
    print(f"  images {name}, float32 is off by {off['forward']:.1e} and {off['gradient']:.1e}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    check_against_torchvision()
    for net in ("resnet18", "resnet34", "resnet50"):
        run(f"{net}_cifar.npz", net, "cifar", 6, 16, 16)
        run(f"{net}_imagenet.npz", net, "imagenet", 4, 64, 64)
    run("resnet18_gray_odd.npz", "resnet18", "cifar", 5, 19, 13, channels=1, pool="max")
    run("resnet18_imagenet_odd.npz", "resnet18", "imagenet", 3, 75, 69)
    run("resnet18_cifar_group.npz", "resnet18", "cifar", 4, 16, 16, norm="group")
    run("resnet50_imagenet_group.npz", "resnet50", "imagenet", 3, 64, 64, norm="group")
