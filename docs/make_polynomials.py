"""What are the numbers in the elementary functions? Writes polynomials.py and tables.py in taylornb/targets/llvm/elementary.

Each polynomial interpolates a smooth function at Chebyshev's nodes, in 60 digits, and is then rounded to the kind: within a
factor of three of the best one, so with one coefficient more than the best needs at most. Run it as
`python docs/make_polynomials.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp, mpf

mp.dps = 60
Function = Callable[[mpf], mpf]


class Shape(NamedTuple):
    """What a polynomial approximates, where, and with how many coefficients in float64 and, if it is needed, in float32."""

    function: Function
    low: mpf
    high: mpf
    counts: tuple[int, ...]


def of_square(function: Function) -> Function:
    """A function of z = x², given as one of x."""
    return lambda z: function(mp.sqrt(z))


def bend_of_atan(t: mpf) -> mpf:
    """What a polynomial in t² is to be for arctan t."""
    return (mp.atan(t) - t) / t**3


def log_gamma_by_zeros(p: mpf) -> mpf:
    """Log Γ(p) without its zeros 1 and 2."""
    return mp.loggamma(p) / ((p - 1) * (p - 2))


def scaled_erfc(t: mpf) -> mpf:
    """(a + 2)·exp(a²)·erfc(a) at a = 2(1 + t)/(1 − t)."""
    a = 2 * (1 + t) / (1 - t)
    return (a + 2) * mp.exp(a * a) * mp.erfc(a)


HALF_LN2, PER_8_PI = mp.ln2 / 2 * mpf("1.001"), mp.pi / 4 * mpf("1.001")
ZERO = mp.findroot(mp.digamma, mpf("1.46"))  # of digamma
SHAPES = {
    "exp": Shape(lambda r: (mp.exp(r) - 1 - r) / r**2, -HALF_LN2, HALF_LN2, (10, 5)),
    "expm1": Shape(lambda r: (mp.exp(r) - 1 - r) / r**2, -mpf("0.289"), mpf("0.407"), (11, 6)),
    "exp2": Shape(lambda r: (mpf(2) ** r - 1) / r, -mpf("0.5005"), mpf("0.5005"), (11, 6)),
    # where tables hold the powers 2^(j/16) and the logarithms of numbers 1/16 apart
    "exp_sixteenth": Shape(lambda r: (mp.exp(r) - 1 - r) / r**2, -HALF_LN2 / 16, HALF_LN2 / 16, (5, 2)),
    "expm1_sixteenth": Shape(lambda r: (mp.exp(r) - 1 - r) / r**2, -HALF_LN2 / 16, HALF_LN2 / 16, (6, 3)),
    "exp2_sixteenth": Shape(lambda r: (mpf(2) ** r - 1) / r, -mpf("0.03126"), mpf("0.03126"), (6, 3)),
    "log_sixteenth": Shape(lambda r: (mp.log1p(r) - r) / r**2, -mpf("0.0313"), mpf("0.0626"), (9, 4)),
    "sinh": Shape(of_square(lambda r: (mp.sinh(r) - r) / r**3), 0, HALF_LN2**2, (5, 3)),
    "cosh": Shape(of_square(lambda r: (mp.cosh(r) - 1) / r**2), 0, HALF_LN2**2, (6, 3)),
    "tanh": Shape(of_square(lambda x: (mp.tanh(x) - x) / x**3), 0, mpf("0.303"), (10, 5)),
    "log": Shape(of_square(lambda w: (2 * mp.atanh(w) - 2 * w) / w**3), 0, mpf("0.02945"), (7, 3)),
    "log_tail": Shape(of_square(lambda w: (mp.atanh(w) / w - 1 - w * w / 3) / w**4), 0, mpf("0.02945"), (8, 3)),
    # for powers of float32 numbers, in float64 but to 40 bits
    "short_exp": Shape(lambda r: (mp.exp(r) - 1 - r) / r**2, -HALF_LN2, HALF_LN2, (7,)),
    "short_log": Shape(of_square(lambda w: (2 * mp.atanh(w) - 2 * w) / w**3), 0, mpf("0.02945"), (5,)),
    "sin": Shape(of_square(lambda r: (mp.sin(r) - r) / r**3), 0, PER_8_PI**2, (6, 3)),
    "cos": Shape(of_square(lambda r: (mp.cos(r) - 1 + r * r / 2) / r**4), 0, PER_8_PI**2, (6, 3)),
    "tan": Shape(of_square(lambda r: (mp.tan(r) - r) / r**3), 0, PER_8_PI**2, (14, 6)),
    # about z = 1/2: about 0 the even and the odd powers, which are summed apart, are large and cancel
    "atan": Shape(lambda u: bend_of_atan(mp.sqrt(u + mpf("0.5"))), -mpf("0.5"), mpf("0.5"), (22, 10)),
    "asin": Shape(of_square(lambda s: (mp.asin(s) - s) / s**3), 0, mpf("0.25"), (13, 6)),
    "atanh": Shape(of_square(lambda w: (mp.atanh(w) - w) / w**3), 0, mpf("0.0441"), (9, 4)),
    "cbrt": Shape(lambda m: m ** (-mpf(1) / 3), 1, 2, (7, 5)),
    # the gamma family is computed in float64 for float32 too
    "sinpi": Shape(of_square(lambda r: mp.sin(mp.pi * r) / r), 0, mpf("0.2501"), (10,)),
    "gammaln": Shape(lambda u: log_gamma_by_zeros(u + mpf("1.75")), -mpf("0.75"), mpf("0.75"), (25,)),
    "digamma": Shape(lambda t: mp.digamma(ZERO + t) / t, 1 - ZERO, 2 - ZERO, (23,)),
    "erf": Shape(of_square(lambda x: mp.erf(x) / x - 1), 0, 1, (13, 7)),
    "erfc": Shape(scaled_erfc, -mpf("0.601"), mpf(26) / 30, (23, 13)),
}


def interpolated(shape: Shape, count: int) -> list[mpf]:
    """The polynomial through `count` points, lowest power first."""
    centre, radius = (mpf(shape.low) + shape.high) / 2, (mpf(shape.high) - shape.low) / 2
    nodes = [centre + radius * mp.cos(mp.pi * (2 * j + 1) / (2 * count)) for j in range(count)]
    least = mpf("1e-20")  # at 0 the functions have a limit, not a value
    nodes = [node if abs(node) > least else least for node in nodes]
    powers = mp.matrix([[node**k for k in range(count)] for node in nodes])
    return list(mp.lu_solve(powers, mp.matrix([shape.function(node) for node in nodes])))


def worst(shape: Shape, coefficients: list[float]) -> float:
    """The largest difference from the function at 200 points, of the function's own size."""
    points = [shape.low + (mpf(shape.high) - shape.low) * (j + mpf("0.37")) / 200 for j in range(200)]
    return float(max(abs(mp.polyval(coefficients[::-1], t) / shape.function(t) - 1) for t in points))


