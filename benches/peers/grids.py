"""One measurement of a grid: `grids.py PEER FUNCTION f32|f64 BUDGET [--no-check] [--cold]`.

Flows in: a peer and a function; f and its gradient are wanted at 4096 x 4096 points of [-3, 3]^2, or on a list of
random points for a function of 10 or 30 variables. Flows out: one line `@@{json}` with seconds and the largest error.

Each peer is `CASE -> run`; `run()` evaluates everything once and returns the arrays. Who can write into arrays that
are there already does (numba, numexpr, NumPy in blocks, C, gradfield); JAX, torch and plain NumPy make new ones.
"""

import ctypes
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np

import climit
import functions
import numba_source
import places
from common import COUNTS, FORMATS, SIDE, THREADS, aligned, axis, box, emit, largest_error, sampled, timed, truth

Run = Callable[[], Any]


@dataclass
class Case:
    """What is evaluated: a function, the points, arrays for the results."""

    name: str
    dtype: type

    def __post_init__(self) -> None:
        self.flat = self.name in functions.PLANE
        if self.flat:
            self.x = aligned((SIDE,), self.dtype)
            self.x[:] = axis(self.dtype)
            self.shapes = [(SIDE, SIDE)] * 3
        else:
            self.points = box(7, functions.SPACE[self.name], COUNTS[self.name], self.dtype)
            self.shapes = [self.points.shape[1:], self.points.shape]

    def results(self) -> list[np.ndarray]:
        return [aligned(shape, self.dtype) for shape in self.shapes]


def numpy(case: Case) -> Run:
    """Whole arrays, a row and a column broadcast, the gradient by hand."""
    if not case.flat:
        gradient = functions.space_gradient(case.name, np)
        return lambda: gradient(case.points)
    gradient = functions.array_gradient(case.name, np)

    def full(values: np.ndarray) -> np.ndarray:
        return values if values.shape == (SIDE, SIDE) else np.array(np.broadcast_to(values, (SIDE, SIDE)))

    return lambda: tuple(full(values) for values in gradient(case.x[None, :], case.x[:, None]))


def numpy_blocks(case: Case) -> Run:
    """Blocks that fit the cache, on threads, into arrays that are kept."""
    pool = ThreadPoolExecutor(THREADS)
    out = case.results()
    if case.flat:
        gradient, block, end = functions.array_gradient(case.name, np), 8, SIDE

        def job(i: int) -> None:
            for target, values in zip(out, gradient(case.x[None, :], case.x[i : i + block, None])):
                target[i : i + block] = values

    else:
        gradient, block, end = functions.space_gradient(case.name, np), 4096, case.points.shape[1]

        def job(i: int) -> None:
            out[0][i : i + block], out[1][:, i : i + block] = gradient(case.points[:, i : i + block])

    def run() -> Any:
        list(pool.map(job, range(0, end, block)))
        return out

    return run


def numexpr(case: Case) -> Run:
    import numexpr as ne

    if not case.flat:
        sys.exit("numexpr: functions of two variables only")
    ne.set_num_threads(THREADS)
    x, y = np.broadcast_arrays(case.x[None, :], case.x[:, None])
    texts, constants = numba_source.inlined(case.name)
    values = {key: case.dtype(value) for key, value in constants.items()} | {"x": x, "y": y}
    out = case.results()

    def run() -> Any:
        for target, key in zip(out, ("f", "gx", "gy")):
            ne.evaluate(texts[key], local_dict=values, out=target, casting="same_kind")
        return out

    return run


