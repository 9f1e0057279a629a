#!/usr/bin/env python3
"""Losses over data: `minimize --data` beside scikit-learn, SciPy, JAX and PyTorch, in turns.

    python benches/peers/training.py                 (NumPy; the peers where they are installed)
    python benches/peers/training.py --markdown FILE

- line: least squares of a line to 10^7 rows, f64, by BFGS; NumPy's lstsq (which is direct) and SciPy's L-BFGS-B on NumPy.
- logistic: logistic regression, 10^6 rows of 10 columns, f64, L-BFGS from 0 to a largest slope of 1e-6; scikit-learn's
  `LogisticRegression(solver="lbfgs", C=inf)`, SciPy's L-BFGS-B on NumPy, which have the same stop.
- network: 2-16-1 with tanh, 1000 rows, 20,000 steps of Adam on mini-batches of 32; JAX (all steps in one jitted `fori_loop`,
  gradient by `grad`; its time is without compilation) in f32 and f64, PyTorch as one writes it (eager, one thread), and
  scikit-learn's `MLPClassifier` (same network, batch and rule; of its own as many passes).

Each time is the best of three. gradfield's is that of the training, as its JSON says, without reading the table. Loss: the
mean over all rows at the end, computed here in f64 from the weights that each gives.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import places

NETWORK = 16
BATCH = 32
STEPS = 20_000


def best(job, laps: int = 3):
    """The least time, and what the job gave."""
    times, found = [], None
    for _ in range(laps):
        begin = time.perf_counter()
        found = job()
        times.append(time.perf_counter() - begin)
    return min(times), found


def gradfield(table: dict, text: str, *flags: str, laps: int = 3):
    """Its own time, weights by name, evaluations, status."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npz"
        np.savez(path, **table)
        least = None
        for _ in range(laps):
            command = [places.GRADFIELD, "minimize", text, "--data", path, "--quiet", "--format", "json", *flags]
            page = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            if least is None or page["seconds"] < least["seconds"]:
                least = page
        end = least["minima"][0]
        return least["seconds"], dict(zip(least["variables"], end["x"])), end["steps"], end["status"]


def scipy_lbfgs(objective, start: np.ndarray, slope: float):
    """SciPy's, to a largest slope."""
    from scipy.optimize import minimize

    options = {"gtol": slope, "ftol": 0.0, "maxiter": 10_000}
    return minimize(objective, start, jac=True, method="L-BFGS-B", options=options)


def line(rows: int) -> list[tuple]:
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 3, rows)
    y = 3 + 0.5 * x + rng.normal(0, 0.2, rows)
    design = np.stack([np.ones_like(x), x], 1)
    loss = lambda a, b: float(np.mean((y - a - b * x) ** 2))

    def objective(w):
        rest = design @ w - y
        return rest @ rest / rows, 2 / rows * (design.T @ rest)

    found = []
    for threads in ("1", str(os.cpu_count())):
        flags = ("--from", "0", "--tol", "1e-8", "--threads", threads)
        seconds, w, steps, status = gradfield({"x": x, "y": y}, "mean((y - a - b x)^2)", *flags)
        found.append((f"gradfield, {threads} threads", seconds, loss(w["a"], w["b"]), f"{steps} looks, {status}"))
    seconds, w = best(lambda: np.linalg.lstsq(design, y, rcond=None)[0])
    found.append(("NumPy lstsq (direct)", seconds, loss(*w), ""))
    seconds, done = best(lambda: scipy_lbfgs(objective, np.zeros(2), 1e-8))
    found.append(("SciPy L-BFGS-B", seconds, loss(*done.x), f"{done.nfev} looks"))
    return found


