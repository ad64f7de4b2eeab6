"""A program of taylornb as the text of a C function: one loop, one statement a line."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from taylornb.program import Dtype, Instruction, Operand, Program, Ref
from taylornb.targets.reference import real

TYPES = {"float64": "double", "float32": "float", "bool": "int"}
FORMS = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "madd": "{0} + {1} * {2}",
    "msub": "{0} - {1} * {2}",
    "where": "{0} ? {1} : {2}",
    "literal": "{0}",
    "cast": "{0}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "sech2": "({{ {type} e = {exp}(-{fabs}({0})), h = 2 * e / (1 + e * e); h * h; }})",
}
CALLED_IN = {"sech2": ("exp", "absolute")}  # what the forms above call
CALLS = {
    "absolute": "fabs",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    **{name: name for name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh")},
    **{name: name for name in ("tanh", "sqrt", "cbrt", "erf", "erfc", "hypot", "copysign", "floor", "ceil", "rint", "trunc")},
}
INLINE = ("fabs", "sqrt", "copysign", "floor", "ceil", "rint", "trunc")  # instructions of the processor, no library calls

FRAME = """\
{declarations}

static __attribute__((noinline)) void part({parameters}, long start, long stop)
{{
#pragma GCC ivdep
    for (long i = start; i < stop; i++) {{
{body}
    }}
}}

/* All n points on so many threads: rows of the inputs, rows of the output. */
void kernel({type} **x, {type} **y, long n, int threads)
{{
    long share = (n / threads / 64 + 1) * 64;
    if (threads < 2 || n < 16384) {{
        part({arguments}, 0, n);
        return;
    }}
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++)
        part({arguments}, t * share, (t + 1) * share < n ? (t + 1) * share : n);
}}
"""


class FormError(Exception):
    """An instruction that has no form in C here."""


def source(program: Program, vectorised: frozenset[str]) -> str:
    """The text of `kernel`.

    Args:
        program: What it computes.
        vectorised: The C functions that the vector library has.

    Raises:
        FormError: For an instruction that is not in the tables.
    """
    dtype = program.outputs[0].dtype
    rows = sorted({store.row for store in program.stores})
    loads = {ins.place: n for n, ins in enumerate(program.instructions) if ins.function == "load"}
    places = {place: k for k, place in enumerate(loads)}
    scalar = TYPES[dtype.name]
    body = [_statement(n, ins, places) for n, ins in enumerate(program.instructions)]
    body += [f"y{store.row}[i] = {_term(store.operand, dtype)};" for store in program.stores]
    reads = [f"const {scalar} *restrict x{k}" for k in range(len(places))]
    writes = [f"{scalar} *restrict y{row}" for row in rows]
    given = [*(f"x[{k}]" for k in range(len(places))), *(f"y[{k}]" for k in range(len(rows)))]
    return FRAME.format(
        declarations="\n".join(_declarations(program, vectorised)),
        parameters=", ".join([*reads, *writes]),
        arguments=", ".join(given),
        body="\n".join("        " + line for line in body),
        type=scalar,
    )


def called(program: Program) -> set[tuple[str, Dtype]]:
    """The C functions that a program calls, without the suffix of float."""
    names = ((CALLED_IN.get(ins.function, (ins.function,)), ins.dtype) for ins in program.instructions)
    return {(CALLS[name], dtype) for found, dtype in names for name in found if name in CALLS}


def _declarations(program: Program, vectorised: frozenset[str]) -> Iterator[str]:
    for name, dtype in sorted(called(program), key=str):
        scalar, function = TYPES[dtype.name], _suffixed(name, dtype)
        simd = '__attribute__((const, simd("notinbranch")))' if function in vectorised else "__attribute__((const))"
        count = 2 if name in ("hypot", "copysign") else 1
        yield f"{simd if name not in INLINE else 'extern'} {scalar} {function}({', '.join([scalar] * count)});"


def _statement(n: int, instruction: Instruction, places: dict[tuple[int, ...], int]) -> str:
    scalar = TYPES[instruction.dtype.name]
    if instruction.function == "load":
        return f"{scalar} v{n} = x{places[instruction.place]}[i];"
    terms = [_term(arg, instruction.dtype) for arg in instruction.args]
    if instruction.function in CALLS:
        return f"{scalar} v{n} = {_suffixed(CALLS[instruction.function], instruction.dtype)}({', '.join(terms)});"
    if instruction.function not in FORMS:
        raise FormError(f"instruction {instruction.function!r} has no form in C")
    names = {name: _suffixed(name, instruction.dtype) for name in ("exp", "fabs")}
    return f"{scalar} v{n} = {FORMS[instruction.function].format(*terms, type=scalar, **names)};"


def _term(operand: Operand, dtype: Dtype) -> str:
    if isinstance(operand, Ref):
        return f"v{operand.place}"
    value = real(operand)
    if not isfinite(value):
        return '__builtin_nan("")' if value != value else f"({'-' if value < 0 else ''}__builtin_inf())"
    return f"({value!r}{'f' if dtype.name == 'float32' else ''})"


def _suffixed(name: str, dtype: Dtype) -> str:
    return name + ("f" if dtype.name == "float32" else "")
