"""What are the derivatives of a program that contains ⊥, told without any series?

Frozen worlds: a number carries one value for each set T of variables held at the base point. Ordinary
operations act world by world, (⊥_S u)[T] = u[T ∪ S], and the program's result is u[∅], an ordinary function of the
displacements. This file evaluates that function on a tiny lattice, with enough digits to difference it, and imports
nothing from the code under test.
"""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import mpmath
import numpy as np

# Forward differences with step h lose order·25 digits and are wrong by h: order 4 in 140 digits leaves 25 right.
DIGITS = 140
STEP_DIGITS = 25
HIGHEST_ORDER = 4
# Two values closer than this may be ordered differently after rounding to double precision.
CLOSE = 1e-9

mp = mpmath.MPContext()
mp.dps = DIGITS
STEP = mp.mpf(10) ** -STEP_DIGITS
LIVE = frozenset()


class TieError(Exception):
    """A decision of the program hangs on two values that rounding could swap."""


class Number:
    """One value for each set of frozen variables, each computed when it is asked for."""

    def __init__(self, names, world):
        self.names, self._world, self._known = frozenset(names), world, {}

    def __getitem__(self, frozen):
        frozen = frozenset(frozen) & self.names
        if frozen not in self._known:
            self._known[frozen] = self._world(frozen)
        return self._known[frozen]

    @property
    def base(self):
        """The value where every variable is frozen: what `if`, `where` and `max` may look at."""
        return self[self.names]

    def __add__(self, other):
        return lift(lambda a, b: a + b)(self, other)

    def __sub__(self, other):
        return lift(lambda a, b: a - b)(self, other)

    def __mul__(self, other):
        return lift(lambda a, b: a * b)(self, other)

    def __truediv__(self, other):
        return lift(lambda a, b: a / b)(self, other)

    def __pow__(self, other):
        return lift(lambda a, b: a**b)(self, other)

    def __radd__(self, other):
        return number(other) + self

    def __rsub__(self, other):
        return number(other) - self

    def __rmul__(self, other):
        return number(other) * self

    def __rtruediv__(self, other):
        return number(other) / self

    def __neg__(self):
        return lift(lambda a: -a)(self)

    def __gt__(self, other):
        return greater(self, number(other))


def number(value):
    """A plain number is the same in every world."""
    return value if isinstance(value, Number) else Number((), lambda frozen: exact(value))


def exact(value):
    """Integers stay integers, so that u**3 is a product and not an exponential."""
    return value if isinstance(value, (int, mp.mpf)) else mp.mpf(float(value))


def lift(function):
    """An ordinary function, acting world by world."""

    def lifted(*arguments):
        arguments = tuple(number(argument) for argument in arguments)
        names = LIVE.union(*(argument.names for argument in arguments))
        return Number(names, lambda frozen: function(*(argument[frozen] for argument in arguments)))

    return lifted


def detach(u, *names):
    """⊥_S: (⊥_S u)[T] = u[T ∪ S]; without names every variable is frozen."""
    frozen_here = frozenset(names) or u.names
    return Number(u.names, lambda frozen: u[frozen | frozen_here])


def greater(u, v):
    """Is u > v? A decision contains a ⊥: it looks at the base point in every world."""
    gap = u.base - v.base
    if abs(gap) < CLOSE:
        raise TieError
    return Number((), lambda frozen: gap > 0)


def where(condition, u, v):
    return lift(lambda chosen, a, b: a if chosen else b)(condition, u, v)


def maximum(u, v):
    return where(greater(number(u), number(v)), u, v)


def minimum(u, v):
    return where(greater(number(u), number(v)), v, u)


def absolute(u):
    return where(greater(u, number(0)), u, -u)


ORDINARY = {
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "exp": mp.exp,
    "expm1": mp.expm1,
    "log": mp.ln,
    "log1p": mp.log1p,
    "sqrt": mp.sqrt,
    "tanh": mp.tanh,
    "arctan": mp.atan,
    "arcsin": mp.asin,
    "arcsinh": mp.asinh,
    "erf": mp.erf,
    "expit": lambda a: 1 / (1 + mp.exp(-a)),
    "logaddexp": lambda a, b: mp.ln(mp.exp(a) + mp.exp(b)),
    "hypot": mp.hypot,
    "arctan2": mp.atan2,
    "digamma": mp.digamma,
}
FUNCTIONS = SimpleNamespace(
    **{name: lift(function) for name, function in ORDINARY.items()},
    abs=absolute,
    where=where,
    maximum=maximum,
    minimum=minimum,
    detach=detach,
)


