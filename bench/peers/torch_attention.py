"""Times the two halves of a vision transformer's block in PyTorch, forward and
backward apart.

    python bench/peers/torch_attention.py [--tokens 65] [--batch 64] [--threads 2] [--keep] [--compile] [--json]

The peer of `locimem bench attention`, with the same fields: attention alone
(F.scaled_dot_product_attention on queries, keys and values that come out of one
array, back to tokens), the attention block x + proj(attention(qkv(norm(x)))) and
the MLP block x + fc2(GELU(fc1(norm(x)))). Backward starts from a gradient that is
there and gives those of the input and of all parameters. torch_step.py says what
--keep is for.
"""

import argparse
import time

from common import keep_memory, median_ms, peak_rss, report


def attend(qkv, heads):
    import torch.nn.functional as F

    n, t, c = qkv.shape
    q, k, v = qkv.reshape(n, t, 3, heads, c // 3 // heads).permute(2, 0, 3, 1, 4).unbind(0)
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, c // 3)


def both_ways(reps, f, wants, dy):
    """Median milliseconds of y = f() and of its backward pass."""
    there, back = [], []
    for _ in range(reps + max(2, reps // 10)):
        for p in wants:
            p.grad = None
        began = time.perf_counter()
        y = f()
        turned = time.perf_counter()
        y.backward(dy)
        back.append(time.perf_counter() - turned)
        there.append(turned - began)
    return median_ms(there[-reps:]), median_ms(back[-reps:])


def run(a):
    import torch
    from torch import nn

    imported = peak_rss()
    torch.manual_seed(1)
    torch.set_num_threads(a.threads)
    shape, dim = (a.batch, a.tokens), a.dim
    norm, gelu = nn.LayerNorm(dim, eps=1e-6), nn.GELU()
    qkv, proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
    fc1, fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
    made, x, dy = torch.randn(*shape, 3 * dim, requires_grad=True), torch.randn(*shape, dim, requires_grad=True), torch.randn(*shape, dim)
    halves = {
        "core": (lambda: attend(made, a.heads), [made]),
        "block": (lambda: x + proj(attend(qkv(norm(x)), a.heads)), [x, *norm.parameters(), *qkv.parameters(), *proj.parameters()]),
        "mlp": (lambda: x + fc2(gelu(fc1(norm(x)))), [x, *norm.parameters(), *fc1.parameters(), *fc2.parameters()]),
    }
    r = {
        "tokens": a.tokens, "batch": a.batch, "dim": dim, "heads": a.heads, "threads": torch.get_num_threads(),
        "compiled": a.compile, "keep": a.keep, "reps": a.reps,
    }  # fmt: skip
    for name, (f, wants) in halves.items():
        r[f"{name}_forward_ms"], r[f"{name}_backward_ms"] = both_ways(a.reps, torch.compile(f) if a.compile else f, wants, dy)
    flop = 2 * a.batch * a.tokens**2 * dim  # of one of the products
    r["core_forward_gflops"], r["core_backward_gflops"] = 2 * flop / r["core_forward_ms"] / 1e6, 5 * flop / r["core_backward_ms"] / 1e6
    r |= {"peak_rss_bytes": peak_rss(), "imported_rss_bytes": imported, "library": f"PyTorch {torch.__version__}"}
    report(r, a.json, f"batch {a.batch} of {a.tokens} tokens, dim {dim}, {a.heads} heads, {r['threads']} threads; forward + backward\n"
                      f"attention alone {r['core_forward_ms']:.2f} + {r['core_backward_ms']:.2f} ms, attention block {r['block_forward_ms']:.2f} + "
                      f"{r['block_backward_ms']:.2f} ms, MLP block {r['mlp_forward_ms']:.2f} + {r['mlp_backward_ms']:.2f} ms")  # fmt: skip


def main():
    p = argparse.ArgumentParser(description="attention and MLP of a transformer block in PyTorch")
    p.add_argument("--tokens", type=int, default=65, help="tokens of a sequence (default 65)")
    p.add_argument("--batch", type=int, default=64, help="sequences (default 64)")
    p.add_argument("--dim", type=int, default=192, help="numbers of a token (default 192)")
    p.add_argument("--heads", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--reps", type=int, default=20, help="timed repetitions (default 20)")
    p.add_argument("--compile", action="store_true", help="torch.compile; needs a C++ compiler")
    p.add_argument("--keep", action="store_true", help="have glibc keep freed memory")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    if a.keep:
        keep_memory()
    run(a)


if __name__ == "__main__":
    main()
