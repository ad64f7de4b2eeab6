"""Does bad input get an error that says what was expected, what came, which argument, and what to do?"""

import numpy as np
import pytest

import taylornb as tn

X = tn.variable([1.0, 2.0, 3.0], order=2)
Y = tn.variable([1.0, 2.0, 3.0], order=3)


def reference(function):
    return tn.fuse(function, target="reference")


CREATION = [
    (lambda: tn.variable(1.0, -1), tn.BasisError, "order must be a whole number, 0 or more, not -1"),
    (lambda: tn.variable(1.0, 1.5), tn.BasisError, "order must be a whole number"),
    (lambda: tn.variable(1.0, True), tn.BasisError, "order must be a whole number"),
    (lambda: tn.variable(1.0, 10**9), tn.BasisError, "1,000,000,001 coefficients"),
    (lambda: tn.variable(1.0, 2, name=""), tn.BasisError, "different names"),
    (lambda: tn.variables(2), tn.BasisError, "one or more different names"),
    (lambda: tn.Basis(("x", "x"), 2), tn.BasisError, "different names"),
    (lambda: tn.variables(2, x=[1, 2], y=[1, 2, 3]), ValueError, r"do not broadcast together: \(2,\), \(3,\)"),
    (lambda: tn.variable("1.0", 2), tn.UnsupportedError, "value must hold real numbers .* not dtype <U3"),
    (lambda: tn.variable([object()], 2), tn.UnsupportedError, "not objects such as <object"),
    (lambda: tn.variable(np.float16(1), 2), tn.UnsupportedError, "not dtype float16; convert it first"),
    (lambda: tn.variable(np.longdouble(1), 2), tn.UnsupportedError, "value must hold real numbers"),
    (lambda: tn.variable(1j, 2), tn.UnsupportedError, "not dtype complex128"),
    (lambda: tn.variable(X, 2), tn.UnsupportedError, "not from a series; take .value"),
    (lambda: tn.constant(1.0, like=2.0), tn.UnsupportedError, "like must be a TaylorArray"),
    (lambda: tn.from_coefficients(np.ones((2, 5)), X.basis), ValueError, r"shape \(3, …\), .* not \(2, 5\)"),
    (lambda: tn.from_coefficients([1, 2], 2), tn.UnsupportedError, "basis must be a Basis"),
]
READING = [
    (lambda: X.coefficient(3), tn.BasisError, "total degrees 0 to 2 are kept"),
    (lambda: X.derivative(y=1), tn.BasisError, "'y' is not a variable of Basis"),
    (lambda: X.derivative(1, x=1), tn.BasisError, "name each variable"),
    (lambda: tn.variables(2, a=1.0, b=2.0)[0].derivative(1), tn.BasisError, r"as in \(a=…, b=…\)"),
    (lambda: X.detach("y"), tn.BasisError, "'y' is not a variable"),
    (lambda: tn.detach(X, 1), tn.BasisError, "takes names of variables"),
    (lambda: reference(lambda x: tn.detach(x, "y"))(X), tn.BasisError, "'y' is not a variable"),
    (lambda: tn.keep(X, order=-1), tn.BasisError, "order must be"),
    (lambda: tn.keep(X, 1), tn.UnsupportedError, "keep cannot be called like this"),
    (lambda: tn.variable(1.0, 0).gradient(), tn.BasisError, "gradient needs order 1"),
    (lambda: tn.variable(1.0, 1).hessian(), tn.BasisError, "hessian needs order 2"),
    (lambda: X[5], IndexError, "out of bounds"),
    (lambda: hash(X), TypeError, "unhashable"),
]
MIXING = [
    (lambda: X + Y, tn.BasisError, r"Basis\(\('x',\), order=2\) and Basis\(\('x',\), order=3\).*tn.variables\(order=3, x=…\)"),
    (lambda: reference(lambda a, b: a * b)(X, Y), tn.BasisError, "different bases do not mix"),
    (lambda: reference(lambda a: a * Y)(X), tn.BasisError, "different bases do not mix"),
    (lambda: np.stack([X, Y]), tn.BasisError, "different bases"),
    (lambda: X + np.ones(4), ValueError, r"do not broadcast together: \(3,\), \(4,\)"),
    (lambda: X + "a", tn.UnsupportedError, "argument 2 of add must hold real numbers"),
    (lambda: X * 1j, tn.UnsupportedError, "complex128"),
    (lambda: X + None, tn.UnsupportedError, "argument 2 of add"),
    (lambda: reference(lambda x: x * 1j)(X), tn.UnsupportedError, "complex"),
]
NUMPY = [
    (lambda: np.asarray(X), tn.UnsupportedError, r"take \.value"),
    (lambda: float(X[0]), tn.UnsupportedError, r"\.value"),
    (lambda: bool(X[0]), tn.UnsupportedError, r"\.value"),
    (lambda: np.add.reduce(X), tn.UnsupportedError, r"np\.add\.reduce .* np\.sum"),
    (lambda: np.add.accumulate(X), tn.UnsupportedError, r"np\.add\.accumulate"),
    (lambda: np.add.at(X, 0, 1), tn.UnsupportedError, r"np\.add\.at .* tn\.where"),
    (lambda: np.add.outer(X, X), tn.UnsupportedError, r"np\.add\.outer"),
    (lambda: np.cumsum(X), tn.UnsupportedError, r"np\.cumsum is not an operation"),
    (lambda: np.linalg.norm(X), tn.UnsupportedError, r"np\.linalg\.norm is not an operation"),
    (lambda: np.bitwise_and(X, X), tn.UnsupportedError, r"np\.bitwise_and is not"),
    (lambda: np.matmul(X, X), tn.UnsupportedError, r"np\.matmul is not"),
    (lambda: np.floor_divide(X, 2), tn.UnsupportedError, r"np\.floor_divide is not"),
    (lambda: np.exp(X, out=np.empty(3)), tn.UnsupportedError, r"out=ndarray"),
    (lambda: np.exp(X, where=[True, False, True]), tn.UnsupportedError, "keywords where"),
    (lambda: np.sum(X, dtype=np.float32), tn.UnsupportedError, "sum cannot be called like this .* 'dtype'"),
    (lambda: np.sum(X, axis=1), ValueError, "axis 1 is out of bounds"),
    (lambda: np.reshape(X, (2, 2)), ValueError, "cannot reshape"),
    (lambda: np.broadcast_to(X, (2, 2)), ValueError, "could not be broadcast"),
    (lambda: tn.sin(X, X), tn.UnsupportedError, "sin cannot be called like this"),
    (lambda: tn.sin(), tn.UnsupportedError, "sin cannot be called like this"),
    (lambda: tn.nosuch, AttributeError, "no attribute 'nosuch'"),
]