def logistic(rows: int, columns: int = 10) -> list[tuple]:
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (rows, columns))
    truth = rng.normal(0, 0.7, columns)
    y = (rng.uniform(size=rows) < 1 / (1 + np.exp(-0.3 - x @ truth))).astype(float)
    sign = 2 * y - 1
    loss = lambda b, w: float(np.mean(np.logaddexp(0, -sign * (b + x @ w))))

    def objective(v):
        z = v[0] + x @ v[1:]
        rest = 1 / (1 + np.exp(-z)) - y
        return loss(v[0], v[1:]), np.concatenate([[rest.mean()], x.T @ rest / rows])

    table = {f"x[{k + 1}]": x[:, k] for k in range(columns)} | {"y": y}
    text = f"z = b + sum(j, 1, {columns}, w[j] x[j]); mean(softplus(z) - y z)"
    found = []
    for threads in ("1", str(os.cpu_count())):
        flags = ("--from", "0", "--method", "lbfgs", "--tol", "1e-6", "--threads", threads)
        seconds, w, steps, status = gradfield(table, text, *flags)
        value = loss(w["b"], np.array([w[f"w[{k + 1}]"] for k in range(columns)]))
        found.append((f"gradfield, {threads} threads", seconds, value, f"{steps} looks, {status}"))
    seconds, done = best(lambda: scipy_lbfgs(objective, np.zeros(columns + 1), 1e-6))
    found.append(("SciPy L-BFGS-B", seconds, loss(done.x[0], done.x[1:]), f"{done.nfev} looks"))
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        return found
    model = LogisticRegression(solver="lbfgs", C=np.inf, tol=1e-6, max_iter=10_000)
    seconds, model = best(lambda: model.fit(x, y))
    found.append(("scikit-learn", seconds, loss(model.intercept_[0], model.coef_[0]), f"{model.n_iter_[0]} steps"))
    return found


def moons(rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    angle, y = np.pi * rng.uniform(size=rows), np.arange(rows) % 2
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1)
    return np.where(y[:, None] == 0, upper, lower) + rng.normal(0, 0.2, (rows, 2)), y.astype(float)


def network(rows: int) -> list[tuple]:
    points, y = moons(rows)
    rng = np.random.default_rng(3)
    start = {"a": rng.uniform(-1, 1, NETWORK), "b": rng.uniform(-1, 1, NETWORK), "c": np.array(0.0)}
    start |= {"r": rng.uniform(-1, 1, NETWORK), "s": rng.uniform(-1, 1, NETWORK)}

    def loss(w) -> float:
        hidden = np.tanh(w["b"] + np.outer(points[:, 0], w["r"]) + np.outer(points[:, 1], w["s"]))
        return float(np.mean(np.logaddexp(0, -(2 * y - 1) * (w["c"] + hidden @ w["a"]))))

    n = NETWORK
    text = f"z = c + sum(j, 1, {n}, a[j] tanh(b[j] + r[j] u + s[j] v)); mean(softplus(z) - y z)"
    named = {f"{k}[{j + 1}]": start[k][j] for k in "abrs" for j in range(n)} | {"c": 0.0}
    begin = ",".join(f"{name}={float(value)!r}" for name, value in named.items())
    table = {"u": points[:, 0], "v": points[:, 1], "y": y}
    found = []
    for precision in ("f32", "f64"):
        flags = ("--from", begin, "--batch", str(BATCH), "--steps", str(STEPS), "--lr", "0.01", "--precision", precision)
        seconds, w, _, _ = gradfield(table, text, *flags, "--threads", "1")
        family = lambda k: np.array([w[f"{k}[{j + 1}]"] for j in range(n)])
        value = loss({k: family(k) for k in "abrs"} | {"c": w["c"]})
        found.append((f"gradfield, {precision}, 1 thread", seconds, value, f"{seconds / STEPS * 1e6:.1f} µs a step"))
    found += jax_network(points, y, start, loss)
    found += torch_network(points, y, start, loss)
    return found + sklearn_network(points, y)


