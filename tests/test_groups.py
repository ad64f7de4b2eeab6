"""Do groups of variables and the context `frozen` mask what they name, everywhere?"""

import threading

import numpy as np
import pytest

import taylornb as tn
from taylornb.testing import assert_agree, check_derivatives, counting

# mathematics.md, section 6: the objective's value, and its derivatives by φ₂ and, in four readings, by φ₁.
VALUE, BY_PHI2 = -3.91148732293213618, [-0.2491188363905973, -0.76, -0.3406400920712786]
READINGS = {
    "no detach": [-0.962, -0.717780420974302771],
    "two terms detached": [-0.136, -0.448862719288229805],
    "another objective": [-0.81, -0.728756653696183298],
    "all paths frozen": [0, 0],
}
NODES, WEIGHTS = np.array([0, np.sqrt(3), -np.sqrt(3)]), np.array([2 / 3, 1 / 6, 1 / 6])
EPS1, EPS2 = (NODES[i].ravel() for i in np.indices((3, 3)))


def log_normal(x, mean, log_s):
    return -(((x - mean) / np.exp(log_s)) ** 2) / 2 - log_s - np.log(2 * np.pi) / 2


def densities(theta1, theta2, phi1, phi2):
    prior = log_normal(theta1, 0, 0) + log_normal(theta2, theta1, 0)
    seen = log_normal(1, theta1, 0), log_normal(-1, theta2 + theta1 / 2, 0)
    return prior, *seen, log_normal(theta1, *phi1), log_normal(theta2, phi2[0] * theta1 + phi2[1], phi2[2])


def objective(reading, phi1, phi2):
    def sampled(path=lambda theta1: theta1):
        theta1 = phi1[0] + np.exp(phi1[1]) * EPS1
        return theta1, phi2[0] * path(theta1) + phi2[1] + np.exp(phi2[2]) * EPS2

    if reading == "all paths frozen":
        with tn.frozen("phi1"):
            theta1, theta2 = sampled()
            prior, first, second, _, q2 = densities(theta1, theta2, phi1, phi2)
        q1 = log_normal(theta1, *phi1)
    else:
        cut = reading == "another objective"
        prior, first, second, q1, q2 = densities(
            *sampled((lambda t: tn.detach(t, "phi1")) if cut else (lambda t: t)), phi1, phi2
        )
    if reading == "two terms detached":
        second, q2 = tn.detach(second, "phi1"), tn.detach(q2, "phi1")
    return tn.sum(np.outer(WEIGHTS, WEIGHTS).ravel() * (prior + first + second - q1 - q2))


