"""From a program and arrays to results: choose the form, broadcast, run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, zip_longest
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import buffers
from .buffers import LINE
from .errors import UnsupportedError
from .forms import Form, Way, chosen, streams
from .kernels import address, by_numba, kernel
from .operand import Operand, Planes
from .program import Program
from .rolled import Rolled
from .targets import reference
from .targets.multiprecision import Multiprecision

SHORT = 32  # elements of an inner axis below which the loop over it is not worth its start: inputs are repeated instead

Shape = tuple[int, ...]


def launch(
    program: Program | Rolled, operands: Sequence[Operand], way: Way = (None, None), into: Sequence[Planes | None] = ()
) -> list[Planes]:
    """The planes of each output, (rows, *shape), the operands broadcast to one shape.

    Args:
        program: What is computed.
        operands: One for each input of the program.
        way: The target, None for an operation at the prompt; and the form, None to choose it by cost.
        into: For each output planes to fill if they fit, which overlap no operand, or None.

    Raises:
        UnsupportedError: For mpmath numbers on a target that has no such numbers.
        ValueError: Where the shapes do not broadcast.
        MemoryError: Where the result is larger than the memory of the machine.
    """
    planes = [found.planes for found in operands]
    shape = _common_shape(planes)
    if any(plane.dtype.kind == "O" for plane in planes):
        assert isinstance(program, Program)  # mpmath numbers never become loops
        return _by_mpmath(program, [_without_repeats(plane) for plane in planes], shape, way)
    outputs = [_room(given, (len(out.support.rows), *shape), out.dtype) for out, given in zip_longest(program.outputs, into)]
    elements = prod(shape)
    if elements:
        if isinstance(program, Rolled):
            _compiled(program, planes, outputs)
        else:
            _RUN[chosen(len(program.instructions), elements, way)](program, planes, outputs)
    return outputs


def broadcast_shape(shapes: Sequence[Shape]) -> Shape:
    """The shape that all broadcast to.

    Raises:
        ValueError: Where they do not; it names them.
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(map(str, dict.fromkeys(shapes)))
        raise ValueError(f"the shapes of the elements do not broadcast together: {listed}") from None


def _room(given: Planes | None, shape: Shape, dtype: np.dtype[Any]) -> Planes:
    fits = given is not None and given.shape == shape and given.dtype == dtype
    return given if fits and given is not None else buffers.empty(shape, dtype)


def _common_shape(planes: Sequence[Planes]) -> Shape:
    shapes = [plane.shape[1:] for plane in planes]
    if shapes and shapes.count(shapes[0]) == len(shapes):
        return shapes[0]
    return broadcast_shape(shapes)


def _by_mpmath(program: Program, planes: Sequence[Planes], shape: Shape, way: Way) -> list[Planes]:
    context = _context(planes)
    if way[0] == "cpu" or way[1] not in (None, "reference"):
        raise UnsupportedError('mpmath numbers run on target="reference" only; the compiled targets hold floats')
    outputs = [
        np.empty((len(out.support.rows), *shape), out.dtype if out.dtype.kind == "b" or context is None else object)
        for out in program.outputs
    ]
    reference.run(program, planes, outputs, Multiprecision(context) if context is not None else None)
    return outputs


# ---- the forms ---------------------------------------------------------------------------------------


def _by_reference(program: Program, planes: Sequence[Planes], outputs: Sequence[Planes]) -> None:
    reference.run(program, [_without_repeats(plane) for plane in planes], outputs)


def _compiled(program: Program | Rolled, planes: Sequence[Planes], outputs: Sequence[Planes]) -> None:
    used = [planes[slot] for slot in program.inputs]
    if all(_is_plain(plane, outputs[0].shape) for plane in (*used, *outputs)):
        arrays = [(plane, 0) for plane in (*used, *outputs)]
        kernel(program, (True,) * len(used), streaming(outputs))((1, prod(outputs[0].shape[1:])), arrays)
        return
    for (outer, inner), ins, outs in _loops(used, outputs):
        follows = tuple(plane.shape[2] > 1 or inner == 1 for plane in ins)
        arrays = [(plane, plane.strides[1] if plane.shape[1] > 1 else 0) for plane in (*ins, *outs)]
        kernel(program, follows)((outer, inner), arrays)


def _is_plain(planes: Planes, shape: Shape) -> bool:
    """Whether the elements are one after the other, and as many as those of the outputs."""
    return planes.flags.c_contiguous and planes.shape[1:] == shape[1:]


