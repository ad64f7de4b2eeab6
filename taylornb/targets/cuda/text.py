"""A program as Python text for CUDA: a device function of scalars, or a kernel over the elements of arrays.

Straight-line, one statement for each instruction. Numbers are typed, since one untyped number makes float32 arithmetic
float64; there are no arrays but those of the arguments. What the names stand for is in `scope`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from ...number import Number, number
from ...program import Dtype, Instruction, Operand, Program, Ref, Store
from ...rolled import Rolled
from ..reference import function, real
from ..source import FORMS as PLAIN
from ..source import indented, term

AXES = "ijklabcdfghopq"  # of the elements
Place = tuple[int, int]  # the slot of an input or output, and the row of it
Load = Callable[..., str]  # what is read, by the place of a load

# The names of NumPy's functions in Python's math module, which CUDA has for both dtypes.
MATH = {
    "absolute": "fabs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "power": "pow",
}
SAME: tuple[str, ...] = (
    "copysign",
    "cos",
    "cosh",
    "exp",
    "exp2",
    "expm1",
    "hypot",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log10",
    "log1p",
)
SAME += ("log2", "sin", "sinh", "sqrt", "tan", "tanh")
MATH |= {name: name for name in SAME}
ALONE = frozenset(("literal", "where"))  # their numbers meet no other, which would make them numbers of their dtype
BINARY = frozenset(("arctan2", "copysign", "hypot", "power"))
# Those that it has for neither, or under another name for each dtype: one of these for each.
TYPED = {"cbrt": 1, "ceil": 1, "floor": 1, "logaddexp": 2, "remainder": 2, "rint": 1, "sech2": 1, "sign": 1, "trunc": 1}
TYPED |= {"digamma": 1, "gammaln": 1, "scaled_zeta": 2}
FORMS: dict[str, str] = {
    **PLAIN,
    **{name: f"math.{own}({'{0}, {1}' if name in BINARY else '{0}'})" for name, own in MATH.items()},
    **{name: f"{name}_{{type}}({', '.join(['{0}', '{1}'][:count])})" for name, count in TYPED.items()},
}


# Sums along the last axis, each of every so many elements: an order that depends on the shape alone, and neighbouring threads
# read neighbouring elements. The result has as many elements along the axis as there are parts, to be summed up again.
SUMS = """\
def kernel(n, outer, parts, inner, x, y):
    e = u8(cuda.grid(1))
    step = u8(cuda.gridsize(1))
    while e < n:
        rest = e // parts
        p = e - rest * parts
        row = rest // outer
        o = rest - row * outer
        total = x[row, o, p]
        k = p + parts
        while k < inner:
            total += x[row, o, k]
            k += parts
        y[row, o, p] = total
        e += step
"""


# Elements of rows that lie together, from or to anywhere in others: `where` says how far from the beginning of a row.
MOVES = {
    name: f"""\
def kernel(n, inner, far, near, where):
    e = u8(cuda.grid(1))
    step = u8(cuda.gridsize(1))
    while e < n:
        row = e // inner
        k = e - row * inner
        {move}
        e += step
