"""recipes/cifar10-mini.yaml in PyTorch: one encoder on 4,500 CIFAR-10 images,
for the curve of its kNN accuracy.

    python bench/peers/torch_knn_mini.py DIR [--epochs 120] [--stop 10]

DIR holds the official binary files (data_batch_1.bin, ...). Prints one JSON
object for every epoch in which kNN is measured: the first, every tenth, the last.
--stop ends early without changing the schedule.
"""

import argparse
import json
import math
import time
from pathlib import Path

from common import MEAN, STD

import numpy as np
import torch
import torch.nn.functional as F
from resnet9 import SimCLR
from torchvision_views import views


def cifar(files):
    """uint8 images [N,3,32,32] and labels of binary files."""
    raw = np.concatenate([np.fromfile(f, np.uint8) for f in files]).reshape(-1, 3073)
    return torch.from_numpy(raw[:, 1:].reshape(-1, 3, 32, 32).copy()), torch.from_numpy(raw[:, 0].astype(np.int64))


@torch.no_grad()
def features(encoder, images):
    encoder.eval()
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))
    out = [encoder(((b / 255) - mean) / std) for b in images.split(500)]
    encoder.train()
    return F.normalize(torch.cat(out), dim=1)


def knn(train, labels, test, truth, k=20, t=0.1, classes=10):
    """Weighted vote of the k most similar (Wu et al. 2018): exp(cosine / t)."""
    sim, at = (test @ train.T).topk(k, dim=1)
    votes = torch.zeros(len(test), classes).scatter_add_(1, labels[at], (sim / t).exp())
    return (votes.argmax(1) == truth).float().mean().item()


def main():
    p = argparse.ArgumentParser(description="recipes/cifar10-mini.yaml in PyTorch")
    p.add_argument("dir", type=Path)
    p.add_argument("--epochs", type=int, default=120)
    p.add_argument("--stop", type=int, default=0, help="stop after this epoch (default: all)")
    p.add_argument("--images", type=int, default=4500)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--test", type=int, default=1500)
    p.add_argument("--pool", choices=["max", "avg"], default="max")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)

    images, labels = cifar([a.dir / f"data_batch_{i}.bin" for i in range(1, 6)])
    chosen = torch.randperm(len(images))[: a.images]
    images, labels = images[chosen], labels[chosen]
    test, truth = cifar([a.dir / "test_batch.bin"])
    test, truth = test[: a.test], truth[: a.test]

    model = SimCLR(pool=a.pool).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    steps = len(images) // a.batch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, a.epochs * steps)
    view = views("float", 32)
    for epoch in range(1, (a.stop or a.epochs) + 1):
        began, total = time.perf_counter(), 0.0
        for batch in torch.randperm(len(images))[: steps * a.batch].split(a.batch):
            x = torch.stack([view(images[i]) for _ in range(2) for i in batch])
            optimizer.zero_grad()
            loss = model(x.contiguous(memory_format=torch.channels_last))
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        if epoch == 1 or epoch % 10 == 0 or epoch in (a.stop, a.epochs):
            seconds = time.perf_counter() - began
            accuracy = knn(features(model.encoder, images), labels, features(model.encoder, test), truth)
            print(json.dumps({
                "epoch": epoch, "loss": round(total / steps, 4), "chance": round(math.log(2 * a.batch - 1), 4),
                "knn": round(accuracy, 4), "images_per_s": round(steps * a.batch / seconds, 1),
            }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
