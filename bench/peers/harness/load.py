"""How busy other programs keep the machine while ours are measured."""

import os
import resource
import statistics
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def all_seconds():
    """Seconds that all processors together have worked since the start of the
    machine, or None where the system does not say."""
    try:
        user, nice, system, _, _, irq, soft = map(int, Path("/proc/stat").read_text().split()[1:8])
    except OSError:
        return None
    return (user + nice + system + irq + soft) / TICK


def seconds_of(pid):
    """Seconds that a running process and its ended children have worked."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICK


class Load:
    """For every measurement, the number of processors that were busy with others."""

    def __init__(self):
        self.pids, self.others = set(), []

    def own(self):
        r = resource.getrusage(resource.RUSAGE_CHILDREN)
        return r.ru_utime + r.ru_stime + sum(map(seconds_of, self.pids))

    def watch(self, f):
        """What f returns, having noted the load meanwhile."""
        began, everything, own = time.perf_counter(), all_seconds(), self.own()
        out = f()
        took = time.perf_counter() - began
        if everything is not None and took > 0.05:  # ticks are 10 ms
            self.others.append(max(0.0, all_seconds() - everything - (self.own() - own)) / took)
        return out

    def summary(self):
        if not self.others:
            return None
        return {"mean": statistics.mean(self.others), "median": statistics.median(self.others), "max": max(self.others)}
