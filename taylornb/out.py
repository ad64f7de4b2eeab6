"""Where do results go for which the caller has memory (`out=`)?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .array import TaylorArray
from .basis import Basis
from .errors import BasisError, UnsupportedError
from .evaluate import Like
from .inplace import same_place, taken, takes
from .operand import Operand, Planes, Spec
from .written import is_shared

DOUBLE = np.dtype(np.float64)


class Out:
    """An array that takes over a result, in the memory it has where that is large enough.

    Args:
        given: A TaylorArray, or an ndarray for a plain result.

    Raises:
        UnsupportedError: For anything else.
    """

    def __init__(self, given: Any) -> None:
        if not isinstance(given, TaylorArray | np.ndarray):
            raise UnsupportedError(
                f"out must be a TaylorArray, or an ndarray for a plain result, in the containers that the function "
                f"returns, not {type(given).__name__}"
            )
        self.given = given
        # Nothing but the array itself refers to its planes: no other array is over them.
        self.alone = isinstance(given, TaylorArray) and not is_shared(given._found.planes, 1)

    @property
    def planes(self) -> Planes:
        """The memory it has now."""
        return self.given._found.planes if isinstance(self.given, TaylorArray) else self.given[np.newaxis]

    def room(self, spec: Spec) -> Planes | None:
        """Planes that a kernel may write such a result to: their elements are one after the other."""
        if isinstance(self.given, TaylorArray) and not takes(self.given._found, spec, self.alone):
            return None
        planes = self.planes
        flags = planes[0].flags
        return planes if flags.c_contiguous and flags.aligned and flags.writeable else None

    def take(self, found: Operand) -> Any:
        """The array that was given, holding a result that was checked."""
        if isinstance(self.given, TaylorArray):
            self.given._found = taken(self.given._found, found, self.alone)
        elif not same_place(self.planes, found.planes):
            self.planes[...] = found.planes
        return self.given

    def check(self, shape: tuple[int, ...], dtype: np.dtype[Any], basis: Basis | None) -> None:
        """Raise unless the array can hold such a result.

        Raises:
            ValueError: For another shape or dtype, and for a plain array that cannot be written to.
            UnsupportedError: For a plain array where the result is a series, or the other way round.
            BasisError: For another basis.
        """
        if self.planes.shape[1:] != shape or self.planes.dtype != dtype:
            raise ValueError(
                f"out has shape {self.planes.shape[1:]} and dtype {self.planes.dtype}, and the result shape {shape} and "
                f"dtype {dtype}; give an array like an earlier result"
            )
        series = basis is not None and dtype.kind != "b"
        if series != isinstance(self.given, TaylorArray):
            kinds = ("a series, which a TaylorArray holds", "plain, which an ndarray holds")
            raise UnsupportedError(f"out is a {type(self.given).__name__}, and the result is {kinds[not series]}")
        if isinstance(self.given, TaylorArray) and self.given.basis != basis:
            raise BasisError(f"out is a series on {self.given.basis}, and the result one on {basis}")
        if not series and not self.planes.flags.writeable:
            raise ValueError("out is read-only; give an array that can be written to")


def rooms(outs: Sequence[Out], likes: Sequence[Like], operands: Sequence[Operand]) -> list[Planes | None]:
    """For each result planes that a kernel may write to while it reads the operands, or None.

    Raises:
        ValueError, UnsupportedError, BasisError: Where an array cannot hold its result; none has been written to.
    """
    if any(found.planes.dtype.kind == "O" for found in operands):
        return [None] * len(outs)
    for out, (spec, shape) in zip(outs, likes, strict=True):
        out.check(shape, spec.dtype or DOUBLE, spec.basis)
    return [
        None if _meets(out, [*_others(out, outs), *operands]) else out.room(spec)
        for out, (spec, _) in zip(outs, likes, strict=True)
    ]


def take(outs: Sequence[Out], found: Sequence[Operand], operands: Sequence[Operand]) -> list[Any]:
    """The arrays that were given, each holding its result, as if arguments and results had been copied before.

    Raises:
        ValueError, UnsupportedError, BasisError: Where an array cannot hold its result; none has been written to.
    """
    for out, one in zip(outs, found, strict=True):
        out.check(one.shape, one.planes.dtype, one.spec.basis)
    own = list[Operand]()
    for out, one in zip(outs, found, strict=True):
        shared = not same_place(out.planes, one.planes) and _meets(one, [*operands, *own, *_others(out, outs)])
        own.append(Operand(one.planes.copy(), one.spec) if shared else one)
    return [out.take(one) for out, one in zip(outs, own, strict=True)]


def apart(results: Sequence[Operand]) -> list[Operand]:
    """The results, each in memory of its own: equal expressions are computed once."""
    seen, found = set[int](), list[Operand]()
    for one in results:
        found.append(one.copy() if id(one.planes) in seen else one)
        seen.add(id(one.planes))
    return found


def _others(out: Out, outs: Sequence[Out]) -> list[Out]:
    return [other for other in outs if other is not out]


def _memories(one: Out | Operand) -> list[Planes]:
    """Where its coefficients are, and its values."""
    values = one.values if isinstance(one, Operand) else getattr(getattr(one.given, "_found", None), "values", None)
    return [one.planes] if values is None else [one.planes, values]


def _meets(one: Out | Operand, others: Sequence[Out | Operand]) -> bool:
    mine = _memories(one)
    return any(np.may_share_memory(a, b) for other in others for a in mine for b in _memories(other))
