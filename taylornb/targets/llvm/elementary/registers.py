"""Which instructions of AVX-512 have no name in LLVM's language, and what do they compute?

A table of sixteen numbers lies in one or two registers and is read by every lane at once; a product with a power of two and the
parts of a number are one instruction each, right for subnormal and infinite numbers too.
"""

from __future__ import annotations

from ..machine import Host
from ..text import Vector

BYTES = 64
ENTRIES = 16
NEEDED = frozenset(("+avx512f", "+avx512dq"))
NEAR_ONE, POSITIVE = 3, 3  # of a significand: in [3/4, 3/2); NaN for negative numbers, 1 for −0
CURRENT = 4  # the rounding that is in force


def present(host: Host) -> bool:
    """Whether the processor has them, and kernels use registers that long."""
    return host.width == BYTES and set(host.features.split(",")) >= NEEDED


def lookup(v: Vector, table: tuple[float, ...], places: str) -> str:
    """The entry of the table in each lane: the last four bits of that lane are its number.

    Args:
        v: Kind and number of elements.
        table: The sixteen entries.
        places: Floats, of which only those bits count.
    """

    def found(part: Vector, bits: str) -> str:
        rows = [f"{part.type} {part.constants(table[n : n + part.lanes])}" for n in range(0, ENTRIES, part.lanes)]
        at = f"{part.whole} {part.bits(bits)}"
        if len(rows) == 1:
            return _do(part, "permvar.sf.512", (part.type, part.whole), f"{rows[0]}, {at}")
        return _do(part, "vpermi2var.pd.512", (part.type, part.whole, part.type), f"{rows[0]}, {at}, {rows[1]}")

    return v.piecewise(BYTES // v.dtype.itemsize, found, places)


def times_two_to(v: Vector, x: str, k: str) -> str:
    """x·2^⌊k⌋, rounded once."""

    def found(part: Vector, x: str, k: str) -> str:
        mask, kind = f"i{part.lanes}", part.type
        arguments = f"{kind} {x}, {kind} {k}, {kind} zeroinitializer, {mask} -1, i32 {CURRENT}"
        return _do(part, f"mask.scalef.{_suffix(part)}", (kind, kind, kind, mask, "i32"), arguments)

    return v.piecewise(BYTES // v.dtype.itemsize, found, x, k)


def exponent(v: Vector, x: str) -> str:
    """⌊log₂|x|⌋, as a float: −inf for 0, inf for inf."""

    def found(part: Vector, x: str) -> str:
        mask, kind = f"i{part.lanes}", part.type
        arguments = f"{kind} {x}, {kind} zeroinitializer, {mask} -1, i32 {CURRENT}"
        return _do(part, f"mask.getexp.{_suffix(part)}", (kind, kind, mask, "i32"), arguments)

    return v.piecewise(BYTES // v.dtype.itemsize, found, x)


def significand(v: Vector, x: str) -> str:
    """x·2^−e in [3/4, 3/2), with a whole number e; 1 for 0 and inf, NaN for negative numbers."""

    def found(part: Vector, x: str) -> str:
        mask, kind = f"i{part.lanes}", part.type
        arguments = f"{kind} {x}, i32 {POSITIVE << 2 | NEAR_ONE}, {kind} zeroinitializer, {mask} -1, i32 {CURRENT}"
        return _do(part, f"mask.getmant.{_suffix(part)}", (kind, "i32", kind, mask, "i32"), arguments)

    return v.piecewise(BYTES // v.dtype.itemsize, found, x)


def _suffix(v: Vector) -> str:
    return {64: "pd", 32: "ps"}[v.bits_of_element] + ".512"


def _do(v: Vector, name: str, kinds: tuple[str, ...], arguments: str) -> str:
    v.code.module.declare(f"llvm.x86.avx512.{name}", v.type, *kinds)
    return v.code.emit(f"call {v.type} @llvm.x86.avx512.{name}({arguments})")
