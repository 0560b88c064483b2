"""Convolutions, layer by layer, beside PyTorch (oneDNN)."""

from harness.numbers import case, geomean, goal, ratio
from harness.text import flop_table

from .gemm import lab_peak
from torch_step import KEEP

TITLE = "Convolutions, every distinct layer, float32"
PASSES = ["forward", "data", "weights"]
NETS = ["resnet9", "resnet18", "resnet50"]


def measure(lab):
    lab.needs("bench", "conv", flags=["--net"])
    cases = []
    locimem, torch = lab.locimem("bench", "conv"), {
        "PyTorch, channels last": (lab.server("torch_conv.py", KEEP, "conv"), "channels_last"),
        "PyTorch, NCHW": (lab.server("torch_conv.py", KEEP, "conv"), "nchw"),
    }  # fmt: skip
    for threads in (2, 1):
        for net in NETS[:1] if lab.quick else NETS:
            args = ["--net", net, "--threads", threads, "--reps", 1 if lab.quick else 3]
            if lab.quick:
                args += ["--batch", 32]
            programs = {"locimem": (locimem, args)} | {name: (p, [*args, "--layout", layout, "--keep"]) for name, (p, layout) in torch.items()}
            r = lab.interleave(f"conv {net}, {threads} threads", programs, rounds=lab.fewer(0.6))
            cases += layers(net, threads, r)
    return {"cases": cases, "peak": lab_peak(lab)}


def layers(net, threads, results):
    """A case for each layer and pass out of answers that hold them all."""
    out = []
    for i, c in enumerate(results["locimem"][0]["convs"]):
        same = ("layer", "size", "c", "k", "kernel", "stride", "pass")
        for answers in results.values():
            assert all([a["convs"][i][f] for f in same] == [c[f] for f in same] for a in answers), (net, c)
        size = (c["size"] + 2 * c["pad"] - c["kernel"]) // c["stride"] + 1
        flop = 2 * c["n"] * size**2 * c["k"] * c["kernel"] ** 2 * c["c"]
        moved = 4 * (c["n"] * (c["size"] ** 2 * c["c"] + size**2 * c["k"]) + c["k"] * c["kernel"] ** 2 * c["c"])
        shape = f"{c['size']}x{c['size']}x{c['c']} to {c['k']}, {c['kernel']}x{c['kernel']}/{c['stride']}"
        out.append(case(c["layer"], results, lambda r: r["convs"][i]["ms"], net=net, batch=c["n"], threads=threads, count=c["count"],
                        **{"pass": c["pass"]}, shape=shape, flop=flop, bytes=moved))  # fmt: skip
    return out


def goals(data):
    out = []
    for threads in (2, 1):
        for p in PASSES:
            cases = [c for c in data["cases"] if c["threads"] == threads and c["pass"] == p]
            if cases:
                worst = min(cases, key=ratio)
                out.append(goal(f"{threads} thread{'s' * (threads > 1)}, {p}, geometric mean", geomean([ratio(c) for c in cases]), 1.2))
                out.append(goal(f"{threads} thread{'s' * (threads > 1)}, {p}, worst ({worst['net']} {worst['name']})", ratio(worst), 0.9))
    return out


def render(data):
    lines = ["GFLOP/s, products with the zeros of the padding counted, as everybody does: who skips them can have more than the peak. PyTorch keeps its "
             "memory. data and weights are the two backward passes.", ""]
    for net in NETS:
        for threads in (2, 1):
            cases = [c for c in data["cases"] if c["net"] == net and c["threads"] == threads]
            if cases:
                lines += [f"### {net}, {cases[0]['batch']} images, {threads} thread{'s' * (threads > 1)}", "",
                          *flop_table(cases, data["peak"], lambda c: [c["name"], c["shape"], c["pass"]], ["layer", "shape", "pass"])]  # fmt: skip
    return lines
