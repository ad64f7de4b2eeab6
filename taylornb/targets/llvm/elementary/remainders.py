"""How is the remainder of a division computed without branches?"""

from __future__ import annotations

from ..text import Vector
from .pieces import form, magnitude, signed


def remainder(v: Vector, a: str, b: str) -> str:
    """The rest a − b·floor(a/b), as numpy.remainder: exact but for one sum, with the sign of b, zeros too."""
    top, bottom, zero = magnitude(v, a), magnitude(v, b), v.constant(0)
    quotient = v.divide(top, bottom)
    rest = v.fma(v.negative(v.intrinsic("trunc", quotient)), bottom, top)
    # The rounded quotient may be off by one.
    rest = v.select(v.compare("olt", rest, zero), v.add(rest, bottom), rest)
    rest = v.select(v.compare("oge", rest, bottom), v.subtract(rest, bottom), rest)
    rest = signed(v, v.select(v.compare("olt", top, bottom), top, rest), a)
    few = v.compare("olt", quotient, v.constant(2.0 ** form(v).digits))
    (rest,) = v.patch(v.opposite(few), {"fmod" if v.bits_of_element == 64 else "fmodf": rest}, a, b)
    against = v.logic("xor", v.compare("olt", rest, zero), v.compare("olt", b, zero))
    moved = v.select(against, v.add(rest, b), rest)
    nothing = v.compare("oeq", rest, zero)
    return v.select(nothing, signed(v, zero, b), moved)
