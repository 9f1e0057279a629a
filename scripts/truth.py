#!/usr/bin/env python3
"""Makes data/truth.csv: true values of every operation that rounds, to measure the engines against.

In:  data/truth.csv if it is there: its points (operands) are kept, its values are computed anew.
     With --new the points are made from scratch instead, a fixed sample per function; points which a
     search has found and --add has brought in are then gone.
     --add FILE brings in points: lines `function,a,b,c`, operands beyond the arity empty; what follows is
     ignored, so that a file of the format below will do.
Out: data/truth.csv: a header, then rows `function,a,b,c,value,rest`.
     function  the name of the row in src/op.rs; the rows are in the order of that table
     a,b,c     the operands, exactly these f64 (shortest decimals), empty beyond the arity
     value     the f64 nearest to the true result, which may be inf, -inf or nan
     rest      true result - value, as f64; 0 where it is less than 1e-40 of the result or the value is
               not finite. value + rest is right to more than 100 bits.
     A result beyond the range of f64 has value inf; one below it the nearest subnormal number or 0.

Run: python3 scripts/truth.py            (some seconds; needs mpmath)
     python3 scripts/truth.py --new
     python3 scripts/truth.py --add found.csv

A new operation needs an entry in FUNCTIONS below; then --new or --add gives it points.
"""

import argparse
import csv
import math
import random
import struct
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import mpmath
from mpmath import mp, mpf

FILE = Path(__file__).resolve().parent.parent / "data" / "truth.csv"
HEADER = ["function", "a", "b", "c", "value", "rest"]
# Digits that two computations, one with half as many digits again, have to share.
AGREED = 45
INFINITY, NAN = math.inf, math.nan
SMALLEST, LEAST_NORMAL, LARGEST = 5e-324, sys.float_info.min, sys.float_info.max


# ---- the operations ------------------------------------------------------------------------------
#
# Each takes its operands as f64 and gives the true result: a Fraction where it is rational, else an mpf at
# the precision of the moment; as a float an infinity, NaN, or 0 for what is far below the range of f64.
# Functions that saturate give their limit where its distance from the result is far out of sight.


def fraction_of(operation: Callable) -> Callable:
    return lambda *operands: operation(*map(Fraction, operands))


def real(function: Callable) -> Callable:
    """A function of mpmath; where that leaves the real line the result is NaN."""

    def true(*operands):
        y = function(*map(mpf, operands))
        return NAN if isinstance(y, mpmath.mpc) else y

    return true


def at(points: dict, function: Callable) -> Callable:
    """The function, but for the arguments in `points`."""
    return lambda a: points[a] if a in points else function(a)


def divide(a: float, b: float):
    return Fraction(a) / Fraction(b)


def modulo(a: float, b: float):
    x, y = Fraction(a), Fraction(b)
    remainder = x - y * math.floor(x / y)
    return remainder or math.copysign(0.0, b)


def power(a: float, b: float):
    if a == 0 or b == 0:
        return math.pow(a, b)
    whole = b == math.floor(b)
    if a < 0 and not whole:
        return NAN
    exponent = mpf(b) * mp.log(abs(mpf(a)))
    sign = -1 if a < 0 and b % 2 == 1 else 1
    return beyond(exponent, sign) if abs(exponent) > 2000 else sign * mp.exp(exponent)


def beyond(exponent, sign=1) -> float:
    """A result which is certain to overflow or to underflow."""
    return math.copysign(INFINITY if exponent > 0 else 0.0, sign)


def exponential(function: Callable) -> Callable:
    """A function that grows like e^a: mpmath needs the memory for the exponent."""
    return lambda a: beyond(a) if abs(a) > 2000 else real(function)(a)


def expm1(a: float):
    return mpf(-1) if a < -2000 else beyond(a) if a > 2000 else mp.expm1(mpf(a))


def hyperbolic(function: Callable, sign: Callable) -> Callable:
    return lambda a: sign(a) * INFINITY if abs(a) > 2000 else function(mpf(a))


