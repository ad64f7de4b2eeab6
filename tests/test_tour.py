"""Does the tour show what is true, in plain text, and fail in one clear line?"""

import itertools
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import taylornb as tn
from taylornb.tour import by_hand, command, detached, ising, partial, speed

ROOT = Path(tn.__file__).parent.parent
TITLES = ["1. Detach", "2. ⊥_φ", "3. The Ising model", "4. One kernel"]
SMALL = ["--points", "2000"]

# y⁽ⁿ⁾/(n!·y) of y = exp(sin z) at z = 1, computed to 40 digits and rounded.
RATIOS = [1, 0.540302305868139717, -0.27477220154073385, -0.291086640142611473, 0.017054981355821941]
DETACHED = {
    "⊥x": [2, 0, 0, 0, 0],
    "x − ⊥x": [0, 1, 0, 0, 0],
    "x·⊥x": [4, 2, 0, 0, 0],
    "x/⊥x": [1, 1 / 2, 0, 0, 0],
    "x²/⊥(x²)": [1, 1, 1 / 4, 0, 0],
    "(x − ⊥x)²/2!": [0, 0, 1 / 2, 0, 0],
    "y/⊥y": RATIOS,
    "exp(τ − ⊥τ)": RATIOS,
}
# e of the 4×4 lattice and its derivatives in β at β_c, and C/N, from the exact level counts to 40 digits.
ENERGY = [-1.565623787638318608, -4.033199098962148118, 28.77906876864229, 49.98214378607537, -6879.15236456516]
HEAT = 0.78326682592890941


def run(*arguments, **options):
    """The tour in a process of its own."""
    environment = {**os.environ, "PYTHONUTF8": "1", **options.pop("env", {})}
    command_line = [sys.executable, "-W", "error", "-m", "taylornb", *arguments]
    return subprocess.run(command_line, cwd=ROOT, env=environment, timeout=30, stderr=subprocess.PIPE, check=False, **options)


def one_error(text, *words):
    assert re.fullmatch(r"python -m taylornb: error: .+\n", text), text
    assert all(word in text for word in words), text


# ---- what it shows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", DETACHED)
def test_the_examples_of_detach(symbol):
    np.testing.assert_allclose(detached.coefficients()[symbol], DETACHED[symbol], rtol=1e-14)


def test_every_example_of_detach_is_known():
    assert detached.EXAMPLES.keys() == DETACHED.keys()


def test_detach_in_one_variable_of_two():
    theta, phi = 0.6, 0.3
    sine, cosine, growth = math.sin(theta), math.cos(theta), math.exp(phi * theta)
    first, second = cosine + phi * sine, phi**2 * sine + 2 * phi * cosine - sine
    u = [sine, first, theta * sine, second / 2, sine + theta * first, theta**2 * sine / 2]
    expected = {"u": u, "⊥_φ u": [u[0], u[1], 0, u[3], 0, 0], "⊥u": [u[0], 0, 0, 0, 0, 0]}
    assert partial.readings().keys() == expected.keys()
    for symbol, found in partial.readings().items():
        np.testing.assert_allclose(found.coeffs, np.multiply(expected[symbol], growth), rtol=1e-13)


def test_the_levels_of_the_ising_model_are_those_of_its_states():
    spins = 1 - 2 * ((np.arange(1 << 16)[:, None] >> np.arange(16)) & 1).reshape(-1, 4, 4)
    energies = -(spins * (np.roll(spins, 1, axis=1) + np.roll(spins, 1, axis=2))).sum(axis=(1, 2))
    found, counts = np.unique(energies, return_counts=True)
    assert dict(zip(found.tolist(), counts.tolist(), strict=True)) == ising.LEVELS


def test_the_series_of_the_ising_model():
    found = ising.series()
    derivatives = [float(found["e"].derivative(k)) for k in range(5)]
    np.testing.assert_allclose(derivatives, ENERGY, rtol=1e-12)
    np.testing.assert_allclose(found["heat"], HEAT, rtol=1e-12)
    np.testing.assert_allclose([*ising.KNOWN, ising.KNOWN_HEAT], [*ENERGY, HEAT], rtol=1e-15)


def test_the_series_of_the_ising_model_holds_nearby():
    found, step = ising.series(), 1e-3
    summed = np.polynomial.Polynomial(found["e"].coeffs)(step)
    np.testing.assert_allclose(summed, ising.direct(found["beta_c"] + step), rtol=1e-11)


@pytest.mark.parametrize("order", [0, 1, 2, 5, 24])
@pytest.mark.parametrize("way", [by_hand.whole, by_hand.in_blocks])
def test_the_recurrences_by_hand(order, way):
    x = np.linspace(-3, 3, by_hand.BLOCK + 7)
    expected = speed.function().function(tn.variable(x, order)).coeffs
    assert speed.difference(expected, way(x, order)) < 1e-13


