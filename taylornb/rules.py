"""The kinds of rule a Taylor coefficient can follow, and what the declaration of an op holds.

D is the Euler operator: it multiplies a coefficient by its total degree.

    constant    y = f(x₀)                          only the value survives
    linear      y_i = f(x_i, …)                    each coefficient by itself
    bilinear    y = a·b                            the truncated product
    quotient    b·y = a                            solved upward in degree
    equation    per·Dy = rate₁·Dx₁ + rate₂·Dx₂     every elementary function
    composite   y = f(x, …)                        a name for an expression of other ops
    structure   y = f(planes of x)                 moves elements about, outside a kernel
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .errors import TracingError, UnsupportedError

Kind = Literal["leaf", "constant", "linear", "bilinear", "quotient", "equation", "composite", "structure"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Op:
    """One operation: all that any part of the package knows of it.

    Attributes:
        name: NumPy's or SciPy's name where they have the function.
        kind: The rule its coefficients follow.
        summary: One line for the documentation.
        at: One argument of each, well inside the domain: tests and examples sample the op there.
        body: For constant and linear ops, the function of scalars, `body(m, *scalars, *params)`, where `m`
            writes them; for composites the expression; for structure the function of operands.
        value: For an equation, the value as an expression of other ops; None where every target has a scalar
            function of this name. For a composite of chosen derivatives, the value that they may be those of.
        rate, per: The equation, as functions of the arguments, the result and the parameters. `rate` gives one
            rate for each argument, None where the result does not depend on it directly.
        by_value: The arguments of a linear op that act through their value (the condition of `where`).
        retains: For a linear op that is a projection, which monomials survive: `retains(basis, i, *params)`.
        heir: For a linear op, the argument that alone gives every coefficient above the value; the first gives the value.
        direct: Rate and per are numbers times the result and the argument, as for a power: coefficients of the result
            are divided by the argument's value before they are multiplied, which keeps them in range.
        boolean: The result is a truth value.
        on_truth: What it does to truth values, where these are not simply 0 and 1: "same" gives a truth value again,
            "number" a float64, "refuse" is an error, as it is in NumPy, and the name of another op stands for that.
        involution: Applied twice it is the identity, bit for bit.
        public: Users can call it.
        static: Arguments that are baked into the program where they are plain numbers (an exponent).
        optional: Arguments that may be None.
        bind: How a call `(*args, **kwargs)` splits into series and hashable parameters; None where all arguments
            are series.
        unread: It reads no coefficients: the result is a view of its argument where memory allows one, or a shape.
        answers: The result is no series, so that it cannot be traced (`array_equal`).
    """

    name: str
    kind: Kind
    summary: str = ""
    at: tuple[float, ...] = (0.7,)
    body: Callable[..., Any] | None = None
    value: Callable[..., Any] | None = None
    rate: Callable[..., Any] | None = None
    per: Callable[..., Any] | None = None
    by_value: frozenset[int] = frozenset()
    retains: Callable[..., bool] | None = None
    heir: int | None = None
    direct: bool = False
    boolean: bool = False
    on_truth: str = ""
    involution: bool = False
    public: bool = True
    static: frozenset[int] = frozenset()
    optional: frozenset[int] = frozenset()
    bind: Callable[..., tuple[tuple[Any, ...], tuple[Any, ...]]] | None = None
    unread: bool = False
    answers: bool = False

    @property
    def arity(self) -> int:
        """How many series it takes."""
        return len(self.at)

    def numeric(self, args: Sequence[Any]) -> list[Any]:
        """The arguments whose coefficients count, without those that act by value."""
        return [arg for position, arg in enumerate(args) if position not in self.by_value]

    def acts_by_value(self, position: int) -> bool:
        """Whether an argument's coefficients above the value do not matter."""
        return self.kind == "constant" or position in self.by_value or self.heir not in (None, position)

    def split(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The series of a call, and its parameters.

        Raises:
            UnsupportedError: Where the call has arguments that the op does not take.
        """
        try:
            if self.bind is not None:
                return self.bind(*args, **kwargs)
            if kwargs or len(args) != self.arity:
                raise TypeError(f"it takes {self.arity} series by position, and no keywords")
        except TypeError as error:
            reason = str(error).rpartition("() ")[2]
            raise UnsupportedError(f"{self.name} cannot be called like this with series: {reason}") from None
        return args, ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Hand the op to the argument that knows how to apply it: a tracer before an array."""
        series, params = self.split(args, kwargs)
        able = [arg for arg in series if hasattr(arg, "_apply")]
        if not able:
            raise TracingError(f"{self.name} needs a series or a traced value among its arguments, not {args!r}")
        return max(able, key=lambda arg: arg._precedence)._apply(self, series, params)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


registry: dict[str, Op] = {}


def declare(name: str, kind: Kind, **fields: Any) -> Op:
    """Enter an op of the library into the registry; each has one declaration."""
    if name in registry:
        raise ValueError(f"op {name!r} is declared twice")
    registry[name] = Op(name=name, kind=kind, **fields)
    return registry[name]


def constant(name: str, summary: str, body: Callable[..., Any] | None = None, **fields: Any) -> Op:
    """An op of which only the value survives; without a body every target has the function of that name."""
    return declare(name, "constant", summary=summary, body=body or _primitive(name), **fields)


def linear(name: str, summary: str, body: Callable[..., Any] | None, **fields: Any) -> Op:
    """An op that acts on each coefficient by itself."""
    return declare(name, "linear", summary=summary, body=body, **fields)


def bilinear(name: str, summary: str, **fields: Any) -> Op:
    """The truncated product."""
    return declare(name, "bilinear", summary=summary, **fields)


def quotient(name: str, summary: str, **fields: Any) -> Op:
    """The truncated quotient."""
    return declare(name, "quotient", summary=summary, **fields)


def equation(name: str, summary: str, **fields: Any) -> Op:
    """An elementary function, by its value and per·Dy = rate·Dx."""
    return declare(name, "equation", summary=summary, **fields)


def composite(name: str, summary: str, body: Callable[..., Any], **fields: Any) -> Op:
    """A name for an expression of other ops."""
    return declare(name, "composite", summary=summary, body=body, **fields)


def structure(name: str, summary: str, body: Callable[..., Any], **fields: Any) -> Op:
    """An op that moves or adds elements, and so stands between kernels."""
    return declare(name, "structure", summary=summary, body=body, **fields)


input_ = Op(name="input", kind="leaf", at=(), public=False)
literal = Op(name="literal", kind="leaf", at=(), public=False)


def _primitive(name: str) -> Callable[..., Any]:
    return lambda m, *scalars: m.call(name, *scalars)
