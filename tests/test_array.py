"""Is a TaylorArray the array of numbers that NumPy users expect, with its series in reach?"""

import copy

import numpy as np
import pytest

import taylornb as tn

X = np.linspace(0.3, 1.7, 6)


def test_a_variable_holds_its_value_and_one():
    x = tn.variable(X, order=3)
    assert x.shape == (6,)
    assert (x.ndim, x.size, x.dtype, len(x)) == (1, 6, np.float64, 6)
    assert x.basis == tn.Basis(("x",), 3)
    assert x.support == (0, 1)
    assert not x.is_constant
    np.testing.assert_array_equal(x.coeffs, [X, np.ones(6), np.zeros(6), np.zeros(6)])


def test_a_variable_of_order_zero_is_its_value():
    x = tn.variable(X, order=0)
    assert x.is_constant
    np.testing.assert_array_equal(np.exp(x).coeffs, [np.exp(X)])


def test_a_variable_copies():
    values = X.copy()
    x = tn.variable(values, order=1)
    values[:] = 0
    np.testing.assert_array_equal(x.value, X)


def test_the_examples_of_the_readme_road():
    x = tn.variable(np.linspace(0.1, 2.0, 1000), order=4)
    y = np.exp(np.sin(x)) * x / (1 + x**2)
    assert y.value.shape == (1000,)
    assert y.coeffs.shape == (5, 1000)
    np.testing.assert_allclose(y.derivative(3), 6 * y.coefficient(3), rtol=1e-15)
    z = x / tn.detach(x)
    np.testing.assert_array_equal(z.value, np.ones(1000))
    np.testing.assert_allclose(z.derivative(1), 1 / x.value, rtol=1e-15)
    assert z.support == (0, 1)


def test_several_variables():
    theta, phi = tn.variables(order=3, theta=np.array([1.0, 2.0]), phi=0.5)
    assert theta.shape == phi.shape == (2,)
    u = np.sin(theta) * np.exp(phi * theta)
    t = np.array([1.0, 2.0])
    e, s, c = np.exp(t / 2), np.sin(t), np.cos(t)
    np.testing.assert_allclose(u.derivative(phi=2), t**2 * e * s)
    np.testing.assert_allclose(u.gradient(), [e * (c + s / 2), t * e * s])
    mixed = e * s + t * e * (c + s / 2)
    np.testing.assert_allclose(u.hessian()[0, 1], mixed)
    np.testing.assert_allclose(u.hessian()[1, 0], mixed)
    np.testing.assert_allclose(u.derivative(theta=1, phi=1), mixed)
    np.testing.assert_allclose(u.coefficient(phi=3), t**3 * e * s / 6)


def test_basis_order_and_index():
    basis = tn.Basis(("theta", "phi"), 3)
    assert basis.size == 10
    assert basis.exponents.shape == (10, 2)
    degrees = basis.exponents.sum(axis=1)
    assert (np.diff(degrees) >= 0).all()
    assert all(basis.index(theta=int(a), phi=int(b)) == i for i, (a, b) in enumerate(basis.exponents))
    assert tn.Basis(("x",), 7).index(5) == 5


def test_many_variables_to_first_order():
    xs = tn.variables(1, **{f"x{i}": float(i) for i in range(1500)})
    u = xs[3] * xs[1499] + np.sin(xs[0])
    assert u.derivative(x3=1) == 1499
    assert u.derivative(x1499=1) == 3
    assert u.gradient().shape == (1500,)


def test_variables_broadcast_to_one_shape():
    a, b, c = tn.variables(1, a=np.ones((3, 1)), b=np.arange(4.0), c=2.0)
    assert a.shape == b.shape == c.shape == (3, 4)
    np.testing.assert_array_equal((a * b * c).value, np.broadcast_to(2 * np.arange(4.0), (3, 4)))


def test_detach_shares_memory_and_detach_in_place():
    theta, phi = tn.variables(2, theta=X, phi=1.0)
    u = np.exp(theta * phi)
    v = u.detach("phi")
    assert np.shares_memory(u.coeffs, v.value)
    assert set(v.support) == {0, u.basis.index(theta=1), u.basis.index(theta=2)}
    assert u.detach().is_constant
    before = u * 1.0
    assert u.detach_("phi") is u
    np.testing.assert_array_equal(u.coeffs, v.coeffs)
    assert len(before.support) == 6
    assert tn.detach(X) is X
    np.testing.assert_array_equal(tn.detach(before, "theta", "phi").coeffs, before.detach().coeffs)


