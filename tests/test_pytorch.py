"""What a PyTorch user expects of detach(), each scenario here in taylornb and, where torch is installed, in torch beside it."""

import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import taylornb as tn
from taylornb import pytorch

POINTS = np.array([1.0, 2.0, 3.0])
SIGMOID = np.array([0.73105857863000488, 0.88079707797788244, 0.95257412682243322])
SLOPE = np.array([0.19661193324148185, 0.10499358540350652, 0.04517665973091213])
TORCH = importlib.util.find_spec("torch") is not None
PAGE = Path(__file__).resolve().parents[1] / "docs" / "pytorch.md"


class Taylor:
    """A leaf is a variable, a gradient the coefficient of degree 1, and zeroing an assignment."""

    sigmoid = staticmethod(tn.expit)

    @staticmethod
    def leaf(values):
        return tn.variable(values, order=1)

    @staticmethod
    def gradient(out, leaf):
        return out.derivative(1)

    @staticmethod
    def zero(u):
        u[...] = 0

    @staticmethod
    def values(u):
        return u.value

    @staticmethod
    def clone(u):
        return u.copy()

    @staticmethod
    def again(u):
        """A new leaf from a detached array."""
        return tn.variable(u, order=1)

    @staticmethod
    def shares(u, v):
        return np.shares_memory(u.value, v.value)


class Torch:
    """The same in PyTorch."""

    @staticmethod
    def sigmoid(x):
        return x.sigmoid()

    @staticmethod
    def leaf(values):
        import torch

        return torch.tensor(values, dtype=torch.float64, requires_grad=True)

    @staticmethod
    def gradient(out, leaf):
        leaf.grad = None
        out.sum().backward(retain_graph=True)
        return np.zeros(3) if leaf.grad is None else leaf.grad.numpy()

    @staticmethod
    def zero(u):
        u.zero_()

    @staticmethod
    def values(u):
        return u.detach().numpy()

    @staticmethod
    def clone(u):
        return u.clone()

    @staticmethod
    def again(u):
        return u.detach().requires_grad_()

    @staticmethod
    def shares(u, v):
        return u.data_ptr() == v.data_ptr()


libraries = pytest.mark.parametrize(
    "lib", [Taylor, pytest.param(Torch, marks=pytest.mark.skipif(not TORCH, reason="torch is not installed"))]
)


@libraries
def test_detach_and_leave_alone(lib):
    a = lib.leaf(POINTS)
    out = lib.sigmoid(a)
    c = out.detach()
    assert lib.shares(out, c)
    np.testing.assert_allclose(lib.values(c), SIGMOID, rtol=1e-15)
    np.testing.assert_allclose(lib.gradient(out, a), SLOPE, rtol=1e-14)


@libraries
def test_detach_and_differentiate_the_detached_part(lib):
    """Torch raises; a forward derivative is exactly zero."""
    a = lib.leaf(POINTS)
    c = lib.sigmoid(a).detach()
    if lib is Torch:
        with pytest.raises(RuntimeError, match="does not require grad"):
            lib.gradient(c, a)
    else:
        assert lib.gradient(c, a).tolist() == [0, 0, 0]
        with pytest.raises(AttributeError, match=r"no reverse sweep.*⊥ .detach. dropped everything.*are exactly zero"):
            c.sum().backward()


@libraries
def test_detach_modify_in_place_and_differentiate_the_original(lib):
    a = lib.leaf(POINTS)
    out = lib.sigmoid(a)
    c = out.detach()
    lib.zero(c)
    assert lib.values(out).tolist() == [0, 0, 0]
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation|changed in place by"):
        lib.gradient(out, a)


@libraries
def test_a_clone_of_a_detached_array_is_independent(lib):
    a = lib.leaf(POINTS)
    out = lib.sigmoid(a)
    c = lib.clone(out.detach())
    lib.zero(c)
    assert not lib.shares(out, c)
    np.testing.assert_allclose(lib.gradient(out, a), SLOPE, rtol=1e-14)


