"""Which form does a program run in? Every choice by cost is made here.

reference   instruction by instruction on NumPy arrays: no compiler
unrolled    every instruction once, in machine code made by LLVM from its own language
looped      loops over the coefficients, in machine code whose size does not grow with the order
numba       the Python text that `source` shows, compiled by Numba
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np

from .basis import Basis
from .program import Cost, Program
from .segments import cut

Target = Literal["cpu", "cuda", "reference"]
TARGETS: tuple[str, ...] = ("cpu", "cuda", "reference")
Form = Literal["reference", "unrolled", "looped", "numba"]
Way = tuple[Target | None, Form | None]  # what the user asked for
FORMS: tuple[str, ...] = ("reference", "unrolled", "looped", "numba")
ON_GPU = ("unrolled", "looped")

UNROLLED = 12_000  # instructions; LLVM spends some 60 µs on each, and the time of a first call is to stay below 2 s
HIGH = 48  # the order from which loops in one variable are as fast as unrolled code,
HIGH_UNROLLED = 2_000  # if this has more instructions; they compile in a tenth of the time
ON_GPU_UNROLLED = 9_000  # instructions that Numba makes a kernel in segments of in thirty seconds
MOVED = 0.5  # numbers moved for each instruction of a program in segments, up to which it is taken to be quicker than loops
MARGIN = 6  # a node brings up to so many more, those of its equation, with no more products than a pair of dense series has
PROMPT = 1_000_000  # instructions times elements that NumPy does in about the time of a compilation, some 20 ms
# What a function costs there that is one of Python's numbers, called for each element; zetas are some thirty calls of NumPy.
IN_PYTHON = {"erf": 5, "erfc": 5, "gammaln": 100, "digamma": 100, "scaled_zeta": 4}
STREAM = 36 << 20  # bytes read and written; the last cache of a processor of today has less, or a process's share of it
MANY = 12  # rows read and written: more than a processor fetches ahead for, so that waiting for what is to be overwritten
MANY_STREAM = 20 << 20  # costs more than the caches save already from so many bytes on
BRIEF = 5_000.0  # nanoseconds of work below which the interpreter's lock is kept: giving it away and back takes a hundred
SHARED = 20_000.0  # nanoseconds of work for each thread from which those that listen are called, within a microsecond
PARALLEL = 100_000.0  # nanoseconds of work from which a second thread gains more than it takes to wake it
OFTEN = 1_000_000.0  # nanoseconds of work in calls that follow one another, from which it is woken for those to come


def check_target(target: str) -> None:
    """Raise ValueError unless the target is one of those there are."""
    if target not in TARGETS:
        raise ValueError(f"target must be one of {', '.join(map(repr, TARGETS))}, not {target!r}")


def check_form(form: str | None, target: str | None) -> None:
    """Raise ValueError unless the form is one of those there are on the target."""
    if form is not None and form not in FORMS:
        raise ValueError(f"form must be None or one of {', '.join(map(repr, FORMS))}, not {form!r}")
    if target == "cuda" and form not in (None, *ON_GPU):
        raise ValueError(f'form={form!r} is one of target="cpu"; target="cuda" has {" and ".join(map(repr, ON_GPU))}')
    if target == "reference" and form not in (None, "reference"):
        raise ValueError(f'form={form!r} is compiled, and target="reference" has no compiler; leave one of them out')


def may_be_looped(way: Way, dtypes: Iterable[np.dtype[Any] | None]) -> bool:
    """Whether there is a choice between loops and instructions: not for a form without loops, nor for mpmath numbers."""
    target, form = way
    plain = all(dtype is None or dtype.kind != "O" for dtype in dtypes)
    return plain and (form == "looped" or (form is None and target != "reference"))


def is_looped(instructions: Callable[[], int], nodes: int, basis: Basis, way: Way) -> bool:
    """Whether a graph becomes loops over coefficients.

    Args:
        instructions: Tells how many instructions it would have without them.
        nodes: How many nodes it has, without those of equations.
        basis: The monomials of its series.
        way: The target and the form that the user asked for.
    """
    if way[1] == "looped":
        return True
    high = len(basis.variables) == 1 and basis.order >= HIGH
    bound = ON_GPU_UNROLLED if way[0] == "cuda" else HIGH_UNROLLED if high else UNROLLED
    return nodes * MARGIN * basis.pairs > bound and instructions() > bound


def fits_a_gpu(program: Program) -> bool:
    """Whether a program is one for a GPU's registers: in one piece, or in segments with few numbers to move."""
    found = cut(program)
    return found is None or found.moved <= MOVED * len(program.instructions)


def chosen(cost: Cost, elements: int, way: Way) -> Form:
    """The form of a program that has been written as instructions.

    Args:
        cost: What they cost for one element.
        elements: How many times they run.
        way: The target, None for an operation at the prompt, which takes the reference where that is as quick as a
            compiler; and the form that the user asked for.
    """
    target, form = way
    if form is not None:
        return form
    if target == "reference" or (target is None and elements * _at_the_prompt(cost) <= PROMPT):
        return "reference"
    return "unrolled"


def _at_the_prompt(cost: Cost) -> int:
    """What an element costs without a compiler, in instructions on NumPy arrays."""
    return cost.statements + sum([count * IN_PYTHON.get(name, 0) for name, count in cost.functions])


def streams(size: int, rows: int) -> bool:
    """Whether results are written past the caches, which they would leave before anybody reads them.

    Args:
        size: The bytes of all that is read and written.
        rows: How many rows that is.
    """
    return size >= (MANY_STREAM if rows >= MANY else STREAM)


def nanoseconds(cost: Cost) -> float:
    """About how long a thread takes for an element, from what such kernels were measured to take on vectors of 512 bits."""
    return 0.02 * cost.multiply_adds + 0.15 * cost.divisions + 0.4 * cost.calls + 0.006 * cost.bytes
