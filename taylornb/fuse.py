"""fuse: a Python function over arrays as one compiled kernel."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, update_wrapper
from types import MethodType
from typing import Any, overload

import numpy as np
from numpy.typing import DTypeLike

from . import gpu, scalar
from .array import TaylorArray, held
from .containers import Tree, flattened, rebuilt
from .detach import HELD, thawed
from .errors import TracingError, UnsupportedError
from .forms import Form, Target, check_form, check_target
from .graph import describe
from .kernels import text
from .operand import Operand, Planes, Spec
from .program import NO_COST, Cost
from .repeat import Kinds, Repeat, as_given, kinds
from .signature import NOTHING, Static, argument, key_of
from .surface import Truths
from .targets import source
from .targets.cuda.launching import Launcher
from .targets.llvm.machine import assembly
from .threads import lock
from .traced import Traced
from .written import wrote

KNOWN = 256  # signatures of a function that are remembered
MET, NEVER = "met", "never"  # of calls that can be repeated, and that cannot

_remembering = lock()
_tracing = lock()  # one for all: functions may call each other while they are traced, from any thread


class Fused:
    """A function that runs as one kernel, made by `fuse`."""

    _target_of: Fused | None = None  # what it is by `to_target`

    def __init__(self, function: Callable[..., Any], target: Target, form: Form | None = None) -> None:
        if not callable(function):
            raise TypeError(f"tn.fuse takes a function, not {type(function).__name__}")
        check_target(target)
        check_form(form, target)
        update_wrapper(self, function)
        self.function, self._way = function, (target, form)
        self._repeats: dict[Kinds | None, Repeat | str] = {}
        self._traced = lru_cache(maxsize=KNOWN)(self._trace)
        self._known = lru_cache(maxsize=KNOWN)(self._waited)  # without waiting for what another thread traces

    def __call__(self, *args: Tree, out: Tree = None, **static: Hashable) -> Any:
        """The result on arrays, series and numbers; keyword arguments are baked in.

        Args:
            *args: Series, arrays and numbers, in tuples, lists and dicts if you like.
            out: Where the results go: TaylorArrays, in the containers that the function returns, each of the shape,
                dtype and basis of its result (an earlier result is one). They are returned. Their memory is used
                again where it is large enough; it may overlap that of the arguments, as if these had been copied.
            **static: What is fixed while the function is traced.

        Raises:
            UnsupportedError: Where `out` holds something else than arrays.
            TracingError: Where the function needs to know a value while it is traced.
            BasisError: Where series over different bases meet.
            ValueError: Where shapes do not broadcast, or `out` has another shape, dtype or container than the result, is
                read-only or repeats elements in memory; nothing has been written then.
        """
        if HELD.get():
            return self._held(args, out, static)
        planes: list[Planes] = []
        key = kinds(args, planes)
        if key is None or static:
            key = key_of(args, static, planes)
        known = self._repeats.get(key)
        if type(known) is Repeat:
            if out is None:
                return known(planes)
            if known.into(out, planes):
                return out
        layout, leaves = flattened(args)
        for leaf in leaves:
            if isinstance(leaf, Truths):
                if out is not None:
                    raise TracingError("a fused function takes no out= inside another, where it has no results of its own")
                return self.function(*args, **static)
        traced, operands = self._found(layout, leaves, static)
        found = traced(operands, self._way, out)
        if key is not None and known is None:
            self._remember(key, MET)
        elif key is not None and known is MET:
            self._remember(key, self._repeat(key, planes, traced, operands) or NEVER)
        return found

    def _held(self, args: tuple[Tree, ...], out: Tree, static: dict[str, Hashable]) -> Any:
        """The call under `frozen`: ⊥ of the results is what they would be with ⊥ of everything inside."""
        with thawed():
            found = self(*args, out=out, **static)
        layout, leaves = flattened(found)
        if out is None:
            return rebuilt(layout, [held(leaf) for leaf in leaves])
        for leaf in leaves:
            if isinstance(leaf, TaylorArray):
                leaf.detach_(*(HELD.get()[0] or ()))
                wrote(leaf._found, "out=")
        return found

    def _repeat(self, key: Kinds, planes: list[Planes], traced: Traced, operands: list[Operand]) -> Repeat | None:
        """How to repeat a call, if it can be."""
        own = key[1] if len(key) == 3 and isinstance(key[2], Static) else key
        return traced.repeated(operands, self._way) if all(map(as_given, own, planes, operands)) else None

    def _remember(self, key: Kinds, found: Repeat | str) -> None:
        """What is known of such calls; of many others the oldest is forgotten."""
        with _remembering:
            while key not in self._repeats and len(self._repeats) >= KNOWN:
                del self._repeats[next(iter(self._repeats))]
            self._repeats[key] = found

    def source(self, *args: Tree, **static: Hashable) -> str:
        """The text of the kernels that a call with such arguments runs, every array taken in full."""
        if self.target == "cuda":
            programs = self._programs(args, static, self.form)
            return "\n".join(gpu.source(program, ("i",) * len(program.inputs)) for program in programs)
        programs = self._programs(args, static, form="unrolled")
        return "\n".join(source.source(program, ["p"] * len(program.inputs)) for program in programs)

    def inspect_llvm(self, *args: Tree, **static: Hashable) -> str:
        """The text in LLVM's language of the kernels that a call with such arguments compiles, every array taken in full."""
        return "\n".join(self._texts(args, static))

    def inspect_asm(self, *args: Tree, **static: Hashable) -> str:
        """The machine code of the kernels that a call with such arguments runs, as assembly language."""
        return "\n".join(assembly(text) for text in self._texts(args, static))

    def to_target(self, target: Target) -> Fused:
        """The same function on another target; keep it, since it traces and compiles for itself.

        Args:
            target: "cpu", "cuda" or "reference".

        Raises:
            ValueError: For another target.
        """
        if target == self.target:
            return self
        found = Fused(self.function, target)
        found._target_of = self
        return found

    @property
    def launch(self) -> Launcher:
        """Explicit launches on a GPU: `f.launch[grid, block, stream](x)`, any stream of CuPy's, PyTorch's or Numba's.

        Any grid does, since each thread takes elements until there are no more. Without it a block has 128 threads, and
        the stream is the current one of the arguments' library.

        Raises:
            UnsupportedError: On another target.
        """
        if self.target != "cuda":
            raise UnsupportedError(f'launch is for target="cuda", and this is target={self.target!r}; call f.to_target("cuda")')
        return Launcher(self)

    def _texts(self, args: tuple[Tree, ...], static: dict[str, Hashable]) -> list[str]:
        programs = self._programs(args, static, self.form if self.form == "looped" else None)
        return [text(program, (True,) * len(program.inputs)) for program in programs]

    def _programs(self, args: tuple[Tree, ...], static: dict[str, Hashable], form: Form | None) -> list[Any]:
        traced, operands = self._prepare(args, static)
        return traced.evaluator.programs(traced.known(operands), ("cuda" if self.target == "cuda" else "cpu", form))

    def device_function(
        self,
        order: int,
        *,
        variables: Sequence[str] | None = None,
        dtype: DTypeLike = np.float64,
        **static: Hashable,
    ) -> Any:
        """The function of scalars: it is called inside `@cuda.jit` kernels and `@njit` functions of your own.

        It takes a number for each argument and returns the coefficients c_0, c_1, … of the result in a tuple, in the order
        of the basis; of a function with several results a tuple of such tuples. Comparisons and what depends on no
        variable are plain numbers.

        Args:
            order: The highest degree of the coefficients.
            variables: The names of the arguments that are variables x + ε; None for all. The others are plain numbers.
            dtype: float64 or float32, of the arguments.
            **static: What is fixed while the function is traced.

        Raises:
            UnsupportedError: For another dtype, arguments without names, a function that moves or adds elements, takes
                arrays from outside, or returns lists or dicts.
            BasisError: For a negative or absurd order, or a variable that is no argument.

        Examples:
            >>> import taylornb as tn
            >>> cube = tn.fuse(lambda x: x**3).device_function(order=2)
            >>> cube(2.0)
            (8.0, 12.0, 6.0)
        """
        given = scalar.scalars(self.function, order, variables, dtype, tuple(static))
        layout, _ = flattened(given.names)
        traced = self._known(layout, given.specs, Static(static) if static else NOTHING)
        program = traced.evaluator.whole(tuple(zip(traced.inputs, given.specs, strict=True)))
        return scalar.compiled(program, given, traced.outputs, traced.layout, traced.fixed)

    def graph(self, *args: Tree, **static: Hashable) -> str:
        """The graph of the function, one node a line."""
        return describe(self._prepare(args, static)[0].outputs)

    def cost(self, *args: Tree, **static: Hashable) -> Cost:
        """What one element costs: multiply-adds, divisions, elementary functions, bytes."""
        return sum((program.cost for program in self._programs(args, static, self.form)), NO_COST)

    @property
    def target(self) -> Target:
        """Where it runs."""
        return self._way[0]

    @property
    def form(self) -> Form | None:
        """How it runs there; None where that is chosen by cost."""
        return self._way[1]

    @property
    def traces(self) -> int:
        """How often the function has been traced, once for each signature."""
        return self._traced.cache_info().misses

    def _prepare(self, args: tuple[Tree, ...], static: dict[str, Hashable]) -> tuple[Traced, list[Operand]]:
        return self._found(*flattened(args), static)

    def _found(self, layout: Tree, leaves: list[Any], static: dict[str, Hashable]) -> tuple[Traced, list[Operand]]:
        operands = [leaf._operand() if type(leaf) is TaylorArray else argument(leaf, i) for i, leaf in enumerate(leaves)]
        if self._way[0] != "cuda":
            gpu.refuse(operands, self._way[0])
        specs = tuple([one.spec for one in operands])
        return self._known(layout, specs, Static(static) if static else NOTHING), operands

    def _waited(self, layout: Tree, specs: tuple[Spec, ...], static: Static) -> Traced:
        with _tracing:
            return self._traced(layout, specs, static)

    def _trace(self, layout: Tree, specs: tuple[Spec, ...], static: Static) -> Traced:
        return Traced(self.function, layout, specs, static.values)

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> Fused:
        """A fused method, bound to its instance and kept there; a copy of the instance has another."""
        if instance is None:
            return self
        place = f"{self._name} (fused)"
        kept: Fused | None = vars(instance).get(place)
        if kept is None or getattr(kept.function, "__self__", None) is not instance:
            kept = vars(instance)[place] = Fused(MethodType(self.function, instance), self.target, self.form)
            kept._name = self._name
        return kept

    def __reduce__(self) -> str | tuple[Any, ...]:
        """By name, as functions and methods are pickled."""
        if self._target_of is not None:
            return Fused.to_target, (self._target_of, self.target)
        if isinstance(self.function, MethodType):
            return getattr, (self.function.__self__, self._name)
        return str(getattr(self, "__qualname__", ""))

    def __repr__(self) -> str:
        return f"<fused {getattr(self.function, '__qualname__', self.function)!s} for target={self.target!r}>"


