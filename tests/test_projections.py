"""Do keep, nilpotent, graft and box do what their formulas say, on every road and to every input?"""

from fractions import Fraction
from math import factorial

import numpy as np
import pytest

import taylornb as tn
from taylornb.testing import assert_agree

ORDER = 5
ROADS = {
    "prompt": lambda f: f,
    "unrolled": lambda f: tn.fuse(f, form="unrolled"),
    "looped": lambda f: tn.fuse(f, form="looped"),
    "numba": lambda f: tn.fuse(f, form="numba"),
    "reference": lambda f: tn.fuse(f, target="reference"),
}
roads = pytest.mark.parametrize("road", ROADS.values(), ids=ROADS)
bases = pytest.mark.parametrize("basis", [tn.Basis("x", ORDER), tn.Basis(("x", "y"), 3)], ids=["one", "two"])


def dense(basis, seed=0, dtype=np.float64):
    coefficients = np.random.default_rng(seed).uniform(0.5, 1, (basis.size, 4)).astype(dtype)
    return tn.from_coefficients(coefficients, basis)


@roads
@bases
@pytest.mark.parametrize("degrees", [{0, 2}, {1}, {0, 1, 3}, set(), {99}, range(1, 3)])
def test_keep_of_degrees(road, basis, degrees):
    u = dense(basis)
    got = road(lambda u: tn.keep(u, degrees=degrees))(u)
    chosen = np.isin(basis.degrees, list(degrees))
    np.testing.assert_array_equal(got.coeffs, np.where(chosen[:, None], u.coeffs, 0))
    assert_agree(road(lambda u: np.sin(tn.keep(u, degrees=degrees)))(u), np.sin(tn.from_coefficients(got.coeffs, basis)))


@bases
def test_keep_is_a_projection_and_no_homomorphism(basis):
    u, v = dense(basis, 1), dense(basis, 2)
    for n in range(basis.order + 1):
        degrees = set(range(n + 1))
        assert_agree(tn.keep(u, degrees=degrees), tn.keep(u, order=n))
        assert_agree(tn.keep(tn.keep(u, order=n) * tn.keep(v, order=n), order=n), tn.keep(u * v, order=n))
    assert tn.agree_to(tn.keep(u, order=1) * tn.keep(v, order=1), tn.keep(u * v, order=1)) == 1
    parts = [tn.keep(u, degrees={n}) for n in range(basis.order + 1)]
    assert_agree(sum(parts[1:], parts[0]), u, rtol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "keep takes one of order=, the highest degree, and degrees="),
        ({"order": 1, "degrees": {0}}, "keep takes one of"),
        ({"degrees": "02"}, "degrees must be a set of degrees, such as {0, 2}, not '02'"),
        ({"degrees": 2}, "degrees must be a set of degrees"),
        ({"degrees": {-1}}, "must be a whole number, 0 or more, not -1"),
        ({"degrees": {0.5}}, "must be a whole number, 0 or more, not 0.5"),
    ],
)
def test_mistakes_of_keep(options, message):
    with pytest.raises(tn.BasisError, match=message):
        tn.keep(tn.variable(1.0, 2), **options)


@roads
@bases
def test_nilpotent(road, basis):
    u = dense(basis)
    got = road(lambda u: tn.nilpotent(u))(u)
    assert_agree(got, u - tn.detach(u), rtol=0)
    assert 0 not in tn.nilpotent(u).support
    power = road(lambda u: tn.nilpotent(u) ** 2 * tn.nilpotent(u))(u)
    assert not power.coeffs[np.array(basis.degrees) < 3].any()
    assert_agree(power, (u - tn.detach(u)) ** 3)


def test_nilpotent_is_zero_in_value_by_structure():
    """Where u − ⊥u is NaN, too."""
    points = np.array([np.inf, -np.inf, np.nan, 1e308])
    got = tn.nilpotent(tn.variable(points, ORDER))
    assert got.value.tolist() == [0, 0, 0, 0]
    np.testing.assert_array_equal(got.coeffs[1:], np.eye(ORDER)[:, :1] * np.ones(4))
    assert tn.nilpotent(3) == 0
    assert tn.nilpotent(np.ones(2, np.float32)).dtype == np.float32
    assert tn.keep(np.ones(2), degrees={1}).tolist() == [0, 0]
    assert tn.fuse(lambda x, a: tn.nilpotent(a) + x)(tn.variable(1.0, 1), 3.0).value == 1


