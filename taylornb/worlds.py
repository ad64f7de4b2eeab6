"""What are the derivatives of a function that contains ⊥, told by values alone? Frozen worlds.

A number has one value for each set T of frozen variables, those that are held at the base point. Ordinary operations act world
by world, and (⊥_S u)[T] = u[T ∪ S]. What a function is, as a function of its variables, is its result in the world ∅, and that
one can be differenced. Plain finite differences see no ⊥ and differentiate the value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextvars import ContextVar
from importlib import import_module
from itertools import product
from math import comb, factorial, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import detach as detaching
from .array import apply
from .basis import Basis, Exponents
from .containers import flattened
from .errors import UnsupportedError
from .fuse import Fused
from .graph import walk
from .operand import operand
from .rules import Op, literal
from .surface import Truths
from .trace import Tracer, Tracing, stays

STEP = 20  # decimal digits of the step: what differences leave out is as much smaller than what they find
SPARE = 40  # digits beyond those that differences cancel
LIVE: frozenset[str] = frozenset()
GROUPS: ContextVar[Mapping[str, tuple[str, ...]]] = ContextVar("GROUPS")  # of the variables of the worlds

Names = frozenset[str]
Numbers = NDArray[Any]


class World(Truths):
    """A number, or an array of numbers, with a value in each world.

    Args:
        names: The variables that it depends on.
        held: Its values where the variables of a set are held.
    """

    __slots__ = ("_held", "_known", "names")
    _precedence = 3

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

    def __len__(self) -> int:
        return len(self.value)

    def _apply(self, op: Op, args: tuple[Any, ...], params: tuple[Hashable, ...]) -> Any:
        if op.answers:
            return apply(op, tuple(world(arg).value for arg in args), params)
        if op.kind == "composite":
            return _composite(op, args)
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
        return World(names, _projection(op, args, params))
    if op.kind == "constant":
        return world(apply(op, tuple(arg.value for arg in args), params))

    def held(frozen: Names) -> Any:
        values = (arg.value if n in op.by_value else arg.held(frozen) for n, arg in enumerate(args))
        return apply(op, tuple(values), params)

    return World(names, held)


def _projection(op: Op, args: Sequence[World], params: tuple[Any, ...]) -> Callable[[Names], Any]:
    """⊥ and what is made of it."""
    u = args[-1]
    if op is detaching.detach:
        named = () if params[0] is detaching.EVERY else params[0]
        here = frozenset(member for name in named for member in GROUPS.get().get(name, (name,))) if named else u.names
        return lambda frozen: u.held(frozen | here)
    if op is detaching.nilpotent:
        return lambda frozen: u.held(frozen) - u.value
    if op is detaching.graft:
        return lambda frozen: args[0].value + (u.held(frozen) - u.value)
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


# ---- differences -----------------------------------------------------------------------------------


def differences(
    function: Callable[..., Any],
    places: Mapping[str, Numbers],
    order: int,
    frozen: bool,
    groups: Mapping[str, tuple[str, ...]],
) -> list[NDArray[np.float64]]:
    """The coefficients of each result of a function from differences of its values, with enough digits that they are right.

    Args:
        function: Of one array for each variable.
        places: For each variable its name and its base points.
        order: The highest degree.
        frozen: Whether ⊥ holds its variables at the base point. Otherwise the value is differentiated, as plain finite
            differences would.
        groups: Names for several variables.

    Returns:
        For each result its coefficients, (basis.size, *shape).

    Raises:
        ImportError: Without mpmath.
        UnsupportedError: Where the function drops degrees (`keep`), which values do not show.
    """
    basis, context = Basis(tuple(places), order), _context(STEP * order + SPARE)
    run = function.function if isinstance(function, Fused) else function
    base = {name: _multiprecision(context, points) for name, points in places.items()}
    step = context.mpf(10) ** -STEP
    values: dict[Exponents, list[Any]] = {}
    for shift in basis.monomials:
        seeds = [_seed(name, base[name], k * step, frozen) for name, k in zip(places, shift, strict=True)]
        token = GROUPS.set(groups)
        try:
            _, leaves = flattened(run(*seeds))
        finally:
            GROUPS.reset(token)
        values[shift] = [world(leaf).held(LIVE) for leaf in leaves]
    count = len(next(iter(values.values())))
    return [
        np.stack([_difference(basis, {k: v[n] for k, v in values.items()}, alpha, step) for alpha in basis.monomials])
        for n in range(count)
    ]


def _seed(name: str, base: Numbers, distance: Any, frozen: bool) -> World:
    if not frozen:
        return World(LIVE, lambda held: base + distance)
    return World(frozenset((name,)), lambda held: base if name in held else base + distance)


def _difference(basis: Basis, values: Mapping[Exponents, Any], alpha: Exponents, step: Any) -> NDArray[np.float64]:
    """∂^α/α! from the forward difference of the values."""
    below = product(*(range(a + 1) for a in alpha))
    total = sum((-1) ** (sum(alpha) - sum(beta)) * prod(map(comb, alpha, beta)) * values[beta] for beta in below)
    return np.asarray(total / (step ** sum(alpha) * prod(map(factorial, alpha))), dtype=np.float64)


def _multiprecision(context: Any, points: Numbers) -> Numbers:
    return np.asarray(np.frompyfunc(context.mpf, 1, 1)(np.asarray(points, dtype=np.float64)), dtype=object)


def _context(digits: int) -> Any:
    try:
        context = import_module("mpmath").MPContext()
    except ImportError:
        raise ImportError("differences with enough digits need mpmath: pip install mpmath") from None
    context.dps = digits
    return context
