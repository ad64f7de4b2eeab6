"""Is a fused function the same function, traced once, compiled once, in one kernel?"""

import threading

import numpy as np
import pytest

import taylornb as tn
from taylornb.testing import counting

X = np.linspace(0.3, 1.7, 6)


def f(x):
    return np.exp(np.sin(x)) * x / (1 + x**2)


def close(u, v):
    np.testing.assert_allclose(u.coeffs, v.coeffs, rtol=1e-12, atol=1e-15)


def test_fused_is_eager():
    x = tn.variable(X, 5)
    close(tn.fuse(f)(x), f(x))
    close(tn.fuse(f, target="reference")(x), f(x))
    np.testing.assert_allclose(tn.fuse(f)(X), f(X), rtol=1e-14)
    assert tn.fuse(f)(2.0) == pytest.approx(f(2.0), rel=1e-14)


def test_decorator_with_and_without_arguments():
    @tn.fuse
    def plain(x):
        """Doubled."""
        return 2 * x

    @tn.fuse(target="reference")
    def reference(x):
        return 2 * x

    assert plain.__name__ == "plain"
    assert plain.__doc__ == "Doubled."
    assert "plain" in repr(plain)
    close(plain(tn.variable(X, 2)), reference(tn.variable(X, 2)))


def test_traced_once_and_compiled_once():
    # Constants no other test uses make these kernels new to the process.
    g, h = tn.fuse(lambda x, a: np.cos(x * a) + 0.734375), tn.fuse(lambda y, b: np.cos(y * b) + 0.734375)
    x = tn.variable(X, 3)
    with counting(g, h) as first:
        g(x, 2.0)
    assert (first.traces, first.compilations) == (1, 1)
    with counting(g, h) as again:
        g(x, 3.0)
        g(x * 1, 2.0)
        g(tn.variable(np.arange(50.0), 3), 2.0)
    assert (again.traces, again.compilations) == (1, 1), "x and x·1 differ in support; other numbers and shapes do not"
    with counting(g, h) as other:
        h(x, 2.0)
    assert (other.traces, other.compilations) == (1, 0), "an equal kernel is shared between functions"
    with counting(g) as order:
        g(tn.variable(X, 4), 2.0)
        g(tn.variable(X, 4, name="t"), 2.0)
    assert (order.traces, order.compilations) == (2, 1), "the name of a variable does not reach the kernel"


def test_eager_numbers_are_not_baked_in():
    x = np.exp(tn.variable(np.linspace(0, 1, 40_000), 2))
    x * 0.1
    with counting() as counts:
        x * 0.2
        x * np.float64(0.3)
    assert counts.compilations <= 1


def test_a_function_of_many_shapes_compiles_once_for_each_way_to_broadcast():
    g = tn.fuse(lambda x, y: x * y + 0.890625)
    column, row = np.arange(5.0)[:, None], np.arange(7.0)
    x, y = tn.variables(2, x=2.0, y=3.0)
    with counting() as counts:
        out = g(x * column, y * row)
    assert counts.compilations == 1
    close(out, (x * column) * (y * row) + 0.890625)
    with counting() as more:
        g(x * column[:2], y * row[:3])
    assert more.compilations == 0


@pytest.mark.parametrize(
    "shapes",
    [((), (4,)), ((4,), ()), ((3, 1), (4,)), ((2, 1, 3), (4, 1)), ((2, 1, 3, 1), (4, 1, 5)), ((1, 1), (2, 3)), ((3,), (1,))],
    ids=str,
)
def test_broadcasting_matches_eager(shapes, rng):
    basis = tn.Basis(("x",), 2)
    u, v = (tn.from_coefficients(rng.normal(size=(3, *shape)), basis) for shape in shapes)
    fused = tn.fuse(lambda u, v: u * v - v)(u, v)
    assert fused.shape == np.broadcast_shapes(*shapes)
    close(fused, u * v - v)


