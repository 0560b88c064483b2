"""Measures locimem beside its peers and writes bench/RESULTS.md.

    python bench/peers/compare.py [--only gemm,conv] [--rounds 5] [--quick]

What was measured stands in bench/results.json, a section each with its date and
machine, and RESULTS.md is made of that file: one section can be measured again
and the others stay, with their own date. --render makes RESULTS.md again and
measures nothing.

In every round each program of a comparison runs once, in turn, so that a machine
that gets slower does so for all of them; from round to round the order turns
around. A figure is the median over the rounds of each run's median; a ratio is
one of two such medians, and the range next to it that of the rounds' own ratios.

A section whose peer is missing says "not measured" and why; that is no error. The exit
status is 1 if this program itself is at fault.
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from common import REMOVED
from harness.lab import Lab, NotMeasured
from harness.machine import machine
from harness.programs import ROOT, Failed
from harness.report import report
from sections import SECTIONS


def measure(name, binary, a, go):
    """A section's entry of results.json, and whether a fault of this program ended it."""
    lab, fault = Lab(binary, a.rounds, a.quick), False
    began = time.perf_counter()
    entry = {"date": str(datetime.date.today()), "rounds": a.rounds, "quick": a.quick, "machine": machine(),
             "note": a.note}  # fmt: skip
    try:
        entry["data"] = SECTIONS[name].measure(lab)
    except Exception as e:  # the other sections can still be measured
        fault = not isinstance(e, (NotMeasured, Failed))
        if fault:
            traceback.print_exc()
        entry["not_measured"] = str(e) or type(e).__name__
        print(f"{name}: not measured: {e}", file=sys.stderr)
    finally:
        lab.close()
    entry |= {"seconds": round(time.perf_counter() - began), "load": lab.load.summary(),
              "versions": sorted({go, *lab.versions}), "removed": sorted(REMOVED)}  # fmt: skip
    return entry, fault


def main():
    p = argparse.ArgumentParser(description="locimem beside its peers")
    p.add_argument("--only", default="", help=f"sections, with commas between: {', '.join(SECTIONS)}")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--quick", action="store_true",
                   help="small sizes and one round, to see that everything runs; writes to a temporary directory "
                        "unless told where")  # fmt: skip
    p.add_argument("--render", action="store_true", help="make RESULTS.md and the figures again; measure nothing")
    p.add_argument("--dir", type=Path, help="where results.json, RESULTS.md and img are (default: bench)")
    p.add_argument("--note", default="", help="a sentence about the machine to put beside the figures")
    a = p.parse_args()
    names = [n.strip() for n in a.only.split(",") if n.strip()] or list(SECTIONS)
    for n in names:
        if n not in SECTIONS:
            p.error(f"--only: no section {n!r}; there are {', '.join(SECTIONS)}")
    if a.rounds < 1:
        p.error("--rounds: at least 1")
    if a.quick:
        a.rounds = 1
    if a.dir is None:
        a.dir = Path(tempfile.mkdtemp(prefix="locimem-bench-")) if a.quick else ROOT / "bench"
    a.dir.mkdir(parents=True, exist_ok=True)
    file = a.dir / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    with tempfile.TemporaryDirectory() as d:
        binary = Path(d) / "locimem"
        subprocess.run(["go", "build", "-o", binary, "./cmd/locimem"], check=True, cwd=ROOT)
        go = json.loads(subprocess.run([binary, "version", "--json"], check=True, stdout=subprocess.PIPE).stdout)["go"]
        faults = []
        for n in [] if a.render else names:
            entry, fault = measure(n, binary, a, go)
            faults += [n] * fault
            if "not_measured" in entry and "data" in results.get(n, {}):
                print(f"{n}: the figures of {results[n]['date']} stay", file=sys.stderr)
                continue
            results[n] = entry
            save(file, json.dumps(results, indent=1) + "\n")
        save(a.dir / "RESULTS.md", report(results, SECTIONS))
        figures = subprocess.run([binary, "bench", "figure", "--results", file, "--out", a.dir / "img"],
                                 stderr=subprocess.PIPE, text=True)
        if figures.returncode:
            print(f"no figures: {figures.stderr.strip()}", file=sys.stderr)
    print((a.dir / "RESULTS.md").read_text())
    if faults:
        sys.exit(f"a fault of this program ended {', '.join(faults)}; see above")


def save(path, text):
    """The file appears whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.replace(path)


if __name__ == "__main__":
    main()
