"""Trains one encoder in PyTorch by the recipe of a run of locimem: the peer of
`locimem train` in the learning table of docs/methods.md.

    python bench/peers/torch_learn.py RUN DIR OUT.json [--threads 1] [--seed 1]

RUN is the run's directory: its recipe.yaml has every setting, its split.json says
which images f was trained on. DIR holds CIFAR-10's binary files. Initial weights,
order and views are PyTorch's own, of the same distributions. Written are the losses
of all epochs and their seconds, the kNN accuracy of the untrained and of the trained
encoder, seconds and CPU seconds from the first batch to the end of the last test, and
what this program's kNN makes of locimem's encoder. Without a test in the recipe
(knn.every 0) there are only losses and seconds. For MAE also the reconstruction loss of
both models on all test images with the same masks.
"""

import argparse
import json
import math
import resource
import time
from pathlib import Path

import common  # noqa: F401  before numpy: it clears the environment

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from learn_mae import MAE, ViT
from learn_methods import METHODS
from resnet9 import ResNet9
from safetensors.torch import load_file
from torch_knn_mini import cifar, knn
from torchvision.transforms import v2

MASK_SEED, MASKS = 1, 4  # of the reconstruction loss: rounds of masks over the test images


def transform(a):
    """The views of the part `augment` of a recipe, on one image of bytes."""
    j, blur = a["jitter"], a["blur"]
    ops = [v2.ToDtype(torch.float32, scale=True)]
    if a["crop"]["scale"] != [0, 0]:
        ops.append(v2.RandomResizedCrop(32, scale=a["crop"]["scale"], ratio=a["crop"]["ratio"], antialias=True))
    ops += [v2.RandomHorizontalFlip(a["flip"]), v2.RandomVerticalFlip(a["flip_vertical"])]
    if j["p"] > 0:
        ops.append(v2.RandomApply([v2.ColorJitter(j["brightness"], j["contrast"], j["saturation"], j["hue"])],
                                  p=j["p"]))
    ops.append(v2.RandomGrayscale(a["gray"]))
    if blur["p"] > 0:
        ops.append(v2.RandomApply([v2.GaussianBlur(blur["kernel"], blur["sigma"])], p=blur["p"]))
    # What has a probability of 0 costs no time.
    ops = [o for o in ops if getattr(o, "p", 1) > 0]
    return v2.Compose([*ops, v2.Normalize(a["mean"], a["std"])])


def encoder(r):
    e = r["encoder"]
    if e["name"] == "resnet9":
        return ResNet9(e["width"], "max" if e["pool"] == "auto" else e["pool"])
    return ViT(e["name"], e["width"], e["pool"], 32)


# What a recipe may also say and this program does not do, with the value that means
# nothing of it.
NOT_HERE = {"encoder": {"norm": "auto", "positions": "auto", "drop_path": 0},
            "train": {"weight_decay_end": None, "clip_norm": 0, "precision": "float32", "accumulate": 1,
                      "weights_ema": 0},
            "method": {"local_crops": 0, "teacher_temperature_warmup": 0, "predictor_lr": "schedule"},
            "augment": {"solarize": 0, "invert": 0, "second": None}}  # fmt: skip


def refuse(r):
    for part, fields in NOT_HERE.items():
        for name, without in fields.items():
            if r[part][name] != without:
                raise SystemExit(f"{part}.{name}: found {r[part][name]!r}; this program has only {without!r}")


class LARS(torch.optim.Optimizer):
    """You, Gitman and Ginsburg 2017; groups without "adapt" take SGD. With clip no
    step is larger than that of SGD."""

    def __init__(self, groups, lr, momentum, trust, clip):
        super().__init__(groups, dict(lr=lr, momentum=momentum, trust=trust, clip=clip, adapt=True, weight_decay=0))

    @torch.no_grad()
    def step(self):
        for g in self.param_groups:
            for p in g["params"]:
                if p.grad is None:
                    continue
                d, ratio = p.grad.add(p, alpha=g["weight_decay"]), 1.0
                w, norm = p.norm().item(), p.grad.norm().item()
                if g["adapt"] and w > 0 and norm > 0:
                    ratio = g["trust"] * w / (norm + g["weight_decay"] * w + 1e-8)
                    if g["clip"]:
                        ratio = min(ratio / g["lr"], 1)
                v = self.state[p].setdefault("momentum", torch.zeros_like(p))
                v.mul_(g["momentum"]).add_(d, alpha=ratio)
                p.sub_(v, alpha=g["lr"])


def optimizer(t, module):
    """Biases, norms and tokens have no weight decay, and LARS does not adapt them."""
    weights, others = [], []
    for name, p in module.named_parameters():
        plain = p.ndim <= 1 or name.rpartition(".")[2] in ("cls_token", "pos_embed", "mask_token")
        (others if plain else weights).append(p)
    groups = [{"params": weights, "weight_decay": t["weight_decay"]}, {"params": others, "weight_decay": 0}]
    match t["optimizer"]:
        case "sgd":
            return torch.optim.SGD(groups, t["lr"], t["momentum"])
        case "lars":
            groups[1]["adapt"] = False
            return LARS(groups, t["lr"], t["momentum"], t["lars_trust"], t["lars_clip"])
        case "adam":
            return torch.optim.Adam(groups, t["lr"], (t["beta1"], t["beta2"]))
        case "adamw":
            return torch.optim.AdamW(groups, t["lr"], (t["beta1"], t["beta2"]))
    raise ValueError(t["optimizer"])


def rate(t, step, per_epoch):
    """Linear warm-up, then half a cosine that would reach 0 after the last step."""
    warmup, total = int(t["warmup_epochs"] * per_epoch), t["epochs"] * per_epoch
    if step < warmup:
        return t["lr"] * (step + 1) / warmup
    if t["schedule"] == "constant":
        return t["lr"]
    return t["lr"] / 2 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


