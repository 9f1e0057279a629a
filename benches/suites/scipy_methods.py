"""SciPy's global methods, and its descents from a start, for a given time each.

Flows in: an `Entry` of `run` and seconds. Flows out: what each method found. Each runs in a process of its own, forked
from one in which SciPy and the functions are loaded, so no start-up counts. A method that ends before the time begins
again with another seed. When the time is up, its best point is polished by L-BFGS-B, and this costs it nothing.
"""

import mmap
import multiprocessing
import signal
import time
import warnings
from typing import Any, Callable

import numpy as np
from objective import Objective, Over, checked, library
from scipy import optimize

GRACE = 3.0
"""Seconds after which a method that does not notice its end is killed; its best point still counts."""
SLACK = {"maxiter": 10_000, "maxfun": 100_000, "gtol": 1e-12, "ftol": 0.0}


def differential_evolution(seen: Objective, attempt: int) -> None:
    """The defaults, but whole generations at once (`vectorized`), the fastest way from Python to compiled code."""
    optimize.differential_evolution(
        seen.many,
        seen.entry.bounds,
        rng=attempt,
        vectorized=True,
        updating="deferred",
        polish=lambda _, x0, **rest: descended(seen, x0),
    )


def dual_annealing(seen: Objective, attempt: int) -> None:
    """The defaults, its own L-BFGS-B given the gradient."""
    n = seen.n
    local = {"method": "L-BFGS-B", "jac": seen.gradient, "bounds": seen.entry.bounds}
    local["options"] = {"maxiter": min(max(6 * n, 100), 1000)}
    optimize.dual_annealing(seen.value, seen.entry.bounds, rng=attempt, minimizer_kwargs=local)


def shgo(seen: Objective, attempt: int) -> None:
    """The defaults (simplicial), then 64 Sobol points, then simplicial once more refined, then 128 points, and so on."""
    local = {"method": "L-BFGS-B", "jac": seen.gradient, "bounds": seen.entry.bounds}
    round_ = attempt // 2
    how = {"n": 64 << round_, "sampling_method": "sobol"} if attempt % 2 else {"iters": 1 + round_}
    optimize.shgo(seen.value, seen.entry.bounds, minimizer_kwargs=local, **how)


def basinhopping(seen: Objective, attempt: int) -> None:
    """From a random point of the box, or the start; L-BFGS-B with gradient and bounds; steps of a tenth of the box, in
    every other run the default's 0.5."""
    bounds = seen.entry.bounds
    random = np.random.default_rng(attempt)
    if bounds:
        x0 = random.uniform(seen.low, seen.high)
        step = 0.5 if attempt % 2 else 0.1 * float(np.mean(seen.high - seen.low))
    else:
        x0, step = np.array(seen.entry.start, float), 0.5
    local = {"method": "L-BFGS-B", "jac": True, "bounds": bounds}
    optimize.basinhopping(seen.both, x0, stepsize=step, minimizer_kwargs=local, rng=random)


def bfgs(seen: Objective, attempt: int) -> None:
    local(seen, "BFGS", {"gtol": 1e-10, "maxiter": 10_000})


def lbfgsb(seen: Objective, attempt: int) -> None:
    local(seen, "L-BFGS-B", SLACK)


def local(seen: Objective, method: str, options: dict) -> None:
    """A descent from the start, then again from its end as long as that helps."""
    x, least = np.array(seen.entry.start, float), np.inf
    while True:
        seen.record[3] += 1
        done = optimize.minimize(seen.both, x, jac=True, method=method, options=options)
        if not done.fun < least:
            raise Over
        x, least = done.x, done.fun


def descended(seen: Objective, x0: np.ndarray) -> optimize.OptimizeResult:
    return optimize.minimize(seen.both, x0, jac=True, method="L-BFGS-B", bounds=seen.entry.bounds, options=SLACK)


