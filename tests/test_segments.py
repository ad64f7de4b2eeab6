"""Does a program that is cut into segments compute the same, and has each segment few enough results in use at once?"""

import numpy as np
import programs
import pytest
import test_agreement as agreement

import taylornb as tn
from bench import operations, registers, series
from bench.registers import Key, program
from bench.workloads import WORKLOADS, f1
from taylornb import forms, segments
from taylornb.pressure import eased, pressure
from taylornb.program import Instruction, Output, Program, Ref, Store
from taylornb.rolled import Rolled
from taylornb.segments import cut
from taylornb.series import write
from taylornb.support import Support
from taylornb.targets import reference

DOUBLE = np.dtype(float)
SINE = 40  # bytes of the sine's own stack
SIZE = 7  # elements


@pytest.fixture
def small(monkeypatch):
    """A GPU with registers for a few numbers."""
    for name, size in (("REGISTERS", 80), ("ADDRESS", 0), ("ROOM", 64), ("LONGEST", 12)):
        monkeypatch.setattr(segments, name, size)
    cut.cache_clear()
    yield
    cut.cache_clear()


def written(function, at, order, dtype=DOUBLE):
    """The program of a function of full series, and its inputs."""
    basis, rng = tn.Basis(("x",), order), np.random.default_rng(3)
    planes = [rng.uniform(-0.3, 0.3, (basis.size, SIZE)).astype(dtype) for _ in at]
    for own, value in zip(planes, at, strict=True):
        own[0] = value + 0.1 * own[0]
    given = tuple(tn.from_coefficients(own, basis) for own in planes)
    traced, operands = tn.fuse(function, target="reference")._prepare(given, {})
    inputs = {node: (slot, one.spec) for slot, (node, one) in enumerate(traced.known(operands).items())}
    found = write(traced.evaluator.graph, traced.evaluator.outputs, inputs, basis, by_node=True)
    return eased(found), [one.planes for one in operands]


def run(found, planes):
    results = [np.zeros((len(out.support.rows), SIZE), out.dtype) for out in found.outputs]
    reference.run(found, planes, results)
    return results


def run_in_segments(found, planes):
    """With NaN in the scratch memory, which nobody may read, and numbers −1 − n in Python's way for kind n."""
    outputs = [np.zeros((len(out.support.rows), SIZE), out.dtype) for out in found.whole.outputs]
    memory = [np.full((count, SIZE), np.nan if dtype.kind == "f" else False, dtype) for dtype, count in found.rows]
    for one in found.segments:
        reference.run(one, [*planes, *memory[::-1]], [*outputs, *memory])
    return outputs


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", operations.CASES)
def test_every_operation_is_the_same_in_segments(small, name, dtype):
    function, at = operations.CASES[name]
    found, planes = written(function, at, 6, dtype)
    parted = cut(found)
    if parted is None:
        assert pressure(found) <= 80
        return
    for one, other in zip(run_in_segments(parted, planes), run(found, planes), strict=True):
        np.testing.assert_array_equal(one, other)


def in_use(one):
    """The most bytes in use at once in a segment."""
    ends = {}
    for n, ins in enumerate(one.instructions):
        ends[n] = n
        ends |= {arg.place: n for arg in ins.args if isinstance(arg, Ref)}
    sizes = [ins.dtype.itemsize for ins in one.instructions]
    return max(sum(sizes[n] for n, end in ends.items() if n <= now <= end) for now in range(len(sizes)))


@pytest.mark.parametrize("order", [5, 12])
def test_a_segment_has_few_in_use_and_reads_each_number_once(small, order):
    parted = cut(written(lambda x: f1(np, x), (0.4,), order)[0])
    assert len(parted.segments) > 3
    for one in parted.segments:
        assert in_use(one) <= 64 + 3 * 8  # in `in_use` the numbers that one instruction reads come one after the other
        assert len({load[:2] for load in one.loads}) == len(one.loads)


def test_inputs_are_read_once_before_all_else_in_a_segment(small):
    parted = cut(written(lambda x: f1(np, x), (0.4,), 12)[0])
    reads = [load for one in parted.segments for load in one.loads if load[0] >= 0]
    assert sorted(reads[n][:2] for n in range(len(reads))) == [(0, n) for n in range(13)]
    for one in parted.segments:
        last = max((n for n, ins in enumerate(one.instructions) if ins.function == "load" and ins.place[0] >= 0), default=0)
        assert {ins.function for ins in one.instructions[:last]} <= {"load"}


@pytest.mark.parametrize("count", [5, 8, 9, 100])
def test_many_inputs_are_stored_as_they_are(small, count):
    loads = [Instruction("load", (), DOUBLE, (0, n)) for n in range(count)]
    stores = (*(Store(0, n, Ref(count - 1 - n)) for n in range(count)), Store(0, count, 2), Store(0, count + 1, Ref(0)))
    found = Program(tuple(loads), stores, (Output(Support.packed(tuple(range(count + 2))), DOUBLE),))
    planes = [np.random.default_rng(1).uniform(size=(count, SIZE))]
    parted = cut(found)
    assert (parted is None) == (count <= 10)
    if parted is not None:
        assert not parted.rows
        assert all(len(one.loads) <= 8 for one in parted.segments)
        np.testing.assert_array_equal(run_in_segments(parted, planes)[0], run(found, planes)[0])