POLYNOMIALS_HEAD = '''"""Which coefficients have the polynomials of the elementary functions, lowest power first?

docs/make_polynomials.py writes this; there are the functions and the intervals, too.
"""

# fmt: off
# name: (float64, float32)
POLYNOMIALS: dict[str, tuple[tuple[float, ...], ...]] = {
'''


def rounded() -> dict[str, list[list[float]]]:
    """The coefficients of every polynomial, for each kind."""
    kinds = (np.float64, np.float32)
    return {
        name: [[kind(float(c)) for c in interpolated(shape, count)] for kind, count in zip(kinds, shape.counts, strict=False)]
        for name, shape in SHAPES.items()
    }


TABLES_HEAD = '''"""Which numbers are in the tables of sixteen that elementary functions read from registers?

docs/make_polynomials.py writes this, and says how they are found.
"""

# fmt: off
# name: (float64, float32)
TABLES: dict[str, tuple[tuple[float, ...], ...]] = {
'''
CANDIDATES = 4000  # neighbours of a number among which the best one is taken


def tables() -> dict[str, list[list[float]]]:
    """The tables, for each kind: 2^(j/16) and what its rounding lost of it, and inverses of numbers with their logarithms.

    A table of inverses may hold any numbers near those of the middles of its intervals. Those are taken whose logarithms are
    nearly numbers of the kind, so that a rounded logarithm is as good as an exact one (Gal's accurate tables).
    """
    found: dict[str, list[list[float]]] = {name: [] for name in ("exp2", "exp2_rest", "inverse", "log")}
    for kind in (np.float64, np.float32):
        exact = [mpf(2) ** (mpf(j) / 16) for j in range(16)]
        powers = [kind(float(x)) for x in exact]
        found["exp2"].append(powers)
        found["exp2_rest"].append([kind(float((x - float(y)) / float(y))) for x, y in zip(exact, powers, strict=True)])
        inverses = [kind(1) if j in (0, 15) else accurate(1 / middle(j), kind) for j in range(16)]  # next to 1 nothing is lost
        found["inverse"].append(inverses)
        found["log"].append([kind(float(-mp.log(float(x)))) + kind(0) for x in inverses])
    return found


def middle(j: int) -> float:
    """The middle of the numbers between 3/4 and 3/2 whose first four binary digits after the point are those of j."""
    return (16 + j + 0.5) / (16 if j < 8 else 32)


def accurate(x: float, kind: type[np.floating[Any]]) -> np.floating[Any]:
    """The number near x whose logarithm is nearest to a number of the kind, in units of its last place."""
    step = float(np.spacing(kind(x)))
    near = [kind(x + n * step) for n in range(-CANDIDATES // 2, CANDIDATES // 2)]

    def lost(number: np.floating[Any]) -> float:
        exact = mp.log(float(number))
        return abs(float((exact - float(kind(float(exact)))) / float(np.spacing(kind(float(exact))))))

    return min(near, key=lost)


def page(head: str, found: dict[str, list[list[float]]]) -> str:
    """The module that holds them all."""
    lines = [head]
    for name, rows in found.items():
        lines.append(f'    "{name}": (\n')
        for numbers in rows:
            row = fill(" ".join(f"{number!s}," for number in numbers), 120, initial_indent=" " * 12, subsequent_indent=" " * 12)
            lines.append(f"        (\n{row}\n        ),\n")
        lines.append("    ),\n")
    return "".join([*lines, "}\n"])


if __name__ == "__main__":
    found = rounded()
    for name, rows in found.items():
        print(f"{name:10}", *(f"{worst(SHAPES[name], [float(c) for c in numbers]):.1e}" for numbers in rows))
    folder = Path(__file__).parent.parent / "taylornb/targets/llvm/elementary"
    (folder / "polynomials.py").write_text(page(POLYNOMIALS_HEAD, found))
    (folder / "tables.py").write_text(page(TABLES_HEAD, tables()))
