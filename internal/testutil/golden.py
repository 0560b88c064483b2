"""What the scripts that make golden files share; golden.go reads the files.

A golden file is a compressed .npz. Its entry "about" is UTF-8 JSON (an array of
bytes): which script made it, with which versions, and whatever the script adds.
All other entries are arrays in row-major order, in this project's layouts
(images NHWC, convolution weights HWIO) unless the script says otherwise.

`uniform` is a random number by counter: value i of the stream called `name` is
a hash of (name, i), and golden.go has the same function, so that large inputs
need not be stored.
"""

import json
import platform
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15  # SplitMix64's increment


def fnv1a(name):
    """FNV-1a, 64 bits, of the name's bytes."""
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & MASK
    return h


def bits(name, n):
    """The first n outputs of SplitMix64 started at fnv1a(name)."""
    z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(GAMMA) + np.uint64(fnv1a(name))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(name, *shape):
    """float32 in [-1, 1), multiples of 2^-23: the top 24 bits of `bits`."""
    n = int(np.prod(shape))
    u = (bits(name, n) >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1
    return u.astype(np.float32).reshape(shape)


def grid(name, *shape):
    """Multiples of 1/16 in [-1, 1). Products are multiples of 1/256, and sums of
    up to 2^16 of them fit into float32's 24 bits, so any order of summation, with
    or without fused multiply-add, gives the same, exact, result."""
    n = int(np.prod(shape))
    g = (bits(name, n) >> np.uint64(59)).astype(np.float32) / 16 - 1
    return g.reshape(shape)


def summary(name, a, samples=32):
    """A few numbers that pin a large array down: its Euclidean norm, its mean,
    its inner product with uniform(name + "/dot") (which no permutation or sign
    leaves as it is) and `samples` entries at the positions bits(name + "/at") mod
    size. Float64."""
    a = np.asarray(a, dtype=np.float64).ravel()
    at = (bits(name + "/at", samples) % np.uint64(a.size)).astype(np.int64)
    dot = float(a @ uniform(name + "/dot", a.size).astype(np.float64))
    return np.array([np.linalg.norm(a), a.mean(), dot, *a[at]])


def save(path, arrays, **about):
    """Writes the golden file and says how large it is."""
    about = {
        "made by": Path(sys.argv[0]).name,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    } | about
    text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    out = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
    np.savez_compressed(path, about=text, **out)
    print(f"{path}: {Path(path).stat().st_size / 1024:.1f} KiB, {len(out)} arrays")
