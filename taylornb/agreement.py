"""Through which degree do two series agree, or two functions at generic points?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .array import TaylorArray
from .basis import PLAIN, Basis, checked_order, same_basis
from .containers import Tree, flattened, places, rebuilt
from .detach import thawed
from .errors import UnsupportedError
from .functions import Function
from .launch import broadcast_shape
from .operand import real_array
from .ops import equal as values_equal
from .points import Given, Points

ROUNDINGS = 64  # of the largest term that may be left where everything else cancels
EQUAL = Function(values_equal)
RTOL = 0.6  # the power of the rounding unit that is the default tolerance: 4e-10 in double precision, 7e-5 in single


class Agreement(int):
    """The degree through which two functions agree, −1 where not even their values do.

    Attributes:
        at: The point where they agree least: for each variable its value.
        result: Which of several results agrees least, by its place in the containers, such as `[1]`.
    """

    at: dict[str, float]
    result: str

    def __new__(cls, degree: int, at: Mapping[str, float], result: str = "") -> Agreement:
        """A number that knows where it was found."""
        self = super().__new__(cls, degree)
        self.at, self.result = dict(at), result
        return self

    def __repr__(self) -> str:
        where = ", ".join(f"{name} = {value:.6g}" for name, value in self.at.items())
        return f"{int(self)}{' in result ' * bool(self.result)}{self.result} at {where}"


class Compared(NamedTuple):
    """Two series beside each other.

    Attributes:
        basis: Their monomials.
        left, right: Their coefficients, (basis.size, *shape).
        bound: By how much each coefficient may differ.
        through: The degree through which they agree, for each element.
    """

    basis: Basis
    left: NDArray[Any]
    right: NDArray[Any]
    bound: NDArray[Any]
    through: NDArray[np.int64]

    @property
    def close(self) -> NDArray[np.bool_]:
        """Which coefficients agree."""
        return _close(self.left, self.right, self.bound)


def agree_to(
    u: Any, v: Any, *, at: Given | None = None, order: int | None = None, rtol: float | None = None, scale: float | None = None
) -> int:
    """The highest total degree through which two series agree in every element; −1: not even in value.

    Coefficients agree where |u_α − v_α| ≤ max(rtol·max(|u_α|, |v_α|), roundings). A rounding is one of the largest term within
    the length h on which the series changes: eps·max_j |u_j| h^(j−k) in degree k. h is at most the scale, and less where the
    coefficients grow faster. Infinities of one sign agree, NaN never do.

    Args:
        u: A series, an array or a number; or a function of series.
        v: Another on the same basis, or another function. Functions may return several results, in equal containers.
        at: For functions, the points to compare at: an array for functions of one variable, a mapping from the names of the
            variables to arrays that broadcast for functions of several, in the order of their arguments. At special points
            coefficients coincide that differ everywhere else, so that generic points are drawn between the lowest and the
            highest of each variable, or around a single one, too. The functions are called with one point at a time.
            Vectors of variables, made by `group`, and names for groups are given as in `variables`.
        order: For functions, the degree through which to compare.
        rtol: The relative error that is allowed; by default eps^0.6, 4e-10 in double precision.
        scale: The length on which the functions change, 1 by default. With one that is too small (log x near 10⁶ changes on a
            length of 10⁶) coefficients that are small beside the value count as roundings; with one that is too large, the
            other way round.

    Returns:
        The degree, at most the order. For functions an `Agreement`: the lowest degree, and the point and result where it was
        found.

    Raises:
        BasisError: For series over different bases.
        ValueError: Where shapes do not broadcast, or functions return other containers.
        TypeError: For functions without `at` and `order`, and series with them.

    Examples:
        >>> import taylornb as tn
        >>> p = tn.variable([0.4, 1.8], order=8)
        >>> tn.agree_to(p / tn.detach(p), 1 + tn.log(p) - tn.detach(tn.log(p)))
        1
        >>> tn.agree_to(lambda x: x * tn.detach(x), lambda x: x**2, at=[1.0, 2.0], order=4)
        0 at x = 1
    """
    if callable(u) and callable(v) and at is not None and order is not None:
        return _lowest(u, v, at, checked_order(order), rtol, scale)
    if callable(u) or callable(v):
        raise TypeError("two functions are compared as in tn.agree_to(f, g, at=[0.5, 2.0], order=4)")
    if at is not None or order is not None:
        raise TypeError("at= and order= go with two functions; series are compared where they are, to their own order")
    return int(compared(u, v, rtol, scale=scale).through.min(initial=_order(u, v)))


def _lowest(f: Any, g: Any, at: Given, order: int, rtol: float | None, scale: float | None) -> Agreement:
    """The lowest degree of two functions at generic points."""
    points, lowest = Points.of(at), Agreement(order, {})
    drawn = points.generic()
    for values in zip(*drawn.values(), strict=True):
        point = {name: float(value) for name, value in zip(drawn, values, strict=True)}
        for result, found in results_at(f, g, points, point, order, (rtol, scale)):
            through = int(found.through.min(initial=order))
            if through < lowest or not lowest.at:
                lowest = Agreement(through, point, result)
    return lowest


def results_at(
    f: Any, g: Any, points: Points, point: Mapping[str, float], order: int, errors: tuple[float | None, float | None]
) -> Iterator[tuple[str, Compared]]:
    """The results of two functions at one point beside each other, with the place of each; the errors are rtol and scale."""
    seeds = points.seeds(order, {name: np.array([value]) for name, value in point.items()})
    basis, (rtol, scale) = next(iter(seeds.values())).basis, errors
    with thawed():  # whatever is frozen where they are compared
        beside = list(_beside(f(*points.arguments(seeds)), g(*points.arguments(seeds))))
        found = [(result, compared(left, right, rtol, basis, scale)) for result, left, right in beside]
    return iter(found)


def _beside(u: Tree, v: Tree) -> Iterator[tuple[str, Any, Any]]:
    """The results of two functions beside each other, with the place of each."""
    (layout, left), (other, right) = flattened(u), flattened(v)
    if layout != other or not left:
        one, two = (rebuilt(containers, [...] * len(leaves)) for containers, leaves in ((layout, left), (other, right)))
        raise ValueError(f"the functions return {one} and {two}; compare functions that return results, in the same containers")
    return zip(places(layout), left, right, strict=True)


def equal(u: Any, v: Any, *, order: int | None = None, rtol: float | None = None) -> Any:
    """Whether values are equal, as numpy.equal; with an order, whether series agree through that total degree.

    Args:
        u: A series, an array or a number.
        v: Another on the same basis; the two broadcast.
        order: The degree k of u =_k v. Without it, values are compared, exactly.
        rtol: The relative error that is allowed, with an order (`agree_to`).

    Returns:
        A truth value for each element.

    Raises:
        BasisError: For series over different bases.
        ValueError: Where shapes do not broadcast.

    Examples:
        >>> import taylornb as tn
        >>> x = tn.variable([0.5, 2.0], order=3)
        >>> tn.equal(x, tn.detach(x))
        array([ True,  True])
        >>> tn.equal(x * x, x**2, order=3).all(), tn.equal(x, tn.detach(x), order=1).any()
        (np.True_, np.False_)
    """
    if order is None:
        return EQUAL(u, v)
    return compared(u, v, rtol).through >= min(checked_order(order), _order(u, v))


def compared(
    u: Any, v: Any, rtol: float | None = None, basis: Basis | None = None, scale: Sequence[float] | float | None = None
) -> Compared:
    """Two series beside each other, with what section 4 of the theory allows them to differ by.

    Args:
        u: A series, an array or a number.
        v: Another.
        rtol: The relative error that is allowed.
        basis: The basis of numbers, where neither is a series.
        scale: The length on which they change, of all variables or of each.

    Raises:
        BasisError: For series over different bases.
        ValueError: Where shapes do not broadcast, or the error or the scale is no positive number.
    """
    basis = same_basis((_basis(u), _basis(v))) or basis or PLAIN
    if rtol is not None and not rtol >= 0:
        raise ValueError(f"rtol must be a number that is not negative, not {rtol!r}")
    scales = np.broadcast_to(np.asarray(1.0 if scale is None else scale, dtype=np.float64), len(basis.variables))
    if not (scales > 0).all():
        raise ValueError(f"scale must be a positive length, not {scale!r}")
    left, right = _coefficients(u, basis), _coefficients(v, basis)
    broadcast_shape([left.shape[1:], right.shape[1:]])
    left, right = np.broadcast_arrays(*_aligned(left, right))
    eps = max(np.finfo(array.dtype).eps if array.dtype.kind == "f" else np.finfo(float).eps for array in (left, right))
    left, right = (array.astype(np.float64) for array in (left, right))
    with np.errstate(all="ignore"):
        relative = (eps**RTOL if rtol is None else rtol) * np.maximum(np.abs(left), np.abs(right))
        bound = np.maximum(relative, ROUNDINGS * _floor(left, right, basis, scales, eps))
    return Compared(basis, left, right, bound, through(left, right, bound, basis))


def through(left: NDArray[Any], right: NDArray[Any], bound: NDArray[Any], basis: Basis) -> NDArray[np.int64]:
    """The degree through which all coefficients agree within a bound, for each element."""
    degrees, close = np.array(basis.degrees), _close(left, right, bound)
    agrees = np.stack([close[degrees == degree].all(axis=0) for degree in range(basis.order + 1)])
    return np.where(agrees.all(axis=0), basis.order, np.argmin(agrees, axis=0) - 1)


def _floor(left: NDArray[Any], right: NDArray[Any], basis: Basis, scales: NDArray[np.float64], eps: float) -> NDArray[Any]:
    """eps·max_j |u_j| h^(j−k) for each coefficient, k its degree, in units of the scales, so that h is at most 1."""
    degrees, units = np.array(basis.degrees), np.prod(scales**basis.exponents, axis=1)
    units = units.reshape(-1, *(1,) * (left.ndim - 1))
    sizes = np.maximum(np.abs(left), np.abs(right)) * units
    sizes = np.where(np.isfinite(sizes), sizes, 0)
    largest = np.stack([sizes[degrees == degree].max(axis=0) for degree in range(basis.order + 1)])
    h = _length(largest, eps)
    top = np.max([one * h**degree for degree, one in enumerate(largest)], axis=0)
    floor: NDArray[Any] = eps * np.stack([top * h ** -float(degree) for degree in degrees]) / units
    return floor


def _length(largest: NDArray[Any], eps: float) -> NDArray[Any]:
    """The length, at most 1, on which a series changes that has such coefficients in its degrees: the lesser of two.

    Where no term is larger than the first that is more than a rounding of the others; and the median of the ratios of
    neighbours, of which no single one counts that has cancelled.
    """
    first = np.argmax(largest > ROUNDINGS * eps * largest.max(axis=0), axis=0)
    size = np.take_along_axis(largest, first[np.newaxis], axis=0)[0]
    found = np.ones_like(size)
    for degree, one in enumerate(largest):
        ratio = (size / np.maximum(one, size)) ** (1 / np.maximum(degree - first, 1))
        found = np.where(degree > first, np.fmin(found, ratio), found)
    ratios = largest[1:-1] / np.where(largest[2:] > 0, largest[2:], np.nan)
    ratios = np.where(np.isfinite(ratios) & (ratios > 0), np.minimum(ratios, 1), 1)
    return np.asarray(np.minimum(found, np.median(ratios, axis=0)) if len(ratios) > 1 else found)


def _close(left: NDArray[Any], right: NDArray[Any], bound: NDArray[Any]) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        close: NDArray[np.bool_] = (left == right) | ((np.abs(left - right) <= bound) & np.isfinite(left) & np.isfinite(right))
    return close


def _basis(value: Any) -> Basis | None:
    return value.basis if isinstance(value, TaylorArray) else None


def _order(u: Any, v: Any) -> int:
    return (same_basis((_basis(u), _basis(v))) or PLAIN).order


def _coefficients(value: Any, basis: Basis) -> NDArray[Any]:
    if isinstance(value, TaylorArray):
        return value.coeffs
    if isinstance(value, tuple | list | dict):
        raise UnsupportedError(f"results are compared one by one, and this is a {type(value).__name__}; take its items")
    plain = real_array(value, "what is compared")
    return np.concatenate([plain[np.newaxis], np.zeros((basis.size - 1, *plain.shape), plain.dtype)])


def _aligned(left: NDArray[Any], right: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Coefficients first, and axes of elements that broadcast as NumPy's do, from the last."""
    most = max(left.ndim, right.ndim)
    for array in (left, right):
        yield array.reshape(len(array), *(1,) * (most - array.ndim), *array.shape[1:])
