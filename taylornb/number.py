"""Which numbers a program can state exactly: fractions, and constants known by name."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite


@dataclass(frozen=True)
class Constant:
    """A number that no fraction states; each target has it to its own precision."""

    name: str


Number = Fraction | Constant


def exactly(value: object) -> Hashable:
    """A key that tells 1 from 1.0 and True, and 0.0 from −0.0, which are equal as keys."""
    if isinstance(value, tuple | frozenset):
        parts = map(exactly, value)
        return (type(value), tuple(parts) if isinstance(value, tuple) else frozenset(parts))
    return (type(value), value.hex() if isinstance(value, float) else value)


def number(value: object) -> Number:
    """A Python or NumPy real number, exactly.

    Raises:
        TypeError: For anything else.
    """
    if isinstance(value, Constant | Fraction):
        return value
    if isinstance(value, int):
        return Fraction(value)
    real = float(value)  # type: ignore[arg-type]
    if not isfinite(real) or str(real) == "-0.0":
        return Constant(str(real))
    return Fraction(real)
