"""Do eager operations, fused programs and compiled kernels give the same series?

Fusion is speed, never meaning. The bound is 1e-12 relative plus the floor of worlds.py, eps·max_j |w_j| h^(j-k): a rounding of
the largest term of degree j, seen from degree k across the length h on which the program's own numbers vary. A coefficient
that cancelled is not asked to be right beyond that.
"""

import itertools

import numpy as np
import programs
import pytest
import worlds
from hypothesis import assume, given

import taylornb as tn

FUNCTIONS = programs.surface(tn)
RTOL = 1e-12
# Several elements at once, so that a kernel that mixes up elements or planes is seen. The offsets are generic.
OFFSETS = np.array([0.0, 0.1731, -0.2917, 0.0613, 0.3371])


def variables(program, offsets=OFFSETS):
    """The program's variables at several neighbouring points."""
    return tn.variables(program.order, **{name: value + offsets for name, value in program.base})


DECIDING = {"maximum": 2, "minimum": 2, "where": 2, "abs": 1}


def decided(program, arguments):
    """Is every decision of the program clear at every point, and not a matter of the last bit?"""
    numbers = program.nodes(FUNCTIONS, *arguments)
    for step in program.steps:
        if step.move in DECIDING:
            values = [numbers[i].value for i in step.arguments[: DECIDING[step.move]]]
            if np.any(np.abs(values[0] - sum(values[1:])) < worlds.CLOSE):
                return False
    return True


def disagreement(program, target, arguments):
    """By how many bounds the fused program is off from the same function body run eagerly."""
    numbers = program.nodes(FUNCTIONS, *arguments)
    fused = tn.fuse(program.function(FUNCTIONS), target=target)(*arguments)
    assert fused.basis == numbers[-1].basis
    assert fused.shape == numbers[-1].shape
    return worlds.excess(fused.coeffs, numbers[-1].coeffs, RTOL, floors_of(numbers))


def floors_of(numbers):
    """The floor under the last of the numbers, over the elements of its shape."""
    shape = numbers[-1].shape
    spread = [np.stack([np.broadcast_to(plane, shape) for plane in u.coeffs]) for u in numbers if fits(u.shape, shape)]
    return worlds.floor(spread, numbers[0].basis.exponents.sum(axis=1))


def fits(inner, outer):
    """Does an array broadcast to the shape of the result? One that does not had no part in it."""
    return np.broadcast_shapes(inner, outer) == outer


@given(programs.programs(sizes=range(1, 11)))
@programs.repeatable(400)
def test_fused_is_eager(program):
    arguments = variables(program)
    assume(decided(program, arguments))
    assert disagreement(program, "reference", arguments) <= 1


@given(programs.programs(sizes=range(1, 6)))
@programs.repeatable(100)
def test_fused_is_eager_at_one_point(program):
    arguments = variables(program, 0.0)
    assume(decided(program, arguments))
    assert disagreement(program, "reference", arguments) <= 1


SHAPES = {"x": (3, 1), "y": (4,), "z": ()}


@given(programs.programs(sizes=range(2, 8)))
@programs.repeatable(100)
def test_fused_is_eager_when_arguments_broadcast(program):
    spread = {name: value + np.resize(OFFSETS, SHAPES[name]) for name, value in program.base}
    arguments = tn.variables(program.order, **spread)
    assume(decided(program, arguments))
    assert disagreement(program, "reference", arguments) <= 1


@given(programs.programs(sizes=range(2, 8)))
@programs.repeatable(100)
def test_fused_is_eager_on_series(program):
    """Arguments that are no fresh variables: every coefficient there, or some of them known to be zero."""
    arguments = tuple(programs.series(tn, program, OFFSETS))
    assume(decided(program, arguments))
    assert disagreement(program, "reference", arguments) <= 1


MIDDLES = {
    "keep": lambda u: tn.keep(u, order=2),
    "sum": lambda u: np.sum(u),
    "mean": lambda u: np.mean(u, axis=0),
    "reversed": lambda u: u[::-1],
    "one element": lambda u: u[2],
    "reshape": lambda u: np.sum(u.reshape(5, 1), axis=1),
    "stack": lambda u: np.stack([u, u * u])[1],
}


