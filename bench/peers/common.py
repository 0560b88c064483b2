"""What the peers share: a clean start, timing, and how results are written."""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

# These override what OpenBLAS finds out about the CPU. Some environments set them
# to the disadvantage of newer CPUs, so the peers run without. Import this module
# before numpy.
REMOVED = {k: os.environ.pop(k) for k in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if k in os.environ}

# ImageNet's, as in the project's recipes.
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

# With these, read at the start of a process, glibc keeps freed memory; torch_step.py
# says why.
KEEP = {
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}


def keep_memory():
    """Restarts this program with KEEP in its environment, unless KEEP is there."""
    if not KEEP.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | KEEP)


def times(reps, f):
    """Seconds of each of reps calls of f, after a tenth as many, at least 2,
    untimed ones: what locimem bench does."""
    for _ in range(max(2, reps // 10)):
        f()
    out = []
    for _ in range(reps):
        began = time.perf_counter()
        f()
        out.append(time.perf_counter() - began)
    return out


def median_ms(seconds):
    return 1e3 * statistics.median(seconds)


def peak_rss():
    """The most memory that this process had in use, in bytes."""
    kilo = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilo


def report(result, as_json, line):
    print(json.dumps(result) if as_json else line, flush=True)


# What the scripts that time PyTorch share. PyTorch is imported only after keep_memory.


def options(about, reps, compiled=True):
    """An argparse parser with the options of every script."""
    p = argparse.ArgumentParser(description=about)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--reps", type=int, default=reps, help=f"timed repetitions (default {reps})")
    p.add_argument("--keep", action="store_true", help="have glibc keep freed memory")
    p.add_argument("--json", action="store_true")
    if compiled:
        p.add_argument("--compile", action="store_true", help="torch.compile; needs a C++ compiler")
    return p


def layout_option(p):
    p.add_argument("--layout", choices=["nchw", "channels_last", "both"], default="both")


def autocast_option(p):
    p.add_argument("--autocast", action="store_true",
                   help="forward and loss under torch.autocast in bf16, the peer of --precision bf16")  # fmt: skip


def run(measure, p):
    """Parses the command line and calls measure(arguments): for --layout both once in a
    process for each layout, for --keep with KEEP in the environment."""
    a = p.parse_args()
    if getattr(a, "layout", None) == "both":
        for layout in ("nchw", "channels_last"):
            subprocess.run([sys.executable, *sys.argv, "--layout", layout], check=True)
        return
    if a.keep:
        keep_memory()
    measure(a)


def start_torch(a):
    """Sets PyTorch's threads and seed. Returns the memory in use so far, in bytes: call it
    after all imports, before the first tensor."""
    import torch

    imported = peak_rss()
    torch.manual_seed(1)
    torch.set_num_threads(a.threads)
    return imported


def about_torch(a, imported):
    """The fields that say how PyTorch was used, and its memory."""
    import torch

    return {
        "threads": torch.get_num_threads(), "compiled": a.compile, "keep": a.keep, "reps": a.reps,
        "peak_rss_bytes": peak_rss(), "imported_rss_bytes": imported, "library": f"PyTorch {torch.__version__}",
    }  # fmt: skip


def training_step(a, imported, what, model, optimizer, inputs, **fields):
    """Times training steps and reports them. model(*inputs()) is the loss, what the name of
    the step for readers; fields are those of the result that only this script has."""
    import torch

    loss = torch.compile(model) if a.compile else model

    def step():
        optimizer.zero_grad()
        drawn = inputs()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.autocast):
            value = loss(*drawn)
        value.backward()
        optimizer.step()

    ms = median_ms(times(a.reps, step))
    r = about_torch(a, imported) | {"batch": a.batch, "size": a.size, "autocast": a.autocast, "step_ms": ms,
                                    "images_per_s": 1e3 * a.batch / ms} | fields  # fmt: skip
    chosen = [", compiled"] * a.compile + [", autocast bf16"] * a.autocast + [", memory kept"] * a.keep
    report(r, a.json, f"{what}, batch {a.batch}, {r['threads']} threads{''.join(chosen)}: step {ms:.1f} ms, "
                      f"{r['images_per_s']:.0f} images/s; peak memory {r['peak_rss_bytes'] >> 20} MiB, "
                      f"{imported >> 20} of it before the first tensor")  # fmt: skip
