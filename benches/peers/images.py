#!/usr/bin/env python3
"""Gradients of images and hillshades: gradfield beside OpenCV, SciPy and gdaldem, one command, one machine.

    cargo build --release --example images
    python3 -m venv venv && venv/bin/pip install numpy scipy opencv-python-headless tifffile
    venv/bin/python benches/peers/images.py [--side 8192] [--threads 2]

Million pixels a second, the best of several runs in turns, of arrays of f32 that are in memory; each makes both
components. gdaldem (if there is one) is timed whole, reading and writing an uncompressed TIFF, on one thread, as it has no
other way; so is gradfield then, as a command, for the same file. Results of a page go to benches/results.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import tempfile
import time

import cv2
import numpy as np
import tifffile
from scipy import ndimage as ndi

root = pathlib.Path(__file__).parents[2]
parser = argparse.ArgumentParser()
parser.add_argument("--side", type=int, default=8192)
parser.add_argument("--threads", type=int, default=2)
given = parser.parse_args()
side, threads = given.side, given.threads


def rate(work, runs):
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return side * side / best / 1e6


def ours():
    out = subprocess.run([root / "target/release/examples/images", str(side), str(threads)], capture_output=True, text=True, check=True)
    return {row["what"]: row["mpx_per_s"] for row in map(json.loads, out.stdout.splitlines())}


cv2.setNumThreads(threads)
a = np.random.default_rng(1).random((side, side), dtype=np.float32)
dx, dy = np.empty_like(a), np.empty_like(a)


def opencv():
    cv2.Scharr(a, cv2.CV_32F, 1, 0, dst=dx)
    cv2.Scharr(a, cv2.CV_32F, 0, 1, dst=dy)


def gaussian():
    ndi.gaussian_filter(a, 2.0, (0, 1), output=dx)
    ndi.gaussian_filter(a, 2.0, (1, 0), output=dy)


def sobel():
    ndi.sobel(a, 1, output=dx)
    ndi.sobel(a, 0, output=dy)


rows = {}
for _ in range(2):
    mine = ours()
    for name, mega in mine.items():
        rows["gradfield " + name] = max(mega, rows.get("gradfield " + name, 0))
    for name, work, runs in (("OpenCV Scharr", opencv, 3), ("SciPy sobel", sobel, 1), ("SciPy gaussian:2", gaussian, 1), ("NumPy gradient", lambda: np.gradient(a), 1)):
        rows[name] = max(rate(work, runs), rows.get(name, 0))
if shutil.which("gdaldem"):
    with tempfile.TemporaryDirectory() as folder:
        dem, out = pathlib.Path(folder, "dem.tif"), pathlib.Path(folder, "out")
        tifffile.imwrite(dem, a * 1000)
        rows["gdaldem hillshade, whole"] = rate(lambda: subprocess.run(["gdaldem", "hillshade", dem, f"{out}.tif", "-q"], check=True), 2)
        mine = [root / "target/release/gradfield", "terrain", dem, "--cell", "1", "--show", "hillshade", "-o", f"{out}.png", "-q"]
        rows["gradfield terrain --show hillshade, whole"] = rate(lambda: subprocess.run(mine, check=True), 2)
print(f"| {side} x {side}, f32, {threads} threads | Mpx/s |\n|---|---|")
for name, mega in rows.items():
    print(f"| {name} | {mega:.0f} |")
