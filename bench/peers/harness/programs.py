"""The programs that take turns: a process for each measurement, or one that stays
and answers requests."""

import json
import os
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path

from .load import seconds_of

PEERS = Path(__file__).resolve().parent.parent
ROOT = PEERS.parent.parent
PATIENCE = 600  # seconds


class Failed(Exception):
    """A program could not measure; the message says why."""


class Once:
    """A program that is started for every measurement."""

    def __init__(self, *command, env=None):
        self.command, self.env = [str(c) for c in command], os.environ | (env or {})

    def ask(self, args):
        try:
            r = subprocess.run([*self.command, *map(str, args)], cwd=ROOT, env=self.env, timeout=PATIENCE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Failed(f"{Path(self.command[0]).name} {' '.join(map(str, args))}: no answer in {PATIENCE} s")
        if r.returncode:
            raise Failed(f"{Path(self.command[0]).name} {' '.join(map(str, args))}: {last_line(r.stderr)}")
        return json.loads(r.stdout)

    def close(self):
        pass


class Server:
    """A script of this directory in a process that stays (serve.py). It is started
    with its first request."""

    def __init__(self, script, load, env=None):
        self.script, self.load, self.env = script, load, os.environ | (env or {})
        self.process = None

    def ask(self, args):
        if self.process is None:
            self.process = subprocess.Popen([sys.executable, PEERS / "serve.py", self.script], cwd=ROOT, env=self.env,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                            text=True)  # fmt: skip
            self.load.pids.add(self.process.pid)
        self.process.stdin.write(shlex.join(map(str, args)) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            self.process.kill()
        line = self.process.stdout.readline()
        if not line:
            self.close()
            raise Failed(f"{self.script} {' '.join(map(str, args))}: no answer")
        out = json.loads(line)
        self.settle()
        if "error" in out:
            raise Failed(f"{self.script} {' '.join(map(str, args))}: {out['error']}")
        return out

    def settle(self):
        """Waits until the process works no more: the threads of OpenBLAS and OpenMP
        spin for a while after their last product, at the cost of whoever is next."""
        before = seconds_of(self.process.pid)
        for _ in range(20):
            time.sleep(0.03)
            now = seconds_of(self.process.pid)
            if now == before:
                return
            before = now

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.load.pids.discard(self.process.pid)
            self.process = None


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"
