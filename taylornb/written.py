"""Which memory was written to in place, and which arrays over it did that leave behind?

An array may share its values with others that have other coefficients: ⊥u has the values of u, and none of the rest. Who
writes to values through one of them writes those coefficients that it has; an array that has more is stale from then on. Its
values are what was written, and its coefficients belong to values that are no more.
"""

from __future__ import annotations

from sys import getrefcount, version_info
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from .errors import StaleError
from .operand import Operand, Planes
from .support import Support
from .targets.cuda.memory import DevicePlanes, start


class Write(NamedTuple):
    """The last write to the values in one piece of memory.

    Attributes:
        version: How many there were.
        support: Which coefficients are up to date, and in which rows.
        planes: The memory that these rows are in, by its id.
        operation: What it was, for the message.
        values: Where the values are that were written: their address, shape and strides.
        before: The support and the memory that were up to date before.
        alive: Keeps the entry for as long as the memory.
    """

    version: int
    support: Support
    planes: int
    operation: str
    values: tuple[object, ...]
    before: tuple[Support, int] | None
    alive: object


WRITES: dict[int, Write] = {}  # by the id of the memory that the values are in


def memory(planes: Planes) -> Planes:
    """The array whose memory it is; views of it share it."""
    if isinstance(planes, DevicePlanes):
        return planes.memory
    while isinstance(planes.base, np.ndarray):
        planes = planes.base
    return planes


def wrote(found: Operand, operation: str) -> None:
    """Enter that the values and all other coefficients of an array were written, or none changed that were not."""
    place = home(found)
    key, before = id(place), WRITES.get(id(place))
    alive = before.alive if before else ref(place, lambda _: WRITES.pop(key, None))
    version, state = (before.version + 1, (before.support, before.planes)) if before else (1, None)
    support, planes = found.spec.support, id(memory(found.planes))
    WRITES[key] = Write(version, support, planes, operation, _place(found.value()), state, alive)


def _place(values: Planes) -> tuple[object, ...]:
    return start(values), values.shape, values.strides


def is_shared(planes: Planes, references: int) -> bool:
    """Whether another array may be over this memory: more refers to it than who calls knows of.

    From Python 3.14 on names do not count as references where the interpreter knows better, so that it may always be.
    """
    if isinstance(planes, DevicePlanes):
        return True
    return (
        version_info >= (3, 14) or isinstance(planes.base, np.ndarray) or getrefcount(planes) > references + 2
    )  # the names here and in getrefcount


def home(found: Operand) -> Planes:
    """The array whose memory the values are in."""
    return memory(found.planes if found.values is None else found.values)


def was_written(found: Operand) -> bool:
    """Whether somebody wrote to the values, so that the last write has to be known."""
    return bool(WRITES) and id(home(found)) in WRITES


def is_stale(found: Operand) -> bool:
    """Whether the values were changed in place, and the coefficients above them not."""
    last = WRITES.get(id(home(found))) if WRITES else None
    own = found.spec.support
    if last is None or own.is_constant:
        return False
    if last.planes != id(memory(found.planes)):
        return True
    return own is not last.support and not covers(last.support, own)


def is_put_back(target: Operand, given: Operand, key: Any) -> bool:
    """Whether a part that was just written to goes back to its place: Python makes that of `u[key] += v`.

    What the write left behind of the target is then what it would have had without it.
    """
    last = WRITES.get(id(home(target))) if WRITES else None
    if last is None or last.planes != id(memory(given.planes)) or home(given) is not home(target):
        return False
    before, own = last.before, target.spec.support
    valid = before is None or (before[1] == id(memory(target.planes)) and covers(before[0], own))
    entries = key if isinstance(key, tuple) else (key,)
    if any(isinstance(entry, list | np.ndarray) for entry in entries):  # what they give is no view
        return False
    if all(entry is not Ellipsis for entry in entries):
        entries = (*entries, ...)  # a view, where it is one element, too
    return valid and last.values == _place(given.value()) == _place(target.value()[entries])


def covers(support: Support, part: Support) -> bool:
    """Whether all coefficients of a part but the value are in the same rows, or ones, of a support."""
    ones = set(part.units) <= set(support.units)
    return ones and all(support.row.get(monomial) == row for monomial, row in part.rows if monomial)


def check(found: Operand) -> None:
    """Raise StaleError where the coefficients above the value are those of values that were changed in place."""
    if is_stale(found):
        last = WRITES[id(home(found))]
        raise StaleError(
            f"the values of this array were changed in place by {last.operation}, through an array that shares them and "
            f"not all of its coefficients (version {last.version} of this memory): those above the value are out of date. "
            f"Take .value or .detach() of it, give it new ones (u[...] = …), or write to a copy before: v = u.detach().copy()"
        )