def tanh(a: float):
    return mpf(math.copysign(1, a)) if abs(a) > 2000 else mp.tanh(mpf(a))


def erf(a: float):
    return mpf(math.copysign(1, a)) if abs(a) > 40 else mp.erf(mpf(a))


def erfc(a: float):
    return 0.0 if a > 40 else mpf(2) if a < -40 else mp.erfc(mpf(a))


def gamma(a: float):
    if a < 0 and a == math.floor(a):
        return NAN
    if abs(a) > 200:
        return INFINITY if a > 0 else math.copysign(0.0, 1 if math.floor(a) % 2 == 0 else -1)
    return mp.gamma(mpf(a))


def polygamma(order: int) -> Callable:
    return lambda a: NAN if a <= 0 and a == math.floor(a) else reflected(order, mpf(a))


def reflected(order: int, a):
    """Left of 0 by reflection (Abramowitz and Stegun 6.4.7): mpmath takes long for large ones there."""
    if a > 0:
        return mp.psi(order, a)
    beside = mp.pi * (a - mp.nint(a))
    if order == 0:
        return mp.psi(0, 1 - a) - mp.pi * mp.cot(beside)
    return (mp.pi / mp.sin(beside)) ** 2 - mp.psi(1, 1 - a)


def sigmoid(a: float):
    if abs(a) > 2000:
        return 0.0 if a < 0 else mpf(1)
    return 1 / (1 + mp.exp(-mpf(a)))


def softplus(a: float):
    if abs(a) > 2000:
        return 0.0 if a < 0 else mpf(a)
    return mp.log1p(mp.exp(mpf(a)))


def noise(a: float, b: float, c: float):
    """Box and Muller's transform of the two words of Threefry-2x32 with 20 rounds, 22 bits of each."""
    count, word = math.floor(c), (1 << 32) - 1
    keys = [math.floor(a), math.floor(b)]
    keys.append(0x1BD11BDA ^ keys[0] ^ keys[1])
    x, y = (count + keys[0]) & word, ((count >> 32) + keys[1]) & word
    for step in range(20):
        turn = (13, 15, 26, 6, 17, 29, 16, 24)[step % 8]
        x = (x + y) & word
        y = ((y << turn | y >> (32 - turn)) & word) ^ x
        if step % 4 == 3:
            group = step // 4 + 1
            x = (x + keys[group % 3]) & word
            y = (y + keys[(group + 1) % 3] + group) & word
    radius, angle = (mpf(2 * (v >> 10) + 1) / 2**23 for v in (x, y))
    return mp.sqrt(-2 * mp.log(radius)) * mp.sin(mp.pi * (angle - mpf(1) / 2))


def circular(a: float) -> bool:
    return abs(a) <= 1e9


@dataclass
class Function:
    """How an operation is computed and where its points lie."""

    true: Callable
    # One range per operand, where the tests sample; the arity is their number.
    domain: list
    # Points whose neighbours matter: zeros, poles, edges; tuples for more than one operand.
    edges: list = ()
    # Further ranges of the first operand.
    ranges: list = ()
    # What a row of src/op.rs calls its reach.
    reach: Callable = lambda *operands: True


REALS, POSITIVE, MODEST, UNIT = (-10, 10), (0.01, 20), (-8, 8), (-0.999, 0.999)
TINY = [SMALLEST, 3e-310, LEAST_NORMAL, 1e-30, 1e-17, 1e-8]
SIGNED_TINY = TINY + [-x for x in TINY]
HALF_TURNS = [k * math.pi / 2 for k in (1, 2, 3, 4, 11, 710, 344, 573204, 411557987)]
PAIRS = [(1.0, SMALLEST), (LEAST_NORMAL, 1.5), (3e-310, 0.3), (1e300, 1e-300), (1e-200, 1e-200), (LARGEST, LARGEST)]
SUMS = PAIRS + [(1.0, 2.0**-53), (1.0, 3 * 2.0**-53), (-1.0, 2.0**-54), (1e16, 1.0), (LEAST_NORMAL, -SMALLEST)]
QUOTIENTS = PAIRS + [(1.0, 3.0), (LARGEST, 0.5), (LEAST_NORMAL, 3.0), (SMALLEST, 2.0), (1.0, LARGEST)]
TRIPLES = [(1.1, 1.3, -1.43), (1e-160, 1e-160, 1e-310), (1e200, 1e200, -1e300), (0.1, 10.0, -1.0),
           (3.0, 1 / 3, -1.0)]
