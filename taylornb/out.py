"""Where do results go for which the caller has memory (`out=`)?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .array import TaylorArray
from .basis import Basis
from .containers import Tree, flattened, places, rebuilt
from .errors import BasisError, UnsupportedError
from .evaluate import Like
from .inplace import cannot_take, memories, repeats, same_place, taken, takes
from .operand import Operand, Planes, Spec
from .targets.cuda.libraries import is_on_device, planes_of
from .targets.cuda.memory import share_memory
from .written import is_shared

DOUBLE = np.dtype(np.float64)


class Out:
    """An array that takes over a result, in the memory it has where that is large enough.

    Args:
        given: A TaylorArray, or an ndarray for a plain result.
        name: What messages call it: `out`, or `out[1]`.

    Raises:
        UnsupportedError: For anything else.
    """

    def __init__(self, given: Any, name: str) -> None:
        if not isinstance(given, TaylorArray | np.ndarray) and not is_on_device(given):
            raise UnsupportedError(
                f"{name} must be a TaylorArray, or an ndarray for a plain result, in the containers that the function "
                f"returns, not {type(given).__name__}"
            )
        self.given, self.name = given, name
        # Nothing but the array itself refers to its planes: no other array is over them.
        self.alone = isinstance(given, TaylorArray) and not is_shared(given._found.planes, 1)

    @property
    def planes(self) -> Planes:
        """The memory it has now."""
        if isinstance(self.given, TaylorArray):
            return self.given._found.planes
        return (self.given if isinstance(self.given, np.ndarray) else planes_of(self.given))[np.newaxis]

    def room(self, spec: Spec) -> Planes | None:
        """Planes that a kernel may write such a result to: their elements are one after the other."""
        if isinstance(self.given, TaylorArray) and not takes(self.given._found, spec, self.alone):
            return None
        planes = self.planes
        flags = planes[0].flags
        return planes if flags.c_contiguous and flags.aligned else None

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
            ValueError: For another shape or dtype, and for an array that repeats elements in memory or cannot be written to.
            UnsupportedError: For a plain array where the result is a series, or the other way round.
            BasisError: For another basis.
        """
        if self.planes.shape[1:] != shape or self.planes.dtype != dtype:
            raise ValueError(
                f"{self.name} has shape {self.planes.shape[1:]} and dtype {self.planes.dtype}, and the result shape {shape} "
                f"and dtype {dtype}; give an array like an earlier result"
            )
        series = basis is not None and dtype.kind != "b"
        if series != isinstance(self.given, TaylorArray):
            kinds = ("a series, which a TaylorArray holds", "plain, which an ndarray holds")
            raise UnsupportedError(f"{self.name} is a {type(self.given).__name__}, and the result is {kinds[not series]}")
        if isinstance(self.given, TaylorArray) and self.given.basis != basis:
            raise BasisError(f"{self.name} is a series on {self.given.basis}, and the result one on {basis}")
        if not all(planes.flags.writeable for planes in _memories(self)) or (not series and repeats(self.planes)):
            raise cannot_take(_memories(self), self.name)


def outs_for(out: Tree, layout: Tree, is_made: Sequence[bool]) -> list[Out]:
    """What was given for each result.

    Args:
        out: Arrays in containers.
        layout: The containers of the results.
        is_made: For each result, whether it is computed; what is given for others is not looked at.

    Raises:
        ValueError: For other containers than those of the results, or the same array twice.
        UnsupportedError: For something else than arrays.
    """
    own, leaves = flattened(out)
    if len(leaves) != len(is_made):
        raise ValueError(f"out has {len(leaves)} arrays, and the function returns {len(is_made)}; give one for each result")
    if own != layout:
        got, wanted = (rebuilt(containers, [...] * len(leaves)) for containers in (own, layout))
        raise ValueError(f"out is {got}, and the function returns {wanted}; give arrays in these containers")
    given = [(leaf, f"out{place}") for leaf, place, made in zip(leaves, places(layout), is_made, strict=True) if made]
    if len({id(leaf) for leaf, _ in given}) < len(given):
        raise ValueError("out has the same array twice; give one for each result")
    return [Out(leaf, name) for leaf, name in given]


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
        if out.planes.device != one.planes.device:
            raise UnsupportedError(
                f"{out.name} and its result are on several devices, {out.planes.device} and {one.planes.device}; give an array "
                f"like an earlier result"
            )
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
    found = one if isinstance(one, Operand) else getattr(one.given, "_found", None)
    return [one.planes] if found is None else memories(found)


def _meets(one: Out | Operand, others: Sequence[Out | Operand]) -> bool:
    mine = _memories(one)
    return any(share_memory(a, b) for other in others for a in mine for b in _memories(other))
