"""From what the suites' script found to shares, and to a page.

Flows in: the result of `run`. Flows out: lines for the terminal, a page of markdown. `page` needs nothing but the result.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any

import machine

TITLES = {"go": "SciPy's global benchmark", "mgh": "Moré, Garbow, Hillstrom"}
HEADS = {
    "differential_evolution": "differential evolution",
    "dual_annealing": "dual annealing",
    "basinhopping": "basin hopping",
}
Rows = list[dict[str, Any]]


def about(options: Any, methods: list[str]) -> dict[str, Any]:
    """What it was made on and how. The versions are those of the Python that runs this."""
    done = subprocess.run([sys.executable, "-c", machine.VERSIONS], capture_output=True, text=True, check=False)
    versions = json.loads(done.stdout) if done.returncode == 0 else {}
    kept = ("python", "numpy", "scipy")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": machine.processor(),
        "memory": machine.memory(),
        "commit": machine.first_line(["git", "describe", "--always", "--dirty"]),
        "gcc": machine.first_line(["gcc", "--version"]) if methods else None,
        "versions": {name: versions[name] for name in kept if name in versions},
        "threads": len(os.sched_getaffinity(0)) if hasattr(machine.os, "sched_getaffinity") else os.cpu_count(),
        "command": " ".join(["benches/suites/run", *chosen(options, methods)]),
        **{"methods": methods, "factor": options.factor, "floor": options.floor, "limit": options.limit},
    }


def chosen(options: Any, methods: list[str]) -> list[str]:
    """The flags that change what is found."""
    flags = [f"--only {options.only}"] if options.only else []
    flags += [f'--flags "{options.flags}"'] if options.flags else []
    flags += [f"--peers {options.peers} --factor {options.factor:g} --floor {options.floor:g}"] if methods else []
    return flags + ([f"--names {options.names}"] if options.names else [])


def parts(result: dict) -> list[tuple[str, str, Rows]]:
    """(suite, which of it, rows)"""
    found = []
    for suite in ("go", "mgh"):
        rows = result.get(suite, [])
        smooth = [row for row in rows if row["smooth"]]
        if len(smooth) < len(rows):
            found.append((suite, "smooth", smooth))
        found.append((suite, "all", rows))
    return [part for part in found if part[2]]


def share(results: list[dict]) -> str:
    right = sum(one["right"] for one in results)
    return f"{right} of {len(results)} ({100 * right / len(results):.1f} %)"


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def peers(rows: Rows) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.get("peers", {})))


def summary(result: dict) -> list[str]:
    lines = []
    for suite, which, rows in parts(result):
        seconds = [row["seconds"] for row in rows]
        lines.append(f"{suite}, {which}: {share(rows)}, median {median(seconds):.3f} s, slowest {max(seconds):.2f} s")
        for name in peers(rows):
            early = sum(row["peers"][name]["right_early"] for row in rows)
            lines.append(f"    {name}: {share([row['peers'][name] for row in rows])}, in gradfield's seconds {early}")
    return lines


def how(head: dict) -> str:
    """The rules of the comparison, as in `scipy_methods.py`."""
    factor, floor, threads = f"{head['factor']:g}", f"{head['floor']:g}", head["threads"]
    return f"""Each of SciPy's methods gets, for each function, {factor} times what gradfield's whole process took there (start and
reading of the expression included), and {floor} s at least. gradfield uses {threads} threads and SciPy's methods one, so that a
factor of {threads} is equal processor time. Not on their clock: the start of Python, imports, the compiling of f and its
gradient (C, gcc -O2), which is held against gradfield's values at 20 points first. They run with their defaults but for
this: L-BFGS-B inside them gets the exact gradient; differential evolution evaluates a generation at once; a method that ends
early begins again with another seed (shgo with Sobol points, and finer); basin hopping begins at random points of the box,
with steps of a tenth of it and of 0.5 in turns. At the end the best point seen is polished by L-BFGS-B, off the clock. *In
gradfield's seconds* is what a method had seen after gradfield's seconds on the wall, without factor and floor, polished too.
Found is the same for all: the best minimum known to 1e-6 of its size (1e-6 where it is below a thousandth), inside the box;
in the second suite a listed minimum to 1e-6 or 1e-10. There the start is given: BFGS and L-BFGS-B begin again from their ends
as long as that helps, basin hopping hops from the start, without bounds; the others need a box, and the suite has none."""


def shares(result: dict) -> list[str]:
    lines = []
    for suite in ("go", "mgh"):
        names = peers(result.get(suite, []))
        some = [part for part in parts(result) if part[0] == suite]
        if some:
            lines += ["| " + " | ".join(["suite", "gradfield", *(HEADS.get(name, name) for name in names)]) + " |"]
            lines += ["|" + "---|" * (2 + len(names))]
        for _, which, rows in some:
            cells = [share(rows), *(share([row["peers"][name] for row in rows]) for name in names)]
            lines += [f"| {TITLES[suite]}, {which} | " + " | ".join(cells) + " |"]
            early = [share([{"right": row["peers"][name]["right_early"]} for row in rows]) for name in names]
            lines += ["| the same in gradfield's seconds | " + " | ".join([share(rows), *early]) + " |"] if names else []
        lines += [""] if some else []
    return lines


def listed(names: list[str]) -> str:
    return f"{len(names)}" + (f" ({', '.join(names)})" if names else "")


def label(row: dict, rows: Rows) -> str:
    twice = sum(one["name"] == row["name"] for one in rows) > 1
    return f"{row['name']} n = {row['n']}" if twice else row["name"]


def reading(suite: str, rows: Rows) -> list[str]:
    """Who finds what the others do not."""
    some = [row for row in rows if row.get("peers")]
    if not some:
        return []
    without = [row for row in some if not any(one["right"] for one in row["peers"].values())]
    ours = [label(row, rows) for row in without if row["right"]]
    none = [label(row, rows) for row in without if not row["right"]]
    lines = [f"{TITLES[suite]}:", f"- gradfield alone finds {listed(ours)}; nobody finds {listed(none)};"]
    lines += [f"- at least one of SciPy's methods finds {len(some) - len(without)} of {len(some)};"]
    for name in peers(some):
        more = [label(row, rows) for row in some if row["peers"][name]["right"] and not row["right"]]
        less = sum(row["right"] and not row["peers"][name]["right"] for row in some)
        head = HEADS.get(name, name)
        lines.append(f"- {head} finds {listed(more)} that gradfield does not, gradfield {less} that it does not;")
    seconds = [row["seconds"] for row in some]
    lines.append(f"- gradfield's seconds: median {median(seconds):.3f}, slowest {max(seconds):.2f}.")
    return [*lines, ""]


def cell(one: dict, wanted: list[float]) -> str:
    """`yes`, or by how much it is above the nearest wanted value."""
    if one["right"]:
        return "yes"
    if one["found"] == float("inf"):
        return one.get("note") or "nothing"
    return one["note"] if one.get("note") else f"+{min(abs(one['found'] - value) for value in wanted):.2g}"


def table(rows: Rows) -> list[str]:
    names = peers(rows)
    heads = ["function", "n", "", "gradfield", "seconds", *(HEADS.get(name, name) for name in names)]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        cells = [row["name"], str(row["n"]), "" if row["smooth"] else "kinks"]
        cells += [cell(row, row["wanted"]), f"{row['seconds']:.3f}"]
        cells += [cell(row["peers"][name], row["wanted"]) for name in names]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def page(result: dict) -> str:
    head = result["about"]
    versions = ", ".join(f"{name} {version}" for name, version in head["versions"].items())
    memory = f", {head['memory']:.0f} GB" if head["memory"] else ""
    title = "two suites, beside SciPy's methods at equal time" if head["methods"] else "two suites"
    lines = [f"# {head['date']}: {title}", ""]
    lines += [f"One run of `{head['command']}`, {head.get('minutes', 0):g} minutes, on {head['threads']} threads of"]
    lines += [f"{head['processor']}{memory}."]
    lines += [f"gradfield {head['commit']}, {versions}{', ' + head['gcc'] if head['gcc'] else ''}.", ""]
    lines += [how(head), ""] if head["methods"] else []
    lines += [*shares(result), "## Reading", ""] if head["methods"] else shares(result)
    for suite in ("go", "mgh"):
        lines += reading(suite, result.get(suite, []))
    lines += ["## By function", "", "`+` is how far above the wanted value the best is that was found.", ""]
    for suite in ("go", "mgh"):
        lines += table(result[suite]) if suite in result else []
    return "\n".join(lines).rstrip() + "\n"