POWERS = [(1 + 2.0**-52, 1e18), (1 - 2.0**-53, 1e18), (1.0000001, 7e9), (0.9999999, 7e9), (2.0, -1074.5),
          (2.0, 1023.99), (10.0, 308.0), (10.0, -320.0), (-2.0, 3.0), (-3.0, 40.0), (-1.5, -301.0),
          (-8.0, 0.3), (SMALLEST, 0.5), (LARGEST, -1.0), (LEAST_NORMAL, 1.04), (4.0, 0.5), (9.0, 1.5),
          (1e-300, -1.02), (0.5, 3.0)]
DIRECTIONS = PAIRS + [(1.0, -1.0), (1e-300, -1e300), (-SMALLEST, 1.0), (-1e-17, -1.0), (1.0, 1e-17), (-1.0, -1e300)]
WHOLE = [(5.5, 2.0), (-5.5, 2.0), (5.5, -2.0), (0.3, 0.1), (1e15, 3.0), (1e15, 0.7), (-1e-20, 3.0), (6.0, 0.2),
         (LEAST_NORMAL, SMALLEST), (-1e300, 7e285), (1e-310, -7e-312), (7.0, 7.000000000000001)]
POLES = [-0.5, -1.5, -2.25, -10.5, -0.999, -1.001, -2.0000001, -33.999999, -100.3, -1e-8, -1e-300]

