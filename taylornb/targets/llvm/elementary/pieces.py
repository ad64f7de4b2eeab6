"""Which steps do the elementary functions have in common?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps

import numpy as np

from ..text import Code, Vector
from .polynomials import POLYNOMIALS

Builder = Callable[..., str]


@dataclass(frozen=True)
class Format:
    """What the functions need to know of a floating-point format.

    Attributes:
        digits: Bits after the leading one.
        bias: What is added to an exponent.
        ln2: log 2 in two parts, the first so short that its product with an exponent is exact.
        smallest: The smallest normal number.
    """

    digits: int
    bias: int
    ln2: tuple[float, float]
    smallest: float

    @property
    def magic(self) -> float:
        """A number beside which sums are rounded to whole numbers, which then are the last bits of the sum."""
        return 1.5 * 2.0**self.digits

    @property
    def magic_bits(self) -> int:
        """The bits of that number."""
        return (self.bias + self.digits) << self.digits | 1 << self.digits - 1

    @property
    def one_bits(self) -> int:
        """The bits of 1."""
        return self.bias << self.digits


FORMATS = {
    64: Format(52, 1023, (float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")), 2.0**-1022),
    32: Format(23, 127, (float.fromhex("0x1.62e4p-1"), float.fromhex("0x1.7f7d1cf79abcap-20")), 2.0**-126),
}


def form(v: Vector) -> Format:
    """The format of the elements."""
    return FORMATS[v.bits_of_element]


def chosen(v: Vector, wide: float, narrow: float) -> str:
    """A constant that depends on the kind."""
    return v.constant(wide if v.bits_of_element == 64 else narrow)


# ---- polynomials -------------------------------------------------------------------------------------


def polynomial(v: Vector, name: str, x: str, steps: int = 0) -> str:
    """The polynomial of that name, by so many steps of Horner's rule and then the even and the odd powers apart.

    Apart, the chain of sums is half as long, but the parts may cancel; the steps keep that away from the large terms.
    """
    coefficients = POLYNOMIALS[name][v.bits_of_element == 32]
    total = _apart(v, coefficients[steps:], x)
    for c in coefficients[:steps][::-1]:
        total = v.fma(total, x, v.constant(c))
    return total


def _apart(v: Vector, coefficients: tuple[float, ...], x: str) -> str:
    if len(coefficients) < 5:
        total = v.constant(coefficients[-1])
        for c in coefficients[-2::-1]:
            total = v.fma(total, x, v.constant(c))
        return total
    square = v.multiply(x, x)
    return v.fma(_apart(v, coefficients[1::2], square), x, _apart(v, coefficients[::2], square))


# ---- signs and limits --------------------------------------------------------------------------------


def magnitude(v: Vector, x: str) -> str:
    """|x|."""
    return v.intrinsic("fabs", x)


def signed(v: Vector, size: str, x: str) -> str:
    """`size` with the sign of x."""
    return v.intrinsic("copysign", size, x)


def at_most(v: Vector, x: str, limit: str) -> str:
    """The smaller of x and the limit; NaN stays."""
    return v.select(v.compare("olt", limit, x), limit, x)


def at_least(v: Vector, x: str, limit: str) -> str:
    """The larger of x and the limit; NaN stays."""
    return v.select(v.compare("ogt", limit, x), limit, x)


def larger(v: Vector, a: str, b: str) -> str:
    """The larger of two numbers."""
    return v.select(v.compare("ogt", a, b), a, b)


INFINITY, NAN = float("inf"), float("nan")


# ---- powers of two -----------------------------------------------------------------------------------


def nearest(v: Vector, x: str, rate: float, offset: int = 0) -> tuple[str, str]:
    """The whole number k next to rate·x, as a float, and bits whose last 50 or 20 are k + offset."""
    magic = form(v).magic + offset
    shifted = v.fma(x, v.constant(rate), v.constant(magic))
    return v.subtract(shifted, v.constant(magic)), v.bits(shifted)


def two_to(v: Vector, biased: str) -> str:
    """2^k for bits that end in k + bias."""
    return v.floats(v.integers("shl", biased, v.integer(form(v).digits)))


def whole_to_float(v: Vector, k: str) -> str:
    """A small whole number as a float; AVX2 has no instruction for that."""
    f = form(v)
    return v.subtract(v.floats(v.integers("add", k, v.integer(f.magic_bits))), v.constant(f.magic))


# ---- exact sums and products -------------------------------------------------------------------------


def quick_sum(v: Vector, a: str, b: str) -> tuple[str, str]:
    """The sum a + b and what its rounding lost, for |a| ≥ |b| or a = 0."""
    total = v.add(a, b)
    return total, v.subtract(b, v.subtract(total, a))


def two_sum(v: Vector, a: str, b: str) -> tuple[str, str]:
    """The sum a + b and what its rounding lost."""
    total = v.add(a, b)
    part = v.subtract(total, a)
    return total, v.add(v.subtract(a, v.subtract(total, part)), v.subtract(b, part))


def two_product(v: Vector, a: str, b: str) -> tuple[str, str]:
    """The product a·b and what its rounding lost."""
    product = v.multiply(a, b)
    return product, v.fma(a, b, v.negative(product))


# ---- calls -------------------------------------------------------------------------------------------


def in_float64(build: Builder) -> Builder:
    """A builder for vectors of float32 too, from one for float64."""

    @wraps(build)
    def either(v: Vector, *args: str | int) -> str:
        if v.bits_of_element == 64:
            return build(v, *args)
        wide = replace(v, dtype=np.dtype(np.float64))
        wider = [v.code.emit(f"fpext {v.type} {arg} to {wide.type}") if isinstance(arg, str) else arg for arg in args]
        return v.code.emit(f"fptrunc {wide.type} {build(wide, *wider)} to {v.type}")

    return either


def outlined(build: Builder) -> Builder:
    """A builder whose instructions are written once, as a function of the module, and called: for those that are long.

    Arguments after the vectors, which are numbers, become part of its name.
    """

    @wraps(build)
    def call(v: Vector, *args: str | int) -> str:
        vectors = [arg for arg in args if isinstance(arg, str)]
        numbers = [arg for arg in args if isinstance(arg, int)]
        name = "_".join(["taylornb", build.__name__, v.suffix, *map(str, numbers)])
        if not v.code.module.has(name):
            inner = replace(v, code=Code(v.code.module), contract=False)
            result = build(inner, *[f"%a{n}" for n in range(len(vectors))], *numbers)
            head = ", ".join(f"{v.type} %a{n}" for n in range(len(vectors)))
            lines = "\n".join([*inner.code.lines, f"ret {v.type} {result}"])
            v.code.module.define(name, f"define internal {v.type} @{name}({head}) {{\nentry:\n{lines}\n}}\n")
        return v.code.emit(f"call {v.type} @{name}({', '.join(f'{v.type} {a}' for a in vectors)})")

    return call
