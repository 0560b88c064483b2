"""Trains every method of bench/learning in locimem and in PyTorch and makes the
learning table of docs/methods.md. bench/learning.sh says how it is called.

Every run has one thread. Two lanes take the methods in turn, each locimem first and
PyTorch after it, so that two threads are busy throughout and both programs meet the
same neighbours. What was measured stands in bench/learning.json, under "runs" an entry
for each method and seed; --only measures some again and keeps the others. Under "wall"
is what learn_wall.py measured.
"""

import argparse
import datetime
import itertools
import json
import math
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from common import KEEP

ROOT = Path(__file__).resolve().parents[2]
RESULTS, PAGE = ROOT / "bench/learning.json", ROOT / "docs/methods.md"
METHODS = ["simclr", "byol", "simsiam", "mocov2", "mocov3", "barlow", "vicreg", "dino", "mae"]
TITLES = ["SimCLR", "BYOL", "SimSiam", "MoCo v2", "MoCo v3", "Barlow Twins", "VICReg", "DINO", "MAE"]
BEGIN, END = "<!-- learning: bench/learning.sh writes this -->\n", "<!-- learning ends -->\n"


def run(command, log, env=None):
    """Seconds and CPU seconds of a command."""
    began = time.perf_counter()
    child = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log, env=env, cwd=ROOT)
    _, status, use = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return time.perf_counter() - began, use.ru_utime + use.ru_stime


def measure(binary, data, work, name, seed):
    """The entry of a method and seed."""
    out = work / f"{name}-{seed}"
    out.mkdir(parents=True)
    log = open(out / "log", "w")
    # The same split whatever the seed.
    sets = [f"data.dir={data}", "train.threads=1", f"seed={seed}", "split.seed=1"]
    seconds, cpu = run([binary, "train", f"bench/learning/{name}.yaml", "--which", "f", "--out", out,
                        *(w for s in sets for w in ("--set", s))], log)
    [place] = out.glob("learn-*")
    records = [json.loads(line) for line in (place / "log.jsonl").read_text().splitlines()]
    result = out / "torch.json"
    run([sys.executable, "bench/peers/torch_learn.py", place, data, result, "--threads", 1, "--seed", seed], log,
        os.environ | KEEP)  # the quicker PyTorch
    peer = json.loads(result.read_text())
    entry = {"method": name, "seed": seed, "date": str(datetime.date.today()), "images": peer["images"],
             "epochs": peer["epochs"],
             "knn_random": peer["knn_random"],
             "locimem": {"knn": records[-1]["knn"], "knn_by_pytorch": peer["knn_of_locimem"],
                         "losses": [r["loss"] for r in records],
                         "seconds": seconds, "cpu_seconds": cpu},
             "pytorch": {"library": peer["library"], "knn": peer["knn"], "losses": peer["losses"],
                         "seconds": peer["seconds"], "cpu_seconds": peer["cpu_seconds"]}}  # fmt: skip
    if "reconstruction" in peer:
        entry["locimem"]["reconstruction"] = peer["reconstruction_locimem"]
        entry["pytorch"]["reconstruction"] = peer["reconstruction"]
    return entry


def order(e):
    return METHODS.index(e["method"]), e.get("seed"), e.get("threads")


def figure(values, digits=4):
    """The mean, and with several seeds the range."""
    mean = f"{statistics.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def difference(a, b):
    """Of the means of two programs' seeds, which are independent, with the standard
    error that their scatter gives it; one seed gives none."""
    text = f"{statistics.mean(a) - statistics.mean(b):+.4f}"
    if len(a) < 2:
        return text
    return text + f" ± {math.sqrt(statistics.variance(a) / len(a) + statistics.variance(b) / len(b)):.4f}"


def row(name, entries):
    """A method's line, over its seeds."""
    a, b = ([e[side] for e in entries] for side in ("locimem", "pytorch"))
    columns = (lambda r: r["knn"], lambda r: r["losses"][-1], lambda r: r["cpu_seconds"])
    knn, loss, cpu = ([[f(r) for r in side] for side in (a, b)] for f in columns)
    loss, cpu = ([statistics.mean(side) for side in two] for two in (loss, cpu))
    untrained = statistics.mean(e["knn_random"] for e in entries)
    seeds = " ".join(str(e["seed"]) for e in entries)
    return (f"| {TITLES[METHODS.index(name)]} | {seeds} | {untrained:.4f} | {figure(knn[0])} | {figure(knn[1])} | "
            f"{difference(*knn)} | "
            f"{loss[0]:.4g} | {loss[1]:.4g} | {cpu[0]:.0f} | {cpu[1]:.0f} | {cpu[1] / cpu[0]:.2f} |")  # fmt: skip


