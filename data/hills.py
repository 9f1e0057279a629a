#!/usr/bin/env python3
"""Makes data/hills.tif: hills that rise evenly while rivers cut into them, a terrain of the project's own.

    python3 -m venv venv && venv/bin/pip install numpy tifffile imagecodecs
    venv/bin/python data/hills.py

Erosion by stream power, implicit in time: J. Braun and S. D. Willett, "A very efficient O(n), implicit and parallel
method to solve the stream power equation" (Geomorphology 180, 2013). Heights are decimetres in 16 bits, cells 30 m.
"""
import pathlib

import numpy as np
import tifffile

ROWS, COLUMNS, CELL = 200, 260, 30.0
UPLIFT, STRENGTH, POWER, DIFFUSION, STEP, STEPS = 1.0e-3, 2.0e-5, 0.45, 0.04, 5000.0, 350
rng = np.random.default_rng(11)
count = ROWS * COLUMNS
rows, columns = np.divmod(np.arange(count), COLUMNS)
# The sea lies all around; a roughness decides where valleys begin.
border = (rows == 0) | (rows == ROWS - 1) | (columns == 0) | (columns == COLUMNS - 1)
inland = np.minimum(np.minimum(rows, ROWS - 1 - rows), np.minimum(columns, COLUMNS - 1 - columns))
bumps = sum(
    rng.normal() * np.sin(rng.normal() * rows / 12 + rng.normal() * columns / 12 + 6.3 * rng.random()) for _ in range(24)
)
heights = np.where(border, 0.0, 3.0 * inland + 6.0 * bumps + 6.0 * rng.random(count) + 60.0)
ways = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c]

for _ in range(STEPS):
    heights[~border] += UPLIFT * STEP
    grid = heights.reshape(ROWS, COLUMNS)
    steepest = np.zeros(count)
    lower, length = np.arange(count), np.ones(count)
    for r, c in ways:
        near = np.clip(rows + r, 0, ROWS - 1) * COLUMNS + np.clip(columns + c, 0, COLUMNS - 1)
        far = CELL * np.hypot(r, c)
        slope = (heights - heights[near]) / far
        better = (slope > steepest) & ~border
        steepest, lower, length = np.where(better, slope, steepest), np.where(better, near, lower), np.where(better, far, length)
    order = np.argsort(heights, kind="stable")
    area = np.full(count, CELL * CELL)
    for k in order[::-1].tolist():
        if lower[k] != k:
            area[lower[k]] += area[k]
    factor = STRENGTH * STEP * area**POWER / length
    for k in order.tolist():
        if lower[k] != k:
            heights[k] = (heights[k] + factor[k] * heights[lower[k]]) / (1 + factor[k])
    # In parts, as one step so long would make a chequerboard.
    for _ in range(4):
        padded = np.pad(heights.reshape(ROWS, COLUMNS), 1, mode="edge")
        bend = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * padded[1:-1, 1:-1]
        heights = np.where(border, heights, heights + (DIFFUSION * STEP / 4 / CELL**2 * bend).ravel())

grid = heights.reshape(ROWS, COLUMNS)
print("heights", grid.min(), grid.max(), "m")
stored = np.round(10 * grid).astype(np.uint16)
path = pathlib.Path(__file__).with_name("hills.tif")
tifffile.imwrite(path, stored, compression="zlib", compressionargs={"level": 9}, predictor=True, extratags=[(33550, "d", 3, (CELL, CELL, 0.0), True)])
print(path, path.stat().st_size, "bytes")
