"""How does a text become a kernel for a GPU, or a function that kernels and compiled functions call?

Nothing imports this module before it is needed: it imports Numba.
"""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable
from functools import lru_cache, partial
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import numba
import numpy as np

from ..reference import elementwise
from .portable import functions
from .provider import provider
from .text import MATH

DTYPES = (np.dtype(np.float64), np.dtype(np.float32))
TYPES = {"f8": np.float64, "f4": np.float32, "b1": bool, "u8": np.uint64, "np": np}
# CUDA's own functions for what Python's math module lacks, by their names in `libdevice` in both dtypes.
LIBDEVICE = {f"{name}_{dtype}": name + end for name in ("cbrt", "ceil", "floor", "rint", "sincos", "trunc")
             for dtype, end in (("f8", ""), ("f4", "f"))}  # fmt: skip

compiled = partial(numba.njit, error_model="numpy")


@lru_cache(maxsize=256)
def function(text: str) -> Any:
    """The function of a text, for kernels of the user's and for functions compiled by Numba."""
    return compiled(_made(text, "function", _for_functions()))


@lru_cache(maxsize=256)
def kernel(text: str) -> Any:
    """The kernel of a text, which Numba compiles for the kinds of arrays that it is launched with."""
    return provider().cuda.jit(python(text))


def python(text: str) -> Any:
    """The kernel as the Python function that Numba is given."""
    return _made(text, "kernel", {**_for_kernels(), "cuda": provider().cuda})


def _made(text: str, name: str, scope: dict[str, Any]) -> Any:
    place = f"<taylornb {name} {sha256(text.encode()).hexdigest()[:16]}>"
    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
    scope = {**scope, "__name__": "taylornb.generated"}
    exec(compile(text, place, "exec"), scope)  # a text of our own making: numbers, and names from the tables above
    return scope[name]


@lru_cache(maxsize=1)
def _for_functions() -> dict[str, Any]:
    """What the names in the text of a function stand for: it is compiled for the processor, and for GPUs."""
    return {**TYPES, "math": math, **_of_both(compiled)}


@lru_cache(maxsize=1)
def _for_kernels() -> dict[str, Any]:
    """What the names in the text of a kernel stand for."""
    found = provider()
    if found.simulated:
        return {**TYPES, "math": MATHEMATICS, "device": _as_it_is, **_of_both(_as_it_is, MATHEMATICS)}
    made = partial(found.cuda.jit, device=True)
    libdevice = {name: getattr(found.cuda.libdevice, own) for name, own in LIBDEVICE.items()}
    return {**TYPES, "math": math, "device": made, **_of_both(made), **libdevice}


def _of_both(made: Callable[[Any], Any], mathematics: Any = math) -> dict[str, Any]:
    return {name: own for dtype in DTYPES for name, own in functions(dtype, made, mathematics).items()}


def _as_it_is(function: Any) -> Any:
    return function


# The math module as CUDA has it: of each dtype for itself, with infinities and NaN in place of exceptions.
MATHEMATICS = SimpleNamespace(
    **{own: getattr(np, name) for name, own in MATH.items()},
    erf=elementwise(math.erf),
    erfc=elementwise(math.erfc),
    lgamma=elementwise(lambda x: math.inf if x <= 0 and x == math.floor(x) else math.lgamma(x)),
)
