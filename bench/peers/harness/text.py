"""Markdown out of cases."""

from statistics import median

from .numbers import ours, peers, ratio, spread


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(r) + " |" for r in rows] + [""]


def ratio_text(c, peer=None):
    low, high = spread(c, peer)
    return f"**{ratio(c, peer):.2f}** ({low:.2f} to {high:.2f})"


def share(part, whole):
    return f"{100 * part / whole:.0f} %" if whole else "?"


def gflops(flop, ms):
    return flop / median(ms) / 1e6


def milliseconds(ms):
    v = median(ms)
    return f"{v:.0f}" if v >= 100 else f"{v:.1f}" if v >= 10 else f"{v:.3g}"


def flop_table(cases, peak, first, columns=None):
    """Speed in GFLOP/s of locimem and every peer, the ratio to the best peer, and
    the share of the measured peak of as many threads. first gives the cells that
    describe a case, under the heads in columns."""
    names = []
    for c in cases:
        names += [n for n in peers(c) if n not in names]
    rows = []
    for c in cases:
        whole = (peak or {}).get(str(c["threads"]))
        rows.append([*first(c), f"{gflops(c['flop'], ours(c)):.1f}",
                     *(f"{gflops(c['flop'], c['values'][n]):.1f}" if n in c["values"] else "" for n in names),
                     ratio_text(c), share(gflops(c["flop"], ours(c)), whole)])  # fmt: skip
    return table([*columns, "locimem", *names, "ratio to the best", "share of peak"], rows)


def goal_lines(goals):
    """Goals as a list, met or not."""
    lines = [f"- {'met' if g['met'] else '**not met**'}: {g['what']} {g['found']:.{g['digits']}f}, goal {g['want']}"
             for g in goals]  # fmt: skip
    return lines + [""] * bool(lines)

