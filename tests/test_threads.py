"""Do kernels run on as many threads as was asked for, safely from many threads at once and across a fork?"""

import contextvars
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import numpy as np
import pytest
from sharing import share_everything

import taylornb as tn
from taylornb import evaluate, kernels

threads, fusing = import_module("taylornb.threads"), import_module("taylornb.fuse")  # whose names in the package are functions

SECONDS = 60  # after which a child counts as stuck
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")


def gauss(x):
    return np.exp(np.sin(x)) * x / (1 + x**2)


@pytest.fixture
def eager_to_share(monkeypatch):
    """Every kernel takes all the threads it may."""
    share_everything(monkeypatch)


# ---- how many ----------------------------------------------------------------------------------------


def test_threads_is_a_context():
    usual = threads.count()
    with tn.threads(3):
        assert threads.count() == 3
        with tn.threads(1):
            assert threads.count() == 1
        assert threads.count() == 3
        with pytest.raises(ZeroDivisionError), tn.threads(7):
            1 / 0  # noqa: B018
        assert threads.count() == 3
    assert threads.count() == usual
    with tn.threads(np.int64(2)):
        assert threads.count() == 2


def test_the_number_belongs_to_the_thread_that_set_it():
    seen, usual = [], threads.count()
    with tn.threads(usual + 5):
        thread = threading.Thread(target=lambda: seen.append(threads.count()))
        thread.start()
        thread.join()
        seen.append(contextvars.copy_context().run(threads.count))
    assert seen[1] == usual + 5
    assert seen[0] == usual or sys.flags.__dict__.get("thread_inherit_context") or sys.version_info >= (3, 14)


@pytest.mark.parametrize("n", [0, -1])
def test_less_than_one_thread_is_an_error(n):
    with pytest.raises(ValueError, match=f"tn.threads takes the number of threads, at least 1, not {n}"), tn.threads(n):
        pass


@pytest.mark.parametrize("n", [1.5, "2", None])
def test_a_number_of_threads_is_whole(n):
    with pytest.raises(TypeError), tn.threads(n):
        pass


@pytest.mark.parametrize(("given", "n"), [("3", 3), (" 1 ", 1), ("", None), (" ", None)])
def test_the_environment_sets_the_usual_number(given, n, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", given)
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert threads._default.__wrapped__() == (n or processors)


@pytest.mark.parametrize("given", ["0", "-2", "many", "1.5"])
def test_the_environment_holds_a_number_of_threads(given, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", given)
    with pytest.raises(ValueError, match=f"environment variable NUMBA_NUM_THREADS must be a number of threads, not '{given}'"):
        threads._default.__wrapped__()


def test_the_environment_of_a_process():
    code = "import taylornb, sys; print(sys.modules['taylornb.threads'].count())"
    environment = {**os.environ, "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


# ---- many callers ------------------------------------------------------------------------------------


def test_calls_from_many_threads_at_once(eager_to_share):
    fused = [tn.fuse(lambda x, c=c: gauss(x) * (c + 0.640625)) for c in range(3)]
    inputs = [tn.variable(np.linspace(0.1, 2, n), 3) for n in (10, 1000, 30_000)]
    with tn.threads(1):
        expected = [[f(x).coeffs.copy() for x in inputs] for f in fused]
    wrong = []

    def call(seed):
        rng = np.random.default_rng(seed)
        with tn.threads(int(rng.integers(1, 6))):
            for _ in range(20):
                i, j = rng.integers(3, size=2)
                found = fused[i](inputs[j])
                if not np.array_equal(found.coeffs, expected[i][j]):
                    wrong.append((i, j))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))
    assert not wrong


def test_many_threads_trace_and_compile_at_once():
    x = tn.variable(np.linspace(0.1, 2, 100), 2)
    made = [tn.fuse(lambda x, c=c: np.cos(x * (1 + c / 64)) + 0.953125) for c in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda f: f(x).coeffs, made))
    for c, one in enumerate(found):
        np.testing.assert_allclose(one, (np.cos(x * (1 + c / 64)) + 0.953125).coeffs, rtol=1e-13)


SLOW = {"tracing": (fusing.Traced, "__init__"), "writing": (evaluate, "write"), "compiling": (kernels.machine, "object_code")}


