"""How is each function that an instruction names computed on vectors?"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from . import huge, libmvec
from .elementary import FUNCTIONS, PAIRS, TABULATED, TABULATED_PAIRS
from .elementary.registers import present
from .machine import host
from .text import Vector

Builder = Callable[..., str]
Pair = Callable[..., tuple[str, str]]
PATHS = ("auto", "libmvec", "inline", "off")


def _sign(v: Vector, x: str) -> str:
    zero = v.constant(0.0)
    other = v.select(v.compare("olt", x, zero), v.constant(-1.0), v.add(x, zero))
    return v.select(v.compare("ogt", x, zero), v.constant(1.0), other)


# What LLVM has instructions for.
PLAIN: dict[str, Builder] = {
    "add": Vector.add,
    "subtract": Vector.subtract,
    "multiply": Vector.multiply,
    "divide": Vector.divide,
    "negative": Vector.negative,
    "madd": lambda v, total, a, b: v.madd(a, b, total),
    "msub": lambda v, total, a, b: v.madd(v.negative(a), b, total),
    "literal": lambda v, x: x,
    "sqrt": lambda v, x: v.intrinsic("sqrt", x),
    "absolute": lambda v, x: v.intrinsic("fabs", x),
    "floor": lambda v, x: v.intrinsic("floor", x),
    "ceil": lambda v, x: v.intrinsic("ceil", x),
    "rint": lambda v, x: v.intrinsic("rint", x),
    "trunc": lambda v, x: v.intrinsic("trunc", x),
    "copysign": lambda v, a, b: v.intrinsic("copysign", a, b),
    "sign": _sign,
}


def _logaddexp(v: Vector, a: str, b: str, function: Callable[[str], Builder]) -> str:
    """The larger and log(1 + e^−|a − b|); infinities of one sign have no difference."""
    difference = v.intrinsic("fabs", v.subtract(a, b))
    small = function("log1p")(v, function("exp")(v, v.negative(difference)))
    larger = v.select(v.compare("oge", a, b), a, b)
    apart = v.select(v.compare("uno", difference, difference), v.add(a, b), v.add(larger, small))
    return v.select(v.compare("oeq", a, b), v.add(a, v.constant(math.log(2))), apart)


# What is made of other functions; each takes, after the vectors, how these are found by name.
COMPOSED: dict[str, Callable[..., str]] = {"logaddexp": _logaddexp}
# Comparisons of floats, and of truth values.
COMPARE = {
    "greater": ("ogt", "ugt"),
    "greater_equal": ("oge", "uge"),
    "less": ("olt", "ult"),
    "less_equal": ("ole", "ule"),
    "equal": ("oeq", "eq"),
    "not_equal": ("une", "ne"),
}
# What glibc computes inaccurately for huge arguments in float64, libmvec with it except for the tangent.
HUGE = frozenset([("sin", "libmvec"), ("cos", "libmvec"), ("sin", "scalar"), ("cos", "scalar"), ("tan", "scalar")])
# What libmvec computes faster than taylornb does: (name, bytes of an element). All others are faster inline, where no call
# costs the vectors in registers, and more accurate (docs/vector-math.md).
LIBRARY_FIRST = frozenset((name, size) for name in ("log2", "log10", "cbrt") for size in (4, 8)) | {
    ("log1p", 8),  # where there are no tables in registers
    ("tan", 8),
    ("erf", 8),
    ("erfc", 8),
}
# The ways that are arithmetic of taylornb's own: functions, and those that are computed two at a time.
INLINE: dict[str, tuple[dict[str, Builder], dict[tuple[str, str], Pair]]] = {
    "inline": (FUNCTIONS, PAIRS),
    "tables": (TABULATED, TABULATED_PAIRS),
}
LOGIC = {"logical_and": "and", "logical_or": "or", "logical_xor": "xor"}
TESTS: dict[str, Builder] = {
    "isnan": lambda v, x: v.compare("uno", x, x),
    "isinf": lambda v, x: v.compare("oeq", v.intrinsic("fabs", x), v.constant(np.inf)),
    "isfinite": lambda v, x: v.compare("olt", v.intrinsic("fabs", x), v.constant(np.inf)),
}


def cast(v: Vector, x: str, source: np.dtype[Any]) -> str:
    """A vector of another kind as one of the kind of v; a truth value is 0 or 1."""
    if source.kind == "b":
        return v.code.emit(f"uitofp {v.mask} {x} to {v.type}")
    if v.dtype.kind == "b":
        other = Vector(v.code, v.lanes, source)
        return other.compare("une", x, other.constant(0.0))
    direction = "fpext" if v.dtype.itemsize > source.itemsize else "fptrunc"
    return v.code.emit(f"{direction} {Vector(v.code, v.lanes, source).type} {x} to {v.type}")


def truth(v: Vector, name: str, *args: str) -> str:
    """A comparison or a test, of floats or of truth values: a mask."""
    if name in LOGIC:
        return v.logic(LOGIC[name], *args)
    if name == "logical_not":
        return v.opposite(*args)
    if name in TESTS:
        return TESTS[name](v, *args)
    of_floats, of_truths = COMPARE[name]
    if v.dtype.kind == "b":
        return v.code.emit(f"icmp {of_truths} {v.mask} {args[0]}, {args[1]}")
    return v.compare(of_floats, *args)


@lru_cache(maxsize=1)
def path() -> str:
    """Which way elementary functions go: the environment variable TAYLORNB_VECTOR_MATH, "auto" unless it is set; read once.

    Raises:
        ValueError: Where it is set to something else.
    """
    chosen = os.environ.get("TAYLORNB_VECTOR_MATH", "auto").lower() or "auto"
    if chosen not in PATHS:
        raise ValueError(f"the environment variable TAYLORNB_VECTOR_MATH must be one of {', '.join(PATHS)}, not {chosen!r}")
    return chosen


@lru_cache(maxsize=4096)
def elementary(name: str, dtype: np.dtype[Any], lanes: int, chosen: str) -> Builder:
    """The builder of an elementary function on the chosen path."""
    way = way_of(name, dtype, lanes, chosen)
    build = _builder(name, dtype, lanes, chosen, way)
    if dtype.itemsize == 8 and (name, way) in HUGE:
        return lambda v, x: huge.mended(v, name, x, build(v, x))
    return build


def _builder(name: str, dtype: np.dtype[Any], lanes: int, chosen: str, way: str) -> Builder:
    if way == "composed":
        return lambda v, *args: COMPOSED[name](v, *args, lambda other: elementary(other, dtype, lanes, chosen))
    if way == "libmvec":
        symbol = libmvec.found(name, dtype, lanes)
        assert symbol is not None
        return lambda v, *args: v.call(symbol, *args)
    if way in INLINE:
        return INLINE[way][0][name]
    assert name in libmvec.ARGUMENTS, f"{name} is no function of the C library"
    c_name = libmvec.c_name(name, dtype)
    return lambda v, *args: v.each(c_name, *args)


def pair_of(name: str, dtype: np.dtype[Any], lanes: int, chosen: str) -> tuple[tuple[str, str], Pair] | None:
    """Two functions of which this is one, and what computes both; None where each is computed alone."""
    way = way_of(name, dtype, lanes, chosen)
    pairs = INLINE[way][1] if way in INLINE else {}
    return next(((names, build) for names, build in pairs.items() if name in names), None)


def way_of(name: str, dtype: np.dtype[Any], lanes: int, chosen: str) -> str:
    """How an elementary function is computed: composed of others, with tables in registers, by libmvec, inline, or scalar."""
    if name in COMPOSED:
        return "composed"
    if chosen == "auto" and name in TABULATED and present(host()):
        return "tables"
    library = chosen == "libmvec" or (chosen == "auto" and (name, dtype.itemsize) in LIBRARY_FIRST)
    if library and libmvec.found(name, dtype, lanes):
        return "libmvec"
    return "inline" if name in FUNCTIONS and (chosen != "off" or name not in libmvec.ARGUMENTS) else "scalar"


def ways(dtype: np.dtype[Any], lanes: int) -> dict[str, str]:
    """The way of every elementary function, on the path in use."""
    names = ("sqrt", *libmvec.ARGUMENTS, *sorted(set(FUNCTIONS) - set(libmvec.ARGUMENTS)), *COMPOSED)
    return {name: "instruction" if name in PLAIN else way_of(name, dtype, lanes, path()) for name in names}
