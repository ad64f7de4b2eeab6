"""Is the looped form the same function: every op, every support, any order, in text that does not grow with the order?"""

import functools
import itertools
import math

import numpy as np
import oracle
import programs
import pytest
import rolling
import test_agreement as agreement
import worlds
from mpmath import mp, mpf

import taylornb as tn
from bench.workloads import WORKLOADS, f1
from taylornb.errors import UnsupportedError
from taylornb.loops import roll
from taylornb.presence import pairs
from taylornb.rules import registry
from taylornb.runs import ordered
from taylornb.targets.llvm import blocks, tiles

LENGTH = 5
RTOL = 1e-12
OPS = sorted(op.name for op in registry.values() if op.public and not op.answers and op.kind != "structure")
BESIDE = {
    "detach": lambda x: tn.detach(x) * x,
    "keep": lambda x: tn.keep(x, order=2) * x,
}
KINDS = ("dense", "variable", "frozen", "even")
# The order, the variables, and how many coefficients stand before the loops.
FORMS = {"one": (7, ("x",), None), "one, all in loops": (7, ("x",), 1), "two": (3, ("x", "y"), None)}


def series(at, order, names, kind, dtype=np.float64):
    """One argument for each value: full series, variables, series without the last variable, or even in the variable."""
    rng = np.random.default_rng(5)
    basis = tn.Basis(names, order)
    for n, value in enumerate(at):
        coeffs = rng.uniform(-0.3, 0.3, (basis.size, LENGTH)).astype(dtype)
        coeffs[0] = value + 0.1 * coeffs[0]
        seeds = tn.variables(order, **{name: coeffs[0] if n % len(names) == k else dtype(0) for k, name in enumerate(names)})
        x = seeds[n % len(names)] if isinstance(seeds, tuple) else seeds
        yield {
            "dense": lambda c=coeffs: tn.from_coefficients(c, basis),
            "variable": lambda x=x: x,
            "frozen": lambda c=coeffs: tn.detach(tn.from_coefficients(c, basis), names[-1]),
            "even": lambda x=x: tn.detach(x) + (x - tn.detach(x)) ** 2,
        }[kind]()


def reference(function, *arguments):
    """The coefficients; of a truth value, as of a series that is constant."""
    found = tn.fuse(function, target="reference")(*arguments)
    if isinstance(found, tn.TaylorArray):
        return found.coeffs
    return np.concatenate((found[None], np.zeros((arguments[0].basis.size - 1, *found.shape), found.dtype)))


def assert_same(got, want, rtol=RTOL):
    """The same NaN and infinities; elsewhere a small relative error, or one that is small among the function's coefficients."""
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite])
    got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    size = np.abs(np.where(finite, want, 0))
    bound = rtol * np.maximum(size, 0.01 * size.max(axis=0))
    assert (np.abs(got - want)[finite] <= bound[finite]).all()


def cases():
    """Every op in every form on every support; what takes values only needs just one, and what is frozen has no other."""
    for name, form, kind in itertools.product(OPS, FORMS, KINDS):
        simple = registry[name].kind == "constant" or (kind == "frozen" and len(FORMS[form][1]) == 1)
        if not simple or (form, kind) == ("two", "dense"):
            yield name, form, kind


@pytest.mark.parametrize(("name", "form", "kind"), [*cases()])
def test_every_op_on_every_support(name, form, kind):
    order, names, early = FORMS[form]
    function = BESIDE.get(name, lambda *args: registry[name](*args))
    arguments = tuple(series(registry[name].at, order, names, kind))
    assert_same(rolling.coefficients(function, *arguments, early=early), reference(function, *arguments))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exponent", [-2.5, -3, 0.25, 0.999, 1.7, 2.000001, 2.5, 7])
def test_powers(exponent, kind):
    for order, names, early in FORMS.values():
        arguments = tuple(series((1.3,), order, names, kind))
        got = rolling.coefficients(lambda x: x**exponent, *arguments, early=early)
        assert_same(got, reference(lambda x: x**exponent, *arguments))


