"""What all measurements share: the points, the timing, the comparison with true values.

Flows in: a function's name, a number format. Flows out: arrays of points, seconds, errors. The points are those of
`examples/peer.rs` to the last bit: the same axis, and the same generator of random numbers (`src/random.rs`).
"""

import json
import os
import statistics
import time
from typing import Any, Callable

import numpy as np

import functions
import places

SIDE = 4096
COUNTS = {"rosenbrock10": 1 << 20, "rastrigin30": 1 << 19}
THREADS = int(os.environ.get("PEERS_THREADS", os.cpu_count() or 1))
FORMATS = {"f32": np.float32, "f64": np.float64}


def axis(dtype: type) -> np.ndarray:
    """`Points::linspace(-3, 3, 4096)`, rounded."""
    values = np.arange(SIDE) * (6.0 / (SIDE - 1)) - 3.0
    values[-1] = 3.0
    return values.astype(dtype)


def mixed(z: np.ndarray) -> np.ndarray:
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(seed: int, items: np.ndarray, part: int) -> np.ndarray:
    """Numbers in [0, 1) for the keys (seed, item, part): `random::uniform`."""
    key = mixed(np.array([seed ^ 0x6A09E667F3BCC909], np.uint64))
    middle = mixed(key + items * np.uint64(0x9E3779B97F4A7C15))
    parts = np.array([part], np.uint64) * np.uint64(0xD1B54A32D192ED03)
    return (mixed(middle ^ parts) >> np.uint64(11)).astype(np.float64) / 2.0**53


def box(seed: int, dimension: int, count: int, dtype: type) -> np.ndarray:
    """`starts::uniform_box` in [-3, 3]^dimension, rounded; the variable first. Made once, then read from a file."""
    points = aligned((dimension, count), dtype)
    file = places.BUILD / f"box-{seed}-{dimension}-{count}-{np.dtype(dtype).name}.npy"
    if file.exists():
        points[:] = np.load(file)
        return points
    items = np.arange(count, dtype=np.uint64)
    for d in range(dimension):
        points[d] = -3.0 + 6.0 * uniform(seed, items, d)
    places.BUILD.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.npy")
    np.save(part, points)
    part.replace(file)
    return points


def aligned(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """An array on a 64-byte border, its pages not touched yet."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.empty(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def timed(run: Callable[[], Any], budget: float) -> tuple[dict[str, float], Any]:
    """Seconds of `run`, which does the whole work and waits for its end: the first, then after a second warm-up the
    median of up to 15 within the budget, of 5 at least where 5 take no more than twice the budget, of 2 else. And what
    it returned at last; nothing is kept from one lap to the next."""
    result = None

    def lap() -> float:
        nonlocal result
        result = None
        start = time.perf_counter()
        result = run()
        return time.perf_counter() - start

    first = lap()
    if first < budget:
        lap()
    laps: list[float] = []
    while len(laps) < 15:
        spent = sum(laps)
        if (spent > budget and len(laps) >= 5) or (spent > 2 * budget and len(laps) >= 2):
            break
        laps.append(lap())
    report = {"first": first, "median": statistics.median(laps), "min": min(laps), "max": max(laps), "laps": len(laps)}
    return report, result


def stride(name: str, dtype: type) -> int:
    """Every which row of a grid, or point of a list, is compared. gradfield's program writes these rows only."""
    if name in functions.PLANE:
        return 5 if dtype == np.float32 else 41
    return 16 if dtype == np.float32 else 67


def truth(name: str, dtype: type) -> list[np.ndarray]:
    """f and the gradient at the compared points, in the format above: f64 for f32, the C compiler's long double (64
    bits of mantissa on x86) for f64."""
    real = np.float64 if dtype == np.float32 else np.longdouble
    every = stride(name, dtype)
    if name in functions.PLANE:
        x = axis(dtype).astype(real)
        f, gx, gy = functions.array_gradient(name, np, real)(x[None, :], x[::every, None])
        shape = (len(x[::every]), SIDE)
        return [np.broadcast_to(values, shape) for values in (f, gx, gy)]
    points = box(7, functions.SPACE[name], COUNTS[name], dtype)[:, ::every].astype(real)
    f, gradient = functions.space_gradient(name, np)(points)
    return [f, *gradient]


def sampled(name: str, dtype: type, outputs: Any) -> list[np.ndarray]:
    """The compared rows or points of f and of each partial."""
    every = stride(name, dtype)
    if name in functions.PLANE:
        return [np.asarray(values)[::every] for values in outputs]
    f, gradient = outputs
    return [np.asarray(f)[::every], *np.asarray(gradient)[:, ::every]]


def largest_error(got: list[np.ndarray], want: list[np.ndarray]) -> float:
    """The largest |got - want| / (|want| + mean |want|) of all outputs; infinite for what is not finite."""
    worst = 0.0
    for one, true in zip(got, want, strict=True):
        one = one.astype(true.dtype)
        if one.shape != true.shape or not np.isfinite(one).all():
            return float("inf")
        size = np.abs(true)
        worst = max(worst, float((np.abs(one - true) / (size + size.mean())).max()))
    return worst


def emit(report: dict[str, Any]) -> None:
    print("@@" + json.dumps(report), flush=True)
