"""Do the equations that taylornb declares keep the digits that the obvious ones lose?

Each row declares the obvious form through tn.define, and shows at one point that it loses digits there while the
operation of the library does not. Exact coefficients come from the oracle.
"""

from typing import NamedTuple

import numpy as np
import pytest
from oracle import coefficients, power

import taylornb as tn


class Row(NamedTuple):
    """An obvious form, the operation it stands for, and where it fails."""

    name: str
    obvious: object
    at: float
    order: int = 4
    dtype: type = np.float64
    lost: float = 1e-9  # relative error that the obvious form has at least


def form(name, value, rate=None, per=None):
    return tn.define(f"obvious_{name}", value, rate=rate, per=per)


ROWS = [
    Row("expit", form("expit", tn.expit, rate=lambda x, y: y - y * y), 40.0),
    Row("expit", form("expit", tn.expit, rate=lambda x, y: y * tn.expit(-x)), 1e-10),
    Row("tanh", form("tanh", np.tanh, rate=lambda x, y: 1 - y * y), 20.0),
    Row("expm1", form("expm1", np.expm1, rate=lambda x, y: 1 + y), -40.0),
    Row("arcsin", form("arcsin", np.arcsin, per=lambda x, y: np.sqrt(1 - x * x)), 1 - 2.0**-30),
    Row("arcsin", form("arcsin", np.arcsin, per=lambda x, y: np.sqrt((1 - x) * (1 + x))), 1e-10),
    Row("arccos", form("arccos", np.arccos, per=lambda x, y: -np.sqrt(1 - x * x)), 1 - 2.0**-30),
    Row("arctanh", form("arctanh", np.arctanh, per=lambda x, y: 1 - x * x), 1 - 2.0**-30),
    Row("arctanh", form("arctanh", np.arctanh, per=lambda x, y: (1 - x) * (1 + x)), 1e-10),
    Row("arccosh", form("arccosh", np.arccosh, per=lambda x, y: np.sqrt(x * x - 1)), 1 + 1.3e-8),
    Row("arccosh", form("arccosh", np.arccosh, per=lambda x, y: np.sqrt((x - 1) * (x + 1))), 1e200, 1),
    Row("arctan", form("arctan", np.arctan, per=lambda x, y: 1 + x * x), 1e155, 1),
    Row("arctan", form("arctan", np.arctan, per=lambda x, y: 1 + x * x), 2e19, 1, np.float32),
    Row("arcsinh", form("arcsinh", np.arcsinh, per=lambda x, y: np.sqrt(1 + x * x)), 1e200, 1),
    Row("erfc", form("erfc", tn.erfc, rate=lambda x, y: -(2 / np.pi**0.5) * np.exp(-x * x)), 10.0, 4, np.float32, 1e-2),
    Row("cbrt", form("cbrt", np.cbrt, rate=lambda x, y: y, per=lambda x, y: 3 * x), 1.7e308, 1),
    Row("tan", form("tan", np.tan, rate=lambda x, y: 1 + y * y), 11.0, 15, np.float32),
]


def worst(function, row):
    """The largest relative error of a coefficient above the value; infinite where it is not a number."""
    point = row.dtype(row.at)
    got = np.asarray(function(tn.variable(point, row.order)).coeffs, dtype=np.float64)
    exact = np.array([float(c) for c in coefficients(row.name, float(point), row.order)])
    with np.errstate(all="ignore"):
        error = np.abs(got - exact)[1:] / np.abs(exact)[1:]
    return np.nan_to_num(error, nan=np.inf).max()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name} at {row.at}")
def test_the_obvious_form_loses_what_the_declared_one_keeps(row):
    kept = 1e-12 if row.dtype is np.float64 else 0.02 if row.name == "tan" else 5e-3
    assert worst(row.obvious, row) > max(row.lost, 2 * kept)
    assert worst(getattr(tn, row.name), row) < kept


def test_like_products_are_combined_in_powers():
    r, x = 2.000001, tn.variable(3.0, 6)
    apart = tn.define("apart", lambda x: x**r, rate=lambda x, y: tn.detach(r + 0 * x) * y, per=lambda x, y: x)
    exact = np.array([float(c) for c in power(3.0, r, 6)])
    assert np.max(np.abs(apart(x).coeffs / exact - 1)) > 1e-11
    assert np.max(np.abs((x**r).coeffs / exact - 1)) < 1e-14


def test_a_power_that_underflows_keeps_its_derivatives():
    x = np.float32(2.0**-60)
    plain = tn.define("plain_power", lambda x: x**2.5, rate=lambda x, y: 2.5 * y, per=lambda x, y: x)
    assert plain(tn.variable(x, 1)).derivative(1) == 0
    assert (tn.variable(x, 1) ** 2.5).derivative(1) == np.float32(2.5 * 2.0**-90)


def test_a_negative_power_takes_the_reciprocal_first():
    x = tn.variable(1e200, 2)
    assert np.isnan((1 / (x * x * x)).coefficient(2))
    assert (x**-3).coefficient(2) == 0


def test_the_plain_equation_of_hypot_loses_eleven_digits():
    plain = tn.define("plain_hypot", lambda a, b: np.hypot(a, b), rate=lambda a, b, y: (a, b), per=lambda a, b, y: y)
    a, b = tn.variables(2, a=1e6, b=1.0)
    exact = 0.5 / (1e12 + 1) ** 1.5  # b²/2h³
    assert abs(plain(a, b).coefficient(a=2) / exact - 1) > 1e-6
    assert abs(np.hypot(a, b).coefficient(a=2) / exact - 1) < 1e-14
