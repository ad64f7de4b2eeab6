"""Which numbers a program can state exactly: fractions, and constants known by name."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isfinite


@dataclass(frozen=True)
class Constant:
    """A number that no fraction states; each target has it to its own precision."""

    name: str


Number = Fraction | Constant


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
