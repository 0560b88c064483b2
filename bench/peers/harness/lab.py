"""What a section measures with."""

import ast
import importlib.util
import subprocess
import sys
import time

from .load import Load
from .programs import PEERS, Once, Server


class NotMeasured(Exception):
    """A section cannot be measured here; the message says why."""


class Lab:
    def __init__(self, binary, rounds, quick):
        self.binary, self.rounds, self.quick = str(binary), rounds, quick
        self.load, self.versions, self.servers = Load(), set(), {}

    # locimem

    def locimem(self, *args):
        return Once(self.binary, *args, "--json")

    def needs(self, *command, flags=()):
        """Ends the section where this locimem lacks a command or a flag of it."""
        r = subprocess.run([self.binary, *command, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
        named = r.returncode == 0 and f"locimem {' '.join(command)}" in r.stdout
        if not named:
            raise NotMeasured(f"this locimem has no command {' '.join(command)}")
        for flag in flags:
            if flag not in r.stdout:
                raise NotMeasured(f"locimem {' '.join(command)} has no {flag}")

    # the peers

    def script(self, name):
        """The path of a peer's script. Ends the section where a package that it imports is missing."""
        missing = missing_packages(PEERS / name)
        if missing:
            raise NotMeasured(f"bench/peers/{name} needs {', '.join(missing)}, which this Python lacks")
        return PEERS / name

    def server(self, script, env=None, key=None):
        """A peer that stays; the same key, the same process."""
        key = (script, key)
        if key not in self.servers:
            self.script(script)
            self.servers[key] = Server(script, self.load, env)
        return self.servers[key]

    def peer(self, script):
        """A peer in a process of its own."""
        return Once(sys.executable, self.script(script), "--json")

    def close(self):
        for s in self.servers.values():
            s.close()
        self.servers.clear()

    # turns

    def ask(self, program, args):
        out = self.load.watch(lambda: program.ask(args))
        if "library" in out:
            self.versions.add(out["library"] + (f", kernels {out['kernel']}" if "kernel" in out else ""))
        if "isa" in out:
            self.versions.add(f"locimem with {out['isa']}")
        return out

    def interleave(self, label, programs, rounds=None):
        """Asks every program once a round, in an order that turns around every
        time: {name: [answer of each round]}. programs is {name: (program, args)}."""
        rounds = rounds or self.rounds
        out = {name: [] for name in programs}
        for r in range(rounds):
            began = time.perf_counter()
            for name, (program, args) in list(programs.items())[:: 1 if r % 2 == 0 else -1]:
                out[name].append(self.ask(program, args))
            print(f"{label}: round {r + 1} of {rounds}, {time.perf_counter() - began:.1f} s", file=sys.stderr,
                  flush=True)
        return out

    def fewer(self, share):
        """A share of the rounds, at least 2 (1 with --quick)."""
        return max(1 if self.quick else 2, round(self.rounds * share))


def missing_packages(path):
    """The packages that a script imports, anywhere in it or at the top of a neighbour that
    it imports, and that this Python lacks."""
    seen, todo, missing = set(), list(ast.walk(ast.parse(path.read_text()))), set()
    while todo:
        node = todo.pop()
        names = [n.name for n in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        for top in {n.partition(".")[0] for n in names} - seen:
            seen.add(top)
            neighbour = PEERS / f"{top}.py"
            if neighbour.exists():
                todo += ast.parse(neighbour.read_text()).body
            elif importlib.util.find_spec(top) is None:
                missing.add(top)
    return sorted(missing)
