"""The four kinds of work: grids, descents, start-up, PNG. Each yields the rows of the table, a measurement a time.

Flows in: a `Plan`. Flows out: rows `{work, case, variant, peer, median, min, max, error, ratio, c, ...}`. Where there is
the C reference it is run before and after every peer, in the same minute, and `ratio` is the peer's time by the mean
of the two.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import climit
import functions
import places
from processes import Report, run, whole, worker

PLANE = list(functions.PLANE)
SPACE = list(functions.SPACE)
DISTURBED = 1.25
"""C before and after a peer so far apart: something else was running, and the peer is measured once more."""
HIMMELBLAU = "(x^2+y-11)^2 + (x+y^2-7)^2"


@dataclass
class Plan:
    """What is to be run."""

    peers: list[str]
    works: list[str]
    threads: int
    quick: bool
    only: list[str] = field(default_factory=list)

    def cases(self, quick: list[str], full: list[str]) -> list[str]:
        """Functions to run: those asked for, else all, or few."""
        names = quick if self.quick else full
        return [name for name in full if name in self.only] if self.only else names

    @property
    def budget(self) -> float:
        """Seconds for the laps of one measurement."""
        return 0.4 if self.quick else 1.5

    @property
    def particles(self) -> int:
        """A multiple of every peer's block."""
        return 25_600 if self.quick else 100_096

    @property
    def with_c(self) -> bool:
        return "c" in self.peers and climit.unfit() is None and places.interpreter("c") is not None


def rows(plan: Plan) -> Iterator[Report]:
    """All rows, as they are measured."""
    if "grids" in plan.works:
        for variant, quick in (("f32", ["sphere", "himmelblau", "mix", "rastrigin30"]), ("f64", ["mix"])):
            for name in plan.cases(quick, PLANE + SPACE):
                yield from beside_c(plan, "grids", name, variant)
    if "descents" in plan.works:
        for name in plan.cases(["himmelblau", "mix", "rosenbrock10", "rastrigin30"], PLANE[2:] + SPACE):
            for rule in ("gd", "adam"):
                yield from beside_c(plan, "descents", name, rule)
    if "startup" in plan.works:
        yield from startup(plan)
    if "png" in plan.works:
        for size in (4096,) if plan.quick else (4096, 16384):
            yield from png(plan, size)


def beside_c(plan: Plan, work: str, name: str, variant: str) -> Iterator[Report]:
    """C, then each peer and C again."""
    amount = [str(plan.particles)] if work == "descents" else []
    base = {"work": work, "case": name, "variant": variant}

    def measure(peer: str, budget: float, *flags: str) -> Report:
        return worker(f"{work}.py", peer, [name, variant, str(budget), *amount, *flags], plan.threads)

    def reference(*flags: str) -> Report:
        return measure("c", plan.budget / 3, *flags) if plan.with_c else {}

    before = reference()
    if before:
        yield {**base, "peer": "c", **before}
    for peer in plan.peers:
        if peer == "c" or peer not in SUPPORTED[work] or (name in SPACE and peer == "numexpr"):
            continue
        best: Report = {}
        for _ in range(1 if plan.quick else 2):
            report = measure(peer, plan.budget)
            after = reference("--no-check")
            if "median" in report and "median" in before and "median" in after:
                pair = (before["median"], after["median"])
                report |= {"c": sum(pair) / 2, "ratio": 2 * report["median"] / sum(pair)}
                report["unrest"] = max(pair) / min(pair)
            before = after
            if not best or report.get("unrest", 1) < best.get("unrest", 1):
                best = report
            if best.get("unrest", 1) < DISTURBED:
                break
        yield {**base, "peer": peer, **best}


SUPPORTED = {
    "grids": ["gradfield", "numpy", "numpy_blocks", "numexpr", "numba", "numba_svml", "jax", "torch"],
    "descents": ["gradfield", "numpy", "numba", "numba_svml", "jax", "torch"],
}


def python(plan: Plan, peer: str, command: list[str], times: int) -> Report:
    """A Python script, timed whole."""
    interpreter = places.interpreter(peer)
    if interpreter is None:
        return {"error_text": places.missing(peer)}
    return whole([interpreter, *command], places.environment(peer, plan.threads), times)


def against_truth(report: Report, want: list[float]) -> Report:
    """The error of the numbers at the end of what was printed."""
    text = report.pop("text", "").strip()
    if "error_text" not in report:
        got = [float(number) for number in re.findall(r"[-+.0-9e]+$", text.replace(",", "\n"), re.MULTILINE)][-len(want) :]
        report["error"] = max(abs(a - b) / abs(b) for a, b in zip(got, want))
    return report


