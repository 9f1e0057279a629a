#!/usr/bin/env python3
"""Very many small fits: 2-D Gaussian peaks on tiles, as Gpufit's benchmark has them, beside SciPy and lmfit.

    python benches/peers/fits.py                 (NumPy; SciPy and lmfit where they are installed)
    python benches/peers/fits.py --markdown FILE

Five parameters (height, place, width, background), counts with Poisson noise, one start for all tiles. Flows out: fits a
second on one thread and on all, with how many converged, and how far the estimates are from the truth in standard errors
(1 where noise is all there is; more where the noise is not the same for all pixels, as here). Each time is the best of
three runs. gradfield's is the time of the fits alone, as its JSON says; SciPy and lmfit get exact slopes, and loop over
fewer tiles, each a call.

Gpufit's published figures (Scientific Reports 7, 15722 (2017), and its documentation): 2.67 M fits a second on a GPU,
96,000 on one thread of a CPU, in f32 with a tolerance of 1e-4.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

import places

PUBLISHED = 96_322
MODEL = "a*exp(-((x - x0)^2 + (y - y0)^2)/(2w^2)) + b"
NAMES = ["a", "x0", "y0", "w", "b"]


def tiles(size: int, count: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A table of all tiles' pixels, and the true parameters."""
    rng = np.random.default_rng(1)
    scale, middle = size / 5, (size - 1) / 2
    spread = lambda lo, hi: rng.uniform(lo, hi, count)
    truth = np.stack(
        [
            spread(300, 700),
            middle + scale * spread(-0.7, 0.7),
            middle + scale * spread(-0.7, 0.7),
            scale * spread(0.8, 1.3),
            spread(5, 15),
        ]
    )
    x, y = (grid.ravel().astype(float) for grid in np.meshgrid(np.arange(size), np.arange(size)))
    a, x0, y0, w, b = truth[:, :, None]
    z = rng.poisson(a * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * w**2)) + b).astype(float)
    table = {
        "tile": np.repeat(np.arange(count, dtype=float), size * size),
        "x": np.tile(x, count),
        "y": np.tile(y, count),
        "z": z.ravel(),
    }
    return table, truth


def start(size: int) -> list[float]:
    middle = (size - 1) / 2
    return [500.0, middle, middle, size / 5, 10.0]


def gradfield(folder: Path, size: int, precision: str, threads: int, more: list[str]) -> dict:
    flags = ",".join(f"{name}={value}" for name, value in zip(NAMES, start(size)))
    command = [str(places.GRADFIELD), "fit", MODEL, "--data", str(folder / f"{size}.npz"), "--response", "z"]
    command += ["--group-by", "tile", "--start", flags, "--device", "cpu", "--precision", precision]
    command += ["--threads", str(threads), "--format", "json", "-q", *more]
    runs = [json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout) for _ in range(3)]
    fits = runs[0]["fits"]
    numbers = lambda key: np.array([[np.nan if v is None else v for v in fit[key]] for fit in fits]).T
    return {
        "rate": len(fits) / min(run["seconds"] for run in runs),
        "converged": runs[0]["status"]["converged"] / len(fits),
        "estimates": numbers("estimates"),
        "errors": numbers("standard_errors"),
        "steps": float(np.mean([fit["steps"] for fit in fits])),
    }


def value(p, x, y):
    return p[0] * np.exp(-((x - p[1]) ** 2 + (y - p[2]) ** 2) / (2 * p[3] ** 2)) + p[4]


def slopes(p, x, y):
    dx, dy, w2 = x - p[1], y - p[2], p[3] ** 2
    e = np.exp(-(dx**2 + dy**2) / (2 * w2))
    f = p[0] * e / w2
    return np.stack([e, f * dx, f * dy, f * (dx**2 + dy**2) / p[3], np.ones_like(x)], axis=1)


def scipy_rate(table, size, count):
    from scipy.optimize import curve_fit

    x, y = table["x"][: size * size], table["y"][: size * size]
    z = table["z"].reshape(-1, size * size)[:count]
    model = lambda _, *p: value(p, x, y)
    exact = lambda _, *p: slopes(p, x, y)
    return best(lambda: [curve_fit(model, x, one, start(size), jac=exact)[0] for one in z], count)


def lmfit_rate(table, size, count):
    import lmfit

    x, y = table["x"][: size * size], table["y"][: size * size]
    z = table["z"].reshape(-1, size * size)[:count]
    numbers = lambda p: [p[name].value for name in NAMES]

    def one(tile):
        parameters = lmfit.Parameters()
        for name, first in zip(NAMES, start(size)):
            parameters.add(name, first)
        residual = lambda p: value(numbers(p), x, y) - tile
        exact = lambda p: slopes(numbers(p), x, y)
        return lmfit.minimize(residual, parameters, method="leastsq", Dfun=exact)

    return best(lambda: [one(tile) for tile in z], count)


def best(run, count):
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return count / min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description="small fits beside SciPy and lmfit; see benches/README.md")
    parser.add_argument("--tiles", type=int, default=100_000, help="tiles of 5 x 5 pixels; of larger ones fewer")
    parser.add_argument("--markdown", type=Path, help="write the table to a file")
    given = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=places.ROOT, check=True)
    cores = len(os.sched_getaffinity(0))
    lines = [
        "| tile | program | threads | tolerance | fits/s | against 96,322 a thread | converged | evaluations | error/s.e. |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    say = lambda line: (lines.append(line), print(line, flush=True))
    print("\n".join(lines))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in (5, 9, 15):
            count = max(given.tiles * 25 // size**2, 1000)
            table, truth = tiles(size, count)
            np.savez(folder / f"{size}.npz", **table)
            for precision, more, tolerance in (
                ("f32", ["--tol", "1e-4"], "1e-4"),
                ("f32", [], "1e-5"),
                ("f64", ["--tol", "1e-4"], "1e-4"),
                ("f64", [], "1e-10"),
            ):
                for threads in sorted({1, cores}):
                    run = gradfield(folder, size, precision, threads, more)
                    off = np.nanstd((run["estimates"] - truth) / run["errors"])
                    per = run["rate"] / threads / PUBLISHED
                    say(
                        f"| {size} x {size} | gradfield {precision} | {threads} | {tolerance} | {run['rate']:,.0f} "
                        f"| {per:.2f} | {100 * run['converged']:.2f} % | {run['steps']:.1f} | {off:.2f} |"
                    )
            for peer, rate in (("scipy", scipy_rate), ("lmfit", lmfit_rate)):
                if importlib.util.find_spec(peer) is None:
                    print(f"{peer} is left out: pip install {peer}")
                    continue
                fits = rate(table, size, 1000)
                say(f"| {size} x {size} | {peer} f64 | 1 | its own | {fits:,.0f} | {fits / PUBLISHED:.2f} | | | |")
    if given.markdown:
        given.markdown.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
