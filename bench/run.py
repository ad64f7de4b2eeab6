"""Measure taylornb against every peer installed: `python -m bench.run`, from a checkout. See bench/README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import taylornb

from . import first, tables, throughput
from .check import PLACES
from .peers import PEERS
from .workloads import WORKLOADS

PARTS = ("throughput", "first")
PACKAGES = ("numpy", "numba", "llvmlite", "jax", "jaxlib", "heyoka", "torch", "mpmath")
POINTS = (10**3, 10**5, 10**6, 10**7)
FULL: dict[str, Any] = {"orders": (), "points": POINTS, "seconds": 0.6, "patience": 1.0}
QUICK: dict[str, Any] = {"orders": (2,), "points": (10**3, 10**5), "seconds": 0.2, "patience": 0.4}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, keep the numbers, print the tables."""
    options, start = _options(arguments), time.perf_counter()
    record: dict[str, Any] = {"machine": _machine(), "started": time.strftime("%Y-%m-%d %H:%M:%S %Z"), "load": [_load()]}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.builds or temporary).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if "throughput" in options.only:
            record |= throughput.measure(_plan(options, folder))
        if "first" in options.only:
            record["first"] = first.measure(options.quick)
    record |= {"seconds": time.perf_counter() - start, "load": [*record["load"], _load()]}
    if options.json:
        options.json.write_text(json.dumps(record, indent=1), encoding="utf-8")
    print(tables.page(record))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few orders and points, short rounds: does everything work?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to keep the numbers; `python -m bench.tables FILE`")
    parser.add_argument("--only", type=_names(PARTS), default=PARTS, help="throughput or first")
    parser.add_argument("--peers", type=_names(PEERS), default=PEERS, help=f"some of {','.join(PEERS)}, or none")
    parser.add_argument("--workloads", type=_names(tuple(WORKLOADS)), default=tuple(WORKLOADS), help="such as F1,F5")
    parser.add_argument("--orders", type=_numbers, help="such as 1,4,8; all by default")
    parser.add_argument("--points", type=_numbers, help=f"{','.join(map(str, POINTS))} by default")
    parser.add_argument("--threads", type=_numbers, help="1,2 by default")
    parser.add_argument("--seconds", type=float, help="for the rounds of one cell; 0.6 by default")
    parser.add_argument("--thorough", action="store_true", help="high orders of 10⁷ points too, and patience with builds")
    parser.add_argument("--builds", metavar="FOLDER", help="keep what peers compile here, for the next run")
    return parser.parse_args(arguments)


def _plan(options: argparse.Namespace, folder: Path) -> throughput.Plan:
    usual = QUICK if options.quick else FULL
    if min(points := options.points or usual["points"]) <= max(PLACES):
        raise SystemExit(f"--points: numbers are compared at point {max(PLACES)} too, so that there must be more")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return throughput.Plan(
        workloads=options.workloads,
        orders=options.orders or usual["orders"],
        points=points,
        threads=tuple(n for n in options.threads or (1, 2) if n <= cores),
        peers=options.peers,
        thorough=options.thorough,
        seconds=options.seconds or usual["seconds"],
        patience=5.0 if options.thorough else usual["patience"],
        folder=folder,
    )


def _names(known: Sequence[str]) -> Any:
    """A parser of names separated by commas, in their usual order."""

    def names(text: str) -> tuple[str, ...]:
        wanted = [] if text == "none" else text.split(",")
        if unknown := [name for name in wanted if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(known)}")
        return tuple(name for name in known if name in wanted)

    return names


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(float(number)) for number in text.split(","))


def _machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "gcc": _said("gcc", "--version"),
        "commit": _said("git", "-C", os.fspath(Path(__file__).parent), "describe", "--always", "--dirty"),
        "packages": {"taylornb": taylornb.__version__, **{name: found for name in PACKAGES if (found := _version(name))}},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def _said(*command: str) -> str:
    """The first line of what a command says, if there is such a command."""
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return (found.stdout.splitlines() or [""])[0]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _load() -> float:
    return os.getloadavg()[0]


if __name__ == "__main__":
    main()
    sys.exit(0)
