"""Which coefficients of a series can be non-zero, and where each is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Support:
    """The monomials of a series that can be non-zero.

    A monomial is either stored in a row of the planes or known to be exactly one: a fresh variable x + ε
    stores its value and nothing else. Every other monomial is structurally zero. ⊥ narrows a support and
    leaves the planes alone, so rows need not be contiguous.
    """

    rows: tuple[tuple[int, int], ...]  # (monomial, row of the planes), by monomial
    units: tuple[int, ...] = ()  # monomials whose coefficient is one, by monomial

    @cached_property
    def row(self) -> dict[int, int]:
        """The row of each stored monomial."""
        return dict(self.rows)

    @cached_property
    def monomials(self) -> tuple[int, ...]:
        """Every monomial that can be non-zero, ascending."""
        return tuple(sorted((*self.row, *self.units)))

    @property
    def is_constant(self) -> bool:
        """Whether nothing above the value can be non-zero."""
        return not any(self.monomials)

    def keeping(self, keeps: Callable[[int], bool]) -> Support:
        """The part of the support that `keeps` accepts, over the same planes."""
        return Support(tuple(entry for entry in self.rows if keeps(entry[0])), tuple(filter(keeps, self.units)))

    @staticmethod
    def packed(stored: Iterable[int], units: Iterable[int] = ()) -> Support:
        """One row for each stored monomial, in order."""
        return Support(tuple((monomial, row) for row, monomial in enumerate(stored)), tuple(units))


CONSTANT = Support.packed((0,))