@pytest.mark.parametrize("seed", range(24))
def test_random_programs(seed):
    candidates = ((p, agreement.variables(p)) for p in (programs.seeded(s, 6) for s in itertools.count(1000 * seed)))
    program, fresh = next(pair for pair in candidates if agreement.decided(*pair))
    for arguments in (fresh, tuple(programs.series(tn, program, agreement.OFFSETS))):
        numbers = program.nodes(agreement.FUNCTIONS, *arguments)
        for early in (None, 1):
            got = rolling.coefficients(program.function(agreement.FUNCTIONS), *arguments, early=early)
            assert worlds.excess(got, numbers[-1].coeffs, RTOL, agreement.floors_of(numbers)) <= 1


# Functions with sums over all pairs; some over coefficients on their way; with factors that begin late; and one within another.
TILED = {
    "product": (lambda x, y: x * y, 2),
    "late factors": (lambda x, y: (x - tn.detach(x)) ** 2 * tn.expm1(y - tn.detach(y)), 2),
    "quotient": (lambda x, y: x / y, 2),
    "exp": (np.exp, 1),
    "circle": (lambda x: np.sin(x) * np.cos(x), 1),
    "network": (lambda x: np.tanh(np.tanh(x) + x * x) * x, 1),
}


@pytest.mark.parametrize("early", [None, 1, 3, 5])
@pytest.mark.parametrize("name", TILED)
def test_four_monomials_at_a_time(name, early):
    """Wherever tiles begin and end, and however many go before and after them."""
    function, count = TILED[name]
    for order in (6, 7, 8, 10, 11, 12, 17, 34):
        arguments = tuple(series((1.3, 0.7)[:count], order, ("x",), "dense"))
        assert_same(rolling.coefficients(function, *arguments, early=early), reference(function, *arguments))


def test_tiles_are_taken_of_sums_over_all_pairs():
    x, y = series((1.3, 0.7), 30, ("x",), "dense")
    for function, expected in ((lambda x: np.exp(x), True), (lambda x: x * x, False), (lambda x: x**0.3, False)):
        rolled = rolling.Looped(function, (x,)).rolled
        found = [tiles.tiled(one, step.monomials) for loop in rolled.loops for step in loop.steps for one in step.sums]
        assert found == [expected]
    rolled = rolling.Looped(lambda x, y: x * y, (x, y)).rolled
    assert sum(len(part) for part in tiles.parts(rolled.loops[-1].monomials)[1:2]) == 6


# Whole runs of both factors, of one, of squares, and of what is divided by.
RUN = {
    "product": (lambda x, y: x * y, 2),
    "square": (lambda x: x * x, 1),
    "exp": (np.exp, 1),
    "quotient": (lambda x, y: x / (2 + y), 2),
    "network": (lambda x: np.tanh(np.tanh(x) + x * x) * x, 1),
}


@pytest.mark.parametrize(("names", "orders"), [("xy", (1, 2, 3, 4, 5, 8, 9, 13)), ("xyz", (2, 5, 7)), ("vwxy", (4, 6))])
@pytest.mark.parametrize("name", RUN)
def test_runs_of_monomials(name, names, orders):
    """Whatever the lengths of the runs, and where their tiles end."""
    function, count = RUN[name]
    for order in orders:
        arguments = tuple(series((1.3, 0.7)[:count], order, tuple(names), "dense"))
        assert_same(rolling.coefficients(function, *arguments), reference(function, *arguments))


def test_runs_are_taken_of_full_series():
    def kinds(function, kind, order=6):
        arguments = tuple(series((1.3, 0.7), order, ("x", "y", "z"), kind))
        rolled = rolling.Looped(function, arguments).rolled
        return [type(one.over).__name__ for loop in rolled.loops for step in loop.steps for one in step.sums]

    assert kinds(lambda x, y: x * y, "dense") == ["Runs"]
    assert kinds(lambda x, y: np.exp(x) * y, "dense") == ["Runs", "Runs"]
    assert kinds(lambda x, y: x**0.3 + y, "dense") == ["Table"]  # which has weights
    assert kinds(lambda x, y: x * y, "dense", order=1) == []
    assert "Runs" not in kinds(lambda x, y: np.exp(x) + y, "frozen")


