"""How is a fused function called a second time: with all decided that does not depend on the numbers?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from . import gpu
from .array import TaylorArray
from .buffers import LINE, Room
from .evaluate import Part
from .graph import Node
from .kernels import Call, address
from .launch import Prepared
from .layout import Layout
from .operand import Kind, Operand, Planes, Spec, kind_of, operand
from .targets.cuda.libraries import is_on_device
from .targets.cuda.memory import share_memory
from .written import WRITES, check, is_shared, is_stale, wrote

DOUBLE = np.dtype(np.float64)
Kinds = tuple[Any, ...]  # of the arguments: they are the key


def kinds(args: Sequence[Any], planes: list[Planes]) -> Kinds | None:
    """What such a call depends on; None where an argument is of no kind that it takes.

    Args:
        args: The arguments of a fused function.
        planes: Those of each argument are appended here.
    """
    found = []
    for arg in args:
        given = type(arg)
        if given is TaylorArray:
            own = arg._found
            if WRITES:
                check(own)
            found.append(own._kind or own.kind)
            planes.append(own.planes)
        elif given is np.ndarray:
            if not arg.flags.aligned:
                return None
            found.append((arg.dtype, arg.shape, arg.strides))
            planes.append(arg)
        elif given is float:
            found.append(float)
            planes.append(np.array([arg]))
        elif is_on_device(arg):
            there = operand(arg)
            found.append(there.kind)
            planes.append(there.planes)
        else:
            return None
    return tuple(found)


def as_given(kind: Any, given: Planes, found: Operand) -> bool:
    """Whether the planes of an argument are what was given, or a number: not converted, nor detached meanwhile."""
    if type(kind) is Kind:
        return kind is found.kind
    return kind is float or (given.dtype == found.planes.dtype and share_memory(given, found.planes))


class Step(NamedTuple):
    """A kernel of a call, and the places of its arrays among all: arguments, what was captured, results."""

    call: Call | gpu.Call
    places: Callable[[list[Planes]], tuple[Planes, ...]]


class Result(NamedTuple):
    """What becomes of the planes of a result.

    Attributes:
        place: The number of its room.
        spec: Of a series.
        kind: Of a series.
        plain: Whether it is an array, not a series.
    """

    place: int
    spec: Spec
    kind: Kind
    plain: bool


class Repeat:
    """A call of a fused function on arguments of kinds it has met.

    Args:
        steps: The kernels, in the order they run.
        captured: The planes of arrays that the function took from outside.
        rooms: For each result of a kernel, in their order, the memory it takes.
        results: Of the function.
        lines: Whether the results of a kernel start at cache lines.
        built: Puts results in the containers that the function returns; None where it returns one.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        captured: list[Planes],
        rooms: Sequence[Room | gpu.Room],
        results: Sequence[Result],
        lines: bool,
        built: Callable[[list[Any]], Any] | None,
    ) -> None:
        self._steps, self._rooms, self._results = tuple(steps), tuple(rooms), tuple(results)
        self._captured, self._lines, self._built = captured, lines, built
        places = [result.place for result in results]
        self._own = [(result, None if result.place in places[:n] else result.place) for n, result in enumerate(results)]
        self._only: tuple[Callable[..., None], Room | gpu.Room, Result] | None = (
            None  # one kernel of all arguments and the one result
        )
        if len(steps) == len(rooms) == 1 and steps[0].places is _ALL and not captured and built is None:
            self._only = steps[0].call.run, rooms[0], results[0]

    def __call__(self, planes: list[Planes]) -> Any:
        """The results of arguments with these planes."""
        if self._only is not None:  # the same with less around it
            run, room, result = self._only
            place = room.array()
            run(*planes, place)
            return place[0][()] if result.plain else TaylorArray(Operand(place, result.spec, result.kind))
        made = [room.array() for room in self._rooms]
        arrays = planes + self._captured + made
        for call, places in self._steps:
            call.run(*places(arrays))
        found = [
            _wrapped(result, made[place] if place is not None else made[result.place].copy()) for result, place in self._own
        ]
        return found[0] if self._built is None else self._built(found)

    def into(self, out: Any, planes: list[Planes]) -> bool:
        """Write the result to a series like an earlier one; whether that was possible.

        It is where the result is one series, and `out` is of its kind and overlaps no argument.
        """
        if type(out) is not TaylorArray or len(self._rooms) != 1 or self._built is not None:
            return False
        own = out._found
        place, rows = own.planes, planes + self._captured
        if not own.kind.same(self._results[0].kind) or not place.flags.writeable or not place.flags.aligned:
            return False
        if own.values is not None or (WRITES and is_stale(own)):
            return False
        if any(share_memory(place, other) for other in rows) or (self._lines and address(place) % LINE):
            return False
        rows.append(place)
        for call, places in self._steps:
            call.run(*places(rows))
        rows.pop()
        if is_shared(place, 2):
            wrote(own, "out=")
        return True


def _result(place: int, spec: Spec, shape: tuple[int, ...], home: str) -> Result:
    if spec.dtype is None:  # of Python numbers alone
        spec = Spec(spec.support, DOUBLE, spec.basis)
    assert spec.dtype is not None
    layout = Layout.contiguous((len(spec.support.rows), *shape), spec.dtype.itemsize)
    return Result(
        place, spec, kind_of(spec, spec.dtype, layout.shape, layout.strides, home), spec.basis is None or spec.dtype.kind == "b"
    )


def _places(of: Sequence[int]) -> Callable[[list[Planes]], tuple[Planes, ...]]:
    """What picks the arrays at these places."""
    return itemgetter(*of) if len(of) > 1 else lambda arrays: (arrays[of[0]],)


_ALL: Callable[[list[Planes]], tuple[Planes, ...]] = tuple


def _wrapped(result: Result, planes: Planes) -> Any:
    return planes[0][()] if result.plain else TaylorArray(Operand(planes, result.spec, result.kind))


def repeat(
    parts: Sequence[tuple[Part, Prepared]],
    inputs: Sequence[Node],
    captured: Mapping[Node, Operand],
    outputs: Sequence[Node],
    built: Callable[[list[Any]], Any] | None,
) -> Repeat:
    """The call that runs these kernels.

    Args:
        parts: In the order they run; they compute all outputs, from what is given and captured.
        inputs: What stands for each argument.
        captured: Arrays that the function took from outside.
        outputs: What the function returns.
        built: Puts results in the containers that the function returns; None where it returns one.
    """
    numbers = {node: n for n, node in enumerate([*inputs, *captured])}
    steps, results, rooms = list[Step](), dict[Node, Result](), list[Room | gpu.Room]()
    for part, own in parts:
        made = range(len(rooms), len(rooms) + len(own.rooms))
        homes = [room.home for room in own.rooms]
        these = zip(made, part.nodes, part.likes, homes, strict=True)
        results.update({node: _result(n, *like, home) for n, node, like, home in these})
        rooms += own.rooms
        given = [numbers[part.sources[slot]] for slot in own.slots]
        places = [*given, *(len(numbers) + n for n in made)]
        every = len(parts) == 1 and places == [*range(len(places))]
        steps.append(Step(own.call, _ALL if every else _places(places)))
    lines, planes = any(own.streaming for _, own in parts), [one.planes for one in captured.values()]
    return Repeat(steps, planes, rooms, [results[node] for node in outputs], lines, built)