def jax_network(points, y, start, loss) -> list[tuple]:
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return []
    jax.config.update("jax_enable_x64", True)
    found = []
    for kind in ("float32", "float64"):
        x, t = jnp.asarray(points, kind), jnp.asarray(y, kind)
        first = {k: jnp.asarray(v, kind) for k, v in start.items()}
        order = jnp.asarray(np.random.default_rng(4).integers(0, len(y), (STEPS, BATCH)))

        def objective(w, rows):
            u, v, to = x[rows, 0], x[rows, 1], t[rows]
            z = w["c"] + jnp.tanh(w["b"] + jnp.outer(u, w["r"]) + jnp.outer(v, w["s"])) @ w["a"]
            return jnp.mean(jax.nn.softplus(z) - to * z)

        def step(k, state):
            w, m, v = state
            g = jax.grad(objective)(w, order[k])
            each = jax.tree.map
            m = each(lambda m, g: 0.9 * m + 0.1 * g, m, g)
            v = each(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
            time_ = jnp.asarray(k + 1, kind)
            by = lambda w, m, v: w - 0.01 * (m / (1 - 0.9**time_)) / (jnp.sqrt(v / (1 - 0.999**time_)) + 1e-8)
            return each(by, w, m, v), m, v

        zeros = jax.tree.map(jnp.zeros_like, first)
        run = jax.jit(lambda w: jax.lax.fori_loop(0, STEPS, step, (w, zeros, zeros))[0])
        begin = time.perf_counter()
        jax.block_until_ready(run(first))
        compiled = time.perf_counter() - begin
        seconds, w = best(lambda: jax.block_until_ready(run(first)))
        value = loss({k: np.asarray(v, float) for k, v in w.items()})
        more = f"{seconds / STEPS * 1e6:.1f} µs a step; {compiled:.2g} s with compiling"
        found.append((f"JAX, {kind}", seconds, value, more))
    return found


def torch_network(points, y, start, loss) -> list[tuple]:
    try:
        import torch
    except ImportError:
        return []
    torch.set_num_threads(1)
    steps = STEPS // 4
    x, t = torch.tensor(points, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    order = torch.tensor(np.random.default_rng(4).integers(0, len(y), (STEPS, BATCH)))

    def run():
        w = {k: torch.tensor(v, dtype=torch.float32, requires_grad=True) for k, v in start.items()}
        rule = torch.optim.Adam(list(w.values()), lr=0.01)
        for rows in order[:steps]:
            u, v = x[rows, 0], x[rows, 1]
            z = w["c"] + torch.tanh(w["b"] + torch.outer(u, w["r"]) + torch.outer(v, w["s"])) @ w["a"]
            rule.zero_grad()
            torch.mean(torch.nn.functional.softplus(z) - t[rows] * z).backward()
            rule.step()
        return w

    seconds, w = best(run, laps=1)
    value = loss({k: v.detach().numpy().astype(float) for k, v in w.items()})
    more = f"{seconds / steps * 1e6:.1f} µs a step; a quarter of the steps, times four"
    return [("PyTorch, float32, eager", 4 * seconds, value, more)]


def sklearn_network(points, y) -> list[tuple]:
    try:
        from sklearn.neural_network import MLPClassifier
    except ImportError:
        return []
    passes = STEPS * BATCH // len(y)
    options = {"activation": "tanh", "solver": "adam", "alpha": 0.0, "batch_size": BATCH, "learning_rate_init": 0.01}
    model = MLPClassifier((NETWORK,), **options, max_iter=passes, tol=0.0, n_iter_no_change=10**9, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seconds, model = best(lambda: model.fit(points, y), laps=1)
    likely = model.predict_proba(points)[np.arange(len(y)), y.astype(int)]
    return [("scikit-learn MLPClassifier", seconds, float(-np.mean(np.log(likely))), f"{seconds / STEPS * 1e6:.1f} µs a step")]


def main() -> None:
    parser = argparse.ArgumentParser(description="losses over data, beside their peers")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--markdown", type=Path, help="also write the table")
    arguments = parser.parse_args()
    part = 10 if arguments.quick else 1
    lines = ["| | seconds | times gradfield's | loss | |", "|---|---|---|---|---|"]
    works = [
        (f"line, {10**7 // part:.0e} rows", lambda: line(10**7 // part)),
        (f"logistic, {10**6 // part:.0e} x 10", lambda: logistic(10**6 // part)),
        ("network 2-16-1, batches of 32", lambda: network(1000)),
    ]
    for name, work in works:
        found = work()
        for who, seconds, loss, more in found:
            ratio = seconds / found[0][1]
            lines.append(f"| {name}: {who} | {seconds:.3g} | {ratio:.3g} | {loss:.9g} | {more} |")
            print(lines[-1], flush=True)
    if arguments.markdown:
        arguments.markdown.write_text("\n".join(lines) + "\n")


main()
