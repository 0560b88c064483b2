"""What a section measures with."""

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
        r = subprocess.run([self.binary, *command, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        named = r.returncode == 0 and f"locimem {' '.join(command)}" in r.stdout
        if not named:
            raise NotMeasured(f"this locimem has no command {' '.join(command)}")
        for flag in flags:
            if flag not in r.stdout:
                raise NotMeasured(f"locimem {' '.join(command)} has no {flag}")

    # the peers

    def script(self, name, flags=()):
        """Ends the section where a peer's script, or a flag of it, is not there."""
        path = PEERS / name
        if not path.exists():
            raise NotMeasured(f"bench/peers/{name} is not there")
        for flag in flags:
            if f'"{flag}"' not in path.read_text():
                raise NotMeasured(f"bench/peers/{name} has no {flag}")
        return path

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
            print(f"{label}: round {r + 1} of {rounds}, {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
        return out

    def fewer(self, share):
        """A share of the rounds, at least 2 (1 with --quick)."""
        return max(1 if self.quick else 2, round(self.rounds * share))

