"""From a program and arrays to results: choose the target, broadcast, compile once, run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from math import prod
from threading import RLock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import UnsupportedError
from .operand import Operand, Planes
from .program import Program
from .targets import cpu, reference
from .targets.multiprecision import Multiprecision

Target = Literal["cpu", "reference"]
TARGETS: tuple[str, ...] = ("cpu", "reference")
SMALL = 1 << 15  # up to this many elements the reference is done before a compiler would be
LONGEST = 2500  # instructions; Numba spends some 2 ms on each, so a longer program runs on the reference, in blocks
BLOCK = 1 << 12  # elements, so that what such a program holds stays in the cache

_lock = RLock()
Access = tuple[str, ...]
Shape = tuple[int, ...]


def check_target(target: str) -> None:
    """Raise unless the target is one of those there are."""
    if target not in TARGETS:
        raise ValueError(f"target must be one of {', '.join(map(repr, TARGETS))}, not {target!r}")


def launch(program: Program, operands: Sequence[Operand], target: Target | None = None) -> list[Planes]:
    """The planes of each output, (rows, *shape), the operands broadcast to one shape.

    Args:
        program: What is computed.
        operands: One for each input of the program.
        target: None chooses the reference for few elements and the CPU for many.

    Raises:
        UnsupportedError: For mpmath numbers on a target that has no such numbers.
        ValueError: Where the shapes do not broadcast.
        MemoryError: Where the result is larger than the memory of the machine.
    """
    shape = broadcast_shape([found.shape for found in operands])
    planes = [_without_repeats(found.planes) for found in operands]
    context = _context(planes)
    dtypes = [object if context and out.dtype.kind != "b" else out.dtype for out in program.outputs]
    outputs = [empty(len(out.support.rows), shape, d) for out, d in zip(program.outputs, dtypes, strict=True)]
    if context is not None:
        if target == "cpu":
            raise UnsupportedError('mpmath numbers run on target="reference" only; the compiled targets hold floats')
        reference.run(program, planes, outputs, Multiprecision(context))
    elif 0 not in shape:
        _run(program, planes, outputs, target or ("reference" if prod(shape) <= SMALL else "cpu"))
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


def empty(rows: int, shape: Shape, dtype: Any) -> Planes:
    """Planes yet to be filled.

    Raises:
        MemoryError: Where they are larger than the memory of the machine; it says how large.
    """
    size = rows * prod(shape) * np.dtype(dtype).itemsize
    if size > _memory():
        raise MemoryError(
            f"{rows} coefficients of {prod(shape):,} elements need {size / 2**30:,.1f} GiB, more than the "
            f"{_memory() / 2**30:,.1f} GiB of this machine; lower the order or take fewer elements at a time"
        )
    return np.empty((rows, *shape), dtype=dtype)


def _run(program: Program, planes: Sequence[Planes], outputs: Sequence[Planes], target: Target) -> None:
    if target == "reference":
        reference.run(program, planes, outputs)
        return
    compiles = len(program.instructions) <= LONGEST
    for shape, ins, outs in _plain_loops(planes, outputs):
        access = tuple(_way(shape, plane.shape[1:]) for plane in ins)
        used = [_contiguous(ins[slot], _lengths(shape, access[slot])) for slot in program.inputs]
        if compiles:
            _call(kernel(program, tuple(access[slot] for slot in program.inputs), len(shape)), used, outs)
        else:
            _blocks(program, ins, outs)


def _blocks(program: Program, ins: Sequence[Planes], outs: Sequence[Planes]) -> None:
    """The reference over stretches of the last axis."""
    for start in range(0, outs[0].shape[-1], BLOCK):
        part = slice(start, start + BLOCK)
        cut = [plane if plane.shape[-1] == 1 else plane[..., part] for plane in ins]
        reference.run(program, cut, [out[..., part] for out in outs])


def kernel(program: Program, access: Access, axes: int) -> Any:
    """The compiled kernel of a program; each distinct one is compiled once in a process."""
    with _lock:
        return _kernel(program, access, axes)


@lru_cache(maxsize=1024)
def _kernel(program: Program, access: Access, axes: int) -> Any:
    inputs = {slot: dtype for slot, _, dtype in program.loads}
    types = [(inputs[slot].str, 1 + len(way)) for slot, way in zip(program.inputs, access, strict=True)]
    types += [(out.dtype.str, 1 + axes) for out in program.outputs]
    return _compiled(cpu.source(program, access, axes), tuple(types), len(program.inputs))


@lru_cache(maxsize=1024)
def _compiled(text: str, types: tuple[tuple[str, int], ...], inputs: int) -> Any:
    return cpu.compiled(text, types, inputs)


def _call(function: Any, ins: Sequence[Planes], outs: Sequence[Planes]) -> None:
    """Run a kernel on arrays of the one kind it is compiled for: contiguous, the inputs read-only."""
    for plane in ins:
        plane.flags.writeable = False
    whole = [out if out.flags.c_contiguous else np.empty_like(out, order="C") for out in outs]
    function(*ins, *whole)
    for out, computed in zip(outs, whole, strict=True):
        if out is not computed:
            out[...] = computed


def compilations() -> int:
    """How many kernels this process has made."""
    return _compiled.cache_info().misses


# ---- broadcasting ------------------------------------------------------------------------------------


def _plain_loops(planes: Sequence[Planes], outputs: Sequence[Planes]) -> Iterator[tuple[Shape, list[Planes], list[Planes]]]:
    """The work as loops over one axis or two: (lengths, inputs, outputs), in which nothing is materialised.

    Neighbouring axes along which the same inputs vary are one. More than two such are walked here.
    """
    shape = outputs[0].shape[1:]
    full = [np.ascontiguousarray(plane).reshape(len(plane), *_padded(plane.shape[1:], len(shape))) for plane in planes]
    groups = _groups(shape, [plane.shape[1:] for plane in full])
    lengths = tuple(prod(shape[axis] for axis in group) for group in groups) or (1,)
    ins = [plane.reshape(len(plane), *_grouped(plane.shape[1:], groups)) for plane in full]
    outs = [out.reshape(len(out), *lengths) for out in outputs]
    for lead in np.ndindex(*lengths[:-2]):
        yield lengths[-2:], [_at(plane, lead) for plane in ins], [_at(out, lead) for out in outs]


def _groups(shape: Shape, shapes: Sequence[Shape]) -> list[list[int]]:
    axes = [axis for axis, length in enumerate(shape) if length > 1]
    return [list(group) for _, group in groupby(axes, key=lambda axis: tuple(s[axis] > 1 for s in shapes))]


def _grouped(shape: Shape, groups: Sequence[Sequence[int]]) -> Shape:
    return tuple(prod(shape[axis] for axis in group) for group in groups) or (1,)


def _padded(shape: Shape, axes: int) -> Shape:
    return (*(1,) * (axes - len(shape)), *shape)


def _at(planes: Planes, lead: Shape) -> Planes:
    for position in lead:
        planes = planes[:, position if planes.shape[1] > 1 else 0]
    return planes


def _way(shape: Shape, lengths: Shape) -> str:
    """How an input follows the axes of the loops; a single element is the same for all."""
    varies = [length > 1 for length in lengths]
    if len(shape) == 1:
        return "p" if varies[0] or shape == (1,) else ""
    return {(True, True): "op", (True, False): "o", (False, True): "p", (False, False): ""}[varies[0], varies[1]]


def _lengths(shape: Shape, way: str) -> Shape:
    return {"op": shape, "o": shape[:1], "p": shape[-1:], "": ()}[way]


def _contiguous(planes: Planes, lengths: Shape) -> Planes:
    return np.ascontiguousarray(planes.reshape([len(planes), *lengths])).view()


def _without_repeats(planes: Planes) -> Planes:
    """A broadcast view cut down to the elements it repeats."""
    repeated = (stride == 0 and length > 1 for stride, length in zip(planes.strides[1:], planes.shape[1:], strict=True))
    return planes[(slice(None), *(slice(0, 1) if again else slice(None) for again in repeated))]


def _context(planes: Sequence[NDArray[Any]]) -> Any:
    """The mpmath context of the numbers, if there are such."""
    found = (item for plane in planes if plane.dtype.kind == "O" for item in plane.flat)
    return next((item.context for item in found if hasattr(item, "context")), None)


@lru_cache(maxsize=1)
def _memory() -> int:
    """The bytes of this machine's memory, as far as the system tells."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 1 << 46