@libraries
def test_detach_in_place_leaves_alone_what_was_computed_before(lib):
    a = lib.leaf(POINTS)
    out = lib.sigmoid(a) * 1
    before = out * 2
    assert out.detach_() is out
    after = out * 2 + 0 * a
    np.testing.assert_allclose(lib.gradient(before, a), 2 * SLOPE, rtol=1e-14)
    assert lib.gradient(after, a).tolist() == [0, 0, 0]


@libraries
def test_a_detached_array_becomes_a_new_leaf(lib):
    """Nothing flows back from it."""
    a = lib.leaf(POINTS)
    out = lib.sigmoid(a)
    b = lib.again(out.detach())
    y = b * b
    np.testing.assert_allclose(lib.gradient(y, b), 2 * SIGMOID, rtol=1e-14)
    if lib is Torch:
        assert a.grad is None
    np.testing.assert_allclose(lib.gradient(out, a), SLOPE, rtol=1e-14)


@libraries
def test_the_original_stays_usable_after_detach(lib):
    a = lib.leaf(POINTS)
    out = lib.sigmoid(a)
    out.detach()
    np.testing.assert_allclose(lib.gradient(out * out, a), 2 * SIGMOID * SLOPE, rtol=1e-14)


@libraries
def test_a_view_that_is_written_to_is_part_of_the_original(lib):
    a = lib.leaf(POINTS)
    out = a * 1
    view = out[1:]
    view *= 3
    assert lib.values(out).tolist() == [1, 6, 9]
    assert lib.gradient(out, a).tolist() == [1, 3, 3]


@libraries
def test_the_back_door(lib):
    """Torch's .data changes values unseen, and the gradient is silently wrong; what taylornb hands out is read-only."""
    a = lib.leaf(POINTS)
    out = lib.sigmoid(a)
    if lib is Torch:
        out.data.zero_()
        assert lib.gradient(out, a).tolist() == [0, 0, 0]
        return
    for array in (out.value, out.coeffs, out.coefficient(1)):
        with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
            array.flags.writeable = True
    assert not hasattr(out, "data")
    np.testing.assert_allclose(lib.gradient(out, a), SLOPE, rtol=1e-14)


@libraries
def test_a_straight_through_estimator_and_the_common_form(lib):
    rng = np.random.default_rng(0)
    x, q = lib.leaf(rng.standard_normal(1000)), rng.standard_normal(1000)
    if lib is Torch:
        import torch

        q = torch.tensor(q)
    common = x + (q - x).detach()
    assert 0.2 < np.mean(lib.values(common) != np.asarray(q)) < 0.5
    if lib is Taylor:
        assert tn.graft(q, x).value.tobytes() == q.tobytes()


JAX = importlib.util.find_spec("jax") is not None
TABLE = Path(PAGE.parent / "detach.md").read_text(encoding="utf-8").partition("## Notation")[2]
CELLS = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in TABLE.splitlines() if line.startswith("| ")]


def expressions(column):
    """In each row of the table of notations with code of both libraries: that of taylornb, and that of the other."""
    place = CELLS[0].index(column)
    both = [[re.findall(r"`(.+?)`", row[n]) for n in (CELLS[0].index("taylornb"), place)] for row in CELLS[1:]]
    return [
        (ours[0], theirs[0])
        for (ours, theirs), row in zip(both, CELLS[1:], strict=True)
        if theirs and "again" not in row[place]
    ]


def named(theta, log):
    """What the expressions of the table are about, as functions of a parameter at 1.3."""
    return {"u": 3 * theta * theta, "tau": log(theta), "x": theta * theta * theta, "q": 0.7 + 0 * theta}


def in_taylornb(expression):
    found = eval(expression, {"tn": tn, **named(tn.variable(1.3, order=1), np.log)})
    return float(found.value), float(found.derivative(1))


