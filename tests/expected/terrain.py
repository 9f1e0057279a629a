#!/usr/bin/env python3
"""Expected shapes of a terrain, by GDAL's gdaldem: writes tests/cases/terrain.json.

    apt-get install gdal-bin; python3 -m venv venv && venv/bin/pip install numpy tifffile
    venv/bin/python tests/expected/terrain.py
"""
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import tifffile

rng = np.random.default_rng(3)
heights = rng.normal(size=(17, 21)) * 40
for _ in range(2):
    p = np.pad(heights, 1, mode="edge")
    heights = (p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] + 4 * p[1:-1, 1:-1]) / 8
heights = (np.round((heights + 500) * 64) / 64).astype(np.float32)
heights[1:5, 1:6] = 512.0
heights[9, 12] = -9999.0
TOOLS = {
    "slope": [["slope"], ["slope", "-alg", "ZevenbergenThorne"]],
    "slope-percent": [["slope", "-p"]],
    "aspect": [["aspect"], ["aspect", "-alg", "ZevenbergenThorne"]],
    "hillshade": [
        ["hillshade"],
        ["hillshade", "-az", "120", "-alt", "30", "-z", "2.5"],
        ["hillshade", "-alg", "ZevenbergenThorne", "-z", "3"],
        ["hillshade", "-multidirectional", "-z", "2"],
        ["hillshade", "-multidirectional", "-alt", "60", "-z", "8"],
    ],
}
cases = []
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    source, result = folder / "dem.tif", folder / "out.tif"
    for cell in ((30.0, 30.0), (10.0, 25.0)):
        tags = [(33550, "d", 3, (*cell, 0.0), True), (33922, "d", 6, (0, 0, 0, 5e5, 4e6, 0), True), (42113, "s", 0, "-9999", True)]
        tifffile.imwrite(source, heights, extratags=tags)
        for show, runs in TOOLS.items():
            for run in runs:
                # gdaldem's aspect takes cells for squares.
                if show == "aspect" and cell[0] != cell[1]:
                    continue
                subprocess.run(["gdaldem", run[0], source, result, *run[1:], "-q"], check=True)
                out = tifffile.imread(result).astype(float)
                none = 0 if show == "hillshade" else -9999
                option = lambda name, usual: float(run[run.index(name) + 1]) if name in run else usual
                cases.append(dict(
                    command="gdaldem " + " ".join(run), show=show, cell=cell, z=option("-z", 1.0), azimuth=option("-az", 315.0),
                    altitude=option("-alt", 45.0), around="-multidirectional" in run,
                    method="zevenbergen-thorne" if "-alg" in run else "horn",
                    values=[None if v == none else float(f"{v:.9g}") for v in out.ravel()]))
version = subprocess.run(["gdaldem", "--version"], capture_output=True, text=True).stdout.strip()
path = pathlib.Path(__file__).parents[1] / "cases" / "terrain.json"
document = dict(method=f"{version}: tests/expected/terrain.py", shape=list(heights.shape), heights=heights.ravel().tolist(), nodata=-9999, cases=cases)
path.write_text(json.dumps(document, separators=(",", ":")) + "\n")
print(path, path.stat().st_size, "bytes", len(cases), "cases", version)