def test_results_that_differ_are_not_timed():
    calls = speed.contenders(50)
    assert speed.disagreement(calls) < 1e-14
    wrong = {**calls, "wrong": lambda: calls[speed.FUSED]() * 1.001}
    with pytest.raises(ArithmeticError, match=r"disagree by 1\.0e-03"):
        speed.disagreement(wrong)


def test_the_contenders_take_turns():
    turns = []
    times = speed.medians({name: lambda name=name: turns.append(name) for name in "abc"}, rounds=3)
    assert "".join(turns) == "abcabcabc"
    assert [*times] == ["a", "b", "c"]


# ---- how it reads ----------------------------------------------------------------------------------------


def test_the_tour_in_this_process(capsys):
    assert command.main(SMALL) == 0
    output = capsys.readouterr()
    assert not output.err
    assert max(map(len, output.out.splitlines())) <= 100
    places = [output.out.index(f"\n{title}") for title in TITLES]
    assert places == sorted(places)
    for number in ("-0.274772", "28.77906876864229", "0.783266825928909", "at 2,000 points"):
        assert number in output.out


def test_what_the_tour_prints_is_what_it_runs(capsys):
    command.main(SMALL)
    printed = capsys.readouterr().out
    for code in (detached.SETUP, partial.SETUP, ising.CODE, speed.CODE):
        assert all(f"    {line}\n" in printed for line in code.strip().splitlines() if line)
    for expression in itertools.chain(detached.EXAMPLES.values(), partial.READINGS.values()):
        assert f"  {expression}  " in printed


def test_the_whole_tour_as_it_is_called():
    found = run(stdout=subprocess.PIPE)
    assert (found.returncode, found.stderr) == (0, b"")
    assert "at 1,000,000 points" in " ".join(found.stdout.decode().split())


@pytest.mark.parametrize(("arguments", "line"), [(SMALL, "1. Detach, written ?"), (["--help"], "1. detach, written ?")])
def test_a_terminal_without_greek(arguments, line):
    found = run(*arguments, stdout=subprocess.PIPE, env={"PYTHONIOENCODING": "ascii"})
    assert (found.returncode, found.stderr) == (0, b"")
    assert line in found.stdout.decode("ascii")


def test_a_reader_who_leaves():
    reading, writing = os.pipe()
    os.close(reading)
    found = run(*SMALL, stdout=writing)
    os.close(writing)
    assert (found.returncode, found.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_cannot_be_written():
    with Path("/dev/full").open("wb") as full:
        found = run(*SMALL, stdout=full)
    assert found.returncode == 2
    one_error(found.stderr.decode(), "No space left")


def test_version_and_help(capsys):
    for option, expected in {"--version": f"taylornb {tn.__version__}\n", "--help": "--plot FILE"}.items():
        with pytest.raises(SystemExit) as end:
            command.main([option])
        assert end.value.code == 0
        assert expected in capsys.readouterr().out


# ---- the picture and the failures --------------------------------------------------------------------------

SIGNATURES = {"series.png": b"\x89PNG", "series": b"\x89PNG", "series.svg": b"<?xml", "series.pdf": b"%PDF"}


@pytest.mark.parametrize("name", SIGNATURES)
def test_plot_writes_the_file_it_names(name, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert command.main([*SMALL, "--plot", str(tmp_path / name)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes().startswith(SIGNATURES[name])
    assert name in capsys.readouterr().out


@pytest.mark.parametrize(("name", "words"), [("no/such/x.png", "No such file"), ("x.poem", "poem"), (".", "")])
def test_a_plot_that_cannot_be_written(name, words, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert command.main(["--plot", str(tmp_path / name)]) == 2
    output = capsys.readouterr()
    assert not output.out
    one_error(output.err, words)


def test_a_plot_without_matplotlib(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert command.main(["--plot", str(tmp_path / "x.png")]) == 2
    one_error(capsys.readouterr().err, "--plot needs matplotlib", "pip install matplotlib")


@pytest.mark.parametrize("points", ["0", "-1", "many", "1.5", ""])
def test_a_number_of_points_that_is_none(points, capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["--points", points])
    assert end.value.code == 2
    assert "--points: expected a whole number, 1 or more" in capsys.readouterr().err


def test_more_points_than_memory(capsys):
    assert command.main(["--points", str(10**16)]) == 2
    one_error(capsys.readouterr().err, "allocate")


def test_a_failure_without_words(capsys, monkeypatch):
    def fail(points):
        raise MemoryError

    monkeypatch.setattr(speed, "text", fail)
    assert command.main([]) == 2
    one_error(capsys.readouterr().err, "MemoryError")
