"""What happens to arrays on a GPU besides functions: coefficients written out, copies, sums."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from importlib import import_module
from math import prod

import numpy as np

from .gpu import Call, Place, Room, current, launch, stream_of
from .operand import Operand, Spec
from .program import Instruction, Output, Program, Ref, Store
from .support import Support
from .targets.cuda import text
from .targets.cuda.launching import launcher
from .targets.cuda.memory import DevicePlanes
from .targets.cuda.occupancy import THREADS

SUMMANDS = 64  # elements that a thread adds up


def rows(found: Operand, monomials: Sequence[int], factors: Sequence[int | Fraction] | None = None) -> DevicePlanes:
    """The coefficients of these monomials, each times its factor, in memory of their own, zeros and ones written out."""
    assert found.spec.dtype is not None
    stored, dtype = found.spec.support.row, found.spec.dtype
    loads = {i: Instruction("load", (), dtype, (0, stored[i])) for i in monomials if i in stored}
    places = {i: n for n, i in enumerate(loads)}
    units = found.spec.support.units
    instructions, stores = list(loads.values()), list[Store]()
    for row, (i, factor) in enumerate(zip(monomials, factors or [1] * len(monomials), strict=True)):
        what: Ref | Fraction = Ref(places[i]) if i in places else Fraction(factor * (i in units))
        if i in places and factor != 1:
            instructions.append(Instruction("multiply", (what, Fraction(factor)), dtype))
            what = Ref(len(instructions) - 1)
        stores.append(Store(0, row, what))
    output = Output(Support.packed(range(len(monomials))), dtype)
    return launch(Program(tuple(instructions), tuple(stores), (output,)), [found], found.shape)[0]  # type: ignore[no-any-return]


def owned(found: Operand) -> Operand:
    """The same series in memory of its own, on the processor or on its GPU, with a row for the value."""
    if found.planes.device == "cpu":
        return found.copy()
    stored = sorted({0, *found.spec.support.row})
    support = Support.packed(stored, found.spec.support.units)
    return Operand(rows(found, stored), Spec(support, found.spec.dtype, found.spec.basis))


def copied(planes: DevicePlanes) -> DevicePlanes:
    """The planes in memory of their own, their elements one after the other."""
    dtype, place = planes.dtype, Place(planes.library, planes.number, False)
    made: DevicePlanes = Room(place, planes.shape, dtype).array()
    if planes.size:
        load, output = Instruction("load", (), dtype, (0, 0)), Output(Support.packed((0,)), dtype)
        one, own = planes[np.newaxis], made[np.newaxis]  # rows are elements: they may be many, and one kernel does for all
        Call(Program((load,), (Store(0, 0, Ref(0)),), (output,)), [(dtype, one)], planes.shape, place).run(one, own)
    return made


def totals(planes: DevicePlanes, axes: Sequence[int], keepdims: bool) -> DevicePlanes:
    """The sums of the elements over some of their axes, in an order that the shape alone determines.

    Args:
        planes: (rows, *shape), of floats.
        axes: The axes of the elements.
        keepdims: Whether these stay, with length 1.
    """
    elements = planes.shape[1:]
    kept = [axis for axis in range(len(elements)) if axis not in axes]
    moved = planes.transposed([0, *(1 + axis for axis in (*kept, *axes))])
    outer, inner = prod(elements[axis] for axis in kept), prod(elements[axis] for axis in axes)
    found = moved.reshape((len(planes), outer, inner))
    while inner > 1 and outer:
        found = _partial_sums(found, -(-inner // SUMMANDS))
        inner = found.shape[2]
    shape = [1 if axis in axes else length for axis, length in enumerate(elements) if keepdims or axis in kept]
    return found.reshape((len(planes), *shape))


def _partial_sums(planes: DevicePlanes, parts: int) -> DevicePlanes:
    rows, outer, inner = planes.shape
    place = Place(planes.library, planes.number, False)
    made: DevicePlanes = Room(place, (rows, outer, parts), planes.dtype).array()
    n = rows * outer * parts
    by = import_module(".targets.cuda.compiled", __package__)  # Numba is not imported before it is needed
    lengths = [np.uint64(length) for length in (n, outer, parts, inner)]
    with current(place):
        launched = launcher(by.kernel(text.SUMS), -(-n // THREADS), THREADS, stream_of(None, place))
        launched(*lengths, planes.array(), made.array())
    return made
