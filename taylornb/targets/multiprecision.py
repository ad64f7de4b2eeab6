"""The reference on mpmath numbers: any function to any precision."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from ..number import Constant, Number
from ..program import Dtype, Instruction
from .reference import NUMBERS, Machine

RENAMED = {
    "absolute": "fabs",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "rint": "nint",
}
CONSTANTS: dict[str, Callable[[Any], Any]] = {
    "ln2": lambda m: m.ln(2),
    "log2(e)": lambda m: 1 / m.ln(2),
    "log10(e)": lambda m: 1 / m.ln(10),
    "2/sqrt(pi)": lambda m: 2 / m.sqrt(m.pi),
}
PLAIN = frozenset(("add", "subtract", "multiply", "negative", "greater", "greater_equal", "less", "less_equal"))
PLAIN |= frozenset(("equal", "not_equal", "logical_and", "logical_or", "logical_xor", "logical_not", "where"))
OWN: dict[str, Callable[..., Any]] = {
    "literal": lambda m, x: x,
    "cast": lambda m, x: m.mpf(x),
    "madd": lambda m, total, a, b: total + a * b,
    "msub": lambda m, total, a, b: total - a * b,
    "exp2": lambda m, x: m.power(2, x),
    "log2": lambda m, x: m.log(x, 2),
    "cbrt": lambda m, x: m.sign(x) * m.cbrt(abs(x)),
    "sech2": lambda m, x: m.sech(x) ** 2,
    "trunc": lambda m, x: m.sign(x) * m.floor(abs(x)),
    "isfinite": lambda m, x: not (m.isinf(x) or m.isnan(x)),
    "copysign": lambda m, a, b: abs(a) if b >= 0 else -abs(a),
    "remainder": lambda m, a, b: a - b * m.floor(a / b),
    "logaddexp": lambda m, a, b: max(a, b) + m.log1p(m.exp(-abs(a - b))),
    "gammaln": lambda m, x: m.inf if x <= 0 and m.isint(x) else m.re(m.loggamma(x)),
    "digamma": lambda m, x: m.psi(0, x),
    "scaled_zeta": lambda m, x, s: _scaled_zeta(m, x, int(s)),
}


def _scaled_zeta(m: Any, x: Any, s: int) -> Any:
    scale = x if x > 0 else abs(x - m.nint(x))
    return (-1) ** s * scale ** (s - 1) * m.psi(s - 1, x) / m.factorial(s - 1)


class Multiprecision(Machine):
    """The scalars of a run: object arrays of numbers of one mpmath context."""

    chains = MappingProxyType({})  # each by itself

    def __init__(self, context: Any) -> None:
        self.context = context
        self.nan = context.mpf("nan")

    def number(self, value: Number, dtype: Dtype) -> Any:
        """A number to the precision of the context."""
        if isinstance(value, Constant):
            found = CONSTANTS.get(value.name)
            return found(self.context) if found else self.context.mpf(NUMBERS[value.name])
        return self.context.mpf(value.numerator) / value.denominator

    def function(self, instruction: Instruction) -> Callable[..., Any]:
        """What computes an instruction, element by element."""
        name, dtype = instruction.function, bool if instruction.dtype.kind == "b" else object
        found = getattr(np, name) if name in PLAIN else np.frompyfunc(self._guarded(name), len(instruction.args), 1)
        return lambda *args: np.asarray(found(*map(np.asarray, args)), dtype=dtype)

    def _guarded(self, name: str) -> Callable[..., Any]:
        """The function, with NaN where mpmath would raise or leave the reals."""
        own, m = OWN.get(name), self.context

        def guarded(*args: Any) -> Any:
            try:
                result = own(m, *args) if own else getattr(m, RENAMED.get(name, name))(*args)
            except ZeroDivisionError:
                return self._divided_by_zero(name, args)
            except ValueError:
                return self.nan
            return self.nan if isinstance(result, m.mpc) else result

        return self._divide if name == "divide" else guarded

    def _divide(self, a: Any, b: Any) -> Any:
        return a / b if b else self._divided_by_zero("divide", (a, b))

    def _divided_by_zero(self, name: str, args: tuple[Any, ...]) -> Any:
        return self.nan if name != "divide" or not args[0] else args[0] * self.context.inf
