"""Times the scoring of two ResNet-9 in PyTorch: all taps of f and g, the mean l2
distance over all pairs of views of each point, and UnitMem.

    python bench/peers/torch_score.py --way hooks|released [--points 500] [--views 10] [--threads 2] [--json]

The peer of `locimem bench score`. Both ways give the same numbers:

hooks     All taps in one forward pass, batches of whole points, distances and
          unit means on the fly: what one would write with care. The distance
          (--distance) is taken
          gram   by the Gram matrix of a point's views: the fastest, but where views
                 are close to each other the difference of large numbers is left
          pairs  as the norm of the difference of every pair, as accurate as locimem
          cdist  by torch.cdist without matrix products, which is very slow for few
                 rows of many columns
released  The way of the scripts that were released with the paper: one layer a
          run, a batch of one image, view after view. It is measured on few
          points (--points) and one number a second follows from that; the time
          for all points is proportional, there being nothing that batches share.

Views are there beforehand, a batch of them that is used again and again; locimem
makes its views while it is timed.
"""

import argparse
import itertools
import time

from common import peak_rss, report

import torch
from resnet9 import ResNet9


def tapped(model):
    """ResNet9 calls functions for relu, pool and sums, which hooks cannot hear;
    its own taps argument hears everything, in the same pass."""

    def forward(x):
        taps = {}
        model(x, taps)
        return taps

    return forward


def pairwise(t, views, distance):
    """Mean distance over the pairs of views of each point: t is [points*views, ...]."""
    x = t.reshape(-1, views, t[0].numel())
    if distance == "cdist":
        d = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
        return d.sum((1, 2), dtype=torch.float64) / (views * (views - 1))
    if distance == "gram":
        gram = x @ x.transpose(1, 2)
        sq = gram.diagonal(dim1=1, dim2=2)
        d = (sq[:, :, None] + sq[:, None, :] - 2 * gram).clamp_min(0).sqrt()
        return d.sum((1, 2), dtype=torch.float64) / (views * (views - 1))
    i, j = zip(*itertools.combinations(range(views), 2))
    return torch.stack([(x[:, a] - x[:, b]).norm(dim=1) for a, b in zip(i, j)]).mean(0, dtype=torch.float64)


def unit_means(t, views):
    """Mean activation of each unit over views and positions: [points, units]."""
    if t.dim() == 4:
        t = t.mean((2, 3))
    return t.reshape(-1, views, t.shape[1]).mean(1, dtype=torch.float64)


class UnitMem:
    """Maximum and sum of the unit means over points, without keeping them."""

    def __init__(self):
        self.top = self.total = None
        self.n = 0

    def add(self, mu):
        top, total = mu.amax(0), mu.sum(0)
        self.top = top if self.top is None else torch.maximum(self.top, top)
        self.total = total if self.total is None else self.total + total
        self.n += len(mu)

    def value(self):
        rest = (self.total - self.top) / (self.n - 1)
        return (self.top - rest) / (self.top + rest)


def hooks(pair, batches, views, distance):
    """Per encoder: {tap: alignment of each point}, {tap: UnitMem}."""
    out = []
    for model in pair:
        forward = tapped(model)
        ssl, units = {}, {}
        for x in batches:
            for name, t in forward(x).items():
                ssl.setdefault(name, []).append(pairwise(t, views, distance))
                units.setdefault(name, UnitMem()).add(unit_means(t, views))
        out.append(({k: torch.cat(v) for k, v in ssl.items()}, {k: u.value() for k, u in units.items()}))
    return out


def released(pair, batches, views):
    """The same numbers, a layer and an image at a time."""
    out = []
    for model in pair:
        names = []
        taps = {}
        model(batches[0][:1], taps)
        names = list(taps)
        ssl, units = {}, {}
        for name in names:  # a run of its own for each layer
            rows, um = [], UnitMem()
            for batch in batches:
                for point in batch.split(views):
                    acts = []
                    for view in point.split(1):
                        taps = {}
                        model(view, taps)
                        acts.append(taps[name])
                    t = torch.cat(acts)
                    flat = t.flatten(1)
                    total = sum((flat[a] - flat[b]).norm().item() for a, b in itertools.combinations(range(views), 2))
                    rows.append(total / (views * (views - 1) / 2))
                    um.add(unit_means(t, views))
            ssl[name], units[name] = torch.tensor(rows, dtype=torch.float64), um.value()
        out.append((ssl, units))
    return out


def main():
    p = argparse.ArgumentParser(description="scoring in PyTorch")
    p.add_argument("--way", choices=["hooks", "released"], default="hooks")
    p.add_argument("--distance", choices=["gram", "pairs", "cdist"], default="gram",
                   help="of the way hooks (default gram)")
    p.add_argument("--points", type=int, default=500)
    p.add_argument("--views", type=int, default=10)
    p.add_argument("--size", type=int, default=32)
    p.add_argument("--width", type=float, default=1)
    p.add_argument("--batch", type=int, default=25, help="points that go through the network at once (default 25)")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--layout", choices=["nchw", "channels_last"], default="channels_last")
    p.add_argument("--json", action="store_true")
    p.add_argument("--check", action="store_true", help="compare the two ways on 3 points, and end")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    pair = [ResNet9(a.width).eval(), ResNet9(a.width).eval()]
    batch = torch.randn(a.batch * a.views, 3, a.size, a.size)
    if a.layout == "channels_last":
        pair = [m.to(memory_format=torch.channels_last) for m in pair]
        batch = batch.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        if a.check:
            few = [batch[: 3 * a.views]]
            slow = released(pair, few, a.views)
            for d in ("cdist", "gram", "pairs"):
                for (s1, u1), (s2, u2) in zip(hooks(pair, few, a.views, d), slow):
                    worst = max(((s1[k] - s2[k]).abs() / s2[k]).max().item() for k in s2)
                    print(f"{d}: worst relative difference of an alignment {worst:.1e}, taps {len(s2)}")
            return
        whole, left = divmod(a.points, a.batch)
        batches = [batch] * whole + ([batch[: left * a.views]] if left else [])
        if a.way == "hooks":
            hooks(pair, [batch, batch], a.views, a.distance)  # untimed
            began = time.perf_counter()
            r = hooks(pair, batches, a.views, a.distance)
        else:
            began = time.perf_counter()
            r = released(pair, batches, a.views)
        seconds = time.perf_counter() - began
    result = {
        "encoder": "resnet9", "width": a.width, "points": a.points, "views": a.views, "size": a.size,
        "batch": a.batch * a.views,
        "taps": len(r[0][0]), "threads": torch.get_num_threads(), "way": a.way,
        "distance": a.distance if a.way == "hooks" else "pairs",
        "layout": a.layout, "seconds": seconds, "points_per_s": a.points / seconds, "peak_rss_bytes": peak_rss(),
        "library": f"PyTorch {torch.__version__}",
    }  # fmt: skip
    report(result, a.json, f"{a.way}, {result['distance']}, {a.layout}: {a.points} points with {a.views} views in "
                           f"{seconds:.2f} s, {result['points_per_s']:.2f} points/s; "
                           f"peak memory {result['peak_rss_bytes'] >> 20} MiB")  # fmt: skip


if __name__ == "__main__":
    main()