@pytest.mark.parametrize("road", [lambda f: f, tn.fuse, tn.fuse(target="reference")], ids=["prompt", "fused", "reference"])
@pytest.mark.parametrize("reading", READINGS)
def test_the_variational_objective_in_four_readings(reading, road):
    m1, r1, a, b, r2 = tn.variables(1, m1=0.4, r1=-0.3, a=0.2, b=-0.1, r2=-0.2, phi1=("m1", "r1"), phi2=("a", "b", "r2"))
    found = road(lambda *phi: objective(reading, phi[:2], phi[2:]))(m1, r1, a, b, r2)
    np.testing.assert_allclose(found.value, VALUE, rtol=1e-14)
    np.testing.assert_allclose(found.gradient(), [*READINGS[reading], *BY_PHI2], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("reading", READINGS)
def test_the_same_with_vectors(reading):
    phi1, phi2 = tn.variables(2, phi1=tn.group([0.4, -0.3]), phi2=tn.group([0.2, -0.1, -0.2], names=("a", "b", "r2")))
    found = objective(reading, phi1, phi2)
    np.testing.assert_allclose(found.gradient(), [*READINGS[reading], *BY_PHI2], rtol=1e-13, atol=1e-15)


# ---- groups ----------------------------------------------------------------------------------------------


def test_a_group_masks_its_variables_and_mixed_terms():
    x, a, b = tn.variables(4, x=0.3, a=0.7, b=-0.4, slope=("a", "b"))
    u = np.exp(x * a) * np.sin(b + x) + a * b
    for name in ("slope", ("slope",), ("slope", "a")):
        got = tn.detach(u, *name) if isinstance(name, tuple) else tn.detach(u, name)
        np.testing.assert_array_equal(got.coeffs, tn.detach(u, "a", "b").coeffs)
        assert got.support == tn.detach(u, "a", "b").support
    assert u.detach("slope", "x").is_constant
    fused = tn.fuse(lambda x, a, b: tn.detach(np.exp(x * a) * np.sin(b + x) + a * b, "slope"))(x, a, b)
    assert_agree(fused, tn.detach(u, "slope"))
    assert_agree(tn.fuse(lambda u: tn.detach(u, "slope"), form="looped")(u), tn.detach(u, "slope"))


def test_a_vector_of_variables():
    values = np.arange(6.0).reshape(3, 2)
    x, w = tn.variables(2, x=np.ones(2), w=tn.group(values))
    assert w.shape == (3, 2)
    assert w.basis.variables == ("x", "w_0", "w_1", "w_2")
    np.testing.assert_array_equal(w.value, values)
    for n in range(3):
        np.testing.assert_array_equal(w[n].coefficient(**{f"w_{n}": 1}), np.ones(2))
    total = (w * w).sum(axis=0) * x
    np.testing.assert_array_equal(total.gradient(), [(values**2).sum(axis=0), *(2 * values)])
    assert tn.detach(total, "w").support == (0, 1)


def test_groups_of_names_vectors_and_mappings_side_by_side():
    phi, m, c = tn.variables(
        1, phi=tn.group({"a": 1.0, "b": [2.0, 3.0]}), m=4.0, c=tn.group([5.0], names=["c0"]), all=("a", "m")
    )
    assert phi.shape == (2, 2)
    assert m.shape == (2,)
    assert c.shape == (1, 2)
    assert m.basis.groups == (("all", ("a", "m")), ("c", ("c0",)), ("phi", ("a", "b")))
    assert not {1, 3} & set(tn.detach(phi[0] * m * c[0], "all").support)


def test_groups_are_equal_in_whatever_order_they_were_given():
    one = tn.Basis(("a", "b", "c"), 2, {"g": ("a", "b"), "h": ("c",)})
    assert one == tn.Basis(("a", "b", "c"), 2, (("h", ("c",)), ("g", ("b", "a"))))
    assert one != tn.Basis(("a", "b", "c"), 2, {"g": ("a", "b")})


def test_groups_are_part_of_the_basis():
    x, a = tn.variables(2, x=1.0, a=2.0, g=("a",))
    y, _ = tn.variables(2, x=1.0, a=2.0)
    assert x.truncate(1).basis.groups == (("g", ("a",)),)
    with pytest.raises(tn.BasisError, match=r"different bases do not mix: .*groups=\{'g': \('a',\)\}"):
        x + y
    assert tn.detach(x * a, "g").support == (0, 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: tn.detach(tn.variables(1, a=1.0, g=("a",))[0], "h"),
            tn.BasisError,
            "'h' is not a variable or a group of .*'a', 'g'",
        ),
        (
            lambda: tn.variables(1, a=1.0, g=("a", "c")),
            tn.BasisError,
            "the group 'g' contains 'c', which is not a variable; there are",
        ),
        (lambda: tn.variables(1, a=1.0, b=tn.group({"a": 2})), tn.BasisError, "the variable 'a' is there twice"),
        (lambda: tn.variables(1, a=tn.group({"a": 2})), tn.BasisError, "a group must have a name that no variable .* not 'a'"),
        (lambda: tn.variables(1, g=("a",)), tn.BasisError, "variables must be one or more different names"),
        (lambda: tn.variables(1, a=1.0, g=("a", "a")), tn.BasisError, r"different names, .* not \('a', 'a'\)"),
        (lambda: tn.group(1.0), ValueError, "need a leading axis"),
        (lambda: tn.group([]), ValueError, "one variable or more, and there are no values"),
        (lambda: tn.group([1, 2], names=("a",)), ValueError, r"a group of 2 variables needs 2 names, not 1: \('a',\)"),
        (lambda: tn.group({"a": 1}, names=("b",)), ValueError, "the keys of a mapping are the names"),
        (lambda: tn.variables(1, a=1.0, g=("a",))[0].derivative(g=1), tn.BasisError, "'g' is not a variable of"),
    ],
)
def test_mistakes(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- frozen ------------------------------------------------------------------------------------------------

THETA, PHI = tn.variables(3, theta=np.array([0.4, 1.2]), phi=0.7)


def mixed(theta, phi):
    return tn.gammaln(2 + theta * phi) * np.exp(phi) + theta[::-1] / (1 + phi)


def test_what_is_computed_under_frozen_is_detached():
    live = mixed(THETA, PHI)
    with tn.frozen("phi"):
        found = mixed(THETA, PHI)
        assert PHI.support == (0, 2)  # what was there before is as it was
        assert PHI[0].support == (0,)
    assert_agree(found, tn.detach(live, "phi"))
    assert found.support == tn.detach(live, "phi").support
    assert_agree(mixed(THETA, PHI), live)


def test_fused_functions_under_frozen_are_not_traced_again():
    f = tn.fuse(mixed)
    live = f(THETA, PHI)
    with counting(f) as counts, tn.frozen("phi"):
        found = [f(THETA, PHI) for _ in range(4)]
        out = f(THETA, PHI, out=f(THETA, PHI))
    assert counts.traces == counts.compilations == 0
    for one in (*found, out):
        np.testing.assert_array_equal(one.coeffs, tn.detach(live, "phi").coeffs)
    np.testing.assert_array_equal(f(THETA, PHI).coeffs, live.coeffs)


def test_a_function_traced_first_under_frozen_is_live_afterwards():
    f = tn.fuse(mixed)
    with tn.frozen("phi"):
        f(THETA, PHI)
        tn.log_expit(PHI)
    assert_agree(f(THETA, PHI), mixed(THETA, PHI))
    assert tn.log_expit(PHI).support == (0, 2, 5, 9)


def test_frozen_inside_a_traced_function():
    inner = tn.fuse(lambda theta, phi: np.sin(theta * phi))

    def f(theta, phi):
        with tn.frozen("phi"):
            held = np.exp(theta * phi) + inner(theta, phi)
        return held * phi

    want = tn.detach(np.exp(THETA * PHI) + np.sin(THETA * PHI), "phi") * PHI
    assert_agree(f(THETA, PHI), want)
    assert_agree(tn.fuse(f)(THETA, PHI), want)
    check_derivatives(f, at={"theta": [0.4, 1.2], "phi": 0.7}, order=3)


def test_contexts_in_one_another_hold_all_their_names():
    with tn.frozen("theta"):
        with tn.frozen("phi"):
            assert (THETA * PHI).is_constant
        with tn.frozen():
            assert (THETA * PHI).is_constant
        assert (THETA * PHI).support == (0, 2)
    assert (THETA * PHI).support == (0, 1, 2, 4)


def test_frozen_as_a_decorator_and_after_an_error():
    product = tn.frozen("phi")(lambda theta, phi: theta * phi)
    assert product(THETA, PHI).support == (0, 1)
    with pytest.raises(ZeroDivisionError), tn.frozen("phi"):
        1 // 0  # noqa: B018
    assert (THETA * PHI).support == (0, 1, 2, 4)


def test_frozen_is_used_again():
    held = tn.frozen("phi")
    for _ in range(2):
        with held:
            assert (THETA * PHI).support == (0, 1)
            with held:
                assert (THETA * PHI).support == (0, 1)
            assert (THETA * PHI).support == (0, 1)
        assert 2 in (THETA * PHI).support


def test_frozen_and_generators():
    with pytest.raises(TypeError, match="inside a generator or a coroutine use"):

        @tn.frozen("phi")
        def steps():
            yield THETA * PHI

    def held():
        with tn.frozen("theta"):
            yield
            yield

    one = held()
    next(one)
    with tn.frozen("phi"):
        list(one)  # which leaves its context inside this one
        assert (THETA * PHI).support == (0, 1)
    assert 2 in (THETA * PHI).support
    assert 1 in (THETA * PHI).support


def test_frozen_holds_for_its_thread():
    found = []
    with tn.frozen("phi"):
        other = threading.Thread(target=lambda: found.append((THETA * PHI).support))
        other.start()
        other.join()
    assert found == [(0, 1, 2, 4)]


def test_an_unknown_name_is_an_error():
    with pytest.raises(tn.BasisError, match="'psi' is not a variable of"), tn.frozen("psi"):
        THETA * PHI
    with pytest.raises(tn.BasisError, match="detach takes names of variables"), tn.frozen(3):
        pass
