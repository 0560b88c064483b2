"""The machine's limits: multiply-adds on registers alone, and reading from memory."""

from harness.text import table

TITLE = "Peak of this machine"


def measure(lab):
    lab.needs("bench", "peak")
    p = lab.locimem("bench", "peak")
    threads = [1, 2]
    r = lab.interleave("peak", {str(t): (p, ["--threads", t]) for t in threads}, rounds=max(3, lab.rounds))
    return {"isa": r["1"][0]["isa"], "gflops": {str(t): max(x["gflops"] for x in r[str(t)]) for t in threads},
            "gbps": {str(t): max(x["gbps"] for x in r[str(t)]) for t in threads},
            "rounds": {str(t): [x["gflops"] for x in r[str(t)]] for t in threads}}  # fmt: skip


def goals(data):
    return []


def render(data):
    rows = [[t, f"{g:.1f}", f"{min(data['rounds'][t]):.1f} to {g:.1f}", f"{data['gbps'][t]:.1f}"]
            for t, g in data["gflops"].items()]
    return [f"Fused multiply-adds of {data['isa']} vectors, on registers alone, in float32. The best round counts: "
            "what a core did "
            "once it can do. Shares of peak below are shares of it, as measured in the same run.", "",
            *table(["threads", "GFLOP/s", "rounds", "GB/s read from memory"], rows), "",
            "![Products and convolutions under these limits](img/roofline.png)"]  # fmt: skip