"""
    for name, move in {"take": "near[row, k] = far[row, u8(where[k])]", "put": "far[row, u8(where[k])] = near[row, k]"}.items()
}


def device_function(program: Program, parameters: Mapping[Place, str], results: str) -> str:
    """The text of a function of scalars.

    Args:
        program: What it computes.
        parameters: The name of the parameter for each (input, row), in their order.
        results: The expression that it returns, of what `stored` gives.
    """
    body = statements(program)
    named = [f"v{n} = {parameters[ins.place]}" for n, ins in enumerate(program.instructions) if ins.function == "load"]  # type: ignore[index]
    lines = [*named, *body, f"return {results}"]
    return "\n".join([f"def function({', '.join(parameters.values())}):", *indented(lines, 1)]) + "\n"


def kernel(program: Program, access: Sequence[str | None], axes: int = 1) -> str:
    """The text of a kernel.

    Args:
        program: What it computes.
        access: For each input that is read the index of an element: a letter of `AXES` for each axis that it follows, and
            a 0 for each that it has one element on; it may have fewer axes than the outputs. None for a number.
        axes: How many axes the elements of the outputs have.
    """
    once, each = loads(program, dict(zip(program.inputs, access, strict=True)))
    body = with_stores(program, lambda store: result(store.output, store.row, axes))
    return framed(program, axes, once, [*each, *body])


def framed(program: Program | Rolled, axes: int, once: Sequence[str], each: Sequence[str], more: Sequence[str] = ()) -> str:
    """The text of a kernel: each thread takes every element that is a whole number of grids from its own.

    Its arguments are the number of elements, the lengths of the axes but the first, and the planes of the inputs that are
    read and of the outputs, each of the axes that it has. Numbers of elements are unsigned 64-bit integers, so that there
    may be more than 2³¹ and no index is taken for one from the end.

    Args:
        program: What it computes.
        axes: How many axes the elements of the outputs have.
        once: What each thread does before its first element.
        each: What it does for each element.
        more: Further arguments.
    """
    names = AXES[:axes]
    element = names if axes == 1 else "e"
    inputs, outputs = (f"x{slot}" for slot in program.inputs), (f"y{n}" for n in range(len(program.outputs)))
    arguments = ["n", *(f"n{axis}" for axis in names[1:]), *inputs, *outputs, *more]
    head = [*once, f"{element} = u8(cuda.grid(1))", "step = u8(cuda.gridsize(1))", f"while {element} < n:"]
    loop = [*(_split(names) if axes > 1 else []), *each, f"{element} += step"]
    return "\n".join([f"def kernel({', '.join(arguments)}):", *indented(head, 1), *indented(loop, 2)]) + "\n"


def loads(program: Program, access: Mapping[int, str | None]) -> tuple[list[str], list[str]]:
    """The statements that read the inputs, by their index: those that serve all elements, and those of each."""
    once, each = list[str](), list[str]()
    for n, instruction in enumerate(program.instructions):
        if instruction.function == "load":
            slot, row = instruction.place
            own = access[slot]
            (each if own and own.strip("0") else once).append(f"v{n} = {argument(slot, str(row), own)}")
    return once, each


def argument(slot: int, row: str, access: str | None) -> str:
    """The element of a row of an input; the number itself where it is one."""
    return f"x{slot}" if access is None else f"x{slot}[{', '.join([row, *access])}]"


def result(output: int, row: int | str, axes: int) -> str:
    """The element of a row of an output."""
    return f"y{output}[{', '.join([str(row), *AXES[:axes]])}]"


def _split(names: str) -> list[str]:
    """From the number of an element to its indices, the last axis first."""
    found, rest = [], "e"
    for axis in reversed(names[1:]):
        found += [f"r{axis} = {rest} // n{axis}", f"{axis} = {rest} - r{axis} * n{axis}"]
        rest = f"r{axis}"
    return [*found, f"{names[0]} = {rest}"]


def statements(
    program: Program, after: Mapping[int, Sequence[str]] = MappingProxyType({}), load: Load | None = None
) -> list[str]:
    """The instructions, one a line, the sine and the cosine of one number together.

    Args:
        program: The program.
        after: What follows some of them.
        load: What a load reads; without it loads are left out.
    """
    pairs = _sines_with_cosines(program)
    found = list[str]()
    for n, instruction in enumerate(program.instructions):
        if n in pairs:
            first, second = pairs[n]
            if n == min(first, second):
                angle, dtype = term(instruction.args[0], instruction.dtype), instruction.dtype.str[1:]
                found.append(f"v{first}, v{second} = sincos_{dtype}({angle})")
        elif instruction.function != "load":
            found.append(f"v{n} = {_expression(instruction)}")
        elif load is not None:
            found.append(f"v{n} = {load(*instruction.place)}")
        found += after.get(n, ())
    return found


def with_stores(program: Program, where: Callable[[Store], str], load: Load | None = None) -> list[str]:
    """As `statements`, each result being stored as soon as it is there."""
    after: dict[int, list[str]] = {}
    for store in program.stores:
        place = store.operand.place if isinstance(store.operand, Ref) else len(program.instructions)
        after.setdefault(place, []).append(f"{where(store)} = {stored(program, store)}")
    return [*statements(program, after, load), *after.get(len(program.instructions), [])]


def stored(program: Program, store: Store) -> str:
    """What is stored: a result of the program, or a number of the dtype of the output."""
    return _typed(store.operand, program.outputs[store.output].dtype)


def _expression(instruction: Instruction) -> str:
    if instruction.function in MATH and not any(isinstance(arg, Ref) for arg in instruction.args):
        return _typed(_of_numbers(instruction), instruction.dtype)
    stated = _typed if instruction.function in ALONE else term
    terms = [stated(arg, instruction.dtype) for arg in instruction.args]
    return FORMS[instruction.function].format(*terms, type=instruction.dtype.str[1:])


def _of_numbers(instruction: Instruction) -> Number:
    """The value of a function of numbers, as log 2 in 2ˣ, which the compiler for CUDA would leave to each thread."""
    numbers = [instruction.dtype.type(real(arg)) for arg in instruction.args if not isinstance(arg, Ref)]
    with np.errstate(all="ignore"):
        return number(float(function(instruction.function)(*numbers)))


def _typed(operand: Operand, dtype: Dtype) -> str:
    """An earlier result, or a number that has its dtype by itself."""
    text = term(operand, dtype)
    return text if isinstance(operand, Ref) or dtype == np.float32 else f"{dtype.str[1:]}({text.strip('()')})"


def _sines_with_cosines(program: Program) -> dict[int, tuple[int, int]]:
    """For the place of each sine and cosine that has the other beside it, the places of both."""
    seen: dict[Instruction, int] = {ins: n for n, ins in enumerate(program.instructions) if ins.function in ("sin", "cos")}
    found = {}
    for instruction, n in seen.items():
        other = seen.get(instruction._replace(function="cos" if instruction.function == "sin" else "sin"))
        if other is not None:
            found[n] = (n, other) if instruction.function == "sin" else (other, n)
    return found
