"""What are the derivatives of a function that contains ⊥, told by values alone? Frozen worlds.

A number has one value for each set T of frozen variables, those that are held at the base point. Ordinary operations act world
by world, and (⊥_S u)[T] = u[T ∪ S]. What a function is, as a function of its variables, is its result in the world ∅, and that
one can be differenced. Plain finite differences see no ⊥ and differentiate the value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from math import prod
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from . import detach as detaching
from .array import TaylorArray, apply
from .errors import UnsupportedError
from .graph import walk
from .operand import operand
from .rules import Op, literal, registry
from .surface import Truths
from .trace import Tracer, Tracing, stays

LIVE: frozenset[str] = frozenset()
RULES: ContextVar[bool] = ContextVar("RULES", default=False)  # whether chosen derivatives are to be those of their value
GROUPS: ContextVar[Mapping[str, tuple[str, ...]]] = ContextVar("GROUPS")  # of the variables of the worlds

Names = frozenset[str]
Numbers = NDArray[Any]


class StandIn(Truths):
    """What a function that is checked is called with, in place of a series: it can do what series can but be written to."""

    __slots__ = ()
    _precedence = 3

    @property
    def value(self) -> Any:
        """The values at the base point, all that a decision may look at."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the elements."""
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        """The number of element axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    def copy(self) -> StandIn:
        """Itself, since nothing is written to it."""
        return self

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("one element, without axes, has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[n] for n in range(len(self)))

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise UnsupportedError(
            f"a function that asks for .{name} of a series cannot be checked by its values; take a part of it"
        )

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise UnsupportedError("a function that writes in place cannot be checked by its values; write `u = u + v` in it")

    __setitem__ = __iadd__ = __isub__ = __imul__ = __itruediv__ = __ipow__ = __imod__ = _write = detach_ = _refuse


class Exact(StandIn):
    """A series whose coefficients have many digits; functions that are fused inside run as they stand.

    Args:
        series: An array of mpmath numbers, or what came of one.
    """

    __slots__ = ("series",)

    def __init__(self, series: Any) -> None:
        self.series = series

    @property
    def value(self) -> Any:
        """The values."""
        return getattr(self.series, "value", self.series)

    def _apply(self, op: Op, args: tuple[Any, ...], params: tuple[Hashable, ...]) -> Any:
        found = apply(op, tuple(arg.series if isinstance(arg, Exact) else arg for arg in args), params)
        return Exact(found) if isinstance(found, TaylorArray) else found

    def __getitem__(self, key: Any) -> Exact:
        return Exact(self.series[key])


class World(StandIn):
    """A number, or an array of numbers, with a value in each world.

    Args:
        names: The variables that it depends on.
        held: Its values where the variables of a set are held.
    """

    __slots__ = ("_held", "_known", "names")

    def __init__(self, names: Names, held: Callable[[Names], Any]) -> None:
        self.names, self._held = names, held
        self._known: dict[Names, Any] = {}

    def held(self, frozen: Names) -> Any:
        """The values where these variables are held at the base point."""
        frozen &= self.names
        if frozen not in self._known:
            self._known[frozen] = self._held(frozen)
        return self._known[frozen]

    @property
    def value(self) -> Any:
        """The values at the base point, all that a decision may look at."""
        return self.held(self.names)

    def __getitem__(self, key: Any) -> World:
        np.broadcast_to(np.False_, self.shape)[key]  # NumPy's error
        found, held = World(self.names, lambda frozen: np.asarray(self.held(frozen))[key]), detaching.HELD.get()
        return _primitive(detaching.detach, [found], held) if held else found

    def _apply(self, op: Op, args: tuple[Any, ...], params: tuple[Hashable, ...]) -> Any:
        if op.answers:
            return apply(op, tuple(world(arg).value for arg in args), params)
        if op.kind == "composite":
            by_value = RULES.get() and op.value is not None
            return op.value(*map(world, args)) if by_value and op.value is not None else _composite(op, args)
        found, held = _primitive(op, [world(arg) for arg in args], params), detaching.HELD.get()
        if op.kind == "constant":
            return found.value  # as with series: what holds only for values is plain
        return _primitive(detaching.detach, [found], held) if held else found


def world(value: Any) -> World:
    """A plain number is the same in every world."""
    return value if isinstance(value, World) else World(LIVE, lambda frozen: value)


def _primitive(op: Op, args: Sequence[World], params: tuple[Hashable, ...]) -> World:
    names = LIVE.union(*(arg.names for arg in args))
    if op.retains is not None or op.heir is not None:
        return _projection(op, args, params)
    if op.kind == "constant":
        return world(apply(op, tuple(arg.value for arg in args), params))

    if op.name in SLOPES:  # a decision at the base point, and 0 where there is none
        return SLOPES[op.name](*args)

    def held(frozen: Names) -> Any:
        values = (arg.value if n in op.by_value else arg.held(frozen) for n, arg in enumerate(args))
        return apply(op, tuple(values), params)

    return World(names, held)


def _absolute(u: World, sign: Any = 1) -> World:
    chosen = np.sign(u.value) * sign
    return World(u.names, lambda frozen: chosen * u.held(frozen))


SLOPES: dict[str, Callable[..., World]] = {
    "absolute": _absolute,
    "copysign": lambda u, v: _absolute(u, apply(registry["copysign"], (1.0, v.value), ())),
}


def _projection(op: Op, args: Sequence[World], params: tuple[Any, ...]) -> World:
    """⊥ and what is made of it."""
    u = args[-1]
    if op is detaching.detach:
        named = () if params[0] is detaching.EVERY else params[0]
        here = frozenset(member for name in named for member in GROUPS.get().get(name, (name,))) if named else u.names
        return World(u.names - here, lambda frozen: u.held(frozen | here))
    if op is detaching.nilpotent:
        return World(u.names, lambda frozen: u.held(frozen) - u.value)
    if op is detaching.graft:
        return World(u.names, lambda frozen: args[0].value + (u.held(frozen) - u.value))
    if op is detaching.keep and (params[0] == 0 or (not u.names and isinstance(params[0], int))):  # ⊥, or of a constant
        return World(LIVE, lambda frozen: u.value)
    raise UnsupportedError(
        f"{op.name} drops degrees, which is no operation on values: a function that contains it has no frozen worlds to be "
        f"checked in. Check what stands before it and after it"
    )


def _composite(op: Op, args: tuple[Any, ...]) -> Any:
    """The expression that the op is a name for, one node after the other."""
    graph = Tracing()
    given = [arg if stays(op, n, arg) else _tracer(graph, n) for n, arg in enumerate(args)]
    known = {tracer.node: world(arg) for tracer, arg in zip(given, args, strict=True) if isinstance(tracer, Tracer)}
    assert op.body is not None
    with graph.open():
        output = graph.lift(op.body(*given))
    for node in walk([output], stop=known.__contains__):
        if node not in known:
            number = node.params[0] if node.op is literal else None
            known[node] = (
                world(number) if node.op is literal else _primitive(node.op, [known[a] for a in node.args], node.params)
            )
    return known[output]


def _tracer(graph: Tracing, n: int) -> Tracer:
    return Tracer(graph, graph.input(n, operand(np.ones(1)).spec))
