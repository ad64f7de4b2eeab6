"""Which functions of vectors does this system's C library have?

glibc's libmvec, looked for when it is first asked for: sin, cos, exp, log and pow since glibc 2.22, the others since 2.35.
Every function here was measured in every width, with glibc 2.36 (docs/vector-math.md): at most 4 ulp, special values right, and
no element depends on another. The widths differ among themselves in the last bits. On AArch64 the functions follow a calling
convention of their own (aarch64_vector_pcs) and none was measured, so that they are not offered.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from .machine import host

Dtype = np.dtype[Any]
LIBRARY = "libmvec.so.1"

# NumPy's names where C has others.
C_NAMES = {
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "arctan2": "atan2",
    "power": "pow",
}
CIRCULAR = ("sin", "cos", "tan", "arcsin", "arccos", "arctan")
HYPERBOLIC = ("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh")
OTHERS = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "cbrt", "erf", "erfc")
TWO = ("power", "arctan2", "hypot")
ARGUMENTS = {**dict.fromkeys((*CIRCULAR, *HYPERBOLIC, *OTHERS), "v"), **dict.fromkeys(TWO, "vv")}
# The letter of the vector ABI for each size of a vector in bytes, and the feature without which it must not be called: where
# there is AVX-512F without DQ, glibc (2.36) chooses code for Xeon Phi, with instructions that no other processor has.
LETTERS = {16: ("b", "+sse2"), 32: ("d", "+avx2"), 64: ("e", "+avx512dq")}
SUFFIXES = {"f8": "", "f4": "f"}


def loaded() -> bool:
    """Whether there is such a library."""
    return _library() is not None


def c_name(name: str, dtype: Dtype) -> str:
    """C's name of the scalar function: sin is sinf on float32."""
    return C_NAMES.get(name, name) + SUFFIXES[dtype.str[1:]]


def found(name: str, dtype: Dtype, lanes: int) -> str | None:
    """The symbol of a function of exactly so many lanes, by NumPy's name; None if there is none that this processor can run.

    Args:
        name: NumPy's name of the function.
        dtype: float64 or float32.
        lanes: Elements of a vector.
    """
    letter, feature = LETTERS.get(lanes * dtype.itemsize, ("", ""))
    if name not in ARGUMENTS or dtype.str[1:] not in SUFFIXES or not letter or feature not in host().features.split(","):
        return None
    symbol = f"_ZGV{letter}N{lanes}{ARGUMENTS[name]}_{c_name(name, dtype)}"
    return symbol if hasattr(_library(), symbol) else None


@cache
def _library() -> ctypes.CDLL | None:
    """The library, once it is in the process and LLVM resolves its symbols."""
    arch = llvm.get_process_triple().partition("-")[0]
    if sys.platform != "linux" or arch != "x86_64" or sys.maxsize < 2**32:
        return None
    try:
        library = ctypes.CDLL(LIBRARY)
        llvm.load_library_permanently(LIBRARY)
    except (OSError, RuntimeError):
        return None
    return library
