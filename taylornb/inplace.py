"""How does an array take new coefficients where it is, so that the arrays it shares memory with see them?"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from itertools import accumulate
from typing import Any

import numpy as np

from . import buffers
from .basis import same_basis
from .operand import Operand, Planes, Spec
from .support import Support
from .targets.cuda.memory import extent, share_memory, start
from .written import check, is_put_back, is_stale, was_written, wrote

WHOLE = ...


def assign(target: Operand, given: Operand, key: Any, operation: str) -> Operand:
    """The target with other elements at an index, written to its memory; as if what is given had been copied before.

    Coefficients that the target has no memory for get memory of their own, together with the rest of its coefficients; the
    values stay where they are, so that arrays that share them see the new ones.

    Args:
        target: What is written to.
        given: The new elements, which broadcast to those at the index.
        key: NumPy's index on the element axes, `...` for all.
        operation: What this is, for the messages of arrays that are left behind.

    Raises:
        StaleError: Where only some elements are written, and the coefficients of the others are out of date.
        ValueError: Where the shapes do not broadcast, or the memory cannot be written to.
        TypeError: Where the dtype cannot hold the new elements.
        BasisError: Where the bases differ.
    """
    if target.planes.device != "cpu":
        key = _on_a_gpu().host_key(key)
    _check_fits(target, given, key, operation)
    whole = key is WHOLE or (isinstance(key, slice) and key == slice(None)) or (isinstance(key, tuple) and not key)
    if not whole and not is_put_back(target, given, key):
        check(target)
    if share_memory(given.planes, target.planes):
        given = Operand(given.planes.copy(), given.spec)
    support = _support(target.spec.support, given.spec.support)
    found = target if _has_room(target, support) else _moved(target, support, whole)
    _put_rows(found.planes, found.spec.support.rows, key, given)
    if found.values is not None:
        _put_rows(found.values[np.newaxis], ((0, 0),), key, given)
    if found is target or found.values is not None:
        wrote(found, operation)
    return found


def _on_a_gpu() -> Any:
    """How elements move there: by kernels, and so in a later module."""
    return import_module(".elements", __package__)


def _put_rows(planes: Planes, rows: Sequence[tuple[int, int]], key: Any, given: Operand) -> None:
    """Write the coefficients, each (monomial, row), to elements at an index."""
    if planes.device == "cpu":
        for monomial, row in rows:
            _put(planes[row, ...], key, given.plane(monomial))
    else:
        _on_a_gpu().assign(planes, rows, key, given)


def _put(plane: Planes, key: Any, new: Planes) -> None:
    if plane.dtype.kind == "O":  # it would hold an array of one element itself, and NumPy's numbers
        new = new if new.dtype.kind == "O" else np.array(new.astype(np.float64).tolist(), dtype=object)
    plane[key] = new[()] if new.ndim == 0 else new


def takes(target: Operand, spec: Spec, alone: bool) -> bool:
    """Whether a result like this may be written to the memory of an array, row by row.

    Rows beyond the array's own coefficients may be those of another array, unless it is `alone` over its memory.
    """
    own, rows = target.spec.support, spec.support.rows
    if not rows or rows[-1][1] != len(rows) - 1:  # not as kernels write them, one after the other
        return False
    if alone:
        return target.values is None and len(rows) <= len(target.planes)
    if 0 not in spec.support.row or 0 not in own.row or not may_be_renewed(target):
        return False
    return all(own.row.get(monomial) == row for monomial, row in rows)


def may_be_renewed(target: Operand) -> bool:
    """Whether arrays over all of its memory would be right again; elements beside it may be out of date."""
    return not is_stale(target) or target.planes.size == extent(target.planes)


def taken(target: Operand, found: Operand, alone: bool) -> Operand:
    """The target with the coefficients of a result (`out=`), in its own memory where that takes them."""
    if 0 not in found.spec.support.row:
        found = found.copy()
    if takes(target, found.spec, alone):
        planes, values = target.planes, target.values
        if not same_place(planes, found.planes):
            planes[: len(found.spec.support.rows)] = found.planes[: len(found.spec.support.rows)]
    else:
        planes, values = found.planes, None if alone and target.values is None else target.value()
    if values is not None:
        _put_rows(values[np.newaxis], ((0, 0),), WHOLE, found)
    new = Operand(planes, found.spec, values=values)
    if values is not None or (planes is target.planes and (not alone or was_written(new))):
        wrote(new, "out=")
    return new


def memories(found: Operand) -> list[Planes]:
    """Where its coefficients are, and its values."""
    return [found.planes] if found.values is None else [found.planes, found.values]


def same_place(a: Planes, b: Planes) -> bool:
    """Whether the rows of the shorter are the first rows of the other."""
    return start(a) == start(b) and a.strides == b.strides


def repeats(planes: Planes) -> bool:
    """Whether several elements are in one place of memory, as in an array that was broadcast."""
    if planes.flags.c_contiguous:
        return False
    axes = sorted((abs(stride), length) for stride, length in zip(planes.strides, planes.shape, strict=True) if length > 1)
    if not planes.size or not axes or not axes[0][0]:
        return bool(planes.size and axes)
    ends = accumulate([stride * (length - 1) for stride, length in axes], initial=planes.itemsize)
    if all(stride >= end for (stride, _), end in zip(axes, ends, strict=False)):  # each axis is beyond those before it
        return False
    places = sum(np.ogrid[tuple(slice(0, stride * length, stride) for stride, length in axes)], np.zeros((), np.int64))
    return bool((np.diff(np.sort(places, axis=None)) < planes.itemsize).any())


def cannot_take(memories: Sequence[Planes], name: str) -> ValueError:
    """What to say of memory that cannot be written to."""
    repeated = "repeats elements in memory (it was broadcast), where each needs a place of its own"
    what = repeated if any(map(repeats, memories)) else "is read-only"
    return ValueError(f"{name} {what}; give an array that can be written to, such as a .copy()")


def _support(own: Support, given: Support) -> Support:
    """What has to be stored: what was, what comes, and ones that do not stay ones everywhere."""
    units = tuple(sorted({*own.units} & {*given.units}))
    stored = ({0, *own.row, *own.units, *given.row, *given.units}) - {*units}
    return Support.packed(sorted(stored), units)


def _has_room(target: Operand, support: Support) -> bool:
    own = target.spec.support
    return own.units == support.units and own.row.keys() == support.row.keys() and may_be_renewed(target)


def _moved(target: Operand, support: Support, whole: bool) -> Operand:
    """The target with its coefficients in memory of their own."""
    spec, shape = target.spec, (len(support.rows), *target.shape)
    own, dtype = target.planes, target.planes.dtype
    planes = buffers.empty(shape, dtype) if own.device == "cpu" else _on_a_gpu().empty(own, shape, dtype)
    if not whole:
        _put_rows(planes, support.rows, WHOLE, target)
    return Operand(planes, Spec(support, spec.dtype, spec.basis), values=target.value())


def _check_fits(target: Operand, given: Operand, key: Any, operation: str) -> None:
    same_basis((target.spec.basis, given.spec.basis))
    if given.spec.dtype is not None and not np.can_cast(given.planes.dtype, target.planes.dtype, "same_kind"):
        raise TypeError(f"cannot write {given.planes.dtype} into an array of {target.planes.dtype}; convert it first")
    if not all(planes.flags.writeable for planes in memories(target)):
        raise cannot_take(memories(target), f"what {operation} writes to")
    region = np.shape(np.broadcast_to(np.False_, target.shape)[key])
    longer = any(n != 1 for n in given.shape[: max(len(given.shape) - len(region), 0)])
    if longer or any(n not in (1, m) for n, m in zip(given.shape[::-1], region[::-1], strict=False)):
        raise ValueError(f"could not broadcast elements of shape {given.shape} into shape {region}")