def lattice(dimension, order):
    """Every exponent of total degree at most `order`: the monomials, and the points that determine them."""
    everything = itertools.product(range(order + 1), repeat=dimension)
    return sorted((alpha for alpha in everything if sum(alpha) <= order), key=sum)


def seeds(base):
    """The coefficients of x + ε for each variable: what a program is given when its variables are its arguments."""
    unit = np.eye(len(base), dtype=int)
    origin = (0,) * len(base)
    return [{origin: value, tuple(unit[i].tolist()): 1} for i, value in enumerate(base.values())]


def displaced(argument, names, shift):
    """A polynomial in the variables at one lattice point: displaced where they are live, at the base where frozen."""
    terms = [(alpha, exact(c)) for alpha, c in argument.items() if c]

    def world(frozen):
        at = [0 if name in frozen else steps * STEP for name, steps in zip(names, shift, strict=True)]
        return mp.fsum(c * math.prod(x**power for x, power in zip(at, alpha, strict=True)) for alpha, c in terms)

    return Number(names, world)


def difference(values, alpha):
    """∂^α/α! from the forward difference Δ^α of the lattice values."""
    below = itertools.product(*(range(a + 1) for a in alpha))
    total = mp.fsum((-1) ** (sum(alpha) - sum(beta)) * math.prod(map(math.comb, alpha, beta)) * values[beta] for beta in below)
    return total / (STEP ** sum(alpha) * math.prod(map(math.factorial, alpha)))


def coefficients(nodes, arguments, names, order):
    """The normalised coefficients, by exponent, of each number in the list that nodes(*arguments) returns.

    Each argument is a dictionary of its own coefficients by exponent: `seeds` for plain variables.
    """
    if order > HIGHEST_ORDER:
        raise ValueError(f"{DIGITS} digits are enough for order {HIGHEST_ORDER}, not {order}")
    points = lattice(len(names), order)
    live = {}
    for shift in points:
        numbers = nodes(*(displaced(argument, names, shift) for argument in arguments))
        live[shift] = [number(node)[LIVE] for node in numbers]
    count = len(live[points[0]])
    by_node = [{shift: live[shift][i] for shift in points} for i in range(count)]
    return [{alpha: difference(values, alpha) for alpha in points} for values in by_node]


def length_scale(largest):
    """How far one may go before some node's series stops being governed by the size of its values.

    `largest[j]` is the largest coefficient of degree j among all nodes. The root test reads off the radius h at which
    every term |w_j| h^j has shrunk to the largest value. Inputs are seeded x + ε: values count for 1 at least, and h for 1
    at most.
    """
    size = np.maximum(1.0, largest[0])
    radii = [(size / np.maximum(size, top)) ** (1 / j) for j, top in enumerate(largest) if j]
    return np.min([np.ones_like(size), *radii], axis=0)


def floor(nodes, degrees):
    """eps·max_j |w_j| h^(j-k) for each degree k: what one rounding of the largest term leaves behind.

    The maximum runs over every node of the program and not over its result alone, because a difference of two nearly
    equal numbers inherits their roundings. `nodes` is a list of (K, *shape) coefficient arrays, `degrees` is (K,).
    """
    sizes = np.abs(np.stack([np.asarray(node, dtype=float) for node in nodes]))
    largest = [sizes[:, degrees == j].max(axis=(0, 1)) for j in range(max(degrees) + 1)]
    h = length_scale(largest)
    scale = np.max([top * h**j for j, top in enumerate(largest)], axis=0)
    return np.finfo(float).eps * np.stack([scale * h ** -float(k) for k in degrees])


def excess(got, want, rtol, floors):
    """By how many bounds the worst coefficient is off: at most 1 where two series agree."""
    got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    bound = rtol * np.maximum(np.abs(got), np.abs(want)) + floors
    off = np.abs(got - want)
    return float(np.max(np.where(off == 0, 0.0, off / np.maximum(bound, np.finfo(float).tiny))))