def streaming(outputs: Sequence[Planes]) -> bool:
    """Whether results go past the caches: there is more of them than would fit, and each row starts at a cache line."""
    return streams(sum(out.nbytes for out in outputs)) and all(map(_on_lines, outputs))


def _on_lines(planes: Planes) -> bool:
    return (planes.strides[0] % LINE == 0 and address(planes) % LINE == 0) or planes.dtype.kind != "f"


def _by_numba(program: Program, planes: Sequence[Planes], outputs: Sequence[Planes]) -> None:
    for (outer, inner), ins, outs in _loops([planes[slot] for slot in program.inputs], outputs):
        ways = [("o" if plane.shape[1] > 1 else "") + ("p" if plane.shape[2] > 1 else "") for plane in ins]
        lengths = {"op": (outer, inner), "o": (outer,), "p": (inner,), "": ()}
        used = [np.ascontiguousarray(p.reshape(len(p), *lengths[way])).view() for p, way in zip(ins, ways, strict=True)]
        for plane in used:
            plane.flags.writeable = False
        whole = [out if out.flags.c_contiguous else np.empty_like(out, order="C") for out in outs]
        by_numba(program, tuple(ways), 2)(*used, *whole)
        for out, computed in zip(outs, whole, strict=True):
            if out is not computed:
                out[...] = computed


_RUN: dict[Form, Callable[[Program, Sequence[Planes], Sequence[Planes]], None]] = {
    "reference": _by_reference,
    "unrolled": _compiled,
    "numba": _by_numba,
}


# ---- broadcasting ------------------------------------------------------------------------------------


def _loops(planes: Sequence[Planes], outputs: Sequence[Planes]) -> Iterator[tuple[tuple[int, int], list[Planes], list[Planes]]]:
    """The work as loops over an outer and an inner axis: (lengths, inputs, outputs), in which nothing is materialised.

    Neighbouring axes along which the same inputs vary are one. More than two such are walked here.
    """
    shape = outputs[0].shape[1:]
    full = [_aligned(_without_repeats(plane), len(shape)) for plane in planes]
    groups = _groups(shape, [plane.shape[1:] for plane in full])
    if len(groups) > 1 and prod(shape[axis] for axis in groups[-1]) < SHORT:
        full = [np.ascontiguousarray(np.broadcast_to(plane, (len(plane), *shape))) for plane in full]
        groups = _groups(shape, [plane.shape[1:] for plane in full])
    lengths = tuple(prod(shape[axis] for axis in group) for group in groups)
    lengths = (1,) * (2 - len(lengths)) + lengths
    ins = [plane.reshape(len(plane), *_grouped(plane.shape[1:], groups, len(lengths))) for plane in full]
    outs = [out.reshape(len(out), *lengths) for out in outputs]
    for lead in np.ndindex(*lengths[:-2]):
        yield lengths[-2:], [_at(plane, lead) for plane in ins], [_at(out, lead) for out in outs]


def _aligned(planes: Planes, axes: int) -> Planes:
    """The planes with so many axes of elements, which are one after the other in each row."""
    shape = (len(planes), *(1,) * (axes - planes.ndim + 1), *planes.shape[1:])
    return (planes if planes[0].flags.c_contiguous else np.ascontiguousarray(planes)).reshape(shape)


def _groups(shape: Shape, shapes: Sequence[Shape]) -> list[list[int]]:
    axes = [axis for axis, length in enumerate(shape) if length > 1]
    return [list(group) for _, group in groupby(axes, key=lambda axis: tuple(s[axis] > 1 for s in shapes))]


def _grouped(shape: Shape, groups: Sequence[Sequence[int]], axes: int) -> Shape:
    found = tuple(prod(shape[axis] for axis in group) for group in groups)
    return (1,) * (axes - len(found)) + found


def _at(planes: Planes, lead: Shape) -> Planes:
    for position in lead:
        planes = planes[:, position if planes.shape[1] > 1 else 0]
    return planes


def _without_repeats(planes: Planes) -> Planes:
    """A broadcast view cut down to the elements it repeats."""
    if 0 not in planes.strides[1:]:
        return planes
    repeated = (stride == 0 and length > 1 for stride, length in zip(planes.strides[1:], planes.shape[1:], strict=True))
    return planes[(slice(None), *(slice(0, 1) if again else slice(None) for again in repeated))]


def _context(planes: Sequence[NDArray[Any]]) -> Any:
    """The mpmath context of the numbers, if there are such."""
    found = (item for plane in planes if plane.dtype.kind == "O" for item in plane.flat)
    return next((item.context for item in found if hasattr(item, "context")), None)
