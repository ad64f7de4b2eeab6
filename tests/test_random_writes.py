"""Do random programs of views, writes and reads give what NumPy arrays give, one for values and one for each coefficient?"""

from contextlib import suppress
from typing import Any, NamedTuple

import memory
import numpy as np
import programs
from hypothesis import given
from hypothesis import strategies as st

import taylornb as tn

BASIS = tn.Basis(("x", "y"), 1)
ROWS = {"x": 1, "y": 2}
MOST = 10.0**9  # whole numbers up to here stay exact


class Pair(NamedTuple):
    """An array of the library, and the model of it."""

    array: Any
    model: memory.Series


def fresh(kind, shape, seed):
    """A new array: of all coefficients, a variable, or a constant."""
    value, *rest = np.random.default_rng(seed).integers(-3, 4, (3, *shape)).astype(float)
    if kind == "variable":
        return Pair(tn.variables(1, x=value, y=0.0)[0], memory.Series.of(value, {"x": np.ones(shape)}, ROWS))
    full = tn.from_coefficients([value, *rest], BASIS)
    if kind == "constant":
        return Pair(tn.constant(value, full), memory.Series.of(value, {}, ROWS))
    return Pair(full, memory.Series.of(value, dict(zip(ROWS, rest, strict=True)), ROWS, even=True))


VIEWS = {
    "all": lambda a: a[...],
    "all but one": lambda a: a[1:],
    "every other": lambda a: a[::2],
    "reversed": lambda a: a[::-1],
    "one": lambda a: a[-1:],
    "an axis more": lambda a: a[None],
    "flat": lambda a: a.reshape(-1),
    "a column": lambda a: a.reshape(-1, 1),
    "repeated": lambda a: np.broadcast_to(a, (2, *a.shape)),
}
PARTS = {
    "detach": (lambda u: u.detach(), {"x", "y"}),
    "detach x": (lambda u: u.detach("x"), {"x"}),
    "keep": (lambda u: tn.keep(u, order=0), {"x", "y"}),
}
IDENTITY, SUM = tn.fuse(lambda u: u, target="reference"), tn.fuse(lambda u, v: u + v, target="reference")


COPIES = {
    "copy": (lambda u: u.copy(), lambda m: m.copy()),
    "places": (lambda u: u[[0, -1]], lambda m: m.view(lambda a: a[[0, -1]])),
    "nilpotent": (lambda u: tn.nilpotent(u), lambda m: m.without_value()),
    "keep above": (lambda u: tn.keep(u, degrees={1}), lambda m: m.without_value()),
    "fused identity": (lambda u: IDENTITY(u), lambda m: m.view(lambda a: a)),
}
KEYS = (..., 0, slice(1, None), slice(None, None, -1), [0, -1], "mask")
OPERATORS = ("=", "+=", "*=")