@overload
def fuse(f: Callable[..., Any], *, target: Target = ..., form: Form | None = ...) -> Fused: ...
@overload
def fuse(f: None = None, *, target: Target = ..., form: Form | None = ...) -> Callable[[Callable[..., Any]], Fused]: ...
def fuse(
    f: Callable[..., Any] | None = None, *, target: Target = "cpu", form: Form | None = None
) -> Fused | Callable[[Callable[..., Any]], Fused]:
    """Make one kernel of a function of arrays; also as a decorator, with or without arguments.

    The function is traced once for each signature: the structure of its arguments, their bases, supports and
    dtypes, and the keyword arguments, which are baked in. Python loops unroll; globals and closures are read then.

    Args:
        f: A function of arrays (series or plain, or tuples, lists and dicts of them). It returns one result, or a
            tuple, list or dict of results.
        target: "cpu" compiles; "cuda" does so for NVIDIA GPUs; "reference" runs on NumPy, and on mpmath numbers.
        form: None chooses by cost; "unrolled" is machine code with every instruction once, "looped" machine code
            with loops over the coefficients, "numba" the text that `source` shows, compiled by Numba, and "reference"
            NumPy, one instruction after the other.

    Raises:
        ValueError: For an unknown target or form.

    Examples:
        >>> import taylornb as tn
        >>> @tn.fuse(target="reference")
        ... def f(x, *, power):
        ...     return tn.sin(x) ** power
        >>> f(tn.variable(0.0, order=4), power=2)
        ε² - 0.33333333ε⁴ + O(ε⁵)
    """
    return (lambda function: Fused(function, target, form)) if f is None else Fused(f, target, form)