FUNCTIONS = {
    "add": Function(fraction_of(lambda a, b: a + b), [REALS, REALS], SUMS),
    "subtract": Function(fraction_of(lambda a, b: a - b), [REALS, REALS], SUMS),
    "multiply": Function(fraction_of(lambda a, b: a * b), [REALS, REALS], PAIRS),
    "divide": Function(divide, [REALS, (0.1, 10)], QUOTIENTS, reach=lambda a, b: b != 0),
    "power": Function(power, [(0.05, 8), (-4, 4)], POWERS),
    "fma": Function(fraction_of(lambda a, b, c: a * b + c), [REALS] * 3, TRIPLES),
    "fms": Function(fraction_of(lambda a, b, c: a * b - c), [REALS] * 3, TRIPLES),
    "fnma": Function(fraction_of(lambda a, b, c: c - a * b), [REALS] * 3, TRIPLES),
    "fract": Function(fraction_of(lambda a: a - math.floor(a)), [REALS],
                      SIGNED_TINY + [1.0, 0.5, -1.5, 4503599627370495.5]),
    "mod": Function(modulo, [REALS, (0.5, 4)], WHOLE,
                    reach=lambda a, b: b != 0 and abs(Fraction(a) / Fraction(b)) < 2e15),
    "sqrt": Function(real(mp.sqrt), [POSITIVE], TINY + [1.0, 2.0, 4.0, LARGEST, -1.0], [(0.25, 1)]),
    "cbrt": Function(lambda a: math.copysign(1, a) * mp.cbrt(abs(mpf(a))), [REALS],
                     SIGNED_TINY + [1.0, 27.0, -LARGEST]),
    "hypot": Function(real(mp.hypot), [REALS, REALS],
                      PAIRS + [(3.0, 4.0), (1.2e308, 1.3e308), (SMALLEST, SMALLEST)]),
    "exp": Function(exponential(mp.exp), [MODEST], SIGNED_TINY + [709.78271289338397, -708.39641853226408,
                    -745.13321910194122, 0.34657359027997264, 1e300, -1e5], [(-746, 710), (-1, 1)]),
    "exp2": Function(exponential(lambda a: mpf(2) ** a), [MODEST], SIGNED_TINY + [1023.9999999999999, -1022.0,
                     -1074.5, 0.5, -1.5, 3.0, 1e300, -1e5], [(-1076, 1024), (-1, 1)]),
    "expm1": Function(expm1, [MODEST], SIGNED_TINY + [709.78271289338397, 0.34657359027997264, -0.34657359027997264,
                      -37.5, -1e5, 1e300], [(-40, 710), (-1, 1)]),
    "ln": Function(real(mp.log), [POSITIVE], TINY + [1.0, 0.7071067811865475, 1.4142135623730951,
                   LARGEST, -1.0], [(0.5, 2)]),
    "log2": Function(real(lambda a: mp.log(a) / mp.ln2), [POSITIVE], TINY + [1.0, 8.0,
                     0.7071067811865475, 1.4142135623730951, LARGEST, -1.0], [(0.5, 2)]),
    "log10": Function(real(lambda a: mp.log(a) / mp.ln10), [POSITIVE], TINY + [1.0, 1000.0,
                      0.7071067811865475, 1.4142135623730951, LARGEST, -1.0], [(0.5, 2)]),
    "log1p": Function(at({-1.0: -INFINITY}, real(mp.log1p)), [(-0.9, 20)], SIGNED_TINY + [-0.29289321881345243,
                      0.41421356237309515, -0.9999999999999999, 9007199254740992.0, LARGEST, -2.0], [(-1, 1)]),
    "sin": Function(real(mp.sin), [REALS], SIGNED_TINY + HALF_TURNS, [(-1e9, 1e9), (-1000, 1000)], circular),
    "cos": Function(real(mp.cos), [REALS], SIGNED_TINY + HALF_TURNS, [(-1e9, 1e9), (-1000, 1000)], circular),
    "tan": Function(real(mp.tan), [(-1.5, 1.5)], SIGNED_TINY + HALF_TURNS, [(-1e9, 1e9), (-1000, 1000)], circular),
    "asin": Function(real(mp.asin), [UNIT], SIGNED_TINY + [0.5, -0.5, 1.0, -1.0, 0.9999999999999, 1.5], [(-1, 1)]),
    "acos": Function(real(mp.acos), [UNIT], SIGNED_TINY + [0.5, -0.5, 1.0, -1.0, 0.9999999999999, -1.5], [(-1, 1)]),
    "atan": Function(real(mp.atan), [REALS],
                     SIGNED_TINY + [0.41421356237309503, 1.0, 2.414213562373095, 1e17, -LARGEST]),
    "atan2": Function(real(mp.atan2), [REALS, REALS], DIRECTIONS),
    "sinh": Function(hyperbolic(mp.sinh, lambda a: math.copysign(1, a)), [MODEST], SIGNED_TINY + [1.0,
                     710.4758600739439, -1e300], [(-710.5, 710.5), (-1, 1)]),
    "cosh": Function(hyperbolic(mp.cosh, lambda a: 1), [MODEST], SIGNED_TINY + [710.4758600739439, -1e300],
                     [(-710.5, 710.5), (-1, 1)]),
    "tanh": Function(tanh, [MODEST], SIGNED_TINY + [0.17328679513998632, 19.061547465398498, 22.0, -1e300],
                     [(-20, 20), (-1, 1)]),
    "asinh": Function(real(mp.asinh), [REALS], SIGNED_TINY + [1.0, 1.152921504606847e18, 1e200, -LARGEST],
                      [(-1, 1)]),
    "acosh": Function(real(mp.acosh), [(1.001, 20)], [1.0, 1.0000000000000002, 1.00000001, 1.0001,
                      1.152921504606847e18, 1e200, LARGEST, 0.5, -3.0], [(1, 1.01), (1, 2), (1, 1e6)]),
    "atanh": Function(at({1.0: INFINITY, -1.0: -INFINITY}, real(mp.atanh)), [UNIT], SIGNED_TINY + [1.0, -1.0,
                      0.9999999999999999, 0.3333333333333333, 2.0], [(-1, 1)]),
    "noise": Function(noise, [(0, 2**23 - 1)] * 3, [(1.0, 2.0, 3.0), (8388607.0, 8388607.0, 8388607.0)],
                      reach=lambda a, b, c: all(0 <= k < 2**23 for k in (a, b, c))),
    "erf": Function(erf, [(-4, 4)], SIGNED_TINY + [0.89, 5.9, -6.1, 30.0], [(-1, 1), (-6, 6)]),
    "erfc": Function(erfc, [(-4, 4)], SIGNED_TINY + [0.5, 26.543, 27.2, -5.9, -6.1, 30.0], [(0, 27), (-1, 1)]),
    "gamma": Function(gamma, [(0.1, 12)], SIGNED_TINY + POLES + [1.0, 2.0, 8.5, 171.6243769563027, 172.0, -170.56749,
                      -177.8, -183.5, -190.5, -3.0], [(-184, 172), (-10, 10)]),
    "lgamma": Function(real(mp.loggamma), [(2.5, 30)], TINY + [1.0, 2.0, 1.5, 2.5, 8.5, 2.5563e305, LARGEST],
                       [(0, 3), (0, 200)], lambda a: a > 0),
    "digamma": Function(polygamma(0), [(2, 30)], TINY + [1.0, 1.46163, 1.4616322, 3.0, 8.0, 1e17, LARGEST],
                        [(0, 3), (1.4, 1.5), (0, 200)], lambda a: a > 0 and abs(a - 1.4616321449683622) > 1e-9),
    "trigamma": Function(polygamma(1), [(0.1, 30)], SIGNED_TINY + POLES + [1.0, 8.0, 1e17, -3.0, 1e300],
                         [(-30, 0), (0, 200)], lambda a: a > -1e15),
    "sigmoid": Function(sigmoid, [MODEST], SIGNED_TINY + [36.7368005696771, -708.3964185322641, -744.0, -745.2,
                        1e5, -1e300], [(-746, 40), (-1, 1)]),
    "softplus": Function(softplus, [MODEST], SIGNED_TINY + [36.7, -708.3964185322641, -744.0, -745.2, 800.0, LARGEST,
                         -1e300], [(-746, 40), (-1, 1)]),
}


