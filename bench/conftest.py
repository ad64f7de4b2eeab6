"""How large are the benchmarks? The options of `pytest bench`, and what each benchmark runs over."""

from __future__ import annotations

from typing import Any

import numba
import pytest

from bench.workloads import DTYPES, ORDERS, POINTS, WORKLOADS


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("taylornb", "benchmarks of taylornb")
    group.addoption("--points", type=int, default=POINTS, help=f"elements of each argument (default: {POINTS})")
    group.addoption("--orders", default=_listed(ORDERS), help=f"orders, separated by commas (default: {_listed(ORDERS)})")
    group.addoption("--dtypes", default=_listed(DTYPES), help="float64, float32 or both (default: float64)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each benchmark of a workload runs over its orders and the dtypes; F1 by hand is the one that names no workload."""
    if "order" not in metafunc.fixturenames:
        return
    orders = tuple(map(int, metafunc.config.getoption("orders").split(",")))
    dtypes = metafunc.config.getoption("dtypes").split(",")
    chosen = WORKLOADS if "workload" in metafunc.fixturenames else {"F1": WORKLOADS["F1"]}
    cases = [(name, order, dtype) for name, workload in chosen.items() for order in workload.orders(orders) for dtype in dtypes]
    if "workload" in metafunc.fixturenames:
        metafunc.parametrize(("workload", "order", "dtype"), cases, indirect=["workload"])
    else:
        metafunc.parametrize(("order", "dtype"), [case[1:] for case in cases])


@pytest.fixture
def workload(request: pytest.FixtureRequest) -> Any:
    return WORKLOADS[request.param]


@pytest.fixture(scope="session")
def points(pytestconfig: pytest.Config) -> int:
    found: int = pytestconfig.getoption("points")
    return found


@pytest.fixture(scope="session")
def compiler() -> None:
    """Numba, ready: starting it takes some 0.3 s, once in a process, and is no part of any kernel's first call."""
    numba.njit(lambda x: x + 1.0)(1.0)


def _listed(items: tuple[Any, ...]) -> str:
    return ",".join(map(str, items))