@pytest.mark.parametrize(("names", "order"), [("x", 5), ("xy", 6), ("vwxyz", 3)])
def test_runs_come_after_what_they_need(names, order):
    basis = tn.Basis(tuple(names), order)
    found, places = pairs(basis), ordered(basis).place
    assert sorted(places) == list(range(basis.size))
    assert (places[found.j] <= places[found.i]).all()
    last = basis.exponents[:, -1]
    for run in set(ordered(basis).run.tolist()):
        inside = ordered(basis).run == run
        assert places[inside].tolist() == (places[inside].min() + last[inside]).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_float32(kind):
    function = functools.partial(f1, np)
    for order, names, early in FORMS.values():
        arguments = tuple(series((0.7,), order, names, kind, np.float32))
        got = rolling.coefficients(function, *arguments, early=early)
        assert got.dtype == np.float32
        assert_same(got, reference(function, *arguments), 1e-4)


def test_dtypes_mix():
    def function(x, y):
        return np.exp(x) * np.sin(y) + x**0.3 / (1 + y * y) + np.sqrt(x)

    for order, names, early in FORMS.values():
        x, _ = series((0.7, 0.3), order, names, "dense", np.float32)
        _, y = series((0.7, 0.3), order, names, "dense")
        got = rolling.coefficients(function, x, y, early=early)
        assert got.dtype == np.float64
        assert_same(got, reference(function, x, y), 1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_a_result_is_wider_than_what_it_is_made_of(form):
    order, names, early = FORMS[form]
    (x,) = series((0.7,), order, names, "dense", np.float32)
    got = rolling.coefficients(lambda x: x ** np.float64(1), x, early=early)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, x.coeffs)


def test_several_outputs_and_arguments_that_are_one_number():
    (x,) = series((0.7,), 12, ("x",), "dense")
    looped = rolling.Looped(lambda x, a: (np.exp(a * x), x, np.sin(x) > a, a * 1.0), (x, 0.31))
    exponential, same, above, number = looped.coefficients(LENGTH)
    assert_same(exponential, reference(lambda x: np.exp(0.31 * x), x))
    np.testing.assert_array_equal(same, x.coeffs)
    np.testing.assert_array_equal(above[0], np.sin(x.value) > 0.31)
    assert (number[0] == 0.31).all()
    assert not number[1:].any()


@pytest.mark.parametrize("form", FORMS)
def test_one_series_beside_many(form):
    order, names, early = FORMS[form]
    a, b = series((0.7, 0.3), order, names, "dense")
    got = rolling.coefficients(lambda a, b: np.exp(a) * b / (1 + a * b), a, b[2], early=early)
    assert_same(got, reference(lambda a, b: np.exp(a) * b / (1 + a * b), a, b[2]))


@pytest.mark.parametrize("width", [16, 32])
def test_narrower_vectors(width):
    for order, names, early in FORMS.values():
        arguments = tuple(series((0.7,), order, names, "dense"))
        got = rolling.coefficients(functools.partial(f1, np), *arguments, early=early, width=width)
        assert_same(got, reference(functools.partial(f1, np), *arguments))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("names", "order"), [("x", 20), ("xyz", 4)])
def test_bits_do_not_depend_on_the_place(names, order, dtype):
    """Not on the place in a block, in what is left of one, nor in a vector that is not full."""
    rng = np.random.default_rng(1)
    basis = tn.Basis(names, order)
    coefficients = rng.uniform(-0.3, 0.3, (basis.size, 3 * blocks.BLOCK + 37)).astype(dtype)

    def found(start, stop):
        x = tn.from_coefficients(coefficients[:, start:stop], basis)
        return rolling.coefficients(functools.partial(f1, np), x)

    whole = found(0, None)
    for start, stop in ((0, 1), (1, 8), (3, 30), (40, 53), (5, 5 + blocks.BLOCK), (7, 6 + 2 * blocks.BLOCK), (9, None)):
        np.testing.assert_array_equal(found(start, stop), whole[:, start:stop])


