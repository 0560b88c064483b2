"""Measures locimem beside its peers and writes bench/RESULTS.md.

    python bench/peers/compare.py [--rounds 5] [--quick] [--out bench/RESULTS.md]

In every round each program of a comparison runs once, in turn, in a process of
its own, so that a machine that gets slower does so for all of them. A figure is
the median over the rounds of each run's median; a ratio is one of two such
medians, and the range beside it that of the rounds' own ratios.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import REMOVED

PEERS = Path(__file__).resolve().parent
ROOT = PEERS.parent.parent


def busy():
    """Seconds that all processors together have worked since the start of the
    machine, or None where the system does not say."""
    try:
        user, nice, system, _, _, irq, soft = map(int, Path("/proc/stat").read_text().split()[1:8])
    except OSError:
        return None
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def children():
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    return r.ru_utime + r.ru_stime


STRANGERS = []  # for every run, the number of processors that other programs kept busy


def run(command):
    """The JSON object that a program prints."""
    began, all_before, own_before = time.perf_counter(), busy(), children()
    out = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout
    if all_before is not None:
        others = busy() - all_before - (children() - own_before)
        STRANGERS.append(max(0.0, others) / (time.perf_counter() - began))
    return json.loads(out)


def interleave(rounds, programs):
    """Runs every program once a round; {name: [result of each round]}."""
    out = {name: [] for name in programs}
    for r in range(rounds):
        for name, command in programs.items():
            out[name].append(run(command))
            print(f"round {r + 1}/{rounds}: {name}", file=sys.stderr, flush=True)
    return out


def median(results, key):
    return statistics.median(r[key] for r in results)


def ratio(a, b):
    """How many times less a takes than b, by their lists of seconds or bytes."""
    each = [y / x for x, y in zip(a, b)]
    return f"**{statistics.median(b) / statistics.median(a):.2f}** ({min(each):.2f} to {max(each):.2f})"


def values(results, key):
    return [r[key] for r in results]


def cpu():
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(r) + " |" for r in rows] + [""]


SHAPES = [
    (1024, 1024, 1024, 1),
    (1024, 1024, 1024, 2),
    (256, 256, 256, 1),
    (64, 64, 64, 1),
    (64, 4096, 576, 1),
    (4096, 64, 576, 1),
    (512, 512, 64, 1),
]


def gemm(binary, a, versions):
    rows = []
    for m, n, k, threads in SHAPES[:3] if a.quick else SHAPES:
        size = ["-m", str(m), "-n", str(n), "-k", str(k), "--threads", str(threads)]
        # about a quarter of a second each
        size += ["--reps", str(max(10, min(10000, int(0.25 * 1e11 / (2 * m * n * k)))))]
        ours = [s.replace("-m", "--m").replace("-n", "--n").replace("-k", "--k") if len(s) == 2 else s for s in size]
        r = interleave(a.rounds, {
            "locimem": [binary, "bench", "gemm", "--json", *ours],
            "OpenBLAS": [sys.executable, PEERS / "blas_gemm.py", "--json", *size],
        })  # fmt: skip
        l, b = r["locimem"], r["OpenBLAS"]
        versions |= {f"{b[0]['library']}, kernel {b[0]['kernel']}", f"locimem with {l[0]['isa']}"}
        rows.append([f"{m} x {n} x {k}", str(threads), f"{median(l, 'gflops'):.1f}", f"{median(b, 'gflops'):.1f}",
                     ratio(values(l, "ms"), values(b, "ms"))])  # fmt: skip
    return ["## Matrix products, M x N x K, float32", "", "GFLOP/s; the ratio is locimem's speed over OpenBLAS's.", "",
            *table(["shape", "threads", "locimem", "OpenBLAS", "ratio"], rows)]  # fmt: skip


def step(binary, a, versions):
    reps = ["--reps", "3" if a.quick else "8"]
    torch = [sys.executable, PEERS / "torch_step.py", "--batch", "256", "--threads", "2", "--json", *reps]
    programs = {
        "locimem": [binary, "bench", "step", "--batch", "256", "--threads", "2", "--json", *reps],
        "PyTorch, channels last": [*torch, "--layout", "channels_last"],
        "PyTorch, NCHW": [*torch, "--layout", "nchw"],
        "PyTorch, channels last, memory kept": [*torch, "--layout", "channels_last", "--keep"],
        "PyTorch, NCHW, memory kept": [*torch, "--layout", "nchw", "--keep"],
    }
    if a.compile:
        programs["PyTorch, channels last, compiled"] = [*programs["PyTorch, channels last"], "--compile"]
        programs["PyTorch, channels last, compiled, memory kept"] = [*programs["PyTorch, channels last"], "--compile", "--keep"]
    r = interleave(a.rounds, programs)
    l = r["locimem"]
    rows = []
    for name, p in r.items():
        rows.append([name, f"{median(p, 'step_ms'):.0f}", f"{256e3 / median(p, 'step_ms'):.0f}", f"{median(p, 'peak_rss_bytes') / 2**20:.0f}"])
        if p is l:
            rows[-1] += ["", ""]
        else:
            versions.add(p[0]["library"])
            rows[-1] += [ratio(values(l, "step_ms"), values(p, "step_ms")), ratio(values(l, "peak_rss_bytes"), values(p, "peak_rss_bytes"))]
    imported = median(r["PyTorch, channels last"], "imported_rss_bytes") / 2**20
    share = statistics.median(x["views_ms"] / x["step_ms"] for x in l)
    return ["## SimCLR step: ResNet-9, batch 256 (512 views of 32x32), Adam, 2 threads", "",
            "Without the making of views. Memory is the peak of the whole process: locimem's includes data and views; of PyTorch's "
            f"{imported:.0f} MiB are in use before the first tensor (in a build without CUDA it is less). By default glibc gives PyTorch's "
            "buffers back to the system after every use; with memory kept (`torch_step.py --keep`) it does not, which is the peer to beat "
            "in speed.", "",
            *table(["", "ms a step", "images/s", "peak MiB", "speed, ratio", "memory, ratio"], rows),
            f"Making both views of the batch takes locimem {median(l, 'views_ms'):.1f} ms, {100 * share:.1f} % of its step.", ""]  # fmt: skip


def views(binary, a, versions):
    reps = ["--reps", "3" if a.quick else "10"]
    torch = [sys.executable, PEERS / "torchvision_views.py", "--images", "256", "--json", *reps]
    r = interleave(a.rounds, {
        # the step beside the views is not looked at, so it may be a small one
        "locimem": [binary, "bench", "step", "--batch", "256", "--width", "0.125", "--threads", "1", "--json", *reps],
        "torchvision, float32": [*torch, "--kind", "float"],
        "torchvision, bytes": [*torch, "--kind", "uint8"],
    })  # fmt: skip
    l = r["locimem"]
    versions.add(r["torchvision, float32"][0]["library"])
    rows = []
    for name, p in r.items():
        rows.append([name, f"{1e3 * median(p, 'views_ms') / 512:.1f}", "" if p is l else ratio(values(l, "views_ms"), values(p, "views_ms"))])
    return ["## Views of SimCLR: crop, flip, jitter, grayscale, normalise, 32x32, 1 thread", "",
            *table(["", "us a view", "ratio"], rows)]  # fmt: skip


def main():
    p = argparse.ArgumentParser(description="locimem beside its peers")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--quick", action="store_true", help="fewer shapes and repetitions, to see that everything runs")
    p.add_argument("--compile", action="store_true", help="torch.compile as well; needs a C++ compiler")
    p.add_argument("--only", choices=["gemm", "step", "views"], help="one of the three tables")
    p.add_argument("--out", type=Path, default=ROOT / "bench/RESULTS.md")
    p.add_argument("--note", default="", help="a sentence about the machine to put beside the figures")
    a = p.parse_args()
    versions, body = set(), []
    with tempfile.TemporaryDirectory() as d:
        binary = str(Path(d) / "locimem")
        subprocess.run(["go", "build", "-o", binary, "./cmd/locimem"], check=True, cwd=ROOT)
        v = run([binary, "version", "--json"])
        for name, f in (("gemm", gemm), ("step", step), ("views", views)):
            if a.only in (None, name):
                body += f(binary, a, versions)
    noise = "unknown how much other programs ran beside"
    if STRANGERS:
        noise = f"other programs kept {statistics.mean(STRANGERS):.2f} of the cores busy, at most {max(STRANGERS):.2f} during one run"
    head = [
        "# Beside the peers", "",
        f"Made by `bench/run.sh` (`bench/peers/compare.py`) on {datetime.date.today()}, {a.rounds} rounds; see there and in "
        "`bench/peers/README.md` for what is measured. Ratios above 1 are in locimem's favour; in brackets their range over the rounds.", "",
        f"Machine: {cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}; {noise}."
        + (" " + a.note if a.note else ""), "",
        f"Programs: {v['go']}; {'; '.join(sorted(versions))}." + (f" Removed from the environment: {', '.join(REMOVED)}." if REMOVED else ""), "",
    ]  # fmt: skip
    a.out.write_text("\n".join(head + body).rstrip() + "\n")
    print(a.out.read_text())


if __name__ == "__main__":
    main()