@pytest.mark.parametrize("middle", MIDDLES)
@given(program=programs.programs(sizes=range(2, 6)))
@programs.repeatable(30)
def test_fused_is_eager_around_what_ends_a_kernel(middle, program):
    """A program goes on, at full length, after a projection, a sum or an index: exp(sin(middle(u)))·u."""
    arguments = variables(program)
    assume(decided(program, arguments))

    def around(*variables):
        u = program.nodes(FUNCTIONS, *variables)[-1]
        return np.exp(np.sin(MIDDLES[middle](u))) * u

    numbers = [*program.nodes(FUNCTIONS, *arguments), around(*arguments)]
    fused = tn.fuse(around, target="reference")(*arguments)
    assert worlds.excess(fused.coeffs, numbers[-1].coeffs, RTOL, floors_of(numbers)) <= 1


COUNTED = {
    "a sum of truth values": lambda u, v: ((u > 0) + (v > 0)) * u,
    "a product of truth values": lambda u, v: ((u > 0) * (v > 0)) * u,
    "a truth value times a number": lambda u, v: ((u > 0) * 2) * v,
    "a truth value over a number": lambda u, v: ((u > v) / 2) * v,
    "a detached truth value": lambda u, v: tn.detach(u > v) * u,
    "where of truth values": lambda u, v: np.where(u > v, u > 0, v > 0) * u,
}


@pytest.mark.parametrize("form", COUNTED)
def test_fused_truth_values_are_those_of_numpy(form):
    """Fused, an expression of truth values means what it means to NumPy, where True + True is True."""
    u, v = tn.variables(2, x=OFFSETS + 0.05, y=0.1213)
    fused = tn.fuse(COUNTED[form], target="reference")(u, v)
    np.testing.assert_array_equal(fused.coeffs, COUNTED[form](u, v).coeffs)


COMPILED = {100: (8, 4), 200: (8, 3), 300: (6, 2), 400: (10, 4), 500: (5, 1), 600: (7, 4), 700: (9, 3), 800: (8, 2)}
# 37 elements: whole vectors and a tail.
MANY = 0.3371 * np.sin(np.arange(37.0) ** 2)


@pytest.mark.parametrize("seed", COMPILED)
def test_compiled_is_eager(seed):
    size, order = COMPILED[seed]
    candidates = ((p, variables(p, MANY)) for p in (programs.seeded(s, size, order) for s in itertools.count(seed)))
    program, arguments = next(pair for pair in candidates if decided(*pair))
    assert disagreement(program, "cpu", arguments) <= 1


@given(programs.programs(sizes=range(2, 6)))
@programs.repeatable(100)
def test_a_number_does_not_depend_on_what_else_is_asked_for(program):
    """Every number of the program, fused on its own, is the number met on the way to the result."""
    arguments = variables(program)
    assume(decided(program, arguments))
    numbers = program.nodes(FUNCTIONS, *arguments)
    for length in range(1, len(program.steps)):
        shorter = programs.Program(program.base, program.order, program.steps[:length])
        alone = tn.fuse(shorter.function(FUNCTIONS), target="reference")(*arguments)
        met = numbers[len(arguments) + length - 1]
        assert worlds.excess(alone.coeffs, met.coeffs, RTOL, floors_of(numbers)) <= 1


@given(programs.programs(sizes=range(2, 8), order=4))
@programs.repeatable(100)
def test_a_lower_order_is_a_prefix_of_a_higher(program):
    """Coefficients do not depend on how many more were asked for."""
    arguments = variables(program)
    assume(decided(program, arguments))
    numbers = program.nodes(FUNCTIONS, *arguments)
    low = programs.Program(program.base, 2, program.steps)
    got = low.nodes(FUNCTIONS, *variables(low))[-1].coeffs
    assert worlds.excess(got, numbers[-1].coeffs[: len(got)], RTOL, floors_of(numbers)[: len(got)]) <= 1
