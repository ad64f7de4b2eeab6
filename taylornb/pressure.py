"""How many results of a program are in use at once, and which order of its instructions keeps them few?

On a GPU they lie in registers, and what there is no register for goes to memory. The order is made from the end: of all
instructions whose result nothing waits for any longer the next is one that adds the least to what is in use (Goodman and Hsu,
Code scheduling and register allocation in large basic blocks, 1988). Which of several is a matter of taste; each taste is best
for some programs, and the best of a program is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .program import Operand, Program, Ref

EASY = 384  # bytes in use up to which an order is left as it is: nothing is gained by fewer than 96 registers
GAIN = 0.7  # of the bytes, which another order must not exceed: little is lost in the order that compilers make of it
LARGEST = 6_000  # instructions; the time grows with their number and that of the results


def pressure(program: Program) -> int:
    """The most bytes that results need at once, a result of the program being stored as soon as it is there."""
    return Uses(program).pressure(range(len(program.instructions)))


def eased(program: Program) -> Program:
    """The program in an order with less in use at once; as it is where that is little, or no order is much better."""
    uses = Uses(program)
    now = uses.pressure(range(len(program.instructions)))
    if now <= EASY or len(program.instructions) > LARGEST:
        return program
    orders = [uses.backwards(taste) for taste in TASTES]
    least, order = min(((uses.pressure(order), order) for order in orders), key=lambda found: found[0])
    return reordered(program, order) if least <= GAIN * now else program


class Uses:
    """Which instruction uses the result of which.

    Attributes:
        args: For each instruction those whose results it uses, each once.
        sizes: The bytes of each result.
        users: How many instructions use each.
        depth: How many instructions stand behind each, one using the other.
    """

    def __init__(self, program: Program) -> None:
        found = [dict.fromkeys(arg.place for arg in ins.args if isinstance(arg, Ref)) for ins in program.instructions]
        self.args = [tuple(args) for args in found]
        self.sizes = [ins.dtype.itemsize for ins in program.instructions]
        self.users = [0] * len(found)
        self.depth: list[int] = []
        for args in self.args:
            self.depth.append(1 + max((self.depth[arg] for arg in args), default=0))
            for arg in args:
                self.users[arg] += 1

    def pressure(self, order: Sequence[int]) -> int:
        """The most bytes in use at once in an order."""
        waiting, used, most = list(self.users), 0, 0
        for place in order:
            used += self.sizes[place]
            most = max(most, used)
            done = [arg for arg in self.args[place] if waiting[arg] == 1]
            for arg in self.args[place]:
                waiting[arg] -= 1
            used -= sum(self.sizes[arg] for arg in done) + (0 if waiting[place] else self.sizes[place])
        return most

    def backwards(self, taste: Taste) -> list[int]:
        """An order, made from the end."""
        state = _State(list(self.users), {})
        ready = {place for place, users in enumerate(self.users) if not users}
        order: list[int] = []
        while ready:
            place = min(ready, key=lambda place: (self._added(place, state), taste(self, state, place), -place))
            ready.remove(place)
            order.append(place)
            state.since.pop(place, None)
            for arg in self.args[place]:
                state.since.setdefault(arg, len(order))
                state.waiting[arg] -= 1
                if not state.waiting[arg]:
                    ready.add(arg)
        return order[::-1]

    def _added(self, place: int, state: _State) -> int:
        """The bytes that an instruction adds to what is in use: its operands that nobody has asked for yet, less its result."""
        added = sum([self.sizes[arg] for arg in self.args[place] if arg not in state.since])
        return added - (self.sizes[place] if place in state.since else 0)


class _State:
    """While an order is made from the end: how many users of each result are still to come, and since when each is in use."""

    def __init__(self, waiting: list[int], since: dict[int, int]) -> None:
        self.waiting, self.since = waiting, since


Taste = Callable[[Uses, _State, int], int]
TASTES: tuple[Taste, ...] = (
    lambda uses, state, place: state.since.get(place, 0),  # what has been in use the longest
    lambda uses, state, place: -uses.users[place],  # what most use
    lambda uses, state, place: -uses.depth[place],  # what most stands behind
    lambda uses, state, place: sum([state.waiting[arg] for arg in uses.args[place]]),  # what soon lets others come
)


def reordered(program: Program, order: Sequence[int]) -> Program:
    """The program with its instructions in another order, in which each still uses only earlier ones."""
    new = {old: Ref(n) for n, old in enumerate(order)}

    def moved(operand: Operand) -> Operand:
        return new[operand.place] if isinstance(operand, Ref) else operand

    instructions = (program.instructions[place] for place in order)
    return Program(
        tuple(ins._replace(args=tuple(map(moved, ins.args))) for ins in instructions),
        tuple(store._replace(operand=moved(store.operand)) for store in program.stores),
        program.outputs,
    )
