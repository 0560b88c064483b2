"""What the peers share: a clean start, timing, and how results are written."""

import json
import os
import resource
import statistics
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
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(4 << 30), "MALLOC_TRIM_THRESHOLD_": str(8 << 30), "MALLOC_TOP_PAD_": str(256 << 20)}


def keep_memory():
    """Starts this program anew with KEEP, unless it has been."""
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
