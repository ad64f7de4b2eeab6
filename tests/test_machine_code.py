"""Is the machine code of the kernels what it should be: whole vectors, multiply-adds, and nothing scalar on the way?"""

import platform
import re
from functools import cache
from itertools import takewhile

import numpy as np
import pytest

import taylornb as tn
from taylornb.targets.llvm import functions, libmvec, machine
from taylornb.targets.llvm.elementary import registers

WIDTH = machine.host().width
REGISTER = {16: "xmm", 32: "ymm", 64: "zmm"}[WIDTH]
DTYPES = {"float64": "pd", "float32": "ps"}
WEIGHTS = (-0.7, 0.3, 0.9)

pytestmark = [
    pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the expressions here are of x86-64 alone"),
    pytest.mark.skipif(WIDTH < 32, reason="this processor has no vector multiply-adds"),
]


def gauss(x):
    """F1 of the benchmarks."""
    return np.exp(np.sin(x)) * x / (1 + x**2)


def softplus(x):
    """F3 of the benchmarks."""
    return np.log(1 + np.exp(x)) * np.sqrt(1 + x * x)


def network(x):
    hidden = [np.tanh(w * x + b) for w, b in zip(WEIGHTS, WEIGHTS[::-1], strict=True)]
    return np.tanh(sum(w * h for w, h in zip(WEIGHTS, hidden, strict=True)))


def product(x, y):
    return x * y


FUNCTIONS = {f.__name__: f for f in (gauss, softplus, network, product)} | {"exp": np.exp}
CALLING = ("gauss", "softplus", "exp")
every = pytest.mark.parametrize(
    ("name", "order", "dtype"),
    [
        (name, order, dtype)
        for name in FUNCTIONS
        for order in (1, 4, 8, 16)
        for dtype in DTYPES
        if (name, order) != ("network", 16)
    ],
)

with_library = pytest.mark.skipif(not libmvec.loaded(), reason="there is no vector library here")
paths = pytest.mark.parametrize("path", [pytest.param("libmvec", marks=with_library), "inline", "auto"])


@cache
def text(name, order, dtype, path):
    """The kernel of a dense series in LLVM's language, elementary functions taken on one path."""
    basis = tn.Basis(("x",), order)
    x = tn.from_coefficients(np.ones((basis.size, 10), dtype), basis)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functions, "path", lambda: path)
        return tn.fuse(FUNCTIONS[name], form="unrolled").inspect_llvm(*[x] * (2 if name == "product" else 1))


@cache
def loop(*kernel):
    """The lines of the loop over elements as it runs where no element needs more than the fast way.

    What is done for single elements stands behind the loop: the branches there are marked as unlikely.
    """
    lines = rows(*kernel)
    start, stop = around(lines)
    return lines[start:stop]


@cache
def calls(*kernel):
    """The functions that are called there, by name."""
    lines = rows(*kernel)
    found = [(n, lines[n].split()[1]) for n in range(*around(lines)) if lines[n].startswith("call")]
    return {meant(operand.removeprefix("*"), lines[:n]) if operand[0] == "*" else operand for n, operand in found}


def around(lines):
    """Where the loop starts, and where it jumps back."""
    labels = {line[:-1]: n for n, line in enumerate(lines) if line.endswith(":")}
    jumps = [(n, labels.get(line.split()[-1], n)) for n, line in enumerate(lines) if line.startswith("j")]
    start = min(target for n, target in jumps if target < n)
    return start, next(n for n, target in jumps if target == start < n)


def meant(operand, before):
    """The symbol whose address is in a register or on the stack."""
    for n in reversed(range(len(before))):
        match = re.match(r"mov(?:abs)?q\s+(\S+), " + re.escape(operand) + "$", before[n])
        if match:
            return match[1][1:] if match[1].startswith("$") else meant(match[1], before[:n])
    return "unknown"


@cache
def rows(*kernel):
    """The lines of the function `rows`, without its comments and directives."""
    assembly = machine.assembly(text(*kernel))
    whole = assembly[re.search(r"^rows:", assembly, re.MULTILINE).end() :].split("\n")
    lines = (
        line.split("#")[0].strip()
        for line in takewhile(lambda line: ".cfi_endproc" not in line and ".Lfunc_end" not in line, whole)
    )
    return [line for line in lines if line and (not line.startswith(".") or line.endswith(":"))]