class Run:
    """A program under way: arrays beside their models."""

    def __init__(self):
        self.pairs = [fresh("dense", (4,), 0)]
        self.written = self.refused = 0

    def step(self, kind, first, second, choice, number):
        """One move, after which every array is what its model says."""
        pair, other = self.pairs[first % len(self.pairs)], self.pairs[second % len(self.pairs)]
        getattr(self, kind)(pair, other, choice, number)
        for one in self.pairs:
            check(one)

    def make(self, pair, other, choice, number):
        kind = ("dense", "variable", "constant")[choice % 3]
        self.pairs.append(fresh(kind, ((4,), (2, 3))[number % 2], number))

    def view(self, pair, other, choice, number):
        function = [*VIEWS.values()][choice % len(VIEWS)]
        if pair.array.ndim < 4 and function(pair.model.value.numbers).size:
            self.add(pair, function, lambda model: model.view(function))

    def part(self, pair, other, choice, number):
        function, drops = [*PARTS.values()][choice % len(PARTS)]
        self.pairs.append(Pair(function(pair.array), pair.model.view(lambda a: a, drops)))

    def copy(self, pair, other, choice, number):
        self.add(pair, *[*COPIES.values()][choice % len(COPIES)])

    def add(self, pair, function, model):
        """What is made of an array; a copy reads it."""
        made = model(pair.model)
        try:
            self.pairs.append(Pair(function(pair.array), made))
        except tn.StaleError:
            assert pair.model.may_refuse
            assert made.memory is not pair.model.memory or function is COPIES["fused identity"][0]

    def forget(self, pair, other, choice, number):
        if len(self.pairs) > 1:
            self.pairs = [one for one in self.pairs if one is not pair]

    def detach_(self, pair, other, choice, number):
        pair.array.detach_()
        pair.model.parts, pair.model.may_refuse = {}, False

    def write(self, pair, other, choice, number):
        """u[key] = v, u[key] += v and u[key] *= v, of a number or a series that may share memory with u."""
        key, symbol = KEYS[choice % len(KEYS)], OPERATORS[number % 3]
        if isinstance(key, str):
            key = np.arange(pair.array.size).reshape(pair.array.shape) % 2 == 0
        region = pair.model.value.numbers[key].shape
        given = other if number % 2 and fits(other.array.shape, region) else None
        elements = (float(number % 4 - 1), {}) if given is None else given.model.elements(...)
        if symbol != "=":
            elements = combined(symbol, pair.model.elements(key), elements)
        scope = {"u": pair.array, "key": key, "v": float(number % 4 - 1) if given is None else given.array}
        whole, reads = key is ..., [] if given is None else [given.model]
        self.attempt(
            lambda: exec(f"u {symbol} v" if whole and symbol != "=" else f"u[key] {symbol} v", {}, scope),
            pair,
            [*reads, *([pair.model] if symbol != "=" or not whole else [])],
            lambda: pair.model.write(key, elements, self.models),
        )

    def out(self, pair, other, choice, number):
        """f(v, w, out=u), and np.add(v, w, out=u), which keeps the coefficients that u has."""
        shape = pair.array.shape
        same = [one for one in self.pairs if one.array.shape == shape]
        v, w = same[choice % len(same)], same[number % len(same)]
        fused = (choice + number) % 2
        elements = combined("+=", v.model.elements(...), w.model.elements(...))
        self.attempt(
            lambda: (SUM if fused else np.add)(v.array, w.array, out=pair.array),
            pair,
            [v.model, w.model],
            lambda: self.taken(pair.model, elements, fused),
        )

    def taken(self, model, elements, fused):
        model.even = model.even and not fused
        model.write(..., elements, self.models, narrows=fused)

    @property
    def too_large(self):
        return max(np.abs([model.value.numbers, *model.last.values()]).max() for model in self.models) > MOST

    @property
    def models(self):
        return [pair.model for pair in self.pairs]

    def attempt(self, write, pair, reads, model):
        """A write that is done, or refused for a reason, and then not begun."""
        try:
            write()
        except tn.StaleError:
            assert any(one.may_refuse for one in reads)
            self.refused += 1
        except ValueError as error:
            assert pair.model.fixed, error  # noqa: PT017
            assert "repeats elements in memory" in str(error) or "is read-only" in str(error)  # noqa: PT017
        else:
            assert not pair.model.fixed
            model()
            self.written += 1


def fits(shape, region):
    with suppress(ValueError):
        return np.broadcast_shapes(shape, region) == region
    return False


def combined(symbol, left, right):
    """Of elements, in the first degree."""
    (a, first), (b, second) = left, right
    names = first.keys() | second.keys()
    if symbol == "+=":
        return a + b, {name: first.get(name, 0) + second.get(name, 0) + 0 * (a + b) for name in names}
    return a * b, {name: first.get(name, 0) * b + a * second.get(name, 0) for name in names}


def check(pair):
    """Values are those of the model. Coefficients are, too, or are refused, where that is allowed."""
    array, model = pair
    np.testing.assert_array_equal(array.value, model.value.numbers)
    try:
        coeffs = array.coeffs
    except tn.StaleError:
        assert model.may_refuse
        return
    assert model.belongs()
    for name, row in ROWS.items():
        np.testing.assert_array_equal(coeffs[row], model.parts[name].numbers if name in model.parts else 0)


KINDS = ["make", "view", "view", "part", "copy", "write", "write", "write", "out", "detach_", "forget"]
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), *[st.integers(0, 11)] * 4), max_size=14)


@given(STEPS)
@programs.repeatable(1500)
def test_random_programs(steps):
    run = Run()
    for step in steps:
        run.step(*step)
        if run.too_large:
            break


def test_programs_refuse_now_and_then_and_write_often():
    """What the random programs are for does happen in them."""
    made = [run_of(seed) for seed in range(100)]
    assert sum(is_refused(one.array) for run in made for one in run.pairs) > 20
    assert sum(run.written for run in made) > 100
    assert sum(run.refused for run in made) > 5


def is_refused(u):
    try:
        u.coeffs  # noqa: B018
    except tn.StaleError:
        return True
    return False


def run_of(seed):
    rng, run = np.random.default_rng(seed), Run()
    for _ in range(12):
        run.step(KINDS[rng.integers(len(KINDS))], *(int(n) for n in rng.integers(12, size=4)))
        if run.too_large:
            break
    return run
