"""TaylorArray: an array of truncated Taylor series that behaves like an array of numbers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from . import detach as detaching
from . import notation, pytorch
from .basis import PLAIN, Basis, checked_order, same_basis
from .device import owned
from .errors import BasisError, UnsupportedError
from .evaluate import Evaluator, finished
from .forms import Way
from .graph import Node
from .inplace import WHOLE, assign
from .number import exactly
from .operand import Operand, Planes, Spec, operand, real_array
from .reading import derivative, derivatives, every_plane, plane, read_only
from .rules import Op
from .structure import index, on_the_processor
from .surface import Arithmetic, Truths
from .trace import Tracer, Tracing, stays
from .written import WRITES, check, home, is_stale

AT_THE_PROMPT: Way = (None, None)
ON_A_GPU: Way = ("cuda", None)


class TaylorArray(Arithmetic):
    """Truncated Taylor series at every element of an array.

    Made by `variable`, `variables`, `constant` and `from_coefficients`, and by every operation on such arrays.
    Python's operators, NumPy's functions and indexing act on the elements and carry the series along.

    Examples:
        >>> import taylornb as tn
        >>> x = tn.variable(2.0, order=3)
        >>> x * x
        4 + 4ε + ε² + O(ε⁴)
        >>> tn.log(x).derivative(2)
        array(-0.25)
    """

    __slots__ = ("_found",)
    _precedence = 1

    def __init__(self, found: Operand) -> None:
        self._found = found

    def _operand(self) -> Operand:
        if WRITES:
            check(self._found)
        return self._found

    def _apply(self, op: Op, args: tuple[Any, ...], params: tuple[Hashable, ...]) -> Any:
        return apply(op, args, params)

    # ---- what it is ----------------------------------------------------------------------------------

    @property
    def basis(self) -> Basis:
        """The monomials whose coefficients are carried."""
        basis = self._found.spec.basis
        assert basis is not None
        return basis

    @property
    def support(self) -> tuple[int, ...]:
        """The positions of the monomials whose coefficients can be non-zero, ascending."""
        return self._found.spec.support.monomials

    @property
    def is_constant(self) -> bool:
        """Whether every coefficient above the value is structurally zero."""
        return self._found.spec.support.is_constant

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the elements, without the axis of the coefficients."""
        return self._found.shape

    @property
    def ndim(self) -> int:
        """The number of element axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 or float32 (object, where the numbers are mpmath's)."""
        return self._found.planes.dtype

    # ---- what is in it -------------------------------------------------------------------------------

    @property
    def value(self) -> NDArray[Any]:
        """The values, shape `shape`: a read-only view."""
        return read_only(self._found.value())

    @property
    def coeffs(self) -> NDArray[Any]:
        """All normalised coefficients c_α = ∂^α/α!, shape (basis.size, *shape), read-only."""
        return read_only(every_plane(self._operand(), self.basis.size))

    def coefficient(self, *degree: int, **degrees: int) -> NDArray[Any]:
        """One normalised coefficient, shape `shape`: `u.coefficient(3)` or `u.coefficient(theta=2, phi=1)`.

        Raises:
            BasisError: For an unknown variable or a degree the basis does not hold.
        """
        return read_only(self._plane(self.basis.index(*degree, **degrees)))

    def derivative(self, *degree: int, **degrees: int) -> NDArray[Any]:
        """One derivative, α!·c_α, shape `shape`: `u.derivative(3)` or `u.derivative(theta=2, phi=1)`.

        Raises:
            BasisError: For an unknown variable or a degree the basis does not hold.
        """
        i = self.basis.index(*degree, **degrees)
        return derivative(self._operand() if i else self._found, self.basis, i)

    def gradient(self) -> NDArray[Any]:
        """The first derivatives, shape (variables, *shape), in the order of `basis.variables`.

        Raises:
            BasisError: For a basis of order 0.
        """
        self._needs(1, "gradient")
        return derivatives(self._operand(), self.basis, range(1, 1 + len(self.basis.variables)))[()]

    def hessian(self) -> NDArray[Any]:
        """The second derivatives, shape (variables, variables, *shape).

        Raises:
            BasisError: For a basis of order below 2.
        """
        self._needs(2, "hessian")
        count = len(self.basis.variables)
        unit = np.eye(count, dtype=int)
        places = [self.basis.positions[tuple(unit[v] + unit[w])] for v in range(count) for w in range(count)]
        return derivatives(self._operand(), self.basis, places).reshape(count, count, *self.shape)[()]

    def _plane(self, monomial: int) -> Planes:
        return plane(self._operand() if monomial else self._found, monomial)

    def _needs(self, order: int, what: str) -> None:
        if self.basis.order < order:
            raise BasisError(f"the {what} needs order {order} or more, and {self.basis} has order {self.basis.order}")

    # ---- other arrays from it ------------------------------------------------------------------------

    def truncate(self, order: int) -> TaylorArray:
        """The same series on the basis of a lower order, over the same memory.

        Raises:
            BasisError: For an order above that of the basis.
        """
        if checked_order(order) > self.basis.order:
            raise BasisError(f"cannot truncate {self.basis} to order {order}: the higher coefficients are not known")
        basis = replace(self.basis, order=order)
        spec = self._found.spec
        return TaylorArray(self._found.with_spec(Spec(spec.support.keeping(lambda i: i < basis.size), spec.dtype, basis)))

    def copy(self) -> TaylorArray:
        """The same series in memory of its own."""
        return TaylorArray(owned(self._operand()))

    def detach_(self, *names: str) -> TaylorArray:
        """⊥ in place, or ⊥_S for the variables that are named; arrays computed before keep their series.

        Raises:
            BasisError: For an unknown variable.
        """
        self._found = detaching.detach(self, *names)._found
        return self

    def __getitem__(self, key: Any) -> TaylorArray:
        return held(self._unread(lambda found: index(found, key)))  # type: ignore[no-any-return]

    def _unread(self, function: Callable[[Operand], Any]) -> Any:
        """A view, which may be out of date like this array, or a shape; where a view had to be a copy, it may not."""
        found = function(self._found)
        if WRITES and isinstance(found, Operand) and home(found) is not home(self._found):
            check(self._found)
        return TaylorArray(found) if isinstance(found, Operand) else found

    def __setitem__(self, key: Any, value: Any) -> None:
        self._write(value, key, "u[…] = …")

    def _write(self, value: Any, key: Any, operation: str) -> TaylorArray:
        """Take other elements, in place."""
        self._found = assign(self._found, operand(value, "what is written"), key, operation)
        return self

    # fmt: off
    def __iadd__(self, other: Any) -> TaylorArray: return self._write(self + other, WHOLE, "+=")
    def __isub__(self, other: Any) -> TaylorArray: return self._write(self - other, WHOLE, "-=")
    def __imul__(self, other: Any) -> TaylorArray: return self._write(self * other, WHOLE, "*=")
    def __itruediv__(self, other: Any) -> TaylorArray: return self._write(self / other, WHOLE, "/=")
    def __ipow__(self, other: Any) -> TaylorArray: return self._write(self**other, WHOLE, "**=")
    def __imod__(self, other: Any) -> TaylorArray: return self._write(self % other, WHOLE, "%=")
    # fmt: on

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a TaylorArray of one element, without axes, has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[TaylorArray]:
        return (self[i] for i in range(len(self)))

    def __copy__(self) -> TaylorArray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> TaylorArray:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        """With its own coefficients, and nothing of the arrays that it shares memory with."""
        return TaylorArray, (self.copy()._found,)

    def __repr__(self) -> str:
        if is_stale(self._found):
            return f"{tuple(self.shape)} TaylorArray of values {self.value} whose coefficients are out of date"
        if self._found.planes.device != "cpu":
            return repr(TaylorArray(on_the_processor(self._found)))
        if not self.shape:
            return notation.scalar_text(self.basis, self.coeffs)
        rows = {i: self._found.plane(i) for i in self.support}
        return notation.array_text(self.basis, rows, self.shape, self.dtype)

    if not TYPE_CHECKING:  # to which every name would be there

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(pytorch.missing(name, not name.startswith("_") and self.is_constant), name=name, obj=self)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise UnsupportedError(
            "a TaylorArray does not become a plain array, a number or a truth value by itself, since that would drop "
            "its derivatives: take .value, or .coeffs for all coefficients"
        )

    __array__ = __float__ = __int__ = __index__ = __complex__ = __bool__ = _refuse


