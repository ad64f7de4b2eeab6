"""How do elements move on a GPU: into parts of other arrays, and by indices that are arrays?

What is moved are coefficients, zeros and ones written out; nothing of it comes to the processor but indices.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from fractions import Fraction
from importlib import import_module
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.typing import NDArray

from .basis import same_basis
from .gpu import Call, Place, Room, current, place_of, stream_of
from .operand import Operand, Spec
from .program import Dtype, Instruction, Output, Program, Ref, Store
from .support import CONSTANT, Support
from .targets.cuda import text
from .targets.cuda.launching import launcher
from .targets.cuda.libraries import from_host, to_host
from .targets.cuda.memory import DevicePlanes, is_basic
from .targets.cuda.occupancy import THREADS

DOUBLE = np.dtype(np.float64)
Rows = Any  # DevicePlanes, which stand where NumPy's arrays stand otherwise


def fill(target: Rows, found: Operand, monomials: Sequence[int]) -> None:
    """Write the coefficients of these monomials to the rows of planes, in their dtype; the elements broadcast.

    Raises:
        UnsupportedError: Where they are in several places.
    """
    place = place_of([Operand(target, Spec(CONSTANT, target.dtype, None)), found])
    if not target.size:
        return
    dtype, stored, units = found.spec.dtype or DOUBLE, found.spec.support.row, found.spec.support.units
    loads = {i: Instruction("load", (), dtype, (0, stored[i])) for i in monomials if i in stored}
    places = {i: n for n, i in enumerate(loads)}
    instructions = list(loads.values())
    if dtype != target.dtype:
        instructions += [Instruction("cast", (Ref(n),), target.dtype) for n in range(len(loads))]
        places = {i: len(loads) + n for i, n in places.items()}
    what = (Ref(places[i]) if i in places else Fraction(i in units) for i in monomials)
    stores = tuple(Store(0, row, one) for row, one in enumerate(what))
    program = Program(tuple(instructions), stores, (Output(Support.packed(range(len(monomials))), target.dtype),))
    planes: Rows = found.planes
    while planes.ndim > target.ndim:  # axes of one element, as NumPy has it
        planes = planes[:, 0]
    given = [(dtype, planes)] if loads else []
    Call(program, given, target.shape[1:], place, target).run(*(one for _, one in given), target)


def copy_rows(target: Rows, planes: Rows) -> None:
    """Write planes over planes, row by row."""
    support = Support.packed(range(len(planes)))
    fill(target, Operand(planes, Spec(support, planes.dtype, None)), range(len(planes)))


def empty(like: Rows, shape: tuple[int, ...], dtype: Dtype) -> Rows:
    """New planes where others are."""
    made: Rows = Room(Place(like.library, like.number, False), shape, dtype).array()
    return made


def full(like: Rows, shape: tuple[int, ...], dtype: Dtype, number: float) -> Rows:
    """New planes of one number where others are."""
    made = empty(like, shape, dtype)
    fill(made, Operand(np.array([number]), Spec(CONSTANT, DOUBLE, None)), [0] * len(made))
    return made


def above(found: Operand, spec: Spec, support: Support) -> Operand:
    """Some planes, the value not among them, in memory of their own, beside values that are zero."""
    dtype, monomials = found.planes.dtype, [monomial for monomial, _ in spec.support.rows]
    like: Rows = found.planes
    values = full(like, (1, *found.shape), dtype, 0)
    planes = values
    if monomials:
        planes = empty(like, (len(monomials), *found.shape), dtype)
        fill(planes, found, monomials)
    packed = support if support.is_constant else Support.packed(monomials, spec.support.units)
    return Operand(planes, Spec(packed, spec.dtype, spec.basis), values=values[0])


def zeros(like: Rows) -> Any:
    """A plain array of zeros, as users have it, in memory of the same library."""
    return full(like[np.newaxis], (1, *like.shape), like.dtype, 0)[0, ...].given()


def as_floats(found: Operand) -> Operand:
    """Truth values as the numbers 0 and 1."""
    like: Rows = found.planes
    made: Rows = empty(like, (1, *found.shape), DOUBLE)
    fill(made, found, [0])
    return Operand(made, Spec(CONSTANT, DOUBLE, found.spec.basis))


def nothing(found: Operand, axes: Sequence[int], keepdims: bool, mean: bool) -> Operand:
    """The sum or the mean of no elements, as NumPy has it."""
    like: Rows = found.planes
    shape = [1 if axis in axes else n for axis, n in enumerate(found.shape) if keepdims or axis not in axes]
    monomials = sorted({0, *found.spec.support.monomials})
    dtype = like.dtype if like.dtype.kind == "f" else DOUBLE
    made: Rows = full(like, (len(monomials), *shape), dtype, np.nan if mean else 0.0)
    if mean:
        warnings.warn("Mean of empty slice", RuntimeWarning, stacklevel=2)
    return Operand(made, Spec(Support.packed(monomials), dtype, found.spec.basis))


# ---- joined ------------------------------------------------------------------------------------------


def stacked(operands: Sequence[Operand], axis: int) -> Operand:
    """Arrays joined along a new axis, as numpy.stack."""
    shape = operands[0].shape
    if any(found.shape != shape for found in operands):
        raise ValueError("all input arrays must have the same shape")
    place = normalize_axis_index(axis, len(shape) + 1)
    return _joined(operands, (*shape[:place], len(operands), *shape[place:]), place, [*range(len(operands))])


def concatenated(operands: Sequence[Operand], axis: int | None) -> Operand:
    """Arrays joined along an axis they have, as numpy.concatenate."""
    if axis is None:
        operands = [found.view(lambda planes: planes.reshape((len(planes), -1))) for found in operands]
    shape = operands[0].shape
    if not shape:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    place = normalize_axis_index(axis or 0, len(shape))
    for found in operands:
        if len(found.shape) != len(shape):
            raise ValueError(
                f"all the input arrays must have same number of dimensions, but there are some of {len(shape)} and of "
                f"{len(found.shape)}"
            )
        if (*found.shape[:place], *found.shape[place + 1 :]) != (*shape[:place], *shape[place + 1 :]):
            raise ValueError(
                f"all the input array dimensions except for the concatenation axis {place} must match exactly, but there are "
                f"shapes {shape} and {found.shape}"
            )
    ends = np.cumsum([0, *(found.shape[place] for found in operands)]).tolist()
    parts = [slice(first, last) for first, last in pairwise(ends)]
    return _joined(operands, (*shape[:place], ends[-1], *shape[place + 1 :]), place, parts)


def _joined(operands: Sequence[Operand], shape: tuple[int, ...], axis: int, parts: Sequence[int | slice]) -> Operand:
    """Arrays in one, each in its part of an axis."""
    like = next(found.planes for found in operands if isinstance(found.planes, DevicePlanes))
    place_of(operands)
    monomials = sorted({0, *(i for found in operands for i in found.spec.support.monomials)})
    dtype = np.result_type(*(found.planes.dtype for found in operands))
    made = empty(like, (len(monomials), *shape), dtype)
    for found, part in zip(operands, parts, strict=True):
        fill(made[(slice(None),) * (1 + axis) + (part,)], found, monomials)
    basis = same_basis(found.spec.basis for found in operands)
    return Operand(made, Spec(Support.packed(monomials), dtype, basis))


def assign(planes: Rows, rows: Sequence[tuple[int, int]], key: Any, found: Operand) -> None:
    """Write coefficients, each (monomial, row), to elements by NumPy's index."""
    monomials, places = [monomial for monomial, _ in rows], [row for _, row in rows]
    if places != list(range(places[0], places[0] + len(places))):
        for pair in rows:
            assign(planes, [pair], key, found)
        return
    own = planes[places[0] : places[0] + len(places)]
    entries = key if isinstance(key, tuple) else (key,)
    if all(map(is_basic, entries)):
        fill(own[(slice(None), *entries)], found, monomials)
    else:
        put(own, key, found, monomials)


