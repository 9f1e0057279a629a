"""One measurement of descents: `descents.py PEER FUNCTION gd|adam BUDGET PARTICLES [--no-check]`.

Flows in: a peer, a function, a rule; particles start in [-3, 3]^n and make 1000 steps (200 in 10 and 30 dimensions),
in f32. Flows out: one line `@@{json}` with seconds, the share of the first 2000 particles that end where the same
descent ends in f64 (within 1e-3 of the largest coordinate, or of 1), and the largest relative error of those that do.

Subnormal numbers are flushed to zero for every peer, before anything else is loaded.
"""

import ctypes
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable

import climit

if not climit.unfit():
    ctypes.CDLL(str(climit.flusher()))

import numpy as np

import functions
import numba_source
import places
from common import THREADS, aligned, box, emit, timed

SAMPLE = 2000
TOLERANCE = 1e-3
Run = Callable[[], Any]


class Case:
    """What descends: a function, a rule, the starts."""

    def __init__(self, name: str, rule: str, particles: int) -> None:
        self.name, self.rule, self.flat = name, rule, name in functions.PLANE
        dimension = functions.SPACE.get(name, 2)
        self.steps = 1000 if self.flat else 200
        self.rate = functions.rate(name, rule)
        self.starts = box(42, dimension, particles, np.float32)
        t = np.arange(1, self.steps + 1, dtype=np.float64)
        self.c1 = (self.rate / (1 - 0.9**t)).astype(np.float32)
        self.c2 = (1 / (1 - 0.999**t)).astype(np.float32)

    def slopes(self) -> Callable[[np.ndarray], np.ndarray]:
        """The gradient by NumPy, the variable first."""
        if self.flat:
            both = functions.array_gradient(self.name, np)
            return lambda X: np.stack(both(X[0], X[1])[1:])
        both = functions.space_gradient(self.name, np)
        return lambda X: both(X)[1]


def moved(case: Case, start: np.ndarray) -> np.ndarray:
    """The descent by NumPy, in the format of `start`."""
    slopes, X = case.slopes(), start
    M, V = np.zeros_like(X), np.zeros_like(X)
    real = X.dtype.type
    b1, b2, rate, eps = real(0.9), real(0.999), real(case.rate), real(1e-8)
    for t in range(1, case.steps + 1):
        G = slopes(X)
        if case.rule == "gd":
            X = X - rate * G
        else:
            M = b1 * M + (1 - b1) * G
            V = b2 * V + (1 - b2) * G * G
            X = X - real(case.rate / (1 - 0.9**t)) * M / (np.sqrt(V * real(1 / (1 - 0.999**t))) + eps)
    return X


def numpy(case: Case) -> Run:
    """Whole arrays, a step after the other."""
    return lambda: moved(case, case.starts)


def c(case: Case) -> Run:
    library = ctypes.CDLL(str(climit.shared_object()))
    out = aligned(case.starts.shape, np.float32)
    start, end = (ctypes.c_void_p(array.ctypes.data) for array in (case.starts, out))
    count, steps = ctypes.c_long(case.starts.shape[1]), ctypes.c_int(case.steps)
    rate, adam = ctypes.c_double(case.rate), ctypes.c_int(case.rule == "adam")

    def run() -> Any:
        library[f"descend_{case.name}_f"](start, end, count, steps, rate, adam)
        return out

    return run


def numba(case: Case) -> Run:
    """A block of particles through all steps, then the next."""
    import numba

    # Without nnan and ninf: what has run away has to stay recognisable.
    fast = {"nsz", "arcp", "contract", "reassoc", "afn"}
    kernel = numba.njit(parallel=True, fastmath=fast)(numba_source.descent(case.name, case.rule, case.rate))
    out = aligned(case.starts.shape, np.float32)

    def run() -> Any:
        kernel(case.starts, out, case.c1, case.c2)
        return out

    return run


