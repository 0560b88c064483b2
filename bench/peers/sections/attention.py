"""The attention block of ViT-Ti beside PyTorch."""

from common import KEEP
from harness.numbers import best_peer, case, goal, ours, peers, ratio
from harness.programs import Failed
from harness.text import milliseconds, ratio_text, table

TITLE = "Attention block of ViT-Ti, forward and backward, float32"
PARTS = {"core": "attention alone", "block": "attention block", "mlp": "MLP block"}


def measure(lab):
    lab.needs("bench", "attention")
    lab.script("torch_attention.py")
    cases, problems = [], []
    for threads in (2, 1):
        for tokens in (65,) if lab.quick else (65, 257):
            args = ["--tokens", tokens, "--batch", 8 if lab.quick else 64, "--threads", threads,
                    "--reps", 3 if lab.quick else 10]
            torch = lab.server("torch_attention.py", KEEP, "attention")
            locimem = (lab.locimem("bench", "attention"), args)
            label = f"attention {tokens} tokens, {threads} threads"
            programs = {"locimem": locimem, "PyTorch": (torch, [*args, "--keep"])}
            cases += parts(lab.interleave(label, programs), tokens, threads, args[3])
            if threads == 1 or lab.quick:
                continue
            try:  # it takes some seconds to compile, every time
                programs = {"locimem": locimem, "PyTorch, compiled": (torch, [*args, "--keep", "--compile"])}
                cases += parts(lab.interleave(label + ", compiled", programs, rounds=lab.fewer(0.4)), tokens, threads,
                               args[3])
            except Failed as e:
                problems.append(str(e))
    return {"cases": cases, "problems": problems}


def parts(results, tokens, threads, batch):
    """A case for each part of a block."""
    key = {"tokens": tokens, "threads": threads, "batch": batch}
    return [case(part, results, lambda x: x[f"{part}_forward_ms"] + x[f"{part}_backward_ms"], **key) for part in PARTS]


def goals(data):
    out = []
    for tokens, threads in sorted({(c["tokens"], c["threads"]) for c in data["cases"]}):
        worst = min((c for c in data["cases"] if (c["name"], c["tokens"], c["threads"]) == ("block", tokens, threads)),
                    key=ratio)
        out.append(goal(f"{tokens} tokens, {threads} thread{'s' * (threads > 1)}, over {best_peer(worst)}",
                        ratio(worst), 1.5))
    return out


def render(data):
    rows = []
    for c in data["cases"]:
        for name in peers(c):
            rows.append([PARTS[c["name"]], str(c["tokens"]), str(c["threads"]), name, milliseconds(ours(c)),
                         milliseconds(c["values"][name]), ratio_text(c, name)])
    return [f"Milliseconds, forward and backward together, batch {data['cases'][0]['batch']}, 192 numbers a token, 3 "
            "heads. compiled: another "
            "interleaved run, 2 threads only.", "",
            *table(["", "tokens", "threads", "peer", "locimem", "peer, ms", "ratio"], rows),
            *[f"Not measured: {p}\n" for p in data["problems"]]]  # fmt: skip
