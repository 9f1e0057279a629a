"""Finished minimisations by optimistix: `optimistix_bfgs.py optimistix FUNCTION f32|f64 STARTS TOLERANCE FILE`.

Flows in: the starts of `minima`, or the first of them. Flows out: their ends in FILE, and one line `@@{json}` with the
median of the seconds, compiling not counted, and what it was run with. BFGS as it stands (backtracking Armijo), under
`jit` of `vmap`. A batch ends with its slowest start, and XLA uses one core for most of it: so the starts go in batches to
as many threads as there are cores, and of several sizes of batch the fastest counts. It stops where neither the point nor
f moves by more than TOLERANCE, absolute plus relative; it has no test of the gradient. 500 steps at most.
"""

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Callable

import functions
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
from common import FORMATS, THREADS, box, emit

BATCHES = [100, 1000, 10_000]
LAPS = 5
BUDGET = 10.0
"""Seconds for the laps of one size of batch."""


def solver(name: str, tolerance: float) -> Callable:
    """Starts (one a row) to ends."""
    if name in functions.PLANE:
        plane = functions.plane(name, jnp)

        def f(x, _):
            return plane(x[0], x[1])
    else:
        space = functions.space(name, jnp)

        def f(x, _):
            return space(x)

    method = optimistix.BFGS(rtol=tolerance, atol=tolerance)
    return jax.jit(jax.vmap(lambda x: optimistix.minimise(f, method, x, max_steps=500, throw=False).value))


def laps(each: Callable, starts: np.ndarray, size: int) -> tuple[float, list[float], np.ndarray]:
    """Seconds of the first (with compiling) and of the others, and the ends."""
    parts = [jnp.asarray(starts[k : k + size]) for k in range(0, len(starts), size)]
    with ThreadPoolExecutor(THREADS) as pool:

        def lap() -> tuple[float, list]:
            begin = time.perf_counter()
            ends = list(pool.map(lambda part: jax.block_until_ready(each(part)), parts))
            return time.perf_counter() - begin, ends

        first, ends = lap()
        times: list[float] = []
        while not times or (len(times) < LAPS and sum(times) < BUDGET):
            seconds, ends = lap()
            times.append(seconds)
    return first, times, np.concatenate([np.asarray(part) for part in ends])


def main() -> None:
    _, name, suffix, count, tolerance, file = sys.argv[1:]
    dtype = FORMATS[suffix]
    jax.config.update("jax_enable_x64", dtype == np.float64)
    starts = np.ascontiguousarray(box(42, functions.SPACE.get(name, 2), int(count), dtype).T)
    each = solver(name, float(tolerance))
    best = None
    for size in sorted({min(size, len(starts)) for size in BATCHES}):
        first, times, ends = laps(each, starts, size)
        if best is None or statistics.median(times) < best["median"]:
            best = {"median": statistics.median(times), "first": first, "laps": len(times), "batch": size}
            ends.tofile(file)
    emit({**best, "threads": THREADS, "versions": {"optimistix": version("optimistix"), "jax": version("jax")}})


if __name__ == "__main__":
    main()