def jax(case: Case) -> Run:
    """jit of scan over the steps; of a plane's particles x and y are kept apart."""
    import jax
    import jax.numpy as jnp

    if case.flat:
        slopes = jax.vmap(jax.grad(functions.plane(case.name, jnp), argnums=(0, 1)))
        start = tuple(jnp.asarray(row) for row in case.starts)
    else:
        each = jax.vmap(jax.grad(functions.space(case.name, jnp)), in_axes=1, out_axes=1)
        slopes, start = (lambda X: (each(X),)), (jnp.asarray(case.starts),)

    def gd(state, _):
        return tuple(x - case.rate * g for x, g in zip(state, slopes(*state))), None

    def adam(state, c):
        X, M, V = state
        G = slopes(*X)
        M = tuple(0.9 * m + 0.1 * g for m, g in zip(M, G))
        V = tuple(0.999 * v + (1 - 0.999) * g * g for v, g in zip(V, G))
        X = tuple(x - c[0] * m / (jnp.sqrt(v * c[1]) + 1e-8) for x, m, v in zip(X, M, V))
        return (X, M, V), None

    corrections = (jnp.asarray(case.c1), jnp.asarray(case.c2))

    @jax.jit
    def run(X):
        if case.rule == "gd":
            return jax.lax.scan(gd, X, None, length=case.steps)[0]
        zero = tuple(jnp.zeros_like(x) for x in X)
        return jax.lax.scan(adam, (X, zero, zero), corrections)[0][0]

    return lambda: jax.block_until_ready(run(start))


def torch(case: Case) -> Run:
    """torch.compile of a step."""
    import torch

    torch.set_num_threads(THREADS)
    f = functions.plane(case.name, torch) if case.flat else functions.space(case.name, torch)
    slope = torch.func.grad(lambda X: (f(X[0], X[1]) if case.flat else f(X)).sum())

    def step(X, M, V, c1, c2):
        G = slope(X)
        if case.rule == "gd":
            return X - case.rate * G, M, V
        M = 0.9 * M + 0.1 * G
        V = 0.999 * V + (1 - 0.999) * G * G
        return X - c1 * M / (torch.sqrt(V * c2) + 1e-8), M, V

    step = torch.compile(step)
    start, c1, c2 = (torch.from_numpy(array) for array in (case.starts, case.c1, case.c2))

    def run() -> Any:
        with torch.no_grad():
            X, M, V = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
            for t in range(case.steps):
                X, M, V = step(X, M, V, c1[t], c2[t])
        return X.numpy()

    return run


PEERS: dict[str, Callable[[Case], Run]] = {
    "c": c,
    "numpy": numpy,
    "numba": numba,
    "numba_svml": numba,
    "jax": jax,
    "torch": torch,
}


def compared(case: Case, ends: np.ndarray) -> dict[str, Any]:
    """How the first particles end, beside the same descent in f64. A particle that runs away agrees with one that
    does."""
    ends = ends[:, :SAMPLE].astype(np.float64)
    with np.errstate(all="ignore"):
        want = moved(case, case.starts[:, :SAMPLE].astype(np.float64))
        size = 1 + np.abs(want).max(0)
        error = np.abs(ends - want).max(0) / size
        lost = ~(np.isfinite(want).all(0) & (size < 1e6))
        gone = ~(np.isfinite(ends).all(0) & (np.abs(ends).max(0) < 1e6))
        agree = np.where(lost, gone, error < TOLERANCE)
    kept = agree & ~lost
    return {
        "agree": float(agree.mean()),
        "error": float(error[kept].max()) if kept.any() else None,
        "lost": float(lost.mean()),
    }


def measure_gradfield(case: Case, budget: float) -> tuple[dict[str, Any], np.ndarray]:
    """Runs `examples/peer.rs`, which writes where the first particles end."""
    with tempfile.TemporaryDirectory() as folder:
        ends = Path(folder) / "ends"
        options = {"out": ends, "budget": budget, "lr": case.rate, "particles": case.starts.shape[1]}
        options["steps"] = case.steps
        command = [str(places.PEER), "W2", case.name, case.rule]
        command += [f"{key}={value}" for key, value in options.items()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr.strip()[-300:])
        return json.loads(done.stdout.split("@@")[-1]), np.fromfile(ends, np.float32).reshape(len(case.starts), -1)


def main() -> None:
    peer, name, rule, budget, particles = sys.argv[1:6]
    case = Case(name, rule, int(particles))
    if peer == "gradfield":
        report, ends = measure_gradfield(case, float(budget))
        return emit({**report, **compared(case, ends)})
    run = PEERS[peer](case)
    report, ends = timed(run, float(budget))
    if "--no-check" not in sys.argv:
        ends = np.stack([np.asarray(row) for row in ends]) if isinstance(ends, tuple) else np.asarray(ends)
        report |= compared(case, ends.reshape(case.starts.shape))
    emit(report)


if __name__ == "__main__":
    main()