@pytest.mark.skipif(not TORCH, reason="torch is not installed")
def test_the_notation_of_pytorch():
    import torch

    rows = expressions("PyTorch")
    assert len(rows) >= 6
    for ours, theirs in rows:
        theta = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
        found = eval(theirs, named(theta, torch.log))
        slope = torch.autograd.grad(found, theta)[0].item() if found.requires_grad else 0.0
        np.testing.assert_allclose((found.item(), slope), in_taylornb(ours), rtol=1e-14, err_msg=theirs)


IN_JAX = """
import json, sys
import jax, jax.numpy as jnp
from jax.lax import stop_gradient
jax.config.update("jax_enable_x64", True)
scope = {"jax": jax, "jnp": jnp, "stop_gradient": stop_gradient}
def both(expression):
    return jax.value_and_grad(lambda theta: eval(expression, scope | named(theta, jnp.log)))(1.3)
print(json.dumps([[float(number) for number in both(one)] for one in json.loads(sys.argv[1])]))
"""


@pytest.mark.skipif(not JAX, reason="jax is not installed")
def test_the_notation_of_jax():
    """In a process of its own: once jax is there, a process may not fork."""
    rows = expressions("JAX")
    assert len(rows) >= 5
    code = inspect.getsource(named) + IN_JAX
    command = [sys.executable, "-c", code, json.dumps([theirs for _, theirs in rows])]
    shown = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"JAX_PLATFORMS": "cpu"}
    ).stdout
    for (ours, theirs), found in zip(rows, json.loads(shown), strict=True):
        np.testing.assert_allclose(found, in_taylornb(ours), rtol=1e-14, err_msg=theirs)


NAMES = {**pytorch.DERIVATIVES, **pytorch.MEMORY}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_pytorch_are_no_attributes_and_say_what_there_is(name):
    live, constant = tn.variable(POINTS, order=2), tn.variable(POINTS, order=2).detach()
    for u in (live, constant):
        assert not hasattr(u, name)
        with pytest.raises(AttributeError) as error:
            getattr(u, name)
        text = str(error.value)
        assert text.startswith(f"'TaylorArray' object has no attribute {name!r}, which is PyTorch's: ")
        assert NAMES[name][1] in text
        assert ("This series is a constant: ⊥" in text) == (u is constant and name in pytorch.DERIVATIVES)
        assert error.value.name == name
        assert error.value.obj is u
    remedy = NAMES[name][1]
    assert re.search(r"\b[uy]\b|\btn\.", remedy)
    for owner, there in ((live, r"\b[uy]\.(\w+)"), (tn, r"\btn\.(\w+)")):
        assert all(hasattr(owner, found) for found in re.findall(there, remedy))
    assert f".{name}" in PAGE.read_text(encoding="utf-8")


@pytest.mark.skipif(not TORCH, reason="torch is not installed")
def test_these_names_are_those_of_pytorch():
    import torch

    assert all(hasattr(torch.Tensor, name) for name in NAMES)


def test_other_names_are_as_in_python():
    u = tn.variable(POINTS, order=1)
    with pytest.raises(AttributeError, match=r"^'TaylorArray' object has no attribute 'nosuch'$"):
        u.nosuch  # noqa: B018
    assert not hasattr(u, "__array_interface__")
    with pytest.raises(AttributeError):
        u.requires_grad = True
    assert not any(name in dir(u) for name in NAMES)


@pytest.mark.skipif(not TORCH, reason="torch is not installed")
def test_the_outputs_of_pytorch_on_the_page_are_real():
    """The left-hand side of the page, run in torch: sessions in which an error is shown by its last line."""
    import torch

    sessions = re.findall(r"^```pycon\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(sessions) >= 3
    for session in sessions:
        scope = {"torch": torch}
        for line, shown in re.findall(r"^>>> (.*)\n((?:(?!>>> ).*\n)*)", session, re.MULTILINE):
            try:
                value = eval(line, scope)
                got = "" if value is None else repr(value)
            except SyntaxError:
                exec(line, scope)
                got = ""
            except RuntimeError as error:
                got = f"RuntimeError: {error!s}"
            assert got.startswith(shown.rstrip("\n").removesuffix(" …")), (line, got)
            assert bool(got) == bool(shown.strip()), (line, got)