def escaped():
    leaked = []
    reference(lambda x: leaked.append(x) or x)(X)
    return reference(lambda x: x + leaked[0])(X)


TRACING = [
    (lambda: reference(lambda x: x if x > 0 else -x)(X), tn.TracingError, r"use tn\.where\(condition, a, b\) instead of `if`"),
    (lambda: reference(lambda x: x and x)(X), tn.TracingError, "neither true nor false"),
    (lambda: reference(lambda x: float(x))(X), tn.TracingError, "cannot become a float"),
    (lambda: reference(lambda x: np.asarray(x))(X), tn.TracingError, "array"),
    (lambda: reference(lambda x: list(x))(X), tn.TracingError, "length"),
    (lambda: reference(lambda x: range(x))(X), tn.TracingError, "int"),
    (lambda: reference(lambda x: x.shape)(X), tn.TracingError, r"\.shape of a traced value"),
    (lambda: reference(lambda x: x.value)(X), tn.TracingError, r"\.value of a traced value"),
    (lambda: reference(lambda x: np.array_equal(x, x))(X), tn.TracingError, "array_equal is not known"),
    (lambda: reference(lambda x: x[[0, 1]])(X), tn.UnsupportedError, "index"),
    (lambda: reference(lambda x: np.cumsum(x))(X), tn.UnsupportedError, r"np\.cumsum"),
    (lambda: reference(lambda x: x)("text"), tn.TracingError, "positional argument 1 is 'text'"),
    (lambda: reference(lambda x: x)(None), tn.TracingError, "positional argument 1 is None"),
    (lambda: reference(lambda x: x)(np.float16(1)), tn.UnsupportedError, "positional argument 1 must hold real numbers"),
    (escaped, tn.TracingError, "left the function it was traced in"),
    (lambda: tn.fuse(3), TypeError, "tn.fuse takes a function, not int"),
    (lambda: tn.fuse(np.sin, target="gpu"), ValueError, "target must be one of 'cpu', 'cuda', 'reference', not 'gpu'"),
    (lambda: tn.derivatives(lambda x: (x, x), 1.0, 2), TypeError, "one result"),
]
DEFINING = [
    (lambda: tn.define("no good", np.sin, rate=lambda x, y: y), ValueError, "must be a Python identifier"),
    (lambda: tn.define("exp", np.sin, rate=lambda x, y: y), ValueError, "has a function 'exp' already"),
    (lambda: tn.define("f", lambda x: x), ValueError, "needs an equation"),
    (lambda: tn.define("f", 3, rate=lambda x, y: y), TypeError, "value of f must be a Python function"),
    (lambda: tn.define("f", lambda: 1, rate=lambda y: y), TypeError, "one argument or more"),
    (lambda: tn.define("f", lambda x: x, rate=lambda x: x), TypeError, "rate of f must be a function of 2"),
    (lambda: tn.define("f", lambda x: x, per=lambda x, y: "a"), TypeError, "per of f"),
    (lambda: tn.define("f", lambda a, b: a, rate=lambda a, b, y: a), TypeError, "rate of f .* it gives 1 result, not 2"),
    (lambda: tn.define("f", lambda x: float(x), rate=lambda x, y: y), TypeError, "value of f"),
]


