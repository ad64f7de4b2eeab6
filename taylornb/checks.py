"""Are a function's coefficients what its values say, and if not, which is the first that is not?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .agreement import Compared, Points, compared, groups_of, points_of
from .array import TaylorArray
from .containers import flattened
from .create import from_coefficients, variables
from .errors import UnsupportedError
from .notation import monomial as monomial_text
from .worlds import differences


def is_normal(f: Callable[..., Any], at: Points, order: int = 4, rtol: float | None = None) -> bool:
    """Whether the coefficients of a function are the derivatives of its own value.

    They are for an ordinary function. For one that contains ⊥, a function of chosen derivatives or a wrong rule they are not.
    The values are differenced with as many digits as that takes, by mpmath.

    Args:
        f: A function of series.
        at: The points: an array for a function of one variable, a mapping from the names of the variables to arrays that
            broadcast for one of several, in the order of its arguments. A tuple of names is a group of variables.
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
    return all(found.close.all() for found, _ in beside_values(f, at, order, rtol, frozen=False))


def beside_values(
    f: Callable[..., Any], at: Points, order: int, rtol: float | None, frozen: bool
) -> Iterator[tuple[Compared, Mapping[str, NDArray[Any]]]]:
    """For each result its coefficients beside differences of values, and the points.

    Args:
        f: The function.
        at: The points, as `is_normal` takes them.
        order: The highest degree.
        rtol: The relative error that is allowed.
        frozen: Whether ⊥ holds its variables while the values are differenced.

    Raises:
        UnsupportedError: For results that are not series.
    """
    places, groups = points_of(at), groups_of(at)
    _, results = flattened(f(*variables(order, **places, **groups)))
    for result, coefficients in zip(results, differences(f, places, order, frozen, groups), strict=True):
        if not isinstance(result, TaylorArray):
            raise UnsupportedError(f"the function must return series, and among its results is a {type(result).__name__}")
        yield compared(result, from_coefficients(coefficients.astype(result.dtype), result.basis), rtol), places


def first_difference(found: Compared, names: tuple[str, str], places: Mapping[str, NDArray[Any]] | None = None) -> str:
    """What differs first, lowest degrees first, in words; empty where nothing does.

    Args:
        found: Two series beside each other.
        names: What the message calls them.
        places: The points, where the elements are values at these.
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
    if places is not None and element:
        at = ", ".join(f"{name} = {np.broadcast_to(p, found.left.shape[1:])[tuple(element)]:.6g}" for name, p in places.items())
        where += f", at {at},"
    apart = "" if isnan(relative) else f", apart by {relative:.1e} of the larger"
    more = f"; {len(wrong) - 1} more of {found.left.size} coefficients differ" if len(wrong) > 1 else ""
    return f"{where} is {left!r} in {names[0]} and {right!r} in {names[1]}{apart}{more}"
