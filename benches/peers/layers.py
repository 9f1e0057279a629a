"""Layers of pictures, gradfield beside those who draw them too: whole processes in turns, in one run.

    layers.py [--cases NAMES] [--laps N] [--markdown FILE]     compares
    layers.py draw CASE SIZE FILE                              the peer's picture; of lic `@@` and the convolution's seconds

Flows in: the release build of gradfield (`cargo build --release`), the environment that `run --setup` makes, with rlic in it
for the case lic (`pip install rlic`), gdaldem on the PATH for the case hillshade. Flows out: a table of the medians of
seconds, the peak of memory, and the ratio; lic is on one thread, and the peer's convolution alone stands behind `of which`.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import places
import processes

REACH = 32
"""Pixels either way that line integral convolution smears its noise."""
FORMULA = "(x^2 + y - 11)^2 + (x + y^2 - 7)^2"
RANGE = "--range=-6:6"
Command = list[str]


def samples(size: int, dtype: str = "float32"):  # noqa: ANN201
    """x, y, f and its gradient at the centres of size x size pixels."""
    import numpy as np

    at = (-6 + 12 * (np.arange(size) + 0.5) / size).astype(dtype)
    x, y = at[None, :], at[:, None]
    p, q = x * x + y - 11, x + y * y - 7
    return at, p * p + q * q, 4 * x * p + 2 * q, 2 * p + 4 * y * q


def plotted(size: int, file: str, draw: Callable) -> None:
    """A figure of matplotlib's of so many pixels."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    # Words as large as on a figure of 700 pixels.
    figure, axes = plt.subplots(figsize=(7, 7), dpi=size / 7)
    draw(figure, axes)
    figure.savefig(file)


def contour(size: int, file: str) -> None:
    def draw(figure, axes) -> None:  # noqa: ANN001
        from matplotlib.colors import LogNorm

        at, f, _, _ = samples(size)
        axes.imshow(f, extent=(-6, 6, -6, 6), origin="lower", norm=LogNorm(5, 2000))
        axes.clabel(axes.contour(at, at, f, levels=[5, 10, 20, 50, 100, 200, 500, 1000], colors="black"))

    plotted(size, file, draw)


def heat(size: int, file: str) -> None:
    def draw(figure, axes) -> None:  # noqa: ANN001
        from matplotlib.colors import LogNorm

        image = axes.imshow(samples(size)[1], extent=(-6, 6, -6, 6), origin="lower", norm=LogNorm(5, 2000))
        figure.colorbar(image)

    plotted(size, file, draw)


def arrows(size: int, file: str) -> None:
    def draw(figure, axes) -> None:  # noqa: ANN001
        at, _, gx, gy = samples(60)
        axes.quiver(at, at, gx, gy)

    plotted(size, file, draw)


def streamlines(size: int, file: str) -> None:
    def draw(figure, axes) -> None:  # noqa: ANN001
        at, _, gx, gy = samples(200)
        axes.streamplot(at, at, gx, gy, density=1, broken_streamlines=False)

    plotted(size, file, draw)