def table(entries):
    """The table of runs, and what there is to say about it."""
    lines = ["| method | seeds | untrained | kNN | PyTorch | difference | last loss | PyTorch | seconds | PyTorch | "
             "ratio |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    lines += [row(name, list(group)) for name, group in itertools.groupby(entries, lambda e: e["method"])]
    for e in entries:
        a, b = e["locimem"], e["pytorch"]
        if "reconstruction" in a:
            lines += ["", f"MAE's reconstruction loss on the 10,000 test images, seed {e['seed']}, four rounds of the "
                          f"same masks: {a['reconstruction']:.5f}, "
                          f"PyTorch's {b['reconstruction']:.5f}, a difference of "
                          f"{100 * (a['reconstruction'] / b['reconstruction'] - 1):+.1f} %."]  # fmt: skip
    worst = max(1e-4, *(abs(e["locimem"]["knn"] - e["locimem"]["knn_by_pytorch"]) for e in entries))
    lines += ["", f"The evaluation in PyTorch gives locimem's encoders the same accuracies to within {worst:.4f}. "
                  f"{entries[0]['pytorch']['library']}, {max(e['date'] for e in entries)}."]  # fmt: skip
    return lines


def wall_table(walls, runs):
    """Milliseconds of a step, and the seconds of the whole training they make."""
    whole = {r["method"]: (r["images"], r["epochs"]) for r in runs}
    walls = [e for e in walls if e["method"] in whole]
    lines = ["| method | threads | ms a step | PyTorch | ratio | rounds | whole run, s | PyTorch |",
             "|---|---|---|---|---|---|---|---|"]
    for e in walls:
        a, b = (min(r[side] for r in e["rounds"]) for side in ("locimem", "pytorch"))
        ratios = [r["pytorch"] / r["locimem"] for r in e["rounds"]]
        images, epochs = whole[e["method"]]
        steps = images // e["batch"] * epochs
        lines.append(f"| {TITLES[METHODS.index(e['method'])]} | {e['threads']} | {a:.0f} | {b:.0f} | {b / a:.2f} | "
                     f"{min(ratios):.2f} to {max(ratios):.2f} | "
                     f"{steps * a / 1e3:.0f} | {steps * b / 1e3:.0f} |")  # fmt: skip
    loads = [e["load"]["mean"] for e in walls]
    lines += ["", f"Other programs kept {min(loads):.2f} to {max(loads):.2f} of the two cores busy meanwhile. "
                  f"{max(e['date'] for e in walls)}."]
    return lines


def render(results):
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    lines = table(results["runs"])
    if results["wall"]:
        lines += ["", *wall_table(results["wall"], results["runs"])]
    PAGE.write_text("".join([before, BEGIN, "\n", "\n".join(lines), "\n\n", END, after]))


def load():
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {"runs": [], "wall": []}


def save(part, entry):
    """Puts an entry into the runs or the wall times in the place of an earlier one."""
    results = load()
    kept = [e for e in results[part] if order(e) != order(entry)]
    results[part] = sorted([*kept, entry], key=order)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def main():
    p = argparse.ArgumentParser(description="every method in locimem and in PyTorch")
    p.add_argument("dir", nargs="?", type=Path, help="folder of CIFAR-10's binary files")
    p.add_argument("--only", default=",".join(METHODS), help="methods, with commas between")
    p.add_argument("--seed", type=int, default=1, help="of initial weights, order and views")
    p.add_argument("--lanes", type=int, default=2, help="methods at the same time, a thread each")
    p.add_argument("--render", action="store_true", help="make the table again and measure nothing")
    a = p.parse_args()
    if not a.render:
        if a.dir is None:
            p.error("DIR is missing: the folder of CIFAR-10's binary files")
        todo, lock, failed = queue.SimpleQueue(), threading.Lock(), []
        for name in a.only.split(","):
            assert name in METHODS, name
            todo.put(name)
        with tempfile.TemporaryDirectory() as work:
            binary = Path(work) / "locimem"
            subprocess.run(["go", "build", "-o", binary, "./cmd/locimem"], cwd=ROOT, check=True)

            def lane():
                while True:
                    try:
                        name = todo.get_nowait()
                    except queue.Empty:
                        return
                    try:
                        entry = measure(binary, a.dir.resolve(), Path(work), name, a.seed)
                    except Exception as e:  # the others can still be measured
                        print(f"{name}: {e}\n{(Path(work) / f'{name}-{a.seed}' / 'log').read_text()[-2000:]}",
                              file=sys.stderr, flush=True)
                        failed.append(name)
                        continue
                    with lock:
                        save("runs", entry)
                    print(f"{name}, seed {a.seed}: kNN {entry['locimem']['knn']:.4f}, PyTorch "
                          f"{entry['pytorch']['knn']:.4f}, untrained {entry['knn_random']:.4f}; CPU "
                          f"{entry['locimem']['cpu_seconds']:.0f} and "
                          f"{entry['pytorch']['cpu_seconds']:.0f} s", flush=True)  # fmt: skip

            lanes = [threading.Thread(target=lane) for _ in range(a.lanes)]
            for t in lanes:
                t.start()
            for t in lanes:
                t.join()
        if failed:
            sys.exit(f"not measured: {', '.join(failed)}")
    render(load())


if __name__ == "__main__":
    main()
