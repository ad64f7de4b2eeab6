"""Is a grid as large as the elements need, and no larger than a GPU holds a few times over, and does a kernel have no more
registers than it has to? Of a GPU that is made up.
"""

from types import SimpleNamespace

import pytest

from taylornb.targets.cuda import occupancy
from taylornb.targets.cuda.occupancy import BLOCKS, THREADS, WAVES, blocks, fewer, fitted


class Kernel:
    """A kernel for which a GPU has room for so many blocks."""

    py_func = "the function"

    def __init__(self, room, registers=20, local=0):
        self.room, self.asked, self.registers, self.local = room, [], registers, local

    def typeof_pyval(self, one):
        return type(one)

    def compile(self, types):
        self.asked.append(types)
        return SimpleNamespace(
            max_cooperative_grid_blocks=lambda threads: self.room * (threads == THREADS),
            regs_per_thread=self.registers,
            local_mem_per_thread=self.local,
        )


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    """What kernels are made of the function within so many registers."""
    device, made = SimpleNamespace(id=0), {}

    def jit(function, max_registers):
        assert function == Kernel.py_func
        return made[max_registers]

    found = SimpleNamespace(simulated=False, cuda=SimpleNamespace(get_current_device=lambda: device, jit=jit))
    monkeypatch.setattr(occupancy, "available", lambda: found)
    return made


@pytest.mark.parametrize(("elements", "expected"), [(1, 1), (128, 1), (129, 2), (10**4, 79), (10**9, 100 * WAVES)])
def test_one_thread_for_each_element_or_a_few_times_what_there_is_room_for(elements, expected):
    assert blocks(Kernel(100), [1.0], elements) == expected


def test_what_has_memory_for_each_thread_has_no_more_than_there_is_room_for():
    assert blocks(Kernel(100), [1.0], 10**9, 1) == 100


def test_a_kernel_that_fills_more_than_a_gpu_still_has_a_block():
    assert blocks(Kernel(0), [1.0], 10**9) == 1


def test_a_kernel_is_asked_once_for_each_kind_of_arguments():
    kernel = Kernel(100)
    for given in ([1.0], [2.0], [1], [3.0]):
        blocks(kernel, given, 10**6)
    assert kernel.asked == [(float,), (int,)]


def test_a_grid_is_no_larger_than_launches_may_be():
    assert blocks(object(), [], 2**60) == BLOCKS
    assert blocks(object(), [], 2**20) == 2**20 // THREADS


@pytest.mark.parametrize(
    ("registers", "expected"),
    [
        (20, None),
        (32, None),
        (33, 32),
        (40, 32),
        (41, 40),
        (48, 40),
        (49, 48),
        (56, 48),
        (57, 56),
        (64, 56),
        (65, None),
        (255, None),
    ],
)
def test_with_fewer_registers_another_block_fits(registers, expected):
    assert fewer(registers) == expected
    if expected:
        assert 65_536 // (expected * THREADS) > 65_536 // (-(-registers // 8) * 8 * THREADS)


@pytest.mark.parametrize(
    ("room", "local", "taken"),
    [(16, 40, True), (16, 0, True), (16, 48, False), (12, 40, False)],
    ids=["fits", "fits with less memory", "spills", "there is room for no more threads"],
)
def test_fewer_registers_are_taken_where_more_threads_fit_and_nothing_spills(gpu, room, local, taken):
    kernel, gpu[32] = Kernel(12, registers=35, local=40), Kernel(room, registers=32, local=local)
    assert fitted(kernel, [1.0]) is (gpu[32] if taken else kernel)


def test_there_is_one_attempt_for_each_kind_of_arguments_and_none_where_it_is_not_worth_it(gpu):
    gpu[40] = Kernel(12)
    kernel, large = Kernel(10, registers=46), Kernel(2, registers=240)
    assert [fitted(kernel, [one]) for one in (1.0, 2.0, 3)] == [gpu[40]] * 3
    assert gpu[40].asked == [(float,), (int,)]
    assert fitted(large, [1.0]) is large
    assert fitted(unknown := object(), [1.0]) is unknown