def startup(plan: Plan) -> Iterator[Report]:
    """Whole processes: one value and slope; the quiver figure; a grid from nothing."""
    own = places.environment("gradfield", plan.threads)
    times = 5 if plan.quick else 15
    base = {"work": "startup", "case": "x^2 and its slope at 1", "variant": ""}
    report = whole([str(places.GRADFIELD), "eval", "x^2", "--at", "x=1"], own, 2 * times)
    yield {**base, "peer": "gradfield", **against_truth(report, [1.0, 2.0])}
    for peer in ("numpy", "numba", "jax"):
        if peer in plan.peers:
            report = python(plan, peer, ["first_value.py", peer], 3)
            yield {**base, "peer": peer, **against_truth(report, [1.0, 2.0])}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "quiver.png"
        base["case"] = "quiver 20 x 20"
        command = ["plot", "x^2+y^2", "--range=-3:3", "--layers", "arrows", "--arrows", "20x20", "-o", str(file)]
        yield {**base, "peer": "gradfield", **whole([str(places.GRADFIELD), *command], own, times), **size_of(file)}
        if "numpy" in plan.peers:
            report = python(plan, "matplotlib", ["pictures.py", "quiver", str(file)], 3)
            yield {**base, "peer": "numpy", "note": "NumPy and matplotlib", **report, **size_of(file)}
    yield from cold(plan)


def cold(plan: Plan) -> Iterator[Report]:
    """From the start of a process to the three arrays of mix at 4096 x 4096 in f32, its end included."""
    base = {"work": "startup", "case": "mix at 4096 x 4096 from nothing", "variant": "f32"}
    own = places.environment("gradfield", plan.threads)
    times = 2 if plan.quick else 5
    if plan.with_c:
        yield {**base, "peer": "c", "note": "without gcc's time", **whole([str(climit.cold("mix", 4096))], own, times)}
    yield {**base, "peer": "gradfield", **whole([str(places.PEER), "cold", "mix", "f32"], own, times)}
    for peer in plan.peers:
        if peer in SUPPORTED["grids"][1:]:
            yield {**base, "peer": peer, **python(plan, peer, ["grids.py", peer, "mix", "f32", "0", "--cold"], 2)}


def size_of(file: Path) -> Report:
    size = file.stat().st_size if file.exists() else None
    file.unlink(missing_ok=True)
    return {"bytes": size}


def png(plan: Plan, size: int) -> Iterator[Report]:
    """The picture of `pictures.py`."""
    base = {"work": "png", "case": f"PNG {size} x {size}", "variant": "RGB"}
    show = ["--show", "ln(1+hypot(dx,dy))", "--map", "viridis", "--clim", "0:7", "--quiet", "--device", "cpu"]
    with tempfile.TemporaryDirectory(dir=memory_folder(size)) as folder:
        file = Path(folder) / "picture.png"
        command = [str(places.GRADFIELD), "plot", HIMMELBLAU, "--range=-6:6", "--bare", "--size", f"{size}x{size}"]
        report = whole([*command, *show, "-o", str(file)], places.environment("gradfield", plan.threads), 3)
        yield {**base, "peer": "gradfield", **report, **checked(plan, size, file)}
        vips = places.interpreter("libvips") is not None
        peers = {"numba": ("numba" if vips else "numba_pillow", f"numba and {'libvips' if vips else 'Pillow'}")}
        if size <= 4096:  # 16384 takes 7 GB and most of a minute.
            peers["numpy"] = ("numpy", "NumPy and Pillow")
        for peer, (what, note) in peers.items():
            if peer in plan.peers:
                report = python(plan, peer, ["pictures.py", what, str(size), str(file)], 2)
                yield {**base, "peer": peer, "note": note, **report, **checked(plan, size, file)}


def memory_folder(size: int) -> str | None:
    """A folder in memory, so that no disk is measured; None where there is none with room."""
    place = Path("/dev/shm")
    if not place.is_dir() or not os.access(place, os.W_OK):
        return None
    room = os.statvfs(place)
    return str(place) if room.f_bavail * room.f_frsize > 4 * size * size else None


def checked(plan: Plan, size: int, file: Path) -> Report:
    """The picture's error and its bytes; the file is gone then."""
    report: Report = {}
    interpreter = places.interpreter("pillow")
    if file.exists() and interpreter:
        done = run([interpreter, "pictures.py", "check", str(size), str(file)], places.environment("pillow", plan.threads))
        if "error_text" not in done:
            report = json.loads(done["text"].split("@@")[-1])
    return {**report, **size_of(file)}
