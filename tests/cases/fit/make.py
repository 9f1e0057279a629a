"""Fits by SciPy, statsmodels, NumPy and brute force, as truth for tests/suite/fit.rs: writes peers.json beside this file.

    python tests/cases/fit/make.py          (NumPy, SciPy, statsmodels; the data are made here, from a fixed seed)
"""

import json
from pathlib import Path

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy.optimize import least_squares, minimize
from statsmodels.robust import norms

rng = np.random.default_rng(7)
x = np.round(np.linspace(0, 5, 25), 3)
clean = 3 * np.exp(-0.8 * x) + 0.5
y = np.round(clean + rng.normal(0, 0.05, x.size), 4)
wild = y.copy()
wild[[4, 11, 19]] += [2.0, -1.5, 3.0]
counts = rng.poisson(40 * np.exp(-0.6 * x) + 2).astype(float)
yes = (rng.uniform(size=x.size) < 1 / (1 + np.exp(-(1.5 * x - 3)))).astype(float)
sigma = np.round(rng.uniform(0.02, 0.2, x.size), 3)
tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 10000}


def model(p):
    return p[0] * np.exp(-p[1] * x) + p[2]


def slopes(p):
    return np.stack([np.exp(-p[1] * x), -p[0] * x * np.exp(-p[1] * x), np.ones_like(x)], axis=1)


def errors(jacobian, variance):
    return np.sqrt(np.diag(np.linalg.inv(jacobian.T @ jacobian)) * variance)


class Cauchy(norms.RobustNorm):
    """t^2/2 ln(1 + (z/t)^2), by its derivatives; of scale 1."""

    def rho(self, z):
        return np.log1p(z**2) / 2

    def psi(self, z):
        return z / (1 + z**2)

    def weights(self, z):
        return 1 / (1 + z**2)

    def psi_deriv(self, z):
        return (1 - z**2) / (1 + z**2) ** 2


def robust_errors(loss, scale, p):
    """statsmodels' "H1" for the straight model around a minimum, whose estimates are then the minimum's."""
    jacobian = slopes(p)
    norm = norms.HuberT(t=1.0) if loss == "huber" else Cauchy()
    around = sm.RLM(wild - model(p) + jacobian @ p, jacobian, M=norm)
    known = lambda *_: scale
    # Its start is least squares, from which Cauchy's loss may lead elsewhere: it is given the minimum.
    fit = around.fit(cov="H1", scale_est=known, start_params=p, conv="coefs", tol=1e-13, maxiter=2000)
    assert np.allclose(fit.params, p, rtol=1e-6), (fit.params, p)
    return fit.bse


def case(name, response, found, standard=None, objective=None, **flags):
    return {
        "name": name,
        "response": response,
        "estimates": list(found),
        "errors": None if standard is None else list(standard),
        "objective": objective,
        **flags,
    }


cases = []
start = [1.0, 1.0, 1.0]
s = least_squares(lambda p: model(p) - y, start, jac=lambda p: slopes(p), **tight)
rss = 2 * s.cost
cases.append(case("squares", "y", s.x, errors(slopes(s.x), rss / (x.size - 3)), rss))
w = 1 / sigma
s = least_squares(lambda p: w * (model(p) - y), start, jac=lambda p: w[:, None] * slopes(p), **tight)
rss = 2 * s.cost
cases.append(case("weights", "y", s.x, errors(w[:, None] * slopes(s.x), rss / (x.size - 3)), rss, weights="1/sigma^2"))
for loss, scale in (("huber", 0.1), ("cauchy", 0.1)):
    s = least_squares(lambda p: model(p) - wild, start, jac=lambda p: slopes(p), loss=loss, f_scale=scale, **tight)
    # SciPy's cost is half the sum of rho; gradfield's loss is the same.
    cases.append(case(loss, "wild", s.x, robust_errors(loss, scale, s.x), 2 * s.cost, robust=f"{loss}:{scale}"))
# SciPy's way within bounds ends a little before them; it says which bound holds, and the others are found without.
s = least_squares(lambda p: model(p) - y, [1, 1, 0.2], jac=lambda p: slopes(p), bounds=([0, 0, 0], [2.5, 10, 10]), **tight)
assert s.x[0] > 2.4999999 and 0 < min(s.x[1:])
at = lambda q: np.array([2.5, *q])
s = least_squares(lambda q: model(at(q)) - y, s.x[1:], jac=lambda q: slopes(at(q))[:, 1:], **tight)
cases.append(case("bounds", "y", at(s.x), None, 2 * s.cost, bounds="a=0:2.5,b=0:10,c=0:10"))


def newton(value, gradient, hessian, p):
    """A minimum by Newton's steps, each halved until it leads down."""
    for _ in range(200):
        step = np.linalg.solve(hessian(p), gradient(p))
        t = 1.0
        while t > 1e-10 and not value(p - t * step) <= value(p):
            t /= 2
        p = p - t * step
    return p


def poisson(p):
    f = model(p)
    if np.any(f <= 0):
        return np.inf
    return np.sum(f - counts * np.log(f))


def fisher(p):
    return slopes(p).T @ (slopes(p) / model(p)[:, None])


p = newton(poisson, lambda p: slopes(p).T @ (1 - counts / model(p)), fisher, np.array([30.0, 1.0, 1.0]))
f = model(p)
part = np.where(counts > 0, counts * np.log(np.where(counts > 0, counts, 1) / f), 0)
deviance = 2 * np.sum(f - counts + part)
cases.append(case("poisson", "counts", p, np.sqrt(np.diag(np.linalg.inv(fisher(p)))), deviance, likelihood="poisson", start="a=30,b=1,c=1"))

line = np.stack([np.ones_like(x), x], axis=1)
odds = lambda p: line @ p
p = newton(
    lambda p: np.sum(np.logaddexp(0, odds(p)) - yes * odds(p)),
    lambda p: line.T @ (1 / (1 + np.exp(-odds(p))) - yes),
    lambda p: line.T @ (line * (1 / (2 + 2 * np.cosh(odds(p))))[:, None]),
    np.zeros(2),
)
information = line.T @ (line * (1 / (2 + 2 * np.cosh(odds(p))))[:, None])
loss = 2 * np.sum(np.logaddexp(0, odds(p)) - yes * odds(p))
cases.append(case("logistic", "yes", p, np.sqrt(np.diag(np.linalg.inv(information))), loss, likelihood="logistic", model="a + b x", start="a=0,b=0"))

s = minimize(lambda p: np.sum(np.log(np.cosh(model(p) - wild))), [3, 1, 0.5], method="BFGS", options={"gtol": 1e-11})
cases.append(case("own", "wild", s.x, None, 2 * s.fun, loss="ln(cosh(f - y))", digits=6))

data = {"x": x, "y": y, "wild": wild, "counts": counts, "yes": yes, "sigma": sigma}
page = {
    "source": f"make.py beside this file, with NumPy {np.__version__}, SciPy {scipy.__version__}, statsmodels {statsmodels.__version__}",
    "data": {name: list(column) for name, column in data.items()},
    "cases": cases,
}
Path(__file__).with_name("peers.json").write_text(json.dumps(page, indent=0) + "\n")
