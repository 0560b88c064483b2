"""Makes ops_transformer.npz, the results of PyTorch for the operations of
transformers; make_ops.py describes the format.

    python tensor/testdata/make_transformer.py
"""

import torch
import torch.nn.functional as F
from make_ops import File, grid, nchw, nhwc, uniform


def attention(qkv, heads):
    """As timm.layers.Attention does it between its two linear layers."""
    n, t, c = qkv.shape
    q, k, v = qkv.reshape(n, t, 3, heads, c // 3 // heads).permute(2, 0, 3, 1, 4).unbind(0)
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, c // 3)


def scatter(x, mask, idx, tokens):
    """The decoder's input of a masked autoencoder (facebookresearch/mae)."""
    n, _, c = x.shape
    y = mask.reshape(1, 1, c).repeat(n, tokens, 1)
    return y.scatter(1, torch.tensor(idx)[:, :, None].expand(-1, -1, c), x)


def patchify(x, p):
    n, h, w, c = x.shape
    return x.reshape(n, h // p, p, w // p, p, c).permute(0, 1, 3, 2, 4, 5).reshape(n, -1, p * p * c)


def main():
    f = File("transformer")
    for shape, offset, scale, eps in [
        ((1, 1), 0, 1, 1e-6),  # one number: its variance is 0
        ((3, 4, 7), 0, 1, 1e-6),
        ((5, 16), 0, 1, 1e-5),
        ((2, 3, 33), 100, 0.5, 1e-6),
        ((7, 64), -2, 3, 1e-5),
        ((1, 3, 192), 0.5, 1, 1e-6),
        ((4, 65), 0, 1e-3, 1e-6),  # eps counts
    ]:
        s = "x".join(map(str, shape))
        c = shape[-1]
        inputs = {"x": scale * uniform(f"ln{s}", *shape) + offset, "gamma": 1 + 0.5 * uniform(f"lng{s}", c), "beta": uniform(f"lnb{s}", c)}
        inputs = {k: v.astype("float32") for k, v in inputs.items()}
        f.add(f"layernorm_{s}", "layernorm", lambda x, gamma, beta, c=c, eps=eps: F.layer_norm(x, (c,), gamma, beta, eps), inputs, dy=uniform, eps=eps)
    for shape, groups in [((2, 3, 2, 6), 3), ((1, 1, 1, 10), 2), ((2, 5, 3, 16), 4), ((2, 3, 4, 33), 1), ((2, 2, 5, 5), 5)]:
        for relu in (False, True):
            s = "x".join(map(str, shape)) + f"_{groups}" + ("_relu" if relu else "")
            c = shape[-1]
            inputs = {"x": uniform(f"gn{s}", *shape), "gamma": 1 + 0.5 * uniform(f"gng{s}", c), "beta": uniform(f"gnb{s}", c)}

            def run(x, gamma, beta, groups=groups, relu=relu):
                y = nhwc(F.group_norm(nchw(x), groups, gamma, beta, 1e-5))
                return y.relu() if relu else y

            f.add(f"groupnorm_{s}", "groupnorm", run, inputs, dy=uniform, groups=groups, relu=relu, eps=1e-5)
    for n, scale in [(1, 1), (37, 1), (257, 6), (64, 40)]:
        f.add(f"gelu_{n}x{scale}", "gelu", F.gelu, {"x": (scale * uniform(f"gelu{n}", n)).astype("float32")}, dy=uniform)
    for n, t, heads, d, scale in [
        (1, 1, 1, 1, 1), (2, 1, 3, 4, 1), (2, 5, 2, 8, 1), (1, 17, 3, 16, 3), (1, 65, 1, 9, 2), (1, 33, 2, 17, 1), (1, 66, 1, 20, 4),
    ]:  # fmt: skip
        name = f"attention_{n}x{t}_{heads}x{d}"
        x = (scale * uniform(name, n, t, 3 * heads * d)).astype("float32")
        f.add(name, "attention", lambda qkv, heads=heads: attention(qkv, heads), {"qkv": x}, dy=uniform, heads=heads)
    inputs = {"x": grid("lin3", 2, 3, 7), "w": grid("lin3w", 5, 7), "b": grid("lin3b", 5)}
    f.add("linear_tokens", "linear", lambda x, w, b: F.linear(x, w, b), inputs, exact=True)
    for n, t, c in [(1, 1, 1), (3, 5, 17)]:
        s = f"{n}x{t}x{c}"
        x = grid("tok" + s, n, t, c)
        f.add("addtokens_" + s, "addtokens", lambda x, pos: x + pos, {"x": x, "pos": grid("pos" + s, t, c)}, exact=True)
        f.add("prepend_" + s, "prepend", lambda x, token, n=n: torch.cat([token.expand(n, 1, -1), x], 1),
              {"x": x, "token": grid("cls" + s, c)}, exact=True)  # fmt: skip
        f.add("take_" + s, "take", lambda x, t=t: x[:, t - 1], {"x": x}, exact=True, index=t - 1)
        f.add("meantokens_" + s, "meantokens", lambda x, t=t: x[:, min(1, t - 1) :].mean(1), {"x": x}, index=min(1, t - 1))
    for idx in ([[0], [3], [2]], [[3, 3, 0, 1, 2], [0, 1, 2, 3, 0], [2, 2, 2, 2, 2]]):
        k = len(idx[0])
        f.add(f"gathertokens_{k}", "gathertokens", lambda x, idx=idx: x.gather(1, torch.tensor(idx)[:, :, None].expand(-1, -1, 7)),
              {"x": grid(f"gt{k}", 3, 4, 7)}, exact=True, tokens=idx)  # fmt: skip
    for idx, tokens in (([[0, 4], [3, 1], [2, 3]], 6), ([[1, 0], [0, 1], [1, 0]], 2)):
        f.add(f"scattertokens_{tokens}", "scattertokens", lambda x, mask, idx=idx, tokens=tokens: scatter(x, mask, idx, tokens),
              {"x": grid(f"st{tokens}", 3, 2, 7), "mask": grid(f"stm{tokens}", 7)}, exact=True, tokens=idx, index=tokens)  # fmt: skip
    for shape, p in [((2, 4, 6, 3), 2), ((1, 3, 3, 5), 3), ((2, 2, 3, 1), 1)]:
        f.add(f"patchify_{p}", "patchify", lambda x, p=p: patchify(x, p), {"x": grid(f"patch{p}", *shape)}, exact=True, index=p)
    keep = [0.0, 1.25, 1.0]
    f.add("droppath", "droppath", lambda x: x * torch.tensor(keep, dtype=x.dtype)[:, None, None], {"x": grid("dp", 3, 2, 5)}, exact=True, keep=keep)
    ids = [4, 0, 4, 18, 2, 4]
    f.add("embedding", "embedding", lambda table: F.embedding(torch.tensor(ids).reshape(2, 3), table), {"table": grid("emb", 19, 5)}, exact=True, rows=ids)
    for t, c, k, o, stride, pad, bias in [(7, 3, 3, 4, 1, 1, True), (9, 2, 4, 3, 2, 0, False), (5, 1, 5, 2, 3, 2, True)]:
        inputs = {"x": grid(f"c1{k}", 2, t, c), "w": grid(f"c1w{k}", k, c, o)}
        if bias:
            inputs["b"] = grid(f"c1b{k}", o)

        def conv1d(x, w, b=None, stride=stride, pad=pad):
            return F.conv1d(x.transpose(1, 2), w.permute(2, 1, 0), b, stride, pad).transpose(1, 2)

        f.add(f"conv1d_{k}", "conv1d", conv1d, inputs, exact=True, stride=[stride, 1], pad=[pad, 0])
    f.save()


if __name__ == "__main__":
    torch.manual_seed(0)  # nothing here draws from it
    torch.set_num_threads(1)
    main()
