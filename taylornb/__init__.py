"""Derivatives of any order over large arrays: truncated Taylor series in compiled NumPy-style functions, with ⊥."""

from __future__ import annotations

from importlib import import_module

from .agreement import Agreement, agree_to, equal
from .array import TaylorArray
from .basis import Basis
from .cache import CacheInfo, cache_info, clear_cache
from .checks import is_normal
from .create import Group, constant, from_coefficients, group, variable, variables
from .derivatives import derivatives
from .detach import frozen
from .errors import BasisError, StaleError, TracingError, UnsupportedError
from .functions import Function, define, functions
from .fuse import Fused, fuse
from .info import Info, info
from .program import Cost
from .threads import threads
from .version import __version__
from .weird import weird

_functions = functions()
operations: tuple[str, ...] = tuple(_functions)  # the names of all operations: tn.name, and np.name where NumPy has it
globals().update(_functions | {"equal": equal})  # which compares series, too

__all__ = [
    "Agreement",
    "Basis",
    "BasisError",
    "CacheInfo",
    "Cost",
    "Function",
    "Fused",
    "Group",
    "Info",
    "StaleError",
    "TaylorArray",
    "TracingError",
    "UnsupportedError",
    "__version__",
    "agree_to",
    "cache_info",
    "clear_cache",
    "constant",
    "define",
    "derivatives",
    "from_coefficients",
    "frozen",
    "fuse",
    "group",
    "info",
    "is_normal",
    "operations",
    "threads",
    "variable",
    "variables",
    "weird",
    *operations,
]


def __getattr__(name: str) -> Function:
    """`testing` when it is asked for, as NumPy has it; type checkers are told that every other name is an operation."""
    if name == "testing":
        return import_module(".testing", __name__)  # type: ignore[return-value]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
