"""How is a sum of products of coefficients a loop in the text of a kernel?"""

from __future__ import annotations

from fractions import Fraction

from ...program import Dtype
from ...rolled import Band, Runs, Sum, Table
from ..reference import real
from ..source import indented
from .scratch import TABLES, Memory, moved, u8, zero


def total(memory: Memory, one: Sum, name: str, span: range) -> list[str]:
    """The statements that compute a sum at the monomial m.

    Args:
        memory: Where the coefficients are.
        one: The sum, over a band or a table.
        name: What it is called.
        span: Between which monomials m is.
    """
    assert not isinstance(one.over, Runs)
    if isinstance(one.over, Band):
        pairs, middle = _band(memory, one, name, one.over, span), _middle(one.over, span, memory.rolled.size)
    else:
        pairs, middle = _listed(memory, one, name, one.over), memory.entry(one.over.middle, "m")
    found = [f"{name} = {zero(one.dtype)}", *pairs]
    square = [f"left = {middle}", f"half = {memory.at(one.a, 'left')}", f"{name} = {name} + {name} + half * half"]
    return [*found, *square] if one.half else found


def _band(memory: Memory, one: Sum, name: str, band: Band, span: range) -> list[str]:
    """Pairs j + k = m with both in an interval; limits that no m of the span meets are left out."""
    (a0, a1), (b0, b1) = band.a, band.b
    first = u8(a0) if span[-1] - b1 <= a0 else f"(m - {u8(b1)} if m > {u8(a0 + b1)} else {u8(a0)})"
    if one.half:
        stop = "(m + u8(1)) >> u8(1)"
    else:
        stop = moved("m", 1 - b0)
        stop = stop if span[-1] - b0 <= a1 else f"({stop} if m < {u8(a1 + b0)} else {u8(a1 + 1)})"
        stop = stop if span[0] >= b0 else f"({stop} if m >= {u8(b0)} else u8(0))"
    turn = [_product(memory, one, name, "left", "(m - left)"), "left += u8(1)"]
    return [f"left = {first}", f"stop = {stop}", "while left < stop:", *indented(turn, 1)]


def _middle(band: Band, span: range, nothing: int) -> str:
    """The j with j + j = m; where there is none the place of the zero behind the coefficients."""
    first, last = band.a
    there = ["(m & u8(1)) == u8(0)"]
    there += [f"m >= {u8(2 * first)}"] if span[0] // 2 < first else []
    there += [f"m < {u8(2 * last + 1)}"] if span[-1] // 2 > last else []
    return f"m >> u8(1) if {' and '.join(there)} else {u8(nothing)}"


def _listed(memory: Memory, one: Sum, name: str, table: Table) -> list[str]:
    """Pairs from a list, each a number of 32 bits."""
    bounds = [f"{end} = {memory.entry(table.start, 'm', '<u4', n)}" for n, end in enumerate(("at", "stop"))]
    pair = f"pair = u8({TABLES}[{moved('at', memory.table(table.pairs, '<u4'))}])"
    turn = [
        pair,
        "left = pair & u8(65535)",
        "right = pair >> u8(16)",
        _product(memory, one, name, "left", "right"),
        "at += u8(1)",
    ]
    return [*bounds, "while at < stop:", *indented(turn, 1)]


def _product(memory: Memory, one: Sum, name: str, j: str, k: str) -> str:
    product = f"{memory.at(one.a, j)} * {memory.at(one.b, k)}"
    if one.weight is None:
        return f"{name} += {product}"
    return f"{name} += {_weight(one.weight, one.dtype, memory.degree(j), memory.degree(k))} * ({product})"


def _weight(weight: tuple[Fraction, Fraction], dtype: Dtype, j: str, k: str) -> str:
    """The number l·j + r·k, to all its digits where l is ±1 although they may nearly cancel: in float32 r is two numbers."""
    of, left, right = dtype.str[1:], *map(real, weight)
    first = float(dtype.type(right))
    found = f"{of}({left!r}) * {of}({j})"
    for part in (first, *([right - first] if right != first else [])):
        found = f"cuda.fma({of}({part!r}), {of}({k}), {found})"
    return found