# ---- the same road for one operation -----------------------------------------------------------------


def apply(op: Op, args: tuple[Any, ...], params: tuple[Hashable, ...]) -> Any:
    """The op on arrays and numbers: a graph of one node, on the road every fused function takes."""
    return held(_applied(op, args, params))


def held(result: Any) -> Any:
    """A result, or ⊥ of what is frozen where it was computed."""
    names = detaching.HELD.get()
    if not names:
        return result
    return detaching.detach(result, *names) if isinstance(result, Truths) else _projection(detaching.detach, result, names)


def _applied(op: Op, args: tuple[Any, ...], params: tuple[Hashable, ...]) -> Any:
    if op.retains is not None:
        return _projection(op, args[0], params)
    body = op.body
    if op.unread and isinstance(args[0], TaylorArray) and body is not None:
        return args[0]._unread(lambda found: body([found], *params))
    if WRITES:  # values are right where they are enough
        args = tuple(_detached(arg) if op.acts_by_value(n) else arg for n, arg in enumerate(args))
    given = [arg if stays(op, i, arg) else operand(arg, f"argument {i + 1} of {op.name}") for i, arg in enumerate(args)]
    operands = [arg for arg in given if isinstance(arg, Operand)]
    basis = same_basis(found.spec.basis for found in operands)
    if op.kind == "structure":
        assert body is not None
        result = body(operands, *params)
        return wrap(result) if isinstance(result, Operand) else result
    layout = tuple(arg.spec if isinstance(arg, Operand) else arg for arg in given)
    evaluator, inputs, output = _one_node(op, layout, exactly(layout), params, basis)
    way = AT_THE_PROMPT
    for one in operands:
        if one.planes.device != "cpu":
            way = ON_A_GPU
    found = evaluator(dict(zip(inputs, operands, strict=True)), way)[0]
    return wrap(finished(found, output))


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, TaylorArray) else value


