"""What does this installation run on: which processor, which vector functions, how many threads, which cache?"""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib.metadata import version

import llvmlite
import numpy as np

from . import threads
from .buffers import pool
from .cache import CacheInfo, cache_info
from .targets.cuda.provider import described
from .targets.llvm import functions, machine
from .version import __version__


@dataclass(frozen=True)
class Info:
    """What taylornb runs on. Printed, it is a line for each.

    Attributes:
        taylornb, numpy, numba, llvmlite: Versions.
        processor: LLVM's name for it.
        vector_bits: The width of the vectors in compiled kernels.
        vector_math: Where elementary functions on vectors come from: "inline" is taylornb's own arithmetic, "libmvec"
            glibc's library where it has the function, "auto" the fastest for this processor, and "off" one call of the C
            library for each element. TAYLORNB_VECTOR_MATH sets it.
        functions: For each elementary function its way in float64: "tables" (in registers of AVX-512), "libmvec", "inline",
            "composed" of others, "scalar", or a processor's "instruction".
        threads: How many a kernel may use.
        cache: The state of the cache of compiled code.
        cuda: The package that compiles for GPUs, and the GPU.
        pool_bytes: The memory that results left and that is kept for others, and how much that may become.
    """

    taylornb: str
    numpy: str
    numba: str
    llvmlite: str
    processor: str
    vector_bits: int
    vector_math: str
    functions: dict[str, str]
    threads: int
    cache: CacheInfo
    cuda: str
    pool_bytes: tuple[int, int]

    def __str__(self) -> str:
        width = max(len(field.name) for field in fields(self))
        return "\n".join(f"{field.name:{width}}  {_text(getattr(self, field.name))}" for field in fields(self))


def info() -> Info:
    """What taylornb runs on here: versions, processor, vector functions, threads, cache, GPU.

    Examples:
        >>> import taylornb as tn
        >>> tn.info().vector_bits in (128, 256, 512)
        True
        >>> tn.info().functions["sqrt"]
        'instruction'
    """
    host, kept = machine.host(), pool()
    ways = functions.ways(np.dtype(np.float64), host.width // 8)
    return Info(
        taylornb=__version__,
        numpy=np.__version__,
        numba=version("numba"),
        llvmlite=llvmlite.__version__,
        processor=host.name,
        vector_bits=8 * host.width,
        vector_math=functions.path(),
        functions=ways,
        threads=threads.count(),
        cache=cache_info(),
        cuda=described(),
        pool_bytes=(kept.idle, kept.limit),
    )


def _text(value: object) -> str:
    if not isinstance(value, dict):
        return str(value)
    by_way: dict[str, list[str]] = {}
    for name, way in value.items():
        by_way.setdefault(way, []).append(name)
    return "; ".join(f"{way}: {', '.join(names)}" for way, names in by_way.items())