# ---- true values -----------------------------------------------------------------------------------


def settled(function: Callable, operands: tuple):
    """The result to AGREED digits: the digits to compute with are raised until they no longer matter."""
    digits = 60
    while True:
        mp.dps = digits
        first = function(*operands)
        if not isinstance(first, mpf):
            return first
        mp.dps = digits * 3 // 2
        second = function(*operands)
        if abs(first - second) <= abs(second) * mpf(10) ** -AGREED:
            return second
        digits *= 2
        if digits > 5000:
            raise ArithmeticError(f"{operands}: no digits in common with {digits} of them")


def split(y) -> tuple:
    """A true result as the nearest f64 and what is left."""
    if isinstance(y, float):
        return y, 0.0
    exact = y if isinstance(y, Fraction) else fraction(y)
    try:
        value = exact.numerator / exact.denominator  # correctly rounded, subnormal numbers included
    except OverflowError:
        return (INFINITY if exact > 0 else -INFINITY), 0.0
    rest = exact - Fraction(value)
    known = abs(rest) > abs(exact) * Fraction(1, 10**40)
    return value, rest.numerator / rest.denominator if known else 0.0


def fraction(y) -> Fraction:
    """An mpf as a fraction; one far outside the range of f64 as another one outside."""
    sign, mantissa, exponent, bits = y._mpf_
    exponent = min(max(exponent, -5000 - bits), 5000)
    whole = Fraction(mantissa) * Fraction(2) ** exponent
    return -whole if sign else whole


def decimal(x: float) -> str:
    mantissa, mark, exponent = repr(x).partition("e")
    return mantissa.removesuffix(".0") + (f"e{int(exponent)}" if mark else "")


def row(name: str, operands: tuple) -> list:
    value, rest = split(settled(FUNCTIONS[name].true, operands))
    texts = [decimal(x) for x in operands] + [""] * (3 - len(operands))
    return [name, *texts, decimal(value), decimal(rest)]


