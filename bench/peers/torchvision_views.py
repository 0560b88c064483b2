"""Times SimCLR's views by torchvision, v2 transforms on tensors, one image after
another as in a data loader: crop, flip, colour jitter, grayscale, normalise.

    python bench/peers/torchvision_views.py [--images 256] [--threads 1] [--json]

The peer of views_ms of `locimem bench step --threads 1`. "float" computes in
float32 from the start, as this project does; "uint8" keeps bytes until the end,
which is quicker and rounds after every operation.
"""

import argparse

from common import MEAN, STD, median_ms, report, times

import torch
import torchvision
from torchvision.transforms import v2


def views(kind, size):
    to_float = v2.ToDtype(torch.float32, scale=True)
    ops = [
        v2.RandomResizedCrop(size, scale=(0.2, 1), antialias=True),
        v2.RandomHorizontalFlip(0.5),
        v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        v2.RandomGrayscale(0.2),
    ]
    ops = [to_float, *ops] if kind == "float" else [*ops, to_float]
    return v2.Compose([*ops, v2.Normalize(MEAN, STD)])


def main():
    p = argparse.ArgumentParser(description="SimCLR's views by torchvision")
    p.add_argument("--images", type=int, default=256, help="images, each with two views (default 256)")
    p.add_argument("--size", type=int, default=32)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--reps", type=int, default=10)
    p.add_argument("--kind", choices=["float", "uint8", "both"], default="both")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(a.threads)
    images = torch.randint(0, 256, (a.images, 3, a.size, a.size), dtype=torch.uint8)
    for kind in ("float", "uint8") if a.kind == "both" else (a.kind,):
        view = views(kind, a.size)
        t = times(a.reps, lambda: [torch.stack([view(i) for i in images]) for _ in range(2)])
        r = {
            "images": a.images, "size": a.size, "threads": a.threads, "kind": kind, "reps": a.reps,
            "views_ms": median_ms(t),
            "us_per_view": 1e3 * median_ms(t) / (2 * a.images), "library": f"torchvision {torchvision.__version__}",
        }  # fmt: skip
        report(r, a.json, f"{a.images} images, {kind}: {r['us_per_view']:.0f} us a view")


if __name__ == "__main__":
    main()
