"""Which coefficients exist: the monomials in the named variables up to a total degree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement, product
from math import comb, factorial, prod
from operator import index as as_index

import numpy as np
from numpy.typing import NDArray

from .errors import BasisError

LARGEST = 2_000_000  # terms of one product; beyond, a single multiplication outgrows any kernel and any patience

Exponents = tuple[int, ...]


@dataclass(frozen=True)
class Basis:
    """The monomials ε^α, |α| ≤ order, in the variables; coefficient i belongs to monomial i.

    Monomials are sorted by total degree, so that every truncation is a prefix, and within a degree the
    earlier variable comes first: 1, x, y, x², xy, y².

    Args:
        variables: The names of the variables, each different.
        order: The highest total degree that is kept, 0 or more.
        groups: Names for several variables together, each with those it stands for: a mapping, or pairs.

    Raises:
        BasisError: For a negative or absurd order, or repeated, empty or missing names.

    Examples:
        >>> basis = Basis(("x", "y"), order=2)
        >>> basis.size
        6
        >>> basis.exponents.tolist()
        [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]]
        >>> basis.index(x=1, y=1)
        4
    """

    variables: tuple[str, ...]
    order: int
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "variables", _checked_names(self.variables))
        object.__setattr__(self, "order", checked_order(self.order))
        object.__setattr__(self, "groups", tuple(sorted(self._checked_groups())))  # equal in whatever order they were given
        if self.pairs > LARGEST:
            raise BasisError(
                f"{self} has {self.size:,} coefficients for each element, and one product of two such series "
                f"{self.pairs:,} terms; taylornb takes up to {LARGEST:,}. Lower the order or use fewer variables"
            )

    @cached_property
    def pairs(self) -> int:
        """How many terms the product of two series has: C(2m + N, N)."""
        return comb(2 * len(self.variables) + self.order, self.order)

    @cached_property
    def size(self) -> int:
        """How many coefficients a series has: C(m + N, N)."""
        return comb(len(self.variables) + self.order, self.order)

    @cached_property
    def monomials(self) -> tuple[Exponents, ...]:
        """The exponents of every monomial, as tuples."""
        count = len(self.variables)
        return tuple(powers for degree in range(self.order + 1) for powers in _of_degree(degree, count))

    @property
    def exponents(self) -> NDArray[np.int64]:
        """The exponents of every monomial, shape (size, variables)."""
        return np.array(self.monomials, dtype=np.int64).reshape(self.size, len(self.variables))

    @cached_property
    def degrees(self) -> tuple[int, ...]:
        """The total degree of every monomial."""
        return tuple(map(sum, self.monomials))

    @cached_property
    def positions(self) -> dict[Exponents, int]:
        """Where each monomial stands."""
        return {powers: i for i, powers in enumerate(self.monomials)}

    def splits(self, i: int) -> list[tuple[int, int]]:
        """Every (j, k) whose monomials multiply to monomial i: the terms of a Cauchy product."""
        powers, positions = self.monomials[i], self.positions
        if len(powers) == 1:
            return [(j, i - j) for j in range(i + 1)]
        pairs = (
            (left, tuple(p - q for p, q in zip(powers, left, strict=True))) for left in product(*(range(p + 1) for p in powers))
        )
        return sorted((positions[left], positions[right]) for left, right in pairs)

    def index(self, *degree: int, **degrees: int) -> int:
        """The position of a monomial: `index(3)` in one variable, `index(theta=2, phi=1)` in several.

        Args:
            *degree: The degree, where there is one variable.
            **degrees: The degree in each variable; a variable that is not named has degree 0.

        Raises:
            BasisError: For an unknown variable, or a total degree that the basis does not hold.
        """
        powers = self._powers(degree, degrees)
        if powers not in self.positions:
            raise BasisError(f"{self} has no monomial of exponents {powers}: total degrees 0 to {self.order} are kept")
        return self.positions[powers]

    def factorial(self, i: int) -> int:
        """α! of monomial i: the ratio of the derivative to the coefficient."""
        return prod(map(factorial, self.monomials[i]))

    def check_names(self, names: Iterable[str]) -> None:
        """Raise BasisError unless each name is a variable of the basis."""
        for name in names:
            if name not in self.variables:
                raise BasisError(f"{name!r} is not a variable of {self}; it has {', '.join(map(repr, self.variables))}")

    def members(self, names: Iterable[str]) -> tuple[str, ...]:
        """The variables that are named, alone or by a group, sorted.

        Raises:
            BasisError: Where a name is neither.
        """
        groups, chosen = dict(self.groups), tuple(names)
        for name in chosen:
            if name not in groups and name not in self.variables:
                known = ", ".join(map(repr, (*self.variables, *groups)))
                raise BasisError(f"{name!r} is not a variable{' or a group' if groups else ''} of {self}; it has {known}")
        return tuple(sorted({member for name in chosen for member in groups.get(name, (name,))}))

    def __str__(self) -> str:
        groups = f", groups={dict(self.groups)!r}" if self.groups else ""
        return f"Basis({self.variables!r}, order={self.order}{groups})"

    def _checked_groups(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        pairs = self.groups.items() if isinstance(self.groups, Mapping) else self.groups
        taken = set(self.variables)
        for name, members in pairs:
            members = _checked_names(members)
            if not isinstance(name, str) or not name or name in taken:
                raise BasisError(f"a group must have a name that no variable and no other group has, not {name!r}")
            for member in members:
                if member not in self.variables:
                    listed = ", ".join(map(repr, self.variables))
                    raise BasisError(f"the group {name!r} contains {member!r}, which is not a variable; there are {listed}")
            taken.add(name)
            yield name, tuple(sorted(members))

    def _powers(self, degree: tuple[int, ...], degrees: dict[str, int]) -> Exponents:
        if degree and (degrees or len(degree) > 1 or len(self.variables) != 1):
            given = ", ".join([*map(str, degree), *(f"{name}={d}" for name, d in degrees.items())])
            names = ", ".join(f"{name}=…" for name in self.variables)
            raise BasisError(f"cannot read the degrees ({given}) for {self}; name each variable, as in ({names})")
        if degree:
            return (as_index(degree[0]),)
        self.check_names(degrees)
        return tuple(as_index(degrees.get(name, 0)) for name in self.variables)


def checked_order(order: object) -> int:
    """The order as an int, if it is a whole number that is not negative."""
    try:
        number = as_index(order)  # type: ignore[arg-type]
    except TypeError:
        raise BasisError(f"order must be a whole number, 0 or more, not {order!r}") from None
    if number < 0 or isinstance(order, bool):
        raise BasisError(f"order must be a whole number, 0 or more, not {order!r}")
    if number.bit_length() > 64:
        raise BasisError(f"order must be a number of degrees to compute, not one of {number.bit_length()} bits")
    return number


def same_basis(bases: Iterable[Basis | None]) -> Basis | None:
    """The one basis among those given (None stands for a plain number).

    Raises:
        BasisError: Where two differ; it names both and says how to build one.
    """
    found: Basis | None = None
    for basis in bases:
        if found is not None and basis is not None and basis != found:
            names = dict.fromkeys((*found.variables, *basis.variables))
            call = f"tn.variables(order={max(found.order, basis.order)}, {', '.join(f'{name}=…' for name in names)})"
            raise BasisError(f"series over different bases do not mix: {found} and {basis}; build all on one with {call}")
        found = basis if found is None else found
    return found


def _checked_names(variables: object) -> tuple[str, ...]:
    names = (variables,) if isinstance(variables, str) else tuple(variables) if isinstance(variables, Iterable) else ()
    if not names or not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise BasisError(f"variables must be one or more different names, as in ('x', 'y'), not {variables!r}")
    return names


def _of_degree(degree: int, count: int) -> Iterator[Exponents]:
    for factors in combinations_with_replacement(range(count), degree):
        powers = [0] * count
        for variable in factors:
            powers[variable] += 1
        yield tuple(powers)


PLAIN = Basis(("x",), 0)  # the series of plain numbers, which have no variables: their values