@pytest.mark.parametrize(("call", "error", "message"), CREATION + READING + MIXING + NUMPY + TRACING + DEFINING)
def test_the_error_says_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_an_ndarray_does_not_absorb_a_series():
    a = np.ones(3)
    with pytest.raises(tn.UnsupportedError, match="`a = a \\+ u`, not `a \\+= u`"):
        a += X
    np.testing.assert_array_equal(a, np.ones(3))


def test_failing_calls_change_nothing():
    before = X.coeffs.copy()
    for call, error, _ in MIXING + NUMPY:
        with pytest.raises(error):
            call()
    np.testing.assert_array_equal(X.coeffs, before)
    with pytest.raises(tn.BasisError):
        X.detach_("nosuch")
    np.testing.assert_array_equal(X.coeffs, before)


def test_a_result_larger_than_the_memory_is_refused():
    x = np.exp(tn.variable(np.ones(1), 1000))
    wide = np.broadcast_to(np.float64(1), (10**9,))
    with pytest.raises(MemoryError, match=r"1001 coefficients of 1,000,000,000 elements need 7,\d+\.\d GiB"):
        x * wide


def test_mpmath_numbers_belong_to_the_reference():
    mpmath = pytest.importorskip("mpmath")
    with pytest.raises(tn.UnsupportedError, match='target="reference" only'):
        tn.fuse(np.exp)(tn.variable(mpmath.mpf(1), 2))
    with pytest.raises(tn.UnsupportedError, match="real numbers"):
        tn.variable(mpmath.mpc(1, 1), 2)


def test_nan_and_infinity_pass_without_warnings():
    bad = np.array([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e308])
    x = tn.variable(bad, 3)
    for function in (np.exp, np.log, np.sqrt, np.arcsin, np.tan, lambda x: 1 / x, lambda x: x**2.5, tn.gammaln, tn.erf):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(function(x).value[:1], [np.nan])
        assert function(x).coeffs.shape == (4, 6)
