"""SimCLR steps with Winograd's convolution, an option, beside the direct way and PyTorch."""

from statistics import median

from common import KEEP
from harness.numbers import case, goal, ratio
from harness.text import milliseconds, ratio_text, table

from .step import BATCH, GOALS, LAYOUTS

TITLE = "SimCLR steps with Winograd's convolution, float32, 2 threads"


def measure(lab):
    lab.needs("bench", "step", flags=["--winograd"])
    cases = []
    for encoder in BATCH:
        args = ["--encoder", encoder, "--batch", 16 if lab.quick else BATCH[encoder], "--threads", 2,
                "--reps", 2 if lab.quick else 4]
        step = lab.locimem("bench", "step")
        programs = {f"F({m}x{m})" if m else "direct": (step, [*args, "--winograd", m]) for m in (4, 2, 0)}
        programs |= {f"PyTorch, {name}": (lab.server("torch_step.py", KEEP, name),
                                          [*args, "--layout", layout, "--keep"])
                     for name, layout in LAYOUTS.items()}  # fmt: skip
        r = lab.interleave(f"Winograd {encoder}", programs, rounds=lab.rounds)
        torch = {name: answers for name, answers in r.items() if name.startswith("PyTorch")}
        for way in ("F(4x4)", "F(2x2)", "direct"):
            cases.append(case(way, {"locimem": r[way]} | torch, "step_ms", encoder=encoder, batch=args[3],
                              peak=max(x["peak_rss_bytes"] for x in r[way])))  # fmt: skip
    return {"cases": cases}


def goals(data):
    return [goal(f"{c['encoder']}, {c['name']}, over the better layout of PyTorch", ratio(c),
                 GOALS[c["encoder"], "float32"])
            for c in data["cases"] if c["name"] != "direct"]  # fmt: skip


def render(data):
    rows = []
    for c in data["cases"]:
        own = c["values"]["locimem"]
        best = min((v for name, v in c["values"].items() if name != "locimem"), key=median)
        rows.append([c["encoder"], str(c["batch"]), c["name"], milliseconds(own), milliseconds(best), ratio_text(c),
                     f"{c['peak'] >> 20}"])
    return ["The option `train.winograd` (docs/winograd.md has its error, layer by layer). PyTorch keeps its memory, "
            "eager; the better layout counts.", "",
            *table(["encoder", "batch", "way", "ms a step", "PyTorch, ms", "ratio", "peak MiB"], rows)]  # fmt: skip
