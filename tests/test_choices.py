"""Do operations that choose, cut off or compare give NumPy's value and the chosen argument's derivatives, bit for bit?"""

import itertools

import numpy as np
import pytest
from choices import BINARY_TRUTHS, CHOICES, HIGH, LOW, TRUTHS, UNARY_TRUTHS

import taylornb as tn

VALUES = (-np.inf, -2.5, -0.5, -0.0, 0.0, 0.25, 0.75, 1.5, np.inf, np.nan)
PAIRS = np.array(list(itertools.product(VALUES, VALUES))).T
BASIS = tn.Basis(variables=("x", "y"), order=2)
EXTREMA = ("maximum", "minimum", "fmax", "fmin")
TARGETS = ("eager", "reference", "cpu")

targets = pytest.mark.parametrize("target", TARGETS)
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def series(values, dtype, seed):
    """Dense coefficients above the given values; small whole numbers, so that sums and products are exact."""
    digits = np.random.default_rng(seed).integers(1, 9, (BASIS.size, values.size))
    coeffs = (digits * (-1) ** (digits // 3)).astype(dtype)
    coeffs[0] = values
    return tn.from_coefficients(coeffs, BASIS)


def road(target, fn):
    return fn if target == "eager" else tn.fuse(fn, target=target)


def arity(choice):
    return 2 if choice.slopes.__code__.co_argcount == 2 else 1


def choice_arguments(choice, dtype):
    return [series(column, dtype, seed) for seed, column in enumerate(PAIRS[: arity(choice)])]


def expected(choice, args):
    """The coefficients that value and slopes imply; products with a zero slope are zero whatever they multiply."""
    values = [a.value for a in args]
    with np.errstate(all="ignore"):
        slopes = choice.slopes(*values)
        planes = sum(np.where(s == 0, 0, s * a.coeffs) for s, a in zip(slopes, args, strict=True))
        planes[0] = choice.value(*values)
    return planes


def same(got, exact, ties=False):
    """Equal, with NaN where NaN is, and with the sign of zero in the value plane; which zero of a tie is NumPy's secret."""
    assert got.dtype == exact.dtype
    np.testing.assert_array_equal(got, exact)
    numbers = ~np.isnan(exact[0]) & ~(ties & (exact[0] == 0))
    np.testing.assert_array_equal(np.signbit(got[0][numbers]), np.signbit(exact[0][numbers]))


@targets
@dtypes
@pytest.mark.parametrize("name", sorted(set(CHOICES) - {"remainder", "where"}))
def test_choice(name, dtype, target):
    choice = CHOICES[name]
    args = choice_arguments(choice, dtype)
    got = road(target, lambda *args: choice.call(getattr(tn, name), *args))(*args)
    same(got.coeffs, expected(choice, args).astype(dtype), ties=name in EXTREMA)


@targets
@dtypes
def test_where(dtype, target):
    choice = CHOICES["where"]
    args = choice_arguments(choice, dtype)
    same(road(target, lambda a, b: tn.where(a > b, a, b))(*args).coeffs, expected(choice, args).astype(dtype))


@targets
@dtypes
def test_remainder(dtype, target):
    """Of finite numbers by numbers that are not 0; elsewhere the value alone is NumPy's."""
    choice = CHOICES["remainder"]
    args = choice_arguments(choice, dtype)
    a, b = (arg.value for arg in args)
    got, exact = road(target, tn.remainder)(*args).coeffs, expected(choice, args).astype(dtype)
    ordinary = np.isfinite(a) & np.isfinite(b) & (b != 0)
    same(got[:, ordinary], exact[:, ordinary])
    np.testing.assert_array_equal(got[0], exact[0])


@targets
@dtypes
@pytest.mark.parametrize("name", TRUTHS)
def test_truth(name, dtype, target):
    assert name in UNARY_TRUTHS or name in BINARY_TRUTHS
    args = [series(column, dtype, seed) for seed, column in enumerate(PAIRS[: 1 + (name in BINARY_TRUTHS)])]
    got = road(target, getattr(tn, name))(*args)
    assert isinstance(got, np.ndarray)
    assert got.dtype == bool
    np.testing.assert_array_equal(got, getattr(np, name)(*(a.value for a in args)))


@targets
@pytest.mark.parametrize("decimals", [0, 1, 2, -1])
def test_round_to_decimals(decimals, target):
    values = np.array([0.5, 1.5, -2.5, 12.345, -0.05, 25.0, 1e300])
    x = series(values, "float64", 0)
    got = road(target, lambda x: tn.round(x, decimals))(x).coeffs
    np.testing.assert_array_equal(got[0], np.round(values, decimals))
    assert not got[1:].any()


@targets
def test_clip_is_a_minimum_of_a_maximum(target):
    x = series(np.array([LOW, HIGH, 0.0, -1.0, 2.0, np.nan]), "float64", 0)
    got = road(target, lambda x: (tn.clip(x, LOW, HIGH), tn.minimum(tn.maximum(x, LOW), HIGH)))(x)
    np.testing.assert_array_equal(got[0].coeffs, got[1].coeffs)
    open_below, open_above = road(target, lambda x: (tn.clip(x, None, HIGH), tn.clip(x, LOW, None)))(x)
    np.testing.assert_array_equal(open_below.value, np.clip(x.value, None, HIGH))
    np.testing.assert_array_equal(open_above.value, np.clip(x.value, LOW, None))


@pytest.mark.parametrize("name", EXTREMA)
@targets
def test_ties_take_the_first_argument(name, target):
    """Also of a series and a number, in either position."""
    x = tn.variable(0.0, order=2)
    choose = getattr(tn, name)
    first, second, signed = road(target, lambda x: (choose(x, 0.0), choose(0.0, x), choose(-x, x)))(x)
    assert first.coeffs.tolist() == [0, 1, 0]
    assert second.coeffs.tolist() == [0, 0, 0]
    assert signed.coeffs.tolist() == [0, -1, 0]
