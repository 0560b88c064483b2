"""The ladder of docs/03-the-kernel.md; no peer."""

from harness.text import table

TITLE = "The ladder: one product from three loops to the engine"


def measure(lab):
    lab.needs("bench", "ladder")
    return lab.ask(lab.locimem("bench", "ladder"), ["--n", 256 if lab.quick else 1024, "--threads", 2])


def goals(data):
    return []


def render(data):
    rows = [[str(i + 1), s["name"], s["change"], str(s["threads"]), f"{s['ms']:.3g}", f"{s['gflops']:.1f}",
             f"{100 * s['share_of_peak']:.1f} %", f"{s['speedup']:.2f}" if i else ""]
            for i, s in enumerate(data["steps"])]  # fmt: skip
    return [f"C = A B of {data['n']} x {data['n']} matrices, {data['isa']}; docs/03-the-kernel.md explains the steps.",
            "",
            *table(["", "step", "what is new", "threads", "ms", "GFLOP/s", "share of peak", "times faster"], rows)]
