"""Times the two halves of a vision transformer's block in PyTorch, forward and
backward apart.

    python bench/peers/torch_attention.py [--tokens 65] [--batch 64] [--threads 2] [--keep] [--compile]

The peer of `locimem bench attention`, with the same fields: attention alone
(F.scaled_dot_product_attention on queries, keys and values that come out of one
array, back to tokens), the attention block x + proj(attention(qkv(norm(x)))) and
the MLP block x + fc2(GELU(fc1(norm(x)))). Backward starts from a gradient that is
there and gives those of the input and of all parameters. torch_step.py says what
--keep is for.
"""

import time

from common import about_torch, median_ms, options, report, run, start_torch


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


def blocks(a):
    import torch
    from torch import nn

    imported = start_torch(a)
    shape, dim = (a.batch, a.tokens), a.dim
    norm, gelu = nn.LayerNorm(dim, eps=1e-6), nn.GELU()
    qkv, proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
    fc1, fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
    made, x = torch.randn(*shape, 3 * dim, requires_grad=True), torch.randn(*shape, dim, requires_grad=True)
    dy = torch.randn(*shape, dim)
    halves = {
        "core": (lambda: attend(made, a.heads), [made]),
        "block": (lambda: x + proj(attend(qkv(norm(x)), a.heads)),
                  [x, *norm.parameters(), *qkv.parameters(), *proj.parameters()]),
        "mlp": (lambda: x + fc2(gelu(fc1(norm(x)))), [x, *norm.parameters(), *fc1.parameters(), *fc2.parameters()]),
    }  # fmt: skip
    r = {"tokens": a.tokens, "batch": a.batch, "dim": dim, "heads": a.heads}
    for name, (f, wants) in halves.items():
        f = torch.compile(f) if a.compile else f
        r[f"{name}_forward_ms"], r[f"{name}_backward_ms"] = both_ways(a.reps, f, wants, dy)
    flop = 2 * a.batch * a.tokens**2 * dim  # of one of the products
    r["core_forward_gflops"] = 2 * flop / r["core_forward_ms"] / 1e6
    r["core_backward_gflops"] = 5 * flop / r["core_backward_ms"] / 1e6
    r |= about_torch(a, imported)
    both = {name: f"{r[name + '_forward_ms']:.2f} + {r[name + '_backward_ms']:.2f} ms" for name in halves}
    report(r, a.json, f"batch {a.batch} of {a.tokens} tokens, dim {dim}, {a.heads} heads, {r['threads']} threads; "
                      f"forward + backward\nattention alone {both['core']}, attention block {both['block']}, "
                      f"MLP block {both['mlp']}")  # fmt: skip


def main():
    p = options("attention and MLP of a transformer block in PyTorch", reps=20)
    p.add_argument("--tokens", type=int, default=65, help="tokens of a sequence (default 65)")
    p.add_argument("--batch", type=int, default=64, help="sequences (default 64)")
    p.add_argument("--dim", type=int, default=192, help="numbers of a token (default 192)")
    p.add_argument("--heads", type=int, default=3)
    run(blocks, p)


if __name__ == "__main__":
    main()