def test_outputs_have_the_shape_of_what_they_depend_on():
    a, b = tn.variables(1, a=1.0, b=2.0)
    u, v = a * np.ones((3, 1)), b * np.ones(4)
    first, second, both = tn.fuse(lambda u, v: (np.exp(u), v * v, u * v), target="reference")(u, v)
    assert (first.shape, second.shape, both.shape) == ((3, 1), (4,), (3, 4))


def test_arguments_and_results_in_containers():
    @tn.fuse(target="reference")
    def network(parameters, x):
        hidden = [np.tanh(w * x + b) for w, b in parameters["layers"]]
        return {"sum": hidden[0] + hidden[1], "all": (hidden, 1.5, None)}

    x = tn.variable(X, 2)
    layers = [(0.3, 0.1), (np.float64(0.7), X)]
    result = network({"layers": layers}, x)
    assert list(result) == ["sum", "all"]
    hidden, number, nothing = result["all"]
    assert number == 1.5
    assert nothing is None
    close(hidden[1], np.tanh(0.7 * x + X))
    close(result["sum"], np.tanh(0.3 * x + 0.1) + np.tanh(0.7 * x + X))


def test_keywords_are_static():
    g = tn.fuse(lambda x, *, n, mode="up": x**n if mode == "up" else x, target="reference")
    x = tn.variable(X, 2)
    with counting(g) as counts:
        close(g(x, n=3), x * x * x)
        close(g(x, n=3), x * x * x)
        close(g(x, n=2), x * x)
        close(g(x, n=2, mode="down"), x)
    assert counts.traces == 3
    for bad in (X, [1], x):
        with pytest.raises(tn.TracingError, match="keyword argument 'n'"):
            g(x, n=bad)


def test_closures_and_globals_are_read_when_traced():
    weights = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    series = tn.variable(X, 2) * 2
    g = tn.fuse(lambda x: x * weights + weights[1] + series, target="reference")
    x = tn.variable(X, 2)
    expected = x * weights + 2.0 + series
    close(g(x), expected)
    weights[:] = 0
    close(g(x), expected)


def test_python_loops_unroll():
    @tn.fuse
    def horner(x):
        total = 0.0
        for k in range(6, 0, -1):
            total = (total + 1 / k) * x
        return total

    x = tn.variable(X, 3)
    close(horner(x), horner.function(x))


def test_deep_graphs_do_not_exhaust_the_stack():
    def deep(x):
        for _ in range(3000):
            x = x * 0.999 + 0.001
        return x

    y = tn.fuse(deep, target="reference")(tn.variable(1.0, 1))
    assert y.derivative(1) == pytest.approx(0.999**3000, rel=1e-10)
    assert tn.fuse(deep)(tn.variable(X, 1)).derivative(1)[0] == pytest.approx(0.999**3000, rel=1e-10)


def test_long_programs_have_loops(rng):
    x = tn.from_coefficients(rng.normal(size=(161, 500)) * 0.5 ** np.arange(161)[:, None], tn.Basis(("x",), 160))
    f = tn.fuse(lambda x: x * np.exp(x))
    with counting() as counts:
        product = f(x)
    assert counts.compilations == 1
    assert 50 * f.inspect_llvm(x).count("fmuladd") < f.cost(x).multiply_adds
    close(product, tn.fuse(lambda x: x * np.exp(x), target="reference")(x))


def test_nested_fusing_is_one_kernel():
    inner = tn.fuse(lambda x: np.sin(x) * 0.421875)
    outer = tn.fuse(lambda x: inner(x) + inner(x * x))
    x = tn.variable(X, 2)
    with counting() as counts:
        close(outer(x), np.sin(x) * 0.421875 + np.sin(x * x) * 0.421875)
    assert counts.compilations == 1


def test_structure_inside_a_fused_function():
    @tn.fuse(target="reference")
    def standardised(x, w):
        centred = x - np.mean(x)
        total = np.sum(w * centred**2, axis=-1, keepdims=True)
        return np.stack([centred / np.sqrt(total), x], axis=0)[0, ::2], np.reshape(total, ()), x[-1]

    x = tn.variable(X, 3) ** 2
    found, total, last = standardised(x, 0.5)
    centred = x - np.mean(x)
    expected = np.sum(0.5 * centred**2)
    close(total, expected)
    close(found, (centred / np.sqrt(expected))[::2])
    close(last, x[-1])


