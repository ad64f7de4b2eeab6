"""How a series reads: 1 + 2ε + 0.5ε² + O(ε⁵)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .basis import Basis, Exponents

RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def symbol(basis: Basis, variable: int) -> str:
    """ε in one variable, ε_name in several."""
    return "ε" if len(basis.variables) == 1 else f"ε_{basis.variables[variable]}"


def monomial(basis: Basis, powers: Exponents) -> str:
    """ε_x²·ε_y; the constant monomial is empty."""
    factors = [symbol(basis, v) + (str(p).translate(RAISED) if p > 1 else "") for v, p in enumerate(powers) if p]
    return "·".join(factors)


def remainder(basis: Basis) -> str:
    """O(ε⁵) for order 4."""
    power = str(basis.order + 1).translate(RAISED) if basis.order else ""
    return f"O({'ε' if len(basis.variables) == 1 else '|ε|'}{power})"


def number(value: Any) -> str:
    """A coefficient to the precision NumPy prints at."""
    if not isinstance(value, float | np.floating):
        return str(value)
    digits = min(np.get_printoptions()["precision"], np.finfo(value).precision + 1)
    return f"{float(value):.{digits}g}"


def scalar_text(basis: Basis, coefficients: NDArray[Any]) -> str:
    """The series of one element, on one line."""
    terms = [_term(number(c), monomial(basis, m)) for c, m in zip(coefficients, basis.monomials, strict=True) if c != 0]
    text = " + ".join([*(terms or ["0"]), remainder(basis)])
    return text.replace("+ -", "- ")


def array_text(basis: Basis, rows: dict[int, NDArray[Any]], shape: tuple[int, ...], dtype: Any) -> str:
    """The series of many elements, one coefficient a line, each summarised as NumPy does."""
    names = ", ".join(basis.variables)
    lines = [f"TaylorArray of shape {shape}, {dtype}, order {basis.order} in {names}"]
    width = max(len(monomial(basis, powers)) for powers in basis.monomials[: _SHOWN + 1]) if rows else 1
    shown = [i for i in rows if i < _SHOWN]
    for i in shown:
        label = (monomial(basis, basis.monomials[i]) or "1").ljust(max(width, 1))
        lines.append(f"  {label}  " + np.array2string(rows[i], prefix=" " * (width + 4), threshold=_LONG))
    left = len(rows) - len(shown)
    return "\n".join([*lines, *([f"  … and {left} more coefficients"] if left else []), f"  + {remainder(basis)}"])


_SHOWN = 10  # coefficients
_LONG = 50  # elements; more are summarised


def _term(value: str, powers: str) -> str:
    if not powers:
        return value
    return {"1": "", "-1": "-"}.get(value, value) + powers
