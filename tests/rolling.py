"""What does a function give in the looped form, whatever form the library would choose?"""

import ctypes

import numpy as np

import taylornb as tn
from taylornb.loops import estimate, roll
from taylornb.series import write
from taylornb.targets.llvm import functions, looped
from taylornb.targets.llvm.machine import Loaded, host, object_code

LINE = 64


class Looped:
    """A function in the looped form for arguments like these.

    Args:
        function: Of series.
        arguments: Arrays of series.
        early: How many coefficients are written out before the loops, in one variable; None leaves it to the library.
        width: The bytes of the vectors.
    """

    def __init__(self, function, arguments, early=None, width=None):
        traced, operands = tn.fuse(function)._prepare(arguments, {})
        known = traced.known(operands)
        evaluator = traced.evaluator
        self.basis = evaluator.basis
        inputs = {node: (slot, known[node].spec) for slot, node in enumerate(known)}
        self.graph = (evaluator.graph, evaluator.outputs, inputs, self.basis)
        self.rolled = roll(*self.graph, early)
        self.planes = [known[node].planes for node in known]
        self.width = width or host().width
        self.follows = [self.planes[slot].ndim > 1 and self.planes[slot].shape[-1] > 1 for slot in self.rolled.inputs]
        self.text = looped.source(self.rolled, self.follows, self.width, functions.path())

    def coefficients(self, length):
        """The coefficients of every output, each (basis size, length)."""
        loaded = Loaded(object_code(self.text))
        run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 4)(loaded.address("kernel"))
        outputs = [np.zeros((len(out.support.rows), length), out.dtype) for out in self.rolled.outputs]
        inputs = [np.ascontiguousarray(self.planes[slot].reshape(len(self.planes[slot]), -1)) for slot in self.rolled.inputs]
        # What nothing writes must not be read: NaN would be seen.
        room = np.full(looped.scratch(self.rolled, self.follows, self.width) // 8 + LINE, np.nan)
        scratch = room.ctypes.data + -room.ctypes.data % LINE
        table = [number for array in (*inputs, *outputs) for number in (array.ctypes.data, array.strides[0], 0)]
        run(np.array([*table, scratch], dtype=np.int64).ctypes.data, 0, 1, 0, length)
        return [self._whole(out.support, rows) for out, rows in zip(self.rolled.outputs, outputs, strict=True)]

    def _whole(self, support, rows):
        found = np.zeros((self.basis.size, rows.shape[1]), rows.dtype)
        for monomial, row in support.rows:
            found[monomial] = rows[row]
        return found

    def unrolled(self):
        """The same as a list of all instructions."""
        return write(*self.graph)

    def estimate(self):
        """About how many these are."""
        return estimate(*self.graph)


def coefficients(function, *arguments, **options):
    """The coefficients of the one output, (basis size, length)."""
    length = max(int(np.prod(np.shape(argument))) for argument in arguments)
    (found,) = Looped(function, arguments, **options).coefficients(length)
    return found
