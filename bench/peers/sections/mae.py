"""A training step of a masked autoencoder beside PyTorch: time and memory."""

from statistics import median

from common import KEEP
from harness.numbers import best_peer, case, goal, ratio
from harness.programs import Failed
from harness.text import ratio_text, table

TITLE = "MAE step of ViT-Ti/2, AdamW, 32x32, float32"
OPTIMISERS = {"fused AdamW": "fused", "foreach AdamW": "foreach"}


def measure(lab):
    lab.needs("bench", "mae")
    lab.script("torch_mae.py")
    cases, memory, problems = [], [], []
    batch = 4 if lab.quick else 64
    for threads in (2, 1):
        args = ["--batch", batch, "--threads", threads, "--reps", 2 if lab.quick else 3]
        locimem = (lab.locimem("bench", "mae"), args)
        label, key = f"MAE, {threads} threads", {"threads": threads, "batch": batch}
        kept = lambda name, *more: (lab.server("torch_mae.py", KEEP, name), [*args, "--keep", *more])
        programs = {"locimem": locimem}
        programs |= {f"PyTorch, {name}": kept("eager", "--adamw", kind) for name, kind in OPTIMISERS.items()}
        rounds = lab.rounds if threads == 2 else lab.fewer(0.6)
        cases.append(case("eager", lab.interleave(label, programs, rounds=rounds), "step_ms", **key))
        if lab.quick:
            continue
        try:  # it takes many seconds to compile, every time
            programs = {"locimem": locimem, "PyTorch, compiled": kept("compiled", "--compile")}
            cases.append(case("compiled", lab.interleave(label + ", compiled", programs, rounds=lab.fewer(0.6)),
                              "step_ms", **key))
        except Failed as e:
            problems.append(str(e))
        if threads == 2:
            own = lab.peer("torch_mae.py")
            programs = {"locimem": locimem, "PyTorch": (own, args), "PyTorch, compiled": (own, [*args, "--compile"])}
            m = lab.interleave(label + ", memory", programs, rounds=1)
            memory.append(case("memory", m, "peak_rss_bytes", imported=m["PyTorch"][0]["imported_rss_bytes"], **key))
    return {"cases": cases, "memory": memory, "problems": problems}


def goals(data):
    out = []
    for threads in (2, 1):
        same = [c for c in data["cases"] if c["threads"] == threads]
        if same:
            worst = min(same, key=ratio)
            out.append(goal(f"{threads} thread{'s' * (threads > 1)}, over {best_peer(worst)}", ratio(worst), 2))
    return out


def render(data):
    rows = []
    for c in data["cases"]:
        for name, v in c["values"].items():
            rows.append([str(c["threads"]), name, f"{median(v):.0f}", f"{1e3 * c['batch'] / median(v):.0f}",
                         "" if name == "locimem" else ratio_text(c, name)])
    lines = [f"Batch {data['cases'][0]['batch']}, 64 of 256 patches visible, a decoder of 4 blocks with 192 numbers "
             "and 3 heads; the images are there "
             "beforehand. PyTorch has F.scaled_dot_product_attention, gathered tokens and, where it is not said "
             "otherwise, fused AdamW, and keeps its "
             "memory (`torch_mae.py --keep`). compiled: another interleaved run.", "",
             *table(["threads", "", "ms a step", "images/s", "ratio"], rows)]  # fmt: skip
    for c in data["memory"]:
        lines += ["Peak memory of the whole process, one run each, PyTorch's as it comes (it keeps nothing); "
                  f"{c['imported'] / 2**20:.0f} MiB of "
                  "PyTorch's are in use before the first tensor.", "",
                  *table(["", "peak MiB", "locimem's part of it"],
                         [[name, f"{median(v) / 2**20:.0f}",
                           "" if name == "locimem" else f"{median(c['values']['locimem']) / median(v):.2f}"]
                          for name, v in c["values"].items()])]  # fmt: skip
    return lines + [f"Not measured: {p}" + "\n" for p in data["problems"]]
