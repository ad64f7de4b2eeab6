"""What anything that ops apply to can do: Python's operators and NumPy's functions, as ops."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, ClassVar, NoReturn

import numpy as np

from . import detach, ops, powers, special, structure
from .errors import UnsupportedError
from .rules import Op, registry

DECLARATIONS = (detach, ops, powers, special, structure)  # importing them fills the registry


class Arithmetic:
    """Operators, for arrays that hold series and for tracers that hold nodes of a graph.

    A subclass provides `_apply(op, args, params)` and `_precedence`: where kinds meet, the highest applies the op.
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]
    _precedence = 0
    _aliases: ClassVar[dict[str, str]] = {}  # other names of ufuncs

    def _apply(self, op: Op, args: tuple[Any, ...], params: tuple[Hashable, ...]) -> Any:
        raise NotImplementedError

    # fmt: off
    def __add__(self, other: Any) -> Any: return ops.add(self, other)
    def __radd__(self, other: Any) -> Any: return ops.add(other, self)
    def __sub__(self, other: Any) -> Any: return ops.subtract(self, other)
    def __rsub__(self, other: Any) -> Any: return ops.subtract(other, self)
    def __mul__(self, other: Any) -> Any: return ops.multiply(self, other)
    def __rmul__(self, other: Any) -> Any: return ops.multiply(other, self)
    def __truediv__(self, other: Any) -> Any: return ops.divide(self, other)
    def __rtruediv__(self, other: Any) -> Any: return ops.divide(other, self)
    def __pow__(self, other: Any) -> Any: return powers.power(self, other)
    def __rpow__(self, other: Any) -> Any: return powers.power(other, self)
    def __mod__(self, other: Any) -> Any: return ops.remainder(self, other)
    def __rmod__(self, other: Any) -> Any: return ops.remainder(other, self)
    def __neg__(self) -> Any: return ops.negative(self)
    def __pos__(self) -> Any: return ops.positive(self)
    def __abs__(self) -> Any: return ops.absolute(self)
    def __round__(self, ndigits: int = 0) -> Any: return ops.round(self, ndigits)
    def __lt__(self, other: Any) -> Any: return ops.less(self, other)
    def __le__(self, other: Any) -> Any: return ops.less_equal(self, other)
    def __gt__(self, other: Any) -> Any: return ops.greater(self, other)
    def __ge__(self, other: Any) -> Any: return ops.greater_equal(self, other)
    def __eq__(self, other: Any) -> Any: return ops.equal(self, other)
    def __ne__(self, other: Any) -> Any: return ops.not_equal(self, other)
    def __getitem__(self, key: Any) -> Any: return structure.getitem(self, key)
    # fmt: on

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The sum over the element axes, as numpy.sum."""
        return structure.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The mean over the element axes, as numpy.mean."""
        return structure.mean(self, axis=axis, keepdims=keepdims)

    def round(self, decimals: int = 0) -> Any:
        """Rounded to so many decimals, as numpy.round."""
        return ops.round(self, decimals)

    def clip(self, min: Any = None, max: Any = None) -> Any:
        """Held between two bounds, as numpy.clip."""
        return ops.clip(self, min, max)

    def detach(self, *names: Any) -> Any:
        """⊥: the value without its derivatives; with names, without those that involve these variables."""
        return detach.detach(self, *names)

    def reshape(self, *shape: Any) -> Any:
        """The same elements in another shape, as numpy.reshape."""
        return structure.reshape(self, shape[0] if len(shape) == 1 else shape)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        """NumPy's ufuncs: each is the op of the same name."""
        op = registry.get(self._aliases.get(ufunc.__name__, ufunc.__name__))
        if method != "__call__":
            raise UnsupportedError(f"np.{ufunc.__name__}.{method} does not take series; {_remedy(method)}")
        if op is None or not op.public:
            raise UnsupportedError(f"np.{ufunc.__name__} is not an operation on series; see taylornb.operations")
        (out,) = kwargs.pop("out", (None,))
        if kwargs or not (out is None or hasattr(out, "_write")):
            _refuse_keywords(ufunc.__name__, kwargs if kwargs else {"out": (out,)})
        if out is None:
            return op(*args)
        return out._write(self._apply(op, *op.split(args, {})), ..., f"np.{ufunc.__name__}(…, out=u)")

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        """NumPy's other functions: those listed here, by name; the rest would silently lose the series."""
        op = registry.get(_FUNCTIONS.get(func.__name__, func.__name__))
        if op is None or not op.public or getattr(np, func.__name__, None) is not func:
            name = f"{func.__module__}.{func.__name__}".replace("numpy", "np", 1)
            raise UnsupportedError(f"{name} is not an operation on series; see taylornb.operations, or apply it to .value")
        return op(*args, **kwargs)


TRUTHS = {"bitwise_and": "logical_and", "bitwise_or": "logical_or", "bitwise_xor": "logical_xor", "invert": "logical_not"}


class Truths(Arithmetic):
    """Arithmetic where truth values are no arrays of NumPy's, which would bring these operators."""

    __slots__ = ()
    _aliases = TRUTHS

    # fmt: off
    def __and__(self, other: Any) -> Any: return ops.logical_and(self, other)
    def __rand__(self, other: Any) -> Any: return ops.logical_and(other, self)
    def __or__(self, other: Any) -> Any: return ops.logical_or(self, other)
    def __ror__(self, other: Any) -> Any: return ops.logical_or(other, self)
    def __xor__(self, other: Any) -> Any: return ops.logical_xor(self, other)
    def __rxor__(self, other: Any) -> Any: return ops.logical_xor(other, self)
    def __invert__(self) -> Any: return ops.logical_not(self)
    # fmt: on


_FUNCTIONS = {"around": "round"}


def _remedy(method: str) -> str:
    return {"reduce": "use np.sum or np.mean", "at": "use tn.where"}.get(method, "write it with the operations taylornb has")


def _refuse_keywords(name: str, kwargs: dict[str, Any]) -> NoReturn:
    if "out" in kwargs:
        kinds = ", ".join(type(out).__name__ for out in kwargs["out"])
        raise UnsupportedError(
            f"np.{name} cannot write series into out={kinds}: an ndarray has no room for coefficients. "
            f"Write `a = a + u`, not `a += u`, and leave out= away"
        )
    raise UnsupportedError(f"np.{name} does not take the keywords {', '.join(sorted(kwargs))} with series; use tn.where")
