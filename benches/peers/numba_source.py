"""The loops of the numba peers, and the one-line formulas of numexpr, made from the functions' text.

Flows in: a function's name, a number format. Flows out: Python functions to be compiled by `numba.njit`.
"""

import math
import re
import textwrap
from typing import Any, Callable

import numpy as np

import functions

BLOCK = 512
"""Points of a list, or particles, that are worked on at a time."""

GRID = """
def grid(xs, ys, F, GX, GY):
    for j in prange(ys.shape[0]):
        y = ys[j]
        for i in range(xs.shape[0]):
            x = xs[i]
{body}
            F[j, i] = f
            GX[j, i] = gx
            GY[j, i] = gy
"""

# {place} is where the state of a block stands in the arrays: 0 in a copy of the block, its start in a list.
ROSENBROCK = """
for i in range(B):
    G[0, {place} + i] = k0
for d in range(D - 1):
    for i in range(B):
        x = X[d, {place} + i]
        b = X[d + 1, {place} + i] - x * x
        a = k1 - x
        {value}
        G[d, {place} + i] += -k400 * x * b - k2 * a
        G[d + 1, {place} + i] = k200 * b
"""
RASTRIGIN = """
for d in range(D):
    for i in range(B):
        x = X[d, {place} + i]
        q = ktau * x
        {value}
        G[d, {place} + i] = k2 * x + k20pi * math.sin(q)
"""
VALUES = {"rosenbrock": "F[lo + i] += k100 * b * b + a * a", "rastrigin": "F[lo + i] += x * x - k10 * math.cos(q) + k10"}

LIST = """
def points(X, F, G):
    D, n = X.shape
    for block in prange(n // B):
        lo = block * B
        for i in range(B):
            F[lo + i] = k0
{body}
"""

DESCENT = """
def descend(X0, O, C1, C2):
    D, n = X0.shape
    for block in prange(n // B):
        lo = block * B
        X = np.empty((D, B), np.float32)
        G = np.zeros((D, B), np.float32)
        M = np.zeros((D, B), np.float32)
        V = np.zeros((D, B), np.float32)
        for d in range(D):
            for i in range(B):
                X[d, i] = X0[d, lo + i]
        for t in range(C1.shape[0]):
            c1 = C1[t]
            c2 = C2[t]
{body}
        for d in range(D):
            for i in range(B):
                O[d, lo + i] = X[d, i]
"""
PLANE_STEP = """
for i in range(B):
    x = X[0, i]
    y = X[1, i]
{body}
{update}
"""
SPACE_STEP = """
{body}
for d in range(D):
    for i in range(B):
        g = G[d, i]
        x = X[d, i]
{update}
"""
UPDATES = {
    "gd": "X[{d}, i] = {x} - lr * {g}",
    "adam": """M[{d}, i] = b1 * M[{d}, i] + a1 * {g}
V[{d}, i] = b2 * V[{d}, i] + a2 * {g} * {g}
X[{d}, i] = {x} - c1 * M[{d}, i] / (math.sqrt(V[{d}, i] * c2) + eps)""",
}


def indented(text: str, levels: int) -> str:
    return textwrap.indent(textwrap.dedent(text).strip("\n"), "    " * levels)


def made(text: str, name: str, constants: dict[str, Any]) -> Callable:
    from numba import prange

    names: dict[str, Any] = {"np": np, "math": math, "prange": prange, **constants}
    exec(text, names)
    return names[name]


def plane_body(name: str, dtype: type) -> tuple[str, dict[str, Any]]:
    body, values = functions.scalar_source(name)
    return textwrap.dedent(body), {f"k{i}": dtype(value) for i, value in enumerate(values)}


def space_body(name: str, dtype: type, place: str, with_value: bool) -> tuple[str, dict[str, Any]]:
    kind = "rosenbrock" if name.startswith("rosenbrock") else "rastrigin"
    text = ROSENBROCK if kind == "rosenbrock" else RASTRIGIN
    constants = {f"k{k}": dtype(k) for k in (0, 1, 2, 10, 100, 200, 400)}
    constants |= {"ktau": dtype(2 * math.pi), "k20pi": dtype(20 * math.pi)}
    return text.format(place=place, value=VALUES[kind] if with_value else "pass"), constants


def grid(name: str, dtype: type) -> Callable:
    """(xs, ys, F, GX, GY), or for a list of points (X, F, G)."""
    if name in functions.PLANE:
        body, constants = plane_body(name, dtype)
        return made(GRID.format(body=indented(body, 3)), "grid", constants)
    body, constants = space_body(name, dtype, "lo", True)
    return made(LIST.format(body=indented(body, 2)), "points", constants | {"B": BLOCK})


def descent(name: str, rule: str, rate: float) -> Callable:
    """(starts, ends, Adam's corrections C1 and C2): all steps of a block of particles, then the next block."""
    f32 = np.float32
    numbers = {"lr": rate, "b1": 0.9, "a1": 0.1, "b2": 0.999, "a2": 1 - 0.999, "eps": 1e-8}
    constants: dict[str, Any] = {key: f32(value) for key, value in numbers.items()} | {"B": 128}
    if name in functions.PLANE:
        body, more = plane_body(name, f32)
        places = (("0", "x", "gx"), ("1", "y", "gy"))
        update = "\n".join(UPDATES[rule].format(d=d, x=x, g=g) for d, x, g in places)
        step = PLANE_STEP.format(body=indented(body, 1), update=indented(update, 1))
    else:
        body, more = space_body(name, f32, "0", False)
        update = UPDATES[rule].format(d="d", x="x", g="g")
        step = SPACE_STEP.format(body=body.strip("\n"), update=indented(update, 2))
    return made(DESCENT.format(body=indented(step, 3)), "descend", constants | more)


def inlined(name: str) -> tuple[dict[str, str], dict[str, float]]:
    """f, gx, gy each as one formula of x, y and constants, for numexpr."""
    constants: dict[str, float] = {}
    texts: dict[str, str] = {}
    for left, right in functions.lines(name):
        for number in re.findall(r"K\(([^()]*)\)", right):
            key = next((key for key, value in constants.items() if value == float(number)), f"k{len(constants)}")
            constants[key] = float(number)
            right = right.replace(f"K({number})", key)
        texts[left] = re.sub(
            r"\b([a-z]\w*)\b(?!\()", lambda m: f"({texts[m.group(1)]})" if m.group(1) in texts else m.group(1), right
        )
    return texts, constants
