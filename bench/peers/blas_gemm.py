"""Times numpy's float32 matrix product, which is OpenBLAS's SGEMM.

    python bench/peers/blas_gemm.py -m 1024 -n 1024 -k 1024 --threads 1 [--trans nt] [--json]

The peer of `locimem bench gemm`; the JSON has the same fields, and the kernel
that OpenBLAS chose. What Python and numpy themselves take for a call (the time of
a product of 1x1 matrices, under a microsecond) is taken off.
"""

import argparse
import statistics

from common import median_ms, report, times

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits


def main():
    p = argparse.ArgumentParser(description="SGEMM by numpy's OpenBLAS")
    for name, what in (("m", "rows of the result"), ("n", "columns of the result"), ("k", "length of the sums")):
        p.add_argument("-" + name, type=int, default=1024, help=what + " (default 1024)")
    p.add_argument("--trans", choices=["nn", "nt", "tn"], default="nn",
                   help="which factor is transposed (default: none)")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--reps", type=int, default=20, help="timed repetitions (default 20)")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()

    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (a.k, a.m) if a.trans[0] == "t" else (a.m, a.k)).astype(np.float32)
    y = rng.uniform(-1, 1, (a.n, a.k) if a.trans[1] == "t" else (a.k, a.n)).astype(np.float32)
    x, y = x.T if a.trans[0] == "t" else x, y.T if a.trans[1] == "t" else y  # views; numpy passes them on as transposed
    out = np.empty((a.m, a.n), np.float32)
    with threadpool_limits(a.threads, user_api="blas"):
        blas = next(i for i in threadpool_info() if i["user_api"] == "blas")
        one = np.ones((1, 1), np.float32)
        one_out = np.empty_like(one)
        call = statistics.median(times(10000, lambda: np.matmul(one, one, out=one_out)))
        t = [s - call for s in times(a.reps, lambda: np.matmul(x, y, out=out))]
    flop = 2 * a.m * a.n * a.k
    r = {
        "m": a.m, "n": a.n, "k": a.k, "trans": a.trans, "threads": blas["num_threads"], "reps": a.reps,
        "ms": median_ms(t),
        "gflops": flop / median_ms(t) / 1e6, "gflops_best": flop / min(t) / 1e9, "call_us": 1e6 * call,
        "library": f"{blas['internal_api']} {blas['version']}", "kernel": blas.get("architecture"),
    }  # fmt: skip
    report(r, a.json, f"{a.m}x{a.n}x{a.k} {a.trans}, {r['threads']} threads, {r['library']} {r['kernel']}: "
                      f"{r['ms']:.3f} ms, {r['gflops']:.1f} GFLOP/s (best {r['gflops_best']:.1f})")  # fmt: skip


if __name__ == "__main__":
    main()
