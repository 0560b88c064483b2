"""Times a SimCLR training step of a ResNet in PyTorch: forward, NT-Xent,
backward, Adam. The views are there beforehand.

    python bench/peers/torch_step.py [--encoder resnet18] [--batch 256] [--threads 2] [--layout both] [--compile] [--json]

The peer of `locimem bench step`, whose step_ms is the same. A batch of 256 images
is 512 views. Each layout runs in a process of its own, for the sake of its peak
memory.

glibc gives every large buffer back to the system when PyTorch frees it, so each
step faults all its memory in anew, which took two fifths of its time where it was
measured. --keep tells glibc to keep freed memory: the time is then that of the arithmetic,
and more memory is in use. It is the fairer peer, the other what a user gets who
does not know of this.
"""

import argparse
import subprocess
import sys

from common import keep_memory, median_ms, peak_rss, report, times


def step(a):
    import torch
    from resnet import ResNet
    from resnet9 import SimCLR

    imported = peak_rss()
    torch.manual_seed(1)
    torch.set_num_threads(a.threads)
    model = SimCLR(a.width, encoder=None if a.encoder == "resnet9" else ResNet(a.encoder, a.width, a.stem))
    views = torch.randn(2 * a.batch, 3, a.size, a.size)
    if a.layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        views = views.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss = torch.compile(model) if a.compile else model

    def run():
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.autocast):
            value = loss(views)
        value.backward()
        optimizer.step()

    t = times(a.reps, run)
    r = {
        "encoder": a.encoder, "width": a.width, "batch": a.batch, "size": a.size, "threads": torch.get_num_threads(),
        "layout": a.layout, "compiled": a.compile, "autocast": a.autocast, "keep": a.keep, "reps": a.reps, "step_ms": median_ms(t),
        "images_per_s": 1e3 * a.batch / median_ms(t), "peak_rss_bytes": peak_rss(), "imported_rss_bytes": imported,
        "library": f"PyTorch {torch.__version__}",
    }  # fmt: skip
    report(r, a.json, f"{a.encoder}, batch {a.batch}, {r['threads']} threads, {a.layout}{', compiled' if a.compile else ''}{', autocast bf16' if a.autocast else ''}{', memory kept' if a.keep else ''}: "
                      f"step {r['step_ms']:.1f} ms, {r['images_per_s']:.0f} images/s; "
                      f"peak memory {r['peak_rss_bytes'] >> 20} MiB, {imported >> 20} of it before the first tensor")  # fmt: skip


def main():
    p = argparse.ArgumentParser(description="SimCLR step in PyTorch")
    p.add_argument("--encoder", choices=["resnet9", "resnet18", "resnet34", "resnet50"], default="resnet9")
    p.add_argument("--stem", choices=["cifar", "imagenet"], default="cifar", help="of resnet18, 34 and 50 (default cifar)")
    p.add_argument("--batch", type=int, default=256, help="images, each with two views (default 256)")
    p.add_argument("--size", type=int, default=32, help="height and width of the images (default 32)")
    p.add_argument("--width", type=float, default=1, help="width factor of the encoder (default 1)")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--reps", type=int, default=10, help="timed repetitions (default 10)")
    p.add_argument("--layout", choices=["nchw", "channels_last", "both"], default="both")
    p.add_argument("--compile", action="store_true", help="torch.compile; needs a C++ compiler")
    p.add_argument("--autocast", action="store_true", help="forward and loss under torch.autocast in bf16, the peer of --precision bf16")
    p.add_argument("--keep", action="store_true", help="have glibc keep freed memory")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    if a.layout == "both":
        for layout in ("nchw", "channels_last"):
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--layout", layout], check=True)
        return
    if a.keep:
        keep_memory()
    step(a)


if __name__ == "__main__":
    main()
