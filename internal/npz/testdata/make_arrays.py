"""Makes arrays.npz (stored), packed.npz (deflated) and big.npy with NumPy, for
array_test.go: value k of an array, counted in row-major order, is k - 3 (uint8:
7k mod 256, bool: k odd), floats half of that.

    python make_arrays.py
"""

from pathlib import Path

import numpy as np

here = Path(__file__).parent
SHAPES = {"scalar": (), "empty": (3, 0, 2), "line": (7,), "cube": (5, 3, 4)}


def values(dtype, shape):
    k = np.arange(int(np.prod(shape))).reshape(shape)
    match np.dtype(dtype).kind:
        case "f":
            return ((k - 3) / 2).astype(dtype)
        case "u":
            return (7 * k % 256).astype(dtype)
        case "b":
            return k % 2 == 1
    return (k - 3).astype(dtype)


arrays = {}
for code in ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "|u1", "<i4", ">i4", "<i8", ">i8", "|b1"]:
    for name, shape in SHAPES.items():
        a = values(code, shape)
        arrays[f"{code[1:]}{'-big' * (code[0] == '>')}-{name}"] = a
        if name == "cube":
            arrays[f"{code[1:]}{'-big' * (code[0] == '>')}-{name}-fortran"] = np.asfortranarray(a)
few = {k: v for k, v in arrays.items() if k.startswith(("f2-cube", "f4-big-cube", "i8-", "u1-line"))}
np.savez(here / "arrays.npz", **few)
np.savez_compressed(here / "packed.npz", **arrays)
np.save(here / "big.npy", np.asfortranarray(values(">f4", SHAPES["cube"])))
