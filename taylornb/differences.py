"""What are the coefficients of a function by the rules, and what by differences of its values? Both with many digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from itertools import product
from math import comb, factorial, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .basis import Basis, Exponents
from .containers import flattened
from .errors import UnsupportedError
from .fuse import Fused
from .points import Points
from .worlds import GROUPS, LIVE, RULES, Exact, Numbers, World, world

STEP = 20  # decimal digits of the step: what differences leave out is as much smaller than what they find
SPARE = 40  # digits beyond those that differences cancel


class Evidence(NamedTuple):
    """A result of a function, twice.

    Attributes:
        series: Its coefficients by the rules of taylornb, with many digits.
        differences: Its coefficients by differences of its values.
        bound: What differences leave out, for each coefficient.
    """

    series: NDArray[np.float64]
    differences: NDArray[np.float64]
    bound: NDArray[np.float64]


def evidence(function: Callable[..., Any], points: Points, order: int, frozen: bool, rules: bool) -> list[Evidence]:
    """Each result of a function by its rules and by its values, with so many digits that neither has errors of rounding.

    Args:
        function: Of an array for each variable, or for a vector of them.
        points: The base points.
        order: The highest degree.
        frozen: Whether ⊥ holds its variables at the base point. Otherwise the value is differentiated, as plain finite
            differences would.
        rules: Whether chosen derivatives are to be those of their value.

    Raises:
        ImportError: Without mpmath.
        UnsupportedError: Where the function drops degrees (`keep`), which values do not show, or gives no numbers.
    """
    lengths = {name: _length(at) for name, at in points.places.items()}
    context = _context(_digits(points.places, lengths, order))
    run = function.function if isinstance(function, Fused) else function
    base = {name: _multiprecision(context, at) for name, at in points.places.items()}
    steps = {name: context.mpf(10) ** -STEP * length for name, length in lengths.items()}
    seeds = points.seeds(order, base)
    basis, token, other = next(iter(seeds.values())).basis, GROUPS.set(points.groups), RULES.set(rules)
    try:
        exact = {name: Exact(seed) for name, seed in seeds.items()}
        series = [_numbers(leaf, basis) for leaf in flattened(run(*points.arguments(exact)))[1]]
        values: dict[Exponents, list[Any]] = {}
        for shift in basis.monomials:
            at = {name: _seed(name, base[name], k * steps[name], frozen) for name, k in zip(base, shift, strict=True)}
            values[shift] = [world(leaf).held(LIVE) for leaf in flattened(run(*points.arguments(at)))[1]]
    finally:
        GROUPS.reset(token)
        RULES.reset(other)
    last = context.mpf(10) ** (10 - context.dps)
    return [
        _beside(basis, one, {k: v[n] for k, v in values.items()}, list(steps.values()), last) for n, one in enumerate(series)
    ]


def _beside(basis: Basis, series: Numbers, values: Mapping[Exponents, Any], steps: Sequence[Any], last: Any) -> Evidence:
    """The bound is a billionth of what a displacement by 10^10 steps would change, and the last digits of the values."""
    shape = np.broadcast_shapes(series.shape[1:], *(np.shape(value) for value in values.values()))
    found = [np.asarray(_difference(values, alpha, steps), dtype=object) for alpha in basis.monomials]
    rows = [(np.broadcast_to(one, shape), np.broadcast_to(other, shape)) for one, other in zip(series, found, strict=True)]
    sizes = [np.maximum(abs(one), abs(other)) for one, other in rows]
    bound = []
    for alpha in basis.monomials:
        further = [
            size * prod((10**10 * step) ** (b - a) for a, b, step in zip(alpha, beta, steps, strict=True))
            for size, beta in zip(sizes, basis.monomials, strict=True)
            if beta != alpha and all(b >= a for a, b in zip(alpha, beta, strict=True))
        ]
        rounding = sizes[0] * last / prod(step**a for a, step in zip(alpha, steps, strict=True))
        bound.append(sum(further) / 10**9 + rounding)
    planes = ([one for one, _ in rows], [other for _, other in rows], bound)
    return Evidence(*(np.stack([np.asarray(plane, dtype=np.float64) for plane in part]) for part in planes))


def _numbers(leaf: Any, basis: Basis) -> Numbers:
    """The coefficients of a result; a plain one is a constant."""
    if isinstance(leaf, Exact):
        return np.asarray(leaf.series.coeffs, dtype=object)
    value = np.asarray(leaf)
    if value.dtype.kind not in "Obiuf" or any(not hasattr(item, "__float__") for item in value.flat):
        raise UnsupportedError(f"the function must return series or numbers, and among its results is {leaf!r}")
    return np.concatenate([value[np.newaxis], np.zeros((basis.size - 1, *value.shape), dtype=object)])


def _digits(places: Mapping[str, Numbers], lengths: Mapping[str, float], order: int) -> int:
    """As many as differences cancel, also where a coefficient is as much smaller as the variable is larger than the step."""
    ratios = [
        max(1.0, np.max(np.abs(points[np.isfinite(points)]), initial=1.0)) / lengths[name] for name, points in places.items()
    ]
    return STEP * order + SPARE + int(np.ceil(order * np.log10(max(ratios))))


def _length(points: Numbers) -> float:
    """What a step is small beside: 1, or the point nearest to 0 but not 0, since results may mix elements."""
    sizes = np.abs(np.asarray(points, dtype=np.float64))
    return float(np.min(sizes, initial=1.0, where=(sizes > 0) & np.isfinite(sizes)))


def _seed(name: str, base: Numbers, distance: Any, frozen: bool) -> World:
    if not frozen:
        return World(LIVE, lambda held: base + distance)
    return World(frozenset((name,)), lambda held: base if name in held else base + distance)


def _difference(values: Mapping[Exponents, Any], alpha: Exponents, steps: Sequence[Any]) -> Any:
    """∂^α/α! from the forward difference of the values."""
    below = product(*(range(a + 1) for a in alpha))
    total = sum((-1) ** (sum(alpha) - sum(beta)) * prod(map(comb, alpha, beta)) * values[beta] for beta in below)
    return total / prod(step**a for step, a in zip(steps, alpha, strict=True)) / prod(map(factorial, alpha))


def _multiprecision(context: Any, points: Numbers) -> Numbers:
    return np.asarray(np.frompyfunc(context.mpf, 1, 1)(np.asarray(points, dtype=np.float64)), dtype=object)


def _context(digits: int) -> Any:
    try:
        context = import_module("mpmath").MPContext()
    except ImportError:
        raise ImportError("differences with enough digits need mpmath: pip install mpmath") from None
    context.dps = digits
    return context
