"""What random programs may the library be asked to run, without ever leaving a function's domain?

A program is data: a list of moves on earlier numbers. It runs on anything that has arithmetic and a namespace of
functions: frozen worlds, Taylor arrays, tracers. Every move maps numbers of ordinary size to numbers of ordinary size and
keeps its arguments inside the domain by construction, so a disagreement is never an ill-conditioned program.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

NAMES = ("x", "y", "z")
# A move whose result could be larger than this is scaled down by a power of two, which rounds nothing.
LARGEST = 4.0
E = math.e


@dataclass(frozen=True)
class Move:
    """One form of expression: how many numbers it takes, the form, and a bound on its size from theirs."""

    arity: int
    form: Callable
    bound: Callable


MOVES = {
    "negate": Move(1, lambda f, u: -u, lambda a: a),
    "scale": Move(1, lambda f, u: 0.7 * u, lambda a: a),
    "shift": Move(1, lambda f, u: u + 1.3, lambda a: a + 1.3),
    "complement": Move(1, lambda f, u: 1 - u, lambda a: a + 1),
    "square": Move(1, lambda f, u: u**2, lambda a: a * a),
    "cube": Move(1, lambda f, u: u**3, lambda a: a**3),
    "reciprocal": Move(1, lambda f, u: 1 / (2 + f.sin(u)), lambda a: 1),
    "inverse square": Move(1, lambda f, u: (2 + f.sin(u)) ** -2, lambda a: 1),
    "real power": Move(1, lambda f, u: (2 + f.cos(u)) ** 0.7, lambda a: 2.2),
    "sqrt": Move(1, lambda f, u: f.sqrt(1 + u * u), lambda a: 1 + a),
    "exp": Move(1, lambda f, u: f.exp(f.sin(u)), lambda a: E),
    "gauss": Move(1, lambda f, u: f.exp(-u * u), lambda a: 1),
    "expm1": Move(1, lambda f, u: f.expm1(f.sin(u)), lambda a: E),
    "log": Move(1, lambda f, u: f.log(2 + f.sin(u)), lambda a: 1.1),
    "log1p": Move(1, lambda f, u: f.log1p(u * u), lambda a: a),
    "sin": Move(1, lambda f, u: f.sin(u), lambda a: 1),
    "fast sin": Move(1, lambda f, u: f.sin(3 * u), lambda a: 1),
    "cos": Move(1, lambda f, u: f.cos(u), lambda a: 1),
    "tan": Move(1, lambda f, u: f.tan(f.sin(u)), lambda a: 1.6),
    "tanh": Move(1, lambda f, u: f.tanh(u), lambda a: 1),
    "arctan": Move(1, lambda f, u: f.arctan(u), lambda a: 1.6),
    "arcsin": Move(1, lambda f, u: f.arcsin(0.75 * f.sin(u)), lambda a: 1),
    "arcsinh": Move(1, lambda f, u: f.arcsinh(u), lambda a: a),
    "expit": Move(1, lambda f, u: f.expit(u), lambda a: 1),
    "erf": Move(1, lambda f, u: f.erf(u), lambda a: 1),
    "abs": Move(1, lambda f, u: f.abs(u), lambda a: a),
    "digamma": Move(1, lambda f, u: f.digamma(3 + f.sin(u)), lambda a: 1.3),
    "add": Move(2, lambda f, u, v: u + v, lambda a, b: a + b),
    "subtract": Move(2, lambda f, u, v: u - v, lambda a, b: a + b),
    "multiply": Move(2, lambda f, u, v: u * v, lambda a, b: a * b),
    "divide": Move(2, lambda f, u, v: u / (2 + f.cos(v)), lambda a, b: a),
    "damp": Move(2, lambda f, u, v: u / (1 + v * v), lambda a, b: a),
    "power": Move(2, lambda f, u, v: (2 + f.sin(u)) ** f.cos(v), lambda a, b: 3),
    "logaddexp": Move(2, lambda f, u, v: f.logaddexp(u, v), lambda a, b: max(a, b) + 0.7),
    "hypot": Move(2, lambda f, u, v: f.hypot(u, 2 + f.sin(v)), lambda a, b: a + 3),
    "arctan2": Move(2, lambda f, u, v: f.arctan2(u, 2 + f.sin(v)), lambda a, b: 1.6),
    "maximum": Move(2, lambda f, u, v: f.maximum(u, v), max),
    "minimum": Move(2, lambda f, u, v: f.minimum(u, v), max),
    "where": Move(3, lambda f, u, v, w: f.where(u > v, w, u), max),
    "detach": Move(1, lambda f, u: f.detach(u), lambda a: a),
    "rise": Move(1, lambda f, u: u - f.detach(u), lambda a: a),
    "weight": Move(1, lambda f, u: f.exp(f.sin(u)) / f.detach(f.exp(f.sin(u))), lambda a: E * E),
    "box": Move(1, lambda f, u: f.exp(u - f.detach(u)), lambda a: 1),
    "surrogate": Move(2, lambda f, u, v: u * f.detach(v), lambda a, b: a * b),
}
DETACHING = ("detach", "rise", "weight", "box", "surrogate", "surrogate", "freeze", "freeze", "freeze")
ALONE = tuple(name for name, move in MOVES.items() if move.arity == 1 and name not in DETACHING)
TOGETHER = tuple(name for name, move in MOVES.items() if move.arity > 1 and name not in DETACHING)
# Shares for what detaches, what transforms and what combines: a chain of single functions forgets its variables.
KINDS = (DETACHING, ALONE, ALONE, TOGETHER, TOGETHER)


@dataclass(frozen=True)
class Step:
    """A move, the positions of its arguments, the names it freezes (for "freeze"), and the scaling that keeps it small."""

    move: str
    arguments: tuple[int, ...]
    frozen: tuple[str, ...] = ()
    damping: float = 1.0

    def __call__(self, functions, numbers):
        arguments = [numbers[i] for i in self.arguments]
        if self.move == "freeze":
            return functions.detach(arguments[0], *self.frozen)
        result = MOVES[self.move].form(functions, *arguments)
        return result if self.damping == 1.0 else self.damping * result


@dataclass(frozen=True)
class Program:
    """Variables at a generic base point, an order, and the steps; the last step is the result."""

    base: tuple[tuple[str, float], ...]
    order: int
    steps: tuple[Step, ...]

    def nodes(self, functions, *variables):
        """Every number of the program, the variables first and the result last."""
        numbers = list(variables)
        for step in self.steps:
            numbers.append(step(functions, numbers))
        return numbers

    def function(self, functions):
        """The program as an ordinary function of its variables."""
        return lambda *variables: self.nodes(functions, *variables)[-1]


def seeded(seed, size=7, order=None):
    """The program of a seed; a smaller size is a beginning of the same program. One of its first two steps detaches."""
    choose = random.Random(seed).choice
    names = NAMES[: choose((1, 2, 2, 3))]
    base = tuple((name, generic(choose(range(-40, 41)))) for name in names)
    drawn_order, detaching = choose((1, 2, 3, 4, 4)), choose((0, 1))
    bounds = [1.5] * len(names)
    steps = tuple(build_step(choose, bounds, names, position == detaching) for position in range(size))
    return Program(base, drawn_order if order is None else order, steps)


def generic(k):
    """A base value that is neither 0 nor 1 nor a ratio of small numbers, in (-1.4, 1.4)."""
    return (k + 0.3719) / 29.173


def build_step(choose, bounds, names, detaching):
    """One step on the numbers so far; its first argument is recent, so that little of the program is dead."""
    move = choose(DETACHING if detaching else choose(KINDS))
    arity = 1 if move == "freeze" else MOVES[move].arity
    recent = range(max(0, len(bounds) - 2), len(bounds))
    arguments = (choose(recent), *(choose(range(len(bounds))) for _ in range(arity - 1)))
    frozen = tuple(choose(subsets(names))) if move == "freeze" else ()
    size = float(bounds[arguments[0]] if move == "freeze" else MOVES[move].bound(*(bounds[i] for i in arguments)))
    damping = 2.0 ** -max(0, math.ceil(math.log2(max(size, 1e-3) / LARGEST)))
    bounds.append(size * damping)
    return Step(move, arguments, frozen, damping)


def subsets(names):
    """The non-empty sets of names."""
    return [tuple(n for i, n in enumerate(names) if mask >> i & 1) for mask in range(1, 2 ** len(names))]


def programs(sizes=range(2, 8), order=None):
    """Hypothesis: a random program, made smaller while it fails.

    It draws a seed and not each decision, for the decisions Hypothesis draws are not independent: it repeats and
    simplifies them, and a third of the programs would forget their variables.
    """
    return st.builds(seeded, st.integers(0, 2**20), st.integers(sizes.start, sizes.stop - 1), st.just(order))


OF_NUMPY = (
    *("sin", "cos", "tan", "exp", "expm1", "log", "log1p", "sqrt", "tanh", "arctan", "arcsin", "arcsinh"),
    *("logaddexp", "hypot", "arctan2", "abs", "maximum", "minimum", "where"),
)
OF_LIBRARY = ("erf", "expit", "digamma", "detach")


def surface(library):
    """The functions a program may call, as a NumPy user finds them: NumPy's own where NumPy has them."""
    sources = ((np, OF_NUMPY), (library, OF_LIBRARY))
    return SimpleNamespace(**{name: getattr(source, name) for source, names in sources for name in names})


def series(library, program, offsets=0.0):
    """Arguments that are no fresh variables: full series, of which none, one or all variables are then frozen."""
    basis = library.Basis(variables=tuple(dict(program.base)), order=program.order)
    rng = np.random.default_rng(len(program.steps) + round(1e6 * abs(program.base[0][1])))
    frozen = [(), (), basis.variables, *((name,) for name in basis.variables)]
    for _, value in program.base:
        coeffs = rng.uniform(-0.6, 0.6, (basis.size, *np.shape(offsets)))
        coeffs[0] = value + offsets
        yield library.detach(library.from_coefficients(coeffs, basis), frozen[rng.integers(len(frozen))])


def repeatable(examples):
    """The same examples on every run and every machine, and no clock."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
