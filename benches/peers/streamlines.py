"""Streamlines of Himmelblau's gradient on [-6, 6]^2, gradfield beside matplotlib's streamplot, in one run.

    streamlines.py [SIZE [LAPS]]            compares: whole processes, LAPS times each (default: 2000 px, 5)
    streamlines.py draw SIZE FILE LINES     matplotlib's picture: density 1, LINES broken or unbroken, 200 x 200 samples

Flows in: the release build of gradfield (`cargo build --release`), matplotlib in the environment that `run --setup` makes.
Flows out: medians in seconds and their ratio; matplotlib's also without its start and import, gradfield's always with.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import places
import processes

FORMULA = "(x^2 + y - 11)^2 + (x + y^2 - 7)^2"


def draw(size: int, file: str, lines: str) -> None:
    import matplotlib
    import numpy as np

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    start = time.perf_counter()
    x, y = np.meshgrid(np.linspace(-6, 6, 200), np.linspace(-6, 6, 200))
    p, q = x * x + y - 11, x + y * y - 7
    figure, axes = plt.subplots(figsize=(size / 100, size / 100), dpi=100)
    axes.streamplot(x, y, 4 * x * p + 2 * q, 2 * p + 4 * y * q, density=1, broken_streamlines=lines == "broken")
    figure.savefig(file)
    print(f"@@{time.perf_counter() - start}")


def compare(size: int, laps: int) -> None:
    python = places.interpreter("matplotlib")
    if python is None or not places.GRADFIELD.exists():
        sys.exit(places.missing("matplotlib") or f"there is no {places.GRADFIELD}; build it with `cargo build --release`")
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "a.png")
        ours = [str(places.GRADFIELD), "plot", FORMULA, "--range=-6:6", "--layers", "streamlines"]
        peers = {lines: [python, __file__, "draw", str(size), out, lines] for lines in ("broken", "unbroken")}
        commands = {"gradfield": [*ours, "--size", str(size), "-o", out, "--quiet"], **peers}
        laps_of = {name: [lap(name, command) for _ in range(laps)] for name, command in commands.items()}
    medians = {name: [statistics.median(part) for part in zip(*times)] for name, times in laps_of.items()}
    own = medians.pop("gradfield")[0]
    for name, (whole, drawing) in medians.items():
        print(f"{size} px: gradfield {own:.3f} s; streamplot, {name} lines, {whole:.3f} s, {whole / own:.1f} times", end="")
        print(f"; without start and import {drawing:.3f} s, {drawing / own:.1f} times")


def lap(name: str, command: list[str]) -> tuple[float, float]:
    """Seconds of the process, and those that it tells itself."""
    done = processes.run(command, places.environment("matplotlib", 2))
    if "error_text" in done:
        sys.exit(f"{name}: {done['error_text']}")
    return done["wall"], float(done["text"].split("@@")[-1] or 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["draw"]:
        draw(int(sys.argv[2]), *sys.argv[3:])
    else:
        compare(*(int(text) for text in (sys.argv[1:] + ["2000", "5"][len(sys.argv) - 1 :])))