# ---- points ------------------------------------------------------------------------------------------


def single(x: float) -> float:
    """The f32 nearest to x, as long as it has one: such points are there for the f32 engines."""
    try:
        y = struct.unpack("f", struct.pack("f", x))[0]
    except OverflowError:
        return x
    return y if y != 0 else x


def any_bits(chance: random.Random) -> float:
    while True:
        x = struct.unpack("d", chance.randbytes(8))[0]
        if math.isfinite(x):
            return x


def any_single_bits(chance: random.Random) -> float:
    while True:
        x = struct.unpack("f", chance.randbytes(4))[0]
        if math.isfinite(x):
            return x


def sample(name: str) -> list:
    """Points of a function: its edges with their neighbours, its ranges, random magnitudes and bit patterns."""
    function, chance = FUNCTIONS[name], random.Random(name)
    arity = len(function.domain)
    edges = [edge if isinstance(edge, tuple) else (edge,) for edge in function.edges]
    points = list(edges)
    points += [(beside(edge[0], chance), *edge[1:]) for edge in edges]
    points += [tuple(chance.uniform(*ends) for ends in function.domain) for _ in range(20)]
    points += [(chance.uniform(*ends),) for ends in function.ranges for _ in range(12)]
    points += [tuple(magnitude(chance) for _ in range(arity)) for _ in range(12)]
    points = [tuple(map(single, p)) if i % 2 else p for i, p in enumerate(points)]
    points += [tuple(any_single_bits(chance) for _ in range(arity)) for _ in range(8)]
    points += [tuple(any_bits(chance) for _ in range(arity)) for _ in range(12)]
    points += [tuple(near(point[0], chance) for _ in range(arity)) for point in points[-12:] if arity > 1]
    return telling(name, points)


def telling(name: str, points: list) -> list:
    """The points without most of those that share their value: 0, 1, an infinity, NaN."""
    kept, values = [], Counter()
    for operands in points:
        if within(name, operands):
            value = row(name, operands)[4]
            values[value] += 1
            kept += [operands] if values[value] <= 3 else []
    return kept


def beside(x: float, chance: random.Random) -> float:
    """A number a few steps from x."""
    for _ in range(chance.randint(1, 9)):
        x = math.nextafter(x, chance.choice([-INFINITY, INFINITY]) if abs(x) < LARGEST else 0.0)
    return x


def magnitude(chance: random.Random) -> float:
    return chance.choice([-1, 1]) * 10 ** chance.uniform(-12, 5)


def near(x: float, chance: random.Random) -> float:
    """A number some binades from x: random bit patterns alone hardly ever meet."""
    return math.copysign(math.ldexp(x, chance.randint(-30, 30)), chance.choice([-1, 1]))


def within(name: str, operands: tuple) -> bool:
    """Whether the point is of use: operands finite, not zero, and where the row promises something."""
    return all(math.isfinite(x) and x != 0 for x in operands) and FUNCTIONS[name].reach(*operands)


def read(path: Path) -> list:
    """The points of a file, as (name, operands)."""
    with path.open(newline="") as file:
        rows = [line for line in csv.reader(file) if line and line[0] != "function"]
    return [(line[0], tuple(float(x) for x in line[1:4] if x)) for line in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes data/truth.csv anew.")
    parser.add_argument("--new", action="store_true", help="make the points from scratch")
    parser.add_argument("--add", type=Path, action="append", default=[], metavar="FILE",
                        help="bring in the points of FILE")
    options = parser.parse_args()

    fresh = options.new or not FILE.exists()
    points = [(name, p) for name in FUNCTIONS for p in sample(name)] if fresh else read(FILE)
    for path in options.add:
        points += read(path)
    points = {(name, operands) for name, operands in points if within(name, operands)}
    order = {name: i for i, name in enumerate(FUNCTIONS)}

    FILE.parent.mkdir(exist_ok=True)
    with FILE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for name, operands in sorted(points, key=lambda point: (order[point[0]], point[1])):
            writer.writerow(row(name, operands))


if __name__ == "__main__":
    main()
