"""Whole SimCLR steps beside PyTorch: time and memory."""

from statistics import median

from common import KEEP
from harness.lab import NotMeasured
from harness.numbers import best_peer, case, goal, ratio
from harness.text import ratio_text, table

TITLE = "SimCLR steps, Adam, 32x32"
BATCH = {"resnet9": 256, "resnet18": 64}
GOALS = {("resnet9", "float32"): 2.0, ("resnet18", "float32"): 1.5, ("resnet9", "bf16"): 1.5, ("resnet18", "bf16"): 1.5}
LAYOUTS = {"channels last": "channels_last", "NCHW": "nchw"}


def measure(lab):
    lab.script("torch_step.py")
    cases, memory, problems = [], [], []
    for encoder, precision in GOALS:
        for threads in (2, 1):
            try:
                one(lab, encoder, precision, threads, cases, memory)
            except Exception as e:  # the other steps can still be measured
                problems.append(f"{encoder}, {precision}, {threads} threads: {e}")
    if not cases:
        raise NotMeasured("; ".join(problems))
    return {"cases": cases, "memory": memory, "problems": problems}


def one(lab, encoder, precision, threads, cases, memory):
    """One encoder, precision and number of threads: as it comes, compiled, memory."""
    args = ["--batch", 16 if lab.quick else BATCH[encoder], "--threads", threads, "--reps", 2 if lab.quick else 4]
    flags, torch_flags = ["--encoder", encoder], ["--encoder", encoder]
    if precision == "bf16":
        lab.needs("bench", "step", flags=["--precision"])
        flags += ["--precision", "bf16"]
        torch_flags.append("--autocast")
    key = {"encoder": encoder, "precision": precision, "threads": threads, "batch": args[1]}
    locimem = (lab.locimem("bench", "step"), [*args, *flags])
    label = f"step {encoder}, {precision}, {threads} threads"

    kept = lambda name, *more: (lab.server("torch_step.py", KEEP, name), [*args, *torch_flags, "--keep", *more])
    programs = {"locimem": locimem}
    programs |= {f"PyTorch, {name}": kept("eager", "--layout", layout) for name, layout in LAYOUTS.items()}
    r = lab.interleave(label, programs, rounds=lab.rounds if threads == 2 else lab.fewer(0.6))
    cases.append(case("eager", r, "step_ms", views_ms=[x["views_ms"] for x in r["locimem"]], **key))
    if threads == 1 or lab.quick:
        return
    programs = {"locimem": locimem}
    programs |= {f"PyTorch, {name}, compiled": kept("compiled", "--layout", layout, "--compile")
                 for name, layout in LAYOUTS.items()}
    cases.append(case("compiled", lab.interleave(label + ", compiled", programs, rounds=lab.fewer(0.4)), "step_ms",
                      **key))

    own = lab.peer("torch_step.py")
    few = [*args[:-1], 2, *torch_flags]
    programs = {"locimem": locimem}
    programs |= {f"PyTorch, {name}": (own, [*few, "--layout", layout]) for name, layout in LAYOUTS.items()}
    programs["PyTorch, channels last, compiled"] = (own, [*few, "--layout", "channels_last", "--compile"])
    m = lab.interleave(label + ", memory", programs, rounds=1)
    imported = m["PyTorch, channels last"][0]["imported_rss_bytes"]
    memory.append(case("memory", m, "peak_rss_bytes", imported=imported, **key))


def goals(data):
    out = []
    for (encoder, precision), least in GOALS.items():
        for threads in (2, 1):
            key = (encoder, precision, threads)
            same = [c for c in data["cases"] if (c["encoder"], c["precision"], c["threads"]) == key]
            if same:
                worst = min(same, key=ratio)
                out.append(goal(f"{encoder}, {precision}, {threads} thread{'s' * (threads > 1)}, over "
                                f"{best_peer(worst)}", ratio(worst), least))
    for c in data["memory"]:
        out.append(goal(f"{c['encoder']}, {c['precision']}, resident memory over {best_peer(c)}'s", 1 / ratio(c), -0.7))
    return out


def render(data):
    lines = ["Without the making of views. PyTorch keeps its memory here (`torch_step.py --keep`): as it comes, glibc "
             "gives its buffers back to the "
             "system after every use, and each step faults them in anew. compiled: another interleaved run, 2 threads "
             "only.", ""]  # fmt: skip
    rows = []
    for c in data["cases"]:
        for name, v in c["values"].items():
            rows.append([f"{c['encoder']}, {c['batch']}", c["precision"], str(c["threads"]), name, f"{median(v):.0f}",
                         f"{1e3 * c['batch'] / median(v):.0f}",
                         "" if name == "locimem" else ratio_text(c, name)])  # fmt: skip
    lines += table(["encoder, batch", "precision", "threads", "", "ms a step", "images/s", "ratio"], rows)
    rows = []
    for c in data["memory"]:
        for name, v in c["values"].items():
            rows.append([f"{c['encoder']}, {c['batch']}", c["precision"], name, f"{median(v) / 2**20:.0f}",
                         "" if name == "locimem" else f"{median(c['values']['locimem']) / median(v):.2f}"])  # fmt: skip
    if rows:
        imported = median(c["imported"] for c in data["memory"]) / 2**20
        lines += ["Peak memory of the whole process, one run each, PyTorch's as it comes (it keeps nothing). "
                  "locimem's includes data and views; of "
                  f"PyTorch's {imported:.0f} MiB are in use before the first tensor (in a build without CUDA it is "
                  "less).", "",
                  *table(["encoder, batch", "precision", "", "peak MiB", "locimem's part of it"], rows)]  # fmt: skip
    for c in data["cases"]:
        if c["name"] == "eager" and c["encoder"] == "resnet9" and c["precision"] == "float32" and c["threads"] == 2:
            views = median(c["views_ms"])
            lines += [f"Making both views of a batch of {c['batch']} takes locimem {views:.1f} ms, "
                      f"{100 * views / median(c['values']['locimem']):.1f} % of a ResNet-9 step.", ""]
    return lines + [f"Not measured: {p}" + "\n" for p in data["problems"]]
