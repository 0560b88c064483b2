"""Times BLIS's SGEMM, called by ctypes.

    python bench/peers/blis_gemm.py -m 1024 -n 1024 -k 1024 --threads 1 [--trans nt] [--json]

A peer of `locimem bench gemm` with the same fields. BLIS chooses its kernels by
the model of the CPU, and a release older than the CPU falls back to plain C. Then
this takes the kernels for AVX-512 (skx) or AVX2 (haswell), which is what one who
cares for speed would do, and says so. Debian has the library in libblis4.
"""

import argparse
import ctypes
import ctypes.util
import os
import statistics
import subprocess
import sys
from pathlib import Path

from common import median_ms, report, times

NUMBERS = {"skx": 0, "haswell": 3, "zen3": 6}  # arch_t of BLIS 0.9, for BLIS_ARCH_TYPE


def load():
    for name in ("libblis.so.4", ctypes.util.find_library("blis")):
        try:
            lib = ctypes.CDLL(name)
        except (OSError, TypeError):
            continue
        lib.bli_init()
        lib.bli_arch_string.restype = lib.bli_info_get_version_str.restype = ctypes.c_char_p
        return lib
    sys.exit("blis_gemm.py: no libblis.so.4 here (Debian: apt-get install libblis4)")


def kernel(lib):
    return lib.bli_arch_string(lib.bli_arch_query_id()).decode()


def choose():
    """Loads BLIS; the kernels and how they were chosen. The choice is made once in
    a process, so another one is asked first."""
    own = subprocess.run([sys.executable, __file__, "--which"], check=True, stdout=subprocess.PIPE,
                         text=True).stdout.strip()
    if own != "generic" or "BLIS_ARCH_TYPE" in os.environ:
        lib = load()
        return lib, kernel(lib)
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.exists() else []
    wanted = "skx" if "avx512dq" in flags else "haswell" if "avx2" in flags else None
    if wanted:
        os.environ["BLIS_ARCH_TYPE"] = str(NUMBERS[wanted])
    lib = load()
    return lib, f"{kernel(lib)} (set by hand; BLIS itself chose {own})"


LOADED = []


def gemm(lib, trans, x, y, out):
    """A function that sets out = op(x) op(y)."""
    row_major, flags = 101, {"n": 111, "t": 112}
    m, n = out.shape
    k = x.shape[0] if trans[0] == "t" else x.shape[1]
    f, one, zero = ctypes.c_float, ctypes.c_float(1), ctypes.c_float(0)
    size = ctypes.c_int
    a = (size(row_major), size(flags[trans[0]]), size(flags[trans[1]]), size(m), size(n), size(k), one,
         ctypes.c_void_p(x.ctypes.data), size(x.shape[1]),
         ctypes.c_void_p(y.ctypes.data), size(y.shape[1]), zero, ctypes.c_void_p(out.ctypes.data), size(n))  # fmt: skip
    call = lib.cblas_sgemm
    call.restype = None
    call.argtypes = [size] * 6 + [f, ctypes.c_void_p, size, ctypes.c_void_p, size, f, ctypes.c_void_p, size]
    return lambda: call(*a)


def main():
    p = argparse.ArgumentParser(description="SGEMM by BLIS")
    for name, what in (("m", "rows of the result"), ("n", "columns of the result"), ("k", "length of the sums")):
        p.add_argument("-" + name, type=int, default=1024, help=what + " (default 1024)")
    p.add_argument("--trans", choices=["nn", "nt", "tn"], default="nn",
                   help="which factor is transposed (default: none)")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--reps", type=int, default=20, help="timed repetitions (default 20)")
    p.add_argument("--which", action="store_true", help="print the kernels that BLIS chooses, and end")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    if a.which:
        print(kernel(load()))
        return
    import numpy as np

    if not LOADED:
        LOADED.extend(choose())
    lib, chosen = LOADED
    lib.bli_thread_set_num_threads(a.threads)
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (a.k, a.m) if a.trans[0] == "t" else (a.m, a.k)).astype(np.float32)
    y = rng.uniform(-1, 1, (a.n, a.k) if a.trans[1] == "t" else (a.k, a.n)).astype(np.float32)
    out = np.empty((a.m, a.n), np.float32)
    one = np.ones((1, 1), np.float32)
    call = statistics.median(times(10000, gemm(lib, "nn", one, one, np.empty_like(one))))
    run = gemm(lib, a.trans, x, y, out)
    t = [s - call for s in times(a.reps, run)]
    want = (x.T if a.trans[0] == "t" else x) @ (y.T if a.trans[1] == "t" else y)
    if not np.allclose(out, want, atol=1e-6 * a.k):
        sys.exit("blis_gemm.py: a wrong product")
    flop = 2 * a.m * a.n * a.k
    r = {
        "m": a.m, "n": a.n, "k": a.k, "trans": a.trans, "threads": a.threads, "reps": a.reps, "ms": median_ms(t),
        "gflops": flop / median_ms(t) / 1e6, "gflops_best": flop / min(t) / 1e9, "call_us": 1e6 * call,
        "library": f"BLIS {lib.bli_info_get_version_str().decode()}", "kernel": chosen,
    }  # fmt: skip
    report(r, a.json, f"{a.m}x{a.n}x{a.k} {a.trans}, {a.threads} threads, {r['library']} {chosen}: "
                      f"{r['ms']:.3f} ms, {r['gflops']:.1f} GFLOP/s (best {r['gflops_best']:.1f})")  # fmt: skip


if __name__ == "__main__":
    main()
