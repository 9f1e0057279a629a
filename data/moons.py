"""Writes moons.csv: 300 points near two half circles that reach into each other, and on which each lies.

    python3 data/moons.py

Flows in: nothing. Flows out: moons.csv beside this file, the same each time; columns u, v (where) and y (0 or 1).
"""

import math
import random
from pathlib import Path

ROWS = 300
NOISE = 0.12


def main() -> None:
    source = random.Random(7)
    lines = ["u,v,y"]
    for row in range(ROWS):
        angle = math.pi * source.random()
        upper = row % 2 == 0
        u, v = (math.cos(angle), math.sin(angle)) if upper else (1 - math.cos(angle), 0.5 - math.sin(angle))
        u, v = u + source.gauss(0, NOISE), v + source.gauss(0, NOISE)
        lines.append(f"{u:.3f},{v:.3f},{int(not upper)}")
    Path(__file__).with_name("moons.csv").write_text("\n".join(lines) + "\n")


main()
