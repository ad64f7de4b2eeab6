"""How do arrays of several shapes become loops over an outer and an inner axis, with nothing copied?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, product
from math import prod
from operator import mul
from typing import NamedTuple

Shape = tuple[int, ...]
Group = list[int]  # neighbouring axes along which the same arrays vary

SHORT = 32  # elements of an inner axis below which the loop over it is not worth its start: arrays are repeated instead


class Layout(NamedTuple):
    """Where the elements of planes are.

    Attributes:
        shape: Of the planes, (rows, *elements).
        strides: Bytes from one to the next along each axis.
        size: Bytes of an element.
    """

    shape: Shape
    strides: Shape
    size: int

    @classmethod
    def contiguous(cls, shape: Shape, size: int) -> Layout:
        """That of planes which are one after the other, without gaps."""
        return cls(shape, tuple(accumulate(reversed(shape[1:]), mul, initial=size))[::-1], size)


class Loops(NamedTuple):
    """Two loops, and perhaps others around them.

    Attributes:
        lengths: Of the outer and of the inner axis.
        follows: For each array, whether it has an element for each of the inner axis.
        steps: For each array the bytes from row to row, and from step to step of the outer axis.
        around: The lengths of the axes around those, and for each array the bytes from step to step of each.
    """

    lengths: tuple[int, int]
    follows: tuple[bool, ...]
    steps: tuple[tuple[int, int], ...]
    around: tuple[Shape, tuple[Shape, ...]]

    def starts(self) -> Iterator[Shape]:
        """For each turn around the two loops the bytes from each array's first element to where they begin."""
        lengths, steps = self.around
        for place in product(*map(range, lengths)):
            yield tuple(sum(n * step for n, step in zip(place, own, strict=True)) for own in steps)


def loops(shape: Shape, layouts: Sequence[Layout]) -> Loops | None:
    """The loops over elements of this shape; None where an array must be copied first.

    That is one whose elements are not one after the other in a row, apart from axes along which it repeats itself; and all
    where the inner loop would be too short.
    """
    strides = [_strides(layout, len(shape)) for layout in layouts]
    if not all(_one_after_the_other(own, shape, layout.size) for own, layout in zip(strides, layouts, strict=True)):
        return None
    groups = _groups(shape, strides)
    lengths = [prod(shape[axis] for axis in group) for group in groups]
    if len(groups) > 1 and lengths[-1] < SHORT:
        return None
    steps = [tuple(own[group[-1]] for group in groups) for own in strides]
    missing = max(2 - len(groups), 0)
    whole, found = [1] * missing + lengths, [(0,) * missing + own for own in steps]
    return Loops(
        (whole[-2], whole[-1]),
        tuple(own[-1] != 0 or whole[-1] == 1 for own in found),
        tuple((layout.strides[0], own[-2]) for layout, own in zip(layouts, found, strict=True)),
        (tuple(whole[:-2]), tuple(own[:-2] for own in found)),
    )


def _strides(layout: Layout, axes: int) -> Shape:
    """Along each axis of the elements, 0 where the array repeats itself."""
    found = (stride if length > 1 else 0 for stride, length in zip(layout.strides[1:], layout.shape[1:], strict=True))
    return (0,) * (axes - len(layout.shape) + 1) + tuple(found)


def _one_after_the_other(strides: Shape, shape: Shape, size: int) -> bool:
    """Whether the elements are, leaving out the axes along which they repeat themselves."""
    for stride, length in zip(reversed(strides), reversed(shape), strict=True):
        if stride:
            if stride != size:
                return False
            size *= length
    return True


def _groups(shape: Shape, strides: Sequence[Shape]) -> list[Group]:
    axes = [axis for axis, length in enumerate(shape) if length > 1]
    return [list(group) for _, group in groupby(axes, key=lambda axis: tuple(own[axis] != 0 for own in strides))]
