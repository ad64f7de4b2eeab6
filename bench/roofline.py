"""What can this machine do at best? Its copy bandwidth, its multiply-adds, and its vector library's functions."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from taylornb import Cost

from .peers import Array, SkippedError, c, c_source

ROUNDS = 7
LENGTH = 1024  # numbers whose function is taken, again and again: they stay in the cache
LARGEST = 2**26  # numbers, half a GiB
PER_COPY = 3  # numbers moved for one that is copied: read, and its target read before it is written
WIDTHS = {256: "-mprefer-vector-width=256", 512: "-mprefer-vector-width=512"}

HEADER = """\
typedef double vector __attribute__((vector_size({bytes})));

/* Sixteen independent chains of multiply-adds. */
static __attribute__((noinline)) double chains(long n, double a, double b)
{{
    vector s[16];
    double total = 0;
    for (int k = 0; k < 16; k++)
        for (int lane = 0; lane < {lanes}; lane++)
            s[k][lane] = k + lane;
    for (long i = 0; i < n; i++) {{
#pragma GCC unroll 16
        for (int k = 0; k < 16; k++)
            s[k] = s[k] * a + b;
    }}
    for (int k = 0; k < 16; k++)
        for (int lane = 0; lane < {lanes}; lane++)
            total += s[k][lane];
    return total;
}}

double peak(long n, int threads)
{{
    double total = 0;
#pragma omp parallel for num_threads(threads) reduction(+:total)
    for (int t = 0; t < threads; t++)
        total += chains(n, 0.999, 0.001);
    return total;
}}

__attribute__((optimize("no-tree-loop-distribute-patterns")))
static void part(double *restrict y, const double *restrict x, long start, long stop)
{{
    for (long i = start; i < stop; i++)
        y[i] = x[i];
}}

void copy(double *y, const double *x, long n, int threads)
{{
    if (threads < 2 || n < 16384) {{
        part(y, x, 0, n);
        return;
    }}
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int t = 0; t < threads; t++)
        part(y, x, n * t / threads, n * (t + 1) / threads);
}}
"""
FUNCTION = """
{simd} double {name}(double);
static __attribute__((noinline)) void apply_{name}(double *restrict y, const double *restrict x)
{{
    for (long i = 0; i < {length}; i++)
        y[i] = {name}(x[i]);
}}
double rate_{name}(const double *x, long n, int threads)
{{
    double total = 0;
#pragma omp parallel for num_threads(threads) reduction(+:total)
    for (int t = 0; t < threads; t++) {{
        double y[{length}];
        for (long i = 0; i < n; i++) {{
            apply_{name}(y, x);
            __asm__ volatile("" : : "r"(y) : "memory");
        }}
        total += y[0];
    }}
    return total;
}}
"""
# What is measured beside functions of the library, and the function each takes.
INLINE = {
    "divided": ("static inline double divided(double x) { return 1.25 / x; }\n", None),
    "sech2": (
        "static inline double sech2(double x) { double e = exp(-__builtin_fabs(x)), h = 2 * e / (1 + e * e); return h * h; }\n",
        "exp",
    ),
}


def functions() -> tuple[str, ...]:
    """The functions of the C library whose rate can be measured."""
    return (*(name for name in c.CANDIDATES if name in c.vectorised() and name != "hypot"), "sqrt")


def build(folder: Path) -> None:
    """Compile the measurements for each width.

    Raises:
        SkippedError: Where there is no gcc.
    """
    if c.MISSING:
        raise SkippedError(c.MISSING)
    for width in WIDTHS:
        c.compiled(_source(width), _library(folder, width), WIDTHS[width])


def is_built(folder: Path) -> bool:
    """Whether the machine can be measured."""
    return all(_library(folder, width).exists() for width in WIDTHS)


def rates(folder: Path, cost: Cost, threads: int) -> dict[str, float]:
    """Seconds for one multiply-add, one division, and one of each function that a program calls, on so many threads.

    The functions are keyed by their names in C; one whose rate cannot be measured is left out.
    """
    names = [c_source.CALLS.get(name, name) for name, _ in cost.functions]
    known = [name for name in (*dict.fromkeys(names), "divided") if name in (*functions(), *_inline())]
    libraries = [(width, ctypes.CDLL(str(_library(folder, width)))) for width in WIDTHS]
    measures: dict[tuple[str, int], tuple[Callable[[], Any], float]] = {}
    x = np.linspace(0.1, 1.9, LENGTH)
    for width, library in libraries:
        measures["multiply-add", width] = _peak(library, width, threads)
        for name in known:
            measures[name, width] = _rate(library, name, x, threads)
    times = _best(measures)
    return {name: min(times[name, width] for width in WIDTHS) for name in ("multiply-add", *known)}


def copy(folder: Path, numbers: int, threads: int) -> Callable[[], None]:
    """Copy so many numbers from one place to another, without shortcuts around the cache."""
    function = ctypes.CDLL(str(_library(folder, 512))).copy
    function.restype = None
    memory = np.full(2 * numbers, 0.5)  # touched: what was never written is one page of zeros, which costs nothing to read
    source, target = (ctypes.c_void_p(memory[start:].ctypes.data) for start in (0, numbers))
    size, count = ctypes.c_long(numbers), ctypes.c_int(threads)

    def call(_alive: Array = memory) -> None:
        function(target, source, size, count)

    return call


def copied(moved: int) -> int:
    """How many numbers are copied to see how long it takes to move so many: as much memory, up to where no cache helps."""
    return min(moved, LARGEST) // 2


def _best(measures: dict[tuple[str, int], tuple[Callable[[], Any], float]]) -> dict[tuple[str, int], float]:
    """The median seconds for one of what each measures; they take turns."""
    found: dict[tuple[str, int], list[float]] = {key: [] for key in measures}
    for _ in range(ROUNDS):
        for key, (call, count) in measures.items():
            start = perf_counter()
            call()
            found[key].append((perf_counter() - start) / count)
    return {key: median(times) for key, times in found.items()}


def _peak(library: ctypes.CDLL, width: int, threads: int) -> tuple[Callable[[], Any], float]:
    library.peak.restype = ctypes.c_double
    loops = 20_000
    return lambda: library.peak(ctypes.c_long(loops), threads), loops * 16 * (width // 64) * threads


def _rate(library: ctypes.CDLL, name: str, x: Array, threads: int) -> tuple[Callable[[], Any], float]:
    function = library[f"rate_{name}"]
    function.restype = ctypes.c_double
    loops, address = 500, ctypes.c_void_p(x.ctypes.data)
    return lambda: function(address, ctypes.c_long(loops), threads), loops * LENGTH * threads


def _source(width: int) -> str:
    parts = [HEADER.format(bytes=width // 8, lanes=width // 64)]
    for name in functions():
        simd = "extern" if name in c_source.INLINE else '__attribute__((const, simd("notinbranch")))'
        parts.append(FUNCTION.format(name=name, simd=simd, length=LENGTH))
    for name, text in _inline().items():
        parts += [text, FUNCTION.format(name=name, simd="static inline", length=LENGTH)]
    return "".join(parts)


def _inline() -> dict[str, str]:
    """What is measured beside functions of the library, where the library has what it takes."""
    return {name: text for name, (text, needed) in INLINE.items() if needed is None or needed in functions()}


def _library(folder: Path, width: int) -> Path:
    return folder / f"roofline-{width}.so"