@pytest.mark.parametrize(("rows", "dtype", "expected"), [(1, "f8", 64), (600, "f8", 64), (3003, "f8", 32), (100_000, "f4", 16)])
def test_blocks_stay_in_a_near_cache(rows, dtype, expected):
    arrays = [blocks.Array("x0", np.dtype(dtype), rows, True)]
    assert blocks.length(arrays, 16) == expected
    assert blocks.buffers(arrays, expected)[0] % blocks.LINE == 0
    assert blocks.buffers(arrays, expected)[0] <= blocks.NEAR or expected == 16
    assert arrays[0].stride(expected) // blocks.LINE % 2 == 1


# ---- zeros, infinities and NaN ---------------------------------------------------------------------------

SINGULAR = {
    "rise": lambda x: x - tn.detach(x),
    "rise times a constant": lambda x: (x - tn.detach(x)) * (1 / tn.detach(x)),
    "square of a rise": lambda x: (x - tn.detach(x)) ** 2 / tn.detach(x),
    "root of a constant": lambda x: np.sqrt(tn.detach(x)) * np.exp(x),
    "root": lambda x: np.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "logarithm": lambda x: np.log(x) * (x - tn.detach(x)),
    "ratio": lambda x: np.exp(x) / tn.detach(np.exp(x)),
    "box": lambda x: np.exp(x - tn.detach(x)),
    "real power": lambda x: x**0.3,
    "choice": lambda x: tn.where(x > 0, np.log(tn.where(x > 0, x, 1)), x),
    "kept": lambda x: tn.keep(1 / x, order=2) * np.sin(x),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SINGULAR)
def test_support_decides_what_is_zero(name, form):
    order, names, early = FORMS[form]
    values = np.array([0.0, 1.3, np.inf, np.nan, 1e300])
    x = tn.variables(order, **{one: values if one == "x" else 0.4 for one in names})
    x = x[0] if isinstance(x, tuple) else x
    got = rolling.coefficients(SINGULAR[name], x, early=early)
    assert_same(got, reference(SINGULAR[name], x), 1e-9)


def test_a_detached_root_has_zero_coefficients():
    x = tn.variable(np.zeros(3), 30)
    assert not rolling.coefficients(lambda x: np.sqrt(tn.detach(x)), x).any()
    rise = rolling.coefficients(lambda x: (x - tn.detach(x)) * 1.5, x)
    assert (rise[1] == 1.5).all()
    assert not np.delete(rise, 1, axis=0).any()


def test_what_stands_above_a_detach_costs_its_value():
    frozen = rolling.Looped(lambda x: tn.detach(np.exp(np.sin(x))) * x, (tn.variable(1.0, 50),))
    assert not frozen.rolled.loops
    assert frozen.rolled.cost.statements == 3


# ---- high orders -------------------------------------------------------------------------------------------

ORDER = 200
POINT = 0.7


def series_of_power(exponent):
    return oracle.power(POINT, exponent, ORDER)


def closed(derivative):
    """Coefficients from the derivatives."""
    with mp.workdps(60):
        return [derivative(k) / mp.factorial(k) for k in range(ORDER + 1)]


def contour(function, radius):
    with mp.workdps(60):
        value = function(mpf(POINT))
    return [value, *oracle.cauchy(lambda x: function, POINT, lambda x: mpf(radius), ORDER, shrink=2, extra=120)]


HIGH = {
    "exp": (np.exp, lambda: closed(lambda k: mp.exp(mpf(POINT)))),
    "sin": (np.sin, lambda: closed(lambda k: mp.sin(mpf(POINT) + k * mp.pi / 2))),
    "sqrt": (np.sqrt, lambda: series_of_power(0.5)),
    "power": (lambda x: x**2.5, lambda: series_of_power(2.5)),
    "tanh": (np.tanh, lambda: contour(mp.tanh, 1.6)),
    "arctan": (np.arctan, lambda: contour(mp.atan, 1.2)),
    "F1": (functools.partial(f1, np), lambda: contour(lambda z: mp.exp(mp.sin(z)) * z / (1 + z * z), 1.2)),
}


@pytest.mark.parametrize("name", HIGH)
def test_order_200(name):
    function, exact = HIGH[name]
    got = rolling.coefficients(function, tn.variable(np.full(3, POINT), ORDER))
    for k, want in enumerate(exact()):
        if abs(want) > 1e-290:  # what is less is subnormal, or was made of such
            assert abs(mpf(got[k, 0]) / want - 1) < 1e-11, k