def test_boolean_results_are_plain():
    inside = X < 1.5
    g = tn.fuse(lambda x: (x > 1, inside & (x > 0.5) & ~(x > 1.5), tn.isnan(x)), target="reference")
    above, between, nan = g(tn.variable(X, 2))
    np.testing.assert_array_equal(above, X > 1)
    np.testing.assert_array_equal(between, (X > 0.5) & (X <= 1.5))
    assert above.dtype == nan.dtype == bool


def test_masks_are_arguments():
    g = tn.fuse(lambda mask, x: tn.where(mask, x * x, -x))
    x, mask = tn.variable(X, 2), X > 1
    close(g(mask, x), tn.where(mask, x * x, -x))
    np.testing.assert_array_equal(g(mask, x).coefficient(1), np.where(mask, 2 * X, -1))


def test_plain_results_of_mixed_arguments_are_plain():
    first, second = tn.fuse(lambda x, a: (x * a, np.exp(a)), target="reference")(tn.variable(X, 2), X)
    assert isinstance(first, tn.TaylorArray)
    assert isinstance(second, np.ndarray)


def test_source_graph_and_cost():
    g = tn.fuse(f)
    x = tn.variable(X, 4)
    text = g.source(x)
    assert text.startswith("def kernel(x0, y0):")
    assert "np.exp(" in text
    compile(text, "kernel", "exec")
    assert "exp" in g.graph(x)
    assert g.graph(x).count("sin(") == 1
    cost = g.cost(x)
    assert cost.calls == 3, "exp, sin, and cos for the derivatives"
    assert cost.divisions == 2
    assert cost.bytes == 8 * (1 + 5)
    assert cost.intensity == cost.multiply_adds / cost.bytes
    assert cost.statements == text.count(" = ") - 1 - 5


def test_one_kernel_for_the_whole_function():
    g = tn.fuse(lambda x: np.log(2 + np.sin(x)) / (x + 0.15625))
    with counting() as counts:
        g(tn.variable(X, 3))
    assert counts.compilations == 1


def test_threads_share_one_compilation():
    g = tn.fuse(lambda x: np.exp(x) * 0.265625 + x)
    x = tn.variable(np.linspace(0, 1, 1000), 4)
    results = []
    threads = [threading.Thread(target=lambda: results.append(g(x).coeffs)) for _ in range(8)]
    with counting(g) as counts:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (counts.traces, counts.compilations) == (1, 1)
    assert len(results) == 8
    assert all(np.array_equal(result, results[0]) for result in results)


def test_eager_takes_the_compiled_road_for_many_elements():
    x = np.linspace(0.1, 2, 50_000)
    few, many = f(tn.variable(x[:100], 2)), f(tn.variable(x, 2))
    close(few, many[:100])


def test_multiprecision_runs_on_the_reference():
    mp = pytest.importorskip("mpmath")
    with mp.workdps(50):
        x = tn.variable(mp.mpf(1) / 3, order=3)
        y = tn.fuse(f, target="reference")(x)
        exact = mp.taylor(lambda x: mp.exp(mp.sin(x)) * x / (1 + x**2), mp.mpf(1) / 3, 3)
        for k in range(4):
            assert abs(y.coefficient(k)[()] - exact[k]) < mp.mpf(10) ** -44
        assert abs(f(x).coefficient(2)[()] - exact[2]) < mp.mpf(10) ** -44
        with pytest.raises(tn.UnsupportedError, match='target="reference"'):
            tn.fuse(f)(x)


@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_a_count_of_truth_values_is_a_number_like_others(target):
    """NumPy counts them in whole numbers, which kernels do not take."""
    x = tn.variable(np.array([-1.0, 2.0, 3.0]), order=1)
    found = tn.fuse(lambda x: x * tn.sum(x > 0), target=target)(x)
    np.testing.assert_array_equal(found.coeffs, [[-2, 4, 6], [2, 2, 2]])
