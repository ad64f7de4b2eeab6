"""Derivatives of any order over large arrays: truncated Taylor series in compiled NumPy-style functions, with ⊥."""

from __future__ import annotations

from .array import TaylorArray
from .basis import Basis
from .cache import CacheInfo, cache_info, clear_cache
from .create import constant, from_coefficients, variable, variables
from .derivatives import derivatives
from .errors import BasisError, TracingError, UnsupportedError
from .functions import Function, define, functions
from .fuse import Fused, fuse
from .info import Info, info
from .program import Cost
from .threads import threads
from .version import __version__

_functions = functions()
operations: tuple[str, ...] = tuple(_functions)  # the names of all operations: tn.name, and np.name where NumPy has it
globals().update(_functions)

__all__ = [
    "Basis",
    "BasisError",
    "CacheInfo",
    "Cost",
    "Function",
    "Fused",
    "Info",
    "TaylorArray",
    "TracingError",
    "UnsupportedError",
    "__version__",
    "cache_info",
    "clear_cache",
    "constant",
    "define",
    "derivatives",
    "from_coefficients",
    "fuse",
    "info",
    "operations",
    "threads",
    "variable",
    "variables",
    *operations,
]


def __getattr__(name: str) -> Function:
    """Tells type checkers that every other name is an operation."""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