def surface(size: int, file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    at, f, _, _ = samples(400)
    figure = plt.figure(figsize=(7, 7), dpi=size / 7)
    axes = figure.add_subplot(projection="3d")
    axes.plot_surface(at[None, :].repeat(400, 0), at[:, None].repeat(400, 1), f, cmap="viridis", rcount=400, ccount=400)
    figure.savefig(file)


def lic(size: int, file: str) -> None:
    import numpy as np
    import rlic
    from PIL import Image

    _, _, gx, gy = samples(size)
    noise = np.random.default_rng(1).random((size, size), dtype=np.float32)
    kernel = (1 - np.abs(np.arange(-REACH, REACH + 1)) / (REACH + 1)).astype(np.float32)
    start = time.perf_counter()
    out = rlic.convolve(noise, gx, gy, kernel=kernel)
    print(f"@@{time.perf_counter() - start}")
    out = (out - out.min()) / (out.max() - out.min())
    Image.fromarray((255 * out).astype(np.uint8)).save(file, compress_level=1)


def terrain(size: int, file: str) -> None:
    """The input of gdaldem, not timed: raw numbers with a header."""
    import numpy as np

    at = (-6 + 12 * (np.arange(size) + 0.5) / size).astype("float32")
    with Path(file).open("wb") as out:
        for y in at[::-1]:
            p, q = at * at + y - 11, at + y * y - 7
            out.write((p * p + q * q).astype("<f4").tobytes())
    side = 12 / size
    head = f"NROWS {size}\nNCOLS {size}\nNBANDS 1\nNBITS 32\nPIXELTYPE FLOAT\nBYTEORDER I\nLAYOUT BIL\nULXMAP -6\nULYMAP 6\n"
    Path(file).with_suffix(".hdr").write_text(head + f"XDIM {side}\nYDIM {side}\n")


def ours(size: int, file: str, *more: str) -> Command:
    return [str(places.GRADFIELD), "plot", FORMULA, RANGE, "--size", str(size), "--quiet", "--device", "cpu", *more, "-o", file]


PEERS = {"contour": contour, "heat": heat, "arrows": arrows, "streamlines": streamlines, "surface": surface, "lic": lic}
LEVELS = "--levels=5,10,20,50,100,200,500,1000"
CASES: dict[str, tuple[int, str, list[str]]] = {
    "arrows": (4000, "matplotlib", ["--layers", "arrows", "--arrows", "60x60"]),
    "streamlines": (2000, "matplotlib", ["--layers", "streamlines"]),
    "contour": (4096, "matplotlib", ["--layers", "heat,contour", LEVELS, "--scale", "log"]),
    "heat": (8192, "matplotlib", ["--layers", "heat", "--scale", "log"]),
    "surface": (1600, "matplotlib", ["--layers", "surface"]),
    "lic": (4096, "rlic", ["--bare", "--layers", "lic", "--threads", "1", "--lic-grain", "1", "--lic-length", str(REACH)]),
    "hillshade": (16384, "gdaldem", ["--bare", "--layers", "hillshade"]),
}


def compare(names: list[str], laps: int, markdown: str | None) -> None:
    python = places.interpreter("matplotlib")
    if python is None or not places.GRADFIELD.exists():
        sys.exit(places.missing("matplotlib") or f"there is no {places.GRADFIELD}; build it with `cargo build --release`")
    lines = ["| layer | pixels | gradfield | peer | times |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "a.png")
        for name in names:
            size, peer, more = CASES[name]
            commands = [ours(size, file, *more), [python, __file__, "draw", name, str(size), file]]
            if name == "hillshade":
                dem = str(Path(folder) / "dem.bil")
                terrain(size, dem)
                commands[1] = ["gdaldem", "hillshade", dem, file, "-of", "PNG", "-q"]
            times: list[list[float]] = [[], []]
            alone = ""
            peaks = [0.0, 0.0]
            for _ in range(laps):
                for k, command in enumerate(commands):
                    done = processes.run(command, places.environment("matplotlib", 2))
                    if "error_text" in done:
                        sys.exit(f"{name}: {done['error_text']}")
                    times[k].append(done["wall"])
                    if "@@" in done["text"]:
                        alone = f", of which {float(done['text'].split('@@')[-1]):.2f} s"
                    peaks[k] = max(peaks[k], done["rss"] / 1e6)
            own, other = (statistics.median(part) for part in times)
            spread = [f"{min(part):.2f}-{max(part):.2f}" for part in times]
            lines.append(
                f"| {name} | {size} x {size} | {own:.2f} s ({spread[0]}), {peaks[0]:.0f} MB "
                f"| {peer} {other:.2f} s ({spread[1]}{alone}), {peaks[1]:.0f} MB | {other / own:.1f} |"
            )
            print(lines[-1], flush=True)
    if markdown:
        Path(markdown).write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["draw"]:
        PEERS[sys.argv[2]](int(sys.argv[3]), sys.argv[4])
    else:
        parser = argparse.ArgumentParser(description="layers of pictures; see benches/README.md")
        parser.add_argument("--cases", default=",".join(CASES))
        parser.add_argument("--laps", type=int, default=3)
        parser.add_argument("--markdown")
        given = parser.parse_args()
        compare(given.cases.split(","), given.laps, given.markdown)
