"""What does an element of each workload cost, counted and not timed? `python -m bench.costs --write` stores the table."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from . import series
from .workloads import WORKLOADS

TABLE = Path(__file__).parent / "costs.csv"
COLUMNS = ("workload", "order", "statements", "multiply-adds", "divisions", "functions", "bytes")


def row(name: str, order: int) -> tuple[str, ...]:
    """The line of the table for a workload: what `cost` counts for an element, float64."""
    workload = WORKLOADS[name]
    cost = series.program(workload).cost(*series.arguments(workload, order, 1))
    functions = " ".join(f"{function}:{count}" for function, count in cost.functions)
    return name, str(order), str(cost.statements), str(cost.multiply_adds), str(cost.divisions), functions, str(cost.bytes)


def rows() -> list[tuple[str, ...]]:
    """The whole table."""
    return [row(name, order) for name in WORKLOADS for order in WORKLOADS[name].orders]


def stored() -> list[tuple[str, ...]]:
    """The table as it is stored."""
    with TABLE.open(newline="") as file:
        return [tuple(line) for line in list(csv.reader(file))[1:]]


def main() -> None:
    """Print the table, or store it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the table in place of printing it")
    if parser.parse_args().write:
        with TABLE.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows()])
    else:
        csv.writer(sys.stdout, lineterminator="\n").writerows([COLUMNS, *rows()])


if __name__ == "__main__":
    main()
