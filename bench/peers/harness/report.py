"""bench/RESULTS.md out of bench/results.json."""

from .text import goal_lines

HEAD = """# Beside the peers

Made by `make bench` (`bench/peers/compare.py`) from `bench/results.json`; see there
and in `bench/peers/README.md` for what is measured. Every ratio is one of medians
in one interleaved run, in brackets its range over the rounds; above 1 it is in
locimem's favour.
"""


def report(results, sections):
    lines = [HEAD]
    measured = {n: results[n] for n in sections if "data" in results.get(n, {})}
    machines = sorted({e["machine"] for e in measured.values()})
    lines += [f"Machine: {'; '.join(machines)}.", ""] if machines else []
    if any(e["quick"] for e in measured.values()):
        lines += ["**Some sections come from --quick runs, which show that the machinery works and nothing else.**", ""]
    goals = [(n, g) for n, e in measured.items() for g in sections[n].goals(e["data"])]
    if goals:
        met = sum(g["met"] for _, g in goals)
        lines += ["## Goals", "", f"{met} of {len(goals)} met; each section lists its own.", ""]
    for n, section in sections.items():
        entry = results.get(n)
        lines += [f"## {section.TITLE}", ""]
        if entry is None:
            lines += ["Not measured: never run.", ""]
            continue
        if "data" not in entry:
            lines += [f"Not measured: {entry['not_measured']}.", ""]
            continue
        lines += [about(entry, machines), ""]
        if entry["data"].get("peak"):
            lines += [f"![Share of the measured peak](img/{n}.png)", ""]
        lines += goal_lines(section.goals(entry["data"]))
        lines += section.render(entry["data"])
    return "\n".join(lines).rstrip() + "\n"


def about(e, machines):
    """Date, rounds, programs, and how busy others kept the machine."""
    load = "unknown how much other programs ran beside"
    if e["load"]:
        mean, most = e["load"]["mean"], e["load"]["max"]
        load = f"other programs kept {mean:.2f} of the cores busy, at most {most:.2f} during one run"
    rounds = f"{e['rounds']} round{'s' * (e['rounds'] > 1)}{', quick' if e['quick'] else ''}"
    out = f"{e['date']}, {rounds}, {e['seconds']} s; {load}. {'; '.join(e['versions'])}."
    if len(machines) > 1:
        out += f" {e['machine']}."
    if e["removed"]:
        out += f" Removed from the environment: {', '.join(e['removed'])}."
    return out + (" " + e["note"] if e["note"] else "")