def jax(case: Case) -> Run:
    """jit of vmap of value_and_grad."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", case.dtype == np.float64)
    if not case.flat:
        points = jnp.asarray(case.points)
        each = jax.jit(jax.vmap(jax.value_and_grad(functions.space(case.name, jnp)), in_axes=1, out_axes=(0, 1)))
        return lambda: jax.block_until_ready(each(points))
    one = jax.value_and_grad(functions.plane(case.name, jnp), argnums=(0, 1))

    @jax.jit
    def grid(x, y):
        f, (gx, gy) = jax.vmap(lambda b: jax.vmap(lambda a: one(a, b))(x))(y)
        return f, gx, gy

    x = jnp.asarray(case.x)
    return lambda: jax.block_until_ready(grid(x, x))


def torch(case: Case) -> Run:
    """torch.compile of grad_and_value of the sum."""
    import torch

    torch.set_num_threads(THREADS)
    if case.flat:
        x = torch.from_numpy(case.x)
        inputs = (x[None, :].expand(SIDE, SIDE), x[:, None].expand(SIDE, SIDE))
        f = functions.plane(case.name, torch)
    else:
        inputs, f = (torch.from_numpy(case.points),), functions.space(case.name, torch)

    def summed(*where):
        values = f(*where)
        return values.sum(), values

    of_sum = torch.func.grad_and_value(summed, argnums=tuple(range(len(inputs))), has_aux=True)

    def both(*where):
        slopes, (_, values) = of_sum(*where)
        return (values, *slopes)

    both = torch.compile(both)
    return lambda: tuple(values.detach() for values in both(*inputs))


def numba(case: Case) -> Run:
    """Loops over rows (or blocks of points) in parallel, fastmath, the gradient by hand, into kept arrays."""
    import numba

    kernel = numba.njit(parallel=True, fastmath=True)(numba_source.grid(case.name, case.dtype))
    out = case.results()
    inputs = (case.x, case.x) if case.flat else (case.points,)

    def run() -> Any:
        kernel(*inputs, *out)
        return out

    return run


def c(case: Case, stream: int = 0) -> Run:
    """The C reference, with ordinary or with streaming stores."""
    library = ctypes.CDLL(str(climit.shared_object()))
    suffix = "f" if case.dtype == np.float32 else "d"
    out = case.results()
    at = [ctypes.c_void_p(array.ctypes.data) for array in out]
    if case.flat:
        x, side = ctypes.c_void_p(case.x.ctypes.data), ctypes.c_long(SIDE)
        f, arguments = library[f"grid_{case.name}_{suffix}"], (x, x, side, side, *at)
    else:
        points, count = ctypes.c_void_p(case.points.ctypes.data), ctypes.c_long(case.points.shape[1])
        f, arguments = library[f"list_{case.name}_{suffix}"], (points, *at, count)

    def run() -> Any:
        f(*arguments, ctypes.c_int(stream))
        return out

    return run


PEERS: dict[str, Callable[[Case], Run]] = {
    "numpy": numpy,
    "numpy_blocks": numpy_blocks,
    "numexpr": numexpr,
    "jax": jax,
    "torch": torch,
    "numba": numba,
    "numba_svml": numba,
}


def measure_c(case: Case, budget: float, check: bool) -> dict[str, Any]:
    """The better of ordinary and streaming stores; the errors of both."""
    ways = []
    for stream in (0, 1):
        report, result = timed(c(case, stream), budget / 2)
        ways.append(report)
        if check:
            report["error"] = largest_error(sampled(case.name, case.dtype, result), truth(case.name, case.dtype))
    best = min(ways, key=lambda way: way["median"])
    return {**best, **({"error": max(way["error"] for way in ways)} if check else {})}


def measure_gradfield(name: str, variant: str, budget: float) -> dict[str, Any]:
    """Runs `examples/peer.rs`, which writes the compared rows, and compares them as those of every peer."""
    dtype = FORMATS[variant]
    want = truth(name, dtype)
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows"
        command = [str(places.PEER), "W1", name, variant, f"out={rows}", f"budget={budget}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr.strip()[-300:])
        report = json.loads(done.stdout.split("@@")[-1])
        got = np.fromfile(rows, dtype).reshape(len(want), *want[0].shape)
    return {**report, "error": largest_error(list(got), want)}


def main() -> None:
    peer, name, variant, budget = sys.argv[1:5]
    if peer == "gradfield":
        return emit(measure_gradfield(name, variant, float(budget)))
    case = Case(name, FORMATS[variant])
    if peer == "c":
        return emit(measure_c(case, float(budget), "--no-check" not in sys.argv))
    run = PEERS[peer](case)
    if "--cold" in sys.argv:
        sampled(name, case.dtype, run())
        return emit({"done": time.time()})
    report, result = timed(run, float(budget))
    emit({**report, "error": largest_error(sampled(name, case.dtype, result), truth(name, case.dtype))})


if __name__ == "__main__":
    main()
