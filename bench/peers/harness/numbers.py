"""Medians, ratios and goals of cases. A case is one comparison:

    {"name": ..., "values": {program: [milliseconds (or bytes, ...) of each round]}, ...}

The first program is locimem, the others its peers. Less is better."""

import math
from statistics import median


def case(name, results, key, **more):
    """A case out of the answers of Lab.interleave."""
    value = key if callable(key) else lambda r: r[key]
    return {"name": name, "values": {program: [value(r) for r in answers] for program, answers in results.items()},
            **more}


def ours(c):
    return c["values"]["locimem"]


def peers(c):
    return {name: v for name, v in c["values"].items() if name != "locimem"}


def best_peer(c):
    return min(peers(c), key=lambda name: median(c["values"][name]))


def ratio(c, peer=None):
    """How many times less locimem takes than a peer (the best one): the ratio of
    the medians."""
    return median(c["values"][peer or best_peer(c)]) / median(ours(c))


def spread(c, peer=None):
    """The least and the greatest ratio of a round."""
    each = [p / o for o, p in zip(ours(c), c["values"][peer or best_peer(c)])]
    return min(each), max(each)


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def goal(what, found, least, digits=2):
    """A goal of at least so much, or, with a negative least, at most -least."""
    met = found >= least if least >= 0 else found <= -least
    sign = "at least" if least >= 0 else "at most"
    return {"what": what, "found": round(found, 4), "want": f"{sign} {abs(least):g}", "met": met, "digits": digits}
