"""Is what is in use at once counted right, and is another order of the instructions the same program with less in use?"""

import numpy as np
import pytest

import taylornb as tn
from taylornb.pressure import EASY, GAIN, eased, pressure
from taylornb.program import Instruction, Output, Program, Ref, Store
from taylornb.rules import registry
from taylornb.series import write
from taylornb.support import Support
from taylornb.targets import reference

DOUBLE, TRUTH = np.dtype(float), np.dtype(bool)


def made(*instructions, stores):
    rows = tuple(Store(0, row, Ref(place)) for row, place in enumerate(stores))
    return Program(tuple(instructions), rows, (Output(Support.packed(range(len(rows))), DOUBLE),))


def load(row):
    return Instruction("load", (), DOUBLE, (0, row))


def test_a_result_is_in_use_from_where_it_comes_to_its_last_use():
    a, b, c = (Ref(n) for n in range(3))
    total = Instruction("add", (a, b), DOUBLE)
    assert pressure(made(load(0), load(1), total, stores=[2])) == 3 * 8
    assert pressure(made(load(0), load(1), total, Instruction("multiply", (c, c), DOUBLE), stores=[3])) == 3 * 8
    assert pressure(made(load(0), load(1), total, Instruction("multiply", (c, a), DOUBLE), stores=[3])) == 3 * 8
    assert pressure(made(load(0), load(1), load(2), total, stores=[2, 3])) == 3 * 8  # the third is stored and gone


def test_a_truth_value_needs_one_byte():
    smaller = Instruction("less", (Ref(0), Ref(1)), TRUTH)
    assert pressure(made(load(0), load(1), smaller, stores=[])) == 17


def sum_of_many(count):
    """Loads that could each be added at once, all before the first addition."""
    places = [*range(count)]
    instructions = [load(n) for n in places]
    total = Ref(0)
    for n in places[1:]:
        instructions.append(Instruction("add", (total, Ref(n)), DOUBLE))
        total = Ref(len(instructions) - 1)
    return made(*instructions, stores=[total.place])


def test_another_order_has_less_in_use():
    many = sum_of_many(100)
    assert pressure(many) == 101 * 8
    assert pressure(eased(many)) == 3 * 8
    assert sorted(ins.function for ins in eased(many).instructions) == sorted(ins.function for ins in many.instructions)


def test_what_is_easy_stays_as_it_is():
    few = sum_of_many(EASY // 8 - 1)
    assert pressure(few) == EASY
    assert eased(few) is few


@pytest.mark.parametrize(("name", "count"), [("logaddexp", 2), ("arctan", 1), ("log_expit", 1), ("gammaln", 1)])
def test_it_is_the_same_program(name, count):
    fused = tn.fuse(lambda *args: registry[name](*args), target="reference")
    basis, rng = tn.Basis(("x",), 16), np.random.default_rng(3)
    given = tuple(tn.from_coefficients(rng.uniform(0.2, 0.7, (17, 5)), basis) for _ in range(count))
    traced, operands = fused._prepare(given, {})
    graph, outputs = traced.evaluator.graph, traced.evaluator.outputs
    inputs = {node: (slot, one.spec) for slot, (node, one) in enumerate(traced.known(operands).items())}
    plain = write(graph, outputs, inputs, basis, by_node=True)
    other = eased(plain)
    assert pressure(other) <= GAIN * pressure(plain)
    results = np.zeros((2, 17, 5))
    for found, result in zip((plain, other), results, strict=True):
        reference.run(found, [one.planes for one in operands], [result])
    np.testing.assert_array_equal(*results)
