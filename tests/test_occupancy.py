"""Is a grid as large as the elements need, and no larger than a GPU holds a few times over? Of a GPU that is made up."""

from types import SimpleNamespace

import pytest

from taylornb.targets.cuda import occupancy
from taylornb.targets.cuda.occupancy import BLOCKS, THREADS, WAVES, blocks


class Kernel:
    """A kernel for which a GPU has room for so many blocks."""

    def __init__(self, room):
        self.room, self.asked = room, []

    def typeof_pyval(self, one):
        return type(one)

    def compile(self, types):
        self.asked.append(types)
        return SimpleNamespace(max_cooperative_grid_blocks=lambda threads: self.room * (threads == THREADS))


@pytest.fixture(autouse=True)
def _gpu(monkeypatch):
    device = SimpleNamespace(id=0)
    found = SimpleNamespace(simulated=False, cuda=SimpleNamespace(get_current_device=lambda: device))
    monkeypatch.setattr(occupancy, "available", lambda: found)


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
