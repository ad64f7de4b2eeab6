"""The tables of first calls, of calls on ten points, and of high orders."""

from __future__ import annotations

from typing import Any

from .markdown import table


def tables(first: dict[str, Any]) -> list[str]:
    """All of them."""
    return [_first(first), _few(first), _high(first["rates"])]


def _first(first: dict[str, Any]) -> str:
    probe = first["numba"]["seconds"]
    rows = [
        ["import numba, with its CPU target", f"{probe:.3f}", "", "", ""],
        ["import taylornb", f"{first['import']['seconds']:.3f}", "", *_over(first["import"]["seconds"], probe)],
    ]
    for name, found in first.items():
        for state, label in (("cold", "empty cache"), ("warm", "warm disk cache")) if "order" in name else ():
            if f"{state} first" in found:
                imported, call = found[f"{state} import"], found[f"{state} first"]
                rows.append([f"{name}, {label}", f"{imported:.3f}", f"{call:.3f}", *_over(imported + call, probe)])
            else:
                rows.append([f"{name}, {label}", "", _failure(found), "", ""])
    head = ["", "import, s", "first call, s", "both less numba, s", "both over numba"]
    return table("First calls", "In fresh processes, 1,000 points; medians.", head, rows)


def _over(seconds: float, probe: float) -> tuple[str, str]:
    return f"{seconds - probe:+.3f}", f"{seconds / probe:.2f}"


def _failure(found: dict[str, Any]) -> str:
    return next((str(text) for key, text in found.items() if key.endswith("failed")), "")


def _few(first: dict[str, Any]) -> str:
    timed = {**{f"fused {name}": s for name, s in first["few"].items()}, **first["eager"]}
    rows = [[name, f"{s * 1e6:.0f}" if isinstance(s, float) else str(s)] for name, s in timed.items()]
    fused, eager = rows[: len(first["few"])], rows[len(first["few"]) :]
    eager.sort(key=lambda row: -float(row[1]) if row[1].isdigit() else 0.0)
    remark = "Microseconds for a call on ten points: fused functions that were compiled before, and every operation at order 4."
    return table("Ten points", remark, ["", "µs"], [*fused, *eager])


def _high(rates: list[dict[str, Any]] | dict[str, Any]) -> str:
    if isinstance(rates, dict):
        return table("High orders", "", ["failed"], [[_failure(rates)]])
    base = {found["function"]: found["rate"] for found in rates if found["form"] == "unrolled"}
    rows = [
        [
            *(str(found[key]) for key in ("function", "variables", "order")),
            *(f"{number:.2f}" for number in (found["rate"] / 1e9, found["rate"] / base[found["function"]], found["first"])),
        ]
        for found in rates
    ]
    head = ["", "variables", "order", "10⁹ multiply-adds a second", "over order 16", "first call, s"]
    return table("High orders", "Fused functions of dense series.", head, rows)
