"""Helpers for test suites: assertions about series and functions, and how often these were traced and compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .agreement import Agreement, agree_to, compared, results_at
from .basis import checked_order
from .checks import Way, beside_values, first_difference
from .fuse import Fused
from .kernels import compilations
from .points import Given, Points


@dataclass
class Counts:
    """What happened inside `counting`.

    Attributes:
        traces: Tracings of the functions that were given.
        compilations: Kernels made, by all functions together.
    """

    traces: int = 0
    compilations: int = 0


@contextmanager
def counting(*functions: Fused) -> Iterator[Counts]:
    """Count tracings and compilations; the counts are there when the block ends.

    Args:
        *functions: The fused functions whose tracings count.

    Examples:
        >>> import taylornb as tn
        >>> f = tn.fuse(lambda x: tn.exp(x) + 1.25)
        >>> x = tn.variable([0.0, 1.0], order=2)
        >>> with counting(f) as first:
        ...     y = f(x)
        >>> with counting(f) as second:
        ...     y = f(2 + x)
        >>> first.traces, first.compilations, second.traces, second.compilations
        (1, 1, 0, 0)
    """
    traces, made = sum(f.traces for f in functions), compilations()
    counts = Counts()
    yield counts
    counts.traces = sum(f.traces for f in functions) - traces
    counts.compilations = compilations() - made


def assert_agree(u: Any, v: Any, order: int | None = None, rtol: float | None = None) -> None:
    """Raise AssertionError unless two series agree, through a total degree or in every coefficient.

    Args:
        u: A series, an array or a number.
        v: Another on the same basis; the two broadcast.
        order: The degree; by default that of the basis.
        rtol: The relative error that is allowed (`taylornb.agree_to`).

    Raises:
        AssertionError: It names the first coefficient that differs, and shows both.
        BasisError: For series over different bases.
        ValueError: Where shapes do not broadcast.

    Examples:
        >>> import taylornb as tn
        >>> p = tn.variable(0.5, order=3)
        >>> assert_agree(p / tn.detach(p), tn.box(tn.log(p)))
        >>> assert_agree(p / tn.detach(p), 1 + tn.log(p) - tn.detach(tn.log(p)), order=2)
        Traceback (most recent call last):
            ...
        AssertionError: series agree through degree 1, not 2: the coefficient of ε² is 0.0 in the first and -2.0 in the \
second, apart by 1.0e+00 of the larger; 1 more of 4 coefficients differ
    """
    found = compared(u, v, rtol)
    asked = found.basis.order if order is None else checked_order(order)
    if asked > found.basis.order:
        raise ValueError(f"the series are known to order {found.basis.order}, which says nothing of degree {asked}")
    through = int(found.through.min(initial=found.basis.order))
    if through < asked:
        agree = f"agree through degree {through}" if through >= 0 else "differ in value"
        raise AssertionError(f"series {agree}, not {asked}: {first_difference(found, ('the first', 'the second'))}")


def check_derivatives(f: Callable[..., Any], at: Given, order: int = 2, rtol: float | None = None, rules: bool = False) -> None:
    """Raise AssertionError unless every coefficient of a function is what its values say, ⊥ taken into account.

    The function is evaluated on plain numbers with many digits, with the variables that ⊥ names held at the base point (frozen
    worlds), and differenced. So it is right where plain finite differences are not, and finds a wrong custom rule. The rules
    are evaluated with as many digits. The coefficients in double precision are compared, too, where the value is the same: at
    a tie, its last bit may decide for another one.

    Args:
        f: A function of series, plain or made by `taylornb.fuse`.
        at: The points: an array for a function of one variable, a mapping from the names of the variables to arrays that
            broadcast for one of several, in the order of its arguments. Vectors of variables, made by `group`, and names for
            groups are given as in `variables`.
        order: The highest degree that is checked.
        rtol: The relative error that is allowed; by default eps^0.6, 4e-10 in double precision.
        rules: Whether the derivatives of functions made by `taylornb.weird` are to be those of their values. By default they
            are what was chosen. Those of functions made by `taylornb.define` are always checked.

    Raises:
        AssertionError: It names the first coefficient that is wrong, and the point.
        UnsupportedError: For a function that drops degrees (`keep`), which values do not show.
        ImportError: Without mpmath.

    Examples:
        >>> import taylornb as tn
        >>> check_derivatives(lambda x: x * tn.detach(x), at=[0.3, 1.7])
        >>> wrong = tn.define("wrong", value=lambda x: tn.exp(2 * x), rate=lambda x, y: y)
        >>> check_derivatives(wrong, at=[0.0])
        Traceback (most recent call last):
            ...
        AssertionError: the coefficient of ε of element [0], at x = 0, is 1.0 in the function and 2.0 in its values, \
apart by 5.0e-01 of the larger; 1 more of 3 coefficients differ
    """
    for found, places, result in beside_values(f, at, order, rtol, Way(rules=rules)):
        text = first_difference(found, ("the function", "its values"), places, result)
        if text:
            raise AssertionError(text)


def assert_normal(f: Callable[..., Any], at: Given, order: int = 4, rtol: float | None = None) -> None:
    """Raise AssertionError unless the coefficients of a function are the derivatives of its own value (`taylornb.is_normal`).

    Args:
        f: A function of series.
        at: The points, as `check_derivatives` takes them.
        order: The degree through which to look.
        rtol: The relative error that is allowed.

    Raises:
        AssertionError: It names the first coefficient that is another, and the point.
        ImportError: Without mpmath.
    """
    for found, places, result in beside_values(f, at, order, rtol, Way(frozen=False)):
        text = first_difference(found, ("the function", "the differences of its values"), places, result)
        if text:
            raise AssertionError(text)


def assert_functions_agree(
    f: Callable[..., Any], g: Callable[..., Any], at: Given, order: int, rtol: float | None = None
) -> None:
    """Raise AssertionError unless two functions agree at generic points (`taylornb.agree_to`).

    Args:
        f: A function of series.
        g: Another of the same arguments.
        at: Given between which generic ones are drawn, as `check_derivatives` takes them.
        order: The degree through which they are to agree.
        rtol: The relative error that is allowed.

    Raises:
        AssertionError: It says through which degree they agree, where no further, and what differs there first.
    """
    found = agree_to(f, g, at=at, order=order, rtol=rtol)
    if found < order:
        assert isinstance(found, Agreement)
        there = dict(results_at(f, g, Points.of(at), found.at, order, (rtol, None)))[found.result]
        text = first_difference(there, ("the first", "the second"))
        raise AssertionError(f"the functions agree through degree {found!r}, not {order}: there {text}")
