"""Wall time of every method of bench/learning beside PyTorch's, on short trainings: the
second table of docs/methods.md.

    python bench/peers/learn_wall.py DIR BINARY [--only simclr,byol] [--threads 1,2]

BINARY is a built locimem. A round trains a few batches of the recipe in locimem and in
PyTorch, one after the other, the next round the other way round; there is no test. What
counts is each program's quickest epoch, the first left out: other programs on the
machine can only add to it. Figures go into bench/learning.json, those of other methods
and numbers of threads stay. `learning.sh --render` makes the table.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from common import KEEP
from harness.load import Load
from learn_table import METHODS, ROOT, save


class Pair:
    """A recipe cut to few images, for both programs."""

    def __init__(self, binary, data, work, name, threads, a):
        self.binary, self.data, self.work, self.name, self.threads = binary, data, work, name, threads
        self.recipe = f"bench/learning/{name}.yaml"
        self.batch = yaml.safe_load((ROOT / self.recipe).read_text())["train"]["batch"]
        candidate = 500  # as in the recipes
        self.sets = [f"data.dir={data}", f"split.shared={a.steps * self.batch - candidate}", "split.seed=1",
                     f"train.epochs={a.epochs}",
                     "train.warmup_epochs=0", "knn.every=0", f"train.threads={threads}"]  # fmt: skip
        self.steps, self.runs, self.at = a.steps, 0, None

    def call(self, command, env=None):
        subprocess.run([str(c) for c in command], check=True, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)

    def locimem(self):
        """Milliseconds of a step in the quickest epoch."""
        self.runs += 1
        out = self.work / f"{self.name}-{self.threads}-{self.runs}"
        self.call([self.binary, "train", self.recipe, "--which", "f", "--out", out,
                   *(w for s in self.sets for w in ("--set", s))])
        [self.at] = out.glob("learn-*")
        records = [json.loads(line) for line in (self.at / "log.jsonl").read_text().splitlines()]
        return 1e3 * self.batch / max(r["images_per_s"] for r in records[1:])

    def pytorch(self):
        result = self.work / "torch.json"
        self.call([sys.executable, "bench/peers/torch_learn.py", self.at, self.data, result,
                   "--threads", self.threads], os.environ | KEEP)
        return 1e3 * min(json.loads(result.read_text())["epoch_seconds"][1:]) / self.steps


def main():
    p = argparse.ArgumentParser(description="wall time of every method in locimem and in PyTorch")
    p.add_argument("dir", type=Path, help="folder of CIFAR-10's binary files")
    p.add_argument("binary", type=Path, help="a built locimem")
    p.add_argument("--only", default=",".join(METHODS), help="methods, with commas between")
    p.add_argument("--threads", default="1,2", help="numbers of threads, with commas between")
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--steps", type=int, default=8, help="batches of an epoch")
    p.add_argument("--epochs", type=int, default=3)
    a = p.parse_args()
    if a.rounds < 1 or a.epochs < 2 or a.steps < 5:
        p.error("at least 1 round of 2 epochs of 5 batches")
    for name in a.only.split(","):
        assert name in METHODS, name
        for threads in map(int, a.threads.split(",")):
            with tempfile.TemporaryDirectory() as work:
                pair, load, rounds = Pair(a.binary.resolve(), a.dir.resolve(), Path(work), name, threads, a), Load(), []
                for i in range(a.rounds):
                    sides = ["locimem", "pytorch"] if i % 2 == 0 else ["pytorch", "locimem"]
                    rounds.append({side: load.watch(getattr(pair, side)) for side in sides})
            entry = {"method": name, "threads": threads, "date": str(datetime.date.today()), "batch": pair.batch,
                     "epochs": a.epochs, "steps": a.steps,
                     "rounds": rounds, "load": load.summary()}  # fmt: skip
            save("wall", entry)
            print(f"{name}, threads {threads}: ms a step {rounds}, others kept {load.summary()['mean']:.2f} cores "
                  "busy", flush=True)


if __name__ == "__main__":
    main()