Method = Callable[[Objective, int], None]
BOXED: dict[str, Method] = {
    "differential_evolution": differential_evolution,
    "dual_annealing": dual_annealing,
    "shgo": shgo,
    "basinhopping": basinhopping,
}
STARTED: dict[str, Method] = {"BFGS": bfgs, "L-BFGS-B": lbfgsb, "basinhopping": basinhopping}


def attempts(method: Method, seen: Objective, seconds: float, early: float) -> None:
    """Runs with one seed after the other, until the time is up. A timer ends what does not evaluate f."""

    def stop(*_) -> None:
        if time.perf_counter() > seen.end:
            raise Over

    signal.signal(signal.SIGALRM, stop)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    seen.start(seconds, early)
    signal.setitimer(signal.ITIMER_REAL, seconds + 1e-3, 0.2)
    attempt = 0
    try:
        while True:
            seen.record[3] += method not in (bfgs, lbfgsb)
            try:
                method(seen, attempt)
            except Exception:
                seen.record[4] += 1
            attempt += 1
    except Over:
        signal.setitimer(signal.ITIMER_REAL, 0)


def polished(seen: Objective, f: float, point: np.ndarray) -> float:
    """The value after L-BFGS-B from a point, off the clock."""
    if not np.isfinite(f) or f <= seen.stop_at:
        return f
    seen.least = f
    seen.start(1.0)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            descended(seen, point)
    except (Over, Exception):
        pass
    return min(seen.least, f)


def ran(loaded: Any, number: int, entry: Any, method: Method, times: tuple[float, float]) -> dict:
    """One method on one entry, for the first of the times; `early` is what it had after the second."""
    record = np.frombuffer(mmap.mmap(-1, 8 * Objective.size(entry)), np.float64)
    record[0] = record[5] = np.inf
    seen = Objective(loaded, number, entry, record)
    child = multiprocessing.get_context("fork").Process(target=attempts, args=(method, seen, *times))
    child.start()
    child.join(times[0] + GRACE)
    if child.is_alive():
        child.kill()
        child.join()
    raw, second, calls, runs, broken, early = record[: Objective.HEAD].tolist()
    last, before = record[Objective.HEAD :].reshape(2, -1).copy()
    found, early = polished(seen, raw, last), polished(seen, early, before)
    report = {"found": found, "right": entry.right(found), "right_unpolished": entry.right(raw)}
    report |= {"early": early, "right_early": entry.right(early), "given": round(times[0], 4)}
    report |= {"best_at": round(second, 4)}
    return report | {"evaluations": int(calls), "runs": int(runs), "broken": int(broken)}


def warm(loaded, number: int, entry: Any) -> None:
    """Every method (shgo with both samplings) once in the parent: what they load at first use is there in the children."""
    for method, attempt in [*((method, 0) for method in BOXED.values()), (shgo, 1)]:
        record = np.full(Objective.size(entry), np.inf)
        seen = Objective(loaded, number, entry, record)
        seen.stop_at = -np.inf
        seen.start(0.3)
        try:
            method(seen, attempt)
        except (Over, Exception):
            pass


def prepared(entries: list[Any], names: list[str], options: Any) -> Callable[[Any, float], dict[str, dict]]:
    """Compiles the functions, holds them against gradfield's, and gives what runs the methods on an entry that took
    gradfield so many seconds."""
    loaded = library(entries)
    for number, entry in enumerate(entries):
        seen = Objective(loaded, number, entry, np.zeros(Objective.size(entry)))
        if checked(options.program, seen) > 1e-6:
            raise SystemExit(f"run: {entry.name}: f or its gradient in C is not gradfield's")
    boxed = [number for number, entry in enumerate(entries) if entry.bounds]
    if boxed:
        warm(loaded, boxed[0], entries[boxed[0]])

    def run(entry: Any, seconds: float) -> dict[str, dict]:
        table = BOXED if entry.bounds else STARTED
        number = entries.index(entry)
        times = (max(options.floor, options.factor * seconds), seconds)
        return {name: ran(loaded, number, entry, table[name], times) for name in names if name in table}

    return run