class Test:
    """The recipe's kNN and, for MAE, the reconstruction loss."""

    def __init__(self, r, bank, bank_labels, test, labels):
        a, self.k = r["augment"], r["knn"]
        mean, std = (torch.tensor(a[v]).view(3, 1, 1) for v in ("mean", "std"))
        self.bank, self.test = ((x / 255 - mean) / std for x in (bank, test))
        self.bank_labels, self.labels = bank_labels, labels
        if n := self.k["train"]:
            self.bank, self.bank_labels = self.bank[:n], bank_labels[:n]
        if n := self.k["test"]:
            self.test, self.labels = self.test[:n], labels[:n]

    @torch.no_grad()
    def knn(self, enc):
        enc.eval()
        bank, test = (F.normalize(torch.cat([enc(b) for b in x.split(250)])) for x in (self.bank, self.test))
        enc.train()
        hits = [knn(bank, self.bank_labels, t, l, self.k["k"], self.k["t"]) * len(l)
                for t, l in zip(test.split(500), self.labels.split(500))]  # fmt: skip
        return sum(hits) / len(self.labels)

    @torch.no_grad()
    def reconstruction(self, model):
        g, total = torch.Generator().manual_seed(MASK_SEED), 0.0
        for _ in range(MASKS):
            for x in self.test.split(250):
                total += model.reconstruction(x, *model.masks(len(x), g)).item() * len(x)
        return total / (MASKS * len(self.test))


def theirs(run, model):
    """Sets a model (an encoder, or MAE with its decoder) to what locimem trained."""
    state = load_file(run / "f.safetensors")
    if isinstance(model, MAE):
        last = max((run / "checkpoint").glob("f-*.safetensors"))
        state = {f"encoder.{k}": v for k, v in state.items()}
        decoder = ("method.decoder_", "method.mask_token")
        state |= {k.removeprefix("method."): v for k, v in load_file(last).items() if k.startswith(decoder)}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(k.endswith("num_batches_tracked") for k in missing), (missing, unexpected)
    return model


def main():
    p = argparse.ArgumentParser(description="a recipe of locimem in PyTorch")
    p.add_argument("run", type=Path)
    p.add_argument("dir", type=Path)
    p.add_argument("out", type=Path)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    r = yaml.safe_load((a.run / "recipe.yaml").read_text())
    refuse(r)
    # YAML 1.1, which PyYAML reads, takes 1e-06 for a word.
    r["train"] = {k: float(v) if k in ("lr", "weight_decay", "lars_trust") else v for k, v in r["train"].items()}
    sets = json.loads((a.run / "split.json").read_text())["sets"]
    chosen = torch.tensor([*sets["shared"]["indices"], *sets["candidate"]["indices"]])
    images, labels = cifar([a.dir / f"data_batch_{i}.bin" for i in range(1, 6)])
    images, labels = images[chosen], labels[chosen]
    check = Test(r, images, labels, *cifar([a.dir / "test_batch.bin"]))

    t, name = r["train"], r["method"]["name"]
    per_epoch = len(images) // t["batch"]
    enc = encoder(r)
    method = {**METHODS, "mae": MAE}[name](enc, r["method"], t["epochs"] * per_epoch)
    method.frozen = int(r["method"]["freeze_prototypes"] * per_epoch)
    # Channels last is quicker for convolutions, but not cut into parts.
    memory = torch.contiguous_format if name in ("mocov2", "mae") else torch.channels_last
    for net in filter(None, (method.trained, getattr(method, "teacher", None))):
        net.to(memory_format=memory).train()
    opt, view = optimizer(t, method.trained), transform(r["augment"])
    out = {"method": name, "seed": a.seed, "threads": a.threads, "library": f"PyTorch {torch.__version__}",
           "images": len(images),
           "epochs": t["epochs"], "losses": [], "epoch_seconds": []}  # fmt: skip
    tested = r["knn"]["every"] > 0
    if tested:
        out["knn_random"] = check.knn(enc)

    began, cpu = time.perf_counter(), time.process_time()
    for epoch in range(t["epochs"]):
        total, start = 0.0, time.perf_counter()
        for i, batch in enumerate(torch.randperm(len(images))[: per_epoch * t["batch"]].split(t["batch"])):
            step = epoch * per_epoch + i
            views = [torch.stack([view(x) for x in images[batch]]).contiguous(memory_format=memory)
                     for _ in range(method.views)]  # fmt: skip
            for g in opt.param_groups:
                g["lr"] = rate(t, step, per_epoch)
            opt.zero_grad()
            loss = method.loss(views, step)
            loss.backward()
            opt.step()
            method.after(step)
            total += loss.item()
        out["losses"].append(total / per_epoch)
        out["epoch_seconds"].append(time.perf_counter() - start)
        if tested and epoch in (0, t["epochs"] - 1):  # as locimem does
            out["knn"] = check.knn(enc)
        print(f"{name} epoch {epoch + 1}/{t['epochs']} loss {out['losses'][-1]:.4f} kNN "
              f"{out.get('knn', math.nan):.4f}", flush=True)
    out |= {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu,
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}  # fmt: skip
    assert np.isfinite(out["losses"]).all(), out["losses"]

    if tested:
        out["knn_of_locimem"] = check.knn(theirs(a.run, encoder(r)))
    if tested and name == "mae":
        out["reconstruction"] = check.reconstruction(method)
        out["reconstruction_locimem"] = check.reconstruction(theirs(a.run, MAE(encoder(r), r["method"], 0)))
    a.out.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
