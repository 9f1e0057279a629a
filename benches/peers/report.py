"""From what was measured to the table.

Flows in: the JSON of `run`. Flows out: a page of markdown, or a line for one measurement.
"""

import math
from typing import Any

Row = dict[str, Any]
ORDER = ["gradfield", "c", "numba_svml", "numba", "jax", "torch", "numexpr", "numpy_blocks", "numpy"]
TITLES = {"c": "C", "numba_svml": "numba + SVML", "numpy_blocks": "NumPy in blocks", "numpy": "NumPy", "jax": "JAX"}
LIMITS = {
    "store": "stores {:.3g} GB/s",
    "stream": "streaming stores {:.3g} GB/s",
    "fresh": "stores to fresh pages {:.3g} GB/s",
    "triad": "triad {:.3g} GB/s",
    "fma_f32": "fma in f32 {:.0f} GFLOP/s",
    "fma_f64": "in f64 {:.0f} GFLOP/s",
}
LEGEND = """A cell is **the time as a multiple of C's** (the median; what was measured). C runs before and after each peer, in the
same minute, and the multiple is of the mean of the two; where there is no C it is of gradfield's time. What was measured:

- grids: the largest error, |got - want| / (|want| + mean |want|) over f and all partials, against NumPy in f64 (for f64
  in long double) at the same rounded points;
- descents: of the first 2000 particles the share that ends where the same descent in f64 ends, within 0.001 (1 + its
  largest coordinate), and the largest error of those, by the same measure;
- whole processes: the peak of memory (no less than the 20 MB of what starts them can be told); for PNG the file's size
  and the largest error of a channel.

`(!)` stands at an error a hundred times that of the best in its row, and at a share under 99 %."""


def seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"


def multiple(value: float) -> str:
    return f"{value:.3g}" if value < 10 else f"{value:.0f}"


def details(row: Row, best: float = math.inf) -> str:
    """Time, and whatever says how good the answer was; `best` is the least error of those that did the same."""
    parts = [seconds(row["median"])]
    if row.get("rss"):
        parts.append(f"{row['rss'] / 1e6:.0f} MB")
    if row.get("bytes"):
        parts.append(f"file {row['bytes'] / 1e6:.3g} MB")
    if row.get("error") is not None:
        parts.append(f"{row['error']:.1e}" + (" (!)" if row["error"] > 100 * best else ""))
    if row.get("agree") is not None:
        parts.append(f"{100 * row['agree']:.4g} %" + (" (!)" if row["agree"] < 0.99 else ""))
    return ", ".join(parts)


def line(row: Row) -> str:
    """One measurement, for the terminal."""
    head = f"{row['work']:9} {row['case']:26} {row['variant']:5} {row['peer']:13}"
    if "median" not in row:
        return f"{head} failed: {row.get('error_text', '?')}"
    ratio = f"{multiple(row['ratio']):>6} x C" if "ratio" in row else " " * 10
    unrest = f"   (C moved by {row['unrest']:.2f})" if row.get("unrest", 1) > 1.25 else ""
    return f"{head} {ratio}  {details(row)}{unrest}"


def groups(rows: list[Row]) -> dict[tuple[str, str, str], dict[str, Row]]:
    """The rows of the table: (work, variant, case) to peer to measurement."""
    found: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in rows:
        found.setdefault((row["work"], row["variant"], row["case"]), {})[row["peer"]] = row
    return found


def relative(peers: dict[str, Row], peer: str) -> float | None:
    """A peer's time as a multiple of C's, else of gradfield's."""
    row = peers.get(peer, {})
    if "median" not in row:
        return None
    if "ratio" in row or peer == "c":
        return row.get("ratio", 1.0)
    base = peers.get("c", peers.get("gradfield", {}))
    return row["median"] / base["median"] if base.get("median") else None


