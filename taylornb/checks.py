"""Are a function's coefficients what its values say, and if not, which is the first that is not?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isnan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .agreement import RTOL, Compared, compared, through
from .array import TaylorArray
from .basis import checked_order
from .containers import flattened, places
from .create import from_coefficients
from .detach import thawed
from .differences import evidence
from .notation import monomial as monomial_text
from .points import Given, Points


def is_normal(f: Callable[..., Any], at: Given, order: int = 4, rtol: float | None = None) -> bool:
    """Whether the coefficients of a function are the derivatives of its own value.

    They are for an ordinary function. For one that contains ⊥, a function of chosen derivatives or a wrong rule they are not.
    The values are differenced with as many digits as that takes, by mpmath.

    Args:
        f: A function of series.
        at: The points: an array for a function of one variable, a mapping from the names of the variables to arrays that
            broadcast for one of several, in the order of its arguments. Vectors of variables, made by `group`, and names for
            groups are given as in `variables`.
        order: The degree through which to look.
        rtol: The relative error that is allowed; by default eps^0.6, 4e-10 in double precision.

    Returns:
        Whether all coefficients of all results are, at every point.

    Raises:
        ImportError: Without mpmath.

    Examples:
        >>> import taylornb as tn
        >>> tn.is_normal(lambda x: tn.exp(tn.sin(x)), at=[0.3, 1.7])
        True
        >>> tn.is_normal(lambda x: x * tn.detach(x), at=[0.3, 1.7])
        False
    """
    return all(found.compared.close.all() for found in beside_values(f, at, order, rtol, Way(frozen=False)))


class Way(NamedTuple):
    """How values are differenced.

    Attributes:
        frozen: Whether ⊥ holds its variables.
        rules: Whether chosen derivatives are to be those of their value.
    """

    frozen: bool = True
    rules: bool = False


class Found(NamedTuple):
    """The coefficients of a result beside differences of its values.

    Attributes:
        compared: The one beside the other.
        at: The points.
        result: The place of the result in the containers of all; empty where there is one.
    """

    compared: Compared
    at: Mapping[str, NDArray[Any]]
    result: str


def beside_values(f: Callable[..., Any], at: Given, order: int, rtol: float | None, way: Way) -> Iterator[Found]:
    """For each result its coefficients beside differences of values.

    Both are found with many digits, so that a rule that is wrong shows at every scale. Then the coefficients as they are, in
    double precision, stand beside them, where the value is the same: at a tie, a decision may hang on its last bit.

    Args:
        f: The function.
        at: The points, as `is_normal` takes them.
        order: The highest degree.
        rtol: The relative error that is allowed.
        way: How values are differenced.

    Raises:
        UnsupportedError: For results that are neither series nor numbers, and functions that cannot be told by their values.
    """
    order, points = checked_order(order), Points.of(at)
    with thawed():
        seeds = points.seeds(order, points.places)
        layout, results = flattened(f(*points.arguments(seeds)))
        found = evidence(f, points, order, way.frozen, way.rules)
    basis, tolerance = next(iter(seeds.values())).basis, np.finfo(np.float64).eps ** RTOL if rtol is None else rtol
    for place, result, one in zip(places(layout), results, found, strict=True):
        largest = np.maximum(np.abs(one.series), np.abs(one.differences))
        bound = tolerance * largest + one.bound
        agree = through(one.series, one.differences, bound, basis)
        yield Found(Compared(basis, one.series, one.differences, bound, agree), points.places, place)
        floats = result if isinstance(result, TaylorArray) else from_coefficients(one.series, basis)
        beside = compared(floats, from_coefficients(one.differences.astype(floats.dtype), basis), rtol)
        same = beside.close[0] & np.isfinite(beside.right)
        yield Found(beside._replace(left=np.where(same, beside.left, beside.right)), points.places, place)


def first_difference(
    found: Compared, names: tuple[str, str], at: Mapping[str, NDArray[Any]] | None = None, result: str = ""
) -> str:
    """What differs first, lowest degrees first, in words; empty where nothing does.

    Args:
        found: Two series beside each other.
        names: What the message calls them.
        at: The points, where the elements are values at these.
        result: Which of several results they are, by its place in the containers.
    """
    wrong = np.argwhere(~found.close)
    if not len(wrong):
        return ""
    monomial, *element = (int(n) for n in wrong[0])
    left, right = (float(array[(monomial, *element)]) for array in (found.left, found.right))
    largest = max(abs(left), abs(right))
    relative = abs(left - right) / largest if largest else float("nan")
    where = f"the coefficient of {monomial_text(found.basis, found.basis.monomials[monomial])}" if monomial else "the value"
    if element:
        where += f" of element [{', '.join(map(str, element))}]"
    if result:
        where += f" of result {result}"
    if at is not None and found.left.shape[1:] == next(iter(at.values())).shape:
        where += f", at {', '.join(f'{name} = {points[tuple(element)]:.6g}' for name, points in at.items())},"
    apart = "" if isnan(relative) else f", apart by {relative:.1e} of the larger"
    more = f"; {len(wrong) - 1} more of {found.left.size} coefficients differ" if len(wrong) > 1 else ""
    return f"{where} is {left!r} in {names[0]} and {right!r} in {names[1]}{apart}{more}"