# ---- indices that are arrays -------------------------------------------------------------------------


def taken(found: Operand, key: Any) -> Operand:
    """Elements by NumPy's index with arrays, in memory of their own. Indices on a GPU are looked at on the processor."""
    planes, spec = _with_value(found)
    offsets, view = _offsets(planes, key)
    made = empty(planes, (len(planes), *offsets.shape), planes.dtype)
    _moved("take", view, made.reshape((len(made), -1)), offsets)
    return Operand(made, spec)


def put(target: Rows, key: Any, found: Operand, monomials: Sequence[int]) -> None:
    """Write the coefficients of these monomials to elements by NumPy's index with arrays; of several for one place the last."""
    offsets, view = _offsets(target, key)
    given = empty(target, (len(monomials), *offsets.shape), target.dtype)
    fill(given, found, monomials)
    flat, flat_given = offsets.ravel(), given.reshape((len(given), -1))
    places, last = np.unique(flat[::-1], return_index=True)
    if len(places) < len(flat):
        chosen = Operand(flat_given, Spec(Support.packed(range(len(given))), target.dtype, None))
        flat_given = taken(chosen, len(flat) - 1 - last).planes
        flat = places
    _moved("put", view, flat_given, flat)


def host_key(key: Any) -> Any:
    """An index with its arrays on the processor."""
    if isinstance(key, tuple):
        return tuple(map(host_key, key))
    return to_host(key)


def _with_value(found: Operand) -> tuple[Rows, Spec]:
    own = import_module("taylornb.device").owned(found) if 0 not in found.spec.support.row else found
    return own.planes, own.spec


def _offsets(planes: Rows, key: Any) -> tuple[NDArray[np.int64], Rows]:
    """How far the chosen elements of a row are from the first in memory, and rows that begin there."""
    size, axes = planes.itemsize, list(zip(planes.shape[1:], planes.strides[1:], strict=True))
    steps = [abs(stride) // size for _, stride in axes]
    ranges = [
        np.arange(length, dtype=np.int64) * step if stride >= 0 else np.arange(length, dtype=np.int64)[::-1] * step
        for (length, stride), step in zip(axes, steps, strict=True)
    ]
    whole = np.zeros((), np.int64)
    for axis, one in enumerate(ranges):
        whole = whole + one.reshape((-1,) + (1,) * (len(ranges) - 1 - axis))
    start = planes.address + sum(stride * (length - 1) for length, stride in axes if stride < 0 and length)
    span = 1 + sum(step * (length - 1) for (length, _), step in zip(axes, steps, strict=True)) if planes.size else 0
    layout = (start, (len(planes), span), (planes.strides[0], size), planes.dtype)
    view = DevicePlanes(planes.memory, planes.library, planes.number, layout)
    return np.asarray(np.broadcast_to(whole, planes.shape[1:])[key]), view


def _moved(what: str, far: Rows, near: Rows, offsets: NDArray[np.int64]) -> None:
    """Elements that lie anywhere, and those that lie together: one from the other."""
    n = prod(near.shape)
    if not n:
        return
    place, by = Place(far.library, far.number, False), import_module("taylornb.targets.cuda.compiled")
    with current(place):
        stream = stream_of(None, place)
        where = from_host(offsets.ravel(), stream)
        launched = launcher(by.kernel(text.MOVES[what]), -(-n // THREADS), THREADS, stream)
        launched(np.uint64(n), np.uint64(near.shape[1]), far.array(), near.array(), where.array())
