"""The suites' functions as SciPy sees them: compiled C behind a Python call, with a clock and the best point seen.

Flows in: entries of the suites. Flows out: one library, its functions checked against gradfield's own values, and for each
an `Objective`. It ends a method by an exception, as soon as the time is up or the wanted value is there.
"""

import ctypes
import json
import random
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import expression
import numpy as np

FLAGS = "-O2 -march=native -fno-math-errno -fno-trapping-math -w -shared -fPIC"
MANY = """
void many(double (*f)(const double *), const double *x, long n, long count, double *out) {
  double point[64];
  for (long i = 0; i < count; i++) {
    for (long d = 0; d < n; d++) point[d] = x[d * count + i];
    out[i] = f(point);
  }
}
"""


class Over(BaseException):
    """Time is up, or there is no more to be found. Not an `Exception`: SciPy catches some of those."""


def library(entries: list[Any]) -> ctypes.CDLL:
    """For each entry (`Entry` in `run`) f0, g0, f1, ... compiled by gcc, some six seconds for all."""
    text = "#include <math.h>\n" + MANY
    text += "".join(expression.c_source(k, entry.text, entry.variables) for k, entry in enumerate(entries))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "suites.c", Path(folder) / "suites.so"
        source.write_text(text)
        subprocess.run(["gcc", *FLAGS.split(), str(source), "-o", str(target), "-lm"], check=True)
        return ctypes.CDLL(str(target))


class Objective:
    """An entry's f and gradient; `record` (shared with the parent) holds the best f, its second, the evaluations, the
    begun runs, those that SciPy broke off by an error, the best f of the first `early` seconds, and both best points."""

    HEAD = 6

    def __init__(self, loaded: ctypes.CDLL, number: int, entry: Any, record: np.ndarray):
        self.entry, self.record = entry, record
        self.n = len(entry.variables)
        self.f, self.g, self.lots = loaded[f"f{number}"], loaded[f"g{number}"], loaded.many
        self.f.restype = self.g.restype = ctypes.c_double
        self.x, self.slope = np.zeros(self.n), np.zeros(self.n)
        self.at, self.to = (ctypes.c_void_p(array.ctypes.data) for array in (self.x, self.slope))
        self.low, self.high = np.array(entry.bounds).T if entry.bounds else (-np.inf, np.inf)
        self.least, self.calls, self.stop_at = np.inf, 0, entry.goal
        self.begin = time.perf_counter()
        self.end = self.early = np.inf

    @staticmethod
    def size(entry: Any) -> int:
        return Objective.HEAD + 2 * len(entry.variables)

    def start(self, seconds: float, early: float = 0.0) -> None:
        self.begin = time.perf_counter()
        self.end, self.early = self.begin + seconds, self.begin + early

    def see(self, f: float, x: np.ndarray, count: int) -> None:
        self.calls += count
        now = time.perf_counter()
        if f < self.least and now <= self.end and (x >= self.low).all() and (x <= self.high).all():
            self.least = f
            self.keep(f, x, now)
        self.record[2] = self.calls
        if self.least <= self.stop_at or now > self.end:
            raise Over

    def keep(self, f: float, x: np.ndarray, now: float) -> None:
        middle = Objective.HEAD + self.n
        self.record[Objective.HEAD : middle] = x
        self.record[:2] = f, now - self.begin
        if now <= self.early:
            self.record[middle:] = x
            self.record[5] = f

    def value(self, x: np.ndarray) -> float:
        self.x[:] = x
        f = self.f(self.at)
        self.see(f, x, 1)
        return f

    def both(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.x[:] = x
        f = self.g(self.at, self.to)
        self.see(f, x, 1)
        return f, self.slope.copy()

    def gradient(self, x: np.ndarray) -> np.ndarray:
        return self.both(x)[1]

    def many(self, points: np.ndarray) -> np.ndarray:
        """(variables, points) to values: differential evolution's `vectorized`."""
        points = np.ascontiguousarray(points)
        count = points.shape[1]
        values = np.empty(count)
        n, rows, out = ctypes.c_long(self.n), ctypes.c_void_p(points.ctypes.data), ctypes.c_void_p(values.ctypes.data)
        self.lots(self.f, rows, n, ctypes.c_long(count), out)
        first = int(values.argmin())
        self.see(values[first], points[:, first], count)
        return values


def checked(program: Path, objective: Objective) -> float:
    """The largest relative difference to gradfield's f and gradient at 20 points of the box, or near the start; points
    where either is not finite left out."""
    entry = objective.entry
    draw = random.Random(1)
    box = entry.bounds or [(value - 0.1, value + 0.1) for value in entry.start]
    points = [[draw.uniform(low, high) for low, high in box] for _ in range(20)]
    places = [",".join(f"{name}={value!r}" for name, value in zip(entry.variables, point)) for point in points]
    command = [str(program), "eval", entry.text, "--vars", ",".join(entry.vars), "--format", "json", "--quiet"]
    command += [word for place in places for word in ("--at", place)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    worst = 0.0
    for point, theirs in zip(points, json.loads(done.stdout)):
        objective.x[:] = point
        f = objective.g(objective.at, objective.to)
        want = np.array([theirs["f"], *theirs["gradient"]], float)
        got = np.array([f, *objective.slope])
        if np.isfinite(want).all() and np.isfinite(got).all():
            sizes = np.array([abs(f), *[np.abs(want[1:]).max()] * objective.n]) + 1e-9
            worst = max(worst, float((np.abs(got - want) / sizes).max()))
    return worst