def cell(peers: dict[str, Row], peer: str) -> str:
    row = peers.get(peer)
    if row is None:
        return ""
    if "median" not in row:
        return "failed"
    times = relative(peers, peer)
    errors = [one["error"] for one in peers.values() if one.get("error") is not None]
    told = details(row, max(min(errors, default=math.inf), 1e-16))
    return told if times is None else f"**{multiple(times)}** ({told})"


def mean_rows(table: dict[tuple[str, str, str], dict[str, Row]], columns: list[str]) -> list[list[str]]:
    """Geometric means of the ratios to C, for each kind of grid and descent."""
    out = []
    for work, variant in dict.fromkeys((work, variant) for work, variant, _ in table):
        cases = [peers for (w, v, _), peers in table.items() if (w, v) == (work, variant) and work in ("grids", "descents")]
        cases = [peers for peers in cases if "median" in peers.get("c", {})]
        if len(cases) < 2:
            continue
        cells = [f"{work}, {variant}: geometric mean of {len(cases)}"]
        for peer in columns:
            ratios = [peers[peer].get("ratio", 1.0) for peers in cases if "median" in peers.get(peer, {})]
            share = "" if len(ratios) == len(cases) else f" (of {len(ratios)})"
            cells.append(f"**{multiple(math.exp(sum(map(math.log, ratios)) / len(ratios)))}**{share}" if ratios else "")
        out.append(cells)
    return out


def table(rows: list[Row]) -> str:
    found = groups(rows)
    columns = [peer for peer in ORDER if any(peer in peers for peers in found.values())]
    lines = [["", *(TITLES.get(peer, peer) for peer in columns)]]
    for (work, variant, case), peers in found.items():
        lines.append([", ".join(filter(None, (case, variant))), *(cell(peers, peer) for peer in columns)])
    lines += mean_rows(found, columns)
    text = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([text[0], "|" + "---|" * len(lines[0]), *text[1:]])


def remarks(rows: list[Row]) -> list[str]:
    """What stands behind a column in some row, what failed, and what was disturbed."""
    out = []
    for note in dict.fromkeys((row["case"], row["peer"], row["note"]) for row in rows if "note" in row):
        out.append(f"- {note[0]}, {TITLES.get(note[1], note[1])}: {note[2]}")
    for row in rows:
        where = f"{row['case']}, {row['variant']}, {TITLES.get(row['peer'], row['peer'])}"
        if "median" not in row:
            out.append(f"- {where}: failed: {row.get('error_text', '?')}")
        elif row.get("unrest", 1) > 1.25:
            out.append(f"- {where}: disturbed, C's two times are {row['unrest']:.2f} apart")
    return out


def machine(result: dict[str, Any]) -> list[str]:
    lines = [f"- {result['processor']}, {result['threads']} threads, {result['memory'] or 0:.0f} GB; {result['system']}"]
    lines.append(f"- gradfield {result['commit']}, {result['rustc']}")
    if result.get("gcc"):
        lines.append(f"- C: {result['gcc']}, {result['vectors']} vectors and libmvec, -O3 -march=native -ffast-math, OpenMP")
    for place, found in result["versions"].items():
        lines.append(f"- {place}: " + ", ".join(f"{name} {version}" for name, version in found.items()))
    if result["limits"]:
        lines.append("- limits: " + ", ".join(text.format(result["limits"][key]) for key, text in LIMITS.items()))
    return lines


def page(result: dict[str, Any]) -> str:
    rows = result["rows"]
    load = max((row.get("load", 0.0) for row in rows), default=0.0)
    quick = " (--quick: short samples, fewer cases)" if result["quick"] else ""
    head = f"# {result['date']}: gradfield beside its peers{quick}"
    told = f"One run of `benches/peers/run`, {result.get('minutes', 0)} minutes; load average at most {load:.1f}; descents "
    told += f"of {result['particles']:,} particles, 1000 steps (200 in 10 and 30 dimensions), f32."
    parts = [head, told, "\n".join(machine(result)), LEGEND, table(rows)]
    notes = remarks(rows)
    return "\n\n".join(parts + (["\n".join(notes)] if notes else [])) + "\n"
