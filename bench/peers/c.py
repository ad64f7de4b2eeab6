"""The same program in C, unrolled, compiled by gcc for vectors of 256 and of 512 bits, with glibc's vector functions."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import series
from . import Array, Case, Contender, Inputs, SkippedError, c_source

MISSING = "" if shutil.which("gcc") else "there is no gcc"
WIDTHS = (256, 512)
# Left alone, gcc makes one scalar sincos of a sine and a cosine of the same number, and neither is vectorised: the
# last two flags make C four times faster in F1.
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-ffp-contract=fast", "-fno-builtin-sin", "-fno-builtin-cos")
SHARED = ("-fopenmp", "-shared", "-fPIC")
LIBRARIES = ("-lmvec", "-lm")
CANDIDATES = sorted(set(c_source.CALLS.values()) - set(c_source.INLINE))


def build(case: Case) -> None:
    """Compile for each width.

    Raises:
        SkippedError: Where the program has an instruction without a form in C.
    """
    program, _ = series.written(series.program(case.workload), series.arguments(case.workload, case.order, 4, case.dtype))
    try:
        text = c_source.source(program, vectorised())
    except c_source.FormError as error:
        raise SkippedError(str(error)) from None
    for width in WIDTHS:
        compiled(text, _library(case, width), f"-mprefer-vector-width={width}")


def prepare(case: Case, inputs: Inputs) -> list[Contender]:
    """One contender for each width."""
    program, planes = series.written(series.program(case.workload), inputs.series)
    loads = dict.fromkeys(ins.place for ins in program.instructions if ins.function == "load")
    rows = sorted({store.row for store in program.stores})
    reads, writes = _pointers([planes[slot][row] for slot, row in loads]), _pointers(list(inputs.out[: len(rows)]))
    size, threads = ctypes.c_long(inputs.points), ctypes.c_int(case.threads)
    support = program.outputs[0].support

    def coefficients(result: Any, at: list[int]) -> Array:
        found = np.zeros((case.size, len(at)), dtype=case.dtype)
        found[list(support.units)] = 1
        for monomial, row in support.rows:
            found[monomial] = inputs.out[rows.index(row)][at]
        return found

    def contender(width: int) -> Contender:
        kernel = ctypes.CDLL(str(_library(case, width))).kernel
        kernel.restype = None
        return Contender(f"C {width}", lambda: kernel(reads, writes, size, threads), coefficients)

    return [contender(width) for width in WIDTHS]


def compiled(text: str, library: Path, *flags: str) -> Path:
    """The shared library of a C text; an earlier one of the same text is kept.

    Raises:
        SkippedError: Where gcc refuses it; with what it said.
    """
    file = library.with_suffix(".c")
    if library.exists() and file.read_text(encoding="utf-8") == text:
        return library
    file.write_text(text, encoding="utf-8")
    command = ["gcc", *FLAGS, *flags, *SHARED, str(file), "-o", str(library), *LIBRARIES]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        raise SkippedError(f"gcc: {found.stderr.strip()[:300]}")
    return library


@lru_cache(maxsize=1)
def vectorised() -> frozenset[str]:
    """The functions that the vector library of this system has."""
    try:
        library = ctypes.CDLL("libmvec.so.1")
    except OSError:
        return frozenset()
    names = [*CANDIDATES, *(name + "f" for name in CANDIDATES)]
    return frozenset(name for name in names if _has(library, name))


def _has(library: ctypes.CDLL, name: str) -> bool:
    single = name.endswith("f") and name != "erf"
    vectors = ("bN4v", "cN8v", "dN8v", "eN16v") if single else ("bN2v", "cN4v", "dN4v", "eN8v")
    arguments = "v" if name.removesuffix("f") in ("hypot", "copysign") else ""
    return all(hasattr(library, f"_ZGV{isa}{arguments}_{name}") for isa in vectors)


def _library(case: Case, width: int) -> Path:
    return case.folder / f"{case.name}-{width}.so"


def _pointers(rows: list[Array]) -> Any:
    return (ctypes.c_void_p * len(rows))(*(row.ctypes.data for row in rows))