@roads
@bases
def test_a_value_that_is_zero_by_structure_is_a_false_condition(road, basis):
    u, v, n = dense(basis, 1), dense(basis, 2), tn.nilpotent(dense(basis))
    assert_agree(road(lambda n, u, v: tn.where(n, u, v))(n, u, v), v, rtol=0)
    assert_agree(road(lambda n, u, v: tn.where(n, u, n) + tn.where(n, 1, v))(n, u, v), n + v, rtol=0)


@pytest.mark.parametrize("drop", [tn.nilpotent, lambda u: tn.keep(u, degrees={1, 2})])
def test_what_drops_the_value_is_a_result_of_its_own(drop):
    """As u − ⊥u is, which it stands for; what keeps the value is a view."""
    u = dense(tn.Basis("x", ORDER))
    n, before = drop(u), drop(u).copy()
    u *= 2
    assert_agree(n, before, rtol=0)
    n += 1
    assert_agree(u, 2 * dense(tn.Basis("x", ORDER)), rtol=0)
    assert np.shares_memory(u.coeffs, tn.keep(u, degrees={0, 2}).coefficient(2))
    w = u.detach()
    w[0] = 1
    with pytest.raises(tn.StaleError):
        drop(u)


@bases
@pytest.mark.parametrize("key", [[0, 2], np.array([True, False, True, False]), slice(1, 3), 2])
def test_elements_of_what_has_no_value(basis, key):
    x = tn.variables(basis.order, **dict.fromkeys(basis.variables, np.arange(4.0)))[0]
    for u in (dense(basis), x):
        np.testing.assert_array_equal(tn.nilpotent(u)[key].coeffs, tn.nilpotent(u[key]).coeffs)
        np.testing.assert_array_equal(tn.nilpotent(u).copy()[key].coeffs, tn.nilpotent(u[key]).coeffs)


@roads
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_graft_has_the_bits_of_the_value(road, dtype):
    basis = tn.Basis(("x", "y"), 3)
    x = dense(basis, 1, dtype)
    q = np.array([-0.0, np.inf, np.nan, 1 / 3], dtype)
    got = road(lambda q, x: tn.graft(q, x))(q, x)
    assert got.dtype == dtype
    assert got.value.tobytes() == q.tobytes()
    np.testing.assert_array_equal(got.coeffs[1:], x.coeffs[1:])


def test_graft_of_infinite_points_and_of_series():
    x = tn.variable(np.array([np.inf, 2.0]), 2)
    assert tn.graft(np.tanh(x.value), x).coeffs.tolist()[1:] == [[1, 1], [0, 0]]
    y = np.exp(tn.variable(0.5, 2))
    assert tn.graft(y, tn.detach(y)).is_constant
    assert tn.graft(1.0, y).value == 1
    np.testing.assert_array_equal(tn.graft(np.zeros((2, 1)), tn.variable(np.ones(3), 1)).shape, (2, 3))


@roads
def test_box_has_the_table_s_coefficients(road):
    """exp(τ−⊥τ): 1, τ₁, τ₂+τ₁²/2, τ₃+τ₁τ₂+τ₁³/6, τ₄+τ₁τ₃+τ₂²/2+τ₁²τ₂/2+τ₁⁴/24."""
    tau = dense(tn.Basis("x", 4))
    got = road(lambda tau: tn.box(tau))(tau)
    t1, t2, t3, t4 = tau.coeffs[1:]
    want = [np.ones(4), t1, t2 + t1**2 / 2, t3 + t1 * t2 + t1**3 / 6]
    want.append(t4 + t1 * t3 + t2**2 / 2 + t1**2 * t2 / 2 + t1**4 / 24)
    np.testing.assert_allclose(got.coeffs, want, rtol=1e-14)
    assert (got.value == 1).all()
    seeded = road(lambda x: tn.box(x))(tn.variable(np.array([0.3, 700.0]), 20))
    exact = [float(Fraction(1, factorial(k))) for k in range(21)]
    np.testing.assert_allclose(seeded.coeffs, np.outer(exact, [1, 1]), rtol=1e-14)


def test_box_does_not_underflow_where_the_ratio_does():
    log_p = tn.variable(-800.0, 3)
    assert np.exp(log_p).value == 0
    np.testing.assert_allclose(tn.box(log_p).coeffs, [1, 1, 1 / 2, 1 / 6], rtol=1e-15)
    assert np.isnan(tn.box(np.log(tn.variable(0.0, 2))).value)  # a state outside the support has to be masked first
