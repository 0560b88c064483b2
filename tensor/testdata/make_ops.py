"""Makes ops_*.npz, the results of PyTorch that tensor/parity_test.go asks for.

    python tensor/testdata/make_ops.py

Every case has its inputs, the output y, an upstream gradient dy and the
gradients of all inputs that have one, all float32. PyTorch computes in float64
from the float32 inputs, so the numbers here are right to float32's rounding.

Cases marked exact have inputs that are multiples of 1/16: whatever the order of
the sums, float32 can hold every partial result, and y and all gradients have to
be equal bit for bit.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "../../internal/testutil"))
from golden import bits, grid, save, uniform  # noqa: E402


class File:
    """The cases of one golden file."""

    def __init__(self, name):
        self.path, self.cases, self.arrays = HERE / f"ops_{name}.npz", [], {}

    def add(self, name, op, f, inputs, dy=grid, constant=(), **attrs):
        """Runs f on float64 copies of the inputs (in this project's layouts) and
        records everything. `constant` names the inputs without a gradient; attrs
        go into the case's description."""
        assert all(c["name"] != name for c in self.cases), name
        x = {k: torch.tensor(v, dtype=torch.float64) for k, v in inputs.items()}
        for k, v in x.items():
            v.requires_grad_(k not in constant)
        y = f(**x)
        up = dy(f"{name}/dy", *y.shape)
        (y * torch.tensor(up, dtype=torch.float64)).sum().backward()
        out = {k: v for k, v in inputs.items()}
        out |= {"y": y.detach().numpy(), "dy": up}
        out |= {f"{k}.grad": v.grad.numpy() for k, v in x.items() if v.requires_grad}
        for k, v in out.items():
            a = np.asarray(v).astype(np.float32)
            if attrs.get("exact"):
                assert (a == v).all(), f"{name}: {k} does not fit into float32"
            self.arrays[f"{name}.{k}"] = a
        self.cases.append({"name": name, "op": op, "inputs": list(inputs), "constant": list(constant)} | attrs)

    def save(self):
        save(self.path, self.arrays, cases=self.cases)


# NHWC and HWIO are ours, NCHW and OIHW PyTorch's.
def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def oihw(w):
    return w.permute(3, 2, 0, 1)


def conv():
    f = File("conv")
    #    N  H   W   C   KH KW OC  stride  pad    bias
    for n, h, w, c, kh, kw, oc, stride, pad, bias in [
        (1, 1, 1, 1, 1, 1, 1, (1, 1), (0, 0), True),
        (1, 5, 5, 3, 3, 3, 4, (1, 1), (1, 1), True),
        (2, 7, 5, 3, 3, 3, 5, (2, 2), (1, 1), True),
        (1, 8, 7, 17, 1, 1, 33, (1, 1), (0, 0), False),
        (2, 9, 7, 17, 3, 3, 16, (1, 1), (0, 0), True),
        (1, 11, 13, 3, 5, 5, 7, (2, 2), (2, 2), False),
        (2, 13, 9, 3, 7, 7, 6, (3, 3), (3, 3), True),
        (1, 6, 6, 64, 3, 3, 16, (1, 1), (1, 1), True),
        (3, 5, 7, 2, 2, 2, 5, (2, 1), (0, 1), True),
        (2, 8, 9, 5, 3, 1, 9, (1, 2), (1, 0), False),
        (1, 4, 3, 3, 7, 7, 2, (1, 1), (3, 3), True),  # the kernel is larger than the image
        (2, 6, 5, 1, 5, 3, 2, (3, 2), (2, 3), True),  # windows that see padding alone
        (1, 4, 4, 3, 1, 1, 4, (2, 3), (2, 1), True),  # the same, 1x1
        (1, 10, 10, 4, 1, 1, 3, (3, 3), (0, 0), False),  # most pixels are never read
        (2, 7, 7, 4, 2, 2, 3, (3, 3), (1, 1), True),  # gaps between the windows
        (5, 4, 4, 17, 3, 3, 65, (1, 1), (1, 1), False),
        (2, 1, 9, 2, 1, 5, 3, (1, 1), (0, 2), True),  # one row
        (1, 9, 1, 2, 5, 1, 3, (2, 1), (2, 0), False),  # one column
        (1, 35, 31, 1, 3, 3, 2, (1, 1), (1, 1), True),  # 1,085 positions
        (1, 17, 16, 3, 3, 3, 32, (1, 1), (1, 1), True),  # ResNet-9's first layer
        (1, 3, 3, 17, 7, 7, 3, (1, 1), (3, 3), True),  # 833 products a sum
        (3, 4, 3, 64, 3, 3, 17, (1, 1), (1, 1), True),
        (2, 7, 9, 64, 2, 2, 3, (3, 2), (0, 0), False),  # the last rows are never read
    ]:
        name = f"{n}x{h}x{w}x{c}_k{kh}x{kw}x{oc}_s{stride[0]}x{stride[1]}_p{pad[0]}x{pad[1]}"
        inputs = {"x": grid(name + "/x", n, h, w, c), "w": grid(name + "/w", kh, kw, c, oc)}
        if bias:
            inputs["b"] = grid(name + "/b", oc)

        def run(x, w, b=None, stride=stride, pad=pad):
            return nhwc(F.conv2d(nchw(x), oihw(w), b, stride, pad))

        f.add(name, "conv", run, inputs, exact=True, stride=stride, pad=pad)
    f.save()


def matmul():
    f = File("matmul")
    for m, k, n in [(1, 1, 1), (5, 7, 3), (17, 25, 19), (2, 64, 33), (65, 1, 3), (1, 5, 129), (3, 1100, 2), (70, 40, 1)]:
        for ta in (False, True):
            for tb in (False, True):
                name = f"{m}x{k}x{n}_{'t' if ta else 'n'}{'t' if tb else 'n'}"
                a = grid(name + "/a", *((k, m) if ta else (m, k)))
                b = grid(name + "/b", *((n, k) if tb else (k, n)))

                def run(a, b, ta=ta, tb=tb):
                    return (a.T if ta else a) @ (b.T if tb else b)

                f.add(name, "matmul", run, {"a": a, "b": b}, exact=True, transA=ta, transB=tb)
    # one tensor on both sides: its gradient is a sum
    f.add("self_nt", "matmul_self", lambda a: a @ a.T, {"a": grid("self_nt", 9, 21)}, exact=True, transA=False, transB=True)
    f.add("self_tn", "matmul_self", lambda a: a.T @ a, {"a": grid("self_tn", 9, 21)}, exact=True, transA=True, transB=False)
    for n, i, o, bias in [(1, 1, 1, True), (4, 17, 10, True), (33, 64, 5, False), (2, 128, 33, True)]:
        name = f"linear_{n}x{i}_{o}" + ("_bias" if bias else "")
        inputs = {"x": grid(name + "/x", n, i), "w": grid(name + "/w", o, i)}
        if bias:
            inputs["b"] = grid(name + "/b", o)
        f.add(name, "linear", lambda x, w, b=None: F.linear(x, w, b), inputs, exact=True)
    f.save()


def norm():
    """Batch norm. The running statistics after the step are y's companions: they
    have no gradient and are stored as mean.after and var.after."""
    f = File("norm")
    for shape, offset, scale in [
        ((4, 5, 3, 1), 0, 1),
        ((2, 7, 5, 3), 0, 1),
        ((1, 4, 4, 17), 0.5, 2),
        ((2, 3, 2, 64), 0, 1),
        ((9, 17), -1, 0.5),  # after a linear layer
        ((3, 1, 1, 5), 0, 1),  # three values a channel
        ((8, 6, 5, 3), 50, 1),  # a mean that is large beside the deviation
        ((6, 3, 3, 4), 0, 1e-3),  # eps matters
    ]:
        for relu in (False, True):
            for train in (True, False):
                name = f"bn_{'x'.join(map(str, shape))}" + ("_relu" if relu else "") + ("_train" if train else "_eval")
                c = shape[-1]
                x = (uniform(name + "/x", *shape) * scale + offset).astype(np.float32)
                gamma = (1 + 0.5 * uniform(name + "/gamma", c)).astype(np.float32)
                beta = (0.5 * uniform(name + "/beta", c)).astype(np.float32)
                mean = (0.1 * uniform(name + "/mean", c) + offset).astype(np.float32)
                var = (scale**2 * (1 + 0.5 * uniform(name + "/var", c))).astype(np.float32)
                after = [torch.tensor(mean, dtype=torch.float64), torch.tensor(var, dtype=torch.float64)]

                def run(x, gamma, beta, after=after, train=train, relu=relu, name=name):
                    y = F.batch_norm(x.movedim(-1, 1), *after, gamma, beta, training=train, momentum=0.1, eps=1e-5)
                    if relu:
                        # a rounding error must not switch a unit on or off
                        assert y.abs().min() > 2e-5, f"{name}: an output is too near 0"
                        y = y.relu()
                    return y.movedim(1, -1)

                f.add(name, "batchnorm", run, {"x": x, "gamma": gamma, "beta": beta}, dy=uniform, train=train, relu=relu)
                f.arrays |= {f"{name}.mean": mean, f"{name}.var": var}
                f.arrays |= {f"{name}.{k}.after": v.numpy().astype(np.float32) for k, v in zip(("mean", "var"), after)}

    for n, d, eps, rows in [
        (5, 8, 1e-12, {}),
        (1, 3, 1e-12, {}),
        (7, 129, 1e-12, {}),
        (4, 17, 1e-3, {1: 0.0, 2: 1e-5}),  # a row of zeros and one shorter than eps
        (2, 5, 1e-12, {0: 0.0}),  # the gradient of a zero row is dy/eps
        (1, 17, 1e-12, {0: 1e18}),  # near where squares leave float32's range,
        (1, 17, 1e-30, {0: 1e-17}),  # which PyTorch's float32 does not survive
        (1, 17, 1e-3, {0: 1e-5}),
    ]:
        name = f"l2_{n}x{d}_{eps:g}" + "".join(f"_row{r}x{s:g}" for r, s in rows.items())
        x = uniform(name + "/x", n, d)
        for r, s in rows.items():
            x[r] *= np.float32(s)
        f.add(name, "l2normalize", lambda x, eps=eps: F.normalize(x, dim=1, eps=eps), {"x": x}, dy=uniform, eps=eps)
    f.save()


def norm_add():
    """The end of a residual block: batch norm, plus a shortcut, with ReLU or not."""
    f = File("norm_add")
    for shape in [(2, 4, 3, 17), (9, 5)]:
        for relu in (False, True):
            for train in (True, False):
                name = f"bnadd_{'x'.join(map(str, shape))}" + ("_relu" if relu else "") + ("_train" if train else "_eval")
                c = shape[-1]
                inputs = {
                    "x": uniform(name + "/x", *shape),
                    "gamma": (1 + 0.5 * uniform(name + "/gamma", c)).astype(np.float32),
                    "beta": (0.5 * uniform(name + "/beta", c)).astype(np.float32),
                    "shortcut": uniform(name + "/shortcut", *shape),
                }
                mean = (0.1 * uniform(name + "/mean", c)).astype(np.float32)
                var = (1 + 0.5 * uniform(name + "/var", c)).astype(np.float32)
                after = [torch.tensor(mean, dtype=torch.float64), torch.tensor(var, dtype=torch.float64)]

                def run(x, gamma, beta, shortcut, after=after, train=train, relu=relu, name=name):
                    y = F.batch_norm(x.movedim(-1, 1), *after, gamma, beta, training=train, momentum=0.1, eps=1e-5)
                    y = y.movedim(1, -1) + shortcut
                    if relu:
                        assert y.abs().min() > 2e-5, f"{name}: a sum is too near 0"
                        y = y.relu()
                    return y

                f.add(name, "batchnorm_add", run, inputs, dy=uniform, train=train, relu=relu)
                f.arrays |= {f"{name}.mean": mean, f"{name}.var": var}
                f.arrays |= {f"{name}.{k}.after": v.numpy().astype(np.float32) for k, v in zip(("mean", "var"), after)}
    f.save()


def pool():
    f = File("pool")
    #    N  H  W  C   K       stride  pad
    for n, h, w, c, k, stride, pad in [
        (1, 2, 2, 1, (2, 2), (2, 2), (0, 0)),
        (2, 8, 8, 17, (2, 2), (2, 2), (0, 0)),
        (1, 7, 9, 3, (2, 2), (2, 2), (0, 0)),  # the last row and column are dropped
        (2, 7, 7, 5, (3, 3), (2, 2), (1, 1)),  # ResNet's stem: overlapping, padded
        (1, 5, 5, 64, (3, 3), (1, 1), (1, 1)),
        (2, 6, 5, 2, (3, 2), (1, 3), (1, 0)),
        (1, 4, 4, 3, (4, 4), (4, 4), (0, 0)),
        (1, 3, 3, 4, (3, 3), (3, 3), (1, 1)),
        (1, 5, 7, 2, (1, 1), (2, 3), (0, 0)),
        (3, 1, 6, 33, (1, 2), (1, 2), (0, 1)),
    ]:
        shape = f"{n}x{h}x{w}x{c}_k{k[0]}x{k[1]}_s{stride[0]}x{stride[1]}_p{pad[0]}x{pad[1]}"
        attrs = {"kernel": k, "stride": stride, "pad": pad}

        def run_max(x, k=k, stride=stride, pad=pad):
            return nhwc(F.max_pool2d(nchw(x), k, stride, pad))

        def run_avg(x, k=k, stride=stride, pad=pad):
            return nhwc(F.avg_pool2d(nchw(x), k, stride, pad, count_include_pad=True))

        # 32 different values: many ties. PyTorch sends the gradient to the first
        # of the largest, row by row.
        f.add("max_" + shape, "maxpool", run_max, {"x": grid("max" + shape, n, h, w, c)}, exact=True, **attrs)
        # zeros in the padding count (PyTorch's default, count_include_pad=True)
        f.add("avg_" + shape, "avgpool", run_avg, {"x": grid("avg" + shape, n, h, w, c)}, **attrs)
    for n, h, w, c in [(1, 1, 1, 1), (2, 2, 2, 17), (3, 5, 3, 4), (1, 4, 4, 65)]:
        shape = f"{n}x{h}x{w}x{c}"
        f.add("gap_" + shape, "globalavg", lambda x: x.mean((1, 2)), {"x": grid("gap" + shape, n, h, w, c)})

        def run_gmax(x):
            return F.max_pool2d(nchw(x), x.shape[1:3]).flatten(1)

        f.add("gmax_" + shape, "globalmax", run_gmax, {"x": grid("gmax" + shape, n, h, w, c)}, exact=True)
    # equal values all over, as after a ReLU that shut everything
    f.add("max_zeros", "maxpool", lambda x: nhwc(F.max_pool2d(nchw(x), 2)), {"x": np.zeros((1, 4, 6, 3), np.float32)},
          exact=True, kernel=(2, 2), stride=(2, 2), pad=(0, 0))
    # all negative: padding must not win
    f.add("max_negative", "maxpool", lambda x: nhwc(F.max_pool2d(nchw(x), 3, 2, 1)), {"x": grid("neg", 1, 5, 5, 3) - 2},
          exact=True, kernel=(3, 3), stride=(2, 2), pad=(1, 1))
    f.save()


def misc():
    f = File("misc")
    for n, k, scale in [(1, 1, 1), (1, 5, 3), (7, 10, 1), (4, 33, 100), (512, 3, 5)]:
        name = f"ce_{n}x{k}_{scale}"
        x = (scale * uniform(name + "/x", n, k)).astype(np.float32)
        t = [int(b % np.uint64(k)) for b in bits(name + "/t", n)]
        f.add(name, "crossentropy", lambda x, t=t: F.cross_entropy(x, torch.tensor(t)).reshape(1), {"x": x}, dy=uniform, targets=t)
    x = uniform("ce_masked", 6, 6) * 5
    np.fill_diagonal(x, -np.inf)  # what SimCLR does to a view and itself
    t = [(i + 3) % 6 for i in range(6)]
    f.add("ce_masked", "crossentropy", lambda x: F.cross_entropy(x, torch.tensor(t)).reshape(1), {"x": x}, dy=uniform, targets=t)

    for n in (1, 2, 17):
        for v in (0.0, -1e9):
            f.add(f"diagonal_{n}_{v:g}", "maskdiagonal", lambda x, n=n, v=v: x.masked_fill(torch.eye(n, dtype=torch.bool), v),
                  {"x": grid(f"diag{n}", n, n)}, exact=True, value=v)
    for shape in [(1,), (5, 3), (2, 3, 5, 7)]:
        s = "x".join(map(str, shape))
        f.add(f"sum_{s}", "sum", lambda x: x.sum().reshape(1), {"x": grid("sum" + s, *shape)}, exact=True)
        f.add(f"mean_{s}", "mean", lambda x: x.mean().reshape(1), {"x": grid("mean" + s, *shape)})
        # zeros among them: PyTorch's gradient there is 0
        f.add(f"relu_{s}", "relu", lambda x: x.relu(), {"x": grid("relu" + s, *shape)}, exact=True)
        f.add(f"scale_{s}", "scale", lambda x: x * -0.375, {"x": grid("scale" + s, *shape)}, exact=True, value=-0.375)
        f.add(f"add_{s}", "add", lambda a, b: a + b, {"a": grid("a" + s, *shape), "b": grid("b" + s, *shape)}, exact=True)
        f.add(f"double_{s}", "add_self", lambda a: a + a, {"a": grid("aa" + s, *shape)}, exact=True)
    for n, d in [(1, 1), (6, 17), (9, 64)]:
        f.add(f"meanaxis0_{n}x{d}", "meanaxis0", lambda x: x.mean(0), {"x": grid(f"ma{n}x{d}", n, d)})
    for rows in ([0], [3, 3, 3, 0], [4, 1, 2, 0, 3, 1], [2] * 9):
        name = "gather_" + "".join(map(str, rows))
        f.add(name, "gather", lambda x, rows=rows: x.index_select(0, torch.tensor(rows)), {"x": grid(name, 5, 7)}, exact=True, rows=rows)
    f.add("gather_nhwc", "gather", lambda x: x[[2, 0, 2]], {"x": grid("gn", 3, 2, 3, 4)}, exact=True, rows=[2, 0, 2])
    for name, shapes in {"2d": [(2, 3), (1, 3), (4, 3)], "one": [(3, 2)], "4d": [(1, 2, 3, 4), (2, 2, 3, 4)]}.items():
        inputs = {f"x{i}": grid(f"cat{name}{i}", *s) for i, s in enumerate(shapes)}
        f.add(f"concat_{name}", "concat", lambda **xs: torch.cat(list(xs.values())), inputs, exact=True)
    f.add("concat_self", "concat_self", lambda a: torch.cat([a, a]), {"a": grid("cs", 3, 5)}, exact=True)
    f.add("reshape", "reshape", lambda x: x.reshape(6, 10), {"x": grid("rs", 2, 3, 2, 5)}, exact=True, shape=[6, 10])
    f.save()


if __name__ == "__main__":
    torch.manual_seed(0)  # nothing here draws from it
    torch.set_num_threads(1)
    conv()
    matmul()
    norm()
    norm_add()
    pool()
    misc()
