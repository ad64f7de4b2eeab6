"""Ops that move or add elements: each is NumPy's function, applied to every plane."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from importlib import import_module
from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .basis import same_basis
from .operand import Operand, Planes, Spec
from .rules import Op
from .rules import structure as declare
from .support import Support
from .targets.cuda.libraries import to_host
from .targets.cuda.memory import is_basic

Bound = tuple[tuple[Any, ...], tuple[Any, ...]]


def each_plane(operands: Sequence[Operand], function: Callable[..., Any]) -> Operand:
    """The function of the planes of every monomial that any of the operands holds."""
    monomials = sorted({0, *(i for found in operands for i in found.spec.support.monomials)})
    with np.errstate(all="ignore"):
        planes = np.stack([np.asarray(function(*(found.plane(i) for found in operands))) for i in monomials])
    strong = [found.spec.dtype for found in operands if found.spec.dtype is not None]
    basis = same_basis(found.spec.basis for found in operands)
    return Operand(planes, Spec(Support.packed(monomials), planes.dtype if strong else None, basis))


def each_row(found: Operand, function: Callable[[Planes], Planes]) -> Operand:
    """The function of all planes at once, for functions that leave ones and zeros what they are."""
    return found.view(function)


def index(found: Operand, key: Any) -> Operand:
    """Elements by NumPy's index on the element axes; a basic index gives a view."""
    if found.planes.device != "cpu":
        key = _on_a_gpu().host_key(key)
    entries = key if isinstance(key, tuple) else (key,)
    np.broadcast_to(np.False_, found.shape)[key]  # NumPy's error, for the element axes alone
    if all(map(is_basic, entries)):
        return each_row(found, lambda planes: planes[(slice(None), *entries)])
    if found.planes.device != "cpu":
        return _on_a_gpu().taken(found, key)
    return found.each(lambda plane: plane[key])


def _on_a_gpu() -> Any:
    """How elements move there: by kernels, and so in a later module."""
    return import_module(".elements", __package__)


def _joined(operands: Sequence[Operand], axis: Any, function: Callable[..., Any], on_a_gpu: str) -> Operand:
    """Arrays in one, by NumPy's function where they are on the processor."""
    if any(found.planes.device != "cpu" for found in operands):
        return getattr(_on_a_gpu(), on_a_gpu)(operands, axis)  # type: ignore[no-any-return]
    return each_plane(operands, lambda *planes: function(planes, axis=axis))


def _axes(axis: Any) -> Any:
    return tuple(map(int, axis)) if isinstance(axis, Iterable) else axis


def _bind_reduction(a: Any, axis: Any = None, *, keepdims: bool = False) -> Bound:
    return (a,), (_axes(axis), bool(keepdims))


def _bind_arrays(arrays: Any, axis: int = 0) -> Bound:
    return tuple(arrays), (axis,)


def _bind_reshape(a: Any, shape: Any, order: str = "C") -> Bound:
    if order != "C":
        raise TypeError(f"order={order!r} is not supported, only 'C'")
    return (a,), (_axes(shape),)


def _bind_broadcast(array: Any, shape: Any) -> Bound:
    return (array,), (_axes(shape),)


def _bind_index(array: Any, key: Any) -> Bound:
    return (array,), (_frozen(key),)


def _frozen(key: Any) -> Any:
    """An index as something hashable: Python 3.11 has no hash for a slice."""
    if isinstance(key, tuple):
        return ("tuple", *map(_frozen, key))
    if isinstance(key, slice):
        return ("slice", key.start, key.stop, key.step)
    if not is_basic(key):
        raise TypeError("inside tn.fuse an index is made of whole numbers, slices, None and ...; use tn.where")
    return key


def _thawed(key: Any) -> Any:
    if isinstance(key, tuple):
        return slice(*key[1:]) if key[0] == "slice" else tuple(map(_thawed, key[1:]))
    return key


def _reshape(operands: Sequence[Operand], shape: Any) -> Operand:
    found = operands[0]
    lengths = shape if isinstance(shape, tuple) else (shape,)
    target = np.empty(found.shape, dtype=bool).reshape(lengths).shape  # NumPy resolves the -1
    return each_row(found, lambda planes: planes.reshape((len(planes), *target)))


def _broadcast(operands: Sequence[Operand], shape: Any) -> Operand:
    found = operands[0]
    target = shape if isinstance(shape, tuple) else (shape,)
    np.broadcast_to(np.empty(found.shape, dtype=bool), target)  # NumPy's error for element axes
    missing = (1,) * (len(target) - len(found.shape))

    def repeated(planes: Any) -> Any:
        whole = (len(planes), *target)
        own = planes.reshape((len(planes), *missing, *found.shape))
        return np.broadcast_to(own, whole) if planes.device == "cpu" else own.broadcast(whole)

    return each_row(found, repeated)


def _sum(plane: Planes, axis: Any, keepdims: bool, dtype: Any = None) -> Planes:
    """numpy.sum in an order that the shape determines: NumPy adds along the memory, whichever axis that is."""
    total: Planes = np.sum(np.asarray(plane, order="C"), axis=axis, keepdims=keepdims, dtype=dtype)
    return total