DEGREE = 10
FOUR = {"x": 0.3, "y": -0.2, "z": 0.5, "w": 0.1}


def test_degree_ten_in_four_variables():
    """The coefficients of a product of functions of one variable each are products."""
    arguments = tn.variables(DEGREE, **{name: np.full(3, value) for name, value in FOUR.items()})
    got = rolling.coefficients(lambda x, y, z, w: np.exp(x + y) * np.sin(z) / (1 - w), *arguments)
    names = ("exp", "exp", "sin")
    single = [[float(c) for c in oracle.coefficients(n, v, DEGREE)] for n, v in zip(names, FOUR.values(), strict=False)]
    single.append([(1 - FOUR["w"]) ** -(k + 1.0) for k in range(DEGREE + 1)])
    for i, powers in enumerate(arguments[0].basis.monomials):
        want = math.prod(one[k] for one, k in zip(single, powers, strict=True))
        assert abs(got[i, 0] - want) <= 1e-12 * abs(want)


def test_sums_of_variables_in_four():
    arguments = tn.variables(DEGREE, **{name: np.full(3, value) for name, value in FOUR.items()})
    got = rolling.coefficients(lambda x, y, z, w: np.exp(0.5 * (x + y + z + w)), *arguments)
    basis, value = arguments[0].basis, math.exp(sum(FOUR.values()) / 2)
    for i in range(basis.size):
        want = value * 0.5 ** basis.degrees[i] / basis.factorial(i)
        assert abs(got[i, 0] - want) <= 1e-12 * want


# ---- the form itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [functools.partial(f1, np), np.tanh, lambda x: x**0.3, lambda x: np.sqrt(np.exp(x))])
def test_the_text_does_not_grow_with_the_order(function):
    lengths = {rolling.Looped(function, (tn.variable(1.0, order),)).text.count("\n") for order in (40, 64, 90)}
    assert len(lengths) == 1


def test_nor_with_the_degree_in_several_variables():
    function = WORKLOADS["F5"].function
    texts = [rolling.Looped(lambda *v: function(np, *v), tn.variables(d, x=0.1, y=0.2, z=0.3)).text for d in (6, 9)]
    assert texts[0].count("\n") == texts[1].count("\n")


@pytest.mark.parametrize("name", ["F1", "F3", "F4", "F8", "F9"])
def test_the_cost_is_that_of_the_list(name):
    workload = WORKLOADS[name]
    basis = tn.Basis(("t",), 20)
    x = tn.from_coefficients(workload.coefficients(20, 3)[0], basis) if workload.dense else tn.variable(1.0, 20)
    looped = rolling.Looped(lambda x: workload.function(tn, x), (x,))
    rolled, unrolled = looped.rolled.cost, looped.unrolled().cost
    assert rolled.functions == unrolled.functions
    assert rolled.bytes == unrolled.bytes
    assert 0.8 < rolled.multiply_adds / unrolled.multiply_adds < 1.3
    assert 0.7 < looped.estimate() / len(looped.unrolled().instructions) < 1.4


def test_equal_graphs_are_equal():
    one, other = (rolling.Looped(functools.partial(f1, np), (tn.variable(1.0, 30),)) for _ in range(2))
    assert one.rolled == other.rolled
    assert hash(one.rolled) == hash(other.rolled)
    assert one.text == other.text


@pytest.mark.parametrize(("names", "order"), [("x", 9), ("xy", 4), ("xyz", 4), ("vwxyz", 2)])
def test_pairs_are_the_splits(names, order):
    basis = tn.Basis(tuple(names), order)
    found = pairs(basis)
    for i in range(basis.size):
        part = slice(found.start[i], found.start[i + 1])
        assert list(zip(found.j[part], found.k[part], strict=True)) == basis.splits(i)


def test_too_many_coefficients_are_refused():
    basis = tn.Basis(tuple(f"x{n}" for n in range(75)), 3)
    with pytest.raises(UnsupportedError, match=r"76,076 coefficients; a looped kernel takes up to 65,534"):
        roll(None, (), {}, basis)
