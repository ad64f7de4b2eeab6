"""A program as Python text: what `source` shows, and what Numba can compile."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..program import Dtype, Instruction, Operand, Program, Ref
from .reference import real

FORMS = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "madd": "{0} + {1} * {2}",
    "msub": "{0} - {1} * {2}",
    "where": "{1} if {0} else {2}",
    "literal": "{0}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "logical_and": "{0} & {1}",
    "logical_or": "{0} | {1}",
    "logical_xor": "{0} ^ {1}",
    "logical_not": "not {0}",
    "sech2": "{type}(sech2(f8({0})))",
    "erf": "math.erf({0})",
    "erfc": "math.erfc({0})",
    "gammaln": "{type}(gammaln(f8({0})))",
    "digamma": "{type}(digamma(f8({0})))",
    "scaled_zeta": "{type}(scaled_zeta(f8({0}), {1}))",
    "remainder": "{type}(remainder({0}, {1}))",
    "sign": "{type}(1) if {0} > 0 else {type}(-1) if {0} < 0 else {0} + {type}(0)",
    "cast": "{type}({0})",
}


def source(program: Program, access: Sequence[str], axes: int = 1) -> str:
    """The text of a kernel.

    Args:
        program: What it computes.
        access: For each input that is read, how its elements follow the element axes (o, p) of the outputs: "op",
            "o", "p", or "" for one element that serves all.
        axes: How many axes the elements have, one or two.
    """
    arguments = ", ".join([*(f"x{slot}" for slot in program.inputs), *(f"y{n}" for n in range(len(program.outputs)))])
    outer = axes == 2
    at = dict(zip(program.inputs, access, strict=True))
    once, per_row, per_element = _loads(program, at)
    body = [f"v{n} = {_expression(ins)}" for n, ins in enumerate(program.instructions) if ins.function != "load"]
    stored = "o, p" if outer else "p"
    body += [f"y{s.output}[{s.row}, {stored}] = {term(s.operand, program.outputs[s.output].dtype)}" for s in program.stores]
    lines = [f"def kernel({arguments}):", *indented(once, 1)]
    depth = 1
    if outer:
        lines += ["    for o in range(y0.shape[1]):", *indented(per_row, 2)]
        depth = 2
    lines += indented([f"for p in range(y0.shape[{depth}]):"], depth)
    return "\n".join([*lines, *indented([*per_element, *body], depth + 1)]) + "\n"


def _loads(program: Program, access: dict[int, str]) -> tuple[list[str], list[str], list[str]]:
    """The statements that read the inputs: once, for each row, for each element."""
    found: dict[str, list[str]] = {"": [], "o": [], "p": [], "op": []}
    for n, instruction in enumerate(program.instructions):
        if instruction.function == "load":
            slot, row = instruction.place
            found[access[slot]].append(f"v{n} = x{slot}[{', '.join([str(row), *access[slot]])}]")
    return found[""], found["o"], [*found["p"], *found["op"]]


def _expression(instruction: Instruction) -> str:
    terms = [term(arg, instruction.dtype) for arg in instruction.args]
    form = FORMS.get(instruction.function) or f"np.{instruction.function}({', '.join(terms)})"
    return form.format(*terms, type=instruction.dtype.str[1:])


def term(operand: Operand, dtype: Dtype) -> str:
    """An earlier result, or a number of the dtype."""
    if isinstance(operand, Ref):
        return f"v{operand.place}"
    value = real(operand)
    text = repr(value) if math.isfinite(value) else f"np.{value}" if value > 0 or value != value else "(-np.inf)"
    if dtype == np.float32:
        return f"f4({text})"
    return f"({text})" if text.startswith("-") else text


def indented(lines: Sequence[str], depth: int) -> list[str]:
    """The lines, so many steps to the right."""
    return ["    " * depth + line for line in lines]