def _reduced(found: Operand, axis: Any, keepdims: bool, mean: bool) -> Operand:
    """The sum or the mean over the element axes."""
    if found.planes.device == "cpu":
        reduce = _mean if mean else _sum
        return each_plane([found], lambda plane: reduce(plane, axis, keepdims))
    device = import_module(".device", __package__)  # kernels, and so of a later module
    axes = normalize_axis_tuple(range(len(found.shape)) if axis is None else axis, len(found.shape))
    if not found.planes.size:
        return _on_a_gpu().nothing(found, axes, keepdims, mean)
    if found.planes.dtype.kind != "f":
        found = _on_a_gpu().as_floats(found)
    monomials = sorted({0, *found.spec.support.monomials})
    weight = Fraction(1, prod(found.shape[a] for a in axes) if mean else 1)
    planes = device.totals(device.rows(found, monomials), axes, keepdims)
    whole = Operand(planes, Spec(Support.packed(range(len(monomials))), planes.dtype, found.spec.basis))
    planes = device.rows(whole, range(len(monomials)), [weight] * len(monomials)) if mean else planes
    return Operand(planes, Spec(Support.packed(monomials), planes.dtype, found.spec.basis))


def _mean(plane: Planes, axis: Any, keepdims: bool) -> Planes:
    """numpy.mean, which also warns where there is nothing to average."""
    total = np.asarray(_sum(plane, axis, keepdims, None if plane.dtype.kind != "b" else np.float64))
    count = plane.size // total.size if total.size else 1
    return np.asarray(total / (count if plane.size else total.dtype.type(0)))


def on_the_processor(found: Operand) -> Operand:
    """The operand where NumPy can compare it: an answer has to wait for a GPU anyway."""
    if found.planes.device == "cpu":
        return found
    planes = to_host(found.planes[...].given())
    return Operand(planes, found.spec, values=None if found.values is None else to_host(found.values[...].given()))


def _close(p: Planes, q: Planes, rtol: float, atol: float, equal_nan: bool) -> bool:
    if "O" in (p.dtype.kind, q.dtype.kind):
        return bool(np.all(abs(p - q) <= atol + rtol * abs(q)))
    return np.allclose(p, q, rtol, atol, equal_nan)


def _agree(operands: Sequence[Operand], equal: Callable[[Planes, Planes], Any]) -> bool:
    a, b = map(on_the_processor, operands)
    same_basis(found.spec.basis for found in operands)
    monomials = {*a.spec.support.monomials, *b.spec.support.monomials}
    return all(bool(equal(a.plane(i), b.plane(i))) for i in sorted(monomials))


sum: Op = declare(
    "sum",
    "The sum over the element axes, as numpy.sum.",
    lambda operands, axis, keepdims: _reduced(operands[0], axis, keepdims, mean=False),
    bind=_bind_reduction,
    on_truth="number",
)
mean: Op = declare(
    "mean",
    "The mean over the element axes, as numpy.mean.",
    lambda operands, axis, keepdims: _reduced(operands[0], axis, keepdims, mean=True),
    bind=_bind_reduction,
    on_truth="number",
)
stack: Op = declare(
    "stack",
    "Arrays joined along a new axis, as numpy.stack.",
    lambda operands, axis: _joined(operands, axis, np.stack, "stacked"),
    bind=_bind_arrays,
    on_truth="same",
    at=(0.7, 0.3),
)
concatenate: Op = declare(
    "concatenate",
    "Arrays joined along an axis they have, as numpy.concatenate.",
    lambda operands, axis: _joined(operands, axis, np.concatenate, "concatenated"),
    bind=_bind_arrays,
    on_truth="same",
    at=(0.7, 0.3),
)
reshape: Op = declare(
    "reshape",
    "The same elements in another shape, as numpy.reshape.",
    _reshape,
    bind=_bind_reshape,
    on_truth="same",
    unread=True,
)
broadcast_to: Op = declare(
    "broadcast_to",
    "The elements repeated to a shape, in a view, as numpy.broadcast_to.",
    _broadcast,
    bind=_bind_broadcast,
    on_truth="same",
    unread=True,
)
getitem: Op = declare(
    "getitem",
    "Elements by NumPy's index.",
    lambda operands, key: index(operands[0], _thawed(key)),
    bind=_bind_index,
    on_truth="same",
    unread=True,
    public=False,
)
array_equal: Op = declare(
    "array_equal",
    "Whether two arrays have the same shape and equal coefficients in every retained degree.",
    lambda operands, equal_nan: _agree(operands, lambda p, q: np.array_equal(p, q, equal_nan)),
    bind=lambda a1, a2, equal_nan=False: ((a1, a2), (bool(equal_nan),)),
    at=(0.7, 0.3),
    answers=True,
)
allclose: Op = declare(
    "allclose",
    "Whether every coefficient is close, as numpy.allclose.",
    lambda operands, rtol, atol, equal_nan: _agree(operands, lambda p, q: _close(p, q, rtol, atol, equal_nan)),
    bind=lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: ((a, b), (rtol, atol, equal_nan)),
    at=(0.7, 0.3),
    answers=True,
)
shape: Op = declare("shape", "The shape of the elements.", lambda operands: operands[0].shape, unread=True, answers=True)
ndim: Op = declare("ndim", "The number of element axes.", lambda operands: len(operands[0].shape), unread=True, answers=True)
size: Op = declare(
    "size",
    "The number of elements.",
    lambda operands: int(np.prod(operands[0].shape, dtype=np.int64)),
    unread=True,
    answers=True,
)