@lru_cache(maxsize=4096)
def _one_node(
    op: Op, layout: tuple[Any, ...], exact: Hashable, params: tuple[Hashable, ...], basis: Basis | None
) -> tuple[Evaluator, tuple[Node, ...], Node]:
    """The evaluator of one op on such arguments; `exact` tells layouts apart that are equal as keys."""
    graph = Tracing()
    args = [Tracer(graph, graph.input(i, arg)) if isinstance(arg, Spec) else arg for i, arg in enumerate(layout)]
    tracers = [arg for arg in args if isinstance(arg, Tracer)]
    with graph.open():
        output = graph.lift(tracers[0]._apply(op, tuple(args), params))
    return Evaluator(graph, [output], basis), tuple(tracer.node for tracer in tracers), output


def _zeros_like(array: NDArray[Any]) -> Any:
    if array.device == "cpu":
        return np.zeros_like(array)[()]
    return import_module(".elements", __package__).zeros(array)  # a kernel, and so of a later module


def _projection(op: Op, value: Any, params: tuple[Hashable, ...]) -> Any:
    """⊥ and its kin; a plain array has its value to lose and nothing else.

    What keeps the value is a narrower support over the same planes. What drops it (u − ⊥u) has memory of its own, as a
    difference has: what is written to its value is not written to that of u.
    """
    assert op.retains is not None
    if not isinstance(value, TaylorArray):
        return value if op.retains(PLAIN, 0, *params) else _zeros_like(real_array(value, "the argument"))
    retains, basis, spec = op.retains, value.basis, value._found.spec
    if params and isinstance(params[0], tuple):
        basis.members(params[0])
    kept = Spec(spec.support.keeping(lambda i: retains(basis, i, *params)), spec.dtype, basis)
    return TaylorArray(value._found.with_spec(kept) if retains(basis, 0, *params) else value._operand().above(kept))


def wrap(found: Operand) -> Any:
    """A result as users see it: truth values and plain numbers are NumPy's, the rest are series."""
    if found.spec.basis is None or found.planes.dtype.kind == "b":
        return found.planes[0, ...][()]
    return TaylorArray(found)
