"""Does an element of any workload cost more, or less, than was stored? Counts show a regression that timings would hide."""

import pytest

from bench import costs

STORED = {line[:2]: line for line in costs.stored()}


def test_the_table_has_every_workload_and_order():
    assert list(STORED) == [(name, str(order)) for name in costs.WORKLOADS for order in costs.WORKLOADS[name].orders]


@pytest.mark.parametrize("name", costs.WORKLOADS)
def test_costs(name):
    for order in costs.WORKLOADS[name].orders:
        found = dict(zip(costs.COLUMNS, costs.row(name, order), strict=True))
        expected = dict(zip(costs.COLUMNS, STORED[name, str(order)], strict=True))
        assert found == expected, "if it is meant, store the new counts: python -m bench.costs --write"