def test_inputs_alone_may_be_too_many():
    (found,) = tn.fuse(lambda a, b: a + b, target="cuda")._programs(dense(128, 2), {}, None)
    assert pressure(found) < 100
    parted = cut(found)
    assert not parted.rows
    assert parted.moved == 0
    assert max(in_use(one) for one in parted.segments) <= segments.ROOM + 8


def dense(order, count):
    basis = tn.Basis(("x",), order)
    return tuple(tn.from_coefficients(np.ones((basis.size, 2)), basis) for _ in range(count))


def test_rows_are_taken_again(small):
    parted = cut(written(lambda x: np.exp(np.sin(np.exp(np.sin(x)))), (0.4,), 12)[0])
    kept = sum(store.output >= 1 for one in parted.segments for store in one.stores)
    assert sum(count for _, count in parted.rows) < kept / 2
    assert parted.moved == kept + sum(len(one.loads) for one in parted.segments) - len(parted.whole.loads)


def test_numbers_of_several_kinds_are_kept(small):
    def mixed(x):
        truth = x > 0.3
        for _ in range(4):
            x = np.sin(x) * np.exp(x)
        return np.where(truth, x, -x)

    parted = cut(written(mixed, (0.4,), 5)[0])
    assert {dtype.kind for dtype, _ in parted.rows} == {"f", "b"}


def test_a_number_that_no_instruction_makes_is_stored(small):
    loads = [Instruction("load", (), DOUBLE, (0, n)) for n in range(12)]
    sums = [Instruction("add", (Ref(n), Ref(11 - n)), DOUBLE) for n in range(12)]
    total = [Instruction("add", (Ref(12 + n), Ref(23 - n)), DOUBLE) for n in range(12)]
    stores = (Store(0, 0, 3), *(Store(0, 1 + n, Ref(24 + n)) for n in range(12)))
    found = Program((*loads, *sums, *total), stores, (Output(Support.packed(tuple(range(13))), DOUBLE),))
    planes = [np.random.default_rng(1).uniform(size=(12, SIZE))]
    np.testing.assert_array_equal(run_in_segments(cut(found), planes)[0], run(found, planes)[0])


# ---- when --------------------------------------------------------------------------------------------


def test_what_fits_is_in_one_piece():
    whole = program(Key("F1", "full", 24, "float64"))
    assert isinstance(whole, Program)
    assert pressure(whole) <= segments.REGISTERS
    assert cut(whole) is None
    assert forms.fits_a_gpu(whole)


@pytest.mark.parametrize(("order", "loops"), [(16, False), (24, True), (64, True)])
def test_what_does_not_fit_is_cut_or_becomes_loops_where_much_would_be_moved(order, loops):
    found = program(Key("power", "full", order, "float64"))
    assert isinstance(found, Rolled) == loops
    if not loops:
        assert cut(found).moved < forms.MOVED * len(found.instructions)


def test_a_large_graph_is_cut(capsys):
    workload = WORKLOADS["F2"]
    (found,) = tn.fuse(lambda x: workload.function(np, x), target="cuda")._programs(
        (tn.variable(np.ones(2), order=16),), {}, None
    )
    parted = cut(found)
    assert pressure(found) > 1.5 * segments.REGISTERS
    assert parted.moved < 0.25 * len(found.instructions)


def power(order):
    return program(Key("power", "full", order, "float64"))


def of_degree_6(function):
    """Of two full series in three variables, with 84 coefficients each."""
    basis = tn.Basis(("x", "y", "z"), 6)
    given = tuple(tn.from_coefficients(np.ones((basis.size, 2)), basis) for _ in range(2))
    return tn.fuse(function, target="cuda")._programs(given, {}, None)[0]


@pytest.mark.skipif(not registers.installed(), reason=registers.NEEDED)
@pytest.mark.parametrize(
    ("made", "stack"),
    [
        (lambda: power(16), 0),
        (lambda: of_degree_6(lambda a, b: a * b), 0),
        (lambda: of_degree_6(lambda a, b: a + b), 0),
        (lambda: series.program(WORKLOADS["F5"], "cuda")._programs(series.arguments(WORKLOADS["F5"], 6, 1), {}, None)[0], SINE),
    ],
    ids=["power", "product", "sum", "F5"],
)
def test_a_cut_program_spills_nothing(made, stack):
    found = made()
    assert cut(found) is not None
    built = registers.compiled_program(found)
    assert (built.stack, built.spills) == (stack, 0)
    assert built.registers <= 255


@pytest.mark.skipif(not registers.installed(), reason=registers.NEEDED)
@pytest.mark.parametrize(("seed", "order", "is_cut"), [(105, 3, False), (107, 5, True), (116, 4, True), (129, 6, True)])
def test_random_functions_spill_nothing(seed, order, is_cut):
    function, basis = programs.seeded(1000 * seed + 7, 6), tn.Basis(("x", "y", "z"), order)
    given = tuple(tn.from_coefficients(np.full((basis.size, 2), 0.5), basis) for _ in agreement.variables(function))
    (found,) = tn.fuse(function.function(agreement.FUNCTIONS), target="cuda")._programs(given, {}, None)
    assert (cut(found) is not None) == is_cut
    built = registers.compiled_program(found)
    assert built.spills == 0
    assert built.stack in (0, SINE)
