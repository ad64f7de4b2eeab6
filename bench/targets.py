"""Which targets are met? Each with what was measured, the worst case by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .markdown import table
from .measured import COMPUTE, MEMORY, C, Cell, Number, Run, geometric, ratio, share, speedup
from .series import DEFAULT, KERNEL, OURS, PLAIN, SINGLE

NOISE = 0.05
ARITHMETIC = ("add", "subtract", "multiply", "divide", "negative", "positive", "square", "reciprocal")
QUICK = frozenset((*ARITHMETIC, "exp", "log", "sqrt", "sin", "tanh"))
LARGE = 10**6
SOME = 10**5  # points from which a call takes much longer than what Python adds to it


class Bound(NamedTuple):
    """A target: a number of every cell, or its geometric mean over them, is at most or at least so much."""

    against: str
    text: str
    number: Number
    limit: float
    least: bool = True
    mean: bool = False
    cells: Callable[[Cell], bool] = lambda cell: True


def _composed(cell: Cell) -> bool:
    return cell.workload in ("F1", "F2", "F3", "F4", "F5")


def _dense(cell: Cell) -> bool:
    return cell.workload in ("F7", "F8") and cell.order >= 8


def _moving(cell: Cell) -> bool:
    """F6, F7, and the low orders of others at 10⁶ points or more: those that the roofline says memory limits."""
    return cell.bound == MEMORY and cell.points >= LARGE


def _computing(cell: Cell) -> bool:
    return cell.bound is not None and not _moving(cell)


def _composed_long(ours: str) -> Callable[[Cell], bool]:
    return lambda cell: _composed(cell) and _long(ours)(cell)


def _computing_long(ours: str) -> Callable[[Cell], bool]:
    return lambda cell: _computing(cell) and _long(ours)(cell)


def _several(cell: Cell) -> bool:
    return cell.threads > 1 and cell.points >= 10**5 and cell.bound == COMPUTE


def _called(ours: str, threads: int) -> Callable[[Cell], bool]:
    """Where a call is compared with C: the machine code everywhere, a call from Python where it is not mostly overhead."""
    return lambda cell: cell.threads == threads and (ours == KERNEL or cell.points >= SOME)


def _long(ours: str) -> Callable[[Cell], bool]:
    return lambda cell: ours == KERNEL or cell.points >= SOME


BOUNDS = (
    *(
        bound
        for threads, name in ((1, "one thread"), (2, "two threads"))
        for ours in OURS
        for bound in (
            Bound(
                f"C, {ours}, {name}", "≤ 1.0 in the geometric mean", ratio(ours, C), 1.0, False, True, _called(ours, threads)
            ),
            Bound(f"C, {ours}, {name}", "≤ 1.1 everywhere", ratio(ours, C), 1.1, False, False, _called(ours, threads)),
        )
    ),
    Bound("jet", "≥ 20 in the geometric mean of F1 to F5", ratio("jet", DEFAULT), 20, mean=True, cells=_composed),
    Bound("jet", "≥ 3 on F7 and F8 at orders ≥ 8", ratio("jet", DEFAULT), 3, cells=_dense),
    Bound("jet", "never slower", ratio("jet", DEFAULT), 1),
    *(
        bound
        for ours in OURS
        for bound in (
            Bound(
                f"heyoka, {ours}",
                "≥ 2 in the geometric mean of F1 to F5",
                ratio("heyoka", ours),
                2,
                mean=True,
                cells=_composed_long(ours),
            ),
            Bound(f"heyoka, {ours}", "nowhere slower beyond noise (5 %)", ratio("heyoka", ours), 1 - NOISE, cells=_long(ours)),
        )
    ),
    Bound("torch.compile", "never slower", ratio("torch", DEFAULT), 1),
    *(
        bound
        for ours in OURS
        for bound in (
            Bound(f"roofline, {ours}", "≥ 0.85 where memory-bound, n ≥ 10⁶", share(ours), 0.85, cells=_moving),
            Bound(f"roofline, {ours}", "≥ 0.70 elsewhere", share(ours), 0.70, cells=_computing_long(ours)),
        )
    ),
    Bound("float64 over float32", "≥ 1.8", ratio(DEFAULT, SINGLE), 1.8),
    *(
        Bound(f"one thread over two, {ours}", "≥ 1.8 where compute-bound, n ≥ 10⁵", speedup(ours), 1.8, cells=_several)
        for ours in OURS
    ),
    Bound("F9 over F9 without ⊥", "≤ 1.05", ratio(DEFAULT, PLAIN), 1.05, False),
)


def targets(run: Run) -> str:
    """All targets of which something was measured."""
    rows = [_judged(run.cells, bound) for bound in BOUNDS] + _waiting(run.record.get("first", {}).get("eager", {}))
    return table("Targets", "", ["against", "target", "measured", "met"], [row for row in rows if row])


def _judged(cells: Sequence[Cell], bound: Bound) -> list[str]:
    found = [(number, cell) for cell in cells if bound.cells(cell) and (number := bound.number(cell)) is not None]
    if not found:
        return []
    numbers = [number for number, _ in found]
    if bound.mean:
        numbers = [geometric(numbers) or 0.0]
    bad = sum(number < bound.limit if bound.least else number > bound.limit for number in numbers)
    worst, cell = (min if bound.least else max)(found, key=lambda pair: pair[0])
    measured = f"{numbers[0]:.2f}" if bound.mean else f"{worst:.2f} at worst ({_where(cell)}); {bad} of {len(found)} miss it"
    return [bound.against, bound.text, measured, _mark(not bad)]


def _where(cell: Cell) -> str:
    threads = f", {cell.threads} threads" if cell.threads > 1 else ""
    return f"{cell.workload} order {cell.order}, {cell.points:,} points{threads}"


def _waiting(eager: dict[str, Any]) -> list[list[str]]:
    """Calls so small that only their overhead counts."""
    rows = []
    groups = ((True, 50e-6, "≤ 50 µs: arithmetic, exp, log, sqrt, sin, tanh"), (False, 150e-6, "≤ 150 µs: all others"))
    for quick, limit, text in groups:
        found = {name: s for name, s in eager.items() if (name in QUICK) == quick and isinstance(s, float)}
        slow = [f"{name} {s * 1e6:.0f}" for name, s in found.items() if s > limit]
        if found:
            measured = f"{max(found.values()) * 1e6:.0f} µs at most; slower: {', '.join(slow) or 'none'}"
            rows.append(["eager operations on ten points", text, measured, _mark(not slow)])
    return rows


def _mark(met: bool) -> str:
    return "yes" if met else "**no**"
