"""What did a run of the benchmarks find? Writes the tables of docs/measurements.md.

Run it as `PYTHONPATH=. python docs/make_measurements.py run.json`, from a checkout, with what the benchmarks left there
(`python -m bench.run --json run.json`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench import waiting
from bench.markdown import table
from bench.measured import C, Run, geometric, nanoseconds, percent, ratio, share, speedup
from bench.series import DEFAULT, KERNEL, SINGLE
from bench.tables import power
from bench.targets import targets

PAGE = Path(__file__).with_name("measurements.md")
BEGIN, END = "<!-- tables -->", "<!-- end of tables -->"
COLUMNS = {
    "call / C": (ratio(DEFAULT, C), "{:.2f}"),
    "kernel / C": (ratio(KERNEL, C), "{:.2f}"),
    "jet / call": (ratio("jet", DEFAULT), "{:.3g}"),
    "heyoka / call": (ratio("heyoka", DEFAULT), "{:.2f}"),
    "torch / call": (ratio("torch", DEFAULT), "{:.2f}"),
    "kernel, of the roofline": (percent(share(KERNEL)), "{:.0f} %"),
    "float64 / float32": (ratio(DEFAULT, SINGLE), "{:.2f}"),
}


def means(run: Run, points: int) -> str:
    """A row for each workload: geometric means over its orders."""
    rows = []
    for name in dict.fromkeys(workload for workload, _ in run.cases):
        found = [cell for cell in run.cells if cell.workload == name and cell.points == points]
        alone = [cell for cell in found if cell.threads == 1]
        row = [_shown(geometric(number(cell) for cell in alone), form) for number, form in COLUMNS.values()]
        together = geometric(speedup(DEFAULT)(cell) for cell in found if cell.threads == 2)
        rows.append([name, *row, _shown(together, "{:.2f}")])
    remark = f"At {power(points)} points, geometric means over the orders, one thread but for the last column:"
    return _untitled(remark, ["", *COLUMNS, "one thread / two"], rows)


def times(run: Run) -> str:
    """Nanoseconds for a point."""
    rows, names = [], {"call": DEFAULT, "kernel": KERNEL, "C": C}
    cells = {(cell.case, cell.points): cell for cell in run.cells if cell.threads == 1}
    for case in run.cases:
        row = [case[0], str(case[1])]
        for points in run.points:
            cell = cells.get((case, points))
            row += [_shown(nanoseconds(name)(cell) if cell else None, "{:.3g}") for name in names.values()]
        rows.append(row)
    head = ["", "order", *(f"{power(points)} {name}" for points in run.points for name in names)]
    remark = "Nanoseconds for a point, one thread: the default call, its machine code alone, and C."
    return _untitled(remark, head, rows)


def _untitled(remark: str, head: list[str], rows: list[list[str]]) -> str:
    return table("", remark, head, rows).removeprefix("## \n\n")


def _shown(number: float | None, form: str) -> str:
    return "" if number is None else form.format(number)


if __name__ == "__main__":
    run = Run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    parts = [*(means(run, points) for points in run.points), times(run), targets(run), *waiting.tables(run.record["first"])]
    PAGE.write_text(before + "\n\n".join([BEGIN, *parts, END]) + after, encoding="utf-8")