def test_keep_and_truncate():
    u = np.exp(tn.variable(X, 4))
    assert tn.keep(u, order=1).support == (0, 1)
    assert tn.keep(u, order=1).basis.order == 4
    assert u.truncate(2).basis.order == 2
    np.testing.assert_array_equal(u.truncate(2).coeffs, u.coeffs[:3])
    with pytest.raises(tn.BasisError, match="cannot truncate"):
        u.truncate(5)


def test_raw_coefficients_are_read_only():
    u = np.exp(tn.variable(X, 2))
    for array in (u.value, u.coeffs, u.coefficient(1), tn.variable(X, 2).coeffs):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_copies_are_independent():
    u = np.exp(tn.variable(X, 2))
    for other in (u.copy(), copy.copy(u), copy.deepcopy(u)):
        assert not np.shares_memory(u.coeffs, other.coeffs)
        np.testing.assert_array_equal(u.coeffs, other.coeffs)


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        slice(1, 3),
        (slice(None), 1),
        (Ellipsis, 0),
        (None, 2),
        ([0, 2], slice(None)),
        (0, slice(None), [1, 0]),
        np.array([True, False, True]),
        (slice(None), np.array([[0, 1], [2, 3]])),
        True,
    ],
    ids=str,
)
def test_indexing_is_numpys(rng, key):
    coeffs = rng.normal(size=(4, 3, 4, 2))
    u = tn.from_coefficients(coeffs, tn.Basis(("x",), 3))
    np.testing.assert_array_equal(u[key].coeffs, np.stack([plane[key] for plane in coeffs]))


def test_iteration_walks_the_first_axis():
    rows = list(tn.variable(np.arange(6.0).reshape(3, 2), 1))
    assert [row.value.tolist() for row in rows] == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(TypeError, match="has no length"):
        len(tn.variable(1.0, 1))


def test_numbers_and_arrays_mix_on_either_side(rng):
    x, a = tn.variable(X, 2), rng.normal(size=6)
    for left, right in [(x + a, a + x), (x * 3, 3 * x), (x - a, -(a - x)), (x / a, x * (1 / a))]:
        np.testing.assert_allclose(left.coeffs, right.coeffs, rtol=1e-14)
    assert (np.float64(2) * x).support == (0, 1)
    np.testing.assert_allclose((2**x).derivative(1), np.log(2) * 2**X)
    np.testing.assert_array_equal(np.add(x, [1, 2, 3, 4, 5, 6]).value, X + np.arange(1, 7))


def test_dtypes_follow_numpy():
    single, double = tn.variable(X.astype(np.float32), 2), tn.variable(X, 2)
    assert (single * 2.5).dtype == np.float32
    assert (single + np.float64(1)).dtype == np.float64
    assert (single + np.ones(6, np.float32)).dtype == np.float32
    assert (single * np.arange(6)).dtype == np.float64
    assert (single * np.arange(6, dtype=np.int16)).dtype == np.float32
    assert (double * np.float32(1)).dtype == np.float64
    assert np.sin(single).coeffs.dtype == np.float32
    assert tn.variable(np.arange(3), 1).dtype == np.float64
    assert tn.variable(np.array([True]), 1).dtype == np.float64
    assert tn.fuse(lambda x: x * 2.5 + 1, target="reference")(single).dtype == np.float32


def test_a_mixed_product_is_computed_in_the_wider_type():
    third = np.float32(1) / np.float32(3)
    product = tn.variable(np.float32([third]), 1) * np.float64(1 / 3)
    assert product.value[0] == np.float64(third) * (1 / 3)


def test_awkward_arrays_work():
    whole = np.arange(24.0).reshape(4, 6) / 24
    view, frozen = whole[::2, ::-3], whole.copy()
    frozen.flags.writeable = False
    swapped = whole.astype(whole.dtype.newbyteorder())
    for array in (view, frozen, view.T, swapped, np.asfortranarray(whole)):
        np.testing.assert_array_equal(np.sin(tn.variable(array, 2)).value, np.sin(np.asarray(array, np.float64)))
    assert np.exp(tn.variable(np.ones((0, 3)), 2)).coeffs.shape == (3, 0, 3)
    assert np.exp(tn.variable(0.0, 2)).shape == ()
    assert tn.fuse(np.exp)(tn.variable(np.ones((0, 3)), 2)).shape == (0, 3)


