"""Detach, written ⊥: the value goes through and the derivatives stop; ⊥_S stops those that involve S.

⊥_S is the substitution ε_s = 0, a ring homomorphism; `keep` is a projection and no homomorphism. Both choose
coefficients and touch none, which is why ⊥ of an array is a narrower support over the same memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any

from .basis import PLAIN, Basis, checked_order
from .errors import BasisError
from .rules import Op, linear

EVERY = None  # in place of names: all variables
# What is held in this thread or task, as the parameters of `detach`: (names,), or nothing.
HELD: ContextVar[tuple[tuple[str, ...] | None, ...]] = ContextVar("HELD", default=())


def survives(basis: Basis, i: int, names: tuple[str, ...] | None) -> bool:
    """Whether monomial i outlives ⊥ of the named variables."""
    if names is EVERY or basis is PLAIN:
        return i == 0
    powers = basis.monomials[i]
    return not any(powers[basis.variables.index(name)] for name in basis.members(names))


class frozen:  # noqa: N801
    """A context under which everything computed is ⊥ of some variables, or without names ⊥ of all; also a decorator.

    It holds for this thread or task, and inside functions that are called. Contexts in one another hold the variables of all.

    Args:
        *names: Variables and groups of them.

    Raises:
        BasisError: Where something is computed that has no such variables.
        TypeError: Where it decorates a generator or a coroutine, which run when the context is over.

    Examples:
        >>> import taylornb as tn
        >>> theta, phi = tn.variables(order=1, theta=1.0, phi=2.0)
        >>> with tn.frozen("phi"):
        ...     inner = theta * phi
        >>> inner, inner * phi
        (2 + 2ε_theta + O(|ε|²), 4 + 4ε_theta + 2ε_phi + O(|ε|²))
    """

    def __init__(self, *names: str | Iterable[str]) -> None:
        self._names = _split_names(None, *names)[1][0]

    def __enter__(self) -> None:
        _enter((*_ENTERED.get(), self))

    def __exit__(self, *_: object) -> None:
        # Its own last entry and not simply the last: generators may leave in another order than they entered.
        entered = list(_ENTERED.get()[::-1])
        if self in entered:
            entered.remove(self)
        _enter(tuple(entered[::-1]))

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function under this context."""
        if isgeneratorfunction(function) or iscoroutinefunction(function) or isasyncgenfunction(function):
            raise TypeError(
                "frozen decorates functions that return; inside a generator or a coroutine use `with tn.frozen(…):`"
            )

        @wraps(function)
        def under(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return under


_ENTERED: ContextVar[tuple[frozen, ...]] = ContextVar("_ENTERED", default=())


def _enter(contexts: tuple[frozen, ...]) -> None:
    names = [context._names for context in contexts]
    every = EVERY in names
    _ENTERED.set(contexts)
    HELD.set(((EVERY if every else tuple(sorted({name for one in names for name in one or ()}))),) if names else ())


@contextmanager
def thawed() -> Iterator[None]:
    """While a graph is made that will be used again, outside of what is frozen now."""
    before = _ENTERED.get()
    _enter(())
    try:
        yield
    finally:
        _enter(before)


def _split_names(u: Any, *names: str | Iterable[str]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    if not names:
        return (u,), (EVERY,)
    groups = (group if isinstance(group, Iterable) and not isinstance(group, str) else (group,) for group in names)
    flat = [name for group in groups for name in group]
    if not all(isinstance(name, str) for name in flat):
        raise BasisError(f"detach takes names of variables, as in detach(u, 'phi'), not {names!r}")
    return (u,), (tuple(sorted(set(flat))),)


def _split_degrees(u: Any, *, order: int | None = None, degrees: Iterable[int] | None = None) -> tuple[tuple[Any], tuple[Any]]:
    if (order is None) == (degrees is None):
        raise BasisError("keep takes one of order=, the highest degree, and degrees=, a set of them, as in degrees={0, 2}")
    if order is not None:
        return (u,), (checked_order(order),)
    if isinstance(degrees, str) or not isinstance(degrees, Iterable):
        raise BasisError(f"degrees must be a set of degrees, such as {{0, 2}}, not {degrees!r}")
    return (u,), (frozenset(map(checked_order, degrees)),)


def _chosen(basis: Basis, i: int, degrees: int | frozenset[int]) -> bool:
    degree = basis.degrees[i]
    return degree <= degrees if isinstance(degrees, int) else degree in degrees


detach: Op = linear(
    "detach",
    "⊥: the value without its derivatives; with names, without those that involve them.",
    lambda m, x, names: x,
    retains=survives,
    on_truth="same",
    bind=_split_names,
)
keep: Op = linear(
    "keep",
    "The coefficients of degree at most `order`, or of the `degrees` in a set; the rest are dropped.",
    lambda m, x, degrees: x,
    retains=_chosen,
    on_truth="same",
    bind=_split_degrees,
)
nilpotent: Op = linear(
    "nilpotent",
    "u − ⊥u: the coefficients above the value. The value is zero by structure, also where u is infinite.",
    lambda m, x: x,
    retains=lambda basis, i: i > 0,
    on_truth="number",
)
graft: Op = linear(
    "graft",
    "The value of the first, bit for bit, with the other coefficients of the second: the straight-through estimator.",
    body=None,
    at=(0.7, 0.3),
    heir=1,
)
