"""The functions of the comparison, once, as text.

Flows in: a name. Flows out: f and its gradient for NumPy, numba, C (`LINES`, analytic), and f alone for those that
differentiate by themselves (`plane`, `space`). The same functions in gradfield's language stand in `examples/peer.rs`;
the test `tests/suite/benches.rs` holds the two against each other.

A line is `name = expression`; `K(c)` marks a constant; the results are f, gx, gy.
"""

import math
import re
from typing import Any, Callable

PLANE = {
    "sphere": """
f = x*x + y*y
gx = K(2.0)*x
gy = K(2.0)*y""",
    "seed": """
y2 = y*y
y4 = y2*y2
f = K(3.0)*x*x + K(8.0)*x*y - K(3.0)*y4*y
gx = K(6.0)*x + K(8.0)*y
gy = K(8.0)*x - K(15.0)*y4""",
    "rosenbrock": """
a = K(1.0) - x
b = y - x*x
f = a*a + K(100.0)*b*b
gx = K(-2.0)*a - K(400.0)*x*b
gy = K(200.0)*b""",
    "himmelblau": """
p = x*x + y - K(11.0)
q = x + y*y - K(7.0)
f = p*p + q*q
gx = K(4.0)*x*p + K(2.0)*q
gy = K(2.0)*p + K(4.0)*y*q""",
    "rastrigin2": """
tx = K(6.283185307179586)*x
ty = K(6.283185307179586)*y
f = K(20.0) + x*x + y*y - K(10.0)*(cos(tx) + cos(ty))
gx = K(2.0)*x + K(62.83185307179586)*sin(tx)
gy = K(2.0)*y + K(62.83185307179586)*sin(ty)""",
    "ackley2": """
r = sqrt(K(0.5)*(x*x + y*y))
e1 = K(20.0)*exp(K(-0.2)*r)
tx = K(6.283185307179586)*x
ty = K(6.283185307179586)*y
e2 = exp(K(0.5)*(cos(tx) + cos(ty)))
f = K(22.718281828459045) - e1 - e2
w = K(0.1)*e1/r
v = K(3.141592653589793)*e2
gx = w*x + v*sin(tx)
gy = w*y + v*sin(ty)""",
    "mix": """
s = sin(K(3.0)*x)
c = cos(K(3.0)*x)
y2 = y*y
u = exp(-y2)
x2 = x*x
q = K(1.0) + x2*y2
l = log(q)
t = tanh(x - y)
d = l*(K(1.0) - t*t)
h = K(2.0)*t/q
f = s*u + l*t
gx = K(3.0)*c*u + h*x*y2 + d
gy = h*x2*y - K(2.0)*y*s*u - d""",
}
SPACE = {"rosenbrock10": 10, "rastrigin30": 30}
"""Functions of more variables, and how many."""

Lines = list[tuple[str, str]]


def lines(name: str) -> Lines:
    """The lines of a function of two variables, as (name, expression)."""
    pairs = (line.split("=", 1) for line in PLANE[name].strip().splitlines())
    return [(left.strip(), right.strip()) for left, right in pairs]


def python_source(name: str, prefix: str, constant: Callable[[str], str] = lambda c: c) -> str:
    """Those lines as Python, with `prefix` before sin, cos and so on."""
    out = []
    for left, right in lines(name):
        right = re.sub(r"K\(([^()]*)\)", lambda match: constant(match.group(1)), right)
        right = re.sub(r"\b(sin|cos|exp|log|tanh|sqrt)\(", prefix + r"\1(", right)
        out.append(f"    {left} = {right}")
    return "\n".join(out)


def array_gradient(name: str, module: Any, constant: Callable[[float], Any] = float) -> Callable:
    """(x, y) to (f, gx, gy) by a module of array functions; `constant` makes its numbers."""
    names: dict[str, Any] = {"m": module, "K": constant}
    exec(f"def fg(x, y):\n{python_source(name, 'm.', lambda c: f'K({c})')}\n    return f, gx, gy\n", names)
    return names["fg"]


def scalar_source(name: str) -> tuple[str, list[float]]:
    """The lines with the constants as k0, k1, ... (globals of the right type), and their values."""
    values: list[float] = []

    def constant(text: str) -> str:
        values.append(float(text))
        return f"k{len(values) - 1}"

    return python_source(name, "math.", constant), values


def plane(name: str, m: Any) -> Callable:
    """f(x, y) for automatic differentiation."""
    tau = 2 * math.pi
    return {
        "sphere": lambda x, y: x * x + y * y,
        "seed": lambda x, y: 3 * x * x + 8 * x * y - 3 * (y * y) * (y * y) * y,
        "rosenbrock": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        "himmelblau": lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
        "rastrigin2": lambda x, y: 20 + x**2 + y**2 - 10 * (m.cos(tau * x) + m.cos(tau * y)),
        "ackley2": lambda x, y: (
            -20 * m.exp(-0.2 * m.sqrt(0.5 * (x**2 + y**2)))
            - m.exp(0.5 * (m.cos(tau * x) + m.cos(tau * y)))
            + (math.e + 20)
        ),
        "mix": lambda x, y: m.sin(3 * x) * m.exp(-(y**2)) + m.log(1 + x**2 * y**2) * m.tanh(x - y),
    }[name]


def space(name: str, m: Any) -> Callable:
    """f(X) for automatic differentiation; X has the variable first: X[d, ...]."""
    if name.startswith("rosenbrock"):
        return lambda X: (100 * (X[1:] - X[:-1] ** 2) ** 2 + (1 - X[:-1]) ** 2).sum(0)
    return lambda X: (X**2 - 10 * m.cos(2 * math.pi * X) + 10).sum(0)


def space_gradient(name: str, np: Any) -> Callable:
    """X to (f, gradient), both by NumPy."""
    if name.startswith("rosenbrock"):

        def rosenbrock(X):
            b = X[1:] - X[:-1] ** 2
            a = 1 - X[:-1]
            G = np.zeros_like(X)
            G[1:] += 200 * b
            G[:-1] += -400 * X[:-1] * b - 2 * a
            return (100 * b * b + a * a).sum(0), G

        return rosenbrock

    def rastrigin(X):
        T = (2 * math.pi) * X
        return (X * X - 10 * np.cos(T) + 10).sum(0), 2 * X + (20 * math.pi) * np.sin(T)

    return rastrigin


def rate(name: str, rule: str) -> float:
    """The learning rate of a descent: no particle of these boxes runs away."""
    if rule == "adam":
        return 1e-2
    return 1e-4 if name.startswith("rosenbrock") else 1e-3
