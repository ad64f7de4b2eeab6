"""Detach, written ⊥: the value goes through and the derivatives stop; ⊥_S stops those that involve S.

⊥_S is the substitution ε_s = 0, a ring homomorphism; `keep` is a projection and no homomorphism. Both choose
coefficients and touch none, which is why ⊥ of an array is a narrower support over the same memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .basis import Basis, checked_order
from .errors import BasisError
from .rules import Op, linear

EVERY = None  # in place of names: all variables


def survives(basis: Basis, i: int, names: tuple[str, ...] | None) -> bool:
    """Whether monomial i outlives ⊥ of the named variables."""
    if names is EVERY:
        return i == 0
    powers = basis.monomials[i]
    return not any(powers[basis.variables.index(name)] for name in basis.check_names(names))


def _split_names(u: Any, *names: str | Iterable[str]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    if not names:
        return (u,), (EVERY,)
    groups = (group if isinstance(group, Iterable) and not isinstance(group, str) else (group,) for group in names)
    flat = [name for group in groups for name in group]
    if not all(isinstance(name, str) for name in flat):
        raise BasisError(f"detach takes names of variables, as in detach(u, 'phi'), not {names!r}")
    return (u,), (tuple(sorted(set(flat))),)


def _split_order(u: Any, *, order: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    return (u,), (checked_order(order),)


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
    "The coefficients of degree at most `order`; the rest are dropped.",
    lambda m, x, order: x,
    retains=lambda basis, i, order: basis.degrees[i] <= order,
    on_truth="same",
    bind=_split_order,
)
graft: Op = linear(
    "graft",
    "The value of the first with the other coefficients of the second.",
    body=None,
    at=(0.7, 0.3),
    heir=1,
    public=False,
)
