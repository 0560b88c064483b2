"""Times the three passes of every distinct convolution of an encoder in PyTorch.

    python bench/peers/torch_conv.py [--net resnet9] [--threads 2] [--layout both] [--keep] [--json]

The peer of `locimem bench conv`; the fields of --json are the same. The backward
passes are aten.convolution_backward, asked for one gradient at a time. --keep has
glibc keep freed memory, as torch_step.py explains.
"""

import argparse
import subprocess
import sys

from common import keep_memory, median_ms, report, times

BATCH = {"resnet9": 512, "resnet18": 128, "resnet50": 8}


def layers(net):
    """(name, size, c, k, kernel, stride) of all convolutions, in order."""
    if net == "resnet9":
        return [("conv1", 32, 3, 32, 3, 1), ("conv2_0", 16, 32, 64, 3, 1), ("conv2_1", 8, 64, 64, 3, 1),
                ("conv2_2", 8, 64, 64, 3, 1), ("conv3", 8, 64, 128, 3, 1), ("conv4_0", 4, 128, 256, 3, 1),
                ("conv4_1", 2, 256, 256, 3, 1), ("conv4_2", 2, 256, 256, 3, 1)]  # fmt: skip
    bottleneck = net == "resnet50"
    if bottleneck:
        out, size, c = [("conv1", 224, 3, 64, 7, 2)], 56, 64
    else:
        out, size, c = [("conv1", 32, 3, 64, 3, 1)], 32, 64
    for stage, blocks in enumerate([3, 4, 6, 3] if bottleneck else [2, 2, 2, 2]):
        width = 64 << stage
        for block in range(blocks):
            name, stride = f"layer{stage + 1}.{block}.", 2 if stage and not block else 1
            if bottleneck:
                out += [(name + "conv1", size, c, width, 1, 1), (name + "conv2", size, width, width, 3, stride),
                        (name + "conv3", size // stride, width, 4 * width, 1, 1)]  # fmt: skip
                k = 4 * width
            else:
                out += [(name + "conv1", size, c, width, 3, stride), (name + "conv2", size // stride, width, width, 3, 1)]
                k = width
            if not block and (bottleneck or stride == 2):
                out.append((name + "downsample", size, c, k, 1, stride))
            size, c = size // stride, k
    return out


def distinct(net, n):
    """One description for each shape, with the number of layers that have it."""
    found = {}
    for name, size, c, k, kernel, stride in layers(net):
        d = found.setdefault((size, c, k, kernel, stride), {
            "layer": name, "count": 0, "n": n, "size": size, "c": c, "k": k,
            "kernel": kernel, "stride": stride, "pad": kernel // 2,
        })  # fmt: skip
        d["count"] += 1
    return list(found.values())


def measure(a):
    import torch

    torch.manual_seed(1)
    torch.set_num_threads(a.threads)
    torch.set_grad_enabled(False)
    memory = torch.channels_last if a.layout == "channels_last" else torch.contiguous_format
    convs = []
    for d in distinct(a.net, a.batch or BATCH[a.net]):
        if a.layer not in d["layer"]:
            continue
        out = (d["size"] + 2 * d["pad"] - d["kernel"]) // d["stride"] + 1
        tensor = lambda *shape: (2 * torch.rand(*shape) - 1).contiguous(memory_format=memory)
        x = tensor(d["n"], d["c"], d["size"], d["size"])
        w = tensor(d["k"], d["c"], d["kernel"], d["kernel"])
        y = tensor(d["n"], d["k"], out, out)
        stride, pad = [d["stride"]] * 2, [d["pad"]] * 2

        def backward(*mask):
            return torch.ops.aten.convolution_backward(y, x, w, None, stride, pad, [1, 1], False, [0, 0], 1, mask)

        for name, run in [
            ("forward", lambda: torch.nn.functional.conv2d(x, w, None, stride, pad)),
            ("data", lambda: backward(True, False, False)),
            ("weights", lambda: backward(False, True, False)),
        ]:
            t = times(a.reps, run)
            flop = 2 * d["n"] * out * out * d["k"] * d["kernel"] ** 2 * d["c"]
            convs.append(d | {"pass": name, "ms": median_ms(t), "gflops": flop / median_ms(t) / 1e6, "gflops_best": flop / min(t) / 1e9})
    r = {
        "net": a.net, "batch": a.batch or BATCH[a.net], "threads": torch.get_num_threads(), "layout": a.layout, "keep": a.keep,
        "reps": a.reps, "library": f"PyTorch {torch.__version__}", "convs": convs,
    }  # fmt: skip
    lines = [f"{a.net}, batch {r['batch']}, {r['threads']} threads, {a.layout}{', memory kept' if a.keep else ''}"]
    for c in convs:
        shape = f"{c['size']}x{c['size']}x{c['c']} -> {c['k']}, {c['kernel']}x{c['kernel']}/{c['stride']}"
        lines.append(f"{c['layer']:20} {shape:28} x{c['count']} {c['pass']:8} {c['ms']:9.3f} ms {c['gflops']:7.1f} GFLOP/s (best {c['gflops_best']:.1f})")
    report(r, a.json, "\n".join(lines))


def main():
    p = argparse.ArgumentParser(description="convolutions in PyTorch")
    p.add_argument("--net", choices=list(BATCH), default="resnet9")
    p.add_argument("--batch", type=int, default=0, help="images (default 512, 128, 8 and 8 in turn)")
    p.add_argument("--layer", default="", help="only layers whose names contain this")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--reps", type=int, default=20, help="timed repetitions (default 20)")
    p.add_argument("--layout", choices=["nchw", "channels_last", "both"], default="both")
    p.add_argument("--keep", action="store_true", help="have glibc keep freed memory")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    if a.layout == "both":
        for layout in ("nchw", "channels_last"):
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--layout", layout], check=True)
        return
    if a.keep:
        keep_memory()
    measure(a)


if __name__ == "__main__":
    main()