@pytest.mark.parametrize("busy", SLOW)
def test_a_call_of_what_is_compiled_does_not_wait_for_a_thread_that_is(busy, monkeypatch):
    x, started, release, done = (
        tn.variable(np.linspace(0.1, 2, 100), 2),
        threading.Event(),
        threading.Event(),
        threading.Event(),
    )
    fused, (owner, name) = tn.fuse(gauss), SLOW[busy]
    fused(x)
    function = getattr(owner, name)

    def waiting(*args, **options):
        started.set()
        release.wait(SECONDS)
        return function(*args, **options)

    monkeypatch.setattr(owner, name, waiting)
    first = threading.Thread(target=lambda: tn.fuse(lambda x: gauss(x) + len(busy) * 0.765625)(x))
    second = threading.Thread(target=lambda: (fused(x), done.set()))
    first.start()
    try:
        assert started.wait(SECONDS)
        second.start()
        assert done.wait(10)
    finally:
        release.set()
        first.join()
        second.join()


# ---- forks -------------------------------------------------------------------------------------------


def child(work):
    """Whether `work` returns in a forked child, and returns true there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns that there are other threads
        pid = os.fork()
    if not pid:
        signal.alarm(SECONDS)
        os._exit(0 if work() else 1)
    return os.waitpid(pid, 0)[1] == 0


@needs_fork
def test_a_fork_after_use(eager_to_share):
    x, f = tn.variable(np.linspace(0.1, 2, 40_000), 3), tn.fuse(gauss)
    with tn.threads(3):
        expected = f(x).coeffs
        assert child(lambda: np.array_equal(f(x).coeffs, expected))
        assert child(lambda: np.isfinite(tn.fuse(lambda x: np.exp(x) * 0.171875)(x).coeffs).all())
        assert np.array_equal(f(x).coeffs, expected)


@needs_fork
@pytest.mark.parametrize("busy", ["tracing", "writing", "compiling", "running"])
def test_a_fork_while_another_thread_is(busy, eager_to_share, monkeypatch):
    x, started, stop = tn.variable(np.linspace(0.1, 2, 3000), 4), threading.Event(), threading.Event()
    if busy in SLOW:
        owner, name = SLOW[busy]
        monkeypatch.setattr(owner, name, slowly(getattr(owner, name), started))

    def work():
        n = 0
        while not stop.is_set():
            n += 1
            tn.fuse(lambda x, n=n: gauss(x * (n + 100_000 * len(busy) + 0.046875)))(x)  # a kernel that nobody has made
            if busy == "running":
                started.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert started.wait(SECONDS)
        fused = tn.fuse(lambda x: np.cos(x) * (3.140625 + len(busy)))
        assert child(lambda: np.isfinite(fused(x).coeffs).all())
        assert np.isfinite(fused(x).coeffs).all()
    finally:
        stop.set()
        thread.join()


def slowly(function, started):
    def wrapper(*args, **options):
        if threading.current_thread() is not threading.main_thread():
            started.set()
            time.sleep(0.1)
        return function(*args, **options)

    return wrapper


@needs_fork
def test_a_fork_inside_a_traced_function():
    def forking(x):
        assert child(lambda: np.isfinite(tn.fuse(gauss)(0.5)))
        return x * 1.078125

    assert tn.fuse(forking)(2.0) == 2.15625


@needs_fork
def test_processes_of_multiprocessing():
    """Their own pool of threads, after the parent has used its own."""
    code = (
        "import multiprocessing, warnings, numpy as np, taylornb as tn\n"
        "from taylornb import crew, kernels\n"
        "kernels.SHARED = crew.PARALLEL = 1.0\n"
        "f = tn.fuse(lambda x: np.exp(np.sin(x)) * x)\n"
        "def total(n): return float(np.sum(f(tn.variable(np.linspace(0, 1, 10_000 + n), 3))).value)\n"
        "if __name__ == '__main__':\n"
        "    warnings.simplefilter('ignore', DeprecationWarning)\n"
        "    with tn.threads(3):\n"
        "        here = [total(n) for n in range(4)]\n"
        "        with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "            there = pool.map_async(total, range(4)).get(60)\n"
        "    assert here == there\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=SECONDS)


# ---- the end -----------------------------------------------------------------------------------------


def test_a_program_ends_while_threads_and_results_are_there():
    """Results that live in globals and in cycles, and a kernel that runs at exit."""
    code = (
        "import atexit, threading, numpy as np, taylornb as tn\n"
        "from taylornb import crew, kernels\n"
        "kernels.SHARED = crew.PARALLEL = 1.0\n"
        "f, x = tn.fuse(lambda x: np.exp(np.sin(x)) * x), tn.variable(np.linspace(0, 1, 100_000), 3)\n"
        "class Cycle: pass\n"
        "cycle = Cycle(); cycle.own, cycle.result = cycle, f(x)\n"
        "kept = f(x)\n"
        "atexit.register(lambda: print(np.isfinite(f(x).coeffs).all()))\n"
        "with tn.threads(4): y = f(x)\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert done.stdout.strip() == "True"
    assert not done.stderr
