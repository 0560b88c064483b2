"""Scoring of a pair of encoders beside PyTorch."""

from statistics import median

from harness.numbers import case
from harness.text import ratio_text, table

TITLE = "Scoring: all taps of f and g, l2 over all pairs of 10 views, UnitMem, 2 threads"


def measure(lab):
    lab.needs("bench", "score")
    lab.script("torch_score.py")
    points = 30 if lab.quick else 200
    server = lab.server("torch_score.py")
    hooks = ["--points", points, "--threads", 2, "--way", "hooks", "--distance"]
    programs = {
        "locimem": (lab.locimem("bench", "score"), ["--points", points, "--threads", 2]),
        "PyTorch, hooks, cdist": (server, [*hooks, "cdist"]),
        "PyTorch, hooks, Gram matrix": (server, [*hooks, "gram"]),
        "PyTorch, the released way": (server, ["--points", 2, "--threads", 2, "--way", "released"]),
    }
    r = lab.interleave("score", programs, rounds=lab.fewer(0.6))
    return {"points": points, "cases": [case("score", r, lambda x: 1e3 / x["points_per_s"], threads=2)],
            "memory": case("memory", {n: [x[0]] for n, x in r.items() if n == "locimem"}, "peak_rss_bytes")}


def goals(data):
    return []  # the issue sets none


def render(data):
    c = data["cases"][0]
    rows = [[name, f"{median(v):.1f}", f"{1e3 / median(v):.1f}",
             "" if name == "locimem" else ratio_text(c, name)]
            for name, v in c["values"].items()]
    memory = data["memory"]["values"]["locimem"][0] / 2**20
    return ["locimem makes its views while it is timed; PyTorch has them. The released way is one layer a run, one "
            "image at a time, as in the "
            f"scripts published with the paper, measured on 2 points. {data['points']} points; locimem's peak memory "
            f"is {memory:.0f} MiB.", "",
            *table(["", "ms a point", "points/s", "ratio"], rows)]  # fmt: skip