@paths
@every
def test_the_loop_is_multiply_adds_on_whole_vectors(name, order, dtype, path):
    lines = loop(name, order, dtype, path)
    wide = [line for line in lines if re.match(rf"vfn?m(add|sub)\d+{DTYPES[dtype]}\s.*%{REGISTER}", line)]
    if (name, order) != ("product", 1) and (name, order) != ("exp", 1):
        assert len(wide) >= order
    narrow = {"zmm": "[xy]mm", "ymm": "xmm"}[REGISTER]
    assert not [line for line in lines if re.match(rf"v(fn?m(add|sub)\d+|add|mul|sub|div)p[sd]\s.*%{narrow}", line)]
    assert len([line for line in lines if re.match(rf"vmov\w+\s+%{REGISTER}\d+, .*\(%r(?!sp)", line)]) >= order + 1, "stores"


@paths
@every
def test_nothing_in_the_loop_is_scalar(name, order, dtype, path):
    lines = loop(name, order, dtype, path)
    assert not [line for line in lines if re.match(r"v?(fn?m(add|sub)\d+|add|mul|sub|div|sqrt|cvt\w+2)s[sd]\s", line)]
    assert not [line for line in lines if re.match(r"f(ld|st|add|sub|mul|div|xch|ucom|chs|abs)", line)], "x87"
    assert all(called.startswith("_ZGV") for called in calls(name, order, dtype, path))


@pytest.mark.skipif(not registers.present(machine.host()), reason="this processor has no registers of 512 bits")
@pytest.mark.parametrize(
    ("name", "expected"), [("exp", {"vpermt2", "vscalef"}), ("softplus", {"vgetmant", "vgetexp", "vscalef"})]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_tables_are_read_from_registers(name, expected, dtype):
    lines = loop(name, 4, dtype, "auto")
    found = {word for word in ("vpermt2", "vscalef", "vgetmant", "vgetexp") if any(line.startswith(word) for line in lines)}
    found |= {"vpermt2"} if any(re.match(r"vperm(i2|ps|pd)", line) for line in lines) else set()
    assert found >= expected
    assert not calls(name, 4, dtype, "auto")


@with_library
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CALLING)
def test_the_vector_library_is_called_where_it_is_there(name, dtype):
    lanes = WIDTH // np.dtype(dtype).itemsize
    declared = set(re.findall(r"^declare .*@(_ZGV\w+)\(", text(name, 4, dtype, "libmvec"), re.MULTILINE))
    assert declared
    assert declared <= {libmvec.found(function, np.dtype(dtype), lanes) for function in libmvec.ARGUMENTS}
    assert all(declared & calls(name, order, dtype, "libmvec") for order in (1, 4))


@paths
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", [1, 2, 3, 4] if WIDTH == 64 else [1, 2])  # there are 32 registers, or 16
@pytest.mark.parametrize("name", ["exp", "product"])  # others are computed two vectors at a time, which may fill the registers
def test_nothing_is_spilled_at_low_orders(name, order, dtype, path):
    """After the last call, which leaves no vector register as it was, no vector is put aside on the stack.

    The polynomials of inline functions have more constants than there are registers; an argument may have to give way.
    """
    lines = loop(name, order, dtype, path)
    last = max((n for n, line in enumerate(lines) if line.startswith("call")), default=-1)
    aside = [line for line in lines[last + 1 :] if re.match(r"vmov\w+\s+%[xyz]mm\d+, .*\(%rsp", line)]
    assert len(aside) <= {"libmvec": 0, "inline": 1, "auto": 1}[path]


@paths
@every
def test_the_program_is_there_once_in_one_loop(name, order, dtype, path):
    """The elements that do not fill a vector go through the same code."""
    body = re.search(r"^define internal void @rows\(.*?^}", text(name, order, dtype, path), re.MULTILINE | re.DOTALL)[0]
    labels = [match[1] for match in re.finditer(r"^([\w.]+):", body, re.MULTILINE)]
    place = {label: body.index(f"\n{label}:") for label in labels}
    targets = [
        (match.start(), label)
        for match in re.finditer(r"^br .*", body, re.MULTILINE)
        for label in re.findall(r"label %([\w.]+)", match[0])
    ]
    assert [label for start, label in targets if place[label] < start] == ["loop"]
    assert text(name, order, dtype, path).count("call void @rows(") == 3, "for whole vectors, for the last one, for fewer"
    assert "fast" not in re.findall(r"\bf(?:add|sub|mul|div) (\w+)", body)
    assert set(re.findall(r"\bf(?:add|sub|mul|div) (\w+) ", body)) <= {"contract"}, "infinities, NaN and ⊥ survive"


def test_an_unknown_feature_of_the_text_is_an_error():
    with pytest.raises(RuntimeError):
        machine.object_code("define void @kernel() { ret i32 0 }")
    with pytest.raises(KeyError, match="the machine code has no function 'other'"):
        machine.Loaded(machine.object_code("define void @kernel() { ret void }")).address("other")
