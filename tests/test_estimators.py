"""Which estimators with a detached part are right to first order only? docs/detach.md says so; here are the expectations.

Every expectation is a sum over all states or an exact quadrature, so that only the estimator can be wrong.
"""

import numpy as np
import pytest

import taylornb as tn

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
M, R = 0.4, -0.3  # of the sampling distribution: its mean, and the logarithm of its width


def log_normal(x, mean, log_s):
    return -(((x - mean) / np.exp(log_s)) ** 2) / 2 - log_s


def mean(terms):
    return tn.sum(WEIGHTS * terms)


def degrees(u, v):
    """Through which degree two expectations agree, beyond the error of a quadrature."""
    return tn.agree_to(u, v, rtol=1e-9)


def test_the_surrogate_of_a_score_function():
    """x ~ Bernoulli(θ), f = x(1−θ) + (1−x)(1+θ): the expectation is 1 + θ − 2θ²."""
    theta = tn.variable(0.3, order=4)
    states = [(theta, 1 - theta), (1 - theta, 1 + theta)]
    exact = 1 + theta - 2 * theta**2

    def expectation(estimator):
        return sum(tn.detach(p) * estimator(p, f) for p, f in states)

    def score(p):
        return np.log(p) - tn.detach(np.log(p))

    assert degrees(expectation(lambda p, f: p / tn.detach(p) * f), exact) == 4
    assert degrees(expectation(lambda p, f: tn.box(np.log(p)) * f), exact) == 4
    assert degrees(expectation(lambda p, f: f + tn.detach(f) * score(p)), exact) == 1
    assert degrees(expectation(lambda p, f: (1 + score(p)) * f), exact) == 1


def test_sticking_the_landing():
    """E_q[log p(z) − log q(z)], z = m + sε: without the derivative of log q by its own parameters, whose mean is zero."""
    m, r = tn.variables(3, m=M, r=R)
    z = m + np.exp(r) * NODES
    log_p = log_normal(z, 1.0, 0.2)
    full = mean(log_p - log_normal(z, m, r))
    landing = mean(log_p - log_normal(z, tn.detach(m), tn.detach(r)))
    assert degrees(full, landing) == 1
    # The other reading, ⊥ of the whole logarithm, is right in value alone.
    assert degrees(full, mean(log_p - tn.detach(log_normal(z, m, r)))) == 0


@pytest.mark.parametrize("detached", [True, False])
def test_doubly_reparametrised_gradients(detached):
    """log ½(w₁ + w₂) of two samples: squared weights and log q with detached parameters have the right gradient."""
    m, r = tn.variables(2, m=M, r=R)
    grid, both = [NODES[i].ravel() for i in np.indices((60, 60))], np.outer(WEIGHTS, WEIGHTS).ravel()
    samples = [m + np.exp(r) * eps for eps in grid]
    held = (tn.detach(m), tn.detach(r)) if detached else (m, r)
    live = [log_normal(z, 1.0, 0.2) - log_normal(z, m, r) for z in samples]
    path = [log_normal(z, 1.0, 0.2) - log_normal(z, *held) for z in samples]
    bound = tn.sum(both * np.logaddexp(*live))
    share = tn.expit(live[0] - live[1])
    surrogate = sum(tn.detach(w**2) * one for w, one in zip((share, 1 - share), path, strict=True))
    estimate = tn.graft(bound, tn.sum(both * surrogate))
    assert tn.agree_to(bound, estimate, rtol=1e-7) == (1 if detached else 0)


def test_a_detached_local_energy():
    """Variational Monte Carlo for the oscillator with ψ = exp(−ax²/2): E(a) = (a + 1/a)/4."""
    a = tn.variable(0.8, order=3)
    x = NODES / np.sqrt(2 * a.value)  # drawn from ψ² at the base point
    log_ratio = -a * x**2
    weight = tn.box(log_ratio)
    local = a / 2 + (1 - a * a) * x**2 / 2
    exact = (a + 1 / a) / 4
    assert degrees(mean(weight * local) / mean(weight), exact) == 3
    assert degrees(mean(weight * tn.detach(local)) / mean(weight), exact) == 1


def test_an_unnormalised_weight_needs_its_own_mean():
    """p = exp(−θx²/2) without its normalisation: the value is right, and every derivative wrong."""
    theta = tn.variable(1.3, order=3)
    x = NODES / np.sqrt(theta.value)
    weight = tn.box(-theta * x**2 / 2)
    exact = 1 / theta
    assert degrees(mean(weight * x**2) / mean(weight), exact) == 3
    assert degrees(mean(weight * x**2), exact) == 0


def test_a_semi_gradient_is_no_gradient():
    """(r + γ·⊥V(s′) − V(s))²: not the derivative of its own value, nor of any function where the values are live."""
    w = tn.variable(0.7, order=2)
    live = (1.0 + 0.9 * np.sin(2 * w) - np.sin(w)) ** 2
    semi = (1.0 + 0.9 * tn.detach(np.sin(2 * w)) - np.sin(w)) ** 2
    assert degrees(live, semi) == 0
    assert not tn.is_normal(lambda w: (1.0 + 0.9 * tn.detach(np.sin(2 * w)) - np.sin(w)) ** 2, at=0.7, order=1)
