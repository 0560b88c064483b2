"""The attention block of ViT-Ti beside PyTorch."""

from harness.lab import NotMeasured
from harness.numbers import case, goal, ratio
from harness.text import milliseconds, ratio_text, table

from torch_step import KEEP

TITLE = "Attention block of ViT-Ti, forward and backward, float32"
PARTS = {"core": "attention alone", "block": "attention block", "mlp": "MLP block"}


def measure(lab):
    lab.needs("bench", "attention")
    lab.script("torch_attention.py", ["--keep", "--compile"])
    cases, problems = [], []
    for threads in (2, 1):
        for tokens in (65,) if lab.quick else (65, 257):
            args = ["--tokens", tokens, "--batch", 8 if lab.quick else 64, "--threads", threads, "--reps", 3 if lab.quick else 10]
            programs = {
                "locimem": (lab.locimem("bench", "attention"), args),
                "PyTorch": (lab.server("torch_attention.py", KEEP, "attention"), [*args, "--keep"]),
            }
            if not lab.quick:
                programs["PyTorch, compiled"] = (lab.server("torch_attention.py", KEEP, f"attention compiled {tokens} {threads}"), [*args, "--keep", "--compile"])
            try:
                r = lab.interleave(f"attention {tokens} tokens, {threads} threads", programs, warm=not lab.quick)
            except Exception as e:
                problems.append(str(e))
                continue
            for part in PARTS:
                cases.append(case(part, r, lambda x: x[f"{part}_forward_ms"] + x[f"{part}_backward_ms"], tokens=tokens, threads=threads, batch=args[3]))
    if not cases:
        raise NotMeasured("; ".join(problems))
    return {"cases": cases, "problems": problems}


def goals(data):
    return [goal(f"{c['tokens']} tokens, {c['threads']} thread{'s' * (c['threads'] > 1)}", ratio(c), 1.5) for c in data["cases"] if c["name"] == "block"]


def render(data):
    names = [n for n in data["cases"][0]["values"]]
    rows = [[PARTS[c["name"]], str(c["tokens"]), str(c["threads"]), *(milliseconds(c["values"][n]) for n in names), ratio_text(c)] for c in data["cases"]]
    return [f"Milliseconds, forward and backward together, batch {data['cases'][0]['batch']}, 192 numbers a token, 3 heads.", "",
            *table(["", "tokens", "threads", *names, "ratio to the best"], rows),
            *[f"Not measured: {p}" for p in data["problems"]]]  # fmt: skip
