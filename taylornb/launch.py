"""From a program and arrays to results: choose the form, broadcast, run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import zip_longest
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from . import buffers, gpu
from .buffers import LINE, Room
from .errors import UnsupportedError
from .forms import Form, Way, chosen, streams
from .kernels import Call, address, by_numba, kernel
from .layout import Layout, Loops, Shape, loops
from .operand import Operand, Planes
from .program import Program
from .rolled import Rolled
from .targets import reference
from .targets.multiprecision import Multiprecision


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
    if way[0] == "cuda":
        return gpu.launch(program, operands, shape, into)
    if any(plane.dtype.kind == "O" for plane in planes):
        assert isinstance(program, Program)  # mpmath numbers never become loops
        return _by_mpmath(program, [_without_repeats(plane) for plane in planes], shape, way)
    outputs = [_room(given, (len(out.support.rows), *shape), out.dtype) for out, given in zip_longest(program.outputs, into)]
    elements = prod(shape)
    if elements:
        if isinstance(program, Rolled):
            _compiled(program, planes, outputs)
        else:
            _RUN[chosen(program.cost, elements, way)](program, planes, outputs)
    return outputs


class Prepared(NamedTuple):
    """How `launch` runs a program on arrays like those it was prepared for.

    Attributes:
        call: The call of its kernel.
        slots: The inputs that are read, whose planes it takes, and then those of the results.
        rooms: For each result what memory it takes.
        streaming: Whether the results must start at cache lines, as they do in memory from `rooms`.
    """

    call: Call | gpu.Call
    slots: tuple[int, ...]
    rooms: tuple[Room | gpu.Room, ...]
    streaming: bool


def prepare(program: Program | Rolled, operands: Sequence[Operand], way: Way) -> Prepared | None:
    """The call that `launch` would make; None where it makes none, or copies arrays first."""
    planes = [found.planes for found in operands]
    shape = _common_shape(planes)
    elements = prod(shape)
    if way[0] == "cuda":
        return _prepared_on_gpu(program, operands, shape)
    if not elements or any(plane.dtype.kind == "O" for plane in planes):
        return None
    if isinstance(program, Program) and chosen(program.cost, elements, way) != "unrolled":
        return None
    rooms = tuple([Room((len(out.support.rows), *shape), out.dtype) for out in program.outputs])
    outs = tuple([Layout.contiguous(room.shape, room.dtype.itemsize) for room in rooms])
    used = [planes[slot] for slot in program.inputs]
    on_lines = all(
        room.on_line and layout.strides[0] % LINE == 0
        for layout, room in zip(outs, rooms, strict=True)
        if room.dtype.kind == "f"
    )
    streaming = on_lines and _streams(program, planes, rooms)
    call = _call(program, _layouts(used), outs, streaming)
    return Prepared(call, tuple(program.inputs), rooms, streaming) if call is not None else None


def _prepared_on_gpu(program: Program | Rolled, operands: Sequence[Operand], shape: Shape) -> Prepared | None:
    found = gpu.prepare(program, operands, shape)
    return Prepared(found[0], tuple(program.inputs), found[1], False) if found else None


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
    streaming = _streams(program, planes, outputs) and all(map(_on_lines, outputs))
    call = _call(program, _layouts(used), _layouts(outputs), streaming)
    if call is None:
        used = _one_after_the_other(used, outputs)
        call = _call(program, _layouts(used), _layouts(outputs), streaming)
    assert call is not None
    call.run(*used, *outputs)


@lru_cache(maxsize=4096)
def _call(program: Program | Rolled, ins: tuple[Layout, ...], outs: tuple[Layout, ...], streaming: bool) -> Call | None:
    """The call of a kernel on arrays of such layouts; None where inputs must be copied first."""
    found = loops(outs[0].shape[1:], (*ins, *outs))
    if found is None:
        return None
    plain = found.lengths[0] == 1 and all(found.follows)
    return Call(kernel(program, found.follows[: len(ins)], streaming and plain), found)


def _layouts(planes: Sequence[Planes]) -> tuple[Layout, ...]:
    return tuple([Layout(plane.shape, plane.strides, plane.itemsize) for plane in planes])


def _one_after_the_other(planes: Sequence[Planes], outputs: Sequence[Planes]) -> list[Planes]:
    """Planes whose elements are, copied where they are not; repeated where the inner loop would be too short."""
    shape, found = outputs[0].shape[1:], [_aligned(_without_repeats(plane), outputs[0].ndim - 1) for plane in planes]
    if loops(shape, _layouts([*found, *outputs])) is None:
        found = [np.ascontiguousarray(np.broadcast_to(plane, (len(plane), *shape))) for plane in found]
    return found


def _streams(program: Program | Rolled, planes: Sequence[Planes], outputs: Sequence[Planes | Room]) -> bool:
    read = sum([planes[slot].nbytes // len(planes[slot]) for slot, _, _ in program.loads])
    written, rows = sum([out.nbytes for out in outputs]), sum([out.shape[0] for out in outputs])
    return streams(read + written, len(program.loads) + rows)


def _on_lines(planes: Planes) -> bool:
    return (planes.strides[0] % LINE == 0 and address(planes) % LINE == 0) or planes.dtype.kind != "f"


def _by_numba(program: Program, planes: Sequence[Planes], outputs: Sequence[Planes]) -> None:
    arrays, shape = [*(planes[slot] for slot in program.inputs), *outputs], outputs[0].shape[1:]
    found = loops(shape, _layouts(arrays))
    if found is None:
        arrays[: -len(outputs)] = _one_after_the_other(arrays[: -len(outputs)], outputs)
        found = loops(shape, _layouts(arrays))
    assert found is not None
    outer, inner = found.lengths
    for views in _turns(found, arrays):
        ins, outs = views[: -len(outputs)], views[-len(outputs) :]
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


def _turns(found: Loops, arrays: Sequence[Planes]) -> Iterator[list[Planes]]:
    """For each turn around the two loops the arrays as (rows, outer, inner), with one element where they repeat themselves."""
    around, own = found.around
    views = []
    for plane, (row, step), follows, steps in zip(arrays, found.steps, found.follows, own, strict=True):
        strides = (*steps, step, plane.itemsize if follows else 0)
        shape = [length if stride else 1 for length, stride in zip((*around, *found.lengths), strides, strict=True)]
        views.append(as_strided(plane, (len(plane), *shape), (row, *strides)))
    for place in np.ndindex(*around):
        yield [view[(slice(None), *(n % length for n, length in zip(place, view.shape[1:], strict=False)))] for view in views]


_RUN: dict[Form, Callable[[Program, Sequence[Planes], Sequence[Planes]], None]] = {
    "reference": _by_reference,
    "unrolled": _compiled,
    "numba": _by_numba,
}


# ---- broadcasting ------------------------------------------------------------------------------------


def _aligned(planes: Planes, axes: int) -> Planes:
    """The planes with so many axes of elements, which are one after the other in each row."""
    shape = (len(planes), *(1,) * (axes - planes.ndim + 1), *planes.shape[1:])
    return (planes if planes[0].flags.c_contiguous else np.ascontiguousarray(planes)).reshape(shape)


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
