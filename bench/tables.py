"""The tables of a run, in Markdown: `python -m bench.tables FILE` prints those of numbers kept earlier."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from . import targets, waiting
from .markdown import table
from .measured import DIVIDE, GIVEN, C, Run, Value, geometric, nanoseconds, percent, ratio, share, speedup
from .series import DEFAULT, KERNEL, OUT, PLAIN, SINGLE

EVERY = ("taylornb", "out=", "C", "jet", "heyoka", "torch")


class Table(NamedTuple):
    """A row for each workload and order; for each number of points and of threads the columns."""

    title: str
    remark: str
    columns: Mapping[str, Value]
    form: str = ".2f"
    mean: bool = True
    threads: Sequence[int] = ()  # all, if there are none


TABLES = (
    Table(
        "Against unrolled C",
        "Time of taylornb over that of C, the better of 256 and 512 bits. C writes into memory it is given, as `out=` does; "
        "the columns without a name are default calls, which make a new result; a kernel is the machine code alone.",
        {"": ratio(DEFAULT, C), "out=": ratio(OUT, C), "kernel": ratio(KERNEL, C)},
    ),
    Table("Against jax.experimental.jet", "Its time over that of a default call.", {"": ratio("jet", DEFAULT)}, ".3g"),
    Table(
        "Against heyoka",
        "Its time over that of taylornb. heyoka writes into memory it is given.",
        {"": ratio("heyoka", DEFAULT), "kernel": ratio("heyoka", KERNEL)},
        ".3g",
    ),
    Table("Against torch.compile", "Its time over that of a default call.", {"": ratio("torch", DEFAULT)}, ".3g"),
    Table(
        "Against the roofline",
        "Percent of the machine's best: the time to move the numbers at the bandwidth of a copy, or of the multiply-adds at "
        "their peak and the elementary functions at the vector library's rate, whichever is longer, over the time taken. "
        "Divisions count as free, except in the last of these tables.",
        {"": percent(share(DEFAULT)), "kernel": percent(share(KERNEL))},
        ".0f",
        False,
    ),
    Table("What the roofline is made of", "What takes longer at best.", {"": lambda cell: cell.bound}, "", False),
    Table("C against the roofline", "Percent.", {"": percent(share(C))}, ".0f", False),
    Table(
        "With divisions at their own rate",
        "Percent; `out=` where there is such a call.",
        {"": percent(share(GIVEN, DIVIDE))},
        ".0f",
        False,
    ),
    Table("float32", "Time in float64 over that in float32.", {"": ratio(DEFAULT, SINGLE)}, threads=(1,)),
    Table(
        "Threads",
        "Time on one thread over that on several.",
        {"": speedup(DEFAULT), "out=": speedup(OUT), "C": speedup(C)},
        threads=range(2, 1000),
    ),
    Table(
        "F9 and the same without ⊥",
        "Time of F9 over that of the same function whose detached parts are computed from an array of plain numbers.",
        {"": ratio(DEFAULT, PLAIN)},
    ),
    Table(
        "Nanoseconds for a point",
        "On one thread.",
        {name: nanoseconds(DEFAULT + " out=" if name == "out=" else name) for name in EVERY},
        ".3g",
        False,
        (1,),
    ),
)


def page(record: dict[str, Any]) -> str:
    """Everything that was measured."""
    run = Run(record)
    parts = [_machine(record), targets.targets(run)]
    if run.cells:
        parts += [*(_filled(run, one) for one in TABLES), _rates(run), _accuracy(run)]
    if "first" in record:
        parts += waiting.tables(record["first"])
    return "\n\n".join(part for part in [*parts, _skipped(run)] if part)


def _filled(run: Run, chosen: Table) -> str:
    """The table, without columns that nothing stands in."""
    cells = {(cell.case, cell.threads, cell.points): cell for cell in run.cells}
    threads = [t for t in run.threads if not chosen.threads or t in chosen.threads]
    columns = [(t, n, name) for t in threads for n in run.points for name in chosen.columns]
    found = {
        (case, *column): chosen.columns[column[2]](cells[case, *column[:2]])
        for case in run.cases
        for column in columns
        if (case, *column[:2]) in cells
    }
    columns = [column for column in columns if any(found.get((case, *column)) is not None for case in run.cases)]
    rows = [[case[0], str(case[1]), *(_shown(found.get((case, *one)), chosen.form) for one in columns)] for case in run.cases]
    rows = [row for row in rows if any(row[2:])]
    if chosen.mean and rows:
        numbers = ([cast("float | None", found.get((case, *one))) for case in run.cases] for one in columns)
        rows.append(["geometric mean", "", *(_shown(geometric(column), chosen.form) for column in numbers)])
    head = ["", "order", *(" ".join(filter(None, (power(n), _threads(t), name))) for t, n, name in columns)]
    return table(chosen.title, chosen.remark, head, rows)


def _rates(run: Run) -> str:
    """What the roofline was computed from."""
    found: dict[tuple[str, int], list[float]] = {}
    for program in run.record["programs"]:
        for name, seconds in program["rates"].items():
            found.setdefault((name, program["threads"]), []).append(seconds)
    for cell in run.cells:
        if cell.per_copy:
            found.setdefault((f"copy, {power(cell.points)} points", cell.threads), []).append(cell.per_copy)
    rows = [[name, str(threads), *(f"{1e12 * s:.0f}" for s in _spread(times))] for (name, threads), times in found.items()]
    remark = "Picoseconds for one; a copy is of one number of 8 bytes. Median, least and most over the workloads of this run."
    return table("The machine", remark, ["", "threads", "median", "least", "most"], sorted(rows))


def _spread(times: list[float]) -> tuple[float, float, float]:
    times = sorted(times)
    return times[len(times) // 2], times[0], times[-1]


def _accuracy(run: Run) -> str:
    """The largest error that each contender had, before it was timed."""
    worst: dict[str, tuple[float, str]] = {}
    for cell in run.cells:
        for found in cell.contenders:
            if "error" in found:
                error = (found["error"], f"{cell.workload} order {cell.order}")
                worst[found["contender"]] = max(worst.get(found["contender"], (-1.0, "")), error)
    rows = [[name, f"{error:.1e}", where] for name, (error, where) in worst.items()]
    remark = "The largest error of a coefficient against mpmath, relative to the largest of its degree at the points compared."
    return table("Checked before timing", remark, ["", "error", "where"], rows)


def _skipped(run: Run) -> str:
    """What is not in the tables, with the reason; the same reason at several places in one line."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for item in run.record.get("skipped", []):
        found.setdefault((item.get("workload", ""), item["contender"], item["reason"]), []).append(_place(item))
    for cell in run.cells:
        for item in cell.contenders:
            if "reason" in item:
                place = _place({"order": cell.order, "points": cell.points, "threads": cell.threads})
                found.setdefault((cell.workload, item["contender"], item["reason"]), []).append(place)
    rows = [[workload, who, "; ".join(dict.fromkeys(where)), why] for (workload, who, why), where in found.items()]
    return table("Left out", "", ["", "contender", "where", "why"], rows)


def _place(item: dict[str, Any]) -> str:
    order = f"order {item['order']}" if "order" in item else ""
    return ", ".join(filter(None, (order, power(item["points"]) if "points" in item else "", _threads(item.get("threads", 1)))))


def _machine(record: dict[str, Any]) -> str:
    machine = record["machine"]
    packages = ", ".join(f"{name} {found}" for name, found in machine["packages"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory'] / 2**30:.0f} GiB, {machine['system']}, Python "
        f"{machine['python']}, {machine['gcc']}, {packages}. Commit {machine['commit']}, started {record['started']}, "
        f"{record['seconds'] / 60:.0f} minutes; the load was {record['load'][0]:.2f} before and {record['load'][-1]:.2f} after."
    )


def power(points: int) -> str:
    """A number of points, as a power of ten where it is one."""
    digits = str(points)
    if digits.strip("0") != "1":
        return f"{points:,}"
    return "10" + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(d)] for d in str(len(digits) - 1))


def _threads(threads: int) -> str:
    return f"{threads} threads" if threads > 1 else ""


def _shown(found: float | str | None, form: str) -> str:
    return "" if found is None else format(found, form)


if __name__ == "__main__":
    print(page(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