def test_how_series_read():
    x = tn.from_coefficients([1.0, 2.0, 0.5, 0.0, 0.0], tn.Basis(("x",), 4))
    assert repr(x) == "1 + 2ε + 0.5ε² + O(ε⁵)"
    assert repr(-x) == "-1 - 2ε - 0.5ε² + O(ε⁵)"
    assert repr(tn.variable(0.0, 12) - 0.5) == "-0.5 + ε + O(ε¹³)"
    assert repr(tn.constant(0.0, like=x)) == "0 + O(ε⁵)"
    a, b = tn.variables(2, a=1.0, b=2.0)
    assert repr(a * b) == "2 + 2ε_a + ε_b + ε_a·ε_b + O(|ε|³)"
    large = repr(np.exp(tn.variable(np.linspace(0, 1, 10**6), 2)))
    assert "..." in large
    assert len(large) < 500
    assert "(1000000,)" in large
    assert repr(np.exp(tn.variable(X, 0))).startswith("TaylorArray of shape (6,), float64, order 0 in x")


def test_from_coefficients_and_constant():
    basis = tn.Basis(("x",), 2)
    u = tn.from_coefficients([[1, 2], [3, 4], [5, 6]], basis)
    assert u.dtype == np.float64
    assert u.shape == (2,)
    assert tn.constant([7, 8], like=u).is_constant
    np.testing.assert_array_equal((u + tn.constant([7, 8], like=u)).coeffs, [[8, 10], [3, 4], [5, 6]])


def test_structure_functions_act_on_every_plane(rng):
    coeffs = rng.normal(size=(3, 2, 4))
    u = tn.from_coefficients(coeffs, tn.Basis(("x",), 2))
    np.testing.assert_allclose(np.sum(u).coeffs, coeffs.sum(axis=(1, 2)))
    np.testing.assert_allclose(np.sum(u, axis=0).coeffs, coeffs.sum(axis=1))
    np.testing.assert_allclose(u.mean(axis=-1, keepdims=True).coeffs, coeffs.mean(axis=2, keepdims=True))
    np.testing.assert_allclose(np.mean(u, axis=(0, 1)).coeffs, coeffs.mean(axis=(1, 2)))
    np.testing.assert_array_equal(np.stack([u, 2 * u], axis=1).coeffs, np.stack([coeffs, 2 * coeffs], axis=2))
    np.testing.assert_array_equal(np.concatenate([u, u], axis=1).coeffs, np.concatenate([coeffs, coeffs], axis=2))
    np.testing.assert_array_equal(np.reshape(u, (4, 2)).coeffs, coeffs.reshape(3, 4, 2))
    np.testing.assert_array_equal(u.reshape(-1).coeffs, coeffs.reshape(3, 8))
    np.testing.assert_array_equal(np.broadcast_to(u, (5, 2, 4)).coeffs, np.broadcast_to(coeffs[:, None], (3, 5, 2, 4)))
    assert np.zeros_like(u).is_constant
    np.testing.assert_array_equal(np.ones_like(u).value, np.ones((2, 4)))
    assert (np.shape(u), np.ndim(u), np.size(u)) == ((2, 4), 2, 8)


def test_structure_functions_know_ones_and_zeros():
    x = tn.variable(X, 3)
    np.testing.assert_array_equal(np.sum(x).coeffs, [X.sum(), 6, 0, 0])
    joined = np.stack([x, X, tn.constant(X, x), x**2])
    np.testing.assert_array_equal(joined.coefficient(1), [np.ones(6), np.zeros(6), np.zeros(6), 2 * X])
    assert np.sum(x, axis=0).support == (0, 1)


def test_equality_of_series():
    x = tn.variable(X, 3)
    assert np.array_equal(x, x + 0)
    assert not np.array_equal(x, tn.detach(x))
    assert (x == tn.detach(x)).all()
    assert np.allclose(np.sin(x) ** 2 + np.cos(x) ** 2, 1)
    assert not tn.allclose(x, x * (1 + 1e-3))
    assert not np.array_equal(x, X)


def test_derivatives_of_a_function():
    x = np.linspace(0, 1, 5)
    d = tn.derivatives(np.sin, x, order=8)
    assert d.shape == (9, 5)
    np.testing.assert_allclose(d[7], -np.cos(x), rtol=1e-13)
    np.testing.assert_array_equal(tn.derivatives(lambda x: 3.0, x, order=2), [3, 0, 0])
    assert tn.derivatives(np.exp, np.float32(0.5), 2).dtype == np.float32


def test_derivatives_beyond_the_range_of_the_factorial():
    u = tn.from_coefficients(np.append(np.zeros(180), 1e-300), tn.Basis(("x",), 180))
    assert u.derivative(180) == pytest.approx(2.0089606e29, rel=1e-6)  # 180!·1e-300, and 180! is no float
